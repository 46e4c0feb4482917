/* Roles of a recovery point: the statements that make them, and other names put into an archive's statements. Nothing here
 * needs a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "plugin/rolenames.h"
#include "plugin/rolesql.h"

static struct kg_json *doc(const char *text)
{
    KG_AUTO_FREE char *s = kg_xstrdup(text);
    struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    for (char *c = s; *c; c++)
        if (*c == '\'')
            *c = '"';
    if (kg_json_parse(s, strlen(s), &j, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return j;
}

static bool yes(void *ctx, const char *role)
{
    (void)ctx;
    (void)role;
    return true;
}

static bool is_new(void *ctx, const char *role) { return strstr(ctx, role) != NULL; }

static void expect_script(const char *text, const struct kg_role_choice *c, const char *const *want, size_t n)
{
    KG_AUTO_JSON struct kg_json *server = doc(text);
    KG_CLEANUP(kg_role_script_done) struct kg_role_script s = { 0 };

    kg_role_script_make(server, c, &s);
    for (size_t i = 0; i < n && i < s.n; i++)
        if (strcmp(s.statement[i].sql, want[i]) != 0)
            fail_msg("statement %zu: %s, not %s", i, s.statement[i].sql, want[i]);
    if (s.n != n)
        fail_msg("%zu statements, the last '%s'", s.n, s.n ? s.statement[s.n - 1].sql : "");
}

static void test_a_role_is_made_with_what_everybody_may_give_and_the_rest_one_by_one(void **state)
{
    static const struct kg_role_choice all = { yes, yes, NULL };
    static const char *const want[] = {
        "CREATE ROLE \"a\"\"b;\" NOINHERIT LOGIN CONNECTION LIMIT 7 VALID UNTIL 'infinity'", "ALTER ROLE \"a\"\"b;\" SUPERUSER",
        "ALTER ROLE \"a\"\"b;\" BYPASSRLS", "COMMENT ON ROLE \"a\"\"b;\" IS 'it''s'", "CREATE ROLE \"plain\" INHERIT NOLOGIN",
        "ALTER ROLE \"plain\" SET \"search_path\" TO 'a b', '$user', 'x;y'", "ALTER ROLE \"plain\" SET \"search_path\" TO 'a; drop'",
        "ALTER ROLE \"plain\" SET \"my\".\"te\"\"xt\" TO 'x = ''1'''", "ALTER ROLE \"plain\" SET \"search_path\" TO ''",
        "SECURITY LABEL FOR 'sel' ON ROLE \"plain\" IS 'l''abel'",
    };

    (void)state;
    expect_script("{'roles':[{'name':'a\\'b;','superuser':true,'inherit':false,'login':true,'bypassRls':true,'connectionLimit':'7',"
                  "'validUntil':'infinity','comment':'it\\u0027s'},{'name':'plain','connectionLimit':'-1','createDb':'t'},{'x':1},3,"
                  "{'name':''}],'settings':[{'role':'plain','name':'search_path','value':'\\'a b\\', \\'$user\\',\\'x;y\\''},"
                  "{'role':'plain','name':'search_path','value':'a; drop'},"
                  "{'role':'plain','name':'my.te\\'xt','value':'x = \\u00271\\u0027'},"
                  "{'role':'plain','name':'search_path','value':'\\'\\''},{'name':'work_mem','value':'1'}],"
                  "'labels':[{'role':'plain','provider':'sel','label':'l\\u0027abel'}],'memberships':[{'role':'plain'},7]}",
                  &all, want, KG_ARRAY_LEN(want));
}

static void test_a_membership_comes_behind_the_one_that_allows_it(void **state)
{
    static const struct kg_role_choice all = { yes, yes, NULL };
    static const char *const want[] = {
        "CREATE ROLE \"boot\" INHERIT NOLOGIN", "CREATE ROLE \"g\" INHERIT NOLOGIN", "CREATE ROLE \"quiet\" NOINHERIT NOLOGIN",
        "GRANT \"g\" TO \"b\" WITH ADMIN OPTION", "GRANT \"g\" TO \"c\" GRANTED BY \"b\"",
        "GRANT \"g\" TO \"d\" WITH INHERIT FALSE, SET FALSE", "GRANT \"g\" TO \"quiet\"",
        "GRANT \"g\" TO \"a\" WITH ADMIN OPTION GRANTED BY \"b\"", "GRANT \"g\" TO \"e\"",
    };

    (void)state;
    expect_script("{'roles':[{'name':'boot','bootstrap':true},{'name':'g'},{'name':'quiet','inherit':false}],'memberships':["
                  "{'role':'g','member':'a','grantor':'b','admin':true,'inherit':true,'set':true},"
                  "{'role':'g','member':'b','grantor':'boot','admin':true,'inherit':true,'set':true},"
                  "{'role':'g','member':'c','grantor':'b','admin':false,'inherit':true,'set':true},"
                  "{'role':'g','member':'d','inherit':false,'set':false},"
                  "{'role':'g','member':'e','grantor':'nobody'},"
                  "{'role':'g','member':'quiet','inherit':false}]}", &all, want, KG_ARRAY_LEN(want));
}

static void test_only_what_is_wanted_is_made_a_member_only_of_what_is_known(void **state)
{
    const struct kg_role_choice some = { is_new, is_new, (char *)(uintptr_t)"new known" };
    static const char *const want[] = { "CREATE ROLE \"new\" INHERIT NOLOGIN", "GRANT \"known\" TO \"new\"" };

    (void)state;
    expect_script("{'roles':[{'name':'new'},{'name':'other'}],'memberships':[{'role':'known','member':'new'},"
                  "{'role':'gone','member':'new'},{'role':'new','member':'other'}],'settings':[{'role':'other','name':'a','value':'b'}]}",
                  &some, want, KG_ARRAY_LEN(want));
}

/* Whatever is in the document stays in its comment. */
static void test_comments_of_the_script_are_one_line_each(void **state)
{
    KG_AUTO_JSON struct kg_json *server = doc("{'tablespaces':[{'name':'a\\nDROP ROLE x;','location':'/x'}],"
                                              "'parameters':[{'name':'work_mem','value':'4\\n\\\\! rm','unit':'kB'}],'roles':[]}");
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);

    (void)state;
    kg_role_script_print(server, &b);
    for (const char *line = b.p; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (*line != '\n' && strncmp(line, "--", 2) != 0)
            fail_msg("not a comment: %s", line);
    assert_non_null(strstr(b.p, "work_mem = 4"));
}

