/* Policies, and the other bodies of Microsoft.DataProtection: what is accepted, what is stored, where complaints point.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "model/policy.h"
#include "model/resources.h"

/* Quotes are written as ' below, so that the documents can be read. */
static struct kg_json *doc(const char *text)
{
    KG_AUTO_FREE char *s = kg_xstrdup(text);
    struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    for (char *c = s; *c; c++)
        if (*c == '\'')
            *c = '"';
    if (kg_json_parse(s, strlen(s), &j, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return j;
}

#define STORE(s) "{'objectType':'DataStoreInfoBase','dataStoreType':'" s "'}"
#define DELETE(d) "'deleteAfter':{'objectType':'AbsoluteDeleteOption','duration':'" d "'}"
#define TAG(name, prio, def, rest)                                                                                     \
    "{'tagInfo':{'tagName':'" name "'},'taggingPriority':" prio ",'isDefault':" def rest "}"
#define MONTHLY_CRITERIA                                                                                               \
    ",'criteria':[{'objectType':'ScheduleBasedBackupCriteria','absoluteCriteria':['FirstOfMonth']}]"
#define BACKUP_RULE                                                                                                    \
    "{'objectType':'AzureBackupRule','name':'BackupWeekly','backupParameters':{'objectType':'AzureBackupParams',"      \
    "'backupType':'Full'},'dataStore':" STORE(                                                                         \
        "VaultStore") ",'trigger':{'objectType':'ScheduleBasedTriggerContext',"                                        \
                      "'schedule':{'repeatingTimeIntervals':['R/2021-08-15T22:00:00+00:00/P1W','R/"                    \
                      "2021-08-18T22:00:00+00:00/P1W'],"                                                               \
                      "'timeZone':'UTC'},'taggingCriteria':[" TAG("Default", "99", "true", "") "," TAG(                \
                          "Monthly", "15", "false", MONTHLY_CRITERIA) "]}}"
#define DEFAULT_RULE                                                                                                   \
    "{'objectType':'AzureRetentionRule','name':'Default','isDefault':true,'lifecycles':[{" DELETE(                     \
        "P3M") ",'sourceDataStore':" STORE("VaultStore") ",'targetDataStoreCopySettings':null}]}"
#define ARCHIVE_COPY "{'dataStore':" STORE("ArchiveStore") ",'copyAfter':{'objectType':'CopyOnExpiryOption'}}"
#define MONTHLY_RULE                                                                                                   \
    "{'objectType':'AzureRetentionRule','name':'Monthly','isDefault':false,'lifecycles':[{" DELETE(                    \
        "P6M") ",'sourceDataStore':" STORE("VaultStore") ",'targetDataStoreCopySettings':" ARCHIVE_COPY                \
                                                         "},{" DELETE("P24M") ",'sourceDataStore':" STORE(             \
                                                             "ArchiveStore") ",'targetDataStoreCopySettings':[]}]}"
#define POLICY                                                                                                         \
    "{'properties':{'objectType':'BackupPolicy','datasourceTypes':['microsoft.dbforpostgresql/SERVERS/databases'],"    \
    "'policyRules':[" DEFAULT_RULE "," BACKUP_RULE "," MONTHLY_RULE "]}}"

static void test_a_policy_becomes_a_struct_with_its_tags_by_priority(void **state)
{
    KG_AUTO_JSON struct kg_json *j = doc(POLICY);
    KG_AUTO_POLICY struct kg_policy *p = NULL;
    const struct kg_retention *r;
    struct kg_err err = { 0 };

    (void)state;
    if (kg_policy_from_json(j, &p, &err) < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(p->datasource_type, "Microsoft.DBforPostgreSQL/servers/databases");
    assert_int_equal(p->interval_count, 2);
    assert_int_equal(p->intervals[0].weekday, 0);
    assert_int_equal(p->intervals[1].weekday, 3);
    assert_int_equal(p->tag_count, 2);
    assert_string_equal(p->tags[0].name, "Monthly");
    assert_int_equal(p->tags[0].criteria[0].markers, 1 << KG_MARK_MONTH);
    assert_true(p->tags[1].is_default);
    r = kg_policy_retention(p, "MONTHLY");
    assert_int_equal(r->lifecycle_count, 2);
    assert_int_equal(r->lifecycles[0].copy_count, 1);
    assert_int_equal(r->lifecycles[0].copies[0].when, KG_COPY_ON_EXPIRY);
    assert_int_equal(r->lifecycles[1].source, KG_DATASTORE_ARCHIVE);
    assert_int_equal(r->lifecycles[1].delete_after.months, 24);
}

static void test_what_is_stored_is_regular_whatever_was_sent(void **state)
{
    KG_AUTO_JSON struct kg_json *j = doc(POLICY), *props = NULL, *again = NULL;
    KG_AUTO_BUF struct kg_buf a = KG_BUF_INIT(65536), b = KG_BUF_INIT(65536);
    struct kg_err err = { 0 };

    (void)state;
    if (kg_policy_normalise(j, &props, &err) < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(kg_json_str(props, "policyRules.0.objectType"), "AzureBackupRule");
    assert_string_equal(kg_json_str(props, "policyRules.0.trigger.taggingCriteria.0.tagInfo.id"), "Monthly_");
    assert_string_equal(kg_json_str(props, "policyRules.0.trigger.taggingCriteria.1.tagInfo.id"), "Default_");
    assert_string_equal(kg_json_str(props, "policyRules.0.trigger.schedule.repeatingTimeIntervals.1"),
                        "R/2021-08-18T22:00:00+00:00/P1W");
    assert_int_equal(kg_json_type(kg_json_get(props, "policyRules.1.lifecycles.0.targetDataStoreCopySettings")),
                     KG_JSON_ARRAY);
    assert_string_equal(
        kg_json_str(props, "policyRules.2.lifecycles.0.targetDataStoreCopySettings.0.copyAfter.objectType"),
        "CopyOnExpiryOption");
    /* What is stored is accepted again, and stays as it is. */
    if (kg_policy_normalise(props, &again, &err) < 0)
        fail_msg("%s", err.msg);
    kg_json_print(props, true, &a);
    kg_json_print(again, true, &b);
    assert_string_equal(a.p, b.p);
}

static void test_every_kind_of_criterion_survives_storing(void **state)
{
    static const char criteria[] =
        ",'criteria':[{'daysOfTheWeek':['sunday','Friday'],'weeksOfTheMonth':['Last'],'monthsOfYear':['May'],"
        "'daysOfMonth':[{'date':28},{'date':0,'isLast':true}],'scheduleTimes':['2021-08-15T22:00:00Z']}]";
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(65536);
    KG_AUTO_JSON struct kg_json *j = NULL, *props = NULL;
    struct kg_err err = { 0 };
    const char *at, *was = POLICY;

    (void)state;
    at = strstr(was, MONTHLY_CRITERIA);
    kg_buf_add(&text, was, (size_t)(at - was));
    kg_buf_adds(&text, criteria);
    kg_buf_adds(&text, at + strlen(MONTHLY_CRITERIA));
    j = doc(text.p);
    if (kg_policy_normalise(j, &props, &err) < 0)
        fail_msg("%s", err.msg);
    kg_buf_reset(&text);
    kg_json_print(kg_json_get(props, "policyRules.0.trigger.taggingCriteria.0.criteria"), false, &text);
    assert_string_equal(text.p,
                        "[{\"objectType\":\"ScheduleBasedBackupCriteria\",\"daysOfTheWeek\":[\"Sunday\",\"Friday\"],"
                        "\"weeksOfTheMonth\":[\"Last\"],\"monthsOfYear\":[\"May\"],\"daysOfMonth\":[{\"date\":28,"
                        "\"isLast\":false},{\"isLast\":true}],\"scheduleTimes\":[\"2021-08-15T22:00:00Z\"]}]");
}

static void test_windows_and_limits_are_stored_as_they_were_given(void **state)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(65536);
    KG_AUTO_JSON struct kg_json *j = NULL, *props = NULL, *plain = doc(POLICY), *plain_props = NULL;
    KG_AUTO_POLICY struct kg_policy *p = NULL;
    struct kg_err err = { 0 };
    const char *was = POLICY, *full = strstr(was, "'backupType':'Full'"), *zone = strstr(was, "'timeZone':'UTC'");

    (void)state;
    kg_buf_add(&text, was, (size_t)(full - was));
    kg_buf_adds(&text, "'RateLimitMbps':40,'rolePasswords':true,");
    kg_buf_add(&text, full, (size_t)(zone - full));
    kg_buf_adds(&text, "'startWindows':['22:00-06:00','12:00-24:00'],");
    kg_buf_adds(&text, zone);
    j = doc(text.p);
    if (kg_policy_normalise(j, &props, &err) < 0 || kg_policy_from_json(props, &p, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(kg_json_u64(props, "policyRules.0.backupParameters.rateLimitMBps", 0), 40);
    assert_string_equal(kg_json_str(props, "policyRules.0.trigger.schedule.startWindows.1"), "12:00-24:00");
    assert_true(p->role_passwords && p->rate_limit == 40 && p->window_count == 2 && p->windows[0].from == 22 * 60 &&
                p->windows[0].to == 6 * 60);
    assert_int_equal(kg_policy_normalise(plain, &plain_props, &err), 0);
    assert_null(kg_json_get(plain_props, "policyRules.0.backupParameters.rateLimitMBps"));
    assert_null(kg_json_get(plain_props, "policyRules.0.trigger.schedule.startWindows"));
}

/* One change to the good policy each, and what the complaint must begin with. */
static void test_complaints_name_the_place(void **state)
{
    static const struct { const char *from, *to, *begins;
    } cases[] = {
        { "'properties'", "'props'", "properties is missing" },
        { "'BackupPolicy'", "'X'", "properties.objectType must be 'BackupPolicy'" },
        { "microsoft.dbforpostgresql/SERVERS/databases", "Microsoft.Compute/disks",
          "properties.datasourceTypes[0] must be" },
        { "'objectType':'AzureBackupRule'", "'objectType':'Other'",
          "properties.policyRules[1].objectType must be one of" },
        { "'policyRules'", "'rules'", "properties.policyRules is missing" },
        { BACKUP_RULE ",", "", "properties.policyRules has no AzureBackupRule" },
        { MONTHLY_RULE, BACKUP_RULE, "properties.policyRules[2] is a second AzureBackupRule" },
        { "," MONTHLY_RULE, "", "properties.policyRules has no AzureRetentionRule named 'Monthly'" },
        { "'backupType':'Full'", "'backupType':'Log'",
          "properties.policyRules[1].backupParameters.backupType must be 'Full'" },
        { "'backupType':'Full'", "'rateLimitMBps':0",
          "properties.policyRules[1].backupParameters.rateLimitMBps must be a whole number from 1" },
        { "'backupType':'Full'", "'rateLimitMBps':'2'", "properties.policyRules[1].backupParameters.rateLimitMBps must be" },
        { "'backupType':'Full'", "'rolePasswords':1", "properties.policyRules[1].backupParameters.rolePasswords must be" },
        { "'timeZone':'UTC'", "'startWindows':['22:00-06:00','6-7']",
          "properties.policyRules[1].trigger.schedule.startWindows[1] must be two times" },
        { "'timeZone':'UTC'", "'startWindows':'22:00-06:00'", "properties.policyRules[1].trigger.schedule.startWindows must be an array" },
        { "'timeZone':'UTC'", "'timeZone':'Romance Standard Time'",
          "properties.policyRules[1].trigger.schedule.timeZone must be 'UTC'" },
        { "R/2021-08-18T22:00:00+00:00/P1W", "weekly",
          "properties.policyRules[1].trigger.schedule.repeatingTimeIntervals[1]: 'weekly' is not a repeating "
          "interval" },
        { "R/2021-08-18T22:00:00+00:00/P1W", "R/2021-08-18T22:00:00+00:00/PT59M",
          "properties.policyRules[1].trigger.schedule.repeatingTimeIntervals[1] repeats more often" },
        { "['R/2021-08-15T22:00:00+00:00/P1W','R/2021-08-18T22:00:00+00:00/P1W']", "[]",
          "properties.policyRules[1].trigger.schedule.repeatingTimeIntervals is missing" },
        { "'taggingPriority':15", "'taggingPriority':1.5",
          "properties.policyRules[1].trigger.taggingCriteria[1].taggingPriority must be a whole number" },
        { "'FirstOfMonth'", "'FirstOfDecade'",
          "properties.policyRules[1].trigger.taggingCriteria[1].criteria[0].absoluteCriteria[0] is not known" },
        { "'absoluteCriteria':['FirstOfMonth']", "'daysOfMonth':[{'date':29}]",
          "properties.policyRules[1].trigger.taggingCriteria[1].criteria[0].daysOfMonth[0] must have a date" },
        { MONTHLY_CRITERIA, "", "properties.policyRules[1].trigger.taggingCriteria[1].criteria is missing" },
        { "'tagName':'Monthly'", "'tagName':'default'",
          "properties.policyRules[1].trigger.taggingCriteria[1].tagInfo names 'default' a second time" },
        { "99,'isDefault':true", "99,'isDefault':false" MONTHLY_CRITERIA,
          "properties.policyRules[1].trigger.taggingCriteria has 0 default tags" },
        { "'name':'Default','isDefault':true", "'name':'Default','isDefault':false",
          "properties.policyRules has 0 default retention" },
        { "P3M", "P6D",
          "properties.policyRules[0].lifecycles[0].deleteAfter.duration: retention 'P6D' is not between" },
        { "P3M", "three", "properties.policyRules[0].lifecycles[0].deleteAfter.duration: 'three' is not" },
        { "P24M", "P5M", "properties.policyRules[2].lifecycles[1].deleteAfter.duration must be at least 6 months" },
        { "'targetDataStoreCopySettings':null", "'targetDataStoreCopySettings':3",
          "properties.policyRules[0].lifecycles[0].targetDataStoreCopySettings must be an array" },
        { "'targetDataStoreCopySettings':null", "'targetDataStoreCopySettings':" ARCHIVE_COPY,
          "properties.policyRules[0].lifecycles must have a lifecycle of the ArchiveStore" },
        { "'targetDataStoreCopySettings':" ARCHIVE_COPY, "'targetDataStoreCopySettings':[]",
          "properties.policyRules[2].lifecycles must have a lifecycle of the ArchiveStore" },
        { "CopyOnExpiryOption", "SometimeOption",
          "properties.policyRules[2].lifecycles[0].targetDataStoreCopySettings.copyAfter.objectType must be one of" },
        { "'name':'BackupWeekly'", "'name':''", "properties.policyRules[1].name is empty" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(65536);
        KG_AUTO_JSON struct kg_json *j = NULL;
        KG_AUTO_POLICY struct kg_policy *p = NULL;
        struct kg_err err = { 0 };
        const char *good = POLICY, *at = strstr(good, cases[i].from);

        if (!at)
            fail_msg("case %zu has nothing to replace", i);
        kg_buf_add(&text, good, (size_t)(at - good));
        kg_buf_adds(&text, cases[i].to);
        kg_buf_adds(&text, at + strlen(cases[i].from));
        j = doc(text.p);
        if (kg_policy_from_json(j, &p, &err) != -KG_E_USAGE ||
            strncmp(err.msg, cases[i].begins, strlen(cases[i].begins)) != 0)
            fail_msg("case %zu: '%s' instead of '%s'", i, err.msg, cases[i].begins);
    }
}

static void test_the_default_template_is_azures_and_is_accepted(void **state)
{
    static const struct { const char *type, *name; } cases[] = {
        { "AzureDatabaseForPostgreSQL", "OssPolicy1" }, { "microsoft.dbforpostgresql/servers/databases", "OssPolicy1" },
        { "AzureDatabaseForPostgreSQLFlexibleServer", "OssFlexiblePolicy1" },
        { "Microsoft.DBforPostgreSQL/flexibleServers/databases", "OssFlexiblePolicy1" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_JSON struct kg_json *j = kg_policy_default_template(cases[i].type);
        KG_AUTO_POLICY struct kg_policy *p = NULL;
        struct kg_err err = { 0 };

        assert_string_equal(kg_json_str(j, "name"), cases[i].name);
        assert_string_equal(kg_json_str(j, "policyRules.0.trigger.taggingCriteria.0.tagInfo.id"), "Default_");
        assert_string_equal(kg_json_str(j, "policyRules.1.lifecycles.0.deleteAfter.duration"), "P3M");
        if (kg_policy_from_json(j, &p, &err) < 0)
            fail_msg("case %zu: %s", i, err.msg);
        assert_int_equal(p->tags[0].priority, 99);
        assert_int_equal(p->intervals[0].weekday, 0);
    }
    assert_null(kg_policy_default_template("AzureDisk"));
}

static void test_a_backup_on_demand_names_its_rule_either_way(void **state)
{
    static const struct { const char *body, *tag;
    } cases[] = {
        { "{}", "Default" },
        { "{'backupRuleOptions':{'ruleName':'BackupWeekly','triggerOption':{'retentionTagOverride':'monthly'}}}",
          "Monthly" },
        { "{'backupRuleOptions':{'ruleName':'Monthly'}}", "Monthly" },
        { "{'backupRuleOptions':{'ruleName':'backupweekly','triggerOption':{}}}", "Default" },
        { "{'backupRuleOptions':{'ruleName':'Nonsense'}}", NULL },
        { "{'backupRuleOptions':{'ruleName':'BackupWeekly','triggerOption':{'retentionTagOverride':'Yearly'}}}", NULL },
        { "{'backupRuleOptions':{'ruleName':7}}", NULL },
    };
    KG_AUTO_JSON struct kg_json *j = doc(POLICY);
    KG_AUTO_POLICY struct kg_policy *p = NULL;
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_policy_from_json(j, &p, &err), 0);
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_JSON struct kg_json *body = doc(cases[i].body);
        const char *tag = NULL;
        struct kg_err e = { 0 };
        int r = kg_backup_request_parse(body, p, &tag, &e);

        if (cases[i].tag ? r != 0 || strcmp(tag, cases[i].tag) != 0 : r != -KG_E_USAGE)
            fail_msg("case %zu: %s", i, e.msg);
    }
}

/* ---- instances, restores, vaults, servers ---- */

#define RG "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
#define DB RG "/providers/Microsoft.DBforPostgreSQL/flexibleServers/s1/databases/Shop"
#define POL RG "/providers/Microsoft.DataProtection/backupVaults/v1/backupPolicies/p1"
#define AUTH                                                                                                           \
    "{'objectType':'SecretStoreBasedAuthCredentials','secretStoreResource':{'secretStoreType':'AzureKeyVault',"        \
    "'uri':'https://kv1.vault.local/secrets/pg'}}"
#define INSTANCE "{'objectType':'BackupInstance','dataSourceInfo':{'resourceID':'" DB "','resourceLocation':'local'}," \
                 "'policyInfo':{'policyId':'" POL "'},'datasourceAuthCredentials':" AUTH "}"

static void test_an_instance_is_read_and_completed(void **state)
{
    KG_AUTO_JSON struct kg_json *j = doc("{'properties':" INSTANCE "}"), *w = doc("{'backupInstance':" INSTANCE "}");
    struct kg_instance_body b = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    if (kg_instance_body_parse(j, &b, &err) < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(b.source.database, "Shop");
    assert_string_equal(b.policy_id, POL);
    assert_string_equal(b.secret_uri, "https://kv1.vault.local/secrets/pg");
    assert_string_equal(b.friendly_name, "s1\\Shop");
    assert_string_equal(kg_json_str(b.properties, "dataSourceSetInfo.resourceID"),
                        RG "/providers/Microsoft.DBforPostgreSQL/flexibleServers/s1");
    assert_string_equal(kg_json_str(b.properties, "dataSourceInfo.datasourceType"),
                        "Microsoft.DBforPostgreSQL/flexibleServers/databases");
    kg_instance_body_done(&b);
    if (kg_instance_body_parse(w, &b, &err) < 0)
        fail_msg("%s", err.msg);
    kg_instance_body_done(&b);
}

#define TARGET                                                                                                         \
    "'restoreTargetInfo':{'objectType':'restoreTargetInfo','recoveryOption':'FailIfExists','restoreLocation':'local'," \
    "'datasourceInfo':{'resourceID':'" DB "2'},'datasourceAuthCredentials':" AUTH ",'tables':['public.t']}"
#define RESTORE "{'objectType':'AzureBackupRecoveryPointBasedRestoreRequest','sourceDataStoreType':'VaultStore'," \
                "'recoveryPointId':'0123456789ABCDEF0123456789abcdef'," TARGET "}"
#define FILES                                                                                                          \
    "{'objectType':'AzureBackupRecoveryPointBasedRestoreRequest','recoveryPointId':'0123456789abcdef0123456789abcdef'" \
    ","                                                                                                                \
    "'restoreTargetInfo':{'objectType':'RestoreFilesTargetInfo','recoveryOption':'FailIfExists','targetDetails':"      \
    "{'url':'https://acc1.blob.local/c11','filePrefix':'shop_','restoreTargetLocationType':'AzureBlobs'}}}"

static void test_restore_requests_are_told_apart(void **state)
{
    KG_AUTO_JSON struct kg_json *db = doc("{'restoreRequestObject':" RESTORE "}"), *files = doc(FILES);
    struct kg_restore_request r = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    if (kg_restore_request_parse(db, &r, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(r.kind, KG_RESTORE_DATABASE);
    assert_string_equal(r.point, "0123456789abcdef0123456789abcdef");
    assert_string_equal(r.target.database, "Shop2");
    assert_int_equal(r.table_count, 1);
    assert_false(r.read_back);
    kg_restore_request_done(&r);
    if (kg_restore_request_parse(files, &r, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(r.kind, KG_RESTORE_FILES);
    assert_string_equal(r.container.account, "acc1");
    assert_string_equal(r.prefix, "shop_");
    kg_restore_request_done(&r);
}

#define REHYDRATING(more)                                                                                              \
    "{'objectType':'AzureBackupRestoreWithRehydrationRequest','sourceDataStoreType':'ArchiveStore',"                  \
    "'recoveryPointId':'0123456789ABCDEF0123456789abcdef'," TARGET more "}"

static void test_what_is_rehydrated_and_for_how_long(void **state)
{
    KG_AUTO_JSON struct kg_json *plain = doc(RESTORE), *short_of = doc(REHYDRATING("")),
        *alone = doc("{'rehydrationRetentionDuration':'P10D'}"),
        *all = doc(REHYDRATING(",'rehydrationPriority':'high','rehydrationRetentionDuration':'P30D'"));
    struct kg_restore_request r = { 0 };
    struct kg_rehydration_wish wish;
    struct kg_err err = { 0 };
    char *point;

    (void)state;
    assert_int_equal(kg_restore_request_parse(plain, &r, &err), 0);
    assert_false(r.rehydration.asked);
    kg_restore_request_done(&r);
    assert_int_equal(kg_restore_request_parse(all, &r, &err), 0);
    assert_true(r.rehydration.asked && r.rehydration.high && r.rehydration.days == 30 && r.source == KG_DATASTORE_ARCHIVE);
    kg_restore_request_done(&r);
    assert_int_equal(kg_restore_request_parse(short_of, &r, &err), 0);
    assert_true(r.rehydration.asked && !r.rehydration.high && r.rehydration.days == 15);
    kg_restore_request_done(&r);
    assert_int_equal(kg_rehydration_parse(alone, &wish, &point, &err), 0);
    assert_true(!point && wish.asked && wish.days == 10);
}

enum which { VAULT, INST, REST, SERVER, STORAGE, KEYVAULT, SECRET };

static int parse_any(enum which which, const struct kg_json *j, struct kg_err *err)
{
    KG_CLEANUP(kg_vault_body_done) struct kg_vault_body v = { 0 };
    KG_CLEANUP(kg_instance_body_done) struct kg_instance_body i = { 0 };
    KG_CLEANUP(kg_restore_request_done) struct kg_restore_request r = { 0 };
    KG_CLEANUP(kg_server_done) struct kg_server s = { 0 };
    KG_AUTO_KEYVAULT_BODY struct kg_keyvault_body k = { 0 };
    KG_AUTO_JSON struct kg_json *p = NULL;
    struct kg_secret_body b;

    switch (which) {
    case VAULT: return kg_vault_body_parse(j, &v, err);
    case INST: return kg_instance_body_parse(j, &i, err);
    case REST: return kg_restore_request_parse(j, &r, err);
    case SERVER: return kg_server_parse(j, &s, err);
    case STORAGE: return kg_storage_properties("acc1", j, &p, err);
    case KEYVAULT: return kg_keyvault_body_parse("kv1", j, &k, err);
    default: return kg_secret_body_parse(j, true, &b, err);
    }
}

static void test_bad_bodies_are_refused_at_their_place(void **state)
{
    static const struct { enum which which; const char *body, *begins;
    } cases[] = {
        { INST, "{}", "properties is missing" },
        { INST, "[]", "properties is missing" },
        { INST, "{'properties':{}}", "properties.dataSourceInfo is missing" },
        { INST, "{'properties':{'dataSourceInfo':{'resourceID':'x'}}}",
          "properties.dataSourceInfo.resourceID: 'x' is not" },
        { INST, "{'properties':{'dataSourceInfo':{'resourceID':'" DB "'},'dataSourceSetInfo':{'resourceID':'/a'}}}",
          "properties.dataSourceSetInfo.resourceID is not the server" },
        { INST, "{'properties':{'dataSourceInfo':{'resourceID':'" DB "'},'policyInfo':{'policyId':'" DB "'}}}",
          "properties.policyInfo.policyId is not the ID of a backup policy" },
        { INST, "{'properties':{'dataSourceInfo':{'resourceID':'" DB "'},'policyInfo':{'policyId':'" POL "'}}}",
          "properties.datasourceAuthCredentials is missing" },
        { REST, "{}", "objectType is missing" },
        { REST, "{'objectType':'AzureBackupRecoveryTimeBasedRestoreRequest'}", "objectType must be one of" },
        { REST, "{'objectType':'AzureBackupRecoveryPointBasedRestoreRequest','recoveryPointId':'../x'}",
          "recoveryPointId must be 32" },
        { REST,
          "{'restoreRequestObject':{'objectType':'AzureBackupRecoveryPointBasedRestoreRequest','recoveryPointId':"
          "'0123456789abcdef0123456789abcdef'}}",
          "restoreRequestObject.restoreTargetInfo is missing" },
        { REST, REHYDRATING(",'rehydrationRetentionDuration':'P9D'"), "rehydrationRetentionDuration must be 10 to 30 days" },
        { REST, REHYDRATING(",'rehydrationRetentionDuration':'P31D'"), "rehydrationRetentionDuration must be 10 to 30 days" },
        { REST, REHYDRATING(",'rehydrationRetentionDuration':'P1M'"), "rehydrationRetentionDuration must be 10 to 30 days" },
        { REST, REHYDRATING(",'rehydrationRetentionDuration':'soon'"), "rehydrationRetentionDuration: " },
        { REST, REHYDRATING(",'rehydrationPriority':'Urgent'"), "rehydrationPriority must be one of" },
        { VAULT, "{'properties':{'storeSettings':{'archivePath':'x'}}}", "properties.storeSettings.archivePath must be" },
        { VAULT, "{'properties':{'storeSettings':{'path':'/a','archivePath':'/a'}}}", "properties.storeSettings.archivePath is the" },
        { VAULT, "{'properties':{'storageSettings':[{'type':'Magic'}]}}",
          "properties.storageSettings[0].type must be one of" },
        { VAULT, "{'properties':{'storageSettings':[{'datastoreType':'ArchiveStore'}]}}",
          "properties.storageSettings must have" },
        { VAULT, "{'properties':{'securitySettings':{'softDeleteSettings':{'retentionDurationInDays':13}}}}",
          "properties.securitySettings.softDeleteSettings.retentionDurationInDays must be" },
        { VAULT, "{'properties':{'storeSettings':{'path':'relative'}}}", "properties.storeSettings.path must be" },
        { VAULT, "{'properties':{'storeSettings':{'path':'/a/../b'}}}",
          "properties.storeSettings.path must not climb" },
        { VAULT, "{'properties':3}", "properties must be an object" },
        { VAULT, "{'identity':{'type':'UserAssigned'}}", "identity.type must be" },
        { SERVER, "{'properties':{}}", "properties.fullyQualifiedDomainName is missing" },
        { SERVER, "{'properties':{'fullyQualifiedDomainName':'a,b'}}",
          "properties.fullyQualifiedDomainName must be one" },
        { SERVER, "{'properties':{'fullyQualifiedDomainName':'a','port':0}}", "properties.port must be" },
        { SERVER, "{'properties':{'fullyQualifiedDomainName':'a','port':'5432'}}", "properties.port must be" },
        { SERVER, "{'properties':{'fullyQualifiedDomainName':'a','sslMode':'maybe'}}",
          "properties.sslMode must be one of disable" },
        { STORAGE, "{'properties':{'path':'x'}}", "properties.path must be an absolute" },
        { STORAGE, "{'properties':{'path':'/x/..'}}", "properties.path must not climb" },
        { KEYVAULT, "{'properties':{'provider':'aws'}}", "properties.provider must be one of local, azure" },
        { SECRET, "{'properties':{'value':''}}", "properties.value is empty" },
        { SECRET, "{'properties':{'value':'x','attributes':{'enabled':1}}}", "properties.attributes.enabled must be" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_JSON struct kg_json *j = doc(cases[i].body);
        struct kg_err err = { 0 };

        if (parse_any(cases[i].which, j, &err) != -KG_E_USAGE ||
            strncmp(err.msg, cases[i].begins, strlen(cases[i].begins)) != 0)
            fail_msg("case %zu: '%s' instead of '%s'", i, err.msg, cases[i].begins);
    }
}

/* What is said about roles, in a request for a database: members of its restoreTargetInfo. */
static void test_what_a_restore_does_about_roles_must_make_sense(void **state)
{
    static const struct { const char *says, *begins; } cases[] = {
        { "'roles':'make'", "restoreTargetInfo.roles must be one of" }, { "'roles':'map'", "restoreTargetInfo.roleMap is missing" },
        { "'roleMap':[{'source':'a','target':'b'}]", "restoreTargetInfo.roleMap goes with roles 'map' only" },
        { "'roles':'map','roleMap':['a=b']", "restoreTargetInfo.roleMap[0] must be an object" },
        { "'roles':'map','roleMap':[{'source':'a','target':''}]", "restoreTargetInfo.roleMap[0].target is empty" },
        { "'roles':'map','roleMap':[{'source':'a','target':'b'},{'source':'a','target':'c'}]",
          "restoreTargetInfo.roleMap[1] maps role 'a' a second time" },
        { "'roles':'map','roleMap':[{'source':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','target':'c'}]",
          "restoreTargetInfo.roleMap[0] names a role with more than 63 bytes" },
        { "'rolePasswords':true", "restoreTargetInfo.rolePasswords goes with roles 'create' only" },
        { "'noOwner':'yes'", "restoreTargetInfo.noOwner must be" },
        { "'roles':'Create','rolePasswords':true,'noPrivileges':true", NULL },
        { "'roles':'map','roleMap':[{'source':'a','target':'b'},{'source':'b','target':'a'}]", NULL },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(65536);
        KG_AUTO_JSON struct kg_json *j = NULL;
        struct kg_restore_request r = { 0 };
        struct kg_err err = { 0 };
        const char *good = RESTORE, *at = strstr(good, "'objectType':'restoreTargetInfo'");

        assert_non_null(at);
        kg_buf_add(&text, good, (size_t)(at - good));
        kg_buf_addf(&text, "%s,%s", cases[i].says, at);
        j = doc(text.p);
        if ((kg_restore_request_parse(j, &r, &err) < 0) != (cases[i].begins != NULL) ||
            (cases[i].begins && strncmp(err.msg, cases[i].begins, strlen(cases[i].begins)) != 0))
            fail_msg("case %zu: '%s'", i, err.msg);
        kg_restore_request_done(&r);
    }
}

static void test_file_prefixes_cannot_lead_out_of_the_container(void **state)
{
    static const char *const bad[] = { "../x", "/etc/x", ".hidden", "a/b", "a\\\\b", "a\\nb" };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(4096);
        KG_AUTO_JSON struct kg_json *j = NULL;
        struct kg_err err = { 0 };
        const char *good = FILES, *at = strstr(good, "shop_");

        kg_buf_add(&text, good, (size_t)(at - good));
        kg_buf_adds(&text, bad[i]);
        kg_buf_adds(&text, at + strlen("shop_"));
        j = doc(text.p);
        if (parse_any(REST, j, &err) != -KG_E_USAGE || !strstr(err.msg, "filePrefix"))
            fail_msg("case %zu: '%s' was accepted", i, bad[i]);
    }
}

static void test_defaults_of_a_new_vault_and_server(void **state)
{
    KG_AUTO_JSON struct kg_json *empty = doc("{}"), *srv = doc("{'properties':{'fullyQualifiedDomainName':'db1'}}");
    KG_AUTO_JSON struct kg_json *props = NULL;
    struct kg_vault_body v = { 0 };
    struct kg_server s = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_vault_body_parse(empty, &v, &err), 0);
    assert_null(v.store_path);
    assert_true(v.system_identity);
    assert_string_equal(kg_json_str(v.properties, "storageSettings.0.type"), "LocallyRedundant");
    assert_string_equal(kg_json_str(v.properties, "securitySettings.softDeleteSettings.state"), "On");
    assert_int_equal(kg_json_u64(v.properties, "securitySettings.softDeleteSettings.retentionDurationInDays", 0), 14);
    assert_string_equal(kg_json_str(v.properties, "securitySettings.immutabilitySettings.state"), "Disabled");
    kg_vault_body_done(&v);
    assert_int_equal(kg_server_parse(srv, &s, &err), 0);
    assert_int_equal(s.port, 5432);
    assert_string_equal(s.ssl_mode, "prefer");
    assert_true(s.allow_access);
    props = kg_server_properties(&s);
    assert_int_equal(kg_json_u64(props, "port", 0), 5432);
    kg_server_done(&s);
}

static void test_locations_and_tags_are_checked_for_every_resource(void **state)
{
    KG_AUTO_JSON struct kg_json *good = doc("{'location':'west us','tags':{'a':'1'}}"), *tags = NULL, *none = NULL;
    KG_AUTO_JSON struct kg_json *bad1 = doc("{'location':'../x'}"), *bad2 = doc("{'tags':{'a':1}}");
    const char *where = NULL;
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_envelope_parse(good, &where, &tags, &err), 0);
    assert_string_equal(where, "west us");
    assert_string_equal(kg_json_str(tags, "a"), "1");
    assert_int_equal(kg_envelope_parse(bad1, &where, &none, &err), -KG_E_USAGE);
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_envelope_parse(bad2, &where, &none, &err), -KG_E_USAGE);
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_policy_becomes_a_struct_with_its_tags_by_priority),
        cmocka_unit_test(test_what_is_stored_is_regular_whatever_was_sent),
        cmocka_unit_test(test_every_kind_of_criterion_survives_storing),
        cmocka_unit_test(test_windows_and_limits_are_stored_as_they_were_given),
        cmocka_unit_test(test_complaints_name_the_place),
        cmocka_unit_test(test_the_default_template_is_azures_and_is_accepted),
        cmocka_unit_test(test_a_backup_on_demand_names_its_rule_either_way),
        cmocka_unit_test(test_an_instance_is_read_and_completed),
        cmocka_unit_test(test_restore_requests_are_told_apart),
        cmocka_unit_test(test_what_is_rehydrated_and_for_how_long),
        cmocka_unit_test(test_bad_bodies_are_refused_at_their_place),
        cmocka_unit_test(test_what_a_restore_does_about_roles_must_make_sense),
        cmocka_unit_test(test_file_prefixes_cannot_lead_out_of_the_container),
        cmocka_unit_test(test_defaults_of_a_new_vault_and_server),
        cmocka_unit_test(test_locations_and_tags_are_checked_for_every_resource),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
