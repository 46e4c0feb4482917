/* Copies of recovery points that leave: what became of them, in the transaction that records it.
 *
 * (1) A point says that a copy of it is leaving (policy/leaving.h) from the transaction that accepts the job until the one that
 *     records its end. What the job deleted has gone; what it left is there again, with the reason.
 * (2) A job that fails, or dies with its service, may have deleted anything: its points go on leaving. The next look (lifecycle.c)
 *     deletes them again, or, when nothing says any more that they shall go, has a worker look which of them are there.
 * (3) A point that was deleted does not come back by a list that is older than its deletion (kg_gone_has). */
#include "engine/engine_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/resolve.h"
#include "base/alloc.h"
#include "model/id.h"
#include "policy/copies.h"
#include "policy/leaving.h"

#define SETTLE_FIRST (5 * KG_SECOND)

struct kg_gone {
    struct kg_gone *next;
    char *instance, *point;
};

/* ---- what was deleted while a list of the vault is on its way ---- */

static bool is_listing(const struct kg_engine *e)
{
    for (const struct kg_run *r = e->runs; r; r = r->next)
        if (r->task->kind == KG_TASK_ADOPT)
            return true;
    return false;
}

static void remember_gone(struct kg_engine *e, const char *instance, const char *point)
{
    struct kg_gone *g;

    if (!is_listing(e) || kg_gone_has(e, instance, point))
        return;
    g = kg_xalloc(sizeof *g);
    g->instance = kg_xstrdup(instance);
    g->point = kg_xstrdup(point);
    g->next = e->gone;
    e->gone = g;
}

bool kg_gone_has(const struct kg_engine *e, const char *instance, const char *point)
{
    for (const struct kg_gone *g = e->gone; g; g = g->next)
        if (kg_id_equal(g->instance, instance) && strcasecmp(g->point, point) == 0)
            return true;
    return false;
}

void kg_gone_forget(struct kg_engine *e, bool all)
{
    while (e->gone && (all || !is_listing(e))) {
        struct kg_gone *g = e->gone;

        e->gone = g->next;
        free(g->instance);
        free(g->point);
        free(g);
    }
}

/* ---- points ---- */

/* 1: it is there; 0: it is not known any more. */
static int find(struct kg_engine *e, const char *instance, const char *point, struct kg_point_row *ret, struct kg_err *err)
{
    struct kg_err why = { 0 };

    if (kg_catalog_point_get(e->catalog, instance, point, ret, &why) == 0)
        return 1;
    if (why.code == KG_E_NO_POINT)
        return 0;
    *err = why;
    return -(int)err->code;
}

/* One store's copy has gone; with the last one the point has. */
static int copy_gone(struct kg_engine *e, const char *instance, const char *point, enum kg_datastore store, struct kg_err *err)
{
    KG_AUTO_POINT_ROW struct kg_point_row row = { 0 };
    struct kg_rehydration back;
    int r = find(e, instance, point, &row, err);

    if (r <= 0)
        return r;
    kg_leaving_end(row.json, store);
    kg_json_remove(row.json, "stayed");
    kg_copies_remove(row.json, row.time, store);
    if (!kg_copies_in(row.json)) {
        remember_gone(e, row.instance, row.id);
        return kg_catalog_point_delete(e->catalog, row.instance, row.id, err);
    }
    back = kg_rehydration_read(row.json);
    if (store == KG_DATASTORE_VAULT && back.status != KG_REHYDRATION_NONE) {
        back.leftover = false;
        if (back.status == KG_REHYDRATION_COMPLETED)
            back.status = KG_REHYDRATION_DELETED;
        kg_rehydration_write(row.json, &back);
    }
    return kg_catalog_point_update(e->catalog, &row, err);
}

/* It stays. kept: what the worker says of that; NULL: nothing says that it should have left. */
static int copy_stays(struct kg_engine *e, const char *instance, const char *point, enum kg_datastore store, const struct kg_json *kept,
                      struct kg_err *err)
{
    KG_AUTO_POINT_ROW struct kg_point_row row = { 0 };
    const char *problem = kg_json_str_or(kept, "problem", "its other copy does not open");
    int r = find(e, instance, point, &row, err);

