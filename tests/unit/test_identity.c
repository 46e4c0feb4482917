#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "identity/identity.h"

static void test_the_owner_may_do_everything_everywhere(void **state)
{
    KG_CLEANUP(kg_identity_freep) struct kg_identity *i = kg_identity_new(1000);
    struct kg_principal p = { .uid = 1000, .name = "olga" };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_identity_may(i, &p, "Microsoft.DataProtection/backupVaults/write", "/subscriptions/s", &err),
                     0);
    assert_int_equal(kg_identity_may(i, &p, "Microsoft.KeepGres/service/stop/action", "/", &err), 0);
}

static void test_everybody_else_is_denied_with_who_what_and_where(void **state)
{
    KG_CLEANUP(kg_identity_freep) struct kg_identity *i = kg_identity_new(1000);
    struct kg_principal p = { .uid = 1001, .name = "bert" };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_identity_may(i, &p, "Microsoft.KeyVault/vaults/secrets/write", "/subscriptions/s", &err),
                     -KG_E_DENIED);
    assert_non_null(strstr(err.msg, "bert"));
    assert_non_null(strstr(err.msg, "Microsoft.KeyVault/vaults/secrets/write"));
    assert_non_null(strstr(err.msg, "/subscriptions/s"));
    assert_true(*err.action != '\0');
}

static void test_root_is_nobody_special_when_it_is_not_the_owner(void **state)
{
    KG_CLEANUP(kg_identity_freep) struct kg_identity *i = kg_identity_new(1000);
    struct kg_principal p;
    struct kg_err err = { 0 };

    (void)state;
    kg_principal_of_uid(0, &p);
    assert_string_equal(p.name, "root");
    assert_int_equal(kg_identity_may(i, &p, "x/read", "/", &err), -KG_E_DENIED);
}

static void test_a_uid_without_a_name_is_called_by_its_number(void **state)
{
    struct kg_principal p;

    (void)state;
    kg_principal_of_uid(3987654321u, &p);
    assert_string_equal(p.name, "uid 3987654321");
    assert_int_equal(p.uid, 3987654321u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_owner_may_do_everything_everywhere),
        cmocka_unit_test(test_everybody_else_is_denied_with_who_what_and_where),
        cmocka_unit_test(test_root_is_nobody_special_when_it_is_not_the_owner),
        cmocka_unit_test(test_a_uid_without_a_name_is_called_by_its_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
