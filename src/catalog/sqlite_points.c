/* Recovery points, sealed secrets, remembered values. */
#include "catalog/sqlite.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"

/* ---- recovery points ---- */

#define POINT_COLUMNS "instance_id, id, time, expires, tag, bytes, stored_bytes, new_bytes, rows, json"
static const char sql_point_insert[] =
    "INSERT INTO points (instance, " POINT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?,"
    " ?, ?)";
static const char sql_point_update[] = "UPDATE points SET tag = ?, expires = ?, json = ? WHERE instance = ? AND id = ?";
static const char sql_point_get[] = "SELECT " POINT_COLUMNS " FROM points WHERE instance = ? AND id = ?";
static const char sql_point_delete[] = "DELETE FROM points WHERE instance = ?1 AND (?2 IS NULL OR id = ?2)";

static int read_point(sqlite3_stmt *s, struct kg_point_row *ret, struct kg_err *err)
{
    KG_AUTO_POINT_ROW struct kg_point_row r = { 0 };

    if (kg_db_json(s, 9, &r.json, err) < 0)
        return -(int)err->code;
    r.instance = kg_db_text(s, 0);
    r.id = kg_db_text(s, 1);
    r.time = sqlite3_column_int64(s, 2);
    r.expires = sqlite3_column_int64(s, 3);
    r.tag = kg_db_text(s, 4);
    r.bytes = (uint64_t)sqlite3_column_int64(s, 5);
    r.stored_bytes = (uint64_t)sqlite3_column_int64(s, 6);
    r.new_bytes = (uint64_t)sqlite3_column_int64(s, 7);
    r.rows = (uint64_t)sqlite3_column_int64(s, 8);
    *ret = r;
    r = (struct kg_point_row){ 0 };
    return 0;
}

int kg_db_point_insert(struct kg_catalog *c, const char *instance, const struct kg_point_row *row, const char *json,
                    struct kg_err *err)
{
    struct db *d = db_of(c);
    int r;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_run(d, NULL, err, sql_point_insert, "tttiitiiiit", instance, row->instance, row->id, (int64_t)row->time,
               (int64_t)row->expires, row->tag ? row->tag : "", (int64_t)row->bytes, (int64_t)row->stored_bytes,
               (int64_t)row->new_bytes, (int64_t)row->rows, json);
    if (r < 0 && kg_db_taken(d)) {
        *err = (struct kg_err){ 0 };
        r = kg_err_set(err, KG_E_EXISTS, "recovery point '%s' exists already", row->id);
    }
    return kg_db_write_end(d, r, err);
}

int kg_db_point_update(struct kg_catalog *c, const char *instance, const struct kg_point_row *row, const char *json,
                    struct kg_err *err)
{
    struct db *d = db_of(c);
    int r, changes = 0;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_run(d, &changes, err, sql_point_update, "tittt", row->tag ? row->tag : "", (int64_t)row->expires, json,
               instance, row->id);
    if (r == 0 && !changes)
        r = kg_err_set(err, KG_E_NO_POINT, "no recovery point '%s'", row->id);
    return kg_db_write_end(d, r, err);
}

int kg_db_point_get(struct kg_catalog *c, const char *instance, const char *id, struct kg_point_row *ret,
                    struct kg_err *err)
{
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    int r;

    if (kg_db_query(db_of(c), &s, err, sql_point_get, "tt", instance, id) < 0 || (r = kg_db_step(db_of(c), s, err)) < 0)
        return -(int)err->code;
    return r ? read_point(s, ret, err) : kg_err_set(err, KG_E_NO_POINT, "no recovery point '%.100s'", id);
}

static void point_where(struct db_where *w, const struct kg_point_query *q)
{
    kg_db_where_sql(w, " FROM points WHERE 1");
    kg_db_where_text(w, "instance = ?", q->instance);
    kg_db_where_text(w, "tag = ?", q->tag);
    if (q->from)
        kg_db_where_number(w, "time >= ?", q->from);
    if (q->to)
        kg_db_where_number(w, "time <= ?", q->to);
    if (q->expires_before)
        kg_db_where_number(w, "expires > 0 AND expires < ?", q->expires_before);
    /* a document that does not say means the first datastore, see policy/copies.h */
    kg_db_where_text(w, "json_type(coalesce(json_extract(json, '$.copies'), '{\"VaultStore\":{}}'), '$.' || ?) IS NOT NULL",
                     q->copy_in);
}

