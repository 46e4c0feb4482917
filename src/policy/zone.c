#include "policy/zone.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "sys/fd.h"

enum { FILE_MOST = 256 * 1024, TIMES_MOST = 10000, TYPES_MOST = 256, HEAD = 44, NAME_MOST = 64 };
static const kg_usec day_usec = 86400 * KG_SECOND;

/* When, in a year, clocks change: the POSIX TZ string's three forms. */
struct change {
    enum { JULIAN, DAY_OF_YEAR, NTH_WEEKDAY } form;
    int month, week, day;                /* JULIAN and DAY_OF_YEAR: day alone */
    int32_t at;                          /* seconds after local midnight; may be negative, or days */
};

struct kg_zone {
    size_t n;
    int64_t *when;                       /* seconds since 1970 */
    int32_t *offset;                     /* from then on */
    int32_t first;                       /* before all of them */
    bool has_rule;                       /* what holds behind the last of them */
    int32_t standard, summer;
    bool has_summer;
    struct change to_summer, to_standard;
};

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

unsigned kg_day_weekday(int64_t day) { return (unsigned)((day % 7 + 7 + 4) % 7); } /* day 0 was a Thursday */

/* ---- the rule for the years after the table ---- */

static int64_t change_day(const struct change *c, int64_t year)
{
    int64_t first = kg_days_from_civil(year, 1, 1), day;
    bool leap = kg_days_from_civil(year, 3, 1) - kg_days_from_civil(year, 2, 28) == 2;
    int64_t next;

    if (c->form == DAY_OF_YEAR)
        return first + c->day;
    if (c->form == JULIAN)               /* 29 February has no number */
        return first + c->day - 1 + (leap && c->day >= 60);
    day = kg_days_from_civil(year, (unsigned)c->month, 1);
    next = c->month == 12 ? kg_days_from_civil(year + 1, 1, 1) : kg_days_from_civil(year, (unsigned)c->month + 1, 1);
    day += (c->day - (int)kg_day_weekday(day) + 7) % 7 + 7 * (c->week - 1);
    while (day >= next)                  /* week 5 is the last one */
        day -= 7;
    return day;
}

static int32_t rule_offset(const struct kg_zone *z, int64_t second)
{
    int64_t year, start, end;
    unsigned month, day;

    if (!z->has_summer)
        return z->standard;
    kg_civil_from_days(floor_div(second + z->standard, 86400), &year, &month, &day);
    start = change_day(&z->to_summer, year) * 86400 + z->to_summer.at - z->standard;
    end = change_day(&z->to_standard, year) * 86400 + z->to_standard.at - z->summer;
    if (start < end)
        return second >= start && second < end ? z->summer : z->standard;
    return second >= end && second < start ? z->standard : z->summer;
}

struct text { const char *p, *end; };

static bool skip(struct text *t, char c)
{
    if (t->p == t->end || *t->p != c)
        return false;
    t->p++;
    return true;
}

