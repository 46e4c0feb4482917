/* catalog/sqlite.h - for the driver "sqlite" only: its struct, and statements in few words. */
#ifndef KG_CATALOG_SQLITE_H
#define KG_CATALOG_SQLITE_H

#include <sqlite3.h>

#include "base/buf.h"
#include "catalog/driver.h"

enum { STATEMENTS_KEPT = 64 };

struct db {
    struct kg_catalog base;
    sqlite3 *h;
    char *path;
    struct { const char *sql; sqlite3_stmt *stmt; } kept[STATEMENTS_KEPT]; /* prepared once; found by sql's address */
    size_t kept_count;
};

static inline struct db *db_of(struct kg_catalog *c) { return (struct db *)(void *)c; }

/* Turns SQLite's code into ours. Always negative. */
int kg_db_fail(struct db *d, int rc, struct kg_err *err, const char *what);

/* Did the last statement fail because a key is taken? */
bool kg_db_taken(const struct db *d);

/* Binding: one letter an argument. t: const char *, NULL is NULL; i: int64_t; b: const void *, size_t.
 * sql is static storage: a statement is prepared once and kept. The result must be reset with kg_db_reset(). */
int kg_db_query(struct db *d, sqlite3_stmt **ret, struct kg_err *err, const char *sql, const char *types,
                ...) KG_MUST_CHECK;
void kg_db_reset(sqlite3_stmt **s);
#define DB_AUTO_RESET KG_CLEANUP(kg_db_reset)
/* 1: a row; 0: the end; negative. */
int kg_db_step(struct db *d, sqlite3_stmt *s, struct kg_err *err) KG_MUST_CHECK;
/* Runs to the end; *ret_changes (or NULL) is how many rows were changed. */
int kg_db_run(struct db *d, int *ret_changes, struct kg_err *err, const char *sql, const char *types,
              ...) KG_MUST_CHECK;

/* A writing function's own transaction, or a savepoint in the caller's. kg_db_write_end() with a negative r undoes, and
 * returns r; otherwise it commits, and returns 0 or the failure of that. */
int kg_db_write_begin(struct db *d, struct kg_err *err) KG_MUST_CHECK;
int kg_db_write_end(struct db *d, int r, struct kg_err *err) KG_MUST_CHECK;

/* A query whose conditions depend on what is asked. Fragments are static text with one '?' an argument. */
enum { DB_WHERE_MAX = 20 };
struct db_where {
    struct kg_buf sql;
    unsigned count;
    struct { char type; const char *text; int64_t number; } args[DB_WHERE_MAX];
};
#define DB_WHERE_INIT { .sql = KG_BUF_INIT(8192) }
void kg_db_where_done(struct db_where *w);
#define DB_AUTO_WHERE KG_CLEANUP(kg_db_where_done)
void kg_db_where_sql(struct db_where *w, const char *fragment);
void kg_db_where_text(struct db_where *w, const char *condition,
                      const char *value); /* " AND condition"; NULL: skipped */
