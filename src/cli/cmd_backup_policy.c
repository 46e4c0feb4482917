#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "cli/datasource.h"
#include "cli/generic.h"
#include "cli/policy_edit.h"
#include "cli/search.h"
#include "model/policy.h"

struct policy_opts {
    struct kg_at at;
    const char *datasource_type, *next_token, *instance, *until;
    struct kg_json *policy;
    struct kg_limit_args limits;
    struct kg_words datasource_types, at_dates, groups, vaults, subscriptions, names;
    struct kg_generic generic;
    uint64_t max_items;
    bool yes;
};
#define T struct policy_opts

#define POLICY_NAME_ROW KG_OPT_NAME_ROW(T, "backup-policy-name", "name of the policy")

static const struct kg_opt template_opts[] = {
    KG_OPT(T, CHOICE, "datasource-type", datasource_type, "TYPE",
           "kind of datasource", .required = true, .choices = kg_datasource_types),
    { 0 },
};
#define LIMIT_ROWS                                                                                          \
    KG_OPT(T, LIST, "window", limits.windows, "HH:MM-HH:MM",                                                \
           "scheduled backups start at these hours only, in the policy's time zone; any: at all hours"),    \
    KG_OPT(T, STRING, "rate-limit", limits.rate, "MB/S", "a backup reads at most so fast; 0: as fast as it can"), \
    KG_OPT(T, CHOICE, "role-passwords", limits.role_passwords, "ON|OFF",                                    \
           "capture the hashes of the roles' passwords", .choices = kg_on_off)

static const struct kg_opt create_opts[] = { POLICY_NAME_ROW, KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T),
                                             KG_OPT(T, JSON, "policy", policy, "JSON",
                                                    "the policy, as JSON, @file, a file, or - for standard input",
                                                    .required = true), LIMIT_ROWS, { 0 } };
static const struct kg_opt update_opts[] = {
    POLICY_NAME_ROW, KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T), KG_OPT_IDS_ROW(T),
    KG_OPT(T, JSON, "policy", policy, "JSON", "the new policy, as JSON, @file, a file, or - for standard input"),
    LIMIT_ROWS,
    KG_OPT(T, LIST, "datasource-types", datasource_types, "TYPE", "what it is for", .hidden = true),
    KG_OPT_GENERIC_ROWS(T),
    { 0 },
};
static const struct kg_opt show_opts[] = { POLICY_NAME_ROW, KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T), KG_OPT_IDS_ROW(T),
                                           { 0 } };
static const struct kg_opt list_opts[] = { KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T),
                                           KG_OPT(T, UINT, "max-items", max_items, "N",
                                                  "at most so many", .min = 1, .max = 1000000),
                                           KG_OPT_NEXT_TOKEN_ROW(T), { 0 } };
static const struct kg_opt delete_opts[] = { POLICY_NAME_ROW, KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T),
                                             KG_OPT_IDS_ROW(T),
                                             KG_OPT_YES_ROW(T), { 0 } };
static const struct kg_opt preview_opts[] = {
    POLICY_NAME_ROW, KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T), KG_OPT_IDS_ROW(T),
    KG_OPT(T, STRING, "backup-instance-name", instance, "NAME", "begin with the recovery points that this one has"),
    KG_OPT(T, STRING, "until", until, "DATE", "how far to look: 2040-01-31; default a year, at most 30"),
    KG_OPT(T, LIST, "at", at_dates, "DATE", "count on these dates; default: the first of each month"),
    KG_OPT(T, JSON, "policy", policy, "JSON", "this policy instead of the one that is stored: JSON, @file or a file"),
    { 0 },
};

static const struct kg_opt search_opts[] = {
    KG_OPT_SEARCH_ROWS(T),
    KG_OPT(T, LIST, "backup-policy-name", names, "NAME", "only of these names"),
    { 0 },
};

static char *policy_path(const struct kg_cli *cli, const struct kg_at *at)
{
    return kg_cli_path(cli, kg_cli_group(at), KG_PROVIDER_BACKUP "/backupVaults/%s/backupPolicies/%s", at->vault,
                       at->name);
}

static int default_template(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct policy_opts *o = opts;
    struct kg_json *t = kg_policy_default_template(o->datasource_type);

    if (!t)
        return kg_err_set(err, KG_E_UNSUPPORTED, "there is no default policy for '%s'", o->datasource_type);
    kg_cli_emit(cli, t);
    return 0;
}

/* The properties of a policy's document: az's files have nothing around them, what `show` prints has. A template also
 * suggests a name; the resource's own is --name. */
static struct kg_json *properties_of(const struct kg_json *document)
{
    const struct kg_json *inner = kg_json_get(document, "properties");
    struct kg_json *properties = kg_json_camel(inner ? inner : document);

