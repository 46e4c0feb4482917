/* The driver "sqlite": opening, transactions, and the words its other files are written in.
 *
 * WAL with synchronous=FULL: a commit is on the disk when it returns, and a process that dies at any moment leaves a
 * file that the next opening brings to the last commit by itself. */
#include "catalog/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/fault.h"
#include "catalog/migrations.h"

enum { APPLICATION_ID = 0x6b677063 /* "kgpc" */, BUSY_MS = 5000, LENGTH_MAX = 16 << 20 };

/* ---- errors ---- */

static const struct {
    int rc;
    enum kg_code code;
    const char *action;
} codes[] = {
    { SQLITE_BUSY, KG_E_BUSY, "Find the other process that has the catalog open, and end it." },
    { SQLITE_LOCKED, KG_E_BUSY, NULL },
    { SQLITE_FULL, KG_E_DISK_FULL, NULL },
    { SQLITE_NOMEM, KG_E_MEMORY, NULL },
    { SQLITE_TOOBIG, KG_E_LIMIT, NULL },
    { SQLITE_CORRUPT, KG_E_CORRUPT,
      "Stop the service, move catalog.sqlite away or restore a copy of it, then start again." },
    { SQLITE_NOTADB, KG_E_CORRUPT,
      "Stop the service, move catalog.sqlite away or restore a copy of it, then start again." },
};

int kg_db_fail(struct db *d, int rc, struct kg_err *err, const char *what)
{
    const char *text = d->h ? sqlite3_errmsg(d->h) : sqlite3_errstr(rc);

    for (size_t i = 0; i < KG_ARRAY_LEN(codes); i++) {
        if (codes[i].rc != (rc & 0xff))
            continue;
        kg_err_set(err, codes[i].code, "catalog '%s': %s: %s", d->path, what, text);
        if (codes[i].action)
            kg_err_advise(err, "%s", codes[i].action);
        return -(int)err->code;
    }
    return kg_err_set(err, KG_E_IO, "catalog '%s': %s: %s", d->path, what, text);
}

bool kg_db_taken(const struct db *d)
{
    int rc = sqlite3_extended_errcode(d->h);

    return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY;
}

/* ---- statements ---- */

