/* Plans against a real server: what pg_dump says, consistent snapshots under concurrent changes, large objects, programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/text.h"
#include "base/time.h"
#include "pg/globals.h"
#include "pg/plan.h"
#include "pg/tools.h"
#include "support/pg_cluster.h"
#include "sys/fd.h"
#include "unit/plan_fixture.h"

static char dir[64];

static int start(void **state)
{
    const char *bin;

    (void)state;
    kg_crypto_start();
    snprintf(dir, sizeof dir, "/tmp/kg-plan-XXXXXX");
    if (!mkdtemp(dir) || chmod(dir, 0755) < 0 || !(bin = pg_cluster_corpus_bin()) || !(pg = pg_cluster_start(bin, NULL)))
        return -1;
    return pg_cluster_sql(pg, "postgres", "CREATE DATABASE corpus") == 0 &&
                   pg_cluster_file(pg, "corpus", "tests/corpus/feature.sql") == 0 &&
                   pg_cluster_file(pg, "corpus", "tests/corpus/more.sql") == 0 &&
                   pg_cluster_sql(pg, "postgres", "CREATE DATABASE small") == 0 &&
                   pg_cluster_sql(pg, "small", "CREATE TABLE a(i int); CREATE TABLE b(i int); INSERT INTO a SELECT generate_series(1, 100);"
                                               "CREATE ROLE reader LOGIN PASSWORD 'p:\\w ''\"'") == 0
               ? 0 : -1;
}

static int stop(void **state)
{
    const char *const rm[] = { "rm", "-rf", dir, NULL };

    (void)state;
    if (pg)
        (void)pg_cluster_run(pg, rm, NULL);
    pg_cluster_stop(pg);
    return 0;
}

/* ---- what a plan holds ---- */

static void test_the_plan_of_the_corpus_has_its_tables_and_facts(void **state)
{
    KG_AUTO_PLAN struct kg_plan *p = plan("corpus", NULL);
    KG_AUTO_SESSION struct kg_session *s = session("corpus");
    KG_AUTO_FREE char *blobs = one(s, "SELECT count(*) FROM pg_largeobject_metadata");

    (void)state;
    assert_string_equal(table(p, "ext", "cfg")->condition, "WHERE kind = 'u'");
    assert_null(table(p, "ext", "cfg2")->condition);
    assert_true(table(p, "app", "hp1")->via_root);
    assert_string_equal(table(p, "app", "hp1")->target, "app.hp");
    assert_false(table(p, "app", "meas_def")->via_root);
    assert_string_equal(table(p, "app", "nocols")->columns, "");
    assert_false(table(p, "Sch ema \"q\"", "Tab le; DROP")->via_root);
    assert_string_equal(table(p, "Données été", "très \"spécial\", (nom) FROM stdin;")->columns, "(\" FROM stdin;\", \"ключ\")");
    assert_true(table(p, "app", "big")->bytes > 1000000 && table(p, "app", "users")->pages > 100);
    for (size_t i = 0; i < p->n_tables; i++) {
        assert_int_equal(p->table[i].relkind, 'r');
        assert_string_not_equal(p->table[i].name, "meas"); /* a partitioned table has no rows of its own */
    }
    assert_true(p->has_blobs);
    assert_int_equal(p->blob_count, strtol(blobs, NULL, 10));
    assert_true(p->blob_bytes > 8000 && p->database_bytes > 8000000);
    assert_int_equal(p->server_version, kg_session_version(s));
    assert_false(p->standby);
    assert_string_equal(kg_json_str(p->facts, "postgres.encoding"), "UTF8");
    assert_int_equal(kg_json_u64(p->facts, "postgres.versionNum", 0), p->server_version);
    assert_non_null(kg_json_str(p->facts, "tools.pgDump"));
    assert_string_equal(kg_json_str(p->facts, "extensions.0.name"), "cfgext");
    assert_true(kg_json_count(kg_json_get(p->facts, "roles")) >= 2);
    assert_int_equal(p->lock_holder, 0);
}

static void test_the_archive_is_what_pg_dump_writes_to_a_file(void **state)
{
    static const char *const args[] = { "pg_dump", "-Fc", "-Z0", "corpus", NULL };
    KG_AUTO_PLAN struct kg_plan *p = plan("corpus", NULL);
    KG_AUTO_BUF struct kg_buf whole = KG_BUF_INIT((size_t)1 << 30);
    KG_AUTO_BUF struct kg_buf again = KG_BUF_INIT(64 << 20);
    KG_AUTO_BUF struct kg_buf ours = KG_BUF_INIT(64 << 20);
    KG_AUTO_BUF struct kg_buf theirs = KG_BUF_INIT(64 << 20);
    struct kg_archive *a = NULL;
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(pg_cluster_run(pg, args, &whole), 0);
    assert_int_equal(kg_archive_parse_memory(whole.p, whole.len, &a, &err), 0);
    kg_archive_write(a, NULL, true, &again);
    assert_true(again.len < whole.len);
    assert_memory_equal(again.p, whole.p, again.len);
    kg_archive_write(a, NULL, false, &theirs);
    kg_archive_write(p->archive, NULL, false, &ours);
    assert_int_equal(ours.len, theirs.len);
    assert_memory_equal(ours.p, theirs.p, ours.len);
    kg_archive_free(a);
}

