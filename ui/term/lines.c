#include "term/lines.h"

#include <errno.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"
#include "crypto/secret.h"
#include "term/rescue.h"

enum { ROOM = 4 * UI_LINE_MAX };

/* room[from … to) is what was read and not yet given out. */
struct ui_lines {
    int fd;
    bool terminal, ended, cutting, hidden;   /* cutting: the rest of a line that was too long is passed over */
    struct kg_secret *secret;
    char *room;                              /* open as long as this is */
    size_t from, to;
    struct termios modes;
};

int ui_lines_open(int fd, struct ui_lines **ret, struct kg_err *err)
{
    struct ui_lines *l;
    bool terminal = isatty(fd);

    if (ui_rescue_init(terminal ? fd : -1, err) < 0)
        return -(int)err->code;
    ui_rescue_arm("", 0);
    l = kg_xalloc(sizeof *l);
    l->fd = fd;
    l->terminal = terminal && tcgetattr(fd, &l->modes) == 0;
    l->secret = kg_secret_new(ROOM);
    l->room = (char *)kg_secret_open_write(l->secret);
    *ret = l;
    return 0;
}

void ui_lines_close(struct ui_lines *l)
{
    if (!l)
        return;
    ui_lines_echo(l, true);
    ui_rescue_disarm();
    kg_secret_shut(l->secret);
    kg_secret_free(l->secret);
    free(l);
}

bool ui_lines_is_terminal(const struct ui_lines *l) { return l->terminal; }
int ui_lines_wake_fd(const struct ui_lines *l) { (void)l; return ui_rescue_fd(); }

static const char *newline(const struct ui_lines *l)
{
    return memchr(l->room + l->from, '\n', l->to - l->from);
}

bool ui_lines_ready(const struct ui_lines *l)
{
    return newline(l) || l->ended || (!l->cutting && l->to - l->from >= UI_LINE_MAX);
}

int ui_lines_fd(const struct ui_lines *l) { return ui_lines_ready(l) ? -1 : l->fd; }

/* What was handed out is wiped, what is left goes to the beginning. */
static void forget_given(struct ui_lines *l)
{
    size_t left = l->to - l->from;

    if (!l->from)
        return;
    memmove(l->room, l->room + l->from, left);
    kg_wipe(l->room + left, l->to - left);
    l->from = 0;
    l->to = left;
}

/* The end of a line that was too long is no line. */
static void pass_over(struct ui_lines *l)
{
    const char *end = newline(l);

    if (!l->cutting)
        return;
    l->from = end ? (size_t)(end - l->room) + 1 : l->to;
    l->cutting = !end;
    forget_given(l);
}

void ui_lines_read(struct ui_lines *l)
{
    ssize_t n;

    forget_given(l);
    if (l->ended || l->to + 1 >= ROOM)
        return;
    n = read(l->fd, l->room + l->to, ROOM - 1 - l->to);
    if (n > 0)
        l->to += (size_t)n;
    else if (n == 0 || (errno != EINTR && errno != EAGAIN))
        l->ended = true;
    pass_over(l);
}

const char *ui_lines_next(struct ui_lines *l, size_t *ret_n, bool *ret_cut)
{
    const char *end;
    size_t n;

    forget_given(l);
    pass_over(l);
    end = newline(l);
    n = end ? (size_t)(end - l->room) : l->to;
    *ret_cut = n > UI_LINE_MAX || (!end && !l->ended);
    if (!end && l->ended && !n)
        return NULL;
    l->from = end ? n + 1 : n;
    l->cutting = !end && !l->ended;
    if (n > UI_LINE_MAX)
        n = UI_LINE_MAX;
    if (n && l->room[n - 1] == '\r')
        n--;
    l->room[n] = '\0';
    *ret_n = n;
    return l->room;
}

void ui_lines_echo(struct ui_lines *l, bool on)
{
    struct termios t = l->modes;

    if (!l->terminal || l->hidden == !on)
        return;
    if (!on)
        t.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK);
    /* The newline is shown either way: the next question begins on a line of its own. */
    if (!on)
        t.c_lflag |= ECHONL;
    l->hidden = !on;
    (void)tcsetattr(l->fd, TCSADRAIN, &t);
}

bool ui_lines_signals(struct ui_lines *l, bool *ret_resumed)
{
    unsigned came = ui_rescue_take();

    *ret_resumed = false;
    if (came & UI_SIG_STOP) {
        bool hidden = l->hidden;

        ui_lines_echo(l, true);
        ui_rescue_stop();
        ui_lines_echo(l, !hidden);
        *ret_resumed = true;
    }
    return came & UI_SIG_END;
}
