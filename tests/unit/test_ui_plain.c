/* The portal as questions and lines, over a recorded service: what is read out, how lines are understood, what waits for what; and
 * the lines themselves, from a pipe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "model/form.h"
#include "plain/parts.h"
#include "plain/plain.h"
#include "term/lines.h"
#include "ui_recorded.h"

#define VAULT "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/default/providers/Microsoft.DataProtection/" \
              "backupVaults/vault1"

struct bench { struct recorded r; struct ui_plain p; struct kg_buf out; };

static void write_out(void *ctx, const char *text, size_t n) { kg_buf_add(ctx, text, n); }

static void turn(struct bench *b)
{
    recorded_settle(&b->r);
    ui_plain_turn(&b->p, b->r.now);
    recorded_settle(&b->r);
    ui_plain_turn(&b->p, b->r.now);
}

static void start(struct bench *b, const char *page, bool utf8)
{
    struct ui_transport t = { .send = recorded_send, .cancel = recorded_cancel, .health = recorded_health, .ctx = &b->r };

    memset(b, 0, sizeof *b);
    b->out = (struct kg_buf)KG_BUF_INIT(4 << 20);
    b->r.now = (int64_t)1795269600 * 1000000;
    ui_plain_init(&b->p, &(struct ui_plain_opts){ .transport = &t, .write = write_out, .ctx = &b->out, .page = page, .utf8 = utf8 },
                  b->r.now);
}

static void end(struct bench *b)
{
    ui_plain_done(&b->p);
    kg_buf_done(&b->out);
}

/* Answers the question that is open; what was written since is in b->out. */
static const char *say(struct bench *b, const char *line)
{
    assert_true(ui_plain_asks(&b->p));
    kg_buf_reset(&b->out);
    ui_plain_line(&b->p, line, strlen(line), b->r.now);
    turn(b);
    return b->out.p;
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in:\n%s", part, text);
}
static void has_not(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("'%s' is in:\n%s", part, text);
}

static void assert_plain(const char *text)
{
    for (; *text; text++)
        if (*text != '\n' && ((unsigned char)*text < 0x20 || *text == 0x7f))
            fail_msg("a control character: %d", *text);
}

/* ---- pages ---- */

static void a_line_is_wanted_only_when_the_page_is_there(void **state)
{
    struct bench b;

    (void)state;
    start(&b, "backup-vaults", true);
    ui_plain_turn(&b.p, b.r.now);
    assert_false(ui_plain_asks(&b.p));
    turn(&b);
    assert_true(ui_plain_asks(&b.p));
    has(b.out.p, "1. vault1; ");
    assert_string_equal(b.out.p + b.out.len - 3, "\n> ");
    end(&b);
}

static void every_page_is_read_out_without_control_characters(void **state)
{
    const struct ui_kind *k;

    (void)state;
    for (size_t i = 0; (k = ui_kind_at(i)); i++) {
        struct bench b;

        if (k->shape != UI_PAGE || k->family == UI_FORM || (k->family == UI_LIST && !k->found_by))
            continue;
        start(&b, k->family == UI_DETAIL || k->family == UI_READER ? NULL : k->name, i % 2);
        turn(&b);
        if (k->family == UI_DETAIL)
            ui_open(ui_shell_top(&b.p.shell), k->name, VAULT "/backupJobs/80c2992f-e0a9-404b-b3fe-903c26cfa4b7");
        turn(&b);
        assert_plain(b.out.p);
        (void)say(&b, "help");
        (void)say(&b, "show");
        assert_plain(b.out.p);
        end(&b);
    }
}

static void names_with_control_characters_are_shown_escaped(void **state)
{
    struct bench b;

    (void)state;
    start(&b, "backup-vaults", true);
    turn(&b);
    kg_buf_reset(&b.out);
    b.p.shell.host.ops->note(&b.p.shell.host, UI_NOTE_FAILED, "deleting '\033[2Jx\r\007'", NULL);
    turn(&b);
    has(b.out.p, "Failed: deleting '");
    assert_plain(b.out.p);
    end(&b);
}

