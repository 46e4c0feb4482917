#include "api/start.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "crypto/crypto.h"
#include "model/id.h"
#include "model/resources.h"

/* ---- what is worked on ---- */

void kg_target_done(struct kg_target *t)
{
    kg_resource_done(&t->vault);
    kg_resource_done(&t->instance);
    *t = (struct kg_target){ 0 };
}

/* What can be done in which protection state, and what to do about it otherwise. */
static const struct {
    const char *state;
    bool backup;
    const char *advice;
} states[] = {
    { "ProtectionConfigured", true, "" },
    { "ProtectionError", true, "" },
    { "UpdatingProtection", true, "" },
    { "ProtectionStopped", false, "Resume its protection first: 'keepgres backup-instance resume-protection'." },
    { "BackupSchedulesSuspended", false, "Resume its protection first: 'keepgres backup-instance resume-protection'." },
};

static int check_state(const struct kg_target *t, enum kg_target_use use, struct kg_err *err)
{
    const char *state = kg_json_str_or(t->properties, "currentProtectionState", "?");
    const char *provisioning = kg_json_str_or(t->properties, "provisioningState", "?");
    const char *advice = "Look at its protectionErrorDetails, then configure its backup again.";

    for (size_t i = 0; i < KG_ARRAY_LEN(states) && strcasecmp(provisioning, "Deleting") != 0; i++) {
        if (strcasecmp(states[i].state, state) != 0)
            continue;
        if (use == KG_TARGET_POINTS || states[i].backup)
            return 0;
        advice = states[i].advice;
    }
    kg_err_set(err, KG_E_CONFLICT, "backup instance '%s' is not ready: it is in state '%s' (%s)", t->instance.name, state,
               provisioning);
    kg_err_advise(err, "%s", advice);
    return -(int)err->code;
}

int kg_target_load(struct kg_api *api, const char *instance, enum kg_target_use use, struct kg_target *ret, struct kg_err *err)
{
    KG_AUTO_TARGET struct kg_target t = { 0 };
    KG_AUTO_FREE char *vault = kg_id_parent(instance);

    if (kg_catalog_get(api->catalog, vault, &t.vault, err) < 0 || kg_catalog_get(api->catalog, instance, &t.instance, err) < 0)
        return -(int)err->code;
    t.properties = kg_json_get(t.instance.json, "properties");
    if (check_state(&t, use, err) < 0)
        return -(int)err->code;
    *ret = t;
    t = (struct kg_target){ 0 };
    return 0;
}

struct kg_task *kg_target_task(const struct kg_target *t, enum kg_task_kind kind)
{
    struct kg_task *task = kg_task_new(kind);

    task->resource = kg_xstrdup(t->instance.id);
    task->vault = kg_xstrdup(t->vault.id);
    task->instance = kg_xstrdup(t->instance.id);
    return task;
}

/* ---- a backup ---- */

/* 32 hexadecimal digits that begin with the time in milliseconds, so that points sort by age: a backup finds its
 * predecessor in the vault by that (plugin/backup.c). */
static void name_point(char out[33])
{
    uint64_t ms = (uint64_t)(kg_now_wall() / 1000);
    uint8_t id[16];

    kg_random(id, sizeof id);
    for (int i = 0; i < 6; i++)
        id[i] = (uint8_t)(ms >> (40 - 8 * i));
    kg_hex(id, sizeof id, out);
}

int kg_backup_task(const struct kg_target *target, const struct kg_resource *policy, const char *tag, struct kg_task **ret,
                   struct kg_err *err)
{
    KG_CLEANUP(kg_datasource_done) struct kg_datasource source = { 0 };
    struct kg_task *t;
    char point[33];

    if (kg_datasource_parse(kg_json_str_or(target->properties, "dataSourceInfo.resourceID", ""), &source, err) < 0)
        return -(int)err->code;
    t = kg_target_task(target, KG_TASK_BACKUP);
    name_point(point);
    t->server = kg_xstrdup(source.server_id);
    t->secret = kg_xstrdup(kg_json_str(target->properties, "datasourceAuthCredentials.secretStoreResource.uri"));
    kg_json_set_str(t->params, "point", point);
    kg_json_set_str(t->params, "database", source.database);
    kg_json_set_str(t->params, "datasourceId", source.id);
    kg_json_set_str(t->params, "policy.name", policy->name);
    kg_json_set_str(t->params, "policy.id", policy->id);
    kg_json_set_str(t->params, "policy.tag", tag);
    *ret = t;
    return 0;
}

struct kg_job *kg_backup_job(const struct kg_target *target, const struct kg_task *t, const char *rule, const char *activity,
                             bool user_triggered)
{
    char id[37];
    struct kg_job_spec s = { .id = id, .activity = activity, .vault = target->vault.id, .instance = target->instance.id,
                             .instance_properties = target->properties, .location = target->vault.location,
                             .operation = "Backup", .category = "Backup", .user_triggered = user_triggered,
                             .start = kg_now_wall() };
    struct kg_job *job;

    kg_uuid(id);
    job = kg_job_new(&s);
    kg_json_set_str(job->properties, "destinationDataStoreName", "VaultStore");
    kg_job_detail(job, "RetentionTag", kg_json_str(t->params, "policy.tag"));
    kg_job_detail(job, "PolicyRuleName", rule);
    kg_job_detail(job, "TaskId", job->id);
    kg_job_detail(job, "RecoveryPointId", kg_json_str(t->params, "point"));
    return job;
}

