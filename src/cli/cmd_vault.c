#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "cli/recovery_key.h"
#include "plugin/files.h"
#include "store/store.h"
#include "sys/fd.h"
#include "vault/vault.h"

struct bytes_opts {
    struct kg_at at;
    const char *key_file, *store, *instance, *point, *output, *prefix;
    bool read_data, dry_run, take_over, no_wait, yes;
};
#define T struct bytes_opts

enum { RECOVERY_KEY_MAX = 1024 };

#define STORE_ROW KG_OPT(T, STRING, "store", store, "DIR", "the vault's directory", .required = true)
#define KEY_ROW                                                                                             \
    KG_OPT(T, STRING, "recovery-key-file", key_file, "FILE",                                                \
           "read the recovery key from a file ('-': standard input) instead of asking")

static const struct kg_opt issue_opts[] = {
    KG_OPT_VAULT_ROW(T),
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, STRING, "recovery-key-file", key_file, "FILE", "write the key to this new file instead of showing it"),
    KG_OPT_YES_ROW(T),
    { 0 },
};
static const struct kg_opt check_opts[] = {
    KG_OPT_VAULT_ROW(T),
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, FLAG, "read-data", read_data, NULL, "read and authenticate every byte, not only the structure"),
    KG_OPT_NO_WAIT_ROW(T),
    { 0 },
};
static const struct kg_opt collect_opts[] = {
    KG_OPT_VAULT_ROW(T),
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, FLAG, "dry-run", dry_run, NULL, "only tell what would go"),
    KG_OPT(T, FLAG, "take-over", take_over, NULL,
           "wait for no backup or collection of another machine: it will not come back"),
    KG_OPT_NO_WAIT_ROW(T),
    { 0 },
};
static const struct kg_opt points_opts[] = {
    STORE_ROW,
    KEY_ROW,
    KG_OPT(T, STRING, "instance", instance, "ID", "only of this instance"),
    { 0 },
};
static const struct kg_opt export_opts[] = {
    STORE_ROW,
    KG_OPT(T, STRING, "point", point, "ID", "the recovery point", .required = true),
    KG_OPT(T, STRING, "output-dir", output, "DIR",
           "existing directory for the files", .aliases = "output-directory", .required = true),
    KG_OPT(T, STRING, "instance", instance, "ID",
           "instance of the recovery point; needed when several have one of this id"),
    KG_OPT(T, STRING, "prefix", prefix, "NAME", "what the files' names begin with, default: database_point"),
    KEY_ROW,
    { 0 },
};

/* ---- through the service ---- */

static int recovery_key(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct bytes_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at),
                                          KG_PROVIDER_BACKUP "/backupVaults/%s/issueRecoveryKey",
                                          o->at.vault);
    KG_CLEANUP(kg_recovery_out_done) struct kg_recovery_out out = KG_RECOVERY_OUT_INIT;
    KG_AUTO_JSON struct kg_json *result = NULL;

    if (kg_recovery_out_open(&out, o->key_file, err) < 0 ||
        kg_recovery_call(cli, "POST", path, NULL, false, &out, &result, err) < 0)
        return -(int)err->code;
    if (!out.written)
        return kg_err_set(err, KG_E_NO_REPLY, "the service's answer holds no recovery key");
    kg_cli_note(cli, "Every older recovery key of this vault has ceased to work.");
    return 0;
}

/* A vault that is damaged makes the command fail, after the report has been printed. */
static int judge_report(struct kg_cli *cli, struct kg_json *report, struct kg_err *err)
{
    bool healthy = kg_json_bool(report, "healthy", true);
    size_t damaged = kg_json_count(kg_json_get(report, "damage"));

    kg_cli_emit(cli, report);
    if (healthy)
        return 0;
    kg_err_set(err, KG_E_CORRUPT, "the vault is damaged in %zu place%s", damaged, damaged == 1 ? "" : "s");
    kg_err_advise(err, "See 'damage' in the report for the recovery points and tables that need what is damaged.");
    return -(int)err->code;
}

