#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "cli/recovery_key.h"

struct vault_opts {
    struct kg_at at;
    const char *location, *identity, *soft_delete, *immutability, *crr, *csr, *alerts, *store_path, *key_file;
    uint64_t soft_delete_days, max_items;
    struct kg_json *storage, *tags;
    bool yes, no_wait;
};
#define T struct vault_opts

static const char *const identities[] = { "SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned", "None",
                                          NULL };
static const char *const on_off[] = { "On", "Off", "AlwaysOn", NULL };
static const char *const immutable[] = { "Disabled", "Unlocked", "Locked", NULL };
static const char *const enabled[] = { "Enabled", "Disabled", NULL };
static const char *const csr_states[] = { "Enabled", "Disabled", "PermanentlyDisabled", NULL };

#define CHOICE(name_, alias_, member_, help_, choices_)                                                     \
    KG_OPT(T, CHOICE, name_, member_, "STATE", help_, .aliases = alias_, .choices = choices_)

static const struct kg_opt create_opts[] = {
    KG_OPT_VAULT_ROW(T),
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, STRING, "location", location, "REGION", "region; default: the resource group's", .letter = 'l'),
    KG_OPT(T, OBJECTS, "storage-settings", storage, "KEY=VALUE",
           "datastore-type=VaultStore type=LocallyRedundant, which is the default", .aliases = "storage-setting"),
    KG_OPT(T, CHOICE, "type", identity, "IDENTITY", "the vault's identity", .choices = identities),
    KG_OPT(T, STRING, "store-path", store_path, "DIR",
           "where its bytes are kept; default: in the service's data directory"),
    KG_OPT(T, STRING, "recovery-key-file", key_file, "FILE",
           "write the recovery key to this new file instead of showing it"),
    CHOICE("soft-delete-state", NULL, soft_delete, "soft delete", on_off),
    KG_OPT(T, UINT, "soft-delete-retention", soft_delete_days, "DAYS",
           "how long deleted items are kept", .aliases = "retention-duration-in-days", .min = 14, .max = 180),
    CHOICE("immutability-state", NULL, immutability, "immutability", immutable),
    CHOICE("cross-region-restore-state", "crr-state", crr, "restore in another region", enabled),
    CHOICE("cross-subscription-restore-state", "csr-state", csr, "restore in another subscription", csr_states),
    CHOICE("azure-monitor-alerts-for-job-failures", "job-failure-alerts", alerts, "alerts for failed jobs", enabled),
    KG_OPT(T, PAIRS, "tags", tags, "KEY=VALUE", "tags"),
    KG_OPT_NO_WAIT_ROW(T),
    { 0 },
};
static const struct kg_opt show_opts[] = { KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T), KG_OPT_IDS_ROW(T), { 0 } };
static const struct kg_opt list_opts[] = {
    KG_OPT_ONLY_GROUP_ROW(T),
    KG_OPT_MAX_ITEMS_ROW(T),
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

static int make_body(struct kg_cli *cli, const struct vault_opts *o, struct kg_json *body, struct kg_err *err)
{
    KG_AUTO_FREE char *location = NULL, *store = NULL;

    if (kg_cli_location(cli, o->location, kg_cli_group(&o->at), &location, err) < 0 ||
        (o->store_path && kg_cli_absolute(o->store_path, &store, err) < 0))
        return -(int)err->code;
    kg_json_set_str(body, "location", location);
    kg_json_set_str(body, "identity.type", o->identity ? o->identity : "SystemAssigned");
    if (storage_settings(o->storage, body, err) < 0)
        return -(int)err->code;
    set_if(body, "properties.storeSettings.path", store);
    set_if(body, "properties.securitySettings.softDeleteSettings.state", o->soft_delete);
    if (o->soft_delete_days)
        kg_json_set_u64(body, "properties.securitySettings.softDeleteSettings.retentionDurationInDays",
                        o->soft_delete_days);
    set_if(body, "properties.securitySettings.immutabilitySettings.state", o->immutability);
    set_if(body, "properties.featureSettings.crossRegionRestoreSettings.state", o->crr);
    set_if(body, "properties.featureSettings.crossSubscriptionRestoreSettings.state", o->csr);
    set_if(body, "properties.monitoringSettings.azureMonitorAlertSettings.alertsForAllJobFailures", o->alerts);
    if (o->tags)
        kg_json_set(body, "tags", kg_json_copy(o->tags));
    return 0;
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

    return kg_cli_list(cli, path, o->max_items, err);
}

static int delete(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct vault_opts *o = opts;
    KG_AUTO_FREE char *path = vault_path(cli, &o->at);

    return kg_cli_change(cli, "DELETE", path, NULL, o->no_wait, err);
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
    { .name = "backup-vault delete", .summary = "Delete a Backup vault that protects nothing", .opts = delete_opts,
      .opts_size = sizeof(T), .run = delete, .ids_of = "backupVaults", .flags = KG_CMD_CONFIRM,
      .about = "Its instances and policies must be deleted first. Its directory stays on disk.",
      .question = "delete the Backup vault", .examples = (const char *const[]){ "backup-vault delete -v vault1 --yes",
          NULL } },
    { 0 },
};
