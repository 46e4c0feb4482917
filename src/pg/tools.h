/* pg/tools.h - PostgreSQL's own programs: finding the right one and running it with a password nobody can see.
 *
 * The password goes through an anonymous memory file (memfd, mode 0600) that the child sees as descriptor 3 and libpq as
 * PGPASSFILE=/proc/self/fd/3: not in argv, not in the environment, not on a disk. The environment is built from nothing:
 * PATH, HOME, LC_MESSAGES=C, PG*. */
#ifndef KG_PG_TOOLS_H
#define KG_PG_TOOLS_H

#include <sys/types.h>
#include "base/buf.h"
#include "pg/conninfo.h"

struct kg_tool {
    char path[256];
    int version_num;                     /* 150020 */
    char version[40];                    /* "15.20" */
    char session[40];                    /* appended to the application_name of its sessions, so that one run's can be found; or "" */
};

/* The program ("pg_dump", "pg_restore") of major version at_least or the lowest one above it; looks in
 * bin_dir (when given), /usr/lib/postgresql/N/bin, PATH. KG_E_NO_PROGRAM, or KG_E_DB_VERSION when all are too old, or
 * KG_E_TIMEOUT naming one that does not answer --version within five seconds, when no other will do. */
int kg_tool_find(const char *program, const char *bin_dir, int at_least, struct kg_tool *ret, struct kg_err *err) KG_MUST_CHECK;

/* Starts a program with "-d <conninfo without password>" appended. argv[0] is replaced by the tool's path. */
int kg_tool_start(const struct kg_tool *t, const struct kg_conninfo *c, const char *database, const char *const *argv,
                  int fd_in, int fd_out, int fd_err, pid_t *ret_pid, struct kg_err *err) KG_MUST_CHECK;

/* Runs a program to its end, feeding input on its stdin (NULL: none) and collecting stdout (NULL: discarded) and the last 64 KiB of
 * stderr. Exit code other than 0 is an error of the given code with the last line of stderr in the message.
 * cancelled is looked at twice a second: true ends the program with KG_E_CANCELLED. */
struct kg_tool_run {
    const struct kg_tool *tool;
    const struct kg_conninfo *conn;
    const char *database;
    const char *const *argv;
    const void *input; size_t input_n;
    int (*feed)(void *ctx, int fd, struct kg_err *err);     /* instead of input: writes stdin itself, in a thread of the run */
    void *feed_ctx;
    struct kg_buf *out;
    struct kg_buf *err_tail;                                /* may be NULL */
    enum kg_code fail_code;
    bool (*cancelled)(void *ctx); void *cancel_ctx;
};
int kg_tool_run(const struct kg_tool_run *r, struct kg_err *err) KG_MUST_CHECK;

#endif
