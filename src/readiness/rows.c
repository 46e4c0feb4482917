#include "readiness/rows.h"

#include <errno.h>
#include <pthread.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"

enum { PARALLEL = 8, PER_SERVER = 4, PARALLEL_MAX = 64, TIMEOUT_MS = 20000, NAMES_OF_FEW = 100, NAMES_OF_MANY = 20, FEW = 50,
       MAJORS = 64, TELL_EVERY_MS = 250 };

struct server {
    const char *host, *port;             /* the first row's */
    size_t running;
    bool answered;
    const struct kg_check *dead;         /* why it could not be reached: the check of the row that tried; NULL: nothing known */
};

enum state { WAITING, RUNNING, DONE };

struct slot { struct server *server; enum state state; };

/* A pg_dump is looked for once a major version: each look starts programs. */
struct tool_found { bool asked; struct kg_tool tool; struct kg_err err; };

struct batch {
    struct kg_check_row *row;
    size_t n;
    const struct kg_rows_opts *o;
    struct slot *slot;                   /* of each row */
    struct server *server;
    size_t n_servers;
    pthread_mutex_t lock;                /* guards slot, server, done, cancelled */
    pthread_cond_t changed;
    size_t done;
    bool cancelled;
    pthread_mutex_t tools_lock;
    struct tool_found tool[MAJORS];
};

void kg_check_row_done(struct kg_check_row *r)
{
    kg_conninfo_done(&r->conn);
    kg_checks_done(&r->checks);
    kg_json_free(KG_TAKE(r->facts));
}

/* ---- which row is next ---- */

static bool same(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : "") == 0; }

static struct server *server_of(struct batch *b, const struct kg_conninfo *c)
{
    for (size_t i = 0; i < b->n_servers; i++)
        if (same(b->server[i].host, c->host) && same(b->server[i].port, c->port))
            return &b->server[i];
    b->server[b->n_servers] = (struct server){ .host = c->host, .port = c->port };
    return &b->server[b->n_servers++];
}

static bool may_begin(const struct batch *b, const struct server *s)
{
    unsigned most = b->o->per_server ? b->o->per_server : PER_SERVER;

    return s->dead || s->running < (s->answered ? most : 1);
}

/* The next row that may begin; waits while others have to end first. False: none is left. With the lock held. */
static bool next_row(struct batch *b, size_t *ret)
{
    for (;;) {
        bool waiting = false;

        for (size_t i = 0; i < b->n; i++) {
            if (b->slot[i].state != WAITING)
                continue;
            waiting = true;
            if (!b->cancelled && !may_begin(b, b->slot[i].server))
                continue;
            b->slot[i].state = RUNNING;
            b->slot[i].server->running++;
            *ret = i;
            return true;
        }
        if (!waiting)
            return false;
        pthread_cond_wait(&b->changed, &b->lock);
    }
}

