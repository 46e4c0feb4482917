/* Key vaults and secrets over the API, with the real worker where one is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "identity/identity.h"
#include "unit/service_fixture.h"
#include "worker/worker.h"

#define AZURE RG "/providers/Microsoft.KeyVault/vaults/kvaz"
#define ME    ROLE_1
#define OTHER ROLE_2

static const char value[] = "{\"properties\":{\"value\":\"x\"}}";

static const char *text_of(const struct reply *r, const char *path) { return kg_json_str_or(r->json, path, ""); }

static bool file_has(const char *path, const char *needle)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(64 << 20);
    struct kg_err err = { 0 };

    return kg_read_file(AT_FDCWD, path, &b, &err) == 0 && memmem(b.p, b.len, needle, strlen(needle));
}

/* ---- key vaults ---- */

static void test_a_key_vault_is_changed_one_property_at_a_time(void **state)
{
    struct fixture *f = *state;

    expect(f, "PATCH", KEYVAULT, "{\"properties\":{}}", 404);
    expect(f, "PUT", KEYVAULT, "{\"tags\":{\"a\":\"b\"},\"properties\":{\"networkAcls\":{\"defaultAction\":\"Deny\"}}}", 201);
    AUTO_REPLY struct reply r = call(f, "PATCH", KEYVAULT, "{\"properties\":{\"networkAcls\":{\"bypass\":\"None\"}}}");
    assert_int_equal(r.status, 200);
    assert_string_equal(text_of(&r, "properties.networkAcls.bypass"), "None");
    assert_string_equal(text_of(&r, "properties.networkAcls.defaultAction"), "Deny");
    assert_string_equal(text_of(&r, "tags.a"), "b");
    assert_true(kg_json_bool(r.json, "properties.enableRbacAuthorization", false));
    expect_error(f, "PATCH", KEYVAULT, "{\"properties\":{\"networkAcls\":{\"bypass\":\"All\"}}}", KG_E_USAGE, "networkAcls.bypass");
    expect_error(f, "PATCH", KEYVAULT, "{\"properties\":{\"networkAcls\":3}}", KG_E_USAGE, "networkAcls");
    expect_error(f, "PATCH", KEYVAULT, "{\"properties\":{\"provider\":\"azure\"}}", KG_E_CONFLICT, "cannot change");
    expect(f, "PATCH", KEYVAULT, "{\"properties\":{\"a.b\":1,\"vaultUri\":null}}", 200);
}

#define POLICIES(id, permissions) "{\"properties\":{\"accessPolicies\":[{\"objectId\":\"" id "\"" permissions "}]}}"
#define SECRETS(list) ",\"permissions\":{\"secrets\":[" list "]}"

static void expect_policies(struct fixture *f, const char *kind, const char *body, const char *wanted)
{
    KG_AUTO_FREE char *path = kg_xprintf(KEYVAULT "/accessPolicies/%s", kind);
    AUTO_REPLY struct reply r = call(f, "PUT", path, body);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(10000);

    if (r.status != 200)
        fail_msg("%s %s: %s", kind, body, r.text.p);
    kg_json_print(kg_json_get(r.json, "properties.accessPolicies"), false, &b);
    if (!strstr(b.p, wanted) && *wanted)
        fail_msg("%s %s: %s", kind, body, b.p);
    if (!*wanted)
        assert_null(strstr(b.p, ME));
}

