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

static int open_vault(const struct kg_op *op, struct vault_in *v, struct kg_err *err)
{
    const struct kg_secret *key;
    const char *path;

    if (kg_json_need_str(op->job, "storePath", &path, err) < 0 || kg_op_need_secret(op, "service-key", &key, err) < 0 ||
        kg_store_open_dir(path, false, &v->store, err) < 0)
        return -(int)err->code;
    return kg_vault_open(v->store, key, &v->vault, err);
}

/* Who reads at length keeps collection away. A store that cannot be written to, a full one say, is read all the same: what a
 * collection took away meanwhile would be missed, never restored wrong. */
static void hold(const struct kg_op *op, struct kg_vault *vault, const char *what, struct kg_presence **ret)
{
    struct kg_err why = { 0 };

    if (kg_vault_hold(vault, what, ret, &why) == 0)
        return;
    kg_err_wrap(&why, "a collection is not kept from deleting meanwhile");
    kg_events_warn(op->ev, &why);
}
#define AUTO_HOLD KG_CLEANUP(kg_vault_releasep)

static bool shall_stop(void *ctx) { return kg_events_cancelled(ctx); }

static void log_collected(const struct kg_op *op, const struct kg_json *report)
{
    char freed[16];

    for (const struct kg_json *w = kg_json_first(kg_json_get(report, "waitingFor")); w; w = kg_json_next(w))
        kg_events_log(op->ev, "waiting for: %s on '%s' since %s", kg_json_str_or(w, "what", "?"), kg_json_str_or(w, "host", "?"),
                      kg_json_str_or(w, "since", "?"));
    kg_events_log(op->ev, "%" PRIu64 " packs deleted, %s freed", kg_json_u64(report, "deletedPacks", 0),
                  kg_human_bytes(kg_json_u64(report, "freedBytes", 0), freed));
}

static int op_vault_collect(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    AUTO_VAULT struct vault_in v = { 0 };
    KG_AUTO_JSON struct kg_json *report = NULL;
    struct kg_events ev = *op->ev;
    struct kg_collect_opts o = { .dry_run = kg_json_bool(op->job, "dryRun", false),
                                 .take_over = kg_json_bool(op->job, "takeOver", false), .cancelled = shall_stop, .ctx = &ev,
                                 .expected = kg_json_get(op->job, "expected") };

    kg_events_progress(&ev, &(struct kg_progress){ .phase = "collect" });
    if (open_vault(op, &v, err) < 0 || kg_vault_collect(v.vault, &o, &report, err) < 0)
        return -(int)err->code;
    if (!o.dry_run)
        log_collected(op, report);
    *ret = KG_TAKE(report);
    return 0;
}

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

/* ---- vaults ---- */

