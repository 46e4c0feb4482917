/* (1) A worker is over when its process was reaped and both its descriptors were read to where they are now: what it said
 *     before it died counts, whatever killed it.
 * (2) What it reported first counts: a worker that said "done" has done its work, even when it then crashed.
 * (3) A kill is always of the process that we started and have not reaped, so the number cannot be somebody else's. */
#include "engine/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "sys/proc.h"
#include "sys/sock.h"
#include "worker/proto.h"

enum { TAIL_MAX = 16 << 10, LOG_LINES_MAX = 200, LOG_LINE_MAX = 1000 };
#define LINGER (10 * KG_SECOND)  /* between the last word and the exit */
#define INSIST (5 * KG_SECOND)   /* between SIGTERM and SIGKILL */

struct kg_worker {
    struct kg_supervisor *sup;
    struct kg_worker *next;
    struct kg_worker_ops ops;
    void *arg;
    char *what;
    pid_t pid;                    /* 0: reaped */
    int sock, err_pipe;
    struct kg_watch *sock_watch, *err_watch;
    struct kg_frame_reader *reader;
    struct kg_frame_writer *writer;
    struct kg_timer *timer;
    kg_usec silence, grace, heard;
    kg_usec kill_at;              /* when the next, harder signal is due; 0: none */
    int next_signal;
    bool cancelled, silent, reported;
    struct kg_json *result;
    struct kg_err err;            /* what it reported, or what was wrong with how it did */
    char *detail;                 /* reported with a failure */
    struct kg_buf tail;           /* the end of its standard error */
    unsigned log_lines;
};

struct kg_supervisor {
    struct kg_loop *loop;
    struct kg_worker *first;
    unsigned count;
};

struct kg_supervisor *kg_supervisor_new(struct kg_loop *loop)
{
    struct kg_supervisor *s = kg_xalloc(sizeof *s);

    s->loop = loop;
    return s;
}

unsigned kg_supervisor_count(const struct kg_supervisor *s) { return s->count; }

static void worker_free(struct kg_worker *w)
{
    kg_watch_stop(w->sock_watch);
    kg_watch_stop(w->err_watch);
    kg_timer_stop(w->timer);
    kg_closep(&w->sock);
    kg_closep(&w->err_pipe);
    kg_frame_reader_free(w->reader);
    kg_frame_writer_free(w->writer);
    kg_json_free(w->result);
    kg_buf_done(&w->tail);
    free(w->detail);
    free(w->what);
    free(w);
}
KG_DEFINE_CLEANUP(struct kg_worker, worker_free)

void kg_supervisor_free(struct kg_supervisor *s)
{
    if (!s)
        return;
    while (s->first) {
        struct kg_worker *w = s->first;

        s->first = w->next;
        if (w->pid > 0)
            (void)kg_proc_end(w->pid, 0);
        worker_free(w);
    }
    free(s);
}

/* ---- ending ---- */

/* Sends the next signal and plans the one after it. */
static void insist(struct kg_worker *w)
{
    if (w->pid <= 0)
        return;
    kg_log(KG_LOG_WARN, "worker %d (%s) gets signal %d", (int)w->pid, w->what, w->next_signal);
    (void)kill(-w->pid, w->next_signal);
    w->kill_at = w->next_signal == SIGKILL ? 0 : kg_now_mono() + INSIST;
    w->next_signal = SIGKILL;
}

static void plan_kill(struct kg_worker *w, kg_usec at)
{
    if (!w->kill_at || at < w->kill_at)
        w->kill_at = at;
}

static void set_timer(struct kg_worker *w)
{
    kg_usec at = w->reported || w->silent ? KG_TIMER_NEVER : w->heard + w->silence;

    if (w->kill_at && w->kill_at < at)
        at = w->kill_at;
    kg_timer_set(w->timer, at);
}

static void on_timer(void *arg)
{
    struct kg_worker *w = arg;
    kg_usec now = kg_now_mono();

    if (!w->reported && !w->silent && now >= w->heard + w->silence) {
        kg_log(KG_LOG_WARN, "worker %d (%s) has said nothing for %" PRId64 " seconds", (int)w->pid, w->what,
               w->silence / KG_SECOND);
        w->silent = true;
        insist(w);
    } else if (w->kill_at && now >= w->kill_at) {
        insist(w);
    }
    set_timer(w);
}

