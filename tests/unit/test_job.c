#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "job/job.h"
#include "job/queue.h"
#include "job/task.h"
#include "job/user_error.h"

#define VAULT "/subscriptions/s1/resourceGroups/g1/providers/Microsoft.DataProtection/backupVaults/v1"

/* ---- states ---- */

static void test_every_transition_is_listed_and_no_other_happens(void **state)
{
    static const struct { enum kg_job_state from; enum kg_job_event event; int to; } allowed[] = {
        { KG_JOB_QUEUED, KG_JOB_LEASE, KG_JOB_RUNNING },       { KG_JOB_QUEUED, KG_JOB_CANCEL, KG_JOB_CANCELLED },
        { KG_JOB_QUEUED, KG_JOB_FAIL, KG_JOB_FAILED },         { KG_JOB_RUNNING, KG_JOB_CANCEL, KG_JOB_CANCELLING },
        { KG_JOB_RUNNING, KG_JOB_DONE, KG_JOB_COMPLETED },     { KG_JOB_RUNNING, KG_JOB_DONE_WARNINGS, KG_JOB_WARNINGS },
        { KG_JOB_RUNNING, KG_JOB_FAIL, KG_JOB_FAILED },        { KG_JOB_CANCELLING, KG_JOB_CANCEL, KG_JOB_CANCELLING },
        { KG_JOB_CANCELLING, KG_JOB_DONE, KG_JOB_COMPLETED },  { KG_JOB_CANCELLING, KG_JOB_DONE_WARNINGS, KG_JOB_WARNINGS },
        { KG_JOB_CANCELLING, KG_JOB_FAIL, KG_JOB_FAILED },     { KG_JOB_CANCELLING, KG_JOB_STOPPED, KG_JOB_CANCELLED },
    };

    (void)state;
    for (int s = 0; s < KG_JOB_STATE_COUNT_; s++) {
        for (int e = 0; e < KG_JOB_EVENT_COUNT_; e++) {
            enum kg_job_state now = (enum kg_job_state)s;
            int want = -1;
            bool moved = kg_job_state_next(&now, (enum kg_job_event)e);

            for (size_t i = 0; i < KG_ARRAY_LEN(allowed); i++)
                if ((int)allowed[i].from == s && (int)allowed[i].event == e)
                    want = allowed[i].to;
            if (moved != (want >= 0) || (int)now != (moved ? want : s))
                fail_msg("state %d, event %d: went to %d", s, e, (int)now);
            if (kg_job_state_ended((enum kg_job_state)s) && moved)
                fail_msg("state %d has ended and moves on event %d", s, e);
        }
    }
}

/* ---- the job ---- */

static struct kg_job *make_job(void)
{
    struct kg_job_spec s = { .id = "j1", .activity = "a1", .vault = VAULT, .instance = VAULT "/backupInstances/b1",
                             .location = "local", .operation = "Backup", .category = "Backup", .by = "me",
                             .start = 1000 * KG_SECOND };
    KG_AUTO_JSON struct kg_json *props = kg_json_object();

    kg_json_set_str(props, "friendlyName", "srv\\db");
    kg_json_set_str(props, "policyInfo.policyId", VAULT "/backupPolicies/p1");
    kg_json_set_str(props, "dataSourceInfo.resourceID",
                    "/subscriptions/s2/resourceGroups/g2/providers/Microsoft.DBforPostgreSQL/servers/srv/databases/db");
    kg_json_set_str(props, "dataSourceInfo.resourceName", "db");
    s.instance_properties = props;
    return kg_job_new(&s);
}

static struct kg_json *parse(const char *text)
{
    struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    if (kg_json_parse(text, strlen(text), &j, &err) < 0)
        fail_msg("%s", err.msg);
    return j;
}

static void apply(struct kg_job *j, const char *text)
{
    KG_AUTO_JSON struct kg_json *e = parse(text);

    assert_true(kg_job_apply(j, e));
}

static const char *str(const struct kg_job *j, const char *path) { return kg_json_str_or(j->properties, path, "(none)"); }

