#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "model/format.h"
#include "model/labels.h"

#define NOW ((int64_t)1790000000 * 1000000)  /* 2026-09-21T14:13:20Z, a Monday */

static void zone(const char *name)
{
    static char tz[64];
    static char *environment[] = { tz, NULL };

    snprintf(tz, sizeof tz, "TZ=%s", name);
    environ = environment;
    tzset();
}

static int in_utc(void **state)
{
    (void)state;
    zone("UTC");
    return 0;
}

static const char *shown(enum ui_format f, const char *raw)
{
    static struct ui_shown s;

    ui_format(f, raw, NOW, &s);
    return s.text;
}

static void test_times_are_those_of_the_terminals_zone_and_today_is_a_time_of_day(void **state)
{
    (void)state;
    assert_string_equal(shown(UI_F_TIME, "2026-09-20T14:02:09.1234567Z"), "2026-09-20 14:02");
    assert_string_equal(shown(UI_F_TIME, "2026-09-21T04:05:06Z"), "04:05:06");
    assert_string_equal(shown(UI_F_TIME, "2026-09-21T23:59:59Z"), "23:59:59");
    assert_string_equal(shown(UI_F_TIME, "2026-09-22T00:00:00Z"), "2026-09-22 00:00");
    zone("America/New_York");
    assert_string_equal(shown(UI_F_TIME, "2026-09-21T04:05:06Z"), "00:05:06");
    assert_string_equal(shown(UI_F_TIME, "2026-09-21T03:59:59Z"), "2026-09-20 23:59");
    assert_string_equal(shown(UI_F_TIME, "2026-01-21T03:59:59Z"), "2026-01-20 22:59");  /* winter: another offset */
    zone("Asia/Kathmandu");
    assert_string_equal(shown(UI_F_TIME, "2026-09-21T14:00:00Z"), "19:45:00");
    assert_string_equal(shown(UI_F_TIME, "yesterday"), "yesterday");
    assert_string_equal(shown(UI_F_TIME, "1969-12-31T23:59:59Z"), "1970-01-01 05:29");
}

