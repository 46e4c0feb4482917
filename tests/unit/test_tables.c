/* What is told of the tables that a data path is at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "plugin/tables.h"

static void test_a_table_is_in_work_from_its_first_part_to_its_last(void **state)
{
    KG_CLEANUP(kg_tables_freep) struct kg_tables *t = kg_tables_new(3);
    struct kg_table_told told[3];

    (void)state;
    kg_tables_name(t, 0, "public", "small", 100, 1, true);
    kg_tables_name(t, 1, "public", "big", 1000, 2, true);
    kg_tables_name(t, 2, "", "large objects", 0, 1, false);
    assert_int_equal(kg_tables_in_work(t, kg_now_mono(), told, 3), 0);
    kg_tables_enter(t, 1, "read");
    kg_tables_enter(t, 1, "read");           /* another session with its other half */
    kg_tables_enter(t, 0, "load");
    kg_tables_count(t, 1, 300, 3);
    kg_tables_count(t, 1, 100, 1);
    assert_int_equal(kg_tables_in_work(t, kg_now_mono() + 5 * KG_SECOND, told, 3), 2);
    assert_string_equal(told[0].name, "big");
    assert_string_equal(told[0].step, "read");
    assert_int_equal(told[0].bytes_done, 400);
    assert_int_equal(told[0].bytes_total, 1000);
    assert_int_equal(told[0].rows, 4);
    assert_true(told[0].took >= 5 * KG_SECOND);
    assert_string_equal(told[1].step, "load");
    assert_int_equal(kg_tables_in_work(t, kg_now_mono(), told, 1), 2); /* how many there are, whatever there is room for */
    kg_tables_leave(t, 1, true);
    assert_int_equal(kg_tables_in_work(t, kg_now_mono(), told, 3), 2);
    kg_tables_leave(t, 1, false);            /* that session leaves it to another one */
    assert_int_equal(kg_tables_in_work(t, kg_now_mono(), told, 3), 1);
    assert_int_equal(kg_tables_done(t), 0);
    kg_tables_enter(t, 1, "read");
    kg_tables_count(t, 1, 900, 9);
    assert_int_equal(kg_tables_in_work(t, kg_now_mono(), told, 3), 2);
    assert_int_equal(told[1].bytes_total, 1300); /* an estimate that was too low */
    kg_tables_leave(t, 1, true);
    assert_int_equal(kg_tables_done(t), 1);
    kg_tables_enter(t, 2, "read");
    kg_tables_count(t, 2, 5, 1);
    assert_int_equal(kg_tables_in_work(t, kg_now_mono(), told, 3), 2);
    assert_int_equal(told[1].bytes_total, 0); /* nobody knows how much that is */
    kg_tables_leave(t, 2, true);
    assert_int_equal(kg_tables_done(t), 1);  /* no table */
    assert_int_equal(kg_tables_biggest(t, told, 3), 2);
    assert_string_equal(told[0].name, "big");
    assert_string_equal(told[1].name, "large objects");
}

static void test_the_biggest_are_kept_whatever_the_order(void **state)
{
    enum { MANY = 3 * KG_TABLES_KEPT };
    KG_CLEANUP(kg_tables_freep) struct kg_tables *t = kg_tables_new(MANY + 1);
    KG_AUTO_FREE struct kg_table_told *told = kg_xalloc_array(MANY, sizeof *told);

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        size_t at = i * 7 % MANY;            /* 7 and 1500 have no common divisor */

        kg_tables_name(t, at, "s", "n", 0, 1, true);
        kg_tables_enter(t, at, "read");
        kg_tables_count(t, at, at + 1, 1);
        kg_tables_leave(t, at, true);
    }
    kg_tables_name(t, MANY, "s", "empty", 0, 1, true);
    kg_tables_enter(t, MANY, "read");
    kg_tables_leave(t, MANY, true);
    assert_int_equal(kg_tables_done(t), MANY + 1);
    assert_int_equal(kg_tables_biggest(t, told, MANY), KG_TABLES_KEPT);
    for (size_t i = 0; i < KG_TABLES_KEPT; i++)
        assert_int_equal(told[i].bytes_done, MANY - i);
}

static void *session(void *arg)
{
    for (size_t i = 0; i < 2000; i++) {
        kg_tables_enter(arg, i % 50, "read");
        kg_tables_count(arg, i % 50, 1, 1);
        kg_tables_leave(arg, i % 50, true);
    }
    return NULL;
}

static void test_sessions_may_come_and_go_at_the_same_time(void **state)
{
    KG_CLEANUP(kg_tables_freep) struct kg_tables *t = kg_tables_new(50);
    struct kg_table_told told[60];
    pthread_t thread[4];
    uint64_t bytes = 0;

    (void)state;
    for (size_t i = 0; i < 50; i++)
        kg_tables_name(t, i, "s", "n", 0, 4 * 40, true);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, session, t), 0);
    for (int i = 0; i < 200; i++)
        assert_in_range(kg_tables_in_work(t, kg_now_mono(), told, 60), 0, 4);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(kg_tables_done(t), 50);
    assert_int_equal(kg_tables_in_work(t, kg_now_mono(), told, 60), 0);
    assert_int_equal(kg_tables_biggest(t, told, 60), 50);
    for (int i = 0; i < 50; i++)
        bytes += told[i].bytes_done;
    assert_int_equal(bytes, 8000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_table_is_in_work_from_its_first_part_to_its_last),
        cmocka_unit_test(test_the_biggest_are_kept_whatever_the_order),
        cmocka_unit_test(test_sessions_may_come_and_go_at_the_same_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
