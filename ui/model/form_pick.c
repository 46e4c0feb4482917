/* Choices: where they come from, the list that opens under a field, and "Create new". */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "crypto/secret.h"
#include "model/form_int.h"

enum { OPTIONS_MAX = 2000, ASKED_MAX = 16384 };

void ui_form_drop_options(struct ui_input *in)
{
    for (size_t i = 0; i < in->n_options; i++) {
        free(in->option[i].value);
        free(in->option[i].label);
        free(in->option[i].help);
        free(in->option[i].refused);
    }
    free(in->option);
    in->option = NULL;
    in->n_options = 0;
}

/* Ids are the same whatever their case, and so are the names that are taken. */
const struct ui_option *ui_form_find_option(const struct ui_input *in, const char *value)
{
    bool nocase = *value == '/' || in->field->type == UI_FIELD_TEXT;

    for (size_t i = 0; *value && i < in->n_options; i++)
        if ((nocase ? strcasecmp : strcmp)(in->option[i].value, value) == 0)
            return &in->option[i];
    return NULL;
}

static void add_option(struct ui_input *in, const struct ui_option *o)
{
    in->option = kg_xrealloc_array(in->option, in->n_options + 1, sizeof *in->option);
    in->option[in->n_options++] = *o;
}

void ui_form_static_choices(struct ui_input *in)
{
    for (const struct ui_choice *c = in->field->choice; c && c->value; c++)
        add_option(in, &(struct ui_option){ .value = kg_xstrdup(c->value), .label = kg_xstrdup(c->label ? c->label : c->value),
                                            .help = kg_xstrdup(c->help) });
}

void ui_form_offer(struct ui_form *f, const char *field, const char *value, const char *label, const char *help)
{
    int i = ui_form_index(f, field);

    if (i >= 0 && f->input[i].n_options < OPTIONS_MAX)
        add_option(&f->input[i], &(struct ui_option){ .value = kg_xstrdup(value), .label = kg_xstrdup(label), .help = kg_xstrdup(help) });
    f->base.changed = true;
}

/* ---- asking ---- */

/* What is to be asked, path and body with a newline between them. False: not now, a field that it needs is empty. */
static bool question(const struct ui_form *f, const struct ui_source *s, struct kg_buf *path, struct kg_buf *body)
{
    if (!s->request)
        return ui_form_expand(f, s->path, true, path);
    s->request(f, path, body);
    return path->len > 0;
}

/* What was chosen belongs to another question: it goes, whoever chose it. */
static void forget_choice(struct ui_form *f, size_t i)
{
    struct ui_input *in = &f->input[i];

    ui_form_drop_options(in);
    if (in->field->type != UI_FIELD_CHOICE)
        return;
    in->touched = false;
    in->visited = false;
    free(in->label);
    in->label = NULL;
    if (in->edit.len)
        ui_form_put(f, i, "", NULL, false);
}

static void ask_choices_of(struct ui_form *f, size_t i)
{
    struct ui_input *in = &f->input[i];
    KG_AUTO_BUF struct kg_buf path = KG_BUF_INIT(ASKED_MAX), body = KG_BUF_INIT(ASKED_MAX), both = KG_BUF_INIT(2 * ASKED_MAX + 8);
    bool first = !in->asked, other, ready = question(f, in->field->source, &path, &body);

    if (ready)
        kg_buf_addf(&both, "%s\n%s", path.p, body.p);
    other = strcmp(in->asked ? in->asked : "", both.p) != 0;
    if (!other && !in->stale)
        return;
    if (in->call)
        f->base.host->ops->forget(f->base.host, &f->base, in->call);
    in->call = 0;
    in->stale = false;
    in->load = ready ? UI_LOADING : UI_READY;
    in->paging = false;
    in->err = (struct kg_err){ 0 };
    free(in->asked);
    in->asked = kg_buf_take(&both);
    if (other && !first)
        forget_choice(f, i);
    if (ready)
        in->call = ui_ask_call(&f->base, &(struct ui_call){ .method = body.len ? "POST" : NULL, .path = path.p,
                                                            .body = body.len ? body.p : NULL, .follow = true }, (int)i);
}

void ui_form_ask_choices(struct ui_form *f)
{
    if (f->step >= f->kind->n_steps)
        return;
    for (size_t i = f->first[f->step]; i < f->first[f->step + 1]; i++)
        if (f->input[i].field->source && ui_form_input_shown(f, i))
            ask_choices_of(f, i);
}

