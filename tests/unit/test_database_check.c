/* Can it be backed up? Asked of a real server, by users who may more and less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/readiness_fixture.h"

static int start(void **state)
{
    (void)state;
    kg_crypto_start();
    return (pg = pg_cluster_start(getenv("KG_TEST_PG_BIN"), NULL)) ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    pg_cluster_stop(pg);
    return 0;
}

/* ---- privileges ---- */

static const char shop_sql[] =
    "CREATE SCHEMA \"o'd\"\"d; s\"; CREATE TABLE \"o'd\"\"d; s\".\"T\"(id serial, v text);"
    "CREATE TABLE plain(a int); CREATE TABLE part(a int) PARTITION BY RANGE (a);"
    "CREATE TABLE leaf PARTITION OF part FOR VALUES FROM (0) TO (10); CREATE SEQUENCE seq;"
    "CREATE SCHEMA views; CREATE VIEW views.v AS SELECT 1 AS one; CREATE MATERIALIZED VIEW views.m AS SELECT 1 AS one;"
    "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE views.f(a int) SERVER far;"
    "REVOKE ALL ON SCHEMA public FROM PUBLIC";

static void test_a_superuser_may_read_everything(void **state)
{
    KG_AUTO_CHECKS struct kg_checks c = { 0 };
    KG_AUTO_JSON struct kg_json *facts = NULL;

    (void)state;
    sql("postgres", "CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'pw'");
    c = look("shop", "boss", &facts);
    expect_all_passed(&c);
    expect_state(&c, KG_CHECK_PRIVILEGES, KG_CHECK_PASSED);
    assert_true(kg_json_u64(facts, "databaseBytes", 0) > 1000000);
    assert_int_equal(kg_json_u64(facts, "versionNum", 0) / 10000, major());
    assert_string_equal(kg_json_str(facts, "user"), "boss");
    assert_true(kg_json_bool(facts, "superuser", false));
    assert_int_equal(kg_json_u64(facts, "tables", 0), 4);
    assert_int_equal(kg_json_u64(facts, "sequences", 0), 2);
    assert_true(strlen(kg_json_str(facts, "pgDump")) > 1);
}

static void test_a_bare_user_is_told_each_privilege_that_it_lacks(void **state)
{
    KG_AUTO_CHECKS struct kg_checks c = { 0 };
    KG_AUTO_FREE char *names = NULL;

    (void)state;
    make_user("bare");
    c = look("shop", "bare", NULL);
    expect_failed(&c, KG_CHECK_PRIVILEGES, KG_E_DB_PRIVILEGE, "user 'bare' lacks 8 privileges in database 'shop': USAGE on schema");
    names = missing(&c);
    assert_string_equal(names, "USAGE on schema \"o'd\"\"d; s\"\nUSAGE on schema public\nSELECT on table \"o'd\"\"d; s\".\"T\"\n"
                               "SELECT on table public.leaf\nSELECT on table public.part\nSELECT on table public.plain\n"
                               "SELECT on sequence \"o'd\"\"d; s\".\"T_id_seq\"\nSELECT on sequence public.seq\n");
    expect_state(&c, KG_CHECK_ROW_SECURITY, KG_CHECK_PASSED); /* what does not depend on it is looked at all the same */
    expect_state(&c, KG_CHECK_SPACE, KG_CHECK_PASSED);
}

static void test_one_sequence_or_one_schema_is_enough_to_fail(void **state)
{
    KG_AUTO_CHECKS struct kg_checks c = { 0 };
    KG_AUTO_CHECKS struct kg_checks d = { 0 };
    KG_AUTO_CHECKS struct kg_checks e = { 0 };
    KG_AUTO_FREE char *names = NULL;
    KG_AUTO_FREE char *others = NULL;

    (void)state;
    make_user("nearly");
    sql("shop", "GRANT USAGE ON SCHEMA public, \"o'd\"\"d; s\" TO nearly;"
                "GRANT SELECT ON ALL TABLES IN SCHEMA public, \"o'd\"\"d; s\" TO nearly;"
                "GRANT SELECT ON \"o'd\"\"d; s\".\"T_id_seq\" TO nearly; REVOKE ALL ON SEQUENCE seq FROM nearly");
    c = look("shop", "nearly", NULL);
    names = missing(&c);
    assert_string_equal(names, "SELECT on sequence public.seq\n");
    sql("shop", "GRANT SELECT ON SEQUENCE seq TO nearly; REVOKE USAGE ON SCHEMA public FROM nearly");
    d = look("shop", "nearly", NULL);
    others = missing(&d);
    assert_string_equal(others, "USAGE on schema public\n");
    sql("shop", "GRANT USAGE ON SCHEMA public TO nearly");
    e = look("shop", "nearly", NULL);
    expect_all_passed(&e);
}

