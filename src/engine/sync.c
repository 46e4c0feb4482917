/* What the service knows of an instance, made to agree with what both datastores of the vault have: points that the catalog lacks are
 * adopted, copies that a store has lost are marked, those that are back are there again; what a check found damaged stays so. Nothing
 * of the instance is made or deleted meanwhile: the task has it for itself.
 *
 * And the other way round: a point that a worker committed after its instance was deleted for good. Deleting leaves the instance's id
 * and the time with the vault ("internal.buried"), so what is made under it later is garbage and is deleted. What is older came back
 * some other way, with a copy of the vault's directory perhaps; and points of an id that was never deleted here belong to somebody,
 * perhaps to a catalog that was lost: these are told of, and left alone. */
#include "engine/engine_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/resolve.h"
#include "base/alloc.h"
#include "base/log.h"
#include "job/user_error.h"
#include "policy/copies.h"
#include "policy/leaving.h"

enum { BURIED_MAX = 1000 };

/* ---- one instance ---- */

struct ids { const char **v; size_t n; }; /* borrowed, sorted */
struct listing {
    const struct kg_json *points, *unreadable;
    struct ids there, odd;           /* of them */
};

struct syncing {
    struct kg_run *r;
    struct listing in[KG_DATASTORE_COUNT_];
    unsigned looked_at;              /* stores that were listed */
    struct kg_json *lost, *lost_copies, *found;
    uint64_t known;
};

static int by_id(const void *a, const void *b) { return strcasecmp(*(const char *const *)a, *(const char *const *)b); }

static struct ids sorted(const struct kg_json *list)
{
    struct ids ids = { kg_xalloc_array(kg_json_count(list) + 1, sizeof *ids.v), 0 };

    for (const struct kg_json *p = kg_json_first(list); p; p = kg_json_next(p))
        ids.v[ids.n++] = kg_json_str_or(p, "point", "");
    qsort(ids.v, ids.n, sizeof *ids.v, by_id);
    return ids;
}

static bool is_listed(const struct ids *ids, const char *point)
{
    return ids->n && bsearch(&point, ids->v, ids->n, sizeof *ids->v, by_id);
}

/* One store's copy; a copy that the catalog did not know of is one that is found. One that is leaving, or may have left, is not lost. */
static bool compare_copy(struct syncing *s, struct kg_point_row *row, enum kg_datastore store, bool *ret_found)
{
    bool here = is_listed(&s->in[store].there, row->id), known = kg_copies_in(row->json) & 1u << store;

    if (is_listed(&s->in[store].odd, row->id) || (!here && (!known || kg_leaving_stores(row->json) & 1u << store)))
        return false;
    if (known && !kg_copies_set_lost(row->json, store, !here))
        return false;
    if (!known)
        kg_copies_add(row->json, row->time, store, kg_now_wall(), 0);
    *ret_found |= here;
    return true;
}

/* Into the report: lost is what is nowhere; of the rest it says where else it is. */
static void note_lost(struct syncing *s, const struct kg_point_row *row)
{
    unsigned lost = kg_copies_lost(row->json) & s->looked_at, there = kg_copies_in(row->json) & ~kg_copies_lost(row->json);
    struct kg_json *c;

    if (lost && !there)
        kg_json_push_str(s->lost, row->id);
    for (int i = 0; there && i < KG_DATASTORE_COUNT_; i++) {
        if (!(lost & 1u << i))
            continue;
        kg_json_push(s->lost_copies, c = kg_json_object());
        kg_json_set_str(c, "recoveryPointId", row->id);
        kg_json_set_str(c, "store", kg_datastore_to_text((enum kg_datastore)i));
    }
}

static int compare(void *arg, struct kg_point_row *row, struct kg_err *err)
{
    struct syncing *s = arg;
    bool news = false, found = false;

    s->known++;
    for (int i = 0; i < KG_DATASTORE_COUNT_; i++)
        if (s->looked_at & 1u << i && compare_copy(s, row, (enum kg_datastore)i, &found))
            news = true;
    note_lost(s, row);
    if (found)
        kg_json_push_str(s->found, row->id);
    return news ? kg_catalog_point_update(s->r->e->catalog, row, err) : 0;
}

static void warn(struct kg_run *r, const struct kg_err *why)
{
    KG_AUTO_JSON struct kg_json *w = kg_json_object();

    if (!r->ending)
        return;
    kg_json_set_str(w, "event", "warning");
    kg_json_set_str(w, "error.code", kg_code_arm(why->code));
    kg_json_set_str(w, "error.message", why->msg);
    kg_json_set_str(w, "error.action", why->action);
    kg_job_apply(r->ending, w);
}

