/* What the service knows of an instance, made to agree with what the vault has: points that the catalog lacks are adopted,
 * those that the vault has lost are marked, those that are back are good again. Nothing of the instance is made or deleted
 * meanwhile: the task has it for itself.
 *
 * And the other way round: a point that a worker committed after its instance was deleted for good. Deleting leaves the
 * instance's id with the vault ("internal.buried"), so what turns up under it is garbage and is deleted. Points of an id that
 * was never deleted here belong to somebody, perhaps to a catalog that was lost: they are told of, and left alone. */
#include "engine/engine_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/resolve.h"
#include "base/alloc.h"
#include "base/log.h"
#include "job/user_error.h"
#include "policy/promise.h"

enum { BURIED_MAX = 1000 };

/* ---- one instance ---- */

struct syncing {
    struct kg_run *r;
    const struct kg_json *points, *unreadable;
    struct kg_json *lost, *found;
    uint64_t known;
};

static bool is_listed(const struct kg_json *list, const char *point)
{
    for (const struct kg_json *p = kg_json_first(list); p; p = kg_json_next(p))
        if (strcasecmp(kg_json_str_or(p, "point", ""), point) == 0)
            return true;
    return false;
}

static int compare(struct kg_engine *e, struct syncing *s, struct kg_point_row *row, struct kg_err *err)
{
    bool here = is_listed(s->points, row->id), was_lost = kg_json_str(row->json, "problem") != NULL;

    s->known++;
    if (!(kg_promise_read(row->json, row->time).in & 1u << KG_DATASTORE_VAULT) || is_listed(s->unreadable, row->id))
        return 0;
    if (!here)
        kg_json_push_str(s->lost, row->id);
    if (here && was_lost)
        kg_json_push_str(s->found, row->id);
    if (here != was_lost)
        return 0;
    if (here)
        kg_json_remove(row->json, "problem");
    else
        kg_json_set_str(row->json, "problem", "the vault has lost it");
    return kg_catalog_point_update(e->catalog, row, err);
}

static int compare_all(struct kg_engine *e, struct syncing *s, struct kg_err *err)
{
    struct kg_point_query q = { .instance = s->r->task->instance, .top = KG_PAGE_MAX };
    KG_AUTO_FREE char *after = NULL;

    do {
        KG_AUTO_POINT_LIST struct kg_point_list l = { 0 };

        q.after = after;
        if (kg_catalog_point_list(e->catalog, &q, &l, err) < 0)
            return -(int)err->code;
        for (size_t i = 0; i < l.count; i++)
            if (compare(e, s, &l.rows[i], err) < 0)
                return -(int)err->code;
        free(after);
        after = KG_TAKE(l.next);
    } while (after);
    return 0;
}

/* Recording may be tried again: what the worker listed is kept with the task, the result becomes the report. */
static const struct kg_json *listed(struct kg_run *r)
{
    if (!kg_json_get(r->task->params, "listed"))
        kg_json_set(r->task->params, "listed", r->result ? KG_TAKE(r->result) : kg_json_object());
    return kg_json_get(r->task->params, "listed");
}

static void warn(struct kg_run *r, size_t lost)
{
    KG_AUTO_JSON struct kg_json *w = kg_json_object();
    struct kg_err why = { 0 };

    if (!lost || !r->ending)
        return;
    kg_err_set(&why, KG_E_CORRUPT, "%zu recovery point%s of the instance %s not in the vault any more", lost, lost > 1 ? "s" : "",
               lost > 1 ? "are" : "is");
    kg_err_advise(&why, "Bring the vault's directory back from a copy, then synchronize again.");
    kg_json_set_str(w, "event", "warning");
    kg_json_set_str(w, "error.code", kg_code_arm(why.code));
    kg_json_set_str(w, "error.message", why.msg);
    kg_json_set_str(w, "error.action", why.action);
    kg_job_apply(r->ending, w);
}

static void report(struct kg_run *r, const struct syncing *s, struct kg_json *adopted)
{
    struct kg_json *j = kg_json_object(), *unreadable = kg_json_array();

    for (const struct kg_json *p = kg_json_first(s->unreadable); p; p = kg_json_next(p))
        kg_json_push_str(unreadable, kg_json_str_or(p, "point", "?"));
    kg_json_set_str(j, "syncType", kg_json_str_or(r->task->params, "syncType", "Default"));
    kg_json_set_u64(j, "recoveryPoints", s->known);
    kg_json_set(j, "adopted", adopted);
    kg_json_set(j, "lost", s->lost);
    kg_json_set(j, "found", s->found);
    kg_json_set(j, "unreadable", unreadable);
    kg_json_set_bool(j, "revalidated", kg_json_bool(r->task->params, "revalidated", false));
    kg_json_free(r->result);
    r->result = j;
}

