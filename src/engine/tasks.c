/* A task's way: accepted (waits in the queue) -> leased (a worker runs) -> over -> recorded -> gone.
 *
 * (1) Nothing that has ended is forgotten before its end is in the catalog: recording is tried until it works.
 * (2) One transaction records the recovery point, the resource's state, the job, its log and the operation.
 * (3) The job in memory shows its end only after that transaction: what the API tells is what a restart would find. */
#include "engine/engine_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/log.h"
#include "job/user_error.h"
#include "model/id.h"

enum { LINES_MAX = 1000 };
#define RETRY_FIRST (KG_SECOND / 2)
#define RETRY_LAST  (30 * KG_SECOND)
#define KEY_KEPT    (15 * 60 * KG_SECOND)

static const char *name_of(const struct kg_run *r) { return kg_task_row(r->task->kind)->name; }

static void run_free(struct kg_run *r)
{
    kg_timer_stop(r->retry);
    kg_task_free(r->task);
    kg_job_free(r->job);
    kg_json_free(r->result);
    kg_json_free(r->failures);
    kg_json_free(r->verdicts);
    kg_round_close(r->round);
    kg_secret_free(r->key);
    for (size_t i = 0; i < r->n_lines; i++)
        free(r->lines[i].text);
    free(r->lines);
    free(r->detail);
    free(r);
}

static void forget(struct kg_run *r)
{
    struct kg_run **at = &r->e->runs;

    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    if (!r->parked)
        kg_queue_end(r->e->queue, r);
    run_free(r);
}

void kg_tasks_free(struct kg_engine *e)
{
    while (e->runs) {
        struct kg_run *r = e->runs;

        e->runs = r->next;
        run_free(r);
    }
    kg_gone_forget(e, true);
    while (e->keys) {
        struct kg_kept_key *k = e->keys;

        e->keys = k->next;
        kg_secret_free(k->key);
        free(k->operation);
        free(k);
    }
}

static struct kg_run *find_job(struct kg_engine *e, const char *job)
{
    for (struct kg_run *r = e->runs; r; r = r->next)
        if (r->job && strcasecmp(r->job->id, job) == 0)
            return r;
    return NULL;
}

/* ---- the job's log ---- */

void kg_tasks_line(struct kg_run *r, const char *text)
{
    if (!r->job || r->n_lines >= LINES_MAX)
        return;
    KG_GROW(r->lines, r->n_lines, r->cap_lines);
    r->lines[r->n_lines++] = (struct line){ kg_now_wall(), kg_xstrdup(text) };
}

static void drop_lines(struct kg_run *r)
{
    for (size_t i = 0; i < r->n_lines; i++)
        free(r->lines[i].text);
    r->n_lines = 0;
}

static int write_lines(struct kg_run *r, struct kg_err *err)
{
    for (size_t i = 0; i < r->n_lines; i++)
        if (kg_catalog_log_add(r->e->catalog, r->job->id, r->lines[i].at, r->lines[i].text, err) < 0)
            return -(int)err->code;
    return 0;
}

static int write_job(struct kg_run *r, const struct kg_job *job, struct kg_err *err)
{
    struct kg_job_row row;
    int rc;

    kg_job_to_row(job, &row);
    rc = kg_catalog_job_update(r->e->catalog, &row, err);
    kg_json_free(row.json);
    return rc;
}

