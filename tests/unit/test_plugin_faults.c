/* Every step of the data paths is made to fail once: the failure is told, nothing is half done, and what was there before is
 * still whole. A vault in memory, a real PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "pg/session.h"
#include "plugin/backup.h"
#include "plugin/files.h"
#include "plugin/restore.h"
#include "support/pg_cluster.h"
#include "vault/vault.h"

enum { STEPS_MAX = 2000 };

static struct {
    struct pg_cluster *pg;
    struct kg_store *store;
    struct kg_secret *key;
    struct kg_vault *vault;
} f;

static const char schema[] =
    "CREATE TABLE a (id int PRIMARY KEY, t text); INSERT INTO a SELECT i, repeat(md5(i::text), 10) FROM generate_series(1, 3000) i;"
    "CREATE TABLE b (id int REFERENCES a, x timestamptz); INSERT INTO b SELECT i, now() FROM generate_series(1, 100) i;"
    "CREATE SEQUENCE s; SELECT nextval('s'); SELECT lo_from_bytea(4242, 'large'); CREATE VIEW v AS SELECT * FROM a;"
    "CREATE ROLE lo_owner; ALTER LARGE OBJECT 4242 OWNER TO lo_owner";

static void close_vault(void)
{
    kg_vault_close(KG_TAKE(f.vault));
    kg_store_close(KG_TAKE(f.store));
}

static int new_vault(void)
{
    struct kg_err err = { 0 };

    close_vault();
    f.store = kg_store_open_mem();
    return kg_vault_create(f.store, &(struct kg_vault_spec){ .tier = "VaultStore" }, f.key, &f.vault, &err);
}

static int start(void **state)
{
    (void)state;
    kg_crypto_start();
    f.pg = pg_cluster_start(NULL, NULL);
    if (!f.pg || pg_cluster_sql(f.pg, "postgres", "CREATE DATABASE src") || pg_cluster_sql(f.pg, "src", schema))
        return -1;
    f.key = kg_secret_random(32);
    return new_vault();
}

static int stop(void **state)
{
    (void)state;
    close_vault();
    kg_secret_free(f.key);
    pg_cluster_stop(f.pg);
    return 0;
}

static const struct kg_events quiet;

static int backup(const char *point, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *result = NULL;
    const struct kg_backup_spec spec = { .vault = f.vault, .conn = &f.pg->conn, .database = "src", .instance = "i",
                                         .point = point, .jobs = 2, .level = 1, .bin_dir = f.pg->bin };

    return kg_plugin_backup(&spec, &quiet, &result, NULL, err);
}

static int restore(const char *point, const char *target, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *result = NULL;
    const struct kg_restore_spec spec = { .vault = f.vault, .conn = &f.pg->conn, .target = target, .instance = "i",
                                          .point = point, .jobs = 2, .bin_dir = f.pg->bin, .verify = KG_VERIFY_READ_BACK };

    return kg_plugin_restore(&spec, &quiet, &result, NULL, err);
}

static int count_point(void *ctx, const char *instance, const char *point, uint64_t size, struct kg_err *err)
{
    (void)instance;
    (void)point;
    (void)size;
    (void)err;
    (*(unsigned *)ctx)++;
    return 0;
}

static unsigned points(void)
{
    struct kg_err err = { 0 };
    unsigned n = 0;

    assert_int_equal(kg_point_list(f.vault, "i", count_point, &n, &err), 0);
    return n;
}

static int64_t ask_in(const char *database, const char *sql)
{
    KG_CLEANUP(kg_session_closep) struct kg_session *s = NULL;
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    struct kg_err err = { 0 };

    assert_int_equal(kg_session_open(&f.pg->conn, database, "test", &s, &err), 0);
    assert_int_equal(kg_session_query(s, sql, 0, NULL, &rows, &err), 0);
    return kg_rows_int(rows, 0, 0);
}

static int64_t ask(const char *sql) { return ask_in("postgres", sql); }

static void check_vault(void)
{
    KG_AUTO_JSON struct kg_json *report = NULL;
    struct kg_err err = { 0 };

    assert_int_equal(kg_vault_check(f.vault, &(struct kg_check_opts){ .read_data = true }, &report, &err), 0);
    assert_true(kg_json_bool(report, "healthy", false));
}

/* A vault of its own each time: one that grows has more steps every time, and there would be no end. */
static void test_a_backup_that_fails_anywhere_leaves_no_point(void **state)
{
    unsigned n;

    (void)state;
    for (n = 1; n < STEPS_MAX; n++) {
        struct kg_err err = { 0 };
        int r;

        assert_int_equal(new_vault(), 0);
        kg_fault_arm(KG_FP_ANY, n, EIO);
        r = backup("p1", &err);
        if (!kg_fault_fired()) {
            kg_fault_reset();
            assert_int_equal(r, 0);
            break;
        }
        kg_fault_reset();
        if (r < 0 && (err.code == KG_E_OK || !err.msg[0] || !err.action[0]))
            fail_msg("step %u failed without a word", n);
        if (r == 0)                      /* the roles, or looking for a predecessor: a warning, and the point is there */
            assert_int_equal(points(), 1);
        else if (points() != 0 && strstr(err.msg, "commit") == NULL) /* behind the manifest nothing can be taken back */
            fail_msg("step %u left a point: %s", n, err.msg);
        check_vault();
    }
    if (n < 30 || n == STEPS_MAX)
        fail_msg("%u steps", n);
    check_vault();
}

