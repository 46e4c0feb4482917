/* Stopping, resuming and undeleting protection. */
#include <stddef.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"

struct protection_opts {
    struct kg_at at;
    const char *tenant, *next_token;
    struct kg_words guard_requests;
    uint64_t max_items;
    const char *sync_type;
    bool no_wait;
};
#define T struct protection_opts

#define AT_ROWS                                                                                             \
    KG_OPT_NAME_ROW(T, "backup-instance-name", "name of the backup instance"), KG_OPT_VAULT_ROW(T),         \
    KG_OPT_GROUP_ROW(T), KG_OPT_IDS_ROW(T)

static const struct kg_opt stop_opts[] = { AT_ROWS, KG_OPT_GUARD_ROWS(T), KG_OPT_NO_WAIT_ROW(T), { 0 } };
static const struct kg_opt resume_opts[] = { AT_ROWS, KG_OPT_NO_WAIT_ROW(T), { 0 } };
static const char *const sync_types[] = { "Default", "ForceResync", NULL };
static const struct kg_opt sync_opts[] = {
    AT_ROWS,
    KG_OPT(T, CHOICE, "sync-type", sync_type, "TYPE", "ForceResync: look at the database again even if nothing is wrong",
           .choices = sync_types),
    KG_OPT_NO_WAIT_ROW(T),
    { 0 },
};
static const struct kg_opt show_opts[] = { AT_ROWS, { 0 } };
static const struct kg_opt list_opts[] = { KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T), KG_OPT_MAX_ITEMS_ROW(T),
                                           KG_OPT_NEXT_TOKEN_ROW(T), { 0 } };

static int act(struct kg_cli *cli, const struct protection_opts *o, const char *action, struct kg_err *err)
{
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at),
                                          KG_PROVIDER_BACKUP "/backupVaults/%s/backupInstances/%s/%s", o->at.vault,
                                          o->at.name, action);
    KG_AUTO_JSON struct kg_json *body = kg_json_object(), *ignored = NULL;

    if (o->guard_requests.n) {
        struct kg_json *array = kg_json_array();

        for (size_t i = 0; i < o->guard_requests.n; i++)
            kg_json_push_str(array, o->guard_requests.v[i]);
        kg_json_set(body, "resourceGuardOperationRequests", array);
    }
    return kg_cli_send(cli, "POST", path, body, o->no_wait, &ignored, err);
}

static int stop(struct kg_cli *cli, void *opts, struct kg_err *err) { return act(cli, opts, "stopProtection", err); }
static int suspend(struct kg_cli *cli, void *opts, struct kg_err *err) { return act(cli, opts, "suspendBackups", err); }
static int resume(struct kg_cli *cli, void *opts, struct kg_err *err) { return act(cli, opts, "resumeProtection", err); }

static int sync_instance(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct protection_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at), KG_PROVIDER_BACKUP "/backupVaults/%s/backupInstances/%s/sync",
                                          o->at.vault, o->at.name);
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    kg_json_set_str(body, "syncType", o->sync_type ? o->sync_type : "Default");
    return kg_cli_change(cli, "POST", path, body, o->no_wait, err);
}

static char *deleted_path(const struct kg_cli *cli, const struct protection_opts *o)
{
    return kg_cli_path(cli, kg_cli_group(&o->at), KG_PROVIDER_BACKUP "/backupVaults/%s/deletedBackupInstances/%s",
                       o->at.vault, o->at.name);
}

static int list_deleted(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct protection_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at),
                                          KG_PROVIDER_BACKUP "/backupVaults/%s/deletedBackupInstances", o->at.vault);

    return kg_cli_list_from(cli, path, o->next_token, o->max_items, err);
}

static int show_deleted(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_FREE char *path = deleted_path(cli, opts);

    return kg_cli_show(cli, path, err);
}

static int undelete(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct protection_opts *o = opts;
    KG_AUTO_FREE char *path = deleted_path(cli, o);
    KG_AUTO_FREE char *url = kg_xprintf("%s/undelete", path);
    KG_AUTO_JSON struct kg_json *ignored = NULL;

    if (kg_cli_send(cli, "POST", url, NULL, o->no_wait, &ignored, err) < 0)
        return -(int)err->code;
    kg_cli_note(cli, "note: its protection is stopped; 'keepgres backup-instance resume-protection' goes on with backups");
    return 0;
}

const struct kg_cmd kg_cmds_protection[] = {
    { .name = "backup-instance stop-protection", .summary = "Stop backups, and keep all recovery points for ever",
      .opts = stop_opts, .opts_size = sizeof(T), .run = stop, .ids_of = "backupInstances",
      .examples = (const char *const[]){ "backup-instance stop-protection -n pg1-shop -v vault1", NULL } },
    { .name = "backup-instance suspend-backup", .summary = "Stop backups, and keep recovery points as the policy says",
      .opts = stop_opts, .opts_size = sizeof(T), .run = suspend, .ids_of = "backupInstances",
      .examples = (const char *const[]){ "backup-instance suspend-backup -n pg1-shop -v vault1", NULL } },
    { .name = "backup-instance resume-protection", .summary = "Back up again what was stopped",
      .opts = resume_opts, .opts_size = sizeof(T), .run = resume, .ids_of = "backupInstances",
      .examples = (const char *const[]){ "backup-instance resume-protection -n pg1-shop -v vault1", NULL } },
    { .name = "backup-instance sync", .summary = "Make what is known of a backup instance agree with its vault",
      .opts = sync_opts, .opts_size = sizeof(T), .run = sync_instance, .ids_of = "backupInstances",
      .about = "Recovery points that are in the vault and not in the list are adopted, those that the vault has lost are marked, and\n"
               "protection that is in error is validated again. Prints what was found.",
      .examples = (const char *const[]){ "backup-instance sync -n pg1-shop -v vault1",
                                         "backup-instance sync -n pg1-shop -v vault1 --sync-type ForceResync", NULL } },
    { .name = "backup-instance deleted-backup-instance list", .summary = "List a vault's deleted backup instances",
      .opts = list_opts, .opts_size = sizeof(T), .run = list_deleted,
      .examples = (const char *const[]){ "backup-instance deleted-backup-instance list -v vault1", NULL } },
    { .name = "backup-instance deleted-backup-instance show", .summary = "Show a deleted backup instance",
      .opts = show_opts, .opts_size = sizeof(T), .run = show_deleted, .ids_of = "deletedBackupInstances",
      .examples = (const char *const[]){ "backup-instance deleted-backup-instance show -n pg1-shop -v vault1", NULL } },
    { .name = "backup-instance deleted-backup-instance undelete",
      .summary = "Bring a deleted backup instance back, with its protection stopped",
      .opts = resume_opts, .opts_size = sizeof(T), .run = undelete, .ids_of = "deletedBackupInstances",
      .examples = (const char *const[]){ "backup-instance deleted-backup-instance undelete -n pg1-shop -v vault1", NULL } },
    { 0 },
};
