/* The portal as a whole, over a recorded service: every page's picture, the rules that every kind must keep, and what the frame
 * does: menu, palette, help, notifications, leaving what was typed, a service that does not answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/crypto.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "keepgres/version.h"
#include "model/detail.h"
#include "model/form.h"
#include "model/list.h"
#include "model/page_overview.h"
#include "shell/parts.h"
#include "theme/theme.h"
#include "ui_golden.h"
#include "ui_recorded.h"
#include "view/view.h"

/* A list that is only a tab of a page, and a dialog's list, are seen there. */
static bool is_page(const struct ui_kind *k)
{
    return k->shape == UI_PAGE && k->family != UI_READER && (k->found_by || *recorded_argument(k->name));
}

static void picture_of(const struct ui_kind *k, int h, int w, enum ui_alphabet a)
{
    struct recorded r;
    KG_AUTO_FREE char *name = kg_xprintf("page-%s-%dx%d%s", k->name, w, h, a == UI_ASCII ? "-ascii" : "");

    recorded_open(&r, "", h, w, a);
    ui_open(ui_shell_top(&r.shell), k->name, recorded_argument(k->name));
    recorded_settle(&r);
    recorded_draw(&r);
    golden(&r.canvas, name);
    recorded_close(&r);
}

static void test_every_page_looks_as_it_should(void **state)
{
    const struct ui_kind *k;

    (void)state;
    for (size_t i = 0; (k = ui_kind_at(i)); i++)
        if (is_page(k)) {
            picture_of(k, 24, 80, UI_UTF8);
            picture_of(k, 36, 120, UI_UTF8);
            picture_of(k, 24, 80, UI_ASCII);
        }
}

/* ---- rules for every kind ---- */

static void check_opens(const struct ui_kind *k, const char *opens, const char *by)
{
    if (opens && *opens && !ui_kind_of_name(opens))
        fail_msg("%s: %s opens '%s', which is not there", k->name, by, opens);
}

static void check_commands(const struct ui_kind *k, const struct ui_command *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (c[i].key && ui_key_is_taken(c[i].key))
            fail_msg("%s: the key of '%s' is taken everywhere", k->name, c[i].name);
        for (size_t j = i + 1; j < n; j++)
            if (c[i].key && c[i].key == c[j].key)
                fail_msg("%s: '%s' and '%s' have the same key", k->name, c[i].name, c[j].name);
        if (!c[i].run)
            check_opens(k, c[i].opens, c[i].name);
        assert_non_null(c[i].help);
    }
}

static void check_tabs(const struct ui_kind *k)
{
    const struct ui_detail_kind *d = k->data;

    for (size_t i = 0; i < UI_TABS_MAX && d->tab[i]; i++) {
        const struct ui_kind *tab = ui_kind_of_name(d->tab[i]);

        if (!tab)
            fail_msg("%s has a tab '%s', which is not there", k->name, d->tab[i]);
        for (size_t a = 0; a < tab->n_commands; a++)
            for (size_t b = 0; b < k->n_commands; b++)
                if (tab->commands[a].key == k->commands[b].key && strcmp(tab->commands[a].name, k->commands[b].name) != 0)
                    fail_msg("%s: '%s' and the tab's '%s' have the same key", k->name, k->commands[b].name, tab->commands[a].name);
    }
    for (size_t i = 0; i < d->n_values; i++)
        check_opens(k, d->value[i].opens, d->value[i].label ? d->value[i].label : "a heading");
}

static void test_every_kind_keeps_the_rules(void **state)
{
    const struct ui_kind *k;

    (void)state;
    for (size_t i = 0; (k = ui_kind_at(i)); i++) {
        check_commands(k, k->commands, k->n_commands);
        assert_ptr_equal(ui_kind_of_name(k->name), k);
        if (k->family == UI_LIST) {
            check_opens(k, ((const struct ui_list_kind *)k->data)->opens, "Enter");
            check_opens(k, ((const struct ui_list_kind *)k->data)->filter_form, "the filter");
        } else if (k->family == UI_DETAIL) {
            check_tabs(k);
        } else if (k->family == UI_CUSTOM) {
            assert_non_null(ui_look_of(k));
        } else if (k->family == UI_FORM) {
            const struct ui_form_kind *f = k->data;

            for (size_t s = 0; s < f->n_steps; s++)
                if (f->step[s].grid)
                    check_commands(k, f->step[s].grid->commands, f->step[s].grid->n_commands);
            for (size_t s = 0; s < f->n_steps; s++)
                for (size_t n = 0; n < f->step[s].n_fields; n++)
                    if (f->step[s].field[n].source)
                        check_opens(k, f->step[s].field[n].source->create, f->step[s].field[n].name);
        }
    }
}

