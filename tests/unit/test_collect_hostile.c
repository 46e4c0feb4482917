/* What the world does to a collection: lists that are not complete, clocks that jump, machines that come back, disks that are
 * full, copies that are damaged, other collections. Nothing that a recovery point needs may go, and no backup may become a
 * point that lacks something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/vault_fixture.h"
#include "sys/alive.h"
#include "vault/locator.h"
#include "vault/presence.h"

enum { LEN = 300 << 10 };
static const struct kg_write_opts small = { .level = 1, .segment_bytes = 64 << 10, .pack_bytes = 256 << 10 };

/* ---- backups and collections ---- */

static void backup(struct kg_vault *v, const char *point, uint64_t seed, size_t n)
{
    KG_AUTO_FREE char *text = rows_of(seed, n);
    struct kg_stream s[1];
    struct kg_err err = { 0 };

    OK(back_up(v, &small, point, &text, &n, 1, s, NULL, &err));
}

static void is_whole(struct kg_vault *v, const char *point, uint64_t seed, size_t n)
{
    KG_AUTO_FREE char *text = rows_of(seed, n);

    read_point(v, point, &text, &n, 1);
}

static void two_points(struct kg_vault *v)
{
    backup(v, "p1", 1, LEN);
    backup(v, "p2", 2, LEN);
}

/* A backup that takes its time. */
struct slow { struct kg_writer *w; struct kg_stream s[1]; };

static struct slow slow_begin(struct kg_vault *v, uint64_t seed, size_t n)
{
    KG_AUTO_FREE char *text = rows_of(seed, n);
    struct kg_sink *sink = NULL;
    struct kg_err err = { 0 };
    struct slow b = { 0 };

    OK(kg_writer_begin(v, &small, &b.w, &err));
    OK(kg_sink_open(b.w, &sink, &err));
    OK(send_stream(sink, KG_CHUNK_SMALL, text, n, b.s, &err));
    OK(kg_sink_close(sink, &err));
    return b;
}

static int slow_end(struct slow *b, const char *point, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *m = manifest_of(b->s, 1);
    int r = kg_writer_commit(b->w, "inst", point, m, err);

    kg_writer_free(KG_TAKE(b->w));
    return r;
}

static uint64_t collected(struct kg_vault *v, const char *what)
{
    KG_AUTO_JSON struct kg_json *r = collect_with(v, &(struct kg_collect_opts){ 0 });

    assert_non_null(kg_json_get(r, what));
    return kg_json_u64(r, what, 0);
}

static size_t waits(struct kg_vault *v, bool take_over)
{
    KG_AUTO_JSON struct kg_json *r = collect_with(v, &(struct kg_collect_opts){ .take_over = take_over });

    return kg_json_count(kg_json_get(r, "waitingFor"));
}

static size_t count(struct fixture *f, const char *prefix) { return objects_of(f->st, prefix).n; }

static void delete_point(struct kg_vault *v, const char *point)
{
    struct kg_err err = { 0 };

    OK(kg_point_delete(v, "inst", point, &err));
}

/* ---- a store that does things in between ---- */

struct odd_store {
    struct kg_store base, *inner;
    const char *hidden, *hidden_once_listed; /* prefixes: listed no more; listed, and not to be read */
    const char *prefix;                      /* after the nth list of it, or before, then() */
    unsigned nth;
    bool before;
    void (*then)(void *arg);
    void *arg;
};

static struct odd_store *odd(struct kg_store *st) { return (struct odd_store *)st; }
static bool begins(const char *name, const char *with) { return with && strncmp(name, with, strlen(with)) == 0; }

