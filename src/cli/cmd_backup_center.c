#include <stddef.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"

static int show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_FREE char *path = kg_cli_path(cli, NULL, KG_PROVIDER_BACKUP "/backupCenter");

    (void)opts;
    return kg_cli_show(cli, path, err);
}

const struct kg_cmd kg_cmds_backup_center[] = {
    { .name = "backup-center show", .summary = "Show how backups stand: instances, jobs, what is stored, what comes next",
      .run = show, .opts_size = sizeof(struct kg_at),
      .about = "What needs attention stands in instances.attention: not ready, last backup failed, or overdue.",
      .examples = (const char *const[]){ "backup-center show", "backup-center show --query instances.attention -o table", NULL } },
    { 0 },
};
