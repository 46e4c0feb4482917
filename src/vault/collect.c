/* kg_vault_collect: space comes back.
 *
 * (1) Sweep what earlier collections have doomed. (2) If nothing is left to sweep: mark. Packs in which nothing is needed,
 * and packs in which little is, are doomed; what is needed of the latter is stored again elsewhere. (3) Sweep that. A doomed
 * pack that is needed after all, because a backup that had begun before ended meanwhile, stays and is doomed no more.
 *
 * Keeps to:
 * (a) A pack is deleted only when it is doomed, no writer is at work that does not know it, and then a fresh reading of all
 *     manifests finds every chunk that they need in a pack that is not doomed.
 * (b) What cannot be read stops everything, before anything was deleted.
 * (c) A doomed object goes last: as long as one of its packs may be deleted, no writer that begins counts on it.
 * (d) What is needed of a pack that goes was read, and opened, in the pack that stays.
 * (e) The lock makes nothing of this true. Two collections at once, because one was taken for dead, do the same work twice. */
#include "vault/presence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "vault/live.h"
#include "vault/writer_int.h"

enum { REPACK_PERCENT = 50 };

struct pack_state {
    uint64_t needed, plain;              /* bytes of chunks: those that recovery points need here, all */
};

struct collect {
    struct kg_vault *v;
    const struct kg_collect_opts *o;
    struct kg_json *report, *waiting;
    struct kg_judge judge;
    struct kg_locator all, rest;         /* all packs; what a writer finds: those that an index object lists and are not doomed */
    bool has_all, has_rest, counted;
    size_t points;                       /* recovery points that the first look found */
    struct kg_err full;                  /* what is needed of doomed packs did not fit */
    struct kg_live *live;
    struct kg_doomed_list doomed;
    uint64_t dead_packs, dead_bytes, repack_packs, repack_bytes, rewritten, deleted, freed;
};

static int go_on(struct collect *c, struct kg_err *err)
{
    return c->o->cancelled && c->o->cancelled(c->o->ctx) ? kg_err_set(err, KG_E_CANCELLED, "the collection was cancelled") : 0;
}

static bool in_list(const struct kg_doomed_list *l, const uint8_t id[KG_PACK_ID])
{
    for (size_t i = 0; i < l->n; i++)
        if (kg_doomed_has(&l->list[i], id))
            return true;
    return false;
}

static bool in_doomed(void *ctx, const uint8_t id[KG_PACK_ID]) { return in_list(&((const struct collect *)ctx)->doomed, id); }

static void forget(struct collect *c)
{
    if (c->has_all)
        kg_locator_done(&c->all);
    if (c->has_rest)
        kg_locator_done(&c->rest);
    c->has_all = c->has_rest = false;
    kg_live_free(KG_TAKE(c->live));
    kg_doomed_done(&c->doomed);
}

static int missing(const char *instance, const char *point, struct kg_err *err)
{
    kg_err_set(err, KG_E_CORRUPT, "the service knows recovery point '%s' of instance '%s', and the vault has lost it", point, instance);
    kg_err_advise(err, "Bring back what is missing, then collect again: until then nothing is deleted. If the recovery point was deleted "
                       "a moment ago, just collect again; if all of the instance are lost for good, delete the backup instance.");
    return -(int)err->code;
}

/* Manifests that are not there look like points that were deleted: only who made them can tell. */
static int miss_points(struct collect *c, struct kg_err *err)
{
    size_t n = kg_live_points(c->live);

    if (c->points && !n)
        return kg_err_set(err, KG_E_CORRUPT, "all %zu recovery points vanished meanwhile", c->points);
    if (c->points)
        return 0;                        /* what is missing since the first look was deleted */
    c->points = n;
    for (const struct kg_json *e = kg_json_first(c->o->expected); e; e = kg_json_next(e)) {
        const char *instance = kg_json_str_or(e, "instance", ""), *point = kg_json_str_or(e, "point", "");

        if (!kg_live_has_point(c->live, instance, point) &&
            !(kg_json_bool(e, "lost", false) && kg_live_has_point(c->live, instance, NULL)))
            return missing(instance, point, err);
    }
    return 0;
}

/* A fresh look at everything. Keeps (b): a pack or an index object that cannot be read is reported as a failure. */
static void note_damage(void *ctx, const char *object, const struct kg_err *why)
{
    struct kg_err *first = ctx;

    if (!first->code) {
        *first = *why;
        kg_err_wrap(first, "%s", object);
    }
}

