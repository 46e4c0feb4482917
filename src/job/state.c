#include "job/state.h"

#include <stddef.h>

#include "base/alloc.h"

static const struct {
    const char *arm;
    bool ended;
} states[] = {
    [KG_JOB_QUEUED] = { "InProgress", false },
    [KG_JOB_RUNNING] = { "InProgress", false },
    [KG_JOB_CANCELLING] = { "Cancelling", false },
    [KG_JOB_COMPLETED] = { "Completed", true },
    [KG_JOB_WARNINGS] = { "CompletedWithWarnings", true },
    [KG_JOB_FAILED] = { "Failed", true },
    [KG_JOB_CANCELLED] = { "Cancelled", true },
};
_Static_assert(KG_ARRAY_LEN(states) == KG_JOB_STATE_COUNT_, "name every state");

/* A cancel asks, it does not order: a worker that is past its last check completes, and says so. A waiting job has no
 * worker to ask and is cancelled at once. */
static const struct {
    enum kg_job_state from;
    enum kg_job_event event;
    enum kg_job_state to;
} transitions[] = {
    { KG_JOB_QUEUED,     KG_JOB_LEASE,         KG_JOB_RUNNING },
    { KG_JOB_QUEUED,     KG_JOB_CANCEL,        KG_JOB_CANCELLED },
    { KG_JOB_QUEUED,     KG_JOB_FAIL,          KG_JOB_FAILED },
    { KG_JOB_RUNNING,    KG_JOB_CANCEL,        KG_JOB_CANCELLING },
    { KG_JOB_RUNNING,    KG_JOB_DONE,          KG_JOB_COMPLETED },
    { KG_JOB_RUNNING,    KG_JOB_DONE_WARNINGS, KG_JOB_WARNINGS },
    { KG_JOB_RUNNING,    KG_JOB_FAIL,          KG_JOB_FAILED },
    { KG_JOB_CANCELLING, KG_JOB_CANCEL,        KG_JOB_CANCELLING },
    { KG_JOB_CANCELLING, KG_JOB_DONE,          KG_JOB_COMPLETED },
    { KG_JOB_CANCELLING, KG_JOB_DONE_WARNINGS, KG_JOB_WARNINGS },
    { KG_JOB_CANCELLING, KG_JOB_FAIL,          KG_JOB_FAILED },
    { KG_JOB_CANCELLING, KG_JOB_STOPPED,       KG_JOB_CANCELLED },
};

const char *kg_job_state_arm(enum kg_job_state s) { return states[s].arm; }
bool kg_job_state_ended(enum kg_job_state s) { return states[s].ended; }

bool kg_job_state_next(enum kg_job_state *s, enum kg_job_event e)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(transitions); i++) {
        if (transitions[i].from == *s && transitions[i].event == e) {
            *s = transitions[i].to;
            return true;
        }
    }
    return false;
}