static void test_no_key_is_bound_twice(void **state)
{
    static const struct ui_keymap *const maps[] = { &ui_keys_global, &ui_keys_list, &ui_keys_detail, &ui_keys_form, &ui_keys_text,
                                                    &ui_keys_reader };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(maps); i++)
        assert_int_equal(ui_keymap_conflict(maps[i]), 0);
}

/* ---- the frame ---- */

static void test_the_menu_leads_to_every_page(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "", 24, 80, UI_UTF8);
    recorded_key(&r, 'm');
    assert_true(recorded_shows(&r, "Menu"));
    recorded_key(&r, UI_KEY_DOWN);
    recorded_key(&r, UI_KEY_DOWN);
    recorded_key(&r, UI_KEY_ENTER);
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "backup-jobs");
    recorded_key(&r, 'm');
    recorded_key(&r, UI_KEY_ESC);
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "backup-jobs");
    recorded_close(&r);
}

static void test_the_palette_finds_pages_commands_and_resources(void **state)
{
    static const struct { const char *typed, *kind; } cases[] = {
        { "backup center", "overview" }, { "dashboard", "backup-jobs" }, { "key va", "key-vaults" }, { "pg1\\sales",
          "backup-instance" },
        { "kv1", "key-vault" }, { "create backup vault", "create-vault" },
        { "weekly", "backup-policy" },
    };
    struct recorded r;

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        recorded_open(&r, "servers", 24, 80, UI_UTF8);
        recorded_key(&r, ':');
        recorded_type(&r, cases[i].typed);
        recorded_key(&r, UI_KEY_ENTER);
        if (strcmp(ui_shell_top(&r.shell)->kind->name, cases[i].kind) != 0)
            fail_msg("'%s' leads to %s", cases[i].typed, ui_shell_top(&r.shell)->kind->name);
        recorded_close(&r);
    }
}

static size_t found_in_palette(const struct recorded *r, const char *label)
{
    size_t n = 0;

    for (size_t i = 0; i < r->shell.palette.n_found; i++)
        n += strcmp(r->shell.palette.found[i].label, label) == 0;
    return n;
}

/* What another session made a moment ago is found as well, and nothing twice. */
static void test_the_palette_asks_each_time_it_is_opened(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "servers", 24, 80, UI_UTF8);
    r.down = true;
    recorded_type(&r, ":kv1\n");
    assert_true(r.shell.palette.open);       /* Enter before there is anything to open */
    assert_true(recorded_shows(&r, "Loading..."));
    r.down = false;
    recorded_settle(&r);
    assert_int_equal(found_in_palette(&r, "kv1"), 1);
    recorded_key(&r, UI_KEY_ENTER);
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "key-vault");
    r.down = true;
    recorded_type(&r, ":kv1");
    assert_int_equal(found_in_palette(&r, "kv1"), 1);
    assert_non_null(strstr(r.call[r.n_calls - UI_FOUND_IN].path, "/resources?$top="));
    assert_true(r.call[r.n_calls - UI_FOUND_IN].waits);
    r.down = false;
    recorded_settle(&r);
    assert_int_equal(found_in_palette(&r, "kv1"), 1);
    recorded_type(&r, "nonsense");
    assert_true(recorded_shows(&r, "Nothing has all of these words."));
    recorded_close(&r);
}

static void test_what_was_typed_is_not_lost_without_asking(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "backup-vaults", 24, 80, UI_UTF8);
    recorded_key(&r, 'c');
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "create-vault");
    recorded_key(&r, UI_KEY_TAB);
    recorded_type(&r, "new-vault");
    recorded_key(&r, UI_KEY_ESC);
    assert_true(recorded_shows(&r, "Leave?"));
    recorded_key(&r, UI_KEY_ENTER);          /* Stay is the default */
    assert_true(recorded_shows(&r, "new-vault"));
    recorded_key(&r, UI_KEY_ESC);
    recorded_key(&r, 'y');
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "backup-vaults");
    recorded_close(&r);
}

/* A wizard at its end: what it made is shown in its place, unless that page is the one it lies on. */
static void test_what_a_page_opens_after_it_closed_takes_its_place(void **state)
{
    struct recorded r;
    struct ui_host *h = &r.shell.host;
    struct ui_model *top;

    (void)state;
    recorded_open(&r, "backup-vaults", 24, 80, UI_UTF8);
    h->ops->open(h, ui_shell_top(&r.shell), "text", "hello");
    top = ui_shell_top(&r.shell);
    h->ops->close(h, top, "result");
    h->ops->open(h, top, "backup-jobs", "");
    recorded_key(&r, 'k');
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "backup-jobs");
    assert_int_equal(r.shell.n_layers, 2);
    top = ui_shell_top(&r.shell);
    h->ops->close(h, top, "result");
    h->ops->open(h, top, "backup-vaults", "");
    recorded_key(&r, 'k');
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "backup-vaults");
    assert_int_equal(r.shell.n_layers, 1);
    recorded_close(&r);
}

