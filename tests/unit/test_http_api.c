/* The service from outside: this program starts itself as the service (kg_engine_main) on a private socket, and the service
 * starts it again as its worker (fake_worker.h). The test speaks HTTP through libcurl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>

#include "api/limits.h"
#include "identity/audit.h"
#include "store/store.h"
#include "unit/service_fixture.h"

/* ---- requests and envelopes ---- */

static void test_the_first_start_makes_a_subscription_and_a_group(void **state)
{
    struct fixture *f = *state;

    AUTO_REPLY struct reply s = call(f, "GET", "/subscriptions?api-version=2024-04-01", NULL);
    assert_int_equal(s.status, 200);
    assert_string_equal(kg_json_str_or(s.json, "value.0.displayName", ""), "default");
    AUTO_REPLY struct reply g = call(f, "GET", "/SUBSCRIPTIONS/00000000-0000-0000-0000-000000000001/resourcegroups/DEFAULT/", NULL);
    assert_int_equal(g.status, 200);
    assert_string_equal(kg_json_str_or(g.json, "location", ""), "local");
    AUTO_REPLY struct reply about = call(f, "GET", SERVICE, NULL);
    assert_int_equal(kg_json_u64(about.json, "pid", 0), f->pid);
}

static void expect_advice(struct fixture *f, const char *path, const char *advice)
{
    AUTO_REPLY struct reply r = call(f, "GET", path, NULL);

    if (r.status != 404 || !strstr(kg_json_str_or(r.json, "error.additionalInfo.0.info.recommendedAction.0", ""), advice))
        fail_msg("GET %s: HTTP %ld: %s", path, r.status, r.text.p);
}

static void test_wrong_requests_get_an_envelope_with_advice(void **state)
{
    struct fixture *f = *state;

    expect_error(f, "GET", "/nowhere", NULL, KG_E_NOT_FOUND, "/nowhere");
    expect(f, "PUT", SUB "/resourceGroups/production", "{}", 201);
    expect_advice(f, SUB "/resourceGroups/prodution", "Did you mean 'production'?");
    expect_advice(f, SUB "/resourceGroups/Prodution/providers/Microsoft.DataProtection/backupVaults/v1", "Did you mean 'production'?");
    expect_advice(f, SUB "/resourceGroups/staging", "List what exists");
    expect_error(f, "GET", "/", NULL, KG_E_NOT_FOUND, "'/'");
    expect_error(f, "PATCH", RG, "{}", KG_E_METHOD, "PATCH");
    expect_error(f, "GET", RG "/providers/Microsoft.DataProtection/backupVaults/NoNe", NULL, KG_E_NOT_FOUND,
                 "/backupVaults/NoNe'"); /* as it was written, not as it is looked for */
    expect_error(f, "PUT", SUB "/resourceGroups/Gone/providers/Microsoft.KeyVault/vaults/kv9", "{}", KG_E_NOT_FOUND, "/Gone'");
    expect(f, "PUT", SUB "/resourceGroups/Mixed", "{}", 201);
    expect(f, "PUT", SUB "/resourceGroups/mixed/providers/Microsoft.KeyVault/vaults/Kv9", "{}", 201);
    expect_error(f, "DELETE", SUB "/resourceGroups/MIXED", NULL, KG_E_CONFLICT, "/Mixed' still has");
    expect_error(f, "PUT", SUB "/resourceGroups/g2", "{\"location\":", KG_E_BAD_JSON, "JSON");
    expect_error(f, "PUT", SUB "/resourceGroups/g2", "[]", KG_E_BAD_JSON, "object");
    expect_error(f, "PUT", SUB "/resourceGroups/g2", NULL, KG_E_BAD_JSON, "body");
    expect_error(f, "GET", SUB "/resourceGroups?$top=0", NULL, KG_E_USAGE, "$top");
    expect_error(f, "GET", SUB "/resourceGroups?api-version=latest", NULL, KG_E_USAGE, "api-version");
    expect_error(f, "GET", SUB "/resourceGroups/%ff%fe", NULL, KG_E_USAGE, "UTF-8");
    expect_error(f, "GET", SUB "/resourceGroups/%00", NULL, KG_E_USAGE, "percent");
    expect_error(f, "POST", SERVICE "/stop", "{\"mode\":\"maybe\"}", KG_E_USAGE, "maybe");
}

static void test_a_body_that_is_too_large_is_read_to_its_end_and_refused(void **state)
{
    struct fixture *f = *state;
    size_t n = (4 << 20) + 17;
    KG_AUTO_FREE char *big = kg_xalloc(n + 1);

    memset(big, ' ', n);
    AUTO_REPLY struct reply r = send_bytes(f, "PUT", SUB "/resourceGroups/g2", big, n);
    assert_int_equal(r.status, 413);
    assert_string_equal(kg_json_str_or(r.json, "error.code", ""), "RequestLimitExceeded");
    AUTO_REPLY struct reply s = send_bytes(f, "GET", SERVICE, NULL, 0);
    assert_int_equal(s.status, 200);
    /* past the second limit nobody promises an answer, only that the service lives */
    KG_AUTO_FREE char *huge = kg_xalloc(KG_API_SWALLOW_MAX + (2u << 20));
    AUTO_REPLY struct reply h = send_bytes(f, "PUT", SUB "/resourceGroups/g2", huge, KG_API_SWALLOW_MAX + (2u << 20));
    assert_true(h.status < 0 || h.status == 413);
    expect(f, "GET", SERVICE, NULL, 200);
}

