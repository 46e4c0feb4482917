#include "model/policy.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "model/names.h"
#include "model/place.h"
#include "model/policy_text.h"

enum { CRITERIA_MAX = 8, TIMES_MAX = 16, RULES_MAX = KG_POLICY_TAGS + 1, ARCHIVE_LEAST_DAYS = 180 };

const char *const kg_policy_datastores[] = {
    [KG_DATASTORE_OPERATIONAL] = "OperationalStore",
    [KG_DATASTORE_VAULT] = "VaultStore",
    [KG_DATASTORE_ARCHIVE] = "ArchiveStore",
};
_Static_assert(KG_ARRAY_LEN(kg_policy_datastores) == KG_DATASTORE_COUNT_, "name every store");
KG_DEFINE_ENUM_TEXT(kg_datastore, enum kg_datastore, kg_policy_datastores)

static const char *const copy_kinds[] = {
    [KG_COPY_ON_EXPIRY] = "CopyOnExpiryOption",
    [KG_COPY_IMMEDIATE] = "ImmediateCopyOption",
    [KG_COPY_CUSTOM] = "CustomCopyOption",
};
_Static_assert(KG_ARRAY_LEN(copy_kinds) == KG_COPY_KIND_COUNT_, "name every kind of copy");
KG_DEFINE_ENUM_TEXT(kg_copy_kind, enum kg_copy_kind, copy_kinds)

static const char *const markers[] = {
    [KG_MARK_ALL] = "AllBackup",     [KG_MARK_DAY] = "FirstOfDay",    [KG_MARK_WEEK] = "FirstOfWeek",
    [KG_MARK_MONTH] = "FirstOfMonth", [KG_MARK_YEAR] = "FirstOfYear",
};
_Static_assert(KG_ARRAY_LEN(markers) == KG_MARKER_COUNT_, "name every marker");
KG_DEFINE_ENUM_TEXT(kg_marker, enum kg_marker, markers)

const char *const kg_policy_weekdays[7] = {
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"
};
const char *const kg_policy_weeks[5] = { "First", "Second", "Third", "Fourth", "Last" };
const char *const kg_policy_months[12] = { "January", "February", "March",     "April",   "May",      "June",
                                           "July",    "August",   "September", "October", "November", "December" };

static const char *const datasource_types[] = {
    "Microsoft.DBforPostgreSQL/servers/databases",
    "Microsoft.DBforPostgreSQL/flexibleServers",
    "Microsoft.DBforPostgreSQL/flexibleServers/databases",
};

/* ---- criteria ---- */

/* An array of names from a table as a bit set. */
static int parse_set(const struct kg_place *p, const char *key, const char *const *table, size_t count, uint32_t *ret,
                     struct kg_err *err)
{
    struct kg_place a;
    size_t n, i = 0;

    if (kg_place_array(p, key, 64, &a, &n, err) < 0)
        return -(int)err->code;
    for (const struct kg_json *c = kg_json_first(a.json); c; c = kg_json_next(c), i++) {
        struct kg_place e = kg_place_element(&a, i, c);
        const char *s = kg_json_value_str(c);
        int k = s ? kg_text_index(table, count, s) : -1;

        if (k < 0)
            return kg_place_complain(&e, err, "is not known: the first known one is '%s'", table[0]);
        *ret |= UINT32_C(1) << k;
    }
    return 0;
}

static int parse_days_of_month(const struct kg_place *p, struct kg_criteria *c, struct kg_err *err)
{
    struct kg_place a;
    size_t n, i = 0;

    if (kg_place_array(p, "daysOfMonth", 64, &a, &n, err) < 0)
        return -(int)err->code;
    for (const struct kg_json *j = kg_json_first(a.json); j; j = kg_json_next(j), i++) {
        struct kg_place e = kg_place_element(&a, i, j);
        bool last;
        uint64_t date = kg_json_u64(j, "date", 0);

        if (kg_json_type(j) != KG_JSON_OBJECT)
            return kg_place_complain(&e, err, "must be an object");
        if (kg_place_bool_or(&e, "isLast", false, &last, err) < 0)
            return -(int)err->code;
        if (last)
            c->last_day = true;
        else if (date >= 1 && date <= 28)
            c->days |= UINT32_C(1) << date;
        else
            return kg_place_complain(&e, err, "must have a date from 1 to 28, or isLast true");
    }
    return 0;
}

