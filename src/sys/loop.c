/* Invariants:
 * (1) A watch that was stopped is out of epoll and marked dead; its memory stays until the round's callbacks are over,
 *     because the events epoll_wait() returned may still point to it. Outside a round it is freed at once.
 * (2) A timer is in exactly one list: the loop's, sorted by deadline, or the one of those due in this round. A timer
 *     that a callback sets again goes to the sorted list, so a round ends even when a timer is always set to "now".
 */
#include "sys/loop.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"

enum { EVENTS_A_ROUND = 64 };

struct kg_watch {
    struct kg_loop *loop;
    struct kg_watch *next, **at; /* in loop->watches, or in loop->dead */
    int fd;
    bool dead;
    kg_watch_fn *fn;
    void *arg;
};

struct kg_timer {
    struct kg_loop *loop;
    struct kg_timer *next, **at; /* see (2) */
    kg_usec deadline;
    kg_timer_fn *fn;
    void *arg;
};

struct kg_loop {
    int epoll;
    bool stop, in_round;
    struct kg_watch *watches, *dead;
    struct kg_timer *timers, *due;
    kg_prepare_fn *prepare;
    void *prepare_arg;
    int signal_fd;
    struct kg_watch *signal_watch;
    kg_signal_fn *signal_fn;
    void *signal_arg;
    sigset_t old_mask;
};

#define LIST_ADD(place, x)                                                                          \
    do {                                                                                            \
        (x)->next = *(place);                                                                       \
        (x)->at = (place);                                                                          \
        if ((x)->next)                                                                              \
            (x)->next->at = &(x)->next;                                                             \
        *(place) = (x);                                                                             \
    } while (0)
#define LIST_REMOVE(x)                                                                              \
    do {                                                                                            \
        *(x)->at = (x)->next;                                                                       \
        if ((x)->next)                                                                              \
            (x)->next->at = (x)->at;                                                                \
    } while (0)

int kg_loop_open(struct kg_loop **ret, struct kg_err *err)
{
    struct kg_loop *l;
    int fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd < 0)
        return kg_err_sys(err, errno, "make an event loop");
    l = kg_xalloc(sizeof *l);
    l->epoll = fd;
    l->signal_fd = -1;
    *ret = l;
    return 0;
}

static void free_dead(struct kg_loop *l)
{
    while (l->dead) {
        struct kg_watch *w = l->dead;

        LIST_REMOVE(w);
        free(w);
    }
}

void kg_loop_close(struct kg_loop *l)
{
    if (!l)
        return;
    KG_ASSERT(!l->in_round);
    while (l->watches)
        kg_watch_stop(l->watches);
    while (l->timers)
        kg_timer_stop(l->timers);
    if (l->signal_fd >= 0) {
        close(l->signal_fd);
        pthread_sigmask(SIG_SETMASK, &l->old_mask, NULL);
    }
    close(l->epoll);
    free(l);
}

int kg_loop_watch(struct kg_loop *l, int fd, uint32_t events, kg_watch_fn *fn, void *arg, struct kg_watch **ret,
                  struct kg_err *err)
{
    struct kg_watch *w = kg_xalloc(sizeof *w);
    struct epoll_event e = { .events = events, .data.ptr = w };

    *w = (struct kg_watch){ .loop = l, .fd = fd, .fn = fn, .arg = arg };
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
        int eno = errno;

        free(w);
        return kg_err_sys(err, eno, "watch descriptor %d", fd);
    }
    LIST_ADD(&l->watches, w);
    *ret = w;
    return 0;
}

void kg_watch_change(struct kg_watch *w, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.ptr = w };

    KG_ASSERT(!w->dead);
    if (epoll_ctl(w->loop->epoll, EPOLL_CTL_MOD, w->fd, &e) < 0)
        KG_BUG("changed a watch whose descriptor is closed");
}

