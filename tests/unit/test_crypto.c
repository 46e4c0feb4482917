#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "crypto/crypto.h"

static struct kg_secret *key_of(uint8_t byte)
{
    uint8_t k[KG_KEY_BYTES];

    memset(k, byte, sizeof k);
    return kg_secret_new_copy(k, sizeof k);
}

static void test_sealed_bytes_open_only_unchanged_with_the_same_key_and_meaning(void **state)
{
    KG_AUTO_SECRET struct kg_secret *key = key_of(1), *other = key_of(2);
    uint8_t plain[100], sealed[100 + KG_SEAL_EXTRA], again[100];
    struct kg_err err;

    (void)state;
    kg_random(plain, sizeof plain);
    kg_seal(key, "what", 4, plain, sizeof plain, sealed);
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_unseal(key, "what", 4, sealed, sizeof sealed, again, &err), 0);
    assert_memory_equal(plain, again, sizeof plain);
    for (size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 1;
        err = (struct kg_err){ 0 };
        if (kg_unseal(key, "what", 4, sealed, sizeof sealed, again, &err) != -KG_E_CORRUPT)
            fail_msg("byte %zu may change", i);
        sealed[i] ^= 1;
    }
    for (size_t n = 0; n < sizeof sealed; n++) {
        err = (struct kg_err){ 0 };
        assert_int_equal(kg_unseal(key, "what", 4, sealed, n, again, &err), -KG_E_CORRUPT);
    }
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_unseal(key, "that", 4, sealed, sizeof sealed, again, &err), -KG_E_CORRUPT);
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_unseal(other, "what", 4, sealed, sizeof sealed, again, &err), -KG_E_CORRUPT);
}

static void test_sealing_and_opening_work_in_place(void **state)
{
    KG_AUTO_SECRET struct kg_secret *key = key_of(1);
    uint8_t bytes[KG_SEAL_EXTRA + 5];
    struct kg_err err = { 0 };

    (void)state;
    memcpy(bytes + KG_NONCE_BYTES, "hello", 5);
    kg_seal(key, NULL, 0, bytes + KG_NONCE_BYTES, 5, bytes);
    assert_int_equal(kg_unseal(key, NULL, 0, bytes, sizeof bytes, bytes + KG_NONCE_BYTES, &err), 0);
    assert_memory_equal(bytes + KG_NONCE_BYTES, "hello", 5);
}

static void test_two_seals_of_the_same_bytes_differ(void **state)
{
    KG_AUTO_SECRET struct kg_secret *key = key_of(1);
    uint8_t a[KG_SEAL_EXTRA + 1], b[KG_SEAL_EXTRA + 1];

    (void)state;
    kg_seal(key, NULL, 0, "x", 1, a);
    kg_seal(key, NULL, 0, "x", 1, b);
    assert_memory_not_equal(a, b, sizeof a);
}

static void test_hashes_are_what_their_standards_say(void **state)
{
    /* RFC 4231 keys are not 32 bytes long; these were computed with Python's hmac and hashlib. */
    static const struct {
        enum kg_hash_kind kind;
        const char *data, *hash;
    } cases[] = {
        { KG_HASH_HMAC_SHA256, "", "d38b42096d80f45f826b44a9d5607de72496a415d3f4a1a8c88e3bb9da8dc1cb" },
        { KG_HASH_HMAC_SHA256, "keepgres", "774a831176b0282a21a50ab61425cdc8db2c8dcb097c8147f83680806269ec63" },
        { KG_HASH_BLAKE2B, "", "4e51e7a913fc80137da52880fecca175bf81e117d5c68126dc2774033517ea0d" },
        { KG_HASH_BLAKE2B, "keepgres", "633f481dd22483978efefe115202487a50cbe20aadbc752fdc18b5876a554180" },
    };
    uint8_t k[KG_KEY_BYTES], out[KG_HASH_BYTES];
    char hex[2 * KG_HASH_BYTES + 1];

    (void)state;
    for (size_t i = 0; i < sizeof k; i++)
        k[i] = (uint8_t)i;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_SECRET struct kg_secret *key = kg_secret_new_copy(k, sizeof k);
        struct kg_hasher *h = kg_hasher_new(cases[i].kind, key);

        for (int round = 0; round < 2; round++) { /* the second time from the state that was kept */
            kg_hasher_hash(h, cases[i].data, strlen(cases[i].data), out);
            kg_hex(out, sizeof out, hex);
            assert_string_equal(hex, cases[i].hash);
        }
        kg_hasher_free(h);
    }
}

