#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/alloc.h"
#include "model/id.h"
#include "model/resources.h"

#define SUB   "/subscriptions/00000000-0000-0000-0000-000000000001"
#define GROUP SUB "/resourceGroups/Default"
#define SRV   GROUP "/providers/Microsoft.DBforPostgreSQL/servers/s1"

static void test_an_id_is_taken_apart_ignoring_case_and_a_trailing_slash(void **state)
{
    KG_AUTO_ID struct kg_id id = { 0 };
    struct kg_err err = { 0 };
    KG_AUTO_FREE char *type = NULL;

    (void)state;
    assert_int_equal(
        kg_id_parse("/SUBSCRIPTIONS/S/resourcegroups/G/Providers/Microsoft.DBforPostgreSQL/servers/s1/databases/D/",
                    &id, &err),
        0);
    assert_string_equal(id.subscription, "S");
    assert_string_equal(id.group, "G");
    assert_string_equal(id.provider, "Microsoft.DBforPostgreSQL");
    assert_int_equal(id.count, 2);
    assert_string_equal(id.parts[0].name, "s1");
    assert_string_equal(id.parts[1].type, "databases");
    assert_string_equal(kg_id_name(&id), "D");
    type = kg_id_type(&id);
    assert_string_equal(type, "Microsoft.DBforPostgreSQL/servers/databases");
    assert_true(kg_id_is(&id, "microsoft.dbforpostgresql/SERVERS/databases"));
    assert_false(kg_id_is(&id, "microsoft.dbforpostgresql/SERVERS"));
}

static void test_subscriptions_groups_and_extensions_have_types_too(void **state)
{
    static const struct { const char *id, *type, *name; } cases[] = {
        { SUB, "Microsoft.Resources/subscriptions", "00000000-0000-0000-0000-000000000001" },
        { GROUP, "Microsoft.Resources/subscriptions/resourceGroups", "Default" },
        { SUB "/providers/Microsoft.X/things/a", "Microsoft.X/things", "a" },
        { SRV "/providers/Microsoft.Authorization/roleAssignments/r", "Microsoft.Authorization/roleAssignments", "r" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_ID struct kg_id id = { 0 };
        struct kg_err err = { 0 };
        KG_AUTO_FREE char *type = NULL;

        if (kg_id_parse(cases[i].id, &id, &err) < 0)
            fail_msg("case %zu: %s", i, err.msg);
        type = kg_id_type(&id);
        assert_string_equal(type, cases[i].type);
        assert_string_equal(kg_id_name(&id), cases[i].name);
    }
}

static void test_what_is_no_id_is_refused_with_advice(void **state)
{
    static const char *const bad[] = {
        "",
        "/",
        "x",
        "subscriptions/s",
        "/subscriptions",
        "/subscriptions/",
        "/subscriptions//",
        "/groups/x",
        "/subscriptions/s/resourceGroups",
        "/subscriptions/s/other/x",
        "/subscriptions/s/providers/NS",
        "/subscriptions/s/providers/NS/type",
        "/subscriptions/s/providers/NS/type/n/t2",
        "/subscriptions/s//x",
        "/subscriptions/s?x",
        "/subscriptions/s#x",
        "/subscriptions/a\nb",
        "/subscriptions/a%00b",
        "/subscriptions/\xff",
        "/subscriptions/%ff",
        "/subscriptions/s/providers/N/a/1/a/1/a/1/a/1/a/1/a/1/a/1/a/1/a/1",
        "/subscriptions/s/providers/N/a/1/providers",
        "/subscriptions/s/providers/N/a/1/providers/M",
    };
    KG_AUTO_FREE char *segment = kg_xprintf("/subscriptions/%0*d", KG_NAME_MAX + 1, 0);
    KG_AUTO_FREE char *whole = kg_xprintf("/subscriptions/%0*d", KG_ID_MAX, 0);

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(bad) + 2; i++) {
        const char *text = i < KG_ARRAY_LEN(bad) ? bad[i] : i == KG_ARRAY_LEN(bad) ? segment : whole;
        KG_AUTO_ID struct kg_id id = { 0 };
        struct kg_err err = { 0 };

        if (kg_id_parse(text, &id, &err) != -KG_E_USAGE || !*err.action || id.memory)
            fail_msg("case %zu: '%.60s' was accepted", i, text);
    }
}

