#include "vault/layout.h"

#include <stdio.h>

#include "base/parse.h"

enum { SEAL_LEAST = 24 + 16 + KG_BLOCK_HEAD + 1 }; /* nonce, tag, block head, a byte */

/* ---- directories ---- */

struct kg_seg kg_dir_seg(const struct kg_dir *d, uint32_t i)
{
    const uint8_t *p = d->segs + (size_t)i * KG_SEG_ROW;

    return (struct kg_seg){ kg_le64(p), kg_le32(p + 8), kg_le32(p + 12), kg_le32(p + 16) };
}

void kg_dir_add_seg(struct kg_buf *segs, const struct kg_seg *s)
{
    uint8_t row[KG_SEG_ROW];

    kg_put_le64(row, s->at);
    kg_put_le32(row + 8, s->sealed);
    kg_put_le32(row + 12, s->plain);
    kg_put_le32(row + 16, s->chunks);
    kg_buf_add(segs, row, sizeof row);
}

void kg_dir_add_chunk(struct kg_buf *chunks, const uint8_t id[KG_ID], uint32_t len)
{
    uint8_t row[KG_CHUNK_ROW];

    memcpy(row, id, KG_ID);
    kg_put_le32(row + KG_ID, len);
    kg_buf_add(chunks, row, sizeof row);
}

void kg_dir_write(const struct kg_buf *segs, const struct kg_buf *chunks, struct kg_buf *ret)
{
    uint8_t counts[8];

    kg_put_le32(counts, (uint32_t)(segs->len / KG_SEG_ROW));
    kg_put_le32(counts + 4, (uint32_t)(chunks->len / KG_CHUNK_ROW));
    kg_buf_add(ret, counts, sizeof counts);
    kg_buf_add(ret, segs->p, segs->len);
    kg_buf_add(ret, chunks->p, chunks->len);
}

/* No keyed hash gives this, and maps take it for a free place. */
static bool is_zero(const uint8_t id[KG_ID])
{
    static const uint8_t zero[KG_ID / 2];

    return memcmp(id, zero, sizeof zero) == 0;
}

/* The chunks of segment s, of which the first is *next: their lengths fill it exactly. */
static int check_seg(const struct kg_dir *d, const struct kg_seg *s, uint32_t i, uint32_t *next, struct kg_err *err)
{
    uint64_t sum = 0;

    if (s->sealed < SEAL_LEAST || s->plain == 0 || s->plain > KG_SEGMENT_LIMIT ||
        s->sealed > KG_SEGMENT_LIMIT + SEAL_LEAST)
        return kg_err_set(err, KG_E_CORRUPT, "segment %u has an impossible length", i);
    if (s->chunks == 0 || s->chunks > d->n_chunks - *next)
        return kg_err_set(err, KG_E_CORRUPT, "segment %u has %u chunks, which cannot be", i, s->chunks);
    for (uint32_t k = 0; k < s->chunks; k++, (*next)++) {
        uint32_t len = kg_dir_chunk_len(d, *next);

        if (len == 0 || len > KG_CHUNK_LIMIT || is_zero(kg_dir_chunk_id(d, *next)))
            return kg_err_set(err, KG_E_CORRUPT, "chunk %u of the directory is impossible", *next);
        sum += len;
    }
    if (sum != s->plain)
        return kg_err_set(err, KG_E_CORRUPT, "the chunks of segment %u do not fill it", i);
    return 0;
}

int kg_dir_read(const uint8_t *p, size_t n, struct kg_dir *ret, size_t *ret_used, struct kg_err *err)
{
    struct kg_dir d;
    uint64_t need, at = KG_MAGIC;
    uint32_t next = 0;

    if (n < 8)
        return kg_err_set(err, KG_E_CORRUPT, "the directory is cut short");
    d.n_segs = kg_le32(p);
    d.n_chunks = kg_le32(p + 4);
    need = 8 + (uint64_t)d.n_segs * KG_SEG_ROW + (uint64_t)d.n_chunks * KG_CHUNK_ROW; /* < 2^38 */
    if (need > n || d.n_segs == 0)
        return kg_err_set(err, KG_E_CORRUPT, "the directory speaks of %u segments and %u chunks, which it does not hold",
                          d.n_segs, d.n_chunks);
    d.segs = p + 8;
    d.chunks = d.segs + (size_t)d.n_segs * KG_SEG_ROW;
    for (uint32_t i = 0; i < d.n_segs; i++) {
        struct kg_seg s = kg_dir_seg(&d, i);

        if (s.at != at)
            return kg_err_set(err, KG_E_CORRUPT, "segment %u does not follow the one before it", i);
        if (check_seg(&d, &s, i, &next, err) < 0)
            return -(int)err->code;
        at += s.sealed;
    }
    if (next != d.n_chunks)
        return kg_err_set(err, KG_E_CORRUPT, "%u chunks of the directory are in no segment", d.n_chunks - next);
    *ret = d;
    *ret_used = (size_t)need;
    return 0;
}

