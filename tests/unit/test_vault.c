#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "base/parse.h"
#include "support/vault_fixture.h"
#include "vault/keys.h"
#include "vault/locator.h"
#include "vault/stream.h"

static const struct kg_write_opts quick = { .level = 1 };
static const struct kg_write_opts tiny = { .level = 1, .segment_bytes = 64 * 1024, .pack_bytes = 200 * 1000 };

static int setup(void **state)
{
    *state = fixture_new(false);
    return 0;
}

static int setup_dir(void **state)
{
    *state = fixture_new(true);
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

/* ---- vaults and keys ---- */

static void test_a_vault_opens_with_both_keys_and_keeps_its_id(void **state)
{
    struct fixture *f = *state;
    struct kg_err err = { 0 };
    struct kg_vault *v = NULL;

    OK(kg_vault_open(f->st, f->key, &v, &err));
    assert_string_equal(kg_vault_id(v), kg_vault_id(f->v));
    kg_vault_close(v);
    OK(kg_vault_open_recovery(f->st, f->recovery, &v, &err));
    assert_string_equal(kg_vault_id(v), kg_vault_id(f->v));
    kg_vault_close(v);
}

static void test_a_vault_is_made_in_an_empty_store_only(void **state)
{
    struct fixture *f = *state;
    struct kg_store *st = kg_store_open_mem();
    struct kg_err err = { 0 };
    struct kg_vault *v = NULL;

    FAILS(VAULT_EXISTS, kg_vault_create(f->st, &(struct kg_vault_spec){ .tier = "VaultStore" }, f->key, &v, &err));
    OK(kg_store_put(st, "packs/ab/x", "x", 1, &err));
    FAILS(VAULT_EXISTS, kg_vault_create(st, &(struct kg_vault_spec){ .tier = "VaultStore" }, f->key, &v, &err));
    FAILS(NOT_FOUND, kg_vault_open(st, f->key, &v, &err));
    kg_store_close(st);
}

static void test_an_interrupted_creation_can_be_repeated(void **state)
{
    struct fixture *f = *state;

    for (unsigned n = 1;; n++) {
        struct kg_store *st = kg_store_open_mem();
        struct kg_vault *v = NULL;
        struct kg_err err = { 0 };
        int r;

        kg_fault_arm(KG_FP_ANY, n, EIO);
        r = kg_vault_create(st, &(struct kg_vault_spec){ .tier = "VaultStore", .hash = "blake2b-256" }, f->key, &v, &err);
        if (kg_fault_fired()) {
            assert_int_equal(r, -KG_E_IO);
            kg_fault_reset();
            OK(kg_vault_create(st, &(struct kg_vault_spec){ .tier = "VaultStore" }, f->key, &v, &err));
            kg_vault_close(v);
            kg_store_close(st);
            continue;
        }
        kg_fault_reset();
        assert_int_equal(r, 0);
        assert_int_equal(objects_of(st, "").n, 2);
        kg_vault_close(v);
        kg_store_close(st);
        assert_true(n > 5);
        break;
    }
}

static void test_unknown_hashes_and_short_keys_are_refused(void **state)
{
    struct fixture *f = *state;
    struct kg_store *st = kg_store_open_mem();
    KG_AUTO_SECRET struct kg_secret *shorter = kg_secret_random(31);
    struct kg_err err = { 0 };
    struct kg_vault *v = NULL;

    FAILS(USAGE, kg_vault_create(st, &(struct kg_vault_spec){ .tier = "VaultStore", .hash = "md5" }, f->key, &v, &err));
    FAILS(USAGE, kg_vault_create(st, &(struct kg_vault_spec){ .tier = "VaultStore" }, shorter, &v, &err));
    FAILS(WRONG_KEY, kg_vault_open(f->st, shorter, &v, &err));
    kg_store_close(st);
}

static void test_a_wrong_key_is_told_from_a_damaged_slot_and_a_damaged_header(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_SECRET struct kg_secret *wrong = kg_secret_random(KG_KEY_BYTES);
    struct fixture_names slots = objects_of(f->st, "keys/service-");
    struct kg_err err = { 0 };
    struct kg_vault *v = NULL;
    struct kg_buf b = object_get(f->st, slots.name[0]), h = object_get(f->st, "keepgres-vault");
    char *at;

    FAILS(WRONG_KEY, kg_vault_open(f->st, wrong, &v, &err));
    for (size_t i = 0; i < b.len; i += 3) {
        b.p[i] ^= 4;
        object_set(f->st, slots.name[0], b.p, b.len);
        FAILS(CORRUPT, kg_vault_open(f->st, f->key, &v, &err));
        assert_non_null(strstr(err.msg, slots.name[0]));
        b.p[i] ^= 4;
    }
    object_set(f->st, slots.name[0], b.p, b.len - 1);
    FAILS(CORRUPT, kg_vault_open(f->st, f->key, &v, &err));
    object_set(f->st, slots.name[0], b.p, b.len);

    at = strstr(h.p, "VaultStore");
    assert_non_null(at);
    at[0] = 'W';
    object_set(f->st, "keepgres-vault", h.p, h.len);
    FAILS(CORRUPT, kg_vault_open(f->st, f->key, &v, &err));
    assert_non_null(strstr(err.msg, "keepgres-vault"));
    object_set(f->st, "keepgres-vault", "{}", 2);
    FAILS(CORRUPT, kg_vault_open(f->st, f->key, &v, &err));
    object_set(f->st, "keepgres-vault", "{\"magic\"", 8);
    FAILS(CORRUPT, kg_vault_open(f->st, f->key, &v, &err));
    object_set(f->st, "keepgres-vault", "{\"magic\":\"keepgres-vault\",\"format\":2}", 37);
    FAILS(VAULT_FORMAT, kg_vault_open(f->st, f->key, &v, &err));
    kg_buf_done(&b);
    kg_buf_done(&h);
}

static void test_a_slot_of_another_vault_or_under_another_name_does_not_open(void **state)
{
    struct fixture *f = *state, *g = fixture_new(false);
    struct fixture_names own = objects_of(f->st, "keys/service-"), other = objects_of(g->st, "keys/service-");
    struct kg_buf b = object_get(g->st, other.name[0]), mine = object_get(f->st, own.name[0]);
    struct kg_err err = { 0 };
    struct kg_vault *v = NULL;

    object_set(f->st, own.name[0], b.p, b.len);
    FAILS(CORRUPT, kg_vault_open(f->st, g->key, &v, &err));
    OK(kg_store_remove(f->st, own.name[0], &err));
    object_set(f->st, "keys/service-0000000000000000", mine.p, mine.len);
    FAILS(CORRUPT, kg_vault_open(f->st, f->key, &v, &err));
    kg_buf_done(&b);
    kg_buf_done(&mine);
    fixture_free(g);
}

static struct kg_secret *retyped(const struct kg_secret *text, void (*change)(char *s, size_t n))
{
    size_t n = kg_secret_size(text);
    struct kg_secret *copy = kg_secret_new(n + 8);
    char *p = (char *)kg_secret_open_write(copy);
    struct kg_secret *exact;

    memcpy(p, kg_secret_open(text), n);
    kg_secret_shut(text);
    change(p, n);
    exact = kg_secret_new_copy(p, strlen(p));
    kg_secret_shut(copy);
    kg_secret_free(copy);
    return exact;
}

static void lower_case(char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i];
}
static void blanks(char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s[i] = s[i] == '-' ? i % 2 ? ' ' : '\n' : s[i];
}
static void look_alikes(char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s[i] = s[i] == '0' ? 'o' : s[i] == '1' ? i % 2 ? 'l' : 'I' : s[i];
}
static void other_character(char *s, size_t n) { s[n / 2] = s[n / 2] == 'A' ? 'B' : 'A'; }
static void swapped(char *s, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        char a = s[i];

        if (a == '-' || s[i + 1] == '-' || a == s[i + 1])
            continue;
        s[i] = s[i + 1];
        s[i + 1] = a;
        return;
    }
}
static void cut(char *s, size_t n) { s[n - 1] = '\0'; }
static void longer(char *s, size_t n) { memcpy(s + n, "A", 2); }
static void with_u(char *s, size_t n) { s[n - 1] = 'U'; }

