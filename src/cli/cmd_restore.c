#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "cli/datasource.h"

struct restore_opts {
    struct kg_at at;
    uint64_t jobs;
    const char *datasource_type, *source, *location, *point, *point_in_time, *target_id, *instance_id, *store_type,
        *store_uri, *url, *file_name, *priority, *identity;
    uint64_t duration;
    struct kg_words schemas, tables, guard_requests;
    const char *tenant;
    struct kg_json *request;
    struct kg_words role_map;
    const char *roles;
    bool system_identity, allow_damaged, read_back, role_passwords, no_owner, no_privileges, no_wait, wait, secondary;
};
#define T struct restore_opts

static const char *const secret_stores[] = { "AzureKeyVault", NULL };
static const char *const sources[] = { "VaultStore", "ArchiveStore", NULL };
static const char *const role_modes[] = { "report", "skip", "create", "map", NULL };
static const char *const priorities[] = { "Standard", "High", NULL };

#define COMMON_ROWS                                                                                         \
    KG_OPT(T, CHOICE, "datasource-type", datasource_type, "TYPE",                                           \
           "kind of datasource", .required = true, .choices = kg_datasource_types),                         \
    KG_OPT(T, CHOICE, "source-datastore", source, "STORE",                                                  \
           "where the recovery point is read from, default VaultStore", .choices = sources),                \
    KG_OPT(T, STRING, "restore-location", location, "REGION", "region of the target, default 'local'"),     \
    KG_OPT(T, STRING, "recovery-point-id", point, "ID", "the recovery point"),                              \
    KG_OPT(T, STRING, "point-in-time", point_in_time, "TIME", "not for PostgreSQL"),                        \
    KG_OPT(T, CHOICE, "rehydration-priority", priority, "PRIORITY",                                         \
           "bring back what is in the archive; High goes before other jobs", .choices = priorities),                                   \
    KG_OPT(T, UINT, "rehydration-duration", duration, "DAYS",                                               \
           "how long it stays in the vault then, default 15", .min = 10, .max = 30),                               \
    KG_OPT(T, FLAG, "allow-damaged", allow_damaged, NULL,                                                   \
           "also a recovery point that a check found damaged or lost"),                                     \
    KG_OPT(T, FLAG, "use-system-identity", system_identity, NULL,                                           \
           "act as the vault's own identity", .aliases = "use-system-assigned-identity mi-system-assigned"), \
    KG_OPT(T, STRING, "uami", identity, "ID",                                                               \
           "act as this identity", .aliases = "mi-user-assigned user-assigned-identity-arm-url")

static const struct kg_opt database_opts[] = {
    COMMON_ROWS,
    KG_OPT(T, STRING, "target-resource-id", target_id, "ID",
           "resource id of the new database: …/servers/S/databases/NEW"),
    KG_OPT(T, STRING, "backup-instance-id", instance_id, "ID", "restore in place, which is not supported"),
    KG_OPT(T, CHOICE, "secret-store-type", store_type, "TYPE",
           "where the target's credentials are", .choices = secret_stores),
    KG_OPT(T, STRING, "secret-store-uri", store_uri, "URI", "the secret with the target's credentials"),
    KG_OPT(T, LIST, "schema", schemas, "SCHEMA", "only these schemas", .aliases = "schemas"),
    KG_OPT(T, LIST, "table", tables, "SCHEMA.TABLE", "only these tables", .aliases = "tables"),
    KG_OPT(T, FLAG, "read-back", read_back, NULL, "read every restored row again and compare it with the backup"),
    KG_OPT(T, CHOICE, "roles", roles, "WHAT",
           "roles that the target server lacks: report (the default: leave out what needs them, and list them), skip, create, map",
           .choices = role_modes),
    KG_OPT(T, LIST, "role-map", role_map, "OLD=NEW", "with --roles map: who gets what was another role's"),
    KG_OPT(T, FLAG, "role-passwords", role_passwords, NULL,
           "with --roles create: new roles get the passwords they had, where the policy captured them"),
    KG_OPT(T, FLAG, "no-owner", no_owner, NULL, "everything belongs to the user who restores"),
    KG_OPT(T, FLAG, "no-privileges", no_privileges, NULL, "restore no privileges (GRANT, REVOKE)"),
    { 0 },
};
static const struct kg_opt files_opts[] = {
    COMMON_ROWS,
    KG_OPT(T, STRING, "target-blob-container-url", url, "URL",
           "the container: https://ACCOUNT.blob.local/CONTAINER", .required = true),
    KG_OPT(T, STRING, "target-file-name", file_name, "PREFIX", "what the files' names begin with", .required = true),
    KG_OPT(T, STRING, "target-resource-id", target_id, "ID", "resource id of the storage account"),
    { 0 },
};

