/* The specification, docs/formats/vault.md: its test vectors, what its parsers refuse, and a reader in another language that was
 * written from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/parse.h"
#include "support/vault_fixture.h"
#include "sys/fd.h"
#include "sys/proc.h"
#include "vault/keys.h"
#include "vault/layout.h"
#include "vault/vault_int.h"

static const char SPEC[] = "docs/formats/vault.md", READER[] = "tests/support/vault_reader.py";

static char *spec_text(void)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
    struct kg_err err = { 0 };

    OK(kg_read_file(AT_FDCWD, SPEC, &b, &err));
    return kg_buf_take(&b);
}

static void expect_vector(const char *what, const char *value)
{
    KG_AUTO_FREE char *spec = spec_text(), *want = kg_xprintf("%s\n    %s\n", what, value);

    if (!strstr(spec, want))
        fail_msg("the specification does not say: %s", want);
}

static void expect_hex(const char *what, const void *data, size_t n)
{
    KG_AUTO_FREE char *hex = kg_xalloc(2 * n + 1);

    kg_hex(data, n, hex);
    expect_vector(what, hex);
}

static void expect_key(const char *what, const struct kg_secret *key, size_t n)
{
    expect_hex(what, kg_secret_open(key), n);
    kg_secret_shut(key);
}

struct vectors {
    struct kg_secret *master;
    struct kg_vault v; /* as far as blocks need one */
};

static int setup_vectors(void **state)
{
    struct vectors *x = kg_xalloc(sizeof *x);
    uint8_t bytes[KG_KEY_BYTES];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    x->master = kg_secret_new_copy(bytes, sizeof bytes);
    for (unsigned i = 0; i < 16; i++)
        x->v.id_raw[i] = (uint8_t)(i * 0x11);
    x->v.keys[KG_BLOCK_SEGMENT] = kg_key_derive(x->master, "KGsegmnt", 1);
    *state = x;
    return 0;
}

static int teardown_vectors(void **state)
{
    struct vectors *x = *state;

    kg_secret_free(x->master);
    kg_secret_free(x->v.keys[KG_BLOCK_SEGMENT]);
    free(x);
    return 0;
}

static const char PACK[] = "packs/ab/ab000000000000000000000000000000";

static void test_keys_hashes_and_texts_are_those_of_the_specification(void **state)
{
    struct vectors *x = *state;
    KG_AUTO_SECRET struct kg_secret *chunks = kg_key_derive(x->master, "KGchunks", 1);
    KG_AUTO_SECRET struct kg_secret *holder = kg_key_derive(x->master, "KGholder", 4);
    KG_AUTO_SECRET struct kg_secret *gear = kg_key_derive(x->master, "KGgear00", 1);
    KG_AUTO_SECRET struct kg_secret *text = kg_recovery_to_text(x->master);
    static const struct {
        enum kg_hash_kind kind;
        const char *what;
    } hashes[] = { { KG_HASH_HMAC_SHA256, "id of the chunk `keepgres`, hmac-sha256" },
                   { KG_HASH_BLAKE2B, "id of the chunk `keepgres`, blake2b-256" } };
    struct kg_hasher *h = kg_hasher_new(KG_HASH_BLAKE2B, gear);
    uint8_t out[KG_HASH_BYTES];
    char word[17];

    expect_key("KDF(master, \"KGsegmnt\", 1)", x->v.keys[KG_BLOCK_SEGMENT], KG_KEY_BYTES);
    expect_key("KDF(master, \"KGchunks\", 1)", chunks, KG_KEY_BYTES);
    expect_key("KDF(master, \"KGholder\", 4), first 16 bytes", holder, 16);
    expect_vector("recovery text of the key 00 01 … 1f", (const char *)kg_secret_open(text));
    kg_secret_shut(text);
    kg_hasher_hash(h, "a", 1, out);
    kg_hasher_free(h);
    snprintf(word, sizeof word, "%016llx", (unsigned long long)kg_le64(out));
    expect_vector("gear[0x61], as u64 in hex", word);
    kg_digest("keepgres", 8, out);
    expect_hex("digest of `keepgres`", out, sizeof out);
    for (size_t i = 0; i < KG_ARRAY_LEN(hashes); i++) {
        h = kg_hasher_new(hashes[i].kind, chunks);
        kg_hasher_hash(h, "keepgres", 8, out);
        kg_hasher_free(h);
        expect_hex(hashes[i].what, out, sizeof out);
    }
}