static void test_a_name_that_is_asked_for_is_typed_wherever_the_focus_is(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "backup-vaults", 24, 80, UI_UTF8);
    recorded_key(&r, 'D');
    assert_true(recorded_shows(&r, "[>Cancel<]"));
    recorded_type(&r, "vault1");
    assert_true(recorded_shows(&r, "[vault1 "));
    assert_true(recorded_shows(&r, "[ Delete ]"));
    recorded_close(&r);
}

static void test_a_wizards_cancel_asks_too(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "backup-vaults", 24, 80, UI_UTF8);
    recorded_key(&r, 'c');
    recorded_key(&r, UI_KEY_TAB);
    recorded_type(&r, "new-vault");
    for (int i = 0; i < 20 && !recorded_shows(&r, "[>Cancel<]"); i++)
        recorded_key(&r, UI_KEY_TAB);
    recorded_key(&r, UI_KEY_ENTER);
    assert_true(recorded_shows(&r, "Leave?"));
    recorded_key(&r, 'y');
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "backup-vaults");
    recorded_close(&r);
}

static void test_a_service_that_does_not_answer_is_told_and_survived(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "backup-vaults", 24, 80, UI_UTF8);
    assert_true(recorded_shows(&r, "vault1"));
    r.down = true;
    r.now += 3600LL * 1000000;
    recorded_key(&r, UI_KEY_F5);
    assert_true(recorded_shows(&r, "stale since"));
    assert_true(recorded_shows(&r, "vault1"));
    r.down = false;
    recorded_settle(&r);
    assert_false(recorded_shows(&r, "stale since"));
    recorded_close(&r);
}

static void test_a_terminal_that_is_too_small_is_told_what_is_needed(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "backup-vaults", 24, 80, UI_UTF8);
    ui_canvas_resize(&r.canvas, 10, 40);
    assert_true(recorded_shows(&r, "needs 80 x 24"));
    ui_canvas_resize(&r.canvas, 1, 1);
    recorded_draw(&r);
    ui_canvas_resize(&r.canvas, 24, 80);
    assert_true(recorded_shows(&r, "vault1"));
    recorded_close(&r);
}

static void test_a_command_that_does_not_apply_says_why(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "backup-jobs", 24, 80, UI_UTF8);
    recorded_key(&r, 'X');
    assert_true(recorded_shows(&r, "only a job in progress can be cancelled"));
    recorded_key(&r, UI_KEY_DOWN);
    assert_false(recorded_shows(&r, "only a job in progress can be cancelled"));
    r.shell.host.readonly = true;
    recorded_key(&r, 't');
    assert_true(recorded_shows(&r, "--readonly"));
    recorded_close(&r);
}

static void test_help_shows_the_keys_of_the_page(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "backup-jobs", 24, 80, UI_UTF8);
    recorded_key(&r, '?');
    assert_true(recorded_shows(&r, "Start the job again"));
    recorded_key(&r, UI_KEY_PGDN);
    recorded_key(&r, UI_KEY_ESC);
    assert_false(recorded_shows(&r, "Keys that work here"));
    recorded_close(&r);
}

static void click(struct recorded *r, int y, int x, bool twice)
{
    recorded_draw(r);
    ui_shell_event(&r->shell, &(struct ui_event){ .kind = twice ? UI_EV_DOUBLE_CLICK : UI_EV_CLICK, .y = y, .x = x }, r->now);
    recorded_settle(r);
}

/* On every page: nothing but what is said closes it, and a key that is tried out does not act on what lies below. */
static void test_help_closes_by_the_same_keys_everywhere_and_scrolls(void **state)
{
    static const char *const pages[] = { "overview", "backup-jobs", "backup-instance", "backup-vault", "filter-jobs", "settings" };
    static const uint32_t closes[] = { UI_KEY_ESC, UI_KEY_ENTER, 'q', '?', UI_KEY_F1 };

    (void)state;
    for (size_t p = 0; p < KG_ARRAY_LEN(pages); p++)
        for (size_t k = 0; k < KG_ARRAY_LEN(closes); k++) {
            struct recorded r;
            size_t layers;

            recorded_open(&r, "", 24, 80, UI_UTF8);
            ui_open(ui_shell_top(&r.shell), pages[p], recorded_argument(pages[p]));
            recorded_settle(&r);
            layers = r.shell.n_layers;
            recorded_key(&r, UI_KEY_F1);
            assert_true(recorded_shows(&r, "Keys that work here"));
            recorded_key(&r, UI_KEY_END);
            recorded_draw(&r);
            assert_true(r.shell.help.top > 0);
            recorded_key(&r, 'X');
            recorded_key(&r, 'D');
            assert_true(recorded_shows(&r, "Esc, Enter, q or ? closes"));
            recorded_key(&r, closes[k]);
            assert_false(recorded_shows(&r, "Keys that work here"));
            assert_int_equal(r.shell.n_layers, layers);
            assert_false(r.shell.wish.quit);
            recorded_close(&r);
        }
}

