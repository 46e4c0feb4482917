/* Backup vaults: the list, and the page of one. */
#include "base/alloc.h"
#include "model/cells.h"
#include "model/detail.h"
#include "model/kinds.h"

static const struct ui_column columns[] = {
    { .title = "Name", .name = true, .paths = "name", .min = 10, .want = 24 },
    { .title = "Resource group", .brief = "Group", .paths = "id", .cell = ui_cell_group, .min = 8, .want = 16, .rank = 2 },
    { .title = "Location", .paths = "location", .min = 6, .want = 10, .rank = 1 },
    { .title = "Redundancy", .paths = "properties.storageSettings.0.type", .format = UI_F_LABEL, .min = 10, .want = 18, .rank = 4 },
    { .title = "Soft delete", .paths = "properties.securitySettings.softDeleteSettings.state", .min = 4, .want = 11,
      .rank = 3 },
    { .title = "Status", .paths = "properties.provisioningState", .format = UI_F_STATE, .min = 9, .want = 11 },
};
static const struct ui_list_kind list = {
    .path = "/subscriptions/{sub}/providers/Microsoft.DataProtection/backupVaults", .column = columns,
      .n_columns = KG_ARRAY_LEN(columns),
    .sort = 1, .refresh = 30, .empty = "No Backup vault yet. Press c to create one.", .opens = "backup-vault",
};
static const struct ui_command commands[] = {
    { "create-vault", "Create", 'c', UI_WRITES, "Create a Backup vault", NULL, NULL, "create-vault" },
    { "check-vault", "Check", 'v', UI_WRITES | UI_NEEDS_ROW,
      "Read the vault and prove that its recovery points are whole", NULL, NULL, "check-vault" },
    { "collect-vault", "Collect", 'C', UI_WRITES | UI_NEEDS_ROW, "Give back the space of what nothing uses any more",
      NULL, NULL, "collect-vault" },
    { "delete-vault", "Delete", 'D', UI_WRITES | UI_NEEDS_ROW, "Delete the Backup vault, which must be empty", NULL,
      NULL, "delete-vault" },
};
const struct ui_kind ui_page_vaults = {
    .name = "backup-vaults", .title = "Backup vaults", .family = UI_LIST, .data = &list, .commands = commands,
    .n_commands = KG_ARRAY_LEN(commands), .found_by = "datastore",
};

static const struct ui_value values[] = {
    { NULL, "Essentials", 0, NULL, NULL },
    { "Name", "name", 0, NULL, NULL },
    { "Location", "location", 0, NULL, NULL },
    { "Status", "properties.provisioningState", UI_F_STATE, NULL, NULL },
    { "Identity", "identity.type", UI_F_LABEL, NULL, NULL },
    { "Principal id", "identity.principalId", 0, NULL, NULL },
    { NULL, "Datastores", 0, NULL, NULL },
    { "Vault tier", "properties.storeSettings.path", 0, NULL, NULL },
    { "Redundancy", "properties.storageSettings.0.type", UI_F_LABEL, NULL, NULL },
    { "Archive tier", "properties.storeSettings.archivePath", UI_F_IF_ANY, NULL, NULL },
    { NULL, "Security", 0, NULL, NULL },
    { "Soft delete", "properties.securitySettings.softDeleteSettings.state", 0, NULL, NULL },
    { "Kept after deletion (days)", "properties.securitySettings.softDeleteSettings.retentionDurationInDays",
      UI_F_IF_ANY, NULL, NULL },
    { "Immutability", "properties.securitySettings.immutabilitySettings.state", 0, NULL, NULL },
    { "Cross subscription restore", "properties.featureSettings.crossSubscriptionRestoreSettings.state", UI_F_IF_ANY,
      NULL, NULL },
    { NULL, "Made", 0, NULL, NULL },
    { "Created", "systemData.createdAt", UI_F_TIME, NULL, NULL },
    { "Created by", "systemData.createdBy", 0, NULL, NULL },
};
static const struct ui_detail_kind detail = {
    .value = values, .n_values = KG_ARRAY_LEN(values),
    .tab = { "vault-instances", "vault-policies", "vault-jobs", "vault-usage", "deleted-instances", "scope-access" },
};
static const struct ui_command page_commands[] = {
    { "check-vault", "Check", 'v', UI_WRITES, "Read the vault and prove that its recovery points are whole", NULL,
      NULL, "check-vault" },
    { "collect-vault", "Collect", 'C', UI_WRITES, "Give back the space of what nothing uses any more", NULL, NULL,
      "collect-vault" },
    { "vault-security", "Security", 'e', UI_WRITES, "Change soft delete and immutability", NULL, NULL, "vault-security" },
    { "delete-vault", "Delete vault", 'V', UI_WRITES, "Delete the Backup vault, which must be empty", NULL, NULL,
      "delete-vault" },
};
const struct ui_kind ui_page_vault = {
    .name = "backup-vault", .title = "Backup vault", .family = UI_DETAIL, .data = &detail, .commands = page_commands,
    .n_commands = KG_ARRAY_LEN(page_commands),
};

