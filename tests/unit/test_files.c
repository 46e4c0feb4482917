/* Restore as files without a server: archives made here, in the newest format, which the pg_dump of this machine may not
 * write yet. What stock pg_restore makes of the files is for tests/e2e. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdlib.h>

#include "pg/archive.h"
#include "plugin/files.h"
#include "plugin/manifest.h"
#include "support/vault_fixture.h"

enum { ENTRIES_MAX = 80, OBJECTS_MAX = 40, PAGE = 1 << 20 };

/* ---- a store that counts what is read from it ---- */

static struct kg_store_ops counting;
static int (*real_get)(struct kg_store *st, const char *name, uint64_t at, size_t n, void *out, size_t *ret_n, struct kg_err *err);
static uint64_t bytes_read;

static int counting_get(struct kg_store *st, const char *name, uint64_t at, size_t n, void *out, size_t *ret_n, struct kg_err *err)
{
    int r = real_get(st, name, at, n, out, ret_n, err);

    bytes_read += r == 0 ? *ret_n : 0;
    return r;
}

/* ---- a point with large objects in groups ---- */

/* One group a string: "1 3 5". */
struct spec {
    unsigned minor;                      /* of the archive's format */
    const char *groups[ENTRIES_MAX];
    const char *objects;                 /* those in the stream */
    size_t page, pages;                  /* of every object; page 0: empty */
};

static char object_byte(uint32_t oid, size_t page, size_t i) { return (char)(oid * 31 + page * 7 + i * i % 251); }

static void make_archive(const struct spec *s, struct kg_buf *out)
{
    struct kg_toc_entry e[2 * ENTRIES_MAX + 1] = { 0 };
    const char *deps[ENTRIES_MAX];
    char *lists[ENTRIES_MAX];
    struct kg_archive a = { .version = { 1, (uint8_t)s->minor, 0 }, .int_size = 4, .offset_size = 8, .format = 1, .dbname = "db",
                            .server_version = "17.2", .dump_version = "17.2", .entry = e };
    size_t n = 0;

    e[n++] = (struct kg_toc_entry){ .dump_id = 1, .tag = "ENCODING", .desc = "ENCODING", .section = 2,
                                    .defn = "SET client_encoding = 'UTF8';\n", .table_oid = "0", .oid = "0", .with_oids = "false" };
    for (size_t i = 0; s->groups[i]; i++) {
        deps[i] = kg_xprintf("%zu", 100 + i);
        lists[i] = kg_xstrdup(s->groups[i]);
        for (char *p = lists[i]; (p = strchr(p, ' '));)
            *p = '\n';
        e[n++] = (struct kg_toc_entry){ .dump_id = (int)(100 + i), .tag = "LARGE OBJECTS", .desc = "BLOB METADATA", .section = 3,
                                        .defn = lists[i], .table_oid = "2613", .oid = "1", .with_oids = "false" };
        e[n++] = (struct kg_toc_entry){ .dump_id = (int)(200 + i), .tag = "BLOBS", .desc = "BLOBS", .section = 3, .has_data = true,
                                        .table_oid = "0", .oid = "0", .with_oids = "false", .deps = &deps[i],
                                        .n_deps = s->minor >= 16 };
    }
    a.n_entries = n;
    kg_archive_write(&a, NULL, false, out);
    for (size_t i = 0; s->groups[i]; i++) {
        free((void *)(uintptr_t)deps[i]);
        free(lists[i]);
    }
}

static size_t numbers(const char *text, uint32_t *ret)
{
    size_t n = 0;

    for (char *end; *text; text = *end ? end + 1 : end)
        ret[n++] = (uint32_t)strtoul(text, &end, 10);
    return n;
}

static void send_record(struct kg_sink *sink, struct kg_manifest *m, uint32_t oid, const char *page, size_t n)
{
    unsigned char head[8];
    struct kg_err err;

    for (int i = 0; i < 4; i++) {
        head[i] = (unsigned char)(oid >> 8 * i);
        head[4 + i] = (unsigned char)(n >> 8 * i);
    }
    OK(kg_sink_add(sink, head, sizeof head, &err));
    OK(kg_sink_add(sink, page, n, &err));
    kg_rowsum_add_pair(&m->blob_sum, head, sizeof head, page, n);
}