static int odd_put_begin(struct kg_store *st, const char *name, struct kg_put **ret, struct kg_err *err)
{
    return kg_store_put_begin(odd(st)->inner, name, ret, err);
}
static int odd_get(struct kg_store *st, const char *name, uint64_t at, size_t n, void *out, size_t *ret_n, struct kg_err *err)
{
    if (begins(name, odd(st)->hidden_once_listed))
        return kg_err_set(err, KG_E_NOT_FOUND, "no object '%s' today", name);
    return kg_store_get(odd(st)->inner, name, at, n, out, ret_n, err);
}
static int odd_size(struct kg_store *st, const char *name, uint64_t *ret, struct kg_err *err)
{
    return kg_store_size(odd(st)->inner, name, ret, err);
}
static int odd_list(struct kg_store *st, const char *prefix, kg_store_visit visit, void *ctx, struct kg_err *err)
{
    struct odd_store *o = odd(st);
    bool now = o->prefix && strcmp(prefix, o->prefix) == 0 && o->nth && --o->nth == 0;
    int r;

    if (now && o->before)
        o->then(o->arg);
    r = begins(prefix, o->hidden) ? 0 : kg_store_list(o->inner, prefix, visit, ctx, err);
    if (now && !o->before)
        o->then(o->arg);
    return r;
}
static int odd_remove(struct kg_store *st, const char *name, struct kg_err *err) { return kg_store_remove(odd(st)->inner, name, err); }

static const struct kg_store_ops odd_ops = { .name = "odd", .put_begin = odd_put_begin, .get = odd_get, .size = odd_size,
                                             .list = odd_list, .remove = odd_remove };

static void make_odd(struct fixture *f, struct odd_store *o)
{
    o->base.ops = &odd_ops;
    o->inner = f->st;
    f->v->store = &o->base;
}

/* ---- lists ---- */

static struct kg_json *expected(const char *const *points, bool lost)
{
    struct kg_json *list = kg_json_array();

    for (; *points; points++) {
        struct kg_json *p = kg_json_object();

        kg_json_set_str(p, "instance", "inst");
        kg_json_set_str(p, "point", *points);
        kg_json_set_bool(p, "lost", lost);
        kg_json_push(list, p);
    }
    return list;
}

/* A folder that was not mounted, or a careless rm. */
static void test_points_that_the_service_misses_stop_it(void **state)
{
    struct fixture *f = fixture_new(false);
    KG_AUTO_JSON struct kg_json *both = expected((const char *const[]){ "p1", "p2", NULL }, false),
                                *lost = expected((const char *const[]){ "p1", "p2", NULL }, true);
    struct kg_json *r = NULL;
    struct kg_err err = { 0 };
    size_t before;

    (void)state;
    two_points(f->v);
    before = count(f, "packs/");
    delete_point(f->v, "p1");
    FAILS(CORRUPT, kg_vault_collect(f->v, &(struct kg_collect_opts){ .expected = both }, &r, &err));
    assert_non_null(strstr(err.msg, "p1"));
    FAILS(CORRUPT, kg_vault_collect(f->v, &(struct kg_collect_opts){ .expected = both, .dry_run = true }, &r, &err));
    assert_int_equal(count(f, "packs/"), before);
    /* It is known to be lost: then it must not keep space for ever. But an instance that lost all is more than that. */
    r = collect_with(f->v, &(struct kg_collect_opts){ .expected = lost });
    assert_true(kg_json_u64(r, "deletedPacks", 0) > 0);
    kg_json_free(KG_TAKE(r));
    is_whole(f->v, "p2", 2, LEN);
    delete_point(f->v, "p2");
    before = count(f, "packs/");
    FAILS(CORRUPT, kg_vault_collect(f->v, &(struct kg_collect_opts){ .expected = lost }, &r, &err));
    assert_int_equal(count(f, "packs/"), before);
    fixture_free(f);
}

static void hide_points(void *arg) { ((struct odd_store *)arg)->hidden = "points/"; }

