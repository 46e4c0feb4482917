/* After a service that ended in the middle of something.
 *
 * A worker commits a recovery point before the service can know of it. When either dies between, the point is complete and
 * nobody has told the catalog: the vault is remembered as suspect in the same transaction that fails the job, and is asked
 * for its points; those that are new are adopted. The job stays Failed: what it was to tell is lost.
 *
 * A worker outlives its service for a while (it cancels itself, but may be past its last check). So a vault that is looked
 * at right after the start stays suspect, and is looked at once more when no such worker can be left. */
#include "engine/engine_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/log.h"
#include "job/user_error.h"
#include "model/resources.h"

#define SUSPECTS     "suspect-vaults"

/* ---- the list of suspects: a JSON array of ids ---- */

static int read_suspects(struct kg_engine *e, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *text = NULL;
    struct kg_err ignored = { 0 };

    if (kg_catalog_value_get(e->catalog, SUSPECTS, &text, err) < 0)
        return -(int)err->code;
    if (!text || kg_json_parse(text, strlen(text), ret, &ignored) < 0)
        *ret = kg_json_array();
    return 0;
}

/* The list without a vault, and with it at the end when it shall be in. */
static int change_suspects(struct kg_engine *e, const char *vault, bool in, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *old = NULL;
    KG_AUTO_JSON struct kg_json *list = kg_json_array();
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(KG_CATALOG_JSON_MAX);

    if (read_suspects(e, &old, err) < 0)
        return -(int)err->code;
    for (const struct kg_json *v = kg_json_first(old); v; v = kg_json_next(v))
        if (kg_json_value_str(v) && strcasecmp(kg_json_value_str(v), vault) != 0)
            kg_json_push_str(list, kg_json_value_str(v));
    if (in)
        kg_json_push_str(list, vault);
    if (!kg_json_count(list))
        return kg_catalog_value_set(e->catalog, SUSPECTS, NULL, err);
    kg_json_print(list, false, &b);
    if (kg_buf_ok(&b, err) < 0)
        return -(int)err->code;
    return kg_catalog_value_set(e->catalog, SUSPECTS, b.p, err);
}

int kg_recover_suspect(struct kg_engine *e, const char *vault, struct kg_err *err)
{
    return change_suspects(e, vault, true, err);
}

int kg_recover_cleared(struct kg_engine *e, const char *vault, struct kg_err *err)
{
    if (kg_now_mono() < e->started_mono + KG_ORPHANS_GONE) {
        e->recheck_at = e->started_mono + KG_ORPHANS_GONE;
        return 0;
    }
    return change_suspects(e, vault, false, err);
}

int kg_recover_start(struct kg_engine *e, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *list = NULL;

    if (read_suspects(e, &list, err) < 0)
        return -(int)err->code;
    for (const struct kg_json *v = kg_json_first(list); v; v = kg_json_next(v)) {
        const char *vault = kg_json_value_str(v);
        bool there;

        if (!vault || kg_catalog_exists(e->catalog, vault, &there, err) < 0)
            return vault ? -(int)err->code : 0;
        if (there)
            kg_tasks_start_adopt(e, vault);
        else if (change_suspects(e, vault, false, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

void kg_recover_tick(struct kg_engine *e)
{
    struct kg_err err = { 0 };

    if (!e->recheck_at || kg_now_mono() < e->recheck_at)
        return;
    e->recheck_at = 0;
    if (kg_recover_start(e, &err) < 0)
        kg_log_err(KG_LOG_WARN, &err, "suspect vaults are not looked at");
}

/* ---- what was left unfinished ---- */

static void say_why(struct kg_err *why)
{
    *why = (struct kg_err){ 0 };
    kg_err_set(why, KG_E_CHILD, "the service ended while the job ran");
    kg_err_advise(why, "Start it again.");
}

static int fail_job(struct kg_engine *e, const struct kg_job_row *row, struct kg_err *err)
{
    KG_AUTO_JOB struct kg_job *job = kg_job_from_row(row);
    struct kg_job_row now;
    struct kg_err why;
    int r;

    say_why(&why);
    kg_job_fail(job, &why, NULL, kg_now_wall());
    kg_log(KG_LOG_WARN, "job %s (%s) was left unfinished by a service that ended", row->id, row->operation);
    kg_job_to_row(job, &now);
    r = kg_catalog_job_update(e->catalog, &now, err);
    kg_json_free(now.json);
    if (r == 0 && strcasecmp(row->operation, "Backup") == 0)
        r = kg_recover_suspect(e, row->vault, err);
    return r;
}

/* A restore that waits for a rehydration goes on waiting (tiering.c). */
static bool waits(const struct kg_job_row *row)
{
    const struct kg_json *waiting = kg_json_get(row->json, "waiting");
    KG_AUTO_TASK struct kg_task *t = waiting ? kg_task_from_json(waiting) : NULL;

    return t && t->instance;
}

static int fail_jobs(struct kg_engine *e, struct kg_err *err)
{
    struct kg_job_query q = { .unfinished = true };
    KG_AUTO_FREE char *after = NULL;

    do {
        KG_AUTO_JOB_LIST struct kg_job_list l = { 0 };

        q.after = after;
        if (kg_catalog_job_list(e->catalog, &q, &l, err) < 0)
            return -(int)err->code;
        for (size_t i = 0; i < l.count; i++)
            if (!waits(&l.rows[i]) && fail_job(e, &l.rows[i], err) < 0)
                return -(int)err->code;
        free(after);
        after = KG_TAKE(l.next);
    } while (after);
    return 0;
}

static int fail_operation(struct kg_engine *e, struct kg_operation_row *op, struct kg_err *err)
{
    int kind = kg_task_kind_from_name(op->kind);
    struct kg_err why;

    say_why(&why);
    free(op->status);
    op->status = kg_xstrdup("Failed");
    op->end = kg_now_wall() > op->start ? kg_now_wall() : op->start + 1;
    kg_json_free(op->error);
    op->error = kg_cloud_error(&why, NULL, op->resource, NULL);
    if (kind >= 0 && op->resource &&
        kg_result_failed(e, (enum kg_task_kind)kind, op->resource, &why, NULL, err) < 0)
        return -(int)err->code;
    return kg_catalog_operation_update(e->catalog, op, err);
}

static int fail_operations(struct kg_engine *e, struct kg_err *err)
{
    for (;;) {
        struct kg_operation_list l = { 0 };
        size_t n;
        int r = kg_catalog_operation_unfinished(e->catalog, NULL, &l, err);

        n = l.count;
        for (size_t i = 0; r == 0 && i < n; i++)
            r = fail_operation(e, &l.rows[i], err);
        kg_operation_list_done(&l);
        if (r < 0 || !n)
            return r;
    }
}

int kg_recover(struct kg_engine *e, struct kg_err *err)
{
    if (kg_catalog_begin(e->catalog, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = e->catalog;
    if (fail_jobs(e, err) < 0 || fail_operations(e, err) < 0)
        return kg_err_wrap(err, "settle what an earlier service left unfinished");
    return kg_catalog_commit(tx, err);
}
