/* The list of checks: what it says of itself, and that JSON carries all of it both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/alloc.h"
#include "readiness/check.h"

static struct kg_err an_error(void)
{
    struct kg_err e = { 0 };

    kg_err_set(&e, KG_E_DB_PRIVILEGE, "user 'u' lacks 1 privilege in database 'd': SELECT on table s.t");
    kg_err_advise(&e, "Let an administrator run the grant script.");
    return e;
}

static void test_every_check_has_an_id_of_its_own_and_a_title(void **state)
{
    (void)state;
    for (int i = 0; i < KG_CHECK_COUNT_; i++) {
        enum kg_check_id id = (enum kg_check_id)i;

        assert_int_equal(kg_check_id_from_text(kg_check_id_to_text(id)), i);
        assert_true(strlen(kg_check_title(id)) > 10);
    }
    assert_int_equal(kg_check_id_from_text("databasePrivileges"), KG_CHECK_PRIVILEGES);
    assert_int_equal(kg_check_id_from_text("noSuchCheck"), -1);
    assert_string_equal(kg_check_title(KG_CHECK_COUNT_), "?");
}

static void test_json_carries_states_errors_and_details_both_ways(void **state)
{
    KG_AUTO_CHECKS struct kg_checks c = { 0 };
    KG_AUTO_CHECKS struct kg_checks back = { 0 };
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_err e = an_error(), err = { 0 };

    (void)state;
    kg_check_fail(&c, KG_CHECK_PRIVILEGES, &e);
    kg_json_set_u64(kg_check_details(&c, KG_CHECK_PRIVILEGES), "missingCount", 1);
    kg_check_warn(&c, KG_CHECK_STANDBY, &e);
    kg_check_pass(&c, KG_CHECK_LOGIN);
    kg_check_skip_rest(&c, KG_CHECK_PRIVILEGES, KG_CHECK_SPACE, KG_CHECK_PRIVILEGES);
    j = kg_checks_to_json(&c);
    assert_int_equal(kg_json_count(j), 6);
    assert_string_equal(kg_json_str(j, "0.id"), "login"); /* in order, however they were made */
    assert_string_equal(kg_json_str(j, "0.state"), "Passed");
    assert_null(kg_json_get(j, "0.error"));
    assert_string_equal(kg_json_str(j, "1.state"), "Warning");
    assert_string_equal(kg_json_str(j, "2.error.code"), "UserErrorMissingDBPermissions");
    assert_string_equal(kg_json_str(j, "2.error.recommendedAction.0"), "Let an administrator run the grant script.");
    assert_true(kg_json_bool(j, "2.error.isUserError", false));
    assert_string_equal(kg_json_str(j, "3.skippedBecause"), "databasePrivileges");

    assert_int_equal(kg_checks_from_json(j, &back, &err), 0);
    assert_int_equal(back.item[KG_CHECK_PRIVILEGES]->err.code, KG_E_DB_PRIVILEGE);
    assert_string_equal(back.item[KG_CHECK_PRIVILEGES]->err.msg, e.msg);
    assert_string_equal(back.item[KG_CHECK_PRIVILEGES]->err.action, e.action);
    assert_int_equal(kg_json_u64(back.item[KG_CHECK_PRIVILEGES]->details, "missingCount", 0), 1);
    assert_int_equal(back.item[KG_CHECK_SPACE]->because, KG_CHECK_PRIVILEGES);
    assert_int_equal(back.item[KG_CHECK_STANDBY]->state, KG_CHECK_WARNING);
    assert_null(back.item[KG_CHECK_CONNECT]);
}

