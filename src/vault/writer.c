/* The writer: packs, index objects, commit.
 *
 * Invariants:
 * (1) A chunk is claimed in `seen` before its segment is stored. Whoever claims it stores it or sets `failure`.
 * (2) A pack enters an index object only after it is durable; a manifest is written only after all packs and index
 *     objects of its writer are durable, and only when there was no failure.
 * (3) Only the finisher thread ends packs and, until commit, writes index objects.
 * (4) A writer's presence is there from before it reads the index until its manifest is (presence.h).
 * (5) No manifest is written when a pack is gone that was there when the index was read: whatever took it. */
#include "vault/writer_int.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/fault.h"
#include "base/parse.h"
#include "vault/locator.h"

enum {
    SEGMENT_BYTES = 4 * 1024 * 1024, SEGMENT_LEAST = 64 * 1024, SEGMENT_MOST = 8 * 1024 * 1024,
    PACK_BYTES = 16 * 1024 * 1024, PACK_CHUNKS = 64 * 1024, /* a bound for the directory, however well data packs */
    QUEUE_MOST = 4, INDEX_CHUNKS = 100 * 1000,              /* 3.6 MB of plain index an object */
};

/* ---- failures ---- */

int kg_writer_fail(struct kg_writer *w, const struct kg_err *err)
{
    pthread_mutex_lock(&w->lock);
    if (!w->failure.code)
        w->failure = *err;
    atomic_store(&w->failed, true);
    pthread_cond_broadcast(&w->progress);
    pthread_mutex_unlock(&w->lock);
    return -(int)err->code;
}

int kg_writer_check(struct kg_writer *w, struct kg_err *err)
{
    if (!atomic_load_explicit(&w->failed, memory_order_relaxed))
        return 0;
    pthread_mutex_lock(&w->lock);
    *err = w->failure;
    pthread_mutex_unlock(&w->lock);
    return -(int)err->code;
}

/* ---- packs ---- */

static void pack_free(struct kg_pack_out *p)
{
    if (!p)
        return;
    kg_store_put_abort(p->put);
    kg_buf_done(&p->segs);
    kg_buf_done(&p->chunks);
    free(p);
}

static int pack_new(struct kg_writer *w, struct kg_pack_out **ret, struct kg_err *err)
{
    struct kg_pack_out *p = kg_xalloc(sizeof *p);

    p->segs = p->chunks = (struct kg_buf)KG_BUF_INIT(KG_DIR_LIMIT / 2);
    kg_random(p->id, sizeof p->id);
    kg_pack_name(p->id, p->name);
    if (kg_store_put_begin(w->v->store, p->name, &p->put, err) < 0 ||
        kg_store_put_add(p->put, KG_MAGIC_PACK, KG_MAGIC, err) < 0) {
        pack_free(p);
        return -(int)err->code;
    }
    p->at = KG_MAGIC;
    *ret = p;
    return 0;
}

int kg_writer_pack_take(struct kg_writer *w, struct kg_pack_out **ret, struct kg_err *err)
{
    struct kg_pack_out *p;

    pthread_mutex_lock(&w->lock);
    p = w->unfilled;
    if (p)
        w->unfilled = p->next;
    pthread_mutex_unlock(&w->lock);
    if (!p)
        return pack_new(w, ret, err);
    p->next = NULL;
    *ret = p;
    return 0;
}

bool kg_writer_pack_full(const struct kg_writer *w, const struct kg_pack_out *p)
{
    return p->at >= w->pack_bytes || p->chunks.len >= (size_t)PACK_CHUNKS * KG_CHUNK_ROW;
}

/* Hands a pack to the finisher; the lock is held. */
static void enqueue(struct kg_writer *w, struct kg_pack_out *p)
{
    p->next = NULL;
    *w->queue_end = p;
    w->queue_end = &p->next;
    w->queued++;
    pthread_cond_signal(&w->work);
}

void kg_writer_pack_give(struct kg_writer *w, struct kg_pack_out *p)
{
    pthread_mutex_lock(&w->lock);
    if (kg_writer_pack_full(w, p)) {
        while (w->queued >= QUEUE_MOST && !w->failure.code) /* the store is slower than the sessions */
            pthread_cond_wait(&w->progress, &w->lock);
        enqueue(w, p);
    } else {
        p->next = w->unfilled;
        w->unfilled = p;
    }
    pthread_mutex_unlock(&w->lock);
}

