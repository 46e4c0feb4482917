/* client/start.h - starting the service as a small state machine, which never waits: a caller takes steps until one says that the
 * service answers or that it failed, and waits as it likes between them. Serves a blocking caller and one with a loop alike. */
#ifndef KG_CLIENT_START_H
#define KG_CLIENT_START_H

#include "base/time.h"
#include "keepgres/client.h"
#include "sys/lock.h"
#include "sys/paths.h"

enum kg_start_state { KG_START_LOOK, KG_START_LOCK, KG_START_WAIT };

struct kg_start {
    const struct kg_paths *paths;
    const char *program;
    enum kg_start_state state;
    struct kg_lock *lock;            /* held: nobody else starts one */
    bool spawned;
    pid_t pid;                       /* of what was started, for who outlives it to reap; 0: none, or it has been */
    int status;                      /* how it ended */
    kg_usec deadline, wait;          /* wait: before the next step */
    off_t log_from;                  /* where what it wrote begins in the log */
};

/* The strings are borrowed until kg_start_done(); program as in struct kg_client_opts. */
void kg_start_begin(struct kg_start *s, const struct kg_paths *paths, const char *program);
/* 1: the service answers; 0: take another step in s->wait, s->state tells what for. The first step only looks. */
int kg_start_step(struct kg_start *s, struct kg_err *err) KG_MUST_CHECK;
void kg_start_done(struct kg_start *s);

/* Where the service of these options is. For the machine's service no_start is set. */
int kg_start_paths(struct kg_client_opts *o, struct kg_paths *ret, struct kg_err *err) KG_MUST_CHECK;
/* May the request that failed like this be sent again once the service was started? */
bool kg_start_helps(const struct kg_client_opts *o, const struct kg_request *rq, const struct kg_err *err,
                    const struct kg_json *detail);

#endif
