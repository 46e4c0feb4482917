/* Starting the service in the background, at most one.
 *
 * (1) Whoever holds the lock file beside the socket is the only one that starts a service; the others wait for the
 *     lock and then find the socket answering.
 * (2) The lock is held until the new service answers or has ended, so nobody starts a second one meanwhile.
 * (3) A service that nobody waits for any more ends by itself when nobody asks it anything (--idle-exit). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "client/start.h"
#include "sys/fd.h"
#include "sys/proc.h"
#include "sys/sock.h"

#define START_LIMIT (10 * KG_SECOND)
#define LOST_LIMIT  (2 * KG_SECOND)

/* What a service may inherit from whoever happens to start it: where things are and how to test it, but none of libpq's
 * PG… variables, which would change where its workers connect. A name ending in '_' is a prefix. */
static const char *const inherited[] = { "HOME", "PATH", "USER", "LOGNAME", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "XDG_",
                                         "KEEPGRES_", "KG_FAULT", "KG_CLOCK", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
                                         "LSAN_OPTIONS", "GCOV_" };

int kg_start_paths(struct kg_client_opts *o, struct kg_paths *ret, struct kg_err *err)
{
    struct kg_paths_env env = { 0 };

    kg_paths_env_read(&env);
    env.system_socket = KG_SYSTEM_SOCKET;
    if (o->socket)
        env.socket = o->socket;
    if (kg_paths_find(&env, ret, err) < 0)
        return -(int)err->code;
    o->no_start = o->no_start || ret->socket_system;
    return 0;
}

/* A service that was idle may leave between two calls. Nothing has been sent when connecting fails, so any request may
 * be repeated then; one that was cut off in the middle only when it changes nothing. */
bool kg_start_helps(const struct kg_client_opts *o, const struct kg_request *rq, const struct kg_err *err,
                    const struct kg_json *detail)
{
    if (o->no_start || detail)
        return false;
    return err->code == KG_E_NO_SERVICE || (err->code == KG_E_NO_REPLY && strcmp(rq->method, "GET") == 0);
}

/* Does somebody listen there? KG_E_NO_SERVICE when nobody does. */
static int probe(const struct kg_start *s, struct kg_err *err)
{
    KG_AUTO_CLOSE int fd = -1;

    return kg_socket_connect(s->paths->socket, &fd, err);
}

static bool is_inherited(const char *var)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(inherited); i++) {
        size_t n = strlen(inherited[i]);

        if (strncmp(var, inherited[i], n) == 0 && (inherited[i][n - 1] == '_' || var[n] == '='))
            return true;
    }
    return false;
}

/* Borrowed strings in an array that the caller frees. */
static const char **make_environment(void)
{
    const char **env;
    size_t n = 0, used = 0;

    while (environ[n])
        n++;
    env = kg_xalloc_array(n + 1, sizeof *env);
    for (size_t i = 0; i < n; i++)
        if (is_inherited(environ[i]))
            env[used++] = environ[i];
    return env;
}

/* Adds the last lines that the service wrote since it was started. */
static void add_log_tail(const struct kg_start *s, struct kg_err *err)
{
    KG_AUTO_CLOSE int fd = open(s->paths->log, O_RDONLY | O_CLOEXEC);
    off_t from = s->log_from;
    char tail[400];
    struct stat st;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= from)
        return;
    if (st.st_size - from > (off_t)sizeof tail - 1)
        from = st.st_size - (off_t)sizeof tail + 1;
    n = kg_pread_full(fd, tail, sizeof tail - 1, from);
    if (n <= 0)
        return;
    tail[n] = '\0';
    while (n > 0 && tail[n - 1] == '\n')
        tail[--n] = '\0';
    snprintf(err->msg + strlen(err->msg), sizeof err->msg - strlen(err->msg), "; its log ends: %s", tail);
    kg_err_advise(err, "See '%s' for the whole log.", s->paths->log);
}

/* The path of this very program. The link reads "… (deleted)" after an upgrade; then PATH knows the new one. */
static char *self_path(void)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    if (n > 0) {
        path[n] = '\0';
        if (access(path, X_OK) == 0)
            return kg_xstrdup(path);
    }
    return kg_xstrdup("keepgres");
}

