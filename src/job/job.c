#include "job/job.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/text.h"
#include "job/user_error.h"
#include "model/id.h"
#include "model/resources.h"

/* ---- making ---- */

static void set_time(struct kg_json *j, const char *key, kg_usec at)
{
    char when[32];

    kg_json_set_str(j, key, kg_time_iso(at, when));
}

/* Names of where the datasource lives, taken from its id; left out when the id says nothing. */
static void set_source(struct kg_json *p, const struct kg_json *instance)
{
    const char *source = kg_json_str(instance, "dataSourceInfo.resourceID");
    KG_AUTO_ID struct kg_id id = { 0 };
    struct kg_err ignored = { 0 };

    kg_json_set_str(p, "dataSourceId", source);
    kg_json_set_str(p, "dataSourceName", kg_json_str(instance, "dataSourceInfo.resourceName"));
    kg_json_set_str(p, "dataSourceType", kg_json_str(instance, "dataSourceInfo.datasourceType"));
    kg_json_set_str(p, "dataSourceSetName", kg_json_str(instance, "dataSourceSetInfo.resourceName"));
    if (source && kg_id_parse(source, &id, &ignored) == 0) {
        kg_json_set_str(p, "sourceResourceGroup", id.group);
        kg_json_set_str(p, "sourceSubscriptionID", id.subscription);
    }
}

static void set_vault(struct kg_json *p, const char *vault)
{
    KG_AUTO_ID struct kg_id id = { 0 };
    struct kg_err err = { 0 };

    if (kg_id_parse(vault, &id, &err) < 0)
        KG_BUG("a job for a vault whose id is malformed");
    kg_json_set_str(p, "subscriptionId", id.subscription);
    kg_json_set_str(p, "vaultName", kg_id_name(&id));
}

static void set_policy(struct kg_json *p, const char *policy)
{
    KG_AUTO_ID struct kg_id id = { 0 };
    struct kg_err ignored = { 0 };

    kg_json_set_str(p, "policyId", policy);
    if (policy && kg_id_parse(policy, &id, &ignored) == 0)
        kg_json_set_str(p, "policyName", kg_id_name(&id));
}

static void set_actions(struct kg_json *p, bool cancel)
{
    struct kg_json *a = kg_json_array();

    if (cancel)
        kg_json_push_str(a, "Cancel");
    kg_json_set(p, "supportedActions", a);
}

struct kg_job *kg_job_new(const struct kg_job_spec *s)
{
    struct kg_job *j = kg_xalloc(sizeof *j);
    struct kg_json *p = j->properties = kg_json_object();

    j->id = kg_xstrdup(s->id);
    j->vault = kg_xstrdup(s->vault);
    j->instance = kg_xstrdup(s->instance);
    j->operation = kg_xstrdup(s->operation);
    j->start = s->start;
    j->dirty = true;
    kg_json_set_str(p, "activityID", s->activity);
    set_vault(p, s->vault);
    kg_json_set_str(p, "backupInstanceId", s->instance);
    kg_json_set_str(p, "backupInstanceFriendlyName", kg_json_str_or(s->instance_properties, "friendlyName", ""));
    set_policy(p, kg_json_str(s->instance_properties, "policyInfo.policyId"));
    set_source(p, s->instance_properties);
    kg_json_set_str(p, "dataSourceLocation", s->location);
    kg_json_set_str(p, "operationCategory", s->category);
    kg_json_set_str(p, "operation", s->operation);
    kg_json_set_str(p, "status", kg_job_state_arm(j->state));
    kg_json_set_bool(p, "isUserTriggered", s->user_triggered);
    set_time(p, "startTime", s->start);
    kg_json_set_bool(p, "progressEnabled", true);
    set_actions(p, true);
    kg_json_set(p, "errorDetails", NULL);
    if (s->restore_type)
        kg_json_set_str(p, "restoreType", s->restore_type);
    kg_json_set(p, "extendedInfo.additionalDetails", kg_json_object());
    kg_json_set(p, "extendedInfo.subTasks", kg_json_array());
    kg_json_set_str(p, "extendedInfo.progress.phase", "queued");
    return j;
}

