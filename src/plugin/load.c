/* Keeps to:
 *  (1) Loading comes first, then indexes: a session compares only when there is nothing left to load or to build for it.
 *  (2) A table of many slices is not one session's alone: the first two thirds go in frozen, in one transaction; the rest, slice
 *      by slice, by whoever has nothing else to load.
 *  (3) Extension configuration tables, which may refer to each other, are loaded one by one in the archive's order, last.
 *  (4) The caller's thread never waits for the server: it looks at the job's state while others work, and a job that shall stop
 *      has the running statements cancelled again and again, for a cancel may come between two of them.
 *  (5) Nothing is called compared that was not: what is left when the sessions are done is a failure.
 *
 * What is told of tables: the marks of kg_tables are the items being loaded, the large objects, the items being compared, and one
 * of each session for the index it makes. */
#include "plugin/load.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "plugin/load_int.h"
#include "plugin/sqltext.h"

/* Smaller tables are left to pg_restore: a statement each would cost more than it saves. */
enum { BUILD_EARLY_BYTES = 8 << 20 };

struct kg_load {
    struct kg_load_spec spec;
    struct kg_load_item *item;
    size_t n_items, n_parallel;          /* the first n_parallel go in any order */
    struct kg_rowsum total;              /* what will be loaded */
    bool *built;                         /* of the archive's entries */
    struct kg_load_session *session;
    unsigned n_sessions, n_threads;

    pthread_mutex_t lock;                /* guards everything down to err */
    pthread_cond_t changed;
    size_t next, loaded;                 /* of the first n_parallel */
    size_t *to_split, n_to_split, next_split;          /* items whose head is loaded, the rest to be given out */
    size_t *to_build, n_to_build, next_build, built_n; /* entries of the archive */
    size_t *to_verify, n_to_verify, next_verify;       /* items, */
    unsigned next_part;                                /* and the part of the next one */
    bool rest_done;                      /* nothing will be added to to_verify any more */
    bool failed;
    struct kg_err err;                   /* the first failure of any session */

    atomic_bool stop;
    atomic_ullong bytes, rows;
    struct kg_tables *tables;
    atomic_uint running;
    kg_usec cancelled_at;                /* when the sessions were cancelled last; 0: never */
    struct kg_load_soft soft;            /* what the caller's own session has to tell */
};

