#include "policy/schedule.h"

static const kg_usec day_usec = 86400 * KG_SECOND;

static struct kg_local first_of(const struct kg_interval *i, const struct kg_zone *z)
{
    int64_t day = i->start / day_usec - (i->start % day_usec < 0);

    if (i->floating)
        return (struct kg_local){ day, i->start - day * day_usec };
    return kg_zone_local(z, i->start);
}

/* The k-th start. Months are counted from the first date each time, so that a 31st comes back after a February. */
static kg_usec start_at(const struct kg_interval *i, const struct kg_zone *z, int64_t k)
{
    struct kg_local l = first_of(i, z);
    int64_t year, months;
    unsigned month, day, last;

    if (i->span.months) {
        kg_civil_from_days(l.day, &year, &month, &day);
        months = year * 12 + (month - 1) + k * (int64_t)i->span.months;
        year = months / 12;
        month = (unsigned)(months % 12) + 1;
        last = (unsigned)((month == 12 ? kg_days_from_civil(year + 1, 1, 1) : kg_days_from_civil(year, month + 1, 1)) -
                          kg_days_from_civil(year, month, 1));
        l.day = kg_days_from_civil(year, month, day < last ? day : last);
    }
    l.day += k * (int64_t)i->span.days;
    return kg_zone_moment(z, l) + k * (kg_usec)i->span.seconds * KG_SECOND;
}

/* A number of starts that is certainly not behind the moment. */
static int64_t safe_count(const struct kg_interval *i, kg_usec at)
{
    kg_usec period = (kg_usec)i->span.months * 2629746 * KG_SECOND + (kg_usec)i->span.days * day_usec +
                     (kg_usec)i->span.seconds * KG_SECOND;
    int64_t k = (at - i->start) / period - 3 - 2 * day_usec / period; /* start may be a day off its moment */

    return k > 0 ? k : 0;
}

static kg_usec next_of(const struct kg_interval *i, const struct kg_zone *z, kg_usec after)
{
    int64_t k = safe_count(i, after);
    kg_usec t = start_at(i, z, k);

    while (t <= after)
        t = start_at(i, z, ++k);
    return t;
}

static kg_usec previous_of(const struct kg_interval *i, const struct kg_zone *z, kg_usec at)
{
    int64_t k = safe_count(i, at);
    kg_usec found = KG_NEVER;

    for (kg_usec t; (t = start_at(i, z, k)) <= at; k++)
        found = t;
    return found;
}

kg_usec kg_schedule_next(const struct kg_policy *p, const struct kg_zone *z, kg_usec after)
{
    kg_usec best = KG_NEVER;

    for (size_t i = 0; i < p->interval_count; i++) {
        kg_usec t = next_of(&p->intervals[i], z, after);

        if (i == 0 || t < best)
            best = t;
    }
    return best;
}

kg_usec kg_schedule_previous(const struct kg_policy *p, const struct kg_zone *z, kg_usec at)
{
    kg_usec best = KG_NEVER;

    for (size_t i = 0; i < p->interval_count; i++) {
        kg_usec t = previous_of(&p->intervals[i], z, at);

        if (t > best)
            best = t;
    }
    return best;
}

struct kg_due kg_schedule_due(const struct kg_policy *p, const struct kg_zone *z, kg_usec last, kg_usec since, kg_usec now,
                              kg_usec grace, bool catch_up)
{
    kg_usec newest = kg_schedule_previous(p, z, now);
    struct kg_due due = { KG_NEVER, false };

    if (newest == KG_NEVER || newest <= (last != KG_NEVER ? last : since))
        return due;
    due.late = now - newest > grace;
    if (!due.late || catch_up)
        due.start = newest;
    return due;
}