static void without_utf8_nothing_but_ascii_is_written(void **state)
{
    struct bench b;

    (void)state;
    start(&b, "backup-vaults", false);
    turn(&b);
    b.p.shell.host.ops->note(&b.p.shell.host, UI_NOTE_OK, "größer …", NULL);
    turn(&b);
    has(b.out.p, "Done: gr??er ?");
    end(&b);
}

static void numbers_mean_what_was_read_out(void **state)
{
    struct bench b;

    (void)state;
    start(&b, "backup-vaults", true);
    turn(&b);
    has(say(&b, "7"), "Error: there is nothing of that number");
    has(say(&b, "0"), "Error: ");
    has(say(&b, "filter vault1"), "filter: vault1");
    has(say(&b, "filter nosuchvault"), "0 of ");
    has(say(&b, "1"), "Error: there is nothing of that number");
    has(say(&b, "filter"), "1. vault1");
    has(say(&b, "1"), "Tabs: 1 Overview (shown), 2 ");
    has(b.out.p, "Location: ");
    has(say(&b, "99"), "there is no such tab");
    has(say(&b, "2"), "(shown)");
    has(b.out.p, "1. ");
    has(say(&b, "back"), "Backup vaults");
    end(&b);
}

static void commands_are_found_by_key_name_and_beginning(void **state)
{
    struct bench b;

    (void)state;
    start(&b, "backup-vaults", true);
    turn(&b);
    has(say(&b, "delete-vault"), "say the row's number");
    has(say(&b, "D 9"), "there is no row 9");
    has(say(&b, "Del 1"), "Type vault1 to do it");
    has(say(&b, "cancel"), "Backup vaults");
    has(say(&b, "c"), "Step 1 of 3: Basics");
    has(say(&b, ":cancel"), "Backup vaults");
    has(say(&b, "rubbish"), "Error: 'rubbish' is none of the words");
    has(say(&b, "menu"), "1. Overview");
    has(say(&b, "3"), "Backup jobs");
    has(say(&b, "find policies"), "1. ");
    has(say(&b, ""), "Backup jobs");
    has(say(&b, "find nothinglikethis"), "Nothing has all of these words");
    (void)say(&b, "quit");
    assert_true(ui_plain_left(&b.p));
    end(&b);
}

static void marks_stay_and_commands_apply_to_them(void **state)
{
    struct bench b;

    (void)state;
    start(&b, "backup-vaults", true);
    turn(&b);
    has(say(&b, "mark 1 44"), "there is no row 44");
    has(b.out.p, "1 selected");
    has(say(&b, "show"), "1. selected: vault1");
    has(say(&b, "sort status"), "sorted by Status");
    has(say(&b, "sort colour"), "there is no such column");
    end(&b);
}

static void values_that_are_empty_are_left_out(void **state)
{
    struct bench b;

    (void)state;
    start(&b, NULL, true);
    turn(&b);
    kg_buf_reset(&b.out);
    ui_open(ui_shell_top(&b.p.shell), "backup-job", VAULT "/backupJobs/80c2992f-e0a9-404b-b3fe-903c26cfa4b7");
    turn(&b);
    b.p.asks = false;
    turn(&b);
    has(b.out.p, "Status: Failed");
    has(b.out.p, "Recommended: Make sure");
    has_not(b.out.p, "Tables:");
    has_not(b.out.p, "Warnings:");
    end(&b);
}

