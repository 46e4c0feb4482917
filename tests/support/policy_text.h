/* support/policy_text.h - policies for tests, from a few words. */
#ifndef KG_TESTS_POLICY_TEXT_H
#define KG_TESTS_POLICY_TEXT_H

#include <stdio.h>
#include <string.h>
#include "base/buf.h"
#include "model/policy.h"

struct rule_text {
    const char *tag;         /* "Monthly" */
    int priority;
    const char *criteria;    /* inside of a ScheduleBasedBackupCriteria: "'absoluteCriteria':['FirstOfMonth']" */
    const char *vault;       /* "P6M" */
    const char *copy;        /* "CopyOnExpiryOption", "ImmediateCopyOption", "P30D" (custom), NULL: none */
    const char *archive;     /* "P2Y" */
};

static inline void add_store(struct kg_buf *b, const char *key, const char *store)
{
    kg_buf_addf(b, "'%s':{'objectType':'DataStoreInfoBase','dataStoreType':'%s'}", key, store);
}

static inline void add_lifecycle(struct kg_buf *b, const char *store, const char *keep, const char *copy)
{
    kg_buf_addf(b, "{'deleteAfter':{'objectType':'AbsoluteDeleteOption','duration':'%s'},", keep);
    add_store(b, "sourceDataStore", store);
    kg_buf_addf(b, ",'targetDataStoreCopySettings':[");
    if (copy) {
        kg_buf_addf(b, "{");
        add_store(b, "dataStore", "ArchiveStore");
        if (copy[0] == 'P')
            kg_buf_addf(b, ",'copyAfter':{'objectType':'CustomCopyOption','duration':'%s'}}", copy);
        else
            kg_buf_addf(b, ",'copyAfter':{'objectType':'%s'}}", copy);
    }
    kg_buf_addf(b, "]}");
}

static inline void add_rule(struct kg_buf *b, const char *tag, bool is_default, const struct rule_text *r)
{
    kg_buf_addf(b, ",{'objectType':'AzureRetentionRule','name':'%s','isDefault':%s,'lifecycles':[", tag, is_default ? "true" : "false");
    add_lifecycle(b, "VaultStore", r->vault, r->copy);
    if (r->copy) {
        kg_buf_addf(b, ",");
        add_lifecycle(b, "ArchiveStore", r->archive, NULL);
    }
    kg_buf_addf(b, "]}");
}

/* intervals: "'R/2026-01-04T02:00:00Z/P1W'"; otherwise: the default rule (tag, priority and criteria are not looked at). */
static inline struct kg_policy *make_policy(const char *intervals, const char *zone, const struct rule_text *otherwise,
                                            const struct rule_text *rules, size_t n)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_policy *p = NULL;
    struct kg_err err = { 0 };

    kg_buf_addf(&b, "{'objectType':'BackupPolicy','datasourceTypes':['Microsoft.DBforPostgreSQL/servers/databases'],'policyRules':["
                    "{'objectType':'AzureBackupRule','name':'BackupWeekly','backupParameters':{'objectType':'AzureBackupParams',"
                    "'backupType':'Full'},");
    add_store(&b, "dataStore", "VaultStore");
    kg_buf_addf(&b, ",'trigger':{'objectType':'ScheduleBasedTriggerContext','schedule':{'repeatingTimeIntervals':[%s],'timeZone':'%s'},"
                    "'taggingCriteria':[{'tagInfo':{'tagName':'Default'},'taggingPriority':99,'isDefault':true}", intervals, zone);
    for (size_t i = 0; i < n; i++)
        kg_buf_addf(&b, ",{'tagInfo':{'tagName':'%s'},'taggingPriority':%d,'isDefault':false,'criteria':[{'objectType':"
                        "'ScheduleBasedBackupCriteria',%s}]}", rules[i].tag, rules[i].priority, rules[i].criteria);
    kg_buf_addf(&b, "]}}");
    add_rule(&b, "Default", true, otherwise);
    for (size_t i = 0; i < n; i++)
        add_rule(&b, rules[i].tag, false, &rules[i]);
    kg_buf_addf(&b, "]}");
    for (size_t i = 0; i < b.len; i++)
        if (b.p[i] == '\'')
            b.p[i] = '"';
    if (kg_json_parse(b.p, b.len, &j, &err) < 0 || kg_policy_from_json(j, &p, &err) < 0)
        fail_msg("%s\n%s", err.msg, b.p);
    return p;
}

static inline kg_usec at(const char *iso)
{
    kg_usec t = 0;

    if (!kg_time_parse_iso(iso, &t))
        fail_msg("%s is not a time", iso);
    return t;
}

#endif