static void test_lists_come_in_pages(void **state)
{
    struct fixture *f = *state;
    size_t seen = 0;

    for (int i = 0; i < 5; i++) {
        KG_AUTO_FREE char *path = kg_xprintf(SUB "/resourceGroups/page-%d", i);

        expect(f, "PUT", path, "{\"location\":\"local\"}", 201);
    }
    KG_AUTO_FREE char *link = kg_xstrdup(SUB "/resourceGroups?$top=2");
    while (link) {
        AUTO_REPLY struct reply r = call(f, "GET", link, NULL);
        assert_int_equal(r.status, 200);
        assert_true(kg_json_count(kg_json_get(r.json, "value")) <= 2);
        seen += kg_json_count(kg_json_get(r.json, "value"));
        free(link);
        link = kg_xstrdup(kg_json_str(r.json, "nextLink"));
    }
    assert_int_equal(seen, 6);
}

static void test_put_is_idempotent_and_etags_are_honoured(void **state)
{
    struct fixture *f = *state;

    expect(f, "PUT", SERVER, "{\"properties\":{\"fullyQualifiedDomainName\":\"127.0.0.1\"}}", 201);
    expect(f, "PUT", SERVER, "{\"properties\":{\"fullyQualifiedDomainName\":\"127.0.0.2\",\"port\":5433}}", 200);
    AUTO_REPLY struct reply r = call(f, "GET", SERVER, NULL);
    assert_int_equal(kg_json_u64(r.json, "properties.port", 0), 5433);
    assert_null(kg_json_get(r.json, "internal"));
    expect_error(f, "PUT", SERVER, "{\"properties\":{\"fullyQualifiedDomainName\":\"h\",\"port\":70000}}", KG_E_USAGE, "port");
    expect_error(f, "PUT", SERVER, "{\"location\":\"mars\",\"properties\":{\"fullyQualifiedDomainName\":\"h\"}}", KG_E_CONFLICT,
                 "mars");
    expect(f, "DELETE", SERVER, NULL, 200);
    expect(f, "DELETE", SERVER, NULL, 204);
}

static void test_names_with_slashes_and_blanks_find_their_resource(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *body = NULL;

    make_world(f);
    body = instance_body("a%2Fb%20c");
    expect_operation(f, "PUT", VAULT "/backupInstances/odd", body, "Succeeded");
    AUTO_REPLY struct reply r = call(f, "GET", VAULT "/backupInstances/ODD", NULL);
    assert_string_equal(kg_json_str_or(r.json, "properties.dataSourceInfo.resourceName", ""), "a/b c");
}

/* ---- secrets ---- */

static bool file_has(const char *path, const char *needle)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(64 << 20);
    struct kg_err err = { 0 };

    return kg_read_file(AT_FDCWD, path, &b, &err) == 0 && memmem(b.p, b.len, needle, strlen(needle));
}

static void test_a_secrets_value_goes_in_and_never_out(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *catalog = kg_xprintf("%s/catalog.sqlite", f->state);
    KG_AUTO_FREE char *wal = kg_xprintf("%s-wal", catalog);

    make_world(f);
    AUTO_REPLY struct reply one = call(f, "GET", KEYVAULT "/secrets/login", NULL);
    AUTO_REPLY struct reply all = call(f, "GET", KEYVAULT "/secrets", NULL);
    assert_int_equal(one.status, 200);
    assert_string_equal(kg_json_str_or(one.json, "properties.secretUri", ""), "https://kv1.vault.local/secrets/login");
    assert_null(strstr(one.text.p, "canary"));
    assert_null(strstr(all.text.p, "canary"));
    expect_error(f, "GET", KEYVAULT "/secrets/other", NULL, KG_E_NO_SECRET, "other");
    expect_error(f, "PUT", KEYVAULT "/secrets/bad_name", "{\"properties\":{\"value\":\"x\"}}", KG_E_USAGE, "bad_name");
    expect_error(f, "DELETE", KEYVAULT, NULL, KG_E_CONFLICT, "secrets");
    assert_false(file_has(catalog, "canary-7391") || file_has(wal, "canary-7391") || file_has(f->log, "canary-7391"));
    expect(f, "DELETE", KEYVAULT "?force=true", NULL, 200);
    expect(f, "GET", KEYVAULT "/secrets/login", NULL, 404);
}

static void test_the_recovery_key_is_told_once(void **state)
{
    struct fixture *f = *state;

    AUTO_REPLY struct reply put = call(f, "PUT", VAULT, "{}");
    assert_int_equal(put.status, 201);
    assert_string_equal(kg_json_str_or(put.json, "properties.provisioningState", ""), "Provisioning");
    AUTO_REPLY struct reply end = wait_operation(f, put.operation);
    AUTO_REPLY struct reply first = call(f, "GET", put.location, NULL);
    assert_string_equal(kg_json_str_or(first.json, "recoveryKey", ""), FAKE_RECOVERY_KEY);
    assert_string_equal(kg_json_str_or(first.json, "properties.provisioningState", ""), "Succeeded");
    assert_string_equal(first.cache, "no-store");
    AUTO_REPLY struct reply second = call(f, "GET", put.location, NULL);
    assert_int_equal(second.status, 200);
    assert_null(kg_json_str(second.json, "recoveryKey"));
    assert_null(strstr(end.text.p, FAKE_RECOVERY_KEY));
    assert_false(file_has(f->log, FAKE_RECOVERY_KEY));
    AUTO_REPLY struct reply more = call(f, "POST", VAULT "/issueRecoveryKey", NULL);
    AUTO_REPLY struct reply ended = wait_operation(f, more.operation);
    assert_int_equal(ended.status, 200);
    AUTO_REPLY struct reply again = call(f, "GET", more.location, NULL);
    assert_string_equal(kg_json_str_or(again.json, "recoveryKey", ""), FAKE_RECOVERY_KEY);
    expect_error(f, "GET", more.location, NULL, KG_E_NOT_FOUND, "told already");
}

/* ---- the whole way ---- */

