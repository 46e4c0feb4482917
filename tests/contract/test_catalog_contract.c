/* What every catalog driver must do, run on SQLite in a file and in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "support/catalog_fixture.h"

/* ---- resources ---- */

static void test_a_resource_comes_back_as_it_was_put_whatever_the_spelling(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };

    put_tree(f);
    OK(kg_catalog_get(f->c, SUB "/RESOURCEGROUPS/default/providers/microsoft.dataprotection/BACKUPVAULTS/vault1/", &r,
                      err));
    assert_string_equal(r.id, VAULT);
    assert_string_equal(r.type, "Microsoft.DataProtection/backupVaults");
    assert_string_equal(r.name, "Vault1");
    assert_string_equal(r.location, "local");
    assert_int_equal(kg_json_u64(r.json, "properties.n", 0), 1);
    assert_true(r.created > 0 && r.created == r.updated);
    FAILS(KG_E_NOT_FOUND, kg_catalog_get(f->c, VAULT "2", &r, err));
    FAILS(KG_E_USAGE, kg_catalog_get(f->c, "vault1", &r, err));
}

static void test_replacing_keeps_spelling_and_birth_and_changes_the_etag(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_RESOURCE struct kg_resource a = { 0 }, b = { 0 };
    KG_AUTO_JSON struct kg_json *j = doc("{\"properties\":{\"n\":2}}");

    put_tree(f);
    OK(kg_catalog_get(f->c, VAULT, &a, err));
    OK(kg_catalog_put(f->c, SUB "/resourcegroups/default/providers/Microsoft.DataProtection/backupVaults/VAULT1", NULL,
                      j, KG_PUT_REPLACE, a.etag, &b, err));
    assert_string_equal(b.id, VAULT);
    assert_null(b.location);
    assert_int_equal(b.created, a.created);
    assert_string_not_equal(b.etag, a.etag);
    assert_int_equal(kg_json_u64(b.json, "properties.n", 0), 2);
    FAILS(KG_E_PRECONDITION, kg_catalog_put(f->c, VAULT, NULL, j, KG_PUT_ANY, a.etag, NULL, err));
}

static void test_put_modes_and_a_missing_parent_are_told_apart(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_JSON struct kg_json *j = doc("{}");
    bool there = true;

    put_tree(f);
    FAILS(KG_E_EXISTS, kg_catalog_put(f->c, VAULT, NULL, j, KG_PUT_CREATE, NULL, NULL, err));
    FAILS(KG_E_NOT_FOUND, kg_catalog_put(f->c, VAULT "2", NULL, j, KG_PUT_REPLACE, NULL, NULL, err));
    FAILS(KG_E_PRECONDITION, kg_catalog_put(f->c, VAULT "2", NULL, j, KG_PUT_ANY, "1-1", NULL, err));
    FAILS(KG_E_NOT_FOUND, kg_catalog_put(f->c, SUB "/resourceGroups/other/providers/Microsoft.KeyVault/vaults/k", NULL,
                                         j, KG_PUT_ANY, NULL, NULL, err));
    OK(kg_catalog_exists(f->c, VAULT "2", &there, err));
    assert_false(there);
}

static void test_a_recreated_resource_has_another_etag(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_RESOURCE struct kg_resource a = { 0 }, b = { 0 };

    put_tree(f);
    OK(kg_catalog_get(f->c, VAULT, &a, err));
    OK(kg_catalog_delete(f->c, VAULT, err));
    put(f, VAULT, "{}");
    OK(kg_catalog_get(f->c, VAULT, &b, err));
    assert_string_not_equal(a.etag, b.etag);
}

static void test_what_has_children_is_not_deleted(void **state)
{
    struct fixture *f = *state;
    uint64_t n = 0;

    put_tree(f);
    put(f, INST, "{}");
    FAILS(KG_E_CONFLICT, kg_catalog_delete(f->c, VAULT, err));
    FAILS(KG_E_CONFLICT, kg_catalog_delete(f->c, SUB, err));
    OK(kg_catalog_count(f->c, &(struct kg_resource_query){ .parent = VAULT }, &n, err));
    assert_int_equal(n, 1);
    OK(kg_catalog_delete(f->c, INST, err));
    OK(kg_catalog_delete(f->c, VAULT, err));
    FAILS(KG_E_NOT_FOUND, kg_catalog_delete(f->c, VAULT, err));
}

