/* How a backup runs, and what it keeps to:
 *
 *  (1) One snapshot. The leader session exported it, every worker session imported it; nothing is read outside it.
 *  (2) Every TABLE DATA entry of pg_dump's table of contents becomes exactly one table of the manifest, and each of its
 *      slices is read exactly once. A session that fails ends the whole run.
 *  (3) Nobody waits for a lock while holding others: a worker that cannot lock at once leaves the table to the leader,
 *      which has held its lock since before the plan was made.
 *  (4) The manifest is written last, by kg_writer_commit(), after all sinks were closed.
 */
#include "plugin/backup.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/rate.h"
#include "base/text.h"
#include "keepgres/version.h"
#include "pg/globals.h"
#include "pg/plan.h"
#include "plugin/jobs.h"
#include "plugin/manifest.h"

enum { COUNT_EVERY = 256, COUNT_BYTES = 256 << 10, TICK_US = 20000, CANCEL_TICKS = 1000000 / TICK_US };
static const uint64_t default_slice_bytes = (uint64_t)256 << 20;

/* One unit of work: a table, a slice of one, or all large objects. */
struct item {
    struct kg_mtable *table;             /* NULL: large objects */
    const struct kg_plan_table *plan;
    size_t slice;                        /* of a table read whole: the first of its parts, 0 */
    uint64_t weight;                     /* bytes on the server's disk: order and progress */
    size_t mark;                         /* of its table in run.tables; large objects have one of their own */
};

struct run {
    const struct kg_backup_spec *spec;
    const struct kg_events *ev;
    struct kg_plan *plan;
    struct kg_writer *writer;
    struct kg_manifest *manifest;
    struct kg_json *server;              /* its roles; NULL: why not, in server_err */
    struct kg_secret *passwords;
    struct kg_err server_err;
    struct item *item;                   /* heaviest first */
    size_t n_items, n_left;
    size_t *leader_item;                 /* left for the leader, see (3) */
    size_t n_leader;
    uint64_t weight_total;
    uint64_t slice_bytes;
    uint64_t slice_above;                /* a table that weighs more is read in slices */

    pthread_mutex_t rate_lock;
    struct kg_rate rate;                 /* guarded by it */
    pthread_mutex_t lock;                /* guards next, leader_item, err, failed */
    size_t next;
    bool failed;
    struct kg_err err;                   /* the first failure of any session */
    atomic_bool stop;
    atomic_ullong weight_done, rows, bytes;
    struct kg_tables *tables;
    atomic_uint sessions_running;
};

/* A session's own part: touched by its thread alone, except that others may cancel its connection. */
struct session {
    struct run *run;
    pthread_t thread;
    struct kg_session *pg;
    struct kg_sink *sink;
    const struct item *item;             /* what is being read */
    struct kg_slice *slice;              /* of it */
    uint64_t slice_end;                  /* with the row that makes it so long, a slice is complete */
    size_t mark;                         /* its table's, in run.tables */
    uint64_t counted_rows, counted_bytes;
};

static bool run_cancelled(void *ctx)
{
    const struct run *r = ctx;

    return kg_events_cancelled(r->ev);
}

/* Keeps the first failure and makes every session stop. */
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

/* ---- cutting the work ---- */

static uint32_t chunk_size_for(uint64_t bytes)
{
    /* Index memory is what limits: about 30 bytes a chunk. */
    return bytes > (uint64_t)64 << 30 ? KG_CHUNK_LARGE : bytes > (uint64_t)16 << 30 ? KG_CHUNK_MEDIUM : KG_CHUNK_SMALL;
}

/* A stream keeps the chunk size it had, or nothing of it would be found again. */
struct predecessor { const char *own; char newest[128]; };

static int see_point(void *ctx, const char *instance, const char *point, uint64_t size, struct kg_err *err)
{
    struct predecessor *p = ctx;

    (void)instance;
    (void)size;
    (void)err;
    /* Point names begin with their time, so the greatest name is the newest point. */
    if (strcmp(point, p->own) != 0 && strcmp(point, p->newest) > 0 && strlen(point) < sizeof p->newest)
        kg_text_copy(p->newest, sizeof p->newest, point);
    return 0;
}

