#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "cli/generic.h"
#include "cli/recovery_key.h"
#include "cli/search.h"
#include "cli/shape.h"

struct vault_opts {
    struct kg_at at;
    const char *location, *identity, *soft_delete, *immutability, *crr, *csr, *alerts, *store_path, *archive_path,
        *key_file;
    const char *cmk_state, *cmk_uri, *cmk_identity, *cmk_uami, *cmk_infra, *etag, *tenant, *next_token;
    uint64_t soft_delete_days, max_items;
    struct kg_json *storage, *tags;
    struct kg_words uami, user_assigned, guard_requests, subscriptions, groups, vaults, vault_ids;
    struct kg_generic generic;
    struct kg_wait wait;
    bool system_assigned, yes, no_wait, by_instance, by_day;
};
#define T struct vault_opts

static const char *const identities[] = { "SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned", "None",
                                          NULL };
static const char *const on_off[] = { "On", "Off", "AlwaysOn", NULL };
static const char *const immutable[] = { "Disabled", "Unlocked", "Locked", NULL };
static const char *const enabled[] = { "Enabled", "Disabled", NULL };
static const char *const cmk_states[] = { "Enabled", "Disabled", "Inconsistent", NULL };
static const char *const cmk_identities[] = { "SystemAssigned", "UserAssigned", NULL };
static const char *const csr_states[] = { "Enabled", "Disabled", "PermanentlyDisabled", NULL };

#define CHOICE(name_, alias_, member_, help_, choices_)                                                     \
    KG_OPT(T, CHOICE, name_, member_, "STATE", help_, .aliases = alias_, .choices = choices_)

#define SETTING_ROWS                                                                                        \
    KG_OPT(T, CHOICE, "type", identity, "IDENTITY", "the vault's identity", .choices = identities),         \
    KG_OPT(T, LIST, "user-assigned-identities", uami, "ID", "identities of its own", .aliases = "uami"),    \
    KG_OPT(T, FLAG, "mi-system-assigned", system_assigned, NULL, "the same as --type SystemAssigned"),      \
    KG_OPT(T, LIST, "mi-user-assigned", user_assigned, "ID", "identities of its own", .hidden = true),      \
    CHOICE("soft-delete-state", NULL, soft_delete, "soft delete", on_off),                                  \
    KG_OPT(T, UINT, "soft-delete-retention", soft_delete_days, "DAYS",                                      \
           "how long deleted items are kept", .aliases = "retention-duration-in-days", .min = 14, .max = 180), \
    CHOICE("immutability-state", NULL, immutability, "immutability", immutable),                            \
    CHOICE("cross-region-restore-state", "crr-state", crr, "restore in another region", enabled),           \
    CHOICE("cross-subscription-restore-state", "csr-state", csr, "restore in another subscription", csr_states), \
    CHOICE("azure-monitor-alerts-for-job-failures", "job-failure-alerts", alerts, "alerts for failed jobs", enabled), \
    CHOICE("cmk-encryption-state", NULL, cmk_state, "encryption with a key of your own", cmk_states),       \
    KG_OPT(T, STRING, "cmk-encryption-key-uri", cmk_uri, "URI", "the key"),                                 \
    CHOICE("cmk-identity-type", NULL, cmk_identity, "identity that reads the key", cmk_identities),         \
    KG_OPT(T, STRING, "cmk-user-assigned-identity-id", cmk_uami, "ID", "that identity", .aliases = "cmk-uami"), \
    CHOICE("cmk-infrastructure-encryption", "cmk-infra-encryption", cmk_infra, "encryption a second time", enabled), \
    KG_OPT(T, PAIRS, "tags", tags, "KEY=VALUE", "tags")

