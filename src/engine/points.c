/* Recovery points that the catalog has and the vault lost. From the vault alone nobody can tell them from those that were
 * deleted; so a check is told what to expect when it begins, and what it misses is compared with the catalog when it ends:
 * points made meanwhile were not expected, and those deleted meanwhile are not missed. A collection is told, too: it deletes
 * nothing while points are missing that no check has reported. */
#include "engine/engine_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/resolve.h"
#include "base/alloc.h"
#include "base/log.h"
#include "model/resources.h"
#include "policy/copies.h"

enum { EXPECTED_MAX = 100 * 1000 };

/* ---- every point of a vault ---- */

typedef int point_fn(void *arg, const char *guid, struct kg_point_row *row, struct kg_err *err);
struct walk { struct kg_engine *e; point_fn *fn; void *arg; };

static int walk_instance(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    const struct walk *w = arg;
    const char *guid = kg_json_str(r->json, "internal.instance");
    struct kg_point_query q = { .instance = r->id };
    KG_AUTO_FREE char *after = NULL;

    if (!guid || strcasecmp(kg_json_str_or(r->json, "properties.provisioningState", ""), "Deleting") == 0)
        return 0;
    do {
        KG_AUTO_POINT_LIST struct kg_point_list l = { 0 };

        q.after = after;
        if (kg_catalog_point_list(w->e->catalog, &q, &l, err) < 0)
            return -(int)err->code;
        for (size_t i = 0; i < l.count; i++)
            if (w->fn(w->arg, guid, &l.rows[i], err) < 0)
                return -(int)err->code;
        free(after);
        after = KG_TAKE(l.next);
    } while (after);
    return 0;
}

static int walk_vault(struct kg_engine *e, const char *vault, point_fn *fn, void *arg, struct kg_err *err)
{
    struct kg_resource_query q = { .type = KG_TYPE_INSTANCE, .parent = vault };
    struct walk w = { e, fn, arg };

    return kg_each_resource(e->catalog, &q, walk_instance, &w, err) < 0 ? -(int)err->code : 0;
}

/* ---- before the check ---- */

struct expecting { struct kg_json *list; size_t n; };

static int expect_point(void *arg, const char *guid, struct kg_point_row *row, struct kg_err *err)
{
    struct expecting *x = arg;
    unsigned in = kg_copies_in(row->json);
    struct kg_json *p, *stores;

    (void)err;
    if (!in || x->n++ >= EXPECTED_MAX)
        return 0;
    p = kg_json_object();
    kg_json_set_str(p, "instance", guid);
    kg_json_set_str(p, "point", row->id);
    if (kg_json_str(row->json, "problem"))
        kg_json_set_bool(p, "lost", true);
    kg_json_set(p, "stores", stores = kg_json_array());
    for (int s = 0; s < KG_DATASTORE_COUNT_; s++)
        if (in & 1u << s)
            kg_json_push_str(stores, kg_datastore_to_text((enum kg_datastore)s));
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

struct judging {
    struct kg_engine *e;
    char **lost;                     /* "STORE:object", sorted */
    bool *known;                     /* by the catalog it still should be there */
    size_t n;
};

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static char **find_lost(const struct judging *g, const char *object)
{
    return g->n ? bsearch(&object, g->lost, g->n, sizeof *g->lost, by_text) : NULL;
}

static const char *lost_text(const struct kg_point_row *row)
{
    return kg_copies_in(row->json) & 1u << KG_DATASTORE_ARCHIVE ? "the vault or its archive has lost it" : "the vault has lost it";
}

/* What a copy is missed under. A report's own entries have no store where it is the vault itself. */
static char *missed_as(const char *store, const char *object) { return kg_xprintf("%s:%s", store, object); }

/* Of the copies that the point has by now: the check may have begun before one left. */
static bool is_lost(struct judging *g, const char *guid, const struct kg_point_row *row)
{
    KG_AUTO_FREE char *object = kg_xprintf("points/%s/%s", guid, row->id);
    bool any = false;

    for (int s = 0; s < KG_DATASTORE_COUNT_; s++) {
        KG_AUTO_FREE char *name = missed_as(kg_datastore_to_text((enum kg_datastore)s), object);
        char **lost = kg_copies_in(row->json) & 1u << s ? find_lost(g, name) : NULL;

        if (lost)
            g->known[lost - g->lost] = any = true;
    }
    return any;
}

static int judge_point(void *arg, const char *guid, struct kg_point_row *row, struct kg_err *err)
{
    struct judging *g = arg;
    bool lost = is_lost(g, guid, row);

    if (!lost == !kg_json_str(row->json, "problem"))
        return 0;
    if (lost)
        kg_json_set_str(row->json, "problem", lost_text(row));
    else
        kg_json_remove(row->json, "problem");
    return kg_catalog_point_update(g->e->catalog, row, err);
}

/* The report's list without those that nobody misses any more. */
static void drop_deleted(const struct judging *g, struct kg_json *report)
{
    KG_AUTO_JSON struct kg_json *old = kg_json_take(report, "damage");
    struct kg_json *damage = kg_json_array();

    for (const struct kg_json *d = kg_json_first(old); d; d = kg_json_next(d)) {
        KG_AUTO_FREE char *name = missed_as(kg_json_str_or(d, "store", "VaultStore"), kg_json_str_or(d, "object", ""));
        char **lost = kg_json_bool(d, "lost", false) ? find_lost(g, name) : NULL;

        if (!lost || g->known[lost - g->lost])
            kg_json_push(damage, kg_json_copy(d));
    }
    kg_json_set_bool(report, "healthy", kg_json_count(damage) == 0);
    kg_json_set(report, "damage", damage);
}

int kg_points_judge(struct kg_engine *e, const char *vault, struct kg_json *report, struct kg_err *err)
{
    const struct kg_json *damage = kg_json_get(report, "damage");
    KG_AUTO_FREE char **lost = kg_xalloc_array(kg_json_count(damage), sizeof *lost);
    KG_AUTO_FREE bool *known = kg_xalloc_array(kg_json_count(damage), sizeof *known);
    struct judging g = { .e = e, .lost = lost, .known = known };
    int r;

    for (const struct kg_json *d = kg_json_first(damage); d; d = kg_json_next(d))
        if (kg_json_bool(d, "lost", false))
            lost[g.n++] = missed_as(kg_json_str_or(d, "store", "VaultStore"), kg_json_str_or(d, "object", ""));
    if (g.n)
        qsort(lost, g.n, sizeof *lost, by_text);
    r = walk_vault(e, vault, judge_point, &g, err);
    if (r == 0 && g.n)
        drop_deleted(&g, report);
    for (size_t i = 0; i < g.n; i++)
        free(lost[i]);
    return r;
}
