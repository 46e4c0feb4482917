#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "vault/live.h"

struct share { char *instance; uint64_t plain; double stored; };

struct count {
    const struct kg_locator *index;
    struct share *share;
    size_t n, cap;
    uint64_t objects, packs;         /* bytes */
};

static int add_object(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct count *c = ctx;

    (void)err;
    if (strncmp(e->name, "writers/", 8) == 0) /* who is at work now, we too */
        return 0;
    c->objects += e->size;
    c->packs += strncmp(e->name, "packs/", 6) == 0 ? e->size : 0;
    return 0;
}

/* Points are listed instance by instance: it is the last one, or a new one. */
static struct share *share_of(struct count *c, const char *instance)
{
    if (c->n && strcmp(c->share[c->n - 1].instance, instance) == 0)
        return &c->share[c->n - 1];
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->share[i].instance, instance) == 0)
            return &c->share[i];
    KG_GROW(c->share, c->n, c->cap);
    c->share[c->n] = (struct share){ .instance = kg_xstrdup(instance) };
    return &c->share[c->n++];
}

/* A chunk's part of its sealed segment. */
static void see_chunk(void *ctx, const char *instance, const struct kg_place *place)
{
    struct count *c = ctx;
    const struct kg_place_seg *s = &c->index->segs[place->seg];
    struct share *to = share_of(c, instance);

    to->plain += place->len;
    to->stored += s->plain ? (double)s->sealed * place->len / s->plain : 0;
}

static uint64_t all_plain(const struct kg_locator *index)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < index->n_segs; i++)
        sum += index->packs[index->segs[i].pack].whole ? index->segs[i].plain : 0;
    return sum;
}

static struct kg_json *report(const struct count *c)
{
    struct kg_json *j = kg_json_object(), *list = kg_json_array();
    uint64_t plain = 0;
    double stored = 0;

    for (size_t i = 0; i < c->n; i++) {
        struct kg_json *one = kg_json_object();

        kg_json_set_str(one, "instance", c->share[i].instance);
        kg_json_set_u64(one, "neededBytes", c->share[i].plain);
        kg_json_set_u64(one, "neededStoredBytes", (uint64_t)c->share[i].stored);
        kg_json_push(list, one);
        plain += c->share[i].plain;
        stored += c->share[i].stored;
    }
    kg_json_set_u64(j, "storedBytes", c->objects);
    kg_json_set_u64(j, "packBytes", c->packs);
    kg_json_set_u64(j, "plainBytes", all_plain(c->index));
    kg_json_set_u64(j, "neededBytes", plain);
    kg_json_set_u64(j, "neededStoredBytes", (uint64_t)stored);
    kg_json_set(j, "instances", list);
    return j;
}

int kg_vault_usage(struct kg_vault *v, struct kg_json **ret, struct kg_err *err)
{
    KG_CLEANUP(kg_live_freep) struct kg_live *live = NULL;
    KG_CLEANUP(kg_locator_done) struct kg_locator index = { 0 };
    struct count c = { .index = &index };
    int r = kg_store_list(v->store, "", add_object, &c, err);

    if (r == 0)
        r = kg_locator_load(v, &(struct kg_locator_opts){ .places = true, .all_packs = true }, &index, err);
    if (r == 0)
        r = kg_live_count(v, &index, see_chunk, &c, &live, err);
    if (r == 0)
        *ret = report(&c);
    for (size_t i = 0; i < c.n; i++)
        free(c.share[i].instance);
    free(c.share);
    return r < 0 ? kg_err_wrap(err, "measure vault %s", v->id) : 0;
}
