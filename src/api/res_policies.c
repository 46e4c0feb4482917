/* Backup policies. Stored as they were made regular by the model; used by backup instances, so not deleted under them. */
#include "api/call.h"
#include "api/handlers.h"

#include "api/resolve.h"
#include "base/alloc.h"

int kg_res_policies_list(struct kg_call *c, struct kg_err *err) { return kg_call_list(c, KG_TYPE_POLICY, false, err); }
int kg_res_policy_get(struct kg_call *c, struct kg_err *err) { return kg_call_get(c, err); }

struct using { const char *policy; uint64_t n; };

static int count_using(void *arg, const struct kg_resource *instance, struct kg_err *err)
{
    struct using *u = arg;

    (void)err;
    u->n += kg_id_equal(kg_json_str_or(instance->json, "properties.policyInfo.policyId", ""), u->policy);
    return 0;
}

int kg_res_policy_put(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_PUT struct kg_put p = { 0 };
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    KG_AUTO_FREE char *vault = kg_call_vault_id(c);
    struct kg_resource_query q = { .type = KG_TYPE_INSTANCE, .parent = vault };
    struct using u = { .policy = kg_call_id(c) };
    struct kg_json *properties, *answer;

    if (kg_put_begin(c, KG_NAME_POLICY, kg_call_param(c, "policy"), &p, err) < 0 ||
        kg_policy_normalise(c->body, &properties, err) < 0)
        return -(int)err->code;
    kg_json_set(p.json, "properties", properties);
    p.location = NULL; /* where the vault is */
    if (kg_each_resource(c->api->catalog, &q, count_using, &u, err) < 0 || kg_put_store(c, &p, &r, err) < 0)
        return -(int)err->code;
    answer = kg_resource_answer(&r);
    kg_json_set_u64(answer, "backupInstances", u.n); /* that make their next points by it */
    return kg_call_answer(c, 200, answer, err);
}

static int refuse_used(void *arg, const struct kg_resource *instance, struct kg_err *err)
{
    const struct kg_call *c = arg;
    const char *policy = kg_json_str(instance->json, "properties.policyInfo.policyId");

    if (!policy || !kg_id_equal(policy, kg_call_id(c)))
        return 0;
    kg_err_set(err, KG_E_CONFLICT, "policy '%s' is used by %sbackup instance '%s'", kg_call_param(c, "policy"),
               kg_instance_is_deleted(instance->json) ? "deleted " : "", instance->name);
    kg_err_advise(err, kg_instance_is_deleted(instance->json)
                           ? "It can come back until it is purged; soft delete of the vault turned off purges it now."
                           : "Give that backup instance another policy, or delete it.");
    return -(int)err->code;
}

int kg_res_policy_delete(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_FREE char *vault = kg_call_vault_id(c);
    struct kg_resource_query q = { .type = KG_TYPE_INSTANCE, .parent = vault };
    int r = kg_each_resource(c->api->catalog, &q, refuse_used, c, err);

    return r < 0 ? r : kg_call_delete(c, err);
}
