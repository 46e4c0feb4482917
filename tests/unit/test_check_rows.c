/* Many databases at once: side by side, with limits, and nobody waits for a dead server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "readiness/rows.h"
#include "unit/readiness_fixture.h"

enum { ROWS = 50, DATABASES = 10, DEAD_SERVERS = 4 };

static int start(void **state)
{
    (void)state;
    kg_crypto_start();
    if (!(pg = pg_cluster_start(NULL, NULL)))
        return -1;
    sql("postgres", "CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'pw'");
    /* The server closes a session a little after we have: twice the limit leaves room for those. */
    sql("postgres", "CREATE ROLE few LOGIN PASSWORD 'pw' CONNECTION LIMIT 8");
    for (int i = 0; i < DATABASES; i++) {
        KG_AUTO_FREE char *text = kg_xprintf("CREATE DATABASE d%d", i);

        sql("postgres", text);
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    pg_cluster_stop(pg);
    return 0;
}

/* A port that takes connections and never says a word; counts them once it is closed. */
struct hole { int fd; char port[16]; };

static struct hole black_hole(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    struct hole h = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };

    assert_true(h.fd >= 0 && bind(h.fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(h.fd, 64) == 0);
    assert_int_equal(getsockname(h.fd, (struct sockaddr *)&a, &n), 0);
    snprintf(h.port, sizeof h.port, "%d", ntohs(a.sin_port));
    return h;
}

static int visitors(struct hole *h)
{
    int n = 0, fd;

    while ((fd = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        close(fd);
        n++;
    }
    close(h->fd);
    return n;
}

static void set_row(struct kg_check_row *r, const char *user, const char *port, int i)
{
    static char name[DATABASES][8];

    snprintf(name[i % DATABASES], sizeof name[0], "d%d", i % DATABASES);
    r->database = name[i % DATABASES];
    r->conn = pg_cluster_login(pg, r->database, user, "pw");
    if (port) {
        free(r->conn.port);
        r->conn.port = kg_xstrdup(port);
    }
}

static void rows_done(struct kg_check_row *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        kg_check_row_done(&r[i]);
}

static size_t told;
static void tell(void *ctx, size_t done, size_t total)
{
    (void)ctx;
    assert_true(done >= told && done <= total);
    told = done;
}

static void test_fifty_databases_are_checked_with_few_sessions_a_server(void **state)
{
    struct kg_check_row row[ROWS] = { 0 };
    struct kg_rows_opts o = { .parallel = 16, .progress = tell };
    struct kg_err err = { 0 };

    (void)state;
    told = 0;
    for (int i = 0; i < ROWS; i++)
        set_row(&row[i], "few", NULL, i);
    if (kg_rows_check(row, ROWS, &o, &err) < 0)
        fail_msg("%s", err.msg);
    for (int i = 0; i < ROWS; i++) {
        expect_all_passed(&row[i].checks);
        assert_true(kg_json_u64(row[i].facts, "databaseBytes", 0) > 0);
    }
    assert_int_equal(told, ROWS);
    rows_done(row, ROWS);
}

static void test_dead_servers_cost_one_limit_together_and_one_try_each(void **state)
{
    struct kg_check_row row[ROWS] = { 0 };
    struct hole hole[DEAD_SERVERS];
    struct kg_rows_opts o = { .timeout_ms = 1000 };
    struct kg_err err = { 0 };
    kg_usec began;

    (void)state;
    for (int i = 0; i < DEAD_SERVERS; i++)
        hole[i] = black_hole();
    for (int i = 0; i < ROWS; i++) /* dead ones first */
        set_row(&row[i], "boss", i < 40 ? hole[i % DEAD_SERVERS].port : NULL, i);
    began = kg_now_mono();
    assert_int_equal(kg_rows_check(row, ROWS, &o, &err), 0);
    assert_true(kg_now_mono() - began < 2 * KG_SECOND);
    for (int i = 0; i < ROWS; i++) {
        if (i >= 40) {
            expect_all_passed(&row[i].checks);
            continue;
        }
        expect_failed(&row[i].checks, KG_CHECK_CONNECT, KG_E_DB_CONNECT, "no answer in time");
        expect_state(&row[i].checks, KG_CHECK_SPACE, KG_CHECK_SKIPPED);
    }
    for (int i = 0; i < DEAD_SERVERS; i++)
        assert_int_equal(visitors(&hole[i]), 1);
    rows_done(row, ROWS);
}

static void test_rows_that_failed_before_are_left_alone_and_no_rows_are_no_work(void **state)
{
    struct kg_check_row row[2] = { 0 };
    struct kg_rows_opts o = { 0 };
    struct kg_err why = { 0 }, err = { 0 };

    (void)state;
    kg_err_set(&why, KG_E_SECRET_FORMAT, "the key 'Port' has no number");
    kg_check_fail(&row[0].checks, KG_CHECK_SECRET_FORMAT, &why);
    set_row(&row[1], "boss", NULL, 1);
    assert_int_equal(kg_rows_check(row, 2, &o, &err), 0);
    assert_null(row[0].checks.item[KG_CHECK_CONNECT]);
    assert_null(row[0].facts);
    expect_all_passed(&row[1].checks);
    assert_int_equal(kg_rows_check(row, 1, &o, &err), 0);
    assert_int_equal(kg_rows_check(NULL, 0, &o, &err), 0);
    rows_done(row, 2);
}

static bool after_a_while(void *ctx)
{
    const kg_usec *when = ctx;

    return kg_now_mono() > *when;
}

static void test_a_cancel_ends_rows_that_wait_for_a_dead_server(void **state)
{
    struct kg_check_row row[20] = { 0 };
    struct hole hole = black_hole();
    kg_usec began = kg_now_mono(), when = began + KG_SECOND / 2;
    struct kg_rows_opts o = { .timeout_ms = 20000, .cancelled = after_a_while, .ctx = &when };
    struct kg_err err = { 0 };

    (void)state;
    for (int i = 0; i < 20; i++)
        set_row(&row[i], "boss", hole.port, i);
    assert_int_equal(kg_rows_check(row, 20, &o, &err), -KG_E_CANCELLED);
    assert_true(kg_now_mono() - began < 2 * KG_SECOND);
    assert_int_equal(visitors(&hole), 1);
    rows_done(row, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fifty_databases_are_checked_with_few_sessions_a_server),
        cmocka_unit_test(test_dead_servers_cost_one_limit_together_and_one_try_each),
        cmocka_unit_test(test_rows_that_failed_before_are_left_alone_and_no_rows_are_no_work),
        cmocka_unit_test(test_a_cancel_ends_rows_that_wait_for_a_dead_server),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