/* Where not all have room what applies comes first, all others are found by More, and no place moves without need. */
static void test_the_command_bar_shows_what_applies_first(void **state)
{
    struct recorded r;
    const struct kg_json *resource;

    (void)state;
    recorded_open(&r, "", 24, 80, UI_UTF8);
    ui_open(ui_shell_top(&r.shell), "backup-instance", recorded_argument("backup-instance"));
    recorded_settle(&r);
    assert_true(recorded_shows(&r, " [b] Backup now  [r] Restore  [p] Change policy"));
    assert_false(recorded_shows(&r, "[u] Resume"));
    resource = ui_detail_resource(ui_shell_top(&r.shell));
    kg_json_set_str((struct kg_json *)(uintptr_t)resource, "properties.currentProtectionState", "ProtectionStopped");
    assert_true(recorded_shows(&r, " [r] Restore  [p] Change policy  [u] Resume"));
    assert_true(recorded_shows(&r, "[:] More\n"));
    click(&r, 1, 2, false);                                          /* where it is drawn now */
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "restore");
    recorded_close(&r);
    recorded_open(&r, "backup-jobs", 24, 80, UI_UTF8);               /* all have room: they stay, though the first do not apply */
    recorded_type(&r, "j");
    assert_true(recorded_shows(&r, " [X] Cancel job  [t] Retry  [o] Log  [f] Filter  [a] View all\n"));
    recorded_close(&r);
}

static void test_breadcrumbs_have_no_hole_and_esc_is_always_said(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "backup-instances", 24, 80, UI_UTF8);
    ui_open(ui_shell_top(&r.shell), "backup-instance", recorded_argument("backup-instance"));
    recorded_settle(&r);
    assert_true(recorded_shows(&r, " keepgres  Backup instances › pg1\\sales "));
    assert_true(recorded_shows(&r, "Esc Back"));
    ui_open(ui_shell_top(&r.shell), "backup-job", recorded_argument("backup-job"));
    recorded_settle(&r);
    free(ui_shell_top(&r.shell)->title);
    ui_shell_top(&r.shell)->title = kg_xstrdup("Backup of a database with a name that is as long as names may be at all");
    assert_true(recorded_shows(&r, " keepgres  … › Backup of a database with a n"));
    free(ui_shell_top(&r.shell)->title);
    ui_shell_top(&r.shell)->title = kg_xstrdup("");
    assert_true(recorded_shows(&r, "› pg1\\sales › Job "));
    recorded_close(&r);
}