/* A terminal would break them anywhere. */
static void long_lines_are_broken_between_words(void **state)
{
    struct bench b;

    (void)state;
    start(&b, "backup-vaults", true);
    b.p.width = 40;
    kg_buf_reset(&b.out);
    ui_plain_say(&b.p, "Error: %s", "connect to server 'pg1' at port 5432 as user 'backup': a-word-that-is-longer-than-the-whole-line-is");
    assert_string_equal(b.out.p, "Error: connect to server 'pg1' at port\n  5432 as user 'backup':\n"
                                 "  a-word-that-is-longer-than-the-whole-line-is\n");
    kg_buf_reset(&b.out);
    ui_plain_say(&b.p, "  one\n\ntwo");
    assert_string_equal(b.out.p, "  one\n\ntwo\n");
    b.p.width = 0;                           /* not a terminal: whoever reads them gets whole lines */
    kg_buf_reset(&b.out);
    ui_plain_say(&b.p, "%0100d %d", 1, 2);
    assert_int_equal(b.out.len, 103);
    end(&b);
}

static void a_log_is_a_tab_that_is_read_out(void **state)
{
    struct bench b;

    (void)state;
    start(&b, NULL, true);
    turn(&b);
    ui_open(ui_shell_top(&b.p.shell), "backup-job", VAULT "/backupJobs/b8fd7b82-d209-4bc7-903c-3cb5355c3c4a");
    turn(&b);
    b.p.asks = false;
    turn(&b);
    has(b.out.p, "Tabs: 1 Overview (shown), 2 Tables, 3 Log, 4 Subtasks");
    has(say(&b, "3"), "3 Log (shown)");
    has(b.out.p, "Backup of pg1\\inventory, asked for by root");
    has_not(b.out.p, "Recommended:");
    has(say(&b, "1"), "Recommended: Make sure");
    end(&b);
}

/* ---- forms ---- */

static void a_wizard_asks_one_field_after_the_other(void **state)
{
    struct bench b;

    (void)state;
    start(&b, "backup-vaults", true);
    turn(&b);
    (void)say(&b, "c");
    has(b.out.p, "1. default");
    has(say(&b, ""), "Backup vault name []: ");
    has(say(&b, "a b"), "Error: ");
    has(b.out.p, "Backup vault name [a b]: ");
    has(say(&b, "vault1"), "The resource group has a Backup vault of this name already. Choose another name, or another ");
    has(say(&b, "::x"), "Error: ");
    has(b.out.p, "[:x]");
    has(say(&b, ":nonsense"), "none of the words that work here");
    has(say(&b, "fine"), "Region [");
    has(say(&b, ":back"), "Backup vault name [fine]: ");
    (void)say(&b, "");
    has(say(&b, ""), "2. Zone redundant");
    has(say(&b, "zone redundant"), "Step 2 of 3");
    has(b.out.p, "Directory, not needed [with the service's data]: ");
    has(say(&b, ""), "Archive datastore, yes or no [no]: ");
    has(say(&b, "perhaps"), "yes or no");
    (void)say(&b, "no");
    has(say(&b, "2"), "Immutability");           /* off: how long is not asked */
    has(say(&b, ""), "Archive datastore: No");
    has(b.out.p, "4. Storage redundancy: Zone redundant");
    has(say(&b, "change 2"), "Backup vault name [fine]: ");
    has(say(&b, "finer"), "2. Backup vault name: finer");
    has(say(&b, "commands"), "keepgres backup-vault create");
    has(say(&b, ""), "1. Resource group: default");
    has(say(&b, "y"), "nothing was done");
    has(say(&b, "back"), "Immutability");
    ui_plain_end(&b.p);
    turn(&b);
    has(b.out.p, "what was typed is lost");
    assert_true(ui_plain_left(&b.p));
    end(&b);
}

