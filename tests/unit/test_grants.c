/* What a vault's identity still needs, as a list and as a template. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "readiness/control.h"

#define SUB "/subscriptions/s1"
#define G1 SUB "/resourceGroups/g1"
#define G2 SUB "/resourceGroups/g2"
#define PG G1 "/providers/Microsoft.DBforPostgreSQL/servers/pg1"
#define KV G2 "/providers/Microsoft.KeyVault/vaults/kv1"
#define WHO "11111111-2222-4333-8444-555555555555"

static void test_a_scope_drops_what_lies_below_it(void **state)
{
    static const struct { const char *id; enum kg_grant_scope scope; const char *wanted; } cases[] = {
        { PG "/databases/d", KG_SCOPE_RESOURCE, PG }, { PG, KG_SCOPE_RESOURCE, PG },
        { PG "/databases/d", KG_SCOPE_GROUP, G1 },    { PG "/databases/d", KG_SCOPE_SUBSCRIPTION, SUB },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_FREE char *got = kg_grant_scope_of(cases[i].id, cases[i].scope);

        assert_string_equal(got, cases[i].wanted);
    }
}

static void test_the_list_is_in_azures_order_and_has_nothing_twice(void **state)
{
    KG_AUTO_GRANTS struct kg_grants g = { 0 };

    (void)state;
    kg_grants_add(&g, KG_GRANT_NETWORK, PG, KG_SCOPE_GROUP, WHO);
    kg_grants_add(&g, KG_GRANT_READER, PG, KG_SCOPE_GROUP, WHO);
    kg_grants_add(&g, KG_GRANT_READER, G1 "/providers/Microsoft.DBforPostgreSQL/servers/pg2", KG_SCOPE_GROUP, WHO);
    kg_grants_add(&g, KG_GRANT_SECRETS_ROLE, KV, KG_SCOPE_GROUP, WHO);
    kg_grants_add(&g, KG_GRANT_SECRETS_ROLE, "/SUBSCRIPTIONS/s1/resourcegroups/G2/providers/Microsoft.KeyVault/vaults/other",
                  KG_SCOPE_GROUP, WHO);
    assert_int_equal(g.n, 3);
    assert_int_equal(g.list[0].kind, KG_GRANT_SECRETS_ROLE);
    assert_string_equal(g.list[0].scope, G2);
    assert_int_equal(g.list[1].kind, KG_GRANT_READER);
    assert_int_equal(g.list[2].kind, KG_GRANT_NETWORK);
    assert_string_equal(g.list[2].scope, PG); /* a setting is its resource's */
    assert_string_equal(kg_grant_action(&g.list[2]), "Microsoft.DBforPostgreSQL/servers/write");
    assert_string_equal(kg_grant_action(&g.list[1]), "Microsoft.Authorization/roleAssignments/write");
}

static void test_an_assignments_name_follows_from_what_it_assigns(void **state)
{
    KG_AUTO_GRANTS struct kg_grants a = { 0 }, b = { 0 };
    char one[37], same[37], other[37];

    (void)state;
    kg_grants_add(&a, KG_GRANT_READER, PG, KG_SCOPE_RESOURCE, WHO);
    kg_grants_add(&a, KG_GRANT_READER, KV, KG_SCOPE_RESOURCE, WHO);
    kg_grants_add(&b, KG_GRANT_READER, PG "/databases/x", KG_SCOPE_RESOURCE, WHO);
    kg_grant_name(&a.list[0], one);
    kg_grant_name(&a.list[1], other);
    kg_grant_name(&b.list[0], same);
    assert_string_equal(one, same);
    assert_string_not_equal(one, other);
    assert_int_equal(strlen(one), 36);
    assert_int_equal(one[14], '8');
}

static const char *text(const struct kg_json *j, const char *path) { return kg_json_str_or(j, path, "?"); }