/* Every number of a tile opens what it counts. */
static void test_each_line_of_a_tile_opens_its_own_list(void **state)
{
    static const struct { const char *keys, *kind, *filter; } row[] = {
        { "\n", "backup-instances", "filter: Protection status: Protection configured or" },
        { "j\n", "backup-instances", "filter: Protection status: Protection stopped or" },
        { "jj\n", "deleted", "Nothing that was deleted waits here." },
        { "l\n", "backup-jobs", "filter: Status: Completed, Started: last 24 hours" },
        { "jl\n", "backup-jobs", "filter: Status: In progress or Cancelling, Started: all times" },
        { "ll\n", "attention", "the last backup failed: connect to database 'inventory'" },
        { "lljj\n", "backup-jobs", "filter: Status: With warnings, Started: last 24 hours" },
        { "lll\n", "backup-vaults", "vault1" },
        { "jjj\n", "backup-instance", "/backupInstances/inventory" },
        { "llll\n", "backup-instance", "/backupInstances/inventory" },
        { "h\n", "backup-instance", "/backupInstances/sales" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(row); i++) {
        struct recorded r;

        recorded_open(&r, "", 24, 80, UI_UTF8);
        recorded_type(&r, row[i].keys);
        assert_string_equal(ui_shell_top(&r.shell)->kind->name, row[i].kind);
        if (!recorded_shows(&r, row[i].filter) && !strstr(ui_shell_top(&r.shell)->arg, row[i].filter))
            fail_msg("behind '%s' there is no '%s'", row[i].keys, row[i].filter);
        recorded_close(&r);
    }
}

static const struct recorded_call *last_call(const struct recorded *r) { return &r->call[r->n_calls - 1]; }

/* The first-run page: a key vault without a secret is half a step. */
static void test_a_key_vault_without_a_secret_is_not_done(void **state)
{
    static const char keyvault[] = RECORDED_GROUP "Microsoft.KeyVault/vaults/kv1";
    struct ui_overview *o;
    struct recorded r;

    (void)state;
    recorded_open(&r, "", 24, 80, UI_UTF8);
    o = (struct ui_overview *)ui_shell_top(&r.shell);
    kg_json_set_u64(o->center, "instances.total", 0);
    kg_json_set_u64(o->center, "servers", 1);
    kg_json_set_u64(o->center, "keyVaultsWithSecrets", 0);
    assert_true(recorded_shows(&r, "│› ✓ 1. Register a PostgreSQL server"));     /* not by colour alone */
    assert_true(recorded_shows(&r, "│  · 2. Create a key vault, and a secret in it"));
    kg_json_set_u64(o->center, "keyVaults", 1);
    kg_json_set_str(o->center, "keyVaultWithoutSecret", keyvault);
    assert_true(recorded_shows(&r, "· 2. Create a key vault, and a secret in it"));
    assert_true(recorded_shows(&r, "holds no secret to log in with yet"));
    o->cursor = 1;
    recorded_key(&r, UI_KEY_ENTER);
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "create-secret");
    assert_string_equal(ui_shell_top(&r.shell)->arg, keyvault);
    assert_non_null(strstr(last_call(&r)->path, "/vaults/kv1/secrets"));
    recorded_key(&r, UI_KEY_ESC);
    o = (struct ui_overview *)ui_shell_top(&r.shell);
    kg_json_set_u64(o->center, "instances.total", 0);
    kg_json_set_u64(o->center, "keyVaultsWithSecrets", 1);
    assert_true(recorded_shows(&r, "✓ 2. Create a key vault, and a secret in it"));
    recorded_close(&r);
}

/* Who started a job, or saw it run, is told how it ended, and led there. */
static void test_the_end_of_a_job_is_a_notification_with_a_link(void **state)
{
    static const char job[] = RECORDED_VAULT "/backupJobs/11111111-2222-3333-4444-555555555555";
    struct recorded r;

    (void)state;
    recorded_open(&r, "backup-vaults", 24, 80, UI_UTF8);
    recorded_type(&r, "N");
    assert_true(recorded_shows(&r, "Nothing has happened since"));
    recorded_key(&r, UI_KEY_ESC);
    ui_watch_add(&r.shell, job);
    ui_watch_add(&r.shell, job);
    assert_int_equal(r.shell.watch.n, 1);
    r.now += 10000000;
    ui_shell_tick(&r.shell, r.now);
    recorded_settle(&r);
    assert_int_equal(r.shell.n_notes, 1);
    assert_true(recorded_shows(&r, "✗ Backup of pg1\\inventory failed: connect to database"));
    assert_true(recorded_shows(&r, "! 1  ops"));
    assert_true(recorded_shows(&r, "vault1"));                       /* nothing is covered */
    r.shell.host.ops->note(&r.shell.host, UI_NOTE_OK, "later", NULL);
    recorded_type(&r, "N");
    assert_true(recorded_shows(&r, "› ✓ later"));
    assert_true(recorded_shows(&r, ", Enter opens it"));
    assert_false(recorded_shows(&r, "! 1  ops"));
    recorded_key(&r, UI_KEY_ENTER);                                  /* that one leads nowhere */
    assert_true(recorded_shows(&r, "─ Notifications ─"));
    recorded_type(&r, "j\n");
    assert_false(recorded_shows(&r, "─ Notifications ─"));
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "backup-job");
    assert_string_equal(ui_shell_top(&r.shell)->arg, job);
    recorded_type(&r, "Nq");
    assert_false(recorded_shows(&r, "─ Notifications ─"));
    assert_false(r.shell.wish.quit);
    recorded_close(&r);
}

/* The status line does not go on with its job for two seconds more when the job's page says that it has ended. */
static void test_what_a_page_says_of_a_job_is_seen_in_the_status_line(void **state)
{
    const char *job = recorded_argument("backup-job");
    struct recorded r;

    (void)state;
    recorded_open(&r, "backup-vaults", 24, 80, UI_UTF8);
    ui_watch_add(&r.shell, job);
    r.shell.watch.of[0].runs = true;
    r.shell.jobs.asked = r.now;
    ui_shell_tick(&r.shell, r.now);
    assert_true(r.shell.jobs.call == 0);                             /* it is not time yet */
    ui_open(ui_shell_top(&r.shell), "backup-job", job);
    recorded_settle(&r);
    assert_true(recorded_shows(&r, "Status              ✗ Failed"));
    ui_shell_tick(&r.shell, r.now);
    assert_true(r.shell.jobs.call != 0);
    recorded_close(&r);
}

