#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "base/time.h"
#include "keepgres/async.h"
#include "plain_app.h"
#include "settings.h"
#include "shell/shell.h"
#include "term/screen.h"
#include "theme/theme.h"

/* µs between two pictures: of what comes by itself, and of what a key asked for a moment ago. */
enum { FRAME = 250 * 1000, FRAME_SLOW = 1000 * 1000, FRAME_ASKED = 20 * 1000, MOMENT = 2000 * 1000 };

struct app {
    struct ui_shell shell;
    struct ui_screen *screen;
    struct kg_async *async;
    struct ui_settings settings;
    kg_usec frame, drawn, typed;         /* drawn and typed: monotonic */
    bool dirty;                          /* there is something to draw */
};

static uint64_t send_call(void *ctx, const struct kg_request *rq, bool follow, kg_async_fn *fn, void *fn_ctx)
{
    return kg_async_send(ctx, rq, follow, fn, fn_ctx);
}
static void cancel_call(void *ctx, uint64_t id) { kg_async_cancel(ctx, id); }
static struct kg_async_health health(void *ctx) { return kg_async_health(ctx); }

/* ---- what the shell wishes ---- */

static void keep(struct app *a, const char *name, const char *value)
{
    struct kg_err err = { 0 };

    if (ui_settings_save(&a->settings, name, value, &err) < 0)
        a->shell.host.ops->note(&a->shell.host, UI_NOTE_WARNING, err.msg, err.action);
}

static void set_theme(struct app *a, const char *name)
{
    struct kg_err err = { 0 };
    struct ui_theme theme;

    if (ui_theme_load(name, a->settings.theme_dir, &theme, &err) < 0) {
        a->shell.host.ops->note(&a->shell.host, UI_NOTE_FAILED, err.msg, err.action);
        return;
    }
    ui_screen_theme(a->screen, &theme);
    keep(a, "theme", name);
}

static void save_screen(struct app *a, const char *file)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4u << 20);
    struct kg_err err = { 0 };
    char text[400];

    ui_shell_draw(&a->shell, ui_screen_canvas(a->screen));     /* without the palette */
    ui_canvas_print(ui_screen_canvas(a->screen), &b);
    if (a->shell.host.ops->save(&a->shell.host, file, b.p, &err) < 0) {
        a->shell.host.ops->note(&a->shell.host, UI_NOTE_FAILED, err.msg, err.action);
        return;
    }
    snprintf(text, sizeof text, "The screen is in '%.300s'.", file);
    a->shell.host.ops->note(&a->shell.host, UI_NOTE_OK, text, NULL);
}

static void grant(struct app *a)
{
    struct ui_wish *w = &a->shell.wish;

    if (w->copy)
        ui_screen_copy(a->screen, w->copy);
    if (w->theme)
        set_theme(a, w->theme);
    if (w->save_screen)
        save_screen(a, w->save_screen);
    if (w->mouse_changed) {
        ui_screen_mouse(a->screen, w->mouse);
        keep(a, "mouse", w->mouse ? "on" : "off");
    }
    if (w->slow) {
        a->frame = strcmp(w->slow, "on") == 0 ? FRAME_SLOW : FRAME;
        keep(a, "slow", w->slow);
    }
    if (w->redraw)
        ui_screen_redraw(a->screen);
    if (w->bell)
        ui_screen_bell(a->screen);
    free(w->copy);
    free(w->theme);
    free(w->slow);
    free(w->save_screen);
    *w = (struct ui_wish){ .quit = w->quit, .mouse = w->mouse };
}

/* ---- the loop ---- */

static void draw(struct app *a)
{
    ui_shell_draw(&a->shell, ui_screen_canvas(a->screen));
    ui_screen_show(a->screen);
    a->drawn = kg_now_mono();
    a->dirty = false;
}

static bool take_events(struct app *a)
{
    struct ui_event ev;
    bool any = false;

    while (!a->shell.wish.quit && ui_screen_read(a->screen, &ev)) {
        any = true;
        if (ev.kind == UI_EV_SUSPEND)
            ui_screen_suspend(a->screen);
        ui_shell_event(&a->shell, &ev, kg_now_wall());
        grant(a);
    }
    return any;
}