#define INSTANCE_ROWS                                                                                       \
    KG_OPT_NAME_ROW(T, "backup-instance-name", "name of the backup instance"), KG_OPT_VAULT_ROW(T),         \
    KG_OPT_GROUP_ROW(T),                                                                                    \
    KG_OPT_IDS_ROW(T),                                                                                      \
    KG_OPT(T, JSON, "restore-request-object", request, "JSON",                                              \
           "what 'initialize…' printed: JSON, @file or a file", .required = true),                          \
    KG_OPT_SECONDARY_ROW(T),              \
    KG_OPT_NO_WAIT_ROW(T)

static const struct kg_opt validate_opts[] = { INSTANCE_ROWS, { 0 } };
static const struct kg_opt trigger_opts[] = { INSTANCE_ROWS,
    KG_OPT(T, UINT, "jobs", jobs, "N", "connections to read or write with; default: one a core, at most 4", .min = 1, .max = 64),
    KG_OPT(T, FLAG, "wait", wait, NULL, "follow the job to its end"),
    KG_OPT_GUARD_ROWS(T),
                                              { 0 } };

/* ---- initialize ---- */

/* What both kinds have: which point, from where, how it is rehydrated. */
static int begin_request(const struct kg_cli *cli, const struct restore_opts *o, struct kg_json **ret, struct kg_err *err)
{
    struct kg_json *j;

    if (o->point && o->point_in_time)
        return kg_err_set(err, KG_E_USAGE, "--recovery-point-id and --point-in-time exclude each other");
    if (o->point_in_time)
        return kg_err_set(err, KG_E_UNSUPPORTED, "PostgreSQL is restored from recovery points, not to a point in time");
    if (!o->point)
        return kg_err_set(err, KG_E_USAGE, "--recovery-point-id is required");
    if (o->duration && !o->priority)
        kg_cli_warn(cli, "--rehydration-duration has no effect without --rehydration-priority");
    if (o->system_identity && o->identity)
        return kg_err_set(err, KG_E_USAGE, "--use-system-identity and --uami exclude each other");
    j = kg_json_object();
    kg_json_set_str(j, "object_type", o->priority ? "AzureBackupRestoreWithRehydrationRequest"
                                                  : "AzureBackupRecoveryPointBasedRestoreRequest");
    kg_json_set_str(j, "recovery_point_id", o->point);
    kg_json_set_str(j, "source_data_store_type", o->source ? o->source : "VaultStore");
    if (o->priority) {
        KG_AUTO_FREE char *days = kg_xprintf("P%uD", (unsigned)(o->duration ? o->duration : 15));

        kg_json_set_str(j, "rehydration_priority", o->priority);
        kg_json_set_str(j, "rehydration_retention_duration", days);
    }
    if (o->system_identity || o->identity) {
        kg_json_set_bool(j, "identity_details.use_system_assigned_identity", !o->identity);
        if (o->identity)
            kg_json_set_str(j, "identity_details.user_assigned_identity_arm_url", o->identity);
    }
    if (o->allow_damaged)
        kg_json_set_bool(j, "restore_target_info.allow_damaged", true);
    *ret = j;
    return 0;
}

static void set_words(struct kg_json *j, const char *path, const struct kg_words *w)
{
    struct kg_json *array;

    if (!w->n)
        return;
    array = kg_json_array();
    for (size_t i = 0; i < w->n; i++)
        kg_json_push_str(array, w->v[i]);
    kg_json_set(j, path, array);
}

/* "old=new"; the first '=' counts, for names of roles have none as a rule. */
static int add_role_map(struct kg_json *j, const struct kg_words *map, struct kg_err *err)
{
    struct kg_json *array = kg_json_array();

    kg_json_set(j, "restore_target_info.role_map", array);
    for (size_t i = 0; i < map->n; i++) {
        const char *is = strchr(map->v[i], '=');
        struct kg_json *pair;

        if (!is || is == map->v[i] || !is[1])
            return kg_err_set(err, KG_E_USAGE, "--role-map takes OLD=NEW, not '%s'", map->v[i]);
        KG_AUTO_FREE char *source = kg_xstrndup(map->v[i], (size_t)(is - map->v[i]));
        pair = kg_json_object();
        kg_json_set_str(pair, "source", source);
        kg_json_set_str(pair, "target", is + 1);
        kg_json_push(array, pair);
    }
    return 0;
}