static void test_ages_have_one_unit_and_say_which_way(void **state)
{
    static const struct { const char *raw, *text; } row[] = {
        { "2026-09-21T14:13:20Z", "just now" }, { "2026-09-21T14:12:21Z", "just now" }, { "2026-09-21T14:12:20Z", "1 min ago" },
        { "2026-09-21T13:13:21Z", "59 min ago" }, { "2026-09-21T13:13:20Z", "1 h ago" }, { "2026-09-20T14:13:21Z", "23 h ago" },
        { "2026-09-20T14:13:20Z", "1 day ago" }, { "2026-09-11T14:13:20Z", "10 days ago" }, { "2026-07-01T00:00:00Z", "2026-07-01" },
        { "2026-09-21T14:13:30Z", "in 1 min" }, { "2026-09-21T16:20:00Z", "in 2 h" }, { "2026-09-23T16:20:00Z", "in 2 days" },
        { "2027-09-23T16:20:00Z", "2027-09-23" }, { "soon", "soon" }, { "", "" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(row); i++)
        assert_string_equal(shown(UI_F_AGO, row[i].raw), row[i].text);
}

static void test_durations_have_at_most_two_units(void **state)
{
    static const struct { const char *raw, *text; } row[] = {
        { "PT0S", "0 s" }, { "PT0.25S", "< 1 s" }, { "PT59.9S", "59 s" }, { "PT60S", "1 min 00 s" }, { "PT1M5.0040000S", "1 min 05 s" },
        { "PT1H2M3.0040000S", "1 h 02 min" }, { "PT90000S", "1 d 01 h" }, { "P10Y", "10 years" }, { "P1Y", "1 year" },
        { "P1Y6M", "1 year 6 months" }, { "P15D", "15 days" }, { "P2W", "2 weeks" }, { "P1M", "1 month" }, { "P1DT6H", "1 day 6 h 00 min" },
        { "P1Y2M3D", "1 year 2 months" }, { "", "" }, { "P", "P" }, { "PT", "PT" }, { "P1", "P1" }, { "PT5", "PT5" }, { "1 h", "1 h" },
        { "P1X", "P1X" }, { "PTM", "PTM" }, { "PT1e9S", "PT1e9S" }, { "P..D", "P..D" },
        { "PT99999999999999999999S", "PT99999999999999999999S" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(row); i++)
        assert_string_equal(shown(UI_F_DURATION, row[i].raw), row[i].text);
    assert_true(ui_duration_seconds("P1M") > ui_duration_seconds("P4W"));
    assert_true(ui_duration_seconds("PT24H") == ui_duration_seconds("P1D"));
    assert_true(ui_duration_seconds("long") < 0);
}

static void test_numbers_are_grouped_scaled_and_never_finished_too_early(void **state)
{
    (void)state;
    assert_string_equal(shown(UI_F_COUNT, "0"), "0");
    assert_string_equal(shown(UI_F_COUNT, "999"), "999");
    assert_string_equal(shown(UI_F_COUNT, "1000"), "1,000");
    assert_string_equal(shown(UI_F_COUNT, "1234567"), "1,234,567");
    assert_string_equal(shown(UI_F_COUNT, "9007199254740992"), "9,007,199,254,740,992");
    assert_string_equal(shown(UI_F_COUNT, "-5"), "-5");
    assert_string_equal(shown(UI_F_COUNT, "2.5"), "2.5");
    assert_string_equal(shown(UI_F_COUNT, "many"), "many");
    assert_string_equal(shown(UI_F_BYTES, "0"), "0 B");
    assert_string_equal(shown(UI_F_BYTES, "1234567890"), "1.2 GB");
    assert_string_equal(shown(UI_F_BYTES, "nan"), "nan");
    assert_string_equal(shown(UI_F_BYTES, "0x10"), "0x10");
    assert_string_equal(shown(UI_F_BYTES, "1e999"), "1e999");
    assert_string_equal(shown(UI_F_PERCENT, "99.9"), "99%");
    assert_string_equal(shown(UI_F_PERCENT, "100"), "100%");
}

static void test_states_are_words_with_a_state_and_unknown_ones_have_none(void **state)
{
    struct ui_shown s;

    (void)state;
    ui_format(UI_F_STATE, "ProtectionConfigured", NOW, &s);
    assert_string_equal(s.text, "Protection configured");
    assert_int_equal(s.state, UI_OK);
    ui_format(UI_F_STATE, "inprogress", NOW, &s);
    assert_int_equal(s.state, UI_BUSY);
    ui_format(UI_F_STATE, "CompletedWithWarnings", NOW, &s);
    assert_string_equal(s.text, "With warnings");
    assert_int_equal(s.state, UI_WARNING);
    ui_format(UI_F_STATE, "WaitingForTheIDOfX", NOW, &s);
    assert_string_equal(s.text, "Waiting for the IDOf X");
    assert_int_equal(s.state, UI_NONE);
    ui_format(UI_F_STATE, "", NOW, &s);
    assert_string_equal(s.text, "");
    assert_int_equal(s.state, UI_NONE);
}

static void test_what_the_service_calls_otherwise_is_told_in_the_portals_words(void **state)
{
    static const struct { const char *raw, *text; } row[] = {
        { "ResumeProtection", "Resume protection" }, { "configurebackup", "configurebackup" }, { "ConfigureBackup", "Configure backup" },
        { "collect", "Give back space" }, { "VaultStore", "Vault tier" }, { "LocallyRedundant", "Locally redundant" },
        { "backupschedulessuspended", "Backups suspended" }, { "Backup", "Backup" }, { "", "" },
    };
    char small[8];

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(row); i++)
        assert_string_equal(shown(UI_F_LABEL, row[i].raw), row[i].text);
    assert_null(ui_label_of("weekly"));
    ui_label("ResumeProtection", small, sizeof small);               /* ends in NUL where there is no room */
    assert_int_equal(strlen(small), 5);
}

static void test_ids_lists_and_truths_are_told_in_short(void **state)
{
    (void)state;
    assert_string_equal(shown(UI_F_LAST, "/subscriptions/a/backupVaults/prod"), "prod");
    assert_string_equal(shown(UI_F_LAST, "prod"), "prod");
    assert_string_equal(shown(UI_F_YES_NO, "true"), "Yes");
    assert_string_equal(shown(UI_F_YES_NO, "false"), "No");
    assert_string_equal(shown(UI_F_YES_NO, "maybe"), "maybe");
    assert_string_equal(shown(UI_F_LIST, "[\"a\",\"b\"]"), "a, b");
    assert_string_equal(shown(UI_F_LIST, "[{\"name\":\"x\"},{\"id\":\"/p/y\"},7]"), "x, y, 7");
    assert_string_equal(shown(UI_F_LIST, "{\"env\":\"prod\",\"n\":{}}"), "env=prod, n={}");
    assert_string_equal(shown(UI_F_LIST, "[]"), "");
    assert_string_equal(shown(UI_F_LIST, "[\"a\","), "[\"a\",");
}

static void test_a_long_text_ends_at_a_whole_character(void **state)
{
    char raw[2 * UI_SHOWN];
    struct ui_shown s;

    (void)state;
    for (size_t i = 0; i + 2 < sizeof raw; i += 2)
        memcpy(raw + i, "\xc3\xa4", 3);
    ui_format(UI_F_TEXT, raw, NOW, &s);
    assert_int_equal(strlen(s.text) % 2, 0);
    assert_true(strlen(s.text) >= UI_SHOWN - 2);
    ui_format(UI_F_STATE, raw, NOW, &s);
    assert_true(strlen(s.text) < UI_SHOWN);
}

static void test_the_first_path_that_is_there_is_taken(void **state)
{
    static const char text[] = "{\"a\":\"\",\"b\":{\"c\":\"x\",\"n\":12345678901,\"t\":true,\"z\":null},\"l\":[1,\"q\"]}";
    static const struct { const char *paths, *raw; } row[] = {
        { "a b.c", "x" }, { "nope b.n", "12345678901" }, { "b.t", "true" }, { "b.z l", "[1,\"q\"]" }, { "l.1", "q" }, { "nope", "" },
        { "", "" }, { "  b.c", "x" },
    };
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_json_parse(text, strlen(text), &j, &err), 0);
    for (size_t i = 0; i < KG_ARRAY_LEN(row); i++) {
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1000);

        ui_raw(j, row[i].paths, &b);
        assert_string_equal(b.p, row[i].raw);
    }
}

