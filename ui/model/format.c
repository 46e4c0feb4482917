#include "model/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/parse.h"
#include "base/text.h"
#include "base/time.h"
#include "model/labels.h"

enum { RAW_MAX = 64 << 10, MINUTE = 60, HOUR = 3600, DAY = 86400 };

/* Sorted by nothing: a word is looked up a few hundred times a second at most. */
static const struct { const char *word; enum ui_state state; } states[] = {
    /* jobs and their tasks, operations */
    { "Completed", UI_OK }, { "CompletedWithWarnings", UI_WARNING }, { "InProgress", UI_BUSY }, { "Running", UI_BUSY },
    { "Cancelling", UI_BUSY }, { "Cancelled", UI_OFF }, { "Canceled", UI_OFF }, { "Failed", UI_FAILED }, { "Queued", UI_BUSY },
    { "NotStarted", UI_OFF }, { "Skipped", UI_OFF }, { "Succeeded", UI_OK },
    /* resources */
    { "Creating", UI_BUSY }, { "Provisioning", UI_BUSY }, { "Updating", UI_BUSY }, { "Deleting", UI_BUSY }, { "Deleted", UI_OFF },
    { "Ready", UI_OK }, { "Active", UI_OK }, { "Unreachable", UI_FAILED }, { "Unknown", UI_WARNING },
    /* protection */
    { "ProtectionConfigured", UI_OK }, { "ConfiguringProtection", UI_BUSY }, { "ConfiguringProtectionFailed", UI_FAILED },
    { "UpdatingProtection", UI_BUSY }, { "ProtectionError", UI_FAILED }, { "ProtectionStopped", UI_WARNING },
    { "BackupSchedulesSuspended", UI_WARNING }, { "RetentionSchedulesSuspended", UI_WARNING }, { "SoftDeleting", UI_BUSY },
    { "SoftDeleted", UI_OFF }, { "NotProtected", UI_OFF }, { "Protected", UI_OK },
    /* readiness and checks */
    { "Success", UI_OK }, { "Passed", UI_OK }, { "Warning", UI_WARNING }, { "Validating", UI_BUSY }, { "Error", UI_FAILED },
    { "RoleAssignmentNotDone", UI_FAILED }, { "UserCannotAssignRoles", UI_FAILED }, { "ValidationFailed", UI_FAILED },
    /* settings */
    { "Enabled", UI_OK }, { "Disabled", UI_OFF }, { "On", UI_OK }, { "Off", UI_OFF }, { "AlwaysOn", UI_OK }, { "Locked", UI_OK },
    { "Rehydrating", UI_BUSY },
    /* recovery points */
    { "Damaged", UI_FAILED }, { "Lost", UI_FAILED },
};

enum ui_state ui_state_of(const char *status)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strcasecmp(states[i].word, status) == 0)
            return states[i].state;
    return UI_NONE;
}

const char *ui_last_part(const char *id)
{
    const char *slash = strrchr(id, '/');

    return slash ? slash + 1 : id;
}

/* ---- texts ---- */

/* One element of a list as a text: its own, or the name, the last part of the id, the type of an object. */
static const char *element(const struct kg_json *c)
{
    static const char *const names[] = { "name", "displayName", "id", "tagName", "objectType", "code" };
    const char *s = kg_json_value_str(c);

    for (size_t i = 0; !s && i < sizeof names / sizeof names[0]; i++)
        s = kg_json_str(c, names[i]);
    return s ? ui_last_part(s) : NULL;
}

static void list(const char *raw, struct ui_shown *ret)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(RAW_MAX);
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_err ignored = { 0 };

    if ((raw[0] != '[' && raw[0] != '{') || kg_json_parse(raw, strlen(raw), &j, &ignored) < 0) {
        kg_text_copy(ret->text, sizeof ret->text, raw);
        return;
    }
    for (const struct kg_json *c = kg_json_first(j); c; c = kg_json_next(c)) {
        const char *s = element(c);

        if (b.len)
            kg_buf_adds(&b, ", ");
        if (raw[0] == '{')
            kg_buf_addf(&b, "%s=", kg_json_key(c));
        if (s)
            kg_buf_adds(&b, s);
        else
            kg_json_print(c, false, &b);
    }
    kg_text_copy(ret->text, sizeof ret->text, b.p);
}

/* ---- times ---- */

