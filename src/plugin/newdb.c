#include "plugin/newdb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/parse.h"
#include "crypto/crypto.h"

#define COMMENT "keepgres: restore in progress"

enum { RENAME_TRIES = 4 };

/* The session waits for hours, is known by the database's name (see sweep()), and the rename must not be lost in a crash once it
 * is reported. */
static int prepare_admin(struct kg_newdb *d, struct kg_err *err)
{
    if (kg_session_lasting(d->admin, err) < 0 ||
        kg_session_runf(d->admin, err, "SET application_name = '%s'", d->temp) < 0)
        return -(int)err->code;
    return kg_session_run(d->admin, "SELECT pg_catalog.set_config('synchronous_commit', 'on', false)"
                                    " WHERE pg_catalog.current_setting('synchronous_commit') = 'off'", err);
}

/* Databases to start from: the one that the secret names may well be the one that is gone. */
static int open_admin(struct kg_newdb *d, struct kg_err *err)
{
    static const char *const tries[] = { "postgres", "template1" };
    struct kg_err first = { 0 };

    for (size_t i = 0; i < KG_ARRAY_LEN(tries); i++) {
        struct kg_err e = { 0 };

        if (kg_session_open(d->conn, tries[i], "restore", &d->admin, &e) == 0) {
            d->server_version = kg_session_version(d->admin);
            return prepare_admin(d, err);
        }
        if (first.code == KG_E_OK)
            first = e;
        if (e.code != KG_E_DB_NOT_FOUND && e.code != KG_E_DB_PRIVILEGE)
            break;
    }
    *err = first;
    return -(int)err->code;
}

static int reopen_admin(struct kg_newdb *d, struct kg_err *err)
{
    kg_session_close(KG_TAKE(d->admin));
    return open_admin(d, err);
}

int kg_newdb_check(struct kg_newdb *d, int source, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    const char *params[] = { d->target };

    if (!*d->target || strlen(d->target) > 63)
        return kg_err_set(err, KG_E_USAGE, "'%s' cannot be a database's name: it must have 1 to 63 bytes", d->target);
    if (d->server_version / 10000 < source / 10000) {
        kg_err_set(err, KG_E_DB_LOWER, "the backup is from PostgreSQL %d and the target server is %d", source / 10000,
                   d->server_version / 10000);
        return -(int)err->code;
    }
    if (kg_session_query(d->admin,
                         "SELECT (SELECT rolsuper OR rolcreatedb FROM pg_catalog.pg_roles WHERE rolname = current_user),"
                         " EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1), current_user", 1, params,
                         &rows, err) < 0)
        return -(int)err->code;
    if (strcmp(kg_rows_get(rows, 0, 1), "t") == 0)
        return kg_err_set(err, KG_E_DB_NAME_TAKEN, "the target server has a database '%s' already", d->target);
    if (strcmp(kg_rows_get(rows, 0, 0), "t") != 0) {
        kg_err_set(err, KG_E_DB_PRIVILEGE, "user '%s' may not create databases on the target server",
                   kg_rows_get(rows, 0, 2));
        kg_err_advise(err, "Run there as an administrator: ALTER USER \"%s\" CREATEDB;", kg_rows_get(rows, 0, 2));
        return -(int)err->code;
    }
    return 0;
}

static int drop(struct kg_newdb *d, const char *name, struct kg_err *err)
{
    KG_AUTO_FREE char *quoted = kg_quote_ident(name);

    return kg_session_runf(d->admin, err, "DROP DATABASE %s%s", quoted, d->server_version >= 130000 ? " WITH (FORCE)" : "");
}

/* Whether a database of that name is there at all; when that cannot be told, it may be. */
static bool is_there(struct kg_newdb *d, const char *name)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    const char *params[] = { name };
    struct kg_err unknown = { 0 };

    return kg_session_query(d->admin, "SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1", 1, params, &rows, &unknown) < 0 ||
           kg_rows_count(rows) > 0;
}

/* Drops what killed restores left: databases named as only we name them, with our comment or none yet, whose restore is not
 * running any more. A running one has a session that carries the database's name as its application_name, see
 * prepare_admin(), and mostly others in the database itself. */
static int sweep(struct kg_newdb *d, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;

    if (kg_session_query(d->admin,
                         "SELECT d.datname FROM pg_catalog.pg_database d"
                         " LEFT JOIN pg_catalog.pg_shdescription s"
                         "  ON s.objoid = d.oid AND s.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass"
                         " WHERE d.datname ~ '^keepgres_restore_[0-9a-f]{12}$'"
                         " AND (s.description IS NULL OR s.description LIKE '" COMMENT "%')"
                         " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_activity a WHERE a.application_name = d.datname"
                         "  OR (a.datid = d.oid AND a.backend_type IS DISTINCT FROM 'autovacuum worker'))",
                         0, NULL, &rows, err) < 0)
        return -(int)err->code;
    for (int i = 0; i < kg_rows_count(rows); i++) {
        struct kg_err soft = { 0 };

        kg_events_log(d->ev, "dropping database '%s', left by a restore that was killed", kg_rows_get(rows, i, 0));
        if (drop(d, kg_rows_get(rows, i, 0), &soft) < 0)
            kg_events_warn_about(d->ev, &soft, "database", kg_rows_get(rows, i, 0));
    }
    return 0;
}

