/* A sink: rows in, chunks out.
 *
 * Data waits for the chunker where it will stay if it is new: behind the new chunks of the open segment. A batch is cut,
 * hashed and looked up while it is warm in the cache; chunks that the vault has are squeezed out, the rest is already
 * in its place.
 *
 *     buf: | new chunks of the open segment | data not cut yet | free |
 *          0                                kept               fill
 *
 * A stream's chunk ids make a list, its depth-0 list. A list of more than KG_STREAM_INLINE ids is cut into nodes, which
 * are stored as chunks; their ids make the list of the next depth. Nodes are cut behind ids that say so themselves, so
 * lists deduplicate, and a node holds whole ids. Nodes have a segment of their own: who walks streams reads no data. */
#include "vault/writer_int.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/fault.h"
#include "vault/chunker.h"
#include "vault/stream.h"

enum { BATCH = 64 * 1024, NODE_SEGMENT = 256 * 1024 };

struct lane { /* a segment being gathered */
    uint8_t *buf;
    size_t room, limit;           /* limit: a segment this long is flushed */
    size_t kept, fill;
    struct kg_buf chunks;         /* directory rows of the kept chunks */
};

struct level { /* one depth of the stream's lists */
    uint64_t n;
    uint8_t first[KG_STREAM_INLINE][KG_CHUNK_ID];
    uint8_t node[KG_NODE_MOST][KG_CHUNK_ID];
    unsigned in_node;
};

struct kg_sink {
    struct kg_writer *w;
    struct kg_codec *codec;
    struct kg_hasher *hasher;
    struct kg_chunker chunker;
    struct lane data, nodes;
    uint8_t *sealed, *opened, *again; /* a segment on its way out, and read back */
    struct kg_pack_out *pack;
    struct level *levels[KG_STREAM_DEPTH + 1];
    size_t batch;
    bool in_stream, failed;
    uint32_t chunk_size;
    uint64_t bytes;               /* of the stream */
    struct kg_write_stats stats;  /* not yet added to the writer's */
};

static void lane_init(struct lane *l, size_t limit, size_t beyond)
{
    l->limit = limit;
    l->room = limit + beyond;
    l->buf = kg_xalloc(l->room);
    l->chunks = (struct kg_buf)KG_BUF_INIT(KG_DIR_LIMIT);
}

int kg_sink_open(struct kg_writer *w, struct kg_sink **ret, struct kg_err *err)
{
    struct kg_sink *s;
    size_t room;

    if (kg_writer_check(w, err) < 0)
        return -(int)err->code;
    s = kg_xalloc(sizeof *s);
    s->w = w;
    s->codec = kg_codec_new(w->level);
    s->hasher = kg_hasher_new(w->v->hash, w->v->chunk_key);
    /* A segment below its limit, and the largest batch behind it. */
    lane_init(&s->data, w->segment_bytes, (size_t)KG_CHUNK_LIMIT * 2);
    lane_init(&s->nodes, NODE_SEGMENT, sizeof s->levels[0]->node);
    room = w->segment_bytes + KG_CHUNK_LIMIT;
    s->sealed = kg_xalloc(kg_block_room(room));
    s->opened = kg_xalloc(kg_block_room(room));
    s->again = kg_xalloc(room);
    pthread_mutex_lock(&w->lock);
    w->sinks++;
    pthread_mutex_unlock(&w->lock);
    *ret = s;
    return 0;
}

static void flush_stats(struct kg_sink *s)
{
    struct kg_write_stats *to = &s->w->stats, *from = &s->stats;

    pthread_mutex_lock(&s->w->lock);
    to->plain_bytes += from->plain_bytes;
    to->new_bytes += from->new_bytes;
    to->chunks += from->chunks;
    to->new_chunks += from->new_chunks;
    to->segments += from->segments;
    pthread_mutex_unlock(&s->w->lock);
    *from = (struct kg_write_stats){ 0 };
}

/* Every failure of a sink ends the backup: chunks that it claimed may be nowhere (writer.c, invariant 1). */
static int fail(struct kg_sink *s, const struct kg_err *err)
{
    s->failed = true;
    return kg_writer_fail(s->w, err);
}

/* ---- segments ---- */

