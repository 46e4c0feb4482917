/* Forms as questions: each field that is shown in turn, the review, the last question, what is being done.
 *
 * (1) at->step follows f->step: when the form goes to another step by itself (an error in an earlier one), that is what is asked.
 * (2) An answer goes into the form at once; what follows from it (choices, other fields) is there before the next question. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "model/commands.h"
#include "plain/parts.h"
#include "shell/parts.h"

enum { TEXT_MAX = 1 << 20, ASIDE_W = 76 };

static const struct ui_grid *grid_of(const struct ui_form *f) { return f->kind->step[f->step].grid; }
static bool is_text(const struct ui_input *in) { return in->field->type == UI_FIELD_TEXT || in->field->type == UI_FIELD_NUMBER; }
static bool is_grid(const struct ui_form *f, int input) { return input >= 0 && f->input[input].field->type == UI_FIELD_GRID; }
static bool is_answered(const struct ui_field *d) { return d->type != UI_FIELD_NOTE && d->type != UI_FIELD_HEADING; }

static void ask_next(struct ui_plain_layer *at, int input)
{
    at->ask = input;
    at->listed = at->final = false;
    at->from = 0;
    free(at->filter);
    at->filter = NULL;
}

/* ---- a step ---- */

/* The first input of the step from there on that is shown; -1: none is. */
static int shown_from(const struct ui_form *f, size_t from)
{
    for (size_t i = from; i < f->first[f->step + 1]; i++)
        if (ui_form_input_shown(f, i))
            return (int)i;
    return -1;
}

/* The last one before that asks something. */
static int asked_before(const struct ui_form *f, size_t before)
{
    for (size_t i = before; i-- > f->first[f->step];)
        if (ui_form_input_shown(f, i) && is_answered(f->input[i].field))
            return (int)i;
    return -1;
}

static void begin_step(struct ui_plain *p, struct ui_plain_layer *at, const struct ui_form *f)
{
    bool wizard = f->n_steps > 1;

    if (!at->shown)
        ui_plain_say(p, "\n%s", f->base.title ? f->base.title : f->base.kind->title);
    if (wizard && !ui_form_tells(f))
        ui_plain_say(p, "\nStep %zu of %zu: %s", f->step + 1, f->n_steps, ui_form_step_title(f, f->step));
    if (!ui_form_is_review(f) && f->kind->step[f->step].intro)
        ui_plain_say(p, "%s", f->kind->step[f->step].intro);
    at->shown = at->introduced = true;
}

/* ---- questions ---- */

static void say_note(struct ui_plain *p, const struct ui_form *f, const struct ui_input *in)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(TEXT_MAX);
    const char *label = in->field->label;

    if (in->field->text)
        in->field->text(f, &b);
    else if (in->field->help)
        kg_buf_adds(&b, in->field->help);
    if (in->field->type == UI_FIELD_HEADING)
        ui_plain_say(p, "%s", label);
    else if (b.len)
        ui_plain_say(p, "%s%s%s", label && *label ? label : "", label && *label ? ": " : "", b.p);
}

static bool passes(const struct ui_option *o, const char *filter)
{
    return !filter || strcasestr(o->label, filter) || (o->help && strcasestr(o->help, filter));
}

/* The next options from at->from on; those that cannot be chosen say why and have no number. */
static void say_options(struct ui_plain *p, struct ui_plain_layer *at, const struct ui_input *in)
{
    size_t said = 0, left = 0;

    if (!at->from)
        ui_plain_forget_ids(p);
    for (size_t i = at->from; i < in->n_options; i++) {
        const struct ui_option *o = &in->option[i];
        const char *help = o->help && *o->help ? o->help : NULL;

        if (!passes(o, at->filter))
            continue;
        if (said == UI_PLAIN_ROWS) {
            left++;
            continue;
        }
        if (o->refused)
            ui_plain_say(p, "-. %s: cannot be chosen: %s", o->label, o->refused);
        else
            ui_plain_say(p, "%zu. %s%s%s", ui_plain_add_id(p, o->value), o->label, help ? ": " : "", help ? help : "");
        said++;
        at->from = i + 1;
    }
    if (left)
        ui_plain_say(p, "%zu more: :more", left);
    if (!in->n_options)
        ui_plain_say(p, "There is nothing to choose from.");
    else if (!said)
        ui_plain_say(p, "Nothing has '%s'.", at->filter ? at->filter : "");
    if (in->err.code)
        ui_plain_err(p, &in->err);
    if (in->field->source && in->field->source->create)
        ui_plain_say(p, ":new: %s", in->field->source->create_label ? in->field->source->create_label : "create a new one");
}

