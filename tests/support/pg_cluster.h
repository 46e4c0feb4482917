/* support/pg_cluster.h - a throwaway PostgreSQL for one test program: tests/support/pg_cluster.sh from C.
 *
 *     static struct pg_cluster *pg;
 *     static int start(void **state) { return (pg = pg_cluster_start(NULL, NULL)) ? 0 : -1; }
 *     static int stop(void **state)  { pg_cluster_stop(pg); return 0; }
 *
 * It lives in a folder of its own below $TMPDIR or /tmp, with a unix socket there and a free port of 127.0.0.1. Superuser
 * "postgres" logs in over the socket without a password; everybody else needs one. One that a test program forgot is
 * stopped when the program exits. Run test programs from the top of the tree. */
#ifndef TESTS_SUPPORT_PG_CLUSTER_H
#define TESTS_SUPPORT_PG_CLUSTER_H

#include "pg/conninfo.h"

struct pg_cluster {
    char dir[64];
    char bin[256];                   /* folder with postgres, psql, pg_dump */
    char host[128], port[16];
    struct kg_conninfo conn;         /* the superuser over the socket, database postgres */
};

/* bin_dir NULL: the newest server of this machine. settings: NULL-ended "name=value", may be NULL. NULL when it does not
 * start; why is on stderr. */
struct pg_cluster *pg_cluster_start(const char *bin_dir, const char *const *settings);
void pg_cluster_stop(struct pg_cluster *c);          /* NULL is allowed */
void pg_cluster_restart(struct pg_cluster *c);       /* ends all sessions at once, as after a crash */

/* psql with ON_ERROR_STOP: a file (when file is set) or a text. The exit code. */
int pg_cluster_file(struct pg_cluster *c, const char *database, const char *file);
int pg_cluster_sql(struct pg_cluster *c, const char *database, const char *sql);
/* A program of the cluster's folder, its output into ret_out (may be NULL). args[0] is its name. The exit code. */
struct kg_buf;
int pg_cluster_run(struct pg_cluster *c, const char *const *args, struct kg_buf *ret_out);
/* The same connection for another user over TCP with a password. Done by kg_conninfo_done(). */
struct kg_conninfo pg_cluster_login(const struct pg_cluster *c, const char *database, const char *user, const char *password);
/* A private copy of the server's programs that has the extension of tests/corpus; its bin folder, or NULL. */
const char *pg_cluster_corpus_bin(void);

#endif
