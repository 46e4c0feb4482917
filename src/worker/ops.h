/* worker/ops.h - the operations a worker can run, one row a name. docs/ARCHITECTURE.md lists their fields. */
#ifndef KG_WORKER_OPS_H
#define KG_WORKER_OPS_H

#include "base/buf.h"
#include "crypto/secret.h"
#include "json/json.h"
#include "plugin/events.h"

struct worker;

struct kg_op {
    struct worker *worker;
    const struct kg_json *job;
    const struct kg_events *ev;
    struct kg_buf *tail;                 /* the last lines of a program that failed */
};

/* Runs the operation of that name; KG_E_UNSUPPORTED when there is none. *ret_result may stay NULL. */
int kg_op_run(const struct kg_op *op, const char *name, struct kg_json **ret_result, struct kg_err *err) KG_MUST_CHECK;

/* For the operations: what the service sent, and sending one back. */
const struct kg_secret *kg_op_secret(const struct kg_op *op, const char *name);   /* NULL when it was not sent */
int kg_op_send_secret(const struct kg_op *op, const char *name, const struct kg_secret *s, struct kg_err *err) KG_MUST_CHECK;

#endif
