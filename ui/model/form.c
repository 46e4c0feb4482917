/* Steps, focus, buttons and keys of a form. */
#include "model/form_int.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "crypto/secret.h"

enum { STOPS_MAX = UI_FIELDS_MAX + UI_BUTTON_COUNT_ + 3, FILE_MAX = 4000 };

/* ---- beginning and end ---- */

static void open_input(struct ui_form *f, struct ui_input *in, const struct ui_field *d)
{
    KG_AUTO_BUF struct kg_buf initial = KG_BUF_INIT(UI_EDIT_MAX);

    *in = (struct ui_input){ .field = d, .load = UI_READY };
    ui_edit_init(&in->edit, d->max, d->type == UI_FIELD_SECRET);
    if (d->type == UI_FIELD_CHOICE)
        ui_form_static_choices(in);
    if (d->initial)
        (void)ui_form_expand(f, d->initial, false, &initial);
    else if (d->type == UI_FIELD_CHECK)
        kg_buf_adds(&initial, "false");
    else if (d->type == UI_FIELD_RADIO && d->choice && !d->optional)
        kg_buf_adds(&initial, d->choice[0].value);
    if (initial.len)
        ui_edit_set(&in->edit, initial.p);
    if (d->type == UI_FIELD_CHOICE && initial.len) {
        const struct ui_option *o = ui_form_find_option(in, initial.p);

        in->label = kg_xstrdup(o ? o->label : ui_last_part(initial.p));
    }
}

static void name_steps(struct ui_form *f)
{
    const char *label = f->kind->submit_label;

    snprintf(f->review_title, sizeof f->review_title, "Review + %c%s", tolower((unsigned char)label[0]), label + 1);
}

void ui_form_open(struct ui_model *m)
{
    struct ui_form *f = (struct ui_form *)m;
    const struct ui_form_kind *k = m->kind->data;

    f->kind = k;
    f->n_steps = k->n_steps + k->review;
    f->creating = -1;
    f->reached[0] = true;
    f->own = k->own_size ? kg_xalloc(k->own_size) : NULL;
    ui_edit_init(&f->typed, 0, false);
    ui_edit_init(&f->file, FILE_MAX, false);
    name_steps(f);
    f->settling = true;                      /* until all fields are there */
    for (size_t s = 0; s < k->n_steps; s++) {
        f->first[s] = f->n_inputs;
        for (size_t i = 0; i < k->step[s].n_fields && f->n_inputs < UI_FIELDS_MAX; i++, f->n_inputs++)
            open_input(f, &f->input[f->n_inputs], &k->step[s].field[i]);
    }
    for (size_t s = k->n_steps; s < KG_ARRAY_LEN(f->first); s++)
        f->first[s] = f->n_inputs;
    if (k->open)
        k->open(f);
    f->settling = false;
    ui_form_focus(f, k->danger && k->danger(f) ? -1 - UI_BUTTON_CANCEL : 0);
    ui_form_settle(f);
}

void ui_form_done(struct ui_model *m)
{
    struct ui_form *f = (struct ui_form *)m;

    if (f->kind->done)
        f->kind->done(f);
    ui_form_pick_close(f);
    for (size_t i = 0; i < f->n_inputs; i++) {
        ui_edit_done(&f->input[i].edit);
        ui_form_drop_options(&f->input[i]);
        free(f->input[i].label);
        free(f->input[i].asked);
    }
    for (size_t i = 0; i < UI_CALLS_MAX; i++)
        kg_json_free(f->answers[i]);
    ui_edit_done(&f->typed);
    ui_edit_done(&f->file);
    kg_secret_free(f->told);
    kg_secret_free(f->did_key);
    free(f->own);
}

bool ui_form_dirty(const struct ui_model *m)
{
    const struct ui_form *f = (const struct ui_form *)m;

    if (f->told)
        return true; /* nobody has seen it yet */
    if (f->finished)
        return false;
    for (size_t i = 0; i < f->n_inputs; i++)
        if (f->input[i].touched)
            return true;
    return f->typed.len > 0;
}

void ui_form_tick(struct ui_model *m)
{
    struct ui_form *f = (struct ui_form *)m;

    if (f->kind->tick)
        f->kind->tick(f);
}

