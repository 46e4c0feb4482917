/* What a key vault's resource may say, and who may read its secrets by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/alloc.h"
#include "keyvault/access.h"
#include "model/resources.h"

#define ME    "11111111-2222-3333-4444-555555555555"
#define OTHER "99999999-2222-3333-4444-555555555555"

/* Single quotes stand for double ones. */
static struct kg_json *doc(const char *text)
{
    KG_AUTO_FREE char *t = kg_xstrdup(text);
    struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    for (char *p = t; *p; p++)
        if (*p == '\'')
            *p = '"';
    if (kg_json_parse(t, strlen(t), &j, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return j;
}

static void test_a_key_vault_has_defaults_and_keeps_only_what_it_knows(void **state)
{
    KG_AUTO_JSON struct kg_json *j = doc("{'properties':{'networkAcls':{'bypass':'none'},'junk':1,'accessPolicies':[{'objectId':'" ME
                                         "','permissions':{'secrets':['GET','List'],'keys':['all']},'x':2}]}}");
    KG_AUTO_KEYVAULT_BODY struct kg_keyvault_body b = { 0 };
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(4096);
    struct kg_err err = { 0 };

    (void)state;
    if (kg_keyvault_body_parse("kv1", j, &b, &err) < 0)
        fail_msg("%s", err.msg);
    kg_json_print(b.properties, false, &text);
    assert_string_equal(text.p, "{\"vaultUri\":\"https://kv1.vault.local/\",\"provider\":\"local\",\"enableRbacAuthorization\":true,"
                                "\"accessPolicies\":[{\"objectId\":\"" ME "\",\"permissions\":{\"secrets\":[\"get\",\"list\"]}}],"
                                "\"networkAcls\":{\"bypass\":\"None\",\"defaultAction\":\"Allow\"},\"publicNetworkAccess\":\"Enabled\"}");
    assert_null(b.client_secret);
}

static void test_an_azure_key_vault_has_a_credential_whose_secret_is_not_among_its_properties(void **state)
{
    KG_AUTO_JSON struct kg_json *j =
        doc("{'properties':{'provider':'azure','vaultUri':'https://KV.vault.azure.NET:443','credential':{'type':'clientSecret',"
            "'clientId':'" ME "','tenantId':'contoso.com','clientSecret':'canary'}}}"),
                               *plain = doc("{'properties':{'provider':'azure'}}");
    KG_AUTO_KEYVAULT_BODY struct kg_keyvault_body b = { 0 }, d = { 0 };
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(4096);
    struct kg_err err = { 0 };

    (void)state;
    if (kg_keyvault_body_parse("kv1", j, &b, &err) < 0)
        fail_msg("%s", err.msg);
    kg_json_print(b.properties, false, &text);
    assert_null(strstr(text.p, "canary"));
    assert_string_equal(b.client_secret, "canary");
    assert_string_equal(kg_json_str(b.properties, "vaultUri"), "https://kv.vault.azure.net:443/");
    assert_string_equal(kg_json_str(b.properties, "credential.type"), "ClientSecret");
    assert_int_equal(kg_keyvault_body_parse("kv1", plain, &d, &err), 0);
    assert_string_equal(kg_json_str(d.properties, "credential.type"), "ManagedIdentity");
    assert_string_equal(kg_json_str(d.properties, "vaultUri"), "https://kv1.vault.azure.net/");
}

#define AZ(rest) "{'properties':{'provider':'azure'," rest "}}"

static void test_bad_key_vaults_are_refused_at_their_place(void **state)
{
    static const struct { const char *body, *begins; } cases[] = {
        { "{'properties':{'vaultUri':'https://kv2.vault.local/'}}", "properties.vaultUri of a local key vault" },
        { "{'properties':{'accessPolicies':{}}}", "properties.accessPolicies must be an array" },
        { "{'properties':{'accessPolicies':[{}]}}", "properties.accessPolicies[0].objectId is missing" },
        { "{'properties':{'accessPolicies':[3]}}", "properties.accessPolicies[0] must be an object" },
        { "{'properties':{'accessPolicies':[{'objectId':'alice'}]}}", "properties.accessPolicies[0].objectId must be a principal" },
        { "{'properties':{'accessPolicies':[{'objectId':'" ME "','permissions':{'secrets':['read']}}]}}",
          "properties.accessPolicies[0].permissions.secrets[0] must be one of all" },
        { "{'properties':{'accessPolicies':[{'objectId':'" ME "'},{'objectId':'" ME "'}]}}",
          "properties.accessPolicies[1].objectId has a policy already" },
        { "{'properties':{'networkAcls':{'bypass':'Everybody'}}}", "properties.networkAcls.bypass must be one of" },
        { "{'properties':{'networkAcls':3}}", "properties.networkAcls must be an object" },
        { "{'properties':{'networkAcls':{'defaultAction':'x'}}}", "properties.networkAcls.defaultAction must be one of" },
        { "{'properties':{'publicNetworkAccess':'x'}}", "properties.publicNetworkAccess must be one of" },
        { "{'properties':{'enableRbacAuthorization':'yes'}}", "properties.enableRbacAuthorization must be" },
        { AZ("'vaultUri':'http://kv.vault.azure.net/'"), "properties.vaultUri: 'http:" },
        { AZ("'vaultUri':'https://kv.vault.azure.net/x'"), "properties.vaultUri: 'https:" },
        { AZ("'vaultUri':'https://u@kv.vault.azure.net/'"), "properties.vaultUri: 'https:" },
        { AZ("'vaultUri':'https://kv.vault.azure.net?x'"), "properties.vaultUri: 'https:" },
        { AZ("'vaultUri':'https://kv1.vault.local/'"), "properties.vaultUri has the host of a local" },
        { AZ("'credential':3"), "properties.credential must be an object" },
        { AZ("'credential':{'type':'password'}"), "properties.credential.type must be one of" },
        { AZ("'credential':{'type':'ClientSecret','tenantId':'t'}"), "properties.credential.clientId is needed" },
        { AZ("'credential':{'type':'ClientSecret','clientId':'" ME "'}"), "properties.credential.tenantId is needed" },
        { AZ("'credential':{'clientId':'x'}"), "properties.credential.clientId must be a GUID" },
        { AZ("'credential':{'type':'ClientSecret','clientId':'" ME "','tenantId':'a/b'}"), "properties.credential.tenantId must be" },
        { AZ("'credential':{'type':'ClientSecret','clientId':'" ME "','tenantId':'..'}"), "properties.credential.tenantId must be" },
        { AZ("'credential':{'clientSecret':'x'}"), "properties.credential.clientSecret must be" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_KEYVAULT_BODY struct kg_keyvault_body b = { 0 };
        KG_AUTO_JSON struct kg_json *j = doc(cases[i].body);
        struct kg_err err = { 0 };

        if (kg_keyvault_body_parse("kv1", j, &b, &err) != -KG_E_USAGE || strncmp(err.msg, cases[i].begins, strlen(cases[i].begins)) != 0)
            fail_msg("case %zu: '%s' instead of '%s'", i, err.msg, cases[i].begins);
    }
}

static void test_the_dates_of_a_secret_are_moments_or_seconds_and_null_takes_them_away(void **state)
{
    static const struct { const char *attributes; int code; bool has; kg_usec expires; } cases[] = {
        { "{}", 0, false, 0 },
        { "{'expires':'2027-01-01T00:00:00Z'}", 0, true, 1798761600 * KG_SECOND },
        { "{'exp':1798761600}", 0, true, 1798761600 * KG_SECOND },
        { "{'expires':null}", 0, true, 0 },
        { "{'expires':'tomorrow'}", KG_E_USAGE, false, 0 },
        { "{'expires':0}", KG_E_USAGE, false, 0 },
        { "{'expires':-5}", KG_E_USAGE, false, 0 },
        { "{'exp':99999999999999}", KG_E_USAGE, false, 0 },
        { "{'expires':[]}", KG_E_USAGE, false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_FREE char *text = kg_xprintf("{'properties':{'attributes':%s}}", cases[i].attributes);
        KG_AUTO_JSON struct kg_json *j = doc(text);
        struct kg_secret_body b = { 0 };
        struct kg_err err = { 0 };
        int r = kg_secret_body_parse(j, false, &b, &err);

        if (r != -cases[i].code || b.has_expires != cases[i].has || b.expires != cases[i].expires || b.has_not_before || b.has_enabled)
            fail_msg("case %zu: %d %s", i, r, err.msg);
    }
}

static void test_each_permission_model_decides_alone(void **state)
{
#define POLICIES(id, p) "'accessPolicies':[{'objectId':'" id "','permissions':{'secrets':[" p "]}}]"
#define POLICY(id, p) "{'properties':{'enableRbacAuthorization':false," POLICIES(id, p) "}}"
    static const struct { const char *keyvault; bool rbac_allows; int code; } cases[] = {
        { "{}", true, 0 },
        { "{}", false, KG_E_SECRET_DENIED },
        { "{'properties':{'enableRbacAuthorization':false}}", true, KG_E_SECRET_DENIED }, /* a role counts for nothing there */
        { POLICY(ME, "'get'"), false, 0 },
        { POLICY(ME, "'all'"), false, 0 },
        { POLICY(ME, "'list','set'"), true, KG_E_SECRET_DENIED },
        { POLICY(OTHER, "'get'"), false, KG_E_SECRET_DENIED },
        { "{'properties':{" POLICIES(ME, "'get'") "}}", false, KG_E_SECRET_DENIED },
        { "{'properties':{'networkAcls':{'bypass':'None'}}}", true, KG_E_NO_KEYVAULT },
        { "{'properties':{'networkAcls':{'bypass':'AzureServices','defaultAction':'Deny'},'publicNetworkAccess':'Disabled'}}",
          true, 0 },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_JSON struct kg_json *j = doc(cases[i].keyvault);
        struct kg_err err = { 0 };

        if (kg_keyvault_may_get(j, cases[i].rbac_allows, ME, &err) != -cases[i].code)
            fail_msg("case %zu: %s", i, err.msg);
        assert_true(cases[i].code == 0 || *err.action);
    }
}

static void test_a_principal_without_an_id_matches_no_policy(void **state)
{
    KG_AUTO_JSON struct kg_json *j = doc("{'properties':{'enableRbacAuthorization':false,'accessPolicies':["
                                         "{'objectId':'','permissions':{'secrets':['get']}},{'permissions':{'secrets':['get']}},7,"
                                         "{'objectId':'" ME "','permissions':7}]}}");
    struct kg_err err = { 0 };

    (void)state;
    assert_false(kg_keyvault_policy_gives(j, "", "get"));
    assert_false(kg_keyvault_policy_gives(j, NULL, "get"));
    assert_false(kg_keyvault_policy_gives(j, ME, "get"));
    assert_int_equal(kg_keyvault_may_get(j, true, NULL, &err), -KG_E_SECRET_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_vault_has_defaults_and_keeps_only_what_it_knows),
        cmocka_unit_test(test_an_azure_key_vault_has_a_credential_whose_secret_is_not_among_its_properties),
        cmocka_unit_test(test_bad_key_vaults_are_refused_at_their_place),
        cmocka_unit_test(test_the_dates_of_a_secret_are_moments_or_seconds_and_null_takes_them_away),
        cmocka_unit_test(test_each_permission_model_decides_alone),
        cmocka_unit_test(test_a_principal_without_an_id_matches_no_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
