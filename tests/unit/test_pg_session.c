/* Sessions against a real server: settings, errors told apart, COPY in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/time.h"
#include "pg/session.h"
#include "support/pg_cluster.h"
#include "sys/fd.h"
#include "sys/proc.h"

static struct pg_cluster *pg;
#define KG_AUTO_SESSION KG_CLEANUP(kg_session_closep)
#define KG_AUTO_ROWS KG_CLEANUP(kg_rows_freep)

static int start(void **state)
{
    (void)state;
    kg_crypto_start();
    pg = pg_cluster_start(NULL, NULL);
    return pg && pg_cluster_sql(pg, "postgres",
                                "CREATE ROLE reader LOGIN PASSWORD 'right:\\pass'; CREATE ROLE nobody NOLOGIN PASSWORD 'x';"
                                "CREATE ROLE full_house LOGIN PASSWORD 'x' CONNECTION LIMIT 0;"
                                "CREATE TABLE t(a int PRIMARY KEY, b text);"
                                "INSERT INTO t SELECT i, 'row ' || i FROM generate_series(1, 1000) i;"
                                "CREATE TABLE rls(a int); ALTER TABLE rls ENABLE ROW LEVEL SECURITY; GRANT SELECT ON rls TO reader") == 0
               ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    pg_cluster_stop(pg);
    return 0;
}

static struct kg_session *session(void)
{
    struct kg_session *s = NULL;
    struct kg_err err = { 0 };

    if (kg_session_open(&pg->conn, NULL, "test", &s, &err) < 0)
        fail_msg("%s", err.msg);
    return s;
}

static void ok(struct kg_session *s, const char *sql)
{
    struct kg_err err = { 0 };

    if (kg_session_run(s, sql, &err) < 0)
        fail_msg("%s: %s", sql, err.msg);
}

/* The first field of a query; valid until the next call. */
static const char *one(struct kg_session *s, const char *sql)
{
    static char value[4096];
    KG_AUTO_ROWS struct kg_rows *r = NULL;
    struct kg_err err = { 0 };

    if (kg_session_query(s, sql, 0, NULL, &r, &err) < 0)
        fail_msg("%s: %s", sql, err.msg);
    snprintf(value, sizeof value, "%s", kg_rows_get(r, 0, 0) ? kg_rows_get(r, 0, 0) : "(null)");
    return value;
}

static void expect(int got, const struct kg_err *err, enum kg_code want, const char *told)
{
    if (got != -(int)want)
        fail_msg("code %s instead of %s: %s", kg_code_name(err->code), kg_code_name(want), err->msg);
    if (!strstr(err->msg, told) && !strstr(err->action, told))
        fail_msg("neither '%s' nor '%s' says '%s'", err->msg, err->action, told);
    assert_true(err->action[0]);
}

/* ---- sessions ---- */

static void test_a_session_has_a_name_an_empty_search_path_and_typed_rows(void **state)
{
    KG_AUTO_SESSION struct kg_session *s = session();
    KG_AUTO_ROWS struct kg_rows *r = NULL;
    const char *params[] = { "41", NULL };
    struct kg_err err = { 0 };

    (void)state;
    assert_string_equal(one(s, "SELECT current_setting('application_name') || '|' || current_setting('search_path')"), "keepgres test|");
    assert_true(kg_session_version(s) >= 120000);
    assert_string_equal(kg_session_parameter(s, "server_encoding"), "UTF8");
    assert_string_equal(kg_session_parameter(s, "no_such"), "");
    assert_int_equal(kg_session_query(s, "SELECT $1::int + 1, $2::text, -9223372036854775807, 'x' WHERE true", 2, params, &r, &err), 0);
    assert_int_equal(kg_rows_count(r), 1);
    assert_int_equal(kg_rows_int(r, 0, 0), 42);
    assert_null(kg_rows_get(r, 0, 1));
    assert_int_equal(kg_rows_int(r, 0, 1), 0);
    assert_true(kg_rows_int(r, 0, 2) == -INT64_MAX);
    assert_int_equal(kg_rows_int(r, 0, 3), 0);
}