static void test_a_vaults_page_tells_what_it_takes_up(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "", 24, 80, UI_UTF8);
    ui_open(ui_shell_top(&r.shell), "backup-vault", RECORDED_VAULT);
    recorded_settle(&r);
    recorded_type(&r, "llll");
    assert_true(recorded_shows(&r, "[Usage]"));
    assert_true(recorded_shows(&r, "Vault tier: 436 kB taken up by 4 recovery points of 3.1 MB"));
    assert_true(recorded_shows(&r, "  saved: 2.3 MB by deduplication, 399 kB by compression"));
    assert_true(recorded_shows(&r, "  704 B that nothing needs any more"));
    assert_false(recorded_shows(&r, "Archive tier"));                /* nothing is there */
    assert_true(recorded_shows(&r, "› pg1\\sales"));                 /* the largest first */
    recorded_close(&r);
}

/* Every vault has one; it is named when something is in it. The tile under the cursor is not underlined. */
static void test_the_overview_names_an_archive_with_points(void **state)
{
    struct ui_canvas c;
    struct ui_overview *o;
    struct recorded r;

    (void)state;
    recorded_open(&r, "", 24, 80, UI_UTF8);
    o = (struct ui_overview *)ui_shell_top(&r.shell);
    kg_json_set_u64(o->center, "usage.ArchiveStore.storedBytes", 650);
    assert_false(recorded_shows(&r, "archive 650 B"));
    assert_true(recorded_shows(&r, "% saved"));
    kg_json_set_u64(o->center, "usage.ArchiveStore.logicalBytes", 9000);
    assert_true(recorded_shows(&r, "archive 650 B"));
    assert_true(recorded_shows(&r, "% saved"));
    ui_canvas_init(&c, 24, 80, UI_UTF8);
    ui_frame_draw(&r.shell, &c);
    for (int x = 0; x < 20; x++)
        assert_int_not_equal(c.cell[3 * c.w + x].role, UI_ROLE_TAB_CURRENT);
    ui_canvas_done(&c);
    recorded_close(&r);
}

static void test_a_note_without_room_in_the_line_is_not_cut(void **state)
{
    static const char text[] = "The role assignment template was written to /srv/templates/backup/roles-of-the-vault1-in-production.json";
    struct recorded r;

    (void)state;
    recorded_open(&r, "backup-vaults", 24, 80, UI_UTF8);
    r.shell.host.ops->note(&r.shell.host, UI_NOTE_OK, "It was written", NULL);
    assert_true(recorded_shows(&r, "└─ ✓ It was written ──"));
    assert_true(recorded_shows(&r, "Esc Back"));                     /* the keys stay in sight */
    r.shell.host.ops->note(&r.shell.host, UI_NOTE_OK, text, NULL);
    assert_true(recorded_shows(&r, "roles-of-the-vault1-in-production.json"));
    assert_true(recorded_shows(&r, "Any key goes on"));
    assert_true(recorded_shows(&r, "Esc Back"));
    recorded_type(&r, "j");
    assert_false(recorded_shows(&r, "in-production.json"));
    recorded_close(&r);
}

/* The first heading that is shown needs no line above it, though a hidden one comes first. */
static void test_a_hidden_section_leaves_no_gap(void **state)
{
    KG_AUTO_FREE char *gap = kg_xprintf("│%78s│\n│Essentials ", "");
    const struct kg_json *job;
    struct recorded r;

    (void)state;
    recorded_open(&r, "", 24, 80, UI_UTF8);
    ui_open(ui_shell_top(&r.shell), "backup-job", recorded_argument("backup-job"));
    recorded_settle(&r);
    assert_true(recorded_shows(&r, "│Error "));
    assert_true(recorded_shows(&r, gap));
    job = ui_detail_resource(ui_shell_top(&r.shell));
    kg_json_remove((struct kg_json *)(uintptr_t)job, "properties.errorDetails");
    assert_false(recorded_shows(&r, "│Error "));
    assert_true(recorded_shows(&r, "│Essentials "));
    assert_false(recorded_shows(&r, gap));
    recorded_close(&r);
}

