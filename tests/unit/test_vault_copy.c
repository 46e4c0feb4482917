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
#include "vault/assay.h"

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

/* A bit in the middle of every pack that is there. */
static void damage_packs(struct kg_store *st)
{
    struct fixture_names packs = objects_of(st, "packs/");

    for (size_t i = 0; i < packs.n; i++) {
        struct kg_buf b = object_get(st, packs.name[i]);

        b.p[b.len / 3] ^= 1;
        object_set(st, packs.name[i], b.p, b.len);
        kg_buf_done(&b);
    }
}

static enum kg_code assay(struct kg_vault *v, const char *point)
{
    KG_CLEANUP(kg_assay_freep) struct kg_assay *a = NULL;
    struct kg_err err = { 0 };

    OK(kg_assay_begin(v, &(struct kg_assay_opts){ 0 }, &a, &err));
    (void)!kg_assay_point(a, "inst", point, &err);
    return err.code;
}

static const struct kg_copy_opts anew = { .level = 1, .jobs = 2, .anew = true };

static void test_what_a_copy_found_there_is_read_before_it_counts(void **state)
{
    struct fixture *f = fixture_new(false);
    AUTO_ARCHIVE struct archive a = archive_of(f);
    AUTO_DATA struct data d = data_of(11), e = data_of(21);
    struct kg_copy_result r;
    struct kg_err err = { 0 };
    size_t packs;

    (void)state;
    backup(f->v, "p1", &d);
    backup(f->v, "p2", &e);
    assert_int_equal(assay(f->v, "p1"), KG_E_OK);
    OK(kg_point_copy(f->v, a.v, "inst", "p1", &hard, &r, &err));
    packs = objects_of(a.st, "packs/").n;
    damage_packs(a.st);
    OK(kg_point_copy(f->v, a.v, "inst", "p2", &hard, &r, &err)); /* what both have in common was taken for granted */
    assert_int_equal(assay(a.v, "p1"), KG_E_CORRUPT);
    assert_int_equal(assay(a.v, "p2"), KG_E_CORRUPT);
    assert_int_equal(assay(a.v, "p3"), KG_E_NO_POINT);
    OK(kg_point_copy(f->v, a.v, "inst", "p2", &hard, &r, &err));
    assert_true(r.already); /* a comparison of manifests finds nothing */
    OK(kg_point_copy(f->v, a.v, "inst", "p2", &anew, &r, &err));
    assert_false(r.already);
    assert_true(r.new_bytes > 0 && r.new_bytes < r.bytes); /* what was sound is not stored twice */
    assert_int_equal(assay(a.v, "p2"), KG_E_OK);
    read_point(a.v, "p2", e.text, e.len, 3);
    OK(kg_point_copy(f->v, a.v, "inst", "p2", &anew, &r, &err));
    assert_true(r.already);
    assert_int_equal(assay(a.v, "p1"), KG_E_CORRUPT);
    OK(kg_point_copy(f->v, a.v, "inst", "p1", &anew, &r, &err));
    assert_int_equal(assay(a.v, "p1"), KG_E_OK);
    read_point(a.v, "p1", d.text, d.len, 3);
    /* Nothing needs the damaged packs any more: they go, and what stays is whole. */
    {
        KG_AUTO_JSON struct kg_json *report = NULL;

        OK(kg_vault_collect(a.v, &(struct kg_collect_opts){ 0 }, &report, &err));
        assert_int_equal(kg_json_u64(report, "deletedPacks", 0), packs);
    }
    read_point(a.v, "p1", d.text, d.len, 3);
    read_point(a.v, "p2", e.text, e.len, 3);
    healthy(a.v);
    assert_int_equal(objects_of(a.st, "writers/").n, 0);
    fixture_free(f);
}

/* The bad copy of a chunk does not hide the good one, whichever is found first: a doomed pack may be needed, and stay. */
static void test_a_damaged_pack_that_stays_hides_no_good_copy(void **state)
{
    struct fixture *f = fixture_new(false);
    AUTO_ARCHIVE struct archive a = archive_of(f);
    AUTO_DATA struct data d = data_of(11);
    struct kg_copy_result r;
    struct kg_err err = { 0 };
    struct fixture_names doomed;

    (void)state;
    backup(f->v, "p1", &d);
    OK(kg_point_copy(f->v, a.v, "inst", "p1", &hard, &r, &err));
    damage_packs(a.st);
    OK(kg_point_copy(f->v, a.v, "inst", "p1", &anew, &r, &err));
    doomed = objects_of(a.st, "doomed/");
    assert_int_equal(doomed.n, 1);
    OK(kg_store_remove(a.st, doomed.name[0], &err)); /* as a collection does with one that is needed after all */
    read_point(a.v, "p1", d.text, d.len, 3);
    assert_int_equal(assay(a.v, "p1"), KG_E_OK);
    {
        KG_AUTO_JSON struct kg_json *report = NULL;

        OK(kg_vault_check(a.v, &(struct kg_check_opts){ .read_data = true }, &report, &err));
        assert_false(kg_json_bool(report, "healthy", true)); /* it names the packs, and nothing that they affect */
        for (const struct kg_json *x = kg_json_first(kg_json_get(report, "damage")); x; x = kg_json_next(x))
            assert_int_equal(kg_json_count(kg_json_get(x, "affects")), 0);
    }
    fixture_free(f);
}

