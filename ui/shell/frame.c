/* The frame: title bar, command bar, menu, content, status line, and what lies on top. */
#include "shell/parts.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "base/time.h"
#include "model/form.h"
#include "model/format.h"
#include "term/screen.h"
#include "view/form_view.h"
#include "view/view.h"

enum { MENU_W = 20, WIDE = 100, PANE_W = 60, BAR_W = 8, CRUMB_W = 3, ASK_H = 7, ASK_W = 60, NOTE_AROUND = 8 };

struct ui_rect ui_centred(const struct ui_canvas *c, int h, int w)
{
    if (h > c->h - 2)
        h = c->h - 2;
    if (w > c->w - 2)
        w = c->w - 2;
    return (struct ui_rect){ (c->h - h) / 2, (c->w - w) / 2, h, w };
}

/* ---- title bar ---- */

static const char *title_of(const struct ui_model *m) { return m->title && *m->title ? m->title : m->kind->title; }

/* Breadcrumbs from the right: where there is no room for all, an ellipsis stands for the first ones. */
static void draw_crumbs(const struct ui_shell *s, struct ui_canvas *c, int x, int w)
{
    size_t from = s->n_layers;
    bool any = false;
    int need = 0;

    for (size_t i = s->n_layers; i-- > 0;) {
        int more = ui_width(title_of(s->layer[i].m)) + CRUMB_W;

        if (s->layer[i].m->kind->shape == UI_DIALOG)
            continue;
        if (any && need + more + (i ? 1 + CRUMB_W : 0) > w + CRUMB_W)
            break;
        need += more;
        from = i;
        any = true;
    }
    any = from > 0 && from < s->n_layers;
    if (any) {
        x += ui_put(c, 0, x, UI_ROLE_TITLE, UI_G_ELLIPSIS);
        w -= 1;
    }
    for (size_t i = from; i < s->n_layers && w > 0; i++) {
        int took;

        if (s->layer[i].m->kind->shape == UI_DIALOG)
            continue;
        if (any) {
            x += 1 + ui_put(c, 0, x + 1, UI_ROLE_TITLE, UI_G_CRUMB) + 1;
            w -= CRUMB_W;
        }
        took = ui_text_name(c, 0, x, w, i + 1 == s->n_layers ? UI_ROLE_TITLE_CRUMB : UI_ROLE_TITLE, title_of(s->layer[i].m));
        x += took;
        w -= took;
        any = true;
    }
}

static void stale_text(const struct ui_shell *s, char *out, size_t n)
{
    struct kg_async_health h = s->transport.health(s->transport.ctx);
    struct ui_shown when;
    char iso[32];

    *out = 0;
    if (h.starting) {
        kg_text_copy(out, n, "starting the service");
    } else if (!h.reachable && h.since) {
        ui_format(UI_F_TIME, kg_time_iso(h.since, iso), s->host.now, &when);
        snprintf(out, n, "stale since %.40s", when.text);
    } else if (!h.reachable && s->started) {
        kg_text_copy(out, n, "the service does not answer");
    }
}

static void draw_title(const struct ui_shell *s, struct ui_canvas *c)
{
    char right[240], stale[80], unread[32] = "";
    int w;

    ui_fill(c, (struct ui_rect){ 0, 0, 1, c->w }, UI_ROLE_TITLE);
    stale_text(s, stale, sizeof stale);
    if (s->n_unread)
        snprintf(unread, sizeof unread, "! %zu  ", s->n_unread);
    snprintf(right, sizeof right, "%s%s%s%.60s", s->host.readonly ? "read-only  " : "", unread, *s->host.user ? "" : " ",
             s->host.user);
    w = ui_width(right);
    ui_text_right(c, 0, c->w - w - 1, w, s->n_unread ? UI_ROLE_TITLE_CRUMB : UI_ROLE_TITLE, right);
    if (*stale) {
        int sw = ui_width(stale);

        ui_text(c, 0, c->w - w - sw - 4, sw, UI_ROLE_STATE_WARNING, stale);
        w += sw + 3;
    }
    ui_text(c, 0, 1, 8, UI_ROLE_TITLE, "keepgres");
    draw_crumbs(s, c, 11, c->w - w - 14);
}