static char *files_body(const char *point)
{
    return kg_xprintf("{\"objectType\":\"AzureBackupRecoveryPointBasedRestoreRequest\",\"recoveryPointId\":\"%s\","
                      "\"sourceDataStoreType\":\"VaultStore\",\"restoreTargetInfo\":{\"objectType\":\"RestoreFilesTargetInfo\","
                      "\"recoveryOption\":\"FailIfExists\",\"targetDetails\":{\"url\":\"https://files1.blob.local/cont1\","
                      "\"filePrefix\":\"out\",\"restoreTargetLocationType\":\"AzureBlobs\"}}}", point);
}

static void check_job(struct fixture *f, const struct reply *job)
{
    KG_AUTO_FREE char *log = kg_xprintf("%s/log", kg_json_str(job->json, "id"));

    assert_string_equal(kg_json_str_or(job->json, "properties.backupInstanceFriendlyName", ""), "s1\\good");
    assert_string_equal(kg_json_str_or(job->json, "properties.extendedInfo.additionalDetails.RetentionTag", ""), "Default");
    assert_string_equal(kg_json_str_or(job->json, "properties.extendedInfo.subTasks.1.taskStatus", ""), "Completed");
    assert_int_equal(kg_json_u64(job->json, "properties.extendedInfo.dataTransferredInBytes", 0), 1000);
    assert_int_equal(kg_json_u64(job->json, "properties.extendedInfo.result.newBytes", 0), 400);
    AUTO_REPLY struct reply lines = call(f, "GET", log, NULL);
    assert_string_equal(kg_json_str_or(lines.json, "value.0.text", ""), kg_json_str_or(lines.json, "value.0.text", "?"));
    assert_non_null(strstr(lines.text.p, "Backup of s1\\\\good, asked for by "));
    assert_non_null(strstr(lines.text.p, "\"table public.t: 100 rows\""));
}

static void test_from_nothing_to_a_restored_database(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *points = instance_path("good", "/recoveryPoints");
    KG_AUTO_FREE char *restore = instance_path("good", "/restore");
    KG_AUTO_FREE char *validate = instance_path("good", "/validateRestore");
    KG_AUTO_FREE char *instance = instance_path("good", "");
    KG_AUTO_FREE char *files = kg_xprintf("{\"properties\":{\"path\":\"%s/files\"}}", f->dir);

    make_world(f);
    add_instance(f, "good");
    AUTO_REPLY struct reply bi = call(f, "GET", instance, NULL);
    assert_string_equal(kg_json_str_or(bi.json, "properties.currentProtectionState", ""), "ProtectionConfigured");
    AUTO_REPLY struct reply job = back_up(f, "good", "Completed");
    check_job(f, &job);
    AUTO_REPLY struct reply list = call(f, "GET", points, NULL);
    assert_int_equal(kg_json_count(kg_json_get(list.json, "value")), 1);
    assert_string_equal(kg_json_str_or(list.json, "value.0.properties.retentionTagName", ""), "Default");
    assert_non_null(kg_json_str(list.json, "value.0.properties.expiryTime"));
    const char *point = kg_json_str(list.json, "value.0.name");

    KG_AUTO_FREE char *to_new = restore_body(point, "copy");
    KG_AUTO_FREE char *to_taken = restore_body(point, "taken");
    KG_AUTO_FREE char *to_files = files_body(point);
    KG_AUTO_FREE char *wrapped = kg_xprintf("{\"restoreRequestObject\":%s}", to_taken);
    expect_operation(f, "POST", validate, wrapped, "Failed");
    AUTO_REPLY struct reply restored = run_job(f, restore, to_new, "Completed");
    assert_string_equal(kg_json_str_or(restored.json, "properties.extendedInfo.sourceRecoverPoint.recoveryPointID", ""), point);
    expect_error(f, "POST", restore, to_files, KG_E_NO_CONTAINER, "files1");
    expect(f, "PUT", ACCOUNT, files, 201);
    expect(f, "PUT", ACCOUNT "/blobServices/default/containers/cont1", "{}", 201);
    permit_files(f);
    AUTO_REPLY struct reply exported = run_job(f, restore, to_files, "Completed");
    assert_string_equal(kg_json_str_or(exported.json, "properties.restoreType", ""), "ALR");
    assert_int_equal(count_of(f, VAULT "/backupJobs"), 4);
    assert_int_equal(count_of(f, VAULT "/backupJobs?$filter=operation%20eq%20'Backup'"), 1);
    expect_error(f, "DELETE", VAULT, NULL, KG_E_CONFLICT, "");
    expect_error(f, "DELETE", POLICY, NULL, KG_E_CONFLICT, "bi-good");
    expect_error(f, "DELETE", SERVER, NULL, KG_E_CONFLICT, "bi-good");
    expect_operation(f, "DELETE", instance, NULL, "Succeeded");
    expect(f, "GET", instance, NULL, 404);
    expect(f, "DELETE", instance, NULL, 204);
    expect(f, "DELETE", POLICY, NULL, 200);
    expect(f, "DELETE", VAULT, NULL, 200);
}

