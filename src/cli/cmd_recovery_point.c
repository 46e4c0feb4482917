#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/cmds.h"

struct point_opts {
    struct kg_at at;             /* name: the backup instance */
    const char *point, *from, *until, *next_token, *schema, *reason;
    const char *priority;
    uint64_t max_items, duration;
    bool secondary, contents, no_wait, wait;
};
#define T struct point_opts

#define INSTANCE_ROW                                                                                        \
    KG_OPT(T, STRING, "backup-instance-name", at.name, "NAME",                                              \
           "name of the backup instance", .letter = 'n', .aliases = "name", .required = true)

static const struct kg_opt list_opts[] = {
    INSTANCE_ROW,
    KG_OPT_VAULT_ROW(T),
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, STRING, "start-time", from, "TIME", "not older than this: 2026-01-31T22:00:00 (UTC)"),
    KG_OPT(T, STRING, "end-time", until, "TIME", "not newer than this"),
    KG_OPT_MAX_ITEMS_ROW(T),
    KG_OPT_NEXT_TOKEN_ROW(T),
    KG_OPT_SECONDARY_ROW(T),
    { 0 },
};
static const struct kg_opt show_opts[] = {
    KG_OPT(T, STRING, "recovery-point-id", point, "ID", "the recovery point"),
    INSTANCE_ROW,
    KG_OPT_VAULT_ROW(T),
    KG_OPT_GROUP_ROW(T),
    KG_OPT_IDS_ROW(T),
    KG_OPT(T, FLAG, "contents", contents, NULL, "tell the schemas and tables in it, too, with rows and bytes"),
    KG_OPT_SECONDARY_ROW(T),
    { 0 },
};

#define POINT_ROWS                                                                                          \
    KG_OPT(T, STRING, "recovery-point-id", point, "ID", "the recovery point"), INSTANCE_ROW, KG_OPT_VAULT_ROW(T),   \
    KG_OPT_GROUP_ROW(T), KG_OPT_IDS_ROW(T)

static const struct kg_opt hold_opts[] = {
    POINT_ROWS,
    KG_OPT(T, STRING, "reason", reason, "TEXT", "why it is to stay; shown with the recovery point"),
    KG_OPT(T, STRING, "until", until, "TIME", "the hold ends by itself then; without it, with 'recovery-point release'"),
    { 0 },
};
static const struct kg_opt release_opts[] = { POINT_ROWS, { 0 } };

static const struct kg_opt contents_opts[] = {
    KG_OPT(T, STRING, "recovery-point-id", point, "ID", "the recovery point"),
    INSTANCE_ROW,
    KG_OPT_VAULT_ROW(T),
    KG_OPT_GROUP_ROW(T),
    KG_OPT_IDS_ROW(T),
    KG_OPT(T, STRING, "schema", schema, "NAME", "only what this schema holds"),
    { 0 },
};

static const char *const priorities[] = { "Standard", "High", NULL };
static const struct kg_opt rehydrate_opts[] = {
    KG_OPT(T, STRING, "recovery-point-id", point, "ID", "the recovery point"),
    INSTANCE_ROW,
    KG_OPT_VAULT_ROW(T),
    KG_OPT_GROUP_ROW(T),
    KG_OPT_IDS_ROW(T),
    KG_OPT(T, CHOICE, "rehydration-priority", priority, "PRIORITY",
           "Standard, the default; High goes before other jobs that wait", .choices = priorities),
    KG_OPT(T, UINT, "rehydration-duration", duration, "DAYS",
           "how long it stays in the vault, default 15", .min = 10, .max = 30),
    KG_OPT(T, FLAG, "wait", wait, NULL, "follow the job to its end"),
    KG_OPT_NO_WAIT_ROW(T),
    { 0 },
};

static int refuse_secondary(const struct point_opts *o, struct kg_err *err)
{
    return o->secondary ? kg_err_set(err, KG_E_UNSUPPORTED, "there is no secondary region") : 0;
}

