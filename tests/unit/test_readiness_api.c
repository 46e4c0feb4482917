/* Backup readiness through the API: what is missing is told with its code, mended, told no more; and enforced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/service_fixture.h"

#define OTHER RG "/providers/Microsoft.DataProtection/backupVaults/v2"

/* Sends it and waits for the operation; the answer is the operation's status document. */
static struct reply end_of(struct fixture *f, const char *method, const char *path, const char *body)
{
    AUTO_REPLY struct reply r = call(f, method, path, body);

    if (r.status != 202 && r.status != 201 && r.status != 200)
        fail_msg("%s %s: HTTP %ld: %s", method, path, r.status, r.text.p);
    return wait_operation(f, r.operation);
}

static struct reply validate(struct fixture *f, const char *database)
{
    KG_AUTO_FREE char *body = instance_body(database);

    return end_of(f, "POST", VAULT "/validateForBackup", body);
}

static const struct kg_json *find_check(const struct kg_json *checks, const char *id)
{
    for (const struct kg_json *c = kg_json_first(checks); c; c = kg_json_next(c))
        if (strcmp(kg_json_str_or(c, "id", ""), id) == 0)
            return c;
    fail_msg("there is no check '%s'", id);
    return NULL;
}

static void want_check(const struct reply *r, const char *id, const char *state)
{
    const struct kg_json *c = find_check(kg_json_get(r->json, "properties.checks"), id);

    if (strcmp(kg_json_str_or(c, "state", ""), state) != 0)
        fail_msg("check '%s' is not %s: %s", id, state, r->text.p);
}

static void expect_outcome(const struct reply *r, const char *outcome, enum kg_code code)
{
    if (strcmp(kg_json_str_or(r->json, "properties.outcome", ""), outcome) != 0)
        fail_msg("the outcome is not %s: %s", outcome, r->text.p);
    assert_string_equal(kg_json_str_or(r->json, "status", ""), code == KG_E_OK ? "Succeeded" : "Failed");
    if (code != KG_E_OK)
        assert_string_equal(kg_json_str_or(r->json, "error.code", ""), kg_code_arm(code));
}

static struct reply assign(struct fixture *f, const char *database, const char *more)
{
    KG_AUTO_FREE char *instance = instance_body(database);
    KG_AUTO_FREE char *body = kg_xprintf("{%s,%s", more, instance + 1);
    struct reply r = call(f, "POST", VAULT "/assignMissingRoles", body);

    if (r.status != 200)
        fail_msg("assignMissingRoles: HTTP %ld: %s", r.status, r.text.p);
    return r;
}

static void test_missing_roles_are_told_assigned_and_told_no_more(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *body = instance_body("good");
    KG_AUTO_FREE char *path = instance_path("good", "");

    make_bare_world(f);
    AUTO_REPLY struct reply before = validate(f, "good");
    expect_outcome(&before, "RoleAssignmentNotDone", KG_E_SERVER_ROLE);
    want_check(&before, "vaultIdentity", "Passed");
    want_check(&before, "serverRole", "Failed");
    want_check(&before, "keyVaultRole", "Failed");
    want_check(&before, "secret", "Skipped");
    want_check(&before, "login", "Skipped");
    assert_int_equal(kg_json_count(kg_json_get(before.json, "error.details")), 2);
    assert_string_equal(kg_json_str_or(before.json, "error.details.1.code", ""), "UserErrorMissingPermissionsOnSecretStore");
    AUTO_REPLY struct reply put = end_of(f, "PUT", path, body);
    assert_string_equal(kg_json_str_or(put.json, "status", ""), "Failed");
    AUTO_REPLY struct reply bi = call(f, "GET", path, NULL);
    assert_string_equal(kg_json_str_or(bi.json, "properties.protectionErrorDetails.code", ""), "UserErrorMSIMissingPermissions");
    assert_string_equal(kg_json_str_or(bi.json, "properties.currentProtectionState", ""), "ConfiguringProtectionFailed");

    AUTO_REPLY struct reply plan = assign(f, "good", "\"whatIf\":true");
    assert_int_equal(kg_json_count(kg_json_get(plan.json, "value")), 2);
    assert_string_equal(kg_json_str_or(plan.json, "value.0.Properties.roleDefinitionName", ""), "Key Vault Secrets User");
    assert_string_equal(kg_json_str_or(plan.json, "value.1.Properties.roleDefinitionName", ""), "Reader");
    AUTO_REPLY struct reply still = validate(f, "other");
    expect_outcome(&still, "RoleAssignmentNotDone", KG_E_SERVER_ROLE);
    AUTO_REPLY struct reply made = assign(f, "good", "\"scope\":\"ResourceGroup\",\"keyVaultId\":\"" KEYVAULT "\"");
    assert_string_equal(kg_json_str_or(made.json, "value.1.Properties.scope", ""), RG);
    AUTO_REPLY struct reply again = assign(f, "good", "\"scope\":\"Resource\"");
    assert_int_equal(kg_json_count(kg_json_get(again.json, "value")), 0);
    AUTO_REPLY struct reply after = validate(f, "other");
    expect_outcome(&after, "Success", KG_E_OK);
    assert_string_equal(kg_json_str_or(after.json, "properties.facts.version", ""), "15.2");
    add_instance(f, "good");
}

