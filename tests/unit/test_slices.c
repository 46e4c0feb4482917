/* A big table, read whole and read in slices: the same rows come back, and a table read whole is stored in parts, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/alloc.h"
#include "plugin/backup.h"
#include "plugin/jobs.h"
#include "plugin/manifest.h"
#include "plugin/restore.h"
#include "support/pg_cluster.h"
#include "vault/vault.h"

static struct {
    struct pg_cluster *pg;
    struct kg_store *store;
    struct kg_secret *key;
    struct kg_vault *vault;
} f;

/* What was told of table "big": while it was in work, and at the end by step. */
static struct { bool in_work, most_known; uint64_t done; unsigned n; struct { char step[8]; uint64_t rows, bytes; } took[4]; } told;

static void see_progress(void *ctx, const struct kg_progress *p)
{
    struct kg_table_told t[8];
    size_t n = p->tables ? kg_tables_in_work(p->tables, kg_now_mono(), t, 8) : 0;

    (void)ctx;
    for (size_t i = 0; i < n && i < 8; i++)
        if (strcmp(t[i].name, "big") == 0 && t[i].bytes_done) {
            told.in_work = true;
            told.most_known |= t[i].bytes_total > t[i].bytes_done && t[i].took > 0;
        }
}

static void see_tables(void *ctx, const struct kg_tables *tables)
{
    struct kg_table_told t[8];
    size_t n = kg_tables_biggest(tables, t, 8);

    (void)ctx;
    told.done = kg_tables_done(tables);
    assert_int_equal(kg_tables_in_work(tables, kg_now_mono(), NULL, 0), 0);
    for (size_t i = 0; i < n; i++)
        if (strcmp(t[i].name, "big") == 0 && told.n < 4) {
            (void)snprintf(told.took[told.n].step, sizeof told.took[0].step, "%s", t[i].step);
            told.took[told.n].rows = t[i].rows;
            told.took[told.n++].bytes = t[i].bytes_done;
        }
}

static const struct kg_events events = { .progress = see_progress, .tables = see_tables };

static void expect_told(const char *step, const struct kg_rowsum *sum)
{
    for (unsigned i = 0; i < told.n; i++)
        if (strcmp(told.took[i].step, step) == 0) {
            assert_int_equal(told.took[i].rows, sum->rows);
            assert_int_equal(told.took[i].bytes, sum->bytes);
            return;
        }
    fail_msg("nothing was told of step '%s'", step);
}

static int start(void **state)
{
    struct kg_err err = { 0 };

    (void)state;
    kg_crypto_start();
    f.pg = pg_cluster_start(NULL, NULL);
    f.key = kg_secret_random(32);
    f.store = kg_store_open_mem();
    if (!f.pg || pg_cluster_sql(f.pg, "postgres", "CREATE DATABASE src") ||
        pg_cluster_sql(f.pg, "src", "CREATE TABLE big (id int, t text); CREATE TABLE small (id int);"
                                    "INSERT INTO big SELECT i, repeat(md5(i::text), 3) FROM generate_series(1, 20000) i;"
                                    "DELETE FROM big WHERE id BETWEEN 5000 AND 9000; INSERT INTO small VALUES (1)"))
        return -1;
    return kg_vault_create(f.store, &(struct kg_vault_spec){ .tier = "VaultStore" }, f.key, &f.vault, &err);
}

static int stop(void **state)
{
    (void)state;
    kg_vault_close(f.vault);
    kg_store_close(f.store);
    kg_secret_free(f.key);
    pg_cluster_stop(f.pg);
    return 0;
}

/* Backs up, and gives what the manifest says of the table "big". */
static void back_up(const char *point, enum kg_slicing slicing, uint64_t rate, struct kg_rowsum *ret_sum, size_t *ret_slices,
                    uint32_t *ret_to)
{
    const struct kg_backup_spec spec = { .vault = f.vault, .conn = &f.pg->conn, .database = "src", .instance = "i", .point = point,
                                         .jobs = 2, .level = 1, .bin_dir = f.pg->bin, .slice_bytes = 256 << 10,
                                         .slicing = slicing, .bytes_per_second = rate };
    KG_AUTO_JSON struct kg_json *result = NULL, *j = NULL;
    KG_CLEANUP(kg_manifest_freep) struct kg_manifest *m = NULL;
    struct kg_err err = { 0 };

    memset(&told, 0, sizeof told);
    if (kg_plugin_backup(&spec, &events, &result, NULL, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(kg_point_get(f.vault, "i", point, &j, &err), 0);
    assert_int_equal(kg_manifest_from_json(j, &m, &err), 0);
    assert_int_equal(m->n_tables, 2);
    for (size_t i = 0; i < m->n_tables; i++)
        if (strcmp(m->table[i].name, "big") == 0) {
            kg_mtable_sum(&m->table[i], ret_sum);
            *ret_slices = m->table[i].n_slices;
            *ret_to = m->table[i].slice[0].to;
        }
}

static void restores(const char *point, const char *target)
{
    const struct kg_restore_spec spec = { .vault = f.vault, .conn = &f.pg->conn, .target = target, .instance = "i", .point = point,
                                          .jobs = 2, .bin_dir = f.pg->bin, .verify = KG_VERIFY_READ_BACK };
    KG_AUTO_JSON struct kg_json *result = NULL;
    struct kg_err err = { 0 };

    memset(&told, 0, sizeof told);
    if (kg_plugin_restore(&spec, &events, &result, NULL, &err) < 0)
        fail_msg("%s", err.msg);
}

static void test_whole_or_in_slices_the_rows_are_the_same(void **state)
{
    struct kg_rowsum whole = { 0 }, sliced = { 0 };
    size_t parts = 0, slices = 0;
    uint32_t to = 1;

    (void)state;
    back_up("p1", KG_SLICING_NEVER, 1 << 20, &whole, &parts, &to);
    assert_int_equal(to, 0);
    assert_true(parts >= 4);
    assert_int_equal(whole.rows, 20000 - 4001);
    assert_true(told.in_work && told.most_known); /* the rate keeps it longer than progress is told */
    expect_told("read", &whole);
    back_up("p2", KG_SLICING_ALWAYS, 0, &sliced, &slices, &to);
    assert_true(slices >= 4);
    assert_int_equal(to, (256 << 10) / 8192);
    assert_true(kg_rowsum_equal(&whole, &sliced));
    expect_told("read", &whole);
    assert_int_equal(told.done, 2);
    restores("p1", "from_parts");
    expect_told("load", &whole);
    expect_told("verify", &whole);
    assert_int_equal(told.done, 2);
    restores("p2", "from_slices");
}

static void test_streams_are_as_many_as_the_cores_can_feed(void **state)
{
    static const struct { unsigned jobs, cores; bool here; unsigned want; } rows[] = {
        { 2, 2, true, 1 }, { 2, 2, false, 2 }, { 4, 8, true, 4 }, { 4, 8, false, 4 }, { 4, 6, true, 3 },
        { 1, 64, false, 1 }, { 4, 1, true, 1 }, { 64, 16, false, 16 },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++)
        assert_int_equal(kg_jobs_streams(rows[i].jobs, rows[i].cores, rows[i].here), rows[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_or_in_slices_the_rows_are_the_same),
        cmocka_unit_test(test_streams_are_as_many_as_the_cores_can_feed),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
