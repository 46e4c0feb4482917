#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/fd.h"
#include "sys/sock.h"
#include "worker/proto.h"

struct fixture {
    int fd[2];                       /* 0 does not block, 1 does */
    struct kg_frame_reader *r;
};

static int setup(void **state)
{
    struct fixture *f = kg_xalloc(sizeof *f);
    struct kg_err err = { 0 };

    assert_int_equal(kg_socket_pair(f->fd, &err), 0);
    f->r = kg_frame_reader_new();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    kg_closep(&f->fd[0]);
    kg_closep(&f->fd[1]);
    kg_frame_reader_free(f->r);
    free(f);
    return 0;
}

static void put(struct fixture *f, const void *p, size_t n) { assert_int_equal(kg_write_all(f->fd[1], p, n), 0); }

static int take(struct fixture *f, struct kg_frame *ret, struct kg_err *err)
{
    for (;;) {
        int r = kg_frame_reader_next(f->r, ret, err);

        if (r != 0)
            return r;
        r = kg_frame_reader_fill(f->r, f->fd[0], err);
        if (r <= 0)
            return r == 0 ? -EPIPE : r;
    }
}

static void test_json_and_secrets_arrive_whole_and_in_order(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_SECRET struct kg_secret *s = kg_secret_new_copy("pass\0word", 9);
    KG_AUTO_JSON struct kg_json *j = kg_json_object();
    struct kg_frame in = { 0 };
    struct kg_err err = { 0 };

    kg_json_set_str(j, "event", "log");
    assert_int_equal(kg_frame_send_secret(f->fd[1], "connection", s, &err), 0);
    assert_int_equal(kg_frame_send_json(f->fd[1], j, &err), 0);
    assert_int_equal(take(f, &in, &err), 1);
    assert_string_equal(in.secret_name, "connection");
    assert_true(kg_secret_equal(in.secret, s));
    assert_null(in.json);
    kg_frame_done(&in);
    assert_int_equal(take(f, &in, &err), 1);
    assert_string_equal(kg_json_str_or(in.json, "event", ""), "log");
    kg_frame_done(&in);
    assert_int_equal(take(f, &in, &err), -EAGAIN);
    shutdown(f->fd[1], SHUT_WR);
    assert_int_equal(take(f, &in, &err), -EPIPE);
}

static void test_a_frame_may_come_byte_by_byte(void **state)
{
    static const char frame[] = "\x0a\0\0\0J{\"a\":123}\x03\0\0\0J{}";
    struct fixture *f = *state;
    struct kg_frame in = { 0 };
    struct kg_err err = { 0 };
    int frames = 0;

    for (size_t i = 0; i < sizeof frame - 1; i++) {
        put(f, frame + i, 1);
        assert_int_equal(kg_frame_reader_fill(f->r, f->fd[0], &err), 1);
        while (kg_frame_reader_next(f->r, &in, &err) == 1) {
            frames++;
            kg_frame_done(&in);
        }
        assert_int_equal(err.code, KG_E_OK);
    }
    assert_int_equal(frames, 2);
}

static void test_what_is_no_frame_is_refused(void **state)
{
    static const struct { const char *bytes; size_t n; enum kg_code code; } cases[] = {
        { "\0\0\0\0", 4, KG_E_LIMIT },
        { "\xff\xff\xff\xff", 4, KG_E_LIMIT },
        { "\x01\0\0\x01", 4, KG_E_LIMIT },          /* 16 MiB and one byte */
        { "\x03\0\0\0X{}", 7, KG_E_BAD_JSON },
        { "\x03\0\0\0J[]", 7, KG_E_BAD_JSON },
        { "\x04\0\0\0J{}x", 8, KG_E_BAD_JSON },
        { "\x01\0\0\0J", 5, KG_E_BAD_JSON },
        { "\x05\0\0\0Sname", 9, KG_E_BAD_JSON },    /* no NUL */
        { "\x05\0\0\0S\0abc", 9, KG_E_BAD_JSON },   /* no name */
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        void *own = NULL;
        struct kg_frame in = { 0 };
        struct kg_err err = { 0 };
        struct fixture *f;
        int r;

        setup(&own);
        f = own;
        put(f, cases[i].bytes, cases[i].n);
        r = take(f, &in, &err);
        if (r != -(int)cases[i].code)
            fail_msg("case %zu: %d %s", i, r, err.msg);
        assert_true(!in.json && !in.secret && !in.secret_name);
        teardown(&own);
    }
}

