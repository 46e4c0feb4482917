#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "crypto/sha256.h"
#include "identity/audit.h"
#include "identity/identity.h"
#include "identity/roles.h"
#include "model/audit.h"

#define SUB   "/subscriptions/00000000-0000-0000-0000-000000000001"
#define RG    SUB "/resourceGroups/rg"
#define VAULT RG "/providers/Microsoft.DataProtection/backupVaults/v1"
#define BV    "Microsoft.DataProtection/backupVaults/"
#define KV    RG "/providers/Microsoft.KeyVault/vaults/k1"
#define DEFINITIONS "/providers/Microsoft.Authorization/roleDefinitions/"
#define GET_SECRET "Microsoft.KeyVault/vaults/secrets/getSecret/action"

static const struct kg_principal olga = { .uid = 1000, .name = "olga", .id = "00000000-0000-0000-0000-00000000000a" };
static const struct kg_principal bert = { .uid = 1001, .name = "bert", .id = "00000000-0000-0000-0000-00000000000b" };

struct fixture {
    struct kg_catalog *catalog;
    struct kg_identity *identity;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct kg_err err = { 0 };

    if (kg_catalog_open_sqlite(":memory:", &f.catalog, &err) < 0)
        return -1;
    f.identity = kg_identity_new(f.catalog, 1000);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    kg_identity_free(f->identity);
    kg_catalog_close(f->catalog);
    return 0;
}

static void assign(const struct fixture *f, const char *role, const char *scope)
{
    struct kg_err err = { 0 };

    if (kg_identity_assign(f->identity, role, &bert, scope, NULL, &olga, NULL, &err) < 0)
        fail_msg("%s", err.msg);
}

static bool may(const struct fixture *f, const char *action, bool is_data, const char *scope)
{
    struct kg_may answer;
    struct kg_err err = { 0 };

    assert_int_equal(kg_identity_check(f->identity, &bert, action, is_data, scope, &answer, &err), 0);
    return answer.allowed;
}

/* ---- who ---- */

static void test_the_user_of_the_service_may_do_everything_everywhere(void **state)
{
    struct fixture *f = *state;
    struct kg_err err = { 0 };

    assert_int_equal(kg_identity_may(f->identity, &olga, BV "write", VAULT, &err), 0);
    assert_int_equal(kg_identity_may(f->identity, &olga, "Microsoft.KeepGres/service/stop/action", "/", &err), 0);
    assert_int_equal(kg_identity_may_data(f->identity, &olga, GET_SECRET, KV, &err), 0);
}

static void test_a_vault_is_not_the_owner_whatever_its_uid_says(void **state)
{
    struct fixture *f = *state;
    struct kg_principal p = { .kind = KG_PRINCIPAL_SERVICE, .uid = 1000, .id = "00000000-0000-0000-0000-00000000000c" };
    struct kg_may answer;
    struct kg_err err = { 0 };

    assert_int_equal(kg_identity_check(f->identity, &p, "*/read", false, "/", &answer, &err), 0);
    assert_false(answer.allowed);
}

static void test_everybody_else_is_denied_with_who_what_where_and_which_role_would_do(void **state)
{
    struct fixture *f = *state;
    struct kg_err err = { 0 };

    assert_int_equal(kg_identity_may(f->identity, &bert, BV "backupInstances/backup/action", VAULT, &err), -KG_E_DENIED);
    assert_non_null(strstr(err.msg, "'bert' (uid 1001)"));
    assert_non_null(strstr(err.msg, BV "backupInstances/backup/action"));
    assert_non_null(strstr(err.msg, VAULT));
    assert_non_null(strstr(err.action, "Backup Operator"));
    assert_non_null(strstr(err.action, "--assignee bert"));
}

static void test_root_is_nobody_special_when_it_is_not_the_owner(void **state)
{
    struct fixture *f = *state;
    struct kg_principal p;
    struct kg_err err = { 0 };

    kg_principal_of_uid(0, &p);
    assert_string_equal(p.name, "root");
    assert_int_equal(kg_identity_may(f->identity, &p, "x/read", "/", &err), -KG_E_DENIED);
}

