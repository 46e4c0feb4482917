/* pg/toc.c - pg_dump as the one who knows what a database consists of.
 *
 * 1. The table of contents is believed only when writing it again gives the same bytes.
 * 2. A pg_dump that ends by itself has to end with 0; one that fails behind the table of contents is a failure, too.
 * 3. Neither of its two pipes can block it while we wait for the other.
 * 4. A pg_dump that is kept is stopped with its output still open: it closes that before it leaves the server, so
 *    its locks are there. */
#include "pg/toc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/text.h"
#include "base/time.h"
#include "pg/internal.h"
#include "sys/proc.h"

enum { BLOCK = 256 << 10, LOCK_TIMEOUTS_A_STATEMENT = 5 };
#define TOC_MAX ((size_t)2 << 30)

struct dump {
    const struct kg_toc_run *t;
    pid_t pid;                           /* 0: reaped */
    int status;                          /* of waitpid, once reaped */
    int out, err_fd;
    bool ended;                          /* its output is at its end */
    char *block;                         /* what was read and not taken yet: from at up to n */
    size_t n, at;
    struct kg_buf raw;                   /* everything that was taken */
    struct kg_buf said;
};

/* ---- starting ---- */

static int start(struct dump *d, struct kg_err *err)
{
    const struct kg_plan_opts *o = d->t->opts;
    KG_AUTO_FREE char *snapshot = kg_xprintf("--snapshot=%s", d->t->snapshot);
    /* pg_dump gives this time to a whole statement that locks many tables. */
    KG_AUTO_FREE char *wait = kg_xprintf("--lock-wait-timeout=%llu",
                                         (unsigned long long)o->lock_timeout_ms * LOCK_TIMEOUTS_A_STATEMENT);
    const char *const argv[] = { "pg_dump", "-Fc", "-Z0", "--no-password", snapshot, wait,
                                 d->t->utf8 ? "--encoding=UTF8" : NULL, NULL };
    struct kg_tool tool = *d->t->tool;
    KG_AUTO_CLOSE int out = -1;
    KG_AUTO_CLOSE int said = -1;
    int fds[2];

    kg_text_copy(tool.session, sizeof tool.session, d->t->snapshot);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return kg_err_sys(err, errno, "make a pipe");
    d->out = fds[0];
    out = fds[1];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return kg_err_sys(err, errno, "make a pipe");
    d->err_fd = fds[0];
    said = fds[1];
    (void)fcntl(d->err_fd, F_SETFL, O_NONBLOCK);
    if (d->t->keep)
        (void)fcntl(out, F_SETPIPE_SZ, 4096); /* so little that it has to wait for us before it is done */
    return kg_tool_start(&tool, d->t->conn, d->t->database, argv, -1, out, said, &d->pid, err);
}

/* ---- reading ---- */

static void hear(struct dump *d)
{
    char text[4096];
    ssize_t n = read(d->err_fd, text, sizeof text);

    if (n > 0) {
        kg_said_add(&d->said, text, (size_t)n);
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
        close(d->err_fd);
        d->err_fd = -1;
    }
}

