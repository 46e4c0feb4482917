#include "term/rescue.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>

#include "base/alloc.h"

/* One screen a process: a signal handler can know nothing else. */
static struct {
    int terminal;
    struct termios modes;
    char reset[512];
    size_t reset_len;
    int pipe[2];
    int caught, real_stderr;                 /* -1: stderr is where it was */
    bool armed, registered;
    volatile sig_atomic_t ends;              /* requests to end that nobody has read yet */
} rescue = { .pipe = { -1, -1 }, .caught = -1, .real_stderr = -1 };

enum { CAUGHT_MAX = 256 * 1024, STACK = 64 * 1024, PATIENCE = 3 };

static const struct { int sig; unsigned flag; } signals[] = {
    { SIGWINCH, UI_SIG_SIZE }, { SIGTSTP, UI_SIG_STOP }, { SIGCONT, UI_SIG_GOES_ON },
    { SIGHUP, UI_SIG_END }, { SIGTERM, UI_SIG_END }, { SIGINT, UI_SIG_END }, { SIGQUIT, UI_SIG_END },
};
static const int crashes[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL };
static struct sigaction before[KG_ARRAY_LEN(signals)], before_crash[KG_ARRAY_LEN(crashes)];

/* stderr */

/* Async-signal-safe: a crash shows what led to it. */
void ui_stderr_back(void)
{
    char buf[4096];
    off_t at = 0, end;
    ssize_t n;

    if (rescue.real_stderr < 0)
        return;
    end = lseek(rescue.caught, 0, SEEK_CUR);
    dup2(rescue.real_stderr, STDERR_FILENO);
    while (at < end && (n = pread(rescue.caught, buf, (size_t)(end - at) < sizeof buf ? (size_t)(end - at) : sizeof buf, at)) > 0) {
        if (write(STDERR_FILENO, buf, (size_t)n) < 0)
            break;
        at += n;
    }
    close(rescue.caught);
    close(rescue.real_stderr);
    rescue.caught = rescue.real_stderr = -1;
}

void ui_stderr_aside(void)
{
    int fd;

    if (rescue.real_stderr >= 0 || !isatty(STDERR_FILENO))
        return;
    fd = memfd_create("stderr", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return;
    /* A talkative library must not fill the memory: beyond this size writes fail. */
    rescue.real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (ftruncate(fd, CAUGHT_MAX) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0 || rescue.real_stderr < 0 ||
        dup2(fd, STDERR_FILENO) < 0) {
        close(fd);
        if (rescue.real_stderr >= 0)
            close(rescue.real_stderr);
        rescue.real_stderr = -1;
        return;
    }
    rescue.caught = fd;
}

/* The end that nobody planned */

static void restore_terminal(void)
{
    if (rescue.terminal >= 0) {
        ssize_t n = write(rescue.terminal, rescue.reset, rescue.reset_len);

        (void)n;                             /* nobody is left to tell */
        tcsetattr(rescue.terminal, TCSANOW, &rescue.modes);
    }
    ui_stderr_back();
}

static void at_exit(void)
{
    if (rescue.armed)
        restore_terminal();
}

static void on_crash(int sig, siginfo_t *info, void *context)
{
    int eno = errno;

    (void)context;
    restore_terminal();
    for (size_t i = 0; i < KG_ARRAY_LEN(crashes); i++)
        sigaction(crashes[i], &before_crash[i], NULL);
    errno = eno;
    if (info->si_code <= 0)                  /* somebody sent it; a fault comes again by itself, with its address */
        raise(sig);
}

static void on_signal(int sig)
{
    int eno = errno;

    for (size_t i = 0; i < KG_ARRAY_LEN(signals); i++)
        if (signals[i].sig == sig) {
            unsigned char flag = (unsigned char)signals[i].flag;
            ssize_t n = write(rescue.pipe[1], &flag, 1);

            (void)n;                         /* full: it will be read anyway */
            /* Who asks again and again meets a loop that has stopped turning. */
            if (flag == UI_SIG_END && ++rescue.ends >= PATIENCE) {
                restore_terminal();
                sigaction(sig, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
                raise(sig);                  /* comes when this handler returns */
            }
        }
    errno = eno;
}

static void take_signal(size_t i)
{
    struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

    sigfillset(&sa.sa_mask);
    sigaction(signals[i].sig, &sa, NULL);
}

int ui_rescue_init(int terminal, struct kg_err *err)
{
    rescue.terminal = terminal;
    if (terminal >= 0 && tcgetattr(terminal, &rescue.modes) < 0)
        return kg_err_sys(err, errno, "read the terminal's modes");
    if (rescue.pipe[0] < 0 && pipe2(rescue.pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        return kg_err_sys(err, errno, "make a pipe");
    for (size_t i = 0; i < KG_ARRAY_LEN(signals); i++)
        sigaction(signals[i].sig, NULL, &before[i]);
    for (size_t i = 0; i < KG_ARRAY_LEN(crashes); i++)
        sigaction(crashes[i], NULL, &before_crash[i]);
    return 0;
}

void ui_rescue_arm(const char *reset, size_t n)
{
    static char stack[STACK];                /* a stack that overflowed cannot run its own handler */
    struct sigaction sa = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK };

    rescue.reset_len = n < sizeof rescue.reset ? n : sizeof rescue.reset;
    memcpy(rescue.reset, reset, rescue.reset_len);
    sigaltstack(&(stack_t){ .ss_sp = stack, .ss_size = sizeof stack }, NULL);
    sigfillset(&sa.sa_mask);
    for (size_t i = 0; i < KG_ARRAY_LEN(crashes); i++)
        sigaction(crashes[i], &sa, NULL);
    for (size_t i = 0; i < KG_ARRAY_LEN(signals); i++)
        take_signal(i);
    if (!rescue.registered)
        atexit(at_exit);
    rescue.registered = rescue.armed = true;
}

void ui_rescue_disarm(void)
{
    if (rescue.armed) {
        for (size_t i = 0; i < KG_ARRAY_LEN(crashes); i++)
            sigaction(crashes[i], &before_crash[i], NULL);
        sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL);
    }
    rescue.armed = false;
    for (size_t i = 0; i < KG_ARRAY_LEN(signals); i++)
        sigaction(signals[i].sig, &before[i], NULL);
    for (int i = 0; i < 2; i++) {
        kg_closep(&rescue.pipe[i]);
        rescue.pipe[i] = -1;
    }
}

int ui_rescue_fd(void) { return rescue.pipe[0]; }

unsigned ui_rescue_take(void)
{
    unsigned char flags[64];
    unsigned all = 0;
    ssize_t n;

    while ((n = read(rescue.pipe[0], flags, sizeof flags)) > 0)
        for (ssize_t i = 0; i < n; i++)
            all |= flags[i];
    if (all & UI_SIG_END)
        rescue.ends = 0;
    return all;
}

void ui_rescue_stop(void)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(signals); i++)
        if (signals[i].sig == SIGTSTP) {
            sigaction(SIGTSTP, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
            /* The whole group: a script that started us would else wait, with nobody to read the keyboard. */
            kill(0, SIGTSTP);
            take_signal(i);
        }
}
