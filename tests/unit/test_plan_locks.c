/* What a plan holds on to until the rows have been read, and from when its snapshot is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>

#include "crypto/crypto.h"
#include "unit/plan_fixture.h"

static int start(void **state)
{
    (void)state;
    kg_crypto_start();
    pg = pg_cluster_start(NULL, NULL);
    return pg && pg_cluster_sql(pg, "postgres", "CREATE DATABASE small") == 0 &&
                   pg_cluster_sql(pg, "small", "CREATE TABLE a(i int); INSERT INTO a VALUES (1)") == 0
               ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    pg_cluster_stop(pg);
    return 0;
}

/* ---- more tables than locks ---- */

static void test_where_locks_are_scarce_a_stopped_pg_dump_keeps_them(void **state)
{
    static const char *const settings[] = { "max_locks_per_transaction=10", "max_connections=20", "autovacuum=off", NULL };
    struct pg_cluster *tight = pg_cluster_start(NULL, settings), *usual = pg;
    struct kg_err err = { 0 };

    (void)state;
    assert_non_null(tight);
    pg = tight;
    assert_int_equal(pg_cluster_sql(pg, "postgres",
                                    "DO $$ BEGIN FOR i IN 1..100 LOOP EXECUTE format('CREATE TABLE t%s(a int, b text);"
                                    " INSERT INTO t%s VALUES (%s, repeat(''x'', 500))', i, i, i); END LOOP; END $$"), 0);
    struct kg_plan *p = plan("postgres", NULL);
    struct kg_session *s = worker(p, "postgres"), *ddl = session("postgres");
    assert_true(p->lock_holder > 0);
    assert_int_equal(p->n_tables, 100);
    expect(kg_session_run(ddl, "SET lock_timeout = 200; TRUNCATE public.t50", &err), &err, KG_E_DB_LOCKED, "lock timeout");
    for (size_t i = 0; i < p->n_tables; i++) {
        KG_AUTO_BUF struct kg_buf rows = KG_BUF_INIT(10000);

        err = (struct kg_err){ 0 };
        if (kg_plan_lock(s, &p->table[i], &err) < 0)
            fail_msg("%s", err.msg);
        copy(s, &p->table[i], 0, 0, &rows);
        assert_true(rows.len > 500);
    }
    pid_t holder = p->lock_holder;
    kg_session_close(s);
    kg_plan_free(p);
    assert_int_equal(kill(holder, 0), -1); /* and nothing is left of it */
    wait_until(ddl, "SELECT count(*) = 0 FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE c.relname = 't50'");
    ok(ddl, "TRUNCATE public.t50");

    /* The stopped program does not notice when its session ends; the plan does, although it looked before. */
    p = plan("postgres", NULL);
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_plan_check_locks(p, &err), 0);
    ok(ddl, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'keepgres pg_dump %'");
    wait_until(ddl, "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 'keepgres pg_dump %'");
    expect(kg_plan_check_locks(p, &err), &err, KG_E_DB_CLOSED, "session of pg_dump");
    kg_plan_free(p);
    kg_session_close(ddl);

    /* So little data that pg_dump is done before it can be stopped: the leader has the locks. */
    assert_int_equal(pg_cluster_sql(pg, "postgres", "CREATE DATABASE tiny"), 0);
    assert_int_equal(pg_cluster_sql(pg, "tiny",
                                    "DO $$ BEGIN FOR i IN 1..80 LOOP EXECUTE format('CREATE TABLE t%s()', i); END LOOP; END $$"), 0);
    p = plan("tiny", NULL);
    ddl = session("tiny");
    err = (struct kg_err){ 0 };
    expect(kg_session_run(ddl, "SET lock_timeout = 200; TRUNCATE public.t50", &err), &err, KG_E_DB_LOCKED, "lock timeout");
    kg_plan_free(p);
    kg_session_close(ddl);
    pg = usual;
    pg_cluster_stop(tight);
}

static void *commit_after_a_second(void *session)
{
    usleep(KG_SECOND);
    ok(session, "COMMIT");
    return NULL;
}

static void test_the_time_of_a_plan_is_that_of_its_snapshot(void **state)
{
    KG_AUTO_SESSION struct kg_session *s = session("small");
    kg_usec before = kg_now_wall(), server;

    (void)state;
    ok(s, "BEGIN; LOCK TABLE public.a IN ACCESS EXCLUSIVE MODE");
    /* Planning has to wait for the lock, and the snapshot comes behind it. */
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, commit_after_a_second, s), 0);
    KG_AUTO_PLAN struct kg_plan *p = plan("small", NULL);
    pthread_join(thread, NULL);
    assert_true(p->time >= before + KG_SECOND / 2);
    assert_true(p->time <= kg_now_wall());
    assert_true(kg_time_parse_iso(kg_json_str(p->facts, "postgres.snapshotTime"), &server));
    assert_true(server >= p->time && server < p->time + 5 * KG_SECOND); /* the same machine here */
}

static void test_a_leader_that_is_gone_is_noticed(void **state)
{
    KG_AUTO_PLAN struct kg_plan *p = plan("small", NULL);
    KG_AUTO_SESSION struct kg_session *s = session("small");
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_plan_check_locks(p, &err), 0);
    ok(s, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'keepgres backup leader'");
    wait_until(s, "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'keepgres backup leader'");
    expect(kg_plan_check_locks(p, &err), &err, KG_E_DB_CLOSED, "held the tables' locks");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_locks_are_scarce_a_stopped_pg_dump_keeps_them),
        cmocka_unit_test(test_the_time_of_a_plan_is_that_of_its_snapshot),
        cmocka_unit_test(test_a_leader_that_is_gone_is_noticed),
    };
    return cmocka_run_group_tests_name("plan_locks", tests, start, stop);
}