void ui_form_answer(struct ui_model *m, int tag, uint64_t id, const struct kg_answer *a)
{
    struct ui_form *f = (struct ui_form *)m;

    if (tag >= 1000 && f->kind->answer)
        f->kind->answer(f, tag, a);
    else if (tag == UI_TAG_SUBMIT && id == f->call)
        ui_form_take_answer(f, a);
    else if (tag >= 0 && (size_t)tag < f->n_inputs && id == f->input[tag].call)
        ui_form_take_choices(f, (size_t)tag, a);
}

/* ---- steps ---- */

bool ui_form_is_review(const struct ui_form *f) { return f->step >= f->kind->n_steps; }
bool ui_form_tells(const struct ui_form *f) { return f->told && f->finished; }
static bool is_last(const struct ui_form *f) { return f->step + 1 == f->n_steps; }

const char *ui_form_step_title(const struct ui_form *f, size_t step)
{
    const struct ui_step *s = ui_form_step(f, step);

    return s ? s->title : f->review_title;
}

/* The last step may have a grid that is only looked at: the last button is what one is there for. */
static bool has_fields(const struct ui_form *f, size_t step)
{
    for (size_t i = f->first[step]; i < f->first[step + 1]; i++) {
        enum ui_field_type t = f->input[i].field->type;

        if (t != UI_FIELD_NOTE && t != UI_FIELD_HEADING && (t != UI_FIELD_GRID || !is_last(f)))
            return true;
    }
    return false;
}

static void show_step(struct ui_form *f, size_t step)
{
    f->step = step;
    f->reached[step] = true;
    f->top = 0;
    f->grid.cursor = f->grid.top = 0;
    f->show_cli = false;
    ui_form_focus(f, has_fields(f, step) ? (int)f->first[step] : -1 - UI_BUTTON_SUBMIT);
    ui_form_settle(f);
}

bool ui_form_go(struct ui_form *f, size_t step)
{
    if (step >= f->n_steps || (!f->reached[step] && step > f->step))
        return false;
    if (step > f->step)
        f->checked[f->step] = true;
    if (step != f->step)
        show_step(f, step);
    return true;
}

static void go_on(struct ui_form *f)
{
    size_t wrong = ui_form_first_wrong(f, f->step);

    f->checked[f->step] = true;
    if (wrong < f->n_inputs)
        ui_form_focus(f, (int)wrong);
    else if (ui_form_step_good(f, f->step))
        show_step(f, f->step + 1);
    else
        ui_form_focus_grid(f);
}

/* ---- focus ---- */

bool ui_form_on_button(const struct ui_form *f) { return f->focus < 0 && f->focus >= -UI_BUTTON_COUNT_; }

bool ui_form_can_focus(const struct ui_form *f, size_t i)
{
    enum ui_field_type t = f->input[i].field->type;

    return t != UI_FIELD_NOTE && t != UI_FIELD_HEADING && i >= f->first[f->step] && i < f->first[f->step + 1] &&
           ui_form_input_shown(f, i);
}

const char *ui_form_typed_name(const struct ui_form *f)
{
    return f->kind->typed && is_last(f) && !ui_form_tells(f) ? f->kind->typed(f) : NULL;
}

/* Where the keyboard can be, in order. */
static size_t stops(const struct ui_form *f, int out[STOPS_MAX])
{
    bool on, tells = ui_form_tells(f);
    size_t n = 0;

    if (f->n_steps > 1 && !tells)
        out[n++] = UI_FOCUS_TABS;
    for (size_t i = f->first[f->step]; !tells && i < f->first[f->step + 1]; i++)
        if (ui_form_can_focus(f, i))
            out[n++] = (int)i;
    if (ui_form_typed_name(f))
        out[n++] = UI_FOCUS_TYPED;
    if (tells)
        out[n++] = UI_FOCUS_FILE;
    for (int b = 0; b < UI_BUTTON_COUNT_; b++)
        if (ui_form_button(f, b, &on) && on)
            out[n++] = -1 - b;
    return n;
}