static int look(struct collect *c, struct kg_err *err)
{
    struct kg_err damage = { 0 };
    struct kg_locator_opts o = { .places = true, .all_packs = true, .damage = note_damage, .ctx = &damage };

    forget(c);
    if (kg_doomed_load(c->v, &c->doomed, err) < 0 || kg_locator_load(c->v, &o, &c->all, err) < 0)
        return -(int)err->code;
    c->has_all = true;
    o.skip = in_doomed;
    o.skip_ctx = c;
    o.all_packs = false;
    if (kg_locator_load(c->v, &o, &c->rest, err) < 0)
        return -(int)err->code;
    c->has_rest = true;
    if (damage.code) {
        *err = damage;
        return -(int)err->code;
    }
    return kg_live_load(c->v, &c->all, &c->live, err) < 0 ? -(int)err->code : miss_points(c, err);
}

/* Where a chunk stands that is needed, in a pack that stays. An index object may name packs that have gone. */
static bool find_copy(const struct collect *c, const uint8_t id[KG_CHUNK_ID], struct kg_place *ret)
{
    return kg_locator_find(&c->rest, id, ret) && c->rest.packs[c->rest.segs[ret->seg].pack].whole;
}

static int open_dir(const struct collect *c, const struct kg_place_pack *p, uint8_t **ret_bytes, struct kg_dir *ret, struct kg_err *err)
{
    char name[KG_PACK_NAME];

    kg_pack_name(p->id, name);
    return kg_pack_open_dir(c->v, name, p->size, ret_bytes, ret, err);
}

/* ---- marking ---- */

/* Does a recovery point need the chunk in pack i? Of several copies the first one counts. Of a doomed pack any that stays counts
 * instead. */
static bool is_wanted(const struct collect *c, size_t i, bool doomed, const uint8_t id[KG_CHUNK_ID])
{
    struct kg_place place;

    if (!kg_live_has(c->live, id))
        return false;
    return doomed ? !find_copy(c, id, &place) : kg_locator_find(&c->all, id, &place) && c->all.segs[place.seg].pack == i;
}

static int weigh(struct collect *c, size_t i, bool doomed, struct pack_state *ret, struct kg_err *err)
{
    KG_AUTO_FREE uint8_t *bytes = NULL;
    struct kg_dir d;

    *ret = (struct pack_state){ 0 };
    if (go_on(c, err) < 0 || open_dir(c, &c->all.packs[i], &bytes, &d, err) < 0)
        return -(int)err->code;
    for (uint32_t k = 0; k < d.n_chunks; k++) {
        uint32_t len = kg_dir_chunk_len(&d, k);

        ret->plain += len;
        if (is_wanted(c, i, doomed, kg_dir_chunk_id(&d, k)))
            ret->needed += len;
    }
    return 0;
}

static bool is_sparse(const struct collect *c, const struct pack_state *s)
{
    return s->needed * 100 < s->plain * (c->o->repack_percent ? c->o->repack_percent : REPACK_PERCENT);
}

static void count(struct collect *c, const struct kg_place_pack *p, const struct pack_state *s)
{
    if (c->counted)
        return;                          /* a second time, because of what the first one freed */
    if (s->needed == 0)
        c->dead_packs++, c->dead_bytes += p->size;
    else
        c->repack_packs++, c->repack_bytes += p->size;
}

/* The packs that are to go. The caller frees. */
static int choose(struct collect *c, uint8_t (**ret)[KG_PACK_ID], size_t *ret_n, struct kg_err *err)
{
    KG_AUTO_FREE uint8_t (*ids)[KG_PACK_ID] = kg_xalloc_array(c->all.n_listed ? c->all.n_listed : 1, KG_PACK_ID);
    size_t n = 0;

    for (size_t i = 0; i < c->all.n_listed; i++) {
        const struct kg_place_pack *p = &c->all.packs[i];
        struct pack_state s;

        if (weigh(c, i, false, &s, err) < 0)
            return -(int)err->code;
        if (s.needed && !is_sparse(c, &s))
            continue;
        count(c, p, &s);
        memcpy(ids[n++], p->id, KG_PACK_ID);
    }
    c->counted = true;
    *ret = KG_TAKE(ids);
    *ret_n = n;
    return 0;
}

static int rewrite_segment(struct collect *c, const char *name, const struct kg_dir *d, const struct kg_seg *s, uint32_t first,
                           struct kg_seg_reader *r, struct kg_sink *sink, struct kg_err *err)
{
    KG_AUTO_FREE uint8_t *plain = NULL;
    size_t at = 0;

