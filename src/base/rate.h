/* base/rate.h - so many bytes a second and no more: a token bucket. Pure: the clock comes from the caller.
 *
 * Whoever moved bytes takes them out of the bucket, also when it then lacks some, and waits for as long as it is told before
 * moving more. So pieces of any size keep the rate, and several takers share it. At most a quarter of a second's worth is saved
 * up. A clock that stands still or goes back fills nothing.
 *
 * Threads: one at a time; takers of several threads have a lock around it. */
#ifndef KG_BASE_RATE_H
#define KG_BASE_RATE_H

#include <stdint.h>
#include "base/time.h"

struct kg_rate {
    uint64_t per_second;             /* 0: no limit */
    int64_t left;                    /* bytes; negative: what is owed */
    kg_usec filled;                  /* when it was last filled up */
};

void kg_rate_init(struct kg_rate *r, uint64_t per_second, kg_usec now_mono);
/* Takes n bytes; returns for how long the taker waits. */
kg_usec kg_rate_take(struct kg_rate *r, uint64_t n, kg_usec now_mono);

#endif
