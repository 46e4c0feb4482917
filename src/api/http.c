/* libmicrohttpd in external epoll mode; connections come from the door, which counts them.
 *
 * (1) MHD is run before every wait of the loop and says how long the wait may last; its epoll descriptor in our loop only
 *     ends the wait.
 * (2) A response is never queued while upload data is being delivered: the body is collected to its end, or swallowed.
 * (3) One struct exchange a request, made when the request line is read and freed in on_completed, which also runs when
 *     the client vanishes.
 * (4) Bodies live in memory that is allocated once, never moved, and wiped: no copies of a secret stay behind. */
#include "api/http.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/door.h"
#include "api/limits.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/parse.h"
#include "crypto/secret.h"
#include "keepgres/version.h"

struct kg_http {
    struct kg_loop *loop;
    struct MHD_Daemon *daemon;
    struct kg_watch *watch;
    struct kg_door *door;
    struct kg_http_ops ops;
    void *arg;
    kg_usec last_used;
};

struct exchange {
    bool begun;
    char *uri;                       /* "path\0query": cut in place */
    struct kg_http_in in;
    size_t limit, cap, swallowed;
    uint64_t announced;              /* Content-Length, or UINT64_MAX */
};

/* ---- answers ---- */

void kg_http_header(struct kg_http_out *out, const char *name, char *value)
{
    if (out->headers == KG_HTTP_HEADERS || strpbrk(value, "\r\n")) {
        free(value);
        return;
    }
    out->header[out->headers].name = name;
    out->header[out->headers++].value = value;
}

void kg_http_out_done(struct kg_http_out *out)
{
    for (unsigned i = 0; i < out->headers; i++)
        free(out->header[i].value);
    if (out->body.len)
        kg_wipe(out->body.p, out->body.cap);
    kg_buf_done(&out->body);
    *out = (struct kg_http_out){ 0 };
}

/* What a response's memory ends in: its length, so that it can be wiped. */
struct answer {
    size_t len;
    char *text;
};

static void free_answer(void *cls)
{
    struct answer *a = cls;

    kg_wipe(a->text, a->len);
    free(a->text);
    free(a);
}

static struct MHD_Response *make_response(struct kg_http_out *out)
{
    struct answer *a;
    struct MHD_Response *r;

    if (!out->body.len)
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    a = kg_xalloc(sizeof *a);
    a->len = out->body.len;
    a->text = kg_buf_take(&out->body);
    r = MHD_create_response_from_buffer_with_free_callback_cls(a->len, a->text, free_answer, a);
    if (!r)
        free_answer(a);
    return r;
}

static enum MHD_Result send_answer(struct MHD_Connection *c, struct kg_http_out *out)
{
    size_t len = out->body.len;
    struct MHD_Response *r = make_response(out);
    enum MHD_Result ok;

    if (!r)
        return MHD_NO;
    if (len)
        MHD_add_response_header(r, "Content-Type", out->type ? out->type : "application/json; charset=utf-8");
    MHD_add_response_header(r, "Server", "keepgres/" KG_VERSION);
    MHD_add_response_header(r, "Cache-Control", out->secret ? "no-store" : "no-cache");
    MHD_add_response_header(r, "Pragma", "no-cache");
    MHD_add_response_header(r, "Expires", "-1");
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    for (unsigned i = 0; i < out->headers; i++)
        MHD_add_response_header(r, out->header[i].name, out->header[i].value);
    ok = MHD_queue_response(c, (unsigned)out->status, r);
    MHD_destroy_response(r);
    return ok;
}

/* ---- requests ---- */

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *c)
{
    struct exchange *x = kg_xalloc(sizeof *x);
    char *mark;

    (void)cls;
    (void)c;
    x->uri = kg_xstrdup(uri);
    mark = strchr(x->uri, '?');
    x->in.path = x->uri;
    x->in.query = "";
    if (mark) {
        *mark = '\0';
        x->in.query = mark + 1;
    }
    return x;
}

/* MHD must not decode: a name may hold an encoded slash. */
static size_t keep_encoded(void *cls, struct MHD_Connection *c, char *s)
{
    (void)cls;
    (void)c;
    return strlen(s);
}

static void on_completed(void *cls, struct MHD_Connection *c, void **con_cls, enum MHD_RequestTerminationCode why)
{
    struct kg_http *h = cls;
    struct exchange *x = *con_cls;

    (void)c;
    (void)why;
    h->last_used = kg_now_mono();
    if (!x)
        return;
    if (x->in.body) {
        kg_wipe(x->in.body, x->cap);
        free(x->in.body);
    }
    free(x->uri);
    free(x);
    *con_cls = NULL;
}

static enum MHD_Result begin(struct kg_http *h, struct MHD_Connection *c, struct exchange *x, const char *method)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    const char *length = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Length");
    struct kg_err err = { 0 };

    if (!info || kg_socket_peer(info->connect_fd, &x->in.peer, &err) < 0)
        return MHD_NO; /* who cannot be told is not let in */
    x->begun = true;
    x->in.method = method;
    x->in.host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");
    x->in.if_match = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-Match");
    x->in.correlation = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "x-ms-correlation-request-id");
    x->in.client_request = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "x-ms-client-request-id");
    x->limit = h->ops.body_limit(h->arg, &x->in);
    x->announced = UINT64_MAX;
    if (length && kg_parse_u64(length, &x->announced, &err) < 0)
        x->announced = UINT64_MAX;
    return MHD_YES;
}

