#include "base/fault.h"

#ifdef KG_FAULTS
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static struct {
    enum kg_fault_point point;
    int eno;
    atomic_uint left; /* 0: not armed */
    atomic_int fired;
} fault;

static const char *const point_names[] = {
#define KG_FP(name, text) text,
#include "base/fault_points.def"
#undef KG_FP
};

static const struct { const char *name; int eno; } errnos[] = {
    { "EIO", EIO }, { "ENOSPC", ENOSPC }, { "ECONNRESET", ECONNRESET }, { "ENOMEM", ENOMEM },
    { "EACCES", EACCES }, { "kill", KG_FAULT_KILL },
};

void kg_fault_arm(enum kg_fault_point p, unsigned nth, int eno)
{
    fault.point = p;
    fault.eno = eno;
    fault.fired = 0;
    fault.left = nth;
}

int kg_fault_hit(enum kg_fault_point p)
{
    unsigned left = fault.left;

    if (!left || (fault.point != KG_FP_ANY && fault.point != p))
        return 0;
    while (left && !atomic_compare_exchange_weak(&fault.left, &left, left - 1))
        ;
    if (left != 1)
        return 0;
    fault.fired = 1;
    if (fault.eno == KG_FAULT_KILL)
        raise(SIGKILL);
    return fault.eno;
}

int kg_fault_fired(void) { return fault.fired; }

void kg_fault_reset(void)
{
    fault.left = 0;
    fault.fired = 0;
}

void kg_fault_from_environment(void)
{
    const char *spec = getenv("KG_FAULT");
    char point[64], how[32];
    int p = -1, eno = 0;
    unsigned nth;

    if (!spec || !*spec)
        return;
    if (sscanf(spec, "%63[a-z_.]:%u:%31s", point, &nth, how) != 3)
        KG_BUG("KG_FAULT is not POINT:N:HOW");
    for (int i = 0; i < KG_FP_COUNT_; i++)
        if (strcmp(point_names[i], point) == 0)
            p = i;
    if (strcmp(point, "any") == 0)
        p = KG_FP_ANY;
    for (size_t i = 0; i < sizeof errnos / sizeof errnos[0]; i++)
        if (strcmp(errnos[i].name, how) == 0)
            eno = errnos[i].eno;
    if (p < 0 || !eno || !nth)
        KG_BUG("KG_FAULT names no point or no errno");
    kg_fault_arm((enum kg_fault_point)p, nth, eno);
}
#endif