static void test_reading_all_data_counts_only_when_it_is_inherited(void **state)
{
    KG_AUTO_CHECKS struct kg_checks c = { 0 };
    KG_AUTO_CHECKS struct kg_checks d = { 0 };

    (void)state;
    if (major() < 14)
        return;
    sql("postgres", "CREATE ROLE reader LOGIN PASSWORD 'pw' IN ROLE pg_read_all_data;"
                    "CREATE ROLE aloof NOINHERIT LOGIN PASSWORD 'pw' IN ROLE pg_read_all_data");
    c = look("shop", "reader", NULL);
    expect_all_passed(&c);
    d = look("shop", "aloof", NULL);
    expect_failed(&d, KG_CHECK_PRIVILEGES, KG_E_DB_PRIVILEGE, "lacks 8 privileges");
}

static void test_what_belongs_to_an_extension_is_not_read(void **state)
{
    KG_AUTO_CHECKS struct kg_checks c = { 0 };
    KG_AUTO_FREE char *names = NULL;

    (void)state;
    make_user("lone");
    sql("postgres", "CREATE DATABASE extended");
    sql("extended", "REVOKE ALL ON SCHEMA public FROM PUBLIC; CREATE TABLE inner_(a int); CREATE TABLE config(a int);"
                    "INSERT INTO pg_depend SELECT 'pg_class'::regclass, c.oid, 0, 'pg_extension'::regclass, e.oid, 0, 'e'"
                    " FROM pg_class c, pg_extension e WHERE c.relname IN ('inner_', 'config') AND e.extname = 'plpgsql';"
                    "UPDATE pg_extension SET extconfig = ARRAY['config'::regclass::oid], extcondition = ARRAY['']"
                    " WHERE extname = 'plpgsql'");
    c = look("extended", "lone", NULL);
    names = missing(&c);
    assert_string_equal(names, "USAGE on schema public\nSELECT on table public.config\n");
}

static void test_many_missing_ones_are_counted_and_the_first_are_named(void **state)
{
    KG_AUTO_CHECKS struct kg_checks c = { 0 };
    const struct kg_check *k;
    kg_usec began;

    (void)state;
    sql("postgres", "CREATE DATABASE wide");
    sql("wide", "DO $$ BEGIN FOR i IN 1..1500 LOOP EXECUTE format('CREATE TABLE public.t%s(a int)', i); END LOOP; END $$;"
                "GRANT USAGE ON SCHEMA public TO bare");
    began = kg_now_mono();
    c = look("wide", "bare", NULL);
    assert_true(kg_now_mono() - began < KG_SECOND);
    expect_failed(&c, KG_CHECK_PRIVILEGES, KG_E_DB_PRIVILEGE, "1500 privileges");
    k = c.item[KG_CHECK_PRIVILEGES];
    assert_non_null(strstr(k->err.msg, "and 1497 more"));
    assert_int_equal(kg_json_count(kg_json_get(k->details, "missing")), 100);
    assert_int_equal(kg_json_u64(k->details, "missingCount", 0), 1500);
}

static void test_row_security_fails_where_it_would_hide_rows(void **state)
{
    KG_AUTO_CHECKS struct kg_checks c = { 0 };
    KG_AUTO_CHECKS struct kg_checks d = { 0 };
    KG_AUTO_CHECKS struct kg_checks e = { 0 };

    (void)state;
    make_user("tenant");
    make_user("owner_");
    sql("postgres", "CREATE DATABASE rls");
    sql("rls", "CREATE TABLE secret(a int); ALTER TABLE secret ENABLE ROW LEVEL SECURITY; GRANT SELECT ON secret TO tenant;"
               "CREATE TABLE mine(a int); ALTER TABLE mine OWNER TO owner_; ALTER TABLE mine ENABLE ROW LEVEL SECURITY;"
               "GRANT SELECT ON mine TO tenant; GRANT SELECT ON secret TO owner_; GRANT USAGE ON SCHEMA public TO PUBLIC");
    c = look("rls", "tenant", NULL);
    expect_failed(&c, KG_CHECK_ROW_SECURITY, KG_E_DB_PRIVILEGE, "hides rows of 2 tables from user 'tenant': public.mine, public.secret");
    assert_non_null(strstr(c.item[KG_CHECK_ROW_SECURITY]->err.action, "BYPASSRLS"));
    sql("rls", "ALTER TABLE secret OWNER TO owner_");
    d = look("rls", "owner_", NULL);
    expect_all_passed(&d);
    sql("rls", "ALTER TABLE mine FORCE ROW LEVEL SECURITY");
    e = look("rls", "owner_", NULL);
    expect_failed(&e, KG_CHECK_ROW_SECURITY, KG_E_DB_PRIVILEGE, "1 table from user 'owner_': public.mine");
    sql("rls", "ALTER ROLE owner_ BYPASSRLS");
    kg_checks_done(&e);
    e = look("rls", "owner_", NULL);
    expect_all_passed(&e);
}

