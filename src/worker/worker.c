/* The main thread runs the job; a second one listens to the service: a cancel or the end of the connection makes the job
 * stop at its next check. If it has not stopped a while after the connection ended, the process ends: nobody is left to tell,
 * and what is not committed is garbage by design. */
#include "worker/worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/log.h"
#include "pg/plan.h"
#include "pg/tools.h"
#include "plugin/backup.h"
#include "plugin/files.h"
#include "plugin/restore.h"
#include "worker/ops.h"
#include "worker/proto.h"

enum { ORPHAN_SECONDS = 20, ALIVE_SECONDS = 5 };
enum { SECRETS_MAX = 1024 };         /* a round of checks has one for each user of each server, and each key vault */

/* value NULL: why it could not be got. */
struct secret_in { char *name; struct kg_secret *value; struct kg_err *why; };

struct worker {
    struct kg_frame_reader *reader;
    struct secret_in secret[SECRETS_MAX];
    size_t n_secrets;
    struct kg_json *job;

    pthread_mutex_t send_lock;
    atomic_bool cancelled, alone;
    int wake_fd;                         /* an eventfd: the job is over, the listener may end */
};

/* ---- sending ---- */

static int send_json(struct worker *w, const struct kg_json *j, struct kg_err *err)
{
    int r;

    pthread_mutex_lock(&w->send_lock);
    r = kg_frame_send_json(KG_WORKER_FD, j, err);
    pthread_mutex_unlock(&w->send_lock);
    return r;
}

/* Events are news, not results: one that cannot be sent means that the service is gone, which the listener sees too. */
static void send_event(struct worker *w, struct kg_json *j)
{
    struct kg_err ignored = { 0 };

    (void)!send_json(w, j, &ignored);
    kg_json_free(j);
}

static struct kg_json *event(const char *name)
{
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "event", name);
    return j;
}

static struct kg_json *table_json(const struct kg_table_told *t, bool in_work)
{
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "schema", t->schema);
    kg_json_set_str(j, "name", t->name);
    kg_json_set_str(j, "step", t->step);
    kg_json_set_u64(j, "bytesDone", t->bytes_done);
    if (in_work)
        kg_json_set_u64(j, "bytesTotal", t->bytes_total);
    kg_json_set_u64(j, "rows", t->rows);
    kg_json_set_double(j, "seconds", (double)(t->took / 1000) / 1000);
    return j;
}

static struct kg_json *biggest_json(const struct kg_tables *t, size_t max)
{
    KG_AUTO_FREE struct kg_table_told *told = kg_xalloc_array(max, sizeof *told);
    struct kg_json *list = kg_json_array();
    size_t n = kg_tables_biggest(t, told, max);

    for (size_t i = 0; i < n; i++)
        kg_json_push(list, table_json(&told[i], false));
    return list;
}

static struct kg_json *in_work_json(const struct kg_tables *t, size_t *ret_n)
{
    struct kg_table_told told[KG_TABLES_IN_WORK];
    struct kg_json *list = kg_json_array();

    *ret_n = kg_tables_in_work(t, kg_now_mono(), told, KG_TABLES_IN_WORK);
    for (size_t i = 0; i < *ret_n && i < KG_TABLES_IN_WORK; i++)
        kg_json_push(list, table_json(&told[i], true));
    return list;
}

static void on_tables(void *ctx, const struct kg_tables *t)
{
    struct kg_json *j = event("tables");

    kg_json_set(j, "tables", biggest_json(t, KG_TABLES_KEPT));
    send_event(ctx, j);
}

static void on_progress(void *ctx, const struct kg_progress *p)
{
    struct worker *w = ctx;
    struct kg_json *j = event("progress");

    kg_json_set_str(j, "phase", p->phase);
    kg_json_set_u64(j, "bytesDone", p->bytes_done);
    kg_json_set_u64(j, "bytesTotal", p->bytes_total);
    kg_json_set_u64(j, "rows", p->rows);
    kg_json_set_u64(j, "tablesDone", p->tables_done);
    kg_json_set_u64(j, "tablesTotal", p->tables_total);
    kg_json_set_u64(j, "storedBytes", p->stored_bytes);
    kg_json_set_u64(j, "newBytes", p->new_bytes);
    if (p->tables) {
        size_t n;

        kg_json_set(j, "tables.inWork", in_work_json(p->tables, &n));
        kg_json_set_u64(j, "tables.inWorkCount", n);
        kg_json_set(j, "tables.biggest", biggest_json(p->tables, KG_TABLES_BIGGEST));
    }
    send_event(w, j);
}

