#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "codec/codec.h"

enum { N = 100 * 1000 };

struct fixture {
    struct kg_codec *c;
    char *plain, *packed, *again;
    size_t room;
};

static int setup(void **state)
{
    struct fixture *f = kg_xalloc(sizeof *f);

    f->c = kg_codec_new(3);
    f->room = kg_codec_bound(N);
    f->plain = kg_xalloc(N);
    f->packed = kg_xalloc(f->room);
    f->again = kg_xalloc(N + 1);
    for (size_t i = 0; i < N; i++)
        f->plain[i] = (char)("abcdefgh"[i % 8] + (i / 1000) % 3);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    kg_codec_free(f->c);
    free(f->plain);
    free(f->packed);
    free(f->again);
    free(f);
    return 0;
}

static size_t pack(struct fixture *f, size_t n)
{
    struct kg_err err = { 0 };
    size_t packed = 0;

    assert_int_equal(kg_codec_compress(f->c, f->plain, n, f->packed, f->room, &packed, &err), 0);
    return packed;
}

static void test_bytes_come_back_at_every_length_and_level(void **state)
{
    struct fixture *f = *state;
    static const int levels[] = { -5, 1, 3, 19, 1000, -1000000000 };
    static const size_t lengths[] = { 0, 1, 7, 4096, N };

    for (size_t l = 0; l < KG_ARRAY_LEN(levels); l++) {
        kg_codec_free(f->c);
        f->c = kg_codec_new(levels[l]);
        for (size_t i = 0; i < KG_ARRAY_LEN(lengths); i++) {
            struct kg_err err = { 0 };
            size_t packed = pack(f, lengths[i]);

            assert_int_equal(kg_codec_decompress(f->c, f->packed, packed, f->again, lengths[i], &err), 0);
            assert_memory_equal(f->plain, f->again, lengths[i]);
        }
    }
}

static void test_another_length_than_wanted_is_corrupt(void **state)
{
    struct fixture *f = *state;
    size_t packed = pack(f, 1000);

    for (size_t want = 998; want <= 1002; want++) {
        struct kg_err err = { 0 };
        int r = kg_codec_decompress(f->c, f->packed, packed, f->again, want, &err);

        assert_int_equal(r, want == 1000 ? 0 : -KG_E_CORRUPT);
    }
}

static void test_a_frame_that_is_cut_short_is_corrupt(void **state)
{
    struct fixture *f = *state;
    size_t packed = pack(f, N);

    for (size_t n = 0; n < packed; n++) {
        struct kg_err err = { 0 };

        assert_int_equal(kg_codec_decompress(f->c, f->packed, n, f->again, N, &err), -KG_E_CORRUPT);
    }
}

static void test_the_context_works_after_an_error(void **state)
{
    struct fixture *f = *state;
    struct kg_err err = { 0 };
    size_t packed;

    assert_int_equal(kg_codec_compress(f->c, f->plain, N, f->packed, 3, &packed, &err), -KG_E_MEMORY);
    err = (struct kg_err){ 0 };
    packed = pack(f, N);
    assert_int_equal(kg_codec_decompress(f->c, "garbage!", 8, f->again, N, &err), -KG_E_CORRUPT);
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_codec_decompress(f->c, f->packed, packed, f->again, N, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bytes_come_back_at_every_length_and_level, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_length_than_wanted_is_corrupt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_frame_that_is_cut_short_is_corrupt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_context_works_after_an_error, setup, teardown),
    };

    return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
