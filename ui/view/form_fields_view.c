/* The fields of a step, line by line; the review; the list that opens under a field. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "view/form_pen.h"
#include "widget/button.h"
#include "widget/field.h"
#include "widget/table.h"

enum { FIELD_WIDEST = 60, LABELS_LEAST = 16, LIST_ROWS = 8, LIST_WIDEST = 72, TEXT_MAX = 64 << 10 };

/* ---- text ---- */

void ui_pen_text(struct ui_pen *p, int indent, enum ui_role role, const char *s)
{
    struct ui_rect r = { p->y0 + p->line, p->x + indent, 1000, p->w - indent };

    p->line += ui_text_wrapped(p->c, r, 0, role, s);
}

void ui_pen_marked(struct ui_pen *p, int indent, enum ui_role role, enum ui_glyph mark, const char *s)
{
    ui_put(p->c, p->y0 + p->line, p->x + indent, role, mark);
    ui_pen_text(p, indent + 2, role, s);
}

/* ---- fields ---- */

static bool has_focus(const struct ui_pen *p, size_t i) { return p->f->focus == (int)i; }

static int field_width(const struct ui_pen *p, const struct ui_field *d, int x)
{
    int w = p->w - x;

    if (d->type == UI_FIELD_NUMBER)
        w = d->max && d->max < 20 ? (int)d->max + 4 : 24;
    else if (d->type == UI_FIELD_TEXT && d->max && (int)d->max + 3 < w)
        w = (int)d->max + 3;
    return w > FIELD_WIDEST && !d->wide ? FIELD_WIDEST : w > p->w - x ? p->w - x : w;
}

static void draw_text(struct ui_pen *p, size_t i, int x)
{
    const struct ui_input *in = &p->f->input[i];
    KG_AUTO_FREE char *shown = ui_edit_shown(&in->edit);
    struct ui_field_look l = { .text = shown, .focus = has_focus(p, i), .cursor = ui_edit_shown_cursor(&in->edit),
                               .scroll = p->draw ? &p->draw->input[i].edit.scroll : NULL, .wrong = ui_form_error(p->f, i) != NULL };

    l.typing = l.focus && p->draw;
    ui_field_draw(p->c, p->y0 + p->line++, p->x + x, field_width(p, in->field, x), &l);
}

static void draw_choice(struct ui_pen *p, size_t i, int x)
{
    const struct ui_input *in = &p->f->input[i];
    const char *label = in->label ? in->label : ui_edit_text(&in->edit);
    bool open = p->f->pick.open && has_focus(p, i);
    KG_AUTO_FREE char *filter = open ? ui_edit_shown(&p->f->pick.filter) : NULL;
    struct ui_field_look l = { .text = open ? filter : label, .focus = has_focus(p, i), .opens = true, .typing = open && p->draw,
                               .wrong = ui_form_error(p->f, i) != NULL };

    l.hint = open ? "Type to filter" : in->load == UI_LOADING ? "Loading…" : in->field->optional ? "(none)" : "Choose one";
    if (open)
        l.cursor = ui_edit_shown_cursor(&p->f->pick.filter);
    ui_field_draw(p->c, p->y0 + p->line++, p->x + x, field_width(p, in->field, x), &l);
}

static const char *label_of(const struct ui_choice *c) { return c->label ? c->label : c->value; }

/* Choices in a row where they fit, else under each other with what they mean. */
static void draw_choices(struct ui_pen *p, size_t i, int x)
{
    const struct ui_input *in = &p->f->input[i];
    bool set = in->field->type == UI_FIELD_SET, focus = has_focus(p, i);
    int wanted = 0, at = x;

    for (const struct ui_choice *c = in->field->choice; c && c->value; c++)
        wanted += ui_width(label_of(c)) + 4 + 2;
    bool row = x + wanted - 2 <= p->w;
    for (const struct ui_choice *c = in->field->choice; c && c->value; c++) {
        bool on = set ? ui_form_set_has(in, c->value) : strcmp(ui_edit_text(&in->edit), c->value) == 0;
        bool here = focus && (set ? in->at == (size_t)(c - in->field->choice) : on);
        enum ui_role role = here ? UI_ROLE_CURSOR : UI_ROLE_FIELD;
        int y = p->y0 + p->line;

        ui_put(p->c, y, p->x + at, role, set ? on ? UI_G_CHECKED : UI_G_UNCHECKED : on ? UI_G_ON : UI_G_OFF);
        ui_text(p->c, y, p->x + at + 3, 1, role, " ");
        at += 4 + ui_text(p->c, y, p->x + at + 4, p->w - at - 4, role, label_of(c)) + 2;
        if (!row) {
            if (c->help)
                ui_text(p->c, y, p->x + at, p->w - at, UI_ROLE_DIM, c->help);
            at = x;
            p->line++;
        }
    }
    p->line += row;
    if (!row || !focus)
        return;
    for (size_t k = 0; in->field->choice && in->field->choice[k].value; k++)
        if (in->field->choice[k].help && (set ? in->at == k : strcmp(ui_edit_text(&in->edit), in->field->choice[k].value) == 0))
            ui_pen_text(p, x, UI_ROLE_DIM, in->field->choice[k].help);
}