static void test_network_settings_are_mended_with_the_roles(void **state)
{
    struct fixture *f = *state;

    make_bare_world(f);
    expect(f, "PUT", SERVER, "{\"properties\":{\"fullyQualifiedDomainName\":\"127.0.0.1\",\"allowAccess\":false}}", 200);
    expect(f, "PUT", KEYVAULT, "{\"properties\":{\"networkAcls\":{\"bypass\":\"None\"}}}", 200);
    AUTO_REPLY struct reply before = validate(f, "good");
    want_check(&before, "network", "Failed");
    want_check(&before, "keyVault", "Failed");
    want_check(&before, "keyVaultRole", "Skipped");
    AUTO_REPLY struct reply made = assign(f, "good", "\"scope\":\"Subscription\"");
    assert_int_equal(kg_json_count(kg_json_get(made.json, "value")), 4);
    AUTO_REPLY struct reply server = call(f, "GET", SERVER, NULL);
    assert_true(kg_json_bool(server.json, "properties.allowAccess", false));
    AUTO_REPLY struct reply kv = call(f, "GET", KEYVAULT, NULL);
    assert_string_equal(kg_json_str_or(kv.json, "properties.networkAcls.bypass", ""), "AzureServices");
    AUTO_REPLY struct reply after = validate(f, "good");
    expect_outcome(&after, "Success", KG_E_OK);
}

static void test_a_key_vault_with_access_policies_gets_one(void **state)
{
    struct fixture *f = *state;

    make_bare_world(f);
    expect(f, "PUT", KEYVAULT, "{\"properties\":{\"enableRbacAuthorization\":false}}", 200);
    AUTO_REPLY struct reply made = assign(f, "good", "\"scope\":\"Subscription\"");
    assert_string_equal(kg_json_str_or(made.json, "value.0.ResourceType", ""), "Microsoft.KeyVault/vaults");
    AUTO_REPLY struct reply kv = call(f, "GET", KEYVAULT, NULL);
    assert_string_equal(kg_json_str_or(kv.json, "properties.accessPolicies.0.permissions.secrets.0", ""), "get");
    AUTO_REPLY struct reply after = validate(f, "good");
    expect_outcome(&after, "Success", KG_E_OK);
}

