#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fault.h"

static int add_fd(posix_spawn_file_actions_t *fa, int fd, int as)
{
    if (fd < 0)
        return posix_spawn_file_actions_addopen(fa, as, "/dev/null", as == 0 ? O_RDONLY : O_WRONLY, 0);
    return posix_spawn_file_actions_adddup2(fa, fd, as);
}

/* Moves descriptors 0-4 out of the way first, so that one action cannot overwrite another's source. */
static int add_fds(posix_spawn_file_actions_t *fa, const struct kg_proc_spec *spec, int moved[4])
{
    const int want[4] = { spec->fd_in, spec->fd_out, spec->fd_err, spec->fd_pass > 0 ? spec->fd_pass : -1 };
    int eno;

    for (int i = 0; i < 4; i++) {
        moved[i] = want[i] < 0 ? -1 : fcntl(want[i], F_DUPFD_CLOEXEC, 10);
        if (want[i] >= 0 && moved[i] < 0)
            return errno;
    }
    for (int i = 0; i < 3; i++)
        if ((eno = add_fd(fa, moved[i], i)))
            return eno;
    if (moved[3] >= 0 && (eno = add_fd(fa, moved[3], 3)))
        return eno;
    return posix_spawn_file_actions_addclosefrom_np(fa, moved[3] >= 0 ? 4 : 3);
}

static int fail_spawn(const char *program, int eno, struct kg_err *err)
{
    if (eno != ENOENT)
        return kg_err_sys(err, eno, "start '%s'", program);
    kg_err_set(err, KG_E_NO_PROGRAM, "program '%s' is not installed", program);
    kg_err_advise(err, "Install '%s', or set its folder in the settings.", program);
    return -(int)err->code;
}

/* ---- a child that ends with us ----
 *
 * _Fork() runs no handlers, and up to exec the child makes nothing but system calls, so that it does not matter what other
 * threads were at. */

/* The child's side; what it could not do goes through tell as an errno. */
static _Noreturn void become(const struct kg_proc_spec *spec, const int fd[4], pid_t parent, int tell)
{
    const struct sigaction standard = { .sa_handler = SIG_DFL };
    sigset_t none;
    int eno, to = 3;

    for (int sig = 1; sig < NSIG; sig++)
        (void)sigaction(sig, &standard, NULL); /* some cannot be set */
    sigemptyset(&none);
    (void)setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent) {
        bool done = true;

        for (int i = 0; done && i < 4; i++)
            if (fd[i] >= 0)
                done = dup2(fd[i], i) == i;
        if (fd[3] >= 0)
            to = 4;
        if (done && dup2(tell, to) == to && fcntl(to, F_SETFD, FD_CLOEXEC) == 0 && close_range((unsigned)to + 1, ~0U, 0) == 0) {
            tell = to;
            (void)sigprocmask(SIG_SETMASK, &none, NULL);
            (void)execvpe(spec->argv[0], (char *const *)(uintptr_t)spec->argv, (char *const *)(uintptr_t)spec->envp);
        }
    }
    eno = errno ? errno : ECHILD;
    if (write(tell, &eno, sizeof eno) < 0)
        _exit(126);
    _exit(127);
}

