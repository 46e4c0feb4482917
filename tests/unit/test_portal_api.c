/* What an overview asks for: how instances stand, all policies and resources, what is in a point, everything at a glance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "api/filter.h"
#include "api/standing.h"
#include "identity/identity.h"
#include "model/page_overview.h"
#include "unit/service_fixture.h"

#define BACKUP SUB "/providers/Microsoft.DataProtection/"
#define BI_A VAULT "/backupInstances/bi-a"

/* ---- who asks ---- */

static void test_the_service_tells_who_asks(void **state)
{
    struct fixture *f = *state;
    struct kg_principal me;

    kg_principal_of_uid(geteuid(), &me);
    AUTO_REPLY struct reply r = call(f, "GET", SERVICE, NULL);
    assert_string_equal(kg_json_str_or(r.json, "caller.principalName", ""), me.name);
    assert_string_equal(kg_json_str_or(r.json, "caller.principalId", ""), me.id);
    assert_true(kg_json_bool(r.json, "caller.isOwner", false));
}

static void test_owner_is_who_runs_the_service_or_was_given_the_role_at_the_root(void **state)
{
    static const struct { const char *role, *scope; bool owner; } cases[] = {
        { "Reader", "/", false }, { "Contributor", "/", false }, { "Owner", SUB, false }, { "Owner", "/", true },
    };
    KG_CLEANUP(kg_identity_freep) struct kg_identity *i = NULL;
    KG_CLEANUP(kg_catalog_closep) struct kg_catalog *c = NULL;
    struct kg_principal run, other;
    struct kg_err err = { 0 };
    bool owner = false;

    (void)state;
    assert_int_equal(kg_catalog_open_sqlite(":memory:", &c, &err), 0);
    i = kg_identity_new(c, 1000);
    kg_principal_of_uid(1000, &run);
    kg_principal_of_uid(2000, &other);
    assert_int_equal(kg_identity_is_owner(i, &run, &owner, &err), 0);
    assert_true(owner);
    for (size_t k = 0; k < KG_ARRAY_LEN(cases); k++) {
        assert_int_equal(kg_identity_assign(i, cases[k].role, &other, cases[k].scope, NULL, &run, NULL, &err), 0);
        assert_int_equal(kg_identity_is_owner(i, &other, &owner, &err), 0);
        if (owner != cases[k].owner)
            fail_msg("with %s at %s", cases[k].role, cases[k].scope);
    }
}

/* ---- how instances stand ---- */

static const char *text(const struct kg_json *j, const char *path) { return kg_json_str_or(j, path, "?"); }

static void same_standing(const struct kg_json *props, const char *job, const char *status, const char *point)
{
    if (strcmp(text(props, "lastBackup.jobId"), job) != 0 || strcmp(text(props, "lastBackup.status"), status) != 0 ||
        strcmp(text(props, "latestRecoveryPoint.recoveryPointId"), point) != 0)
        fail_msg("last backup %s %s, point %s instead of %s %s, %s", text(props, "lastBackup.jobId"), text(props, "lastBackup.status"),
                 text(props, "latestRecoveryPoint.recoveryPointId"), job, status, point);
    assert_non_null(kg_json_str(props, "lastBackup.startTime"));
    assert_non_null(kg_json_str(props, "lastBackup.endTime"));
    assert_non_null(kg_json_str(props, "latestRecoveryPoint.recoveryPointTime"));
    assert_non_null(kg_json_str(props, "nextBackupTime"));
}

