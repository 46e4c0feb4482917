#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "sys/fd.h"

static int open_terminal(void) { return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY); }

static void say(int fd, const char *text) { (void)kg_write_all(fd, text, strlen(text)); }

int kg_cli_confirm(const char *question, struct kg_err *err)
{
    KG_AUTO_CLOSE int tty = isatty(STDIN_FILENO) ? open_terminal() : -1;
    char answer[16] = "";
    ssize_t n;

    if (tty < 0) {
        kg_err_set(err, KG_E_USAGE, "there is no terminal to ask: %s?", question);
        kg_err_advise(err, "Say --yes to do it without being asked.");
        return -(int)err->code;
    }
    say(tty, "Really ");
    say(tty, question);
    say(tty, "? (y/n): ");
    n = read(tty, answer, sizeof answer - 1);
    if (n <= 0 || (answer[0] != 'y' && answer[0] != 'Y'))
        return kg_err_set(err, KG_E_CANCELLED, "not confirmed, nothing was done");
    return 0;
}

/* Reads what is typed into p (size bytes) until Enter; backspace and Ctrl-U work. Length, or -1 for Ctrl-C and Ctrl-D,
 * -2 when it does not fit. The terminal is in raw-ish mode: a line of the cooked one ends at 4,095 bytes. */
static ssize_t read_line(int tty, uint8_t *p, size_t size)
{
    enum { CTRL_C = 3, CTRL_D = 4, BACKSPACE = 8, CTRL_U = 21, DEL = 127 };
    size_t n = 0;
    uint8_t c;

    for (;;) {
        ssize_t r = read(tty, &c, 1);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0 || c == CTRL_C || (c == CTRL_D && n == 0))
            return -1;
        if (c == '\n' || c == '\r')
            return (ssize_t)n;
        if (c == CTRL_U) {
            n = 0;
        } else if (c == BACKSPACE || c == DEL) {
            while (n && (p[n - 1] & 0xC0) == 0x80)
                n--;
            n -= n > 0;
        } else if (n == size) {
            return -2;
        } else {
            p[n++] = c;
        }
    }
}

int kg_cli_ask_secret(const char *prompt, const char *otherwise, size_t max, struct kg_secret **ret, struct kg_err *err)
{
    KG_AUTO_CLOSE int tty = open_terminal();
    KG_AUTO_SECRET struct kg_secret *typed = NULL;
    struct termios was, quiet;
    uint8_t *p;
    ssize_t n;

    if (tty < 0 || tcgetattr(tty, &was) < 0) {
        kg_err_set(err, KG_E_USAGE, "there is no terminal to ask for it");
        kg_err_advise(err, "%s", otherwise);
        return -(int)err->code;
    }
    say(tty, prompt);
    quiet = was;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    (void)tcsetattr(tty, TCSAFLUSH, &quiet);
    typed = kg_secret_new(max);
    p = kg_secret_open_write(typed);
    n = read_line(tty, p, max);
    (void)tcsetattr(tty, TCSAFLUSH, &was);
    say(tty, "\n");
    if (n > 0)
        *ret = kg_secret_new_copy(p, (size_t)n);
    kg_secret_shut(typed);
    if (n == -2)
        return kg_err_set(err, KG_E_LIMIT, "what was typed is longer than %zu bytes", max);
    if (n < 0)
        return kg_err_set(err, KG_E_CANCELLED, "interrupted");
    if (n == 0)
        return kg_err_set(err, KG_E_USAGE, "nothing was typed");
    return 0;
}

int kg_cli_read_secret(const char *file, const char *prompt, const char *otherwise, size_t max, struct kg_secret **ret,
                       struct kg_err *err)
{
    KG_AUTO_CLOSE int fd = -1;

    if (!file)
        return kg_cli_ask_secret(prompt, otherwise, max, ret, err);
    if (strcmp(file, "-") == 0)
        return kg_secret_read_fd(STDIN_FILENO, max, ret, err);
    fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return kg_err_set(err, KG_E_NOT_FOUND, "no file '%s'", file);
    if (fd < 0)
        return kg_err_sys(err, errno, "open '%s'", file);
    return kg_secret_read_fd(fd, max, ret, err) < 0 ? kg_err_wrap(err, "file '%s'", file) : 0;
}
