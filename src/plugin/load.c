/* Keeps to:
 *  (1) A table that the archive creates is loaded in the transaction that truncates it, so that COPY FREEZE is allowed.
 *  (2) What was sent is compared with the manifest before the transaction commits.
 *  (3) Extension configuration tables, which may refer to each other, are loaded one by one in the archive's order, last. */
#include "plugin/load.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "pg/plan.h"
#include "plugin/pg_restore.h"

enum { CACHED_SEGMENTS = 4, COUNT_EVERY = 64 };

struct item {
    const struct kg_mtable *table;
    const struct kg_toc_entry *entry;
    uint64_t bytes;
    bool created;                        /* by the archive: may be truncated and frozen, see (1) */
    bool later;                          /* loaded one after the other, in order, when the rest is done */
};

struct run {
    const struct kg_load_spec *spec;
    struct item *item;
    size_t n_items;
    struct kg_rowsum total;              /* what will be loaded */

    pthread_mutex_t lock;
    size_t next;
    bool failed;
    struct kg_err err;                   /* the first failure of any session */
    atomic_bool stop;
    atomic_ullong bytes, rows, tables_done;
    atomic_uint running;
};

struct session {
    struct run *run;
    pthread_t thread;
    struct kg_session *pg;
    struct kg_source *src;
    uint64_t counted_rows, counted_bytes;
};

static void fail_run(struct run *r, const struct kg_err *e)
{
    pthread_mutex_lock(&r->lock);
    if (!r->failed) {
        r->failed = true;
        r->err = *e;
    }
    pthread_mutex_unlock(&r->lock);
    r->stop = true;
}

/* ---- rows ---- */

static bool table_was_created(const struct run *r, const struct kg_toc_entry *data)
{
    const struct kg_archive *a = r->spec->point->archive;

    for (size_t i = 0; i < data->n_deps; i++) {
        const struct kg_toc_entry *d = kg_archive_find(a, (int)strtol(data->deps[i], NULL, 10));

        if (d && d->desc && strcmp(d->desc, "TABLE") == 0 && r->spec->keep[d - a->entry])
            return true;
    }
    return false;
}

static int biggest_first(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    if (x->later != y->later)
        return x->later - y->later;
    if (x->later)
        return x->entry < y->entry ? -1 : 1;     /* in the archive's order: extension tables refer to each other */
    return x->bytes < y->bytes ? 1 : x->bytes > y->bytes ? -1 : 0;
}

static int make_items(struct run *r, struct kg_err *err)
{
    const struct kg_archive *a = r->spec->point->archive;

    r->item = kg_xalloc_array(r->spec->point->manifest->n_tables, sizeof *r->item);
    for (size_t i = 0; i < a->n_entries; i++) {
        const struct kg_toc_entry *e = &a->entry[i];
        struct item *it = &r->item[r->n_items];
        struct kg_rowsum sum;

        if (!r->spec->keep[i] || e->step != KG_STEP_TABLE || !e->has_data)
            continue;
        it->entry = e;
        if (!(it->table = kg_point_table(r->spec->point, e->dump_id)))
            return kg_err_set(err, KG_E_CORRUPT, "the manifest has no rows for entry %d, '%s'", e->dump_id, e->tag);
        kg_mtable_sum(it->table, &sum);
        kg_rowsum_merge(&r->total, &sum);
        it->bytes = sum.bytes;
        it->created = !it->table->via_root && !it->table->condition && table_was_created(r, e);
        it->later = !it->created && !it->table->via_root;
        r->n_items++;
    }
    qsort(r->item, r->n_items, sizeof *r->item, biggest_first);
    return 0;
}

static void count(struct session *s, uint64_t bytes)
{
    atomic_fetch_add_explicit(&s->run->bytes, bytes, memory_order_relaxed);
}

static int send_slice(struct session *s, const struct kg_slice *sl, struct kg_rowsum_text *text, struct kg_err *err)
{
    const void *data;
    size_t n;

    if (kg_source_begin(s->src, &sl->stream, err) < 0)
        return -(int)err->code;
    for (;;) {
        if (kg_source_next(s->src, &data, &n, err) < 0)
            return -(int)err->code;
        if (!n)
            return 0;
        if (s->run->stop)
            return kg_err_set(err, KG_E_CANCELLED, "another session of the job failed");
        kg_rowsum_text_add(text, data, n);
        if (kg_copy_in_add(s->pg, data, n, err) < 0)
            return -(int)err->code;
        count(s, n);
    }
}

