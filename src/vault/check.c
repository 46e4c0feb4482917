/* kg_vault_check: looks at everything, names what is damaged, and says which recovery points and tables need it.
 *
 * In three steps. (1) Objects: header, key slots, index objects, packs (footer, directory, agreement with the index);
 * with read_data every segment is opened and every chunk hashed; a pack with a structural fault has its segments read in
 * any case, so that what is lost is known exactly. (2) Lost segments are remembered by their number in the locator.
 * (3) Every manifest's streams are walked down to the chunks; a chunk in a lost segment, or in none, puts the stream on
 * the list of what that object affects. A list node that was found whole is walked once only, however many points share it. */
#include "vault/vault_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "vault/keys.h"
#include "vault/locator.h"
#include "vault/stream.h"

enum { NONE = -1, AFFECTS_MOST = 1000, DAMAGE_MOST = 10 * 1000 };

struct damage {
    char *object, *problem;
    struct kg_json *affects, *points;
    size_t n_affects, more;
    bool if_needed;             /* a pack that collection deleted, unless some point needs it */
    const char *last_what;      /* of the newest affects entry: the same table's slices count once */
    size_t last_point;
};

struct point {
    char instance[KG_POINT_PART], point[KG_POINT_PART];
    int damage;                 /* 1 + the index of the first damage that affects it; 0: none does */
};

struct check {
    struct kg_vault *v;
    const struct kg_check_opts *o;
    struct kg_locator index;
    struct kg_seg_reader segments;
    struct kg_hasher *hasher;
    struct kg_idmap *whole;     /* list nodes below which nothing is lost -> their data's chunks and bytes */
    uint8_t *plain;             /* a segment */
    size_t plain_room;
    struct damage *damage;
    size_t n_damage, cap_damage, damage_more;
    int *lost;                  /* by segment: index in damage, or NONE */
    bool *needed;               /* by pack: some recovery point needs it */
    struct point *points;
    size_t n_points, cap_points;
    char (*index_names)[KG_OBJECT_NAME]; /* those that opened */
    size_t n_index_names, cap_index_names;
    unsigned service_slots, recovery_slots;
    uint64_t objects, bytes, done, total;
    /* the point and stream being walked */
    size_t point;
    const char *what;
    bool unindexed;             /* it needs a pack that no index object lists */
    uint32_t unindexed_pack;
    uint64_t sum_chunks, sum_bytes;
};

/* ---- the report ---- */

static int add_damage(struct check *c, const char *object, const char *problem)
{
    for (size_t i = 0; i < c->n_damage; i++)
        if (strcmp(c->damage[i].object, object) == 0)
            return (int)i;
    if (c->n_damage == DAMAGE_MOST) {
        c->damage_more++;
        return DAMAGE_MOST - 1;
    }
    KG_GROW(c->damage, c->n_damage, c->cap_damage);
    c->damage[c->n_damage] = (struct damage){ kg_xstrdup(object), kg_xstrdup(problem), kg_json_array(), NULL, 0, 0, false, NULL, 0 };
    return (int)c->n_damage++;
}

/* Messages begin with the object's name; the report has it in a member of its own. */
static int add_error(struct check *c, const char *object, const struct kg_err *e)
{
    size_t n = strlen(object);
    const char *text = strncmp(e->msg, object, n) == 0 && e->msg[n] == ':' ? e->msg + n + 2 : e->msg;

    return add_damage(c, object, text);
}

/* Of an object that was listed: one that has gone by now was collected meanwhile, and is missed only by what needs it. */
static int add_error_of_listed(struct check *c, const char *object, const struct kg_err *e)
{
    size_t before = c->n_damage;
    int d = add_error(c, object, e);

    if (c->n_damage > before)
        c->damage[d].if_needed = e->code == KG_E_NOT_FOUND;
    return d;
}

/* The stream being walked needs the object of damage d. */
static void add_affected(struct check *c, int d)
{
    struct damage *m = &c->damage[d];
    struct kg_json *a;

    if (!c->points[c->point].damage)
        c->points[c->point].damage = d + 1;
    if (m->n_affects && m->last_point == c->point && strcmp(m->last_what, c->what) == 0)
        return;
    if (m->n_affects == AFFECTS_MOST) {
        m->more++;
        return;
    }
    a = kg_json_object();
    kg_json_set_str(a, "instance", c->points[c->point].instance);
    kg_json_set_str(a, "point", c->points[c->point].point);
    kg_json_set_str(a, "what", c->what);
    kg_json_push(m->affects, a);
    m->n_affects++;
    m->last_point = c->point;
    m->last_what = kg_json_str(a, "what");
}

