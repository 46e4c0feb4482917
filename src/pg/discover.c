#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "pg/plan_int.h"
#include "pg/internal.h"

/* ---- one row as a JSON object ---- */

static void add_columns(struct kg_json *j, const struct kg_rows *rows, int row, const struct kg_column *c, int n)
{
    for (int i = 0; i < n; i++) {
        const char *v = kg_rows_get(rows, row, i);

        if (!v)
            continue;
        if (c[i].kind == KG_COLUMN_NUMBER)
            kg_json_set_u64(j, c[i].key, (uint64_t)kg_rows_int(rows, row, i));
        else if (c[i].kind == KG_COLUMN_BOOL)
            kg_json_set_bool(j, c[i].key, strcmp(v, "t") == 0);
        else
            kg_json_set_str(j, c[i].key, v);
    }
}

int kg_rows_to_json(struct kg_session *s, const char *sql, const struct kg_column *c, int n, struct kg_json **ret,
                    struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    struct kg_json *a;

    if (kg_session_query(s, sql, 0, NULL, &rows, err) < 0)
        return -(int)err->code;
    a = kg_json_array();
    for (int i = 0; i < kg_rows_count(rows); i++) {
        struct kg_json *j = kg_json_object();

        add_columns(j, rows, i, c, n);
        kg_json_push(a, j);
    }
    *ret = a;
    return 0;
}

/* ---- servers and databases ---- */

int kg_pg_server_facts(struct kg_session *s, struct kg_json **ret, struct kg_err *err)
{
    static const struct kg_column columns[] = {
        { "version", KG_COLUMN_TEXT }, { "versionNum", KG_COLUMN_NUMBER }, { "standby", KG_COLUMN_BOOL }, { "user", KG_COLUMN_TEXT },
        { "superuser", KG_COLUMN_BOOL }, { "canCreateDatabase", KG_COLUMN_BOOL },
    };
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;

    if (kg_session_query(s,
                         "SELECT current_setting('server_version'), current_setting('server_version_num'),"
                         " pg_catalog.pg_is_in_recovery(), current_user, r.rolsuper, r.rolcreatedb OR r.rolsuper"
                         " FROM pg_catalog.pg_roles r WHERE r.rolname = current_user", 0, NULL, &rows, err) < 0)
        return -(int)err->code;
    *ret = kg_json_object();
    if (kg_rows_count(rows) > 0)
        add_columns(*ret, rows, 0, columns, KG_ARRAY_LEN(columns));
    return 0;
}

int kg_pg_databases(struct kg_session *s, struct kg_json **ret, struct kg_err *err)
{
    static const struct kg_column columns[] = {
        { "name", KG_COLUMN_TEXT }, { "bytes", KG_COLUMN_NUMBER }, { "encoding", KG_COLUMN_TEXT }, { "collate", KG_COLUMN_TEXT },
        { "ctype", KG_COLUMN_TEXT }, { "owner", KG_COLUMN_TEXT }, { "isTemplate", KG_COLUMN_BOOL },
        { "allowConnections", KG_COLUMN_BOOL },
    };

    return kg_rows_to_json(s,
                         "SELECT datname, CASE WHEN pg_catalog.has_database_privilege(oid, 'CONNECT')"
                         "  THEN pg_catalog.pg_database_size(oid) END, pg_catalog.pg_encoding_to_char(encoding), datcollate,"
                         " datctype, pg_catalog.pg_get_userbyid(datdba), datistemplate, datallowconn"
                         " FROM pg_catalog.pg_database ORDER BY datname", columns, KG_ARRAY_LEN(columns), ret, err);
}

/* ---- what a manifest says of its source ---- */