uint64_t kg_dir_end(const struct kg_dir *d)
{
    struct kg_seg last = kg_dir_seg(d, d->n_segs - 1);

    return last.at + last.sealed;
}

/* ---- the footer of a pack ---- */

void kg_footer_write(const struct kg_footer *f, uint8_t out[KG_FOOTER])
{
    kg_put_le64(out, f->dir_at);
    kg_put_le32(out + 8, f->dir_sealed);
    kg_put_le32(out + 12, 0);
    memcpy(out + 16, KG_MAGIC_FOOTER, KG_MAGIC);
}

int kg_footer_read(const uint8_t p[KG_FOOTER], uint64_t pack_size, struct kg_footer *ret, struct kg_err *err)
{
    struct kg_footer f = { kg_le64(p), kg_le32(p + 8) };

    if (memcmp(p + 16, KG_MAGIC_FOOTER, KG_MAGIC) != 0)
        return kg_err_set(err, KG_E_CORRUPT, "the pack does not end in a footer");
    if (kg_le32(p + 12) != 0 || f.dir_sealed < SEAL_LEAST || f.dir_sealed > KG_DIR_LIMIT || f.dir_at < KG_MAGIC ||
        pack_size < KG_FOOTER || f.dir_at > pack_size - KG_FOOTER || pack_size - KG_FOOTER - f.dir_at != f.dir_sealed)
        return kg_err_set(err, KG_E_CORRUPT, "the pack's footer does not fit its %llu bytes",
                          (unsigned long long)pack_size);
    *ret = f;
    return 0;
}

/* ---- index objects ---- */

void kg_index_add_pack(struct kg_buf *ret, const uint8_t id[KG_PACK_ID], uint64_t size, const struct kg_buf *dir)
{
    uint8_t n[8];

    kg_put_le64(n, size);
    kg_buf_add(ret, id, KG_PACK_ID);
    kg_buf_add(ret, n, sizeof n);
    kg_buf_add(ret, dir->p, dir->len);
}

static int index_pass(const uint8_t *p, size_t n, kg_index_visit visit, void *ctx, struct kg_err *err)
{
    while (n > 0) {
        struct kg_dir d;
        uint64_t size;
        size_t used;

        if (n < KG_PACK_ID + 8)
            return kg_err_set(err, KG_E_CORRUPT, "the index is cut short");
        size = kg_le64(p + KG_PACK_ID);
        if (kg_dir_read(p + KG_PACK_ID + 8, n - KG_PACK_ID - 8, &d, &used, err) < 0)
            return -(int)err->code;
        if (size < KG_FOOTER || size - KG_FOOTER <= kg_dir_end(&d))
            return kg_err_set(err, KG_E_CORRUPT, "the index gives a pack fewer bytes than its segments have");
        if (visit && visit(ctx, p, size, &d, err) < 0)
            return -(int)err->code;
        p += KG_PACK_ID + 8 + used;
        n -= KG_PACK_ID + 8 + used;
    }
    return 0;
}

int kg_index_read(const uint8_t *p, size_t n, kg_index_visit visit, void *ctx, struct kg_err *err)
{
    if (n == 0)
        return kg_err_set(err, KG_E_CORRUPT, "the index is empty");
    if (index_pass(p, n, NULL, NULL, err) < 0)
        return -(int)err->code;
    return index_pass(p, n, visit, ctx, err);
}

/* ---- names ---- */

void kg_pack_name(const uint8_t id[KG_PACK_ID], char out[KG_PACK_NAME])
{
    char hex[2 * KG_PACK_ID + 1];

    kg_hex(id, KG_PACK_ID, hex);
    snprintf(out, KG_PACK_NAME, "packs/%.2s/%s", hex, hex);
}

bool kg_pack_id(const char *name, uint8_t ret_id[KG_PACK_ID])
{
    char again[KG_PACK_NAME];
    uint8_t id[KG_PACK_ID];

    if (strlen(name) != KG_PACK_NAME - 1 || !kg_unhex(name + 9, id, KG_PACK_ID))
        return false;
    kg_pack_name(id, again);
    if (strcmp(name, again) != 0)
        return false;
    memcpy(ret_id, id, KG_PACK_ID);
    return true;
}

bool kg_index_seq(const char *name, uint64_t *ret_seq)
{
    uint64_t seq = 0;
    uint8_t id[8];

    if (strlen(name) != 6 + 10 + 1 + 16 || strncmp(name, "index/", 6) != 0 || name[16] != '-' ||
        !kg_unhex(name + 17, id, sizeof id))
        return false;
    for (const char *p = name + 6; p < name + 16; p++) {
        if (*p < '0' || *p > '9')
            return false;
        seq = seq * 10 + (uint64_t)(*p - '0');
    }
    *ret_seq = seq;
    return true;
}