void kg_db_where_number(struct db_where *w, const char *condition, int64_t value);
void kg_db_arg_text(struct db_where *w, const char *value); /* a further '?' of the last fragment */
void kg_db_arg_number(struct db_where *w, int64_t value);
int kg_db_where_query(struct db *d, const struct db_where *w, sqlite3_stmt **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_db_finalize(sqlite3_stmt **s);
#define DB_AUTO_FINALIZE KG_CLEANUP(kg_db_finalize)
/* The single number that a query gives. */
int kg_db_where_count(struct db *d, const struct db_where *w, uint64_t *ret, struct kg_err *err) KG_MUST_CHECK;

/* Columns. Text is copied; a NULL gives NULL. A document that does not parse is KG_E_CORRUPT. */
char *kg_db_text(sqlite3_stmt *s, int col);
int kg_db_json(sqlite3_stmt *s, int col, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;

/* The functions of the driver's other files. */
extern const struct kg_catalog_ops kg_catalog_sqlite_ops;
int kg_db_put(struct kg_catalog *c, const struct kg_put *p, struct kg_err *err);
int kg_db_get(struct kg_catalog *c, const char *key, struct kg_resource *ret, struct kg_err *err);
int kg_db_exists(struct kg_catalog *c, const char *key, bool *ret, struct kg_err *err);
int kg_db_delete(struct kg_catalog *c, const char *key, struct kg_err *err);
int kg_db_list(struct kg_catalog *c, const struct kg_resource_query *q, struct kg_resource_list *ret,
               struct kg_err *err);
int kg_db_count(struct kg_catalog *c, const struct kg_resource_query *q, uint64_t *ret, struct kg_err *err);
int kg_db_secret_put(struct kg_catalog *c, const char *keyvault, const struct kg_secret_row *row, struct kg_err *err);
int kg_db_secret_get(struct kg_catalog *c, const char *keyvault, const char *name, const char *version, kg_usec now,
                  struct kg_secret_row *ret, struct kg_err *err);
int kg_db_secret_update(struct kg_catalog *c, const char *keyvault, const struct kg_secret_row *row, struct kg_err *err);
int kg_db_secret_list(struct kg_catalog *c, const char *keyvault, const char *name, const char *after, unsigned top,
                   struct kg_secret_list *ret, struct kg_err *err);
int kg_db_secret_delete(struct kg_catalog *c, const char *keyvault, const char *name, struct kg_err *err);
int kg_db_job_insert(struct kg_catalog *c, const struct kg_job_row *row, const char *vault, const char *instance,
                  const char *json, struct kg_err *err);
int kg_db_job_update(struct kg_catalog *c, const struct kg_job_row *row, const char *json, struct kg_err *err);
int kg_db_job_get(struct kg_catalog *c, const char *id, struct kg_job_row *ret, struct kg_err *err);
int kg_db_job_list(struct kg_catalog *c, const struct kg_job_query *q, struct kg_job_list *ret, struct kg_err *err);
int kg_db_job_count(struct kg_catalog *c, const struct kg_job_query *q, uint64_t *ret, struct kg_err *err);
int kg_db_job_prune(struct kg_catalog *c, kg_usec before, uint64_t *ret, struct kg_err *err);
int kg_db_log_add(struct kg_catalog *c, const char *job, kg_usec at, const char *text, struct kg_err *err);
int kg_db_job_tables_put(struct kg_catalog *c, const char *job, const char *json, struct kg_err *err);
int kg_db_job_tables_get(struct kg_catalog *c, const char *job, struct kg_json **ret, struct kg_err *err);
int kg_db_log_list(struct kg_catalog *c, const char *job, uint64_t after, unsigned top, struct kg_log_list *ret,
                struct kg_err *err);
int kg_db_operation_insert(struct kg_catalog *c, const struct kg_operation_row *row, const char *result,
                           const char *error, struct kg_err *err);
int kg_db_operation_update(struct kg_catalog *c, const struct kg_operation_row *row, const char *result,
                           const char *error, struct kg_err *err);
int kg_db_operation_get(struct kg_catalog *c, const char *id, struct kg_operation_row *ret, struct kg_err *err);
int kg_db_operation_unfinished(struct kg_catalog *c, const char *job, struct kg_operation_list *ret,
                               struct kg_err *err);
int kg_db_operation_prune(struct kg_catalog *c, kg_usec before, uint64_t *ret, struct kg_err *err);
int kg_db_point_insert(struct kg_catalog *c, const char *instance, const struct kg_point_row *row, const char *json,
                    struct kg_err *err);
int kg_db_point_update(struct kg_catalog *c, const char *instance, const struct kg_point_row *row, const char *json,
                    struct kg_err *err);
int kg_db_point_get(struct kg_catalog *c, const char *instance, const char *id, struct kg_point_row *ret,
                    struct kg_err *err);
int kg_db_point_list(struct kg_catalog *c, const struct kg_point_query *q, struct kg_point_list *ret,
                     struct kg_err *err);
int kg_db_point_count(struct kg_catalog *c, const struct kg_point_query *q, uint64_t *ret, struct kg_err *err);
int kg_db_point_delete(struct kg_catalog *c, const char *instance, const char *id, struct kg_err *err);
int kg_db_assignment_put(struct kg_catalog *c, const struct kg_assignment_row *row, const char *scope, struct kg_err *err);
int kg_db_assignment_list(struct kg_catalog *c, const char *principal, struct kg_assignment_list *ret, struct kg_err *err);
int kg_db_assignment_delete(struct kg_catalog *c, const char *id, struct kg_err *err);
int kg_db_audit_add(struct kg_catalog *c, const struct kg_audit_row *row, struct kg_err *err);
int kg_db_audit_last(struct kg_catalog *c, struct kg_audit_row *ret, struct kg_err *err);
int kg_db_audit_list(struct kg_catalog *c, const char *principal, enum kg_audit_order order, uint64_t after,
                     unsigned top, struct kg_audit_list *ret, struct kg_err *err);
int kg_db_standing(struct kg_catalog *c, const char *instance, struct kg_standing *ret, struct kg_err *err);
int kg_db_job_tally(struct kg_catalog *c, const char *under, kg_usec from, struct kg_tally *ret, struct kg_err *err);
int kg_db_point_sum(struct kg_catalog *c, const struct kg_point_query *q, struct kg_point_sum *ret, struct kg_err *err);
int kg_db_usage_put(struct kg_catalog *c, const char *vault, int64_t day, const char *json, struct kg_err *err);
int kg_db_usage_list(struct kg_catalog *c, const char *vault, unsigned top, struct kg_usage_list *ret, struct kg_err *err);
int kg_db_value_set(struct kg_catalog *c, const char *key, const char *value, struct kg_err *err);
int kg_db_value_get(struct kg_catalog *c, const char *key, char **ret, struct kg_err *err);

#endif