/* The worker speaks nonsense or cannot be spoken to: it is of no more use. */
static void give_up(struct kg_worker *w, const struct kg_err *why)
{
    if (!w->reported && w->err.code == KG_E_OK) {
        kg_err_set(&w->err, KG_E_CHILD, "the worker and the service do not understand each other: %s", why->msg);
        w->reported = true;
    }
    kg_watch_stop(KG_TAKE(w->sock_watch));
    w->next_signal = SIGKILL;
    insist(w);
}

/* ---- listening ---- */

static void take_end(struct kg_worker *w, const struct kg_json *j, bool done)
{
    if (w->reported)
        return; /* see (2) */
    w->reported = true;
    if (done) {
        w->result = kg_json_copy(kg_json_get(j, "result"));
    } else {
        kg_err_from_json(kg_json_get(j, "error"), &w->err);
        w->detail = kg_xstrdup(kg_json_str(j, "error.detail"));
    }
    plan_kill(w, kg_now_mono() + LINGER);
}

static void take_frame(struct kg_worker *w, struct kg_frame *f)
{
    const char *event;

    w->heard = kg_now_mono();
    if (f->secret) {
        w->ops.secret(w->arg, f->secret_name, KG_TAKE(f->secret));
        return;
    }
    event = kg_json_str_or(f->json, "event", "");
    if (strcmp(event, "done") == 0)
        take_end(w, f->json, true);
    else if (strcmp(event, "failed") == 0)
        take_end(w, f->json, false);
    else if (!w->reported)
        w->ops.event(w->arg, f->json);
}

/* Takes what is there. False when the connection is of no more use. */
static bool listen_once(struct kg_worker *w, bool *ret_more)
{
    struct kg_err err = { 0 };
    int r = kg_frame_reader_fill(w->reader, w->sock, &err), n = 0;

    *ret_more = r > 0;
    while (r > 0) {
        struct kg_frame f = { 0 };

        n = kg_frame_reader_next(w->reader, &f, &err);
        if (n <= 0)
            break;
        take_frame(w, &f);
        kg_frame_done(&f);
    }
    if (n < 0 || (r < 0 && r != -EAGAIN)) {
        give_up(w, &err);
        return false;
    }
    return r != 0;
}

/* A line of a worker's standard error goes to the log, the end of it all is kept for the job. */
static void take_stderr(struct kg_worker *w, const char *p, size_t n)
{
    if (w->tail.len + n > TAIL_MAX) {
        size_t keep = n >= TAIL_MAX / 2 ? 0 : TAIL_MAX / 2, cut = w->tail.len > keep ? w->tail.len - keep : 0;

        memmove(w->tail.p, w->tail.p + cut, w->tail.len - cut);
        kg_buf_cut(&w->tail, w->tail.len - cut);
    }
    kg_buf_add(&w->tail, p, n);
    for (size_t i = 0; i < n && w->log_lines < LOG_LINES_MAX;) {
        const char *end = memchr(p + i, '\n', n - i);
        size_t len = end ? (size_t)(end - p) - i : n - i;

        if (len) {
            kg_log(KG_LOG_WARN, "worker %d: %.*s", (int)w->pid, (int)(len < LOG_LINE_MAX ? len : LOG_LINE_MAX), p + i);
            w->log_lines++;
        }
        i += len + 1;
    }
}

static bool read_stderr(struct kg_worker *w)
{
    char block[4096];
    ssize_t n = read(w->err_pipe, block, sizeof block);

    if (n > 0)
        take_stderr(w, block, (size_t)n);
    return n > 0;
}

static void on_stderr(void *arg, int fd, uint32_t events)
{
    struct kg_worker *w = arg;

    (void)fd;
    if (!read_stderr(w) && (events & (EPOLLHUP | EPOLLERR)))
        kg_watch_stop(KG_TAKE(w->err_watch));
}

