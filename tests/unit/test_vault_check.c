/* Damage of every kind to objects of every kind: named, with exactly the tables that cannot be read any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/vault_fixture.h"
#include "vault/vault_int.h"

enum { TABLES = 3, LEN = 900 * 1000 };

struct world {
    struct fixture *f;
    char *data[TABLES + 1];
    size_t len[TABLES + 1];
    struct fixture_names packs, index, points, keys;
};

static const struct kg_write_opts tiny = { .level = 1, .segment_bytes = 64 * 1024, .pack_bytes = 150 * 1000 };

/* Point p1 has tables 0, 1, 2; point p2 has 0, 1 and another one as t2. */
static int setup(void **state)
{
    struct world *w = kg_xalloc(sizeof *w);
    struct kg_stream s[TABLES];
    struct kg_err err = { 0 };
    char *second[TABLES];

    w->f = fixture_new(false);
    for (unsigned i = 0; i <= TABLES; i++) {
        w->len[i] = LEN;
        w->data[i] = rows_of(i + 1, LEN);
    }
    OK(back_up(w->f->v, &tiny, "p1", w->data, w->len, TABLES, s, NULL, &err));
    second[0] = w->data[0];
    second[1] = w->data[1];
    second[2] = w->data[TABLES];
    OK(back_up(w->f->v, &tiny, "p2", second, w->len, TABLES, s, NULL, &err));
    w->packs = objects_of(w->f->st, "packs/");
    w->index = objects_of(w->f->st, "index/");
    w->points = objects_of(w->f->st, "points/");
    w->keys = objects_of(w->f->st, "keys/");
    assert_true(w->packs.n > 4);
    assert_int_equal(w->index.n, 2);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i <= TABLES; i++)
        free(w->data[i]);
    fixture_free(w->f);
    free(w);
    return 0;
}

static struct kg_json *check(struct world *w, bool read_data)
{
    struct kg_json *report = NULL;
    struct kg_err err = { 0 };

    OK(kg_vault_check(w->f->v, &(struct kg_check_opts){ .read_data = read_data }, &report, &err));
    return report;
}

static const struct kg_json *damage_of(const struct kg_json *report, const char *object)
{
    const struct kg_json *d = kg_json_first(kg_json_get(report, "damage"));

    for (; d; d = kg_json_next(d))
        if (strcmp(kg_json_str(d, "object"), object) == 0)
            return d;
    return NULL;
}

static void fail_with(const struct kg_json *report, const char *what, const char *object)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);

    kg_json_print(report, true, &b);
    fail_msg("%s: %s\n%s", what, object, b.p);
}

static void expect_damage(struct world *w, bool read_data, const char *what, const char *object)
{
    KG_AUTO_JSON struct kg_json *report = check(w, read_data);
    const struct kg_json *d = damage_of(report, object);

    if (kg_json_bool(report, "healthy", true) || !d || !kg_json_str(d, "problem")[0])
        fail_with(report, what, object);
}

static bool is_affected(const struct kg_json *report, const char *point, const char *what)
{
    for (const struct kg_json *d = kg_json_first(kg_json_get(report, "damage")); d; d = kg_json_next(d))
        for (const struct kg_json *a = kg_json_first(kg_json_get(d, "affects")); a; a = kg_json_next(a))
            if (strcmp(kg_json_str(a, "point"), point) == 0 && strcmp(kg_json_str(a, "what"), what) == 0)
                return true;
    return false;
}

/* What the report says to be affected is what cannot be read, no more and no less. */
static void expect_exact(struct world *w, const struct kg_json *report, const char *what)
{
    static const char *const points[] = { "p1", "p2" };

    for (unsigned p = 0; p < 2; p++) {
        for (unsigned t = 0; t < TABLES; t++) {
            KG_CLEANUP(kg_reader_closep) struct kg_reader *r = NULL;
            struct kg_stream s = stream_of(w->f->v, points[p], t);
            struct kg_err err = { 0 };
            char name[32];
            int result;

            snprintf(name, sizeof name, "table public.t%u", t);
            OK(kg_reader_open(w->f->v, &r, &err));
            result = read_stream(r, 2, &s, w->data[p == 1 && t == 2 ? TABLES : t], LEN, &err);
            if ((result < 0) != is_affected(report, points[p], name))
                fail_with(report, what, name);
        }
    }
}