static void make_point(struct fixture *f, const struct spec *s)
{
    KG_CLEANUP(kg_manifest_freep) struct kg_manifest *m = kg_manifest_new(0);
    KG_CLEANUP(kg_writer_freep) struct kg_writer *w = NULL;
    KG_AUTO_BUF struct kg_buf toc = KG_BUF_INIT(1 << 20);
    KG_AUTO_FREE char *page = kg_xalloc(PAGE);
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_sink *sink = NULL;
    uint32_t oid[OBJECTS_MAX];
    struct kg_err err;

    m->facts = kg_json_object();
    m->time = m->end_time = 1700000000 * KG_SECOND;
    make_archive(s, &toc);
    OK(kg_writer_begin(f->v, &(struct kg_write_opts){ .level = 1 }, &w, &err));
    OK(kg_sink_open(w, &sink, &err));
    kg_sink_begin(sink, KG_CHUNK_SMALL);
    OK(kg_sink_add(sink, toc.p, toc.len, &err));
    OK(kg_sink_end(sink, &m->archive, &err));
    kg_sink_begin(sink, KG_CHUNK_LARGE);
    m->has_blobs = true;
    m->blob_count = numbers(s->objects, oid);
    for (size_t o = 0; o < m->blob_count; o++) {
        for (size_t p = 0; p < s->pages; p++) {
            uint64_t x = oid[o] * 1000 + p + 1;

            for (size_t i = 0; i < s->page; i++)
                page[i] = s->page == PAGE ? (char)next_random(&x) : object_byte(oid[o], p, i);
            send_record(sink, m, oid[o], page, s->page);
        }
    }
    OK(kg_sink_end(sink, &m->blobs, &err));
    OK(kg_sink_close(sink, &err));
    j = kg_manifest_to_json(m);
    OK(kg_writer_commit(w, "i", "p", j, &err));
}

static int export(struct fixture *f, const char *dir, const struct kg_events *ev, struct kg_err *err)
{
    const struct kg_export_spec spec = { .vault = f->v, .instance = "i", .point = "p", .directory = dir, .prefix = "x" };
    KG_AUTO_JSON struct kg_json *result = NULL;

    *err = (struct kg_err){ 0 };
    return kg_plugin_export_files(&spec, ev, &result, err);
}

/* ---- reading a data block: its integers have a sign byte ---- */

struct cursor { const unsigned char *p; size_t n, at; };

