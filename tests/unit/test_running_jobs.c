/* Jobs that run: who waits for whom, at which tables they are, and that they are found. Over HTTP, with a worker that touches no
 * PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>

#include "unit/service_fixture.h"

#define SEARCH_JOBS SUB "/providers/Microsoft.DataProtection/searchBackupJobs"
#define DAYS ((kg_usec)86400 * KG_SECOND)

/* ---- the service's own jobs ---- */

static void set_clock(struct fixture *f, kg_usec ahead)
{
    struct kg_err err = { 0 };

    assert_int_equal(kg_write_file(f->clock, &ahead, sizeof ahead, 0600, &err), 0);
}

/* Nothing by schedule. */
static void put_quiet_policy(struct fixture *f)
{
    char body[sizeof policy_body], *at;

    memcpy(body, policy_body, sizeof body);
    assert_non_null(at = strstr(body, "R/2021"));
    memcpy(at, "R/2099", 6);
    expect(f, "PUT", POLICY, body, 200);
}

static char *store_path(struct fixture *f)
{
    AUTO_REPLY struct reply vault = call(f, "GET", VAULT, NULL);

    return kg_xstrdup(kg_json_str_or(vault.json, "properties.storeSettings.path", "?"));
}

/* The expiry of that database's points, which begins by itself: its job's id. */
static char *wait_expiry(struct fixture *f, const char *database)
{
    KG_AUTO_FREE char *instance = instance_path(database, "");
    KG_AUTO_FREE char *path = kg_xprintf(VAULT "/backupJobs?$filter=operation%%20eq%%20'Expire'%%20and%%20backupInstanceId%%20eq%%20'%s'",
                                         instance);

    for (int i = 0; i < 4000; i++) {
        AUTO_REPLY struct reply r = call(f, "GET", path, NULL);

        if (kg_json_count(kg_json_get(r.json, "value")))
            return kg_xstrdup(kg_json_str(r.json, "value.0.id"));
        usleep(5000);
    }
    fail_msg("no expiry begins");
    return NULL;
}

static void make_points(struct fixture *f, const char *database)
{
    add_instance(f, database);
    AUTO_REPLY struct reply older = back_up(f, database, "Completed");
    AUTO_REPLY struct reply old = back_up(f, database, "Completed");
    assert_true(kg_json_str(older.json, "id") && kg_json_str(old.json, "id"));
}

/* An expiry of instance bi-good runs until the file slow is removed. With behind (or NULL), another database's waits for it. */
struct expiry { char *clock, *slow, *job; };

static void begin_expiry(struct fixture *f, struct expiry *x, const char *behind)
{
    static const char more[] = "lifecycle_seconds = 1\nclock_settle_seconds = 0\nclock_away_days = 3650\nmax_light_tasks = 1\n";
    KG_AUTO_BUF struct kg_buf settings = KG_BUF_INIT(10000);
    struct kg_err err = { 0 };

    x->clock = kg_xprintf("%s/clock", f->dir);
    assert_int_equal(kg_read_file(AT_FDCWD, f->config, &settings, &err), 0);
    kg_buf_adds(&settings, more);
    assert_int_equal(kg_write_file(f->config, settings.p, settings.len, 0600, &err), 0);
    f->clock = x->clock;
    set_clock(f, -200 * DAYS);
    restart_service(f, SIGTERM);
    make_world(f);
    put_quiet_policy(f);
    make_points(f, "good");
    if (behind)
        make_points(f, behind);
    KG_AUTO_FREE char *store = store_path(f);
    x->slow = kg_xprintf("%s/delete.wait", store);
    assert_int_equal(kg_write_file(x->slow, "", 0, 0600, &err), 0);
    stop_service(f, SIGTERM);
    set_clock(f, 0);
    start_service(f);
    x->job = wait_expiry(f, "good");     /* the older point's time is over */
}

static void end_expiry(struct expiry *x)
{
    free(x->clock);
    free(x->slow);
    free(x->job);
}

static const char *status_of(const struct reply *r) { return kg_json_str_or(r->json, "properties.status", ""); }