static void test_a_database_may_be_called_anything(void **state)
{
    static const char *const names[] = { "a/b", "100%", "what?",    "tag#1", "%2F", "\xc3\xa4\xc3\xb6",
                                         "a b", "..",   "new\nline" };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(names); i++) {
        KG_AUTO_FREE char *text = kg_id_child(SRV, "databases", names[i]);
        KG_AUTO_ID struct kg_id id = { 0 };
        struct kg_err err = { 0 };

        if (kg_id_parse(text, &id, &err) < 0)
            fail_msg("case %zu: %s", i, err.msg);
        assert_string_equal(id.parts[1].name, names[i]);
    }
}

static void test_parents_lead_to_the_subscription(void **state)
{
    static const char *const chain[] = { SRV "/databases/d", SRV, GROUP, SUB };
    KG_AUTO_FREE char *account =
        kg_id_parent(GROUP "/providers/Microsoft.Storage/storageAccounts/a/blobServices/default/"
                           "containers/c/");

    (void)state;
    for (size_t i = 0; i + 1 < KG_ARRAY_LEN(chain); i++) {
        KG_AUTO_FREE char *up = kg_id_parent(chain[i]);

        assert_string_equal(up, chain[i + 1]);
    }
    assert_null(kg_id_parent(SUB));
    assert_null(kg_id_parent("nonsense"));
    assert_string_equal(account, GROUP "/providers/Microsoft.Storage/storageAccounts/a");
}

static void test_ids_compare_ignoring_case_and_by_whole_segments(void **state)
{
    struct kg_err err = { 0 };
    KG_AUTO_FREE char *key = NULL, *built = kg_id_resource("s", "g", "Microsoft.KeyVault/vaults", "k"),
                      *at_sub = kg_id_resource("s", NULL, "Microsoft.X/y", "z"), *sub = kg_id_subscription("s");

    (void)state;
    assert_true(kg_id_equal("/Subscriptions/A", "/subscriptions/a/"));
    assert_false(kg_id_equal("/subscriptions/a", "/subscriptions/ab"));
    assert_true(kg_id_under(SRV, GROUP "/"));
    assert_true(kg_id_under(SRV, "/"));
    assert_false(kg_id_under(SRV "2", SRV));
    assert_int_equal(kg_id_key("/Subscriptions/ABC/", &key, &err), 0);
    assert_string_equal(key, "/subscriptions/abc");
    assert_string_equal(built, "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/k");
    assert_string_equal(at_sub, "/subscriptions/s/providers/Microsoft.X/y/z");
    assert_string_equal(sub, "/subscriptions/s");
}

static void test_two_databases_that_differ_in_case_are_two_datasources(void **state)
{
    struct kg_datasource a = { 0 }, b = { 0 }, c = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_datasource_parse(SRV "/databases/Shop", &a, &err), 0);
    assert_int_equal(kg_datasource_parse(SRV "/databases/shop", &b, &err), 0);
    assert_int_equal(
        kg_datasource_parse(GROUP "/providers/microsoft.dbforpostgresql/SERVERS/S1/databases/Shop", &c, &err), 0);
    assert_false(kg_datasource_equal(&a, &b));
    assert_true(kg_datasource_equal(&a, &c));
    assert_string_equal(a.server_id, SRV);
    assert_string_equal(a.server, "s1");
    assert_string_equal(a.database, "Shop");
    assert_false(a.flexible);
    kg_datasource_done(&a);
    kg_datasource_done(&b);
    kg_datasource_done(&c);
    assert_int_equal(kg_datasource_parse(SRV, &a, &err), -KG_E_UNSUPPORTED);
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_datasource_parse(GROUP "/providers/Microsoft.KeyVault/vaults/k", &a, &err), -KG_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_id_is_taken_apart_ignoring_case_and_a_trailing_slash),
        cmocka_unit_test(test_subscriptions_groups_and_extensions_have_types_too),
        cmocka_unit_test(test_what_is_no_id_is_refused_with_advice),
        cmocka_unit_test(test_a_database_may_be_called_anything),
        cmocka_unit_test(test_parents_lead_to_the_subscription),
        cmocka_unit_test(test_ids_compare_ignoring_case_and_by_whole_segments),
        cmocka_unit_test(test_two_databases_that_differ_in_case_are_two_datasources),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
