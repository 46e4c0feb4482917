/* The worker's operation "validate-backup", as the service meets it: frames in, frames out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/readiness_fixture.h"
#include "worker/proto.h"
#include "worker/worker.h"

static int start(void **state)
{
    (void)state;
    if (!(pg = pg_cluster_start(NULL, NULL)))
        return -1;
    sql("postgres", "CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'pw'; CREATE ROLE bare LOGIN PASSWORD 'pw'; CREATE TABLE t(a int)");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    pg_cluster_stop(pg);
    return 0;
}

static void *worker_main(void *arg)
{
    int *ret = arg;

    *ret = kg_worker_main();
    return NULL;
}

/* Our end of a connection whose other end is the worker's descriptor. */
static int connect_worker(void)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    if (fds[0] == KG_WORKER_FD) { /* nobody may stand where the worker's goes */
        fds[0] = dup(fds[0]);
        assert_true(fds[0] > KG_WORKER_FD);
    }
    assert_int_equal(dup2(fds[1], KG_WORKER_FD), KG_WORKER_FD);
    if (fds[1] != KG_WORKER_FD)
        close(fds[1]);
    return fds[0];
}

static void send_secret(int fd, const char *name, const char *value)
{
    KG_AUTO_SECRET struct kg_secret *s = kg_secret_new_copy(value, strlen(value));
    struct kg_err err = { 0 };

    assert_int_equal(kg_frame_send_secret(fd, name, s, &err), 0);
}

/* The last event. */
static struct kg_json *converse(int fd, const char *job)
{
    struct kg_frame_reader *r = kg_frame_reader_new();
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_json *last = NULL;
    struct kg_err err = { 0 };
    pthread_t thread;
    int code = -1;

    assert_int_equal(kg_json_parse(job, strlen(job), &j, &err), 0);
    assert_int_equal(kg_frame_send_json(fd, j, &err), 0);
    assert_int_equal(pthread_create(&thread, NULL, worker_main, &code), 0);
    while (!last) {
        struct kg_frame f = { 0 };

        if (kg_frame_reader_next(r, &f, &err) == 1) {
            const char *event = kg_json_str_or(f.json, "event", "");

            if (strcmp(event, "done") == 0 || strcmp(event, "failed") == 0)
                last = KG_TAKE(f.json);
            kg_frame_done(&f);
        } else if (kg_frame_reader_fill(r, fd, &err) <= 0) {
            fail_msg("the worker is gone");
        }
    }
    pthread_join(thread, NULL);
    kg_frame_reader_free(r);
    close(fd);
    close(KG_WORKER_FD);
    return last;
}

static void test_rows_with_shared_secrets_come_back_with_their_checks(void **state)
{
    KG_AUTO_FREE char *job = kg_xprintf(
        "{\"job\":{\"operation\":\"validate-backup\",\"settings\":{\"timeoutMs\":5000,\"parallel\":2},\"rows\":["
        "{\"key\":\"a\",\"database\":\"postgres\",\"connection\":\"c0\","
        "\"server\":{\"name\":\"s\",\"host\":\"127.0.0.1\",\"port\":%1$s,\"sslMode\":\"disable\"}},"
        "{\"key\":\"b\",\"database\":\"postgres\",\"connection\":\"c1\",\"server\":{\"host\":\"127.0.0.1\",\"port\":%1$s}},"
        "{\"key\":\"c\",\"database\":\"nope\",\"connection\":\"c0\",\"server\":{\"host\":\"127.0.0.1\",\"port\":%1$s}},"
        "{\"key\":\"d\",\"database\":\"postgres\",\"connection\":\"c2\",\"server\":{\"host\":\"127.0.0.1\",\"port\":%1$s}},"
        "{\"key\":\"e\",\"database\":\"postgres\",\"connection\":\"c3\",\"server\":{\"host\":\"127.0.0.1\",\"port\":%1$s}}]}}", pg->port);
    int fd = connect_worker();
    KG_AUTO_JSON struct kg_json *e = NULL;
    KG_AUTO_CHECKS struct kg_checks a = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    KG_AUTO_FREE char *boss = kg_xprintf("Server=127.0.0.1;Port=%s;User Id=boss;Password=pw", pg->port);
    send_secret(fd, "c0", boss);
    send_secret(fd, "c1", "postgresql://bare:pw@/");
    send_secret(fd, "c2", "Server=x;hunter2");
    send_secret(fd, "c3", "Server=elsewhere.example;User Id=boss;Password=pw");
    e = converse(fd, job);
    assert_string_equal(kg_json_str(e, "event"), "done");
    assert_int_equal(kg_json_count(kg_json_get(e, "result.rows")), 5);
    assert_string_equal(kg_json_str(e, "result.rows.0.key"), "a");
    assert_int_equal(kg_checks_from_json(kg_json_get(e, "result.rows.0.checks"), &a, &err), 0);
    expect_all_passed(&a);
    expect_state(&a, KG_CHECK_SECRET, KG_CHECK_PASSED);
    expect_state(&a, KG_CHECK_SECRET_FORMAT, KG_CHECK_PASSED);
    assert_string_equal(kg_json_str(e, "result.rows.0.facts.user"), "boss");
    assert_string_equal(kg_json_str(e, "result.rows.1.facts.user"), "bare");
    assert_int_equal(kg_json_u64(e, "result.rows.1.facts.missingPrivileges", 0), 1);
    assert_string_equal(kg_json_str(e, "result.rows.2.checks.4.id"), "database");
    assert_string_equal(kg_json_str(e, "result.rows.2.checks.4.error.code"), "UserErrorDBNotFound");
    assert_string_equal(kg_json_str(e, "result.rows.2.facts.user"), "boss"); /* whom a grant script is for */
    assert_null(kg_json_get(e, "result.rows.2.facts.version"));
    assert_string_equal(kg_json_str(e, "result.rows.3.checks.0.state"), "Passed"); /* there is a secret */
    assert_string_equal(kg_json_str(e, "result.rows.3.checks.1.id"), "secretFormat");
    assert_string_equal(kg_json_str(e, "result.rows.3.checks.1.error.code"), "UserErrorSecretValueInUnsupportedFormat");
    assert_string_equal(kg_json_str(e, "result.rows.3.checks.2.skippedBecause"), "secretFormat");
    /* whose password must not go to this server */
    assert_string_equal(kg_json_str(e, "result.rows.4.checks.1.error.code"), "UserErrorSecretOfAnotherServer");
    assert_string_equal(kg_json_str(e, "result.rows.4.checks.2.skippedBecause"), "secretFormat");
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(1 << 20);
    kg_json_print(e, false, &text);
    assert_null(strstr(text.p, "hunter2"));
}

