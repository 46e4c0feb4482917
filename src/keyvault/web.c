#include "keyvault/web.h"

#include <curl/curl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "keepgres/version.h"

enum { CONNECT_SECONDS = 10, TIMEOUT_SECONDS = 30, RETRY_AFTER_MAX = 7 * 24 * 3600 };

struct kg_web {
    struct kg_web_opts opts;
    CURL *easy;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static bool curl_ready;

static void start_curl(void) { curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK; }

int kg_web_open(const struct kg_web_opts *o, struct kg_web **ret, struct kg_err *err)
{
    struct kg_web *w;
    CURL *easy;

    (void)pthread_once(&curl_once, start_curl);
    easy = curl_ready ? curl_easy_init() : NULL;
    if (!easy)
        return kg_err_set(err, KG_E_MEMORY, "libcurl cannot start");
    w = kg_xalloc(sizeof *w);
    w->opts = *o;
    w->easy = easy;
    *ret = w;
    return 0;
}

void kg_web_close(struct kg_web *w)
{
    if (!w)
        return;
    curl_easy_cleanup(w->easy);
    free(w);
}

void kg_web_answer_done(struct kg_web_answer *a)
{
    kg_secret_free(a->body);
    *a = (struct kg_web_answer){ 0 };
}

/* ---- one exchange ---- */

struct exchange {
    struct kg_web *web;
    struct kg_web_answer answer;
    uint8_t *at;                 /* the answer's body, open for writing */
    bool too_large;
    struct curl_slist *headers;
};

static size_t on_body(char *data, size_t one, size_t n, void *ctx)
{
    struct exchange *x = ctx;

    n *= one;
    if (n > KG_WEB_BODY_MAX - x->answer.len) {
        x->too_large = true;
        return 0;
    }
    memcpy(x->at + x->answer.len, data, n);
    x->answer.len += n;
    return n;
}

/* Seconds, or a date. */
static kg_usec read_wait(const char *text)
{
    struct kg_err ignored = { 0 };
    uint64_t seconds;
    time_t when;

    if (*text && text[strspn(text, "0123456789")] == '\0') /* curl_getdate() would take eight of them for a day */
        return (kg_parse_range(text, 0, RETRY_AFTER_MAX, &seconds, &ignored) == 0 ? (kg_usec)seconds : RETRY_AFTER_MAX) * KG_SECOND;
    when = strchr(text, ':') ? curl_getdate(text, NULL) : -1; /* "-1" and "1.5" are dates to it, too */
    if (when == (time_t)-1)
        return -1;
    return when * KG_SECOND > kg_now_wall() ? when * KG_SECOND - kg_now_wall() : 0;
}

static size_t on_header(char *line, size_t one, size_t n, void *ctx)
{
    static const char name[] = "retry-after:";
    struct exchange *x = ctx;
    size_t k = sizeof name - 1;
    char text[64];

    n *= one;
    if (n > k && strncasecmp(line, name, k) == 0) {
        size_t end = n;

        while (k < end && (line[k] == ' ' || line[k] == '\t'))
            k++;
        while (end > k && (line[end - 1] == '\r' || line[end - 1] == '\n' || line[end - 1] == ' '))
            end--;
        if (end - k < sizeof text) {
            memcpy(text, line + k, end - k);
            text[end - k] = '\0';
            x->answer.retry_after = read_wait(text);
        }
    }
    return n;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct exchange *x = ctx;
    const struct kg_web_opts *o = &x->web->opts;

    (void)a, (void)b, (void)c, (void)d;
    return o->cancelled && o->cancelled(o->ctx);
}

static void add_header(struct exchange *x, const char *line)
{
    struct curl_slist *l = curl_slist_append(x->headers, line);

    if (l)
        x->headers = l;
}

/* The line with the token is made in locked memory; libcurl's copies of it are wiped with the list. */
static void add_bearer(struct exchange *x, const struct kg_secret *token)
{
    static const char head[] = "Authorization: Bearer ";
    size_t n = kg_secret_size(token);
    KG_AUTO_SECRET struct kg_secret *line = kg_secret_new(sizeof head + n);
    uint8_t *p = kg_secret_open_write(line);

    memcpy(p, head, sizeof head - 1);
    memcpy(p + sizeof head - 1, kg_secret_open(token), n);
    kg_secret_shut(token);
    add_header(x, (const char *)p);
    kg_secret_shut(line);
}

static void exchange_done(struct exchange *x)
{
    for (struct curl_slist *l = x->headers; l; l = l->next)
        kg_wipe(l->data, strlen(l->data));
    curl_slist_free_all(x->headers);
    kg_web_answer_done(&x->answer);
}

static void set_up(struct exchange *x, const struct kg_web_request *rq)
{
    const struct kg_web_opts *o = &x->web->opts;
    CURL *e = x->web->easy;

    curl_easy_reset(e);
    curl_easy_setopt(e, CURLOPT_URL, rq->url);
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, rq->method);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, rq->plain ? "http,https" : "https");
    if (rq->plain)
        curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, rq->once ? 1L : 0L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (o->ca_file && *o->ca_file) {
        curl_easy_setopt(e, CURLOPT_CAINFO, o->ca_file);
        curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)((o->timeout ? o->timeout : TIMEOUT_SECONDS * KG_SECOND) / 1000));
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "keepgres/" KG_VERSION);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->headers);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(e, CURLOPT_XFERINFODATA, x);
}

