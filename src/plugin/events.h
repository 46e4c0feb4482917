/* plugin/events.h - what a data path tells while it runs, and how it learns that it shall stop.
 *
 * Threads: progress() is called from the thread that called the data path; log(), warn() and tables() too. cancelled() is called
 * from any thread and must be quick. Every function may be NULL. */
#ifndef KG_PLUGIN_EVENTS_H
#define KG_PLUGIN_EVENTS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/time.h"
#include "keepgres/err.h"
#include "plugin/tables.h"

struct kg_progress {
    const char *phase;           /* "plan", "data", "commit", "schema", "indexes", "verify" */
    uint64_t bytes_done, bytes_total;
    uint64_t rows;
    uint64_t tables_done, tables_total;
    uint64_t stored_bytes, new_bytes;
    const struct kg_tables *tables;      /* which ones are in work; NULL: that is not known of this phase */
};

struct kg_events {
    void (*progress)(void *ctx, const struct kg_progress *p);
    void (*subtask)(void *ctx, int id, const char *name, const char *status);
    void (*log)(void *ctx, const char *text);
    void (*warn)(void *ctx, const struct kg_err *e);
    void (*warn_about)(void *ctx, const struct kg_err *e, const char *type, const char *name); /* NULL: warn() is called */
    void (*tables)(void *ctx, const struct kg_tables *t);   /* once, at the end, however it ends: what each of the biggest took */
    bool (*cancelled)(void *ctx);
    void *ctx;
};

bool kg_events_cancelled(const struct kg_events *ev);
int kg_events_check(const struct kg_events *ev, struct kg_err *err) KG_MUST_CHECK; /* KG_E_CANCELLED when it shall stop */
void kg_events_log(const struct kg_events *ev, const char *fmt, ...) KG_PRINTF(2, 3);
void kg_events_warn(const struct kg_events *ev, const struct kg_err *e);
/* The same, with what it is about for machines to read: "role", "tablespace", "database", "object", and its name. */
void kg_events_warn_about(const struct kg_events *ev, const struct kg_err *e, const char *type, const char *name);
void kg_events_subtask(const struct kg_events *ev, int id, const char *name, const char *status);
void kg_events_tables(const struct kg_events *ev, const struct kg_tables *t); /* t NULL: it never came to that */
void kg_events_progress(const struct kg_events *ev, const struct kg_progress *p);

#endif
