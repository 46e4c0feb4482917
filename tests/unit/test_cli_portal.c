#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cli.h"

static unsigned opened;
static struct kg_portal_args seen;
static struct kg_err answer;

static int portal(const struct kg_portal_args *args, struct kg_err *err)
{
    opened++;
    seen = *args;
    *err = answer;
    return -(int)err->code;
}

static const struct kg_roles roles = { .portal = portal };

/* Runs a command line with these as standard input and output. */
static int run(int in, int out, int argc, const char *const *argv)
{
    int was_in = dup(STDIN_FILENO), was_out = dup(STDOUT_FILENO), r;

    opened = 0;
    seen = (struct kg_portal_args){ 0 };
    fflush(stdout);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    r = kg_cli_main(argc, argv, &roles);
    dup2(was_in, STDIN_FILENO);
    dup2(was_out, STDOUT_FILENO);
    close(was_in);
    close(was_out);
    return r;
}

static int open_terminal(int *ret_master)
{
    int fd;

    *ret_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(*ret_master >= 0 && grantpt(*ret_master) == 0 && unlockpt(*ret_master) == 0);
    fd = open(ptsname(*ret_master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void test_without_arguments_the_portal_opens_on_a_terminal_only(void **state)
{
    char text[64] = "";
    int master, tty = open_terminal(&master), null = open("/dev/null", O_RDWR | O_CLOEXEC), p[2];

    (void)state;
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(run(tty, tty, 0, NULL), 0);
    assert_int_equal(opened, 1);
    assert_null(seen.socket);
    assert_null(seen.page);
    assert_false(seen.readonly);
    assert_int_equal(run(null, tty, 0, NULL), 0);
    assert_int_equal(opened, 0);
    assert_int_equal(run(tty, p[1], 0, NULL), 0);
    assert_int_equal(opened, 0);
    assert_true(read(p[0], text, sizeof text - 1) > 0);
    assert_non_null(strstr(text, "Backup center"));
    close(master), close(tty), close(null), close(p[0]), close(p[1]);
}

static void test_the_command_hands_its_options_on(void **state)
{
    static const char *const all[] = { "portal", "--theme", "mono", "--readonly", "--slow", "--plain", "--ascii", "--mouse",
                                       "--page", "jobs", "--socket", "/s" };
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)state;
    assert_int_equal(run(null, null, KG_ARRAY_LEN(all), all), 0);
    assert_int_equal(opened, 1);
    assert_string_equal(seen.theme, "mono");
    assert_string_equal(seen.page, "jobs");
    assert_string_equal(seen.socket, "/s");
    assert_true(seen.readonly && seen.slow && seen.plain && seen.ascii && seen.mouse);
    assert_int_equal(run(null, null, KG_ARRAY_LEN(all) - 1, all + 1), 0);    /* 'keepgres --theme mono …' */
    assert_string_equal(seen.page, "jobs");
    assert_true(opened == 1 && seen.plain && seen.mouse);
    assert_int_equal(run(null, null, 1, (const char *const[]){ "--page=jobs" }), 0);
    assert_string_equal(seen.page, "jobs");
    assert_true(run(null, null, 1, (const char *const[]){ "--plai" }) != 0);
    assert_int_equal(opened, 0);
    kg_err_set(&answer, KG_E_NO_SERVICE, "no service");
    assert_int_equal(run(null, null, 1, all), kg_code_exit(KG_E_NO_SERVICE));
    assert_int_equal(opened, 1);
    assert_true(!seen.theme && !seen.readonly && !seen.slow && !seen.plain && !seen.ascii && !seen.mouse);
    answer = (struct kg_err){ 0 };
    close(null);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_arguments_the_portal_opens_on_a_terminal_only),
        cmocka_unit_test(test_the_command_hands_its_options_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