static void test_an_instance_tells_its_last_backup_its_newest_point_and_the_next_start_wherever_it_is_shown(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "a");
    AUTO_REPLY struct reply fresh = call(f, "GET", BI_A, NULL);
    assert_int_equal(kg_json_type(kg_json_get(fresh.json, "properties.lastBackup")), KG_JSON_NULL);
    assert_int_equal(kg_json_type(kg_json_get(fresh.json, "properties.latestRecoveryPoint")), KG_JSON_NULL);
    assert_non_null(kg_json_str(fresh.json, "properties.nextBackupTime"));
    AUTO_REPLY struct reply first = back_up(f, "a", "Completed"), second = back_up(f, "a", "Completed");
    AUTO_REPLY struct reply points = call(f, "GET", BI_A "/recoveryPoints", NULL);
    const char *point = text(points.json, "value.0.name"), *job = text(second.json, "id");
    assert_string_not_equal(job, text(first.json, "id"));
    AUTO_REPLY struct reply one = call(f, "GET", BI_A, NULL), list = call(f, "GET", VAULT "/backupInstances", NULL);
    AUTO_REPLY struct reply found = call(f, "POST", BACKUP "searchBackupInstances", "{}");
    same_standing(kg_json_get(one.json, "properties"), job, "Completed", point);
    same_standing(kg_json_get(list.json, "value.0.properties"), job, "Completed", point);
    same_standing(kg_json_get(found.json, "value.0.properties"), job, "Completed", point);
    expect(f, "POST", BI_A "/stopProtection", "{}", 200);
    AUTO_REPLY struct reply stopped = call(f, "GET", BI_A, NULL);
    assert_null(kg_json_str(stopped.json, "properties.nextBackupTime"));
    assert_string_equal(text(stopped.json, "properties.lastBackup.jobId"), job); /* the job of stopping is no backup */
}

/* An instance with the policy, configured days ago and with its last backup hours ago (0: none). Its policy wants one each day. */
static void attention(struct kg_catalog *c, const char *protection, int days, int hours, const char *status, const char *code)
{
    KG_AUTO_FREE char *daily = kg_xstrdup(policy_body);
    KG_AUTO_JSON struct kg_json *p = NULL, *i = kg_json_object(), *j = kg_json_object(), *e = kg_json_object();
    KG_AUTO_STANDS struct kg_stands s;
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    KG_AUTO_ATTENTION struct kg_attention why = { 0 };
    struct kg_err err = { 0 };
    char since[32];

    memcpy(strstr(daily, "P1W"), "P1D", 3);
    assert_int_equal(kg_json_parse(daily, strlen(daily), &p, &err), 0);
    assert_int_equal(kg_catalog_put(c, SUB, NULL, e, KG_PUT_ANY, NULL, NULL, &err), 0);
    assert_int_equal(kg_catalog_put(c, RG, "local", e, KG_PUT_ANY, NULL, NULL, &err), 0);
    assert_int_equal(kg_catalog_put(c, VAULT, "local", e, KG_PUT_ANY, NULL, NULL, &err), 0);
    assert_int_equal(kg_catalog_put(c, POLICY, NULL, p, KG_PUT_ANY, NULL, NULL, &err), 0);
    kg_json_set_str(i, "properties.policyInfo.policyId", POLICY);
    kg_json_set_str(i, "properties.currentProtectionState", protection);
    kg_json_set_str(i, "properties.protectionErrorDetails.code", "TheCode");
    kg_json_set_str(i, "internal.schedule.since", kg_time_iso(kg_now_wall() - days * INT64_C(86400) * KG_SECOND, since));
    assert_int_equal(kg_catalog_put(c, BI_A, NULL, i, KG_PUT_ANY, NULL, &r, &err), 0);
    if (hours) {
        char id[] = "j1", vault[] = VAULT, instance[] = BI_A, op[] = "Backup";
        KG_AUTO_FREE char *st = kg_xstrdup(status);
        struct kg_job_row row = { .id = id, .vault = vault, .instance = instance, .operation = op, .status = st, .json = j,
                                  .start = kg_now_wall() - hours * INT64_C(3600) * KG_SECOND,
                                  .end = strcmp(status, "InProgress") == 0 ? 0 : 1 };

        assert_int_equal(kg_catalog_job_insert(c, &row, &err), 0);
    }
    kg_stands_init(&s, c);
    assert_int_equal(kg_stands_attention(&s, &r, true, &why, &err), 0);
    if (!why.code != !code || (code && strcmp(why.code, code) != 0))
        fail_msg("%s, %d days, %d hours, %s: %s (%s) instead of %s", protection, days, hours, status, why.code, why.reason, code);
}

