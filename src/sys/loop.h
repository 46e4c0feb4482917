/* sys/loop.h - one thread waiting for many things: descriptors, deadlines, signals. epoll underneath.
 *
 * Ownership: kg_loop_open() gives the caller a loop, kg_loop_close() takes it back with every watch and timer that is
 *            still in it. Watched descriptors stay the caller's: stop the watch first, then close the descriptor.
 * Callbacks: may start, change and stop any watch and timer, their own too. A watch that was stopped is not called
 *            again, not even for something that had already happened.
 * Threads:   one loop, one thread. */
#ifndef KG_SYS_LOOP_H
#define KG_SYS_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>
#include "base/cleanup.h"
#include "base/time.h"
#include "keepgres/err.h"

struct kg_loop;
struct kg_watch;
struct kg_timer;

typedef void kg_watch_fn(void *arg, int fd, uint32_t events); /* events: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR… */
typedef void kg_timer_fn(void *arg);
typedef void kg_signal_fn(void *arg, int signo);
typedef kg_usec kg_prepare_fn(void *arg);

int kg_loop_open(struct kg_loop **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_loop_close(struct kg_loop *l);
KG_DEFINE_CLEANUP(struct kg_loop, kg_loop_close)

/* Calls fn(arg, fd, events) whenever one of events (level triggered), or an error or hang-up, is there.
 * Fails with KG_E_IO, for example for a regular file or a descriptor that is watched already. */
int kg_loop_watch(struct kg_loop *l, int fd, uint32_t events, kg_watch_fn *fn, void *arg, struct kg_watch **ret,
                  struct kg_err *err) KG_MUST_CHECK;
void kg_watch_change(struct kg_watch *w, uint32_t events);  /* 0: only errors and hang-ups */
void kg_watch_stop(struct kg_watch *w);                     /* and frees it; NULL is allowed */

/* Calls fn(arg) once, when the monotonic clock has reached at_mono; KG_TIMER_NEVER makes a timer that sleeps until
 * kg_timer_set(). A timer that has fired may be set again; it lives until kg_timer_stop(). Timers that are due at once
 * fire in the order of their deadlines. */
#define KG_TIMER_NEVER INT64_MAX
struct kg_timer *kg_loop_timer(struct kg_loop *l, kg_usec at_mono, kg_timer_fn *fn, void *arg);
void kg_timer_set(struct kg_timer *t, kg_usec at_mono);
void kg_timer_stop(struct kg_timer *t);                     /* and frees it; NULL is allowed */

/* Blocks SIGTERM, SIGINT, SIGHUP and SIGCHLD in this thread, ignores SIGPIPE, and delivers them to fn from the loop.
 * Children are not disturbed: kg_proc_spawn() resets both. kg_loop_close() restores the mask. At most once a loop.
 * SIGCHLD tells that some child ended, not how many: ask for every pid you know. */
int kg_loop_signals(struct kg_loop *l, kg_signal_fn *fn, void *arg, struct kg_err *err) KG_MUST_CHECK;

/* fn runs before every wait and says how long it may last at most, in microseconds; negative: as long as it likes.
 * This is how a library with a timeout of its own (MHD_get_timeout) takes part. One a loop; NULL takes it out. */
void kg_loop_prepare(struct kg_loop *l, kg_prepare_fn *fn, void *arg);

/* Runs until kg_loop_stop() was called. Fails with KG_E_IO when waiting itself fails. */
int kg_loop_run(struct kg_loop *l, struct kg_err *err) KG_MUST_CHECK;
/* One wait of at most max_wait microseconds (negative: until something happens) and the callbacks it leads to. */
int kg_loop_once(struct kg_loop *l, kg_usec max_wait, struct kg_err *err) KG_MUST_CHECK;
void kg_loop_stop(struct kg_loop *l);                       /* from a callback: run() returns after this round */

#endif
