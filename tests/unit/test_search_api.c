/* What lies in all vaults of a subscription, settings of vaults that change, and what protection cannot do yet: over HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>

#include "api/limits.h"
#include "base/text.h"
#include "unit/service_fixture.h"

#define SEARCH SUB "/providers/Microsoft.DataProtection/search"

/* Names of the rows that a search finds, in their order, with blanks between. */
static char *found(struct fixture *f, const char *what, const char *body)
{
    KG_AUTO_FREE char *path = kg_xprintf(SEARCH "%s", what);
    AUTO_REPLY struct reply r = call(f, "POST", path, body);
    struct kg_buf b = KG_BUF_INIT(65536);

    if (r.status != 200)
        fail_msg("%s %s: HTTP %ld: %s", what, body, r.status, r.text.p);
    kg_buf_adds(&b, "");
    for (const struct kg_json *c = kg_json_first(kg_json_get(r.json, "value")); c; c = kg_json_next(c))
        kg_buf_addf(&b, "%s%s", b.len ? " " : "", kg_json_str_or(c, "name", "?"));
    return kg_buf_take(&b);
}

static void finds(struct fixture *f, const char *what, const char *body, const char *names)
{
    KG_AUTO_FREE char *got = found(f, what, body);

    if (strcmp(got, names) != 0)
        fail_msg("%s %s finds '%s' instead of '%s'", what, body, got, names);
}

static void test_vaults_and_instances_are_found_by_every_filter(void **state)
{
    static const struct { const char *body, *names; } cases[] = {
        { "{}", "bi-a bi-b" },
        { "{\"names\":[\"BI-A\"]}", "bi-a" },
        { "{\"names\":[\"bi-a\",\"bi-b\",\"bi-c\"],\"vaults\":[\"v1\"]}", "bi-a bi-b" },
        { "{\"names\":[]}", "" },
        { "{\"names\":null}", "bi-a bi-b" },
        { "{\"vaults\":[\"V1\"],\"resourceGroups\":[\"Default\"]}", "bi-a bi-b" },
        { "{\"vaults\":[\"v2\"]}", "" },
        { "{\"resourceGroups\":[\"other\"]}", "" },
        { "{\"protectionStates\":[\"ProtectionConfigured\"]}", "bi-a bi-b" },
        { "{\"protectionStates\":[\"ProtectionError\"]}", "" },
        { "{\"datasourceTypes\":[\"microsoft.dbforpostgresql/flexibleservers/databases\"]}", "bi-a bi-b" },
        { "{\"datasourceTypes\":[\"Microsoft.DBforPostgreSQL/servers/databases\"]}", "" },
        { "{\"datasourceIds\":[\"" SERVER "/databases/b\"]}", "bi-b" },
        { "{\"ids\":[\"" VAULT "/backupInstances/bi-a\"]}", "bi-a" },
    };
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "a");
    add_instance(f, "b");
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++)
        finds(f, "BackupInstances", cases[i].body, cases[i].names);
    finds(f, "BackupVaults", "{}", "v1");
    finds(f, "BackupVaults", "{\"vaults\":[\"v1\"],\"ids\":[\"" VAULT "\"]}", "v1");
    finds(f, "BackupVaults", "{\"resourceGroups\":[\"other\"]}", "");
}

static void test_a_row_has_the_columns_of_the_resource_graph(void **state)
{
    static const char *const columns[] = { "id", "name", "type", "tenantId", "kind", "location", "resourceGroup", "subscriptionId",
                                           "managedBy", "sku", "plan", "properties", "tags", "identity", "zones",
                                           "extendedLocation", "vaultName", "protectionState", "datasourceId" };
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "a");
    AUTO_REPLY struct reply r = call(f, "POST", SEARCH "BackupInstances", "{}");
    const struct kg_json *row = kg_json_get(r.json, "value.0");
    for (size_t i = 0; i < KG_ARRAY_LEN(columns); i++)
        if (!kg_json_get(row, columns[i]))
            fail_msg("column %s is missing: %s", columns[i], r.text.p);
    assert_int_equal(kg_json_count(row), KG_ARRAY_LEN(columns));
    assert_string_equal(kg_json_str(row, "type"), "microsoft.dataprotection/backupvaults/backupinstances");
    assert_string_equal(kg_json_str(row, "protectionState"), "ProtectionConfigured");
    assert_string_equal(kg_json_str(row, "properties.policyInfo.policyVersion"), "");
    assert_null(strstr(r.text.p, "internal"));
}

