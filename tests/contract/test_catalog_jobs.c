/* The catalog's jobs, how instances stand, and what is counted over time: found by every filter, in pages, fast. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <time.h>

#include "support/catalog_fixture.h"

/* Time that this thread had, however busy the machine is. */
static kg_usec spent(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (kg_usec)t.tv_sec * KG_SECOND + t.tv_nsec / 1000;
}

static void test_jobs_are_listed_newest_first_with_every_filter(void **state)
{
    struct fixture *f = *state;
    static const struct { struct kg_job_query q; size_t count; } cases[] = {
        { { 0 }, 12 },
        { { .vault = VAULT }, 12 },
        { { .vault = VAULT "x" }, 0 },
        { { .instance = INST }, 6 },
        { { .operation = "backup" }, 6 },
        { { .status = "inprogress" }, 4 },
        { { .vault = VAULT, .status = "Completed", .operation = "Restore" }, 4 },
        { { .unfinished = true }, 4 },
        { { .from = 1002, .to = 1004 }, 4 },
        { { .from = 1005 }, 2 },
    };

    put_tree(f);
    for (int i = 0; i < 12; i++)
        job(f, i, i % 2 ? "Restore" : "Backup", i % 3 ? "Completed" : "InProgress", i % 2 == 0);
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_JOB_LIST struct kg_job_list l = { 0 };
        uint64_t n = 99;

        OK(kg_catalog_job_list(f->c, &cases[i].q, &l, err));
        OK(kg_catalog_job_count(f->c, &cases[i].q, &n, err));
        if (l.count != cases[i].count || n != l.count)
            fail_msg("case %zu: %zu rows, count %" PRIu64 " instead of %zu", i, l.count, n, cases[i].count);
        for (size_t k = 1; k < l.count; k++)
            assert_true(l.rows[k - 1].start > l.rows[k].start ||
                        (l.rows[k - 1].start == l.rows[k].start && strcmp(l.rows[k - 1].id, l.rows[k].id) > 0));
    }
}

static void test_jobs_are_found_by_lists_of_names_and_below_any_scope(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_JSON struct kg_json *states = doc("[\"inprogress\",\"completed\"]"), *failed = doc("[\"Failed\"]");
    KG_AUTO_JSON struct kg_json *kinds = doc("[\"scheduledbackup\"]"), *names = doc("[\"other\",\"VAULT1\"]");
    const struct { struct kg_job_query q; size_t count; } cases[] = {
        { { .under = SUB }, 12 },
        { { .under = GROUP }, 12 },
        { { .under = VAULT }, 0 },
        { { .under = SUB "0" }, 0 },
        { { .statuses = states }, 12 },
        { { .statuses = failed }, 0 },
        { { .kinds = kinds }, 6 },
        { { .vault_names = names }, 12 },
        { { .vault_names = failed }, 0 },
        { { .ended_before = 2003 }, 2 },
        { { .vault = VAULT, .kinds = kinds, .statuses = states, .status = "Completed" }, 4 },
    };

    put_tree(f);
    for (int i = 0; i < 12; i++)
        job(f, i, i % 2 ? "Restore" : "Backup", i % 3 ? "Completed" : "InProgress", i % 2 == 0);
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_JOB_LIST struct kg_job_list l = { 0 };
        uint64_t n = 99;

        OK(kg_catalog_job_list(f->c, &cases[i].q, &l, err));
        OK(kg_catalog_job_count(f->c, &cases[i].q, &n, err));
        if (l.count != cases[i].count || n != l.count)
            fail_msg("case %zu: %zu rows, count %" PRIu64 " instead of %zu", i, l.count, n, cases[i].count);
    }
}

/* A job that waits for weeks must not leave the list of the last days; each once, over any number of pages. */
static void test_a_list_from_some_day_ends_with_older_jobs_that_have_not_ended(void **state)
{
    struct fixture *f = *state;
    static const char *const want[] = { "job-000011", "job-000010", "job-000009", "job-000006", "job-000003", "job-000000" };

    put_tree(f);
    for (int i = 0; i < 12; i++)
        job(f, i, "Backup", i % 3 ? "Completed" : "InProgress", true);
    for (unsigned top = 1; top <= 7; top++) {
        KG_AUTO_FREE char *after = NULL;
        size_t n = 0;

        do {
            KG_AUTO_JOB_LIST struct kg_job_list l = { 0 };
            struct kg_job_query q = { .vault = VAULT, .from = 1005, .and_unfinished = true, .after = after, .top = top };

            OK(kg_catalog_job_list(f->c, &q, &l, err));
            assert_true(l.count <= top);
            for (size_t i = 0; i < l.count; i++, n++)
                assert_string_equal(l.rows[i].id, want[n < KG_ARRAY_LEN(want) ? n : 0]);
            free(after);
            after = KG_TAKE(l.next);
        } while (after);
        assert_int_equal(n, KG_ARRAY_LEN(want));
    }
}