static void test_large_objects_count_by_owner_and_access_list(void **state)
{
    static const struct { const char *prepare; int denied; } steps[] = {
        { "SELECT lo_create(i) FROM generate_series(5001, 5004) i", 4 },
        { "GRANT SELECT ON LARGE OBJECT 5001 TO PUBLIC", 3 },
        { "GRANT SELECT ON LARGE OBJECT 5002 TO blobber; GRANT UPDATE ON LARGE OBJECT 5003 TO blobber", 2 },
        { "CREATE ROLE blob_group; GRANT blob_group TO blobber; GRANT SELECT ON LARGE OBJECT 5003 TO blob_group", 1 },
        { "ALTER LARGE OBJECT 5004 OWNER TO blob_group", 0 },
        { "SELECT lo_create(5005)", 1 },
        { "ALTER DATABASE blobs SET lo_compat_privileges = on", 0 },
    };

    (void)state;
    make_user("blobber");
    sql("postgres", "CREATE DATABASE blobs");
    for (size_t i = 0; i < KG_ARRAY_LEN(steps); i++) {
        KG_AUTO_CHECKS struct kg_checks c = { 0 };
        KG_AUTO_JSON struct kg_json *facts = NULL;

        sql("blobs", steps[i].prepare);
        c = look("blobs", "blobber", &facts);
        if ((int)kg_json_u64(facts, "largeObjectsDenied", 0) != steps[i].denied)
            fail_msg("after '%s': %s", steps[i].prepare, c.item[KG_CHECK_LARGE_OBJECTS]->err.msg);
        expect_state(&c, KG_CHECK_LARGE_OBJECTS, steps[i].denied ? KG_CHECK_FAILED : KG_CHECK_PASSED);
    }
}

static void test_passwords_of_roles_are_asked_about_where_the_policy_wants_them(void **state)
{
    KG_AUTO_CHECKS struct kg_checks c = { 0 }, boss = { 0 }, granted = { 0 }, elsewhere = { 0 }, nobody = { 0 };

    (void)state;
    sql("postgres", "CREATE ROLE master SUPERUSER LOGIN PASSWORD 'pw'");
    sql("postgres", "CREATE DATABASE roles1");
    sql("postgres", "CREATE DATABASE roles2");
    make_user("clerk");
    c = look("roles1", "clerk", NULL);
    assert_null(c.item[KG_CHECK_ROLE_PASSWORDS]); /* a policy that does not want them has no such row */
    kg_checks_done(&c);
    c = look_for("roles1", "clerk", true, NULL);
    expect_state(&c, KG_CHECK_ROLE_PASSWORDS, KG_CHECK_WARNING);
    assert_non_null(strstr(c.item[KG_CHECK_ROLE_PASSWORDS]->err.msg, "'clerk' may not read the roles' passwords in pg_authid"));
    assert_non_null(strstr(c.item[KG_CHECK_ROLE_PASSWORDS]->err.action, "GRANT SELECT ON pg_catalog.pg_authid"));
    assert_non_null(strstr(c.item[KG_CHECK_ROLE_PASSWORDS]->err.action, "--role-passwords off."));
    assert_null(kg_checks_failed(&c));       /* the backup does without */
    boss = look_for("roles1", "master", true, NULL);
    expect_state(&boss, KG_CHECK_ROLE_PASSWORDS, KG_CHECK_PASSED);
    sql("roles1", "GRANT SELECT ON pg_catalog.pg_authid TO clerk");
    granted = look_for("roles1", "clerk", true, NULL);
    expect_state(&granted, KG_CHECK_ROLE_PASSWORDS, KG_CHECK_PASSED);
    elsewhere = look_for("roles2", "clerk", true, NULL); /* what was granted is that database's */
    expect_state(&elsewhere, KG_CHECK_ROLE_PASSWORDS, KG_CHECK_WARNING);
    nobody = look_for("roles1", "nobody_at_all", true, NULL);
    expect_state(&nobody, KG_CHECK_ROLE_PASSWORDS, KG_CHECK_SKIPPED);
    assert_int_equal(nobody.item[KG_CHECK_ROLE_PASSWORDS]->because, KG_CHECK_LOGIN);
}

