#include "model/policy_doc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "base/time.h"

enum { WINDOWS_MAX = 7, DEFAULT_PRIORITY = 99, DAY_USEC_S = 86400 };

const char *const ui_weekdays[7] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
const char *const ui_rule_names[4] = { "Yearly", "Monthly", "Weekly", "Daily" };

/* What Azure's command line gives each of them. */
static const struct { const char *marker; unsigned priority; } known[4] = {
    { "FirstOfYear", 10 }, { "FirstOfMonth", 15 }, { "FirstOfWeek", 20 }, { "FirstOfDay", 25 },
};

static const struct kg_json *backup_rule(const struct kg_json *properties)
{
    const struct kg_json *r = kg_json_first(kg_json_get(properties, "policyRules"));

    while (r && strcmp(kg_json_str_or(r, "objectType", ""), "AzureBackupRule") != 0)
        r = kg_json_next(r);
    return r;
}

/* ---- the schedule: from the document ---- */

bool ui_time_ok(const char *t)
{
    return strlen(t) == 5 && isdigit((unsigned char)t[0]) && isdigit((unsigned char)t[1]) && t[2] == ':' &&
           isdigit((unsigned char)t[3]) && isdigit((unsigned char)t[4]) && (t[0] < '2' || (t[0] == '2' && t[1] < '4')) && t[3] < '6';
}

static bool window_ok(const char *from, size_t n)
{
    char a[6] = "", b[6] = "";

    if (n != 11 || from[5] != '-')
        return false;
    memcpy(a, from, 5);
    memcpy(b, from + 6, 5);
    return ui_time_ok(a) && (ui_time_ok(b) || strcmp(b, "24:00") == 0) && strcmp(a, b) != 0;
}

/* The next of the texts between commas and blanks; NULL: no more. */
static const char *next_word(const char **p, size_t *ret_n)
{
    const char *s = *p + strspn(*p, ", ");

    *ret_n = strcspn(s, ", ");
    *p = s + *ret_n;
    return *ret_n ? s : NULL;
}

bool ui_windows_ok(const char *text)
{
    size_t n, count = 0;

    for (const char *w; (w = next_word(&text, &n)); count++)
        if (!window_ok(w, n))
            return false;
    return count <= WINDOWS_MAX;
}

/* One interval: "R/2021-08-15T06:30:00+00:00/P1W". Its clock counts when it is the zone's own. */
struct interval { int64_t day; char time[6], every[12]; };

static bool read_interval(const char *text, bool utc, struct interval *ret)
{
    const char *start = strchr(text, '/'), *every = start ? strchr(start + 1, '/') : NULL, *zone;
    char clock[17];
    kg_usec when;

    if (!every || strlen(every + 1) >= sizeof ret->every || every - start < (long)sizeof clock)
        return false;
    kg_text_copy(clock, sizeof clock, start + 1);
    if (clock[10] != 'T' || !kg_time_parse_iso(clock, &when) || !ui_time_ok(clock + 11))
        return false;
    zone = start + 17;
    if (*zone == ':')                        /* seconds, which a form has no field for */
        zone += strncmp(zone, ":00", 3) == 0 ? 3 : 0;
    if (zone != every && !(utc && (strncmp(zone, "Z/", 2) == 0 || strncmp(zone, "+00:00/", 7) == 0)))
        return false;
    ret->day = when / (DAY_USEC_S * KG_SECOND) - (when % (DAY_USEC_S * KG_SECOND) < 0);
    kg_text_copy(ret->time, sizeof ret->time, clock + 11);
    kg_text_copy(ret->every, sizeof ret->every, every + 1);
    return true;
}

static void add_day(struct ui_schedule *s, unsigned weekdays)
{
    size_t n = 0;

    s->days[0] = '\0';
    for (unsigned d = 0; d < 7; d++)
        if (weekdays & 1u << d)
            n += (size_t)snprintf(s->days + n, sizeof s->days - n, "%s%s", n ? "," : "", ui_weekdays[d]);
}

static unsigned weekday_of(int64_t day) { return (unsigned)(((day + 4) % 7 + 7) % 7); }