/* Posts to an action of the vault whose report has the member key. The operation ends when the work does, or names a job that
 * goes on; either way the report comes last. Without waiting *ret stays NULL. */
static int run_job(struct kg_cli *cli, const struct bytes_opts *o, const char *action, const struct kg_json *body,
                   const char *key, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *vault = kg_cli_path(cli, kg_cli_group(&o->at), KG_PROVIDER_BACKUP "/backupVaults/%s", o->at.vault);
    KG_AUTO_FREE char *path = kg_xprintf("%s/%s", vault, action), *job_path = NULL;
    KG_AUTO_JSON struct kg_json *result = NULL, *job = NULL;
    const char *id;

    if (kg_cli_send(cli, "POST", path, body, o->no_wait, &result, err) < 0)
        return -(int)err->code;
    id = kg_json_str(result, "jobId");
    if (o->no_wait || !result) {
        if (result)
            kg_cli_emit(cli, KG_TAKE(result));
        return 0;
    }
    if (kg_json_get(result, key)) {
        *ret = KG_TAKE(result);
        return 0;
    }
    if (!id)
        return kg_err_set(err, KG_E_NO_REPLY, "the service's answer holds no report");
    job_path = kg_cli_job_path(cli, &o->at, id);
    if (kg_cli_follow_job(cli, job_path, &job, err) < 0) {
        if (!kg_json_get(job, "properties.extendedInfo.result"))
            return -(int)err->code;
        *err = (struct kg_err){ 0 }; /* a check that found damage: its report says so */
    }
    if (!kg_json_get(job, "properties.extendedInfo.result"))
        return kg_err_set(err, KG_E_NO_REPLY, "the job holds no report");
    *ret = kg_json_take(job, "properties.extendedInfo.result");
    return 0;
}

static int check(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct bytes_opts *o = opts;
    KG_AUTO_JSON struct kg_json *body = kg_json_object(), *report = NULL;

    kg_json_set_bool(body, "readData", o->read_data);
    if (run_job(cli, o, "check", body, "healthy", &report, err) < 0)
        return -(int)err->code;
    return report ? judge_report(cli, KG_TAKE(report), err) : 0;
}

static void say(const struct kg_cli *cli, const struct kg_json *report, const char *packs, const char *bytes, const char *what)
{
    uint64_t n = kg_json_u64(report, packs, 0);
    char size[16];

    kg_cli_note(cli, "%" PRIu64 " pack%s (%s) %s", n, n == 1 ? "" : "s", kg_human_bytes(kg_json_u64(report, bytes, 0), size),
                what);
}

/* The report in sentences, for who does not read JSON. */
static void tell_collected(const struct kg_cli *cli, const struct kg_json *report)
{
    const struct kg_json *waiting = kg_json_get(report, "waitingFor");
    bool elsewhere = false;
    char size[16];

    if (kg_json_bool(report, "dryRun", false)) {
        say(cli, report, "deadPacks", "deadBytes", "would be deleted: no recovery point needs them");
        if (kg_json_u64(report, "repackPacks", 0))
            say(cli, report, "repackPacks", "repackBytes",
                "would be deleted after the little in them that is needed was stored again");
        return;
    }
    say(cli, report, "deletedPacks", "freedBytes", "deleted");
    if (kg_json_u64(report, "rewrittenBytes", 0))
        kg_cli_note(cli, "%s in them that recovery points need stored again in new packs",
                    kg_human_bytes(kg_json_u64(report, "rewrittenBytes", 0), size));
    for (const struct kg_json *w = kg_json_first(waiting); w; w = kg_json_next(w)) {
        kg_cli_note(cli, "waiting for: %s on '%s' since %s", kg_json_str_or(w, "what", "?"), kg_json_str_or(w, "host", "?"),
                    kg_json_str_or(w, "since", "?"));
        elsewhere = elsewhere || kg_json_bool(w, "elsewhere", false);
    }
    if (kg_json_count(waiting))
        kg_cli_note(cli, "What can go is marked; run 'keepgres vault collect' again when this has ended.");
    if (elsewhere)
        kg_cli_note(cli, "Whether another machine, or this one before it was started anew, is still at work cannot be asked: it is "
                         "waited for 14 days. If it will never come back, collect with --take-over.");
}