static void progress(struct check *c, uint64_t step)
{
    c->done += step;
    if (c->o->progress)
        c->o->progress(c->o->ctx, c->done < c->total ? c->done : c->total, c->total);
}

/* Damage is part of the report; anything else means that the check cannot be done. An object that the disk refuses to
 * read is damaged; whether it was the whole store that went away is seen at the end. */
static bool is_damage(const struct kg_err *e)
{
    return e->code == KG_E_CORRUPT || e->code == KG_E_NOT_FOUND || e->code == KG_E_LIMIT || e->code == KG_E_NO_POINT ||
           e->code == KG_E_VAULT_FORMAT || e->code == KG_E_IO;
}

static int still_there(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    (void)e, (void)err;
    ++*(unsigned *)ctx;
    return 0;
}

/* ---- (1) objects: header, key slots, index objects ---- */

static int note_object(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct check *c = ctx;
    char instance[KG_POINT_PART], point[KG_POINT_PART];
    uint8_t id[KG_PACK_ID];
    uint64_t seq;

    (void)err;
    c->objects++;
    c->bytes += e->size;
    c->service_slots += strncmp(e->name, "keys/service-", 13) == 0;
    c->recovery_slots += strncmp(e->name, "keys/recovery-", 14) == 0;
    if (kg_point_parts(e->name, instance, point)) {
        KG_GROW(c->points, c->n_points, c->cap_points);
        c->points[c->n_points].damage = 0;
        memcpy(c->points[c->n_points].instance, instance, sizeof instance);
        memcpy(c->points[c->n_points++].point, point, sizeof point);
    } else if ((strncmp(e->name, "packs/", 6) == 0 && !kg_pack_id(e->name, id)) ||
               (strncmp(e->name, "index/", 6) == 0 && !kg_index_seq(e->name, &seq)) ||
               strncmp(e->name, "points/", 7) == 0) {
        add_damage(c, e->name, "the name is none that an object of this kind can have");
    }
    return 0;
}

static int check_slot(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct check *c = ctx;
    struct kg_err why = { 0 };

    if (kg_slot_check(c->v, e->name, &why) == 0)
        return 0;
    if (!is_damage(&why)) {
        *err = why;
        return -(int)err->code;
    }
    /* A slot cannot tell a changed header from a foreign one: the header's own check names it. */
    if (strncmp(why.msg, KG_HEADER_NAME, strlen(KG_HEADER_NAME)) != 0)
        add_error(c, e->name, &why);
    return 0;
}

static int check_header_and_slots(struct check *c, struct kg_err *err)
{
    struct kg_err why = { 0 };
    uint64_t size;

    if (kg_header_check(c->v, &why) < 0) {
        if (!is_damage(&why)) {
            *err = why;
            return -(int)err->code;
        }
        add_error(c, KG_HEADER_NAME, &why);
    }
    why = (struct kg_err){ 0 };
    if (kg_store_size(c->v->store, c->v->slot, &size, &why) < 0 && why.code == KG_E_NOT_FOUND)
        add_damage(c, c->v->slot, "the key slot that the vault was opened with is missing");
    return kg_store_list(c->v->store, "keys/", check_slot, c, err);
}

static void note_damage(void *ctx, const char *object, const struct kg_err *why)
{
    struct check *c = ctx;
    char text[700];
    int d = add_error_of_listed(c, object, why);

    if (strncmp(object, "index/", 6) != 0)
        return;
    snprintf(text, sizeof text, "%s; the packs' own directories stand in for it", c->damage[d].problem);
    free(c->damage[d].problem);
    c->damage[d].problem = kg_xstrdup(text);
}

static void note_good_index(void *ctx, const char *name)
{
    struct check *c = ctx;

    KG_GROW(c->index_names, c->n_index_names, c->cap_index_names);
    snprintf(c->index_names[c->n_index_names++], KG_OBJECT_NAME, "%s", name);
}

/* ---- (1) objects: packs ---- */

static void lose_segment(struct check *c, size_t seg, int damage)
{
    if (c->lost[seg] == NONE)
        c->lost[seg] = damage;
}

