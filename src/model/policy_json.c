/* A policy written as JSON: what is stored, and the default template. Generated from struct kg_policy, so that whatever
 * a caller sent, one shape is stored. */
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/time.h"
#include "model/policy.h"
#include "model/policy_text.h"

static struct kg_json *typed(const char *object_type)
{
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "objectType", object_type);
    return j;
}

static struct kg_json *datastore_json(enum kg_datastore store)
{
    struct kg_json *j = typed("DataStoreInfoBase");

    kg_json_set_str(j, "dataStoreType", kg_datastore_to_text(store));
    return j;
}

/* Sets key to the names of the bits in set; an empty set is left out. */
static void set_names(struct kg_json *j, const char *key, uint32_t set, const char *const *table, unsigned count)
{
    struct kg_json *a;

    if (!set)
        return;
    a = kg_json_array();
    for (unsigned i = 0; i < count; i++)
        if (set & UINT32_C(1) << i)
            kg_json_push_str(a, table[i]);
    kg_json_set(j, key, a);
}

static struct kg_json *days_json(const struct kg_criteria *c)
{
    struct kg_json *a = kg_json_array();

    for (unsigned d = 1; d <= 28; d++)
        if (c->days & UINT32_C(1) << d) {
            struct kg_json *day = kg_json_object();

            kg_json_set_u64(day, "date", d);
            kg_json_set_bool(day, "isLast", false);
            kg_json_push(a, day);
        }
    if (c->last_day) {
        struct kg_json *day = kg_json_object();

        kg_json_set_bool(day, "isLast", true);
        kg_json_push(a, day);
    }
    return a;
}

static struct kg_json *criteria_json(const struct kg_criteria *c)
{
    struct kg_json *j = typed("ScheduleBasedBackupCriteria");
    const char *names[KG_MARKER_COUNT_];
    char text[32];

    for (int i = 0; i < KG_MARKER_COUNT_; i++)
        names[i] = kg_marker_to_text((enum kg_marker)i);
    set_names(j, "absoluteCriteria", c->markers, names, KG_MARKER_COUNT_);
    set_names(j, "daysOfTheWeek", c->weekdays, kg_policy_weekdays, 7);
    set_names(j, "weeksOfTheMonth", c->weeks, kg_policy_weeks, 5);
    set_names(j, "monthsOfYear", c->months, kg_policy_months, 12);
    if (c->days || c->last_day)
        kg_json_set(j, "daysOfMonth", days_json(c));
    if (c->time_count) {
        struct kg_json *a = kg_json_array();

        for (size_t i = 0; i < c->time_count; i++)
            kg_json_push_str(a, kg_time_iso_seconds(c->times[i], text));
        kg_json_set(j, "scheduleTimes", a);
    }
    return j;
}

static struct kg_json *tag_json(const struct kg_policy_tag *t)
{
    KG_AUTO_FREE char *id = kg_xprintf("%s_", t->name);
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "tagInfo.tagName", t->name);
    kg_json_set_str(j, "tagInfo.id", id);
    kg_json_set_u64(j, "taggingPriority", (uint64_t)t->priority);
    kg_json_set_bool(j, "isDefault", t->is_default);
    if (t->criteria_count) {
        struct kg_json *a = kg_json_array();

        for (size_t i = 0; i < t->criteria_count; i++)
            kg_json_push(a, criteria_json(&t->criteria[i]));
        kg_json_set(j, "criteria", a);
    }
    return j;
}

static struct kg_json *windows_json(const struct kg_policy *p)
{
    struct kg_json *a = kg_json_array();
    char text[12];

    for (size_t i = 0; i < p->window_count; i++)
        kg_json_push_str(a, kg_window_text(&p->windows[i], text));
    return a;
}

static struct kg_json *backup_rule_json(const struct kg_policy *p)
{
    struct kg_json *rule = kg_json_object(), *intervals = kg_json_array(), *tags = kg_json_array();

    kg_json_set(rule, "backupParameters", typed("AzureBackupParams"));
    kg_json_set_str(rule, "backupParameters.backupType", "Full");
    if (p->rate_limit)
        kg_json_set_u64(rule, "backupParameters.rateLimitMBps", p->rate_limit);
    if (p->role_passwords)
        kg_json_set_bool(rule, "backupParameters.rolePasswords", true);
    kg_json_set(rule, "dataStore", datastore_json(KG_DATASTORE_VAULT));
    kg_json_set_str(rule, "name", p->rule_name);
    kg_json_set_str(rule, "objectType", "AzureBackupRule");
    kg_json_set(rule, "trigger", typed("ScheduleBasedTriggerContext"));
    for (size_t i = 0; i < p->interval_count; i++)
        kg_json_push_str(intervals, p->interval_texts[i]);
    kg_json_set(rule, "trigger.schedule.repeatingTimeIntervals", intervals);
    kg_json_set_str(rule, "trigger.schedule.timeZone", p->time_zone);
    if (p->window_count)
        kg_json_set(rule, "trigger.schedule.startWindows", windows_json(p));
    for (size_t i = 0; i < p->tag_count; i++)
        kg_json_push(tags, tag_json(&p->tags[i]));
    kg_json_set(rule, "trigger.taggingCriteria", tags);
    return rule;
}

