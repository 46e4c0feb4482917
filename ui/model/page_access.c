/* Access control (IAM): role assignments, roles, the audit log. */
#include <stdio.h>

#include "base/alloc.h"
#include "model/detail.h"
#include "model/kinds.h"

static const struct ui_column columns[] = {
    { .title = "Principal", .name = true, .paths = "properties.principalName properties.principalId", .min = 10, .want = 20 },
    { .title = "Type", .paths = "properties.principalType", .format = UI_F_LABEL, .min = 6, .want = 17,
      .rank = 2 },
    { .title = "Role", .paths = "properties.roleDefinitionName", .min = 14, .want = 28 },
    { .title = "Scope", .paths = "properties.scope", .format = UI_F_LAST, .min = 10, .want = 26 },
    { .title = "Since", .paths = "properties.createdOn", .format = UI_F_TIME, .min = 10, .want = 16, .rank = 3 },
};
static const struct ui_list_kind all = {
    .path = "/providers/Microsoft.Authorization/roleAssignments", .column = columns,
      .n_columns = KG_ARRAY_LEN(columns), .sort = 1,
    .refresh = 30, .opens = "role-assignment", .empty = "No role is assigned to anybody. Press c to assign one.",
};
static const struct ui_list_kind of_scope = {
    .path = "{arg}/providers/Microsoft.Authorization/roleAssignments", .column = columns,
      .n_columns = KG_ARRAY_LEN(columns), .sort = 1,
    .refresh = 30, .opens = "role-assignment", .empty = "No role is assigned here. Press a to assign one.",
};
static const struct ui_command commands[] = {
    { "assign-role", "Add", 'c', UI_WRITES, "Assign a role to a user or to a vault's identity", NULL, NULL, "assign-role" },
    { "check-access", "Check access", 'v', 0, "May somebody do something somewhere, and through which assignment?",
      NULL, NULL, "check-access" },
    { "audit", "Audit log", 'o', 0, "Who changed what, and who was refused", NULL, NULL, "audit" },
    { "remove-assignment", "Remove", 'D', UI_WRITES | UI_NEEDS_ROW, "Take the role away", NULL, NULL, "remove-assignment" },
};
const struct ui_kind ui_page_access = {
    .name = "access-control", .title = "Access control", .family = UI_LIST, .data = &all, .commands = commands,
    .n_commands = KG_ARRAY_LEN(commands), .found_by = "iam roles assignments permissions",
};
static const struct ui_command scope_commands[] = {
    { "assign-role", "Assign role", 'a', UI_WRITES, "Assign a role at this scope", NULL, NULL, "assign-role" },
    { "remove-assignment", "Remove", 'D', UI_WRITES | UI_NEEDS_ROW, "Take the role away", NULL, NULL, "remove-assignment" },
};
const struct ui_kind ui_list_scope_access = {
    .name = "scope-access", .title = "Access", .family = UI_LIST, .data = &of_scope, .commands = scope_commands,
    .n_commands = KG_ARRAY_LEN(scope_commands),
};

static const struct ui_value values[] = {
    { NULL, "Essentials", 0, NULL, NULL },
    { "Principal", "properties.principalName properties.principalId", 0, NULL, NULL },
    { "Principal id", "properties.principalId", 0, NULL, NULL },
    { "Type", "properties.principalType", UI_F_LABEL, NULL, NULL },
    { "Role", "properties.roleDefinitionName", 0, NULL, NULL },
    { "Scope", "properties.scope", 0, NULL, NULL },
    { "Since", "properties.createdOn", UI_F_TIME, NULL, NULL },
};
/* "Reader for vault1": its own name is a number. */
static void title(const struct kg_json *j, int64_t now, struct ui_shown *ret)
{
    const char *role = kg_json_str_or(j, "properties.roleDefinitionName", "");

    (void)now;
    if (*role)
        snprintf(ret->text, sizeof ret->text, "%.200s for %.200s", role,
                 kg_json_str_or(j, "properties.principalName", kg_json_str_or(j, "properties.principalId", "?")));
}
static const struct ui_detail_kind detail = { .title = title, .value = values, .n_values = KG_ARRAY_LEN(values) };
static const struct ui_command page_commands[] = {
    { "remove-assignment", "Remove", 'D', UI_WRITES, "Take the role away", NULL, NULL, "remove-assignment" },
};
const struct ui_kind ui_page_assignment = {
    .name = "role-assignment", .title = "Role assignment", .family = UI_DETAIL, .data = &detail, .commands = page_commands,
    .n_commands = KG_ARRAY_LEN(page_commands),
};

static const struct ui_column audit_columns[] = {
    { .title = "Time", .paths = "time", .format = UI_F_TIME, .min = 10, .want = 16 },
    { .title = "Who", .paths = "principalName principalId", .min = 8, .want = 14 },
    { .title = "Status", .paths = "status", .min = 6, .want = 6 },
    { .title = "Action", .paths = "action", .min = 20, .want = 50 },
    { .title = "Scope", .paths = "scope", .format = UI_F_LAST, .min = 8, .want = 24, .rank = 1 },
};
static const struct ui_list_kind audit = {
    .path = "/providers/Microsoft.KeepGres/service/audit?$top=500", .id = "seq", .column = audit_columns,
    .n_columns = KG_ARRAY_LEN(audit_columns), .sort = -1, .refresh = 30, .empty = "Nothing has been recorded yet.",
};
const struct ui_kind ui_page_audit = { .name = "audit", .title = "Audit log", .family = UI_LIST, .data = &audit,
    .found_by = "who changed history" };