static void test_the_recovery_key_may_be_typed_in_many_ways_but_not_wrongly(void **state)
{
    struct fixture *f = *state;
    static const struct {
        void (*change)(char *s, size_t n);
        bool good;
    } cases[] = { { lower_case, true }, { blanks, true },  { look_alikes, true }, { other_character, false },
                  { swapped, false },   { cut, false },    { longer, false },     { with_u, false } };
    struct kg_err err = { 0 };

    assert_int_equal(kg_secret_size(f->recovery), 69);
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_SECRET struct kg_secret *typed = retyped(f->recovery, cases[i].change);
        struct kg_vault *v = NULL;

        if (cases[i].good) {
            OK(kg_vault_open_recovery(f->st, typed, &v, &err));
            kg_vault_close(v);
            continue;
        }
        FAILS(WRONG_KEY, kg_vault_open_recovery(f->st, typed, &v, &err));
        if (!strstr(err.msg, "typing mistake"))
            fail_msg("case %zu: %s", i, err.msg);
    }
}

static void test_a_recovery_key_of_another_vault_is_not_called_a_typing_mistake(void **state)
{
    struct fixture *f = *state, *g = fixture_new(false);
    struct kg_err err = { 0 };
    struct kg_vault *v = NULL;

    FAILS(WRONG_KEY, kg_vault_open_recovery(f->st, g->recovery, &v, &err));
    assert_null(strstr(err.msg, "typing"));
    fixture_free(g);
}