static void test_job_pages_lose_nothing_when_two_jobs_start_at_one_moment(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *after = NULL;
    KG_AUTO_JOB_LIST struct kg_job_list bad = { 0 };
    int next = 11;

    put_tree(f);
    for (int i = 0; i < 12; i++)
        job(f, i, "Backup", "Completed", true);
    do {
        KG_AUTO_JOB_LIST struct kg_job_list l = { 0 };

        OK(kg_catalog_job_list(f->c, &(struct kg_job_query){ .vault = VAULT, .after = after, .top = 5 }, &l, err));
        for (size_t i = 0; i < l.count; i++) {
            char want[16];

            (void)snprintf(want, sizeof want, "job-%06d", next-- % 1000);
            assert_string_equal(l.rows[i].id, want);
        }
        free(after);
        after = KG_TAKE(l.next);
    } while (after);
    assert_int_equal(next, -1);
    FAILS(KG_E_USAGE, kg_catalog_job_list(f->c, &(struct kg_job_query){ .after = "x" }, &bad, err));
    FAILS(KG_E_USAGE, kg_catalog_job_list(f->c, &(struct kg_job_query){ .after = "-1:x" }, &bad, err));
}

static void sample(struct fixture *f, int64_t day)
{
    KG_AUTO_JSON struct kg_json *j = kg_json_object();

    kg_json_set_u64(j, "day", (uint64_t)day);
    OK(kg_catalog_usage_put(f->c, VAULT, day, j, err));
}

static void test_usage_samples_are_kept_daily_then_weekly_then_monthly_and_go_with_the_vault(void **state)
{
    enum { DAYS = 1000, FIRST = 20000 };
    struct fixture *f = *state;
    KG_AUTO_USAGE_LIST struct kg_usage_list l = { 0 }, gone = { 0 };
    int64_t last = FIRST + DAYS;

    put_tree(f);
    for (int64_t day = FIRST; day <= last; day++)
        sample(f, day);
    sample(f, last); /* the day's again */
    OK(kg_catalog_usage_list(f->c, VAULT, 0, &l, err));
    assert_int_equal(l.rows[0].day, last);
    for (size_t i = 0; i + 1 < l.count; i++) {
        int64_t age = last - l.rows[i + 1].day, gap = l.rows[i].day - l.rows[i + 1].day;

        assert_int_equal(kg_json_u64(l.rows[i].json, "day", 0), (uint64_t)l.rows[i].day);
        if (gap > (age <= KG_USAGE_DAILY ? 1 : age <= KG_USAGE_WEEKLY ? 13 : 59)) /* at a border the last of the two sides */
            fail_msg("a gap of %" PRId64 " days, %" PRId64 " days ago", gap, age);
    }
    assert_in_range(l.count, KG_USAGE_DAILY + 90, KG_USAGE_DAILY + 120);
    OK(kg_catalog_delete(f->c, VAULT, err));
    OK(kg_catalog_usage_list(f->c, VAULT, 0, &gone, err));
    assert_int_equal(gone.count, 0);
}

/* Which way a list is found decides whether it scales: the plan, and the clock. */
static void stands(struct fixture *f, const char *instance, const char *job, const char *status, const char *point)
{
    KG_AUTO_STANDING struct kg_standing s = { 0 };

    OK(kg_catalog_standing(f->c, instance, &s, err));
    if (!s.job != !job || !s.point != !point || (job && (strcmp(s.job, job) != 0 || strcmp(s.status, status) != 0)) ||
        (point && strcmp(s.point, point) != 0))
        fail_msg("%s %s %s instead of %s %s %s", s.job, s.status, s.point, job, status, point);
}

static void point(struct fixture *f, int i)
{
    KG_AUTO_FREE char *id = kg_xprintf("%032x", (unsigned)i);
    char inst[] = INST;
    struct kg_point_row row = { .instance = inst, .id = id, .time = 100 + i };

    OK(kg_catalog_point_insert(f->c, &row, err));
}

