/* A recovery point's way into the other datastore.
 *
 * Both stores name chunks by the same keyed hash, so a manifest is as true in one as in the other: what is copied is the chunks
 * that its streams name, nodes of lists included, and then the manifest itself. Chunks that the other store has are not read.
 *
 * A copy that was found damaged is made good ("anew"): what is damaged of it is doomed, so that no writer takes it for granted, and
 * what the point needs of that is stored again. Its manifest stays, for it names chunks and not where they are.
 *
 * Keeps what writer.c promises: a chunk that was claimed is stored, or the writer has failed; the manifest comes last. */
#include "vault/vault.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "vault/assay.h"
#include "vault/writer_int.h"

enum { THREADS_MOST = 64, CACHED_SEGMENTS = 8, LOOK_MS = 250 };

struct copying {
    const struct kg_copy_opts *o;
    struct kg_reader *reader;
    struct kg_writer *writer;
    const struct kg_json **streams;      /* of the manifest, borrowed */
    size_t n, cap;
    uint64_t total;
    atomic_size_t next;
    _Atomic uint64_t done;
    atomic_bool stop;
    pthread_mutex_t lock;                /* what is below */
    pthread_cond_t ended;
    unsigned running;
    struct kg_err failure;
};

struct hand { /* one thread's */
    struct copying *c;
    struct kg_source *source;
    struct kg_sink *sink;
    uint64_t seen;                       /* bytes of the stream that are counted in done */
    pthread_t thread;
};

/* ---- one stream ---- */

static bool want(void *ctx, const uint8_t *id)
{
    struct hand *h = ctx;

    return kg_sink_claim(h->sink, id);
}

static int take(void *ctx, bool list, const uint8_t *id, const void *data, size_t n, struct kg_err *err)
{
    struct hand *h = ctx;

    if (atomic_load_explicit(&h->c->stop, memory_order_relaxed) || (h->c->o->cancelled && h->c->o->cancelled(h->c->o->ctx)))
        return kg_err_set(err, KG_E_CANCELLED, "the copy was cancelled");
    if (!list) {
        h->seen += n;
        atomic_fetch_add(&h->c->done, n);
    }
    return kg_sink_keep(h->sink, list, id, data, n, err);
}

static int copy_stream(struct hand *h, const struct kg_json *j, struct kg_err *err)
{
    struct kg_chunk_ops ops = { want, take, h };
    struct kg_stream s;

    h->seen = 0;
    if (kg_stream_from_json(j, &s, err) < 0 || kg_source_chunks(h->source, &s, &ops, err) < 0)
        return -(int)err->code;
    atomic_fetch_add(&h->c->done, s.bytes - h->seen);
    return 0;
}

/* ---- threads ---- */

static int copy_streams(struct hand *h, struct kg_err *err)
{
    struct copying *c = h->c;
    int r;

    if (kg_source_open(c->reader, CACHED_SEGMENTS, &h->source, err) < 0 || kg_sink_open(c->writer, &h->sink, err) < 0)
        return -(int)err->code;
    for (;;) {
        size_t i = atomic_fetch_add(&c->next, 1);

        if (i >= c->n || atomic_load(&c->stop))
            break;
        if (copy_stream(h, c->streams[i], err) < 0)
            return -(int)err->code;
    }
    r = kg_sink_close(h->sink, err);
    h->sink = NULL;
    return r;
}

/* Told before the writer is: what other threads then meet is only what follows from it. */
static void give_up(struct copying *c, const struct kg_err *why)
{
    struct kg_err copy = *why;

    pthread_mutex_lock(&c->lock);
    if (!c->failure.code)
        c->failure = *why;
    pthread_mutex_unlock(&c->lock);
    (void)kg_writer_fail(c->writer, &copy); /* chunks that were claimed may be nowhere */
    atomic_store(&c->stop, true);
}

