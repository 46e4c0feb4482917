#include "cli/cli.h"
#include "cli/cmds.h"

static int list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    (void)opts;
    return kg_cli_list(cli, "/subscriptions", 0, err);
}

const struct kg_cmd kg_cmds_account[] = {
    { .name = "account list", .summary = "List the subscriptions",
      .examples = (const char *const[]){ "account list -o table", NULL }, .run = list },
    { 0 },
};