static void test_a_file_prefix_is_one_that_a_container_takes(void **state)
{
    /* 63 bytes: the longest name that PostgreSQL has. */
    static const char database[] = "%C3%A4%24%22x%C3%A4%24%22x%C3%A4%24%22x%C3%A4%24%22x%C3%A4%24%22x%C3%A4%24%22x%C3%A4%24%22x"
                                   "%C3%A4%24%22x%C3%A4%24%22x%C3%A4%24%22x%C3%A4%24%22x%C3%A4%24%22x345";
    struct fixture *f = *state;
    KG_AUTO_FREE char *files = kg_xprintf("{\"properties\":{\"path\":\"%s/files\"}}", f->dir);
    KG_AUTO_FREE char *body = instance_body(database);

    make_world(f);
    expect(f, "PUT", ACCOUNT, files, 201);
    expect(f, "PUT", ACCOUNT "/blobServices/default/containers/cont1", "{}", 201);
    permit_files(f);
    expect_operation(f, "PUT", VAULT "/backupInstances/bi-odd", body, "Succeeded");
    back_up_quietly(f, "odd", "Completed");
    KG_CLEANUP(only_point_done) struct only_point p = find_only_point(f, "odd");
    KG_AUTO_FREE char *with = files_body(strrchr(p.path, '/') + 1);
    char *prefix = strstr(with, "\"filePrefix\":\"");
    assert_non_null(prefix);
    prefix += strlen("\"filePrefix\":\"");
    KG_AUTO_FREE char *without = kg_xprintf("%.*s%s", (int)(prefix - with), with, strchr(prefix, '"'));
    KG_AUTO_FREE char *bad = kg_xprintf("%.*sa b%s", (int)(prefix - with), with, strchr(prefix, '"'));
    AUTO_REPLY struct reply job = run_job(f, VAULT "/backupInstances/bi-odd/restore", without, "Completed");
    const char *made = kg_json_str_or(job.json, "properties.extendedInfo.additionalDetails.FilePrefix", "");
    KG_AUTO_FREE char *longest = kg_xprintf("%s_SHA256SUMS", made);
    assert_true(strlen(made) > 40);
    if (!kg_store_name_ok(longest))
        fail_msg("'%s' is no name for an object", longest);
    expect_error(f, "POST", VAULT "/backupInstances/bi-odd/restore", bad, KG_E_USAGE, "a b");
}

static void test_requests_that_cannot_work_are_refused_before_anything_starts(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *body = instance_body("good");
    KG_AUTO_FREE char *other = instance_path("other", "");
    KG_AUTO_FREE char *backup = instance_path("good", "/backup");
    KG_AUTO_FREE char *restore = instance_path("good", "/restore");
    KG_AUTO_FREE char *request = restore_body("0123456789abcdef0123456789abcdef", "copy");

    make_world(f);
    expect_error(f, "POST", backup, "{}", KG_E_NOT_FOUND, "bi-good");
    add_instance(f, "good");
    expect_error(f, "PUT", other, body, KG_E_PROTECTED, "bi-good");
    expect_error(f, "POST", backup, "{\"backupRuleOptions\":{\"ruleName\":\"Nope\"}}", KG_E_USAGE, "Nope");
    expect_error(f, "POST", restore, request, KG_E_NO_POINT, "0123456789abcdef");
    expect_error(f, "POST", restore, "{}", KG_E_USAGE, "objectType");
    expect_error(f, "POST", VAULT "/backupJobs/00000000-0000-0000-0000-00000000000f/cancel", NULL, KG_E_NOT_FOUND, "job");
    expect(f, "DELETE", KEYVAULT "?force=true", NULL, 200);
    KG_AUTO_FREE char *again = instance_body("another");
    expect_operation(f, "PUT", other, again, "Failed"); /* there is no key vault any more: looked at like all of readiness */
}

static void test_a_failed_validation_leaves_an_instance_that_says_why(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *body = instance_body("locked-out");
    KG_AUTO_FREE char *path = instance_path("locked-out", "");
    KG_AUTO_FREE char *backup = instance_path("locked-out", "/backup");

    make_world(f);
    expect_operation(f, "PUT", path, body, "Failed");
    AUTO_REPLY struct reply r = call(f, "GET", path, NULL);
    assert_string_equal(kg_json_str_or(r.json, "properties.currentProtectionState", ""), "ConfiguringProtectionFailed");
    assert_string_equal(kg_json_str_or(r.json, "properties.protectionErrorDetails.code", ""), kg_code_arm(KG_E_DB_AUTH));
    expect_error(f, "POST", backup, NULL, KG_E_CONFLICT, "not ready");
    expect_operation(f, "DELETE", path, NULL, "Succeeded");
}

static void test_a_vault_that_cannot_be_made_can_be_put_again(void **state)
{
    struct fixture *f = *state;

    expect_operation(f, "PUT", VAULT, "{\"properties\":{\"storeSettings\":{\"path\":\"/unwritable/v1\"}}}", "Failed");
    AUTO_REPLY struct reply r = call(f, "GET", VAULT, NULL);
    assert_string_equal(kg_json_str_or(r.json, "properties.provisioningState", ""), "Failed");
    expect_error(f, "POST", VAULT "/check", "{}", KG_E_CONFLICT, "not ready");
    expect_operation(f, "PUT", VAULT, "{}", "Succeeded");
    expect_error(f, "PUT", VAULT, "{\"properties\":{\"storeSettings\":{\"path\":\"/elsewhere\"}}}", KG_E_CONFLICT, "cannot move");
}

static void test_a_check_that_finds_damage_fails_and_says_what_is_affected(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    AUTO_REPLY struct reply r = call(f, "POST", VAULT "/check", "{\"readData\":true}");
    assert_int_equal(r.status, 202);
    AUTO_REPLY struct reply end = wait_operation(f, r.operation);
    AUTO_REPLY struct reply job = wait_job(f, kg_json_str_or(end.json, "properties.jobId", "/"));
    assert_string_equal(kg_json_str_or(job.json, "properties.status", ""), "Failed");
    assert_non_null(strstr(kg_json_str_or(job.json, "properties.errorDetails.0.message", ""), "damaged in 1 place"));
    assert_string_equal(kg_json_str_or(job.json, "properties.errorDetails.0.details.0.target", ""), "packs/aa/bb");
    assert_string_equal(kg_json_str_or(job.json, "properties.extendedInfo.result.damage.0.object", ""), "packs/aa/bb");
    AUTO_REPLY struct reply report = call(f, "GET", r.location, NULL);
    assert_string_equal(kg_json_str_or(report.json, "damage.0.object", ""), "packs/aa/bb");
}

