/* What stops protection and brings it back: the states that a backup instance goes through, without a worker. One that was
 * deleted is kept, hidden, for as long as its vault said on that day; engine/lifecycle.c deletes it for good then. */
#include "api/call.h"
#include "api/handlers.h"

#include <string.h>
#include <strings.h>

#include "api/instance.h"
#include "base/alloc.h"

/* From which states an action leads where. Asking for what is there already changes nothing. */
static const struct {
    const char *action;
    const char *from[3];
    const char *to;
    const char *job, *step;
    bool keeps;                          /* promises that all points stay: not while some are being deleted */
} transitions[] = {
    { "stopProtection", { "ProtectionConfigured", "ProtectionError", "BackupSchedulesSuspended" }, "ProtectionStopped",
      "StopProtection", "Stop backups, keep all recovery points", true },
    { "suspendBackups", { "ProtectionConfigured", "ProtectionError" }, "BackupSchedulesSuspended",
      "SuspendBackups", "Stop backups, keep recovery points as the policy says", false },
    { "resumeProtection", { "ProtectionStopped", "BackupSchedulesSuspended" }, "ProtectionConfigured",
      "ResumeProtection", "Back up by the policy again", false },
    { "resumeBackups", { "BackupSchedulesSuspended" }, "ProtectionConfigured",
      "ResumeBackups", "Back up by the policy again", false },
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

int kg_instance_store_with_job(struct kg_call *c, struct kg_resource *r, const char *operation, const char *step, struct kg_err *err)
{
    KG_AUTO_FREE char *id = kg_id_parent(r->id);
    KG_AUTO_RESOURCE struct kg_resource vault = { 0 };
    KG_AUTO_JOB struct kg_job *job = NULL;

    kg_json_set_str(r->json, "internal.lastModifiedBy", c->who.name);
    if (kg_catalog_get(c->api->catalog, id, &vault, err) < 0)
        return -(int)err->code;
    job = kg_make_job(&vault, r, operation, "Management", c->activity, c->who.name);
    kg_json_set_str(job->properties, "extendedInfo.backupInstanceState", kg_json_str(r->json, "properties.currentProtectionState"));
    if (kg_catalog_begin(c->api->catalog, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    if (kg_catalog_put(tx, r->id, r->location, r->json, KG_PUT_REPLACE, r->etag, NULL, err) < 0 ||
        kg_call_note_job(c, job, step, err) < 0)
        return -(int)err->code;
    return kg_catalog_commit(tx, err);
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
    if (transitions[row].keeps && kg_leaving_refuse_any(c->api->catalog, &r, err) < 0)
        return -(int)err->code;
    change(r.json, transitions[row].to);
    if (kg_instance_store_with_job(c, &r, transitions[row].job, transitions[row].step, err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 200, NULL, err);
}

/* ---- what was deleted and can come back ---- */

struct kg_json *kg_deleted_answer(const struct kg_resource *r)
{
    KG_AUTO_FREE char *vault = kg_id_parent(r->id), *id = kg_id_child(vault, "deletedBackupInstances", r->name);
    struct kg_json *a = kg_resource_answer(r);

    kg_json_set_str(a, "id", id);
    kg_json_set_str(a, "type", "Microsoft.DataProtection/backupVaults/deletedBackupInstances");
    return a;
}

static int show_deleted(void *arg, const struct kg_resource *r, struct kg_json **ret, struct kg_err *err)
{
    (void)arg;
    (void)err;
    if (kg_instance_is_deleted(r->json))
        *ret = kg_deleted_answer(r);
    return 0;
}

int kg_res_deleted_list(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_FREE char *vault = kg_call_vault_id(c);

    return kg_call_list_as(c, vault, KG_TYPE_INSTANCE, false, show_deleted, NULL, err);
}

static int find_deleted(struct kg_call *c, struct kg_resource *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *id = kg_call_instance_id(c);
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    struct kg_err why = { 0 };

    if (kg_catalog_get(c->api->catalog, id, &r, &why) < 0 && why.code != KG_E_NOT_FOUND) {
        *err = why;
        return -(int)err->code;
    }
    if (why.code == KG_E_NOT_FOUND || !kg_instance_is_deleted(r.json)) {
        kg_err_set(err, KG_E_NOT_FOUND, "vault '%s' has no deleted backup instance '%s'", kg_call_param(c, "vault"),
                   kg_call_param(c, "instance"));
        kg_err_advise(err, "'keepgres backup-instance deleted-backup-instance list' shows those there are.");
        return -(int)err->code;
    }
    *ret = r;
    r = (struct kg_resource){ 0 };
    return 0;
}

int kg_res_deleted_get(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };

    return find_deleted(c, &r, err) < 0 ? -(int)err->code : kg_call_answer(c, 200, kg_deleted_answer(&r), err);
}

/* It comes back stopped: whoever deleted it decides when backups begin again. */
int kg_res_undelete(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };

    if (find_deleted(c, &r, err) < 0)
        return -(int)err->code;
    if (strcasecmp(kg_json_str_or(r.json, "properties.provisioningState", ""), "Deleting") == 0)
        return kg_err_set(err, KG_E_BUSY, "backup instance '%s' is being deleted for good", r.name);
    change(r.json, "ProtectionStopped");
    kg_json_remove(r.json, "properties.deletionInfo");
    if (kg_instance_store_with_job(c, &r, "UndeleteBackupInstance", "Bring it back with its protection stopped", err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 200, NULL, err);
}