static void test_a_backup_waits_for_the_end_of_an_expiry(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *backup = instance_path("good", "/backup"), *sync = instance_path("good", "/sync");
    KG_CLEANUP(end_expiry) struct expiry x = { 0 };

    begin_expiry(f, &x, NULL);
    KG_AUTO_FREE char *job = start_job(f, backup, NULL);    /* accepted */
    AUTO_REPLY struct reply waits = call(f, "GET", job, NULL);
    assert_string_equal(kg_json_str_or(waits.json, "properties.extendedInfo.progress.phase", ""), "queued");
    KG_AUTO_FREE char *log = kg_xprintf("%s/log", job);
    AUTO_REPLY struct reply lines = call(f, "GET", log, NULL);
    assert_non_null(strstr(lines.text.p, strrchr(x.job, '/') + 1)); /* it says what it waits for */
    expect_error(f, "POST", backup, NULL, KG_E_BUSY, "in progress"); /* another one like it is somebody's doing */
    expect_error(f, "POST", sync, "{}", KG_E_BUSY, "Backup");
    AUTO_REPLY struct reply still = call(f, "GET", x.job, NULL);
    assert_string_equal(status_of(&still), "InProgress");
    assert_int_equal(unlink(x.slow), 0);
    AUTO_REPLY struct reply end = wait_job(f, job);
    assert_string_equal(status_of(&end), "Completed");
    AUTO_REPLY struct reply expired = call(f, "GET", x.job, NULL);
    assert_string_equal(status_of(&expired), "Completed");
    assert_true(strcmp(kg_json_str_or(expired.json, "properties.endTime", ""), kg_json_str_or(end.json, "properties.endTime", "")) < 0);
}

static void test_nothing_else_is_refused_for_an_expiry_either(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *sync = instance_path("good", "/sync"), *stop = instance_path("good", "/suspendBackups");
    KG_AUTO_FREE char *instance = instance_path("good", "");
    KG_CLEANUP(end_expiry) struct expiry x = { 0 };

    begin_expiry(f, &x, NULL);
    AUTO_REPLY struct reply synced = call(f, "POST", sync, "{}");
    assert_int_equal(synced.status, 202);
    AUTO_REPLY struct reply stopped = call(f, "POST", stop, NULL);
    assert_true(stopped.status == 200 || stopped.status == 202);
    expect_error(f, "DELETE", instance, NULL, KG_E_BUSY, "in use"); /* by the sync that somebody asked for */
    assert_int_equal(unlink(x.slow), 0);
    AUTO_REPLY struct reply end = wait_operation(f, synced.operation);
    assert_string_equal(kg_json_str_or(end.json, "status", ""), "Succeeded");
}

static void test_an_instance_is_deleted_behind_an_expiry(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *instance = instance_path("good", "");
    KG_CLEANUP(end_expiry) struct expiry x = { 0 };

    begin_expiry(f, &x, NULL);
    AUTO_REPLY struct reply gone = call(f, "DELETE", instance, NULL);
    assert_int_equal(gone.status, 202);
    assert_int_equal(unlink(x.slow), 0);
    AUTO_REPLY struct reply end = wait_operation(f, gone.operation);
    assert_string_equal(kg_json_str_or(end.json, "status", ""), "Succeeded");
    expect(f, "GET", instance, NULL, 404);
}

static void test_a_deleted_instance_drops_the_expiry_that_waits(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *instance = instance_path("two", "");
    KG_CLEANUP(end_expiry) struct expiry x = { 0 };

    begin_expiry(f, &x, "two");
    KG_AUTO_FREE char *waiting = wait_expiry(f, "two");
    AUTO_REPLY struct reply gone = call(f, "DELETE", instance, NULL);
    assert_int_equal(gone.status, 202);
    AUTO_REPLY struct reply dropped = wait_job(f, waiting);
    assert_string_equal(status_of(&dropped), "Cancelled");
    assert_int_equal(unlink(x.slow), 0);
    AUTO_REPLY struct reply end = wait_operation(f, gone.operation);
    assert_string_equal(kg_json_str_or(end.json, "status", ""), "Succeeded");
}

/* ---- tables ---- */

/* "orders items | done": names by state, of a page. */
static void expect_tables(struct fixture *f, const char *job, const char *query, const char *expected, bool more)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/tables%s", job, query);
    AUTO_REPLY struct reply r = call(f, "GET", path, NULL);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(10000);

    assert_int_equal(r.status, 200);
    kg_buf_adds(&b, "");
    for (const struct kg_json *t = kg_json_first(kg_json_get(r.json, "value")); t; t = kg_json_next(t))
        kg_buf_addf(&b, "%s%s:%s", b.len ? " " : "", kg_json_str_or(t, "name", "?"), kg_json_str_or(t, "state", "?"));
    assert_string_equal(b.p, expected);
    assert_int_equal(kg_json_str(r.json, "nextLink") != NULL, more);
}