/* Appends directory and footer, and makes the pack durable. p->put is gone afterwards. */
static int pack_finish(struct kg_writer *w, struct kg_pack_out *p, struct kg_buf *dir, struct kg_err *err)
{
    int eno = KG_FAULT(VAULT_PACK);
    KG_AUTO_FREE uint8_t *sealed = NULL;
    uint8_t footer[KG_FOOTER];
    size_t n;

    if (eno)
        return kg_err_sys(err, eno, "finish %s", p->name);
    kg_dir_write(&p->segs, &p->chunks, dir);
    if (kg_buf_ok(dir, err) < 0)
        return -(int)err->code;
    sealed = kg_xalloc(kg_block_room(dir->len));
    if (kg_block_seal(w->v, KG_BLOCK_DIRECTORY, p->name, p->at, NULL, dir->p, dir->len, sealed, &n, err) < 0)
        return -(int)err->code;
    kg_footer_write(&(struct kg_footer){ p->at, (uint32_t)n }, footer);
    if (kg_store_put_add(p->put, sealed, n, err) < 0 || kg_store_put_add(p->put, footer, sizeof footer, err) < 0)
        return -(int)err->code;
    p->at += n + sizeof footer;
    return kg_store_put_end(KG_TAKE(p->put), err);
}

/* ---- index objects ---- */

int kg_index_put(const struct kg_vault *v, uint64_t seq, const struct kg_buf *plain, char *ret_name, uint64_t *ret_size,
                 struct kg_err *err)
{
    int eno = KG_FAULT(VAULT_INDEX);
    uint8_t random[8];
    char hex[17];

    kg_random(random, sizeof random);
    kg_hex(random, sizeof random, hex);
    snprintf(ret_name, KG_OBJECT_NAME, "index/%010llu-%s", (unsigned long long)seq, hex);
    if (eno)
        return kg_err_sys(err, eno, "write %s", ret_name);
    if (kg_buf_ok(plain, err) < 0)
        return -(int)err->code;
    return kg_sealed_object_put(v, KG_BLOCK_INDEX, KG_MAGIC_INDEX, ret_name, NULL, plain->p, plain->len, ret_size, err);
}

/* Writes what the index has gathered. Keeps (2): only durable packs are in it. */
static int index_flush(struct kg_writer *w, struct kg_err *err)
{
    char name[KG_OBJECT_NAME];
    uint64_t size;

    if (!w->index.len)
        return 0;
    if (kg_index_put(w->v, ++w->index_seq, &w->index, name, &size, err) < 0)
        return -(int)err->code;
    kg_json_push_str(w->index_names, name);
    kg_buf_reset(&w->index);
    w->index_chunks = 0;
    pthread_mutex_lock(&w->lock);
    w->stats.stored_bytes += size;
    pthread_mutex_unlock(&w->lock);
    return 0;
}

/* ---- the finisher ---- */

static int finish_and_index(struct kg_writer *w, struct kg_pack_out *p, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf dir = KG_BUF_INIT(KG_DIR_LIMIT);

    if (pack_finish(w, p, &dir, err) < 0)
        return -(int)err->code;
    kg_index_add_pack(&w->index, p->id, p->at, &dir);
    w->index_chunks += p->chunks.len / KG_CHUNK_ROW;
    pthread_mutex_lock(&w->lock);
    w->stats.stored_bytes += p->at;
    w->stats.packs++;
    pthread_mutex_unlock(&w->lock);
    return w->index_chunks >= INDEX_CHUNKS ? index_flush(w, err) : 0;
}

static void *finisher(void *arg)
{
    struct kg_writer *w = arg;

    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct kg_pack_out *p = w->queue;
        struct kg_err err = { 0 };
        bool give_up;

        if (!p) {
            if (w->stop)
                break;
            pthread_cond_wait(&w->work, &w->lock);
            continue;
        }
        w->queue = p->next;
        if (!w->queue)
            w->queue_end = &w->queue;
        give_up = w->failure.code || w->stop;
        pthread_mutex_unlock(&w->lock);
        if (!give_up && finish_and_index(w, p, &err) < 0)
            (void)kg_writer_fail(w, &err);
        pack_free(p);
        pthread_mutex_lock(&w->lock);
        w->queued--;
        pthread_cond_broadcast(&w->progress);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Signals belong to the process's own threads. */
static int start_finisher(struct kg_writer *w)
{
    sigset_t all, was;
    int eno;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &was);
    eno = pthread_create(&w->finisher, NULL, finisher, w);
    pthread_sigmask(SIG_SETMASK, &was, NULL);
    return eno;
}

