#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "cli/datasource.h"
#include "cli/search.h"
#include "model/id.h"

struct job_opts {
    struct kg_at at;             /* name: the job */
    const char *datasource_type, *from, *until, *next_token;
    struct kg_words subscriptions, groups, vaults, datasource_ids, states, operations;
    const char *status, *operation, *instance;
    uint64_t max_items;
    bool secondary, all, wait;
};
#define T struct job_opts

#define JOB_ROW                                                                                             \
    KG_OPT(T, STRING, "job-id", at.name, "ID",                                                                  \
           "the job: its name or its whole resource id", .aliases = "name", .required = true)
/* Not required by itself: a whole resource id says which vault. */
#define VAULT_ROW                                                                                           \
    KG_OPT(T, STRING, "vault-name", at.vault, "VAULT",                                                      \
           "name of the Backup vault, unless the id says it", .letter = 'v')

static const char *const states[] = { "InProgress", "Completed", "Failed", "Cancelled", "CompletedWithWarnings",
                                      "Cancelling", "Paused", NULL };

static const struct kg_opt list_opts[] = {
    KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T),
    KG_OPT(T, FLAG, "all", all, NULL, "also those that began more than seven days ago"),
    KG_OPT(T, CHOICE, "status", status, "STATUS", "only in this state", .choices = states),
    KG_OPT(T, STRING, "operation", operation, "OPERATION", "only of this operation: Backup, Restore, Check…"),
    KG_OPT(T, STRING, "backup-instance-name", instance, "NAME", "only of this backup instance"),
    KG_OPT(T, STRING, "start-time", from, "TIME", "started at this time or later: 2026-01-31T22:00:00 (UTC)"),
    KG_OPT(T, STRING, "end-time", until, "TIME", "started before this time"),
    KG_OPT_MAX_ITEMS_ROW(T),
    KG_OPT_NEXT_TOKEN_ROW(T),
    KG_OPT_SECONDARY_ROW(T), { 0 },
};
static const struct kg_opt search_opts[] = {
    KG_OPT_SEARCH_DATASOURCE_ROWS(T),
    KG_OPT(T, LIST, "status", states, "STATUS", "only in these states: InProgress, Completed, Failed…"),
    KG_OPT(T, LIST, "operation", operations, "OPERATION", "only these: OnDemandBackup, ScheduledBackup, Restore"),
    KG_OPT(T, STRING, "start-time", from, "TIME", "started later than this: 2026-01-31T22:00:00 (UTC)"),
    KG_OPT(T, STRING, "end-time", until, "TIME", "ended earlier than this"),
    { 0 },
};
static const struct kg_opt one_opts[] = { JOB_ROW, VAULT_ROW, KG_OPT_GROUP_ROW(T), KG_OPT_IDS_ROW(T),
                                          KG_OPT_SECONDARY_ROW(T), { 0 } };

static const struct kg_opt retry_opts[] = {
    JOB_ROW, VAULT_ROW, KG_OPT_GROUP_ROW(T), KG_OPT_IDS_ROW(T),
    KG_OPT(T, FLAG, "wait", wait, NULL, "follow the new job to its end"), { 0 },
};

char *kg_cli_job_path(const struct kg_cli *cli, const struct kg_at *at, const char *job)
{
    if (job[0] == '/')
        return kg_xstrdup(job);
    return kg_cli_path(cli, kg_cli_group(at), KG_PROVIDER_BACKUP "/backupVaults/%s/backupJobs/%s", at->vault, job);
}

static int path_of(const struct kg_cli *cli, const struct job_opts *o, char **ret, struct kg_err *err)
{
    if (o->secondary)
        return kg_err_set(err, KG_E_UNSUPPORTED, "there is no secondary region");
    if (o->at.name[0] != '/' && !o->at.vault)
        return kg_err_set(err, KG_E_USAGE, "--vault-name (-v) is required with a job's name");
    *ret = kg_cli_job_path(cli, &o->at, o->at.name);
    return 0;
}

