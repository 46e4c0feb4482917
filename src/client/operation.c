#include "client/operation.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"

/* The service is on this machine, so asking is cheap: its Retry-After, meant for callers across a network, only ever
 * makes us ask sooner than our own rhythm would. */
#define FIRST_WAIT (KG_SECOND / 20)
#define LAST_WAIT  KG_SECOND

void kg_operation_begin(struct kg_operation *op, const struct kg_reply *first)
{
    *op = (struct kg_operation){ .state = KG_OP_DONE, .wait = FIRST_WAIT };
    if (first->operation) {
        op->state = KG_OP_POLL;
        op->status_path = kg_xstrdup(first->operation);
        op->result_path = kg_xstrdup(first->result);
    } else if (first->status == 202 && first->result) {
        op->state = KG_OP_RESULT;
        op->result_path = kg_xstrdup(first->result);
    }
}

void kg_operation_done(struct kg_operation *op)
{
    free(op->status_path);
    free(op->result_path);
    *op = (struct kg_operation){ .state = KG_OP_DONE };
}

struct kg_request kg_operation_request(const struct kg_operation *op, bool keep_text)
{
    bool result = op->state == KG_OP_RESULT;

    return (struct kg_request){ .method = "GET", .path = result ? op->result_path : op->status_path,
                                .keep_text = keep_text && result };
}

static void later(struct kg_operation *op, unsigned retry_after)
{
    op->wait += op->wait / 2;
    if (op->wait > LAST_WAIT)
        op->wait = LAST_WAIT;
    if (retry_after && op->wait > retry_after * KG_SECOND)
        op->wait = retry_after * KG_SECOND;
}

static int failed(const struct kg_reply *reply, struct kg_json **ret_error, struct kg_err *err)
{
    const struct kg_json *e = kg_json_get(reply->json, "error");

    if (e) {
        *ret_error = kg_json_copy(e);
        return kg_err_from_arm(e, 0, err);
    }
    return kg_err_set(err, KG_E_NO_REPLY, "the operation ended as '%s' without saying why",
                      kg_json_str_or(reply->json, "status", "?"));
}

/* What an operation that has ended leads to. */
static void succeeded(struct kg_operation *op, struct kg_reply *reply)
{
    struct kg_json *properties;

    op->wait = 0;
    if (op->result_path) {
        op->state = KG_OP_RESULT;
        return;
    }
    properties = kg_json_take(reply->json, "properties");
    kg_json_free(reply->json);
    reply->json = properties;
    op->state = KG_OP_DONE;
}

int kg_operation_feed(struct kg_operation *op, struct kg_reply *reply, struct kg_json **ret_error, struct kg_err *err)
{
    const char *status;

    if (op->state == KG_OP_RESULT) {
        if (reply->status == 202)
            later(op, reply->retry_after);
        else
            op->state = KG_OP_DONE;
        return 0;
    }
    status = kg_json_str(reply->json, "status");
    if (!status)
        return kg_err_set(err, KG_E_NO_REPLY, "the operation's state is missing in the service's answer");
    if (strcasecmp(status, "Succeeded") == 0) {
        succeeded(op, reply);
        return 0;
    }
    if (strcasecmp(status, "Failed") == 0 || strcasecmp(status, "Canceled") == 0 ||
        strcasecmp(status, "Cancelled") == 0)
        return failed(reply, ret_error, err);
    later(op, reply->retry_after);
    return 0;
}
