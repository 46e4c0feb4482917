#include "policy/lifecycle.h"

#include <stdint.h>

static const struct kg_lifecycle *lifecycle_of(const struct kg_retention *r, enum kg_datastore store)
{
    for (size_t i = 0; i < r->lifecycle_count; i++)
        if (r->lifecycles[i].source == store)
            return &r->lifecycles[i];
    return NULL;
}

static void add_stay(struct kg_life *l, enum kg_datastore store, kg_usec from, const struct kg_span *keep)
{
    if (l->stays < KG_STAYS)
        l->stay[l->stays++] = (struct kg_stay){ store, from, kg_span_add(from, keep) };
}

static bool stays_in(const struct kg_life *l, enum kg_datastore store)
{
    for (unsigned i = 0; i < l->stays; i++)
        if (l->stay[i].store == store)
            return true;
    return false;
}

void kg_life_plan(const struct kg_retention *r, struct kg_life *l)
{
    const struct kg_lifecycle *vault = lifecycle_of(r, KG_DATASTORE_VAULT), *to;
    kg_usec leaves;

    l->stays = 0;
    if (!vault)
        return;
    add_stay(l, KG_DATASTORE_VAULT, l->time, &vault->delete_after);
    leaves = l->stay[0].until;
    for (size_t i = 0; i < vault->copy_count; i++) {
        const struct kg_policy_copy *c = &vault->copies[i];
        kg_usec from = c->when == KG_COPY_IMMEDIATE ? l->time : c->when == KG_COPY_CUSTOM ? kg_span_add(l->time, &c->after) : leaves;

        to = lifecycle_of(r, c->target);
        if (to && !stays_in(l, c->target))
            add_stay(l, c->target, from < leaves ? from : leaves, &to->delete_after);
    }
}

kg_usec kg_life_end(const struct kg_life *l)
{
    kg_usec end = 0;

    for (unsigned i = 0; i < l->stays; i++)
        if (l->stay[i].until > end)
            end = l->stay[i].until;
    return end;
}

/* The stores that it should be in at a moment. */
static unsigned wanted(const struct kg_life *l, kg_usec at)
{
    unsigned in = 0;

    for (unsigned i = 0; i < l->stays; i++)
        if (l->stay[i].from <= at && at < l->stay[i].until)
            in |= 1u << l->stay[i].store;
    return in;
}

/* Of those of the set that its time is over in, the one where it lasted longest: the vault, if they are equal. */
static unsigned last_home(const struct kg_life *l, unsigned set)
{
    unsigned best = set & -set;
    kg_usec until = INT64_MIN;

    for (unsigned i = 0; i < l->stays; i++)
        if (set & 1u << l->stay[i].store && l->stay[i].until > until) {
            until = l->stay[i].until;
            best = 1u << l->stay[i].store;
        }
    return best;
}

/* What of its copies may go. A store that the plan does not speak of is left alone. */
static unsigned over(const struct kg_life *l, kg_usec now)
{
    unsigned planned = 0, open = 0;

    for (unsigned i = 0; i < l->stays; i++) {
        planned |= 1u << l->stay[i].store;
        if (now < l->stay[i].until)
            open |= 1u << l->stay[i].store;
    }
    if (now < l->rehydrated)
        open |= 1u << KG_DATASTORE_VAULT;
    return l->in & planned & ~open;
}

/* What is in the vault for a while only, and goes by itself: no home for the last copy. */
static unsigned passing(const struct kg_life *l, kg_usec now)
{
    for (unsigned i = 0; i < l->stays; i++)
        if (l->stay[i].store == KG_DATASTORE_VAULT && now < l->stay[i].until)
            return 0;
    return now < l->rehydrated ? l->in & 1u << KG_DATASTORE_VAULT : 0;
}

static size_t newest(const struct kg_life *points, size_t n, bool good)
{
    size_t best = n;

    for (size_t i = 0; i < n; i++)
        if (points[i].good >= good && points[i].in && (best == n || points[i].time >= points[best].time))
            best = i;
    return best;
}

/* The one that never leaves. Where none is good the newest of any: what was found wrong with it may have been the finder's. */
static size_t newest_good(const struct kg_life *points, size_t n)
{
    size_t best = newest(points, n, true);

    return best < n ? best : newest(points, n, false);
}

static size_t add_steps(size_t point, enum kg_step_kind kind, unsigned stores, struct kg_step *ret)
{
    size_t n = 0;

    for (int s = 0; s < KG_DATASTORE_COUNT_; s++)
        if (stores & 1u << s)
            ret[n++] = (struct kg_step){ point, kind, (enum kg_datastore)s };
    return n;
}

static unsigned sound(const struct kg_life *l) { return l->good ? l->in & ~(l->lost | l->damaged | l->again) : 0; }

/* Without what must stay: if any copy is sound, a sound one, where another one stays; and of the point that never leaves in any case. */
static unsigned spare(const struct kg_life *l, unsigned go, bool never, kg_usec now)
{
    unsigned worth = sound(l) ? sound(l) : l->in, stays = l->in & ~go;

    if (never)
        stays &= ~passing(l, now);
    if (go & worth && !(stays & worth) && (never || stays))
        go &= ~last_home(l, go & worth);
    return go;
}

static bool is_held(const struct kg_life *l, kg_usec at) { return l->held && (!l->held_until || at < l->held_until); }

size_t kg_lifecycle_steps(const struct kg_life *points, size_t n, kg_usec now, struct kg_step *ret)
{
    size_t keep = newest_good(points, n), k = 0;

    for (size_t i = 0; i < n; i++) {
        const struct kg_life *l = &points[i];
        unsigned missing = wanted(l, now) & ~(l->in & ~(l->lost | l->again)), go = over(l, now);

        if (!l->in || l->time > now)
            continue;
        k += add_steps(i, KG_STEP_COPY, missing, ret + k);
        if (missing || l->rehydrating)
            continue;
        if (is_held(l, now))
            go &= l->rehydrated && l->in & 1u << KG_DATASTORE_ARCHIVE ? 1u << KG_DATASTORE_VAULT : 0;
        k += add_steps(i, KG_STEP_LEAVE, spare(l, go, i == keep, now), ret + k);
    }
    return k;
}

unsigned kg_life_kept(const struct kg_life *l, kg_usec at)
{
    unsigned in = wanted(l, at), planned = 0;

    if (l->time > at)
        return 0;
    for (unsigned i = 0; i < l->stays; i++) {
        planned |= 1u << l->stay[i].store;
        if (is_held(l, at) && l->stay[i].from <= at)
            in |= 1u << l->stay[i].store;
    }
    if (at < l->rehydrated)
        in |= l->in & 1u << KG_DATASTORE_VAULT;
    return in | (is_held(l, at) ? l->in : l->in & ~planned);
}

unsigned kg_life_where(const struct kg_life *points, size_t n, size_t i, kg_usec at)
{
    const struct kg_life *l = &points[i];
    unsigned in = kg_life_kept(l, at), all = 0;

    if (in || l->time > at || !l->good)
        return in;
    for (size_t k = i + 1; k < n && points[k].time <= at; k++)
        if (points[k].good)
            return 0;
    for (unsigned s = 0; s < l->stays; s++)
        all |= 1u << l->stay[s].store;
    return all ? last_home(l, all) : 0;
}