/* A server that gave any answer is alive: a refused login says so, too. */
static void end_row(struct batch *b, size_t i, bool cancelled)
{
    struct server *s = b->slot[i].server;
    const struct kg_check *c = b->row[i].checks.item[KG_CHECK_CONNECT];

    pthread_mutex_lock(&b->lock);
    b->slot[i].state = DONE;
    s->running--;
    if (c && c->state == KG_CHECK_PASSED)
        s->answered = true;
    else if (c && !s->answered && (c->err.code == KG_E_DB_CONNECT || c->err.code == KG_E_TIMEOUT))
        s->dead = c;
    b->done++;
    b->cancelled |= cancelled;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

/* ---- one row ---- */

static int find_tool(void *ctx, int major, struct kg_tool *ret, struct kg_err *err)
{
    struct batch *b = ctx;
    struct tool_found *f;

    if (major < 0 || major >= MAJORS)
        return kg_tool_find("pg_dump", b->o->bin_dir, major, ret, err);
    f = &b->tool[major];
    pthread_mutex_lock(&b->tools_lock);
    if (!f->asked && kg_tool_find("pg_dump", b->o->bin_dir, major, &f->tool, &f->err) < 0)
        f->tool = (struct kg_tool){ 0 };
    f->asked = true;
    pthread_mutex_unlock(&b->tools_lock);
    if (f->err.code != KG_E_OK) {
        *err = f->err;
        return -(int)err->code;
    }
    *ret = f->tool;
    return 0;
}

static void repeat_verdict(struct kg_check_row *r, const struct kg_check *dead)
{
    kg_check_fail(&r->checks, KG_CHECK_CONNECT, &dead->err);
    kg_check_skip_rest(&r->checks, KG_CHECK_CONNECT, KG_CHECK_SPACE, KG_CHECK_CONNECT);
}

/* True when it was cancelled. */
static bool check_row(struct batch *b, struct kg_check_row *r)
{
    uint64_t ms = b->o->timeout_ms ? b->o->timeout_ms : TIMEOUT_MS;
    struct kg_database_spec spec = { .conn = &r->conn, .database = r->database, .find_tool = find_tool, .find_ctx = b,
                                     .names_max = b->n <= FEW ? NAMES_OF_FEW : NAMES_OF_MANY,
                                     .has_store_free = r->has_store_free, .store_free = r->store_free,
                                     .has_points = r->has_points, .chosen = r->chosen, .role_passwords = r->role_passwords,
                                     .limits = { kg_now_mono() + (kg_usec)ms * 1000, b->o->cancelled, b->o->ctx } };
    struct kg_err ignored = { 0 };

    return kg_database_check(&spec, &r->checks, &r->facts, &ignored) < 0;
}

/* libpq looks names up without a limit of ours; the resolver has one for each thread. */
static void limit_resolver(void)
{
    if (res_init() == 0) {
        _res.retrans = 3;
        _res.retry = 1;
    }
}

static void *rows_main(void *arg)
{
    struct batch *b = arg;
    size_t i;

    limit_resolver();
    pthread_mutex_lock(&b->lock);
    while (next_row(b, &i)) {
        const struct kg_check *dead = b->slot[i].server->dead;
        bool cancelled = b->cancelled;

        pthread_mutex_unlock(&b->lock);
        if (dead)
            repeat_verdict(&b->row[i], dead);
        else if (!cancelled)
            cancelled = check_row(b, &b->row[i]);
        end_row(b, i, cancelled);
        pthread_mutex_lock(&b->lock);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* ---- all of them ---- */

static bool is_cancelled(const struct batch *b) { return b->o->cancelled && b->o->cancelled(b->o->ctx); }

/* Until every row has ended: news for the caller, and a cancel for the threads that wait for their turn. */
static void tell(struct batch *b, size_t total)
{
    pthread_mutex_lock(&b->lock);
    while (b->done < total) {
        struct timespec until;

        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TELL_EVERY_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        (void)pthread_cond_timedwait(&b->changed, &b->lock, &until);
        if (is_cancelled(b) && !b->cancelled) {
            b->cancelled = true;
            pthread_cond_broadcast(&b->changed);
        }
        size_t done = b->done;
        pthread_mutex_unlock(&b->lock);
        if (b->o->progress)
            b->o->progress(b->o->ctx, done, total);
        pthread_mutex_lock(&b->lock);
    }
    pthread_mutex_unlock(&b->lock);
}

static int run(struct batch *b, size_t total, struct kg_err *err)
{
    unsigned most = b->o->parallel ? b->o->parallel : PARALLEL, n = 0;
    pthread_t thread[PARALLEL_MAX];
    int eno = 0;

    while (n < most && n < total && n < PARALLEL_MAX && !(eno = pthread_create(&thread[n], NULL, rows_main, b)))
        n++;
    if (n)
        tell(b, total);
    for (unsigned i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
    if (total && !n)
        return kg_err_sys(err, eno, "start a thread");
    return b->cancelled ? kg_err_set(err, KG_E_CANCELLED, "the checks were cancelled") : 0;
}

int kg_rows_check(struct kg_check_row *row, size_t n, const struct kg_rows_opts *o, struct kg_err *err)
{
    struct batch b = { .row = row, .n = n, .o = o, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER,
                       .tools_lock = PTHREAD_MUTEX_INITIALIZER };
    KG_AUTO_FREE struct slot *slot = b.slot = kg_xalloc_array(n + 1, sizeof *slot);
    KG_AUTO_FREE struct server *server = b.server = kg_xalloc_array(n + 1, sizeof *server);
    size_t total = 0;

    for (size_t i = 0; i < n; i++) {
        b.slot[i].state = kg_checks_failed(&row[i].checks) ? DONE : WAITING;
        if (b.slot[i].state == DONE)
            continue;
        b.slot[i].server = server_of(&b, &row[i].conn);
        total++;
    }
    return run(&b, total, err);
}