static void test_json_of_something_else_is_refused(void **state)
{
    static const char *const bad[] = {
        "{}", "[{}]", "[{\"id\":\"login\"}]", "[{\"id\":\"login\",\"state\":\"Perhaps\"}]", "[{\"id\":\"x\",\"state\":\"Passed\"}]",
        "[{\"id\":\"login\",\"state\":\"Failed\"}]", "[{\"id\":\"login\",\"state\":\"Failed\",\"error\":{\"code\":\"x\"}}]",
        "[{\"id\":\"login\",\"state\":\"Skipped\"}]", "[{\"id\":\"login\",\"state\":\"Skipped\",\"skippedBecause\":\"moon\"}]", "[7]",
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        KG_AUTO_CHECKS struct kg_checks c = { 0 };
        KG_AUTO_JSON struct kg_json *j = NULL;
        struct kg_err err = { 0 };

        assert_int_equal(kg_json_parse(bad[i], strlen(bad[i]), &j, &err), 0);
        if (kg_checks_from_json(j, &c, &err) != -KG_E_USAGE)
            fail_msg("%s was taken", bad[i]);
    }
}

static void test_only_a_failure_or_a_gap_keeps_a_range_from_passing(void **state)
{
    KG_AUTO_CHECKS struct kg_checks c = { 0 };
    struct kg_err e = an_error();

    (void)state;
    assert_false(kg_checks_passed(&c, KG_CHECK_CONNECT, KG_CHECK_LOGIN));
    kg_check_pass(&c, KG_CHECK_CONNECT);
    kg_check_warn(&c, KG_CHECK_LOGIN, &e);
    assert_true(kg_checks_passed(&c, KG_CHECK_CONNECT, KG_CHECK_LOGIN));
    assert_false(kg_checks_passed(&c, KG_CHECK_CONNECT, KG_CHECK_DATABASE));
    kg_check_skip(&c, KG_CHECK_DATABASE, KG_CHECK_LOGIN);
    assert_false(kg_checks_passed(&c, KG_CHECK_CONNECT, KG_CHECK_DATABASE));
    assert_null(kg_checks_failed(&c));
    kg_check_fail(&c, KG_CHECK_SPACE, &e);
    kg_check_fail(&c, KG_CHECK_DATABASE, &e);
    assert_int_equal(kg_checks_failed(&c)->id, KG_CHECK_DATABASE);
    assert_false(kg_checks_passed(&c, KG_CHECK_CONNECT, KG_CHECK_LOGIN));
}

static void test_merging_keeps_the_worse_news_and_looks_over_guesses(void **state)
{
    KG_AUTO_CHECKS struct kg_checks to = { 0 };
    KG_AUTO_CHECKS struct kg_checks from = { 0 };
    struct kg_err e = an_error();

    (void)state;
    kg_check_pass(&to, KG_CHECK_SELECTABLE);
    kg_check_skip(&to, KG_CHECK_LOGIN, KG_CHECK_SECRET);
    kg_check_fail(&to, KG_CHECK_SECRET, &e);
    kg_check_fail(&from, KG_CHECK_SELECTABLE, &e);  /* the server knew better */
    kg_check_pass(&from, KG_CHECK_LOGIN);
    kg_check_skip(&from, KG_CHECK_SECRET, KG_CHECK_SPACE);
    kg_check_pass(&from, KG_CHECK_SPACE);
    kg_checks_merge(&to, &from);
    assert_int_equal(to.item[KG_CHECK_SELECTABLE]->state, KG_CHECK_FAILED);
    assert_int_equal(to.item[KG_CHECK_LOGIN]->state, KG_CHECK_PASSED);
    assert_int_equal(to.item[KG_CHECK_SECRET]->state, KG_CHECK_FAILED);
    assert_int_equal(to.item[KG_CHECK_SPACE]->state, KG_CHECK_PASSED);
    for (size_t i = 0; i < KG_CHECK_COUNT_; i++)
        assert_null(from.item[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_check_has_an_id_of_its_own_and_a_title),
        cmocka_unit_test(test_json_carries_states_errors_and_details_both_ways),
        cmocka_unit_test(test_json_of_something_else_is_refused),
        cmocka_unit_test(test_only_a_failure_or_a_gap_keeps_a_range_from_passing),
        cmocka_unit_test(test_merging_keeps_the_worse_news_and_looks_over_guesses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
