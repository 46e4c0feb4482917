/* job/job.h - one job: its state, and its properties in the shape of AzureBackupJob.
 *
 * The properties are the job: every change is made in them, the catalog keeps them, the API answers with them. What a
 * worker reports is applied here, field by field and bounded; nothing of it is taken over unread.
 *
 * Ownership: kg_job_new() and kg_job_from_row() give, kg_job_free() takes. Threads: one job, one thread. */
#ifndef KG_JOB_JOB_H
#define KG_JOB_JOB_H

#include <stdbool.h>
#include "base/time.h"
#include "catalog/catalog.h"
#include "job/state.h"
#include "job/timeleft.h"
#include "json/json.h"
#include "keepgres/err.h"

enum { KG_JOB_SUBTASKS = 32, KG_JOB_WARNINGS_KEPT = 100, KG_JOB_TEXT_MAX = 2000, KG_JOB_DETAIL_MAX = 16 << 10,
       KG_JOB_TABLES_IN_WORK = 20, KG_JOB_TABLES_BIGGEST = 10, KG_JOB_TABLES_ENDED = 3, KG_JOB_TABLES_KEPT = 500 };

struct kg_job {
    char *id;                    /* GUID */
    char *vault, *instance;      /* resource ids; instance may be NULL */
    char *operation;             /* "Backup", "Restore", "Tiering", "Check", "Collect", "ConfigureBackup"… */
    enum kg_job_state state;
    kg_usec start, end;          /* wall; end 0 while it has not ended */
    struct kg_json *properties;
    struct kg_json *request;     /* {"method", "path", "body"?} that asks for it once more; NULL: that cannot be asked for */
    struct kg_json *waiting;     /* the task of a job that waits for a rehydration, however often the service is started anew; or NULL */
    char *owner;                 /* run of the service that has the lease; NULL before */
    struct kg_profile earlier;   /* of the last such run, for the time left; not stored */
    struct kg_json *tables;      /* what the biggest took, told at the end of the work; kept beside the job; or NULL */
    bool dirty;                  /* changed since it was last stored */
};

struct kg_job_spec {
    const char *id, *activity;
    const char *vault;           /* id */
    const char *instance;        /* id, or NULL */
    const struct kg_json *instance_properties; /* of the backup instance; NULL without one */
    const char *location;        /* of the vault */
    const char *operation, *category;
    const char *by;              /* name of the user who wants it; NULL: the service itself */
    const char *restore_type;    /* "ALR", or NULL */
    kg_usec start;
};

struct kg_job *kg_job_new(const struct kg_job_spec *s);
void kg_job_free(struct kg_job *j);
KG_DEFINE_CLEANUP(struct kg_job, kg_job_free)
#define KG_AUTO_JOB KG_CLEANUP(kg_job_freep)

/* extendedInfo.additionalDetails.KEY = text; NULL text does nothing. */
void kg_job_detail(struct kg_job *j, const char *key, const char *text);
void kg_job_extend(struct kg_job *j, const char *key, struct kg_json *value);  /* extendedInfo.KEY; takes value */

/* A transition; false when there is none from where the job is. */
bool kg_job_happens(struct kg_job *j, enum kg_job_event e);
void kg_job_lease(struct kg_job *j, const char *owner);

/* What a worker tells: {"event":"progress"|"subtask"|"warning"|"tables",…}. False for an event that is not one of these. */
bool kg_job_apply(struct kg_job *j, const struct kg_json *event);

/* The one step of a job whose worker reports none. */
void kg_job_step(struct kg_job *j, const char *name);

/* The end. A finished job is given the worker's result; a failed one the error and what the program said (or NULL). Which
 * state that is follows from the job's state and from what was reported. */
void kg_job_finish(struct kg_job *j, const struct kg_json *result, kg_usec at);
void kg_job_fail(struct kg_job *j, const struct kg_err *e, const char *detail, kg_usec at);
void kg_job_fail_details(struct kg_job *j, const struct kg_json *details); /* UserFacingErrors behind the error of a failed one */

/* Borrowed strings and a JSON of its own: kg_json_free(row.json) is the caller's. */
void kg_job_to_row(const struct kg_job *j, struct kg_job_row *ret);
struct kg_job *kg_job_from_row(const struct kg_job_row *row);

/* How long a job that runs will still take, at that moment. */
struct kg_left kg_job_left(const struct kg_job *j, kg_usec now);
/* The same into an answer's properties: extendedInfo.progress.{secondsLeft, phaseSecondsLeft, estimateFrom}; null: not known. */
void kg_job_tell_left(const struct kg_job *j, kg_usec now, struct kg_json *answer);

/* The answer: {id, name, type, properties}. now: for the duration of a job that runs. */
struct kg_json *kg_job_answer(const char *vault, const char *id, const struct kg_json *properties, kg_usec now);

#endif
