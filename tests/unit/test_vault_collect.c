/* Space comes back, and never what a recovery point needs: beside running backups, over kills and failures, with machines that
 * stand still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/vault_fixture.h"
#include "sys/alive.h"
#include "vault/presence.h"

enum { LEN = 3 << 20, SHARED = 2 << 20 };
static const struct kg_write_opts small = { .level = 1, .segment_bytes = 64 << 10, .pack_bytes = 256 << 10 };

static uint64_t number(const struct kg_json *j, const char *key)
{
    assert_non_null(kg_json_get(j, key));
    return kg_json_u64(j, key, 0);
}

static uint64_t collected(struct kg_vault *v, const char *what)
{
    KG_AUTO_JSON struct kg_json *r = collect_with(v, &(struct kg_collect_opts){ 0 });

    return number(r, what);
}

static uint64_t packs(struct kg_vault *v)
{
    KG_AUTO_JSON struct kg_json *r = collect_with(v, &(struct kg_collect_opts){ .dry_run = true });

    return number(r, "packs");
}

/* p1: a shared part and one of its own; p2: the same shared part, another one of its own. */
struct data { char *text[2]; size_t len[2]; };

static struct data data_of(uint64_t own)
{
    char *shared = rows_of(1, SHARED), *rest = rows_of(own, LEN);

    return (struct data){ { shared, rest }, { SHARED, LEN } };
}

static void data_done(struct data *d)
{
    free(d->text[0]);
    free(d->text[1]);
}
#define AUTO_DATA __attribute__((cleanup(data_done)))

static int backup(struct kg_vault *v, const char *point, const struct data *d, struct kg_err *err)
{
    struct kg_stream s[2];

    return back_up(v, &small, point, d->text, d->len, 2, s, NULL, err);
}

static void test_what_nothing_needs_goes_and_what_something_needs_stays(void **state)
{
    struct fixture *f = fixture_new(true);
    AUTO_DATA struct data a = data_of(2), b = data_of(3);
    struct kg_err err = { 0 };
    uint64_t full;

    (void)state;
    OK(backup(f->v, "p1", &a, &err));
    OK(backup(f->v, "p2", &b, &err));
    assert_int_equal(collected(f->v, "deletedPacks"), 0);
    full = packs(f->v);
    OK(kg_point_delete(f->v, "inst", "p1", &err));
    {
        KG_AUTO_JSON struct kg_json *dry = collect_with(f->v, &(struct kg_collect_opts){ .dry_run = true });

        assert_true(number(dry, "deadPacks") > 0);
        assert_int_equal(number(dry, "deletedPacks"), 0);
        assert_int_equal(packs(f->v), full);
    }
    assert_true(collected(f->v, "deletedPacks") > 0);
    assert_true(packs(f->v) < full);
    read_point(f->v, "p2", b.text, b.len, 2);
    healthy(f->v);
    assert_int_equal(collected(f->v, "deletedPacks"), 0);
    assert_int_equal(objects_of(f->st, "doomed/").n + objects_of(f->st, "writers/").n + objects_of(f->st, "locks/").n, 0);
    /* What went can come again. */
    OK(backup(f->v, "p3", &a, &err));
    read_point(f->v, "p3", a.text, a.len, 2);
    OK(kg_point_delete(f->v, "inst", "p2", &err));
    OK(kg_point_delete(f->v, "inst", "p3", &err));
    (void)collected(f->v, "freedBytes");
    assert_int_equal(packs(f->v), 0);
    fixture_free(f);
}

static void test_a_pack_of_which_little_is_needed_is_rewritten(void **state)
{
    struct fixture *f = fixture_new(false);
    struct kg_err err = { 0 };
    char *big = rows_of(7, LEN), *piece = kg_xstrndup(big, 150000);
    size_t lens[2] = { LEN, 150000 };
    struct kg_stream s[1];
    struct kg_write_opts one_pack = { .level = 1, .segment_bytes = 64 << 10, .pack_bytes = 64 << 20 };

    (void)state;
    OK(back_up(f->v, &one_pack, "p1", &big, lens, 1, s, NULL, &err));
    OK(back_up(f->v, &one_pack, "p2", &piece, lens + 1, 1, s, NULL, &err));
    OK(kg_point_delete(f->v, "inst", "p1", &err));
    {
        KG_AUTO_JSON struct kg_json *r = collect_with(f->v, &(struct kg_collect_opts){ 0 });

        assert_int_equal(number(r, "repackPacks"), 1);
        assert_true(number(r, "rewrittenBytes") > 100000 && number(r, "rewrittenBytes") < 400000);
        assert_true(number(r, "freedBytes") > number(r, "rewrittenBytes"));
    }
    read_point(f->v, "p2", &piece, lens + 1, 1);
    healthy(f->v);
    free(big);
    free(piece);
    fixture_free(f);
}