/* ---- the locks are lost in the middle ---- */

struct killer { struct kg_session *pg; bool done; };

/* Behind the plan, before the first row. A backend ends a moment after it was told to. */
static void kill_the_holder(void *ctx, int id, const char *name, const char *status)
{
    struct killer *k = ctx;
    struct kg_err err = { 0 };

    (void)id;
    if (k->done || strcmp(name, "Transfer data") != 0 || strcmp(status, "InProgress") != 0)
        return;
    k->done = true;
    if (kg_session_run(k->pg, "DO $$ BEGIN PERFORM 1 / count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                              " WHERE application_name LIKE 'keepgres pg_dump %'; LOOP PERFORM pg_stat_clear_snapshot();"
                              " EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name LIKE 'keepgres pg_dump %');"
                              " PERFORM pg_sleep(0.01); END LOOP; END $$", &err) < 0)
        fail_msg("%s", err.msg);
}

/* More tables than locks: a stopped pg_dump has them, and does not notice that it has them no longer. */
static void test_a_backup_whose_locks_are_lost_leaves_no_point(void **state)
{
    static const char *const settings[] = { "max_locks_per_transaction=10", "max_connections=20", "autovacuum=off", NULL };
    KG_CLEANUP(kg_session_closep) struct kg_session *s = NULL;
    struct pg_cluster *tight = pg_cluster_start(NULL, settings);
    KG_AUTO_JSON struct kg_json *result = NULL;
    struct killer k = { 0 };
    const struct kg_events ev = { .subtask = kill_the_holder, .ctx = &k };
    struct kg_err err = { 0 };

    (void)state;
    assert_non_null(tight);
    assert_int_equal(pg_cluster_sql(tight, "postgres", "CREATE DATABASE many"), 0);
    assert_int_equal(pg_cluster_sql(tight, "many", "DO $$ BEGIN FOR i IN 1..100 LOOP EXECUTE format('CREATE TABLE t%s(b text);"
                                                   " INSERT INTO t%s VALUES (repeat(''x'', 500))', i, i); END LOOP; END $$"), 0);
    assert_int_equal(kg_session_open(&tight->conn, "postgres", "test", &s, &err), 0);
    k.pg = s;
    assert_int_equal(new_vault(), 0);
    const struct kg_backup_spec spec = { .vault = f.vault, .conn = &tight->conn, .database = "many", .instance = "i", .point = "p1",
                                         .jobs = 2, .level = 1, .bin_dir = tight->bin };
    assert_int_equal(kg_plugin_backup(&spec, &ev, &result, NULL, &err), -KG_E_DB_CLOSED);
    assert_true(k.done);
    assert_int_equal(points(), 0);
    check_vault();
    pg_cluster_stop(tight);
}

