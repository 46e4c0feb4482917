/* A host that answers nothing by itself: tests see what a model asked, and answer as they please. Include after cmocka.h. */
#ifndef TESTS_UNIT_UI_FAKE_HOST_H
#define TESTS_UNIT_UI_FAKE_HOST_H

#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"
#include "json/json.h"
#include "model/model.h"

enum { FAKE_ASKS = 64, FAKE_TEXT = 4000 };

struct fake_ask { struct ui_model *m; int tag; uint64_t id; bool waits, follow; char method[8], path[600], body[FAKE_TEXT]; };
struct fake_host {
    struct ui_host host;
    struct fake_ask ask[FAKE_ASKS];
    size_t n_asks;
    char opened[100], opened_arg[FAKE_TEXT], closed[FAKE_TEXT], note[900], copied[FAKE_TEXT], saved[FAKE_TEXT], file[600];
    struct kg_err refuses;                   /* set: nothing can be saved */
    bool is_closed;
    enum ui_note level;
};

static uint64_t fake_asked(struct ui_host *h, struct ui_model *m, const struct ui_call *c, int tag)
{
    struct fake_host *f = (struct fake_host *)h;
    struct fake_ask *a = &f->ask[f->n_asks];

    assert_true(f->n_asks < FAKE_ASKS);
    *a = (struct fake_ask){ .m = m, .tag = tag, .id = ++f->n_asks, .waits = true, .follow = c->follow };
    kg_text_copy(a->method, sizeof a->method, c->method ? c->method : "GET");
    kg_text_copy(a->path, sizeof a->path, c->path);
    kg_text_copy(a->body, sizeof a->body, c->body ? c->body : "");
    return a->id;
}

static void fake_forget(struct ui_host *h, struct ui_model *m, uint64_t id)
{
    struct fake_host *f = (struct fake_host *)h;

    for (size_t i = 0; i < f->n_asks; i++)
        if (f->ask[i].m == m && (id == 0 || f->ask[i].id == id))
            f->ask[i].waits = false;
}

static void fake_opened(struct ui_host *h, struct ui_model *from, const char *kind, const char *arg)
{
    struct fake_host *f = (struct fake_host *)h;

    (void)from;
    kg_text_copy(f->opened, sizeof f->opened, kind);
    kg_text_copy(f->opened_arg, sizeof f->opened_arg, arg ? arg : "");
}

static void fake_closed(struct ui_host *h, struct ui_model *m, const char *result)
{
    struct fake_host *f = (struct fake_host *)h;

    (void)m;
    f->is_closed = true;
    kg_text_copy(f->closed, sizeof f->closed, result ? result : "");
}

static void fake_noted(struct ui_host *h, enum ui_note level, const char *text, const char *advice)
{
    struct fake_host *f = (struct fake_host *)h;

    (void)advice;
    f->level = level;
    kg_text_copy(f->note, sizeof f->note, text);
}

static void fake_copied(struct ui_host *h, const char *text)
{
    kg_text_copy(((struct fake_host *)h)->copied, FAKE_TEXT, text);
}

static int fake_save(struct ui_host *h, const char *file, const char *text, struct kg_err *err)
{
    struct fake_host *f = (struct fake_host *)h;

    *err = f->refuses;
    kg_text_copy(f->file, sizeof f->file, file);
    if (!err->code)
        kg_text_copy(f->saved, sizeof f->saved, text);
    return -(int)err->code;
}

static const char *fake_setting(struct ui_host *h, const char *name, const char *value)
{
    (void)name;
    if (value)
        kg_text_copy(((struct fake_host *)h)->saved, FAKE_TEXT, value);
    return ((struct fake_host *)h)->saved;
}

static inline void fake_host_init(struct fake_host *f)
{
    static const struct ui_host_ops ops = { fake_asked, fake_forget, fake_opened, fake_closed, fake_noted, fake_copied, fake_save,
                                            fake_setting };

    memset(f, 0, sizeof *f);
    f->host.ops = &ops;
    f->host.now = (int64_t)1790000000 * 1000000;   /* 2026-09-21T14:13:20Z */
    kg_text_copy(f->host.subscription, sizeof f->host.subscription, "default");
    kg_text_copy(f->host.user, sizeof f->host.user, "ops");
}

/* A model on a host of its own, where the clock is UTC's. */
static inline struct ui_model *fake_model(struct fake_host *f, const struct ui_kind *k, const char *arg)
{
    static char tz[] = "TZ=UTC", *environment[] = { tz, NULL };

    environ = environment;
    tzset();
    fake_host_init(f);
    return ui_model_new(k, &f->host, arg);
}

/* The first question that waits for an answer and whose path has this text; NULL: there is none. */
static inline struct fake_ask *fake_find(struct fake_host *f, const char *part)
{
    for (size_t i = 0; i < f->n_asks; i++)
        if (f->ask[i].waits && strstr(f->ask[i].path, part))
            return &f->ask[i];
    return NULL;
}

/* Answers it with this JSON (NULL: an empty body). */
static inline void fake_answer(struct fake_host *f, const char *part, const char *json)
{
    struct fake_ask *a = fake_find(f, part);
    struct kg_err err = { 0 };
    struct kg_reply r = { .status = 200 };

    if (!a)
        fail_msg("nobody asks for '%s'", part);
    if (json && kg_json_parse(json, strlen(json), &r.json, &err) < 0)
        fail_msg("%s", err.msg);
    r.text = kg_xstrdup(json ? json : "");
    r.len = strlen(r.text);
    a->waits = false;
    ui_model_answer(a->m, a->tag, a->id, &(struct kg_answer){ .reply = &r });
    kg_json_free(r.json);
    free(r.text);
}

static inline void fake_fail(struct fake_host *f, const char *part, enum kg_code code, const char *msg)
{
    struct fake_ask *a = fake_find(f, part);
    struct kg_err err = { 0 };

    if (!a)
        fail_msg("nobody asks for '%s'", part);
    (void)kg_err_set(&err, code, "%s", msg);
    a->waits = false;
    ui_model_answer(a->m, a->tag, a->id, &(struct kg_answer){ .err = &err });
}

/* Types: each character a key; '\n' is Enter, '\t' Tab, '\b' Backspace. What no field takes is an action of the map. */
static inline void fake_type(struct ui_model *m, const struct ui_keymap *map, const char *text)
{
    for (; *text; text++) {
        uint32_t key = *text == '\n' ? UI_KEY_ENTER : *text == '\b' ? UI_KEY_BACKSPACE : (uint32_t)(unsigned char)*text;
        struct ui_event ev = { .kind = UI_EV_KEY, .key = key };

        if (!ui_model_type(m, &ev))
            (void)ui_model_act(m, ui_keymap_find(map, key));
    }
}

#endif
