#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
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

int kg_proc_spawn(const struct kg_proc_spec *spec, pid_t *ret_pid, struct kg_err *err)
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    int moved[4] = { -1, -1, -1, -1 };
    sigset_t all, none;
    int eno;
    pid_t pid;

    if ((eno = KG_FAULT(PROC_SPAWN)) || (eno = posix_spawn_file_actions_init(&fa)))
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
    if (eno == ENOENT) {
        kg_err_set(err, KG_E_NO_PROGRAM, "program '%s' is not installed", spec->argv[0]);
        kg_err_advise(err, "Install '%s', or set its folder in the settings.", spec->argv[0]);
        return -(int)err->code;
    }
    if (eno)
        return kg_err_sys(err, eno, "start '%s'", spec->argv[0]);
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
