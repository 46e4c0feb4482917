/* job/queue.h - which task may run now: first come, first served, within the limits of the host, of each server and of
 * each backup instance. A task that must wait does not hold up those behind it that need not.
 *
 * Pure memory. Ownership: items are the caller's; the queue keeps copies of the keys. Keys compare ignoring case. */
#ifndef KG_JOB_QUEUE_H
#define KG_JOB_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/cleanup.h"
#include "keepgres/err.h"

struct kg_queue;

struct kg_queue_limits {
    unsigned host;            /* heavy tasks at a time */
    unsigned per_server;      /* heavy tasks at a time that talk to one server */
    unsigned light;           /* light tasks at a time */
    unsigned waiting;         /* tasks that wait; more are refused */
};

struct kg_queue_spec {
    bool heavy;
    const char *server;       /* NULL: talks to none */
    const char *instance;     /* NULL: no such limit */
    unsigned lanes;           /* of the instance, as bits: one task at a time in each; 0: all of them */
    bool first;               /* goes before those that wait, but not before others that do */
};

struct kg_queue *kg_queue_new(const struct kg_queue_limits *l);
void kg_queue_free(struct kg_queue *q);
KG_DEFINE_CLEANUP(struct kg_queue, kg_queue_free)

/* Would kg_queue_add() be accepted? KG_E_LIMIT when too many wait. */
int kg_queue_check(const struct kg_queue *q, struct kg_err *err) KG_MUST_CHECK;
int kg_queue_add(struct kg_queue *q, const struct kg_queue_spec *spec, void *item, struct kg_err *err) KG_MUST_CHECK;
/* The next item that may run, which now counts as running; NULL when none may. */
void *kg_queue_next(struct kg_queue *q);
/* Takes an item out, whether it runs or waits. */
void kg_queue_end(struct kg_queue *q, const void *item);
size_t kg_queue_running(const struct kg_queue *q);
size_t kg_queue_waiting(const struct kg_queue *q);

#endif
