#include "cli/policy_edit.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/time.h"
#include "model/policy.h"
#include "model/span.h"

const char *const kg_interval_types[] = { "Daily", "Hourly", "Weekly", NULL };
const char *const kg_retention_units[] = { "Days", "Weeks", "Months", "Years", NULL };
const char *const kg_retention_names[] = { "Default", "Daily", "Weekly", "Monthly", "Yearly", "Default_OperationalStore",
                                           NULL };
const char *const kg_tag_names[] = { "Daily", "Weekly", "Monthly", "Yearly", NULL };
const char *const kg_copy_options[] = { "CustomCopyOption", "ImmediateCopyOption", "CopyOnExpiryOption", NULL };
const char *const kg_absolute_marks[] = { "AllBackup", "FirstOfDay", "FirstOfWeek", "FirstOfMonth", "FirstOfYear", NULL };

/* The lowest number wins. By position in kg_tag_names. */
static const unsigned tag_priorities[] = { 25, 20, 15, 10 };

/* What policies for PostgreSQL may have; the same for both kinds of datasource. */
static const char *const supported_tags[] = { "Weekly", "Monthly", "Yearly" };
static const char *const supported_frequencies[] = { "Weekly" };
static const char *const supported_stores[] = { "VaultStore", "ArchiveStore" };
static const char *const datasource_prefix = "Microsoft.DBforPostgreSQL/";

/* ---- looking into a policy ---- */

static int find_rules(struct kg_json *policy, struct kg_json **ret_root, struct kg_json **ret_rules, struct kg_err *err)
{
    struct kg_json *root = kg_json_get(policy, "policyRules") ? policy : kg_json_get_mutable(policy, "properties");
    struct kg_json *rules = root ? kg_json_get_mutable(root, "policyRules") : NULL;
    const char *type = root ? kg_json_str(root, "datasourceTypes.0") : NULL;

    if (kg_json_type(rules) != KG_JSON_ARRAY) {
        kg_err_set(err, KG_E_USAGE, "the policy has no 'policyRules'");
        kg_err_advise(err, "Give what 'backup-policy get-default-policy-template' or one of these commands printed.");
        return -(int)err->code;
    }
    if (type && strncasecmp(type + strspn(type, " "), datasource_prefix, strlen(datasource_prefix)) != 0)
        return kg_err_set(err, KG_E_UNSUPPORTED, "the policy is for '%s', not for PostgreSQL", type);
    *ret_root = root;
    *ret_rules = rules;
    return 0;
}

/* How az calls the kind of datasource that the policy is for. */
static const char *kind_of(const struct kg_json *root)
{
    const char *type = kg_json_str_or(root, "datasourceTypes.0", "");

    return strcasestr(type, "flexible") ? "AzureDatabaseForPostgreSQLFlexibleServer" : "AzureDatabaseForPostgreSQL";
}

static struct kg_json *element(struct kg_json *array, size_t i)
{
    char at[24];

    snprintf(at, sizeof at, "%zu", i);
    return kg_json_get_mutable(array, at);
}

static bool text_is(const struct kg_json *j, const char *path, const char *text)
{
    return strcasecmp(kg_json_str_or(j, path, ""), text) == 0;
}

/* The element whose text at path is that; *ret_at is its place. NULL: none. */
static struct kg_json *find(struct kg_json *array, const char *path, const char *text, size_t *ret_at)
{
    size_t n = kg_json_count(array);

    for (size_t i = 0; i < n; i++)
        if (text_is(element(array, i), path, text)) {
            *ret_at = i;
            return element(array, i);
        }
    return NULL;
}

static int find_backup_rule(struct kg_json *rules, struct kg_json **ret, struct kg_err *err)
{
    size_t at;

    *ret = find(rules, "objectType", "AzureBackupRule", &at);
    return *ret ? 0 : kg_err_set(err, KG_E_USAGE, "the policy has no AzureBackupRule");
}

static struct kg_json *find_retention(struct kg_json *rules, const char *name, size_t *ret_at)
{
    size_t n = kg_json_count(rules);

