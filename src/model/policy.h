/* model/policy.h - a backup policy: checked, made regular, and as a struct for the rooms that apply it. Pure.
 *
 * Shape: azure-compatible BackupPolicy with exactly one AzureBackupRule, and an AzureRetentionRule for every tag and
 * for the default. Every complaint is KG_E_USAGE and begins with the place: "properties.policyRules[1].lifecycles[0]…".
 *
 * Ownership: kg_policy_from_json() gives the caller a policy, kg_policy_free() takes it back; it stands alone. */
#ifndef KG_MODEL_POLICY_H
#define KG_MODEL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "json/json.h"
#include "keepgres/err.h"
#include "model/span.h"

enum { KG_POLICY_WINDOWS = 7, KG_POLICY_RATE_MAX = 100000 };
enum { KG_POLICY_INTERVALS = 14, KG_POLICY_TAGS = 16, KG_POLICY_LIFECYCLES = 4, KG_POLICY_COPIES = 4 };

enum kg_datastore { KG_DATASTORE_OPERATIONAL, KG_DATASTORE_VAULT, KG_DATASTORE_ARCHIVE, KG_DATASTORE_COUNT_ };
const char *kg_datastore_to_text(enum kg_datastore v);     /* "VaultStore" */
int kg_datastore_from_text(const char *text);              /* -1 when unknown */

enum kg_copy_kind { KG_COPY_ON_EXPIRY, KG_COPY_IMMEDIATE, KG_COPY_CUSTOM, KG_COPY_KIND_COUNT_ };
const char *kg_copy_kind_to_text(enum kg_copy_kind v);     /* "CopyOnExpiryOption" */
int kg_copy_kind_from_text(const char *text);

enum kg_marker { KG_MARK_ALL, KG_MARK_DAY, KG_MARK_WEEK, KG_MARK_MONTH, KG_MARK_YEAR, KG_MARKER_COUNT_ };
const char *kg_marker_to_text(enum kg_marker v);           /* "FirstOfWeek" */
int kg_marker_from_text(const char *text);

/* One ScheduleBasedBackupCriteria. Sets are bit masks; an empty one says nothing about its unit. A point matches when
 * one of the absolute markers holds, or when every set that is not empty holds. */
struct kg_criteria {
    uint32_t markers;                /* bit enum kg_marker */
    uint32_t weekdays;               /* bit 0 Sunday … 6 Saturday */
    uint32_t weeks;                  /* bit 0 First … 3 Fourth, 4 Last */
    uint32_t months;                 /* bit 0 January … */
    uint32_t days;                   /* bit 1 … 28 */
    bool last_day;                   /* {isLast:true} */
    kg_usec *times;                  /* scheduleTimes: moments; only their time of day (UTC) counts */
    size_t time_count;
};

struct kg_policy_tag {
    char *name;
    int64_t priority;                /* lower wins */
    bool is_default;
    struct kg_criteria *criteria;
    size_t criteria_count;
};

struct kg_policy_copy {
    enum kg_datastore target;
    enum kg_copy_kind when;
    struct kg_span after;            /* KG_COPY_CUSTOM */
    char *after_text;                /* as written; NULL for the others */
};

struct kg_lifecycle {
    enum kg_datastore source;
    struct kg_span delete_after;
    char *delete_text;               /* as written: "P3M" */
    struct kg_policy_copy *copies;
    size_t copy_count;
};

struct kg_retention {
    char *name;                      /* of the tag it is for */
    bool is_default;
    struct kg_lifecycle *lifecycles;
    size_t lifecycle_count;
};

/* When scheduled backups may start: minutes of the local day, to not included; to at or before from is on the next day. */
struct kg_window { unsigned from, to; };

struct kg_policy {
    char *rule_name;                 /* "BackupWeekly" */
    char *datasource_type;
    char *time_zone;                 /* "UTC" */
    struct kg_interval *intervals;
    char **interval_texts;           /* as written */
    size_t interval_count;
    struct kg_window windows[KG_POLICY_WINDOWS]; /* extension trigger.schedule.startWindows; none: at any time */
    size_t window_count;
    uint64_t rate_limit;             /* MB/s (10^6) a backup reads at most; extension backupParameters.rateLimitMBps; 0: none */
    bool role_passwords;             /* extension backupParameters.rolePasswords */
    struct kg_policy_tag *tags;      /* by priority, the default last */
    size_t tag_count;
    struct kg_retention *retention;
    size_t retention_count;
};

/* "22:00-06:00"; false when it is not that, or no time at all. to may be 24:00. */
bool kg_window_parse(const char *text, struct kg_window *ret);
const char *kg_window_text(const struct kg_window *w, char out[12]);

/* Reads the body of a policy, checking everything: {properties:{…}}, or the properties alone, as az's files. */
int kg_policy_from_json(const struct kg_json *body, struct kg_policy **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_policy_free(struct kg_policy *p);
KG_DEFINE_CLEANUP(struct kg_policy, kg_policy_free)
#define KG_AUTO_POLICY KG_CLEANUP(kg_policy_freep)

/* Checks the body and returns the properties as they are stored and answered: known keys spelled as documented, values
 * of enumerations too, tagInfo.id filled ("Monthly_"), tags by priority, targetDataStoreCopySettings an array. */
int kg_policy_normalise(const struct kg_json *body, struct kg_json **ret_properties, struct kg_err *err) KG_MUST_CHECK;

/* The default policy template of a datasource type ("…/servers/databases", "…/flexibleServers[/databases]", or az's
 * names AzureDatabaseForPostgreSQL[FlexibleServer]), as az prints it: {datasourceTypes, name, objectType, policyRules}.
 * NULL for another type. The caller frees. */
struct kg_json *kg_policy_default_template(const char *datasource_type);

const struct kg_retention *kg_policy_retention(const struct kg_policy *p, const char *tag); /* NULL: there is none */
const struct kg_policy_tag *kg_policy_tag(const struct kg_policy *p, const char *name);

/* Body of POST …/backup: the retention rule whose tag the point gets; *ret_tag is borrowed from p. Accepts the backup
 * rule's name with retentionTagOverride, and a retention rule's name in its place, as different sources of az's
 * documentation have it. Nothing said: the default rule. KG_E_USAGE for a name the policy does not have. */
int kg_backup_request_parse(const struct kg_json *body, const struct kg_policy *p, const char **ret_tag,
                            struct kg_err *err) KG_MUST_CHECK;

#endif
