/* Copies of recovery points: to the archive, and back for a while.
 *
 * (1) What a point's document says of its copies is changed in the transaction that records the end of the copying. A service or a
 *     worker that dies in between has the copy wanted again, and finds it there: copying twice is copying.
 * (2) To the archive, lifecycle.c finds what is to be copied, one point at a time; what failed is tried again after a pause that
 *     doubles. The copy in the vault stays until the other is known to be there.
 * (3) A rehydration that was asked for stays asked for ("CREATE_IN_PROGRESS") until it succeeds, somebody cancels it, or it fails
 *     TRIES times or for good. Which ones there are is read at the start, and remembered as they come.
 * (4) A restore that needs one is parked: its job waits with its task in the catalog, through any number of services. */
#include "engine/engine_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "api/resolve.h"
#include "api/start.h"
#include "base/alloc.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "policy/copies.h"
#include "policy/leaving.h"

enum { TRIES = 5, TIERING_DOUBLINGS = 10 };
#define BUSY_PAUSE  (2 * KG_SECOND)
#define ERROR_PAUSE (60 * KG_SECOND)
#define TIERING_PAUSE_MOST (24 * 3600 * KG_SECOND)

struct kg_wanted {
    struct kg_wanted *next;
    char *instance, *point;
    kg_usec after;                   /* monotonic */
};

/* ---- what is wanted ---- */

static void wanted_free(struct kg_wanted *w)
{
    free(w->instance);
    free(w->point);
    free(w);
}

void kg_tiering_free(struct kg_engine *e)
{
    while (e->wanted) {
        struct kg_wanted *w = e->wanted;

        e->wanted = w->next;
        wanted_free(w);
    }
}

void kg_tiering_want(struct kg_engine *e, const char *instance, const char *point, kg_usec after)
{
    struct kg_wanted *w;

    for (w = e->wanted; w; w = w->next)
        if (kg_id_equal(w->instance, instance) && strcasecmp(w->point, point) == 0)
            return;
    w = kg_xalloc(sizeof *w);
    w->instance = kg_xstrdup(instance);
    w->point = kg_xstrdup(point);
    w->after = after;
    w->next = e->wanted;
    e->wanted = w;
}

static const char *point_of(const struct kg_task *t) { return kg_json_str_or(t->params, "point", ""); }

static bool is_about(const struct kg_run *r, const char *instance, const char *point)
{
    return r->task->instance && kg_id_equal(r->task->instance, instance) && strcasecmp(point_of(r->task), point) == 0;
}

static bool is_rehydrating(const struct kg_engine *e, const char *instance, const char *point)
{
    for (const struct kg_run *r = e->runs; r; r = r->next)
        if (r->task->kind == KG_TASK_REHYDRATE && is_about(r, instance, point))
            return true;
    return false;
}

/* ---- restores that wait ---- */

/* What became of the rehydration: 1: the copy is there; 0: it is still to come; < 0: it will not, and why. */
static int look(struct kg_engine *e, const char *instance, const char *point, struct kg_err *err)
{
    KG_CLEANUP(kg_point_row_done) struct kg_point_row row = { 0 };
    struct kg_rehydration r;

    if (kg_catalog_point_get(e->catalog, instance, point, &row, err) < 0)
        return -(int)err->code;
    r = kg_rehydration_read(row.json);
    if (kg_copies_in(row.json) & ~kg_copies_lost(row.json) & 1u << KG_DATASTORE_VAULT)
        return 1;
    if (r.status == KG_REHYDRATION_CREATING)
        return 0;
    return kg_err_set(err, KG_E_ARCHIVED, "recovery point '%s' was not rehydrated%s%.300s", point, r.problem ? ": " : "",
                      r.problem ? r.problem : "");
}

void kg_tiering_settle(struct kg_engine *e, const char *instance, const char *point)
{
    for (struct kg_run *r = e->runs, *next; r; r = next) {
        struct kg_err err = { 0 };
        int rc;

        next = r->next;
        if (!r->parked || r->over || !is_about(r, instance, point) || (rc = look(e, instance, point, &err)) == 0)
            continue;
        if (rc < 0 && kg_is_catalog_trouble(err.code)) {
            kg_tiering_want(e, instance, point, kg_now_mono() + BUSY_PAUSE); /* asked again */
            continue;
        }
        kg_tasks_unpark(r, rc < 0 ? &err : NULL);
    }
}