static void test_a_point_tells_what_it_holds_when_asked(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "good");
    back_up_quietly(f, "good", "Completed");
    KG_CLEANUP(only_point_done) struct only_point p = find_only_point(f, "good");
    KG_AUTO_FREE char *expanded = kg_xprintf("%s?$expand=contents", p.path);
    KG_AUTO_FREE char *nonsense = kg_xprintf("%s?$expand=everything", p.path);
    AUTO_REPLY struct reply plain = call(f, "GET", p.path, NULL);
    assert_int_equal(plain.status, 200);
    assert_null(kg_json_get(plain.json, "properties.contents"));
    AUTO_REPLY struct reply r = call(f, "GET", expanded, NULL);
    assert_int_equal(r.status, 202);
    AUTO_REPLY struct reply end = wait_operation(f, r.operation);
    assert_null(kg_json_get(end.json, "properties"));
    AUTO_REPLY struct reply got = call(f, "GET", r.location, NULL);
    assert_int_equal(got.status, 200);
    assert_string_equal(kg_json_str_or(got.json, "properties.contents.tables.0.name", ""), "orders");
    assert_string_equal(kg_json_str_or(got.json, "id", ""), kg_json_str_or(plain.json, "id", "?"));
    expect_error(f, "GET", nonsense, NULL, KG_E_USAGE, "everything");
}

/* ---- workers that go wrong ---- */

static void test_whatever_happens_to_a_worker_the_job_says_it(void **state)
{
    static const struct {
        const char *database, *status;
        enum kg_code code;
        const char *message, *detail;
        size_t points;
    } cases[] = {
        { "refused", "Failed", KG_E_DUMP_FAILED, "pg_dump failed", "permission denied for table t", 0 },
        { "dies", "Failed", KG_E_CHILD, "killed by signal 9", "something terrible", 0 },
        { "silent", "Failed", KG_E_TIMEOUT, "said nothing", NULL, 0 },
        { "nonsense", "Failed", KG_E_CHILD, "do not understand", NULL, 0 },
        { "orphan", "Failed", KG_E_CHILD, "killed by signal 9", NULL, 1 },
        { "liar", "Failed", KG_E_CHILD, "did not report", NULL, 1 },
        { "lingers", "Completed", KG_E_OK, NULL, NULL, 1 },
    };
    struct fixture *f = *state;

    make_world(f);
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        size_t points = 0;

        add_instance(f, cases[i].database);
        AUTO_REPLY struct reply job = back_up(f, cases[i].database, cases[i].status);
        const struct kg_json *e = kg_json_get(job.json, "properties.errorDetails.0");

        if (cases[i].code != KG_E_OK &&
            (strcmp(kg_json_str_or(e, "code", ""), kg_code_arm(cases[i].code)) != 0 ||
             !strstr(kg_json_str_or(e, "message", ""), cases[i].message) || !*kg_json_str_or(e, "recommendedAction.0", "")))
            fail_msg("case %s: %s", cases[i].database, job.text.p);
        if (cases[i].detail &&
            !strstr(kg_json_str_or(e, "innerError.additionalInfo.DetailedNonLocalisedMessage", ""), cases[i].detail))
            fail_msg("case %s: no detail: %s", cases[i].database, job.text.p);
        for (int k = 0; k < 400 && (points = points_of(f, cases[i].database)) != cases[i].points; k++)
            usleep(5000); /* an orphan is adopted by another worker, a moment later */
        if (points != cases[i].points)
            fail_msg("case %s: %zu points instead of %zu", cases[i].database, points, cases[i].points);
    }
}

/* Records of the audit log about a backup's start, with that status. */
static size_t audited_backups(struct fixture *f, uint64_t status)
{
    AUTO_REPLY struct reply log = call(f, "GET", SERVICE "/audit", NULL);
    size_t n = 0;

    for (const struct kg_json *r = kg_json_first(kg_json_get(log.json, "value")); r; r = kg_json_next(r))
        n += strstr(kg_json_str_or(r, "action", ""), "/backupInstances/backup/action") && kg_json_u64(r, "status", 0) == status &&
             strstr(kg_json_str_or(r, "scope", ""), "bi-refused");
    return n;
}

/* What a retry asks for is asked for once more, by whoever retries; both jobs name each other. */
static void test_a_job_that_failed_is_retried_and_no_other(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "refused");
    add_instance(f, "good");
    AUTO_REPLY struct reply first = back_up(f, "refused", "Failed");
    const char *id = kg_json_str_or(first.json, "id", "?");
    KG_AUTO_FREE char *retry = kg_xprintf("%s/retry", id);
    assert_string_equal(kg_json_str_or(first.json, "properties.supportedActions.0", ""), "Retry");
    AUTO_REPLY struct reply accepted = call(f, "POST", retry, NULL);
    assert_int_equal(accepted.status, 202);
    assert_int_equal(audited_backups(f, 202), 2); /* the log names what is done again, too, and before it is done */
    assert_int_equal(audited_backups(f, KG_AUDIT_BEGUN), 2);
    AUTO_REPLY struct reply second = wait_job(f, kg_json_str_or(accepted.json, "jobId", "?"));
    assert_string_equal(kg_json_str_or(second.json, "properties.retryOf", ""), id);
    assert_string_equal(kg_json_str_or(second.json, "properties.extendedInfo.additionalDetails.RetentionTag", ""), "Default");
    AUTO_REPLY struct reply again = call(f, "GET", id, NULL);
    assert_string_equal(kg_json_str_or(again.json, "properties.retriedBy", ""), kg_json_str_or(second.json, "id", "?"));
    assert_null(kg_json_get(again.json, "properties.supportedActions.0"));
    assert_null(strstr(again.text.p, "\"request\"")); /* what the service remembers for it is not shown */
    expect_error(f, "POST", retry, NULL, KG_E_CONFLICT, "was retried already");
    AUTO_REPLY struct reply good = back_up(f, "good", "Completed");
    KG_AUTO_FREE char *of_good = kg_xprintf("%s/retry", kg_json_str_or(good.json, "id", "?"));
    expect_error(f, "POST", of_good, NULL, KG_E_CONFLICT, "has completed");
    KG_AUTO_FREE char *instance = instance_path("refused", "");
    KG_AUTO_FREE char *of_second = kg_xprintf("%s/retry", kg_json_str_or(second.json, "id", "?"));
    expect_operation(f, "DELETE", instance, NULL, "Succeeded");
    expect_error(f, "POST", of_second, NULL, KG_E_NOT_FOUND, "refused"); /* what it was of has gone */
    assert_int_equal(audited_backups(f, 404), 1);
}