/* ---- a writer's life ---- */

static bool is_doomed(void *ctx, const uint8_t id[KG_PACK_ID]) { return kg_presence_doomed(ctx, id); }

/* Known as a writer first: from then on nothing goes away that the index shows, but what is doomed already. */
static int load_seen(struct kg_writer *w, const char *what, struct kg_err *err)
{
    struct kg_locator l;

    if (kg_presence_begin(w->v, what, &w->presence, err) < 0 ||
        kg_locator_load(w->v, &(struct kg_locator_opts){ .skip = is_doomed, .skip_ctx = w->presence }, &l, err) < 0)
        return -(int)err->code;
    w->seen = KG_TAKE(l.chunks);
    w->index_seq = l.last_index_seq;
    w->counted_on = kg_xalloc_array(l.n_listed ? l.n_listed : 1, KG_PACK_ID);
    for (size_t i = 0; i < l.n_listed; i++)
        if (l.packs[i].whole)
            memcpy(w->counted_on[w->n_counted_on++], l.packs[i].id, KG_PACK_ID);
    kg_locator_done(&l);
    return 0;
}

int kg_writer_begin(struct kg_vault *v, const struct kg_write_opts *o, struct kg_writer **ret, struct kg_err *err)
{
    struct kg_writer *w = kg_xalloc(sizeof *w);
    size_t segment = o->segment_bytes ? o->segment_bytes : SEGMENT_BYTES;
    int eno;

    w->v = v;
    w->level = o->level;
    w->segment_bytes = segment < SEGMENT_LEAST ? SEGMENT_LEAST : segment > SEGMENT_MOST ? SEGMENT_MOST : segment;
    w->pack_bytes = o->pack_bytes ? o->pack_bytes : PACK_BYTES;
    w->queue_end = &w->queue;
    w->index = (struct kg_buf)KG_BUF_INIT(KG_DIR_LIMIT);
    if (load_seen(w, o->what ? o->what : "backup", err) < 0) {
        kg_presence_end(w->presence);
        free(w);
        return kg_err_wrap(err, "load the index of vault %s", v->id);
    }
    w->index_names = kg_json_array();
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    pthread_cond_init(&w->progress, NULL);
    eno = start_finisher(w);
    if (eno) {
        w->stop = true;
        w->committed = true; /* there is no thread to join */
        kg_writer_free(w);
        return kg_err_sys(err, eno, "start a thread");
    }
    *ret = w;
    return 0;
}

static void join_finisher(struct kg_writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->work);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->finisher, NULL);
}

void kg_writer_free(struct kg_writer *w)
{
    if (!w)
        return;
    KG_ASSERT(w->sinks == 0);
    if (!w->committed)
        join_finisher(w);
    while (w->unfilled) {
        struct kg_pack_out *p = w->unfilled;

        w->unfilled = p->next;
        pack_free(p);
    }
    kg_presence_end(w->presence);
    kg_idmap_free(w->seen);
    free(w->counted_on);
    kg_buf_done(&w->index);
    kg_json_free(w->index_names);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->work);
    pthread_cond_destroy(&w->progress);
    free(w);
}

void kg_writer_stats(struct kg_writer *w, struct kg_write_stats *ret)
{
    pthread_mutex_lock(&w->lock);
    *ret = w->stats;
    pthread_mutex_unlock(&w->lock);
}

/* ---- commit ---- */

/* All packs durable: gives the unfilled ones to the finisher and waits for it. */
static int finish_packs(struct kg_writer *w, struct kg_err *err)
{
    pthread_mutex_lock(&w->lock);
    while (w->unfilled) {
        struct kg_pack_out *p = w->unfilled;

        w->unfilled = p->next;
        enqueue(w, p);
    }
    while (w->queued)
        pthread_cond_wait(&w->progress, &w->lock);
    pthread_mutex_unlock(&w->lock);
    return kg_writer_check(w, err);
}

static int note_slot(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    (void)err;
    kg_json_push_str(ctx, e->name);
    return 0;
}

/* What the writer adds to the manifest. Names of index objects and key slots let check tell which one is missing. */
static int complete_manifest(struct kg_writer *w, const char *instance, const char *point, struct kg_json *manifest,
                             struct kg_err *err)
{
    struct kg_json *slots = kg_json_array();

