/* What an operator at 80x24 does with wizards and dialogs: scrolls them, opens lists, reads what went wrong, saves the recovery key,
 * copies the commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "cli/cli.h"
#include "cli/cmds.h"
#include "crypto/crypto.h"
#include "crypto/secret.h"
#include "model/commands.h"
#include "model/form.h"
#include "shell/parts.h"
#include "ui_form_bench.h"
#include "ui_recorded.h"
#include "view/form_view.h"
#include "view/view.h"

#define PROVIDERS "/subscriptions/default/resourceGroups/g1/providers"
#define VAULT PROVIDERS "/Microsoft.DataProtection/backupVaults/v1"

/* What a terminal of h x 80 shows; the caller frees. */
static char *screen(struct bench *b, int h)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(1 << 20);
    struct ui_canvas c;
    bool dialog = b->f->base.kind->shape == UI_DIALOG;

    ui_canvas_init(&c, h, 80, UI_UTF8);
    ui_canvas_clear(&c);
    ui_view_draw(&b->f->base, &c, dialog ? ui_form_dialog_area(b->f, h, 80) : (struct ui_rect){ 0, 0, h, 80 });
    ui_canvas_print(&c, &text);
    ui_canvas_done(&c);
    return kg_buf_take(&text);
}

static void shows(struct bench *b, int h, const char *part, bool wanted)
{
    KG_AUTO_FREE char *text = screen(b, h);

    if ((strstr(text, part) != NULL) != wanted)
        fail_msg("'%s' is %sthere:\n%s", part, wanted ? "not " : "", text);
}

static const char *field(const struct bench *b) { return b->f->focus >= 0 ? b->f->input[b->f->focus].field->name : "(button)"; }

static void to_properties(struct bench *b)
{
    start(b, ui_kind_of_name("create-vault"), NULL);
    fake_answer(&b->h, "/resourceGroups", "{\"value\":[{\"id\":\"/g/default\",\"name\":\"default\",\"location\":\"local\"}]}");
    fake_answer(&b->h, "/backupVaults", "{\"value\":[]}");
    ui_form_set(b->f, "name", "prod", NULL);
    ui_form_press(b->f, UI_BUTTON_NEXT);
    assert_int_equal(b->f->step, 1);
}

/* ---- moving about ---- */

static void page_down_scrolls_and_the_keyboard_stays_where_it_is(void **state)
{
    struct bench b;

    (void)state;
    to_properties(&b);
    shows(&b, 11, "Datastores", true);
    shows(&b, 11, "Immutability", false);
    key(&b, UI_KEY_PGDN);
    shows(&b, 11, "Datastores", false);
    shows(&b, 11, "Immutability", true);
    assert_string_equal(field(&b), "path");
    key(&b, UI_KEY_PGUP);
    shows(&b, 11, "Datastores", true);
    key(&b, UI_KEY_PGDN);
    type(&b, "/");                           /* who types sees where */
    shows(&b, 11, "[/ ", true);
    assert_string_equal(field(&b), "path");
    key(&b, UI_KEY_TAB);
    key(&b, UI_KEY_END);
    assert_string_equal(field(&b), "immutability");
    key(&b, UI_KEY_HOME);
    assert_string_equal(field(&b), "path");
    end(&b);
}

static void a_list_opens_over_its_dialog_and_nothing_moves(void **state)
{
    struct ui_rect before, after;
    struct bench b;

    (void)state;
    start(&b, ui_kind_of_name("add-server"), "");
    fake_answer(&b.h, "/resourceGroups", "{\"value\":[{\"id\":\"/g/default\",\"name\":\"default\",\"location\":\"local\"}]}");
    ui_form_set(b.f, "name", "pg1", NULL);
    ui_form_focus(b.f, (int)(ui_form_input(b.f, "sslMode") - b.f->input));
    before = ui_form_dialog_area(b.f, 24, 80);
    shows(&b, 24, "Right or Enter: open the list", true);
    key(&b, UI_KEY_RIGHT);
    assert_true(b.f->pick.open);
    after = ui_form_dialog_area(b.f, 24, 80);
    assert_memory_equal(&before, &after, sizeof before);
    shows(&b, 24, "verify-full", true);      /* all six of them */
    shows(&b, 24, "disable", true);
    key(&b, UI_KEY_ESC);
    assert_false(b.f->pick.open);
    end(&b);
}

