#include "client/transfer.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "keepgres/version.h"
#include "sys/sock.h"

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

/* "keepgres/1.2.3" */
static void take_version(struct kg_transfer *t, const char *server)
{
    static const char prefix[] = "keepgres/";
    const char *v = server + sizeof prefix - 1;

    if (strncmp(server, prefix, sizeof prefix - 1) != 0 || strlen(v) >= sizeof t->server)
        return;
    for (const char *s = v; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr(".-+~", *s))
            return;
    snprintf(t->server, sizeof t->server, "%s", v);
}

static size_t on_header(char *line, size_t one, size_t n, void *ctx)
{
    struct kg_transfer *t = ctx;
    KG_AUTO_FREE char *operation = header_value(line, n * one, "Azure-AsyncOperation");
    KG_AUTO_FREE char *result = header_value(line, n * one, "Location");
    KG_AUTO_FREE char *after = header_value(line, n * one, "Retry-After");
    KG_AUTO_FREE char *server = header_value(line, n * one, "Server");
    uint64_t seconds = 0;
    struct kg_err ignored = { 0 };

    if (operation)
        take_path(&t->reply.operation, operation);
    if (result)
        take_path(&t->reply.result, result);
    if (after && kg_parse_range(after, 0, 3600, &seconds, &ignored) == 0)
        t->reply.retry_after = (unsigned)seconds;
    if (server)
        take_version(t, server);
    return n * one;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct kg_transfer *t = ctx;

    (void)a, (void)b, (void)c, (void)d;
    return t->opts->interrupted && t->opts->interrupted(t->opts->ctx);
}

/* A service of this user or of root is believed. One of a third user is when the socket is its own and stands where not
 * everybody can put one: then whoever owns that directory, or this user by naming it, has chosen that service. */
static int check_peer(const struct kg_paths *paths, int fd, struct kg_err *err)
{
    struct stat dir, file;
    struct kg_peer peer;

    if (kg_socket_peer(fd, &peer, err) < 0)
        return -(int)err->code;
    if (peer.uid == paths->uid || peer.uid == 0)
        return 0;
    if (stat(paths->socket_dir, &dir) == 0 && !(dir.st_mode & S_IWOTH) && stat(paths->socket, &file) == 0 &&
        file.st_uid == peer.uid)
        return 0;
    kg_err_set(err, KG_E_DENIED, "what answers at '%s' belongs to user %u and not to you, root or the socket's owner",
               paths->socket, (unsigned)peer.uid);
    kg_err_advise(err, "Name a socket in a directory that only its service's user can write to, with --socket.");
    return -(int)err->code;
}

static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct kg_transfer *t = ctx;

    (void)purpose;
    t->fd = socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->protocol);
    return t->fd;
}

/* Connected, and nothing was sent yet. A connection that is used again was looked at when it was new. */
static int on_connected(void *ctx, char *remote, char *local, int remote_port, int local_port)
{
    struct kg_transfer *t = ctx;

    (void)remote, (void)local, (void)remote_port, (void)local_port;
    return t->fd < 0 || check_peer(t->paths, t->fd, &t->refused) == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
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

int kg_transfer_begin(struct kg_transfer *t, CURL *easy, const struct kg_paths *paths, const struct kg_client_opts *opts,
                      const struct kg_request *rq, struct kg_err *err)
{
    *t = (struct kg_transfer){ .easy = easy, .opts = opts, .paths = paths, .rq = rq, .began = kg_now_mono(), .fd = -1 };
    if (kg_paths_check_socket(paths, err) < 0)
        return -(int)err->code;
    t->url = make_url(rq->path);
    if (!t->url)
        return kg_err_set(err, KG_E_USAGE, "'%s' is not a resource's path", rq->path);
    curl_easy_reset(easy);
    add_header(t, "Accept: application/json");
    add_header(t, "Expect:");
    if (rq->body)
        add_header(t, "Content-Type: application/json");
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, paths->socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
    curl_easy_setopt(easy, CURLOPT_URL, t->url);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "keepgres/" KG_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, rq->method);
    /* On a connection that was used before, libcurl sends once more what got no answer; a change must not happen twice. */
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, strcmp(rq->method, "GET") == 0 ? 0L : 1L);
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

/* libcurl does not say why. */
static int tell_unconnected(const struct kg_transfer *t, const char *said, struct kg_err *err)
{
    KG_AUTO_CLOSE int fd = -1;

    if (kg_socket_connect(t->paths->socket, &fd, err) < 0)
        return -(int)err->code;
    return kg_err_set(err, KG_E_NO_SERVICE, "no service answers: %s", said);
}

static int transport_error(const struct kg_transfer *t, CURLcode result, struct kg_err *err)
{
    const char *said = t->said[0] ? t->said : curl_easy_strerror(result);

    if (t->too_large)
        return kg_err_set(err, KG_E_LIMIT, "the service's answer is larger than %d MiB", KG_REPLY_MAX >> 20);
    if (t->refused.code) {
        *err = t->refused;
        return -(int)err->code;
    }
    if (result == CURLE_COULDNT_CONNECT)
        return tell_unconnected(t, said, err);
    if (result == CURLE_ABORTED_BY_CALLBACK)
        return kg_err_set(err, KG_E_CANCELLED, "interrupted");
    if (result == CURLE_OPERATION_TIMEDOUT)
        return kg_err_set(err, KG_E_TIMEOUT, "the service did not answer in time");
    kg_err_set(err, KG_E_NO_REPLY, "the service went away before it had answered: %s", said);
    kg_err_advise(err, "Look at 'keepgres service logs', then try again.");
    return -(int)err->code;
}

static void trace(const struct kg_transfer *t, int status)
{
    if (t->opts->trace) {
        KG_AUTO_FREE char *line = kg_xprintf("%s %s -> %d in %.1f ms", t->rq->method, t->rq->path, status,
                                             (double)(kg_now_mono() - t->began) / 1000);

        t->opts->trace(t->opts->ctx, line);
    }
}

int kg_transfer_finish(struct kg_transfer *t, CURLcode result, struct kg_reply *ret,
                       struct kg_json **ret_error, struct kg_err *err)
{
    struct kg_reply *r = &t->reply;
    struct kg_err bad = { 0 };
    long status = 0;
    bool fine;

    *ret_error = NULL;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    trace(t, (int)status);
    if (result != CURLE_OK)
        return transport_error(t, result, err);
    r->status = (int)status;
    fine = status >= 200 && status < 300;
    if (r->len && !(t->rq->keep_text && fine) && kg_json_parse(r->text, r->len, &r->json, &bad) < 0)
        return kg_err_set(err, KG_E_NO_REPLY, "the service's answer (HTTP %ld) cannot be read: %s", status, bad.msg);
    if (!fine) {
        const struct kg_json *e = kg_json_get(r->json, "error");

        *ret_error = kg_json_copy(e ? e : r->json);
        return kg_err_from_arm(*ret_error, (int)status, err);
    }
    if (!t->rq->keep_text) {
        if (r->text)
            explicit_bzero(r->text, r->len);
        free(KG_TAKE(r->text));
        r->len = 0;
    }
    *ret = *r;
    *r = (struct kg_reply){ 0 };
    return 0;
}