static void a_secret_goes_into_a_secret_and_nowhere_else(void **state)
{
    struct bench b;
    struct ui_form *f;

    (void)state;
    start(&b, "key-vaults", true);
    turn(&b);
    (void)say(&b, "1");
    (void)say(&b, "create-secret");
    (void)say(&b, "brandnew");
    (void)say(&b, "");
    assert_false(ui_plain_secret(&b.p));
    (void)say(&b, "backup");
    assert_true(ui_plain_secret(&b.p));
    has(say(&b, ""), "A value is needed.");
    has(say(&b, ":x\"é"), "Create? yes");
    assert_false(ui_plain_secret(&b.p));
    f = (struct ui_form *)ui_shell_top(&b.p.shell);
    assert_memory_equal(kg_secret_open(ui_form_secret(f, "password")), ":x\"é", 5);
    kg_secret_shut(ui_form_secret(f, "password"));
    has_not(b.out.p, "\"é");
    end(&b);
}

/* ---- a grid ---- */

static bool open_rows, marked_rows[3];

static size_t count(const struct ui_form *f) { (void)f; return open_rows ? 3 : 1; }
static void cell(const struct ui_form *f, size_t row, size_t column, struct ui_shown *ret)
{
    (void)f;
    snprintf(ret->text, sizeof ret->text, column ? "Success" : row ? "db%zu" : "server", row);
}
static bool marked(const struct ui_form *f, size_t row) { (void)f; return marked_rows[row]; }
static int depth(const struct ui_form *f, size_t row) { (void)f; return row > 0; }
static enum ui_state node(const struct ui_form *f, size_t row) { (void)f; return row ? UI_NONE : open_rows ? UI_OK : UI_OFF; }
static bool act(struct ui_form *f, size_t row, enum ui_action a)
{
    (void)f;
    if (a == UI_ACT_OPEN && !row)
        open_rows = !open_rows;
    if (a == UI_ACT_MARK)
        marked_rows[row] = !marked_rows[row];
    return true;
}
static void run(struct ui_model *m)
{
    char text[40];

    snprintf(text, sizeof text, "row %zu", ((struct ui_form *)m)->grid.cursor);
    ui_note(m, UI_NOTE_INFO, text);
}
static const char *some(const struct ui_form *f, const char *value)
{
    (void)f, (void)value;
    return marked_rows[1] ? NULL : "Choose a database.";
}
static const struct ui_command grid_commands[] = { { "look", "Look", 'k', 0, "Looks", NULL, run, NULL } };
static const struct ui_column grid_columns[] = { { .title = "Database" }, { .title = "Backup readiness" } };
static const struct ui_grid grid = { .column = grid_columns, .n_columns = 2, .count = count, .cell = cell, .marked = marked,
                                     .depth = depth, .node = node, .act = act, .commands = grid_commands, .n_commands = 1 };
static const struct ui_choice letters[] = { { "a", "Alpha", NULL }, { "b", NULL, NULL }, { "c", NULL, NULL }, { NULL, NULL, NULL } };
static const struct ui_field grid_fields[] = {
    { .name = "rows", .label = "Databases", .type = UI_FIELD_GRID, .check = some },
    { .name = "set", .label = "Letters", .type = UI_FIELD_SET, .choice = letters },
};
static const struct ui_step grid_steps[] = { { .title = "Databases", .field = grid_fields, .n_fields = 2, .grid = &grid } };
static const struct ui_form_kind grid_form = { .step = grid_steps, .n_steps = 1, .submit_label = "Go" };
static const struct ui_kind grid_kind = { .name = "grid", .title = "Grid", .shape = UI_WIZARD, .family = UI_FORM, .data = &grid_form };