/* A backup that began before the marking found its chunks in packs that are dead by now. */
static void test_a_running_backup_holds_up_the_sweep_and_keeps_its_chunks(void **state)
{
    struct fixture *f = fixture_new(false);
    AUTO_DATA struct data a = data_of(2);
    KG_CLEANUP(kg_writer_freep) struct kg_writer *w = NULL;
    KG_AUTO_JSON struct kg_json *m = NULL, *r = NULL;
    struct kg_sink *sink = NULL;
    struct kg_stream s[2];
    struct kg_err err = { 0 };

    (void)state;
    OK(backup(f->v, "p1", &a, &err));
    OK(kg_writer_begin(f->v, &small, &w, &err));
    OK(kg_sink_open(w, &sink, &err));
    OK(send_stream(sink, KG_CHUNK_SMALL, a.text[0], a.len[0], &s[0], &err));
    OK(kg_point_delete(f->v, "inst", "p1", &err));
    r = collect_with(f->v, &(struct kg_collect_opts){ 0 });
    assert_int_equal(number(r, "deletedPacks"), 0);
    assert_int_equal(kg_json_count(kg_json_get(r, "waitingFor")), 1);
    assert_string_equal(kg_json_str(r, "waitingFor.0.what"), "backup");
    OK(send_stream(sink, KG_CHUNK_SMALL, a.text[1], a.len[1], &s[1], &err));
    OK(kg_sink_close(sink, &err));
    m = manifest_of(s, 2);
    OK(kg_writer_commit(w, "inst", "p2", m, &err));
    assert_true(collected(f->v, "deletedPacks") > 0 || objects_of(f->st, "writers/").n == 1);
    kg_writer_free(KG_TAKE(w));
    (void)collected(f->v, "deletedPacks");
    read_point(f->v, "p2", a.text, a.len, 2);
    healthy(f->v);
    assert_int_equal(objects_of(f->st, "doomed/").n, 0);
    fixture_free(f);
}

/* A backup that begins between marking and sweep takes nothing in doomed packs for granted. */
static void test_a_backup_after_the_marking_stores_again_what_is_doomed(void **state)
{
    struct fixture *f = fixture_new(false);
    AUTO_DATA struct data a = data_of(2);
    KG_CLEANUP(kg_presence_endp) struct kg_presence *reader = NULL;
    struct kg_write_stats st;
    struct kg_stream s[2];
    struct kg_err err = { 0 };

    (void)state;
    OK(backup(f->v, "p1", &a, &err));
    OK(kg_point_delete(f->v, "inst", "p1", &err));
    OK(kg_vault_hold(f->v, "restore", &reader, &err));
    assert_int_equal(collected(f->v, "deletedPacks"), 0); /* somebody reads */
    assert_int_equal(objects_of(f->st, "doomed/").n, 1);
    OK(back_up(f->v, &small, "p2", a.text, a.len, 2, s, &st, &err));
    assert_true(st.new_bytes > LEN);
    kg_vault_release(KG_TAKE(reader));
    assert_true(collected(f->v, "deletedPacks") > 0);
    read_point(f->v, "p2", a.text, a.len, 2);
    healthy(f->v);
    fixture_free(f);
}

