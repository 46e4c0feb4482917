#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "cli/cli.h"

struct opts {
    struct kg_at at;
    bool yes, wait;
    const char *host, *mode;
    uint64_t port;
    struct kg_words tables;
    struct kg_json *tags, *settings, *policy;
};
#define T struct opts

static const char *const modes[] = { "Fast", "Slow", NULL };
static const struct kg_opt rows[] = {
    KG_OPT_NAME_ROW(T, "server-name long-name", "name"),
    KG_OPT_VAULT_ROW(T),
    KG_OPT_GROUP_ROW(T),
    KG_OPT_IDS_ROW(T),
    KG_OPT_YES_ROW(T),
    KG_OPT(T, FLAG, "wait", wait, NULL, "wait"),
    KG_OPT(T, STRING, "host", host, "HOST", "host"),
    KG_OPT(T, CHOICE, "mode", mode, "MODE", "mode", .choices = modes),
    KG_OPT(T, UINT, "port", port, "PORT", "port", .letter = 'p', .min = 1, .max = 65535),
    KG_OPT(T, LIST, "table", tables, "TABLE", "tables"),
    KG_OPT(T, PAIRS, "tags", tags, "KEY=VALUE", "tags"),
    KG_OPT(T, OBJECTS, "storage-settings", settings, "KEY=VALUE", "settings"),
    KG_OPT(T, JSON, "policy", policy, "JSON", "policy"),
    { 0 },
};
static const struct kg_cmd cmd = { .name = "server add", .opts = rows, .opts_size = sizeof(T), .ids_of = "servers" };

static int parse(struct opts *o, struct kg_err *err, const char *const *argv)
{
    struct kg_opt_set sets[] = { { rows, o } };
    int argc = 0;

    while (argv[argc])
        argc++;
    *o = (struct opts){ 0 };
    *err = (struct kg_err){ 0 };
    return kg_opts_parse(sets, 1, "name", argc, argv, err);
}
#define PARSE(...) parse(&o, &err, (const char *const[]){ __VA_ARGS__ __VA_OPT__(,) NULL })

static void test_values_follow_stand_behind_an_equal_sign_or_stick_to_a_letter(void **state)
{
    struct opts o;
    struct kg_err err;

    (void)state;
    assert_int_equal(PARSE("--host", "h1", "--vault-name=v1", "-gG", "-p", "5433", "--long-name", "n1", "-y"), 0);
    assert_string_equal(o.host, "h1");
    assert_string_equal(o.at.vault, "v1");
    assert_string_equal(o.at.group, "G");
    assert_string_equal(o.at.name, "n1");
    assert_int_equal(o.port, 5433);
    assert_true(o.yes);
    assert_int_equal(PARSE("--host=-dash", "--host="), 0);
    assert_string_equal(o.host, "");
}

static void test_a_bare_word_is_the_name_and_a_second_one_is_refused(void **state)
{
    struct opts o;
    struct kg_err err;

    (void)state;
    assert_int_equal(PARSE("pg1", "--host", "h"), 0);
    assert_string_equal(o.at.name, "pg1");
    assert_int_equal(PARSE("pg1", "pg2"), -KG_E_USAGE);
    assert_non_null(strstr(err.msg, "pg2"));
}

static void test_a_flag_takes_a_literal_of_az_and_nothing_else(void **state)
{
    struct opts o;
    struct kg_err err;

    (void)state;
    assert_int_equal(PARSE("--yes", "false", "--wait", "t"), 0);
    assert_false(o.yes);
    assert_true(o.wait);
    assert_int_equal(PARSE("--yes", "pg1"), 0);
    assert_true(o.yes);
    assert_string_equal(o.at.name, "pg1");
}

static void test_a_list_gathers_words_until_the_next_option_and_over_several_uses(void **state)
{
    struct opts o;
    struct kg_err err;

    (void)state;
    assert_int_equal(PARSE("--table", "a", "b", "--host", "h", "--table", "c"), 0);
    assert_int_equal(o.tables.n, 3);
    assert_string_equal(o.tables.v[0], "a");
    assert_string_equal(o.tables.v[2], "c");
    kg_opts_free(rows, &o);
}

static void test_each_use_of_settings_is_an_object_in_words_or_shorthand(void **state)
{
    struct opts o;
    struct kg_err err;

    (void)state;
    assert_int_equal(PARSE("--storage-settings", "datastore-type=\"VaultStore\"", "type=LocallyRedundant",
                           "--storage-settings",
                           "[{type:'GeoRedundant',datastore-type:VaultStore}]"), 0);
    assert_int_equal(kg_json_count(o.settings), 2);
    assert_string_equal(kg_json_str(o.settings, "0.datastore-type"), "VaultStore");
    assert_string_equal(kg_json_str(o.settings, "0.type"), "LocallyRedundant");
    assert_string_equal(kg_json_str(o.settings, "1.type"), "GeoRedundant");
    kg_opts_free(rows, &o);
}

