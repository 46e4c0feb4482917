/* What the tests of "Configure backup" share: a form on a fake host, its commands, its pictures. Include after cmocka.h. */
#ifndef TESTS_UNIT_UI_CONFIGURE_BENCH_H
#define TESTS_UNIT_UI_CONFIGURE_BENCH_H

#include "crypto/secret.h"
#include "model/configure.h"
#include "model/kinds.h"
#include "ui_fake_host.h"
#include "ui_golden.h"
#include "view/form_view.h"
#include "view/view.h"

#define GROUP "/subscriptions/default/resourceGroups/g1/providers"
#define VAULT GROUP "/Microsoft.DataProtection/backupVaults/v1"
#define POLICY VAULT "/backupPolicies/weekly"
#define SERVER GROUP "/Microsoft.DBforPostgreSQL/servers/pg1"
#define KEYVAULT GROUP "/Microsoft.KeyVault/vaults/kv1"
#define URI "https://kv1.vault.local/secrets/login"

struct bench { struct fake_host h; struct ui_form *f; struct ui_conf *c; };

static inline void start(struct bench *b, const struct ui_kind *k, const char *arg)
{
    fake_host_init(&b->h);
    b->f = (struct ui_form *)ui_model_new(k, &b->h.host, arg);
    b->c = ui_conf_of(b->f);
}

static inline void end(struct bench *b) { ui_model_free(&b->f->base); }
static inline void press(struct bench *b, int button) { ui_form_press(b->f, button); }

static inline void act(struct bench *b, enum ui_action a) { (void)ui_model_act(&b->f->base, a); }

/* What the letter does in the grid that is shown. */
static inline void command(struct bench *b, char key)
{
    const struct ui_grid *g = b->f->kind->step[b->f->step].grid;

    for (size_t i = 0; i < g->n_commands; i++)
        if (g->commands[i].key == (uint32_t)key) {
            ui_command_run(&g->commands[i], &b->f->base);
            return;
        }
    fail_msg("no command has the letter %c", key);
}

static inline size_t waiting(struct bench *b, const char *part)
{
    size_t n = 0;

    for (size_t i = 0; i < b->h.n_asks; i++)
        n += b->h.ask[i].waits && strstr(b->h.ask[i].path, part);
    return n;
}

static inline void picture(struct bench *b, const char *name)
{
    struct ui_canvas c;
    struct ui_rect all = { 0, 0, 24, 80 };

    ui_canvas_init(&c, 24, 80, UI_UTF8);
    ui_canvas_clear(&c);
    ui_view_draw(&b->f->base, &c, b->f->base.kind->shape == UI_DIALOG ? ui_form_dialog_area(b->f, 24, 80) : all);
    golden(&c, name);
    ui_canvas_done(&c);
}

#endif
