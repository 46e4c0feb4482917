/* Blocks: what everything sealed is. The associated data says which vault, what kind, which object and which place in
 * it, so bytes that are moved, renamed, or come from elsewhere do not open. */
#include "vault/vault_int.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/fault.h"

enum { CODEC_STORED = 0, CODEC_ZSTD = 1 };

size_t kg_block_ad(const uint8_t vault_id[16], enum kg_block_kind kind, const char *name, uint64_t at,
                   uint8_t out[KG_AD_ROOM])
{
    size_t n = strlen(name);

    KG_ASSERT(n < KG_OBJECT_NAME);
    memcpy(out, "KGV1", 4);
    out[4] = (uint8_t)kind;
    memcpy(out + 5, vault_id, 16);
    kg_put_le64(out + 21, at);
    memcpy(out + 29, name, n);
    return 29 + n;
}

size_t kg_block_room(size_t n) { return KG_SEAL_EXTRA + KG_BLOCK_HEAD + kg_codec_bound(n); }

/* Fills body, which is in its place already. Data that zstd takes less than 1/64 off is kept as it is: reading it
 * back is then a copy. */
static int fill_body(struct kg_codec *c, const void *plain, size_t n, uint8_t *body, uint8_t *ret_codec, size_t *ret_n,
                     struct kg_err *err)
{
    size_t packed;

    if (c && kg_codec_compress(c, plain, n, body, kg_codec_bound(n), &packed, err) < 0)
        return -(int)err->code;
    if (c && packed < n - n / 64) {
        *ret_codec = CODEC_ZSTD;
        *ret_n = packed;
        return 0;
    }
    memcpy(body, plain, n);
    *ret_codec = CODEC_STORED;
    *ret_n = n;
    return 0;
}

int kg_block_seal(const struct kg_vault *v, enum kg_block_kind kind, const char *name, uint64_t at, struct kg_codec *c,
                  const void *plain, size_t n, uint8_t *out, size_t *ret_n, struct kg_err *err)
{
    uint8_t ad[KG_AD_ROOM], *head = out + KG_NONCE_BYTES;
    size_t body = 0, ad_len = kg_block_ad(v->id_raw, kind, name, at, ad);

    KG_ASSERT(n > 0 && n <= UINT32_MAX);
    memset(head, 0, KG_BLOCK_HEAD);
    kg_put_le32(head + 4, (uint32_t)n);
    if (fill_body(c, plain, n, head + KG_BLOCK_HEAD, &head[0], &body, err) < 0)
        return -(int)err->code;
    kg_seal(v->keys[kind], ad, ad_len, head, KG_BLOCK_HEAD + body, out);
    *ret_n = KG_SEAL_EXTRA + KG_BLOCK_HEAD + body;
    return 0;
}

int kg_block_unseal(const struct kg_vault *v, enum kg_block_kind kind, const char *name, uint64_t at,
                    const uint8_t *sealed, size_t n, uint8_t *scratch, size_t limit, struct kg_block *ret,
                    struct kg_err *err)
{
    uint8_t ad[KG_AD_ROOM];
    size_t ad_len = kg_block_ad(v->id_raw, kind, name, at, ad);
    struct kg_block b;

    if (n <= KG_SEAL_EXTRA + KG_BLOCK_HEAD)
        return kg_err_set(err, KG_E_CORRUPT, "%zu sealed bytes are too few", n);
    if (kg_unseal(v->keys[kind], ad, ad_len, sealed, n, scratch, err) < 0)
        return -(int)err->code;
    b.codec = scratch[0];
    b.plain = kg_le32(scratch + 4);
    b.body = scratch + KG_BLOCK_HEAD;
    b.body_len = n - KG_SEAL_EXTRA - KG_BLOCK_HEAD;
    if (b.codec > CODEC_ZSTD || scratch[1] || scratch[2] || scratch[3] || b.plain == 0 || b.plain > limit ||
        (b.codec == CODEC_STORED && b.plain != b.body_len))
        return kg_err_set(err, KG_E_CORRUPT, "the head of the sealed bytes is not of format %d", KG_VAULT_FORMAT);
    *ret = b;
    return 0;
}