/* Opens a segment and hashes its chunks, if their directory is at hand. */
static int read_segment(struct check *c, const char *name, const struct kg_seg *s, const struct kg_dir *d,
                        uint32_t first_chunk, struct kg_err *err)
{
    uint8_t id[KG_ID];
    size_t at = 0;

    if (s->plain > c->plain_room) {
        free(c->plain);
        c->plain_room = s->plain;
        c->plain = kg_xalloc(c->plain_room);
    }
    if (kg_seg_read(&c->segments, name, s, c->plain, err) < 0)
        return -(int)err->code;
    for (uint32_t i = first_chunk; d && i < first_chunk + s->chunks; i++) {
        kg_hasher_hash(c->hasher, c->plain + at, kg_dir_chunk_len(d, i), id);
        if (memcmp(id, kg_dir_chunk_id(d, i), KG_ID) != 0)
            return kg_err_set(err, KG_E_CORRUPT, "%s: segment at byte %llu: a chunk is not the one that the directory names",
                              name, (unsigned long long)s->at);
        at += kg_dir_chunk_len(d, i);
    }
    return 0;
}

/* The locator's segments of a pack are [from, to). d: the pack's own directory, NULL when that is damaged. */
static int read_segments(struct check *c, const char *name, size_t from, size_t to, const struct kg_dir *d,
                         struct kg_err *err)
{
    uint32_t chunk = 0;

    for (size_t i = from; i < to; i++) {
        const struct kg_place_seg *p = &c->index.segs[i];
        struct kg_seg s = d ? kg_dir_seg(d, (uint32_t)(i - from)) : (struct kg_seg){ p->at, p->sealed, p->plain, 0 };
        struct kg_err why = { 0 };

        if (read_segment(c, name, &s, d, chunk, &why) < 0) {
            if (!is_damage(&why)) {
                *err = why;
                return -(int)err->code;
            }
            lose_segment(c, i, add_error_of_listed(c, name, &why));
        }
        chunk += s.chunks;
        if (c->o->read_data)
            progress(c, s.sealed);
    }
    return 0;
}

/* Does the directory say the same as what the index said? */
static bool agrees(const struct check *c, const struct kg_dir *d, size_t from, size_t to)
{
    uint32_t chunk = 0;

    if (d->n_segs != to - from)
        return false;
    for (size_t i = from; i < to; i++) {
        struct kg_seg s = kg_dir_seg(d, (uint32_t)(i - from));
        const struct kg_place_seg *p = &c->index.segs[i];

        if (p->at != s.at || p->sealed != s.sealed || p->plain != s.plain)
            return false;
        for (uint32_t at = 0, k = 0; k < s.chunks; k++, chunk++) {
            struct kg_place place;

            /* Another pack may have the chunk as well, and be the one that is used. */
            if (!kg_locator_find(&c->index, kg_dir_chunk_id(d, chunk), &place) ||
                (place.seg == i && (place.at != at || place.len != kg_dir_chunk_len(d, chunk))))
                return false;
            at += kg_dir_chunk_len(d, chunk);
        }
    }
    return true;
}

static int check_pack(struct check *c, size_t pack, size_t from, size_t to, struct kg_err *err)
{
    const struct kg_place_pack *p = &c->index.packs[pack];
    KG_AUTO_FREE uint8_t *bytes = NULL;
    struct kg_err why = { 0 };
    char name[KG_PACK_NAME];
    struct kg_dir d;
    bool sound;

    kg_pack_name(p->id, name);
    if (pack >= c->index.n_listed) {
        int lost = add_damage(c, name, "the object is missing");

        c->damage[lost].if_needed = true;
        for (size_t i = from; i < to; i++)
            lose_segment(c, i, lost);
        return 0;
    }
    sound = kg_pack_open_dir(c->v, name, p->size, &bytes, &d, &why) == 0;
    if (!sound && !is_damage(&why)) {
        *err = why;
        return -(int)err->code;
    }
    if (!sound)
        add_error_of_listed(c, name, &why);
    else if (from < to && !agrees(c, &d, from, to))
        sound = false, add_damage(c, name, "its directory does not say what the index says");
    if (c->o->read_data || !sound)
        return read_segments(c, name, from, to, sound ? &d : NULL, err);
    return 0;
}

