/* Grant scripts, run for real: a user with nothing, the script, and a check and a pg_dump that succeed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "readiness/grant_script.h"
#include "sys/fd.h"
#include "unit/readiness_fixture.h"

/* Everything that ends a text somewhere: SQL, dollar quotes, here-documents, PowerShell's typographic quotes. */
static const char nasty[] = "a'b\"c\\$keepgres$\nEND_OF_SQL\n'@\n\xe2\x80\x99@ $(id) `id` %s\xf0\x9f\x8e\x89";

static int start(void **state)
{
    (void)state;
    kg_crypto_start();
    return (pg = pg_cluster_start(getenv("KG_TEST_PG_BIN"), NULL)) &&
                   pg_cluster_sql(pg, "postgres", "ALTER ROLE postgres SET client_min_messages = error") == 0
               ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    pg_cluster_stop(pg);
    return 0;
}

static char *script_for(const char *database, const char *user, bool only, enum kg_script_language l)
{
    struct kg_grant_script s = { .database = database, .user = user, .host = pg->host, .only_this_database = only };
    struct kg_buf b = KG_BUF_INIT(1 << 20);
    struct kg_err err = { 0 };

    for (const char *p = pg->port; *p; p++)
        s.port = s.port * 10 + (unsigned)(*p - '0');
    if (kg_grant_script(&s, l, &b, &err) < 0)
        fail_msg("%s", err.msg);
    return kg_buf_take(&b);
}