static int parse_times(const struct kg_place *p, struct kg_criteria *c, struct kg_err *err)
{
    struct kg_place a;
    size_t n, i = 0;

    if (kg_place_array(p, "scheduleTimes", TIMES_MAX, &a, &n, err) < 0)
        return -(int)err->code;
    c->times = n ? kg_xalloc_array(n, sizeof *c->times) : NULL;
    for (const struct kg_json *j = kg_json_first(a.json); j; j = kg_json_next(j), i++) {
        struct kg_place e = kg_place_element(&a, i, j);
        const char *s = kg_json_value_str(j);

        if (!s || !kg_time_parse_iso(s, &c->times[i]))
            return kg_place_complain(&e, err, "must be a date and time");
    }
    c->time_count = n;
    return 0;
}

static int parse_criteria(const struct kg_place *p, struct kg_criteria *c, struct kg_err *err)
{
    if (kg_json_type(p->json) != KG_JSON_OBJECT)
        return kg_place_complain(p, err, "must be an object");
    if (kg_place_object_type(p, "ScheduleBasedBackupCriteria", err) < 0 ||
        parse_set(p, "absoluteCriteria", markers, KG_MARKER_COUNT_, &c->markers, err) < 0 ||
        parse_set(p, "daysOfTheWeek", kg_policy_weekdays, 7, &c->weekdays, err) < 0 ||
        parse_set(p, "weeksOfTheMonth", kg_policy_weeks, 5, &c->weeks, err) < 0 ||
        parse_set(p, "monthsOfYear", kg_policy_months, 12, &c->months, err) < 0 ||
        parse_days_of_month(p, c, err) < 0 || parse_times(p, c, err) < 0)
        return -(int)err->code;
    if (!c->markers && !c->weekdays && !c->weeks && !c->months && !c->days && !c->last_day && !c->time_count)
        return kg_place_complain(p, err, "names no criterion");
    if (c->markers && (c->weekdays || c->weeks || c->months || c->days || c->last_day || c->time_count))
        return kg_place_complain(p, err, "mixes absoluteCriteria with others");
    return 0;
}

/* ---- the backup rule ---- */

static int parse_name(const struct kg_place *p, const char *key, const char **ret, struct kg_err *err)
{
    struct kg_place m = kg_place_member(p, key);
    struct kg_err why = { 0 };

    if (kg_place_need_str(p, key, ret, err) < 0)
        return -(int)err->code;
    if (kg_name_check(KG_NAME_TAG, *ret, &why) < 0)
        return kg_place_complain(&m, err, "must be %s", kg_name_rule(KG_NAME_TAG));
    return 0;
}

