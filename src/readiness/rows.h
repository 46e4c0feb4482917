/* readiness/rows.h - many databases at once: kg_database_check() in threads, so that 50 databases of 5 servers take little
 * longer than one, and a server that never answers costs one time limit and holds nobody up.
 *
 *  - At most `parallel` rows at a time, and of one server one until it has answered, then `per_server`.
 *  - A row has timeout_ms from when it is begun. When a server could not be reached, its other rows are told the same
 *    without trying.
 *
 * Threads: kg_rows_check() is called by one; progress comes from that one, cancelled is asked by any. */
#ifndef KG_READINESS_ROWS_H
#define KG_READINESS_ROWS_H

#include "readiness/database.h"

struct kg_check_row {
    struct kg_conninfo conn;             /* the row's own, or empty when it has failed already */
    const char *database;
    bool has_store_free, has_points, chosen, role_passwords; /* as in database.h */
    uint64_t store_free;
    struct kg_checks checks;             /* one that failed already: the row is not asked */
    struct kg_json *facts;               /* NULL: the server did not let us in */
};
void kg_check_row_done(struct kg_check_row *r);

struct kg_rows_opts {
    const char *bin_dir;                 /* pg_dump's; NULL: search */
    unsigned parallel, per_server;       /* 0: 8 and 4 */
    uint64_t timeout_ms;                 /* 0: 20000 */
    void (*progress)(void *ctx, size_t done, size_t total);     /* may be NULL */
    bool (*cancelled)(void *ctx);        /* may be NULL */
    void *ctx;
};

/* Fails with KG_E_CANCELLED, or KG_E_IO when no thread can be started; what is wrong with a database stands in its row. */
int kg_rows_check(struct kg_check_row *row, size_t n, const struct kg_rows_opts *o, struct kg_err *err) KG_MUST_CHECK;

#endif