static void local(int64_t wall, struct tm *ret)
{
    time_t t = (time_t)(wall / KG_SECOND - (wall % KG_SECOND < 0));

    if (!localtime_r(&t, ret))
        memset(ret, 0, sizeof *ret);
}

static void when(const char *raw, int64_t now, struct ui_shown *ret)
{
    struct tm then, today;
    kg_usec wall;

    if (!kg_time_parse_iso(raw, &wall)) {
        kg_text_copy(ret->text, sizeof ret->text, raw);
        return;
    }
    local(wall, &then);
    local(now, &today);
    strftime(ret->text, sizeof ret->text,
             then.tm_year == today.tm_year && then.tm_yday == today.tm_yday ? "%H:%M:%S" : "%Y-%m-%d %H:%M", &then);
}

static void ago(const char *raw, int64_t now, struct ui_shown *ret)
{
    kg_usec wall;
    int64_t s;
    char span[40];
    struct tm then;

    if (!kg_time_parse_iso(raw, &wall)) {
        kg_text_copy(ret->text, sizeof ret->text, raw);
        return;
    }
    s = wall > now ? (wall - now) / KG_SECOND : (now - wall) / KG_SECOND;
    if (s >= 60 * DAY) {
        local(wall, &then);
        strftime(ret->text, sizeof ret->text, "%Y-%m-%d", &then);
        return;
    }
    if (s >= DAY)
        snprintf(span, sizeof span, "%lld day%s", (long long)(s / DAY), s < 2 * DAY ? "" : "s");
    else if (s >= HOUR)
        snprintf(span, sizeof span, "%lld h", (long long)(s / HOUR));
    else
        snprintf(span, sizeof span, "%lld min", (long long)(s < MINUTE ? 1 : s / MINUTE));
    if (wall > now)
        snprintf(ret->text, sizeof ret->text, "in %s", span);
    else
        snprintf(ret->text, sizeof ret->text, s < MINUTE ? "just now" : "%s ago", span);
}

/* ---- durations ---- */

struct span { double years, months, weeks, days, seconds; };

/* An ISO 8601 duration with fractions. False: it is none. */
static bool read_span(const char *s, struct span *ret)
{
    bool time = false, any = false;

    memset(ret, 0, sizeof *ret);
    if (*s++ != 'P')
        return false;
    while (*s) {
        struct kg_err ignored = { 0 };
        char number[32];
        size_t n;
        double v;

        if (*s == 'T' && !time) {
            time = true;
            s++;
            continue;
        }
        n = strspn(s, "0123456789.");
        if (n >= sizeof number)
            return false;
        memcpy(number, s, n);
        number[n] = '\0';
        if (kg_parse_double(number, &v, &ignored) < 0)
            return false;
        s += n;
        if (!time && *s == 'Y')
            ret->years = v;
        else if (!time && *s == 'M')
            ret->months = v;
        else if (!time && *s == 'W')
            ret->weeks = v;
        else if (!time && *s == 'D')
            ret->days = v;
        else if (time && strchr("HMS", *s) && *s)
            ret->seconds += v * (*s == 'H' ? HOUR : *s == 'M' ? MINUTE : 1);
        else
            return false;
        s++;
        any = true;
    }
    return any && ret->seconds < 1e15;
}

double ui_duration_seconds(const char *raw)
{
    struct span p;

    if (!read_span(raw, &p))
        return -1;
    return p.years * 365.2425 * DAY + p.months * 30.436875 * DAY + (p.weeks * 7 + p.days) * DAY + p.seconds;
}

void ui_format_seconds(int64_t seconds, char *out, size_t n)
{
    long long s = seconds < 0 ? 0 : seconds;

    if (s < MINUTE)
        snprintf(out, n, "%lld s", s);
    else if (s < HOUR)
        snprintf(out, n, "%lld min %02lld s", s / MINUTE, s % MINUTE);
    else if (s < DAY)
        snprintf(out, n, "%lld h %02lld min", s / HOUR, s % HOUR / MINUTE);
    else
        snprintf(out, n, "%lld d %02lld h", s / DAY, s % DAY / HOUR);
}