    if (r <= 0)
        return r;
    kg_leaving_end(row.json, store);
    if (kept)
        kg_stayed(row.json, store, problem, (kg_usec)e->settings.lifecycle_seconds * KG_SECOND, kg_now_wall());
    if (kept && store == KG_DATASTORE_VAULT && kg_json_bool(kept, "again", false))
        kg_again_begin(row.json, KG_DATASTORE_ARCHIVE, problem);
    if (kept && store == KG_DATASTORE_ARCHIVE && kg_json_bool(kept, "again", false)) /* the vault's copy is made by nobody */
        (void)kg_copies_set_damaged(row.json, KG_DATASTORE_VAULT, problem, true);
    return kg_catalog_point_update(e->catalog, &row, err);
}

static const struct kg_json *find_kept(const struct kg_json *result, const char *point)
{
    for (const struct kg_json *k = kg_json_first(kg_json_get(result, "kept")); k; k = kg_json_next(k))
        if (strcasecmp(kg_json_str_or(k, "point", ""), point) == 0)
            return k;
    return NULL;
}

static bool is_there(const struct kg_json *result, const char *point)
{
    for (const struct kg_json *k = kg_json_first(kg_json_get(result, "there")); k; k = kg_json_next(k))
        if (kg_json_value_str(k) && strcasecmp(kg_json_value_str(k), point) == 0)
            return true;
    return false;
}

/* ---- the end of a job ---- */

int kg_leaving_done(struct kg_engine *e, const struct kg_run *r, struct kg_err *err)
{
    const struct kg_json *p = r->task->params;
    int store = kg_datastore_from_text(kg_json_str_or(p, "store", "VaultStore"));
    const char *instance = r->task->instance;

    if (kg_json_count(kg_json_get(p, "settle")) && !kg_json_get(r->result, "there"))
        return kg_err_set(err, KG_E_CHILD, "the worker did not say which recovery points are there");
    for (const struct kg_json *i = kg_json_first(kg_json_get(p, "points")); i; i = kg_json_next(i)) {
        const struct kg_json *kept = find_kept(r->result, kg_json_value_str(i));

        if ((kept ? copy_stays(e, instance, kg_json_value_str(i), (enum kg_datastore)store, kept, err)
                  : copy_gone(e, instance, kg_json_value_str(i), (enum kg_datastore)store, err)) < 0)
            return -(int)err->code;
    }
    for (const struct kg_json *i = kg_json_first(kg_json_get(p, "settle")); i; i = kg_json_next(i))
        if ((is_there(r->result, kg_json_value_str(i))
                 ? copy_stays(e, instance, kg_json_value_str(i), (enum kg_datastore)store, NULL, err)
                 : copy_gone(e, instance, kg_json_value_str(i), (enum kg_datastore)store, err)) < 0)
            return -(int)err->code;
    return 0;
}

/* ---- failures ---- */

static int doubt(void *arg, struct kg_point_row *row, struct kg_err *err)
{
    struct kg_engine *e = arg;

    kg_leaving_begin(row->json, kg_copies_in(row->json), e->run_id, kg_now_wall());
    return kg_catalog_point_update(e->catalog, row, err);
}

/* Its points may be gone, or there: nobody knows. */
int kg_leaving_in_doubt(struct kg_engine *e, const char *instance, struct kg_err *err)
{
    return kg_each_point(e->catalog, instance, doubt, e, err);
}

/* What is in doubt is looked at soon; while that fails, less and less often. */
void kg_leaving_ended(struct kg_engine *e, const struct kg_run *r)
{
    kg_usec most = (kg_usec)e->settings.lifecycle_seconds * KG_SECOND, at;

    if (r->task->kind != KG_TASK_EXPIRE && r->task->kind != KG_TASK_DELETE_INSTANCE)
        return;
    if (r->err.code == KG_E_OK) {
        e->settle_pause = 0;
        return;
    }
    e->settle_pause = e->settle_pause ? 2 * e->settle_pause : SETTLE_FIRST;
    if (e->settle_pause > most)
        e->settle_pause = most;
    at = kg_now_mono() + e->settle_pause;
    if (e->lifecycle_at > at)
        e->lifecycle_at = at;
}