static size_t stop_at(const struct ui_form *f, const int *stop, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (stop[i] == f->focus)
            return i;
    for (size_t i = 0; i < n; i++)           /* it is not there any more: what comes behind it */
        if (f->focus >= 0 && stop[i] != UI_FOCUS_TABS && (stop[i] > f->focus || stop[i] < 0))
            return i;
    return n - 1;
}

void ui_form_focus(struct ui_form *f, int focus)
{
    int stop[STOPS_MAX];
    size_t n = stops(f, stop);

    if (f->focus >= 0 && f->focus < (int)f->n_inputs && focus != f->focus)
        f->input[f->focus].visited = true;
    if (f->pick.open && focus != f->focus)
        ui_form_pick_close(f);
    f->focus = focus;
    f->scrolled = false;
    if (n)
        f->focus = stop[stop_at(f, stop, n)];
    if (f->focus >= 0 && f->focus < (int)f->n_inputs && ui_form_is_text(f->input[f->focus].field->type))
        f->input[f->focus].edit.cursor = f->input[f->focus].edit.len;
    f->base.changed = true;
}

/* What is wrong with the step is told of its rows: there it is mended. */
void ui_form_focus_grid(struct ui_form *f)
{
    for (size_t i = f->first[f->step]; i < f->first[f->step + 1]; i++)
        if (f->input[i].field->type == UI_FIELD_GRID && ui_form_can_focus(f, i)) {
            ui_form_focus(f, (int)i);
            return;
        }
}

/* The first or last field; with a button, the first or last of these. */
static bool focus_end(struct ui_form *f, bool last)
{
    int stop[STOPS_MAX], to = f->focus;
    size_t n = stops(f, stop);

    for (size_t i = 0; i < n; i++) {
        bool button = stop[i] < 0 && stop[i] >= -UI_BUTTON_COUNT_;

        if (stop[i] == UI_FOCUS_TABS || button != ui_form_on_button(f))
            continue;
        to = stop[i];
        if (!last)
            break;
    }
    ui_form_focus(f, to);
    return true;
}

static bool move_focus(struct ui_form *f, long by, bool around)
{
    int stop[STOPS_MAX];
    size_t n = stops(f, stop);
    long to = (long)stop_at(f, stop, n) + by;

    if (around)
        to = (to + (long)n) % (long)n;
    ui_form_focus(f, stop[to < 0 ? 0 : to >= (long)n ? (long)n - 1 : to]);
    return true;
}

static struct ui_input *focused(struct ui_form *f)
{
    return f->focus >= 0 && f->focus < (int)f->n_inputs ? &f->input[f->focus] : NULL;
}

/* The text that what is typed goes into; NULL: none has the keyboard. */
static struct ui_edit *text_edit(struct ui_form *f)
{
    struct ui_input *in = focused(f);

    if (f->focus == UI_FOCUS_TYPED || f->focus == UI_FOCUS_FILE)
        return f->focus == UI_FOCUS_FILE ? &f->file : &f->typed;
    return in && ui_form_is_text(in->field->type) ? &in->edit : NULL;
}

const struct ui_keymap *ui_form_keys(const struct ui_form *f)
{
    const struct ui_input *in = f->focus >= 0 && f->focus < (int)f->n_inputs ? &f->input[f->focus] : NULL;

    if (f->focus == UI_FOCUS_TYPED || f->focus == UI_FOCUS_FILE || f->pick.open)
        return &ui_keys_text;
    if (!in)
        return &ui_keys_form;
    return ui_form_is_text(in->field->type) || in->field->type == UI_FIELD_CHOICE ? &ui_keys_text
           : in->field->type == UI_FIELD_GRID ? &ui_keys_list : &ui_keys_form;
}

/* ---- buttons ---- */

static bool may_submit(const struct ui_form *f)
{
    const char *name = ui_form_typed_name(f);

    if (f->sending || (name && strcmp(name, ui_edit_text(&f->typed)) != 0))
        return false;
    return !(f->base.host->readonly && ui_form_writes(f));
}