static void draw_check(struct ui_pen *p, size_t i, int x)
{
    bool on = strcmp(ui_edit_text(&p->f->input[i].edit), "true") == 0;
    enum ui_role role = has_focus(p, i) ? UI_ROLE_CURSOR : UI_ROLE_FIELD;

    ui_put(p->c, p->y0 + p->line, p->x + x, role, on ? UI_G_CHECKED : UI_G_UNCHECKED);
    ui_text(p->c, p->y0 + p->line++, p->x + x + 3, p->w - x - 3, role, on ? " Yes" : " No");
}

static void draw_note(struct ui_pen *p, size_t i, int x)
{
    const struct ui_field *d = p->f->input[i].field;
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(TEXT_MAX);

    if (d->text)
        d->text(p->f, &text);
    else
        kg_buf_adds(&text, d->help ? d->help : "");
    if (d->label && *d->label)
        ui_pen_text(p, x, UI_ROLE_VALUE, text.p);
    else if (text.len)
        ui_pen_text(p, 0, UI_ROLE_DIM, text.p);
}

static void draw_value(struct ui_pen *p, size_t i, int x)
{
    const struct ui_field *d = p->f->input[i].field;

    switch (d->type) {
    case UI_FIELD_TEXT: case UI_FIELD_SECRET: case UI_FIELD_NUMBER: draw_text(p, i, x); break;
    case UI_FIELD_CHOICE: draw_choice(p, i, x); break;
    case UI_FIELD_RADIO: case UI_FIELD_SET: draw_choices(p, i, x); break;
    case UI_FIELD_CHECK: draw_check(p, i, x); break;
    case UI_FIELD_NOTE: draw_note(p, i, x); break;
    case UI_FIELD_BUTTON: ui_button_draw(p->c, p->y0 + p->line++, p->x + x, d->label, has_focus(p, i), !p->f->sending); break;
    case UI_FIELD_GRID: ui_pen_grid(p, i); break;
    case UI_FIELD_HEADING: break;
    }
}

/* What is wrong, else what helps while it has the keyboard. */
static void draw_beneath(struct ui_pen *p, size_t i, int x)
{
    const struct ui_input *in = &p->f->input[i];
    const char *error = ui_form_error(p->f, i);

    if (in->load == UI_BROKEN)
        ui_pen_marked(p, x, UI_ROLE_FIELD_ERROR, UI_G_FAILED, in->err.msg);
    if (error)
        ui_pen_marked(p, x, UI_ROLE_FIELD_ERROR, UI_G_FAILED, error);
    else if (in->field->help && in->field->type != UI_FIELD_NOTE && has_focus(p, i))
        ui_pen_text(p, x, UI_ROLE_DIM, in->field->help);
}

static void draw_input(struct ui_pen *p, size_t i)
{
    const struct ui_field *d = p->f->input[i].field;
    bool alone = d->wide || d->type == UI_FIELD_GRID, titled = d->label && *d->label && d->type != UI_FIELD_BUTTON;
    int x = alone || (d->type == UI_FIELD_NOTE && !titled) ? 0 : p->labels, from = p->line;

    if (d->type == UI_FIELD_HEADING) {
        p->line += p->line > 0;
        ui_text(p->c, p->y0 + p->line++, p->x, p->w, UI_ROLE_HEADING, d->label);
        return;
    }
    if (titled)
        ui_text(p->c, p->y0 + p->line, p->x, alone ? p->w : p->labels - 1, UI_ROLE_LABEL, d->label);
    p->line += alone && titled;
    draw_value(p, i, x);
    draw_beneath(p, i, x);
    if (has_focus(p, i)) {
        p->focus = from;
        p->focus_end = p->line;
    }
}

