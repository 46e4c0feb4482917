#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "cli/datasource.h"
#include "crypto/crypto.h"
#include "model/resources.h"

struct instance_opts {
    struct kg_at at;
    uint64_t jobs;
    const char *datasource_type, *datasource_id, *location, *policy_id, *store_type, *store_uri, *friendly_name;
    const char *identity, *rule_name, *tag_override;
    struct kg_json *instance, *tags;
    uint64_t max_items;
    bool system_identity, yes, no_wait, wait;
};
#define T struct instance_opts

static const char *const secret_stores[] = { "AzureKeyVault", NULL };

#define INSTANCE_NAME_ROW KG_OPT_NAME_ROW(T, "backup-instance-name", "name of the backup instance")
#define AT_ROWS INSTANCE_NAME_ROW, KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T), KG_OPT_IDS_ROW(T)
#define INSTANCE_ROW KG_OPT(T, JSON, "backup-instance", instance, "JSON",                                   \
           "what 'initialize' printed: JSON, @file or a file", .required = true)

static const struct kg_opt initialize_opts[] = {
    KG_OPT(T, CHOICE, "datasource-type", datasource_type, "TYPE",
           "kind of datasource", .required = true, .choices = kg_datasource_types),
    KG_OPT(T, STRING, "datasource-id", datasource_id, "ID",
           "resource id of the database: …/servers/S/databases/D", .required = true),
    KG_OPT(T, STRING, "datasource-location", location, "REGION",
           "the database's region, default 'local'", .letter = 'l'),
    KG_OPT(T, STRING, "policy-id", policy_id, "ID", "resource id of the Backup policy", .required = true),
    KG_OPT(T, CHOICE, "secret-store-type", store_type, "TYPE", "where the credentials are", .choices = secret_stores),
    KG_OPT(T, STRING, "secret-store-uri", store_uri, "URI", "the secret with the credentials"),
    KG_OPT(T, STRING, "friendly-name", friendly_name, "NAME", "has no effect for PostgreSQL"),
    KG_OPT(T, FLAG, "use-system-identity", system_identity, NULL,
           "act as the vault's own identity", .aliases = "use-system-assigned-identity mi-system-assigned"),
    KG_OPT(T, STRING, "uami", identity, "ID",
           "act as this identity", .aliases = "mi-user-assigned user-assigned-identity-arm-url"),
    KG_OPT(T, PAIRS, "tags", tags, "KEY=VALUE", "tags"),
    { 0 },
};
static const struct kg_opt create_opts[] = { INSTANCE_ROW, KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T),
                                             KG_OPT_NO_WAIT_ROW(T),
                                             { 0 } };
static const struct kg_opt show_opts[] = { AT_ROWS, { 0 } };
static const struct kg_opt list_opts[] = { KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T),
                                           KG_OPT(T, UINT, "max-items", max_items, "N",
                                                  "at most so many", .min = 1, .max = 1000000),
                                           { 0 } };
static const struct kg_opt delete_opts[] = { AT_ROWS, KG_OPT_YES_ROW(T), KG_OPT_NO_WAIT_ROW(T), { 0 } };
static const struct kg_opt backup_opts[] = {
    AT_ROWS,
    KG_OPT(T, STRING, "rule-name", rule_name, "RULE",
           "the policy's backup rule, or one of its retention rules", .required = true),
    KG_OPT(T, STRING, "retention-tag-override", tag_override, "TAG", "retention rule for this recovery point"),
    KG_OPT(T, UINT, "jobs", jobs, "N", "connections to read or write with; default: one a core, at most 4", .min = 1, .max = 64),
    KG_OPT_NO_WAIT_ROW(T),
    KG_OPT(T, FLAG, "wait", wait, NULL, "follow the job to its end"),
    { 0 },
};

static char *instance_path(const struct kg_cli *cli, const struct kg_at *at)
{
    return kg_cli_path(cli, kg_cli_group(at), KG_PROVIDER_BACKUP "/backupVaults/%s/backupInstances/%s", at->vault,
                       at->name);
}

/* ---- initialize ---- */