const char *ui_form_button(const struct ui_form *f, int button, bool *ret_enabled)
{
    bool tells = ui_form_tells(f);

    *ret_enabled = tells || !f->sending;
    switch (button) {
    case UI_BUTTON_NEXT: return tells || is_last(f) ? NULL : f->step + 2 == f->n_steps && f->kind->review ? f->review_title : "Next";
    case UI_BUTTON_SUBMIT:
        *ret_enabled = may_submit(f);
        return tells || !is_last(f) ? NULL : f->kind->submit_label;
    case UI_BUTTON_BACK: return tells || !f->step ? NULL : "Back";
    case UI_BUTTON_CLI: return tells || !is_last(f) || !f->kind->cli ? NULL : "Equivalent commands";
    case UI_BUTTON_SAVE: return tells ? "Save to a file" : NULL;
    case UI_BUTTON_CLOSE: return tells ? "I have it" : NULL;
    case UI_BUTTON_CANCEL:
        *ret_enabled = true;
        return tells ? NULL : f->sending ? "Close" : "Cancel";
    default: return NULL;
    }
}

void ui_form_propose_file(struct ui_form *f)
{
    KG_AUTO_BUF struct kg_buf file = KG_BUF_INIT(UI_EDIT_MAX);

    if (*f->base.host->home)
        kg_buf_addf(&file, "%s/", f->base.host->home);
    (void)ui_form_expand(f, f->kind->tell->file, false, &file);
    ui_edit_set(&f->file, file.p);
}

static void save_told(struct ui_form *f)
{
    KG_AUTO_BUF struct kg_buf said = KG_BUF_INIT(UI_EDIT_MAX);
    const char *file = ui_edit_text(&f->file);
    struct kg_err err = { 0 };
    int r;

    if (!*file) {
        (void)kg_err_set(&err, KG_E_USAGE, "there is no file to write to");
        kg_err_advise(&err, "Type the path of a file that does not exist yet.");
        r = -1;
    } else {
        r = f->base.host->ops->save(f->base.host, file, (const char *)kg_secret_open(f->told), &err);
        kg_secret_shut(f->told);
    }
    f->err = err;
    if (r < 0) {
        ui_form_focus(f, UI_FOCUS_FILE);
        return;
    }
    kg_buf_adds(&said, "Written to ");
    kg_text_add_printable(&said, file);
    ui_note(&f->base, UI_NOTE_OK, said.p);
    ui_form_focus(f, -1 - UI_BUTTON_CLOSE);
}

void ui_form_press(struct ui_form *f, int button)
{
    bool on;

    if (!ui_form_button(f, button, &on) || !on)
        return;
    switch (button) {
    case UI_BUTTON_NEXT: go_on(f); break;
    case UI_BUTTON_SUBMIT: ui_form_submit(f); break;
    case UI_BUTTON_BACK: (void)ui_form_go(f, f->step - 1); break;
    case UI_BUTTON_CLI: f->show_cli = !f->show_cli; f->cli_top = 0; break;
    case UI_BUTTON_SAVE: save_told(f); break;
    case UI_BUTTON_CLOSE:
        kg_secret_free(f->told);
        f->told = NULL;
        if (f->kind->finished)
            f->kind->finished(f);
        else
            ui_form_close(f);
        break;
    default:
        f->finished = !f->sending && f->base.kind->shape != UI_WIZARD;      /* a wizard's Cancel asks, as Esc does */
        ui_close(&f->base, NULL);
        break;
    }
}

/* ---- what is typed ---- */

static bool type_text(struct ui_form *f, struct ui_edit *e, const struct ui_event *ev)
{
    struct ui_input *in = focused(f);
    KG_AUTO_FREE char *was = kg_xstrdup(e->text);
    const struct kg_secret *secret = e->secret;
    bool digit = ev->key >= '0' && ev->key <= '9', character = ev->kind == UI_EV_PASTE || (ev->key >= ' ' && ev->key < UI_KEY_UP);

    if (in && in->field->type == UI_FIELD_NUMBER && character && !digit)
        return true;
    if (in && in->field->type == UI_FIELD_NUMBER && digit && !in->touched && e->len && e->cursor == e->len)
        ui_edit_set(e, "");                  /* nobody typed what stands there: the first digit replaces it */
    if (!ui_edit_type(e, ev))
        return false;
    if (in && (was ? strcmp(was, e->text) != 0 : secret != e->secret))
        ui_form_typed_in(f, (size_t)f->focus);
    return true;
}

