#include "vault/assay.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "vault/locator.h"
#include "vault/presence.h"
#include "vault/stream.h"

struct pack_look {
    size_t from, to;                     /* its segments */
    bool read, damaged;
    char *why;                           /* what was found first, or NULL */
};

struct tree { /* what is below a list node */
    uint64_t chunks, bytes;
};

struct kg_assay {
    struct kg_vault *v;
    struct kg_assay_opts o;
    struct kg_locator where;             /* all packs */
    struct pack_look *packs;             /* as where.packs */
    bool *bad;                           /* as where.segs */
    struct kg_idmap *sound;              /* list nodes below which all is, with their tree */
    struct kg_seg_reader segments;
    struct kg_hasher *hasher;
    uint8_t *plain;                      /* the segment that was opened last */
    size_t room;
    uint32_t seg;
    bool open;
    struct kg_err found;                 /* the first thing that is wrong with the point; the search goes on: all of it is asked for */
};

/* ---- packs ---- */

/* What is wrong with an object, and not with the way to it: the store is asked at the end whether it is there at all. */
static bool is_damage(const struct kg_err *e)
{
    return e->code == KG_E_CORRUPT || e->code == KG_E_NOT_FOUND || e->code == KG_E_LIMIT || e->code == KG_E_IO;
}

static int open_seg(struct kg_assay *a, uint32_t seg, struct kg_err *err)
{
    char pack[KG_PACK_NAME];
    struct kg_seg s = kg_locator_seg(&a->where, seg, pack);

    if (a->open && a->seg == seg)
        return 0;
    a->open = false;
    if (s.plain > a->room) {
        free(a->plain);
        a->plain = kg_xalloc(a->room = s.plain);
    }
    if (kg_seg_read(&a->segments, pack, &s, a->plain, err) < 0)
        return -(int)err->code;
    a->open = true;
    a->seg = seg;
    return 0;
}

static int check_hash(struct kg_assay *a, const char *pack, const uint8_t *p, size_t n, const uint8_t *id, struct kg_err *err)
{
    uint8_t is[KG_CHUNK_ID];

    kg_hasher_hash(a->hasher, p, n, is);
    if (memcmp(is, id, KG_CHUNK_ID) == 0)
        return 0;
    return kg_err_set(err, KG_E_CORRUPT, "%s: a chunk is not the one that its directory names", pack);
}

/* The directory's segment i, which is the locator's seg; *chunk: its first chunk. */
static int read_seg(struct kg_assay *a, const char *pack, const struct kg_dir *d, uint32_t i, uint32_t seg, uint32_t *chunk,
                    struct kg_err *err)
{
    struct kg_seg s = kg_dir_seg(d, i);
    const struct kg_place_seg *p = &a->where.segs[seg];
    uint32_t first = *chunk;
    size_t at = 0;

    *chunk += s.chunks;
    if (p->at != s.at || p->sealed != s.sealed || p->plain != s.plain)
        return kg_err_set(err, KG_E_CORRUPT, "%s: its directory does not say what the index says", pack);
    if (open_seg(a, seg, err) < 0)
        return -(int)err->code;
    for (uint32_t k = first; k < first + s.chunks; k++) {
        uint32_t len = kg_dir_chunk_len(d, k);

        if (check_hash(a, pack, a->plain + at, len, kg_dir_chunk_id(d, k), err) < 0)
            return -(int)err->code;
        at += len;
    }
    return 0;
}

static void note(struct pack_look *l, const struct kg_err *why)
{
    l->damaged = true;
    if (!l->why)
        l->why = kg_xstrdup(why->msg);
}

/* All segments of a pack are bad. */
static void condemn(struct kg_assay *a, struct pack_look *l, const struct kg_err *why)
{
    note(l, why);
    for (size_t i = l->from; i < l->to; i++)
        a->bad[i] = true;
}

static int read_segs(struct kg_assay *a, struct pack_look *l, const char *name, const struct kg_dir *d, struct kg_err *err)
{
    uint32_t chunk = 0;

    for (uint32_t i = 0; i < d->n_segs; i++) {
        struct kg_err why = { 0 };

        if (a->o.cancelled && a->o.cancelled(a->o.ctx))
            return kg_err_set(err, KG_E_CANCELLED, "the reading of what stays was cancelled");
        if (read_seg(a, name, d, i, (uint32_t)l->from + i, &chunk, &why) == 0)
            continue;
        if (!is_damage(&why)) {
            *err = why;
            return -(int)err->code;
        }
        a->bad[l->from + i] = true;
        note(l, &why);
    }
    return 0;
}