static void on_subtask(void *ctx, int id, const char *name, const char *status)
{
    struct kg_json *j = event("subtask");

    kg_json_set_u64(j, "id", (uint64_t)id);
    if (*name)
        kg_json_set_str(j, "name", name);
    kg_json_set_str(j, "status", status);
    send_event(ctx, j);
}

static void on_log(void *ctx, const char *text)
{
    struct kg_json *j = event("log");

    kg_json_set_str(j, "text", text);
    send_event(ctx, j);
}

static void on_warn_about(void *ctx, const struct kg_err *e, const char *type, const char *name)
{
    struct kg_json *j = event("warning"), *objects = kg_json_array(), *one;

    kg_json_set(j, "error", kg_err_to_json(e));
    if (type) {
        one = kg_json_object();
        kg_json_set_str(one, "type", type);
        kg_json_set_str(one, "name", name);
        kg_json_push(objects, one);
    }
    kg_json_set(j, "objects", objects);
    send_event(ctx, j);
}

static void on_warn(void *ctx, const struct kg_err *e) { on_warn_about(ctx, e, NULL, NULL); }

static bool is_cancelled(void *ctx)
{
    struct worker *w = ctx;

    return w->cancelled;
}

/* ---- listening ---- */

static void *listener_main(void *arg)
{
    struct worker *w = arg;
    kg_usec since = 0, said = kg_now_mono();

    for (;;) {
        struct pollfd p[2] = { { .fd = w->wake_fd, .events = POLLIN }, { .fd = w->alone ? -1 : KG_WORKER_FD, .events = POLLIN } };
        struct kg_err err = { 0 };
        struct kg_frame f = { 0 };
        int r;

        (void)poll(p, 2, 1000);
        if (p[0].revents)
            return NULL;
        if (w->alone && kg_now_mono() - since > ORPHAN_SECONDS * KG_SECOND)
            _exit(1);
        if (!w->alone && kg_now_mono() - said > ALIVE_SECONDS * KG_SECOND) {
            send_event(w, event("alive"));  /* an index on a huge table takes hours, and tells nothing meanwhile */
            said = kg_now_mono();
        }
        if (!p[1].revents)
            continue;
        r = kg_frame_reader_fill(w->reader, KG_WORKER_FD, &err);
        if (r == 0 || (r < 0 && r != -EAGAIN)) {
            w->cancelled = w->alone = true;
            since = kg_now_mono();
            continue;
        }
        while (kg_frame_reader_next(w->reader, &f, &err) == 1) {
            if (f.json && kg_json_bool(f.json, "cancel", false))
                w->cancelled = true;
            kg_frame_done(&f);
        }
    }
}

/* ---- the job ---- */

static int receive_job(struct worker *w, struct kg_err *err)
{
    for (;;) {
        struct kg_frame f = { 0 };
        int r = kg_frame_reader_next(w->reader, &f, err);

        if (r < 0)
            return r;
        if (r == 0) {
            r = kg_frame_reader_fill(w->reader, KG_WORKER_FD, err);
            if (r == -EAGAIN)
                (void)poll(&(struct pollfd){ .fd = KG_WORKER_FD, .events = POLLIN }, 1, 1000);
            else if (r < 0)
                return r;
            else if (r == 0)
                return kg_err_set(err, KG_E_NO_REPLY, "the service closed the connection before it gave a job");
            continue;
        }
        if (f.secret) {
            if (w->n_secrets == SECRETS_MAX)
                return kg_err_set(err, KG_E_LIMIT, "more than %d secrets for one job", SECRETS_MAX);
            w->secret[w->n_secrets++] = (struct secret_in){ KG_TAKE(f.secret_name), KG_TAKE(f.secret), NULL };
        } else if (kg_json_get(f.json, "job")) {
            w->job = kg_json_take(f.json, "job");
        }
        kg_frame_done(&f);
        if (w->job)
            return 0;
    }
}

const struct kg_secret *kg_op_secret(const struct kg_op *op, const char *name)
{
    const struct worker *w = op->worker;

    for (size_t i = 0; i < w->n_secrets; i++)
        if (strcmp(w->secret[i].name, name) == 0)
            return w->secret[i].value;
    return NULL;
}