static int parse_tag(const struct kg_place *p, struct kg_policy *pol, struct kg_err *err)
{
    struct kg_policy_tag *t = &pol->tags[pol->tag_count];
    struct kg_place info, a, prio = kg_place_member(p, "taggingPriority");
    const char *name;
    double priority;
    size_t n, i = 0;

    if (kg_json_type(p->json) != KG_JSON_OBJECT)
        return kg_place_complain(p, err, "must be an object");
    if (kg_place_need(p, "tagInfo", KG_JSON_OBJECT, &info, err) < 0 || parse_name(&info, "tagName", &name, err) < 0 ||
        kg_place_bool_or(p, "isDefault", false, &t->is_default, err) < 0 ||
        kg_place_array(p, "criteria", CRITERIA_MAX, &a, &n, err) < 0)
        return -(int)err->code;
    priority = kg_json_double(p->json, "taggingPriority", -1);
    if (kg_json_type(prio.json) != KG_JSON_NUMBER || !(priority >= 0 && priority <= 1e9) ||
        priority != (double)(int64_t)priority)
        return kg_place_complain(&prio, err, "must be a whole number, 0 or more");
    if (kg_policy_tag(pol, name))
        return kg_place_complain(&info, err, "names '%s' a second time", name);
    if (!t->is_default && n == 0)
        return kg_place_complain(&a, err, "is missing: only the default tag has none");
    t->priority = (int64_t)priority;
    t->name = kg_xstrdup(name);
    t->criteria = n ? kg_xalloc_array(n, sizeof *t->criteria) : NULL;
    t->criteria_count = n;
    pol->tag_count++; /* from here kg_policy_free() knows it */
    for (const struct kg_json *j = kg_json_first(a.json); j; j = kg_json_next(j), i++) {
        struct kg_place e = kg_place_element(&a, i, j);

        if (parse_criteria(&e, &t->criteria[i], err) < 0)
            return -(int)err->code;
    }
    return 0;
}

/* By priority; the default last whatever its number, because it is what is left when nothing else applies. */
static int compare_tags(const struct kg_policy_tag *a, const struct kg_policy_tag *b)
{
    if (a->is_default != b->is_default)
        return a->is_default ? 1 : -1;
    return a->priority < b->priority ? -1 : a->priority > b->priority;
}

static void sort_tags(struct kg_policy *pol)
{
    for (size_t i = 1; i < pol->tag_count; i++) /* a handful, and stable */
        for (size_t k = i; k > 0 && compare_tags(&pol->tags[k - 1], &pol->tags[k]) > 0; k--) {
            struct kg_policy_tag t = pol->tags[k];

            pol->tags[k] = pol->tags[k - 1];
            pol->tags[k - 1] = t;
        }
}

static int parse_tags(const struct kg_place *trigger, struct kg_policy *pol, struct kg_err *err)
{
    struct kg_place a;
    size_t n, i = 0, defaults = 0;

    if (kg_place_array(trigger, "taggingCriteria", KG_POLICY_TAGS, &a, &n, err) < 0)
        return -(int)err->code;
    if (n == 0)
        return kg_place_complain(&a, err, "is missing: at least the default tag must be there");
    pol->tags = kg_xalloc_array(n, sizeof *pol->tags);
    for (const struct kg_json *j = kg_json_first(a.json); j; j = kg_json_next(j), i++) {
        struct kg_place e = kg_place_element(&a, i, j);

        if (parse_tag(&e, pol, err) < 0)
            return -(int)err->code;
        defaults += pol->tags[i].is_default;
    }
    if (defaults != 1)
        return kg_place_complain(&a, err, "has %zu default tags, and there must be one", defaults);
    sort_tags(pol);
    return 0;
}

/* Its form only: whether this machine knows it, policy/zone.h tells. */
static bool is_zone_name(const char *s)
{
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/");

    return n > 0 && n <= 64 && !s[n] && *s != '/' && !strstr(s, "//");
}

static bool parse_clock(const char *s, unsigned *ret)
{
    if (strlen(s) < 5 || s[2] != ':' || strspn(s, "0123456789") != 2 || strspn(s + 3, "0123456789") < 2)
        return false;
    *ret = (unsigned)((s[0] - '0') * 10 + s[1] - '0') * 60 + (unsigned)((s[3] - '0') * 10 + s[4] - '0');
    return s[3] < '6' && *ret <= 24 * 60;
}

bool kg_window_parse(const char *text, struct kg_window *ret)
{
    struct kg_window w;

    if (strlen(text) != 11 || text[5] != '-' || !parse_clock(text, &w.from) || !parse_clock(text + 6, &w.to) ||
        w.from == 24 * 60 || w.to == w.from)
        return false;
    *ret = w;
    return true;
}

const char *kg_window_text(const struct kg_window *w, char out[12])
{
    snprintf(out, 12, "%02u:%02u-%02u:%02u", w->from / 60 % 100, w->from % 60, w->to / 60 % 100, w->to % 60);
    return out;
}

