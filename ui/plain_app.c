#include "plain_app.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/time.h"
#include "keepgres/async.h"
#include "plain/plain.h"
#include "settings.h"
#include "term/lines.h"

struct plain_app {
    struct ui_plain plain;
    struct ui_lines *lines;
    struct kg_async *async;
    struct ui_settings settings;
    bool broken;                             /* nobody reads what is written */
};

static uint64_t send_call(void *ctx, const struct kg_request *rq, bool follow, kg_async_fn *fn, void *fn_ctx)
{
    return kg_async_send(ctx, rq, follow, fn, fn_ctx);
}
static void cancel_call(void *ctx, uint64_t id) { kg_async_cancel(ctx, id); }
static struct kg_async_health health(void *ctx) { return kg_async_health(ctx); }

static void write_out(void *ctx, const char *text, size_t n)
{
    struct plain_app *a = ctx;

    while (n && !a->broken) {
        ssize_t w = write(STDOUT_FILENO, text, n);

        if (w < 0 && errno != EINTR)
            a->broken = true;
        if (w > 0) {
            text += w;
            n -= (size_t)w;
        }
    }
}

/* ---- what the shell wishes ---- */

static void keep(struct plain_app *a, const char *name, const char *value)
{
    struct ui_host *h = &a->plain.shell.host;
    struct kg_err err = { 0 };

    if (ui_settings_save(&a->settings, name, value, &err) < 0)
        h->ops->note(h, UI_NOTE_WARNING, err.msg, err.action);
}

/* Settings are the other portal's, and kept for it. */
static void grant(struct plain_app *a)
{
    struct ui_wish *w = &a->plain.shell.wish;

    if (w->theme)
        keep(a, "theme", w->theme);
    if (w->slow)
        keep(a, "slow", w->slow);
    if (w->mouse_changed)
        keep(a, "mouse", w->mouse ? "on" : "off");
    free(w->copy);
    free(w->theme);
    free(w->slow);
    free(w->save_screen);
    *w = (struct ui_wish){ .quit = w->quit, .mouse = w->mouse };
}

/* ---- the loop ---- */

static void take_line(struct plain_app *a)
{
    static const char too_long[] = "Error: the line is too long\n";
    bool cut;
    size_t n;
    const char *line = ui_lines_next(a->lines, &n, &cut);

    ui_lines_echo(a->lines, true);
    if (!line) {
        ui_plain_end(&a->plain);
    } else if (cut) {
        write_out(a, too_long, sizeof too_long - 1);
        a->plain.asks = false;               /* and asked again */
    } else {
        if (!ui_lines_is_terminal(a->lines)) /* a terminal has shown the newline */
            write_out(a, "\n", 1);
        ui_plain_line(&a->plain, line, n, kg_now_wall());
    }
}

static int patience(const struct plain_app *a)
{
    kg_usec wait = ui_plain_wake(&a->plain) - kg_now_wall();

    return wait <= 0 ? 0 : wait > 5 * KG_SECOND ? 5000 : (int)(wait / 1000 + 1);
}

/* Of the terminal that the lines go to; 0: they go elsewhere, and stay whole. */
static int columns(void)
{
    struct winsize size;

    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static bool wants_line(const struct plain_app *a) { return ui_plain_asks(&a->plain) && ui_lines_ready(a->lines); }

static int loop(struct plain_app *a, struct kg_err *err)
{
    while (!ui_plain_left(&a->plain) && !a->broken) {
        bool listens = ui_plain_asks(&a->plain) || ui_lines_is_terminal(a->lines), resumed;
        struct pollfd fds[] = { { .fd = listens ? ui_lines_fd(a->lines) : -1, .events = POLLIN },
                                { .fd = ui_lines_wake_fd(a->lines), .events = POLLIN } };

        if (kg_async_poll(a->async, fds, KG_ARRAY_LEN(fds), wants_line(a) ? 0 : patience(a), err) < 0)
            return -(int)err->code;
        if (fds[0].revents)
            ui_lines_read(a->lines);
        if (ui_lines_signals(a->lines, &resumed)) {
            write_out(a, "\n", 1);
            return 0;
        }
        if (resumed)
            a->plain.asks = false;           /* the question again */
        if (wants_line(a))
            take_line(a);
        a->plain.width = columns();
        ui_plain_turn(&a->plain, kg_now_wall());
        grant(a);
        ui_lines_echo(a->lines, !ui_plain_secret(&a->plain));
    }
    if (a->broken)
        return kg_err_sys(err, EPIPE, "write the portal's lines");
    return 0;
}

static int run(struct plain_app *a, const struct ui_opts *o, struct kg_err *err)
{
    struct ui_transport transport = { .send = send_call, .cancel = cancel_call, .health = health };
    int ret;

    if (kg_async_open(&(struct kg_client_opts){ .socket = o->socket }, &a->async, err) < 0 ||
        ui_lines_open(STDIN_FILENO, &a->lines, err) < 0)
        return -(int)err->code;
    transport.ctx = a->async;
    ui_plain_init(&a->plain, &(struct ui_plain_opts){ .transport = &transport, .write = write_out, .ctx = a, .page = o->page,
                                                      .home = getenv("HOME"), .readonly = o->readonly,
                                                      .stops_watching = ui_lines_is_terminal(a->lines),
                                                      .utf8 = !o->ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0 }, kg_now_wall());
    ret = loop(a, err);
    if (ret == 0 && !a->plain.shell.started && a->plain.shell.start_err.code != KG_E_OK) {
        *err = a->plain.shell.start_err;
        ret = -(int)err->code;
    }
    ui_plain_done(&a->plain);
    return ret;
}

int ui_plain_main(const struct ui_opts *o, struct kg_err *err)
{
    struct plain_app *a = kg_xalloc(sizeof *a);
    int ret;

    setlocale(LC_CTYPE, "");
    ui_settings_load(&a->settings);
    ret = run(a, o, err);
    ui_lines_close(a->lines);
    kg_async_close(a->async);
    ui_settings_done(&a->settings);
    free(a);
    return ret;
}