static void test_recovery_text_survives_all_kinds_of_bytes(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        KG_AUTO_SECRET struct kg_secret *key = kg_secret_random(KG_KEY_BYTES), *back = NULL, *text = NULL;
        struct kg_err err = { 0 };

        text = kg_recovery_to_text(key);
        OK(kg_recovery_from_text(text, &back, &err));
        assert_true(kg_secret_equal(key, back));
    }
}

static void test_a_new_recovery_key_ends_the_old_one(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_SECRET struct kg_secret *newer = NULL;
    struct kg_err err = { 0 };
    struct kg_vault *v = NULL;

    OK(kg_vault_issue_recovery_key(f->v, &newer, &err));
    assert_int_equal(objects_of(f->st, "keys/recovery-").n, 1);
    FAILS(WRONG_KEY, kg_vault_open_recovery(f->st, f->recovery, &v, &err));
    OK(kg_vault_open_recovery(f->st, newer, &v, &err));
    kg_vault_close(v);
}

/* ---- streams ---- */

static void test_streams_of_all_sizes_come_back_exactly(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = { 0,    1,     2,      2047,   2048,   2049,        8191,       32768,     32769,
                                    65536, 65537, 131071, 262144, 999999, 1024 * 1024, 5000 * 1000 };
    enum { N = KG_ARRAY_LEN(sizes) };
    char *data[N];
    struct kg_stream streams[N];
    struct kg_err err = { 0 };

    for (size_t i = 0; i < N; i++)
        data[i] = rows_of(i, sizes[i]);
    OK(back_up(f->v, &quick, "p1", data, sizes, N, streams, NULL, &err));
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(streams[i].bytes, sizes[i]);
        assert_int_equal(streams[i].chunks == 0, sizes[i] == 0);
    }
    assert_true(streams[N - 1].depth > 0);
    read_point(f->v, "p1", data, sizes, N);
    for (size_t i = 0; i < N; i++)
        free(data[i]);
}

static void test_all_chunk_sizes_and_hashes_work(void **state)
{
    static const uint32_t sizes[] = { 0, 1, KG_CHUNK_SMALL, KG_CHUNK_MEDIUM, KG_CHUNK_LARGE, 1u << 31 };
    static const char *const hashes[] = { "hmac-sha256", "blake2b-256" };
    KG_AUTO_FREE char *data = rows_of(7, 3000 * 1000);
    struct kg_err err = { 0 };

    (void)state;
    for (size_t h = 0; h < KG_ARRAY_LEN(hashes); h++) {
        struct kg_store *st = kg_store_open_mem();
        KG_AUTO_SECRET struct kg_secret *key = kg_secret_random(KG_KEY_BYTES);
        struct kg_vault *v = NULL;

        OK(kg_vault_create(st, &(struct kg_vault_spec){ .tier = "ArchiveStore", .hash = hashes[h] }, key, &v, &err));
        for (size_t i = 0; i < KG_ARRAY_LEN(sizes); i++) {
            struct kg_writer *w = NULL;
            struct kg_reader *r = NULL;
            struct kg_sink *s = NULL;
            struct kg_stream stream;
            struct kg_json *m = kg_json_object();
            char point[16];

            snprintf(point, sizeof point, "p%zu", i);
            OK(kg_writer_begin(v, &quick, &w, &err));
            OK(kg_sink_open(w, &s, &err));
            OK(send_stream(s, sizes[i], data, 3000 * 1000, &stream, &err));
            OK(kg_sink_close(s, &err));
            OK(kg_writer_commit(w, "inst", point, m, &err));
            kg_writer_free(w);
            OK(kg_reader_open(v, &r, &err));
            OK(read_stream(r, 2, &stream, data, 3000 * 1000, &err));
            kg_reader_close(r);
            kg_json_free(m);
        }
        kg_vault_close(v);
        kg_store_close(st);
    }
}

static void test_bytes_that_do_not_compress_are_stored_as_they_are(void **state)
{
    struct fixture *f = *state;
    size_t len = 3000 * 1000;
    KG_AUTO_FREE char *data = kg_xalloc(len);
    struct kg_stream s;
    struct kg_write_stats stats;
    struct kg_err err = { 0 };

    kg_random(data, len);
    OK(back_up(f->v, &quick, "p", &data, &len, 1, &s, &stats, &err));
    assert_in_range(stats.stored_bytes, len, len + len / 50);
    read_point(f->v, "p", &data, &len, 1);
}

struct sending {
    struct kg_writer *w;
    char *data[3];
    size_t len;
    struct kg_stream streams[3];
    struct kg_err err;
};

static void *send_three(void *arg)
{
    struct sending *s = arg;
    struct kg_sink *sink = NULL;

    if (kg_sink_open(s->w, &sink, &s->err) < 0)
        return s;
    for (int i = 0; i < 3; i++) {
        if (send_stream(sink, KG_CHUNK_SMALL, s->data[i], s->len, &s->streams[i], &s->err) < 0) {
            kg_sink_abort(sink);
            return s;
        }
    }
    return kg_sink_close(sink, &s->err) < 0 ? s : NULL;
}