static void test_what_no_role_mends_is_a_failed_validation(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    AUTO_REPLY struct reply login = validate(f, "locked-out");
    expect_outcome(&login, "ValidationFailed", KG_E_DB_AUTH);
    AUTO_REPLY struct reply grants = validate(f, "forbidden");
    expect_outcome(&grants, "ValidationFailed", KG_E_DB_PRIVILEGE);
    AUTO_REPLY struct reply own = validate(f, "azure_sys");
    expect_outcome(&own, "ValidationFailed", KG_E_DB_NOT_SELECTABLE);
    /* A failure that looks like trouble of the service's own disk ends, too. */
    AUTO_REPLY struct reply space = validate(f, "crowded");
    expect_outcome(&space, "ValidationFailed", KG_E_DISK_FULL);
    expect(f, "DELETE", KEYVAULT "/secrets/login", NULL, 200);
    AUTO_REPLY struct reply secret = validate(f, "good");
    expect_outcome(&secret, "ValidationFailed", KG_E_NO_SECRET);
    want_check(&secret, "login", "Skipped");
}

static void test_a_protected_database_is_refused_with_the_vaults_name(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *body = instance_body("good");
    KG_AUTO_FREE char *self = kg_xprintf("{\"backupInstanceName\":\"bi-good\",%s", body + 1);

    make_world(f);
    add_instance(f, "good");
    expect_error(f, "POST", VAULT "/validateForBackup", body, KG_E_PROTECTED, "vault 'v1'");
    expect_operation(f, "POST", VAULT "/validateForBackup", self, "Succeeded");
    expect_operation(f, "PUT", OTHER, "{\"properties\":{\"storageSettings\":[{\"datastoreType\":\"VaultStore\","
                     "\"type\":\"LocallyRedundant\"}]}}", "Succeeded");
    expect(f, "PUT", OTHER "/backupPolicies/p1", policy_body, 200);
    char *at = strstr(body, "backupVaults/v1/");
    assert_non_null(at);
    at[strlen("backupVaults/v")] = '2';
    expect_error(f, "PUT", OTHER "/backupInstances/mine", body, KG_E_PROTECTED, "vault 'v1'");
}

/* {"backupInstances":[{backupInstanceName, properties}…]} of these databases. */
static char *batch_of(const char *const *databases, size_t n)
{
    struct kg_buf b = KG_BUF_INIT(1 << 20);

    kg_buf_adds(&b, "{\"backupInstances\":[");
    for (size_t i = 0; i < n; i++) {
        KG_AUTO_FREE char *one = instance_body(databases[i]);

        kg_buf_addf(&b, "%s{\"backupInstanceName\":\"new-%s\",%s", i ? "," : "", databases[i], one + 1);
    }
    kg_buf_adds(&b, "]}");
    return kg_buf_take(&b);
}

static void test_many_databases_are_checked_in_one_go_each_for_itself(void **state)
{
    static const char *const databases[] = { "one", "locked-out", "azure_maintenance", "good", "two" };
    static const char *const outcomes[] = { "Success", "ValidationFailed", "ValidationFailed", "ValidationFailed", "Success" };
    struct fixture *f = *state;
    KG_AUTO_FREE char *body = batch_of(databases, KG_ARRAY_LEN(databases));

    make_world(f);
    add_instance(f, "good");
    AUTO_REPLY struct reply r = end_of(f, "POST", VAULT "/validateForBackupBatch", body);
    assert_string_equal(kg_json_str_or(r.json, "status", ""), "Succeeded");
    const struct kg_json *row = kg_json_first(kg_json_get(r.json, "properties.value"));
    for (size_t i = 0; i < KG_ARRAY_LEN(databases); i++, row = kg_json_next(row)) {
        assert_non_null(row);
        assert_string_equal(kg_json_str_or(row, "database", ""), databases[i]);
        assert_string_equal(kg_json_str_or(row, "outcome", ""), outcomes[i]);
    }
    assert_null(row);
    assert_string_equal(kg_json_str_or(r.json, "properties.value.3.error.code", ""), "UserErrorDppDatasourceAlreadyProtected");
    expect_error(f, "POST", VAULT "/validateForBackupBatch", "{\"backupInstances\":[]}", KG_E_USAGE, "backupInstances");
}

