#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/forms.h"

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

    assert_true(kg_output(j, &(struct kg_form){ form, tty, false, false, 0 }, &b));
    assert_string_equal(b.p, expected);
}

/* As --query hands it on. */
static void assert_queried(const char *text, const char *form, const char *expected)
{
    KG_AUTO_JSON struct kg_json *j = json(text);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);

    assert_true(kg_output(j, &(struct kg_form){ form, false, false, true, 0 }, &b));
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

static void assert_fits(const char *text, size_t width, const char *expected)
{
    KG_AUTO_JSON struct kg_json *j = json(text);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);

    assert_true(kg_output(j, &(struct kg_form){ "table", true, false, false, width }, &b));
    assert_string_equal(b.p, expected);
}

#define GIVEN(who, scope) "{\"type\":\"Microsoft.Authorization/roleAssignments\",\"principalName\":\"" who "\","   \
                          "\"roleDefinitionName\":\"Backup Operator\",\"scope\":\"" scope "\"}"
#define IN(group) "/subscriptions/s/resourceGroups/" group "/providers/Microsoft.DataProtection/backupVaults/v1"

static void test_on_a_terminal_ids_are_names_and_no_line_is_wider(void **state)
{
    static const char two[] = "[" GIVEN("ann", IN("g")) "," GIVEN("bob", "/") "]";

    (void)state;
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    assert_fits(two, 80, "Principal  Role             Scope\n---------  ---------------  -----\n"
                         "ann        Backup Operator  v1\nbob        Backup Operator  /\n");
    assert_fits(two, 30, "Principal  Role          Scope\n---------  ------------  -----\n"
                         "ann        Backup Oper…  v1\nbob        Backup Oper…  /\n");
    assert_fits(two, 12, "Principal\n---------\nann\nbob\n");
    assert_fits(two, 5, "Prin…\n-----\nann\nbob\n");
    /* two vaults of one name are told apart */
    assert_fits("[" GIVEN("ann", IN("g")) "," GIVEN("bob", IN("h")) "]", 200,
                "Principal  Role             Scope\n---------  ---------------  -----------------------------------------------------"
                "-------------------------------\n"
                "ann        Backup Operator  " IN("g") "\nbob        Backup Operator  " IN("h") "\n");
    assert_fits("[" JOB "]", 60, /* a time is whole or not there */
                "JobId  Operation  Status     Instance  Started\n-----  ---------  ---------  --------  -------------------\n"
                "j1     Backup     Completed  pg\\shop   2026-11-21 04:05:06\n");
}

static void test_tsv_keeps_every_column_and_raw_values(void **state)
{
    (void)state;
    assert_output(JOB, "tsv", false,
                  "j1\tBackup\tCompleted\tpg\\shop\t2026-11-21T04:05:06.1234560Z\tPT1M2.5000000S\t1234567\t\t\n");
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
                  "Name        N\n"
                  "----------  -\n"
                  "evil?[2J?x  1\n");
    assert_output("{\"a\":\"x\\u009b2J\"}", "json", true, "{\n  \"a\": \"x\\u009b2J\"\n}\n");
    assert_output("{\"a\":\"x\\u009b2J\"}", "json", false, "{\n  \"a\": \"x\xC2\x9b" "2J\"\n}\n");
    assert_output("{\"a\":\"x\\u001b[1m\"}", "json", false, "{\n  \"a\": \"x\\u001b[1m\"\n}\n");
}

static void test_a_tab_or_line_break_does_not_split_a_tsv_cell(void **state)
{
    (void)state;
    assert_output("[{\"a\":\"x\\ty\\nz\",\"b\":true,\"c\":null,\"d\":{\"e\":1}}]", "tsv", false,
                  "x\\ty\\nz\ttrue\t\t\n");
    assert_output("[\"one\",\"two\"]", "tsv", false, "one\ntwo\n");
    assert_output("[{\"a\":\"x\\u001b[2J\"}]", "tsv", true, "x?[2J\n");
}

static void test_tsv_of_a_query_is_what_a_script_takes_as_it_is(void **state)
{
    (void)state;
    assert_queried("\"pg\\\\shop\"", "tsv", "pg\\shop\n");
    assert_queried("\"#!/bin/sh\\necho \\\"\\ta\\\"\"", "tsv", "#!/bin/sh\necho \"\ta\"\n");
    assert_queried("true", "tsv", "true\n");
    assert_queried("9007199254740991", "tsv", "9007199254740991\n");
    assert_queried("null", "tsv", "");
    assert_queried("[]", "tsv", "");
    assert_queried("[[\"a\",1,null],[\"b\",2.5,[1,2,3]]]", "tsv", "a\t1\t\nb\t2.5\t3\n");
    assert_queried("[{\"z\":1,\"a\":{\"x\":1},\"id\":\"/x\"}]", "tsv", "1\t\t/x\n");
}