static void test_subscriptions_are_warned_of_and_stop_nothing(void **state)
{
    KG_AUTO_CHECKS struct kg_checks c = { 0 };
    KG_AUTO_CHECKS struct kg_checks d = { 0 };

    (void)state;
    make_user("plain_user");
    sql("postgres", "CREATE DATABASE sub");
    sql("sub", "SET client_min_messages = error; CREATE SUBSCRIPTION s CONNECTION 'host=/nowhere' PUBLICATION p WITH (connect = false)");
    c = look("sub", "plain_user", NULL);
    expect_state(&c, KG_CHECK_PRIVILEGES, KG_CHECK_WARNING);
    assert_non_null(strstr(c.item[KG_CHECK_PRIVILEGES]->err.msg, "1 subscriptions"));
    assert_true(kg_checks_passed(&c, ALL));
    d = look("sub", "boss", NULL);
    expect_state(&d, KG_CHECK_PRIVILEGES, KG_CHECK_PASSED);
}

/* ---- getting in ---- */

static struct kg_checks look_at(const char *host, const char *port, const char *user, const char *password, const char *database,
                                kg_usec limit)
{
    struct kg_conninfo c = pg_cluster_login(pg, database, user, password);
    struct kg_database_spec spec = { .conn = &c, .database = database, .find_tool = find_pg_dump,
                                     .limits = { .deadline = kg_now_mono() + limit } };
    struct kg_checks checks = { 0 };
    struct kg_json *facts = NULL;
    struct kg_err err = { 0 };

    free(c.host);
    c.host = kg_xstrdup(host);
    if (port) {
        free(c.port);
        c.port = kg_xstrdup(port);
    }
    assert_int_equal(kg_database_check(&spec, &checks, &facts, &err), 0);
    kg_json_free(facts);
    kg_conninfo_done(&c);
    return checks;
}

static void test_why_nobody_gets_in_is_told_apart(void **state)
{
    static const struct {
        const char *user, *password, *database;
        enum kg_check_id at;
        enum kg_code code;
        const char *told;
    } cases[] = {
        { "bare", "wrong", "shop", KG_CHECK_LOGIN, KG_E_DB_AUTH, "password authentication failed" },
        { "nobody_of_that_name", "pw", "shop", KG_CHECK_LOGIN, KG_E_DB_AUTH, "nobody_of_that_name" },
        { "bare", "pw", "no such; db", KG_CHECK_DATABASE, KG_E_DB_NOT_FOUND, "does not exist" },
        { "bare", "pw", "closed", KG_CHECK_PRIVILEGES, KG_E_DB_PRIVILEGE, "permission denied for database" },
        { "bare", "pw", "template0", KG_CHECK_SELECTABLE, KG_E_DB_NOT_SELECTABLE, "It does not accept connections" },
        { "bare", "pw", "template1", KG_CHECK_SELECTABLE, KG_E_DB_NOT_SELECTABLE, "It is a template" },
        { "bare", "pw", "stencil", KG_CHECK_SELECTABLE, KG_E_DB_NOT_SELECTABLE, "'stencil' cannot be protected" },
        { "bare", "pw", "azure_sys", KG_CHECK_SELECTABLE, KG_E_DB_NOT_SELECTABLE, "It belongs to the server" },
    };

    (void)state;
    sql("postgres", "CREATE DATABASE closed");
    sql("postgres", "REVOKE CONNECT ON DATABASE closed FROM PUBLIC");
    sql("postgres", "CREATE DATABASE stencil");
    sql("postgres", "ALTER DATABASE stencil IS_TEMPLATE true");
    sql("postgres", "CREATE DATABASE azure_sys");
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_CHECKS struct kg_checks c = look_at("127.0.0.1", NULL, cases[i].user, cases[i].password, cases[i].database,
                                                    10 * KG_SECOND);

        expect_failed(&c, cases[i].at, cases[i].code, cases[i].told);
        assert_int_equal(kg_checks_failed(&c)->id, cases[i].at);
        expect_state(&c, KG_CHECK_SPACE, KG_CHECK_SKIPPED);
        assert_int_equal(c.item[KG_CHECK_SPACE]->because, cases[i].at);
        expect_state(&c, KG_CHECK_CONNECT, KG_CHECK_PASSED);
        if (cases[i].at != KG_CHECK_LOGIN)
            expect_state(&c, KG_CHECK_LOGIN, KG_CHECK_PASSED);
        if (cases[i].at == KG_CHECK_PRIVILEGES)
            assert_string_equal(kg_json_str(c.item[KG_CHECK_PRIVILEGES]->details, "missing.0"), "CONNECT on database closed");
    }
}

