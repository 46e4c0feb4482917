#include "vault/live.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "vault/stream.h"

struct kg_live {
    struct kg_vault *v;
    const struct kg_locator *where;
    struct kg_idmap *chunks;                        /* all of them, nodes of lists too */
    struct kg_idmap *walked[KG_STREAM_DEPTH + 1];   /* nodes by their depth: what is below is known */
    struct kg_seg_reader segments;
    struct kg_hasher *hasher;
    uint8_t *plain;                                 /* the segment that was opened last */
    size_t room;
    uint32_t seg;
    bool open;
    char **points;                                  /* "points/…" in order, as they are listed */
    size_t n_points, cap_points;
    kg_live_seen *seen;                             /* or NULL */
    void *ctx;
    const char *instance;                           /* of the point that is being read */
};

void kg_live_free(struct kg_live *l)
{
    if (!l)
        return;
    kg_idmap_free(l->chunks);
    for (unsigned d = 0; d <= KG_STREAM_DEPTH; d++)
        kg_idmap_free(l->walked[d]);
    kg_seg_reader_done(&l->segments);
    kg_hasher_free(l->hasher);
    free(l->plain);
    for (size_t i = 0; i < l->n_points; i++)
        free(l->points[i]);
    free(l->points);
    free(l);
}

size_t kg_live_points(const struct kg_live *l) { return l->n_points; }