static void test_a_table_of_a_query_has_the_query_s_columns(void **state)
{
    (void)state;
    assert_queried("[{\"name\":\"a\",\"type\":\"Microsoft.DataProtection/backupVaults\",\"size\":3},"
                   "{\"name\":\"b\",\"more\":true}]", "table",
                   "Name  Type                                   Size  More\n"
                   "----  -------------------------------------  ----  ----\n"
                   "a     Microsoft.DataProtection/backupVaults  3     \n"
                   "b                                                  true\n");
    assert_queried("[\"x\",7]", "table", "Result\n------\nx\n7\n");
    assert_queried("\"x\"", "table", "Result\n------\nx\n");
    assert_queried("[[\"a\",1],[\"b\",{\"c\":1},\"z\"]]", "table",
                   "Column1  Column2  Column3\n-------  -------  -------\na        1        \nb        {\"c\":1}  z\n");
    assert_queried("{\"a.b\":1,\"a\":{\"b\":2},\"c d\":3}", "table", "A.b  C d\n---  ---\n1    3\n");
    /* whole resources keep the columns of their type */
    assert_queried("[" JOB "]", "table",
                   "JobId  Operation  Status     Instance  Started              Duration  Transferred\n"
                   "-----  ---------  ---------  --------  -------------------  --------  -----------\n"
                   "j1     Backup     Completed  pg\\shop   2026-11-21 04:05:06  1m2s      1.2 MB\n");
}

static void test_what_has_nothing_for_a_table_is_told_so(void **state)
{
    static const char *const bad[] = { "[{\"a\":{\"b\":1}}]", "{\"a\":[]}", "[[]]", "[{}]", "null" };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        KG_AUTO_JSON struct kg_json *j = json(bad[i]);
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);

        assert_false(kg_output(j, &(struct kg_form){ "table", false, false, false, 0 }, &b));
        assert_string_equal(b.p, "");
    }
}

static void test_yaml_is_laid_out_as_az_does_and_quotes_what_could_be_misread(void **state)
{
    (void)state;
    assert_output("{\"name\":\"v1\",\"tags\":{},\"list\":[1,{\"a\":true,\"b\":[\"x\",[null]]}],"
                  "\"o\":{\"k\":\"/subscriptions/x\"},\"e\":[]}", "yaml", false,
                  "name: v1\ntags: {}\nlist:\n- 1\n- a: true\n  b:\n  - x\n  - - null\no:\n  k: /subscriptions/x\ne: []\n");
    assert_output("[\"\",\"yes\",\"No\",\"1\",\"2026-11-21T04:05:06Z\",\"a: b\","
                  "\"a #b\",\"- a\",\"a:\",\"it's\",\"a:b\",\"x \",\"#x\",\"null\"]", "yaml", false,
                  "- ''\n- 'yes'\n- 'No'\n- '1'\n- '2026-11-21T04:05:06Z'\n- 'a: b'\n"
                  "- 'a #b'\n- '- a'\n- 'a:'\n- 'it''s'\n- a:b\n- 'x '\n- '#x'\n- 'null'\n");
    assert_output("{\"a\":\"x\\ny\\u001b[1m\\u009b\"}", "yaml", true, "a: \"x\\ny\\u001b[1m\\u009b\"\n");
    assert_output("\"x\"", "yaml", true, "x\n");
    assert_output("[]", "yamlc", true, "[]\n");
}

static void test_colours_are_around_the_same_json(void **state)
{
    static const char text[] = "{\"a\":[1,\"x\",{}],\"b\":null}";
    KG_AUTO_JSON struct kg_json *j = json(text);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20), plain = KG_BUF_INIT(1 << 20), wanted = KG_BUF_INIT(1 << 20);

    (void)state;
    assert_true(kg_output(j, &(struct kg_form){ "jsonc", true, true, false, 0 }, &b));
    assert_non_null(strstr(b.p, "\033[34;1m\"a\"\033[0m: ["));
    for (const char *s = b.p; *s; s++) {
        if (*s == '\033')
            s += strcspn(s, "m");
        else
            kg_buf_add(&plain, s, 1);
    }
    assert_true(kg_output(j, &(struct kg_form){ "jsonc", true, false, false, 0 }, &wanted));
    assert_string_equal(plain.p, wanted.p);
    kg_buf_reset(&b);
    assert_true(kg_output(j, &(struct kg_form){ "yamlc", true, true, false, 0 }, &b));
    assert_non_null(strstr(b.p, "\033[34;1ma\033[0m:\n- \033[33m1\033[0m\n"));
}