static void on_socket(void *arg, int fd, uint32_t events)
{
    struct kg_worker *w = arg;
    struct kg_err err = { 0 };
    bool more;

    if (events & EPOLLOUT) {
        int r = kg_frame_writer_flush(w->writer, fd, &err);

        /* One that cannot be written to any more may still have said why. */
        if (r != 1)
            kg_watch_change(w->sock_watch, EPOLLIN);
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        if (!listen_once(w, &more) && w->sock_watch) {
            kg_watch_stop(KG_TAKE(w->sock_watch));
            plan_kill(w, kg_now_mono() + LINGER);
        }
    }
    set_timer(w);
}

/* ---- the end ---- */

/* Records of its log say what the error says; anything else is a library's or a crash's last word. */
static bool is_log_record(const char *line) { return strstr(line, " level=") && strstr(line, " role=worker pid="); }

/* What was on standard error besides, as whole printable lines; NULL: nothing. */
static char *printable_tail(const struct kg_worker *w)
{
    struct kg_buf b = KG_BUF_INIT(4 * TAIL_MAX);

    for (const char *s = w->tail.p; *s;) {
        size_t n = strcspn(s, "\n");
        KG_AUTO_FREE char *line = kg_xstrndup(s, n);

        s += n + (s[n] == '\n');
        if (is_log_record(line))
            continue;
        kg_text_add_printable(&b, line);
        kg_buf_adds(&b, "\n");
    }
    return b.len ? kg_buf_take(&b) : NULL;
}

static void judge(struct kg_worker *w, int status)
{
    char how[48];

    if (w->reported)
        return;
    if (w->silent) {
        kg_err_set(&w->err, KG_E_TIMEOUT, "the worker said nothing for %" PRId64 " seconds and was ended",
                   w->silence / KG_SECOND);
    } else if (w->cancelled) {
        kg_err_set(&w->err, KG_E_CANCELLED, "the job was cancelled, and its worker ended by force");
    } else {
        kg_err_set(&w->err, KG_E_CHILD, "the worker %s before its work was done", kg_proc_status_text(status, how));
        kg_err_advise(&w->err, "Start it again; if this comes back, look at 'keepgres service logs'.");
    }
}

static void finish(struct kg_worker *w, int status)
{
    struct kg_worker **at = &w->sup->first;
    KG_AUTO_FREE char *tail = NULL;
    struct kg_outcome o = { 0 };
    bool more = true;

    w->pid = 0;
    while (w->sock_watch && more) /* see (1) */
        if (!listen_once(w, &more))
            break;
    while (read_stderr(w))
        ;
    judge(w, status);
    if (w->err.code != KG_E_OK && !w->detail && w->tail.len)
        tail = printable_tail(w);
    o.err = w->err;
    o.result = KG_TAKE(w->result);
    o.detail = w->detail ? w->detail : tail;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    w->sup->count--;
    w->ops.ended(w->arg, &o);
    kg_json_free(o.result);
    worker_free(w);
}

void kg_supervisor_reap(struct kg_supervisor *s)
{
    for (bool again = true; again;) { /* callbacks change the list: begin anew after each */
        again = false;
        for (struct kg_worker *w = s->first; w && !again; w = w->next) {
            struct kg_err running = { 0 };
            int status;

            if (w->pid > 0 && kg_proc_wait(w->pid, 0, &status, &running) == 0) {
                finish(w, status);
                again = true;
            }
        }
    }
}

void kg_worker_cancel(struct kg_worker *w)
{
    KG_AUTO_JSON struct kg_json *j = kg_json_object();
    struct kg_err err = { 0 };

    if (w->cancelled)
        return;
    w->cancelled = true;
    kg_json_set_bool(j, "cancel", true);
    if (kg_frame_writer_add_json(w->writer, j, &err) == 0 && w->sock_watch)
        kg_watch_change(w->sock_watch, EPOLLIN | EPOLLOUT);
    plan_kill(w, kg_now_mono() + w->grace);
    set_timer(w);
}

void kg_worker_kill(struct kg_worker *w)
{
    w->next_signal = SIGKILL;
    insist(w);
}

/* ---- the beginning ---- */

/* What a worker's environment has: none of libpq's PG… variables, which would change where it connects. */
static const char *const passed[] = { "HOME", "PATH", "USER", "LOGNAME", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "KG_FAULT",
                                      "KG_CLOCK", "KEEPGRES_DUMPABLE", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
                                      "LSAN_OPTIONS", "GCOV_PREFIX", "GCOV_PREFIX_STRIP" };

