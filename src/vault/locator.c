#include "vault/locator.h"

#include <stdlib.h>

#include "base/alloc.h"

struct names {
    char (*p)[KG_OBJECT_NAME];
    size_t n, cap;
};

struct loading {
    struct kg_locator *l;
    const struct kg_locator_opts *o;
    struct names indexes;
    uint64_t expected;     /* chunks, by the index objects' sizes */
    bool missing_packs;    /* some index object lists a pack that is not whole */
    bool second;           /* the pass that adds those */
};

/* ---- what there is ---- */

static int note_pack(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct kg_locator *l = ctx;
    struct kg_place_pack p = { .size = e->size };

    (void)err;
    if (!kg_pack_id(e->name, p.id))
        return 0;
    KG_GROW(l->packs, l->n_packs, l->cap_packs);
    l->packs[l->n_packs++] = p;
    return 0;
}

static int note_index(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct loading *g = ctx;
    uint64_t seq;

    (void)err;
    if (!kg_index_seq(e->name, &seq))
        return 0;
    if (seq > g->l->last_index_seq)
        g->l->last_index_seq = seq;
    g->expected += e->size / KG_CHUNK_ROW;
    KG_GROW(g->indexes.p, g->indexes.n, g->indexes.cap);
    memcpy(g->indexes.p[g->indexes.n++], e->name, strlen(e->name) + 1);
    return 0;
}

static int compare_pack(const void *id, const void *pack)
{
    return memcmp(id, ((const struct kg_place_pack *)pack)->id, KG_PACK_ID);
}

static struct kg_place_pack *listed_pack(struct kg_locator *l, const uint8_t *id)
{
    return l->n_listed ? bsearch(id, l->packs, l->n_listed, sizeof *l->packs, compare_pack) : NULL;
}

/* ---- adding packs ---- */

static void note_more(struct kg_locator *l, const uint8_t *id, const struct kg_place *place)
{
    KG_GROW(l->more, l->n_more, l->cap_more);
    memcpy(l->more[l->n_more].id, id, KG_CHUNK_ID);
    l->more[l->n_more++].place = *place;
}

static void add_dir(struct kg_locator *l, uint32_t pack, const struct kg_dir *d)
{
    uint32_t chunk = 0;

    for (uint32_t i = 0; i < d->n_segs; i++) {
        struct kg_seg s = kg_dir_seg(d, i);
        struct kg_place place = { .seg = (uint32_t)l->n_segs };

        if (l->places) {
            KG_GROW(l->segs, l->n_segs, l->cap_segs);
            l->segs[l->n_segs++] = (struct kg_place_seg){ s.at, pack, s.sealed, s.plain };
        }
        for (uint32_t k = 0; k < s.chunks; k++, chunk++) {
            place.len = kg_dir_chunk_len(d, chunk);
            if (!kg_idmap_claim(l->chunks, kg_dir_chunk_id(d, chunk), &place) && l->places && l->packs[pack].whole)
                note_more(l, kg_dir_chunk_id(d, chunk), &place);
            place.at += place.len;
        }
    }
}

static bool skipped(const struct loading *g, const uint8_t id[KG_PACK_ID])
{
    return g->o->skip && g->o->skip(g->o->skip_ctx, id);
}

static int visit_pack(void *ctx, const uint8_t id[KG_PACK_ID], uint64_t size, const struct kg_dir *d,
                      struct kg_err *err)
{
    struct loading *g = ctx;
    struct kg_locator *l = g->l;
    struct kg_place_pack *p = listed_pack(l, id);

    (void)err;
    if (!g->second) {
        if (p)
            p->indexed_size = size;
        if (skipped(g, id)) {
            return 0;
        } else if (!p || p->size != size) {
            g->missing_packs = true;
        } else if (!p->whole) { /* otherwise another index object listed it before */
            p->whole = true;
            add_dir(l, (uint32_t)(p - l->packs), d);
        }
        return 0;
    }
    if ((p && p->size == size) || skipped(g, id))
        return 0;
    if (!p) {
        KG_GROW(l->packs, l->n_packs, l->cap_packs);
        p = &l->packs[l->n_packs++];
        *p = (struct kg_place_pack){ .indexed_size = size };
        memcpy(p->id, id, KG_PACK_ID);
    }
    add_dir(l, (uint32_t)(p - l->packs), d);
    return 0;
}

static void report(struct loading *g, const char *object, const struct kg_err *why)
{
    if (g->o->damage)
        g->o->damage(g->o->ctx, object, why);
}

