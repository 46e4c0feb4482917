/* The service itself. */
#include "api/call.h"
#include "api/handlers.h"

#include <string.h>
#include <strings.h>

#include "keepgres/version.h"

int kg_res_service_get(struct kg_call *c, struct kg_err *err)
{
    struct kg_json *a;
    bool owner;

    if (kg_identity_is_owner(c->api->identity, &c->who, &owner, err) < 0)
        return -(int)err->code;
    a = kg_json_object();
    kg_json_set_str(a, "version", KG_VERSION);
    kg_json_set_str(a, "apiVersion", KG_API_VERSION);
    c->api->env.facts(c->api->env.arg, a);
    kg_json_set_str(a, "caller.principalName", c->who.name);
    kg_json_set_str(a, "caller.principalId", c->who.id);
    kg_json_set_bool(a, "caller.isOwner", owner);
    return kg_call_answer(c, 200, a, err);
}

int kg_res_service_stop(struct kg_call *c, struct kg_err *err)
{
    const char *mode = kg_json_str_or(c->body, "mode", "drain");
    bool now = strcasecmp(mode, "now") == 0;

    if (!now && strcasecmp(mode, "drain") != 0) {
        kg_err_set(err, KG_E_USAGE, "mode '%.40s' is not known", mode);
        kg_err_advise(err, "Send drain (let running jobs end) or now (cancel them).");
        return -(int)err->code;
    }
    c->api->env.stop(c->api->env.arg, now);
    return kg_call_answer(c, 202, NULL, err);
}

int kg_res_service_confirm_clock(struct kg_call *c, struct kg_err *err)
{
    if (c->api->env.confirm_clock(c->api->env.arg, err) < 0)
        return -(int)err->code;
    return kg_res_service_get(c, err);
}
