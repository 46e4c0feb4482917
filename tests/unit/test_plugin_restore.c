/* Restores on a real server where something is in the way: a connection that is lost, a curious monitor, a user who may not do
 * everything. A vault in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/time.h"
#include "pg/session.h"
#include "plugin/backup.h"
#include "plugin/restore.h"
#include "support/pg_cluster.h"
#include "vault/vault.h"

static struct {
    struct pg_cluster *pg;
    struct kg_store *store;
    struct kg_secret *key;
    struct kg_vault *vault;
} f;

static int start(void **state)
{
    const char *bin = pg_cluster_corpus_bin();
    struct kg_err err = { 0 };

    (void)state;
    kg_crypto_start();
    f.pg = bin ? pg_cluster_start(bin, NULL) : NULL;
    f.key = kg_secret_random(32);
    f.store = kg_store_open_mem();
    return f.pg ? kg_vault_create(f.store, &(struct kg_vault_spec){ .tier = "VaultStore" }, f.key, &f.vault, &err) : -1;
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

static struct kg_session *session(const char *database)
{
    struct kg_session *s = NULL;
    struct kg_err err = { 0 };

    if (kg_session_open(&f.pg->conn, database, "test", &s, &err) < 0)
        fail_msg("%s", err.msg);
    return s;
}

static int64_t ask(const char *database, const char *sql)
{
    KG_CLEANUP(kg_session_closep) struct kg_session *s = session(database);
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    struct kg_err err = { 0 };

    if (kg_session_query(s, sql, 0, NULL, &rows, &err) < 0)
        fail_msg("%s", err.msg);
    return kg_rows_int(rows, 0, 0);
}

static void run(const char *database, const char *sql) { assert_int_equal(pg_cluster_sql(f.pg, database, sql), 0); }

static void back_up(const char *database)
{
    KG_AUTO_JSON struct kg_json *result = NULL;
    const struct kg_backup_spec spec = { .vault = f.vault, .conn = &f.pg->conn, .database = database, .instance = "i",
                                         .point = database, .jobs = 2, .level = 1, .bin_dir = f.pg->bin };
    struct kg_err err = { 0 };

    if (kg_plugin_backup(&spec, &(struct kg_events){ 0 }, &result, NULL, &err) < 0)
        fail_msg("%s", err.msg);
}

static int restore(const char *point, const struct kg_conninfo *as, const struct kg_events *ev, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *result = NULL;
    const struct kg_restore_spec spec = { .vault = f.vault, .conn = as ? as : &f.pg->conn, .target = "dst", .instance = "i",
                                          .point = point, .jobs = 2, .bin_dir = f.pg->bin, .verify = KG_VERIFY_READ_BACK };

    return kg_plugin_restore(&spec, ev, &result, NULL, err);
}

struct said { struct kg_buf text; unsigned n; struct kg_session *in_the_way; bool done; };

static void on_warn(void *ctx, const struct kg_err *e)
{
    struct said *s = ctx;

    s->n++;
    kg_buf_addf(&s->text, "%s\n", e->msg);
}

static void test_rows_of_nothing_but_extensions_are_read_again(void **state)
{
    struct kg_err err = { 0 };

    (void)state;
    run("postgres", "CREATE DATABASE conf");
    run("conf", "CREATE EXTENSION cfgext; INSERT INTO cfg VALUES ('mine', 'u', true); INSERT INTO cfg2 VALUES (1, 'one')");
    back_up("conf");
    kg_fault_arm(KG_FP_RESTORE_VERIFY, 2, EIO);
    assert_true(restore("conf", NULL, &(struct kg_events){ 0 }, &err) < 0);
    assert_true(kg_fault_fired());
    kg_fault_reset();
    err = (struct kg_err){ 0 };
    assert_int_equal(restore("conf", NULL, &(struct kg_events){ 0 }, &err), 0);
    assert_int_equal(ask("dst", "SELECT count(*) FROM public.cfg JOIN public.cfg2 ON id = 1 WHERE kind = 'u'"), 1);
    run("postgres", "DROP DATABASE dst");
}

static const char in_work[] = "SELECT datname FROM pg_database WHERE datname LIKE 'keepgres_restore%'";

/* ---- at the end ---- */

static bool at_the_end(struct said *s, const char *name, const char *status)
{
    if (s->done || strcmp(name, "Analyze and publish") != 0 || strcmp(status, "InProgress") != 0)
        return false;
    return s->done = true;
}