static void test_a_new_job_says_whose_it_is(void **state)
{
    KG_AUTO_JOB struct kg_job *j = make_job();

    (void)state;
    assert_string_equal(str(j, "subscriptionId"), "s1");
    assert_string_equal(str(j, "vaultName"), "v1");
    assert_string_equal(str(j, "policyName"), "p1");
    assert_string_equal(str(j, "sourceSubscriptionID"), "s2");
    assert_string_equal(str(j, "sourceResourceGroup"), "g2");
    assert_string_equal(str(j, "backupInstanceFriendlyName"), "srv\\db");
    assert_string_equal(str(j, "status"), "InProgress");
    assert_string_equal(str(j, "supportedActions.0"), "Cancel");
}

/* A progress event about n tables in work. */
static void apply_tables(struct kg_job *j, const char *event, const char *where, int n)
{
    KG_AUTO_JSON struct kg_json *e = parse(event);
    struct kg_json *list = kg_json_array();

    for (int i = 0; i < n; i++) {
        struct kg_json *t = parse("{\"schema\":\"public\",\"step\":\"read\",\"bytesDone\":5,\"bytesTotal\":9,\"rows\":2,"
                                  "\"seconds\":1.5,\"x\":1}");
        KG_AUTO_FREE char *name = kg_xprintf("t%d", i);

        kg_json_set_str(t, "name", name);
        kg_json_push(list, t);
    }
    kg_json_set(e, where, list);
    assert_true(kg_job_apply(j, e));
}

static void test_tables_in_work_and_the_biggest_are_told_bounded(void **state)
{
    static const char progress[] = "{\"event\":\"progress\",\"phase\":\"data\",\"tablesDone\":3,\"tablesTotal\":100000,"
                                   "\"tables\":{\"inWorkCount\":64,\"biggest\":[{\"name\":\"was\"}]}}";
    KG_AUTO_JOB struct kg_job *j = make_job();

    (void)state;
    kg_job_lease(j, "run1");
    apply_tables(j, progress, "tables.inWork", 64);
    assert_int_equal(kg_json_u64(j->properties, "extendedInfo.tables.done", 0), 3);
    assert_int_equal(kg_json_u64(j->properties, "extendedInfo.tables.left", 0), 99997);
    assert_int_equal(kg_json_u64(j->properties, "extendedInfo.tables.inWorkCount", 0), 64);
    assert_int_equal(kg_json_count(kg_json_get(j->properties, "extendedInfo.tables.inWork")), KG_JOB_TABLES_IN_WORK);
    assert_string_equal(str(j, "extendedInfo.tables.inWork.1.name"), "t1");
    assert_true(kg_json_double(j->properties, "extendedInfo.tables.inWork.1.seconds", 0) > 1.4);
    assert_null(kg_json_get(j->properties, "extendedInfo.tables.inWork.1.x"));
    apply(j, "{\"event\":\"progress\",\"phase\":\"indexes\",\"tablesDone\":4,\"tablesTotal\":100000}");
    assert_int_equal(kg_json_count(kg_json_get(j->properties, "extendedInfo.tables.inWork")), 0); /* a phase that is at none */
    assert_string_equal(str(j, "extendedInfo.tables.biggest.0.name"), "was");
    apply_tables(j, progress, "tables.inWork", 2);
    apply_tables(j, "{\"event\":\"tables\"}", "tables", 600);
    assert_int_equal(kg_json_count(j->tables), KG_JOB_TABLES_KEPT); /* beside the job, not in it */
    assert_int_equal(kg_json_count(kg_json_get(j->properties, "extendedInfo.tables.biggest")), KG_JOB_TABLES_BIGGEST);
    kg_job_finish(j, NULL, j->start + 1);
    assert_int_equal(kg_json_count(kg_json_get(j->properties, "extendedInfo.tables.inWork")), 0);
    assert_int_equal(kg_json_u64(j->properties, "extendedInfo.tables.inWorkCount", 9), 0);
    assert_int_equal(kg_json_count(kg_json_get(j->properties, "extendedInfo.tables.biggest")), KG_JOB_TABLES_ENDED);
}