static void test_slices_of_a_table_give_the_bytes_of_the_whole(void **state)
{
    KG_AUTO_PLAN struct kg_plan *p = plan("corpus", NULL);
    KG_AUTO_SESSION struct kg_session *s = worker(p, "corpus");
    const struct kg_plan_table *t = table(p, "app", "users");
    KG_AUTO_BUF struct kg_buf whole = KG_BUF_INIT(64 << 20);
    KG_AUTO_BUF struct kg_buf parts = KG_BUF_INIT(64 << 20);

    (void)state;
    copy(s, t, 0, 0, &whole);
    copy(s, t, 0, 10, &parts);
    copy(s, t, 10, t->pages / 2, &parts);
    copy(s, t, t->pages / 2, UINT32_MAX, &parts);
    assert_int_equal(whole.len, parts.len);
    assert_memory_equal(whole.p, parts.p, whole.len);
}

static void test_every_table_of_the_corpus_is_locked_and_read(void **state)
{
    KG_AUTO_PLAN struct kg_plan *p = plan("corpus", NULL);
    KG_AUTO_SESSION struct kg_session *s = worker(p, "corpus");
    KG_AUTO_BUF struct kg_buf out = KG_BUF_INIT((size_t)1 << 30);
    struct kg_err err = { 0 };

    (void)state;
    for (size_t i = 0; i < p->n_tables; i++) {
        if (kg_plan_lock(s, &p->table[i], &err) < 0)
            fail_msg("%s", err.msg);
        copy(s, &p->table[i], 0, 0, &out);
    }
    /* only the user's rows of the extension's table */
    kg_buf_reset(&out);
    assert_int_equal(kg_plan_lock(s, table(p, "ext", "cfg"), &err), 0);
    copy(s, table(p, "ext", "cfg"), 0, 0, &out);
    assert_string_equal(out.p, "user1\tu\tt\nuser2\tu\tf\n");
    /* and the locks of the tables before have been given back */
    KG_AUTO_FREE char *n = one(s, "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
                                  " WHERE l.pid = pg_backend_pid() AND c.relkind = 'r' AND c.oid >= 16384");
    assert_string_equal(n, "1");
}

/* Each table of the corpus alone, and each schema, has all it needs to be made in an empty database. */
static void restores(struct kg_plan *p, const bool *keep, const char *what)
{
    static const char *const tools[] = { "pg_restore", "--schema-only", "--exit-on-error", "-d", "empty", NULL };
    const char *args[KG_ARRAY_LEN(tools) + 1];
    KG_AUTO_BUF struct kg_buf toc = KG_BUF_INIT(64 << 20);
    KG_AUTO_FREE char *file = kg_xprintf("%s/cut.toc", dir);
    struct kg_err err = { 0 };

    kg_archive_write(p->archive, keep, true, &toc);
    if (kg_write_file(file, toc.p, toc.len, 0644, &err) < 0)
        fail_msg("%s", err.msg);
    memcpy(args, tools, sizeof tools);
    args[5] = file;
    args[6] = NULL;
    assert_int_equal(pg_cluster_sql(pg, "postgres", "DROP DATABASE IF EXISTS empty"), 0);
    assert_int_equal(pg_cluster_sql(pg, "postgres", "CREATE DATABASE empty TEMPLATE template0 STRATEGY file_copy"), 0);
    if (pg_cluster_run(pg, args, NULL) != 0)
        fail_msg("%s alone cannot be restored", what);
}

static void test_any_table_of_the_corpus_alone_can_be_restored(void **state)
{
    KG_AUTO_PLAN struct kg_plan *p = plan("corpus", NULL);
    KG_AUTO_FREE bool *keep = kg_xalloc_array(p->archive->n_entries, sizeof *keep);
    static const char *const some[] = { "app.users", "app.meas", "app.meas_2020_eu", "app.b", "app.esc", "app.chi", "app.mv3", "app.v",
                                        "\"Sch ema \"\"q\"\"\".\"Tab le; DROP\"", "app.par", "app.ck", "app.hp", "more.typed", "more.sales",
                                        "more.sales_eu", "more.sales_eu_old_1", "more.refund", "more.trig", "more.both", "more.m3",
                                        "more.shared",
                                        "more.two", "more.three", "more.booking", "more.near", "more.into_it",
                                        "\"Données été\".\"sales été\"",
                                        "more.of_type", "app.ft", "more.small" };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(some); i++) {
        struct kg_err err = { 0 };

        if (kg_archive_select(p->archive, NULL, 0, &some[i], 1, keep, &err) < 0)
            fail_msg("%s", err.msg);
        restores(p, keep, some[i]);
    }
}

static void test_any_schema_of_the_corpus_alone_can_be_restored(void **state)
{
    static const char *const some[] = { "app", "more", "\"Sch ema \"\"q\"\"\"", "Données été" };
    KG_AUTO_PLAN struct kg_plan *p = plan("corpus", NULL);
    KG_AUTO_FREE bool *keep = kg_xalloc_array(p->archive->n_entries, sizeof *keep);

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(some); i++) {
        struct kg_err err = { 0 };

        if (kg_archive_select(p->archive, &some[i], 1, NULL, 0, keep, &err) < 0)
            fail_msg("%s", err.msg);
        restores(p, keep, some[i]);
    }
}

/* ---- other people's locks ---- */

