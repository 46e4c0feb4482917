/* client/operation.h - the asynchronous protocol of ARM as a small state machine, without waiting or sending: a caller
 * asks for the next path, gets it, feeds the answer. Serves a blocking caller and one with a loop alike. */
#ifndef KG_CLIENT_OPERATION_H
#define KG_CLIENT_OPERATION_H

#include "base/time.h"
#include "json/json.h"
#include "keepgres/client.h"

enum kg_op_state { KG_OP_POLL, KG_OP_RESULT, KG_OP_DONE };

struct kg_operation {
    enum kg_op_state state;
    char *status_path, *result_path;
    kg_usec wait;                    /* before the next request */
};

/* Begins with the answer to the request that started it; an answer without an operation is KG_OP_DONE. */
void kg_operation_begin(struct kg_operation *op, const struct kg_reply *first);
void kg_operation_done(struct kg_operation *op);
/* What to send next, unless state is KG_OP_DONE; borrowed from op. keep_text: the result may hold a secret. */
struct kg_request kg_operation_request(const struct kg_operation *op, bool keep_text);
/* Takes the answer to that; when state is KG_OP_DONE then, reply has become the operation's result: what Location leads to, else
 * its properties. A failed or cancelled operation is reported in err; *ret_error is its error object. */
int kg_operation_feed(struct kg_operation *op, struct kg_reply *reply, struct kg_json **ret_error,
                      struct kg_err *err) KG_MUST_CHECK;

#endif
