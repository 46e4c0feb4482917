#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "cli/policy_edit.h"
#include "cli/shape.h"
#include "model/policy.h"

static char *printed(const struct kg_json *j)
{
    struct kg_buf b = KG_BUF_INIT(65536);

    kg_json_print(j, false, &b);
    return kg_buf_take(&b);
}

static struct kg_json *parsed(const char *text)
{
    struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    if (kg_json_parse(text, strlen(text), &j, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return j;
}

static struct kg_json *template(void) { return kg_policy_default_template("AzureDatabaseForPostgreSQL"); }

static void refused(int r, const struct kg_err *err, const char *part)
{
    if (r >= 0 || err->code != KG_E_USAGE || !strstr(err->msg, part))
        fail_msg("expected a usage error with '%s', got %d: %s", part, r, r < 0 ? err->msg : "success");
}

static int make_schedule(const char *type, uint64_t count, const char *day, struct kg_json **ret, struct kg_err *err)
{
    struct kg_words days = { &day, 1 };

    return kg_edit_make_schedule(type, count, &days, ret, err);
}

static void test_a_schedule_is_made_of_dates_and_how_often_they_repeat(void **state)
{
    static const struct { const char *type; uint64_t count; const char *day, *interval; } good[] = {
        { "Weekly", 1, "2021-08-15T22:00:00", "[\"R/2021-08-15T22:00:00+00:00/P1W\"]" },
        { "Daily", 1, "2021-08-15T22:00:00Z", "[\"R/2021-08-15T22:00:00+00:00/P1D\"]" },
        { "Hourly", 6, "2021-08-15T22:00", "[\"R/2021-08-15T22:00:00+00:00/PT6H\"]" },
        { "Weekly", 1, "2021-08-16T01:00:00+03:00", "[\"R/2021-08-15T22:00:00+00:00/P1W\"]" },
    };
    static const struct { const char *type; uint64_t count; const char *day, *part; } bad[] = {
        { "Weekly", 2, "2021-08-15T22:00:00", "must be 1" }, { "Daily", 3, "2021-08-15T22:00:00", "must be 1" },
        { "Hourly", 5, "2021-08-15T22:00:00", "4, 6, 8 or 12" }, { "Hourly", 1, "2021-08-15T22:00:00", "4, 6, 8 or 12" },
        { "Weekly", 0, "2021-08-15T22:00:00", "greater than 0" }, { "Weekly", 1, "15/08/2021", "date and time" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(good); i++) {
        KG_AUTO_JSON struct kg_json *j = NULL;
        struct kg_err err = { 0 };

        if (make_schedule(good[i].type, good[i].count, good[i].day, &j, &err) < 0)
            fail_msg("case %zu: %s", i, err.msg);
        KG_AUTO_FREE char *text = printed(j);
        assert_string_equal(text, good[i].interval);
    }
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        struct kg_json *j = NULL;
        struct kg_err err = { 0 };

        refused(make_schedule(bad[i].type, bad[i].count, bad[i].day, &j, &err), &err, bad[i].part);
        assert_null(j);
    }
}

static void test_a_policy_gets_another_schedule_when_it_is_weekly(void **state)
{
    KG_AUTO_JSON struct kg_json *policy = template(), *weekly = parsed("[\"R/2021-08-15T22:00:00+00:00/P1W\"]");
    static const struct { const char *intervals, *part; } bad[] = {
        { "[\"R/2021-08-15T22:00:00+00:00/P1D\"]", "Daily schedule not supported for AzureDatabaseForPostgreSQL policy" },
        { "[\"R/2021-08-15T22:00:00+00:00/PT6H\"]", "Hourly schedule not supported" },
        { "[\"R/2021-08-15T22:00:00+00:00/P1W\",\"R/2021-08-15T22:00:00+00:00/P1D\"]", "Daily schedule not supported" },
        { "[\"R/2021-08-15T22:00:00+00:00/P1M\"]", "not supported" },
        { "[\"every Sunday\"]", "every Sunday" },
        { "[7]", "texts like" },
        { "[]", "at least one" },
    };
    struct kg_err err = { 0 };

    (void)state;
    kg_json_set_str(kg_json_get_mutable(policy, "policyRules.0"), "name", "Mine");
    assert_int_equal(kg_edit_set_schedule(policy, weekly, &err), 0);
    assert_string_equal(kg_json_str(policy, "policyRules.0.trigger.schedule.repeatingTimeIntervals.0"),
                        "R/2021-08-15T22:00:00+00:00/P1W");
    assert_string_equal(kg_json_str(policy, "policyRules.0.name"), "BackupWeekly");
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        KG_AUTO_JSON struct kg_json *intervals = parsed(bad[i].intervals);
        struct kg_err why = { 0 };

        refused(kg_edit_set_schedule(policy, intervals, &why), &why, bad[i].part);
    }
    assert_int_equal(kg_json_count(kg_json_get(policy, "policyRules.0.trigger.schedule.repeatingTimeIntervals")), 1);
}

static void test_lifecycles_are_written_as_the_api_reads_them(void **state)
{
    static const struct { struct kg_lifecycle_args a; const char *json; } good[] = {
        { { .source = "VaultStore", .unit = "Months", .count = 6 },
          "{\"deleteAfter\":{\"objectType\":\"AbsoluteDeleteOption\",\"duration\":\"P6M\"},\"sourceDataStore\":"
          "{\"objectType\":\"DataStoreInfoBase\",\"dataStoreType\":\"VaultStore\"},\"targetDataStoreCopySettings\":[]}" },
        { { .source = "VaultStore", .unit = "Years", .count = 1, .target = "ArchiveStore", .copy = "CustomCopyOption",
            .copy_after = "P30D" },
          "{\"deleteAfter\":{\"objectType\":\"AbsoluteDeleteOption\",\"duration\":\"P1Y\"},\"sourceDataStore\":"
          "{\"objectType\":\"DataStoreInfoBase\",\"dataStoreType\":\"VaultStore\"},\"targetDataStoreCopySettings\":["
          "{\"dataStore\":{\"objectType\":\"DataStoreInfoBase\",\"dataStoreType\":\"ArchiveStore\"},\"copyAfter\":"
          "{\"objectType\":\"CustomCopyOption\",\"duration\":\"P30D\"}}]}" },
    };
    static const struct { struct kg_lifecycle_args a; const char *part; } bad[] = {
        { { .source = "VaultStore", .unit = "Days", .count = 0 }, "greater than 0" },
        { { .source = "VaultStore", .unit = "Days", .count = 7, .target = "ArchiveStore" }, "together" },
        { { .source = "VaultStore", .unit = "Days", .count = 7, .copy = "ImmediateCopyOption" }, "together" },
        { { .source = "VaultStore", .unit = "Days", .count = 7, .target = "ArchiveStore", .copy = "CustomCopyOption" },
          "--copy-after" },
        { { .source = "VaultStore", .unit = "Days", .count = 7, .target = "ArchiveStore", .copy = "ImmediateCopyOption",
            .copy_after = "P1D" }, "--copy-after" },
        { { .source = "VaultStore", .unit = "Days", .count = 7, .target = "ArchiveStore", .copy = "CustomCopyOption",
            .copy_after = "soon" }, "--copy-after" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(good); i++) {
        KG_AUTO_JSON struct kg_json *j = NULL;
        struct kg_err err = { 0 };

        assert_int_equal(kg_edit_make_lifecycle(&good[i].a, &j, &err), 0);
        KG_AUTO_FREE char *text = printed(j);
        assert_string_equal(text, good[i].json);
    }
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        struct kg_json *j = NULL;
        struct kg_err err = { 0 };

        refused(kg_edit_make_lifecycle(&bad[i].a, &j, &err), &err, bad[i].part);
        assert_null(j);
    }
}

/* [lifecycle of n months] */
static struct kg_json *months(uint64_t n)
{
    struct kg_lifecycle_args a = { .source = "VaultStore", .unit = "Months", .count = n };
    struct kg_json *j = NULL, *array = kg_json_array();
    struct kg_err err = { 0 };

