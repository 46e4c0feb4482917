#include "api/standing.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "policy/schedule.h"

/* A start this long ago should have made a job: the service looks every few seconds, and tries a failed start again. */
#define OVERDUE (3600 * KG_SECOND)

void kg_stands_init(struct kg_stands *s, struct kg_catalog *catalog)
{
    *s = (struct kg_stands){ .catalog = catalog, .now = kg_now_wall() };
}

void kg_stands_done(struct kg_stands *s)
{
    while (s->policies) {
        struct kg_followed *f = s->policies;

        s->policies = f->next;
        free(f->id);
        free(f->name);
        kg_policy_free(f->policy);
        kg_zone_free(f->zone);
        free(f);
    }
}

/* ---- policies ---- */

static struct kg_followed *read_policy(const struct kg_stands *s, const char *id)
{
    KG_AUTO_RESOURCE struct kg_resource row = { 0 };
    struct kg_followed *f = kg_xalloc(sizeof *f);
    struct kg_err ignored = { 0 };

    f->id = kg_xstrdup(id);
    if (kg_catalog_get(s->catalog, id, &row, &ignored) < 0 || kg_policy_from_json(row.json, &f->policy, &ignored) < 0 ||
        kg_zone_open(f->policy->time_zone, &f->zone, &ignored) < 0)
        return f;
    f->name = kg_xstrdup(row.name);
    f->soonest = kg_schedule_next(f->policy, f->zone, s->now);
    f->previous = kg_schedule_previous(f->policy, f->zone, s->now - OVERDUE);
    return f;
}

static bool is_state(const struct kg_resource *r, const char *state)
{
    return strcasecmp(kg_json_str_or(r->json, "properties.currentProtectionState", ""), state) == 0;
}

const struct kg_followed *kg_stands_policy(struct kg_stands *s, const struct kg_resource *r)
{
    const char *id = kg_json_str_or(r->json, "properties.policyInfo.policyId", "");
    struct kg_followed *f = s->policies;

    if (!kg_instance_is_scheduled(r->json))
        return NULL;
    while (f && !kg_id_equal(f->id, id))
        f = f->next;
    if (!f) {
        f = read_policy(s, id);
        f->next = s->policies;
        s->policies = f;
    }
    return f->zone ? f : NULL;
}

/* ---- what is told ---- */

static void set_time(struct kg_json *j, const char *path, kg_usec t)
{
    char when[32];

    kg_json_set_str(j, path, t ? kg_time_iso_seconds(t, when) : NULL);
}

static struct kg_json *last_backup(const struct kg_resource *r, const struct kg_standing *st)
{
    KG_AUTO_FREE char *vault = st->job ? kg_id_parent(r->id) : NULL;
    KG_AUTO_FREE char *id = vault ? kg_id_child(vault, "backupJobs", st->job) : NULL;
    struct kg_json *j;

    if (!id)
        return NULL;
    j = kg_json_object();
    kg_json_set_str(j, "status", st->status);
    kg_json_set_str(j, "jobId", id);
    set_time(j, "startTime", st->start);
    set_time(j, "endTime", st->end);
    return j;
}

static struct kg_json *latest_point(const struct kg_standing *st)
{
    struct kg_json *j = st->point ? kg_json_object() : NULL;
    char when[32];

    if (!j)
        return NULL;
    kg_json_set_str(j, "recoveryPointId", st->point);
    kg_json_set_str(j, "recoveryPointTime", kg_time_iso(st->point_time, when));
    return j;
}

int kg_stands_tell(struct kg_stands *s, const struct kg_resource *r, struct kg_json *answer, struct kg_err *err)
{
    const struct kg_followed *f = kg_stands_policy(s, r);
    KG_AUTO_STANDING struct kg_standing st = { 0 };

    if (kg_catalog_standing(s->catalog, r->id, &st, err) < 0)
        return -(int)err->code;
    kg_json_set(answer, "properties.lastBackup", last_backup(r, &st));
    kg_json_set(answer, "properties.latestRecoveryPoint", latest_point(&st));
    set_time(answer, "properties.nextBackupTime", f ? f->soonest : KG_NEVER);
    return 0;
}

/* ---- what needs attention ---- */

void kg_attention_done(struct kg_attention *a)
{
    free(a->reason);
    free(a->code);
    *a = (struct kg_attention){ 0 };
}

static void because(struct kg_attention *a, char *reason, const char *code)
{
    a->reason = reason;
    a->code = kg_xstrdup(code);
}

static int because_failed(const struct kg_stands *s, const struct kg_standing *st, bool details, struct kg_attention *ret,
                          struct kg_err *err)
{
    KG_AUTO_JOB_ROW struct kg_job_row row = { 0 };
    const char *message = NULL;

    if (details && kg_catalog_job_get(s->catalog, st->job, &row, err) < 0)
        return -(int)err->code;
    message = kg_json_str(row.json, "properties.errorDetails.0.message");
    because(ret, message ? kg_xprintf("the last backup failed: %s", message) : kg_xstrdup("the last backup failed"),
            kg_json_str_or(row.json, "properties.errorDetails.0.code", "BackupFailed"));
    return 0;
}

/* Nothing began since a start of the schedule that has passed, and was one for this instance already. */
static bool is_overdue(const struct kg_followed *f, const struct kg_resource *r, const struct kg_standing *st)
{
    kg_usec since;

    return f && f->previous != KG_NEVER && st->start < f->previous && !(st->job && !st->end) &&
           kg_time_parse_iso(kg_json_str_or(r->json, "internal.schedule.since", ""), &since) && since < f->previous;
}

int kg_stands_attention(struct kg_stands *s, const struct kg_resource *r, bool details, struct kg_attention *ret, struct kg_err *err)
{
    const struct kg_json *not_ready = kg_json_get(r->json, "properties.protectionErrorDetails");
    const struct kg_followed *f = kg_stands_policy(s, r);
    KG_AUTO_STANDING struct kg_standing st = { 0 };
    char when[32];

    if (kg_instance_is_deleted(r->json))
        return 0;
    if (is_state(r, "ProtectionError") || is_state(r, "ConfiguringProtectionFailed")) {
        because(ret, kg_xprintf("not ready: %s", kg_json_str_or(not_ready, "message", "its protection could not be configured")),
                kg_json_str_or(not_ready, "code", "ProtectionError"));
        return 0;
    }
    if (!f)
        return 0;
    if (kg_catalog_standing(s->catalog, r->id, &st, err) < 0)
        return -(int)err->code;
    if (st.status && strcasecmp(st.status, "Failed") == 0)
        return because_failed(s, &st, details, ret, err);
    if (is_overdue(f, r, &st))
        because(ret, kg_xprintf("overdue: the backup of %s has not started", kg_time_iso_seconds(f->previous, when)), "BackupOverdue");
    return 0;
}
