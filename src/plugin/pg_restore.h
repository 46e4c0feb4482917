/* plugin/pg_restore.h - restoring schema objects with the stock pg_restore, from parts of a stored archive. */
#ifndef KG_PLUGIN_PG_RESTORE_H
#define KG_PLUGIN_PG_RESTORE_H

#include "pg/archive.h"
#include "pg/tools.h"
#include "plugin/events.h"

/* A pg_restore that reads the archive and suits the server: of the target's major, or the next that reads it. */
int kg_pg_restore_find(const struct kg_archive *a, const char *bin_dir, int server_version, struct kg_tool *ret,
                       struct kg_err *err) KG_MUST_CHECK;

struct kg_pg_restore_run {
    const struct kg_tool *tool;
    const struct kg_conninfo *conn;
    const char *database;
    const struct kg_archive *archive;
    const bool *keep;
    unsigned jobs;
    const struct kg_events *ev;          /* owners and grants that could not be set become warnings */
    struct kg_buf *tail;                 /* what pg_restore said, when it failed; may be NULL */
};
/* With several jobs, what failed because of a deadlock is run once more with one. */
int kg_pg_restore_run(const struct kg_pg_restore_run *r, struct kg_err *err) KG_MUST_CHECK;

/* The archive that pg_restore gets: header and table of contents, with what is kept. For several jobs it has, by their names
 * alone, the tables too that what is kept depends on: pg_restore -j does not run two things at a time that lock the same
 * table, and it knows a table by its entry. An entry without a definition it passes over. And a privilege in a schema waits for the
 * schema's own. */
void kg_pg_restore_cut(const struct kg_archive *a, const bool *keep, bool parallel, struct kg_buf *ret);

/* An entry that makes large objects: BLOB, BLOB METADATA. */
bool kg_pg_restore_is_blob(const struct kg_toc_entry *e);

#endif
