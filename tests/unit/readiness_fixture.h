/* unit/readiness_fixture.h - one server and one look at a database on it, for the tests of readiness/. KG_TEST_PG_BIN: the
 * programs of another major version. */
#ifndef TESTS_UNIT_READINESS_FIXTURE_H
#define TESTS_UNIT_READINESS_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "readiness/database.h"
#include "support/pg_cluster.h"

static struct pg_cluster *pg;
#define ALL KG_CHECK_CONNECT, KG_CHECK_SPACE

static inline int major(void)
{
    const char *const args[] = { "psql", "-X", "-A", "-t", "-d", "postgres", "-c",
                                 "SELECT current_setting('server_version_num')::int / 10000", NULL };
    struct kg_buf out = KG_BUF_INIT(256);
    static int known;

    if (!known && pg_cluster_run(pg, args, &out) == 0)
        known = (out.p[0] - '0') * 10 + (out.p[1] - '0');
    kg_buf_done(&out);
    return known;
}

static inline int find_pg_dump(void *ctx, int at_least, struct kg_tool *ret, struct kg_err *err)
{
    (void)ctx;
    return kg_tool_find("pg_dump", NULL, at_least > 15 ? 15 : at_least, ret, err);
}

static inline void sql(const char *database, const char *text)
{
    if (pg_cluster_sql(pg, database, text) != 0)
        fail_msg("%s: %s", database, text);
}

/* A login user with nothing, password 'pw'. */
static inline void make_user(const char *ident)
{
    KG_AUTO_FREE char *text = kg_xprintf("CREATE ROLE %s LOGIN PASSWORD 'pw'", ident);

    sql("postgres", text);
}

/* What the checks of one database say to that user; the caller: kg_checks_done(). */
static inline struct kg_checks look_for(const char *database, const char *user, bool role_passwords, struct kg_json **ret_facts)
{
    struct kg_conninfo c = pg_cluster_login(pg, database, user, "pw");
    struct kg_database_spec spec = { .conn = &c, .database = database, .find_tool = find_pg_dump, .role_passwords = role_passwords,
                                     .limits = { .deadline = kg_now_mono() + 20 * KG_SECOND } };
    struct kg_checks checks = { 0 };
    struct kg_json *facts = NULL;
    struct kg_err err = { 0 };

    if (kg_database_check(&spec, &checks, &facts, &err) < 0)
        fail_msg("%s", err.msg);
    kg_conninfo_done(&c);
    if (ret_facts)
        *ret_facts = facts;
    else
        kg_json_free(facts);
    return checks;
}

static inline struct kg_checks look(const char *database, const char *user, struct kg_json **ret_facts)
{
    return look_for(database, user, false, ret_facts);
}

static inline void expect_failed(const struct kg_checks *c, enum kg_check_id id, enum kg_code code, const char *told)
{
    const struct kg_check *k = c->item[id];

    if (!k || k->state != KG_CHECK_FAILED)
        fail_msg("%s is %s: %s", kg_check_id_to_text(id), k ? kg_check_state_to_text(k->state) : "missing",
                 kg_checks_failed(c) ? kg_checks_failed(c)->err.msg : "");
    if (k->err.code != code || !strstr(k->err.msg, told))
        fail_msg("%s instead of %s: '%s' does not say '%s'", kg_code_name(k->err.code), kg_code_name(code), k->err.msg, told);
    assert_true(k->err.action[0]);
}

static inline void expect_state(const struct kg_checks *c, enum kg_check_id id, enum kg_check_state state)
{
    const struct kg_check *k = c->item[id];

    if (!k || k->state != state)
        fail_msg("%s is %s (%s)", kg_check_id_to_text(id), k ? kg_check_state_to_text(k->state) : "missing", k ? k->err.msg : "");
}

static inline void expect_all_passed(const struct kg_checks *c)
{
    const struct kg_check *k = kg_checks_failed(c);

    if (k)
        fail_msg("%s: %s", kg_check_id_to_text(k->id), k->err.msg);
    assert_true(kg_checks_passed(c, ALL));
}

/* The list of what is missing, one line each. */
static inline char *missing(const struct kg_checks *c)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);

    for (const struct kg_json *j = kg_json_first(kg_json_get(c->item[KG_CHECK_PRIVILEGES]->details, "missing")); j; j = kg_json_next(j))
        kg_buf_addf(&b, "%s\n", kg_json_value_str(j));
    return kg_buf_take(&b);
}

#endif