int kg_block_expand(struct kg_codec *c, const struct kg_block *b, void *out, struct kg_err *err)
{
    if (b->codec == CODEC_ZSTD)
        return kg_codec_decompress(c, b->body, b->body_len, out, b->plain, err);
    memcpy(out, b->body, b->plain);
    return 0;
}

int kg_sealed_object_put(const struct kg_vault *v, enum kg_block_kind kind, const char *magic, const char *name,
                         struct kg_codec *c, const void *plain, size_t n, uint64_t *ret_size, struct kg_err *err)
{
    KG_AUTO_FREE uint8_t *out = kg_xalloc(KG_MAGIC + kg_block_room(n));
    size_t sealed;

    memcpy(out, magic, KG_MAGIC);
    if (kg_block_seal(v, kind, name, KG_MAGIC, c, plain, n, out + KG_MAGIC, &sealed, err) < 0)
        return -(int)err->code;
    *ret_size = KG_MAGIC + sealed;
    return kg_store_put(v->store, name, out, KG_MAGIC + sealed, err);
}

int kg_sealed_object_get(const struct kg_vault *v, enum kg_block_kind kind, const char *magic, const char *name,
                         size_t limit, uint8_t **ret, size_t *ret_n, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf raw = KG_BUF_INIT(KG_MAGIC + kg_block_room(limit));
    KG_CLEANUP(kg_codec_freep) struct kg_codec *c = NULL;
    KG_AUTO_FREE uint8_t *plain = NULL;
    uint8_t *sealed;
    struct kg_block b;

    if (kg_store_get_all(v->store, name, &raw, err) < 0)
        return -(int)err->code;
    if (raw.len < KG_MAGIC || memcmp(raw.p, magic, KG_MAGIC) != 0) {
        kg_err_set(err, KG_E_CORRUPT, "it does not begin with %s", magic);
        return kg_err_wrap(err, "%s", name);
    }
    sealed = (uint8_t *)raw.p + KG_MAGIC;
    if (kg_block_unseal(v, kind, name, KG_MAGIC, sealed, raw.len - KG_MAGIC, sealed + KG_NONCE_BYTES, limit, &b, err) < 0)
        return kg_err_wrap(err, "%s", name);
    c = kg_codec_new(1);
    if (kg_alloc_limit(b.plain, limit, (void **)&plain, err) < 0 || kg_block_expand(c, &b, plain, err) < 0)
        return kg_err_wrap(err, "%s", name);
    *ret = KG_TAKE(plain);
    *ret_n = b.plain;
    return 0;
}

/* ---- packs ---- */

static int read_exactly(const struct kg_vault *v, const char *name, uint64_t at, size_t n, void *out, struct kg_err *err)
{
    size_t got;

    if (kg_store_get(v->store, name, at, n, out, &got, err) < 0)
        return -(int)err->code;
    if (got != n)
        return kg_err_set(err, KG_E_CORRUPT, "%s: the pack is shorter than the list of objects says", name);
    return 0;
}

/* The plain directory in *sealed, which is opened in place. */
static int open_dir_block(const struct kg_vault *v, const char *name, const struct kg_footer *f, uint8_t *sealed,
                          struct kg_dir *ret, struct kg_err *err)
{
    struct kg_block b;
    size_t used;

    if (kg_block_unseal(v, KG_BLOCK_DIRECTORY, name, f->dir_at, sealed, f->dir_sealed, sealed + KG_NONCE_BYTES,
                        KG_DIR_LIMIT, &b, err) < 0)
        return kg_err_wrap(err, "the directory");
    if (b.codec != CODEC_STORED)
        return kg_err_set(err, KG_E_CORRUPT, "the directory is compressed, which format %d does not know",
                          KG_VAULT_FORMAT);
    if (kg_dir_read(b.body, b.plain, ret, &used, err) < 0)
        return -(int)err->code;
    if (used != b.plain || kg_dir_end(ret) != f->dir_at)
        return kg_err_set(err, KG_E_CORRUPT, "the directory does not fit the pack");
    return 0;
}