static void *hand_main(void *arg)
{
    struct hand *h = arg;
    struct copying *c = h->c;
    struct kg_err err = { 0 };
    int r = copy_streams(h, &err);

    if (r < 0)
        give_up(c, &err);
    kg_sink_abort(h->sink);
    kg_source_close(h->source);
    pthread_mutex_lock(&c->lock);
    c->running--;
    pthread_cond_signal(&c->ended);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static void tell(struct copying *c)
{
    if (c->o->progress)
        c->o->progress(c->o->ctx, atomic_load(&c->done), c->total);
}

static void watch(struct copying *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->running) {
        struct timespec at;

        clock_gettime(CLOCK_REALTIME, &at);
        at.tv_nsec += LOOK_MS * 1000000L;
        at.tv_sec += at.tv_nsec / 1000000000L;
        at.tv_nsec %= 1000000000L;
        (void)pthread_cond_timedwait(&c->ended, &c->lock, &at);
        pthread_mutex_unlock(&c->lock);
        tell(c);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
}

/* Signals belong to the process's own threads. */
static unsigned start_hands(struct copying *c, struct hand *hands, unsigned n, struct kg_err *err)
{
    sigset_t all, was;
    unsigned i = 0;
    int eno = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &was);
    c->running = n;
    for (; i < n; i++) {
        hands[i].c = c;
        if ((eno = pthread_create(&hands[i].thread, NULL, hand_main, &hands[i])))
            break;
    }
    pthread_sigmask(SIG_SETMASK, &was, NULL);
    if (!eno)
        return n;
    kg_err_sys(err, eno, "start a thread");
    (void)kg_writer_fail(c->writer, err);
    atomic_store(&c->stop, true);
    pthread_mutex_lock(&c->lock);
    c->failure = *err;
    c->running -= n - i;
    pthread_mutex_unlock(&c->lock);
    return i;
}

static int copy_data(struct copying *c, struct kg_err *err)
{
    unsigned want_threads = c->o->jobs ? c->o->jobs : 1, n, started;
    KG_AUTO_FREE struct hand *hands = NULL;

    n = want_threads > THREADS_MOST ? THREADS_MOST : want_threads;
    if (n > c->n)
        n = c->n ? (unsigned)c->n : 1;
    hands = kg_xalloc_array(n, sizeof *hands);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->ended, NULL);
    started = start_hands(c, hands, n, err);
    watch(c);
    for (unsigned i = 0; i < started; i++)
        pthread_join(hands[i].thread, NULL);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->ended);
    if (!c->failure.code)
        return 0;
    *err = c->failure;
    return -(int)err->code;
}

/* ---- the point ---- */

static int note_stream(void *ctx, const char *what, const struct kg_json *stream, struct kg_err *err)
{
    struct copying *c = ctx;

    (void)what;
    (void)err;
    KG_GROW(c->streams, c->n, c->cap);
    c->streams[c->n++] = stream;
    c->total += kg_json_u64(stream, "bytes", 0);
    return 0;
}

static int add_stream_text(void *ctx, const char *what, const struct kg_json *stream, struct kg_err *err)
{
    struct kg_buf *b = ctx;

    kg_buf_addf(b, "%s\n", what);
    kg_json_print(stream, false, b);
    return kg_buf_ok(b, err);
}

/* A copy that is there already must be one of this very point. */
static int compare(const struct kg_json *a, const struct kg_json *b, const char *point, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf left = KG_BUF_INIT(KG_MANIFEST_LIMIT), right = KG_BUF_INIT(KG_MANIFEST_LIMIT);

    if (kg_manifest_streams(a, add_stream_text, &left, err) < 0 || kg_manifest_streams(b, add_stream_text, &right, err) < 0)
        return -(int)err->code;
    if (left.len == right.len && memcmp(left.p, right.p, left.len) == 0)
        return 0;
    return kg_err_set(err, KG_E_CORRUPT, "the copy of recovery point '%s' is not what it was made from", point);
}

/* 1: it is there. */
static int is_there(struct kg_vault *to, const char *instance, const char *point, const struct kg_json *manifest,
                    struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *copy = NULL;

    if (kg_point_get(to, instance, point, &copy, err) < 0) {
        if (err->code != KG_E_NO_POINT)
            return kg_err_wrap(err, "the %s", to->tier);
        *err = (struct kg_err){ 0 };
        return 0;
    }
    return compare(manifest, copy, point, err) < 0 ? -(int)err->code : 1;
}

