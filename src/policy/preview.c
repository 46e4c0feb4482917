#include "policy/preview.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "policy/schedule.h"
#include "policy/tag.h"

void kg_preview_make(const struct kg_policy *p, const struct kg_zone *z, const struct kg_life *existing, size_t n_existing,
                     kg_usec previous, kg_usec now, kg_usec until, struct kg_preview *ret)
{
    struct kg_preview v = { .n = n_existing, .existing = n_existing };
    size_t cap = n_existing + 64;

    v.life = kg_xalloc_array(cap, sizeof *v.life);
    v.point = kg_xalloc_array(cap, sizeof *v.point);
    if (n_existing)
        memcpy(v.life, existing, n_existing * sizeof *existing);
    for (kg_usec t = kg_schedule_next(p, z, now); t != KG_NEVER && t <= until; t = kg_schedule_next(p, z, t)) {
        const struct kg_policy_tag *tag = kg_tag_for(p, z, t, previous);

        if (v.n == KG_PREVIEW_MOST) {
            v.cut = true;
            break;
        }
        if (v.n == cap) {
            cap *= 2;
            v.life = kg_xrealloc_array(v.life, cap, sizeof *v.life);
            v.point = kg_xrealloc_array(v.point, cap, sizeof *v.point);
        }
        v.life[v.n] = (struct kg_life){ .time = t, .good = true };
        v.point[v.n] = (struct kg_preview_point){ tag };
        kg_life_plan(kg_policy_retention(p, tag->name), &v.life[v.n++]);
        previous = t;
    }
    *ret = v;
}

void kg_preview_done(struct kg_preview *v)
{
    free(v->life);
    free(v->point);
    *v = (struct kg_preview){ 0 };
}

/* ---- counting ---- */

struct count {
    const struct kg_preview *v;
    const unsigned *kind;
    const kg_usec *at;
    size_t n, width;
    size_t *row;                         /* while points are added: how much more there is than in the row before */
};

static void add(struct count *c, size_t point, unsigned in, size_t row, size_t by)
{
    size_t *r = c->row + row * c->width;

    r[KG_PREVIEW_ALL] += by;
    r[KG_PREVIEW_KINDS + c->kind[point]] += by;
    for (unsigned s = 0; s < KG_DATASTORE_COUNT_; s++)
        if (in & 1u << s)
            r[KG_PREVIEW_STORES + s] += by;
}

/* The first of the moments that is not before t. */
static size_t first_at(const struct count *c, kg_usec t)
{
    size_t low = 0, high = c->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (c->at[middle] < t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t insert(size_t *edge, size_t n, size_t value)
{
    size_t i = n;

    for (; i > 0 && edge[i - 1] > value; i--)
        edge[i] = edge[i - 1];
    edge[i] = value;
    return n + 1;
}

/* Between two edges nothing changes for the point, so that it is looked at a few times and not once for each moment. */
static void add_point(struct count *c, size_t i)
{
    const struct kg_life *l = &c->v->life[i];
    size_t edge[3 + 2 * KG_STAYS], edges = 0;

    edges = insert(edge, edges, first_at(c, l->time));
    edges = insert(edge, edges, c->n);
    if (l->rehydrated)
        edges = insert(edge, edges, first_at(c, l->rehydrated));
    for (unsigned s = 0; s < l->stays; s++) {
        edges = insert(edge, edges, first_at(c, l->stay[s].from));
        edges = insert(edge, edges, first_at(c, l->stay[s].until));
    }
    for (size_t k = 0; k + 1 < edges; k++) {
        unsigned in = edge[k] < edge[k + 1] ? kg_life_kept(l, c->at[edge[k]]) : 0;

        if (!in)
            continue;
        add(c, i, in, edge[k], 1);
        if (edge[k + 1] < c->n)
            add(c, i, in, edge[k + 1], (size_t)-1);
    }
}

/* The newest good point at a moment; v->n when there is none. Those to come are good, and later than what is there. */
static size_t newest_good(const struct kg_preview *v, kg_usec at)
{
    size_t low = v->existing, high = v->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (v->life[middle].time <= at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > v->existing)
        return low - 1;
    for (size_t i = v->existing; i > 0; i--)
        if (v->life[i - 1].good && v->life[i - 1].time <= at)
            return i - 1;
    return v->n;
}

void kg_preview_count(const struct kg_preview *v, const unsigned *kind, size_t kinds, const kg_usec *at, size_t n, size_t *ret)
{
    struct count c = { .v = v, .kind = kind, .at = at, .n = n, .width = KG_PREVIEW_KINDS + kinds, .row = ret };

    memset(ret, 0, n * c.width * sizeof *ret);
    for (size_t i = 0; i < v->n; i++)
        add_point(&c, i);
    for (size_t i = c.width; i < n * c.width; i++)
        ret[i] += ret[i - c.width];
    for (size_t k = 0; k < n; k++) {
        size_t i = newest_good(v, at[k]);

        if (i < v->n && !kg_life_kept(&v->life[i], at[k]))
            add(&c, i, kg_life_where(v->life, v->n, i, at[k]), k, 1);
    }
}