static void test_what_a_worker_reports_is_taken_over_bounded(void **state)
{
    KG_AUTO_JOB struct kg_job *j = make_job();
    KG_AUTO_JSON struct kg_json *unknown = parse("{\"event\":\"dance\"}");

    (void)state;
    kg_job_lease(j, "run1");
    apply(j, "{\"event\":\"progress\",\"phase\":\"data\",\"bytesDone\":7,\"bytesTotal\":9,\"rows\":-3,\"evil\":{\"x\":1}}");
    assert_int_equal(kg_json_u64(j->properties, "extendedInfo.progress.bytesDone", 0), 7);
    assert_int_equal(kg_json_u64(j->properties, "extendedInfo.dataTransferredInBytes", 0), 7);
    assert_int_equal(kg_json_u64(j->properties, "extendedInfo.progress.rows", 1), 0);
    assert_null(kg_json_get(j->properties, "extendedInfo.progress.evil"));
    for (int i = 0; i < 3 * KG_JOB_SUBTASKS; i++) {
        KG_AUTO_FREE char *e = kg_xprintf("{\"event\":\"subtask\",\"id\":%d,\"name\":\"t\",\"status\":\"InProgress\"}", i);

        apply(j, e);
    }
    assert_int_equal(kg_json_count(kg_json_get(j->properties, "extendedInfo.subTasks")), KG_JOB_SUBTASKS);
    apply(j, "{\"event\":\"subtask\",\"id\":2,\"status\":\"Completed\"}");
    assert_string_equal(str(j, "extendedInfo.subTasks.2.taskStatus"), "Completed");
    assert_string_equal(str(j, "extendedInfo.subTasks.2.taskName"), "t");
    for (int i = 0; i < 2 * KG_JOB_WARNINGS_KEPT; i++)
        apply(j, "{\"event\":\"warning\",\"error\":{\"code\":\"X\",\"message\":\"m\",\"action\":\"Do.\"}}");
    assert_int_equal(kg_json_count(kg_json_get(j->properties, "extendedInfo.warningDetails")), KG_JOB_WARNINGS_KEPT);
    assert_false(kg_job_apply(j, unknown));
}

static void test_a_job_with_warnings_completes_with_warnings(void **state)
{
    KG_AUTO_JOB struct kg_job *plain = make_job();
    KG_AUTO_JOB struct kg_job *warned = make_job();
    KG_AUTO_JSON struct kg_json *result = parse("{\"bytes\":42}");

    (void)state;
    kg_job_lease(plain, "r");
    apply(plain, "{\"event\":\"subtask\",\"id\":1,\"name\":\"t\",\"status\":\"InProgress\"}");
    kg_job_finish(plain, result, 1060 * KG_SECOND);
    assert_string_equal(str(plain, "status"), "Completed");
    assert_string_equal(str(plain, "extendedInfo.subTasks.0.taskStatus"), "Completed");
    assert_int_equal(kg_json_u64(plain->properties, "extendedInfo.dataTransferredInBytes", 0), 42);
    assert_string_equal(str(plain, "endTime"), "1970-01-01T00:17:40.0000000Z");
    assert_int_equal(kg_json_count(kg_json_get(plain->properties, "supportedActions")), 0);
    kg_job_lease(warned, "r");
    apply(warned, "{\"event\":\"warning\",\"error\":{\"code\":\"X\",\"message\":\"m\",\"action\":\"Do.\"}}");
    kg_job_finish(warned, NULL, 1);
    assert_string_equal(str(warned, "status"), "CompletedWithWarnings");
    assert_true(warned->end > warned->start); /* the clock was set back meanwhile */
}

