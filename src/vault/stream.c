#include "vault/stream.h"

#include "base/parse.h"

struct kg_json *kg_stream_to_json(const struct kg_stream *s)
{
    KG_AUTO_BUF struct kg_buf ids = KG_BUF_INIT(2 * sizeof s->ids);
    struct kg_json *j = kg_json_object();

    kg_base64_add(&ids, s->ids, (size_t)s->n_ids * KG_CHUNK_ID);
    kg_json_set_u64(j, "bytes", s->bytes);
    kg_json_set_u64(j, "chunks", s->chunks);
    kg_json_set_u64(j, "chunkSize", s->chunk_size);
    kg_json_set_u64(j, "depth", s->depth);
    kg_json_set_str(j, "ids", ids.p);
    return j;
}

int kg_stream_from_json(const struct kg_json *j, struct kg_stream *ret, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf ids = KG_BUF_INIT(sizeof ret->ids);
    const char *text = kg_json_str(j, "ids");
    uint64_t none = UINT64_MAX;
    struct kg_stream s = { 0 };
    uint64_t size = kg_json_u64(j, "chunkSize", none), depth = kg_json_u64(j, "depth", none);

    s.bytes = kg_json_u64(j, "bytes", none);
    s.chunks = kg_json_u64(j, "chunks", none);
    if (s.bytes == none || s.chunks == none || size > KG_CHUNK_LIMIT || depth > KG_STREAM_DEPTH || !text)
        return kg_err_set(err, KG_E_CORRUPT, "a stream's description lacks something, or it is out of range");
    if (!kg_base64_decode(text, strlen(text), &ids) || ids.overflow || ids.len % KG_CHUNK_ID != 0)
        return kg_err_set(err, KG_E_CORRUPT, "a stream's chunk ids cannot be read");
    s.chunk_size = (uint32_t)size;
    s.depth = (uint32_t)depth;
    s.n_ids = (uint32_t)(ids.len / KG_CHUNK_ID);
    memcpy(s.ids, ids.p, ids.len);
    if ((s.depth == 0 && s.n_ids != s.chunks) || (s.depth > 0 && (s.n_ids == 0 || s.chunks < s.n_ids)) ||
        s.bytes < s.chunks || (s.chunks == 0) != (s.bytes == 0) || s.bytes / KG_CHUNK_LIMIT > s.chunks)
        return kg_err_set(err, KG_E_CORRUPT, "a stream of %llu bytes cannot have %llu chunks and %u ids at depth %u",
                          (unsigned long long)s.bytes, (unsigned long long)s.chunks, s.n_ids, s.depth);
    *ret = s;
    return 0;
}
