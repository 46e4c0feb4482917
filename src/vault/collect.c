/* kg_vault_collect: space comes back.
 *
 * (1) Sweep what earlier collections have doomed. (2) If nothing is left to sweep: mark. Packs in which nothing is needed,
 * and packs in which little is, are doomed; what is needed of the latter is stored again elsewhere. (3) Sweep that.
 *
 * Keeps to:
 * (a) A pack is deleted only when it is doomed, no writer is at work that does not know it, and then a fresh reading of all
 *     manifests finds every chunk that they need in a pack that is not doomed.
 * (b) What cannot be read stops everything, before anything was deleted.
 * (c) A doomed object goes last: as long as one of its packs may be deleted, no writer that begins counts on it. */
#include "vault/presence.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "vault/live.h"
#include "vault/writer_int.h"

enum { REPACK_PERCENT = 50 };

struct pack_state {
    uint64_t needed, plain;              /* bytes of chunks: that only this pack has of those needed, of all */
    bool known;                          /* its directory could be read */
};

struct collect {
    struct kg_vault *v;
    const struct kg_collect_opts *o;
    struct kg_json *report, *waiting;
    struct kg_locator all, rest;         /* all packs; those that are not doomed */
    bool has_all, has_rest;
    struct kg_live *live;
    struct kg_doomed_list doomed;
    uint64_t dead_packs, dead_bytes, repack_packs, repack_bytes, rewritten, deleted, freed;
};

static int go_on(struct collect *c, struct kg_err *err)
{
    return c->o->cancelled && c->o->cancelled(c->o->ctx) ? kg_err_set(err, KG_E_CANCELLED, "the collection was cancelled") : 0;
}

static bool in_doomed(void *ctx, const uint8_t id[KG_PACK_ID])
{
    const struct collect *c = ctx;

    for (size_t i = 0; i < c->doomed.n; i++)
        if (kg_doomed_has(&c->doomed.list[i], id))
            return true;
    return false;
}

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
    if (kg_locator_load(c->v, &o, &c->rest, err) < 0)
        return -(int)err->code;
    c->has_rest = true;
    if (damage.code) {
        *err = damage;
        return -(int)err->code;
    }
    return kg_live_load(c->v, &c->all, &c->live, err);
}

/* ---- marking ---- */

static int weigh(struct collect *c, size_t i, struct pack_state *ret, struct kg_err *err)
{
    const struct kg_place_pack *p = &c->all.packs[i];
    KG_AUTO_FREE uint8_t *bytes = NULL;
    char name[KG_PACK_NAME];
    struct kg_place place;
    struct kg_dir d;

    *ret = (struct pack_state){ .known = true };
    kg_pack_name(p->id, name);
    if (kg_pack_open_dir(c->v, name, p->size, &bytes, &d, err) < 0)
        return -(int)err->code;
    for (uint32_t k = 0; k < d.n_chunks; k++) {
        uint32_t len = kg_dir_chunk_len(&d, k);

        ret->plain += len;
        if (kg_live_has(c->live, kg_dir_chunk_id(&d, k)) && kg_locator_find(&c->all, kg_dir_chunk_id(&d, k), &place) &&
            c->all.segs[place.seg].pack == i)
            ret->needed += len;
    }
    return 0;
}

