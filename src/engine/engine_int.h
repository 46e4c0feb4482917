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
#include "readiness/round.h"
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
    bool parked;                     /* a restore that waits for a rehydration: not in the queue, and survives the service */
    bool over;                       /* it has ended; what is left is to record it */
    struct kg_err err;               /* how */
    struct kg_err verdict;           /* its work is done, and what was found makes the job (not the operation) a failure */
    struct kg_json *verdicts;        /* UserFacingErrors behind verdict, or NULL */
    struct kg_json *result;
    struct kg_round *round;          /* what was checked, of a task that checks databases; or NULL */
    struct kg_json *failures;        /* UserFacingErrors behind err, or NULL */
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
    struct kg_wanted *wanted;        /* rehydrations to be started, see tiering.c */
    struct kg_gone *gone;            /* points that were deleted while a vault is listed, see leaving.c */
    kg_usec settle_pause;            /* after a deletion that failed; 0: the last one did not */
    struct kg_timer *tick, *pump;
    enum kg_stop stop;
    kg_usec stop_asked;              /* monotonic */
    kg_usec stop_at;                 /* monotonic: when running workers are killed; 0: not stopping now */
    kg_usec unrecorded_since;        /* monotonic: while draining, since when nothing but recording is left; 0: more is */
    kg_usec busy_at;                 /* monotonic: when there last was something to do */
    kg_usec pruned_at;
    kg_usec schedule_at;             /* monotonic: when schedules are looked at next */
    kg_usec schedule_said;           /* monotonic: when something about them was last logged; 0: never */
    size_t scheduled;                /* instances that were found to have one */
    kg_usec next_backup;             /* wall: the soonest start that a schedule wants; 0: none */
    char *next_instance;             /* id of what it is of, or NULL */
    kg_usec lifecycle_at, purge_at;  /* monotonic: when points, deleted instances are looked at next */
    kg_usec usage_at;                /* monotonic: when it is looked which vaults are to be measured */
    bool copies_first;               /* whose turn it is, see lifecycle.c */
    kg_usec clock_ahead;             /* wall time minus time since the machine's start */
    bool clock_unsettled;            /* it jumped, and that is written down */
    bool clock_asks;                 /* and somebody has to say that it is right */
    kg_usec clock_seen;              /* wall: the latest time that was believed; 0: none */
    kg_usec clock_settles, clock_noted; /* since the machine's start */
};

/* ---- tasks.c: from acceptance to the catalog ---- */
void kg_tasks_env(struct kg_engine *e, struct kg_api_env *ret);
void kg_tasks_pump(struct kg_engine *e);             /* starts what may run */
void kg_tasks_tick(struct kg_engine *e);             /* once a second: progress and logs into the catalog */
void kg_tasks_cancel_all(struct kg_engine *e, const char *why);
void kg_tasks_kill_all(struct kg_engine *e);
void kg_tasks_line(struct kg_run *r, const char *text); /* adds to the job's log */
void kg_tasks_free(struct kg_engine *e);
void kg_tasks_start_adopt(struct kg_engine *e, const char *vault);
/* A job that waits, of an earlier service; takes both. Unparking lets it run, or, with why, fails it. */
struct kg_run *kg_tasks_park(struct kg_engine *e, struct kg_task *t, struct kg_job *job);
void kg_tasks_unpark(struct kg_run *r, const struct kg_err *why);
bool kg_tasks_none_left(const struct kg_engine *e);  /* but those that are parked */
bool kg_tasks_collects(const struct kg_engine *e, const char *vault); /* a collection runs, or waits */
bool kg_tasks_restores(const struct kg_engine *e, const char *point); /* a restore of it runs, or waits */
/* Trouble with the catalog itself, which another try may not meet; everything else is about what was asked. */
bool kg_is_catalog_trouble(enum kg_code c);
bool kg_tasks_idle(const struct kg_engine *e);
bool kg_tasks_only_unrecorded(const struct kg_engine *e); /* all that is left has ended and waits to be recorded */
unsigned kg_tasks_jobs(const struct kg_engine *e);   /* jobs that have not ended */

/* ---- prepare.c: what a worker is told ---- */
struct kg_prepared {
    struct kg_json *job;             /* NULL: nothing is left for a worker */
    struct { char name[40]; struct kg_secret *value; } *secret;
    size_t n, cap;
};
void kg_prepared_done(struct kg_prepared *p);
#define KG_AUTO_PREPARED KG_CLEANUP(kg_prepared_done)
/* The worker's job; the secrets that it needs are read from their key vaults now. What the vault's identity may not do
 * any more fails here, before a byte was read. */
int kg_prepare(struct kg_run *r, struct kg_prepared *ret, struct kg_err *err) KG_MUST_CHECK;
struct kg_json *kg_prepare_server(const struct kg_resource *server); /* {name, host, port, sslMode} */