    for (size_t i = 0; i < n; i++)
        if (text_is(element(rules, i), "objectType", "AzureRetentionRule") && text_is(element(rules, i), "name", name)) {
            *ret_at = i;
            return element(rules, i);
        }
    return NULL;
}

static void remove_at(struct kg_json *array, size_t i)
{
    char at[24];

    snprintf(at, sizeof at, "%zu", i);
    kg_json_remove(array, at);
}

static struct kg_json *typed(const char *object_type)
{
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "objectType", object_type);
    return j;
}

static struct kg_json *datastore(const char *name)
{
    struct kg_json *j = typed("DataStoreInfoBase");

    kg_json_set_str(j, "dataStoreType", name);
    return j;
}

/* ---- schedule ---- */

static int check_count(const char *type, uint64_t count, struct kg_err *err)
{
    if (count == 0)
        return kg_err_set(err, KG_E_USAGE, "--interval-count must be greater than 0");
    if (strcasecmp(type, "Hourly") != 0 && count != 1)
        return kg_err_set(err, KG_E_USAGE, "--interval-count must be 1 for a %s interval, not %" PRIu64, type, count);
    if (strcasecmp(type, "Hourly") == 0 && count != 4 && count != 6 && count != 8 && count != 12)
        return kg_err_set(err, KG_E_USAGE, "--interval-count must be 4, 6, 8 or 12 for an Hourly interval, not %" PRIu64,
                          count);
    return 0;
}

int kg_edit_make_schedule(const char *interval_type, uint64_t count, const struct kg_words *days, struct kg_json **ret,
                          struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *array = kg_json_array();
    char repeat[24], day[32];
    kg_usec when;

    if (check_count(interval_type, count, err) < 0)
        return -(int)err->code;
    if (strcasecmp(interval_type, "Hourly") == 0)
        snprintf(repeat, sizeof repeat, "PT%" PRIu64 "H", count);
    else
        snprintf(repeat, sizeof repeat, "P1%c", strcasecmp(interval_type, "Daily") == 0 ? 'D' : 'W');
    for (size_t i = 0; i < days->n; i++) {
        KG_AUTO_FREE char *text = NULL;

        if (!kg_time_parse_iso(days->v[i], &when)) {
            kg_err_set(err, KG_E_USAGE, "--schedule-days takes a date and time, not '%s'", days->v[i]);
            kg_err_advise(err, "Write it like 2021-08-15T22:00:00; it is UTC.");
            return -(int)err->code;
        }
        kg_time_iso_seconds(when, day);
        text = kg_xprintf("R/%.19s+00:00/%s", day, repeat);
        kg_json_push_str(array, text);
    }
    *ret = KG_TAKE(array);
    return 0;
}

/* How often, by the last letter, as az reads it. NULL: none of them. */
static const char *frequency_of(const char *interval)
{
    switch (*interval ? interval[strlen(interval) - 1] : '\0') {
    case 'D':
        return "Daily";
    case 'H':
        return "Hourly";
    case 'W':
        return "Weekly";
    default:
        return NULL;
    }
}

static int check_intervals(const struct kg_json *root, const struct kg_json *intervals, struct kg_err *err)
{
    for (const struct kg_json *c = kg_json_first(intervals); c; c = kg_json_next(c)) {
        const char *text = kg_json_value_str(c), *frequency = text ? frequency_of(text) : NULL;
        struct kg_interval parsed;

        if (!text || kg_interval_parse(text, &parsed, err) < 0)
            return text ? kg_err_wrap(err, "--schedule '%s'", text)
                        : kg_err_set(err, KG_E_USAGE, "--schedule takes texts like R/2021-08-15T22:00:00+00:00/P1W");
        if (!frequency || kg_text_index(supported_frequencies, KG_ARRAY_LEN(supported_frequencies), frequency) < 0) {
            kg_err_set(err, KG_E_USAGE, "%s schedule not supported for %s policy", frequency ? frequency : text,
                       kind_of(root));
            kg_err_advise(err, "Repeat every week (P1W), and name several days for several backups a week.");
            return -(int)err->code;
        }
    }
    return 0;
}