static int same_table(const void *a, const void *b)
{
    const struct kg_mtable *x = a, *y = b;
    int c = strcmp(x->schema, y->schema);

    return c ? c : strcmp(x->name, y->name);
}

/* What a table had as text the last time says more of what is to be read than its size on the disk, if that is about the same. */
static void estimate(struct run *r, size_t i, const struct kg_mtable *was)
{
    const struct kg_mtable *t = &r->manifest->table[i];
    struct kg_rowsum sum;

    kg_mtable_sum(was, &sum);
    if (sum.bytes > r->plan->table[i].bytes / 4 && sum.bytes / 8 < r->plan->table[i].bytes)
        kg_tables_name(r->tables, i, t->schema, t->name, sum.bytes, (unsigned)t->n_slices, true);
}

static void learn_from_last(struct run *r)
{
    struct predecessor p = { .own = r->spec->point };
    KG_AUTO_JSON struct kg_json *j = NULL;
    KG_CLEANUP(kg_manifest_freep) struct kg_manifest *before = NULL;
    struct kg_err ignored = { 0 };

    if (kg_point_list(r->spec->vault, r->spec->instance, see_point, &p, &ignored) < 0 || !p.newest[0] ||
        kg_point_get(r->spec->vault, r->spec->instance, p.newest, &j, &ignored) < 0 ||
        kg_manifest_from_json(j, &before, &ignored) < 0) {
        /* No predecessor, or one that cannot be read: that is for 'vault check' to tell, a backup must not fail for it. */
        if (ignored.code != KG_E_OK)
            kg_events_warn(r->ev, &ignored);
        return;
    }
    qsort(before->table, before->n_tables, sizeof *before->table, same_table);
    for (size_t i = 0; i < r->manifest->n_tables; i++) {
        struct kg_mtable *t = &r->manifest->table[i];
        const struct kg_mtable *was =
            bsearch(t, before->table, before->n_tables, sizeof *before->table, same_table);

        if (was && (was->chunk_size == KG_CHUNK_SMALL || was->chunk_size == KG_CHUNK_MEDIUM ||
                    was->chunk_size == KG_CHUNK_LARGE))
            t->chunk_size = was->chunk_size;
        if (was)
            estimate(r, i, was);
    }
}

/* What is worth cutting: what would still be read when all the rest is done. */
static void decide_slicing(struct run *r)
{
    const struct kg_backup_spec *spec = r->spec;
    unsigned streams = kg_jobs_streams(kg_jobs_wanted(spec->jobs), kg_jobs_cores(), kg_session_is_local(r->plan->leader));
    uint64_t total = r->plan->blob_bytes;

    for (size_t i = 0; i < r->plan->n_tables; i++)
        total += r->plan->table[i].bytes;
    r->slice_bytes = spec->slice_bytes ? spec->slice_bytes : default_slice_bytes;
    r->slice_above = spec->slicing == KG_SLICING_ALWAYS ? 0 : spec->slicing == KG_SLICING_NEVER ? UINT64_MAX : total / streams;
}

/* Slices end at fixed blocks, so that the streams of two backups can be compared. */
static size_t slices_of(const struct run *r, const struct kg_plan_table *p, uint32_t *ret_pages)
{
    uint64_t pages = r->slice_bytes / 8192 ? r->slice_bytes / 8192 : 1;

    *ret_pages = pages > UINT32_MAX ? UINT32_MAX : (uint32_t)pages;
    if (!r->plan->tid_range_scan || p->relkind != 'r' || p->condition || p->bytes <= r->slice_above ||
        p->pages / 2 < *ret_pages)
        return 1;
    return (p->pages + *ret_pages - 1) / *ret_pages;
}