static void test_a_container_is_a_child_of_its_storage_account(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_RESOURCE_LIST struct kg_resource_list l = { 0 };

    put_tree(f);
    put(f, GROUP "/providers/Microsoft.Storage/storageAccounts/acc", "{}");
    put(f, GROUP "/providers/Microsoft.Storage/storageAccounts/acc/blobServices/default/containers/c1", "{}");
    FAILS(KG_E_CONFLICT, kg_catalog_delete(f->c, GROUP "/providers/Microsoft.Storage/storageAccounts/acc", err));
    OK(kg_catalog_list(
        f->c, &(struct kg_resource_query){ .type = "Microsoft.Storage/storageAccounts/blobServices/containers" }, &l,
        err));
    assert_int_equal(l.count, 1);
    assert_string_equal(l.rows[0].name, "c1");
}

static void test_lists_filter_by_type_scope_parent_and_name(void **state)
{
    struct fixture *f = *state;
    static const struct { struct kg_resource_query q; size_t count; } cases[] = {
        { { 0 }, 7 },
        { { .type = "microsoft.dataprotection/BACKUPVAULTS" }, 2 },
        { { .under = SUB }, 6 },
        { { .under = VAULT }, 1 },     /* Vault10 begins with the same letters and is not inside */
        { { .under = "/" }, 7 },
        { { .parent = GROUP }, 3 },
        { { .name = "VAULT10" }, 1 },
        { { .under = GROUP, .type = "Microsoft.KeyVault/vaults", .name = "kv1" }, 1 },
        { { .under = SUB "/resourceGroups/nothing" }, 0 },
    };

    put_tree(f);
    put(f, VAULT "0", "{}");
    put(f, INST, "{}");
    put(f, SUB "/resourceGroups/Empty", "{}");
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_RESOURCE_LIST struct kg_resource_list l = { 0 };
        uint64_t n = 99;

        OK(kg_catalog_list(f->c, &cases[i].q, &l, err));
        OK(kg_catalog_count(f->c, &cases[i].q, &n, err));
        if (l.count != cases[i].count || n != l.count || l.next)
            fail_msg("case %zu: %zu rows, count %" PRIu64 " instead of %zu", i, l.count, n, cases[i].count);
    }
}

static void test_pages_together_are_the_whole_list_each_row_once(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *after = NULL;
    size_t seen = 0, pages = 0;

    put_tree(f);
    for (int i = 0; i < 25; i++) {
        KG_AUTO_FREE char *id = kg_xprintf("%s/backupPolicies/p%02d", VAULT, i);

        put(f, id, "{}");
    }
    do {
        KG_AUTO_RESOURCE_LIST struct kg_resource_list l = { 0 };

        OK(kg_catalog_list(f->c, &(struct kg_resource_query){ .parent = VAULT, .after = after, .top = 10 }, &l, err));
        for (size_t i = 0; i < l.count; i++) {
            char want[8];

            (void)snprintf(want, sizeof want, "p%02zu", seen++ % 100);
            assert_string_equal(l.rows[i].name, want);
        }
        free(after);
        after = KG_TAKE(l.next);
        pages++;
    } while (after);
    assert_int_equal(seen, 25);
    assert_int_equal(pages, 3);
}

static void test_a_name_with_a_quote_is_data_and_no_sql(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };

    put_tree(f);
    put(f, VAULT "/backupPolicies/x'; DROP TABLE resources; --", "{\"t\":\"'\"}");
    OK(kg_catalog_get(f->c, VAULT "/backupPolicies/X'; drop table resources; --", &r, err));
    assert_string_equal(kg_json_str(r.json, "t"), "'");
}

/* ---- transactions ---- */

static void test_a_rollback_undoes_everything_since_begin(void **state)
{
    struct fixture *f = *state;
    bool there = true;
    uint64_t n = 0;

    put_tree(f);
    OK(kg_catalog_begin(f->c, err));
    put(f, INST, "{}");
    OK(kg_catalog_value_set(f->c, "k", "v", err));
    /* A failure inside does not end the transaction. */
    FAILS(KG_E_CONFLICT, kg_catalog_delete(f->c, VAULT, err));
    OK(kg_catalog_exists(f->c, INST, &there, err));
    assert_true(there);
    kg_catalog_rollback(f->c);
    OK(kg_catalog_exists(f->c, INST, &there, err));
    assert_false(there);
    OK(kg_catalog_count(f->c, &(struct kg_resource_query){ 0 }, &n, err));
    assert_int_equal(n, 4);
    kg_catalog_rollback(f->c); /* outside: nothing */
}