static void test_a_choice_ignores_case_and_names_the_others_when_wrong(void **state)
{
    struct opts o;
    struct kg_err err;

    (void)state;
    assert_int_equal(PARSE("--mode", "fAST"), 0);
    assert_ptr_equal(o.mode, modes[0]);
    assert_int_equal(PARSE("--mode", "medium"), -KG_E_USAGE);
    assert_non_null(strstr(err.action, "Fast, Slow"));
}

static void test_bad_lines_are_refused_naming_the_option(void **state)
{
    static const struct { const char *argv[4], *says; } bad[] = {
        { { "--port", "0" }, "--port" },          { { "--port", "65536" }, "65535" },   { { "--port", "-1" }, "-1" },
        { { "--port", "12x" }, "12x" },           { { "--host" }, "--host needs HOST" },
        { { "--host", "--yes" }, "--host" },
        { { "--table" }, "--table" },             { { "--table", "--yes" }, "--table" },
        { { "--tags", "x" }, "--tags" },
        { { "--yes=perhaps" }, "--yes" },         { { "-yx" }, "-yx" },                  { { "-z" }, "-z" },
        { { "--hos", "x" }, "--hos" },            { { "--policy", "{" }, "--policy" },
          { { "--policy", "/none/x" }, "/none/x" },
        { { "--tags", "=x" }, "--tags" },
        { { "--storage-settings", "[{a:1" }, "--storage-settings" },
        { { "--storage-settings", "[]", "[]" }, "one document" },
    };
    struct opts o;
    struct kg_err err;

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        if (parse(&o, &err, bad[i].argv) >= 0)
            fail_msg("case %zu (%s) was accepted", i, bad[i].argv[0]);
        if (!strstr(err.msg, bad[i].says))
            fail_msg("case %zu says '%s'", i, err.msg);
        kg_opts_free(rows, &o);
    }
}

static void test_a_beginning_is_not_accepted_but_leads_to_the_whole_name(void **state)
{
    struct opts o;
    struct kg_err err;

    (void)state;
    assert_int_equal(PARSE("--vault", "x"), -KG_E_USAGE);
    assert_non_null(strstr(err.action, "'--vault-name'"));
    assert_int_equal(PARSE("--hots", "x"), -KG_E_USAGE);
    assert_non_null(strstr(err.action, "'--host'"));
    assert_int_equal(PARSE("--quite-different", "x"), -KG_E_USAGE);
    assert_null(strstr(err.action, "Did you mean"));
    assert_int_equal(PARSE("-x"), -KG_E_USAGE);
    assert_null(strstr(err.action, "Did you mean"));
}

static void test_required_options_and_ids_exclude_or_replace_each_other(void **state)
{
    struct opts o;
    struct kg_err err;

    (void)state;
    assert_int_equal(PARSE("--host", "h"), 0);
    assert_int_equal(kg_opts_check(&cmd, &o, false, &err), -KG_E_USAGE);
    assert_string_equal(err.msg, "--name (-n) and --vault-name (-v) are required");
    assert_int_equal(PARSE("--ids", "/x"), 0);
    assert_int_equal(kg_opts_check(&cmd, &o, true, &err), 0);
    kg_opts_free(rows, &o);
    assert_int_equal(PARSE("--ids", "/x", "-v", "v"), 0);
    assert_int_equal(kg_opts_check(&cmd, &o, true, &err), -KG_E_USAGE);
    kg_opts_free(rows, &o);
}

static void test_the_longest_command_wins_and_typing_mistakes_are_understood(void **state)
{
    static const char *const trigger[] = { "backup-instance", "restore", "trigger", "-n", "x" };
    static const char *const typo[] = { "backup-vualt", "create", "-v", "x" };
    struct kg_err err = { 0 };
    int words;

    (void)state;
    assert_string_equal(kg_cmd_find(5, trigger, &words)->name, "backup-instance restore trigger");
    assert_int_equal(words, 3);
    assert_string_equal(kg_group_find(2, trigger, &words)->name, "backup-instance restore");
    assert_null(kg_cmd_find(4, typo, &words));
    assert_int_equal(kg_cmd_unknown(4, typo, &err), -KG_E_USAGE);
    assert_non_null(strstr(err.action, "'keepgres backup-vault create'"));
}

