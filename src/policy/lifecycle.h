/* policy/lifecycle.h - where a recovery point's copies are to be, from when until when, and what has to be done about it
 * now. Pure: the same functions make the preview that people see and the steps that are taken.
 *
 * A point is deleted from a store when its time there is over, except that
 *   - the newest good point of an instance never loses its last copy,
 *   - a held point loses nothing, but what was rehydrated of it: the archive has that, too,
 *   - a copy is not deleted while another one, which should be there by now, is still to be made of it (or made again: it was lost, or
 *     lacks something), or while it is being rehydrated,
 *   - a sound copy is not deleted while what would be left of the point is lost or damaged.
 * A copy in the vault that was rehydrated stays until the rehydration's time is over, whatever the plan says of the vault. */
#ifndef KG_POLICY_LIFECYCLE_H
#define KG_POLICY_LIFECYCLE_H

#include <stdbool.h>
#include <stddef.h>
#include "model/policy.h"

enum { KG_STAYS = 3 };

struct kg_stay {
    enum kg_datastore store;
    kg_usec from, until;                 /* [from, until) */
};

struct kg_life {
    kg_usec time;                        /* of the point */
    struct kg_stay stay[KG_STAYS];
    unsigned stays;
    unsigned in;                         /* bit enum kg_datastore: where copies are */
    kg_usec rehydrated;                  /* until when the vault keeps a copy that came back from the archive; 0: none did */
    bool rehydrating;                    /* one is on its way */
    bool held;
    kg_usec held_until;                  /* a hold that ends by itself; 0: until it is released */
    bool good;                           /* would restore, as far as anybody knows */
    unsigned lost, damaged;              /* bits of in: copies that are known not to be there, or to lack something */
    unsigned again;                      /* bits of in: copies that lack something, and are to be made again */
};

/* Fills stay and stays of l, whose time is set. The time in the archive counts from the day it gets there. */
void kg_life_plan(const struct kg_retention *r, struct kg_life *l);

enum kg_step_kind { KG_STEP_COPY, KG_STEP_LEAVE };
struct kg_step {
    size_t point;                        /* its index */
    enum kg_step_kind kind;
    enum kg_datastore store;             /* to which, or which one it leaves */
};

/* What has to be done now for the points of one instance, in any order of time; ret has room for n * KG_STAYS steps.
 * Returns how many. After a copy was made, asking again may give the step that it was waited for. */
size_t kg_lifecycle_steps(const struct kg_life *points, size_t n, kg_usec now, struct kg_step *ret);

/* Where a point will have copies at a moment, as bits, if every step is taken in time; the newest point's exception aside. */
unsigned kg_life_kept(const struct kg_life *l, kg_usec at);
/* The same for the point i of a list in order of time that is all there is, the exception included. */
unsigned kg_life_where(const struct kg_life *points, size_t n, size_t i, kg_usec at);

/* Holds it for good: nothing leaves. */
static inline void kg_life_hold(struct kg_life *l)
{
    l->held = true;
    l->held_until = 0;
}

/* When the last copy will be deleted, the newest point's exception aside. */
kg_usec kg_life_end(const struct kg_life *l);

#endif