static const struct kg_opt create_opts[] = {
    KG_OPT_VAULT_ROW(T),
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, STRING, "location", location, "REGION", "region; default: the resource group's", .letter = 'l'),
    KG_OPT(T, OBJECTS, "storage-settings", storage, "KEY=VALUE",
           "datastore-type=VaultStore type=LocallyRedundant, which is the default", .aliases = "storage-setting"),
    KG_OPT(T, STRING, "e-tag", etag, "TAG", "has no effect", .hidden = true),
    KG_OPT(T, STRING, "store-path", store_path, "DIR",
           "where its bytes are kept; default: in the service's data directory"),
    KG_OPT(T, STRING, "archive-path", archive_path, "DIR",
           "where the archive's bytes are kept; default: beside them, with '-archive' behind the name"),
    KG_OPT(T, STRING, "recovery-key-file", key_file, "FILE",
           "write the recovery key to this new file instead of showing it"),
    SETTING_ROWS,
    KG_OPT_NO_WAIT_ROW(T),
    { 0 },
};
static const struct kg_opt update_opts[] = {
    KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T), KG_OPT_IDS_ROW(T),
    SETTING_ROWS,
    KG_OPT_GENERIC_ROWS(T),
    KG_OPT_GUARD_ROWS(T),
    KG_OPT_NO_WAIT_ROW(T),
    { 0 },
};
#define IDENTITY_ROWS                                                                                       \
    KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T),                                                               \
    KG_OPT(T, FLAG, "system-assigned", system_assigned, NULL, "the vault's own identity", .aliases = "mi-system-assigned"), \
    KG_OPT(T, LIST, "user-assigned", user_assigned, "ID", "an identity of its own", .aliases = "mi-user-assigned"),         \
    KG_OPT_NO_WAIT_ROW(T)
static const struct kg_opt identity_opts[] = { IDENTITY_ROWS, { 0 } };
static const struct kg_opt identity_show_opts[] = { KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T), { 0 } };
static const struct kg_opt identity_wait_opts[] = { KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T), KG_OPT_WAIT_ROWS(T, wait), { 0 } };
static const struct kg_opt wait_opts[] = { KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T), KG_OPT_IDS_ROW(T), KG_OPT_WAIT_ROWS(T, wait),
                                           { 0 } };
static const struct kg_opt search_opts[] = {
    KG_OPT_SEARCH_ROWS(T),
    KG_OPT(T, LIST, "vault-id", vault_ids, "ID", "only these Backup vaults"),
    { 0 },
};
static const struct kg_opt show_opts[] = { KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T), KG_OPT_IDS_ROW(T), { 0 } };
static const struct kg_opt list_opts[] = {
    KG_OPT_ONLY_GROUP_ROW(T),
    KG_OPT_MAX_ITEMS_ROW(T),
    KG_OPT_NEXT_TOKEN_ROW(T),
    { 0 },
};
static const struct kg_opt delete_opts[] = { KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T), KG_OPT_IDS_ROW(T),
                                             KG_OPT_YES_ROW(T), KG_OPT_NO_WAIT_ROW(T), { 0 } };

static char *vault_path(const struct kg_cli *cli, const struct kg_at *at)
{
    return kg_cli_path(cli, kg_cli_group(at), KG_PROVIDER_BACKUP "/backupVaults/%s", at->vault);
}

/* What a storage setting's keys are called on the command line. */
static const char *const setting_keys[][2] = {
    { "datastore-type", "datastoreType" }, { "datastore_type", "datastoreType" }, { "datastoretype", "datastoreType" },
    { "type", "type" },
};

static int storage_settings(const struct kg_json *given, struct kg_json *body, struct kg_err *err)
{
    struct kg_json *to = kg_json_array();

    kg_json_set(body, "properties.storageSettings", to);
    for (const struct kg_json *s = kg_json_first(given); s; s = kg_json_next(s)) {
        struct kg_json *one = kg_json_object();

        kg_json_push(to, one);
        for (const struct kg_json *m = kg_json_first(s); m; m = kg_json_next(m)) {
            const char *key = NULL;

            for (size_t i = 0; i < KG_ARRAY_LEN(setting_keys); i++)
                if (strcasecmp(setting_keys[i][0], kg_json_key(m)) == 0)
                    key = setting_keys[i][1];
            if (!key)
                return kg_err_set(err, KG_E_USAGE, "--storage-settings has no '%s', only datastore-type and type",
                                  kg_json_key(m));
            kg_json_set(one, key, kg_json_copy(m));
        }
    }
    if (!given) {
        struct kg_json *one = kg_json_object();

        kg_json_set_str(one, "datastoreType", "VaultStore");
        kg_json_set_str(one, "type", "LocallyRedundant");
        kg_json_push(to, one);
    }
    return 0;
}

static void set_if(struct kg_json *body, const char *path, const char *value)
{
    if (value)
        kg_json_set_str(body, path, value);
}

/* What --type, or the flags for it, ask for; NULL: nothing was said. */
static int identity_type(const struct vault_opts *o, const char **ret, struct kg_err *err)
{
    bool user = o->uami.n || o->user_assigned.n;

    if (o->identity && (o->system_assigned || o->user_assigned.n))
        return kg_err_set(err, KG_E_USAGE, "--type excludes --mi-system-assigned and --mi-user-assigned");
    *ret = o->identity ? o->identity
           : o->system_assigned && user ? "SystemAssigned,UserAssigned"
           : o->system_assigned ? "SystemAssigned" : user ? "UserAssigned" : NULL;
    return 0;
}