static int bind_all(struct db *d, sqlite3_stmt *s, struct kg_err *err, const char *types, va_list ap)
{
    int rc = SQLITE_OK;

    for (int i = 1; *types && rc == SQLITE_OK; types++, i++) {
        if (*types == 't') {
            rc = sqlite3_bind_text(s, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
        } else if (*types == 'i') {
            rc = sqlite3_bind_int64(s, i, va_arg(ap, int64_t));
        } else {
            const void *p = va_arg(ap, const void *);

            rc = sqlite3_bind_blob64(s, i, p, va_arg(ap, size_t), SQLITE_TRANSIENT);
        }
    }
    return rc == SQLITE_OK ? 0 : kg_db_fail(d, rc, err, "bind");
}

/* The kept statement of sql, made at its first use. */
static int find_statement(struct db *d, const char *sql, sqlite3_stmt **ret, struct kg_err *err)
{
    int rc;

    for (size_t i = 0; i < d->kept_count; i++)
        if (d->kept[i].sql == sql) {
            *ret = d->kept[i].stmt;
            return 0;
        }
    KG_ASSERT(d->kept_count < STATEMENTS_KEPT);
    rc = sqlite3_prepare_v3(d->h, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
    if (rc != SQLITE_OK)
        return kg_db_fail(d, rc, err, "prepare");
    d->kept[d->kept_count].sql = sql;
    d->kept[d->kept_count++].stmt = *ret;
    return 0;
}

int kg_db_query(struct db *d, sqlite3_stmt **ret, struct kg_err *err, const char *sql, const char *types, ...)
{
    sqlite3_stmt *s = NULL;
    va_list ap;
    int r;

    if (find_statement(d, sql, &s, err) < 0)
        return -(int)err->code;
    va_start(ap, types);
    r = bind_all(d, s, err, types, ap);
    va_end(ap);
    *ret = s;
    return r;
}

void kg_db_reset(sqlite3_stmt **s)
{
    if (*s) {
        sqlite3_reset(*s);
        sqlite3_clear_bindings(*s);
    }
}

int kg_db_step(struct db *d, sqlite3_stmt *s, struct kg_err *err)
{
    int rc = sqlite3_step(s);

    return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : kg_db_fail(d, rc, err, "read or write");
}

int kg_db_run(struct db *d, int *ret_changes, struct kg_err *err, const char *sql, const char *types, ...)
{
    DB_AUTO_RESET sqlite3_stmt *s = NULL;
    va_list ap;
    int r;

    if (find_statement(d, sql, &s, err) < 0)
        return -(int)err->code;
    va_start(ap, types);
    r = bind_all(d, s, err, types, ap);
    va_end(ap);
    while (r == 0 && (r = kg_db_step(d, s, err)) == 1)
        r = 0;
    if (r < 0)
        return r;
    if (ret_changes)
        *ret_changes = sqlite3_changes(d->h);
    return 0;
}

void kg_db_finalize(sqlite3_stmt **s) { sqlite3_finalize(*s); }

void kg_db_where_done(struct db_where *w) { kg_buf_done(&w->sql); }
void kg_db_where_sql(struct db_where *w, const char *fragment) { kg_buf_adds(&w->sql, fragment); }

void kg_db_arg_text(struct db_where *w, const char *value)
{
    KG_ASSERT(w->count < DB_WHERE_MAX);
    w->args[w->count].type = 't';
    w->args[w->count++].text = value;
}

void kg_db_arg_number(struct db_where *w, int64_t value)
{
    KG_ASSERT(w->count < DB_WHERE_MAX);
    w->args[w->count].type = 'i';
    w->args[w->count++].number = value;
}

void kg_db_where_text(struct db_where *w, const char *condition, const char *value)
{
    if (!value)
        return;
    kg_buf_addf(&w->sql, " AND %s", condition);
    kg_db_arg_text(w, value);
}

void kg_db_where_number(struct db_where *w, const char *condition, int64_t value)
{
    kg_buf_addf(&w->sql, " AND %s", condition);
    kg_db_arg_number(w, value);
}

int kg_db_where_query(struct db *d, const struct db_where *w, sqlite3_stmt **ret, struct kg_err *err)
{
    DB_AUTO_FINALIZE sqlite3_stmt *s = NULL;
    int rc;

    if (kg_buf_ok(&w->sql, err) < 0)
        return -(int)err->code;
    rc = sqlite3_prepare_v2(d->h, w->sql.p, (int)w->sql.len + 1, &s, NULL);
    for (unsigned i = 0; i < w->count && rc == SQLITE_OK; i++)
        rc = w->args[i].type == 't' ? sqlite3_bind_text(s, (int)i + 1, w->args[i].text, -1, SQLITE_TRANSIENT)
                                    : sqlite3_bind_int64(s, (int)i + 1, w->args[i].number);
    if (rc != SQLITE_OK)
        return kg_db_fail(d, rc, err, "prepare");
    *ret = KG_TAKE(s);
    return 0;
}

int kg_db_where_count(struct db *d, const struct db_where *w, uint64_t *ret, struct kg_err *err)
{
    DB_AUTO_FINALIZE sqlite3_stmt *s = NULL;
    int r;

    if (kg_db_where_query(d, w, &s, err) < 0 || (r = kg_db_step(d, s, err)) < 0)
        return -(int)err->code;
    *ret = r ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
    return 0;
}

/* ---- columns ---- */

char *kg_db_text(sqlite3_stmt *s, int col)
{
    const unsigned char *t = sqlite3_column_text(s, col);

    return t ? kg_xstrdup((const char *)t) : NULL;
}

int kg_db_json(sqlite3_stmt *s, int col, struct kg_json **ret, struct kg_err *err)
{
    const char *t = (const char *)sqlite3_column_text(s, col);
    struct kg_err why = { 0 };

    if (!t)
        return 0;
    if (kg_json_parse(t, (size_t)sqlite3_column_bytes(s, col), ret, &why) < 0)
        return kg_err_set(err, KG_E_CORRUPT, "a document in the catalog is damaged: %s", why.msg);
    return 0;
}

/* ---- transactions ---- */

static int begin(struct kg_catalog *c, struct kg_err *err)
{
    int eno = KG_FAULT(CATALOG_BEGIN);

    if (eno)
        return kg_err_sys(err, eno, "catalog '%s': begin", db_of(c)->path);
    return kg_db_run(db_of(c), NULL, err, "BEGIN IMMEDIATE", "");
}

static void rollback(struct kg_catalog *c)
{
    /* SQLite rolls back by itself after some failures; then there is nothing left to undo. */
    if (!sqlite3_get_autocommit(db_of(c)->h))
        (void)sqlite3_exec(db_of(c)->h, "ROLLBACK", NULL, NULL, NULL);
}

static int commit(struct kg_catalog *c, struct kg_err *err)
{
    struct db *d = db_of(c);
    int r, eno = KG_FAULT(CATALOG_COMMIT);

    if (eno)
        r = kg_err_sys(err, eno, "catalog '%s': commit", d->path);
    else if (sqlite3_get_autocommit(d->h))
        r = kg_err_set(err, KG_E_IO, "catalog '%s': the transaction was undone by an earlier failure", d->path);
    else
        r = kg_db_run(d, NULL, err, "COMMIT", "");
    if (r < 0)
        rollback(c);
    return r;
}

int kg_db_write_begin(struct db *d, struct kg_err *err)
{
    if (!d->base.in_transaction)
        return begin(&d->base, err);
    /* Without this, what follows a transaction that SQLite undid would be committed piece by piece. */
    if (sqlite3_get_autocommit(d->h))
        return kg_err_set(err, KG_E_IO, "catalog '%s': the transaction was undone by an earlier failure", d->path);
    return kg_db_run(d, NULL, err, "SAVEPOINT write", "");
}

int kg_db_write_end(struct db *d, int r, struct kg_err *err)
{
    if (!d->base.in_transaction) {
        if (r >= 0)
            return commit(&d->base, err);
        rollback(&d->base);
        return r;
    }
    if (r >= 0)
        return kg_db_run(d, NULL, err, "RELEASE write", "");
    if (!sqlite3_get_autocommit(d->h))
        (void)sqlite3_exec(d->h, "ROLLBACK TO write; RELEASE write", NULL, NULL, NULL);
    return r;
}

/* ---- opening ---- */

static int exec(struct db *d, const char *sql, struct kg_err *err)
{
    int rc = sqlite3_exec(d->h, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : kg_db_fail(d, rc, err, "set up");
}

static int number(struct db *d, const char *sql, int64_t *ret, struct kg_err *err)
{
    DB_AUTO_FINALIZE sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(d->h, sql, -1, &s, NULL);

    if (rc != SQLITE_OK)
        return kg_db_fail(d, rc, err, "look at the file");
    if (kg_db_step(d, s, err) < 0)
        return -(int)err->code;
    *ret = sqlite3_column_int64(s, 0);
    return 0;
}

static int migrate_one(struct db *d, int step, struct kg_err *err)
{
    KG_AUTO_FREE char *sql = kg_xprintf("BEGIN IMMEDIATE; %s; PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
                                        kg_migrations[step], APPLICATION_ID, step + 1);

    if (exec(d, sql, err) == 0)
        return 0;
    rollback(&d->base);
    return kg_err_wrap(err, "bring the catalog to step %d", step + 1);
}

static int migrate(struct db *d, struct kg_err *err)
{
    int64_t version, app, tables;

    if (number(d, "PRAGMA user_version", &version, err) < 0 || number(d, "PRAGMA application_id", &app, err) < 0 ||
        number(d, "SELECT count(*) FROM sqlite_master", &tables, err) < 0)
        return -(int)err->code;
    if (app != APPLICATION_ID && (app || version || tables)) {
        kg_err_set(err, KG_E_UNSUPPORTED, "'%s' is a database of another program", d->path);
        kg_err_advise(err, "Name another state directory with --state-dir.");
        return -KG_E_UNSUPPORTED;
    }
    if (version > kg_migration_count) {
        kg_err_set(err, KG_E_UNSUPPORTED, "catalog '%s' is at step %d, and this keepgres knows %d", d->path,
                   (int)version, kg_migration_count);
        kg_err_advise(err, "Upgrade keepgres to the version that wrote it, or a newer one.");
        return -KG_E_UNSUPPORTED;
    }
    for (int step = (int)version; step < kg_migration_count; step++)
        if (migrate_one(d, step, err) < 0)
            return -(int)err->code;
    return 0;
}

static void close_db(struct kg_catalog *c)
{
    struct db *d = db_of(c);

    for (size_t i = 0; i < d->kept_count; i++)
        sqlite3_finalize(d->kept[i].stmt);
    (void)sqlite3_close_v2(d->h); /* the last one to close also empties the write-ahead log */
    free(d->path);
    free(d);
}

/* SQLite would create the file with the umask's mode; the log and index beside it take the file's. */
static int create_private(const char *path, struct kg_err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return kg_err_sys(err, errno, "open catalog '%s'", path);
    close(fd);
    return 0;
}

int kg_catalog_open_sqlite(const char *path, struct kg_catalog **ret, struct kg_err *err)
{
    bool memory = strcmp(path, ":memory:") == 0;
    KG_CLEANUP(kg_catalog_closep) struct kg_catalog *c = NULL;
    struct db *d;
    int rc;

    if (!memory && create_private(path, err) < 0)
        return -(int)err->code;
    d = kg_xalloc(sizeof *d);
    c = &d->base;
    c->ops = &kg_catalog_sqlite_ops;
    d->path = kg_xstrdup(path);
    rc = sqlite3_open_v2(path, &d->h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, NULL);
    if (rc != SQLITE_OK)
        return kg_db_fail(d, rc, err, "open");
    (void)sqlite3_extended_result_codes(d->h, 1);
    (void)sqlite3_busy_timeout(d->h, BUSY_MS);
    (void)sqlite3_limit(d->h, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
    (void)sqlite3_limit(d->h, SQLITE_LIMIT_ATTACHED, 0);
    (void)sqlite3_db_config(d->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(d->h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    if (exec(d, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cell_size_check=ON;"
                " PRAGMA secure_delete=ON", err) < 0 || migrate(d, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(c);
    return 0;
}

static int check(struct kg_catalog *c, struct kg_err *err)
{
    static const char *const questions[] = {
        "SELECT integrity_check FROM pragma_integrity_check(1) WHERE integrity_check <> 'ok'",
        "SELECT 'a row of ' || \"table\" || ' refers to nothing in ' || parent FROM pragma_foreign_key_check LIMIT 1",
    };
    struct db *d = db_of(c);

    for (size_t i = 0; i < KG_ARRAY_LEN(questions); i++) {
        DB_AUTO_FINALIZE sqlite3_stmt *s = NULL;
        int rc = sqlite3_prepare_v2(d->h, questions[i], -1, &s, NULL), r;

        if (rc != SQLITE_OK)
            return kg_db_fail(d, rc, err, "check");
        if ((r = kg_db_step(d, s, err)) < 0)
            return r;
        if (r > 0)
            return kg_err_set(err, KG_E_CORRUPT, "catalog '%s' is damaged: %s", d->path,
                              (const char *)sqlite3_column_text(s, 0));
    }
    return 0;
}

const struct kg_catalog_ops kg_catalog_sqlite_ops = {
    .name = "sqlite",
    .close = close_db,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .check = check,
    .put = kg_db_put,
    .get = kg_db_get,
    .exists = kg_db_exists,
    .del = kg_db_delete,
    .list = kg_db_list,
    .count = kg_db_count,
    .secret_put = kg_db_secret_put,
    .secret_get = kg_db_secret_get,
    .secret_update = kg_db_secret_update,
    .secret_list = kg_db_secret_list,
    .secret_delete = kg_db_secret_delete,
    .job_insert = kg_db_job_insert,
    .job_update = kg_db_job_update,
    .job_get = kg_db_job_get,
    .job_list = kg_db_job_list,
    .job_count = kg_db_job_count,
    .job_prune = kg_db_job_prune,
    .log_add = kg_db_log_add,
    .log_list = kg_db_log_list,
    .job_tables_put = kg_db_job_tables_put,
    .job_tables_get = kg_db_job_tables_get,
    .operation_insert = kg_db_operation_insert,
    .operation_update = kg_db_operation_update,
    .operation_get = kg_db_operation_get,
    .operation_unfinished = kg_db_operation_unfinished,
    .operation_prune = kg_db_operation_prune,
    .point_insert = kg_db_point_insert,
    .point_update = kg_db_point_update,
    .point_get = kg_db_point_get,
    .point_list = kg_db_point_list,
    .point_count = kg_db_point_count,
    .point_delete = kg_db_point_delete,
    .assignment_put = kg_db_assignment_put,
    .assignment_list = kg_db_assignment_list,
    .assignment_delete = kg_db_assignment_delete,
    .audit_add = kg_db_audit_add,
    .audit_last = kg_db_audit_last,
    .audit_list = kg_db_audit_list,
    .usage_put = kg_db_usage_put,
    .usage_list = kg_db_usage_list,
    .standing = kg_db_standing,
    .job_tally = kg_db_job_tally,
    .point_sum = kg_db_point_sum,
    .value_set = kg_db_value_set,
    .value_get = kg_db_value_get,
};
