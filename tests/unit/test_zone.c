/* Time zones from the system's files. The expected sums are Python's zoneinfo's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/alloc.h"
#include "policy/zone.h"

static kg_usec at(const char *iso)
{
    kg_usec t;

    assert_true(kg_time_parse_iso(iso, &t));
    return t;
}

static struct kg_zone *zone(const char *name)
{
    struct kg_zone *z = NULL;
    struct kg_err err = { 0 };

    if (kg_zone_open(name, &z, &err) < 0)
        fail_msg("%s", err.msg);
    return z;
}

/* Each moment's offset counts with its place in the list, so that two errors do not cancel each other. */
static int64_t checksum(const struct kg_zone *z)
{
    static const int years[] = { 1975, 2011, 2019, 2024 }, months[] = { 1, 3, 4, 6, 10, 11, 12 };
    static const struct { unsigned day; int hour; } days[] = { { 1, 0 }, { 15, 13 }, { 28, 23 } };
    int64_t sum = 0, i = 0;

    for (size_t y = 0; y < KG_ARRAY_LEN(years); y++)
        for (size_t m = 0; m < KG_ARRAY_LEN(months); m++)
            for (size_t d = 0; d < KG_ARRAY_LEN(days); d++)
                sum += ++i * kg_zone_offset(z, (kg_days_from_civil(years[y], (unsigned)months[m], days[d].day) * 86400 +
                                                days[d].hour * 3600 + 1800) * KG_SECOND);
    return sum;
}

static void test_offsets_are_those_of_the_zone(void **state)
{
    static const struct { const char *name; int64_t sum; int32_t january, july; } rows[] = {
        { "Europe/Berlin", 17614800, 3600, 7200 },
        { "America/New_York", -57099600, -18000, -14400 },
        { "Australia/Lord_Howe", 138839400, 39600, 37800 },
        { "Asia/Kolkata", 70686000, 19800, 19800 },
        { "America/Sao_Paulo", -36849600, -10800, -10800 },
        { "Pacific/Apia", 93988800, 46800, 46800 },
        { "Asia/Kathmandu", 73691100, 20700, 20700 },
        { "Europe/Dublin", 5086800, 0, 3600 },
        { "America/Caracas", -52617600, -14400, -14400 },
        { "UTC", 0, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        KG_AUTO_ZONE struct kg_zone *z = zone(rows[i].name);

        if (checksum(z) != rows[i].sum)
            fail_msg("%s: %lld", rows[i].name, (long long)checksum(z));
        assert_int_equal(kg_zone_offset(z, at("2100-01-15T00:00:00Z")), rows[i].january);
        assert_int_equal(kg_zone_offset(z, at("2100-07-15T00:00:00Z")), rows[i].july);
    }
}

static void test_every_moment_comes_back_from_its_local_time(void **state)
{
    static const char *const names[] = { "Europe/Berlin", "Australia/Lord_Howe", "America/Caracas", "Pacific/Apia" };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(names); i++) {
        KG_AUTO_ZONE struct kg_zone *z = zone(names[i]);

        for (kg_usec t = at("2007-01-01T00:07:00Z"); t < at("2030-01-01T00:00:00Z"); t += 37 * 60 * KG_SECOND) {
            kg_usec back = kg_zone_moment(z, kg_zone_local(z, t));

            /* The second time that clocks show something is the first one; nothing else differs. */
            if (back != t && (back > t || t - back > 3600 * KG_SECOND || kg_zone_offset(z, back) <= kg_zone_offset(z, t)))
                fail_msg("%s: %lld became %lld", names[i], (long long)t, (long long)back);
        }
    }
}

static struct kg_local local(const char *iso)
{
    kg_usec t = at(iso);

    return (struct kg_local){ t / (86400 * KG_SECOND), t % (86400 * KG_SECOND) };
}

static void test_clock_changes(void **state)
{
    static const struct { const char *zone, *shown, *moment; } rows[] = {
        { "Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-29T01:30:00Z" },       /* left out: 03:30 summer time */
        { "Europe/Berlin", "2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z" },
        { "Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z" },       /* twice: the first one */
        { "Europe/Berlin", "2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z" },
        { "America/New_York", "2026-03-08T02:15:00Z", "2026-03-08T07:15:00Z" },
        { "America/New_York", "2026-11-01T01:15:00Z", "2026-11-01T05:15:00Z" },
        { "Australia/Lord_Howe", "2026-10-04T02:10:00Z", "2026-10-03T15:40:00Z" }, /* half an hour is left out */
        { "Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T22:00:00Z" },        /* a whole day was left out */
        { "Asia/Kolkata", "2026-06-01T00:00:00Z", "2026-05-31T18:30:00Z" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        KG_AUTO_ZONE struct kg_zone *z = zone(rows[i].zone);
        kg_usec got = kg_zone_moment(z, local(rows[i].shown));
        char text[32];

        if (got != at(rows[i].moment))
            fail_msg("%s %s: %s", rows[i].zone, rows[i].shown, kg_time_iso(got, text));
    }
}

static void test_what_is_not_a_zone_is_refused_by_name(void **state)
{
    static const char *const names[] = { "", "Europe/Nowhere", "../../etc/passwd", "/etc/localtime", "Europe", "zone.tab", "a//b" };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(names); i++) {
        struct kg_zone *z = NULL;
        struct kg_err err = { 0 };

        assert_true(kg_zone_open(names[i], &z, &err) < 0);
        assert_null(z);
        assert_true(err.code == KG_E_USAGE || err.code == KG_E_CORRUPT);
        assert_non_null(strstr(err.msg, "time zone"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_are_those_of_the_zone),
        cmocka_unit_test(test_every_moment_comes_back_from_its_local_time),
        cmocka_unit_test(test_clock_changes),
        cmocka_unit_test(test_what_is_not_a_zone_is_refused_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
