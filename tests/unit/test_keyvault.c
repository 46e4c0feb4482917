#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "keyvault/keyvault.h"

#define KV "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv1"

/* A backing in memory; newest last. */
struct shelf {
    struct kg_keyvault_item items[16];
    size_t count;
    struct kg_err err;
    struct kg_secret *key;
    struct kg_keyvault *kv;
};

static struct kg_keyvault_item copy(const struct kg_keyvault_item *i, bool sealed)
{
    struct kg_keyvault_item c = *i;

    c.vault = kg_xstrdup(i->vault);
    c.name = kg_xstrdup(i->name);
    c.version = kg_xstrdup(i->version);
    c.content_type = kg_xstrdup(i->content_type);
    c.sealed = NULL;
    c.sealed_len = 0;
    if (sealed) {
        c.sealed = kg_xalloc(i->sealed_len ? i->sealed_len : 1);
        memcpy(c.sealed, i->sealed, i->sealed_len);
        c.sealed_len = i->sealed_len;
    }
    return c;
}

static int save(void *arg, const struct kg_keyvault_item *item, struct kg_err *err)
{
    struct shelf *s = arg;

    (void)err;
    assert_true(s->count < KG_ARRAY_LEN(s->items));
    s->items[s->count++] = copy(item, true);
    return 0;
}

static int load(void *arg, const char *vault, const char *name, const char *version, struct kg_keyvault_item *ret,
                struct kg_err *err)
{
    struct shelf *s = arg;

    for (size_t i = s->count; i-- > 0;) {
        const struct kg_keyvault_item *it = &s->items[i];

        char why[80];

        if (strcasecmp(it->vault, vault) == 0 && strcasecmp(it->name, name) == 0 &&
            (version ? strcmp(it->version, version) == 0 : !kg_keyvault_unusable(it, kg_now_wall(), why))) {
            *ret = copy(it, true);
            return 0;
        }
    }
    return kg_err_set(err, KG_E_NO_SECRET, "no secret '%s'", name);
}

static int update(void *arg, const struct kg_keyvault_item *item, struct kg_err *err)
{
    struct shelf *s = arg;

    for (size_t i = 0; i < s->count; i++) {
        struct kg_keyvault_item *it = &s->items[i];

        if (strcasecmp(it->name, item->name) == 0 && strcmp(it->version, item->version) == 0) {
            it->enabled = item->enabled;
            it->not_before = item->not_before;
            it->expires = item->expires;
            it->updated = item->updated;
            free(it->content_type);
            it->content_type = kg_xstrdup(item->content_type);
            return 0;
        }
    }
    return kg_err_set(err, KG_E_NO_SECRET, "no secret '%s'", item->name);
}

/* Newest first, as the catalog's versions; names are not told apart from versions here. */
static int list(void *arg, const char *vault, const char *name, const char *after, unsigned top,
                struct kg_keyvault_list *ret, struct kg_err *err)
{
    struct shelf *s = arg;

    (void)vault; (void)after; (void)err;
    ret->items = kg_xalloc_array(s->count + 1, sizeof *ret->items);
    for (size_t i = s->count; i-- > 0 && ret->count < top;)
        if (!name || strcasecmp(s->items[i].name, name) == 0)
            ret->items[ret->count++] = copy(&s->items[i], false);
    return 0;
}

static int remove_all(void *arg, const char *vault, const char *name, struct kg_err *err)
{
    struct shelf *s = arg;

    (void)vault; (void)name; (void)err;
    while (s->count)
        kg_keyvault_item_done(&s->items[--s->count]);
    return 0;
}

static int setup(void **state)
{
    static struct shelf shelf;
    struct shelf *s = &shelf;

    *s = (struct shelf){ .key = kg_secret_random(32) };
    s->kv = kg_keyvault_open_local(s->key, &(struct kg_keyvault_backing){ s, save, load, update, list, remove_all });
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct shelf *s = *state;

    (void)remove_all(s, NULL, NULL, NULL);
    kg_keyvault_close(s->kv);
    kg_secret_free(s->key);
    return 0;
}

static char *set(struct shelf *s, const char *name, const char *value, bool enabled)
{
    KG_AUTO_SECRET struct kg_secret *v = kg_secret_new_copy(value, strlen(value));
    struct kg_keyvault_item item = { 0 };
    char *version;

    if (kg_keyvault_set(s->kv, KV, name, v, &(struct kg_keyvault_attrs){ .content_type = "text/plain", .enabled = &enabled }, &item,
                        &s->err) < 0)
        fail_msg("%s", s->err.msg);
    assert_null(item.sealed);
    version = kg_xstrdup(item.version);
    kg_keyvault_item_done(&item);
    return version;
}