static void test_blocks_and_directories_are_those_of_the_specification(void **state)
{
    struct vectors *x = *state;
    static const char sealed_hex[] = "404142434445464748494a4b4c4d4e4f5051525354555657"
                                     "d7842827f5ea1fb3a3d104c2152f5c2f381bb8af72f6fe49768a2aa84089255c";
    KG_AUTO_SECRET struct kg_secret *chunks = kg_key_derive(x->master, "KGchunks", 1);
    struct kg_hasher *h = kg_hasher_new(KG_HASH_HMAC_SHA256, chunks);
    KG_AUTO_BUF struct kg_buf segs = KG_BUF_INIT(1000), rows = KG_BUF_INIT(1000), dir = KG_BUF_INIT(1000);
    uint8_t ad[KG_AD_ROOM], sealed[56], scratch[56], id[KG_ID], plain[8];
    struct kg_err err = { 0 };
    struct kg_block b;

    expect_hex("AD(2, \"packs/ab/ab000000000000000000000000000000\", 8)", ad,
               kg_block_ad(x->v.id_raw, KG_BLOCK_SEGMENT, PACK, 8, ad));
    expect_vector("that block, sealed", sealed_hex);
    assert_true(kg_unhex(sealed_hex, sealed, sizeof sealed));
    OK(kg_block_unseal(&x->v, KG_BLOCK_SEGMENT, PACK, 8, sealed, sizeof sealed, scratch, 1000, &b, &err));
    OK(kg_block_expand(NULL, &b, plain, &err));
    assert_memory_equal(plain, "keepgres", 8);
    FAILS(CORRUPT, kg_block_unseal(&x->v, KG_BLOCK_SEGMENT, PACK, 9, sealed, sizeof sealed, scratch, 1000, &b, &err));
    FAILS(CORRUPT, kg_block_unseal(&x->v, KG_BLOCK_SEGMENT, PACK, 8, sealed, sizeof sealed, scratch, 7, &b, &err));
    kg_hasher_hash(h, "keepgres", 8, id);
    kg_hasher_free(h);
    kg_dir_add_seg(&segs, &(struct kg_seg){ 8, 56, 8, 1 });
    kg_dir_add_chunk(&rows, id, 8);
    kg_dir_write(&segs, &rows, &dir);
    expect_hex("directory of the pack", dir.p, dir.len);
}

/* ---- parsers ---- */

/* A directory of two segments with three chunks. */
static void sample_dir(struct kg_buf *ret)
{
    KG_AUTO_BUF struct kg_buf segs = KG_BUF_INIT(1000), rows = KG_BUF_INIT(1000);
    uint8_t id[KG_ID] = { 1 };

    kg_dir_add_seg(&segs, &(struct kg_seg){ 8, 100, 30, 2 });
    kg_dir_add_seg(&segs, &(struct kg_seg){ 108, 200, 5, 1 });
    for (uint32_t i = 0; i < 3; i++) {
        id[0] = (uint8_t)(i + 1);
        kg_dir_add_chunk(&rows, id, i == 0 ? 10 : i == 1 ? 20 : 5);
    }
    kg_dir_write(&segs, &rows, ret);
}

static void test_a_directory_reads_back(void **state)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1000);
    struct kg_err err = { 0 };
    struct kg_dir d;
    size_t used;

    (void)state;
    sample_dir(&b);
    OK(kg_dir_read((const uint8_t *)b.p, b.len, &d, &used, &err));
    assert_int_equal(used, b.len);
    assert_int_equal(d.n_segs, 2);
    assert_int_equal(d.n_chunks, 3);
    assert_int_equal(kg_dir_seg(&d, 1).at, 108);
    assert_int_equal(kg_dir_seg(&d, 1).sealed, 200);
    assert_int_equal(kg_dir_chunk_len(&d, 1), 20);
    assert_int_equal(kg_dir_chunk_id(&d, 2)[0], 3);
    assert_int_equal(kg_dir_end(&d), 308);
}

