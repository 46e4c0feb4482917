#include "api/door.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "sys/sock.h"

/* How long to wait with the next one when the system has no descriptor left. */
#define PAUSE (KG_SECOND / 2)
/* Who is refused is told when his request has come, and so reads the answer: for that long, that many at a time. */
#define LINGER (2 * KG_SECOND)
enum { LEAVING_MAX = 32 };

struct leaving {
    struct kg_watch *watch;
    struct kg_timer *timer;
    int fd;
};

struct kg_door {
    struct kg_door_rules rules;
    struct kg_watch *watch;
    struct kg_timer *resume;
    kg_door_fn *fn;
    void *arg;
    int fd;
    unsigned total;
    struct guest { uid_t uid; unsigned n; } *guest; /* those with at least one connection: total at most */
    unsigned guests;
    struct kg_loop *loop;
    struct leaving leaving[LEAVING_MAX]; /* without a watch: free */
};

static struct guest *find(struct kg_door *d, uid_t uid)
{
    for (unsigned i = 0; i < d->guests; i++)
        if (d->guest[i].uid == uid)
            return &d->guest[i];
    return NULL;
}

static bool is_welcome(struct kg_door *d, uid_t uid)
{
    const struct guest *g = find(d, uid);

    return uid == d->rules.owner ||
           (d->total + d->rules.reserved < d->rules.total && (g ? g->n : 0) < d->rules.per_user);
}

/* What it has sent is read first: an answer may be lost when unread bytes are thrown away with a socket. */
static void send_refusal(int fd)
{
    static const char body[] = "{\"error\":{\"code\":\"ServiceUnavailable\",\"message\":\"this user has too many connections to the "
                               "service open, or others have\",\"additionalInfo\":[{\"type\":\"UserFacingError\",\"info\":{"
                               "\"recommendedAction\":[\"Wait for the commands that run to end, then try again.\"]}}]}}";
    char text[1024], swallow[4096];
    int n = snprintf(text, sizeof text, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json; charset=utf-8\r\n"
                     "Content-Length: %zu\r\nRetry-After: 1\r\nConnection: close\r\n\r\n%s", sizeof body - 1, body);

    for (int i = 0; i < 16 && recv(fd, swallow, sizeof swallow, MSG_DONTWAIT) > 0; i++)
        ;
    (void)!send(fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void show_out(struct leaving *l)
{
    if (!l->watch)
        return;
    kg_watch_stop(l->watch);
    kg_timer_stop(l->timer);
    send_refusal(l->fd);
    close(l->fd);
    *l = (struct leaving){ 0 };
}

static void on_request_came(void *arg, int fd, uint32_t events)
{
    (void)fd;
    (void)events;
    show_out(arg);
}

static void on_waited(void *arg) { show_out(arg); }

static void refuse(struct kg_door *d, int fd, uid_t uid)
{
    struct kg_err ignored = { 0 };
    struct leaving *l = d->leaving;

    kg_debug("http: a connection of uid=%u is refused: too many", (unsigned)uid);
    while (l < d->leaving + LEAVING_MAX && l->watch)
        l++;
    if (l == d->leaving + LEAVING_MAX || kg_loop_watch(d->loop, fd, EPOLLIN, on_request_came, l, &l->watch, &ignored) < 0) {
        close(fd);
        return;
    }
    l->fd = fd;
    l->timer = kg_loop_timer(d->loop, kg_now_mono() + LINGER, on_waited, l);
}

/* Level triggered: who is not accepted now is told of again when the watch is on again. */
static void pause_until(struct kg_door *d, kg_usec at_mono)
{
    kg_watch_change(d->watch, 0);
    kg_timer_set(d->resume, at_mono);
}

static void on_resume(void *arg)
{
    struct kg_door *d = arg;

    kg_watch_change(d->watch, d->total < d->rules.total ? EPOLLIN : 0);
}

/* One at a time: the count is right again before the next is asked for. */
static void on_knock(void *arg, int listen_fd, uint32_t events)
{
    struct kg_door *d = arg;
    struct kg_err err = { 0 };
    struct kg_peer peer;
    int fd;

    (void)events;
    if (d->total >= d->rules.total) {
        pause_until(d, KG_TIMER_NEVER);
        return;
    }
    fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            pause_until(d, kg_now_mono() + PAUSE);
        return;
    }
    if (kg_socket_peer(fd, &peer, &err) < 0)
        close(fd); /* who cannot be told is not let in */
    else if (!is_welcome(d, peer.uid))
        refuse(d, fd, peer.uid);
    else
        d->fn(d->arg, fd);
}

int kg_door_open(struct kg_loop *loop, int listen_fd, const struct kg_door_rules *rules, kg_door_fn *fn, void *arg,
                 struct kg_door **ret, struct kg_err *err)
{
    KG_CLEANUP(kg_door_closep) struct kg_door *d = kg_xalloc(sizeof *d);

    d->loop = loop;
    d->rules = *rules;
    d->fn = fn;
    d->arg = arg;
    d->fd = listen_fd;
    d->guest = kg_xalloc_array(rules->total, sizeof *d->guest);
    d->resume = kg_loop_timer(loop, KG_TIMER_NEVER, on_resume, d);
    if (kg_loop_watch(loop, listen_fd, EPOLLIN, on_knock, d, &d->watch, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(d);
    return 0;
}

void kg_door_close(struct kg_door *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < LEAVING_MAX; i++)
        show_out(&d->leaving[i]);
    kg_watch_stop(d->watch);
    kg_timer_stop(d->resume);
    close(d->fd);
    free(d->guest);
    free(d);
}

void kg_door_came(struct kg_door *d, uid_t uid)
{
    struct guest *g = find(d, uid);

    d->total++;
    if (g)
        g->n++;
    else if (d->guests < d->rules.total)
        d->guest[d->guests++] = (struct guest){ uid, 1 };
}

void kg_door_left(struct kg_door *d, uid_t uid)
{
    struct guest *g = find(d, uid);

    if (d->total-- == d->rules.total)
        kg_watch_change(d->watch, EPOLLIN);
    if (g && --g->n == 0)
        *g = d->guest[--d->guests];
}
