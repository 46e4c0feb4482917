/* A server, its plans, and sessions on it that must succeed. Include after cmocka.h. */
#ifndef KG_TESTS_PLAN_FIXTURE_H
#define KG_TESTS_PLAN_FIXTURE_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "pg/plan.h"
#include "support/pg_cluster.h"

#define KG_AUTO_SESSION KG_CLEANUP(kg_session_closep)
#define KG_AUTO_ROWS    KG_CLEANUP(kg_rows_freep)
#define KG_AUTO_PLAN    KG_CLEANUP(kg_plan_freep)

static struct pg_cluster *pg;

static inline struct kg_plan *plan(const char *database, const struct kg_plan_opts *o)
{
    struct kg_plan *p = NULL;
    struct kg_err err = { 0 };

    if (kg_plan_make(&pg->conn, database, o ? o : &(struct kg_plan_opts){ 0 }, &p, &err) < 0)
        fail_msg("%s: %s", database, err.msg);
    return p;
}

static inline struct kg_session *session(const char *database)
{
    struct kg_session *s = NULL;
    struct kg_err err = { 0 };

    if (kg_session_open(&pg->conn, database, "test", &s, &err) < 0)
        fail_msg("%s", err.msg);
    return s;
}

static inline struct kg_session *worker(const struct kg_plan *p, const char *database)
{
    struct kg_session *s = session(database);
    struct kg_err err = { 0 };

    if (kg_session_begin_dump(s, kg_archive_encoding(p->archive), p->snapshot, &err) < 0)
        fail_msg("%s", err.msg);
    return s;
}

static inline void ok(struct kg_session *s, const char *sql)
{
    struct kg_err err = { 0 };

    if (kg_session_run(s, sql, &err) < 0)
        fail_msg("%s: %s", sql, err.msg);
}

static inline char *one(struct kg_session *s, const char *sql)
{
    KG_AUTO_ROWS struct kg_rows *r = NULL;
    struct kg_err err = { 0 };

    if (kg_session_query(s, sql, 0, NULL, &r, &err) < 0)
        fail_msg("%s: %s", sql, err.msg);
    return kg_xstrdup(kg_rows_count(r) && kg_rows_get(r, 0, 0) ? kg_rows_get(r, 0, 0) : "");
}

static inline void expect(int got, const struct kg_err *err, enum kg_code want, const char *told)
{
    if (got != -(int)want)
        fail_msg("code %s instead of %s: %s", kg_code_name(err->code), kg_code_name(want), err->msg);
    if (!strstr(err->msg, told) && !strstr(err->action, told))
        fail_msg("neither '%s' nor '%s' says '%s'", err->msg, err->action, told);
}

static inline int add_row(void *ctx, const char *row, size_t n, struct kg_err *err)
{
    (void)err;
    kg_buf_add(ctx, row, n);
    return 0;
}

static inline const struct kg_plan_table *table(const struct kg_plan *p, const char *schema, const char *name)
{
    for (size_t i = 0; i < p->n_tables; i++)
        if (strcmp(p->table[i].schema, schema) == 0 && strcmp(p->table[i].name, name) == 0)
            return &p->table[i];
    fail_msg("no table %s.%s in the plan", schema, name);
    return NULL;
}

static inline void copy(struct kg_session *s, const struct kg_plan_table *t, uint32_t from, uint32_t to, struct kg_buf *out)
{
    KG_AUTO_FREE char *sql = kg_plan_copy_sql(t, from, to);
    struct kg_err err = { 0 };

    if (kg_copy_out(s, sql, add_row, out, &err) < 0)
        fail_msg("%s: %s", sql, err.msg);
}

static inline void wait_until(struct kg_session *s, const char *sql)
{
    for (int i = 0; i < 100; i++) {
        KG_AUTO_FREE char *v = one(s, sql);

        if (strcmp(v, "t") == 0)
            return;
        usleep(20 * 1000);
    }
    fail_msg("never true: %s", sql);
}

#endif
