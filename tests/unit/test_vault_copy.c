/* A recovery point in both datastores: the same bytes, nothing half, whatever fails in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/vault_fixture.h"

enum { LEN = 3 << 20 };
static const struct kg_write_opts small = { .level = 1, .segment_bytes = 64 << 10, .pack_bytes = 256 << 10 };
static const struct kg_copy_opts hard = { .level = 12, .jobs = 3 };

/* The archive of a fixture's vault. */
struct archive {
    struct kg_store *st;
    struct kg_vault *v;
};

static struct archive archive_of(struct fixture *f)
{
    struct kg_vault_spec spec = { .tier = "ArchiveStore", .like = f->v };
    struct archive a = { 0 };
    struct kg_err err = { 0 };

    a.st = kg_store_open_mem();
    OK(kg_vault_create(a.st, &spec, f->key, &a.v, &err));
    return a;
}

static void archive_done(struct archive *a)
{
    kg_vault_close(a->v);
    kg_store_close(a->st);
}
#define AUTO_ARCHIVE __attribute__((cleanup(archive_done)))

struct data { char *text[3]; size_t len[3]; };

static struct data data_of(uint64_t seed)
{
    return (struct data){ { rows_of(seed, LEN), rows_of(seed + 1, 100), rows_of(7, LEN / 2) }, { LEN, 100, LEN / 2 } };
}

static void data_done(struct data *d)
{
    for (int i = 0; i < 3; i++)
        free(d->text[i]);
}
#define AUTO_DATA __attribute__((cleanup(data_done)))

static void backup(struct kg_vault *v, const char *point, const struct data *d)
{
    struct kg_stream s[3];
    struct kg_err err = { 0 };

    OK(back_up(v, &small, point, (char *const *)d->text, d->len, 3, s, NULL, &err));
}

static void test_a_copy_is_the_point_and_needs_nothing_of_the_first_store(void **state)
{
    struct fixture *f = fixture_new(false);
    AUTO_ARCHIVE struct archive a = archive_of(f);
    AUTO_DATA struct data d = data_of(11), e = data_of(21);
    struct kg_copy_result r;
    struct kg_err err = { 0 };
    uint64_t first;

    (void)state;
    backup(f->v, "p1", &d);
    backup(f->v, "p2", &e);
    OK(kg_point_copy(f->v, a.v, "inst", "p1", &hard, &r, &err));
    assert_false(r.already);
    assert_int_equal(r.bytes, LEN + LEN / 2 + 100);
    first = r.stored_bytes;
    OK(kg_point_copy(f->v, a.v, "inst", "p2", &hard, &r, &err));
    assert_true(r.new_bytes < r.bytes && r.stored_bytes < first); /* what both have in common is there once */
    OK(kg_point_delete(f->v, "inst", "p1", &err));
    {
        KG_AUTO_JSON struct kg_json *report = NULL;

        OK(kg_vault_collect(f->v, &(struct kg_collect_opts){ 0 }, &report, &err));
    }
    read_point(a.v, "p1", d.text, d.len, 3);
    read_point(a.v, "p2", e.text, e.len, 3);
    healthy(a.v);
    /* And back. */
    OK(kg_point_copy(a.v, f->v, "inst", "p1", &(struct kg_copy_opts){ .level = 1 }, &r, &err));
    read_point(f->v, "p1", d.text, d.len, 3);
    healthy(f->v);
    fixture_free(f);
}