static int read_time(const char *option, const char *text, kg_usec *ret, struct kg_err *err)
{
    if (kg_time_parse_iso(text, ret))
        return 0;
    kg_err_set(err, KG_E_USAGE, "--%s takes a time, not '%s'", option, text);
    kg_err_advise(err, "Write it like 2026-01-31T22:00:00; it is UTC unless a zone stands behind it.");
    return -(int)err->code;
}

/* Adds "<field> eq '<time>'" in ARM's spelling of times. */
static int add_time(const char *option, const char *field, const char *text, struct kg_buf *b, struct kg_err *err)
{
    char iso[32];
    kg_usec when;

    if (!text)
        return 0;
    if (read_time(option, text, &when, err) < 0)
        return -(int)err->code;
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
    return kg_cli_list_from(cli, filter.len ? filtered : path, o->next_token, o->max_items, err);
}

/* The caller frees *ret. */
static int point_path(const struct kg_cli *cli, const struct point_opts *o, char **ret, struct kg_err *err)
{
    if (!o->at.id && !o->point)
        return kg_err_set(err, KG_E_USAGE, "--recovery-point-id is required");
    *ret = o->at.id ? kg_xstrdup(o->at.id)
                    : kg_cli_path(cli, kg_cli_group(&o->at),
                                  KG_PROVIDER_BACKUP "/backupVaults/%s/backupInstances/%s/recoveryPoints/%s", o->at.vault,
                                  o->at.name, o->point);
    return 0;
}

static int hold(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct point_opts *o = opts;
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    KG_AUTO_FREE char *path = NULL, *action = NULL;
    char iso[32];
    kg_usec until;

    if (point_path(cli, o, &path, err) < 0 || (o->until && read_time("until", o->until, &until, err) < 0))
        return -(int)err->code;
    action = kg_xprintf("%s/hold", path);
    if (o->reason)
        kg_json_set_str(body, "reason", o->reason);
    if (o->until)
        kg_json_set_str(body, "until", kg_time_iso(until, iso));
    return kg_cli_change(cli, "POST", action, body, false, err);
}

static int release(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_FREE char *path = NULL, *action = NULL;

    if (point_path(cli, opts, &path, err) < 0)
        return -(int)err->code;
    action = kg_xprintf("%s/release", path);
    return kg_cli_change(cli, "POST", action, NULL, false, err);
}

/* A table has a row a table; what else there is, it is told besides. */
static int contents(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct point_opts *o = opts;
    KG_AUTO_JSON struct kg_json *body = kg_json_object(), *answer = NULL;
    KG_AUTO_FREE char *point = NULL, *path = NULL;
    bool table = cli->g.output && strcmp(cli->g.output, "table") == 0 && !cli->query;
    uint64_t omitted;

    if (point_path(cli, o, &point, err) < 0)
        return -(int)err->code;
    path = kg_xprintf("%s/listContents", point);
    if (o->schema)
        kg_json_set_str(body, "schema", o->schema);
    if (kg_cli_send(cli, "POST", path, body, false, &answer, err) < 0)
        return -(int)err->code;
    omitted = kg_json_u64(answer, "omitted", 0);
    if (omitted)
        kg_cli_note(cli, "note: there are %" PRIu64 " more tables; choose a schema with --schema", omitted);
    kg_cli_emit(cli, table ? kg_json_take(answer, "value") : KG_TAKE(answer));
    return 0;
}

static int rehydrate(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct point_opts *o = opts;
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    KG_AUTO_FREE char *path = NULL, *action = NULL, *days = NULL;

    if (point_path(cli, o, &path, err) < 0)
        return -(int)err->code;
    action = kg_xprintf("%s/rehydrate", path);
    days = kg_xprintf("P%uD", (unsigned)(o->duration ? o->duration : 15));
    kg_json_set_str(body, "rehydrationPriority", o->priority ? o->priority : "Standard");
    kg_json_set_str(body, "rehydrationRetentionDuration", days);
    return kg_cli_start_job(cli, &o->at, action, body, o->no_wait, o->wait, err);
}