int kg_pack_open_dir(const struct kg_vault *v, const char *name, uint64_t size, uint8_t **ret_bytes,
                     struct kg_dir *ret, struct kg_err *err)
{
    uint8_t magic[KG_MAGIC], tail[KG_FOOTER];
    KG_AUTO_FREE uint8_t *sealed = NULL;
    struct kg_footer f;

    if (size < KG_MAGIC + KG_FOOTER)
        return kg_err_set(err, KG_E_CORRUPT, "%s: the pack is cut short to %llu bytes", name, (unsigned long long)size);
    if (read_exactly(v, name, 0, KG_MAGIC, magic, err) < 0 ||
        read_exactly(v, name, size - KG_FOOTER, KG_FOOTER, tail, err) < 0)
        return -(int)err->code;
    if (memcmp(magic, KG_MAGIC_PACK, KG_MAGIC) != 0)
        return kg_err_set(err, KG_E_CORRUPT, "%s: it does not begin with %s", name, KG_MAGIC_PACK);
    if (kg_footer_read(tail, size, &f, err) < 0)
        return kg_err_wrap(err, "%s", name);
    sealed = kg_xalloc(f.dir_sealed);
    if (read_exactly(v, name, f.dir_at, f.dir_sealed, sealed, err) < 0)
        return -(int)err->code;
    if (open_dir_block(v, name, &f, sealed, ret, err) < 0)
        return kg_err_wrap(err, "%s", name);
    *ret_bytes = KG_TAKE(sealed);
    return 0;
}

void kg_seg_reader_init(struct kg_seg_reader *r, const struct kg_vault *v)
{
    *r = (struct kg_seg_reader){ .v = v, .codec = kg_codec_new(1) };
}

void kg_seg_reader_done(struct kg_seg_reader *r)
{
    kg_codec_free(r->codec);
    free(r->sealed);
    *r = (struct kg_seg_reader){ 0 };
}

static int expand_segment(struct kg_seg_reader *r, const char *pack, const struct kg_seg *s, uint8_t *out,
                          struct kg_err *err)
{
    struct kg_block b;

    if (kg_block_unseal(r->v, KG_BLOCK_SEGMENT, pack, s->at, r->sealed, s->sealed, r->sealed + KG_NONCE_BYTES, s->plain,
                        &b, err) < 0)
        return -(int)err->code;
    if (b.plain != s->plain)
        return kg_err_set(err, KG_E_CORRUPT, "it opens to %u bytes where %u were written", b.plain, s->plain);
    return kg_block_expand(r->codec, &b, out, err);
}

int kg_seg_read(struct kg_seg_reader *r, const char *pack, const struct kg_seg *s, uint8_t *out, struct kg_err *err)
{
    int eno = KG_FAULT(VAULT_READ);
    size_t got;

    if (eno)
        return kg_err_sys(err, eno, "read %s", pack);
    if (s->sealed > r->room) {
        free(r->sealed);
        r->room = s->sealed;
        r->sealed = kg_xalloc(r->room);
    }
    if (kg_store_get(r->v->store, pack, s->at, s->sealed, r->sealed, &got, err) < 0) {
        if (err->code != KG_E_NOT_FOUND)
            return -(int)err->code;
        *err = (struct kg_err){ 0 };
        return kg_err_set(err, KG_E_CORRUPT, "%s: the object is missing", pack);
    }
    if (got != s->sealed)
        kg_err_set(err, KG_E_CORRUPT, "the object is cut short");
    else if (expand_segment(r, pack, s, out, err) == 0)
        return 0;
    return kg_err_wrap(err, "%s: segment at byte %llu", pack, (unsigned long long)s->at);
}