static void test_a_lock_that_does_not_go_away_is_told_with_its_holder(void **state)
{
    KG_AUTO_SESSION struct kg_session *other = session("small");
    struct kg_plan_opts o = { .lock_timeout_ms = 100, .lock_tries = 2 };
    struct kg_plan *p = NULL;
    struct kg_err err = { 0 };
    kg_usec began = kg_now_mono();

    (void)state;
    ok(other, "BEGIN; LOCK TABLE public.b IN ACCESS EXCLUSIVE MODE");
    expect(kg_plan_make(&pg->conn, "small", &o, &p, &err), &err, KG_E_DB_LOCKED, "public.b");
    assert_non_null(strstr(err.msg, "2 tries"));
    assert_true(kg_now_mono() - began < 5 * KG_SECOND);
    ok(other, "ROLLBACK");
}

static void *release_soon(void *ctx)
{
    struct kg_err err = { 0 };

    usleep(700 * 1000);
    (void)!kg_session_run(ctx, "TRUNCATE public.b; INSERT INTO public.b VALUES (7); COMMIT", &err);
    return NULL;
}

/* The rows that the lock's holder wrote are seen: the snapshot is newer than the lock. An older one would see an empty table,
 * because TRUNCATE has replaced its file. */
static void test_a_lock_that_goes_away_is_waited_for_and_its_work_is_seen(void **state)
{
    KG_AUTO_SESSION struct kg_session *other = session("small");
    struct kg_plan_opts o = { .lock_timeout_ms = 200 };
    KG_AUTO_BUF struct kg_buf rows = KG_BUF_INIT(10000);
    pthread_t t;

    (void)state;
    ok(other, "INSERT INTO public.b VALUES (1)");
    ok(other, "BEGIN; LOCK TABLE public.b IN ACCESS EXCLUSIVE MODE");
    assert_int_equal(pthread_create(&t, NULL, release_soon, other), 0);
    KG_AUTO_PLAN struct kg_plan *p = plan("small", &o);
    pthread_join(t, NULL);
    KG_AUTO_SESSION struct kg_session *s = worker(p, "small");
    copy(s, table(p, "public", "b"), 0, 0, &rows);
    assert_string_equal(rows.p, "7\n");
}

static void *alter(void *ctx)
{
    struct kg_err err = { 0 };

    (void)!kg_session_run(ctx, "ALTER TABLE public.a ADD COLUMN waited int", &err);
    return NULL;
}

static void test_a_waiting_alter_table_leaves_the_table_to_the_leader(void **state)
{
    KG_AUTO_SESSION struct kg_session *ddl = session("small");
    KG_AUTO_SESSION struct kg_session *look = session("small");
    KG_AUTO_BUF struct kg_buf rows = KG_BUF_INIT(10000);
    struct kg_plan *p = plan("small", NULL);
    struct kg_session *s = worker(p, "small");
    struct kg_err err = { 0 };
    pthread_t t;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, alter, ddl), 0);
    wait_until(look, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted");
    expect(kg_plan_lock(s, table(p, "public", "a"), &err), &err, KG_E_DB_LOCKED, "public.a");
    err = (struct kg_err){ 0 };
    if (kg_plan_lock(s, table(p, "public", "b"), &err) < 0)
        fail_msg("the next table: %s", err.msg);
    copy(p->leader, table(p, "public", "a"), 0, 0, &rows);
    assert_int_equal(rows.len, 9 * 2 + 90 * 3 + 4);
    kg_session_close(s);
    kg_plan_free(p);
    pthread_join(t, NULL);
    KG_AUTO_FREE char *there = one(look, "SELECT count(*) FROM pg_attribute WHERE attrelid = 'public.a'::regclass AND attname = 'waited'");
    assert_string_equal(there, "1");
    ok(look, "ALTER TABLE public.a DROP COLUMN waited");
}

static void test_a_table_that_was_replaced_is_not_read(void **state)
{
    KG_AUTO_PLAN struct kg_plan *p = plan("small", NULL);
    KG_AUTO_SESSION struct kg_session *s = worker(p, "small");
    struct kg_plan_table fake = *table(p, "public", "a");
    struct kg_err err = { 0 };

    (void)state;
    fake.oid++;
    expect(kg_plan_lock(s, &fake, &err), &err, KG_E_DB_ERROR, "replaced");
    err = (struct kg_err){ 0 };
    fake.name = "gone";
    expect(kg_plan_lock(s, &fake, &err), &err, KG_E_DB_ERROR, "gone");
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_plan_lock(s, table(p, "public", "b"), &err), 0);
}

/* ---- privileges ---- */