static void test_attention_goes_to_what_is_not_ready_failed_or_overdue(void **state)
{
    static const struct { const char *protection; int days, hours; const char *status, *code; } cases[] = {
        { "ProtectionConfigured", 0, 0, NULL, NULL },                  /* its first start is still to come */
        { "ProtectionConfigured", 5, 0, NULL, "BackupOverdue" },
        { "ProtectionConfigured", 5, 72, "Completed", "BackupOverdue" },
        { "ProtectionConfigured", 5, 72, "InProgress", NULL },         /* a long one */
        { "ProtectionConfigured", 5, 72, "Failed", "BackupFailed" },
        { "ProtectionConfigured", 0, 1, "Completed", NULL },
        { "ProtectionConfigured", 0, 1, "Cancelled", NULL },
        { "ProtectionError", 0, 1, "Completed", "TheCode" },
        { "ConfiguringProtectionFailed", 0, 0, NULL, "TheCode" },
        { "ProtectionStopped", 5, 72, "Failed", NULL },
        { "SoftDeleted", 5, 72, "Failed", NULL },
    };

    (void)state;
    for (size_t k = 0; k < KG_ARRAY_LEN(cases); k++) {
        KG_CLEANUP(kg_catalog_closep) struct kg_catalog *c = NULL;
        struct kg_err err = { 0 };

        assert_int_equal(kg_catalog_open_sqlite(":memory:", &c, &err), 0);
        attention(c, cases[k].protection, cases[k].days, cases[k].hours, cases[k].status, cases[k].code);
    }
}

/* ---- policies of all vaults ---- */

static void policies(struct fixture *f, const char *body, const char *want)
{
    AUTO_REPLY struct reply r = call(f, "POST", BACKUP "searchBackupPolicies", body);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4096);

    assert_int_equal(r.status, 200);
    kg_buf_adds(&b, "");
    for (const struct kg_json *p = kg_json_first(kg_json_get(r.json, "value")); p; p = kg_json_next(p))
        kg_buf_addf(&b, "%s%s/%s:%d", b.len ? " " : "", text(p, "vaultName"), text(p, "name"),
                    (int)kg_json_u64(p, "properties.backupInstancesCount", 99));
    if (strcmp(b.p, want) != 0)
        fail_msg("%s finds '%s' instead of '%s'", body, b.p, want);
}

static void test_policies_of_all_vaults_tell_how_many_instances_have_them(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "a");
    add_instance(f, "b");
    expect(f, "PUT", VAULT "/backupPolicies/p2", policy_body, 200);
    policies(f, "{}", "v1/p1:2 v1/p2:0");
    policies(f, "{\"names\":[\"P2\"]}", "v1/p2:0");
    policies(f, "{\"vaults\":[\"v1\"],\"resourceGroups\":[\"default\"],\"names\":[\"p1\"]}", "v1/p1:2");
    policies(f, "{\"vaults\":[\"v2\"]}", "");
    expect(f, "PATCH", VAULT, "{\"properties\":{\"securitySettings\":{\"softDeleteSettings\":{\"state\":\"On\"}}}}", 200);
    expect(f, "DELETE", BI_A, NULL, 200);
    policies(f, "{}", "v1/p1:1 v1/p2:0");
    expect_error(f, "POST", BACKUP "searchBackupPolicies", "{\"name\":[\"p1\"]}", KG_E_USAGE, "'name'");
}

/* ---- filters ---- */

static const char *value_of(void *arg, const char *key)
{
    (void)arg;
    return strcasecmp(key, "name") == 0 ? "Orders'1" : strcasecmp(key, "kind") == 0 ? "a" : NULL;
}

