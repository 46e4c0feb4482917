/* The whole portal, worked by someone who presses anything, over a service that answers late, not at all, or with anything. After
 * every step the picture is one that a terminal can be sent; the portal never asks to be woken in the past, or in hours; and at
 * the end Esc (and "yes, leave") leads back to a page, the menu to the Overview, and q out.
 *
 * FUZZ_UI_SHOW=1 in the environment tells each step. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define fail_msg(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), abort())
#include "base/alloc.h"
#include "canvas_check.h"
#include "crypto/crypto.h"
#include "shell/parts.h"
#include "tape.h"
#include "ui_hostile.h"
#include "unit/ui_recorded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { STEPS_MAX = 3000, ANSWERS_MAX = 400, ESCAPES = 60, WAITING_MAX = RECORDED_MAX - 60 };

struct run {
    struct tape tape;
    struct recorded r;
    struct ui_host_ops ops;                  /* the shell's, but nothing is written to files */
    bool show;
};

static int no_file(struct ui_host *h, const char *file, const char *text, struct kg_err *err)
{
    (void)h, (void)text;
    return strlen(file) % 2 ? 0 : kg_err_set(err, KG_E_IO, "'%s' cannot be written", file);
}

#define SHOW(u, ...) ((u)->show ? (void)(fprintf(stderr, __VA_ARGS__), fputc('\n', stderr)) : (void)0)

static void draw(struct run *u)
{
    recorded_draw(&u->r);
    canvas_check(&u->r.canvas, (struct ui_rect){ 0, 0, u->r.canvas.h, u->r.canvas.w });
}

static void event(struct run *u, struct ui_event ev)
{
    struct ui_shell *s = &u->r.shell;

    SHOW(u, "  event %d, key %x, at %d, %d; on %s", ev.kind, ev.key, ev.y, ev.x, ui_shell_top(s) ? ui_shell_top(s)->kind->name : "-");
    u->r.now += 20000;
    ui_shell_event(s, &ev, u->r.now);
    s->wish.quit = false;                    /* what would be left goes on */
}
static void press(struct run *u, uint32_t key) { event(u, (struct ui_event){ .kind = UI_EV_KEY, .key = key }); }

/* ---- steps ---- */

static void named_key(struct run *u)
{
    static const uint32_t keys[] = { UI_KEY_UP, UI_KEY_DOWN, UI_KEY_DOWN, UI_KEY_LEFT, UI_KEY_RIGHT, UI_KEY_RIGHT, UI_KEY_ENTER,
                                     UI_KEY_ENTER, UI_KEY_ENTER, UI_KEY_TAB, UI_KEY_TAB, UI_KEY_BACKTAB, UI_KEY_PGUP, UI_KEY_PGDN,
                                     UI_KEY_HOME, UI_KEY_END, UI_KEY_BACKSPACE, UI_KEY_DELETE, UI_KEY_INSERT, UI_KEY_F5, UI_KEY_F1,
                                     UI_KEY_F10, ' ', ' ', UI_KEY_ESC, 'y', 'A', '/', ':', 'N', 'm', 's' };

    press(u, keys[tape_byte(&u->tape) % KG_ARRAY_LEN(keys)]);
}

static void any_key(struct run *u) { press(u, tape_byte(&u->tape) % 127 + (u->tape.at % 13 ? 0 : UI_KEY_UP)); }

/* Some commands by the key that the page gives them, or in the palette. */
static void command(struct run *u)
{
    struct ui_of of[64];
    size_t n = ui_shell_commands(&u->r.shell, of, KG_ARRAY_LEN(of));

    if (n)
        press(u, of[tape_byte(&u->tape) % n].c->key);
}

static void palette(struct run *u)
{
    const struct ui_kind *k;
    unsigned i = tape_byte(&u->tape);
    size_t n = 0;

    while (ui_kind_at(n))
        n++;
    k = ui_kind_at(i % n);
    press(u, UI_CTRL('p'));
    for (const char *p = k->title; *p; p++)
        press(u, (unsigned char)*p);
    press(u, UI_KEY_ENTER);
}

/* A page about something, or a wizard. */
static void visit(struct run *u)
{
    const struct ui_kind *k = ui_kind_at(tape_byte(&u->tape));
    bool fits = k && (*recorded_argument(k->name) || (k->found_by && (k->shape == UI_PAGE || k->shape == UI_WIZARD)));

    if (fits && ui_shell_top(&u->r.shell)) {
        SHOW(u, "  %s", k->name);
        ui_open(ui_shell_top(&u->r.shell), k->name, recorded_argument(k->name));
    }
}