int kg_db_point_list(struct kg_catalog *c, const struct kg_point_query *q, struct kg_point_list *ret,
                     struct kg_err *err)
{
    KG_AUTO_POINT_LIST struct kg_point_list list = { 0 };
    DB_AUTO_WHERE struct db_where w = DB_WHERE_INIT;
    DB_AUTO_FINALIZE sqlite3_stmt *s = NULL;
    struct db *d = db_of(c);
    const char *after_id;
    kg_usec after;
    size_t cap = 0;
    int r;

    kg_db_where_sql(&w, "SELECT " POINT_COLUMNS);
    point_where(&w, q);
    if (q->after) {
        if (kg_page_token_parse(q->after, &after, &after_id, err) < 0)
            return -(int)err->code;
        kg_db_where_number(&w, "(time, id) < (?, ?)", after);
        kg_db_arg_text(&w, after_id);
    }
    kg_db_where_sql(&w, " ORDER BY time DESC, id DESC LIMIT ?");
    kg_db_arg_number(&w, (int64_t)q->top + 1);
    if (kg_db_where_query(d, &w, &s, err) < 0)
        return -(int)err->code;
    while ((r = kg_db_step(d, s, err)) == 1) {
        if (list.count == q->top) {
            list.next = kg_page_token(list.rows[list.count - 1].time, list.rows[list.count - 1].id);
            break;
        }
        KG_GROW(list.rows, list.count, cap);
        if (read_point(s, &list.rows[list.count], err) < 0)
            return -(int)err->code;
        list.count++;
    }
    if (r < 0)
        return r;
    *ret = list;
    list = (struct kg_point_list){ 0 };
    return 0;
}

int kg_db_point_count(struct kg_catalog *c, const struct kg_point_query *q, uint64_t *ret, struct kg_err *err)
{
    DB_AUTO_WHERE struct db_where w = DB_WHERE_INIT;

    kg_db_where_sql(&w, "SELECT count(*)");
    point_where(&w, q);
    return kg_db_where_count(db_of(c), &w, ret, err);
}

int kg_db_point_sum(struct kg_catalog *c, const struct kg_point_query *q, struct kg_point_sum *ret, struct kg_err *err)
{
    DB_AUTO_WHERE struct db_where w = DB_WHERE_INIT;
    DB_AUTO_FINALIZE sqlite3_stmt *s = NULL;
    int r;

    kg_db_where_sql(&w, "SELECT count(*), total(bytes), total(stored_bytes), total(new_bytes)");
    point_where(&w, q);
    if (kg_db_where_query(db_of(c), &w, &s, err) < 0 || (r = kg_db_step(db_of(c), s, err)) < 0)
        return -(int)err->code;
    *ret = (struct kg_point_sum){ (uint64_t)sqlite3_column_int64(s, 0), (uint64_t)sqlite3_column_double(s, 1),
                                  (uint64_t)sqlite3_column_double(s, 2), (uint64_t)sqlite3_column_double(s, 3) };
    return 0;
}

int kg_db_point_delete(struct kg_catalog *c, const char *instance, const char *id, struct kg_err *err)
{
    struct db *d = db_of(c);
    int r, changes = 0;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_run(d, &changes, err, sql_point_delete, "tt", instance, id);
    if (r == 0 && id && !changes)
        r = kg_err_set(err, KG_E_NO_POINT, "no recovery point '%.100s'", id);
    return kg_db_write_end(d, r, err);
}

/* ---- secrets ---- */

#define SECRET_COLUMNS "keyvault_id, name, version, enabled, content_type, created, updated, seq, not_before, expires"
static const char sql_secret_insert[] =
    "INSERT INTO secrets (keyvault, keyvault_id, name, version, enabled, content_type,"
    " created, updated, not_before, expires, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