static int add_roles(struct kg_json *j, const struct restore_opts *o, struct kg_err *err)
{
    bool create = o->roles && strcasecmp(o->roles, "create") == 0, map = o->roles && strcasecmp(o->roles, "map") == 0;

    if (map != (o->role_map.n > 0))
        return kg_err_set(err, KG_E_USAGE, "--role-map goes with --roles map, and only with it");
    if (o->role_passwords && !create)
        return kg_err_set(err, KG_E_USAGE, "--role-passwords goes with --roles create");
    if (o->roles)
        kg_json_set_str(j, "restore_target_info.roles", o->roles);
    if (map && add_role_map(j, &o->role_map, err) < 0)
        return -(int)err->code;
    if (o->role_passwords)
        kg_json_set_bool(j, "restore_target_info.role_passwords", true);
    if (o->no_owner)
        kg_json_set_bool(j, "restore_target_info.no_owner", true);
    if (o->no_privileges)
        kg_json_set_bool(j, "restore_target_info.no_privileges", true);
    return 0;
}

static int initialize_database(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct restore_opts *o = opts;
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_json *info = NULL, *set = NULL, *credentials = NULL;
    const char *location = o->location ? o->location : "local";

    if (o->instance_id && o->target_id)
        return kg_err_set(err, KG_E_USAGE, "--target-resource-id and --backup-instance-id exclude each other");
    if (o->instance_id) {
        kg_err_set(err, KG_E_UNSUPPORTED, "a database is never restored over itself");
        kg_err_advise(err, "Name a new database with --target-resource-id.");
        return -(int)err->code;
    }
    if (!o->target_id)
        return kg_err_set(err, KG_E_USAGE, "--target-resource-id is required");
    if (begin_request(cli, o, &j, err) < 0 ||
        kg_datasource_info(o->datasource_type, o->target_id, location, &info, &set, err) < 0)
        return -(int)err->code;
    kg_json_set_str(j, "restore_target_info.object_type", "RestoreTargetInfo");
    kg_json_set_str(j, "restore_target_info.recovery_option", "FailIfExists");
    kg_json_set_str(j, "restore_target_info.restore_location", location);
    kg_json_set(j, "restore_target_info.datasource_info", info);
    kg_json_set(j, "restore_target_info.datasource_set_info", set);
    if (kg_secret_store(o->store_type, o->store_uri, &credentials, err) < 0)
        return -(int)err->code;
    kg_json_set(j, "restore_target_info.datasource_auth_credentials", credentials);
    set_words(j, "restore_target_info.schemas", &o->schemas);
    set_words(j, "restore_target_info.tables", &o->tables);
    if (o->read_back)
        kg_json_set_bool(j, "restore_target_info.read_back", true);
    if (add_roles(j, o, err) < 0)
        return -(int)err->code;
    kg_cli_emit(cli, KG_TAKE(j));
    return 0;
}

static int initialize_files(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct restore_opts *o = opts;
    struct kg_json *j = NULL;

    if (begin_request(cli, o, &j, err) < 0)
        return -(int)err->code;
    kg_json_set_str(j, "restore_target_info.object_type", "RestoreFilesTargetInfo");
    kg_json_set_str(j, "restore_target_info.recovery_option", "FailIfExists");
    kg_json_set_str(j, "restore_target_info.restore_location", o->location ? o->location : "local");
    kg_json_set_str(j, "restore_target_info.target_details.url", o->url);
    kg_json_set_str(j, "restore_target_info.target_details.file_prefix", o->file_name);
    kg_json_set_str(j, "restore_target_info.target_details.restore_target_location_type", "AzureBlobs");
    if (o->target_id)
        kg_json_set_str(j, "restore_target_info.target_details.target_resource_arm_id", o->target_id);
    kg_cli_emit(cli, j);
    return 0;
}

static int initialize_items(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct restore_opts *o = opts;

    (void)cli;
    kg_err_set(err, KG_E_USAGE, "item level recovery is not enabled for datasource type %s", o->datasource_type);
    kg_err_advise(err, "Restore single tables with 'restore initialize-for-data-recovery --table SCHEMA.TABLE'.");
    return -(int)err->code;
}

/* ---- requests ---- */