static void test_a_failed_job_carries_error_advice_and_the_end_of_what_was_said(void **state)
{
    KG_AUTO_JOB struct kg_job *j = make_job();
    KG_AUTO_FREE char *said = kg_xalloc(3 * KG_JOB_DETAIL_MAX);
    struct kg_err e = { 0 };
    const char *detail;

    (void)state;
    memset(said, 'x', 3 * KG_JOB_DETAIL_MAX - 1);
    memcpy(said + 3 * KG_JOB_DETAIL_MAX - 9, "THE END.", 8);
    kg_err_set(&e, KG_E_DB_LOCKED, "table is locked");
    kg_job_lease(j, "r");
    kg_job_fail(j, &e, said, 2000 * KG_SECOND);
    assert_string_equal(str(j, "status"), "Failed");
    assert_string_equal(str(j, "errorDetails.0.code"), kg_code_arm(KG_E_DB_LOCKED));
    assert_string_equal(str(j, "errorDetails.0.recommendedAction.0"), kg_code_action(KG_E_DB_LOCKED));
    assert_true(kg_json_bool(j->properties, "errorDetails.0.isRetryable", false));
    detail = str(j, "errorDetails.0.innerError.additionalInfo.DetailedNonLocalisedMessage");
    assert_true(strlen(detail) < KG_JOB_DETAIL_MAX && strcmp(detail + strlen(detail) - 8, "THE END.") == 0);
}

static void test_only_a_cancelled_job_ends_as_cancelled(void **state)
{
    KG_AUTO_JOB struct kg_job *asked = make_job();
    KG_AUTO_JOB struct kg_job *not_asked = make_job();
    KG_AUTO_JOB struct kg_job *waiting = make_job();
    struct kg_err e = { 0 };

    (void)state;
    kg_err_set(&e, KG_E_CANCELLED, "cancelled");
    kg_job_lease(asked, "r");
    assert_true(kg_job_happens(asked, KG_JOB_CANCEL));
    assert_string_equal(str(asked, "status"), "Cancelling");
    kg_job_fail(asked, &e, NULL, 1);
    assert_string_equal(str(asked, "status"), "Cancelled");
    kg_job_lease(not_asked, "r");
    kg_job_fail(not_asked, &e, NULL, 1);
    assert_string_equal(str(not_asked, "status"), "Failed");
    kg_job_fail(waiting, &e, NULL, 1);
    assert_string_equal(str(waiting, "status"), "Cancelled");
}

static void test_a_job_comes_back_from_its_row_as_it_was(void **state)
{
    KG_AUTO_JOB struct kg_job *j = make_job();
    KG_AUTO_JOB struct kg_job *back = NULL;
    struct kg_job_row row;

    (void)state;
    kg_job_lease(j, "run7");
    kg_job_detail(j, "RetentionTag", "Monthly");
    kg_job_to_row(j, &row);
    assert_string_equal(row.status, "InProgress");
    back = kg_job_from_row(&row);
    kg_json_free(row.json);
    assert_int_equal(back->state, KG_JOB_RUNNING);
    assert_string_equal(back->owner, "run7");
    assert_string_equal(str(back, "extendedInfo.additionalDetails.RetentionTag"), "Monthly");
    KG_AUTO_JSON struct kg_json *a = kg_job_answer(back->vault, back->id, back->properties, 1061 * KG_SECOND);
    assert_string_equal(kg_json_str_or(a, "id", ""), VAULT "/backupJobs/j1");
    assert_non_null(strstr(kg_json_str_or(a, "properties.duration", ""), "1M1"));
}

/* ---- the queue ---- */

static void add(struct kg_queue *q, bool heavy, const char *server, const char *instance, const char *item)
{
    struct kg_queue_spec s = { .heavy = heavy, .server = server, .instance = instance };
    struct kg_err err = { 0 };

    assert_int_equal(kg_queue_add(q, &s, (void *)(uintptr_t)item, &err), 0);
}

