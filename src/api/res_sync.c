/* Synchronizing an instance: its points with the vault, as a job with a report; and its protection with its database. */
#include "api/call.h"
#include "api/handlers.h"

#include <strings.h>

#include "api/instance.h"
#include "base/alloc.h"
#include "base/parse.h"

static const char *const types[] = { "Default", "ForceResync" };

static int read_type(const struct kg_json *body, int *ret, struct kg_err *err)
{
    *ret = kg_json_get(body, "syncType") ? kg_text_index(types, KG_ARRAY_LEN(types), kg_json_str_or(body, "syncType", "")) : 0;
    return *ret < 0 ? kg_err_set(err, KG_E_USAGE, "'syncType' must be Default or ForceResync") : 0;
}

static int find(struct kg_call *c, struct kg_target *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *instance = kg_call_instance_id(c), *vault = kg_call_vault_id(c);
    const char *state;

    if (kg_catalog_get(c->api->catalog, vault, &ret->vault, err) < 0 ||
        kg_catalog_get(c->api->catalog, instance, &ret->instance, err) < 0)
        return -(int)err->code;
    ret->properties = kg_json_get(ret->instance.json, "properties");
    state = kg_json_str_or(ret->properties, "provisioningState", "");
    if (strcasecmp(state, "Provisioning") == 0 || strcasecmp(state, "Updating") == 0 || strcasecmp(state, "Deleting") == 0)
        return kg_err_set(err, KG_E_BUSY, "backup instance '%s' is being worked on (%s)", ret->instance.name, state);
    if (!kg_instance_is_deleted(ret->instance.json))
        return 0;
    kg_err_set(err, KG_E_CONFLICT, "backup instance '%s' is deleted", ret->instance.name);
    kg_err_advise(err, "Bring it back with 'keepgres backup-instance deleted-backup-instance undelete' first.");
    return -(int)err->code;
}

/* Whether its database is looked at again: in error always; what is well only when it must; what was stopped never. */
static bool is_revalidated(const struct kg_target *t, bool force)
{
    const char *state = kg_json_str_or(t->properties, "currentProtectionState", "");

    return strcasecmp(state, "ProtectionError") == 0 || strcasecmp(state, "ConfiguringProtectionFailed") == 0 ||
           (force && strcasecmp(state, "ProtectionConfigured") == 0);
}

static int make_revalidation(struct kg_call *c, const struct kg_target *target, struct kg_task **ret, struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = kg_target_task(target, KG_TASK_REVALIDATE);
    struct kg_instance_body b = { 0 };

    if (kg_instance_body_parse(target->instance.json, &b, err) < 0)
        return -(int)err->code;
    kg_instance_aim(t, &b, target->instance.id);
    kg_instance_body_done(&b);
    t->uid = c->who.uid;
    if (c->api->env.task_check(c->api->env.arg, t, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(t);
    return 0;
}

int kg_res_instance_sync(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_TARGET struct kg_target target = { 0 };
    KG_AUTO_TASK struct kg_task *t = NULL, *look = NULL;
    KG_AUTO_JOB struct kg_job *job = NULL;
    int type;

    if (read_type(c->body, &type, err) < 0 || find(c, &target, err) < 0 ||
        (is_revalidated(&target, type != 0) && make_revalidation(c, &target, &look, err) < 0))
        return -(int)err->code;
    t = kg_target_task(&target, KG_TASK_SYNC);
    kg_json_set_str(t->params, "syncType", types[type]);
    kg_json_set_bool(t->params, "revalidated", look != NULL);
    kg_json_set_bool(t->params, "bothStores", true);
    job = kg_make_task_job(&target.vault, &target.instance, t->kind, c->activity, c->who.name);
    kg_job_detail(job, "SyncType", types[type]);
    if (kg_call_prepare(c, t, job, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    (void)tx;
    if (kg_call_launch(c, &t, &job, 202, NULL, NULL, err) < 0)
        return -(int)err->code;
    if (look)
        c->api->env.task_start(c->api->env.arg, KG_TAKE(look), NULL);
    return 0;
}
