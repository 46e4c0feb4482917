/* keyvault/web.h - one HTTP exchange with an endpoint of Azure, for this room only.
 *
 * HTTPS with the server's certificate and name verified, TLS 1.2 at least, no redirects, every answer bounded in time and size.
 * Plain HTTP only when asked for: the machine's own metadata service has nothing else.
 * Bodies in both directions are secrets: they stand in locked memory.
 *
 * Threads: one kg_web, one thread. Blocks; looks for a cancellation at least once a second. */
#ifndef KG_KEYVAULT_WEB_H
#define KG_KEYVAULT_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include "base/cleanup.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "keepgres/err.h"

enum { KG_WEB_BODY_MAX = 256 << 10 };

struct kg_web_opts {
    const char *ca_file;                /* NULL or "": the system's certificates */
    kg_usec timeout;                    /* of one exchange; 0: 30 seconds */
    bool (*cancelled)(void *ctx);       /* or NULL */
    void *ctx;
};
struct kg_web;
int kg_web_open(const struct kg_web_opts *o, struct kg_web **ret, struct kg_err *err) KG_MUST_CHECK; /* o is copied, its text not */
void kg_web_close(struct kg_web *w);    /* NULL is allowed */

struct kg_web_request {
    const char *method, *url;
    const char *header;                 /* one more, not secret; or NULL */
    const struct kg_secret *bearer;     /* a token; or NULL */
    const char *type;                   /* Content-Type of body */
    const struct kg_secret *body;       /* or NULL */
    size_t body_len;
    bool once;                          /* on a connection of its own: on a used one that has died libcurl sends twice */
    bool plain;                         /* http:// will do, and no proxy is asked */
};
struct kg_web_answer {
    int status;
    struct kg_secret *body;             /* NUL-ended by nature of secrets; len bytes of it count */
    size_t len;
    kg_usec retry_after;                /* -1: not said */
};
void kg_web_answer_done(struct kg_web_answer *a);
#define KG_AUTO_WEB_ANSWER KG_CLEANUP(kg_web_answer_done)

/* What became of an exchange that brought no answer. */
enum kg_web_trouble {
    KG_WEB_FINE,
    KG_WEB_NOT_SENT,    /* nothing arrived there: may be repeated, whatever it was */
    KG_WEB_BROKEN,      /* cut off in the middle: may be repeated if it changes nothing */
    KG_WEB_HOPELESS,    /* certificate, too large, cancelled */
};
/* KG_E_NO_KEYVAULT (unreachable, not trusted), KG_E_NO_REPLY (too large, cut off), KG_E_CANCELLED. An HTTP error is an
 * answer. */
int kg_web_exchange(struct kg_web *w, const struct kg_web_request *rq, struct kg_web_answer *ret, enum kg_web_trouble *ret_trouble,
                    struct kg_err *err) KG_MUST_CHECK;
/* Waits. KG_E_CANCELLED. */
int kg_web_pause(struct kg_web *w, kg_usec wait, struct kg_err *err) KG_MUST_CHECK;

#endif
