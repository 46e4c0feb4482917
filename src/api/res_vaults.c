/* Backup vaults. Making one is asynchronous: a worker makes the store, seals the vault's keys with the service's key and
 * gives the recovery key, which is told once (res_operations.c). */
#include "api/call.h"
#include "api/handlers.h"
#include "api/start.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "crypto/crypto.h"

int kg_res_vaults_list(struct kg_call *c, struct kg_err *err) { return kg_call_list(c, KG_TYPE_VAULT, true, err); }
int kg_res_vault_get(struct kg_call *c, struct kg_err *err) { return kg_call_get(c, err); }

static const char *state_of(const struct kg_json *json) { return kg_json_str_or(json, "properties.provisioningState", ""); }

/* The identity is generated once and stays; None takes it away. */
static void set_identity(struct kg_json *json, const struct kg_resource *old, bool wanted)
{
    const struct kg_json *was = old->json ? kg_json_get(old->json, "identity") : NULL;
    char id[37];

    if (!wanted) {
        kg_json_set_str(json, "identity.type", "None");
        return;
    }
    if (was && kg_json_str(was, "principalId")) {
        kg_json_set(json, "identity", kg_json_copy(was));
        return;
    }
    kg_json_set_str(json, "identity.type", "SystemAssigned");
    kg_uuid(id);
    kg_json_set_str(json, "identity.principalId", id);
    kg_json_set_str(json, "identity.tenantId", KG_DEFAULT_SUBSCRIPTION);
}

static char *default_path(const struct kg_call *c, const char *name)
{
    uint8_t id[4];
    char hex[9];

    kg_random(id, sizeof id);
    kg_hex(id, sizeof id, hex);
    return kg_xprintf("%s/%s-%s", c->api->vaults_dir, name, hex);
}

/* One of the vault's directories. Where its data is cannot change; a vault that was never made may be put elsewhere. */
static int choose_path(struct kg_call *c, struct kg_put *p, const char *at, const char *wanted, char *otherwise, bool made,
                       struct kg_err *err)
{
    const char *was = p->exists ? kg_json_str(p->old.json, at) : NULL;
    KG_AUTO_FREE char *fallback = otherwise;
    const char *path = made && was ? was : wanted ? wanted : fallback;

    if (made && was && wanted && strcmp(was, wanted) != 0)
        return kg_err_set(err, KG_E_CONFLICT, "the vault's data is in '%s' and cannot move to '%s'", was, wanted);
    if (wanted && (!was || strcmp(was, wanted) != 0) && kg_call_may_choose_path(c, wanted, err) < 0)
        return -(int)err->code;
    kg_json_set_str(p->json, at, path);
    return 0;
}

/* The archive's is beside the vault's, unless it is said. */
static int choose_paths(struct kg_call *c, struct kg_put *p, const struct kg_vault_body *b, bool made, struct kg_err *err)
{
    static const char vault_at[] = "properties.storeSettings.path", archive_at[] = "properties.storeSettings.archivePath";
    const char *vault, *archive;

    if (choose_path(c, p, vault_at, b->store_path, default_path(c, kg_call_param(c, "vault")), made, err) < 0)
        return -(int)err->code;
    vault = kg_json_str(p->json, vault_at);
    if (choose_path(c, p, archive_at, b->archive_path, kg_xprintf("%s-archive", vault), made, err) < 0)
        return -(int)err->code;
    vault = kg_json_str(p->json, vault_at);
    archive = kg_json_str(p->json, archive_at);
    if (strcmp(vault, archive) != 0)
        return 0;
    kg_err_set(err, KG_E_USAGE, "storeSettings.archivePath '%.200s' is the vault's own directory", archive);
    kg_err_advise(err, "Give the archive a directory of its own.");
    return -(int)err->code;
}

static void set_read_only(struct kg_json *json, const char *state)
{
    kg_json_set_str(json, "properties.provisioningState", state);
    kg_json_set_str(json, "properties.resourceMoveState", "Unknown");
    kg_json_set_bool(json, "properties.isVaultProtectedByResourceGuard", false);
}

