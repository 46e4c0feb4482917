#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "cli/datasource.h"
#include "cli/generic.h"
#include "cli/ready.h"
#include "cli/search.h"
#include "crypto/crypto.h"
#include "model/names.h"
#include "model/resources.h"

struct instance_opts {
    struct kg_at at;
    uint64_t jobs;
    const char *datasource_type, *datasource_id, *location, *policy_id, *store_type, *store_uri, *friendly_name;
    const char *identity, *rule_name, *tag_override, *tenant, *next_token;
    struct kg_json *instance, *tags, *configuration;
    struct kg_words guard_requests, subscriptions, groups, vaults, states, datasource_ids, instance_ids, names;
    uint64_t max_items;
    struct kg_wait wait_for;
    const char *snapshot_group;
    bool system_identity, dry_run, yes, no_wait, wait;
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
    KG_OPT(T, STRING, "backup-instance-name", at.name, "NAME", "name of the backup instance; made up when it is not given",
           .letter = 'n', .aliases = "name"),
    KG_OPT(T, STRING, "friendly-name", friendly_name, "NAME", "has no effect for PostgreSQL"),
    KG_OPT(T, FLAG, "use-system-identity", system_identity, NULL,
           "act as the vault's own identity", .aliases = "use-system-assigned-identity mi-system-assigned"),
    KG_OPT(T, STRING, "uami", identity, "ID",
           "act as this identity", .aliases = "mi-user-assigned user-assigned-identity-arm-url"),
    KG_OPT(T, PAIRS, "tags", tags, "KEY=VALUE", "tags"),
    KG_OPT(T, JSON, "backup-configuration", configuration, "JSON", "not for PostgreSQL", .hidden = true),
    KG_OPT(T, STRING, "snapshot-resource-group-name", snapshot_group, "GROUP", "not for PostgreSQL",
           .aliases = "snapshot-rg", .hidden = true),
    { 0 },
};
static const struct kg_opt create_opts[] = { INSTANCE_ROW, KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T),
                                             KG_OPT_NO_WAIT_ROW(T),
                                             { 0 } };
static const struct kg_opt show_opts[] = { AT_ROWS, { 0 } };
static const struct kg_opt list_opts[] = { KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T),
                                           KG_OPT(T, UINT, "max-items", max_items, "N",
                                                  "at most so many", .min = 1, .max = 1000000),
                                           KG_OPT_NEXT_TOKEN_ROW(T), { 0 } };
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