int kg_sync_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    const struct kg_json *list = listed(r);
    KG_AUTO_JSON struct kg_json *adopted = kg_json_array(), *lost = kg_json_array(), *found = kg_json_array();
    struct syncing s = { .r = r, .points = kg_json_get(list, "points"), .unreadable = kg_json_get(list, "unreadable"),
                         .lost = lost, .found = found };

    for (const struct kg_json *p = kg_json_first(s.points); p; p = kg_json_next(p)) {
        bool is_new = false;

        if (kg_adopt_point(e, r->task->vault, p, &is_new, err) < 0)
            return -(int)err->code;
        if (is_new)
            kg_json_push_str(adopted, kg_json_str_or(p, "point", "?"));
    }
    if (compare_all(e, &s, err) < 0 || (kg_json_count(adopted) && kg_usage_changed(e, r->task->vault, err) < 0))
        return -(int)err->code;
    warn(r, kg_json_count(lost));
    lost = NULL; /* the report's now */
    found = NULL;
    report(r, &s, KG_TAKE(adopted));
    return 0;
}

/* ---- what was deleted for good ---- */

static bool is_buried(const struct kg_resource *vault, const char *guid)
{
    for (const struct kg_json *g = kg_json_first(kg_json_get(vault->json, "internal.buried")); g; g = kg_json_next(g))
        if (kg_json_value_str(g) && strcasecmp(kg_json_value_str(g), guid) == 0)
            return true;
    return false;
}

int kg_bury(struct kg_engine *e, const char *vault, const char *instance, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource v = { 0 }, r = { 0 };
    struct kg_json *list = kg_json_array();
    const struct kg_json *was;
    const char *guid;
    size_t skip;

    if (kg_catalog_get(e->catalog, vault, &v, err) < 0 || kg_catalog_get(e->catalog, instance, &r, err) < 0) {
        kg_json_free(list);
        return -(int)err->code;
    }
    was = kg_json_get(v.json, "internal.buried");
    guid = kg_json_str(r.json, "internal.instance");
    skip = kg_json_count(was) >= BURIED_MAX ? kg_json_count(was) - BURIED_MAX + 1 : 0;
    for (const struct kg_json *g = kg_json_first(was); g; g = kg_json_next(g))
        if (skip)
            skip--;
        else
            kg_json_push(list, kg_json_copy(g));
    if (guid && !is_buried(&v, guid))
        kg_json_push_str(list, guid);
    kg_json_set(v.json, "internal.buried", list);
    return kg_catalog_put(e->catalog, v.id, v.location, v.json, KG_PUT_REPLACE, NULL, NULL, err);
}

/* One task for each of them, whatever the number of its points. */
static void bury_stray(struct kg_engine *e, const struct kg_resource *vault, const struct kg_json *p, struct kg_json *seen)
{
    const char *guid = kg_json_str_or(p, "instance", "");
    KG_AUTO_FREE char *instance = NULL;
    struct kg_err err = { 0 };

    for (const struct kg_json *g = kg_json_first(seen); g; g = kg_json_next(g))
        if (strcasecmp(kg_json_value_str(g), guid) == 0)
            return;
    kg_json_push_str(seen, guid);
    if (kg_find_instance(e, vault->id, guid, &instance, &err) < 0 || instance)
        return;
    if (is_buried(vault, guid)) {
        kg_log(KG_LOG_INFO, "vault '%s' has recovery points of instance %s, which was deleted: they are deleted, too", vault->name,
               guid);
        kg_tasks_start_bury(e, vault->id, guid);
    } else {
        kg_log(KG_LOG_WARN, "vault '%s' has recovery points of instance %s, which this service does not know: they are left alone",
               vault->name, guid);
    }
}

void kg_bury_strays(struct kg_engine *e, const struct kg_run *r)
{
    KG_AUTO_RESOURCE struct kg_resource vault = { 0 };
    KG_AUTO_JSON struct kg_json *seen = kg_json_array();
    struct kg_err ignored = { 0 };

    if (r->task->kind != KG_TASK_ADOPT || r->err.code != KG_E_OK || kg_catalog_get(e->catalog, r->task->vault, &vault, &ignored) < 0)
        return;
    for (const struct kg_json *p = kg_json_first(kg_json_get(r->result, "points")); p; p = kg_json_next(p))
        bury_stray(e, &vault, p, seen);
}
