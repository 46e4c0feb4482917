/* Readers and sources.
 *
 * What a source hands out has passed: the seal of the segment (which binds vault, pack and place), the lengths of
 * segment and chunk, the keyed hash of the chunk against the id that the manifest or a list node names, and at the end
 * the stream's length. The manifest and the nodes are sealed in turn. A segment that does not pass is not asked again; where the
 * vault has another copy of the chunk, that one is read. */
#include "vault/vault.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/parse.h"
#include "vault/locator.h"
#include "vault/presence.h"
#include "vault/stream.h"

struct kg_reader {
    struct kg_vault *v;
    struct kg_locator index;          /* never changes */
    pthread_mutex_t lock;
    bool has_all;                     /* `all` was loaded: packs that no index object lists, too */
    struct kg_locator all;
    struct kg_read_stats stats;
};

struct cached { /* an open segment */
    const struct kg_locator *where;   /* NULL: free */
    uint32_t seg;
    uint8_t *plain;
    size_t room;
    uint64_t used;
};

struct bad { /* a segment that cannot be read */
    uint8_t pack[KG_PACK_ID];
    uint64_t at;
};

struct node { /* an open list node on the way down to the data */
    uint8_t (*ids)[KG_CHUNK_ID];
    unsigned n, next;
};

struct kg_source {
    struct kg_reader *r;
    struct kg_seg_reader segments;
    struct kg_hasher *hasher;
    bool trust_chunks;                /* of data: lists are always hashed */
    struct cached *cache;             /* [0] is for list nodes, the rest for data */
    size_t n_cache;
    uint64_t clock;
    struct bad *bad;
    size_t n_bad, cap_bad;
    struct kg_stream stream;
    struct node nodes[KG_STREAM_DEPTH + 1];
    const struct kg_chunk_ops *ops;   /* of kg_source_chunks(); gets the nodes */
    uint64_t bytes, chunks;           /* handed out */
    struct kg_read_stats stats;
};

/* ---- readers ---- */

static bool in_doomed(void *ctx, const uint8_t id[KG_PACK_ID])
{
    const struct kg_doomed_list *l = ctx;

    for (size_t i = 0; i < l->n; i++)
        if (kg_doomed_has(&l->list[i], id))
            return true;
    return false;
}

/* Packs that are about to go are not looked at while there is another copy: they come in with load_all(). */
int kg_reader_open(struct kg_vault *v, struct kg_reader **ret, struct kg_err *err)
{
    struct kg_reader *r = kg_xalloc(sizeof *r);
    struct kg_doomed_list doomed = { 0 };
    struct kg_locator_opts o = { .places = true, .skip = in_doomed, .skip_ctx = &doomed };
    int result;

    r->v = v;
    result = kg_doomed_load(v, &doomed, err);
    if (result < 0 && err->code == KG_E_CORRUPT) { /* what it named is still there */
        *err = (struct kg_err){ 0 };
        result = 0;
    }
    if (result == 0)
        result = kg_locator_load(v, &o, &r->index, err);
    kg_doomed_done(&doomed);
    if (result < 0) {
        free(r);
        return kg_err_wrap(err, "load the index of vault %s", v->id);
    }
    pthread_mutex_init(&r->lock, NULL);
    *ret = r;
    return 0;
}