static void test_a_copy_that_is_there_is_compared_and_left_alone(void **state)
{
    struct fixture *f = fixture_new(false);
    AUTO_ARCHIVE struct archive a = archive_of(f);
    AUTO_DATA struct data d = data_of(1), e = data_of(2);
    struct kg_copy_result r;
    struct kg_err err = { 0 };
    size_t objects;

    (void)state;
    backup(f->v, "p1", &d);
    OK(kg_point_copy(f->v, a.v, "inst", "p1", &hard, &r, &err));
    objects = objects_of(a.st, "").n;
    OK(kg_point_copy(f->v, a.v, "inst", "p1", &hard, &r, &err));
    assert_true(r.already);
    assert_int_equal(r.stored_bytes, 0);
    assert_int_equal(objects_of(a.st, "").n, objects);
    backup(a.v, "p2", &e);
    backup(f->v, "p2", &d);
    FAILS(CORRUPT, kg_point_copy(f->v, a.v, "inst", "p2", &hard, &r, &err));
    FAILS(NO_POINT, kg_point_copy(f->v, a.v, "inst", "p3", &hard, &r, &err));
    assert_int_equal(objects_of(f->st, "writers/").n + objects_of(a.st, "writers/").n, 0);
    fixture_free(f);
}

static void test_one_key_opens_both_and_nothing_of_one_passes_for_the_other(void **state)
{
    struct fixture *f = fixture_new(false), *other = fixture_new(false);
    AUTO_ARCHIVE struct archive a = archive_of(f);
    AUTO_DATA struct data d = data_of(1);
    KG_CLEANUP(kg_vault_closep) struct kg_vault *again = NULL;
    struct kg_copy_result r;
    struct kg_err err = { 0 };
    struct kg_buf manifest;

    (void)state;
    backup(f->v, "p1", &d);
    FAILS(WRONG_KEY, kg_vault_open_recovery(a.st, f->recovery, &again, &err));
    OK(kg_vault_set_recovery_key(a.v, f->recovery, &err));
    OK(kg_vault_open_recovery(a.st, f->recovery, &again, &err));
    assert_string_equal(kg_vault_tier(again), "ArchiveStore");
    assert_string_not_equal(kg_vault_id(again), kg_vault_id(f->v));
    OK(kg_point_copy(f->v, again, "inst", "p1", &hard, &r, &err));
    read_point(again, "p1", d.text, d.len, 3);
    assert_int_equal(objects_of(a.st, "keys/").n, 2);
    /* The master key is the same; the stores are not. */
    manifest = object_get(f->st, "points/inst/p1");
    object_set(a.st, "points/inst/p2", manifest.p, manifest.len);
    object_set(a.st, "points/inst/p1", manifest.p, manifest.len);
    kg_buf_done(&manifest);
    {
        KG_AUTO_JSON struct kg_json *m = NULL;

        FAILS(CORRUPT, kg_point_get(again, "inst", "p1", &m, &err));
        FAILS(CORRUPT, kg_point_get(again, "inst", "p2", &m, &err));
    }
    FAILS(USAGE, kg_point_copy(f->v, other->v, "inst", "p1", &hard, &r, &err));
    FAILS(USAGE, kg_point_copy(f->v, f->v, "inst", "p1", &hard, &r, &err));
    fixture_free(f);
    fixture_free(other);
}

static void test_a_damaged_source_is_no_copy(void **state)
{
    struct fixture *f = fixture_new(false);
    AUTO_DATA struct data d = data_of(1);
    struct kg_copy_result r;
    struct kg_err err = { 0 };
    struct fixture_names packs;

    (void)state;
    backup(f->v, "p1", &d);
    packs = objects_of(f->st, "packs/");
    for (size_t i = 0; i < packs.n; i++) {
        AUTO_ARCHIVE struct archive a = archive_of(f); /* a new one: what a try has stored need not be read again */
        struct kg_buf b = object_get(f->st, packs.name[i]);

        b.p[b.len / 3] ^= 1;
        object_set(f->st, packs.name[i], b.p, b.len);
        FAILS(CORRUPT, kg_point_copy(f->v, a.v, "inst", "p1", &hard, &r, &err));
        assert_int_equal(objects_of(a.st, "points/").n, 0);
        b.p[b.len / 3] ^= 1;
        object_set(f->st, packs.name[i], b.p, b.len);
        kg_buf_done(&b);
        OK(kg_point_copy(f->v, a.v, "inst", "p1", &hard, &r, &err));
        read_point(a.v, "p1", d.text, d.len, 3);
    }
    fixture_free(f);
}