/* What cannot be read or opened is noted and passed over: the packs' directories say the same. */
static int read_indexes(struct loading *g, struct kg_err *err)
{
    for (size_t i = 0; i < g->indexes.n; i++) {
        const char *name = g->indexes.p[i];
        KG_AUTO_FREE uint8_t *plain = NULL;
        struct kg_err e = { 0 };
        size_t n;

        if (!name[0])
            continue; /* known to be damaged */
        if (kg_sealed_object_get(g->l->v, KG_BLOCK_INDEX, KG_MAGIC_INDEX, name, KG_DIR_LIMIT, &plain, &n, &e) == 0 &&
            kg_index_read(plain, n, visit_pack, g, &e) == 0) {
            if (g->o->index && !g->second)
                g->o->index(g->o->ctx, name);
            continue;
        }
        if (e.code != KG_E_CORRUPT && e.code != KG_E_NOT_FOUND && e.code != KG_E_LIMIT && e.code != KG_E_IO) {
            *err = e;
            return -(int)err->code;
        }
        if (!g->second)
            report(g, name, &e);
        g->l->n_bad_indexes++;
        g->indexes.p[i][0] = '\0';
    }
    return 0;
}

static int read_directories(struct loading *g, struct kg_err *err)
{
    struct kg_locator *l = g->l;

    for (size_t i = 0; i < l->n_listed; i++) {
        struct kg_place_pack *p = &l->packs[i];
        KG_AUTO_FREE uint8_t *bytes = NULL;
        char name[KG_PACK_NAME];
        struct kg_err e = { 0 };
        struct kg_dir d;

        if (p->indexed_size || skipped(g, p->id))
            continue;
        kg_pack_name(p->id, name);
        if (kg_pack_open_dir(l->v, name, p->size, &bytes, &d, &e) == 0) {
            p->whole = true;
            add_dir(l, (uint32_t)i, &d);
        } else if (e.code == KG_E_CORRUPT || (e.code == KG_E_IO && l->places)) {
            report(g, name, &e); /* a writer would store its chunks again: for a store that is ailing it rather stops */
        } else if (e.code != KG_E_NOT_FOUND) { /* deleted meanwhile: nobody can need it */
            *err = e;
            return -(int)err->code;
        }
    }
    return 0;
}

static int compare_more(const void *a, const void *b)
{
    return memcmp(((const struct kg_place_more *)a)->id, ((const struct kg_place_more *)b)->id, KG_CHUNK_ID);
}

static int load(struct loading *g, struct kg_err *err)
{
    const struct kg_vault *v = g->l->v;

    if (kg_store_list(v->store, "index/", note_index, g, err) < 0 ||
        kg_store_list(v->store, "packs/", note_pack, g->l, err) < 0)
        return -(int)err->code;
    g->l->n_listed = g->l->n_packs;
    g->l->chunks = kg_idmap_new(g->o->places ? sizeof(struct kg_place) : 0, (size_t)g->expected);
    if (read_indexes(g, err) < 0)
        return -(int)err->code;
    if ((g->o->all_packs || g->l->n_bad_indexes) && read_directories(g, err) < 0)
        return -(int)err->code;
    /* Chunks of packs that are not whole come last, so that a good copy elsewhere is preferred; they are kept at all
     * to be able to say what is missing. */
    g->second = true;
    return g->missing_packs && g->o->places ? read_indexes(g, err) : 0;
}

int kg_locator_load(const struct kg_vault *v, const struct kg_locator_opts *o, struct kg_locator *ret,
                    struct kg_err *err)
{
    struct kg_locator l = { .v = v, .places = o->places };
    struct loading g = { .l = &l, .o = o };
    int r;

    r = load(&g, err);
    free(g.indexes.p);
    if (l.n_more)
        qsort(l.more, l.n_more, sizeof *l.more, compare_more);
    if (r < 0)
        kg_locator_done(&l);
    else
        *ret = l;
    return r;
}

void kg_locator_done(struct kg_locator *l)
{
    kg_idmap_free(l->chunks);
    free(l->packs);
    free(l->segs);
    free(l->more);
    *l = (struct kg_locator){ 0 };
}

bool kg_locator_find(const struct kg_locator *l, const uint8_t *id, struct kg_place *ret)
{
    const void *value = kg_idmap_find(l->chunks, id);

    if (!value)
        return false;
    memcpy(ret, value, sizeof *ret);
    return true;
}

bool kg_locator_other(const struct kg_locator *l, const uint8_t *id, size_t nth, struct kg_place *ret)
{
    size_t low = 0, high = l->n_more;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (memcmp(l->more[mid].id, id, KG_CHUNK_ID) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (nth >= l->n_more - low || memcmp(l->more[low + nth].id, id, KG_CHUNK_ID) != 0)
        return false;
    *ret = l->more[low + nth].place;
    return true;
}

struct kg_seg kg_locator_seg(const struct kg_locator *l, uint32_t seg, char ret_pack[KG_PACK_NAME])
{
    const struct kg_place_seg *s = &l->segs[seg];

    kg_pack_name(l->packs[s->pack].id, ret_pack);
    return (struct kg_seg){ .at = s->at, .sealed = s->sealed, .plain = s->plain };
}
