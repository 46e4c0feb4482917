#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "sys/fd.h"
#include "sys/paths.h"

struct service_opts {
    struct kg_at at;
    struct kg_serve_args serve;
    uint64_t lines;
    bool now, follow;
};
#define T struct service_opts
#define SERVICE_PATH "/providers/Microsoft.KeepGres/service"

static const struct kg_opt stop_opts[] = {
    KG_OPT(T, FLAG, "now", now, NULL, "cancel running jobs instead of waiting for them"),
                                           { 0 } };
static const struct kg_opt logs_opts[] = {
    KG_OPT(T, UINT, "lines", lines, "N", "how many of the last lines, default 100", .min = 1, .max = 1000000),
    KG_OPT(T, FLAG, "follow", follow, NULL, "go on with new ones", .letter = 'f'),
    { 0 },
};
static const struct kg_opt serve_opts[] = {
    KG_OPT(T, STRING, "config", serve.config, "FILE", "settings file", .letter = 'c'),
    KG_OPT(T, STRING, "state-dir", serve.state_dir, "DIR", "catalog, service key and log"),
    KG_OPT(T, STRING, "log", serve.log, "FILE", "write the log there instead of standard error"),
    KG_OPT(T, FLAG, "idle-exit", serve.idle_exit, NULL, "leave when nobody needs it"),
    KG_OPT(T, FLAG, "foreground", follow, NULL, "which it does anyway", .hidden = true),
    { 0 },
};

/* A client that asks about a service must not start one. */
static int quiet_client(struct kg_cli *cli, struct kg_client **ret, struct kg_err *err)
{
    struct kg_client_opts o = { .socket = cli->g.socket, .no_start = true, .interrupted = kg_cli_interrupted };

    if (!cli->client && kg_client_open(&o, &cli->client, err) < 0)
        return -(int)err->code;
    *ret = cli->client;
    return 0;
}

static int not_running(const struct kg_client *c, struct kg_err *err)
{
    *err = (struct kg_err){ 0 };
    kg_err_set(err, KG_E_NO_SERVICE, "no service runs at '%s'", kg_client_socket(c));
    kg_err_advise(err, "Any other command starts it; 'keepgres serve' runs it in this terminal.");
    return -(int)err->code;
}

static int status(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    struct kg_client *c = NULL;
    struct kg_json *j = NULL;

    (void)opts;
    if (quiet_client(cli, &c, err) < 0)
        return -(int)err->code;
    if (kg_client_get(c, SERVICE_PATH, &j, err) < 0)
        return err->code == KG_E_NO_SERVICE && !kg_client_error_detail(c) ? not_running(c, err) : -(int)err->code;
    kg_cli_emit(cli, j);
    return 0;
}

static int confirm_clock(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    struct kg_json *j = NULL;

    (void)opts;
    if (kg_cli_send(cli, "POST", SERVICE_PATH "/confirmClock", NULL, false, &j, err) < 0)
        return -(int)err->code;
    kg_cli_emit(cli, j);
    return 0;
}

/* A draining service goes on answering; it has stopped when nobody listens any more. */
static int wait_until_gone(struct kg_client *c, struct kg_err *err)
{
    for (;;) {
        struct kg_err gone = { 0 };
        struct kg_json *j = NULL;
        int r = kg_client_get(c, SERVICE_PATH, &j, &gone);

        kg_json_free(j);
        if (r < 0 && gone.code != KG_E_CANCELLED)
            return 0;
        if (kg_cli_interrupted(NULL))
            return kg_err_set(err, KG_E_CANCELLED, "interrupted; the service stops when its jobs have ended");
        (void)poll(NULL, 0, 50);
    }
}

/* Whoever stops the service is told what will not happen. Its process, 0: not known. */
static pid_t tell_next(struct kg_cli *cli, struct kg_client *c)
{
    struct kg_err ignored = { 0 };
    KG_AUTO_JSON struct kg_json *j = NULL;
    const char *next, *instance;
    pid_t pid;

    if (kg_client_get(c, SERVICE_PATH, &j, &ignored) < 0)
        return 0;
    pid = (pid_t)kg_json_u64(j, "pid", 0);
    if (!(next = kg_json_str(j, "nextScheduledBackup.time")))
        return pid;
    instance = kg_json_str_or(j, "nextScheduledBackup.backupInstanceId", "");
    kg_cli_note(cli, "note: the next scheduled backup is at %s (%s); it does not start while the service is stopped", next,
                strrchr(instance, '/') ? strrchr(instance, '/') + 1 : instance);
    return pid;
}

/* It has its state directory until its process ends: who starts another right away must not find it taken. The number may be
 * somebody else's by now, so this is bounded. */
static int wait_for_process(pid_t pid)
{
    for (int i = 0; pid > 0 && i < 200 && (kill(pid, 0) == 0 || errno == EPERM); i++)
        (void)poll(NULL, 0, 25);
    return 0;
}

static int stop(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct service_opts *o = opts;
    KG_AUTO_REPLY struct kg_reply reply = { 0 };
    KG_AUTO_FREE char *body = kg_xprintf("{\"mode\":\"%s\"}", o->now ? "now" : "drain");
    struct kg_request rq = { .method = "POST", .path = SERVICE_PATH "/stop", .body = body, .body_len = strlen(body) };
    struct kg_client *c = NULL;
    pid_t pid;

    if (quiet_client(cli, &c, err) < 0)
        return -(int)err->code;
    pid = tell_next(cli, c);
    if (kg_client_call(c, &rq, &reply, err) < 0)
        return err->code == KG_E_NO_SERVICE && !kg_client_error_detail(c) ? not_running(c, err) : -(int)err->code;
    return wait_until_gone(c, err) < 0 ? -(int)err->code : wait_for_process(pid);
}