/* ---- other names ---- */

static const char *with(void *ctx, const char *role)
{
    (void)ctx;
    return strcmp(role, "ann") == 0 ? "new;\"ann" : strcmp(role, "ben") == 0 ? "benno" : strcmp(role, "PUBLIC") == 0 ? "bad" : NULL;
}

static void test_names_are_changed_where_roles_stand_and_nowhere_else(void **state)
{
    static const struct { const char *desc, *defn, *want; } cases[] = {
        { "ACL", "GRANT SELECT ON TABLE ann.ben TO ann;\nGRANT ALL ON TABLE ann.ben TO PUBLIC;\n",
          "GRANT SELECT ON TABLE ann.ben TO \"new;\"\"ann\";\nGRANT ALL ON TABLE ann.ben TO PUBLIC;\n" },
        { "ACL", "SET SESSION AUTHORIZATION ann; REVOKE ALL ON SCHEMA ben FROM ben CASCADE; RESET SESSION AUTHORIZATION;",
          "SET SESSION AUTHORIZATION \"new;\"\"ann\"; REVOKE ALL ON SCHEMA ben FROM \"benno\" CASCADE; RESET SESSION AUTHORIZATION;" },
        { "ACL", "GRANT SELECT ON TABLE \"x TO ann\" TO cat WITH GRANT OPTION;", NULL },
        { "ACL LANGUAGE", "GRANT ALL ON LANGUAGE ann TO \"ben\";", "GRANT ALL ON LANGUAGE ann TO \"benno\";" },
        { "DEFAULT ACL", "ALTER DEFAULT PRIVILEGES FOR ROLE ann IN SCHEMA ben GRANT SELECT ON TABLES TO ben;",
          "ALTER DEFAULT PRIVILEGES FOR ROLE \"new;\"\"ann\" IN SCHEMA ben GRANT SELECT ON TABLES TO \"benno\";" },
        { "POLICY", "CREATE POLICY ben ON s.ann FOR SELECT TO ann, cat, ben USING ((who = 'TO ann'::text));",
          "CREATE POLICY ben ON s.ann FOR SELECT TO \"new;\"\"ann\", cat, \"benno\" USING ((who = 'TO ann'::text));" },
        { "POLICY", "CREATE POLICY p ON s.t USING ((f(1) AND x TO ann));", NULL },
        { "USER MAPPING", "CREATE USER MAPPING FOR ann SERVER ben OPTIONS (\"user\" 'ann');",
          "CREATE USER MAPPING FOR \"new;\"\"ann\" SERVER ben OPTIONS (\"user\" 'ann');" },
        { "DATABASE PROPERTIES", "ALTER ROLE ben IN DATABASE ann SET search_path TO 'ann';\nALTER DATABASE ben SET work_mem TO '1';",
          "ALTER ROLE \"benno\" IN DATABASE ann SET search_path TO 'ann';\nALTER DATABASE ben SET work_mem TO '1';" },
        { "FUNCTION", "CREATE FUNCTION f() AS 'GRANT x TO ann; SET SESSION AUTHORIZATION ben';", NULL },
        { "TABLE", "CREATE TABLE ann (ben int);", NULL }, { "ACL", "", NULL },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        const struct kg_toc_entry e = { .desc = cases[i].desc, .defn = cases[i].defn };
        KG_AUTO_FREE char *got = kg_role_rename(&e, with, NULL);

        if ((got == NULL) != (cases[i].want == NULL) || (got && strcmp(got, cases[i].want) != 0))
            fail_msg("case %zu: %s", i, got ? got : "(as it was)");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_role_is_made_with_what_everybody_may_give_and_the_rest_one_by_one),
        cmocka_unit_test(test_a_membership_comes_behind_the_one_that_allows_it),
        cmocka_unit_test(test_only_what_is_wanted_is_made_a_member_only_of_what_is_known),
        cmocka_unit_test(test_comments_of_the_script_are_one_line_each),
        cmocka_unit_test(test_names_are_changed_where_roles_stand_and_nowhere_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