/* When the next picture of what came by itself may be drawn. */
static kg_usec next_frame(const struct app *a)
{
    bool asked = kg_now_mono() - a->typed < MOMENT && a->frame != FRAME_SLOW;

    return a->drawn + (asked ? FRAME_ASKED : a->frame);
}

/* Milliseconds until something is due. */
static int patience(const struct app *a)
{
    kg_usec wait = ui_shell_wake(&a->shell) - kg_now_wall(), frame = next_frame(a) - kg_now_mono();

    if (a->dirty && frame < wait)
        wait = frame;
    return wait <= 0 ? 0 : wait > 5 * KG_SECOND ? 5000 : (int)(wait / 1000 + 1);
}

/* Answers come in between; a key is drawn at once, what comes by itself at most so many times a second. */
static int loop(struct app *a, struct kg_err *err)
{
    while (!a->shell.wish.quit) {
        struct pollfd fds[] = { { .fd = ui_screen_fd(a->screen), .events = POLLIN },
                                { .fd = ui_screen_wake_fd(a->screen), .events = POLLIN } };
        bool keys;

        if (kg_async_poll(a->async, fds, KG_ARRAY_LEN(fds), patience(a), err) < 0)
            return -(int)err->code;
        keys = take_events(a);
        if (a->shell.wish.quit)
            break;
        if (ui_shell_is_due(&a->shell, kg_now_wall())) {
            ui_shell_tick(&a->shell, kg_now_wall());
            a->dirty = true;
        }
        a->dirty |= ui_shell_changed(&a->shell);
        if (keys)
            a->typed = kg_now_mono();
        if (keys || (a->dirty && kg_now_mono() >= next_frame(a)))
            draw(a);
    }
    return 0;
}

static int open_screen(struct app *a, const struct ui_opts *o, struct kg_err *err)
{
    struct ui_theme theme;
    const char *name = o->theme ? o->theme : a->settings.theme;

    if (ui_theme_load(name, a->settings.theme_dir, &theme, err) < 0)
        return -(int)err->code;
    return ui_screen_open(&(struct ui_screen_opts){ .theme = &theme, .ascii = o->ascii, .mouse = o->mouse || a->settings.mouse,
                                                    .mono = getenv("NO_COLOR") && *getenv("NO_COLOR") },
                          &a->screen, err);
}

static int run(struct app *a, const struct ui_opts *o, struct kg_err *err)
{
    struct kg_client_opts client = { .socket = o->socket };
    struct ui_transport transport = { .send = send_call, .cancel = cancel_call, .health = health };
    const char *home = getenv("HOME");
    int ret;

    if (kg_async_open(&client, &a->async, err) < 0 || open_screen(a, o, err) < 0)
        return -(int)err->code;
    transport.ctx = a->async;
    a->frame = o->slow || a->settings.slow ? FRAME_SLOW : FRAME;
    ui_shell_init(&a->shell, &transport, o->page, o->readonly, kg_now_wall());
    kg_text_copy(a->shell.host.home, sizeof a->shell.host.home, home ? home : "");
    a->shell.wish.mouse = o->mouse || a->settings.mouse;
    kg_text_copy(a->shell.setting[0], sizeof a->shell.setting[0], o->theme ? o->theme : a->settings.theme);
    kg_text_copy(a->shell.setting[1], sizeof a->shell.setting[1], a->shell.wish.mouse ? "on" : "off");
    kg_text_copy(a->shell.setting[2], sizeof a->shell.setting[2], a->frame == FRAME_SLOW ? "on" : "off");
    a->typed = kg_now_mono();
    draw(a);
    ret = loop(a, err);
    ui_shell_done(&a->shell);
    return ret;
}

int ui_main(const struct ui_opts *o, struct kg_err *err)
{
    struct app *a;
    int ret;

    if (o->plain)
        return ui_plain_main(o, err);
    a = kg_xalloc(sizeof *a);
    ui_settings_load(&a->settings);
    ret = run(a, o, err);
    ui_screen_close(a->screen);
    kg_async_close(a->async);
    ui_settings_done(&a->settings);
    free(a);
    return ret;
}
