#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/names.h"
#include "model/resources.h"

static void test_each_kind_of_name_has_its_rule(void **state)
{
    static const struct { enum kg_name_kind kind; const char *name; bool good;
    } cases[] = {
        { KG_NAME_SUBSCRIPTION, "00000000-0000-0000-0000-000000000001", true },
        { KG_NAME_SUBSCRIPTION, "0000000000000-0000-0000-000000000001", false },
        { KG_NAME_SUBSCRIPTION, "default", false },
        { KG_NAME_GROUP, "rg_1.(a)-b", true },
        { KG_NAME_GROUP, "rg.", false },
        { KG_NAME_GROUP, "", false },
        { KG_NAME_REGION, "West US", true },
        { KG_NAME_REGION, "west/us", false },
        { KG_NAME_VAULT, "v1", true },
        { KG_NAME_VAULT, "My-Vault", true },
        { KG_NAME_VAULT, "v", false },
        { KG_NAME_VAULT, "1v", false },
        { KG_NAME_VAULT, "v-", false },
        { KG_NAME_VAULT, "v_1", false },
        { KG_NAME_POLICY, "Weekly, ten years", true },
        { KG_NAME_POLICY, "a/b", false },
        { KG_NAME_POLICY, " a", false },
        { KG_NAME_POLICY, "..", false },
        { KG_NAME_POLICY, "a\tb", false },
        { KG_NAME_POLICY, "\xff", false },
        { KG_NAME_INSTANCE, "srv-db-1f0c:x", true },
        { KG_NAME_INSTANCE, "a%b", false },
        { KG_NAME_TAG, "Monthly", true },
        { KG_NAME_TAG, "10-years", false },
        { KG_NAME_SERVER, "db1.example.com", true },
        { KG_NAME_SERVER, "db1.", false },
        { KG_NAME_SERVER, "a b", false },
        { KG_NAME_DATABASE, "any/thing ", true },
        { KG_NAME_DATABASE, "a\nb", false },
        { KG_NAME_DATABASE, "", false },
        { KG_NAME_KEYVAULT, "kv1", true },
        { KG_NAME_KEYVAULT, "k1", false },
        { KG_NAME_KEYVAULT, "abcdefghijklmnopqrstuvwxy", false },
        { KG_NAME_SECRET, "pg-1", true },
        { KG_NAME_SECRET, "pg_1", false },
        { KG_NAME_STORAGE_ACCOUNT, "acc1", true },
        { KG_NAME_STORAGE_ACCOUNT, "Acc1", false },
        { KG_NAME_CONTAINER, "c-1", true },
        { KG_NAME_CONTAINER, "-c1", false },
        { KG_NAME_CONTAINER, "..", false },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct kg_err err = { 0 };
        int r = kg_name_check(cases[i].kind, cases[i].name, &err);

        if (r != (cases[i].good ? 0 : -KG_E_USAGE) || (r < 0 && !strstr(err.action, kg_name_rule(cases[i].kind))))
            fail_msg("case %zu: '%s' as a %s", i, cases[i].name, kg_name_kind_to_text(cases[i].kind));
    }
}

static void test_secret_identifiers_are_read_and_written(void **state)
{
    static const struct { const char *uri; int code; } bad[] = {
        { "", KG_E_USAGE }, { "kv1/pg", KG_E_USAGE }, { "http://kv1.vault.local/secrets/pg", KG_E_USAGE },
        { "https://kv1.vault.local/keys/pg", KG_E_USAGE }, { "https://kv1.vault.local/secrets/", KG_E_USAGE },
        { "https://kv1.vault.local/secrets/a_b", KG_E_USAGE }, { "https://kv1.vault.local", KG_E_USAGE },
        { "https://kv1.vault.local/secrets/pg/123", KG_E_USAGE }, { "https://.vault.local/secrets/pg", KG_E_USAGE },
        { "https://kv1.vault.local/secrets/pg/00112233445566778899aabbccddeeff/x", KG_E_USAGE },
        { "https://k.vault.local/secrets/pg", KG_E_USAGE }, { "https://kv1.x.vault.local/secrets/pg", KG_E_USAGE },
        { "https://u@kv1.vault.azure.net/secrets/pg", KG_E_USAGE },
        { "https://kv1.vault.azure.net:0/secrets/pg", KG_E_USAGE }, { "https://kv1.vault.azure.net:99999/secrets/pg", KG_E_USAGE },
        { "https://kv1.vault.azure.net\\@x/secrets/pg", KG_E_USAGE }, { "https:///secrets/pg", KG_E_USAGE },
        { "https://kv1.vault.azure.net/secrets/pg?x", KG_E_USAGE }, { "https://[::1]/secrets/pg", KG_E_USAGE },
    };
    struct kg_secret_ref r;
    struct kg_err err = { 0 };
    KG_AUTO_FREE char *uri = NULL;

    (void)state;
    assert_int_equal(kg_secret_ref_parse("HTTPS://Kv1.Vault.Local/Secrets/pg/", &r, &err), 0);
    assert_string_equal(r.vault, "Kv1");
    assert_string_equal(r.secret, "pg");
    assert_string_equal(r.version, "");
    assert_string_equal(r.host, "kv1.vault.local");
    assert_int_equal(kg_secret_ref_parse("https://Kv1.vault.Azure.net:8443/secrets/pg/00112233445566778899aabbccddeeff", &r, &err), 0);
    assert_string_equal(r.vault, "");
    assert_string_equal(r.host, "kv1.vault.azure.net:8443");
    /* only the end of the host makes it a local one */
    assert_int_equal(kg_secret_ref_parse("https://kv1.vault.local.evil.com/secrets/pg", &r, &err), 0);
    assert_string_equal(r.vault, "");
    assert_int_equal(kg_secret_ref_parse("https://kv1.vault.local:443/secrets/pg", &r, &err), 0);
    assert_string_equal(r.vault, "");
    uri = kg_secret_ref_uri("kv1", "pg", "00112233445566778899aabbccddeeff");
    assert_int_equal(kg_secret_ref_parse(uri, &r, &err), 0);
    assert_string_equal(r.version, "00112233445566778899aabbccddeeff");
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        err = (struct kg_err){ 0 };
        if (kg_secret_ref_parse(bad[i].uri, &r, &err) != -bad[i].code || !*err.action)
            fail_msg("case %zu: '%s': %s", i, bad[i].uri, err.msg);
    }
}

static void test_container_urls_are_read_and_written(void **state)
{
    static const char *const bad[] = { "",
                                       "https://acc1.blob.local/",
                                       "https://acc1.blob.local/C1",
                                       "https://a.blob.local/c11",
                                       "https://acc1.blob.local/c11/x",
                                       "https://acc1.blob.local/../x" };
    struct kg_container_ref r;
    struct kg_err err = { 0 };
    KG_AUTO_FREE char *url = kg_container_ref_url("acc1", "c11");

    (void)state;
    assert_int_equal(kg_container_ref_parse(url, &r, &err), 0);
    assert_string_equal(r.account, "acc1");
    assert_string_equal(r.container, "c11");
    assert_int_equal(kg_container_ref_parse("https://acc1.blob.core.windows.net/c11", &r, &err), -KG_E_UNSUPPORTED);
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        err = (struct kg_err){ 0 };
        if (kg_container_ref_parse(bad[i], &r, &err) != -KG_E_USAGE)
            fail_msg("case %zu: '%s' was accepted", i, bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind_of_name_has_its_rule),
        cmocka_unit_test(test_secret_identifiers_are_read_and_written),
        cmocka_unit_test(test_container_urls_are_read_and_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
