/* The values of a form's fields, what is wrong with them, and how they are read out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "model/form_int.h"

int ui_form_index(const struct ui_form *f, const char *field)
{
    for (size_t i = 0; i < f->n_inputs; i++)
        if (f->input[i].field->name && strcmp(f->input[i].field->name, field) == 0)
            return (int)i;
    return -1;
}

const struct ui_step *ui_form_step(const struct ui_form *f, size_t step)
{
    return step < f->kind->n_steps ? &f->kind->step[step] : NULL;
}

const struct ui_input *ui_form_input(const struct ui_form *f, const char *field)
{
    int i = ui_form_index(f, field);

    return i < 0 ? NULL : &f->input[i];
}

const char *ui_form_value(const struct ui_form *f, const char *field)
{
    const struct ui_input *in = ui_form_input(f, field);

    return in ? ui_edit_text(&in->edit) : "";
}

struct kg_secret *ui_form_secret(const struct ui_form *f, const char *field)
{
    const struct ui_input *in = ui_form_input(f, field);

    return in ? in->edit.secret : NULL;
}

const char *ui_form_label(const struct ui_form *f, const char *field)
{
    const struct ui_input *in = ui_form_input(f, field);

    return !in ? "" : in->label ? in->label : ui_edit_text(&in->edit);
}

bool ui_form_is(const struct ui_form *f, const char *field, const char *value)
{
    return strcmp(ui_form_value(f, field), value) == 0;
}

const struct ui_option *ui_form_option(const struct ui_form *f, const char *field)
{
    const struct ui_input *in = ui_form_input(f, field);

    return in ? ui_form_find_option(in, ui_edit_text(&in->edit)) : NULL;
}

bool ui_form_is_text(enum ui_field_type t) { return t == UI_FIELD_TEXT || t == UI_FIELD_SECRET || t == UI_FIELD_NUMBER; }

bool ui_form_input_shown(const struct ui_form *f, size_t i)
{
    return !f->input[i].field->shown || f->input[i].field->shown(f);
}

size_t ui_form_step_of(const struct ui_form *f, size_t input)
{
    size_t s = 0;

    while (s + 1 < f->kind->n_steps && input >= f->first[s + 1])
        s++;
    return s;
}

/* ---- changing ---- */

static void concerns(struct ui_form *f, size_t i)
{
    f->base.changed = true;
    if (f->input[i].field->changed)
        f->input[i].field->changed(f);
    ui_form_settle(f);
}

void ui_form_put(struct ui_form *f, size_t i, const char *value, const char *label, bool by_hand)
{
    struct ui_input *in = &f->input[i];
    const struct ui_option *o = label ? NULL : ui_form_find_option(in, value);
    KG_AUTO_FREE char *new_label = kg_xstrdup(label ? label : o ? o->label : NULL);
    KG_AUTO_FREE char *new_value = kg_xstrdup(value);
    bool same = !in->edit.text ? false : strcmp(in->edit.text, value) == 0;

    in->touched |= by_hand;
    if (!same || new_label) {
        free(in->label);
        in->label = KG_TAKE(new_label);
    }
    if (same)
        return;
    ui_edit_set(&in->edit, new_value);
    concerns(f, i);
}

void ui_form_typed_in(struct ui_form *f, size_t i)
{
    f->input[i].touched = true;
    concerns(f, i);
}

void ui_form_set(struct ui_form *f, const char *field, const char *value, const char *label)
{
    int i = ui_form_index(f, field);

    if (i >= 0)
        ui_form_put(f, (size_t)i, value, label, true);
}

void ui_form_suggest(struct ui_form *f, const char *field, const char *value, const char *label)
{
    int i = ui_form_index(f, field);

    if (i >= 0 && !f->input[i].touched)
        ui_form_put(f, (size_t)i, value, label, false);
}

