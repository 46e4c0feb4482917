/* pg/toc.h - pg_dump, run up to the end of its table of contents. For this room only. */
#ifndef KG_PG_TOC_H
#define KG_PG_TOC_H

#include "pg/plan.h"
#include "pg/tools.h"

struct kg_toc_run {
    const struct kg_tool *tool;
    const struct kg_conninfo *conn;
    const char *database, *snapshot;
    bool utf8;                           /* the archive in UTF-8, whatever the database's encoding */
    bool keep;                           /* leave pg_dump stopped with its locks, instead of ending it */
    const struct kg_plan_opts *opts;
};

/* Reads the archive; pg_dump's session is named after the snapshot ("keepgres pg_dump SNAPSHOT"). With keep, *ret_pid is the
 * stopped pg_dump and *ret_pipe its output, or 0 and -1 when it had ended already, and its locks with it. A failure's last
 * lines go to opts->pg_dump_stderr. */
int kg_toc_read(const struct kg_toc_run *t, struct kg_archive **ret, pid_t *ret_pid, int *ret_pipe, struct kg_err *err)
    KG_MUST_CHECK;
/* Ends a pg_dump that was kept. */
void kg_toc_release(pid_t pid, int fd);

#endif
