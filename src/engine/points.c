/* Recovery points that the catalog has and a datastore of the vault lost, or holds damaged. From the vault alone nobody can tell those
 * that it lost from those that were deleted; so a check is told what to expect when it begins, and what it misses is compared with the
 * catalog when it ends: points made meanwhile were not expected, and those deleted meanwhile are not missed. A collection is told, too:
 * it deletes nothing while points are missing that no check has reported. What is wrong with a copy stands in the point
 * (policy/copies.h), until a check as thorough as that which found it finds it no more. */
#include "engine/engine_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/resolve.h"
#include "base/alloc.h"
#include "base/log.h"
#include "model/resources.h"
#include "policy/copies.h"
#include "policy/leaving.h"

enum { EXPECTED_MAX = 100 * 1000, DAMAGE_SHOWN = 4000, AFFECTS_SHOWN = 4000 };

/* ---- every point of a vault ---- */

typedef int point_fn(void *arg, const char *guid, struct kg_point_row *row, struct kg_err *err);
struct walk { struct kg_engine *e; point_fn *fn; void *arg; const char *guid; };

static int walk_point(void *arg, struct kg_point_row *row, struct kg_err *err)
{
    const struct walk *w = arg;

    return w->fn(w->arg, w->guid, row, err);
}

static int walk_instance(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    struct walk *w = arg;

    w->guid = kg_json_str(r->json, "internal.instance");
    if (!w->guid || strcasecmp(kg_json_str_or(r->json, "properties.provisioningState", ""), "Deleting") == 0)
        return 0;
    return kg_each_point(w->e->catalog, r->id, walk_point, w, err);
}

static int walk_vault(struct kg_engine *e, const char *vault, point_fn *fn, void *arg, struct kg_err *err)
{
    struct kg_resource_query q = { .type = KG_TYPE_INSTANCE, .parent = vault };
    struct walk w = { e, fn, arg, NULL };

    return kg_each_resource(e->catalog, &q, walk_instance, &w, err) < 0 ? -(int)err->code : 0;
}

/* ---- before the check ---- */

struct expecting { struct kg_json *list; size_t n; };

static int expect_point(void *arg, const char *guid, struct kg_point_row *row, struct kg_err *err)
{
    struct expecting *x = arg;
    unsigned in = kg_copies_in(row->json) & ~kg_leaving_stores(row->json); /* what leaves may be gone */
    unsigned lost = kg_copies_lost(row->json);
    struct kg_json *p, *stores, *lost_in = NULL;

    (void)err;
    if (!in || x->n++ >= EXPECTED_MAX)
        return 0;
    p = kg_json_object();
    kg_json_set_str(p, "instance", guid);
    kg_json_set_str(p, "point", row->id);
    kg_json_set(p, "stores", stores = kg_json_array());
    if (lost)
        kg_json_set(p, "lostIn", lost_in = kg_json_array());
    for (int s = 0; s < KG_DATASTORE_COUNT_; s++) {
        if (in & 1u << s)
            kg_json_push_str(stores, kg_datastore_to_text((enum kg_datastore)s));
        if (lost & 1u << s)
            kg_json_push_str(lost_in, kg_datastore_to_text((enum kg_datastore)s));
    }
    kg_json_push(x->list, p);
    return 0;
}

int kg_points_expect(struct kg_engine *e, const char *vault, struct kg_json *job, struct kg_err *err)
{
    struct expecting x = { kg_json_array(), 0 };

    kg_json_set(job, "expected", x.list);
    if (walk_vault(e, vault, expect_point, &x, err) < 0)
        return kg_err_wrap(err, "list the recovery points of the vault");
    if (x.n > EXPECTED_MAX)
        kg_log(KG_LOG_WARN, "'%s' has %zu recovery points; only %d of them are looked for", vault, x.n, EXPECTED_MAX);
    return 0;
}

/* ---- after it ---- */

struct broken { char *name, *why; };

struct judging {
    struct kg_engine *e;
    char **lost;                     /* "STORE:points/instance/point", sorted */
    bool *known;                     /* by the catalog it still should be there */
    size_t n;
    struct broken *broken;           /* points of which something is damaged, with the first that is; sorted */
    size_t n_broken, cap_broken;
    unsigned looked_at, read;        /* stores; of which all data was read */
    unsigned opened;                 /* those that could be looked into */
};

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct broken *)a)->name, ((const struct broken *)b)->name);
}

static char **find_lost(const struct judging *g, const char *object)
{
    return g->n ? bsearch(&object, g->lost, g->n, sizeof *g->lost, by_text) : NULL;
}

static const struct broken *find_broken(const struct judging *g, char *name)
{
    return g->n_broken ? bsearch(&(struct broken){ .name = name }, g->broken, g->n_broken, sizeof *g->broken, by_name) : NULL;
}

/* What a copy is missed under. A report's own entries have no store where it is the vault itself. */
static char *missed_as(const char *store, const char *object) { return kg_xprintf("%s:%s", store, object); }

/* One store's copy, of those that the point has by now, and that are not leaving: the check may have begun before one did. Of one
 * that is lost nobody knows what else is wrong with it. */
static bool judge_copy(struct judging *g, const char *guid, struct kg_point_row *row, enum kg_datastore store)
{
    KG_AUTO_FREE char *name = kg_xprintf("%s:points/%s/%s", kg_datastore_to_text(store), guid, row->id);
    char **lost = find_lost(g, name);
    const struct broken *b = find_broken(g, name);
    bool news;

    if (lost)
        g->known[lost - g->lost] = true;
    news = kg_copies_set_lost(row->json, store, lost != NULL);
    if (!lost && kg_copies_set_damaged(row->json, store, b ? b->why : NULL, g->read & 1u << store))
        news = true;
    return news;
}