static void test_a_server_that_is_not_there_is_a_matter_of_the_network(void **state)
{
    static const struct { const char *host, *port; } where[] = {
        { "127.0.0.1", "1" }, { "/nonexistent", "5432" }, { "no-such-host.invalid", "5432" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(where); i++) {
        KG_AUTO_CHECKS struct kg_checks c = look_at(where[i].host, where[i].port, "bare", "pw", "shop", 10 * KG_SECOND);

        expect_failed(&c, KG_CHECK_CONNECT, KG_E_DB_CONNECT, where[i].host);
        expect_state(&c, KG_CHECK_LOGIN, KG_CHECK_SKIPPED);
        assert_int_equal(c.item[KG_CHECK_PRIVILEGES]->because, KG_CHECK_CONNECT);
    }
}

/* A port that takes connections and never says a word. */
static int black_hole(char *ret_port, size_t size)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 64) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    snprintf(ret_port, size, "%d", ntohs(a.sin_port));
    return fd;
}

static void test_a_server_that_never_answers_costs_the_time_limit(void **state)
{
    char port[16];
    KG_AUTO_CLOSE int fd = black_hole(port, sizeof port);
    kg_usec began = kg_now_mono(), took;
    KG_AUTO_CHECKS struct kg_checks c = look_at("127.0.0.1", port, "bare", "pw", "shop", KG_SECOND / 2);

    (void)state;
    took = kg_now_mono() - began;
    assert_true(fd >= 0 && took >= KG_SECOND / 2 && took < KG_SECOND);
    expect_failed(&c, KG_CHECK_CONNECT, KG_E_DB_CONNECT, "no answer in time");
}

static void test_a_server_that_stops_answering_costs_no_more(void **state)
{
    KG_AUTO_CHECKS struct kg_checks c = { 0 };
    struct kg_session *s = NULL;
    struct kg_err err = { 0 };
    kg_usec began;

    (void)state;
    assert_int_equal(kg_session_open(&pg->conn, "shop", "test", &s, &err), 0);
    assert_int_equal(kg_session_run(s, "BEGIN; LOCK TABLE pg_catalog.pg_subscription IN ACCESS EXCLUSIVE MODE", &err), 0);
    began = kg_now_mono();
    c = look_at("127.0.0.1", NULL, "boss", "pw", "shop", KG_SECOND);
    assert_true(kg_now_mono() - began < 2 * KG_SECOND);
    expect_failed(&c, KG_CHECK_DATABASE, KG_E_TIMEOUT, "did not answer a statement in time");
    expect_state(&c, KG_CHECK_LOGIN, KG_CHECK_PASSED);
    expect_state(&c, KG_CHECK_SPACE, KG_CHECK_SKIPPED);
    kg_session_close(s);
}

/* ---- room, standbys ---- */

static void test_room_in_the_datastore_is_judged_by_the_database(void **state)
{
    static const struct { uint64_t free_; bool points; enum kg_check_state want; } cases[] = {
        { (uint64_t)1 << 40, false, KG_CHECK_PASSED }, { (uint64_t)1 << 40, true, KG_CHECK_PASSED },
        { (uint64_t)65 << 20, false, KG_CHECK_WARNING }, { (uint64_t)65 << 20, true, KG_CHECK_PASSED },
        { (uint64_t)1 << 20, false, KG_CHECK_FAILED }, { (uint64_t)1 << 20, true, KG_CHECK_FAILED },
        { 0, true, KG_CHECK_FAILED },
    };
    struct kg_conninfo conn = pg_cluster_login(pg, "big", "boss", "pw");

    (void)state;
    sql("postgres", "CREATE DATABASE big");
    sql("big", "CREATE TABLE t AS SELECT i, repeat('x', 1000) FROM generate_series(1, 80000) i"); /* 90 MB */
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct kg_database_spec spec = { .conn = &conn, .database = "big", .find_tool = find_pg_dump, .has_store_free = true,
                                         .store_free = cases[i].free_, .has_points = cases[i].points,
                                         .limits = { .deadline = kg_now_mono() + 20 * KG_SECOND } };
        KG_AUTO_CHECKS struct kg_checks c = { 0 };
        KG_AUTO_JSON struct kg_json *facts = NULL;
        struct kg_err err = { 0 };

        assert_int_equal(kg_database_check(&spec, &c, &facts, &err), 0);
        expect_state(&c, KG_CHECK_SPACE, cases[i].want);
        assert_true(kg_json_u64(c.item[KG_CHECK_SPACE]->details, "databaseBytes", 0) > (uint64_t)80 << 20);
    }
    kg_conninfo_done(&conn);
}