    for (uint32_t k = first; k < first + s->chunks; k++) {
        const uint8_t *id = kg_dir_chunk_id(d, k);
        uint32_t len = kg_dir_chunk_len(d, k);
        struct kg_place elsewhere;

        if (kg_live_has(c->live, id) && !find_copy(c, id, &elsewhere)) {
            if (!plain) {
                plain = kg_xalloc(s->plain);
                if (kg_seg_read(r, name, s, plain, err) < 0)
                    return -(int)err->code;
            }
            if (kg_sink_store(sink, kg_live_is_list(c->live, id), plain + at, len, err) < 0)
                return -(int)err->code;
        }
        at += len;
    }
    return 0;
}

static int rewrite_pack(struct collect *c, const struct kg_place_pack *p, struct kg_seg_reader *r, struct kg_sink *sink,
                        struct kg_err *err)
{
    KG_AUTO_FREE uint8_t *bytes = NULL;
    char name[KG_PACK_NAME];
    uint32_t chunk = 0;
    struct kg_dir d;

    kg_pack_name(p->id, name);
    if (open_dir(c, p, &bytes, &d, err) < 0)
        return -(int)err->code;
    for (uint32_t i = 0; i < d.n_segs; i++) {
        struct kg_seg s = kg_dir_seg(&d, i);

        if (go_on(c, err) < 0 || rewrite_segment(c, name, &d, &s, chunk, r, sink, err) < 0)
            return -(int)err->code;
        chunk += s.chunks;
    }
    return 0;
}

/* The doomed packs of which little is needed: indices of c->all. The caller frees. */
static int find_sparse(struct collect *c, size_t **ret, size_t *ret_n, struct kg_err *err)
{
    KG_AUTO_FREE size_t *list = kg_xalloc_array(c->all.n_listed ? c->all.n_listed : 1, sizeof *list);
    struct pack_state s;
    size_t n = 0;

    for (size_t i = 0; i < c->all.n_listed; i++) {
        if (!in_doomed(c, c->all.packs[i].id))
            continue;
        if (weigh(c, i, true, &s, err) < 0)
            return -(int)err->code;
        if (s.needed && is_sparse(c, &s))
            list[n++] = i;
    }
    *ret = KG_TAKE(list);
    *ret_n = n;
    return 0;
}

/* What is needed of them goes into new ones: a writer of our own, which takes nothing in doomed ones for granted. */
static int rewrite_packs(struct collect *c, const size_t *list, size_t n, struct kg_err *err)
{
    KG_CLEANUP(kg_writer_freep) struct kg_writer *w = NULL;
    KG_CLEANUP(kg_sink_abortp) struct kg_sink *sink = NULL;
    struct kg_seg_reader r;
    struct kg_write_stats st;
    int result = 0;

    if (kg_writer_begin(c->v, &(struct kg_write_opts){ .level = 3, .what = "collect" }, &w, err) < 0 || kg_sink_open(w, &sink, err) < 0)
        return -(int)err->code;
    kg_seg_reader_init(&r, c->v);
    for (size_t i = 0; result == 0 && i < n; i++)
        result = rewrite_pack(c, &c->all.packs[list[i]], &r, sink, err);
    kg_seg_reader_done(&r);
    if (result < 0 || kg_sink_close(KG_TAKE(sink), err) < 0 || kg_writer_finish(w, err) < 0)
        return -(int)err->code;
    kg_writer_stats(w, &st);
    c->rewritten += st.new_bytes;
    return 0;
}

/* No room is no reason to keep what needs none to go: the sweep leaves what was not stored again where it is. */
static int rewrite(struct collect *c, struct kg_err *err)
{
    KG_AUTO_FREE size_t *list = NULL;
    size_t n = 0;

    c->full = (struct kg_err){ 0 };
    if (find_sparse(c, &list, &n, err) < 0)
        return -(int)err->code;
    if (n == 0 || rewrite_packs(c, list, n, err) == 0)
        return 0;
    if (err->code != KG_E_DISK_FULL)
        return -(int)err->code;
    c->full = *err;
    *err = (struct kg_err){ 0 };
    return 0;
}

static int mark(struct collect *c, bool *ret_marked, struct kg_err *err)
{
    KG_AUTO_FREE uint8_t (*ids)[KG_PACK_ID] = NULL;
    size_t n = 0;

    if (choose(c, &ids, &n, err) < 0)
        return -(int)err->code;
    *ret_marked = n && !c->o->dry_run;
    return *ret_marked && (kg_collect_locked(c->v, err) < 0 || kg_doomed_put(c->v, ids, n, err) < 0) ? -(int)err->code : 0;
}

