/* Jobs, their logs, and asynchronous operations. */
#include "catalog/sqlite.h"

#include <string.h>

#include "base/alloc.h"

/* ---- jobs ---- */

#define JOB_COLUMNS "id, vault_id, instance_id, operation, status, start, end, json, kind"
static const char sql_job_insert[] = "INSERT INTO jobs (id, vault, instance, operation, status, start, end, vault_id,"
                                     " instance_id, json, kind) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
static const char sql_job_update[] = "UPDATE jobs SET status = ?, end = ?, json = ? WHERE id = ?";
static const char sql_job_get[] = "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?";
static const char sql_job_prune[] = "DELETE FROM jobs WHERE end > 0 AND end < ?";

static int read_job(sqlite3_stmt *s, struct kg_job_row *ret, struct kg_err *err)
{
    KG_AUTO_JOB_ROW struct kg_job_row r = { 0 };

    if (kg_db_json(s, 7, &r.json, err) < 0)
        return -(int)err->code;
    r.id = kg_db_text(s, 0);
    r.vault = kg_db_text(s, 1);
    r.instance = kg_db_text(s, 2);
    r.operation = kg_db_text(s, 3);
    r.status = kg_db_text(s, 4);
    r.start = sqlite3_column_int64(s, 5);
    r.end = sqlite3_column_int64(s, 6);
    r.kind = kg_db_text(s, 8);
    *ret = r;
    r = (struct kg_job_row){ 0 };
    return 0;
}

/* What an insertion says when the name is taken; SQLite's own words name columns. */
static int insert_failed(struct db *d, int r, struct kg_err *err, const char *what, const char *id)
{
    if (r < 0 && kg_db_taken(d)) {
        *err = (struct kg_err){ 0 };
        return kg_err_set(err, KG_E_EXISTS, "%s '%s' exists already", what, id);
    }
    return r;
}

int kg_db_job_insert(struct kg_catalog *c, const struct kg_job_row *row, const char *vault, const char *instance,
                  const char *json, struct kg_err *err)
{
    struct db *d = db_of(c);
    int r;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_run(d, NULL, err, sql_job_insert, "tttttiitttt", row->id, vault, instance, row->operation, row->status,
               (int64_t)row->start, (int64_t)row->end, row->vault, row->instance, json, row->kind);
    return kg_db_write_end(d, insert_failed(d, r, err, "job", row->id), err);
}

int kg_db_job_update(struct kg_catalog *c, const struct kg_job_row *row, const char *json, struct kg_err *err)
{
    struct db *d = db_of(c);
    int r, changes = 0;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_run(d, &changes, err, sql_job_update, "titt", row->status, (int64_t)row->end, json, row->id);
    if (r == 0 && !changes)
        r = kg_err_set(err, KG_E_NOT_FOUND, "no job '%s'", row->id);
    return kg_db_write_end(d, r, err);
}

int kg_db_job_get(struct kg_catalog *c, const char *id, struct kg_job_row *ret, struct kg_err *err)
{
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    int r;

    if (kg_db_query(db_of(c), &s, err, sql_job_get, "t", id) < 0 || (r = kg_db_step(db_of(c), s, err)) < 0)
        return -(int)err->code;
    return r ? read_job(s, ret, err) : kg_err_set(err, KG_E_NOT_FOUND, "no job '%.100s'", id);
}

/* Arrays of texts go to SQLite as JSON. They may not choose the index (the '+'): it is the one in the order of the list, whose
 * entries have all that is asked about, so that a page never sorts and reads no row that it does not give. */
struct lists { struct kg_buf status, kind, vault; };
#define LISTS_INIT { KG_BUF_INIT(KG_CATALOG_JSON_MAX), KG_BUF_INIT(KG_CATALOG_JSON_MAX), KG_BUF_INIT(KG_CATALOG_JSON_MAX) }

static void lists_done(struct lists *l)
{
    kg_buf_done(&l->status);
    kg_buf_done(&l->kind);
    kg_buf_done(&l->vault);
}

static void one_of(struct db_where *w, const char *condition, const struct kg_json *texts, struct kg_buf *b)
{
    if (!texts)
        return;
    kg_json_print(texts, false, b);
    kg_db_where_text(w, condition, b->p);
}