static void test_a_sound_vault_is_healthy(void **state)
{
    struct world *w = *state;
    KG_AUTO_JSON struct kg_json *a = check(w, false), *b = check(w, true);

    if (!kg_json_bool(a, "healthy", false) || !kg_json_bool(b, "healthy", false))
        fail_with(b, "healthy", "");
    assert_int_equal(kg_json_u64(b, "points", 0), 2);
    assert_int_equal(kg_json_u64(b, "objects", 0), 1 + w->keys.n + w->packs.n + w->index.n + w->points.n);
    assert_int_equal(kg_json_u64(b, "unreferencedPacks", 9), 0);
    assert_true(kg_json_bool(b, "readData", false));
    assert_false(kg_json_bool(a, "readData", true));
    assert_true(kg_json_u64(b, "chunks", 0) > 200);
    assert_true(kg_json_u64(b, "bytes", 0) > 100 * 1000);
}

static void test_flipped_bits_are_named_in_every_kind_of_object(void **state)
{
    struct world *w = *state;
    struct fixture_names all = objects_of(w->f->st, "");

    for (size_t i = 0; i < all.n; i++) {
        struct kg_buf b = object_get(w->f->st, all.name[i]);

        for (size_t k = 0; k < 12; k++) {
            size_t at = k < 10 ? b.len * k / 10 : b.len - 1 - (k - 10) * 20;

            b.p[at] ^= 0x10;
            object_set(w->f->st, all.name[i], b.p, b.len);
            expect_damage(w, true, "flipped", all.name[i]);
            b.p[at] ^= 0x10;
        }
        object_set(w->f->st, all.name[i], b.p, b.len);
        kg_buf_done(&b);
    }
}

static void test_truncated_objects_are_named_by_structure_alone(void **state)
{
    struct world *w = *state;
    struct fixture_names all = objects_of(w->f->st, "");

    for (size_t i = 0; i < all.n; i++) {
        struct kg_buf b = object_get(w->f->st, all.name[i]);
        const size_t lengths[] = { 0, 1, 10, b.len / 2, b.len - 30, b.len - 1 };

        for (size_t k = 0; k < KG_ARRAY_LEN(lengths); k++) {
            object_set(w->f->st, all.name[i], b.p, lengths[k]);
            expect_damage(w, false, "truncated", all.name[i]);
        }
        object_set(w->f->st, all.name[i], b.p, b.len);
        kg_buf_done(&b);
    }
}

static void test_objects_with_something_behind_them_are_named(void **state)
{
    struct world *w = *state;
    struct fixture_names all = objects_of(w->f->st, "");

    for (size_t i = 0; i < all.n; i++) {
        struct kg_buf b = object_get(w->f->st, all.name[i]);

        kg_buf_add(&b, "x", 1);
        object_set(w->f->st, all.name[i], b.p, b.len);
        expect_damage(w, false, "extended", all.name[i]);
        object_set(w->f->st, all.name[i], b.p, b.len - 1);
        kg_buf_done(&b);
    }
}

static void test_swapped_and_replayed_objects_are_named(void **state)
{
    struct world *w = *state;
    const struct fixture_names *kinds[] = { &w->packs, &w->index, &w->points, &w->keys };

    for (size_t i = 0; i < KG_ARRAY_LEN(kinds); i++) {
        const char *one = kinds[i]->name[0], *two = kinds[i]->name[1];
        struct kg_buf a = object_get(w->f->st, one), b = object_get(w->f->st, two);

        object_set(w->f->st, one, b.p, b.len);
        expect_damage(w, false, "replayed", one);
        object_set(w->f->st, two, a.p, a.len);
        expect_damage(w, false, "swapped", one);
        expect_damage(w, false, "swapped", two);
        object_set(w->f->st, one, a.p, a.len);
        object_set(w->f->st, two, b.p, b.len);
        kg_buf_done(&a);
        kg_buf_done(&b);
    }
}