/* ---- starting ---- */

/* Who wants it back: whoever asked for a restore that waits for it; NULL: nobody who is known any more. */
static const char *wanted_by(const struct kg_engine *e, const char *instance, const char *point)
{
    for (const struct kg_run *r = e->runs; r; r = r->next)
        if (r->parked && r->job && is_about(r, instance, point))
            return kg_json_str(r->job->properties, "startedBy");
    return NULL;
}

/* What asks for the same rehydration again; a copy to the archive is nobody's to ask for. */
static struct kg_json *rehydration_request(const char *instance, const char *point, const struct kg_rehydration *r)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/rehydrate", instance);
    KG_AUTO_FREE char *days = kg_xprintf("P%uD", r->days);
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "method", "POST");
    kg_json_set_str(j, "path", path);
    kg_json_set_str(j, "body.recoveryPointId", point);
    kg_json_set_str(j, "body.rehydrationPriority", r->high ? "High" : "Standard");
    kg_json_set_str(j, "body.rehydrationRetentionDuration", days);
    return j;
}

/* Is there a copy that was found damaged? */
static int is_again(struct kg_engine *e, const char *instance, const char *point, bool *ret, struct kg_err *err)
{
    KG_AUTO_POINT_ROW struct kg_point_row row = { 0 };

    if (kg_catalog_point_get(e->catalog, instance, point, &row, err) < 0)
        return -(int)err->code;
    *ret = kg_again_stores(row.json) & 1u << KG_DATASTORE_ARCHIVE;
    return 0;
}

/* back: the rehydration that it is for; NULL: a copy to the archive. */
static int start_copy(struct kg_engine *e, const char *instance, const char *point, const struct kg_rehydration *back,
                      struct kg_err *err)
{
    KG_AUTO_TARGET struct kg_target target = { 0 };
    KG_AUTO_TASK struct kg_task *t = NULL;
    KG_AUTO_JOB struct kg_job *job = NULL;
    char activity[37];
    bool anew = false;

    if (kg_target_load(&e->api, instance, KG_TARGET_POINTS, &target, err) < 0)
        return -(int)err->code;
    kg_uuid(activity);
    t = kg_copy_task(&target, back ? KG_TASK_REHYDRATE : KG_TASK_TIERING, point, back && back->high);
    if (!back && is_again(e, instance, point, &anew, err) < 0)
        return -(int)err->code;
    if (anew)
        kg_json_set_bool(t->params, "anew", true);
    t->uid = geteuid();
    job = kg_copy_job(&target, t, activity, back ? wanted_by(e, instance, point) : NULL);
    if (back)
        job->request = rehydration_request(instance, point, back);
    if (kg_start_prepare(&e->api, t, job, err) < 0)
        return -(int)err->code;
    return kg_start_commit(&e->api, &t, &job, err);
}

int kg_tiering_start_copy(struct kg_engine *e, const char *instance, const char *point, struct kg_err *err)
{
    return start_copy(e, instance, point, NULL, err);
}

bool kg_tiering_is_busy(const struct kg_engine *e)
{
    for (const struct kg_run *r = e->runs; r; r = r->next)
        if (r->task->kind == KG_TASK_TIERING)
            return true;
    return false;
}