/* The keys below an id: from "id/" to before "id0", '0' being what follows '/'. */
static void below(struct db_where *w, const char *under)
{
    if (!under)
        return;
    kg_db_where_text(w, "+vault > ? || '/'", under);
    kg_db_where_text(w, "+vault < ? || '0'", under);
}

static void job_where(struct db_where *w, const struct kg_job_query *q, struct lists *l)
{
    kg_db_where_sql(w, " FROM jobs WHERE 1");
    kg_db_where_text(w, q->unfinished ? "+vault = ?" : "vault = ?", q->vault); /* few run: they have an index of their own */
    kg_db_where_text(w, "instance = ?", q->instance);
    below(w, q->under);
    kg_db_where_text(w, "operation = ?", q->operation);
    kg_db_where_text(w, "status = ?", q->status);
    one_of(w, "+status IN (SELECT value COLLATE NOCASE FROM json_each(?))", q->statuses, &l->status);
    one_of(w, "+kind IN (SELECT value COLLATE NOCASE FROM json_each(?))", q->kinds, &l->kind);
    one_of(w, "EXISTS (SELECT 1 FROM json_each(?) WHERE vault LIKE '%/backupvaults/' || value)", q->vault_names, &l->vault);
    if (q->from)
        kg_db_where_number(w, "start >= ?", q->from);
    if (q->to)
        kg_db_where_number(w, "start < ?", q->to);
    if (q->ended_before)
        kg_db_where_number(w, "+end > 0 AND +end < ?", q->ended_before);
    if (q->unfinished)
        kg_db_where_sql(w, " AND end = 0");
}

/* Appends to the list what the query finds, until it has q->top rows. */
static int add_page(struct db *d, const struct kg_job_query *q, struct kg_job_list *list, size_t *cap, struct kg_err *err)
{
    DB_AUTO_WHERE struct db_where w = DB_WHERE_INIT;
    KG_CLEANUP(lists_done) struct lists texts = LISTS_INIT;
    DB_AUTO_FINALIZE sqlite3_stmt *s = NULL;
    const char *after_id;
    kg_usec after;
    int r;

    kg_db_where_sql(&w, "SELECT " JOB_COLUMNS);
    job_where(&w, q, &texts);
    if (q->after) {
        if (kg_page_token_parse(q->after, &after, &after_id, err) < 0)
            return -(int)err->code;
        kg_db_where_number(&w, "(start, id) < (?, ?)", after);
        kg_db_arg_text(&w, after_id);
    }
    kg_db_where_sql(&w, " ORDER BY start DESC, id DESC LIMIT ?");
    kg_db_arg_number(&w, (int64_t)(q->top - list->count) + 1);
    if (kg_db_where_query(d, &w, &s, err) < 0)
        return -(int)err->code;
    while ((r = kg_db_step(d, s, err)) == 1) {
        if (list->count == q->top) {
            list->next = kg_page_token(list->rows[list->count - 1].start, list->rows[list->count - 1].id);
            return 0;
        }
        KG_GROW(list->rows, list->count, *cap);
        if (read_job(s, &list->rows[list->count], err) < 0)
            return -(int)err->code;
        list->count++;
    }
    return r;
}

int kg_db_job_list(struct kg_catalog *c, const struct kg_job_query *q, struct kg_job_list *ret, struct kg_err *err)
{
    KG_AUTO_JOB_LIST struct kg_job_list list = { 0 };
    struct kg_job_query older = *q;
    size_t cap = 0;

    if (add_page(db_of(c), q, &list, &cap, err) < 0)
        return -(int)err->code;
    if (q->and_unfinished && q->from && !list.next) { /* they are older than all others: what a last page ends with */
        older.from = 0;
        older.to = q->to && q->to < q->from ? q->to : q->from;
        older.unfinished = true;
        if (add_page(db_of(c), &older, &list, &cap, err) < 0)
            return -(int)err->code;
    }
    *ret = list;
    list = (struct kg_job_list){ 0 };
    return 0;
}

int kg_db_job_count(struct kg_catalog *c, const struct kg_job_query *q, uint64_t *ret, struct kg_err *err)
{
    DB_AUTO_WHERE struct db_where w = DB_WHERE_INIT;
    KG_CLEANUP(lists_done) struct lists texts = LISTS_INIT;

    kg_db_where_sql(&w, "SELECT count(*)");
    job_where(&w, q, &texts);
    return kg_db_where_count(db_of(c), &w, ret, err);
}

