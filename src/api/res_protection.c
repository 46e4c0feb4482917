/* What stops protection and brings it back. Schedules and soft delete are not in this version, and so nothing can be
 * stopped or lies deleted: the routes are here, allowed or not like all others, and say so. */
#include "api/call.h"
#include "api/handlers.h"

#include <string.h>

#include "base/alloc.h"

int kg_res_protection_action(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    const char *action = strrchr(c->match->route->pattern, '/') + 1;

    if (kg_catalog_get(c->api->catalog, kg_call_id(c), &r, err) < 0)
        return -(int)err->code;
    kg_err_set(err, KG_E_UNSUPPORTED, "'%s' is not in this version yet: backups run on demand only, so there is no "
               "schedule to stop", action);
    kg_err_advise(err, "Leave the backup instance as it is, or delete it with its recovery points.");
    return -(int)err->code;
}

static int need_vault(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_FREE char *vault = kg_call_vault_id(c);
    bool there;

    if (kg_catalog_exists(c->api->catalog, vault, &there, err) < 0)
        return -(int)err->code;
    return there ? 0 : kg_err_set(err, KG_E_NOT_FOUND, "there is no Backup vault '%s'", kg_call_param(c, "vault"));
}

int kg_res_deleted_list(struct kg_call *c, struct kg_err *err)
{
    return need_vault(c, err) < 0 ? -(int)err->code : kg_call_answer_list(c, kg_json_array(), NULL, err);
}

int kg_res_deleted_get(struct kg_call *c, struct kg_err *err)
{
    if (need_vault(c, err) < 0)
        return -(int)err->code;
    kg_err_set(err, KG_E_NOT_FOUND, "vault '%s' has no deleted backup instance '%s'", kg_call_param(c, "vault"),
               kg_call_param(c, "instance"));
    kg_err_advise(err, "Soft delete is not in this version yet: what was deleted is gone.");
    return -(int)err->code;
}