static void test_searches_that_are_misspelt_are_refused(void **state)
{
    struct fixture *f = *state;
    struct kg_buf many = KG_BUF_INIT(1 << 20);

    expect_error(f, "POST", SEARCH "BackupInstances", "{\"vault\":[\"v1\"]}", KG_E_USAGE, "'vault'");
    expect_error(f, "POST", SEARCH "BackupInstances", "{\"vaults\":\"v1\"}", KG_E_USAGE, "'vaults'");
    expect_error(f, "POST", SEARCH "BackupInstances", "{\"vaults\":[7]}", KG_E_USAGE, "'vaults'");
    expect_error(f, "POST", SEARCH "BackupInstances", "{\"startTime\":\"2026-01-01T00:00:00\"}", KG_E_USAGE, "startTime");
    expect_error(f, "POST", SEARCH "BackupJobs", "{\"startTime\":\"yesterday\"}", KG_E_USAGE, "startTime");
    expect_error(f, "POST", "/subscriptions/00000000-0000-0000-0000-000000000002/providers/Microsoft.DataProtection/searchBackupJobs",
                 "{}", KG_E_NOT_FOUND, "00000000-0000-0000-0000-000000000002");
    kg_buf_adds(&many, "{\"vaults\":[\"v0\"");
    for (int i = 0; i < 1000; i++)
        kg_buf_addf(&many, ",\"v%d\"", i);
    kg_buf_adds(&many, "]}");
    expect_error(f, "POST", SEARCH "BackupVaults", many.p, KG_E_LIMIT, "1000");
    kg_buf_done(&many);
}

static void test_jobs_are_answered_page_by_page(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *path = kg_xstrdup(SEARCH "BackupJobs?$top=2");
    size_t n = 0, pages = 0;
    char last[60] = "";

    make_world(f);
    for (const char *db = "abcde"; *db; db++) {
        char name[2] = { *db };

        add_instance(f, name);
    }
    do {
        AUTO_REPLY struct reply r = call(f, "POST", path, "{\"operations\":[\"Management\"],\"vaults\":[\"v1\"]}");
        const char *next = kg_json_str(r.json, "nextLink");

        assert_int_equal(r.status, 200);
        for (const struct kg_json *j = kg_json_first(kg_json_get(r.json, "value")); j; j = kg_json_next(j), n++) {
            assert_string_not_equal(kg_json_str(j, "name"), last);
            kg_text_copy(last, sizeof last, kg_json_str(j, "name"));
        }
        free(path);
        path = kg_xstrdup(next ? strchr(strstr(next, "://") + 3, '/') : NULL);
        pages++;
    } while (path && pages < 10);
    assert_int_equal(n, 5);
    assert_int_equal(pages, 3);
}

static void test_jobs_are_found_by_kind_state_and_time(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "a");
    AUTO_REPLY struct reply job = back_up(f, "a", "Completed");
    const char *name = kg_json_str(job.json, "name");
    finds(f, "BackupJobs", "{\"operations\":[\"OnDemandBackup\"]}", name);
    finds(f, "BackupJobs", "{\"operations\":[\"ondemandbackup\"],\"statuses\":[\"completed\"]}", name);
    finds(f, "BackupJobs", "{\"operations\":[\"OnDemandBackup\"],\"statuses\":[\"Failed\",\"Completed\"]}", name);
    finds(f, "BackupJobs", "{\"operations\":[\"ScheduledBackup\",\"Restore\"]}", "");
    finds(f, "BackupJobs", "{\"statuses\":[\"Failed\"]}", "");
    finds(f, "BackupJobs", "{\"operations\":[\"Management\"],\"statuses\":[\"Failed\"]}", "");
    finds(f, "BackupJobs",
          "{\"operations\":[\"OnDemandBackup\"],\"startTime\":\"2020-01-01T00:00:00Z\",\"endTime\":\"2099-01-01T00:00:00Z\"}", name);
    finds(f, "BackupJobs", "{\"startTime\":\"2099-01-01T00:00:00Z\"}", "");
    finds(f, "BackupJobs", "{\"endTime\":\"2020-01-01T00:00:00Z\"}", "");
    finds(f, "BackupJobs",
          "{\"operations\":[\"OnDemandBackup\"],"
          "\"datasourceIds\":[\"" SERVER "/databases/a\"],\"vaults\":[\"v1\"],\"resourceGroups\":[\"default\"]}",
          name);
    finds(f, "BackupJobs", "{\"vaults\":[\"v2\"]}", "");
    AUTO_REPLY struct reply second = back_up(f, "a", "Completed");
    KG_AUTO_FREE char *newest = found(f, "BackupJobs?$top=1", "{}");
    assert_string_equal(newest, kg_json_str(second.json, "name"));
}