static void set_cmk(const struct vault_opts *o, struct kg_json *body)
{
#define ENCRYPTION "properties.securitySettings.encryptionSettings."
    set_if(body, ENCRYPTION "state", o->cmk_state);
    set_if(body, ENCRYPTION "keyVaultProperties.keyUri", o->cmk_uri);
    set_if(body, ENCRYPTION "kekIdentity.identityType", o->cmk_identity);
    set_if(body, ENCRYPTION "kekIdentity.identityId", o->cmk_uami);
    set_if(body, ENCRYPTION "infrastructureEncryption", o->cmk_infra);
#undef ENCRYPTION
}

/* The settings that can be given to create and update; what is not given is left as it is in body. */
static int set_settings(const struct vault_opts *o, struct kg_json *body, struct kg_err *err)
{
    const char *identity = NULL;

    if (identity_type(o, &identity, err) < 0)
        return -(int)err->code;
    set_if(body, "identity.type", identity);
    set_if(body, "properties.securitySettings.softDeleteSettings.state", o->soft_delete);
    if (o->soft_delete_days)
        kg_json_set_u64(body, "properties.securitySettings.softDeleteSettings.retentionDurationInDays",
                        o->soft_delete_days);
    set_if(body, "properties.securitySettings.immutabilitySettings.state", o->immutability);
    set_if(body, "properties.featureSettings.crossRegionRestoreSettings.state", o->crr);
    set_if(body, "properties.featureSettings.crossSubscriptionRestoreSettings.state", o->csr);
    set_if(body, "properties.monitoringSettings.azureMonitorAlertSettings.alertsForAllJobFailures", o->alerts);
    set_cmk(o, body);
    if (o->tags)
        kg_json_set(body, "tags", kg_json_copy(o->tags));
    return 0;
}

static int make_body(struct kg_cli *cli, const struct vault_opts *o, struct kg_json *body, struct kg_err *err)
{
    KG_AUTO_FREE char *location = NULL, *store = NULL, *archive = NULL;

    if (kg_cli_location(cli, o->location, kg_cli_group(&o->at), &location, err) < 0 ||
        (o->store_path && kg_cli_absolute(o->store_path, &store, err) < 0) ||
        (o->archive_path && kg_cli_absolute(o->archive_path, &archive, err) < 0))
        return -(int)err->code;
    kg_json_set_str(body, "location", location);
    kg_json_set_str(body, "identity.type", "SystemAssigned");
    if (storage_settings(o->storage, body, err) < 0)
        return -(int)err->code;
    set_if(body, "properties.storeSettings.path", store);
    set_if(body, "properties.storeSettings.archivePath", archive);
    return set_settings(o, body, err);
}

/* The key's file is opened before anything is created: a vault whose key has no place to go must not come to be. */
static int create(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct vault_opts *o = opts;
    KG_AUTO_FREE char *path = vault_path(cli, &o->at);
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    KG_CLEANUP(kg_recovery_out_done) struct kg_recovery_out out = KG_RECOVERY_OUT_INIT;
    struct kg_json *vault = NULL;

    if (make_body(cli, o, body, err) < 0 || kg_recovery_out_open(&out, o->key_file, err) < 0 ||
        kg_recovery_call(cli, "PUT", path, body, o->no_wait, &out, &vault, err) < 0)
        return -(int)err->code;
    kg_shape(vault);
    if (vault)
        kg_cli_emit(cli, vault);
    if (!out.written)
        kg_cli_warn(cli,
                    "no recovery key has been issued: get one with 'keepgres vault recovery-key -v %s' when the vault "
                         "is ready", o->at.vault);
    return 0;
}

static int show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct vault_opts *o = opts;
    KG_AUTO_FREE char *path = vault_path(cli, &o->at);

    return kg_cli_show(cli, path, err);
}

static int list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct vault_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, o->at.group, KG_PROVIDER_BACKUP "/backupVaults");

    return kg_cli_list_from(cli, path, o->next_token, o->max_items, err);
}

static int delete(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct vault_opts *o = opts;
    KG_AUTO_FREE char *path = vault_path(cli, &o->at);

    return kg_cli_change(cli, "DELETE", path, NULL, o->no_wait, err);
}

/* ---- changing ---- */