/* Waits for the next bytes of the archive: keeps (3). */
static int fill(struct dump *d, struct kg_err *err)
{
    while (d->at == d->n) {
        struct pollfd p[2] = { { .fd = d->out, .events = POLLIN }, { .fd = d->err_fd, .events = POLLIN } };
        ssize_t got;

        if (d->t->opts->cancelled && d->t->opts->cancelled(d->t->opts->cancel_ctx))
            return kg_err_set(err, KG_E_CANCELLED, "pg_dump was stopped because the job was cancelled");
        if (poll(p, 2, 500) <= 0)
            continue;
        if (p[1].fd >= 0 && p[1].revents)
            hear(d);
        if (!p[0].revents)
            continue;
        got = read(d->out, d->block, BLOCK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return kg_err_sys(err, errno, "read from pg_dump");
        if (got == 0) {
            d->ended = true;
            return kg_err_set(err, KG_E_DUMP_FAILED, "pg_dump ended in the middle of its table of contents");
        }
        d->n = (size_t)got;
        d->at = 0;
    }
    return 0;
}

static int take(void *ctx, void *out, size_t n, struct kg_err *err)
{
    struct dump *d = ctx;
    size_t done = 0;

    while (done < n) {
        size_t k;

        if (fill(d, err) < 0)
            return -(int)err->code;
        k = n - done < d->n - d->at ? n - done : d->n - d->at;
        memcpy((char *)out + done, d->block + d->at, k);
        d->at += k;
        done += k;
    }
    kg_buf_add(&d->raw, out, n);
    return 0;
}

static int check_same(const struct kg_archive *a, const struct kg_buf *raw, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf again = KG_BUF_INIT(TOC_MAX);

    kg_archive_write(a, NULL, true, &again);
    if (again.len != raw->len || memcmp(again.p, raw->p, raw->len) != 0)
        return kg_err_set(err, KG_E_ARCHIVE, "pg_dump's table of contents cannot be written again as it was");
    for (size_t i = 0; i < a->n_entries; i++) {
        const struct kg_toc_entry *e = &a->entry[i];

        if (e->has_data && strcmp(e->desc, "TABLE DATA") != 0 && strcmp(e->desc, "BLOBS") != 0)
            return kg_err_set(err, KG_E_ARCHIVE, "pg_dump has data of a kind that is not known: %s '%s'", e->desc,
                              e->tag ? e->tag : "");
    }
    return 0;
}

/* ---- ending ---- */

static void reap(struct dump *d, kg_usec patience)
{
    struct kg_err ignored = { 0 };

    if (d->pid && (patience == 0 || kg_proc_wait(d->pid, patience, &d->status, &ignored) < 0))
        d->status = kg_proc_end(d->pid, 2 * KG_SECOND);
    d->pid = 0;
    while (d->err_fd >= 0 && poll(&(struct pollfd){ .fd = d->err_fd, .events = POLLIN }, 1, 0) > 0)
        hear(d);
}

static void dump_done(struct dump *d)
{
    reap(d, 0);
    kg_closep(&d->out);
    kg_closep(&d->err_fd);
    free(d->block);
    kg_buf_done(&d->raw);
    kg_buf_done(&d->said);
}

/* The line that tells most: the last one that says "error: ", or the last one at all. */
static const char *telling_line(const struct kg_buf *said, char *out, size_t size)
{
    const char *best = NULL;

    for (const char *s = said->p; (s = strstr(s, "error: ")); s++)
        best = s + strlen("error: ");
    if (!best)
        return kg_said_last_line(said, out, size);
    KG_AUTO_BUF struct kg_buf one = KG_BUF_INIT(2 * KG_SAID_MAX);
    kg_buf_add(&one, best, strcspn(best, "\n"));
    return kg_said_last_line(&one, out, size);
}

static int explain(struct dump *d, const char *when, struct kg_err *err)
{
    char line[400], how[48];
    const char *advice;
    enum kg_code code = kg_pg_code_of_text(d->said.p, KG_E_DUMP_FAILED, &advice);

    reap(d, 0); /* hears its last words, too */
    *err = (struct kg_err){ 0 };
    telling_line(&d->said, line, sizeof line);
    kg_err_set(err, code, "pg_dump %s %s: %s", kg_proc_status_text(d->status, how), when, *line ? line : "it said nothing");
    if (advice)
        kg_err_advise(err, "%s", advice);
    kg_said_copy(&d->said, d->t->opts->pg_dump_stderr);
    return -(int)code;
}

/* True when there is nothing behind the table of contents, so that pg_dump ends by itself. */
static bool has_data(const struct kg_archive *a)
{
    for (size_t i = 0; i < a->n_entries; i++)
        if (a->entry[i].has_data)
            return true;
    return false;
}

static int finish(struct dump *d, const struct kg_archive *a, struct kg_err *err)
{
    int status;
    bool by_itself = !has_data(a);

    if (d->pid && waitpid(d->pid, &status, WNOHANG) == d->pid) {
        d->status = status;
        d->pid = 0;
        by_itself = true;
    }
    reap(d, by_itself ? 10 * KG_SECOND : 0);
    return by_itself && d->status != 0 ? explain(d, "behind its table of contents", err) : 0; /* keeps (2) */
}

/* Stops it with its locks; when it has ended meanwhile, *ret_pid is 0. keeps (4) */
static int stop(struct dump *d, pid_t *ret_pid, int *ret_pipe, struct kg_err *err)
{
    struct pollfd p = { .fd = d->out, .events = POLLIN };
    int status = 0;

    if (kill(d->pid, SIGSTOP) == 0)
        while (waitpid(d->pid, &status, WUNTRACED) < 0 && errno == EINTR)
            ;
    if (WIFSTOPPED(status) && poll(&p, 1, 0) >= 0 && !(p.revents & (POLLHUP | POLLERR))) {
        *ret_pid = d->pid;
        *ret_pipe = KG_TAKE_FD(d->out);
        d->pid = 0;
        return 0;
    }
    if (WIFSTOPPED(status)) {
        (void)kill(d->pid, SIGCONT);
        reap(d, 10 * KG_SECOND);
    } else {
        d->status = status;
        d->pid = 0;
    }
    return d->status != 0 ? explain(d, "behind its table of contents", err) : 0;
}

int kg_toc_read(const struct kg_toc_run *t, struct kg_archive **ret, pid_t *ret_pid, int *ret_pipe, struct kg_err *err)
{
    KG_CLEANUP(dump_done) struct dump d = { .t = t, .out = -1, .err_fd = -1, .block = kg_xalloc(BLOCK),
                                            .raw = KG_BUF_INIT(TOC_MAX), .said = KG_BUF_INIT(2 * KG_SAID_MAX) };
    KG_CLEANUP(kg_archive_freep) struct kg_archive *a = NULL;
    int eno;

    *ret_pid = 0;
    *ret_pipe = -1;
    if ((eno = KG_FAULT(PG_PLAN)))
        return kg_err_sys(err, eno, "read from pg_dump");
    if (start(&d, err) < 0)
        return -(int)err->code;
    if (kg_archive_parse(take, &d, &a, err) < 0) {
        if (d.ended) {
            reap(&d, 10 * KG_SECOND);
            return explain(&d, "before its table of contents was complete", err);
        }
        reap(&d, 0);
        kg_said_copy(&d.said, t->opts->pg_dump_stderr);
        return -(int)err->code;
    }
    if (kg_buf_ok(&d.raw, err) < 0 || check_same(a, &d.raw, err) < 0 ||
        (t->keep ? stop(&d, ret_pid, ret_pipe, err) : finish(&d, a, err)) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(a);
    return 0;
}

void kg_toc_release(pid_t pid, int fd)
{
    if (pid > 0) {
        (void)kill(-pid, SIGTERM);               /* taken when it goes on */
        (void)kill(-pid, SIGCONT);
        (void)kg_proc_end(pid, 2 * KG_SECOND);
    }
    if (fd >= 0)
        close(fd);
}