static void test_two_sinks_at_once_share_what_is_in_flight(void **state)
{
    struct fixture *f = *state;
    enum { LEN = 2000 * 1000 };
    struct sending a = { .len = LEN }, b = { .len = LEN };
    struct kg_json *m = NULL;
    struct kg_write_stats stats;
    struct kg_reader *r = NULL;
    struct kg_writer *w = NULL;
    struct kg_err err = { 0 };
    pthread_t ta, tb;
    void *fa, *fb;

    OK(kg_writer_begin(f->v, &tiny, &w, &err));
    a.w = b.w = w;
    for (int i = 0; i < 3; i++) { /* the second table of each is the same one */
        a.data[i] = rows_of(i == 1 ? 50 : (uint64_t)i, LEN);
        b.data[i] = rows_of(i == 1 ? 50 : (uint64_t)i + 10, LEN);
    }
    assert_int_equal(pthread_create(&ta, NULL, send_three, &a), 0);
    assert_int_equal(pthread_create(&tb, NULL, send_three, &b), 0);
    pthread_join(ta, &fa);
    pthread_join(tb, &fb);
    if (fa || fb)
        fail_msg("%s%s", a.err.msg, b.err.msg);
    m = manifest_of(a.streams, 3);
    OK(kg_writer_commit(w, "inst", "p", m, &err));
    kg_writer_stats(w, &stats);
    assert_int_equal(stats.plain_bytes, 6 * LEN);
    assert_int_equal(stats.new_bytes, 5 * LEN);
    assert_true(stats.packs > 4);
    kg_writer_free(w);
    OK(kg_reader_open(f->v, &r, &err));
    for (int i = 0; i < 3; i++) {
        OK(read_stream(r, 1, &a.streams[i], a.data[i], LEN, &err));
        OK(read_stream(r, 1, &b.streams[i], b.data[i], LEN, &err));
        free(a.data[i]);
        free(b.data[i]);
    }
    kg_reader_close(r);
    kg_json_free(m);
}

static void test_a_second_run_stores_next_to_nothing(void **state)
{
    struct fixture *f = *state;
    size_t len[2] = { 6000 * 1000, 300 };
    char *data[2] = { rows_of(1, len[0]), rows_of(2, len[1]) };
    struct kg_stream s[2], again[2];
    struct kg_write_stats stats;
    struct kg_err err = { 0 };

    OK(back_up(f->v, &quick, "p1", data, len, 2, s, NULL, &err));
    OK(back_up(f->v, &quick, "p2", data, len, 2, again, &stats, &err));
    assert_int_equal(stats.new_bytes, 0);
    assert_int_equal(stats.new_chunks, 0);
    assert_int_equal(stats.packs, 0);
    assert_in_range(stats.stored_bytes, 1, 2000);
    assert_memory_equal(s[0].ids, again[0].ids, s[0].n_ids * KG_CHUNK_ID);
    read_point(f->v, "p2", data, len, 2);
    free(data[0]);
    free(data[1]);
}

static void test_a_change_in_the_middle_moves_few_chunks(void **state)
{
    struct fixture *f = *state;
    size_t len = 6000 * 1000;
    char *data = rows_of(1, len + 100);
    struct kg_stream s;
    struct kg_write_stats stats;
    struct kg_err err = { 0 };

    OK(back_up(f->v, &quick, "p1", &data, &len, 1, &s, NULL, &err));
    memmove(data + len / 2 + 37, data + len / 2, len / 2);
    memset(data + len / 2, 'Z', 37);
    len += 37;
    OK(back_up(f->v, &quick, "p2", &data, &len, 1, &s, &stats, &err));
    assert_in_range(stats.new_chunks, 1, 5);
    assert_in_range(stats.stored_bytes, 1, 60 * 1000); /* chunks, and one node of each list */
    read_point(f->v, "p2", &data, &len, 1);
    free(data);
}

static void test_equal_chunks_within_a_stream_are_stored_once(void **state)
{
    struct fixture *f = *state;
    size_t part = 500 * 1000, len = 8 * part;
    char *one = rows_of(1, part), *data = kg_xalloc(len);
    struct kg_write_stats stats;
    struct kg_stream s;
    struct kg_err err = { 0 };

    for (int i = 0; i < 8; i++)
        memcpy(data + (size_t)i * part, one, part);
    OK(back_up(f->v, &quick, "p", &data, &len, 1, &s, &stats, &err));
    assert_in_range(stats.new_bytes, part, 2 * part);
    read_point(f->v, "p", &data, &len, 1);
    free(one);
    free(data);
}