/* True when nothing is left to be done about it for now. */
static bool try_wanted(struct kg_engine *e, struct kg_wanted *w)
{
    KG_CLEANUP(kg_point_row_done) struct kg_point_row row = { 0 };
    struct kg_err err = { 0 };
    struct kg_rehydration r = { .status = KG_REHYDRATION_NONE };

    if (is_rehydrating(e, w->instance, w->point))
        return true;
    if (kg_catalog_point_get(e->catalog, w->instance, w->point, &row, &err) < 0 && err.code != KG_E_NO_POINT)
        goto later;
    if (err.code == KG_E_OK)
        r = kg_rehydration_read(row.json);
    if (r.status != KG_REHYDRATION_CREATING) { /* it has ended, or the point has gone */
        kg_tiering_settle(e, w->instance, w->point);
        return true;
    }
    if (start_copy(e, w->instance, w->point, &r, &err) == 0)
        return true;
later:
    w->after = kg_now_mono() + (err.code == KG_E_BUSY || err.code == KG_E_LIMIT ? BUSY_PAUSE : ERROR_PAUSE);
    if (err.code != KG_E_BUSY && err.code != KG_E_LIMIT && err.code != KG_E_CONFLICT)
        kg_log_err(KG_LOG_WARN, &err, "recovery point '%s' of '%s' is not rehydrated yet", w->point, w->instance);
    return false;
}

void kg_tiering_tick(struct kg_engine *e)
{
    kg_usec now = kg_now_mono();
    struct kg_wanted *list = e->wanted;

    if (e->stop != KG_STOP_NO)
        return;
    e->wanted = NULL;
    while (list) {
        struct kg_wanted *w = list;

        list = w->next;
        if (now < w->after || !try_wanted(e, w)) {
            w->next = e->wanted;
            e->wanted = w;
        } else {
            wanted_free(w);
        }
    }
}

/* ---- the end of a copy ---- */

static int update_point(struct kg_engine *e, const struct kg_task *t, void (*edit)(struct kg_point_row *row, const void *arg),
                        const void *arg, struct kg_err *err)
{
    KG_CLEANUP(kg_point_row_done) struct kg_point_row row = { 0 };
    struct kg_err why = { 0 };

    if (kg_catalog_point_get(e->catalog, t->instance, point_of(t), &row, &why) < 0) {
        if (why.code == KG_E_NO_POINT)
            return 0;
        *err = why;
        return -(int)err->code;
    }
    edit(&row, arg);
    return kg_catalog_point_update(e->catalog, &row, err);
}

static void archived(struct kg_point_row *row, const void *arg)
{
    kg_copies_add(row->json, row->time, KG_DATASTORE_ARCHIVE, kg_now_wall(), kg_json_u64(arg, "storedBytes", 0));
    kg_again_end(row->json, KG_DATASTORE_ARCHIVE);
    kg_json_remove(row->json, "stayed"); /* what was wrong was the copy's */
    kg_json_remove(row->json, "tiering");
}

static void came_back(struct kg_point_row *row, const void *arg)
{
    (void)arg;
    kg_rehydration_came(row->json, row->time, kg_now_wall());
}

int kg_tiering_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    bool back = r->task->kind == KG_TASK_REHYDRATE;
    const char *store = kg_datastore_to_text(back ? KG_DATASTORE_VAULT : KG_DATASTORE_ARCHIVE);

    if (strcmp(kg_json_str_or(r->result, "store", ""), store) != 0 || !kg_json_str(r->result, "archiveId"))
        return kg_err_set(err, KG_E_CHILD, "the worker did not say that the %s has the copy", store);
    if (kg_vault_has_archive(e, r->task->vault, kg_json_str(r->result, "archiveId"), err) < 0 ||
        kg_usage_changed(e, r->task->vault, err) < 0)
        return -(int)err->code;
    return update_point(e, r->task, back ? came_back : archived, r->result, err);
}

/* ---- failures ---- */

struct trouble {
    const struct kg_err *why;
    bool final;
    kg_usec pause;                   /* the shortest one */
};

static void tiering_failed(struct kg_point_row *row, const void *arg)
{
    const struct trouble *x = arg;
    uint64_t tries = kg_json_u64(row->json, "tiering.tries", 0);
    kg_usec pause = x->pause << (tries < TIERING_DOUBLINGS ? tries : TIERING_DOUBLINGS);
    char when[32];

    if (pause > TIERING_PAUSE_MOST)
        pause = TIERING_PAUSE_MOST;
    kg_json_set_u64(row->json, "tiering.tries", tries + 1);
    kg_json_set_str(row->json, "tiering.problem", x->why->msg);
    kg_json_set_str(row->json, "tiering.after", kg_time_iso(kg_now_wall() + pause, when));
}