static void test_an_instance_stands_as_its_newest_backup_and_its_newest_good_point_say(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_JSON struct kg_json *lost = doc("{\"problem\":\"it is missing\"}");
    KG_AUTO_POINT_ROW struct kg_point_row newest = { 0 };

    put_tree(f);
    stands(f, INST, NULL, NULL, NULL);
    job(f, 0, "Backup", "Completed", true);
    job(f, 2, "Backup", "Failed", true);
    job(f, 4, "Restore", "Completed", true);
    job(f, 6, "Backup", "Completed", false); /* of no instance */
    stands(f, INST, "job-000002", "Failed", NULL);
    for (int i = 1; i <= 3; i++)
        point(f, i);
    stands(f, INST, "job-000002", "Failed", "00000000000000000000000000000003");
    OK(kg_catalog_point_get(f->c, INST, "00000000000000000000000000000003", &newest, err));
    kg_json_free(newest.json);
    newest.json = KG_TAKE(lost);
    OK(kg_catalog_point_update(f->c, &newest, err));
    stands(f, INST, "job-000002", "Failed", "00000000000000000000000000000002");
    stands(f, INST "2", NULL, NULL, NULL);
}

static void test_jobs_are_tallied_by_vault_day_and_state(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_JSON struct kg_json *j = doc("{}");
    static const struct { int day; const char *status; bool there; } made[] = {
        { 1, "Completed", false }, { 3, "Completed", true }, { 3, "completed", true }, { 3, "Failed", true }, { 4, "Completed", true },
    };
    KG_AUTO_TALLY struct kg_tally t = { 0 }, elsewhere = { 0 };
    uint64_t all = 0;

    put_tree(f);
    for (size_t i = 0; i < KG_ARRAY_LEN(made); i++) {
        KG_AUTO_FREE char *id = kg_xprintf("t%zu", i), *status = kg_xstrdup(made[i].status);
        char vault[] = VAULT, op[] = "Backup";
        struct kg_job_row row = { .id = id, .vault = vault, .operation = op, .status = status, .json = j,
                                  .start = (made[i].day * INT64_C(86400) + 7) * KG_SECOND, .end = 1 };

        OK(kg_catalog_job_insert(f->c, &row, err));
    }
    OK(kg_catalog_job_tally(f->c, SUB, 2 * INT64_C(86400) * KG_SECOND, &t, err));
    assert_int_equal(t.count, 3);
    for (size_t i = 0; i < t.count; i++) {
        assert_int_equal(t.rows[i].day, i < 2 ? 3 : 4);
        if (i < 2 && strcasecmp(t.rows[i].status, "Completed") == 0)
            assert_int_equal(t.rows[i].count, 2);
        all += t.rows[i].count;
    }
    assert_int_equal(all, 4);
    OK(kg_catalog_job_tally(f->c, SUB "2", 0, &elsewhere, err));
    assert_int_equal(elsewhere.count, 0);
}

/* What an overview asks of a thousand instances, and of all jobs. */
static void overviews_are_quick(struct fixture *f)
{
    kg_usec least[2] = { KG_SECOND, KG_SECOND };

    for (int turn = 0; turn < 3; turn++) {
        kg_usec began = spent(), middle, end;
        KG_AUTO_TALLY struct kg_tally t = { 0 };

        for (int i = 0; i < 1000; i++)
            stands(f, INST, "job-099998", "Completed", NULL);
        middle = spent();
        OK(kg_catalog_job_tally(f->c, SUB, 45000, &t, err)); /* of those that began lately */
        end = spent();
        assert_int_equal(t.count, 2);
        least[0] = middle - began < least[0] ? middle - began : least[0];
        least[1] = end - middle < least[1] ? end - middle : least[1];
    }
    if (least[0] >= 100000 || least[1] >= 100000)
        fail_msg("%" PRId64 " and %" PRId64 " microseconds", least[0], least[1]);
}