/* A choice that is closed: what is typed begins its filter, Delete takes back what was chosen. */
static bool type_choice(struct ui_form *f, struct ui_input *in, const struct ui_event *ev)
{
    if (ev->kind == UI_EV_KEY && (ev->key == UI_KEY_LEFT || ev->key == UI_KEY_RIGHT)) {
        ui_form_pick_open(f, NULL);
        return true;
    }
    if (ev->kind == UI_EV_KEY && (ev->key == UI_KEY_BACKSPACE || ev->key == UI_KEY_DELETE)) {
        if (in->field->optional)
            ui_form_put(f, (size_t)f->focus, "", NULL, true);
        return true;
    }
    if (ev->kind != UI_EV_KEY || ev->key < ' ' || ev->key == 0x7f || ev->key >= UI_KEY_UP)
        return false;
    ui_form_pick_open(f, ev->key == ' ' ? NULL : ev);
    return true;
}

/* A dialog that wants a name typed has Cancel in focus; who begins to type means the name, whatever is in focus. */
static bool begins_name(const struct ui_form *f, const struct ui_event *ev)
{
    bool letter = ev->kind == UI_EV_KEY && ev->key < 0x80 && (isalnum((int)ev->key) || ev->key == '-' || ev->key == '_');

    return letter && f->focus < 0 && f->base.kind->shape == UI_DIALOG && ui_form_typed_name(f);
}

bool ui_form_type(struct ui_model *m, const struct ui_event *ev)
{
    struct ui_form *f = (struct ui_form *)m;
    struct ui_input *in = focused(f);
    struct ui_edit *e = text_edit(f);

    if ((ev->kind != UI_EV_KEY && ev->kind != UI_EV_PASTE) || f->show_cli)
        return false;
    if (f->sending)
        return e || (in && in->field->type == UI_FIELD_CHOICE) ? ev->key != UI_KEY_ESC && ev->key != UI_KEY_TAB &&
               ev->key != UI_KEY_BACKTAB && ev->key != UI_KEY_F1 : false;
    if (f->pick.open)
        return ui_form_pick_type(f, ev);
    if (e && type_text(f, e, ev)) {
        f->scrolled = false;
        return true;
    }
    if (e)
        return false;
    if (in && in->field->type == UI_FIELD_CHOICE)
        return type_choice(f, in, ev);
    if (begins_name(f, ev)) {
        f->focus = UI_FOCUS_TYPED;
        return type_text(f, &f->typed, ev);
    }
    if (ev->kind == UI_EV_KEY && ev->key == 'c' && !in && is_last(f) && f->kind->cli) {
        ui_form_press(f, UI_BUTTON_CLI);
        return true;
    }
    return false;
}

/* ---- what is done ---- */

static size_t count_choices(const struct ui_field *d)
{
    size_t n = 0;

    while (d->choice && d->choice[n].value)
        n++;
    return n;
}

static void turn_radio(struct ui_form *f, struct ui_input *in, long by)
{
    long n = (long)count_choices(in->field), at = by > 0 ? -1 : n;

    for (long i = 0; i < n; i++)
        if (strcmp(in->field->choice[i].value, ui_edit_text(&in->edit)) == 0)
            at = i;
    if (n)
        ui_form_put(f, (size_t)f->focus, in->field->choice[(at + by + n) % n].value, NULL, true);
}

bool ui_form_set_has(const struct ui_input *in, const char *value)
{
    size_t n = strlen(value);

    for (const char *p = ui_edit_text(&in->edit); *p;) {
        size_t k = strcspn(p, ",");

        if (k == n && strncmp(p, value, n) == 0)
            return true;
        p += k + (p[k] == ',');
    }
    return false;
}

/* Puts the choice into the set, or takes it out; the set's order is the choices'. */
static void toggle_set(struct ui_form *f, struct ui_input *in)
{
    KG_AUTO_BUF struct kg_buf now = KG_BUF_INIT(UI_EDIT_MAX);
    size_t n = count_choices(in->field);

    for (size_t i = 0; i < n; i++)
        if (ui_form_set_has(in, in->field->choice[i].value) != (i == in->at))
            kg_buf_addf(&now, "%s%s", now.len ? "," : "", in->field->choice[i].value);
    ui_form_put(f, (size_t)f->focus, now.p, NULL, true);
}

