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

#include "base/alloc.h"
#include "client/client.h"
#include "sys/fd.h"
#include "sys/lock.h"
#include "sys/paths.h"
#include "sys/proc.h"
#include "sys/sock.h"

#define START_LIMIT (10 * KG_SECOND)

/* What a service may inherit from whoever happens to start it: where things are and how to test it, but none of libpq's
 * PG… variables, which would change where its workers connect. A name ending in '_' is a prefix. */
static const char *const inherited[] = { "HOME", "PATH", "USER", "LOGNAME", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "XDG_",
                                         "KEEPGRES_", "KG_FAULT", "KG_CLOCK", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
                                         "LSAN_OPTIONS", "GCOV_" };

int kg_client_paths(struct kg_client *c, const char *socket, struct kg_err *err)
{
    struct kg_paths_env env = { 0 };

    kg_paths_env_read(&env);
    env.system_socket = KG_SYSTEM_SOCKET;
    if (socket)
        env.socket = socket;
    if (kg_paths_find(&env, &c->paths, err) < 0)
        return -(int)err->code;
    c->opts.no_start = c->opts.no_start || c->paths.socket_system;
    return 0;
}

/* Does somebody listen there? KG_E_NO_SERVICE when nobody does. */
static int probe(const struct kg_client *c, struct kg_err *err)
{
    KG_AUTO_CLOSE int fd = -1;

    return kg_socket_connect(c->paths.socket, &fd, err);
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
static void add_log_tail(const struct kg_client *c, off_t from, struct kg_err *err)
{
    KG_AUTO_CLOSE int fd = open(c->paths.log, O_RDONLY | O_CLOEXEC);
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
    kg_err_advise(err, "See '%s' for the whole log.", c->paths.log);
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

static int spawn(const struct kg_client *c, int log_fd, pid_t *ret_pid, struct kg_err *err)
{
    KG_AUTO_FREE char *self = c->opts.program ? kg_xstrdup(c->opts.program) : self_path();
    KG_AUTO_FREE const char **env = make_environment();
    const char *argv[] = { self, "serve", "--idle-exit", "--socket", c->paths.socket, "--log", c->paths.log, NULL };
    struct kg_proc_spec spec = { .argv = argv, .envp = env, .fd_in = -1, .fd_out = log_fd, .fd_err = log_fd };

    return kg_proc_spawn(&spec, ret_pid, err);
}

/* Waits until the socket answers or the new process has ended. */
static int wait_until_up(struct kg_client *c, pid_t pid, off_t log_from, struct kg_err *err)
{
    kg_usec deadline = kg_now_mono() + START_LIMIT, nap = KG_SECOND / 200;
    bool gone = false;
    int status = 0;
    char how[48];

    for (;;) {
        struct kg_err down = { 0 }, running = { 0 };

        if (probe(c, &down) == 0)
            return 0;
        if (gone || kg_now_mono() > deadline)
            break;
        if (kg_client_pause(c, nap, err) < 0)
            return -(int)err->code;
        nap = nap < KG_SECOND / 20 ? nap * 2 : nap;
        /* When it has ended, the socket is looked at once more: it may have lost against another service. */
        gone = kg_proc_wait(pid, 0, &status, &running) == 0;
    }
    if (gone)
        kg_err_set(err, KG_E_NO_SERVICE, "the service %s while starting", kg_proc_status_text(status, how));
    else
        kg_err_set(err, KG_E_NO_SERVICE, "the service did not answer at '%s' within %d seconds", c->paths.socket,
                   (int)(START_LIMIT / KG_SECOND));
    add_log_tail(c, log_from, err);
    return -(int)err->code;
}

static int take_lock(struct kg_client *c, struct kg_lock **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/start.lock", c->paths.socket_dir);
    kg_usec deadline = kg_now_mono() + START_LIMIT + 2 * KG_SECOND;

    for (;;) {
        struct kg_err busy = { 0 };

        if (kg_lock_take(path, ret, &busy) == 0)
            return 0;
        if (busy.code != KG_E_BUSY || kg_now_mono() > deadline) {
            *err = busy;
            return -(int)err->code;
        }
        if (kg_client_pause(c, KG_SECOND / 50, err) < 0)
            return -(int)err->code;
    }
}

/* With the lock held: the service may be there by now. */
static int start_locked(struct kg_client *c, bool *ret_started, struct kg_err *err)
{
    KG_AUTO_CLOSE int log_fd = -1;
    struct kg_err down = { 0 };
    struct stat st = { 0 };
    pid_t pid;

    if (probe(c, &down) == 0)
        return 0;
    log_fd = open(c->paths.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0 || fstat(log_fd, &st) < 0)
        return kg_err_sys(err, errno, "open '%s'", c->paths.log);
    if (spawn(c, log_fd, &pid, err) < 0 || wait_until_up(c, pid, st.st_size, err) < 0)
        return -(int)err->code;
    *ret_started = true;
    return 0;
}

int kg_client_start_service(struct kg_client *c, bool *ret_started, struct kg_err *err)
{
    KG_CLEANUP(kg_lock_releasep) struct kg_lock *lock = NULL;
    struct kg_err down = { 0 };

    *ret_started = false;
    if (kg_paths_check_socket(&c->paths, err) < 0)
        return -(int)err->code;
    if (probe(c, &down) == 0)
        return 0;
    if (down.code != KG_E_NO_SERVICE) {
        *err = down;
        return -(int)err->code;
    }
    if (kg_paths_prepare(&c->paths, err) < 0 || take_lock(c, &lock, err) < 0)
        return -(int)err->code;
    return start_locked(c, ret_started, err);
}
