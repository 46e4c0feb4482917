#include "worker/ops.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "pg/plan.h"
#include "pg/tools.h"
#include "plugin/backup.h"
#include "plugin/files.h"
#include "plugin/manifest.h"
#include "plugin/restore.h"
#include "store/store.h"
#include "vault/vault.h"

enum { ITEMS_MAX = 10000 };

/* ---- what most operations need ---- */

struct vault_in { struct kg_store *store; struct kg_vault *vault; };

static void vault_in_done(struct vault_in *v)
{
    kg_vault_close(v->vault);
    kg_store_close(v->store);
}
#define AUTO_VAULT KG_CLEANUP(vault_in_done)

static int need_secret(const struct kg_op *op, const char *name, const struct kg_secret **ret, struct kg_err *err)
{
    *ret = kg_op_secret(op, name);
    return *ret ? 0 : kg_err_set(err, KG_E_BUG, "the job came without its secret '%s'", name);
}

static int open_vault(const struct kg_op *op, struct vault_in *v, struct kg_err *err)
{
    const struct kg_secret *key;
    const char *path;

    if (kg_json_need_str(op->job, "storePath", &path, err) < 0 || need_secret(op, "service-key", &key, err) < 0 ||
        kg_store_open_dir(path, false, &v->store, err) < 0)
        return -(int)err->code;
    return kg_vault_open(v->store, key, &v->vault, err);
}

static void replace(char **at, const char *with)
{
    if (with) {
        free(*at);
        *at = kg_xstrdup(with);
    }
}

/* Who logs in is the secret's to say; where to is the registered server's, so that a secret cannot send its credentials, or
 * a backup, somewhere else. */
static int open_conninfo(const struct kg_op *op, struct kg_conninfo *c, struct kg_err *err)
{
    const struct kg_secret *value;
    const char *host = kg_json_str(op->job, "server.host");
    uint64_t port = kg_json_u64(op->job, "server.port", 0);

    if (need_secret(op, "connection", &value, err) < 0 || kg_conninfo_parse(value, c, err) < 0)
        return -(int)err->code;
    if (host && c->host && strcmp(host, c->host) != 0)
        kg_events_log(op->ev, "the secret names host '%s'; the registered server's '%s' is used", c->host, host);
    replace(&c->host, host);
    if (port) {
        free(c->port);
        c->port = kg_xprintf("%u", (unsigned)port);
    }
    replace(&c->sslmode, kg_json_str(op->job, "server.sslMode"));
    return 0;
}

/* An array of strings as C strings that live as long as the job. */
static int string_list(const struct kg_op *op, const char *path, const char ***ret, size_t *ret_n, struct kg_err *err)
{
    const struct kg_json *a = kg_json_get(op->job, path);
    size_t n = kg_json_count(a), i = 0;
    KG_AUTO_FREE const char **list = NULL;

    if (n > ITEMS_MAX)
        return kg_err_set(err, KG_E_LIMIT, "'%s' has more than %d items", path, ITEMS_MAX);
    list = kg_xalloc_array(n, sizeof *list);
    for (const struct kg_json *c = n ? kg_json_first(a) : NULL; c; c = kg_json_next(c)) {
        if (!(list[i++] = kg_json_value_str(c)))
            return kg_err_set(err, KG_E_USAGE, "'%s' must be an array of strings", path);
    }
    *ret = KG_TAKE(list);
    *ret_n = n;
    return 0;
}

/* ---- vaults ---- */

static int op_vault_create(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    AUTO_VAULT struct vault_in v = { 0 };
    KG_AUTO_SECRET struct kg_secret *text = NULL;
    struct kg_vault_spec spec = { .tier = kg_json_str_or(op->job, "tier", "VaultStore") };
    const struct kg_secret *key;
    const char *path;
    struct kg_json *j;

    if (kg_json_need_str(op->job, "storePath", &path, err) < 0 || need_secret(op, "service-key", &key, err) < 0 ||
        kg_store_open_dir(path, true, &v.store, err) < 0 || kg_vault_create(v.store, &spec, key, &v.vault, err) < 0 ||
        kg_vault_issue_recovery_key(v.vault, &text, err) < 0 ||
        kg_op_send_secret(op, "recovery-key", text, err) < 0)
        return -(int)err->code;
    j = kg_json_object();
    kg_json_set_str(j, "vaultId", kg_vault_id(v.vault));
    *ret = j;
    return 0;
}