/* A compressor's or memory's fault must not become a backup: what was sealed is opened again and compared. */
static int read_back(struct kg_sink *s, const uint8_t *plain, size_t n, size_t sealed, struct kg_err *err)
{
    struct kg_pack_out *p = s->pack;
    struct kg_block b;

    if (kg_block_unseal(s->w->v, KG_BLOCK_SEGMENT, p->name, p->at, s->sealed, sealed, s->opened, n, &b, err) < 0 ||
        kg_block_expand(s->codec, &b, s->again, err) < 0)
        return kg_err_wrap(err, "read back a segment of %s right after sealing it", p->name);
    if (b.plain == n && memcmp(s->again, plain, n) == 0)
        return 0;
    kg_err_set(err, KG_E_CORRUPT, "a segment of %s differs right after sealing it", p->name);
    kg_err_advise(err, "Test this machine's memory: what was compressed did not come back the same.");
    return -(int)err->code;
}

static int append_segment(struct kg_sink *s, struct lane *l, struct kg_err *err)
{
    int eno = KG_FAULT(VAULT_SEGMENT);
    struct kg_pack_out *p;
    struct kg_seg seg;
    size_t sealed;

    if (eno)
        return kg_err_sys(err, eno, "store a segment");
    if (!s->pack && kg_writer_pack_take(s->w, &s->pack, err) < 0)
        return -(int)err->code;
    p = s->pack;
    if (kg_block_seal(s->w->v, KG_BLOCK_SEGMENT, p->name, p->at, s->codec, l->buf, l->kept, s->sealed, &sealed, err) < 0 ||
        read_back(s, l->buf, l->kept, sealed, err) < 0 || kg_store_put_add(p->put, s->sealed, sealed, err) < 0)
        return -(int)err->code;
    seg = (struct kg_seg){ p->at, (uint32_t)sealed, (uint32_t)l->kept, (uint32_t)(l->chunks.len / KG_CHUNK_ROW) };
    kg_dir_add_seg(&p->segs, &seg);
    kg_buf_add(&p->chunks, l->chunks.p, l->chunks.len);
    p->at += sealed;
    s->stats.segments++;
    if (kg_writer_pack_full(s->w, p))
        kg_writer_pack_give(s->w, KG_TAKE(s->pack));
    return kg_writer_check(s->w, err);
}

/* Stores the lane's kept chunks; what is behind them moves to the front. */
static int flush_lane(struct kg_sink *s, struct lane *l, struct kg_err *err)
{
    if (!l->kept)
        return 0;
    if (append_segment(s, l, err) < 0)
        return -(int)err->code;
    kg_buf_reset(&l->chunks);
    l->fill -= l->kept;
    memmove(l->buf, l->buf + l->kept, l->fill);
    l->kept = 0;
    return 0;
}

/* ---- lists of ids ---- */

static int list_add(struct kg_sink *s, unsigned depth, const uint8_t id[KG_CHUNK_ID], struct kg_err *err);

/* Stores the node as a chunk, unless the vault has it. */
static int node_flush(struct kg_sink *s, unsigned depth, struct kg_err *err)
{
    struct level *v = s->levels[depth];
    size_t n = (size_t)v->in_node * KG_CHUNK_ID;
    struct lane *l = &s->nodes;
    uint8_t id[KG_CHUNK_ID];

    v->in_node = 0;
    kg_hasher_hash(s->hasher, v->node, n, id);
    if (kg_idmap_claim(s->w->seen, id, NULL)) {
        memcpy(l->buf + l->kept, v->node, n);
        kg_dir_add_chunk(&l->chunks, id, (uint32_t)n);
        l->kept += n;
        l->fill = l->kept;
        if (l->kept >= l->limit && flush_lane(s, l, err) < 0)
            return -(int)err->code;
    }
    return list_add(s, depth + 1, id, err);
}

static int node_add(struct kg_sink *s, unsigned depth, const uint8_t id[KG_CHUNK_ID], struct kg_err *err)
{
    struct level *v = s->levels[depth];

    memcpy(v->node[v->in_node++], id, KG_CHUNK_ID);
    return kg_node_ends(id, v->in_node) ? node_flush(s, depth, err) : 0;
}