/* How much the database has is known in any case; /proc has no size at all, which is no reason to refuse. */
static void test_room_is_measured_where_the_store_is(void **state)
{
    static const struct { const char *store; bool known; } stores[] = { { "/proc", false }, { "/nowhere", false }, { NULL, true } };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(stores); i++) {
        KG_AUTO_FREE char *job = kg_xprintf(
            "{\"job\":{\"operation\":\"validate-backup\",\"storePath\":\"%s\",\"rows\":[{\"key\":\"a\",\"database\":\"postgres\","
            "\"connection\":\"c0\",\"hasPoints\":true,\"server\":{\"host\":\"127.0.0.1\",\"port\":%s,\"sslMode\":\"disable\"}}]}}",
            stores[i].store ? stores[i].store : pg->dir, pg->port);
        int fd = connect_worker();
        KG_AUTO_CHECKS struct kg_checks c = { 0 };
        struct kg_err err = { 0 };

        send_secret(fd, "c0", "User Id=boss;Password=pw");
        KG_AUTO_JSON struct kg_json *e = converse(fd, job);
        assert_int_equal(kg_checks_from_json(kg_json_get(e, "result.rows.0.checks"), &c, &err), 0);
        expect_state(&c, KG_CHECK_SPACE, KG_CHECK_PASSED);
        assert_true(kg_json_u64(c.item[KG_CHECK_SPACE]->details, "databaseBytes", 0) > 0);
        assert_true((kg_json_get(c.item[KG_CHECK_SPACE]->details, "storeFreeBytes") != NULL) == stores[i].known);
    }
}

/* The checks come before the vault is opened: without its key and with a wrong path, the database's trouble is told. */
static void test_a_backup_begins_with_the_checks(void **state)
{
    static const struct { const char *database, *secret, *code, *told; } bad[] = {
        { "postgres", "User Id=bare;Password=pw", "DB_PRIVILEGE", "SELECT on table public.t" },
        { "postgres", "User Id=boss;Password=no", "DB_AUTH", "boss" },
        { "nope", "User Id=boss;Password=pw", "DB_NOT_FOUND", "nope" },
        { "postgres", "User Id=boss;Password=pw", NULL, "service-key" }, /* nothing wrong: on to the vault */
        { "template1", "User Id=boss;Password=pw", NULL, "service-key" }, /* was chosen before it became one */
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        KG_AUTO_FREE char *job = kg_xprintf(
            "{\"job\":{\"operation\":\"backup\",\"storePath\":\"/nowhere\",\"database\":\"%s\",\"instance\":\"i\",\"point\":\"p\","
            "\"server\":{\"host\":\"127.0.0.1\",\"port\":%s,\"sslMode\":\"disable\"}}}", bad[i].database, pg->port);
        int fd = connect_worker();

        send_secret(fd, "connection", bad[i].secret);
        KG_AUTO_JSON struct kg_json *e = converse(fd, job);
        assert_string_equal(kg_json_str(e, "event"), "failed");
        if (bad[i].code)
            assert_string_equal(kg_json_str_or(e, "error.code", ""), bad[i].code);
        if (!strstr(kg_json_str_or(e, "error.message", ""), bad[i].told))
            fail_msg("'%s' does not say '%s'", kg_json_str_or(e, "error.message", ""), bad[i].told);
    }
}

static void test_a_job_of_another_shape_is_refused(void **state)
{
    static const struct { const char *job, *code; } bad[] = {
        { "{\"job\":{\"operation\":\"validate-backup\"}}", "USAGE" },
        { "{\"job\":{\"operation\":\"validate-backup\",\"rows\":[{}]}}", "USAGE" },
        { "{\"job\":{\"operation\":\"validate-backup\",\"rows\":[{\"key\":\"a\",\"database\":\"d\"}]}}", "USAGE" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        KG_AUTO_JSON struct kg_json *e = converse(connect_worker(), bad[i].job);

        assert_string_equal(kg_json_str(e, "event"), "failed");
        assert_string_equal(kg_json_str(e, "error.code"), bad[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_with_shared_secrets_come_back_with_their_checks),
        cmocka_unit_test(test_room_is_measured_where_the_store_is),
        cmocka_unit_test(test_a_backup_begins_with_the_checks),
        cmocka_unit_test(test_a_job_of_another_shape_is_refused),
    };

    kg_crypto_start();
    return cmocka_run_group_tests(tests, start, stop);
}