static void expect(struct shelf *s, const char *name, const char *version, const char *value)
{
    KG_AUTO_SECRET struct kg_secret *v = NULL;

    s->err = (struct kg_err){ 0 };
    if (kg_keyvault_get(s->kv, KV, name, version, &v, &s->err) < 0)
        fail_msg("%s", s->err.msg);
    assert_int_equal(kg_secret_size(v), strlen(value));
    assert_memory_equal(kg_secret_open(v), value, strlen(value));
    kg_secret_shut(v);
}

static int get_code(struct shelf *s, const char *name, const char *version)
{
    struct kg_secret *v = NULL;
    int r;

    s->err = (struct kg_err){ 0 };
    r = kg_keyvault_get(s->kv, KV, name, version, &v, &s->err);
    assert_true(r < 0 && !v && *s->err.action);
    return -r;
}

static void test_a_secret_comes_back_in_its_newest_enabled_version(void **state)
{
    struct shelf *s = *state;
    KG_AUTO_FREE char *v1 = set(s, "pg", "first", true), *v2 = set(s, "pg", "second", true),
                      *v3 = set(s, "pg", "third", false);

    assert_int_equal(strlen(v1), KG_KEYVAULT_VERSION_CHARS);
    expect(s, "pg", NULL, "second");
    expect(s, "PG", "", "second");
    expect(s, "pg", v1, "first");
    expect(s, "pg", v2, "second");
    assert_int_equal(get_code(s, "pg", v3), KG_E_NO_SECRET);
    assert_int_equal(get_code(s, "other", NULL), KG_E_NO_SECRET);
}

static void change(struct shelf *s, const char *version, const struct kg_keyvault_attrs *a)
{
    if (kg_keyvault_update(s->kv, KV, "pg", version, a, NULL, &s->err) < 0)
        fail_msg("%s", s->err.msg);
}

static void test_a_version_is_read_only_while_it_is_enabled_and_within_its_dates(void **state)
{
    const kg_usec now = kg_now_wall(), past = now - KG_SECOND, future = now + 3600 * KG_SECOND, never = 0;
    const bool on = true, off = false;
    struct shelf *s = *state;
    KG_AUTO_FREE char *v1 = set(s, "pg", "first", true), *v2 = set(s, "pg", "second", true);
    struct kg_keyvault_item shown = { 0 };

    change(s, NULL, &(struct kg_keyvault_attrs){ .expires = &past });       /* the newest */
    expect(s, "pg", NULL, "first");
    assert_int_equal(get_code(s, "pg", v2), KG_E_NO_SECRET);
    assert_non_null(strstr(s->err.msg, "expired at"));
    change(s, v2, &(struct kg_keyvault_attrs){ .expires = &never, .not_before = &future });
    expect(s, "pg", NULL, "first");
    assert_int_equal(get_code(s, "pg", v2), KG_E_NO_SECRET);
    assert_non_null(strstr(s->err.msg, "not valid before"));
    change(s, v2, &(struct kg_keyvault_attrs){ .not_before = &past, .expires = &future, .content_type = "" });
    expect(s, "pg", NULL, "second");
    change(s, v1, &(struct kg_keyvault_attrs){ .enabled = &off });
    change(s, v2, &(struct kg_keyvault_attrs){ .enabled = &off });
    assert_int_equal(get_code(s, "pg", NULL), KG_E_NO_SECRET);
    assert_non_null(strstr(s->err.msg, "the newest is disabled"));
    assert_int_equal(kg_keyvault_show(s->kv, KV, "pg", NULL, &shown, &s->err), 0); /* shown all the same */
    assert_string_equal(shown.version, v2);
    assert_true(!shown.enabled && shown.expires == future && shown.not_before == past && !shown.content_type);
    kg_keyvault_item_done(&shown);
    change(s, v1, &(struct kg_keyvault_attrs){ .enabled = &on });
    expect(s, "pg", NULL, "first");
}

static void test_a_version_cannot_expire_before_it_is_valid(void **state)
{
    const kg_usec early = 1000 * KG_SECOND, late = 2000 * KG_SECOND;
    struct shelf *s = *state;
    KG_AUTO_FREE char *v = set(s, "pg", "first", true);
    KG_AUTO_SECRET struct kg_secret *value = kg_secret_new_copy("x", 1);
    struct kg_keyvault_attrs a = { .not_before = &late, .expires = &early };

    assert_int_equal(kg_keyvault_set(s->kv, KV, "pg", value, &a, NULL, &s->err), -KG_E_USAGE);
    s->err = (struct kg_err){ 0 };
    assert_int_equal(kg_keyvault_update(s->kv, KV, "pg", v, &a, NULL, &s->err), -KG_E_USAGE);
    assert_int_equal(s->count, 1);
    assert_int_equal(s->items[0].expires, 0);
}