/* A list asks again when one comes back from a page, where things may have been changed; after a dialog that was left it does not. */
static void test_what_was_changed_on_a_page_shows_in_the_list_below(void **state)
{
    struct recorded r;
    size_t calls;

    (void)state;
    recorded_open(&r, "backup-instances", 24, 80, UI_UTF8);
    recorded_key(&r, UI_KEY_ENTER);
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "backup-instance");
    calls = r.n_calls;
    recorded_key(&r, UI_KEY_ESC);
    assert_int_equal(r.n_calls, calls + 1);
    assert_non_null(strstr(last_call(&r)->path, "/searchBackupInstances"));
    recorded_type(&r, "D");
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "delete-instance");
    calls = r.n_calls;
    recorded_key(&r, UI_KEY_ESC);
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "backup-instances");
    assert_int_equal(r.n_calls, calls);
    recorded_close(&r);
}

static void test_keys_at_random_break_nothing(void **state)
{
    static const uint32_t keys[] = { UI_KEY_UP, UI_KEY_DOWN, UI_KEY_LEFT, UI_KEY_RIGHT, UI_KEY_ENTER, UI_KEY_ESC, UI_KEY_TAB,
                                     UI_KEY_BACKTAB, UI_KEY_PGUP, UI_KEY_PGDN, UI_KEY_HOME, UI_KEY_END, UI_KEY_BACKSPACE, UI_KEY_F5 };
    static const int sizes[][2] = { { 24, 80 }, { 36, 120 }, { 25, 99 }, { 60, 200 }, { 5, 5 } };
    struct recorded r;
    unsigned seed = 7;

    (void)state;
    recorded_open(&r, "overview", 24, 80, UI_UTF8);
    for (int i = 0; i < 6000; i++) {
        unsigned n = (unsigned)rand_r(&seed);

        if (n % 97 == 0)
            ui_canvas_resize(&r.canvas, sizes[n / 97 % 5][0], sizes[n / 97 % 5][1]);
        r.now += 300000;
        if (n % 31 == 0)
            ui_shell_tick(&r.shell, r.now);
        recorded_key(&r, n % 3 ? keys[n / 3 % KG_ARRAY_LEN(keys)] : 32 + n / 3 % 95);
        if (n % 5 == 0)
            recorded_draw(&r);
        if (r.shell.wish.quit)
            r.shell.wish.quit = false;
    }
    recorded_close(&r);
}

/* ---- the mouse ---- */

static void test_clicks_reach_what_lies_on_top(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "backup-vaults", 24, 80, UI_UTF8);
    click(&r, 1, 2, false);                  /* the first command */
    assert_true(recorded_shows(&r, "Create Backup vault"));
    click(&r, 21, 12, true);                 /* a second click on a button does not press it */
    assert_true(recorded_shows(&r, "Create Backup vault"));
    click(&r, 21, 12, false);                /* Cancel */
    assert_false(recorded_shows(&r, "Create Backup vault"));
    click(&r, 4, 10, true);                  /* a row */
    assert_true(recorded_shows(&r, "Essentials"));
    recorded_key(&r, UI_KEY_ESC);
    recorded_type(&r, "D");
    assert_true(recorded_shows(&r, "Delete Backup vault"));
    click(&r, 2, 2, false);                  /* beside the dialog */
    assert_true(recorded_shows(&r, "Delete Backup vault"));
    recorded_key(&r, UI_KEY_ESC);
    click(&r, 0, 5, false);
    assert_true(recorded_shows(&r, "Search pages"));
    click(&r, 23, 1, false);
    assert_false(recorded_shows(&r, "Search pages"));
    recorded_type(&r, "m");
    assert_true(recorded_shows(&r, "\u2500 Menu"));
    click(&r, 10, 60, false);
    assert_false(recorded_shows(&r, "\u2500 Menu"));
    recorded_type(&r, "m");
    click(&r, 5, 5, false);
    assert_true(recorded_shows(&r, "Backup jobs"));
    recorded_close(&r);
}

static void test_a_click_answers_whether_to_leave(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "backup-vaults", 24, 80, UI_UTF8);
    recorded_type(&r, "c\tmine");
    recorded_key(&r, UI_KEY_ESC);
    assert_true(recorded_shows(&r, "[>Stay<]"));
    click(&r, 12, 13, false);
    assert_false(recorded_shows(&r, "[>Stay<]"));
    assert_true(recorded_shows(&r, "mine"));
    recorded_key(&r, UI_KEY_ESC);
    click(&r, 12, 26, false);
    assert_false(recorded_shows(&r, "mine"));
    recorded_close(&r);
}

static void test_esc_closes_the_topmost_thing_only(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "backup-vaults", 24, 80, UI_UTF8);
    r.shell.host.ops->note(&r.shell.host, UI_NOTE_FAILED, "it went wrong", "Try again.");
    recorded_type(&r, ":");
    assert_true(recorded_shows(&r, "Search pages"));
    recorded_key(&r, UI_KEY_ESC);
    assert_false(recorded_shows(&r, "Search pages"));
    assert_true(recorded_shows(&r, "it went wrong"));
    recorded_key(&r, UI_KEY_ESC);
    assert_false(recorded_shows(&r, "it went wrong"));
    recorded_close(&r);
}