static void test_a_filter_is_read_as_odata_has_it(void **state)
{
    static const struct { const char *filter; int want; } cases[] = { /* -1: refused */
        { NULL, 1 }, { "", 1 }, { "  ", 1 },
        { "name eq 'orders''1'", 1 }, { "NAME EQ 'ORDERS''1'", 1 }, { "name eq 'orders'", 0 }, { "name ne 'x'", 1 },
        { "kind eq 'b' or kind eq 'a'", 1 }, { "kind eq 'b' or kind eq 'c'", 0 },
        { "kind eq 'a' or kind eq 'b' and name eq 'x'", 1 },    /* and binds closer */
        { "(kind eq 'a' or kind eq 'b') and name eq 'x'", 0 },
        { "substringof('DERS', name)", 1 }, { "substringof('z',name)", 0 }, { "startswith(name,'ord')", 1 },
        { "startswith(name, 'rd')", 0 }, { "substringof('', name)", 1 },
        { "((((((((((((((((kind eq 'a'))))))))))))))))", 1 }, { "(((((((((((((((((kind eq 'a')))))))))))))))))", -1 },
        { "size eq '1'", -1 }, { "kind eq 'a' or size eq '1'", -1 }, { "kind eq 'b' and size eq '1'", -1 }, { "kind gt 'a'", -1 },
        { "kind eq a", -1 }, { "kind eq 'a", -1 }, { "kind", -1 }, { "kind eq 'a' kind eq 'a'", -1 }, { "kind eq 'a' or", -1 },
        { "(kind eq 'a'", -1 }, { "kind eq 'a')", -1 }, { "substringof(name, 'x')", -1 }, { "substringof('x', name", -1 },
        { "startswith('x', name)", -1 }, { "substringof 'x'", -1 }, { "'a' eq kind", -1 }, { "\x01", -1 }, { "=", -1 },
    };
    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct kg_err err = { 0 };
        bool got = false;
        int r = kg_filter_match(cases[i].filter, value_of, NULL, &got, &err);

        if ((r < 0 ? -1 : got) != cases[i].want)
            fail_msg("'%s' gives %d (%s)", cases[i].filter, r < 0 ? -1 : got, err.msg);
        if (r < 0 && (!*err.msg || !*err.action))
            fail_msg("'%s' is refused without a word", cases[i].filter);
    }
}

/* ---- all resources ---- */

/* Names in their order. filter is as it stands in the URL. */
static void resources(struct fixture *f, const char *at, const char *query, const char *want)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/resources%s", at, query);
    AUTO_REPLY struct reply r = call(f, "GET", path, NULL);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4096);

    if (r.status != 200)
        fail_msg("%s: HTTP %ld: %s", path, r.status, r.text.p);
    kg_buf_adds(&b, "");
    for (const struct kg_json *j = kg_json_first(kg_json_get(r.json, "value")); j; j = kg_json_next(j))
        kg_buf_addf(&b, "%s%s", b.len ? " " : "", text(j, "name"));
    if (strcmp(b.p, want) != 0)
        fail_msg("%s gives '%s' instead of '%s'", path, b.p, want);
    assert_null(strstr(r.text.p, "\"internal\""));
}

static void test_all_resources_are_listed_and_found_by_type_group_and_name(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *account = kg_xprintf("{\"properties\":{\"path\":\"%s/files\"}}", f->dir);

    make_world(f);
    add_instance(f, "a"); /* what lies in a vault is none of them */
    expect(f, "PUT", ACCOUNT, account, 201);
    expect(f, "PUT", RG "/providers/Microsoft.DBforPostgreSQL/servers/s0",
           "{\"properties\":{\"fullyQualifiedDomainName\":\"127.0.0.1\"}}", 201);
    resources(f, SUB, "", "s0 s1 kv1 files1 v1");
    resources(f, SUB, "?$filter=resourceType%20eq%20'Microsoft.KeyVault/vaults'%20or%20resourceType%20eq%20"
              "'microsoft.dataprotection/backupvaults'", "kv1 v1");
    resources(f, SUB, "?$filter=substringof('S',%20name)", "s0 s1 files1");
    resources(f, SUB, "?$filter=resourceGroup%20eq%20'DEFAULT'%20and%20name%20eq%20's1'", "s1");
    resources(f, SUB, "?$filter=resourceGroup%20eq%20'other'", "");
    resources(f, RG, "", "s0 s1 kv1 files1 v1");
    expect_error(f, "GET", SUB "/resources?$filter=colour%20eq%20'red'", NULL, KG_E_USAGE, "'colour'");
    expect_error(f, "GET", SUB "/resources?$skipToken=9:x", NULL, KG_E_USAGE, "9:x");
    expect_error(f, "GET", SUB "/resourceGroups/none/resources", NULL, KG_E_NOT_FOUND, "none");
}