/* manifest NULL: the one that is there is good. */
static int copy_point(struct copying *c, struct kg_vault *to, const char *instance, const char *point, struct kg_json *manifest,
                      struct kg_copy_result *ret, struct kg_err *err)
{
    KG_CLEANUP(kg_writer_freep) struct kg_writer *w = NULL;
    struct kg_write_opts wo = { .level = c->o->level, .what = "copy" };
    struct kg_write_stats stats;

    if (kg_writer_begin(to, &wo, &w, err) < 0)
        return -(int)err->code;
    c->writer = w;
    if (copy_data(c, err) < 0 ||
        (manifest ? kg_writer_commit(w, instance, point, manifest, err) : kg_writer_finish(w, err)) < 0)
        return -(int)err->code;
    kg_writer_stats(w, &stats);
    ret->new_bytes = stats.new_bytes;
    ret->stored_bytes = stats.stored_bytes;
    return 0;
}

/* 1: all of the copy is there; 0: what is damaged in its store is doomed now. */
static int prove(struct kg_vault *to, const char *instance, const char *point, const struct kg_copy_opts *o, struct kg_err *err)
{
    KG_CLEANUP(kg_vault_releasep) struct kg_presence *held = NULL;
    KG_CLEANUP(kg_assay_freep) struct kg_assay *assay = NULL;

    if (kg_vault_hold(to, "copy", &held, err) < 0 ||
        kg_assay_begin(to, &(struct kg_assay_opts){ .cancelled = o->cancelled, .ctx = o->ctx }, &assay, err) < 0)
        return -(int)err->code;
    if (kg_assay_point(assay, instance, point, err) == 0)
        return 1;
    if (err->code != KG_E_CORRUPT)
        return -(int)err->code;
    *err = (struct kg_err){ 0 };
    return kg_assay_doom(assay, err);
}

/* A manifest that does not open is of no use, and in the way of a good one. */
static int drop_damaged(struct kg_vault *to, const char *instance, const char *point, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *copy = NULL;

    if (kg_point_get(to, instance, point, &copy, err) == 0 || err->code == KG_E_NO_POINT) {
        *err = (struct kg_err){ 0 };
        return 0;
    }
    if (err->code != KG_E_CORRUPT)
        return -(int)err->code;
    *err = (struct kg_err){ 0 };
    return kg_point_delete(to, instance, point, err);
}

static int check_kinds(const struct kg_vault *from, const struct kg_vault *to, struct kg_err *err)
{
    if (from->hash == to->hash && kg_secret_equal(from->master, to->master) && strcmp(from->id, to->id) != 0)
        return 0;
    return kg_err_set(err, KG_E_USAGE, "vaults %s and %s are not two datastores of one Backup vault", from->id, to->id);
}

int kg_point_copy(struct kg_vault *from, struct kg_vault *to, const char *instance, const char *point,
                  const struct kg_copy_opts *o, struct kg_copy_result *ret, struct kg_err *err)
{
    KG_CLEANUP(kg_vault_releasep) struct kg_presence *held = NULL;
    KG_CLEANUP(kg_reader_closep) struct kg_reader *reader = NULL;
    KG_AUTO_JSON struct kg_json *manifest = NULL;
    struct copying c = { .o = o };
    bool there;
    int r;

    *ret = (struct kg_copy_result){ 0 };
    if (check_kinds(from, to, err) < 0 || kg_vault_hold(from, "copy", &held, err) < 0 ||
        kg_point_get(from, instance, point, &manifest, err) < 0)
        return -(int)err->code;
    r = kg_manifest_streams(manifest, note_stream, &c, err);
    if (r == 0 && o->anew)
        r = drop_damaged(to, instance, point, err);
    if (r == 0)
        r = is_there(to, instance, point, manifest, err);
    there = r == 1;
    if (there && o->anew)
        r = prove(to, instance, point, o, err);
    ret->bytes = c.total;
    ret->already = r == 1;
    if (r == 0)
        r = kg_reader_open(from, &reader, err);
    c.reader = reader;
    if (r == 0)
        r = copy_point(&c, to, instance, point, there ? NULL : manifest, ret, err);
    free(c.streams);
    return r < 0 ? kg_err_wrap(err, "copy recovery point '%s' to the %s", point, to->tier) : 0;
}