static void test_points_that_vanish_meanwhile_stop_it(void **state)
{
    struct fixture *f = fixture_new(false);
    struct odd_store o = { .prefix = "writers/", .nth = 2, .then = hide_points, .arg = &o };
    struct kg_json *r = NULL;
    struct kg_err err = { 0 };
    size_t before;

    (void)state;
    two_points(f->v);
    delete_point(f->v, "p1");
    before = count(f, "packs/");
    make_odd(f, &o);
    FAILS(CORRUPT, kg_vault_collect(f->v, &(struct kg_collect_opts){ 0 }, &r, &err));
    assert_int_equal(count(f, "packs/"), before);
    f->v->store = f->st;
    is_whole(f->v, "p2", 2, LEN);
    fixture_free(f);
}

static void test_a_point_that_is_listed_and_cannot_be_read_is_not_deleted(void **state)
{
    struct fixture *f = fixture_new(false);
    struct odd_store o = { .hidden_once_listed = "points/inst/p2" };
    struct kg_json *r = NULL;
    struct kg_err err = { 0 };
    size_t before;

    (void)state;
    two_points(f->v);
    before = count(f, "packs/");
    make_odd(f, &o);
    FAILS(IO, kg_vault_collect(f->v, &(struct kg_collect_opts){ 0 }, &r, &err));
    assert_non_null(strstr(err.msg, "points/inst/p2"));
    assert_int_equal(count(f, "packs/"), before);
    fixture_free(f);
}

/* Collection does not see who is at work, and deletes what a backup counts on. */
static void test_a_backup_whose_packs_have_gone_is_no_point(void **state)
{
    struct fixture *f = fixture_new(false);
    struct odd_store o = { .hidden = "writers/" };
    struct kg_err err = { 0 };
    struct slow b;

    (void)state;
    backup(f->v, "p1", 1, LEN);
    b = slow_begin(f->v, 1, LEN);
    delete_point(f->v, "p1");
    make_odd(f, &o);
    assert_true(collected(f->v, "deletedPacks") > 0);
    f->v->store = f->st;
    FAILS(COLLECTED, slow_end(&b, "p2", &err));
    assert_int_equal(count(f, "points/"), 0);
    fixture_free(f);
}

/* ---- other collections ---- */

struct other { struct fixture *f; struct slow b; };

/* Right after the writers were asked another collection, which was taken for dead, dooms what a new backup counts on. */
static void doom_more(void *arg)
{
    struct other *o = arg;
    struct kg_locator l;
    uint8_t ids[64][KG_PACK_ID];
    struct kg_err err = { 0 };

    o->b = slow_begin(o->f->v, 2, LEN);
    delete_point(o->f->v, "p2");
    OK(kg_locator_load(o->f->v, &(struct kg_locator_opts){ .places = true }, &l, &err));
    assert_in_range(l.n_listed, 1, 64);
    for (size_t i = 0; i < l.n_listed; i++)
        memcpy(ids[i], l.packs[i].id, KG_PACK_ID);
    OK(kg_doomed_put(o->f->v, ids, l.n_listed, &err));
    kg_locator_done(&l);
}

static void test_what_another_collection_dooms_meanwhile_is_left_alone(void **state)
{
    struct fixture *f = fixture_new(false);
    struct other other = { .f = f };
    struct odd_store o = { .prefix = "writers/", .nth = 2, .then = doom_more, .arg = &other };
    struct kg_err err = { 0 };

    (void)state;
    two_points(f->v);
    backup(f->v, "p3", 3, LEN);
    delete_point(f->v, "p1");
    make_odd(f, &o);
    (void)collected(f->v, "deletedPacks");
    f->v->store = f->st;
    assert_int_equal(o.nth, 0);
    OK(slow_end(&other.b, "p4", &err));
    is_whole(f->v, "p4", 2, LEN);
    is_whole(f->v, "p3", 3, LEN);
    (void)collected(f->v, "deletedPacks");
    is_whole(f->v, "p4", 2, LEN);
    healthy(f->v);
    assert_int_equal(count(f, "doomed/"), 0);
    fixture_free(f);
}