static int copy_rows(struct session *s, const struct item *it, struct kg_err *err)
{
    const struct kg_mtable *t = it->table;
    KG_AUTO_FREE char *sql = kg_xprintf("COPY %s %s FROM STDIN%s", t->target, t->columns,
                                        it->created ? " WITH (FREEZE)" : "");
    struct kg_rowsum_text text = { 0 };
    struct kg_rowsum want;
    uint64_t rows = 0;
    int r = kg_copy_in_begin(s->pg, sql, err);

    for (size_t i = 0; r == 0 && i < t->n_slices; i++)
        r = send_slice(s, &t->slice[i], &text, err);
    if (r == 0)
        r = kg_copy_in_end(s->pg, &rows, err);
    kg_mtable_sum(t, &want);
    if (r == 0 && !kg_rowsum_equal(&text.sum, &want))                       /* keeps (2) */
        r = kg_err_set(err, KG_E_CORRUPT, "the rows are not what the manifest says");
    if (r == 0 && rows != want.rows)
        r = kg_err_set(err, KG_E_NOT_IDENTICAL, "the server took %llu of %llu rows", (unsigned long long)rows,
                       (unsigned long long)want.rows);
    kg_rowsum_text_done(&text);
    return r;
}

static int load_table(struct session *s, const struct item *it, struct kg_err *err)
{
    const struct kg_mtable *t = it->table;
    struct kg_rowsum sum;
    int eno;

    kg_mtable_sum(t, &sum);
    if (kg_session_run(s->pg, "BEGIN", err) < 0 ||
        (it->created && kg_session_runf(s->pg, err, "TRUNCATE ONLY %s", t->target) < 0) || copy_rows(s, it, err) < 0 ||
        kg_session_run(s->pg, "COMMIT", err) < 0)
        return kg_err_wrap(err, "load table '%s.%s'", t->schema, t->name);
    if ((eno = KG_FAULT(RESTORE_DATA)))
        return kg_err_sys(err, eno, "load table '%s.%s'", t->schema, t->name);
    s->run->rows += sum.rows;
    return 0;
}

/* ---- reading back ---- */

struct read_back { struct kg_rowsum sum; struct session *s; unsigned since; };

static int read_back_row(void *ctx, const char *row, size_t n, struct kg_err *err)
{
    struct read_back *b = ctx;

    kg_rowsum_add(&b->sum, row, n);
    if (++b->since < COUNT_EVERY)
        return 0;
    b->since = 0;
    return b->s->run->stop ? kg_err_set(err, KG_E_CANCELLED, "another session of the job failed") : 0;
}

static int compare(struct session *s, const char *what, const char *sql, const struct kg_rowsum *want, struct kg_err *err)
{
    struct read_back b = { .s = s };
    int eno;

    if (kg_copy_out(s->pg, sql, read_back_row, &b, err) < 0)
        return kg_err_wrap(err, "read back %s", what);
    if ((eno = KG_FAULT(RESTORE_VERIFY)))
        return kg_err_sys(err, eno, "read back %s", what);
    if (!kg_rowsum_equal(&b.sum, want))
        return kg_err_set(err, KG_E_NOT_IDENTICAL,
                          "%s came back with %llu rows and %llu bytes where %llu rows and %llu bytes were backed up%s", what,
                          (unsigned long long)b.sum.rows, (unsigned long long)b.sum.bytes, (unsigned long long)want->rows,
                          (unsigned long long)want->bytes,
                          b.sum.rows == want->rows && b.sum.bytes == want->bytes ? ", with other contents" : "");
    return 0;
}

static int verify_table(struct session *s, const struct item *it, struct kg_err *err)
{
    const struct kg_mtable *t = it->table;
    KG_AUTO_FREE char *what = kg_xprintf("table '%s.%s'", t->schema, t->name);
    /* The columns' list is "(a, b)": as a select list its parentheses would make a row of it. */
    KG_AUTO_FREE char *list = *t->columns ? kg_xstrndup(t->columns + 1, strlen(t->columns) - 2) : NULL;
    KG_AUTO_FREE char *sql = t->condition ? kg_xprintf("COPY (SELECT %s FROM %s %s) TO STDOUT", list ? list : "",
                                                       t->target, t->condition)
                                          : kg_xprintf("COPY %s %s TO STDOUT", t->target, t->columns);
    struct kg_rowsum want;

    kg_mtable_sum(t, &want);
    return compare(s, what, sql, &want, err);
}