/* Names of all pages of two, by the links that lead from one to the next. */
static void finds_in_pages(struct fixture *f, const char *what, const char *body, const char *names, size_t pages)
{
    KG_AUTO_FREE char *path = kg_xprintf(SEARCH "%s?$top=2", what);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(65536);

    kg_buf_adds(&b, "");
    for (size_t i = 0; path; i++) {
        AUTO_REPLY struct reply r = call(f, "POST", path, body);
        const char *link = kg_json_str(r.json, "nextLink");

        assert_int_equal(r.status, 200);
        assert_true(i < pages && kg_json_count(kg_json_get(r.json, "value")) <= 2);
        for (const struct kg_json *c = kg_json_first(kg_json_get(r.json, "value")); c; c = kg_json_next(c))
            kg_buf_addf(&b, "%s%s", b.len ? " " : "", kg_json_str_or(c, "name", "?"));
        free(path);
        path = link ? kg_xstrdup(strstr(link, "/subscriptions")) : NULL;
    }
    if (strcmp(b.p, names) != 0)
        fail_msg("%s %s finds '%s' instead of '%s'", what, body, b.p, names);
}

static void test_a_search_that_finds_much_is_answered_in_pages(void **state)
{
    static const char *const instances[] = { "a", "b", "c", "d", "e" };
    KG_AUTO_BUF struct kg_buf jobs = KG_BUF_INIT(65536);
    struct fixture *f = *state;
    char name[5][64];

    make_world(f);
    for (size_t i = 0; i < KG_ARRAY_LEN(instances); i++) {
        add_instance(f, instances[i]);
        AUTO_REPLY struct reply job = back_up(f, instances[i], "Completed");
        snprintf(name[i], sizeof name[i], "%s", kg_json_str(job.json, "name"));
    }
    finds_in_pages(f, "BackupInstances", "{}", "bi-a bi-b bi-c bi-d bi-e", 3);
    finds_in_pages(f, "BackupInstances", "{\"names\":[\"bi-a\",\"bi-c\",\"bi-d\",\"bi-e\"]}", "bi-a bi-c bi-d bi-e", 2);
    kg_buf_addf(&jobs, "%s %s %s %s %s", name[4], name[3], name[2], name[1], name[0]);
    finds_in_pages(f, "BackupJobs", "{\"operations\":[\"OnDemandBackup\"]}", jobs.p, 3);
    kg_buf_reset(&jobs);
    kg_buf_addf(&jobs, "%s %s %s", name[4], name[2], name[0]);
    finds_in_pages(f, "BackupJobs", "{\"operations\":[\"OnDemandBackup\"],\"datasourceIds\":[\"" SERVER "/databases/a\",\"" SERVER
                   "/databases/c\",\"" SERVER "/databases/e\"]}", jobs.p, 3);
    expect_error(f, "POST", SEARCH "BackupInstances?$skipToken=x", "{}", KG_E_USAGE, "skipToken");
}

static void test_a_patch_changes_what_it_names_and_nothing_else(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    AUTO_REPLY struct reply before = call(f, "GET", VAULT, NULL);
    AUTO_REPLY struct reply r = call(f, "PATCH", VAULT, "{\"tags\":{\"team\":\"dba\"},\"properties\":{\"securitySettings\":"
                                     "{\"softDeleteSettings\":{\"retentionDurationInDays\":30}}}}");
    assert_int_equal(r.status, 200);
    assert_string_equal(kg_json_str_or(r.json, "tags.team", ""), "dba");
    assert_int_equal(kg_json_u64(r.json, "properties.securitySettings.softDeleteSettings.retentionDurationInDays", 0), 30);
    assert_string_equal(kg_json_str_or(r.json, "properties.securitySettings.softDeleteSettings.state", ""), "Off");
    assert_string_equal(kg_json_str(r.json, "properties.storeSettings.path"), kg_json_str(before.json, "properties.storeSettings.path"));
    assert_string_equal(kg_json_str(r.json, "identity.principalId"), kg_json_str(before.json, "identity.principalId"));
    assert_string_equal(kg_json_str(r.json, "properties.provisioningState"), "Succeeded");
    AUTO_REPLY struct reply ignored = call(f, "PATCH", VAULT, "{\"properties\":{\"storageSettings\":[]}}"); /* not one of them */
    assert_string_equal(kg_json_str_or(ignored.json, "properties.storageSettings.0.type", ""), "LocallyRedundant");
    assert_string_equal(kg_json_str_or(ignored.json, "tags.team", ""), "dba");
    AUTO_REPLY struct reply none = call(f, "PATCH", VAULT, "{\"identity\":{\"type\":\"None\"}}");
    assert_null(kg_json_str(none.json, "identity.principalId"));
    expect_error(f, "PATCH", VAULT, "{\"properties\":{\"securitySettings\":{\"softDeleteSettings\":{\"state\":\"Maybe\"}}}}",
                 KG_E_USAGE, "softDeleteSettings.state");
    expect_error(f, "PATCH", RG "/providers/Microsoft.DataProtection/backupVaults/none", "{}", KG_E_NOT_FOUND, "none");
    expect_error(f, "PATCH", VAULT, NULL, KG_E_BAD_JSON, "body");
}

