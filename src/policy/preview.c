#include "policy/preview.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "policy/schedule.h"
#include "policy/tag.h"

void kg_preview_make(const struct kg_policy *p, const struct kg_zone *z, const struct kg_life *existing, size_t n_existing,
                     kg_usec previous, kg_usec now, kg_usec until, struct kg_preview *ret)
{
    struct kg_preview v = { .n = n_existing, .existing = n_existing };
    size_t cap = n_existing + 64;

    v.life = kg_xalloc_array(cap, sizeof *v.life);
    v.point = kg_xalloc_array(cap, sizeof *v.point);
    if (n_existing)
        memcpy(v.life, existing, n_existing * sizeof *existing);
    for (kg_usec t = kg_schedule_next(p, z, now); t != KG_NEVER && t <= until; t = kg_schedule_next(p, z, t)) {
        const struct kg_policy_tag *tag = kg_tag_for(p, z, t, previous);

        if (v.n == KG_PREVIEW_MOST) {
            v.cut = true;
            break;
        }
        if (v.n == cap) {
            cap *= 2;
            v.life = kg_xrealloc_array(v.life, cap, sizeof *v.life);
            v.point = kg_xrealloc_array(v.point, cap, sizeof *v.point);
        }
        v.life[v.n] = (struct kg_life){ .time = t, .good = true };
        v.point[v.n] = (struct kg_preview_point){ tag };
        kg_life_plan(kg_policy_retention(p, tag->name), &v.life[v.n++]);
        previous = t;
    }
    *ret = v;
}

void kg_preview_done(struct kg_preview *v)
{
    free(v->life);
    free(v->point);
    *v = (struct kg_preview){ 0 };
}
