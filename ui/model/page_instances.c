/* Backup instances: the list over all vaults, and the page of one with its recovery points and jobs. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/detail.h"
#include "model/kinds.h"

/* ---- what commands need to know ---- */

static const char *state_of_page(const struct ui_model *m)
{
    return kg_json_str_or(ui_detail_resource(m), "properties.currentProtectionState", "");
}

static const char *protection(const struct ui_model *m)
{
    const struct ui_list *l = (const struct ui_list *)m;

    if (m->kind->family == UI_DETAIL)
        return state_of_page(m);
    return ui_list_current(l) ? ui_row_value(l->kind, ui_list_current(l),
        "protectionState properties.currentProtectionState") : "";
}

static const char *needs_backups(const struct ui_model *m)
{
    const char *p = protection(m);

    return strcmp(p, "ProtectionConfigured") == 0 || !*p ? NULL : "its protection is stopped; resume it first";
}

static const char *needs_stopped(const struct ui_model *m)
{
    return strcmp(protection(m), "ProtectionConfigured") == 0 ? "its backups are not stopped" : NULL;
}

/* ---- the list ---- */

static const struct ui_column columns[] = {
    { .title = "Datasource", .name = true, .paths = "properties.friendlyName name", .min = 20, .want = 28 },
    { .title = "Protection status", .brief = "Protection", .paths = "protectionState properties.currentProtectionState",
      .format = UI_F_STATE, .min = 14, .want = 25 },
    { .title = "Last backup", .paths = "properties.lastBackup.status", .format = UI_F_STATE, .min = 11, .want = 16,
      .rank = 1 },
    { .title = "Latest recovery point", .brief = "Latest point", .paths = "properties.latestRecoveryPoint.recoveryPointTime",
      .format = UI_F_AGO, .min = 11, .want = 14, .rank = 2 },
    { .title = "Next backup", .paths = "properties.nextBackupTime", .format = UI_F_TIME, .min = 10, .want = 16, .rank = 4 },
    { .title = "Policy", .paths = "properties.policyInfo.policyId", .format = UI_F_LAST, .min = 8, .want = 12, .rank = 3 },
    { .title = "Vault", .paths = "vaultName", .min = 8, .want = 14, .rank = 5 },
};

static void search(const struct ui_list *l, struct kg_buf *path, struct kg_buf *body)
{
    KG_AUTO_JSON struct kg_json *ask = l->chosen ? kg_json_copy(l->chosen) : kg_json_object();

    kg_json_remove(ask, "server");           /* the service has no such filter: keep() is it */
    ui_path(&l->base, "/subscriptions/{sub}/providers/Microsoft.DataProtection/searchBackupInstances", path);
    kg_json_print(ask, false, body);
}

static bool of_server(const struct ui_list *l, const struct kg_json *item)
{
    const char *server = kg_json_str(l->chosen, "server");

    return !server || strcasecmp(kg_json_str_or(item, "properties.dataSourceSetInfo.resourceID", ""), server) == 0;
}

static const struct ui_list_kind list = {
    .request = search, .column = columns, .n_columns = KG_ARRAY_LEN(columns), .sort = 1, .refresh = 15,
      .opens = "backup-instance",
    .more = { "properties.nextBackupTime" }, .filter_form = "filter-instances", .keep = of_server,
    .empty = "No database is protected yet. Press c to configure backup.",
};

#define PROTECTION_COMMANDS(needs, many) \
    { "backup-now", "Backup now", 'b', UI_WRITES | (many), "Back up this database now, by a rule of its policy", \
      needs_backups, NULL, "backup-now" }, \
    { "restore", "Restore", 'r', UI_WRITES | (needs), "Restore this database, as a database or as files", NULL, NULL, \
      "restore" }, \
    { "change-policy", "Change policy", 'p', UI_WRITES | (needs), "Protect it by another backup policy", NULL, NULL, \
      "change-policy" }, \
    { "stop-protection", "Stop protection", 'S', UI_WRITES | (needs), "Stop or suspend backups; keep or delete what is there", \
      needs_backups, NULL, "stop-protection" }, \
    { "resume-protection", "Resume", 'u', UI_WRITES | (many), "Start backups again, by its policy", needs_stopped, NULL, \
      "resume-protection" }