static int spawn(struct kg_start *s, struct kg_err *err)
{
    KG_AUTO_CLOSE int log_fd = open(s->paths->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    KG_AUTO_FREE char *self = s->program ? kg_xstrdup(s->program) : self_path();
    KG_AUTO_FREE const char **env = make_environment();
    const char *argv[] = { self, "serve", "--idle-exit", "--socket", s->paths->socket, "--log", s->paths->log, NULL };
    struct kg_proc_spec spec = { .argv = argv, .envp = env, .fd_in = -1, .fd_out = log_fd, .fd_err = log_fd };
    struct stat st = { 0 };

    if (log_fd < 0 || fstat(log_fd, &st) < 0)
        return kg_err_sys(err, errno, "open '%s'", s->paths->log);
    if (kg_proc_spawn(&spec, &s->pid, err) < 0)
        return -(int)err->code;
    s->log_from = st.st_size;
    s->spawned = true;
    return 0;
}

/* ---- the steps ---- */

static int step_look(struct kg_start *s, struct kg_err *err)
{
    struct kg_err down = { 0 };

    if (kg_paths_check_socket(s->paths, err) < 0)
        return -(int)err->code;
    if (probe(s, &down) == 0)
        return 1;
    if (down.code != KG_E_NO_SERVICE) {
        *err = down;
        return -(int)err->code;
    }
    s->state = KG_START_LOCK;
    s->deadline = kg_now_mono() + START_LIMIT + 2 * KG_SECOND;
    return 0;
}

/* With the lock held the service may be there, because somebody else has just started it. */
static int step_lock(struct kg_start *s, struct kg_err *err)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/start.lock", s->paths->socket_dir);
    struct kg_err busy = { 0 }, down = { 0 };

    if (kg_paths_prepare(s->paths, err) < 0)
        return -(int)err->code;
    if (kg_lock_take(path, &s->lock, &busy) < 0) {
        s->wait = KG_SECOND / 50;
        if (busy.code == KG_E_BUSY && kg_now_mono() < s->deadline)
            return 0;
        *err = busy;
        return -(int)err->code;
    }
    if (probe(s, &down) == 0)
        return 1;
    if (spawn(s, err) < 0)
        return -(int)err->code;
    s->state = KG_START_WAIT;
    s->deadline = kg_now_mono() + START_LIMIT;
    s->wait = KG_SECOND / 200;
    return 0;
}

/* Whether what was started has ended; s->status is how. One that found another service at work leaves as busy: that other one
 * may be starting still, because who started it did not stay, so it gets a moment more. */
static bool has_ended(struct kg_start *s)
{
    struct kg_err running = { 0 };
    kg_usec moment = kg_now_mono() + LOST_LIMIT;

    if (s->pid && kg_proc_wait(s->pid, 0, &s->status, &running) == 0) {
        s->pid = 0;
        if (!WIFEXITED(s->status) || WEXITSTATUS(s->status) != kg_code_exit(KG_E_BUSY))
            s->deadline = 0;
        else if (s->deadline > moment)
            s->deadline = moment;
    }
    return !s->pid;
}

/* The socket is looked at after the process was, for it may have lost against another service. */
static int step_wait(struct kg_start *s, struct kg_err *err)
{
    struct kg_err down = { 0 };
    bool gone = has_ended(s);
    char how[48];

    if (probe(s, &down) == 0)
        return 1;
    s->wait = s->wait < KG_SECOND / 20 ? s->wait * 2 : s->wait;
    if (kg_now_mono() < s->deadline)
        return 0;
    if (gone)
        kg_err_set(err, KG_E_NO_SERVICE, "the service %s while starting", kg_proc_status_text(s->status, how));
    else
        kg_err_set(err, KG_E_NO_SERVICE, "the service did not answer at '%s' within %d seconds", s->paths->socket,
                   (int)(START_LIMIT / KG_SECOND));
    add_log_tail(s, err);
    return -(int)err->code;
}

void kg_start_begin(struct kg_start *s, const struct kg_paths *paths, const char *program)
{
    *s = (struct kg_start){ .paths = paths, .program = program };
}

int kg_start_step(struct kg_start *s, struct kg_err *err)
{
    static int (*const steps[])(struct kg_start *s, struct kg_err *err) = {
        [KG_START_LOOK] = step_look, [KG_START_LOCK] = step_lock, [KG_START_WAIT] = step_wait,
    };

    return steps[s->state](s, err);
}

void kg_start_done(struct kg_start *s)
{
    kg_lock_release(s->lock);
    s->lock = NULL;
}