/* A dialog that is nearly as wide as the screen leaves no letters of the page beside it. */
static void nothing_of_the_page_stands_beside_a_dialog(void **state)
{
    struct recorded r;
    struct ui_rect box;
    const struct ui_form *f;

    (void)state;
    recorded_open(&r, "servers", 24, 80, UI_UTF8);
    ui_open(ui_shell_top(&r.shell), "add-server", "");
    recorded_settle(&r);
    recorded_draw(&r);
    f = (const struct ui_form *)ui_shell_top(&r.shell);
    box = ui_form_dialog_area(f, 24, 80);
    for (int y = box.y; y < box.y + box.h; y++) {
        assert_string_equal(r.canvas.cell[y * 80 + box.x - 1].text, " ");
        assert_string_equal(r.canvas.cell[y * 80 + box.x + box.w].text, " ");
    }
    recorded_close(&r);
}

/* ---- what went wrong ---- */

static void a_server_that_cannot_be_listed_says_why_in_full(void **state)
{
    static const char why[] = "connect to database 'postgres' at 'a-rather-long-name.of-a-server.example.com' port 5432 as user "
                              "'backup': password authentication failed for user \"backup\" (SQLSTATE 28P01)";
    KG_AUTO_FREE char *text = NULL;
    struct bench b;

    (void)state;
    start(&b, ui_kind_of_name("select-databases"),
          "{\"vault\":\"" VAULT "\",\"region\":\"local\",\"secrets\":[{\"server\":\"/s/servers/pg1\","
                                  "\"uri\":\"https://kv/secrets/x\"}],\"taken\":[]}");
    fake_answer(&b.h, "flexibleServers", "{\"value\":[]}");
    fake_answer(&b.h, "/servers", "{\"value\":[{\"id\":\"/s/servers/pg1\",\"name\":\"pg1\",\"location\":\"local\"}]}");
    key(&b, UI_KEY_ENTER);
    fake_fail(&b.h, "listDatabases", KG_E_DB_AUTH, why);
    text = screen(&b, 24);
    for (char *s = text; *s; s++)            /* it is broken into lines */
        *s = *s == '\n' ? ' ' : *s;
    assert_non_null(strstr(text, "password authentication failed for user \"backup\" (SQLSTATE 28P01) (UserError"));
    assert_non_null(strstr(text, "Enter logs in again, also with another secret."));
    end(&b);
}

/* What the screen says must work with the keyboard where it is. */
static void the_letters_of_a_list_work_beside_it(void **state)
{
    struct ui_of of[64];
    struct recorded r;
    struct ui_form *f;
    size_t n;

    (void)state;
    recorded_open(&r, "overview", 24, 80, UI_UTF8);
    ui_open(ui_shell_top(&r.shell), "configure-backup", "");
    recorded_settle(&r);
    f = (struct ui_form *)ui_shell_top(&r.shell);
    f->reached[2] = true;
    assert_true(ui_form_go(f, 2));
    ui_form_focus(f, -1 - UI_BUTTON_NEXT);
    n = ui_shell_commands(&r.shell, of, KG_ARRAY_LEN(of));
    assert_true(n > 0 && of[0].c->key == 'a');
    ui_form_press(f, UI_BUTTON_NEXT);
    assert_string_equal(ui_form_step_error(f, 2), "Add at least one database: press a in the list.");
    assert_true(f->focus >= 0 && f->input[f->focus].field->type == UI_FIELD_GRID);
    recorded_close(&r);
}

/* ---- the recovery key ---- */

static void to_key(struct bench *b)
{
    to_properties(b);
    kg_text_copy(b->h.host.home, sizeof b->h.host.home, "/people/ops");
    ui_form_press(b->f, UI_BUTTON_NEXT);
    ui_form_press(b->f, UI_BUTTON_SUBMIT);
    fake_answer(&b->h, "/backupVaults/prod", "{\"id\":\"/v/prod\",\"recoveryKey\":\"ABCD-EFGH\"}");
    assert_true(ui_form_tells(b->f));
}

static void the_recovery_key_is_saved_where_one_wants_it(void **state)
{
    struct bench b;

    (void)state;
    to_key(&b);
    shows(&b, 24, "[/people/ops/prod.recovery-key ", true);
    kg_err_sys(&b.h.refuses, EEXIST, "write '/people/ops/prod.recovery-key'");
    ui_form_press(b.f, UI_BUTTON_SAVE);
    assert_string_equal(b.h.file, "/people/ops/prod.recovery-key");
    assert_int_equal(b.f->focus, UI_FOCUS_FILE);
    shows(&b, 24, "write '/people/ops/prod.recovery-key'", true);
    b.h.refuses = (struct kg_err){ 0 };
    type(&b, ".2\n");                        /* Enter in the field saves */
    assert_string_equal(b.h.file, "/people/ops/prod.recovery-key.2");
    assert_string_equal(b.h.saved, "ABCD-EFGH");
    assert_string_equal(b.h.note, "Written to /people/ops/prod.recovery-key.2");
    assert_int_equal(b.f->focus, -1 - UI_BUTTON_CLOSE);
    assert_false(b.h.is_closed);             /* not before one says so */
    ui_edit_set(&b.f->file, "");
    ui_form_press(b.f, UI_BUTTON_SAVE);
    assert_int_equal(b.f->err.code, KG_E_USAGE);
    ui_form_press(b.f, UI_BUTTON_CLOSE);
    assert_string_equal(b.h.closed, "/v/prod");
    end(&b);
}