/* One time of day on some weekdays, or one interval of a day or of hours: what the form can say. */
static bool read_frequency(const struct kg_json *list, bool utc, struct ui_schedule *s)
{
    struct interval i;
    unsigned weekdays = 0;
    size_t n = kg_json_count(list);

    for (const struct kg_json *j = kg_json_first(list); j; j = kg_json_next(j)) {
        if (!kg_json_value_str(j) || !read_interval(kg_json_value_str(j), utc, &i) || (s->time[0] && strcmp(s->time, i.time) != 0))
            return false;
        kg_text_copy(s->time, sizeof s->time, i.time);
        if (strcmp(i.every, "P1W") == 0 || strcmp(i.every, "P7D") == 0)
            weekdays |= 1u << weekday_of(i.day);
        else if (n > 1)
            return false;
    }
    if (!n || (weekdays && n != (size_t)__builtin_popcount(weekdays)))
        return false;
    kg_text_copy(s->frequency, sizeof s->frequency, weekdays ? "Weekly" : "Daily");
    add_day(s, weekdays);
    if (weekdays || strcmp(i.every, "P1D") == 0)
        return true;
    n = strlen(i.every);
    if (n < 4 || n > 5 || strncmp(i.every, "PT", 2) != 0 || i.every[n - 1] != 'H')
        return false;
    snprintf(s->hours, sizeof s->hours, "%.*s", (int)(n - 3), i.every + 2);
    kg_text_copy(s->frequency, sizeof s->frequency, "Hourly");
    return true;
}

static void read_windows(const struct kg_json *list, struct ui_schedule *s)
{
    size_t n = 0;

    for (const struct kg_json *j = kg_json_first(list); j && n + 16 < sizeof s->windows; j = kg_json_next(j))
        n += (size_t)snprintf(s->windows + n, sizeof s->windows - n, "%s%.11s", n ? ", " : "",
                              kg_json_value_str(j) ? kg_json_value_str(j) : "");
}

void ui_schedule_read(const struct kg_json *properties, struct ui_schedule *ret)
{
    const struct kg_json *rule = backup_rule(properties);
    double rate = kg_json_double(rule, "backupParameters.rateLimitMBps", 0);
    struct ui_schedule s = { 0 };

    kg_text_copy(s.zone, sizeof s.zone, kg_json_str_or(rule, "trigger.schedule.timeZone", "UTC"));
    if (!read_frequency(kg_json_get(rule, "trigger.schedule.repeatingTimeIntervals"), strcmp(s.zone, "UTC") == 0, &s))
        snprintf(s.frequency, sizeof s.frequency, "Other");
    read_windows(kg_json_get(rule, "trigger.schedule.startWindows"), &s);
    if (rate > 0 && rate < 1e9)
        snprintf(s.rate, sizeof s.rate, "%u", (unsigned)rate);
    *ret = s;
}

/* ---- the schedule: into the document ---- */

static void push_interval(struct kg_json *list, int64_t day, const struct ui_schedule *s, const char *every)
{
    int64_t year;
    unsigned month, d;
    KG_AUTO_FREE char *text = NULL;

    kg_civil_from_days(day, &year, &month, &d);
    text = kg_xprintf("R/%04d-%02u-%02uT%s:00%s/%s", (int)year, month, d, s->time, strcmp(s->zone, "UTC") == 0 ? "+00:00" : "", every);
    kg_json_push_str(list, text);
}

static struct kg_json *intervals(const struct ui_schedule *s, int64_t now)
{
    struct kg_json *list = kg_json_array();
    int64_t today = now / (DAY_USEC_S * KG_SECOND);
    char every[16];

    if (strcmp(s->frequency, "Weekly") == 0) {
        for (unsigned d = 0; d < 7; d++)
            if (strstr(s->days, ui_weekdays[d]))
                push_interval(list, today - (weekday_of(today) + 7 - d) % 7, s, "P1W");
    } else if (strcmp(s->frequency, "Daily") == 0) {
        push_interval(list, today, s, "P1D");
    } else {
        snprintf(every, sizeof every, "PT%sH", s->hours);
        push_interval(list, today, s, every);
    }
    return list;
}