static void test_a_template_has_a_deployment_for_each_group(void **state)
{
    KG_AUTO_GRANTS struct kg_grants g = { 0 };
    KG_AUTO_JSON struct kg_json *t = NULL;

    (void)state;
    kg_grants_add(&g, KG_GRANT_SECRETS_POLICY, KV, KG_SCOPE_RESOURCE, WHO);
    kg_grants_add(&g, KG_GRANT_TRUST, KV, KG_SCOPE_RESOURCE, WHO);
    kg_grants_add(&g, KG_GRANT_READER, PG, KG_SCOPE_RESOURCE, WHO);
    kg_grants_add(&g, KG_GRANT_NETWORK, PG, KG_SCOPE_RESOURCE, WHO);
    t = kg_grants_template(&g);
    assert_int_equal(kg_json_count(kg_json_get(t, "resources")), 2);
    assert_string_equal(text(t, "resources.0.type"), "Microsoft.Resources/deployments");
    assert_string_equal(text(t, "resources.0.resourceGroup"), "g2");
    assert_string_equal(text(t, "resources.0.properties.template.resources.0.name"), "kv1/add");
    assert_string_equal(text(t, "resources.0.properties.template.resources.0.properties.accessPolicies.0.objectId"), WHO);
    assert_string_equal(text(t, "resources.1.resourceGroup"), "g1");
    assert_int_equal(kg_json_count(kg_json_get(t, "resources.1.properties.template.resources")), 2);
    assert_string_equal(text(t, "resources.1.properties.template.resources.0.scope"), "Microsoft.DBforPostgreSQL/servers/pg1");
    assert_string_equal(text(t, "resources.1.properties.template.resources.1.name"), "pg1/AllowAllWindowsAzureIps");
    assert_non_null(strstr(text(t, "metadata.manualSteps.0"), "kv1")); /* what no template can do is said */
}

static void test_an_assignment_at_the_subscription_stands_at_the_top(void **state)
{
    KG_AUTO_GRANTS struct kg_grants g = { 0 };
    KG_AUTO_JSON struct kg_json *t = NULL, *at_group = NULL;

    (void)state;
    kg_grants_add(&g, KG_GRANT_READER, PG, KG_SCOPE_SUBSCRIPTION, WHO);
    t = kg_grants_template(&g);
    assert_string_equal(text(t, "resources.0.type"), "Microsoft.Authorization/roleAssignments");
    assert_null(kg_json_get(t, "resources.0.scope"));
    assert_string_equal(text(t, "resources.0.properties.roleDefinitionId"),
                        SUB "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7");
    kg_grants_done(&g);
    kg_grants_add(&g, KG_GRANT_READER, PG, KG_SCOPE_GROUP, WHO);
    at_group = kg_grants_template(&g);
    assert_null(kg_json_get(at_group, "resources.0.properties.template.resources.0.scope"));
    assert_string_equal(text(at_group, "resources.0.properties.template.resources.0.properties.principalId"), WHO);
}

static void test_the_outcome_says_who_can_mend_it(void **state)
{
    KG_AUTO_GRANTS struct kg_grants none = { 0 }, some = { 0 };
    KG_AUTO_CHECKS struct kg_checks good = { 0 }, bad = { 0 }, half = { 0 };
    struct kg_err why = { 0 };

    (void)state;
    kg_err_set(&why, KG_E_SERVER_ROLE, "no role");
    for (int i = 0; i < KG_CHECK_COUNT_; i++)
        kg_check_pass(&good, (enum kg_check_id)i);
    kg_check_warn(&good, KG_CHECK_STANDBY, &why);
    kg_check_pass(&half, KG_CHECK_SERVER_ROLE);
    kg_check_fail(&bad, KG_CHECK_SERVER_ROLE, &why);
    kg_grants_add(&some, KG_GRANT_READER, PG, KG_SCOPE_RESOURCE, WHO);
    assert_string_equal(kg_outcome(&good, false, &none, true), "Success");
    assert_string_equal(kg_outcome(&half, false, &none, true), "ValidationFailed"); /* nobody looked at the rest */
    assert_string_equal(kg_outcome(&bad, false, &some, true), "RoleAssignmentNotDone");
    assert_string_equal(kg_outcome(&bad, false, &some, false), "UserCannotAssignRoles");
    assert_string_equal(kg_outcome(&bad, true, &some, true), "ValidationFailed"); /* roles alone would not do */
    assert_string_equal(kg_outcome(&bad, false, &none, true), "ValidationFailed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_scope_drops_what_lies_below_it),
        cmocka_unit_test(test_the_list_is_in_azures_order_and_has_nothing_twice),
        cmocka_unit_test(test_an_assignments_name_follows_from_what_it_assigns),
        cmocka_unit_test(test_a_template_has_a_deployment_for_each_group),
        cmocka_unit_test(test_an_assignment_at_the_subscription_stands_at_the_top),
        cmocka_unit_test(test_the_outcome_says_who_can_mend_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