/* ---- secrets.c ---- */
/* One secret for the worker, under that name: read now, or for the worker to get from Azure before its operation begins. */
int kg_prepare_secret(struct kg_engine *e, const char *uri, const char *name, struct kg_prepared *p,
                      struct kg_err *err) KG_MUST_CHECK;
/* The task's Azure Key Vault, and the value that the caller sent, if there is one. */
int kg_prepare_keyvault(struct kg_run *r, struct kg_prepared *p, struct kg_err *err) KG_MUST_CHECK;

/* ---- ready.c: tasks that check databases ---- */
/* Makes the control checks of params.rows and puts those rows into the job that a worker can go on with. */
int kg_ready_prepare(struct kg_run *r, struct kg_prepared *p, struct kg_err *err) KG_MUST_CHECK;
/* "hasPoints": was that instance (NULL: there is none yet) backed up before? Then a backup adds only what changed. */
int kg_ready_add_history(struct kg_engine *e, const char *instance, struct kg_json *ret, struct kg_err *err) KG_MUST_CHECK;
/* The end: makes the report of what service and worker found the run's result; a check that failed is the run's error
 * where one database was asked for. */
void kg_ready_judge(struct kg_run *r);
/* Says of the databases that a worker listed which are protected already, or too far from the vault asked about. */
int kg_ready_mark(struct kg_run *r, struct kg_err *err) KG_MUST_CHECK;

/* ---- results.c: what follows from an end, inside the caller's transaction ---- */
/* The result may be changed to what callers shall see of it; a verdict is given, and lines of the log are added, here. */
int kg_result_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err) KG_MUST_CHECK;
/* kind, resource: of the task or of an operation that a dead service left. */
int kg_result_failed(struct kg_engine *e, enum kg_task_kind kind, const char *resource, const struct kg_err *why,
                     const char *detail, struct kg_err *err) KG_MUST_CHECK;

/* The instance that was looked for last, {0} before: a list of points names few instances, many times. */
struct kg_last_found { char *guid, *id; };
void kg_last_found_done(struct kg_last_found *l);
/* A point that "point-list" told of, and in which store, into the catalog, unless it is there. *ret_new is not touched then. */
int kg_adopt_point(struct kg_engine *e, const char *vault, const struct kg_json *p, enum kg_datastore store, struct kg_last_found *last,
                   bool *ret_new, struct kg_err *err) KG_MUST_CHECK;
/* The instance of a vault that keeps its points under this GUID, as an id that the caller frees; NULL: none has it. */
int kg_find_instance(struct kg_engine *e, const char *vault, const char *guid, char **ret, struct kg_err *err) KG_MUST_CHECK;
/* Remembers which archive the vault has. */
int kg_vault_has_archive(struct kg_engine *e, const char *vault, const char *archive_id, struct kg_err *err) KG_MUST_CHECK;

/* ---- tiering.c: copies in the archive, and back ---- */
int kg_tiering_start(struct kg_engine *e, struct kg_err *err) KG_MUST_CHECK; /* after kg_recover() */
void kg_tiering_tick(struct kg_engine *e);
void kg_tiering_free(struct kg_engine *e);
/* A rehydration that the point's document asks for: started as soon as it can be, not before that (monotonic). */
void kg_tiering_want(struct kg_engine *e, const char *instance, const char *point, kg_usec after);
/* Restores that wait for the point go on, or fail, if it is known how it ended. */
void kg_tiering_settle(struct kg_engine *e, const char *instance, const char *point);
int kg_tiering_start_copy(struct kg_engine *e, const char *instance, const char *point, struct kg_err *err) KG_MUST_CHECK;
bool kg_tiering_is_busy(const struct kg_engine *e);  /* with a copy to the archive */
/* Parts of recording an end, in its transaction. */
int kg_tiering_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err) KG_MUST_CHECK;
int kg_tiering_failed(struct kg_engine *e, const struct kg_run *r, struct kg_err *err) KG_MUST_CHECK;
/* After it. */
void kg_tiering_ended(struct kg_engine *e, const struct kg_run *r);

/* ---- recover.c: after a service that ended in the middle ---- */
#define KG_ORPHANS_GONE (30 * KG_SECOND) /* after the start no worker of an earlier service is left */
/* Fails what it left unfinished, in one transaction. */
int kg_recover(struct kg_engine *e, struct kg_err *err) KG_MUST_CHECK;
/* Vaults in which recovery points may be that the catalog does not know: remembered, and looked at by workers. */
int kg_recover_suspect(struct kg_engine *e, const char *vault, struct kg_err *err) KG_MUST_CHECK;
int kg_recover_cleared(struct kg_engine *e, const char *vault, struct kg_err *err) KG_MUST_CHECK;
int kg_recover_start(struct kg_engine *e, struct kg_err *err) KG_MUST_CHECK;
void kg_recover_tick(struct kg_engine *e);
/* What "point-list" said, into the catalog. */
int kg_recover_adopt(struct kg_engine *e, const char *vault, const struct kg_json *result, struct kg_err *err) KG_MUST_CHECK;