static void duration(const char *raw, struct ui_shown *ret)
{
    struct span p;
    char time[40];
    size_t n = 0, units = 0;

    if (!read_span(raw, &p)) {
        kg_text_copy(ret->text, sizeof ret->text, raw);
        return;
    }
    const struct { double v; const char *unit; } date[] = {
        { p.years, "year" }, { p.months, "month" }, { p.weeks, "week" }, { p.days, "day" },
    };
    ret->text[0] = '\0';
    for (size_t i = 0; i < sizeof date / sizeof date[0] && units < 2; i++)
        if (date[i].v > 0) {
            n += (size_t)snprintf(ret->text + n, sizeof ret->text - n, "%s%g %s%s", n ? " " : "", date[i].v, date[i].unit,
                                  date[i].v == 1 ? "" : "s");
            units++;
        }
    if (units == 2 || (units && p.seconds < 1))
        return;
    ui_format_seconds((int64_t)p.seconds, time, sizeof time);
    if (p.seconds > 0 && p.seconds < 1)
        kg_text_copy(time, sizeof time, "< 1 s");
    snprintf(ret->text + n, sizeof ret->text - n, "%s%s", n ? " " : "", time);
}

/* ---- numbers ---- */

void ui_format_bytes(double bytes, char *out, size_t n)
{
    char text[16];

    snprintf(out, n, "%s", kg_human_bytes(bytes > 0 && bytes < 1.8e19 ? (uint64_t)bytes : 0, text));
}

void ui_format_count(uint64_t v, char *out, size_t n)
{
    char digits[32];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)v), at = 0;

    for (size_t i = 0; i < len && at + 2 < n; i++) {
        if (i && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

static void number(enum ui_format f, const char *raw, struct ui_shown *ret)
{
    struct kg_err ignored = { 0 };
    double v;

    if (kg_parse_double(raw, &v, &ignored) < 0 || v < 0 || v > 9007199254740992.0 || (f == UI_F_COUNT && v != floor(v)))
        kg_text_copy(ret->text, sizeof ret->text, raw);
    else if (f == UI_F_BYTES)
        ui_format_bytes(v, ret->text, sizeof ret->text);
    else if (f == UI_F_COUNT)
        ui_format_count((uint64_t)v, ret->text, sizeof ret->text);
    else
        snprintf(ret->text, sizeof ret->text, "%.0f%%", floor(v));   /* down: 100% is when it is done */
}

void ui_format(enum ui_format f, const char *raw, int64_t now, struct ui_shown *ret)
{
    ret->text[0] = '\0';
    ret->state = UI_NONE;
    if (!raw[0])
        return;
    f &= ~(unsigned)UI_F_FLAGS;
    switch (f) {
    case UI_F_LAST: kg_text_copy(ret->text, sizeof ret->text, ui_last_part(raw)); return;
    case UI_F_LABEL: ui_label(raw, ret->text, sizeof ret->text); return;
    case UI_F_STATE: ui_label(raw, ret->text, sizeof ret->text); ret->state = ui_state_of(raw); return;
    case UI_F_TIME: when(raw, now, ret); return;
    case UI_F_AGO: ago(raw, now, ret); return;
    case UI_F_DURATION: duration(raw, ret); return;
    case UI_F_BYTES: case UI_F_COUNT: case UI_F_PERCENT: number(f, raw, ret); return;
    case UI_F_LIST: list(raw, ret); return;
    case UI_F_YES_NO:
        kg_text_copy(ret->text, sizeof ret->text, strcmp(raw, "true") == 0 ? "Yes" : strcmp(raw, "false") == 0 ? "No" : raw);
        return;
    case UI_F_TEXT: break;
    }
    kg_text_copy(ret->text, sizeof ret->text, raw);
}

void ui_raw(const struct kg_json *j, const char *paths, struct kg_buf *ret)
{
    for (const char *p = paths; *p;) {
        size_t n = strcspn(p, " ");
        char path[200];
        const struct kg_json *c;

        if (n > 0 && n < sizeof path) {
            memcpy(path, p, n);
            path[n] = '\0';
            c = kg_json_get(j, path);
            if (c && kg_json_value_str(c)) {
                if (kg_json_value_str(c)[0]) {
                    kg_buf_adds(ret, kg_json_value_str(c));
                    return;
                }
            } else if (c && kg_json_type(c) != KG_JSON_NULL) {
                kg_json_print(c, false, ret);
                return;
            }
        }
        p += n + (p[n] == ' ');
    }
}