static void warn_of_losses(const struct syncing *s)
{
    size_t lost = kg_json_count(s->lost), copies = kg_json_count(s->lost_copies);
    struct kg_err why = { 0 };

    if (lost) {
        kg_err_set(&why, KG_E_CORRUPT, "%zu recovery point%s of the instance %s not in the vault any more", lost, lost > 1 ? "s" : "",
                   lost > 1 ? "are" : "is");
        kg_err_advise(&why, "Bring the vault's directory back from a copy, then synchronize again.");
        warn(s->r, &why);
    }
    why = (struct kg_err){ 0 };
    if (copies) {
        kg_err_set(&why, KG_E_CORRUPT, "%zu cop%s of recovery points %s lost, of which another one is there", copies,
                   copies > 1 ? "ies" : "y", copies > 1 ? "are" : "is");
        kg_err_advise(&why, "What the vault has lost is restored from the archive, with --rehydration-priority; what the archive has "
                            "lost is copied there again. 'lostCopies' of the report names them.");
        warn(s->r, &why);
    }
}

static void add_unreadable(const struct syncing *s, struct kg_json *list)
{
    for (int i = 0; i < KG_DATASTORE_COUNT_; i++)
        for (const struct kg_json *p = kg_json_first(s->in[i].unreadable); p; p = kg_json_next(p))
            kg_json_push_str(list, kg_json_str_or(p, "point", "?"));
}

static void report(struct syncing *s, struct kg_json *adopted)
{
    struct kg_json *j = kg_json_object(), *unreadable = kg_json_array();
    struct kg_run *r = s->r;

    add_unreadable(s, unreadable);
    kg_json_set_str(j, "syncType", kg_json_str_or(r->task->params, "syncType", "Default"));
    kg_json_set_u64(j, "recoveryPoints", s->known);
    kg_json_set(j, "adopted", adopted);
    kg_json_set(j, "lost", KG_TAKE(s->lost));
    kg_json_set(j, "lostCopies", KG_TAKE(s->lost_copies));
    kg_json_set(j, "found", KG_TAKE(s->found));
    kg_json_set(j, "unreadable", unreadable);
    kg_json_set_bool(j, "revalidated", kg_json_bool(r->task->params, "revalidated", false));
    kg_json_free(r->result);
    r->result = j;
}

static void syncing_done(struct syncing *s)
{
    for (int i = 0; i < KG_DATASTORE_COUNT_; i++) {
        free(s->in[i].there.v);
        free(s->in[i].odd.v);
    }
    kg_json_free(s->lost);
    kg_json_free(s->lost_copies);
    kg_json_free(s->found);
}

/* What one store has and the catalog lacks. */
static int adopt(struct kg_engine *e, const struct syncing *s, enum kg_datastore store, struct kg_json *adopted, struct kg_err *err)
{
    KG_CLEANUP(kg_last_found_done) struct kg_last_found last = { 0 };

    for (const struct kg_json *p = kg_json_first(s->in[store].points); p; p = kg_json_next(p)) {
        bool is_new = false;

        if (kg_adopt_point(e, s->r->task->vault, p, store, &last, &is_new, err) < 0)
            return -(int)err->code;
        if (is_new)
            kg_json_push_str(adopted, kg_json_str_or(p, "point", "?"));
    }
    return 0;
}

static void note_listing(struct syncing *s, const struct kg_json *list, enum kg_datastore store)
{
    if (!list)
        return;
    s->in[store] = (struct listing){ .points = kg_json_get(list, "points"), .unreadable = kg_json_get(list, "unreadable") };
    s->in[store].there = sorted(s->in[store].points);
    s->in[store].odd = sorted(s->in[store].unreadable);
    s->looked_at |= 1u << store;
}

int kg_sync_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    const struct kg_json *list = kg_result_found(r, "listed");
    KG_AUTO_JSON struct kg_json *adopted = kg_json_array();
    KG_CLEANUP(syncing_done) struct syncing s = { .r = r, .lost = kg_json_array(), .lost_copies = kg_json_array(),
                                                  .found = kg_json_array() };

    note_listing(&s, list, KG_DATASTORE_VAULT);
    note_listing(&s, kg_json_get(list, "archive"), KG_DATASTORE_ARCHIVE);
    if (adopt(e, &s, KG_DATASTORE_VAULT, adopted, err) < 0 || adopt(e, &s, KG_DATASTORE_ARCHIVE, adopted, err) < 0 ||
        kg_each_point(e->catalog, r->task->instance, compare, &s, err) < 0 ||
        (kg_json_count(adopted) && kg_usage_changed(e, r->task->vault, err) < 0))
        return -(int)err->code;
    warn_of_losses(&s);
    report(&s, KG_TAKE(adopted));
    return 0;
}

/* ---- what was deleted for good ---- */

