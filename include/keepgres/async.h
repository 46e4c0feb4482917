/* keepgres/async.h - the client for a caller with a loop of its own: the portal. What keepgres/client.h says of starting the
 * service, of errors and of secrets holds here too, but nothing ever waits: a call is sent, and later its function is called
 * from within kg_async_poll(), once, unless it was cancelled before.
 *
 * Ownership: what a function is handed is borrowed during the call. Bodies are copied, and wiped after they were sent.
 * Threads:   one client, one thread. A function may send and cancel calls, also its own. */
#ifndef KG_ASYNC_H
#define KG_ASYNC_H

#include <poll.h>
#include <stdint.h>
#include "keepgres/client.h"

struct kg_async;

int kg_async_open(const struct kg_client_opts *o, struct kg_async **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_async_close(struct kg_async *a);                         /* no function is called any more; NULL is allowed */

struct kg_answer {
    const struct kg_reply *reply;            /* NULL when none came */
    const struct kg_err *err;                /* NULL: it went well */
    const struct kg_json *detail;            /* the service's error object behind err, or NULL */
};
typedef void kg_async_fn(void *ctx, uint64_t id, const struct kg_answer *answer);

/* Sends one request; at most 8 are under way at a time, the others wait in order. Never fails: what goes wrong is answered.
 * follow: an answer that began an operation is followed until that ends, and its result is what is answered. */
uint64_t kg_async_send(struct kg_async *a, const struct kg_request *rq, bool follow, kg_async_fn *fn, void *ctx);
void kg_async_cancel(struct kg_async *a, uint64_t id);           /* unknown and finished ids are ignored */
void kg_async_cancel_all(struct kg_async *a, const void *ctx);   /* every call with this ctx */
size_t kg_async_pending(const struct kg_async *a);

/* Waits until something happens on calls or in fds (revents is filled in), at most timeout_ms (-1: for ever), and calls what
 * is due. Returns at once with 0 when a signal came. */
int kg_async_poll(struct kg_async *a, struct pollfd *fds, size_t n_fds, int timeout_ms, struct kg_err *err) KG_MUST_CHECK;

/* Whether the service answered the last time it was asked. since: kg_now_wall() of its last answer, 0: never yet. */
struct kg_async_health { bool reachable, starting; int64_t since; char server_version[32]; };
struct kg_async_health kg_async_health(const struct kg_async *a);

#endif