static int create(struct kg_call *c, struct kg_put *p, struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = kg_task_new(KG_TASK_PUT_VAULT);
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };

    set_read_only(p->json, "Provisioning");
    t->resource = kg_xstrdup(kg_call_id(c));
    t->vault = kg_xstrdup(kg_call_id(c));
    kg_json_set_str(t->params, "tier", "VaultStore");
    if (kg_call_prepare(c, t, NULL, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    if (kg_put_store(c, p, &r, err) < 0)
        return -(int)err->code;
    (void)tx;
    return kg_call_launch(c, &t, NULL, 201, kg_call_id(c), kg_resource_answer(&r), err);
}

/* Settings that cannot be taken back, by the value from which there is no way. */
static const struct { const char *path, *final; } one_way[] = {
    { "securitySettings.softDeleteSettings.state", "AlwaysOn" },
    { "securitySettings.immutabilitySettings.state", "Locked" },
    { "featureSettings.crossRegionRestoreSettings.state", "Enabled" },
    { "featureSettings.crossSubscriptionRestoreSettings.state", "PermanentlyDisabled" },
};

static const char *redundancy(const struct kg_json *properties)
{
    return kg_json_str_or(properties, "storageSettings.0.type", "");
}

/* Soft-deleted instances are purged when soft delete is turned off: not from an immutable vault, as long as it stays that. */
static bool loses_deleted(const struct kg_json *was, const struct kg_json *new)
{
    static const char soft[] = "securitySettings.softDeleteSettings.state", immutable[] = "securitySettings.immutabilitySettings.state";

    return strcasecmp(kg_json_str_or(new, immutable, "Disabled"), "Disabled") != 0 &&
           strcasecmp(kg_json_str_or(was, soft, "Off"), "Off") != 0 && strcasecmp(kg_json_str_or(new, soft, "Off"), "Off") == 0;
}

/* What a vault that is there may no longer become. */
static int check_changes(struct kg_call *c, const struct kg_resource *old, const struct kg_json *new, struct kg_err *err)
{
    struct kg_resource_query q = { .type = KG_TYPE_INSTANCE, .parent = old->id };
    const struct kg_json *was = kg_json_get(old->json, "properties");
    uint64_t protected;

    if (loses_deleted(was, new)) {
        kg_err_set(err, KG_E_CONFLICT, "vault '%s' is immutable: soft delete stays on, for what was deleted would go at once", old->name);
        kg_err_advise(err, "Turn immutability off first, if it is not locked.");
        return -(int)err->code;
    }
    for (size_t i = 0; i < KG_ARRAY_LEN(one_way); i++)
        if (strcasecmp(kg_json_str_or(was, one_way[i].path, ""), one_way[i].final) == 0 &&
            strcasecmp(kg_json_str_or(new, one_way[i].path, ""), one_way[i].final) != 0) {
            kg_err_set(err, KG_E_CONFLICT, "%s of vault '%s' is %s, and stays so", one_way[i].path, old->name, one_way[i].final);
            kg_err_advise(err, "Leave that setting as it is.");
            return -(int)err->code;
        }
    if (strcasecmp(redundancy(was), redundancy(new)) == 0)
        return 0;
    if (kg_catalog_count(c->api->catalog, &q, &protected, err) < 0)
        return -(int)err->code;
    if (!protected)
        return 0;
    kg_err_set(err, KG_E_CONFLICT, "the storage type of vault '%s' is %s and cannot change while it protects something",
               old->name, redundancy(was));
    kg_err_advise(err, "Leave it as it is, or use another vault.");
    return -(int)err->code;
}

int kg_res_vault_put(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_PUT struct kg_put p = { 0 };
    struct kg_vault_body b = { 0 };
    bool made;
    int r;

    if (kg_put_begin(c, KG_NAME_VAULT, kg_call_param(c, "vault"), &p, err) < 0 ||
        kg_vault_body_parse(c->body, &b, err) < 0)
        return -(int)err->code;
    made = p.exists && strcasecmp(state_of(p.old.json), "Succeeded") == 0;
    if (p.exists && strcasecmp(state_of(p.old.json), "Provisioning") == 0) {
        kg_vault_body_done(&b);
        return kg_err_set(err, KG_E_BUSY, "vault '%s' is being made", kg_call_param(c, "vault"));
    }
    kg_json_set(p.json, "properties", KG_TAKE(b.properties));
    set_identity(p.json, &p.old, b.system_identity);
    r = made ? check_changes(c, &p.old, kg_json_get(p.json, "properties"), err) : 0;
    if (r == 0)
        r = choose_paths(c, &p, &b, made, err);
    kg_vault_body_done(&b);
    if (r < 0)
        return r;
    if (!made)
        return create(c, &p, err);
    set_read_only(p.json, "Succeeded");
    return kg_put_finish(c, &p, err);
}

/* Members of change into to; objects member by member, everything else as a whole. */
static void merge(struct kg_json *to, const struct kg_json *change)
{
    for (const struct kg_json *m = kg_json_first(change); m; m = kg_json_next(m)) {
        const char *key = kg_json_key(m);

        if (strchr(key, '.'))
            continue; /* would be taken for a path; no setting has one */
        if (kg_json_type(m) == KG_JSON_OBJECT && kg_json_type(kg_json_get(to, key)) == KG_JSON_OBJECT)
            merge(kg_json_get_mutable(to, key), m);
        else
            kg_json_set(to, key, kg_json_copy(m));
    }
}

/* The vault as it is, with what the body says changed, is put. */
int kg_res_vault_patch(struct kg_call *c, struct kg_err *err)
{
    static const char *const settings[] = { "monitoringSettings", "securitySettings", "featureSettings" };
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    KG_AUTO_JSON struct kg_json *body = NULL;

    if (kg_call_need_body(c, err) < 0 || kg_catalog_get(c->api->catalog, kg_call_id(c), &r, err) < 0)
        return -(int)err->code;
    body = kg_json_copy(r.json);
    kg_json_remove(body, "internal");
    if (kg_json_get(c->body, "tags"))
        kg_json_set(body, "tags", kg_json_copy(kg_json_get(c->body, "tags")));
    if (kg_json_get(c->body, "identity"))
        kg_json_set(body, "identity", kg_json_copy(kg_json_get(c->body, "identity")));
    for (size_t i = 0; i < KG_ARRAY_LEN(settings); i++) {
        KG_AUTO_FREE char *path = kg_xprintf("properties.%s", settings[i]);
        const struct kg_json *change = kg_json_get(c->body, path);

        if (kg_json_type(change) != KG_JSON_OBJECT)
            continue;
        if (kg_json_type(kg_json_get(body, path)) != KG_JSON_OBJECT)
            kg_json_set(body, path, kg_json_object());
        merge(kg_json_get_mutable(body, path), change);
    }
    c->body = body;
    return kg_res_vault_put(c, err);
}

int kg_res_vault_delete(struct kg_call *c, struct kg_err *err)
{
    struct kg_err why = { 0 };

    if (c->api->env.resource_busy(c->api->env.arg, kg_call_id(c)))
        return kg_err_set(err, KG_E_BUSY, "vault '%s' is in use by a task that runs", kg_call_param(c, "vault"));
    if (kg_call_delete(c, &why) == 0)
        return 0;
    if (why.code == KG_E_CONFLICT)
        kg_err_advise(&why, "Delete its backup instances and policies first; deleted instances must be purged "
                      "(turning soft delete off does that now).");
    *err = why;
    return -(int)err->code;
}

/* ---- actions ---- */

/* The vault of the path, made and ready. */
static int need_vault(struct kg_call *c, struct kg_resource *ret, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource v = { 0 };

    if (kg_catalog_get(c->api->catalog, kg_call_id(c), &v, err) < 0)
        return -(int)err->code;
    if (strcasecmp(state_of(v.json), "Succeeded") != 0)
        return kg_err_set(err, KG_E_CONFLICT, "vault '%s' is not ready: its state is '%s'", v.name, state_of(v.json));
    *ret = v;
    v = (struct kg_resource){ 0 };
    return 0;
}

int kg_res_vault_recovery_key(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = kg_task_new(KG_TASK_RECOVERY_KEY);
    KG_AUTO_RESOURCE struct kg_resource v = { 0 };

    if (need_vault(c, &v, err) < 0)
        return -(int)err->code;
    t->resource = kg_xstrdup(v.id);
    t->vault = kg_xstrdup(v.id);
    if (kg_call_prepare(c, t, NULL, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    (void)tx;
    return kg_call_launch(c, &t, NULL, 202, kg_call_id(c), NULL, err);
}

/* A job on the whole vault; detail: a flag of the task that the job shows, too. Takes *task. */
static int start_job(struct kg_call *c, struct kg_task **task, const char *flag, const char *detail, struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = KG_TAKE(*task);
    KG_AUTO_RESOURCE struct kg_resource v = { 0 };
    KG_AUTO_JOB struct kg_job *job = NULL;

    if (need_vault(c, &v, err) < 0)
        return -(int)err->code;
    job = kg_make_task_job(&v, NULL, t->kind, c->activity, c->who.name);
    kg_job_detail(job, detail, kg_json_bool(t->params, flag, false) ? "true" : "false");
    t->resource = kg_xstrdup(v.id);
    t->vault = kg_xstrdup(v.id);
    if (kg_call_prepare(c, t, job, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    (void)tx;
    return kg_call_launch(c, &t, &job, 202, kg_call_id(c), NULL, err);
}

int kg_res_vault_check(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = kg_task_new(KG_TASK_CHECK);

    kg_json_set_bool(t->params, "readData", kg_json_bool(c->body, "readData", false));
    return start_job(c, &t, "readData", "ReadData", err);
}

/* What is misspelt here would delete instead of looking: anything but these flags is refused. */
int kg_res_vault_collect(struct kg_call *c, struct kg_err *err)
{
    static const char *const flags[] = { "dryRun", "takeOver" };
    KG_AUTO_TASK struct kg_task *t = kg_task_new(KG_TASK_COLLECT);

    if (c->body && kg_json_type(c->body) != KG_JSON_OBJECT)
        return kg_err_set(err, KG_E_BAD_JSON, "the body must be an object");
    for (const struct kg_json *m = c->body ? kg_json_first(c->body) : NULL; m; m = kg_json_next(m)) {
        if (strcmp(kg_json_key(m), flags[0]) != 0 && strcmp(kg_json_key(m), flags[1]) != 0) {
            kg_err_set(err, KG_E_BAD_JSON, "a collection has no option '%.60s'", kg_json_key(m));
            kg_err_advise(err, "Use dryRun or takeOver.");
            return -(int)err->code;
        }
        if (kg_json_type(m) != KG_JSON_BOOL)
            return kg_err_set(err, KG_E_BAD_JSON, "'%s' must be true or false", kg_json_key(m));
    }
    for (size_t i = 0; i < KG_ARRAY_LEN(flags); i++)
        kg_json_set_bool(t->params, flags[i], kg_json_bool(c->body, flags[i], false));
    return start_job(c, &t, "dryRun", "DryRun", err);
}
