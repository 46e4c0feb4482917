#include "model/span.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"

enum { UNIT_MAX = 1000000, RETENTION_LEAST_DAYS = 7, RETENTION_MOST_DAYS = 3652 };

static const struct unit {
    char letter;
    bool time;       /* stands behind T */
    uint32_t months, days, seconds;
} units[] = { /* in the order in which they may stand */
    { 'Y', false, 12, 0, 0 }, { 'M', false, 1, 0, 0 }, { 'W', false, 0, 7, 0 }, { 'D', false, 0, 1, 0 },
    { 'H', true, 0, 0, 3600 }, { 'M', true, 0, 0, 60 }, { 'S', true, 0, 0, 1 },
};

static bool parse(const char *s, struct kg_span *ret)
{
    struct kg_span span = { 0 };
    bool time = false, any = false, any_time = false;
    size_t next = 0;

    if (*s++ != 'P')
        return false;
    for (; *s; s++) {
        uint32_t v = 0;
        size_t digits = 0;

        if (*s == 'T') {
            if (time)
                return false;
            time = true;
            continue;
        }
        for (; isdigit((unsigned char)*s); s++, digits++)
            if ((v = v * 10 + (uint32_t)(*s - '0')) > UNIT_MAX)
                return false;
        while (next < KG_ARRAY_LEN(units) && (units[next].letter != *s || units[next].time != time))
            next++;
        if (!digits || next == KG_ARRAY_LEN(units))
            return false;
        span.months += v * units[next].months;
        span.days += v * units[next].days;
        if (__builtin_add_overflow(span.seconds, v * units[next].seconds, &span.seconds))
            return false;
        next++;
        any = true;
        any_time |= time;
    }
    if (!any || time != any_time)
        return false;
    *ret = span;
    return true;
}

int kg_span_parse(const char *text, struct kg_span *ret, struct kg_err *err)
{
    if (strnlen(text, 65) <= 64 && parse(text, ret))
        return 0;
    kg_err_set(err, KG_E_USAGE, "'%.64s' is not an ISO 8601 duration", text);
    kg_err_advise(err, "Write P, a whole number, and D, W, M or Y: P3M is three months.");
    return -KG_E_USAGE;
}

int kg_span_parse_retention(const char *text, struct kg_span *ret, struct kg_err *err)
{
    struct kg_span span;

    if (kg_span_parse(text, &span, err) < 0)
        return -(int)err->code;
    if (span.seconds)
        kg_err_set(err, KG_E_USAGE, "retention '%s' has a part smaller than a day", text);
    else if (kg_span_days(&span) < RETENTION_LEAST_DAYS || kg_span_days(&span) > RETENTION_MOST_DAYS)
        kg_err_set(err, KG_E_USAGE, "retention '%s' is not between 7 days and 10 years", text);
    if (err->code) {
        kg_err_advise(err, "Keep recovery points for P7D to P10Y.");
        return -(int)err->code;
    }
    *ret = span;
    return 0;
}

uint64_t kg_span_days(const struct kg_span *s)
{
    /* 400 Gregorian years are 4800 months and 146097 days. */
    return (uint64_t)s->months * 146097 / 4800 + s->days + s->seconds / 86400;
}

static unsigned month_days(int64_t year, unsigned month)
{
    int64_t y = month == 12 ? year + 1 : year;

    return (unsigned)(kg_days_from_civil(y, month % 12 + 1, 1) - kg_days_from_civil(year, month, 1));
}

kg_usec kg_span_add(kg_usec wall, const struct kg_span *s)
{
    const kg_usec day_usec = 86400 * KG_SECOND;
    int64_t days = wall / day_usec - (wall % day_usec < 0), year, months;
    kg_usec in_day = wall - days * day_usec;
    unsigned month, day, last;

    kg_civil_from_days(days, &year, &month, &day);
    months = year * 12 + (month - 1) + s->months;
    year = months / 12;
    month = (unsigned)(months % 12) + 1;
    last = month_days(year, month);
    days = kg_days_from_civil(year, month, day < last ? day : last) + s->days;
    return days * day_usec + in_day + s->seconds * KG_SECOND;
}

/* hh:mm[:ss[.sss]][Z|+hh:mm|-hh:mm] is what kg_time_parse_iso() takes; this finds the offset behind it. */
static int32_t zone_offset(const char *text)
{
    const char *t = strchr(text, 'T'), *z = t ? strpbrk(t, "+-") : NULL;
    int v;

    if (!z || strlen(z) != 6)
        return 0;
    v = ((z[1] - '0') * 10 + (z[2] - '0')) * 3600 + ((z[4] - '0') * 10 + (z[5] - '0')) * 60;
    return *z == '-' ? -v : v;
}

/* A fraction belongs to seconds: decimal minutes are not part of the grammar. */
static bool fraction_of_seconds(const char *text)
{
    const char *t = strchr(text, 'T'), *dot = strchr(text, '.');

    return !dot || (t && dot == t + strlen("Thh:mm:ss"));
}

static unsigned weekday(kg_usec wall, int32_t offset)
{
    const kg_usec day_usec = 86400 * KG_SECOND;
    kg_usec local = wall + offset * KG_SECOND;
    int64_t days = local / day_usec - (local % day_usec < 0);

    return (unsigned)(((days % 7) + 7 + 4) % 7); /* day 0 was a Thursday */
}

int kg_interval_parse(const char *text, struct kg_interval *ret, struct kg_err *err)
{
    struct kg_interval v = { 0 };
    struct kg_err why = { 0 };
    const char *slash = strnlen(text, 97) <= 96 && text[0] == 'R' && text[1] == '/' ? strchr(text + 2, '/') : NULL;
    char when[64];
    size_t n = slash ? (size_t)(slash - (text + 2)) : 0;

    if (n > 0 && n < sizeof when) {
        memcpy(when, text + 2, n);
        when[n] = '\0';
        if (kg_time_parse_iso(when, &v.start) && fraction_of_seconds(when) &&
            kg_span_parse(slash + 1, &v.span, &why) == 0 && v.span.months + v.span.days + v.span.seconds > 0) {
            v.offset = zone_offset(when);
            v.floating = !strpbrk(strchr(when, 'T'), "Z+-");
            v.weekday = weekday(v.start, v.offset);
            *ret = v;
            return 0;
        }
    }
    kg_err_set(err, KG_E_USAGE, "'%.96s' is not a repeating interval", text);
    kg_err_advise(err, "Write R/date and time of the first backup/period: R/2026-11-22T02:00:00+00:00/P1W.");
    return -KG_E_USAGE;
}