static void leave_without_commit(struct fixture *f)
{
    KG_AUTO_ROLLBACK struct kg_catalog *tx = f->c;

    OK(kg_catalog_begin(f->c, err));
    put(f, INST, "{}");
    assert_ptr_equal(tx, f->c);
}

static void test_a_scope_that_is_left_without_commit_is_undone(void **state)
{
    struct fixture *f = *state;
    bool there = true;

    put_tree(f);
    leave_without_commit(f);
    OK(kg_catalog_exists(f->c, INST, &there, err));
    assert_false(there);
}

static void test_a_transaction_is_all_or_nothing_at_every_step(void **state)
{
    struct fixture *f = *state;
    unsigned n;

    put_tree(f);
    for (n = 1; n < 20; n++) {
        KG_AUTO_JSON struct kg_json *j = doc("{}");
        struct kg_err e = { 0 };
        bool there = false;
        int r;

        kg_fault_arm(KG_FP_ANY, n, n % 2 ? ENOSPC : EIO);
        if ((r = kg_catalog_begin(f->c, &e)) == 0) {
            KG_AUTO_ROLLBACK struct kg_catalog *tx = f->c;

            if ((r = kg_catalog_put(f->c, INST, NULL, j, KG_PUT_CREATE, NULL, NULL, &e)) == 0 &&
                (r = kg_catalog_value_set(f->c, "made", "yes", &e)) == 0)
                r = kg_catalog_commit(tx, &e);
        }
        if (!kg_fault_fired()) {
            assert_int_equal(r, 0);
            break;
        }
        kg_fault_reset();
        assert_int_equal(r, n % 2 ? -KG_E_DISK_FULL : -KG_E_IO);
        OK(kg_catalog_exists(f->c, INST, &there, err));
        assert_false(there);
        put(f, VAULT, "{}"); /* the catalog still works */
    }
    assert_in_range(n, 3, 19); /* both points were hit */
}

static void test_a_single_write_that_cannot_commit_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_JSON struct kg_json *j = doc("{}");
    bool there = true;

    put_tree(f);
    kg_fault_arm(KG_FP_CATALOG_COMMIT, 1, EIO);
    FAILS(KG_E_IO, kg_catalog_put(f->c, INST, NULL, j, KG_PUT_ANY, NULL, NULL, err));
    assert_true(kg_fault_fired());
    kg_fault_reset();
    OK(kg_catalog_exists(f->c, INST, &there, err));
    assert_false(there);
    put(f, INST, "{}");
}

/* ---- secrets ---- */

static void secret(struct fixture *f, const char *name, int v, bool enabled)
{
    KG_AUTO_FREE char *version = kg_xprintf("%032d", v), *sealed = kg_xprintf("sealed-%d", v), *n = kg_xstrdup(name);
    char kv[] = KV, type[] = "text/plain";
    struct kg_secret_row row = { .keyvault = kv, .name = n, .version = version, .sealed = (uint8_t *)sealed,
                                 .sealed_len = strlen(sealed), .enabled = enabled, .content_type = type,
                                 .created = v, .updated = v };

    OK(kg_catalog_secret_put(f->c, &row, err));
}

static int change(struct fixture *f, int v, bool enabled, kg_usec from, kg_usec until, struct kg_err *e)
{
    char version[33], kv[] = KV, name[] = "dB", type[] = "text/plain";
    struct kg_secret_row row = { .keyvault = kv, .name = name, .version = version, .enabled = enabled, .content_type = type,
                                 .not_before = from, .expires = until, .updated = 77 };

    (void)snprintf(version, sizeof version, "%032d", v);
    return kg_catalog_secret_update(f->c, &row, e);
}

static void expect_sealed(struct fixture *f, const char *sealed)
{
    struct kg_secret_row r = { 0 };

    OK(kg_catalog_secret_get(f->c, KV, "DB", NULL, &r, err));
    assert_int_equal(r.sealed_len, strlen(sealed));
    assert_memory_equal(r.sealed, sealed, r.sealed_len);
    assert_string_equal(r.content_type, "text/plain");
    kg_secret_row_done(&r);
}