#define INSTANCE_COMMANDS(needs, many) \
    PROTECTION_COMMANDS(needs, many), \
    { "delete-instance", "Delete", 'D', UI_WRITES | (many), "Delete the backup instance with its recovery points", \
      NULL, NULL, "delete-instance" }

#define SYNC_COMMAND(needs) \
    { "sync-instance", "Synchronize", 'w', UI_WRITES | (needs), "Compare what the service knows with what the vault holds", NULL, NULL, \
      "sync-instance" }

static const struct ui_command commands[] = {
    { "configure-backup", "Configure backup", 'c', UI_WRITES,
      "Protect databases: vault, policy, databases, readiness", NULL, NULL, "configure-backup" },
    INSTANCE_COMMANDS(UI_NEEDS_ROW, UI_MANY),
    SYNC_COMMAND(UI_NEEDS_ROW),
};
static const struct ui_command all_commands[] = {
    { "configure-backup", "Configure backup", 'c', UI_WRITES,
      "Protect databases: vault, policy, databases, readiness", NULL, NULL, "configure-backup" },
    { "filter-instances", "Filter", 'f', 0, "Choose protection status, vault and server", NULL, ui_list_choose, NULL },
    INSTANCE_COMMANDS(UI_NEEDS_ROW, UI_MANY),
    SYNC_COMMAND(UI_NEEDS_ROW),
    { "deleted-instances", "Deleted", 'd', 0, "Show what was deleted and can come back", NULL, NULL, "deleted" },
};
const struct ui_kind ui_page_instances = {
    .name = "backup-instances", .title = "Backup instances", .family = UI_LIST, .data = &list, .commands = all_commands,
    .n_commands = KG_ARRAY_LEN(all_commands), .found_by = "protected databases items",
};

/* ---- those that need attention, with the reason ---- */

static const struct ui_column attention_columns[] = {
    { .title = "Datasource", .name = true, .paths = "friendlyName", .min = 14, .want = 24 },
    { .title = "Why", .paths = "reason", .min = 30, .want = 200 },
};
static const struct ui_list_kind attention = {
    .path = "/subscriptions/{sub}/providers/Microsoft.DataProtection/backupCenter?$top=1000", .items = "instances.attention",
    .column = attention_columns, .n_columns = KG_ARRAY_LEN(attention_columns), .refresh = 15, .opens = "backup-instance",
    .empty = "Nothing needs attention: all is well.",
};
const struct ui_kind ui_page_attention = {
    .name = "attention", .title = "Needs attention", .family = UI_LIST, .data = &attention, .found_by = "failed overdue errors problems",
};

/* ---- those of one vault ---- */

static const struct ui_list_kind of_vault = {
    .path = "{arg}/backupInstances", .column = columns, .n_columns = KG_ARRAY_LEN(columns) - 1, .sort = 1, .refresh = 15,
    .opens = "backup-instance", .more = { "properties.nextBackupTime" },
      .empty = "This vault protects nothing yet. Press c to configure backup.",
};
const struct ui_kind ui_list_vault_instances = {
    .name = "vault-instances", .title = "Instances", .family = UI_LIST, .data = &of_vault, .commands = commands,
    .n_commands = KG_ARRAY_LEN(commands),
};

/* ---- those that follow one policy ---- */

/* The policy's vault is asked: m->arg is the policy's id. */
static void in_vault(const struct ui_list *l, struct kg_buf *path, struct kg_buf *body)
{
    const char *end = strcasestr(l->base.arg, "/backupPolicies/");

    (void)body;
    kg_buf_add(path, l->base.arg, end ? (size_t)(end - l->base.arg) : strlen(l->base.arg));
    kg_buf_adds(path, "/backupInstances");
}

static bool of_policy(const struct ui_list *l, const struct kg_json *item)
{
    return strcasecmp(kg_json_str_or(item, "properties.policyInfo.policyId", ""), l->base.arg) == 0;
}

static const struct ui_list_kind policy_instances = {
    .request = in_vault, .keep = of_policy, .column = columns, .n_columns = KG_ARRAY_LEN(columns) - 2, .sort = 1, .refresh = 15,
    .opens = "backup-instance", .more = { "properties.nextBackupTime" }, .empty = "Nothing is protected by this policy.",
};
/* D deletes the policy there. */
static const struct ui_command policy_commands[] = { PROTECTION_COMMANDS(UI_NEEDS_ROW, UI_MANY) };
const struct ui_kind ui_list_policy_instances = {
    .name = "policy-instances", .title = "Instances", .family = UI_LIST, .data = &policy_instances, .commands = policy_commands,
    .n_commands = KG_ARRAY_LEN(policy_commands),
};

