/* The client for a caller with a loop: libcurl's multi interface, driven by our own poll().
 *
 * (1) libcurl's callbacks only take notes. A caller's function is called by deliver() alone, where no handle of libcurl is
 *     being worked on and the call has left the list; so it may send and cancel as it likes.
 * (2) A call is in one state, and in the list until its function is called or it is cancelled. The list is in the order of
 *     sending, and so is what gets its turn.
 * (3) While the service is being started nothing is sent. A call that found no service waits for the end of the start, and is
 *     sent once more; what fails then, fails.
 * (4) Starts are counted. The next one has to wait the longer the more there were, until the service has stayed for a
 *     while; so a portal that asks every second does not start a service that cannot run every second. */
#include "client/async.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "client/operation.h"
#include "client/start.h"
#include "client/transfer.h"
#include "sys/proc.h"

enum { UNDER_WAY_MAX = 8, STARTS_MAX = 16 };

#define DEADLINE     (30 * KG_SECOND)
#define FIRST_PAUSE  (2 * KG_SECOND)
#define LAST_PAUSE   (60 * KG_SECOND)
#define STAYED       (30 * KG_SECOND)       /* a service that answers so long after its start runs well */
#define NEVER        INT64_MAX

enum call_state {
    CALL_WAITING,    /* for its turn */
    CALL_SENT,
    CALL_PAUSED,     /* until due: an operation's next poll */
    CALL_HELD,       /* until the service was started */
    CALL_ANSWERED,   /* reply or err is to be delivered */
};

struct call {
    struct call *next;
    uint64_t id;
    kg_async_fn *fn;
    void *ctx;
    enum call_state state;
    bool follow, repeated;
    char *method, *path, *body;
    struct kg_request first;         /* what was asked: the strings above */
    struct kg_operation op;          /* KG_OP_DONE: none is followed */
    kg_usec due;
    CURL *easy;                      /* CALL_SENT: */
    struct kg_request rq;
    struct kg_transfer transfer;
    struct kg_reply reply;           /* CALL_ANSWERED: */
    struct kg_err err;
    struct kg_json *detail;
};

struct wanted { int fd; short events; };    /* a descriptor that libcurl waits for */

struct kg_async {
    struct kg_client_opts opts;
    struct kg_paths paths;
    char *program;
    CURLM *multi;
    struct wanted *wanted;
    size_t n_wanted, cap_wanted;
    struct pollfd *polled;
    size_t cap_polled;
    kg_usec curl_due;                /* when libcurl wants to be called; NEVER */
    struct call *calls, **tail;
    size_t n_calls, n_sent;
    uint64_t last_id;
    kg_usec deadline;
    struct kg_async_health health;
    bool news;                       /* something that a caller of poll waits for has happened */
    struct kg_start start;           /* while health.starting */
    kg_usec start_due, started, next_start;
    unsigned starts;                 /* lately, see (4) */
    struct kg_err start_err;         /* why the last one failed */
    pid_t child;                     /* what we started, to be reaped */
};

/* ---- open and close ---- */

static int on_wanted(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct kg_async *a = ctx;
    size_t i = 0;

    (void)easy, (void)socket_ctx;
    while (i < a->n_wanted && a->wanted[i].fd != fd)
        i++;
    if (what == CURL_POLL_REMOVE) {
        if (i < a->n_wanted)
            a->wanted[i] = a->wanted[--a->n_wanted];
        return 0;
    }
    if (i == a->n_wanted) {
        KG_GROW(a->wanted, a->n_wanted, a->cap_wanted);
        a->n_wanted++;
    }
    a->wanted[i] = (struct wanted){ .fd = fd, .events = (short)((what & CURL_POLL_IN ? POLLIN : 0) |
                                                                 (what & CURL_POLL_OUT ? POLLOUT : 0)) };
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct kg_async *a = ctx;

    (void)multi;
    a->curl_due = timeout_ms < 0 ? NEVER : kg_now_mono() + timeout_ms * 1000;
    return 0;
}