/* ---- logs ---- */

/* Where the last n lines of a file begin. */
static off_t last_lines(int fd, off_t size, uint64_t n)
{
    char block[8192];
    off_t at = size;
    uint64_t found = 0;

    while (at > 0) {
        size_t take = at < (off_t)sizeof block ? (size_t)at : sizeof block;
        ssize_t got = kg_pread_full(fd, block, take, at - (off_t)take);

        if (got != (ssize_t)take)
            break;
        for (size_t i = take; i-- > 0;)
            if (block[i] == '\n' && at - (off_t)take + (off_t)i + 1 < size && ++found == n)
                return at - (off_t)take + (off_t)i + 1;
        at -= (off_t)take;
    }
    return 0;
}

/* Copies what stands behind *at to standard output, with control characters made harmless on a terminal. */
static int copy_from(const struct kg_cli *cli, int fd, off_t *at, struct kg_err *err)
{
    char block[8192];
    ssize_t n;

    while ((n = kg_pread_full(fd, block, sizeof block, *at)) > 0) {
        for (ssize_t i = 0; cli->out_tty && i < n; i++)
            if ((block[i] >= 0 && block[i] < 0x20 && block[i] != '\n' && block[i] != '\t') || block[i] == 0x7f)
                block[i] = '?';
        if (kg_cli_write(block, (size_t)n, err) < 0)
            return -(int)err->code;
        *at += n;
    }
    return n < 0 ? kg_err_sys(err, (int)-n, "read the log") : 0;
}

static int logs(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct service_opts *o = opts;
    KG_AUTO_PATHS struct kg_paths paths = { 0 };
    KG_AUTO_CLOSE int fd = -1;
    struct kg_paths_env env = { 0 };
    struct stat st;
    off_t at;

    kg_paths_env_read(&env);
    if (kg_paths_find(&env, &paths, err) < 0)
        return -(int)err->code;
    fd = open(paths.log, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return kg_err_set(err, KG_E_NOT_FOUND, "there is no log '%s'", paths.log);
    if (fd < 0 || fstat(fd, &st) < 0)
        return kg_err_sys(err, errno, "open '%s'", paths.log);
    at = last_lines(fd, st.st_size, o->lines ? o->lines : 100);
    do {
        if (copy_from(cli, fd, &at, err) < 0)
            return -(int)err->code;
        if (o->follow)
            (void)poll(NULL, 0, 250);
    } while (o->follow && !kg_cli_interrupted(NULL));
    return 0;
}

/* ---- roles ---- */

/* Paths are made whole here, because a service in the background leaves the directory it was started in. */
static int serve(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct service_opts *o = opts;
    KG_AUTO_FREE char *config = NULL, *socket = NULL, *state_dir = NULL, *log = NULL;
    struct kg_serve_args args = { .idle_exit = o->serve.idle_exit };

    if ((o->serve.config && kg_cli_absolute(o->serve.config, &config, err) < 0) ||
        (cli->g.socket && kg_cli_absolute(cli->g.socket, &socket, err) < 0) ||
        (o->serve.state_dir && kg_cli_absolute(o->serve.state_dir, &state_dir, err) < 0) ||
        (o->serve.log && kg_cli_absolute(o->serve.log, &log, err) < 0))
        return -(int)err->code;
    args.config = config;
    args.socket = socket;
    args.state_dir = state_dir;
    args.log = log;
    return cli->roles->serve(&args, err);
}

const struct kg_cmd kg_cmds_service[] = {
    { .name = "service status", .summary = "Tell whether the service runs, and where it keeps its things",
      .run = status,
      .flags = KG_CMD_LOCAL, .examples = (const char *const[]){ "service status", NULL } },
    { .name = "service stop", .summary = "Stop the service when its jobs have ended", .run = stop, .opts = stop_opts,
      .opts_size = sizeof(T), .flags = KG_CMD_LOCAL,
      .examples = (const char *const[]){ "service stop", "service stop --now", NULL } },
    { .name = "service logs", .summary = "Print the service's log", .run = logs, .opts = logs_opts,
      .opts_size = sizeof(T),
      .flags = KG_CMD_LOCAL, .examples = (const char *const[]){ "service logs --lines 20", "service logs -f", NULL } },
    { .name = "service confirm-clock", .summary = "Say that the service's clock is right: what is over by it is deleted again",
      .run = confirm_clock,
      .about = "A service that was away for longer than clock_away_days, or whose clock jumped, deletes nothing until then. "
               "'service status' tells what it thinks of its clock.",
      .examples = (const char *const[]){ "service confirm-clock", NULL } },
    { .name = "serve", .summary = "Run the service in the foreground", .run = serve, .opts = serve_opts,
      .opts_size = sizeof(T), .flags = KG_CMD_LOCAL,
      .about = "Not needed for everyday use: the first command that needs the service starts it in the background.",
      .examples = (const char *const[]){ "serve", "serve --config /etc/keepgres/keepgres.conf", NULL } },
    { 0 },
};
