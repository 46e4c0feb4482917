/* vault/vault_int.h - what the files of this room share: the open vault, its keys, and blocks, which is what
 * everything sealed is. */
#ifndef KG_VAULT_INT_H
#define KG_VAULT_INT_H

#include "codec/codec.h"
#include "crypto/crypto.h"
#include "vault/layout.h"
#include "vault/vault.h"

/* What a sealed thing is. The number is part of its associated data, and each has a key of its own. */
enum kg_block_kind {
    KG_BLOCK_MASTER = 1,    /* the master key in a key slot, sealed with the holder's key */
    KG_BLOCK_SEGMENT = 2,
    KG_BLOCK_DIRECTORY = 3,
    KG_BLOCK_INDEX = 4,
    KG_BLOCK_POINT = 5,
    KG_BLOCK_DOOMED = 6,
    KG_BLOCK_PRESENCE = 7,
    KG_BLOCK_KINDS_,
};

#define KG_HEADER_NAME "keepgres-vault"
enum { KG_HEADER_LIMIT = 4096, KG_MANIFEST_LIMIT = 256 * 1024 * 1024 };

struct kg_vault {
    struct kg_store *store;
    char id[37];
    uint8_t id_raw[16];
    char tier[32];
    enum kg_hash_kind hash;
    uint8_t header_digest[KG_HASH_BYTES];
    char slot[KG_OBJECT_NAME];                        /* the key slot that opened the vault */
    struct kg_secret *master;
    struct kg_secret *keys[KG_BLOCK_KINDS_];          /* by kind, from KG_BLOCK_SEGMENT on */
    struct kg_secret *chunk_key;                      /* of chunk ids */
    uint64_t gear[256];                               /* the chunker's table */
};

/* Is the header still the one that the vault was opened with? */
int kg_header_check(const struct kg_vault *v, struct kg_err *err) KG_MUST_CHECK;

/* ---- blocks: codec byte, 3 zeros, u32 plain length, body; sealed as a whole ---- */

enum { KG_AD_ROOM = 4 + 1 + 16 + 8 + KG_OBJECT_NAME };
/* Associated data: "KGV1", kind, vault id, position, object name. Returns its length. */
size_t kg_block_ad(const uint8_t vault_id[16], enum kg_block_kind kind, const char *name, uint64_t at,
                   uint8_t out[KG_AD_ROOM]);

/* Room for a sealed block of n plain bytes, compressed or not. */
size_t kg_block_room(size_t n);
/* Seals n bytes that will stand at position at of object name, compressed when c is given and it is worthwhile.
 * out has kg_block_room(n) bytes. */
int kg_block_seal(const struct kg_vault *v, enum kg_block_kind kind, const char *name, uint64_t at, struct kg_codec *c,
                  const void *plain, size_t n, uint8_t *out, size_t *ret_n, struct kg_err *err) KG_MUST_CHECK;

struct kg_block {                                     /* an unsealed one; body borrows the scratch memory */
    uint8_t codec;
    uint32_t plain;
    const uint8_t *body;
    size_t body_len;
};
/* Unseals into scratch (n bytes will do, and it may be sealed + KG_NONCE_BYTES: in place) and reads the block's head.
 * KG_E_CORRUPT also when plain exceeds limit. */
int kg_block_unseal(const struct kg_vault *v, enum kg_block_kind kind, const char *name, uint64_t at,
                    const uint8_t *sealed, size_t n, uint8_t *scratch, size_t limit, struct kg_block *ret,
                    struct kg_err *err) KG_MUST_CHECK;
/* The plain bytes into out, which has b->plain. */
int kg_block_expand(struct kg_codec *c, const struct kg_block *b, void *out, struct kg_err *err) KG_MUST_CHECK;

/* A whole object: 8 bytes of magic and one block. */
int kg_sealed_object_put(const struct kg_vault *v, enum kg_block_kind kind, const char *magic, const char *name,
                         struct kg_codec *c, const void *plain, size_t n, uint64_t *ret_size,
                         struct kg_err *err) KG_MUST_CHECK;
/* The plain bytes, at most limit of them; the caller frees *ret. */
int kg_sealed_object_get(const struct kg_vault *v, enum kg_block_kind kind, const char *magic, const char *name,
                         size_t limit, uint8_t **ret, size_t *ret_n, struct kg_err *err) KG_MUST_CHECK;

/* ---- packs ---- */

/* Opens the directory of a pack; the caller frees *ret_bytes, which *ret borrows. KG_E_CORRUPT, KG_E_NOT_FOUND. */
int kg_pack_open_dir(const struct kg_vault *v, const char *name, uint64_t size, uint8_t **ret_bytes,
                     struct kg_dir *ret, struct kg_err *err) KG_MUST_CHECK;

/* Writes an index object of plain bytes that kg_index_add_pack() put together. seq: its number. ret_name: KG_OBJECT_NAME bytes. */
int kg_index_put(const struct kg_vault *v, uint64_t seq, const struct kg_buf *plain, char *ret_name, uint64_t *ret_size,
                 struct kg_err *err) KG_MUST_CHECK;

/* Reads, unseals and expands segments; keeps its buffers between calls. One a thread. */
struct kg_seg_reader {
    const struct kg_vault *v;
    struct kg_codec *codec;
    uint8_t *sealed;
    size_t room;
};
void kg_seg_reader_init(struct kg_seg_reader *r, const struct kg_vault *v);
void kg_seg_reader_done(struct kg_seg_reader *r);
/* out has s->plain bytes. */
int kg_seg_read(struct kg_seg_reader *r, const char *pack, const struct kg_seg *s, uint8_t *out,
                struct kg_err *err) KG_MUST_CHECK;

/* For copies: every chunk of a stream in order, nodes of its lists before what they name. want() says whether the chunk's bytes
 * are wanted, and is asked once for each; take() gets them, checked against the id. At the end the stream's length was checked. */
struct kg_source;
struct kg_stream;
struct kg_chunk_ops {
    bool (*want)(void *ctx, const uint8_t *id);
    int (*take)(void *ctx, bool list, const uint8_t *id, const void *data, size_t n, struct kg_err *err);
    void *ctx;
};
int kg_source_chunks(struct kg_source *s, const struct kg_stream *stream, const struct kg_chunk_ops *ops,
                     struct kg_err *err) KG_MUST_CHECK;

/* ---- manifests ---- */

enum { KG_POINT_PART = 101 }; /* a part of an object name and its NUL */
/* "points/<instance>/<point>" apart; false when it is not the name of a manifest. */
bool kg_point_parts(const char *name, char ret_instance[KG_POINT_PART], char ret_point[KG_POINT_PART]);
/* Parses a manifest's plain bytes and demands that it says what its name says. No cryptography. */
int kg_manifest_read(const char *text, size_t n, const char *vault_id, const char *instance, const char *point,
                     struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;

/* Finds every stream of a manifest: each object with a member "stream". what names it for people: "table public.t",
 * "archive", "large objects". */
typedef int (*kg_stream_visit)(void *ctx, const char *what, const struct kg_json *stream, struct kg_err *err);
int kg_manifest_streams(const struct kg_json *manifest, kg_stream_visit visit, void *ctx, struct kg_err *err) KG_MUST_CHECK;

#endif
