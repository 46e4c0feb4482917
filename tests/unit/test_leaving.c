/* Recovery points on their way out: between the decision and its end they say so, nobody is promised that they stay, and whatever dies
 * in between, in the end there is exactly what is listed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/service_fixture.h"

enum { MOST = 8 };

/* An instance "good" with its points, the oldest first. */
struct world {
    char *dir;                           /* of the vault */
    char *point[MOST];                   /* paths */
    char clock[96];
};

static void world_done(struct world *w)
{
    for (int i = 0; i < MOST; i++)
        free(w->point[i]);
    free(w->dir);
}
#define AUTO_WORLD KG_CLEANUP(world_done)

static const char *id_of(const char *path) { return strrchr(path, '/') + 1; }

static void tell(const struct world *w, const char *what, bool on)
{
    KG_AUTO_FREE char *file = kg_xprintf("%s/%s", w->dir, what);
    struct kg_err err = { 0 };

    if (on)
        assert_int_equal(kg_write_file(file, "", 0, 0600, &err), 0);
    else
        (void)unlink(file);
}

static bool is_told(const struct world *w, const char *what)
{
    KG_AUTO_FREE char *file = kg_xprintf("%s/%s", w->dir, what);

    return access(file, F_OK) == 0;
}

static void wait_told(const struct world *w, const char *what)
{
    for (int i = 0; i < 4000; i++, usleep(5000))
        if (is_told(w, what))
            return;
    fail_msg("there is no %s", what);
}

static bool has_file(const struct world *w, const char *path)
{
    KG_AUTO_FREE char *file = kg_xprintf("%s.point", id_of(path));

    return is_told(w, file);
}

