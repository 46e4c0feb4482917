#include <stddef.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "cli/datasource.h"
#include "model/policy.h"

struct policy_opts {
    struct kg_at at;
    const char *datasource_type;
    struct kg_json *policy;
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
static const struct kg_opt create_opts[] = { POLICY_NAME_ROW, KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T),
                                             KG_OPT(T, JSON, "policy", policy, "JSON",
                                                    "the policy, as JSON, @file or a file", .required = true), { 0 } };
static const struct kg_opt show_opts[] = { POLICY_NAME_ROW, KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T), KG_OPT_IDS_ROW(T),
                                           { 0 } };
static const struct kg_opt list_opts[] = { KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T),
                                           KG_OPT(T, UINT, "max-items", max_items, "N",
                                                  "at most so many", .min = 1, .max = 1000000),
                                           { 0 } };
static const struct kg_opt delete_opts[] = { POLICY_NAME_ROW, KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T),
                                             KG_OPT_IDS_ROW(T),
                                             KG_OPT_YES_ROW(T), { 0 } };

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

static int create(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct policy_opts *o = opts;
    KG_AUTO_FREE char *path = policy_path(cli, &o->at);
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    const struct kg_json *inner = kg_json_get(o->policy, "properties"); /* what `show` prints is taken as well */
    struct kg_json *properties = kg_json_copy(inner ? inner : o->policy);

    kg_json_remove(properties, "name"); /* the template suggests one; the resource's own is --name */
    kg_json_set(body, "properties", properties);
    return kg_cli_change(cli, "PUT", path, body, false, err);
}

static int show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct policy_opts *o = opts;
    KG_AUTO_FREE char *path = policy_path(cli, &o->at);

    return kg_cli_show(cli, path, err);
}

static int list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct policy_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at),
                                          KG_PROVIDER_BACKUP "/backupVaults/%s/backupPolicies",
                                          o->at.vault);

    return kg_cli_list(cli, path, o->max_items, err);
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
      .examples = (const char *const[]){ "backup-policy create -n weekly -v vault1 --policy policy.json", NULL } },
    { .name = "backup-policy show", .summary = "Show a Backup policy", .opts = show_opts, .opts_size = sizeof(T),
      .run = show, .ids_of = "backupPolicies",
      .examples = (const char *const[]){ "backup-policy show -n weekly -v vault1", NULL } },
    { .name = "backup-policy list", .summary = "List a vault's Backup policies", .opts = list_opts,
      .opts_size = sizeof(T),
      .run = list, .examples = (const char *const[]){ "backup-policy list -v vault1 -o table", NULL } },
    { .name = "backup-policy delete", .summary = "Delete a Backup policy that nothing uses", .opts = delete_opts,
      .opts_size = sizeof(T), .run = delete, .ids_of = "backupPolicies", .flags = KG_CMD_CONFIRM,
      .question = "delete the Backup policy",
      .examples = (const char *const[]){ "backup-policy delete -n weekly -v vault1 --yes", NULL } },
    { 0 },
};