static void test_a_user_is_the_same_principal_by_name_uid_and_id(void **state)
{
    struct fixture *f = *state;
    struct kg_principal by_name, by_uid, by_id, unknown;
    struct kg_err err = { 0 };

    kg_principal_of_uid(3987654321u, &unknown);
    assert_string_equal(unknown.name, "uid 3987654321");
    assert_int_equal(kg_principal_find(f->catalog, "root", &by_name, &err), 0);
    assert_int_equal(kg_principal_find(f->catalog, "0", &by_uid, &err), 0);
    assert_int_equal(kg_principal_find(f->catalog, by_name.id, &by_id, &err), 0);
    assert_string_equal(by_name.id, by_uid.id);
    assert_int_equal(by_id.uid, 0);
    assert_string_not_equal(by_name.id, unknown.id);
    assert_int_equal(kg_principal_find(f->catalog, "no such user here", &by_name, &err), -KG_E_NOT_FOUND);
}

static void put_vault(const struct fixture *f, const char *id, const char *principal)
{
    KG_AUTO_JSON struct kg_json *json = kg_json_object();
    struct kg_err err = { 0 };

    kg_json_set_str(json, "identity.principalId", principal);
    if (kg_catalog_put(f->catalog, id, "local", json, KG_PUT_ANY, NULL, NULL, &err) < 0)
        fail_msg("%s", err.msg);
}

static void put_groups(const struct fixture *f)
{
    KG_AUTO_JSON struct kg_json *json = kg_json_object();
    struct kg_err err = { 0 };

    assert_int_equal(kg_catalog_put(f->catalog, SUB, NULL, json, KG_PUT_ANY, NULL, NULL, &err), 0);
    assert_int_equal(kg_catalog_put(f->catalog, RG, "local", json, KG_PUT_ANY, NULL, NULL, &err), 0);
    assert_int_equal(kg_catalog_put(f->catalog, SUB "/resourceGroups/rg2", "local", json, KG_PUT_ANY, NULL, NULL, &err), 0);
}

static void test_a_vault_is_found_by_name_id_and_principal_unless_two_are_called_so(void **state)
{
    static const char id[] = "aaaaaaaa-0000-4000-8000-000000000001";
    static const char *const names[] = { "V1", VAULT, "AAAAAAAA-0000-4000-8000-000000000001" };
    struct fixture *f = *state;
    struct kg_principal p;
    struct kg_err err = { 0 };

    put_groups(f);
    put_vault(f, VAULT, id);
    for (size_t i = 0; i < KG_ARRAY_LEN(names); i++) {
        assert_int_equal(kg_principal_find(f->catalog, names[i], &p, &err), 0);
        assert_int_equal(p.kind, KG_PRINCIPAL_SERVICE);
        assert_string_equal(p.id, id);
    }
    put_vault(f, SUB "/resourceGroups/rg/providers/Microsoft.DataProtection/backupVaults/bbbbbbbb-0000-4000-8000-00000000000b",
              "aaaaaaaa-0000-4000-8000-000000000009");
    assert_int_equal(kg_principal_find(f->catalog, "bbbbbbbb-0000-4000-8000-00000000000b", &p, &err), -KG_E_NOT_FOUND);
    err = (struct kg_err){ 0 }; /* a vault that is called like a principal is not that principal */
    put_vault(f, SUB "/resourceGroups/rg2/providers/Microsoft.DataProtection/backupVaults/v1", "aaaaaaaa-0000-4000-8000-000000000002");
    assert_int_equal(kg_principal_find(f->catalog, "v1", &p, &err), -KG_E_USAGE);
}

/* ---- roles ---- */

