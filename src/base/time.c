#include "base/time.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static kg_usec now(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (kg_usec)ts.tv_sec * KG_SECOND + ts.tv_nsec / 1000;
}

#ifdef KG_FAULTS
static const _Atomic int64_t *shift; /* the file, mapped */

void kg_clock_from_environment(void)
{
    const char *file = getenv("KG_CLOCK");
    int fd;
    void *p;

    if (!file)
        return;
    fd = open(file, O_RDONLY | O_CLOEXEC);
    p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        abort(); /* a test that plays no years is worse */
    close(fd);
    shift = p;
}

kg_usec kg_now_wall(void) { return now(CLOCK_REALTIME) + (shift ? (kg_usec)*shift : 0); }
#else
void kg_clock_from_environment(void) {}
kg_usec kg_now_wall(void) { return now(CLOCK_REALTIME); }
#endif
kg_usec kg_now_file(void) { return now(CLOCK_REALTIME); }
kg_usec kg_now_mono(void) { return now(CLOCK_MONOTONIC); }

int64_t kg_days_from_civil(int64_t y, unsigned m, unsigned d)
{
    int64_t era;
    unsigned yoe, doy, doe;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = (unsigned)(y - era * 400);
    doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

void kg_civil_from_days(int64_t z, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    int64_t era;
    unsigned doe, yoe, doy, mp;

    z += 719468;
    era = (z >= 0 ? z : z - 146096) / 146097;
    doe = (unsigned)(z - era * 146097);
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    *ret_day = doy - (153 * mp + 2) / 5 + 1;
    *ret_month = mp < 10 ? mp + 3 : mp - 9;
    *ret_year = (int64_t)yoe + era * 400 + (*ret_month <= 2);
}

static const char *iso(kg_usec wall, bool fraction, char *out)
{
    int64_t sec = wall / KG_SECOND, us = wall % KG_SECOND, days, year;
    unsigned month, day, s;

    if (us < 0) {
        us += KG_SECOND;
        sec--;
    }
    days = sec / 86400;
    if (sec % 86400 < 0)
        days--;
    s = (unsigned)(sec - days * 86400);
    kg_civil_from_days(days, &year, &month, &day);
    if (fraction)
        snprintf(out, 32, "%04lld-%02u-%02uT%02u:%02u:%02u.%06u0Z", (long long)year % 10000, month % 100, day % 100,
                 s / 3600 % 100, s / 60 % 60, s % 60, (unsigned)us % 1000000);
    else
        snprintf(out, 32, "%04lld-%02u-%02uT%02u:%02u:%02uZ", (long long)year % 10000, month % 100, day % 100,
                 s / 3600 % 100, s / 60 % 60, s % 60);
    return out;
}

const char *kg_time_iso(kg_usec wall, char *out) { return iso(wall, true, out); }
const char *kg_time_iso_seconds(kg_usec wall, char *out) { return iso(wall, false, out); }

/* Reads exactly n digits. */
static bool fixed(const char **s, int n, unsigned *ret)
{
    unsigned v = 0;

    for (int i = 0; i < n; i++, (*s)++) {
        if (!isdigit((unsigned char)**s))
            return false;
        v = v * 10 + (unsigned)(**s - '0');
    }
    *ret = v;
    return true;
}

static bool skip(const char **s, char c)
{
    if (**s != c)
        return false;
    (*s)++;
    return true;
}

bool kg_time_parse_iso(const char *s, kg_usec *ret_wall)
{
    unsigned y, mo, d, h, mi, sec = 0, zh = 0, zm = 0;
    kg_usec us = 0, scale = KG_SECOND / 10;
    int64_t days, cy;
    unsigned cm, cd;
    bool fraction = false;
    int sign = 0;

    if (!fixed(&s, 4, &y) || !skip(&s, '-') || !fixed(&s, 2, &mo) || !skip(&s, '-') || !fixed(&s, 2, &d) ||
        !skip(&s, 'T') || !fixed(&s, 2, &h) || !skip(&s, ':') || !fixed(&s, 2, &mi))
        return false;
    if (skip(&s, ':')) {
        if (!fixed(&s, 2, &sec))
            return false;
        fraction = skip(&s, '.');
    }
    if (fraction) {
        if (!isdigit((unsigned char)*s))
            return false;
        for (; isdigit((unsigned char)*s); s++, scale /= 10)
            us += (*s - '0') * scale;
    }
    if (skip(&s, '+'))
        sign = 1;
    else if (skip(&s, '-'))
        sign = -1;
    else
        (void)skip(&s, 'Z');
    if (sign && (!fixed(&s, 2, &zh) || !skip(&s, ':') || !fixed(&s, 2, &zm)))
        return false;
    if (*s || mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || sec > 59 || zh > 15 || zm > 59)
        return false;
    days = kg_days_from_civil(y, mo, d);
    kg_civil_from_days(days, &cy, &cm, &cd);
    if (cm != mo || cd != d) /* 31 April, 29 February of a common year */
        return false;
    *ret_wall = (days * 86400 + h * 3600 + mi * 60 + sec - sign * (int)(zh * 3600 + zm * 60)) * KG_SECOND + us;
    return true;
}

const char *kg_duration_iso(kg_usec d, char *out)
{
    long long sec = d / KG_SECOND;
    char h[24] = "", m[8] = "";

    if (sec >= 3600)
        snprintf(h, sizeof h, "%lldH", sec / 3600);
    if (sec >= 60)
        snprintf(m, sizeof m, "%lldM", sec / 60 % 60);
    snprintf(out, 48, "PT%s%s%lld.%06lld0S", h, m, sec % 60, (long long)(d % KG_SECOND));
    return out;
}