static void test_a_policy_that_captures_passwords_has_a_row_of_its_own(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *body = kg_xprintf("%.*s\"rolePasswords\":true,%s", (int)(strstr(policy_body, "\"backupType\"") - policy_body),
                                         policy_body, strstr(policy_body, "\"backupType\""));

    make_world(f);
    AUTO_REPLY struct reply without = validate(f, "one");
    expect_outcome(&without, "Success", KG_E_OK);
    assert_null(strstr(without.text.p, "rolePasswords"));
    expect(f, "PUT", POLICY, body, 200);
    AUTO_REPLY struct reply r = validate(f, "one");
    want_check(&r, "rolePasswords", "Warning");
    assert_int_equal(strncmp(kg_json_str_or(r.json, "properties.outcome", ""), "Success", 7), 0); /* backups do without */
    add_instance(f, "one");
}

static void test_what_nobody_looked_at_is_no_success(void **state)
{
    static const char *const databases[] = { "untold", "half-told", "one" };
    static const char *const outcomes[] = { "ValidationFailed", "ValidationFailed", "Success" };
    struct fixture *f = *state;
    KG_AUTO_FREE char *body = batch_of(databases, KG_ARRAY_LEN(databases));

    make_world(f);
    AUTO_REPLY struct reply r = end_of(f, "POST", VAULT "/validateForBackupBatch", body);
    assert_string_equal(kg_json_str_or(r.json, "status", ""), "Succeeded");
    for (size_t i = 0; i < KG_ARRAY_LEN(databases); i++) {
        KG_AUTO_FREE char *at = kg_xprintf("properties.value.%zu.outcome", i);

        assert_string_equal(kg_json_str_or(r.json, at, ""), outcomes[i]);
    }
    assert_string_equal(kg_json_str_or(find_check(kg_json_get(r.json, "properties.value.1.checks"), "database"), "state", ""), "Failed");
    AUTO_REPLY struct reply one = validate(f, "half-told");
    expect_outcome(&one, "ValidationFailed", KG_E_CHILD);
    AUTO_REPLY struct reply crash = validate(f, "crash");
    expect_outcome(&crash, "ValidationFailed", KG_E_CHILD);
}

static void test_jobs_fail_before_anything_is_read_when_access_was_taken_away(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "good");
    expect(f, "PUT", SERVER, "{\"properties\":{\"fullyQualifiedDomainName\":\"127.0.0.1\",\"allowAccess\":false}}", 200);
    AUTO_REPLY struct reply network = back_up(f, "good", "Failed");
    assert_string_equal(kg_json_str_or(network.json, "properties.errorDetails.0.code", ""),
                        "UserErrorMissingNetworkSecurityPermissions");
    assert_null(kg_json_get(network.json, "properties.extendedInfo.subTasks.0"));
    expect(f, "PUT", SERVER, "{\"properties\":{\"fullyQualifiedDomainName\":\"127.0.0.1\"}}", 200);
    expect(f, "PUT", KEYVAULT, "{\"properties\":{\"networkAcls\":{\"bypass\":\"None\"}}}", 200);
    AUTO_REPLY struct reply store = back_up(f, "good", "Failed");
    assert_string_equal(kg_json_str_or(store.json, "properties.errorDetails.0.code", ""), "UserErrorInvalidSecretStore");
    assert_true(*kg_json_str_or(store.json, "properties.errorDetails.0.recommendedAction.0", ""));
    assert_int_equal(points_of(f, "good"), 0);
}

static void test_an_administrator_gets_a_template_of_exactly_what_is_missing(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *body = instance_body("good");

    make_bare_world(f);
    AUTO_REPLY struct reply r = call(f, "POST", VAULT "/roleAssignmentTemplate", body);
    assert_int_equal(r.status, 200);
    assert_string_equal(kg_json_str_or(r.json, "contentVersion", ""), "1.0.0.0");
    assert_int_equal(kg_json_count(kg_json_get(r.json, "resources")), 1);
    assert_string_equal(kg_json_str_or(r.json, "resources.0.resourceGroup", ""), "default");
    const struct kg_json *inner = kg_json_get(r.json, "resources.0.properties.template.resources");
    assert_int_equal(kg_json_count(inner), 2);
    assert_string_equal(kg_json_str_or(inner, "0.scope", ""), "Microsoft.KeyVault/vaults/kv1");
    assert_string_equal(kg_json_str_or(inner, "1.scope", ""), "Microsoft.DBforPostgreSQL/flexibleServers/s1");
    AUTO_REPLY struct reply made = assign(f, "good", "\"scope\":\"Resource\"");
    assert_int_equal(kg_json_count(kg_json_get(made.json, "value")), kg_json_count(inner));
    AUTO_REPLY struct reply empty = call(f, "POST", VAULT "/roleAssignmentTemplate", body);
    assert_int_equal(kg_json_count(kg_json_get(empty.json, "resources")), 0);
}

