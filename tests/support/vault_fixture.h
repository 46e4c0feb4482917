/* tests/support/vault_fixture.h - a vault in memory or in a directory, streams of made-up rows, and the means to damage
 * objects. For the vault's own tests; include after cmocka.h. */
#ifndef KG_TESTS_VAULT_FIXTURE_H
#define KG_TESTS_VAULT_FIXTURE_H

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "crypto/crypto.h"
#include "vault/vault.h"

struct fixture {
    char dir[64]; /* empty: the store is in memory */
    struct kg_store *st;
    struct kg_secret *key, *recovery;
    struct kg_vault *v;
};

/* For calls that must succeed. */
#define OK(call)                                                                                     \
    do {                                                                                             \
        struct kg_err *e_ = &err;                                                                    \
        *e_ = (struct kg_err){ 0 };                                                                  \
        if ((call) < 0)                                                                              \
            fail_msg("%s: %s", #call, e_->msg);                                                      \
    } while (0)
/* For calls that must fail. */
#define FAILS(code_, call)                                                                           \
    do {                                                                                             \
        err = (struct kg_err){ 0 };                                                                  \
        assert_int_equal((call), -KG_E_##code_);                                                     \
        assert_int_equal(err.code, KG_E_##code_);                                                    \
    } while (0)

static inline uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x * 0x2545F4914F6CDD1Dull;
}

/* n bytes of rows that look like COPY text; the same seed gives the same rows. */
static inline char *rows_of(uint64_t seed, size_t n)
{
    char *p = kg_xalloc(n + 128);
    uint64_t x = seed * 0x9E3779B97F4A7C15ull + 88172645463325252ull;

    for (size_t at = 0; at < n;)
        at += (size_t)snprintf(p + at, 128, "%zu\t%llu\tsome text that repeats\t%llx\n", at,
                               (unsigned long long)(next_random(&x) % 1000), (unsigned long long)next_random(&x));
    p[n] = '\0';
    return p;
}

static inline struct fixture *fixture_new(bool in_dir)
{
    struct fixture *f = kg_xalloc(sizeof *f);
    const char *tmp = getenv("TMPDIR");
    struct kg_err err = { 0 };

    if (in_dir) {
        snprintf(f->dir, sizeof f->dir, "%s/kg-vault-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
        assert_non_null(mkdtemp(f->dir));
        OK(kg_store_open_dir(f->dir, true, &f->st, &err));
    } else {
        f->st = kg_store_open_mem();
    }
    f->key = kg_secret_random(KG_KEY_BYTES);
    OK(kg_vault_create(f->st, &(struct kg_vault_spec){ .tier = "VaultStore" }, f->key, &f->v, &err));
    OK(kg_vault_issue_recovery_key(f->v, &f->recovery, &err));
    return f;
}

static inline int fixture_remove_one(const char *path, const struct stat *sb, int type, struct FTW *where)
{
    (void)sb, (void)type, (void)where;
    return remove(path);
}

static inline void fixture_free(struct fixture *f)
{
    kg_fault_reset();
    kg_vault_close(f->v);
    kg_secret_free(f->key);
    kg_secret_free(f->recovery);
    kg_store_close(f->st);
    if (f->dir[0])
        nftw(f->dir, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
}

/* Sends n bytes as one stream, in pieces of odd sizes. */
static inline int send_stream(struct kg_sink *s, uint32_t chunk_size, const char *data, size_t n, struct kg_stream *ret,
                              struct kg_err *err)
{
    uint64_t x = n + 1;

    kg_sink_begin(s, chunk_size);
    for (size_t at = 0, part; at < n; at += part) {
        part = next_random(&x) % 100 ? (size_t)(next_random(&x) % 300) : (size_t)(next_random(&x) % 700000);
        part = part < n - at ? part : n - at;
        if (kg_sink_add(s, data + at, part, err) < 0)
            return -(int)err->code;
    }
    return kg_sink_end(s, ret, err);
}

/* A manifest of tables public.t0, public.t1 … */
static inline struct kg_json *manifest_of(const struct kg_stream *streams, size_t n)
{
    struct kg_json *m = kg_json_object(), *tables = kg_json_array();

    for (size_t i = 0; i < n; i++) {
        struct kg_json *t = kg_json_object(), *slices = kg_json_array(), *slice = kg_json_object();
        char name[24];

        snprintf(name, sizeof name, "t%zu", i);
        kg_json_set_str(t, "schema", "public");
        kg_json_set_str(t, "name", name);
        kg_json_set(slice, "stream", kg_stream_to_json(&streams[i]));
        kg_json_push(slices, slice);
        kg_json_set(t, "slices", slices);
        kg_json_push(tables, t);
    }
    kg_json_set(m, "tables", tables);
    return m;
}

/* A backup of n streams into point; 0 or a negative code. */
static inline int back_up(struct kg_vault *v, const struct kg_write_opts *o, const char *point, char *const *data,
                          const size_t *len, size_t n, struct kg_stream *ret_streams, struct kg_write_stats *ret_stats,
                          struct kg_err *err)
{
    KG_CLEANUP(kg_writer_freep) struct kg_writer *w = NULL;
    KG_AUTO_JSON struct kg_json *m = NULL;
    struct kg_sink *s = NULL;

    if (kg_writer_begin(v, o, &w, err) < 0 || kg_sink_open(w, &s, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < n; i++) {
        if (send_stream(s, KG_CHUNK_SMALL, data[i], len[i], &ret_streams[i], err) < 0) {
            kg_sink_abort(s);
            return -(int)err->code;
        }
    }
    if (kg_sink_close(s, err) < 0)
        return -(int)err->code;
    m = manifest_of(ret_streams, n);
    if (kg_writer_commit(w, "inst", point, m, err) < 0)
        return -(int)err->code;
    if (ret_stats)
        kg_writer_stats(w, ret_stats);
    return 0;
}

/* Reads a stream and compares; 0, or a negative code. Wrong bytes fail the test. */
static inline int read_stream(struct kg_reader *r, size_t cached, const struct kg_stream *s, const char *want, size_t n,
                              struct kg_err *err)
{
    KG_CLEANUP(kg_source_closep) struct kg_source *src = NULL;
    size_t at = 0, got = 0;
    const void *p;

    if (kg_source_open(r, cached, &src, err) < 0 || kg_source_begin(src, s, err) < 0)
        return -(int)err->code;
    do {
        if (kg_source_next(src, &p, &got, err) < 0)
            return -(int)err->code;
        if (got > n - at || (got && memcmp(want + at, p, got) != 0))
            fail_msg("wrong bytes at %zu of %zu", at, n);
        at += got;
    } while (got);
    if (at != n)
        fail_msg("%zu of %zu bytes, and no error", at, n);
    return 0;
}

/* The stream of table i of a point. */
static inline struct kg_stream stream_of(struct kg_vault *v, const char *point, unsigned i)
{
    KG_AUTO_JSON struct kg_json *m = NULL;
    struct kg_err err = { 0 };
    struct kg_stream s;
    char path[64];

    OK(kg_point_get(v, "inst", point, &m, &err));
    snprintf(path, sizeof path, "tables.%u.slices.0.stream", i);
    OK(kg_stream_from_json(kg_json_get(m, path), &s, &err));
    return s;
}

static inline void read_point(struct kg_vault *v, const char *point, char *const *data, const size_t *len, unsigned n)
{
    KG_CLEANUP(kg_reader_closep) struct kg_reader *r = NULL;
    struct kg_err err = { 0 };

    OK(kg_reader_open(v, &r, &err));
    for (unsigned i = 0; i < n; i++) {
        struct kg_stream s = stream_of(v, point, i);

        OK(read_stream(r, 4, &s, data[i], len[i], &err));
    }
}

/* ---- objects ---- */

struct fixture_names {
    char name[64][128];
    size_t n;
};

static inline int fixture_note(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct fixture_names *l = ctx;

    (void)err;
    assert_true(l->n < 64);
    snprintf(l->name[l->n++], sizeof l->name[0], "%s", e->name);
    return 0;
}

static inline struct fixture_names objects_of(struct kg_store *st, const char *prefix)
{
    struct fixture_names l = { .n = 0 };
    struct kg_err err = { 0 };

    OK(kg_store_list(st, prefix, fixture_note, &l, &err));
    return l;
}

static inline struct kg_buf object_get(struct kg_store *st, const char *name)
{
    struct kg_buf b = KG_BUF_INIT(1 << 30);
    struct kg_err err = { 0 };

    OK(kg_store_get_all(st, name, &b, &err));
    return b;
}

static inline void object_set(struct kg_store *st, const char *name, const void *data, size_t n)
{
    struct kg_err err = { 0 };

    if (kg_store_remove(st, name, &err) < 0 && err.code != KG_E_NOT_FOUND)
        fail_msg("remove %s: %s", name, err.msg);
    OK(kg_store_put(st, name, data, n, &err));
}

/* ---- collections ---- */

static inline struct kg_json *collect_with(struct kg_vault *v, const struct kg_collect_opts *o)
{
    struct kg_json *report = NULL;
    struct kg_err err = { 0 };

    OK(kg_vault_collect(v, o, &report, &err));
    return report;
}

static inline void healthy(struct kg_vault *v)
{
    KG_AUTO_JSON struct kg_json *r = NULL;
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(1 << 20);
    struct kg_err err = { 0 };

    OK(kg_vault_check(v, &(struct kg_check_opts){ .read_data = true }, &r, &err));
    kg_json_print(r, true, &text);
    if (!kg_json_bool(r, "healthy", false))
        fail_msg("%s", text.p);
}

#endif
