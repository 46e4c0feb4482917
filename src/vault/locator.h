/* vault/locator.h - which chunks the vault has and where: the index objects read into memory.
 *
 * A pack counts as there only when the list of objects shows it with the size that its index names: a chunk of a pack
 * that is missing or cut short must be stored again, never be taken for granted. An index object that does not open is
 * made up for from the directories of the packs themselves.
 *
 * A chunk may stand in several packs; who reads it may fall back on another copy when one is damaged.
 *
 * Memory: see idmap.h, and 24 bytes a segment, 40 a pack, 44 for each further copy of a chunk. */
#ifndef KG_VAULT_LOCATOR_H
#define KG_VAULT_LOCATOR_H

#include "vault/idmap.h"
#include "vault/vault_int.h"

struct kg_place {                 /* of a chunk */
    uint32_t seg;                 /* in segs */
    uint32_t at, len;             /* in the segment's plain bytes */
};

struct kg_place_more {            /* a further copy of a chunk */
    uint8_t id[KG_CHUNK_ID];
    struct kg_place place;
};

struct kg_place_seg {
    uint64_t at;
    uint32_t pack;                /* in packs */
    uint32_t sealed, plain;
};

struct kg_place_pack {
    uint8_t id[KG_PACK_ID];
    uint64_t size;                /* as listed; 0: the pack is not in the store */
    uint64_t indexed_size;        /* as an index object says; 0: no index object lists it */
    bool whole;                   /* its directory is known, and size is what it should be */
};

struct kg_locator {
    const struct kg_vault *v;
    bool places;                  /* false: only presence of chunks is kept (for writers) */
    struct kg_idmap *chunks;      /* id -> struct kg_place, or nothing */
    struct kg_place_pack *packs;  /* the listed ones in order of their ids, then those that are missing */
    size_t n_packs, cap_packs, n_listed;
    struct kg_place_seg *segs;
    size_t n_segs, cap_segs;
    struct kg_place_more *more;   /* with places: in order of their ids, of packs that are whole */
    size_t n_more, cap_more;
    uint64_t last_index_seq;
    size_t n_bad_indexes;
};

/* Called for each object that cannot be used; the load goes on without it. */
typedef void (*kg_locator_damage)(void *ctx, const char *object, const struct kg_err *why);

struct kg_locator_opts {
    bool places;
    bool (*skip)(void *ctx, const uint8_t id[KG_PACK_ID]); /* optional: packs that do not count, with skip_ctx */
    void *skip_ctx;
    bool all_packs;               /* read the directories of packs that no index lists, always */
    kg_locator_damage damage;     /* optional */
    void (*index)(void *ctx, const char *name); /* optional: each index object that is sound */
    void *ctx;
};
int kg_locator_load(const struct kg_vault *v, const struct kg_locator_opts *o, struct kg_locator *ret,
                    struct kg_err *err) KG_MUST_CHECK;
void kg_locator_done(struct kg_locator *l);

bool kg_locator_find(const struct kg_locator *l, const uint8_t *id, struct kg_place *ret);
/* Further copies, which kg_locator_find() does not tell of: the nth of them. */
bool kg_locator_other(const struct kg_locator *l, const uint8_t *id, size_t nth, struct kg_place *ret);
struct kg_seg kg_locator_seg(const struct kg_locator *l, uint32_t seg, char ret_pack[KG_PACK_NAME]);

#endif