static void test_pages_of_resources_together_are_the_list(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *next = kg_xstrdup(SUB "/resources?$top=1&$filter=name%20ne%20'kv1'");
    KG_AUTO_BUF struct kg_buf seen = KG_BUF_INIT(4096);
    int pages = 0;

    make_world(f);
    for (; next && pages < 10; pages++) {
        AUTO_REPLY struct reply r = call(f, "GET", next, NULL);

        assert_int_equal(r.status, 200);
        assert_int_equal(kg_json_count(kg_json_get(r.json, "value")), 1);
        kg_buf_addf(&seen, "%s ", text(r.json, "value.0.name"));
        free(next);
        next = kg_xstrdup(kg_json_str(r.json, "nextLink"));
    }
    assert_string_equal(seen.p, "s1 v1 ");
    assert_int_equal(pages, 2);
}

/* ---- contents ---- */

static void test_what_is_in_a_point_comes_as_the_result_of_an_operation(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "a");
    AUTO_REPLY struct reply job = back_up(f, "a", "Completed");
    (void)job;
    AUTO_REPLY struct reply points = call(f, "GET", BI_A "/recoveryPoints", NULL);
    KG_AUTO_FREE char *path = kg_xprintf(BI_A "/recoveryPoints/%s/listContents", text(points.json, "value.0.name"));
    AUTO_REPLY struct reply r = call(f, "POST", path, "{\"schema\":\"public\"}");
    assert_int_equal(r.status, 202);
    AUTO_REPLY struct reply end = wait_operation(f, r.operation);
    assert_string_equal(text(end.json, "status"), "Succeeded");
    AUTO_REPLY struct reply result = call(f, "GET", r.location, NULL);
    assert_int_equal(result.status, 200);
    assert_string_equal(text(result.json, "value.0.name"), "orders");
    assert_string_equal(text(result.json, "value.0.schema"), "public"); /* it reached the worker */
    expect_error(f, "POST", path, "{\"schema\":7}", KG_E_USAGE, "'schema'");
    expect_error(f, "POST", path, "{\"schema\":\"\"}", KG_E_USAGE, "'schema'");
    expect_error(f, "POST", BI_A "/recoveryPoints/0123456789abcdef0123456789abcdef/listContents", NULL, KG_E_NO_POINT, "0123456789");
    expect_error(f, "POST", VAULT "/backupInstances/none/recoveryPoints/x/listContents", NULL, KG_E_NOT_FOUND, "none");
}

/* ---- at a glance ---- */

static struct reply center(struct fixture *f)
{
    struct reply r = call(f, "GET", BACKUP "backupCenter", NULL);

    if (r.status != 200)
        fail_msg("HTTP %ld: %s", r.status, r.text.p);
    return r;
}

static void is(const struct reply *r, const char *path, uint64_t want)
{
    if (kg_json_u64(r->json, path, 987654) != want)
        fail_msg("%s is not %d: %s", path, (int)want, r->text.p);
}