void kg_job_free(struct kg_job *j)
{
    if (!j)
        return;
    free(j->id);
    free(j->vault);
    free(j->instance);
    free(j->operation);
    free(j->owner);
    kg_json_free(j->waiting);
    kg_json_free(j->properties);
    free(j);
}

void kg_job_detail(struct kg_job *j, const char *key, const char *text)
{
    struct kg_json *d = kg_json_get_mutable(j->properties, "extendedInfo.additionalDetails");

    if (text && d)
        kg_json_set_str(d, key, text);
    j->dirty = true;
}

void kg_job_extend(struct kg_job *j, const char *key, struct kg_json *value)
{
    kg_json_set(kg_json_get_mutable(j->properties, "extendedInfo"), key, value);
    j->dirty = true;
}

/* ---- changing ---- */

bool kg_job_happens(struct kg_job *j, enum kg_job_event e)
{
    if (!kg_job_state_next(&j->state, e))
        return false;
    kg_json_set_str(j->properties, "status", kg_job_state_arm(j->state));
    set_actions(j->properties, j->state == KG_JOB_QUEUED || j->state == KG_JOB_RUNNING);
    j->dirty = true;
    return true;
}

void kg_job_lease(struct kg_job *j, const char *owner)
{
    if (!kg_job_happens(j, KG_JOB_LEASE))
        KG_BUG("a lease of a job that does not wait");
    free(j->owner);
    j->owner = kg_xstrdup(owner);
    kg_json_set_str(j->properties, "extendedInfo.progress.phase", "starting");
}

/* A bounded, whole-character copy of a worker's text. */
static void set_text(struct kg_json *j, const char *key, const char *text)
{
    char cut[KG_JOB_TEXT_MAX];

    if (!text)
        return;
    kg_text_copy(cut, sizeof cut, text);
    kg_json_set_str(j, key, cut);
}

static void apply_progress(struct kg_job *j, const struct kg_json *e)
{
    static const char *const numbers[] = { "bytesDone", "bytesTotal", "rows", "tablesDone", "tablesTotal", "storedBytes",
                                           "newBytes" };
    struct kg_json *p = kg_json_object();
    char when[32];

    set_text(p, "phase", kg_json_str_or(e, "phase", ""));
    for (size_t i = 0; i < KG_ARRAY_LEN(numbers); i++)
        kg_json_set_u64(p, numbers[i], kg_json_u64(e, numbers[i], 0));
    kg_json_set_str(p, "updated", kg_time_iso(kg_now_wall(), when));
    kg_job_extend(j, "progress", p);
    kg_job_extend(j, "dataTransferredInBytes", NULL);
    kg_json_set_u64(j->properties, "extendedInfo.dataTransferredInBytes", kg_json_u64(e, "bytesDone", 0));
}

static struct kg_json *find_subtask(struct kg_json *list, uint64_t id)
{
    char path[24];

    for (size_t i = 0; i < kg_json_count(list); i++) {
        struct kg_json *t;

        snprintf(path, sizeof path, "%zu", i);
        t = kg_json_get_mutable(list, path);
        if (kg_json_u64(t, "taskId", UINT64_MAX) == id)
            return t;
    }
    return NULL;
}

static void apply_subtask(struct kg_job *j, const struct kg_json *e)
{
    struct kg_json *list = kg_json_get_mutable(j->properties, "extendedInfo.subTasks");
    uint64_t id = kg_json_u64(e, "id", 0);
    struct kg_json *t = find_subtask(list, id);

    if (!t) {
        if (kg_json_count(list) >= KG_JOB_SUBTASKS)
            return;
        t = kg_json_object();
        kg_json_set_u64(t, "taskId", id);
        kg_json_set_str(t, "taskName", "");
        kg_json_push(list, t);
    }
    set_text(t, "taskName", kg_json_str(e, "name"));
    set_text(t, "taskStatus", kg_json_str_or(e, "status", "InProgress"));
    set_text(t, "taskProgress", kg_json_str(e, "progress"));
    j->dirty = true;
}

