#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/span.h"

static kg_usec at(const char *iso)
{
    kg_usec t = 0;

    if (!kg_time_parse_iso(iso, &t))
        fail_msg("'%s' is not a time", iso);
    return t;
}

static void test_durations_are_read_in_their_units(void **state)
{
    static const struct { const char *text; struct kg_span want;
    } cases[] = {
        { "P3M", { 3, 0, 0 } },     { "P10Y", { 120, 0, 0 } }, { "P1W", { 0, 7, 0 } },
        { "P15D", { 0, 15, 0 } },   { "P1Y6M", { 18, 0, 0 } }, { "PT12H30M5S", { 0, 0, 45005 } },
        { "P1DT1M", { 0, 1, 60 } }, { "P0D", { 0, 0, 0 } },
    };
    static const char *const bad[] = { "",     "P",         "3M",     "P3",   "PM",   "P-3M", "P1.5M",
                                       "P3m",  "P1D1M",     "PT",     "P1DT", "P1TD", "P1MM", "P 3M",
                                       "P3M ", "P9999999M", "PT1H1H", "P1W2", "PTT1H" };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct kg_span s;
        struct kg_err err = { 0 };

        if (kg_span_parse(cases[i].text, &s, &err) < 0 || memcmp(&s, &cases[i].want, sizeof s) != 0)
            fail_msg("case %zu: '%s': %u months, %u days, %u seconds", i, cases[i].text, s.months, s.days, s.seconds);
    }
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        struct kg_span s;
        struct kg_err err = { 0 };

        if (kg_span_parse(bad[i], &s, &err) != -KG_E_USAGE)
            fail_msg("case %zu: '%s' was accepted", i, bad[i]);
    }
}

static void test_retention_is_from_seven_days_to_ten_years(void **state)
{
    static const struct { const char *text; bool good;
    } cases[] = {
        { "P7D", true },     { "P6D", false },    { "P1W", true },    { "P10Y", true },    { "P120M", true },
        { "P121M", false },  { "P11Y", false },   { "P3652D", true }, { "P3653D", false }, { "P521W", true },
        { "PT168H", false }, { "P7DT1H", false }, { "P1M", true },    { "P0D", false },    { "P10Y1D", false },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct kg_span s;
        struct kg_err err = { 0 };
        int r = kg_span_parse_retention(cases[i].text, &s, &err);

        if (r != (cases[i].good ? 0 : -KG_E_USAGE))
            fail_msg("case %zu: '%s': %s", i, cases[i].text, err.msg);
    }
}

static void test_adding_a_span_follows_the_calendar(void **state)
{
    static const struct { const char *from, *span, *to;
    } cases[] = {
        { "2026-01-31T10:00:00Z", "P1M", "2026-02-28T10:00:00Z" },
        { "2028-01-31T10:00:00Z", "P1M", "2028-02-29T10:00:00Z" },
        { "2026-11-30T00:00:00Z", "P3M", "2027-02-28T00:00:00Z" },
        { "2026-12-31T23:59:59Z", "P1Y", "2027-12-31T23:59:59Z" },
        { "2024-02-29T00:00:00Z", "P1Y", "2025-02-28T00:00:00Z" },
        { "2026-12-28T06:30:00Z", "P1W", "2027-01-04T06:30:00Z" },
        { "2026-03-31T00:00:00Z", "P12M", "2027-03-31T00:00:00Z" },
        { "2026-12-15T00:00:00Z", "P1M", "2027-01-15T00:00:00Z" },
        { "1969-12-31T23:00:00Z", "PT2H", "1970-01-01T01:00:00Z" },
        { "2026-01-30T00:00:00Z", "P1M1D", "2026-03-01T00:00:00Z" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct kg_span s;
        struct kg_err err = { 0 };
        char got[32];

        assert_int_equal(kg_span_parse(cases[i].span, &s, &err), 0);
        kg_time_iso_seconds(kg_span_add(at(cases[i].from), &s), got);
        if (strcmp(got, cases[i].to) != 0)
            fail_msg("case %zu: %s + %s is %s", i, cases[i].from, cases[i].span, got);
    }
}

static void test_intervals_keep_their_moment_and_the_weekday_of_their_zone(void **state)
{
    static const struct { const char *text, *start; unsigned weekday; int offset; } cases[] = {
        { "R/2021-08-15T06:30:00+00:00/P1W", "2021-08-15T06:30:00Z", 0, 0 },
        { "R/2021-08-18T22:00:00Z/P1W", "2021-08-18T22:00:00Z", 3, 0 },
        { "R/2021-08-15T01:00+05:30/P1W", "2021-08-14T19:30:00Z", 0, 19800 },  /* Sunday there, Saturday in UTC */
        { "R/2021-08-14T23:00:00.000-03:00/P1D", "2021-08-15T02:00:00Z", 6, -10800 },
        { "R/2021-08-15T06:30/P2W", "2021-08-15T06:30:00Z", 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct kg_interval v;
        struct kg_err err = { 0 };

        if (kg_interval_parse(cases[i].text, &v, &err) < 0)
            fail_msg("case %zu: %s", i, err.msg);
        if (v.start != at(cases[i].start) || v.weekday != cases[i].weekday || v.offset != cases[i].offset)
            fail_msg("case %zu: weekday %u, offset %d", i, v.weekday, v.offset);
    }
}

static void test_what_is_no_interval_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "R",
        "R/",
        "R//",
        "R/2021-08-15T06:30:00Z",
        "R/2021-08-15T06:30:00Z/",
        "2021-08-15T06:30:00Z/P1W",
        "R5/2021-08-15T06:30:00Z/P1W",
        "R/T06:30:00Z/P1W",
        "R/2021-08-15T0630Z/P1W",
        "R/2021-08-15T06Z/P1W",
        "R/2021-08-15T06.5Z/P1W",
        "R/2021-08-15T06:30.5Z/P1W",
        "R/2021-08-15T24:00:00Z/P1W",
        "R/2021-08-15T23:59:60Z/P1W",
        "R/2021-02-30T06:30:00Z/P1W",
        "R/2021-08-15T06:30:00Z/P0W",
        "R/2021-08-15T06:30:00Z/1W",
        "R/2021-08-15/P1W",
        "R/2021-08-15T06:30:00+0530/P1W",
        "r/2021-08-15T06:30:00Z/P1W",
        "R/2021-08-15T06:30:00Z/P1W/",
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        struct kg_interval v;
        struct kg_err err = { 0 };

        if (kg_interval_parse(bad[i], &v, &err) != -KG_E_USAGE)
            fail_msg("case %zu: '%s' was accepted", i, bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations_are_read_in_their_units),
        cmocka_unit_test(test_retention_is_from_seven_days_to_ten_years),
        cmocka_unit_test(test_adding_a_span_follows_the_calendar),
        cmocka_unit_test(test_intervals_keep_their_moment_and_the_weekday_of_their_zone),
        cmocka_unit_test(test_what_is_no_interval_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