/* ---- sweeping ---- */

/* Segments of packs that stay in which something stands that is needed of pack p. */
static int note_copies(struct collect *c, const struct kg_place_pack *p, bool *wanted, struct kg_err *err)
{
    KG_AUTO_FREE uint8_t *bytes = NULL;
    struct kg_place place;
    struct kg_dir d;

    if (go_on(c, err) < 0 || open_dir(c, p, &bytes, &d, err) < 0)
        return -(int)err->code;
    for (uint32_t k = 0; k < d.n_chunks; k++)
        if (kg_live_has(c->live, kg_dir_chunk_id(&d, k)) && find_copy(c, kg_dir_chunk_id(&d, k), &place))
            wanted[place.seg] = true;
    return 0;
}

static int read_copy(struct collect *c, uint32_t seg, struct kg_seg_reader *r, struct kg_err *err)
{
    char pack[KG_PACK_NAME];
    struct kg_seg s = kg_locator_seg(&c->rest, seg, pack);
    KG_AUTO_FREE uint8_t *plain = kg_xalloc(s.plain);

    if (go_on(c, err) < 0)
        return -(int)err->code;
    return kg_seg_read(r, pack, &s, plain, err) < 0 ? kg_err_wrap(err, "read what stays before what is like it goes") : 0;
}

/* Keeps (d): a good copy must not go because there is a damaged one. */
static int prove(struct collect *c, const struct kg_doomed_list *asked, struct kg_err *err)
{
    KG_AUTO_FREE bool *wanted = kg_xalloc_array(c->rest.n_segs ? c->rest.n_segs : 1, sizeof *wanted);
    struct kg_seg_reader r;
    int result = 0;

    for (size_t i = 0; i < c->all.n_listed; i++)
        if (in_list(asked, c->all.packs[i].id) && in_doomed(c, c->all.packs[i].id) && note_copies(c, &c->all.packs[i], wanted, err) < 0)
            return -(int)err->code;
    kg_seg_reader_init(&r, c->v);
    for (size_t i = 0; result == 0 && i < c->rest.n_segs; i++)
        if (wanted[i])
            result = read_copy(c, (uint32_t)i, &r, err);
    kg_seg_reader_done(&r);
    return result;
}

static int delete_pack(struct collect *c, const struct kg_place_pack *p, struct kg_err *err)
{
    int eno = KG_FAULT(VAULT_SWEEP);
    char name[KG_PACK_NAME];

    kg_pack_name(p->id, name);
    if (eno)
        return kg_err_sys(err, eno, "delete %s", name);
    if (kg_collect_locked(c->v, err) < 0 || kg_store_remove(c->v->store, name, err) < 0)
        return -(int)err->code;
    c->deleted++;
    c->freed += p->size;
    return 0;
}

/* Keeps (a), (c). d: a doomed object about which the writers were asked before everything was looked at. */
static int sweep_one(struct collect *c, const struct kg_doomed *d, struct kg_err *err)
{
    int eno;

    for (size_t i = 0; i < c->all.n_listed; i++) {
        const struct kg_place_pack *p = &c->all.packs[i];
        struct pack_state s;

        if (!kg_doomed_has(d, p->id))
            continue;
        if (weigh(c, i, true, &s, err) < 0 || (!s.needed && delete_pack(c, p, err) < 0))
            return -(int)err->code;
    }
    if ((eno = KG_FAULT(VAULT_SWEPT)))
        return kg_err_sys(err, eno, "delete %s", d->name);
    if (kg_collect_locked(c->v, err) < 0)
        return -(int)err->code;
    if (kg_store_remove(c->v->store, d->name, err) < 0 && err->code != KG_E_NOT_FOUND)
        return -(int)err->code;
    *err = (struct kg_err){ 0 };
    return 0;
}

/* May the packs of every doomed object be deleted? Who stands in the way is noted. */
static int ask_writers(struct collect *c, const struct kg_doomed_list *asked, struct kg_err *err)
{
    for (size_t i = 0; i < asked->n; i++)
        if (kg_presence_others(c->v, asked->list[i].name, &c->judge, c->waiting, err) < 0)
            return -(int)err->code;
    return 0;
}

static bool has_doomed(const struct kg_doomed_list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->list[i].name, name) == 0)
            return true;
    return false;
}