/* ---- command bar ---- */

enum { BAR_MOST = 64, MORE_W = 9 };      /* "[:] More " */

/* A command in the bar: where it stands, and whether it applies now. */
struct on_bar { struct ui_of of; int x, w; bool off; };

static int key_width(const struct ui_command *c)
{
    char label[16];

    return ui_width(ui_key_label(c->key, label)) + 3;
}

/* Moves those that apply to the front; both parts keep their order. */
static void applicable_first(struct on_bar *b, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct on_bar one = b[i];
        size_t to = i;

        for (; to && b[to - 1].off && !one.off; to--)
            b[to] = b[to - 1];
        b[to] = one;
    }
}

/* The commands as they stand in w columns. While all have room each keeps its place; where they have not, those that apply come
 * first. Returns how many are shown; *more: where "More" stands, which finds them all; 0: all are shown. */
static size_t lay_out_bar(const struct ui_shell *s, int w, struct on_bar b[BAR_MOST], int *more)
{
    struct ui_of of[BAR_MOST];
    size_t n = ui_shell_commands(s, of, BAR_MOST), there = 0, shown = 0;
    int need = 1, x = 1;

    for (size_t i = 0; i < n; i++)
        if (!(of[i].c->flags & UI_HIDDEN) && of[i].c->key) {
            b[there] = (struct on_bar){ of[i], 0, key_width(of[i].c) + ui_width(of[i].c->label), ui_command_refused(of[i].c, of[i].m) };
            need += b[there++].w + 2;
        }
    *more = 0;
    if (need - 2 > w)
        applicable_first(b, there);
    for (; shown < there && (need - 2 <= w || x + b[shown].w + 2 + MORE_W <= w); shown++) {
        b[shown].x = x;
        x += b[shown].w + 2;
    }
    if (shown < there)
        *more = x;
    return shown;
}

static void draw_commands(const struct ui_shell *s, struct ui_canvas *c)
{
    struct on_bar b[BAR_MOST];
    int more;
    size_t n = lay_out_bar(s, c->w, b, &more);
    char label[16];

    ui_fill(c, (struct ui_rect){ 1, 0, 1, c->w }, UI_ROLE_COMMAND);
    for (size_t i = 0; i < n; i++) {
        int x = b[i].x;

        x += ui_textf(c, 1, x, c->w - x, b[i].off ? UI_ROLE_COMMAND_OFF : UI_ROLE_COMMAND_KEY, "[%s] ",
                      ui_key_label(b[i].of.c->key, label));
        (void)ui_text(c, 1, x, c->w - x, b[i].off ? UI_ROLE_COMMAND_OFF : UI_ROLE_COMMAND, b[i].of.c->label);
    }
    if (more) {
        more += ui_textf(c, 1, more, 4, UI_ROLE_COMMAND_KEY, "[%s] ", ui_key_label(':', label));
        (void)ui_text(c, 1, more, c->w - more, UI_ROLE_COMMAND, "More");
    }
}

/* ---- status line ---- */

/* In the order in which they stand; where not all have room the highest rank goes first. */
static const struct { enum ui_action a; int rank; } hints[] = {
    { UI_ACT_OPEN, 2 }, { UI_ACT_MARK, 6 }, { UI_ACT_FILTER, 4 }, { UI_ACT_NEXT, 7 }, { UI_ACT_PALETTE, 3 }, { UI_ACT_MENU, 5 },
    { UI_ACT_HELP, 1 }, { UI_ACT_BACK, 0 },
};

static int hint_width(const struct ui_keymap *map, enum ui_action a)
{
    uint32_t k = ui_keymap_key(map, a);
    char label[16];

    return k ? ui_width(ui_key_label(k, label)) + 1 + ui_width(ui_action_label(a)) + 2 : 0;
}