static void test_missing_privileges_are_told(void **state)
{
    KG_AUTO_CONNINFO struct kg_conninfo c = pg_cluster_login(pg, "small", "reader", "p:\\w '\"");
    KG_AUTO_SESSION struct kg_session *s = session("small");
    struct kg_plan_opts o = { 0 };
    struct kg_plan *p = NULL;
    struct kg_err err = { 0 };

    (void)state;
    expect(kg_plan_make(&c, "small", &o, &p, &err), &err, KG_E_DB_PRIVILEGE, "pg_read_all_data");
    ok(s, "GRANT SELECT ON public.a, public.b TO reader; GRANT USAGE ON SCHEMA public TO reader");
    err = (struct kg_err){ 0 };
    /* The password reaches pg_dump, too. */
    if (kg_plan_make(&c, "small", &o, &p, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(p->n_tables, 2);
    kg_plan_free(p);
    ok(s, "ALTER TABLE public.a ENABLE ROW LEVEL SECURITY");
    if (kg_plan_make(&c, "small", &o, &p, &err) == 0) {
        KG_AUTO_SESSION struct kg_session *w = NULL;
        KG_AUTO_BUF struct kg_buf rows = KG_BUF_INIT(10000);
        KG_AUTO_FREE char *sql = kg_plan_copy_sql(table(p, "public", "a"), 0, 0);

        assert_int_equal(kg_session_open(&c, "small", "test", &w, &err), 0);
        assert_int_equal(kg_session_begin_dump(w, "UTF8", p->snapshot, &err), 0);
        expect(kg_copy_out(w, sql, add_row, &rows, &err), &err, KG_E_DB_PRIVILEGE, "BYPASSRLS");
        kg_plan_free(p);
    } else {
        expect(-(int)err.code, &err, KG_E_DB_PRIVILEGE, "BYPASSRLS");
    }
    ok(s, "ALTER TABLE public.a DISABLE ROW LEVEL SECURITY");
}

/* ---- pg_dump misbehaves ---- */

static void fake(const char *program, const char *version, const char *body)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/%s", dir, program);
    KG_AUTO_FREE char *text = kg_xprintf("#!/bin/sh\n[ \"$1\" = --version ] && { echo '%s (PostgreSQL) %s'; exit 0; }\nreal=%s/%s\n%s\n",
                                         program, version, pg->bin, program, body);
    struct kg_err err = { 0 };

    if (kg_write_file(path, text, strlen(text), 0755, &err) < 0)
        fail_msg("%s", err.msg);
}

static void test_a_pg_dump_that_fails_is_a_failure_with_what_it_said(void **state)
{
    static const struct { const char *body; enum kg_code code; const char *told; } cases[] = {
        { "echo 'pg_dump: error: something odd' >&2; exit 1", KG_E_DUMP_FAILED, "something odd" },
        { "exit 0", KG_E_DUMP_FAILED, "exited with 0" },
        { "kill -9 $$", KG_E_DUMP_FAILED, "signal 9" },
        { "echo garbage and more garbage", KG_E_ARCHIVE, "custom format" },
        { "head -c 3000 /dev/urandom", KG_E_ARCHIVE, "custom format" },
        { "\"$real\" \"$@\" | head -c 1500; exit 0", KG_E_DUMP_FAILED, "before its table of contents" },
        { "\"$real\" \"$@\" -s; echo 'pg_dump: error: late trouble' >&2; exit 1", KG_E_DUMP_FAILED, "late trouble" },
        { "echo 'pg_dump: error: query failed: ERROR:  permission denied for table x' >&2; exit 1", KG_E_DB_PRIVILEGE,
          "permission denied" },
        { "echo 'pg_dump: error: query failed: ERROR:  out of shared memory' >&2; exit 1", KG_E_DB_LIMIT, "max_locks_per_transaction" },
        { "echo 'pg_dump: error: query failed: ERROR:  invalid snapshot identifier: \"x\"' >&2; exit 1", KG_E_DB_POOLER, "proxy" },
        { "echo 'pg_dump: error: query failed: ERROR:  canceling statement due to conflict with recovery' >&2; exit 1", KG_E_DB_STANDBY,
          "hot_standby_feedback" },
        { "i=0; while [ $i -lt 5000 ]; do echo \"pg_dump: a long story $i\" >&2; i=$((i + 1)); done;"
          " echo 'pg_dump: error: at last' >&2; exit 1",
          KG_E_DUMP_FAILED, "at last" },
        { "\"$real\" \"$@\" --inserts", KG_E_ARCHIVE, "COPY" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_BUF struct kg_buf said = KG_BUF_INIT(4096);
        struct kg_plan_opts o = { .bin_dir = dir, .lock_tries = 1, .pg_dump_stderr = &said };
        struct kg_plan *p = NULL;
        struct kg_err err = { 0 };

        fake("pg_dump", "15.20", cases[i].body);
        expect(kg_plan_make(&pg->conn, "small", &o, &p, &err), &err, cases[i].code, cases[i].told);
        assert_null(p);
        if (strstr(cases[i].body, ">&2"))
            assert_true(said.len > 10 && said.p[said.len - 1] == '\n' && strstr(said.p, "error: "));
    }
}

static void test_a_server_newer_than_every_pg_dump_is_refused_with_the_package_to_install(void **state)
{
    struct kg_tool t;
    struct kg_err err = { 0 };

    (void)state;
    fake("pg_dump", "9.6.24", "exit 1");
    expect(kg_tool_find("pg_dump", dir, 48, &t, &err), &err, KG_E_DB_VERSION, "postgresql-client-48");
    err = (struct kg_err){ 0 };
    expect(kg_tool_find("no_such_program", dir, 15, &t, &err), &err, KG_E_NO_PROGRAM, "no_such_program");
    err = (struct kg_err){ 0 };
    fake("pg_dump", "19beta1 (Debian 19~beta1)", "exit 1");
    assert_int_equal(kg_tool_find("pg_dump", dir, 15, &t, &err), 0);
    assert_int_equal(t.version_num, 190000);
    assert_string_equal(t.version, "19beta1");
    assert_int_equal(kg_tool_find("pg_dump", NULL, 12, &t, &err), 0);
    assert_true(t.version_num >= 120000);
    assert_null(strstr(t.path, "/usr/bin/")); /* not the wrapper */
}

static bool yes(void *ctx)
{
    (void)ctx;
    return true;
}

static void test_planning_can_be_cancelled_while_pg_dump_hangs(void **state)
{
    struct kg_plan_opts o = { .bin_dir = dir, .cancelled = yes };
    struct kg_plan *p = NULL;
    struct kg_err err = { 0 };
    kg_usec began = kg_now_mono();

    (void)state;
    fake("pg_dump", "15.20", "sleep 60");
    expect(kg_plan_make(&pg->conn, "small", &o, &p, &err), &err, KG_E_CANCELLED, "");
    assert_true(kg_now_mono() - began < 10 * KG_SECOND);
}

/* ---- encodings ---- */

static void test_names_of_a_latin1_database_come_in_utf8(void **state)
{
    KG_AUTO_BUF struct kg_buf rows = KG_BUF_INIT(10000);

    (void)state;
    assert_int_equal(pg_cluster_sql(pg, "postgres", "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"), 0);
    assert_int_equal(pg_cluster_sql(pg, "latin", "CREATE TABLE plain(a text); INSERT INTO plain VALUES (E'caf\\u00e9')"), 0);
    {
        KG_AUTO_PLAN struct kg_plan *p = plan("latin", NULL);
        KG_AUTO_SESSION struct kg_session *s = worker(p, "latin");

        assert_string_equal(kg_archive_encoding(p->archive), "LATIN1"); /* as stored, where the names allow it */
        copy(s, table(p, "public", "plain"), 0, 0, &rows);
        assert_string_equal(rows.p, "caf\xe9\n");
        assert_string_equal(kg_json_str(p->facts, "postgres.encoding"), "LATIN1");
    }
    assert_int_equal(pg_cluster_sql(pg, "latin", "CREATE TABLE \"été\"(\"où\" int); INSERT INTO \"été\" VALUES (1)"), 0);
    KG_AUTO_PLAN struct kg_plan *p = plan("latin", NULL);
    KG_AUTO_SESSION struct kg_session *s = worker(p, "latin");
    struct kg_err err = { 0 };

    assert_string_equal(kg_archive_encoding(p->archive), "UTF8");
    assert_string_equal(table(p, "public", "été")->columns, "(\"où\")");
    assert_int_equal(kg_plan_lock(s, table(p, "public", "été"), &err), 0);
    kg_buf_reset(&rows);
    copy(s, table(p, "public", "plain"), 0, 0, &rows);
    assert_string_equal(rows.p, "café\n");
    kg_buf_reset(&rows);
    copy(p->leader, table(p, "public", "été"), 0, 0, &rows);
    assert_string_equal(rows.p, "1\n");
}

/* ---- programs and passwords ---- */

static void test_a_password_is_in_no_argument_and_no_environment(void **state)
{
    static const char *const argv[] = { "pg_dump", "--schema-only", NULL };
    KG_AUTO_CONNINFO struct kg_conninfo c = pg_cluster_login(pg, "small", "reader", "p:\\w '\"");
    KG_AUTO_BUF struct kg_buf out = KG_BUF_INIT(1 << 20);
    struct kg_err err = { 0 };
    struct kg_tool t;
    struct kg_tool_run run = { .tool = &t, .conn = &c, .database = "small", .argv = argv, .out = &out, .fail_code = KG_E_DUMP_FAILED };

    (void)state;
    fake("pg_dump", "15.20", "tr '\\0' '\\n' </proc/$$/cmdline; tr '\\0' '\\n' </proc/$$/environ;"
                             " echo \"fds: $(ls /proc/$$/fd | tr '\\n' ' ')\";"
                             " stat -L -c 'mode %a' /proc/self/fd/3; cat /proc/self/fd/3");
    assert_int_equal(kg_tool_find("pg_dump", dir, 15, &t, &err), 0);
    if (kg_tool_run(&run, &err) < 0)
        fail_msg("%s", err.msg);
    assert_non_null(strstr(out.p, "PGPASSFILE=/proc/self/fd/3\n"));
    assert_non_null(strstr(out.p, "LC_MESSAGES=C\n"));
    assert_non_null(strstr(out.p, "mode 600\n*:*:*:reader:p\\:\\\\w '\"\n"));
    *strstr(out.p, "mode 600") = '\0';
    assert_null(strstr(out.p, "p:"));
    assert_null(strstr(out.p, "w '"));
}

static int file_of(const char *name, const struct kg_buf *b)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/%s", dir, name);
    struct kg_err err = { 0 };

    if (kg_write_file(path, b->p, b->len, 0644, &err) < 0)
        fail_msg("%s", err.msg);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void test_parallel_pg_restore_gets_the_password_in_every_job(void **state)
{
    static const char *const dump_argv[] = { "pg_dump", "-Fc", "-Z0", NULL };
    const char *restore_argv[] = { "pg_restore", "-j2", "--no-owner", "--no-privileges", NULL, NULL };
    KG_AUTO_CONNINFO struct kg_conninfo c = pg_cluster_login(pg, "small", "reader", "p:\\w '\"");
    KG_AUTO_SESSION struct kg_session *s = session("small");
    KG_AUTO_BUF struct kg_buf out = KG_BUF_INIT(1 << 20);
    KG_AUTO_FREE char *path = kg_xprintf("%s/small.dump", dir);
    struct kg_err err = { 0 };
    struct kg_tool t;
    struct kg_tool_run run = { .tool = &t, .conn = &c, .database = "small", .argv = dump_argv, .out = &out, .fail_code = KG_E_DUMP_FAILED };

    (void)state;
    ok(s, "GRANT SELECT ON public.a, public.b TO reader");
    assert_int_equal(kg_tool_find("pg_dump", pg->bin, 15, &t, &err), 0);
    if (kg_tool_run(&run, &err) < 0)
        fail_msg("%s", err.msg);
    close(file_of("small.dump", &out));
    assert_int_equal(pg_cluster_sql(pg, "postgres", "CREATE DATABASE copied OWNER reader"), 0);
    assert_int_equal(kg_tool_find("pg_restore", pg->bin, 15, &t, &err), 0);
    restore_argv[4] = path;
    run = (struct kg_tool_run){ .tool = &t, .conn = &c, .database = "copied", .argv = restore_argv, .fail_code = KG_E_RESTORE_FAILED };
    if (kg_tool_run(&run, &err) < 0)
        fail_msg("%s", err.msg);
    KG_AUTO_SESSION struct kg_session *there = session("copied");
    KG_AUTO_FREE char *n = one(there, "SELECT count(*) FROM public.a");
    assert_string_equal(n, "100");
}

static void test_a_program_that_fails_or_hangs_is_told_and_ended(void **state)
{
    static const char *const argv[] = { "pg_dump", NULL };
    KG_AUTO_BUF struct kg_buf said = KG_BUF_INIT(1 << 20);
    struct kg_err err = { 0 };
    struct kg_tool t;
    struct kg_tool_run run = { .tool = &t, .conn = &pg->conn, .argv = argv, .err_tail = &said, .fail_code = KG_E_RESTORE_FAILED };
    kg_usec began;

    (void)state;
    fake("pg_dump", "15.20", "i=0; while [ $i -lt 20000 ]; do echo \"line $i\"; echo \"line $i\" >&2; i=$((i + 1)); done;"
                             "printf 'the last\\033[2J\\n\\n' >&2; exit 3");
    assert_int_equal(kg_tool_find("pg_dump", dir, 15, &t, &err), 0);
    expect(kg_tool_run(&run, &err), &err, KG_E_RESTORE_FAILED, "exited with 3: the last?[2J");
    assert_true(said.len > 10000 && said.len <= 65536);
    err = (struct kg_err){ 0 };
    fake("pg_dump", "15.20", "exec sleep 60");
    run.cancelled = yes;
    began = kg_now_mono();
    expect(kg_tool_run(&run, &err), &err, KG_E_CANCELLED, "");
    assert_true(kg_now_mono() - began < 5 * KG_SECOND);
}

/* ---- what belongs to the server ---- */

static const struct kg_json *role_of(const struct kg_json *globals, const char *name)
{
    for (const struct kg_json *r = kg_json_first(kg_json_get(globals, "roles")); r; r = kg_json_next(r))
        if (strcmp(kg_json_str_or(r, "name", ""), name) == 0)
            return r;
    fail_msg("no role %s", name);
    return NULL;
}

static void test_roles_come_with_everything_but_passwords(void **state)
{
    KG_AUTO_SESSION struct kg_session *s = session("small");
    KG_AUTO_JSON struct kg_json *g = NULL;
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(1 << 20);
    struct kg_err err = { 0 };

    (void)state;
    ok(s, "CREATE ROLE g_all SUPERUSER CREATEROLE LOGIN CONNECTION LIMIT 3 PASSWORD 'x' VALID UNTIL '2031-01-01 00:00:00+00'");
    ok(s, "CREATE ROLE g_in NOINHERIT; GRANT g_all TO g_in WITH ADMIN OPTION; ALTER ROLE g_in SET search_path = 'a b', c");
    ok(s, "SET TimeZone = 'UTC'; BEGIN");
    if (kg_globals_read(s, &g, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(kg_json_bool(role_of(g, "g_all"), "superuser", false) && kg_json_bool(role_of(g, "g_all"), "login", false));
    assert_string_equal(kg_json_str(role_of(g, "g_all"), "connectionLimit"), "3");
    assert_string_equal(kg_json_str(role_of(g, "g_all"), "validUntil"), "2031-01-01 00:00:00+00");
    assert_false(kg_json_bool(role_of(g, "g_in"), "inherit", true));
    assert_string_equal(kg_json_str(role_of(g, "app \"odd\" ñ"), "connectionLimit"), "-1");
    kg_json_print(g, false, &text);
    assert_non_null(strstr(text.p, "{\"role\":\"g_in\",\"name\":\"search_path\",\"value\":\"\\\"a b\\\", c\"}"));
    assert_non_null(strstr(text.p, "{\"role\":\"g_all\",\"member\":\"g_in\""));
    assert_null(strstr(text.p, "SCRAM"));
    assert_null(strstr(text.p, "\"name\":\"pg_"));
    /* The transaction goes on. */
    KG_AUTO_FREE char *still = one(s, "SELECT pg_catalog.count(*) FROM pg_catalog.pg_roles WHERE rolname LIKE 'g\\_%'");
    assert_string_equal(still, "2");
    ok(s, "ROLLBACK; DROP ROLE g_all, g_in");
}

static void test_who_may_not_read_passwords_is_told_and_goes_on(void **state)
{
    KG_AUTO_SESSION struct kg_session *s = session("small");
    KG_AUTO_SECRET struct kg_secret *secret = NULL;
    struct kg_password_record p;
    struct kg_err err = { 0 };
    const unsigned char *at, *end;
    bool good = false, found = false;

    (void)state;
    ok(s, "BEGIN; CREATE ROLE g_login LOGIN PASSWORD 'x'; CREATE ROLE g_plain");
    if (kg_globals_read_passwords(s, &secret, &err) < 0)
        fail_msg("%s", err.msg);
    at = kg_secret_open(secret);
    end = at + kg_secret_size(secret);
    while (kg_globals_next_password(&at, end, &p, &good))
        found |= p.role_n == 7 && memcmp(p.role, "g_login", 7) == 0 && p.hash_n > 14 && memcmp(p.hash, "SCRAM-SHA-256$", 14) == 0;
    assert_true(found && good);
    /* Records that break off. */
    at = kg_secret_open(secret);
    for (const unsigned char *short_end = at + 5; kg_globals_next_password(&at, short_end, &p, &good);)
        fail_msg("a record of five bytes");
    assert_false(good);
    kg_secret_shut(secret);
    kg_secret_shut(secret);
    ok(s, "SET LOCAL ROLE g_plain");
    kg_secret_free(KG_TAKE(secret));
    expect(kg_globals_read_passwords(s, &secret, &err), &err, KG_E_DB_PRIVILEGE, "pg_authid");
    assert_null(secret);
    KG_AUTO_FREE char *still = one(s, "SELECT current_user");
    assert_string_equal(still, "g_plain");
    ok(s, "ROLLBACK");
}

/* ---- large objects ---- */

struct object { uint32_t oid; size_t n; uint64_t sum; };
struct objects { struct object o[64]; size_t n, pages, largest; struct kg_blob_load *load; };

static int see_page(void *ctx, uint32_t oid, const void *page, size_t n, struct kg_err *err)
{
    struct objects *all = ctx;
    const unsigned char *p = page;
    struct object *o;

    if (!all->n || all->o[all->n - 1].oid != oid)
        all->o[all->n++].oid = oid;
    o = &all->o[all->n - 1];
    all->pages++;
    all->largest = n > all->largest ? n : all->largest;
    if (all->load && kg_blobs_in_add(all->load, oid, o->n, page, n, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < n; i++)
        o->sum = o->sum * 31 + p[i];
    o->n += n;
    return 0;
}

static void test_large_objects_of_all_sizes_go_out_and_come_back(void **state)
{
    static const size_t sizes[] = { 0, 1, 2047, 2048, 1048575, 1048576, 1048577, 3500000, 5, 2097152, 0 };
    struct objects before = { .n = 0 }, after = { .n = 0 };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(pg_cluster_sql(pg, "postgres", "CREATE DATABASE lo"), 0);
    assert_int_equal(pg_cluster_sql(pg, "postgres", "CREATE DATABASE lo2"), 0);
    KG_AUTO_SESSION struct kg_session *s = session("lo");
    KG_AUTO_SESSION struct kg_session *to = session("lo2");
    for (size_t i = 0; i < KG_ARRAY_LEN(sizes); i++)
        if (kg_session_runf(s, &err, "SELECT lo_from_bytea(%zu, convert_to(left(repeat(md5('%zu'), %zu), %zu), 'UTF8'))",
                            i < 8 ? 1000 + i * 7 : (size_t)4000000000u + i, i, sizes[i] / 32 + 1, sizes[i]) < 0)
            fail_msg("%s", err.msg);
    assert_int_equal(kg_session_begin_load(to, "UTF8", &err), 0);
    ok(to, "BEGIN");
    for (size_t i = 0; i < KG_ARRAY_LEN(sizes); i++)
        if (kg_session_runf(to, &err, "SELECT lo_create(%zu)", i < 8 ? 1000 + i * 7 : (size_t)4000000000u + i) < 0)
            fail_msg("%s", err.msg);
    assert_int_equal(kg_session_begin_dump(s, "UTF8", NULL, &err), 0);
    assert_int_equal(kg_blobs_in_begin(to, &before.load, &err), 0);
    if (kg_blobs_out(s, see_page, &before, &err) < 0)
        fail_msg("%s", err.msg);
    if (kg_blobs_in_end(before.load, &err) < 0)
        fail_msg("%s", err.msg);
    ok(to, "COMMIT");
    assert_int_equal(before.n, KG_ARRAY_LEN(sizes));
    assert_int_equal(before.largest, 1 << 20);
    for (size_t i = 0; i < before.n; i++)
        assert_int_equal(before.o[i].n, sizes[i]);
    if (kg_blobs_out(to, see_page, &after, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(after.n, before.n);
    assert_memory_equal(after.o, before.o, before.n * sizeof before.o[0]);
    KG_AUTO_FREE char *left = one(to, "SELECT count(*) FROM pg_class WHERE relname = 'keepgres_pages'");
    assert_string_equal(left, "0");
}

static void test_only_select_is_needed_to_read_large_objects(void **state)
{
    KG_AUTO_CONNINFO struct kg_conninfo c = pg_cluster_login(pg, "lo", "reader", "p:\\w '\"");
    KG_AUTO_SESSION struct kg_session *s = NULL;
    struct objects all = { .n = 0 };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_session_open(&c, NULL, "test", &s, &err), 0);
    expect(kg_blobs_out(s, see_page, &all, &err), &err, KG_E_DB_PRIVILEGE, "large object");
    assert_int_equal(pg_cluster_sql(pg, "lo", "DO $$ DECLARE o oid; BEGIN FOR o IN SELECT oid FROM pg_largeobject_metadata LOOP"
                                              " EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO reader', o); END LOOP; END $$"), 0);
    err = (struct kg_err){ 0 };
    all = (struct objects){ .n = 0 };
    if (kg_blobs_out(s, see_page, &all, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(all.n, 11);
}

/* ---- looking around ---- */

static void test_server_and_databases_describe_themselves(void **state)
{
    KG_AUTO_SESSION struct kg_session *s = session("postgres");
    KG_AUTO_JSON struct kg_json *facts = NULL;
    KG_AUTO_JSON struct kg_json *list = NULL;
    const char *before = "";
    struct kg_err err = { 0 };
    bool template0 = false;

    (void)state;
    assert_int_equal(kg_pg_server_facts(s, &facts, &err), 0);
    assert_string_equal(kg_json_str(facts, "user"), "postgres");
    assert_true(kg_json_bool(facts, "superuser", false) && kg_json_bool(facts, "canCreateDatabase", false));
    assert_int_equal(kg_json_u64(facts, "versionNum", 0), kg_session_version(s));
    assert_int_equal(kg_pg_databases(s, &list, &err), 0);
    for (const struct kg_json *d = kg_json_first(list); d; d = kg_json_next(d)) {
        assert_true(strcmp(before, kg_json_str(d, "name")) < 0);
        before = kg_json_str(d, "name");
        if (strcmp(before, "template0") == 0)
            template0 = kg_json_bool(d, "isTemplate", false) && !kg_json_bool(d, "allowConnections", true);
        assert_true(kg_json_u64(d, "bytes", 0) > 1000000);
    }
    assert_true(template0);
}

/* ---- faults ---- */

#ifdef KG_FAULTS
static void test_every_fault_while_planning_is_reported_and_leaves_nothing_behind(void **state)
{
    KG_AUTO_SESSION struct kg_session *s = session("small");

    (void)state;
    for (unsigned n = 1;; n++) {
        struct kg_plan_opts o = { .lock_tries = 1 };
        struct kg_plan *p = NULL;
        struct kg_err err = { 0 };
        int r;

        kg_fault_arm(KG_FP_ANY, n, ECONNRESET);
        r = kg_plan_make(&pg->conn, "small", &o, &p, &err);
        if (!kg_fault_fired()) {
            assert_int_equal(r, 0);
            assert_true(n > 10);
            kg_plan_free(p);
            break;
        }
        if (r == 0) /* the one that only asked a program for its version: another one was found */
            kg_plan_free(p);
        else
            assert_true(err.code != KG_E_OK);
    }
    kg_fault_reset();
    wait_until(s, "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 'keepgres%' AND pid <> pg_backend_pid()");
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_plan_of_the_corpus_has_its_tables_and_facts),
        cmocka_unit_test(test_the_archive_is_what_pg_dump_writes_to_a_file),
        cmocka_unit_test(test_slices_of_a_table_give_the_bytes_of_the_whole),
        cmocka_unit_test(test_every_table_of_the_corpus_is_locked_and_read),
        cmocka_unit_test(test_any_table_of_the_corpus_alone_can_be_restored),
        cmocka_unit_test(test_any_schema_of_the_corpus_alone_can_be_restored),
        cmocka_unit_test(test_a_lock_that_does_not_go_away_is_told_with_its_holder),
        cmocka_unit_test(test_a_lock_that_goes_away_is_waited_for_and_its_work_is_seen),
        cmocka_unit_test(test_a_waiting_alter_table_leaves_the_table_to_the_leader),
        cmocka_unit_test(test_a_table_that_was_replaced_is_not_read),
        cmocka_unit_test(test_missing_privileges_are_told),
        cmocka_unit_test(test_a_pg_dump_that_fails_is_a_failure_with_what_it_said),
        cmocka_unit_test(test_a_server_newer_than_every_pg_dump_is_refused_with_the_package_to_install),
        cmocka_unit_test(test_planning_can_be_cancelled_while_pg_dump_hangs),
        cmocka_unit_test(test_names_of_a_latin1_database_come_in_utf8),
        cmocka_unit_test(test_a_password_is_in_no_argument_and_no_environment),
        cmocka_unit_test(test_parallel_pg_restore_gets_the_password_in_every_job),
        cmocka_unit_test(test_a_program_that_fails_or_hangs_is_told_and_ended),
        cmocka_unit_test(test_roles_come_with_everything_but_passwords),
        cmocka_unit_test(test_who_may_not_read_passwords_is_told_and_goes_on),
        cmocka_unit_test(test_large_objects_of_all_sizes_go_out_and_come_back),
        cmocka_unit_test(test_only_select_is_needed_to_read_large_objects),
        cmocka_unit_test(test_server_and_databases_describe_themselves),
#ifdef KG_FAULTS
        cmocka_unit_test(test_every_fault_while_planning_is_reported_and_leaves_nothing_behind),
#endif
    };

    return cmocka_run_group_tests(tests, start, stop);
}