static void test_access_policies_are_added_replaced_and_removed(void **state)
{
    struct fixture *f = *state;

    expect(f, "PUT", KEYVAULT, "{}", 201);
    expect_error(f, "PUT", KEYVAULT "/accessPolicies/add", POLICIES(ME, SECRETS("\"get\"")), KG_E_CONFLICT, "roles");
    expect(f, "PATCH", KEYVAULT, "{\"properties\":{\"enableRbacAuthorization\":false}}", 200);
    expect_policies(f, "add", POLICIES(ME, SECRETS("\"get\"")), "\"secrets\":[\"get\"]");
    expect_policies(f, "add", POLICIES(ME, SECRETS("\"List\",\"get\"")), "\"secrets\":[\"get\",\"list\"]");
    expect_policies(f, "ADD", POLICIES(OTHER, SECRETS("\"all\"")), OTHER);
    expect_policies(f, "replace", POLICIES(ME, SECRETS("\"set\"")), "\"" ME "\",\"permissions\":{\"secrets\":[\"set\"]}");
    expect_policies(f, "add", POLICIES(ME, SECRETS("\"get\"")), "\"secrets\":[\"set\",\"get\"]");
    expect_policies(f, "remove", POLICIES(ME, SECRETS("\"set\"")), "\"secrets\":[\"get\"]");
    expect_policies(f, "remove", POLICIES(ME, ""), "");
    expect_policies(f, "remove", POLICIES(ME, ""), "");
    expect_error(f, "PUT", KEYVAULT "/accessPolicies/drop", POLICIES(ME, ""), KG_E_USAGE, "'drop'");
    expect_error(f, "PUT", KEYVAULT "/accessPolicies/add", POLICIES("alice", ""), KG_E_USAGE, "objectId");
    expect_error(f, "PUT", RG "/providers/Microsoft.KeyVault/vaults/none/accessPolicies/add", POLICIES(ME, ""), KG_E_NOT_FOUND, "none");
}

static void test_with_access_policies_only_who_has_one_touches_secrets(void **state)
{
    struct fixture *f = *state;

    expect(f, "PUT", KEYVAULT, "{\"properties\":{\"enableRbacAuthorization\":false,\"accessPolicies\":[]}}", 201);
    expect_error(f, "PUT", KEYVAULT "/secrets/a", value, KG_E_DENIED, "set secrets");
    expect_error(f, "GET", KEYVAULT "/secrets", NULL, KG_E_DENIED, "list secrets");
    expect_error(f, "GET", KEYVAULT "/secrets/a", NULL, KG_E_DENIED, "get secrets");
    expect_error(f, "GET", KEYVAULT "/secrets/a/versions", NULL, KG_E_DENIED, "list secrets");
    expect_error(f, "PATCH", KEYVAULT "/secrets/a", "{\"properties\":{}}", KG_E_DENIED, "set secrets");
    expect_error(f, "DELETE", KEYVAULT "/secrets/a", NULL, KG_E_DENIED, "delete secrets");
}

/* ---- somebody else ---- */

static void test_roles_on_data_decide_over_secrets_and_a_contributor_has_none(void **state)
{
    struct fixture *f = *state;

    if (geteuid() != 0)
        skip();
    open_to_all(f);
    expect(f, "PUT", KEYVAULT, "{}", 201);
    expect(f, "PUT", KEYVAULT "/secrets/a", value, 201);
    give_role(f, KEYVAULT, ME, "Contributor");
    assert_int_equal(as_stranger(f, "PATCH", KEYVAULT, "{\"tags\":{\"a\":\"b\"}}"), 200);
    assert_int_equal(as_stranger(f, "GET", KEYVAULT "/secrets", NULL), 403);
    assert_int_equal(as_stranger(f, "PUT", KEYVAULT "/secrets/a", value), 403);
    /* nor by choosing who decides */
    assert_int_equal(as_stranger(f, "PATCH", KEYVAULT, "{\"properties\":{\"enableRbacAuthorization\":false}}"), 403);
    assert_int_equal(as_stranger(f, "PUT", KEYVAULT, "{\"properties\":{\"enableRbacAuthorization\":false}}"), 403);
    AUTO_REPLY struct reply r = call(f, "GET", KEYVAULT, NULL);
    assert_true(kg_json_bool(r.json, "properties.enableRbacAuthorization", false));
    give_role(f, KEYVAULT, OTHER, "Key Vault Secrets Officer");
    assert_int_equal(as_stranger(f, "GET", KEYVAULT "/secrets", NULL), 200);
    assert_int_equal(as_stranger(f, "PUT", KEYVAULT "/secrets/a", value), 201);
    assert_int_equal(as_stranger(f, "DELETE", KEYVAULT "/secrets/a", NULL), 200);
}