/* The highest rank that still has room with all below it in w columns; -1: none has. */
static int hints_that_fit(const struct ui_keymap *map, int w)
{
    int most = -1;

    for (int rank = 0; rank < (int)KG_ARRAY_LEN(hints); rank++)
        for (size_t i = 0; i < KG_ARRAY_LEN(hints); i++) {
            if (hints[i].rank != rank)
                continue;
            w -= hint_width(map, hints[i].a);
            if (w + 2 < 0)                       /* behind the last there need be nothing */
                return most;
            most = rank;
        }
    return most;
}

static void draw_hints(struct ui_canvas *c, const struct ui_keymap *map, int y, int right)
{
    int x = 1, most = hints_that_fit(map, right - x);

    for (size_t i = 0; i < KG_ARRAY_LEN(hints); i++) {
        uint32_t k = ui_keymap_key(map, hints[i].a);
        char label[16];

        if (!k || hints[i].rank > most)
            continue;
        x += ui_text(c, y, x, right - x, UI_ROLE_STATUS_KEY, ui_key_label(k, label)) + 1;
        x += ui_text(c, y, x, right - x, UI_ROLE_STATUS, ui_action_label(hints[i].a)) + 2;
    }
}

static void draw_jobs(const struct ui_shell *s, struct ui_canvas *c, int *right)
{
    char text[60];
    int w, full;

    if (!s->jobs.running)
        return;
    if (s->jobs.percent < 0 || s->jobs.running > 1) {
        snprintf(text, sizeof text, "%u job%s in progress ", s->jobs.running, s->jobs.running == 1 ? "" : "s");
        w = ui_width(text);
        ui_text(c, c->h - 1, *right - w, w, UI_ROLE_STATE_BUSY, text);
        *right -= w;
        return;
    }
    snprintf(text, sizeof text, " %3d%% ", (int)s->jobs.percent);
    w = ui_width(text);
    ui_text(c, c->h - 1, *right - w, w, UI_ROLE_STATE_BUSY, text);
    full = (int)(s->jobs.percent * BAR_W / 100);
    for (int i = 0; i < BAR_W; i++)
        ui_put(c, c->h - 1, *right - w - BAR_W + i, i < full ? UI_ROLE_PROGRESS : UI_ROLE_PROGRESS_REST,
            i < full ? UI_G_FULL : UI_G_EMPTY);
    ui_text(c, c->h - 1, *right - w - BAR_W - 6, 6, UI_ROLE_STATE_BUSY, "1 job ");
    *right -= w + BAR_W + 6;
}

/* The newest note stands in a box: one that stays, or has no room in the page's lower edge. How a job ended covers nothing: it is in
 * the pane. */
static bool in_box(const struct ui_shell *s, int w)
{
    const struct ui_noted *n = s->toast && s->n_notes ? &s->note[s->n_notes - 1] : NULL;

    return n && (ui_note_stays(s) || (!n->link && ui_width(n->text) + NOTE_AROUND > w));
}

/* In the lower edge of the page, so that the keys stay in sight. */
static void draw_note(const struct ui_shell *s, struct ui_canvas *c)
{
    const struct ui_noted *n = &s->note[s->n_notes - 1];
    int y = c->h - 2, most = c->w - NOTE_AROUND, w = ui_width(n->text) < most ? ui_width(n->text) : most;

    ui_fill(c, (struct ui_rect){ y, 2, 1, w + 4 }, UI_ROLE_STATUS);
    ui_put(c, y, 3, ui_note_role(n->level), ui_note_glyph(n->level));
    ui_text(c, y, 5, w, ui_note_role(n->level), n->text);
}

/* The keys that work here, what runs, and the newest note. */
static void draw_status(struct ui_shell *s, struct ui_canvas *c)
{
    const struct ui_model *m = ui_shell_top(s);
    int right = c->w;

    ui_fill(c, (struct ui_rect){ c->h - 1, 0, 1, c->w }, UI_ROLE_STATUS);
    draw_jobs(s, c, &right);
    draw_hints(c, m ? ui_view_keys(m) : &ui_keys_global, c->h - 1, right);
    if (in_box(s, c->w))
        ui_notes_draw_toast(s, c, s->content);
    else if (s->toast && s->n_notes)
        draw_note(s, c);
}

