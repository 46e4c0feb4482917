/* Backup vaults: the list. */
#include "model/kinds.h"
#include "model/list.h"

#define VAULTS "/subscriptions/{sub}/providers/Microsoft.DataProtection/backupVaults"

static const struct ui_column columns[] = {
    { .title = "Name", .paths = "name", .min = 10, .want = 24 },
    { .title = "Resource group", .paths = "resourceGroup", .min = 8, .want = 16, .rank = 2 },
    { .title = "Location", .paths = "location", .min = 6, .want = 10, .rank = 1 },
    { .title = "Redundancy", .paths = "properties.storageSettings.0.type", .min = 8, .want = 16, .rank = 4 },
    { .title = "Soft delete", .paths = "properties.securitySettings.softDeleteSettings.state", .min = 4, .want = 11, .rank = 3 },
    { .title = "Status", .paths = "properties.provisioningState", .format = UI_F_STATE, .min = 9, .want = 11 },
};
static const struct ui_list_kind list = {
    .path = VAULTS, .column = columns, .n_columns = sizeof columns / sizeof columns[0], .sort = 1, .refresh = 30,
    .empty = "No Backup vault yet. Press c to create one.", .opens = "backup-vault",
};
static const struct ui_command commands[] = {
    { "create-vault", "Create", 'c', UI_WRITES, "Create a Backup vault", NULL, NULL, "create-vault" },
    { "delete-vault", "Delete", 'D', UI_WRITES | UI_NEEDS_ROW, "Delete the Backup vault, which must be empty", NULL, NULL, "delete-vault" },
};
const struct ui_kind ui_page_vaults = {
    .name = "backup-vaults", .title = "Backup vaults", .family = UI_LIST, .data = &list, .commands = commands,
    .n_commands = sizeof commands / sizeof commands[0],
};