static void test_one_table_out_of_many_reads_little_else(void **state)
{
    struct fixture *f = *state;
    size_t len[8];
    char *data[8];
    struct kg_stream s[8];
    struct kg_reader *r = NULL;
    struct kg_read_stats stats;
    struct kg_err err = { 0 };

    for (unsigned i = 0; i < 8; i++) {
        len[i] = 4000 * 1000;
        data[i] = rows_of(i, len[i]);
    }
    OK(back_up(f->v, &quick, "p", data, len, 8, s, NULL, &err));
    OK(kg_reader_open(f->v, &r, &err));
    OK(read_stream(r, 1, &s[3], data[3], len[3], &err));
    kg_reader_stats(r, &stats);
    assert_int_equal(stats.plain_bytes, len[3]);
    assert_in_range(stats.segment_bytes, len[3], len[3] + 2 * 1024 * 1024); /* a segment at the front, one of lists */
    kg_reader_close(r);
    for (unsigned i = 0; i < 8; i++)
        free(data[i]);
}

static void test_long_lists_get_deeper_and_come_back(void **state)
{
    struct fixture *f = *state;
    size_t len = 40 * 1000 * 1000;
    char *data = kg_xalloc(len);
    struct kg_stream s;
    struct kg_reader *r = NULL;
    struct kg_writer *w = NULL;
    struct kg_sink *sink = NULL;
    struct kg_json *m;
    uint64_t x = 5;
    struct kg_err err = { 0 };

    for (size_t i = 0; i + 8 <= len; i += 8)
        memcpy(data + i, &(uint64_t){ next_random(&x) }, 8);
    OK(kg_writer_begin(f->v, &(struct kg_write_opts){ .level = -5 }, &w, &err));
    OK(kg_sink_open(w, &sink, &err));
    kg_sink_begin(sink, 0); /* the smallest chunks: some 8,000 of them */
    OK(kg_sink_add(sink, data, len, &err));
    OK(kg_sink_end(sink, &s, &err));
    OK(kg_sink_close(sink, &err));
    m = manifest_of(&s, 1);
    OK(kg_writer_commit(w, "inst", "p", m, &err));
    kg_json_free(m);
    kg_writer_free(w);
    assert_true(s.chunks > 5000);
    assert_int_equal(s.depth, 1 + (s.n_ids < 20));
    OK(kg_reader_open(f->v, &r, &err));
    OK(read_stream(r, 2, &s, data, len, &err));
    kg_reader_close(r);
    free(data);
}

static void test_a_stream_that_claims_another_length_is_corrupt(void **state)
{
    struct fixture *f = *state;
    size_t len = 3000 * 1000;
    KG_AUTO_FREE char *data = rows_of(1, len);
    KG_CLEANUP(kg_reader_closep) struct kg_reader *r = NULL;
    struct kg_stream s, wrong;
    struct kg_err err = { 0 };

    OK(back_up(f->v, &quick, "p", &data, &len, 1, &s, NULL, &err));
    OK(kg_reader_open(f->v, &r, &err));
    for (int i = 0; i < 5; i++) {
        KG_CLEANUP(kg_source_closep) struct kg_source *src = NULL;
        const void *p;
        size_t n = 1;
        int result = 0;

        wrong = s;
        wrong.bytes += i == 0;
        wrong.bytes -= i == 1;
        wrong.chunks += i == 2;
        wrong.chunks -= i == 3;
        wrong.depth += i == 4; /* data taken for a list */
        OK(kg_source_open(r, 1, &src, &err));
        err = (struct kg_err){ 0 };
        result = kg_source_begin(src, &wrong, &err);
        while (result == 0 && n)
            result = kg_source_next(src, &p, &n, &err);
        if (result != -KG_E_CORRUPT)
            fail_msg("case %d: %d", i, result);
    }
}

static void test_stream_descriptions_that_cannot_be_are_refused(void **state)
{
    static const char *const bad[] = {
        "{}",
        "[]",
        "{\"bytes\":0,\"chunks\":0,\"chunkSize\":8192,\"depth\":0}",
        "{\"bytes\":1,\"chunks\":0,\"chunkSize\":8192,\"depth\":0,\"ids\":\"\"}",
        "{\"bytes\":0,\"chunks\":0,\"chunkSize\":8192,\"depth\":9,\"ids\":\"\"}",
        "{\"bytes\":5,\"chunks\":1,\"chunkSize\":8192,\"depth\":0,\"ids\":\"AAAA\"}",
        "{\"bytes\":5,\"chunks\":1,\"chunkSize\":8192,\"depth\":0,\"ids\":\"not base64!\"}",
        "{\"bytes\":5,\"chunks\":2,\"chunkSize\":8192,\"depth\":0,\"ids\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\"}",
        "{\"bytes\":9999999999,\"chunks\":1,\"chunkSize\":8192,\"depth\":0,\"ids\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\"}",
        "{\"bytes\":-5,\"chunks\":1,\"chunkSize\":8192,\"depth\":0,\"ids\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\"}",
        "{\"bytes\":5,\"chunks\":1,\"chunkSize\":8192,\"depth\":1,\"ids\":\"\"}",
        "{\"bytes\":\"5\",\"chunks\":1,\"chunkSize\":8192,\"depth\":0,\"ids\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\"}",
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        KG_AUTO_JSON struct kg_json *j = NULL;
        struct kg_err err = { 0 };
        struct kg_stream s;

        OK(kg_json_parse(bad[i], strlen(bad[i]), &j, &err));
        if (kg_stream_from_json(j, &s, &err) != -KG_E_CORRUPT)
            fail_msg("case %zu was accepted", i);
    }
}