/* The locator adds a pack's segments in one go, but packs in the order of the index objects. */
static int check_packs(struct check *c, struct kg_err *err)
{
    KG_AUTO_FREE bool *seen = kg_xalloc_array(c->index.n_packs, sizeof *seen);
    size_t from = 0;

    while (from < c->index.n_segs) {
        uint32_t pack = c->index.segs[from].pack;
        size_t to = from + 1;

        while (to < c->index.n_segs && c->index.segs[to].pack == pack && c->index.segs[to].at > c->index.segs[to - 1].at)
            to++;
        if (check_pack(c, pack, from, to, err) < 0)
            return -(int)err->code;
        seen[pack] = true;
        if (!c->o->read_data)
            progress(c, 1);
        from = to;
    }
    for (size_t i = 0; i < c->index.n_listed; i++) /* those of which nothing is known but that they are there */
        if (!seen[i] && check_pack(c, i, 0, 0, err) < 0)
            return -(int)err->code;
    return 0;
}

/* ---- (3) recovery points ---- */

struct tree { /* what is below a list node */
    uint64_t chunks, bytes;
};

static int walk_node(struct check *c, const uint8_t *ids, size_t n, unsigned depth, bool *ret_whole, struct tree *ret,
                     struct kg_err *err);

/* A chunk: where a copy of it stands that is not lost. */
static bool visit_chunk(struct check *c, const uint8_t *id, struct kg_place *ret)
{
    char text[2 * KG_ID + 80], hex[2 * KG_ID + 1];
    const struct kg_place_pack *p;
    uint32_t pack;
    struct kg_place other;

    if (!kg_locator_find(&c->index, id, ret)) {
        kg_hex(id, KG_ID, hex);
        snprintf(text, sizeof text, "chunks are in no pack of the vault, %.16s… for one", hex);
        add_affected(c, add_damage(c, "packs/", text));
        return false;
    }
    pack = c->index.segs[ret->seg].pack;
    c->needed[pack] = true;
    p = &c->index.packs[pack];
    if (!p->indexed_size && !c->unindexed) {
        c->unindexed = true;
        c->unindexed_pack = pack;
    }
    if (c->lost[ret->seg] == NONE)
        return true;
    for (size_t i = 0; kg_locator_other(&c->index, id, i, &other); i++)
        if (c->lost[other.seg] == NONE) {
            c->needed[c->index.segs[other.seg].pack] = true;
            *ret = other;
            return true;
        }
    add_affected(c, c->lost[ret->seg]);
    return false;
}

/* Reads a list node and walks what it lists. */
static int open_node(struct check *c, const uint8_t *id, const struct kg_place *place, unsigned depth, bool *ret_whole,
                     struct tree *ret, struct kg_err *err)
{
    KG_AUTO_FREE uint8_t *ids = NULL;
    char pack[KG_PACK_NAME];
    struct kg_seg s = kg_locator_seg(&c->index, place->seg, pack);
    struct kg_err why = { 0 };
    struct kg_place other;

    if (place->len % KG_ID != 0) {
        add_affected(c, add_damage(c, pack, "a list of chunks has no whole ids"));
        *ret_whole = false;
        return 0;
    }
    if (read_segment(c, pack, &s, NULL, 0, &why) < 0) {
        if (!is_damage(&why)) {
            *err = why;
            return -(int)err->code;
        }
        lose_segment(c, place->seg, add_error_of_listed(c, pack, &why));
        *ret_whole = visit_chunk(c, id, &other);
        return *ret_whole ? open_node(c, id, &other, depth, ret_whole, ret, err) : 0;
    }
    ids = kg_xalloc(place->len);
    memcpy(ids, c->plain + place->at, place->len);
    if (walk_node(c, ids, place->len / KG_ID, depth - 1, ret_whole, ret, err) < 0)
        return -(int)err->code;
    if (*ret_whole)
        kg_idmap_claim(c->whole, id, ret);
    return 0;
}

static int walk_node(struct check *c, const uint8_t *ids, size_t n, unsigned depth, bool *ret_whole, struct tree *ret,
                     struct kg_err *err)
{
    *ret_whole = true;
    *ret = (struct tree){ 0 };
    for (size_t i = 0; i < n; i++) {
        const uint8_t *id = ids + i * KG_ID;
        struct tree below = { 0 };
        struct kg_place place;
        const void *known = depth ? kg_idmap_find(c->whole, id) : NULL;
        bool whole = true;

        if (known)
            memcpy(&below, known, sizeof below);
        else if (!visit_chunk(c, id, &place))
            whole = false;
        else if (depth == 0)
            below = (struct tree){ 1, place.len };
        else if (open_node(c, id, &place, depth, &whole, &below, err) < 0)
            return -(int)err->code;
        ret->chunks += below.chunks;
        ret->bytes += below.bytes;
        *ret_whole = *ret_whole && whole;
    }
    return 0;
}