void ui_form_refetch(struct ui_form *f, const char *field)
{
    int i = ui_form_index(f, field);

    if (i < 0 || !f->input[i].field->source)
        return;
    f->input[i].stale = true;
    ui_form_ask_choices(f);
}

/* ---- what was answered ---- */

static char *text_at(const struct kg_json *item, const char *paths)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(UI_EDIT_MAX);

    if (!paths)
        return NULL;
    ui_raw(item, paths, &b);
    return kg_buf_take(&b);
}

static void take_items(struct ui_form *f, struct ui_input *in, const struct kg_json *list)
{
    const struct ui_source *s = in->field->source;

    for (const struct kg_json *j = kg_json_first(list); j && in->n_options < OPTIONS_MAX; j = kg_json_next(j)) {
        struct ui_option o = { .value = text_at(j, s->value ? s->value : "id"), .label = text_at(j, s->label ? s->label : "name"),
                               .help = text_at(j, s->help) };

        o.refused = kg_xstrdup(s->refuse ? s->refuse(f, j) : NULL);
        add_option(in, &o);
    }
}

/* The label of what is chosen; and when there is but one that can be, and nobody chose, it is chosen. */
static void settle_choice(struct ui_form *f, size_t i)
{
    struct ui_input *in = &f->input[i];
    const struct ui_option *o = ui_form_find_option(in, ui_edit_text(&in->edit)), *only = NULL;
    size_t n = 0;

    if (in->field->type != UI_FIELD_CHOICE)
        return;
    if (o) {
        free(in->label);
        in->label = kg_xstrdup(o->label);
        return;
    }
    for (size_t k = 0; k < in->n_options; k++)
        if (!in->option[k].refused && n++ == 0)
            only = &in->option[k];
    if (n == 1 && !in->touched && !in->edit.len && !in->field->optional)
        ui_form_put(f, i, only->value, only->label, false);
}

/* ---- the list under the field ---- */

static struct ui_input *picked(struct ui_form *f) { return &f->input[f->focus]; }

static bool passes(const struct ui_option *o, const char *filter)
{
    return !*filter || strcasestr(o->label, filter) || (o->help && strcasestr(o->help, filter));
}

static bool can_choose(const struct ui_form *f, size_t row)
{
    return !ui_form_pick_row(f, row).refused;
}

/* What passes the filter; the cursor on the first that can be chosen. */
static void show_filtered(struct ui_form *f)
{
    const struct ui_input *in = picked(f);
    const char *filter = ui_edit_text(&f->pick.filter);
    const struct ui_source *s = in->field->source;
    size_t n = 0;

    f->pick.shown = kg_xrealloc_array(f->pick.shown, in->n_options + 2, sizeof *f->pick.shown);
    if (in->field->optional && !*filter)
        f->pick.shown[n++] = UI_PICK_NONE;
    for (size_t i = 0; i < in->n_options; i++)
        if (passes(&in->option[i], filter))
            f->pick.shown[n++] = i;
    if (s && s->create && !f->base.host->readonly)
        f->pick.shown[n++] = UI_PICK_CREATE;
    f->pick.n_shown = n;
    f->pick.top = 0;
    for (f->pick.cursor = 0; f->pick.cursor + 1 < n && !can_choose(f, f->pick.cursor); f->pick.cursor++)
        ;
}

struct ui_option ui_form_pick_row(const struct ui_form *f, size_t row)
{
    static char none[] = "(none)", create[] = "Create new", empty[] = "";
    const struct ui_input *in = &f->input[f->focus];
    size_t i = f->pick.shown[row];

    if (i == UI_PICK_NONE)
        return (struct ui_option){ .value = empty, .label = in->field->none ? (char *)(uintptr_t)in->field->none : none };
    if (i == UI_PICK_CREATE)
        return (struct ui_option){ .label = in->field->source->create_label ? (char *)(uintptr_t)in->field->source->create_label
                                                                             : create };
    return in->option[i];
}

void ui_form_pick_open(struct ui_form *f, const struct ui_event *first)
{
    const struct ui_input *in = picked(f);
    const struct ui_option *now = ui_form_find_option(in, ui_edit_text(&in->edit));

    if (in->load == UI_BROKEN && in->field->source)
        ui_form_refetch(f, in->field->name);
    ui_edit_init(&f->pick.filter, 200, false);
    f->pick.open = true;
    if (first)
        (void)ui_edit_type(&f->pick.filter, first);
    show_filtered(f);
    for (size_t i = 0; now && !first && i < f->pick.n_shown; i++)
        if (f->pick.shown[i] == (size_t)(now - in->option))
            f->pick.cursor = i;
}