static void test_the_newest_version_of_a_secret_that_is_enabled_and_within_its_dates_is_found(void **state)
{
    const kg_usec now = kg_now_wall(), hour = 3600 * KG_SECOND;
    struct fixture *f = *state;
    struct kg_secret_row r = { 0 };
    char v3[33];

    (void)snprintf(v3, sizeof v3, "%032d", 3);
    put_tree(f);
    secret(f, "Db", 1, true);
    secret(f, "db", 2, true);
    secret(f, "db", 3, false);
    expect_sealed(f, "sealed-2");
    OK(kg_catalog_secret_get(f->c, KV, "db", v3, &r, err)); /* whoever names a version is told its state */
    assert_false(r.enabled);
    kg_secret_row_done(&r);
    OK(change(f, 3, true, 0, 0, err));
    expect_sealed(f, "sealed-3");
    OK(change(f, 3, true, now + hour, 0, err));             /* not yet */
    expect_sealed(f, "sealed-2");
    OK(change(f, 2, true, 0, now - hour, err));             /* not any more */
    expect_sealed(f, "sealed-1");
    OK(change(f, 3, true, now - hour, now + hour, err));
    expect_sealed(f, "sealed-3");
    OK(kg_catalog_secret_get(f->c, KV, "db", v3, &r, err));
    assert_true(r.not_before == now - hour && r.expires == now + hour && r.updated == 77 && r.created == 3);
    kg_secret_row_done(&r);
    for (int v = 1; v <= 3; v++)
        OK(change(f, v, true, 0, now - hour, err));
    FAILS(KG_E_NO_SECRET, kg_catalog_secret_get(f->c, KV, "db", NULL, &r, err));
    FAILS(KG_E_NO_SECRET, change(f, 4, true, 0, 0, err));
}

static void test_secret_lists_show_names_then_versions_and_never_sealed_bytes(void **state)
{
    struct fixture *f = *state;
    struct kg_secret_list l = { 0 };
    KG_AUTO_FREE char *after = NULL;

    put_tree(f);
    for (int i = 1; i <= 5; i++)
        secret(f, "a", i, true);
    secret(f, "b", 6, true);
    OK(kg_catalog_secret_list(f->c, KV, NULL, NULL, 1, &l, err));
    assert_int_equal(l.count, 1);
    assert_string_equal(l.rows[0].name, "a");
    assert_int_equal(l.rows[0].created, 5);
    assert_null(l.rows[0].sealed);
    after = kg_xstrdup(l.next);
    kg_secret_list_done(&l);
    OK(kg_catalog_secret_list(f->c, KV, NULL, after, 1, &l, err));
    assert_string_equal(l.rows[0].name, "b");
    assert_null(l.next);
    kg_secret_list_done(&l);
    OK(kg_catalog_secret_list(f->c, KV, "A", NULL, 3, &l, err));
    assert_int_equal(l.count, 3);
    assert_int_equal(l.rows[0].created, 5);
    free(after);
    after = kg_xstrdup(l.next);
    kg_secret_list_done(&l);
    OK(kg_catalog_secret_list(f->c, KV, "a", after, 3, &l, err));
    assert_int_equal(l.count, 2);
    assert_int_equal(l.rows[1].created, 1);
    kg_secret_list_done(&l);
    FAILS(KG_E_USAGE, kg_catalog_secret_list(f->c, KV, "a", "x", 3, &l, err));
}

static void test_deleting_a_key_vault_takes_its_secrets_so_that_a_new_one_starts_empty(void **state)
{
    struct fixture *f = *state;
    struct kg_secret_row r = { 0 };

    put_tree(f);
    secret(f, "a", 1, true);
    OK(kg_catalog_delete(f->c, KV, err));
    put(f, KV, "{}");
    FAILS(KG_E_NO_SECRET, kg_catalog_secret_get(f->c, KV, "a", NULL, &r, err));
    FAILS(KG_E_NO_SECRET, kg_catalog_secret_delete(f->c, KV, "a", err));
    OK(kg_catalog_secret_delete(f->c, KV, NULL, err));
    secret(f, "a", 1, true);
    OK(kg_catalog_secret_delete(f->c, KV, "A", err));
}

static void test_a_secret_version_is_written_once(void **state)
{
    struct fixture *f = *state;
    char kv[] = KV, name[] = "a", version[] = "00000000000000000000000000000001";
    struct kg_secret_row row = { .keyvault = kv, .name = name, .version = version, .sealed = (uint8_t *)name,
                                 .sealed_len = 1 };

    put_tree(f);
    secret(f, "a", 1, true);
    FAILS(KG_E_EXISTS, kg_catalog_secret_put(f->c, &row, err));
}

/* ---- jobs ---- */

