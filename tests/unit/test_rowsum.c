#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "plugin/rowsum.h"

static struct kg_rowsum of(const char *const *rows, size_t n)
{
    struct kg_rowsum s = { 0 };

    for (size_t i = 0; i < n; i++)
        kg_rowsum_add(&s, rows[i], strlen(rows[i]));
    return s;
}

static void test_order_of_rows_does_not_matter(void **state)
{
    static const char *const a[] = { "1\tx\n", "2\ty\n", "3\t\\N\n" }, *const b[] = { "3\t\\N\n", "1\tx\n", "2\ty\n" };
    struct kg_rowsum x = of(a, 3), y = of(b, 3);

    (void)state;
    assert_true(kg_rowsum_equal(&x, &y));
    assert_int_equal(x.rows, 3);
    assert_int_equal(x.bytes, 13);
}

static void test_every_kind_of_difference_is_seen(void **state)
{
    static const char *const base[] = { "1\tx\n", "2\ty\n" };
    static const char *const other[][2] = {
        { "1\tx\n", "2\tz\n" }, { "1\ty\n", "2\tx\n" }, { "1\tx\n", "1\tx\n" }, { "1\tx\n2", "\ty\n" },
    };
    struct kg_rowsum x = of(base, 2);

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct kg_rowsum y = of(other[i], 2);

        if (kg_rowsum_equal(&x, &y))
            fail_msg("case %zu has the same checksum", i);
    }
}

static void test_text_cut_anywhere_gives_the_same_sum(void **state)
{
    static const char text[] = "1\tone\n\n2\ttwo\\n\n3\t\\\\.\n";
    const size_t n = sizeof text - 1;
    struct kg_rowsum want = { 0 };
    const char *s = text;

    (void)state;
    for (const char *nl; (nl = strchr(s, '\n')); s = nl + 1)
        kg_rowsum_add(&want, s, (size_t)(nl - s) + 1);
    assert_int_equal(want.rows, 4);
    for (size_t cut = 0; cut <= n; cut++)
        for (size_t cut2 = cut; cut2 <= n; cut2++) {
            struct kg_rowsum_text t = { 0 };

            kg_rowsum_text_add(&t, text, cut);
            kg_rowsum_text_add(&t, text + cut, cut2 - cut);
            kg_rowsum_text_add(&t, text + cut2, n - cut2);
            if (!kg_rowsum_equal(&t.sum, &want))
                fail_msg("cut at %zu and %zu", cut, cut2);
            kg_rowsum_text_done(&t);
        }
}

static void test_sums_of_slices_add_up(void **state)
{
    static const char *const a[] = { "1\n", "2\n", "3\n", "4\n" };
    struct kg_rowsum whole = of(a, 4), left = of(a, 1), right = of(a + 1, 3);

    (void)state;
    kg_rowsum_merge(&left, &right);
    assert_true(kg_rowsum_equal(&whole, &left));
}

static void test_a_record_in_two_parts_is_one_record(void **state)
{
    struct kg_rowsum whole = { 0 }, parts = { 0 };

    (void)state;
    kg_rowsum_add(&whole, "headbody", 8);
    kg_rowsum_add_pair(&parts, "head", 4, "body", 4);
    assert_true(kg_rowsum_equal(&whole, &parts));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_rows_does_not_matter),
        cmocka_unit_test(test_every_kind_of_difference_is_seen),
        cmocka_unit_test(test_text_cut_anywhere_gives_the_same_sum),
        cmocka_unit_test(test_sums_of_slices_add_up),
        cmocka_unit_test(test_a_record_in_two_parts_is_one_record),
    };
    return cmocka_run_group_tests_name("rowsum", tests, NULL, NULL);
}
