/* A look at the readiness of databases, as different callers get it: what is missing is the vault's, who may mend it the
 * caller's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/secret.h"
#include "readiness/round.h"
#include "support/catalog_fixture.h"

#define PG      GROUP "/providers/Microsoft.DBforPostgreSQL/servers/pg1"
#define SHOP    "[{\"key\":\"a\",\"datasource\":\"" PG "/databases/shop\",\"secret\":\"https://kv1.vault.local/secrets/login\"}]"
#define ADMIN   "User Access Administrator"
enum { ALICE = 4242 };

/* arg: there is one. */
static int list_secrets(void *arg, const char *vault, const char *name, const char *after, unsigned top,
                        struct kg_keyvault_list *ret, struct kg_err *err)
{
    (void)vault;
    (void)name;
    (void)after;
    (void)top;
    (void)err;
    if (arg) {
        ret->items = kg_xalloc(sizeof *ret->items);
        ret->count = 1;
    }
    return 0;
}

struct world {
    struct fixture *f;
    struct kg_identity *identity;
    struct kg_keyvault *keyvault;
};

static void make_world(struct fixture *f, bool has_secret, struct world *ret)
{
    KG_AUTO_SECRET struct kg_secret *key = kg_secret_random(32);
    struct kg_keyvault_backing backing = { .arg = has_secret ? f : NULL, .list = list_secrets };

    *ret = (struct world){ f, kg_identity_new(f->c, 0), kg_keyvault_open_local(key, &backing) };
    put(f, SUB, "{}");
    put(f, GROUP, "{}");
    put(f, VAULT, "{\"identity\":{\"principalId\":\"11111111-2222-3333-4444-555555555555\"}}");
    put(f, KV, "{\"properties\":{\"enableRbacAuthorization\":true}}");
    put(f, PG, "{\"properties\":{}}");
}

static void world_done(struct world *w)
{
    kg_identity_free(w->identity);
    kg_keyvault_close(w->keyvault);
}

static void assign(struct world *w, const struct kg_principal *p, const char *role, const char *scope)
{
    struct kg_principal root;

    kg_principal_of_uid(0, &root);
    OK(kg_identity_assign(w->identity, role, p, scope, NULL, &root, NULL, err));
}

static struct kg_round *look(struct world *w, const char *rows)
{
    KG_AUTO_JSON struct kg_json *j = doc(rows);
    struct kg_round *r = NULL;

    OK(kg_round_open(w->f->c, w->identity, w->keyvault, VAULT, NULL, j, &r, err));
    return r;
}

static void expect_outcome(struct world *w, uid_t uid, const char *outcome)
{
    KG_AUTO_ROUND struct kg_round *r = look(w, SHOP);
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_principal caller;

    kg_principal_of_uid(uid, &caller);
    j = kg_round_row_json(r, 0, w->identity, &caller);
    assert_string_equal(kg_json_str(j, "outcome"), outcome);
}

static void test_who_may_grant_what_is_missing_decides_the_outcome(void **state)
{
    KG_CLEANUP(world_done) struct world w;
    struct kg_principal alice;

    make_world(*state, true, &w);
    kg_principal_of_uid(ALICE, &alice);
    expect_outcome(&w, 0, "RoleAssignmentNotDone");
    expect_outcome(&w, ALICE, "UserCannotAssignRoles");
    assign(&w, &alice, "Contributor", GROUP); /* may write to both, and assign nothing */
    expect_outcome(&w, ALICE, "UserCannotAssignRoles");
    assign(&w, &alice, ADMIN, PG);
    expect_outcome(&w, ALICE, "UserCannotAssignRoles"); /* the key vault's is missing, too */
    assign(&w, &alice, ADMIN, KV);
    expect_outcome(&w, ALICE, "RoleAssignmentNotDone");
}

static void test_a_setting_takes_the_right_to_change_the_resource(void **state)
{
    KG_CLEANUP(world_done) struct world w;
    struct kg_principal alice;

    make_world(*state, true, &w);
    put(w.f, PG, "{\"properties\":{\"allowAccess\":false}}");
    kg_principal_of_uid(ALICE, &alice);
    assign(&w, &alice, ADMIN, GROUP);
    expect_outcome(&w, ALICE, "UserCannotAssignRoles");
    assign(&w, &alice, "Contributor", PG);
    expect_outcome(&w, ALICE, "RoleAssignmentNotDone");
}