/* Read, changed, written, as az does. */
static int update(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    static const char *const written[] = { "location", "tags", "identity", "properties" };
    const struct vault_opts *o = opts;
    KG_AUTO_FREE char *path = vault_path(cli, &o->at);
    KG_AUTO_JSON struct kg_json *vault = NULL, *body = kg_json_object();

    if (kg_cli_get(cli, path, &vault, err) < 0 || set_settings(o, vault, err) < 0 ||
        kg_generic_apply(&o->generic, vault, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < KG_ARRAY_LEN(written); i++)
        if (kg_json_type(kg_json_get(vault, written[i])) != KG_JSON_NULL)
            kg_json_set(body, written[i], kg_json_take(vault, written[i]));
    return kg_cli_change(cli, "PUT", path, body, o->no_wait, err);
}

/* Prints the vault's identity alone, from the vault or from what became of it. */
static int emit_identity(struct kg_cli *cli, struct kg_json *vault)
{
    struct kg_json *identity = vault ? kg_json_take(vault, "identity") : NULL;

    if (identity)
        kg_cli_emit(cli, identity);
    return 0;
}

static int change_identity(struct kg_cli *cli, const struct vault_opts *o, const char *type, struct kg_err *err)
{
    KG_AUTO_FREE char *path = vault_path(cli, &o->at);
    KG_AUTO_JSON struct kg_json *body = kg_json_object(), *vault = NULL;

    if (!o->system_assigned && !o->user_assigned.n)
        return kg_err_set(err, KG_E_USAGE, "--system-assigned or --user-assigned is needed");
    if (o->user_assigned.n) {
        kg_err_set(err, KG_E_UNSUPPORTED, "there are no user-assigned identities here");
        kg_err_advise(err, "Use the vault's own with --system-assigned.");
        return -(int)err->code;
    }
    kg_json_set_str(body, "identity.type", type);
    if (kg_cli_send(cli, "PATCH", path, body, o->no_wait, &vault, err) < 0)
        return -(int)err->code;
    return emit_identity(cli, vault);
}

static int identity_assign(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    return change_identity(cli, opts, "SystemAssigned", err);
}

static int identity_remove(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    return change_identity(cli, opts, "None", err);
}

static int identity_show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct vault_opts *o = opts;
    KG_AUTO_FREE char *path = vault_path(cli, &o->at);
    KG_AUTO_JSON struct kg_json *vault = NULL;

    return kg_cli_get(cli, path, &vault, err) < 0 ? -(int)err->code : emit_identity(cli, vault);
}

static int wait_for(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct vault_opts *o = opts;
    KG_AUTO_FREE char *path = vault_path(cli, &o->at);

    return kg_cli_wait(cli, path, &o->wait, err);
}

/* ---- everywhere ---- */

static int search(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct vault_opts *o = opts;
    KG_AUTO_JSON struct kg_json *filter = kg_json_object();

    kg_search_words(filter, "resourceGroups", &o->groups);
    kg_search_words(filter, "vaults", &o->vaults);
    kg_search_words(filter, "ids", &o->vault_ids);
    return kg_search(cli, "searchBackupVaults", &o->subscriptions, filter, err);
}

static const struct kg_opt usage_opts[] = {
    KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T), KG_OPT_IDS_ROW(T),
    KG_OPT(T, FLAG, "by-instance", by_instance, NULL, "for each backup instance"),
    KG_OPT(T, FLAG, "history", by_day, NULL, "for each day, later week and month"), { 0 },
};

static int usage(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct vault_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at), KG_PROVIDER_BACKUP "/backupVaults/%s/usage", o->at.vault);
    KG_AUTO_JSON struct kg_json *j = NULL;
    const struct kg_json *part = NULL;

    if (o->by_instance && o->by_day)
        return kg_err_set(err, KG_E_USAGE, "--by-instance and --history exclude each other");
    if (kg_cli_get(cli, path, &j, err) < 0)
        return -(int)err->code;
    if (o->by_instance || o->by_day)
        part = kg_json_get(j, o->by_instance ? "properties.instances" : "properties.history");
    kg_cli_emit(cli, part ? kg_json_copy(part) : KG_TAKE(j));
    return 0;
}

static int list_usage(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_FREE char *path = kg_xprintf("/subscriptions/%s/" KG_PROVIDER_BACKUP "/backupVaultUsage", cli->subscription);

    (void)opts;
    return kg_cli_list(cli, path, 0, err);
}

