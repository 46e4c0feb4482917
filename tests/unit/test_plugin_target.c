/* What is taken out of an archive for a server that lacks roles, what is read of the database itself, which part of it
 * pg_restore gets, and what of its errors may be passed over. Nothing here needs a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "plugin/dbprops.h"
#include "plugin/pg_restore.h"
#include "plugin/pg_restore_said.h"
#include "plugin/sqltext.h"
#include "plugin/target.h"

/* ---- archives of a few entries ---- */

enum { ROWS_MAX = 16, DEPS_MAX = 4 };
struct row { const char *desc, *tag, *owner, *defn, *tablespace, *dep; };      /* dep: ids with blanks between them */

static struct kg_archive *archive_of(const struct row *row, size_t n)
{
    static char id[ROWS_MAX][DEPS_MAX][8];
    static const char *dep[ROWS_MAX][DEPS_MAX];
    KG_AUTO_FREE struct kg_toc_entry *e = kg_xalloc_array(n, sizeof *e);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1u << 20);
    struct kg_archive a = { .version = { 1, 14, 0 }, .int_size = 4, .offset_size = 8, .format = 1, .dbname = "src",
                            .server_version = "15", .dump_version = "15", .entry = e, .n_entries = n };
    struct kg_archive *ret = NULL;
    struct kg_err err = { 0 };

    for (size_t i = 0; i < n; i++) {
        e[i] = (struct kg_toc_entry){ .dump_id = (int)i + 1, .table_oid = "0", .oid = "0", .desc = row[i].desc, .tag = row[i].tag,
                                      .owner = row[i].owner ? row[i].owner : "", .defn = row[i].defn ? row[i].defn : "",
                                      .drop = "", .tablespace = row[i].tablespace ? row[i].tablespace : "", .tableam = "",
                                      .with_oids = "false", .section = 2, .has_data = strcmp(row[i].desc, "TABLE DATA") == 0,
                                      .copy = "" };
        e[i].deps = dep[i];
        for (const char *p = row[i].dep; p && *p; p += strcspn(p, " "), p += *p == ' ') {
            snprintf(id[i][e[i].n_deps], sizeof id[i][0], "%.*s", (int)strcspn(p, " "), p);
            dep[i][e[i].n_deps] = id[i][e[i].n_deps];
            e[i].n_deps++;
        }
    }
    kg_archive_write(&a, NULL, true, &b);
    if (kg_archive_parse_memory(b.p, b.len, &ret, &err) < 0)
        fail_msg("%s", err.msg);
    return ret;
}

/* A server with the roles ann, ben and the restoring user me; cat is there, too, but not for me. */
static struct kg_target *target(bool superuser)
{
    struct kg_target *t = kg_target_new("me", superuser);

    kg_target_add_role(t, "me", true, true);
    kg_target_add_role(t, "cat", superuser, superuser);
    kg_target_add_role(t, "ben", true, true);
    kg_target_add_role(t, "ann", true, true);
    kg_target_add_tablespace(t, "pg_default");
    return t;
}

struct said { struct kg_buf text; unsigned n; };

static void on_warn(void *ctx, const struct kg_err *e)
{
    struct said *s = ctx;

    s->n++;
    kg_buf_addf(&s->text, "%s\n", e->msg);
    assert_true(e->action[0]);
}

/* ---- statements ---- */

static void test_statements_end_at_semicolons_that_are_not_quoted(void **state)
{
    static const char text[] = "  GRANT a TO \"x;\"\"y\" ;;\nCOMMENT ON b IS 'it''s; ';\n E'\\'; ' SET ; \"open;";
    static const char *const want[] = { "GRANT a TO \"x;\"\"y\"", "COMMENT ON b IS 'it''s; '", "E'\\'; ' SET", "\"open;" };
    const char *at = text, *end = text + strlen(text);
    struct kg_sql_part s;

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(want); i++) {
        assert_true(kg_sql_statement(&at, end, &s));
        assert_int_equal(s.n, strlen(want[i]));
        assert_memory_equal(s.at, want[i], s.n);
    }
    assert_false(kg_sql_statement(&at, end, &s));
}

