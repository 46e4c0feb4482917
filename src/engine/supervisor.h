/* engine/supervisor.h - worker processes: started, fed, listened to, ended for sure.
 *
 * A worker is this very program with the argument "worker", its end of a socketpair as descriptor 3 and its standard
 * error caught. It is over when the process has been reaped and everything it had written was read; only then is ended()
 * called, once. Then the worker is gone.
 *
 * Ownership: kg_supervisor_new() gives, kg_supervisor_free() takes (and kills what still runs).
 * Threads:   the loop's. Callbacks may start other workers. */
#ifndef KG_ENGINE_SUPERVISOR_H
#define KG_ENGINE_SUPERVISOR_H

#include <stdbool.h>
#include "base/time.h"
#include "crypto/secret.h"
#include "json/json.h"
#include "keepgres/err.h"
#include "sys/loop.h"

struct kg_supervisor;
struct kg_worker;

struct kg_outcome {
    struct kg_json *result;       /* when err.code is OK: what the worker reported, or NULL; the callee may take it */
    struct kg_err err;
    const char *detail;           /* last lines of what a program said, or NULL; borrowed */
};

struct kg_worker_ops {
    void (*event)(void *arg, const struct kg_json *event);                     /* progress, subtask, log, warning */
    void (*secret)(void *arg, const char *name, struct kg_secret *secret);     /* takes it */
    void (*ended)(void *arg, struct kg_outcome *o);
};

struct kg_worker_secret {
    const char *name;
    const struct kg_secret *value;
};

struct kg_worker_spec {
    const char *what;             /* for the log: "Backup 1234…" */
    const struct kg_json *job;    /* {"operation":…} */
    const struct kg_worker_secret *secrets;
    size_t n_secrets;
    kg_usec silence;              /* ended when it says nothing for so long */
    kg_usec grace;                /* how long after a cancel it may take before SIGTERM; SIGKILL follows */
    const struct kg_worker_ops *ops;
    void *arg;
};

struct kg_supervisor *kg_supervisor_new(struct kg_loop *loop);
void kg_supervisor_free(struct kg_supervisor *s);
KG_DEFINE_CLEANUP(struct kg_supervisor, kg_supervisor_free)

/* KG_E_IO, KG_E_NO_PROGRAM: it did not start, and ended() will not be called. */
int kg_worker_start(struct kg_supervisor *s, const struct kg_worker_spec *spec, struct kg_worker **ret,
                    struct kg_err *err) KG_MUST_CHECK;
void kg_worker_cancel(struct kg_worker *w);   /* asks; then insists */
void kg_worker_kill(struct kg_worker *w);     /* SIGKILL, now */
/* After SIGCHLD. */
void kg_supervisor_reap(struct kg_supervisor *s);
unsigned kg_supervisor_count(const struct kg_supervisor *s);

#endif