static void say_choices(struct ui_plain *p, const struct ui_input *in)
{
    ui_plain_forget_ids(p);
    for (const struct ui_choice *c = in->field->choice; c && c->value; c++) {
        size_t n = ui_plain_add_id(p, c->value);
        bool in_set = in->field->type == UI_FIELD_SET && ui_form_set_has(in, c->value);

        ui_plain_say(p, "%zu. %s%s%s%s", n, in_set ? "selected: " : "", c->label ? c->label : c->value, c->help ? ": " : "",
                     c->help ? c->help : "");
    }
}

static void say_grid(struct ui_plain *p, const struct ui_form *f, const struct ui_grid *g)
{
    static const char *const nodes[] = { [UI_OK] = ", open", [UI_OFF] = ", closed", [UI_BUSY] = ", loading" };
    size_t n = g->count(f);
    char at[24];

    ui_plain_forget_ids(p);
    if (!n && g->empty)
        ui_plain_say(p, "%s", g->empty);
    for (size_t i = 0; i < n; i++) {
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(TEXT_MAX);
        enum ui_state node = g->node ? g->node(f, i) : UI_NONE;
        struct ui_shown s;

        for (size_t c = 0; c < g->n_columns; c++) {
            memset(&s, 0, sizeof s);
            g->cell(f, i, c, &s);
            if (s.text[0])
                kg_buf_addf(&b, "%s%s%s%s", c ? "; " : "", c ? g->column[c].title : "", c && *g->column[c].title ? ": " : "", s.text);
        }
        snprintf(at, sizeof at, "%zu", i);
        ui_plain_say(p, "%zu. %*s%s%s%s", ui_plain_add_id(p, at), g->depth ? 2 * g->depth(f, i) : 0, "",
                     g->marked && g->marked(f, i) ? "selected: " : "", b.p,
                     (size_t)node < KG_ARRAY_LEN(nodes) && nodes[node] ? nodes[node] : "");
    }
    ui_plain_say_commands(p, false);
}

/* What is still loading in a grid: a question about it would be too early. */
static bool grid_loads(const struct ui_form *f, const struct ui_grid *g, bool cells)
{
    struct ui_shown s;

    for (size_t i = 0, n = g->count(f); i < n; i++) {
        if (g->node && g->node(f, i) == UI_BUSY)
            return true;
        for (size_t c = 0; cells && c < g->n_columns; c++) {
            memset(&s, 0, sizeof s);
            g->cell(f, i, c, &s);
            if (s.state == UI_BUSY)
                return true;
        }
    }
    return false;
}

static void list_input(struct ui_plain *p, struct ui_plain_layer *at, struct ui_form *f, const struct ui_input *in)
{
    if (!at->from && in->field->help)
        ui_plain_say(p, "%s", in->field->help);
    switch (in->field->type) {
    case UI_FIELD_CHOICE: say_options(p, at, in); break;
    case UI_FIELD_RADIO: case UI_FIELD_SET: say_choices(p, in); break;
    case UI_FIELD_GRID: say_grid(p, f, grid_of(f)); break;
    default: break;
    }
    at->listed = true;
}