int kg_edit_set_schedule(struct kg_json *policy, const struct kg_json *intervals, struct kg_err *err)
{
    struct kg_json *root, *rules, *rule, *schedule;
    KG_AUTO_FREE char *name = NULL;

    if (find_rules(policy, &root, &rules, err) < 0 || find_backup_rule(rules, &rule, err) < 0)
        return -(int)err->code;
    if (kg_json_type(intervals) != KG_JSON_ARRAY || !kg_json_count(intervals))
        return kg_err_set(err, KG_E_USAGE, "--schedule needs at least one interval");
    if (check_intervals(root, intervals, err) < 0)
        return -(int)err->code;
    schedule = kg_json_get_mutable(rule, "trigger.schedule");
    if (kg_json_type(schedule) != KG_JSON_OBJECT)
        return kg_err_set(err, KG_E_USAGE, "the policy's backup rule has no trigger with a schedule");
    kg_json_set(schedule, "repeatingTimeIntervals", kg_json_copy(intervals));
    name = kg_xprintf("Backup%s", frequency_of(kg_json_value_str(kg_json_first(intervals))));
    kg_json_set_str(rule, "name", name);
    return 0;
}

/* ---- windows and limits ---- */

const char *const kg_on_off[] = { "on", "off", NULL };

bool kg_edit_has_limits(const struct kg_limit_args *a) { return a->windows.n || a->rate || a->role_passwords; }

static int set_windows(struct kg_json *rule, const struct kg_words *windows, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *array = kg_json_array();
    struct kg_window w;

    if (windows->n == 1 && strcasecmp(windows->v[0], "any") == 0) {
        kg_json_remove(rule, "trigger.schedule.startWindows");
        return 0;
    }
    for (size_t i = 0; i < windows->n; i++) {
        if (!kg_window_parse(windows->v[i], &w)) {
            kg_err_set(err, KG_E_USAGE, "--window takes two times of the day, not '%s'", windows->v[i]);
            kg_err_advise(err, "Write it like 22:00-06:00; it is the policy's local time. 'any' takes all windows away.");
            return -(int)err->code;
        }
        kg_json_push_str(array, windows->v[i]);
    }
    kg_json_set(rule, "trigger.schedule.startWindows", KG_TAKE(array));
    return 0;
}

static int set_rate(struct kg_json *rule, const char *text, struct kg_err *err)
{
    uint64_t rate;

    if (kg_parse_u64(text, &rate, err) < 0 || rate > KG_POLICY_RATE_MAX) {
        *err = (struct kg_err){ 0 };
        return kg_err_set(err, KG_E_USAGE, "--rate-limit takes megabytes a second, 1 to %d, or 0 for no limit, not '%s'",
                          KG_POLICY_RATE_MAX, text);
    }
    if (rate)
        kg_json_set_u64(rule, "backupParameters.rateLimitMBps", rate);
    else
        kg_json_remove(rule, "backupParameters.rateLimitMBps");
    return 0;
}

int kg_edit_set_limits(struct kg_json *policy, const struct kg_limit_args *a, struct kg_err *err)
{
    struct kg_json *root, *rules, *rule;

    if (!kg_edit_has_limits(a))
        return 0;
    if (find_rules(policy, &root, &rules, err) < 0 || find_backup_rule(rules, &rule, err) < 0)
        return -(int)err->code;
    if (kg_json_type(kg_json_get(rule, "trigger.schedule")) != KG_JSON_OBJECT)
        return kg_err_set(err, KG_E_USAGE, "the policy's backup rule has no trigger with a schedule");
    if ((a->windows.n && set_windows(rule, &a->windows, err) < 0) || (a->rate && set_rate(rule, a->rate, err) < 0))
        return -(int)err->code;
    if (a->role_passwords)
        kg_json_set_bool(rule, "backupParameters.rolePasswords", strcasecmp(a->role_passwords, "on") == 0);
    if (kg_json_get(rule, "backupParameters") && !kg_json_get(rule, "backupParameters.objectType"))
        kg_json_set_str(rule, "backupParameters.objectType", "AzureBackupParams");
    return 0;
}

/* ---- lifecycles and retention rules ---- */

