/* What stops protection and brings it back: the states that a backup instance goes through, without a worker. Nothing lies
 * deleted: soft delete is not in this version, and its routes, allowed or not like all others, say so. */
#include "api/call.h"
#include "api/handlers.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"

/* From which states an action leads where. Asking for what is there already changes nothing. */
static const struct {
    const char *action;
    const char *from[3];
    const char *to;
} transitions[] = {
    { "stopProtection", { "ProtectionConfigured", "ProtectionError", "BackupSchedulesSuspended" }, "ProtectionStopped" },
    { "suspendBackups", { "ProtectionConfigured", "ProtectionError" }, "BackupSchedulesSuspended" },
    { "resumeProtection", { "ProtectionStopped", "BackupSchedulesSuspended" }, "ProtectionConfigured" },
    { "resumeBackups", { "BackupSchedulesSuspended" }, "ProtectionConfigured" },
};

static bool is_from(size_t row, const char *state)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(transitions[row].from); i++)
        if (transitions[row].from[i] && strcasecmp(transitions[row].from[i], state) == 0)
            return true;
    return false;
}

static int refuse(const struct kg_resource *r, size_t row, const char *state, struct kg_err *err)
{
    kg_err_set(err, KG_E_CONFLICT, "'%s' is not possible for backup instance '%s': it is in state '%s'", transitions[row].action,
               r->name, state);
    kg_err_advise(err, "'keepgres backup-instance show' tells its state; only what is protected can be stopped, and only what was "
                  "stopped resumed.");
    return -(int)err->code;
}

/* The schedule begins anew with a resumption: what was not backed up meanwhile is not made up for. */
static void change(struct kg_json *json, const char *state)
{
    const char *succeeded = kg_json_str(json, "internal.schedule.succeeded");
    KG_AUTO_FREE char *kept = succeeded ? kg_xstrdup(succeeded) : NULL;

    kg_json_set_str(json, "properties.currentProtectionState", state);
    kg_json_set_str(json, "properties.protectionStatus.status", state);
    kg_json_set(json, "internal.schedule", kg_json_object());
    if (kept)
        kg_json_set_str(json, "internal.schedule.succeeded", kept);
}

int kg_res_protection_action(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_FREE char *id = kg_call_instance_id(c);
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    const char *action = strrchr(c->match->route->pattern, '/') + 1, *state;
    size_t row = 0;

    while (strcmp(transitions[row].action, action) != 0)
        row++;
    if (kg_catalog_get(c->api->catalog, id, &r, err) < 0)
        return -(int)err->code;
    state = kg_json_str_or(r.json, "properties.currentProtectionState", "?");
    if (strcasecmp(state, transitions[row].to) == 0)
        return kg_call_answer(c, 200, NULL, err);
    if (strcasecmp(kg_json_str_or(r.json, "properties.provisioningState", ""), "Deleting") == 0 || !is_from(row, state))
        return refuse(&r, row, state, err);
    change(r.json, transitions[row].to);
    kg_json_set_str(r.json, "internal.lastModifiedBy", c->who.name);
    if (kg_catalog_put(c->api->catalog, r.id, r.location, r.json, KG_PUT_REPLACE, r.etag, NULL, err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 200, NULL, err);
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