/* The writers are asked before the manifests are read: a point that they made is seen then. What somebody else doomed since then
 * is left alone, and so is what is doomed no more. */
static int sweep_asked(struct collect *c, const struct kg_doomed_list *asked, struct kg_err *err)
{
    if (ask_writers(c, asked, err) < 0)
        return -(int)err->code;
    if (kg_json_count(c->waiting) > 0)
        return 0;
    if (look(c, err) < 0 || prove(c, asked, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < c->doomed.n; i++)
        if (has_doomed(asked, c->doomed.list[i].name) && sweep_one(c, &c->doomed.list[i], err) < 0)
            return -(int)err->code;
    return 0;
}

static int sweep(struct collect *c, struct kg_err *err)
{
    struct kg_doomed_list asked = { 0 };
    int r = kg_doomed_load(c->v, &asked, err);

    if (r == 0)
        r = sweep_asked(c, &asked, err);
    kg_doomed_done(&asked);
    return r;
}

/* ---- index objects that name packs which are gone ---- */

struct listed { uint8_t id[KG_PACK_ID]; uint64_t size; };
struct tidy {
    struct listed *packs;                /* in order: names are in order of their ids */
    size_t n, cap;
    char (*index)[KG_OBJECT_NAME];
    size_t n_index, cap_index;
    uint64_t seq;
    struct kg_buf kept;                  /* of the index object that is looked at */
    bool gone;                           /* it names a pack that is */
};

static int note_pack(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct tidy *t = ctx;
    struct listed p = { .size = e->size };

    (void)err;
    if (!kg_pack_id(e->name, p.id))
        return 0;
    KG_GROW(t->packs, t->n, t->cap);
    t->packs[t->n++] = p;
    return 0;
}

static int note_index(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct tidy *t = ctx;
    uint64_t seq;

    (void)err;
    if (!kg_index_seq(e->name, &seq))
        return 0;
    t->seq = seq > t->seq ? seq : t->seq;
    KG_GROW(t->index, t->n_index, t->cap_index);
    snprintf(t->index[t->n_index++], KG_OBJECT_NAME, "%s", e->name);
    return 0;
}

static int compare_listed(const void *a, const void *b)
{
    return memcmp(((const struct listed *)a)->id, ((const struct listed *)b)->id, KG_PACK_ID);
}

static int keep_pack(void *ctx, const uint8_t id[KG_PACK_ID], uint64_t size, const struct kg_dir *d, struct kg_err *err)
{
    struct tidy *t = ctx;
    struct listed key = { .size = 0 };
    const struct listed *p;
    KG_AUTO_BUF struct kg_buf segs = KG_BUF_INIT(KG_DIR_LIMIT), chunks = KG_BUF_INIT(KG_DIR_LIMIT), dir = KG_BUF_INIT(KG_DIR_LIMIT);

    memcpy(key.id, id, sizeof key.id);
    p = t->n ? bsearch(&key, t->packs, t->n, sizeof *t->packs, compare_listed) : NULL;
    if (!p || p->size != size) {
        t->gone = true;
        return 0;
    }
    kg_buf_add(&segs, d->segs, (size_t)d->n_segs * KG_SEG_ROW);
    kg_buf_add(&chunks, d->chunks, (size_t)d->n_chunks * KG_CHUNK_ROW);
    kg_dir_write(&segs, &chunks, &dir);
    if (kg_buf_ok(&dir, err) < 0)
        return -(int)err->code;
    kg_index_add_pack(&t->kept, id, size, &dir);
    return 0;
}

/* The new one is there before the old one goes. */
static int tidy_index(struct collect *c, struct tidy *t, const char *name, struct kg_err *err)
{
    KG_AUTO_FREE uint8_t *plain = NULL;
    char fresh[KG_OBJECT_NAME];
    uint64_t size;
    size_t n;

    t->gone = false;
    kg_buf_reset(&t->kept);
    if (kg_sealed_object_get(c->v, KG_BLOCK_INDEX, KG_MAGIC_INDEX, name, KG_DIR_LIMIT, &plain, &n, err) < 0 ||
        kg_index_read(plain, n, keep_pack, t, err) < 0)
        return -(int)err->code;
    if (!t->gone)
        return 0;
    if ((t->kept.len && kg_index_put(c->v, ++t->seq, &t->kept, fresh, &size, err) < 0) || kg_collect_locked(c->v, err) < 0)
        return -(int)err->code;
    return kg_store_remove(c->v->store, name, err);
}

static int tidy_indexes(struct collect *c, struct kg_err *err)
{
    struct tidy t = { .kept = KG_BUF_INIT(KG_DIR_LIMIT) };
    int r = kg_store_list(c->v->store, "packs/", note_pack, &t, err);

    if (r == 0)
        r = kg_store_list(c->v->store, "index/", note_index, &t, err);
    if (t.n)
        qsort(t.packs, t.n, sizeof *t.packs, compare_listed);
    for (size_t i = 0; r == 0 && i < t.n_index; i++)
        r = tidy_index(c, &t, t.index[i], err);
    free(t.packs);
    free(t.index);
    kg_buf_done(&t.kept);
    return r;
}

/* ---- all of it ---- */

/* Writers that died leave their objects behind. */
static int bury_the_dead(struct collect *c, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *ignored = kg_json_array();

    return c->o->dry_run ? 0 : kg_presence_others(c->v, "", &c->judge, ignored, err);
}

/* Marks and sweeps; again, as long as things did not fit and something went. */
static int mark_and_sweep(struct collect *c, struct kg_err *err)
{
    uint64_t before;

    do {
        bool marked = false;

        before = c->deleted;
        if ((c->deleted && look(c, err) < 0) || mark(c, &marked, err) < 0)
            return -(int)err->code;
        if (!marked)
            return 0;
        if (look(c, err) < 0 || rewrite(c, err) < 0 || sweep(c, err) < 0)
            return -(int)err->code;
    } while (c->full.code && c->deleted > before && kg_json_count(c->waiting) == 0);
    return 0;
}

static int run(struct collect *c, struct kg_err *err)
{
    if (bury_the_dead(c, err) < 0 || look(c, err) < 0)
        return -(int)err->code;
    if (c->doomed.n && !c->o->dry_run && (rewrite(c, err) < 0 || sweep(c, err) < 0))
        return -(int)err->code;
    if (kg_json_count(c->waiting) == 0 && mark_and_sweep(c, err) < 0)
        return -(int)err->code;
    if (!c->o->dry_run && (c->deleted || c->all.n_packs > c->all.n_listed) && tidy_indexes(c, err) < 0)
        return -(int)err->code;
    if (!c->full.code || kg_json_count(c->waiting) > 0)
        return 0;
    *err = c->full;
    return kg_err_wrap(err, "%" PRIu64 " packs were deleted; what is needed of others does not fit anew", c->deleted);
}

static struct kg_json *report(struct collect *c, uint64_t packs, uint64_t bytes)
{
    struct kg_json *j = kg_json_object();

    kg_json_set_u64(j, "packs", packs);
    kg_json_set_u64(j, "bytes", bytes);
    kg_json_set_u64(j, "deadPacks", c->dead_packs);
    kg_json_set_u64(j, "deadBytes", c->dead_bytes);
    kg_json_set_u64(j, "repackPacks", c->repack_packs);
    kg_json_set_u64(j, "repackBytes", c->repack_bytes);
    kg_json_set_u64(j, "rewrittenBytes", c->rewritten);
    kg_json_set_u64(j, "deletedPacks", c->deleted);
    kg_json_set_u64(j, "freedBytes", c->freed);
    kg_json_set_bool(j, "dryRun", c->o->dry_run);
    kg_json_set(j, "waitingFor", KG_TAKE(c->waiting));
    return j;
}

struct sizes { uint64_t packs, bytes; };

static int add_size(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct sizes *s = ctx;

    (void)err;
    s->packs++;
    s->bytes += e->size;
    return 0;
}

int kg_vault_collect(struct kg_vault *v, const struct kg_collect_opts *o, struct kg_json **ret_report, struct kg_err *err)
{
    struct collect c = { .v = v, .o = o, .judge.take_over = o->take_over };
    struct sizes before = { 0 };
    int r = 0;

    if (kg_store_list(v->store, "packs/", add_size, &before, err) < 0 ||
        (!o->dry_run && kg_collect_lock(v, o->take_over, err) < 0))
        return kg_err_wrap(err, "collect vault %s", v->id);
    c.waiting = kg_json_array();
    r = o->dry_run ? 0 : kg_collect_now(v, &c.judge.now, err);
    if (r == 0)
        r = run(&c, err);
    if (!o->dry_run)
        kg_collect_unlock(v);
    if (r == 0)
        *ret_report = report(&c, before.packs, before.bytes);
    forget(&c);
    kg_json_free(c.waiting);
    return r < 0 ? kg_err_wrap(err, "collect vault %s", v->id) : 0;
}