static void toggle(struct ui_form *f, struct ui_input *in)
{
    switch (in->field->type) {
    case UI_FIELD_CHECK:
        ui_form_put(f, (size_t)f->focus, strcmp(ui_edit_text(&in->edit), "true") == 0 ? "false" : "true", NULL, true);
        break;
    case UI_FIELD_RADIO: turn_radio(f, in, 1); break;
    case UI_FIELD_SET: toggle_set(f, in); break;
    case UI_FIELD_BUTTON:
        if (in->field->press)
            in->field->press(f);
        break;
    case UI_FIELD_CHOICE: ui_form_pick_open(f, NULL); break;
    default: break;
    }
}

static bool sideways(struct ui_form *f, struct ui_input *in, long by)
{
    size_t n = in ? count_choices(in->field) : 0;

    if (f->focus == UI_FOCUS_TABS) {
        if (ui_form_go(f, f->step + (size_t)by))
            f->focus = UI_FOCUS_TABS;
    } else if (ui_form_on_button(f)) {
        return move_focus(f, by, false);
    } else if (in && in->field->type == UI_FIELD_RADIO && !f->sending) {
        turn_radio(f, in, by);
    } else if (in && in->field->type == UI_FIELD_SET && n) {
        in->at = (in->at + (by > 0 ? 1 : n - 1)) % n;
    } else {
        return false;
    }
    return true;
}

/* A grid has the keyboard: its cursor, then what its kind does with a row; over its ends one leaves it. */
static bool act_grid(struct ui_form *f, const struct ui_grid *g, enum ui_action a)
{
    size_t n = g->count(f), page = (size_t)(f->grid.page > 1 ? f->grid.page : 8), *at = &f->grid.cursor;

    if (*at >= n)
        *at = n ? n - 1 : 0;
    switch (a) {
    case UI_ACT_UP: return *at ? (*at)--, true : false;
    case UI_ACT_DOWN: return *at + 1 < n ? (*at)++, true : false;
    case UI_ACT_PAGE_UP: case UI_ACT_HALF_UP: return *at ? *at -= *at < page ? *at : page, true : false;
    case UI_ACT_PAGE_DOWN: case UI_ACT_HALF_DOWN: return *at + 1 < n ? *at = *at + page < n ? *at + page : n - 1, true : false;
    case UI_ACT_FIRST: *at = 0; return true;
    case UI_ACT_LAST: *at = n ? n - 1 : 0; return true;
    case UI_ACT_OPEN: case UI_ACT_MARK: case UI_ACT_MARK_ALL: case UI_ACT_LEFT: case UI_ACT_RIGHT: case UI_ACT_FILTER:
        return n && g->act && !f->sending && g->act(f, *at, a);
    default: return false;
    }
}

/* The review, the commands, a step that is longer than the screen: moves under the eye, and the keyboard stays where it is. */
static bool scroll(struct ui_form *f, enum ui_action a)
{
    int page = f->page > 2 ? f->page - 1 : 1;
    long top = f->show_cli ? f->cli_top : (long)f->top;

    switch (a) {
    case UI_ACT_UP: top -= f->show_cli; break;
    case UI_ACT_DOWN: top += f->show_cli; break;
    case UI_ACT_PAGE_UP: top -= page; break;
    case UI_ACT_PAGE_DOWN: top += page; break;
    case UI_ACT_HALF_UP: top -= page / 2; break;
    case UI_ACT_HALF_DOWN: top += page / 2; break;
    case UI_ACT_FIRST: top = 0; break;
    case UI_ACT_LAST: top = 100000; break;   /* the view stops at the end */
    default: return false;
    }
    top = top < 0 ? 0 : top;
    if (f->show_cli)
        f->cli_top = (int)top;
    else
        f->top = (size_t)top;
    f->scrolled = true;
    return true;
}