static void test_the_queue_keeps_every_limit_and_the_order(void **state)
{
    struct kg_queue_limits l = { .host = 2, .per_server = 1, .light = 1, .waiting = 10 };
    KG_CLEANUP(kg_queue_freep) struct kg_queue *q = kg_queue_new(&l);
    static const char a[] = "a", b[] = "b", c[] = "c", d[] = "d", e[] = "e", f[] = "f";

    (void)state;
    add(q, true, "S1", "I1", a);
    add(q, true, "s1", "I2", b);   /* the same server, spelt differently */
    add(q, true, "S2", "i1", c);   /* the same instance */
    add(q, true, "S3", "I4", d);
    add(q, false, NULL, NULL, e);
    add(q, false, NULL, NULL, f);
    assert_ptr_equal(kg_queue_next(q), a);
    assert_ptr_equal(kg_queue_next(q), d); /* b and c must wait and do not hold it up */
    assert_ptr_equal(kg_queue_next(q), e); /* light ones have their own places */
    assert_null(kg_queue_next(q));
    kg_queue_end(q, e);
    assert_ptr_equal(kg_queue_next(q), f);
    kg_queue_end(q, a);
    assert_ptr_equal(kg_queue_next(q), b);
    assert_null(kg_queue_next(q)); /* the host's two places are taken */
    kg_queue_end(q, d);
    assert_ptr_equal(kg_queue_next(q), c);
    assert_int_equal(kg_queue_running(q), 3);
    assert_int_equal(kg_queue_waiting(q), 0);
}

/* A backup and a copy of one instance run side by side, what deletes waits for both; who goes first goes before who waits. */
static void test_lanes_of_an_instance_and_who_goes_first(void **state)
{
    struct kg_queue_limits l = { .host = 2, .per_server = 2, .light = 1, .waiting = 10 };
    KG_CLEANUP(kg_queue_freep) struct kg_queue *q = kg_queue_new(&l);
    static const char backup[] = "backup", copy[] = "copy", expiry[] = "expiry", other[] = "other", urgent[] = "urgent";
    struct { const char *item; struct kg_queue_spec s; } tasks[] = {
        { backup, { .heavy = true, .instance = "i", .lanes = KG_LANE_BACKUP } },
        { copy, { .heavy = true, .instance = "i", .lanes = KG_LANE_COPY } },
        { expiry, { .instance = "i", .lanes = KG_LANE_BOTH } },
        { other, { .heavy = true } },
        { urgent, { .heavy = true, .first = true } },
    };
    struct kg_err err = { 0 };

    (void)state;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(kg_queue_add(q, &tasks[i].s, (void *)(uintptr_t)tasks[i].item, &err), 0);
    assert_ptr_equal(kg_queue_next(q), backup);
    assert_ptr_equal(kg_queue_next(q), copy);
    for (size_t i = 2; i < KG_ARRAY_LEN(tasks); i++)
        assert_int_equal(kg_queue_add(q, &tasks[i].s, (void *)(uintptr_t)tasks[i].item, &err), 0);
    assert_null(kg_queue_next(q));
    kg_queue_end(q, copy);
    assert_ptr_equal(kg_queue_next(q), urgent);
    kg_queue_end(q, backup);
    assert_ptr_equal(kg_queue_next(q), expiry);
    assert_ptr_equal(kg_queue_next(q), other);
}

static void test_a_job_that_waits_keeps_its_task(void **state)
{
    KG_AUTO_TASK struct kg_task *t = kg_task_new(KG_TASK_RESTORE_FILES), *back = NULL;
    KG_AUTO_JOB struct kg_job *j = kg_job_new(&(struct kg_job_spec){ .id = "j1", .activity = "a", .vault = VAULT, .operation = "Restore",
                                                                     .category = "Restore", .start = KG_SECOND });
    KG_AUTO_JOB struct kg_job *again = NULL;
    KG_AUTO_JSON struct kg_json *hostile = kg_json_object();
    struct kg_job_row row;

    (void)state;
    t->vault = kg_xstrdup(VAULT);
    t->instance = kg_xstrdup(VAULT "/backupInstances/i");
    t->container = kg_xstrdup("c");
    t->uid = 1234;
    kg_json_set_str(t->params, "point", "p");
    j->waiting = kg_task_to_json(t);
    kg_job_to_row(j, &row);
    again = kg_job_from_row(&row);
    kg_json_free(row.json);
    back = kg_task_from_json(again->waiting);
    assert_true(back && back->kind == KG_TASK_RESTORE_FILES && back->uid == 1234 && !back->server);
    assert_string_equal(back->instance, t->instance);
    assert_string_equal(back->container, "c");
    assert_string_equal(kg_json_str_or(back->params, "point", ""), "p");
    assert_null(kg_json_get(again->properties, "waiting")); /* nobody is told */
    assert_null(kg_task_from_json(hostile));
}