/* A machine that stood still: collection gave its writer up, and it must not make a recovery point. */
static void test_a_writer_that_was_given_up_cannot_commit(void **state)
{
    struct fixture *f = fixture_new(false);
    AUTO_DATA struct data a = data_of(2);

    (void)state;
    for (unsigned late = 0; late < 2; late++) {
        KG_CLEANUP(kg_writer_freep) struct kg_writer *w = NULL;
        KG_AUTO_JSON struct kg_json *m = NULL;
        struct fixture_names names;
        struct kg_sink *sink = NULL;
        struct kg_stream s[1];
        struct kg_err err = { 0 };

        OK(kg_writer_begin(f->v, &small, &w, &err));
        OK(kg_sink_open(w, &sink, &err));
        OK(send_stream(sink, KG_CHUNK_SMALL, a.text[0], a.len[0], &s[0], &err));
        OK(kg_sink_close(sink, &err));
        names = objects_of(f->st, "writers/");
        assert_int_equal(names.n, 1);
        OK(kg_store_remove(f->st, names.name[0], &err));
        m = manifest_of(s, 1);
        FAILS(COLLECTED, kg_writer_commit(w, "inst", "late", m, &err));
        assert_int_equal(objects_of(f->st, "points/").n, 0);
    }
    fixture_free(f);
}

/* ---- processes ---- */

static pid_t fork_backup(struct fixture *f, const char *point, const struct data *d, unsigned die_at)
{
    pid_t pid = _Fork();

    if (pid == 0) {
        struct kg_err err = { 0 };

        if (die_at)
            kg_fault_arm(KG_FP_ANY, die_at, KG_FAULT_KILL);
        _exit(backup(f->v, point, d, &err) < 0);
    }
    assert_true(pid > 0);
    return pid;
}

static void test_a_mark_tells_the_living_from_the_dead(void **state)
{
    char mark[KG_MARK_ROOM], other[KG_MARK_ROOM];
    int fds[2], status;
    pid_t pid;

    (void)state;
    assert_int_equal(kg_mark_alive(kg_mark_self(mark)), KG_LIVES);
    assert_int_equal(kg_mark_alive(""), KG_LIVES_ELSEWHERE);
    assert_int_equal(kg_mark_alive("other-boot/pid:[1]/17/55"), KG_LIVES_ELSEWHERE);
    assert_int_equal(pipe(fds), 0);
    pid = _Fork();
    if (pid == 0) {
        kg_mark_self(other);
        if (write(fds[1], other, sizeof other) != sizeof other)
            _exit(1);
        raise(SIGSTOP);
        _exit(0);
    }
    assert_int_equal(read(fds[0], other, sizeof other), sizeof other);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_int_equal(kg_mark_alive(other), KG_LIVES); /* it only stands still */
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(kg_mark_alive(other), KG_IS_DEAD);
    close(fds[0]);
    close(fds[1]);
}

static void test_a_backup_that_was_killed_leaves_nothing_for_ever(void **state)
{
    struct fixture *f = fixture_new(true);
    AUTO_DATA struct data a = data_of(2), b = data_of(3);
    struct kg_err err = { 0 };
    int status;

    (void)state;
    OK(backup(f->v, "p1", &a, &err));
    for (unsigned step = 5; step < 60; step += 9) {
        pid_t pid = fork_backup(f, "p2", &b, step);

        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status)) /* there were fewer steps */
            break;
        (void)collected(f->v, "deletedPacks");
        assert_int_equal(objects_of(f->st, "writers/").n, 0);
        read_point(f->v, "p1", a.text, a.len, 2);
        healthy(f->v);
    }
    assert_true(packs(f->v) > 0);
    fixture_free(f);
}