/* The packs that are to go; *ret_repack of them, at the end, have something that is needed. The caller frees. */
static int choose(struct collect *c, uint8_t (**ret)[KG_PACK_ID], size_t *ret_n, struct kg_err *err)
{
    unsigned percent = c->o->repack_percent ? c->o->repack_percent : REPACK_PERCENT;
    KG_AUTO_FREE uint8_t (*ids)[KG_PACK_ID] = kg_xalloc_array(c->all.n_listed ? c->all.n_listed : 1, KG_PACK_ID);
    size_t n = 0;

    for (size_t i = 0; i < c->all.n_listed; i++) {
        const struct kg_place_pack *p = &c->all.packs[i];
        struct pack_state s;

        if (go_on(c, err) < 0 || weigh(c, i, &s, err) < 0)
            return -(int)err->code;
        if (s.needed == 0)
            c->dead_packs++, c->dead_bytes += p->size;
        else if (s.needed * 100 < s.plain * percent)
            c->repack_packs++, c->repack_bytes += p->size;
        else
            continue;
        memcpy(ids[n++], p->id, KG_PACK_ID);
    }
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

        if (kg_live_has(c->live, id)) {
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
    if (kg_pack_open_dir(c->v, name, p->size, &bytes, &d, err) < 0)
        return -(int)err->code;
    for (uint32_t i = 0; i < d.n_segs; i++) {
        struct kg_seg s = kg_dir_seg(&d, i);

        if (go_on(c, err) < 0 || rewrite_segment(c, name, &d, &s, chunk, r, sink, err) < 0)
            return -(int)err->code;
        chunk += s.chunks;
    }
    return 0;
}

/* What is needed of doomed packs goes into new ones: a writer of our own, which takes nothing in doomed ones for granted. */
static int rewrite(struct collect *c, struct kg_err *err)
{
    KG_CLEANUP(kg_writer_freep) struct kg_writer *w = NULL;
    KG_CLEANUP(kg_sink_abortp) struct kg_sink *sink = NULL;
    struct kg_seg_reader r;
    struct kg_write_stats st;
    int result = 0;

    if (kg_writer_begin(c->v, &(struct kg_write_opts){ .level = 3 }, &w, err) < 0 || kg_sink_open(w, &sink, err) < 0)
        return -(int)err->code;
    kg_seg_reader_init(&r, c->v);
    for (size_t i = 0; result == 0 && i < c->all.n_listed; i++)
        if (in_doomed(c, c->all.packs[i].id))
            result = rewrite_pack(c, &c->all.packs[i], &r, sink, err);
    kg_seg_reader_done(&r);
    if (result < 0 || kg_sink_close(KG_TAKE(sink), err) < 0 || kg_writer_finish(w, err) < 0)
        return -(int)err->code;
    kg_writer_stats(w, &st);
    c->rewritten += st.new_bytes;
    return 0;
}

static int mark(struct collect *c, struct kg_err *err)
{
    KG_AUTO_FREE uint8_t (*ids)[KG_PACK_ID] = NULL;
    size_t n = 0;

    if (choose(c, &ids, &n, err) < 0)
        return -(int)err->code;
    if (n == 0 || c->o->dry_run)
        return 0;
    return kg_doomed_put(c->v, ids, n, err);
}

/* ---- sweeping ---- */

/* Is something needed that only this pack has? */
static int is_needed(struct collect *c, const struct kg_place_pack *p, bool *ret, struct kg_err *err)
{
    KG_AUTO_FREE uint8_t *bytes = NULL;
    char name[KG_PACK_NAME];
    struct kg_place place;
    struct kg_dir d;

    kg_pack_name(p->id, name);
    if (kg_pack_open_dir(c->v, name, p->size, &bytes, &d, err) < 0)
        return -(int)err->code;
    *ret = false;
    for (uint32_t k = 0; !*ret && k < d.n_chunks; k++)
        *ret = kg_live_has(c->live, kg_dir_chunk_id(&d, k)) && !kg_locator_find(&c->rest, kg_dir_chunk_id(&d, k), &place);
    return 0;
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

/* Keeps (a), (c). d: index in the list of doomed objects, which was loaded with everything else after the writers were asked. */
static int sweep_one(struct collect *c, const struct kg_doomed *d, struct kg_err *err)
{
    int eno;

    for (size_t i = 0; i < c->all.n_listed; i++) {
        const struct kg_place_pack *p = &c->all.packs[i];
        bool needed = false;

        if (!kg_doomed_has(d, p->id))
            continue;
        if (go_on(c, err) < 0 || is_needed(c, p, &needed, err) < 0 || (!needed && delete_pack(c, p, err) < 0))
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
static int ask_writers(struct collect *c, bool *ret_free, struct kg_err *err)
{
    struct kg_doomed_list l = { 0 };
    int r = kg_doomed_load(c->v, &l, err);

    for (size_t i = 0; r == 0 && i < l.n; i++)
        r = kg_presence_others(c->v, l.list[i].name, c->waiting, err);
    *ret_free = r == 0 && kg_json_count(c->waiting) == 0;
    kg_doomed_done(&l);
    return r;
}

/* The writers are asked before the manifests are read: a point that they made is seen then. */
static int sweep(struct collect *c, struct kg_err *err)
{
    bool may = false;

    if (ask_writers(c, &may, err) < 0)
        return -(int)err->code;
    if (!may)
        return 0;
    if (look(c, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < c->doomed.n; i++)
        if (sweep_one(c, &c->doomed.list[i], err) < 0)
            return -(int)err->code;
    return 0;
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

    return c->o->dry_run ? 0 : kg_presence_others(c->v, "", ignored, err);
}

/* Between two looks the list of doomed objects may only be what this collection made of it: it holds the lock. */
static int run(struct collect *c, struct kg_err *err)
{
    if (bury_the_dead(c, err) < 0 || look(c, err) < 0)
        return -(int)err->code;
    if (c->doomed.n && !c->o->dry_run && (rewrite(c, err) < 0 || sweep(c, err) < 0))
        return -(int)err->code;
    if (kg_json_count(c->waiting) > 0)
        return 0;
    if ((c->deleted && look(c, err) < 0) || mark(c, err) < 0)
        return -(int)err->code;
    if (c->o->dry_run)
        return 0;
    if (c->dead_packs + c->repack_packs && (look(c, err) < 0 || rewrite(c, err) < 0 || sweep(c, err) < 0))
        return -(int)err->code;
    return c->deleted || c->all.n_packs > c->all.n_listed ? tidy_indexes(c, err) : 0;
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
    struct collect c = { .v = v, .o = o };
    struct sizes before = { 0 };
    int r = 0;

    if (kg_store_list(v->store, "packs/", add_size, &before, err) < 0 ||
        (!o->dry_run && kg_collect_lock(v, o->take_over, err) < 0))
        return kg_err_wrap(err, "collect vault %s", v->id);
    c.waiting = kg_json_array();
    r = run(&c, err);
    if (!o->dry_run)
        kg_collect_unlock(v);
    if (r == 0)
        *ret_report = report(&c, before.packs, before.bytes);
    forget(&c);
    kg_json_free(c.waiting);
    return r < 0 ? kg_err_wrap(err, "collect vault %s", v->id) : 0;
}