static void test_patterns_match_as_azure_writes_them(void **state)
{
    static const struct { const char *pattern, *action; bool yes; } rows[] = {
        { "*", "a/b/read", true },          { "*/read", "a/b/Read", true },      { "*/read", "a/b/reader", false },
        { "*/read", "read", false },        { "a/*", "a/b/c/write", true },      { "a/*/write", "a/b/c/write", true },
        { "a/*/write", "a/write", false },  { "A/B", "a/b", true },              { "a/b", "a/b/c", false },
        { "*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },               { "", "", true },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++)
        if (kg_action_matches(rows[i].pattern, rows[i].action) != rows[i].yes)
            fail_msg("'%s' and '%s'", rows[i].pattern, rows[i].action);
}

/* What each role is for, in one table: what it must allow, and what it must not. */
static void test_each_role_allows_its_work_and_no_more(void **state)
{
    static const struct { const char *role, *yes, *no; bool data; } rows[] = {
        { "Reader", BV "read", BV "write", false },
        { "Reader", "Microsoft.KeyVault/vaults/read", "Microsoft.Authorization/roleAssignments/write", false },
        { "Contributor", BV "delete", "Microsoft.Authorization/roleAssignments/write", false },
        { "Contributor", "Microsoft.Authorization/roleAssignments/read", "Microsoft.Authorization/roleAssignments/delete", false },
        { "Owner", "Microsoft.Authorization/roleAssignments/write", "", false },
        { "User Access Administrator", "Microsoft.Authorization/roleAssignments/delete", BV "write", false },
        { "Backup Contributor", BV "backupInstances/delete", BV "delete", false },
        { "Backup Contributor", BV "write", BV "issueRecoveryKey/action", false },
        { "Backup Contributor", BV "backupPolicies/write", "Microsoft.Authorization/roleAssignments/write", false },
        { "Backup Operator", BV "backupInstances/backup/action", BV "backupInstances/delete", false },
        { "Backup Operator", BV "validateForBackup/action", BV "backupInstances/write", false },
        { "Backup Operator", BV "backupPolicies/read", BV "backupPolicies/write", false },
        { "Backup Operator", BV "backupInstances/restore/action", BV "write", false },
        { "Backup Operator", BV "backupJobs/cancel/action", BV "collect/action", false },
        { "Backup Operator", BV "backupJobs/read", BV "backupInstances/stopProtection/action", false },
        { "Backup Reader", BV "backupJobs/read", BV "backupInstances/backup/action", false },
        { "Key Vault Secrets User", GET_SECRET, "Microsoft.KeyVault/vaults/secrets/setSecret/action", true },
        { "Key Vault Secrets Officer", "Microsoft.KeyVault/vaults/secrets/delete", "", true },
        { "Storage Blob Data Reader", "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
          "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write", true },
        { "Storage Blob Data Contributor", "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write", GET_SECRET, true },
        { "Backup MUA Operator", "Microsoft.DataProtection/resourceGuards/x/action",
          "Microsoft.DataProtection/resourceGuards/write", false },
        { "Backup MUA Admin", "Microsoft.DataProtection/resourceGuards/delete", BV "write", false },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        const struct kg_role *r = kg_role_find(rows[i].role);

        assert_non_null(r);
        if (!kg_role_allows(r, rows[i].yes, rows[i].data))
            fail_msg("%s does not allow %s", rows[i].role, rows[i].yes);
        if (*rows[i].no && kg_role_allows(r, rows[i].no, rows[i].data))
            fail_msg("%s allows %s", rows[i].role, rows[i].no);
    }
}

static void test_no_role_for_resources_reads_secrets(void **state)
{
    static const char *const roles[] = { "Owner", "Contributor", "Reader", "Backup Contributor", "Backup Operator" };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(roles); i++)
        assert_false(kg_role_allows(kg_role_find(roles[i]), GET_SECRET, true));
}

static void test_a_role_is_found_by_name_guid_and_definition(void **state)
{
    (void)state;
    assert_string_equal(kg_role_find("backup operator")->id, "00c29273-979b-4161-815c-10b084fb9324");
    assert_string_equal(kg_role_find("00C29273-979b-4161-815c-10b084fb9324")->name, "Backup Operator");
    assert_string_equal(kg_role_find(SUB DEFINITIONS "00c29273-979b-4161-815c-10b084fb9324")->name, "Backup Operator");
    assert_null(kg_role_find("Operator"));
    assert_null(kg_role_find(DEFINITIONS));
}

/* ---- assignments ---- */

static void test_an_assignment_counts_at_its_scope_and_below_and_nowhere_else(void **state)
{
    struct fixture *f = *state;

    assign(f, "Backup Operator", VAULT);
    assert_true(may(f, BV "backupInstances/backup/action", false, VAULT "/backupInstances/b1"));
    assert_true(may(f, BV "read", false, VAULT));
    assert_false(may(f, BV "read", false, VAULT "2"));          /* another whose name only begins alike */
    assert_false(may(f, BV "read", false, RG));
    assert_false(may(f, BV "read", false, "/"));
    assert_false(may(f, BV "delete", false, VAULT));
}

static void test_an_assignment_at_the_root_counts_everywhere(void **state)
{
    struct fixture *f = *state;

    assign(f, "Reader", "/");
    assert_true(may(f, BV "read", false, VAULT));
    assert_true(may(f, "Microsoft.KeepGres/service/read", false, "/"));
    assert_false(may(f, GET_SECRET, true, KV));
}

static void test_what_one_role_withholds_another_may_give(void **state)
{
    struct fixture *f = *state;

    assign(f, "Contributor", RG);
    assert_false(may(f, "Microsoft.Authorization/roleAssignments/write", false, VAULT));
    assign(f, "User Access Administrator", VAULT);
    assert_true(may(f, "Microsoft.Authorization/roleAssignments/write", false, VAULT));
    assert_false(may(f, "Microsoft.Authorization/roleAssignments/write", false, RG));
}

static void test_the_answer_names_the_assignment_that_it_rests_on(void **state)
{
    struct fixture *f = *state;
    struct kg_may answer;
    struct kg_err err = { 0 };

    assign(f, "Backup Reader", SUB);
    assign(f, "Backup Operator", RG);
    assert_int_equal(kg_identity_check(f->identity, &bert, BV "backupInstances/backup/action", false, VAULT, &answer, &err), 0);
    assert_string_equal(answer.role, "Backup Operator");
    assert_string_equal(answer.scope, RG);
    assert_int_equal(strlen(answer.assignment), 36);
}

static void test_assigning_twice_makes_one_assignment(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_JSON struct kg_json *first = NULL, *second = NULL;
    KG_AUTO_ASSIGNMENT_LIST struct kg_assignment_list l = { 0 };
    struct kg_err err = { 0 };

    assert_int_equal(kg_identity_assign(f->identity, "Reader", &bert, RG, NULL, &olga, &first, &err), 0);
    assert_int_equal(kg_identity_assign(f->identity, "reader", &bert, SUB "/RESOURCEGROUPS/RG/", NULL, &olga, &second, &err), 0);
    assert_string_equal(kg_json_str(first, "id"), kg_json_str(second, "id"));
    assert_int_equal(kg_catalog_assignment_list(f->catalog, NULL, &l, &err), 0);
    assert_int_equal(l.count, 1);
    assert_string_equal(kg_json_str(first, "properties.createdBy"), olga.id);
    assert_string_equal(kg_json_str(first, "properties.roleDefinitionId"),
                        SUB DEFINITIONS "acdd72a7-3385-48ef-bd42-f606fba81ae7");
}

static void test_a_role_that_was_taken_back_counts_no_more(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_JSON struct kg_json *made = NULL;
    struct kg_err err = { 0 };

    assert_int_equal(kg_identity_assign(f->identity, "Reader", &bert, RG, NULL, &olga, &made, &err), 0);
    assert_true(may(f, BV "read", false, VAULT));
    assert_int_equal(kg_catalog_assignment_delete(f->catalog, kg_json_str(made, "name"), &err), 0);
    assert_false(may(f, BV "read", false, VAULT));
}

static void test_an_assignment_goes_with_what_it_was_made_at(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_ASSIGNMENT_LIST struct kg_assignment_list l = { 0 };
    struct kg_err err = { 0 };

    put_groups(f);
    put_vault(f, VAULT, "aaaaaaaa-0000-4000-8000-000000000001");
    assign(f, "Reader", VAULT);
    assign(f, "Backup Operator", VAULT "/backupInstances/b1");
    assign(f, "Reader", VAULT "x");
    assert_int_equal(kg_catalog_delete(f->catalog, VAULT, &err), 0);
    assert_int_equal(kg_catalog_assignment_list(f->catalog, bert.id, &l, &err), 0);
    assert_int_equal(l.count, 1);
    assert_string_equal(l.rows[0].scope, VAULT "x");
}

static void test_an_unknown_role_is_refused(void **state)
{
    struct fixture *f = *state;
    struct kg_err err = { 0 };

    assert_int_equal(kg_identity_assign(f->identity, "Emperor", &bert, RG, NULL, &olga, NULL, &err), -KG_E_NOT_FOUND);
    assert_non_null(strstr(err.msg, "Emperor"));
}

static void test_below_finds_what_a_list_would_hold(void **state)
{
    struct fixture *f = *state;
    struct kg_err err = { 0 };
    bool below;

    assign(f, "Backup Reader", VAULT);
    assert_int_equal(kg_identity_may_below(f->identity, &bert, BV "read", SUB, &below, &err), 0);
    assert_true(below);
    assert_int_equal(kg_identity_may_below(f->identity, &bert, BV "read", SUB "/resourceGroups/other", &below, &err), 0);
    assert_false(below);
    assert_int_equal(kg_identity_may_below(f->identity, &bert, "Microsoft.KeyVault/vaults/read", SUB, &below, &err), 0);
    assert_false(below);
}

/* ---- audit ---- */

static void test_records_are_chained_by_hashes_that_anybody_can_check(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_AUDIT_LIST struct kg_audit_list l = { 0 };
    struct kg_audit_entry e = { .who = &bert, .method = "PUT", .action = BV "write", .scope = VAULT, .status = 201, .activity = "x" };
    char previous[65] = KG_AUDIT_FIRST, sum[65];
    struct kg_err err = { 0 };

    for (int i = 0; i < 3; i++)
        assert_int_equal(kg_audit_add(f->catalog, &e, &err), 0);
    assert_int_equal(kg_catalog_audit_list(f->catalog, NULL, KG_AUDIT_OLDEST_FIRST, 0, 10, &l, &err), 0);
    assert_int_equal(l.count, 3);
    for (size_t i = 0; i < l.count; i++) {
        KG_AUTO_JSON struct kg_json *j = kg_audit_json(&l.rows[i]);
        KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(4096);
        struct kg_sha256 *h = kg_sha256_new();

        assert_int_equal(l.rows[i].seq, i + 1);
        assert_string_equal(l.rows[i].previous, previous);
        kg_audit_text(j, &text);
        kg_sha256_add(h, text.p, text.len);
        kg_sha256_end(h, sum);
        kg_sha256_free(h);
        assert_string_equal(l.rows[i].hash, sum);
        snprintf(previous, sizeof previous, "%s", sum);
    }
}

static void test_the_hashed_text_is_what_the_manual_says(void **state)
{
    static const char record[] =
        "{\"seq\":7,\"time\":\"2026-01-02T03:04:05.0000000Z\",\"principalId\":\"p\",\"principalName\":\"n\",\"uid\":1001,"
        "\"method\":\"PUT\",\"action\":\"a\",\"scope\":\"/s\",\"status\":201,\"activityId\":\"g\",\"previousHash\":\"h\"}";
    static const char counted[] = "{\"previousHash\":\"h\",\"seq\":7,\"count\":3}";
    KG_AUTO_JSON struct kg_json *j = NULL, *k = NULL;
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(4096);
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_json_parse(record, strlen(record), &j, &err), 0);
    kg_audit_text(j, &text);
    assert_string_equal(text.p, "h\n7\n2026-01-02T03:04:05.0000000Z\np\nn\n1001\nPUT\na\n/s\n201\ng\n");
    assert_int_equal(kg_json_parse(counted, strlen(counted), &k, &err), 0);
    kg_buf_reset(&text);
    kg_audit_text(k, &text);
    assert_string_equal(text.p, "h\n7\n\n\n\n\n\n\n\n\n\n3\n\n");
}