static void leaving_the_key_asks_whether_it_was_kept(void **state)
{
    struct recorded r;
    struct ui_form *f;

    (void)state;
    recorded_open(&r, "backup-vaults", 24, 80, UI_UTF8);
    ui_open(ui_shell_top(&r.shell), "create-vault", "");
    recorded_settle(&r);
    f = (struct ui_form *)ui_shell_top(&r.shell);
    f->told = kg_secret_new_copy("ABCD", 4);
    f->finished = true;
    ui_form_focus(f, -1 - UI_BUTTON_SAVE);
    recorded_key(&r, UI_KEY_ESC);
    assert_true(recorded_shows(&r, "Leave only when you have saved it."));
    recorded_key(&r, UI_KEY_ENTER);          /* Stay is the default */
    assert_ptr_equal(ui_shell_top(&r.shell), &f->base);
    recorded_key(&r, UI_KEY_ESC);
    recorded_type(&r, "y");
    assert_string_equal(ui_shell_top(&r.shell)->kind->name, "backup-vaults");
    recorded_close(&r);
}

/* ---- reviews ---- */

static void what_was_left_empty_says_what_that_means(void **state)
{
    static const struct { const char *kind, *field, *says; } all[] = {
        { "create-vault", "path", "with the service's data" }, { "create-policy", "rate", "no limit" },
        { "create-policy", "windows", "any time" }, { "restore", "prefix", "database, server and time" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(all); i++) {
        KG_AUTO_BUF struct kg_buf value = KG_BUF_INIT(1000);
        struct bench b;

        start(&b, ui_kind_of_name(all[i].kind), "");
        ui_form_review_value(b.f, (size_t)(ui_form_input(b.f, all[i].field) - b.f->input), &value);
        assert_string_equal(value.p, all[i].says);
        end(&b);
    }
}

/* ---- commands ---- */

static void cli_of(struct bench *b, struct kg_buf *ret)
{
    kg_buf_reset(ret);
    b->f->kind->cli(b->f, ret);
}

static void commands_for_secrets_read_the_value_from_a_file(void **state)
{
    KG_AUTO_BUF struct kg_buf cli = KG_BUF_INIT(4096);
    struct bench b;

    (void)state;
    start(&b, ui_kind_of_name("create-secret"), PROVIDERS "/Microsoft.KeyVault/vaults/kv1");
    ui_form_set(b.f, "name", "login", NULL);
    ui_form_set(b.f, "user", "backup", NULL);
    ui_form_focus(b.f, (int)(ui_form_input(b.f, "password") - b.f->input));
    type(&b, "hunter2");
    cli_of(&b, &cli);
    assert_string_equal(cli.p, "# connection.txt, which only you may read: User Id=backup;Password=PASSWORD;\n"
                               "keepgres keyvault secret set -g g1 --vault-name kv1 -n login --file connection.txt\n");
    end(&b);
    start(&b, ui_kind_of_name("new-secret-version"), PROVIDERS "/Microsoft.KeyVault/vaults/kv1/secrets/login");
    cli_of(&b, &cli);
    assert_non_null(strstr(cli.p, "User Id=USER;"));
    assert_non_null(strstr(cli.p, "secret set -g g1 --vault-name kv1 -n login --file connection.txt\n"));
    end(&b);
}

static void a_servers_command_names_its_region_and_kind(void **state)
{
    KG_AUTO_BUF struct kg_buf cli = KG_BUF_INIT(4096);
    struct bench b;

    (void)state;
    start(&b, ui_kind_of_name("add-server"), "");
    ui_form_set(b.f, "name", "pg1", NULL);
    ui_form_set(b.f, "region", "berlin", NULL);
    ui_form_set(b.f, "type", "flexibleServers", NULL);
    cli_of(&b, &cli);
    assert_non_null(strstr(cli.p, " -l berlin --flexible\n"));
    end(&b);
    start(&b, ui_kind_of_name("edit-server"), PROVIDERS "/Microsoft.DBforPostgreSQL/servers/pg1");
    fake_answer(&b.h, "/servers/pg1", "{\"location\":\"berlin\",\"properties\":{\"fullyQualifiedDomainName\":\"h\"}}");
    cli_of(&b, &cli);                        /* without it the server would move to the group's region */
    assert_non_null(strstr(cli.p, " -l berlin\n"));
    end(&b);
}

/* What a form is opened with, by what it is about: whatever it says, the command line must understand it. */
static const struct { const char *kind, *arg; } opened[] = {
    { "create-vault", "" }, { "create-policy", VAULT }, { "add-server", "" }, { "create-storage-account", "" },
    { "create-key-vault", "" }, { "assign-role", VAULT }, { "delete-vault", VAULT }, { "vault-security", VAULT },
    { "check-vault", VAULT }, { "collect-vault", VAULT }, { "edit-server", PROVIDERS "/Microsoft.DBforPostgreSQL/servers/pg1" },
    { "create-container", PROVIDERS "/Microsoft.Storage/storageAccounts/a1" },
    { "create-secret", PROVIDERS "/Microsoft.KeyVault/vaults/kv1" },
    { "new-secret-version", PROVIDERS "/Microsoft.KeyVault/vaults/kv1/secrets/login" },
    { "cancel-job", VAULT "/backupJobs/j1" }, { "retry-job", VAULT "/backupJobs/j1" },
    { "resume-protection", VAULT "/backupInstances/i1" }, { "stop-protection", VAULT "/backupInstances/i1" },
    { "delete-instance", VAULT "/backupInstances/i1" }, { "undelete", VAULT "/deletedBackupInstances/i1" },
    { "delete-policy", VAULT "/backupPolicies/p1" }, { "edit-policy", VAULT "/backupPolicies/p1" },
    { "hold-point", VAULT "/backupInstances/i1/recoveryPoints/p1" }, { "release-point", VAULT "/backupInstances/i1/recoveryPoints/p1" },
    { "sync-instance", VAULT "/backupInstances/i1" }, { "delete-resource", PROVIDERS "/Microsoft.DBforPostgreSQL/servers/pg1" },
    { "delete-resource", PROVIDERS "/Microsoft.KeyVault/vaults/kv1/secrets/login" },
    { "remove-assignment", VAULT "/providers/Microsoft.Authorization/roleAssignments/r1" },
};

/* Words as a shell takes them apart, up to a redirection; quotes only. */
static int split(char *line, const char **argv, int max)
{
    int n = 0;

    for (char *to = line; *line && *line != '>' && *line != '<' && n < max; *to++ = '\0') {
        bool quoted = false;

        argv[n++] = to;
        for (; *line && (quoted || *line != ' '); line++)
            if (*line == '\'')
                quoted = !quoted;
            else
                *to++ = *line;
        line += *line == ' ';
        if (to >= line)
            return n;
    }
    return n;
}

static void understood(const char *kind, const char *text)
{
    KG_AUTO_FREE char *line = kg_xstrndup(text, strcspn(text, "\n"));
    const char *argv[60];
    int n = split(line, argv, KG_ARRAY_LEN(argv)), words;
    const struct kg_cmd *c = kg_cmd_find(n - 1, argv + 1, &words);
    KG_AUTO_FREE void *target = kg_xalloc((c ? c->opts_size : 0) + sizeof(struct kg_at));
    struct kg_globals g = { 0 };
    struct kg_opt_set sets[] = { { c ? c->opts : NULL, target }, { kg_global_opts, &g } };
    struct kg_err err = { 0 };

    for (int i = 0; i < n; i++)              /* the document is read from there */
        argv[i] = strcmp(argv[i], "-") == 0 ? "{}" : argv[i];
    if (!c || strcmp(argv[0], "keepgres") != 0)
        fail_msg("%s: there is no command '%.*s'", kind, (int)strcspn(text, "\n"), text);
    if (kg_opts_parse(sets, 2, c->positional, n - 1 - words, argv + 1 + words, &err) < 0 ||
        kg_opts_check(c, target, ((const struct kg_at *)target)->ids.n > 0, &err) < 0)
        fail_msg("%s: '%.*s': %s", kind, (int)strcspn(text, "\n"), text, err.msg);
    if ((c->flags & KG_CMD_CONFIRM) && !strstr(text, "--yes"))
        fail_msg("%s: a script would be asked by '%.*s'", kind, (int)strcspn(text, "\n"), text);
    kg_opts_free(c->opts, target);
}

static void fill(struct ui_form *f)
{
    for (size_t i = 0; i < f->n_inputs; i++) {
        const struct ui_field *d = f->input[i].field;

        if (!f->input[i].edit.len && d->name && (d->type == UI_FIELD_TEXT || d->type == UI_FIELD_NUMBER || d->type == UI_FIELD_CHOICE))
            ui_form_set(f, d->name, d->type == UI_FIELD_CHOICE ? PROVIDERS "/x y/z/x1" : d->type == UI_FIELD_NUMBER ? "15" : "x y", NULL);
    }
}

static void the_command_line_understands_what_wizards_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(opened); i++) {
        KG_AUTO_BUF struct kg_buf cli = KG_BUF_INIT(1 << 16);
        struct bench b;

        if (!ui_kind_of_name(opened[i].kind))
            fail_msg("there is no '%s'", opened[i].kind);
        start(&b, ui_kind_of_name(opened[i].kind), opened[i].arg);
        fill(b.f);
        cli_of(&b, &cli);
        for (const char *line = cli.p; line && *line && *line != '{' && *line != '\n'; line = strchr(line, '\n') + 1)
            if (*line != '#')
                understood(opened[i].kind, line);
            else
                continue;
        end(&b);
    }
}