void kg_reader_close(struct kg_reader *r)
{
    if (!r)
        return;
    kg_locator_done(&r->index);
    if (r->has_all)
        kg_locator_done(&r->all);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void kg_reader_stats(struct kg_reader *r, struct kg_read_stats *ret)
{
    pthread_mutex_lock(&r->lock);
    *ret = r->stats;
    pthread_mutex_unlock(&r->lock);
}

/* An index object is missing, or the vault got new packs since: once, everything is read again with the directories of
 * all packs that no index object lists. */
static int load_all(struct kg_reader *r, struct kg_err *err)
{
    int result = 0;

    pthread_mutex_lock(&r->lock);
    if (!r->has_all) {
        result = kg_locator_load(r->v, &(struct kg_locator_opts){ .places = true, .all_packs = true }, &r->all, err);
        r->has_all = result == 0;
    }
    pthread_mutex_unlock(&r->lock);
    return result;
}

static int find_chunk(struct kg_reader *r, const uint8_t *id, const struct kg_locator **ret_where,
                      struct kg_place *ret, struct kg_err *err)
{
    char hex[2 * KG_CHUNK_ID + 1];

    /* A copy in a pack that has gone is none as long as there may be another, in a pack that is about to go. */
    *ret_where = &r->index;
    if (kg_locator_find(&r->index, id, ret) && r->index.packs[r->index.segs[ret->seg].pack].whole)
        return 0;
    if (load_all(r, err) < 0)
        return -(int)err->code;
    *ret_where = &r->all;
    if (kg_locator_find(&r->all, id, ret))
        return 0;
    kg_hex(id, KG_CHUNK_ID, hex);
    return kg_err_set(err, KG_E_CORRUPT, "chunk %.16s… is in no pack of the vault: a pack is missing or damaged", hex);
}

/* ---- segments ---- */

static struct cached *oldest(struct cached *c, size_t n)
{
    struct cached *best = c;

    for (size_t i = 1; i < n; i++)
        if (c[i].used < best->used)
            best = &c[i];
    return best;
}

static int open_segment(struct kg_source *s, bool node, const struct kg_locator *where, uint32_t seg,
                        const uint8_t **ret, struct kg_err *err)
{
    struct cached *from = node ? s->cache : s->cache + 1, *c;
    size_t n = node ? 1 : s->n_cache - 1;
    char pack[KG_PACK_NAME];
    struct kg_seg row;

    for (size_t i = 0; i < n; i++) {
        if (from[i].where == where && from[i].seg == seg) {
            from[i].used = ++s->clock;
            *ret = from[i].plain;
            return 0;
        }
    }
    c = oldest(from, n);
    c->where = NULL;
    row = kg_locator_seg(where, seg, pack);
    if (row.plain > c->room) {
        free(c->plain);
        c->room = row.plain;
        c->plain = kg_xalloc(c->room);
    }
    if (kg_seg_read(&s->segments, pack, &row, c->plain, err) < 0)
        return -(int)err->code;
    s->stats.segments++;
    s->stats.stored_bytes += row.sealed;
    s->stats.segment_bytes += row.plain;
    *c = (struct cached){ where, seg, c->plain, c->room, ++s->clock };
    *ret = c->plain;
    return 0;
}

struct found { /* a chunk's bytes in an open segment */
    const struct kg_locator *where;
    struct kg_place place;
    const uint8_t *p;
};

static int check_chunk(struct kg_source *s, bool node, const uint8_t *id, const struct found *f, struct kg_err *err)
{
    uint8_t is[KG_CHUNK_ID];
    char pack[KG_PACK_NAME];

    if (s->trust_chunks && !node)
        return 0;
    kg_hasher_hash(s->hasher, f->p, f->place.len, is);
    if (memcmp(is, id, KG_CHUNK_ID) == 0)
        return 0;
    kg_locator_seg(f->where, f->place.seg, pack);
    return kg_err_set(err, KG_E_CORRUPT, "%s: a chunk is not the one that its directory names", pack);
}

static struct bad bad_of(const struct found *f)
{
    const struct kg_place_seg *seg = &f->where->segs[f->place.seg];
    struct bad b = { .at = seg->at };

    memcpy(b.pack, f->where->packs[seg->pack].id, KG_PACK_ID);
    return b;
}

static bool is_bad(const struct kg_source *s, const struct found *f)
{
    struct bad b = bad_of(f);

    for (size_t i = 0; i < s->n_bad; i++)
        if (s->bad[i].at == b.at && memcmp(s->bad[i].pack, b.pack, KG_PACK_ID) == 0)
            return true;
    return false;
}

/* At its place. */
static int open_place(struct kg_source *s, bool node, const uint8_t *id, struct found *f, struct kg_err *err)
{
    const uint8_t *plain = NULL;
    char pack[KG_PACK_NAME];

    if (is_bad(s, f)) {
        kg_locator_seg(f->where, f->place.seg, pack);
        return kg_err_set(err, KG_E_CORRUPT, "%s: a segment is damaged", pack);
    }
    if (open_segment(s, node, f->where, f->place.seg, &plain, err) == 0) {
        f->p = plain + f->place.at;
        if (check_chunk(s, node, id, f, err) == 0)
            return 0;
    }
    if (err->code != KG_E_CORRUPT && err->code != KG_E_NOT_FOUND && err->code != KG_E_IO)
        return -(int)err->code;
    KG_GROW(s->bad, s->n_bad, s->cap_bad);
    s->bad[s->n_bad++] = bad_of(f);
    return -(int)err->code;
}

/* Another copy of a chunk among the packs of where. */
static bool open_other(struct kg_source *s, bool node, const uint8_t *id, const struct kg_locator *where, struct found *ret)
{
    struct found f = { .where = where };

    for (size_t i = 0; i == 0 ? kg_locator_find(where, id, &f.place) : kg_locator_other(where, id, i - 1, &f.place); i++) {
        struct kg_err ignored = { 0 };

        if (!is_bad(s, &f) && open_place(s, node, id, &f, &ignored) == 0) {
            *ret = f;
            return true;
        }
    }
    return false;
}

static int open_chunk(struct kg_source *s, bool node, const uint8_t *id, struct found *ret, struct kg_err *err)
{
    size_t was_bad = s->n_bad;
    struct kg_err ignored = { 0 };

    if (find_chunk(s->r, id, &ret->where, &ret->place, err) < 0)
        return -(int)err->code;
    if (open_place(s, node, id, ret, err) == 0)
        return 0;
    if (s->n_bad == was_bad && !is_bad(s, ret))
        return -(int)err->code;
    if (!open_other(s, node, id, &s->r->index, ret) && (load_all(s->r, &ignored) < 0 || !open_other(s, node, id, &s->r->all, ret)))
        return -(int)err->code;
    *err = (struct kg_err){ 0 };
    return 0;
}

/* ---- sources ---- */

int kg_source_open(struct kg_reader *r, size_t cached_segments, struct kg_source **ret, struct kg_err *err)
{
    struct kg_source *s = kg_xalloc(sizeof *s);

    (void)err;
    s->r = r;
    s->n_cache = 1 + (cached_segments ? cached_segments : 1);
    s->cache = kg_xalloc_array(s->n_cache, sizeof *s->cache);
    kg_seg_reader_init(&s->segments, r->v);
    s->hasher = kg_hasher_new(r->v->hash, r->v->chunk_key);
    *ret = s;
    return 0;
}

static void flush_stats(struct kg_source *s)
{
    pthread_mutex_lock(&s->r->lock);
    s->r->stats.plain_bytes += s->stats.plain_bytes;
    s->r->stats.segment_bytes += s->stats.segment_bytes;
    s->r->stats.stored_bytes += s->stats.stored_bytes;
    s->r->stats.segments += s->stats.segments;
    pthread_mutex_unlock(&s->r->lock);
    s->stats = (struct kg_read_stats){ 0 };
}

void kg_source_close(struct kg_source *s)
{
    if (!s)
        return;
    flush_stats(s);
    for (size_t i = 0; i < s->n_cache; i++)
        free(s->cache[i].plain);
    for (unsigned d = 0; d <= KG_STREAM_DEPTH; d++)
        free(s->nodes[d].ids);
    free(s->cache);
    free(s->bad);
    kg_seg_reader_done(&s->segments);
    kg_hasher_free(s->hasher);
    free(s);
}

static void set_node(struct node *v, const void *ids, size_t n)
{
    v->ids = kg_xrealloc_array(v->ids, n ? n : 1, KG_CHUNK_ID);
    memcpy(v->ids, ids, n * KG_CHUNK_ID);
    v->n = (unsigned)n;
    v->next = 0;
}

void kg_source_trust_chunks(struct kg_source *s) { s->trust_chunks = true; }

int kg_source_begin(struct kg_source *s, const struct kg_stream *stream, struct kg_err *err)
{
    if (stream->depth > KG_STREAM_DEPTH || stream->n_ids > KG_STREAM_INLINE)
        return kg_err_set(err, KG_E_CORRUPT, "a stream of depth %u with %u ids cannot be", stream->depth, stream->n_ids);
    s->stream = *stream;
    s->bytes = s->chunks = 0;
    for (unsigned d = 0; d <= KG_STREAM_DEPTH; d++)
        s->nodes[d].n = s->nodes[d].next = 0;
    set_node(&s->nodes[stream->depth], stream->ids, stream->n_ids);
    return 0;
}

/* Opens nodes until there is a next id of data at depth 0; false at the end of the stream. */
static int descend(struct kg_source *s, bool *ret_more, struct kg_err *err)
{
    unsigned d = 0;

    while (d <= s->stream.depth && s->nodes[d].next == s->nodes[d].n)
        d++;
    *ret_more = d <= s->stream.depth;
    for (; *ret_more && d > 0; d--) {
        struct node *v = &s->nodes[d];
        struct found f;

        if (open_chunk(s, true, v->ids[v->next], &f, err) < 0)
            return kg_err_wrap(err, "a list of chunks");
        if (f.place.len % KG_CHUNK_ID != 0)
            return kg_err_set(err, KG_E_CORRUPT, "a list of chunks has %u bytes, which are no whole ids", f.place.len);
        if (s->ops && s->ops->want(s->ops->ctx, v->ids[v->next]) &&
            s->ops->take(s->ops->ctx, true, v->ids[v->next], f.p, f.place.len, err) < 0)
            return -(int)err->code;
        v->next++;
        set_node(&s->nodes[d - 1], f.p, f.place.len / KG_CHUNK_ID);
    }
    return 0;
}

/* Another chunk is handed out; hostile lists end here at the latest. */
static int count_chunk(struct kg_source *s, uint32_t len, struct kg_err *err)
{
    s->nodes[0].next++;
    s->chunks++;
    s->bytes += len;
    if (s->chunks > s->stream.chunks || s->bytes > s->stream.bytes)
        return kg_err_set(err, KG_E_CORRUPT, "a stream is longer than the %llu bytes that its manifest says",
                          (unsigned long long)s->stream.bytes);
    return 0;
}

/* Adds chunks that follow right behind in the same segment, so that callers get runs and not crumbs. */
static int extend_run(struct kg_source *s, const struct found *first, size_t *n, struct kg_err *err)
{
    struct node *v = &s->nodes[0];
    struct found f;

    while (v->next < v->n) {
        const uint8_t *id = v->ids[v->next];

        if (!kg_locator_find(first->where, id, &f.place) || f.place.seg != first->place.seg ||
            f.place.at != first->place.at + *n)
            return 0;
        f.where = first->where;
        f.p = first->p + *n;
        if (check_chunk(s, false, id, &f, err) < 0 || count_chunk(s, f.place.len, err) < 0)
            return -(int)err->code;
        *n += f.place.len;
    }
    return 0;
}

static int check_end(const struct kg_source *s, struct kg_err *err)
{
    if (s->bytes == s->stream.bytes && s->chunks == s->stream.chunks)
        return 0;
    return kg_err_set(err, KG_E_CORRUPT, "a stream has %llu bytes where its manifest says %llu", (unsigned long long)s->bytes,
                      (unsigned long long)s->stream.bytes);
}

/* The next chunk of the data; one that is not wanted is only looked up. */
static int pass_chunk(struct kg_source *s, struct kg_err *err)
{
    const struct kg_chunk_ops *ops = s->ops;
    const uint8_t *id = s->nodes[0].ids[s->nodes[0].next];
    struct found f;

    if (!ops->want(ops->ctx, id)) {
        if (find_chunk(s->r, id, &f.where, &f.place, err) < 0)
            return -(int)err->code;
    } else if (open_chunk(s, false, id, &f, err) < 0 || ops->take(ops->ctx, false, id, f.p, f.place.len, err) < 0) {
        return -(int)err->code;
    }
    return count_chunk(s, f.place.len, err);
}

int kg_source_chunks(struct kg_source *s, const struct kg_stream *stream, const struct kg_chunk_ops *ops, struct kg_err *err)
{
    bool more = true;
    int r = kg_source_begin(s, stream, err);

    s->ops = ops;
    while (r == 0 && more) {
        r = descend(s, &more, err);
        if (r == 0 && more)
            r = pass_chunk(s, err);
    }
    s->ops = NULL;
    flush_stats(s);
    return r < 0 ? r : check_end(s, err);
}

int kg_source_next(struct kg_source *s, const void **ret_data, size_t *ret_n, struct kg_err *err)
{
    struct found f;
    bool more;
    size_t n;

    if (descend(s, &more, err) < 0)
        return -(int)err->code;
    if (!more) {
        if (check_end(s, err) < 0)
            return -(int)err->code;
        flush_stats(s);
        *ret_n = 0;
        return 0;
    }
    if (open_chunk(s, false, s->nodes[0].ids[s->nodes[0].next], &f, err) < 0 || count_chunk(s, f.place.len, err) < 0)
        return -(int)err->code;
    n = f.place.len;
    if (extend_run(s, &f, &n, err) < 0)
        return -(int)err->code;
    s->stats.plain_bytes += n;
    if (s->stats.plain_bytes >= 4 * 1024 * 1024)
        flush_stats(s);
    *ret_data = f.p;
    *ret_n = n;
    return 0;
}