int kg_op_need_secret(const struct kg_op *op, const char *name, const struct kg_secret **ret, struct kg_err *err)
{
    const struct worker *w = op->worker;

    for (size_t i = 0; i < w->n_secrets; i++) {
        if (strcmp(w->secret[i].name, name) != 0)
            continue;
        *ret = w->secret[i].value;
        if (*ret)
            return 0;
        *err = *w->secret[i].why;
        return -(int)err->code;
    }
    return kg_err_set(err, KG_E_BUG, "the job came without its secret '%s'", name);
}

int kg_op_keep_secret(const struct kg_op *op, const char *name, struct kg_secret *value, const struct kg_err *why,
                      struct kg_err *err)
{
    struct worker *w = op->worker;
    struct secret_in in = { .name = kg_xstrdup(name), .value = value };

    if (!value) {
        in.why = kg_xalloc(sizeof *in.why);
        *in.why = *why;
    }
    if (w->n_secrets < SECRETS_MAX) {
        w->secret[w->n_secrets++] = in;
        return 0;
    }
    kg_secret_free(value);
    free(in.name);
    free(in.why);
    return kg_err_set(err, KG_E_LIMIT, "more than %d secrets for one job", SECRETS_MAX);
}

int kg_op_send_secret(const struct kg_op *op, const char *name, const struct kg_secret *s, struct kg_err *err)
{
    int r;

    pthread_mutex_lock(&op->worker->send_lock);
    r = kg_frame_send_secret(KG_WORKER_FD, name, s, err);
    pthread_mutex_unlock(&op->worker->send_lock);
    return r;
}

static int run_job(struct worker *w, struct kg_json **ret_result, struct kg_buf *tail, struct kg_err *err)
{
    struct kg_events ev = { .progress = on_progress, .subtask = on_subtask, .log = on_log, .warn = on_warn,
                            .warn_about = on_warn_about, .tables = on_tables,
                            .cancelled = is_cancelled, .ctx = w };
    struct kg_op op = { .worker = w, .job = w->job, .ev = &ev, .tail = tail };
    const char *name;

    if (kg_json_need_str(w->job, "operation", &name, err) < 0)
        return -(int)err->code;
    if (kg_op_fetch_secrets(&op, err) < 0)
        return -(int)err->code;
    return kg_op_run(&op, name, ret_result, err);
}

static int report_end(struct worker *w, struct kg_json *result, const struct kg_buf *tail, const struct kg_err *e)
{
    struct kg_json *j = event(e->code == KG_E_OK ? "done" : "failed");
    struct kg_err err = { 0 };
    int eno = KG_FAULT(WORKER_REPORT), r;

    if (e->code == KG_E_OK) {
        kg_json_set(j, "result", result ? result : kg_json_object());
    } else {
        kg_json_set(j, "error", kg_err_to_json(e));
        if (tail->len)
            kg_json_set_str(j, "error.detail", tail->p);
    }
    r = eno ? -1 : send_json(w, j, &err);
    kg_json_free(j);
    return r < 0;
}

int kg_worker_main(void)
{
    struct worker w = { .reader = kg_frame_reader_new(), .send_lock = PTHREAD_MUTEX_INITIALIZER,
                        .wake_fd = eventfd(0, EFD_CLOEXEC) };
    KG_AUTO_BUF struct kg_buf tail = KG_BUF_INIT(64u << 10);
    struct kg_err err = { 0 };
    struct kg_json *result = NULL;
    pthread_t listener;
    int eno, bad;

    kg_log_open("worker", KG_LOG_WARN, 2);
    (void)prctl(PR_SET_NAME, "keepgres-worker");
    if (w.wake_fd < 0)
        kg_err_sys(&err, errno, "make an event descriptor");
    else if (receive_job(&w, &err) == 0) {
        if ((eno = pthread_create(&listener, NULL, listener_main, &w))) {
            kg_err_sys(&err, eno, "start a thread");
        } else {
            (void)!run_job(&w, &result, &tail, &err);
            (void)eventfd_write(w.wake_fd, 1);
            pthread_join(listener, NULL);
        }
    }
    bad = report_end(&w, result, &tail, &err);
    if (err.code != KG_E_OK && err.code != KG_E_CANCELLED)
        kg_log_err(KG_LOG_WARN, &err, "job failed");
    for (size_t i = 0; i < w.n_secrets; i++) {
        free(w.secret[i].name);
        kg_secret_free(w.secret[i].value);
        free(w.secret[i].why);
    }
    kg_json_free(w.job);
    kg_frame_reader_free(w.reader);
    return bad || err.code != KG_E_OK;
}