const struct kg_cmd kg_cmds_backup_vault[] = {
    { .name = "backup-vault create", .summary = "Create a Backup vault, or change its settings", .opts = create_opts,
      .opts_size = sizeof(T), .run = create,
      .about = "A new vault's recovery key is shown once and kept nowhere: with it and the vault's bytes everything "
      "can be\n"
               "restored on any machine; without it only this service can read them.",
      .examples = (const char *const[]){
          "backup-vault create -g default -v vault1 --recovery-key-file vault1.key",
          "backup-vault create -g RG --vault-name V -l local --type SystemAssigned --storage-settings "
          "datastore-type=\"VaultStore\" type=\"LocallyRedundant\"", NULL } },
    { .name = "backup-vault show", .summary = "Show a Backup vault", .opts = show_opts, .opts_size = sizeof(T),
      .run = show,
      .ids_of = "backupVaults", .examples = (const char *const[]){ "backup-vault show -v vault1", NULL } },
    { .name = "backup-vault list", .summary = "List the Backup vaults", .opts = list_opts, .opts_size = sizeof(T),
      .run = list, .examples = (const char *const[]){ "backup-vault list -o table", NULL } },
    { .name = "backup-vault usage", .summary = "Tell what a vault holds and takes up, and what is saved", .opts = usage_opts,
      .opts_size = sizeof(T), .run = usage, .ids_of = "backupVaults",
      .about = "Logical is what restores of all recovery points would give back; less what deduplication and compression save, and "
               "more what the index takes and what no recovery point needs any more, that is what is stored.",
      .examples = (const char *const[]){ "backup-vault usage -v vault1 -o table", "backup-vault usage -v vault1 --by-instance -o table",
                                         "backup-vault usage -v vault1 --history -o table", NULL } },
    { .name = "backup-vault list-usage", .summary = "Tell the same of all vaults", .run = list_usage, .opts_size = sizeof(T),
      .examples = (const char *const[]){ "backup-vault list-usage -o table", NULL } },
    { .name = "backup-vault list-from-resourcegraph", .summary = "List Backup vaults of all groups, filtered",
      .opts = search_opts, .opts_size = sizeof(T), .run = search,
      .examples = (const char *const[]){ "backup-vault list-from-resourcegraph --vaults vault1 -o table", NULL } },
    { .name = "backup-vault update", .summary = "Change a Backup vault's settings", .opts = update_opts,
      .opts_size = sizeof(T), .run = update, .ids_of = "backupVaults",
      .examples = (const char *const[]){ "backup-vault update -v vault1 --soft-delete-retention 30 --tags team=dba", NULL } },
    { .name = "backup-vault wait", .summary = "Wait until a Backup vault is as it shall be", .opts = wait_opts,
      .opts_size = sizeof(T), .run = wait_for, .ids_of = "backupVaults",
      .examples = (const char *const[]){ "backup-vault wait -v vault1 --created --interval 2", NULL } },
    { .name = "backup-vault identity remove", .summary = "Take a Backup vault's identity away", .opts = identity_opts,
      .opts_size = sizeof(T), .run = identity_remove, .about = "Without an identity it can read no secret, so nothing is "
      "backed up.\nAn identity that is assigned later is another one.",
      .examples = (const char *const[]){ "backup-vault identity remove -v vault1 --system-assigned", NULL } },
    { .name = "backup-vault identity assign", .summary = "Give a Backup vault its own identity", .opts = identity_opts,
      .opts_size = sizeof(T), .run = identity_assign,
      .examples = (const char *const[]){ "backup-vault identity assign -v vault1 --system-assigned", NULL } },
    { .name = "backup-vault identity show", .summary = "Show a Backup vault's identity", .opts = identity_show_opts,
      .opts_size = sizeof(T), .run = identity_show,
      .examples = (const char *const[]){ "backup-vault identity show -v vault1", NULL } },
    { .name = "backup-vault identity wait", .summary = "Wait until a Backup vault is as it shall be",
      .opts = identity_wait_opts, .opts_size = sizeof(T), .run = wait_for,
      .examples = (const char *const[]){ "backup-vault identity wait -v vault1 --custom identity.principalId --interval 2",
          NULL } },
    { .name = "backup-vault delete", .summary = "Delete a Backup vault that protects nothing", .opts = delete_opts,
      .opts_size = sizeof(T), .run = delete, .ids_of = "backupVaults", .flags = KG_CMD_CONFIRM,
      .about = "Its instances and policies must be deleted first. Its directory stays on disk.",
      .question = "delete the Backup vault", .examples = (const char *const[]){ "backup-vault delete -v vault1 --yes",
          NULL } },
    { 0 },
};