static struct kg_json *lifecycle_json(const struct kg_lifecycle *lc)
{
    struct kg_json *j = kg_json_object(), *copies = kg_json_array();

    kg_json_set(j, "deleteAfter", typed("AbsoluteDeleteOption"));
    kg_json_set_str(j, "deleteAfter.duration", lc->delete_text);
    kg_json_set(j, "sourceDataStore", datastore_json(lc->source));
    for (size_t i = 0; i < lc->copy_count; i++) {
        struct kg_json *c = kg_json_object();

        kg_json_set(c, "dataStore", datastore_json(lc->copies[i].target));
        kg_json_set(c, "copyAfter", typed(kg_copy_kind_to_text(lc->copies[i].when)));
        if (lc->copies[i].after_text)
            kg_json_set_str(c, "copyAfter.duration", lc->copies[i].after_text);
        kg_json_push(copies, c);
    }
    kg_json_set(j, "targetDataStoreCopySettings", copies);
    return j;
}

static struct kg_json *retention_json(const struct kg_retention *r)
{
    struct kg_json *j = kg_json_object(), *lifecycles = kg_json_array();

    kg_json_set_bool(j, "isDefault", r->is_default);
    for (size_t i = 0; i < r->lifecycle_count; i++)
        kg_json_push(lifecycles, lifecycle_json(&r->lifecycles[i]));
    kg_json_set(j, "lifecycles", lifecycles);
    kg_json_set_str(j, "name", r->name);
    kg_json_set_str(j, "objectType", "AzureRetentionRule");
    return j;
}

static struct kg_json *policy_json(const struct kg_policy *p, const char *name)
{
    struct kg_json *j = kg_json_object(), *types = kg_json_array(), *rules = kg_json_array();

    kg_json_push_str(types, p->datasource_type);
    kg_json_set(j, "datasourceTypes", types);
    if (name)
        kg_json_set_str(j, "name", name);
    kg_json_set_str(j, "objectType", "BackupPolicy");
    kg_json_push(rules, backup_rule_json(p));
    for (size_t i = 0; i < p->retention_count; i++)
        kg_json_push(rules, retention_json(&p->retention[i]));
    kg_json_set(j, "policyRules", rules);
    return j;
}

int kg_policy_normalise(const struct kg_json *body, struct kg_json **ret_properties, struct kg_err *err)
{
    KG_AUTO_POLICY struct kg_policy *p = NULL;

    if (kg_policy_from_json(body, &p, err) < 0)
        return -(int)err->code;
    *ret_properties = policy_json(p, NULL);
    return 0;
}

/* Azure's numbers: every Sunday at 06:30 UTC, kept for three months. */
static const struct template {
    const char *alias, *type, *name;
} templates[] = {
    { "AzureDatabaseForPostgreSQL", "Microsoft.DBforPostgreSQL/servers/databases", "OssPolicy1" },
    { "AzureDatabaseForPostgreSQLFlexibleServer", "Microsoft.DBforPostgreSQL/flexibleServers", "OssFlexiblePolicy1" },
    { NULL, "Microsoft.DBforPostgreSQL/flexibleServers/databases", "OssFlexiblePolicy1" },
};

struct kg_json *kg_policy_default_template(const char *datasource_type)
{
    static char interval[] = "R/2021-08-15T06:30:00+00:00/P1W", tag[] = "Default", rule[] = "BackupWeekly",
                utc[] = "UTC", kept[] = "P3M";
    char *intervals[] = { interval };
    struct kg_policy_tag tags[] = { { .name = tag, .priority = 99, .is_default = true } };
    struct kg_lifecycle lifecycles[] = { { .source = KG_DATASTORE_VAULT, .delete_text = kept } };
    struct kg_retention retention[] = { { .name = tag, .is_default = true, .lifecycles = lifecycles,
                                          .lifecycle_count = 1 } };

    for (size_t i = 0; i < KG_ARRAY_LEN(templates); i++) {
        const struct template *t = &templates[i];
        KG_AUTO_FREE char *type = kg_xstrdup(t->type);
        struct kg_policy p = { .rule_name = rule,
                               .datasource_type = type,
                               .time_zone = utc,
                               .interval_texts = intervals,
                               .interval_count = 1,
                               .tags = tags,
                               .tag_count = 1,
                               .retention = retention,
                               .retention_count = 1 };

        if (strcasecmp(t->type, datasource_type) == 0 || (t->alias && strcasecmp(t->alias, datasource_type) == 0))
            return policy_json(&p, t->name);
    }
    return NULL;
}