static void test_settings_without_a_way_back_stay(void **state)
{
    static const struct { const char *on, *off; } cases[] = {
        { "{\"properties\":{\"securitySettings\":{\"softDeleteSettings\":{\"state\":\"AlwaysOn\"}}}}",
          "{\"properties\":{\"securitySettings\":{\"softDeleteSettings\":{\"state\":\"Off\"}}}}" },
        { "{\"properties\":{\"securitySettings\":{\"immutabilitySettings\":{\"state\":\"Locked\"}}}}",
          "{\"properties\":{\"securitySettings\":{\"immutabilitySettings\":{\"state\":\"Disabled\"}}}}" },
        { "{\"properties\":{\"featureSettings\":{\"crossRegionRestoreSettings\":{\"state\":\"Enabled\"}}}}",
          "{\"properties\":{\"featureSettings\":{\"crossRegionRestoreSettings\":{\"state\":\"Disabled\"}}}}" },
        { "{\"properties\":{\"featureSettings\":{\"crossSubscriptionRestoreSettings\":{\"state\":\"PermanentlyDisabled\"}}}}",
          "{\"properties\":{\"featureSettings\":{\"crossSubscriptionRestoreSettings\":{\"state\":\"Enabled\"}}}}" },
    };
    struct fixture *f = *state;

    make_world(f);
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        expect(f, "PATCH", VAULT, cases[i].on, 200);
        expect_error(f, "PATCH", VAULT, cases[i].off, KG_E_CONFLICT, "stays so");
        expect(f, "PATCH", VAULT, cases[i].on, 200);
    }
}

static void test_the_storage_type_is_fixed_by_the_first_instance(void **state)
{
    static const char geo[] = "{\"properties\":{\"storageSettings\":[{\"datastoreType\":\"VaultStore\",\"type\":\"GeoRedundant\"}]}}",
                      local[] = "{\"properties\":{\"storageSettings\":[{\"datastoreType\":\"VaultStore\",\"type\":\"LocallyRedundant\"}]}}";
    struct fixture *f = *state;

    make_world(f);
    expect(f, "PUT", VAULT, geo, 200);
    expect(f, "PUT", VAULT, local, 200);
    add_instance(f, "a");
    expect_error(f, "PUT", VAULT, geo, KG_E_CONFLICT, "LocallyRedundant");
    expect(f, "PUT", VAULT, local, 200);
}

static void test_an_instance_takes_another_policy_and_its_own_identity_only(void **state)
{
    struct fixture *f = *state;
    struct kg_buf b = KG_BUF_INIT(65536);

    make_world(f);
    add_instance(f, "a");
    expect(f, "PUT", VAULT "/backupPolicies/p2", policy_body, 200);
    AUTO_REPLY struct reply was = call(f, "GET", VAULT "/backupInstances/bi-a", NULL);
    /* what GET answers, with another policy, is what az puts */
    kg_json_set_str(was.json, "properties.policyInfo.policyId", VAULT "/backupPolicies/p2");
    kg_json_set_bool(was.json, "properties.identityDetails.useSystemAssignedIdentity", true);
    kg_json_print(was.json, false, &b);
    expect_operation(f, "PUT", VAULT "/backupInstances/bi-a", b.p, "Succeeded");
    AUTO_REPLY struct reply is = call(f, "GET", VAULT "/backupInstances/bi-a", NULL);
    assert_string_equal(kg_json_str(is.json, "properties.policyInfo.policyId"), VAULT "/backupPolicies/p2");
    assert_string_equal(kg_json_str(is.json, "properties.currentProtectionState"), "ProtectionConfigured");
    assert_true(kg_json_bool(is.json, "properties.identityDetails.useSystemAssignedIdentity", false));
    expect(f, "DELETE", POLICY, NULL, 200);  /* nothing uses it any more */
    expect_error(f, "DELETE", VAULT "/backupPolicies/p2", NULL, KG_E_CONFLICT, "bi-a");
    kg_json_set_str(was.json, "properties.identityDetails.userAssignedIdentityArmUrl", "/subscriptions/x");
    kg_buf_reset(&b);
    kg_json_print(was.json, false, &b);
    expect_error(f, "PUT", VAULT "/backupInstances/bi-a", b.p, KG_E_USAGE, "userAssignedIdentityArmUrl");
    kg_buf_done(&b);
    AUTO_REPLY struct reply job = back_up(f, "a", "Completed");
    assert_string_equal(kg_json_str_or(job.json, "properties.policyName", ""), "p2");
}

