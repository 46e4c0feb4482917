/* Recovery points go to the archive, and leave, when their time has come.
 *
 * What a policy promised a point was written down when the point was made ("stays"); policy/lifecycle.h says what follows
 * from it now. A copy is deleted by a worker, then the catalog forgets it, and with the last one the point; a service that dies
 * between finds it leaving (leaving.c), and deleting twice is deleting. Copies to the archive are made one at a time (tiering.c): that
 * which failed least often first, of these the oldest point's.
 *
 * Nothing is deleted because a clock jumped: when it did (see clock.c), all is left as it is until it has settled. Only of what began to
 * leave before it is looked whether it is there: nobody restores what may be gone. */
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
#include "policy/copies.h"
#include "policy/leaving.h"
#include "policy/lifecycle.h"
#include "policy/promise.h"

enum { AT_ONCE = 1000 }; /* points of one task */
#define FIRST_LOOK    (60 * KG_SECOND)
#define PAUSE_MOST    (2 * 24 * 3600 * KG_SECOND) /* a clock that was set back must not make it longer */
#define PURGE_EVERY   (5 * KG_SECOND)
#define PURGE_AGAIN   (300 * KG_SECOND)  /* after one that failed */
#define COLLECT_EVERY (24 * 3600 * KG_SECOND)

/* ---- one instance ---- */

/* What a point's document says besides its life. */
struct facts {
    char id[40];
    bool leftover;                   /* a rehydration that failed may have left a copy in the vault */
    unsigned leaving;                /* stores whose copies began to leave */
    bool own;                        /* by a job of this service, whose workers it knows */
    unsigned stayed;                 /* stores whose copies stayed when they should have left, and are not asked again yet */
    uint64_t tries;                  /* to copy it to the archive, that failed */
    bool paused;                     /* and is not tried again yet */
};

struct points {
    struct kg_life *life;
    struct facts *facts;
    size_t n, cap, cap_facts;
};

static void points_done(struct points *p)
{
    free(p->life);
    free(p->facts);
}

static void read_facts(const struct kg_point_row *row, const char *run, kg_usec now, struct facts *ret)
{
    kg_usec after;

    (void)snprintf(ret->id, sizeof ret->id, "%s", row->id);
    ret->leftover = kg_rehydration_read(row->json).leftover;
    ret->leaving = kg_leaving_stores(row->json);
    ret->own = kg_leaving_is_of(row->json, run);
    ret->stayed = 0;
    for (int s = 0; s < KG_DATASTORE_COUNT_; s++)
        if (kg_stayed_is_paused(row->json, (enum kg_datastore)s, now))
            ret->stayed |= 1u << s;
    ret->tries = kg_json_u64(row->json, "tiering.tries", 0);
    ret->paused = kg_time_parse_iso(kg_json_str_or(row->json, "tiering.after", ""), &after) && now < after &&
                  after <= now + PAUSE_MOST;
}

struct reading { struct points *to; const char *run; kg_usec now; };

static int read_point(void *arg, struct kg_point_row *row, struct kg_err *err)
{
    const struct reading *g = arg;
    struct points *p = g->to;
    size_t n = p->n;

    (void)err;
    KG_GROW(p->life, n, p->cap);
    KG_GROW(p->facts, n, p->cap_facts);
    p->life[n] = kg_promise_read(row->json, row->time);
    read_facts(row, g->run, g->now, &p->facts[n]);
    p->n++;
    return 0;
}

static int read_points(struct kg_engine *e, const char *instance, kg_usec now, struct points *ret, struct kg_err *err)
{
    struct reading g = { ret, e->run_id, now };

    if (kg_each_point(e->catalog, instance, read_point, &g, err) < 0)
        return -(int)err->code;
    return 0;
}

/* A copy to be made, the best one found so far. */
struct candidate {
    char *instance;
    char point[40];
    uint64_t tries;
    kg_usec time;
};

static void consider(struct candidate *c, const char *instance, const struct kg_life *life, const struct facts *f)
{
    if (!life->good || !(life->in & ~life->lost & ~life->damaged & 1u << KG_DATASTORE_VAULT) || f->paused || f->leaving ||
        (c->instance && (f->tries > c->tries || (f->tries == c->tries && life->time >= c->time))))
        return;
    free(c->instance);
    c->instance = kg_xstrdup(instance);
    (void)snprintf(c->point, sizeof c->point, "%s", f->id);
    c->tries = f->tries;
    c->time = life->time;
}