static void lift(void *arg)
{
    const struct fixture *f = arg;
    struct fixture_names names = objects_of(f->st, "doomed/");
    struct kg_err err = { 0 };

    assert_int_equal(names.n, 1);
    OK(kg_store_remove(f->st, names.name[0], &err));
}

/* What was doomed is needed, another collection says that it stays: it is no copy of itself. */
static void test_what_another_collection_lifts_meanwhile_stays(void **state)
{
    struct fixture *f = fixture_new(false);
    struct odd_store o = { .prefix = "writers/", .nth = 2, .then = lift, .arg = f };
    struct kg_locator l;
    struct kg_err err = { 0 };
    uint8_t ids[64][KG_PACK_ID];

    (void)state;
    backup(f->v, "p1", 1, LEN);
    OK(kg_locator_load(f->v, &(struct kg_locator_opts){ .places = true }, &l, &err));
    assert_in_range(l.n_listed, 1, 64);
    for (size_t i = 0; i < l.n_listed; i++)
        memcpy(ids[i], l.packs[i].id, KG_PACK_ID);
    OK(kg_doomed_put(f->v, ids, l.n_listed, &err));
    kg_locator_done(&l);
    make_odd(f, &o);
    (void)collected(f->v, "deletedPacks");
    f->v->store = f->st;
    assert_int_equal(o.nth, 0);
    is_whole(f->v, "p1", 1, LEN);
    fixture_free(f);
}

/* ---- copies ---- */

static void end_the_backup(void *arg)
{
    struct other *o = arg;
    struct kg_err err = { 0 };

    OK(slow_end(&o->b, "late", &err));
}

/* An index object still names packs that an earlier collection deleted; what stood in them is needed again, and stands in a pack
 * that was doomed while the backup that needs it was at work. */
static void test_a_pack_that_has_gone_is_no_copy(void **state)
{
    struct fixture *f = fixture_new(false);
    struct other other = { .f = f };
    struct odd_store o = { .prefix = "writers/", .nth = 2, .before = true, .then = end_the_backup, .arg = &other };
    struct fixture_names names;
    char index[KG_OBJECT_NAME];

    (void)state;
    backup(f->v, "p1", 1, LEN);
    names = objects_of(f->st, "index/");
    assert_int_equal(names.n, 1);
    snprintf(index, sizeof index, "%s", names.name[0]);
    {
        KG_AUTO_BUF struct kg_buf bytes = object_get(f->st, index);

        delete_point(f->v, "p1");
        (void)collected(f->v, "deletedPacks");
        assert_int_equal(count(f, "packs/"), 0);
        object_set(f->st, index, bytes.p, bytes.len); /* as a kill right before it was replaced leaves it */
    }
    backup(f->v, "p2", 1, LEN);
    other.b = slow_begin(f->v, 1, LEN);
    delete_point(f->v, "p2");
    make_odd(f, &o);
    (void)collected(f->v, "deletedPacks");
    f->v->store = f->st;
    assert_null(other.b.w);
    (void)collected(f->v, "deletedPacks");
    is_whole(f->v, "late", 1, LEN);
    healthy(f->v);
    fixture_free(f);
}

static bool has_name(const struct fixture_names *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->name[i], name) == 0)
            return true;
    return false;
}

