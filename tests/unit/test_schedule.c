/* When backups start: six zones, both clock changes, and clocks that jump. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "policy/schedule.h"
#include "support/policy_text.h"

static const struct rule_text three_months = { .vault = "P3M" };

static void expect_starts(const char *intervals, const char *zone, const char *from, const char *const *want, size_t n)
{
    KG_AUTO_POLICY struct kg_policy *p = make_policy(intervals, zone, &three_months, NULL, 0);
    KG_AUTO_ZONE struct kg_zone *z = NULL;
    struct kg_err err = { 0 };
    kg_usec t = at(from);
    char text[32];

    assert_int_equal(kg_zone_open(zone, &z, &err), 0);
    for (size_t i = 0; i < n; i++) {
        kg_usec before = t;

        t = kg_schedule_next(p, z, t);
        if (t != at(want[i]))
            fail_msg("%s in %s: start %zu is %s, not %s", intervals, zone, i, kg_time_iso_seconds(t, text), want[i]);
        assert_true(kg_schedule_previous(p, z, t - 1) < t);
        assert_true(kg_schedule_previous(p, z, t) == t);
        assert_true(kg_schedule_next(p, z, before + (t - before) / 2) == t);
    }
}

static void test_starts_keep_their_local_time_over_clock_changes(void **state)
{
    static const struct { const char *intervals, *zone, *from, *want[4]; } rows[] = {
        { "'R/2026-03-22T02:30:00/P1W'", "Europe/Berlin", "2026-03-21T00:00:00Z",
          { "2026-03-22T01:30:00Z", "2026-03-29T01:30:00Z", "2026-04-05T00:30:00Z", "2026-04-12T00:30:00Z" } },
        { "'R/2026-10-11T02:30:00/P1W'", "Europe/Berlin", "2026-10-17T00:00:00Z",
          { "2026-10-18T00:30:00Z", "2026-10-25T00:30:00Z", "2026-11-01T01:30:00Z", "2026-11-08T01:30:00Z" } },
        { "'R/2026-01-01T06:30:00+01:00/P1D'", "Europe/Berlin", "2026-03-28T00:00:00Z",
          { "2026-03-28T05:30:00Z", "2026-03-29T04:30:00Z", "2026-03-30T04:30:00Z", "2026-03-31T04:30:00Z" } },
        { "'R/2026-03-07T02:15:00/P1D'", "America/New_York", "2026-03-07T00:00:00Z",
          { "2026-03-07T07:15:00Z", "2026-03-08T07:15:00Z", "2026-03-09T06:15:00Z", "2026-03-10T06:15:00Z" } },
        { "'R/2026-10-31T01:15:00/P1D'", "America/New_York", "2026-10-31T00:00:00Z",
          { "2026-10-31T05:15:00Z", "2026-11-01T05:15:00Z", "2026-11-02T06:15:00Z", "2026-11-03T06:15:00Z" } },
        { "'R/2026-10-03T02:10:00/P1D'", "Australia/Lord_Howe", "2026-10-02T00:00:00Z",
          { "2026-10-02T15:40:00Z", "2026-10-03T15:40:00Z", "2026-10-04T15:10:00Z", "2026-10-05T15:10:00Z" } },
        { "'R/2026-05-31T00:00:00/P1W'", "Asia/Kolkata", "2026-06-01T00:00:00Z",
          { "2026-06-06T18:30:00Z", "2026-06-13T18:30:00Z", "2026-06-20T18:30:00Z", "2026-06-27T18:30:00Z" } },
        { "'R/2026-03-29T00:00:00/PT1H'", "Europe/Berlin", "2026-03-29T00:00:00Z",
          { "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z", "2026-03-29T03:00:00Z", "2026-03-29T04:00:00Z" } },
        { "'R/2026-01-31T12:00:00/P1M'", "UTC", "2026-02-01T00:00:00Z",
          { "2026-02-28T12:00:00Z", "2026-03-31T12:00:00Z", "2026-04-30T12:00:00Z", "2026-05-31T12:00:00Z" } },
        { "'R/2021-08-15T22:00:00+00:00/P1W','R/2021-08-18T22:00:00+00:00/P1W','R/2021-08-20T22:00:00+00:00/P1W'", "UTC",
          "2026-11-21T08:00:00Z", { "2026-11-22T22:00:00Z", "2026-11-25T22:00:00Z", "2026-11-27T22:00:00Z", "2026-11-29T22:00:00Z" } },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++)
        expect_starts(rows[i].intervals, rows[i].zone, rows[i].from, rows[i].want, 4);
}

static void test_a_daily_backup_starts_as_often_as_there_are_days(void **state)
{
    static const char *const zones[] = { "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
                                         "America/Caracas" };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(zones); i++) {
        KG_AUTO_POLICY struct kg_policy *p = make_policy("'R/2019-12-31T02:30:00/P1D'", zones[i], &three_months, NULL, 0);
        KG_AUTO_ZONE struct kg_zone *z = NULL;
        struct kg_err err = { 0 };
        int64_t last = 0;
        unsigned n = 0;

        assert_int_equal(kg_zone_open(zones[i], &z, &err), 0);
        for (kg_usec t = kg_schedule_next(p, z, at("2020-01-01T12:00:00Z")); t < at("2040-01-01T12:00:00Z"); n++) {
            int64_t day = kg_zone_local(z, t).day;

            assert_true(n == 0 || day == last + 1);
            last = day;
            t = kg_schedule_next(p, z, t);
        }
        assert_in_range(n, 7304, 7306);
    }
}

static void test_what_is_due_is_one_backup_however_many_were_missed(void **state)
{
    KG_AUTO_POLICY struct kg_policy *p = make_policy("'R/2026-11-01T02:00:00Z/P1D'", "UTC", &three_months, NULL, 0);
    KG_AUTO_ZONE struct kg_zone *z = NULL;
    struct kg_err err = { 0 };
    const kg_usec grace = 3600 * KG_SECOND, last = at("2026-11-20T02:00:00Z");
    static const struct { const char *now; bool catch_up; const char *due; bool late; } rows[] = {
        { "2026-11-21T01:59:59Z", true, NULL, false },
        { "2026-11-21T02:00:00Z", true, "2026-11-21T02:00:00Z", false },
        { "2026-11-21T02:30:00Z", false, "2026-11-21T02:00:00Z", false },
        { "2026-11-21T09:00:00Z", true, "2026-11-21T02:00:00Z", true },
        { "2026-11-21T09:00:00Z", false, NULL, true },
        { "2036-11-21T09:00:00Z", true, "2036-11-21T02:00:00Z", true },   /* ten years on: one, not 3652 */
        { "2016-11-21T09:00:00Z", true, NULL, false },                    /* ten years back: none */
    };

    (void)state;
    assert_int_equal(kg_zone_open("UTC", &z, &err), 0);
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        struct kg_due d = kg_schedule_due(p, z, last, 0, at(rows[i].now), grace, rows[i].catch_up);

        assert_true(d.start == (rows[i].due ? at(rows[i].due) : KG_NEVER));
        assert_int_equal(d.late, rows[i].late);
    }
    /* Configured at noon: the backup of that morning is not made up for. */
    assert_true(kg_schedule_due(p, z, KG_NEVER, at("2026-11-21T12:00:00Z"), at("2026-11-21T12:00:01Z"), grace, true).start == KG_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_keep_their_local_time_over_clock_changes),
        cmocka_unit_test(test_a_daily_backup_starts_as_often_as_there_are_days),
        cmocka_unit_test(test_what_is_due_is_one_backup_however_many_were_missed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