static void test_what_no_role_mends_is_nobodys_to_assign(void **state)
{
    KG_CLEANUP(world_done) struct world w;

    make_world(*state, true, &w);
    put(w.f, VAULT, "{\"properties\":{}}"); /* no identity to assign anything to */
    expect_outcome(&w, 0, "ValidationFailed");
}

/* The report of a worker that found nothing wrong. */
static struct kg_json *all_well(void)
{
    KG_AUTO_CHECKS struct kg_checks c = { 0 };
    struct kg_json *j = doc("{\"rows\":[{\"key\":\"a\"}]}");

    for (int i = KG_CHECK_CONNECT; i <= KG_CHECK_SPACE; i++)
        kg_check_pass(&c, (enum kg_check_id)i);
    kg_check_pass(&c, KG_CHECK_SECRET_FORMAT);
    kg_json_set(kg_json_get_mutable(j, "rows.0"), "checks", kg_checks_to_json(&c));
    return j;
}

static void grant_all(struct world *w)
{
    struct kg_principal identity;

    kg_principal_of_vault("11111111-2222-3333-4444-555555555555", "Vault1", &identity);
    assign(w, &identity, "Reader", SUB); /* wider will do */
    assign(w, &identity, "Key Vault Secrets User", KV);
}

static void test_a_row_is_ready_when_service_and_worker_looked_at_all_of_it(void **state)
{
    KG_CLEANUP(world_done) struct world w;
    KG_AUTO_JSON struct kg_json *report = all_well(), *one = NULL, *two = NULL;
    KG_AUTO_ROUND struct kg_round *heard = NULL;
    KG_AUTO_ROUND struct kg_round *unheard = NULL;
    struct kg_principal nobody;
    struct kg_err gone = { 0 };

    make_world(*state, true, &w);
    grant_all(&w);
    kg_principal_of_uid(ALICE, &nobody);
    heard = look(&w, SHOP);
    assert_true(heard->row[0].control.reachable);
    OK(kg_round_merge(heard, report, err));
    kg_err_set(&gone, KG_E_CHILD, "the worker is gone");
    kg_round_settle(heard, &gone); /* had it all */
    one = kg_round_row_json(heard, 0, w.identity, &nobody);
    assert_string_equal(kg_json_str(one, "outcome"), "Success"); /* whoever asks */
    assert_null(kg_json_get(one, "error"));
    unheard = look(&w, SHOP);
    kg_round_settle(unheard, &gone);
    two = kg_round_row_json(unheard, 0, w.identity, &nobody);
    assert_string_equal(kg_json_str(two, "outcome"), "ValidationFailed");
    assert_string_equal(kg_json_str(two, "error.message"), "the worker is gone");
}

static void test_a_report_on_what_was_not_asked_is_refused(void **state)
{
    KG_CLEANUP(world_done) struct world w;
    KG_AUTO_ROUND struct kg_round *r = NULL;
    KG_AUTO_JSON struct kg_json *other = doc("{\"rows\":[{\"key\":\"b\",\"checks\":[]}]}");

    make_world(*state, true, &w);
    r = look(&w, SHOP);
    FAILS(KG_E_CHILD, kg_round_merge(r, other, err));
}

static void expect_failed(const struct kg_round *r, enum kg_check_id id, enum kg_code code, const char *told)
{
    const struct kg_check *k = r->row[0].control.checks.item[id];

    assert_non_null(k);
    assert_int_equal(k->state, KG_CHECK_FAILED);
    assert_string_equal(kg_code_arm(k->err.code), kg_code_arm(code));
    if (!strstr(k->err.msg, told))
        fail_msg("'%s' does not say '%s'", k->err.msg, told);
    assert_true(*k->err.action);
    assert_true(r->row[0].control.blocked);
}

static void test_a_secret_that_is_not_there_is_told(void **state)
{
    KG_CLEANUP(world_done) struct world w;
    KG_AUTO_ROUND struct kg_round *r = NULL;

    make_world(*state, false, &w);
    grant_all(&w);
    r = look(&w, SHOP);
    assert_false(r->row[0].control.reachable);
    expect_failed(r, KG_CHECK_SECRET, KG_E_NO_SECRET, "'login'");
}