static void plan_table(struct run *r, const struct kg_plan_table *p, struct kg_mtable *t)
{
    uint32_t pages;
    size_t n = slices_of(r, p, &pages);

    t->dump_id = p->entry->dump_id;
    t->oid = p->oid;
    t->schema = kg_xstrdup(p->schema);
    t->name = kg_xstrdup(p->name);
    t->target = kg_xstrdup(p->target);
    t->columns = kg_xstrdup(p->columns);
    t->condition = kg_xstrdup(p->condition);
    t->via_root = p->via_root;
    t->chunk_size = chunk_size_for(p->bytes);
    t->n_slices = n;
    t->slice = kg_xalloc_array(n, sizeof *t->slice);
    for (size_t i = 0; i < n && n > 1; i++) {
        t->slice[i].from = (uint32_t)i * pages;
        t->slice[i].to = i + 1 < n ? (uint32_t)(i + 1) * pages : UINT32_MAX;
    }
}

static int heaviest_first(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    return x->weight < y->weight ? 1 : x->weight > y->weight ? -1 : 0;
}

static void make_items(struct run *r)
{
    size_t n = r->plan->has_blobs, k = 0;

    decide_slicing(r);
    r->manifest = kg_manifest_new(r->plan->n_tables);
    for (size_t i = 0; i < r->plan->n_tables; i++) {
        plan_table(r, &r->plan->table[i], &r->manifest->table[i]);
        n += r->manifest->table[i].n_slices;
    }
    r->tables = kg_tables_new(r->plan->n_tables + 1);
    r->item = kg_xalloc_array(n, sizeof *r->item);
    r->leader_item = kg_xalloc_array(n, sizeof *r->leader_item);
    for (size_t i = 0; i < r->plan->n_tables; i++) {
        struct kg_mtable *t = &r->manifest->table[i];

        kg_tables_name(r->tables, i, t->schema, t->name, r->plan->table[i].bytes, (unsigned)t->n_slices, true);
        for (size_t s = 0; s < t->n_slices; s++)
            r->item[k++] = (struct item){ t, &r->plan->table[i], s, r->plan->table[i].bytes / t->n_slices + 1, i };
    }
    kg_tables_name(r->tables, r->plan->n_tables, "", "large objects", r->plan->blob_bytes, 1, false);
    if (r->plan->has_blobs)
        r->item[k++] = (struct item){ .weight = r->plan->blob_bytes + 1, .mark = r->plan->n_tables };
    r->n_items = k;
    for (size_t i = 0; i < k; i++)
        r->weight_total += r->item[i].weight;
    qsort(r->item, k, sizeof *r->item, heaviest_first);
}

/* ---- reading ---- */

static int stopped(struct session *s, struct kg_err *err)
{
    /* Nobody watches the leader's own part. */
    if (s->pg == s->run->plan->leader && kg_events_check(s->run->ev, err) < 0)
        return -(int)err->code;
    if (!atomic_load_explicit(&s->run->stop, memory_order_relaxed))
        return 0;
    return kg_err_set(err, KG_E_CANCELLED, "another session of the job failed");
}

/* Waits for as long as the limit of bytes a second wants it, unless the job ends meanwhile. The server waits, too: it cannot send
 * what nobody takes. */
static int keep_rate(struct session *s, uint64_t bytes, struct kg_err *err)
{
    kg_usec wait;

    if (!s->run->spec->bytes_per_second)
        return 0;
    pthread_mutex_lock(&s->run->rate_lock);
    wait = kg_rate_take(&s->run->rate, bytes, kg_now_mono());
    pthread_mutex_unlock(&s->run->rate_lock);
    for (; wait > 0; wait -= TICK_US) {
        if (stopped(s, err) < 0)
            return -(int)err->code;
        usleep((useconds_t)(wait < TICK_US ? wait : TICK_US));
    }
    return 0;
}

/* Tells the others what was read since the last time, and whether to go on. */
static int count(struct session *s, struct kg_err *err)
{
    uint64_t bytes = s->counted_bytes;

    atomic_fetch_add_explicit(&s->run->rows, s->counted_rows, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->run->bytes, bytes, memory_order_relaxed);
    kg_tables_count(s->run->tables, s->mark, bytes, s->counted_rows);
    s->counted_rows = s->counted_bytes = 0;
    return stopped(s, err) < 0 || keep_rate(s, bytes, err) < 0 ? -(int)err->code : 0;
}