static void test_a_full_queue_refuses_more(void **state)
{
    struct kg_queue_limits l = { .host = 1, .per_server = 1, .light = 1, .waiting = 2 };
    KG_CLEANUP(kg_queue_freep) struct kg_queue *q = kg_queue_new(&l);
    struct kg_queue_spec s = { .heavy = true };
    static const char a[] = "a", b[] = "b", c[] = "c";
    struct kg_err err = { 0 };

    (void)state;
    add(q, true, NULL, NULL, a);
    add(q, true, NULL, NULL, b);
    assert_int_equal(kg_queue_add(q, &s, (void *)(uintptr_t)c, &err), -KG_E_LIMIT);
    assert_ptr_equal(kg_queue_next(q), a); /* one that runs does not wait */
    add(q, true, NULL, NULL, c);
    kg_queue_end(q, b);                    /* one that waits can be taken out */
    kg_queue_end(q, a);
    assert_ptr_equal(kg_queue_next(q), c);
}

/* ---- errors and kinds ---- */

static void test_every_error_has_an_envelope_with_code_message_and_advice(void **state)
{
    (void)state;
    for (unsigned i = 1; kg_code_at(i) != KG_E_OK; i++) {
        struct kg_err e = { 0 };
        KG_AUTO_JSON struct kg_json *j = NULL;

        kg_err_set(&e, kg_code_at(i), "what happened");
        j = kg_cloud_error(&e, "said", "/target", "activity");
        assert_string_equal(kg_json_str_or(j, "code", ""), kg_code_arm(e.code));
        assert_string_equal(kg_json_str_or(j, "additionalInfo.0.type", ""), "UserFacingError");
        assert_string_equal(kg_json_str_or(j, "additionalInfo.0.info.message", ""), "what happened");
        if (!*kg_json_str_or(j, "additionalInfo.0.info.recommendedAction.0", ""))
            fail_msg("%s has no advice", kg_code_name(e.code));
        assert_string_equal(kg_json_str_or(j, "additionalInfo.0.info.properties.ActivityId", ""), "activity");
    }
}

static void test_kinds_of_tasks_are_found_by_their_names(void **state)
{
    (void)state;
    for (int k = 0; k < KG_TASK_KIND_COUNT_; k++)
        assert_int_equal(kg_task_kind_from_name(kg_task_row((enum kg_task_kind)k)->name), k);
    assert_int_equal(kg_task_kind_from_name("Nothing"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_transition_is_listed_and_no_other_happens),
        cmocka_unit_test(test_a_new_job_says_whose_it_is),
        cmocka_unit_test(test_tables_in_work_and_the_biggest_are_told_bounded),
        cmocka_unit_test(test_what_a_worker_reports_is_taken_over_bounded),
        cmocka_unit_test(test_a_job_with_warnings_completes_with_warnings),
        cmocka_unit_test(test_a_failed_job_carries_error_advice_and_the_end_of_what_was_said),
        cmocka_unit_test(test_only_a_cancelled_job_ends_as_cancelled),
        cmocka_unit_test(test_a_job_comes_back_from_its_row_as_it_was),
        cmocka_unit_test(test_the_queue_keeps_every_limit_and_the_order),
        cmocka_unit_test(test_lanes_of_an_instance_and_who_goes_first),
        cmocka_unit_test(test_a_job_that_waits_keeps_its_task),
        cmocka_unit_test(test_a_full_queue_refuses_more),
        cmocka_unit_test(test_every_error_has_an_envelope_with_code_message_and_advice),
        cmocka_unit_test(test_kinds_of_tasks_are_found_by_their_names),
    };

    return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