static void test_wide_letters_do_not_shift_a_table(void **state)
{
    (void)state;
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        skip();
    assert_output("[{\"a\":\"\xE6\x97\xA5\xE6\x9C\xAC\",\"b\":\"x\"},{\"a\":\"\xC3\xA9\",\"b\":\"y\"}]", "table", true,
                  "A     B\n----  -\n\xE6\x97\xA5\xE6\x9C\xAC  x\n\xC3\xA9     y\n");
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

static void assert_tables(const char *tables, const char *expected)
{
    KG_AUTO_FREE char *text = kg_xprintf("{\"properties\":{\"extendedInfo\":{\"tables\":%s}}}", tables);
    KG_AUTO_JSON struct kg_json *j = json(text);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(10000);

    kg_job_tables_line(j, &b);
    assert_string_equal(b.len ? b.p : "", expected);
}

static void test_a_line_tells_the_tables_in_work(void **state)
{
    (void)state;
    assert_tables("null", "");
    assert_tables("{\"inWork\":[],\"inWorkCount\":0}", "");
    assert_tables("{\"inWork\":[{\"schema\":\"public\",\"name\":\"orders\",\"step\":\"read\",\"bytesDone\":450,\"bytesTotal\":1000,"
                  "\"seconds\":0.5},{\"schema\":\"\",\"name\":\"large objects\",\"step\":\"read\",\"bytesDone\":98000000,\"seconds\":2}],"
                  "\"inWorkCount\":2}", "in work: public.orders 45 %, large objects 49 MB/s");
    /* what was estimated too small is not done for that */
    assert_tables("{\"inWork\":[{\"schema\":\"s\",\"name\":\"e\\u001b[2J\",\"step\":\"verify\",\"bytesDone\":9,\"bytesTotal\":9}],"
                  "\"inWorkCount\":23}", "in work: s.e?[2J (verify) 99 %, 22 more");
}

static void test_a_progress_line_says_only_what_is_known(void **state)
{
    (void)state;
    assert_line("{\"phase\":\"queued\"}", 0, "Backup: queued");
    assert_line("{\"phase\":\"data\",\"bytesDone\":500000000,\"bytesTotal\":2000000000,\"rows\":1234567,\"tablesDone\":3,"
                "\"tablesTotal\":9,\"secondsLeft\":16,\"phaseSecondsLeft\":9}", 100e6,
                "Backup: data  25 %  500 MB of 2.0 GB  1,234,567 rows  100 MB/s  0:16 left  3/9 tables");
    assert_line("{\"phase\":\"data\",\"secondsLeft\":null,\"phaseSecondsLeft\":3700}", 0, "Backup: data  1:01:40 left of this phase");
    assert_line("{\"phase\":\"data\",\"secondsLeft\":null,\"phaseSecondsLeft\":null}", 0, "Backup: data");
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
        cmocka_unit_test(test_on_a_terminal_ids_are_names_and_no_line_is_wider),
        cmocka_unit_test(test_tsv_keeps_every_column_and_raw_values),
        cmocka_unit_test(test_json_is_printed_with_two_blanks),
        cmocka_unit_test(test_a_name_cannot_move_the_cursor),
        cmocka_unit_test(test_a_tab_or_line_break_does_not_split_a_tsv_cell),
        cmocka_unit_test(test_tsv_of_a_query_is_what_a_script_takes_as_it_is),
        cmocka_unit_test(test_a_table_of_a_query_has_the_query_s_columns),
        cmocka_unit_test(test_what_has_nothing_for_a_table_is_told_so),
        cmocka_unit_test(test_yaml_is_laid_out_as_az_does_and_quotes_what_could_be_misread),
        cmocka_unit_test(test_colours_are_around_the_same_json),
        cmocka_unit_test(test_wide_letters_do_not_shift_a_table),
        cmocka_unit_test(test_the_resource_group_is_added_as_az_does),
        cmocka_unit_test(test_results_of_several_ids_become_a_list),
        cmocka_unit_test(test_a_line_tells_the_tables_in_work),
        cmocka_unit_test(test_a_progress_line_says_only_what_is_known),
        cmocka_unit_test(test_the_rate_follows_bytes_over_time_and_restarts_with_a_new_phase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
