/* Backup policies: the list over all vaults, that of one vault, and the page of one. */
#include <string.h>

#include "base/alloc.h"
#include "model/cells.h"
#include "model/detail.h"
#include "model/kinds.h"
#include "model/policy_chart.h"
#include "model/policy_words.h"

static void vault_cell(const struct ui_row *r, int64_t now, struct ui_shown *ret)
{
    (void)now;
    ui_id_part(r->id, "backupVaults", ret->text, sizeof ret->text);
}

/* The service stores a policy with its backup rule in front. */
#define INTERVALS "properties.policyRules.0.trigger.schedule.repeatingTimeIntervals"
static const struct ui_list_kind list;

static void schedule_cell(const struct ui_row *r, int64_t now, struct ui_shown *ret)
{
    const char *raw = ui_row_value(&list, r, INTERVALS);
    KG_AUTO_FREE char *text = kg_xprintf("{\"properties\":{\"policyRules\":[{\"objectType\":\"AzureBackupRule\",\"trigger\":"
                                         "{\"schedule\":{\"repeatingTimeIntervals\":%s}}}]}}", *raw ? raw : "[]");
    KG_AUTO_JSON struct kg_json *policy = NULL;
    struct kg_err ignored = { 0 };

    if (kg_json_parse(text, strlen(text), &policy, &ignored) == 0)
        ui_policy_schedule(policy, now, ret);
}

static const struct ui_column columns[] = {
    { .title = "Name", .name = true, .paths = "name", .min = 10, .want = 24 },
    { .title = "Schedule", .paths = INTERVALS, .cell = schedule_cell, .min = 14, .want = 40 },
    { .title = "Instances", .paths = "properties.backupInstancesCount", .format = UI_F_COUNT, .min = 9, .want = 9,
      .rank = 2, .right = true },
    { .title = "Vault", .paths = "id", .cell = vault_cell, .min = 8, .want = 16, .rank = 1 },
};
static void search(const struct ui_list *l, struct kg_buf *path, struct kg_buf *body)
{
    ui_path(&l->base, "/subscriptions/{sub}/providers/Microsoft.DataProtection/searchBackupPolicies", path);
    kg_buf_adds(body, "{}");
}
static const struct ui_list_kind list = {
    .request = search, .column = columns, .n_columns = KG_ARRAY_LEN(columns), .sort = 1, .refresh = 30,
      .opens = "backup-policy",
    .empty = "No backup policy yet. Press c to create one.",
};
static const struct ui_list_kind of_vault = {
    .path = "{arg}/backupPolicies", .column = columns, .n_columns = KG_ARRAY_LEN(columns) - 1, .sort = 1, .refresh = 30,
    .opens = "backup-policy", .empty = "No backup policy in this vault yet. Press c to create one.",
};
static const struct ui_command commands[] = {
    { "create-policy", "Create", 'c', UI_WRITES, "Create a backup policy", NULL, NULL, "create-policy" },
    { "delete-policy", "Delete", 'D', UI_WRITES | UI_NEEDS_ROW, "Delete the backup policy, which nothing may use",
      NULL, NULL, "delete-policy" },
};
const struct ui_kind ui_page_policies = {
    .name = "backup-policies", .title = "Backup policies", .family = UI_LIST, .data = &list, .commands = commands,
    .n_commands = KG_ARRAY_LEN(commands), .found_by = "schedule retention",
};
const struct ui_kind ui_list_vault_policies = {
    .name = "vault-policies", .title = "Policies", .family = UI_LIST, .data = &of_vault, .commands = commands,
    .n_commands = KG_ARRAY_LEN(commands),
};

static const struct ui_value values[] = {
    { NULL, "Essentials", 0, NULL, NULL },
    { "Name", "name", 0, NULL, NULL },
    { "Datasource type", "properties.datasourceTypes.0", UI_F_LABEL, NULL, NULL },
    { "Created", "systemData.createdAt", UI_F_TIME, NULL, NULL },
    { NULL, "Backup schedule", 0, NULL, NULL },
    { "Backups", "", 0, NULL, ui_policy_schedule },
    { "Time zone", "", 0, NULL, ui_policy_zone },
    { NULL, "Retention, first match wins", 0, NULL, NULL },
    { "Rule 1", "", 0, NULL, ui_policy_rule_1 },
    { "Rule 2", "", UI_F_IF_ANY, NULL, ui_policy_rule_2 },
    { "Rule 3", "", UI_F_IF_ANY, NULL, ui_policy_rule_3 },
    { "Rule 4", "", UI_F_IF_ANY, NULL, ui_policy_rule_4 },
    { "Rule 5", "", UI_F_IF_ANY, NULL, ui_policy_rule_5 },
};
static const struct ui_detail_kind detail = { .value = values, .n_values = KG_ARRAY_LEN(values),
    .tab = { "policy-timeline", "policy-instances" } };
static const struct ui_command page_commands[] = {
    { "edit-policy", "Edit", 'e', UI_WRITES, "Change schedule and retention for points that come", NULL, NULL,
      "edit-policy" },
    { "delete-policy", "Delete", 'D', UI_WRITES, "Delete the backup policy, which nothing may use", NULL, NULL,
      "delete-policy" },
};
const struct ui_kind ui_page_policy = {
    .name = "backup-policy", .title = "Backup policy", .family = UI_DETAIL, .data = &detail, .commands = page_commands,
    .n_commands = KG_ARRAY_LEN(page_commands),
};

/* ---- which recovery points there will be ---- */

enum { AHEAD_YEARS = 10 };

static const struct ui_column preview_columns[] = {
    { .title = "Recovery point", .paths = "time", .format = UI_F_TIME, .min = 16, .want = 20 },
    { .title = "Rule", .paths = "rule", .min = 7, .want = 12 },
    { .title = "Stays in", .paths = "leaves.0.store", .format = UI_F_LABEL, .min = 10, .want = 13 },
    { .title = "Until", .paths = "leaves.0.until", .format = UI_F_TIME, .min = 10, .want = 16 },
    { .title = "Then in", .paths = "leaves.1.store", .format = UI_F_LABEL, .min = 10, .want = 13, .rank = 1 },
    { .title = "Until", .paths = "leaves.1.until", .format = UI_F_TIME, .min = 10, .want = 16, .rank = 1 },
};
static void preview(const struct ui_list *l, struct kg_buf *path, struct kg_buf *body)
{
    KG_AUTO_JSON struct kg_json *ask = kg_json_object();

    ui_path(&l->base, "{arg}/preview", path);
    kg_json_set(ask, "at", ui_chart_dates(l->base.host->now, AHEAD_YEARS * 365, AHEAD_YEARS * 12));
    kg_json_print(ask, false, body);
}

/* What stands when, by rule and by tier, and what that comes to. */
static void picture(const struct kg_json *answer, int width, struct kg_buf *ret)
{
    ui_chart_years(answer, ret);
    ui_chart_of(answer, width, ret);
    ui_chart_starts(answer, width, ret);
}
static const struct ui_list_kind timeline = {
    .request = preview, .items = "points", .id = "time", .column = preview_columns,
    .n_columns = KG_ARRAY_LEN(preview_columns), .above = picture, .empty = "This policy makes no recovery points.",
};
const struct ui_kind ui_list_policy_timeline = { .name = "policy-timeline", .title = "Timeline", .family = UI_LIST,
    .data = &timeline };