static void set_clock(const struct world *w, int days)
{
    int64_t ahead = (int64_t)days * 86400 * KG_SECOND;
    int fd = open(w->clock, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_int_equal(pwrite(fd, &ahead, sizeof ahead, 0), sizeof ahead);
    close(fd);
}

/* "Completed", "Deleting", "": there is none. */
static void state_of(struct fixture *f, const char *path, char ret[32])
{
    AUTO_REPLY struct reply r = call(f, "GET", path, NULL);

    snprintf(ret, 32, "%s", r.status == 200 ? kg_json_str_or(r.json, "properties.recoveryPointState", "?") : "");
}

static void expect_state(struct fixture *f, const char *path, const char *state)
{
    char is[32] = "?";

    for (int i = 0; i < 4000; i++, usleep(5000)) {
        state_of(f, path, is);
        if (strcmp(is, state) == 0)
            return;
    }
    fail_msg("%s is '%s' and not '%s'; see %s", path, is, state, f->log);
}

static struct world make(struct fixture *f, int points)
{
    static const char settings[] = "worker_silence_seconds = 60\ncancel_seconds = 1\nmax_jobs = 2\nlog_level = debug\nstop_seconds = 3\n"
                                   "lifecycle_seconds = 1\nclock_settle_seconds = 0\nclock_away_days = 36500\n";
    KG_AUTO_FREE char *policy = kg_xstrdup(policy_body);
    struct world w = { .dir = NULL };
    struct kg_err err = { 0 };

    snprintf(w.clock, sizeof w.clock, "%s/clock", f->dir);
    set_clock(&w, 0);
    stop_service(f, SIGTERM);
    assert_int_equal(kg_write_file(f->config, settings, sizeof settings - 1, 0600, &err), 0);
    f->clock = kg_xstrdup(w.clock);
    start_service(f);
    make_world(f);
    memcpy(strstr(policy, "R/2021"), "R/2099", 6); /* nothing by itself */
    expect(f, "PUT", POLICY, policy, 200);
    add_instance(f, "good");
    AUTO_REPLY struct reply vault = call(f, "GET", VAULT, NULL);
    w.dir = kg_xstrdup(kg_json_str(vault.json, "properties.storeSettings.path"));
    for (int i = 0; i < points; i++) {
        AUTO_REPLY struct reply done = back_up(f, "good", "Completed");
        assert_int_equal(done.status, 200);
        KG_AUTO_FREE char *path = instance_path("good", "/recoveryPoints");
        AUTO_REPLY struct reply list = call(f, "GET", path, NULL);

        w.point[i] = kg_xstrdup(kg_json_str(list.json, "value.0.id"));
    }
    return w;
}

static void test_a_point_that_leaves_says_so_and_promises_nothing(void **state)
{
    struct fixture *f = *state;
    AUTO_WORLD struct world w = make(f, 2);
    KG_AUTO_FREE char *hold = kg_xprintf("%s/hold", w.point[0]);
    KG_AUTO_FREE char *hold_other = kg_xprintf("%s/hold", w.point[1]);
    KG_AUTO_FREE char *restore = instance_path("good", "/restore");
    KG_AUTO_FREE char *validate = instance_path("good", "/validateRestore");
    KG_AUTO_FREE char *rehydrate = instance_path("good", "/rehydrate");
    KG_AUTO_FREE char *wish = kg_xprintf("{\"recoveryPointId\":\"%s\"}", id_of(w.point[0]));
    KG_AUTO_FREE char *stop = instance_path("good", "/stopProtection");
    KG_AUTO_FREE char *wanted = restore_body(id_of(w.point[0]), "back");
    KG_AUTO_FREE char *other = restore_body(id_of(w.point[1]), "back");
    KG_AUTO_FREE char *validation = kg_xprintf("{\"restoreRequestObject\":%s}", wanted);

    tell(&w, "delete.wait", true);
    set_clock(&w, 100);
    expect_state(f, w.point[0], "Deleting");
    {
        AUTO_REPLY struct reply r = call(f, "GET", w.point[0], NULL);

        assert_string_equal(kg_json_str_or(r.json, "properties.recoveryPointDataStoresDetails.0.state", ""), "DELETING");
        assert_non_null(strstr(kg_json_str_or(r.json, "properties.retention.keptBecause", ""), "being deleted"));
    }
    expect_error(f, "POST", hold, "{}", KG_E_LEAVING, "is being deleted");
    expect_error(f, "POST", restore, wanted, KG_E_LEAVING, "is being deleted");
    expect_error(f, "POST", validate, validation, KG_E_LEAVING, "is being deleted");
    expect_error(f, "POST", rehydrate, wish, KG_E_LEAVING, "is being deleted");
    expect_error(f, "POST", stop, NULL, KG_E_LEAVING, "1 recovery point of backup instance 'bi-good' is being deleted");
    expect_state(f, w.point[1], "Completed"); /* the newest stays, and is as ever */
    expect(f, "POST", hold_other, "{}", 200);
    expect(f, "POST", restore, other, 202);
    tell(&w, "delete.wait", false);
    expect_state(f, w.point[0], "");
    expect(f, "POST", stop, NULL, 200);
    assert_int_equal(points_of(f, "good"), 1);
}

static void test_what_a_worker_leaves_is_there_and_says_why(void **state)
{
    struct fixture *f = *state;
    AUTO_WORLD struct world w = make(f, 2);

    tell(&w, "delete.keeps", true);
    set_clock(&w, 100);
    for (int i = 0; i < 4000; i++, usleep(5000)) {
        AUTO_REPLY struct reply r = call(f, "GET", w.point[0], NULL);

        if (!kg_json_get(r.json, "properties.retention.stayed"))
            continue;
        assert_string_equal(kg_json_str_or(r.json, "properties.recoveryPointState", ""), "Completed");
        assert_non_null(strstr(kg_json_str_or(r.json, "properties.retention.keptBecause", ""), "not whole"));
        break;
    }
    tell(&w, "delete.keeps", false);
    expect_state(f, w.point[0], ""); /* and is asked again */
}

/* Who is listed as Completed is there. */
static void expect_no_lie(struct fixture *f, const struct world *w)
{
    for (int i = 0; w->point[i]; i++) {
        bool there = has_file(w, w->point[i]);
        char is[32];

        state_of(f, w->point[i], is); /* asked after: what is being deleted is no lie */
        if (!there && strcmp(is, "Completed") == 0)
            fail_msg("point %d is Completed and gone", i);
    }
}

static void test_whatever_dies_in_between_nothing_stays_leaving(void **state)
{
    /* Accepted and not begun, done and not recorded; the commits that accept and record it; its worker. */
    static const char *const faults[] = { "engine.lease:1:kill", "engine.commit:1:kill", "catalog.commit:5:kill", "catalog.commit:6:kill",
                                          "worker dies" };
    struct fixture *f = *state;
    AUTO_WORLD struct world w = make(f, 2);

    for (size_t i = 0; i < KG_ARRAY_LEN(faults); i++) {
        bool worker = strcmp(faults[i], "worker dies") == 0;
        int status, last = 0;
        char is[32];

        while (w.point[last + 1])
            last++;
        if (worker) {
            tell(&w, "delete.dies", true);
            set_clock(&w, 100 * ((int)i + 1));
        } else {
            stop_service(f, SIGTERM);
            set_clock(&w, 100 * ((int)i + 1));
            f->fault = faults[i];
            spawn_service(f);
            f->fault = NULL;
            for (int k = 0; k < 3000 && kill(f->pid, 0) == 0 && waitpid(f->pid, &status, WNOHANG) == 0; k++)
                usleep(5000);
            if (kill(f->pid, 0) == 0)
                fail_msg("%s does not kill", faults[i]);
            f->pid = 0;
            tell(&w, "delete.wait", true);
            start_service(f);
            expect_no_lie(f, &w);
            if (i < 2) { /* accepted, and not recorded */
                state_of(f, w.point[last - 1], is);
                assert_string_equal(is, "Deleting");
            }
            tell(&w, "delete.wait", false);
        }
        expect_state(f, w.point[last - 1], "");
        assert_false(has_file(&w, w.point[last - 1]));
        expect_state(f, w.point[last], "Completed");
        /* The next round's newest. */
        AUTO_REPLY struct reply done = back_up(f, "good", "Completed");
        assert_int_equal(done.status, 200);
        KG_AUTO_FREE char *path = instance_path("good", "/recoveryPoints");
        AUTO_REPLY struct reply list = call(f, "GET", path, NULL);
        free(w.point[0]);
        memmove(w.point, w.point + 1, (MOST - 1) * sizeof *w.point);
        w.point[last] = kg_xstrdup(kg_json_str(list.json, "value.0.id"));
    }
}

static void test_after_a_deletion_that_failed_halfway_what_is_listed_is_there(void **state)
{
    struct fixture *f = *state;
    AUTO_WORLD struct world w = make(f, 3);
    KG_AUTO_FREE char *instance = instance_path("good", "");
    KG_AUTO_FREE char *restore = instance_path("good", "/restore");
    size_t there = 0;
    bool asked = false;

    tell(&w, "delete.dies", true);
    tell(&w, "delete.wait", true);
    expect_operation(f, "DELETE", instance, NULL, "Failed");
    for (int i = 0; i < 3; i++)
        expect_state(f, w.point[i], "Deleting"); /* nobody knows */
    tell(&w, "delete.wait", false);
    for (int i = 0; i < 3; i++) {
        KG_AUTO_FREE char *wanted = restore_body(id_of(w.point[i]), "back");

        expect_state(f, w.point[i], has_file(&w, w.point[i]) ? "Completed" : "");
        there += has_file(&w, w.point[i]);
        if (!asked && has_file(&w, w.point[i])) {
            expect(f, "POST", restore, wanted, 202);
            asked = true;
        }
    }
    assert_int_equal(there, 2);
    assert_int_equal(points_of(f, "good"), 2);
    for (int i = 0; i < 400; i++, usleep(5000)) { /* and it can be deleted after all */
        AUTO_REPLY struct reply r = call(f, "DELETE", instance, NULL);

        if (r.status == 409)
            continue;
        AUTO_REPLY struct reply end = wait_operation(f, r.operation);
        assert_string_equal(kg_json_str_or(end.json, "status", ""), "Succeeded");
        break;
    }
    assert_false(has_file(&w, w.point[0]) || has_file(&w, w.point[1]) || has_file(&w, w.point[2]));
}

/* A backup that fails has the vault asked for its points. */
static void provoke_adoption(struct fixture *f, const struct world *w)
{
    tell(w, "list.taken", false);
    tell(w, "list.wait", true);
    AUTO_REPLY struct reply failed = back_up(f, "refused", "Failed");
    assert_int_equal(failed.status, 200);
    wait_told(w, "list.taken");
}

static void wait_adopted(struct fixture *f)
{
    for (int i = 0; i < 4000; i++, usleep(5000)) {
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(16 << 20);
        struct kg_err err = { 0 };

        assert_int_equal(kg_read_file(AT_FDCWD, f->log, &b, &err), 0);
        if (strstr(b.p, "Adopt of "))
            return;
    }
    fail_msg("nothing is adopted; see %s", f->log);
}

static void adopt_and_expire(struct fixture *f, bool expiry_first)
{
    AUTO_WORLD struct world w = make(f, 2);
    char is[32];

    add_instance(f, "refused");
    provoke_adoption(f, &w); /* the list has both */
    tell(&w, "delete.late", !expiry_first);
    set_clock(&w, 100);
    if (expiry_first) {
        expect_state(f, w.point[0], "");
        tell(&w, "delete.wait", true); /* what came back could be expired at once */
        tell(&w, "list.wait", false);
        wait_adopted(f);
        state_of(f, w.point[0], is);
        assert_string_equal(is, "");
        tell(&w, "delete.wait", false);
    } else {
        wait_told(&w, "delete.done");
        assert_false(has_file(&w, w.point[0]));
        tell(&w, "list.wait", false);
        wait_adopted(f);
        expect_state(f, w.point[0], "Deleting");
        tell(&w, "delete.late", false);
    }
    expect_state(f, w.point[0], "");
    assert_int_equal(points_of(f, "good"), 1);
    expect_state(f, w.point[1], "Completed");
}

static void test_a_list_older_than_a_deletion_brings_nothing_back(void **state) { adopt_and_expire(*state, true); }
static void test_a_list_recorded_before_a_deletion_is_neither(void **state) { adopt_and_expire(*state, false); }

/* A job that died has deleted it, and nobody knows yet: what looks at the vault then must not call it lost. */
static void test_what_may_have_left_is_not_lost_to_a_synchronization(void **state)
{
    struct fixture *f = *state;
    AUTO_WORLD struct world w = make(f, 2);
    KG_AUTO_FREE char *sync = instance_path("good", "/sync");

    tell(&w, "delete.wait", true);
    set_clock(&w, 100);
    expect_state(f, w.point[0], "Deleting");
    AUTO_REPLY struct reply asked = call(f, "POST", sync, "{}"); /* behind the deletion */
    assert_int_equal(asked.status, 202);
    tell(&w, "list.wait", true);
    tell(&w, "delete.dies", true);
    tell(&w, "delete.wait", false);
    wait_told(&w, "list.taken");
    assert_false(has_file(&w, w.point[0]));
    expect_state(f, w.point[0], "Deleting");
    tell(&w, "list.wait", false);
    AUTO_REPLY struct reply end = wait_operation(f, asked.operation);
    AUTO_REPLY struct reply job = wait_job(f, kg_json_str_or(end.json, "properties.jobId", "/"));
    assert_string_equal(kg_json_str_or(job.json, "properties.status", ""), "Completed");
    expect_state(f, w.point[0], "");
    expect_state(f, w.point[1], "Completed");
}

static void test_what_left_during_a_check_is_not_lost(void **state)
{
    struct fixture *f = *state;
    AUTO_WORLD struct world w = make(f, 2);

    tell(&w, "check.wait", true);
    AUTO_REPLY struct reply asked = call(f, "POST", VAULT "/check", "{}");
    assert_int_equal(asked.status, 202);
    tell(&w, "delete.late", true);
    set_clock(&w, 100);
    wait_told(&w, "delete.done");
    assert_false(has_file(&w, w.point[0]));
    tell(&w, "check.wait", false);
    AUTO_REPLY struct reply end = wait_operation(f, asked.operation);
    AUTO_REPLY struct reply found = call(f, "GET", asked.location, NULL);
    assert_string_equal(kg_json_str_or(end.json, "status", ""), "Succeeded");
    assert_int_equal(kg_json_count(kg_json_get(found.json, "damage")), 1); /* what every check of this worker finds */
    expect_state(f, w.point[0], "Deleting");
    tell(&w, "delete.late", false);
    expect_state(f, w.point[0], "");
}

/* While nobody believes the clock nothing is deleted; what a deletion left is found all the same. */
static void test_a_clock_that_jumped_does_not_keep_a_point_in_doubt(void **state)
{
    static const char settings[] = "worker_silence_seconds = 60\ncancel_seconds = 1\nmax_jobs = 2\nlog_level = debug\nstop_seconds = 3\n"
                                   "lifecycle_seconds = 1\nclock_settle_seconds = 86400\nclock_away_days = 36500\n";
    struct fixture *f = *state;
    AUTO_WORLD struct world w = make(f, 3);
    KG_AUTO_FREE char *instance = instance_path("good", "");
    struct kg_err err = { 0 };
    const char *clock = "";
    size_t there = 0;

    stop_service(f, SIGTERM);
    assert_int_equal(kg_write_file(f->config, settings, sizeof settings - 1, 0600, &err), 0);
    start_service(f);
    set_clock(&w, 100); /* two of the points are over */
    for (int i = 0; i < 4000 && strcmp(clock, "Settling") != 0; i++, usleep(5000)) {
        AUTO_REPLY struct reply r = call(f, "GET", SERVICE, NULL);

        clock = strcmp(kg_json_str_or(r.json, "clock.state", ""), "Settling") == 0 ? "Settling" : "";
    }
    assert_string_equal(clock, "Settling");
    tell(&w, "delete.dies", true);
    expect_operation(f, "DELETE", instance, NULL, "Failed");
    for (int i = 0; i < 3; i++) {
        expect_state(f, w.point[i], has_file(&w, w.point[i]) ? "Completed" : "");
        there += has_file(&w, w.point[i]);
    }
    assert_int_equal(there, 2);
    AUTO_REPLY struct reply jobs = call(f, "GET", VAULT "/backupJobs", NULL);
    assert_non_null(kg_json_str(jobs.json, "value.0.id"));
    stop_service(f, SIGTERM);
    set_clock(&w, 3000); /* nor are jobs forgotten that are old to that clock only */
    start_service(f);
    usleep(1500 * 1000); /* that would be in its first second */
    expect(f, "GET", kg_json_str(jobs.json, "value.0.id"), NULL, 200);
}

static void test_what_a_restore_reads_does_not_leave(void **state)
{
    struct fixture *f = *state;
    AUTO_WORLD struct world w = make(f, 3);
    KG_AUTO_FREE char *restore = instance_path("good", "/restore");
    KG_AUTO_FREE char *wanted = restore_body(id_of(w.point[0]), "back");

    tell(&w, "restore.wait", true);
    KG_AUTO_FREE char *job = start_job(f, restore, wanted);
    set_clock(&w, 200);
    expect_state(f, w.point[1], "");     /* its time is over, as that of the other one */
    usleep(1500 * 1000);                 /* and another look at both */
    expect_state(f, w.point[0], "Completed");
    assert_true(has_file(&w, w.point[0]));
    tell(&w, "restore.wait", false);
    AUTO_REPLY struct reply done = wait_job(f, job);
    assert_string_equal(kg_json_str_or(done.json, "properties.status", ""), "Completed");
    expect_state(f, w.point[0], "");
}

static int end(void **state)
{
    struct fixture *f = *state;

    free((char *)(uintptr_t)f->clock);
    return teardown(state);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, end)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(test_a_point_that_leaves_says_so_and_promises_nothing),
        T(test_what_a_worker_leaves_is_there_and_says_why),
        T(test_whatever_dies_in_between_nothing_stays_leaving),
        T(test_after_a_deletion_that_failed_halfway_what_is_listed_is_there),
        T(test_a_list_older_than_a_deletion_brings_nothing_back),
        T(test_a_list_recorded_before_a_deletion_is_neither),
        T(test_what_may_have_left_is_not_lost_to_a_synchronization),
        T(test_what_left_during_a_check_is_not_lost),
        T(test_a_clock_that_jumped_does_not_keep_a_point_in_doubt),
        T(test_what_a_restore_reads_does_not_leave),
    };
    int role = role_main(argc, argv);

    if (role >= 0)
        return role;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests_name("leaving", tests, NULL, NULL);
}
