#include "catalog/sqlite.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "model/id.h"

/* Every list below reads rows in this order. The etag changes with each replacement, and with each re-creation. */
#define COLUMNS "id, key, type, name, location, created, revision, updated, json"
static const char sql_get[] = "SELECT " COLUMNS " FROM resources WHERE key = ?";
static const char sql_head[] = "SELECT created, revision FROM resources WHERE key = ?";
static const char sql_insert[] =
    "INSERT INTO resources (key, type, parent, name, id, location, revision, created, updated,"
    " json) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?)";
static const char sql_replace[] = "UPDATE resources SET location = ?, revision = revision + 1, updated = ?, json = ?"
                                  " WHERE key = ?";
static const char sql_child[] = "SELECT c.id, p.id FROM resources c JOIN resources p ON p.key = c.parent WHERE c.parent = ? LIMIT 1";
static const char sql_delete[] = "DELETE FROM resources WHERE key = ?";
static const char sql_delete_secrets[] = "DELETE FROM secrets WHERE keyvault = ?";
static const char sql_delete_points[] = "DELETE FROM points WHERE instance = ?";
static const char sql_delete_usage[] = "DELETE FROM usage_samples WHERE vault = ?";
static const char sql_delete_assignments[] = /* at it and below; '0' is the character behind '/' */
    "DELETE FROM assignments WHERE scope = ?1 OR (scope > ?1 || '/' AND scope < ?1 || '0')";

static char *etag(int64_t created, int64_t revision) { return kg_xprintf("%" PRIx64 "-%" PRIx64, created, revision); }

static int read_resource(sqlite3_stmt *s, struct kg_resource *ret, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };

    if (kg_db_json(s, 8, &r.json, err) < 0)
        return -(int)err->code;
    r.id = kg_db_text(s, 0);
    r.key = kg_db_text(s, 1);
    r.type = kg_db_text(s, 2);
    r.name = kg_db_text(s, 3);
    r.location = kg_db_text(s, 4);
    r.created = sqlite3_column_int64(s, 5);
    r.etag = etag(r.created, sqlite3_column_int64(s, 6));
    r.updated = sqlite3_column_int64(s, 7);
    *ret = r;
    r = (struct kg_resource){ 0 };
    return 0;
}

int kg_db_get(struct kg_catalog *c, const char *key, struct kg_resource *ret, struct kg_err *err)
{
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    int r;

    if (kg_db_query(db_of(c), &s, err, sql_get, "t", key) < 0 || (r = kg_db_step(db_of(c), s, err)) < 0)
        return -(int)err->code;
    return r ? read_resource(s, ret, err) : kg_err_set(err, KG_E_NOT_FOUND, "no resource '%s'", key);
}

/* *ret_etag stays NULL when there is none. */
static int read_etag(struct db *d, const char *key, char **ret_etag, struct kg_err *err)
{
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    int r;

    if (kg_db_query(d, &s, err, sql_head, "t", key) < 0 || (r = kg_db_step(d, s, err)) < 0)
        return -(int)err->code;
    if (r)
        *ret_etag = etag(sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1));
    return 0;
}

int kg_db_exists(struct kg_catalog *c, const char *key, bool *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *tag = NULL;

    if (read_etag(db_of(c), key, &tag, err) < 0)
        return -(int)err->code;
    *ret = tag != NULL;
    return 0;
}

static int put(struct db *d, const struct kg_put *p, struct kg_err *err)
{
    KG_AUTO_FREE char *now = NULL, *parent = NULL;

    if (read_etag(d, p->key, &now, err) < 0)
        return -(int)err->code;
    if (now && p->mode == KG_PUT_CREATE)
        return kg_err_set(err, KG_E_EXISTS, "resource '%s' exists already", p->id);
    if (!now && p->mode == KG_PUT_REPLACE)
        return kg_err_set(err, KG_E_NOT_FOUND, "no resource '%s'", p->id);
    if (p->if_match && (!now || strcmp(now, p->if_match) != 0))
        return kg_err_set(err, KG_E_PRECONDITION, "resource '%s' is not what it was when you read it", p->id);
    if (now)
        return kg_db_run(d, NULL, err, sql_replace, "titt", p->location, (int64_t)p->now, p->json, p->key);
    if (p->parent) {
        if (read_etag(d, p->parent, &parent, err) < 0)
            return -(int)err->code;
        if (!parent) {
            KG_AUTO_FREE char *as_written = kg_id_parent(p->id);

            kg_err_set(err, KG_E_NOT_FOUND, "no resource '%s' to make '%s' in", as_written, p->name);
            kg_err_advise(err, "Create it first.");
            return -KG_E_NOT_FOUND;
        }
    }
    return kg_db_run(d, NULL, err, sql_insert, "ttttttiit", p->key, p->type, p->parent, p->name, p->id, p->location,
                  (int64_t)p->now, (int64_t)p->now, p->json);
}