int kg_async_open(const struct kg_client_opts *o, struct kg_async **ret, struct kg_err *err)
{
    struct kg_async *a = kg_xalloc(sizeof *a);

    a->opts = *o;
    a->program = kg_xstrdup(o->program);
    a->tail = &a->calls;
    a->curl_due = NEVER;
    a->deadline = DEADLINE;
    if (kg_start_paths(&a->opts, &a->paths, err) < 0) {
        kg_async_close(a);
        return -(int)err->code;
    }
    a->opts.socket = a->paths.socket;
    a->opts.program = a->program;
    a->multi = curl_multi_init();
    if (!a->multi) {
        kg_async_close(a);
        return kg_err_set(err, KG_E_MEMORY, "libcurl cannot start");
    }
    curl_multi_setopt(a->multi, CURLMOPT_SOCKETFUNCTION, on_wanted);
    curl_multi_setopt(a->multi, CURLMOPT_SOCKETDATA, a);
    curl_multi_setopt(a->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(a->multi, CURLMOPT_TIMERDATA, a);
    curl_multi_setopt(a->multi, CURLMOPT_MAXCONNECTS, (long)UNDER_WAY_MAX);
    *ret = a;
    return 0;
}

/* What was asked may be a secret. */
static void forget_body(struct call *c)
{
    if (c->body)
        explicit_bzero(c->body, c->first.body_len);
    free(c->body);
    c->body = NULL;
    c->first.body = NULL;
    c->first.body_len = 0;
}

static void end_transfer(struct kg_async *a, struct call *c)
{
    if (c->state != CALL_SENT)
        return;
    curl_multi_remove_handle(a->multi, c->easy);
    curl_easy_cleanup(c->easy);
    kg_transfer_done(&c->transfer);
    c->easy = NULL;
    a->n_sent--;
}

/* The call has left the list. */
static void free_call(struct kg_async *a, struct call *c)
{
    end_transfer(a, c);
    forget_body(c);
    kg_operation_done(&c->op);
    kg_reply_done(&c->reply);
    kg_json_free(c->detail);
    free(c->method);
    free(c->path);
    free(c);
    a->n_calls--;
}

/* *at is the link that leads to it. */
static struct call *unlink_call(struct kg_async *a, struct call **at)
{
    struct call *c = *at;

    *at = c->next;
    if (!c->next)
        a->tail = at;
    return c;
}

static void reap_child(struct kg_async *a)
{
    struct kg_err running = { 0 };
    int status;

    if (a->child && kg_proc_wait(a->child, 0, &status, &running) == 0)
        a->child = 0;
}

void kg_async_close(struct kg_async *a)
{
    if (!a)
        return;
    while (a->calls)
        free_call(a, unlink_call(a, &a->calls));
    if (a->multi)
        curl_multi_cleanup(a->multi);
    if (a->health.starting)
        kg_start_done(&a->start);
    reap_child(a);
    kg_paths_done(&a->paths);
    free(a->wanted);
    free(a->polled);
    free(a->program);
    free(a);
}

void kg_async_set_deadline(struct kg_async *a, kg_usec deadline) { a->deadline = deadline; }
size_t kg_async_pending(const struct kg_async *a) { return a->n_calls; }
struct kg_async_health kg_async_health(const struct kg_async *a) { return a->health; }

/* ---- starting the service ---- */

static void fail(struct call *c, const struct kg_err *err)
{
    c->err = *err;
    c->state = CALL_ANSWERED;
}

static void count_start(struct kg_async *a, bool fine)
{
    kg_usec pause;

    a->starts += a->starts < STARTS_MAX;
    a->started = kg_now_mono();
    /* The first that went well costs nothing: a service that nobody asked for a while has left by itself. */
    pause = fine && a->starts == 1 ? 0 : FIRST_PAUSE << (a->starts - 1);
    a->next_start = a->started + (pause < LAST_PAUSE ? pause : LAST_PAUSE);
}

/* r as kg_start_step() said it: every call that waited goes on, or fails with err. */
static void end_start(struct kg_async *a, int r, const struct kg_err *err)
{
    if (a->start.spawned || r < 0)
        count_start(a, r > 0);
    if (a->start.pid)
        a->child = a->start.pid;
    kg_start_done(&a->start);
    a->health.starting = false;
    a->news = true;
    a->start_err = r > 0 ? (struct kg_err){ 0 } : *err;
    for (struct call *c = a->calls; c; c = c->next)
        if (c->state == CALL_HELD && r > 0)
            c->state = CALL_WAITING;
        else if (c->state == CALL_HELD)
            fail(c, err);
}

static void step_start(struct kg_async *a)
{
    struct kg_err err = { 0 };
    int r;

    if (!a->health.starting || kg_now_mono() < a->start_due)
        return;
    r = kg_start_step(&a->start, &err);
    if (r != 0)
        end_start(a, r, &err);
    else
        a->start_due = kg_now_mono() + a->start.wait;
}

/* Holds a call that failed as err says until the service was started; keeps (3) and (4). */
static void hold(struct kg_async *a, struct call *c, const struct kg_err *why)
{
    struct kg_err err = { 0 };
    int r;

    c->repeated = true;
    c->state = CALL_HELD;
    if (a->health.starting)
        return;
    reap_child(a);
    kg_start_begin(&a->start, &a->paths, a->opts.program);
    r = kg_start_step(&a->start, &err); /* only looks */
    if (r > 0) {
        kg_start_done(&a->start);
        c->state = CALL_WAITING;
    } else if (r < 0) {
        kg_start_done(&a->start);
        fail(c, &err);
    } else if (kg_now_mono() < a->next_start) {
        kg_start_done(&a->start);
        fail(c, a->start_err.code ? &a->start_err : why);
    } else {
        a->health.starting = true;
        a->start_due = kg_now_mono();
        a->news = true;
    }
}

/* ---- one call ---- */

static char *copy_body(const struct kg_request *rq)
{
    char *p;

    if (!rq->body)
        return NULL;
    p = kg_xalloc(rq->body_len + 1);
    memcpy(p, rq->body, rq->body_len);
    return p;
}

uint64_t kg_async_send(struct kg_async *a, const struct kg_request *rq, bool follow, kg_async_fn *fn, void *ctx)
{
    struct call *c = kg_xalloc(sizeof *c);

    *c = (struct call){ .id = ++a->last_id, .fn = fn, .ctx = ctx, .follow = follow, .method = kg_xstrdup(rq->method),
                        .path = kg_xstrdup(rq->path), .body = copy_body(rq), .op.state = KG_OP_DONE };
    c->first = (struct kg_request){ .method = c->method, .path = c->path, .body = c->body,
                                    .body_len = c->body ? rq->body_len : 0, .keep_text = rq->keep_text };
    *a->tail = c;
    a->tail = &c->next;
    a->n_calls++;
    return c->id;
}

static void send_call(struct kg_async *a, struct call *c)
{
    c->rq = c->op.state == KG_OP_DONE ? c->first : kg_operation_request(&c->op, c->first.keep_text);
    c->easy = curl_easy_init();
    if (!c->easy) {
        kg_err_set(&c->err, KG_E_MEMORY, "libcurl cannot start");
        c->state = CALL_ANSWERED;
        return;
    }
    c->state = CALL_SENT;
    a->n_sent++;
    if (kg_transfer_begin(&c->transfer, c->easy, &a->paths, &a->opts, &c->rq, &c->err) < 0) {
        end_transfer(a, c);
        c->state = CALL_ANSWERED;
        return;
    }
    if (strcmp(c->rq.method, "GET") == 0)
        curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)(a->deadline / 1000));
    curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
    curl_multi_add_handle(a->multi, c->easy);
}