static bool is_much(const struct session *s) { return s->counted_rows >= COUNT_EVERY || s->counted_bytes >= COUNT_BYTES; }

static void begin_slice(struct session *s, struct kg_slice *sl)
{
    s->slice = sl;
    sl->sum = (struct kg_rowsum){ 0 };
    kg_sink_begin(s->sink, s->item->table->chunk_size);
}

/* A table that is read whole is stored in parts all the same: a restore gives them to several sessions. */
static int next_part(struct session *s, struct kg_err *err)
{
    struct kg_mtable *t = s->item->table;

    if (kg_sink_end(s->sink, &s->slice->stream, err) < 0)
        return -(int)err->code;
    t->slice = kg_xrealloc_array(t->slice, t->n_slices + 1, sizeof *t->slice);
    t->slice[t->n_slices] = (struct kg_slice){ 0 };
    begin_slice(s, &t->slice[t->n_slices++]);
    return 0;
}

/* The innermost step of a backup: called once a row. */
static int take_row(void *ctx, const char *row, size_t n, struct kg_err *err)
{
    struct session *s = ctx;

    kg_rowsum_add(&s->slice->sum, row, n);
    s->counted_rows++;
    s->counted_bytes += n;
    if ((is_much(s) && count(s, err) < 0) || kg_sink_add(s->sink, row, n, err) < 0)
        return -(int)err->code;
    return s->slice->sum.bytes < s->slice_end ? 0 : next_part(s, err);
}

static int read_table(struct session *s, const struct item *it, struct kg_err *err)
{
    struct kg_slice *sl = &it->table->slice[it->slice];
    KG_AUTO_FREE char *sql = kg_plan_copy_sql(it->plan, sl->from, sl->to);
    int eno;

    s->item = it;
    s->slice_end = sl->to ? UINT64_MAX : s->run->slice_bytes;
    begin_slice(s, sl);
    if (kg_copy_out(s->pg, sql, take_row, s, err) < 0)
        return kg_err_wrap(err, "read table '%s.%s'", it->table->schema, it->table->name);
    if (count(s, err) < 0)
        return -(int)err->code;
    if ((eno = KG_FAULT(BACKUP_STREAM)))
        return kg_err_sys(err, eno, "read table '%s.%s'", it->table->schema, it->table->name);
    return kg_sink_end(s->sink, &s->slice->stream, err);
}

/* Large objects travel as records: u32 oid, u32 length (little-endian), bytes. */
static int take_page(void *ctx, uint32_t oid, const void *page, size_t n, struct kg_err *err)
{
    struct session *s = ctx;
    struct kg_manifest *m = s->run->manifest;
    unsigned char head[8];

    for (int i = 0; i < 4; i++) {
        head[i] = (unsigned char)(oid >> 8 * i);
        head[4 + i] = (unsigned char)(n >> 8 * i);
    }
    kg_rowsum_add_pair(&m->blob_sum, head, sizeof head, page, n);
    s->counted_rows++;
    s->counted_bytes += n;
    if ((is_much(s) ? count(s, err) : stopped(s, err)) < 0 || kg_sink_add(s->sink, head, sizeof head, err) < 0)
        return -(int)err->code;
    return kg_sink_add(s->sink, page, n, err);
}

struct blob_counter { struct session *s; uint32_t last; bool any; };

static int count_blobs(void *ctx, uint32_t oid, const void *page, size_t n, struct kg_err *err)
{
    struct blob_counter *c = ctx;

    if (!c->any || oid != c->last)
        c->s->run->manifest->blob_count++;
    c->any = true;
    c->last = oid;
    return take_page(c->s, oid, page, n, err);
}

