/* How full vaults were. */
#include "catalog/sqlite.h"

#include "base/alloc.h"

static const char sql_put[] = "INSERT INTO usage_samples (vault, day, json) VALUES (?, ?, ?)"
                              " ON CONFLICT (vault, day) DO UPDATE SET json = excluded.json";
/* Of the days before ?2 only the last one of each ?3 days stays. */
static const char sql_thin[] = "DELETE FROM usage_samples WHERE vault = ?1 AND day < ?2 AND EXISTS (SELECT 1 FROM usage_samples o"
                               " WHERE o.vault = ?1 AND o.day > usage_samples.day AND o.day / ?3 = usage_samples.day / ?3"
                               " AND o.day < ?2)";
static const char sql_list[] = "SELECT day, json FROM usage_samples WHERE vault = ? ORDER BY day DESC LIMIT ?";

int kg_db_usage_put(struct kg_catalog *c, const char *vault, int64_t day, const char *json, struct kg_err *err)
{
    struct db *d = db_of(c);
    int r;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_run(d, NULL, err, sql_put, "tit", vault, day, json);
    if (r == 0)
        r = kg_db_run(d, NULL, err, sql_thin, "tii", vault, day - KG_USAGE_DAILY, (int64_t)7);
    if (r == 0)
        r = kg_db_run(d, NULL, err, sql_thin, "tii", vault, day - KG_USAGE_WEEKLY, (int64_t)30);
    return kg_db_write_end(d, r, err);
}

int kg_db_usage_list(struct kg_catalog *c, const char *vault, unsigned top, struct kg_usage_list *ret, struct kg_err *err)
{
    KG_AUTO_USAGE_LIST struct kg_usage_list list = { 0 };
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    struct db *d = db_of(c);
    size_t cap = 0;
    int r;

    if (kg_db_query(d, &s, err, sql_list, "ti", vault, (int64_t)top) < 0)
        return -(int)err->code;
    while ((r = kg_db_step(d, s, err)) == 1) {
        KG_GROW(list.rows, list.count, cap);
        list.rows[list.count] = (struct kg_usage_row){ .day = sqlite3_column_int64(s, 0) };
        if (kg_db_json(s, 1, &list.rows[list.count].json, err) < 0)
            return -(int)err->code;
        list.count++;
    }
    if (r < 0)
        return r;
    *ret = list;
    list = (struct kg_usage_list){ 0 };
    return 0;
}