static void test_a_running_job_can_be_cancelled_and_shows_how_it_stands(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *backup = instance_path("slow", "/backup");
    KG_AUTO_FREE char *instance = instance_path("slow", "");
    const char *phase = "";

    make_world(f);
    add_instance(f, "slow");
    KG_AUTO_FREE char *job = start_job(f, backup, NULL);
    KG_AUTO_FREE char *cancel = kg_xprintf("%s/cancel", job);
    for (int i = 0; i < 1000 && strcmp(phase, "data") != 0; i++) {
        AUTO_REPLY struct reply r = call(f, "GET", job, NULL);

        phase = strcmp(kg_json_str_or(r.json, "properties.extendedInfo.progress.phase", ""), "data") == 0 ? "data" : "";
        usleep(5000);
    }
    assert_string_equal(phase, "data");
    expect_error(f, "POST", backup, NULL, KG_E_BUSY, "in progress");
    expect_error(f, "DELETE", instance, NULL, KG_E_BUSY, "in use");
    expect_error(f, "DELETE", VAULT, NULL, KG_E_BUSY, "in use");
    expect(f, "POST", cancel, NULL, 202);
    AUTO_REPLY struct reply end = wait_job(f, job);
    assert_string_equal(kg_json_str_or(end.json, "properties.status", ""), "Cancelled");
    expect_error(f, "POST", cancel, NULL, KG_E_CONFLICT, "has ended");
}

static void test_jobs_beyond_the_hosts_limit_wait_and_can_be_cancelled_there(void **state)
{
    static const char *const dbs[] = { "slow", "silent", "good" };
    struct fixture *f = *state;
    char *jobs[3];

    make_world(f);
    add_instance(f, "slow");
    add_instance(f, "silent");
    add_instance(f, "good");
    for (int i = 0; i < 3; i++) {
        KG_AUTO_FREE char *path = instance_path(dbs[i], "/backup");

        jobs[i] = start_job(f, path, NULL);
    }
    AUTO_REPLY struct reply about = call(f, "GET", SERVICE, NULL);
    assert_int_equal(kg_json_u64(about.json, "tasksWaiting", 0), 1);
    KG_AUTO_FREE char *cancel = kg_xprintf("%s/cancel", jobs[2]);
    expect(f, "POST", cancel, NULL, 202);
    AUTO_REPLY struct reply end = wait_job(f, jobs[2]);
    assert_string_equal(kg_json_str_or(end.json, "properties.status", ""), "Cancelled");
    /* a worker that ignores both the request and SIGTERM is killed */
    KG_AUTO_FREE char *cancel2 = kg_xprintf("%s/cancel", jobs[1]);
    expect(f, "POST", cancel2, NULL, 202);
    AUTO_REPLY struct reply end2 = wait_job(f, jobs[1]);
    assert_string_equal(kg_json_str_or(end2.json, "properties.status", ""), "Cancelled");
    for (int i = 0; i < 3; i++)
        free(jobs[i]);
}

/* ---- services that go wrong ---- */

static void test_a_killed_service_leaves_a_failed_job_and_works_again_at_once(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *slow = instance_path("slow", "/backup");

    make_world(f);
    add_instance(f, "slow");
    add_instance(f, "good");
    KG_AUTO_FREE char *job = start_job(f, slow, NULL);
    restart_service(f, SIGKILL);
    AUTO_REPLY struct reply after = call(f, "GET", job, NULL);
    assert_string_equal(kg_json_str_or(after.json, "properties.status", ""), "Failed");
    assert_non_null(strstr(kg_json_str_or(after.json, "properties.errorDetails.0.message", ""), "service ended"));
    assert_int_equal(points_of(f, "slow"), 0);
    AUTO_REPLY struct reply ok = back_up(f, "good", "Completed");
    assert_int_equal(ok.status, 200);
    assert_int_equal(points_of(f, "good"), 1);
}

/* A PUT that a dead service left in the middle can be repeated. */
static void test_what_was_being_made_when_the_service_died_is_failed_and_can_be_put_again(void **state)
{
    struct fixture *f = *state;

    stop_service(f, SIGTERM);
    f->fault = "engine.commit:1:kill";
    start_service(f);
    AUTO_REPLY struct reply put = call(f, "PUT", VAULT, "{}");
    assert_int_equal(put.status, 201);
    expect_killed(f);
    f->fault = NULL;
    start_service(f);
    AUTO_REPLY struct reply op = call(f, "GET", put.operation, NULL);
    assert_string_equal(kg_json_str_or(op.json, "status", ""), "Failed");
    AUTO_REPLY struct reply v = call(f, "GET", VAULT, NULL);
    assert_string_equal(kg_json_str_or(v.json, "properties.provisioningState", ""), "Failed");
    expect_operation(f, "PUT", VAULT, "{}", "Succeeded");
}