static void assert_advice(const char *word, const char *second, const char *advice)
{
    const char *const argv[] = { word, second };
    struct kg_err err = { 0 };

    assert_int_equal(kg_cmd_unknown(second ? 2 : 1, argv, &err), -KG_E_USAGE);
    if (!strstr(err.action, advice))
        fail_msg("'%s %s': %s", word, second ? second : "", err.action);
}

static void test_advice_about_commands_is_near_or_general_but_never_far_fetched(void **state)
{
    (void)state;
    assert_advice("vualt", NULL, "Did you mean 'keepgres vault'?");
    assert_advice("nope", NULL, "Run 'keepgres --help'");
    assert_advice("x", NULL, "Run 'keepgres --help'");
    assert_advice("backup-vault", "nonsense", "Run 'keepgres backup-vault --help'");
    assert_advice("-o", "table", "Write the command first");
    assert_advice("--query", NULL, "Write the command first");
}

static void test_edit_distance_counts_edits(void **state)
{
    (void)state;
    assert_int_equal(kg_text_distance("", ""), 0);
    assert_int_equal(kg_text_distance("abc", "ABD"), 1);
    assert_int_equal(kg_text_distance("abc", ""), 3);
    assert_int_equal(kg_text_distance("kitten", "sitting"), 3);
    assert_int_equal(kg_text_distance("a", "aaaaaaaaaaaaaaaaaaaaaaaa"), 8);
}

/* ---- the table itself ---- */

static bool group_exists(const char *command)
{
    const struct kg_group *g;
    const char *last = strrchr(command, ' ');

    for (size_t i = 0; last && (g = kg_group_at(i)); i++)
        if (strlen(g->name) == (size_t)(last - command) && strncmp(g->name, command, (size_t)(last - command)) == 0)
            return true;
    return !last;
}

static void check_rows(const struct kg_cmd *c, const struct kg_opt *list, size_t size)
{
    for (const struct kg_opt *o = list; o && o->name; o++) {
        size_t n = strlen(o->help);

        if (n == 0 || o->help[n - 1] == '.')
            fail_msg("%s --%s: the help is empty or ends in a full stop", c->name, o->name);
        if (o->offset >= size)
            fail_msg("%s --%s: outside of the options struct", c->name, o->name);
        if ((o->type == KG_OPT_FLAG) != (o->arg == NULL))
            fail_msg("%s --%s: a flag takes no value, everything else names one", c->name, o->name);
        if (o->type == KG_OPT_CHOICE && !o->choices)
            fail_msg("%s --%s: no choices", c->name, o->name);
        for (const struct kg_opt *p = list; p != o; p++)
            if (kg_opt_has_name(p, o->name) || (p->letter && p->letter == o->letter && !o->hidden))
                fail_msg("%s: --%s (-%c) stands twice", c->name, o->name, o->letter ? o->letter : '-');
        for (const struct kg_opt *g = kg_global_opts; list != kg_global_opts && g->name; g++)
            if (kg_opt_has_name(o, g->name) || (g->letter && g->letter == o->letter))
                fail_msg("%s: --%s is an option of every command", c->name, o->name);
    }
}

