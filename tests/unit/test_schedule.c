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

/* ---- windows ---- */

static void set_windows(struct kg_policy *p, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(kg_window_parse(texts[i], &p->windows[i]));
    p->window_count = n;
}

static void test_starts_outside_of_the_windows_wait_for_the_next(void **state)
{
    static const struct { const char *intervals, *zone, *windows[2], *from, *want[3]; } rows[] = {
        { "'R/2026-01-01T12:00:00/P1D'", "UTC", { "22:00-06:00" }, "2026-02-01T13:00:00Z",
          { "2026-02-01T22:00:00Z", "2026-02-02T22:00:00Z", "2026-02-03T22:00:00Z" } },
        { "'R/2026-01-01T23:30:00/P1D'", "Europe/Berlin", { "22:00-06:00" }, "2026-02-01T13:00:00Z",
          { "2026-02-01T22:30:00Z", "2026-02-02T22:30:00Z", "2026-02-03T22:30:00Z" } },
        /* Every hour: on the hour inside, all of the day's others at once when the window opens. */
        { "'R/2026-01-01T00:00:00/PT1H'", "UTC", { "22:30-00:30" }, "2026-02-01T13:00:00Z",
          { "2026-02-01T22:30:00Z", "2026-02-01T23:00:00Z", "2026-02-02T00:00:00Z" } },
        { "'R/2026-01-01T05:00:00/P1D','R/2026-01-01T20:00:00/P1D'", "UTC", { "12:00-13:00", "21:00-24:00" }, "2026-02-01T00:00:00Z",
          { "2026-02-01T12:00:00Z", "2026-02-01T21:00:00Z", "2026-02-02T12:00:00Z" } },
        /* A window that opens when clocks are put forward opens with them, and one that is left out is the next day's. */
        { "'R/2026-03-28T12:00:00/P1D'", "Europe/Berlin", { "02:30-05:00" }, "2026-03-28T12:00:00Z",
          { "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z" } },
        /* The end is no start any more. */
        { "'R/2026-01-01T06:00:00/P1D'", "UTC", { "22:00-06:00" }, "2026-02-01T00:00:00Z",
          { "2026-02-01T22:00:00Z", "2026-02-02T22:00:00Z", "2026-02-03T22:00:00Z" } },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        KG_AUTO_POLICY struct kg_policy *p = make_policy(rows[i].intervals, rows[i].zone, &three_months, NULL, 0);
        KG_AUTO_ZONE struct kg_zone *z = NULL;
        struct kg_err err = { 0 };
        kg_usec t = at(rows[i].from);
        char text[32];

        set_windows(p, rows[i].windows, rows[i].windows[1] ? 2 : 1);
        assert_int_equal(kg_zone_open(rows[i].zone, &z, &err), 0);
        for (size_t k = 0; k < 3; k++) {
            t = kg_schedule_next(p, z, t);
            if (t != at(rows[i].want[k]))
                fail_msg("row %zu: start %zu is %s", i, k, kg_time_iso_seconds(t, text));
        }
    }
}

/* Next and previous agree with the plain list of all starts, each put off by itself. */
static void test_putting_off_loses_and_doubles_no_start(void **state)
{
    static const char *const intervals[] = { "'R/2026-01-01T12:00:00/P1D'", "'R/2026-01-01T00:00:00/PT5H'",
                                             "'R/2026-01-01T02:15:00/P1W','R/2026-01-02T17:45:00/PT11H'" };
    static const char *const windows[][3] = { { "22:00-06:00", "12:00-12:30", "02:15-03:15" },
                                              { "00:00-24:00", "05:00-04:00", "09:00-09:01" },
                                              { "02:00-03:00", "02:00-03:00", "02:00-02:30" } };
    static const char *const zones[] = { "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe" };

    (void)state;
    for (size_t n = 0; n < 3 * 3 * 3 * 4; n++) {
        KG_AUTO_POLICY struct kg_policy *p = make_policy(intervals[n % 3], zones[n / 27], &three_months, NULL, 0);
        KG_AUTO_ZONE struct kg_zone *z = NULL;
        struct kg_err err = { 0 };
        kg_usec plain = at("2026-01-03T00:00:00Z"), before = KG_NEVER, end = at("2026-12-20T00:00:00Z");

        assert_int_equal(kg_zone_open(zones[n / 27], &z, &err), 0);
        while (plain < end) {
            p->window_count = 0;
            plain = kg_schedule_next(p, z, plain);
            set_windows(p, windows[n / 3 % 3], n / 9 % 3 + 1);
            kg_usec off = kg_schedule_opens(p, z, plain);
            assert_true(off >= plain && kg_schedule_opens(p, z, off) == off);
            if (before != KG_NEVER && off != before) {
                assert_true(kg_schedule_next(p, z, before) == off);
                assert_true(kg_schedule_next(p, z, off - 1) == off);
                assert_true(kg_schedule_previous(p, z, off - 1) == before);
                assert_true(kg_schedule_previous(p, z, before + (off - before) / 2) == before);
                assert_true(kg_schedule_previous(p, z, off) == off);
            }
            before = off;
        }
    }
}

static void test_what_waited_for_its_window_is_not_late(void **state)
{
    static const char *const night[] = { "22:00-06:00" };
    KG_AUTO_POLICY struct kg_policy *p = make_policy("'R/2026-01-01T12:00:00Z/P1D'", "UTC", &three_months, NULL, 0);
    KG_AUTO_ZONE struct kg_zone *z = NULL;
    struct kg_err err = { 0 };
    kg_usec since = at("2026-02-01T11:00:00Z"), grace = 3600 * KG_SECOND;

    (void)state;
    set_windows(p, night, 1);
    assert_int_equal(kg_zone_open("UTC", &z, &err), 0);
    assert_true(kg_schedule_due(p, z, KG_NEVER, since, at("2026-02-01T21:59:59Z"), grace, false).start == KG_NEVER);
    struct kg_due due = kg_schedule_due(p, z, KG_NEVER, since, at("2026-02-01T22:00:01Z"), grace, false);
    assert_true(due.start == at("2026-02-01T22:00:00Z") && !due.late);
    assert_true(kg_schedule_due(p, z, due.start, since, at("2026-02-02T21:00:00Z"), grace, false).start == KG_NEVER);
}

static void test_windows_are_two_times_of_the_day(void **state)
{
    static const char *const wrong[] = { "", "22:00", "22:00-", "22:00-22:00", "24:00-06:00", "22:60-06:00", "22:00-24:01", "2:00-6:00",
                                         "22:00-06:00 ", "22.00-06.00", "ab:cd-ef:gh", "-2:00-06:00", "22:00/06:00", "99:00-06:00" };
    struct kg_window w;
    char text[12];

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(wrong); i++)
        if (kg_window_parse(wrong[i], &w))
            fail_msg("'%s' is a window", wrong[i]);
    assert_true(kg_window_parse("00:00-24:00", &w));
    assert_string_equal(kg_window_text(&w, text), "00:00-24:00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_keep_their_local_time_over_clock_changes),
        cmocka_unit_test(test_a_daily_backup_starts_as_often_as_there_are_days),
        cmocka_unit_test(test_what_is_due_is_one_backup_however_many_were_missed),
        cmocka_unit_test(test_starts_outside_of_the_windows_wait_for_the_next),
        cmocka_unit_test(test_putting_off_loses_and_doubles_no_start),
        cmocka_unit_test(test_what_waited_for_its_window_is_not_late),
        cmocka_unit_test(test_windows_are_two_times_of_the_day),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