static int parse_windows(const struct kg_place *schedule, struct kg_policy *pol, struct kg_err *err)
{
    struct kg_place a;
    size_t n;

    if (kg_place_array(schedule, "startWindows", KG_POLICY_WINDOWS, &a, &n, err) < 0)
        return -(int)err->code;
    for (const struct kg_json *j = kg_json_first(a.json); j; j = kg_json_next(j), pol->window_count++) {
        struct kg_place e = kg_place_element(&a, pol->window_count, j);
        const char *s = kg_json_value_str(j);

        if (!s || !kg_window_parse(s, &pol->windows[pol->window_count]))
            return kg_place_complain(&e, err, "must be two times of the day, such as 22:00-06:00");
    }
    return 0;
}

static int parse_parameters(const struct kg_place *params, struct kg_policy *pol, struct kg_err *err)
{
    struct kg_place type = kg_place_member(params, "backupType"), rate = kg_place_member(params, "rateLimitMBps");
    const char *full;

    if (!params->json)
        return 0;
    if (kg_place_object_type(params, "AzureBackupParams", err) < 0 ||
        kg_place_str_or(params, "backupType", "Full", &full, err) < 0 ||
        kg_place_bool_or(params, "rolePasswords", false, &pol->role_passwords, err) < 0)
        return -(int)err->code;
    if (strcasecmp(full, "Full") != 0)
        return kg_place_complain(&type, err, "must be 'Full'");
    pol->rate_limit = kg_json_u64(params->json, "rateLimitMBps", 0);
    if (kg_json_type(rate.json) != KG_JSON_NULL && (pol->rate_limit < 1 || pol->rate_limit > KG_POLICY_RATE_MAX))
        return kg_place_complain(&rate, err, "must be a whole number from 1 to %d", KG_POLICY_RATE_MAX);
    return 0;
}

static int parse_schedule(const struct kg_place *trigger, struct kg_policy *pol, struct kg_err *err)
{
    struct kg_place schedule, a, zone;
    const char *tz;
    size_t n, i = 0;

    if (kg_place_need(trigger, "schedule", KG_JSON_OBJECT, &schedule, err) < 0 ||
        kg_place_array(&schedule, "repeatingTimeIntervals", KG_POLICY_INTERVALS, &a, &n, err) < 0 ||
        kg_place_str_or(&schedule, "timeZone", "UTC", &tz, err) < 0)
        return -(int)err->code;
    if (n == 0)
        return kg_place_complain(&a, err, "is missing: a schedule has at least one interval");
    pol->intervals = kg_xalloc_array(n, sizeof *pol->intervals);
    pol->interval_texts = kg_xalloc_array(n, sizeof *pol->interval_texts);
    pol->interval_count = n;
    for (const struct kg_json *j = kg_json_first(a.json); j; j = kg_json_next(j), i++) {
        struct kg_place e = kg_place_element(&a, i, j);
        struct kg_err why = { 0 };
        const char *s = kg_json_value_str(j);

        if (!s)
            return kg_place_complain(&e, err, "must be a text");
        if (kg_interval_parse(s, &pol->intervals[i], &why) < 0)
            return kg_place_complain_why(&e, &why, err);
        if (pol->intervals[i].span.months + pol->intervals[i].span.days == 0 && pol->intervals[i].span.seconds < 3600)
            return kg_place_complain(&e, err, "repeats more often than every hour");
        pol->interval_texts[i] = kg_xstrdup(s);
    }
    zone = kg_place_member(&schedule, "timeZone");
    if (strcasecmp(tz, "Etc/UTC") == 0 || strcasecmp(tz, "Coordinated Universal Time") == 0)
        tz = "UTC";
    if (!is_zone_name(tz))
        return kg_place_complain(&zone, err, "must be 'UTC' or the IANA name of a time zone, such as Europe/Berlin");
    pol->time_zone = kg_xstrdup(strcasecmp(tz, "UTC") == 0 ? "UTC" : tz);
    return parse_windows(&schedule, pol, err);
}