    assert_int_equal(kg_edit_make_lifecycle(&a, &j, &err), 0);
    kg_json_push(array, j);
    return array;
}

static void test_retention_rules_are_added_changed_and_removed(void **state)
{
    KG_AUTO_JSON struct kg_json *policy = template(), *six = months(6), *nine = months(9), *odd = parsed("[{\"a\":1}]"),
                                *operational = parsed("[{\"deleteAfter\":{\"duration\":\"P7D\"},\"sourceDataStore\":"
                                                      "{\"dataStoreType\":\"OperationalStore\"}}]");
    struct kg_err err = { 0 }, why[6] = { { 0 } };

    (void)state;
    assert_int_equal(kg_edit_set_retention(policy, "Monthly", six, &err), 0);
    assert_string_equal(kg_json_str(policy, "policyRules.2.name"), "Monthly");
    assert_false(kg_json_bool(policy, "policyRules.2.isDefault", true));
    assert_int_equal(kg_edit_set_retention(policy, "monthly", nine, &err), 0); /* the one that is there */
    assert_int_equal(kg_json_count(kg_json_get(policy, "policyRules")), 3);
    assert_string_equal(kg_json_str(policy, "policyRules.2.lifecycles.0.deleteAfter.duration"), "P9M");
    assert_int_equal(kg_edit_set_retention(policy, "Default", nine, &err), 0);
    assert_string_equal(kg_json_str(policy, "policyRules.1.lifecycles.0.deleteAfter.duration"), "P9M");
    refused(kg_edit_set_retention(policy, "Daily", six, &why[0]), &why[0], "not applicable for datasource type");
    refused(kg_edit_set_retention(policy, "Yearly", odd, &why[1]), &why[1], "sourceDataStore");
    refused(kg_edit_set_retention(policy, "Yearly", operational, &why[2]), &why[2], "VaultStore or ArchiveStore");
    refused(kg_edit_remove_retention(policy, "Default", &why[3]), &why[3], "cannot be removed");
    refused(kg_edit_remove_retention(policy, "Yearly", &why[4]), &why[4], "no retention rule 'Yearly'");
    assert_int_equal(kg_edit_remove_retention(policy, "Monthly", &err), 0);
    assert_int_equal(kg_json_count(kg_json_get(policy, "policyRules")), 2);
    kg_json_set_str(kg_json_get_mutable(policy, "policyRules.1"), "name", "BackupWeekly");
    refused(kg_edit_set_retention(policy, "Yearly", six, &why[5]), &why[5], "two rules named");
}

static void test_a_rule_for_days_may_be_changed_where_it_is_but_not_added(void **state)
{
    KG_AUTO_JSON struct kg_json *policy = template(), *six = months(6);
    struct kg_err err = { 0 };

    (void)state;
    kg_json_push(kg_json_get_mutable(policy, "policyRules"),
                 parsed("{\"objectType\":\"AzureRetentionRule\",\"name\":\"Daily\",\"isDefault\":false,\"lifecycles\":[]}"));
    assert_int_equal(kg_edit_set_retention(policy, "Daily", six, &err), 0);
    assert_int_equal(kg_json_count(kg_json_get(policy, "policyRules.2.lifecycles")), 1);
}

static void test_generic_criteria_are_checked_and_printed_in_snake_case(void **state)
{
    const char *days[] = { "sunday", "Friday" }, *weeks[] = { "Last" }, *month_days[] = { "1", "28", "LAST" };
    const char *zero[] = { "0" }, *many[] = { "29" }, *word[] = { "first" }, *someday[] = { "Someday" };
    struct kg_words none = { 0 }, d = { days, 2 }, w = { weeks, 1 }, m = { month_days, 3 };
    const struct { struct kg_words days, of_month; const char *part; } bad[] = {
        { none, { zero, 1 }, "1 to 28" }, { none, { many, 1 }, "1 to 28" }, { none, { word, 1 }, "1 to 28" },
        { { someday, 1 }, none, "no choice 'Someday'" }, { none, none, "is needed" },
    };
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_edit_generic_criteria(&d, &w, &none, &m, &j, &err), 0);
    KG_AUTO_FREE char *text = printed(j);
    assert_string_equal(text, "{\"days_of_month\":[{\"date\":1,\"is_last\":false},{\"date\":28,\"is_last\":false},"
                              "{\"is_last\":true}],\"days_of_the_week\":[\"Sunday\",\"Friday\"],\"months_of_year\":null,"
                              "\"object_type\":\"ScheduleBasedBackupCriteria\",\"weeks_of_the_month\":[\"Last\"]}");
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        struct kg_json *nothing = NULL;
        struct kg_err why = { 0 };