static int collect(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct bytes_opts *o = opts;
    KG_AUTO_JSON struct kg_json *body = kg_json_object(), *report = NULL;

    if (o->dry_run && o->take_over)
        return kg_err_set(err, KG_E_USAGE, "--take-over and --dry-run exclude each other: looking needs no lock");
    kg_json_set_bool(body, "dryRun", o->dry_run);
    kg_json_set_bool(body, "takeOver", o->take_over);
    if (run_job(cli, o, "collect", body, "freedBytes", &report, err) < 0)
        return -(int)err->code;
    if (report) {
        tell_collected(cli, report);
        kg_cli_emit(cli, KG_TAKE(report));
    }
    return 0;
}

/* ---- without the service ---- */

struct opened {
    struct kg_store *store;
    struct kg_vault *vault;
};

static void opened_done(struct opened *v)
{
    kg_vault_close(v->vault);
    kg_store_close(v->store);
}

static int open_vault(const struct bytes_opts *o, struct opened *ret, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *key = NULL;

    if (kg_store_open_dir(o->store, false, &ret->store, err) < 0 ||
        kg_cli_read_secret(o->key_file, "Recovery key (not shown): ", "Give it with --recovery-key-file FILE.",
                           RECOVERY_KEY_MAX, &key, err) < 0)
        return -(int)err->code;
    return kg_vault_open_recovery(ret->store, key, &ret->vault, err);
}

struct listing {
    struct kg_vault *vault;
    struct kg_json *points;
};

/* What a person needs to choose; a manifest that cannot be read is listed with the reason. */
static int visit_point(void *ctx, const char *instance, const char *point, uint64_t size, struct kg_err *err)
{
    struct listing *l = ctx;
    KG_AUTO_JSON struct kg_json *manifest = NULL;
    struct kg_json *row = kg_json_object();
    struct kg_err bad = { 0 };

    (void)size, (void)err;
    kg_json_set_str(row, "instance", instance);
    kg_json_set_str(row, "point", point);
    kg_json_push(l->points, row);
    if (kg_point_get(l->vault, instance, point, &manifest, &bad) < 0) {
        kg_json_set_str(row, "problem", bad.msg);
        return 0;
    }
    kg_json_set_str(row, "time", kg_json_str(manifest, "time"));
    kg_json_set_str(row, "database", kg_json_str(manifest, "datasource.database"));
    kg_json_set_str(row, "server", kg_json_str(manifest, "datasource.server"));
    kg_json_set_u64(row, "tables", kg_json_u64(manifest, "totals.tables", 0));
    kg_json_set_u64(row, "rows", kg_json_u64(manifest, "totals.rows", 0));
    kg_json_set_u64(row, "bytes", kg_json_u64(manifest, "totals.bytes", 0));
    return 0;
}

static int list_points(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct bytes_opts *o = opts;
    KG_CLEANUP(opened_done) struct opened v = { 0 };
    KG_AUTO_JSON struct kg_json *points = kg_json_array();
    struct listing l = { .points = points };

    if (open_vault(o, &v, err) < 0)
        return -(int)err->code;
    l.vault = v.vault;
    if (kg_point_list(v.vault, o->instance, visit_point, &l, err) < 0)
        return -(int)err->code;
    kg_cli_emit(cli, KG_TAKE(points));
    return 0;
}

struct search {
    const char *point;
    char *instance;
    unsigned found;
};

