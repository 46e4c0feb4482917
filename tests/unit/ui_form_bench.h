/* A form on a fake host, worked as the portal does. Include after cmocka.h. */
#ifndef TESTS_UNIT_UI_FORM_BENCH_H
#define TESTS_UNIT_UI_FORM_BENCH_H

#include "model/kinds.h"
#include "ui_fake_host.h"
#include "view/form_view.h"

struct bench { struct fake_host h; struct ui_form *f; };

static inline void start(struct bench *b, const struct ui_kind *k, const char *arg)
{
    fake_host_init(&b->h);
    b->f = (struct ui_form *)ui_model_new(k, &b->h.host, arg);
}
static inline void end(struct bench *b) { ui_model_free(&b->f->base); }

static inline void key(struct bench *b, uint32_t k)
{
    struct ui_event ev = { .kind = UI_EV_KEY, .key = k };

    if (!ui_model_type(&b->f->base, &ev))
        (void)ui_model_act(&b->f->base, ui_keymap_find(ui_form_keys(b->f), k));
}

/* The keys are those of what has the keyboard. */
static inline void type(struct bench *b, const char *text)
{
    for (; *text; text++)
        fake_type(&b->f->base, ui_form_keys(b->f), (char[]){ *text, 0 });
}

#endif
