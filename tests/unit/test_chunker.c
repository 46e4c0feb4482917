#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "vault/chunker.h"

enum { N = 4 * 1024 * 1024 };

struct fixture {
    uint64_t gear[256], other[256];
    uint8_t *data;
};

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x * 0x2545F4914F6CDD1Dull;
}

static int setup(void **state)
{
    struct fixture *f = kg_xalloc(sizeof *f);
    uint64_t x = 88172645463325252ull;

    for (int i = 0; i < 256; i++) {
        f->gear[i] = next_random(&x);
        f->other[i] = next_random(&x);
    }
    f->data = kg_xalloc(N + 64);
    for (size_t i = 0; i < N; i++)
        f->data[i] = (uint8_t)(next_random(&x) >> 56);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    free(f->data);
    free(f);
    return 0;
}

/* The ends of all chunks of n bytes. */
static size_t cuts(const struct kg_chunker *c, const uint8_t *p, size_t n, size_t *ret, size_t most)
{
    size_t at = 0, count = 0;

    while (at < n) {
        at += kg_chunker_cut(c, p + at, n - at);
        assert_true(count < most);
        ret[count++] = at;
    }
    return count;
}

static void test_lengths_keep_their_bounds_and_their_average(void **state)
{
    struct fixture *f = *state;
    static const uint32_t averages[] = { 4096, 8192, 32768, 65536 };
    size_t ends[N / 1024];

    for (size_t a = 0; a < KG_ARRAY_LEN(averages); a++) {
        struct kg_chunker c;
        size_t n, before = 0;

        kg_chunker_init(&c, f->gear, averages[a]);
        assert_int_equal(c.min, averages[a] / 4);
        assert_int_equal(c.max, averages[a] * 4);
        n = cuts(&c, f->data, N, ends, KG_ARRAY_LEN(ends));
        for (size_t i = 0; i < n; before = ends[i++])
            if (ends[i] - before > c.max || (i + 1 < n && ends[i] - before < c.min))
                fail_msg("average %u: chunk %zu has %zu bytes", averages[a], i, ends[i] - before);
        if (N / n < averages[a] * 8 / 10 || N / n > averages[a] * 15 / 10)
            fail_msg("average %u: is %zu", averages[a], N / n);
    }
}

static void test_averages_out_of_range_are_brought_into_it(void **state)
{
    struct fixture *f = *state;
    struct kg_chunker c;

    kg_chunker_init(&c, f->gear, 0);
    assert_int_equal(c.average, 4096);
    kg_chunker_init(&c, f->gear, UINT32_MAX);
    assert_int_equal(c.average, 65536);
}

static void test_an_inserted_byte_moves_only_the_cuts_around_it(void **state)
{
    struct fixture *f = *state;
    size_t a[N / 1024], b[N / 1024], na, nb, same = 0;
    struct kg_chunker c;

    kg_chunker_init(&c, f->gear, 8192);
    na = cuts(&c, f->data, N, a, KG_ARRAY_LEN(a));
    memmove(f->data + N / 2 + 1, f->data + N / 2, N / 2);
    f->data[N / 2] ^= 0x55;
    nb = cuts(&c, f->data, N + 1, b, KG_ARRAY_LEN(b));
    for (size_t i = 0, k = 0; i < na && k < nb;) {
        size_t moved = a[i] + (a[i] > N / 2);

        if (moved == b[k])
            same++, i++, k++;
        else if (moved < b[k])
            i++;
        else
            k++;
    }
    if (same + 8 < na)
        fail_msg("%zu of %zu cuts stayed", same, na);
}

static void test_another_table_cuts_elsewhere(void **state)
{
    struct fixture *f = *state;
    size_t a[N / 1024], b[N / 1024], na, nb, same = 0;
    struct kg_chunker c;

    kg_chunker_init(&c, f->gear, 8192);
    na = cuts(&c, f->data, N, a, KG_ARRAY_LEN(a));
    kg_chunker_init(&c, f->other, 8192);
    nb = cuts(&c, f->data, N, b, KG_ARRAY_LEN(b));
    for (size_t i = 0; i < na; i++)
        for (size_t k = 0; k < nb; k++)
            same += a[i] == b[k];
    assert_in_range(same, 1, na / 20); /* the end is common to both */
}

static void test_the_first_cut_does_not_depend_on_how_much_follows(void **state)
{
    struct fixture *f = *state;
    struct kg_chunker c;

    kg_chunker_init(&c, f->gear, 8192);
    for (size_t at = 0; at < 100 * 1000; at += 777)
        assert_int_equal(kg_chunker_cut(&c, f->data + at, c.max), kg_chunker_cut(&c, f->data + at, N - at));
}

static void test_data_without_content_is_cut_at_the_longest_length(void **state)
{
    struct fixture *f = *state;
    struct kg_chunker c;

    memset(f->data, 'x', N);
    f->gear['x'] = 0x0123456789abcdefull; /* the hash of a run of x never gets low */
    kg_chunker_init(&c, f->gear, 8192);
    assert_int_equal(kg_chunker_cut(&c, f->data, N), c.max);
    assert_int_equal(kg_chunker_cut(&c, f->data, 5000), 5000);
    assert_int_equal(kg_chunker_cut(&c, f->data, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lengths_keep_their_bounds_and_their_average, setup, teardown),
        cmocka_unit_test_setup_teardown(test_averages_out_of_range_are_brought_into_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_inserted_byte_moves_only_the_cuts_around_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_table_cuts_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_first_cut_does_not_depend_on_how_much_follows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_data_without_content_is_cut_at_the_longest_length, setup, teardown),
    };

    return cmocka_run_group_tests_name("chunker", tests, NULL, NULL);
}
