/* How backup instances stand, and how many jobs there were: what overviews ask of many rows at once. */
#include "catalog/sqlite.h"

#include "base/alloc.h"

/* The newest entry of the instance's index that is a backup; no row is read. */
static const char sql_job[] = "SELECT id, status, start, end FROM jobs WHERE instance = ? AND operation = 'Backup'"
                              " ORDER BY start DESC, id DESC LIMIT 1";
/* "problem" is what checks say of a point of which no copy is sound, see policy/copies.h. */
static const char sql_point[] = "SELECT id, time FROM points WHERE instance = ? AND json_extract(json, '$.problem') IS NULL"
                                " ORDER BY time DESC, id DESC LIMIT 1";
/* By the time of their start, whatever the vault (the '+'): a vault's index goes back to its first job. '0' is what follows '/'. */
static const char sql_tally[] = "SELECT vault, start / 86400000000 AS day, status, count(*) FROM jobs WHERE start >= ?1"
                                " AND +vault > ?2 || '/' AND +vault < ?2 || '0' GROUP BY +vault, day, status";

static int read_job(struct db *d, const char *instance, struct kg_standing *s, struct kg_err *err)
{
    DB_AUTO_RESET sqlite3_stmt *q = NULL;
    int r;

    if (kg_db_query(d, &q, err, sql_job, "t", instance) < 0 || (r = kg_db_step(d, q, err)) < 0)
        return -(int)err->code;
    if (!r)
        return 0;
    s->job = kg_db_text(q, 0);
    s->status = kg_db_text(q, 1);
    s->start = sqlite3_column_int64(q, 2);
    s->end = sqlite3_column_int64(q, 3);
    return 0;
}

static int read_point(struct db *d, const char *instance, struct kg_standing *s, struct kg_err *err)
{
    DB_AUTO_RESET sqlite3_stmt *q = NULL;
    int r;

    if (kg_db_query(d, &q, err, sql_point, "t", instance) < 0 || (r = kg_db_step(d, q, err)) < 0)
        return -(int)err->code;
    if (!r)
        return 0;
    s->point = kg_db_text(q, 0);
    s->point_time = sqlite3_column_int64(q, 1);
    return 0;
}

int kg_db_standing(struct kg_catalog *c, const char *instance, struct kg_standing *ret, struct kg_err *err)
{
    KG_AUTO_STANDING struct kg_standing s = { 0 };

    if (read_job(db_of(c), instance, &s, err) < 0 || read_point(db_of(c), instance, &s, err) < 0)
        return -(int)err->code;
    *ret = s;
    s = (struct kg_standing){ 0 };
    return 0;
}

int kg_db_job_tally(struct kg_catalog *c, const char *under, kg_usec from, struct kg_tally *ret, struct kg_err *err)
{
    KG_AUTO_TALLY struct kg_tally t = { 0 };
    DB_AUTO_RESET sqlite3_stmt *q = NULL;
    struct db *d = db_of(c);
    size_t cap = 0;
    int r;

    if (kg_db_query(d, &q, err, sql_tally, "it", (int64_t)from, under) < 0)
        return -(int)err->code;
    while ((r = kg_db_step(d, q, err)) == 1) {
        KG_GROW(t.rows, t.count, cap);
        t.rows[t.count++] = (struct kg_tally_row){ .vault = kg_db_text(q, 0), .day = sqlite3_column_int64(q, 1),
                                                   .status = kg_db_text(q, 2), .count = (uint64_t)sqlite3_column_int64(q, 3) };
    }
    if (r < 0)
        return r;
    *ret = t;
    t = (struct kg_tally){ 0 };
    return 0;
}