static const struct ui_column deleted_columns[] = {
    { .title = "Datasource", .name = true, .paths = "properties.friendlyName name", .min = 14, .want = 30 },
    { .title = "Deleted", .paths = "properties.deletionInfo.deletionTime", .format = UI_F_TIME, .min = 10, .want = 16 },
    { .title = "Gone for good", .paths = "properties.deletionInfo.scheduledPurgeTime", .format = UI_F_TIME, .min = 10,
      .want = 16 },
};
static const struct ui_list_kind deleted = {
    .path = "{arg}/deletedBackupInstances", .column = deleted_columns, .n_columns = KG_ARRAY_LEN(deleted_columns),
      .sort = -2,
    .refresh = 30, .opens = "undelete", .empty = "Nothing that was deleted waits here.",
};
static const struct ui_command deleted_commands[] = {
    { "undelete", "Undelete", 'u', UI_WRITES | UI_NEEDS_ROW,
      "Bring the backup instance back, with its recovery points", NULL, NULL, "undelete" },
};
/* Those of all vaults: the service finds what was deleted when it is asked for by its state. */
static const struct ui_column all_deleted_columns[] = {
    { .title = "Datasource", .name = true, .paths = "properties.friendlyName name", .min = 14, .want = 30 },
    { .title = "Deleted", .paths = "properties.deletionInfo.deletionTime", .format = UI_F_TIME, .min = 10, .want = 16 },
    { .title = "Gone for good", .paths = "properties.deletionInfo.scheduledPurgeTime", .format = UI_F_TIME, .min = 10,
      .want = 16 },
    { .title = "Vault", .paths = "vaultName", .min = 8, .want = 16, .rank = 1 },
};
static void search_deleted(const struct ui_list *l, struct kg_buf *path, struct kg_buf *body)
{
    ui_path(&l->base, "/subscriptions/{sub}/providers/Microsoft.DataProtection/searchBackupInstances", path);
    kg_buf_adds(body, "{\"protectionStates\":[\"SoftDeleted\"]}");
}
static const struct ui_list_kind all_deleted = {
    .request = search_deleted, .column = all_deleted_columns, .n_columns = KG_ARRAY_LEN(all_deleted_columns), .sort = -2,
    .refresh = 30, .opens = "undelete", .empty = "Nothing that was deleted waits here.",
};
const struct ui_kind ui_page_deleted = {
    .name = "deleted", .title = "Deleted instances", .family = UI_LIST, .data = &all_deleted, .commands = deleted_commands,
    .n_commands = KG_ARRAY_LEN(deleted_commands), .found_by = "undelete soft deleted recycle",
};
const struct ui_kind ui_list_deleted = {
    .name = "deleted-instances", .title = "Deleted", .family = UI_LIST, .data = &deleted, .commands = deleted_commands,
    .n_commands = KG_ARRAY_LEN(deleted_commands),
};
