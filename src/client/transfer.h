/* client/transfer.h - one HTTP exchange on an easy handle: set up, collected, judged. Who drives the handle does not
 * matter here, so a caller may use curl_easy_perform() or a multi handle. */
#ifndef KG_CLIENT_TRANSFER_H
#define KG_CLIENT_TRANSFER_H

#include <curl/curl.h>
#include "base/time.h"
#include "json/json.h"
#include "keepgres/client.h"
#include "sys/paths.h"

enum { KG_REPLY_MAX = 64 << 20 };

struct kg_transfer {
    CURL *easy;
    const struct kg_client_opts *opts;
    const struct kg_paths *paths;
    const struct kg_request *rq;
    kg_usec began;
    struct curl_slist *headers;
    struct kg_reply reply;
    size_t cap;
    bool too_large;
    char *url;
    char said[CURL_ERROR_SIZE];
    int fd;                          /* of the connection, when it is a new one; libcurl's */
    struct kg_err refused;           /* why nothing was sent on it */
    char server[32];                 /* version of the service, when it said so */
};

/* Sets t and the handle up. Everything is borrowed until kg_transfer_done(). The other end is looked at when it is connected
 * to: its user must be this one, root, or one whom a directory belongs to that not everybody can write to. */
int kg_transfer_begin(struct kg_transfer *t, CURL *easy, const struct kg_paths *paths, const struct kg_client_opts *opts,
                      const struct kg_request *rq, struct kg_err *err) KG_MUST_CHECK;
/* After the handle is through: 0 with *ret filled, or the error. *ret_error: the service's error object, or NULL. */
int kg_transfer_finish(struct kg_transfer *t, CURLcode result, struct kg_reply *ret,
                       struct kg_json **ret_error, struct kg_err *err) KG_MUST_CHECK;
void kg_transfer_done(struct kg_transfer *t);

/* "/path?query" of an absolute URL or a path; NULL when it is neither. The caller frees it. */
char *kg_url_path(const char *url);

#endif