static void test_names_and_texts_survive_quoting(void **state)
{
    static const char *const odd[] = { "plain", "it's", "\"x\"\"", "back\\slash", "\\'", "new\nline", "$1", "é🎉", "", "E'" };
    KG_AUTO_SESSION struct kg_session *s = session();

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(odd); i++) {
        KG_AUTO_FREE char *literal = kg_quote_literal(odd[i]);
        KG_AUTO_FREE char *ident = kg_quote_ident(*odd[i] ? odd[i] : "x");
        KG_AUTO_FREE char *sql = kg_xprintf("SELECT%s%s AS %s", literal[0] == ' ' ? "" : " ", literal, ident);

        assert_string_equal(one(s, sql), odd[i]);
    }
}

/* ---- errors ---- */

static void test_failures_to_connect_are_told_apart(void **state)
{
    const struct { const char *user, *password, *database, *port, *host; enum kg_code code; const char *told; } cases[] = {
        { "reader", "wrong", "postgres", pg->port, NULL, KG_E_DB_AUTH, "28P01" },
        { "reader", NULL, "postgres", pg->port, NULL, KG_E_DB_AUTH, "password" },
        { "nobody", "x", "postgres", pg->port, NULL, KG_E_DB_AUTH, "28000" },
        { "reader", "right:\\pass", "no such db", pg->port, NULL, KG_E_DB_NOT_FOUND, "no such db" },
        { "full_house", "x", "postgres", pg->port, NULL, KG_E_DB_LIMIT, "max_connections" },
        { "reader", "x", "postgres", "1", NULL, KG_E_DB_CONNECT, "port 1" },
        { "reader", "x", "postgres", pg->port, "no-such-host.invalid", KG_E_DB_CONNECT, "no-such-host.invalid" },
        { "reader", "x", "postgres", pg->port, "/no/such/folder", KG_E_DB_CONNECT, "/no/such/folder" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_CONNINFO struct kg_conninfo c = pg_cluster_login(pg, cases[i].database, cases[i].user, cases[i].password);
        struct kg_session *s = NULL;
        struct kg_err err = { 0 };

        free(c.port);
        c.port = kg_xstrdup(cases[i].port);
        if (cases[i].host) {
            free(c.host);
            c.host = kg_xstrdup(cases[i].host);
        }
        expect(kg_session_open(&c, NULL, "test", &s, &err), &err, cases[i].code, cases[i].told);
        assert_null(s);
        assert_null(strstr(err.msg, "right:"));
        assert_null(strchr(err.msg, '\n'));
    }
}

static void test_a_password_with_special_characters_logs_in(void **state)
{
    KG_AUTO_CONNINFO struct kg_conninfo c = pg_cluster_login(pg, "postgres", "reader", "right:\\pass");
    KG_AUTO_SESSION struct kg_session *s = NULL;
    struct kg_err err = { 0 };

    (void)state;
    if (kg_session_open(&c, NULL, "test", &s, &err) < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(one(s, "SELECT current_user"), "reader");
}

static void test_statement_failures_are_told_apart(void **state)
{
    KG_AUTO_CONNINFO struct kg_conninfo c = pg_cluster_login(pg, "postgres", "reader", "right:\\pass");
    KG_AUTO_SESSION struct kg_session *s = session();
    KG_AUTO_SESSION struct kg_session *reader = NULL;
    KG_AUTO_SESSION struct kg_session *other = session();
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_session_open(&c, NULL, "test", &reader, &err), 0);
    expect(kg_session_run(reader, "SELECT * FROM public.t", &err), &err, KG_E_DB_PRIVILEGE, "permission denied");
    err = (struct kg_err){ 0 };
    expect(kg_session_run(reader, "SET row_security = off; SELECT * FROM public.rls", &err), &err, KG_E_DB_PRIVILEGE, "BYPASSRLS");
    err = (struct kg_err){ 0 };
    expect(kg_session_run(s, "CREATE DATABASE postgres", &err), &err, KG_E_DB_NAME_TAKEN, "postgres");
    err = (struct kg_err){ 0 };
    ok(other, "BEGIN; LOCK TABLE public.t");
    expect(kg_session_run(s, "LOCK TABLE public.t NOWAIT", &err), &err, KG_E_DB_ERROR, "transaction block");
    err = (struct kg_err){ 0 };
    expect(kg_session_run(s, "BEGIN; LOCK TABLE public.t NOWAIT", &err), &err, KG_E_DB_LOCKED, "55P03");
    ok(s, "ROLLBACK");
    ok(other, "ROLLBACK");
    err = (struct kg_err){ 0 };
    expect(kg_session_run(s, "SELECT 1/0", &err), &err, KG_E_DB_ERROR, "division by zero (SQLSTATE 22012)");
    err = (struct kg_err){ 0 };
    expect(kg_session_run(s, "DO $$ BEGIN RAISE EXCEPTION 'said' USING DETAIL = 'more', HINT = 'try', ERRCODE = '53200'; END $$", &err),
           &err, KG_E_DB_LIMIT, "said; more; hint: try");
    err = (struct kg_err){ 0 };
    expect(kg_session_run(s, "DO $$ BEGIN RAISE EXCEPTION E'two\\nlines\\x1b[31m' USING ERRCODE = '40001', DETAIL='x'; END $$", &err), &err,
           KG_E_DB_ERROR, "two lines?[31m");
    err = (struct kg_err){ 0 };
    expect(kg_session_run(s, "DO $$ BEGIN RAISE EXCEPTION"
                             " 'canceling statement due to conflict with recovery' USING ERRCODE = '40001'; END $$",
                          &err), &err, KG_E_DB_STANDBY, "hot_standby_feedback");
    err = (struct kg_err){ 0 };
    expect(kg_session_run(s, "DO $$ BEGIN RAISE EXCEPTION 'out of shared memory' USING ERRCODE = '53200'; END $$", &err), &err,
           KG_E_DB_LIMIT, "max_locks_per_transaction");
}

static void test_a_lost_connection_is_told_as_such(void **state)
{
    KG_AUTO_SESSION struct kg_session *s = session();
    KG_AUTO_SESSION struct kg_session *other = session();
    KG_AUTO_FREE char *pid = kg_xstrdup(one(s, "SELECT pg_backend_pid()"));
    struct kg_err err = { 0 };
    int r;

    (void)state;
    assert_int_equal(kg_session_runf(other, &err, "SELECT pg_terminate_backend(%s)", pid), 0);
    usleep(100 * 1000);
    r = kg_session_run(s, "SELECT 1", &err);
    expect(r, &err, KG_E_DB_CLOSED, "log");
    err = (struct kg_err){ 0 };
    expect(kg_session_run(s, "SELECT 1", &err), &err, KG_E_DB_CLOSED, "");
}

static void *cancel_soon(void *ctx)
{
    usleep(200 * 1000);
    kg_session_cancel(ctx);
    return NULL;
}

static void test_another_thread_can_cancel_a_statement(void **state)
{
    KG_AUTO_SESSION struct kg_session *s = session();
    struct kg_err err = { 0 };
    pthread_t t;
    int r;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, cancel_soon, s), 0);
    r = kg_session_run(s, "SELECT pg_catalog.pg_sleep(30)", &err);
    pthread_join(t, NULL);
    expect(r, &err, KG_E_CANCELLED, "");
}