/* The next id of the list of that depth. The first few wait: a short list stands in the manifest itself. */
static int list_add(struct kg_sink *s, unsigned depth, const uint8_t id[KG_CHUNK_ID], struct kg_err *err)
{
    struct level *v;

    if (depth > KG_STREAM_DEPTH)
        return kg_err_set(err, KG_E_LIMIT, "a stream is longer than a vault can hold");
    v = s->levels[depth];
    if (!v)
        v = s->levels[depth] = kg_xalloc(sizeof *v);
    if (v->n < KG_STREAM_INLINE) {
        memcpy(v->first[v->n++], id, KG_CHUNK_ID);
        return 0;
    }
    for (unsigned i = 0; v->n == KG_STREAM_INLINE && i < KG_STREAM_INLINE; i++)
        if (node_add(s, depth, v->first[i], err) < 0)
            return -(int)err->code;
    v->n++;
    return node_add(s, depth, id, err);
}

static int finish_lists(struct kg_sink *s, struct kg_stream *ret, struct kg_err *err)
{
    unsigned depth = 0;

    for (; s->levels[depth] && s->levels[depth]->n > KG_STREAM_INLINE; depth++)
        if (s->levels[depth]->in_node && node_flush(s, depth, err) < 0)
            return -(int)err->code;
    ret->bytes = s->bytes;
    ret->chunks = s->levels[0] ? s->levels[0]->n : 0;
    ret->chunk_size = s->chunk_size;
    ret->depth = depth;
    ret->n_ids = s->levels[depth] ? (uint32_t)s->levels[depth]->n : 0;
    if (ret->n_ids)
        memcpy(ret->ids, s->levels[depth]->first, (size_t)ret->n_ids * KG_CHUNK_ID);
    return 0;
}

/* ---- chunks ---- */

/* Cuts what waits into chunks: all of it at the end of a stream, otherwise as long as a whole chunk is certain. */
static int cut_pending(struct kg_sink *s, bool end, struct kg_err *err)
{
    struct lane *l = &s->data;
    size_t from = l->kept;

    while (from < l->fill && (end || l->fill - from >= s->chunker.max)) {
        size_t n = kg_chunker_cut(&s->chunker, l->buf + from, l->fill - from);
        uint8_t id[KG_CHUNK_ID];

        kg_hasher_hash(s->hasher, l->buf + from, n, id);
        s->stats.chunks++;
        if (kg_idmap_claim(s->w->seen, id, NULL)) {
            s->stats.new_chunks++;
            s->stats.new_bytes += n;
            if (from != l->kept)
                memmove(l->buf + l->kept, l->buf + from, n);
            kg_dir_add_chunk(&l->chunks, id, (uint32_t)n);
            l->kept += n;
        }
        from += n;
        if (list_add(s, 0, id, err) < 0)
            return -(int)err->code;
        if (l->kept >= l->limit) {
            memmove(l->buf + l->kept, l->buf + from, l->fill - from);
            l->fill -= from - l->kept;
            if (flush_lane(s, l, err) < 0)
                return -(int)err->code;
            from = 0;
        }
    }
    if (from != l->kept) {
        memmove(l->buf + l->kept, l->buf + from, l->fill - from);
        l->fill -= from - l->kept;
    }
    return 0;
}

bool kg_sink_claim(struct kg_sink *s, const uint8_t *id) { return kg_idmap_claim(s->w->seen, id, NULL); }

int kg_sink_keep(struct kg_sink *s, bool list, const uint8_t *id, const void *data, size_t n, struct kg_err *err)
{
    struct lane *l = list && n <= sizeof s->levels[0]->node ? &s->nodes : &s->data;

    KG_ASSERT(!s->in_stream && n <= KG_CHUNK_LIMIT);
    memcpy(l->buf + l->kept, data, n);
    kg_dir_add_chunk(&l->chunks, id, (uint32_t)n);
    l->kept += n;
    l->fill = l->kept;
    s->stats.new_chunks++;
    s->stats.new_bytes += n;
    return l->kept >= l->limit && flush_lane(s, l, err) < 0 ? fail(s, err) : 0;
}

int kg_sink_store(struct kg_sink *s, bool list, const void *data, size_t n, struct kg_err *err)
{
    uint8_t id[KG_CHUNK_ID];

    kg_hasher_hash(s->hasher, data, n, id);
    return kg_sink_claim(s, id) ? kg_sink_keep(s, list, id, data, n, err) : 0;
}