    kg_json_remove(properties, "name");
    return properties;
}

static int create(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct policy_opts *o = opts;
    KG_AUTO_FREE char *path = policy_path(cli, &o->at);
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    if (kg_json_type(o->policy) != KG_JSON_OBJECT)
        return kg_err_set(err, KG_E_USAGE, "--policy takes an object");
    kg_json_set(body, "properties", properties_of(o->policy));
    if (kg_edit_set_limits(body, &o->limits, err) < 0)
        return -(int)err->code;
    return kg_cli_change(cli, "PUT", path, body, false, err);
}

/* Read, changed, written, as az does. */
static int update(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct policy_opts *o = opts;
    KG_AUTO_FREE char *path = policy_path(cli, &o->at);
    KG_AUTO_JSON struct kg_json *policy = NULL, *answer = NULL, *body = kg_json_object();

    if (o->policy && kg_json_type(o->policy) != KG_JSON_OBJECT)
        return kg_err_set(err, KG_E_USAGE, "--policy takes an object");
    if (!o->policy && !o->datasource_types.n && !kg_edit_has_limits(&o->limits) && !kg_generic_used(&o->generic))
        return kg_err_set(err, KG_E_USAGE, "nothing to change: give --policy, --window, --rate-limit, --role-passwords,"
                           " --set, --add or --remove");
    if (kg_cli_get(cli, path, &policy, err) < 0)
        return -(int)err->code;
    if (o->policy)
        kg_json_set(policy, "properties", properties_of(o->policy));
    if (o->datasource_types.n) {
        struct kg_json *types = kg_json_array();

        for (size_t i = 0; i < o->datasource_types.n; i++)
            kg_json_push_str(types, o->datasource_types.v[i]);
        kg_json_set(policy, "properties.datasourceTypes", types);
    }
    if (kg_edit_set_limits(policy, &o->limits, err) < 0 || kg_generic_apply(&o->generic, policy, err) < 0)
        return -(int)err->code;
    kg_json_set(body, "properties", kg_json_take(policy, "properties"));
    if (kg_cli_send(cli, "PUT", path, body, false, &answer, err) < 0)
        return -(int)err->code;
    kg_cli_note(cli, "note: %" PRIu64 " backup instances use it; their recovery points keep the retention they were made with, "
                "new ones are kept as it says now", kg_json_u64(answer, "backupInstances", 0));
    kg_cli_emit(cli, KG_TAKE(answer));
    return 0;
}

static int show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct policy_opts *o = opts;
    KG_AUTO_FREE char *path = policy_path(cli, &o->at);

    return kg_cli_show(cli, path, err);
}

static int preview_body(const struct policy_opts *o, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    if (o->policy && kg_json_type(o->policy) != KG_JSON_OBJECT)
        return kg_err_set(err, KG_E_USAGE, "--policy takes an object");
    if (o->policy)
        kg_json_set(body, "policy", properties_of(o->policy));
    if (o->instance)
        kg_json_set_str(body, "backupInstanceName", o->instance);
    if (o->until)
        kg_json_set_str(body, "until", o->until);
    if (o->at_dates.n) {
        struct kg_json *dates = kg_json_array();

        for (size_t i = 0; i < o->at_dates.n; i++)
            kg_json_push_str(dates, o->at_dates.v[i]);
        kg_json_set(body, "at", dates);
    }
    *ret = KG_TAKE(body);
    return 0;
}

/* A table has a row a date and a column a tag. That the rows have a type keeps a tag from being taken for another thing. */
static struct kg_json *count_rows(const struct kg_json *preview)
{
    struct kg_json *rows = kg_json_array();

    for (const struct kg_json *c = kg_json_first(kg_json_get(preview, "counts")); c; c = kg_json_next(c)) {
        struct kg_json *row = kg_json_object();

        kg_json_add(row, "date", kg_json_string(kg_json_str(c, "date")));
        kg_json_add(row, "total", kg_json_copy(kg_json_get(c, "total")));
        for (const struct kg_json *tag = kg_json_first(kg_json_get(c, "byTag")); tag; tag = kg_json_next(tag))
            kg_json_add(row, kg_json_key(tag), kg_json_copy(tag));
        kg_json_add(row, "type", kg_json_string("count"));
        kg_json_push(rows, row);
    }
    return rows;
}

