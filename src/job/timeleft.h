/* job/timeleft.h - how long a job will still take, as far as that can be known. Pure.
 *
 * What a run tells of itself (bytes done of bytes to do, and since when) gives the rate of the phase that runs; the last run of
 * the same kind gives the phases that have not begun. What neither tells is unknown, and said to be: a number that is made up
 * would be believed. */
#ifndef KG_JOB_TIMELEFT_H
#define KG_JOB_TIMELEFT_H

#include <stdbool.h>
#include "base/time.h"
#include "json/json.h"

enum { KG_PHASES_MAX = 16, KG_PHASE_NAME = 32 };

struct kg_phase {
    char name[KG_PHASE_NAME];
    kg_usec took;
    uint64_t bytes;              /* that it had to do; 0: it does not count bytes */
};

/* The phases of a run that has completed, in their order. */
struct kg_profile {
    struct kg_phase phase[KG_PHASES_MAX];
    unsigned n;
};

/* The phase that runs. */
struct kg_running {
    const char *name;
    kg_usec elapsed;             /* since it began */
    uint64_t done, total;        /* bytes; total 0: not known */
    bool last;                   /* none follows it */
};

enum { KG_LEFT_UNKNOWN = -1 };

struct kg_left {
    kg_usec phase;               /* of the phase that runs; KG_LEFT_UNKNOWN */
    kg_usec job;                 /* until the end; KG_LEFT_UNKNOWN */
    const char *basis;           /* "rate", "earlier run", "rate and earlier run"; NULL when nothing is known */
};

/* earlier: n 0 when there is none. */
struct kg_left kg_time_left(const struct kg_running *now, const struct kg_profile *earlier);

/* Of a job's properties: extendedInfo.phases, [{phase, startTime, seconds, bytes}]. What makes no sense is left out. */
void kg_profile_read(const struct kg_json *properties, struct kg_profile *ret);

#endif