static void test_objects_of_another_vault_are_named(void **state)
{
    struct world *w = *state;
    struct fixture *g = fixture_new(false);
    size_t len = LEN;
    struct kg_stream s;
    struct kg_err err = { 0 };

    OK(back_up(g->v, &tiny, "p1", w->data, &len, 1, &s, NULL, &err));
    for (int i = 0; i < 5; i++) {
        static const char *const kinds[] = { "packs/", "index/", "points/", "keys/", "keepgres-vault" };
        struct fixture_names theirs = objects_of(g->st, kinds[i]), ours = objects_of(w->f->st, kinds[i]);
        struct kg_buf b = object_get(g->st, theirs.name[0]), was = object_get(w->f->st, ours.name[0]);

        object_set(w->f->st, ours.name[0], b.p, b.len);
        expect_damage(w, false, "foreign", ours.name[0]);
        object_set(w->f->st, ours.name[0], was.p, was.len);
        kg_buf_done(&b);
        kg_buf_done(&was);
    }
    fixture_free(g);
}

static void test_missing_objects_are_named(void **state)
{
    struct world *w = *state;
    struct fixture_names all = objects_of(w->f->st, "");
    struct kg_err err = { 0 };

    for (size_t i = 0; i < all.n; i++) {
        struct kg_buf b = object_get(w->f->st, all.name[i]);

        if (strncmp(all.name[i], "points/", 7) != 0) { /* a manifest that is gone is a recovery point that was deleted */
            OK(kg_store_remove(w->f->st, all.name[i], &err));
            expect_damage(w, false, "missing", all.name[i]);
            object_set(w->f->st, all.name[i], b.p, b.len);
        }
        kg_buf_done(&b);
    }
}

static void test_names_that_cannot_be_are_reported(void **state)
{
    struct world *w = *state;

    object_set(w->f->st, "packs/ab/cdef", "x", 1);
    expect_damage(w, false, "name", "packs/ab/cdef");
    object_set(w->f->st, "index/x", "x", 1);
    expect_damage(w, false, "name", "index/x");
    object_set(w->f->st, "points/x", "x", 1);
    expect_damage(w, false, "name", "points/x");
}

static void test_what_is_affected_is_exactly_what_cannot_be_read(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < w->packs.n; i++) {
        struct kg_buf b = object_get(w->f->st, w->packs.name[i]);
        KG_AUTO_JSON struct kg_json *flipped = NULL, *cut = NULL, *gone = NULL;
        struct kg_err err = { 0 };

        b.p[b.len / 3] ^= 1;
        object_set(w->f->st, w->packs.name[i], b.p, b.len);
        flipped = check(w, true);
        expect_exact(w, flipped, "flipped");
        b.p[b.len / 3] ^= 1;
        object_set(w->f->st, w->packs.name[i], b.p, b.len / 2);
        cut = check(w, false);
        expect_exact(w, cut, "truncated");
        OK(kg_store_remove(w->f->st, w->packs.name[i], &err));
        gone = check(w, false);
        expect_exact(w, gone, "missing");
        object_set(w->f->st, w->packs.name[i], b.p, b.len);
        kg_buf_done(&b);
    }
}

static void test_damaged_directories_and_indexes_affect_nothing_yet(void **state)
{
    struct world *w = *state;
    struct kg_buf b = object_get(w->f->st, w->packs.name[0]);
    KG_AUTO_JSON struct kg_json *report = NULL;

    b.p[b.len - 60] ^= 1; /* in the sealed directory */
    object_set(w->f->st, w->packs.name[0], b.p, b.len);
    object_set(w->f->st, w->index.name[1], "gone bad", 8); /* the pack is in the other one, or in this one */
    report = check(w, true);
    assert_non_null(damage_of(report, w->packs.name[0]));
    assert_non_null(damage_of(report, w->index.name[1]));
    expect_exact(w, report, "directory");
    kg_buf_done(&b);
}

