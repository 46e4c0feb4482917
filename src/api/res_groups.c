/* Subscriptions and resource groups. */
#include "api/call.h"
#include "api/handlers.h"

#include <strings.h>

static struct kg_json *subscription_answer(const struct kg_resource *r)
{
    struct kg_json *a = kg_json_object();

    kg_json_set_str(a, "id", r->id);
    kg_json_set_str(a, "subscriptionId", r->name);
    kg_json_set_str(a, "displayName", kg_json_str_or(r->json, "properties.displayName", r->name));
    kg_json_set_str(a, "state", "Enabled");
    kg_json_set_bool(a, "isDefault", strcasecmp(r->name, KG_DEFAULT_SUBSCRIPTION) == 0);
    return a;
}

static int show_subscription(void *arg, const struct kg_resource *r, struct kg_json **ret, struct kg_err *err)
{
    (void)arg;
    (void)err;
    *ret = subscription_answer(r);
    return 0;
}

int kg_res_subscriptions_list(struct kg_call *c, struct kg_err *err)
{
    return kg_call_list_found(c, &(struct kg_resource_query){ .type = KG_TYPE_SUBSCRIPTION }, show_subscription, NULL, err);
}

int kg_res_subscription_get(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };

    if (kg_catalog_get(c->api->catalog, kg_call_id(c), &r, err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 200, subscription_answer(&r), err);
}

int kg_res_groups_list(struct kg_call *c, struct kg_err *err) { return kg_call_list(c, KG_TYPE_GROUP, false, err); }
int kg_res_group_get(struct kg_call *c, struct kg_err *err) { return kg_call_get(c, err); }
int kg_res_group_delete(struct kg_call *c, struct kg_err *err) { return kg_call_delete(c, err); }

int kg_res_group_put(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_PUT struct kg_put p = { 0 };

    if (kg_put_begin(c, KG_NAME_GROUP, kg_call_param(c, "group"), &p, err) < 0)
        return -(int)err->code;
    kg_json_set_str(p.json, "properties.provisioningState", "Succeeded");
    return kg_put_finish(c, &p, err);
}
