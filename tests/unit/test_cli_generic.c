/* Generic update arguments, and what lines written for other shells make of options and files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/generic.h"
#include "sys/fd.h"

static struct kg_json *parsed(const char *text)
{
    struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    if (kg_json_parse(text, strlen(text), &j, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return j;
}

/* Applies g to from; its text, or the error's message. */
static char *applied(const struct kg_generic *g, const char *from)
{
    KG_AUTO_JSON struct kg_json *j = parsed(from);
    struct kg_buf b = KG_BUF_INIT(65536);
    struct kg_err err = { 0 };

    if (kg_generic_apply(g, j, &err) < 0)
        return kg_xstrdup(err.msg);
    kg_json_print(j, false, &b);
    return kg_buf_take(&b);
}

static const char doc[] = "{\"a\":{\"b\":1,\"list\":[{\"k\":\"x\"},\"y\"]},\"n\":null}";

static void test_properties_are_set_by_their_path(void **state)
{
    static const struct { const char *word, *result; } cases[] = {
        { "a.b=2", "{\"a\":{\"b\":2,\"list\":[{\"k\":\"x\"},\"y\"]},\"n\":null}" },
        { "a.b=two words", "{\"a\":{\"b\":\"two words\",\"list\":[{\"k\":\"x\"},\"y\"]},\"n\":null}" },
        { "c.d={\"e\":[1]}", "{\"a\":{\"b\":1,\"list\":[{\"k\":\"x\"},\"y\"]},\"n\":null,\"c\":{\"d\":{\"e\":[1]}}}" },
        { "n.m=x=y", "{\"a\":{\"b\":1,\"list\":[{\"k\":\"x\"},\"y\"]},\"n\":{\"m\":\"x=y\"}}" },
        { "a.b", "--set takes PATH=VALUE, not 'a.b'" },
        { "a.list[0].k=z", "{\"a\":{\"b\":1,\"list\":[{\"k\":\"z\"},\"y\"]},\"n\":null}" },
        { "a.list.0.m.o=1", "{\"a\":{\"b\":1,\"list\":[{\"k\":\"x\",\"m\":{\"o\":1}},\"y\"]},\"n\":null}" },
        { "a.list[0]=z", "--set: 'a.list' is no object" },
        { "a.list[2].k=z", "--set: 'a.list' is no object" },
        { "a.list[1].k=z", "--set: 'a.list.1' is no object" },
        { "a.b.c=1", "--set: 'a.b' is no object" },
        { "=1", "--set: '' is not the path of a property" },
        { "a..b=1", "--set: 'a..b' is not the path of a property" },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        const char *words[] = { cases[i].word };
        struct kg_generic g = { .set = { words, 1 } };
        KG_AUTO_FREE char *got = applied(&g, doc);

        if (i == 3) { /* a member that was empty becomes an object, and stands last */
            assert_non_null(strstr(got, "\"n\":{\"m\":\"x=y\"}"));
            continue;
        }
        assert_string_equal(got, cases[i].result);
    }
}

static void test_text_stays_text_when_that_is_asked(void **state)
{
    const char *words[] = { "a=1" };
    struct kg_generic g = { .set = { words, 1 }, .force_string = true };
    KG_AUTO_FREE char *got = applied(&g, "{}");

    (void)state;
    assert_string_equal(got, "{\"a\":\"1\"}");
}

static void test_lists_grow_and_shrink(void **state)
{
    static const char *const add[] = { "a.list", "k=v", "l=w", "\"text\"", "{\"m\":1}" }, *const nowhere[] = { "a.b", "x" },
                      *const only[] = { "a.list" }, *const remove[] = { "a.list", "0", "a.b" }, *const absent[] = { "a.list", "7" };
    struct kg_generic grow = { .add = { (const char **)(uintptr_t)add, 5 } };
    struct kg_generic shrink = { .remove = { (const char **)(uintptr_t)remove, 3 } };
    struct kg_generic bad[] = { { .add = { (const char **)(uintptr_t)nowhere, 2 } }, { .add = { (const char **)(uintptr_t)only, 1 } },
                                { .remove = { (const char **)(uintptr_t)absent, 2 } } };
    KG_AUTO_FREE char *grown = applied(&grow, doc), *shrunk = applied(&shrink, doc), *b0 = applied(&bad[0], doc),
                      *b1 = applied(&bad[1], doc), *b2 = applied(&bad[2], doc);

    (void)state;
    assert_string_equal(grown, "{\"a\":{\"b\":1,\"list\":[{\"k\":\"x\"},\"y\",{\"k\":\"v\",\"l\":\"w\"},\"text\",{\"m\":1}]},"
                               "\"n\":null}");
    assert_string_equal(shrunk, "{\"a\":{\"list\":[\"y\"]},\"n\":null}");
    assert_string_equal(b0, "--add: 'a.b' is no list");
    assert_string_equal(b1, "--add takes the path of a list and at least one value");
    assert_string_equal(b2, "--remove: there is no 'a.list.7'");
}