/* ---- those of one server: m->arg is its id ---- */

static bool on_server(const struct ui_list *l, const struct kg_json *item)
{
    return strcasecmp(kg_json_str_or(item, "properties.dataSourceSetInfo.resourceID", ""), l->base.arg) == 0;
}

static void everywhere(const struct ui_list *l, struct kg_buf *path, struct kg_buf *body)
{
    ui_path(&l->base, "/subscriptions/{sub}/providers/Microsoft.DataProtection/searchBackupInstances", path);
    kg_buf_adds(body, "{}");
}

static const struct ui_list_kind server_instances = {
    .request = everywhere, .keep = on_server, .column = columns, .n_columns = KG_ARRAY_LEN(columns), .sort = 1, .refresh = 15,
    .opens = "backup-instance", .more = { "properties.nextBackupTime" }, .empty = "No database of this server is protected.",
};
const struct ui_kind ui_list_server_instances = {
    .name = "server-instances", .title = "Instances", .family = UI_LIST, .data = &server_instances,
};

/* ---- one ---- */

/* Opens its job. */
static void last_backup(const struct kg_json *instance, int64_t now, struct ui_shown *ret)
{
    ui_format(UI_F_STATE, kg_json_str_or(instance, "properties.lastBackup.status", ""), now, ret);
}

static const struct ui_value values[] = {
    { NULL, "Essentials", 0, NULL, NULL },
    { "Database", "properties.dataSourceInfo.resourceName", 0, NULL, NULL },
    { "Server", "properties.dataSourceSetInfo.resourceID", UI_F_LAST, "server", NULL },
    { "Protection status", "properties.currentProtectionState", UI_F_STATE, NULL, NULL },
    { "Backup policy", "properties.policyInfo.policyId", UI_F_LAST, "backup-policy", NULL },
    { "Secret", "properties.datasourceAuthCredentials.secretStoreResource.uri", 0, NULL, NULL },
    { "Location", "properties.dataSourceInfo.resourceLocation", 0, NULL, NULL },
    { NULL, "Backups", 0, NULL, NULL },
    { "Last backup", "properties.lastBackup.jobId", 0, "backup-job", last_backup },
    { "Last backup at", "properties.lastBackup.endTime properties.lastBackup.startTime", UI_F_TIME, NULL, NULL },
    { "Latest recovery point", "properties.latestRecoveryPoint.recoveryPointTime", UI_F_TIME, NULL, NULL },
    { "Next backup", "properties.nextBackupTime", UI_F_TIME, NULL, NULL },
    { NULL, "Protection", 0, NULL, NULL },
    { "Problem", "properties.protectionErrorDetails.message properties.protectionStatus.errorDetails.message", 0,
      NULL, NULL },
    { "Created", "systemData.createdAt", UI_F_TIME, NULL, NULL },
    { "Created by", "systemData.createdBy", 0, NULL, NULL },
};
static const struct ui_detail_kind detail = {
    .value = values, .n_values = KG_ARRAY_LEN(values), .tab = { "instance-points", "instance-jobs" }, .refresh = 10,
};
static const struct ui_command page_commands[] = {
    INSTANCE_COMMANDS(0, 0),
    SYNC_COMMAND(0),
};
const struct ui_kind ui_page_instance = {
    .name = "backup-instance", .title = "Backup instance", .family = UI_DETAIL, .data = &detail, .commands = page_commands,
    .n_commands = KG_ARRAY_LEN(page_commands),
};

/* ---- its recovery points ---- */