/* "server-database-<uuid>", as az makes them; letters that a name may not have become '-'. */
static char *make_name(const struct kg_datasource *d)
{
    char uuid[37];
    char *name;

    kg_uuid(uuid);
    name = kg_xprintf("%.60s-%.60s-%s", d->server, d->database, uuid);
    for (char *s = name; *s; s++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *s))
            *s = '-';
    return name;
}

static void set_identity(const struct instance_opts *o, struct kg_json *j)
{
    if (!o->system_identity && !o->identity)
        return;
    kg_json_set_bool(j, "properties.identity_details.use_system_assigned_identity", !o->identity);
    if (o->identity)
        kg_json_set_str(j, "properties.identity_details.user_assigned_identity_arm_url", o->identity);
}

static int initialize(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct instance_opts *o = opts;
    KG_CLEANUP(kg_datasource_done) struct kg_datasource d = { 0 };
    struct kg_json *info = NULL, *set = NULL, *credentials = NULL, *j;
    KG_AUTO_FREE char *name = NULL, *friendly = NULL;

    if (kg_secret_store(o->store_type, o->store_uri, &credentials, err) < 0)
        return -(int)err->code;
    if (kg_datasource_info(o->datasource_type, o->datasource_id, o->location ? o->location : "local", &info, &set,
                           err) < 0 ||
        kg_datasource_parse(o->datasource_id, &d, err) < 0) {
        kg_json_free(credentials);
        return -(int)err->code;
    }
    if (o->friendly_name)
        kg_cli_warn(cli, "--friendly-name has no effect for PostgreSQL");
    name = make_name(&d);
    friendly = kg_xprintf("%s\\%s", d.server, d.database);
    j = kg_json_object();
    kg_json_set_str(j, "backup_instance_name", name);
    kg_json_set(j, "properties.data_source_info", info);
    kg_json_set(j, "properties.data_source_set_info", set);
    kg_json_set(j, "properties.datasource_auth_credentials", credentials);
    kg_json_set_str(j, "properties.friendly_name", friendly);
    set_identity(o, j);
    kg_json_set_str(j, "properties.object_type", "BackupInstance");
    kg_json_set_str(j, "properties.policy_info.policy_id", o->policy_id);
    kg_json_set(j, "properties.policy_info.policy_parameters", NULL);
    kg_json_set(j, "tags", o->tags ? kg_json_copy(o->tags) : NULL);
    kg_cli_emit(cli, j);
    return 0;
}

/* ---- requests ---- */

/* {"backupInstance": properties}, which validateForBackup takes. */
static int validate(struct kg_cli *cli, const struct kg_at *at, const struct kg_json *instance, bool no_wait,
                    struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(at),
                                          KG_PROVIDER_BACKUP "/backupVaults/%s/validateForBackup",
                                          at->vault);
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    const struct kg_json *properties = kg_json_get(instance, "properties");

    if (!properties)
        return kg_err_set(err, KG_E_USAGE, "the backup instance's document has no 'properties'");
    kg_json_set(body, "backupInstance", kg_json_copy(properties));
    return kg_cli_send(cli, "POST", path, body, no_wait, ret, err);
}

static int validate_for_backup(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct instance_opts *o = opts;
    KG_AUTO_JSON struct kg_json *instance = kg_json_camel(o->instance);
    struct kg_json *result = NULL;

    if (validate(cli, &o->at, instance, o->no_wait, &result, err) < 0)
        return -(int)err->code;
    if (result)
        kg_cli_emit(cli, result);
    return 0;
}

static int create(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct instance_opts *o = opts;
    KG_AUTO_JSON struct kg_json *instance = kg_json_camel(o->instance), *ignored = NULL;
    const char *name = kg_json_str_or(instance, "backupInstanceName", kg_json_str(instance, "name"));
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    KG_AUTO_FREE char *path = NULL;

    if (!name)
        return kg_err_set(err, KG_E_USAGE, "the backup instance's document has no 'backup_instance_name'");
    path = kg_cli_path(cli, kg_cli_group(&o->at), KG_PROVIDER_BACKUP "/backupVaults/%s/backupInstances/%s", o->at.vault,
                       name);
    if (validate(cli, &o->at, instance, false, &ignored, err) < 0)
        return -(int)err->code;
    kg_json_set(body, "properties", kg_json_take(instance, "properties"));
    if (kg_json_type(kg_json_get(instance, "tags")) == KG_JSON_OBJECT)
        kg_json_set(body, "tags", kg_json_take(instance, "tags"));
    return kg_cli_change(cli, "PUT", path, body, o->no_wait, err);
}