/* Runs it as the superuser; database: for SQL, which does not connect by itself. Its exit code. */
static int run_script(const char *database, const char *text, enum kg_script_language l, const char *more)
{
    KG_AUTO_FREE char *file = kg_xprintf("%s/grant", pg->dir);
    const char *const bash[] = { "bash", file, "-U", "postgres", "-v", "VERBOSITY=terse", NULL };
    const char *const psql[] = { "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", file, more, NULL };
    int fd = open(file, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
    return pg_cluster_run(pg, l == KG_SCRIPT_BASH ? bash : psql, NULL);
}

/* ---- what it must make possible ---- */

static void run_query(const char *database, const char *text)
{
    struct kg_session *s = NULL;
    struct kg_err err = { 0 };

    if (kg_session_open(&pg->conn, database, "test", &s, &err) < 0 || kg_session_run(s, text, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    kg_session_close(s);
}

static void run_with_name(const char *database, const char *fmt, const char *name)
{
    KG_AUTO_FREE char *quoted = kg_quote_ident(name);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 16);

    for (const char *p = fmt; *p; p++) {
        if (*p == '@')
            kg_buf_adds(&b, quoted);
        else
            kg_buf_add(&b, p, 1);
    }
    run_query(database, b.p);
}

/* A database of that name with objects of several owners in schemas that are not public's, and a user with nothing. */
static void make_world(const char *database, const char *user)
{
    run_with_name("postgres", "CREATE ROLE @ LOGIN PASSWORD 'pw'", user);
    run_with_name("postgres", "CREATE DATABASE @", database);
    run_with_name("postgres", "REVOKE ALL ON DATABASE @ FROM PUBLIC", database);
    run_query(database,
              "REVOKE ALL ON SCHEMA public FROM PUBLIC;"
              "CREATE SCHEMA \"s \"\"1'\" AUTHORIZATION maker; CREATE SCHEMA empty;"
              "SET ROLE maker; CREATE TABLE \"s \"\"1'\".\"t;\"(id serial, a int); INSERT INTO \"s \"\"1'\".\"t;\" (a) VALUES (1);"
              "RESET ROLE; CREATE TABLE public.parent(a int) PARTITION BY LIST (a);"
              "CREATE TABLE public.child PARTITION OF public.parent DEFAULT; CREATE SEQUENCE public.empty_");
    run_with_name(database, "GRANT CREATE ON DATABASE @ TO maker", database);
}

static void dump(const char *database, const char *user)
{
    static const char *const argv[] = { "pg_dump", "-Fc", NULL };
    KG_AUTO_BUF struct kg_buf out = KG_BUF_INIT(16 << 20);
    KG_AUTO_CONNINFO struct kg_conninfo c = pg_cluster_login(pg, database, user, "pw");
    struct kg_tool tool;
    struct kg_tool_run r = { .tool = &tool, .conn = &c, .database = database, .argv = argv, .out = &out,
                             .fail_code = KG_E_DUMP_FAILED };
    struct kg_err err = { 0 };

    if (major() > 15 || strchr(user, '\n'))
        return; /* no pg_dump of that age is at hand; a password file has no way to name such a user */
    if (kg_tool_find("pg_dump", NULL, 15, &tool, &err) < 0 || kg_tool_run(&r, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(out.len > 1000);
}

static void expect_ready(const char *database, const char *user)
{
    KG_AUTO_CHECKS struct kg_checks c = look(database, user, NULL);

    expect_all_passed(&c);
    dump(database, user);
}

static void expect_not_ready(const char *database, const char *user, enum kg_check_id id)
{
    KG_AUTO_CHECKS struct kg_checks c = look(database, user, NULL);

    expect_state(&c, id, KG_CHECK_FAILED);
}

/* Objects that came later, made by an owner whom the script has met, and by a superuser. */
static void add_later_objects(const char *database)
{
    run_query(database, "SET ROLE maker; CREATE SCHEMA later; CREATE TABLE later.t(id serial); RESET ROLE;"
                        "CREATE SCHEMA \"later 2\"; CREATE TABLE \"later 2\".t(id bigserial); CREATE TABLE empty.now_not(id serial)");
}

static void try_script(const char *database, const char *user, bool only, enum kg_script_language l)
{
    KG_AUTO_FREE char *text = script_for(database, user, only, l);

    make_world(database, user);
    expect_not_ready(database, user, KG_CHECK_PRIVILEGES);
    assert_int_equal(run_script(database, text, l, NULL), 0);
    expect_ready(database, user);
    add_later_objects(database);
    expect_ready(database, user);
    assert_int_equal(run_script(database, text, l, NULL), 0);
    expect_ready(database, user);
}

static void test_the_sql_script_lets_a_bare_user_back_up_and_new_schemas_too(void **state)
{
    (void)state;
    run_query("postgres", "CREATE ROLE maker");
    try_script("sql1", "sql_user", false, KG_SCRIPT_SQL);
}

static void test_it_does_so_without_the_role_that_reads_all_data(void **state)
{
    (void)state;
    try_script("only1", "only_user", true, KG_SCRIPT_SQL);
    run_query("only1", "DO $$ BEGIN IF current_setting('server_version_num')::int >= 140000 AND"
                       " pg_has_role('only_user', 'pg_read_all_data', 'MEMBER') THEN RAISE 'it has it'; END IF; END $$");
}

static void test_the_bash_script_does_the_same(void **state)
{
    (void)state;
    try_script("bash1", "bash_user", false, KG_SCRIPT_BASH);
    try_script("bash2", "bash_user_2", true, KG_SCRIPT_BASH);
}

static void test_no_name_can_break_out_of_a_script(void **state)
{
    (void)state;
    for (int only = 0; only < 2; only++) {
        for (int l = KG_SCRIPT_SQL; l <= KG_SCRIPT_BASH; l++) {
            KG_AUTO_FREE char *database = kg_xprintf("%d%d%s", only, l, nasty);
            KG_AUTO_FREE char *user = kg_xprintf("%d%du%s", only, l, nasty);

            assert_true(strlen(user) < 64);
            for (char *at = database; (at = strchr(at, '\n'));) /* no database with such a name can be protected */
                *at = ' ';
            try_script(database, user, only, (enum kg_script_language)l);
        }
    }
}

static void test_large_objects_and_row_security_are_granted_where_they_are(void **state)
{
    KG_AUTO_FREE char *text = script_for("special", "special_user", false, KG_SCRIPT_BASH);

    (void)state;
    make_world("special", "special_user");
    assert_int_equal(run_script("special", text, KG_SCRIPT_BASH, NULL), 0);
    expect_ready("special", "special_user");
    run_query("special", "DO $$ BEGIN IF (SELECT rolbypassrls FROM pg_roles WHERE rolname = 'special_user') THEN"
                         " RAISE 'it has more than it needs'; END IF; END $$");
    run_query("special", "SELECT lo_create(0) FROM generate_series(1, 2500);"
                         "CREATE TABLE public.rls(a int); ALTER TABLE public.rls ENABLE ROW LEVEL SECURITY");
    expect_not_ready("special", "special_user", KG_CHECK_LARGE_OBJECTS);
    expect_not_ready("special", "special_user", KG_CHECK_ROW_SECURITY);
    assert_int_equal(run_script("special", text, KG_SCRIPT_BASH, NULL), 0);
    expect_ready("special", "special_user");
}

/* As tools do that send a script in one piece. */
static void test_the_sql_script_works_in_one_transaction(void **state)
{
    KG_AUTO_FREE char *text = script_for("single", "single_user", true, KG_SCRIPT_SQL);

    (void)state;
    make_world("single", "single_user");
    run_query("single", "SELECT lo_create(0)");
    assert_int_equal(run_script("single", text, KG_SCRIPT_SQL, "-1"), 0);
    expect_ready("single", "single_user");
}

static void test_who_may_not_grant_everything_grants_what_he_may_and_is_told(void **state)
{
    KG_AUTO_FREE char *text = script_for("partly", "partly_user", true, KG_SCRIPT_SQL);
    KG_AUTO_FREE char *as_maker = kg_xprintf("SET ROLE maker; SET client_min_messages = error;\n%s", text);
    KG_AUTO_FREE char *strict = kg_xprintf("%s\n", as_maker);
    KG_AUTO_CHECKS struct kg_checks c = { 0 };
    KG_AUTO_FREE char *names = NULL;
    char *p = strstr(strict, "keepgres.strict = 'off'");

    (void)state;
    make_world("partly", "partly_user");
    sql("postgres", "GRANT CONNECT ON DATABASE partly TO PUBLIC");
    assert_int_equal(run_script("partly", as_maker, KG_SCRIPT_SQL, NULL), 0);
    c = look("partly", "partly_user", NULL);
    names = missing(&c);
    assert_string_equal(names, "USAGE on schema public\nSELECT on table public.child\nSELECT on table public.parent\n"
                               "SELECT on sequence public.empty_\n");
    assert_non_null(p);
    memcpy(p, "keepgres.strict = 'on' ", strlen("keepgres.strict = 'on' "));
    assert_int_equal(run_script("partly", strict, KG_SCRIPT_SQL, NULL), 3);
}

static void test_it_refuses_the_wrong_database_and_a_role_that_is_not_there(void **state)
{
    KG_AUTO_FREE char *wrong = script_for("elsewhere", "postgres", false, KG_SCRIPT_SQL);
    KG_AUTO_FREE char *nobody = script_for("postgres", "no such role", false, KG_SCRIPT_BASH);

    (void)state;
    assert_int_equal(run_script("postgres", wrong, KG_SCRIPT_SQL, NULL), 3);
    assert_int_equal(run_script("postgres", nobody, KG_SCRIPT_BASH, NULL), 3);
}

/* ---- texts ---- */

static void test_powershell_is_plain_ascii_and_its_here_string_ends_once(void **state)
{
    struct kg_grant_script s = { .database = nasty, .user = nasty, .host = "db\xe2\x80\x98.example", .port = 5433,
                                 .sslmode = "verify-full" };
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
    struct kg_err err = { 0 };
    int ends = 0;

    (void)state;
    assert_int_equal(kg_grant_script(&s, KG_SCRIPT_POWERSHELL, &b, &err), 0);
    for (size_t i = 0; i < b.len; i++)
        if ((b.p[i] < 0x20 && b.p[i] != '\n') || b.p[i] >= 0x7f)
            fail_msg("byte %d at %zu", b.p[i], i);
    for (const char *p = b.p; (p = strstr(p, "\n'@")); p++)
        ends++;
    assert_int_equal(ends, 1);
    assert_non_null(strstr(b.p, "$env:PGHOST = 'db' + [char]0x2018 + '.example'\n"));
    assert_non_null(strstr(b.p, "$env:PGDATABASE = 'a''b\"c\\$keepgres$' + [char]0x000a + 'END_OF_SQL' + [char]0x000a + '''@'"));
    assert_non_null(strstr(b.p, "[char]0xd83c + [char]0xdf89 + ''\n"));
    assert_non_null(strstr(b.p, "$env:PGPORT = '5433'\n$env:PGSSLMODE = 'verify-full'\n$sql = @'\n"));
    assert_non_null(strstr(b.p, "SET keepgres.backup_user = E'a''b\"c\\\\$keepgres$\\u000aEND_OF_SQL"
                                "\\u000a''@\\u000a\\u2019@ $(id) `id` %s\\U0001f389';\n"));
    assert_non_null(strstr(b.p, "'@\n$sql | & psql "));
}

static void test_names_that_no_database_can_have_are_refused(void **state)
{
    static const struct kg_grant_script bad[] = {
        { .database = "", .user = "u" }, { .database = "d", .user = "" }, { .database = "d", .user = NULL },
        { .database = "\xff", .user = "u" }, { .database = "d", .user = "u", .host = "\xc0\x80" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
        struct kg_err err = { 0 };

        assert_int_equal(kg_grant_script(&bad[i], KG_SCRIPT_BASH, &b, &err), -KG_E_USAGE);
        assert_int_equal(b.len, 0);
    }
    assert_int_equal(kg_script_language_from_text("PowerShell"), KG_SCRIPT_POWERSHELL);
    assert_int_equal(kg_script_language_from_text("perl"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_powershell_is_plain_ascii_and_its_here_string_ends_once),
        cmocka_unit_test(test_names_that_no_database_can_have_are_refused),
        cmocka_unit_test(test_the_sql_script_lets_a_bare_user_back_up_and_new_schemas_too),
        cmocka_unit_test(test_it_does_so_without_the_role_that_reads_all_data),
        cmocka_unit_test(test_the_bash_script_does_the_same),
        cmocka_unit_test(test_no_name_can_break_out_of_a_script),
        cmocka_unit_test(test_large_objects_and_row_security_are_granted_where_they_are),
        cmocka_unit_test(test_the_sql_script_works_in_one_transaction),
        cmocka_unit_test(test_who_may_not_grant_everything_grants_what_he_may_and_is_told),
        cmocka_unit_test(test_it_refuses_the_wrong_database_and_a_role_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