static int prune(struct db *d, const char *sql, kg_usec before, uint64_t *ret, struct kg_err *err)
{
    int r, changes = 0;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_write_end(d, kg_db_run(d, &changes, err, sql, "i", (int64_t)before), err);
    if (r == 0)
        *ret = (uint64_t)changes;
    return r;
}

int kg_db_job_prune(struct kg_catalog *c, kg_usec before, uint64_t *ret, struct kg_err *err)
{
    return prune(db_of(c), sql_job_prune, before, ret, err);
}

/* ---- logs ---- */

static const char sql_log_add[] = "INSERT INTO job_log (job, seq, at, text) SELECT j.id, 1 + coalesce((SELECT max(seq)"
                                  " FROM job_log WHERE job = j.id), 0), ?, ? FROM jobs j WHERE j.id = ?";
static const char sql_log_trim[] = "DELETE FROM job_log WHERE job = ? AND seq <= (SELECT max(seq) FROM job_log WHERE"
                                   " job = ?) - ?";
static const char sql_log_list[] = "SELECT seq, at, text FROM job_log WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?";

int kg_db_log_add(struct kg_catalog *c, const char *job, kg_usec at, const char *text, struct kg_err *err)
{
    struct db *d = db_of(c);
    int r, changes = 0;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_run(d, &changes, err, sql_log_add, "itt", (int64_t)at, text, job);
    if (r == 0 && !changes)
        r = kg_err_set(err, KG_E_NOT_FOUND, "no job '%.100s'", job);
    if (r == 0)
        r = kg_db_run(d, NULL, err, sql_log_trim, "tti", job, job, (int64_t)KG_JOB_LOG_LINES);
    return kg_db_write_end(d, r, err);
}

int kg_db_log_list(struct kg_catalog *c, const char *job, uint64_t after, unsigned top, struct kg_log_list *ret,
                struct kg_err *err)
{
    KG_CLEANUP(kg_log_list_done) struct kg_log_list list = { 0 };
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    struct db *d = db_of(c);
    size_t cap = 0;
    int r;

    if (kg_db_query(d, &s, err, sql_log_list, "tii", job, (int64_t)after, (int64_t)top + 1) < 0)
        return -(int)err->code;
    while ((r = kg_db_step(d, s, err)) == 1) {
        if (list.count == top) {
            list.next = list.rows[list.count - 1].seq;
            break;
        }
        KG_GROW(list.rows, list.count, cap);
        list.rows[list.count++] = (struct kg_log_line){ .seq = (uint64_t)sqlite3_column_int64(s, 0),
                                                        .at = sqlite3_column_int64(s, 1), .text = kg_db_text(s, 2) };
    }
    if (r < 0)
        return r;
    *ret = list;
    list = (struct kg_log_list){ 0 };
    return 0;
}

/* ---- tables ---- */

static const char sql_tables_put[] = "INSERT INTO job_tables (job, json) SELECT id, ? FROM jobs WHERE id = ?"
                                     " ON CONFLICT (job) DO UPDATE SET json = excluded.json";
static const char sql_tables_get[] = "SELECT json FROM job_tables WHERE job = ?";

int kg_db_job_tables_put(struct kg_catalog *c, const char *job, const char *json, struct kg_err *err)
{
    struct db *d = db_of(c);
    int r, changes = 0;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_run(d, &changes, err, sql_tables_put, "tt", json, job);
    if (r == 0 && !changes)
        r = kg_err_set(err, KG_E_NOT_FOUND, "no job '%.100s'", job);
    return kg_db_write_end(d, r, err);
}

int kg_db_job_tables_get(struct kg_catalog *c, const char *job, struct kg_json **ret, struct kg_err *err)
{
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    struct kg_json *json = NULL;
    int r;

    if (kg_db_query(db_of(c), &s, err, sql_tables_get, "t", job) < 0 || (r = kg_db_step(db_of(c), s, err)) < 0 ||
        (r && kg_db_json(s, 0, &json, err) < 0))
        return -(int)err->code;
    *ret = json;
    return 0;
}

/* ---- operations ---- */