static void test_a_point_committed_while_the_service_died_is_adopted_at_the_next_start(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *path = instance_path("good", "/backup");
    size_t points = 0;

    make_world(f);
    add_instance(f, "good");
    stop_service(f, SIGTERM);
    f->fault = "engine.commit:1:kill";
    start_service(f);
    expect(f, "POST", path, NULL, 202);
    expect_killed(f);
    f->fault = NULL;
    start_service(f);
    AUTO_REPLY struct reply jobs = call(f, "GET", VAULT "/backupJobs", NULL);
    assert_string_equal(kg_json_str_or(jobs.json, "value.0.properties.status", ""), "Failed");
    for (int k = 0; k < 400 && (points = points_of(f, "good")) != 1; k++)
        usleep(5000);
    assert_int_equal(points, 1);
    KG_CLEANUP(only_point_done) struct only_point p = find_only_point(f, "good");
    AUTO_REPLY struct reply r = call(f, "GET", p.path, NULL);
    assert_int_equal(kg_json_u64(r.json, "properties.summary.bytes", 0), 1024); /* large objects, too, as in a backup's result */
    assert_int_equal(kg_json_u64(r.json, "properties.summary.newBytes", 0), 400);
    assert_int_equal(kg_json_u64(r.json, "properties.summary.storedBytes", 0), 500);
    AUTO_REPLY struct reply job = call(f, "GET", kg_json_str_or(jobs.json, "value.0.id", "?"), NULL);
    assert_int_equal(kg_json_u64(job.json, "properties.extendedInfo.result.storedBytes", 0), 500); /* the job tells it, too */
}

static void test_a_point_that_cannot_be_read_does_not_hide_the_others(void **state)
{
    struct fixture *f = *state;
    size_t points = 0;

    make_world(f);
    AUTO_REPLY struct reply vault = call(f, "GET", VAULT, NULL);
    KG_AUTO_FREE char *garbage = kg_xprintf("%s/0000.point", kg_json_str_or(vault.json, "properties.storeSettings.path", "?"));
    struct kg_err err = { 0 };
    assert_int_equal(kg_write_file(garbage, "nonsense", 8, 0600, &err), 0);
    add_instance(f, "orphan");
    back_up_quietly(f, "orphan", "Failed");
    for (int k = 0; k < 400 && (points = points_of(f, "orphan")) != 1; k++)
        usleep(5000);
    assert_int_equal(points, 1);
    assert_true(file_has(f->log, "0000.point"));
}

static void test_an_end_that_cannot_be_recorded_is_recorded_later(void **state)
{
    struct fixture *f = *state;

    make_world(f);
    add_instance(f, "good");
    stop_service(f, SIGTERM);
    f->fault = "engine.commit:1:ENOSPC";
    start_service(f);
    AUTO_REPLY struct reply job = back_up(f, "good", "Completed");
    assert_int_equal(job.status, 200);
    assert_int_equal(points_of(f, "good"), 1);
    stop_service(f, SIGTERM);
    f->fault = "engine.lease:1:EIO";
    start_service(f);
    AUTO_REPLY struct reply bad = back_up(f, "good", "Failed");
    assert_int_equal(bad.status, 200);
    assert_int_equal(points_of(f, "good"), 1);
}

static void test_told_to_end_the_service_cancels_and_leaves_in_order(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *slow = instance_path("slow", "/backup");

    make_world(f);
    add_instance(f, "slow");
    KG_AUTO_FREE char *job = start_job(f, slow, NULL);
    assert_int_equal(stop_service(f, SIGTERM), 0);
    assert_int_equal(access(f->socket, F_OK), -1);
    start_service(f);
    AUTO_REPLY struct reply r = call(f, "GET", job, NULL);
    assert_string_equal(kg_json_str_or(r.json, "properties.status", ""), "Cancelled");
    expect(f, "POST", SERVICE "/stop", "{\"mode\":\"drain\"}", 202);
    int status = -1;
    struct kg_err err = { 0 };
    assert_int_equal(kg_proc_wait(f->pid, 10 * KG_SECOND, &status, &err), 0);
    assert_int_equal(status, 0);
    start_service(f);
}

static void configure(struct fixture *f, const char *more)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(10000);
    struct kg_err err = { 0 };

    assert_int_equal(kg_read_file(AT_FDCWD, f->config, &b, &err), 0);
    kg_buf_adds(&b, more);
    assert_int_equal(kg_write_file(f->config, b.p, b.len, 0600, &err), 0);
    restart_service(f, SIGTERM);
}

static void expect_end(struct fixture *f)
{
    struct kg_err err = { 0 };
    int status = -1;

    assert_int_equal(kg_proc_wait(f->pid, 20 * KG_SECOND, &status, &err), 0);
    assert_int_equal(status, 0);
    f->pid = 0;
}

static void test_a_polite_stop_does_not_wait_for_ever(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *slow = instance_path("slow", "/backup");

    make_world(f);
    add_instance(f, "slow");
    configure(f, "drain_seconds = 2\n");
    KG_AUTO_FREE char *job = start_job(f, slow, NULL);
    kg_usec began = kg_now_mono();
    expect(f, "POST", SERVICE "/stop", "{\"mode\":\"drain\"}", 202);
    expect_end(f);
    assert_true(kg_now_mono() - began > 1500000); /* it did wait */
    assert_true(file_has(f->log, "drain_seconds"));
    start_service(f);
    AUTO_REPLY struct reply r = call(f, "GET", job, NULL);
    assert_string_equal(kg_json_str_or(r.json, "properties.status", ""), "Cancelled");
}