/* Rows that were loaded through the partitions' root may stand in other partitions now (a hash of an enum depends on
 * object ids), exactly as with stock tools: they are compared at the root, all leaves together. */
static int verify_root(struct session *s, const struct item *first, struct kg_err *err)
{
    const struct run *r = s->run;
    const struct kg_mtable *t = first->table;
    KG_AUTO_FREE char *what = kg_xprintf("partitioned table %s", t->target);
    KG_AUTO_FREE char *list = *t->columns ? kg_xstrndup(t->columns + 1, strlen(t->columns) - 2) : kg_xstrdup("");
    KG_AUTO_FREE char *sql = kg_xprintf("COPY (SELECT %s FROM %s) TO STDOUT", list, t->target);
    struct kg_rowsum want = { 0 }, one;

    for (size_t i = 0; i < r->n_items; i++) {
        const struct kg_mtable *o = r->item[i].table;

        if (!o->via_root || strcmp(o->target, t->target) != 0)
            continue;
        if (&r->item[i] < first)
            return 0;                    /* done with the first of them */
        kg_mtable_sum(o, &one);
        kg_rowsum_merge(&want, &one);
    }
    return compare(s, what, sql, &want, err);
}

static bool next_item(struct run *r, struct item **ret)
{
    bool got = false;

    pthread_mutex_lock(&r->lock);
    if (!r->failed && r->next < r->n_items && !r->item[r->next].later) {
        *ret = &r->item[r->next++];
        got = true;
    }
    pthread_mutex_unlock(&r->lock);
    return got;
}

static int load_and_verify(struct session *s, const struct item *it, struct kg_err *err)
{
    if (load_table(s, it, err) < 0)
        return -(int)err->code;
    s->run->tables_done++;
    if (s->run->spec->verify != KG_VERIFY_READ_BACK || it->table->via_root)
        return 0;
    return verify_table(s, it, err);
}

static void *session_main(void *arg)
{
    struct session *s = arg;
    struct kg_err err = { 0 };
    struct item *it;

    while (err.code == KG_E_OK && next_item(s->run, &it))
        (void)!load_and_verify(s, it, &err);
    if (err.code != KG_E_OK)
        fail_run(s->run, &err);
    s->run->running--;
    return NULL;
}

static int open_session(struct run *r, struct session *s, struct kg_err *err)
{
    s->run = r;
    if (kg_session_open(r->spec->conn, r->spec->database, "restore", &s->pg, err) < 0 ||
        kg_session_begin_load(s->pg, kg_archive_encoding(r->spec->point->archive), err) < 0 ||
        kg_source_open(r->spec->point->reader, CACHED_SEGMENTS, &s->src, err) < 0) {
        kg_session_close(KG_TAKE(s->pg));
        return -(int)err->code;
    }
    return 0;
}

static void close_session(struct session *s)
{
    kg_source_close(KG_TAKE(s->src));
    kg_session_close(KG_TAKE(s->pg));
}

static void report(struct run *r, const char *phase)
{
    kg_events_progress(r->spec->ev, &(struct kg_progress){ .phase = phase, .bytes_done = r->bytes, .bytes_total = r->total.bytes,
                                                     .rows = r->rows, .tables_done = r->tables_done,
                                                     .tables_total = r->n_items });
}

static void watch_sessions(struct run *r, struct session *s, unsigned n)
{
    bool cancelled = false;

    for (unsigned tick = 0; r->running > 0; tick++) {
        usleep(20000);
        if (!r->stop && kg_events_cancelled(r->spec->ev)) {
            struct kg_err err = { 0 };

            kg_err_set(&err, KG_E_CANCELLED, "the job was cancelled");
            fail_run(r, &err);
        }
        if (r->stop && !cancelled) {
            for (unsigned i = 0; i < n; i++)
                kg_session_cancel(s[i].pg);
            cancelled = true;
        }
        if (tick % 25 == 0)
            report(r, "data");
    }
}