static void test_a_good_copy_does_not_go_because_of_a_damaged_one(void **state)
{
    struct fixture *f = fixture_new(false);
    struct fixture_names first, all, indexes;
    struct kg_json *r = NULL;
    struct kg_err err = { 0 };
    bool older_counts;
    size_t before;

    (void)state;
    backup(f->v, "p1", 1, LEN);
    first = objects_of(f->st, "packs/");
    indexes = objects_of(f->st, "index/");
    {
        KG_AUTO_BUF struct kg_buf bytes = object_get(f->st, indexes.name[0]);

        OK(kg_store_remove(f->st, indexes.name[0], &err));
        backup(f->v, "p2", 1, LEN); /* all of it again */
        object_set(f->st, indexes.name[0], bytes.p, bytes.len);
    }
    all = objects_of(f->st, "packs/");
    before = all.n;
    assert_int_equal(before, 2 * first.n);
    delete_point(f->v, "p1");
    older_counts = strcmp(objects_of(f->st, "index/").name[0], indexes.name[0]) == 0; /* the index that is read first */
    for (size_t i = 0; i < all.n; i++) {
        KG_AUTO_BUF struct kg_buf bytes = object_get(f->st, all.name[i]);

        if (has_name(&first, all.name[i]) != older_counts)
            continue;
        bytes.p[100] ^= 1;
        object_set(f->st, all.name[i], bytes.p, bytes.len);
    }
    FAILS(CORRUPT, kg_vault_collect(f->v, &(struct kg_collect_opts){ 0 }, &r, &err));
    assert_non_null(strstr(err.msg, "packs/"));
    assert_int_equal(count(f, "packs/"), before);
    for (size_t i = 0; i < all.n; i++)
        if (has_name(&first, all.name[i]) == older_counts)
            OK(kg_store_remove(f->st, all.name[i], &err));
    is_whole(f->v, "p2", 1, LEN);
    fixture_free(f);
}

/* Every collection beside a backup would make the next one store the whole backup again. */
static void test_a_backup_that_ended_meanwhile_is_not_stored_again(void **state)
{
    struct fixture *f = fixture_new(false);
    struct kg_err err = { 0 };
    struct slow b;
    size_t before;

    (void)state;
    backup(f->v, "p1", 1, LEN);
    before = count(f, "packs/");
    b = slow_begin(f->v, 2, 3 * LEN);
    for (unsigned i = 0; i < 3000 && count(f, "packs/") == before; i++)
        usleep(10000); /* a thread of its own makes them durable */
    assert_int_equal(waits(f->v, false), 1);
    assert_int_equal(count(f, "doomed/"), 1);
    OK(slow_end(&b, "p2", &err));
    assert_int_equal(collected(f->v, "rewrittenBytes"), 0);
    assert_int_equal(count(f, "doomed/"), 0);
    is_whole(f->v, "p2", 2, 3 * LEN);
    healthy(f->v);
    fixture_free(f);
}

/* ---- a full disk ---- */

/* One pack with a little that is needed, and several in which nothing is. */
static struct fixture *sparse_and_dead(size_t dead)
{
    struct fixture *f = fixture_new(false);
    KG_AUTO_FREE char *big = rows_of(7, 3 << 20), *piece = kg_xstrndup(big, 150000);
    size_t lens[2] = { 3 << 20, 150000 };
    struct kg_stream s[1];
    struct kg_err err = { 0 };

    OK(back_up(f->v, &(struct kg_write_opts){ .level = 1, .segment_bytes = 64 << 10 }, "big", &big, lens, 1, s, NULL, &err));
    OK(back_up(f->v, &small, "piece", &piece, lens + 1, 1, s, NULL, &err));
    delete_point(f->v, "big");
    if (dead) {
        backup(f->v, "dead", 8, dead);
        delete_point(f->v, "dead");
    }
    return f;
}

static void test_a_full_disk_does_not_keep_what_needs_no_room_to_go(void **state)
{
    struct fixture *f = sparse_and_dead(LEN);
    KG_AUTO_JSON struct kg_json *r = NULL;

    (void)state;
    kg_fault_arm(KG_FP_VAULT_SEGMENT, 1, ENOSPC);
    r = collect_with(f->v, &(struct kg_collect_opts){ 0 });
    assert_int_equal(kg_fault_fired(), 1);
    /* With what went at first there was room for the rest. */
    assert_true(kg_json_u64(r, "deadPacks", 0) > 0);
    assert_int_equal(kg_json_u64(r, "deletedPacks", 0), kg_json_u64(r, "deadPacks", 0) + kg_json_u64(r, "repackPacks", 0));
    is_whole(f->v, "piece", 7, 150000);
    healthy(f->v);
    assert_int_equal(count(f, "doomed/"), 0);
    fixture_free(f);
}

