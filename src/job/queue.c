#include "job/queue.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/assert.h"

struct entry {
    struct entry *next;
    void *item;
    bool heavy, running, preferred;
    unsigned lanes;
    char *server, *instance;
};

struct kg_queue {
    struct kg_queue_limits limits;
    struct entry *first;      /* oldest first */
    size_t running, waiting;
};

struct kg_queue *kg_queue_new(const struct kg_queue_limits *l)
{
    struct kg_queue *q = kg_xalloc(sizeof *q);

    q->limits = *l;
    return q;
}

static void entry_free(struct entry *e)
{
    free(e->server);
    free(e->instance);
    free(e);
}

void kg_queue_free(struct kg_queue *q)
{
    if (!q)
        return;
    for (struct entry *e = q->first, *next; e; e = next) {
        next = e->next;
        entry_free(e);
    }
    free(q);
}

int kg_queue_check(const struct kg_queue *q, struct kg_err *err)
{
    if (q->waiting < q->limits.waiting)
        return 0;
    kg_err_set(err, KG_E_LIMIT, "%zu tasks are waiting already", q->waiting);
    kg_err_advise(err, "Wait until some of them have ended, then try again.");
    return -(int)err->code;
}

int kg_queue_add(struct kg_queue *q, const struct kg_queue_spec *spec, void *item, struct kg_err *err)
{
    struct entry **at = &q->first, *e;

    if (kg_queue_check(q, err) < 0)
        return -(int)err->code;
    while (*at && (!spec->first || (*at)->running || (*at)->preferred))
        at = &(*at)->next;
    e = kg_xalloc(sizeof *e);
    e->next = *at;
    *at = e;
    e->preferred = spec->first;
    e->lanes = spec->lanes ? spec->lanes : ~0u;
    e->item = item;
    e->heavy = spec->heavy;
    e->server = kg_xstrdup(spec->server);
    e->instance = kg_xstrdup(spec->instance);
    q->waiting++;
    return 0;
}

static bool same(const char *a, const char *b) { return a && b && strcasecmp(a, b) == 0; }

static bool may_run(const struct kg_queue *q, const struct entry *e)
{
    unsigned class = 0, server = 0;

    for (const struct entry *o = q->first; o; o = o->next) {
        if (!o->running)
            continue;
        if (same(o->instance, e->instance) && o->lanes & e->lanes)
            return false;
        if (o->heavy != e->heavy)
            continue;
        class++;
        server += same(o->server, e->server);
    }
    if (!e->heavy)
        return class < q->limits.light;
    return class < q->limits.host && server < q->limits.per_server;
}

void *kg_queue_next(struct kg_queue *q)
{
    for (struct entry *e = q->first; e; e = e->next) {
        if (e->running || !may_run(q, e))
            continue;
        e->running = true;
        q->waiting--;
        q->running++;
        return e->item;
    }
    return NULL;
}

void kg_queue_end(struct kg_queue *q, const void *item)
{
    for (struct entry **at = &q->first; *at; at = &(*at)->next) {
        struct entry *e = *at;

        if (e->item != item)
            continue;
        *at = e->next;
        *(e->running ? &q->running : &q->waiting) -= 1;
        entry_free(e);
        return;
    }
    KG_BUG("an item that is not in the queue");
}

size_t kg_queue_running(const struct kg_queue *q) { return q->running; }
size_t kg_queue_waiting(const struct kg_queue *q) { return q->waiting; }
