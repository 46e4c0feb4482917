#include "vault/idmap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"

enum { SHARDS = 64, KEY = 16, LEAST = 16 };

/* An entry is KEY bytes of the id and the value; all zeros is a free one (an id that is zero is refused). */
struct shard {
    pthread_mutex_t lock;
    uint8_t *entries;
    size_t n, cap;
};

struct kg_idmap {
    size_t value, stride;
    struct shard shards[SHARDS];
};

static const uint8_t zero[KEY];

struct kg_idmap *kg_idmap_new(size_t value_size, size_t expected)
{
    struct kg_idmap *m = kg_xalloc(sizeof *m);
    size_t each = expected / SHARDS;

    m->value = value_size;
    m->stride = KEY + value_size;
    each += each / 64 + LEAST; /* shards differ a little */
    for (unsigned i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&m->shards[i].lock, NULL);
        m->shards[i].cap = each + each / 4;
        m->shards[i].entries = kg_xalloc_array(m->shards[i].cap, m->stride);
    }
    return m;
}

void kg_idmap_free(struct kg_idmap *m)
{
    if (!m)
        return;
    for (unsigned i = 0; i < SHARDS; i++) {
        pthread_mutex_destroy(&m->shards[i].lock);
        free(m->shards[i].entries);
    }
    free(m);
}

static uint64_t word(const uint8_t *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof w);
    return w;
}

/* The entry of id, or the free one where it belongs. Shard and place come from different bytes. */
static uint8_t *slot(const struct kg_idmap *m, const struct shard *s, const uint8_t *id)
{
    size_t i = (size_t)((unsigned __int128)word(id + 8) * s->cap >> 64);

    for (;;) {
        uint8_t *e = s->entries + i * m->stride;

        if (memcmp(e, id, KEY) == 0 || memcmp(e, zero, KEY) == 0)
            return e;
        if (++i == s->cap)
            i = 0;
    }
}

static void grow(const struct kg_idmap *m, struct shard *s)
{
    struct shard bigger = { .cap = s->cap + s->cap / 2 };

    bigger.entries = kg_xalloc_array(bigger.cap, m->stride);
    for (size_t i = 0; i < s->cap; i++) {
        const uint8_t *e = s->entries + i * m->stride;

        if (memcmp(e, zero, KEY) != 0)
            memcpy(slot(m, &bigger, e), e, m->stride);
    }
    free(s->entries);
    s->entries = bigger.entries;
    s->cap = bigger.cap;
}

bool kg_idmap_claim(struct kg_idmap *m, const uint8_t *id, const void *value)
{
    struct shard *s = &m->shards[id[0] % SHARDS];
    uint8_t *e;
    bool is_new;

    KG_ASSERT(memcmp(id, zero, KEY) != 0);
    pthread_mutex_lock(&s->lock);
    e = slot(m, s, id);
    is_new = memcmp(e, zero, KEY) == 0;
    if (is_new) {
        if ((s->n + 1) * 5 > s->cap * 4) {
            grow(m, s);
            e = slot(m, s, id);
        }
        memcpy(e, id, KEY);
        if (m->value)
            memcpy(e + KEY, value, m->value);
        s->n++;
    }
    pthread_mutex_unlock(&s->lock);
    return is_new;
}

const void *kg_idmap_find(const struct kg_idmap *m, const uint8_t *id)
{
    const uint8_t *e = slot(m, &m->shards[id[0] % SHARDS], id);

    return memcmp(e, id, KEY) == 0 && memcmp(id, zero, KEY) != 0 ? e + KEY : NULL;
}

size_t kg_idmap_count(const struct kg_idmap *m)
{
    size_t n = 0;

    for (unsigned i = 0; i < SHARDS; i++)
        n += m->shards[i].n;
    return n;
}