static void test_a_job_tells_its_tables_while_it_runs_and_afterwards(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *backup = instance_path("slow", "/backup");
    uint64_t left = 0;

    make_world(f);
    add_instance(f, "slow");
    add_instance(f, "good");
    KG_AUTO_FREE char *job = start_job(f, backup, NULL);
    for (int i = 0; i < 4000 && left == 0; i++) {
        AUTO_REPLY struct reply r = call(f, "GET", job, NULL);

        left = kg_json_u64(r.json, "properties.extendedInfo.tables.left", 0);
        usleep(5000);
    }
    assert_int_equal(left, 2);
    expect_tables(f, job, "", "orders:InProgress items:InProgress done:Completed", false);
    expect_tables(f, job, "?$top=2", "orders:InProgress items:InProgress", true);
    expect_tables(f, job, "?$top=2&$skipToken=2", "done:Completed", false);
    AUTO_REPLY struct reply ended = back_up(f, "good", "Completed");
    const char *id = kg_json_str(ended.json, "id");
    expect_tables(f, id, "", "done:Completed orders:Completed items:Completed", false);
    expect_tables(f, id, "?$top=1&$skipToken=1", "orders:Completed", true);
    restart_service(f, SIGTERM);
    expect_tables(f, id, "?$top=1", "done:Completed", true);
    expect_tables(f, job, "", "done:Completed", false); /* cancelled with the service: what was known then */
    KG_AUTO_FREE char *wrong = kg_xprintf("%s/tables?$skipToken=x", id);
    expect_error(f, "GET", wrong, NULL, KG_E_USAGE, "x");
}

/* ---- found ---- */

static size_t found(struct fixture *f, const char *body, const char *job)
{
    AUTO_REPLY struct reply r = call(f, "POST", SEARCH_JOBS, body);
    size_t n = 0;

    assert_int_equal(r.status, 200);
    for (const struct kg_json *j = kg_json_first(kg_json_get(r.json, "value")); j; j = kg_json_next(j))
        n += strcasecmp(kg_json_str_or(j, "id", ""), job) == 0;
    return n;
}

static void test_a_search_by_time_has_what_runs_all_the_same(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *backup = instance_path("slow", "/backup");

    make_world(f);
    add_instance(f, "slow");
    add_instance(f, "good");
    KG_AUTO_FREE char *job = start_job(f, backup, NULL);
    AUTO_REPLY struct reply other = back_up(f, "good", "Completed");
    const char *ended = kg_json_str(other.json, "id");

    assert_int_equal(found(f, "{\"startTime\":\"2099-01-01T00:00:00Z\"}", job), 0);
    assert_int_equal(found(f, "{\"startTime\":\"2099-01-01T00:00:00Z\",\"includeUnfinished\":true}", job), 1);
    assert_int_equal(found(f, "{\"startTime\":\"2099-01-01T00:00:00Z\",\"includeUnfinished\":true}", ended), 0);
    assert_int_equal(found(f, "{\"startTime\":\"2020-01-01T00:00:00Z\",\"includeUnfinished\":true}", job), 1); /* not twice */
    assert_int_equal(found(f, "{\"startTime\":\"2020-01-01T00:00:00Z\",\"includeUnfinished\":true}", ended), 1);
    assert_int_equal(found(f, "{\"statuses\":[\"Failed\"],\"includeUnfinished\":true}", job), 0); /* the other filters hold */
    AUTO_REPLY struct reply first = call(f, "POST", SEARCH_JOBS "?$top=1", "{\"includeUnfinished\":true}");
    assert_string_equal(kg_json_str_or(first.json, "value.0.id", ""), job); /* however many began later */
    expect_error(f, "POST", SEARCH_JOBS, "{\"includeUnfinished\":\"yes\"}", KG_E_USAGE, "includeUnfinished");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_backup_waits_for_the_end_of_an_expiry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_else_is_refused_for_an_expiry_either, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_instance_is_deleted_behind_an_expiry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_deleted_instance_drops_the_expiry_that_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_job_tells_its_tables_while_it_runs_and_afterwards, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_search_by_time_has_what_runs_all_the_same, setup, teardown),
    };
    int r = role_main(argc, argv);

    return r >= 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