static const char *state_of(const struct reply *r) { return kg_json_str_or(r->json, "properties.currentProtectionState", "?"); }

static void test_protection_goes_through_its_states_and_no_others(void **state)
{
    static const struct { const char *action; int status; const char *then; } steps[] = {
        { "resumeBackups", 200, "ProtectionConfigured" },   { "suspendBackups", 200, "BackupSchedulesSuspended" },
        { "suspendBackups", 200, "BackupSchedulesSuspended" }, { "backup", 409, "BackupSchedulesSuspended" },
        { "resumeBackups", 200, "ProtectionConfigured" },   { "suspendBackups", 200, "BackupSchedulesSuspended" },
        { "stopProtection", 200, "ProtectionStopped" },     { "suspendBackups", 409, "ProtectionStopped" },
        { "resumeBackups", 409, "ProtectionStopped" },      { "backup", 409, "ProtectionStopped" },
        { "resumeProtection", 200, "ProtectionConfigured" },
    };
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "a");
    for (size_t i = 0; i < KG_ARRAY_LEN(steps); i++) {
        KG_AUTO_FREE char *path = kg_xprintf(VAULT "/backupInstances/bi-a/%s", steps[i].action);
        AUTO_REPLY struct reply r = call(f, "POST", path, "{}");
        AUTO_REPLY struct reply now = call(f, "GET", VAULT "/backupInstances/bi-a", NULL);

        if (r.status != steps[i].status || strcmp(state_of(&now), steps[i].then) != 0)
            fail_msg("step %zu, %s: HTTP %ld, then %s", i, steps[i].action, r.status, state_of(&now));
    }
    AUTO_REPLY struct reply job = back_up(f, "a", "Completed");
    assert_string_equal(kg_json_str_or(job.json, "properties.status", ""), "Completed");
}

static void soft_delete(struct fixture *f, const char *settings)
{
    KG_AUTO_FREE char *body = kg_xprintf("{\"properties\":{\"securitySettings\":%s}}", settings);

    AUTO_REPLY struct reply r = call(f, "PATCH", VAULT, body);
    assert_int_equal(r.status, 200);
}

