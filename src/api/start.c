#include "api/start.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "crypto/crypto.h"
#include "model/id.h"
#include "model/policy.h"
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
    KG_AUTO_POLICY struct kg_policy *says = NULL;
    struct kg_task *t;
    char point[33];

    if (kg_datasource_parse(kg_json_str_or(target->properties, "dataSourceInfo.resourceID", ""), &source, err) < 0 ||
        kg_policy_from_json(policy->json, &says, err) < 0)
        return -(int)err->code;
    t = kg_target_task(target, KG_TASK_BACKUP);
    name_point(point);
    t->server = kg_xstrdup(source.server_id);
    t->secret = kg_xstrdup(kg_json_str(target->properties, KG_INSTANCE_SECRET));
    kg_json_set_str(t->params, "point", point);
    kg_json_set_str(t->params, "database", source.database);
    kg_json_set_str(t->params, "datasourceId", source.id);
    kg_json_set_str(t->params, "policy.name", policy->name);
    kg_json_set_str(t->params, "policy.id", policy->id);
    kg_json_set_str(t->params, "policy.tag", tag);
    if (says->rate_limit)
        kg_json_set_u64(t->params, "settings.rateLimitMBps", says->rate_limit);
    if (says->role_passwords)
        kg_json_set_bool(t->params, "settings.rolePasswords", true);
    *ret = t;
    return 0;
}

struct kg_job *kg_make_job(const struct kg_resource *vault, const struct kg_resource *instance, const char *operation,
                           const char *category, const char *activity, const char *by)
{
    char id[37];
    struct kg_job_spec s = { .id = id, .activity = activity, .vault = vault->id, .location = vault->location,
                             .operation = operation, .category = category, .by = by, .start = kg_now_wall() };

    kg_uuid(id);
    if (instance) {
        s.instance = instance->id;
        s.instance_properties = kg_json_get(instance->json, "properties");
    }
    return kg_job_new(&s);
}

struct kg_job *kg_make_task_job(const struct kg_resource *vault, const struct kg_resource *instance, enum kg_task_kind kind,
                                const char *activity, const char *by)
{
    return kg_make_job(vault, instance, kg_task_row(kind)->job, kg_task_row(kind)->category, activity, by);
}

struct kg_job *kg_backup_job(const struct kg_target *target, const struct kg_task *t, const char *rule, const char *activity,
                             const char *by)
{
    struct kg_job *job = kg_make_task_job(&target->vault, &target->instance, KG_TASK_BACKUP, activity, by);

    kg_json_set_str(job->properties, "destinationDataStoreName", "VaultStore");
    kg_job_detail(job, "RetentionTag", kg_json_str(t->params, "policy.tag"));
    kg_job_detail(job, "PolicyRuleName", rule);
    kg_job_detail(job, "TaskId", job->id);
    kg_job_detail(job, "RecoveryPointId", kg_json_str(t->params, "point"));
    return job;
}

struct kg_json *kg_backup_request(const struct kg_target *target, const char *rule, const char *tag)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/backup", target->instance.id);
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "method", "POST");
    kg_json_set_str(j, "path", path);
    kg_json_set_str(j, "body.backupRuleOptions.ruleName", rule);
    kg_json_set_str(j, "body.backupRuleOptions.triggerOption.retentionTagOverride", tag);
    return j;
}

struct kg_task *kg_copy_task(const struct kg_target *target, enum kg_task_kind kind, const char *point, bool first)
{
    struct kg_task *t = kg_target_task(target, kind);

    t->first = first;
    kg_json_set_str(t->params, "point", point);
    kg_json_set_str(t->params, "to", kg_datastore_to_text(kind == KG_TASK_REHYDRATE ? KG_DATASTORE_VAULT : KG_DATASTORE_ARCHIVE));
    return t;
}

struct kg_job *kg_copy_job(const struct kg_target *target, const struct kg_task *t, const char *activity, const char *by)
{
    bool back = t->kind == KG_TASK_REHYDRATE;
    struct kg_job *job = kg_make_task_job(&target->vault, &target->instance, t->kind, activity, by);

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

static int add_line(struct kg_api *api, const struct kg_job *job, const char *text, struct kg_err *err)
{
    return kg_catalog_log_add(api->catalog, job->id, kg_now_wall(), text, err);
}

/* The first line of its log: what it is, of what, and who wants it. */
static int log_begin(struct kg_api *api, const struct kg_job *job, struct kg_err *err)
{
    const char *name = kg_json_str_or(job->properties, "backupInstanceFriendlyName", "");
    KG_AUTO_FREE char *text = kg_xprintf("%s of %s, asked for by %s", job->operation,
                                         *name ? name : kg_json_str_or(job->properties, "vaultName", "?"),
                                         kg_json_str_or(job->properties, "startedBy", "?"));

    return add_line(api, job, text, err);
}

int kg_note_job(struct kg_api *api, struct kg_job *job, const char *step, struct kg_err *err)
{
    KG_AUTO_FREE char *text = kg_xprintf("completed: %s", step);

    kg_job_lease(job, job->id); /* it runs for no longer than the transaction lasts */
    kg_job_step(job, step);
    kg_job_finish(job, NULL, kg_now_wall());
    return insert_job(api, job, err) < 0 || log_begin(api, job, err) < 0 || add_line(api, job, text, err) < 0 ? -(int)err->code : 0;
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
    if (insert_operation(api, t, err) < 0 ||
        (job && (insert_job(api, job, err) < 0 || log_begin(api, job, err) < 0))) {
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
