/* Role assignments, and who did what. */
#include "catalog/sqlite.h"

#include <string.h>

#include "base/alloc.h"

#define ASSIGNMENT_COLUMNS "id, scope_id, role, principal, principal_name, principal_type, created, created_by"
static const char sql_assignment_insert[] =
    "INSERT INTO assignments (id, scope, scope_id, role, principal, principal_name, principal_type, created, created_by)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
static const char sql_assignment_count[] = "SELECT count(*) FROM assignments";
static const char sql_assignments[] = "SELECT " ASSIGNMENT_COLUMNS " FROM assignments WHERE ?1 IS NULL OR principal = ?1"
                                      " ORDER BY created, id";
static const char sql_assignment_delete[] = "DELETE FROM assignments WHERE id = ?";

#define AUDIT_COLUMNS "seq, time, principal, principal_name, uid, method, action, scope, status, activity, previous, hash," \
                      " count, details"
static const char sql_audit_insert[] = "INSERT INTO audit (" AUDIT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
static const char sql_audit_last[] = "SELECT " AUDIT_COLUMNS " FROM audit ORDER BY seq DESC LIMIT 1";
static const char sql_audit_list[] = "SELECT " AUDIT_COLUMNS " FROM audit WHERE seq > ?1 AND (?2 IS NULL OR principal = ?2)"
                                     " ORDER BY seq LIMIT ?3";
static const char sql_audit_newest[] = "SELECT " AUDIT_COLUMNS " FROM audit WHERE seq < ?1 AND (?2 IS NULL OR principal = ?2)"
                                       " ORDER BY seq DESC LIMIT ?3";

int kg_db_assignment_put(struct kg_catalog *c, const struct kg_assignment_row *row, const char *scope, struct kg_err *err)
{
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    struct db *d = db_of(c);
    int r;

    if (kg_db_query(d, &s, err, sql_assignment_count, "") < 0 || kg_db_step(d, s, err) < 0)
        return -(int)err->code;
    if (sqlite3_column_int64(s, 0) >= KG_ASSIGNMENTS_MOST)
        return kg_err_set(err, KG_E_LIMIT, "there are %d role assignments, the most there can be", KG_ASSIGNMENTS_MOST);
    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_run(d, NULL, err, sql_assignment_insert, "tttttttit", row->id, scope, row->scope, row->role, row->principal,
                  row->principal_name, row->principal_type, (int64_t)row->created, row->created_by);
    if (r < 0 && kg_db_taken(d)) {
        *err = (struct kg_err){ 0 };
        r = kg_err_set(err, KG_E_EXISTS, "role assignment '%s' exists already", row->id);
    }
    return kg_db_write_end(d, r, err);
}

int kg_db_assignment_list(struct kg_catalog *c, const char *principal, struct kg_assignment_list *ret, struct kg_err *err)
{
    KG_AUTO_ASSIGNMENT_LIST struct kg_assignment_list list = { 0 };
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    struct db *d = db_of(c);
    size_t cap = 0;
    int r;

    if (kg_db_query(d, &s, err, sql_assignments, "t", principal) < 0)
        return -(int)err->code;
    while ((r = kg_db_step(d, s, err)) == 1) {
        KG_GROW(list.rows, list.count, cap);
        list.rows[list.count++] = (struct kg_assignment_row){
            .id = kg_db_text(s, 0), .scope = kg_db_text(s, 1), .role = kg_db_text(s, 2), .principal = kg_db_text(s, 3),
            .principal_name = kg_db_text(s, 4), .principal_type = kg_db_text(s, 5),
            .created = sqlite3_column_int64(s, 6), .created_by = kg_db_text(s, 7),
        };
    }
    if (r < 0)
        return r;
    *ret = list;
    list = (struct kg_assignment_list){ 0 };
    return 0;
}

int kg_db_assignment_delete(struct kg_catalog *c, const char *id, struct kg_err *err)
{
    struct db *d = db_of(c);
    int r, changes = 0;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_run(d, &changes, err, sql_assignment_delete, "t", id);
    if (r == 0 && !changes)
        r = kg_err_set(err, KG_E_NOT_FOUND, "no role assignment '%s'", id);
    return kg_db_write_end(d, r, err);
}

/* ---- audit ---- */

static struct kg_audit_row read_audit(sqlite3_stmt *s)
{
    return (struct kg_audit_row){
        .seq = (uint64_t)sqlite3_column_int64(s, 0), .time = sqlite3_column_int64(s, 1), .principal = kg_db_text(s, 2),
        .principal_name = kg_db_text(s, 3), .uid = sqlite3_column_int64(s, 4), .method = kg_db_text(s, 5),
        .action = kg_db_text(s, 6), .scope = kg_db_text(s, 7), .status = sqlite3_column_int(s, 8),
        .activity = kg_db_text(s, 9), .previous = kg_db_text(s, 10), .hash = kg_db_text(s, 11),
        .count = (uint64_t)sqlite3_column_int64(s, 12), .details = kg_db_text(s, 13),
    };
}

int kg_db_audit_add(struct kg_catalog *c, const struct kg_audit_row *row, struct kg_err *err)
{
    struct db *d = db_of(c);
    int r;

    if (kg_db_write_begin(d, err) < 0)
        return -(int)err->code;
    r = kg_db_run(d, NULL, err, sql_audit_insert, "iittitttitttit", (int64_t)row->seq, (int64_t)row->time, row->principal,
                  row->principal_name, row->uid, row->method, row->action, row->scope, (int64_t)row->status, row->activity,
                  row->previous, row->hash, (int64_t)row->count, row->details);
    return kg_db_write_end(d, r, err);
}

int kg_db_audit_last(struct kg_catalog *c, struct kg_audit_row *ret, struct kg_err *err)
{
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    struct db *d = db_of(c);
    int r;

    *ret = (struct kg_audit_row){ 0 };
    if (kg_db_query(d, &s, err, sql_audit_last, "") < 0 || (r = kg_db_step(d, s, err)) < 0)
        return -(int)err->code;
    if (r)
        *ret = read_audit(s);
    return 0;
}

int kg_db_audit_list(struct kg_catalog *c, const char *principal, enum kg_audit_order order, uint64_t after, unsigned top,
                     struct kg_audit_list *ret, struct kg_err *err)
{
    KG_AUTO_AUDIT_LIST struct kg_audit_list list = { 0 };
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    struct db *d = db_of(c);
    size_t cap = 0;
    int r;

    if (order == KG_AUDIT_NEWEST_FIRST && !after)
        after = INT64_MAX;
    if (kg_db_query(d, &s, err, order == KG_AUDIT_NEWEST_FIRST ? sql_audit_newest : sql_audit_list, "iti", (int64_t)after, principal,
                    (int64_t)top + 1) < 0)
        return -(int)err->code;
    while ((r = kg_db_step(d, s, err)) == 1) {
        if (list.count == top) {
            list.next = list.rows[list.count - 1].seq;
            break;
        }
        KG_GROW(list.rows, list.count, cap);
        list.rows[list.count++] = read_audit(s);
    }
    if (r < 0)
        return r;
    *ret = list;
    list = (struct kg_audit_list){ 0 };
    return 0;
}