static void end_admin(void *ctx, int id, const char *name, const char *status)
{
    (void)id;
    if (at_the_end(ctx, name, status))
        assert_int_equal(ask("postgres", "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                                         " WHERE application_name LIKE 'keepgres_restore%'"), 1);
}

static void test_a_connection_that_was_lost_meanwhile_is_made_again(void **state)
{
    struct said s = { .text = KG_BUF_INIT(1u << 20) };
    struct kg_err err = { 0 };

    (void)state;
    if (restore("conf", NULL, &(struct kg_events){ .subtask = end_admin, .ctx = &s }, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(s.done);
    assert_int_equal(ask("postgres", "SELECT count(*) FROM pg_database WHERE datname = 'dst'"
                                     " AND shobj_description(oid, 'pg_database') IS NULL"), 1);
    assert_int_equal(ask("postgres", "SELECT count(*) FROM pg_db_role_setting"), 0);
    run("postgres", "DROP DATABASE dst");
}

static void look_in(void *ctx, int id, const char *name, const char *status)
{
    struct said *s = ctx;
    KG_CLEANUP(kg_session_closep) struct kg_session *pg = NULL;
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    struct kg_err err = { 0 };

    (void)id;
    if (!at_the_end(s, name, status))
        return;
    pg = session("postgres");
    assert_int_equal(kg_session_query(pg, in_work, 0, NULL, &rows, &err), 0);
    s->in_the_way = session(kg_rows_get(rows, 0, 0));
}

static void test_somebody_who_looks_into_the_new_database_does_not_keep_it_from_its_name(void **state)
{
    struct said s = { .text = KG_BUF_INIT(1u << 20) };
    struct kg_err err = { 0 };

    (void)state;
    if (restore("conf", NULL, &(struct kg_events){ .subtask = look_in, .ctx = &s }, &err) < 0)
        fail_msg("%s", err.msg);
    kg_session_close(s.in_the_way);
    assert_int_equal(ask("postgres", "SELECT count(*) FROM pg_database WHERE datname = 'dst'"), 1);
    run("postgres", "DROP DATABASE dst");
}

static void test_what_a_restore_left_is_dropped_unless_somebody_is_in_it(void **state)
{
    KG_CLEANUP(kg_session_closep) struct kg_session *in_use = NULL;
    struct kg_err err = { 0 };

    (void)state;
    run("postgres", "CREATE DATABASE keepgres_restore_000000000001");
    run("postgres", "CREATE DATABASE keepgres_restore_000000000002");
    in_use = session("keepgres_restore_000000000002");
    if (restore("conf", NULL, &(struct kg_events){ 0 }, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(ask("postgres", "SELECT count(*) FROM pg_database WHERE datname = 'keepgres_restore_000000000001'"), 0);
    assert_int_equal(ask("keepgres_restore_000000000002", "SELECT 1"), 1);
    kg_session_close(KG_TAKE(in_use));
    run("postgres", "DROP DATABASE keepgres_restore_000000000002");
    run("postgres", "DROP DATABASE dst");
}

static void test_settings_of_the_user_do_not_disturb(void **state)
{
    KG_CLEANUP(kg_session_closep) struct kg_session *pg = session("postgres");
    struct kg_err err = { 0 };
    int r;

    (void)state;
    assert_int_equal(kg_session_lasting(pg, &err), 0);
    assert_int_equal(kg_session_run(pg, "ALTER ROLE postgres SET default_transaction_read_only = on", &err), 0);
    assert_int_equal(kg_session_run(pg, "ALTER ROLE postgres SET idle_session_timeout = '100ms'", &err), 0);
    r = restore("conf", NULL, &(struct kg_events){ 0 }, &err);
    assert_int_equal(kg_session_run(pg, "ALTER ROLE postgres RESET ALL", &(struct kg_err){ 0 }), 0);
    if (r < 0)
        fail_msg("%s", err.msg);
    run("postgres", "DROP DATABASE dst");
}

static void test_a_template_is_one_again_and_nothing_of_it_is_left_when_it_fails(void **state)
{
    struct kg_err err = { 0 };

    (void)state;
    run("postgres", "CREATE DATABASE model");
    run("model", "CREATE TABLE t(i int)");
    run("postgres", "COMMENT ON DATABASE model IS 'keepgres: restore in progress, says the source';"
                    "ALTER DATABASE model IS_TEMPLATE true;"
                    "ALTER DATABASE model SET work_mem = '9MB'; ALTER DATABASE model CONNECTION LIMIT 7");
    back_up("model");
    if (restore("model", NULL, &(struct kg_events){ 0 }, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(ask("postgres", "SELECT count(*) FROM pg_database d JOIN pg_db_role_setting s ON s.setdatabase = d.oid"
                                     " WHERE datname = 'dst' AND datistemplate AND datconnlimit = 7 AND setrole = 0"
                                     " AND setconfig = '{work_mem=9MB}'"
                                     " AND shobj_description(d.oid, 'pg_database') LIKE '%the source'"), 1);
    run("postgres", "ALTER DATABASE dst IS_TEMPLATE false");
    run("postgres", "DROP DATABASE dst");
    kg_fault_arm(KG_FP_RESTORE_POST, 1, EIO);
    assert_true(restore("model", NULL, &(struct kg_events){ 0 }, &err) < 0);
    kg_fault_reset();
    assert_int_equal(ask("postgres", "SELECT count(*) FROM pg_database WHERE datname = 'dst' OR datname LIKE 'keepgres_restore%'"), 0);
}

/* pg_dump sends the rows of partitions by a hash of an enum through their root, and those of the others not: compared at the
 * root are the first alone, in all of them together. */
static void test_partitions_loaded_through_their_root_are_compared_without_the_others(void **state)
{
    struct kg_err err = { 0 };

    (void)state;
    run("postgres", "CREATE DATABASE parts");
    run("parts", "CREATE TYPE mood AS ENUM ('sad', 'ok', 'odd'); CREATE TABLE p(k text, m mood, v int) PARTITION BY LIST (k);"
                 "CREATE TABLE p_plain PARTITION OF p FOR VALUES IN ('a');"
                 "CREATE TABLE p_hash PARTITION OF p FOR VALUES IN ('b') PARTITION BY HASH (m);"
                 "CREATE TABLE p_hash0 PARTITION OF p_hash FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
                 "CREATE TABLE p_hash1(v int, k text, m mood);"
                 "ALTER TABLE p_hash ATTACH PARTITION p_hash1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
                 "INSERT INTO p SELECT 'a', 'ok', i FROM generate_series(1, 100) i;"
                 "INSERT INTO p SELECT 'b', (enum_range(null::mood))[1 + i % 3], i FROM generate_series(1, 100) i");
    back_up("parts");
    if (restore("parts", NULL, &(struct kg_events){ 0 }, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(ask("dst", "SELECT count(DISTINCT (k, v)) FROM public.p"), 200);
    run("postgres", "DROP DATABASE dst");
    kg_fault_arm(KG_FP_RESTORE_VERIFY, 2, EIO); /* the plain one, then the root */
    assert_true(restore("parts", NULL, &(struct kg_events){ 0 }, &err) < 0);
    kg_fault_reset();
    assert_non_null(strstr(err.msg, "partitioned table"));
}

/* ---- several sessions, and the same tables ---- */

/* Holds what the rules' tables are locked with, until two of pg_restore's sessions wait for it, or the only one has waited a
 * while. Let go at once, two that have one table each and want the other's meet in a deadlock. */
struct gate { struct kg_session *holder; pthread_t thread; int64_t most; bool closed; };

static void *open_gate(void *arg)
{
    struct gate *g = arg;

    for (int i = 0; i < 150 && g->most < 2; i++) {
        int64_t n = ask("postgres", "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE RULE%' AND wait_event_type = 'Lock'");

        i = n && i < 120 ? 120 : i;      /* up to ten seconds for the first, one and a half for the second */
        g->most = n > g->most ? n : g->most;
        usleep(50000);
    }
    kg_session_close(KG_TAKE(g->holder));
    return NULL;
}

static void close_gate(void *ctx, int id, const char *name, const char *status)
{
    struct gate *g = ctx;
    KG_CLEANUP(kg_session_closep) struct kg_session *pg = NULL;
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    struct kg_err err = { 0 };

    (void)id;
    if (g->closed || strncmp(name, "Create indexes", 14) != 0 || strcmp(status, "InProgress") != 0)
        return;
    g->closed = true;
    pg = session("postgres");
    assert_int_equal(kg_session_query(pg, in_work, 0, NULL, &rows, &err), 0);
    g->holder = session(kg_rows_get(rows, 0, 0));
    assert_int_equal(kg_session_run(g->holder, "BEGIN; LOCK public.one, public.other IN ACCESS SHARE MODE", &err), 0);
    assert_int_equal(pthread_create(&g->thread, NULL, open_gate, g), 0);
}

static void test_what_locks_the_same_tables_is_not_done_at_the_same_time(void **state)
{
    struct gate g = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    run("postgres", "CREATE DATABASE crossed");
    run("crossed", "CREATE TABLE one(i int); CREATE TABLE other(i int); INSERT INTO one VALUES (1);"
                   "CREATE RULE a AS ON DELETE TO one DO ALSO DELETE FROM other;"
                   "CREATE RULE b AS ON INSERT TO other DO ALSO DELETE FROM one");
    back_up("crossed");
    if (restore("crossed", NULL, &(struct kg_events){ .subtask = close_gate, .ctx = &g }, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(g.closed);
    assert_int_equal(pthread_join(g.thread, NULL), 0);
    assert_int_equal(g.most, 1);
    assert_int_equal(ask("dst", "SELECT count(*) FROM pg_rewrite WHERE ev_class = ANY ('{public.one, public.other}'::regclass[])"), 2);
    run("postgres", "DROP DATABASE dst");
}

/* Which tables a function locks stands nowhere, so two indexes are made at the same time. */
static void test_what_met_in_a_deadlock_is_there_in_the_end(void **state)
{
    struct said s = { .text = KG_BUF_INIT(1u << 20) };
    struct kg_err err = { 0 };

    (void)state;
    run("postgres", "CREATE DATABASE meet");
    run("meet", "CREATE FUNCTION lock_it(regclass) RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
                " IF current_database() LIKE 'keepgres_restore%' THEN PERFORM pg_catalog.pg_sleep(1);"
                " EXECUTE pg_catalog.format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', $1); END IF; END $$;"
                "CREATE FUNCTION locking(regclass, int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN"
                " PERFORM public.lock_it($1); RETURN $2; END $$;"
                "CREATE TABLE l(i int); CREATE TABLE r(i int); INSERT INTO l VALUES (1); INSERT INTO r VALUES (1);"
                "CREATE INDEX l_locking ON l(locking('r', i)); CREATE INDEX r_locking ON r(locking('l', i));"
                "COMMENT ON INDEX l_locking IS 'x'; COMMENT ON INDEX r_locking IS 'x'");
    back_up("meet");
    if (restore("meet", NULL, &(struct kg_events){ .warn = on_warn, .ctx = &s }, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(s.n, 0);
    assert_int_equal(ask("dst", "SELECT count(obj_description(oid)) FROM pg_class WHERE relname LIKE '%_locking'"), 2);
    assert_int_equal(ask("postgres", "SELECT deadlocks FROM pg_stat_database WHERE datname = 'dst'"), 1);
    kg_buf_done(&s.text);
    run("postgres", "DROP DATABASE dst");
}

/* ---- cancelled ---- */

struct canceller { kg_usec cancelled_at; bool loading; };

static void note_loading(void *ctx, int id, const char *name, const char *status)
{
    struct canceller *c = ctx;

    (void)id;
    c->loading |= strcmp(name, "Transfer data") == 0 && strcmp(status, "InProgress") == 0;
}

/* As soon as the rows' checks are at work. */
static bool cancel_loading(void *ctx)
{
    struct canceller *c = ctx;

    if (!c->cancelled_at && c->loading &&
        ask("postgres", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") > 0)
        c->cancelled_at = kg_now_mono();
    return c->cancelled_at != 0;
}

/* The first cancel meets a function that takes no notice of it. */
static void test_a_cancel_is_sent_until_it_takes_effect(void **state)
{
    struct canceller c = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    run("postgres", "CREATE DATABASE deaf");
    run("deaf", "CREATE FUNCTION slowly(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN"
                " IF current_database() LIKE 'keepgres_restore%' THEN PERFORM pg_catalog.pg_sleep(60); END IF; RETURN true;"
                " EXCEPTION WHEN query_canceled THEN PERFORM pg_catalog.pg_sleep(60); RETURN true; END $$;"
                "CREATE TABLE t(i int CHECK (slowly(i))); INSERT INTO t VALUES (1)");
    back_up("deaf");
    assert_int_equal(restore("deaf", NULL, &(struct kg_events){ .subtask = note_loading, .cancelled = cancel_loading, .ctx = &c }, &err),
                     -KG_E_CANCELLED);
    assert_true(kg_now_mono() - c.cancelled_at < 20 * KG_SECOND);
    assert_int_equal(ask("postgres", "SELECT count(*) FROM pg_database WHERE datname = 'dst' OR datname LIKE 'keepgres_restore%'"), 0);
}

/* ---- a user who is not the superuser ---- */

static void drop_role(void *ctx, int id, const char *name, const char *status)
{
    struct said *s = ctx;

    (void)id;
    if (s->done || strcmp(name, "Transfer data") != 0 || strcmp(status, "InProgress") != 0)
        return;
    s->done = true;
    run("postgres", "DROP ROLE leaves; DROP ROLE goes");
}

static void test_large_objects_whose_owners_role_vanishes_are_restored_and_told(void **state)
{
    struct said s = { .text = KG_BUF_INIT(1u << 20) };
    struct kg_err err = { 0 };

    (void)state;
    run("postgres", "CREATE DATABASE lo");
    run("postgres", "CREATE ROLE leaves; CREATE ROLE goes; CREATE ROLE stays");
    run("lo", "SELECT lo_from_bytea(i, 'x') FROM generate_series(1, 9) i; ALTER LARGE OBJECT 1 OWNER TO leaves;"
              "ALTER LARGE OBJECT 2 OWNER TO leaves; ALTER LARGE OBJECT 3 OWNER TO stays; ALTER LARGE OBJECT 4 OWNER TO goes");
    back_up("lo");
    run("postgres", "DROP DATABASE lo");
    if (restore("lo", NULL, &(struct kg_events){ .subtask = drop_role, .warn = on_warn, .ctx = &s }, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(s.done);
    if (s.n != 2 || !strstr(s.text.p, "2 large objects do not get their owner 'leaves'") ||
        !strstr(s.text.p, "1 large object does not get its owner 'goes'"))
        fail_msg("%u: %s", s.n, s.text.p);
    assert_int_equal(ask("dst", "SELECT count(*) FROM pg_largeobject_metadata WHERE lomowner = 'postgres'::regrole"), 8);
    assert_int_equal(ask("dst", "SELECT oid FROM pg_largeobject_metadata WHERE lomowner = 'stays'::regrole"), 3);
    kg_buf_done(&s.text);
    run("postgres", "DROP DATABASE dst");
}

static void test_a_user_without_the_owners_roles_gets_everything_else(void **state)
{
    struct said s = { .text = KG_BUF_INIT(1u << 20) };
    struct kg_conninfo modest = pg_cluster_login(f.pg, "postgres", "modest", "pw");
    struct kg_err err = { 0 };

    (void)state;
    run("postgres", "CREATE ROLE modest LOGIN CREATEDB PASSWORD 'pw'; CREATE ROLE owner; CREATE ROLE mine; GRANT mine TO modest;"
                    "CREATE ROLE reader");
    run("postgres", "CREATE DATABASE owned OWNER owner");
    run("owned", "CREATE TABLE t(i int); INSERT INTO t VALUES (1); ALTER TABLE t OWNER TO owner; GRANT SELECT ON t TO reader;"
                 "CREATE TABLE u(i int); CREATE SCHEMA m AUTHORIZATION mine; GRANT SELECT ON t TO reader WITH GRANT OPTION;"
                 "SET SESSION AUTHORIZATION reader; GRANT SELECT ON t TO mine; RESET SESSION AUTHORIZATION;"
                 "ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT SELECT ON TABLES TO reader;"
                 "SELECT lo_from_bytea(77, 'x'); ALTER LARGE OBJECT 77 OWNER TO owner; ALTER DATABASE owned SET work_mem = '9MB'");
    back_up("owned");
    if (restore("owned", &modest, &(struct kg_events){ .warn = on_warn, .ctx = &s }, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(ask("dst", "SELECT count(*) FROM public.t"), 1);
    assert_int_equal(ask("dst", "SELECT has_table_privilege('reader', 'public.t', 'SELECT')::int"), 1);
    assert_int_equal(ask("dst", "SELECT count(*) FROM pg_namespace WHERE nspname = 'm' AND pg_get_userbyid(nspowner) = 'mine'"), 1);
    assert_int_equal(ask("dst", "SELECT count(*) FROM pg_class WHERE relname = 't' AND pg_get_userbyid(relowner) = 'modest'"), 1);
    assert_int_equal(ask("dst", "SELECT (current_setting('work_mem') = '9MB')::int"), 1);
    if (s.n != 3 || !strstr(s.text.p, "user 'modest' may not act for role 'owner'") || !strstr(s.text.p, "3 objects belong") ||
        !strstr(s.text.p, "1 default privilege not applied") || !strstr(s.text.p, "role 'reader'") || !strstr(s.text.p, "role 'postgres'"))
        fail_msg("%u: %s", s.n, s.text.p);
    kg_buf_done(&s.text);
    kg_conninfo_done(&modest);
    run("postgres", "DROP DATABASE dst");
}

/* ---- roles ---- */

static int restore_roles(const char *point, const struct kg_roles_spec *roles, const struct kg_conninfo *as, struct said *said,
                         struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *result = NULL;
    const struct kg_events ev = { .warn = on_warn, .ctx = said };
    const struct kg_restore_spec spec = { .vault = f.vault, .conn = as ? as : &f.pg->conn, .target = "dst", .instance = "i",
                                          .point = point, .jobs = 2, .bin_dir = f.pg->bin, .roles = *roles };

    return kg_plugin_restore(&spec, &ev, &result, NULL, err);
}

static int64_t roles_there(void) { return ask("postgres", "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'rr\\_%'"); }

/* Wherever the server, or the connection to it, fails while roles are made, either none is there or all are. */
static void test_roles_are_made_all_or_none(void **state)
{
    static const struct kg_roles_spec create = { .mode = KG_ROLES_CREATE };
    struct said s = { .text = KG_BUF_INIT(1u << 20) };
    unsigned failed = 0;

    (void)state;
    run("postgres", "CREATE ROLE rr_owner CREATEDB; CREATE ROLE rr_reader LOGIN; GRANT rr_owner TO rr_reader WITH ADMIN OPTION;"
                    "ALTER ROLE rr_owner SET work_mem = '9MB'; COMMENT ON ROLE rr_reader IS 'reads'");
    run("postgres", "CREATE DATABASE rr OWNER rr_owner");
    run("rr", "CREATE TABLE t(i int); ALTER TABLE t OWNER TO rr_owner; INSERT INTO t VALUES (1)");
    back_up("rr");
    run("postgres", "DROP DATABASE rr");
    run("postgres", "DROP ROLE rr_owner, rr_reader");
    for (unsigned n = 1; n < 60; n++) {
        struct kg_err err = { 0 };
        int r;

        kg_fault_arm(n == 1 ? KG_FP_RESTORE_ROLES : KG_FP_PG_EXEC, n == 1 ? 1 : n, EIO);
        r = restore_roles("rr", &create, NULL, &s, &err);
        kg_fault_reset();
        failed += r < 0;
        if (roles_there() != 0 && roles_there() != 2)
            fail_msg("step %u: %lld of two roles", n, (long long)roles_there());
        if (r < 0 && ask("postgres", "SELECT count(*) FROM pg_database WHERE datname = 'dst'"))
            fail_msg("step %u: a restore that failed left a database", n);
        if (r == 0)
            run("postgres", "DROP DATABASE dst");
        if (roles_there())
            run("postgres", "DROP ROLE rr_owner, rr_reader");
    }
    assert_true(failed > 20);
    assert_int_equal(restore_roles("rr", &create, NULL, &s, &(struct kg_err){ 0 }), 0);
    assert_int_equal(ask("dst", "SELECT count(*) FROM pg_class WHERE relname = 't' AND relowner = 'rr_owner'::regrole"), 1);
    assert_int_equal(ask("postgres", "SELECT count(*) FROM pg_auth_members WHERE member = 'rr_reader'::regrole AND admin_option"), 1);
    run("postgres", "DROP DATABASE dst");
    kg_buf_done(&s.text);
}

static void test_two_roles_that_become_one_have_one_user_mapping(void **state)
{
    static const struct kg_role_pair pairs[] = { { "um_a", "um_new" }, { "um_b", "um_new" } };
    static const struct kg_roles_spec map = { .mode = KG_ROLES_MAP, .pair = pairs, .n_pairs = 2 };
    struct said s = { .text = KG_BUF_INIT(1u << 20) };
    struct kg_err err = { 0 };

    (void)state;
    run("postgres", "CREATE ROLE um_a; CREATE ROLE um_b; CREATE ROLE um_new");
    run("postgres", "CREATE DATABASE um");
    run("um", "CREATE EXTENSION postgres_fdw; CREATE SERVER one FOREIGN DATA WRAPPER postgres_fdw; CREATE SERVER two FOREIGN DATA WRAPPER"
              " postgres_fdw; CREATE USER MAPPING FOR um_a SERVER one OPTIONS (user 'x'); CREATE USER MAPPING FOR um_b SERVER one;"
              " CREATE USER MAPPING FOR um_b SERVER two; CREATE TABLE t(i int); ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
              " CREATE POLICY p ON t TO um_a, um_b USING (true); GRANT SELECT ON t TO um_a, um_b; ALTER TABLE t OWNER TO um_a");
    back_up("um");
    if (restore_roles("um", &map, NULL, &s, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(ask("dst", "SELECT count(*) FROM pg_user_mappings WHERE usename = 'um_new'"), 2);
    assert_int_equal(ask("dst", "SELECT count(*) FROM pg_user_mappings WHERE usename LIKE 'um\\__'"), 0);
    assert_int_equal(ask("dst", "SELECT count(*) FROM pg_class WHERE relname = 't' AND relowner = 'um_new'::regrole"), 1);
    if (s.n != 1 || !strstr(s.text.p, "role 'um_new': a second user mapping of a server is not restored"))
        fail_msg("%u: %s", s.n, s.text.p);
    run("postgres", "DROP DATABASE dst");
    kg_buf_done(&s.text);
}

static void test_who_may_make_no_roles_is_told_for_each(void **state)
{
    static const struct kg_roles_spec create = { .mode = KG_ROLES_CREATE };
    struct kg_conninfo poor = pg_cluster_login(f.pg, "postgres", "poor", "pw");
    struct said s = { .text = KG_BUF_INIT(1u << 20) };
    struct kg_err err = { 0 };

    (void)state;
    run("postgres", "DROP ROLE IF EXISTS rr_owner, rr_reader; CREATE ROLE poor LOGIN CREATEDB PASSWORD 'pw'");
    if (restore_roles("rr", &create, &poor, &s, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(roles_there(), 0);
    if (!strstr(s.text.p, "role 'rr_owner': the role itself is not restored") ||
        !strstr(s.text.p, "role 'rr_reader': the role itself is not restored") || strstr(s.text.p, "a setting"))
        fail_msg("%s", s.text.p);
    assert_int_equal(ask("dst", "SELECT count(*) FROM public.t"), 1);
    run("postgres", "DROP DATABASE dst");
    kg_conninfo_done(&poor);
    kg_buf_done(&s.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_of_nothing_but_extensions_are_read_again),
        cmocka_unit_test(test_a_connection_that_was_lost_meanwhile_is_made_again),
        cmocka_unit_test(test_somebody_who_looks_into_the_new_database_does_not_keep_it_from_its_name),
        cmocka_unit_test(test_what_a_restore_left_is_dropped_unless_somebody_is_in_it),
        cmocka_unit_test(test_settings_of_the_user_do_not_disturb),
        cmocka_unit_test(test_a_template_is_one_again_and_nothing_of_it_is_left_when_it_fails),
        cmocka_unit_test(test_partitions_loaded_through_their_root_are_compared_without_the_others),
        cmocka_unit_test(test_what_locks_the_same_tables_is_not_done_at_the_same_time),
        cmocka_unit_test(test_what_met_in_a_deadlock_is_there_in_the_end),
        cmocka_unit_test(test_a_cancel_is_sent_until_it_takes_effect),
        cmocka_unit_test(test_large_objects_whose_owners_role_vanishes_are_restored_and_told),
        cmocka_unit_test(test_a_user_without_the_owners_roles_gets_everything_else),
        cmocka_unit_test(test_roles_are_made_all_or_none),
        cmocka_unit_test(test_two_roles_that_become_one_have_one_user_mapping),
        cmocka_unit_test(test_who_may_make_no_roles_is_told_for_each),
    };
    return cmocka_run_group_tests_name("plugin_restore", tests, start, stop);
}
