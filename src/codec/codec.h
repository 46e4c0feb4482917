/* codec/codec.h - compression (zstd). One context a thread, reused; the frame carries no checksum: sealing covers it. */
#ifndef KG_CODEC_CODEC_H
#define KG_CODEC_CODEC_H

#include <stddef.h>
#include "base/cleanup.h"
#include "keepgres/err.h"

struct kg_codec;

struct kg_codec *kg_codec_new(int level);       /* zstd level; negative ones are allowed */
void kg_codec_free(struct kg_codec *c);
KG_DEFINE_CLEANUP(struct kg_codec, kg_codec_free)

size_t kg_codec_bound(size_t n);                /* room that compressing n bytes can need */
/* Compresses into out (of at least kg_codec_bound(n)). */
int kg_codec_compress(struct kg_codec *c, const void *data, size_t n, void *out, size_t out_size, size_t *ret_n,
                      struct kg_err *err) KG_MUST_CHECK;
/* Decompresses to exactly want bytes; KG_E_CORRUPT for anything else. Memory is bounded by want. */
int kg_codec_decompress(struct kg_codec *c, const void *data, size_t n, void *out, size_t want,
                        struct kg_err *err) KG_MUST_CHECK;

#endif
