/* job/state.h - the states of a job and what may happen in each: one row a transition, anything else is a bug. Pure. */
#ifndef KG_JOB_STATE_H
#define KG_JOB_STATE_H

#include <stdbool.h>

enum kg_job_state {
    KG_JOB_QUEUED,          /* accepted, waiting for its turn */
    KG_JOB_RUNNING,         /* leased: a worker has it */
    KG_JOB_CANCELLING,      /* the worker was told to stop */
    KG_JOB_COMPLETED,
    KG_JOB_WARNINGS,        /* completed, with something to read */
    KG_JOB_FAILED,
    KG_JOB_CANCELLED,
    KG_JOB_STATE_COUNT_,
};

enum kg_job_event {
    KG_JOB_LEASE,           /* its turn has come */
    KG_JOB_CANCEL,          /* somebody wants it stopped */
    KG_JOB_DONE,
    KG_JOB_DONE_WARNINGS,
    KG_JOB_FAIL,
    KG_JOB_STOPPED,         /* it ended because it was cancelled */
    KG_JOB_EVENT_COUNT_,
};

/* "InProgress" (also while it waits: the API has no other word), "Cancelling", "Completed", "CompletedWithWarnings"… */
const char *kg_job_state_arm(enum kg_job_state s);
bool kg_job_state_ended(enum kg_job_state s);
/* Takes the transition; false, and *s as it was, when there is none. */
bool kg_job_state_next(enum kg_job_state *s, enum kg_job_event e);

#endif