static void test_a_job_changes_its_end_and_is_forgotten_only_when_it_ended_long_ago(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_JOB_ROW struct kg_job_row r = { 0 };
    struct kg_log_list log = { 0 };
    uint64_t n = 0;

    put_tree(f);
    job(f, 1, "Backup", "InProgress", true);
    job(f, 2, "Backup", "Completed", true);
    OK(kg_catalog_log_add(f->c, "job-000002", 5, "line", err));
    OK(kg_catalog_job_prune(f->c, INT64_MAX, &n, err));
    assert_int_equal(n, 1); /* the running one stays, whatever its age */
    OK(kg_catalog_log_list(f->c, "job-000002", 0, 0, &log, err));
    assert_int_equal(log.count, 0);
    OK(kg_catalog_job_get(f->c, "JOB-000001", &r, err));
    assert_string_equal(r.instance, INST);
    free(r.status);
    r.status = kg_xstrdup("Failed");
    r.end = 77;
    OK(kg_catalog_job_update(f->c, &r, err));
    kg_job_row_done(&r);
    OK(kg_catalog_job_get(f->c, "job-000001", &r, err));
    assert_int_equal(r.end, 77);
    assert_string_equal(r.status, "Failed");
    FAILS(KG_E_EXISTS, kg_catalog_job_insert(f->c, &r, err));
    r.id[0] = 'x';
    FAILS(KG_E_NOT_FOUND, kg_catalog_job_update(f->c, &r, err));
}

static void test_a_jobs_log_keeps_its_newest_lines_in_order(void **state)
{
    struct fixture *f = *state;
    struct kg_log_list l = { 0 };
    KG_AUTO_FREE char *huge = kg_xalloc(3 * KG_JOB_LOG_LINE_BYTES);

    put_tree(f);
    job(f, 1, "Backup", "InProgress", true);
    OK(kg_catalog_begin(f->c, err));
    for (int i = 1; i <= KG_JOB_LOG_LINES + 10; i++) {
        KG_AUTO_FREE char *line = kg_xprintf("line %d", i);

        OK(kg_catalog_log_add(f->c, "job-000001", i, line, err));
    }
    OK(kg_catalog_commit(f->c, err));
    OK(kg_catalog_log_list(f->c, "job-000001", 0, 3, &l, err));
    assert_int_equal(l.count, 3);
    assert_string_equal(l.rows[0].text, "line 11");
    assert_int_equal(l.next, 13);
    kg_log_list_done(&l);
    OK(kg_catalog_log_list(f->c, "job-000001", KG_JOB_LOG_LINES + 9, 3, &l, err));
    assert_int_equal(l.count, 1);
    assert_int_equal(l.next, 0);
    kg_log_list_done(&l);
    memset(huge, 'x', 3 * KG_JOB_LOG_LINE_BYTES - 1);
    OK(kg_catalog_log_add(f->c, "job-000001", 1, huge, err));
    OK(kg_catalog_log_list(f->c, "job-000001", KG_JOB_LOG_LINES + 10, 3, &l, err));
    assert_int_equal(strlen(l.rows[0].text), KG_JOB_LOG_LINE_BYTES);
    kg_log_list_done(&l);
    FAILS(KG_E_NOT_FOUND, kg_catalog_log_add(f->c, "no-such-job", 1, "x", err));
}

/* ---- operations ---- */

static void test_operations_are_settled_then_forgotten(void **state)
{
    struct fixture *f = *state;
    char id[] = "op;1", id2[] = "op;2", kind[] = "PutVault", running[] = "Inprogress", done[] = "Succeeded",
         jid[] = "J1";
    struct kg_operation_row row = { .id = id, .kind = kind, .uid = 4000000000u, .status = running, .start = 10 },
                            got = { 0 };
    struct kg_operation_list l = { 0 };
    uint64_t n = 9;

    OK(kg_catalog_operation_insert(f->c, &row, err));
    FAILS(KG_E_EXISTS, kg_catalog_operation_insert(f->c, &row, err));
    row.id = id2;
    row.start = 5;
    row.job = jid;
    OK(kg_catalog_operation_insert(f->c, &row, err));
    OK(kg_catalog_operation_unfinished(f->c, NULL, &l, err));
    assert_int_equal(l.count, 2);
    assert_string_equal(l.rows[0].id, "op;2");
    kg_operation_list_done(&l);
    OK(kg_catalog_operation_unfinished(f->c, "j1", &l, err));
    assert_int_equal(l.count, 1);
    kg_operation_list_done(&l);
    row.status = done;
    row.end = 20;
    row.result = doc("{\"a\":1}");
    OK(kg_catalog_operation_update(f->c, &row, err));
    kg_json_free(row.result);
    OK(kg_catalog_operation_get(f->c, "op;2", &got, err));
    assert_int_equal(got.uid, 4000000000u);
    assert_string_equal(got.status, "Succeeded");
    assert_int_equal(kg_json_u64(got.result, "a", 0), 1);
    assert_null(got.error);
    assert_null(got.resource);
    kg_operation_row_done(&got);
    OK(kg_catalog_operation_prune(f->c, 20, &n, err));
    assert_int_equal(n, 0);
    OK(kg_catalog_operation_prune(f->c, 21, &n, err));
    assert_int_equal(n, 1);
    FAILS(KG_E_NOT_FOUND, kg_catalog_operation_get(f->c, "op;2", &got, err));
    OK(kg_catalog_operation_prune(f->c, INT64_MAX, NULL, err));
    OK(kg_catalog_operation_get(f->c, "op;1", &got, err));
    kg_operation_row_done(&got);
}

