/* engine/engine_int.h - the service's parts and how they see each other. For engine/ only. */
#ifndef KG_ENGINE_INT_H
#define KG_ENGINE_INT_H

#include <stdbool.h>
#include "api/api.h"
#include "engine/engine.h"
#include "engine/settings.h"
#include "engine/supervisor.h"
#include "job/queue.h"
#include "job/task.h"
#include "sys/lock.h"
#include "sys/paths.h"

enum kg_stop { KG_STOP_NO, KG_STOP_DRAIN, KG_STOP_NOW };

/* A task from its acceptance until its end is in the catalog. */
struct kg_run {
    struct kg_run *next;
    struct kg_engine *e;
    struct kg_task *task;
    struct kg_job *job;              /* or NULL */
    struct kg_job *ending;           /* while it is recorded: the job as it will be */
    struct kg_worker *worker;        /* while it runs */
    bool cancelled;
    bool over;                       /* it has ended; what is left is to record it */
    struct kg_err err;               /* how */
    struct kg_json *result;
    char *detail;
    struct kg_secret *key;           /* a new recovery key that the worker sent */
    struct kg_timer *retry;          /* recording failed and is tried again */
    kg_usec retry_after;
    struct line { kg_usec at; char *text; } *lines;  /* of the job's log, not in the catalog yet */
    size_t n_lines, cap_lines;
};

/* A recovery key that waits to be fetched, once. */
struct kg_kept_key {
    struct kg_kept_key *next;
    char *operation;
    struct kg_secret *key;
    kg_usec until;                   /* monotonic */
};

struct kg_engine {
    const struct kg_engine_opts *opts;
    struct kg_settings settings;
    struct kg_paths paths;
    struct kg_lock *lock;
    struct kg_loop *loop;
    struct kg_secret *key;           /* the service's */
    struct kg_catalog *catalog;
    struct kg_keyvault *keyvault;
    struct kg_identity *identity;
    struct kg_supervisor *supervisor;
    struct kg_queue *queue;
    struct kg_api api;
    struct kg_http *http;
    char run_id[37];                 /* of this run of the service: owner of leases */
    int log_fd;
    bool own_socket;                 /* made by us, not passed by systemd */
    kg_usec started, started_mono;   /* wall, monotonic */
    kg_usec recheck_at;              /* monotonic: when suspect vaults are looked at once more; 0: not */
    struct kg_run *runs;
    struct kg_kept_key *keys;
    struct kg_timer *tick, *pump;
    enum kg_stop stop;
    kg_usec stop_asked;              /* monotonic */
    kg_usec stop_at;                 /* monotonic: when running workers are killed; 0: not stopping now */
    kg_usec busy_at;                 /* monotonic: when there last was something to do */
    kg_usec pruned_at;
};

/* ---- tasks.c: from acceptance to the catalog ---- */
void kg_tasks_env(struct kg_engine *e, struct kg_api_env *ret);
void kg_tasks_pump(struct kg_engine *e);             /* starts what may run */
void kg_tasks_tick(struct kg_engine *e);             /* once a second: progress and logs into the catalog */
void kg_tasks_cancel_all(struct kg_engine *e, const char *why);
void kg_tasks_kill_all(struct kg_engine *e);
void kg_tasks_free(struct kg_engine *e);
void kg_tasks_start_adopt(struct kg_engine *e, const char *vault);
bool kg_tasks_idle(const struct kg_engine *e);
unsigned kg_tasks_jobs(const struct kg_engine *e);   /* jobs that have not ended */

/* ---- prepare.c: what a worker is told ---- */
/* The worker's job; the connection's secret, if it needs one, is read from its key vault now. */
int kg_prepare(struct kg_engine *e, const struct kg_task *t, struct kg_json **ret_job, struct kg_secret **ret_connection,
               struct kg_err *err) KG_MUST_CHECK;

/* ---- results.c: what follows from an end, inside the caller's transaction ---- */
/* The result may be changed to what callers shall see of it. */
int kg_result_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err) KG_MUST_CHECK;
/* kind, resource: of the task or of an operation that a dead service left. */
int kg_result_failed(struct kg_engine *e, enum kg_task_kind kind, const char *resource, const struct kg_err *why,
                     const char *detail, struct kg_err *err) KG_MUST_CHECK;

/* ---- recover.c: after a service that ended in the middle ---- */
/* Fails what it left unfinished, in one transaction. */
int kg_recover(struct kg_engine *e, struct kg_err *err) KG_MUST_CHECK;
/* Vaults in which recovery points may be that the catalog does not know: remembered, and looked at by workers. */
int kg_recover_suspect(struct kg_engine *e, const char *vault, struct kg_err *err) KG_MUST_CHECK;
int kg_recover_cleared(struct kg_engine *e, const char *vault, struct kg_err *err) KG_MUST_CHECK;
int kg_recover_start(struct kg_engine *e, struct kg_err *err) KG_MUST_CHECK;
void kg_recover_tick(struct kg_engine *e);
/* What "point-list" said, into the catalog. */
int kg_recover_adopt(struct kg_engine *e, const char *vault, const struct kg_json *result, struct kg_err *err) KG_MUST_CHECK;

/* ---- backing.c: the local key vaults' sealed bytes are in the catalog ---- */
struct kg_keyvault *kg_open_keyvault(struct kg_engine *e);

/* ---- start.c ---- */
int kg_engine_open(struct kg_engine *e, struct kg_err *err) KG_MUST_CHECK;
void kg_engine_close(struct kg_engine *e);

/* Stops; from env and signals. */
void kg_engine_stop(struct kg_engine *e, bool now);

#endif