#define PLAIN_ROWS INSTANCE_NAME_ROW, KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T)
static const struct kg_opt policy_opts[] = {
    PLAIN_ROWS,
    KG_OPT(T, STRING, "policy-id", policy_id, "ID", "the policy: its resource id, or its name in the same vault",
           .required = true),
    KG_OPT(T, FLAG, "dry-run", dry_run, NULL, "change nothing; tell what it would mean for the recovery points that are there"),
    KG_OPT_GUARD_ROWS(T), KG_OPT_NO_WAIT_ROW(T), { 0 },
};
static const struct kg_opt update_opts[] = {
    PLAIN_ROWS,
    KG_OPT(T, FLAG, "use-system-identity", system_identity, NULL,
           "act as the vault's own identity", .aliases = "use-system-assigned-identity mi-system-assigned"),
    KG_OPT(T, STRING, "uami", identity, "ID",
           "act as this identity", .aliases = "mi-user-assigned user-assigned-identity-arm-url"),
    KG_OPT_NO_WAIT_ROW(T), { 0 },
};
static const struct kg_opt wait_opts[] = { AT_ROWS, KG_OPT_WAIT_ROWS(T, wait_for), { 0 } };
static const struct kg_opt configuration_opts[] = {
    KG_OPT(T, CHOICE, "datasource-type", datasource_type, "TYPE",
           "kind of datasource", .required = true, .choices = kg_datasource_types),
    { 0 },
};
static const struct kg_opt search_opts[] = {
    KG_OPT_SEARCH_DATASOURCE_ROWS(T),
    KG_OPT(T, LIST, "protection-status", states, "STATE", "only in these states, as ProtectionConfigured"),
    KG_OPT(T, LIST, "backup-instance-id", instance_ids, "ID", "only these"),
    KG_OPT(T, LIST, "backup-instance-name", names, "NAME", "only of these names"),
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

static int set_identity(const struct instance_opts *o, struct kg_json *j, struct kg_err *err)
{
    if (!o->system_identity && !o->identity)
        return 0;
    if (o->system_identity && o->identity)
        return kg_err_set(err, KG_E_USAGE, "--use-system-identity and --uami exclude each other");
    kg_json_set_bool(j, "properties.identity_details.use_system_assigned_identity", !o->identity);
    if (o->identity)
        kg_json_set_str(j, "properties.identity_details.user_assigned_identity_arm_url", o->identity);
    return 0;
}

static int initialize(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct instance_opts *o = opts;
    KG_CLEANUP(kg_datasource_done) struct kg_datasource d = { 0 };
    struct kg_json *info = NULL, *set = NULL, *credentials = NULL, *j;
    KG_AUTO_FREE char *name = NULL, *friendly = NULL;

    if ((o->at.name && kg_name_check(KG_NAME_INSTANCE, o->at.name, err) < 0) ||
        kg_secret_store(o->store_type, o->store_uri, &credentials, err) < 0)
        return -(int)err->code;
    if (kg_datasource_info(o->datasource_type, o->datasource_id, o->location ? o->location : "local", &info, &set,
                           err) < 0 ||
        kg_datasource_parse(o->datasource_id, &d, err) < 0) {
        kg_json_free(credentials);
        return -(int)err->code;
    }
    if (o->friendly_name)
        kg_cli_warn(cli, "--friendly-name has no effect for PostgreSQL");
    if (o->configuration || o->snapshot_group)
        kg_cli_warn(cli, "--backup-configuration and --snapshot-resource-group-name have no effect for PostgreSQL");
    name = o->at.name ? kg_xstrdup(o->at.name) : make_name(&d);
    friendly = kg_xprintf("%s\\%s", d.server, d.database);
    j = kg_json_object();
    kg_json_set_str(j, "backup_instance_name", name);
    kg_json_set(j, "properties.data_source_info", info);
    kg_json_set(j, "properties.data_source_set_info", set);
    kg_json_set(j, "properties.datasource_auth_credentials", credentials);
    kg_json_set_str(j, "properties.friendly_name", friendly);
    if (set_identity(o, j, err) < 0) {
        kg_json_free(j);
        return -(int)err->code;
    }
    kg_json_set_str(j, "properties.object_type", "BackupInstance");
    kg_json_set_str(j, "properties.policy_info.policy_id", o->policy_id);
    kg_json_set(j, "properties.policy_info.policy_parameters", NULL);
    kg_json_set(j, "tags", o->tags ? kg_json_copy(o->tags) : NULL);
    kg_cli_emit(cli, j);
    return 0;
}

/* ---- requests ---- */

static int create(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct instance_opts *o = opts;
    KG_AUTO_JSON struct kg_json *instance = kg_json_camel(o->instance), *reports = NULL;
    const char *name = kg_json_str_or(instance, "backupInstanceName", kg_json_str(instance, "name"));
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    KG_AUTO_FREE char *path = NULL;

    if (!name)
        return kg_err_set(err, KG_E_USAGE, "the backup instance's document has no 'backup_instance_name'");
    path = kg_cli_path(cli, kg_cli_group(&o->at), KG_PROVIDER_BACKUP "/backupVaults/%s/backupInstances/%s", o->at.vault,
                       name);
    if (kg_cli_readiness(cli, &o->at, instance, false, &reports, err) < 0 || kg_cli_need_ready(reports, err) < 0)
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

    return kg_cli_list_from(cli, path, o->next_token, o->max_items, err);
}

/* ---- changing ---- */

/* {tags, properties} of the instance as it is, to be changed and put. */
static int read_body(struct kg_cli *cli, const char *path, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *instance = NULL, *body = kg_json_object();

    if (kg_cli_get(cli, path, &instance, err) < 0)
        return -(int)err->code;
    if (kg_json_type(kg_json_get(instance, "properties")) != KG_JSON_OBJECT)
        return kg_err_set(err, KG_E_NO_REPLY, "the service's backup instance has no properties");
    kg_json_set(body, "properties", kg_json_take(instance, "properties"));
    if (kg_json_type(kg_json_get(instance, "tags")) == KG_JSON_OBJECT)
        kg_json_set(body, "tags", kg_json_take(instance, "tags"));
    *ret = KG_TAKE(body);
    return 0;
}

static int what_it_means(struct kg_cli *cli, const char *instance, const char *policy, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/previewPolicyChange", instance);
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    kg_json_set_str(body, "policyId", policy);
    return kg_cli_send(cli, "POST", path, body, false, ret, err);
}

static int update_policy(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct instance_opts *o = opts;
    KG_AUTO_FREE char *path = instance_path(cli, &o->at);
    KG_AUTO_FREE char *policy = o->policy_id[0] == '/'
        ? kg_xstrdup(o->policy_id)
        : kg_cli_path(cli, kg_cli_group(&o->at), KG_PROVIDER_BACKUP "/backupVaults/%s/backupPolicies/%s", o->at.vault,
                      o->policy_id);
    KG_AUTO_JSON struct kg_json *body = NULL, *means = NULL;

    if (what_it_means(cli, path, policy, &means, err) < 0)
        return -(int)err->code;
    if (o->dry_run) {
        kg_cli_emit(cli, KG_TAKE(means));
        return 0;
    }
    if (read_body(cli, path, &body, err) < 0)
        return -(int)err->code;
    kg_json_set_str(body, "properties.policyInfo.policyId", policy);
    if (kg_cli_change(cli, "PUT", path, body, o->no_wait, err) < 0)
        return -(int)err->code;
    kg_cli_note(cli, "note: its %" PRIu64 " recovery points keep the retention they were made with; the next backup%s%.16s is the "
                "first under the new policy", kg_json_u64(means, "existing.recoveryPoints", 0),
                kg_json_str(means, "nextBackupTime") ? ", at " : "", kg_json_str_or(means, "nextBackupTime", ""));
    return 0;
}

static int updated_body(struct kg_cli *cli, const struct instance_opts *o, const char *path, struct kg_json **ret,
                        struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *body = NULL, *change = kg_json_object();

    if (!o->system_identity && !o->identity)
        return kg_err_set(err, KG_E_USAGE, "nothing to change: give --use-system-identity or --uami");
    if (set_identity(o, change, err) < 0 || read_body(cli, path, &body, err) < 0)
        return -(int)err->code;
    kg_json_set(body, "properties.identityDetails", kg_json_camel(kg_json_get(change, "properties.identity_details")));
    *ret = KG_TAKE(body);
    return 0;
}

static int update(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct instance_opts *o = opts;
    KG_AUTO_FREE char *path = instance_path(cli, &o->at);
    KG_AUTO_JSON struct kg_json *body = NULL;

    return updated_body(cli, o, path, &body, err) < 0 ? -(int)err->code
                                                      : kg_cli_change(cli, "PUT", path, body, o->no_wait, err);
}

static int validate_for_update(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct instance_opts *o = opts;
    KG_AUTO_FREE char *path = instance_path(cli, &o->at);
    KG_AUTO_FREE char *url = kg_xprintf("%s/validateForModifyBackup", path);
    KG_AUTO_JSON struct kg_json *body = NULL, *request = kg_json_object();

    if (updated_body(cli, o, path, &body, err) < 0)
        return -(int)err->code;
    kg_json_set(request, "backupInstance", kg_json_take(body, "properties"));
    return kg_cli_change(cli, "POST", url, request, o->no_wait, err);
}

static int wait_for(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct instance_opts *o = opts;
    KG_AUTO_FREE char *path = instance_path(cli, &o->at);

    return kg_cli_wait(cli, path, &o->wait_for, err);
}

static int initialize_configuration(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct instance_opts *o = opts;

    (void)cli;
    kg_err_set(err, KG_E_USAGE, "datasource type %s takes no backup configuration", o->datasource_type);
    kg_err_advise(err, "Go on with 'backup-instance initialize', without --backup-configuration.");
    return -(int)err->code;
}

/* ---- everywhere ---- */

static int search(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    static const char *const states[] = { "ProtectionConfigured", "ProtectionError", "ConfiguringProtection",
                                          "ConfiguringProtectionFailed", "UpdatingProtection", "ProtectionStopped",
                                          "BackupSchedulesSuspended", "RetentionSchedulesSuspended", "SoftDeleting",
                                          "SoftDeleted", NULL };
    const struct instance_opts *o = opts;
    KG_AUTO_JSON struct kg_json *filter = kg_json_object();

    kg_search_words(filter, "resourceGroups", &o->groups);
    kg_search_words(filter, "vaults", &o->vaults);
    kg_search_datasource(filter, o->datasource_type);
    kg_search_words(filter, "datasourceIds", &o->datasource_ids);
    kg_search_words(filter, "ids", &o->instance_ids);
    kg_search_words(filter, "names", &o->names);
    if (kg_search_choices(filter, "protectionStates", "protection-status", &o->states, states, err) < 0)
        return -(int)err->code;
    return kg_search(cli, "searchBackupInstances", &o->subscriptions, filter, err);
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
    { .name = "backup-instance create", .summary = "Configure backup of a database", .opts = create_opts,
      .opts_size = sizeof(T), .run = create, .about = "The database is checked first, as 'validate-for-backup' does.",
      .examples = (const char *const[]){ "backup-instance create -v vault1 --backup-instance shop.json", NULL } },
    { .name = "backup-instance show", .summary = "Show a backup instance", .opts = show_opts, .opts_size = sizeof(T),
      .run = show, .ids_of = "backupInstances",
      .examples = (const char *const[]){ "backup-instance show -n pg1-shop -v vault1", NULL } },
    { .name = "backup-instance list", .summary = "List a vault's backup instances", .opts = list_opts,
      .opts_size = sizeof(T), .run = list,
      .examples = (const char *const[]){ "backup-instance list -v vault1 -o table", NULL } },
    { .name = "backup-instance list-from-resourcegraph", .summary = "List backup instances of all vaults, filtered",
      .opts = search_opts, .opts_size = sizeof(T), .run = search,
      .examples = (const char *const[]){
          "backup-instance list-from-resourcegraph --datasource-type AzureDatabaseForPostgreSQL -o table",
          "backup-instance list-from-resourcegraph --protection-status ProtectionError", NULL } },
    { .name = "backup-instance initialize-backupconfig", .summary = "Not for PostgreSQL: a database needs no such document",
      .opts = configuration_opts, .opts_size = sizeof(T), .run = initialize_configuration, .flags = KG_CMD_LOCAL | KG_CMD_HIDDEN,
      .examples = (const char *const[]){
          "backup-instance initialize-backupconfig --datasource-type AzureDatabaseForPostgreSQL", NULL } },
    { .name = "backup-instance update-policy", .summary = "Give a backup instance another policy", .opts = policy_opts,
      .opts_size = sizeof(T), .run = update_policy,
      .about = "New recovery points are kept as the new policy says; those that are there stay as they are.",
      .examples = (const char *const[]){
          "backup-instance update-policy --backup-instance-name pg1-shop -v vault1 --policy-id \"$POLICY_ID\"",
          "backup-instance update-policy --backup-instance-name pg1-shop -v vault1 --policy-id \"$POLICY_ID\" --dry-run", NULL } },
    { .name = "backup-instance update", .summary = "Change whose identity a backup instance uses", .opts = update_opts,
      .opts_size = sizeof(T), .run = update,
      .examples = (const char *const[]){
          "backup-instance update --backup-instance-name pg1-shop -v vault1 --use-system-identity", NULL } },
    { .name = "backup-instance validate-for-update", .summary = "Check whether such a change would work",
      .opts = update_opts, .opts_size = sizeof(T), .run = validate_for_update,
      .examples = (const char *const[]){
          "backup-instance validate-for-update --backup-instance-name pg1-shop -v vault1 --use-system-identity", NULL } },
    { .name = "backup-instance wait", .summary = "Wait until a backup instance is as it shall be", .opts = wait_opts,
      .opts_size = sizeof(T), .run = wait_for, .ids_of = "backupInstances",
      .examples = (const char *const[]){ "backup-instance wait -n pg1-shop -v vault1 --created --interval 2", NULL } },
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
