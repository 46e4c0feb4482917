#include "policy/tag.h"

#include <stdbool.h>

/* A day as the criteria see it. */
struct day {
    int64_t number, year;
    unsigned month, day, last;           /* last: of the month */
};

static struct day day_of(const struct kg_zone *z, kg_usec t)
{
    struct day d = { .number = kg_zone_local(z, t).day };
    int64_t next;

    kg_civil_from_days(d.number, &d.year, &d.month, &d.day);
    next = d.month == 12 ? kg_days_from_civil(d.year + 1, 1, 1) : kg_days_from_civil(d.year, d.month + 1, 1);
    d.last = (unsigned)(next - kg_days_from_civil(d.year, d.month, 1));
    return d;
}

/* The number of the period that a day is in; weeks begin on Sunday. */
static int64_t period(enum kg_marker m, const struct day *d)
{
    switch (m) {
    case KG_MARK_DAY:
        return d->number;
    case KG_MARK_WEEK:
        return d->number - kg_day_weekday(d->number);
    case KG_MARK_MONTH:
        return d->year * 12 + d->month;
    case KG_MARK_YEAR:
        return d->year;
    case KG_MARK_ALL:
    case KG_MARKER_COUNT_:
        break;
    }
    return 0;
}

static bool marked(uint32_t markers, const struct day *now, const struct day *before)
{
    for (int m = 0; m < KG_MARKER_COUNT_; m++)
        if (markers & 1u << m && (m == KG_MARK_ALL || !before || period((enum kg_marker)m, now) != period((enum kg_marker)m, before)))
            return true;
    return false;
}

static bool in_weeks(uint32_t weeks, const struct day *d)
{
    return (d->day <= 28 && weeks & 1u << (d->day - 1) / 7) || (weeks & 1u << 4 && d->day + 7 > d->last);
}

static bool at_times(const struct kg_criteria *c, kg_usec start)
{
    const kg_usec day_usec = 86400 * KG_SECOND;

    for (size_t i = 0; i < c->time_count; i++)
        if ((c->times[i] - start) % day_usec == 0)
            return true;
    return c->time_count == 0;
}

static bool matches(const struct kg_criteria *c, const struct day *now, const struct day *before, kg_usec start)
{
    if (c->markers)
        return marked(c->markers, now, before);
    if (!(c->weekdays | c->weeks | c->months | c->days) && !c->last_day && !c->time_count)
        return false;
    return (!c->weekdays || c->weekdays & 1u << kg_day_weekday(now->number)) && (!c->weeks || in_weeks(c->weeks, now)) &&
           (!c->months || c->months & 1u << (now->month - 1)) &&
           ((!c->days && !c->last_day) || c->days & 1u << now->day || (c->last_day && now->day == now->last)) &&
           at_times(c, start);
}

const struct kg_policy_tag *kg_tag_for(const struct kg_policy *p, const struct kg_zone *z, kg_usec start, kg_usec previous)
{
    struct day now = day_of(z, start), before = day_of(z, previous);
    const struct kg_policy_tag *otherwise = NULL;

    for (size_t i = 0; i < p->tag_count; i++) {
        const struct kg_policy_tag *t = &p->tags[i];

        if (t->is_default)
            otherwise = t;
        for (size_t k = 0; k < t->criteria_count; k++)
            if (matches(&t->criteria[k], &now, previous ? &before : NULL, start))
                return t;
    }
    return otherwise;
}