static int judge_point(void *arg, const char *guid, struct kg_point_row *row, struct kg_err *err)
{
    struct judging *g = arg;
    unsigned judged = kg_copies_in(row->json) & ~kg_leaving_stores(row->json) & g->looked_at;
    bool news = false;

    for (int s = 0; s < KG_DATASTORE_COUNT_; s++)
        if (judged & 1u << s && judge_copy(g, guid, row, (enum kg_datastore)s))
            news = true;
    if (judged & g->opened & 1u << KG_DATASTORE_ARCHIVE && kg_again_follow(row->json))
        news = true;
    return news ? kg_catalog_point_update(g->e->catalog, row, err) : 0;
}

static void note_store(struct judging *g, const struct kg_json *report, enum kg_datastore store)
{
    if (!report)
        return;
    g->looked_at |= 1u << store;
    g->opened |= kg_json_bool(report, "unreadable", false) ? 0 : 1u << store;
    g->read |= kg_json_bool(report, "readData", false) ? 1u << store : 0;
}

static void note_damage(struct judging *g, const struct kg_json *d)
{
    const char *store = kg_json_str_or(d, "store", "VaultStore"), *object = kg_json_str_or(d, "object", "");

    if (kg_json_bool(d, "lost", false))
        g->lost[g->n++] = missed_as(store, object);
    for (const struct kg_json *p = kg_json_first(kg_json_get(d, "points")); p; p = kg_json_next(p)) {
        KG_GROW(g->broken, g->n_broken, g->cap_broken);
        g->broken[g->n_broken++] = (struct broken){ kg_xprintf("%s:points/%s", store, kg_json_value_str(p)),
                                                    kg_xprintf("%s: %.400s", object, kg_json_str_or(d, "problem", "?")) };
    }
}

static void note_report(struct judging *g, const struct kg_json *report)
{
    for (const struct kg_json *d = kg_json_first(kg_json_get(report, "damage")); d; d = kg_json_next(d))
        note_damage(g, d);
    if (g->n)
        qsort(g->lost, g->n, sizeof *g->lost, by_text);
    if (g->n_broken)
        qsort(g->broken, g->n_broken, sizeof *g->broken, by_name);
    note_store(g, report, KG_DATASTORE_VAULT);
    note_store(g, kg_json_get(report, "archive"), KG_DATASTORE_ARCHIVE);
}

static void judging_done(struct judging *g)
{
    for (size_t i = 0; i < g->n; i++)
        free(g->lost[i]);
    for (size_t i = 0; i < g->n_broken; i++) {
        free(g->broken[i].name);
        free(g->broken[i].why);
    }
    free(g->lost);
    free(g->known);
    free(g->broken);
}

/* A damage's entry as people get it, with as many of what it affects as there is still room for. */
static struct kg_json *shown(const struct kg_json *d, size_t *room)
{
    const struct kg_json *affects = kg_json_get(d, "affects");
    size_t n = kg_json_count(affects), k = 0;
    struct kg_json *copy = kg_json_object(), *some = kg_json_array();

    for (const struct kg_json *m = kg_json_first(d); m; m = kg_json_next(m))
        if (strcmp(kg_json_key(m), "points") != 0 && strcmp(kg_json_key(m), "affects") != 0)
            kg_json_set(copy, kg_json_key(m), kg_json_copy(m));
    for (const struct kg_json *x = kg_json_first(affects); x && *room; x = kg_json_next(x), k++, --*room)
        kg_json_push(some, kg_json_copy(x));
    kg_json_set(copy, "affects", some);
    if (k < n)
        kg_json_set_u64(copy, "affectsMore", kg_json_u64(d, "affectsMore", 0) + n - k);
    return copy;
}

/* What was found without what nobody misses any more, without what only this file wants to know, and no larger than the catalog
 * can keep it. */
static struct kg_json *make_report(const struct judging *g, const struct kg_json *found)
{
    struct kg_json *report = kg_json_object(), *damage = kg_json_array();
    size_t room = AFFECTS_SHOWN, more = 0;

    for (const struct kg_json *m = kg_json_first(found); m; m = kg_json_next(m))
        if (strcmp(kg_json_key(m), "damage") != 0)
            kg_json_set(report, kg_json_key(m), kg_json_copy(m));
    for (const struct kg_json *d = kg_json_first(kg_json_get(found, "damage")); d; d = kg_json_next(d)) {
        KG_AUTO_FREE char *name = missed_as(kg_json_str_or(d, "store", "VaultStore"), kg_json_str_or(d, "object", ""));
        char **lost = kg_json_bool(d, "lost", false) ? find_lost(g, name) : NULL;

        if (lost && !g->known[lost - g->lost])
            continue;
        if (kg_json_count(damage) < DAMAGE_SHOWN)
            kg_json_push(damage, shown(d, &room));
        else
            more++;
    }
    kg_json_set_bool(report, "healthy", kg_json_count(damage) == 0);
    kg_json_set(report, "damage", damage);
    if (more)
        kg_json_set_u64(report, "damageMore", kg_json_u64(found, "damageMore", 0) + more);
    return report;
}

int kg_points_judge(struct kg_engine *e, const char *vault, const struct kg_json *found, struct kg_json **ret, struct kg_err *err)
{
    size_t n = kg_json_count(kg_json_get(found, "damage"));
    KG_CLEANUP(judging_done) struct judging g = { .e = e, .lost = kg_xalloc_array(n, sizeof *g.lost),
                                                  .known = kg_xalloc_array(n, sizeof *g.known) };

    note_report(&g, found);
    if (walk_vault(e, vault, judge_point, &g, err) < 0)
        return -(int)err->code;
    *ret = make_report(&g, found);
    return 0;
}