static bool same_schedule(const struct ui_schedule *a, const struct ui_schedule *b)
{
    return strcmp(a->frequency, b->frequency) == 0 && strcmp(a->days, b->days) == 0 && strcmp(a->time, b->time) == 0 &&
           strcmp(a->hours, b->hours) == 0 && strcmp(a->zone, b->zone) == 0;
}

static void set_windows(struct kg_json *rule, const char *text)
{
    struct kg_json *list = kg_json_array();
    size_t n;

    for (const char *w; (w = next_word(&text, &n));) {
        KG_AUTO_FREE char *one = kg_xstrndup(w, n);

        kg_json_push_str(list, one);
    }
    kg_json_remove(rule, "trigger.schedule.startWindows");
    if (kg_json_count(list))
        kg_json_set(rule, "trigger.schedule.startWindows", list);
    else
        kg_json_free(list);
}

/* ---- how long ---- */

bool ui_span_read(const char *text, unsigned *ret_count, char *ret_unit)
{
    unsigned n[4] = { 0 };
    static const char units[] = "YMWD";
    size_t unit = 0;

    if (*text++ != 'P' || !*text)
        return false;
    while (*text) {
        unsigned v = 0;
        size_t digits = strspn(text, "0123456789");
        const char *u = digits && digits < 6 && text[digits] ? strchr(units + unit, text[digits]) : NULL;

        if (!u)
            return false;
        for (size_t i = 0; i < digits; i++)
            v = v * 10 + (unsigned)(text[i] - '0');
        unit = (size_t)(u - units);
        n[unit++] = v;
        text += digits + 1;
    }
    if ((n[0] || n[1]) && (n[2] || n[3]))
        return false;
    *ret_unit = n[0] && !n[1] ? 'Y' : n[1] ? 'M' : n[2] && !n[3] ? 'W' : 'D';
    *ret_count = *ret_unit == 'Y' ? n[0] : *ret_unit == 'M' ? n[0] * 12 + n[1] : *ret_unit == 'W' ? n[2] : n[2] * 7 + n[3];
    return true;
}

unsigned ui_span_days(unsigned count, char unit)
{
    uint64_t n = count;

    n = unit == 'Y' ? n * 12 * 146097 / 4800 : unit == 'M' ? n * 146097 / 4800 : unit == 'W' ? n * 7 : n;
    return n > 1000000 ? 1000000 : (unsigned)n;
}

static unsigned days_of(const char *text)
{
    unsigned count;
    char unit;

    return ui_span_read(text, &count, &unit) ? ui_span_days(count, unit) : 0;
}

/* ---- rules ---- */

static int known_index(const char *name)
{
    for (int i = 0; i < 4; i++)
        if (strcmp(ui_rule_names[i], name) == 0)
            return i;
    return -1;
}

static const char *name_of(const struct kg_json *rule) { return kg_json_str_or(rule, "name", ""); }

struct kg_json *ui_rule_make(const char *name, struct kg_json *lifecycles)
{
    struct kg_json *rule = kg_json_object(), *list, *criterion, *markers;
    int k = known_index(name);

    kg_json_set_str(rule, "name", name);
    kg_json_set_bool(rule, "isDefault", k < 0);
    kg_json_set_u64(rule, "priority", k < 0 ? DEFAULT_PRIORITY : known[k].priority);
    kg_json_set(rule, "lifecycles", lifecycles);
    if (k < 0)
        return rule;
    list = kg_json_array();
    criterion = kg_json_object();
    markers = kg_json_array();
    kg_json_push_str(markers, known[k].marker);
    kg_json_set_str(criterion, "objectType", "ScheduleBasedBackupCriteria");
    kg_json_set(criterion, "absoluteCriteria", markers);
    kg_json_push(list, criterion);
    kg_json_set(rule, "criteria", list);
    return rule;
}

struct kg_json *ui_rules_new(void)
{
    struct kg_json *rules = kg_json_array(), *lifecycles = kg_json_array(), *one = kg_json_object();