static void ask_input(struct ui_plain *p, struct ui_form *f, size_t i)
{
    const struct ui_input *in = &f->input[i];
    const char *label = in->field->label ? in->field->label : "";
    KG_AUTO_BUF struct kg_buf now = KG_BUF_INIT(TEXT_MAX);

    switch (in->field->type) {
    case UI_FIELD_BUTTON: ui_plain_ask(p, "%s? yes or no [no]: ", label); return;
    case UI_FIELD_CHECK: ui_plain_ask(p, "%s, yes or no [%s]: ", label, ui_form_is(f, in->field->name, "true") ? "yes" : "no"); return;
    case UI_FIELD_GRID: ui_plain_ask(p, "%s: a number, a command, or Enter to go on: ", *label ? label : "Rows"); return;
    case UI_FIELD_SECRET:
        ui_plain_ask(p, "%s (not shown)%s: ", label, in->edit.len ? " [typed before]" : "");
        p->secret = true;
        return;
    default: break;
    }
    if (in->edit.len || in->field->none)
        ui_form_review_value(f, i, &now);
    ui_plain_ask(p, "%s%s%s [%s]: ", label, in->field->optional ? ", not needed" : "",
                 in->field->type == UI_FIELD_SET ? ", numbers" : is_text(in) ? "" : ", a number", now.p);
}

/* ---- the end ---- */

static void say_review(struct ui_plain *p, const struct ui_form *f)
{
    KG_AUTO_BUF struct kg_buf more = KG_BUF_INIT(TEXT_MAX);
    char at[24];

    ui_plain_forget_ids(p);
    for (size_t i = 0; i < f->n_inputs; i++) {
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(TEXT_MAX);
        const char *label = ui_form_review_label(f, i);

        if (!label)
            continue;
        ui_form_review_value(f, i, &b);
        snprintf(at, sizeof at, "%zu", i);
        if (f->input[i].field->type == UI_FIELD_NOTE)
            ui_plain_say(p, "%s: %s", label, b.p);
        else
            ui_plain_say(p, "%zu. %s: %s", ui_plain_add_id(p, at), label, b.p);
    }
    if (f->kind->more_review)
        f->kind->more_review(f, &more);
    if (more.len)
        ui_plain_say(p, "%s", more.p);
}

static bool ask_last(struct ui_plain *p, struct ui_plain_layer *at, const struct ui_form *f)
{
    const char *danger = f->kind->danger ? f->kind->danger(f) : NULL, *name = ui_form_typed_name(f);
    const char *cli = f->kind->cli ? "commands, " : "";

    if (!at->final && f->kind->review)
        say_review(p, f);
    if (!at->final && danger)
        ui_plain_say(p, "Attention: %s", danger);
    at->final = true;
    at->only = false;
    if (f->err.code)
        ui_plain_err(p, &f->err);
    if (name)
        ui_plain_ask(p, "%s? Type %s to do it, %sor cancel: ", f->kind->submit_label, name, cli);
    else
        ui_plain_ask(p, "%s? yes, %s%sback, or cancel: ", f->kind->submit_label, p->n_ids && f->kind->review ? "change NUMBER, " : "", cli);
    return true;
}

static void show_secret(void *ctx, const char *secret) { ui_plain_say_secret(ctx, secret); }

static bool ask_told(struct ui_plain *p, struct ui_plain_layer *at, const struct ui_form *f)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(TEXT_MAX);

    if (!at->listed) {
        (void)ui_form_expand(f, f->kind->tell->title, false, &b);
        ui_plain_say(p, "\n%s:", b.p);
        ui_form_show_told(f, show_secret, p);
        ui_plain_say(p, "%s", f->kind->tell->text);
        at->listed = true;
    }
    if (f->err.code)
        ui_plain_err(p, &f->err);
    ui_plain_ask(p, "Type save to write it to %s, save PATH for another file, or done when you have it: ", ui_edit_text(&f->file));
    return true;
}

/* All of the step was asked: on to the next one, or to the first that is wrong. False: the last question is due. */
static bool go_on(struct ui_plain *p, struct ui_plain_layer *at, struct ui_form *f)
{
    KG_AUTO_BUF struct kg_buf aside = KG_BUF_INIT(TEXT_MAX);
    const struct ui_step *s = ui_form_is_review(f) ? NULL : &f->kind->step[f->step];
    const char *why;

    if (f->step + 1 >= f->n_steps)
        return false;
    if (s && s->aside && !at->only)
        s->aside(f, ASIDE_W, &aside);
    if (aside.len)
        ui_plain_say(p, "%s", aside.p);
    ui_form_press(f, UI_BUTTON_NEXT);
    if (f->step != at->step)
        return true;
    at->only = false;
    ask_next(at, f->focus >= 0 ? f->focus : shown_from(f, f->first[f->step]));
    why = ui_form_step_error(f, f->step);
    if (why)
        ui_plain_say(p, "Error: %s", why);
    else if (f->focus >= 0)
        ui_plain_say(p, "Error: %s: %s", f->input[f->focus].field->label, ui_form_wrong(f, (size_t)f->focus));
    return true;
}