/* Values that follow from others, in one round. True: one changed. */
static bool derive(struct ui_form *f)
{
    bool changed = false;

    for (size_t i = 0; i < f->n_inputs; i++) {
        const struct ui_field *d = f->input[i].field;
        const char *v = d->initially && !f->input[i].touched ? d->initially(f) : NULL;

        if (v && strcmp(v, ui_edit_text(&f->input[i].edit)) != 0) {
            ui_form_put(f, i, v, NULL, false);
            changed = true;
        }
    }
    return changed;
}

void ui_form_settle(struct ui_form *f)
{
    if (f->settling)
        return;
    f->settling = true;
    for (int round = 0; round < 8 && derive(f); round++)
        ; /* values that go round are stopped */
    f->settling = false;
    ui_form_ask_choices(f);
    if (f->focus >= 0 && f->focus < (int)f->n_inputs && !ui_form_can_focus(f, (size_t)f->focus))
        ui_form_focus(f, f->focus);
}

/* ---- what is wrong ---- */

const char *ui_form_wrong(const struct ui_form *f, size_t i)
{
    const struct ui_input *in = &f->input[i];
    const struct ui_field *d = in->field;
    const struct ui_option *o;

    if (d->type == UI_FIELD_NOTE || d->type == UI_FIELD_HEADING || d->type == UI_FIELD_BUTTON || !ui_form_input_shown(f, i))
        return NULL;
    if (d->type == UI_FIELD_GRID)
        return d->check ? d->check(f, "") : NULL;
    if (!in->edit.len)
        return d->optional ? NULL : d->type == UI_FIELD_CHOICE || d->type == UI_FIELD_RADIO ? "Choose one."
               : d->type == UI_FIELD_SET ? "Choose at least one." : "A value is needed.";
    o = ui_form_find_option(in, ui_edit_text(&in->edit));
    if (o && (o->refused || d->type == UI_FIELD_TEXT))
        return o->refused ? o->refused : d->source->taken ? d->source->taken
               : "Something of this name is there already. Choose another name.";
    return d->check ? d->check(f, ui_edit_text(&in->edit)) : NULL;
}

size_t ui_form_first_wrong(const struct ui_form *f, size_t step)
{
    for (size_t i = f->first[step]; i < f->first[step + 1]; i++)
        if (ui_form_wrong(f, i))
            return i;
    return f->n_inputs;
}

bool ui_form_step_good(const struct ui_form *f, size_t step)
{
    const struct ui_step *s = ui_form_step(f, step);

    return !s || (ui_form_first_wrong(f, step) == f->n_inputs && !(s->check && s->check(f)));
}

const char *ui_form_error(const struct ui_form *f, size_t i)
{
    return f->input[i].visited || f->checked[ui_form_step_of(f, i)] ? ui_form_wrong(f, i) : NULL;
}

const char *ui_form_step_error(const struct ui_form *f, size_t step)
{
    const struct ui_step *s = ui_form_step(f, step);

    return s && s->check && f->checked[step] && ui_form_first_wrong(f, step) == f->n_inputs ? s->check(f) : NULL;
}

enum ui_state ui_form_step_state(const struct ui_form *f, size_t step)
{
    if (step >= f->kind->n_steps || !f->checked[step])
        return UI_NONE;
    return ui_form_step_good(f, step) ? UI_OK : UI_FAILED;
}

bool ui_name_ok(const char *s, size_t least, size_t most, const char *extra, bool letter)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t n = strlen(s);

    if (n < least || n > most || !n || (letter && !strchr(letters, s[0])) || strchr(extra, s[n - 1]))
        return false;
    for (; *s; s++)
        if (!strchr(letters, *s) && !(*s >= '0' && *s <= '9') && !strchr(extra, *s))
            return false;
    return true;
}

/* ---- reading out ---- */

const char *ui_form_review_label(const struct ui_form *f, size_t i)
{
    const struct ui_field *d = f->input[i].field;
    const char *label = d->review ? d->review : d->label;

    if ((d->type == UI_FIELD_NOTE && !d->review) || d->type == UI_FIELD_HEADING || d->type == UI_FIELD_BUTTON || d->type == UI_FIELD_GRID)
        return NULL;
    return label && *label && ui_form_input_shown(f, i) ? label : NULL;
}