        refused(kg_edit_generic_criteria(&bad[i].days, &none, &none, &bad[i].of_month, &nothing, &why), &why, bad[i].part);
        assert_null(nothing);
    }
}

static struct kg_json *in_array(struct kg_json *j)
{
    struct kg_json *array = kg_json_array();

    kg_json_push(array, j);
    return array;
}

static void test_tags_get_azures_priorities_and_criteria_without_empty_members(void **state)
{
    static const struct { const char *name; uint64_t priority; } tags[] = { { "Yearly", 10 }, { "Monthly", 15 },
                                                                            { "Weekly", 20 } };
    KG_AUTO_JSON struct kg_json *policy = template(), *first = in_array(kg_edit_absolute_criteria("FirstOfMonth")),
                                *snake = parsed("[{\"days_of_month\":null,\"days_of_the_week\":[\"Sunday\"],\"object_type\":"
                                                "\"ScheduleBasedBackupCriteria\"}]"), *odd = parsed("[{\"days\":1}]");
    struct kg_err err = { 0 }, why[4] = { { 0 } };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(tags); i++) {
        KG_AUTO_FREE char *at = kg_xprintf("policyRules.0.trigger.taggingCriteria.%zu.taggingPriority", i + 1);

        assert_int_equal(kg_edit_set_tag(policy, tags[i].name, first, &err), 0);
        assert_int_equal(kg_json_u64(policy, at, 0), tags[i].priority);
    }
    assert_int_equal(kg_edit_set_tag(policy, "Monthly", snake, &err), 0);
    assert_int_equal(kg_json_count(kg_json_get(policy, "policyRules.0.trigger.taggingCriteria")), 4);
    KG_AUTO_FREE char *text = printed(kg_json_get(policy, "policyRules.0.trigger.taggingCriteria.2.criteria"));
    assert_string_equal(text, "[{\"daysOfTheWeek\":[\"Sunday\"],\"objectType\":\"ScheduleBasedBackupCriteria\"}]");
    refused(kg_edit_set_tag(policy, "Daily", first, &why[0]), &why[0], "not applicable");
    refused(kg_edit_set_tag(policy, "Weekly", odd, &why[1]), &why[1], "objectType");
    refused(kg_edit_remove_tag(policy, "Default", &why[2]), &why[2], "cannot be removed");
    assert_int_equal(kg_edit_remove_tag(policy, "Monthly", &err), 0);
    refused(kg_edit_remove_tag(policy, "Monthly", &why[3]), &why[3], "no tag 'Monthly'");
}