    kg_json_set_str(one, "deleteAfter.objectType", "AbsoluteDeleteOption");
    kg_json_set_str(one, "deleteAfter.duration", "P3M");
    kg_json_set_str(one, "sourceDataStore.objectType", "DataStoreInfoBase");
    kg_json_set_str(one, "sourceDataStore.dataStoreType", "VaultStore");
    kg_json_set(one, "targetDataStoreCopySettings", kg_json_array());
    kg_json_push(lifecycles, one);
    kg_json_push(rules, ui_rule_make("Default", lifecycles));
    return rules;
}

static const struct kg_json *retention_of(const struct kg_json *properties, const char *name)
{
    const struct kg_json *r = kg_json_first(kg_json_get(properties, "policyRules"));

    while (r && (strcmp(kg_json_str_or(r, "objectType", ""), "AzureRetentionRule") != 0 || strcmp(name_of(r), name) != 0))
        r = kg_json_next(r);
    return r;
}

static bool wins(const struct kg_json *a, const struct kg_json *b)
{
    bool last = kg_json_bool(a, "isDefault", false);

    if (last != kg_json_bool(b, "isDefault", false))
        return !last;
    return kg_json_double(a, "priority", 0) < kg_json_double(b, "priority", 0);
}

void ui_rules_put(struct kg_json **rules, const char *was, const struct kg_json *rule)
{
    struct kg_json *out = kg_json_array();
    bool placed = false;

    for (const struct kg_json *r = kg_json_first(*rules); r; r = kg_json_next(r)) {
        if ((was && strcmp(name_of(r), was) == 0) || strcmp(name_of(r), name_of(rule)) == 0)
            continue;
        if (!placed && wins(rule, r)) {
            kg_json_push(out, kg_json_copy(rule));
            placed = true;
        }
        kg_json_push(out, kg_json_copy(r));
    }
    if (!placed)
        kg_json_push(out, kg_json_copy(rule));
    kg_json_free(*rules);
    *rules = out;
}

void ui_rules_remove(struct kg_json **rules, const char *name)
{
    struct kg_json *out = kg_json_array();

    for (const struct kg_json *r = kg_json_first(*rules); r; r = kg_json_next(r))
        if (strcmp(name_of(r), name) != 0)
            kg_json_push(out, kg_json_copy(r));
    kg_json_free(*rules);
    *rules = out;
}

struct kg_json *ui_rules_read(const struct kg_json *properties)
{
    struct kg_json *rules = kg_json_array();
    const struct kg_json *tag = kg_json_first(kg_json_get(backup_rule(properties), "trigger.taggingCriteria"));

    for (; tag; tag = kg_json_next(tag)) {
        const char *name = kg_json_str_or(tag, "tagInfo.tagName", "");
        const struct kg_json *kept = kg_json_get(retention_of(properties, name), "lifecycles"), *criteria = kg_json_get(tag, "criteria");
        KG_AUTO_JSON struct kg_json *rule = kg_json_object();

        kg_json_set_str(rule, "name", name);
        kg_json_set_bool(rule, "isDefault", kg_json_bool(tag, "isDefault", false));
        kg_json_set_u64(rule, "priority", kg_json_u64(tag, "taggingPriority", DEFAULT_PRIORITY));
        kg_json_set(rule, "lifecycles", kept ? kg_json_copy(kept) : kg_json_array());
        if (kg_json_count(criteria))
            kg_json_set(rule, "criteria", kg_json_copy(criteria));
        ui_rules_put(&rules, NULL, rule);
    }
    return rules;
}

unsigned ui_rules_longest_days(const struct kg_json *rules)
{
    unsigned longest = 0;

    for (const struct kg_json *r = kg_json_first(rules); r; r = kg_json_next(r)) {
        unsigned sum = 0;

        for (const struct kg_json *l = kg_json_first(kg_json_get(r, "lifecycles")); l; l = kg_json_next(l))
            sum += days_of(kg_json_str_or(l, "deleteAfter.duration", ""));
        longest = sum > longest ? sum : longest;
    }
    return longest;
}