static void test_directories_that_cannot_be_are_refused(void **state)
{
    static const struct {
        const char *what;
        size_t at;
        uint32_t value;
    } cases[] = {
        { "no segments", 0, 0 },
        { "more segments than bytes", 0, 3 },
        { "very many segments", 0, UINT32_MAX },
        { "a chunk too few", 4, 2 },
        { "a chunk too many", 4, 4 },
        { "very many chunks", 4, UINT32_MAX },
        { "a first segment that does not follow the magic", 8, 9 },
        { "a position beyond 32 bits", 12, 1 },
        { "a segment shorter than a seal", 16, 40 },
        { "a segment longer than the limit", 16, UINT32_MAX },
        { "no data", 20, 0 },
        { "data that the chunks do not fill", 20, 31 },
        { "more data than a segment may have", 20, UINT32_MAX },
        { "no chunks in a segment", 24, 0 },
        { "another segment's chunks", 24, 3 },
        { "more chunks than there are", 24, UINT32_MAX },
        { "a gap between segments", 28, 109 },
        { "an empty chunk", 48 + 32, 0 },
        { "a chunk beyond the limit", 48 + 32, KG_CHUNK_LIMIT + 1 },
        { "a chunk without an id", 48, 0 },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1000);
        struct kg_err err = { 0 };
        struct kg_dir d;
        size_t used;

        sample_dir(&b);
        kg_put_le32((uint8_t *)b.p + cases[i].at, cases[i].value);
        if (kg_dir_read((const uint8_t *)b.p, b.len, &d, &used, &err) != -KG_E_CORRUPT)
            fail_msg("accepted: %s", cases[i].what);
    }
    for (size_t n = 0;; n++) {
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1000);
        struct kg_err err = { 0 };
        struct kg_dir d;
        size_t used;

        sample_dir(&b);
        if (n == b.len)
            break;
        assert_int_equal(kg_dir_read((const uint8_t *)b.p, n, &d, &used, &err), -KG_E_CORRUPT);
    }
}

static void test_footers_that_do_not_fit_are_refused(void **state)
{
    struct kg_footer f = { 1000, 200 }, got;
    uint8_t good[KG_FOOTER], bad[KG_FOOTER];
    struct kg_err err = { 0 };

    (void)state;
    kg_footer_write(&f, good);
    OK(kg_footer_read(good, 1224, &got, &err));
    assert_int_equal(got.dir_at, 1000);
    assert_int_equal(got.dir_sealed, 200);
    FAILS(CORRUPT, kg_footer_read(good, 1223, &got, &err));
    FAILS(CORRUPT, kg_footer_read(good, 1225, &got, &err));
    FAILS(CORRUPT, kg_footer_read(good, 0, &got, &err));
    for (size_t i = 0; i < sizeof good; i++) {
        memcpy(bad, good, sizeof bad);
        bad[i] ^= 0x81;
        FAILS(CORRUPT, kg_footer_read(bad, 1224, &got, &err));
    }
}

static int count_pack(void *ctx, const uint8_t id[KG_PACK_ID], uint64_t size, const struct kg_dir *d, struct kg_err *err)
{
    (void)err;
    assert_int_equal(id[0], 0xab);
    assert_true(size > kg_dir_end(d));
    ++*(int *)ctx;
    return 0;
}