/* ---- turns ---- */

static void tell_doing(struct ui_plain *p, const struct ui_form *f)
{
    if (f->doing && f->doing != p->doing)
        ui_plain_say(p, "%s.", f->doing);
    p->doing = f->doing;
}

/* The form is in another step, by itself or because it was told to: what is wrong there is asked, or all of it. */
static void begin(struct ui_plain_layer *at, const struct ui_form *f)
{
    size_t from = f->first[f->step], wrong = from;

    at->begun = true;
    at->step = f->step;
    at->introduced = at->only;
    while (f->checked[f->step] && wrong < f->first[f->step + 1] && !ui_form_wrong(f, wrong))
        wrong++;
    if (wrong < f->first[f->step + 1] && f->checked[f->step])
        ask_next(at, (int)wrong);
    else
        ask_next(at, at->only ? -1 : shown_from(f, from));
}

bool ui_plain_form_turn(struct ui_plain *p, struct ui_plain_layer *at, struct ui_form *f)
{
    if (f->sending) {
        tell_doing(p, f);
        at->final = at->listed = false;
        return false;
    }
    p->doing = NULL;
    if (ui_form_tells(f))
        return ask_told(p, at, f);
    for (;;) {
        struct ui_input *in;

        if (!at->begun || at->step != f->step)
            begin(at, f);
        if (ui_shell_awaits(&p->shell, &f->base) && !(at->introduced && is_grid(f, at->ask)))
            return false;                    /* what follows from an answer, or a step has to say; a grid may go on loading */
        if (!at->introduced)
            begin_step(p, at, f);
        if (at->ask < 0) {
            if (!go_on(p, at, f))
                return ask_last(p, at, f);
            continue;
        }
        in = &f->input[at->ask];
        if (!ui_form_input_shown(f, (size_t)at->ask) || !is_answered(in->field)) {
            if (ui_form_input_shown(f, (size_t)at->ask))
                say_note(p, f, in);
            ask_next(at, shown_from(f, (size_t)at->ask + 1));
            continue;
        }
        ui_form_focus(f, at->ask);
        if (in->field->source && in->load == UI_LOADING)
            return false;
        if (in->field->type == UI_FIELD_GRID && grid_loads(f, grid_of(f), p->watching))
            return false;
        p->watching = false;
        if (!at->listed)
            list_input(p, at, f, in);
        ask_input(p, f, (size_t)at->ask);
        return true;
    }
}

/* ---- answers ---- */

static void refuse(struct ui_plain *p, const char *why) { ui_plain_say(p, "Error: %s", why); }

/* What was put into the form is looked at; when it is good the next one is asked. */
static void take(struct ui_plain *p, struct ui_plain_layer *at, struct ui_form *f)
{
    const char *why = ui_form_wrong(f, (size_t)at->ask);

    if (why)
        refuse(p, why);
    else
        ask_next(at, at->only ? -1 : shown_from(f, (size_t)at->ask + 1));
}

static bool answer_text(struct ui_plain *p, struct ui_form *f, const struct ui_input *in, const char *line)
{
    bool digits = in->field->type != UI_FIELD_NUMBER || line[strspn(line, "0123456789")] == '\0';

    if (strlen(line) > in->edit.max)
        ui_plain_say(p, "Error: at most %zu bytes", in->edit.max);
    else if (!digits)
        refuse(p, "only digits");
    else if (!kg_utf8_valid(line, strlen(line)))
        refuse(p, "that is not UTF-8");
    else
        return ui_form_set(f, in->field->name, line, NULL), true;
    return false;
}