static int check_stream(void *ctx, const char *what, const struct kg_json *j, struct kg_err *err)
{
    struct check *c = ctx;
    struct kg_err why = { 0 };
    struct kg_stream s;
    struct tree sum;
    char name[KG_OBJECT_NAME];
    bool whole;

    c->what = what;
    snprintf(name, sizeof name, "points/%s/%s", c->points[c->point].instance, c->points[c->point].point);
    if (kg_stream_from_json(j, &s, &why) < 0) {
        add_affected(c, add_damage(c, name, why.msg));
        return 0;
    }
    if (walk_node(c, s.ids[0], s.n_ids, s.depth, &whole, &sum, err) < 0)
        return -(int)err->code;
    if (whole && (sum.chunks != s.chunks || sum.bytes != s.bytes))
        add_affected(c, add_damage(c, name, "a stream's length is not that of its chunks"));
    return 0;
}

static bool index_is_good(const struct check *c, const char *name)
{
    for (size_t i = 0; i < c->n_index_names; i++)
        if (strcmp(c->index_names[i], name) == 0)
            return true;
    return false;
}

/* The point needs a pack that no index object lists. Its manifest may know which index object should. */
static void blame_index(struct check *c, const struct kg_json *manifest)
{
    const struct kg_json *names = kg_json_get(manifest, "indexObjects");
    char pack[KG_PACK_NAME];
    bool found = c->index.n_bad_indexes > 0; /* then one of those did, and is named already */

    for (const struct kg_json *i = kg_json_first(names); i; i = kg_json_next(i)) {
        const char *name = kg_json_value_str(i);
        struct kg_err why = { 0 };
        uint64_t size;

        if (name && !index_is_good(c, name) && kg_store_size(c->v->store, name, &size, &why) < 0 &&
            why.code == KG_E_NOT_FOUND) {
            add_damage(c, name, "the object is missing; the packs' own directories stand in for it");
            found = true;
        }
    }
    if (found)
        return;
    kg_pack_name(c->index.packs[c->unindexed_pack].id, pack);
    add_damage(c, pack, "no index object lists this pack; its own directory stands in");
}

/* A kind of slot that existed when the point was made, and of which there is none now, was not replaced but lost. */
static void check_slot_names(struct check *c, const struct kg_json *manifest)
{
    for (const struct kg_json *i = kg_json_first(kg_json_get(manifest, "keySlots")); i; i = kg_json_next(i)) {
        const char *name = kg_json_value_str(i);

        if (name && ((strncmp(name, "keys/recovery-", 14) == 0 && !c->recovery_slots) ||
                     (strncmp(name, "keys/service-", 13) == 0 && !c->service_slots)))
            add_damage(c, name, "the key slot is missing, and none of its kind is left");
    }
}

static int check_point(struct check *c, struct kg_err *err)
{
    struct point *p = &c->points[c->point];
    KG_AUTO_JSON struct kg_json *manifest = NULL;
    char name[KG_OBJECT_NAME];
    struct kg_err why = { 0 };

    c->what = "manifest";
    c->unindexed = false;
    snprintf(name, sizeof name, "points/%s/%s", p->instance, p->point);
    if (kg_point_get(c->v, p->instance, p->point, &manifest, &why) < 0) {
        if (why.code == KG_E_NO_POINT)
            return 0; /* deleted meanwhile */
        if (!is_damage(&why)) {
            *err = why;
            return -(int)err->code;
        }
        add_affected(c, add_error(c, name, &why));
        return 0;
    }
    if (kg_manifest_streams(manifest, check_stream, c, err) < 0)
        return -(int)err->code;
    if (c->unindexed)
        blame_index(c, manifest);
    check_slot_names(c, manifest);
    return 0;
}

/* ---- all of it ---- */