static void test_a_flood_of_frames_does_not_pile_up(void **state)
{
    struct fixture *f = *state;
    struct kg_err err = { 0 };
    char tiny[700];

    for (size_t i = 0; i < sizeof tiny; i += 7)
        memcpy(tiny + i, "\x03\0\0\0J{}", 7);
    put(f, tiny, sizeof tiny);
    assert_int_equal(kg_frame_reader_fill(f->r, f->fd[0], &err), 1);
    for (int i = 0; i < 100; i++) {
        put(f, tiny, sizeof tiny);
        assert_int_equal(kg_frame_reader_fill(f->r, f->fd[0], &err), 1); /* reads nothing: a frame waits */
    }
    struct kg_frame in = { 0 };
    int n = 0;
    while (kg_frame_reader_next(f->r, &in, &err) == 1) {
        kg_frame_done(&in);
        n++;
    }
    assert_int_equal(n, 100);
}

struct pump {
    int fd;
    size_t got;
};

static void *read_all(void *arg)
{
    struct pump *p = arg;
    char block[65536];
    ssize_t n;

    while ((n = read(p->fd, block, sizeof block)) > 0)
        p->got += (size_t)n;
    return NULL;
}

static void test_a_writer_that_does_not_block_sends_the_rest_later(void **state)
{
    struct fixture *f = *state;
    struct kg_frame_writer *w = kg_frame_writer_new();
    KG_AUTO_JSON struct kg_json *j = kg_json_object();
    KG_AUTO_FREE char *big = kg_xalloc((8 << 20) + 1);
    struct pump p = { .fd = f->fd[1] };
    struct kg_err err = { 0 };
    pthread_t reader;
    int r;

    memset(big, 'x', 8 << 20);
    kg_json_set_str(j, "text", big);
    assert_int_equal(kg_frame_writer_add_json(w, j, &err), 0);
    assert_int_equal(kg_frame_writer_flush(w, f->fd[0], &err), 1);
    pthread_create(&reader, NULL, read_all, &p);
    while ((r = kg_frame_writer_flush(w, f->fd[0], &err)) == 1)
        usleep(1000);
    assert_int_equal(r, 0);
    shutdown(f->fd[0], SHUT_WR);
    pthread_join(reader, NULL);
    assert_int_equal(p.got, (8 << 20) + 5 + strlen("{\"text\":\"\"}"));
    kg_frame_writer_free(w);
}

static void test_sending_to_nobody_is_an_error_and_no_signal(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_JSON struct kg_json *j = kg_json_object();
    struct kg_err err = { 0 };

    close(f->fd[0]);
    f->fd[0] = -1;
    assert_int_equal(kg_frame_send_json(f->fd[1], j, &err), -KG_E_IO);
}

static void test_errors_come_through_with_code_message_and_advice(void **state)
{
    (void)state;
    for (unsigned i = 1; kg_code_at(i) != KG_E_OK; i++) {
        struct kg_err e = { 0 }, back;
        KG_AUTO_JSON struct kg_json *j = NULL;

        kg_err_set(&e, kg_code_at(i), "what");
        kg_err_advise(&e, "Do this.");
        j = kg_err_to_json(&e);
        kg_err_from_json(j, &back);
        assert_int_equal(back.code, e.code);
        assert_string_equal(back.msg, "what");
        assert_string_equal(back.action, "Do this.");
    }
    struct kg_err odd;
    KG_AUTO_JSON struct kg_json *j = kg_json_object();
    kg_json_set_str(j, "code", "OK");
    kg_json_set_u64(j, "number", 0);
    kg_err_from_json(j, &odd);
    assert_int_equal(odd.code, KG_E_CHILD); /* "OK" is no failure's code */
    kg_err_from_json(NULL, &odd);
    assert_int_equal(odd.code, KG_E_CHILD);
    assert_true(*odd.msg && *odd.action);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_json_and_secrets_arrive_whole_and_in_order),
        T(test_a_frame_may_come_byte_by_byte),
        cmocka_unit_test(test_what_is_no_frame_is_refused),
        T(test_a_flood_of_frames_does_not_pile_up),
        T(test_a_writer_that_does_not_block_sends_the_rest_later),
        T(test_sending_to_nobody_is_an_error_and_no_signal),
        cmocka_unit_test(test_errors_come_through_with_code_message_and_advice),
    };

    kg_crypto_start();
    return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