/* ---- settings ---- */

struct text { struct kg_buf b; size_t rows; size_t fail_at; };

static int add_row(void *ctx, const char *row, size_t n, struct kg_err *err)
{
    struct text *t = ctx;

    assert_true(n > 0 && row[n - 1] == '\n');
    if (t->fail_at && ++t->rows == t->fail_at)
        return kg_err_set(err, KG_E_LIMIT, "enough");
    kg_buf_add(&t->b, row, n);
    return 0;
}

static void test_copy_text_does_not_depend_on_the_servers_settings(void **state)
{
    static const char sql[] = "COPY (SELECT '2020-01-02 03:04:05.6+07'::timestamptz, '1 day 2 hours'::interval, 0.1::float8 + 0.2,"
                              " '\\x00ff'::bytea, '2020-12-31'::date, 'é') TO STDOUT";
    struct text t = { .b = KG_BUF_INIT(10000) };
    KG_AUTO_SESSION struct kg_session *s = NULL;
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(pg_cluster_sql(pg, "postgres", "CREATE DATABASE odd"), 0);
    assert_int_equal(pg_cluster_sql(pg, "postgres",
                                    "ALTER DATABASE odd SET timezone = 'Asia/Tokyo'; ALTER DATABASE odd SET datestyle ="
                                    " 'German'; ALTER DATABASE odd SET intervalstyle = 'sql_standard';"
                                    "ALTER DATABASE odd SET extra_float_digits = 0;"
                                    "ALTER DATABASE odd SET bytea_output = escape; ALTER DATABASE odd SET statement_timeout = 100"), 0);
    assert_int_equal(kg_session_open(&pg->conn, "odd", "test", &s, &err), 0);
    ok(s, "SELECT pg_catalog.pg_sleep(0.2)"); /* the database's own limit does not count */
    if (kg_session_begin_dump(s, "UTF8", NULL, &err) < 0 || kg_copy_out(s, sql, add_row, &t, &err) < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(t.b.p, "2020-01-01 20:04:05.6+00\t1 day 02:00:00\t0.30000000000000004\t\\\\x00ff\t2020-12-31\té\n");
    kg_buf_done(&t.b);
    assert_string_equal(one(s, "SELECT current_setting('transaction_isolation') || current_setting('transaction_read_only')"),
                        "repeatable readon");
}

static void test_a_snapshot_of_another_server_is_told_as_a_pooler(void **state)
{
    KG_AUTO_SESSION struct kg_session *s = session();
    struct kg_err err = { 0 };

    (void)state;
    expect(kg_session_begin_dump(s, "UTF8", "00000003-0000001B-1", &err), &err, KG_E_DB_POOLER, "proxy");
    err = (struct kg_err){ 0 };
    ok(s, "ROLLBACK");
    expect(kg_session_begin_dump(s, "UTF8", "x'; DROP TABLE t; --", &err), &err, KG_E_DB_POOLER, "");
    ok(s, "ROLLBACK");
    err = (struct kg_err){ 0 };
    expect(kg_session_begin_dump(s, "UTF8'; DROP TABLE t; --", NULL, &err), &err, KG_E_ARCHIVE, "encoding");
}

/* Starts pgbouncer (KG_TEST_PGBOUNCER, or Debian's place) in the cluster's folder before the cluster; 0 when there is none. */
static pid_t start_pooler(const char *mode, struct kg_conninfo *ret)
{
    const char *program = getenv("KG_TEST_PGBOUNCER") ? getenv("KG_TEST_PGBOUNCER") : "/usr/sbin/pgbouncer";
    KG_AUTO_FREE char *file = kg_xprintf("%s/pgbouncer.ini", pg->dir);
    KG_AUTO_FREE char *ini = kg_xprintf("[databases]\n* = host=%s port=%s user=postgres\n[pgbouncer]\nlisten_port = 6432\nauth_type = any\n"
                                        "unix_socket_dir = %s\npool_mode = %s\n", pg->host, pg->port, pg->host, mode);
    const char *const argv[] = { "runuser", "-u", "postgres", "--", program, file, NULL };
    struct kg_err err = { 0 };
    pid_t pid;

    if (access(program, X_OK) < 0)
        return 0;
    assert_int_equal(kg_write_file(file, ini, strlen(ini), 0644, &err), 0);
    const struct kg_proc_spec spec = { .argv = geteuid() == 0 ? argv : argv + 4, .envp = (const char *const *)environ, .fd_in = -1,
                                       .fd_out = -1, .fd_err = -1 };
    assert_int_equal(kg_proc_spawn(&spec, &pid, &err), 0);
    *ret = (struct kg_conninfo){ .host = kg_xstrdup(pg->host), .port = kg_xstrdup("6432"), .database = kg_xstrdup("postgres"),
                                 .user = kg_xstrdup("postgres") };
    for (int i = 0; i < 100; i++) {
        KG_AUTO_FREE char *socket = kg_xprintf("%s/.s.PGSQL.6432", pg->host);

        if (access(socket, F_OK) == 0)
            return pid;
        usleep(50 * 1000);
    }
    fail_msg("pgbouncer does not start");
    return 0;
}

static void test_a_pooler_is_refused_when_it_lends_sessions_and_accepted_when_it_does_not(void **state)
{
    static const struct { const char *mode; bool good; } modes[] = {
        { "transaction", false }, { "statement", false }, { "session", true },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(modes); i++) {
        KG_AUTO_CONNINFO struct kg_conninfo c = { 0 };
        KG_AUTO_SESSION struct kg_session *s = NULL;
        struct kg_err err = { 0 };
        pid_t pid = start_pooler(modes[i].mode, &c);
        int r;

        if (!pid)
            skip();
        r = kg_session_open(&c, NULL, "test", &s, &err);
        if (modes[i].good && r < 0)
            fail_msg("%s: %s", modes[i].mode, err.msg);
        if (!modes[i].good)
            expect(r, &err, KG_E_DB_POOLER, "pooler");
        (void)kg_proc_end(pid, 2 * KG_SECOND);
    }
}

static void test_an_imported_snapshot_sees_what_its_exporter_sees(void **state)
{
    KG_AUTO_SESSION struct kg_session *leader = session();
    KG_AUTO_SESSION struct kg_session *worker = session();
    KG_AUTO_SESSION struct kg_session *writer = session();
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_session_begin_dump(leader, "UTF8", NULL, &err), 0);
    KG_AUTO_FREE char *snapshot = kg_xstrdup(one(leader, "SELECT pg_export_snapshot()"));
    ok(writer, "CREATE TABLE public.later(a int)");
    ok(writer, "DELETE FROM public.t WHERE a = 1");
    if (kg_session_begin_dump(worker, "UTF8", snapshot, &err) < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(one(worker, "SELECT count(*) FROM public.t"), "1000");
    assert_string_equal(one(worker, "SELECT count(*) FROM pg_class WHERE relname = 'later'"), "0");
    ok(writer, "INSERT INTO public.t VALUES (1, 'row 1')");
    ok(writer, "DROP TABLE public.later");
}

/* ---- COPY ---- */

static void test_copy_out_gives_every_row_and_stops_when_told(void **state)
{
    KG_AUTO_SESSION struct kg_session *s = session();
    struct text t = { .b = KG_BUF_INIT(1 << 20) };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_copy_out(s, "COPY (SELECT * FROM public.t ORDER BY a) TO STDOUT", add_row, &t, &err), 0);
    assert_memory_equal(t.b.p, "1\trow 1\n2\trow 2\n", 16);
    assert_non_null(strstr(t.b.p, "1000\trow 1000\n"));
    kg_buf_reset(&t.b);
    t.fail_at = 3;
    ok(s, "BEGIN");
    assert_int_equal(kg_copy_out(s, "COPY (SELECT i, repeat('x', 1000) FROM generate_series(1, 10000000) i) TO STDOUT", add_row, &t, &err),
                     -KG_E_LIMIT);
    ok(s, "ROLLBACK");
    assert_string_equal(one(s, "SELECT 1"), "1");
    err = (struct kg_err){ 0 };
    t.fail_at = 0;
    expect(kg_copy_out(s, "COPY (SELECT 10 / (500 - a) FROM public.t ORDER BY a) TO STDOUT", add_row, &t, &err), &err, KG_E_DB_ERROR,
           "zero");
    assert_string_equal(one(s, "SELECT 1"), "1");
    err = (struct kg_err){ 0 };
    expect(kg_copy_out(s, "COPY public.nope TO STDOUT", add_row, &t, &err), &err, KG_E_DB_ERROR, "nope");
    kg_buf_done(&t.b);
}