static int show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct point_opts *o = opts;
    KG_AUTO_FREE char *path = NULL, *expanded = NULL;

    if (refuse_secondary(o, err) < 0 || point_path(cli, o, &path, err) < 0)
        return -(int)err->code;
    if (!o->contents)
        return kg_cli_show(cli, path, err);
    expanded = kg_xprintf("%s?$expand=contents", path);
    return kg_cli_change(cli, "GET", expanded, NULL, false, err);
}

const struct kg_cmd kg_cmds_recovery_point[] = {
    { .name = "recovery-point list", .summary = "List a backup instance's recovery points", .opts = list_opts,
      .opts_size = sizeof(T), .run = list,
      .examples = (const char *const[]){ "recovery-point list --backup-instance-name pg1-shop -v vault1 -o table",
                                         "recovery-point list -n pg1-shop -v vault1 --start-time 2026-01-01T00:00:00",
                                         NULL } },
    { .name = "recovery-point show", .summary = "Show a recovery point", .opts = show_opts, .opts_size = sizeof(T),
      .run = show, .ids_of = "recoveryPoints",
      .examples = (const char *const[]){
          "recovery-point show -n pg1-shop -v vault1 --recovery-point-id 5f0c9d3e8a7b4c1d9e2f3a4b5c6d7e8f",
          "recovery-point show -n pg1-shop -v vault1 --recovery-point-id 5f0c9d3e8a7b4c1d9e2f3a4b5c6d7e8f --contents", NULL } },
    { .name = "recovery-point contents", .summary = "List the tables in a recovery point, with rows and bytes", .opts = contents_opts,
      .opts_size = sizeof(T), .run = contents, .ids_of = "recoveryPoints",
      .examples = (const char *const[]){
          "recovery-point contents -n pg1-shop -v vault1 --recovery-point-id 5f0c9d3e8a7b4c1d9e2f3a4b5c6d7e8f -o table", NULL } },
    { .name = "recovery-point hold", .summary = "Keep a recovery point whatever its rule says",
      .opts = hold_opts, .opts_size = sizeof(T), .run = hold, .ids_of = "recoveryPoints",
      .about = "A held point does not expire, and its backup instance cannot be deleted. Holding it again changes the reason and\n"
               "the end of the hold.",
      .examples = (const char *const[]){
          "recovery-point hold -n pg1-shop -v vault1 --recovery-point-id 5f0c9d3e8a7b4c1d9e2f3a4b5c6d7e8f --reason 'audit 2031'",
          "recovery-point hold -n pg1-shop -v vault1 --recovery-point-id 5f0c9d3e8a7b4c1d9e2f3a4b5c6d7e8f "
          "--until 2099-12-31T00:00:00", NULL } },
    { .name = "recovery-point release", .summary = "Let a held recovery point leave again as its rule says",
      .opts = release_opts, .opts_size = sizeof(T), .run = release, .ids_of = "recoveryPoints",
      .examples = (const char *const[]){
          "recovery-point release -n pg1-shop -v vault1 --recovery-point-id 5f0c9d3e8a7b4c1d9e2f3a4b5c6d7e8f", NULL } },
    { .name = "recovery-point rehydrate", .summary = "Bring a recovery point back from the archive for some days",
      .opts = rehydrate_opts, .opts_size = sizeof(T), .run = rehydrate, .ids_of = "recoveryPoints",
      .about = "A point that is in the archive only is restored from a copy of it in the vault, which leaves by itself when its days\n"
               "are over. For one that has such a copy, or gets one just now, the days count anew.",
      .examples = (const char *const[]){
          "recovery-point rehydrate -n pg1-shop -v vault1 --recovery-point-id 5f0c9d3e8a7b4c1d9e2f3a4b5c6d7e8f --wait",
          "recovery-point rehydrate -n pg1-shop -v vault1 --recovery-point-id 5f0c9d3e8a7b4c1d9e2f3a4b5c6d7e8f "
          "--rehydration-priority High --rehydration-duration 30", NULL } },
    { 0 },
};
