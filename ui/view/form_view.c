#include "view/form_view.h"

#include <string.h>

#include "base/alloc.h"
#include "model/commands.h"
#include "view/form_pen.h"
#include "view/parts.h"
#include "view/view.h"
#include "widget/button.h"
#include "widget/table.h"
#include "widget/tabs.h"

enum { ASIDE_FROM = 100, DIALOG_WIDEST = 76, ERROR_LINES = 6, ADVICE_LINES = 4, TOLD_LINES = 11, TEXT_MAX = 64 << 10 };

struct ui_rect ui_pen_lift(struct ui_canvas *c) { return ui_clip(c, (struct ui_rect){ 0, 0, 0, 0 }); }

/* ---- tabs ---- */

static void tabs_of(const struct ui_form *f, struct ui_tab *ret)
{
    for (size_t s = 0; s < f->n_steps; s++) {
        enum ui_state state = ui_form_step_state(f, s);

        ret[s] = (struct ui_tab){ ui_form_step_title(f, s), ui_state_glyph(state), ui_state_role(state) };
    }
}

static void draw_tabs(const struct ui_form *f, struct ui_canvas *c, struct ui_rect r)
{
    struct ui_rect line = { r.y, r.x, 1, r.w };
    struct ui_tab tab[UI_STEPS_MAX + 1];

    tabs_of(f, tab);
    ui_hline(c, r.y + 1, r.x, r.w, UI_ROLE_FRAME);
    ui_tabs(c, line, tab, f->n_steps, f->step);
    if (f->focus == UI_FOCUS_TABS) {
        ui_flag(c, line, UI_CURSOR_ROW);
        ui_text_right(c, r.y + 1, r.x, r.w, UI_ROLE_DIM, "Left, Right: other steps");
    }
}

/* ---- the lines at the bottom: what went wrong, what is being done, the buttons ---- */

/* Returns how many lines stand above the buttons. A NULL canvas measures. */
static int draw_news(const struct ui_form *f, struct ui_canvas *c, struct ui_rect r)
{
    const char *step = ui_form_step_error(f, f->step), *advice = f->err.action;
    KG_AUTO_FREE char *text = f->err.code ? kg_xprintf("%s (%s)", f->err.msg, kg_code_arm(f->err.code)) : NULL;
    struct ui_rect in = { r.y, r.x + 2, ERROR_LINES, r.w - 2 };
    int n = 0, took;

    if (text || step) {
        if (c)
            ui_put(c, r.y, r.x, UI_ROLE_STATE_FAILED, UI_G_FAILED);
        took = ui_text_wrapped(c, in, 0, UI_ROLE_STATE_FAILED, text ? text : step);
        n = took > ERROR_LINES ? ERROR_LINES : took;
    }
    if (text && *advice) {
        in.y = r.y + n;
        in.h = ADVICE_LINES;
        took = ui_text_wrapped(c, in, 0, UI_ROLE_BASE, advice);
        n += took > ADVICE_LINES ? ADVICE_LINES : took;
    }
    if (f->sending) {
        if (c) {
            ui_put(c, r.y + n, r.x, UI_ROLE_STATE_BUSY, UI_G_BUSY);
            ui_textf(c, r.y + n, r.x + 2, r.w - 2, UI_ROLE_STATE_BUSY, "%s", f->doing ? f->doing : "Sending");
        }
        n++;
    }
    return n;
}

static void draw_buttons(const struct ui_form *f, struct ui_canvas *c, struct ui_rect r)
{
    int x = r.x;
    bool on;

    for (int b = 0; b < UI_BUTTON_COUNT_; b++) {
        const char *label = ui_form_button(f, b, &on);

        if (label && x + ui_button_width(label) <= r.x + r.w)
            x += ui_button_draw(c, r.y, x, label, f->focus == -1 - b, on) + 1;
    }
}

/* ---- what is between ---- */

static int aside_width(const struct ui_form *f, int w)
{
    const struct ui_step *s = ui_form_is_review(f) ? NULL : &f->kind->step[f->step];

    return s && s->aside && w >= ASIDE_FROM ? w * 2 / 5 : 0;
}