/* "internal.buried": {"instance", "at"}, or of older catalogs the id alone. When it was deleted; 0: nobody knows; < 0: never. */
static kg_usec buried_at(const struct kg_resource *vault, const char *guid)
{
    for (const struct kg_json *g = kg_json_first(kg_json_get(vault->json, "internal.buried")); g; g = kg_json_next(g)) {
        const char *id = kg_json_value_str(g) ? kg_json_value_str(g) : kg_json_str_or(g, "instance", "");
        kg_usec at;

        if (strcasecmp(id, guid) == 0)
            return kg_time_parse_iso(kg_json_str_or(g, "at", ""), &at) ? at : 0;
    }
    return -1;
}

/* The time is when the deleting began: what was complete by then was deleted. */
static struct kg_json *burial(const struct kg_run *r, const char *guid)
{
    struct kg_json *b = kg_json_object();
    char when[32];

    kg_json_set_str(b, "instance", guid);
    kg_json_set_str(b, "at", kg_time_iso(r->job ? r->job->start : kg_now_wall(), when));
    return b;
}

int kg_bury(struct kg_engine *e, const struct kg_run *r, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource v = { 0 }, instance = { 0 };
    KG_AUTO_JSON struct kg_json *list = kg_json_array();
    const struct kg_json *was;
    const char *guid;
    size_t skip;

    if (kg_catalog_get(e->catalog, r->task->vault, &v, err) < 0 || kg_catalog_get(e->catalog, r->task->resource, &instance, err) < 0)
        return -(int)err->code;
    was = kg_json_get(v.json, "internal.buried");
    guid = kg_json_str(instance.json, "internal.instance");
    skip = kg_json_count(was) >= BURIED_MAX ? kg_json_count(was) - BURIED_MAX + 1 : 0;
    for (const struct kg_json *g = kg_json_first(was); g; g = kg_json_next(g))
        if (skip)
            skip--;
        else
            kg_json_push(list, kg_json_copy(g));
    if (guid && buried_at(&v, guid) < 0)
        kg_json_push(list, burial(r, guid));
    kg_json_set(v.json, "internal.buried", KG_TAKE(list));
    return kg_catalog_put(e->catalog, v.id, v.location, v.json, KG_PUT_REPLACE, NULL, NULL, err);
}

/* Those that ended after the instance was deleted: its directory may have been brought back from a copy, with what was deleted. */
static struct kg_json *made_later(const struct kg_json *points, const char *guid, kg_usec at, size_t *ret_older)
{
    struct kg_json *list = kg_json_array();

    *ret_older = 0;
    for (const struct kg_json *p = kg_json_first(points); p; p = kg_json_next(p)) {
        kg_usec end;

        if (strcasecmp(kg_json_str_or(p, "instance", ""), guid) != 0)
            continue;
        if (at > 0 && kg_time_parse_iso(kg_json_str_or(p, "endTime", ""), &end) && end > at)
            kg_json_push_str(list, kg_json_str_or(p, "point", ""));
        else
            ++*ret_older;
    }
    return list;
}

/* One task for each instance, whatever the number of its points. */
static void bury_stray(struct kg_engine *e, const struct kg_resource *vault, const struct kg_json *points, const char *guid)
{
    kg_usec at = buried_at(vault, guid);
    KG_AUTO_FREE char *instance = NULL;
    KG_AUTO_JSON struct kg_json *later = NULL;
    struct kg_err err = { 0 };
    size_t older;

    if (kg_find_instance(e, vault->id, guid, &instance, &err) < 0 || instance)
        return;
    later = made_later(points, guid, at, &older);
    if (older)
        kg_log(KG_LOG_WARN, "vault '%s' has %zu recovery point%s of instance %s, which %s: left alone", vault->name, older,
               older == 1 ? "" : "s", guid, at < 0 ? "this service does not know" : "was deleted after they were made");
    if (!kg_json_count(later))
        return;
    kg_log(KG_LOG_INFO, "vault '%s' has %zu recovery points that were made of instance %s after it was deleted: they are deleted, too",
           vault->name, kg_json_count(later), guid);
    kg_tasks_start_bury(e, vault->id, guid, KG_TAKE(later));
}

void kg_bury_strays(struct kg_engine *e, const struct kg_run *r)
{
    const struct kg_json *points = kg_json_get(r->result, "points");
    KG_AUTO_RESOURCE struct kg_resource vault = { 0 };
    KG_AUTO_JSON struct kg_json *seen = kg_json_object();
    struct kg_err ignored = { 0 };

    if (r->task->kind != KG_TASK_ADOPT || r->err.code != KG_E_OK || kg_catalog_get(e->catalog, r->task->vault, &vault, &ignored) < 0)
        return;
    for (const struct kg_json *p = kg_json_first(points); p; p = kg_json_next(p)) {
        const char *guid = kg_json_str_or(p, "instance", "");

        if (kg_json_bool(seen, guid, false))
            continue;
        kg_json_set_bool(seen, guid, true);
        bury_stray(e, &vault, points, guid);
    }
}