#define STORES "properties.recoveryPointDataStoresDetails"
#define HELD "properties.retention.hold.since"
static const struct ui_column point_columns[] = {
    { .title = "Time", .paths = "properties.recoveryPointTime", .format = UI_F_TIME, .min = 16, .want = 19 },
    { .title = "State", .paths = "properties.recoveryPointState", .format = UI_F_STATE, .min = 11, .want = 13, .rank = 3 },
    { .title = "Rule", .paths = "properties.retentionTagName", .min = 7, .want = 12, .rank = 1 },
    { .title = "Tier", .paths = "properties.retention.tier " STORES ".0.type", .format = UI_F_LABEL, .min = 10, .want = 13, .rank = 2 },
    { .title = "Rows", .paths = "properties.summary.rows", .format = UI_F_COUNT, .min = 8, .want = 13, .rank = 6,
      .right = true },
    { .title = "Size", .paths = "properties.summary.bytes", .format = UI_F_BYTES, .min = 9, .want = 10, .rank = 4,
      .right = true },
    { .title = "Stored", .paths = "properties.summary.storedBytes", .format = UI_F_BYTES, .min = 9, .want = 10,
      .rank = 5, .right = true },
    { .title = "Expires", .paths = "properties.retention.expires properties.expiryTime", .format = UI_F_TIME, .min = 10, .want = 27,
      .rank = 1 },
};
static const struct ui_list_kind points = {
    .path = "{arg}/recoveryPoints", .column = point_columns, .n_columns = KG_ARRAY_LEN(point_columns), .sort = -1,
      .refresh = 20,
    .opens = "recovery-point", .more = { STORES ".0.type", STORES ".1.type", HELD },
    .empty = "No recovery point yet. Press b to back up now.",
};
static const char *not_archived(const struct ui_model *m)
{
    const struct ui_row *r = ui_list_current((const struct ui_list *)m);

    return !r || strcmp(ui_row_value(&points, r, STORES ".0.type"), "ArchiveStore") == 0 ||
                   strcmp(ui_row_value(&points, r, STORES ".1.type"), "ArchiveStore") == 0 ? NULL : "it is not in the archive";
}
static const char *not_held(const struct ui_model *m)
{
    const struct ui_row *r = ui_list_current((const struct ui_list *)m);

    return !r || *ui_row_value(&points, r, HELD) ? NULL : "it is not held";
}
static const struct ui_command point_commands[] = {
    { "restore-point", "Restore this point", 't', UI_WRITES | UI_NEEDS_ROW,
      "Restore from the recovery point under the cursor", NULL, NULL, "restore" },
    { "rehydrate", "Rehydrate", 'e', UI_WRITES | UI_NEEDS_ROW, "Bring it back from the archive for some days", not_archived,
      NULL, "rehydrate" },
    { "hold-point", "Hold", 'o', UI_WRITES | UI_MANY, "Keep it whatever its rule says, until it is released", NULL, NULL,
      "hold-point" },
    { "release-point", "Release", 'z', UI_WRITES | UI_MANY, "Let a held recovery point leave again as its rule says", not_held,
      NULL, "release-point" },
};
const struct ui_kind ui_list_instance_points = {
    .name = "instance-points", .title = "Recovery points", .family = UI_LIST, .data = &points, .commands = point_commands,
    .n_commands = KG_ARRAY_LEN(point_commands),
};

/* ---- one recovery point ---- */

