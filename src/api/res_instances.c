/* Backup instances: a database, the vault and policy that protect it, and the secret that opens it. Configuring one is
 * asynchronous: a worker logs in and looks before the instance counts as protected. */
#include "api/call.h"
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/instance.h"
#include "base/alloc.h"
#include "crypto/crypto.h"

int kg_res_instances_list(struct kg_call *c, struct kg_err *err) { return kg_call_list(c, KG_TYPE_INSTANCE, false, err); }
int kg_res_instance_get(struct kg_call *c, struct kg_err *err) { return kg_call_get(c, err); }

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

/* What a request gets wrong. Whether the database is ready is looked at when the task begins. */
static int check_references(struct kg_call *c, const struct kg_resource *vault, const struct kg_instance_body *b,
                            const char *self, struct kg_err *err)
{
    const char *state = kg_json_str_or(vault->json, "properties.provisioningState", "");

    if (strcasecmp(state, "Succeeded") != 0)
        return kg_err_set(err, KG_E_CONFLICT, "vault '%s' is not ready: its state is '%s'", vault->name, state);
    if (kg_instance_check_policy(c, vault->id, b, err) < 0 || kg_server_of(c, &b->source, vault->location, err) < 0)
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

static int put_instance(struct kg_call *c, struct kg_put *p, const struct kg_resource *vault, struct kg_instance_body *b,
                        struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = kg_task_new(KG_TASK_PUT_INSTANCE);
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    bool configured = kg_json_bool(p->json, "internal.configured", false);
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
    if (kg_call_prepare(c, t, NULL, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    if (kg_put_store(c, p, &r, err) < 0)
        return -(int)err->code;
    (void)tx;
    return kg_call_launch(c, &t, NULL, p->exists ? 200 : 201, kg_call_id(c), kg_resource_answer(&r), err);
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

int kg_res_instance_delete(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = kg_task_new(KG_TASK_DELETE_INSTANCE);
    KG_AUTO_FREE char *vault = kg_call_vault_id(c);
    KG_AUTO_PUT struct kg_put p = { 0 };
    struct kg_err why = { 0 };

    if (kg_catalog_get(c->api->catalog, kg_call_id(c), &p.old, &why) < 0) {
        if (why.code == KG_E_NOT_FOUND)
            return kg_call_answer(c, 204, NULL, err);
        *err = why;
        return -(int)err->code;
    }
    if (c->api->env.resource_busy(c->api->env.arg, p.old.id))
        return kg_err_set(err, KG_E_BUSY, "backup instance '%s' is in use by a task that runs", p.old.name);
    t->resource = kg_xstrdup(p.old.id);
    t->vault = kg_xstrdup(vault);
    t->instance = kg_xstrdup(p.old.id);
    kg_json_set(t->params, "points", NULL);
    p.exists = true;
    p.json = kg_json_copy(p.old.json);
    kg_json_set_str(p.json, "properties.provisioningState", "Deleting");
    if (kg_call_prepare(c, t, NULL, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    if (kg_put_store(c, &p, NULL, err) < 0)
        return -(int)err->code;
    (void)tx;
    return kg_call_launch(c, &t, NULL, 202, kg_call_id(c), NULL, err);
}