static void test_refusals_that_repeat_are_one_record_with_a_count(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_AUDIT_LIST struct kg_audit_list l = { 0 };
    struct kg_refusals *r = kg_refusals_new();
    struct kg_audit_entry e = { .who = &bert, .method = "GET", .action = BV "read", .status = 403, .activity = "x" };
    struct kg_err err = { 0 };
    uint64_t all = 0;
    char scope[64];

    for (int round = 0; round < 100; round++)
        for (int i = 0; i < 2 * KG_REFUSALS_KINDS; i++) {
            snprintf(scope, sizeof scope, "/subscriptions/%d", i);
            e.scope = scope;
            assert_int_equal(kg_refusals_add(r, f->catalog, &e, &err), 0);
        }
    e.who = &olga; /* somebody else is not hidden by them */
    assert_int_equal(kg_refusals_add(r, f->catalog, &e, &err), 0);
    assert_int_equal(kg_refusals_flush(r, f->catalog, &err), 0);
    assert_int_equal(kg_refusals_flush(r, f->catalog, &err), 0);
    assert_int_equal(kg_catalog_audit_list(f->catalog, NULL, KG_AUDIT_OLDEST_FIRST, 0, 1000, &l, &err), 0);
    assert_int_equal(l.count, 2 * (KG_REFUSALS_KINDS + 1) + 1);
    for (size_t i = 0; i < l.count; i++)
        all += l.rows[i].count;
    assert_int_equal(all, 100 * 2 * KG_REFUSALS_KINDS + 1);
    assert_string_equal(l.rows[0].scope, "/subscriptions/0");
    assert_string_equal(l.rows[KG_REFUSALS_KINDS].scope, "*");
    assert_string_equal(l.rows[KG_REFUSALS_KINDS + 1].principal_name, "olga");
    assert_int_equal(l.rows[KG_REFUSALS_KINDS + 2].count, 99);
    kg_refusals_free(r);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_the_user_of_the_service_may_do_everything_everywhere),
        T(test_a_vault_is_not_the_owner_whatever_its_uid_says),
        T(test_everybody_else_is_denied_with_who_what_where_and_which_role_would_do),
        T(test_root_is_nobody_special_when_it_is_not_the_owner),
        T(test_a_user_is_the_same_principal_by_name_uid_and_id),
        T(test_a_vault_is_found_by_name_id_and_principal_unless_two_are_called_so),
        T(test_patterns_match_as_azure_writes_them),
        T(test_each_role_allows_its_work_and_no_more),
        T(test_no_role_for_resources_reads_secrets),
        T(test_a_role_is_found_by_name_guid_and_definition),
        T(test_an_assignment_counts_at_its_scope_and_below_and_nowhere_else),
        T(test_an_assignment_at_the_root_counts_everywhere),
        T(test_what_one_role_withholds_another_may_give),
        T(test_the_answer_names_the_assignment_that_it_rests_on),
        T(test_assigning_twice_makes_one_assignment),
        T(test_a_role_that_was_taken_back_counts_no_more),
        T(test_an_assignment_goes_with_what_it_was_made_at),
        T(test_an_unknown_role_is_refused),
        T(test_below_finds_what_a_list_would_hold),
        T(test_records_are_chained_by_hashes_that_anybody_can_check),
        T(test_the_hashed_text_is_what_the_manual_says),
        T(test_refusals_that_repeat_are_one_record_with_a_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