static int op_recovery_key(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    AUTO_VAULT struct vault_in v = { 0 };
    KG_AUTO_SECRET struct kg_secret *text = NULL;

    (void)ret;
    if (open_vault(op, &v, err) < 0 || kg_vault_issue_recovery_key(v.vault, &text, err) < 0)
        return -(int)err->code;
    return kg_op_send_secret(op, "recovery-key", text, err);
}

static void on_check(void *ctx, uint64_t done, uint64_t total)
{
    kg_events_progress(ctx, &(struct kg_progress){ .phase = "check", .bytes_done = done, .bytes_total = total });
}

static int op_vault_check(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    AUTO_VAULT struct vault_in v = { 0 };
    struct kg_events ev = *op->ev;
    struct kg_check_opts o = { .read_data = kg_json_bool(op->job, "readData", false), .progress = on_check, .ctx = &ev };

    if (open_vault(op, &v, err) < 0)
        return -(int)err->code;
    return kg_vault_check(v.vault, &o, ret, err);
}

/* ---- recovery points ---- */

struct point_list { struct kg_vault *vault; struct kg_json *points; };

/* What the catalog wants to know of a point that it did not see being made. */
static int add_point(void *ctx, const char *instance, const char *point, uint64_t size, struct kg_err *err)
{
    struct point_list *l = ctx;
    KG_AUTO_JSON struct kg_json *m = NULL;
    static const char *const carried[] = { "time", "endTime", "totals", "datasource", "policy", "tools", "postgres" };
    struct kg_json *j;

    (void)size;
    if (kg_point_get(l->vault, instance, point, &m, err) < 0)
        return -(int)err->code;
    j = kg_json_object();
    kg_json_set_str(j, "instance", instance);
    kg_json_set_str(j, "point", point);
    for (size_t i = 0; i < KG_ARRAY_LEN(carried); i++)
        kg_json_set(j, carried[i], kg_json_copy(kg_json_get(m, carried[i])));
    kg_json_push(l->points, j);
    return 0;
}