/* ---- recovery points ---- */

static void point(struct fixture *f, int i, const char *tag, kg_usec expires)
{
    KG_AUTO_FREE char *id = kg_xprintf("%032x", (unsigned)i), *t = kg_xstrdup(tag);
    char inst[] = INST;
    struct kg_point_row row = { .instance = inst, .id = id, .time = 100 + i, .expires = expires, .tag = t,
                                .bytes = UINT64_C(1) << 40, .stored_bytes = 2, .new_bytes = 3, .rows = 4 };

    OK(kg_catalog_point_insert(f->c, &row, err));
}

/* Its document says where its copies are, and nowhere else. */
static void is_copied(struct fixture *f, int i, const char *one, const char *other)
{
    KG_AUTO_FREE char *id = kg_xprintf("%032x", (unsigned)i);
    KG_CLEANUP(kg_point_row_done) struct kg_point_row row = { 0 };
    const char *const stores[] = { one, other };

    OK(kg_catalog_point_get(f->c, INST, id, &row, err));
    if (!row.json)
        row.json = kg_json_object();
    for (size_t s = 0; s < KG_ARRAY_LEN(stores); s++) {
        KG_AUTO_FREE char *path = kg_xprintf("copies.%s.time", stores[s]);

        if (*stores[s])
            kg_json_set_str(row.json, path, "2026-01-01T00:00:00Z");
    }
    OK(kg_catalog_point_update(f->c, &row, err));
}

static void test_recovery_points_are_found_by_instance_time_tag_and_expiry(void **state)
{
    struct fixture *f = *state;
    static const struct { struct kg_point_query q; size_t count; } cases[] = {
        { { 0 }, 6 },
        { { .instance = INST }, 6 },
        { { .instance = INST "2" }, 0 },
        { { .tag = "MONTHLY" }, 2 },
        { { .from = 102, .to = 104 }, 3 }, /* both ends belong to it */
        { { .expires_before = 1000 }, 2 }, /* 0 is "not decided", not "long ago" */
        { { .instance = INST, .expires_before = 100000 }, 4 },
        { { .copy_in = "VaultStore" }, 5 }, /* a document that does not say means that one */
        { { .copy_in = "ArchiveStore" }, 2 },
        { { .instance = INST, .copy_in = "ArchiveStore", .to = 101 }, 1 },
        { { .copy_in = "OperationalStore" }, 0 },
    };
    struct kg_point_row r = { 0 };
    KG_AUTO_FREE char *after = NULL;
    int seen = 0;

    for (int i = 1; i <= 6; i++)
        point(f, i, i % 3 ? "Default" : "Monthly", i <= 2 ? 500 : i <= 4 ? 5000 : 0);
    is_copied(f, 1, "", "ArchiveStore");
    is_copied(f, 2, "VaultStore", "ArchiveStore");
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_POINT_LIST struct kg_point_list l = { 0 };
        uint64_t n = 99;

        OK(kg_catalog_point_list(f->c, &cases[i].q, &l, err));
        OK(kg_catalog_point_count(f->c, &cases[i].q, &n, err));
        if (l.count != cases[i].count || n != l.count)
            fail_msg("case %zu: %zu rows, count %" PRIu64 " instead of %zu", i, l.count, n, cases[i].count);
    }
    do {
        KG_AUTO_POINT_LIST struct kg_point_list l = { 0 };

        OK(kg_catalog_point_list(f->c, &(struct kg_point_query){ .instance = INST, .after = after, .top = 4 }, &l,
                                 err));
        for (size_t i = 0; i < l.count; i++)
            assert_int_equal(l.rows[i].time, 106 - seen++);
        free(after);
        after = KG_TAKE(l.next);
    } while (after);
    assert_int_equal(seen, 6);
    OK(kg_catalog_point_get(f->c, INST, "00000000000000000000000000000001", &r, err));
    assert_int_equal(r.bytes, UINT64_C(1) << 40);
    assert_int_equal(r.rows, 4);
    r.expires = 9;
    OK(kg_catalog_point_update(f->c, &r, err));
    FAILS(KG_E_EXISTS, kg_catalog_point_insert(f->c, &r, err));
    kg_point_row_done(&r);
    OK(kg_catalog_point_delete(f->c, INST, "00000000000000000000000000000001", err));
    FAILS(KG_E_NO_POINT, kg_catalog_point_delete(f->c, INST, "00000000000000000000000000000001", err));
    FAILS(KG_E_NO_POINT, kg_catalog_point_get(f->c, INST, "00000000000000000000000000000001", &r, err));
    OK(kg_catalog_point_delete(f->c, INST, NULL, err));
    OK(kg_catalog_point_delete(f->c, INST, NULL, err));
}