static void test_an_index_is_read_whole_or_not_at_all(void **state)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1000), dir = KG_BUF_INIT(1000);
    uint8_t id[KG_PACK_ID] = { 0xab };
    struct kg_err err = { 0 };
    int packs = 0;

    (void)state;
    sample_dir(&dir);
    kg_index_add_pack(&b, id, 500, &dir);
    kg_index_add_pack(&b, id, 500, &dir);
    OK(kg_index_read((const uint8_t *)b.p, b.len, count_pack, &packs, &err));
    assert_int_equal(packs, 2);
    for (size_t n = 0; n < b.len; n++) {
        if (n == b.len / 2)
            continue; /* one pack: an index as well */
        packs = 0;
        FAILS(CORRUPT, kg_index_read((const uint8_t *)b.p, n, count_pack, &packs, &err));
        assert_int_equal(packs, 0);
    }
    kg_put_le64((uint8_t *)b.p + KG_PACK_ID, 310); /* shorter than its segments and a footer */
    FAILS(CORRUPT, kg_index_read((const uint8_t *)b.p, b.len, count_pack, &packs, &err));
}

static void test_names_of_packs_and_indexes_have_one_spelling(void **state)
{
    static const char *const bad_packs[] = {
        "packs/ab/ab00000000000000000000000000000",  "packs/AB/AB000000000000000000000000000000",
        "packs/ac/ab000000000000000000000000000000", "packs/ab/ab00000000000000000000000000000g",
        "pakcs/ab/ab000000000000000000000000000000", "packs/ab/ab0000000000000000000000000000000",
    };
    static const char *const bad_indexes[] = {
        "index/000000001-0123456789abcdef", "index/00000000010123456789abcdef", "index/000000000x-0123456789abcdef",
        "index/0000000001-0123456789abcdex", "indez/0000000001-0123456789abcdef", "index/0000000001_0123456789abcdef",
    };
    uint8_t id[KG_PACK_ID];
    uint64_t seq = 0;

    (void)state;
    assert_true(kg_pack_id(PACK, id));
    assert_int_equal(id[0], 0xab);
    for (size_t i = 0; i < KG_ARRAY_LEN(bad_packs); i++)
        assert_false(kg_pack_id(bad_packs[i], id));
    assert_true(kg_index_seq("index/0000000042-0123456789abcdef", &seq));
    assert_int_equal(seq, 42);
    for (size_t i = 0; i < KG_ARRAY_LEN(bad_indexes); i++)
        assert_false(kg_index_seq(bad_indexes[i], &seq));
}

/* ---- the reader that was written from the specification ---- */

/* Runs it with the recovery key on standard input; its output, or NULL when it failed. */
static char *foreign_read(struct fixture *f, const char *const *args)
{
    const char *argv[10] = { "python3", READER, f ? f->dir : "-" };
    KG_AUTO_FREE char *path = kg_xprintf("PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    const char *const envp[] = { path, "PYTHONDONTWRITEBYTECODE=1", NULL };
    KG_AUTO_BUF struct kg_buf out = KG_BUF_INIT(1 << 26);
    int in[2], from[2], status, n = 3;
    struct kg_err err = { 0 };
    char block[4096];
    ssize_t got;
    pid_t pid;

    while (*args)
        argv[n++] = *args++;
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(from, O_CLOEXEC), 0);
    OK(kg_proc_spawn(&(struct kg_proc_spec){ .argv = argv, .envp = envp, .fd_in = in[0], .fd_out = from[1], .fd_err = -1,
                                             .fd_pass = -1 }, &pid, &err));
    close(in[0]);
    close(from[1]);
    if (f) {
        assert_int_equal(kg_write_all(in[1], kg_secret_open(f->recovery), kg_secret_size(f->recovery)), 0);
        kg_secret_shut(f->recovery);
    }
    close(in[1]);
    kg_buf_adds(&out, "");
    while ((got = kg_read_full(from[0], block, sizeof block)) > 0)
        kg_buf_add(&out, block, (size_t)got);
    close(from[0]);
    OK(kg_proc_wait(pid, -1, &status, &err));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? kg_buf_take(&out) : NULL;
}

static void test_the_vectors_are_those_of_an_independent_reader(void **state)
{
    KG_AUTO_FREE char *spec = spec_text(), *out = foreign_read(NULL, (const char *const[]){ "vectors", NULL });

    (void)state;
    assert_non_null(out);
    assert_non_null(strstr(spec, out));
}