static int visit_search(void *ctx, const char *instance, const char *point, uint64_t size, struct kg_err *err)
{
    struct search *s = ctx;

    (void)size, (void)err;
    if (strcmp(point, s->point) == 0 && s->found++ == 0)
        s->instance = kg_xstrdup(instance);
    return 0;
}

static int find_instance(struct kg_vault *v, const struct bytes_opts *o, char **ret, struct kg_err *err)
{
    struct search s = { .point = o->point };

    if (o->instance) {
        *ret = kg_xstrdup(o->instance);
        return 0;
    }
    if (kg_point_list(v, NULL, visit_search, &s, err) < 0 || s.found != 1) {
        free(s.instance);
        if (err->code)
            return -(int)err->code;
        if (s.found)
            return kg_err_set(err, KG_E_USAGE, "several instances have a recovery point '%s': name one with --instance",
                              o->point);
        kg_err_set(err, KG_E_NO_POINT, "the vault has no recovery point '%s'", o->point);
        kg_err_advise(err, "Run 'keepgres vault list-points --store %s' to see which it has.", o->store);
        return -(int)err->code;
    }
    *ret = s.instance;
    return 0;
}

/* ---- progress of an export ---- */

struct exporting {
    struct kg_cli *cli;
    struct kg_rate rate;
    kg_usec next;
    bool drawn;
};

static void on_progress(void *ctx, const struct kg_progress *p)
{
    struct exporting *x = ctx;
    kg_usec now = kg_now_mono();
    KG_AUTO_JSON struct kg_json *job = NULL;
    KG_AUTO_BUF struct kg_buf line = KG_BUF_INIT(1000);

    if (x->cli->g.quiet || now < x->next)
        return;
    x->next = now + (x->cli->err_tty ? KG_SECOND / 4 : 5 * KG_SECOND);
    job = kg_json_object();
    kg_json_set_str(job, "properties.operation", "Export");
    kg_json_set_str(job, "properties.extendedInfo.progress.phase", p->phase);
    kg_json_set_u64(job, "properties.extendedInfo.progress.bytesDone", p->bytes_done);
    kg_json_set_u64(job, "properties.extendedInfo.progress.bytesTotal", p->bytes_total);
    kg_json_set_u64(job, "properties.extendedInfo.progress.rows", p->rows);
    kg_rate_update(&x->rate, now, p->bytes_done);
    kg_buf_adds(&line, x->cli->err_tty ? "\r" : "");
    kg_job_line(job, &x->rate, &line);
    kg_buf_adds(&line, x->cli->err_tty ? "\x1b[K" : "\n");
    (void)kg_write_all(STDERR_FILENO, line.p, line.len);
    x->drawn = x->cli->err_tty;
}

static void on_warning(void *ctx, const struct kg_err *e)
{
    const struct exporting *x = ctx;

    kg_cli_warn(x->cli, "%s", e->msg);
}

static bool on_cancelled(void *ctx) { return kg_cli_interrupted(ctx); }

/* The database's name, made fit for the name of an object in a store: with the longest ending below 100 characters. */
static char *make_prefix(struct kg_vault *v, const char *instance, const char *point)
{
    KG_AUTO_JSON struct kg_json *manifest = NULL;
    struct kg_err ignored = { 0 };
    const char *name = NULL;
    char *prefix;

    if (kg_point_get(v, instance, point, &manifest, &ignored) == 0)
        name = kg_json_str(manifest, "datasource.database");
    prefix = kg_xprintf("%.63s_%.8s", name && *name ? name : "database", point);
    for (char *s = prefix; *s; s++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *s) || (s == prefix && *s == '.'))
            *s = '_';
    return prefix;
}

/* A store that cannot be written to is read all the same, see the worker's hold(). */
static void hold(struct kg_cli *cli, struct kg_vault *vault, struct kg_presence **ret)
{
    struct kg_err why = { 0 };

    if (kg_vault_hold(vault, "export", ret, &why) < 0)
        kg_cli_warn(cli, "a collection is not kept from deleting meanwhile: %s", why.msg);
}