static void test_what_may_not_be_chosen_is_told_with_the_reason(void **state)
{
    static const struct { const char *rows; enum kg_check_id id; enum kg_code code; const char *told; } cases[] = {
        { "[{\"datasource\":\"" PG "/databases/azure_sys\"}]", KG_CHECK_SELECTABLE, KG_E_DB_NOT_SELECTABLE, "belongs to the server" },
        { "[{\"datasource\":\"" PG "/databases/azure_maintenance\"}]", KG_CHECK_SELECTABLE, KG_E_DB_NOT_SELECTABLE, "needs no backup" },
        { "[{\"datasource\":\"" PG "/databases/template1\"}]", KG_CHECK_SELECTABLE, KG_E_DB_NOT_SELECTABLE, "It is a template" },
        { "[{\"datasource\":\"" PG "/databases/shop\"}]", KG_CHECK_REGION, KG_E_UNSUPPORTED, "'elsewhere'" },
        { "[{\"datasource\":\"" PG "/databases/shop\"}]", KG_CHECK_KEY_VAULT, KG_E_NO_KEYVAULT, "no key vault" },
        { "[{\"datasource\":\"" GROUP "/providers/Microsoft.DBforPostgreSQL/servers/pg2/databases/shop\"}]", KG_CHECK_SERVER_ROLE,
          KG_E_DB_NOT_FOUND, "'pg2' is not registered" },
        { "[{\"datasource\":\"" PG "/databases/taken\"}]", KG_CHECK_NOT_PROTECTED, KG_E_PROTECTED, "of vault 'Vault1'" },
    };
    KG_CLEANUP(world_done) struct world w;
    KG_AUTO_JSON struct kg_json *far = doc("{\"properties\":{}}");

    make_world(*state, true, &w);
    grant_all(&w);
    OK(kg_catalog_put(w.f->c, PG, "elsewhere", far, KG_PUT_ANY, NULL, NULL, err));
    put(w.f, INST, "{\"properties\":{\"dataSourceInfo\":{\"resourceID\":\"" PG "/databases/taken\"}}}");
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_ROUND struct kg_round *r = look(&w, cases[i].rows);

        expect_failed(r, cases[i].id, cases[i].code, cases[i].told);
    }
    KG_AUTO_ROUND struct kg_round *self = look(&w, "[{\"datasource\":\"" PG "/databases/taken\",\"self\":\"" INST "\"}]");
    assert_int_equal(self->row[0].control.checks.item[KG_CHECK_NOT_PROTECTED]->state, KG_CHECK_PASSED);
}

static void test_there_is_an_end_to_how_many_are_asked_about(void **state)
{
    KG_CLEANUP(world_done) struct world w;
    KG_AUTO_JSON struct kg_json *rows = kg_json_array(), *one = doc("{\"datasource\":\"" PG "/databases/d\"}");
    KG_AUTO_JSON struct kg_json *bad = doc("[{\"datasource\":\"" PG "/databases/d\"},{\"datasource\":\"nonsense\"}]");
    struct kg_round *r = NULL;
    struct kg_err why = { 0 };

    make_world(*state, true, &w);
    for (int i = 0; i <= KG_ROUND_ROWS; i++)
        kg_json_push(rows, kg_json_copy(one));
    FAILS(KG_E_LIMIT, kg_round_open(w.f->c, w.identity, w.keyvault, VAULT, NULL, rows, &r, err));
    assert_true(kg_round_open(w.f->c, w.identity, w.keyvault, VAULT, NULL, bad, &r, &why) < 0);
    assert_non_null(strstr(why.msg, "row 2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_memory, teardown)
        TEST(test_who_may_grant_what_is_missing_decides_the_outcome),
        TEST(test_a_setting_takes_the_right_to_change_the_resource),
        TEST(test_what_no_role_mends_is_nobodys_to_assign),
        TEST(test_a_row_is_ready_when_service_and_worker_looked_at_all_of_it),
        TEST(test_a_report_on_what_was_not_asked_is_refused),
        TEST(test_a_secret_that_is_not_there_is_told),
        TEST(test_what_may_not_be_chosen_is_told_with_the_reason),
        TEST(test_there_is_an_end_to_how_many_are_asked_about),
    };

    kg_crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