static void test_a_check_does_not_stop_at_the_first_fault(void **state)
{
    struct world *w = *state;
    struct fixture_names all = objects_of(w->f->st, "");
    KG_AUTO_JSON struct kg_json *report = NULL;

    for (size_t i = 0; i < all.n; i++) {
        struct kg_buf b = object_get(w->f->st, all.name[i]);

        b.p[b.len / 2] ^= 1;
        object_set(w->f->st, all.name[i], b.p, b.len);
        kg_buf_done(&b);
    }
    report = check(w, true);
    for (size_t i = 0; i < all.n; i++)
        if (!damage_of(report, all.name[i]))
            fail_with(report, "not named", all.name[i]);
    assert_true(is_affected(report, "p1", "manifest"));
}

static void test_packs_that_nothing_needs_are_counted(void **state)
{
    struct world *w = *state;
    KG_AUTO_JSON struct kg_json *report = NULL;
    struct kg_err err = { 0 };

    OK(kg_point_delete(w->f->v, "inst", "p1", &err));
    OK(kg_point_delete(w->f->v, "inst", "p2", &err));
    report = check(w, false);
    assert_true(kg_json_bool(report, "healthy", false));
    assert_int_equal(kg_json_u64(report, "unreferencedPacks", 0), w->packs.n);
    assert_true(kg_json_u64(report, "unreferencedBytes", 0) > 100 * 1000);
}

static void count_progress(void *ctx, uint64_t done, uint64_t total)
{
    uint64_t *last = ctx;

    assert_true(done >= last[0] && done <= total);
    last[0] = done;
    last[1] = total;
}

static void test_progress_ends_at_its_total(void **state)
{
    struct world *w = *state;

    for (int read_data = 0; read_data < 2; read_data++) {
        KG_AUTO_JSON struct kg_json *report = NULL;
        uint64_t last[2] = { 0, 0 };
        struct kg_err err = { 0 };

        OK(kg_vault_check(w->f->v, &(struct kg_check_opts){ read_data, count_progress, last }, &report, &err));
        assert_true(last[1] > 0);
        assert_int_equal(last[0], last[1]);
    }
}

static void test_streams_are_named_by_their_nearest_ancestor(void **state)
{
    struct world *w = *state;
    static const char *const names[] = { "archive", "globals", "large objects", "table public.t0", "table odd" };
    KG_AUTO_JSON struct kg_json *m = kg_json_object(), *report = NULL, *made = NULL;
    struct kg_stream s = { .bytes = 5, .chunks = 1, .chunk_size = 8192, .n_ids = 1, .ids = { { 1, 2, 3 } } };
    struct kg_writer *writer = NULL;
    struct kg_json *t;
    struct kg_err err = { 0 };

    made = manifest_of(&s, 1);
    kg_json_set(m, "tables", kg_json_take(made, "tables"));
    t = kg_json_object();
    kg_json_set_str(t, "name", "odd");
    kg_json_set(t, "deeper.stream", kg_stream_to_json(&s));
    kg_json_push(kg_json_get_mutable(m, "tables"), t);
    kg_json_set(m, "archive.stream", kg_stream_to_json(&s));
    kg_json_set(m, "globals.stream", kg_stream_to_json(&s));
    kg_json_set(m, "largeObjects.stream", kg_stream_to_json(&s));
    OK(kg_writer_begin(w->f->v, &tiny, &writer, &err));
    OK(kg_writer_commit(writer, "inst", "p3", m, &err));
    kg_writer_free(writer);
    report = check(w, false);
    for (size_t i = 0; i < KG_ARRAY_LEN(names); i++)
        if (!is_affected(report, "p3", names[i]))
            fail_with(report, "not affected", names[i]);
}

/* ---- what only a writer with the keys, gone wrong, could have made ---- */

struct forged {
    uint8_t id[KG_PACK_ID];
    char name[KG_PACK_NAME];
    uint64_t size;
    struct kg_seg seg;
};

/* A well-sealed pack of one segment with one chunk, which the directory gives the id `claimed`. */
static struct forged forge_pack(struct world *w, const void *chunk, uint32_t n, const uint8_t claimed[KG_ID])
{
    KG_AUTO_BUF struct kg_buf segs = KG_BUF_INIT(1000), rows = KG_BUF_INIT(1000), dir = KG_BUF_INIT(1000);
    KG_AUTO_BUF struct kg_buf pack = KG_BUF_INIT(1 << 20);
    uint8_t sealed[4096], footer[KG_FOOTER];
    struct kg_err err = { 0 };
    struct forged f;
    size_t len;