/* ---- writers ---- */

static void test_nothing_is_seen_of_a_writer_that_does_not_commit(void **state)
{
    struct fixture *f = *state;
    size_t len = 3000 * 1000;
    KG_AUTO_FREE char *data = rows_of(1, len);
    struct kg_writer *w = NULL;
    struct kg_sink *s = NULL;
    struct kg_stream stream;
    struct kg_err err = { 0 };

    OK(kg_writer_begin(f->v, &tiny, &w, &err));
    OK(kg_sink_open(w, &s, &err));
    OK(send_stream(s, KG_CHUNK_SMALL, data, len, &stream, &err));
    OK(kg_sink_close(s, &err));
    kg_writer_free(w);
    assert_int_equal(objects_of(f->st, "points/").n, 0);
    OK(back_up(f->v, &quick, "p", &data, &len, 1, &stream, NULL, &err));
    read_point(f->v, "p", &data, &len, 1);
}

static void test_an_aborted_sink_leaves_its_chunks_to_the_others(void **state)
{
    struct fixture *f = *state;
    size_t len = 700 * 1000;
    KG_AUTO_FREE char *data = rows_of(1, len);
    struct kg_writer *w = NULL;
    struct kg_sink *a = NULL, *b = NULL;
    struct kg_stream stream;
    KG_AUTO_JSON struct kg_json *m = NULL;
    struct kg_err err = { 0 };

    OK(kg_writer_begin(f->v, &quick, &w, &err));
    OK(kg_sink_open(w, &a, &err));
    OK(kg_sink_open(w, &b, &err));
    kg_sink_begin(a, KG_CHUNK_SMALL);
    OK(kg_sink_add(a, data, len - 1000, &err));
    OK(send_stream(b, KG_CHUNK_SMALL, data, len, &stream, &err)); /* counts on chunks that a has in its hands */
    kg_sink_abort(a);
    OK(kg_sink_close(b, &err));
    m = manifest_of(&stream, 1);
    OK(kg_writer_commit(w, "inst", "p", m, &err));
    kg_writer_free(w);
    read_point(f->v, "p", &data, &len, 1);
}

static void test_a_failed_sink_fails_the_whole_writer(void **state)
{
    struct fixture *f = *state;
    size_t len = 700 * 1000;
    KG_AUTO_FREE char *data = rows_of(1, len);
    struct kg_writer *w = NULL;
    struct kg_sink *a = NULL, *b = NULL;
    struct kg_stream stream;
    KG_AUTO_JSON struct kg_json *m = kg_json_object();
    struct kg_err err = { 0 };

    OK(kg_writer_begin(f->v, &tiny, &w, &err));
    OK(kg_sink_open(w, &a, &err));
    OK(kg_sink_open(w, &b, &err));
    kg_fault_arm(KG_FP_VAULT_SEGMENT, 2, ENOSPC);
    FAILS(DISK_FULL, send_stream(a, KG_CHUNK_SMALL, data, len, &stream, &err));
    kg_fault_reset();
    kg_sink_abort(a);
    FAILS(DISK_FULL, send_stream(b, KG_CHUNK_SMALL, data, len, &stream, &err));
    FAILS(DISK_FULL, kg_sink_close(b, &err));
    FAILS(DISK_FULL, kg_sink_open(w, &b, &err));
    FAILS(DISK_FULL, kg_writer_commit(w, "inst", "p", m, &err));
    kg_writer_free(w);
    assert_int_equal(objects_of(f->st, "points/").n, 0);
}

static void test_the_manifest_is_completed_and_bound_to_its_name(void **state)
{
    struct fixture *f = *state;
    size_t len = 1000;
    KG_AUTO_FREE char *data = rows_of(1, len);
    KG_AUTO_JSON struct kg_json *m = NULL, *other = NULL;
    struct kg_stream s;
    struct kg_buf b;
    struct kg_err err = { 0 };

    OK(back_up(f->v, &quick, "p1", &data, &len, 1, &s, NULL, &err));
    OK(kg_point_get(f->v, "inst", "p1", &m, &err));
    assert_int_equal(kg_json_u64(m, "format", 0), 1);
    assert_string_equal(kg_json_str(m, "vaultId"), kg_vault_id(f->v));
    assert_string_equal(kg_json_str(m, "instance"), "inst");
    assert_string_equal(kg_json_str(m, "point"), "p1");
    assert_int_equal(kg_json_count(kg_json_get(m, "indexObjects")), 1);
    assert_int_equal(kg_json_count(kg_json_get(m, "keySlots")), 2);
    b = object_get(f->st, "points/inst/p1");
    object_set(f->st, "points/inst/p2", b.p, b.len);
    object_set(f->st, "points/else/p1", b.p, b.len);
    FAILS(CORRUPT, kg_point_get(f->v, "inst", "p2", &other, &err));
    FAILS(CORRUPT, kg_point_get(f->v, "else", "p1", &other, &err));
    kg_buf_done(&b);
}

