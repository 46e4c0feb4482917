/* plugin/pg_restore.h - restoring schema objects with the stock pg_restore, from parts of a stored archive. */
#ifndef KG_PLUGIN_PG_RESTORE_H
#define KG_PLUGIN_PG_RESTORE_H

#include "pg/archive.h"
#include "pg/session.h"
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
    const struct kg_events *ev;          /* missing roles and the like become warnings here */
    struct kg_buf *tail;                 /* what pg_restore said, when it failed; may be NULL */
};
int kg_pg_restore_run(const struct kg_pg_restore_run *r, struct kg_err *err) KG_MUST_CHECK;

/* An entry that makes large objects: BLOB, BLOB METADATA. */
bool kg_pg_restore_is_blob(const struct kg_toc_entry *e);

/* Creates the archive's large objects, empty, with their owners, in bulk, inside the caller's transaction. */
int kg_pg_restore_make_blobs(struct kg_session *s, const struct kg_archive *a, const bool *keep, const struct kg_events *ev,
                             struct kg_err *err) KG_MUST_CHECK;

#endif