static int parse_datastore(const struct kg_place *p, enum kg_datastore *ret, struct kg_err *err)
{
    int v;

    if (kg_json_type(p->json) != KG_JSON_OBJECT)
        return kg_place_complain(p, err, "%s", p->json ? "must be an object" : "is missing");
    if (kg_place_object_type(p, "DataStoreInfoBase", err) < 0 ||
        kg_place_choice(p, "dataStoreType", kg_policy_datastores, KG_DATASTORE_COUNT_, -1, &v, err) < 0)
        return -(int)err->code;
    *ret = (enum kg_datastore)v;
    return 0;
}

static int parse_backup_rule(const struct kg_place *rule, struct kg_policy *pol, struct kg_err *err)
{
    struct kg_place trigger, params = kg_place_member(rule, "backupParameters"),
                    store = kg_place_member(rule, "dataStore");
    enum kg_datastore where;
    const char *name;

    if (parse_name(rule, "name", &name, err) < 0 || parse_datastore(&store, &where, err) < 0 ||
        kg_place_need(rule, "trigger", KG_JSON_OBJECT, &trigger, err) < 0 ||
        kg_place_object_type(&trigger, "ScheduleBasedTriggerContext", err) < 0 || parse_parameters(&params, pol, err) < 0)
        return -(int)err->code;
    if (where != KG_DATASTORE_VAULT)
        return kg_place_complain(&store, err, "must be VaultStore: backups go there first");
    pol->rule_name = kg_xstrdup(name);
    if (parse_schedule(&trigger, pol, err) < 0)
        return -(int)err->code;
    return parse_tags(&trigger, pol, err);
}

/* ---- retention rules ---- */

static int parse_copy(const struct kg_place *p, struct kg_lifecycle *lc, struct kg_err *err)
{
    struct kg_policy_copy *c = &lc->copies[lc->copy_count];
    struct kg_place store = kg_place_member(p, "dataStore"), after, duration;
    struct kg_err why = { 0 };
    const char *text;
    int kind;

    if (kg_json_type(p->json) != KG_JSON_OBJECT)
        return kg_place_complain(p, err, "must be an object");
    if (parse_datastore(&store, &c->target, err) < 0 ||
        kg_place_need(p, "copyAfter", KG_JSON_OBJECT, &after, err) < 0 ||
        kg_place_choice(&after, "objectType", copy_kinds, KG_COPY_KIND_COUNT_, -1, &kind, err) < 0)
        return -(int)err->code;
    c->when = (enum kg_copy_kind)kind;
    if (c->target != KG_DATASTORE_ARCHIVE)
        return kg_place_complain(&store, err, "must be ArchiveStore: that is what points are copied to");
    if (c->when == KG_COPY_CUSTOM) {
        duration = kg_place_member(&after, "duration");
        if (kg_place_need_str(&after, "duration", &text, err) < 0)
            return -(int)err->code;
        if (kg_span_parse(text, &c->after, &why) < 0)
            return kg_place_complain_why(&duration, &why, err);
        c->after_text = kg_xstrdup(text);
    }
    lc->copy_count++;
    return 0;
}