static void fail_load(struct kg_load *l, const struct kg_err *e)
{
    pthread_mutex_lock(&l->lock);
    if (!l->failed) {
        l->failed = true;
        l->err = *e;
    }
    l->stop = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

/* ---- what there is to do ---- */

static const struct kg_toc_entry *created_table(const struct kg_load *l, const struct kg_toc_entry *data)
{
    const struct kg_archive *a = l->spec.point->archive;

    for (size_t i = 0; i < data->n_deps; i++) {
        const struct kg_toc_entry *d = kg_archive_dep(a, data, i);

        if (d && d->desc && strcmp(d->desc, "TABLE") == 0 && l->spec.keep[d - a->entry])
            return d;
    }
    return NULL;
}

/* An index or a key of one big table that needs nothing but what is there before the rows: its definition can be run at once,
 * as pg_restore would. Everything else is left to pg_restore, which knows the order. */
static bool can_build(const struct kg_load *l, const struct kg_toc_entry *e, const struct kg_toc_entry *table)
{
    const struct kg_archive *a = l->spec.point->archive;
    bool on_table = false;

    if (e->step != KG_STEP_POST || !e->defn || (e->tablespace && *e->tablespace) ||
        (strcmp(e->desc, "INDEX") != 0 && strcmp(e->desc, "CONSTRAINT") != 0))
        return false;
    for (size_t i = 0; i < e->n_deps; i++) {
        const struct kg_toc_entry *d = kg_archive_dep(a, e, i);

        if (!d)
            continue;
        if (d->step != KG_STEP_PRE || (strcmp(d->desc, "TABLE") == 0 && d != table))
            return false;
        on_table |= d == table;
    }
    return on_table;
}

/* Queues what can be built on a table whose rows are in. The lock is held. */
static void queue_builds(struct kg_load *l, const struct kg_load_item *it)
{
    const struct kg_archive *a = l->spec.point->archive;

    if (!it->created || it->bytes < BUILD_EARLY_BYTES)
        return;
    for (size_t i = 0; i < a->n_entries; i++)
        if (l->spec.keep[i] && can_build(l, &a->entry[i], it->created)) {
            l->built[i] = true;
            l->to_build[l->n_to_build++] = i;
        }
}

static int biggest_first(const void *a, const void *b)
{
    const struct kg_load_item *x = a, *y = b;

    if (x->later != y->later)
        return x->later - y->later;
    if (x->later)
        return x->entry < y->entry ? -1 : 1;     /* in the archive's order: extension tables refer to each other */
    return x->bytes < y->bytes ? 1 : x->bytes > y->bytes ? -1 : 0;
}

/* A partition that is restored without the root through which its rows were to go takes them itself. */
static bool has_root(const struct kg_load *l, const char *target)
{
    const struct kg_archive *a = l->spec.point->archive;
    const char *at = target, *end = target + strlen(target);
    struct kg_sql_token t = kg_sql_next(&at, end);
    KG_AUTO_FREE char *schema = kg_sql_name(&t), *name = NULL;

    (void)kg_sql_next(&at, end);         /* the dot */
    t = kg_sql_next(&at, end);
    name = kg_sql_name(&t);
    for (size_t i = 0; schema && name && i < a->n_entries; i++) {
        const struct kg_toc_entry *e = &a->entry[i];

        if (l->spec.keep[i] && strcmp(e->desc, "TABLE") == 0 && e->schema && e->tag && strcmp(e->schema, schema) == 0 &&
            strcmp(e->tag, name) == 0)
            return true;
    }
    return false;
}

static void set_target(const struct kg_load *l, struct kg_load_item *it)
{
    const struct kg_mtable *t = it->table;
    KG_AUTO_FREE char *schema = NULL, *name = NULL;

    it->via_root = t->via_root && has_root(l, t->target);
    if (it->via_root == t->via_root) {
        it->target = kg_xstrdup(t->target);
        return;
    }
    schema = kg_quote_ident(t->schema);
    name = kg_quote_ident(t->name);
    it->target = kg_xprintf("%s.%s", schema, name);
}

static size_t blobs_mark(const struct kg_load *l) { return l->n_items; }
static size_t verify_mark(const struct kg_load *l, size_t i) { return l->n_items + 1 + i; }
static size_t index_mark(const struct kg_load *l, const struct kg_load_session *s)
{
    return 2 * l->n_items + 1 + (size_t)(s - l->session);
}

static void name_tables(struct kg_load *l)
{
    l->tables = kg_tables_new(2 * l->n_items + 1 + l->spec.jobs + 1);
    for (size_t i = 0; i < l->n_items; i++) {
        const struct kg_load_item *it = &l->item[i];
        unsigned parts = 1 + (unsigned)(it->table->n_slices - it->head); /* the head is one */

        kg_tables_name(l->tables, i, it->table->schema, it->table->name, it->bytes, parts, true);
    }
    kg_tables_name(l->tables, blobs_mark(l), "", "large objects", 0, 1, false);
}

static void enter(struct kg_load_session *s, size_t mark, const char *step)
{
    s->mark = (ssize_t)mark;
    kg_tables_enter(s->tables, mark, step);
}

static int leave(struct kg_load_session *s, int r)
{
    kg_tables_leave(s->tables, (size_t)s->mark, r == 0);
    s->mark = KG_NO_MARK;
    return r;
}

static int make_items(struct kg_load *l, struct kg_err *err)
{
    const struct kg_archive *a = l->spec.point->archive;

    l->item = kg_xalloc_array(l->spec.point->manifest->n_tables, sizeof *l->item);
    for (size_t i = 0; i < a->n_entries; i++) {
        const struct kg_toc_entry *e = &a->entry[i];
        struct kg_load_item *it = &l->item[l->n_items];
        struct kg_rowsum sum;

        if (!l->spec.keep[i] || e->step != KG_STEP_TABLE || !e->has_data)
            continue;
        it->entry = e;
        if (!(it->table = kg_point_table(l->spec.point, e->dump_id)))
            return kg_err_set(err, KG_E_CORRUPT, "the manifest has no rows for entry %d, '%s'", e->dump_id, e->tag);
        kg_mtable_sum(it->table, &sum);
        kg_rowsum_merge(&l->total, &sum);
        it->bytes = sum.bytes;
        set_target(l, it);
        it->created = it->via_root || it->table->condition ? NULL : created_table(l, e);
        it->later = !it->created && !it->via_root;
        it->head = it->table->n_slices;
        if (it->created && l->spec.jobs > 1)
            it->head -= it->table->n_slices / 3; /* so that the biggest table does not keep one session busy alone */
        it->next_slice = it->head;
        it->slices_left = it->table->n_slices - it->head;
        l->n_parallel += !it->later;
        l->n_items++;
    }
    l->to_split = kg_xalloc_array(l->n_items, sizeof *l->to_split);
    l->to_verify = kg_xalloc_array(l->n_items, sizeof *l->to_verify);
    l->to_build = kg_xalloc_array(a->n_entries, sizeof *l->to_build);
    l->built = kg_xalloc_array(a->n_entries, sizeof *l->built);
    qsort(l->item, l->n_items, sizeof *l->item, biggest_first);
    name_tables(l);
    return 0;
}

/* ---- sessions ---- */

enum work { LOAD, LOAD_SLICE, BUILD, VERIFY, NOTHING };

/* The next thing for a session; waits while others are still loading what may have to be compared. */
static enum work next_work(struct kg_load *l, size_t *ret, unsigned *ret_part)
{
    enum work w = NOTHING;

    pthread_mutex_lock(&l->lock);
    for (;;) {
        if (l->failed)
            break;
        if (l->next < l->n_parallel) {   /* keeps (1) */
            *ret = l->next++;
            w = LOAD;
            break;
        }
        if (l->next_split < l->n_to_split) {
            struct kg_load_item *it = &l->item[*ret = l->to_split[l->next_split]];

            *ret_part = (unsigned)it->next_slice++;
            l->next_split += it->next_slice == it->table->n_slices;
            w = LOAD_SLICE;
            break;
        }
        if (l->next_build < l->n_to_build) {
            *ret = l->to_build[l->next_build++];
            w = BUILD;
            break;
        }
        if (l->next_verify < l->n_to_verify) {
            *ret = l->to_verify[l->next_verify];
            *ret_part = l->next_part++;
            if (l->next_part == l->item[*ret].parts) {
                l->next_verify++;
                l->next_part = 0;
            }
            w = VERIFY;
            break;
        }
        if (l->rest_done)
            break;
        pthread_cond_wait(&l->changed, &l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return w;
}

/* The head of a table is loaded: the rest may go in, by anybody. True when there is none. */
static bool note_head(struct kg_load *l, size_t i)
{
    bool complete = l->item[i].slices_left == 0;

    if (complete)
        return true;
    pthread_mutex_lock(&l->lock);
    l->to_split[l->n_to_split++] = i;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    return false;
}

/* Another slice is in. True for the last one. */
static bool note_slice(struct kg_load *l, size_t i)
{
    bool complete;

    pthread_mutex_lock(&l->lock);
    complete = --l->item[i].slices_left == 0;
    pthread_mutex_unlock(&l->lock);
    return complete;
}

/* A table is loaded: it waits to be compared now, unless nobody wants that or it is a part of a root. */
static void note_loaded(struct kg_load *l, size_t i)
{
    pthread_mutex_lock(&l->lock);
    if (i < l->n_parallel)
        l->loaded++;
    queue_builds(l, &l->item[i]);
    if (l->spec.verify == KG_VERIFY_READ_BACK && !l->item[i].via_root) {
        const struct kg_load_item *it = &l->item[i];

        kg_tables_name(l->tables, verify_mark(l, i), it->table->schema, it->table->name, it->bytes, it->parts, false);
        l->to_verify[l->n_to_verify++] = i;
    }
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

/* What a failed session holds, rows half sent or half read and the locks on their table, must not keep others waiting. */
static void drop_connection(struct kg_load *l, struct kg_load_session *s)
{
    pthread_mutex_lock(&l->lock);        /* nobody is cancelling it at the moment */
    kg_session_close(KG_TAKE(s->pg));
    pthread_mutex_unlock(&l->lock);
}

static int build(struct kg_load_session *s, size_t i, struct kg_err *err)
{
    struct kg_load *l = s->load;
    const struct kg_toc_entry *e = &l->spec.point->archive->entry[i];

    kg_tables_name(l->tables, index_mark(l, s), e->schema ? e->schema : "", e->tag ? e->tag : "", 0, 1, false);
    enter(s, index_mark(l, s), "index");
    if (leave(s, kg_session_run(s->pg, e->defn, err)) < 0)
        return kg_err_wrap(err, "make %s '%s'", strcmp(e->desc, "INDEX") == 0 ? "index" : "constraint", e->tag ? e->tag : "");
    pthread_mutex_lock(&l->lock);
    l->built_n++;
    pthread_mutex_unlock(&l->lock);
    return 0;
}

static int table_complete(struct kg_load_session *s, size_t i, struct kg_err *err)
{
    struct kg_load *l = s->load;

    if (l->spec.verify == KG_VERIFY_READ_BACK && kg_load_plan_verify(s, &l->item[i], err) < 0)
        return -(int)err->code;
    note_loaded(l, i);
    return 0;
}

static int load_head(struct kg_load_session *s, size_t i, struct kg_err *err)
{
    const struct kg_load_item *it = &s->load->item[i];

    enter(s, i, "load");
    if (leave(s, kg_load_slices(s, it, 0, it->head, err)) < 0)
        return -(int)err->code;
    return note_head(s->load, i) ? table_complete(s, i, err) : 0;
}

static int load_slice(struct kg_load_session *s, size_t i, size_t slice, struct kg_err *err)
{
    enter(s, i, "load");
    if (leave(s, kg_load_slices(s, &s->load->item[i], slice, slice + 1, err)) < 0)
        return -(int)err->code;
    return note_slice(s->load, i) ? table_complete(s, i, err) : 0;
}

/* Whoever reads the last part compares. */
static int verify_part(struct kg_load_session *s, size_t i, unsigned part, struct kg_err *err)
{
    struct kg_load *l = s->load;
    struct kg_load_item *it = &l->item[i];
    struct kg_rowsum got;
    bool last;

    enter(s, verify_mark(l, i), "verify");
    if (leave(s, kg_load_read_back(s, it, part, &got, err)) < 0)
        return -(int)err->code;
    pthread_mutex_lock(&l->lock);
    kg_rowsum_merge(&it->got, &got);
    last = --it->parts_left == 0;
    pthread_mutex_unlock(&l->lock);
    return last ? kg_load_compare(it, err) : 0;
}

static void *session_main(void *arg)
{
    struct kg_load_session *s = arg;
    struct kg_load *l = s->load;
    struct kg_err err = { 0 };
    unsigned part = 0;
    enum work w;
    size_t i;

    while (err.code == KG_E_OK && (w = next_work(l, &i, &part)) != NOTHING) {
        if (w == VERIFY)
            (void)!verify_part(s, i, part, &err);
        else if (w == BUILD)
            (void)!build(s, i, &err);
        else
            (void)!(w == LOAD ? load_head(s, i, &err) : load_slice(s, i, part, &err));
    }
    if (err.code != KG_E_OK) {
        fail_load(l, &err);
        drop_connection(l, s);
    }
    l->running--;
    return NULL;
}

static void report(struct kg_load *l, const char *phase)
{
    kg_events_progress(l->spec.ev, &(struct kg_progress){ .phase = phase, .bytes_done = l->bytes,
                                                          .bytes_total = l->total.bytes, .rows = l->rows,
                                                          .tables_done = kg_tables_done(l->tables), .tables_total = l->n_items,
                                                          .tables = l->tables });
}

/* keeps (4): a session that has nothing to stop at the moment may send its next statement right behind the cancel. */
static void cancel_all(struct kg_load *l)
{
    if (l->cancelled_at && kg_now_mono() - l->cancelled_at < KG_SECOND)
        return;
    pthread_mutex_lock(&l->lock);
    for (unsigned i = 0; i < l->n_sessions; i++)
        if (l->session[i].pg)
            kg_session_cancel(l->session[i].pg);
    pthread_mutex_unlock(&l->lock);
    l->cancelled_at = kg_now_mono();
}

/* Looks at the job's state once in a while: tells progress, and turns a cancelled job into a failed load, whose running
 * statements are cancelled on the server too. */
static void watch(struct kg_load *l, const char *phase, unsigned tick)
{
    usleep(20000);
    if (!l->stop && kg_events_cancelled(l->spec.ev)) {
        struct kg_err err = { 0 };

        kg_err_set(&err, KG_E_CANCELLED, "the job was cancelled");
        fail_load(l, &err);
    }
    if (l->stop)
        cancel_all(l);
    if (tick % 25 == 0)
        report(l, phase);
}

static bool still_busy(struct kg_load *l)
{
    bool r;

    pthread_mutex_lock(&l->lock);
    r = !l->failed && (l->loaded < l->n_parallel || l->built_n < l->n_to_build);
    pthread_mutex_unlock(&l->lock);
    return r;
}

static int failure(struct kg_load *l, struct kg_err *err)
{
    if (!l->failed)
        return 0;
    *err = l->err;
    return -(int)err->code;
}

/* ---- start, wait, finish ---- */

/* One session more than threads: the last one is the caller's, for what goes in order. */
static int open_sessions(struct kg_load *l, struct kg_err *err)
{
    unsigned want = l->spec.jobs > l->n_parallel ? (unsigned)l->n_parallel : l->spec.jobs;

    l->session = kg_xalloc_array(want + 1, sizeof *l->session);
    for (unsigned i = 0; i <= want; i++) {
        struct kg_load_session *s = &l->session[i];

        *s = (struct kg_load_session){ .load = l, .spec = &l->spec, .stop = &l->stop, .bytes = &l->bytes,
                                        .rows = &l->rows, .tables = l->tables, .mark = KG_NO_MARK };
        if (kg_load_session_open(s, err) == 0) {
            l->n_sessions++;
            continue;
        }
        if (err->code != KG_E_DB_LIMIT || i < 2)
            return -(int)err->code;
        kg_events_log(l->spec.ev, "the server allows %u of %u sessions", i, want + 1);
        *err = (struct kg_err){ 0 };
        break;
    }
    return 0;
}

/* A thread for the next session that has none. */
static int start_thread(struct kg_load *l, struct kg_err *err)
{
    struct kg_load_session *s = &l->session[l->n_threads];
    int eno;

    l->running++;
    if ((eno = pthread_create(&s->thread, NULL, session_main, s))) {
        l->running--;
        return kg_err_sys(err, eno, "start a thread");
    }
    l->n_threads++;
    return 0;
}

int kg_load_start(const struct kg_load_spec *spec, struct kg_load **ret, struct kg_err *err)
{
    struct kg_load *l = kg_xalloc(sizeof *l);

    l->spec = *spec;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    if (make_items(l, err) < 0 || open_sessions(l, err) < 0) {
        kg_load_abort(l);
        return -(int)err->code;
    }
    while (l->n_threads + 1 < l->n_sessions)
        if (start_thread(l, err) < 0) {
            fail_load(l, err);
            kg_load_abort(l);
            return -(int)err->code;
        }
    *ret = l;
    return 0;
}

/* ---- what the caller's own session does, in a thread of its own: keeps (4) ---- */

struct own_work {
    struct kg_load *load;
    int (*work)(struct kg_load *l, struct kg_load_session *s, struct kg_err *err);
    atomic_bool done;
};

static void *own_main(void *arg)
{
    struct own_work *o = arg;
    struct kg_load_session *s = &o->load->session[o->load->n_sessions - 1];
    struct kg_err err = { 0 };

    if (o->work(o->load, s, &err) < 0) {
        fail_load(o->load, &err);
        drop_connection(o->load, s);
    }
    o->done = true;
    return NULL;
}

static int run_own(struct kg_load *l, const char *phase,
                   int (*work)(struct kg_load *l, struct kg_load_session *s, struct kg_err *err), struct kg_err *err)
{
    struct own_work o = { .load = l, .work = work };
    pthread_t thread;
    int eno = pthread_create(&thread, NULL, own_main, &o);

    if (eno) {
        kg_err_sys(err, eno, "start a thread");
        fail_load(l, err);
        return -(int)err->code;
    }
    for (unsigned tick = 0; !o.done; tick++)
        watch(l, phase, tick);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < l->soft.n; i++)
        kg_events_warn(l->spec.ev, &l->soft.err[i]);
    l->soft.n = 0;
    return failure(l, err);
}

/* keeps (3) */
static int load_the_rest(struct kg_load *l, struct kg_load_session *s, struct kg_err *err)
{
    for (size_t i = l->n_parallel; i < l->n_items; i++) {
        if (l->stop)
            return kg_err_set(err, KG_E_CANCELLED, "another session of the job failed");
        if (load_head(s, i, err) < 0)
            return -(int)err->code;
    }
    if (!l->spec.blobs || !l->spec.point->manifest->has_blobs)
        return 0;
    enter(s, blobs_mark(l), "load");
    return leave(s, kg_load_blobs(s, &l->soft, err));
}

static int compare_roots(struct kg_load *l, struct kg_load_session *s, struct kg_err *err)
{
    for (size_t i = 0; i < l->n_items; i++)
        if (l->item[i].via_root && kg_load_verify_root(s, l->item, l->n_items, &l->item[i], err) < 0)
            return -(int)err->code;
    return 0;
}

static bool has_roots(const struct kg_load *l)
{
    for (size_t i = 0; i < l->n_items; i++)
        if (l->item[i].via_root)
            return true;
    return false;
}

static bool has_rest(const struct kg_load *l)
{
    return l->n_items > l->n_parallel || (l->spec.blobs && l->spec.point->manifest->has_blobs);
}

const bool *kg_load_built(const struct kg_load *l) { return l->built; }
bool kg_load_failed(const struct kg_load *l) { return l->stop; }

void kg_load_explain(struct kg_load *l, struct kg_err *err)
{
    pthread_mutex_lock(&l->lock);
    if (l->failed)
        *err = l->err;
    pthread_mutex_unlock(&l->lock);
}

static int wait_idle(struct kg_load *l, struct kg_err *err)
{
    for (unsigned tick = 0; still_busy(l); tick++)
        watch(l, "data", tick);
    return failure(l, err);
}

int kg_load_wait(struct kg_load *l, struct kg_err *err)
{
    if (wait_idle(l, err) < 0 || (has_rest(l) && run_own(l, "data", load_the_rest, err) < 0))
        return -(int)err->code;
    pthread_mutex_lock(&l->lock);
    l->rest_done = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    /* Where all tables were loaded one by one, nobody else is there to compare them. */
    if (l->n_threads == 0 && l->n_to_verify && start_thread(l, err) < 0) {
        fail_load(l, err);
        return -(int)err->code;
    }
    return 0;
}

static void join(struct kg_load *l)
{
    for (unsigned tick = 0; l->running > 0; tick++)
        watch(l, "verify", tick);
    for (unsigned i = 0; i < l->n_threads; i++)
        pthread_join(l->session[i].thread, NULL);
    l->n_threads = 0;
}

int kg_load_finish(struct kg_load *l, struct kg_load_result *ret, struct kg_err *err)
{
    int r;

    join(l);
    r = failure(l, err);
    if (r == 0 && l->next_verify < l->n_to_verify)  /* keeps (5) */
        r = kg_err_set(err, KG_E_NOT_IDENTICAL, "%zu of %zu tables were not compared", l->n_to_verify - l->next_verify, l->n_to_verify);
    if (r == 0 && l->spec.verify == KG_VERIFY_READ_BACK && has_roots(l))
        r = run_own(l, "verify", compare_roots, err);
    if (r == 0)
        *ret = (struct kg_load_result){ l->total, l->n_items };
    kg_load_abort(l);
    return r;
}

void kg_load_abort(struct kg_load *l)
{
    struct kg_err e = { 0 };

    if (!l)
        return;
    if (l->n_threads) {
        kg_err_set(&e, KG_E_CANCELLED, "the restore was given up");
        fail_load(l, &e);
        join(l);
    }
    for (unsigned i = 0; i < l->n_sessions; i++)
        kg_load_session_close(&l->session[i]);
    for (size_t i = 0; i < l->n_items; i++)
        free(l->item[i].target);
    kg_events_tables(l->spec.ev, l->tables);
    kg_tables_free(l->tables);
    free(l->session);
    free(l->item);
    free(l->to_verify);
    free(l->to_split);
    free(l->to_build);
    free(l->built);
    free(l->soft.err);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