struct kg_task *kg_copy_task(const struct kg_target *target, enum kg_task_kind kind, const char *point, bool first)
{
    struct kg_task *t = kg_target_task(target, kind);

    t->first = first;
    kg_json_set_str(t->params, "point", point);
    kg_json_set_str(t->params, "to", kg_datastore_to_text(kind == KG_TASK_REHYDRATE ? KG_DATASTORE_VAULT : KG_DATASTORE_ARCHIVE));
    return t;
}

struct kg_job *kg_copy_job(const struct kg_target *target, const struct kg_task *t, const char *activity, bool user_triggered)
{
    bool back = t->kind == KG_TASK_REHYDRATE;
    char id[37];
    struct kg_job_spec s = { .id = id, .activity = activity, .vault = target->vault.id, .instance = target->instance.id,
                             .instance_properties = target->properties, .location = target->vault.location,
                             .operation = kg_task_row(t->kind)->job, .category = kg_task_row(t->kind)->category,
                             .user_triggered = user_triggered, .start = kg_now_wall() };
    struct kg_job *job;

    kg_uuid(id);
    job = kg_job_new(&s);
    kg_json_set_str(job->properties, "sourceDataStoreName", kg_datastore_to_text(back ? KG_DATASTORE_ARCHIVE : KG_DATASTORE_VAULT));
    kg_json_set_str(job->properties, "destinationDataStoreName", kg_json_str(t->params, "to"));
    if (back)
        kg_json_set_str(job->properties, "rehydrationPriority", t->first ? "High" : "Standard");
    kg_job_detail(job, "RecoveryPointId", kg_json_str(t->params, "point"));
    return job;
}

struct kg_task *kg_purge_task(const char *vault, const char *instance)
{
    struct kg_task *t = kg_task_new(KG_TASK_DELETE_INSTANCE);

    t->resource = kg_xstrdup(instance);
    t->vault = kg_xstrdup(vault);
    t->instance = kg_xstrdup(instance);
    kg_json_set(t->params, "points", NULL); /* all there are */
    return t;
}

/* ---- operations ---- */

/* As Azure writes them: base64 of two GUIDs, the first one constant. */
static char *new_operation_id(void)
{
    struct kg_buf b = KG_BUF_INIT(256);
    char text[80], id[37];

    kg_uuid(id);
    snprintf(text, sizeof text, "6b656570-6772-4573-8000-000000000001;%s", id);
    kg_base64_add(&b, text, strlen(text));
    return kg_buf_take(&b);
}

/* A backup or a restore is a job to be followed by itself: its operation has done its work when the job is there, as in
 * Azure. All others last as long as the worker does. */
static bool ends_with_start(const struct kg_task *t)
{
    return t->kind == KG_TASK_BACKUP || t->kind == KG_TASK_RESTORE_DATABASE || t->kind == KG_TASK_RESTORE_FILES ||
           t->kind == KG_TASK_REHYDRATE;
}

static int insert_operation(struct kg_api *api, const struct kg_task *t, struct kg_err *err)
{
    struct kg_operation_row row = { .id = t->operation, .uid = t->uid, .start = kg_now_wall(), .resource = t->resource,
                                    .job = t->job };
    int r;

    row.kind = (char *)(uintptr_t)kg_task_row(t->kind)->name;
    row.status = (char *)(uintptr_t)"Inprogress";
    if (ends_with_start(t)) {
        KG_AUTO_FREE char *job = kg_id_child(t->vault, "backupJobs", t->job);

        row.status = (char *)(uintptr_t)"Succeeded";
        row.end = row.start;
        row.result = kg_json_object();
        kg_json_set_str(row.result, "objectType", "OperationJobExtendedInfo");
        kg_json_set_str(row.result, "jobId", job);
    }
    r = kg_catalog_operation_insert(api->catalog, &row, err);
    kg_json_free(row.result);
    return r;
}

static int insert_job(struct kg_api *api, const struct kg_job *job, struct kg_err *err)
{
    struct kg_job_row row;
    int r;

    kg_job_to_row(job, &row);
    r = kg_catalog_job_insert(api->catalog, &row, err);
    kg_json_free(row.json);
    return r;
}

int kg_start_prepare(struct kg_api *api, struct kg_task *t, const struct kg_job *job, struct kg_err *err)
{
    if (api->env.task_check(api->env.arg, t, err) < 0)
        return -(int)err->code;
    t->operation = new_operation_id();
    if (job)
        t->job = kg_xstrdup(job->id);
    if (kg_catalog_begin(api->catalog, err) < 0)
        return -(int)err->code;
    if (insert_operation(api, t, err) < 0 || (job && insert_job(api, job, err) < 0)) {
        kg_catalog_rollback(api->catalog);
        return -(int)err->code;
    }
    return 0;
}

int kg_start_commit(struct kg_api *api, struct kg_task **t, struct kg_job **job, struct kg_err *err)
{
    if (kg_catalog_commit(api->catalog, err) < 0)
        return -(int)err->code;
    api->env.task_start(api->env.arg, KG_TAKE(*t), job ? KG_TAKE(*job) : NULL);
    return 0;
}