static void draw_aside(struct ui_pen *p)
{
    const struct ui_step *s = ui_form_is_review(p->f) ? NULL : &p->f->kind->step[p->f->step];
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(TEXT_MAX);

    if (!s || !s->aside)
        return;
    s->aside(p->f, p->w, &text);
    for (char *line = text.p, *end; text.len && *line; line = end) {
        end = strchrnul(line, '\n');
        if (*end)
            *end++ = '\0';
        ui_text(p->c, p->y0 + p->line++, p->x, p->w, UI_ROLE_BASE, line);
    }
}

/* Fields or review, and what stands beside them where there is no room for it at the side. */
static void draw_lines(struct ui_pen *p, bool aside)
{
    p->focus = -1;
    p->line = 0;
    if (ui_form_is_review(p->f))
        ui_pen_review(p);
    else
        ui_pen_fields(p);
    if (aside && p->f->kind->step && !ui_form_is_review(p->f) && p->f->kind->step[p->f->step].aside) {
        p->line++;
        draw_aside(p);
    }
}

static struct ui_pen measure(const struct ui_form *f, struct ui_canvas *c, struct ui_rect r, bool aside)
{
    struct ui_pen p = { .f = f, .c = c, .w = r.w, .h = r.h };
    struct ui_rect was = ui_pen_lift(c);

    draw_lines(&p, aside);
    ui_unclip(c, was);
    return p;
}

/* The first line that is shown: what has the keyboard is in sight, from its first line on; with the buttons the end is; unless
 * somebody scrolled. */
static size_t first_line(const struct ui_form *f, const struct ui_pen *p, int h)
{
    size_t top = f->top, last = p->line > h ? (size_t)(p->line - h) : 0;

    if (f->scrolled)
        return top > last ? last : top;
    if (p->focus >= 0 && p->focus_end > (int)top + h)
        top = (size_t)(p->focus_end - h);
    if (p->focus >= 0 && p->focus < (int)top)
        top = (size_t)p->focus;
    if (!ui_form_is_review(f) && p->focus >= 0 && p->focus_end <= h)
        top = 0;
    if (!ui_form_is_review(f) && ui_form_on_button(f) && !f->kind->danger)
        top = last;
    return top > last ? last : top;
}

/* Returns where the field stands whose list is open; no height: none is. */
static struct ui_rect draw_body(struct ui_form *f, struct ui_canvas *c, struct ui_rect r)
{
    int side = aside_width(f, r.w), wide;
    struct ui_rect fields = { r.y, r.x, r.h, r.w - (side ? side + 3 : 2) }, was;
    struct ui_pen p = measure(f, c, fields, !side);

    f->top = first_line(f, &p, r.h);
    f->lines = (size_t)p.line;
    f->page = r.h;
    was = ui_clip(c, r);
    p = (struct ui_pen){ .f = f, .draw = f, .c = c, .y0 = r.y - (int)f->top, .x = r.x, .w = fields.w, .h = r.h };
    draw_lines(&p, !side);
    ui_scroll_marks(c, side ? (struct ui_rect){ r.y, r.x, r.h, fields.w + 2 } : r, f->top, f->lines);
    if (side) {
        struct ui_pen beside = { .f = f, .c = c, .y0 = r.y, .x = r.x + r.w - side, .w = side, .h = r.h };

        ui_vline(c, r.y, r.x + r.w - side - 2, r.h, UI_ROLE_FRAME);
        draw_aside(&beside);
    }
    ui_unclip(c, was);
    if (!f->pick.open || p.focus < 0)
        return (struct ui_rect){ 0 };
    wide = f->input[f->focus].field->wide;
    return (struct ui_rect){ p.y0 + p.focus + wide, r.x + (wide ? 0 : p.labels), 1, r.w };
}

/* ---- instead of the fields ---- */