static void test_a_name_is_read_without_its_quotes(void **state)
{
    static const struct { const char *text, *name; } cases[] = {
        { "plain rest", "plain" }, { "\"With \"\"quotes\"\"\"", "With \"quotes\"" }, { "Größe", "Größe" }, { "'text'", NULL },
        { "(", NULL }, { "", NULL }, { "\"", "" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        const char *at = cases[i].text;
        struct kg_sql_token t = kg_sql_next(&at, at + strlen(at));
        KG_AUTO_FREE char *name = kg_sql_name(&t);

        if (cases[i].name)
            assert_string_equal(name, cases[i].name);
        else
            assert_null(name);
    }
}

/* ---- roles ---- */

static void test_an_entry_keeps_the_statements_whose_roles_are_there(void **state)
{
    static const struct { const char *desc, *defn, *want; bool superuser; } cases[] = {
        { "ACL", "GRANT SELECT ON TABLE s.t TO ann;\nGRANT ALL ON TABLE s.t TO PUBLIC;\n", NULL, true },
        { "ACL", "GRANT SELECT ON TABLE s.t TO dora;\nREVOKE ALL ON TABLE s.t FROM PUBLIC;\nGRANT ALL ON TABLE s.t TO ann;\n",
          "REVOKE ALL ON TABLE s.t FROM PUBLIC;\nGRANT ALL ON TABLE s.t TO ann;\n", true },
        { "ACL", "GRANT SELECT ON TABLE s.\" TO dora;\" TO ann WITH GRANT OPTION;\n", NULL, true },
        { "ACL", "GRANT SELECT ON TABLE s.t TO \"dora; TO ann\";\n", "", true },
        { "ACL", "REVOKE ALL ON TABLE s.t FROM dora;\nGRANT SELECT(\" FROM x\") ON TABLE s.t TO ben;\n",
          "GRANT SELECT(\" FROM x\") ON TABLE s.t TO ben;\n", true },
        { "ACL", "SET SESSION AUTHORIZATION dora;\nGRANT SELECT ON TABLE t TO ann;\nRESET SESSION AUTHORIZATION;\n"
                 "GRANT INSERT ON TABLE t TO ann;\n", "GRANT INSERT ON TABLE t TO ann;\n", true },
        { "ACL", "SET SESSION AUTHORIZATION ann;\nGRANT SELECT ON TABLE t TO ben;\nRESET SESSION AUTHORIZATION;\n", NULL, true },
        { "ACL", "SET SESSION AUTHORIZATION ann;\nGRANT SELECT ON TABLE t TO ben;\nRESET SESSION AUTHORIZATION;\n", "", false },
        { "DEFAULT ACL", "ALTER DEFAULT PRIVILEGES FOR ROLE ann IN SCHEMA s GRANT SELECT ON TABLES  TO dora;\n"
                         "ALTER DEFAULT PRIVILEGES FOR ROLE ann IN SCHEMA s GRANT SELECT ON TABLES  TO ben;\n",
          "ALTER DEFAULT PRIVILEGES FOR ROLE ann IN SCHEMA s GRANT SELECT ON TABLES  TO ben;\n", true },
        { "DEFAULT ACL", "ALTER DEFAULT PRIVILEGES FOR ROLE dora GRANT SELECT ON TABLES  TO ann;\n", "", true },
        { "DEFAULT ACL", "ALTER DEFAULT PRIVILEGES FOR ROLE cat GRANT SELECT ON TABLES  TO ann;\n", "", false },
        { "POLICY", "CREATE POLICY p ON s.t FOR SELECT TO ann, dora, \"e, f\", ben USING ((x = ' TO dora'::text));\n",
          "CREATE POLICY p ON s.t FOR SELECT TO ann, ben USING ((x = ' TO dora'::text));\n", true },
        { "POLICY", "CREATE POLICY p ON s.t AS RESTRICTIVE TO dora USING (true);\n", "", true },
        { "POLICY", "CREATE POLICY \" TO dora\" ON s.t USING ((x = 'a TO dora'::text));\n", NULL, true },
        { "USER MAPPING", "CREATE USER MAPPING FOR dora SERVER s OPTIONS (\n    \"user\" 'x'\n);\n", "", true },
        { "USER MAPPING", "CREATE USER MAPPING FOR public SERVER s;\n", NULL, true },
        { "DATABASE PROPERTIES", "ALTER DATABASE src SET a TO 'ALTER ROLE dora';\nALTER ROLE dora IN DATABASE src SET b TO 'x';\n",
          "ALTER DATABASE src SET a TO 'ALTER ROLE dora';\n", true },
        { "FUNCTION", "CREATE FUNCTION f() … GRANT x TO dora;\n", NULL, true },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        const struct row row = { cases[i].desc, "x", NULL, cases[i].defn, NULL, NULL };
        KG_CLEANUP(kg_target_freep) struct kg_target *t = target(cases[i].superuser);
        KG_CLEANUP(kg_archive_freep) struct kg_archive *a = archive_of(&row, 1);
        bool keep = true;
        const char *want = cases[i].want ? cases[i].want : cases[i].defn;

        kg_target_adapt(t, a, &keep);
        if (keep != (*want != 0) || (keep && strcmp(a->entry[0].defn, want) != 0))
            fail_msg("case %zu: %s", i, keep ? a->entry[0].defn : "left out");
    }
}

static void test_a_comment_on_what_is_left_out_is_left_out(void **state)
{
    static const struct row rows[] = {
        { "POLICY", "t p", NULL, "CREATE POLICY p ON s.t TO dora USING (true);\n", NULL, NULL },
        { "COMMENT", "POLICY p ON t", NULL, "COMMENT ON POLICY p ON s.t IS 'x';\n", NULL, "1" },
        { "POLICY", "t q", NULL, "CREATE POLICY q ON s.t TO ann USING (true);\n", NULL, NULL },
        { "COMMENT", "POLICY q ON t", NULL, "COMMENT ON POLICY q ON s.t IS 'x';\n", NULL, "3" },
    };
    KG_CLEANUP(kg_target_freep) struct kg_target *t = target(true);
    KG_CLEANUP(kg_archive_freep) struct kg_archive *a = archive_of(rows, KG_ARRAY_LEN(rows));
    bool keep[] = { true, true, true, true };

    (void)state;
    kg_target_adapt(t, a, keep);
    assert_false(keep[0] || keep[1]);
    assert_true(keep[2] && keep[3]);
}

static void test_what_is_lost_is_told_once_a_role_with_its_number(void **state)
{
    static const struct row rows[] = {
        { "TABLE", "a", "dora", "CREATE TABLE a ();\n", "fast", NULL },
        { "TABLE", "b", "ann", "CREATE TABLE b ();\n", "pg_default", NULL },
        { "VIEW", "c", "dora", "CREATE VIEW c AS SELECT;\n", NULL, NULL },
        { "BLOB METADATA", "1..3", "dora", "1\n2\n3\n", NULL, NULL },
        { "COMMENT", "TABLE a", "dora", "COMMENT ON TABLE a IS 'x';\n", NULL, NULL },
        { "ACL", "TABLE b", "ann", "GRANT ALL ON TABLE b TO dora;\n", NULL, NULL },
        { "TABLE", "d", "cat", "CREATE TABLE d ();\n", NULL, NULL },
        { "TABLE", "e", "nobody else", "CREATE TABLE e ();\n", NULL, NULL },
    };
    KG_CLEANUP(kg_target_freep) struct kg_target *t = target(false);
    KG_CLEANUP(kg_archive_freep) struct kg_archive *a = archive_of(rows, KG_ARRAY_LEN(rows));
    bool keep[] = { true, true, true, true, true, true, true, false };
    struct said s = { .text = KG_BUF_INIT(1u << 20) };

    (void)state;
    kg_target_adapt(t, a, keep);
    assert_string_equal(a->entry[0].owner, "");
    assert_string_equal(a->entry[0].tablespace, "");
    assert_string_equal(a->entry[1].owner, "ann");
    assert_string_equal(a->entry[1].tablespace, "pg_default");
    kg_target_report(t, &(struct kg_events){ .warn = on_warn, .ctx = &s });
    assert_string_equal(s.text.p,
                        "role 'dora' does not exist on the target server: 5 objects belong to user 'me' instead; 1 privilege not applied\n"
                        "tablespace 'fast' is not there, or not for user 'me', on the target server: 1 of its objects are in the"
                        " database's own\n"
                        "user 'me' may not act for role 'cat' on the target server: 1 object belongs to user 'me' instead\n");
    kg_buf_done(&s.text);
}

/* ---- the database itself ---- */

static void test_statements_about_the_database_get_the_new_name(void **state)
{
    static const struct row rows[] = {
        { "DATABASE", "my src", "ann", "CREATE DATABASE \"my src\" WITH TEMPLATE = template0 TABLESPACE = \"f t\";\n", NULL, NULL },
        { "DATABASE PROPERTIES", "my src", NULL,
          "ALTER DATABASE \"my src\" CONNECTION LIMIT = 5;\nALTER DATABASE \"my src\" IS_TEMPLATE = true;\n"
          "ALTER DATABASE \"my src\" SET x.y TO 'on DATABASE \"my src\"; ';\nALTER ROLE ann IN DATABASE \"my src\" SET a TO 'b';\n"
          "UPDATE pg_catalog.pg_database SET datfrozenxid = '1';\nALTER DATABASE other SET a TO 'b';\n", NULL, NULL },
        { "ACL", "DATABASE \"my src\"", NULL, "REVOKE CONNECT,TEMPORARY ON DATABASE \"my src\" FROM PUBLIC;\n", NULL, NULL },
        { "COMMENT", "DATABASE \"my src\"", NULL, "COMMENT ON DATABASE \"my src\" IS 'DATABASE \"my src\"';\n", NULL, NULL },
    };
    static const struct { const char *sql; bool last; } want[] = {
        { "ALTER DATABASE \"new\" CONNECTION LIMIT = 5", false }, { "ALTER DATABASE \"new\" IS_TEMPLATE = true", true },
        { "ALTER DATABASE \"new\" SET x.y TO 'on DATABASE \"my src\"; '", false },
        { "ALTER ROLE ann IN DATABASE \"new\" SET a TO 'b'", false }, { NULL, false }, { NULL, false },
        { "REVOKE CONNECT,TEMPORARY ON DATABASE \"new\" FROM PUBLIC", false },
        { "COMMENT ON DATABASE \"new\" IS 'DATABASE \"my src\"'", true },
    };
    KG_CLEANUP(kg_archive_freep) struct kg_archive *a = archive_of(rows, KG_ARRAY_LEN(rows));
    KG_CLEANUP(kg_dbprops_done) struct kg_dbprops p = { 0 };
    bool keep[] = { true, true, true, true };

    (void)state;
    kg_dbprops_read(a, keep, "new", &p);
    assert_string_equal(p.owner, "ann");
    assert_string_equal(p.tablespace, "f t");
    assert_int_equal(p.n_props, KG_ARRAY_LEN(want));
    for (size_t i = 0; i < p.n_props; i++) {
        if (want[i].sql)
            assert_string_equal(p.prop[i].sql, want[i].sql);
        else
            assert_null(p.prop[i].sql);
        assert_int_equal(p.prop[i].last, want[i].last);
    }
}

/* ---- pg_restore's errors ---- */

#define E "pg_restore: error: could not execute query: "
#define C "\nCommand was: "
#define N "\n\npg_restore: warning: errors ignored on restore: "

static void test_only_owners_and_grants_are_passed_over_in_any_language(void **state)
{
    static const struct { const char *text; int status; bool passes; unsigned warnings; } cases[] = {
        { "", 0, true, 0 },
        { "pg_restore: while PROCESSING TOC:\n" E "FEHLER:  Rolle »x« existiert nicht" C "ALTER TABLE s.t OWNER TO x;" N "1\n",
          1 << 8, true, 1 },
        { E "ERROR:  role \"x\" does not exist" C "GRANT ALL ON TABLE t TO x;\nGRANT ALL ON TABLE t TO y;" N "1\n", 1 << 8, true, 1 },
        { E "ERROR:  no such setting" C "SET transaction_timeout = 0;" N "1\n", 1 << 8, true, 0 },
        { E "ERROR:  role \"x\" does not exist" C "GRANT ALL ON TABLE t TO x;\nREVOKE ALL ON TABLE t FROM PUBLIC;" N "1\n",
          1 << 8, false, 0 },
        { E "ERROR:  role \"x\" does not exist" C "CREATE POLICY p ON t TO x USING (true);" N "1\n", 1 << 8, false, 0 },
        { E "ERROR:  role \"x\" does not exist" C "CREATE USER MAPPING FOR x SERVER s;" N "1\n", 1 << 8, false, 0 },
        { E "ERROR:  role \"x\" does not exist" C "ALTER DEFAULT PRIVILEGES FOR ROLE x GRANT ALL ON TABLES TO y;" N "1\n",
          1 << 8, false, 0 },
        { E "ERROR:  must be member of role \"x\"" C "CREATE TABLE t ();" N "1\n", 1 << 8, false, 0 },
        { E "ERROR:  role \"x\" does not exist" C "REVOKE ALL ON TABLE t FROM x;" N "1\n", 1 << 8, false, 0 },
        { E "ERROR:  relation \"a" C "GRANT x TO y;\n\" does not exist" C "CREATE TABLE b ();" N "1\n", 1 << 8, false, 0 },
        { E "ERROR:  relation \"a" C "GRANT x TO y;\npg_restore: \" does not exist" C "CREATE TABLE b ();" N "1\n", 1 << 8, false, 1 },
        { E "ERROR:  x" C "CREATE TABLE \"a OWNER TO x\" ();" N "1\n", 1 << 8, false, 0 },
        { E "ERROR:  x" C "ALTER TABLE t OWNER TO x;" N "2\n", 1 << 8, false, 1 },
        { E "ERROR:  x" C "ALTER TABLE t OWNER TO x;\n", 1 << 8, false, 1 },
        { E "ERROR:  x" C "ALTER TABLE t OWNER TO x;" N "1\n", 9, false, 1 },
        { "pg_restore: error: connection to server failed: gone\n", 1 << 8, false, 0 },
        { "", 1 << 8, false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct kg_pg_restore_said text = { .text = KG_BUF_INIT(1u << 20), .status = cases[i].status, .complete = true };
        struct said s = { .text = KG_BUF_INIT(1u << 20) };
        const struct kg_events ev = { .warn = on_warn, .ctx = &s };
        struct kg_err err = { 0 };
        int r;

        kg_buf_adds(&text.text, cases[i].text);
        r = kg_pg_restore_judge(&text, &ev, &err);
        if ((r == 0) != cases[i].passes || s.n != cases[i].warnings)
            fail_msg("case %zu: %d, %u warnings: %s", i, r, s.n, err.msg);
        if (r == 0 && cases[i].status) {
            text.complete = false;
            r = kg_pg_restore_judge(&text, &(struct kg_events){ 0 }, &err);
            assert_int_equal(r, -KG_E_RESTORE_FAILED); /* nobody knows what else was said */
        }
        kg_buf_done(&s.text);
        kg_buf_done(&text.text);
    }
}

static void test_behind_twenty_warnings_comes_how_many_more_there_are(void **state)
{
    struct kg_pg_restore_said text = { .text = KG_BUF_INIT(1u << 20), .status = 1 << 8, .complete = true };
    struct said s = { .text = KG_BUF_INIT(1u << 20) };
    struct kg_err err = { 0 };

    (void)state;
    for (int i = 0; i < 27; i++)
        kg_buf_addf(&text.text, E "ERROR:  x" C "ALTER TABLE t%d OWNER TO x;\n\n", i);
    kg_buf_adds(&text.text, "pg_restore: warning: errors ignored on restore: 27\n");
    assert_int_equal(kg_pg_restore_judge(&text, &(struct kg_events){ .warn = on_warn, .ctx = &s }, &err), 0);
    assert_int_equal(s.n, 21);
    assert_non_null(strstr(s.text.p, "and 7 more"));
    kg_buf_done(&s.text);
    kg_buf_done(&text.text);
}

static void test_an_error_that_several_jobs_count_twice_is_one_error(void **state)
{
    static const struct { const char *text; bool parallel, passes; } cases[] = {
        { E "ERROR:  x" C "GRANT ALL ON TABLE t TO x;" N "2\n", false, false },
        { E "ERROR:  x" C "GRANT ALL ON TABLE t TO x;" N "2\n", true, true },
        { E "ERROR:  x" C "GRANT ALL ON TABLE t TO x;" N "3\n", true, false },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct kg_pg_restore_said text = { .text = KG_BUF_INIT(1u << 20), .status = 1 << 8, .complete = true,
                                           .parallel = cases[i].parallel };
        struct kg_err err = { 0 };

        kg_buf_adds(&text.text, cases[i].text);
        if ((kg_pg_restore_judge(&text, &(struct kg_events){ 0 }, &err) == 0) != cases[i].passes)
            fail_msg("case %zu: %s", i, err.msg);
        kg_buf_done(&text.text);
    }
}

/* ---- several jobs ---- */

static const struct row crossed[] = {
    { "ENCODING", "ENCODING", NULL, "SET client_encoding = 'UTF8';\n", NULL, NULL },
    { "TABLE", "a", "ann", "CREATE TABLE a ();\n", "fast", NULL },
    { "TABLE", "b", "ann", "CREATE TABLE b ();\n", NULL, NULL },
    { "TABLE", "c", "ann", "CREATE TABLE c ();\n", NULL, NULL },
    { "SEQUENCE", "s", "ann", "CREATE SEQUENCE s;\n", NULL, NULL },
    { "TABLE DATA", "a", NULL, NULL, NULL, "2" },
    { "TABLE DATA", "of_an_extension", NULL, NULL, NULL, "99" },
    { "FK CONSTRAINT", "a a_b_fkey", "ann", "ALTER TABLE a ADD CONSTRAINT a_b_fkey FOREIGN KEY (b) REFERENCES b;\n", NULL, "2 3 5 98" },
    { "COMMENT", "CONSTRAINT a_b_fkey ON a", NULL, "COMMENT ON CONSTRAINT a_b_fkey ON a IS 'x';\n", NULL, "8" },
    { "MATERIALIZED VIEW", "odd view", "ann", "CREATE MATERIALIZED VIEW \"odd view\" AS SELECT;\n", NULL, NULL },
    { "ACL", "TABLE c", NULL, "GRANT ALL ON TABLE c TO ann;\n", NULL, "4" },
};
enum { FOREIGN_KEY = 7, FK_COMMENT = 8, VIEW = 9, GRANT_C = 10, N_CROSSED = 11 };

static const bool *keep_behind_rows(void)
{
    static bool keep[N_CROSSED];

    for (int i = FOREIGN_KEY; i < N_CROSSED; i++)
        keep[i] = true;
    keep[0] = true;
    return keep;
}

static void test_several_jobs_are_told_whose_locks_are_in_the_way(void **state)
{
    static const char *const want[] = { "ENCODING", "TABLE", "TABLE", "TABLE", "TABLE DATA", "FK CONSTRAINT", "COMMENT",
                                        "MATERIALIZED VIEW", "ACL" };
    KG_CLEANUP(kg_archive_freep) struct kg_archive *a = archive_of(crossed, N_CROSSED);
    KG_CLEANUP(kg_archive_freep) struct kg_archive *cut = NULL, *alone = NULL;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1u << 20);
    struct kg_err err = { 0 };

    (void)state;
    kg_pg_restore_cut(a, keep_behind_rows(), true, &b);
    assert_int_equal(kg_archive_parse_memory(b.p, b.len, &cut, &err), 0);
    assert_int_equal(cut->n_entries, KG_ARRAY_LEN(want));
    for (size_t i = 0; i < cut->n_entries; i++) {
        const struct kg_toc_entry *e = &cut->entry[i], *was = kg_archive_find(a, e->dump_id);
        bool kept = keep_behind_rows()[was - a->entry];

        assert_string_equal(e->desc, want[i]);
        assert_string_equal(e->tag, was->tag);
        assert_int_equal(e->n_deps, was->n_deps);
        assert_string_equal(e->defn, kept ? was->defn : "");
        assert_string_equal(e->owner, kept ? was->owner : "");
        assert_false(e->has_data);
        assert_true(kept || (!*e->tablespace && !*e->drop && !*e->copy));
    }
    kg_buf_reset(&b);
    kg_pg_restore_cut(a, keep_behind_rows(), false, &b);
    assert_int_equal(kg_archive_parse_memory(b.p, b.len, &alone, &err), 0);
    assert_int_equal(alone->n_entries, 5);
}

static void test_privileges_wait_for_those_of_their_schema(void **state)
{
    static const struct row rows[] = {
        { "SCHEMA", "Odd s", "ann", "CREATE SCHEMA \"Odd s\";\n", NULL, NULL },
        { "TABLE", "a", "ann", "CREATE TABLE a ();\n", NULL, "1" },
        { "ACL", "SCHEMA \"Odd s\"", "ann", "GRANT USAGE ON SCHEMA \"Odd s\" TO bob;\n", NULL, "1" },
        { "ACL", "TABLE a", "ann", "GRANT SELECT ON TABLE a TO bob;\n", NULL, "2" },
        { "ACL", "TABLE b", "ann", "GRANT SELECT ON TABLE b TO bob;\n", NULL, NULL },
        { "COMMENT", "SCHEMA \"Odd s\"", "ann", "COMMENT ON SCHEMA \"Odd s\" IS 'x';\n", NULL, "1" },
    };
    static const char *const schema[] = { "", "Odd s", "", "Odd s", "Odd", "" }, *const want[] = { "", "1", "1", "2 3", "", "1" };
    static const bool keep[] = { true, true, true, true, true, true }, without[] = { true, true, false, true, true, true };
    KG_CLEANUP(kg_archive_freep) struct kg_archive *a = archive_of(rows, KG_ARRAY_LEN(rows));

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++)
        a->entry[i].schema = schema[i];
    for (size_t round = 0; round < 3; round++) {
        KG_CLEANUP(kg_archive_freep) struct kg_archive *cut = NULL;
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1u << 20);
        struct kg_err err = { 0 };

        kg_pg_restore_cut(a, round == 1 ? without : keep, round != 2, &b);
        assert_int_equal(kg_archive_parse_memory(b.p, b.len, &cut, &err), 0);
        for (size_t i = 0; i < cut->n_entries; i++) {
            KG_AUTO_BUF struct kg_buf deps = KG_BUF_INIT(100);
            size_t n = (size_t)cut->entry[i].dump_id - 1;

            for (size_t k = 0; k < cut->entry[i].n_deps; k++)
                kg_buf_addf(&deps, "%s%s", k ? " " : "", cut->entry[i].deps[k]);
            kg_buf_add(&deps, "", 1);
            assert_string_equal((const char *)deps.p, round && n == 3 ? "2" : want[n]);
        }
    }
}

