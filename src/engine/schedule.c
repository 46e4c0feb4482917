/* Backups start by themselves, as their policies say.
 *
 * (1) What the schedule has dealt with is remembered in the backup instance ("internal.schedule"), in the transaction that
 *     records the backup's end. A service that dies in the middle finds the same start due again, and tries it at most
 *     TRIES times.
 * (2) However many starts were missed, one backup is made up for: kg_schedule_due().
 *     Starts that a policy's windows put off are put off by kg_schedule_next() and its like, so that previews know; a start that
 *     is late waits for the next window, too. A backup on demand waits for nothing.
 * (3) An instance that is new here, that got another policy, or whose policy got another schedule, begins now: what its
 *     schedule would have wanted before is not made up for.
 * (4) A clock that went back by more than BACK_MOST was wrong before: the instance begins anew, too. One that jumped ahead
 *     makes one backup due, as a long downtime does. */
#include "engine/engine_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "api/resolve.h"
#include "api/start.h"
#include "base/alloc.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "model/policy.h"
#include "policy/schedule.h"
#include "policy/tag.h"

enum { TRIES = 3 };
#define SCAN_EVERY (5 * KG_SECOND)
#define BACK_MOST  (3600 * KG_SECOND)
#define SAY_EVERY  (600 * KG_SECOND)
#define STATE      "internal.schedule"

/* A policy, read once a scan. */
struct plan {
    struct plan *next;
    struct kg_resource row;
    struct kg_policy *policy;
    struct kg_zone *zone;            /* NULL: the policy cannot be followed */
    char *print;                     /* schedule, zone and windows as text: changes when they do */
};

struct item {
    char *instance;
    const struct plan *plan;
    bool anew;                       /* see (3) and (4) */
    kg_usec start;                   /* due, when not anew */
};

struct scan {
    struct kg_engine *e;
    kg_usec now;
    struct plan *plans;
    struct item *items;
    size_t n, cap, followed;
    kg_usec next;                    /* the soonest start to come, 0: none */
    char *next_of;
};

/* ---- policies ---- */

static char *print_of(const struct kg_policy *p)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(KG_CATALOG_JSON_MAX);
    char window[12];

    for (size_t i = 0; i < p->interval_count; i++)
        kg_buf_addf(&b, "%s;", p->interval_texts[i]);
    kg_buf_adds(&b, p->time_zone);
    for (size_t i = 0; i < p->window_count; i++)
        kg_buf_addf(&b, ";%s", kg_window_text(&p->windows[i], window));
    return kg_buf_take(&b);
}

static void read_policy(struct kg_engine *e, const char *id, struct plan *p)
{
    struct kg_err err = { 0 };

    if (kg_catalog_get(e->catalog, id, &p->row, &err) < 0 || kg_policy_from_json(p->row.json, &p->policy, &err) < 0 ||
        kg_zone_open(p->policy->time_zone, &p->zone, &err) < 0) {
        if (kg_now_mono() >= e->schedule_said + SAY_EVERY || !e->schedule_said)
            kg_log_err(KG_LOG_WARN, &err, "policy '%s' cannot be followed: no backup starts by it", id);
        e->schedule_said = kg_now_mono();
        return;
    }
    p->print = print_of(p->policy);
}

static const struct plan *plan_of(struct scan *s, const char *id)
{
    struct plan *p;

    for (p = s->plans; p; p = p->next)
        if (p->row.id && kg_id_equal(p->row.id, id))
            return p;
    p = kg_xalloc(sizeof *p);
    read_policy(s->e, id, p);
    p->next = s->plans;
    s->plans = p;
    return p;
}

/* ---- what was dealt with ---- */

static kg_usec time_at(const struct kg_json *j, const char *path)
{
    const char *text = kg_json_str(j, path);
    kg_usec t;

    return text && kg_time_parse_iso(text, &t) ? t : KG_NEVER;
}

static void set_time(struct kg_json *j, const char *path, kg_usec t)
{
    char text[32];

    kg_json_set_str(j, path, kg_time_iso(t, text));
}

static bool is_new_here(const struct kg_json *state, const char *policy, const struct plan *p, kg_usec now)
{
    return !kg_json_str(state, "policy") || !kg_id_equal(kg_json_str(state, "policy"), policy) ||
           strcmp(kg_json_str_or(state, "of", ""), p->print) != 0 || time_at(state, "last") > now + BACK_MOST ||
           time_at(state, "since") > now + BACK_MOST;
}