static int read_blobs(struct session *s, struct kg_err *err)
{
    struct kg_manifest *m = s->run->manifest;
    struct blob_counter c = { .s = s };
    int eno;

    kg_sink_begin(s->sink, KG_CHUNK_SMALL);
    if (kg_blobs_out(s->pg, count_blobs, &c, err) < 0)
        return kg_err_wrap(err, "read the large objects");
    if (count(s, err) < 0)
        return -(int)err->code;
    if ((eno = KG_FAULT(BACKUP_BLOBS)))
        return kg_err_sys(err, eno, "read the large objects");
    m->has_blobs = true;
    return kg_sink_end(s->sink, &m->blobs, err);
}

static int read_item(struct session *s, size_t i, struct kg_err *err)
{
    struct run *r = s->run;
    const struct item *it = &r->item[i];
    int ret;

    if (it->table && s->pg != r->plan->leader && kg_plan_lock(s->pg, it->plan, err) < 0) {
        if (err->code != KG_E_DB_LOCKED)
            return -(int)err->code;
        pthread_mutex_lock(&r->lock);
        r->leader_item[r->n_leader++] = i;   /* keeps (3) */
        pthread_mutex_unlock(&r->lock);
        *err = (struct kg_err){ 0 };
        return 0;
    }
    s->mark = it->mark;
    kg_tables_enter(r->tables, it->mark, "read");
    ret = it->table ? read_table(s, it, err) : read_blobs(s, err);
    kg_tables_leave(r->tables, it->mark, ret == 0);
    if (ret == 0)
        r->weight_done += it->weight;
    return ret;
}

static bool next_item(struct run *r, size_t *ret)
{
    bool got;

    pthread_mutex_lock(&r->lock);
    got = !r->failed && r->next < r->n_items;
    if (got)
        *ret = r->next++;
    pthread_mutex_unlock(&r->lock);
    return got;
}

static void *session_main(void *arg)
{
    struct session *s = arg;
    struct kg_err err = { 0 };
    size_t i;

    while (next_item(s->run, &i))
        if (read_item(s, i, &err) < 0)
            break;
    if (err.code == KG_E_OK) {
        struct kg_sink *sink = KG_TAKE(s->sink);

        (void)!kg_sink_close(sink, &err);
    }
    if (err.code != KG_E_OK)
        fail_run(s->run, &err);
    s->run->sessions_running--;
    return NULL;
}

/* ---- the sessions ---- */

static int open_session(struct run *r, struct session *s, struct kg_err *err)
{
    s->run = r;
    if (kg_session_open(r->spec->conn, r->spec->database, "backup", &s->pg, err) < 0 ||
        kg_session_begin_dump(s->pg, kg_archive_encoding(r->plan->archive), r->plan->snapshot, err) < 0 ||
        kg_sink_open(r->writer, &s->sink, err) < 0) {
        kg_session_close(KG_TAKE(s->pg));
        return -(int)err->code;
    }
    return 0;
}

static void close_session(struct session *s)
{
    kg_sink_abort(KG_TAKE(s->sink));
    kg_session_close(KG_TAKE(s->pg));
}

/* Opens up to n sessions. Fewer are fine when the server has no more connections: none at all leaves it to the leader. */
static int open_sessions(struct run *r, struct session *s, unsigned n, unsigned *ret_n, struct kg_err *err)
{
    for (unsigned i = 0; i < n; i++) {
        if (open_session(r, &s[i], err) == 0)
            continue;
        if (err->code != KG_E_DB_LIMIT) {
            while (i > 0)
                close_session(&s[--i]);
            return -(int)err->code;
        }
        kg_events_log(r->ev, "the server allows %u of %u sessions: %s", i, n, err->msg);
        *err = (struct kg_err){ 0 };
        n = i;
    }
    *ret_n = n;
    return 0;
}