static int database_facts(struct kg_plan *p, struct kg_json *f, struct kg_err *err)
{
    static const struct kg_column columns[] = {
        { "postgres.version", KG_COLUMN_TEXT }, { "postgres.versionNum", KG_COLUMN_NUMBER }, { "postgres.standby", KG_COLUMN_BOOL },
        { "postgres.encoding", KG_COLUMN_TEXT }, { "postgres.collate", KG_COLUMN_TEXT }, { "postgres.ctype", KG_COLUMN_TEXT },
        { "postgres.blockSize", KG_COLUMN_NUMBER }, { "postgres.lcMonetary", KG_COLUMN_TEXT }, { "databaseBytes", KG_COLUMN_NUMBER },
        { "postgres.provider", KG_COLUMN_TEXT }, { "postgres.iculocale", KG_COLUMN_TEXT },
    };
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    KG_AUTO_FREE char *sql = kg_xprintf(
        "SELECT current_setting('server_version'), current_setting('server_version_num'), pg_catalog.pg_is_in_recovery(),"
        " pg_catalog.pg_encoding_to_char(encoding), datcollate, datctype, current_setting('block_size'),"
        " current_setting('lc_monetary'), pg_catalog.pg_database_size(oid), %s"
        " FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()",
        p->server_version >= 170000
            ? "CASE datlocprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END, datlocale"
        : p->server_version >= 150000 ? "CASE datlocprovider WHEN 'i' THEN 'icu' ELSE 'libc' END, daticulocale"
                                      : "'libc', NULL");

    if (kg_session_query(p->leader, sql, 0, NULL, &rows, err) < 0)
        return -(int)err->code;
    add_columns(f, rows, 0, columns, KG_ARRAY_LEN(columns));
    p->standby = kg_json_bool(f, "postgres.standby", false);
    p->database_bytes = kg_json_u64(f, "databaseBytes", 0);
    kg_json_remove(f, "databaseBytes");
    return 0;
}

static int blob_facts(struct kg_plan *p, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;

    if (!p->has_blobs)
        return 0;
    if (kg_session_query(p->leader,
                         "SELECT (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata),"
                         " pg_catalog.pg_relation_size('pg_catalog.pg_largeobject')", 0, NULL, &rows, err) < 0)
        return -(int)err->code;
    p->blob_count = (uint64_t)kg_rows_int(rows, 0, 0);
    p->blob_bytes = (uint64_t)kg_rows_int(rows, 0, 1);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct kg_json *owners(const struct kg_archive *a)
{
    KG_AUTO_FREE const char **name = kg_xalloc_array(a->n_entries, sizeof *name);
    struct kg_json *list = kg_json_array();
    size_t n = 0;

    for (size_t i = 0; i < a->n_entries; i++)
        if (a->entry[i].owner && *a->entry[i].owner)
            name[n++] = a->entry[i].owner;
    qsort(name, n, sizeof *name, by_text);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(name[i], name[i - 1]) != 0)
            kg_json_push_str(list, name[i]);
    return list;
}

int kg_plan_facts(struct kg_plan *p, const struct kg_tool *pg_dump, struct kg_err *err)
{
    static const struct kg_column columns[] = { { "name", KG_COLUMN_TEXT }, { "version", KG_COLUMN_TEXT }, { "schema", KG_COLUMN_TEXT } };
    KG_AUTO_JSON struct kg_json *f = kg_json_object();
    struct kg_json *extensions = NULL;
    const struct kg_archive *a = p->archive;
    char version[16];

    if (database_facts(p, f, err) < 0 || blob_facts(p, err) < 0 ||
        kg_rows_to_json(p->leader,
                        "SELECT e.extname, e.extversion, n.nspname FROM pg_catalog.pg_extension e"
                        " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace ORDER BY 1",
                        columns, KG_ARRAY_LEN(columns), &extensions, err) < 0)
        return kg_err_wrap(err, "describe the database");
    kg_json_set_str(f, "postgres.snapshotTime", p->server_time);
    kg_json_set(f, "extensions", extensions);
    kg_json_set(f, "roles", owners(a));
    kg_json_set_str(f, "tools.pgDump", pg_dump->version);
    snprintf(version, sizeof version, "%d.%d.%d", a->version[0], a->version[1], a->version[2]);
    kg_json_set_str(f, "tools.archive", version);
    p->facts = KG_TAKE(f);
    return 0;
}