static void test_values_are_remembered_and_forgotten(void **state)
{
    struct fixture *f = *state;
    char *v = NULL;

    OK(kg_catalog_value_get(f->c, "k", &v, err));
    assert_null(v);
    OK(kg_catalog_value_set(f->c, "k", "1", err));
    OK(kg_catalog_value_set(f->c, "k", "2", err));
    OK(kg_catalog_value_get(f->c, "k", &v, err));
    assert_string_equal(v, "2");
    free(v);
    OK(kg_catalog_value_set(f->c, "k", NULL, err));
    OK(kg_catalog_value_get(f->c, "k", &v, err));
    assert_null(v);
    OK(kg_catalog_check(f->c, err));
}

#define BOTH(test)                                                                                   \
    { #test " (file)", test, setup_file, teardown, NULL }, { #test " (memory)", test, setup_memory, teardown, NULL }

/* ---- role assignments ---- */

static char *text(const char *s) { return (char *)(uintptr_t)s; }

static void assign(struct fixture *f, const char *id, const char *role, const char *principal, const char *scope)
{
    struct kg_assignment_row row = { .id = text(id), .scope = text(scope), .role = text(role), .principal = text(principal),
                                     .principal_name = text("n"), .principal_type = text("User"), .created = 1,
                                     .created_by = text("c") };

    OK(kg_catalog_assignment_put(f->c, &row, err));
}

static void test_assignments_are_listed_by_principal_and_end_with_their_scope(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_ASSIGNMENT_LIST struct kg_assignment_list all = { 0 }, one = { 0 }, left = { 0 };
    struct kg_assignment_row again = { .id = text("ID-1"), .scope = text("/"), .role = text("r9"), .principal = text("p9"),
                                       .principal_name = text("n"), .principal_type = text("User"), .created_by = text("c") };
    struct kg_assignment_row same = again;

    put_tree(f);
    assign(f, "id-1", "r1", "p1", VAULT);
    assign(f, "id-2", "r1", "P2", VAULT "/backupInstances/b1");
    assign(f, "id-3", "r2", "p1", VAULT "x");
    assign(f, "id-4", "r1", "p1", "/");
    FAILS(KG_E_EXISTS, kg_catalog_assignment_put(f->c, &again, err));
    same.id = text("id-5");
    same.scope = text(SUB "/RESOURCEGROUPS/default/providers/microsoft.dataprotection/BACKUPVAULTS/vault1");
    same.role = text("R1");
    same.principal = text("P1");
    FAILS(KG_E_EXISTS, kg_catalog_assignment_put(f->c, &same, err)); /* however it is spelt */
    OK(kg_catalog_assignment_list(f->c, NULL, &all, err));
    assert_int_equal(all.count, 4);
    OK(kg_catalog_assignment_list(f->c, "p2", &one, err));
    assert_int_equal(one.count, 1);
    assert_string_equal(one.rows[0].scope, VAULT "/backupInstances/b1");
    OK(kg_catalog_delete(f->c, VAULT, err));
    OK(kg_catalog_assignment_list(f->c, NULL, &left, err));
    assert_int_equal(left.count, 2);
    OK(kg_catalog_assignment_delete(f->c, "ID-3", err));
    FAILS(KG_E_NOT_FOUND, kg_catalog_assignment_delete(f->c, "id-3", err));
}

/* ---- audit ---- */

static void test_audit_records_come_back_in_order_and_in_pages(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_AUDIT_ROW struct kg_audit_row last = { 0 };
    KG_AUTO_AUDIT_LIST struct kg_audit_list page = { 0 }, newest = { 0 }, oldest = { 0 }, rest = { 0 }, mine = { 0 };

    OK(kg_catalog_audit_last(f->c, &last, err));
    assert_int_equal(last.seq, 0);
    for (uint64_t i = 1; i <= 5; i++) {
        struct kg_audit_row row = { .seq = i, .time = (kg_usec)i, .principal = text(i % 2 ? "odd" : "even"), .principal_name = text("n"),
                                    .uid = 7, .method = text("PUT"), .action = text("a"), .scope = text("/s"), .status = 201,
                                    .activity = text("g"), .count = i, .details = text(i == 4 ? "d" : ""), .previous = text("0"),
                                    .hash = text("1") };

        OK(kg_catalog_audit_add(f->c, &row, err));
        if (i == 5) /* a number is given once */
            assert_true(kg_catalog_audit_add(f->c, &row, &(struct kg_err){ 0 }) < 0);
    }
    OK(kg_catalog_audit_last(f->c, &last, err));
    assert_int_equal(last.seq, 5);
    OK(kg_catalog_audit_list(f->c, NULL, KG_AUDIT_OLDEST_FIRST, 0, 3, &page, err));
    assert_int_equal(page.count, 3);
    assert_int_equal(page.rows[0].seq, 1);
    assert_int_equal(page.next, 3);
    OK(kg_catalog_audit_list(f->c, NULL, KG_AUDIT_OLDEST_FIRST, page.next, 3, &rest, err));
    assert_int_equal(rest.count, 2);
    assert_int_equal(rest.next, 0);
    assert_int_equal(rest.rows[0].count, 4);
    assert_string_equal(rest.rows[0].details, "d");
    assert_string_equal(rest.rows[1].details, "");
    OK(kg_catalog_audit_list(f->c, "odd", KG_AUDIT_OLDEST_FIRST, 1, 10, &mine, err));
    assert_int_equal(mine.count, 2);
    OK(kg_catalog_audit_list(f->c, NULL, KG_AUDIT_NEWEST_FIRST, 0, 3, &newest, err));
    assert_int_equal(newest.rows[0].seq, 5);
    assert_int_equal(newest.next, 3);
    OK(kg_catalog_audit_list(f->c, NULL, KG_AUDIT_NEWEST_FIRST, newest.next, 3, &oldest, err));
    assert_int_equal(oldest.count, 2);
    assert_int_equal(oldest.rows[1].seq, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_a_resource_comes_back_as_it_was_put_whatever_the_spelling),
        BOTH(test_replacing_keeps_spelling_and_birth_and_changes_the_etag),
        BOTH(test_put_modes_and_a_missing_parent_are_told_apart),
        BOTH(test_a_recreated_resource_has_another_etag),
        BOTH(test_what_has_children_is_not_deleted),
        BOTH(test_a_container_is_a_child_of_its_storage_account),
        BOTH(test_lists_filter_by_type_scope_parent_and_name),
        BOTH(test_pages_together_are_the_whole_list_each_row_once),
        BOTH(test_a_name_with_a_quote_is_data_and_no_sql),
        BOTH(test_a_rollback_undoes_everything_since_begin),
        BOTH(test_a_scope_that_is_left_without_commit_is_undone),
        BOTH(test_a_transaction_is_all_or_nothing_at_every_step),
        BOTH(test_a_single_write_that_cannot_commit_leaves_nothing),
        BOTH(test_the_newest_version_of_a_secret_that_is_enabled_and_within_its_dates_is_found),
        BOTH(test_secret_lists_show_names_then_versions_and_never_sealed_bytes),
        BOTH(test_deleting_a_key_vault_takes_its_secrets_so_that_a_new_one_starts_empty),
        BOTH(test_a_secret_version_is_written_once),
        BOTH(test_a_job_changes_its_end_and_is_forgotten_only_when_it_ended_long_ago),
        BOTH(test_a_jobs_log_keeps_its_newest_lines_in_order),
        BOTH(test_operations_are_settled_then_forgotten),
        BOTH(test_recovery_points_are_found_by_instance_time_tag_and_expiry),
        BOTH(test_values_are_remembered_and_forgotten),
        BOTH(test_assignments_are_listed_by_principal_and_end_with_their_scope),
        BOTH(test_audit_records_come_back_in_order_and_in_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
