#include "plugin/newdb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/parse.h"
#include "crypto/crypto.h"

#define COMMENT "keepgres: restore in progress"

/* Databases to start from: the one that the secret names may well be the one that is gone. */
static int open_admin(struct kg_newdb *d, struct kg_err *err)
{
    static const char *const tries[] = { "postgres", "template1" };
    struct kg_err first = { 0 };

    for (size_t i = 0; i < KG_ARRAY_LEN(tries); i++) {
        struct kg_err e = { 0 };

        if (kg_session_open(d->conn, tries[i], "restore", &d->admin, &e) == 0) {
            d->server_version = kg_session_version(d->admin);
            return 0;
        }
        if (first.code == KG_E_OK)
            first = e;
        if (e.code != KG_E_DB_NOT_FOUND && e.code != KG_E_DB_PRIVILEGE)
            break;
    }
    *err = first;
    return -(int)err->code;
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

/* Drops what killed restores left: databases named as only we name them, with our comment or none yet, whose restore is not
 * running any more. A running one has a session that carries the database's name as its application_name, see
 * kg_newdb_create(). */
static int sweep(struct kg_newdb *d, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;

    if (kg_session_query(d->admin,
                         "SELECT d.datname FROM pg_catalog.pg_database d"
                         " LEFT JOIN pg_catalog.pg_shdescription s"
                         "  ON s.objoid = d.oid AND s.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass"
                         " WHERE d.datname ~ '^keepgres_restore_[0-9a-f]{12}$'"
                         " AND (s.description IS NULL OR s.description LIKE '" COMMENT "%')"
                         " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_activity a WHERE a.application_name = d.datname)",
                         0, NULL, &rows, err) < 0)
        return -(int)err->code;
    for (int i = 0; i < kg_rows_count(rows); i++) {
        struct kg_err soft = { 0 };

        kg_events_log(d->ev, "dropping database '%s', left by a restore that was killed", kg_rows_get(rows, i, 0));
        if (drop(d, kg_rows_get(rows, i, 0), &soft) < 0)
            kg_events_warn(d->ev, &soft);
    }
    return 0;
}

static void add_option(struct kg_buf *b, const char *name, const char *value)
{
    KG_AUTO_FREE char *q = value ? kg_quote_literal(value) : NULL;

    if (q)
        kg_buf_addf(b, " %s %s", name, q);
}

int kg_newdb_create(struct kg_newdb *d, const struct kg_json *f, struct kg_err *err)
{
    const char *provider = kg_json_str_or(f, "postgres.provider", "libc");
    KG_AUTO_BUF struct kg_buf sql = KG_BUF_INIT(8192);
    KG_AUTO_FREE char *comment = kg_xprintf(COMMENT " to %s", d->target);
    KG_AUTO_FREE char *quoted = kg_quote_literal(comment);
    unsigned char salt[6];
    char hex[16];
    int eno;

    if (sweep(d, err) < 0)
        return -(int)err->code;
    kg_random(salt, sizeof salt);
    kg_hex(salt, sizeof salt, hex);
    snprintf(d->temp, sizeof d->temp, "keepgres_restore_%s", hex);
    kg_buf_addf(&sql, "CREATE DATABASE %s TEMPLATE template0", d->temp);
    add_option(&sql, "ENCODING", kg_json_str(f, "postgres.encoding"));
    add_option(&sql, "LC_COLLATE", kg_json_str(f, "postgres.collate"));
    add_option(&sql, "LC_CTYPE", kg_json_str(f, "postgres.ctype"));
    if (d->server_version >= 150000 && strcmp(provider, "libc") != 0) {
        add_option(&sql, "LOCALE_PROVIDER", provider);
        add_option(&sql, strcmp(provider, "icu") == 0 ? "ICU_LOCALE" : "BUILTIN_LOCALE",
                   kg_json_str(f, "postgres.iculocale"));
    }
    if (kg_buf_ok(&sql, err) < 0)
        return -(int)err->code;
    if (kg_session_runf(d->admin, err, "SET application_name = '%s'", d->temp) < 0)
        return -(int)err->code;
    if (kg_session_run(d->admin, sql.p, err) < 0) {
        if (err->code == KG_E_DB_ERROR)
            kg_err_advise(err, "Install the source's locale on the target server, or restore as files and choose another.");
        return kg_err_wrap(err, "create the database for '%s'", d->target);
    }
    d->created = true;
    if (kg_session_runf(d->admin, err, "COMMENT ON DATABASE %s IS %s", d->temp, quoted) < 0)
        return -(int)err->code;
    if ((eno = KG_FAULT(RESTORE_CREATED)))
        return kg_err_sys(err, eno, "create the database for '%s'", d->target);
    return 0;
}

static void drop_database(struct kg_newdb *d)
{
    struct kg_err soft = { 0 };

    if (!d->created)
        return;
    /* The connection may be what failed: try once more on a fresh one. */
    if (drop(d, d->temp, &soft) == 0)
        return;
    kg_session_close(KG_TAKE(d->admin));
    soft = (struct kg_err){ 0 };
    if (open_admin(d, &soft) == 0 && drop(d, d->temp, &soft) == 0)
        return;
    kg_err_wrap(&soft, "drop the half-restored database '%s'", d->temp);
    kg_err_advise(&soft, "The next restore on that server drops it, or drop it yourself.");
    kg_events_warn(d->ev, &soft);
}

int kg_newdb_publish(struct kg_newdb *d, struct kg_err *err)
{
    KG_AUTO_FREE char *name = kg_quote_ident(d->target);

    /* The rename comes last: once it is done nothing can fail any more. */
    if (kg_session_runf(d->admin, err, "COMMENT ON DATABASE %s IS NULL", d->temp) < 0 ||
        kg_session_runf(d->admin, err, "ALTER DATABASE %s RENAME TO %s", d->temp, name) < 0)
        return kg_err_wrap(err, "give the restored database its name");
    d->created = false;
    return 0;
}

int kg_newdb_open(struct kg_newdb *d, const struct kg_conninfo *conn, const char *target, const struct kg_events *ev,
                  struct kg_err *err)
{
    *d = (struct kg_newdb){ .conn = conn, .target = target, .ev = ev };
    return open_admin(d, err);
}

void kg_newdb_close(struct kg_newdb *d)
{
    drop_database(d);
    kg_session_close(KG_TAKE(d->admin));
}
