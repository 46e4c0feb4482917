/* Backup instances: a database, the vault and policy that protect it, and the secret that opens it. Configuring one is
 * asynchronous: a worker logs in and looks before the instance counts as protected. */
#include "api/call.h"
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/instance.h"
#include "api/resolve.h"
#include "api/standing.h"
#include "base/alloc.h"
#include "crypto/crypto.h"

static int show(void *arg, const struct kg_resource *r, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *answer = kg_instance_is_deleted(r->json) ? NULL : kg_resource_answer(r);

    if (answer && kg_stands_tell(arg, r, answer, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(answer);
    return 0;
}

int kg_res_instances_list(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_STANDS struct kg_stands stands;

    kg_stands_init(&stands, c->api->catalog);
    return kg_call_list_as(c, kg_call_id(c), KG_TYPE_INSTANCE, false, show, &stands, err);
}

int kg_res_instance_get(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    KG_AUTO_JSON struct kg_json *answer = NULL;
    KG_AUTO_STANDS struct kg_stands stands;

    kg_stands_init(&stands, c->api->catalog);
    if (kg_catalog_get(c->api->catalog, kg_call_id(c), &r, err) < 0)
        return -(int)err->code;
    answer = kg_resource_answer(&r);
    if (kg_stands_tell(&stands, &r, answer, err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 200, KG_TAKE(answer), err);
}

/* ---- what a body refers to ---- */

int kg_instance_check_policy(struct kg_call *c, const char *vault, const struct kg_instance_body *b, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource policy = { 0 };
    KG_AUTO_FREE char *in = kg_id_parent(b->policy_id);

    if (!in || !kg_id_equal(in, vault)) {
        kg_err_set(err, KG_E_USAGE, "properties.policyInfo.policyId: the policy is not one of this vault");
        kg_err_advise(err, "Choose one of the vault's own backup policies.");
        return -(int)err->code;
    }
    if (kg_catalog_get(c->api->catalog, b->policy_id, &policy, err) < 0)
        return kg_err_wrap(err, "properties.policyInfo.policyId");
    return 0;
}

struct wanted { const struct kg_datasource *source; };

static int see_deleted(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    const struct wanted *w = arg;
    struct kg_datasource d = { 0 };
    struct kg_err ignored = { 0 };
    bool same;

    if (!kg_instance_is_deleted(r->json) ||
        kg_datasource_parse(kg_json_str_or(r->json, "properties.dataSourceInfo.resourceID", ""), &d, &ignored) < 0)
        return 0;
    same = kg_datasource_equal(&d, w->source);
    kg_datasource_done(&d);
    if (!same)
        return 0;
    kg_err_set(err, KG_E_CONFLICT, "database '%s' has deleted backup instance '%s' in this vault", w->source->database, r->name);
    kg_err_advise(err, "Bring that back with 'keepgres backup-instance deleted-backup-instance undelete', or use another vault.");
    return -(int)err->code;
}

/* While a deleted instance of the database is kept in a vault, that is what comes back. */
static int refuse_deleted(struct kg_call *c, const struct kg_resource *vault, const struct kg_instance_body *b, struct kg_err *err)
{
    struct kg_resource_query q = { .type = KG_TYPE_INSTANCE, .parent = vault->id };
    struct wanted w = { &b->source };

    return kg_each_resource(c->api->catalog, &q, see_deleted, &w, err);
}

/* What a request gets wrong. Whether the database is ready is looked at when the task begins. */
static int check_references(struct kg_call *c, const struct kg_resource *vault, const struct kg_instance_body *b,
                            const char *self, struct kg_err *err)
{
    const char *state = kg_json_str_or(vault->json, "properties.provisioningState", "");

    if (strcasecmp(state, "Succeeded") != 0)
        return kg_err_set(err, KG_E_CONFLICT, "vault '%s' is not ready: its state is '%s'", vault->name, state);
    if (kg_instance_check_policy(c, vault->id, b, err) < 0 || kg_server_of(c, &b->source, vault->location, err) < 0)
        return -(int)err->code;
    if (refuse_deleted(c, vault, b, err) < 0)
        return -(int)err->code;
    return kg_instance_refuse_protected(c, b->source.id, self, err);
}

/* ---- PUT ---- */

static void set_states(struct kg_json *json, const char *protection, const char *provisioning)
{
    kg_json_set_str(json, "properties.protectionStatus.status",
                    strcasecmp(protection, "UpdatingProtection") == 0 ? "ProtectionConfigured" : protection);
    kg_json_set_str(json, "properties.currentProtectionState", protection);
    kg_json_set_str(json, "properties.provisioningState", provisioning);
}

/* What stays of an instance that is put again: the id under which the vault keeps its points. */
static int keep_old(struct kg_put *p, const struct kg_instance_body *b, struct kg_err *err)
{
    const char *was = kg_json_str(p->old.json, "properties.dataSourceInfo.resourceID");
    const char *provisioning = kg_json_str_or(p->old.json, "properties.provisioningState", "");
    struct kg_datasource old = { 0 };
    struct kg_err ignored = { 0 };
    bool same;

    if (strcasecmp(provisioning, "Provisioning") == 0 || strcasecmp(provisioning, "Updating") == 0 ||
        strcasecmp(provisioning, "Deleting") == 0)
        return kg_err_set(err, KG_E_BUSY, "backup instance '%s' is being worked on (%s)", p->old.name, provisioning);
    if (!was || kg_datasource_parse(was, &old, &ignored) < 0)
        return 0;
    same = kg_datasource_equal(&old, &b->source);
    kg_datasource_done(&old);
    if (same)
        return 0;
    kg_err_set(err, KG_E_CONFLICT, "backup instance '%s' protects '%s'; its datasource cannot change", p->old.name, was);
    kg_err_advise(err, "Configure backup of the other database under another name.");
    return -(int)err->code;
}

/* The job of a PUT: of one that is protected already and gets another policy it says so. */
static struct kg_job *put_job(const struct kg_call *c, const struct kg_resource *vault, struct kg_resource *new,
                              const struct kg_json *old)
{
    const char *was = kg_json_str(old, "properties.policyInfo.policyId");
    const char *is = kg_json_str(new->json, "properties.policyInfo.policyId");
    bool update = kg_json_bool(old, "internal.configured", false) && was && is && !kg_id_equal(was, is);

    return kg_make_job(vault, new, update ? "UpdatePolicy" : kg_task_row(KG_TASK_PUT_INSTANCE)->job,
                       kg_task_row(KG_TASK_PUT_INSTANCE)->category, c->activity, c->who.name);
}

static int put_instance(struct kg_call *c, struct kg_put *p, const struct kg_resource *vault, struct kg_instance_body *b,
                        struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = kg_task_new(KG_TASK_PUT_INSTANCE);
    KG_AUTO_JOB struct kg_job *job = NULL;
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    bool configured = kg_json_bool(p->json, "internal.configured", false);
    struct kg_resource new = { .id = (char *)(uintptr_t)kg_call_id(c), .json = p->json };
    char guid[37];

    if (!kg_json_str(p->json, "internal.instance")) {
        kg_uuid(guid);
        kg_json_set_str(p->json, "internal.instance", guid);
    }
    kg_json_set(p->json, "properties", KG_TAKE(b->properties));
    set_states(p->json, configured ? "UpdatingProtection" : "ConfiguringProtection", p->exists ? "Updating" : "Provisioning");
    t->resource = kg_xstrdup(kg_call_id(c));
    t->vault = kg_xstrdup(vault->id);
    t->instance = kg_xstrdup(kg_call_id(c));
    kg_instance_aim(t, b, kg_call_id(c));
    p->location = NULL;
    job = put_job(c, vault, &new, p->old.json);
    if (kg_call_prepare(c, t, job, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    if (kg_put_store(c, p, &r, err) < 0)
        return -(int)err->code;
    (void)tx;
    return kg_call_launch(c, &t, &job, p->exists ? 200 : 201, kg_call_id(c), kg_resource_answer(&r), err);
}

int kg_res_instance_put(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_PUT struct kg_put p = { 0 };
    KG_AUTO_RESOURCE struct kg_resource vault = { 0 };
    KG_AUTO_FREE char *vault_id = kg_call_vault_id(c);
    KG_AUTO_JSON struct kg_json *body = NULL;
    struct kg_instance_body b = { 0 };
    int r;

    if (kg_call_need_body(c, err) < 0)
        return -(int)err->code;
    c->body = body = kg_camel_case(c->body);
    if (kg_put_begin(c, KG_NAME_INSTANCE, kg_call_param(c, "instance"), &p, err) < 0 ||
        kg_catalog_get(c->api->catalog, vault_id, &vault, err) < 0 || kg_instance_body_parse(body, &b, err) < 0)
        return -(int)err->code;
    r = check_references(c, &vault, &b, kg_call_id(c), err);
    if (r == 0 && p.exists)
        r = keep_old(&p, &b, err);
    if (r == 0)
        r = put_instance(c, &p, &vault, &b, err);
    kg_instance_body_done(&b);
    return r;
}

/* ---- DELETE ---- */

/* An immutable vault keeps what it has until it expires. */
static int refuse_immutable(const struct kg_resource *vault, const struct kg_resource *instance, struct kg_err *err)
{
    if (!kg_vault_is_immutable(vault->json))
        return 0;
    kg_err_set(err, KG_E_CONFLICT, "vault '%s' is immutable: backup instance '%s' cannot be deleted with its recovery points",
               vault->name, instance->name);
    kg_err_advise(err, "Stop its protection instead ('backup-instance stop-protection' or 'suspend-backup').");
    return -(int)err->code;
}

/* One that never was protected has nothing to come back to. */
static bool is_soft(const struct kg_resource *vault, const struct kg_resource *instance)
{
    return strcasecmp(kg_json_str_or(vault->json, "properties.securitySettings.softDeleteSettings.state", "On"), "Off") != 0 &&
           kg_json_bool(instance->json, "internal.configured", false);
}

static void mark_deleted(struct kg_json *json, const struct kg_resource *vault, const char *activity)
{
    double days = kg_json_double(vault->json, "properties.securitySettings.softDeleteSettings.retentionDurationInDays", 14);
    kg_usec now = kg_now_wall(), purge = now + (kg_usec)(days * 86400) * KG_SECOND;
    kg_usec billed = purge - (kg_usec)14 * 86400 * KG_SECOND; /* the last 14 days are free */
    char when[32];

    kg_json_set_str(json, "properties.currentProtectionState", "SoftDeleted");
    kg_json_set_str(json, "properties.protectionStatus.status", "SoftDeleted");
    kg_json_set_str(json, "properties.deletionInfo.deletionTime", kg_time_iso(now, when));
    kg_json_set_str(json, "properties.deletionInfo.scheduledPurgeTime", kg_time_iso(purge, when));
    kg_json_set_str(json, "properties.deletionInfo.billingEndDate", kg_time_iso(billed < now ? now : billed, when));
    kg_json_set_str(json, "properties.deletionInfo.deleteActivityID", activity);
}

static int delete_softly(struct kg_call *c, const struct kg_resource *vault, struct kg_resource *r, struct kg_err *err)
{
    mark_deleted(r->json, vault, c->activity);
    if (kg_instance_store_with_job(c, r, kg_task_row(KG_TASK_DELETE_INSTANCE)->job, "Delete; it can come back for a while", err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 200, NULL, err);
}

static int delete_for_good(struct kg_call *c, const struct kg_resource *vault, struct kg_resource *r, struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = kg_purge_task(vault->id, r->id);
    KG_AUTO_JOB struct kg_job *job = kg_make_task_job(vault, r, t->kind, c->activity, c->who.name);

    kg_json_set_str(r->json, "properties.provisioningState", "Deleting");
    kg_json_set_str(r->json, "internal.lastModifiedBy", c->who.name);
    if (kg_call_prepare(c, t, job, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    if (kg_catalog_put(tx, r->id, r->location, r->json, KG_PUT_REPLACE, r->etag, NULL, err) < 0)
        return -(int)err->code;
    return kg_call_launch(c, &t, &job, 202, r->id, NULL, err);
}

int kg_res_instance_delete(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 }, vault = { 0 };
    KG_AUTO_FREE char *vault_id = kg_call_vault_id(c);
    struct kg_err why = { 0 };

    if (kg_catalog_get(c->api->catalog, kg_call_id(c), &r, &why) < 0 || kg_catalog_get(c->api->catalog, vault_id, &vault, &why) < 0) {
        if (why.code == KG_E_NOT_FOUND)
            return kg_call_answer(c, 204, NULL, err);
        *err = why;
        return -(int)err->code;
    }
    if (kg_instance_is_deleted(r.json))
        return kg_call_answer(c, 204, NULL, err);
    if (c->api->env.resource_busy(c->api->env.arg, r.id))
        return kg_err_set(err, KG_E_BUSY, "backup instance '%s' is in use by a task that runs", r.name);
    if (refuse_immutable(&vault, &r, err) < 0 || kg_holds_refuse(c->api->catalog, &r, err) < 0)
        return -(int)err->code;
    return is_soft(&vault, &r) ? delete_softly(c, &vault, &r, err) : delete_for_good(c, &vault, &r, err);
}