void kg_sink_begin(struct kg_sink *s, uint32_t chunk_size)
{
    KG_ASSERT(!s->in_stream);
    kg_chunker_init(&s->chunker, s->w->v->gear, chunk_size);
    s->chunk_size = s->chunker.average;
    s->batch = s->chunker.max + (s->chunker.max > BATCH ? s->chunker.max : BATCH);
    s->bytes = 0;
    s->in_stream = true;
    for (unsigned d = 0; d <= KG_STREAM_DEPTH && s->levels[d]; d++)
        s->levels[d]->n = s->levels[d]->in_node = 0;
}

/* Called once a batch: everything that need not happen for each row. */
static int batch_full(struct kg_sink *s, struct kg_err *err)
{
    if (kg_writer_check(s->w, err) < 0) { /* this sink's failure, or another's */
        s->failed = true;
        return -(int)err->code;
    }
    if (cut_pending(s, false, err) < 0)
        return fail(s, err);
    flush_stats(s);
    return 0;
}

int kg_sink_add(struct kg_sink *s, const void *data, size_t n, struct kg_err *err)
{
    struct lane *l = &s->data;
    const uint8_t *p = data;

    KG_ASSERT(s->in_stream);
    s->bytes += n;
    s->stats.plain_bytes += n;
    while (n >= s->batch - (l->fill - l->kept)) {
        size_t part = s->batch - (l->fill - l->kept);

        memcpy(l->buf + l->fill, p, part);
        l->fill += part;
        p += part;
        n -= part;
        if (batch_full(s, err) < 0)
            return -(int)err->code;
    }
    if (n) {
        memcpy(l->buf + l->fill, p, n);
        l->fill += n;
    }
    return 0;
}

int kg_sink_end(struct kg_sink *s, struct kg_stream *ret, struct kg_err *err)
{
    struct kg_stream stream = { 0 };

    KG_ASSERT(s->in_stream);
    if (batch_full(s, err) < 0)
        return -(int)err->code;
    /* A segment that holds a good part of this stream ends with it, so that the next one is not read along with it. */
    if (cut_pending(s, true, err) < 0 || finish_lists(s, &stream, err) < 0 ||
        (s->data.kept >= s->data.limit / 4 && flush_lane(s, &s->data, err) < 0))
        return fail(s, err);
    s->in_stream = false;
    flush_stats(s);
    *ret = stream;
    return 0;
}

/* ---- the end ---- */

static void sink_free(struct kg_sink *s)
{
    struct kg_writer *w = s->w;

    flush_stats(s);
    if (s->pack)
        kg_writer_pack_give(w, s->pack);
    kg_codec_free(s->codec);
    kg_hasher_free(s->hasher);
    free(s->data.buf);
    free(s->nodes.buf);
    kg_buf_done(&s->data.chunks);
    kg_buf_done(&s->nodes.chunks);
    free(s->sealed);
    free(s->opened);
    free(s->again);
    for (unsigned d = 0; d <= KG_STREAM_DEPTH; d++)
        free(s->levels[d]);
    free(s);
    pthread_mutex_lock(&w->lock);
    w->sinks--;
    pthread_mutex_unlock(&w->lock);
}

/* Stores the chunks that were claimed, so that other sinks may count on them. */
static int flush_claimed(struct kg_sink *s, struct kg_err *err)
{
    s->data.fill = s->data.kept; /* what was not cut was not claimed */
    if (flush_lane(s, &s->data, err) < 0 || flush_lane(s, &s->nodes, err) < 0)
        return fail(s, err);
    return 0;
}

int kg_sink_close(struct kg_sink *s, struct kg_err *err)
{
    int r;

    KG_ASSERT(!s->in_stream || s->failed);
    r = kg_writer_check(s->w, err);
    if (r == 0)
        r = flush_claimed(s, err);
    sink_free(s);
    return r;
}

void kg_sink_abort(struct kg_sink *s)
{
    struct kg_err err = { 0 };

    if (!s)
        return;
    if (kg_writer_check(s->w, &err) == 0)
        (void)flush_claimed(s, &err); /* a failure is the writer's then */
    sink_free(s);
}
