#include <stddef.h>

#include "cli/cli.h"
#include "cli/cmds.h"

struct group_opts {
    struct kg_at at;
    const char *location;
    struct kg_json *tags;
    bool yes, no_wait;
};
#define T struct group_opts

/* A group's name is -n in az's commands for groups, and -g in all others; both are taken. */
#define GROUP_NAME_ROW                                                                                      \
    KG_OPT(T, STRING, "name", at.group, "NAME",                                                             \
           "name of the resource group", .letter = 'n', .aliases = "resource-group", .required = true),     \
    KG_OPT(T, STRING, "group", at.group, "NAME", "the same", .letter = 'g', .hidden = true)

static const struct kg_opt create_opts[] = {
    GROUP_NAME_ROW,
    KG_OPT(T, STRING, "location", location, "REGION", "region; default: the service's own", .letter = 'l'),
    KG_OPT(T, PAIRS, "tags", tags, "KEY=VALUE", "tags"),
    { 0 },
};
static const struct kg_opt show_opts[] = { GROUP_NAME_ROW, { 0 } };
static const struct kg_opt delete_opts[] = { GROUP_NAME_ROW, KG_OPT_YES_ROW(T), KG_OPT_NO_WAIT_ROW(T), { 0 } };

static int create(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct group_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, o->at.group, NULL);
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    if (o->location)
        kg_json_set_str(body, "location", o->location);
    if (o->tags)
        kg_json_set(body, "tags", kg_json_copy(o->tags));
    return kg_cli_change(cli, "PUT", path, body, false, err);
}

static int show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct group_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, o->at.group, NULL);

    return kg_cli_show(cli, path, err);
}

static int list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_FREE char *path = kg_cli_path(cli, NULL, "resourceGroups");

    (void)opts;
    return kg_cli_list(cli, path, 0, err);
}

static int delete(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct group_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, o->at.group, NULL);

    return kg_cli_change(cli, "DELETE", path, NULL, o->no_wait, err);
}

const struct kg_cmd kg_cmds_group[] = {
    { .name = "group create", .summary = "Create a resource group", .positional = "name", .opts = create_opts,
      .opts_size = sizeof(T), .run = create,
      .examples = (const char *const[]){ "group create -n prod -l local", NULL } },
    { .name = "group show", .summary = "Show a resource group", .positional = "name", .opts = show_opts,
      .opts_size = sizeof(T), .run = show, .examples = (const char *const[]){ "group show -n default", NULL } },
    { .name = "group list", .summary = "List the resource groups", .run = list,
      .examples = (const char *const[]){ "group list -o table", NULL } },
    { .name = "group delete", .summary = "Delete an empty resource group", .positional = "name", .opts = delete_opts,
      .opts_size = sizeof(T), .run = delete, .flags = KG_CMD_CONFIRM, .question = "delete the resource group",
      .examples = (const char *const[]){ "group delete -n prod --yes", NULL } },
    { 0 },
};
