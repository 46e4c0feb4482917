#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "cli/defaults.h"
#include "cli/help.h"

static void assert_wrapped(const char *text, size_t column, const char *expected)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4000);

    kg_help_wrap(&b, text, column);
    assert_string_equal(b.p, expected);
}

static void test_text_is_wrapped_at_blanks_and_80_columns(void **state)
{
    (void)state;
    assert_wrapped("a b", 4, "a b\n");
    assert_wrapped("", 4, "\n");
    /* exactly 80 columns fit, 81 do not; letters are counted, not bytes */
    assert_wrapped("1234567890 1234567890 12345678", 50, "1234567890 1234567890 12345678\n");
    assert_wrapped("1234567890 1234567890 123456789", 50,
                   "1234567890 1234567890\n                                                  123456789\n");
    assert_wrapped("1234567890 1234567890 \xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9", 50,
                   "1234567890 1234567890 \xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\n");
    assert_wrapped("a-word-that-is-wider-than-what-is-left-of-the-line b", 60,
                   "a-word-that-is-wider-than-what-is-left-of-the-line\n"
                   "                                                            b\n");
}

static void test_a_long_example_goes_on_behind_a_backslash_and_never_inside_quotes(void **state)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4000);

    (void)state;
    kg_help_example(&b, "server list -o table", 4);
    kg_help_example(&b, "job list --query \"[?properties.status == 'x' && a --b -c].{Job:name}\" --vault-name vault1 -o table", 4);
    assert_string_equal(b.p, "    keepgres server list -o table\n"
                             "    keepgres job list \\\n"
                             "        --query \"[?properties.status == 'x' && a --b -c].{Job:name}\" \\\n"
                             "        --vault-name vault1 -o table\n");
}

/* What people see must fit their terminal; examples may be wider where a value is. */
static void test_every_help_page_fits_80_columns(void **state)
{
    const struct kg_cmd *c;
    const struct kg_topic *t;
    const struct kg_group *g;

    (void)state;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(8 << 20);

    kg_help_top(&b);
    for (size_t i = 0; (g = kg_group_at(i)); i++)
        kg_help_group(g, &b);
    for (size_t i = 0; (t = kg_topic_at(i)); i++)
        kg_help_topic(t, &b);
    for (size_t i = 0; (c = kg_cmd_at(i)); i++)
        kg_help_cmd(c, &b);
    for (char *s = b.p; *s;) {
        size_t n = strcspn(s, "\n"), width = 0;
        bool example = strncmp(s, "    keepgres ", 13) == 0 || strncmp(s, "        -", 9) == 0 || strncmp(s, "       -", 8) == 0;

        for (size_t i = 0; i < n; i++)
            width += ((unsigned char)s[i] & 0xC0) != 0x80;
        if (width > KG_HELP_WIDTH && !example)
            fail_msg("%zu columns: %.*s", width, (int)n, s);
        s += n + (s[n] == '\n');
    }
}

static void test_every_command_says_what_it_does_and_shows_how(void **state)
{
    const struct kg_cmd *c;

    (void)state;
    for (size_t i = 0; (c = kg_cmd_at(i)); i++) {
        if (c->flags & KG_CMD_HIDDEN)
            continue;
        if (!c->examples || !c->examples[0])
            fail_msg("'%s' has no example", c->name);
        for (const char *const *e = c->examples; *e; e++)
            if (strncmp(*e, c->name, strlen(c->name)) != 0)
                fail_msg("'%s' shows an example of another command: %s", c->name, *e);
        if (!c->summary || c->summary[strlen(c->summary) - 1] == '.')
            fail_msg("'%s' has no summary, or one that ends in a full stop", c->name);
        for (const struct kg_opt *o = c->opts; o && o->name; o++)
            if (!o->help || !*o->help || o->help[strlen(o->help) - 1] == '.' || (o->type != KG_OPT_FLAG && !o->arg))
                fail_msg("'%s --%s' has no help, no name for its value, or a full stop", c->name, o->name);
    }
}

/* Two options of one command (or one of a command and one of every command) with one name would hide each other. */
static void test_no_two_options_of_a_command_have_the_same_name(void **state)
{
    const struct kg_cmd *c;

    (void)state;
    for (size_t i = 0; (c = kg_cmd_at(i)); i++)
        for (const struct kg_opt *o = c->opts; o && o->name; o++) {
            for (const struct kg_opt *p = o + 1; p->name; p++)
                if (kg_opt_has_name(o, p->name) || kg_opt_has_name(p, o->name) || (o->letter && o->letter == p->letter))
                    fail_msg("'%s' has --%s and --%s", c->name, o->name, p->name);
            for (const struct kg_opt *g = kg_global_opts; g->name; g++)
                if (kg_opt_has_name(o, g->name) || (o->letter && o->letter == g->letter))
                    fail_msg("'%s --%s' hides --%s", c->name, o->name, g->name);
        }
}

static void test_every_group_has_a_manual_page_and_nothing_else_does(void **state)
{
    char *name;
    size_t n = 0;

    (void)state;
    for (; kg_man_name(n, &name); n++) {
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4 << 20);

        assert_true(kg_man_page(name, &b));
        assert_non_null(strstr(b.p, ".SH NAME\n"));
        free(name);
    }
    assert_true(n >= 13);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4 << 20);
    assert_false(kg_man_page("keepgres-none", &b));
    assert_false(kg_man_page("keepgres-keyvault secret", &b));
    assert_false(kg_man_page("other", &b));
    assert_int_equal(b.len, 0);
}

/* A line that began with a dot would be a request, a bare dash no dash of an option, a backslash anything. */
static void test_manual_pages_have_no_troff_by_accident(void **state)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4 << 20);

    (void)state;
    assert_true(kg_man_page("keepgres", &b));
    for (const char *s = b.p; *s; s += strcspn(s, "\n"), s += *s == '\n')
        if (*s == '.' && !strchr("\\TSPBIRnaE", s[1]))
            fail_msg("a request by accident: %.60s", s);
    assert_non_null(strstr(b.p, "\\-\\-query"));
    assert_null(strstr(b.p, "…"));
}

static void test_a_form_in_the_environment_must_be_one(void **state)
{
    const char *form = "x";
    struct kg_err err = { 0 };

    (void)state;
    assert_non_null(kg_env_at(0));
    unsetenv(KG_ENV_OUTPUT);
    assert_int_equal(kg_env_choice(KG_ENV_OUTPUT, &kg_global_opts[0], &form, &err), 0);
    assert_null(form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_wrapped_at_blanks_and_80_columns),
        cmocka_unit_test(test_a_long_example_goes_on_behind_a_backslash_and_never_inside_quotes),
        cmocka_unit_test(test_every_help_page_fits_80_columns),
        cmocka_unit_test(test_every_command_says_what_it_does_and_shows_how),
        cmocka_unit_test(test_no_two_options_of_a_command_have_the_same_name),
        cmocka_unit_test(test_every_group_has_a_manual_page_and_nothing_else_does),
        cmocka_unit_test(test_manual_pages_have_no_troff_by_accident),
        cmocka_unit_test(test_a_form_in_the_environment_must_be_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