static int label_columns(const struct ui_pen *p)
{
    const struct ui_form *f = p->f;
    int widest = LABELS_LEAST;

    for (size_t i = f->first[f->step]; i < f->first[f->step + 1]; i++) {
        const struct ui_field *d = f->input[i].field;

        if (d->label && !d->wide && d->type != UI_FIELD_HEADING && d->type != UI_FIELD_GRID && d->type != UI_FIELD_BUTTON &&
            ui_form_input_shown(f, i) && ui_width(d->label) + 2 > widest)
            widest = ui_width(d->label) + 2;
    }
    return widest > p->w * 2 / 5 ? p->w * 2 / 5 : widest;
}

/* The sentence of what will be lost, and the name that has to be typed. */
static void draw_danger(struct ui_pen *p)
{
    const char *name = ui_form_typed_name(p->f);
    KG_AUTO_FREE char *ask = NULL, *shown = NULL;
    struct ui_field_look l = { .focus = p->f->focus == UI_FOCUS_TYPED };

    if (!name)
        return;
    p->line++;
    ask = kg_xprintf("Type %s to confirm.", name);
    shown = ui_edit_shown(&p->f->typed);
    if (l.focus)
        p->focus = p->line;
    ui_pen_text(p, 0, UI_ROLE_LABEL, ask);
    l.text = shown;
    l.cursor = ui_edit_shown_cursor(&p->f->typed);
    l.scroll = p->draw ? &p->draw->typed.scroll : NULL;
    l.typing = l.focus && p->draw;
    ui_field_draw(p->c, p->y0 + p->line++, p->x, p->w > FIELD_WIDEST ? FIELD_WIDEST : p->w, &l);
    if (l.focus)
        p->focus_end = p->line;
}

static void draw_warning(struct ui_pen *p)
{
    const char *danger = p->f->kind->danger && p->f->step + 1 == p->f->n_steps ? p->f->kind->danger(p->f) : NULL;

    if (!danger)
        return;
    ui_pen_marked(p, 0, UI_ROLE_STATE_WARNING, UI_G_WARNING, danger);
    p->line++;
}

void ui_pen_fields(struct ui_pen *p)
{
    const struct ui_form *f = p->f;
    const struct ui_step *s = &f->kind->step[f->step];

    p->labels = label_columns(p);
    draw_warning(p);
    if (s->intro) {
        ui_pen_text(p, 0, UI_ROLE_DIM, s->intro);
        p->line++;
    }
    for (size_t i = f->first[f->step]; i < f->first[f->step + 1]; i++)
        if (ui_form_input_shown(f, i))
            draw_input(p, i);
    draw_danger(p);
}

/* ---- grids ---- */

static int grid_glyph(const struct ui_grid *g, const struct ui_form *f, size_t row)
{
    enum ui_state s = g->node ? g->node(f, row) : UI_NONE;

    return s == UI_OK ? UI_G_OPEN : s == UI_OFF ? UI_G_CLOSED : s == UI_BUSY ? UI_G_BUSY : -1;
}

static enum ui_role state_role(enum ui_state s)
{
    static const enum ui_role role[] = { [UI_NONE] = UI_ROLE_ITEM, [UI_OK] = UI_ROLE_STATE_OK, [UI_WARNING] = UI_ROLE_STATE_WARNING,
                                         [UI_FAILED] = UI_ROLE_STATE_FAILED, [UI_BUSY] = UI_ROLE_STATE_BUSY,
                                         [UI_OFF] = UI_ROLE_STATE_OFF };

    return role[s];
}

static int state_glyph(enum ui_state s)
{
    static const int glyph[] = { [UI_NONE] = -1, [UI_OK] = UI_G_OK, [UI_WARNING] = UI_G_WARNING, [UI_FAILED] = UI_G_FAILED,
                                 [UI_BUSY] = UI_G_BUSY, [UI_OFF] = -1 };

    return glyph[s];
}