    kg_random(f.id, sizeof f.id);
    kg_pack_name(f.id, f.name);
    kg_buf_add(&pack, KG_MAGIC_PACK, KG_MAGIC);
    OK(kg_block_seal(w->f->v, KG_BLOCK_SEGMENT, f.name, 8, NULL, chunk, n, sealed, &len, &err));
    kg_buf_add(&pack, sealed, len);
    f.seg = (struct kg_seg){ 8, (uint32_t)len, n, 1 };
    kg_dir_add_seg(&segs, &f.seg);
    kg_dir_add_chunk(&rows, claimed, n);
    kg_dir_write(&segs, &rows, &dir);
    OK(kg_block_seal(w->f->v, KG_BLOCK_DIRECTORY, f.name, pack.len, NULL, dir.p, dir.len, sealed, &len, &err));
    kg_footer_write(&(struct kg_footer){ pack.len, (uint32_t)len }, footer);
    kg_buf_add(&pack, sealed, len);
    kg_buf_add(&pack, footer, sizeof footer);
    f.size = pack.len;
    OK(kg_store_put(w->f->st, f.name, pack.p, pack.len, &err));
    return f;
}

/* An index object that lists the pack's chunk as `id` of n bytes. */
static void forge_index(struct world *w, const struct forged *f, const uint8_t id[KG_ID], uint32_t n)
{
    KG_AUTO_BUF struct kg_buf segs = KG_BUF_INIT(1000), rows = KG_BUF_INIT(1000), dir = KG_BUF_INIT(1000);
    KG_AUTO_BUF struct kg_buf index = KG_BUF_INIT(1000);
    struct kg_seg seg = f->seg;
    struct kg_err err = { 0 };
    uint64_t size;

    seg.plain = n;
    kg_dir_add_seg(&segs, &seg);
    kg_dir_add_chunk(&rows, id, n);
    kg_dir_write(&segs, &rows, &dir);
    kg_index_add_pack(&index, f->id, f->size, &dir);
    OK(kg_sealed_object_put(w->f->v, KG_BLOCK_INDEX, KG_MAGIC_INDEX, "index/0000000007-0123456789abcdef", NULL, index.p,
                            index.len, &size, &err));
}

static void forge_manifest(struct world *w, const char *point, const char *text)
{
    KG_AUTO_FREE char *name = kg_xprintf("points/inst/%s", point);
    struct kg_err err = { 0 };
    uint64_t size;

    OK(kg_sealed_object_put(w->f->v, KG_BLOCK_POINT, KG_MAGIC_POINT, name, NULL, text, strlen(text), &size, &err));
}

static void forge_point(struct world *w, const char *point, const struct kg_stream *s)
{
    KG_AUTO_JSON struct kg_json *m = manifest_of(s, 1);
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(1 << 20);

    kg_json_set_u64(m, "format", 1);
    kg_json_set_str(m, "vaultId", kg_vault_id(w->f->v));
    kg_json_set_str(m, "instance", "inst");
    kg_json_set_str(m, "point", point);
    kg_json_print(m, false, &text);
    forge_manifest(w, point, text.p);
}

static void expect_unreadable(struct world *w, const struct kg_stream *s)
{
    KG_CLEANUP(kg_reader_closep) struct kg_reader *r = NULL;
    struct kg_err err = { 0 };

    OK(kg_reader_open(w->f->v, &r, &err));
    FAILS(CORRUPT, read_stream(r, 1, s, "", 0, &err));
}

static void test_a_chunk_that_is_not_what_its_id_says_is_named(void **state)
{
    struct world *w = *state;
    struct kg_stream s = { .bytes = 5, .chunks = 1, .chunk_size = 8192, .n_ids = 1, .ids = { { 9, 9, 9 } } };
    struct forged f = forge_pack(w, "hello", 5, s.ids[0]);
    KG_AUTO_JSON struct kg_json *report = NULL;

    forge_point(w, "p3", &s);
    expect_unreadable(w, &s);
    report = check(w, true);
    if (!damage_of(report, f.name) || !is_affected(report, "p3", "table public.t0"))
        fail_with(report, "not named", f.name);
}