/* What a task deletes in one store. */
struct list {
    struct kg_json *points;              /* whose copy leaves */
    struct kg_json *elsewhere;           /* those of them that stay in the other one */
    struct kg_json *settle;              /* of which it is looked whether it is there: it began to leave, and is to stay by now */
};

/* A worker of an earlier service, which may be deleting still, is let end. */
static bool may_settle(const struct kg_engine *e, const struct facts *f)
{
    return f->own || kg_now_mono() >= e->started_mono + KG_ORPHANS_GONE;
}

static struct list find_expired(const struct kg_engine *e, const struct points *p, const struct kg_step *steps, size_t n,
                                enum kg_datastore store)
{
    KG_AUTO_FREE unsigned *leave = kg_xalloc_array(p->n + 1, sizeof *leave);
    struct list l = { kg_json_array(), kg_json_array(), kg_json_array() };
    unsigned bit = 1u << store;

    for (size_t i = 0; i < n; i++)
        if (steps[i].kind == KG_STEP_LEAVE)
            leave[steps[i].point] |= 1u << steps[i].store;
    for (size_t i = 0; i < p->n && kg_json_count(l.points) + kg_json_count(l.settle) < AT_ONCE; i++) {
        const struct facts *f = &p->facts[i];
        bool leftover = store == KG_DATASTORE_VAULT && f->leftover;
        bool goes = (leave[i] & bit || leftover) && !(f->stayed & bit) && !kg_tasks_restores(e, f->id) && kg_clock_is_settled(e);

        if (goes)
            kg_json_push_str(l.points, f->id);
        else if (f->leaving & bit && may_settle(e, f))
            kg_json_push_str(l.settle, f->id);
        if (goes && p->life[i].in & ~leave[i] & ~bit)
            kg_json_push_str(l.elsewhere, f->id);
    }
    return l;
}

static struct kg_job *own_job(const struct kg_resource *vault, const struct kg_resource *instance, enum kg_task_kind kind)
{
    char activity[37];

    kg_uuid(activity);
    return kg_make_task_job(vault, instance, kind, activity, NULL);
}

