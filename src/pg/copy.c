/* pg/copy.c - COPY in both directions. */
#include "pg/session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fault.h"
#include "base/parse.h"
#include "pg/internal.h"

enum { PIECE = 32 << 10 };

/* Reads what is left of a command, so that the session is ready for the next one. */
static void drain(struct kg_session *s)
{
    PGresult *res;

    while ((res = PQgetResult(s->conn))) {
        ExecStatusType st = PQresultStatus(res);

        PQclear(res);
        if (st == PGRES_COPY_IN && PQputCopyEnd(s->conn, "stopped by keepgres") < 0)
            return;
        if (st == PGRES_COPY_OUT) {
            char *row;

            while (PQgetCopyData(s->conn, &row, 0) > 0)
                PQfreemem(row);
        }
        if (PQstatus(s->conn) == CONNECTION_BAD)
            return;
    }
}

/* Stops a COPY TO that nobody wants the rest of. */
static void give_up(struct kg_session *s)
{
    char why[256];
    char *row;

    (void)PQcancel(s->cancel, why, sizeof why);
    while (PQgetCopyData(s->conn, &row, 0) > 0)
        PQfreemem(row);
    drain(s);
}

/* Starts a COPY and checks that the server does, too. */
static int start(struct kg_session *s, const char *sql, ExecStatusType want, struct kg_err *err)
{
    KG_AUTO_RESULT PGresult *res = NULL;

    s->notice[0] = '\0';
    res = PQexec(s->conn, sql);
    if (PQresultStatus(res) == want)
        return 0;
    kg_session_fail(s, res, err);
    return -(int)err->code;
}

/* The end of a COPY: the server's last word on it, and nothing behind. */
static int finish(struct kg_session *s, uint64_t *ret_rows, struct kg_err *err)
{
    KG_AUTO_RESULT PGresult *res = PQgetResult(s->conn);
    struct kg_err none = { 0 };
    uint64_t rows = 0;
    int r = 0;

    if (PQresultStatus(res) != PGRES_COMMAND_OK)
        r = kg_session_fail(s, res, err);
    else if (kg_parse_u64(PQcmdTuples(res), &rows, &none) == 0 && ret_rows)
        *ret_rows = rows;
    drain(s);
    return r;
}

int kg_copy_out(struct kg_session *s, const char *sql, kg_row_visit visit, void *ctx, struct kg_err *err)
{
    PGconn *conn = s->conn;
    char *row;
    int n, eno;

    if (start(s, sql, PGRES_COPY_OUT, err) < 0)
        return -(int)err->code;
    if ((eno = KG_FAULT(PG_COPY_OUT))) {
        give_up(s);
        return kg_err_set(err, KG_E_DB_CLOSED, "read rows: %s", strerror(eno));
    }
    while ((n = PQgetCopyData(conn, &row, 0)) > 0) {
        int r = visit(ctx, row, (size_t)n, err);

        PQfreemem(row);
        if (r < 0) {
            give_up(s);
            return r;
        }
    }
    if (n == -2) {
        kg_session_fail(s, NULL, err);
        drain(s);
        return -(int)err->code;
    }
    return finish(s, NULL, err);
}

int kg_copy_in_begin(struct kg_session *s, const char *sql, struct kg_err *err)
{
    s->unsent = 0;
    return start(s, sql, PGRES_COPY_IN, err);
}

/* The server's error in the middle of our sending. libpq looks at it only at the end, when all rows have gone over the wire
 * for nothing; so the head of the message ('E', length, 'S') is looked for in the socket before every piece. libpq itself
 * reads only when it cannot send: a piece is sent when there is room for it, which leaves the error to us. Behind TLS none of
 * this can be seen: then the error comes at the end. False: the COPY has failed. */
static bool wait_for_room(struct kg_session *s)
{
    struct pollfd p = { .fd = PQsocket(s->conn), .events = POLLIN | POLLOUT };
    unsigned char head[6];
    ssize_t n;

    for (;;) {
        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            return true; /* sending will tell */
        if (p.revents & POLLIN) {
            n = recv(p.fd, head, sizeof head, MSG_PEEK | MSG_DONTWAIT);
            if (n == 0 || (n == (ssize_t)sizeof head && head[0] == 'E' && head[1] == 0 && head[5] == 'S'))
                return false;
            if (!PQconsumeInput(s->conn)) /* a notice, or the beginning of something */
                return false;
        }
        if (p.revents & (POLLOUT | POLLERR | POLLHUP))
            return true;
    }
}

void kg_copy_in_abort(struct kg_session *s)
{
    if (PQstatus(s->conn) == CONNECTION_OK && PQtransactionStatus(s->conn) == PQTRANS_ACTIVE &&
        PQputCopyEnd(s->conn, "stopped by keepgres") >= 0)
        drain(s);
}

/* keeps: after a failure the session is out of COPY */
static int fail_in(struct kg_session *s, struct kg_err *err)
{
    if (PQputCopyEnd(s->conn, "stopped by keepgres") < 0) {
        kg_session_fail(s, NULL, err);
        drain(s);
        return -(int)err->code;
    }
    if (finish(s, NULL, err) < 0)
        return -(int)err->code;
    return kg_err_set(err, KG_E_DB_ERROR, "the server ended the COPY early");
}

int kg_copy_in_add(struct kg_session *s, const void *data, size_t n, struct kg_err *err)
{
    const char *p = data;
    int eno;

    if ((eno = KG_FAULT(PG_COPY_IN))) {
        kg_copy_in_abort(s);
        return kg_err_set(err, KG_E_DB_CLOSED, "send rows: %s", strerror(eno));
    }
    while (n) {
        size_t k = n < PIECE ? n : PIECE;

        s->unsent += k;
        if (s->unsent >= PIECE && !PQsslInUse(s->conn)) { /* libpq collects small ones */
            s->unsent = 0;
            if (!wait_for_room(s))
                return fail_in(s, err);
        }
        if (PQputCopyData(s->conn, p, (int)k) != 1)
            return fail_in(s, err);
        p += k;
        n -= k;
    }
    return 0;
}

int kg_copy_in_end(struct kg_session *s, uint64_t *ret_rows, struct kg_err *err)
{
    if (PQputCopyEnd(s->conn, NULL) != 1)
        return fail_in(s, err);
    return finish(s, ret_rows, err);
}
