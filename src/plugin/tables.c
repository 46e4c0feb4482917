#include "plugin/tables.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"

struct mark {
    const char *schema, *name, *step;
    uint64_t estimate;
    atomic_ullong bytes, rows;
    kg_usec began, spent;        /* 0: nobody has begun; once it is done: how long it took */
    unsigned parts, sessions;
    bool counts;                 /* as one of the tables done */
};

struct kg_tables {
    pthread_mutex_t lock;        /* guards all but the marks' bytes and rows */
    struct mark *mark;
    size_t n;
    size_t *in_work, n_in_work, cap_in_work;
    size_t kept[KG_TABLES_KEPT], n_kept;     /* done, biggest first */
    uint64_t done;
};

struct kg_tables *kg_tables_new(size_t n)
{
    struct kg_tables *t = kg_xalloc(sizeof *t);

    pthread_mutex_init(&t->lock, NULL);
    t->mark = kg_xalloc_array(n ? n : 1, sizeof *t->mark);
    t->n = n;
    return t;
}

void kg_tables_free(struct kg_tables *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t->mark);
    free(t->in_work);
    free(t);
}

static void lock(const struct kg_tables *t) { pthread_mutex_lock((pthread_mutex_t *)(uintptr_t)&t->lock); }
static void unlock(const struct kg_tables *t) { pthread_mutex_unlock((pthread_mutex_t *)(uintptr_t)&t->lock); }

void kg_tables_name(struct kg_tables *t, size_t i, const char *schema, const char *name, uint64_t bytes, unsigned parts, bool is_table)
{
    struct mark *m = &t->mark[i];

    KG_ASSERT(i < t->n);
    lock(t);
    m->schema = schema;
    m->name = name;
    m->estimate = bytes;
    m->parts = parts;
    m->counts = is_table;
    m->began = m->spent = 0;
    unlock(t);
}

void kg_tables_enter(struct kg_tables *t, size_t i, const char *step)
{
    struct mark *m = &t->mark[i];

    lock(t);
    m->step = step;
    if (!m->began)
        m->began = kg_now_mono();
    if (m->sessions++ == 0) {
        KG_GROW(t->in_work, t->n_in_work, t->cap_in_work);
        t->in_work[t->n_in_work++] = i;
    }
    unlock(t);
}

void kg_tables_count(struct kg_tables *t, size_t i, uint64_t bytes, uint64_t rows)
{
    atomic_fetch_add_explicit(&t->mark[i].bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&t->mark[i].rows, rows, memory_order_relaxed);
}

static uint64_t bytes_of(const struct kg_tables *t, size_t i) { return atomic_load_explicit(&t->mark[i].bytes, memory_order_relaxed); }

static void keep(struct kg_tables *t, size_t i)
{
    size_t at = t->n_kept;

    if (!bytes_of(t, i))
        return;
    while (at > 0 && bytes_of(t, t->kept[at - 1]) < bytes_of(t, i))
        at--;
    if (at == KG_TABLES_KEPT)
        return;
    if (t->n_kept < KG_TABLES_KEPT)
        t->n_kept++;
    memmove(&t->kept[at + 1], &t->kept[at], (t->n_kept - at - 1) * sizeof *t->kept);
    t->kept[at] = i;
}

static void forget_work(struct kg_tables *t, size_t i)
{
    size_t at = 0;

    while (t->in_work[at] != i)
        at++;
    memmove(&t->in_work[at], &t->in_work[at + 1], (t->n_in_work - at - 1) * sizeof *t->in_work);
    t->n_in_work--;
}

void kg_tables_leave(struct kg_tables *t, size_t i, bool part_done)
{
    struct mark *m = &t->mark[i];

    lock(t);
    if (--m->sessions == 0)
        forget_work(t, i);
    if (part_done && !m->spent && --m->parts == 0) {
        m->spent = kg_now_mono() - m->began + 1;
        t->done += m->counts;
        keep(t, i);
    }
    unlock(t);
}

uint64_t kg_tables_done(const struct kg_tables *t)
{
    uint64_t n;

    lock(t);
    n = t->done;
    unlock(t);
    return n;
}

/* An estimate that was too low is no total. */
static struct kg_table_told tell(const struct kg_tables *t, size_t i, bool in_work)
{
    const struct mark *m = &t->mark[i];
    struct kg_table_told told = { .schema = m->schema, .name = m->name, .step = m->step, .bytes_done = bytes_of(t, i),
                                  .rows = atomic_load_explicit(&m->rows, memory_order_relaxed), .took = m->spent };

    told.bytes_total = in_work && m->estimate > told.bytes_done ? m->estimate : in_work && !m->estimate ? 0 : told.bytes_done;
    return told;
}

size_t kg_tables_in_work(const struct kg_tables *t, kg_usec now_mono, struct kg_table_told *ret, size_t max)
{
    size_t n;

    lock(t);
    n = t->n_in_work;
    for (size_t k = 0; k < n && k < max; k++) {
        ret[k] = tell(t, t->in_work[k], true);
        ret[k].took = now_mono - t->mark[t->in_work[k]].began;
    }
    unlock(t);
    return n;
}

size_t kg_tables_biggest(const struct kg_tables *t, struct kg_table_told *ret, size_t max)
{
    size_t n;

    lock(t);
    n = t->n_kept < max ? t->n_kept : max;
    for (size_t k = 0; k < n; k++)
        ret[k] = tell(t, t->kept[k], false);
    unlock(t);
    return n;
}