static int preview(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct policy_opts *o = opts;
    KG_AUTO_FREE char *policy = policy_path(cli, &o->at);
    KG_AUTO_FREE char *path = kg_xprintf("%s/preview", policy);
    KG_AUTO_JSON struct kg_json *body = NULL, *answer = NULL;

    if (preview_body(o, &body, err) < 0 || kg_cli_send(cli, "POST", path, body, false, &answer, err) < 0)
        return -(int)err->code;
    if (kg_json_bool(answer, "cut", false))
        kg_cli_note(cli, "note: there are too many backups to look further than %.10s", kg_json_str_or(answer, "until", "?"));
    kg_cli_emit(cli, cli->g.output && strcmp(cli->g.output, "table") == 0 && !cli->query ? count_rows(answer) : KG_TAKE(answer));
    return 0;
}

static int list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct policy_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at),
                                          KG_PROVIDER_BACKUP "/backupVaults/%s/backupPolicies",
                                          o->at.vault);

    return kg_cli_list_from(cli, path, o->next_token, o->max_items, err);
}

static int search(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct policy_opts *o = opts;
    KG_AUTO_JSON struct kg_json *filter = kg_json_object();

    kg_search_words(filter, "resourceGroups", &o->groups);
    kg_search_words(filter, "vaults", &o->vaults);
    kg_search_words(filter, "names", &o->names);
    return kg_search(cli, "searchBackupPolicies", &o->subscriptions, filter, err);
}

static int delete(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct policy_opts *o = opts;
    KG_AUTO_FREE char *path = policy_path(cli, &o->at);

    return kg_cli_change(cli, "DELETE", path, NULL, false, err);
}

const struct kg_cmd kg_cmds_backup_policy[] = {
    { .name = "backup-policy get-default-policy-template", .summary = "Print a policy to begin with",
      .opts = template_opts,
      .opts_size = sizeof(T), .run = default_template, .flags = KG_CMD_LOCAL,
      .examples = (const char *const[]){
          "backup-policy get-default-policy-template --datasource-type AzureDatabaseForPostgreSQL", NULL } },
    { .name = "backup-policy create", .summary = "Create a Backup policy, or replace it", .opts = create_opts,
      .opts_size = sizeof(T), .run = create,
      .examples = (const char *const[]){ "backup-policy create -n weekly -v vault1 --policy policy.json",
                                          "backup-policy create -n weekly -v vault1 --policy policy.json "
                                          "--window 22:00-06:00 --rate-limit 50", NULL } },
    { .name = "backup-policy show", .summary = "Show a Backup policy", .opts = show_opts, .opts_size = sizeof(T),
      .run = show, .ids_of = "backupPolicies",
      .examples = (const char *const[]){ "backup-policy show -n weekly -v vault1", NULL } },
    { .name = "backup-policy list", .summary = "List a vault's Backup policies", .opts = list_opts,
      .opts_size = sizeof(T),
      .run = list, .examples = (const char *const[]){ "backup-policy list -v vault1 -o table", NULL } },
    { .name = "backup-policy list-from-resourcegraph", .summary = "List Backup policies of all vaults, filtered",
      .opts = search_opts, .opts_size = sizeof(T), .run = search,
      .about = "Each tells how many backup instances have it.",
      .examples = (const char *const[]){ "backup-policy list-from-resourcegraph --vaults vault1 -o table", NULL } },
    { .name = "backup-policy update", .summary = "Change a Backup policy", .opts = update_opts, .opts_size = sizeof(T),
      .run = update, .ids_of = "backupPolicies",
      .about = "New recovery points are kept as the new policy says; those that are there stay as they are.",
      .examples = (const char *const[]){
          "backup-policy update -n weekly -v vault1 --policy policy.json",
          "backup-policy update -n weekly -v vault1 --window any --rate-limit 0", NULL } },
    { .name = "backup-policy preview", .summary = "Show which recovery points there will be on the dates of the coming years",
      .opts = preview_opts, .opts_size = sizeof(T), .run = preview, .ids_of = "backupPolicies",
      .about = "Every backup that the schedule will start is taken to succeed. A date means its midnight in the policy's time\n"
               "zone. With -o table, the points that are there on each date, by tag; otherwise also the next starts, and each\n"
               "point with the rule that keeps it, where its copies will be, and when they leave.",
      .examples = (const char *const[]){
          "backup-policy preview -n weekly -v vault1 -o table",
          "backup-policy preview -n weekly -v vault1 --policy policy.json --at 2040-01-01 2045-01-01", NULL } },
    { .name = "backup-policy delete", .summary = "Delete a Backup policy that nothing uses", .opts = delete_opts,
      .opts_size = sizeof(T), .run = delete, .ids_of = "backupPolicies", .flags = KG_CMD_CONFIRM,
      .question = "delete the Backup policy",
      .examples = (const char *const[]){ "backup-policy delete -n weekly -v vault1 --yes", NULL } },
    { 0 },
};