/* In the place of what was there before. */
static void answer_secret(struct ui_form *f, size_t i, const char *line, size_t n)
{
    ui_form_focus(f, (int)i);
    (void)ui_model_type(&f->base, &(struct ui_event){ .kind = UI_EV_KEY, .key = UI_KEY_END });
    (void)ui_model_type(&f->base, &(struct ui_event){ .kind = UI_EV_KEY, .key = UI_CTRL('u') });
    ui_plain_paste(&f->base, line, n);
}

/* The value that was said: by its number, or by its label or value. NULL: none. */
static const char *chosen(const struct ui_plain *p, const struct ui_input *in, const char *word)
{
    const char *id = ui_plain_id(p, word);

    for (const struct ui_choice *c = in->field->choice; !id && c && c->value; c++)
        if (ui_plain_is(word, c->value) || (c->label && ui_plain_is(word, c->label)))
            id = c->value;
    return id;
}

static bool answer_radio(struct ui_plain *p, struct ui_form *f, const struct ui_input *in, const char *line)
{
    const char *value = chosen(p, in, line);

    if (value)
        ui_form_set(f, in->field->name, value, NULL);
    else
        ui_plain_say(p, "Error: there is no choice '%s'", line);
    return value != NULL;
}

/* Numbers or values; together they are the set. */
static bool answer_set(struct ui_plain *p, struct ui_form *f, const struct ui_input *in, const char *line)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(UI_EDIT_MAX);
    bool wanted[64] = { false };
    char word[100];

    while (*ui_plain_word(&line, word, sizeof word)) {
        const char *value = chosen(p, in, word);
        size_t i = 0;

        while (value && in->field->choice[i].value && strcmp(in->field->choice[i].value, value) != 0)
            i++;
        if (!value || i >= KG_ARRAY_LEN(wanted)) {
            ui_plain_say(p, "Error: there is no choice '%s'", word);
            return false;
        }
        wanted[i] = true;
    }
    for (size_t i = 0; i < KG_ARRAY_LEN(wanted) && in->field->choice[i].value; i++)
        if (wanted[i])
            kg_buf_addf(&b, "%s%s", b.len ? "," : "", in->field->choice[i].value);
    ui_form_set(f, in->field->name, b.p, NULL);
    return true;
}

/* By number, or by words: when they leave one, or name one, that is it; else they filter. */
static bool answer_choice(struct ui_plain *p, struct ui_plain_layer *at, struct ui_form *f, const struct ui_input *in, const char *line)
{
    const char *id = ui_plain_id(p, line);
    const struct ui_option *hit = NULL;
    size_t n = 0;

    for (size_t i = 0; i < in->n_options; i++) {
        const struct ui_option *o = &in->option[i];
        bool same = id ? strcmp(o->value, id) == 0 : ui_plain_is(o->label, line);

        if (o->refused || !(same || (!id && passes(o, line))))
            continue;
        hit = o;
        n = same ? 1 : n + 1;
        if (same)
            break;
    }
    if (n == 1) {
        KG_AUTO_FREE char *value = kg_xstrdup(hit->value), *label = kg_xstrdup(hit->label);

        if (!id)
            ui_plain_say(p, "Chosen: %s", label);
        ui_form_set(f, in->field->name, value, label);
        return true;
    }
    free(at->filter);
    at->filter = kg_xstrdup(line);
    at->listed = false;
    at->from = 0;
    return false;
}

static bool answer_check(struct ui_plain *p, struct ui_form *f, const struct ui_input *in, const char *line)
{
    struct kg_err ignored = { 0 };
    bool on;

    if (kg_parse_bool(line, &on, &ignored) < 0) {
        refuse(p, "yes or no");
        return false;
    }
    ui_form_set(f, in->field->name, on ? "true" : "false", NULL);
    return true;
}

/* A row that something is done to; false: there is no such row. */
static bool grid_row(struct ui_plain *p, struct ui_form *f, const char *word, enum ui_action a)
{
    const char *id = ui_plain_id(p, word);
    struct kg_err ignored = { 0 };
    uint64_t row;

    if (!id || kg_parse_u64(id, &row, &ignored) < 0 || row >= grid_of(f)->count(f))
        return false;
    f->grid.cursor = row;
    if (a != UI_ACT_NONE)
        (void)ui_model_act(&f->base, a);
    return true;
}