static void test_copy_in_brings_rows_and_counts_them(void **state)
{
    KG_AUTO_SESSION struct kg_session *s = session();
    struct kg_err err = { 0 };
    uint64_t rows = 0;

    (void)state;
    if (kg_session_begin_load(s, "UTF8", &err) < 0)
        fail_msg("%s", err.msg);
    ok(s, "CREATE TEMP TABLE c(a int, b text)");
    assert_int_equal(kg_copy_in_begin(s, "COPY c FROM STDIN", &err), 0);
    assert_int_equal(kg_copy_in_add(s, "1\ta\n2\t", 6, &err), 0);
    assert_int_equal(kg_copy_in_add(s, "b\n", 2, &err), 0);
    assert_int_equal(kg_copy_in_add(s, "", 0, &err), 0);
    assert_int_equal(kg_copy_in_end(s, &rows, &err), 0);
    assert_int_equal(rows, 2);
    assert_string_equal(one(s, "SELECT string_agg(a || b, ',') FROM c"), "1a,2b");
}

static void test_a_copy_that_fails_leaves_a_usable_session_and_is_told_early(void **state)
{
    KG_AUTO_SESSION struct kg_session *s = session();
    KG_AUTO_FREE char *rows = kg_xalloc(1 << 20);
    struct kg_err err = { 0 };
    size_t sent;

    (void)state;
    for (size_t i = 0; i < 1 << 20; i += 4)
        memcpy(rows + i, "1\tx\n", 4);
    ok(s, "CREATE TEMP TABLE c(a int, b text)");
    ok(s, "BEGIN");
    assert_int_equal(kg_copy_in_begin(s, "COPY c FROM STDIN", &err), 0);
    assert_int_equal(kg_copy_in_add(s, "not a number\tx\n", 15, &err), 0);
    for (sent = 0; sent < 200 && kg_copy_in_add(s, rows, 1 << 20, &err) == 0; sent++)
        ;
    expect(-(int)err.code, &err, KG_E_DB_ERROR, "invalid input syntax");
    assert_true(sent < 100); /* not everything went over the wire for nothing */
    ok(s, "ROLLBACK");
    err = (struct kg_err){ 0 };
    ok(s, "BEGIN");
    assert_int_equal(kg_copy_in_begin(s, "COPY c FROM STDIN", &err), 0);
    assert_int_equal(kg_copy_in_add(s, "1\tx\ty\n", 6, &err), 0);
    expect(kg_copy_in_end(s, NULL, &err), &err, KG_E_DB_ERROR, "extra data");
    ok(s, "ROLLBACK");
    err = (struct kg_err){ 0 };
    ok(s, "BEGIN");
    assert_int_equal(kg_copy_in_begin(s, "COPY c FROM STDIN", &err), 0);
    assert_int_equal(kg_copy_in_add(s, "1\tx\n", 4, &err), 0);
    kg_copy_in_abort(s);
    kg_copy_in_abort(s);
    ok(s, "ROLLBACK");
    assert_string_equal(one(s, "SELECT count(*) FROM c"), "0");
}