static void test_access_policies_decide_over_secrets_and_roles_on_data_count_for_nothing(void **state)
{
    struct fixture *f = *state;
    struct kg_principal p;

    if (geteuid() != 0)
        skip();
    open_to_all(f);
    kg_principal_of_uid(STRANGER, &p);
    KG_AUTO_FREE char *get_list = kg_xprintf("{\"properties\":{\"accessPolicies\":[{\"objectId\":\"%s\"" SECRETS("\"get\",\"list\"") "}]}}",
                                             p.id);
    expect(f, "PUT", KEYVAULT, "{\"properties\":{\"enableRbacAuthorization\":false}}", 201);
    expect(f, "PUT", KEYVAULT "/secrets/a", value, 201); /* who made it has a policy */
    give_role(f, KEYVAULT, ME, "Key Vault Secrets Officer");
    assert_int_equal(as_stranger(f, "GET", KEYVAULT "/secrets", NULL), 403);
    assert_int_equal(as_stranger(f, "GET", KEYVAULT "/secrets/a_b", NULL), 403);
    assert_int_equal(as_stranger(f, "DELETE", KEYVAULT "/secrets/none", NULL), 403);
    assert_int_equal(as_stranger(f, "PUT", KEYVAULT "/accessPolicies/add", get_list), 403);
    expect(f, "PUT", KEYVAULT "/accessPolicies/add", get_list, 200);
    assert_int_equal(as_stranger(f, "GET", KEYVAULT "/secrets", NULL), 200);
    assert_int_equal(as_stranger(f, "GET", KEYVAULT "/secrets/a/versions", NULL), 200);
    assert_int_equal(as_stranger(f, "GET", KEYVAULT "/secrets/a", NULL), 200);
    assert_int_equal(as_stranger(f, "PUT", KEYVAULT "/secrets/a", "{}"), 403);
    assert_int_equal(as_stranger(f, "PATCH", KEYVAULT "/secrets/a", "{\"properties\":{}}"), 403);
    assert_int_equal(as_stranger(f, "DELETE", KEYVAULT "/secrets/a", NULL), 403);
}

/* ---- secrets of a local one ---- */

static void test_a_secret_has_versions_with_attributes_of_their_own(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *one = NULL;

    expect(f, "PUT", KEYVAULT, "{}", 201);
    AUTO_REPLY struct reply put = call(f, "PUT", KEYVAULT "/secrets/a",
                                       "{\"properties\":{\"value\":\"1\",\"attributes\":{\"enabled\":false,"
                                       "\"notBefore\":\"2026-01-01T00:00:00Z\",\"exp\":1893456000}}}");
    assert_int_equal(put.status, 201);
    assert_string_equal(text_of(&put, "properties.attributes.expires"), "2030-01-01T00:00:00Z");
    one = kg_xprintf(KEYVAULT "/secrets/a/%s", text_of(&put, "properties.version"));
    expect(f, "PUT", KEYVAULT "/secrets/a", "{\"properties\":{\"value\":\"2\"}}", 201);
    assert_int_equal(count_of(f, KEYVAULT "/secrets/a/versions"), 2);
    assert_int_equal(count_of(f, KEYVAULT "/secrets"), 1);
    AUTO_REPLY struct reply changed = call(f, "PATCH", one, "{\"properties\":{\"contentType\":\"t\","
                                           "\"attributes\":{\"enabled\":true,\"expires\":null}}}");
    assert_int_equal(changed.status, 200);
    assert_true(kg_json_bool(changed.json, "properties.attributes.enabled", false));
    assert_null(kg_json_str(changed.json, "properties.attributes.expires"));
    assert_string_equal(text_of(&changed, "properties.attributes.notBefore"), "2026-01-01T00:00:00Z");
    assert_string_equal(text_of(&changed, "properties.contentType"), "t");
    AUTO_REPLY struct reply newest = call(f, "PATCH", KEYVAULT "/secrets/a", "{\"properties\":{\"attributes\":{\"enabled\":false}}}");
    assert_string_not_equal(text_of(&newest, "properties.version"), text_of(&put, "properties.version"));
    AUTO_REPLY struct reply shown = call(f, "GET", KEYVAULT "/secrets/a", NULL);
    assert_false(kg_json_bool(shown.json, "properties.attributes.enabled", true));
    expect_error(f, "PATCH", one, "{\"properties\":{\"attributes\":{\"expires\":\"2020-01-01T00:00:00Z\"}}}", KG_E_USAGE, "expire");
    expect_error(f, "PATCH", one, value, KG_E_USAGE, "properties.value");
    expect_error(f, "PATCH", one, "{\"properties\":{\"attributes\":7}}", KG_E_USAGE, "attributes");
    AUTO_REPLY struct reply same = call(f, "PATCH", KEYVAULT "/secrets/a", "{\"properties\":{\"attributes\":{\"enabled\":null}}}");
    assert_int_equal(same.status, 200); /* null is not true */
    assert_false(kg_json_bool(same.json, "properties.attributes.enabled", true));
    expect(f, "PATCH", one, "{\"properties\":{\"attributes\":null}}", 200);
    expect_error(f, "PATCH", KEYVAULT "/secrets/b", "{\"properties\":{}}", KG_E_NO_SECRET, "'b'");
    expect_error(f, "GET", KEYVAULT "/secrets/a/xyz", NULL, KG_E_NO_SECRET, "version");
    expect_error(f, "GET", KEYVAULT "/secrets/a_b/versions", NULL, KG_E_USAGE, "a_b");
    expect(f, "DELETE", KEYVAULT "/secrets/a", NULL, 200);
    expect(f, "DELETE", KEYVAULT "/secrets/a", NULL, 204);
    assert_int_equal(count_of(f, KEYVAULT "/secrets/a/versions"), 0);
}