static void test_what_show_prints_can_be_edited_and_put_again(void **state)
{
    KG_AUTO_JSON struct kg_json *shown = kg_json_object(), *six = months(6), *properties = NULL,
                                *first = in_array(kg_edit_absolute_criteria("FirstOfMonth"));
    struct kg_err err = { 0 };

    (void)state;
    kg_json_set_str(shown, "type", "Microsoft.DataProtection/backupVaults/backupPolicies");
    kg_json_set(shown, "properties", template());
    assert_int_equal(kg_edit_set_retention(shown, "Monthly", six, &err), 0);
    assert_int_equal(kg_edit_set_tag(shown, "Monthly", first, &err), 0);
    kg_shape(shown);
    assert_non_null(kg_json_get(shown, "properties.policyRules.0.trigger.taggingCriteria.0.criteria"));
    assert_int_equal(kg_json_type(kg_json_get(shown, "properties.policyRules.0.trigger.taggingCriteria.1.criteria.0.daysOfMonth")),
                     KG_JSON_NULL);
    if (kg_policy_normalise(shown, &properties, &err) < 0)
        fail_msg("the API would refuse it: %s", err.msg);
    assert_string_equal(kg_json_str_or(properties, "policyRules.0.trigger.taggingCriteria.0.tagInfo.tagName", ""), "Monthly");
}

