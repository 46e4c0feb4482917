/* pg/session.h - one connection to a PostgreSQL server. The only files that know libpq are in this room.
 *
 * Every session: connect_timeout, application_name "keepgres <purpose>", search_path emptied, notices kept away from
 * stderr (the last ones are kept for error messages), TCP keepalives.
 *
 * A proxy that lends server sessions by transaction or statement is KG_E_DB_POOLER, found before any setting is made there.
 *
 * Errors are told apart by SQLSTATE and by libpq's state: KG_E_DB_CONNECT, KG_E_DB_AUTH, KG_E_DB_NOT_FOUND,
 * KG_E_DB_PRIVILEGE (42501), KG_E_DB_CLOSED (connection lost), KG_E_DB_LOCKED (55P03), KG_E_DB_LIMIT (53xxx),
 * KG_E_DB_NAME_TAKEN (42P04), KG_E_DB_STANDBY (recovery conflict), KG_E_CANCELLED (57014 after kg_session_cancel),
 * otherwise KG_E_DB_ERROR; the server's message, detail and hint are in the text, the advice says what to do about it.
 *
 * Ownership: kg_session_open() gives, kg_session_close() takes. Threads: one session, one thread, except
 * kg_session_cancel(), which any thread may call while the session is open. */
#ifndef KG_PG_SESSION_H
#define KG_PG_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/time.h"
#include "keepgres/err.h"
#include "pg/conninfo.h"

struct kg_session;
struct kg_rows;

/* database NULL: the conninfo's own. */
int kg_session_open(const struct kg_conninfo *c, const char *database, const char *purpose, struct kg_session **ret,
                    struct kg_err *err) KG_MUST_CHECK;
/* The same when somebody waits: everything with this session, connecting included, ends by deadline (kg_now_mono()'s) with
 * KG_E_TIMEOUT, or soon after cancelled() said so with KG_E_CANCELLED; then it is of use to kg_session_close() alone. Looking
 * up a host's name has its own, rougher limit. For statements, not for COPY. */
struct kg_session_limits {
    kg_usec deadline;                                             /* 0: none */
    bool (*cancelled)(void *ctx); void *ctx;                      /* may be NULL */
};
int kg_session_open_within(const struct kg_conninfo *c, const char *database, const char *purpose,
                           const struct kg_session_limits *limits, struct kg_session **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_session_close(struct kg_session *s);
KG_DEFINE_CLEANUP(struct kg_session, kg_session_close)
int kg_session_version(const struct kg_session *s);               /* server_version_num: 150020 */
bool kg_session_is_local(const struct kg_session *s);             /* the server is on this machine, as far as one can tell */
const char *kg_session_parameter(const struct kg_session *s, const char *name); /* PQparameterStatus; "" when unknown */
void kg_session_cancel(struct kg_session *s);
const char *kg_session_state(const struct kg_session *s);        /* SQLSTATE of the last statement's failure; "" when it has none */
void *kg_session_raw(struct kg_session *s);                       /* the PGconn; for the files of this room only */

/* Runs commands that return nothing of interest. */
int kg_session_run(struct kg_session *s, const char *sql, struct kg_err *err) KG_MUST_CHECK;
int kg_session_runf(struct kg_session *s, struct kg_err *err, const char *fmt, ...) KG_MUST_CHECK KG_PRINTF(3, 4);
/* Runs one query; params are text ($1…), n_params may be 0. */
int kg_session_query(struct kg_session *s, const char *sql, int n_params, const char *const *params,
                     struct kg_rows **ret, struct kg_err *err) KG_MUST_CHECK;
int kg_rows_count(const struct kg_rows *r);
const char *kg_rows_get(const struct kg_rows *r, int row, int col);  /* NULL for SQL NULL; borrowed from r */
int64_t kg_rows_int(const struct kg_rows *r, int row, int col);      /* 0 for NULL */
void kg_rows_free(struct kg_rows *r);
KG_DEFINE_CLEANUP(struct kg_rows, kg_rows_free)

char *kg_quote_ident(const char *name);                           /* always quoted; caller frees */
char *kg_quote_literal(const char *text);                         /* '…' or E'…'; caller frees */

/* Settings that a session needs so that COPY text is the same in every run (pg_dump's, and TimeZone UTC), then the
 * import of a snapshot in a read-only repeatable-read transaction. A snapshot that the server does not know is
 * KG_E_DB_POOLER. encoding: the archive's ENCODING entry. snapshot NULL: nothing is imported and the transaction has no
 * snapshot yet, so that the caller may lock tables first. */
int kg_session_begin_dump(struct kg_session *s, const char *encoding, const char *snapshot, struct kg_err *err) KG_MUST_CHECK;
/* For a session that waits while others work, and then changes something: no time limit of any kind ends it. */
int kg_session_lasting(struct kg_session *s, struct kg_err *err) KG_MUST_CHECK;
/* The counterpart for loading. */
int kg_session_begin_load(struct kg_session *s, const char *encoding, struct kg_err *err) KG_MUST_CHECK;

/* COPY … TO STDOUT: visit gets every row with its newline. */
typedef int (*kg_row_visit)(void *ctx, const char *row, size_t n, struct kg_err *err);
int kg_copy_out(struct kg_session *s, const char *sql, kg_row_visit visit, void *ctx, struct kg_err *err) KG_MUST_CHECK;

/* COPY … FROM STDIN. After a failure the transaction is aborted and the session usable after ROLLBACK. */
int kg_copy_in_begin(struct kg_session *s, const char *sql, struct kg_err *err) KG_MUST_CHECK;
int kg_copy_in_add(struct kg_session *s, const void *data, size_t n, struct kg_err *err) KG_MUST_CHECK;
int kg_copy_in_end(struct kg_session *s, uint64_t *ret_rows, struct kg_err *err) KG_MUST_CHECK;
/* Ends a COPY FROM that the caller cannot feed any longer; the server discards its rows. The session is usable after
 * ROLLBACK. Does nothing when no COPY is running. */
void kg_copy_in_abort(struct kg_session *s);

#endif