/* Part of accepting the task: whoever asks sees from now on that these are leaving. */
static int mark_leaving(struct kg_engine *e, const char *instance, const struct kg_json *points, enum kg_datastore store,
                        struct kg_err *err)
{
    for (const struct kg_json *p = kg_json_first(points); p; p = kg_json_next(p)) {
        KG_AUTO_POINT_ROW struct kg_point_row row = { 0 };

        if (kg_catalog_point_get(e->catalog, instance, kg_json_value_str(p), &row, err) < 0)
            return -(int)err->code;
        kg_leaving_begin(row.json, 1u << store, e->run_id, kg_now_wall());
        if (kg_catalog_point_update(e->catalog, &row, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

/* One store's copies; 1: a task was started. */
static int start_expiry(struct kg_engine *e, const struct kg_target *target, const struct points *p, const struct kg_step *steps,
                        size_t n, enum kg_datastore store, struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = kg_target_task(target, KG_TASK_EXPIRE);
    struct list l = find_expired(e, p, steps, n, store);
    size_t all = kg_json_count(l.points) + kg_json_count(l.settle);
    KG_AUTO_FREE char *count = kg_xprintf("%zu", all);
    KG_AUTO_JOB struct kg_job *job = NULL;

    kg_json_set(t->params, "elsewhere", l.elsewhere);
    kg_json_set(t->params, "points", l.points);
    kg_json_set(t->params, "settle", l.settle);
    kg_json_set_str(t->params, "store", kg_datastore_to_text(store));
    t->uid = geteuid();
    if (!all)
        return 0;
    job = own_job(&target->vault, &target->instance, KG_TASK_EXPIRE);
    kg_json_set_str(job->properties, "sourceDataStoreName", kg_datastore_to_text(store));
    kg_job_detail(job, "RecoveryPoints", count);
    if (kg_start_prepare(&e->api, t, job, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = e->catalog;
    (void)tx;
    if (mark_leaving(e, target->instance.id, l.points, store, err) < 0)
        return -(int)err->code;
    kg_log(KG_LOG_INFO, "%zu recovery points of '%s' leave the %s", kg_json_count(l.points), target->instance.id,
           kg_datastore_to_text(store));
    return kg_start_commit(&e->api, &t, &job, err) < 0 ? -(int)err->code : 1;
}

/* Protection that was stopped keeps everything but copies that came back from the archive for a while; of what was deleted
 * nothing is touched, nor of what cannot be looked at. */
enum regime { AS_PROMISED, KEEP_ALL, HANDS_OFF };

static enum regime regime_of(struct kg_engine *e, const char *instance)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    struct kg_err ignored = { 0 };

    if (kg_catalog_get(e->catalog, instance, &r, &ignored) < 0 || kg_instance_is_deleted(r.json))
        return HANDS_OFF;
    return kg_instance_is_retained(r.json) ? KEEP_ALL : AS_PROMISED;
}

/* What has to be done for an instance's points by now. */
struct agenda {
    struct points points;
    struct kg_step *steps;
    size_t n;
    enum regime regime;
};

static void agenda_done(struct agenda *a)
{
    points_done(&a->points);
    free(a->steps);
}

static int make_agenda(struct kg_engine *e, const char *instance, struct agenda *a, struct kg_err *err)
{
    kg_usec now = kg_now_wall();

    a->regime = regime_of(e, instance);
    if (a->regime == HANDS_OFF)
        return 0;
    if (read_points(e, instance, now, &a->points, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < a->points.n && a->regime == KEEP_ALL; i++)
        kg_life_hold(&a->points.life[i]);
    a->steps = kg_xalloc_array(a->points.n * KG_STAYS + 1, sizeof *a->steps);
    a->n = kg_lifecycle_steps(a->points.life, a->points.n, now, a->steps);
    return 0;
}

static int look_for_copies(struct kg_engine *e, const char *instance, void *arg, struct kg_err *err)
{
    KG_CLEANUP(agenda_done) struct agenda a = { 0 };

    if (make_agenda(e, instance, &a, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < a.n && a.regime == AS_PROMISED; i++)
        if (a.steps[i].kind == KG_STEP_COPY && a.steps[i].store == KG_DATASTORE_ARCHIVE)
            consider(arg, instance, &a.points.life[a.steps[i].point], &a.points.facts[a.steps[i].point]);
    return 0;
}

static bool is_leaving(const struct agenda *a)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->steps[i].kind == KG_STEP_LEAVE)
            return true;
    for (size_t i = 0; i < a->points.n; i++)
        if (a->points.facts[i].leftover || a->points.facts[i].leaving)
            return true;
    return false;
}

/* Not while a collection is at work: it was told which points there are, and stops when one is missing. */
static int let_leave(struct kg_engine *e, const char *instance, void *arg, struct kg_err *err)
{
    KG_CLEANUP(agenda_done) struct agenda a = { 0 };
    KG_AUTO_TARGET struct kg_target target = { 0 };
    KG_AUTO_FREE char *vault = kg_id_parent(instance);
    int r;

    (void)arg;
    if (kg_tasks_collects(e, vault))
        return 0;
    if (make_agenda(e, instance, &a, err) < 0)
        return -(int)err->code;
    if (!is_leaving(&a))
        return 0;
    if (kg_target_load(&e->api, instance, KG_TARGET_POINTS, &target, err) < 0)
        return -(int)err->code;
    r = start_expiry(e, &target, &a.points, a.steps, a.n, KG_DATASTORE_VAULT, err);
    if (r == 0) /* one after the other: a point that leaves both is not looked for in a store that it has left */
        r = start_expiry(e, &target, &a.points, a.steps, a.n, KG_DATASTORE_ARCHIVE, err);
    return r < 0 ? r : 0;
}

/* ---- instances that were deleted ---- */

/* A purge that failed is not tried again at every look: each one is a job. */
static bool is_too_early(const struct kg_json *json, kg_usec now)
{
    kg_usec after;

    return strcasecmp(kg_json_str_or(json, "properties.provisioningState", ""), "Failed") == 0 &&
           kg_time_parse_iso(kg_json_str_or(json, "internal.purgeAfter", ""), &after) && now < after && after - now <= PURGE_AGAIN;
}

/* What an immutable vault holds stays for as long as each point was promised; of what nobody knows the end, for good. */
static int is_promised(struct kg_engine *e, const char *instance, kg_usec now, bool *ret, struct kg_err *err)
{
    KG_CLEANUP(points_done) struct points p = { 0 };

    if (read_points(e, instance, now, &p, err) < 0)
        return -(int)err->code;
    *ret = false;
    for (size_t i = 0; i < p.n; i++)
        if (!p.life[i].stays || (p.life[i].held && !p.life[i].held_until) || now < kg_life_end(&p.life[i]))
            *ret = true;
    return 0;
}

/* Its time is over; or its vault's soft delete was turned off, which ends all of them. Either way not before its points' own time in
 * a vault that is immutable now, whenever it became that. */
static bool is_purged(struct kg_engine *e, const struct kg_resource *r, const struct kg_resource *vault, struct kg_err *err)
{
    kg_usec at, now = kg_now_wall();
    bool promised = false;

    if (strcasecmp(kg_json_str_or(vault->json, "properties.securitySettings.softDeleteSettings.state", "On"), "Off") != 0 &&
        (!kg_time_parse_iso(kg_json_str_or(r->json, "properties.deletionInfo.scheduledPurgeTime", ""), &at) || now < at))
        return false;
    if (kg_vault_is_immutable(vault->json) && is_promised(e, r->id, now, &promised, err) < 0)
        return false;
    return !promised;
}

static int purge_instance(struct kg_engine *e, const char *instance, void *arg, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 }, v = { 0 };
    KG_AUTO_FREE char *vault = kg_id_parent(instance);
    KG_AUTO_TASK struct kg_task *t = NULL;
    KG_AUTO_JOB struct kg_job *job = NULL;
    char when[32];

    (void)arg;
    if (kg_catalog_get(e->catalog, instance, &r, err) < 0 || kg_catalog_get(e->catalog, vault, &v, err) < 0)
        return -(int)err->code;
    if (!kg_instance_is_deleted(r.json) || is_too_early(r.json, kg_now_wall()) || kg_tasks_collects(e, vault) || !is_purged(e, &r, &v, err))
        return err->code == KG_E_OK ? 0 : -(int)err->code;
    if (kg_holds_refuse(e->catalog, &r, err) < 0)
        return -(int)err->code;
    t = kg_purge_task(vault, instance);
    job = own_job(&v, &r, KG_TASK_DELETE_INSTANCE);
    t->uid = geteuid();
    if (kg_start_prepare(&e->api, t, job, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = e->catalog;
    kg_json_set_str(r.json, "properties.provisioningState", "Deleting");
    kg_json_set_str(r.json, "internal.purgeAfter", kg_time_iso(kg_now_wall() + PURGE_AGAIN, when));
    if (kg_catalog_put(tx, r.id, r.location, r.json, KG_PUT_REPLACE, NULL, NULL, err) < 0)
        return -(int)err->code;
    kg_log(KG_LOG_INFO, "deleted backup instance '%s' goes for good", instance);
    return kg_start_commit(&e->api, &t, &job, err);
}

/* ---- all of them ---- */

struct names { char **v; size_t n, cap; };

static int add_name(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    struct names *names = arg;

    (void)err;
    KG_GROW(names->v, names->n, names->cap);
    names->v[names->n++] = kg_xstrdup(r->id);
    return 0;
}

static void names_done(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->v[i]);
    free(names->v);
}

static int add_deleted(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    return kg_instance_is_deleted(r->json) ? add_name(arg, r, err) : 0;
}

typedef int each_fn(struct kg_engine *e, const char *id, void *arg, struct kg_err *err);

static void complain(const char *what, const char *id, const struct kg_err *err)
{
    if (err->code != KG_E_BUSY && err->code != KG_E_LIMIT && err->code != KG_E_CONFLICT)
        kg_log_err(KG_LOG_WARN, err, "%s: '%s'", what, id);
}

static void for_each(struct kg_engine *e, const char *type, kg_resource_fn *choose, const char *what, each_fn *fn, void *arg)
{
    struct kg_resource_query q = { .type = type };
    KG_CLEANUP(names_done) struct names names = { 0 };
    struct kg_err err = { 0 };

    if (kg_each_resource(e->catalog, &q, choose, &names, &err) < 0) {
        kg_log_err(KG_LOG_WARN, &err, "%s: the catalog does not tell", what);
        return;
    }
    for (size_t i = 0; i < names.n; i++) {
        err = (struct kg_err){ 0 };
        if (fn(e, names.v[i], arg, &err) < 0)
            complain(what, names.v[i], &err);
    }
}

/* ---- space ---- */

/* After points were deleted, a vault is collected once a day until a collection finds nothing more to do. */
static int collect_vault(struct kg_engine *e, const char *vault, void *arg, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource v = { 0 };
    KG_AUTO_TASK struct kg_task *t = kg_task_new(KG_TASK_COLLECT);
    KG_AUTO_JOB struct kg_job *job = NULL;
    kg_usec now = kg_now_wall(), next;
    char when[32];

    (void)arg;
    if (kg_catalog_get(e->catalog, vault, &v, err) < 0)
        return -(int)err->code;
    if (!kg_json_bool(v.json, "internal.garbage", false) ||
        (kg_time_parse_iso(kg_json_str_or(v.json, "internal.collectAfter", ""), &next) && now < next &&
         next < now + 2 * COLLECT_EVERY))
        return 0;
    job = own_job(&v, NULL, KG_TASK_COLLECT);
    t->resource = kg_xstrdup(v.id);
    t->vault = kg_xstrdup(v.id);
    t->uid = geteuid();
    if (kg_start_prepare(&e->api, t, job, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = e->catalog;
    (void)tx;
    kg_json_set_str(v.json, "internal.collectAfter", kg_time_iso(now + COLLECT_EVERY, when));
    if (kg_catalog_put(e->catalog, v.id, v.location, v.json, KG_PUT_REPLACE, NULL, NULL, err) < 0)
        return -(int)err->code;
    return kg_start_commit(&e->api, &t, &job, err);
}

/* Soft delete that is turned off purges at once, so this is looked at more often. */
static void purge(struct kg_engine *e, kg_usec now)
{
    if (now < e->purge_at || e->stop != KG_STOP_NO || !kg_clock_is_settled(e))
        return;
    e->purge_at = now + PURGE_EVERY;
    for_each(e, KG_TYPE_INSTANCE, add_deleted, "purge", purge_instance, NULL);
}

static void make_copies(struct kg_engine *e)
{
    struct candidate copy = { 0 };
    struct kg_err err = { 0 };

    if (kg_tiering_is_busy(e))
        return;
    for_each(e, KG_TYPE_INSTANCE, add_name, "copies to the archive", look_for_copies, &copy);
    if (copy.instance && kg_tiering_start_copy(e, copy.instance, copy.point, &err) < 0)
        complain("copy to the archive", copy.instance, &err);
    free(copy.instance);
}

/* A copy and an expiry of one instance exclude each other, and either may fail again and again: they take turns at being first. */
static void look_at_points(struct kg_engine *e)
{
    e->copies_first = !e->copies_first;
    if (e->copies_first)
        make_copies(e);
    for_each(e, KG_TYPE_INSTANCE, add_name, "expiry", let_leave, NULL);
    if (!e->copies_first)
        make_copies(e);
}

void kg_lifecycle_tick(struct kg_engine *e)
{
    kg_usec now = kg_now_mono();

    purge(e, now);
    if (!e->lifecycle_at)
        e->lifecycle_at = now + ((kg_usec)e->settings.lifecycle_seconds * KG_SECOND < FIRST_LOOK
                                     ? (kg_usec)e->settings.lifecycle_seconds * KG_SECOND : FIRST_LOOK);
    if (e->stop != KG_STOP_NO || now < e->lifecycle_at)
        return;
    e->lifecycle_at = now + (kg_usec)e->settings.lifecycle_seconds * KG_SECOND;
    if (!kg_clock_is_settled(e)) {
        kg_log(KG_LOG_DEBUG, "the clock jumped: no recovery point is deleted until it has kept its pace for a while");
        for_each(e, KG_TYPE_INSTANCE, add_name, "expiry", let_leave, NULL);
        return;
    }
    look_at_points(e);
    for_each(e, KG_TYPE_VAULT, add_name, "collection", collect_vault, NULL);
}
