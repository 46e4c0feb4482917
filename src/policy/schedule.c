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

/* ---- windows ---- */

enum { DAYS_BEFORE = 2, DAYS_AFTER = 7 };

/* A window as it is on the day: from open up to, but not including, close. */
struct span { kg_usec open, close; };

static struct span window_on(const struct kg_window *w, const struct kg_zone *z, int64_t day)
{
    struct kg_local from = { day, (kg_usec)w->from * 60 * KG_SECOND },
                    to = { w->to <= w->from ? day + 1 : day, (kg_usec)w->to * 60 * KG_SECOND };

    if (w->to == 24 * 60)
        to = (struct kg_local){ day + 1, 0 };
    return (struct span){ kg_zone_moment(z, from), kg_zone_moment(z, to) };
}

kg_usec kg_schedule_opens(const struct kg_policy *p, const struct kg_zone *z, kg_usec at)
{
    int64_t day = kg_zone_local(z, at).day;
    kg_usec best = KG_NEVER;

    for (size_t i = 0; i < p->window_count; i++)
        for (int64_t d = day - DAYS_BEFORE; d <= day + DAYS_AFTER; d++) {
            struct span s = window_on(&p->windows[i], z, d);

            if (s.open <= at && at < s.close)
                return at;
            if (s.open > at && s.open < s.close && (best == KG_NEVER || s.open < best))
                best = s.open;
        }
    return p->window_count ? best : at;
}

/* The last moment up to at when a window was open; at is outside of all. */
static kg_usec last_open(const struct kg_policy *p, const struct kg_zone *z, kg_usec at)
{
    int64_t day = kg_zone_local(z, at).day;
    kg_usec best = KG_NEVER;

    for (size_t i = 0; i < p->window_count; i++)
        for (int64_t d = day - DAYS_AFTER; d <= day; d++) {
            struct span s = window_on(&p->windows[i], z, d);

            if (s.open < s.close && s.close <= at && s.close - 1 > best)
                best = s.close - 1;
        }
    return best;
}

/* ---- starts: as the intervals have them, then as the windows put them off ---- */

static kg_usec wanted_next(const struct kg_policy *p, const struct kg_zone *z, kg_usec after)
{
    kg_usec best = KG_NEVER;

    for (size_t i = 0; i < p->interval_count; i++) {
        kg_usec t = next_of(&p->intervals[i], z, after);

        if (i == 0 || t < best)
            best = t;
    }
    return best;
}

static kg_usec wanted_previous(const struct kg_policy *p, const struct kg_zone *z, kg_usec at)
{
    kg_usec best = KG_NEVER;

    for (size_t i = 0; i < p->interval_count; i++) {
        kg_usec t = previous_of(&p->intervals[i], z, at);

        if (t > best)
            best = t;
    }
    return best;
}

/* Putting off keeps the order, so that only the last start wanted before can still be to come. */
kg_usec kg_schedule_next(const struct kg_policy *p, const struct kg_zone *z, kg_usec after)
{
    kg_usec waits = p->window_count ? wanted_previous(p, z, after) : KG_NEVER;

    if (waits != KG_NEVER && (waits = kg_schedule_opens(p, z, waits)) > after)
        return waits;
    return kg_schedule_opens(p, z, wanted_next(p, z, after));
}

kg_usec kg_schedule_previous(const struct kg_policy *p, const struct kg_zone *z, kg_usec at)
{
    kg_usec t = wanted_previous(p, z, at), begins;

    if (t == KG_NEVER || (begins = kg_schedule_opens(p, z, t)) <= at)
        return t == KG_NEVER ? t : begins;
    /* It waits for a window, as everything since the last one closed. */
    at = last_open(p, z, at);
    t = at == KG_NEVER ? KG_NEVER : wanted_previous(p, z, at);
    return t == KG_NEVER ? t : kg_schedule_opens(p, z, t);
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
