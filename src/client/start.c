/* Starting the service in the background, at most one.
 *
 * (1) Whoever holds the lock file beside the socket is the only one that starts a service; the others wait for the
 *     lock and then find the socket answering.
 * (2) The lock is held until the new service answers or has ended, so nobody starts a second one meanwhile.
 * (3) The lock file is never removed: removing it would let two clients lock two different files of one name. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "base/text.h"
#include "client/client.h"
#include "sys/fd.h"
#include "sys/paths.h"
#include "sys/proc.h"

#define START_LIMIT (10 * KG_SECOND)

/* What a service may inherit from whoever happens to start it: where things are and how to test it, but none of libpq's
 * PG… variables, which would change where its workers connect. A name ending in '_' is a prefix. */
static const char *const inherited[] = { "HOME", "PATH", "USER", "LOGNAME", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "XDG_",
                                         "KEEPGRES_", "KG_FAULT", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
                                         "LSAN_OPTIONS", "GCOV_" };

int kg_client_paths(struct kg_client *c, const char *socket, struct kg_err *err)
{
    struct kg_paths p = { 0 };

    if (kg_paths_find(&p, err) < 0)
        return -(int)err->code;
    c->socket = kg_xstrdup(socket ? socket : p.socket);
    c->log = kg_xstrdup(p.log);
    kg_paths_done(&p);
    return 0;
}

/* 0 when somebody listens there, else the errno that says why not. */
static int probe(const char *path, struct kg_err *err)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    KG_AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof sa.sun_path) {
        kg_err_set(err, KG_E_USAGE, "the socket's path '%s' is longer than %zu bytes", path, sizeof sa.sun_path - 1);
        kg_err_advise(err, "Choose a shorter one with --socket or KEEPGRES_SOCKET.");
        return -(int)err->code;
    }
    memcpy(sa.sun_path, path, strlen(path));
    if (fd < 0)
        return errno;
    return connect(fd, (const struct sockaddr *)&sa, sizeof sa) == 0 ? 0 : errno;
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
    KG_AUTO_CLOSE int fd = open(c->log, O_RDONLY | O_CLOEXEC);
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
    kg_err_advise(err, "See '%s' for the whole log.", c->log);
}

static int spawn(const struct kg_client *c, int log_fd, pid_t *ret_pid, struct kg_err *err)
{
    KG_AUTO_FREE char *self = c->opts.program ? kg_xstrdup(c->opts.program) : kg_self_path();
    KG_AUTO_FREE const char **env = make_environment();
    const char *argv[] = { self, "serve", "--idle-exit", "--socket", c->socket, "--log", c->log, NULL };
    struct kg_proc_spec spec = { .argv = argv, .envp = env, .fd_in = -1, .fd_out = log_fd, .fd_err = log_fd };

    return kg_proc_spawn(&spec, ret_pid, err);
}

/* Waits until the socket answers or the new process has ended. */
static int wait_until_up(struct kg_client *c, pid_t pid, off_t log_from, struct kg_err *err)
{
    kg_usec deadline = kg_now_mono() + START_LIMIT, nap = KG_SECOND / 200;
    bool gone = false;
    int status = 0;

    for (;;) {
        struct kg_err ignored = { 0 };
        int eno = probe(c->socket, err);

        if (eno <= 0)
            return eno;
        if (gone || kg_now_mono() > deadline)
            break;
        if (kg_client_pause(c, nap, err) < 0)
            return -(int)err->code;
        nap = nap < KG_SECOND / 20 ? nap * 2 : nap;
        gone = kg_proc_wait(pid, 0, &status, &ignored) == 0; /* then look at the socket once more: it may have lost
                                                                against a service that somebody else started */
    }
    if (gone) {
        char how[48];

        kg_err_set(err, KG_E_NO_SERVICE, "the service %s while starting", kg_proc_status_text(status, how));
    } else {
        kg_err_set(err, KG_E_NO_SERVICE, "the service did not answer at '%s' within %d seconds", c->socket,
                   (int)(START_LIMIT / KG_SECOND));
    }
    add_log_tail(c, log_from, err);
    return -(int)err->code;
}

static int make_parent(const char *path, struct kg_err *err)
{
    KG_AUTO_FREE char *dir = kg_xstrdup(path);
    char *slash = strrchr(dir, '/');

    if (!slash || slash == dir)
        return 0;
    *slash = '\0';
    return kg_make_dirs(dir, 0700, err);
}

static int take_lock(struct kg_client *c, int *ret_fd, struct kg_err *err)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s.start", c->socket);
    KG_AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    kg_usec deadline = kg_now_mono() + START_LIMIT + 2 * KG_SECOND;

    if (fd < 0)
        return kg_err_sys(err, errno, "open '%s'", path);
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return kg_err_sys(err, errno, "lock '%s'", path);
        if (kg_now_mono() > deadline)
            return kg_err_set(err, KG_E_TIMEOUT, "another program holds '%s'", path);
        if (kg_client_pause(c, KG_SECOND / 50, err) < 0)
            return -(int)err->code;
    }
    *ret_fd = KG_TAKE_FD(fd);
    return 0;
}

/* With the lock held: the service may be there by now. */
static int start_locked(struct kg_client *c, bool *ret_started, struct kg_err *err)
{
    KG_AUTO_CLOSE int log_fd = -1;
    struct stat st = { 0 };
    int eno = probe(c->socket, err);
    pid_t pid;

    *ret_started = false;
    if (eno <= 0)
        return eno;
    if (make_parent(c->log, err) < 0)
        return -(int)err->code;
    log_fd = open(c->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0 || fstat(log_fd, &st) < 0)
        return kg_err_sys(err, errno, "open '%s'", c->log);
    if (spawn(c, log_fd, &pid, err) < 0 || wait_until_up(c, pid, st.st_size, err) < 0)
        return -(int)err->code;
    *ret_started = true;
    return 0;
}

int kg_client_start_service(struct kg_client *c, bool *ret_started, struct kg_err *err)
{
    KG_AUTO_CLOSE int lock = -1;
    int eno = probe(c->socket, err);

    *ret_started = false;
    if (eno <= 0)
        return eno;
    if (eno == EACCES || eno == EPERM) {
        kg_err_set(err, KG_E_DENIED, "the service's socket '%s' is not open to this user", c->socket);
        kg_err_advise(err, "Ask the operator of the service for access to its socket.");
        return -(int)err->code;
    }
    if (make_parent(c->socket, err) < 0 || take_lock(c, &lock, err) < 0)
        return -(int)err->code;
    return start_locked(c, ret_started, err);
}