static void test_no_room_at_all_is_said_and_harms_nothing(void **state)
{
    struct fixture *f = sparse_and_dead(0);
    struct kg_json *r = NULL;
    struct kg_err err = { 0 };

    (void)state;
    kg_fault_arm(KG_FP_VAULT_SEGMENT, 1, ENOSPC);
    FAILS(DISK_FULL, kg_vault_collect(f->v, &(struct kg_collect_opts){ 0 }, &r, &err));
    is_whole(f->v, "piece", 7, 150000);
    healthy(f->v);
    assert_int_equal(count(f, "doomed/") + count(f, "locks/") + count(f, "writers/"), 0);
    assert_true(collected(f->v, "deletedPacks") > 0);
    is_whole(f->v, "piece", 7, 150000);
    fixture_free(f);
}

/* ---- machines and clocks ---- */

static void put_note(struct fixture *f, const char *name, const char *host)
{
    KG_AUTO_FREE char *text = kg_xprintf("{\"what\":\"backup\",\"host\":\"%s\",\"process\":\"another-boot/pid:[1]/7/7\","
                                         "\"since\":\"2026-01-01T00:00:00Z\",\"doomed\":[]}", host);
    struct kg_err err = { 0 };
    uint64_t size;

    OK(kg_sealed_object_put(f->v, KG_BLOCK_PRESENCE, KG_MAGIC_PRESENCE, name, NULL, text, strlen(text), &size, &err));
}

static void make_old(struct fixture *f, const char *name, long days)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/%s", f->dir, name);
    struct timespec t[2];

    assert_int_equal(clock_gettime(CLOCK_REALTIME, &t[0]), 0);
    t[0].tv_sec -= days * 86400;
    t[1] = t[0];
    assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

static void test_only_an_age_that_can_be_true_ends_waiting_for_another_machine(void **state)
{
    static const struct { long days; bool waits; } cases[] = { { 0, true }, { 13, true }, { 15, false }, { 3650, true }, { -3650, true } };
    struct fixture *f = fixture_new(true);

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_JSON struct kg_json *r = NULL;

        backup(f->v, "p1", 10 + i, LEN);
        delete_point(f->v, "p1");
        put_note(f, "writers/0123456789abcdef", "elsewhere");
        make_old(f, "writers/0123456789abcdef", cases[i].days);
        r = collect_with(f->v, &(struct kg_collect_opts){ 0 });
        if ((kg_json_count(kg_json_get(r, "waitingFor")) > 0) != cases[i].waits)
            fail_msg("%ld days", cases[i].days);
        assert_int_equal(kg_json_bool(r, "waitingFor.0.elsewhere", false), cases[i].waits);
        assert_int_equal(waits(f->v, true), 0); /* a person knows better */
        assert_int_equal(count(f, "packs/") + count(f, "writers/"), 0);
    }
    fixture_free(f);
}

/* The store's times, a file server's, are right; this machine's clock is not. */
static void test_a_clock_that_is_wrong_here_makes_nobody_old(void **state)
{
    static const int64_t years[] = { 1, 10, -10 };
    struct fixture *f = fixture_new(true);
    KG_AUTO_FREE char *file = kg_xprintf("%s/.clock", f->dir), *variable = kg_xprintf("KG_CLOCK=%s", file);
    char *with_clock[] = { variable, NULL }, **before = environ;
    int64_t shift = 0;
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    (void)state;
    assert_int_equal(pwrite(fd, &shift, sizeof shift, 0), sizeof shift);
    environ = with_clock;
    kg_clock_from_environment();
    environ = before;
    for (size_t i = 0; i < KG_ARRAY_LEN(years); i++) {
        shift = years[i] * 365 * 86400 * KG_SECOND;
        assert_int_equal(pwrite(fd, &shift, sizeof shift, 0), sizeof shift);
        put_note(f, "writers/0123456789abcdef", "elsewhere");
        backup(f->v, "p1", 10 + i, LEN);
        delete_point(f->v, "p1");
        assert_int_equal(waits(f->v, false), 1);
        assert_int_equal(waits(f->v, true), 0);
    }
    shift = 0;
    assert_int_equal(pwrite(fd, &shift, sizeof shift, 0), sizeof shift);
    close(fd);
    fixture_free(f);
}

