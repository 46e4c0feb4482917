/* pg/session.c - connecting, statements, settings. COPY is in copy.c.
 *
 * Why not PQconnectdb(): when a login fails it leaves a text in the server's language. Connecting step by step lets us
 * ask for verbose messages before the server says anything, and those carry the SQLSTATE. */
#include "pg/session.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/parse.h"
#include "base/text.h"
#include "base/time.h"
#include "pg/internal.h"

#define CONNECT_TIMEOUT (20 * KG_SECOND)
#define LOOK_EVERY (KG_SECOND / 5)       /* for a cancel */

struct kg_rows { PGresult *res; };

/* ---- connecting ---- */

static void take_notice(void *ctx, const PGresult *res)
{
    struct kg_session *s = ctx;
    const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

    if (text && severity && strcmp(severity, "WARNING") == 0)
        kg_text_copy(s->notice, sizeof s->notice, text);
}

static bool is_cancelled(const struct kg_session_limits *l) { return l->cancelled && l->cancelled(l->ctx); }

/* Waits for the socket: 1 when there is something, 0 when the deadline passed or somebody cancelled, -1 when poll() failed. */
static int wait_for(PGconn *conn, short events, kg_usec deadline, const struct kg_session_limits *l)
{
    for (;;) {
        struct pollfd p = { .fd = PQsocket(conn), .events = events };
        kg_usec left = deadline - kg_now_mono();

        if (left <= 0 || is_cancelled(l))
            return 0;
        if (l->cancelled && left > LOOK_EVERY)
            left = LOOK_EVERY;
        if (poll(&p, 1, (int)(left / 1000) + 1) < 0 && errno != EINTR)
            return -1;
        if (p.revents)
            return 1;
    }
}

/* Waits for PQconnectPoll(); the state of the connection tells how it ended. */
static bool finish_connecting(PGconn *conn, const struct kg_session_limits *l)
{
    kg_usec deadline = l->deadline ? l->deadline : kg_now_mono() + CONNECT_TIMEOUT;
    PostgresPollingStatusType step = PGRES_POLLING_WRITING;

    while (step != PGRES_POLLING_OK && step != PGRES_POLLING_FAILED) {
        if (wait_for(conn, step == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline, l) <= 0)
            return false;
        step = PQconnectPoll(conn);
    }
    return true;
}