static void answer_grid(struct ui_plain *p, struct ui_plain_layer *at, struct ui_form *f, const char *line)
{
    const char *rest = line;
    char word[60], row[20];

    at->listed = false;
    ui_plain_word(&rest, word, sizeof word);
    if (ui_plain_is(word, "mark")) {
        while (*ui_plain_word(&rest, row, sizeof row))
            if (!grid_row(p, f, row, UI_ACT_MARK))
                ui_plain_say(p, "Error: there is no row %s", row);
    } else if (ui_plain_is(word, "all")) {
        (void)ui_model_act(&f->base, UI_ACT_MARK_ALL);
    } else if (ui_plain_is(word, "watch")) {
        p->watching = true;
    } else if (ui_plain_is(word, "show")) {
        return;
    } else if (!grid_row(p, f, word, UI_ACT_OPEN)) {
        /* A number behind a command is the row it applies to. */
        for (rest = line; *ui_plain_word(&rest, row, sizeof row);)
            (void)grid_row(p, f, row, UI_ACT_NONE);
        if (!ui_plain_command(p, line))
            ui_plain_say(p, "Error: there is no row and no command '%s'", word);
    }
}

/* ---- words in a question ---- */

static void go_back(struct ui_plain *p, struct ui_plain_layer *at, struct ui_form *f)
{
    int before = asked_before(f, at->ask < 0 ? f->first[f->step + 1] : (size_t)at->ask);

    at->only = false;
    if (before < 0 && f->step > 0 && ui_form_go(f, f->step - 1)) {
        at->step = f->step;
        at->introduced = false;
        before = asked_before(f, f->first[f->step + 1]);
        if (before < 0)
            before = shown_from(f, f->first[f->step]);
    }
    if (before < 0)
        ui_plain_say(p, "This is the first question; :cancel leaves.");
    else
        ask_next(at, before);
}

/* "Create new", in place. */
static void create_new(struct ui_plain *p, struct ui_form *f, int input)
{
    const struct ui_source *s = input >= 0 ? f->input[input].field->source : NULL;

    if (!s || !s->create || f->input[input].field->type != UI_FIELD_CHOICE || f->base.host->readonly) {
        refuse(p, "nothing can be made here");
        return;
    }
    ui_form_focus(f, input);
    (void)ui_model_act(&f->base, UI_ACT_OPEN);
    f->pick.cursor = f->pick.n_shown - 1;    /* it is always the last row */
    (void)ui_model_act(&f->base, UI_ACT_OPEN);
}

static void cancel(struct ui_plain *p, struct ui_form *f)
{
    if (ui_form_dirty(&f->base))
        ui_shell_act(&p->shell, UI_ACT_BACK);
    else
        ui_form_press(f, UI_BUTTON_CANCEL);
}

/* A word with a colon, or any at the last question. */
static bool form_word(struct ui_plain *p, struct ui_plain_layer *at, struct ui_form *f, const char *word)
{
    if (ui_plain_is(word, "back"))
        go_back(p, at, f);
    else if (ui_plain_is(word, "cancel"))
        cancel(p, f);
    else if (ui_plain_is(word, "more") || ui_plain_is(word, "show"))
        at->listed = false;
    else if (ui_plain_is(word, "new"))
        create_new(p, f, at->ask);
    else
        return ui_plain_anywhere(p, word);
    if (ui_plain_is(word, "show"))
        at->from = 0;
    return true;
}

static void change(struct ui_plain *p, struct ui_plain_layer *at, struct ui_form *f, const char *number)
{
    const char *id = ui_plain_id(p, number);
    struct kg_err ignored = { 0 };
    uint64_t input;

    if (!id || kg_parse_u64(id, &input, &ignored) < 0 || !ui_form_go(f, ui_form_step_of(f, input))) {
        ui_plain_say(p, "Error: there is no value %s", number);
        return;
    }
    at->step = f->step;
    at->only = true;
    ask_next(at, (int)input);
}