static void pause_call(struct call *c)
{
    c->due = kg_now_mono() + c->op.wait;
    c->state = CALL_PAUSED;
    kg_reply_done(&c->reply);
}

static void take_reply(struct call *c)
{
    c->repeated = false;
    forget_body(c);
    if (c->op.state != KG_OP_DONE) {
        if (kg_operation_feed(&c->op, &c->reply, &c->detail, &c->err) < 0) {
            c->state = CALL_ANSWERED;
            return;
        }
    } else if (c->follow) {
        kg_operation_begin(&c->op, &c->reply);
    }
    if (c->op.state != KG_OP_DONE)
        pause_call(c);
    else
        c->state = CALL_ANSWERED;
}

static void note_answer(struct kg_async *a, const struct call *c)
{
    kg_usec now = kg_now_mono();

    a->health.reachable = true;
    a->health.since = kg_now_wall();
    if (c->transfer.server[0])
        memcpy(a->health.server_version, c->transfer.server, sizeof a->health.server_version);
    if (now > a->started + STAYED)
        a->starts = 0;
}

static void take_result(struct kg_async *a, struct call *c, CURLcode code)
{
    struct kg_err err = { 0 };
    int r = kg_transfer_finish(&c->transfer, code, &c->reply, &c->detail, &err);

    if (r == 0 || (code == CURLE_OK && err.code != KG_E_NO_REPLY))
        note_answer(a, c);
    else
        a->health.reachable = false;
    end_transfer(a, c);
    if (r == 0)
        take_reply(c);
    else if (!c->repeated && kg_start_helps(&a->opts, &c->rq, &err, c->detail))
        hold(a, c, &err);
    else
        fail(c, &err);
}

/* ---- what is due ---- */

static void take_results(struct kg_async *a)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(a->multi, &left))) {
        char *c = NULL;

        if (m->msg == CURLMSG_DONE && curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c) == CURLE_OK && c)
            take_result(a, (struct call *)(void *)c, m->data.result);
    }
}

static void send_what_may_go(struct kg_async *a)
{
    kg_usec now = kg_now_mono();

    for (struct call *c = a->calls; c && !a->health.starting; c = c->next) {
        if (c->state == CALL_PAUSED && c->due <= now)
            c->state = CALL_WAITING;
        if (c->state == CALL_WAITING && a->n_sent < UNDER_WAY_MAX)
            send_call(a, c);
    }
}