static pid_t worker_of(pid_t service)
{
    KG_AUTO_FREE char *name = kg_xprintf("/proc/%d/task/%d/children", (int)service, (int)service);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4096);
    struct kg_err err = { 0 };

    assert_int_equal(kg_read_file(AT_FDCWD, name, &b, &err), 0);
    return (pid_t)strtol(b.p, NULL, 10);
}

static void test_a_polite_stop_gives_up_on_a_catalog_that_takes_nothing(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *slow = instance_path("slow", "/backup");
    KG_AUTO_FREE char *file = kg_xprintf("%s/catalog.sqlite", f->state);
    sqlite3 *db = NULL;

    make_world(f);
    add_instance(f, "slow");
    KG_AUTO_FREE char *job = start_job(f, slow, NULL);
    for (int i = 0; i < 400 && worker_of(f->pid) == 0; i++)
        usleep(5000);
    pid_t worker = worker_of(f->pid);
    expect(f, "POST", SERVICE "/stop", "{\"mode\":\"drain\"}", 202);
    assert_int_equal(sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_true(worker > 0);
    assert_int_equal(kill(worker, SIGKILL), 0);
    expect_end(f); /* within stop_seconds, which are 3 here */
    assert_true(file_has(f->log, "not recorded"));
    sqlite3_close(db);
    start_service(f);
    AUTO_REPLY struct reply r = call(f, "GET", job, NULL);
    assert_string_equal(kg_json_str_or(r.json, "properties.status", ""), "Failed");
}

static void test_a_second_service_on_the_same_state_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fixture other = *f;

    other.socket = kg_xprintf("%s/run/other.sock", f->dir);
    const char *argv[] = { "/proc/self/exe", "serve", other.socket, f->state, f->config, f->log, NULL };
    KG_AUTO_FREE char *home = kg_xprintf("HOME=%s", f->dir);
    const char *env[] = { home, NULL };
    struct kg_proc_spec spec = { .argv = argv, .envp = env, .fd_in = -1, .fd_out = -1, .fd_err = -1 };
    struct kg_err err = { 0 };
    int status = 0;
    pid_t pid;

    assert_int_equal(kg_proc_spawn(&spec, &pid, &err), 0);
    assert_int_equal(kg_proc_wait(pid, 10 * KG_SECOND, &status, &err), 0);
    assert_int_equal(WEXITSTATUS(status), kg_code_exit(KG_E_BUSY));
    expect(f, "GET", SERVICE, NULL, 200);
    free(other.socket);
}

static void test_a_catalog_without_its_key_is_refused(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *key = kg_xprintf("%s/service.key", f->state);
    KG_AUTO_FREE char *away = kg_xprintf("%s.away", key);
    KG_AUTO_FREE char *home = kg_xprintf("HOME=%s", f->dir);
    const char *argv[] = { "/proc/self/exe", "serve", f->socket, f->state, f->config, f->log, NULL };
    const char *env[] = { home, NULL };
    struct kg_proc_spec spec = { .argv = argv, .envp = env, .fd_in = -1, .fd_out = -1, .fd_err = -1 };
    struct kg_err err = { 0 };
    int status = 0;
    pid_t pid;

    stop_service(f, SIGTERM);
    assert_int_equal(rename(key, away), 0);
    assert_int_equal(kg_proc_spawn(&spec, &pid, &err), 0);
    assert_int_equal(kg_proc_wait(pid, 10 * KG_SECOND, &status, &err), 0);
    assert_int_equal(WEXITSTATUS(status), kg_code_exit(KG_E_WRONG_KEY));
    assert_int_equal(rename(away, key), 0);
    start_service(f);
}

/* ---- main ---- */

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(test_the_first_start_makes_a_subscription_and_a_group),
        T(test_wrong_requests_get_an_envelope_with_advice),
        T(test_a_body_that_is_too_large_is_read_to_its_end_and_refused),
        T(test_lists_come_in_pages),
        T(test_put_is_idempotent_and_etags_are_honoured),
        T(test_names_with_slashes_and_blanks_find_their_resource),
        T(test_a_secrets_value_goes_in_and_never_out),
        T(test_the_recovery_key_is_told_once),
        T(test_from_nothing_to_a_restored_database),
        T(test_a_file_prefix_is_one_that_a_container_takes),
        T(test_requests_that_cannot_work_are_refused_before_anything_starts),
        T(test_a_failed_validation_leaves_an_instance_that_says_why),
        T(test_a_vault_that_cannot_be_made_can_be_put_again),
        T(test_a_check_that_finds_damage_fails_and_says_what_is_affected),
        T(test_a_point_tells_what_it_holds_when_asked),
        T(test_whatever_happens_to_a_worker_the_job_says_it),
        T(test_a_job_that_failed_is_retried_and_no_other),
        T(test_a_running_job_can_be_cancelled_and_shows_how_it_stands),
        T(test_jobs_beyond_the_hosts_limit_wait_and_can_be_cancelled_there),
        T(test_a_killed_service_leaves_a_failed_job_and_works_again_at_once),
        T(test_what_was_being_made_when_the_service_died_is_failed_and_can_be_put_again),
        T(test_a_point_committed_while_the_service_died_is_adopted_at_the_next_start),
        T(test_a_point_that_cannot_be_read_does_not_hide_the_others),
        T(test_an_end_that_cannot_be_recorded_is_recorded_later),
        T(test_told_to_end_the_service_cancels_and_leaves_in_order),
        T(test_a_polite_stop_does_not_wait_for_ever),
        T(test_a_polite_stop_gives_up_on_a_catalog_that_takes_nothing),
        T(test_a_second_service_on_the_same_state_is_refused),
        T(test_a_catalog_without_its_key_is_refused),
    };

    int role = role_main(argc, argv);

    if (role >= 0)
        return role;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests_name("http_api", tests, NULL, NULL);
}