static int make_copy(const struct kg_lifecycle_args *a, struct kg_json *copies, struct kg_err *err)
{
    bool custom = a->copy && strcasecmp(a->copy, "CustomCopyOption") == 0;
    struct kg_json *copy;
    struct kg_span span;

    if (!a->target && !a->copy && !a->copy_after)
        return 0;
    if (!a->target || !a->copy)
        return kg_err_set(err, KG_E_USAGE, "--target-datastore and --copy-option are given together or not at all");
    if (custom != (a->copy_after != NULL))
        return kg_err_set(err, KG_E_USAGE, "--copy-after goes with --copy-option CustomCopyOption, and only with it");
    if (custom && kg_span_parse(a->copy_after, &span, err) < 0)
        return kg_err_wrap(err, "--copy-after");
    copy = kg_json_object();
    kg_json_push(copies, copy);
    kg_json_set(copy, "dataStore", datastore(a->target));
    kg_json_set(copy, "copyAfter", typed(a->copy));
    if (custom)
        kg_json_set_str(copy, "copyAfter.duration", a->copy_after);
    return 0;
}

int kg_edit_make_lifecycle(const struct kg_lifecycle_args *a, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = kg_json_object();
    struct kg_json *copies = kg_json_array();
    KG_AUTO_FREE char *duration = kg_xprintf("P%" PRIu64 "%c", a->count, toupper((unsigned char)a->unit[0]));

    if (a->count == 0) {
        kg_json_free(copies);
        return kg_err_set(err, KG_E_USAGE, "--retention-duration-count must be greater than 0");
    }
    kg_json_set(j, "deleteAfter", typed("AbsoluteDeleteOption"));
    kg_json_set_str(j, "deleteAfter.duration", duration);
    kg_json_set(j, "sourceDataStore", datastore(a->source));
    kg_json_set(j, "targetDataStoreCopySettings", copies);
    if (make_copy(a, copies, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(j);
    return 0;
}

static int not_applicable(const struct kg_json *root, const char *what, const char *name, struct kg_err *err)
{
    kg_err_set(err, KG_E_USAGE, "%s '%s' is not applicable for datasource type %s", what, name, kind_of(root));
    kg_err_advise(err, "Choose one of: Weekly, Monthly, Yearly.");
    return -(int)err->code;
}

static bool is_supported_tag(const char *name)
{
    return kg_text_index(supported_tags, KG_ARRAY_LEN(supported_tags), name) >= 0;
}

/* A policy that went wrong by hand is not made worse. */
static int refuse_duplicates(const struct kg_json *rules, struct kg_err *err)
{
    for (const struct kg_json *a = kg_json_first(rules); a; a = kg_json_next(a))
        for (const struct kg_json *b = kg_json_next(a); b; b = kg_json_next(b))
            if (kg_json_str(a, "name") && text_is(b, "name", kg_json_str(a, "name")))
                return kg_err_set(err, KG_E_USAGE, "the policy has two rules named '%s'", kg_json_str(a, "name"));
    return 0;
}

static int check_lifecycles(const struct kg_json *lifecycles, struct kg_err *err)
{
    for (const struct kg_json *c = kg_json_first(lifecycles); c; c = kg_json_next(c)) {
        const char *store = kg_json_str(c, "sourceDataStore.dataStoreType");

        if (!store || !kg_json_str(c, "deleteAfter.duration")) {
            kg_err_set(err, KG_E_USAGE, "a lifecycle must have sourceDataStore and deleteAfter");
            kg_err_advise(err, "Give what 'backup-policy retention-rule create-lifecycle' printed.");
            return -(int)err->code;
        }
        if (kg_text_index(supported_stores, KG_ARRAY_LEN(supported_stores), store) < 0)
            return kg_err_set(err, KG_E_USAGE, "datastore '%s' is not supported: use VaultStore or ArchiveStore", store);
    }
    return 0;
}

int kg_edit_set_retention(struct kg_json *policy, const char *name, const struct kg_json *lifecycles, struct kg_err *err)
{
    struct kg_json *root, *rules, *rule;
    size_t at;

    if (find_rules(policy, &root, &rules, err) < 0 || refuse_duplicates(rules, err) < 0 ||
        check_lifecycles(lifecycles, err) < 0)
        return -(int)err->code;
    rule = find_retention(rules, name, &at);
    if (rule) {
        kg_json_set(rule, "lifecycles", kg_json_copy(lifecycles));
        return 0;
    }
    if (!is_supported_tag(name))
        return not_applicable(root, "retention rule", name, err);
    rule = kg_json_object();
    kg_json_push(rules, rule);
    kg_json_set_bool(rule, "isDefault", strcasecmp(name, "Default") == 0);
    kg_json_set(rule, "lifecycles", kg_json_copy(lifecycles));
    kg_json_set_str(rule, "name", name);
    kg_json_set_str(rule, "objectType", "AzureRetentionRule");
    return 0;
}

int kg_edit_remove_retention(struct kg_json *policy, const char *name, struct kg_err *err)
{
    struct kg_json *root, *rules;
    size_t at;

    if (find_rules(policy, &root, &rules, err) < 0)
        return -(int)err->code;
    if (strcasecmp(name, "Default") == 0)
        return kg_err_set(err, KG_E_USAGE, "the Default retention rule cannot be removed");
    if (!find_retention(rules, name, &at))
        return kg_err_set(err, KG_E_USAGE, "the policy has no retention rule '%s'", name);
    remove_at(rules, at);
    return 0;
}

/* ---- criteria and tags ---- */

struct kg_json *kg_edit_absolute_criteria(const char *mark)
{
    struct kg_json *j = typed("ScheduleBasedBackupCriteria"), *marks = kg_json_array();

    kg_json_push_str(marks, mark);
    kg_json_set(j, "absoluteCriteria", marks);
    return j;
}

static const char *const weekdays_known[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
static const char *const weeks_known[] = { "First", "Second", "Third", "Fourth", "Last" };
static const char *const months_known[] = { "January", "February", "March",     "April",   "May",      "June",
                                            "July",    "August",   "September", "October", "November", "December" };

/* Words out of a table as an array, spelt as there; none: null. */
static int set_known(struct kg_json *j, const char *key, const char *option, const struct kg_words *w,
                     const char *const *known, size_t n_known, struct kg_err *err)
{
    struct kg_json *array = w->n ? kg_json_array() : NULL;

    kg_json_set(j, key, array);
    for (size_t i = 0; i < w->n; i++) {
        int k = kg_text_index(known, n_known, w->v[i]);

        if (k < 0) {
            kg_err_set(err, KG_E_USAGE, "--%s has no choice '%s'", option, w->v[i]);
            kg_err_advise(err, "Write %s to %s in full.", known[0], known[n_known - 1]);
            return -(int)err->code;
        }
        kg_json_push_str(array, known[k]);
    }
    return 0;
}

static int set_days(struct kg_json *j, const struct kg_words *days, struct kg_err *err)
{
    struct kg_json *array = days->n ? kg_json_array() : NULL;

    kg_json_set(j, "days_of_month", array);
    for (size_t i = 0; i < days->n; i++) {
        struct kg_json *day = kg_json_object();
        struct kg_err ignored = { 0 };
        uint64_t n = 0;

        kg_json_push(array, day);
        if (strcasecmp(days->v[i], "last") == 0) {
            kg_json_set_bool(day, "is_last", true);
        } else if (kg_parse_range(days->v[i], 1, 28, &n, &ignored) == 0) {
            kg_json_set_u64(day, "date", n);
            kg_json_set_bool(day, "is_last", false);
        } else {
            return kg_err_set(err, KG_E_USAGE, "--days-of-month takes days from 1 to 28, and Last, not '%s'", days->v[i]);
        }
    }
    return 0;
}

int kg_edit_generic_criteria(const struct kg_words *weekdays, const struct kg_words *weeks, const struct kg_words *months,
                             const struct kg_words *days, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = kg_json_object();

    if (!weekdays->n && !weeks->n && !months->n && !days->n)
        return kg_err_set(err, KG_E_USAGE,
                          "one of --days-of-week, --weeks-of-month, --months-of-year and --days-of-month is needed");
    if (set_days(j, days, err) < 0 ||
        set_known(j, "days_of_the_week", "days-of-week", weekdays, weekdays_known, 7, err) < 0 ||
        set_known(j, "months_of_year", "months-of-year", months, months_known, 12, err) < 0)
        return -(int)err->code;
    kg_json_set_str(j, "object_type", "ScheduleBasedBackupCriteria");
    if (set_known(j, "weeks_of_the_month", "weeks-of-month", weeks, weeks_known, 5, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(j);
    return 0;
}

/* Criteria as policies have them: camelCase, without the members that say nothing. */
static struct kg_json *clean_criteria(const struct kg_json *given)
{
    struct kg_json *array = kg_json_array();

    for (const struct kg_json *c = kg_json_first(given); c; c = kg_json_next(c)) {
        KG_AUTO_JSON struct kg_json *camel = kg_json_camel(c);
        struct kg_json *one = kg_json_object();

        for (const struct kg_json *m = kg_json_first(camel); m; m = kg_json_next(m))
            if (kg_json_type(m) != KG_JSON_NULL && !strchr(kg_json_key(m), '.'))
                kg_json_set(one, kg_json_key(m), kg_json_copy(m));
        kg_json_push(array, one);
    }
    return array;
}

static int check_criteria(const struct kg_json *criteria, struct kg_err *err)
{
    for (const struct kg_json *c = kg_json_first(criteria); c; c = kg_json_next(c))
        if (!kg_json_str(c, "objectType")) {
            kg_err_set(err, KG_E_USAGE, "a criterion must have an objectType");
            kg_err_advise(err, "Give what 'backup-policy tag create-absolute-criteria' or 'create-generic-criteria' printed.");
            return -(int)err->code;
        }
    return 0;
}

static int find_tags(struct kg_json *rules, struct kg_json **ret, struct kg_err *err)
{
    struct kg_json *rule;

    if (find_backup_rule(rules, &rule, err) < 0)
        return -(int)err->code;
    *ret = kg_json_get_mutable(rule, "trigger.taggingCriteria");
    return kg_json_type(*ret) == KG_JSON_ARRAY
               ? 0 : kg_err_set(err, KG_E_USAGE, "the policy's backup rule has no trigger with taggingCriteria");
}

int kg_edit_set_tag(struct kg_json *policy, const char *name, const struct kg_json *criteria, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *clean = clean_criteria(criteria);
    struct kg_json *root, *rules, *tags, *tag;
    size_t at;
    int k;

    if (find_rules(policy, &root, &rules, err) < 0 || find_tags(rules, &tags, err) < 0)
        return -(int)err->code;
    k = kg_text_index(kg_tag_names, KG_ARRAY_LEN(tag_priorities), name);
    if (k < 0 || !is_supported_tag(name))
        return not_applicable(root, "tag", name, err);
    if (check_criteria(clean, err) < 0)
        return -(int)err->code;
    tag = find(tags, "tagInfo.tagName", name, &at);
    if (tag) {
        kg_json_set(tag, "criteria", KG_TAKE(clean));
        return 0;
    }
    tag = kg_json_object();
    kg_json_push(tags, tag);
    kg_json_set(tag, "criteria", KG_TAKE(clean));
    kg_json_set_bool(tag, "isDefault", false);
    kg_json_set_str(tag, "tagInfo.tagName", name);
    kg_json_set_u64(tag, "taggingPriority", tag_priorities[k]);
    return 0;
}

int kg_edit_remove_tag(struct kg_json *policy, const char *name, struct kg_err *err)
{
    struct kg_json *root, *rules, *tags;
    size_t at;

    if (find_rules(policy, &root, &rules, err) < 0 || find_tags(rules, &tags, err) < 0)
        return -(int)err->code;
    if (strcasecmp(name, "Default") == 0)
        return kg_err_set(err, KG_E_USAGE, "the Default tag cannot be removed");
    if (!find(tags, "tagInfo.tagName", name, &at))
        return kg_err_set(err, KG_E_USAGE, "the policy has no tag '%s'", name);
    remove_at(tags, at);
    return 0;
}