static void report(struct run *r, const char *phase)
{
    struct kg_write_stats w;
    struct kg_progress p = { .phase = phase, .bytes_done = r->weight_done, .bytes_total = r->weight_total,
                             .rows = r->rows, .tables_done = kg_tables_done(r->tables), .tables_total = r->manifest->n_tables,
                             .tables = r->tables };

    /* What running slices have done so far is known in bytes of text: near enough to the disk's to move the bar. */
    if (p.bytes_done < r->bytes)
        p.bytes_done = r->bytes;
    if (p.bytes_done > p.bytes_total)
        p.bytes_done = p.bytes_total;
    kg_writer_stats(r->writer, &w);
    p.stored_bytes = w.stored_bytes;
    p.new_bytes = w.new_bytes;
    kg_events_progress(r->ev, &p);
}

/* Waits for the sessions, telling progress; a cancelled job or a failed session cancels what the others run. A cancel is
 * lost when it meets a session between two statements, so it is sent again until they have ended. */
static void watch_sessions(struct run *r, struct session *s, unsigned n)
{
    unsigned since_cancel = CANCEL_TICKS;

    for (unsigned tick = 0; r->sessions_running > 0; tick++) {
        usleep(TICK_US);
        if (!r->stop && kg_events_cancelled(r->ev)) {
            struct kg_err err = { 0 };

            kg_err_set(&err, KG_E_CANCELLED, "the job was cancelled");
            fail_run(r, &err);
        }
        if (r->stop && since_cancel++ == CANCEL_TICKS) {
            for (unsigned i = 0; i < n; i++)
                kg_session_cancel(s[i].pg);
            since_cancel = 0;
        }
        if (tick % 25 == 0)
            report(r, "data");
    }
}

/* Everything that is not done yet, by the leader's own session. */
static int leader_part(struct run *r, bool all, struct kg_err *err)
{
    struct session s = { .run = r, .pg = r->plan->leader };
    int ret = 0;
    size_t i;

    if (!all && !r->n_leader)
        return 0;
    if (kg_sink_open(r->writer, &s.sink, err) < 0)
        return -(int)err->code;
    if (all)
        while (ret == 0 && next_item(r, &i))
            ret = read_item(&s, i, err);
    for (size_t k = 0; ret == 0 && k < r->n_leader; k++) {
        kg_events_log(r->ev, "somebody waits to lock table '%s.%s': the leading session reads it",
                      r->item[r->leader_item[k]].table->schema, r->item[r->leader_item[k]].table->name);
        ret = read_item(&s, r->leader_item[k], err);
    }
    if (ret < 0) {
        kg_sink_abort(s.sink);
        return ret;
    }
    return kg_sink_close(s.sink, err);
}

/* While the sessions read, by the leader's own, which has nothing to do then. A backup does without, with a warning. */
static void read_server(struct run *r)
{
    struct kg_err why = { 0 };

    (void)!kg_globals_read(r->plan->leader, &r->server, &r->server_err);
    if (!r->server || !r->spec->role_passwords || kg_globals_read_passwords(r->plan->leader, &r->passwords, &why) == 0)
        return;
    kg_err_wrap(&why, "the roles' passwords are not in this recovery point");
    kg_events_warn(r->ev, &why);
}

static int read_everything(struct run *r, struct kg_err *err)
{
    unsigned want = kg_jobs_wanted(r->spec->jobs), n = 0, started = 0;
    KG_AUTO_FREE struct session *s = kg_xalloc_array(want, sizeof *s);

    if (open_sessions(r, s, want > r->n_items ? (unsigned)(r->n_items ? r->n_items : 1) : want, &n, err) < 0)
        return -(int)err->code;
    r->sessions_running = n;
    for (; started < n; started++) {
        int eno = pthread_create(&s[started].thread, NULL, session_main, &s[started]);

        if (eno) {
            kg_err_sys(err, eno, "start a thread");
            fail_run(r, err);
            r->sessions_running -= n - started;
            break;
        }
    }
    read_server(r);
    watch_sessions(r, s, started);
    for (unsigned i = 0; i < started; i++)
        pthread_join(s[i].thread, NULL);
    for (unsigned i = 0; i < n; i++)
        close_session(&s[i]);
    if (r->failed) {
        *err = r->err;
        return -(int)err->code;
    }
    if (leader_part(r, n == 0, err) < 0)
        return -(int)err->code;
    /* Keeps (1): had the locks been gone meanwhile, a table that was emptied or rewritten since would have read as empty on an
     * old snapshot without an error. */
    return kg_plan_check_locks(r->plan, err);
}