static int64_t get_int(struct cursor *c)
{
    int64_t v = 0;

    assert_true(c->at + 5 <= c->n);
    for (int i = 0; i < 4; i++)
        v |= (int64_t)c->p[c->at + 1 + i] << 8 * i;
    v = c->p[c->at] ? -v : v;
    c->at += 5;
    return v;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static void expect_group(struct cursor *c, const struct spec *s, size_t group, const char *oids)
{
    uint32_t oid[OBJECTS_MAX];
    size_t n = numbers(oids, oid);

    qsort(oid, n, sizeof *oid, by_number);
    assert_true(c->at < c->n);
    assert_int_equal(c->p[c->at++], 3);  /* BLK_BLOBS */
    assert_int_equal(get_int(c), 200 + (int64_t)group);
    for (size_t o = 0; o < n; o++) {
        size_t seen = 0;

        if (o && oid[o] == oid[o - 1])
            continue;
        assert_int_equal(get_int(c), oid[o]);
        for (int64_t len; (len = get_int(c)) != 0; c->at += (size_t)len)
            for (size_t i = 0; i < (size_t)len; i++, seen++)
                if (s->page != PAGE && (char)c->p[c->at + i] != object_byte(oid[o], seen / s->page, seen % s->page))
                    fail_msg("object %u differs at %zu", oid[o], seen);
        assert_int_equal(seen, s->page * s->pages);
    }
    assert_int_equal(get_int(c), 0);
}

static void expect_file(const char *dir, const struct spec *s)
{
    KG_CLEANUP(kg_store_closep) struct kg_store *st = NULL;
    KG_AUTO_BUF struct kg_buf file = KG_BUF_INIT(64u << 20);
    KG_AUTO_BUF struct kg_buf toc = KG_BUF_INIT(1 << 20);
    struct kg_err err;

    make_archive(s, &toc);
    OK(kg_store_open_dir(dir, false, &st, &err));
    OK(kg_store_get_all(st, "x.dump", &file, &err));
    struct cursor c = { (const unsigned char *)file.p, file.len, toc.len };
    for (size_t i = 0; s->groups[i]; i++)
        expect_group(&c, s, i, s->minor >= 16 ? s->groups[i] : s->objects);
    assert_int_equal(c.at, c.n);
}

static char *new_dir(char *text)
{
    assert_non_null(mkdtemp(text));
    return text;
}

static unsigned files_in(const char *dir)
{
    DIR *d = opendir(dir);
    unsigned n = 0;

    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void run_and_compare(const struct spec *s)
{
    char dir[] = "/tmp/kg-files-XXXXXX";
    struct fixture *f = fixture_new(false);
    struct kg_events quiet = { 0 };
    struct kg_err err;

    new_dir(dir);
    make_point(f, s);
    if (export(f, dir, &quiet, &err) < 0)
        fail_msg("%s", err.msg);
    expect_file(dir, s);
    nftw(dir, fixture_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    fixture_free(f);
}

static void test_groups_of_large_objects_get_their_own_objects_whatever_their_order(void **state)
{
    static const struct spec cases[] = {
        { 16, { "1 2 3 4" }, "1 2 3 4", 100, 3 },
        { 16, { "1 2", "3 4" }, "1 2 3 4", 70000, 1 },
        { 16, { "1 3 5", "2 4 6" }, "1 2 3 4 5 6", 5, 1 },          /* two owners, taking turns */
        { 16, { "5 6", "1 2", "3 4" }, "1 2 3 4 5 6", 5, 2 },
        { 16, { "2 1", "3 3" }, "1 2 3", 0, 1 },                    /* not in order, named twice; empty ones */
        { 14, { "1" }, "7 8 9", 100, 2 },                           /* before there were groups: all in one */
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct spec s = cases[i];

        run_and_compare(&s);
    }
}

/* Twenty groups of one object of a megabyte each: what cannot be in any cache is not read again for every group. */
static const struct spec many = {
    16, { "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30" },
    "11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30", PAGE, 1,
};

static struct fixture *counted_fixture(const struct spec *s)
{
    struct fixture *f = fixture_new(false);

    make_point(f, s);
    counting = *f->st->ops;
    real_get = counting.get;
    counting.get = counting_get;
    f->st->ops = &counting;
    bytes_read = 0;
    return f;
}

static void test_the_stream_of_large_objects_is_read_once(void **state)
{
    char dir[] = "/tmp/kg-files-XXXXXX";
    struct fixture *f = counted_fixture(&many);
    struct kg_events quiet = { 0 };
    struct kg_err err;

    (void)state;
    new_dir(dir);
    if (export(f, dir, &quiet, &err) < 0)
        fail_msg("%s", err.msg);
    if (bytes_read > 30u * PAGE)
        fail_msg("%llu MiB were read of 20", (unsigned long long)(bytes_read / PAGE));
    expect_file(dir, &many);
    nftw(dir, fixture_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    fixture_free(f);
}

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void test_a_cancel_is_heard_while_objects_are_skipped(void **state)
{
    static const struct spec last = { 16, { "30" }, "11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30", PAGE, 1 };
    char dir[] = "/tmp/kg-files-XXXXXX";
    struct fixture *f = counted_fixture(&last);
    struct kg_events ev = { .cancelled = always };
    struct kg_err err;

    (void)state;
    new_dir(dir);
    assert_int_equal(export(f, dir, &ev, &err), -KG_E_CANCELLED);
    if (bytes_read > 12u * PAGE)
        fail_msg("%llu MiB were read before", (unsigned long long)(bytes_read / PAGE));
    assert_int_equal(files_in(dir), 0);
    nftw(dir, fixture_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    fixture_free(f);
}

static void test_an_object_that_is_listed_and_not_there_is_damage(void **state)
{
    static const struct spec cases[] = {
        { 16, { "1 2", "3 4" }, "1 2 4", 10, 1 }, { 16, { "1", "9" }, "1 2", 10, 1 }, { 16, { "0" }, "1", 10, 1 },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        char dir[] = "/tmp/kg-files-XXXXXX";
        struct fixture *f = fixture_new(false);
        struct kg_events quiet = { 0 };
        struct spec s = cases[i];
        struct kg_err err;

        new_dir(dir);
        make_point(f, &s);
        assert_int_equal(export(f, dir, &quiet, &err), -KG_E_CORRUPT);
        assert_non_null(strstr(err.msg, "large object "));
        assert_int_equal(files_in(dir), 0);
        nftw(dir, fixture_remove_one, 8, FTW_DEPTH | FTW_PHYS);
        fixture_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_of_large_objects_get_their_own_objects_whatever_their_order),
        cmocka_unit_test(test_the_stream_of_large_objects_is_read_once),
        cmocka_unit_test(test_a_cancel_is_heard_while_objects_are_skipped),
        cmocka_unit_test(test_an_object_that_is_listed_and_not_there_is_damage),
    };
    kg_crypto_start();
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