void kg_watch_stop(struct kg_watch *w)
{
    struct kg_loop *l;

    if (!w)
        return;
    l = w->loop;
    KG_ASSERT(!w->dead);
    (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
    LIST_REMOVE(w);
    if (!l->in_round) {
        free(w);
        return;
    }
    w->dead = true; /* keeps (1) */
    LIST_ADD(&l->dead, w);
}

static void timer_insert(struct kg_timer *t)
{
    struct kg_timer **at = &t->loop->timers;

    while (*at && (*at)->deadline <= t->deadline)
        at = &(*at)->next;
    LIST_ADD(at, t);
}

struct kg_timer *kg_loop_timer(struct kg_loop *l, kg_usec at_mono, kg_timer_fn *fn, void *arg)
{
    struct kg_timer *t = kg_xalloc(sizeof *t);

    *t = (struct kg_timer){ .loop = l, .deadline = at_mono, .fn = fn, .arg = arg };
    timer_insert(t);
    return t;
}

void kg_timer_set(struct kg_timer *t, kg_usec at_mono)
{
    LIST_REMOVE(t);
    t->deadline = at_mono;
    timer_insert(t);
}

void kg_timer_stop(struct kg_timer *t)
{
    if (!t)
        return;
    LIST_REMOVE(t);
    free(t);
}

static void on_signal_fd(void *arg, int fd, uint32_t events)
{
    struct kg_loop *l = arg;
    struct signalfd_siginfo info[8];
    ssize_t n;

    (void)events;
    n = read(fd, info, sizeof info);
    for (size_t i = 0; n > 0 && i < (size_t)n / sizeof info[0]; i++)
        l->signal_fn(l->signal_arg, (int)info[i].ssi_signo);
}

int kg_loop_signals(struct kg_loop *l, kg_signal_fn *fn, void *arg, struct kg_err *err)
{
    static const int ours[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigset_t set;

    KG_ASSERT(l->signal_fd < 0);
    sigemptyset(&set);
    for (size_t i = 0; i < KG_ARRAY_LEN(ours); i++)
        sigaddset(&set, ours[i]);
    sigaction(SIGPIPE, &ignore, NULL);
    pthread_sigmask(SIG_BLOCK, &set, &l->old_mask);
    l->signal_fn = fn;
    l->signal_arg = arg;
    l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (l->signal_fd < 0) {
        int eno = errno;

        pthread_sigmask(SIG_SETMASK, &l->old_mask, NULL);
        return kg_err_sys(err, eno, "make a signal descriptor");
    }
    return kg_loop_watch(l, l->signal_fd, EPOLLIN, on_signal_fd, l, &l->signal_watch, err);
}

void kg_loop_prepare(struct kg_loop *l, kg_prepare_fn *fn, void *arg)
{
    l->prepare = fn;
    l->prepare_arg = arg;
}

/* How long epoll may wait, in whole milliseconds rounded up, so that a deadline has passed when it returns. */
static int wait_ms(struct kg_loop *l, kg_usec max_wait)
{
    kg_usec wait = max_wait < 0 ? INT64_MAX : max_wait;

    if (l->prepare) {
        kg_usec w = l->prepare(l->prepare_arg);

        if (w >= 0 && w < wait)
            wait = w;
    }
    if (l->timers && l->timers->deadline != KG_TIMER_NEVER) {
        kg_usec left = l->timers->deadline - kg_now_mono();

        if (left < wait)
            wait = left < 0 ? 0 : left;
    }
    if (l->stop)
        return 0;
    if (wait == INT64_MAX)
        return -1;
    wait = wait / 1000 + (wait % 1000 != 0);
    return wait > INT_MAX ? INT_MAX : (int)wait;
}

static void fire_timers(struct kg_loop *l)
{
    kg_usec now = kg_now_mono();
    struct kg_timer **tail = &l->due;

    while (l->timers && l->timers->deadline <= now) {
        struct kg_timer *t = l->timers;

        LIST_REMOVE(t);
        LIST_ADD(tail, t);
        tail = &t->next;
    }
    while (l->due) {
        struct kg_timer *t = l->due;

        kg_timer_set(t, KG_TIMER_NEVER); /* keeps (2): it sleeps until somebody sets it */
        t->fn(t->arg);
    }
}

int kg_loop_once(struct kg_loop *l, kg_usec max_wait, struct kg_err *err)
{
    struct epoll_event events[EVENTS_A_ROUND];
    int n;

    KG_ASSERT(!l->in_round);
    l->in_round = true;
    n = epoll_wait(l->epoll, events, EVENTS_A_ROUND, wait_ms(l, max_wait));
    if (n < 0 && errno != EINTR) {
        l->in_round = false;
        return kg_err_sys(err, errno, "wait for events");
    }
    for (int i = 0; i < n; i++) {
        struct kg_watch *w = events[i].data.ptr;

        if (!w->dead)
            w->fn(w->arg, w->fd, events[i].events);
    }
    fire_timers(l);
    l->in_round = false;
    free_dead(l);
    return 0;
}

int kg_loop_run(struct kg_loop *l, struct kg_err *err)
{
    l->stop = false;
    while (!l->stop)
        if (kg_loop_once(l, -1, err) < 0)
            return -(int)err->code;
    return 0;
}

void kg_loop_stop(struct kg_loop *l) { l->stop = true; }
