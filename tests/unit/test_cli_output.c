#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/cli.h"

static struct kg_json *json(const char *text)
{
    struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    if (kg_json_parse(text, strlen(text), &j, &err) < 0)
        fail_msg("%s", err.msg);
    return j;
}

static void assert_output(const char *text, const char *form, bool tty, const char *expected)
{
    KG_AUTO_JSON struct kg_json *j = json(text);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);

    kg_output(j, form, tty, &b);
    assert_string_equal(b.p, expected);
}

#define JOB "{\"id\":\"/subscriptions/s/resourceGroups/g/x\",\"name\":\"j1\","                                \
            "\"type\":\"microsoft.dataprotection/BackupVaults/backupJobs\","                                \
            "\"properties\":{\"operation\":\"Backup\",\"status\":\"Completed\",\"backupInstanceFriendlyName\":\"pg\\\\shop\"," \
            "\"startTime\":\"2026-11-21T04:05:06.1234560Z\",\"duration\":\"PT1M2.5000000S\",\"errorDetails\":null," \
            "\"extendedInfo\":{\"dataTransferredInBytes\":1234567}}}"

static void test_a_table_shows_a_resource_by_its_type_and_drops_empty_columns(void **state)
{
    (void)state;
    assert_output("[" JOB "]", "table", true,
                  "JobId  Operation  Status     Instance  Started              Duration  Transferred\n"
                  "-----  ---------  ---------  --------  -------------------  --------  -----------\n"
                  "j1     Backup     Completed  pg\\shop   2026-11-21 04:05:06  1m2s      1.2 MB\n");
}

static void test_tsv_keeps_every_column_and_raw_values(void **state)
{
    (void)state;
    assert_output(JOB, "tsv", false,
                  "j1\tBackup\tCompleted\tpg\\\\shop\t2026-11-21T04:05:06.1234560Z\tPT1M2.5000000S\t1234567\t\n");
}

static void test_json_is_printed_with_two_blanks(void **state)
{
    (void)state;
    assert_output("{\"a\":[1,\"x\"],\"b\":{}}", "json", false,
                  "{\n  \"a\": [\n    1,\n    \"x\"\n  ],\n  \"b\": {}\n}\n");
    assert_output("[]", "json", true, "[]\n");
    assert_output("[]", "table", true, "");
    assert_output("{\"a\":1}", "none", true, "");
}

static void test_a_name_cannot_move_the_cursor(void **state)
{
    (void)state;
    assert_output("[{\"name\":\"evil\\u001b[2J\\nx\",\"n\":1}]", "table", true,
                  "name        n\n"
                  "----------  -\n"
                  "evil?[2J?x  1\n");
    assert_output("{\"a\":\"x\\u009b2J\"}", "json", true, "{\n  \"a\": \"x\\u009b2J\"\n}\n");
    assert_output("{\"a\":\"x\\u009b2J\"}", "json", false, "{\n  \"a\": \"x\xC2\x9b" "2J\"\n}\n");
    assert_output("{\"a\":\"x\\u001b[1m\"}", "json", false, "{\n  \"a\": \"x\\u001b[1m\"\n}\n");
}

static void test_a_tab_or_line_break_does_not_split_a_tsv_cell(void **state)
{
    (void)state;
    assert_output("[{\"a\":\"x\\ty\\nz\",\"b\":true,\"c\":null,\"d\":{\"e\":1}}]", "tsv", false, "x\\ty\\nz\ttrue\t\n");
    assert_output("[\"one\",\"two\"]", "tsv", false, "one\ntwo\n");
}

static void test_wide_letters_do_not_shift_a_table(void **state)
{
    (void)state;
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        skip();
    assert_output("[{\"a\":\"\xE6\x97\xA5\xE6\x9C\xAC\",\"b\":\"x\"},{\"a\":\"\xC3\xA9\",\"b\":\"y\"}]", "table", true,
                  "a     b\n----  -\n\xE6\x97\xA5\xE6\x9C\xAC  x\n\xC3\xA9     y\n");
}

