#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/settings.h"

static int parse(const char *text, struct kg_settings *s, struct kg_err *err)
{
    kg_settings_init(s);
    return kg_settings_parse(s, text, "keepgres.conf", err);
}

static void test_an_empty_file_is_all_defaults(void **state)
{
    struct kg_settings s;
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(parse("", &s, &err), 0);
    assert_int_equal(s.max_jobs, 2);
    assert_int_equal(s.slice_bytes, 256u << 20);
    assert_int_equal(s.idle_exit_seconds, 600);
    assert_string_equal(s.region, "local");
    assert_string_equal(s.pg_bin_dir, "");
    kg_settings_done(&s);
}

static void test_lines_comments_blanks_and_units_are_read(void **state)
{
    static const char text[] = "# a comment\r\n\n  max_jobs=8 # as many\n\tSLICE_BYTES = 512 MiB\nregion = north\n"
                               "pg_bin_dir = /usr/lib/postgresql/15/bin\nlog_level = WARN";
    struct kg_settings s;
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(parse(text, &s, &err), 0);
    assert_int_equal(s.max_jobs, 8);
    assert_int_equal(s.slice_bytes, 512u << 20);
    assert_string_equal(s.region, "north");
    assert_string_equal(s.pg_bin_dir, "/usr/lib/postgresql/15/bin");
    assert_string_equal(s.log_level, "WARN");
    kg_settings_done(&s);
}

static void test_what_is_not_understood_is_refused_with_its_line(void **state)
{
    static const struct { const char *text, *part; } bad[] = {
        { "\nmax_job = 2\n", "keepgres.conf:2: there is no setting 'max_job'" },
        { "max_jobs 2", "keepgres.conf:1: a line must read" },
        { "max_jobs =", "keepgres.conf:1: max_jobs" },
        { "max_jobs = 0", "not between 1 and 64" },
        { "max_jobs = 65", "not between 1 and 64" },
        { "max_jobs = -1", "keepgres.conf:1" },
        { "max_jobs = 2 3", "keepgres.conf:1" },
        { "max_jobs = 2\nMAX_JOBS = 3", "keepgres.conf:2: 'MAX_JOBS' is set twice" },
        { "log_level = loud", "not one of its values" },
        { "pg_bin_dir = bin", "not an absolute path" },
        { "slice_bytes = 1X", "keepgres.conf:1" },
        { "region = not a region!", "keepgres.conf:1: region" },
        { "socket_mode = 0777", "not one of its values" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        struct kg_settings s;
        struct kg_err err = { 0 };

        if (parse(bad[i].text, &s, &err) != -KG_E_USAGE || !strstr(err.msg, bad[i].part))
            fail_msg("case %zu: \"%s\": %s", i, bad[i].text, err.msg);
        kg_settings_done(&s);
    }
}

static void test_a_missing_file_matters_only_when_it_was_named(void **state)
{
    struct kg_settings s;
    struct kg_err err = { 0 };

    (void)state;
    kg_settings_init(&s);
    assert_int_equal(kg_settings_load(&s, "/nonexistent/keepgres.conf", false, &err), 0);
    assert_int_equal(kg_settings_load(&s, "/nonexistent/keepgres.conf", true, &err), -KG_E_NOT_FOUND);
    kg_settings_done(&s);
}

/* The documented file with its comment signs taken off must be accepted and change nothing. */
static void test_the_documented_defaults_are_the_defaults(void **state)
{
    KG_AUTO_BUF struct kg_buf docs = KG_BUF_INIT(1 << 20);
    KG_AUTO_BUF struct kg_buf file = KG_BUF_INIT(1 << 20);
    struct kg_settings a, b;
    struct kg_err err = { 0 };

    (void)state;
    kg_settings_docs(&docs);
    for (const char *s = docs.p; *s; s += strcspn(s, "\n") + 1) {
        if (s[0] == '#' && s[1] != ' ')
            kg_buf_add(&file, s + 1, strcspn(s, "\n"));
    }
    kg_settings_init(&a);
    if (parse(file.p, &b, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(a.max_jobs, b.max_jobs);
    assert_int_equal(a.slice_bytes, b.slice_bytes);
    assert_string_equal(a.pg_bin_dir, b.pg_bin_dir);
    assert_true(strstr(file.p, "job_keep_days = 90") != NULL);
    kg_settings_done(&a);
    kg_settings_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_file_is_all_defaults),
        cmocka_unit_test(test_lines_comments_blanks_and_units_are_read),
        cmocka_unit_test(test_what_is_not_understood_is_refused_with_its_line),
        cmocka_unit_test(test_a_missing_file_matters_only_when_it_was_named),
        cmocka_unit_test(test_the_documented_defaults_are_the_defaults),
    };

    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