static void test_a_lock_of_this_machine_before_it_was_started_anew_is_none(void **state)
{
    struct fixture *f = fixture_new(true);
    struct kg_json *r = NULL;
    struct kg_err err = { 0 };
    char host[65] = "";

    (void)state;
    put_note(f, "locks/collect", "elsewhere");
    FAILS(BUSY, kg_vault_collect(f->v, &(struct kg_collect_opts){ 0 }, &r, &err));
    assert_non_null(strstr(err.msg, "elsewhere"));
    assert_non_null(strstr(err.action, "--take-over"));
    assert_int_equal(waits(f->v, true), 0);
    assert_int_equal(count(f, "locks/"), 0);
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    put_note(f, "locks/collect", host);
    if (strncmp(host, "localhost", 9) == 0)
        FAILS(BUSY, kg_vault_collect(f->v, &(struct kg_collect_opts){ 0 }, &r, &err));
    else
        assert_int_equal(waits(f->v, false), 0);
    fixture_free(f);
}

/* /proc mounted so that strangers' processes are not seen in it: they live all the same. */
static void test_who_is_hidden_is_not_dead(void **state)
{
    char mark[KG_MARK_ROOM];
    int fds[2], status;
    pid_t victim, observer;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    victim = _Fork();
    if (victim == 0) {
        kg_mark_self(mark);
        if (write(fds[1], mark, sizeof mark) != sizeof mark)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(fds[0], mark, sizeof mark), sizeof mark);
    observer = _Fork();
    if (observer == 0) {
        if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("proc", "/proc", "proc", 0, "hidepid=2") < 0 || setgid(65534) < 0 || setuid(65534) < 0)
            _exit(77);
        _exit(kg_mark_alive(mark) == KG_LIVES ? 0 : 1);
    }
    assert_int_equal(waitpid(observer, &status, 0), observer);
    kill(victim, SIGKILL);
    assert_int_equal(waitpid(victim, NULL, 0), victim);
    close(fds[0]);
    close(fds[1]);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(kg_mark_alive(mark), KG_IS_DEAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points_that_the_service_misses_stop_it),
        cmocka_unit_test(test_points_that_vanish_meanwhile_stop_it),
        cmocka_unit_test(test_a_point_that_is_listed_and_cannot_be_read_is_not_deleted),
        cmocka_unit_test(test_a_backup_whose_packs_have_gone_is_no_point),
        cmocka_unit_test(test_what_another_collection_dooms_meanwhile_is_left_alone),
        cmocka_unit_test(test_what_another_collection_lifts_meanwhile_stays),
        cmocka_unit_test(test_a_pack_that_has_gone_is_no_copy),
        cmocka_unit_test(test_a_good_copy_does_not_go_because_of_a_damaged_one),
        cmocka_unit_test(test_a_backup_that_ended_meanwhile_is_not_stored_again),
        cmocka_unit_test(test_a_full_disk_does_not_keep_what_needs_no_room_to_go),
        cmocka_unit_test(test_no_room_at_all_is_said_and_harms_nothing),
        cmocka_unit_test(test_only_an_age_that_can_be_true_ends_waiting_for_another_machine),
        cmocka_unit_test(test_a_clock_that_is_wrong_here_makes_nobody_old),
        cmocka_unit_test(test_a_lock_of_this_machine_before_it_was_started_anew_is_none),
        cmocka_unit_test(test_who_is_hidden_is_not_dead),
    };

    kg_crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