static void test_the_grant_script_is_for_the_secrets_user_and_this_database(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *instance = instance_body("forbidden");
    KG_AUTO_FREE char *body = kg_xprintf("{\"language\":\"sql\",%s", instance + 1);
    KG_AUTO_FREE char *wrong = kg_xprintf("{\"language\":\"cobol\",%s", instance + 1);

    make_world(f);
    AUTO_REPLY struct reply r = end_of(f, "POST", VAULT "/grantScript", body);
    assert_string_equal(kg_json_str_or(r.json, "status", ""), "Succeeded");
    assert_string_equal(kg_json_str_or(r.json, "properties.user", ""), "u");
    assert_string_equal(kg_json_str_or(r.json, "properties.database", ""), "forbidden");
    assert_non_null(strstr(kg_json_str_or(r.json, "properties.script", ""), "GRANT"));
    expect_error(f, "POST", VAULT "/grantScript", wrong, KG_E_USAGE, "cobol");
}

static void test_what_cannot_be_granted_is_said_before_anything_is(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *body = instance_body("good");
    KG_AUTO_FREE char *other = kg_xprintf("{\"keyVaultId\":\"" RG "/providers/Microsoft.KeyVault/vaults/kv2\",%s", body + 1);
    KG_AUTO_FREE char *no_id = kg_xprintf("{\"keyVaultId\":\"kv1\",%s", body + 1);
    KG_AUTO_FREE char *scope = kg_xprintf("{\"scope\":\"Galaxy\",%s", body + 1);

    make_bare_world(f);
    expect(f, "PUT", RG "/providers/Microsoft.KeyVault/vaults/kv2", "{}", 201);
    expect_error(f, "POST", VAULT "/assignMissingRoles", other, KG_E_USAGE, "not in key vault 'kv2'");
    expect_error(f, "POST", VAULT "/assignMissingRoles", no_id, KG_E_USAGE, "keyVaultId");
    expect_error(f, "POST", VAULT "/assignMissingRoles", scope, KG_E_USAGE, "Galaxy");
    expect(f, "DELETE", SERVER, NULL, 200);
    expect_error(f, "POST", VAULT "/assignMissingRoles", body, KG_E_DB_NOT_FOUND, "s1");
    AUTO_REPLY struct reply r = validate(f, "good");
    expect_outcome(&r, "ValidationFailed", KG_E_DB_NOT_FOUND);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_missing_roles_are_told_assigned_and_told_no_more),
        TEST(test_network_settings_are_mended_with_the_roles),
        TEST(test_a_key_vault_with_access_policies_gets_one),
        TEST(test_what_no_role_mends_is_a_failed_validation),
        TEST(test_a_protected_database_is_refused_with_the_vaults_name),
        TEST(test_many_databases_are_checked_in_one_go_each_for_itself),
        TEST(test_a_policy_that_captures_passwords_has_a_row_of_its_own),
        TEST(test_what_nobody_looked_at_is_no_success),
        TEST(test_jobs_fail_before_anything_is_read_when_access_was_taken_away),
        TEST(test_an_administrator_gets_a_template_of_exactly_what_is_missing),
        TEST(test_the_grant_script_is_for_the_secrets_user_and_this_database),
        TEST(test_what_cannot_be_granted_is_said_before_anything_is),
    };
    int role = role_main(argc, argv);

    return role >= 0 ? role : cmocka_run_group_tests(tests, NULL, NULL);
}
