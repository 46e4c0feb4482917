/* base/fault.h - make a named step fail on purpose, or kill the process there. Only in builds with -DKG_FAULTS;
 * in a release build KG_FAULT() is the constant 0 and the compiler drops the branch.
 *
 * Unit tests arm points with kg_fault_arm(). End-to-end tests use the environment, read once by
 * kg_fault_from_environment() in main: KG_FAULT=store.sync:3:ENOSPC fails the third store.sync with that errno
 * (EIO, ENOSPC, ECONNRESET, ENOMEM, EACCES), KG_FAULT=store.sync:3:kill ends the process there with SIGKILL.
 * The point "any" counts every point.
 *
 * Threads: counting is atomic, so a point may be hit from any thread. */
#ifndef KG_BASE_FAULT_H
#define KG_BASE_FAULT_H

enum kg_fault_point {
#define KG_FP(name, text) KG_FP_##name,
#include "base/fault_points.def"
#undef KG_FP
    KG_FP_COUNT_,
    KG_FP_ANY = KG_FP_COUNT_, /* arm: whichever point comes nth */
};

enum { KG_FAULT_KILL = -1 }; /* instead of an errno: SIGKILL at the point */

#ifdef KG_FAULTS
int kg_fault_hit(enum kg_fault_point p);     /* errno to pretend, or 0 */
#define KG_FAULT(name) kg_fault_hit(KG_FP_##name)

void kg_fault_arm(enum kg_fault_point p, unsigned nth, int eno);
int kg_fault_fired(void);                    /* did the armed fault happen? */
void kg_fault_reset(void);
void kg_fault_from_environment(void);        /* a malformed KG_FAULT aborts: a test that tests nothing is worse */
#else
#define KG_FAULT(name) 0
static inline void kg_fault_from_environment(void) {}
#endif

#endif