/* ---- what is not rows: the archive's table of contents, the roles ---- */

static int write_text(struct run *r, struct kg_sink *sink, const struct kg_buf *b, struct kg_stream *ret, struct kg_err *err)
{
    (void)r;
    kg_sink_begin(sink, KG_CHUNK_SMALL);
    if (kg_buf_ok(b, err) < 0 || kg_sink_add(sink, b->p, b->len, err) < 0)
        return -(int)err->code;
    return kg_sink_end(sink, ret, err);
}

static int write_passwords(struct run *r, struct kg_sink *sink, struct kg_err *err)
{
    int ret;

    if (!r->passwords)
        return 0;
    kg_sink_begin(sink, KG_CHUNK_SMALL);
    ret = kg_sink_add(sink, kg_secret_open(r->passwords), kg_secret_size(r->passwords), err);
    kg_secret_shut(r->passwords);
    if (ret < 0 || kg_sink_end(sink, &r->manifest->passwords, err) < 0)
        return -(int)err->code;
    r->manifest->has_passwords = true;
    return 0;
}

static int write_server(struct run *r, struct kg_sink *sink, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT((size_t)64 << 20);

    if (!r->server) {
        kg_err_wrap(&r->server_err, "the roles are not in this recovery point");
        kg_events_warn(r->ev, &r->server_err);
        return 0;
    }
    kg_json_print(r->server, false, &text);
    if (write_text(r, sink, &text, &r->manifest->server, err) < 0)
        return -(int)err->code;
    r->manifest->has_server = true;
    return write_passwords(r, sink, err);
}

static int write_rest(struct run *r, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf toc = KG_BUF_INIT((size_t)2 << 30);
    KG_CLEANUP(kg_sink_abortp) struct kg_sink *sink = NULL;

    if (kg_sink_open(r->writer, &sink, err) < 0)
        return -(int)err->code;
    kg_archive_write(r->plan->archive, NULL, false, &toc);
    if (write_text(r, sink, &toc, &r->manifest->archive, err) < 0)
        return kg_err_wrap(err, "store the table of contents");
    if (write_server(r, sink, err) < 0)
        return kg_err_wrap(err, "store the server's roles");
    return kg_sink_close(KG_TAKE(sink), err);
}

static void describe(struct run *r)
{
    const struct kg_backup_spec *spec = r->spec;
    struct kg_json *f = kg_json_copy(r->plan->facts);

    kg_json_set(f, "datasource", spec->datasource ? kg_json_copy(spec->datasource) : kg_json_object());
    kg_json_set_str(f, "datasource.database", spec->database);
    kg_json_set_u64(f, "datasource.databaseBytes", r->plan->database_bytes);
    kg_json_set_str(f, "tools.keepgres", KG_VERSION);
    if (spec->policy)
        kg_json_set(f, "policy", kg_json_copy(spec->policy));
    r->manifest->facts = f;
}

static struct kg_json *result_of(struct run *r)
{
    struct kg_json *j = kg_json_object();
    struct kg_write_stats w;
    struct kg_rowsum total;
    char when[32];

    kg_writer_stats(r->writer, &w);
    kg_manifest_totals(r->manifest, &total);
    kg_json_set_str(j, "point", r->spec->point);
    kg_json_set_str(j, "time", kg_time_iso(r->manifest->time, when));
    kg_json_set_str(j, "endTime", kg_time_iso(r->manifest->end_time, when));
    kg_json_set_u64(j, "rows", total.rows);
    kg_json_set_u64(j, "bytes", total.bytes + r->manifest->blob_sum.bytes);
    kg_json_set_u64(j, "tables", r->manifest->n_tables);
    kg_json_set_u64(j, "largeObjects", r->manifest->blob_count);
    kg_json_set_u64(j, "storedBytes", w.stored_bytes);
    kg_json_set_u64(j, "newBytes", w.new_bytes);
    kg_json_set_u64(j, "databaseBytes", r->plan->database_bytes);
    kg_json_set_str(j, "serverVersion", kg_json_str(r->plan->facts, "postgres.version"));
    kg_json_set_str(j, "pgDump", kg_json_str(r->plan->facts, "tools.pgDump"));
    return j;
}