/* Copies of what the child gets, all above its places; /dev/null where it gets nothing. */
static int collect_fds(const struct kg_proc_spec *spec, int ret[4])
{
    const int want[4] = { spec->fd_in, spec->fd_out, spec->fd_err, spec->fd_pass > 0 ? spec->fd_pass : -1 };

    for (int i = 0; i < 4; i++) {
        KG_AUTO_CLOSE int null = -1;

        if (want[i] < 0 && i == 3)
            continue;
        if (want[i] < 0 && (null = open("/dev/null", (i == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC)) < 0)
            return errno;
        if ((ret[i] = fcntl(want[i] < 0 ? null : want[i], F_DUPFD_CLOEXEC, 10)) < 0)
            return errno;
    }
    return 0;
}

/* Waits until the child has become the program, or has told why not. */
static int start_tied(const struct kg_proc_spec *spec, const int fd[4], pid_t *ret_pid)
{
    const pid_t us = getpid();
    int tell[2], high, eno = 0, status;
    sigset_t all, before;
    ssize_t n;
    pid_t pid;

    if (pipe2(tell, O_CLOEXEC) < 0)
        return errno;
    if ((high = fcntl(tell[1], F_DUPFD_CLOEXEC, 10)) < 0) /* above the child's places */
        eno = errno;
    kg_closep(&tell[1]);
    if (eno) {
        kg_closep(&tell[0]);
        return eno;
    }
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* no handler of ours may run in the child */
    pid = _Fork();
    if (pid == 0)
        become(spec, fd, us, high);
    eno = pid < 0 ? errno : 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    kg_closep(&high);
    if (pid > 0) {
        do
            n = read(tell[0], &eno, sizeof eno);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
            eno = 0;
        else
            while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
    }
    kg_closep(&tell[0]);
    if (!eno)
        *ret_pid = pid;
    return eno;
}

static int spawn_tied(const struct kg_proc_spec *spec, pid_t *ret_pid, struct kg_err *err)
{
    int fd[4] = { -1, -1, -1, -1 };
    int eno = collect_fds(spec, fd);

    if (!eno)
        eno = start_tied(spec, fd, ret_pid);
    for (int i = 0; i < 4; i++)
        kg_closep(&fd[i]);
    return eno ? fail_spawn(spec->argv[0], eno, err) : 0;
}

int kg_proc_spawn(const struct kg_proc_spec *spec, pid_t *ret_pid, struct kg_err *err)
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    int moved[4] = { -1, -1, -1, -1 };
    sigset_t all, none;
    int eno;
    pid_t pid;

    if ((eno = KG_FAULT(PROC_SPAWN)))
        return kg_err_sys(err, eno, "prepare '%s'", spec->argv[0]);
    if (spec->ends_with_us)
        return spawn_tied(spec, ret_pid, err);
    if ((eno = posix_spawn_file_actions_init(&fa)))
        return kg_err_sys(err, eno, "prepare '%s'", spec->argv[0]);
    if ((eno = posix_spawnattr_init(&at))) {
        posix_spawn_file_actions_destroy(&fa);
        return kg_err_sys(err, eno, "prepare '%s'", spec->argv[0]);
    }
    sigfillset(&all);
    sigemptyset(&none);
    (void)((eno = posix_spawnattr_setsigdefault(&at, &all)) ||
           (eno = posix_spawnattr_setsigmask(&at, &none)) ||
           (eno = posix_spawnattr_setpgroup(&at, 0)) ||
           (eno = posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETPGROUP)) ||
           (eno = add_fds(&fa, spec, moved)) ||
           (eno = posix_spawnp(&pid, spec->argv[0], &fa, &at, (char *const *)(uintptr_t)spec->argv,
                               (char *const *)(uintptr_t)spec->envp)));
    posix_spawnattr_destroy(&at);
    posix_spawn_file_actions_destroy(&fa);
    for (int i = 0; i < 4; i++)
        kg_closep(&moved[i]);
    if (eno)
        return fail_spawn(spec->argv[0], eno, err);
    *ret_pid = pid;
    return 0;
}

/* waitpid that survives EINTR; true when the child is gone. */
static bool reap(pid_t pid, int flags, int *ret_status)
{
    pid_t r;

    do
        r = waitpid(pid, ret_status, flags);
    while (r < 0 && errno == EINTR);
    return r == pid || r < 0;
}

int kg_proc_wait(pid_t pid, kg_usec timeout, int *ret_status, struct kg_err *err)
{
    int status = 0;

    if (timeout >= 0) {
        kg_usec deadline = kg_now_mono() + timeout;
        KG_AUTO_CLOSE int fd = (int)syscall(SYS_pidfd_open, pid, 0);
        int left_ms, r = 0;

        while (!reap(pid, WNOHANG, &status)) {
            left_ms = (int)((deadline - kg_now_mono()) / 1000);
            if (left_ms <= 0)
                return kg_err_set(err, KG_E_TIMEOUT, "process %d did not end in time", (int)pid);
            if (fd >= 0)
                r = poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, left_ms);
            if (fd < 0 || r < 0)
                usleep(2000);
        }
    } else {
        (void)reap(pid, 0, &status);
    }
    *ret_status = status;
    return 0;
}

int kg_proc_end(pid_t pid, kg_usec grace)
{
    struct kg_err err = { 0 };
    int status = 0;

    (void)kill(-pid, SIGTERM);
    if (kg_proc_wait(pid, grace, &status, &err) < 0) {
        (void)kill(-pid, SIGKILL);
        (void)reap(pid, 0, &status);
    }
    return status;
}

const char *kg_proc_status_text(int status, char *out)
{
    if (WIFSIGNALED(status))
        snprintf(out, 48, "was killed by signal %d", WTERMSIG(status));
    else
        snprintf(out, 48, "exited with %d", WEXITSTATUS(status));
    return out;
}