static void words(struct run *u)
{
    static const char *const words[] = { "sales", "a", "90", "0", "-1", "999999999999999999999", "pg1.example.com", "2026-11-21T03:00:00",
                                         "kv1", "/tmp/x", "owner-of-all", "https://kv1/secrets/login", "*", "!x", "!", "postgres",
                                         "Daily", "02:30", "theme mono", "save x", "vault1", "P30D", "1 GiB" };
    bool paste = tape_byte(&u->tape) & 1;

    for (const char *p = words[tape_byte(&u->tape) % KG_ARRAY_LEN(words)]; *p; p++)
        event(u, (struct ui_event){ .kind = paste ? UI_EV_PASTE : UI_EV_KEY, .key = (unsigned char)*p });
}

/* A character as a terminal's paste may bring it: any but those that the input takes out. */
static void paste(struct run *u)
{
    static const uint32_t nasty[] = { 0x301, 0x200d, 0x202e, 0x65e5, 0x1f600, 0xfffd, 0x10ffff, 0xfeff, 0x2028, 0xa0, 0xad, 0x627, 0xe9,
                                      '\'', '"', '\\', '$', '%', 0xd7ff, 0xe000, 0x300, 0x1f1e9 };

    for (unsigned n = tape_byte(&u->tape) % 40 + (u->tape.at % 31 ? 0 : 9000), i = tape_byte(&u->tape); n; n--, i += 7)
        event(u, (struct ui_event){ .kind = i % 3 ? UI_EV_PASTE : UI_EV_KEY, .key = nasty[i % KG_ARRAY_LEN(nasty)] });
}

static void mouse(struct run *u)
{
    static const enum ui_event_kind kinds[] = { UI_EV_CLICK, UI_EV_CLICK, UI_EV_DOUBLE_CLICK, UI_EV_WHEEL_UP, UI_EV_WHEEL_DOWN };
    unsigned how = tape_byte(&u->tape);
    int y = (int)tape_byte(&u->tape), x = (int)tape_byte(&u->tape);

    draw(u);
    event(u, (struct ui_event){ .kind = kinds[how % KG_ARRAY_LEN(kinds)], .y = how & 128 ? y * 3 - 100 : y % u->r.canvas.h,
                                .x = how & 128 ? x * 3 - 100 : x % u->r.canvas.w });
}

static void size(struct run *u)
{
    static const int sizes[][2] = { { 24, 80 }, { 24, 80 }, { 36, 120 }, { 25, 99 }, { 24, 100 }, { 1, 1 }, { 2, 500 }, { 200, 20 },
                                    { 60, 200 }, { 200, 500 }, { 5, 5 }, { 24, 81 } };
    const int *to = sizes[tape_byte(&u->tape) % KG_ARRAY_LEN(sizes)];

    SHOW(u, "  %d x %d", to[1], to[0]);
    ui_canvas_resize(&u->r.canvas, to[0], to[1]);
    event(u, (struct ui_event){ .kind = UI_EV_RESIZE });
    draw(u);
}

/* Time goes by: a moment, seconds, a day; now and then the clock is set back. */
static void wait(struct run *u)
{
    static const int64_t by[] = { 300000, 1000000, 5000000, 5000000, 61000000, 3600LL * 1000000, 90000LL * 1000000, -7200LL * 1000000 };

    u->r.now += by[tape_byte(&u->tape) % KG_ARRAY_LEN(by)];
    SHOW(u, "  time");
    ui_shell_tick(&u->r.shell, u->r.now);
    if (ui_shell_wake(&u->r.shell) <= u->r.now)
        fail_msg("%s wants to be woken in the past", ui_shell_top(&u->r.shell) ? ui_shell_top(&u->r.shell)->kind->name : "the start");
    if (ui_shell_wake(&u->r.shell) > u->r.now + 3600LL * 1000000)
        fail_msg("nothing is looked at for an hour");
}

static struct recorded_call *waiting(struct run *u, unsigned nth)
{
    size_t n = 0;

    recorded_tidy(&u->r);
    n = u->r.n_calls;
    return n ? &u->r.call[nth % n] : NULL;
}