#define D "FEHLER:  Verklemmung entdeckt\nDETAIL:  Prozess 1 wartet auf ShareRowExclusiveLock-Sperre auf Relation 2"

static void test_what_met_in_a_deadlock_is_run_once_more(void **state)
{
    static const struct { const char *text; bool torn; int again[3]; unsigned warnings; } cases[] = {
        { E D C "ALTER TABLE a ADD CONSTRAINT a_b_fkey FOREIGN KEY (b) REFERENCES b;\n\n\n"
          E "FEHLER:  gibt es nicht" C "COMMENT ON CONSTRAINT a_b_fkey ON a IS 'x';\n" N "4\n", .again = { FOREIGN_KEY, FK_COMMENT } },
        { E "ERROR:  deadlock detected" C "CREATE MATERIALIZED VIEW \"odd view\" AS SELECT;\n\n\n"
          E "ERROR:  it is not there" C "ALTER MATERIALIZED VIEW public.\"odd view\" OWNER TO ann;\n\n\n"
          E "ERROR:  x" C "GRANT ALL ON TABLE c TO ann;\n" N "5\n", .again = { VIEW, GRANT_C } },
        { E D C "GRANT ALL ON TABLE c TO ann;\n\n\n" E "ERROR:  x" C "ALTER TABLE public.c OWNER TO ann;\n" N "4\n",
          .again = { GRANT_C }, .warnings = 1 },
        /* No deadlock. */
        { E "ERROR:  x" C "ALTER TABLE a ADD CONSTRAINT a_b_fkey FOREIGN KEY (b) REFERENCES b;\n" N "2\n", .again = { 0 } },
        /* Less than a definition, more than one, and what is not kept. */
        { E D C "ALTER TABLE a ADD CONSTRAINT a_b_fkey FOREIGN KEY\n" N "2\n", .again = { 0 } },
        { E D C "COMMENT ON CONSTRAINT a_b_fkey ON a IS 'x';\nDROP TABLE a;\n" N "2\n", .again = { 0 } },
        { E D C "CREATE TABLE a ();\n" N "2\n", .again = { 0 } },
        /* Something else failed, too, or may have. */
        { E D C "GRANT ALL ON TABLE c TO ann;\n\n\n" E "ERROR:  x" C "CREATE TABLE z ();\n" N "4\n", .again = { 0 } },
        { E D C "GRANT ALL ON TABLE c TO ann;\n\n\npg_restore: error: could not go on\n", .again = { 0 } },
        { E D C "GRANT ALL ON TABLE c TO ann;\n" N "3\n", .again = { 0 } },
        { E D C "GRANT ALL ON TABLE c TO ann;\n" N "2\n", .again = { 0 }, .torn = true },
        { E D C "GRANT ALL ON TABLE c TO ann;\n\npg_restore: " E C "GRANT ALL ON TABLE c TO ann;\n" N "2\n", .again = { 0 } },
    };
    KG_CLEANUP(kg_archive_freep) struct kg_archive *a = archive_of(crossed, N_CROSSED);

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct kg_pg_restore_said text = { .text = KG_BUF_INIT(1u << 20), .status = 1 << 8, .complete = !cases[i].torn,
                                           .parallel = true };
        struct said s = { .text = KG_BUF_INIT(1u << 20) };
        bool again[N_CROSSED] = { false }, want[N_CROSSED] = { false }, is;

        kg_buf_adds(&text.text, cases[i].text);
        is = kg_pg_restore_again(&text, a, keep_behind_rows(), &(struct kg_events){ .warn = on_warn, .ctx = &s }, again);
        if (is != (cases[i].again[0] != 0) || s.n != cases[i].warnings)
            fail_msg("case %zu: %d, %u warnings: %s", i, is, s.n, s.text.p);
        want[0] = true;
        for (size_t k = 0; k < KG_ARRAY_LEN(cases[i].again); k++)
            want[cases[i].again[k]] = true;
        if (is)
            assert_memory_equal(again, want, sizeof want);
        kg_buf_done(&s.text);
        kg_buf_done(&text.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements_end_at_semicolons_that_are_not_quoted),
        cmocka_unit_test(test_a_name_is_read_without_its_quotes),
        cmocka_unit_test(test_an_entry_keeps_the_statements_whose_roles_are_there),
        cmocka_unit_test(test_a_comment_on_what_is_left_out_is_left_out),
        cmocka_unit_test(test_what_is_lost_is_told_once_a_role_with_its_number),
        cmocka_unit_test(test_statements_about_the_database_get_the_new_name),
        cmocka_unit_test(test_only_owners_and_grants_are_passed_over_in_any_language),
        cmocka_unit_test(test_behind_twenty_warnings_comes_how_many_more_there_are),
        cmocka_unit_test(test_an_error_that_several_jobs_count_twice_is_one_error),
        cmocka_unit_test(test_several_jobs_are_told_whose_locks_are_in_the_way),
        cmocka_unit_test(test_privileges_wait_for_those_of_their_schema),
        cmocka_unit_test(test_what_met_in_a_deadlock_is_run_once_more),
    };
    return cmocka_run_group_tests_name("plugin_target", tests, NULL, NULL);
}