static bool yes(void *ctx) { return ++*(int *)ctx > 3; }

static void test_a_copy_can_be_cancelled(void **state)
{
    struct fixture *f = fixture_new(false);
    AUTO_ARCHIVE struct archive a = archive_of(f);
    AUTO_DATA struct data d = data_of(1);
    int asked = 0;
    struct kg_copy_opts o = { .level = 1, .cancelled = yes, .ctx = &asked };
    struct kg_copy_result r;
    struct kg_err err = { 0 };

    (void)state;
    backup(f->v, "p1", &d);
    FAILS(CANCELLED, kg_point_copy(f->v, a.v, "inst", "p1", &o, &r, &err));
    assert_int_equal(objects_of(a.st, "points/").n, 0);
    OK(kg_point_copy(f->v, a.v, "inst", "p1", &hard, &r, &err));
    healthy(a.v);
    fixture_free(f);
}

/* Every step of a copy fails once, or is the process's last; then a second try makes it good. */
static void test_faults_and_kills(void **state)
{
    static const enum kg_fault_point points[] = { KG_FP_STORE_PUT, KG_FP_STORE_SYNC, KG_FP_STORE_RENAME, KG_FP_STORE_GET,
        KG_FP_STORE_LIST, KG_FP_VAULT_SEGMENT, KG_FP_VAULT_PACK, KG_FP_VAULT_INDEX, KG_FP_VAULT_POINT, KG_FP_VAULT_COMMITTED,
        KG_FP_VAULT_READ };
    AUTO_DATA struct data d = data_of(1);
    unsigned fired = 0;

    (void)state;
    for (size_t i = 0; i < 2 * KG_ARRAY_LEN(points) * 2; i++) {
        struct fixture *f = fixture_new(true), *in = fixture_new(true); /* in: for its directory only */
        struct kg_vault_spec spec = { .tier = "ArchiveStore", .like = f->v };
        bool deadly = i % 2;
        unsigned nth = i / 2 % 2 ? 3 : 1;
        enum kg_fault_point p = points[i / 4];
        struct kg_copy_result r;
        struct kg_err err = { 0 };
        KG_AUTO_FREE char *dir = kg_xprintf("%s/archive", in->dir);
        struct archive a = { 0 };

        backup(f->v, "p1", &d);
        OK(kg_store_open_dir(dir, true, &a.st, &err));
        OK(kg_vault_create(a.st, &spec, f->key, &a.v, &err));
        if (deadly) {
            int status;
            pid_t pid = (fork)();

            if (pid == 0) {
                kg_fault_arm(p, nth, KG_FAULT_KILL);
                _exit(kg_point_copy(f->v, a.v, "inst", "p1", &hard, &r, &err) < 0);
            }
            assert_int_equal(waitpid(pid, &status, 0), pid);
            fired += WIFSIGNALED(status);
        } else {
            kg_fault_arm(p, nth, EIO);
            (void)!kg_point_copy(f->v, a.v, "inst", "p1", &hard, &r, &err);
            fired += kg_fault_fired() != 0;
            kg_fault_reset();
        }
        if (objects_of(a.st, "points/").n)
            read_point(a.v, "p1", d.text, d.len, 3);
        OK(kg_point_copy(f->v, a.v, "inst", "p1", &hard, &r, &err));
        read_point(a.v, "p1", d.text, d.len, 3);
        healthy(a.v);
        read_point(f->v, "p1", d.text, d.len, 3);
        archive_done(&a);
        fixture_free(f);
        fixture_free(in);
    }
    assert_true(fired > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_copy_is_the_point_and_needs_nothing_of_the_first_store),
        cmocka_unit_test(test_a_copy_that_is_there_is_compared_and_left_alone),
        cmocka_unit_test(test_one_key_opens_both_and_nothing_of_one_passes_for_the_other),
        cmocka_unit_test(test_a_damaged_source_is_no_copy),
        cmocka_unit_test(test_a_copy_can_be_cancelled),
        cmocka_unit_test(test_faults_and_kills),
    };

    kg_crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
