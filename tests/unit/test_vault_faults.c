/* Every step of writing and reading made to fail in turn: nothing that was committed is lost, nothing half done is seen,
 * and the next backup works. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/vault_fixture.h"

static const struct kg_write_opts tiny = { .level = 1, .segment_bytes = 64 * 1024, .pack_bytes = 100 * 1000 };
enum { LEN = 700 * 1000 };

static int setup_dir(void **state)
{
    *state = fixture_new(true);
    return 0;
}

static int setup_mem(void **state)
{
    *state = fixture_new(false);
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static int back_up_one(struct fixture *f, const char *point, char *data, struct kg_err *err)
{
    size_t len = LEN;
    struct kg_stream s;

    return back_up(f->v, &tiny, point, &data, &len, 1, &s, NULL, err);
}

static void expect_point(struct fixture *f, const char *point, char *data)
{
    size_t len = LEN;

    read_point(f->v, point, &data, &len, 1);
}

/* One backup with its nth step failing, in a vault of its own, so that the number of steps stays the same. Returns
 * false when it has fewer steps. */
static bool fail_step(unsigned n, char *first, char *data, unsigned *failures)
{
    struct fixture *f = fixture_new(true);
    KG_AUTO_JSON struct kg_json *m = NULL;
    struct kg_err err = { 0 };
    bool fired;
    int r;

    OK(back_up_one(f, "first", first, &err));
    kg_fault_arm(KG_FP_ANY, n, n % 2 ? ENOSPC : EIO);
    r = back_up_one(f, "second", data, &err);
    fired = kg_fault_fired();
    kg_fault_reset();
    if (r == 0) { /* no fault, or the one behind the commit, or one that reading the index can make up for */
        expect_point(f, "second", data);
    } else {
        assert_true(fired);
        assert_int_equal(r, n % 2 ? -KG_E_DISK_FULL : -KG_E_IO);
        assert_true(err.msg[0] && err.action[0]);
        FAILS(NO_POINT, kg_point_get(f->v, "inst", "second", &m, &err));
        ++*failures;
    }
    expect_point(f, "first", first);
    OK(back_up_one(f, "third", data, &err));
    expect_point(f, "third", data);
    fixture_free(f);
    return fired;
}

static void test_a_backup_that_fails_at_any_step_harms_nothing(void **state)
{
    char *first = rows_of(1, LEN), *data = rows_of(2, LEN);
    unsigned failures = 0, n = 1;

    (void)state;
    while (fail_step(n, first, data, &failures))
        n++;
    assert_true(failures > 30);
    free(first);
    free(data);
}

static void test_what_failed_backups_leave_is_no_damage(void **state)
{
    struct fixture *f = *state;
    char *data = rows_of(1, LEN);
    KG_AUTO_JSON struct kg_json *report = NULL;
    struct kg_err err = { 0 };

    for (unsigned n = 5; n < 60; n += 6) {
        char point[24];

        snprintf(point, sizeof point, "p%u", n);
        err = (struct kg_err){ 0 };
        kg_fault_arm(KG_FP_ANY, n, EIO);
        if (back_up_one(f, point, data, &err) == 0)
            OK(kg_point_delete(f->v, "inst", point, &err));
        kg_fault_reset();
    }
    OK(kg_vault_check(f->v, &(struct kg_check_opts){ .read_data = true }, &report, &err));
    assert_true(kg_json_bool(report, "healthy", false));
    assert_true(kg_json_u64(report, "unreferencedPacks", 0) > 0);
    free(data);
}

static void test_reading_that_fails_at_any_step_says_so(void **state)
{
    struct fixture *f = *state;
    char *data = rows_of(1, LEN);
    struct kg_stream s;
    struct kg_err err = { 0 };
    unsigned n;

    OK(back_up_one(f, "p", data, &err));
    s = stream_of(f->v, "p", 0);
    for (n = 1;; n++) {
        KG_CLEANUP(kg_reader_closep) struct kg_reader *r = NULL;
        int result;

        err = (struct kg_err){ 0 };
        kg_fault_arm(KG_FP_ANY, n, EIO);
        result = kg_reader_open(f->v, &r, &err);
        if (result == 0)
            result = read_stream(r, 2, &s, data, LEN, &err); /* wrong bytes would fail the test */
        if (!kg_fault_fired())
            break;
        kg_fault_reset();
        if (result != 0)
            assert_int_equal(result, -KG_E_IO);
    }
    assert_true(n > 20);
    free(data);
}

static void test_a_check_never_calls_healthy_what_it_could_not_read(void **state)
{
    struct fixture *f = *state;
    char *data = rows_of(1, LEN);
    struct kg_err err = { 0 };
    unsigned n;

    OK(back_up_one(f, "p", data, &err));
    for (n = 1;; n++) {
        KG_AUTO_JSON struct kg_json *report = NULL;
        int r;

        err = (struct kg_err){ 0 };
        kg_fault_arm(KG_FP_ANY, n, EIO);
        r = kg_vault_check(f->v, &(struct kg_check_opts){ .read_data = true }, &report, &err);
        if (!kg_fault_fired()) {
            assert_int_equal(r, 0);
            assert_true(kg_json_bool(report, "healthy", false));
            break;
        }
        kg_fault_reset();
        if (r == 0)
            assert_false(kg_json_bool(report, "healthy", true));
        else
            assert_int_equal(r, -KG_E_IO);
    }
    assert_true(n > 20);
    free(data);
}

static void test_issuing_a_recovery_key_never_leaves_a_vault_without_one_that_works(void **state)
{
    struct fixture *f = *state;
    struct kg_err err = { 0 };
    unsigned n;

    for (n = 1;; n++) {
        KG_AUTO_SECRET struct kg_secret *newer = NULL;
        struct kg_vault *v = NULL;
        int r;

        err = (struct kg_err){ 0 };
        kg_fault_arm(KG_FP_ANY, n, EIO);
        r = kg_vault_issue_recovery_key(f->v, &newer, &err);
        if (!kg_fault_fired()) {
            assert_int_equal(r, 0);
            break;
        }
        kg_fault_reset();
        if (r == 0) {
            kg_secret_free(f->recovery);
            f->recovery = KG_TAKE(newer);
        }
        OK(kg_vault_open_recovery(f->st, f->recovery, &v, &err));
        kg_vault_close(v);
    }
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_backup_that_fails_at_any_step_harms_nothing),
        cmocka_unit_test_setup_teardown(test_what_failed_backups_leave_is_no_damage, setup_dir, teardown),
        cmocka_unit_test_setup_teardown(test_what_failed_backups_leave_is_no_damage, setup_mem, teardown),
        cmocka_unit_test_setup_teardown(test_reading_that_fails_at_any_step_says_so, setup_dir, teardown),
        cmocka_unit_test_setup_teardown(test_a_check_never_calls_healthy_what_it_could_not_read, setup_mem, teardown),
        cmocka_unit_test_setup_teardown(test_issuing_a_recovery_key_never_leaves_a_vault_without_one_that_works, setup_dir,
                                        teardown),
    };

    kg_crypto_start();
    return cmocka_run_group_tests_name("vault faults", tests, NULL, NULL);
}