static void test_a_recovery_point_is_never_replaced(void **state)
{
    struct fixture *f = *state;
    size_t len = 1000;
    KG_AUTO_FREE char *data = rows_of(1, len), *newer = rows_of(2, len);
    struct kg_stream s;
    struct kg_err err = { 0 };

    OK(back_up(f->v, &quick, "p1", &data, &len, 1, &s, NULL, &err));
    FAILS(EXISTS, back_up(f->v, &quick, "p1", &newer, &len, 1, &s, NULL, &err));
    read_point(f->v, "p1", &data, &len, 1);
}

static int list_point(void *ctx, const char *instance, const char *point, uint64_t size, struct kg_err *err)
{
    (void)err;
    assert_true(size > 0);
    kg_buf_addf(ctx, "%s/%s ", instance, point);
    return 0;
}

static void test_points_are_listed_and_deleted(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1000);
    KG_AUTO_JSON struct kg_json *m = NULL;
    struct kg_stream s[1];
    struct kg_err err = { 0 };

    OK(back_up(f->v, &quick, "b", NULL, NULL, 0, s, NULL, &err));
    OK(back_up(f->v, &quick, "a", NULL, NULL, 0, s, NULL, &err));
    OK(kg_point_list(f->v, NULL, list_point, &b, &err));
    OK(kg_point_list(f->v, "inst", list_point, &b, &err));
    OK(kg_point_list(f->v, "ins", list_point, &b, &err));
    assert_string_equal(b.p, "inst/a inst/b inst/a inst/b ");
    OK(kg_point_delete(f->v, "inst", "a", &err));
    FAILS(NO_POINT, kg_point_delete(f->v, "inst", "a", &err));
    FAILS(NO_POINT, kg_point_get(f->v, "inst", "a", &m, &err));
    OK(kg_point_get(f->v, "inst", "b", &m, &err));
}

static void test_bad_names_of_points_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = { "", "..", "a b", "a/b/c", ".x" };

    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        struct kg_err err = { 0 };
        struct kg_stream s[1];

        FAILS(USAGE, back_up(f->v, &quick, bad[i], NULL, NULL, 0, s, NULL, &err));
    }
}

/* ---- without the index ---- */

static void test_packs_alone_give_the_index_back(void **state)
{
    struct fixture *f = *state;
    size_t len = 3000 * 1000;
    KG_AUTO_FREE char *data = rows_of(1, len);
    struct kg_stream s;
    struct kg_write_stats stats;
    struct fixture_names index;
    struct kg_err err = { 0 };

    OK(back_up(f->v, &tiny, "p1", &data, &len, 1, &s, NULL, &err));
    index = objects_of(f->st, "index/");
    assert_int_equal(index.n, 1);
    object_set(f->st, index.name[0], "garbage", 7); /* damaged */
    read_point(f->v, "p1", &data, &len, 1);
    OK(back_up(f->v, &tiny, "p2", &data, &len, 1, &s, &stats, &err)); /* a writer knows all chunks as well */
    assert_int_equal(stats.new_bytes, 0);
    OK(kg_store_remove(f->st, index.name[0], &err)); /* missing */
    read_point(f->v, "p1", &data, &len, 1);
}

static void test_chunks_of_a_missing_pack_are_stored_again(void **state)
{
    struct fixture *f = *state;
    size_t len = 3000 * 1000;
    KG_AUTO_FREE char *data = rows_of(1, len);
    KG_CLEANUP(kg_reader_closep) struct kg_reader *r = NULL;
    struct fixture_names packs;
    struct kg_write_stats stats;
    struct kg_stream s;
    struct kg_buf b;
    struct kg_err err = { 0 };

    OK(back_up(f->v, &tiny, "p1", &data, &len, 1, &s, NULL, &err));
    packs = objects_of(f->st, "packs/");
    assert_true(packs.n > 3);
    OK(kg_store_remove(f->st, packs.name[1], &err));
    b = object_get(f->st, packs.name[2]);
    object_set(f->st, packs.name[2], b.p, b.len - 100);
    kg_buf_done(&b);
    OK(kg_reader_open(f->v, &r, &err));
    FAILS(CORRUPT, read_stream(r, 2, &s, data, len, &err));
    assert_non_null(strstr(err.msg, "packs/"));
    OK(back_up(f->v, &tiny, "p2", &data, &len, 1, &s, &stats, &err));
    assert_in_range(stats.new_bytes, 1, len);
    read_point(f->v, "p2", &data, &len, 1);
    read_point(f->v, "p1", &data, &len, 1); /* healed on the way */
}