static int show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct instance_opts *o = opts;
    KG_AUTO_FREE char *path = instance_path(cli, &o->at);

    return kg_cli_show(cli, path, err);
}

static int list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct instance_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at),
                                          KG_PROVIDER_BACKUP "/backupVaults/%s/backupInstances",
                                          o->at.vault);

    return kg_cli_list(cli, path, o->max_items, err);
}

static int delete(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct instance_opts *o = opts;
    KG_AUTO_FREE char *path = instance_path(cli, &o->at);

    return kg_cli_change(cli, "DELETE", path, NULL, o->no_wait, err);
}

static int adhoc_backup(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct instance_opts *o = opts;
    KG_AUTO_FREE char *path = instance_path(cli, &o->at);
    KG_AUTO_FREE char *url = kg_xprintf("%s/backup", path);
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    kg_json_set_str(body, "backupRuleOptions.ruleName", o->rule_name);
    kg_json_set(body, "backupRuleOptions.triggerOption", kg_json_object());
    if (o->tag_override)
        kg_json_set_str(body, "backupRuleOptions.triggerOption.retentionTagOverride", o->tag_override);
    if (o->jobs)
        kg_json_set_u64(body, "settings.jobs", o->jobs);
    return kg_cli_start_job(cli, &o->at, url, body, o->no_wait, o->wait, err);
}

const struct kg_cmd kg_cmds_backup_instance[] = {
    { .name = "backup-instance initialize", .summary = "Print the document that configures backup of a database",
      .opts = initialize_opts, .opts_size = sizeof(T), .run = initialize, .flags = KG_CMD_LOCAL,
      .examples = (const char *const[]){
          "backup-instance initialize --datasource-type AzureDatabaseForPostgreSQL --datasource-id "
          "\"$SERVER_ID/databases/shop\" "
          "-l local --policy-id \"$POLICY_ID\" --secret-store-type AzureKeyVault --secret-store-uri "
          "https://kv1.vault.local/secrets/pg1-login", NULL } },
    { .name = "backup-instance validate-for-backup", .summary = "Check whether a database can be backed up",
      .opts = create_opts, .opts_size = sizeof(T), .run = validate_for_backup,
      .examples = (const char *const[]){ "backup-instance validate-for-backup -v vault1 --backup-instance shop.json",
                                         NULL } },
    { .name = "backup-instance create", .summary = "Configure backup of a database", .opts = create_opts,
      .opts_size = sizeof(T), .run = create, .about = "The database is checked first, as 'validate-for-backup' does.",
      .examples = (const char *const[]){ "backup-instance create -v vault1 --backup-instance shop.json", NULL } },
    { .name = "backup-instance show", .summary = "Show a backup instance", .opts = show_opts, .opts_size = sizeof(T),
      .run = show, .ids_of = "backupInstances",
      .examples = (const char *const[]){ "backup-instance show -n pg1-shop -v vault1", NULL } },
    { .name = "backup-instance list", .summary = "List a vault's backup instances", .opts = list_opts,
      .opts_size = sizeof(T), .run = list,
      .examples = (const char *const[]){ "backup-instance list -v vault1 -o table", NULL } },
    { .name = "backup-instance adhoc-backup", .summary = "Back up now", .opts = backup_opts, .opts_size = sizeof(T),
      .run = adhoc_backup, .ids_of = "backupInstances",
      .about = "Prints the job's id as soon as the job runs; with --wait its progress, and the job when it has ended.",
      .examples = (const char *const[]){ "backup-instance adhoc-backup -n pg1-shop -v vault1 --rule-name "
                                         "BackupWeekly --wait",
                                         NULL } },
    { .name = "backup-instance delete", .summary = "Stop protection and delete all recovery points",
      .opts = delete_opts,
      .opts_size = sizeof(T), .run = delete, .ids_of = "backupInstances", .flags = KG_CMD_CONFIRM,
      .question = "delete all recovery points of the backup instance",
      .examples = (const char *const[]){ "backup-instance delete -n pg1-shop -v vault1 --yes", NULL } },
    { 0 },
};