static int setup(void **state)
{
    *state = fixture_new(true);
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static void test_an_independent_reader_reads_a_vault(void **state)
{
    struct fixture *f = *state;
    enum { N = 4 };
    static const size_t len[N] = { 0, 1, 300 * 1000, 3000 * 1000 };
    static const struct kg_write_opts o = { .level = 3, .segment_bytes = 256 * 1024, .pack_bytes = 300 * 1000 };
    char *data[N];
    struct kg_stream s[N];
    struct kg_err err = { 0 };

    for (unsigned i = 0; i < N; i++)
        data[i] = rows_of(i, len[i]);
    OK(back_up(f->v, &o, "p1", data, len, N, s, NULL, &err));
    assert_true(s[N - 1].depth > 0);
    for (int index = 0; index < 2; index++) {
        for (unsigned i = 0; i < N; i++) {
            KG_AUTO_FREE char *table = kg_xprintf("public.t%u", i);
            KG_AUTO_FREE char *out = foreign_read(f, (const char *const[]){ "rows", "inst", "p1", table, NULL });

            assert_non_null(out);
            assert_string_equal(out, data[i]);
        }
        OK(kg_store_remove(f->st, objects_of(f->st, "index/").name[0], &err)); /* and from the packs alone */
        OK(kg_store_put(f->st, "index/0000000009-0123456789abcdef", "KGINDX01 damaged", 16, &err));
    }
    for (unsigned i = 0; i < N; i++)
        free(data[i]);
}

/* Rows, bytes and checksum as section 10 says, of rows or of large objects' records. */
static void set_sums(struct kg_json *j, const char *p, size_t n, bool records)
{
    uint64_t rows = 0, sum = 0;
    char hex[17];

    for (size_t at = 0, len; at < n; at += len, rows++) {
        const char *end = records ? NULL : memchr(p + at, '\n', n - at);

        len = records ? 8 + kg_le32((const uint8_t *)p + at + 4) : (size_t)(end - p) + 1 - at;
        sum += XXH3_64bits(p + at, records ? len : len - 1);
    }
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)sum);
    kg_json_set_u64(j, "rows", rows);
    kg_json_set_u64(j, "bytes", n);
    kg_json_set_str(j, "rowChecksum", hex);
}

static void add_record(struct kg_buf *b, uint32_t oid, const char *data, uint32_t n)
{
    uint8_t head[8];

    kg_put_le32(head, oid);
    kg_put_le32(head + 4, n);
    kg_buf_add(b, head, sizeof head);
    kg_buf_add(b, data, n);
}