static const char sql_secret_newest[] =
    "SELECT " SECRET_COLUMNS ", sealed FROM secrets WHERE keyvault = ?1 AND name = ?2 AND"
    " enabled = 1 AND not_before <= ?3 AND (expires = 0 OR expires > ?3) ORDER BY seq DESC LIMIT 1";
static const char sql_secret_version[] =
    "SELECT " SECRET_COLUMNS ", sealed FROM secrets WHERE keyvault = ? AND name = ? AND"
    " version = ?";
static const char sql_secret_update[] =
    "UPDATE secrets SET enabled = ?, not_before = ?, expires = ?, content_type = ?, updated = ?"
    " WHERE keyvault = ? AND name = ? AND version = ?";
static const char sql_secret_names[] =
    "SELECT " SECRET_COLUMNS " FROM secrets WHERE seq IN (SELECT max(seq) FROM secrets"
    " WHERE keyvault = ?1 AND (?2 IS NULL OR name > ?2) GROUP BY name)"
    " ORDER BY name LIMIT ?3";
static const char sql_secret_versions[] = "SELECT " SECRET_COLUMNS " FROM secrets WHERE keyvault = ?1 AND name = ?2 AND"
                                          " (?3 = 0 OR seq < ?3) ORDER BY seq DESC LIMIT ?4";
static const char sql_secret_delete[] = "DELETE FROM secrets WHERE keyvault = ?1 AND (?2 IS NULL OR name = ?2)";

static struct kg_secret_row read_secret(sqlite3_stmt *s)
{
    return (struct kg_secret_row){
        .keyvault = kg_db_text(s, 0), .name = kg_db_text(s, 1), .version = kg_db_text(s, 2),
        .enabled = sqlite3_column_int(s, 3) != 0, .content_type = kg_db_text(s, 4),
        .created = sqlite3_column_int64(s, 5), .updated = sqlite3_column_int64(s, 6),
        .not_before = sqlite3_column_int64(s, 8), .expires = sqlite3_column_int64(s, 9),
    };
}

int kg_db_secret_put(struct kg_catalog *c, const char *keyvault, const struct kg_secret_row *row, struct kg_err *err)
{
    struct db *d = db_of(c);
    int r;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_run(d, NULL, err, sql_secret_insert, "ttttitiiiib", keyvault, row->keyvault, row->name, row->version,
               (int64_t)row->enabled, row->content_type, (int64_t)row->created, (int64_t)row->updated,
               (int64_t)row->not_before, (int64_t)row->expires, (const void *)row->sealed, row->sealed_len);
    if (r < 0 && kg_db_taken(d)) {
        *err = (struct kg_err){ 0 };
        r = kg_err_set(err, KG_E_EXISTS, "version '%s' of secret '%s' exists already", row->version, row->name);
    }
    return kg_db_write_end(d, r, err);
}

int kg_db_secret_get(struct kg_catalog *c, const char *keyvault, const char *name, const char *version, kg_usec now,
                  struct kg_secret_row *ret, struct kg_err *err)
{
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    struct db *d = db_of(c);
    struct kg_secret_row row;
    int r = version ? kg_db_query(d, &s, err, sql_secret_version, "ttt", keyvault, name, version)
                    : kg_db_query(d, &s, err, sql_secret_newest, "tti", keyvault, name, (int64_t)now);

    if (r < 0 || (r = kg_db_step(d, s, err)) < 0)
        return r;
    if (!r)
        return kg_err_set(err, KG_E_NO_SECRET, "no secret '%.130s'%s%.40s in that key vault", name,
                          version ? " of version " : " that can be read now", version ? version : "");
    row = read_secret(s);
    row.sealed_len = (size_t)sqlite3_column_bytes(s, 10);
    row.sealed = kg_xalloc(row.sealed_len ? row.sealed_len : 1);
    if (row.sealed_len)
        memcpy(row.sealed, sqlite3_column_blob(s, 10), row.sealed_len);
    *ret = row;
    return 0;
}