static void apply_warning(struct kg_job *j, const struct kg_json *e)
{
    struct kg_json *list = kg_json_get_mutable(j->properties, "extendedInfo.warningDetails"), *w, *actions;

    if (!list) {
        kg_job_extend(j, "warningDetails", kg_json_array());
        list = kg_json_get_mutable(j->properties, "extendedInfo.warningDetails");
    }
    if (kg_json_count(list) >= KG_JOB_WARNINGS_KEPT)
        return;
    w = kg_json_object();
    actions = kg_json_array();
    kg_json_set_str(w, "resourceName", kg_json_str(j->properties, "dataSourceName"));
    set_text(w, "warning.code", kg_json_str_or(e, "error.code", "Warning"));
    set_text(w, "warning.message", kg_json_str_or(e, "error.message", ""));
    kg_json_push_str(actions, kg_json_str_or(e, "error.action", ""));
    kg_json_set(w, "warning.recommendedAction", actions);
    kg_json_push(list, w);
    j->dirty = true;
}

bool kg_job_apply(struct kg_job *j, const struct kg_json *event)
{
    static const struct { const char *name; void (*apply)(struct kg_job *, const struct kg_json *); } known[] = {
        { "progress", apply_progress }, { "subtask", apply_subtask }, { "warning", apply_warning },
    };
    const char *name = kg_json_str_or(event, "event", "");

    for (size_t i = 0; i < KG_ARRAY_LEN(known); i++) {
        if (strcmp(known[i].name, name) == 0) {
            known[i].apply(j, event);
            return true;
        }
    }
    return false;
}

/* ---- the end ---- */

/* No sub-task is left running when the job has ended. */
static void settle_subtasks(struct kg_job *j, const char *status)
{
    struct kg_json *list = kg_json_get_mutable(j->properties, "extendedInfo.subTasks");
    char path[24];

    for (size_t i = 0; i < kg_json_count(list); i++) {
        struct kg_json *t;

        snprintf(path, sizeof path, "%zu", i);
        t = kg_json_get_mutable(list, path);
        if (strcasecmp(kg_json_str_or(t, "taskStatus", ""), "InProgress") == 0)
            kg_json_set_str(t, "taskStatus", status);
    }
}

static void set_end(struct kg_job *j, kg_usec at)
{
    char text[48];

    j->end = at > j->start ? at : j->start + 1; /* a clock that was set back must not make a job look unfinished */
    set_time(j->properties, "endTime", j->end);
    kg_json_set_str(j->properties, "duration", kg_duration_iso(j->end - j->start, text));
    j->dirty = true;
}

void kg_job_finish(struct kg_job *j, const struct kg_json *result, kg_usec at)
{
    bool warned = kg_json_count(kg_json_get(j->properties, "extendedInfo.warningDetails")) > 0;

    if (!kg_job_happens(j, warned ? KG_JOB_DONE_WARNINGS : KG_JOB_DONE))
        KG_BUG("a job that cannot complete from its state");
    settle_subtasks(j, "Completed");
    if (result) {
        uint64_t bytes = kg_json_u64(result, "bytes", 0);

        if (bytes)
            kg_json_set_u64(j->properties, "extendedInfo.dataTransferredInBytes", bytes);
        kg_job_extend(j, "result", kg_json_copy(result));
    }
    set_end(j, at);
}