/* ---- lines written for others ---- */

struct opts {
    struct kg_at at;
    const char *source;
    struct kg_words subscriptions;
};
static const struct kg_opt rows[] = {
    KG_OPT(struct opts, STRING, "vault-name", at.vault, "VAULT", "vault", .letter = 'v'),
    KG_OPT(struct opts, STRING, "source-datastore", source, "STORE", "store"),
    KG_OPT(struct opts, LIST, "subscriptions", subscriptions, "ID", "ids", .letter = 's'),
    { 0 },
};

static int parse(const char *const *argv, int argc, struct opts *o, struct kg_err *err)
{
    struct kg_opt_set set = { rows, o };

    return kg_opts_parse(&set, 1, NULL, argc, argv, err);
}

static void test_one_dash_is_enough_for_a_long_option(void **state)
{
    static const char *const argv[] = { "-source-datastore", "VaultStore", "-subscriptions", "a", "b", "-vault-name=v1" };
    static const char *const letters[] = { "-vv1" };
    struct opts o = { 0 }, p = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(parse(argv, 6, &o, &err), 0);
    assert_string_equal(o.source, "VaultStore");
    assert_int_equal(o.subscriptions.n, 2);
    assert_string_equal(o.at.vault, "v1");
    kg_opts_free(rows, &o);
    assert_int_equal(parse(letters, 1, &p, &err), 0); /* a letter with its value still is one */
    assert_string_equal(p.at.vault, "v1");
}

static void test_a_value_written_twice_says_nothing_new(void **state)
{
    static const char *const twice[] = { "--vault-name", "TestBkpVault", "TestBkpvault" }, *const other[] = { "-v", "a", "b" };
    struct opts o = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(parse(twice, 3, &o, &err), 0);
    assert_string_equal(o.at.vault, "TestBkpVault");
    assert_true(parse(other, 3, &o, &err) < 0);
    assert_non_null(strstr(err.msg, "no place for 'b'"));
}

static void test_a_file_may_be_named_as_another_shell_writes_it(void **state)
{
    static const char *const names[] = { "a.json", "./a.json", ".\\a.json", "sub\\b.json", ".a.json", "@.\\a.json" };
    char dir[] = "/tmp/kg-cli-generic-XXXXXX", here[4096];
    struct kg_err err = { 0 };

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(kg_make_dirs("sub", 0700, &err), 0);
    assert_int_equal(kg_write_file("a.json", "{\"k\":1}", 7, 0600, &err), 0);
    assert_int_equal(kg_write_file("sub/b.json", "{\"k\":1}", 7, 0600, &err), 0);
    for (size_t i = 0; i < KG_ARRAY_LEN(names); i++) {
        KG_AUTO_JSON struct kg_json *j = NULL;

        if (kg_value_json(names[i], &j, &err) < 0)
            fail_msg("'%s': %s", names[i], err.msg);
        assert_int_equal(kg_json_u64(j, "k", 0), 1);
    }
    struct kg_json *none = NULL;
    assert_true(kg_value_json(".\\c.json", &none, &err) < 0);
    assert_int_equal(err.code, KG_E_NOT_FOUND);
    assert_non_null(strstr(err.msg, ".\\c.json")); /* as it was written */
    assert_int_equal(unlink("a.json") + unlink("sub/b.json") + rmdir("sub"), 0);
    assert_int_equal(chdir(here), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_properties_are_set_by_their_path),
        cmocka_unit_test(test_text_stays_text_when_that_is_asked),
        cmocka_unit_test(test_lists_grow_and_shrink),
        cmocka_unit_test(test_one_dash_is_enough_for_a_long_option),
        cmocka_unit_test(test_a_value_written_twice_says_nothing_new),
        cmocka_unit_test(test_a_file_may_be_named_as_another_shell_writes_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