#define OPERATION_COLUMNS "id, kind, uid, status, start, end, resource, job, result, error"
static const char sql_operation_insert[] =
    "INSERT INTO operations (" OPERATION_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?,"
    " ?)";
static const char sql_operation_update[] = "UPDATE operations SET status = ?, end = ?, job = ?, result = ?, error = ?"
                                           " WHERE id = ?";
static const char sql_operation_get[] = "SELECT " OPERATION_COLUMNS " FROM operations WHERE id = ?";
static const char sql_operation_open[] = "SELECT " OPERATION_COLUMNS " FROM operations WHERE end = 0 AND (?1 IS NULL OR"
                                         " job = ?1 COLLATE NOCASE) ORDER BY start, id LIMIT ?2";
static const char sql_operation_prune[] = "DELETE FROM operations WHERE end > 0 AND end < ?";

static int read_operation(sqlite3_stmt *s, struct kg_operation_row *ret, struct kg_err *err)
{
    KG_AUTO_OPERATION_ROW struct kg_operation_row r = { 0 };

    if (kg_db_json(s, 8, &r.result, err) < 0 || kg_db_json(s, 9, &r.error, err) < 0)
        return -(int)err->code;
    r.id = kg_db_text(s, 0);
    r.kind = kg_db_text(s, 1);
    r.uid = (uid_t)sqlite3_column_int64(s, 2);
    r.status = kg_db_text(s, 3);
    r.start = sqlite3_column_int64(s, 4);
    r.end = sqlite3_column_int64(s, 5);
    r.resource = kg_db_text(s, 6);
    r.job = kg_db_text(s, 7);
    *ret = r;
    r = (struct kg_operation_row){ 0 };
    return 0;
}

int kg_db_operation_insert(struct kg_catalog *c, const struct kg_operation_row *row, const char *result,
                           const char *error, struct kg_err *err)
{
    struct db *d = db_of(c);
    int r;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_run(d, NULL, err, sql_operation_insert, "ttitiitttt", row->id, row->kind, (int64_t)row->uid, row->status,
               (int64_t)row->start, (int64_t)row->end, row->resource, row->job, result, error);
    return kg_db_write_end(d, insert_failed(d, r, err, "operation", row->id), err);
}

int kg_db_operation_update(struct kg_catalog *c, const struct kg_operation_row *row, const char *result,
                           const char *error, struct kg_err *err)
{
    struct db *d = db_of(c);
    int r, changes = 0;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_run(d, &changes, err, sql_operation_update, "titttt", row->status, (int64_t)row->end, row->job, result,
               error, row->id);
    if (r == 0 && !changes)
        r = kg_err_set(err, KG_E_NOT_FOUND, "no operation '%s'", row->id);
    return kg_db_write_end(d, r, err);
}

int kg_db_operation_get(struct kg_catalog *c, const char *id, struct kg_operation_row *ret, struct kg_err *err)
{
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    int r;

    if (kg_db_query(db_of(c), &s, err, sql_operation_get, "t", id) < 0 || (r = kg_db_step(db_of(c), s, err)) < 0)
        return -(int)err->code;
    return r ? read_operation(s, ret, err) : kg_err_set(err, KG_E_NOT_FOUND, "no operation '%.100s'", id);
}

int kg_db_operation_unfinished(struct kg_catalog *c, const char *job, struct kg_operation_list *ret, struct kg_err *err)
{
    KG_CLEANUP(kg_operation_list_done) struct kg_operation_list list = { 0 };
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    struct db *d = db_of(c);
    size_t cap = 0;
    int r;

    if (kg_db_query(d, &s, err, sql_operation_open, "ti", job, (int64_t)KG_PAGE_MAX) < 0)
        return -(int)err->code;
    while ((r = kg_db_step(d, s, err)) == 1) {
        KG_GROW(list.rows, list.count, cap);
        if (read_operation(s, &list.rows[list.count], err) < 0)
            return -(int)err->code;
        list.count++;
    }
    if (r < 0)
        return r;
    *ret = list;
    list = (struct kg_operation_list){ 0 };
    return 0;
}

int kg_db_operation_prune(struct kg_catalog *c, kg_usec before, uint64_t *ret, struct kg_err *err)
{
    return prune(db_of(c), sql_operation_prune, before, ret, err);
}