static void test_the_resource_group_is_added_as_az_does(void **state)
{
    struct kg_cli cli = { 0 };

    (void)state;
    kg_cli_emit(&cli,
                json("[{\"id\":\"/subscriptions/s/resourcegroups/G1/providers/x\",\"type\":\"t\"},{\"id\":\"/x\"}]"));
    assert_string_equal(kg_json_str(cli.result, "0.resourceGroup"), "G1");
    assert_null(kg_json_get(cli.result, "1.resourceGroup"));
    kg_json_free(cli.result);
}

static void test_results_of_several_ids_become_a_list(void **state)
{
    struct kg_cli cli = { 0 };

    (void)state;
    kg_cli_emit(&cli, json("{\"a\":1}"));
    kg_cli_emit(&cli, json("{\"a\":2}"));
    kg_cli_emit(&cli, json("{\"a\":3}"));
    assert_int_equal(kg_json_count(cli.result), 3);
    assert_int_equal(kg_json_u64(cli.result, "2.a", 0), 3);
    kg_json_free(cli.result);
}

/* ---- progress ---- */

static void assert_line(const char *progress, double rate, const char *expected)
{
    KG_AUTO_FREE char *text = kg_xprintf("{\"properties\":{\"operation\":\"Backup\",\"extendedInfo\":{\"progress\":%s}}}", progress);
    KG_AUTO_JSON struct kg_json *j = json(text);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1000);
    struct kg_rate r = { .per_second = rate };

    kg_job_line(j, &r, &b);
    assert_string_equal(b.p, expected);
}

static void test_a_progress_line_says_only_what_is_known(void **state)
{
    (void)state;
    assert_line("{\"phase\":\"queued\"}", 0, "Backup: queued");
    assert_line("{\"phase\":\"data\",\"bytesDone\":500000000,\"bytesTotal\":2000000000,\"rows\":1234567,\"tablesDone\":3,"
                "\"tablesTotal\":9}", 100e6,
                "Backup: data  25 %  500 MB of 2.0 GB  1,234,567 rows  100 MB/s  0:16 left  3/9 tables");
    assert_line("{\"phase\":\"data\",\"bytesDone\":500000000}", 0, "Backup: data  500 MB");
    /* a total that turned out too low is no percentage */
    assert_line("{\"phase\":\"data\",\"bytesDone\":3000,\"bytesTotal\":2000}", 0, "Backup: data  3.0 kB");
    assert_line("{\"phase\":\"e\\u001b[2Jvil\"}", 0, "Backup: e?[2Jvil");
}

static void test_the_rate_follows_bytes_over_time_and_restarts_with_a_new_phase(void **state)
{
    struct kg_rate r = { 0 };

    (void)state;
    kg_rate_update(&r, 1 * KG_SECOND, 0);
    assert_true(r.per_second == 0);
    kg_rate_update(&r, 2 * KG_SECOND, 1000);
    assert_true(r.per_second == 1000);
    kg_rate_update(&r, 3 * KG_SECOND, 4000);
    assert_true(r.per_second > 1000 && r.per_second < 3000);
    kg_rate_update(&r, 4 * KG_SECOND, 10);
    assert_true(r.per_second == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_table_shows_a_resource_by_its_type_and_drops_empty_columns),
        cmocka_unit_test(test_tsv_keeps_every_column_and_raw_values),
        cmocka_unit_test(test_json_is_printed_with_two_blanks),
        cmocka_unit_test(test_a_name_cannot_move_the_cursor),
        cmocka_unit_test(test_a_tab_or_line_break_does_not_split_a_tsv_cell),
        cmocka_unit_test(test_wide_letters_do_not_shift_a_table),
        cmocka_unit_test(test_the_resource_group_is_added_as_az_does),
        cmocka_unit_test(test_results_of_several_ids_become_a_list),
        cmocka_unit_test(test_a_progress_line_says_only_what_is_known),
        cmocka_unit_test(test_the_rate_follows_bytes_over_time_and_restarts_with_a_new_phase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