/* The part of a URL that may be told: what stands behind it can hold names only, but is of no help. */
static char *place_of(const char *url)
{
    const char *host = strstr(url, "://");
    size_t n = host ? strcspn(host + 3, "/?#") + (size_t)(host + 3 - url) : strlen(url);

    return kg_xstrndup(url, n);
}

static int failed(const struct exchange *x, const char *url, CURLcode code, enum kg_web_trouble *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *place = place_of(url);

    *ret = KG_WEB_HOPELESS;
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
        return kg_err_set(err, KG_E_CANCELLED, "cancelled while waiting for '%s'", place);
    case CURLE_WRITE_ERROR:
        return kg_err_set(err, KG_E_NO_REPLY, "'%s' answered with more than %d bytes", place,
                          x->too_large ? KG_WEB_BODY_MAX : (int)x->answer.len);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
        kg_err_set(err, KG_E_NO_KEYVAULT, "the certificate of '%s' is not trusted: %s", place, curl_easy_strerror(code));
        kg_err_advise(err, "Check the name, the clock, and azure_ca_file in the settings; never send secrets to it otherwise.");
        return -(int)err->code;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        *ret = KG_WEB_NOT_SENT;
        break;
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
        *ret = KG_WEB_BROKEN;
        break;
    default:
        break;
    }
    kg_err_set(err, KG_E_NO_KEYVAULT, "'%s' cannot be reached: %s", place, curl_easy_strerror(code));
    kg_err_advise(err, "Check the name, the network and its firewalls, and that the key vault exists.");
    return -(int)err->code;
}

int kg_web_exchange(struct kg_web *w, const struct kg_web_request *rq, struct kg_web_answer *ret, enum kg_web_trouble *ret_trouble,
                    struct kg_err *err)
{
    KG_CLEANUP(exchange_done) struct exchange x = { .web = w, .answer = { .retry_after = -1 } };
    long status = 0;
    CURLcode code;

    *ret_trouble = KG_WEB_FINE;
    x.answer.body = kg_secret_new(KG_WEB_BODY_MAX + 1);
    if (rq->header)
        add_header(&x, rq->header);
    add_header(&x, "Expect:");
    if (rq->bearer)
        add_bearer(&x, rq->bearer);
    if (rq->body) {
        KG_AUTO_FREE char *type = kg_xprintf("Content-Type: %s", rq->type);

        add_header(&x, type);
    }
    set_up(&x, rq);
    if (rq->body) { /* libcurl reads it where it is */
        curl_easy_setopt(w->easy, CURLOPT_POSTFIELDS, kg_secret_open(rq->body));
        curl_easy_setopt(w->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body_len);
    }
    x.at = kg_secret_open_write(x.answer.body);
    code = curl_easy_perform(w->easy);
    x.at[x.answer.len] = '\0';
    kg_secret_shut(x.answer.body);
    if (rq->body)
        kg_secret_shut(rq->body);
    if (code != CURLE_OK)
        return failed(&x, rq->url, code, ret_trouble, err);
    curl_easy_getinfo(w->easy, CURLINFO_RESPONSE_CODE, &status);
    x.answer.status = (int)status;
    *ret = x.answer;
    x.answer = (struct kg_web_answer){ 0 };
    return 0;
}

int kg_web_pause(struct kg_web *w, kg_usec wait, struct kg_err *err)
{
    kg_usec until = kg_now_mono() + wait;

    for (;;) {
        kg_usec left = until - kg_now_mono();

        if (w->opts.cancelled && w->opts.cancelled(w->opts.ctx))
            return kg_err_set(err, KG_E_CANCELLED, "cancelled while waiting to ask again");
        if (left <= 0)
            return 0;
        (void)poll(NULL, 0, left > KG_SECOND / 10 ? 100 : (int)(left / 1000) + 1);
    }
}
