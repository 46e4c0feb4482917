/* pg/session_int.h - the inside of a session, for the files of this room. */
#ifndef KG_PG_SESSION_INT_H
#define KG_PG_SESSION_INT_H

#include <libpq-fe.h>
#include "pg/session.h"

struct kg_session {
    PGconn *conn;
    PGcancel *cancel;
    char notice[400];            /* the last one */
};

/* Reports what the server or libpq said; res NULL: the connection's own message. */
int kg_session_fail(struct kg_session *s, const PGresult *res, struct kg_err *err);
int kg_session_set_encoding(struct kg_session *s, const char *encoding, struct kg_err *err) KG_MUST_CHECK;
int kg_session_dump_settings(struct kg_session *s, struct kg_err *err) KG_MUST_CHECK;

#endif