#ifdef KG_FAULTS
static int whole_path(struct kg_err *err)
{
    KG_AUTO_SESSION struct kg_session *s = NULL;
    struct text t = { .b = KG_BUF_INIT(1 << 20) };
    int r = kg_session_open(&pg->conn, NULL, "test", &s, err);

    if (r == 0)
        r = kg_session_begin_dump(s, "UTF8", NULL, err);
    if (r == 0)
        r = kg_copy_out(s, "COPY public.t TO STDOUT", add_row, &t, err);
    kg_buf_done(&t.b);
    if (r == 0)
        r = kg_session_run(s, "ROLLBACK; CREATE TEMP TABLE c(a int)", err);
    if (r == 0)
        r = kg_copy_in_begin(s, "COPY c FROM STDIN", err);
    if (r == 0)
        r = kg_copy_in_add(s, "1\n", 2, err);
    return r == 0 ? kg_copy_in_end(s, NULL, err) : r;
}

static void test_every_fault_on_the_way_is_reported(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        struct kg_err err = { 0 };
        int r;

        kg_fault_arm(KG_FP_ANY, n, ECONNRESET);
        r = whole_path(&err);
        if (!kg_fault_fired()) {
            assert_int_equal(r, 0);
            assert_true(n > 8);
            break;
        }
        assert_true(r < 0 && err.code != KG_E_OK);
    }
    kg_fault_reset();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_session_has_a_name_an_empty_search_path_and_typed_rows),
        cmocka_unit_test(test_names_and_texts_survive_quoting),
        cmocka_unit_test(test_failures_to_connect_are_told_apart),
        cmocka_unit_test(test_a_password_with_special_characters_logs_in),
        cmocka_unit_test(test_statement_failures_are_told_apart),
        cmocka_unit_test(test_a_lost_connection_is_told_as_such),
        cmocka_unit_test(test_another_thread_can_cancel_a_statement),
        cmocka_unit_test(test_copy_text_does_not_depend_on_the_servers_settings),
        cmocka_unit_test(test_a_snapshot_of_another_server_is_told_as_a_pooler),
        cmocka_unit_test(test_a_pooler_is_refused_when_it_lends_sessions_and_accepted_when_it_does_not),
        cmocka_unit_test(test_an_imported_snapshot_sees_what_its_exporter_sees),
        cmocka_unit_test(test_copy_out_gives_every_row_and_stops_when_told),
        cmocka_unit_test(test_copy_in_brings_rows_and_counts_them),
        cmocka_unit_test(test_a_copy_that_fails_leaves_a_usable_session_and_is_told_early),
#ifdef KG_FAULTS
        cmocka_unit_test(test_every_fault_on_the_way_is_reported),
#endif
    };

    return cmocka_run_group_tests(tests, start, stop);
}