/* In a verbose message the first "FATAL:  28P01: text" (any language's word for FATAL) up to the end of its line. */
static bool find_sqlstate(const char *msg, char *ret_state, char *ret_text, size_t size)
{
    for (const char *p = msg; (p = strstr(p, ":  ")); p += 3) {
        const char *state = p + 3;
        size_t n = strspn(state, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");

        if (n != 5 || strncmp(state + 5, ": ", 2) != 0)
            continue;
        memcpy(ret_state, state, 5);
        ret_state[5] = '\0';
        KG_AUTO_FREE char *line = kg_xstrndup(state + 7, strcspn(state + 7, "\n"));
        kg_text_copy(ret_text, size, line);
        return true;
    }
    return false;
}

static const char *or_default(const char *s, const char *otherwise) { return s && *s ? s : otherwise; }

static int fail_connecting(struct kg_session *s, const struct kg_conninfo *c, const char *database, bool timed_out,
                           struct kg_err *err)
{
    PGconn *conn = s->conn;
    const char *host = or_default(PQhost(conn), or_default(c->host, "the default host"));
    char state[6], text[400];
    struct kg_pg_report r = { .connecting = true, .text = PQerrorMessage(conn) };

    if (find_sqlstate(r.text, state, text, sizeof text)) {
        r.sqlstate = state;
        r.text = text;
    } else if (timed_out) {
        r.text = s->limits.deadline ? "no answer in time" : "no answer within 20 seconds";
    }
    if (timed_out && is_cancelled(&s->limits))
        kg_err_set(err, KG_E_CANCELLED, "it was cancelled");
    else
        kg_pg_fail(&r, err);
    return kg_err_wrap(err, "connect to database '%s' at '%s' port %s as user '%s'", or_default(database, "(default)"),
                       host, or_default(PQport(conn), "5432"), or_default(PQuser(conn), or_default(c->user, "(default)")));
}

/* The password is open only while libpq copies it. */
static PGconn *start_connecting(const struct kg_conninfo *c, const char *database, const char *app)
{
    const char *const keys[] = { "host", "port", "dbname", "user", "password", "sslmode", "sslrootcert", "application_name",
                                 "client_encoding", "keepalives_idle", "keepalives_interval", "keepalives_count", NULL };
    const char *values[KG_ARRAY_LEN(keys)] = { c->host, c->port, database, c->user, NULL, c->sslmode, c->sslrootcert, app,
                                               "UTF8", "30", "10", "6", NULL };
    PGconn *conn;

    if (c->password)
        values[4] = (const char *)kg_secret_open(c->password);
    conn = PQconnectStartParams(keys, values, 0);
    if (c->password)
        kg_secret_shut(c->password);
    return conn;
}

/* Connects and waits; the caller closes s in any case. */
static int connect_to(struct kg_session *s, const struct kg_conninfo *c, const char *database, const char *purpose,
                      struct kg_err *err)
{
    KG_AUTO_FREE char *app = kg_xprintf("keepgres %s", purpose);
    bool in_time;
    int eno;

    if ((eno = KG_FAULT(PG_CONNECT)))
        return kg_err_set(err, KG_E_DB_CONNECT, "connect to database '%s': %s", or_default(database, "(default)"),
                          strerror(eno));
    s->conn = start_connecting(c, database, app);
    if (!s->conn)
        return kg_err_set(err, KG_E_MEMORY, "no memory for a connection");
    PQsetErrorVerbosity(s->conn, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(s->conn, take_notice, s);
    in_time = PQstatus(s->conn) == CONNECTION_BAD || finish_connecting(s->conn, &s->limits);
    if (PQstatus(s->conn) != CONNECTION_OK)
        return fail_connecting(s, c, database, !in_time, err);
    PQsetErrorVerbosity(s->conn, PQERRORS_DEFAULT);
    if (PQsetnonblocking(s->conn, 0) < 0 || !(s->cancel = PQgetCancel(s->conn)))
        return kg_err_set(err, KG_E_MEMORY, "no memory for a connection");
    s->version = PQserverVersion(s->conn);
    return 0;
}

/* ---- poolers ---- */

static int server_process(struct kg_session *s, const char *sql, long *ret, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;

    if (kg_session_query(s, sql, 0, NULL, &rows, err) < 0)
        return -(int)err->code;
    *ret = (long)kg_rows_int(rows, 0, 0);
    return 0;
}

/* Two sessions behind a proxy: does the second one, in a transaction, get the server process that the first one just had, or
 * the first one then another? A proxy that gives each client a process of its own passes. */
static int check_shared(struct kg_session *s, const struct kg_conninfo *c, const char *database, bool *ret_shared,
                        struct kg_err *err)
{
    static const char pid[] = "SELECT pg_catalog.pg_backend_pid()";
    KG_CLEANUP(kg_session_closep) struct kg_session *second = kg_xalloc(sizeof *second);
    long first = 0, other = 0, again = 0;
    struct kg_err refused = { 0 };

    second->limits = s->limits;
    if (connect_to(second, c, database, "probe", err) < 0 || server_process(s, pid, &first, err) < 0)
        return -(int)err->code;
    if (kg_session_run(second, "BEGIN", &refused) < 0) { /* a pooler of statements ends the session here */
        *ret_shared = true;
        return 0;
    }
    if (server_process(second, pid, &other, err) < 0 || server_process(s, pid, &again, err) < 0)
        return -(int)err->code;
    *ret_shared = other == first || again != first;
    return 0;
}

/* The first statement of a session, and no setting before it is known whose the server process is: behind a pooler of
 * transactions, a setting of ours would stay with it and meet the next client's statements. A proxy is known by its telling us
 * another process id than the server does. */
static int take_possession(struct kg_session *s, const struct kg_conninfo *c, const char *database, struct kg_err *err)
{
    /* The limits, too: a database may have some that are meant for its application. */
    static const char settings[] = "SELECT pg_catalog.set_config('search_path', '', false),"
                                   " pg_catalog.set_config('statement_timeout', '0', false),"
                                   " pg_catalog.set_config('lock_timeout', '0', false),"
                                   " pg_catalog.set_config('idle_in_transaction_session_timeout', '0', false)";
    KG_AUTO_FREE char *if_direct = kg_xprintf("%s WHERE pg_catalog.pg_backend_pid() = %d", settings, PQbackendPID(s->conn));
    KG_AUTO_RESULT PGresult *res = NULL;
    bool shared = false;

    if (kg_session_exec(s, if_direct, PGRES_TUPLES_OK, &res, err) < 0)
        return kg_err_wrap(err, "prepare the session");
    if (PQntuples(res) == 1)
        return 0;
    if (check_shared(s, c, database, &shared, err) < 0)
        return kg_err_wrap(err, "look for a connection pooler");
    if (shared)
        return kg_err_set(err, KG_E_DB_POOLER, "there is a connection pooler before the server, which lends its sessions by transaction");
    return kg_session_exec(s, settings, PGRES_TUPLES_OK, NULL, err);
}

int kg_session_open_within(const struct kg_conninfo *c, const char *database, const char *purpose,
                           const struct kg_session_limits *limits, struct kg_session **ret, struct kg_err *err)
{
    KG_CLEANUP(kg_session_closep) struct kg_session *s = kg_xalloc(sizeof *s);

    s->limits = *limits;
    if (!database)
        database = c->database;
    if (connect_to(s, c, database, purpose, err) < 0 || take_possession(s, c, database, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(s);
    return 0;
}

int kg_session_open(const struct kg_conninfo *c, const char *database, const char *purpose, struct kg_session **ret,
                    struct kg_err *err)
{
    return kg_session_open_within(c, database, purpose, &(struct kg_session_limits){ 0 }, ret, err);
}

void kg_session_close(struct kg_session *s)
{
    if (!s)
        return;
    if (s->cancel)
        PQfreeCancel(s->cancel);
    PQfinish(s->conn);
    free(s);
}

int kg_session_version(const struct kg_session *s) { return s->version; }

bool kg_session_is_local(const struct kg_session *s)
{
    const char *host = or_default(PQhost(s->conn), ""), *address = or_default(PQhostaddr(s->conn), "");

    return *host == '/' || *host == '@' || strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}
void *kg_session_raw(struct kg_session *s) { return s->conn; }
const char *kg_session_state(const struct kg_session *s) { return s->state; }

const char *kg_session_parameter(const struct kg_session *s, const char *name)
{
    const char *v = PQparameterStatus(s->conn, name);

    return v ? v : "";
}

void kg_session_cancel(struct kg_session *s)
{
    char why[256];

    atomic_store(&s->cancelled, true);
    (void)PQcancel(s->cancel, why, sizeof why); /* a failure means that there is nothing left to stop */
}

/* ---- statements ---- */

/* PQexec() for a session with limits: the last result, or NULL. */
static PGresult *exec_within(struct kg_session *s, const char *sql, int n_params, const char *const *params, bool *ret_late)
{
    kg_usec deadline = s->limits.deadline ? s->limits.deadline : INT64_MAX;
    PGresult *last = NULL;

    if (!(n_params ? PQsendQueryParams(s->conn, sql, n_params, NULL, params, NULL, NULL, 0) : PQsendQuery(s->conn, sql)))
        return NULL;
    for (;;) {
        PGresult *res;

        while (PQisBusy(s->conn)) {
            if (wait_for(s->conn, POLLIN, deadline, &s->limits) <= 0) {
                *ret_late = true;
                PQclear(last);
                return NULL;
            }
            if (!PQconsumeInput(s->conn))
                break; /* the next PQgetResult() tells */
        }
        if (!(res = PQgetResult(s->conn)))
            return last;
        PQclear(last);
        last = res;
        if (PQstatus(s->conn) == CONNECTION_BAD || PQresultStatus(res) == PGRES_COPY_OUT || PQresultStatus(res) == PGRES_COPY_IN)
            return last;
    }
}

static int ask(struct kg_session *s, const char *sql, int n_params, const char *const *params, PGresult **ret, struct kg_err *err)
{
    bool late = false;

    if (!s->limits.deadline && !s->limits.cancelled)
        *ret = n_params ? PQexecParams(s->conn, sql, n_params, NULL, params, NULL, NULL, 0) : PQexec(s->conn, sql);
    else
        *ret = exec_within(s, sql, n_params, params, &late);
    if (late && is_cancelled(&s->limits))
        return kg_err_set(err, KG_E_CANCELLED, "it was cancelled while the server worked on a statement");
    if (late)
        return kg_err_set(err, KG_E_TIMEOUT, "the server did not answer a statement in time");
    return 0;
}

int kg_session_exec(struct kg_session *s, const char *sql, ExecStatusType want, PGresult **ret, struct kg_err *err)
{
    KG_AUTO_RESULT PGresult *res = NULL;
    ExecStatusType got;
    int eno;

    s->notice[0] = s->state[0] = '\0';
    if ((eno = KG_FAULT(PG_EXEC)))
        return kg_err_set(err, KG_E_DB_CLOSED, "run a statement: %s", strerror(eno));
    if (ask(s, sql, 0, NULL, &res, err) < 0)
        return -(int)err->code;
    got = PQresultStatus(res);
    if (got != want && !(want == PGRES_COMMAND_OK && (got == PGRES_TUPLES_OK || got == PGRES_EMPTY_QUERY)))
        return kg_session_fail(s, res, err);
    if (ret)
        *ret = KG_TAKE(res);
    return 0;
}

int kg_session_run(struct kg_session *s, const char *sql, struct kg_err *err)
{
    return kg_session_exec(s, sql, PGRES_COMMAND_OK, NULL, err);
}

int kg_session_runf(struct kg_session *s, struct kg_err *err, const char *fmt, ...)
{
    KG_AUTO_FREE char *sql = NULL;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&sql, fmt, ap);
    va_end(ap);
    if (n < 0)
        return kg_err_set(err, KG_E_MEMORY, "no memory for a statement");
    return kg_session_run(s, sql, err);
}

int kg_session_query(struct kg_session *s, const char *sql, int n_params, const char *const *params,
                     struct kg_rows **ret, struct kg_err *err)
{
    KG_AUTO_RESULT PGresult *res = NULL;
    int eno;

    s->notice[0] = s->state[0] = '\0';
    if ((eno = KG_FAULT(PG_EXEC)))
        return kg_err_set(err, KG_E_DB_CLOSED, "run a query: %s", strerror(eno));
    if (ask(s, sql, n_params, params, &res, err) < 0)
        return -(int)err->code;
    if (PQresultStatus(res) != PGRES_TUPLES_OK)
        return kg_session_fail(s, res, err);
    *ret = kg_xalloc(sizeof **ret);
    (*ret)->res = KG_TAKE(res);
    return 0;
}

int kg_rows_count(const struct kg_rows *r) { return PQntuples(r->res); }

const char *kg_rows_get(const struct kg_rows *r, int row, int col)
{
    return PQgetisnull(r->res, row, col) ? NULL : PQgetvalue(r->res, row, col);
}

int64_t kg_rows_int(const struct kg_rows *r, int row, int col)
{
    const char *s = kg_rows_get(r, row, col);
    struct kg_err none = { 0 };
    uint64_t v = 0;

    if (!s || kg_parse_range(*s == '-' ? s + 1 : s, 0, INT64_MAX, &v, &none) < 0)
        return 0;
    return *s == '-' ? -(int64_t)v : (int64_t)v;
}

void kg_rows_free(struct kg_rows *r)
{
    if (!r)
        return;
    PQclear(r->res);
    free(r);
}

/* ---- quoting ---- */

static void add_doubled(struct kg_buf *b, const char *s, char quote, char also)
{
    for (; *s; s++) {
        if (*s == quote || (also && *s == also))
            kg_buf_add(b, s, 1);
        kg_buf_add(b, s, 1);
    }
}

char *kg_quote_ident(const char *name)
{
    struct kg_buf b = KG_BUF_INIT((size_t)1 << 30);

    kg_buf_adds(&b, "\"");
    add_doubled(&b, name, '"', 0);
    kg_buf_adds(&b, "\"");
    return kg_buf_take(&b);
}

char *kg_quote_literal(const char *text)
{
    struct kg_buf b = KG_BUF_INIT((size_t)1 << 30);

    kg_buf_adds(&b, strchr(text, '\\') ? " E'" : "'"); /* the blank keeps E from joining a word before it */
    add_doubled(&b, text, '\'', '\\');
    kg_buf_adds(&b, "'");
    return kg_buf_take(&b);
}

/* ---- settings ---- */

/* What both directions need for the same text: pg_dump's settings, and a fixed time zone, so that timestamptz reads
 * +00 wherever the server stands. */
static const char common_settings[] =
    "SET datestyle = ISO; SET intervalstyle = postgres; SET timezone = 'UTC'; SET extra_float_digits = 3;"
    "SET bytea_output = hex; SET synchronize_seqscans = off; SET standard_conforming_strings = on; SET xmloption = content;"
    "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET row_security = off;"
    "SET quote_all_identifiers = off;";
static const char load_settings[] =
    "SET check_function_bodies = false; SET client_min_messages = warning; SET synchronous_commit = off;"
    "SET default_transaction_read_only = off;";

static void add_version_settings(const struct kg_session *s, struct kg_buf *b)
{
    if (s->version >= 140000)
        kg_buf_adds(b, "SET idle_session_timeout = 0;");
    if (s->version >= 170000)
        kg_buf_adds(b, "SET transaction_timeout = 0;");
}

int kg_session_lasting(struct kg_session *s, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1024);

    kg_buf_adds(&b, "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;"
                    "SET default_transaction_read_only = off; SET client_min_messages = warning;");
    add_version_settings(s, &b);
    if (kg_session_run(s, b.p, err) < 0)
        return kg_err_wrap(err, "prepare the session");
    return 0;
}

int kg_session_set_encoding(struct kg_session *s, const char *encoding, struct kg_err *err)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

    if (!encoding || !*encoding || strlen(encoding) > 63 || encoding[strspn(encoding, plain)])
        return kg_err_set(err, KG_E_ARCHIVE, "the archive names no usable encoding");
    if (PQsetClientEncoding(s->conn, encoding) == 0)
        return 0;
    kg_session_fail(s, NULL, err);
    return kg_err_wrap(err, "set the client encoding '%s'", encoding);
}

/* Servers with the 2024 security releases can refuse to read views and foreign tables in the place of a table. */
static int restrict_kinds(struct kg_session *s, struct kg_err *err)
{
    return kg_session_exec(s, "SELECT pg_catalog.set_config(name, 'view, foreign-table', false) FROM pg_catalog.pg_settings"
                              " WHERE name = 'restrict_nonsystem_relation_kind'", PGRES_TUPLES_OK, NULL, err);
}

/* "invalid snapshot identifier", "snapshot does not exist", "source transaction is not running anymore": in this place
 * all say that this session does not talk to the server that the first one talks to. */
static int fail_import(struct kg_err *err)
{
    if (!strstr(err->msg, "(SQLSTATE 22023)") && !strstr(err->msg, "(SQLSTATE 42704)") &&
        !strstr(err->msg, "(SQLSTATE 55000)"))
        return kg_err_wrap(err, "import the snapshot");
    err->code = KG_E_DB_POOLER;
    kg_err_advise(err, "%s", kg_code_action(KG_E_DB_POOLER));
    return kg_err_wrap(err, "import the snapshot of the first session");
}

int kg_session_dump_settings(struct kg_session *s, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(8192);

    kg_buf_adds(&b, common_settings);
    add_version_settings(s, &b);
    if (kg_session_run(s, b.p, err) < 0)
        return kg_err_wrap(err, "prepare the session");
    return 0;
}

int kg_session_begin_dump(struct kg_session *s, const char *encoding, const char *snapshot, struct kg_err *err)
{
    if (kg_session_set_encoding(s, encoding, err) < 0 || restrict_kinds(s, err) < 0)
        return -(int)err->code;
    if (kg_session_run(s, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", err) < 0)
        return -(int)err->code;
    if (snapshot) {
        KG_AUTO_FREE char *id = kg_quote_literal(snapshot);

        if (kg_session_runf(s, err, "SET TRANSACTION SNAPSHOT %s", id) < 0)
            return fail_import(err);
    }
    return kg_session_dump_settings(s, err);
}

int kg_session_begin_load(struct kg_session *s, const char *encoding, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(8192);

    if (kg_session_set_encoding(s, encoding, err) < 0)
        return -(int)err->code;
    kg_buf_adds(&b, common_settings);
    kg_buf_adds(&b, load_settings);
    add_version_settings(s, &b);
    if (kg_session_run(s, b.p, err) < 0)
        return kg_err_wrap(err, "prepare the session");
    return 0;
}