static void test_a_service_of_another_version_is_told_once(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "backup-vaults", 24, 80, UI_UTF8);
    r.version = KG_VERSION;
    ui_shell_tick(&r.shell, r.now);
    assert_int_equal(r.shell.n_notes, 0);
    r.version = "997.3.1";
    ui_shell_tick(&r.shell, r.now);
    ui_shell_tick(&r.shell, r.now);
    assert_int_equal(r.shell.n_notes, 1);
    assert_true(recorded_shows(&r, "997.3.1"));
    r.version = "\033[2Jx";
    ui_shell_tick(&r.shell, r.now);
    assert_int_equal(r.shell.n_notes, 1);
    recorded_close(&r);
}

static void test_every_shipped_theme_is_in_the_palette(void **state)
{
    struct recorded r;

    (void)state;
    recorded_open(&r, "backup-vaults", 24, 80, UI_UTF8);
    for (size_t i = 0; ui_theme_shipped(i); i++) {
        recorded_type(&r, ":theme ");
        recorded_type(&r, ui_theme_shipped(i));
        recorded_key(&r, UI_KEY_ENTER);
        assert_string_equal(r.shell.wish.theme, ui_theme_shipped(i));
    }
    recorded_close(&r);
}

int main(void)
{
    static char utc[] = "TZ=UTC", golden_mode[40], *environment[] = { utc, golden_mode, NULL };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_keeps_the_rules),
        cmocka_unit_test(test_no_key_is_bound_twice),
        cmocka_unit_test(test_the_menu_leads_to_every_page),
        cmocka_unit_test(test_the_palette_finds_pages_commands_and_resources),
        cmocka_unit_test(test_the_palette_asks_each_time_it_is_opened),
        cmocka_unit_test(test_what_was_typed_is_not_lost_without_asking),
        cmocka_unit_test(test_what_a_page_opens_after_it_closed_takes_its_place),
        cmocka_unit_test(test_a_name_that_is_asked_for_is_typed_wherever_the_focus_is),
        cmocka_unit_test(test_a_wizards_cancel_asks_too),
        cmocka_unit_test(test_a_service_that_does_not_answer_is_told_and_survived),
        cmocka_unit_test(test_a_terminal_that_is_too_small_is_told_what_is_needed),
        cmocka_unit_test(test_a_command_that_does_not_apply_says_why),
        cmocka_unit_test(test_help_shows_the_keys_of_the_page),
        cmocka_unit_test(test_help_closes_by_the_same_keys_everywhere_and_scrolls),
        cmocka_unit_test(test_the_command_bar_shows_what_applies_first),
        cmocka_unit_test(test_breadcrumbs_have_no_hole_and_esc_is_always_said),
        cmocka_unit_test(test_each_line_of_a_tile_opens_its_own_list),
        cmocka_unit_test(test_a_key_vault_without_a_secret_is_not_done),
        cmocka_unit_test(test_what_a_page_says_of_a_job_is_seen_in_the_status_line),
        cmocka_unit_test(test_a_vaults_page_tells_what_it_takes_up),
        cmocka_unit_test(test_what_was_changed_on_a_page_shows_in_the_list_below),
        cmocka_unit_test(test_a_hidden_section_leaves_no_gap),
        cmocka_unit_test(test_the_overview_names_an_archive_with_points),
        cmocka_unit_test(test_a_note_without_room_in_the_line_is_not_cut),
        cmocka_unit_test(test_the_end_of_a_job_is_a_notification_with_a_link),
        cmocka_unit_test(test_keys_at_random_break_nothing),
        cmocka_unit_test(test_every_page_looks_as_it_should),
        cmocka_unit_test(test_clicks_reach_what_lies_on_top),
        cmocka_unit_test(test_a_click_answers_whether_to_leave),
        cmocka_unit_test(test_esc_closes_the_topmost_thing_only),
        cmocka_unit_test(test_a_service_of_another_version_is_told_once),
        cmocka_unit_test(test_every_shipped_theme_is_in_the_palette),
    };

    snprintf(golden_mode, sizeof golden_mode, "KEEPGRES_GOLDEN=%.8s", getenv("KEEPGRES_GOLDEN") ? getenv("KEEPGRES_GOLDEN") : "");
    environ = environment;
    tzset();
    kg_crypto_start();
    return cmocka_run_group_tests_name("ui_shell", tests, NULL, NULL);
}
