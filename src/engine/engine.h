/* engine/engine.h - the service role: opens everything, runs the loop, ends in order. */
#ifndef KG_ENGINE_ENGINE_H
#define KG_ENGINE_ENGINE_H

#include <stdbool.h>
#include "keepgres/err.h"

struct kg_engine_opts {
    const char *config, *socket, *state_dir, *log; /* NULL: where sys/paths.h says; log NULL: standard error */
    bool idle_exit;                                /* end when nobody needs it */
};

/* Serves until it is told to end (SIGTERM, SIGINT, POST …/stop) or has been idle. KG_E_BUSY when another service uses the
 * same state directory. SIGHUP opens the log anew. */
int kg_engine_main(const struct kg_engine_opts *o, struct kg_err *err) KG_MUST_CHECK;

#endif
