/* Honest time left: what is not known is said to be unknown, and what is known comes near the truth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/alloc.h"
#include "job/timeleft.h"

#define S KG_SECOND
#define GB 1000000000ull

static const struct kg_profile none;
static const struct kg_profile restore = { .n = 4, .phase = { { "schema", 2 * S, 0 }, { "data", 100 * S, 10 * GB },
                                                              { "indexes", 60 * S, 10 * GB }, { "publish", 8 * S, 0 } } };

static void test_without_an_earlier_run_only_the_phase_that_counts_bytes_is_known(void **state)
{
    struct kg_left l = kg_time_left(&(struct kg_running){ "data", 30 * S, 3 * GB, 10 * GB, false }, &none);

    (void)state;
    assert_int_equal(l.phase, 70 * S);
    assert_int_equal(l.job, KG_LEFT_UNKNOWN); /* indexes may take hours */
    assert_string_equal(l.basis, "rate");
    l = kg_time_left(&(struct kg_running){ "data", 30 * S, 3 * GB, 10 * GB, true }, &none);
    assert_int_equal(l.job, 70 * S);
}

static void test_what_nothing_tells_is_unknown(void **state)
{
    static const struct kg_running cases[] = {
        { "plan", 5 * S, 0, 0, false },          /* counts nothing, was never seen */
        { "data", S / 2, GB, 10 * GB, true },    /* too short a look */
        { "data", 30 * S, 0, 10 * GB, true },    /* nothing done yet */
        { "data", 30 * S, 10 * GB, 10 * GB, true }, /* all is done, and it goes on */
        { "data", -5 * S, GB, 10 * GB, true },   /* the clock was set back */
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct kg_left l = kg_time_left(&cases[i], &none);

        if (l.phase != KG_LEFT_UNKNOWN || l.job != KG_LEFT_UNKNOWN || l.basis)
            fail_msg("case %zu is said to be known", i);
    }
}

static void test_phases_that_have_not_begun_take_what_they_took_for_the_size_there_is_now(void **state)
{
    /* Twice the size: 200 s of data, of which half is left, and then 2 * (60 + 8). */
    struct kg_left l = kg_time_left(&(struct kg_running){ "data", 100 * S, 10 * GB, 20 * GB, false }, &restore);

    (void)state;
    assert_int_equal(l.phase, 100 * S);
    assert_int_equal(l.job, 236 * S);
    assert_string_equal(l.basis, "rate and earlier run");
    l = kg_time_left(&(struct kg_running){ "schema", S, 0, 0, false }, &restore);
    assert_int_equal(l.job, S + 168 * S);
    assert_string_equal(l.basis, "earlier run");
}

static void test_this_runs_rate_wins_over_the_last_ones_as_it_goes_on(void **state)
{
    /* Ten times as slow as the last time. */
    struct kg_left early = kg_time_left(&(struct kg_running){ "data", 10 * S, GB / 10, 10 * GB, false }, &restore);
    struct kg_left late = kg_time_left(&(struct kg_running){ "data", 900 * S, 9 * GB, 10 * GB, false }, &restore);

    (void)state;
    assert_in_range(early.phase, 99 * S, 990 * S);
    assert_int_equal(late.phase, 100 * S); /* the last run is no guide any more: it was over by now */
}

static void test_a_phase_that_takes_far_longer_than_the_last_time_is_unknown(void **state)
{
    struct kg_left l = kg_time_left(&(struct kg_running){ "indexes", 50 * S, 10 * GB, 10 * GB, false }, &restore);

    (void)state;
    assert_int_equal(l.phase, 10 * S);
    l = kg_time_left(&(struct kg_running){ "indexes", 75 * S, 10 * GB, 10 * GB, false }, &restore);
    assert_int_equal(l.phase, 0);
    l = kg_time_left(&(struct kg_running){ "indexes", 200 * S, 10 * GB, 10 * GB, false }, &restore);
    assert_int_equal(l.phase, KG_LEFT_UNKNOWN);
    assert_int_equal(l.job, KG_LEFT_UNKNOWN);
}

/* A hundred tables, as a run sees them: at half of it the error is below a quarter. */
static void test_at_half_of_a_run_over_uneven_tables_the_error_is_below_a_quarter(void **state)
{
    double total = 0, done = 0, clock = 0, whole = 0;

    (void)state;
    for (int i = 1; i <= 100; i++) {
        total += 1e9 / i;
        whole += 1e9 / i / (i % 3 ? 50e6 : 35e6); /* every third one is slower */
    }
    for (int i = 1; i <= 100 && done < total / 2; i++) {
        done += 1e9 / i;
        clock += 1e9 / i / (i % 3 ? 50e6 : 35e6);
    }
    struct kg_left l = kg_time_left(&(struct kg_running){ "data", (kg_usec)(clock * S), (uint64_t)done, (uint64_t)total, true }, &none);
    double truth = whole - clock, error = ((double)l.job / S - truth) / truth;

    if (error > 0.25 || error < -0.25)
        fail_msg("an error of %.0f %%", error * 100);
}

static void test_a_profile_is_read_and_nonsense_in_it_left_out(void **state)
{
    static const char text[] = "{\"extendedInfo\":{\"phases\":[{\"phase\":\"plan\",\"seconds\":1.5},{\"phase\":\"\",\"seconds\":1},"
                               "{\"phase\":\"data\",\"seconds\":-1},{\"phase\":\"data\",\"seconds\":1e300},{\"seconds\":1},7,"
                               "{\"phase\":\"0123456789012345678901234567890123456789\",\"seconds\":1},"
                               "{\"phase\":\"data\",\"seconds\":2,\"bytes\":10}]}}";
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_err err = { 0 };
    struct kg_profile p;

    (void)state;
    assert_int_equal(kg_json_parse(text, strlen(text), &j, &err), 0);
    kg_profile_read(j, &p);
    assert_int_equal(p.n, 2);
    assert_string_equal(p.phase[1].name, "data");
    assert_int_equal(p.phase[0].took, 3 * S / 2);
    assert_int_equal(p.phase[1].bytes, 10);
    kg_profile_read(NULL, &p);
    assert_int_equal(p.n, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_an_earlier_run_only_the_phase_that_counts_bytes_is_known),
        cmocka_unit_test(test_what_nothing_tells_is_unknown),
        cmocka_unit_test(test_phases_that_have_not_begun_take_what_they_took_for_the_size_there_is_now),
        cmocka_unit_test(test_this_runs_rate_wins_over_the_last_ones_as_it_goes_on),
        cmocka_unit_test(test_a_phase_that_takes_far_longer_than_the_last_time_is_unknown),
        cmocka_unit_test(test_at_half_of_a_run_over_uneven_tables_the_error_is_below_a_quarter),
        cmocka_unit_test(test_a_profile_is_read_and_nonsense_in_it_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