static void test_a_number_is_all_of_the_text_or_none(void **state)
{
    static const char *const bad[] = { "", " 1", "1 ", "inf", "-inf", "nan", "0x1p3", "1e999", "1.2.3", "-", "e5", "1,5" };
    double v = 7;

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        struct kg_err err = { 0 };

        assert_true(kg_parse_double(bad[i], &v, &err) < 0);
        assert_int_equal(err.code, KG_E_USAGE);
        assert_true(v == 7);
    }
    struct kg_err err = { 0 };

    assert_int_equal(kg_parse_double("-1.5e3", &v, &err), 0);
    assert_true(v == -1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_times_are_those_of_the_terminals_zone_and_today_is_a_time_of_day, in_utc),
        cmocka_unit_test_setup(test_ages_have_one_unit_and_say_which_way, in_utc),
        cmocka_unit_test_setup(test_durations_have_at_most_two_units, in_utc),
        cmocka_unit_test_setup(test_numbers_are_grouped_scaled_and_never_finished_too_early, in_utc),
        cmocka_unit_test_setup(test_states_are_words_with_a_state_and_unknown_ones_have_none, in_utc),
        cmocka_unit_test_setup(test_what_the_service_calls_otherwise_is_told_in_the_portals_words, in_utc),
        cmocka_unit_test_setup(test_ids_lists_and_truths_are_told_in_short, in_utc),
        cmocka_unit_test_setup(test_a_long_text_ends_at_a_whole_character, in_utc),
        cmocka_unit_test_setup(test_the_first_path_that_is_there_is_taken, in_utc),
        cmocka_unit_test_setup(test_a_number_is_all_of_the_text_or_none, in_utc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