static void what_is_ticked_is_in_the_command(void **state)
{
    static const struct { const char *kind, *field, *says; } all[] = {
        { "check-vault", "readData", "keepgres vault check -g g1 -v v1 --read-data\n" },
        { "collect-vault", "dryRun", "keepgres vault collect -g g1 -v v1 --dry-run\n" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(all); i++) {
        KG_AUTO_BUF struct kg_buf cli = KG_BUF_INIT(1 << 16);
        struct bench b;

        start(&b, ui_kind_of_name(all[i].kind), VAULT);
        cli_of(&b, &cli);
        assert_null(strstr(cli.p, "--re"));
        assert_null(strstr(cli.p, "--dry"));
        ui_form_set(b.f, all[i].field, "true", NULL);
        cli_of(&b, &cli);
        assert_string_equal(cli.p, all[i].says);
        end(&b);
    }
}

static void commands_are_broken_as_a_shell_reads_them(void **state)
{
    static const struct { const char *text, *broken; } all[] = {
        { "keepgres job list\n", "keepgres job list\n" },
        { "keepgres job list --vault-name prod --status Failed\n",
          "keepgres job list \\\n    --vault-name prod \\\n    --status Failed\n" },
        { "keepgres x --type Server --port 5432\n", "keepgres x \\\n    --type Server \\\n    --port 5432\n" },
        { "keepgres x 'a b c d e f g h i'\n", "keepgres x \\\n    'a b c d e f g h '\\\n'i'\n" },
        { "keepgres /subscriptions/s/resourceGroups/g\n", "keepgres \\\n    /subscriptions/s/\\\nresourceGroups/g\n" },
        { "cat <<'EOF'\n{ \"a long line of a document\": 1 }\nEOF\nkeepgres job list --vault v\n",
          "cat <<'EOF'\n{ \"a long line of a document\": 1 }\nEOF\nkeepgres job list \\\n    --vault v\n" },
        { "# a comment that is too long for it\nkeepgres\n", "# a comment that is too\n# long for it\nkeepgres\n" },
        { "keepgres x it\\'s\\ one\\ word\n", "keepgres x \\\n    it\\'s\\ one\\ word\n" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(all); i++) {
        KG_AUTO_BUF struct kg_buf out = KG_BUF_INIT(4096);

        ui_commands_wrap(all[i].text, 24, &out);
        assert_string_equal(out.p, all[i].broken);
        kg_buf_reset(&out);
        ui_commands_wrap(all[i].text, 0, &out);
        assert_string_equal(out.p, all[i].text);
    }
}

#define T(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(page_down_scrolls_and_the_keyboard_stays_where_it_is), T(a_list_opens_over_its_dialog_and_nothing_moves),
        T(nothing_of_the_page_stands_beside_a_dialog), T(a_server_that_cannot_be_listed_says_why_in_full),
        T(the_letters_of_a_list_work_beside_it), T(the_recovery_key_is_saved_where_one_wants_it),
        T(leaving_the_key_asks_whether_it_was_kept),
        T(what_was_left_empty_says_what_that_means), T(commands_for_secrets_read_the_value_from_a_file),
        T(a_servers_command_names_its_region_and_kind), T(commands_are_broken_as_a_shell_reads_them),
        T(the_command_line_understands_what_wizards_say), T(what_is_ticked_is_in_the_command),
    };

    kg_crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