static void last_line(struct ui_plain *p, struct ui_plain_layer *at, struct ui_form *f, const char *line)
{
    const char *name = ui_form_typed_name(f), *rest = line;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(TEXT_MAX), lines = KG_BUF_INIT(2 * TEXT_MAX);
    char word[60];

    ui_plain_word(&rest, word, sizeof word);
    if (name ? strcmp(line, name) == 0 : ui_plain_is(word, "yes")) {
        if (name)
            ui_edit_set(&f->typed, line);
        ui_form_press(f, UI_BUTTON_SUBMIT);
        if (!f->sending && f->base.host->readonly)
            refuse(p, "this portal was started with --readonly");
    } else if (ui_plain_is(word, "commands") && f->kind->cli) {
        f->kind->cli(f, &b);
        ui_commands_wrap(b.p, p->width, &lines);
        ui_plain_say(p, "%s", lines.p);
    } else if (ui_plain_is(word, "change") && f->kind->review) {
        change(p, at, f, rest);
    } else if (ui_plain_is(word, "show") || !*word) {
        at->final = false;
    } else if (ui_plain_is(word, "no")) {
        cancel(p, f);
    } else if (!form_word(p, at, f, line[0] == ':' ? line + 1 : line)) {
        refuse(p, name ? "that is not the name; nothing was done" : "say yes or cancel; nothing was done");
    }
}

static void told_line(struct ui_plain *p, struct ui_form *f, const char *line)
{
    char word[16];
    const char *rest = line;

    if (ui_plain_is(ui_plain_word(&rest, word, sizeof word), "save")) {
        if (*rest)
            ui_edit_set(&f->file, rest);
        ui_form_press(f, UI_BUTTON_SAVE);
    } else if (ui_plain_is(line, "done"))
        ui_form_press(f, UI_BUTTON_CLOSE);
    else
        refuse(p, "say save, save PATH or done");
}

/* An answer to the field that is asked. */
static void answer(struct ui_plain *p, struct ui_plain_layer *at, struct ui_form *f, const char *line, size_t n)
{
    struct ui_input *in = &f->input[at->ask];
    enum ui_field_type type = in->field->type;
    bool good = true;

    if (type == UI_FIELD_GRID && n) {
        answer_grid(p, at, f, line);
        return;
    }
    if (type == UI_FIELD_SECRET && n) {
        answer_secret(f, (size_t)at->ask, line, n);
    } else if (!n || type == UI_FIELD_GRID) {
        ;                                    /* it stays as it is */
    } else if (strcmp(line, "-") == 0 && type != UI_FIELD_BUTTON && type != UI_FIELD_CHECK) {
        ui_form_set(f, in->field->name, "", NULL);
    } else if (type == UI_FIELD_BUTTON) {
        if (ui_plain_yes(line) && in->field->press)
            in->field->press(f);
    } else {
        good = type == UI_FIELD_CHECK ? answer_check(p, f, in, line) : type == UI_FIELD_RADIO ? answer_radio(p, f, in, line)
               : type == UI_FIELD_SET ? answer_set(p, f, in, line) : type == UI_FIELD_CHOICE ? answer_choice(p, at, f, in, line)
               : answer_text(p, f, in, line);
    }
    if (good)
        take(p, at, f);
}

void ui_plain_form_line(struct ui_plain *p, struct ui_plain_layer *at, struct ui_form *f, const char *line, size_t n)
{
    bool colon = line[0] == ':' && line[1] != ':';

    if (ui_form_tells(f)) {
        told_line(p, f, line);
        return;
    }
    if (at->final || at->ask < 0) {
        last_line(p, at, f, line);
        return;
    }
    if (colon && f->input[at->ask].field->type == UI_FIELD_SECRET)
        colon = ui_plain_is(line, ":back") || ui_plain_is(line, ":cancel") || ui_plain_is(line, ":help") || ui_plain_is(line, ":quit");
    /* What is said to rows is no text: words need no colon there. */
    if ((colon || is_grid(f, at->ask)) && n && form_word(p, at, f, line + colon))
        return;
    if (colon && f->input[at->ask].field->type != UI_FIELD_SECRET) {
        ui_plain_say(p, "Error: '%s' is none of the words that work here; type :help to hear them", line);
        return;
    }
    if (line[0] == ':' && f->input[at->ask].field->type != UI_FIELD_SECRET) {
        line++;
        n--;
    }
    answer(p, at, f, line, n);
}