static int export_point(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct bytes_opts *o = opts;
    KG_CLEANUP(opened_done) struct opened v = { 0 };
    KG_CLEANUP(kg_vault_releasep) struct kg_presence *held = NULL;
    KG_AUTO_FREE char *instance = NULL, *prefix = NULL;
    struct exporting x = { .cli = cli };
    struct kg_events ev = { .progress = on_progress, .warn = on_warning, .cancelled = on_cancelled, .ctx = &x };
    struct kg_export_spec spec = { .point = o->point, .directory = o->output };
    struct kg_json *result = NULL;
    int r;

    if (open_vault(o, &v, err) < 0 || find_instance(v.vault, o, &instance, err) < 0)
        return -(int)err->code;
    prefix = o->prefix ? kg_xstrdup(o->prefix) : make_prefix(v.vault, instance, o->point);
    spec.vault = v.vault;
    spec.instance = instance;
    spec.prefix = prefix;
    hold(cli, v.vault, &held);
    r = kg_plugin_export_files(&spec, &ev, &result, err);
    if (x.drawn)
        (void)kg_write_all(STDERR_FILENO, "\r\x1b[K", 4);
    if (r < 0)
        return r;
    kg_cli_emit(cli, result);
    return 0;
}

const struct kg_cmd kg_cmds_vault[] = {
    { .name = "vault recovery-key", .summary = "Issue a new recovery key; the older ones cease to work",
      .opts = issue_opts,
      .opts_size = sizeof(T), .run = recovery_key, .flags = KG_CMD_CONFIRM,
      .question = "make the recovery keys of before useless, and issue a new one for",
      .examples = (const char *const[]){ "vault recovery-key -v vault1 --yes",
                                         "vault recovery-key -v vault1 --recovery-key-file vault1.key --yes", NULL } },
    { .name = "vault check", .summary = "Check a vault: structure, or every byte of it", .opts = check_opts,
      .opts_size = sizeof(T), .run = check,
      .about = "Names each damaged object and the recovery points and tables that need it. Fails when there is one.",
      .examples = (const char *const[]){ "vault check -v vault1", "vault check -v vault1 --read-data", NULL } },
    { .name = "vault collect", .summary = "Give back the space of what no recovery point needs any more", .opts = collect_opts,
      .opts_size = sizeof(T), .run = collect,
      .about = "Deleting recovery points frees nothing by itself: their data may be needed by others. This deletes packs in\n"
               "which nothing is needed, and stores again what little is needed in others before they go. Backups may run\n"
               "beside it: nothing is deleted that one of them may count on, and the report says whom it waits for. Should a machine\n"
               "come back that was taken over, its backup fails; nothing is lost.",
      .examples = (const char *const[]){ "vault collect -v vault1 --dry-run -o table", "vault collect -v vault1", NULL } },
    { .name = "vault list-points", .summary = "List the recovery points in a vault's directory, without the service",
      .opts = points_opts, .opts_size = sizeof(T), .run = list_points, .flags = KG_CMD_LOCAL,
      .examples = (const char *const[]){ "vault list-points --store /srv/vaults/vault1 --recovery-key-file "
                                         "vault1.key -o table",
                                         NULL } },
    { .name = "vault export-point", .summary = "Restore a recovery point as files, without the service",
      .opts = export_opts,
      .opts_size = sizeof(T), .run = export_point, .flags = KG_CMD_LOCAL,
      .about = "Needs the vault's directory and the recovery key, nothing else. Writes an archive that pg_restore "
      "reads,\n"
               "the roles, a README and SHA-256 sums.",
      .examples = (const char *const[]){
          "vault export-point --store /srv/vaults/vault1 --point 5f0c9d3e8a7b4c1d9e2f3a4b5c6d7e8f --output-dir /tmp "
          "--recovery-key-file vault1.key", NULL } },
    { 0 },
};
