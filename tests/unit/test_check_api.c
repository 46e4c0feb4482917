/* What a check of the vault finds, and what becomes of recovery points by it: through the API, with workers that are told what to find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "unit/service_fixture.h"

static struct reply check_vault_by(struct fixture *f, const char *body)
{
    AUTO_REPLY struct reply r = call(f, "POST", VAULT "/check", body);
    AUTO_REPLY struct reply end = wait_operation(f, r.operation);
    AUTO_REPLY struct reply job = wait_job(f, kg_json_str_or(end.json, "properties.jobId", "/"));

    assert_string_equal(kg_json_str_or(job.json, "properties.status", ""), "Failed");
    return call(f, "GET", r.location, NULL);
}

static struct reply check_vault(struct fixture *f) { return check_vault_by(f, "{}"); }

static void expect_point_state(struct fixture *f, const char *path, const char *state)
{
    AUTO_REPLY struct reply r = call(f, "GET", path, NULL);

    assert_string_equal(kg_json_str_or(r.json, "properties.recoveryPointState", ""), state);
    assert_int_equal(kg_json_bool(r.json, "properties.recoveryPointDataStoresDetails.0.visible", false), strcmp(state, "Lost") != 0);
    assert_int_equal(kg_json_str(r.json, "properties.summary.problem") != NULL, strcmp(state, "Completed") != 0);
    assert_int_equal(kg_json_str(r.json, "properties.summary.recommendedAction") != NULL, strcmp(state, "Completed") != 0);
    assert_string_equal(kg_json_str_or(r.json, "properties.policyName", ""), "p1"); /* nothing else of it was touched */
}

static void test_a_check_names_the_points_that_the_vault_has_lost(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "good");
    back_up_quietly(f, "good", "Completed");
    KG_CLEANUP(only_point_done) struct only_point p = find_only_point(f, "good");
    KG_AUTO_FREE char *away = kg_xprintf("%s.away", p.file);
    AUTO_REPLY struct reply before = check_vault(f);
    assert_int_equal(kg_json_count(kg_json_get(before.json, "damage")), 1);
    assert_int_equal(rename(p.file, away), 0);
    AUTO_REPLY struct reply lost = check_vault(f);
    assert_non_null(strstr(kg_json_str_or(lost.json, "damage.0.object", ""), strrchr(p.path, '/')));
    assert_false(kg_json_bool(lost.json, "healthy", true));
    expect_point_state(f, p.path, "Lost");
    assert_int_equal(rename(away, p.file), 0);
    AUTO_REPLY struct reply again = check_vault(f);
    assert_int_equal(kg_json_count(kg_json_get(again.json, "damage")), 1);
    expect_point_state(f, p.path, "Completed");
}

static void expect_newest(struct fixture *f, const char *database, bool any)
{
    KG_AUTO_FREE char *path = instance_path(database, "");
    AUTO_REPLY struct reply r = call(f, "GET", path, NULL);

    assert_int_equal(kg_json_str(r.json, "properties.latestRecoveryPoint.recoveryPointId") != NULL, any);
}

