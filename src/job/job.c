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

static void set_actions(struct kg_json *p, const char *action)
{
    struct kg_json *a = kg_json_array();

    if (action)
        kg_json_push_str(a, action);
    kg_json_set(p, "supportedActions", a);
}

static const char *action_of(const struct kg_job *j)
{
    if (j->state == KG_JOB_QUEUED || j->state == KG_JOB_RUNNING)
        return "Cancel";
    return j->request && (j->state == KG_JOB_FAILED || j->state == KG_JOB_CANCELLED || j->state == KG_JOB_WARNINGS) ? "Retry" : NULL;
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
    kg_json_set_bool(p, "isUserTriggered", s->by != NULL);
    kg_json_set_str(p, "startedBy", s->by ? s->by : "keepgres");
    set_time(p, "startTime", s->start);
    kg_json_set_bool(p, "progressEnabled", true);
    set_actions(p, "Cancel");
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
    kg_json_free(j->request);
    kg_json_free(j->waiting);
    kg_json_free(j->tables);
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
    set_actions(j->properties, action_of(j));
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

/* ---- phases ---- */

static struct kg_json *last_phase(const struct kg_job *j)
{
    struct kg_json *list = kg_json_get_mutable(j->properties, "extendedInfo.phases");
    char at[24];

    if (!kg_json_count(list))
        return NULL;
    snprintf(at, sizeof at, "%zu", kg_json_count(list) - 1);
    return kg_json_get_mutable(list, at);
}

static kg_usec phase_elapsed(const struct kg_json *p, kg_usec now)
{
    kg_usec start;

    return kg_time_parse_iso(kg_json_str_or(p, "startTime", ""), &start) ? now - start : -1;
}

/* How long each phase takes and how much it has to do: what the time left of the next such run is judged by. */
static void note_phase(struct kg_job *j, const char *name, uint64_t bytes, kg_usec now)
{
    struct kg_json *p = last_phase(j);
    kg_usec elapsed = p ? phase_elapsed(p, now) : 0;
    char when[32];

    if (p && elapsed >= 0)
        kg_json_set_double(p, "seconds", (double)(elapsed / 1000) / 1000);
    if (!name || !*name)
        return;
    if (!p || strcmp(kg_json_str_or(p, "phase", ""), name) != 0) {
        if (!p)
            kg_job_extend(j, "phases", kg_json_array());
        if (kg_json_count(kg_json_get(j->properties, "extendedInfo.phases")) >= KG_PHASES_MAX)
            return;
        p = kg_json_object();
        set_text(p, "phase", name);
        kg_json_set_str(p, "startTime", kg_time_iso(now, when));
        kg_json_set_double(p, "seconds", 0);
        kg_json_push(kg_json_get_mutable(j->properties, "extendedInfo.phases"), p);
    }
    if (bytes)
        kg_json_set_u64(p, "bytes", bytes);
}

/* Is it the job's last phase, as far as the operation tells? */
static bool is_last_phase(const struct kg_job *j, const char *phase)
{
    static const struct { const char *operation, *phase; } last[] = {
        { "Backup", "data" }, { "Check", "check" }, { "Restore", "publish" },
    };
    const char *kind = kg_json_str_or(j->properties, "extendedInfo.additionalDetails.RestoreKind", "");

    if (strcmp(kind, "RestoreAsFiles") == 0)
        return strcmp(phase, "data") == 0;
    for (size_t i = 0; i < KG_ARRAY_LEN(last); i++)
        if (strcasecmp(last[i].operation, j->operation) == 0 && strcmp(last[i].phase, phase) == 0)
            return true;
    return false;
}

struct kg_left kg_job_left(const struct kg_job *j, kg_usec now)
{
    const struct kg_json *progress = kg_json_get(j->properties, "extendedInfo.progress"), *p = last_phase(j);
    struct kg_running running = { .name = kg_json_str_or(p, "phase", ""), .done = kg_json_u64(progress, "bytesDone", 0),
                                  .total = kg_json_u64(progress, "bytesTotal", 0) };

    if (!p || j->state != KG_JOB_RUNNING)
        return (struct kg_left){ KG_LEFT_UNKNOWN, KG_LEFT_UNKNOWN, NULL };
    running.elapsed = phase_elapsed(p, now);
    running.last = is_last_phase(j, running.name);
    return kg_time_left(&running, &j->earlier);
}

static void tell_seconds(struct kg_json *to, const char *key, kg_usec left)
{
    if (left == KG_LEFT_UNKNOWN)
        kg_json_set(to, key, NULL);
    else
        kg_json_set_u64(to, key, (uint64_t)((left + KG_SECOND - 1) / KG_SECOND));
}

void kg_job_tell_left(const struct kg_job *j, kg_usec now, struct kg_json *answer)
{
    struct kg_json *progress = kg_json_get_mutable(answer, "properties.extendedInfo.progress");
    struct kg_left left = kg_job_left(j, now);

    if (!progress || kg_job_state_ended(j->state))
        return;
    tell_seconds(progress, "secondsLeft", left.job);
    tell_seconds(progress, "phaseSecondsLeft", left.phase);
    kg_json_set_str(progress, "estimateFrom", left.basis);
}

/* ---- tables ---- */

static struct kg_json *take_tables(const struct kg_json *list, size_t most)
{
    static const char *const names[] = { "schema", "name", "step" }, *const numbers[] = { "bytesDone", "bytesTotal", "rows" };
    struct kg_json *to = kg_json_array();
    char cut[256];

    for (const struct kg_json *t = kg_json_first(list); t && kg_json_count(to) < most; t = kg_json_next(t)) {
        struct kg_json *one = kg_json_object();
        double seconds = kg_json_double(t, "seconds", 0);

        for (size_t i = 0; i < KG_ARRAY_LEN(names); i++) {
            kg_text_copy(cut, sizeof cut, kg_json_str_or(t, names[i], ""));
            kg_json_set_str(one, names[i], cut);
        }
        for (size_t i = 0; i < KG_ARRAY_LEN(numbers); i++)
            if (kg_json_get(t, numbers[i]))
                kg_json_set_u64(one, numbers[i], kg_json_u64(t, numbers[i], 0));
        kg_json_set_double(one, "seconds", seconds > 0 ? seconds : 0);
        kg_json_push(to, one);
    }
    return to;
}

/* How many are done and left, which are in work, and the biggest of those done. A phase that is at no table has none in work. */
static void apply_in_work(struct kg_job *j, const struct kg_json *e)
{
    const struct kg_json *told = kg_json_get(e, "tables"), *before = kg_json_get(j->properties, "extendedInfo.tables.biggest");
    uint64_t done = kg_json_u64(e, "tablesDone", 0), total = kg_json_u64(e, "tablesTotal", 0);
    struct kg_json *t;

    if (!total && !before)
        return;
    t = kg_json_object();
    kg_json_set_u64(t, "done", done);
    kg_json_set_u64(t, "left", total > done ? total - done : 0);
    kg_json_set_u64(t, "inWorkCount", kg_json_u64(told, "inWorkCount", 0));
    kg_json_set(t, "inWork", take_tables(kg_json_get(told, "inWork"), KG_JOB_TABLES_IN_WORK));
    kg_json_set(t, "biggest", told ? take_tables(kg_json_get(told, "biggest"), KG_JOB_TABLES_BIGGEST)
                              : before ? kg_json_copy(before) : kg_json_array());
    kg_job_extend(j, "tables", t);
}

/* Nothing is in work when the job has ended; and lists of jobs are made of many that have. */
static void settle_tables(struct kg_job *j)
{
    struct kg_json *t = kg_json_get_mutable(j->properties, "extendedInfo.tables");

    if (!t)
        return;
    kg_json_set_u64(t, "inWorkCount", 0);
    kg_json_set(t, "inWork", kg_json_array());
    kg_json_set(t, "biggest", take_tables(kg_json_get(t, "biggest"), KG_JOB_TABLES_ENDED));
}

static void apply_tables(struct kg_job *j, const struct kg_json *e)
{
    kg_json_free(j->tables);
    j->tables = take_tables(kg_json_get(e, "tables"), KG_JOB_TABLES_KEPT);
    if (kg_json_get(j->properties, "extendedInfo.tables"))
        kg_json_set(j->properties, "extendedInfo.tables.biggest", take_tables(j->tables, KG_JOB_TABLES_BIGGEST));
    j->dirty = true;
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
    note_phase(j, kg_json_str(p, "phase"), kg_json_u64(p, "bytesTotal", 0), kg_now_wall());
    kg_job_extend(j, "progress", p);
    apply_in_work(j, e);
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

void kg_job_step(struct kg_job *j, const char *name)
{
    KG_AUTO_JSON struct kg_json *e = kg_json_object();

    kg_json_set_u64(e, "id", 1);
    kg_json_set_str(e, "name", name);
    kg_json_set_str(e, "status", "InProgress");
    apply_subtask(j, e);
}

/* What it is about, for machines: [{type, name}], as the worker says, bounded. */
static void set_objects(struct kg_json *w, const struct kg_json *objects)
{
    struct kg_json *list = kg_json_array();
    size_t n = 0;

    for (const struct kg_json *o = kg_json_first(objects); o && n < KG_JOB_WARNINGS_KEPT; o = kg_json_next(o), n++) {
        struct kg_json *one = kg_json_object();

        set_text(one, "type", kg_json_str_or(o, "type", ""));
        set_text(one, "name", kg_json_str_or(o, "name", ""));
        kg_json_push(list, one);
    }
    kg_json_set(w, "objects", list);
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
    set_objects(w, kg_json_get(e, "objects"));
    kg_json_push(list, w);
    j->dirty = true;
}

bool kg_job_apply(struct kg_job *j, const struct kg_json *event)
{
    static const struct { const char *name; void (*apply)(struct kg_job *, const struct kg_json *); } known[] = {
        { "progress", apply_progress }, { "subtask", apply_subtask }, { "warning", apply_warning },
        { "tables", apply_tables },
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
    settle_tables(j);
    note_phase(j, NULL, 0, at);
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
    settle_tables(j);
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

void kg_job_fail_details(struct kg_job *j, const struct kg_json *details)
{
    struct kg_json *e = kg_json_get_mutable(j->properties, "errorDetails.0");

    if (e && details)
        kg_json_set(e, "details", kg_json_copy(details));
    j->dirty = true;
}

/* ---- catalog and answer ---- */

/* What the resource graph calls the operation: the category, and of a backup who wanted it. */
static const char *kind_of(const struct kg_job *j)
{
    const char *category = kg_json_str(j->properties, "operationCategory");

    if (!category || strcasecmp(category, "Backup") != 0)
        return category;
    return kg_json_bool(j->properties, "isUserTriggered", false) ? "OnDemandBackup" : "ScheduledBackup";
}

void kg_job_to_row(const struct kg_job *j, struct kg_job_row *ret)
{
    *ret = (struct kg_job_row){ .id = j->id, .vault = j->vault, .instance = j->instance, .operation = j->operation,
                                .start = j->start, .end = j->end };
    ret->json = kg_json_object();
    kg_json_set(ret->json, "properties", kg_json_copy(j->properties));
    kg_json_set_u64(ret->json, "state", (uint64_t)j->state);
    if (j->owner)
        kg_json_set_str(ret->json, "lease.owner", j->owner);
    if (j->request)
        kg_json_set(ret->json, "request", kg_json_copy(j->request));
    if (j->waiting && !j->end)
        kg_json_set(ret->json, "waiting", kg_json_copy(j->waiting));
    ret->status = (char *)(uintptr_t)kg_job_state_arm(j->state);
    ret->kind = (char *)(uintptr_t)kind_of(j);
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
    j->request = kg_json_copy(kg_json_get(row->json, "request"));
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