static void add_option(struct kg_buf *b, const char *name, const char *value)
{
    KG_AUTO_FREE char *q = value ? kg_quote_literal(value) : NULL;

    if (q)
        kg_buf_addf(b, " %s %s", name, q);
}

static int remember_oid(struct kg_newdb *d, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    const char *params[] = { d->temp };

    if (kg_session_query(d->admin, "SELECT oid FROM pg_catalog.pg_database WHERE datname = $1", 1, params, &rows, err) < 0)
        return -(int)err->code;
    if (kg_rows_count(rows) != 1)
        return kg_err_set(err, KG_E_DB_ERROR, "database '%s' is gone", d->temp);
    snprintf(d->oid, sizeof d->oid, "%u", (unsigned)kg_rows_int(rows, 0, 0));
    return 0;
}

/* What the user or the server has set for sessions in general: pg_restore's would be ended while they wait for one another, could
 * not write, or would put objects elsewhere. A setting for this user in this database comes before all others. One that the
 * user may not set (the language is the superuser's) stays as it is. */
static void quiet_settings(struct kg_newdb *d)
{
    static const struct { int since; const char *sql; } settings[] = {
        { 0, "statement_timeout = 0" }, { 0, "lock_timeout = 0" }, { 0, "idle_in_transaction_session_timeout = 0" },
        { 140000, "idle_session_timeout = 0" }, { 170000, "transaction_timeout = 0" },
        { 0, "default_transaction_read_only = off" }, { 0, "default_tablespace = ''" }, { 0, "lc_messages = 'C'" },
    };

    for (size_t i = 0; i < KG_ARRAY_LEN(settings); i++) {
        struct kg_err soft = { 0 };

        if (d->server_version >= settings[i].since &&
            kg_session_runf(d->admin, &soft, "ALTER ROLE CURRENT_USER IN DATABASE %s SET %s", d->temp, settings[i].sql) < 0)
            kg_events_log(d->ev, "not set for the restore: %s", soft.msg);
    }
}

static char *create_sql(const struct kg_newdb *d, const struct kg_json *f, const char *tablespace)
{
    const char *provider = kg_json_str_or(f, "postgres.provider", "libc");
    struct kg_buf sql = KG_BUF_INIT((size_t)1 << 20);
    KG_AUTO_FREE char *space = tablespace ? kg_quote_ident(tablespace) : NULL;

    kg_buf_addf(&sql, "CREATE DATABASE %s TEMPLATE template0", d->temp);
    add_option(&sql, "ENCODING", kg_json_str(f, "postgres.encoding"));
    add_option(&sql, "LC_COLLATE", kg_json_str(f, "postgres.collate"));
    add_option(&sql, "LC_CTYPE", kg_json_str(f, "postgres.ctype"));
    if (d->server_version >= 150000 && strcmp(provider, "libc") != 0) {
        add_option(&sql, "LOCALE_PROVIDER", provider);
        add_option(&sql, strcmp(provider, "icu") == 0 ? "ICU_LOCALE" : "BUILTIN_LOCALE",
                   kg_json_str(f, "postgres.iculocale"));
    }
    if (space)
        kg_buf_addf(&sql, " TABLESPACE %s", space);
    return kg_buf_take(&sql);
}

int kg_newdb_create(struct kg_newdb *d, const struct kg_json *f, const char *tablespace, struct kg_err *err)
{
    KG_AUTO_FREE char *sql = create_sql(d, f, tablespace);
    KG_AUTO_FREE char *comment = kg_xprintf(COMMENT " to %s", d->target);
    KG_AUTO_FREE char *quoted = kg_quote_literal(comment);
    int eno;

    if (sweep(d, err) < 0)
        return -(int)err->code;
    d->created = true;                   /* also when only the answer is lost */
    if (kg_session_run(d->admin, sql, err) < 0) {
        d->created = err->code == KG_E_DB_CLOSED;
        if (err->code == KG_E_DB_ERROR)
            kg_err_advise(err, "Install the source's locale on the target server, or restore as files and choose another.");
        return kg_err_wrap(err, "create the database for '%s'", d->target);
    }
    if (kg_session_runf(d->admin, err, "COMMENT ON DATABASE %s IS %s", d->temp, quoted) < 0 || remember_oid(d, err) < 0)
        return kg_err_wrap(err, "create the database for '%s'", d->target);
    quiet_settings(d);
    if ((eno = KG_FAULT(RESTORE_CREATED)))
        return kg_err_sys(err, eno, "create the database for '%s'", d->target);
    return 0;
}

static int drop_or_find_gone(struct kg_newdb *d, struct kg_err *err)
{
    if (drop(d, d->temp, err) == 0)
        return 0;
    if (is_there(d, d->temp))
        return -(int)err->code;
    *err = (struct kg_err){ 0 };
    return 0;
}