static void test_a_restore_that_fails_anywhere_leaves_no_database(void **state)
{
    struct kg_err none = { 0 };
    unsigned n;

    (void)state;
    assert_int_equal(new_vault(), 0);
    assert_int_equal(backup("p1", &none), 0);
    for (n = 1; n < STEPS_MAX; n++) {
        struct kg_err err = { 0 };
        int r;

        kg_fault_arm(KG_FP_ANY, n, EIO);
        r = restore("p1", "dst", &err);
        if (!kg_fault_fired()) {
            kg_fault_reset();
            assert_int_equal(r, 0);
            break;
        }
        kg_fault_reset();
        if (r == 0) { /* a fault in what is only tidied up */
            assert_int_equal(ask_in("dst", "SELECT count(*) FROM pg_largeobject_metadata WHERE lomowner = 'lo_owner'::regrole"), 1);
            assert_int_equal(pg_cluster_sql(f.pg, "postgres", "DROP DATABASE dst"), 0);
            continue;
        }
        if (err.code == KG_E_OK || !err.msg[0] || !err.action[0])
            fail_msg("step %u failed without a word", n);
        if (ask("SELECT count(*) FROM pg_database WHERE datname = 'dst'") != 0)
            fail_msg("step %u left the database: %s", n, err.msg);
    }
    if (n < 30 || n == STEPS_MAX)
        fail_msg("%u steps", n);
    /* The last one, undisturbed, has swept whatever an earlier one could not drop. */
    assert_int_equal(ask("SELECT count(*) FROM pg_database WHERE datname LIKE 'keepgres%'"), 0);
    assert_int_equal(ask("SELECT count(*) FROM pg_database WHERE datname = 'dst'"), 1);
    assert_int_equal(pg_cluster_sql(f.pg, "postgres", "DROP DATABASE dst"), 0);
}

static unsigned files_in(const char *dir)
{
    DIR *d = opendir(dir);
    unsigned n = 0;

    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void test_an_export_that_fails_anywhere_leaves_no_file(void **state)
{
    char dir[] = "/tmp/kg-export-XXXXXX";
    const char *const rm[] = { "rm", "-rf", dir, NULL };
    unsigned n;

    (void)state;
    assert_non_null(mkdtemp(dir));
    for (n = 1; n < STEPS_MAX; n++) {
        const struct kg_export_spec spec = { .vault = f.vault, .instance = "i", .point = "p1", .directory = dir, .prefix = "x" };
        KG_AUTO_JSON struct kg_json *result = NULL;
        struct kg_err err = { 0 };
        int r;

        kg_fault_arm(KG_FP_ANY, n, ENOSPC);
        r = kg_plugin_export_files(&spec, &quiet, &result, &err);
        if (!kg_fault_fired()) {
            kg_fault_reset();
            assert_int_equal(r, 0);
            break;
        }
        kg_fault_reset();
        if (r == 0)
            fail_msg("step %u failed and nobody was told", n);
        if (files_in(dir) != 0)
            fail_msg("step %u left files: %s", n, err.msg);
    }
    if (n < 10 || n == STEPS_MAX)
        fail_msg("%u steps", n);
    assert_int_equal(files_in(dir), 4);
    assert_int_equal(pg_cluster_run(f.pg, rm, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_backup_that_fails_anywhere_leaves_no_point),
        cmocka_unit_test(test_a_backup_whose_locks_are_lost_leaves_no_point),
        cmocka_unit_test(test_a_restore_that_fails_anywhere_leaves_no_database),
        cmocka_unit_test(test_an_export_that_fails_anywhere_leaves_no_file),
    };
    return cmocka_run_group_tests_name("plugin_faults", tests, start, stop);
}
