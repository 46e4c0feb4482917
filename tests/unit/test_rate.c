/* A limit of bytes a second, by a clock of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rate.h"

enum { MB = 1000 * 1000 };

/* Takes pieces, waiting as it is told, until so much was taken; how long that was. */
static kg_usec time_for(struct kg_rate *r, uint64_t bytes, uint64_t piece, kg_usec now)
{
    const kg_usec began = now;

    for (uint64_t done = 0; done < bytes; done += piece)
        now += kg_rate_take(r, piece, now);
    return now - began;
}

static void test_pieces_of_any_size_keep_the_rate(void **state)
{
    static const uint64_t pieces[] = { 100, 4096, 256 * 1024, 7 * MB, 100 * MB };

    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct kg_rate r;
        kg_usec took, want = 100 * MB / (10 * (kg_usec)MB) * KG_SECOND - KG_SECOND / 4;

        kg_rate_init(&r, 10 * MB, 5 * KG_SECOND);
        took = time_for(&r, 100 * MB, pieces[i], 5 * KG_SECOND);
        /* The last piece may be more than what was left to take. */
        assert_in_range(took, (uintmax_t)(want - KG_SECOND / 100), (uintmax_t)(want + KG_SECOND));
    }
}

static void test_takers_share_the_rate(void **state)
{
    struct kg_rate r;
    kg_usec free_at[4] = { 0 }, now = 0;
    uint64_t taken = 0;

    (void)state;
    kg_rate_init(&r, 20 * MB, 0);
    for (; now < 10 * KG_SECOND; now += 1000)
        for (int i = 0; i < 4; i++)
            if (free_at[i] <= now) {
                free_at[i] = now + kg_rate_take(&r, MB / 2, now);
                taken += MB / 2;
            }
    assert_in_range(taken, 200 * MB - MB, 205 * MB + 4 * MB / 2);
}

static void test_time_without_work_is_not_saved_up(void **state)
{
    struct kg_rate r;

    (void)state;
    kg_rate_init(&r, 8 * MB, 0);
    assert_int_equal(kg_rate_take(&r, 2 * MB, 3600 * KG_SECOND), 0);
    assert_int_equal(kg_rate_take(&r, 8 * MB, 3600 * KG_SECOND), KG_SECOND);
    assert_int_equal(kg_rate_take(&r, 0, 3601 * KG_SECOND), 0);
    /* Little by little is as much as at once. */
    kg_rate_init(&r, 1, 0);
    assert_true(kg_rate_take(&r, 2, 0) > 0);
    for (kg_usec t = 0; t < 2 * KG_SECOND; t += 1000)
        (void)kg_rate_take(&r, 0, t);
    assert_int_equal(kg_rate_take(&r, 0, 2 * KG_SECOND), 0);
}

static void test_a_clock_that_goes_back_and_sizes_beyond_all_measure_do_no_harm(void **state)
{
    struct kg_rate r;

    (void)state;
    kg_rate_init(&r, MB, 100 * KG_SECOND);
    assert_true(kg_rate_take(&r, MB, 1) > 0);
    assert_true(kg_rate_take(&r, UINT64_MAX, 1) > 0);
    assert_true(kg_rate_take(&r, UINT64_MAX, 2) > 0);
    kg_rate_init(&r, 0, 0);
    assert_int_equal(kg_rate_take(&r, UINT64_MAX, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_of_any_size_keep_the_rate),
        cmocka_unit_test(test_takers_share_the_rate),
        cmocka_unit_test(test_time_without_work_is_not_saved_up),
        cmocka_unit_test(test_a_clock_that_goes_back_and_sizes_beyond_all_measure_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
