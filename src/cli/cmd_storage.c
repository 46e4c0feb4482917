#include <stddef.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"

struct storage_opts {
    struct kg_at at;             /* vault: the account, for containers */
    const char *location, *path;
    struct kg_json *tags;
    bool yes;
};
#define T struct storage_opts

#define ACCOUNT_NAME_ROW KG_OPT_NAME_ROW(T, "account-name", "name of the storage account")
#define ACCOUNT_ROW                                                                                         \
    KG_OPT(T, STRING, "account-name", at.vault, "ACCOUNT", "name of the storage account", .required = true)
#define CONTAINER_ROW KG_OPT_NAME_ROW(T, "container-name", "name of the container")

static const struct kg_opt account_create_opts[] = {
    ACCOUNT_NAME_ROW,
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, STRING, "path", path, "DIR", "directory that holds the containers", .required = true),
    KG_OPT(T, STRING, "location", location, "REGION", "region; default: the resource group's", .letter = 'l'),
    KG_OPT(T, PAIRS, "tags", tags, "KEY=VALUE", "tags"),
    { 0 },
};
static const struct kg_opt account_list_opts[] = {
    KG_OPT_ONLY_GROUP_ROW(T),
    { 0 },
};
static const struct kg_opt account_show_opts[] = { ACCOUNT_NAME_ROW, KG_OPT_GROUP_ROW(T), { 0 } };
static const struct kg_opt account_delete_opts[] = { ACCOUNT_NAME_ROW, KG_OPT_GROUP_ROW(T), KG_OPT_YES_ROW(T), { 0 } };
static const struct kg_opt container_opts[] = { CONTAINER_ROW, ACCOUNT_ROW, KG_OPT_GROUP_ROW(T), { 0 } };
static const struct kg_opt container_list_opts[] = { ACCOUNT_ROW, KG_OPT_GROUP_ROW(T), { 0 } };
static const struct kg_opt container_delete_opts[] = { CONTAINER_ROW, ACCOUNT_ROW, KG_OPT_GROUP_ROW(T),
                                                       KG_OPT_YES_ROW(T),
                                                       { 0 } };

static char *account_path(const struct kg_cli *cli, const struct kg_at *at)
{
    return kg_cli_path(cli, kg_cli_group(at), "providers/Microsoft.Storage/storageAccounts/%s", at->name);
}

static char *container_path(const struct kg_cli *cli, const struct kg_at *at)
{
    return kg_cli_path(cli, kg_cli_group(at),
                       "providers/Microsoft.Storage/storageAccounts/%s/blobServices/default/containers/%s", at->vault,
                       at->name);
}

static int account_create(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct storage_opts *o = opts;
    KG_AUTO_FREE char *path = account_path(cli, &o->at), *location = NULL, *directory = NULL;
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    if (kg_cli_absolute(o->path, &directory, err) < 0 ||
        kg_cli_location(cli, o->location, kg_cli_group(&o->at), &location, err) < 0)
        return -(int)err->code;
    kg_json_set_str(body, "location", location);
    kg_json_set_str(body, "properties.path", directory);
    if (o->tags)
        kg_json_set(body, "tags", kg_json_copy(o->tags));
    return kg_cli_change(cli, "PUT", path, body, false, err);
}

static int account_list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct storage_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, o->at.group, "providers/Microsoft.Storage/storageAccounts");

    return kg_cli_list(cli, path, 0, err);
}

static int account_show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct storage_opts *o = opts;
    KG_AUTO_FREE char *path = account_path(cli, &o->at);

    return kg_cli_show(cli, path, err);
}

static int account_delete(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct storage_opts *o = opts;
    KG_AUTO_FREE char *path = account_path(cli, &o->at);

    return kg_cli_change(cli, "DELETE", path, NULL, false, err);
}

static int container_create(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct storage_opts *o = opts;
    KG_AUTO_FREE char *path = container_path(cli, &o->at);
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    kg_json_set(body, "properties", kg_json_object());
    return kg_cli_change(cli, "PUT", path, body, false, err);
}

static int container_list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct storage_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at),
                                          "providers/Microsoft.Storage/storageAccounts/%s/blobServices/default/containers",
                                          o->at.vault);

    return kg_cli_list(cli, path, 0, err);
}

static int container_show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct storage_opts *o = opts;
    KG_AUTO_FREE char *path = container_path(cli, &o->at);

    return kg_cli_show(cli, path, err);
}

static int container_delete(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct storage_opts *o = opts;
    KG_AUTO_FREE char *path = container_path(cli, &o->at);

    return kg_cli_change(cli, "DELETE", path, NULL, false, err);
}

const struct kg_cmd kg_cmds_storage[] = {
    { .name = "storage account create", .summary = "Register a directory as a storage account", .positional = "name",
      .opts = account_create_opts, .opts_size = sizeof(T), .run = account_create,
      .examples = (const char *const[]){ "storage account create -n files1 --path /srv/restores", NULL } },
    { .name = "storage account list", .summary = "List the storage accounts", .opts = account_list_opts,
      .opts_size = sizeof(T), .run = account_list,
      .examples = (const char *const[]){ "storage account list -o table", NULL } },
    { .name = "storage account show", .summary = "Show a storage account", .positional = "name",
      .opts = account_show_opts,
      .opts_size = sizeof(T), .run = account_show,
      .examples = (const char *const[]){ "storage account show -n files1", NULL } },
    { .name = "storage account delete", .summary = "Forget a storage account; its directory stays",
      .positional = "name",
      .opts = account_delete_opts, .opts_size = sizeof(T), .run = account_delete, .flags = KG_CMD_CONFIRM,
      .question = "delete the storage account",
      .examples = (const char *const[]){ "storage account delete -n files1 --yes", NULL } },
    { .name = "storage container create", .summary = "Create a container: a directory inside its account's",
      .positional = "name", .opts = container_opts, .opts_size = sizeof(T), .run = container_create,
      .examples = (const char *const[]){ "storage container create -n dumps --account-name files1", NULL } },
    { .name = "storage container list", .summary = "List an account's containers", .opts = container_list_opts,
      .opts_size = sizeof(T), .run = container_list,
      .examples = (const char *const[]){ "storage container list --account-name files1 -o table", NULL } },
    { .name = "storage container show", .summary = "Show a container", .positional = "name", .opts = container_opts,
      .opts_size = sizeof(T), .run = container_show,
      .examples = (const char *const[]){ "storage container show -n dumps --account-name files1", NULL } },
    { .name = "storage container delete", .summary = "Forget a container; its files stay", .positional = "name",
      .opts = container_delete_opts, .opts_size = sizeof(T), .run = container_delete, .flags = KG_CMD_CONFIRM,
      .question = "delete the container",
      .examples = (const char *const[]){ "storage container delete -n dumps --account-name files1 --yes", NULL } },
    { 0 },
};