/* " and key op 'value'", encoded as it stands in a query; a quote in the value is doubled. */
static void add_term(struct kg_buf *b, const char *term, const char *value)
{
    if (!value)
        return;
    kg_buf_addf(b, "%s%s%%20%%27", b->len ? "%20and%20" : "", term);
    for (; *value; value++) {
        if (isalnum((unsigned char)*value) || strchr("-._~/", *value))
            kg_buf_add(b, value, 1);
        else
            kg_buf_addf(b, "%s%%%02X", *value == '\'' ? "%27" : "", (unsigned char)*value);
    }
    kg_buf_adds(b, "%27");
}

static int add_time(struct kg_buf *b, const char *term, const char *option, const char *text, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *time = kg_json_object();

    if (kg_search_time(time, "time", option, text, err) < 0)
        return -(int)err->code;
    add_term(b, term, kg_json_str(time, "time"));
    return 0;
}

static int list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct job_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at), KG_PROVIDER_BACKUP "/backupVaults/%s/backupJobs", o->at.vault);
    KG_AUTO_FREE char *vault = kg_cli_path(cli, kg_cli_group(&o->at), KG_PROVIDER_BACKUP "/backupVaults/%s", o->at.vault);
    KG_AUTO_FREE char *instance = o->instance ? kg_id_child(vault, "backupInstances", o->instance) : NULL, *query = NULL;
    KG_AUTO_BUF struct kg_buf filter = KG_BUF_INIT(16 << 10);

    if (o->secondary)
        return kg_err_set(err, KG_E_UNSUPPORTED, "there is no secondary region");
    add_term(&filter, "status%20eq", o->status);
    add_term(&filter, "operation%20eq", o->operation);
    add_term(&filter, "backupInstanceId%20eq", instance);
    if (add_time(&filter, "startTime%20ge", "start-time", o->from ? o->from : o->all ? "1970-01-01T00:00:01Z" : NULL, err) < 0 ||
        add_time(&filter, "startTime%20lt", "end-time", o->until, err) < 0)
        return -(int)err->code;
    query = filter.len ? kg_xprintf("%s?$filter=%s", path, filter.p) : NULL;
    return kg_cli_list_from(cli, query ? query : path, o->next_token, o->max_items, err);
}

static int search(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    static const char *const operations[] = { "OnDemandBackup", "ScheduledBackup", "Restore", "Tiering", "Management", NULL };
    const struct job_opts *o = opts;
    KG_AUTO_JSON struct kg_json *filter = kg_json_object();

    kg_search_words(filter, "resourceGroups", &o->groups);
    kg_search_words(filter, "vaults", &o->vaults);
    kg_search_datasource(filter, o->datasource_type);
    kg_search_words(filter, "datasourceIds", &o->datasource_ids);
    if (kg_search_choices(filter, "statuses", "status", &o->states, states, err) < 0 ||
        kg_search_choices(filter, "operations", "operation", &o->operations, operations, err) < 0 ||
        kg_search_time(filter, "startTime", "start-time", o->from, err) < 0 ||
        kg_search_time(filter, "endTime", "end-time", o->until, err) < 0)
        return -(int)err->code;
    return kg_search(cli, "searchBackupJobs", &o->subscriptions, filter, err);
}

static int show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_FREE char *path = NULL;

    if (path_of(cli, opts, &path, err) < 0)
        return -(int)err->code;
    if (kg_cli_show(cli, path, err) < 0)
        return -(int)err->code;
    if (cli->g.output && strcmp(cli->g.output, "table") == 0) { /* which has room for the first one only */
        KG_AUTO_BUF struct kg_buf tables = KG_BUF_INIT(64 << 10);

        kg_cli_tell_warnings(cli, cli->result);
        kg_job_tables_line(cli->result, &tables);
        if (tables.len)
            kg_cli_note(cli, "%s", tables.p);
    }
    return 0;
}

static int wait_for(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_FREE char *path = NULL;
    struct kg_json *job = NULL;
    int r;

    if (path_of(cli, opts, &path, err) < 0)
        return -(int)err->code;
    r = kg_cli_follow_job(cli, path, &job, err);
    if (job)
        kg_cli_emit(cli, job);
    return r;
}