static int read_pack(struct kg_assay *a, uint32_t pack, struct kg_err *err)
{
    const struct kg_place_pack *p = &a->where.packs[pack];
    struct pack_look *l = &a->packs[pack];
    KG_AUTO_FREE uint8_t *bytes = NULL;
    char name[KG_PACK_NAME];
    struct kg_err why = { 0 };
    struct kg_dir d;
    int r;

    kg_pack_name(p->id, name);
    if (!p->whole)
        r = kg_err_set(&why, KG_E_CORRUPT, "%s: the object is missing or cut short", name);
    else if ((r = kg_pack_open_dir(a->v, name, p->size, &bytes, &d, &why)) == 0 && d.n_segs != l->to - l->from)
        r = kg_err_set(&why, KG_E_CORRUPT, "%s: its directory does not say what the index says", name);
    if (r < 0 && !is_damage(&why)) {
        *err = why;
        return -(int)err->code;
    }
    l->read = true;
    if (r < 0)
        condemn(a, l, &why);
    else if (read_segs(a, l, name, &d, err) < 0)
        return -(int)err->code;
    return 0;
}

/* ---- a point ---- */

/* A place whose pack was read, and which is sound; 1: it is. */
static int try_place(struct kg_assay *a, const struct kg_place *p, struct kg_err *err)
{
    uint32_t pack = a->where.segs[p->seg].pack;

    if (!a->packs[pack].read && read_pack(a, pack, err) < 0)
        return -(int)err->code;
    return !a->bad[p->seg];
}

static void blame(struct kg_assay *a, const char *what)
{
    if (!a->found.code)
        kg_err_set(&a->found, KG_E_CORRUPT, "%s", what);
}

/* 1: a sound copy is at *ret; 0: there is none. */
static int find_sound(struct kg_assay *a, const uint8_t *id, struct kg_place *ret, struct kg_err *err)
{
    char hex[2 * KG_CHUNK_ID + 1], text[2 * KG_CHUNK_ID + 40];
    struct kg_place first;
    int r;

    if (!kg_locator_find(&a->where, id, &first)) {
        kg_hex(id, KG_CHUNK_ID, hex);
        (void)snprintf(text, sizeof text, "chunk %.16s… is in no pack", hex);
        blame(a, text);
        return 0;
    }
    *ret = first;
    r = try_place(a, ret, err);
    for (size_t i = 0; r == 0 && kg_locator_other(&a->where, id, i, ret); i++)
        r = try_place(a, ret, err);
    if (r == 0)
        blame(a, a->packs[a->where.segs[first.seg].pack].why ? a->packs[a->where.segs[first.seg].pack].why : "a pack is damaged");
    return r;
}

static int walk(struct kg_assay *a, const uint8_t *ids, size_t n, unsigned depth, struct tree *ret, struct kg_err *err);

/* A list node whose segment is sound. */
static int walk_node(struct kg_assay *a, const uint8_t *id, const struct kg_place *p, unsigned depth, struct tree *ret, struct kg_err *err)
{
    KG_AUTO_FREE uint8_t *ids = kg_xalloc(p->len + 1);
    int r;

    if (p->len % KG_CHUNK_ID != 0) {
        blame(a, "a list of chunks has no whole ids");
        return 0;
    }
    if (open_seg(a, p->seg, err) < 0)
        return -(int)err->code;
    memcpy(ids, a->plain + p->at, p->len);
    r = walk(a, ids, p->len / KG_CHUNK_ID, depth - 1, ret, err);
    if (r == 1)
        kg_idmap_claim(a->sound, id, ret);
    return r;
}

/* 1: all of it is sound. */
static int walk(struct kg_assay *a, const uint8_t *ids, size_t n, unsigned depth, struct tree *ret, struct kg_err *err)
{
    int whole = 1;

    *ret = (struct tree){ 0 };
    for (size_t i = 0; i < n; i++) {
        const uint8_t *id = ids + i * KG_CHUNK_ID;
        const void *known = depth ? kg_idmap_find(a->sound, id) : NULL;
        struct tree below = { 0 };
        struct kg_place p;
        int r = 1;

        if (known) {
            memcpy(&below, known, sizeof below);
        } else if ((r = find_sound(a, id, &p, err)) == 1) {
            below = (struct tree){ 1, p.len };
            if (depth)
                r = walk_node(a, id, &p, depth, &below, err);
        }
        if (r < 0)
            return r;
        whole &= r;
        ret->chunks += below.chunks;
        ret->bytes += below.bytes;
    }
    return whole;
}

