/* The fields of a step, line by line; the review. */
#include <string.h>

#include "base/alloc.h"
#include "view/form_pen.h"
#include "widget/button.h"
#include "widget/field.h"

enum { FIELD_WIDEST = 60, NARROW = 30 /* bytes */, LABELS_LEAST = 16, TEXT_MAX = 64 << 10 };

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
    else if (d->type == UI_FIELD_TEXT && d->max && d->max < NARROW)
        w = (int)d->max + 3;
    return w > FIELD_WIDEST && !d->wide ? FIELD_WIDEST : w > p->w - x ? p->w - x : w;
}

static void draw_text(struct ui_pen *p, size_t i, int x)
{
    const struct ui_input *in = &p->f->input[i];
    KG_AUTO_FREE char *shown = ui_edit_shown(&in->edit);
    struct ui_field_look l = { .text = shown, .focus = has_focus(p, i), .cursor = ui_edit_shown_cursor(&in->edit),
                               .scroll = p->draw ? &p->draw->input[i].edit.scroll : NULL, .wrong = ui_form_error(p->f, i) != NULL,
                               .hint = has_focus(p, i) ? NULL : in->field->none };

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

    l.hint = open ? "Type to filter" : in->load == UI_LOADING ? "Loading…" : !in->field->optional ? "Choose one"
             : in->field->none ? in->field->none : "(none)";
    if (open)
        l.cursor = ui_edit_shown_cursor(&p->f->pick.filter);
    ui_field_draw(p->c, p->y0 + p->line++, p->x + x, field_width(p, in->field, x), &l);
}

static const char *label_of(const struct ui_choice *c) { return c->label ? c->label : c->value; }

/* What all choices mean fits behind them; else it stands below each. */
static bool helps_fit(const struct ui_choice *c, int room)
{
    for (; c && c->value; c++)
        if (c->help && 4 + ui_width(label_of(c)) + 2 + ui_width(c->help) > room)
            return false;
    return true;
}

/* Choices in a row where they fit, else under each other with what they mean. */
static void draw_choices(struct ui_pen *p, size_t i, int x)
{
    const struct ui_input *in = &p->f->input[i];
    bool set = in->field->type == UI_FIELD_SET, focus = has_focus(p, i);
    int wanted = 0, at = x;

    for (const struct ui_choice *c = in->field->choice; c && c->value; c++)
        wanted += ui_width(label_of(c)) + 4 + 2;
    bool row = x + wanted - 2 <= p->w, beside = helps_fit(in->field->choice, p->w - x);
    for (const struct ui_choice *c = in->field->choice; c && c->value; c++) {
        bool on = set ? ui_form_set_has(in, c->value) : strcmp(ui_edit_text(&in->edit), c->value) == 0;
        bool here = focus && (set ? in->at == (size_t)(c - in->field->choice) : on);
        enum ui_role role = here ? UI_ROLE_CURSOR : UI_ROLE_FIELD;
        int y = p->y0 + p->line;

        ui_put(p->c, y, p->x + at, role, set ? on ? UI_G_CHECKED : UI_G_UNCHECKED : on ? UI_G_ON : UI_G_OFF);
        ui_text(p->c, y, p->x + at + 3, 1, role, " ");
        at += 4 + ui_text(p->c, y, p->x + at + 4, p->w - at - 4, role, label_of(c)) + 2;
        if (!row) {
            p->line++;
            if (c->help && beside)
                ui_text(p->c, y, p->x + at, p->w - at, UI_ROLE_DIM, c->help);
            else if (c->help)
                ui_pen_text(p, x + 4, UI_ROLE_DIM, c->help);
            at = x;
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

    if (in->load == UI_BROKEN) {
        KG_AUTO_FREE char *text = kg_xprintf("%s (%s)", in->err.msg, kg_code_arm(in->err.code));

        ui_pen_marked(p, x, UI_ROLE_FIELD_ERROR, UI_G_FAILED, text);
        ui_pen_text(p, x + 2, UI_ROLE_BASE, in->err.action);
    }
    if (error)
        ui_pen_marked(p, x, UI_ROLE_FIELD_ERROR, UI_G_FAILED, error);
    else if (in->load != UI_BROKEN && in->field->help && in->field->type != UI_FIELD_NOTE && has_focus(p, i))
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
    if (p->draw) {
        p->draw->input[i].y = p->y0 + from;
        p->draw->input[i].h = p->line - from;
    }
    if (has_focus(p, i)) {
        p->focus = from;
        p->focus_end = p->line;
    }
}

int ui_pen_below(const struct ui_pen *p, size_t input)
{
    struct ui_pen below = *p;
    struct ui_rect was = ui_pen_lift(p->c);

    below.draw = NULL;
    below.line = 0;
    for (size_t i = input + 1; i < p->f->first[p->f->step + 1]; i++)
        if (ui_form_input_shown(p->f, i))
            draw_input(&below, i);
    ui_unclip(p->c, was);
    return below.line;
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

void ui_pen_file(struct ui_pen *p)
{
    KG_AUTO_FREE char *shown = ui_edit_shown(&p->f->file);
    bool focus = p->f->focus == UI_FOCUS_FILE;
    struct ui_field_look l = { .text = shown, .focus = focus, .typing = focus && p->draw, .cursor = ui_edit_shown_cursor(&p->f->file),
                               .scroll = p->draw ? &p->draw->file.scroll : NULL };

    ui_text(p->c, p->y0 + p->line++, p->x, p->w, UI_ROLE_LABEL, "Save to (a new file that only you can read)");
    ui_field_draw(p->c, p->y0 + p->line++, p->x, p->w > FIELD_WIDEST ? FIELD_WIDEST : p->w, &l);
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
    if (p->labels > p->w / 2)
        p->labels = p->w / 2;
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