static void test_all_backups_at_a_glance(void **state)
{
    struct fixture *f = *state;
    static const char *const empty[] = { "instances.total", "instances.attentionCount", "vaults", "policies", "servers",
                                         "jobs.last24h.Completed", "usage.VaultStore.storedBytes", "usage.ArchiveStore.storedBytes" };

    AUTO_REPLY struct reply none = center(f);
    for (size_t i = 0; i < KG_ARRAY_LEN(empty); i++)
        is(&none, empty[i], 0);
    make_world(f);
    add_instance(f, "a");
    add_instance(f, "refused");
    add_instance(f, "c");
    add_instance(f, "d");
    AUTO_REPLY struct reply good = back_up(f, "a", "Completed"), bad = back_up(f, "refused", "Failed");
    expect(f, "POST", VAULT "/backupInstances/bi-c/stopProtection", "{}", 200);
    expect(f, "PATCH", VAULT, "{\"properties\":{\"securitySettings\":{\"softDeleteSettings\":{\"state\":\"On\"}}}}", 200);
    expect(f, "DELETE", VAULT "/backupInstances/bi-d", NULL, 200);
    AUTO_REPLY struct reply r = center(f);
    is(&r, "instances.total", 3);
    is(&r, "instances.protected", 2);
    is(&r, "instances.stopped", 1);
    is(&r, "instances.softDeleted", 1);
    is(&r, "instances.attentionCount", 1);
    assert_int_equal(kg_json_count(kg_json_get(r.json, "instances.attention")), 1);
    assert_string_equal(text(r.json, "instances.attention.0.id"), VAULT "/backupInstances/bi-refused");
    assert_string_equal(text(r.json, "instances.attention.0.code"), text(bad.json, "properties.errorDetails.0.code"));
    assert_non_null(strstr(text(r.json, "instances.attention.0.reason"), "failed"));
    is(&r, "jobs.last24h.Failed", 1);
    is(&r, "jobs.last24h.InProgress", 0);
    assert_true(kg_json_u64(r.json, "jobs.last24h.Completed", 0) >= 6); /* four configured, one backed up, one stopped, one deleted */
    assert_int_equal(kg_json_count(kg_json_get(r.json, "jobs.days")), 7);
    is(&r, "jobs.days.0.completed", 0);
    is(&r, "jobs.days.6.failed", 1);
    assert_memory_equal(text(r.json, "jobs.days.6.date"), text(good.json, "properties.startTime"), 10);
    is(&r, "usage.VaultStore.logicalBytes", 1000);
    is(&r, "usage.VaultStore.storedBytes", 500);
    assert_int_equal(kg_json_count(kg_json_get(r.json, "storedPerDay")), 14);
    is(&r, "storedPerDay.0.bytes", 0);
    is(&r, "storedPerDay.13.bytes", 500);
    assert_int_equal(kg_json_count(kg_json_get(r.json, "nextBackups")), 2); /* not of what is stopped or deleted */
    assert_string_equal(text(r.json, "nextBackups.0.policyName"), "p1");
    is(&r, "vaults", 1);
    is(&r, "policies", 1);
    is(&r, "servers", 1);
    expect_error(f, "GET", "/subscriptions/00000000-0000-0000-0000-000000000002/providers/Microsoft.DataProtection/backupCenter", NULL,
                 KG_E_NOT_FOUND, "00000000-0000-0000-0000-000000000002");
}

/* How many rows the list has that a line of the Overview's tiles opens. */
static size_t rows_behind(struct fixture *f, size_t tile, size_t line)
{
    const char *arg, *kind = ui_overview_line(tile, line, &arg);
    bool jobs = strcmp(kind, "backup-jobs") == 0, deleted = strcmp(kind, "deleted") == 0;
    KG_AUTO_JSON struct kg_json *body = NULL;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4096);
    struct kg_err err = { 0 };

    if (strcmp(kind, "attention") == 0) {
        AUTO_REPLY struct reply r = call(f, "GET", BACKUP "backupCenter?$top=1000", NULL);
        return kg_json_count(kg_json_get(r.json, "instances.attention"));
    }
    arg = deleted ? "{\"protectionStates\":[\"SoftDeleted\"]}" : arg;
    assert_int_equal(kg_json_parse(arg, strlen(arg), &body, &err), 0);
    kg_json_remove(body, "time");                                    /* everything of this test is younger than a day */
    kg_json_print(body, false, &b);
    AUTO_REPLY struct reply r = call(f, "POST", jobs ? BACKUP "searchBackupJobs" : BACKUP "searchBackupInstances", b.p);
    assert_int_equal(r.status, 200);
    return kg_json_count(kg_json_get(r.json, "value"));
}