/* ---- menu ---- */

static void draw_menu(const struct ui_shell *s, struct ui_canvas *c, struct ui_rect r)
{
    const char *now = ui_menu_here(s);

    ui_fill(c, r, UI_ROLE_MENU);
    for (size_t i = 0; i < ui_menu_n && (int)i < r.h; i++) {
        bool here = ui_menu[i].kind && strcmp(ui_menu[i].kind, now) == 0, at = s->menu.open && s->menu.cursor == i;
        int y = r.y + (int)i;

        if (!ui_menu[i].kind) {
            ui_hline(c, y, r.x + 1, r.w - 2, UI_ROLE_FRAME);
            ui_textf(c, y, r.x + 2, r.w - 4, UI_ROLE_DIM, " %s ", ui_menu[i].title);
            continue;
        }
        if (at)
            ui_fill(c, (struct ui_rect){ y, r.x, 1, r.w }, UI_ROLE_CURSOR);
        if (here)
            ui_put(c, y, r.x, at ? UI_ROLE_CURSOR : UI_ROLE_MENU_CURRENT, UI_G_CRUMB);
        ui_text(c, y, r.x + 2, r.w - 2, at ? UI_ROLE_CURSOR : here ? UI_ROLE_MENU_CURRENT : UI_ROLE_MENU, ui_menu[i].title);
    }
}

/* ---- content ---- */

static void draw_start(const struct ui_shell *s, struct ui_canvas *c, struct ui_rect r)
{
    struct ui_rect in = { r.y + 2, r.x + 4, r.h - 3, r.w - 8 };
    int lines;

    if (s->start_err.code == KG_E_OK) {
        ui_text(c, in.y, in.x, in.w, UI_ROLE_DIM, "Connecting to the service");
        return;
    }
    ui_put(c, in.y, in.x, UI_ROLE_STATE_FAILED, UI_G_FAILED);
    lines = ui_text_wrapped(c, (struct ui_rect){ in.y, in.x + 2, in.h, in.w - 2 }, 0, UI_ROLE_STATE_FAILED,
        s->start_err.msg);
    lines += 1 + ui_text_wrapped(c, (struct ui_rect){ in.y + lines + 1, in.x + 2, in.h - lines, in.w - 2 }, 0, UI_ROLE_BASE,
                                 s->start_err.action);
    ui_text(c, in.y + lines + 1, in.x + 2, in.w - 2, UI_ROLE_DIM, "It is asked again every two seconds. q leaves.");
}

static void draw_ask(const struct ui_shell *s, struct ui_canvas *c)
{
    struct ui_rect r = ui_centred(c, ASK_H, ASK_W);

    ui_flag(c, (struct ui_rect){ 0, 0, c->h, c->w }, UI_SHADE);
    ui_fill(c, r, UI_ROLE_DIALOG);
    ui_box(c, r, UI_ROLE_FRAME, "Leave?");
    ui_text_wrapped(c, (struct ui_rect){ r.y + 2, r.x + 3, 2, r.w - 6 }, 0, UI_ROLE_DIALOG, s->ask.text);
    ui_text(c, r.y + 4, r.x + 3, 10, s->ask.yes ? UI_ROLE_BUTTON : UI_ROLE_BUTTON_FOCUS,
        s->ask.yes ? "[ Stay ]" : "[>Stay<]");
    ui_text(c, r.y + 4, r.x + 14, 11, s->ask.yes ? UI_ROLE_BUTTON_FOCUS : UI_ROLE_BUTTON,
        s->ask.yes ? "[>Leave<]" : "[ Leave ]");
}

/* Between a wide dialog and the frame of the page single letters of that would be left over. */
static void clear_beside(struct ui_canvas *c, struct ui_rect r)
{
    ui_fill(c, (struct ui_rect){ r.y, r.x - 1, r.h, 1 }, UI_ROLE_BASE);
    ui_fill(c, (struct ui_rect){ r.y, r.x + r.w, r.h, 1 }, UI_ROLE_BASE);
}

