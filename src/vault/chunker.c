#include "vault/chunker.h"

enum { WINDOW = 64, AVERAGE_LEAST = 4 * 1024, AVERAGE_MOST = 64 * 1024 };

void kg_chunker_init(struct kg_chunker *c, const uint64_t gear[256], uint32_t average)
{
    average = average < AVERAGE_LEAST ? AVERAGE_LEAST : average > AVERAGE_MOST ? AVERAGE_MOST : average;
    c->gear = gear;
    c->average = average;
    c->min = average / 4;
    c->max = average * 4;
    /* One cut in average * 4 bytes, then one in average / 4: lengths crowd around the average. */
    c->below_early = UINT64_MAX / ((uint64_t)average * 4);
    c->below_late = UINT64_MAX / (average / 4);
}

/* Goes on from *h until the hash falls below; returns end when it does not. Unrolled: the dependency chain is one
 * shift-and-add a byte, the comparisons hide behind it. */
static const uint8_t *roll(const uint64_t *gear, uint64_t *hash, uint64_t below, const uint8_t *p, const uint8_t *end)
{
    uint64_t h = *hash;

    while (end - p >= 4) {
        h = (h << 1) + gear[p[0]];
        if (__builtin_expect(h < below, 0))
            return p + 1;
        h = (h << 1) + gear[p[1]];
        if (__builtin_expect(h < below, 0))
            return p + 2;
        h = (h << 1) + gear[p[2]];
        if (__builtin_expect(h < below, 0))
            return p + 3;
        h = (h << 1) + gear[p[3]];
        if (__builtin_expect(h < below, 0))
            return p + 4;
        p += 4;
    }
    for (; p < end; p++) {
        h = (h << 1) + gear[*p];
        if (h < below)
            return p + 1;
    }
    *hash = h;
    return NULL;
}

size_t kg_chunker_cut(const struct kg_chunker *c, const uint8_t *p, size_t n)
{
    size_t early = n < c->average ? n : c->average, late = n < c->max ? n : c->max;
    const uint8_t *cut;
    uint64_t h = 0;

    if (n <= c->min)
        return n;
    /* The hash is warm when it counts, so a cut depends on the 64 bytes before it and not on where the chunk began. */
    for (size_t i = c->min - WINDOW; i < c->min; i++)
        h = (h << 1) + c->gear[p[i]];
    cut = roll(c->gear, &h, c->below_early, p + c->min, p + early);
    if (!cut)
        cut = roll(c->gear, &h, c->below_late, p + early, p + late);
    return cut ? (size_t)(cut - p) : late;
}