/* So that many instances of one policy do not all begin in the same second: the same delay each time for each. */
static kg_usec jitter(const struct kg_engine *e, const char *instance)
{
    uint8_t h[KG_HASH_BYTES];
    uint64_t n = 0;

    if (!e->settings.schedule_jitter_seconds)
        return 0;
    kg_digest(instance, strlen(instance), h);
    memcpy(&n, h, sizeof n);
    return (kg_usec)(n % (e->settings.schedule_jitter_seconds * KG_SECOND));
}

/* Within the window that the start is in: a window shorter than the delay does without it. */
static bool may_begin(const struct scan *s, const struct plan *p, kg_usec start, const char *instance)
{
    kg_usec begins = start + jitter(s->e, instance);

    if (kg_schedule_opens(p->policy, p->zone, begins) != begins)
        begins = start;
    return s->now >= begins && kg_schedule_opens(p->policy, p->zone, s->now) == s->now;
}

/* ---- looking ---- */

static void note_next(struct scan *s, const char *instance, const struct plan *p)
{
    kg_usec next = kg_schedule_next(p->policy, p->zone, s->now);

    if (next <= 0 || next == KG_NEVER || (s->next && s->next <= next))
        return;
    s->next = next;
    free(s->next_of);
    s->next_of = kg_xstrdup(instance);
}

static int look(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    struct scan *s = arg;
    const struct kg_settings *set = &s->e->settings;
    const struct kg_json *state = kg_json_get(r->json, STATE);
    const char *policy = kg_json_str(r->json, "properties.policyInfo.policyId");
    struct item item = { 0 };
    kg_usec last, since;

    (void)err;
    if (!policy || !kg_instance_is_scheduled(r->json))
        return 0;
    item.plan = plan_of(s, policy);
    if (!item.plan->zone)
        return 0;
    s->followed++;
    note_next(s, r->id, item.plan);
    item.anew = is_new_here(state, policy, item.plan, s->now);
    last = time_at(state, "last");
    since = time_at(state, "since");
    if (!item.anew)
        item.start = kg_schedule_due(item.plan->policy, item.plan->zone, last > since ? last : since, since, s->now,
                                     (kg_usec)set->schedule_grace_seconds * KG_SECOND, strcmp(set->schedule_catch_up, "once") == 0).start;
    if (!item.anew && (item.start == KG_NEVER || !may_begin(s, item.plan, item.start, r->key)))
        return 0;
    item.instance = kg_xstrdup(r->id);
    KG_GROW(s->items, s->n, s->cap);
    s->items[s->n++] = item;
    return 0;
}

/* ---- acting ---- */

static int put(struct kg_engine *e, struct kg_resource *instance, struct kg_err *err)
{
    return kg_catalog_put(e->catalog, instance->id, instance->location, instance->json, KG_PUT_REPLACE, NULL, NULL, err);
}

static int begin_anew(struct kg_engine *e, const struct item *i, kg_usec now, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    kg_usec succeeded;

    if (kg_catalog_get(e->catalog, i->instance, &r, err) < 0)
        return -(int)err->code;
    succeeded = time_at(r.json, STATE ".succeeded");
    kg_json_set(r.json, STATE, kg_json_object());
    if (succeeded != KG_NEVER && succeeded <= now) /* what was the first of its month stays that */
        set_time(r.json, STATE ".succeeded", succeeded);
    kg_json_set_str(r.json, STATE ".policy", kg_json_str(r.json, "properties.policyInfo.policyId"));
    kg_json_set_str(r.json, STATE ".of", i->plan->print);
    set_time(r.json, STATE ".since", now);
    return put(e, &r, err);
}

/* How often this start was tried, this time included. */
static uint64_t count_try(struct kg_json *json, kg_usec start)
{
    uint64_t n = time_at(json, STATE ".tried") == start ? kg_json_u64(json, STATE ".tries", 0) + 1 : 1;

    set_time(json, STATE ".tried", start);
    kg_json_set_u64(json, STATE ".tries", n);
    return n;
}

