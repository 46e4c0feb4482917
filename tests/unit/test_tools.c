/* Finding PostgreSQL's programs, as far as no server is needed; the rest is in test_pg_plan.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/time.h"
#include "pg/tools.h"
#include "sys/fd.h"

static char dir[] = "/tmp/kg-tools-XXXXXX";

static int start(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int stop(void **state)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/pg_dump", dir);

    (void)state;
    (void)unlink(path);
    return rmdir(dir);
}

static char *program(const char *body)
{
    char *path = kg_xprintf("%s/pg_dump", dir);
    KG_AUTO_FREE char *text = kg_xprintf("#!/bin/sh\n%s\n", body);
    struct kg_err err = { 0 };

    if (kg_write_file(path, text, strlen(text), 0755, &err) < 0)
        fail_msg("%s", err.msg);
    return path;
}

static void test_a_program_that_does_not_tell_its_version_is_not_waited_for(void **state)
{
    /* Silent with its output open, silent with its output closed, and one that never ends its answer. */
    static const char *const bodies[] = { "sleep 60", "exec >&-; sleep 60", "while :; do echo; sleep 0.1; done" };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(bodies); i++) {
        KG_AUTO_FREE char *path = program(bodies[i]);
        kg_usec began = kg_now_mono();
        struct kg_err err = { 0 };
        struct kg_tool t;

        assert_int_equal(kg_tool_find("pg_dump", dir, 48, &t, &err), -KG_E_TIMEOUT);
        if (!strstr(err.msg, path) || !strstr(err.action, "pg_bin_dir"))
            fail_msg("%s: %s %s", bodies[i], err.msg, err.action);
        assert_true(kg_now_mono() - began < 9 * KG_SECOND);
    }
}

static void test_a_silent_program_does_not_hide_one_that_answers(void **state)
{
    struct kg_err err = { 0 };
    struct kg_tool t;

    (void)state;
    free(program("sleep 60"));
    if (kg_tool_find("pg_dump", dir, 12, &t, &err) < 0) /* no other on this machine */
        skip();
    assert_null(strstr(t.path, dir));
}

static void test_a_program_that_ends_without_an_answer_is_none(void **state)
{
    kg_usec began = kg_now_mono();
    struct kg_err err = { 0 };
    struct kg_tool t;

    (void)state;
    free(program("exit 1"));
    assert_true(kg_tool_find("pg_dump", dir, 48, &t, &err) < 0);
    assert_int_not_equal(err.code, KG_E_TIMEOUT);
    assert_true(kg_now_mono() - began < 4 * KG_SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_program_that_does_not_tell_its_version_is_not_waited_for),
        cmocka_unit_test(test_a_silent_program_does_not_hide_one_that_answers),
        cmocka_unit_test(test_a_program_that_ends_without_an_answer_is_none),
    };
    return cmocka_run_group_tests_name("tools", tests, start, stop);
}
