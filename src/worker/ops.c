#include "worker/ops.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "model/resources.h"
#include "pg/plan.h"
#include "plugin/backup.h"
#include "plugin/files.h"
#include "plugin/manifest.h"
#include "plugin/restore.h"
#include "readiness/database.h"
#include "worker/vault_in.h"

enum { ITEMS_MAX = 10000 };

/* Who logs in is the secret's to say; where to is the registered server's, and must be where the secret says, if it does. */
int kg_op_conninfo(const struct kg_op *op, const char *secret, const struct kg_json *server, struct kg_conninfo *c,
                   struct kg_err *err)
{
    const struct kg_secret *value;

    if (kg_op_need_secret(op, secret, &value, err) < 0 || kg_conninfo_parse(value, c, err) < 0)
        return -(int)err->code;
    return kg_conninfo_aim(c, kg_json_str(server, "host"), (unsigned)kg_json_u64(server, "port", 0), kg_json_str(server, "sslMode"),
                           err);
}

static int open_conninfo(const struct kg_op *op, struct kg_conninfo *c, struct kg_err *err)
{
    return kg_op_conninfo(op, "connection", kg_json_get(op->job, "server"), c, err);
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

/* ---- recovery points ---- */

struct point_list { const struct kg_op *op; struct kg_vault *vault; struct kg_json *points, *unreadable; };

/* Trouble with one object, which says nothing of the others. */
static bool is_the_objects(enum kg_code c)
{
    return c == KG_E_CORRUPT || c == KG_E_VAULT_FORMAT || c == KG_E_LIMIT || c == KG_E_IO;
}

/* One that cannot be read must not hide the others. */
static int pass_over(struct point_list *l, const char *instance, const char *point, struct kg_err *why, struct kg_err *err)
{
    struct kg_json *j;

    if (why->code == KG_E_NO_POINT)
        return 0; /* deleted meanwhile */
    if (!is_the_objects(why->code)) {
        *err = *why;
        return -(int)err->code;
    }
    j = kg_json_object();
    kg_json_set_str(j, "instance", instance);
    kg_json_set_str(j, "point", point);
    kg_json_set_str(j, "problem", why->msg);
    kg_json_push(l->unreadable, j);
    kg_events_warn(l->op->ev, why);
    return 0;
}

/* What the catalog wants to know of a point that it did not see being made. */
static int add_point(void *ctx, const char *instance, const char *point, uint64_t size, struct kg_err *err)
{
    struct point_list *l = ctx;
    KG_AUTO_JSON struct kg_json *m = NULL;
    static const char *const carried[] = { "time", "endTime", "totals", "datasource", "policy", "tools", "postgres" };
    struct kg_err why = { 0 };
    struct kg_json *j;

    if (kg_point_get(l->vault, instance, point, &m, &why) < 0)
        return pass_over(l, instance, point, &why, err);
    j = kg_json_object();
    kg_json_set_str(j, "instance", instance);
    kg_json_set_str(j, "point", point);
    for (size_t i = 0; i < KG_ARRAY_LEN(carried); i++)
        kg_json_set(j, carried[i], kg_json_copy(kg_json_get(m, carried[i])));
    kg_json_set_u64(j, "largeObjectBytes", kg_json_u64(m, "largeObjects.bytes", 0));
    if (kg_json_get(m, "storedBytes")) /* its writer's packs and index objects; the manifest itself is not among them */
        kg_json_set_u64(j, "storedBytes", kg_json_u64(m, "storedBytes", 0) + size);
    kg_json_push(l->points, j);
    return 0;
}

static int list_store(const struct kg_op *op, const char *store, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_VAULT_IN struct kg_vault_in v = { 0 };
    KG_AUTO_JSON struct kg_json *j = kg_json_object();
    struct point_list l;

    kg_json_set(j, "points", kg_json_array());
    kg_json_set(j, "unreadable", kg_json_array());
    if (kg_vault_in_open_store(op, store, &v, err) < 0)
        return -(int)err->code;
    l = (struct point_list){ op, v.vault, kg_json_get_mutable(j, "points"), kg_json_get_mutable(j, "unreadable") };
    if (kg_point_list(v.vault, kg_json_str(op->job, "instance"), add_point, &l, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(j);
    return 0;
}

/* With "bothStores" the archive's list is in "archive", where the vault has one; or "archiveProblem" is why there is none. */
static int op_point_list(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_json *archive = NULL;
    struct kg_err why = { 0 };

    if (list_store(op, kg_op_store(op), &j, err) < 0)
        return -(int)err->code;
    if (kg_json_bool(op->job, "bothStores", false) && kg_op_has_archive(op)) {
        if (list_store(op, KG_ARCHIVE_STORE, &archive, &why) == 0) {
            kg_json_set(j, "archive", archive);
        } else if (why.code == KG_E_CANCELLED) {
            *err = why;
            return -(int)err->code;
        } else {
            kg_json_set_str(j, "archiveProblem", why.msg);
            kg_events_warn(op->ev, &why);
        }
    }
    *ret = KG_TAKE(j);
    return 0;
}

/* ---- what a point holds ---- */

static int op_point_contents(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_VAULT_IN struct kg_vault_in v = { 0 };
    KG_CLEANUP(kg_manifest_freep) struct kg_manifest *m = NULL;
    KG_AUTO_JSON struct kg_json *j = NULL;
    const char *instance, *point;

    if (kg_json_need_str(op->job, "instance", &instance, err) < 0 || kg_json_need_str(op->job, "point", &point, err) < 0 ||
        kg_vault_in_open(op, &v, err) < 0)
        return -(int)err->code;
    if (kg_point_get(v.vault, instance, point, &j, err) < 0 || kg_manifest_from_json(j, &m, err) < 0) {
        if (err->code == KG_E_NO_POINT) /* who asks has seen it in a list */
            kg_err_advise(err, "Its manifest is missing: run 'keepgres vault check' on the vault, and restore another point.");
        return kg_err_wrap(err, "contents of recovery point '%s'", point);
    }
    *ret = kg_json_bool(op->job, "asList", false) ? kg_manifest_list(m, kg_json_str(op->job, "schema")) : kg_manifest_contents(m);
    return 0;
}

/* ---- data paths ---- */

static enum kg_slicing slicing_of(const char *word)
{
    return strcmp(word, "always") == 0 ? KG_SLICING_ALWAYS : strcmp(word, "never") == 0 ? KG_SLICING_NEVER : KG_SLICING_AUTO;
}

static int op_backup(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_VAULT_IN struct kg_vault_in v = { 0 };
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
    s.slicing = slicing_of(kg_json_str_or(j, "settings.sliceTables", "auto"));
    s.bin_dir = kg_json_str(j, "settings.binDir");
    s.lock_timeout_ms = kg_json_u64(j, "settings.lockTimeoutMs", 0);
    s.lock_tries = (unsigned)kg_json_u64(j, "settings.lockTries", 0);
    s.bytes_per_second = kg_json_u64(j, "settings.rateLimitMBps", 0) * 1000 * 1000;
    s.role_passwords = kg_json_bool(j, "settings.rolePasswords", false);
    if (kg_json_need_str(j, "database", &s.database, err) < 0 || kg_json_need_str(j, "instance", &s.instance, err) < 0 ||
        kg_json_need_str(j, "point", &s.point, err) < 0 || open_conninfo(op, &c, err) < 0 ||
        kg_op_require_ready(op, s.database, &c, err) < 0 || kg_vault_in_open(op, &v, err) < 0)
        return -(int)err->code;
    s.vault = v.vault;
    s.conn = &c;
    return kg_plugin_backup(&s, op->ev, ret, op->tail, err);
}

/* By the words of kg_restore_roles_to_text(). */
static int roles_spec(const struct kg_json *j, struct kg_roles_spec *ret, struct kg_role_pair **ret_pairs, struct kg_err *err)
{
    static const enum kg_roles_mode modes[] = {
        [KG_RESTORE_ROLES_REPORT] = KG_ROLES_REPORT, [KG_RESTORE_ROLES_SKIP] = KG_ROLES_SKIP,
        [KG_RESTORE_ROLES_CREATE] = KG_ROLES_CREATE, [KG_RESTORE_ROLES_MAP] = KG_ROLES_MAP,
    };
    const struct kg_json *map = kg_json_get(j, "roles.map");
    int mode = kg_restore_roles_from_text(kg_json_str_or(j, "roles.mode", "report"));
    KG_AUTO_FREE struct kg_role_pair *pairs = NULL;
    size_t n = 0;

    if (mode < 0 || kg_json_count(map) > ITEMS_MAX)
        return kg_err_set(err, KG_E_USAGE, "'roles' is not understood");
    pairs = kg_xalloc_array(kg_json_count(map), sizeof *pairs);
    for (const struct kg_json *c = kg_json_first(map); c; c = kg_json_next(c), n++)
        if (kg_json_need_str(c, "source", &pairs[n].source, err) < 0 || kg_json_need_str(c, "target", &pairs[n].target, err) < 0)
            return -(int)err->code;
    *ret = (struct kg_roles_spec){ .mode = modes[mode], .pair = pairs, .n_pairs = n,
                                   .passwords = kg_json_bool(j, "roles.passwords", false),
                                   .no_owner = kg_json_bool(j, "roles.noOwner", false),
                                   .no_privileges = kg_json_bool(j, "roles.noPrivileges", false) };
    *ret_pairs = KG_TAKE(pairs);
    return 0;
}

static int restore_database(const struct kg_op *op, bool only_validate, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_VAULT_IN struct kg_vault_in v = { 0 };
    KG_AUTO_HOLD struct kg_presence *held = NULL;
    KG_AUTO_CONNINFO struct kg_conninfo c = { 0 };
    KG_AUTO_FREE const char **schemas = NULL;
    KG_AUTO_FREE const char **tables = NULL;
    KG_AUTO_FREE struct kg_role_pair *pairs = NULL;
    const struct kg_json *j = op->job;
    struct kg_restore_spec s = { .jobs = (unsigned)kg_json_u64(j, "settings.jobs", 0),
                                 .bin_dir = kg_json_str(j, "settings.binDir") };

    if (strcmp(kg_json_str_or(j, "settings.verify", "stream"), "read-back") == 0)
        s.verify = KG_VERIFY_READ_BACK;
    if (kg_json_need_str(j, "targetDatabase", &s.target, err) < 0 ||
        kg_json_need_str(j, "instance", &s.instance, err) < 0 || kg_json_need_str(j, "point", &s.point, err) < 0 ||
        string_list(op, "schemas", &schemas, &s.n_schemas, err) < 0 ||
        string_list(op, "tables", &tables, &s.n_tables, err) < 0 || roles_spec(j, &s.roles, &pairs, err) < 0 ||
        open_conninfo(op, &c, err) < 0 || kg_vault_in_open(op, &v, err) < 0)
        return -(int)err->code;
    s.schemas = schemas;
    s.tables = tables;
    s.vault = v.vault;
    s.conn = &c;
    if (only_validate)
        return kg_plugin_validate_restore(&s, op->ev, err);
    kg_op_hold(op, v.vault, "restore", &held);
    return kg_plugin_restore(&s, op->ev, ret, op->tail, err);
}

static int op_restore_database(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    return restore_database(op, false, ret, err);
}

static int files_spec(const struct kg_op *op, struct kg_vault_in *v, struct kg_export_spec *s, struct kg_err *err)
{
    const struct kg_json *j = op->job;

    if (kg_json_need_str(j, "instance", &s->instance, err) < 0 || kg_json_need_str(j, "point", &s->point, err) < 0 ||
        kg_json_need_str(j, "directory", &s->directory, err) < 0 || kg_json_need_str(j, "prefix", &s->prefix, err) < 0 ||
        kg_vault_in_open(op, v, err) < 0)
        return -(int)err->code;
    s->vault = v->vault;
    return 0;
}

static int op_restore_files(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_VAULT_IN struct kg_vault_in v = { 0 };
    KG_AUTO_HOLD struct kg_presence *held = NULL;
    struct kg_export_spec s = { 0 };

    if (files_spec(op, &v, &s, err) < 0)
        return -(int)err->code;
    kg_op_hold(op, v.vault, "restore as files", &held);
    return kg_plugin_export_files(&s, op->ev, ret, err);
}

static int op_validate_restore(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_VAULT_IN struct kg_vault_in v = { 0 };
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
        const char *reason = kg_database_not_selectable(kg_json_str_or(d, "name", ""), kg_json_bool(d, "isTemplate", false),
                                                        kg_json_bool(d, "allowConnections", true));

        kg_json_set_bool(row, "selectable", !reason);
        if (reason)
            kg_json_set_str(row, "reason", reason);
        kg_json_push(out, row);
    }
    *ret = kg_json_object();
    kg_json_set(*ret, "value", out);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(const struct kg_op *op, struct kg_json **ret, struct kg_err *err);
} ops[] = {
    { "vault-create", kg_op_vault_create },      { "vault-recovery-key", kg_op_recovery_key },
    { "vault-check", kg_op_vault_check },        { "vault-collect", kg_op_vault_collect },
    { "vault-usage", kg_op_vault_usage },        { "point-list", op_point_list },
    { "point-contents", op_point_contents },
    { "point-copy", kg_op_point_copy },          { "point-delete", kg_op_point_delete },
    { "backup", op_backup },
    { "restore-database", op_restore_database }, { "restore-files", op_restore_files },
    { "validate-restore", op_validate_restore }, { "validate-backup", kg_op_validate_backup },
    { "keyvault", kg_op_keyvault },
    { "server-test", op_server_test },           { "server-databases", op_server_databases },
};

int kg_op_run(const struct kg_op *op, const char *name, struct kg_json **ret_result, struct kg_err *err)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(ops); i++)
        if (strcmp(ops[i].name, name) == 0)
            return ops[i].run(op, ret_result, err);
    return kg_err_set(err, KG_E_UNSUPPORTED, "this worker knows no operation '%s'", name);
}