/* Up and Down scroll while there is more to see, then go among the buttons. */
static bool scroll_review(struct ui_form *f, enum ui_action a)
{
    if (a != UI_ACT_UP && a != UI_ACT_DOWN)
        return scroll(f, a);
    if (a == UI_ACT_UP ? !f->top : f->page <= 0 || f->top + (size_t)f->page >= f->lines)
        return false;
    f->top += a == UI_ACT_UP ? (size_t)-1 : 1;
    return true;
}

static bool copy(struct ui_form *f)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(1 << 20);
    struct ui_input *in = focused(f);

    if (f->show_cli || (ui_form_is_review(f) && f->kind->cli))
        f->kind->cli(f, &text);
    else if (in && in->field->type != UI_FIELD_SECRET)
        kg_buf_adds(&text, ui_edit_text(&in->edit));
    if (text.len)
        f->base.host->ops->copy(f->base.host, text.p);
    return true;
}

static bool act_cli(struct ui_form *f, enum ui_action a)
{
    if (a == UI_ACT_BACK || a == UI_ACT_OPEN) {
        f->show_cli = false;
        return true;
    }
    return a == UI_ACT_COPY ? copy(f) : scroll(f, a);
}

static bool open_focus(struct ui_form *f, struct ui_input *in)
{
    if (ui_form_on_button(f))
        ui_form_press(f, -1 - f->focus);
    else if (in && (in->field->type == UI_FIELD_CHOICE || in->field->type == UI_FIELD_BUTTON) && !f->sending)
        toggle(f, in);
    else if (in && in->field->type == UI_FIELD_TEXT && in->field->press)
        in->field->press(f);
    else if (f->focus == UI_FOCUS_FILE)
        ui_form_press(f, UI_BUTTON_SAVE);
    else
        (void)move_focus(f, 1, false);
    return true;
}

const char *ui_form_hint(const struct ui_form *f)
{
    static const char *const hints[] = {
        [UI_FIELD_CHOICE] = "Right or Enter: open the list", [UI_FIELD_RADIO] = "Left, Right: choose",
        [UI_FIELD_SET] = "Left, Right: move; Space: mark", [UI_FIELD_CHECK] = "Space: change", [UI_FIELD_GRID] = "",
    };
    size_t type = f->focus >= 0 && f->focus < (int)f->n_inputs ? f->input[f->focus].field->type : UI_FIELD_TEXT;

    if (f->show_cli || ui_form_tells(f))
        return "";
    if (f->pick.open)
        return "Enter: choose; Esc: close the list";
    if (type < KG_ARRAY_LEN(hints) && hints[type])
        return hints[type];
    return f->page > 0 && f->lines > (size_t)f->page ? "PgUp, PgDn: scroll" : "";
}

bool ui_form_act(struct ui_model *m, enum ui_action a)
{
    struct ui_form *f = (struct ui_form *)m;
    struct ui_input *in = focused(f);
    const struct ui_step *s = ui_form_step(f, f->step);

    if (f->show_cli)
        return act_cli(f, a);
    if (f->pick.open && ui_form_pick_act(f, a))
        return true;
    if (in && in->field->type == UI_FIELD_GRID && s && s->grid && act_grid(f, s->grid, a))
        return true;
    if (ui_form_is_review(f) && scroll_review(f, a))
        return true;
    switch (a) {
    case UI_ACT_NEXT: return move_focus(f, 1, true);
    case UI_ACT_PREVIOUS: return move_focus(f, -1, true);
    case UI_ACT_UP: return move_focus(f, -1, false);
    case UI_ACT_DOWN: return move_focus(f, 1, false);
    case UI_ACT_PAGE_UP: case UI_ACT_HALF_UP: case UI_ACT_PAGE_DOWN: case UI_ACT_HALF_DOWN: return scroll(f, a);
    case UI_ACT_FIRST: case UI_ACT_LAST: return focus_end(f, a == UI_ACT_LAST);
    case UI_ACT_LEFT: return sideways(f, in, -1);
    case UI_ACT_RIGHT: return sideways(f, in, 1);
    case UI_ACT_OPEN: return open_focus(f, in);
    case UI_ACT_COPY: return copy(f);
    case UI_ACT_MARK:
        if (ui_form_on_button(f))
            ui_form_press(f, -1 - f->focus);
        else if (in && !f->sending)
            toggle(f, in);
        return true;
    default: return false;
    }
}
