#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/detail.h"
#include "model/form.h"
#include "model/list.h"
#include "model/reader.h"

/* What a kind leaves to its family. */
static const struct ui_kind family[] = {
    [UI_LIST] = { .size = sizeof(struct ui_list), .open = ui_list_open, .done = ui_list_done, .answer = ui_list_answer,
                  .act = ui_list_act, .type = ui_list_type, .tick = ui_list_tick, .closed = ui_list_closed,
                  .wake = ui_list_wake },
    [UI_DETAIL] = { .size = sizeof(struct ui_detail), .open = ui_detail_open, .done = ui_detail_done,
                    .answer = ui_detail_answer, .act = ui_detail_act, .type = ui_detail_type, .tick = ui_detail_tick,
                    .closed = ui_detail_closed, .wake = ui_detail_wake },
    [UI_FORM] = { .size = sizeof(struct ui_form), .open = ui_form_open, .done = ui_form_done, .answer = ui_form_answer,
                  .act = ui_form_act, .type = ui_form_type, .tick = ui_form_tick, .dirty = ui_form_dirty,
                  .closed = ui_form_closed },
    [UI_READER] = { .size = sizeof(struct ui_reader), .open = ui_reader_open, .done = ui_reader_done,
                    .answer = ui_reader_answer, .act = ui_reader_act },
    [UI_CUSTOM] = { .size = sizeof(struct ui_model) },
};
#define OF(k, what) ((k)->what ? (k)->what : family[(k)->family].what)

struct ui_model *ui_model_new(const struct ui_kind *k, struct ui_host *h, const char *arg)
{
    struct ui_model *m = kg_xalloc(OF(k, size));

    m->kind = k;
    m->host = h;
    m->arg = kg_xstrdup(arg ? arg : "");
    m->changed = true;
    if (OF(k, open))
        OF(k, open)(m);
    return m;
}

void ui_model_free(struct ui_model *m)
{
    if (!m)
        return;
    m->host->ops->forget(m->host, m, 0);
    if (OF(m->kind, done))
        OF(m->kind, done)(m);
    free(m->arg);
    free(m->title);
    free(m);
}

static void changed(struct ui_model *m)
{
    for (; m; m = m->of)
        m->changed = true;
}

void ui_model_answer(struct ui_model *m, int tag, uint64_t id, const struct kg_answer *a)
{
    changed(m);
    if (OF(m->kind, answer))
        OF(m->kind, answer)(m, tag, id, a);
}

bool ui_model_act(struct ui_model *m, enum ui_action a)
{
    bool taken = OF(m->kind, act) && OF(m->kind, act)(m, a);

    m->changed |= taken;
    return taken;
}

bool ui_model_type(struct ui_model *m, const struct ui_event *ev)
{
    bool taken = OF(m->kind, type) && OF(m->kind, type)(m, ev);

    m->changed |= taken;
    return taken;
}

void ui_model_tick(struct ui_model *m)
{
    if (OF(m->kind, tick))
        OF(m->kind, tick)(m);
}

bool ui_model_dirty(const struct ui_model *m) { return OF(m->kind, dirty) && OF(m->kind, dirty)(m); }

void ui_model_closed(struct ui_model *m, const char *kind, const char *result)
{
    changed(m);
    if (OF(m->kind, closed))
        OF(m->kind, closed)(m, kind, result);
}

int64_t ui_model_wake(const struct ui_model *m) { return OF(m->kind, wake) ? OF(m->kind, wake)(m) : 0; }

/* ---- commands ---- */

static const struct ui_list *list_of(const struct ui_model *m)
{
    return m->kind->family == UI_LIST ? (const struct ui_list *)m
           : m->kind->family == UI_DETAIL ? ui_detail_list((const struct ui_detail *)m) : NULL;
}

const char *ui_model_row_id(const struct ui_model *m)
{
    const struct ui_list *l = list_of(m);
    const struct ui_row *r = l ? ui_list_current(l) : NULL;

    return r ? r->id : NULL;
}

const char *ui_command_refused(const struct ui_command *c, const struct ui_model *m)
{
    if (m->host->readonly && (c->flags & UI_WRITES))
        return "this portal was started with --readonly";
    if ((c->flags & UI_NEEDS_ROW) && !ui_model_row_id(m))
        return "there is no row to apply it to";
    return c->refuse ? c->refuse(m) : NULL;
}

static void add_id(void *ctx, const struct ui_row *r)
{
    struct kg_buf *b = ctx;

    kg_buf_addf(b, "%s%s", b->len ? "\n" : "", r->id);
}

/* Opens what the command opens, with the marked rows' ids, the row's id, or the page's argument. */
static void open_for(const struct ui_command *c, struct ui_model *m)
{
    KG_AUTO_BUF struct kg_buf ids = KG_BUF_INIT(1u << 20);

    if ((c->flags & UI_MANY) == UI_MANY && list_of(m))
        (void)ui_list_each(list_of(m), add_id, &ids);
    if (ids.len)
        ui_open(m, c->opens, ids.p);
    else
        ui_open(m, c->opens, c->flags & UI_NEEDS_ROW ? ui_model_row_id(m) : m->arg);
}

void ui_command_run(const struct ui_command *c, struct ui_model *m)
{
    const char *why = ui_command_refused(c, m);
    char text[300];

    m->changed = true;
    if (why) {
        snprintf(text, sizeof text, "%s does not apply: %s", c->label, why);
        ui_note(m, UI_NOTE_WARNING, text);
    } else if (c->run) {
        c->run(m);
    } else {
        open_for(c, m);
    }
}

/* ---- asking the host ---- */

int64_t ui_due(const struct ui_host *h, int64_t asked, int64_t wait) { return asked > h->now ? h->now : asked + wait; }

uint64_t ui_ask_call(struct ui_model *m, const struct ui_call *c, int tag) { return m->host->ops->ask(m->host, m, c, tag); }
uint64_t ui_ask(struct ui_model *m, const char *path, int tag)
{
    return ui_ask_call(m, &(struct ui_call){ .path = path }, tag);
}
void ui_open(struct ui_model *m, const char *kind, const char *arg) { m->host->ops->open(m->host, m, kind, arg); }
void ui_close(struct ui_model *m, const char *result) { m->host->ops->close(m->host, m, result); }
void ui_note(struct ui_model *m, enum ui_note level, const char *text) { m->host->ops->note(m->host, level, text, NULL); }

void ui_note_err(struct ui_model *m, const char *what, const struct kg_err *err)
{
    char text[sizeof err->msg + 200];

    snprintf(text, sizeof text, "%.190s: %s (%s)", what, err->msg, kg_code_arm(err->code));
    m->host->ops->note(m->host, UI_NOTE_FAILED, text, err->action);
}