static void drop_database(struct kg_newdb *d)
{
    struct kg_err soft = { 0 };

    if (!d->created)
        return;
    /* The connection may be what failed: try once more on a fresh one. */
    if (d->admin && drop_or_find_gone(d, &soft) == 0)
        return;
    soft = (struct kg_err){ 0 };
    if (reopen_admin(d, &soft) == 0 && drop_or_find_gone(d, &soft) == 0)
        return;
    kg_err_wrap(&soft, "drop the half-restored database '%s'", d->temp);
    kg_err_advise(&soft, "The next restore on that server drops it, or drop it yourself.");
    kg_events_warn_about(d->ev, &soft, "database", d->temp);
}

/* ---- publishing ---- */

/* Comment, template and name change together: either it is a restore in progress, or it is what was asked for. *ret_busy: somebody
 * else has a session in it. */
static int rename_it(struct kg_newdb *d, const struct kg_dbprops *props, bool *ret_busy, struct kg_err *err)
{
    KG_AUTO_FREE char *name = kg_quote_ident(d->target);
    struct kg_err ignored = { 0 };

    if (kg_session_run(d->admin, "BEGIN", err) == 0 &&
        kg_session_runf(d->admin, err, "COMMENT ON DATABASE %s IS NULL", d->temp) == 0 &&
        kg_dbprops_apply_last(props, d->admin, d->ev, err) == 0 &&
        kg_session_runf(d->admin, err, "ALTER DATABASE %s RENAME TO %s", d->temp, name) == 0 &&
        kg_session_run(d->admin, "COMMIT", err) == 0)
        return 0;
    *ret_busy = strcmp(kg_session_state(d->admin), "55006") == 0;
    (void)!kg_session_run(d->admin, "ROLLBACK", &ignored);
    return -(int)err->code;
}

static void end_others(struct kg_newdb *d)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    const char *params[] = { d->oid };
    struct kg_err soft = { 0 };

    if (kg_session_query(d->admin, "SELECT pg_catalog.count(pg_catalog.pg_terminate_backend(pid))"
                         " FROM pg_catalog.pg_stat_activity WHERE datid = $1::pg_catalog.oid", 1, params, &rows, &soft) < 0)
        kg_events_log(d->ev, "end other sessions in the restored database: %s", soft.msg);
}

/* Monitoring likes to look into every database, and a session in it would keep it from being renamed. */
static int rename_alone(struct kg_newdb *d, const struct kg_dbprops *props, struct kg_err *err)
{
    for (int i = 1;; i++) {
        bool busy = false;

        if (rename_it(d, props, &busy, err) == 0)
            return 0;
        if (!busy || i == RENAME_TRIES || kg_events_cancelled(d->ev))
            return -(int)err->code;
        end_others(d);
        *err = (struct kg_err){ 0 };
    }
}

static int publish(struct kg_newdb *d, const struct kg_dbprops *props, struct kg_err *err)
{
    if (kg_session_runf(d->admin, err, "ALTER ROLE CURRENT_USER IN DATABASE %s RESET ALL", d->temp) < 0 ||
        kg_dbprops_apply(props, d->admin, d->temp, d->ev, err) < 0)
        return -(int)err->code;
    return rename_alone(d, props, err);
}

/* After the connection was lost in the middle of it: whether it has its name. */
static int is_published(struct kg_newdb *d, bool *ret, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    const char *params[] = { d->oid };

    if (kg_session_query(d->admin, "SELECT datname FROM pg_catalog.pg_database WHERE oid = $1::pg_catalog.oid", 1, params, &rows,
                         err) < 0)
        return -(int)err->code;
    *ret = kg_rows_count(rows) == 1 && strcmp(kg_rows_get(rows, 0, 0), d->target) == 0;
    return 0;
}

int kg_newdb_publish(struct kg_newdb *d, const struct kg_dbprops *props, struct kg_err *err)
{
    struct kg_err first = { 0 };
    bool done = false;
    int r = publish(d, props, &first);

    if (r < 0 && first.code == KG_E_DB_CLOSED) {
        kg_events_log(d->ev, "connecting again: %s", first.msg);
        r = reopen_admin(d, err) < 0 || is_published(d, &done, err) < 0 || (!done && publish(d, props, err) < 0) ? -1 : 0;
    } else if (r < 0) {
        *err = first;
    }
    if (r < 0)
        return kg_err_wrap(err, "give the restored database its name");
    d->created = false;
    return 0;
}

int kg_newdb_open(struct kg_newdb *d, const struct kg_conninfo *conn, const char *target, const struct kg_events *ev,
                  struct kg_err *err)
{
    unsigned char salt[6];
    char hex[16];

    *d = (struct kg_newdb){ .conn = conn, .target = target, .ev = ev };
    kg_random(salt, sizeof salt);
    kg_hex(salt, sizeof salt, hex);
    snprintf(d->temp, sizeof d->temp, "keepgres_restore_%s", hex);
    return open_admin(d, err);
}

void kg_newdb_close(struct kg_newdb *d)
{
    drop_database(d);
    kg_session_close(KG_TAKE(d->admin));
}
