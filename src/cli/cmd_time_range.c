#include <stddef.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "cli/search.h"

struct range_opts {
    struct kg_at at;             /* name: the backup instance */
    const char *source, *from, *until;
};
#define T struct range_opts

static const char *const sources[] = { "ArchiveStore", "OperationalStore", "VaultStore", NULL };

static const struct kg_opt find_opts[] = {
    KG_OPT_NAME_ROW(T, "backup-instance-name", "name of the backup instance"),
    KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T), KG_OPT_IDS_ROW(T),
    KG_OPT(T, CHOICE, "source-data-store-type", source, "STORE", "where the recovery points are", .required = true,
           .choices = sources),
    KG_OPT(T, STRING, "start-time", from, "TIME", "not before this: 2026-01-31T22:00:00 (UTC)"),
    KG_OPT(T, STRING, "end-time", until, "TIME", "not after this"),
    { 0 },
};

static int find(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct range_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at),
                                          KG_PROVIDER_BACKUP "/backupVaults/%s/backupInstances/%s/findRestorableTimeRanges",
                                          o->at.vault, o->at.name);
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    kg_json_set_str(body, "sourceDataStoreType", o->source);
    if (kg_search_time(body, "startTime", "start-time", o->from, err) < 0 ||
        kg_search_time(body, "endTime", "end-time", o->until, err) < 0)
        return -(int)err->code;
    return kg_cli_change(cli, "POST", path, body, false, err);
}

const struct kg_cmd kg_cmds_time_range[] = {
    { .name = "restorable-time-range find", .summary = "Find the times that can be restored to", .opts = find_opts,
      .opts_size = sizeof(T), .run = find, .ids_of = "backupInstances",
      .about = "A PostgreSQL database is restored from recovery points, not to a point in time: there are no ranges, and\n"
               "'recovery-point list' tells what there is.",
      .examples = (const char *const[]){
          "restorable-time-range find --backup-instance-name pg1-shop -v vault1 --source-data-store-type VaultStore", NULL } },
    { 0 },
};