static int commit(struct run *r, struct kg_json **ret_result, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_write_stats w;

    if (kg_events_check(r->ev, err) < 0)
        return -(int)err->code;
    kg_events_subtask(r->ev, 3, "Commit recovery point", "InProgress");
    report(r, "commit");
    r->manifest->end_time = kg_now_wall();
    j = kg_manifest_to_json(r->manifest);
    kg_writer_stats(r->writer, &w);
    kg_json_set_u64(j, "totals.newBytes", w.new_bytes); /* all sinks are closed: it is final */
    if (kg_writer_commit(r->writer, r->spec->instance, r->spec->point, j, err) < 0)
        return -(int)err->code;
    *ret_result = result_of(r);
    kg_events_subtask(r->ev, 3, "Commit recovery point", "Completed");
    return 0;
}

static int run_backup(struct run *r, struct kg_json **ret_result, struct kg_buf *ret_tail, struct kg_err *err)
{
    const struct kg_backup_spec *spec = r->spec;
    struct kg_plan_opts po = { .bin_dir = spec->bin_dir, .lock_timeout_ms = spec->lock_timeout_ms,
                               .lock_tries = spec->lock_tries, .cancelled = run_cancelled, .cancel_ctx = r,
                               .pg_dump_stderr = ret_tail };
    struct kg_write_opts wo = { .level = spec->level };
    int eno;

    kg_events_subtask(r->ev, 1, "Plan", "InProgress");
    kg_events_progress(r->ev, &(struct kg_progress){ .phase = "plan" });
    if (kg_plan_make(spec->conn, spec->database, &po, &r->plan, err) < 0 ||
        kg_writer_begin(spec->vault, &wo, &r->writer, err) < 0)
        return -(int)err->code;
    if ((eno = KG_FAULT(BACKUP_LOCKED)))
        return kg_err_sys(err, eno, "plan the backup");
    make_items(r);
    r->manifest->time = r->plan->time;
    learn_from_last(r);
    describe(r);
    kg_events_subtask(r->ev, 1, "Plan", "Completed");
    kg_events_log(r->ev, "%zu tables, %zu units of work, snapshot %s", r->plan->n_tables, r->n_items, r->plan->snapshot);
    kg_events_subtask(r->ev, 2, "Transfer data", "InProgress");
    if (read_everything(r, err) < 0 || write_rest(r, err) < 0)
        return -(int)err->code;
    kg_events_subtask(r->ev, 2, "Transfer data", "Completed");
    return commit(r, ret_result, err);
}

int kg_plugin_backup(const struct kg_backup_spec *spec, const struct kg_events *ev, struct kg_json **ret_result,
                     struct kg_buf *ret_tail, struct kg_err *err)
{
    struct run r = { .spec = spec, .ev = ev, .lock = PTHREAD_MUTEX_INITIALIZER, .rate_lock = PTHREAD_MUTEX_INITIALIZER };
    int ret;

    kg_rate_init(&r.rate, spec->bytes_per_second, kg_now_mono());
    ret = run_backup(&r, ret_result, ret_tail, err);
    kg_events_tables(ev, r.tables);

    kg_writer_free(r.writer);
    kg_plan_free(r.plan);
    kg_tables_free(r.tables);
    kg_manifest_free(r.manifest);
    free(r.item);
    free(r.leader_item);
    kg_json_free(r.server);
    kg_secret_free(r.passwords);
    pthread_mutex_destroy(&r.rate_lock);
    pthread_mutex_destroy(&r.lock);
    return ret;
}