/* A server that waits for a primary that is not there is a standby as good as any. Last: it stays one. */
static void test_a_standby_is_fit_and_warned_of_when_it_may_end_a_backup(void **state)
{
    KG_AUTO_FREE char *signal_file = kg_xprintf("%s/data/standby.signal", pg->dir);
    KG_AUTO_CHECKS struct kg_checks c = { 0 };
    KG_AUTO_CHECKS struct kg_checks d = { 0 };
    int fd;

    (void)state;
    sql("postgres", "CHECKPOINT");
    fd = open(signal_file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_true(fd >= 0 && close(fd) == 0);
    pg_cluster_restart(pg);
    c = look("shop", "boss", NULL);
    expect_state(&c, KG_CHECK_STANDBY, KG_CHECK_WARNING);
    assert_true(kg_json_bool(c.item[KG_CHECK_STANDBY]->details, "standby", false));
    assert_int_equal(c.item[KG_CHECK_STANDBY]->err.code, KG_E_DB_STANDBY);
    assert_true(kg_checks_passed(&c, ALL));
    sql("postgres", "ALTER SYSTEM SET hot_standby_feedback = on");
    sql("postgres", "SELECT pg_reload_conf(), pg_sleep(0.5)");
    d = look("shop", "boss", NULL);
    expect_state(&d, KG_CHECK_STANDBY, KG_CHECK_PASSED);
}

static int prepare(void **state)
{
    if (start(state) < 0)
        return -1;
    return pg_cluster_sql(pg, "postgres", "CREATE DATABASE shop") == 0 && pg_cluster_sql(pg, "shop", shop_sql) == 0 ? 0 : -1;
}

static void test_some_names_say_that_a_database_is_not_backed_up(void **state)
{
    (void)state;
    assert_null(kg_database_not_selectable("it's \"quoted\" \xe6\x97\xa5", false, true));
    assert_string_equal(kg_database_not_selectable("two\nlines", false, true), "Its name has control characters.");
    assert_string_equal(kg_database_not_selectable("\033[31mred", false, true), "Its name has control characters.");
    assert_string_equal(kg_database_not_selectable("shop", true, true), "It is a template.");
    assert_string_equal(kg_database_not_selectable("shop", false, false), "It does not accept connections.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_superuser_may_read_everything),
        cmocka_unit_test(test_a_bare_user_is_told_each_privilege_that_it_lacks),
        cmocka_unit_test(test_one_sequence_or_one_schema_is_enough_to_fail),
        cmocka_unit_test(test_reading_all_data_counts_only_when_it_is_inherited),
        cmocka_unit_test(test_what_belongs_to_an_extension_is_not_read),
        cmocka_unit_test(test_many_missing_ones_are_counted_and_the_first_are_named),
        cmocka_unit_test(test_row_security_fails_where_it_would_hide_rows),
        cmocka_unit_test(test_large_objects_count_by_owner_and_access_list),
        cmocka_unit_test(test_passwords_of_roles_are_asked_about_where_the_policy_wants_them),
        cmocka_unit_test(test_subscriptions_are_warned_of_and_stop_nothing),
        cmocka_unit_test(test_why_nobody_gets_in_is_told_apart),
        cmocka_unit_test(test_a_server_that_is_not_there_is_a_matter_of_the_network),
        cmocka_unit_test(test_a_server_that_never_answers_costs_the_time_limit),
        cmocka_unit_test(test_a_server_that_stops_answering_costs_no_more),
        cmocka_unit_test(test_room_in_the_datastore_is_judged_by_the_database),
        cmocka_unit_test(test_a_standby_is_fit_and_warned_of_when_it_may_end_a_backup),
        cmocka_unit_test(test_some_names_say_that_a_database_is_not_backed_up),
    };

    return cmocka_run_group_tests(tests, prepare, stop);
}