static void draw_cli(struct ui_form *f, struct ui_canvas *c, struct ui_rect r)
{
    KG_AUTO_BUF struct kg_buf commands = KG_BUF_INIT(TEXT_MAX), text = KG_BUF_INIT(2 * TEXT_MAX);
    struct ui_rect in = { r.y + 1, r.x + 1, r.h - 3, r.w - 2 };
    int lines;

    f->kind->cli(f, &commands);
    ui_commands_wrap(commands.p, in.w, &text);
    lines = ui_text_wrapped(NULL, in, 0, UI_ROLE_VALUE, text.p);
    f->page = in.h;
    if (f->cli_top > lines - in.h)
        f->cli_top = lines > in.h ? lines - in.h : 0;
    ui_fill(c, r, UI_ROLE_DIALOG);
    ui_box(c, r, UI_ROLE_FRAME, "Equivalent commands");
    ui_text_wrapped(c, in, f->cli_top, UI_ROLE_VALUE, text.p);
    ui_text(c, r.y + r.h - 2, r.x + 1, r.w - 2, UI_ROLE_DIM, "y copies them, Esc closes");
    ui_scroll_marks(c, (struct ui_rect){ in.y, r.x, in.h, r.w }, (size_t)f->cli_top, (size_t)lines);
}

static int cli_lines(const struct ui_form *f, int w)
{
    KG_AUTO_BUF struct kg_buf commands = KG_BUF_INIT(TEXT_MAX), text = KG_BUF_INIT(2 * TEXT_MAX);

    f->kind->cli(f, &commands);
    ui_commands_wrap(commands.p, w, &text);
    return ui_text_wrapped(NULL, (struct ui_rect){ 0, 0, 1, w }, 0, UI_ROLE_VALUE, text.p);
}

static void draw_secret(void *ctx, const char *secret) { ui_pen_text(ctx, 2, UI_ROLE_VALUE, secret); }

static void draw_told(struct ui_form *f, struct ui_canvas *c, struct ui_rect r)
{
    const struct ui_tell *t = f->kind->tell;
    KG_AUTO_BUF struct kg_buf title = KG_BUF_INIT(TEXT_MAX), text = KG_BUF_INIT(TEXT_MAX);
    struct ui_pen p = { .f = f, .draw = f, .c = c, .y0 = r.y, .x = r.x, .w = r.w };

    (void)ui_form_expand(f, t->title, false, &title);
    (void)ui_form_expand(f, t->text, false, &text);
    ui_pen_text(&p, 0, UI_ROLE_HEADING, title.p);
    p.line++;
    ui_form_show_told(f, draw_secret, &p);
    p.line++;
    ui_pen_text(&p, 0, UI_ROLE_STATE_WARNING, text.p);
    p.line++;
    ui_pen_file(&p);
}

/* ---- all of it ---- */

/* In the line above the buttons, so that it takes none away. */
static void draw_hint(const struct ui_form *f, struct ui_canvas *c, int y, struct ui_rect r)
{
    KG_AUTO_FREE char *hint = *ui_form_hint(f) ? kg_xprintf(" %s ", ui_form_hint(f)) : NULL;

    if (hint)
        ui_text_right(c, y, r.x, r.w - 1, UI_ROLE_DIM, hint);
}

/* The list of a choice lies over everything, also over the frame of the dialog that its field is in. */
static void draw_pick(struct ui_form *f, struct ui_canvas *c, struct ui_rect area, struct ui_rect field)
{
    struct ui_rect was = c->clip, over = f->base.kind->shape == UI_DIALOG ? (struct ui_rect){ 0, area.x, c->h, area.w - 2 } : area;

    if (!field.h)
        return;
    ui_unclip(c, over);
    ui_pick_draw(f, c, over, field.y, field.x);
    ui_unclip(c, was);
}

/* A dialog has a frame. */
static struct ui_rect inside(const struct ui_form *f, struct ui_rect area)
{
    return f->base.kind->shape != UI_DIALOG ? area : (struct ui_rect){ area.y + 1, area.x + 2, area.h - 2, area.w - 4 };
}

