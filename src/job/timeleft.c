#include "job/timeleft.h"

#include <stdio.h>
#include <string.h>

#define SURE_AFTER KG_SECOND     /* a shorter look says nothing of the rate */
#define MOST       (400LL * 24 * 3600 * KG_SECOND)

static const struct kg_phase *find(const struct kg_profile *p, const char *name)
{
    for (unsigned i = 0; i < p->n; i++)
        if (strcmp(p->phase[i].name, name) == 0)
            return &p->phase[i];
    return NULL;
}

static kg_usec bounded(double t) { return t < 0 ? 0 : t > (double)MOST ? KG_LEFT_UNKNOWN : (kg_usec)(t + 0.5); }

/* How much more there is to do than in the earlier run, as far as bytes tell. A run of another size by far is no guide. */
static double size_ratio(const struct kg_running *now, const struct kg_phase *before)
{
    double ratio = before->bytes && now->total ? (double)now->total / (double)before->bytes : 1;

    return ratio < 0.02 ? 0.02 : ratio > 50 ? 50 : ratio;
}

/* By what this run has done until now; the more of it, the more that is worth (*ret_weight, 0 to 1). */
static kg_usec by_rate(const struct kg_running *now, double *ret_weight)
{
    double fraction;

    if (!now->total || !now->done || now->done >= now->total || now->elapsed < SURE_AFTER)
        return KG_LEFT_UNKNOWN;
    fraction = (double)now->done / (double)now->total;
    *ret_weight = 0.2 + 0.8 * fraction;
    return bounded((double)now->elapsed * (1 - fraction) / fraction);
}

/* By how long it took the last time. One that takes longer than it should by half has lost its guide. */
static kg_usec by_earlier(const struct kg_running *now, const struct kg_phase *before)
{
    double whole = before ? (double)before->took * size_ratio(now, before) : 0;

    if (!before || now->elapsed < 0 || (double)now->elapsed > whole * 1.5 + (double)SURE_AFTER)
        return KG_LEFT_UNKNOWN;
    if (now->total && now->done && now->done < now->total) /* what is done counts, not the clock */
        return bounded(whole * (1 - (double)now->done / (double)now->total));
    return bounded(whole - (double)now->elapsed);
}

static kg_usec of_phase(const struct kg_running *now, const struct kg_phase *before, const char **ret_basis)
{
    double weight = 0;
    kg_usec rate = by_rate(now, &weight), earlier = by_earlier(now, before);

    if (rate == KG_LEFT_UNKNOWN && earlier == KG_LEFT_UNKNOWN)
        return KG_LEFT_UNKNOWN;
    *ret_basis = rate == KG_LEFT_UNKNOWN ? "earlier run" : earlier == KG_LEFT_UNKNOWN ? "rate" : "rate and earlier run";
    if (rate == KG_LEFT_UNKNOWN || earlier == KG_LEFT_UNKNOWN)
        return rate == KG_LEFT_UNKNOWN ? earlier : rate;
    return bounded((double)rate * weight + (double)earlier * (1 - weight));
}

struct kg_left kg_time_left(const struct kg_running *now, const struct kg_profile *earlier)
{
    struct kg_left left = { .job = KG_LEFT_UNKNOWN };
    const struct kg_phase *before = find(earlier, now->name);
    double rest = 0, ratio = before ? size_ratio(now, before) : 1;

    left.phase = of_phase(now, before, &left.basis);
    if (left.phase == KG_LEFT_UNKNOWN || (!before && !now->last))
        return left;
    for (const struct kg_phase *p = before ? before + 1 : NULL; p && p < earlier->phase + earlier->n; p++)
        rest += (double)p->took * ratio;
    if (rest > 0 && strcmp(left.basis, "rate") == 0)
        left.basis = "rate and earlier run";
    left.job = bounded((double)left.phase + rest);
    return left;
}

void kg_profile_read(const struct kg_json *properties, struct kg_profile *ret)
{
    *ret = (struct kg_profile){ 0 };
    for (const struct kg_json *p = kg_json_first(kg_json_get(properties, "extendedInfo.phases")); p; p = kg_json_next(p)) {
        const char *name = kg_json_str(p, "phase");
        double seconds = kg_json_double(p, "seconds", -1);
        struct kg_phase *to = &ret->phase[ret->n];

        if (!name || !*name || strlen(name) >= sizeof to->name || seconds < 0 || seconds > (double)MOST / KG_SECOND ||
            ret->n == KG_PHASES_MAX)
            continue;
        (void)snprintf(to->name, sizeof to->name, "%s", name);
        to->took = (kg_usec)(seconds * KG_SECOND);
        to->bytes = kg_json_u64(p, "bytes", 0);
        ret->n++;
    }
}