static int op_point_list(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    AUTO_VAULT struct vault_in v = { 0 };
    KG_AUTO_JSON struct kg_json *j = kg_json_object();
    struct point_list l;

    kg_json_set(j, "points", kg_json_array());
    if (open_vault(op, &v, err) < 0)
        return -(int)err->code;
    l = (struct point_list){ v.vault, kg_json_get_mutable(j, "points") };
    if (kg_point_list(v.vault, kg_json_str(op->job, "instance"), add_point, &l, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(j);
    return 0;
}

struct names { char **name; size_t n, cap; };

static int add_name(void *ctx, const char *instance, const char *point, uint64_t size, struct kg_err *err)
{
    struct names *l = ctx;

    (void)instance;
    (void)size;
    (void)err;
    KG_GROW(l->name, l->n, l->cap);
    l->name[l->n++] = kg_xstrdup(point);
    return 0;
}

static int op_point_delete(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    AUTO_VAULT struct vault_in v = { 0 };
    const struct kg_json *points = kg_json_get(op->job, "points");
    struct names all = { 0 };
    const char *instance;
    uint64_t deleted = 0;
    int r = open_vault(op, &v, err);

    if (r == 0)
        r = kg_json_need_str(op->job, "instance", &instance, err);
    if (r == 0 && kg_json_type(points) != KG_JSON_ARRAY)
        r = kg_point_list(v.vault, instance, add_name, &all, err);
    for (const struct kg_json *p = r == 0 ? kg_json_first(points) : NULL; p; p = kg_json_next(p))
        if (kg_json_value_str(p))
            (void)add_name(&all, instance, kg_json_value_str(p), 0, err);
    for (size_t i = 0; r == 0 && i < all.n; i++) {
        r = kg_point_delete(v.vault, instance, all.name[i], err);
        if (r < 0 && err->code == KG_E_NO_POINT) { /* deleting twice is deleting */
            *err = (struct kg_err){ 0 };
            r = 0;
        }
        deleted += r == 0;
    }
    for (size_t i = 0; i < all.n; i++)
        free(all.name[i]);
    free(all.name);
    if (r == 0) {
        *ret = kg_json_object();
        kg_json_set_u64(*ret, "deleted", deleted);
    }
    return r;
}

/* ---- data paths ---- */

static int op_backup(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    AUTO_VAULT struct vault_in v = { 0 };
    KG_AUTO_CONNINFO struct kg_conninfo c = { 0 };
    KG_AUTO_JSON struct kg_json *source = kg_json_object();
    const struct kg_json *j = op->job;
    struct kg_backup_spec s = { .policy = kg_json_get(j, "policy"), .datasource = source };

    kg_json_set_str(source, "resourceId", kg_json_str(j, "datasourceId"));
    kg_json_set_str(source, "server", kg_json_str(j, "server.name"));
    kg_json_set_str(source, "host", kg_json_str(j, "server.host"));
    kg_json_set_u64(source, "port", kg_json_u64(j, "server.port", 5432));
    s.jobs = (unsigned)kg_json_u64(j, "settings.jobs", 0);
    s.level = (int)kg_json_u64(j, "settings.level", 3);
    s.slice_bytes = kg_json_u64(j, "settings.sliceBytes", 0);
    s.bin_dir = kg_json_str(j, "settings.binDir");
    s.lock_timeout_ms = kg_json_u64(j, "settings.lockTimeoutMs", 0);
    s.lock_tries = (unsigned)kg_json_u64(j, "settings.lockTries", 0);
    if (kg_json_need_str(j, "database", &s.database, err) < 0 || kg_json_need_str(j, "instance", &s.instance, err) < 0 ||
        kg_json_need_str(j, "point", &s.point, err) < 0 || open_conninfo(op, &c, err) < 0 || open_vault(op, &v, err) < 0)
        return -(int)err->code;
    s.vault = v.vault;
    s.conn = &c;
    return kg_plugin_backup(&s, op->ev, ret, op->tail, err);
}

static int restore_database(const struct kg_op *op, bool only_validate, struct kg_json **ret, struct kg_err *err)
{
    AUTO_VAULT struct vault_in v = { 0 };
    KG_AUTO_CONNINFO struct kg_conninfo c = { 0 };
    KG_AUTO_FREE const char **schemas = NULL;
    KG_AUTO_FREE const char **tables = NULL;
    const struct kg_json *j = op->job;
    struct kg_restore_spec s = { .jobs = (unsigned)kg_json_u64(j, "settings.jobs", 0),
                                 .bin_dir = kg_json_str(j, "settings.binDir") };

    if (strcmp(kg_json_str_or(j, "settings.verify", "stream"), "read-back") == 0)
        s.verify = KG_VERIFY_READ_BACK;
    if (kg_json_need_str(j, "targetDatabase", &s.target, err) < 0 ||
        kg_json_need_str(j, "instance", &s.instance, err) < 0 || kg_json_need_str(j, "point", &s.point, err) < 0 ||
        string_list(op, "schemas", &schemas, &s.n_schemas, err) < 0 ||
        string_list(op, "tables", &tables, &s.n_tables, err) < 0 || open_conninfo(op, &c, err) < 0 ||
        open_vault(op, &v, err) < 0)
        return -(int)err->code;
    s.schemas = schemas;
    s.tables = tables;
    s.vault = v.vault;
    s.conn = &c;
    return only_validate ? kg_plugin_validate_restore(&s, op->ev, err)
                         : kg_plugin_restore(&s, op->ev, ret, op->tail, err);
}

static int op_restore_database(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    return restore_database(op, false, ret, err);
}

static int files_spec(const struct kg_op *op, struct vault_in *v, struct kg_export_spec *s, struct kg_err *err)
{
    const struct kg_json *j = op->job;

    if (kg_json_need_str(j, "instance", &s->instance, err) < 0 || kg_json_need_str(j, "point", &s->point, err) < 0 ||
        kg_json_need_str(j, "directory", &s->directory, err) < 0 || kg_json_need_str(j, "prefix", &s->prefix, err) < 0 ||
        open_vault(op, v, err) < 0)
        return -(int)err->code;
    s->vault = v->vault;
    return 0;
}

static int op_restore_files(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    AUTO_VAULT struct vault_in v = { 0 };
    struct kg_export_spec s = { 0 };

    if (files_spec(op, &v, &s, err) < 0)
        return -(int)err->code;
    return kg_plugin_export_files(&s, op->ev, ret, err);
}

static int op_validate_restore(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    AUTO_VAULT struct vault_in v = { 0 };
    struct kg_export_spec s = { 0 };

    if (strcmp(kg_json_str_or(op->job, "kind", ""), "files") != 0)
        return restore_database(op, true, ret, err);
    if (files_spec(op, &v, &s, err) < 0)
        return -(int)err->code;
    return kg_plugin_validate_export(&s, err);
}

/* ---- looking at servers ---- */

static int open_session(const struct kg_op *op, struct kg_conninfo *c, struct kg_session **ret, struct kg_err *err)
{
    if (open_conninfo(op, c, err) < 0)
        return -(int)err->code;
    /* Without a database libpq would take the user's name for one; every server has 'postgres'. */
    return kg_session_open(c, kg_json_str_or(op->job, "database", c->database ? c->database : "postgres"), "check", ret,
                           err);
}

static int op_server_test(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_CONNINFO struct kg_conninfo c = { 0 };
    KG_CLEANUP(kg_session_closep) struct kg_session *s = NULL;

    if (open_session(op, &c, &s, err) < 0)
        return -(int)err->code;
    return kg_pg_server_facts(s, ret, err);
}

/* Why a database cannot be chosen for backup; NULL when it can. */
static const char *not_selectable(const struct kg_json *db)
{
    const char *name = kg_json_str_or(db, "name", "");

    if (kg_json_bool(db, "isTemplate", false))
        return "It is a template.";
    if (!kg_json_bool(db, "allowConnections", true))
        return "It does not accept connections.";
    if (strcmp(name, "azure_maintenance") == 0 || strcmp(name, "azure_sys") == 0)
        return "It belongs to the server and needs no backup.";
    return NULL;
}

static int op_server_databases(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_CONNINFO struct kg_conninfo c = { 0 };
    KG_CLEANUP(kg_session_closep) struct kg_session *s = NULL;
    KG_AUTO_JSON struct kg_json *list = NULL;
    struct kg_json *out;

    if (open_session(op, &c, &s, err) < 0 || kg_pg_databases(s, &list, err) < 0)
        return -(int)err->code;
    out = kg_json_array();
    for (const struct kg_json *d = kg_json_first(list); d; d = kg_json_next(d)) {
        struct kg_json *row = kg_json_copy(d);
        const char *reason = not_selectable(d);

        kg_json_set_bool(row, "selectable", !reason);
        if (reason)
            kg_json_set_str(row, "reason", reason);
        kg_json_push(out, row);
    }
    *ret = kg_json_object();
    kg_json_set(*ret, "value", out);
    return 0;
}

/* The connection works, the database is there, and a pg_dump suits the server. */
static int op_validate_backup(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_CONNINFO struct kg_conninfo c = { 0 };
    KG_CLEANUP(kg_session_closep) struct kg_session *s = NULL;
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    KG_AUTO_JSON struct kg_json *facts = NULL;
    struct kg_tool tool;

    if (open_session(op, &c, &s, err) < 0 || kg_pg_server_facts(s, &facts, err) < 0 ||
        kg_tool_find("pg_dump", kg_json_str(op->job, "settings.binDir"), kg_session_version(s) / 10000, &tool, err) < 0 ||
        kg_session_query(s, "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())", 0, NULL, &rows, err) < 0)
        return -(int)err->code;
    kg_json_set_u64(facts, "databaseBytes", (uint64_t)kg_rows_int(rows, 0, 0));
    kg_json_set_str(facts, "pgDump", tool.version);
    *ret = KG_TAKE(facts);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(const struct kg_op *op, struct kg_json **ret, struct kg_err *err);
} ops[] = {
    { "vault-create", op_vault_create },         { "vault-recovery-key", op_recovery_key },
    { "vault-check", op_vault_check },           { "point-list", op_point_list },
    { "point-delete", op_point_delete },         { "backup", op_backup },
    { "restore-database", op_restore_database }, { "restore-files", op_restore_files },
    { "validate-restore", op_validate_restore }, { "validate-backup", op_validate_backup },
    { "server-test", op_server_test },           { "server-databases", op_server_databases },
};

int kg_op_run(const struct kg_op *op, const char *name, struct kg_json **ret_result, struct kg_err *err)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(ops); i++)
        if (strcmp(ops[i].name, name) == 0)
            return ops[i].run(op, ret_result, err);
    return kg_err_set(err, KG_E_UNSUPPORTED, "this worker knows no operation '%s'", name);
}
