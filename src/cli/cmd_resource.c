#include <stddef.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"

struct resource_opts {
    struct kg_at at;
    const char *type, *location, *next_token;
    uint64_t max_items;
};
#define T struct resource_opts

static const struct kg_opt list_opts[] = {
    KG_OPT(T, STRING, "resource-type", type, "TYPE", "only of this type, as Microsoft.KeyVault/vaults"),
    KG_OPT_ONLY_GROUP_ROW(T),
    KG_OPT(T, STRING, "name", at.name, "NAME", "only of this name", .letter = 'n'),
    KG_OPT(T, STRING, "location", location, "REGION", "only in this region", .letter = 'l'),
    KG_OPT_MAX_ITEMS_ROW(T),
    KG_OPT_NEXT_TOKEN_ROW(T),
    { 0 },
};

/* Adds "key eq 'value'", a quote in the value doubled. */
static void add_equal(struct kg_buf *b, const char *key, const char *value)
{
    if (!value)
        return;
    kg_buf_addf(b, "%s%s eq '", b->len ? " and " : "", key);
    for (; *value; value++)
        kg_buf_addf(b, "%s%c", *value == '\'' ? "'" : "", *value);
    kg_buf_adds(b, "'");
}

static int list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct resource_opts *o = opts;
    KG_AUTO_BUF struct kg_buf filter = KG_BUF_INIT(4000);
    KG_AUTO_FREE char *path = kg_cli_path(cli, NULL, "resources");
    KG_AUTO_FREE char *filtered = NULL;

    add_equal(&filter, "resourceType", o->type);
    add_equal(&filter, "resourceGroup", o->at.group);
    add_equal(&filter, "name", o->at.name);
    add_equal(&filter, "location", o->location);
    if (kg_buf_ok(&filter, err) < 0)
        return -(int)err->code;
    filtered = kg_xprintf("%s?$filter=%s", path, filter.p);
    return kg_cli_list_from(cli, filter.len ? filtered : path, o->next_token, o->max_items, err);
}

const struct kg_cmd kg_cmds_resource[] = {
    { .name = "resource list", .summary = "List servers, key vaults, storage accounts and Backup vaults", .opts = list_opts,
      .opts_size = sizeof(T), .run = list,
      .examples = (const char *const[]){ "resource list -o table",
                                         "resource list --resource-type Microsoft.DBforPostgreSQL/servers -g default", NULL } },
    { 0 },
};