/* Tables that cannot go in parallel, and everything that can only be compared when all leaves are in. */
static int load_the_rest(struct run *r, struct session *s, struct kg_err *err)
{
    for (size_t i = 0; i < r->n_items; i++) {
        const struct item *it = &r->item[i];

        if (kg_events_check(r->spec->ev, err) < 0 || (it->later && load_and_verify(s, it, err) < 0))
            return -(int)err->code;
        if (it->table->via_root && r->spec->verify == KG_VERIFY_READ_BACK && verify_root(s, it, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

static int run_sessions(struct run *r, struct session *s, unsigned n, struct kg_err *err)
{
    unsigned started = 0;

    r->running = n;
    for (; started < n; started++) {
        int eno = pthread_create(&s[started].thread, NULL, session_main, &s[started]);

        if (eno) {
            struct kg_err e = { 0 };

            kg_err_sys(&e, eno, "start a thread");
            fail_run(r, &e);
            r->running -= n - started;
            break;
        }
    }
    watch_sessions(r, s, started);
    for (unsigned i = 0; i < started; i++)
        pthread_join(s[i].thread, NULL);
    if (r->failed) {
        *err = r->err;
        return -(int)err->code;
    }
    return load_the_rest(r, &s[0], err);
}

static int load_rows(struct run *r, struct kg_err *err)
{
    unsigned want = r->spec->jobs, n = 0;
    KG_AUTO_FREE struct session *s = NULL;
    int ret = 0;

    if (want > r->n_items)
        want = r->n_items ? (unsigned)r->n_items : 1;
    s = kg_xalloc_array(want, sizeof *s);
    for (; n < want && ret == 0; n += ret == 0)
        ret = open_session(r, &s[n], err);
    if (ret < 0 && err->code == KG_E_DB_LIMIT && n > 0) {
        kg_events_log(r->spec->ev, "the server allows %u of %u sessions", n, want);
        *err = (struct kg_err){ 0 };
        ret = 0;
    }
    if (ret == 0)
        ret = run_sessions(r, s, n, err);
    for (unsigned i = 0; i < n; i++)
        close_session(&s[i]);
    return ret;
}

/* ---- large objects ---- */

static int load_blob_page(void *ctx, uint32_t oid, uint64_t at, const void *page, size_t n, struct kg_err *err)
{
    return kg_blobs_in_add(ctx, oid, at, page, n, err);
}

struct blob_check { struct kg_rowsum sum; };

static int sum_page(void *ctx, uint32_t oid, const void *page, size_t n, struct kg_err *err)
{
    struct blob_check *c = ctx;
    unsigned char head[8];

    (void)err;
    for (int i = 0; i < 4; i++) {
        head[i] = (unsigned char)(oid >> 8 * i);
        head[4 + i] = (unsigned char)(n >> 8 * i);
    }
    kg_rowsum_add_pair(&c->sum, head, sizeof head, page, n);
    return 0;
}

static int load_blobs(struct run *r, struct kg_err *err)
{
    const struct kg_manifest *m = r->spec->point->manifest;
    struct session s = { 0 };
    struct kg_blob_load *load = NULL;
    struct blob_check c = { 0 };
    int ret;

    if (!m->has_blobs || !r->spec->blobs)
        return 0;
    if (open_session(r, &s, err) < 0)
        return -(int)err->code;
    ret = kg_session_run(s.pg, "BEGIN", err);
    if (ret == 0)
        ret = kg_pg_restore_make_blobs(s.pg, r->spec->point->archive, r->spec->keep, r->spec->ev, err);
    if (ret == 0 && (ret = kg_blobs_in_begin(s.pg, &load, err)) == 0) {
        ret = kg_point_blobs(r->spec->point->reader, m, load_blob_page, load, err);
        if (ret < 0)
            kg_blobs_in_abort(load);
        else
            ret = kg_blobs_in_end(load, err);
    }
    if (ret == 0)
        ret = kg_session_run(s.pg, "COMMIT", err);
    if (ret == 0 && r->spec->verify == KG_VERIFY_READ_BACK && (ret = kg_blobs_out(s.pg, sum_page, &c, err)) == 0 &&
        !kg_rowsum_equal(&c.sum, &m->blob_sum))
        ret = kg_err_set(err, KG_E_NOT_IDENTICAL, "the large objects came back with other contents");
    close_session(&s);
    return ret < 0 ? kg_err_wrap(err, "load the large objects") : 0;
}

int kg_load(const struct kg_load_spec *spec, struct kg_load_result *ret, struct kg_err *err)
{
    struct run r = { .spec = spec, .lock = PTHREAD_MUTEX_INITIALIZER };
    int result = make_items(&r, err);

    if (result == 0)
        result = load_rows(&r, err);
    if (result == 0)
        result = load_blobs(&r, err);
    if (result == 0)
        *ret = (struct kg_load_result){ r.total, r.n_items };
    free(r.item);
    pthread_mutex_destroy(&r.lock);
    return result;
}