static void test_a_hundred_thousand_jobs_page_quickly(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_JSON struct kg_json *failed = doc("[\"Failed\",\"Cancelled\"]"), *kinds = doc("[\"Restore\"]");
    KG_AUTO_JSON struct kg_json *names = doc("[\"vault1\"]"), *big = doc("{\"properties\":{}}");
    const struct { struct kg_job_query q; size_t count; } cases[] = {
        { { .vault = VAULT, .top = 50 }, 50 },
        { { .vault = VAULT, .status = "Failed", .top = 50 }, 50 },
        { { .vault = VAULT, .operation = "Check", .top = 50 }, 0 },
        { { .vault = VAULT, .status = "Failed", .operation = "Restore", .top = 50 }, 0 },
        { { .instance = INST, .top = 50 }, 50 },
        { { .unfinished = true, .top = 50 }, 0 },
        { { .vault = VAULT, .after = "1500:job-001000", .top = 50 }, 50 },
        { { .vault = VAULT, .from = 40000, .and_unfinished = true, .top = 1000 }, 1000 },
        { { .under = SUB, .top = 50 }, 50 },
        { { .under = SUB, .statuses = failed, .top = 50 }, 50 },
        { { .under = SUB, .statuses = failed, .kinds = kinds, .vault_names = names, .top = 50 }, 0 },
        { { .under = SUB, .ended_before = 2000, .top = 50 }, 0 },
    };

    for (int i = 0; i < 12; i++) /* as much as a real one's, so that reading rows would show */
        kg_json_set_str(kg_json_get_mutable(big, "properties"), (char[]){ (char)('a' + i), 0 }, "0123456789012345678901234567890123456789");
    put_tree(f);
    OK(kg_catalog_begin(f->c, err));
    for (int i = 0; i < 100000; i++)
        job_of(f, i, i % 2 ? "Restore" : "Backup", i % 1000 ? "Completed" : "Failed", true, big);
    OK(kg_catalog_commit(f->c, err));
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        kg_usec best = KG_SECOND;

        for (int turn = 0; turn < 3; turn++) {
            KG_AUTO_JOB_LIST struct kg_job_list l = { 0 };
            kg_usec began = spent(), took;

            OK(kg_catalog_job_list(f->c, &cases[i].q, &l, err));
            took = spent() - began;
            best = took < best ? took : best;
            assert_int_equal(l.count, cases[i].count);
        }
        if (best >= 100000)
            fail_msg("case %zu took %" PRId64 " microseconds", i, best);
    }
    overviews_are_quick(f);
}

static void test_what_tables_took_is_kept_beside_a_job_and_goes_with_it(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_JSON struct kg_json *one = doc("[{\"name\":\"t\"}]"), *two = doc("[{\"name\":\"t\"},{\"name\":\"u\"}]");
    KG_AUTO_JSON struct kg_json *got = NULL, *again = NULL;
    struct kg_err why = { 0 };
    uint64_t n;

    put_tree(f);
    job(f, 1, "Backup", "Completed", true);
    OK(kg_catalog_job_tables_get(f->c, "job-000001", &got, err));
    assert_null(got);
    OK(kg_catalog_job_tables_put(f->c, "job-000001", one, err));
    OK(kg_catalog_job_tables_put(f->c, "JOB-000001", two, err));
    OK(kg_catalog_job_tables_get(f->c, "Job-000001", &got, err));
    assert_int_equal(kg_json_count(got), 2);
    assert_int_equal(kg_catalog_job_tables_put(f->c, "job-000009", one, &why), -KG_E_NOT_FOUND);
    OK(kg_catalog_job_prune(f->c, INT64_MAX, &n, err));
    OK(kg_catalog_job_tables_get(f->c, "job-000001", &again, err));
    assert_null(again);
}

#define BOTH(test)                                                                                   \
    { #test " (file)", test, setup_file, teardown, NULL }, { #test " (memory)", test, setup_memory, teardown, NULL }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_jobs_are_listed_newest_first_with_every_filter),
        BOTH(test_jobs_are_found_by_lists_of_names_and_below_any_scope),
        BOTH(test_a_list_from_some_day_ends_with_older_jobs_that_have_not_ended),
        BOTH(test_job_pages_lose_nothing_when_two_jobs_start_at_one_moment),
        BOTH(test_usage_samples_are_kept_daily_then_weekly_then_monthly_and_go_with_the_vault),
        BOTH(test_an_instance_stands_as_its_newest_backup_and_its_newest_good_point_say),
        BOTH(test_what_tables_took_is_kept_beside_a_job_and_goes_with_it),
        BOTH(test_jobs_are_tallied_by_vault_day_and_state),
        cmocka_unit_test_setup_teardown(test_a_hundred_thousand_jobs_page_quickly, setup_memory, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
