#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/loop.h"
#include "sys/proc.h"
#include "sys/sock.h"

struct fixture {
    struct kg_loop *loop;
    struct kg_err err;
    int a[2], b[2];
    struct kg_watch *wa, *wb;
    struct kg_timer *t1, *t2;
    int calls, other_calls, rounds;
    uint32_t events;
    char order[16];
    int signals[4], signal_count;
    pid_t child;
};

#define OK(call)                                                                                     \
    do {                                                                                             \
        f->err = (struct kg_err){ 0 };                                                               \
        if ((call) < 0)                                                                              \
            fail_msg("%s: %s", #call, f->err.msg);                                                   \
    } while (0)

static int setup(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;

    *f = (struct fixture){ 0 };
    *state = f;
    OK(kg_loop_open(&f->loop, &f->err));
    OK(kg_socket_pair(f->a, &f->err));
    OK(kg_socket_pair(f->b, &f->err));
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    kg_loop_close(f->loop);
    for (int i = 0; i < 2; i++) {
        close(f->a[i]);
        close(f->b[i]);
    }
    return 0;
}

static void drain(void *arg, int fd, uint32_t events)
{
    struct fixture *f = arg;
    char c[8];

    f->events = events;
    f->calls++;
    (void)!read(fd, c, sizeof c);
}

static void test_a_watch_is_called_when_bytes_come_and_not_before(void **state)
{
    struct fixture *f = *state;

    OK(kg_loop_watch(f->loop, f->a[0], EPOLLIN, drain, f, &f->wa, &f->err));
    OK(kg_loop_once(f->loop, 0, &f->err));
    assert_int_equal(f->calls, 0);
    assert_int_equal(write(f->a[1], "x", 1), 1);
    OK(kg_loop_once(f->loop, KG_SECOND, &f->err));
    assert_int_equal(f->calls, 1);
    kg_watch_change(f->wa, 0);
    assert_int_equal(write(f->a[1], "x", 1), 1);
    OK(kg_loop_once(f->loop, 0, &f->err));
    assert_int_equal(f->calls, 1);
    kg_watch_change(f->wa, EPOLLIN);
    OK(kg_loop_once(f->loop, KG_SECOND, &f->err));
    assert_int_equal(f->calls, 2);
}

static void test_a_hang_up_is_told_even_when_nothing_else_is_asked(void **state)
{
    struct fixture *f = *state;

    OK(kg_loop_watch(f->loop, f->a[0], 0, drain, f, &f->wa, &f->err));
    close(f->a[1]);
    f->a[1] = -1;
    OK(kg_loop_once(f->loop, KG_SECOND, &f->err));
    assert_true(f->events & EPOLLHUP);
}

static void stop_both(void *arg, int fd, uint32_t events)
{
    struct fixture *f = arg;

    (void)fd;
    (void)events;
    f->calls++;
    kg_watch_stop(f->wa);
    kg_watch_stop(f->wb);
}

static void test_a_watch_stopped_by_another_callback_of_the_round_is_not_called(void **state)
{
    struct fixture *f = *state;

    OK(kg_loop_watch(f->loop, f->a[0], EPOLLIN, stop_both, f, &f->wa, &f->err));
    OK(kg_loop_watch(f->loop, f->b[0], EPOLLIN, stop_both, f, &f->wb, &f->err));
    assert_int_equal(write(f->a[1], "x", 1) + write(f->b[1], "x", 1), 2);
    OK(kg_loop_once(f->loop, KG_SECOND, &f->err));
    assert_int_equal(f->calls, 1);
    OK(kg_loop_once(f->loop, 0, &f->err));
    assert_int_equal(f->calls, 1);
}

static void restart(void *arg, int fd, uint32_t events)
{
    struct fixture *f = arg;

    (void)events;
    f->calls++;
    kg_watch_stop(f->wa);
    OK(kg_loop_watch(f->loop, fd, EPOLLIN, drain, f, &f->wa, &f->err));
}

static void test_a_callback_may_replace_its_own_watch(void **state)
{
    struct fixture *f = *state;

    OK(kg_loop_watch(f->loop, f->a[0], EPOLLIN, restart, f, &f->wa, &f->err));
    assert_int_equal(write(f->a[1], "x", 1), 1);
    OK(kg_loop_once(f->loop, KG_SECOND, &f->err));
    OK(kg_loop_once(f->loop, KG_SECOND, &f->err));
    assert_int_equal(f->calls, 2);
}

static void test_what_cannot_be_watched_is_reported(void **state)
{
    struct fixture *f = *state;
    int file = STDIN_FILENO;
    struct kg_err err = { 0 };
    FILE *tmp = tmpfile();

    assert_non_null(tmp);
    file = fileno(tmp);
    assert_int_equal(kg_loop_watch(f->loop, file, EPOLLIN, drain, f, &f->wa, &err), -KG_E_IO);
    fclose(tmp);
}

static void first(void *arg) { struct fixture *f = arg; f->order[strlen(f->order)] = '1'; }
static void second(void *arg) { struct fixture *f = arg; f->order[strlen(f->order)] = '2'; }

static void test_timers_fire_once_in_the_order_of_their_deadlines_and_not_early(void **state)
{
    struct fixture *f = *state;
    kg_usec now = kg_now_mono();

    f->t2 = kg_loop_timer(f->loop, now + 20000, second, f);
    f->t1 = kg_loop_timer(f->loop, now + 10000, first, f);
    OK(kg_loop_once(f->loop, -1, &f->err));
    assert_true(kg_now_mono() >= now + 10000);
    while (strlen(f->order) < 2)
        OK(kg_loop_once(f->loop, -1, &f->err));
    assert_string_equal(f->order, "12");
    OK(kg_loop_once(f->loop, 1000, &f->err));
    assert_string_equal(f->order, "12");
    kg_timer_set(f->t1, 0); /* long past: at once, again */
    OK(kg_loop_once(f->loop, -1, &f->err));
    assert_string_equal(f->order, "121");
}

static void again_now(void *arg)
{
    struct fixture *f = arg;

    f->calls++;
    kg_timer_set(f->t1, 0);
}

static void test_a_timer_that_is_always_due_does_not_starve_the_loop(void **state)
{
    struct fixture *f = *state;

    f->t1 = kg_loop_timer(f->loop, 0, again_now, f);
    OK(kg_loop_once(f->loop, -1, &f->err));
    assert_int_equal(f->calls, 1);
    OK(kg_loop_once(f->loop, -1, &f->err));
    assert_int_equal(f->calls, 2);
}

static void stop_the_other(void *arg)
{
    struct fixture *f = arg;

    f->calls++;
    kg_timer_stop(f->t2);
    kg_timer_stop(f->t1);
}

static void test_a_timer_stopped_by_one_that_fires_with_it_does_not_fire(void **state)
{
    struct fixture *f = *state;

    f->t1 = kg_loop_timer(f->loop, 1, stop_the_other, f);
    f->t2 = kg_loop_timer(f->loop, 2, second, f);
    OK(kg_loop_once(f->loop, -1, &f->err));
    assert_int_equal(f->calls, 1);
    assert_string_equal(f->order, "");
}

static kg_usec prepare(void *arg)
{
    struct fixture *f = arg;

    f->rounds++;
    return 1000;
}

static void test_prepare_runs_before_each_wait_and_shortens_it(void **state)
{
    struct fixture *f = *state;
    kg_usec began = kg_now_mono();

    kg_loop_prepare(f->loop, prepare, f);
    OK(kg_loop_once(f->loop, 10 * KG_SECOND, &f->err));
    assert_int_equal(f->rounds, 1);
    assert_true(kg_now_mono() - began < 5 * KG_SECOND);
}

static void on_signal(void *arg, int signo)
{
    struct fixture *f = arg;
    int status;

    f->signals[f->signal_count++ % 4] = signo;
    if (signo == SIGCHLD && waitpid(f->child, &status, WNOHANG) == f->child)
        kg_loop_stop(f->loop);
}

static void test_signals_and_the_end_of_a_child_come_through_the_loop(void **state)
{
    struct fixture *f = *state;
    static const char *const argv[] = { "true", NULL }, *const envp[] = { "PATH=/usr/bin:/bin", NULL };
    sigset_t mask;

    OK(kg_loop_signals(f->loop, on_signal, f, &f->err));
    kill(getpid(), SIGHUP);
    OK(kg_loop_once(f->loop, KG_SECOND, &f->err));
    assert_int_equal(f->signals[0], SIGHUP);
    OK(kg_proc_spawn(&(struct kg_proc_spec){ .argv = argv, .envp = envp, .fd_in = -1, .fd_out = -1, .fd_err = -1 },
                     &f->child, &f->err));
    OK(kg_loop_run(f->loop, &f->err)); /* until the callback has reaped it */
    assert_int_equal(f->signals[1], SIGCHLD);
    kg_loop_close(f->loop);
    OK(kg_loop_open(&f->loop, &f->err));
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_false(sigismember(&mask, SIGTERM)); /* closing gives the mask back */
}

static void *start_and_leave(void *arg)
{
    struct fixture *f = arg;
    static const char *const argv[] = { "sleep", "60", NULL }, *const envp[] = { "PATH=/usr/bin:/bin", NULL };

    OK(kg_proc_spawn(&(struct kg_proc_spec){ .argv = argv, .envp = envp, .fd_in = -1, .fd_out = -1, .fd_err = -1,
                                             .ends_with_us = true }, &f->child, &f->err));
    return NULL;
}

static void test_a_child_that_shall_end_with_us_does(void **state)
{
    struct fixture *f = *state;
    int status = 0;
    pthread_t t;

    assert_int_equal(pthread_create(&t, NULL, start_and_leave, f), 0);
    pthread_join(t, NULL);
    OK(kg_proc_wait(f->child, 10 * KG_SECOND, &status, &f->err));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void test_a_child_that_shall_end_with_us_gets_what_others_get(void **state)
{
    struct fixture *f = *state;
    static const char script[] = "read line; echo \"$line $X $(ls /proc/self/fd | wc -l)\"; cat <&3; exit 5";
    static const char *const argv[] = { "sh", "-c", script, NULL }, *const envp[] = { "PATH=/usr/bin:/bin", "X=env", NULL };
    static const char *const missing[] = { "keepgres-no-such-program", NULL };
    int in[2], out[2], pass[2], status = 0;
    char text[100] = { 0 };

    assert_int_equal(pipe(in) | pipe(out) | pipe(pass), 0);
    assert_int_equal(write(in[1], "line\n", 5), 5);
    assert_int_equal(write(pass[1], "passed", 6), 6);
    close(pass[1]);
    OK(kg_proc_spawn(&(struct kg_proc_spec){ .argv = argv, .envp = envp, .fd_in = in[0], .fd_out = out[1], .fd_err = -1,
                                             .fd_pass = pass[0], .ends_with_us = true }, &f->child, &f->err));
    close(out[1]);
    OK(kg_proc_wait(f->child, 10 * KG_SECOND, &status, &f->err));
    assert_int_equal(WEXITSTATUS(status), 5);
    assert_true(read(out[0], text, sizeof text - 1) > 0);
    assert_string_equal(text, "line env 5\npassed"); /* 0 to 3, and the folder that ls reads */
    assert_int_equal(getpgid(0) == f->child, 0);
    assert_int_equal(kg_proc_spawn(&(struct kg_proc_spec){ .argv = missing, .envp = envp, .fd_in = -1, .fd_out = -1, .fd_err = -1,
                                                           .ends_with_us = true }, &f->child, &f->err), -KG_E_NO_PROGRAM);
    close(in[0]);
    close(in[1]);
    close(out[0]);
    close(pass[0]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_watch_is_called_when_bytes_come_and_not_before),
        T(test_a_hang_up_is_told_even_when_nothing_else_is_asked),
        T(test_a_watch_stopped_by_another_callback_of_the_round_is_not_called),
        T(test_a_callback_may_replace_its_own_watch),
        T(test_what_cannot_be_watched_is_reported),
        T(test_timers_fire_once_in_the_order_of_their_deadlines_and_not_early),
        T(test_a_timer_that_is_always_due_does_not_starve_the_loop),
        T(test_a_timer_stopped_by_one_that_fires_with_it_does_not_fire),
        T(test_prepare_runs_before_each_wait_and_shortens_it),
        T(test_signals_and_the_end_of_a_child_come_through_the_loop),
        T(test_a_child_that_shall_end_with_us_does),
        T(test_a_child_that_shall_end_with_us_gets_what_others_get),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
