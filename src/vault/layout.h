/* vault/layout.h - the bytes of packs, directories and indexes, without any cryptography: pure functions that lay out
 * and read plain bytes. docs/formats/vault.md describes them. Everything read here is hostile. */
#ifndef KG_VAULT_LAYOUT_H
#define KG_VAULT_LAYOUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/buf.h"
#include "keepgres/err.h"

enum {
    KG_VAULT_FORMAT = 1,
    KG_MAGIC = 8,                        /* every object but the header begins with 8 bytes saying what it is */
    KG_FOOTER = 24,
    KG_PACK_ID = 16,
    KG_BLOCK_HEAD = 8,                   /* inside everything sealed: codec, 3 zeros, u32 plain length */
    KG_ID = 32,
    KG_CHUNK_LIMIT = 256 * 1024,         /* no chunk is longer */
    KG_SEGMENT_LIMIT = 16 * 1024 * 1024, /* plain bytes of a segment */
    KG_DIR_LIMIT = 64 * 1024 * 1024,     /* plain bytes of a directory or an index */
    KG_SEG_ROW = 20,                     /* u64 at, u32 sealed, u32 plain, u32 chunks */
    KG_CHUNK_ROW = KG_ID + 4,            /* id, u32 length */
};

#define KG_MAGIC_PACK   "KGPACK01"
#define KG_MAGIC_FOOTER "KGPEND01"
#define KG_MAGIC_INDEX  "KGINDX01"
#define KG_MAGIC_POINT  "KGPOIN01"
#define KG_MAGIC_DOOMED "KGDOOM01"
#define KG_MAGIC_PRESENCE "KGWRIT01"
#define KG_MAGIC_SLOT   "KGSLOT01"

static inline uint32_t kg_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t kg_le64(const uint8_t *p) { return kg_le32(p) | (uint64_t)kg_le32(p + 4) << 32; }
static inline void kg_put_le32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}
static inline void kg_put_le64(uint8_t *p, uint64_t v)
{
    kg_put_le32(p, (uint32_t)v);
    kg_put_le32(p + 4, (uint32_t)(v >> 32));
}

/* ---- directories ---- */

/* A segment of a pack: where its sealed bytes stand, what they open to. */
struct kg_seg {
    uint64_t at;
    uint32_t sealed, plain, chunks;
};

/* A directory that was found sound: rows of segments, rows of chunks in the same order. Borrows the bytes. */
struct kg_dir {
    const uint8_t *segs, *chunks;
    uint32_t n_segs, n_chunks;
};

struct kg_seg kg_dir_seg(const struct kg_dir *d, uint32_t i);
static inline const uint8_t *kg_dir_chunk_id(const struct kg_dir *d, uint32_t i)
{
    return d->chunks + (size_t)i * KG_CHUNK_ROW;
}
static inline uint32_t kg_dir_chunk_len(const struct kg_dir *d, uint32_t i)
{
    return kg_le32(kg_dir_chunk_id(d, i) + KG_ID);
}

void kg_dir_add_seg(struct kg_buf *segs, const struct kg_seg *s);
void kg_dir_add_chunk(struct kg_buf *chunks, const uint8_t id[KG_ID], uint32_t len);
/* Appends a directory made of rows that kg_dir_add_seg() and kg_dir_add_chunk() collected. */
void kg_dir_write(const struct kg_buf *segs, const struct kg_buf *chunks, struct kg_buf *ret);
/* Reads the directory at the front of n bytes; *ret_used is its length. KG_E_CORRUPT unless it is sound: segments back
 * to back from the pack's magic on, lengths that add up, no impossible sizes. */
int kg_dir_read(const uint8_t *p, size_t n, struct kg_dir *ret, size_t *ret_used, struct kg_err *err) KG_MUST_CHECK;
/* Where the segments end: the place of the sealed directory in its pack. */
uint64_t kg_dir_end(const struct kg_dir *d);

/* ---- the footer of a pack ---- */

struct kg_footer {
    uint64_t dir_at;
    uint32_t dir_sealed;
};

void kg_footer_write(const struct kg_footer *f, uint8_t out[KG_FOOTER]);
/* p: the last KG_FOOTER bytes of a pack of pack_size bytes. */
int kg_footer_read(const uint8_t p[KG_FOOTER], uint64_t pack_size, struct kg_footer *ret,
                   struct kg_err *err) KG_MUST_CHECK;

/* ---- index objects ---- */

void kg_index_add_pack(struct kg_buf *ret, const uint8_t id[KG_PACK_ID], uint64_t size, const struct kg_buf *dir);
typedef int (*kg_index_visit)(void *ctx, const uint8_t id[KG_PACK_ID], uint64_t size, const struct kg_dir *d,
                              struct kg_err *err);
/* Visits every pack of an index's plain bytes, after all of them were found sound. */
int kg_index_read(const uint8_t *p, size_t n, kg_index_visit visit, void *ctx, struct kg_err *err) KG_MUST_CHECK;

/* ---- names ---- */

enum { KG_PACK_NAME = 5 + 1 + 2 + 1 + 32 + 1, KG_OBJECT_NAME = 256 };
void kg_pack_name(const uint8_t id[KG_PACK_ID], char out[KG_PACK_NAME]);       /* "packs/ab/ab…" */
bool kg_pack_id(const char *name, uint8_t ret_id[KG_PACK_ID]);                 /* false: not the name of a pack */
bool kg_index_seq(const char *name, uint64_t *ret_seq);                        /* "index/0000000001-…" */

#endif