static void answer(struct run *u, bool well)
{
    struct recorded_call *c = waiting(u, tape_byte(&u->tape));

    if (!c)
        return;
    SHOW(u, "  answer %s: %s", c->path, well ? "well" : "badly");
    if (well)
        recorded_answer(&u->r, c);
    else
        hostile_answer(&u->tape, c);
}
static void good(struct run *u) { answer(u, true); }
static void bad(struct run *u) { answer(u, false); }

/* All that is asked, and what is asked because of it: that has an end. */
static void all(struct run *u)
{
    struct recorded_call *c;

    for (int i = 0; !u->r.down && (c = waiting(u, 0)); i++) {
        if (i == ANSWERS_MAX)
            fail_msg("asks for ever: %s", c->path);
        SHOW(u, "  answer %s", c->path);
        recorded_answer(&u->r, c);
    }
}

static void service(struct run *u)
{
    static const char *const versions[] = { NULL, "0.0.1", "99.0.0", "x", "1.", "" };
    unsigned how = tape_byte(&u->tape);

    u->r.down = how & 1;
    u->r.version = versions[how / 2 % KG_ARRAY_LEN(versions)];
}

static const struct { int weight; void (*step)(struct run *u); } steps[] = {
    { 74, named_key }, { 24, any_key }, { 40, command }, { 10, words }, { 4, paste }, { 8, palette }, { 12, mouse }, { 4, size },
    { 8, wait }, { 10, good }, { 16, bad }, { 34, all }, { 4, service }, { 8, visit },
};

static void step(struct run *u)
{
    int at = (int)tape_byte(&u->tape), i = 0;

    for (i = 0; i + 1 < (int)KG_ARRAY_LEN(steps) && at >= steps[i].weight; i++)
        at -= steps[i].weight;
    steps[i].step(u);
    while (u->r.n_calls > WAITING_MAX && waiting(u, 0) && u->r.n_calls > WAITING_MAX)
        hostile_error(&u->tape, waiting(u, 0));
}

/* ---- the way out ---- */

static void escape(struct run *u)
{
    struct ui_shell *s = &u->r.shell;

    for (int i = 0; i < ESCAPES; i++) {
        press(u, UI_KEY_ESC);
        if (s->ask.open)
            press(u, 'y');
        all(u);
    }
}

static void leave(struct run *u)
{
    struct ui_shell *s = &u->r.shell;

    SHOW(u, "out");
    escape(u);
    if (s->started) {
        if (s->n_layers != 1 || s->ask.open || s->palette.open || s->help.open || s->notes_pane.open || s->menu.open)
            fail_msg("Esc leads nowhere: %s lies on top", ui_shell_top(s)->kind->name);
        press(u, UI_KEY_F10);
        press(u, UI_KEY_HOME);
        press(u, UI_KEY_ENTER);
        if (strcmp(ui_shell_top(s)->kind->name, "overview") != 0)
            fail_msg("the menu leads to %s", ui_shell_top(s)->kind->name);
        all(u);
        draw(u);
    }
    ui_shell_event(s, &(struct ui_event){ .kind = UI_EV_KEY, .key = 'q' }, u->r.now);
    if (!s->wish.quit)
        fail_msg("q does not leave");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct run *u = kg_xalloc(sizeof *u);
    struct ui_transport t = { .send = recorded_send, .cancel = recorded_cancel, .health = recorded_health, .ctx = &u->r };
    const struct ui_kind *page;
    unsigned how;

    kg_crypto_start();
    u->tape = (struct tape){ data, n, 0 };
    u->show = getenv("FUZZ_UI_SHOW") != NULL;
    how = tape_byte(&u->tape);
    page = ui_kind_at(tape_byte(&u->tape));
    u->r.now = (int64_t)1795273500 * 1000000;
    ui_canvas_init(&u->r.canvas, 24, 80, how & 1 ? UI_ASCII : UI_UTF8);
    ui_shell_init(&u->r.shell, &t, how & 2 && page ? page->name : "", (how & 12) == 12, u->r.now);
    u->ops = *u->r.shell.host.ops;
    u->ops.save = no_file;
    u->r.shell.host.ops = &u->ops;
    if (how & 16)
        all(u);
    for (int i = 0; i < STEPS_MAX && !tape_over(&u->tape); i++) {
        step(u);
        if (i % 4 == 0)
            draw(u);
    }
    if (how & 32)
        u->r.down = false;
    leave(u);
    recorded_close(&u->r);
    free(u);
    return 0;
}