static void test_derived_keys_differ_by_context_and_number(void **state)
{
    KG_AUTO_SECRET struct kg_secret *m = key_of(3);
    KG_AUTO_SECRET struct kg_secret *a = kg_key_derive(m, "contextA", 1), *same = kg_key_derive(m, "contextA", 1);
    KG_AUTO_SECRET struct kg_secret *b = kg_key_derive(m, "contextB", 1), *c = kg_key_derive(m, "contextA", 2);

    (void)state;
    assert_true(kg_secret_equal(a, same));
    assert_false(kg_secret_equal(a, b));
    assert_false(kg_secret_equal(a, c));
    assert_false(kg_secret_equal(a, m));
}

static void test_a_passphrase_gives_the_same_key_with_the_same_salt_only(void **state)
{
    KG_AUTO_SECRET struct kg_secret *p = kg_secret_new_copy("correct horse", 13), *a = NULL, *b = NULL, *c = NULL;
    uint8_t salt[16] = { 1 }, other[16] = { 2 };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_key_from_passphrase(p, salt, &a, &err), 0);
    assert_int_equal(kg_key_from_passphrase(p, salt, &b, &err), 0);
    assert_int_equal(kg_key_from_passphrase(p, other, &c, &err), 0);
    assert_true(kg_secret_equal(a, b));
    assert_false(kg_secret_equal(a, c));
}

static void test_uuids_are_version_4_and_fresh(void **state)
{
    char a[37], b[37];

    (void)state;
    kg_uuid(a);
    kg_uuid(b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
    assert_string_not_equal(a, b);
}

static void test_hash_names_and_kinds_match(void **state)
{
    (void)state;
    assert_int_equal(kg_hash_kind_from_text("hmac-sha256"), KG_HASH_HMAC_SHA256);
    assert_int_equal(kg_hash_kind_from_text("blake2b-256"), KG_HASH_BLAKE2B);
    assert_int_equal(kg_hash_kind_from_text("md5"), -1);
    assert_string_equal(kg_hash_kind_to_text(KG_HASH_BLAKE2B), "blake2b-256");
    assert_in_range(kg_hash_kind_fastest(), KG_HASH_HMAC_SHA256, KG_HASH_BLAKE2B);
}

static void test_a_secret_is_compared_by_content_and_length(void **state)
{
    KG_AUTO_SECRET struct kg_secret *a = kg_secret_new_copy("abc", 3), *b = kg_secret_new_copy("abc", 3);
    KG_AUTO_SECRET struct kg_secret *c = kg_secret_new_copy("abcd", 4), *d = kg_secret_new_copy("abd", 3);

    (void)state;
    assert_true(kg_secret_equal(a, b));
    assert_false(kg_secret_equal(a, c));
    assert_false(kg_secret_equal(a, d));
    assert_int_equal(kg_secret_size(c), 4);
    assert_int_equal(kg_secret_open(a)[3], 0); /* a NUL behind */
    kg_secret_shut(a);
}

static void test_openings_of_a_secret_nest(void **state)
{
    KG_AUTO_SECRET struct kg_secret *s = kg_secret_new(4);
    uint8_t *w = kg_secret_open_write(s);
    const uint8_t *r = kg_secret_open(s);

    (void)state;
    w[0] = 7;
    kg_secret_shut(s);
    w[1] = 8; /* still open for writing */
    kg_secret_shut(s);
    r = kg_secret_open(s);
    assert_int_equal(r[0], 7);
    assert_int_equal(r[1], 8);
    kg_secret_shut(s);
}

static void *open_and_shut(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        volatile uint8_t byte = kg_secret_open(arg)[0];

        (void)byte;
        kg_secret_shut(arg);
    }
    return NULL;
}