static void test_what_is_no_policy_for_postgresql_is_refused(void **state)
{
    KG_AUTO_JSON struct kg_json *disk = parsed("{\"datasourceTypes\":[\"Microsoft.Compute/disks\"],\"policyRules\":[]}"),
                                *none = parsed("{\"properties\":{}}"), *array = parsed("[]"), *six = months(6);
    struct kg_err err[3] = { { 0 } };

    (void)state;
    assert_true(kg_edit_set_retention(disk, "Monthly", six, &err[0]) < 0);
    assert_int_equal(err[0].code, KG_E_UNSUPPORTED);
    refused(kg_edit_set_retention(none, "Monthly", six, &err[1]), &err[1], "policyRules");
    refused(kg_edit_set_retention(array, "Monthly", six, &err[2]), &err[2], "policyRules");
}

static void test_windows_and_limits_are_set_and_taken_away(void **state)
{
    const char *night[] = { "22:00-06:00", "12:00-13:00" }, *any[] = { "any" }, *wrong[] = { "any", "1-2" };
    const struct kg_limit_args set = { { night, 2 }, "50", "on" }, back = { { any, 1 }, "0", "off" }, none = { { 0 }, NULL, NULL };
    KG_AUTO_JSON struct kg_json *p = template();
    KG_AUTO_FREE char *was = printed(p), *same = NULL;
    KG_AUTO_POLICY struct kg_policy *read = NULL, *again = NULL;
    struct kg_err err[4] = { { 0 } };

    (void)state;
    assert_false(kg_edit_has_limits(&none));
    assert_int_equal(kg_edit_set_limits(p, &none, &err[0]), 0);
    same = printed(p);
    assert_string_equal(was, same);
    assert_int_equal(kg_edit_set_limits(p, &set, &err[0]), 0);
    if (kg_policy_from_json(p, &read, &err[0]) < 0)
        fail_msg("%s", err[0].msg);
    assert_true(read->window_count == 2 && read->rate_limit == 50 && read->role_passwords);
    refused(kg_edit_set_limits(p, &(struct kg_limit_args){ { wrong, 2 }, NULL, NULL }, &err[1]), &err[1], "not 'any'");
    refused(kg_edit_set_limits(p, &(struct kg_limit_args){ { 0 }, "100001", NULL }, &err[2]), &err[2], "not '100001'");
    assert_int_equal(kg_edit_set_limits(p, &back, &err[0]), 0);
    if (kg_policy_from_json(p, &again, &err[0]) < 0)
        fail_msg("%s", err[0].msg);
    assert_true(!again->window_count && !again->rate_limit && !again->role_passwords);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_schedule_is_made_of_dates_and_how_often_they_repeat),
        cmocka_unit_test(test_a_policy_gets_another_schedule_when_it_is_weekly),
        cmocka_unit_test(test_lifecycles_are_written_as_the_api_reads_them),
        cmocka_unit_test(test_retention_rules_are_added_changed_and_removed),
        cmocka_unit_test(test_a_rule_for_days_may_be_changed_where_it_is_but_not_added),
        cmocka_unit_test(test_generic_criteria_are_checked_and_printed_in_snake_case),
        cmocka_unit_test(test_tags_get_azures_priorities_and_criteria_without_empty_members),
        cmocka_unit_test(test_what_show_prints_can_be_edited_and_put_again),
        cmocka_unit_test(test_what_is_no_policy_for_postgresql_is_refused),
        cmocka_unit_test(test_windows_and_limits_are_set_and_taken_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