static int cancel(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_FREE char *path = NULL, *url = NULL;

    if (path_of(cli, opts, &path, err) < 0)
        return -(int)err->code;
    url = kg_xprintf("%s/cancel", path);
    return kg_cli_change(cli, "POST", url, NULL, false, err);
}

static int retry(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct job_opts *o = opts;
    KG_AUTO_FREE char *path = NULL, *url = NULL;

    if (path_of(cli, o, &path, err) < 0)
        return -(int)err->code;
    url = kg_xprintf("%s/retry", path);
    return kg_cli_start_job(cli, &o->at, url, NULL, false, o->wait, err);
}

/* The log is lines of text; they are printed as such, whatever --output says. */
static int show_log(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_FREE char *path = NULL, *url = NULL;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(64 << 20);
    KG_AUTO_JSON struct kg_json *log = NULL;
    struct kg_client *c = NULL;

    if (path_of(cli, opts, &path, err) < 0)
        return -(int)err->code;
    url = kg_xprintf("%s/log", path);
    if (kg_cli_client(cli, &c, err) < 0 || kg_client_list(c, url, 0, &log, NULL, err) < 0)
        return -(int)err->code;
    for (const struct kg_json *l = kg_json_first(log); l; l = kg_json_next(l)) {
        const char *text = kg_json_value_str(l);

        kg_cli_add_line(cli, text ? text : kg_json_str_or(l, "text", ""), &b);
    }
    return kg_cli_write(b.p, b.len, err);
}

const struct kg_cmd kg_cmds_job[] = {
    { .name = "job list", .summary = "List a vault's jobs of the last seven days, newest first", .opts = list_opts,
      .opts_size = sizeof(T), .run = list,
      .about = "With --all, --start-time or --end-time also older ones; jobs that have not ended are always listed.",
      .examples = (const char *const[]){ "job list -v vault1 -o table", "job list -v vault1 --all --status Failed", NULL } },
    { .name = "job list-from-resourcegraph", .summary = "List jobs of all vaults, filtered, newest first",
      .opts = search_opts, .opts_size = sizeof(T), .run = search,
      .examples = (const char *const[]){
          "job list-from-resourcegraph --datasource-type AzureDatabaseForPostgreSQL --status Completed",
          "job list-from-resourcegraph --operation Restore -o table", NULL } },
    { .name = "job show", .summary = "Show a job", .opts = one_opts, .opts_size = sizeof(T), .run = show,
      .ids_of = "backupJobs",
      .examples = (const char *const[]){ "job show -v vault1 --job-id c3a52d1d-8853-4211-8141-477c65740264", NULL } },
    { .name = "job wait", .summary = "Follow a job to its end", .opts = one_opts, .opts_size = sizeof(T),
      .run = wait_for, .ids_of = "backupJobs",
      .about = "Shows its progress on standard error, then prints the job. A failed job's error decides the exit code.",
      .examples = (const char *const[]){ "job wait -v vault1 --job-id c3a52d1d-8853-4211-8141-477c65740264", NULL } },
    { .name = "job cancel", .summary = "Cancel a running job", .opts = one_opts, .opts_size = sizeof(T),
      .run = cancel, .ids_of = "backupJobs",
      .examples = (const char *const[]){ "job cancel -v vault1 --job-id c3a52d1d-8853-4211-8141-477c65740264", NULL } },
    { .name = "job retry", .summary = "Ask once more for what a job that did not complete was asked for", .opts = retry_opts,
      .opts_size = sizeof(T), .run = retry, .ids_of = "backupJobs",
      .about = "For jobs that failed, were cancelled or completed with warnings. The new job has the same parameters; secrets are "
               "read anew. Jobs that the service starts by itself are tried again by the service.",
      .examples = (const char *const[]){ "job retry -v vault1 --job-id c3a52d1d-8853-4211-8141-477c65740264 --wait", NULL } },
    { .name = "job log", .summary = "Print what a job has logged", .opts = one_opts, .opts_size = sizeof(T),
      .run = show_log, .ids_of = "backupJobs",
      .examples = (const char *const[]){ "job log -v vault1 --job-id c3a52d1d-8853-4211-8141-477c65740264", NULL } },
    { 0 },
};