static void test_what_is_missing_of_a_copy_is_found_and_made_good(void **state)
{
    struct fixture *f = fixture_new(false);
    AUTO_DATA struct data d = data_of(1);
    struct kg_copy_result r;
    struct kg_err err = { 0 };

    (void)state;
    backup(f->v, "p1", &d);
    for (int what = 0; what < 3; what++) {
        AUTO_ARCHIVE struct archive a = archive_of(f);
        const char *manifest = "points/inst/p1";
        struct fixture_names packs;
        struct kg_buf b;

        OK(kg_point_copy(f->v, a.v, "inst", "p1", &hard, &r, &err));
        packs = objects_of(a.st, "packs/");
        b = object_get(a.st, what == 2 ? manifest : packs.name[0]);
        if (what == 0)
            OK(kg_store_remove(a.st, packs.name[0], &err));
        else if (what == 1)
            object_set(a.st, packs.name[0], b.p, b.len - 1);
        else
            b.p[b.len / 2] ^= 1, object_set(a.st, manifest, b.p, b.len);
        kg_buf_done(&b);
        assert_int_equal(assay(a.v, "p1"), KG_E_CORRUPT);
        OK(kg_point_copy(f->v, a.v, "inst", "p1", &anew, &r, &err));
        assert_int_equal(assay(a.v, "p1"), KG_E_OK);
        read_point(a.v, "p1", d.text, d.len, 3);
    }
    fixture_free(f);
}

/* Where the vault's own copy is damaged, too, nothing is made good, and nothing gets worse. */
static void test_a_copy_is_not_made_good_from_what_is_damaged(void **state)
{
    struct fixture *f = fixture_new(false);
    AUTO_ARCHIVE struct archive a = archive_of(f);
    AUTO_DATA struct data d = data_of(1);
    struct kg_copy_result r;
    struct kg_err err = { 0 };

    (void)state;
    backup(f->v, "p1", &d);
    OK(kg_point_copy(f->v, a.v, "inst", "p1", &hard, &r, &err));
    damage_packs(a.st);
    damage_packs(f->st);
    FAILS(CORRUPT, kg_point_copy(f->v, a.v, "inst", "p1", &anew, &r, &err));
    assert_int_equal(objects_of(a.st, "points/").n, 1);
    assert_int_equal(assay(a.v, "p1"), KG_E_CORRUPT);
    damage_packs(f->st); /* the same bits again: as they were */
    OK(kg_point_copy(f->v, a.v, "inst", "p1", &anew, &r, &err));
    read_point(a.v, "p1", d.text, d.len, 3);
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

/* Every step of a copy, or of making a damaged one good, fails once, or is the process's last; then a second try makes it good. */
static void faults_and_kills(bool damaged, unsigned fired_least)
{
    static const enum kg_fault_point points[] = { KG_FP_STORE_PUT, KG_FP_STORE_SYNC, KG_FP_STORE_RENAME, KG_FP_STORE_GET,
        KG_FP_STORE_LIST, KG_FP_VAULT_SEGMENT, KG_FP_VAULT_PACK, KG_FP_VAULT_INDEX, KG_FP_VAULT_POINT, KG_FP_VAULT_COMMITTED,
        KG_FP_VAULT_READ, KG_FP_VAULT_DOOM };
    const struct kg_copy_opts *how = damaged ? &anew : &hard;
    AUTO_DATA struct data d = data_of(1);
    unsigned fired = 0;

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
        if (damaged) {
            OK(kg_point_copy(f->v, a.v, "inst", "p1", &hard, &r, &err));
            damage_packs(a.st);
        }
        if (deadly) {
            int status;
            pid_t pid = (fork)();

            if (pid == 0) {
                kg_fault_arm(p, nth, KG_FAULT_KILL);
                _exit(kg_point_copy(f->v, a.v, "inst", "p1", how, &r, &err) < 0);
            }
            assert_int_equal(waitpid(pid, &status, 0), pid);
            fired += WIFSIGNALED(status);
        } else {
            kg_fault_arm(p, nth, EIO);
            (void)!kg_point_copy(f->v, a.v, "inst", "p1", how, &r, &err);
            fired += kg_fault_fired() != 0;
            kg_fault_reset();
        }
        if (damaged)
            assert_int_equal(objects_of(a.st, "points/").n, 1);
        else if (objects_of(a.st, "points/").n)
            read_point(a.v, "p1", d.text, d.len, 3);
        err = (struct kg_err){ 0 };
        OK(kg_point_copy(f->v, a.v, "inst", "p1", how, &r, &err));
        read_point(a.v, "p1", d.text, d.len, 3);
        if (!damaged)
            healthy(a.v);
        read_point(f->v, "p1", d.text, d.len, 3);
        archive_done(&a);
        fixture_free(f);
        fixture_free(in);
    }
    assert_true(fired >= fired_least);
}

static void test_faults_and_kills(void **state)
{
    (void)state;
    faults_and_kills(false, 30);
}

static void test_faults_and_kills_while_a_copy_is_made_good(void **state)
{
    (void)state;
    faults_and_kills(true, 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_copy_is_the_point_and_needs_nothing_of_the_first_store),
        cmocka_unit_test(test_a_copy_that_is_there_is_compared_and_left_alone),
        cmocka_unit_test(test_one_key_opens_both_and_nothing_of_one_passes_for_the_other),
        cmocka_unit_test(test_a_damaged_source_is_no_copy),
        cmocka_unit_test(test_what_a_copy_found_there_is_read_before_it_counts),
        cmocka_unit_test(test_a_damaged_pack_that_stays_hides_no_good_copy),
        cmocka_unit_test(test_what_is_missing_of_a_copy_is_found_and_made_good),
        cmocka_unit_test(test_a_copy_is_not_made_good_from_what_is_damaged),
        cmocka_unit_test(test_a_copy_can_be_cancelled),
        cmocka_unit_test(test_faults_and_kills),
        cmocka_unit_test(test_faults_and_kills_while_a_copy_is_made_good),
    };

    kg_crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