static void draw_row(struct ui_pen *p, const struct ui_grid *g, const struct ui_table_column *column, const int *width, size_t row,
                     bool cursor)
{
    struct ui_rect r = { p->y0 + p->line, p->x, 1, p->w };
    struct ui_shown text[UI_TABLE_MAX];
    struct ui_table_cell cell[UI_TABLE_MAX];
    char first[UI_SHOWN + 40];
    int depth = g->depth ? g->depth(p->f, row) : 0;
    uint8_t flags;

    for (size_t k = 0; k < g->n_columns; k++) {
        text[k] = (struct ui_shown){ .state = UI_NONE };
        g->cell(p->f, row, k, &text[k]);
        cell[k] = (struct ui_table_cell){ text[k].text, state_role(text[k].state), state_glyph(text[k].state) };
    }
    if (g->depth) {
        int glyph = grid_glyph(g, p->f, row);

        snprintf(first, sizeof first, "%*s%s %s", depth * 2, "", glyph < 0 ? " " : ui_glyph(p->c->alphabet, (enum ui_glyph)glyph),
                 text[0].text);
        cell[0].text = first;
    }
    flags = ui_table_row(p->c, r, cursor, g->marked && g->marked(p->f, row));
    ui_table_cells(p->c, r, column, g->n_columns, width, cell);
    p->c->flags = flags;
    p->line++;
}

/* As tall as what stands above it leaves, and never less than a few rows. */
void ui_pen_grid(struct ui_pen *p, size_t input)
{
    const struct ui_grid *g = p->f->kind->step[p->f->step].grid;
    struct ui_table_column column[UI_TABLE_MAX];
    int width[UI_TABLE_MAX], rows;
    size_t n, top;

    if (!g || g->n_columns > UI_TABLE_MAX)
        return;
    for (size_t k = 0; k < g->n_columns; k++)
        column[k] = (struct ui_table_column){ g->column[k].title, g->column[k].min, g->column[k].want, g->column[k].rank,
                                              g->column[k].right };
    ui_table_widths(column, g->n_columns, p->w - UI_TABLE_GUTTER - UI_TABLE_SCROLL, width);
    ui_table_head(p->c, (struct ui_rect){ p->y0 + p->line++, p->x, 1, p->w }, column, g->n_columns, width, 0);
    n = g->count(p->f);
    rows = p->h - p->line - 2 > 4 ? p->h - p->line - 2 : 4;
    if (!n) {
        ui_pen_text(p, UI_TABLE_GUTTER, UI_ROLE_DIM, g->empty ? g->empty : "Nothing here.");
        return;
    }
    rows = (size_t)rows > n ? (int)n : rows;
    top = ui_scroll_to(p->f->grid.top, p->f->grid.cursor < n ? p->f->grid.cursor : n - 1, n, rows);
    if (p->draw) {
        p->draw->grid.top = top;
        p->draw->grid.page = rows;
    }
    ui_scroll_marks(p->c, (struct ui_rect){ p->y0 + p->line, p->x, rows, p->w }, top, n);
    for (int k = 0; k < rows; k++)
        draw_row(p, g, column, width, top + (size_t)k, has_focus(p, input) && p->f->grid.cursor == top + (size_t)k);
}

/* ---- the review ---- */

static bool reviewed(const struct ui_form *f, size_t step)
{
    for (size_t i = f->first[step]; i < f->first[step + 1]; i++)
        if (ui_form_review_label(f, i))
            return true;
    return false;
}

static void review_step(struct ui_pen *p, size_t step)
{
    const struct ui_form *f = p->f;

    if (!reviewed(f, step))
        return;
    p->line += p->line > 0;
    if (ui_form_step_state(f, step) == UI_FAILED)
        ui_put(p->c, p->y0 + p->line, p->x + ui_width(ui_form_step_title(f, step)) + 1, UI_ROLE_STATE_FAILED, UI_G_FAILED);
    ui_text(p->c, p->y0 + p->line++, p->x, p->w, UI_ROLE_HEADING, ui_form_step_title(f, step));
    for (size_t i = f->first[step]; i < f->first[step + 1]; i++) {
        KG_AUTO_BUF struct kg_buf value = KG_BUF_INIT(TEXT_MAX);
        const char *label = ui_form_review_label(f, i);

        if (!label)
            continue;
        ui_form_review_value(f, i, &value);
        ui_text(p->c, p->y0 + p->line, p->x + 2, p->labels - 3, UI_ROLE_LABEL, label);
        if (value.len)
            ui_pen_text(p, p->labels, UI_ROLE_VALUE, value.p);
        else
            p->line++;
    }
}