static void test_a_list_without_whole_ids_is_named(void **state)
{
    struct world *w = *state;
    uint8_t node[33] = { 1 };
    struct kg_stream s = { .bytes = 5000, .chunks = 5, .chunk_size = 8192, .depth = 1, .n_ids = 1 };
    struct kg_hasher *h = kg_hasher_new(w->f->v->hash, w->f->v->chunk_key);
    KG_AUTO_JSON struct kg_json *report = NULL;
    struct forged f;

    kg_hasher_hash(h, node, sizeof node, s.ids[0]);
    kg_hasher_free(h);
    f = forge_pack(w, node, sizeof node, s.ids[0]);
    forge_point(w, "p3", &s);
    expect_unreadable(w, &s);
    report = check(w, false);
    if (!damage_of(report, f.name) || !is_affected(report, "p3", "table public.t0"))
        fail_with(report, "not named", f.name);
}

static void test_an_index_that_contradicts_a_pack_is_noticed(void **state)
{
    struct world *w = *state;
    uint8_t id[KG_ID] = { 7, 7 }, other[KG_ID] = { 8, 8 };
    struct forged f = forge_pack(w, "hello", 5, id);
    struct kg_err err = { 0 };

    forge_index(w, &f, id, 4); /* shorter */
    expect_damage(w, false, "index", f.name);
    OK(kg_store_remove(w->f->st, "index/0000000007-0123456789abcdef", &err));
    forge_index(w, &f, other, 5); /* another chunk */
    expect_damage(w, false, "index", f.name);
}

static void test_a_chunk_that_no_pack_has_is_a_fault_of_the_packs(void **state)
{
    struct world *w = *state;
    struct kg_stream s = { .bytes = 5, .chunks = 1, .chunk_size = 8192, .n_ids = 1, .ids = { { 9, 9, 9 } } };
    KG_AUTO_JSON struct kg_json *report = NULL;

    forge_point(w, "p3", &s);
    expect_unreadable(w, &s);
    report = check(w, false);
    assert_non_null(damage_of(report, "packs/"));
    assert_true(is_affected(report, "p3", "table public.t0"));
}

static void test_manifests_that_say_something_else_are_named(void **state)
{
    struct world *w = *state;
    const char *id = kg_vault_id(w->f->v);
    KG_AUTO_FREE char *newer = kg_xprintf("{\"format\":2,\"vaultId\":\"%s\",\"instance\":\"inst\",\"point\":\"p4\"}", id);
    KG_AUTO_FREE char *other = kg_xprintf("{\"format\":1,\"vaultId\":\"%s\",\"instance\":\"inst\",\"point\":\"p4\"}", id);
    KG_AUTO_FREE char *stream = kg_xprintf("{\"format\":1,\"vaultId\":\"%s\",\"instance\":\"inst\",\"point\":\"p6\","
                                           "\"archive\":{\"stream\":{\"bytes\":5}}}", id);
    struct kg_stream s = stream_of(w->f->v, "p1", 0);
    KG_AUTO_JSON struct kg_json *report = NULL, *m = NULL;
    struct kg_err err = { 0 };

    forge_manifest(w, "p3", "{\"half\":");
    forge_manifest(w, "p4", newer);
    forge_manifest(w, "p5", other);
    forge_manifest(w, "p6", stream);
    s.bytes++;
    forge_point(w, "p7", &s);
    FAILS(CORRUPT, kg_point_get(w->f->v, "inst", "p3", &m, &err));
    FAILS(VAULT_FORMAT, kg_point_get(w->f->v, "inst", "p4", &m, &err));
    FAILS(CORRUPT, kg_point_get(w->f->v, "inst", "p5", &m, &err));
    report = check(w, false);
    for (char c = '3'; c <= '7'; c++) {
        char name[] = "points/inst/p3", point[] = "p3";

        name[13] = point[1] = c;
        if (!damage_of(report, name) ||
            !is_affected(report, point, c == '6' ? "archive" : c == '7' ? "table public.t0" : "manifest"))
            fail_with(report, "not named", name);
    }
    assert_int_equal(kg_json_count(kg_json_get(report, "damage")), 5);
}