void ui_form_pick_close(struct ui_form *f)
{
    ui_edit_done(&f->pick.filter);
    free(f->pick.shown);
    f->pick.shown = NULL;
    f->pick.n_shown = f->pick.cursor = f->pick.top = 0;
    f->pick.open = false;
}

static void create_new(struct ui_form *f)
{
    const struct ui_source *s = picked(f)->field->source;
    KG_AUTO_BUF struct kg_buf arg = KG_BUF_INIT(ASKED_MAX);

    f->creating = f->focus;
    ui_form_pick_close(f);
    if (s->create_arg)
        (void)ui_form_expand(f, s->create_arg, false, &arg);
    ui_open(&f->base, s->create, arg.p);
}

static void choose(struct ui_form *f)
{
    struct ui_option o;

    if (f->pick.cursor >= f->pick.n_shown)
        return;
    if (f->pick.shown[f->pick.cursor] == UI_PICK_CREATE) {
        create_new(f);
        return;
    }
    o = ui_form_pick_row(f, f->pick.cursor);
    if (o.refused)
        return;
    ui_form_put(f, (size_t)f->focus, o.value, *o.value ? o.label : NULL, true);
    ui_form_pick_close(f);
}

bool ui_form_pick_type(struct ui_form *f, const struct ui_event *ev)
{
    if (!ui_edit_type(&f->pick.filter, ev))
        return false;
    show_filtered(f);
    return true;
}

/* Rows that cannot be chosen are gone over, so that one can read why. */
static void move(struct ui_form *f, long by)
{
    long to = (long)f->pick.cursor + by, last = (long)f->pick.n_shown - 1;

    f->pick.cursor = (size_t)(last < 0 || to < 0 ? 0 : to > last ? last : to);
}

bool ui_form_pick_act(struct ui_form *f, enum ui_action a)
{
    switch (a) {
    case UI_ACT_UP: move(f, -1); return true;
    case UI_ACT_DOWN: move(f, 1); return true;
    case UI_ACT_PAGE_UP: case UI_ACT_HALF_UP: move(f, -8); return true;
    case UI_ACT_PAGE_DOWN: case UI_ACT_HALF_DOWN: move(f, 8); return true;
    case UI_ACT_OPEN: choose(f); return true;
    case UI_ACT_BACK: ui_form_pick_close(f); return true;
    case UI_ACT_NEXT: case UI_ACT_PREVIOUS: ui_form_pick_close(f); return false;
    default: return false;
    }
}

/* ---- what was answered, or made ---- */

void ui_form_take_choices(struct ui_form *f, size_t i, const struct kg_answer *a)
{
    struct ui_input *in = &f->input[i];
    const struct ui_source *s = in->field->source;
    const char *next;

    in->call = 0;
    if (a->err) {
        in->err = *a->err;
        in->load = UI_BROKEN;
    } else {
        const struct kg_json *json = a->reply ? a->reply->json : NULL;

        if (!in->paging)
            ui_form_drop_options(in);
        in->err = (struct kg_err){ 0 };
        take_items(f, in, kg_json_get(json, s->items ? s->items : "value"));
        next = kg_json_str(json, "nextLink");
        in->paging = next && in->n_options < OPTIONS_MAX;
        in->load = in->paging ? UI_LOADING : UI_READY;
        if (in->paging)
            in->call = ui_ask(&f->base, next, (int)i);
        else
            settle_choice(f, i);
    }
    if (f->pick.open && f->focus == (int)i)
        show_filtered(f);
    ui_form_settle(f);
}

void ui_form_closed(struct ui_model *m, const char *kind, const char *result)
{
    struct ui_form *f = (struct ui_form *)m;
    int i = f->creating;

    if (i >= 0 && strcmp(f->input[i].field->source->create, kind) == 0) {
        const char *by = f->input[i].field->source->value;
        bool id = !by || strcmp(by, "id") == 0;

        f->creating = -1;
        ui_form_focus(f, i);
        if (result) {
            ui_form_put(f, (size_t)i, id ? result : ui_last_part(result), ui_last_part(result), true);
            f->input[i].stale = true;
            ui_form_settle(f);
        }
    }
    if (f->kind->closed)
        f->kind->closed(f, kind, result);
}