static void test_what_is_deleted_softly_is_hidden_and_comes_back_stopped(void **state)
{
    static const char bi[] = VAULT "/backupInstances/bi-a", deleted[] = VAULT "/deletedBackupInstances/bi-a";
    struct fixture *f = *state;
    KG_AUTO_FREE char *again = instance_body("a");

    make_world(f);
    add_instance(f, "a");
    AUTO_REPLY struct reply job = back_up(f, "a", "Completed");
    assert_string_equal(kg_json_str_or(job.json, "properties.status", ""), "Completed");
    soft_delete(f, "{\"softDeleteSettings\":{\"state\":\"On\",\"retentionDurationInDays\":20}}");
    expect(f, "DELETE", bi, NULL, 200);
    expect(f, "DELETE", bi, NULL, 204);
    expect_error(f, "GET", bi, NULL, KG_E_NOT_FOUND, "was deleted");
    expect_error(f, "GET", VAULT "/backupInstances/bi-a/recoveryPoints", NULL, KG_E_NOT_FOUND, "was deleted");
    expect_error(f, "POST", VAULT "/backupInstances/bi-a/backup", "{}", KG_E_NOT_FOUND, "was deleted");
    expect_error(f, "PUT", bi, again, KG_E_CONFLICT, "bi-a");
    expect_error(f, "PUT", VAULT "/backupInstances/other", again, KG_E_CONFLICT, "deleted backup instance 'bi-a'");
    expect_error(f, "DELETE", VAULT, NULL, KG_E_CONFLICT, "");
    assert_int_equal(count_of(f, VAULT "/backupInstances"), 0);
    assert_int_equal(count_of(f, VAULT "/deletedBackupInstances"), 1);
    AUTO_REPLY struct reply d = call(f, "GET", deleted, NULL);
    assert_string_equal(kg_json_str_or(d.json, "properties.currentProtectionState", ""), "SoftDeleted");
    kg_usec at, purge;
    assert_true(kg_time_parse_iso(kg_json_str_or(d.json, "properties.deletionInfo.deletionTime", ""), &at));
    assert_true(kg_time_parse_iso(kg_json_str_or(d.json, "properties.deletionInfo.scheduledPurgeTime", ""), &purge));
    assert_int_equal((purge - at) / KG_SECOND, 20 * 86400);
    expect(f, "POST", VAULT "/deletedBackupInstances/bi-a/undelete", NULL, 200);
    expect_error(f, "GET", deleted, NULL, KG_E_NOT_FOUND, "bi-a");
    AUTO_REPLY struct reply back = call(f, "GET", bi, NULL);
    assert_string_equal(kg_json_str_or(back.json, "properties.currentProtectionState", ""), "ProtectionStopped");
    assert_null(kg_json_get(back.json, "properties.deletionInfo"));
    assert_int_equal(count_of(f, VAULT "/backupInstances/bi-a/recoveryPoints"), 1);
}

static void test_an_immutable_vault_gives_no_instance_away(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "a");
    soft_delete(f, "{\"immutabilitySettings\":{\"state\":\"Unlocked\"}}");
    expect_error(f, "DELETE", VAULT "/backupInstances/bi-a", NULL, KG_E_CONFLICT, "immutable");
    soft_delete(f, "{\"immutabilitySettings\":{\"state\":\"Disabled\"}}");
    expect_operation(f, "DELETE", VAULT "/backupInstances/bi-a", NULL, "Succeeded");
}

static void test_what_was_deleted_is_gone_and_ranges_are_empty(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "a");
    expect_error(f, "POST", VAULT "/backupInstances/none/stopProtection", "{}", KG_E_NOT_FOUND, "none");
    assert_int_equal(count_of(f, VAULT "/deletedBackupInstances"), 0);
    expect_error(f, "GET", VAULT "/deletedBackupInstances/bi-a", NULL, KG_E_NOT_FOUND, "bi-a");
    expect_error(f, "POST", VAULT "/deletedBackupInstances/bi-a/undelete", NULL, KG_E_NOT_FOUND, "bi-a");
    expect_error(f, "GET", RG "/providers/Microsoft.DataProtection/backupVaults/none/deletedBackupInstances", NULL, KG_E_NOT_FOUND,
                 "none");
    AUTO_REPLY struct reply r = call(f, "POST", VAULT "/backupInstances/bi-a/findRestorableTimeRanges",
                                     "{\"sourceDataStoreType\":\"VaultStore\",\"startTime\":\"2026-01-01T00:00:00Z\"}");
    assert_int_equal(r.status, 200);
    assert_int_equal(kg_json_type(kg_json_get(r.json, "properties.restorableTimeRanges")), KG_JSON_ARRAY);
    expect_error(f, "POST", VAULT "/backupInstances/bi-a/findRestorableTimeRanges", "{}", KG_E_USAGE, "sourceDataStoreType");
    expect_error(f, "POST", VAULT "/backupInstances/bi-a/findRestorableTimeRanges",
                 "{\"sourceDataStoreType\":\"VaultStore\",\"endTime\":\"later\"}", KG_E_USAGE, "later");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_vaults_and_instances_are_found_by_every_filter, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_row_has_the_columns_of_the_resource_graph, setup, teardown),
        cmocka_unit_test_setup_teardown(test_searches_that_are_misspelt_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_jobs_are_answered_page_by_page, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_search_that_finds_much_is_answered_in_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_jobs_are_found_by_kind_state_and_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_patch_changes_what_it_names_and_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(test_settings_without_a_way_back_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_storage_type_is_fixed_by_the_first_instance, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_instance_takes_another_policy_and_its_own_identity_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_protection_goes_through_its_states_and_no_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_deleted_is_gone_and_ranges_are_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_deleted_softly_is_hidden_and_comes_back_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_immutable_vault_gives_no_instance_away, setup, teardown),
    };
    int r = role_main(argc, argv);

    return r >= 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