static int op_vault_create(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    AUTO_VAULT struct vault_in v = { 0 };
    KG_AUTO_SECRET struct kg_secret *text = NULL;
    struct kg_vault_spec spec = { .tier = kg_json_str_or(op->job, "tier", "VaultStore") };
    const struct kg_secret *key;
    const char *path;
    struct kg_json *j;

    if (kg_json_need_str(op->job, "storePath", &path, err) < 0 || kg_op_need_secret(op, "service-key", &key, err) < 0 ||
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

/* Recovery points that the vault has: "instance/point", sorted. */
struct names { char **name; size_t n, cap; };

static void names_done(struct names *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->name[i]);
    free(l->name);
}

static int add_full_name(void *ctx, const char *instance, const char *point, uint64_t size, struct kg_err *err)
{
    struct names *l = ctx;

    (void)size;
    (void)err;
    KG_GROW(l->name, l->n, l->cap);
    l->name[l->n++] = kg_xprintf("%s/%s", instance, point);
    return 0;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void add_lost(struct kg_json *damage, const char *instance, const char *point)
{
    KG_AUTO_FREE char *object = kg_xprintf("points/%s/%s", instance, point);
    struct kg_json *d = kg_json_object(), *affects = kg_json_array(), *a = kg_json_object();

    kg_json_set_str(a, "instance", instance);
    kg_json_set_str(a, "point", point);
    kg_json_set_str(a, "what", "recovery point");
    kg_json_push(affects, a);
    kg_json_set_str(d, "object", object);
    kg_json_set_str(d, "problem", "the object is missing; the service knows this recovery point");
    kg_json_set_bool(d, "lost", true);
    kg_json_set(d, "affects", affects);
    kg_json_push(damage, d);
}

/* A manifest that was removed looks like that of a point that was deleted: only who made the points can miss one. The vault's
 * are listed last, so that none that was made meanwhile is missed. */
static int find_lost(const struct kg_op *op, struct kg_vault *vault, struct kg_json *report, struct kg_err *err)
{
    KG_CLEANUP(names_done) struct names there = { 0 };
    struct kg_json *damage = kg_json_get_mutable(report, "damage");

    if (!kg_json_count(kg_json_get(op->job, "expected")))
        return 0;
    if (kg_point_list(vault, NULL, add_full_name, &there, err) < 0)
        return -(int)err->code;
    if (there.n)
        qsort(there.name, there.n, sizeof *there.name, by_text);
    for (const struct kg_json *e = kg_json_first(kg_json_get(op->job, "expected")); e; e = kg_json_next(e)) {
        const char *instance = kg_json_str_or(e, "instance", ""), *point = kg_json_str_or(e, "point", "");
        KG_AUTO_FREE char *name = kg_xprintf("%s/%s", instance, point);

        if (!there.n || !bsearch(&name, there.name, there.n, sizeof *there.name, by_text))
            add_lost(damage, instance, point);
    }
    kg_json_set_bool(report, "healthy", kg_json_count(damage) == 0);
    return 0;
}

static int op_vault_check(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    AUTO_VAULT struct vault_in v = { 0 };
    AUTO_HOLD struct kg_presence *held = NULL;
    KG_AUTO_JSON struct kg_json *report = NULL;
    struct kg_events ev = *op->ev;
    struct kg_check_opts o = { .read_data = kg_json_bool(op->job, "readData", false), .progress = on_check, .ctx = &ev };

    if (open_vault(op, &v, err) < 0)
        return -(int)err->code;
    hold(op, v.vault, "check", &held);
    if (kg_vault_check(v.vault, &o, &report, err) < 0 || find_lost(op, v.vault, report, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(report);
    return 0;
}

static int op_vault_usage(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    AUTO_VAULT struct vault_in v = { 0 };
    AUTO_HOLD struct kg_presence *held = NULL;

    if (open_vault(op, &v, err) < 0)
        return -(int)err->code;
    hold(op, v.vault, "usage", &held);
    return kg_vault_usage(v.vault, ret, err);
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

static int op_point_list(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    AUTO_VAULT struct vault_in v = { 0 };
    KG_AUTO_JSON struct kg_json *j = kg_json_object();
    struct point_list l;

    kg_json_set(j, "points", kg_json_array());
    kg_json_set(j, "unreadable", kg_json_array());
    if (open_vault(op, &v, err) < 0)
        return -(int)err->code;
    l = (struct point_list){ op, v.vault, kg_json_get_mutable(j, "points"), kg_json_get_mutable(j, "unreadable") };
    if (kg_point_list(v.vault, kg_json_str(op->job, "instance"), add_point, &l, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(j);
    return 0;
}

/* ---- what a point holds ---- */

static int op_point_contents(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    AUTO_VAULT struct vault_in v = { 0 };
    KG_CLEANUP(kg_manifest_freep) struct kg_manifest *m = NULL;
    KG_AUTO_JSON struct kg_json *j = NULL;
    const char *instance, *point;

    if (kg_json_need_str(op->job, "instance", &instance, err) < 0 || kg_json_need_str(op->job, "point", &point, err) < 0 ||
        open_vault(op, &v, err) < 0)
        return -(int)err->code;
    if (kg_point_get(v.vault, instance, point, &j, err) < 0 || kg_manifest_from_json(j, &m, err) < 0) {
        if (err->code == KG_E_NO_POINT) /* who asks has seen it in a list */
            kg_err_advise(err, "Its manifest is missing: run 'keepgres vault check' on the vault, and restore another point.");
        return kg_err_wrap(err, "contents of recovery point '%s'", point);
    }
    *ret = kg_json_bool(op->job, "asList", false) ? kg_manifest_list(m, kg_json_str(op->job, "schema")) : kg_manifest_contents(m);
    return 0;
}

/* ---- deleting ---- */

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
    KG_CLEANUP(names_done) struct names all = { 0 };
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
    if (r == 0) {
        *ret = kg_json_object();
        kg_json_set_u64(*ret, "deleted", deleted);
    }
    return r;
}

/* ---- data paths ---- */

static enum kg_slicing slicing_of(const char *word)
{
    return strcmp(word, "always") == 0 ? KG_SLICING_ALWAYS : strcmp(word, "never") == 0 ? KG_SLICING_NEVER : KG_SLICING_AUTO;
}

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
    s.slicing = slicing_of(kg_json_str_or(j, "settings.sliceTables", "auto"));
    s.bin_dir = kg_json_str(j, "settings.binDir");
    s.lock_timeout_ms = kg_json_u64(j, "settings.lockTimeoutMs", 0);
    s.lock_tries = (unsigned)kg_json_u64(j, "settings.lockTries", 0);
    s.bytes_per_second = kg_json_u64(j, "settings.rateLimitMBps", 0) * 1000 * 1000;
    s.role_passwords = kg_json_bool(j, "settings.rolePasswords", false);
    if (kg_json_need_str(j, "database", &s.database, err) < 0 || kg_json_need_str(j, "instance", &s.instance, err) < 0 ||
        kg_json_need_str(j, "point", &s.point, err) < 0 || open_conninfo(op, &c, err) < 0 ||
        kg_op_require_ready(op, s.database, &c, err) < 0 || open_vault(op, &v, err) < 0)
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
    AUTO_VAULT struct vault_in v = { 0 };
    AUTO_HOLD struct kg_presence *held = NULL;
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
        open_conninfo(op, &c, err) < 0 ||
        open_vault(op, &v, err) < 0)
        return -(int)err->code;
    s.schemas = schemas;
    s.tables = tables;
    s.vault = v.vault;
    s.conn = &c;
    if (only_validate)
        return kg_plugin_validate_restore(&s, op->ev, err);
    hold(op, v.vault, "restore", &held);
    return kg_plugin_restore(&s, op->ev, ret, op->tail, err);
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
    AUTO_HOLD struct kg_presence *held = NULL;
    struct kg_export_spec s = { 0 };

    if (files_spec(op, &v, &s, err) < 0)
        return -(int)err->code;
    hold(op, v.vault, "restore as files", &held);
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
    { "vault-create", op_vault_create },         { "vault-recovery-key", op_recovery_key },
    { "vault-check", op_vault_check },           { "vault-collect", op_vault_collect },
    { "vault-usage", op_vault_usage },           { "point-list", op_point_list },
    { "point-contents", op_point_contents },
    { "point-delete", op_point_delete },         { "backup", op_backup },
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