static void make_environment(char **env)
{
    size_t n = 0;

    env[n++] = kg_xstrdup("LC_ALL=C");
    for (size_t i = 0; i < KG_ARRAY_LEN(passed); i++) {
        const char *v = getenv(passed[i]);

        if (v)
            env[n++] = kg_xprintf("%s=%s", passed[i], v);
    }
    env[n] = NULL;
}

/* The program that a worker is: this one. Test builds may put another in its place. */
static const char *program(void)
{
#ifdef KG_FAULTS
    const char *fake = getenv("KEEPGRES_WORKER");

    if (fake && *fake)
        return fake;
#endif
    return "/proc/self/exe";
}

static int spawn(struct kg_worker *w, int sock, int err_pipe, struct kg_err *err)
{
    const char *argv[] = { program(), "worker", NULL };
    char *env[KG_ARRAY_LEN(passed) + 2];
    struct kg_proc_spec spec = { .argv = argv, .envp = (const char *const *)env, .fd_in = -1, .fd_out = -1,
                                 .fd_err = err_pipe, .fd_pass = sock };
    int r;

    make_environment(env);
    r = kg_proc_spawn(&spec, &w->pid, err);
    for (size_t i = 0; env[i]; i++)
        free(env[i]);
    return r;
}

static int open_channels(struct kg_worker *w, int *ret_sock, int *ret_pipe, struct kg_err *err)
{
    int pair[2], pipes[2];

    if (kg_socket_pair(pair, err) < 0)
        return -(int)err->code;
    w->sock = pair[0];
    *ret_sock = pair[1];
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return kg_err_sys(err, errno, "make a pipe");
    w->err_pipe = pipes[0];
    *ret_pipe = pipes[1];
    if (fcntl(w->err_pipe, F_SETFL, O_NONBLOCK) < 0)
        return kg_err_sys(err, errno, "make a pipe");
    return 0;
}

static int write_job(struct kg_worker *w, const struct kg_worker_spec *spec, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = kg_json_object();

    for (size_t i = 0; i < spec->n_secrets; i++)
        if (kg_frame_writer_add_secret(w->writer, spec->secrets[i].name, spec->secrets[i].value, err) < 0)
            return -(int)err->code;
    kg_json_set(j, "job", kg_json_copy(spec->job));
    return kg_frame_writer_add_json(w->writer, j, err);
}

int kg_worker_start(struct kg_supervisor *s, const struct kg_worker_spec *spec, struct kg_worker **ret, struct kg_err *err)
{
    KG_CLEANUP(worker_freep) struct kg_worker *w = kg_xalloc(sizeof *w);
    KG_AUTO_CLOSE int sock = -1;
    KG_AUTO_CLOSE int err_pipe = -1;

    w->sup = s;
    w->ops = *spec->ops;
    w->arg = spec->arg;
    w->what = kg_xstrdup(spec->what);
    w->sock = w->err_pipe = -1;
    w->silence = spec->silence;
    w->grace = spec->grace;
    w->heard = kg_now_mono();
    w->next_signal = SIGTERM;
    w->reader = kg_frame_reader_new();
    w->writer = kg_frame_writer_new();
    w->tail = (struct kg_buf)KG_BUF_INIT(TAIL_MAX + 4096);
    if (write_job(w, spec, err) < 0 || open_channels(w, &sock, &err_pipe, err) < 0 ||
        kg_loop_watch(s->loop, w->sock, EPOLLIN | EPOLLOUT, on_socket, w, &w->sock_watch, err) < 0 ||
        kg_loop_watch(s->loop, w->err_pipe, EPOLLIN, on_stderr, w, &w->err_watch, err) < 0 ||
        spawn(w, sock, err_pipe, err) < 0)
        return kg_err_wrap(err, "start a worker");
    w->timer = kg_loop_timer(s->loop, w->heard + w->silence, on_timer, w);
    kg_log(KG_LOG_INFO, "worker %d started for %s", (int)w->pid, w->what);
    w->next = s->first;
    s->first = w;
    s->count++;
    *ret = KG_TAKE(w);
    return 0;
}
