/* Recovery points leave when their time is over.
 *
 * What a policy promised a point was written down when the point was made ("stays"); policy/lifecycle.h says what follows
 * from it now. A point's last copy in the vault is deleted by a worker, then the catalog forgets it; a service that dies
 * between finds it expired again, and deleting twice is deleting.
 *
 * Nothing is deleted because a clock jumped: when it did (see clock.c), all is left as it is for CLOCK_SETTLES. */
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
#include "policy/lifecycle.h"
#include "policy/promise.h"

enum { AT_ONCE = 1000 }; /* points of one task */
#define FIRST_LOOK    (60 * KG_SECOND)
#define PURGE_EVERY   (5 * KG_SECOND)
#define PURGE_AGAIN   (300 * KG_SECOND)  /* after one that failed */
#define COLLECT_EVERY (24 * 3600 * KG_SECOND)

/* ---- one instance ---- */

struct points {
    struct kg_life *life;
    char (*id)[40];
    size_t n, cap, cap_ids;
};

static void points_done(struct points *p)
{
    free(p->life);
    free(p->id);
}

static int read_points(struct kg_engine *e, const char *instance, struct points *ret, struct kg_err *err)
{
    struct kg_point_query q = { .instance = instance, .top = AT_ONCE };
    KG_AUTO_FREE char *after = NULL;

    do {
        KG_AUTO_POINT_LIST struct kg_point_list l = { 0 };

        q.after = after;
        if (kg_catalog_point_list(e->catalog, &q, &l, err) < 0)
            return -(int)err->code;
        for (size_t i = 0; i < l.count; i++) {
            size_t n = ret->n;

            KG_GROW(ret->life, n, ret->cap);
            KG_GROW(ret->id, n, ret->cap_ids);
            ret->life[ret->n] = kg_promise_read(l.rows[i].json, l.rows[i].time);
            (void)snprintf(ret->id[ret->n++], sizeof ret->id[0], "%s", l.rows[i].id);
        }
        free(after);
        after = KG_TAKE(l.next);
    } while (after);
    return 0;
}

/* The points that leave for good: as a JSON array, or NULL when there is none. */
static struct kg_json *find_expired(const struct points *p, kg_usec now)
{
    KG_AUTO_FREE struct kg_step *steps = kg_xalloc_array(p->n * KG_STAYS + 1, sizeof *steps);
    size_t n = kg_lifecycle_steps(p->life, p->n, now, steps);
    struct kg_json *list = NULL;

    for (size_t i = 0; i < n; i++) {
        if (steps[i].kind != KG_STEP_LEAVE || steps[i].store != KG_DATASTORE_VAULT ||
            (list && kg_json_count(list) == AT_ONCE))
            continue;
        if (!list)
            list = kg_json_array();
        kg_json_push_str(list, p->id[steps[i].point]);
    }
    return list;
}

static struct kg_job *own_job(const struct kg_resource *vault, const struct kg_resource *instance, enum kg_task_kind kind)
{
    char activity[37];

    kg_uuid(activity);
    return kg_make_task_job(vault, instance, kind, activity, NULL);
}

static int start_expiry(struct kg_engine *e, const struct kg_target *target, struct kg_json *points, struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = kg_target_task(target, KG_TASK_EXPIRE);
    KG_AUTO_JOB struct kg_job *job = own_job(&target->vault, &target->instance, KG_TASK_EXPIRE);
    KG_AUTO_FREE char *count = kg_xprintf("%zu", kg_json_count(points));

    kg_json_set(t->params, "points", points);
    kg_job_detail(job, "RecoveryPoints", count);
    t->uid = geteuid();
    if (kg_start_prepare(&e->api, t, job, err) < 0)
        return -(int)err->code;
    kg_log(KG_LOG_INFO, "%zu recovery points of '%s' have expired", kg_json_count(points), target->instance.id);
    return kg_start_commit(&e->api, &t, &job, err);
}