int kg_db_secret_update(struct kg_catalog *c, const char *keyvault, const struct kg_secret_row *row, struct kg_err *err)
{
    struct db *d = db_of(c);
    int r, changes = 0;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_run(d, &changes, err, sql_secret_update, "iiitittt", (int64_t)row->enabled, (int64_t)row->not_before,
                  (int64_t)row->expires, row->content_type, (int64_t)row->updated, keyvault, row->name, row->version);
    if (r == 0 && !changes)
        r = kg_err_set(err, KG_E_NO_SECRET, "no version '%.40s' of a secret '%.130s' in that key vault", row->version, row->name);
    return kg_db_write_end(d, r, err);
}

/* Versions are paged by their sequence number, names by themselves. */
static int secret_query(struct db *d, const char *keyvault, const char *name, const char *after, unsigned top,
                        sqlite3_stmt **ret, struct kg_err *err)
{
    uint64_t seq = 0;

    if (!name)
        return kg_db_query(d, ret, err, sql_secret_names, "tti", keyvault, after, (int64_t)top + 1);
    if (after && kg_parse_range(after, 1, INT64_MAX, &seq, err) < 0)
        return kg_err_wrap(err, "continue a list of versions");
    return kg_db_query(d, ret, err, sql_secret_versions, "ttii", keyvault, name, (int64_t)seq, (int64_t)top + 1);
}

int kg_db_secret_list(struct kg_catalog *c, const char *keyvault, const char *name, const char *after, unsigned top,
                   struct kg_secret_list *ret, struct kg_err *err)
{
    KG_CLEANUP(kg_secret_list_done) struct kg_secret_list list = { 0 };
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    struct db *d = db_of(c);
    int64_t seq = 0;
    size_t cap = 0;
    int r;

    if (secret_query(d, keyvault, name, after, top, &s, err) < 0)
        return -(int)err->code;
    while ((r = kg_db_step(d, s, err)) == 1) {
        if (list.count == top) {
            list.next = name ? kg_xprintf("%" PRId64, seq) : kg_xstrdup(list.rows[list.count - 1].name);
            break;
        }
        KG_GROW(list.rows, list.count, cap);
        list.rows[list.count++] = read_secret(s);
        seq = sqlite3_column_int64(s, 7);
    }
    if (r < 0)
        return r;
    *ret = list;
    list = (struct kg_secret_list){ 0 };
    return 0;
}

int kg_db_secret_delete(struct kg_catalog *c, const char *keyvault, const char *name, struct kg_err *err)
{
    struct db *d = db_of(c);
    int r, changes = 0;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_run(d, &changes, err, sql_secret_delete, "tt", keyvault, name);
    if (r == 0 && name && !changes)
        r = kg_err_set(err, KG_E_NO_SECRET, "no secret '%.130s' in that key vault", name);
    return kg_db_write_end(d, r, err);
}

/* ---- remembered values ---- */

static const char sql_value_set[] =
    "INSERT INTO remembered (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET"
    " value = ?2";
static const char sql_value_forget[] = "DELETE FROM remembered WHERE key = ?";
static const char sql_value_get[] = "SELECT value FROM remembered WHERE key = ?";

int kg_db_value_set(struct kg_catalog *c, const char *key, const char *value, struct kg_err *err)
{
    struct db *d = db_of(c);
    int r;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = value ? kg_db_run(d, NULL, err, sql_value_set, "tt", key, value)
              : kg_db_run(d, NULL, err, sql_value_forget, "t", key);
    return kg_db_write_end(d, r, err);
}

int kg_db_value_get(struct kg_catalog *c, const char *key, char **ret, struct kg_err *err)
{
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    int r;

    if (kg_db_query(db_of(c), &s, err, sql_value_get, "t", key) < 0 || (r = kg_db_step(db_of(c), s, err)) < 0)
        return -(int)err->code;
    *ret = r ? kg_db_text(s, 0) : NULL;
    return 0;
}
