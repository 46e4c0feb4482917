#include <stddef.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/cmds.h"

struct point_opts {
    struct kg_at at;             /* name: the backup instance */
    const char *point, *from, *until;
    uint64_t max_items;
    bool contents, secondary;
};
#define T struct point_opts

#define INSTANCE_ROW                                                                                         \
    { "backup-instance-name", 'n', "name", KG_OPT_STRING, offsetof(T, at.name), "NAME", "name of the backup instance", true, \
      0, 0, NULL, false }
#define SECONDARY_ROW                                                                                        \
    { "use-secondary-region", 0, NULL, KG_OPT_FLAG, offsetof(T, secondary), NULL, "not supported", false, 0, 0, NULL, true }

static const struct kg_opt list_opts[] = {
    INSTANCE_ROW,
    KG_OPT_VAULT_ROW(T),
    KG_OPT_GROUP_ROW(T),
    KG_OPT_STRING_ROW(T, "start-time", 0, from, "TIME", "not older than this: 2026-01-31T22:00:00 (UTC)", false),
    KG_OPT_STRING_ROW(T, "end-time", 0, until, "TIME", "not newer than this", false),
    KG_OPT_UINT_ROW(T, "max-items", 0, max_items, "N", "at most so many", 1, 1000000),
    SECONDARY_ROW,
    { 0 },
};
static const struct kg_opt show_opts[] = {
    { "recovery-point-id", 0, NULL, KG_OPT_STRING, offsetof(T, point), "ID", "the recovery point", true, 0, 0, NULL, false },
    INSTANCE_ROW,
    KG_OPT_VAULT_ROW(T),
    KG_OPT_GROUP_ROW(T),
    KG_OPT_FLAG_ROW(T, "contents", contents, "with its tables, their rows and sizes"),
    SECONDARY_ROW,
    { 0 },
};

static int refuse_secondary(const struct point_opts *o, struct kg_err *err)
{
    return o->secondary ? kg_err_set(err, KG_E_UNSUPPORTED, "there is no secondary region") : 0;
}

/* Adds "<field> eq '<time>'" in ARM's spelling of times. */
static int add_time(const char *option, const char *field, const char *text, struct kg_buf *b, struct kg_err *err)
{
    char iso[32];
    kg_usec when;

    if (!text)
        return 0;
    if (!kg_time_parse_iso(text, &when)) {
        kg_err_set(err, KG_E_USAGE, "--%s takes a time, not '%s'", option, text);
        kg_err_advise(err, "Write it like 2026-01-31T22:00:00; it is UTC unless a zone stands behind it.");
        return -(int)err->code;
    }
    kg_buf_addf(b, "%s%s eq '%s'", b->len ? " and " : "", field, kg_time_iso(when, iso));
    return 0;
}

static int list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct point_opts *o = opts;
    KG_AUTO_BUF struct kg_buf filter = KG_BUF_INIT(400);
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at),
                                          KG_PROVIDER_BACKUP "/backupVaults/%s/backupInstances/%s/recoveryPoints",
                                          o->at.vault, o->at.name);
    KG_AUTO_FREE char *filtered = NULL;

    if (refuse_secondary(o, err) < 0 || add_time("start-time", "startDate", o->from, &filter, err) < 0 ||
        add_time("end-time", "endDate", o->until, &filter, err) < 0)
        return -(int)err->code;
    filtered = kg_xprintf("%s?$filter=%s", path, filter.p);
    return kg_cli_list(cli, filter.len ? filtered : path, o->max_items, err);
}

static int show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct point_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at),
                                          KG_PROVIDER_BACKUP "/backupVaults/%s/backupInstances/%s/recoveryPoints/%s",
                                          o->at.vault, o->at.name, o->point);
    KG_AUTO_FREE char *expanded = kg_xprintf("%s?$expand=contents", path);

    if (refuse_secondary(o, err) < 0)
        return -(int)err->code;
    return kg_cli_show(cli, o->contents ? expanded : path, err);
}

const struct kg_cmd kg_cmds_recovery_point[] = {
    { .name = "recovery-point list", .summary = "List a backup instance's recovery points", .opts = list_opts,
      .opts_size = sizeof(T), .run = list,
      .examples = (const char *const[]){ "recovery-point list --backup-instance-name pg1-shop -v vault1 -o table",
                                         "recovery-point list -n pg1-shop -v vault1 --start-time 2026-01-01T00:00:00", NULL } },
    { .name = "recovery-point show", .summary = "Show a recovery point", .opts = show_opts, .opts_size = sizeof(T),
      .run = show,
      .examples = (const char *const[]){
          "recovery-point show -n pg1-shop -v vault1 --recovery-point-id 5f0c9d3e8a7b4c1d9e2f3a4b5c6d7e8f", NULL } },
    { 0 },
};