void ui_pen_review(struct ui_pen *p)
{
    KG_AUTO_BUF struct kg_buf more = KG_BUF_INIT(TEXT_MAX);
    const struct ui_form *f = p->f;

    p->labels = LABELS_LEAST;
    for (size_t i = 0; i < f->n_inputs; i++)
        if (ui_form_review_label(f, i) && ui_width(ui_form_review_label(f, i)) + 4 > p->labels)
            p->labels = ui_width(ui_form_review_label(f, i)) + 4;
    if (p->labels > p->w * 2 / 5)
        p->labels = p->w * 2 / 5;
    draw_warning(p);
    for (size_t s = 0; s < f->kind->n_steps; s++)
        review_step(p, s);
    if (f->kind->more_review)
        f->kind->more_review(f, &more);
    if (more.len) {
        p->line++;
        ui_pen_text(p, 0, UI_ROLE_VALUE, more.p);
    }
    draw_danger(p);
}

/* ---- the list of a choice ---- */

static void draw_option(struct ui_form *f, struct ui_canvas *c, struct ui_rect r, size_t row)
{
    struct ui_option o = ui_form_pick_row(f, row);
    bool here = row == f->pick.cursor, now = o.value && strcmp(o.value, ui_edit_text(&f->input[f->focus].edit)) == 0;
    enum ui_role role = here ? UI_ROLE_CURSOR : o.refused ? UI_ROLE_DIM : o.value ? UI_ROLE_ITEM : UI_ROLE_LINK;
    const char *aside = o.refused ? o.refused : o.help ? o.help : "";
    int took;

    ui_fill(c, r, here ? UI_ROLE_CURSOR : UI_ROLE_ITEM);
    if (now)
        ui_put(c, r.y, r.x, role, UI_G_OK);
    took = 2 + ui_text(c, r.y, r.x + 2, r.w - 2, role, o.label && *o.label ? o.label : o.value ? o.value : "");
    if (*aside && took + 4 < r.w)
        ui_text(c, r.y, r.x + took + 2, r.w - took - 2, here ? UI_ROLE_CURSOR : UI_ROLE_DIM, aside);
}

void ui_pick_draw(struct ui_form *f, struct ui_canvas *c, struct ui_rect area, int y, int x, int w)
{
    const struct ui_input *in = &f->input[f->focus];
    int rows = f->pick.n_shown < LIST_ROWS ? (int)f->pick.n_shown : LIST_ROWS, below = area.y + area.h - y - 1, above = y - area.y;
    bool note = !f->pick.n_shown || in->load != UI_READY;
    int h = rows + note + 2, room = below >= h || below >= above ? below : above;
    struct ui_rect box = { .x = x, .h = h > room ? room : h, .w = w };

    box.w = area.x + area.w - x < LIST_WIDEST ? area.x + area.w - x : LIST_WIDEST;
    box.y = room == below ? y + 1 : y - box.h;
    if (box.h < 3)
        return;
    rows = box.h - 2 - note;
    ui_fill(c, box, UI_ROLE_DIALOG);
    ui_box(c, box, UI_ROLE_FRAME, NULL);
    f->pick.top = ui_scroll_to(f->pick.top, f->pick.cursor, f->pick.n_shown, rows > 0 ? rows : 1);
    for (int k = 0; k < rows && f->pick.top + (size_t)k < f->pick.n_shown; k++)
        draw_option(f, c, (struct ui_rect){ box.y + 1 + k, box.x + 1, 1, box.w - 2 }, f->pick.top + (size_t)k);
    if (note)
        ui_text(c, box.y + 1 + rows, box.x + 3, box.w - 4, in->load == UI_BROKEN ? UI_ROLE_FIELD_ERROR : UI_ROLE_DIM,
                in->load == UI_LOADING ? "Loading…" : in->load == UI_BROKEN ? in->err.msg : "Nothing to choose from.");
    ui_scroll_marks(c, (struct ui_rect){ box.y + 1, box.x, rows, box.w }, f->pick.top, f->pick.n_shown);
}