/* What a function sends is for the next round. */
static void deliver(struct kg_async *a)
{
    uint64_t last = a->last_id;
    struct call **at = &a->calls;

    while (*at && (*at)->id <= last) {
        struct call *c;
        struct kg_answer answer;

        if ((*at)->state != CALL_ANSWERED) {
            at = &(*at)->next;
            continue;
        }
        c = unlink_call(a, at);
        answer = (struct kg_answer){ .reply = c->err.code ? NULL : &c->reply, .err = c->err.code ? &c->err : NULL,
                                     .detail = c->detail };
        a->news = true;
        c->fn(c->ctx, c->id, &answer);
        free_call(a, c);
        at = &a->calls; /* it may have cancelled others */
    }
}

static void run_due(struct kg_async *a)
{
    int running;

    if (a->curl_due <= kg_now_mono()) {
        a->curl_due = NEVER;
        (void)curl_multi_socket_action(a->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    take_results(a);
    step_start(a);
    send_what_may_go(a);
    deliver(a);
}

void kg_async_cancel(struct kg_async *a, uint64_t id)
{
    for (struct call **at = &a->calls; *at; at = &(*at)->next)
        if ((*at)->id == id) {
            free_call(a, unlink_call(a, at));
            return;
        }
}

void kg_async_cancel_all(struct kg_async *a, const void *ctx)
{
    struct call **at = &a->calls;

    while (*at)
        if ((*at)->ctx == ctx)
            free_call(a, unlink_call(a, at));
        else
            at = &(*at)->next;
}

/* ---- waiting ---- */

static kg_usec next_due(const struct kg_async *a, kg_usec until)
{
    kg_usec due = until < a->curl_due ? until : a->curl_due;

    if (a->health.starting)
        return a->start_due < due ? a->start_due : due;
    for (const struct call *c = a->calls; c; c = c->next) {
        bool now = c->state == CALL_ANSWERED || (c->state == CALL_WAITING && a->n_sent < UNDER_WAY_MAX);

        if (now)
            return 0;
        if (c->state == CALL_PAUSED && c->due < due)
            due = c->due;
    }
    return due;
}

static int until_ms(kg_usec due)
{
    kg_usec left;

    if (due == NEVER)
        return -1;
    left = due - kg_now_mono();
    return left <= 0 ? 0 : left > 3600 * KG_SECOND ? 3600 * 1000 : (int)((left + 999) / 1000);
}

static bool is_wanted(const struct kg_async *a, int fd)
{
    for (size_t i = 0; i < a->n_wanted; i++)
        if (a->wanted[i].fd == fd)
            return true;
    return false;
}

/* What libcurl does for one descriptor may close another. */
static void feed_curl(struct kg_async *a, const struct pollfd *p, size_t n)
{
    int running;

    for (size_t i = 0; i < n; i++) {
        int what = (p[i].revents & POLLIN ? CURL_CSELECT_IN : 0) | (p[i].revents & POLLOUT ? CURL_CSELECT_OUT : 0) |
                   (p[i].revents & (POLLERR | POLLHUP | POLLNVAL) ? CURL_CSELECT_ERR : 0);

        if (what && is_wanted(a, p[i].fd))
            (void)curl_multi_socket_action(a->multi, p[i].fd, what, &running);
    }
}

/* Waits once. Returns how many of fds something happened on; -1 with errno. */
static int wait_once(struct kg_async *a, struct pollfd *fds, size_t n_fds, kg_usec due)
{
    size_t n = n_fds + a->n_wanted, mine = a->n_wanted;
    int ready = 0;

    if (n > a->cap_polled) {
        a->polled = kg_xrealloc_array(a->polled, n, sizeof *a->polled);
        a->cap_polled = n;
    }
    for (size_t i = 0; i < mine; i++)
        a->polled[i] = (struct pollfd){ .fd = a->wanted[i].fd, .events = a->wanted[i].events };
    if (n_fds)
        memcpy(a->polled + mine, fds, n_fds * sizeof *fds);
    if (poll(a->polled, n, until_ms(due)) < 0)
        return -1;
    for (size_t i = 0; i < n_fds; i++) {
        fds[i].revents = a->polled[mine + i].revents;
        ready += fds[i].revents != 0;
    }
    feed_curl(a, a->polled, mine);
    return ready;
}

int kg_async_poll(struct kg_async *a, struct pollfd *fds, size_t n_fds, int timeout_ms, struct kg_err *err)
{
    kg_usec until = timeout_ms < 0 ? NEVER : kg_now_mono() + timeout_ms * (kg_usec)1000;
    int ready;

    for (size_t i = 0; i < n_fds; i++)
        fds[i].revents = 0;
    a->news = false;
    do {
        run_due(a);
        ready = wait_once(a, fds, n_fds, a->news ? 0 : next_due(a, until));
        if (ready < 0)
            return errno == EINTR ? 0 : kg_err_sys(err, errno, "wait for the service");
        run_due(a);
    } while (!ready && !a->news && kg_now_mono() < until);
    return 0;
}