/* A form draws its own box, where it wants it. Returns where the model itself is drawn. */
static struct ui_rect draw_overlay(struct ui_canvas *c, struct ui_model *m, struct ui_rect content)
{
    bool dialog = m->kind->shape == UI_DIALOG;
    struct ui_rect r = content;

    if (dialog)
        ui_flag(c, (struct ui_rect){ 0, 0, c->h, c->w }, UI_SHADE);
    if (dialog && m->kind->family == UI_FORM) {
        r = ui_form_dialog_area((const struct ui_form *)m, c->h, c->w);
        clear_beside(c, r);
        ui_view_draw(m, c, r);
        return r;
    }
    if (dialog)
        r = ui_centred(c, c->h * 3 / 4, 76);
    else if (c->w >= WIDE)
        r = (struct ui_rect){ content.y, content.x + content.w - PANE_W, content.h, PANE_W };
    if (dialog)
        clear_beside(c, r);
    ui_fill(c, r, dialog ? UI_ROLE_DIALOG : UI_ROLE_PANE);
    ui_box(c, r, UI_ROLE_FRAME, title_of(m));
    r = (struct ui_rect){ r.y + 1, r.x + 2, r.h - 2, r.w - 4 };
    ui_view_draw(m, c, r);
    return r;
}

static void draw_content(struct ui_shell *s, struct ui_canvas *c)
{
    struct ui_rect box = { 2, 0, c->h - 3, c->w }, in;
    bool wide = c->w >= WIDE;

    ui_box(c, box, UI_ROLE_FRAME, NULL);
    in = (struct ui_rect){ box.y + 1, 1, box.h - 2, c->w - 2 };
    if (wide) {
        draw_menu(s, c, (struct ui_rect){ in.y, 1, in.h, MENU_W });
        ui_vline(c, in.y, MENU_W + 1, in.h, UI_ROLE_FRAME);
        ui_put(c, box.y, MENU_W + 1, UI_ROLE_FRAME, UI_G_TTEE);
        ui_put(c, box.y + box.h - 1, MENU_W + 1, UI_ROLE_FRAME, UI_G_BTEE);
        in = (struct ui_rect){ in.y, MENU_W + 3, in.h, c->w - MENU_W - 4 };
    }
    s->content = s->top = in;
    s->w = c->w;
    if (!s->n_layers) {
        draw_start(s, c, in);
        return;
    }
    c->cursor_y = c->cursor_x = -1;
    ui_view_draw(ui_shell_page(s), c, in);
    for (size_t i = 0, seen = 0; i < s->n_layers; i++) {
        seen |= s->layer[i].m == ui_shell_page(s);
        if (seen && s->layer[i].m != ui_shell_page(s)) {
            c->cursor_y = c->cursor_x = -1;
            s->top = draw_overlay(c, s->layer[i].m, (struct ui_rect){ box.y, wide ? MENU_W + 1 : 0, box.h,
                wide ? c->w - MENU_W - 1 : c->w });
        }
    }
    if (s->menu.open && !wide) {
        struct ui_rect r = { box.y, 0, (int)ui_menu_n + 2, MENU_W + 4 };

        ui_fill(c, r, UI_ROLE_MENU);
        ui_box(c, r, UI_ROLE_FRAME, "Menu");
        draw_menu(s, c, (struct ui_rect){ r.y + 1, r.x + 1, r.h - 2, r.w - 2 });
    }
}

static void draw_too_small(struct ui_canvas *c)
{
    char text[100];

    snprintf(text, sizeof text, "keepgres needs %d x %d, this terminal has %d x %d.", UI_MIN_W, UI_MIN_H, c->w, c->h);
    ui_text_wrapped(c, (struct ui_rect){ 0, 0, c->h, c->w }, 0, UI_ROLE_BASE, text);
}