bool kg_live_has_point(const struct kg_live *l, const char *instance, const char *point)
{
    KG_AUTO_FREE char *name = kg_xprintf("points/%s/%s", instance, point ? point : "");
    size_t low = 0, high = l->n_points;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcmp(l->points[mid], name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < l->n_points && (point ? strcmp(l->points[low], name) == 0 : strncmp(l->points[low], name, strlen(name)) == 0);
}

bool kg_live_has(const struct kg_live *l, const uint8_t id[KG_CHUNK_ID]) { return kg_idmap_find(l->chunks, id); }

bool kg_live_is_list(const struct kg_live *l, const uint8_t id[KG_CHUNK_ID])
{
    for (unsigned d = 1; d <= KG_STREAM_DEPTH; d++)
        if (l->walked[d] && kg_idmap_find(l->walked[d], id))
            return true;
    return false;
}

static int find(const struct kg_live *l, const uint8_t *id, struct kg_place *ret, struct kg_err *err)
{
    char hex[2 * KG_CHUNK_ID + 1], pack[KG_PACK_NAME];

    if (kg_locator_find(l->where, id, ret)) {
        if (l->where->packs[l->where->segs[ret->seg].pack].whole)
            return 0;
        kg_locator_seg(l->where, ret->seg, pack);
        return kg_err_set(err, KG_E_CORRUPT, "%s: the object is missing or cut short", pack);
    }
    kg_hex(id, KG_CHUNK_ID, hex);
    return kg_err_set(err, KG_E_CORRUPT, "chunk %.16s… is in no pack of the vault", hex);
}

/* A list node's ids, from that place; the caller frees. */
static int read_place(struct kg_live *l, const uint8_t *id, struct kg_place p, uint8_t **ret, size_t *ret_n, struct kg_err *err)
{
    uint8_t is[KG_CHUNK_ID];
    char pack[KG_PACK_NAME];
    struct kg_seg s = kg_locator_seg(l->where, p.seg, pack);

    if (!l->open || l->seg != p.seg) {
        l->open = false;
        if (s.plain > l->room) {
            free(l->plain);
            l->plain = kg_xalloc(l->room = s.plain);
        }
        if (kg_seg_read(&l->segments, pack, &s, l->plain, err) < 0)
            return -(int)err->code;
        l->open = true;
        l->seg = p.seg;
    }
    kg_hasher_hash(l->hasher, l->plain + p.at, p.len, is);
    if (memcmp(is, id, KG_CHUNK_ID) != 0 || p.len % KG_CHUNK_ID != 0)
        return kg_err_set(err, KG_E_CORRUPT, "%s: a list of chunks is not the one that its name says", pack);
    *ret = kg_xalloc(p.len ? p.len : 1);
    memcpy(*ret, l->plain + p.at, p.len);
    *ret_n = p.len / KG_CHUNK_ID;
    return 0;
}

/* Any sound copy tells what is below. */
static int read_node(struct kg_live *l, const uint8_t *id, uint8_t **ret, size_t *ret_n, struct kg_err *err)
{
    struct kg_err first = { 0 };
    struct kg_place p;

    if (find(l, id, &p, err) < 0)
        return -(int)err->code;
    if (read_place(l, id, p, ret, ret_n, &first) == 0)
        return 0;
    for (size_t i = 0; kg_locator_other(l->where, id, i, &p); i++) {
        struct kg_err ignored = { 0 };

        if (read_place(l, id, p, ret, ret_n, &ignored) == 0)
            return 0;
    }
    *err = first;
    return -(int)err->code;
}

static int walk(struct kg_live *l, const uint8_t *ids, size_t n, unsigned depth, struct kg_err *err)
{
    struct kg_place place;

    for (size_t i = 0; i < n; i++) {
        const uint8_t *id = ids + i * KG_CHUNK_ID;
        KG_AUTO_FREE uint8_t *below = NULL;
        size_t k = 0;

        if (kg_idmap_claim(l->chunks, id, NULL)) {
            if (find(l, id, &place, err) < 0)
                return -(int)err->code;
            if (l->seen)
                l->seen(l->ctx, l->instance, &place);
        }
        if (depth == 0)
            continue;
        if (!l->walked[depth])
            l->walked[depth] = kg_idmap_new(0, 0);
        if (kg_idmap_claim(l->walked[depth], id, NULL) &&
            (read_node(l, id, &below, &k, err) < 0 || walk(l, below, k, depth - 1, err) < 0))
            return -(int)err->code;
    }
    return 0;
}

static int see_stream(void *ctx, const char *what, const struct kg_json *j, struct kg_err *err)
{
    struct kg_stream s;

    if (kg_stream_from_json(j, &s, err) < 0 || s.depth > KG_STREAM_DEPTH || walk(ctx, s.ids[0], s.n_ids, s.depth, err) < 0)
        return err->code ? kg_err_wrap(err, "%s", what) : kg_err_set(err, KG_E_CORRUPT, "%s: a stream too deep", what);
    return 0;
}

static int note_listed(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    const char **name = ctx;

    (void)err;
    if (*name && strcmp(e->name, *name) == 0)
        *name = NULL;
    return 0;
}

/* One that was listed and is not there was deleted meanwhile: if it is listed no more. */
static int be_deleted(const struct kg_live *l, const char *name, struct kg_err *err)
{
    const char *missing = name;

    *err = (struct kg_err){ 0 };
    if (kg_store_list(l->v->store, name, note_listed, &missing, err) < 0)
        return -(int)err->code;
    return missing ? 0 : kg_err_set(err, KG_E_IO, "%s is listed and cannot be read", name);
}

static int see_point(void *ctx, const char *instance, const char *point, uint64_t size, struct kg_err *err)
{
    struct kg_live *l = ctx;
    KG_AUTO_FREE char *name = kg_xprintf("points/%s/%s", instance, point);
    KG_AUTO_JSON struct kg_json *m = NULL;

    (void)size;
    l->instance = instance;
    if (kg_point_get(l->v, instance, point, &m, err) < 0)
        return err->code == KG_E_NO_POINT ? be_deleted(l, name, err) : -(int)err->code;
    if (kg_manifest_streams(m, see_stream, l, err) < 0)
        return kg_err_wrap(err, "%s", name);
    KG_GROW(l->points, l->n_points, l->cap_points);
    l->points[l->n_points++] = KG_TAKE(name);
    return 0;
}

int kg_live_load(struct kg_vault *v, const struct kg_locator *where, struct kg_live **ret, struct kg_err *err)
{
    return kg_live_count(v, where, NULL, NULL, ret, err);
}

int kg_live_count(struct kg_vault *v, const struct kg_locator *where, kg_live_seen *seen, void *ctx, struct kg_live **ret,
                  struct kg_err *err)
{
    KG_CLEANUP(kg_live_freep) struct kg_live *l = kg_xalloc(sizeof *l);

    l->seen = seen;
    l->ctx = ctx;
    l->v = v;
    l->where = where;
    l->chunks = kg_idmap_new(0, kg_idmap_count(where->chunks));
    l->hasher = kg_hasher_new(v->hash, v->chunk_key);
    kg_seg_reader_init(&l->segments, v);
    if (kg_point_list(v, NULL, see_point, l, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(l);
    return 0;
}