static void test_a_reader_finds_what_was_written_after_it_was_opened(void **state)
{
    struct fixture *f = *state;
    size_t len = 300 * 1000;
    KG_AUTO_FREE char *data = rows_of(1, len);
    KG_CLEANUP(kg_reader_closep) struct kg_reader *r = NULL;
    struct kg_stream s;
    struct kg_err err = { 0 };

    OK(kg_reader_open(f->v, &r, &err));
    OK(back_up(f->v, &quick, "p1", &data, &len, 1, &s, NULL, &err));
    OK(read_stream(r, 2, &s, data, len, &err));
}

/* ---- maps ---- */

static void test_maps_hold_what_they_were_given_while_they_grow(void **state)
{
    struct kg_idmap *m = kg_idmap_new(sizeof(uint64_t), 10);
    uint64_t x = 1;
    uint8_t id[32];

    (void)state;
    for (uint64_t round = 0; round < 2; round++) {
        x = 1;
        for (uint64_t i = 0; i < 50 * 1000; i++) {
            for (int k = 0; k < 32; k += 8)
                memcpy(id + k, &(uint64_t){ next_random(&x) }, 8);
            if (round == 0) {
                assert_null(kg_idmap_find(m, id));
                assert_true(kg_idmap_claim(m, id, &i));
            } else {
                uint64_t other = 7, value;

                assert_false(kg_idmap_claim(m, id, &other));
                memcpy(&value, kg_idmap_find(m, id), sizeof value);
                assert_int_equal(value, i);
            }
        }
    }
    assert_int_equal(kg_idmap_count(m), 50 * 1000);
    kg_idmap_free(m);
}

#define MEM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define DIR(test) { "in a directory: " #test, test, setup_dir, teardown, NULL }

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEM(test_a_vault_opens_with_both_keys_and_keeps_its_id),
        DIR(test_a_vault_opens_with_both_keys_and_keeps_its_id),
        MEM(test_a_vault_is_made_in_an_empty_store_only),
        MEM(test_an_interrupted_creation_can_be_repeated),
        MEM(test_unknown_hashes_and_short_keys_are_refused),
        MEM(test_a_wrong_key_is_told_from_a_damaged_slot_and_a_damaged_header),
        MEM(test_a_slot_of_another_vault_or_under_another_name_does_not_open),
        MEM(test_the_recovery_key_may_be_typed_in_many_ways_but_not_wrongly),
        MEM(test_a_recovery_key_of_another_vault_is_not_called_a_typing_mistake),
        cmocka_unit_test(test_recovery_text_survives_all_kinds_of_bytes),
        MEM(test_a_new_recovery_key_ends_the_old_one),
        MEM(test_streams_of_all_sizes_come_back_exactly),
        DIR(test_streams_of_all_sizes_come_back_exactly),
        cmocka_unit_test(test_all_chunk_sizes_and_hashes_work),
        MEM(test_bytes_that_do_not_compress_are_stored_as_they_are),
        MEM(test_two_sinks_at_once_share_what_is_in_flight),
        DIR(test_two_sinks_at_once_share_what_is_in_flight),
        MEM(test_a_second_run_stores_next_to_nothing),
        MEM(test_a_change_in_the_middle_moves_few_chunks),
        MEM(test_equal_chunks_within_a_stream_are_stored_once),
        MEM(test_one_table_out_of_many_reads_little_else),
        MEM(test_long_lists_get_deeper_and_come_back),
        MEM(test_a_stream_that_claims_another_length_is_corrupt),
        cmocka_unit_test(test_stream_descriptions_that_cannot_be_are_refused),
        MEM(test_nothing_is_seen_of_a_writer_that_does_not_commit),
        MEM(test_an_aborted_sink_leaves_its_chunks_to_the_others),
        MEM(test_a_failed_sink_fails_the_whole_writer),
        MEM(test_the_manifest_is_completed_and_bound_to_its_name),
        MEM(test_a_recovery_point_is_never_replaced),
        MEM(test_points_are_listed_and_deleted),
        MEM(test_bad_names_of_points_are_refused),
        MEM(test_packs_alone_give_the_index_back),
        MEM(test_chunks_of_a_missing_pack_are_stored_again),
        DIR(test_chunks_of_a_missing_pack_are_stored_again),
        MEM(test_a_reader_finds_what_was_written_after_it_was_opened),
        cmocka_unit_test(test_maps_hold_what_they_were_given_while_they_grow),
    };

    kg_crypto_start();
    return cmocka_run_group_tests_name("vault", tests, NULL, NULL);
}
