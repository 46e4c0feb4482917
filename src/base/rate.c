#include "base/rate.h"

enum { SAVED_PARTS = 4 };                /* of a second's worth */
static const int64_t most_owed = INT64_MAX / 4;

void kg_rate_init(struct kg_rate *r, uint64_t per_second, kg_usec now_mono)
{
    *r = (struct kg_rate){ .per_second = per_second, .left = (int64_t)(per_second / SAVED_PARTS), .filled = now_mono };
}

static void fill(struct kg_rate *r, kg_usec now)
{
    int64_t most = (int64_t)(r->per_second / SAVED_PARTS);
    kg_usec passed = now - r->filled;
    double more = (double)passed * (double)r->per_second / KG_SECOND;

    if (passed <= 0)
        return;
    if (more < 1)
        return; /* not forgotten: the time counts with the next */
    r->left = more >= (double)(most - r->left) ? most : r->left + (int64_t)more;
    r->filled = now;
}

kg_usec kg_rate_take(struct kg_rate *r, uint64_t n, kg_usec now)
{
    if (!r->per_second)
        return 0;
    fill(r, now);
    r->left = n > (uint64_t)most_owed || r->left - (int64_t)n < -most_owed ? -most_owed : r->left - (int64_t)n;
    return r->left >= 0 ? 0 : (kg_usec)((double)-r->left / (double)r->per_second * KG_SECOND);
}