static const char *choice_label(const struct ui_choice *c, const char *value, size_t n)
{
    for (; c && c->value; c++)
        if (strlen(c->value) == n && strncmp(c->value, value, n) == 0)
            return c->label ? c->label : c->value;
    return NULL;
}

static void add_set(const struct ui_choice *choice, const char *value, struct kg_buf *ret)
{
    for (const char *p = value; *p;) {
        size_t n = strcspn(p, ",");
        const char *label = choice_label(choice, p, n);

        kg_buf_adds(ret, p == value ? "" : ", ");
        kg_buf_add(ret, label ? label : p, label ? strlen(label) : n);
        p += n + (p[n] == ',');
    }
}

void ui_form_review_value(const struct ui_form *f, size_t i, struct kg_buf *ret)
{
    const struct ui_input *in = &f->input[i];
    const char *value = ui_edit_text(&in->edit), *label = NULL;

    if (in->field->type == UI_FIELD_NOTE) {
        if (in->field->text)
            in->field->text(f, ret);
    } else if (in->field->type == UI_FIELD_SECRET) {
        kg_buf_adds(ret, in->edit.len ? "typed, not shown" : "none");
    } else if (in->field->type == UI_FIELD_CHECK) {
        kg_buf_adds(ret, strcmp(value, "true") == 0 ? "Yes" : "No");
    } else if (!in->edit.len) {
        kg_buf_adds(ret, in->field->none ? in->field->none : "none");
    } else if (in->field->type == UI_FIELD_SET) {
        add_set(in->field->choice, value, ret);
    } else {
        label = in->label ? in->label : choice_label(in->field->choice, value, strlen(value));
        kg_text_add_printable(ret, label ? label : value);
    }
}

void ui_form_add_option(struct kg_buf *ret, const char *option, const char *value)
{
    if (!*value)
        return;
    kg_buf_addf(ret, " %s ", option);
    kg_text_add_shell(ret, value);
}

/* ---- into paths and bodies ---- */

/* As ids write names; what begins with '/' is an id and is written that way already. */
static void add_part(const char *s, bool path, struct kg_buf *ret)
{
    bool plain = !path || *s == '/';

    for (; *s; s++)
        if (!plain && (strchr("/%?#", *s) || (unsigned char)*s < 0x20 || *s == 0x7f))
            kg_buf_addf(ret, "%%%02X", (unsigned char)*s);
        else
            kg_buf_add(ret, s, 1);
}

bool ui_form_expand(const struct ui_form *f, const char *pattern, bool path, struct kg_buf *ret)
{
    bool whole = true;

    while (*pattern) {
        size_t plain = strcspn(pattern, "{");
        const char *end = strchr(pattern + plain, '}'), *value;
        char name[64];

        kg_buf_add(ret, pattern, end ? plain : strlen(pattern));
        if (!end)
            break;
        snprintf(name, sizeof name, "%.*s", (int)(end - pattern - plain - 1), pattern + plain + 1);
        value = strcmp(name, "arg") == 0 ? f->base.arg : strcmp(name, "sub") == 0 ? f->base.host->subscription
                : ui_form_value(f, name);
        whole &= *value != '\0' || strcmp(name, "arg") == 0;
        add_part(value, path, ret);
        pattern = end + 1;
    }
    return whole;
}

void ui_form_add_secret(const struct ui_form *f, const char *field, struct kg_buf *body)
{
    const struct kg_secret *s = ui_form_secret(f, field);
    const uint8_t *p;

    if (!s) {
        kg_buf_adds(body, "null");
        return;
    }
    p = kg_secret_open(s);
    kg_buf_adds(body, "\"");
    for (size_t i = 0; i < kg_secret_size(s); i++) {
        char c = (char)p[i];

        if (c == '"' || c == '\\')
            kg_buf_add(body, "\\", 1);
        kg_buf_add(body, &c, 1);
    }
    kg_buf_adds(body, "\"");
    kg_secret_shut(s);
}