void ui_form_view_draw(struct ui_form *f, struct ui_canvas *c, struct ui_rect area)
{
    bool dialog = f->base.kind->shape == UI_DIALOG, tells = ui_form_tells(f);
    struct ui_rect r = inside(f, area), field = { 0 };
    int news, line;

    for (size_t i = 0; i < f->n_inputs; i++)
        f->input[i].h = 0;
    f->pick.h = 0;
    if (dialog) {
        ui_fill(c, area, UI_ROLE_DIALOG);
        ui_box(c, area, UI_ROLE_FRAME, f->base.title ? f->base.title : f->base.kind->title);
    }
    if (f->n_steps > 1 && !tells) {
        draw_tabs(f, c, r);
        r.y += 2;
        r.h -= 2;
    }
    news = draw_news(f, NULL, r);
    line = r.y + r.h - 2 - news;
    draw_buttons(f, c, (struct ui_rect){ r.y + r.h - 1, r.x, 1, r.w });
    draw_news(f, c, (struct ui_rect){ r.y + r.h - 1 - news, r.x, news, r.w });
    ui_hline(c, line, r.x, r.w, UI_ROLE_FRAME);
    r.h -= news + 2;
    if (tells)
        draw_told(f, c, r);
    else if (f->show_cli)
        draw_cli(f, c, r);
    else
        field = draw_body(f, c, r);
    draw_hint(f, c, line, r);
    draw_pick(f, c, area, field);
}

static bool click_button(struct ui_form *f, int x)
{
    bool on;

    for (int b = 0; b < UI_BUTTON_COUNT_; b++) {
        const char *label = ui_form_button(f, b, &on);

        if (label && x >= 0 && x < ui_button_width(label)) {
            if (on)
                ui_form_focus(f, -1 - b);
            return on;
        }
        x -= label ? ui_button_width(label) + 1 : 0;
    }
    return false;
}

static bool click_tab(struct ui_form *f, struct ui_rect line, int x)
{
    struct ui_tab tab[UI_STEPS_MAX + 1];
    size_t s;

    tabs_of(f, tab);
    s = ui_tabs_at(line, tab, f->n_steps, f->step, x);
    return s < f->n_steps && ui_form_go(f, s);
}

bool ui_form_view_click(struct ui_form *f, struct ui_rect area, int y, int x)
{
    struct ui_rect r = inside(f, area);

    if (f->pick.open && f->pick.h) {
        size_t row = f->pick.top + (size_t)(y - f->pick.y);
        bool hit = y >= f->pick.y && y < f->pick.y + f->pick.h && row < f->pick.n_shown;

        if (hit)
            f->pick.cursor = row;
        return hit;
    }
    if (y == r.y + r.h - 1)
        return click_button(f, x - r.x);
    if (f->n_steps > 1 && y == r.y && !ui_form_tells(f))
        return click_tab(f, (struct ui_rect){ r.y, r.x, 1, r.w }, x);
    for (size_t i = 0; i < f->n_inputs && y < r.y + r.h - 2; i++)
        if (f->input[i].h && y >= f->input[i].y && y < f->input[i].y + f->input[i].h && ui_form_can_focus(f, i)) {
            ui_form_focus(f, (int)i);
            return true;
        }
    return false;
}

/* Between frame, buttons and lines of news. */
struct ui_rect ui_form_dialog_area(const struct ui_form *f, int h, int w)
{
    struct ui_canvas c;
    struct ui_rect r = { .w = w - 4 < DIALOG_WIDEST ? w - 4 : DIALOG_WIDEST, .h = h };
    int lines = ui_form_tells(f) ? TOLD_LINES : f->show_cli ? cli_lines(f, r.w - 6) + 3 : 0;

    ui_canvas_init(&c, 1, 1, UI_UTF8);
    if (!lines)
        lines = measure(f, &c, (struct ui_rect){ 0, 0, h - 6, r.w - 6 }, true).line;
    ui_canvas_done(&c);
    r.h = lines + 4 + draw_news(f, NULL, (struct ui_rect){ 0, 0, h, r.w - 4 }) + (f->n_steps > 1 ? 2 : 0);
    if (r.h > h - 2)
        r.h = h - 2;
    r.y = (h - r.h) / 2;
    r.x = (w - r.w) / 2;
    return r;
}