static bool number(struct text *t, int most, int *ret)
{
    int v = 0;

    if (t->p == t->end || *t->p < '0' || *t->p > '9')
        return false;
    for (; t->p < t->end && *t->p >= '0' && *t->p <= '9'; t->p++)
        if ((v = v * 10 + (*t->p - '0')) > most)
            return false;
    *ret = v;
    return true;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool clock_time(struct text *t, int32_t *ret)
{
    bool minus = skip(t, '-');
    int h, m = 0, s = 0;

    if (!minus)
        skip(t, '+');
    if (!number(t, 167, &h) || (skip(t, ':') && (!number(t, 59, &m) || (skip(t, ':') && !number(t, 59, &s)))))
        return false;
    *ret = (h * 3600 + m * 60 + s) * (minus ? -1 : 1);
    return true;
}

static bool abbreviation(struct text *t)
{
    const char *from = t->p;

    if (skip(t, '<')) {
        while (t->p < t->end && *t->p != '>')
            t->p++;
        return skip(t, '>');
    }
    while (t->p < t->end && ((*t->p >= 'A' && *t->p <= 'Z') || (*t->p >= 'a' && *t->p <= 'z')))
        t->p++;
    return t->p - from >= 3;
}

static bool change_rule(struct text *t, struct change *c)
{
    c->at = 2 * 3600;
    if (skip(t, 'M')) {
        c->form = NTH_WEEKDAY;
        if (!number(t, 12, &c->month) || c->month < 1 || !skip(t, '.') || !number(t, 5, &c->week) || c->week < 1 ||
            !skip(t, '.') || !number(t, 6, &c->day))
            return false;
    } else {
        c->form = skip(t, 'J') ? JULIAN : DAY_OF_YEAR;
        if (!number(t, 365, &c->day) || (c->form == JULIAN && c->day < 1))
            return false;
    }
    return !skip(t, '/') || clock_time(t, &c->at);
}

/* "CET-1CEST,M3.5.0,M10.5.0/3": there, west is positive. */
static bool parse_rule(struct kg_zone *z, struct text t)
{
    if (!abbreviation(&t) || !clock_time(&t, &z->standard))
        return false;
    z->standard = -z->standard;
    z->has_rule = true;
    if (t.p == t.end)
        return true;
    z->has_summer = true;
    z->summer = z->standard + 3600;
    if (!abbreviation(&t))
        return false;
    if (t.p < t.end && *t.p != ',') {
        if (!clock_time(&t, &z->summer))
            return false;
        z->summer = -z->summer;
    }
    return skip(&t, ',') && change_rule(&t, &z->to_summer) && skip(&t, ',') && change_rule(&t, &z->to_standard) &&
           t.p == t.end;
}

/* ---- the file ---- */

static uint32_t u32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
static int64_t i64(const uint8_t *p) { return (int64_t)((uint64_t)u32(p) << 32 | u32(p + 4)); }

struct head { uint32_t isut, isstd, leap, times, types, chars; };

/* Sizes of a header's block; false when it is not a header. */
static bool read_head(const uint8_t *p, size_t n, struct head *h, size_t wide, size_t *ret_block)
{
    if (n < HEAD || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
        return false;
    *h = (struct head){ u32(p + 20), u32(p + 24), u32(p + 28), u32(p + 32), u32(p + 36), u32(p + 40) };
    if (h->times > TIMES_MOST || h->types > TYPES_MOST || h->types == 0 || h->chars > 4096 || h->leap > TIMES_MOST ||
        h->isut > TYPES_MOST || h->isstd > TYPES_MOST)
        return false;
    *ret_block = h->times * (wide + 1) + h->types * 6 + h->chars + h->leap * (wide + 4) + h->isstd + h->isut;
    return n - HEAD >= *ret_block;
}

static bool read_block(struct kg_zone *z, const uint8_t *p, const struct head *h)
{
    const uint8_t *index = p + h->times * 8, *type = index + h->times;

    z->n = h->times;
    z->when = kg_xalloc_array(z->n, sizeof *z->when);
    z->offset = kg_xalloc_array(z->n, sizeof *z->offset);
    for (uint32_t i = 0; i < h->types; i++) {
        int32_t offset = (int32_t)u32(type + i * 6);

        if (offset <= -26 * 3600 || offset >= 26 * 3600)
            return false;
        if (i == 0)
            z->first = offset;
    }
    for (size_t i = 0; i < z->n; i++) {
        z->when[i] = i64(p + i * 8);
        if (index[i] >= h->types || (i > 0 && z->when[i] <= z->when[i - 1]))
            return false;
        z->offset[i] = (int32_t)u32(type + index[i] * 6);
    }
    return true;
}

static bool parse(struct kg_zone *z, const uint8_t *data, size_t n)
{
    struct head h;
    struct text footer;
    size_t block;

    if (!read_head(data, n, &h, 4, &block))
        return false;
    data += HEAD + block;
    n -= HEAD + block;
    if (!read_head(data, n, &h, 8, &block) || !read_block(z, data + HEAD, &h))
        return false;
    footer = (struct text){ (const char *)data + HEAD + block, (const char *)data + n };
    if (footer.end - footer.p < 2 || *footer.p != '\n' || footer.end[-1] != '\n')
        return false;
    footer.p++;
    footer.end--;
    return footer.p == footer.end || parse_rule(z, footer);
}

int kg_zone_parse(const uint8_t *data, size_t n, struct kg_zone **ret, struct kg_err *err)
{
    KG_AUTO_ZONE struct kg_zone *z = kg_xalloc(sizeof *z);

    if (!parse(z, data, n))
        return kg_err_set(err, KG_E_CORRUPT, "the time zone's file is not one");
    *ret = KG_TAKE(z);
    return 0;
}

void kg_zone_free(struct kg_zone *z)
{
    if (!z)
        return;
    free(z->when);
    free(z->offset);
    free(z);
}

/* Letters, digits, and a few signs; no part begins with a dot. */
static bool is_name(const char *name)
{
    size_t n = strnlen(name, NAME_MOST + 1);

    if (n == 0 || n > NAME_MOST || name[0] == '/' || strstr(name, "..") || strstr(name, "//") || strstr(name, "/."))
        return false;
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == n;
}

int kg_zone_open(const char *name, struct kg_zone **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *path = NULL;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(FILE_MOST);
    struct kg_err why = { 0 };

    if (strcasecmp(name, "UTC") == 0 || strcasecmp(name, "Etc/UTC") == 0 || strcasecmp(name, "Coordinated Universal Time") == 0) {
        *ret = kg_xalloc(sizeof **ret);
        return 0;
    }
    path = kg_xprintf("/usr/share/zoneinfo/%s", name);
    if (is_name(name) && kg_read_file(AT_FDCWD, path, &b, &why) == 0) {
        if (kg_zone_parse((const uint8_t *)b.p, b.len, ret, err) == 0)
            return 0;
        return kg_err_wrap(err, "time zone '%s'", name);
    }
    kg_err_set(err, KG_E_USAGE, "'%.80s' is not a time zone of this machine", name);
    kg_err_advise(err, "Use UTC, or an IANA name such as Europe/Berlin, spelled exactly ('timedatectl list-timezones'); those need the "
                       "package tzdata.");
    return -(int)err->code;
}

/* ---- looking up ---- */

int32_t kg_zone_offset(const struct kg_zone *z, kg_usec wall)
{
    int64_t second = floor_div(wall, KG_SECOND);
    size_t from = 0, to = z->n;          /* the first one behind the moment is in [from, to] */

    while (from < to) {
        size_t mid = from + (to - from) / 2;

        if (z->when[mid] <= second)
            from = mid + 1;
        else
            to = mid;
    }
    if (from == z->n && z->has_rule)
        return rule_offset(z, second);
    return from ? z->offset[from - 1] : z->first;
}

struct kg_local kg_zone_local(const struct kg_zone *z, kg_usec wall)
{
    kg_usec local = wall + kg_zone_offset(z, wall) * KG_SECOND;
    int64_t day = floor_div(local, day_usec);

    return (struct kg_local){ day, local - day * day_usec };
}

kg_usec kg_zone_moment(const struct kg_zone *z, struct kg_local l)
{
    kg_usec local = l.day * day_usec + l.in_day;
    int32_t before = kg_zone_offset(z, local - day_usec), after = kg_zone_offset(z, local + day_usec);
    kg_usec early = local - (before > after ? before : after) * KG_SECOND;
    kg_usec late = local - (before > after ? after : before) * KG_SECOND;

    if (early + kg_zone_offset(z, early) * KG_SECOND == local)
        return early;
    if (late + kg_zone_offset(z, late) * KG_SECOND == local)
        return late;
    return local - before * KG_SECOND;
}
