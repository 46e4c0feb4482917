/* client/transfer.h - one HTTP exchange on an easy handle: set up, collected, judged. Who drives the handle does not
 * matter here, so a caller may use curl_easy_perform() or a multi handle. */
#ifndef KG_CLIENT_TRANSFER_H
#define KG_CLIENT_TRANSFER_H

#include <curl/curl.h>
#include "json/json.h"
#include "keepgres/client.h"

enum { KG_REPLY_MAX = 64 << 20 };

struct kg_transfer {
    const struct kg_client_opts *opts;
    bool keep_text;
    struct curl_slist *headers;
    struct kg_reply reply;
    size_t cap;
    bool too_large;
    char *url;
    char said[CURL_ERROR_SIZE];
};

/* The request is borrowed until kg_transfer_finish(). */
int kg_transfer_begin(struct kg_transfer *t, CURL *easy, const char *socket, const struct kg_client_opts *opts,
                      const struct kg_request *rq, struct kg_err *err) KG_MUST_CHECK;
/* After the handle is through: 0 with *ret filled, or the error. *ret_error: the service's error object, or NULL. */
int kg_transfer_finish(struct kg_transfer *t, CURL *easy, CURLcode result, struct kg_reply *ret,
                       struct kg_json **ret_error, struct kg_err *err) KG_MUST_CHECK;
void kg_transfer_done(struct kg_transfer *t);

/* "/path?query" of an absolute URL or a path; NULL when it is neither. The caller frees it. */
char *kg_url_path(const char *url);

#endif