/* ---- Azure ---- */

#define CREDENTIAL(more) "{\"properties\":{\"provider\":\"azure\",\"credential\":{\"type\":\"ClientSecret\",\"clientId\":\"" ME \
                         "\",\"tenantId\":\"t\"" more "}}}"

static void test_the_client_secret_of_a_key_vault_in_azure_goes_in_and_never_out(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *catalog = kg_xprintf("%s/catalog.sqlite", f->state);
    KG_AUTO_FREE char *wal = kg_xprintf("%s-wal", catalog);

    expect_error(f, "PUT", AZURE, CREDENTIAL(""), KG_E_USAGE, "clientSecret is needed");
    expect(f, "GET", AZURE, NULL, 404);
    AUTO_REPLY struct reply put = call(f, "PUT", AZURE, CREDENTIAL(",\"clientSecret\":\"canary-4711\""));
    assert_int_equal(put.status, 201);
    assert_null(strstr(put.text.p, "canary"));
    AUTO_REPLY struct reply kept = call(f, "PATCH", AZURE, "{\"tags\":{\"a\":\"b\"}}");
    assert_int_equal(kept.status, 200); /* the one that is kept will do */
    assert_string_equal(text_of(&kept, "properties.credential.type"), "ClientSecret");
    expect(f, "PATCH", AZURE, "{\"properties\":{\"credential\":{\"clientSecret\":\"canary-4712\"}}}", 200);
    AUTO_REPLY struct reply shown = call(f, "GET", AZURE, NULL);
    assert_null(strstr(shown.text.p, "canary"));
    assert_false(file_has(catalog, "canary-47") || file_has(wal, "canary-47") || file_has(f->log, "canary-47"));
    expect(f, "PATCH", AZURE, "{\"properties\":{\"credential\":{\"type\":\"ManagedIdentity\"}}}", 200);
    expect_error(f, "PATCH", AZURE, "{\"properties\":{\"credential\":{\"type\":\"ClientSecret\",\"tenantId\":\"t\"}}}", KG_E_USAGE,
                 "clientSecret is needed");
    expect(f, "DELETE", AZURE, NULL, 200);
}

