/* Roles go into the document and come back from it on every PostgreSQL at hand: the installed one, and those that
 * tests/support/other_majors.sh left in build/postgres. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "pg/globals.h"
#include "plugin/rolesql.h"
#include "support/pg_cluster.h"

enum { MAJORS_MAX = 16 };
static const char made[] =
    "CREATE ROLE owner NOLOGIN CREATEDB CONNECTION LIMIT 5; CREATE ROLE \"Odd;\"\"role\" LOGIN SUPERUSER"
    " VALID UNTIL '2033-04-05 06:07:08+02';"
    "CREATE ROLE quiet NOINHERIT REPLICATION BYPASSRLS CREATEROLE PASSWORD 'x'; CREATE ROLE reader; CREATE ROLE admin;"
    "COMMENT ON ROLE owner IS E'it''s \\\\ \"odd\"'; ALTER ROLE reader SET search_path = \"$user\", 'a b', public;"
    "ALTER ROLE reader SET work_mem = '9MB'; ALTER ROLE owner SET \"my.Param\" = E'x=\\'y\\''; ALTER ROLE owner SET datestyle = 'iso, dmy';"
    "GRANT owner TO quiet; GRANT reader TO admin WITH ADMIN OPTION; GRANT pg_read_all_settings TO reader;"
    "SET ROLE admin; GRANT reader TO \"Odd;\"\"role\"; RESET ROLE";
static const char since_16[] = "GRANT owner TO admin WITH INHERIT FALSE, SET FALSE; GRANT reader TO quiet WITH INHERIT TRUE, ADMIN TRUE";
static const char dropped[] = "DROP ROLE IF EXISTS \"Odd;\"\"role\", quiet; DROP OWNED BY reader, admin CASCADE;"
                              "DROP ROLE IF EXISTS reader, admin, owner";

static void ok(struct kg_session *s, const char *sql)
{
    struct kg_err err = { 0 };

    if (kg_session_run(s, sql, &err) < 0)
        fail_msg("PostgreSQL %d: %s: %s", kg_session_version(s) / 10000, sql, err.msg);
}

static struct kg_session *session(struct pg_cluster *pg)
{
    struct kg_session *s = NULL;
    struct kg_err err = { 0 };

    if (kg_session_open(&pg->conn, "postgres", "test", &s, &err) < 0)
        fail_msg("%s", err.msg);
    ok(s, "SET TimeZone = 'UTC'");
    return s;
}

static struct kg_json *globals(struct kg_session *s)
{
    struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    ok(s, "BEGIN");
    if (kg_globals_read(s, &j, &err) < 0)
        fail_msg("PostgreSQL %d: %s", kg_session_version(s) / 10000, err.msg);
    ok(s, "COMMIT");
    return j;
}

/* What is the same on every server, with who granted what since 16 only. */
static char *text_of(const struct kg_json *globals_doc, bool options)
{
    static const char *const lists[] = { "roles", "memberships", "settings", "labels" };
    struct kg_buf b = KG_BUF_INIT(1 << 20);

    for (size_t i = 0; i < KG_ARRAY_LEN(lists); i++)
        for (const struct kg_json *e = kg_json_first(kg_json_get(globals_doc, lists[i])); e; e = kg_json_next(e)) {
            KG_AUTO_JSON struct kg_json *copy = kg_json_copy(e);

            if (!options) {
                kg_json_remove(copy, "grantor");
                kg_json_remove(copy, "inherit");
                kg_json_remove(copy, "set");
            }
            kg_json_print(copy, false, &b);
            kg_buf_adds(&b, "\n");
        }
    return kg_buf_take(&b);
}

static bool is_ours(void *ctx, const char *role)
{
    (void)ctx;
    return strcmp(role, "postgres") != 0;
}

static bool is_any(void *ctx, const char *role)
{
    (void)ctx;
    (void)role;
    return true;
}

static void make_again(struct kg_session *s, const struct kg_json *doc)
{
    static const struct kg_role_choice choice = { is_ours, is_any, NULL };
    KG_CLEANUP(kg_role_script_done) struct kg_role_script script = { 0 };

    kg_role_script_make(doc, &choice, &script);
    for (size_t i = 0; i < script.n; i++)
        ok(s, script.statement[i].sql);
}

static size_t servers(const char **ret, glob_t *g)
{
    size_t n = 0;
    KG_AUTO_FREE char *here = realpath(".", NULL), *pattern = kg_xprintf("%s/build/postgres/*/bin", here);

    ret[n++] = NULL;                     /* the newest that is installed */
    if (glob(pattern, 0, NULL, g) == 0)
        for (size_t i = 0; i < g->gl_pathc && n < MAJORS_MAX; i++)
            ret[n++] = g->gl_pathv[i];
    return n;
}

static void test_roles_come_back_as_they_were_on_every_major(void **state)
{
    const char *bin[MAJORS_MAX];
    glob_t g = { 0 };
    size_t n = servers(bin, &g);
    KG_AUTO_JSON struct kg_json *oldest = NULL;

    (void)state;
    for (size_t i = 0; i < n; i++) {
        struct pg_cluster *pg = pg_cluster_start(bin[i], NULL);

        if (!pg && bin[i]) {             /* the server's user may not get there */
            print_message("skip: %s does not start\n", bin[i]);
            continue;
        }
        assert_non_null(pg);
        KG_CLEANUP(kg_session_closep) struct kg_session *s = session(pg);
        KG_AUTO_JSON struct kg_json *before = NULL, *after = NULL;
        bool options = kg_session_version(s) >= 160000;

        ok(s, made);
        if (options)
            ok(s, since_16);
        before = globals(s);
        ok(s, dropped);
        make_again(s, before);
        after = globals(s);
        KG_AUTO_FREE char *was = text_of(before, true), *is = text_of(after, true);
        if (strcmp(was, is) != 0)
            fail_msg("PostgreSQL %d:\n%s\nis not\n%s", kg_session_version(s) / 10000, is, was);
        assert_non_null(strstr(was, options ? "\"set\":false" : "\"admin\":true"));
        assert_non_null(strstr(was, "my.Param"));
        if (oldest) {                    /* another major's document */
            KG_AUTO_JSON struct kg_json *moved = NULL;

            ok(s, dropped);
            make_again(s, oldest);
            moved = globals(s);
            KG_AUTO_FREE char *there = text_of(oldest, false), *here = text_of(moved, false);
            if (strcmp(there, here) != 0)
                fail_msg("on PostgreSQL %d:\n%s\nis not\n%s", kg_session_version(s) / 10000, here, there);
        } else {
            oldest = KG_TAKE(before);
        }
        print_message("PostgreSQL %d\n", kg_session_version(s) / 10000);
        kg_session_close(KG_TAKE(s));
        pg_cluster_stop(pg);
    }
    globfree(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_roles_come_back_as_they_were_on_every_major) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
