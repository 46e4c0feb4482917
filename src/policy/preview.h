/* policy/preview.h - what a policy will have kept, on each day of the coming years. Pure. */
#ifndef KG_POLICY_PREVIEW_H
#define KG_POLICY_PREVIEW_H

#include "policy/lifecycle.h"
#include "policy/zone.h"

/* Hourly backups of two years, daily ones of fifty: made and counted in 30 ms, with the worst of policies in half a second. */
enum { KG_PREVIEW_MOST = 20000 };

struct kg_preview_point {
    const struct kg_policy_tag *tag;     /* NULL for points that are there already */
};

struct kg_preview {
    struct kg_life *life;                /* in order of time: those that are there, then those to come */
    struct kg_preview_point *point;
    size_t n, existing;
    bool cut;                            /* there were more than KG_PREVIEW_MOST */
};

/* existing: points of the instance in order of time, with their plans; may be none. previous: the start of the newest
 * scheduled backup that succeeded, or 0. Every start in (now, until] is taken to succeed. */
void kg_preview_make(const struct kg_policy *p, const struct kg_zone *z, const struct kg_life *existing, size_t n_existing,
                     kg_usec previous, kg_usec now, kg_usec until, struct kg_preview *ret);
void kg_preview_done(struct kg_preview *v);
#define KG_AUTO_PREVIEW KG_CLEANUP(kg_preview_done)

/* How many points there are at n moments, which are in order. kind[i] < kinds is what kind of point i is, the caller's to
 * choose. ret has n rows of KG_PREVIEW_KINDS + kinds numbers: all of them, those with a copy in each store, each kind. */
enum { KG_PREVIEW_ALL, KG_PREVIEW_STORES, KG_PREVIEW_KINDS = KG_PREVIEW_STORES + KG_DATASTORE_COUNT_ };
void kg_preview_count(const struct kg_preview *v, const unsigned *kind, size_t kinds, const kg_usec *at, size_t n, size_t *ret);

#endif