static void test_a_key_vault_in_azure_has_a_host_of_azure_and_of_its_own(void **state)
{
    struct fixture *f = *state;

    expect_error(f, "PUT", AZURE, "{\"properties\":{\"provider\":\"azure\",\"vaultUri\":\"https://evil.example/\"}}", KG_E_DENIED,
                 "evil.example");
    expect(f, "PUT", AZURE, "{\"properties\":{\"provider\":\"azure\"}}", 201);
    expect(f, "PUT", AZURE, "{\"properties\":{\"provider\":\"azure\"}}", 200);
    expect_error(f, "PUT", RG "/providers/Microsoft.KeyVault/vaults/kvaz2",
                 "{\"properties\":{\"provider\":\"azure\",\"vaultUri\":\"https://KVAZ.vault.azure.net:443/\"}}", KG_E_EXISTS, "kvaz");
    expect_error(f, "PUT", AZURE, "{\"properties\":{}}", KG_E_CONFLICT, "provider");
}

static void expect_failed(struct fixture *f, const char *method, const char *path, const char *body, enum kg_code code)
{
    AUTO_REPLY struct reply r = call(f, method, path, body);

    if (r.status != 202 || !r.operation)
        fail_msg("%s %s: HTTP %ld: %s", method, path, r.status, r.text.p);
    AUTO_REPLY struct reply end = wait_operation(f, r.operation);
    if (strcmp(text_of(&end, "status"), "Failed") != 0 || strcmp(text_of(&end, "error.code"), kg_code_arm(code)) != 0)
        fail_msg("%s %s: %s", method, path, end.text.p);
    assert_null(strstr(end.text.p, "canary"));
}

/* Nothing answers there, and a worker says so while the service goes on. */
static void test_azure_is_asked_by_a_worker(void **state)
{
    static const char more[] = "azure_imds_url = http://127.0.0.1:1\nazure_extra_host = localhost:1\nworker_silence_seconds = 60\n";
    struct fixture *f = *state;
    struct kg_err err = { 0 };

    assert_int_equal(kg_write_file(f->config, more, sizeof more - 1, 0600, &err), 0);
    restart_service(f, SIGTERM);
    expect(f, "PUT", AZURE, "{\"properties\":{\"provider\":\"azure\",\"vaultUri\":\"https://localhost:1/\"}}", 201);
    AUTO_REPLY struct reply slow = call(f, "GET", AZURE "/secrets", NULL);
    assert_int_equal(slow.status, 202);
    AUTO_REPLY struct reply set = call(f, "PUT", AZURE "/secrets/a",
                                       "{\"properties\":{\"value\":\"canary-1\",\"attributes\":{\"exp\":1893456000}}}");
    assert_int_equal(set.status, 202);
    expect_failed(f, "GET", AZURE "/secrets/a", NULL, KG_E_NO_KEYVAULT);
    AUTO_REPLY struct reply listed = wait_operation(f, slow.operation), was_set = wait_operation(f, set.operation);
    assert_string_equal(text_of(&listed, "error.code"), "UserErrorInvalidSecretStore");
    assert_string_equal(text_of(&was_set, "error.code"), "UserErrorInvalidSecretStore");
    assert_false(file_has(f->log, "canary"));
    expect_error(f, "PUT", AZURE "/secrets/a_b", "{\"properties\":{\"value\":\"x\"}}", KG_E_USAGE, "a_b");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(test_a_key_vault_is_changed_one_property_at_a_time),
        T(test_access_policies_are_added_replaced_and_removed),
        T(test_with_access_policies_only_who_has_one_touches_secrets),
        T(test_roles_on_data_decide_over_secrets_and_a_contributor_has_none),
        T(test_access_policies_decide_over_secrets_and_roles_on_data_count_for_nothing),
        T(test_a_secret_has_versions_with_attributes_of_their_own),
        T(test_the_client_secret_of_a_key_vault_in_azure_goes_in_and_never_out),
        T(test_a_key_vault_in_azure_has_a_host_of_azure_and_of_its_own),
        T(test_azure_is_asked_by_a_worker),
    };
    int role;

    if (argc > 1 && strcmp(argv[1], "worker") == 0) {
        kg_crypto_start();
        return kg_worker_main();
    }
    role = role_main(argc, argv);
    if (role >= 0)
        return role;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests_name("http_keyvaults", tests, NULL, NULL);
}