static int start_backup(struct kg_engine *e, const struct item *i, struct kg_err *err)
{
    KG_AUTO_TARGET struct kg_target target = { 0 };
    KG_AUTO_TASK struct kg_task *t = NULL;
    KG_AUTO_JOB struct kg_job *job = NULL;
    const struct kg_policy_tag *tag;
    char activity[37];

    if (kg_target_load(&e->api, i->instance, KG_TARGET_BACKUP, &target, err) < 0)
        return -(int)err->code;
    tag = kg_tag_for(i->plan->policy, i->plan->zone, i->start, time_at(target.instance.json, STATE ".succeeded"));
    if (kg_backup_task(&target, &i->plan->row, tag->name, &t, err) < 0)
        return -(int)err->code;
    kg_uuid(activity);
    job = kg_backup_job(&target, t, i->plan->policy->rule_name, activity, NULL);
    job->request = kg_backup_request(&target, i->plan->policy->rule_name, tag->name);
    t->scheduled = i->start;
    t->uid = geteuid();
    if (count_try(target.instance.json, i->start) > TRIES) {
        set_time(target.instance.json, STATE ".last", i->start);
        kg_log(KG_LOG_ERROR, "the scheduled backup of '%s' was begun %d times and never ended: it is left out", i->instance, TRIES);
        return put(e, &target.instance, err);
    }
    if (kg_start_prepare(&e->api, t, job, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = e->catalog;
    (void)tx;
    if (put(e, &target.instance, err) < 0)
        return -(int)err->code;
    kg_log(KG_LOG_INFO, "scheduled backup of '%s' begins job=%s tag=%s", i->instance, job->id, tag->name);
    return kg_start_commit(&e->api, &t, &job, err);
}

static void act(struct scan *s, const struct item *i)
{
    struct kg_err err = { 0 };

    if ((i->anew ? begin_anew(s->e, i, s->now, &err) : start_backup(s->e, i, &err)) == 0)
        return;
    if (err.code == KG_E_BUSY || err.code == KG_E_LIMIT || err.code == KG_E_NOT_FOUND)
        return; /* it is due again at the next scan; or has gone */
    if (!s->e->schedule_said || kg_now_mono() >= s->e->schedule_said + SAY_EVERY)
        kg_log_err(KG_LOG_WARN, &err, "the scheduled backup of '%s' does not start", i->instance);
    s->e->schedule_said = kg_now_mono();
}

static void scan_done(struct scan *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->items[i].instance);
    free(s->items);
    while (s->plans) {
        struct plan *p = s->plans;

        s->plans = p->next;
        kg_resource_done(&p->row);
        kg_policy_free(p->policy);
        kg_zone_free(p->zone);
        free(p->print);
        free(p);
    }
}

void kg_schedule_tick(struct kg_engine *e)
{
    struct kg_resource_query q = { .type = KG_TYPE_INSTANCE };
    struct scan s = { .e = e, .now = kg_now_wall() };
    struct kg_err err = { 0 };

    if (e->stop != KG_STOP_NO || (kg_now_mono() < e->schedule_at && !(e->next_backup && s.now >= e->next_backup)))
        return;
    e->schedule_at = kg_now_mono() + SCAN_EVERY;
    if (kg_each_resource(e->catalog, &q, look, &s, &err) < 0)
        kg_log_err(KG_LOG_WARN, &err, "schedules are not looked at");
    e->scheduled = s.followed;
    e->next_backup = s.next;
    free(e->next_instance);
    e->next_instance = s.next_of;
    for (size_t i = 0; i < s.n; i++)
        act(&s, &s.items[i]);
    scan_done(&s);
}

int kg_schedule_ended(struct kg_engine *e, const struct kg_run *r, bool succeeded, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource instance = { 0 };
    struct kg_err why = { 0 };

    if (!r->task->scheduled)
        return 0;
    if (kg_catalog_get(e->catalog, r->task->instance, &instance, &why) < 0) {
        if (why.code == KG_E_NOT_FOUND)
            return 0;
        *err = why;
        return -(int)err->code;
    }
    if (kg_json_type(kg_json_get(instance.json, STATE)) != KG_JSON_OBJECT)
        return 0;
    if (time_at(instance.json, STATE ".last") < r->task->scheduled)
        set_time(instance.json, STATE ".last", r->task->scheduled);
    if (succeeded)
        set_time(instance.json, STATE ".succeeded", r->task->scheduled);
    return put(e, &instance, err);
}