static void test_an_independent_reader_verifies_rows_and_large_objects(void **state)
{
    struct fixture *f = *state;
    enum { A, B, ARCHIVE, LO, N };
    static const char archive[] = "PGDMP\1\016\0 and so on";
    KG_AUTO_BUF struct kg_buf lo = KG_BUF_INIT(1 << 20);
    struct kg_buf two[2] = { KG_BUF_INIT(2 << 20), KG_BUF_INIT(2 << 20) };
    KG_AUTO_JSON struct kg_json *m = NULL;
    KG_AUTO_FREE char *good = NULL, *bad = NULL;
    struct kg_write_opts o = { .level = 1 };
    struct kg_json *table, *second;
    struct kg_stream s[N];
    struct kg_err err = { 0 };
    size_t total;

    for (int i = 0; i < 20 * 1000; i++)
        kg_buf_addf(&two[i / 12000], "%d\tsome row\\n with an escape\t\\N\n", i);
    add_record(&lo, 16500, "first page", 10);
    add_record(&lo, 16500, "second", 6);
    add_record(&lo, 4000000001u, "", 0);
    total = two[0].len + two[1].len;
    for (int round = 0; round < 2; round++) { /* the second time with one checksum wrong */
        KG_CLEANUP(kg_writer_freep) struct kg_writer *w = NULL;
        struct kg_sink *sink = NULL;

        OK(kg_writer_begin(f->v, &o, &w, &err));
        OK(kg_sink_open(w, &sink, &err));
        OK(send_stream(sink, KG_CHUNK_SMALL, two[0].p, two[0].len, &s[A], &err));
        OK(send_stream(sink, KG_CHUNK_SMALL, two[1].p, two[1].len, &s[B], &err));
        OK(send_stream(sink, KG_CHUNK_SMALL, archive, sizeof archive, &s[ARCHIVE], &err));
        OK(send_stream(sink, KG_CHUNK_SMALL, lo.p, lo.len, &s[LO], &err));
        OK(kg_sink_close(sink, &err));
        kg_json_free(m);
        m = manifest_of(s, 1);
        table = kg_json_get_mutable(m, "tables.0");
        set_sums(kg_json_get_mutable(m, "tables.0.slices.0"), two[0].p, two[0].len, false);
        second = kg_json_object();
        kg_json_set(second, "stream", kg_stream_to_json(&s[B]));
        set_sums(second, two[1].p, two[1].len, false);
        kg_json_push(kg_json_get_mutable(table, "slices"), second);
        kg_buf_add(&two[0], two[1].p, two[1].len);
        set_sums(table, two[0].p, total, false);
        kg_buf_cut(&two[0], total - two[1].len);
        kg_json_set(m, "archive.stream", kg_stream_to_json(&s[ARCHIVE]));
        kg_json_set(m, "largeObjects.stream", kg_stream_to_json(&s[LO]));
        kg_json_set_u64(m, "largeObjects.count", 2);
        set_sums(kg_json_get_mutable(m, "largeObjects"), lo.p, lo.len, true);
        kg_json_set_u64(m, "totals.tables", 1);
        kg_json_set_u64(m, "totals.rows", 20 * 1000);
        kg_json_set_u64(m, "totals.bytes", total);
        if (round)
            kg_json_set_str(m, "largeObjects.rowChecksum", "0000000000000001");
        OK(kg_writer_commit(w, "inst", round ? "bad" : "good", m, &err));
    }
    good = foreign_read(f, (const char *const[]){ "verify", "inst", "good", NULL });
    bad = foreign_read(f, (const char *const[]){ "verify", "inst", "bad", NULL });
    assert_non_null(good);
    assert_non_null(strstr(good, "verified 1 tables, 20000 rows"));
    assert_null(bad);
    kg_buf_done(&two[0]);
    kg_buf_done(&two[1]);
}

static void test_an_independent_reader_refuses_damage(void **state)
{
    struct fixture *f = *state;
    size_t len = 300 * 1000;
    KG_AUTO_FREE char *data = rows_of(1, len), *out = NULL;
    struct fixture_names packs;
    struct kg_stream s;
    struct kg_err err = { 0 };
    struct kg_buf b;

    OK(back_up(f->v, &(struct kg_write_opts){ .level = 1 }, "p1", &data, &len, 1, &s, NULL, &err));
    packs = objects_of(f->st, "packs/");
    b = object_get(f->st, packs.name[0]);
    b.p[b.len / 2] ^= 1;
    object_set(f->st, packs.name[0], b.p, b.len);
    kg_buf_done(&b);
    out = foreign_read(f, (const char *const[]){ "rows", "inst", "p1", "public.t0", NULL });
    assert_null(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys_hashes_and_texts_are_those_of_the_specification, setup_vectors,
                                        teardown_vectors),
        cmocka_unit_test_setup_teardown(test_blocks_and_directories_are_those_of_the_specification, setup_vectors,
                                        teardown_vectors),
        cmocka_unit_test(test_a_directory_reads_back),
        cmocka_unit_test(test_directories_that_cannot_be_are_refused),
        cmocka_unit_test(test_footers_that_do_not_fit_are_refused),
        cmocka_unit_test(test_an_index_is_read_whole_or_not_at_all),
        cmocka_unit_test(test_names_of_packs_and_indexes_have_one_spelling),
        cmocka_unit_test(test_the_vectors_are_those_of_an_independent_reader),
        cmocka_unit_test_setup_teardown(test_an_independent_reader_reads_a_vault, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_independent_reader_verifies_rows_and_large_objects, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_independent_reader_refuses_damage, setup, teardown),
    };

    kg_crypto_start();
    return cmocka_run_group_tests_name("vault format", tests, NULL, NULL);
}
