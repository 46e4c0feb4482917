/* keepgres/client.h - talking to the service: ARM JSON over HTTP on its unix socket. For command line and portal.
 *
 * A client connects with its first call. When nothing listens it starts `keepgres serve --idle-exit` for this user in
 * the background, in a session of its own, and waits until it answers; of several clients only one starts it.
 *
 * Errors:    an answer other than 2xx becomes a struct kg_err with the code that ARM's name of it stands for and the
 *            action the service recommends. KG_E_NO_SERVICE: none, and none could be started (the message holds the
 *            last lines of its log). KG_E_NO_REPLY: the answer makes no sense. KG_E_TIMEOUT. KG_E_CANCELLED: the
 *            caller's interrupted() said so.
 * Secrets:   bodies are borrowed, never copied by us, never traced; what was received is wiped when it is released.
 * Threads:   one client, one thread. */
#ifndef KG_CLIENT_H
#define KG_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include "keepgres/err.h"

struct kg_client;
struct kg_json; /* opaque here: read with json/json.h below the contract */

struct kg_client_opts {
    const char *socket;              /* NULL: where this user's service listens */
    const char *program;             /* what to start as the service; NULL: this very program */
    bool no_start;                   /* never start one */
    bool (*interrupted)(void *ctx);  /* asked while something takes long; may be NULL */
    void (*trace)(void *ctx, const char *line); /* method, path, status, time of each call; may be NULL */
    void *ctx;
};

/* Once in main, before any thread; end: last. */
int kg_client_library_start(struct kg_err *err) KG_MUST_CHECK;
void kg_client_library_end(void);

int kg_client_open(const struct kg_client_opts *o, struct kg_client **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_client_close(struct kg_client *c);                       /* NULL is allowed */
const char *kg_client_socket(const struct kg_client *c);

struct kg_request {
    const char *method;              /* "GET", "PUT", … */
    const char *path;                /* "/subscriptions/…", with or without a query; api-version is added */
    const void *body;                /* JSON text, or NULL */
    size_t body_len;
    bool keep_text;                  /* the answer may hold a secret: hand out its text, do not parse it */
};

struct kg_reply {
    int status;                      /* HTTP's */
    struct kg_json *json;            /* the body; NULL when it is empty or keep_text was asked */
    char *text;                      /* the body as received, when keep_text was asked */
    size_t len;
    char *operation;                 /* path of Azure-AsyncOperation, or NULL */
    char *result;                    /* path of Location, or NULL */
    unsigned retry_after;            /* seconds; 0: not said */
};
void kg_reply_done(struct kg_reply *r);                          /* wipes and releases; r may be used again */
#define KG_AUTO_REPLY __attribute__((cleanup(kg_reply_done)))

/* One exchange. */
int kg_client_call(struct kg_client *c, const struct kg_request *rq, struct kg_reply *ret,
                   struct kg_err *err) KG_MUST_CHECK;
int kg_client_get(struct kg_client *c, const char *path, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
/* All pages of a list, at most max items (0: all) as one array. *ret_next: where the rest begins, or NULL. */
int kg_client_list(struct kg_client *c, const char *path, size_t max, struct kg_json **ret_array, char **ret_next,
                   struct kg_err *err) KG_MUST_CHECK;

/* Waits for the operation that an answer began (none: returns at once) and replaces *reply by its result: what Location
 * leads to, else the operation's properties, else an empty one. A failed operation's error is reported. */
int kg_client_follow(struct kg_client *c, bool keep_text, struct kg_reply *reply, struct kg_err *err) KG_MUST_CHECK;

/* What stands behind the last reported error: the service's error object (with innerError and the like), or NULL. */
const struct kg_json *kg_client_error_detail(const struct kg_client *c);

/* Fills err from an ARM error or UserFacingError object ({code,message,recommendedAction…}); status: HTTP's, or 0. */
int kg_err_from_arm(const struct kg_json *error, int status, struct kg_err *err);

/* Starts this user's service unless it runs. *ret_started tells which. */
int kg_client_start_service(struct kg_client *c, bool *ret_started, struct kg_err *err) KG_MUST_CHECK;

#endif