/* What a check finds in packs counts, too, until a check that looks as closely does not find it. */
static void test_a_point_that_needs_a_damaged_pack_is_not_good(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "good");
    back_up_quietly(f, "good", "Completed");
    KG_CLEANUP(only_point_done) struct only_point p = find_only_point(f, "good");
    KG_AUTO_FREE char *broken = kg_xprintf("%.*s.broken", (int)(strlen(p.file) - strlen(".point")), p.file);
    KG_AUTO_FREE char *restore = instance_path("good", "/restore");
    KG_AUTO_FREE char *body = restore_body(strrchr(p.path, '/') + 1, "copy");
    char *rest = strstr(body, "\"recovery_option\"");
    KG_AUTO_FREE char *allowed = kg_xprintf("%.*s\"allow_damaged\":true,%s", (int)(rest - body), body, rest);
    struct kg_err err = { 0 };

    assert_int_equal(kg_write_file(broken, "", 0, 0600, &err), 0);
    AUTO_REPLY struct reply found = check_vault_by(f, "{\"readData\":true}");
    assert_null(kg_json_get(found.json, "damage.0.points"));
    expect_point_state(f, p.path, "Damaged");
    expect_newest(f, "good", false);
    AUTO_REPLY struct reply point = call(f, "GET", p.path, NULL);
    assert_string_equal(kg_json_str_or(point.json, "properties.recoveryPointDataStoresDetails.0.state", ""), "DAMAGED");
    assert_non_null(strstr(kg_json_str_or(point.json, "properties.summary.problem", ""), "packs/aa/bb"));
    expect_error(f, "POST", restore, body, KG_E_POINT_DAMAGED, "packs/aa/bb");
    AUTO_REPLY struct reply restored = run_job(f, restore, allowed, "Completed");
    assert_non_null(restored.json);
    assert_int_equal(unlink(broken), 0);
    AUTO_REPLY struct reply shallow = check_vault(f);
    assert_false(kg_json_bool(shallow.json, "readData", true));
    expect_point_state(f, p.path, "Damaged");
    AUTO_REPLY struct reply deep = check_vault_by(f, "{\"readData\":true}");
    assert_true(kg_json_bool(deep.json, "readData", false));
    expect_point_state(f, p.path, "Completed");
    expect_newest(f, "good", true);
}

static struct reply synchronize(struct fixture *f)
{
    KG_AUTO_FREE char *path = instance_path("good", "/sync");
    AUTO_REPLY struct reply r = call(f, "POST", path, "{}");
    AUTO_REPLY struct reply end = wait_operation(f, r.operation);

    assert_string_equal(kg_json_str_or(end.json, "status", ""), "Succeeded");
    return call(f, "GET", r.location, NULL);
}

static void test_a_synchronization_names_what_is_gone_and_nothing_else(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "good");
    back_up_quietly(f, "good", "Completed");
    KG_CLEANUP(only_point_done) struct only_point p = find_only_point(f, "good");
    KG_AUTO_FREE char *elsewhere = kg_xprintf("%.*s/away", (int)(strrchr(p.file, '/') - p.file), p.file);
    const char *id = strrchr(p.path, '/') + 1;

    for (int i = 0; i < 3; i++)
        back_up_quietly(f, "good", "Completed");
    AUTO_REPLY struct reply before = synchronize(f);
    assert_int_equal(kg_json_u64(before.json, "recoveryPoints", 0), 4);
    assert_int_equal(kg_json_count(kg_json_get(before.json, "lost")), 0);
    assert_int_equal(rename(p.file, elsewhere), 0);
    AUTO_REPLY struct reply lost = synchronize(f);
    assert_int_equal(kg_json_count(kg_json_get(lost.json, "lost")), 1);
    assert_string_equal(kg_json_str_or(lost.json, "lost.0", ""), id);
    expect_point_state(f, p.path, "Lost");
    assert_int_equal(rename(elsewhere, p.file), 0);
    AUTO_REPLY struct reply found = synchronize(f);
    assert_int_equal(kg_json_count(kg_json_get(found.json, "lost")) + kg_json_count(kg_json_get(found.json, "adopted")), 0);
    assert_string_equal(kg_json_str_or(found.json, "found.0", ""), id);
    assert_int_equal(kg_json_count(kg_json_get(found.json, "found")), 1);
    expect_point_state(f, p.path, "Completed");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_check_names_the_points_that_the_vault_has_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_point_that_needs_a_damaged_pack_is_not_good, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_synchronization_names_what_is_gone_and_nothing_else, setup, teardown),
    };
    int role = role_main(argc, argv);

    if (role >= 0)
        return role;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests_name("check_api", tests, NULL, NULL);
}