static int see_stream(void *ctx, const char *what, const struct kg_json *j, struct kg_err *err)
{
    struct kg_stream s;
    struct kg_assay *a = ctx;
    bool had = a->found.code;
    struct tree sum;
    int r;

    if (kg_stream_from_json(j, &s, err) < 0)
        return -(int)err->code;
    if (s.depth > KG_STREAM_DEPTH)
        return kg_err_set(err, KG_E_CORRUPT, "%s: a stream too deep", what);
    if ((r = walk(a, s.ids[0], s.n_ids, s.depth, &sum, err)) < 0)
        return kg_err_wrap(err, "%s", what);
    if (r == 1 && (sum.chunks != s.chunks || sum.bytes != s.bytes))
        blame(a, "a stream's length is not that of its chunks");
    if (!had && a->found.code)
        kg_err_wrap(&a->found, "%s", what);
    return 0;
}

int kg_assay_point(struct kg_assay *a, const char *instance, const char *point, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *manifest = NULL;
    struct kg_err gone = { 0 };

    a->found = (struct kg_err){ 0 };
    if (kg_point_get(a->v, instance, point, &manifest, err) == 0 && kg_manifest_streams(manifest, see_stream, a, err) == 0) {
        if (!a->found.code)
            return 0;
        *err = a->found;
    }
    if ((err->code == KG_E_CORRUPT || err->code == KG_E_NO_POINT) && kg_header_check(a->v, &gone) < 0)
        *err = gone; /* of a store that went away nothing is known */
    return -(int)err->code;
}

int kg_assay_doom(struct kg_assay *a, struct kg_err *err)
{
    KG_AUTO_FREE uint8_t (*ids)[KG_PACK_ID] = kg_xalloc_array(a->where.n_packs + 1, KG_PACK_ID);
    struct kg_doomed_list doomed = { 0 };
    size_t n = 0;
    int r = kg_header_check(a->v, err);

    if (r == 0)
        r = kg_doomed_load(a->v, &doomed, err);

    for (size_t i = 0; r == 0 && i < a->where.n_packs; i++) {
        bool known = !a->packs[i].damaged || !a->where.packs[i].whole; /* what is not whole no writer counts on */

        for (size_t k = 0; !known && k < doomed.n; k++)
            known = kg_doomed_has(&doomed.list[k], a->where.packs[i].id);
        if (!known)
            memcpy(ids[n++], a->where.packs[i].id, KG_PACK_ID);
    }
    kg_doomed_done(&doomed);
    return r == 0 && n ? kg_doomed_put(a->v, ids, n, err) : r;
}

/* ---- its life ---- */

/* The locator adds a pack's segments in one go. */
static void find_packs(struct kg_assay *a)
{
    size_t from = 0;

    a->packs = kg_xalloc_array(a->where.n_packs + 1, sizeof *a->packs);
    a->bad = kg_xalloc_array(a->where.n_segs + 1, sizeof *a->bad);
    while (from < a->where.n_segs) {
        uint32_t pack = a->where.segs[from].pack;
        size_t to = from + 1;

        while (to < a->where.n_segs && a->where.segs[to].pack == pack && a->where.segs[to].at > a->where.segs[to - 1].at)
            to++;
        if (!a->where.packs[pack].whole)
            for (size_t i = from; i < to; i++)
                a->bad[i] = true; /* it may be listed more than once */
        a->packs[pack].from = from;
        a->packs[pack].to = to;
        from = to;
    }
}

int kg_assay_begin(struct kg_vault *v, const struct kg_assay_opts *o, struct kg_assay **ret, struct kg_err *err)
{
    KG_CLEANUP(kg_assay_freep) struct kg_assay *a = kg_xalloc(sizeof *a);

    a->v = v;
    a->o = *o;
    a->hasher = kg_hasher_new(v->hash, v->chunk_key);
    kg_seg_reader_init(&a->segments, v);
    a->sound = kg_idmap_new(sizeof(struct tree), 0);
    if (kg_locator_load(v, &(struct kg_locator_opts){ .places = true, .all_packs = true }, &a->where, err) < 0)
        return kg_err_wrap(err, "load the index of vault %s", v->id);
    find_packs(a);
    *ret = KG_TAKE(a);
    return 0;
}

void kg_assay_free(struct kg_assay *a)
{
    if (!a)
        return;
    for (size_t i = 0; a->packs && i < a->where.n_packs; i++)
        free(a->packs[i].why);
    free(a->packs);
    free(a->bad);
    free(a->plain);
    kg_idmap_free(a->sound);
    kg_hasher_free(a->hasher);
    kg_seg_reader_done(&a->segments);
    kg_locator_done(&a->where);
    free(a);
}