/* Protection that was stopped keeps everything; and what cannot be looked at is not touched. */
static bool is_retained(struct kg_engine *e, const char *instance)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    struct kg_err ignored = { 0 };

    return kg_catalog_get(e->catalog, instance, &r, &ignored) < 0 || kg_instance_is_retained(r.json);
}

static int expire_instance(struct kg_engine *e, const char *instance, struct kg_err *err)
{
    KG_CLEANUP(points_done) struct points points = { 0 };
    KG_AUTO_TARGET struct kg_target target = { 0 };
    struct kg_json *expired;

    if (is_retained(e, instance) || read_points(e, instance, &points, err) < 0 || !(expired = find_expired(&points, kg_now_wall())))
        return err->code == KG_E_OK ? 0 : -(int)err->code;
    if (kg_target_load(&e->api, instance, KG_TARGET_POINTS, &target, err) < 0) {
        kg_json_free(expired);
        return -(int)err->code;
    }
    return start_expiry(e, &target, expired, err);
}

/* ---- instances that were deleted ---- */

/* A purge that failed is not tried again at every look: each one is a job. */
static bool is_too_early(const struct kg_json *json, kg_usec now)
{
    kg_usec after;

    return strcasecmp(kg_json_str_or(json, "properties.provisioningState", ""), "Failed") == 0 &&
           kg_time_parse_iso(kg_json_str_or(json, "internal.purgeAfter", ""), &after) && now < after && after - now <= PURGE_AGAIN;
}

/* Its time is over; or its vault's soft delete was turned off, which ends all of them. */
static bool is_purged(struct kg_engine *e, const struct kg_resource *r, struct kg_err *err)
{
    KG_AUTO_FREE char *vault = kg_id_parent(r->id);
    KG_AUTO_RESOURCE struct kg_resource v = { 0 };
    kg_usec at;

    if (kg_catalog_get(e->catalog, vault, &v, err) < 0)
        return false;
    return strcasecmp(kg_json_str_or(v.json, "properties.securitySettings.softDeleteSettings.state", "On"), "Off") == 0 ||
           (kg_time_parse_iso(kg_json_str_or(r->json, "properties.deletionInfo.scheduledPurgeTime", ""), &at) && at <= kg_now_wall());
}

static int purge_instance(struct kg_engine *e, const char *instance, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 }, v = { 0 };
    KG_AUTO_FREE char *vault = kg_id_parent(instance);
    KG_AUTO_TASK struct kg_task *t = NULL;
    KG_AUTO_JOB struct kg_job *job = NULL;
    char when[32];

    if (kg_catalog_get(e->catalog, instance, &r, err) < 0 || kg_catalog_get(e->catalog, vault, &v, err) < 0)
        return -(int)err->code;
    if (!kg_instance_is_deleted(r.json) || is_too_early(r.json, kg_now_wall()) || !is_purged(e, &r, err))
        return err->code == KG_E_OK ? 0 : -(int)err->code;
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

typedef int each_fn(struct kg_engine *e, const char *id, struct kg_err *err);

static void for_each(struct kg_engine *e, const char *type, kg_resource_fn *choose, const char *what, each_fn *fn)
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
        if (fn(e, names.v[i], &err) < 0 && err.code != KG_E_BUSY && err.code != KG_E_LIMIT && err.code != KG_E_CONFLICT)
            kg_log_err(KG_LOG_WARN, &err, "%s: '%s'", what, names.v[i]);
    }
}

/* ---- space ---- */

/* After points were deleted, a vault is collected once a day until a collection finds nothing more to do. */
static int collect_vault(struct kg_engine *e, const char *vault, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource v = { 0 };
    KG_AUTO_TASK struct kg_task *t = kg_task_new(KG_TASK_COLLECT);
    KG_AUTO_JOB struct kg_job *job = NULL;
    kg_usec now = kg_now_wall(), next;
    char when[32];

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
    for_each(e, KG_TYPE_INSTANCE, add_deleted, "purge", purge_instance);
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
        return;
    }
    for_each(e, KG_TYPE_INSTANCE, add_name, "expiry", expire_instance);
    for_each(e, KG_TYPE_VAULT, add_name, "collection", collect_vault);
}