/* Sources disagree about this member: az writes an object or null, the specification an array. */
static int parse_copies(const struct kg_place *p, struct kg_lifecycle *lc, struct kg_err *err)
{
    struct kg_place m = kg_place_member(p, "targetDataStoreCopySettings"), a = m;
    size_t n = kg_json_type(m.json) == KG_JSON_OBJECT && kg_json_count(m.json) > 0, i = 0;

    if (kg_json_type(m.json) != KG_JSON_OBJECT &&
        kg_place_array(p, "targetDataStoreCopySettings", KG_POLICY_COPIES, &a, &n, err) < 0)
        return -(int)err->code;
    lc->copies = n ? kg_xalloc_array(n, sizeof *lc->copies) : NULL;
    if (n && kg_json_type(m.json) == KG_JSON_OBJECT)
        return parse_copy(&m, lc, err);
    for (const struct kg_json *j = n ? kg_json_first(a.json) : NULL; j; j = kg_json_next(j), i++) {
        struct kg_place e = kg_place_element(&a, i, j);

        if (parse_copy(&e, lc, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

static int parse_lifecycle(const struct kg_place *p, struct kg_lifecycle *lc, struct kg_err *err)
{
    struct kg_place del, duration, source = kg_place_member(p, "sourceDataStore");
    struct kg_err why = { 0 };
    const char *text;

    if (kg_json_type(p->json) != KG_JSON_OBJECT)
        return kg_place_complain(p, err, "must be an object");
    if (kg_place_need(p, "deleteAfter", KG_JSON_OBJECT, &del, err) < 0 ||
        kg_place_object_type(&del, "AbsoluteDeleteOption", err) < 0 ||
        kg_place_need_str(&del, "duration", &text, err) < 0 || parse_datastore(&source, &lc->source, err) < 0)
        return -(int)err->code;
    duration = kg_place_member(&del, "duration");
    if (kg_span_parse_retention(text, &lc->delete_after, &why) < 0)
        return kg_place_complain_why(&duration, &why, err);
    if (lc->source == KG_DATASTORE_OPERATIONAL)
        return kg_place_complain(&source, err, "must be VaultStore or ArchiveStore");
    if (lc->source == KG_DATASTORE_ARCHIVE && kg_span_days(&lc->delete_after) < ARCHIVE_LEAST_DAYS)
        return kg_place_complain(&duration, err, "must be at least 6 months (P6M) in the ArchiveStore");
    lc->delete_text = kg_xstrdup(text);
    return parse_copies(p, lc, err);
}

/* The stores of one rule: the vault's, once; the archive's exactly when something is copied there. */
static int check_stores(const struct kg_place *a, const struct kg_retention *r, struct kg_err *err)
{
    unsigned in[KG_DATASTORE_COUNT_] = { 0 }, to[KG_DATASTORE_COUNT_] = { 0 };

    for (size_t i = 0; i < r->lifecycle_count; i++) {
        in[r->lifecycles[i].source]++;
        for (size_t k = 0; k < r->lifecycles[i].copy_count; k++) {
            to[r->lifecycles[i].copies[k].target]++;
            if (r->lifecycles[i].source == KG_DATASTORE_ARCHIVE)
                return kg_place_complain(a, err, "copies from the ArchiveStore into itself");
        }
    }
    if (in[KG_DATASTORE_VAULT] != 1)
        return kg_place_complain(a, err, "must have one lifecycle whose source is the VaultStore");
    if (in[KG_DATASTORE_ARCHIVE] > 1 || in[KG_DATASTORE_ARCHIVE] != to[KG_DATASTORE_ARCHIVE])
        return kg_place_complain(a, err,
                                 "must have a lifecycle of the ArchiveStore exactly when points are copied there");
    return 0;
}

static int parse_retention_rule(const struct kg_place *rule, struct kg_policy *pol, struct kg_err *err)
{
    struct kg_retention *r = &pol->retention[pol->retention_count];
    struct kg_place a;
    const char *name;
    size_t n, i = 0;

    if (parse_name(rule, "name", &name, err) < 0 ||
        kg_place_bool_or(rule, "isDefault", false, &r->is_default, err) < 0 ||
        kg_place_array(rule, "lifecycles", KG_POLICY_LIFECYCLES, &a, &n, err) < 0)
        return -(int)err->code;
    if (n == 0)
        return kg_place_complain(&a, err, "is missing");
    if (kg_policy_retention(pol, name))
        return kg_place_complain(rule, err, "is a second retention rule named '%s'", name);
    r->name = kg_xstrdup(name);
    r->lifecycles = kg_xalloc_array(n, sizeof *r->lifecycles);
    r->lifecycle_count = n;
    pol->retention_count++;
    for (const struct kg_json *j = kg_json_first(a.json); j; j = kg_json_next(j), i++) {
        struct kg_place e = kg_place_element(&a, i, j);

        if (parse_lifecycle(&e, &r->lifecycles[i], err) < 0)
            return -(int)err->code;
    }
    return check_stores(&a, r, err);
}

/* ---- the policy ---- */

/* What single rules cannot see: tags and retention rules belong together. */
static int check_links(const struct kg_place *rules, const struct kg_policy *pol, struct kg_err *err)
{
    const struct kg_policy_tag *def = &pol->tags[pol->tag_count - 1]; /* sorted last */
    size_t defaults = 0;

    for (size_t i = 0; i < pol->tag_count; i++)
        if (!kg_policy_retention(pol, pol->tags[i].name))
            return kg_place_complain(rules, err, "has no AzureRetentionRule named '%s' for the tag of that name",
                                     pol->tags[i].name);
    for (size_t i = 0; i < pol->retention_count; i++)
        defaults += pol->retention[i].is_default;
    if (defaults != 1)
        return kg_place_complain(rules, err, "has %zu default retention rules, and there must be one", defaults);
    if (!kg_policy_retention(pol, def->name)->is_default)
        return kg_place_complain(rules, err, "has a default tag '%s' whose retention rule is not the default",
                                 def->name);
    return 0;
}

static int parse_rules(const struct kg_place *a, struct kg_policy *pol, struct kg_err *err)
{
    static const char *const kinds[] = { "AzureBackupRule", "AzureRetentionRule" };
    size_t backups = 0, i = 0;

    pol->retention = kg_xalloc_array(kg_json_count(a->json), sizeof *pol->retention);
    for (const struct kg_json *j = kg_json_first(a->json); j; j = kg_json_next(j), i++) {
        struct kg_place e = kg_place_element(a, i, j);
        int kind;

        if (kg_json_type(j) != KG_JSON_OBJECT)
            return kg_place_complain(&e, err, "must be an object");
        if (kg_place_choice(&e, "objectType", kinds, KG_ARRAY_LEN(kinds), -1, &kind, err) < 0)
            return -(int)err->code;
        if (kind == 0 && backups++)
            return kg_place_complain(&e, err, "is a second AzureBackupRule, and there must be one");
        if ((kind == 0 ? parse_backup_rule(&e, pol, err) : parse_retention_rule(&e, pol, err)) < 0)
            return -(int)err->code;
    }
    if (!backups)
        return kg_place_complain(a, err, "has no AzureBackupRule");
    return check_links(a, pol, err);
}

static int parse_datasource_type(const struct kg_place *props, struct kg_policy *pol, struct kg_err *err)
{
    struct kg_place a, e;
    size_t n;
    const char *s;
    int k;

    if (kg_place_array(props, "datasourceTypes", 8, &a, &n, err) < 0)
        return -(int)err->code;
    if (n != 1)
        return kg_place_complain(&a, err, "must be an array of one datasource type");
    e = kg_place_element(&a, 0, kg_json_first(a.json));
    s = kg_json_value_str(e.json);
    k = s ? kg_text_index(datasource_types, KG_ARRAY_LEN(datasource_types), s) : -1;
    if (k < 0)
        return kg_place_complain(&e, err, "must be '%s' or '%s'", datasource_types[0], datasource_types[1]);
    pol->datasource_type = kg_xstrdup(datasource_types[k]);
    return 0;
}

int kg_policy_from_json(const struct kg_json *body, struct kg_policy **ret, struct kg_err *err)
{
    KG_AUTO_POLICY struct kg_policy *pol = kg_xalloc(sizeof *pol);
    struct kg_place top = kg_place_top(body, ""), props = top, rules;

    if (!kg_json_get(body, "policyRules") && kg_place_need(&top, "properties", KG_JSON_OBJECT, &props, err) < 0)
        return -(int)err->code;
    if (kg_place_object_type(&props, "BackupPolicy", err) < 0 || parse_datasource_type(&props, pol, err) < 0 ||
        kg_place_need(&props, "policyRules", KG_JSON_ARRAY, &rules, err) < 0)
        return -(int)err->code;
    if (kg_json_count(rules.json) > RULES_MAX)
        return kg_place_complain(&rules, err, "has more than %d rules", RULES_MAX);
    if (parse_rules(&rules, pol, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(pol);
    return 0;
}

static void retention_done(struct kg_retention *r)
{
    for (size_t i = 0; i < r->lifecycle_count; i++) {
        for (size_t k = 0; k < r->lifecycles[i].copy_count; k++)
            free(r->lifecycles[i].copies[k].after_text);
        free(r->lifecycles[i].copies);
        free(r->lifecycles[i].delete_text);
    }
    free(r->lifecycles);
    free(r->name);
}

void kg_policy_free(struct kg_policy *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->interval_count; i++)
        free(p->interval_texts[i]);
    for (size_t i = 0; i < p->tag_count; i++) {
        for (size_t k = 0; k < p->tags[i].criteria_count; k++)
            free(p->tags[i].criteria[k].times);
        free(p->tags[i].criteria);
        free(p->tags[i].name);
    }
    for (size_t i = 0; i < p->retention_count; i++)
        retention_done(&p->retention[i]);
    free(p->intervals);
    free(p->interval_texts);
    free(p->tags);
    free(p->retention);
    free(p->rule_name);
    free(p->datasource_type);
    free(p->time_zone);
    free(p);
}

const struct kg_retention *kg_policy_retention(const struct kg_policy *p, const char *tag)
{
    for (size_t i = 0; i < p->retention_count; i++)
        if (strcasecmp(p->retention[i].name, tag) == 0)
            return &p->retention[i];
    return NULL;
}

const struct kg_policy_tag *kg_policy_tag(const struct kg_policy *p, const char *name)
{
    for (size_t i = 0; i < p->tag_count; i++)
        if (strcasecmp(p->tags[i].name, name) == 0)
            return &p->tags[i];
    return NULL;
}

/* Naming those that there are: the backup rule first. */
static int no_such_rule(const struct kg_policy *p, const struct kg_place *at, const char *name, struct kg_err *err)
{
    char names[200];
    size_t n = (size_t)snprintf(names, sizeof names, "%s", p->rule_name);

    for (size_t i = 0; i < p->retention_count && n < sizeof names; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, ", %s", p->retention[i].name);
    (void)kg_place_complain(at, err, "names '%s', and the policy has no such rule", name);
    kg_err_advise(err, "Its rules are: %s.", names);
    return -(int)err->code;
}

int kg_backup_request_parse(const struct kg_json *body, const struct kg_policy *p, const char **ret_tag,
                            struct kg_err *err)
{
    struct kg_place top = kg_place_top(body, ""), options = kg_place_member(&top, "backupRuleOptions"),
                    trigger = kg_place_member(&options, "triggerOption"), rule = kg_place_member(&options, "ruleName"),
                    tag = kg_place_member(&trigger, "retentionTagOverride");
    const struct kg_retention *r;
    const char *rule_name, *tag_name;

    if (kg_place_str_or(&options, "ruleName", "", &rule_name, err) < 0 ||
        kg_place_str_or(&trigger, "retentionTagOverride", "", &tag_name, err) < 0)
        return -(int)err->code;
    if (*tag_name) {
        if (!(r = kg_policy_retention(p, tag_name)))
            return kg_place_complain(&tag, err, "names '%s', and the policy has no such retention rule", tag_name);
        *ret_tag = r->name;
        return 0;
    }
    if (*rule_name && strcasecmp(rule_name, p->rule_name) != 0) {
        if (!(r = kg_policy_retention(p, rule_name)))
            return no_such_rule(p, &rule, rule_name, err);
        *ret_tag = r->name;
        return 0;
    }
    for (size_t i = 0; i < p->retention_count; i++) /* on demand, nothing said: the default */
        if (p->retention[i].is_default)
            *ret_tag = p->retention[i].name;
    return 0;
}