/* Progress and lines of one job, in one transaction. What cannot be stored now is stored later. */
static int store_progress(struct kg_run *r, struct kg_err *err)
{
    if (kg_catalog_begin(r->e->catalog, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = r->e->catalog;
    if (write_job(r, r->job, err) < 0 || write_lines(r, err) < 0 || kg_catalog_commit(tx, err) < 0)
        return -(int)err->code;
    r->job->dirty = false;
    drop_lines(r);
    return 0;
}

static void flush(struct kg_run *r)
{
    struct kg_err err = { 0 };

    if (r->job && !r->over && (r->job->dirty || r->n_lines) && store_progress(r, &err) < 0)
        kg_log_err(KG_LOG_WARN, &err, "progress of job %s is not stored", r->job->id);
}

/* ---- recovery keys ---- */

static void keep_key(struct kg_engine *e, const char *operation, struct kg_secret *key)
{
    struct kg_kept_key *k = kg_xalloc(sizeof *k);

    k->operation = kg_xstrdup(operation);
    k->key = key;
    k->until = kg_now_mono() + KEY_KEPT;
    k->next = e->keys;
    e->keys = k;
}

static struct kg_secret *remove_key(struct kg_kept_key **at)
{
    struct kg_kept_key *k = *at;
    struct kg_secret *key = k->key;

    *at = k->next;
    free(k->operation);
    free(k);
    return key;
}

static void expire_keys(struct kg_engine *e)
{
    kg_usec now = kg_now_mono();

    for (struct kg_kept_key **at = &e->keys; *at;) {
        if ((*at)->until <= now)
            kg_secret_free(remove_key(at));
        else
            at = &(*at)->next;
    }
}

/* ---- recording ---- */

bool kg_is_catalog_trouble(enum kg_code c)
{
    return c == KG_E_IO || c == KG_E_DISK_FULL || c == KG_E_BUSY || c == KG_E_CORRUPT || c == KG_E_MEMORY;
}

static int write_operation(struct kg_run *r, struct kg_err *err)
{
    KG_AUTO_OPERATION_ROW struct kg_operation_row op = { 0 };

    if (!r->task->operation)
        return 0;
    if (kg_catalog_operation_get(r->e->catalog, r->task->operation, &op, err) < 0) {
        if (err->code != KG_E_NOT_FOUND)
            return -(int)err->code;
        *err = (struct kg_err){ 0 };
        return 0; /* it ended when the job was accepted, and was forgotten: the job took longer than those are kept */
    }
    if (op.end)
        return 0;
    free(op.status);
    op.status = kg_xstrdup(r->err.code == KG_E_OK ? "Succeeded" : r->err.code == KG_E_CANCELLED ? "Canceled" : "Failed");
    op.end = kg_now_wall();
    if (op.end <= op.start)
        op.end = op.start + 1;
    kg_json_free(op.result);
    op.result = (r->err.code == KG_E_OK || r->round) && r->result ? kg_json_copy(r->result) : NULL;
    if (r->err.code != KG_E_OK)
        op.error = kg_cloud_error(&r->err, r->detail, r->task->resource, NULL);
    if (op.error && r->failures)
        kg_json_set(op.error, "details", kg_json_copy(r->failures));
    return kg_catalog_operation_update(r->e->catalog, &op, err);
}

static void end_job(struct kg_run *r)
{
    if (r->err.code != KG_E_OK) {
        kg_job_fail(r->ending, &r->err, r->detail, kg_now_wall());
        kg_job_fail_details(r->ending, r->failures);
    } else if (r->verdict.code != KG_E_OK) {
        kg_job_fail(r->ending, &r->verdict, NULL, kg_now_wall());
        kg_job_fail_details(r->ending, r->verdicts);
        kg_job_extend(r->ending, "result", kg_json_copy(r->result));
    } else {
        kg_job_finish(r->ending, r->result, kg_now_wall());
    }
}

/* Everything that follows from the end, in one transaction. */
static int record_once(struct kg_run *r, struct kg_err *err)
{
    struct kg_engine *e = r->e;
    bool failed = r->err.code != KG_E_OK;
    int eno;

    r->verdict = (struct kg_err){ 0 };
    if (kg_catalog_begin(e->catalog, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = e->catalog;
    if ((failed ? kg_result_failed(e, r->task->kind, r->task->resource, &r->err, r->detail, err) : kg_result_done(e, r, err)) < 0)
        return -(int)err->code;
    if (failed && kg_tiering_failed(e, r, err) < 0)
        return -(int)err->code;
    if (r->ending) {
        end_job(r);
        if (write_job(r, r->ending, err) < 0 || write_lines(r, err) < 0 ||
            (r->job->tables && kg_catalog_job_tables_put(e->catalog, r->job->id, r->job->tables, err) < 0))
            return -(int)err->code;
    }
    /* A backup that failed may have committed its recovery point all the same: its last word was lost, not its work. */
    if (failed && r->task->kind == KG_TASK_BACKUP && kg_recover_suspect(e, r->task->vault, err) < 0)
        return -(int)err->code;
    if (kg_schedule_ended(e, r, !failed, err) < 0 || write_operation(r, err) < 0)
        return -(int)err->code;
    if ((eno = KG_FAULT(ENGINE_COMMIT)))
        return kg_err_sys(err, eno, "record the end of a task");
    return kg_catalog_commit(tx, err);
}

/* A copy to end: the job itself stays as it is until the end is in the catalog, see (3). */
static struct kg_job *copy_job(const struct kg_job *job)
{
    struct kg_job_row row;
    struct kg_job *copy;

    kg_job_to_row(job, &row);
    copy = kg_job_from_row(&row);
    kg_json_free(row.json);
    return copy;
}

static void after_record(struct kg_run *r)
{
    struct kg_engine *e = r->e;
    bool suspect = r->err.code != KG_E_OK && r->task->kind == KG_TASK_BACKUP;
    KG_AUTO_FREE char *vault = suspect ? kg_xstrdup(r->task->vault) : NULL;

    if (r->verdict.code != KG_E_OK)
        kg_log_err(KG_LOG_WARN, &r->verdict, "%s of %s%s%s", name_of(r), r->task->resource, r->job ? " job=" : "",
                   r->job ? r->job->id : "");
    else if (r->err.code == KG_E_OK)
        kg_log(KG_LOG_INFO, "%s of %s succeeded%s%s", name_of(r), r->task->resource ? r->task->resource : r->task->vault,
               r->job ? " job=" : "", r->job ? r->job->id : "");
    else
        kg_log_err(KG_LOG_WARN, &r->err, "%s of %s failed%s%s", name_of(r),
                   r->task->resource ? r->task->resource : r->task->vault, r->job ? " job=" : "", r->job ? r->job->id : "");
    if (r->key && r->err.code == KG_E_OK && r->task->operation)
        keep_key(e, r->task->operation, KG_TAKE(r->key));
    kg_bury_strays(e, r);
    kg_tiering_ended(e, r);
    kg_leaving_ended(e, r);
    forget(r);
    kg_gone_forget(e, false);
    if (vault)
        kg_tasks_start_adopt(e, vault);
    kg_timer_set(e->pump, kg_now_mono());
}

static void record(struct kg_run *r);

static void on_retry(void *arg) { record(arg); }

static void plan_retry(struct kg_run *r, const struct kg_err *why)
{
    r->retry_after = r->retry_after ? r->retry_after * 2 : RETRY_FIRST;
    if (r->retry_after > RETRY_LAST)
        r->retry_after = RETRY_LAST;
    kg_log_err(KG_LOG_ERROR, why, "the end of %s is not recorded yet; trying again", name_of(r));
    if (!r->retry)
        r->retry = kg_loop_timer(r->e->loop, KG_TIMER_NEVER, on_retry, r);
    kg_timer_set(r->retry, kg_now_mono() + r->retry_after);
}

static void record(struct kg_run *r)
{
    struct kg_err err = { 0 };
    int rc;

    r->over = true;
    r->ending = r->job ? copy_job(r->job) : NULL;
    rc = record_once(r, &err);
    kg_job_free(KG_TAKE(r->ending));
    if (rc == 0) {
        after_record(r);
        return;
    }
    if (r->err.code == KG_E_OK && !kg_is_catalog_trouble(err.code)) {
        r->err = err; /* what the worker reported cannot be used: that is a failure, too, and is recorded as one */
        record(r);
        return;
    }
    plan_retry(r, &err);
}

/* The job's log ends with how it ended, and when it failed, with what to do. */
static void log_end(struct kg_run *r)
{
    bool cancelled = r->err.code == KG_E_CANCELLED;
    KG_AUTO_FREE char *text = kg_xprintf("%s: %s", cancelled ? "cancelled" : "failed", r->err.msg);

    if (r->err.code == KG_E_OK)
        return;
    kg_tasks_line(r, text);
    if (*r->err.action && !cancelled)
        kg_tasks_line(r, r->err.action);
}

static void fail(struct kg_run *r, const struct kg_err *why)
{
    r->err = *why;
    log_end(r);
    record(r);
}

/* ---- running ---- */

/* Steps and warnings stand in the log, too: it tells the whole story. */
static void log_event(struct kg_run *r, const struct kg_json *event)
{
    const char *what = kg_json_str_or(event, "event", ""), *step = kg_json_str(event, "name");
    KG_AUTO_FREE char *text = NULL;

    if (strcmp(what, "subtask") == 0 && step && strcmp(kg_json_str_or(event, "status", ""), "InProgress") == 0)
        text = kg_xprintf("%s", step);
    else if (strcmp(what, "warning") == 0)
        text = kg_xprintf("warning: %s", kg_json_str_or(event, "error.message", ""));
    if (text)
        kg_tasks_line(r, text);
}

static void on_event(void *arg, const struct kg_json *event)
{
    struct kg_run *r = arg;
    const char *text = kg_json_str(event, "text");

    if (!r->job)
        return;
    if (kg_job_apply(r->job, event)) {
        log_event(r, event);
        return;
    }
    if (text && strcmp(kg_json_str_or(event, "event", ""), "log") == 0)
        kg_tasks_line(r, text);
}

static void on_secret(void *arg, const char *name, struct kg_secret *secret)
{
    struct kg_run *r = arg;

    if (strcmp(name, "recovery-key") == 0) {
        kg_secret_free(r->key);
        r->key = secret;
    } else {
        kg_secret_free(secret);
    }
}

static void on_ended(void *arg, struct kg_outcome *o)
{
    struct kg_run *r = arg;

    r->worker = NULL;
    r->err = o->err;
    r->result = KG_TAKE(o->result);
    r->detail = kg_xstrdup(o->detail);
    if (r->cancelled && r->err.code == KG_E_TIMEOUT)
        r->err.code = KG_E_CANCELLED;
    if (r->round)
        kg_ready_judge(r);
    log_end(r);
    record(r);
}

static const struct kg_worker_ops worker_ops = { .event = on_event, .secret = on_secret, .ended = on_ended };

/* The last run of the same kind that completed: what its phases took. Without one, nothing is known of those. */
static void read_earlier(struct kg_run *r, struct kg_job *job)
{
    static const char *const completed[] = { "Completed", "CompletedWithWarnings" };
    KG_AUTO_JSON struct kg_json *states = kg_json_array();
    struct kg_job_query q = { .vault = job->vault, .instance = job->instance, .operation = job->operation, .statuses = states, .top = 1 };
    KG_AUTO_JOB_LIST struct kg_job_list l = { 0 };
    struct kg_err ignored = { 0 };

    for (size_t i = 0; i < KG_ARRAY_LEN(completed); i++)
        kg_json_push_str(states, completed[i]);
    if (kg_catalog_job_list(r->e->catalog, &q, &l, &ignored) == 0 && l.count)
        kg_profile_read(kg_json_get(l.rows[0].json, "properties"), &job->earlier);
}

/* The lease: from here the job belongs to this run of the service, and a start that finds another's lease fails it. */
static int lease(struct kg_run *r, struct kg_err *err)
{
    struct kg_job *leased;
    int eno = KG_FAULT(ENGINE_LEASE), rc;

    if (eno)
        return kg_err_sys(err, eno, "lease a job");
    if (!r->job)
        return 0;
    leased = copy_job(r->job);
    kg_job_lease(leased, r->e->run_id);
    if (kg_task_row(r->task->kind)->step) {
        kg_job_step(leased, kg_task_row(r->task->kind)->step);
        kg_tasks_line(r, kg_task_row(r->task->kind)->step);
    }
    rc = write_job(r, leased, err);
    if (rc < 0) {
        kg_job_free(leased);
        return kg_err_wrap(err, "lease the job");
    }
    read_earlier(r, leased);
    kg_job_free(r->job);
    r->job = leased;
    r->job->dirty = false;
    return 0;
}

/* The service's key goes only to those that open a vault. */
static bool opens_vault(const struct kg_task *t) { return t->vault && !kg_task_row(t->kind)->validates; }

static int start_worker(struct kg_run *r, const struct kg_prepared *p, struct kg_err *err)
{
    KG_AUTO_FREE char *what = kg_xprintf("%s %s", name_of(r), r->job ? r->job->id : "");
    KG_AUTO_FREE struct kg_worker_secret *secrets = kg_xalloc_array(p->n + 1, sizeof *secrets);
    struct kg_worker_spec spec = { .what = what, .job = p->job, .secrets = secrets, .ops = &worker_ops, .arg = r,
                                   .silence = (kg_usec)r->e->settings.worker_silence_seconds * KG_SECOND,
                                   .grace = (kg_usec)r->e->settings.cancel_seconds * KG_SECOND };

    if (opens_vault(r->task))
        secrets[spec.n_secrets++] = (struct kg_worker_secret){ "service-key", r->e->key };
    for (size_t i = 0; i < p->n; i++)
        secrets[spec.n_secrets++] = (struct kg_worker_secret){ p->secret[i].name, p->secret[i].value };
    return kg_worker_start(r->e->supervisor, &spec, &r->worker, err);
}

static int start(struct kg_run *r, struct kg_err *err)
{
    KG_AUTO_PREPARED struct kg_prepared p = { 0 };

    if (lease(r, err) < 0 || kg_prepare(r, &p, err) < 0)
        return -(int)err->code;
    if (p.job)
        return start_worker(r, &p, err);
    kg_ready_judge(r);
    record(r);
    return 0;
}

void kg_tasks_pump(struct kg_engine *e)
{
    struct kg_run *r;

    while ((r = kg_queue_next(e->queue))) {
        struct kg_err err = { 0 };

        if (start(r, &err) < 0)
            fail(r, &err);
    }
}

static int enqueue(struct kg_run *r, struct kg_err *err)
{
    const struct kg_task *t = r->task;
    const struct kg_task_row *row = kg_task_row(t->kind);
    struct kg_queue_spec q = { .heavy = row->heavy, .server = t->server, .instance = row->lanes ? t->instance : NULL,
                               .lanes = row->lanes, .first = t->first };

    return kg_queue_add(r->e->queue, &q, r, err);
}

static struct kg_run *run_new(struct kg_engine *e, struct kg_task *t, struct kg_job *job)
{
    struct kg_run *r = kg_xalloc(sizeof *r);

    r->e = e;
    r->task = t;
    r->job = job;
    r->next = e->runs;
    e->runs = r;
    return r;
}

static struct kg_run *add_run(struct kg_engine *e, struct kg_task *t, struct kg_job *job)
{
    struct kg_run *r = run_new(e, t, job);
    struct kg_err err = { 0 };

    if (enqueue(r, &err) < 0) {
        /* Cannot be: it was checked in this same turn of the loop. The service's own tasks are dropped, and come back. */
        kg_log_err(KG_LOG_ERROR, &err, "%s is dropped", kg_task_row(t->kind)->name);
        e->runs = r->next;
        run_free(r);
        return NULL;
    }
    kg_timer_set(e->pump, kg_now_mono());
    return r;
}

/* ---- restores that wait for a rehydration ---- */

struct kg_run *kg_tasks_park(struct kg_engine *e, struct kg_task *t, struct kg_job *job)
{
    struct kg_run *r = run_new(e, t, job);

    r->parked = true;
    return r;
}

/* The subtask that the restore's job began with. */
static void end_waiting(struct kg_job *job)
{
    KG_AUTO_JSON struct kg_json *event = kg_json_object();

    kg_json_set_str(event, "event", "subtask");
    kg_json_set_u64(event, "id", 0);
    kg_json_set_str(event, "status", "Completed");
    (void)kg_job_apply(job, event);
}

void kg_tasks_unpark(struct kg_run *r, const struct kg_err *why)
{
    struct kg_err err = { 0 };

    if (why) {
        fail(r, why);
        return;
    }
    if (enqueue(r, &err) < 0) {
        fail(r, &err);
        return;
    }
    r->parked = false;
    kg_json_free(KG_TAKE(r->job->waiting));
    r->job->dirty = true;
    end_waiting(r->job);
    kg_tasks_line(r, "the recovery point is rehydrated");
    kg_timer_set(r->e->pump, kg_now_mono());
}

bool kg_tasks_collects(const struct kg_engine *e, const char *vault)
{
    for (const struct kg_run *r = e->runs; r; r = r->next)
        if (r->task->kind == KG_TASK_COLLECT && r->task->vault && kg_id_equal(r->task->vault, vault))
            return true;
    return false;
}

bool kg_tasks_restores(const struct kg_engine *e, const char *point)
{
    for (const struct kg_run *r = e->runs; r; r = r->next)
        if ((r->task->kind == KG_TASK_RESTORE_DATABASE || r->task->kind == KG_TASK_RESTORE_FILES) &&
            strcasecmp(kg_json_str_or(r->task->params, "point", ""), point) == 0)
            return true;
    return false;
}

bool kg_tasks_none_left(const struct kg_engine *e)
{
    for (const struct kg_run *r = e->runs; r; r = r->next)
        if (!r->parked)
            return false;
    return true;
}

/* The service's own, without a job: one at a time for each vault. */
static void start_own(struct kg_engine *e, enum kg_task_kind kind, const char *vault)
{
    struct kg_task *t;

    if (e->stop != KG_STOP_NO)
        return; /* remembered; the next start looks */
    for (const struct kg_run *r = e->runs; r; r = r->next)
        if (r->task->kind == kind && (!r->worker || kind != KG_TASK_ADOPT) && kg_id_equal(r->task->vault, vault))
            return;
    t = kg_task_new(kind);
    t->vault = kg_xstrdup(vault);
    (void)add_run(e, t, NULL);
}

void kg_tasks_start_adopt(struct kg_engine *e, const char *vault) { start_own(e, KG_TASK_ADOPT, vault); }
void kg_tasks_start_usage(struct kg_engine *e, const char *vault) { start_own(e, KG_TASK_USAGE, vault); }

void kg_tasks_start_bury(struct kg_engine *e, const char *vault, const char *guid, struct kg_json *points)
{
    KG_AUTO_JSON struct kg_json *list = points;
    struct kg_task *t;

    if (e->stop != KG_STOP_NO)
        return; /* found again at the next look */
    for (const struct kg_run *r = e->runs; r; r = r->next)
        if (r->task->kind == KG_TASK_BURY && strcasecmp(kg_json_str_or(r->task->params, "instance", ""), guid) == 0)
            return;
    t = kg_task_new(KG_TASK_BURY);
    t->vault = kg_xstrdup(vault);
    kg_json_set_str(t->params, "instance", guid);
    kg_json_set(t->params, "points", KG_TAKE(list));
    (void)add_run(e, t, NULL);
}

/* ---- once a second ---- */

void kg_tasks_tick(struct kg_engine *e)
{
    for (struct kg_run *r = e->runs; r; r = r->next)
        flush(r);
    expire_keys(e);
}

bool kg_tasks_idle(const struct kg_engine *e) { return !e->runs && !e->keys && !e->wanted; }

bool kg_tasks_only_unrecorded(const struct kg_engine *e)
{
    for (const struct kg_run *r = e->runs; r; r = r->next)
        if (!r->over && !r->parked)
            return false;
    return true;
}

unsigned kg_tasks_jobs(const struct kg_engine *e)
{
    unsigned n = 0;

    for (const struct kg_run *r = e->runs; r; r = r->next)
        n += r->job != NULL;
    return n;
}

/* ---- cancelling ---- */

static void cancel_run(struct kg_run *r, const char *why)
{
    struct kg_err err = { 0 };

    if (r->over)
        return;
    r->cancelled = true;
    kg_tasks_line(r, why);
    if (r->worker) {
        if (r->job)
            kg_job_happens(r->job, KG_JOB_CANCEL);
        kg_worker_cancel(r->worker);
        return;
    }
    kg_err_set(&err, KG_E_CANCELLED, "%s before it began", why);
    fail(r, &err);
}

void kg_tasks_cancel_all(struct kg_engine *e, const char *why)
{
    for (struct kg_run *r = e->runs, *next; r; r = next) {
        next = r->next;
        if (!r->parked) /* those wait for the next service */
            cancel_run(r, why);
    }
}

void kg_tasks_kill_all(struct kg_engine *e)
{
    for (struct kg_run *r = e->runs; r; r = r->next)
        if (r->worker)
            kg_worker_kill(r->worker);
}

/* ---- what the API asks for ---- */

static bool is_of(const char *id, const char *wanted) { return id && wanted && kg_id_equal(id, wanted); }

/* A task in whose way the new one is. What the service does by itself gives way to others: those are queued behind it. */
static const struct kg_run *in_the_way(const struct kg_engine *e, const struct kg_task *t)
{
    const struct kg_task_row *row = kg_task_row(t->kind);

    for (const struct kg_run *r = e->runs; r; r = r->next) {
        const struct kg_task_row *other = kg_task_row(r->task->kind);

        if (other->lanes & row->lanes && (row->own || !other->own) && is_of(r->task->instance, t->instance))
            return r;
    }
    return NULL;
}

static int env_check(void *arg, const struct kg_task *t, struct kg_err *err)
{
    struct kg_engine *e = arg;
    const struct kg_run *other = in_the_way(e, t);

    if (e->stop != KG_STOP_NO)
        return kg_err_set(err, KG_E_NO_SERVICE, "the service is about to stop");
    if (other) {
        kg_err_set(err, KG_E_BUSY, "a job of backup instance '%s' is in progress: %s %s", t->instance, name_of(other),
                   other->job ? other->job->id : "");
        kg_err_advise(err, "Wait for it to end, or cancel it.");
        return -(int)err->code;
    }
    return kg_queue_check(e->queue, err);
}

/* What the service was about to do with an instance that is being deleted. */
static void drop_waiting(struct kg_engine *e, const char *instance)
{
    for (struct kg_run *r = e->runs, *next; r; r = next) {
        next = r->next;
        if (kg_task_row(r->task->kind)->own && !r->worker && !r->over && is_of(r->task->instance, instance))
            cancel_run(r, "the backup instance was deleted");
    }
}

/* Why a job does not begin at once, for its log. */
static void say_behind(struct kg_engine *e, struct kg_run *r)
{
    for (const struct kg_run *o = e->runs; o; o = o->next)
        if (o != r && o->job && kg_task_row(o->task->kind)->lanes & kg_task_row(r->task->kind)->lanes &&
            is_of(o->task->instance, r->task->instance)) {
            KG_AUTO_FREE char *text = kg_xprintf("waiting for the end of job %s (%s)", o->job->id, o->job->operation);

            kg_tasks_line(r, text);
        }
}

static void env_start(void *arg, struct kg_task *t, struct kg_job *job)
{
    struct kg_engine *e = arg;

    if (t->kind == KG_TASK_DELETE_INSTANCE)
        drop_waiting(e, t->instance);
    if (!t->waits) {
        struct kg_run *r = add_run(e, t, job);

        if (r && job)
            say_behind(e, r);
        return;
    }
    kg_tasks_line(kg_tasks_park(arg, t, job), "waiting for the recovery point to be rehydrated");
    kg_tiering_want(arg, t->instance, kg_json_str_or(t->params, "point", ""), 0);
}

static int env_cancel(void *arg, const char *job, struct kg_err *err)
{
    struct kg_run *r = find_job(arg, job);

    if (!r)
        return kg_err_set(err, KG_E_NOT_FOUND, "job '%s' does not run", job);
    if (r->over)
        return kg_err_set(err, KG_E_CONFLICT, "job '%s' has ended", job);
    cancel_run(r, "the job was cancelled");
    return 0;
}

static const struct kg_job *env_live(void *arg, const char *job)
{
    const struct kg_run *r = find_job(arg, job);

    return r ? r->job : NULL;
}

static void env_flush(void *arg, const char *job)
{
    struct kg_run *r = find_job(arg, job);

    if (r)
        flush(r);
}

static bool env_busy(void *arg, const char *id)
{
    const struct kg_engine *e = arg;

    for (const struct kg_run *r = e->runs; r; r = r->next)
        if ((is_of(r->task->vault, id) && r->task->kind != KG_TASK_ADOPT && r->task->kind != KG_TASK_USAGE) || /* which do not mind */
            (is_of(r->task->instance, id) && !kg_task_row(r->task->kind)->own))
            return true;
    return false;
}

static bool deletes(const struct kg_task *t, const char *instance, const char *point)
{
    const struct kg_json *points = kg_json_get(t->params, "points");

    if ((t->kind != KG_TASK_EXPIRE && t->kind != KG_TASK_DELETE_INSTANCE) || !t->instance || !kg_id_equal(t->instance, instance))
        return false;
    for (const struct kg_json *p = kg_json_first(points); p && point; p = kg_json_next(p))
        if (kg_json_value_str(p) && strcasecmp(kg_json_value_str(p), point) == 0)
            return true;
    return !point || t->kind == KG_TASK_DELETE_INSTANCE;
}

static bool env_leaves(void *arg, const char *instance, const char *point)
{
    const struct kg_engine *e = arg;

    for (const struct kg_run *r = e->runs; r; r = r->next)
        if (deletes(r->task, instance, point))
            return true;
    return false;
}

static struct kg_secret *env_take_key(void *arg, const char *operation)
{
    struct kg_engine *e = arg;

    expire_keys(e);
    for (struct kg_kept_key **at = &e->keys; *at; at = &(*at)->next)
        if (strcmp((*at)->operation, operation) == 0)
            return remove_key(at);
    return NULL;
}

static void env_facts(void *arg, struct kg_json *ret)
{
    const struct kg_engine *e = arg;
    char when[32];

    kg_json_set_u64(ret, "pid", (uint64_t)getpid());
    kg_json_set_str(ret, "startTime", kg_time_iso(e->started, when));
    kg_json_set_str(ret, "state", e->stop == KG_STOP_NO ? "Running" : "Stopping");
    kg_json_set_str(ret, "socket", e->paths.socket);
    kg_json_set_str(ret, "stateDir", e->paths.state_dir);
    kg_json_set_str(ret, "dataDir", e->paths.data_dir);
    kg_json_set_str(ret, "logFile", e->opts->log);
    kg_json_set_str(ret, "region", e->settings.region);
    kg_json_set_u64(ret, "jobsRunning", kg_tasks_jobs(e));
    kg_json_set_u64(ret, "tasksRunning", kg_queue_running(e->queue));
    kg_json_set_u64(ret, "tasksWaiting", kg_queue_waiting(e->queue));
    kg_json_set_u64(ret, "workers", kg_supervisor_count(e->supervisor));
    kg_json_set_u64(ret, "clients", kg_http_clients(e->http));
    kg_json_set_bool(ret, "memoryLocked", kg_secret_locked());
    kg_json_set_u64(ret, "scheduledInstances", e->scheduled);
    kg_json_set_str(ret, "nextScheduledBackup.time", e->next_backup ? kg_time_iso_seconds(e->next_backup, when) : NULL);
    kg_json_set_str(ret, "nextScheduledBackup.backupInstanceId", e->next_instance);
    kg_clock_tell(e, ret);
}

static int env_confirm_clock(void *arg, struct kg_err *err) { return kg_clock_confirm(arg, err); }

static void env_stop(void *arg, bool now) { kg_engine_stop(arg, now); }

static bool env_stopping(void *arg)
{
    const struct kg_engine *e = arg;

    return e->stop != KG_STOP_NO;
}

void kg_tasks_env(struct kg_engine *e, struct kg_api_env *ret)
{
    *ret = (struct kg_api_env){ .arg = e, .task_check = env_check, .task_start = env_start, .job_cancel = env_cancel,
                                .job_live = env_live, .job_flush = env_flush, .point_leaves = env_leaves, .resource_busy = env_busy,
                                .take_key = env_take_key, .facts = env_facts, .stop = env_stop, .stopping = env_stopping,
                                .confirm_clock = env_confirm_clock };
}