static int run(struct check *c, struct kg_err *err)
{
    struct kg_locator_opts o = { .places = true, .all_packs = true, .damage = note_damage, .index = note_good_index,
                                 .ctx = c };
    unsigned objects = 0;

    if (kg_store_list(c->v->store, "", note_object, c, err) < 0 || check_header_and_slots(c, err) < 0 ||
        kg_locator_load(c->v, &o, &c->index, err) < 0)
        return -(int)err->code;
    c->lost = kg_xalloc_array(c->index.n_segs, sizeof *c->lost);
    for (size_t i = 0; i < c->index.n_segs; i++)
        c->lost[i] = NONE;
    c->needed = kg_xalloc_array(c->index.n_packs, sizeof *c->needed);
    c->total = c->o->read_data ? 0 : c->index.n_packs;
    for (size_t i = 0; c->o->read_data && i < c->index.n_segs; i++)
        c->total += c->index.segs[i].sealed;
    c->total += c->n_points;
    if (check_packs(c, err) < 0)
        return -(int)err->code;
    for (c->point = 0; c->point < c->n_points; c->point++) {
        if (check_point(c, err) < 0)
            return -(int)err->code;
        progress(c, 1);
    }
    if (kg_store_list(c->v->store, "", still_there, &objects, err) < 0)
        return -(int)err->code;
    if (!objects && c->objects)
        return kg_err_set(err, KG_E_IO, "the store went away during the check");
    return 0;
}

/* Each affected point once, with the damage that was found first: "affects" has ends. */
static void list_points(struct check *c)
{
    for (size_t i = 0; i < c->n_points; i++) {
        struct damage *d = c->points[i].damage ? &c->damage[c->points[i].damage - 1] : NULL;
        KG_AUTO_FREE char *name = kg_xprintf("%s/%s", c->points[i].instance, c->points[i].point);

        if (!d)
            continue;
        if (!d->points)
            d->points = kg_json_array();
        kg_json_push_str(d->points, name);
    }
}

static struct kg_json *report(struct check *c)
{
    struct kg_json *j = kg_json_object(), *list = kg_json_array();
    uint64_t packs = 0, bytes = 0;

    list_points(c);
    for (size_t i = 0; i < c->index.n_listed; i++) {
        packs += !c->needed[i];
        bytes += c->needed[i] ? 0 : c->index.packs[i].size;
    }
    for (size_t i = 0; i < c->n_damage; i++) {
        struct kg_json *d;

        if (c->damage[i].if_needed && !c->damage[i].n_affects)
            continue;
        d = kg_json_object();
        kg_json_set_str(d, "object", c->damage[i].object);
        kg_json_set_str(d, "problem", c->damage[i].problem);
        kg_json_set(d, "affects", KG_TAKE(c->damage[i].affects));
        if (c->damage[i].more)
            kg_json_set_u64(d, "affectsMore", c->damage[i].more);
        if (c->damage[i].points)
            kg_json_set(d, "points", KG_TAKE(c->damage[i].points));
        kg_json_push(list, d);
    }
    kg_json_set_bool(j, "healthy", kg_json_count(list) == 0);
    kg_json_set_u64(j, "objects", c->objects);
    kg_json_set_u64(j, "bytes", c->bytes);
    kg_json_set_u64(j, "points", c->n_points);
    kg_json_set_u64(j, "chunks", kg_idmap_count(c->index.chunks));
    kg_json_set_bool(j, "readData", c->o->read_data);
    kg_json_set_u64(j, "unreferencedPacks", packs);
    kg_json_set_u64(j, "unreferencedBytes", bytes);
    kg_json_set(j, "damage", list);
    if (c->damage_more)
        kg_json_set_u64(j, "damageMore", c->damage_more);
    return j;
}

static void done(struct check *c)
{
    for (size_t i = 0; i < c->n_damage; i++) {
        free(c->damage[i].object);
        free(c->damage[i].problem);
        kg_json_free(c->damage[i].affects);
        kg_json_free(c->damage[i].points);
    }
    free(c->damage);
    free(c->lost);
    free(c->needed);
    free(c->points);
    free(c->index_names);
    free(c->plain);
    kg_idmap_free(c->whole);
    kg_hasher_free(c->hasher);
    kg_seg_reader_done(&c->segments);
    kg_locator_done(&c->index);
}

int kg_vault_check(struct kg_vault *v, const struct kg_check_opts *o, struct kg_json **ret_report, struct kg_err *err)
{
    struct check c = { .v = v, .o = o };
    int r;

    c.whole = kg_idmap_new(sizeof(struct tree), 0);
    c.hasher = kg_hasher_new(v->hash, v->chunk_key);
    kg_seg_reader_init(&c.segments, v);
    r = run(&c, err);
    if (r == 0)
        *ret_report = report(&c);
    done(&c);
    return r < 0 ? kg_err_wrap(err, "check vault %s", v->id) : 0;
}