static void test_a_pack_without_an_index_is_named_when_the_manifest_cannot_tell(void **state)
{
    struct world *w = *state;
    KG_AUTO_JSON struct kg_json *report = NULL;
    struct kg_err err = { 0 };
    bool named = false;

    OK(kg_point_delete(w->f->v, "inst", "p1", &err)); /* only it knew the first index object */
    OK(kg_store_remove(w->f->st, w->index.name[0], &err));
    report = check(w, false);
    for (size_t i = 0; i < w->packs.n; i++)
        named = named || damage_of(report, w->packs.name[i]);
    assert_true(named);
    read_point(w->f->v, "p2", (char *[]){ w->data[0], w->data[1], w->data[3] }, w->len, 3);
}

/* A collection that comes past while the check is at work. */
static void collect_now(void *ctx, uint64_t done, uint64_t total)
{
    struct world *w = ctx;
    struct kg_err err = { 0 };

    (void)done, (void)total;
    for (size_t i = 1; i < w->packs.n; i++)
        if (kg_store_remove(w->f->st, w->packs.name[i], &err) < 0)
            err = (struct kg_err){ 0 };
}

static void test_what_is_collected_during_a_check_is_missed_only_where_it_is_needed(void **state)
{
    struct world *w = *state;
    struct kg_check_opts o = { .progress = collect_now, .ctx = w };
    KG_AUTO_JSON struct kg_json *report = NULL, *needed = NULL;
    struct kg_stream s[TABLES];
    struct kg_err err = { 0 };

    OK(kg_vault_check(w->f->v, &o, &needed, &err));
    assert_false(kg_json_bool(needed, "healthy", true));
    assert_true(is_affected(needed, "p1", "table public.t0"));
    fixture_free(w->f);
    w->f = fixture_new(false);
    OK(back_up(w->f->v, &tiny, "p1", w->data, w->len, TABLES, s, NULL, &err));
    w->packs = objects_of(w->f->st, "packs/");
    OK(kg_point_delete(w->f->v, "inst", "p1", &err));
    OK(kg_vault_check(w->f->v, &o, &report, &err));
    if (!kg_json_bool(report, "healthy", false))
        fail_with(report, "nobody needs", "packs/");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_sound_vault_is_healthy),
        TEST(test_flipped_bits_are_named_in_every_kind_of_object),
        TEST(test_truncated_objects_are_named_by_structure_alone),
        TEST(test_objects_with_something_behind_them_are_named),
        TEST(test_swapped_and_replayed_objects_are_named),
        TEST(test_objects_of_another_vault_are_named),
        TEST(test_missing_objects_are_named),
        TEST(test_names_that_cannot_be_are_reported),
        TEST(test_what_is_affected_is_exactly_what_cannot_be_read),
        TEST(test_damaged_directories_and_indexes_affect_nothing_yet),
        TEST(test_a_check_does_not_stop_at_the_first_fault),
        TEST(test_packs_that_nothing_needs_are_counted),
        TEST(test_progress_ends_at_its_total),
        TEST(test_streams_are_named_by_their_nearest_ancestor),
        TEST(test_a_chunk_that_is_not_what_its_id_says_is_named),
        TEST(test_a_list_without_whole_ids_is_named),
        TEST(test_an_index_that_contradicts_a_pack_is_noticed),
        TEST(test_a_chunk_that_no_pack_has_is_a_fault_of_the_packs),
        TEST(test_manifests_that_say_something_else_are_named),
        TEST(test_a_pack_without_an_index_is_named_when_the_manifest_cannot_tell),
        TEST(test_what_is_collected_during_a_check_is_missed_only_where_it_is_needed),
    };

    kg_crypto_start();
    return cmocka_run_group_tests_name("vault check", tests, NULL, NULL);
}