/* Keeps what fits, counts what does not; MHD_NO (which closes the connection) past the second limit. */
static enum MHD_Result take_body(struct exchange *x, const char *data, size_t n)
{
    if (!x->in.too_large && n > x->limit - x->in.body_len)
        x->in.too_large = true;
    if (x->in.too_large) {
        x->swallowed += n;
        return x->swallowed > KG_API_SWALLOW_MAX ? MHD_NO : MHD_YES;
    }
    if (!x->in.body) {
        x->cap = (x->announced <= x->limit ? (size_t)x->announced : x->limit) + 1;
        if (x->cap < n + 1)
            x->cap = n + 1;
        x->in.body = kg_xalloc(x->cap);
    }
    if (n > x->cap - 1 - x->in.body_len)
        return MHD_NO; /* more than was announced */
    memcpy(x->in.body + x->in.body_len, data, n);
    x->in.body_len += n;
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **con_cls)
{
    struct kg_http *h = cls;
    struct exchange *x = *con_cls;
    struct kg_http_out out = { .status = 500, .body = KG_BUF_INIT(KG_API_ANSWER_MAX) };
    enum MHD_Result ok;

    (void)url;
    (void)version;
    h->last_used = kg_now_mono();
    if (!x)
        return MHD_NO;
    if (!x->begun)
        return begin(h, c, x, method);
    if (*size) {
        ok = take_body(x, data, *size);
        *size = 0;
        return ok;
    }
    MHD_set_connection_option(c, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)KG_API_IDLE_SECONDS);
    h->ops.handle(h->arg, &x->in, &out);
    ok = send_answer(c, &out);
    kg_http_out_done(&out);
    return ok;
}

/* ---- the daemon in the loop ---- */

__attribute__((format(printf, 2, 0))) static void on_mhd_log(void *cls, const char *fmt, va_list ap)
{
    char text[512];

    (void)cls;
    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    kg_debug("http: %s", text);
}

static void on_event(void *arg, int fd, uint32_t events)
{
    (void)arg;
    (void)fd;
    (void)events; /* see (1) */
}

static kg_usec on_prepare(void *arg)
{
    struct kg_http *h = arg;
    MHD_UNSIGNED_LONG_LONG ms = 0;

    MHD_run(h->daemon);
    return MHD_get_timeout(h->daemon, &ms) == MHD_YES ? (kg_usec)(ms > 1000000 ? 1000000 : ms) * 1000 : -1;
}

/* MHD's word on who is there: what it accepts from us it may still drop. */
static void on_connection(void *cls, struct MHD_Connection *c, void **context, enum MHD_ConnectionNotificationCode what)
{
    struct kg_http *h = cls;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct kg_err ignored = { 0 };
    struct kg_peer peer;
    uid_t *uid = *context;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (uid && h->door)
            kg_door_left(h->door, *uid);
        free(uid);
        *context = NULL;
        return;
    }
    if (!info || kg_socket_peer(info->connect_fd, &peer, &ignored) < 0)
        return;
    *context = uid = kg_xalloc(sizeof *uid);
    *uid = peer.uid;
    kg_door_came(h->door, *uid);
    MHD_set_connection_option(c, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)KG_API_FIRST_SECONDS);
}

static void on_guest(void *arg, int fd)
{
    struct kg_http *h = arg;
    struct sockaddr_un from = { .sun_family = AF_UNIX };

    (void)!MHD_add_connection(h->daemon, fd, (const struct sockaddr *)&from, sizeof from); /* closes it when it fails */
    MHD_run(h->daemon); /* counts it, before the next one comes */
}

static struct MHD_Daemon *start_daemon(struct kg_http *h)
{
    /* The logger comes first, so that nothing of what the others may complain about goes to descriptor 2. */
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, h,
                            MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, NULL,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)KG_API_CONNECTIONS,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)KG_API_IDLE_SECONDS,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)KG_API_CONNECTION_MEMORY,
                            MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL,
                            MHD_OPTION_UNESCAPE_CALLBACK, keep_encoded, NULL,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
                            MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
                            MHD_OPTION_END);
}

int kg_http_open(struct kg_loop *loop, int listen_fd, const struct kg_http_ops *ops, void *arg, struct kg_http **ret,
                 struct kg_err *err)
{
    KG_CLEANUP(kg_http_closep) struct kg_http *h = kg_xalloc(sizeof *h);
    const struct kg_door_rules rules = { .total = KG_API_CONNECTIONS, .per_user = KG_API_CONNECTIONS_USER,
                                         .reserved = KG_API_CONNECTIONS_OWNER, .owner = geteuid() };
    const union MHD_DaemonInfo *info;

    h->loop = loop;
    h->ops = *ops;
    h->arg = arg;
    h->last_used = kg_now_mono();
    if (kg_door_open(loop, listen_fd, &rules, on_guest, h, &h->door, err) < 0)
        return -(int)err->code;
    h->daemon = start_daemon(h);
    if (!h->daemon)
        return kg_err_set(err, KG_E_IO, "the HTTP server does not start");
    info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info)
        return kg_err_set(err, KG_E_IO, "the HTTP server has no descriptor to wait for");
    if (kg_loop_watch(loop, info->epoll_fd, EPOLLIN, on_event, h, &h->watch, err) < 0)
        return -(int)err->code;
    kg_loop_prepare(loop, on_prepare, h);
    *ret = KG_TAKE(h);
    return 0;
}

void kg_http_close(struct kg_http *h)
{
    if (!h)
        return;
    if (h->watch) {
        kg_loop_prepare(h->loop, NULL, NULL);
        kg_watch_stop(h->watch);
    }
    if (h->daemon)
        MHD_stop_daemon(h->daemon);
    kg_door_close(h->door);
    free(h);
}

unsigned kg_http_clients(const struct kg_http *h)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

    return info ? info->num_connections : 0;
}

kg_usec kg_http_last_used(const struct kg_http *h) { return h->last_used; }