void ui_frame_draw(struct ui_shell *s, struct ui_canvas *c)
{
    ui_canvas_clear(c);
    if (c->h < UI_MIN_H || c->w < UI_MIN_W) {
        draw_too_small(c);
        return;
    }
    draw_title(s, c);
    draw_commands(s, c);
    draw_content(s, c);
    draw_status(s, c);
    if (s->notes_pane.open)
        ui_notes_draw_pane(s, c, c->w >= WIDE ? (struct ui_rect){ 2, c->w - PANE_W, c->h - 3, PANE_W }
                                              : (struct ui_rect){ 2, 0, c->h - 3, c->w });
    if (s->help.open) {
        ui_flag(c, (struct ui_rect){ 0, 0, c->h, c->w }, UI_SHADE);
        ui_help_draw(s, c);
    }
    if (s->palette.open)
        ui_palette_draw(s, c);
    if (s->ask.open)
        draw_ask(s, c);
}

/* ---- the mouse ---- */

static void press(struct ui_shell *s, uint32_t key)
{
    ui_shell_event(s, &(struct ui_event){ .kind = UI_EV_KEY, .key = key }, s->host.now);
}

/* A row of the menu; beside it an open menu closes. */
static void click_menu(struct ui_shell *s, const struct ui_event *ev)
{
    int at = ev->y - s->content.y;
    bool hit = ev->x < MENU_W + 4 && at >= 0 && at < (int)ui_menu_n;

    if (!hit)
        s->menu.open = false;
    if (!hit || !ui_menu[at].kind)
        return;
    s->menu.open = true;
    s->menu.cursor = (size_t)at;
    press(s, UI_KEY_ENTER);
}

static void click_command(struct ui_shell *s, int at)
{
    struct on_bar b[BAR_MOST];
    int more;
    size_t n = lay_out_bar(s, s->w, b, &more);

    for (size_t i = 0; i < n; i++)
        if (at >= b[i].x && at < b[i].x + b[i].w) {
            ui_command_run(b[i].of.c, b[i].of.m);
            return;
        }
    if (more && at >= more)
        ui_palette_open(s, "");
}

/* "Leave?": its two buttons, as draw_ask() has drawn them. */
static void click_ask(struct ui_shell *s, const struct ui_event *ev, int h)
{
    int y = (h - ASK_H) / 2 + 4, x = ev->x - (s->w - ASK_W) / 2 - 3;

    if (ev->y == y && x >= 0 && x < 8)
        press(s, 'n');
    else if (ev->y == y && x >= 11 && x < 20)
        press(s, 'y');
}

/* What lies over the pages. True: something does, and the click was for it. */
static bool click_above(struct ui_shell *s, const struct ui_event *ev)
{
    if (s->ask.open)
        click_ask(s, ev, s->content.h + s->content.y + 2);
    else if (s->palette.open)
        ui_palette_click(s, ev);
    else if (s->help.open)
        s->help.open = false;
    else if (s->notes_pane.open)
        s->notes_pane.open = false;
    else
        return false;
    return true;
}

/* A button is pressed by the first click, so that a second one does not press what has come in its place; all else is opened by
 * two. */
static bool on_button(const struct ui_shell *s)
{
    const struct ui_model *m = ui_shell_top(s);

    return m->kind->family == UI_FORM && ui_form_on_button((const struct ui_form *)m);
}

void ui_frame_click(struct ui_shell *s, const struct ui_event *ev)
{
    bool wide = s->content.x > MENU_W, page = ui_shell_top(s) == ui_shell_page(s);

    if (click_above(s, ev))
        return;
    s->toast = false;
    if (s->menu.open && !wide)
        click_menu(s, ev);
    else if (ev->y == 0)
        ui_palette_open(s, "");
    else if (ev->y == 1)
        click_command(s, ev->x);
    else if (wide && ev->x <= MENU_W && page)
        click_menu(s, ev);
    else if (ui_shell_top(s) && ui_view_click(ui_shell_top(s), s->top, ev->y, ev->x) &&
             on_button(s) == (ev->kind == UI_EV_CLICK))
        ui_shell_act(s, UI_ACT_OPEN);
}
