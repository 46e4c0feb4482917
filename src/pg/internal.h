/* pg/internal.h - what the files of this room share. Nobody outside includes it.
 *
 * Every failure that PostgreSQL or one of its programs reports goes through classify.c: there, and nowhere else, a
 * SQLSTATE or a line of text becomes an error code with advice. */
#ifndef KG_PG_INTERNAL_H
#define KG_PG_INTERNAL_H

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"
#include "json/json.h"
#include "pg/session.h"
#include "pg/tools.h"

enum { KG_SAID_MAX = 64 << 10 };  /* how much of what a program said is kept */

struct kg_session {
    PGconn *conn;
    PGcancel *cancel;            /* made at once after connecting, so that any thread may use it */
    atomic_bool cancelled;
    int version;
    bool savepoint;              /* kg_plan_lock() has made its savepoint */
    size_t unsent;               /* bytes given to a COPY since the socket was last looked at */
    char notice[256];            /* the last warning of the running statement */
    char state[6];               /* SQLSTATE of its failure */
    struct kg_session_limits limits;
};

/* What a server or a program reported, taken apart. */
struct kg_pg_report {
    const char *sqlstate;        /* NULL or five characters */
    const char *text, *detail, *hint;
    const char *notice;
    bool connecting;             /* no session yet */
    bool lost;                   /* libpq says that the connection is gone */
    bool cancelled;              /* we asked the server to stop */
};
int kg_pg_fail(const struct kg_pg_report *r, struct kg_err *err);

/* The same from a result (may be NULL) and the connection's own state. Never clears the result. */
int kg_session_fail(struct kg_session *s, const PGresult *res, struct kg_err *err);

/* What PostgreSQL's programs print on stderr; code and advice when nothing in it is known: KG_E_DUMP_FAILED's. */
enum kg_code kg_pg_code_of_text(const char *text, enum kg_code otherwise, const char **ret_advice);

/* Appends to said, forgetting the oldest lines beyond KG_SAID_MAX. said needs a ceiling of 2 * KG_SAID_MAX. */
void kg_said_add(struct kg_buf *said, const void *data, size_t n);
/* The last line with text in it, printable, at most size - 1 bytes; returns out. */
const char *kg_said_last_line(const struct kg_buf *said, char *out, size_t size);
/* The last bytes that fit into ret's ceiling (and 64 KiB). ret NULL: nothing. */
void kg_said_copy(const struct kg_buf *said, struct kg_buf *ret);

/* Runs one statement and demands this kind of answer; *ret NULL: the result is not wanted. */
int kg_session_exec(struct kg_session *s, const char *sql, ExecStatusType want, PGresult **ret, struct kg_err *err)
    KG_MUST_CHECK;

int kg_session_set_encoding(struct kg_session *s, const char *encoding, struct kg_err *err) KG_MUST_CHECK;
/* The settings of kg_session_begin_dump(), by SET alone: no snapshot is taken. */
int kg_session_dump_settings(struct kg_session *s, struct kg_err *err) KG_MUST_CHECK;

/* One row as an object, a whole answer as an array of them; what is NULL is left out. A key may be a path. */
enum kg_column_kind { KG_COLUMN_TEXT, KG_COLUMN_NUMBER, KG_COLUMN_BOOL };
struct kg_column { const char *key; enum kg_column_kind kind; };
int kg_rows_to_json(struct kg_session *s, const char *sql, const struct kg_column *c, int n, struct kg_json **ret,
                    struct kg_err *err) KG_MUST_CHECK;

static inline void kg_pg_clearp(PGresult **res)
{
    if (*res)
        PQclear(*res);
}
#define KG_AUTO_RESULT KG_CLEANUP(kg_pg_clearp)

#endif
