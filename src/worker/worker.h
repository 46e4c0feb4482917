/* worker/worker.h - the worker role: takes one job from the service over descriptor 3, runs it, reports, exits. */
#ifndef KG_WORKER_WORKER_H
#define KG_WORKER_WORKER_H

int kg_worker_main(void);      /* the process's exit code */

#endif