static const struct kg_opt *find_row(const struct kg_cmd *c, const char *name)
{
    for (const struct kg_opt *o = c->opts; o && o->name; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

static void test_every_command_is_complete(void **state)
{
    const struct kg_cmd *c;

    (void)state;
    for (size_t i = 0; (c = kg_cmd_at(i)); i++) {
        if (!c->run || !c->summary || !*c->summary || c->summary[strlen(c->summary) - 1] == '.')
            fail_msg("%s: no function, or no summary as the house writes them", c->name);
        if (!(c->flags & KG_CMD_HIDDEN) && (!c->examples || !c->examples[0] || !group_exists(c->name)))
            fail_msg("%s: no example, or in no group", c->name);
        if (c->opts && c->opts_size < sizeof(struct kg_at))
            fail_msg("%s: the options struct does not begin with a struct kg_at", c->name);
        if ((c->flags & KG_CMD_CONFIRM) && (!c->question || !find_row(c, "yes")))
            fail_msg("%s: asks, but has no question or no --yes", c->name);
        if (c->ids_of && !find_row(c, "ids"))
            fail_msg("%s: ids without --ids", c->name);
        if (c->positional && !find_row(c, c->positional))
            fail_msg("%s: a bare word would be --%s, which there is not", c->name, c->positional);
        check_rows(c, c->opts, c->opts_size);
    }
}

/* Splits an example as a shell would, quotes only. */
static int split(char *line, const char **argv, int max)
{
    int n = 0;
    char *to = line;

    while (*line && n < max) {
        char quote = '\0';

        argv[n++] = to;
        for (; *line && (quote || *line != ' '); line++) {
            if (quote ? *line == quote : *line == '"' || *line == '\'')
                quote = quote ? '\0' : *line;
            else
                *to++ = *line;
        }
        line += *line == ' ';
        *to++ = '\0';
    }
    return n;
}

static bool reads_a_file(const char *word) { return strstr(word, ".json") != NULL; }

static void test_every_example_can_be_typed(void **state)
{
    const struct kg_cmd *c;

    (void)state;
    for (size_t i = 0; (c = kg_cmd_at(i)); i++)
        for (const char *const *e = c->examples; e && *e; e++) {
            KG_AUTO_FREE char *line = kg_xstrdup(*e);
            KG_AUTO_FREE void *target = kg_xalloc(c->opts_size + sizeof(struct kg_at));
            const char *argv[40];
            struct kg_globals g = { 0 };
            struct kg_opt_set sets[] = { { c->opts, target }, { kg_global_opts, &g } };
            struct kg_err err = { 0 };
            int n = split(line, argv, 40), words;

            for (int a = 0; a < n; a++)
                if (argv[a][0] == '>') /* the shell's */
                    n = a;
                else if (reads_a_file(argv[a]))
                    argv[a] = "{}";
            if (kg_cmd_find(n, argv, &words) != c)
                fail_msg("'%s' is not an example of '%s'", *e, c->name);
            if (kg_opts_parse(sets, 2, c->positional, n - words, argv + words, &err) < 0 ||
                kg_opts_check(c, target, false, &err) < 0)
                fail_msg("'%s': %s", *e, err.msg);
            kg_opts_free(c->opts, target);
        }
}

static void test_help_and_documents_name_every_command_and_option(void **state)
{
    KG_AUTO_BUF struct kg_buf docs = KG_BUF_INIT(4 << 20);
    const struct kg_cmd *c;

    (void)state;
    kg_docs_cli(&docs);
    for (size_t i = 0; (c = kg_cmd_at(i)); i++) {
        KG_AUTO_BUF struct kg_buf help = KG_BUF_INIT(1 << 20);
        KG_AUTO_FREE char *heading = kg_xprintf("### keepgres %s\n", c->name);

        if (c->flags & KG_CMD_HIDDEN)
            continue;
        kg_help_cmd(c, &help);
        if (!strstr(docs.p, heading))
            fail_msg("docs/cli.md has no '%s'", c->name);
        for (const struct kg_opt *o = c->opts; o && o->name; o++) {
            KG_AUTO_FREE char *name = kg_xprintf("--%s", o->name);

            if (!o->hidden && !strstr(help.p, name))
                fail_msg("help of '%s' has no %s", c->name, name);
        }
    }
}

static void test_the_page_of_errors_has_every_code(void **state)
{
    KG_AUTO_BUF struct kg_buf docs = KG_BUF_INIT(1 << 20);

    (void)state;
    kg_docs_errors(&docs);
    for (unsigned i = 1; kg_code_at(i) != KG_E_OK; i++)
        assert_non_null(strstr(docs.p, kg_code_arm(kg_code_at(i))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_follow_stand_behind_an_equal_sign_or_stick_to_a_letter),
        cmocka_unit_test(test_a_bare_word_is_the_name_and_a_second_one_is_refused),
        cmocka_unit_test(test_a_flag_takes_a_literal_of_az_and_nothing_else),
        cmocka_unit_test(test_a_list_gathers_words_until_the_next_option_and_over_several_uses),
        cmocka_unit_test(test_each_use_of_settings_is_an_object_in_words_or_shorthand),
        cmocka_unit_test(test_a_choice_ignores_case_and_names_the_others_when_wrong),
        cmocka_unit_test(test_bad_lines_are_refused_naming_the_option),
        cmocka_unit_test(test_a_beginning_is_not_accepted_but_leads_to_the_whole_name),
        cmocka_unit_test(test_required_options_and_ids_exclude_or_replace_each_other),
        cmocka_unit_test(test_the_longest_command_wins_and_typing_mistakes_are_understood),
        cmocka_unit_test(test_advice_about_commands_is_near_or_general_but_never_far_fetched),
        cmocka_unit_test(test_edit_distance_counts_edits),
        cmocka_unit_test(test_every_command_is_complete),
        cmocka_unit_test(test_every_example_can_be_typed),
        cmocka_unit_test(test_help_and_documents_name_every_command_and_option),
        cmocka_unit_test(test_the_page_of_errors_has_every_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
