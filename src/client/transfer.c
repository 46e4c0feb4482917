#include "client/transfer.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "keepgres/version.h"

void kg_reply_done(struct kg_reply *r)
{
    if (r->text)
        explicit_bzero(r->text, r->len);
    free(r->text);
    kg_json_free(r->json);
    free(r->operation);
    free(r->result);
    *r = (struct kg_reply){ 0 };
}

void kg_transfer_done(struct kg_transfer *t)
{
    kg_reply_done(&t->reply);
    curl_slist_free_all(t->headers);
    free(t->url);
    *t = (struct kg_transfer){ 0 };
}

char *kg_url_path(const char *url)
{
    const char *p = strstr(url, "://");

    if (p)
        p = strchr(p + 3, '/');
    else
        p = url;
    return p && *p == '/' ? kg_xstrdup(p) : NULL;
}

/* Grows by hand and not with realloc(), which would leave copies of a secret behind. */
static size_t on_body(char *data, size_t one, size_t n, void *ctx)
{
    struct kg_transfer *t = ctx;
    struct kg_reply *r = &t->reply;

    n *= one;
    if (n > KG_REPLY_MAX - r->len) {
        t->too_large = true;
        return 0;
    }
    if (r->len + n + 1 > t->cap) {
        size_t cap = (r->len + n + 1) * 2 + 4096;
        char *p = kg_xalloc(cap);

        if (r->text) {
            memcpy(p, r->text, r->len);
            explicit_bzero(r->text, r->len);
            free(r->text);
        }
        r->text = p;
        t->cap = cap;
    }
    memcpy(r->text + r->len, data, n);
    r->len += n;
    r->text[r->len] = '\0';
    return n;
}

/* The value of a header line when its name fits; NULL otherwise. The caller frees it. */
static char *header_value(const char *line, size_t n, const char *name)
{
    size_t k = strlen(name);

    if (n <= k || line[k] != ':' || strncasecmp(line, name, k) != 0)
        return NULL;
    for (k++; k < n && (line[k] == ' ' || line[k] == '\t'); k++)
        ;
    while (n > k && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' '))
        n--;
    return kg_xstrndup(line + k, n - k);
}

static void take_path(char **ret, const char *url)
{
    free(*ret);
    *ret = kg_url_path(url);
}

static size_t on_header(char *line, size_t one, size_t n, void *ctx)
{
    struct kg_transfer *t = ctx;
    KG_AUTO_FREE char *operation = header_value(line, n * one, "Azure-AsyncOperation");
    KG_AUTO_FREE char *result = header_value(line, n * one, "Location");
    KG_AUTO_FREE char *after = header_value(line, n * one, "Retry-After");
    uint64_t seconds = 0;
    struct kg_err ignored = { 0 };

    if (operation)
        take_path(&t->reply.operation, operation);
    if (result)
        take_path(&t->reply.result, result);
    if (after && kg_parse_range(after, 0, 3600, &seconds, &ignored) == 0)
        t->reply.retry_after = (unsigned)seconds;
    return n * one;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct kg_transfer *t = ctx;

    (void)a, (void)b, (void)c, (void)d;
    return t->opts->interrupted && t->opts->interrupted(t->opts->ctx);
}

static void add_header(struct kg_transfer *t, const char *line)
{
    struct curl_slist *l = curl_slist_append(t->headers, line);

    if (l)
        t->headers = l;
}

/* The host's name is of no meaning on a unix socket; api-version is ARM's. Names in a path are encoded as IDs write
 * them, which leaves blanks and letters beyond ASCII as they are: those are encoded here. NULL: not a path. */
static char *make_url(const char *path)
{
    struct kg_buf b = KG_BUF_INIT(65536);

    kg_buf_adds(&b, "http://keepgres");
    for (const char *s = path; *s; s++) {
        if ((unsigned char)*s <= 0x20 || (unsigned char)*s >= 0x7f || strchr("\"<>\\^`{|}#", *s))
            kg_buf_addf(&b, "%%%02X", (unsigned char)*s);
        else
            kg_buf_add(&b, s, 1);
    }
    if (!strcasestr(path, "api-version="))
        kg_buf_addf(&b, "%capi-version=%s", strchr(path, '?') ? '&' : '?', KG_API_VERSION);
    if (path[0] != '/' || b.overflow) {
        kg_buf_done(&b);
        return NULL;
    }
    return kg_buf_take(&b);
}

int kg_transfer_begin(struct kg_transfer *t, CURL *easy, const char *socket, const struct kg_client_opts *opts,
                      const struct kg_request *rq, struct kg_err *err)
{
    *t = (struct kg_transfer){ .opts = opts, .keep_text = rq->keep_text, .url = make_url(rq->path) };
    if (!t->url)
        return kg_err_set(err, KG_E_USAGE, "'%s' is not a resource's path", rq->path);
    curl_easy_reset(easy);
    add_header(t, "Accept: application/json");
    add_header(t, "Expect:");
    if (rq->body)
        add_header(t, "Content-Type: application/json");
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(easy, CURLOPT_URL, t->url);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "keepgres/" KG_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, rq->method);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, 60L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->said);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, t);
    if (rq->body || strcmp(rq->method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(rq->body ? rq->body_len : 0));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, rq->body ? rq->body : "");
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, rq->method);
    }
    return 0;
}

static int transport_error(const struct kg_transfer *t, CURLcode result, struct kg_err *err)
{
    const char *said = t->said[0] ? t->said : curl_easy_strerror(result);

    if (t->too_large)
        return kg_err_set(err, KG_E_LIMIT, "the service's answer is larger than %d MiB", KG_REPLY_MAX >> 20);
    if (result == CURLE_COULDNT_CONNECT)
        return kg_err_set(err, KG_E_NO_SERVICE, "no service answers: %s", said);
    if (result == CURLE_ABORTED_BY_CALLBACK)
        return kg_err_set(err, KG_E_CANCELLED, "interrupted");
    if (result == CURLE_OPERATION_TIMEDOUT)
        return kg_err_set(err, KG_E_TIMEOUT, "the service did not answer in time");
    kg_err_set(err, KG_E_NO_REPLY, "the service went away before it had answered: %s", said);
    kg_err_advise(err, "Look at 'keepgres service logs', then try again.");
    return -(int)err->code;
}

int kg_transfer_finish(struct kg_transfer *t, CURL *easy, CURLcode result, struct kg_reply *ret,
                       struct kg_json **ret_error, struct kg_err *err)
{
    struct kg_reply *r = &t->reply;
    struct kg_err bad = { 0 };
    long status = 0;
    bool fine;

    *ret_error = NULL;
    if (result != CURLE_OK)
        return transport_error(t, result, err);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    r->status = (int)status;
    fine = status >= 200 && status < 300;
    if (r->len && !(t->keep_text && fine) && kg_json_parse(r->text, r->len, &r->json, &bad) < 0)
        return kg_err_set(err, KG_E_NO_REPLY, "the service's answer (HTTP %ld) cannot be read: %s", status, bad.msg);
    if (!fine) {
        const struct kg_json *e = kg_json_get(r->json, "error");

        *ret_error = kg_json_copy(e ? e : r->json);
        return kg_err_from_arm(*ret_error, (int)status, err);
    }
    if (!t->keep_text) {
        if (r->text)
            explicit_bzero(r->text, r->len);
        free(KG_TAKE(r->text));
        r->len = 0;
    }
    *ret = *r;
    *r = (struct kg_reply){ 0 };
    return 0;
}