    kg_json_set_u64(manifest, "format", KG_VAULT_FORMAT);
    kg_json_set_str(manifest, "vaultId", w->v->id);
    kg_json_set_str(manifest, "instance", instance);
    kg_json_set_str(manifest, "point", point);
    kg_json_set(manifest, "indexObjects", kg_json_copy(w->index_names));
    kg_json_set_u64(manifest, "storedBytes", w->stats.stored_bytes); /* of packs and index; the manifest itself comes on top */
    kg_json_set(manifest, "keySlots", slots);
    return kg_store_list(w->v->store, "keys/", note_slot, slots, err);
}

static int put_manifest(struct kg_writer *w, const char *name, const struct kg_json *manifest, struct kg_err *err)
{
    KG_CLEANUP(kg_codec_freep) struct kg_codec *c = kg_codec_new(w->level > 3 ? w->level : 3);
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(KG_MANIFEST_LIMIT);
    int eno = KG_FAULT(VAULT_POINT);
    uint64_t size;

    if (eno)
        return kg_err_sys(err, eno, "write %s", name);
    kg_json_print(manifest, false, &text);
    if (kg_buf_ok(&text, err) < 0 ||
        kg_sealed_object_put(w->v, KG_BLOCK_POINT, KG_MAGIC_POINT, name, c, text.p, text.len, &size, err) < 0)
        return -(int)err->code;
    pthread_mutex_lock(&w->lock);
    w->stats.stored_bytes += size;
    pthread_mutex_unlock(&w->lock);
    return 0;
}

struct roll { const struct kg_writer *w; size_t there; };

static int compare_id(const void *a, const void *b) { return memcmp(a, b, KG_PACK_ID); }

static int note_pack(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct roll *r = ctx;
    uint8_t id[KG_PACK_ID];

    (void)err;
    if (kg_pack_id(e->name, id) && r->w->n_counted_on &&
        bsearch(id, r->w->counted_on, r->w->n_counted_on, KG_PACK_ID, compare_id))
        r->there++;
    return 0;
}

/* Keeps (5). */
static int call_the_roll(struct kg_writer *w, struct kg_err *err)
{
    struct roll r = { .w = w };

    if (kg_store_list(w->v->store, "packs/", note_pack, &r, err) < 0)
        return -(int)err->code;
    if (r.there < w->n_counted_on)
        return kg_err_set(err, KG_E_COLLECTED, "%zu packs that this backup counted on have gone from vault %s",
                          w->n_counted_on - r.there, w->v->id);
    return 0;
}

/* Keeps (4). A manifest that was written while collection took this writer for dead must not stay. */
static int confirm(struct kg_writer *w, const char *name, struct kg_err *err)
{
    struct kg_err ignored = { 0 };

    if (kg_presence_check(w->presence, err) == 0)
        return 0;
    if (kg_store_remove(w->v->store, name, &ignored) < 0 && ignored.code != KG_E_NOT_FOUND)
        kg_err_wrap(err, "%s may be there and lack chunks, delete it", name);
    return -(int)err->code;
}

int kg_writer_finish(struct kg_writer *w, struct kg_err *err)
{
    KG_ASSERT(w->sinks == 0 && !w->committed);
    if (kg_writer_check(w, err) < 0 || finish_packs(w, err) < 0)
        return -(int)err->code;
    join_finisher(w);
    w->committed = true;
    return index_flush(w, err);
}

int kg_writer_commit(struct kg_writer *w, const char *instance, const char *point, struct kg_json *manifest,
                     struct kg_err *err)
{
    KG_AUTO_FREE char *name = kg_xprintf("points/%s/%s", instance, point);
    char a[KG_POINT_PART], b[KG_POINT_PART];

    KG_ASSERT(w->sinks == 0 && !w->committed);
    if (!kg_store_name_ok(name) || !kg_point_parts(name, a, b))
        return kg_err_set(err, KG_E_USAGE, "'%s' is not a name for a recovery point", name);
    if (kg_writer_check(w, err) < 0 || finish_packs(w, err) < 0)
        return kg_err_wrap(err, "commit recovery point '%s'", point);
    join_finisher(w);
    w->committed = true; /* in any case: there is no second try */
    if (index_flush(w, err) < 0 || complete_manifest(w, instance, point, manifest, err) < 0 ||
        kg_presence_check(w->presence, err) < 0 || call_the_roll(w, err) < 0 || put_manifest(w, name, manifest, err) < 0 ||
        confirm(w, name, err) < 0)
        return kg_err_wrap(err, "commit recovery point '%s'", point);
    (void)KG_FAULT(VAULT_COMMITTED); /* for kills only: the recovery point exists, nothing can fail any more */
    return 0;
}