bool ui_rules_use_archive(const struct kg_json *rules)
{
    for (const struct kg_json *r = kg_json_first(rules); r; r = kg_json_next(r))
        for (const struct kg_json *l = kg_json_first(kg_json_get(r, "lifecycles")); l; l = kg_json_next(l))
            if (kg_json_count(kg_json_get(l, "targetDataStoreCopySettings")))
                return true;
    return false;
}

/* ---- the whole ---- */

static struct kg_json *tag_of(const struct kg_json *rule)
{
    struct kg_json *tag = kg_json_object();
    const struct kg_json *criteria = kg_json_get(rule, "criteria");

    kg_json_set_bool(tag, "isDefault", kg_json_bool(rule, "isDefault", false));
    kg_json_set_str(tag, "tagInfo.tagName", name_of(rule));
    kg_json_set_u64(tag, "taggingPriority", kg_json_u64(rule, "priority", DEFAULT_PRIORITY));
    if (criteria)
        kg_json_set(tag, "criteria", kg_json_copy(criteria));
    return tag;
}

static struct kg_json *retention_rule(const struct kg_json *rule)
{
    struct kg_json *r = kg_json_object();

    kg_json_set_str(r, "name", name_of(rule));
    kg_json_set_str(r, "objectType", "AzureRetentionRule");
    kg_json_set_bool(r, "isDefault", kg_json_bool(rule, "isDefault", false));
    kg_json_set(r, "lifecycles", kg_json_copy(kg_json_get(rule, "lifecycles")));
    return r;
}

static struct kg_json *new_backup_rule(void)
{
    struct kg_json *r = kg_json_object();

    kg_json_set_str(r, "name", "BackupRule");
    kg_json_set_str(r, "objectType", "AzureBackupRule");
    kg_json_set_str(r, "backupParameters.objectType", "AzureBackupParams");
    kg_json_set_str(r, "backupParameters.backupType", "Full");
    kg_json_set_str(r, "dataStore.objectType", "DataStoreInfoBase");
    kg_json_set_str(r, "dataStore.dataStoreType", "VaultStore");
    kg_json_set_str(r, "trigger.objectType", "ScheduleBasedTriggerContext");
    return r;
}

struct kg_json *ui_policy_make(const struct kg_json *old, const char *datasource_type, const struct ui_schedule *s,
                               const struct kg_json *rules, int64_t now)
{
    struct kg_json *doc = kg_json_object(), *types = kg_json_array(), *list = kg_json_array(), *tags = kg_json_array();
    struct kg_json *rule = backup_rule(old) ? kg_json_copy(backup_rule(old)) : new_backup_rule();
    struct kg_err ignored = { 0 };
    struct ui_schedule was = { 0 };
    uint64_t rate;

    if (old)
        ui_schedule_read(old, &was);
    if (!old || (strcmp(s->frequency, "Other") != 0 && !same_schedule(s, &was)))
        kg_json_set(rule, "trigger.schedule.repeatingTimeIntervals", intervals(s, now));
    kg_json_set_str(rule, "trigger.schedule.timeZone", s->zone);
    set_windows(rule, s->windows);
    kg_json_remove(rule, "backupParameters.rateLimitMBps");
    if (*s->rate && kg_parse_u64(s->rate, &rate, &ignored) == 0 && rate)
        kg_json_set_u64(rule, "backupParameters.rateLimitMBps", rate);
    kg_json_push_str(types, datasource_type);
    kg_json_set(doc, "datasourceTypes", types);
    kg_json_set_str(doc, "objectType", "BackupPolicy");
    for (const struct kg_json *r = kg_json_first(rules); r; r = kg_json_next(r))
        kg_json_push(tags, tag_of(r));
    kg_json_set(rule, "trigger.taggingCriteria", tags);
    kg_json_push(list, rule);
    for (const struct kg_json *r = kg_json_first(rules); r; r = kg_json_next(r))
        kg_json_push(list, retention_rule(r));
    kg_json_set(doc, "policyRules", list);
    return doc;
}