int kg_db_put(struct kg_catalog *c, const struct kg_put *p, struct kg_err *err)
{
    struct db *d = db_of(c);

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    return kg_db_write_end(d, put(d, p, err), err);
}

static int refuse_children(struct db *d, const char *key, struct kg_err *err)
{
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    int r;

    if (kg_db_query(d, &s, err, sql_child, "t", key) < 0 || (r = kg_db_step(d, s, err)) < 0)
        return -(int)err->code;
    return r ? kg_err_set(err, KG_E_CONFLICT, "'%s' still has '%s' in it", (const char *)sqlite3_column_text(s, 1),
                          (const char *)sqlite3_column_text(s, 0))
             : 0;
}

static int delete_resource(struct db *d, const char *key, struct kg_err *err)
{
    int changes = 0;

    if (refuse_children(d, key, err) < 0 || kg_db_run(d, NULL, err, sql_delete_secrets, "t", key) < 0 ||
        kg_db_run(d, NULL, err, sql_delete_points, "t", key) < 0 ||
        kg_db_run(d, NULL, err, sql_delete_usage, "t", key) < 0 ||
        kg_db_run(d, NULL, err, sql_delete_assignments, "t", key) < 0 ||
        kg_db_run(d, &changes, err, sql_delete, "t", key) < 0)
        return -(int)err->code;
    return changes ? 0 : kg_err_set(err, KG_E_NOT_FOUND, "no resource '%s'", key);
}

int kg_db_delete(struct kg_catalog *c, const char *key, struct kg_err *err)
{
    struct db *d = db_of(c);

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    return kg_db_write_end(d, delete_resource(d, key, err), err);
}

/* "Inside" as a range of keys: '0' is the character behind '/'. */
static void where(struct db_where *w, const struct kg_resource_query *q, char **ret_from, char **ret_to)
{
    kg_db_where_sql(w, " FROM resources WHERE 1");
    kg_db_where_text(w, "type = ?", q->type);
    kg_db_where_text(w, "parent = ?", q->parent);
    kg_db_where_text(w, "name = ?", q->name);
    if (q->under) {
        *ret_from = kg_xprintf("%s/", q->under);
        *ret_to = kg_xprintf("%s0", q->under);
        kg_db_where_text(w, "key > ?", *ret_from);
        kg_db_where_text(w, "key < ?", *ret_to);
    }
}

int kg_db_list(struct kg_catalog *c, const struct kg_resource_query *q, struct kg_resource_list *ret,
               struct kg_err *err)
{
    KG_AUTO_RESOURCE_LIST struct kg_resource_list list = { 0 };
    DB_AUTO_WHERE struct db_where w = DB_WHERE_INIT;
    DB_AUTO_FINALIZE sqlite3_stmt *s = NULL;
    KG_AUTO_FREE char *from = NULL, *to = NULL;
    struct db *d = db_of(c);
    size_t cap = 0;
    int r;

    kg_db_where_sql(&w, "SELECT " COLUMNS);
    where(&w, q, &from, &to);
    kg_db_where_text(&w, "key > ?", q->after);
    kg_db_where_sql(&w, " ORDER BY key LIMIT ?");
    kg_db_arg_number(&w, (int64_t)q->top + 1);
    if (kg_db_where_query(d, &w, &s, err) < 0)
        return -(int)err->code;
    while ((r = kg_db_step(d, s, err)) == 1) {
        if (list.count == q->top) { /* one more than asked: there is a next page */
            list.next = kg_xstrdup(list.rows[list.count - 1].key);
            break;
        }
        KG_GROW(list.rows, list.count, cap);
        if (read_resource(s, &list.rows[list.count], err) < 0)
            return -(int)err->code;
        list.count++;
    }
    if (r < 0)
        return r;
    *ret = list;
    list = (struct kg_resource_list){ 0 };
    return 0;
}

int kg_db_count(struct kg_catalog *c, const struct kg_resource_query *q, uint64_t *ret, struct kg_err *err)
{
    DB_AUTO_WHERE struct db_where w = DB_WHERE_INIT;
    KG_AUTO_FREE char *from = NULL, *to = NULL;

    kg_db_where_sql(&w, "SELECT count(*)");
    where(&w, q, &from, &to);
    return kg_db_where_count(db_of(c), &w, ret, err);
}