/* What the worker said, kept with the task under that name: recording may be tried again after the result became something else. */
const struct kg_json *kg_result_found(struct kg_run *r, const char *name);

/* ---- sync.c: catalog and vault agree ---- */
/* What "point-list" said of one instance, into the catalog; the result becomes the report. */
int kg_sync_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err) KG_MUST_CHECK;
/* Remembers, in the transaction that deletes an instance for good, that what is made of it from now on is garbage. */
int kg_bury(struct kg_engine *e, const struct kg_run *r, struct kg_err *err) KG_MUST_CHECK;
/* After an adoption was recorded: has such garbage deleted, and tells of points that nobody knows. */
void kg_bury_strays(struct kg_engine *e, const struct kg_run *r);
void kg_tasks_start_bury(struct kg_engine *e, const char *vault, const char *guid, struct kg_json *points); /* takes points: ids */

/* ---- schedule.c: backups that start by themselves ---- */
void kg_schedule_tick(struct kg_engine *e);
/* Part of recording a backup's end: what the schedule wanted is dealt with. */
int kg_schedule_ended(struct kg_engine *e, const struct kg_run *r, bool succeeded, struct kg_err *err) KG_MUST_CHECK;

/* ---- lifecycle.c: what expires, and the space of it ---- */
void kg_lifecycle_tick(struct kg_engine *e);

/* ---- leaving.c: copies of points that leave ---- */
/* Parts of recording the end of a job that deletes. In doubt: all points of an instance, after a deletion of it that failed. */
int kg_leaving_done(struct kg_engine *e, const struct kg_run *r, struct kg_err *err) KG_MUST_CHECK;
int kg_leaving_in_doubt(struct kg_engine *e, const char *instance, struct kg_err *err) KG_MUST_CHECK;
/* After it. */
void kg_leaving_ended(struct kg_engine *e, const struct kg_run *r);
/* Was the point deleted since a list of its vault was asked for that is not recorded yet? */
bool kg_gone_has(const struct kg_engine *e, const char *instance, const char *point);
void kg_gone_forget(struct kg_engine *e, bool all);

/* ---- usage.c: how full the vaults are ---- */
/* In the transaction that changes what a vault holds: it is measured anew before long. */
int kg_usage_changed(struct kg_engine *e, const char *vault, struct kg_err *err) KG_MUST_CHECK;
/* What "vault-usage" said, into the catalog. */
int kg_usage_measured(struct kg_engine *e, struct kg_run *r, struct kg_err *err) KG_MUST_CHECK;
void kg_usage_tick(struct kg_engine *e);
void kg_tasks_start_usage(struct kg_engine *e, const char *vault);

/* ---- clock.c ---- */
int kg_clock_start(struct kg_engine *e, struct kg_err *err) KG_MUST_CHECK;
void kg_clock_tick(struct kg_engine *e);
bool kg_clock_is_settled(const struct kg_engine *e);
int kg_clock_confirm(struct kg_engine *e, struct kg_err *err) KG_MUST_CHECK; /* somebody says that it is right: deleting goes on */
/* "clock": {"state": "Settled", "Settling" or "Unconfirmed", "time", "lastSeen"?, "settlesAfterSeconds"?, "warning"?,
 * "recommendedAction"?} */
void kg_clock_tell(const struct kg_engine *e, struct kg_json *ret);

/* ---- points.c: what the catalog expects of a vault ---- */
/* Which recovery points the vault should have, into the job of a check: "expected":[{"instance","point","stores",
 * "lostIn"}]. */
int kg_points_expect(struct kg_engine *e, const char *vault, struct kg_json *job, struct kg_err *err) KG_MUST_CHECK;
/* Notes at the recovery points which of their copies a check found lost or damaged, and which are sound again. *ret is the report for
 * people; the caller frees it. */
int kg_points_judge(struct kg_engine *e, const char *vault, const struct kg_json *found, struct kg_json **ret,
                    struct kg_err *err) KG_MUST_CHECK;

/* ---- damage.c: what a check found, for people ---- */
/* Gives the run its verdict: which recovery points and tables need what is damaged; the log gets the rest. */
int kg_damage_tell(struct kg_engine *e, struct kg_run *r, struct kg_err *err) KG_MUST_CHECK;

/* ---- backing.c: the local key vaults' sealed bytes are in the catalog ---- */
struct kg_keyvault *kg_open_keyvault(struct kg_engine *e);

/* ---- start.c ---- */
int kg_engine_open(struct kg_engine *e, struct kg_err *err) KG_MUST_CHECK;
void kg_engine_close(struct kg_engine *e);

/* Stops; from env and signals. */
void kg_engine_stop(struct kg_engine *e, bool now);

#endif