static void a_grid_is_numbered_rows_with_commands(void **state)
{
    struct bench b;
    struct ui_shell *s = &b.p.shell;

    (void)state;
    start(&b, "backup-vaults", true);
    turn(&b);
    s->layer[s->n_layers] = (struct ui_layer){ .m = ui_model_new(&grid_kind, &s->host, ""), .serial = ++s->serial };
    s->n_layers++;
    b.p.asks = false;
    turn(&b);
    has(b.out.p, "1. server; Backup readiness: Success, closed");
    has(b.out.p, "Commands: look");
    has(say(&b, "1"), "2.   db1; Backup readiness: Success");
    has(say(&b, ""), "Error: Choose a database.");
    has(say(&b, "mark 2 8"), "there is no row 8");
    has(b.out.p, "2.   selected: db1");
    has(say(&b, "look 3"), "Note: row 2");
    has(say(&b, "nothing"), "no command 'nothing'");
    has(say(&b, "help"), "look (k): Looks");
    has(say(&b, ""), "Letters, numbers []: ");
    has(say(&b, "1 4"), "there is no choice '4'");
    has(say(&b, "3, alpha"), "Go? yes");
    assert_string_equal(ui_form_value((struct ui_form *)ui_shell_top(s), "set"), "a,c");
    end(&b);
}

/* ---- lines ---- */

static struct ui_lines *lines_of(int fds[2])
{
    struct kg_err err = { 0 };
    struct ui_lines *l = NULL;

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(ui_lines_open(fds[0], &l, &err), 0);
    return l;
}

static void lines_come_whole_and_what_is_too_long_is_cut(void **state)
{
    int fds[2];
    struct ui_lines *l = lines_of(fds);
    KG_AUTO_FREE char *lots = kg_xalloc(20001);
    bool cut;
    size_t n;

    (void)state;
    memset(lots, 'x', 20000);
    assert_int_equal(write(fds[1], "one\r\n\ntwo", 9), 9);
    assert_false(ui_lines_ready(l));
    assert_int_equal(ui_lines_fd(l), fds[0]);
    ui_lines_read(l);
    assert_true(ui_lines_ready(l));
    assert_int_equal(ui_lines_fd(l), -1);
    assert_string_equal(ui_lines_next(l, &n, &cut), "one");
    assert_int_equal(n, 3);
    assert_string_equal(ui_lines_next(l, &n, &cut), "");
    assert_false(ui_lines_ready(l));
    assert_int_equal(write(fds[1], "\n", 1), 1);
    ui_lines_read(l);
    assert_string_equal(ui_lines_next(l, &n, &cut), "two");
    assert_int_equal(write(fds[1], lots, 20000), 20000);
    for (int i = 0; i < 5 && !ui_lines_ready(l); i++)
        ui_lines_read(l);
    assert_non_null(ui_lines_next(l, &n, &cut));
    assert_true(cut);
    assert_int_equal(n, UI_LINE_MAX);
    assert_int_equal(write(fds[1], "\nlast", 5), 5);
    close(fds[1]);
    for (int i = 0; i < 9 && !ui_lines_ready(l); i++)
        ui_lines_read(l);
    assert_string_equal(ui_lines_next(l, &n, &cut), "last");
    assert_false(cut);
    assert_true(ui_lines_ready(l));
    assert_null(ui_lines_next(l, &n, &cut));
    ui_lines_close(l);
    close(fds[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_wanted_only_when_the_page_is_there),
        cmocka_unit_test(every_page_is_read_out_without_control_characters),
        cmocka_unit_test(names_with_control_characters_are_shown_escaped),
        cmocka_unit_test(without_utf8_nothing_but_ascii_is_written),
        cmocka_unit_test(numbers_mean_what_was_read_out),
        cmocka_unit_test(commands_are_found_by_key_name_and_beginning),
        cmocka_unit_test(marks_stay_and_commands_apply_to_them),
        cmocka_unit_test(values_that_are_empty_are_left_out),
        cmocka_unit_test(a_log_is_a_tab_that_is_read_out),
        cmocka_unit_test(long_lines_are_broken_between_words), cmocka_unit_test(a_wizard_asks_one_field_after_the_other),
        cmocka_unit_test(a_secret_goes_into_a_secret_and_nowhere_else),
        cmocka_unit_test(a_grid_is_numbered_rows_with_commands),
        cmocka_unit_test(lines_come_whole_and_what_is_too_long_is_cut),
    };

    kg_crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