static void test_what_is_kept_does_not_contain_the_value(void **state)
{
    struct shelf *s = *state;
    KG_AUTO_FREE char *v = set(s, "pg", "canary-canary-canary", true);
    struct kg_keyvault_item shown = { 0 };

    assert_null(memmem(s->items[0].sealed, s->items[0].sealed_len, "canary", 6));
    assert_int_equal(kg_keyvault_show(s->kv, KV, "pg", v, &shown, &s->err), 0);
    assert_null(shown.sealed);
    assert_string_equal(shown.content_type, "text/plain");
    kg_keyvault_item_done(&shown);
}

static void test_sealed_bytes_open_only_where_they_belong(void **state)
{
    struct shelf *s = *state;
    KG_AUTO_FREE char *v1 = set(s, "a", "one", true), *v2 = set(s, "a", "two", true), *v3 = set(s, "b", "three", true);
    struct kg_keyvault_item *i = s->items;

    /* the same version number on another secret, another version of the same secret, another vault */
    memcpy(i[2].version, i[0].version, KG_KEYVAULT_VERSION_CHARS);
    for (size_t k = 1; k < 3; k++) {
        free(i[k].sealed);
        i[k].sealed = kg_xalloc(i[0].sealed_len);
        memcpy(i[k].sealed, i[0].sealed, i[0].sealed_len);
        i[k].sealed_len = i[0].sealed_len;
    }
    expect(s, "a", v1, "one");
    assert_int_equal(get_code(s, "a", v2), KG_E_CORRUPT);
    assert_int_equal(get_code(s, "b", i[2].version), KG_E_CORRUPT);
    free(i[0].vault);
    i[0].vault = kg_xstrdup(KV);
    i[0].vault[strlen(KV) - 1] = 'x';
    s->err = (struct kg_err){ 0 };
    {
        struct kg_secret *v = NULL;

        assert_int_equal(kg_keyvault_get(s->kv, i[0].vault, "a", i[0].version, &v, &s->err), -KG_E_CORRUPT);
    }
    assert_string_not_equal(v2, v3);
}

static void test_every_flipped_bit_and_every_cut_is_noticed(void **state)
{
    struct shelf *s = *state;
    KG_AUTO_FREE char *v = set(s, "pg", "x", true);
    struct kg_keyvault_item *i = s->items;
    size_t n = i->sealed_len;

    for (size_t k = 0; k < n; k++) {
        i->sealed[k] ^= 1;
        assert_int_equal(get_code(s, "pg", v), KG_E_CORRUPT);
        i->sealed[k] ^= 1;
    }
    for (i->sealed_len = 0; i->sealed_len < n; i->sealed_len++)
        assert_int_equal(get_code(s, "pg", v), KG_E_CORRUPT);
    expect(s, "pg", v, "x");
}

static void test_another_service_key_opens_nothing_and_says_so(void **state)
{
    struct shelf *s = *state;
    KG_AUTO_FREE char *v = set(s, "pg", "x", true);
    KG_AUTO_SECRET struct kg_secret *key = kg_secret_random(32);

    kg_keyvault_close(s->kv);
    s->kv = kg_keyvault_open_local(key, &(struct kg_keyvault_backing){ s, save, load, update, list, remove_all });
    assert_int_equal(get_code(s, "pg", v), KG_E_CORRUPT);
    assert_non_null(strstr(s->err.action, "service.key"));
}

static void test_values_have_a_size(void **state)
{
    struct shelf *s = *state;
    KG_AUTO_SECRET struct kg_secret *most = kg_secret_random(KG_KEYVAULT_VALUE_MAX),
                                    *more = kg_secret_random(KG_KEYVAULT_VALUE_MAX + 1), *none = kg_secret_new(0);

    assert_int_equal(kg_keyvault_set(s->kv, KV, "pg", most, &(struct kg_keyvault_attrs){ 0 }, NULL, &s->err), 0);
    assert_int_equal(kg_keyvault_set(s->kv, KV, "pg", more, &(struct kg_keyvault_attrs){ 0 }, NULL, &s->err), -KG_E_LIMIT);
    s->err = (struct kg_err){ 0 };
    assert_int_equal(kg_keyvault_set(s->kv, KV, "pg", none, &(struct kg_keyvault_attrs){ 0 }, NULL, &s->err), -KG_E_LIMIT);
    assert_int_equal(s->count, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_secret_comes_back_in_its_newest_enabled_version),
        T(test_a_version_is_read_only_while_it_is_enabled_and_within_its_dates),
        T(test_a_version_cannot_expire_before_it_is_valid),
        T(test_what_is_kept_does_not_contain_the_value),
        T(test_sealed_bytes_open_only_where_they_belong),
        T(test_every_flipped_bit_and_every_cut_is_noticed),
        T(test_another_service_key_opens_nothing_and_says_so),
        T(test_values_have_a_size),
    };

    kg_crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
