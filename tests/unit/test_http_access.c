/* The API for somebody who may do some things and not others: what they cannot do by a detour, what they cannot see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/service_fixture.h"

#define LOGIN "https://kv1.vault.local/secrets/login"
#define OTHER "https://kv1.vault.local/secrets/other"

static bool is_root(void)
{
    if (geteuid() != 0)
        print_message("only root can be somebody else\n");
    return geteuid() == 0;
}

static char *restore_with(const char *point, const char *secret)
{
    return kg_xprintf("{\"objectType\":\"AzureBackupRecoveryPointBasedRestoreRequest\",\"recoveryPointId\":\"%s\","
                      "\"sourceDataStoreType\":\"VaultStore\",\"restoreTargetInfo\":{\"objectType\":\"RestoreTargetInfo\","
                      "\"recoveryOption\":\"FailIfExists\",\"restoreLocation\":\"local\","
                      "\"datasourceInfo\":{\"resourceID\":\"" SERVER "/databases/copy\"},"
                      "\"datasourceAuthCredentials\":{\"objectType\":\"SecretStoreBasedAuthCredentials\","
                      "\"secretStoreResource\":{\"secretStoreType\":\"AzureKeyVault\",\"uri\":\"%s\"}}}}", point, secret);
}

/* The same instance's document with another secret. */
static char *document_with(const char *secret)
{
    KG_AUTO_FREE char *body = instance_body("good");
    char *at = strstr(body, LOGIN);

    assert_non_null(at);
    return kg_xprintf("{\"backupInstanceName\":\"bi-good\",\"backupInstance\":{%.*s%s%s", (int)(at - body - strlen("{\"properties\":{")),
                      body + strlen("{\"properties\":{"), secret, at + strlen(LOGIN));
}

static void expect_refused(struct fixture *f, const char *path, const char *body, const char *part)
{
    AUTO_REPLY struct reply r = call_as_stranger(f, "POST", path, body);

    if (r.status != 403 || !strstr(r.text.p, part))
        fail_msg("POST %s: HTTP %ld: %s", path, r.status, r.text.p);
}

static void test_an_operator_uses_the_instances_secret_and_no_other_but_those_he_may_read(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *restore = instance_path("good", "/restore");
    KG_AUTO_FREE char *try = instance_path("good", "/validateRestore");
    KG_AUTO_FREE char *points = instance_path("good", "/recoveryPoints");
    KG_AUTO_FREE char *own_document = document_with(LOGIN);
    KG_AUTO_FREE char *other_document = document_with(OTHER);
    static const char check[] = VAULT "/validateForBackup";

    if (!is_root())
        skip();
    open_to_all(f);
    make_world(f);
    expect(f, "PUT", KEYVAULT "/secrets/other", "{\"properties\":{\"value\":\"" FAKE_CONNECTION "\"}}", 201);
    add_instance(f, "good");
    AUTO_REPLY struct reply job = back_up(f, "good", "Completed");
    AUTO_REPLY struct reply list = call(f, "GET", points, NULL);
    const char *point = kg_json_str_or(list.json, "value.0.name", "?");
    KG_AUTO_FREE char *own = restore_with(point, LOGIN);
    KG_AUTO_FREE char *other = restore_with(point, OTHER);
    give_role(f, VAULT, ROLE_1, "Backup Operator");

    assert_int_equal(as_stranger(f, "POST", try, own), 202);
    expect_refused(f, try, other, "secret '" OTHER "'");
    expect_refused(f, restore, other, "getSecret/action");
    assert_int_equal(as_stranger(f, "POST", check, own_document), 202);
    expect_refused(f, check, other_document, "secret '" OTHER "'");
    expect_refused(f, VAULT "/validateForBackupBatch", other_document, "secret '" OTHER "'");
    expect_refused(f, VAULT "/grantScript", other_document, "secret '" OTHER "'");
    give_role(f, KEYVAULT, ROLE_2, "Key Vault Secrets User");
    assert_int_equal(as_stranger(f, "POST", try, other), 202);
    assert_int_equal(as_stranger(f, "POST", check, other_document), 202);
    take_role(f, KEYVAULT, ROLE_2);
    take_role(f, VAULT, ROLE_1);
    give_role(f, VAULT, ROLE_1, "Backup Contributor"); /* who may give an instance that secret may try it */
    assert_int_equal(as_stranger(f, "POST", check, other_document), 202);
    expect_refused(f, restore, other, "secret '" OTHER "'");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(test_an_operator_uses_the_instances_secret_and_no_other_but_those_he_may_read),
    };
    int role = role_main(argc, argv);

    if (role >= 0)
        return role;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests_name("http_access", tests, NULL, NULL);
}