static char *action_path(const struct kg_cli *cli, const struct restore_opts *o, const char *action)
{
    return kg_cli_path(cli, kg_cli_group(&o->at), KG_PROVIDER_BACKUP "/backupVaults/%s/backupInstances/%s/%s",
                       o->at.vault,
                       o->at.name, action);
}

static int refuse_secondary(const struct restore_opts *o, struct kg_err *err)
{
    return o->secondary ? kg_err_set(err, KG_E_UNSUPPORTED, "there is no secondary region") : 0;
}

static int validate(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct restore_opts *o = opts;
    KG_AUTO_FREE char *path = action_path(cli, o, "validateRestore");
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    if (refuse_secondary(o, err) < 0)
        return -(int)err->code;
    kg_json_set_str(body, "objectType", "ValidateRestoreRequestObject");
    kg_json_set(body, "restoreRequestObject", kg_json_camel(o->request));
    return kg_cli_change(cli, "POST", path, body, o->no_wait, err);
}

static int trigger(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct restore_opts *o = opts;
    KG_AUTO_FREE char *path = action_path(cli, o, "restore");
    KG_AUTO_JSON struct kg_json *body = kg_json_camel(o->request);

    if (refuse_secondary(o, err) < 0)
        return -(int)err->code;
    if (o->jobs)
        kg_json_set_u64(body, "settings.jobs", o->jobs);
    return kg_cli_start_job(cli, &o->at, path, body, o->no_wait, o->wait, err);
}

const struct kg_cmd kg_cmds_restore[] = {
    { .name = "backup-instance validate-for-restore", .summary = "Check whether a restore can be done",
      .opts = validate_opts, .opts_size = sizeof(T), .run = validate, .ids_of = "backupInstances",
      .examples = (const char *const[]){
          "backup-instance validate-for-restore -n pg1-shop -v vault1 --restore-request-object restore.json", NULL } },
    { .name = "backup-instance restore initialize-for-data-recovery",
      .summary = "Print the document that restores a recovery point as a new database", .opts = database_opts,
      .opts_size = sizeof(T), .run = initialize_database, .flags = KG_CMD_LOCAL,
      .examples = (const char *const[]){
          "backup-instance restore initialize-for-data-recovery --datasource-type AzureDatabaseForPostgreSQL "
          "--recovery-point-id \"$POINT\" --target-resource-id \"$SERVER_ID/databases/shop_restored\" "
          "--secret-store-type "
          "AzureKeyVault --secret-store-uri https://kv1.vault.local/secrets/pg1-login",
          "backup-instance restore initialize-for-data-recovery --datasource-type AzureDatabaseForPostgreSQL "
          "--recovery-point-id \"$POINT\" --target-resource-id \"$SERVER_ID/databases/two_tables\" "
          "--table public.orders --table public.customers",
          "backup-instance restore initialize-for-data-recovery --datasource-type AzureDatabaseForPostgreSQL "
          "--recovery-point-id \"$POINT\" --target-resource-id \"$SERVER_ID/databases/with_roles\" --roles create",
          NULL } },
    { .name = "backup-instance restore initialize-for-data-recovery-as-files",
      .summary = "Print the document that restores a recovery point as files", .opts = files_opts,
      .opts_size = sizeof(T),
      .run = initialize_files, .flags = KG_CMD_LOCAL,
      .examples = (const char *const[]){
          "backup-instance restore initialize-for-data-recovery-as-files --datasource-type AzureDatabaseForPostgreSQL "
          "--recovery-point-id \"$POINT\" --target-blob-container-url https://files1.blob.local/dumps "
          "--target-file-name shop",
          NULL } },
    { .name = "backup-instance restore initialize-for-item-recovery", .summary = "Not for PostgreSQL: use --table and --schema",
      .opts = database_opts, .opts_size = sizeof(T), .run = initialize_items, .flags = KG_CMD_LOCAL | KG_CMD_HIDDEN,
      .examples = (const char *const[]){
          "backup-instance restore initialize-for-item-recovery --datasource-type AzureDatabaseForPostgreSQL", NULL } },
    { .name = "backup-instance restore trigger", .summary = "Restore", .opts = trigger_opts, .opts_size = sizeof(T),
      .run = trigger, .ids_of = "backupInstances",
      .about = "Prints the job's id as soon as the job runs; with --wait its progress, and the job when it has ended.",
      .examples = (const char *const[]){
          "backup-instance restore trigger -n pg1-shop -v vault1 --restore-request-object restore.json --wait",
          NULL } },
    { 0 },
};