static const struct ui_value point_values[] = {
    { NULL, "Essentials", 0, NULL, NULL },
    { "Time", "properties.recoveryPointTime", UI_F_TIME, NULL, NULL },
    { "State", "properties.recoveryPointState", UI_F_STATE, NULL, NULL },
    { "Problem", "properties.summary.problem", UI_F_IF_ANY, NULL, NULL },
    { "What to do", "properties.summary.recommendedAction", UI_F_IF_ANY, NULL, NULL },
    { "Type", "properties.recoveryPointType", 0, NULL, NULL },
    { "Policy", "properties.policyName", 0, NULL, NULL },
    { "Server version", "properties.summary.serverVersion", 0, NULL, NULL },
    { "pg_dump", "properties.summary.pgDump", 0, NULL, NULL },
    { NULL, "What is in it", 0, NULL, NULL },
    { "Tables", "properties.summary.tables", UI_F_COUNT, NULL, NULL },
    { "Rows", "properties.summary.rows", UI_F_COUNT, NULL, NULL },
    { "Large objects", "properties.summary.largeObjects", UI_F_COUNT, NULL, NULL },
    { "Data read", "properties.summary.bytes", UI_F_BYTES, NULL, NULL },
    { "Database's size", "properties.summary.databaseBytes", UI_F_BYTES, NULL, NULL },
    { "Added to the vault", "properties.summary.storedBytes", UI_F_BYTES, NULL, NULL },
    { NULL, "Retention", 0, NULL, NULL },
    { "Rule", "properties.retentionTagName", 0, NULL, NULL },
    { "Kept because", "properties.retention.keptBecause", UI_F_IF_ANY, NULL, NULL },
    { "Expires", "properties.retention.expires properties.expiryTime", UI_F_TIME, NULL, NULL },
    { "Stored in", STORES ".0.type", UI_F_LABEL, NULL, NULL },
    { "Also in", STORES ".1.type", UI_F_LABEL | UI_F_IF_ANY, NULL, NULL },
    { "until", STORES ".1.expiryTime", UI_F_TIME | UI_F_IF_ANY, NULL, NULL },
    { "Rehydrated until", STORES ".1.rehydrationExpiryTime", UI_F_TIME | UI_F_IF_ANY, NULL, NULL },
};
static void point_title(const struct kg_json *p, int64_t now, struct ui_shown *ret)
{
    struct ui_shown at;

    ui_format(UI_F_TIME, kg_json_str_or(p, "properties.recoveryPointTime", ""), now, &at);
    snprintf(ret->text, sizeof ret->text, "Recovery point %.100s", at.text);
}
static const struct ui_detail_kind point_detail = {
    .title = point_title,
    .value = point_values, .n_values = KG_ARRAY_LEN(point_values), .tab = { "point-contents" },
};
static const char *page_not_archived(const struct ui_model *m)
{
    const struct kg_json *point = ui_detail_resource(m);
    const char *first = kg_json_str_or(point, STORES ".0.type", ""), *second = kg_json_str_or(point, STORES ".1.type", "");

    return !*first || strcmp(first, "ArchiveStore") == 0 || strcmp(second, "ArchiveStore") == 0 ? NULL : "it is not in the archive";
}
static const char *page_not_held(const struct ui_model *m)
{
    const struct kg_json *point = ui_detail_resource(m);

    return !point || kg_json_str(point, HELD) ? NULL : "it is not held";
}
static const struct ui_command page_point_commands[] = {
    { "restore-point", "Restore", 'r', UI_WRITES, "Restore this recovery point, as a database or as files", NULL,
      NULL, "restore" },
    { "rehydrate", "Rehydrate", 'e', UI_WRITES, "Bring this recovery point back from the archive for some days",
      page_not_archived, NULL, "rehydrate" },
    { "hold-point", "Hold", 'o', UI_WRITES, "Keep it whatever its rule says, until it is released", NULL, NULL, "hold-point" },
    { "release-point", "Release", 'z', UI_WRITES, "Let a held recovery point leave again as its rule says", page_not_held,
      NULL, "release-point" },
};
const struct ui_kind ui_page_point = {
    .name = "recovery-point", .title = "Recovery point", .family = UI_DETAIL, .data = &point_detail,
      .commands = page_point_commands,
    .n_commands = KG_ARRAY_LEN(page_point_commands),
};

/* ---- what is in it ---- */

static const struct ui_column content_columns[] = {
    { .title = "Schema", .paths = "schema", .min = 8, .want = 20 },
    { .title = "Table", .name = true, .paths = "name", .min = 12, .want = 34 },
    { .title = "Kind", .paths = "kind", .min = 5, .want = 17, .rank = 1 },
    { .title = "Rows", .paths = "rows", .format = UI_F_COUNT, .min = 8, .want = 13, .right = true },
    { .title = "Size", .paths = "bytes", .format = UI_F_BYTES, .min = 9, .want = 10, .right = true },
};

/* Asked for once: what a recovery point holds never changes. */
static void list_contents(const struct ui_list *l, struct kg_buf *path, struct kg_buf *body)
{
    ui_path(&l->base, "{arg}/listContents", path);
    kg_buf_adds(body, "{}");
}
static const struct ui_list_kind contents = {
    .request = list_contents, .id = "nothing", .column = content_columns, .n_columns = KG_ARRAY_LEN(content_columns),
    .empty = "There is no table in it.",
};
const struct ui_kind ui_list_point_contents = {
    .name = "point-contents", .title = "Contents", .family = UI_LIST, .data = &contents,
};