void kg_job_fail(struct kg_job *j, const struct kg_err *e, const char *detail, kg_usec at)
{
    bool cancelled = j->state == KG_JOB_CANCELLING && e->code == KG_E_CANCELLED;
    enum kg_job_event what = cancelled ? KG_JOB_STOPPED : KG_JOB_FAIL;
    struct kg_json *errors = kg_json_array();
    KG_AUTO_FREE char *cut = NULL;

    if (j->state == KG_JOB_QUEUED && e->code == KG_E_CANCELLED)
        what = KG_JOB_CANCEL;
    if (!kg_job_happens(j, what))
        KG_BUG("a job that cannot fail from its state");
    settle_subtasks(j, j->state == KG_JOB_CANCELLED ? "Cancelled" : "Failed");
    if (detail) { /* the end says more than the beginning */
        size_t n = strlen(detail);

        cut = kg_xalloc(KG_JOB_DETAIL_MAX);
        if (n >= KG_JOB_DETAIL_MAX) {
            detail += n - KG_JOB_DETAIL_MAX + 1;
            while (((unsigned char)*detail & 0xC0) == 0x80)
                detail++;
        }
        kg_text_copy(cut, KG_JOB_DETAIL_MAX, detail);
    }
    kg_json_push(errors, kg_user_error(e, cut, j->instance ? j->instance : j->vault,
                                       kg_json_str(j->properties, "activityID")));
    kg_json_set(j->properties, "errorDetails", errors);
    set_end(j, at);
}

/* ---- catalog and answer ---- */

void kg_job_to_row(const struct kg_job *j, struct kg_job_row *ret)
{
    *ret = (struct kg_job_row){ .id = j->id, .vault = j->vault, .instance = j->instance, .operation = j->operation,
                                .start = j->start, .end = j->end };
    ret->json = kg_json_object();
    kg_json_set(ret->json, "properties", kg_json_copy(j->properties));
    kg_json_set_u64(ret->json, "state", (uint64_t)j->state);
    if (j->owner)
        kg_json_set_str(ret->json, "lease.owner", j->owner);
    if (j->waiting && !j->end)
        kg_json_set(ret->json, "waiting", kg_json_copy(j->waiting));
    ret->status = (char *)(uintptr_t)kg_job_state_arm(j->state);
}

struct kg_job *kg_job_from_row(const struct kg_job_row *row)
{
    struct kg_job *j = kg_xalloc(sizeof *j);
    uint64_t state = kg_json_u64(row->json, "state", KG_JOB_RUNNING);

    j->id = kg_xstrdup(row->id);
    j->vault = kg_xstrdup(row->vault);
    j->instance = kg_xstrdup(row->instance);
    j->operation = kg_xstrdup(row->operation);
    j->owner = kg_xstrdup(kg_json_str(row->json, "lease.owner"));
    j->waiting = kg_json_copy(kg_json_get(row->json, "waiting"));
    j->state = state < KG_JOB_STATE_COUNT_ ? (enum kg_job_state)state : KG_JOB_RUNNING;
    j->start = row->start;
    j->end = row->end;
    j->properties = kg_json_copy(kg_json_get(row->json, "properties"));
    if (!j->properties)
        j->properties = kg_json_object();
    return j;
}

struct kg_json *kg_job_answer(const char *vault, const char *id, const struct kg_json *properties, kg_usec now)
{
    struct kg_json *a = kg_json_object(), *p = kg_json_copy(properties);
    KG_AUTO_FREE char *full = kg_id_child(vault, "backupJobs", id);
    kg_usec start;
    char text[48];

    if (!kg_json_str(p, "endTime") && kg_time_parse_iso(kg_json_str_or(p, "startTime", ""), &start) && now > start)
        kg_json_set_str(p, "duration", kg_duration_iso(now - start, text));
    kg_json_set_str(a, "id", full);
    kg_json_set_str(a, "name", id);
    kg_json_set_str(a, "type", KG_TYPE_JOB);
    kg_json_set(a, "properties", p);
    return a;
}
