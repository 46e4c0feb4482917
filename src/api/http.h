/* api/http.h - HTTP on a listening unix socket, inside the service's loop. The only file that knows libmicrohttpd.
 *
 * A request reaches ops->handle() when all of it is there: with its body, or with too_large set when it was longer than
 * ops->body_limit() allowed. The handler fills the answer and returns; it never blocks. Bodies in both directions are
 * wiped when they are released.
 *
 * Ownership: kg_http_open() gives the caller a server and takes the listening descriptor; kg_http_close() ends both.
 * Threads:   the loop's. */
#ifndef KG_API_HTTP_H
#define KG_API_HTTP_H

#include <stdbool.h>
#include "base/buf.h"
#include "base/time.h"
#include "keepgres/err.h"
#include "sys/loop.h"
#include "sys/sock.h"

struct kg_http;

struct kg_http_in {
    const char *method;
    const char *path, *query;        /* as sent, percent-encoded; query is "" when there is none */
    char *body;                      /* NUL behind it; NULL when there is none. May be changed (to wipe a secret in it) */
    size_t body_len;
    bool too_large;
    struct kg_peer peer;             /* who connected */
    const char *host, *if_match, *correlation, *client_request; /* headers, or NULL */
};

enum { KG_HTTP_HEADERS = 12 };

struct kg_http_out {
    int status;
    struct kg_buf body;              /* JSON; empty: no body */
    const char *type;                /* "application/json; charset=utf-8" unless set; static storage */
    struct { const char *name; char *value; } header[KG_HTTP_HEADERS];
    unsigned headers;
    bool secret;                     /* Cache-Control: no-store instead of no-cache */
};

/* Adds a header; takes value (which must have no line breaks in it: then the header is left out). */
void kg_http_header(struct kg_http_out *out, const char *name, char *value);
void kg_http_out_done(struct kg_http_out *out);

struct kg_http_ops {
    size_t (*body_limit)(void *arg, const struct kg_http_in *in); /* asked when the headers are there */
    void (*handle)(void *arg, struct kg_http_in *in, struct kg_http_out *out);
};

int kg_http_open(struct kg_loop *loop, int listen_fd, const struct kg_http_ops *ops, void *arg, struct kg_http **ret,
                 struct kg_err *err) KG_MUST_CHECK;
void kg_http_close(struct kg_http *h);                /* NULL is allowed */
KG_DEFINE_CLEANUP(struct kg_http, kg_http_close)

unsigned kg_http_clients(const struct kg_http *h);    /* connections open now */
kg_usec kg_http_last_used(const struct kg_http *h);   /* monotonic: when a request last came or an answer went */

#endif