/* Collection dies or fails at every step; the points stay whole, and the next collection finishes the work. */
static void any_step(bool killed)
{
    AUTO_DATA struct data a = data_of(2), b = data_of(3);
    uint64_t whole = 0;
    unsigned step;

    a.len[0] = b.len[0] = 300 << 10;     /* many times over, so less of it */
    a.len[1] = b.len[1] = 700 << 10;

    for (step = 1; step < 400; step++) {
        struct fixture *f = fixture_new(killed);
        struct kg_err err = { 0 };
        bool over;
        int status = 0;

        OK(backup(f->v, "p1", &a, &err));
        OK(backup(f->v, "p2", &b, &err));
        OK(kg_point_delete(f->v, "inst", "p1", &err));
        if (step == 1) {                 /* how many packs are left when all goes well */
            KG_AUTO_JSON struct kg_json *dry = collect_with(f->v, &(struct kg_collect_opts){ .dry_run = true });

            whole = number(dry, "packs") - number(dry, "deadPacks");
        }
        if (killed) {
            pid_t pid = _Fork();

            if (pid == 0) {
                kg_fault_arm(KG_FP_ANY, step, KG_FAULT_KILL);
                (void)collected(f->v, "deletedPacks");
                _exit(0);
            }
            assert_int_equal(waitpid(pid, &status, 0), pid);
            over = WIFEXITED(status);
        } else {
            struct kg_json *r = NULL;

            kg_fault_arm(KG_FP_ANY, step, EIO);
            if (kg_vault_collect(f->v, &(struct kg_collect_opts){ 0 }, &r, &err) == 0)
                kg_json_free(r);
            over = !kg_fault_fired();
            kg_fault_reset();
        }
        read_point(f->v, "p2", b.text, b.len, 2);
        (void)collected(f->v, "deletedPacks");
        read_point(f->v, "p2", b.text, b.len, 2);
        healthy(f->v);
        if (packs(f->v) > whole)
            fail_msg("step %u: space did not come back", step);
        /* What a living process could not delete stays until it ends. */
        if (objects_of(f->st, "doomed/").n + objects_of(f->st, "locks/").n || (killed && objects_of(f->st, "writers/").n))
            fail_msg("step %u left something behind", step);
        fixture_free(f);
        if (over)
            break;
    }
    assert_in_range(step, 20, 399);
}

static void test_a_collection_that_fails_anywhere_loses_nothing(void **state) { (void)state; any_step(false); }
static void test_a_collection_that_is_killed_anywhere_loses_nothing(void **state) { (void)state; any_step(true); }

static void test_damage_stops_it_before_anything_goes(void **state)
{
    static const char *const prefixes[] = { "points/inst/p2", "packs/", "index/" };
    AUTO_DATA struct data a = data_of(2), b = data_of(3);

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(prefixes); i++) {
        struct fixture *f = fixture_new(false);
        struct kg_json *r = NULL;
        struct fixture_names names;
        struct kg_err err = { 0 };
        size_t before;

        OK(backup(f->v, "p1", &a, &err));
        OK(backup(f->v, "p2", &b, &err));
        OK(kg_point_delete(f->v, "inst", "p1", &err));
        names = objects_of(f->st, prefixes[i]);
        {
            KG_AUTO_BUF struct kg_buf bytes = object_get(f->st, names.name[0]);

            bytes.p[bytes.len - 30] ^= 1;
            object_set(f->st, names.name[0], bytes.p, bytes.len);
        }
        before = objects_of(f->st, "packs/").n;
        assert_true(kg_vault_collect(f->v, &(struct kg_collect_opts){ 0 }, &r, &err) < 0);
        assert_non_null(strstr(err.msg, i == 1 ? "packs/" : prefixes[i]));
        assert_int_equal(objects_of(f->st, "packs/").n, before);
        fixture_free(f);
    }
}

static void test_two_collections_do_not_meet(void **state)
{
    struct fixture *f = fixture_new(true);
    struct kg_json *r = NULL;
    struct kg_err err = { 0 };
    int status;
    pid_t pid;

    (void)state;
    pid = _Fork();
    if (pid == 0) {
        _exit(kg_collect_lock(f->v, false, &err) < 0 || raise(SIGSTOP));
    }
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    FAILS(BUSY, kg_vault_collect(f->v, &(struct kg_collect_opts){ .take_over = true }, &r, &err));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(collected(f->v, "deletedPacks"), 0); /* its lock was a dead one's */
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_mark_tells_the_living_from_the_dead),
        cmocka_unit_test(test_what_nothing_needs_goes_and_what_something_needs_stays),
        cmocka_unit_test(test_a_pack_of_which_little_is_needed_is_rewritten),
        cmocka_unit_test(test_a_running_backup_holds_up_the_sweep_and_keeps_its_chunks),
        cmocka_unit_test(test_a_backup_after_the_marking_stores_again_what_is_doomed),
        cmocka_unit_test(test_a_writer_that_was_given_up_cannot_commit),
        cmocka_unit_test(test_a_backup_that_was_killed_leaves_nothing_for_ever),
        cmocka_unit_test(test_a_collection_that_fails_anywhere_loses_nothing),
        cmocka_unit_test(test_a_collection_that_is_killed_anywhere_loses_nothing),
        cmocka_unit_test(test_damage_stops_it_before_anything_goes),
        cmocka_unit_test(test_two_collections_do_not_meet),
    };

    kg_crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