static void test_threads_may_open_the_same_secret(void **state)
{
    KG_AUTO_SECRET struct kg_secret *s = kg_secret_random(32);
    pthread_t t[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, open_and_shut, s), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
}

static int pipe_with(const char *text)
{
    int fd[2];

    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    assert_int_equal(write(fd[1], text, strlen(text)), (ssize_t)strlen(text));
    close(fd[1]);
    return fd[0];
}

static void test_reading_a_secret_drops_one_newline_and_minds_the_limit(void **state)
{
    static const struct {
        const char *in, *out;
        size_t max;
    } cases[] = {
        { "secret\n", "secret", 6 }, { "secret", "secret", 6 }, { "two\n\n", "two\n", 10 }, { "", "", 5 }, { "\n", "", 0 },
        { "toolong", NULL, 6 },      { "toolong\n", NULL, 6 },  { "way too long", NULL, 6 },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_SECRET struct kg_secret *s = NULL;
        KG_AUTO_CLOSE int fd = pipe_with(cases[i].in);
        struct kg_err err = { 0 };
        int r = kg_secret_read_fd(fd, cases[i].max, &s, &err);

        if (!cases[i].out) {
            assert_int_equal(r, -KG_E_LIMIT);
            assert_null(s);
            continue;
        }
        assert_int_equal(r, 0);
        assert_int_equal(kg_secret_size(s), strlen(cases[i].out));
        assert_memory_equal(kg_secret_open(s), cases[i].out, strlen(cases[i].out) + 1);
        kg_secret_shut(s);
    }
}

static void test_reading_a_secret_from_nothing_is_an_error(void **state)
{
    struct kg_secret *s = NULL;
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_secret_read_fd(-1, 10, &s, &err), -KG_E_IO);
    assert_null(s);
}

static void test_wiping_and_comparing_bytes(void **state)
{
    uint8_t a[4] = { 1, 2, 3, 4 }, b[4] = { 1, 2, 3, 5 };

    (void)state;
    assert_false(kg_bytes_equal(a, b, 4));
    assert_true(kg_bytes_equal(a, b, 3));
    kg_wipe(a, sizeof a);
    assert_true(kg_bytes_equal(a, "\0\0\0\0", 4));
    (void)kg_secret_locked(); /* either answer is right; it must not crash, and it must not change */
    assert_int_equal(kg_secret_locked(), kg_secret_locked());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sealed_bytes_open_only_unchanged_with_the_same_key_and_meaning),
        cmocka_unit_test(test_sealing_and_opening_work_in_place),
        cmocka_unit_test(test_two_seals_of_the_same_bytes_differ),
        cmocka_unit_test(test_hashes_are_what_their_standards_say),
        cmocka_unit_test(test_derived_keys_differ_by_context_and_number),
        cmocka_unit_test(test_a_passphrase_gives_the_same_key_with_the_same_salt_only),
        cmocka_unit_test(test_uuids_are_version_4_and_fresh),
        cmocka_unit_test(test_hash_names_and_kinds_match),
        cmocka_unit_test(test_a_secret_is_compared_by_content_and_length),
        cmocka_unit_test(test_openings_of_a_secret_nest),
        cmocka_unit_test(test_threads_may_open_the_same_secret),
        cmocka_unit_test(test_reading_a_secret_drops_one_newline_and_minds_the_limit),
        cmocka_unit_test(test_reading_a_secret_from_nothing_is_an_error),
        cmocka_unit_test(test_wiping_and_comparing_bytes),
    };

    kg_crypto_start();
    return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