static void test_what_a_tile_counts_is_in_the_list_behind_it(void **state)
{
    static const struct { size_t tile, line; const char *count; } line[] = {
        { 0, 0, "instances.protected" }, { 0, 1, "instances.stopped" }, { 0, 2, "instances.softDeleted" },
        { 1, 0, "jobs.last24h.Completed" }, { 1, 1, "jobs.last24h.InProgress" }, { 1, 2, "jobs.last24h.Cancelled" },
        { 2, 0, "instances.attentionCount" }, { 2, 1, "jobs.last24h.Failed" }, { 2, 2, "jobs.last24h.CompletedWithWarnings" },
    };
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "a");
    add_instance(f, "refused");
    add_instance(f, "c");
    add_instance(f, "d");
    add_instance(f, "slow");
    AUTO_REPLY struct reply good = back_up(f, "a", "Completed"), bad = back_up(f, "refused", "Failed");
    assert_string_equal(text(good.json, "properties.status"), "Completed");
    assert_string_equal(text(bad.json, "properties.status"), "Failed");
    KG_AUTO_FREE char *slow = instance_path("slow", "/backup");
    AUTO_REPLY struct reply started = call(f, "POST", slow, "{\"backupRuleOptions\":{\"ruleName\":\"BackupWeekly\",\"triggerOption\":{}}}");
    assert_int_equal(started.status, 202);
    expect(f, "POST", VAULT "/backupInstances/bi-c/stopProtection", "{}", 200);
    expect(f, "PATCH", VAULT, "{\"properties\":{\"securitySettings\":{\"softDeleteSettings\":{\"state\":\"On\"}}}}", 200);
    expect(f, "DELETE", VAULT "/backupInstances/bi-d", NULL, 200);
    AUTO_REPLY struct reply r = center(f);
    is(&r, "instances.softDeleted", 1);
    is(&r, "jobs.last24h.InProgress", 1);
    is(&r, "instances.attentionCount", 1);
    for (size_t i = 0; i < KG_ARRAY_LEN(line); i++)
        is(&r, line[i].count, rows_behind(f, line[i].tile, line[i].line));
    AUTO_REPLY struct reply gone = call(f, "POST", BACKUP "searchBackupInstances", "{\"protectionStates\":[\"SoftDeleted\"]}");
    assert_string_equal(text(gone.json, "value.0.id"), VAULT "/deletedBackupInstances/bi-d");
    assert_string_equal(text(gone.json, "value.0.vaultName"), "v1");
}

/* A key vault alone logs nobody in. */
static void test_a_key_vault_is_ready_when_a_secret_in_it_can_be_read(void **state)
{
    struct fixture *f = *state;

    make_bare_world(f);
    AUTO_REPLY struct reply with = center(f);
    is(&with, "keyVaults", 1);
    is(&with, "keyVaultsWithSecrets", 1);
    assert_null(kg_json_str(with.json, "keyVaultWithoutSecret"));
    expect(f, "PATCH", KEYVAULT "/secrets/login", "{\"properties\":{\"attributes\":{\"enabled\":false}}}", 200);
    AUTO_REPLY struct reply without = center(f);
    is(&without, "keyVaults", 1);
    is(&without, "keyVaultsWithSecrets", 0);
    assert_string_equal(text(without.json, "keyVaultWithoutSecret"), KEYVAULT);
}

static void test_a_job_that_runs_counts_as_one_in_progress(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "slow");
    KG_AUTO_FREE char *path = instance_path("slow", "/backup");
    AUTO_REPLY struct reply started = call(f, "POST", path, "{\"backupRuleOptions\":{\"ruleName\":\"BackupWeekly\",\"triggerOption\":{}}}");
    assert_int_equal(started.status, 202);
    AUTO_REPLY struct reply r = center(f);
    is(&r, "jobs.last24h.InProgress", 1);
    AUTO_REPLY struct reply one = call(f, "GET", VAULT "/backupInstances/bi-slow", NULL);
    assert_string_equal(text(one.json, "properties.lastBackup.status"), "InProgress");
    assert_int_equal(kg_json_type(kg_json_get(one.json, "properties.lastBackup.endTime")), KG_JSON_NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner_is_who_runs_the_service_or_was_given_the_role_at_the_root),
        cmocka_unit_test(test_a_filter_is_read_as_odata_has_it),
        cmocka_unit_test(test_attention_goes_to_what_is_not_ready_failed_or_overdue),
        cmocka_unit_test_setup_teardown(test_the_service_tells_who_asks, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_an_instance_tells_its_last_backup_its_newest_point_and_the_next_start_wherever_it_is_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_policies_of_all_vaults_tell_how_many_instances_have_them, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_resources_are_listed_and_found_by_type_group_and_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pages_of_resources_together_are_the_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_in_a_point_comes_as_the_result_of_an_operation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_backups_at_a_glance, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_a_tile_counts_is_in_the_list_behind_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_key_vault_is_ready_when_a_secret_in_it_can_be_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_job_that_runs_counts_as_one_in_progress, setup, teardown),
    };
    int r = role_main(argc, argv);

    return r >= 0 ? r : cmocka_run_group_tests(tests, NULL, NULL);
}