static void rehydration_failed(struct kg_point_row *row, const void *arg)
{
    const struct trouble *x = arg;
    struct kg_rehydration r = kg_rehydration_read(row->json);

    if (r.status != KG_REHYDRATION_CREATING)
        return;
    r.tries++;
    r.problem = x->why->msg;
    if (x->final || r.tries >= TRIES) {
        r.status = KG_REHYDRATION_FAILED;
        /* the worker may have made it before it died; one in the place of a copy that was lost stays as long as that would have */
        r.leftover = !(kg_copies_in(row->json) & 1u << KG_DATASTORE_VAULT);
    }
    kg_rehydration_write(row->json, &r);
}

/* What another try may not meet. */
static bool may_pass(enum kg_code c)
{
    return c == KG_E_CHILD || c == KG_E_TIMEOUT || c == KG_E_IO || c == KG_E_DISK_FULL || c == KG_E_MEMORY || c == KG_E_BUSY ||
           c == KG_E_COLLECTED || c == KG_E_NO_SERVICE;
}

int kg_tiering_failed(struct kg_engine *e, const struct kg_run *r, struct kg_err *err)
{
    struct trouble x = { &r->err, !may_pass(r->err.code), (kg_usec)e->settings.lifecycle_seconds * KG_SECOND };

    /* A service that ends stops its workers: nobody wanted that copy less. */
    if ((r->task->kind != KG_TASK_TIERING && r->task->kind != KG_TASK_REHYDRATE) || (r->cancelled && e->stop != KG_STOP_NO))
        return 0;
    return update_point(e, r->task, r->task->kind == KG_TASK_TIERING ? tiering_failed : rehydration_failed, &x, err);
}

void kg_tiering_ended(struct kg_engine *e, const struct kg_run *r)
{
    const struct kg_task *t = r->task;
    bool succeeded = r->err.code == KG_E_OK;

    if (t->kind == KG_TASK_TIERING || (t->kind == KG_TASK_EXPIRE && succeeded)) /* those that stayed pause */
        e->lifecycle_at = kg_now_mono(); /* there may be more to do */
    if (t->kind != KG_TASK_REHYDRATE)
        return;
    if (!succeeded)
        kg_tiering_want(e, t->instance, point_of(t), kg_now_mono() + BUSY_PAUSE);
    kg_tiering_settle(e, t->instance, point_of(t));
}

/* ---- the start of the service ---- */

static int park_jobs(struct kg_engine *e, struct kg_err *err)
{
    struct kg_job_query q = { .unfinished = true };
    KG_AUTO_FREE char *after = NULL;

    do {
        KG_AUTO_JOB_LIST struct kg_job_list l = { 0 };

        q.after = after;
        if (kg_catalog_job_list(e->catalog, &q, &l, err) < 0)
            return -(int)err->code;
        for (size_t i = 0; i < l.count; i++) {
            const struct kg_json *waiting = kg_json_get(l.rows[i].json, "waiting");
            KG_AUTO_TASK struct kg_task *t = waiting ? kg_task_from_json(waiting) : NULL;

            if (!t || !t->instance)
                continue;
            kg_tiering_want(e, t->instance, point_of(t), 0);
            (void)kg_tasks_park(e, KG_TAKE(t), kg_job_from_row(&l.rows[i]));
        }
        free(after);
        after = KG_TAKE(l.next);
    } while (after);
    return 0;
}

static int see_point(void *arg, struct kg_point_row *row, struct kg_err *err)
{
    (void)err;
    if (kg_rehydration_read(row->json).status == KG_REHYDRATION_CREATING)
        kg_tiering_want(arg, row->instance, row->id, 0);
    return 0;
}

static int see_instance(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    struct kg_engine *e = arg;

    return kg_each_point(e->catalog, r->id, see_point, e, err);
}

int kg_tiering_start(struct kg_engine *e, struct kg_err *err)
{
    struct kg_resource_query q = { .type = KG_TYPE_INSTANCE };

    if (park_jobs(e, err) < 0 || kg_each_resource(e->catalog, &q, see_instance, e, err) < 0)
        return kg_err_wrap(err, "read which recovery points are to be rehydrated");
    return 0;
}
