/* Backup jobs: what the catalog keeps, and for those that run, how they stand at this moment. */
#include "api/call.h"
#include "api/handlers.h"
#include "api/instance.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"

#define RETRY_SLACK (2 * KG_SECOND)       /* a job that fails writes that into what it was about */
#define SHOWN (7 * 24 * 3600 * KG_SECOND) /* as Azure's portal: older jobs for those who ask for them */

struct kg_json *kg_job_row_answer(struct kg_call *c, const struct kg_job_row *row)
{
    const struct kg_job *live = row->end ? NULL : c->api->env.job_live(c->api->env.arg, row->id);

    kg_usec now = kg_now_wall();
    struct kg_json *answer = kg_job_answer(row->vault, row->id, live ? live->properties : kg_json_get(row->json, "properties"), now);

    if (live)
        kg_job_tell_left(live, now, answer);
    return answer;
}

static int need_vault(struct kg_call *c, const char *id, struct kg_err *err)
{
    bool there;

    if (kg_catalog_exists(c->api->catalog, id, &there, err) < 0)
        return -(int)err->code;
    return there ? 0 : kg_err_set(err, KG_E_NOT_FOUND, "there is no Backup vault '%s'", id);
}

/* ---- the list ---- */

static int filter_text(const char *filter, const char *key, char *text, size_t size, const char **ret, struct kg_err *err)
{
    int found = kg_filter_compare(filter, key, "eq", text, size, err);

    if (found > 0)
        *ret = text;
    return found < 0 ? found : 0;
}

static int filter_time(const char *filter, const char *op, kg_usec *ret, bool *ret_given, struct kg_err *err)
{
    char text[64];
    int found = kg_filter_compare(filter, "startTime", op, text, sizeof text, err);

    if (found <= 0)
        return found;
    *ret_given = true;
    return kg_time_parse_iso(text, ret) ? 0 : kg_err_set(err, KG_E_USAGE, "$filter: startTime is '%s', which is not a time", text);
}

int kg_res_jobs_list(struct kg_call *c, struct kg_err *err)
{
    static const char *const terms[] = { "status eq", "operation eq", "backupInstanceId eq", "startTime ge", "startTime lt" };
    struct kg_job_query q = { .vault = kg_call_id(c), .after = kg_query_get(c->query, "$skipToken") };
    const char *filter = kg_query_get(c->query, "$filter");
    KG_AUTO_JOB_LIST struct kg_job_list l = { 0 };
    char status[64], operation[64], instance[KG_ID_MAX + 1];
    bool times = false;
    struct kg_json *array;

    if (kg_filter_only(filter, terms, KG_ARRAY_LEN(terms), err) < 0 ||
        filter_text(filter, "status", status, sizeof status, &q.status, err) < 0 ||
        filter_text(filter, "operation", operation, sizeof operation, &q.operation, err) < 0 ||
        filter_text(filter, "backupInstanceId", instance, sizeof instance, &q.instance, err) < 0 ||
        filter_time(filter, "ge", &q.from, &times, err) < 0 || filter_time(filter, "lt", &q.to, &times, err) < 0)
        return -(int)err->code;
    if (!times) {
        q.from = kg_now_wall() - SHOWN;
        q.and_unfinished = true;
    }
    if (need_vault(c, kg_call_id(c), err) < 0 || kg_call_top(c, &q.top, err) < 0 ||
        kg_catalog_job_list(c->api->catalog, &q, &l, err) < 0)
        return -(int)err->code;
    array = kg_json_array();
    for (size_t i = 0; i < l.count; i++)
        kg_json_push(array, kg_job_row_answer(c, &l.rows[i]));
    return kg_call_answer_list(c, array, l.next, err);
}

/* ---- one job ---- */

/* The job of the path; one of another vault is not there. */
static int find_job(struct kg_call *c, struct kg_job_row *ret, struct kg_err *err)
{
    KG_AUTO_JOB_ROW struct kg_job_row row = { 0 };
    KG_AUTO_FREE char *vault = kg_call_vault_id(c);
    const char *id = kg_call_param(c, "job");

    if (need_vault(c, vault, err) < 0 || kg_catalog_job_get(c->api->catalog, id, &row, err) < 0)
        return -(int)err->code;
    if (!kg_id_equal(row.vault, vault))
        return kg_err_set(err, KG_E_NOT_FOUND, "vault '%s' has no job '%s'", kg_call_param(c, "vault"), id);
    *ret = row;
    row = (struct kg_job_row){ 0 };
    return 0;
}

int kg_res_job_get(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_JOB_ROW struct kg_job_row row = { 0 };

    if (find_job(c, &row, err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 200, kg_job_row_answer(c, &row), err);
}

int kg_res_job_cancel(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_JOB_ROW struct kg_job_row row = { 0 };
    KG_AUTO_FREE char *base = kg_call_base(c);
    KG_AUTO_FREE char *id = NULL;

    if (find_job(c, &row, err) < 0)
        return -(int)err->code;
    if (row.end) {
        kg_err_set(err, KG_E_CONFLICT, "job '%s' has ended: it is %s", row.id, row.status);
        kg_err_advise(err, "Only a job that is in progress can be cancelled.");
        return -(int)err->code;
    }
    if (c->api->env.job_cancel(c->api->env.arg, row.id, err) < 0)
        return -(int)err->code;
    id = kg_id_child(row.vault, "backupJobs", row.id);
    kg_http_header(c->out, "Location", kg_xprintf("%s%s", base, id));
    kg_http_header(c->out, "Retry-After", kg_xstrdup("1"));
    return kg_call_answer(c, 202, NULL, err);
}

/* ---- once more ---- */

static int refuse_retry(const struct kg_job_row *row, struct kg_err *err)
{
    const char *by = kg_json_str(row->json, "properties.retriedBy");

    if (!row->end) {
        kg_err_set(err, KG_E_CONFLICT, "job '%s' has not ended: it is %s", row->id, row->status);
        kg_err_advise(err, "Wait for its end, or cancel it first.");
    } else if (strcasecmp(row->status, "Completed") == 0) {
        kg_err_set(err, KG_E_CONFLICT, "job '%s' has completed: there is nothing to retry", row->id);
        kg_err_advise(err, "Ask for a new %s instead.", row->operation);
    } else if (by) {
        kg_err_set(err, KG_E_CONFLICT, "job '%s' was retried already, as '%s'", row->id, strrchr(by, '/') + 1);
        kg_err_advise(err, "Look at that job, and retry that one.");
    } else if (!kg_json_str(row->json, "request.path")) {
        kg_err_set(err, KG_E_UNSUPPORTED, "job '%s' (%s) cannot be retried: the service started it by itself", row->id, row->operation);
        kg_err_advise(err, "Mend what its error names; the service tries again when its time comes.");
    }
    return err->code == KG_E_OK ? 0 : -(int)err->code;
}

/* A request that makes, changes or deletes is about the thing that had the name then. */
static int refuse_another(struct kg_call *c, const struct kg_job_row *row, struct kg_err *err)
{
    const char *method = kg_json_str_or(row->json, "request.method", ""), *path = kg_json_str_or(row->json, "request.path", "");
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    kg_usec created = 0, changed = 0;
    struct kg_err why = { 0 };

    if (strcmp(method, "POST") == 0)
        return 0;
    if (kg_catalog_get(c->api->catalog, path, &r, &why) < 0) {
        if (why.code == KG_E_NOT_FOUND)
            return 0;
        *err = why;
        return -(int)err->code;
    }
    (void)kg_time_parse_iso(kg_json_str_or(r.json, "systemData.createdAt", ""), &created);
    (void)kg_time_parse_iso(kg_json_str_or(r.json, "systemData.lastModifiedAt", ""), &changed);
    if (created <= row->end && (strcmp(method, "DELETE") == 0 || changed <= row->end + RETRY_SLACK))
        return 0;
    kg_err_set(err, KG_E_CONFLICT, "'%s' was %s after job '%s' had ended", r.name, created > row->end ? "made anew" : "changed", row->id);
    kg_err_advise(err, "Look at what it is now, and ask for what you want of it anew.");
    return -(int)err->code;
}

/* The request that made the job is made again, by who asks for this and with their permissions. */
int kg_res_job_retry(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_JOB_ROW struct kg_job_row row = { 0 };
    KG_CLEANUP(kg_http_out_done) struct kg_http_out inner = { .body = KG_BUF_INIT(KG_API_ANSWER_MAX) };
    KG_AUTO_FREE char *id = NULL;
    struct kg_call again = *c;
    const struct kg_json *rq;
    struct kg_json *answer;

    if (find_job(c, &row, err) < 0 || refuse_retry(&row, err) < 0 || refuse_another(c, &row, err) < 0)
        return -(int)err->code;
    rq = kg_json_get(row.json, "request");
    again.out = &inner;
    again.retry_of = &row;
    if (kg_call_again(&again, kg_json_str_or(rq, "method", ""), kg_json_str_or(rq, "path", ""), kg_json_get(rq, "body"), err) < 0)
        return -(int)err->code;
    if (!*again.job) {
        kg_err_set(err, KG_E_CONFLICT, "job '%s' has nothing left to do", row.id);
        kg_err_advise(err, "Look at what it was about: what it was to do is done, or on its way.");
        return -(int)err->code;
    }
    id = kg_id_child(row.vault, "backupJobs", again.job);
    answer = kg_json_object();
    kg_json_set_str(answer, "objectType", "OperationJobExtendedInfo");
    kg_json_set_str(answer, "jobId", id);
    return kg_call_answer(c, 202, answer, err);
}

int kg_res_job_log(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_JOB_ROW struct kg_job_row row = { 0 };
    const char *skip = kg_query_get(c->query, "$skipToken");
    struct kg_log_list l = { 0 };
    struct kg_json *array;
    uint64_t after = 0;
    char when[32], next[24];
    unsigned top;
    int r;

    if (find_job(c, &row, err) < 0 || kg_call_top(c, &top, err) < 0 || (skip && kg_parse_u64(skip, &after, err) < 0))
        return -(int)err->code;
    c->api->env.job_flush(c->api->env.arg, row.id);
    if (kg_catalog_log_list(c->api->catalog, row.id, after, top, &l, err) < 0)
        return -(int)err->code;
    array = kg_json_array();
    for (size_t i = 0; i < l.count; i++) {
        struct kg_json *line = kg_json_object();

        kg_json_set_u64(line, "line", l.rows[i].seq);
        kg_json_set_str(line, "time", kg_time_iso(l.rows[i].at, when));
        kg_json_set_str(line, "text", l.rows[i].text);
        kg_json_push(array, line);
    }
    snprintf(next, sizeof next, "%" PRIu64, l.next);
    r = kg_call_answer_list(c, array, l.next ? next : NULL, err);
    kg_log_list_done(&l);
    return r;
}

/* ---- its tables ---- */

/* Appends those of list, until the page is full; *at counts all of them, on this page or not. */
static void add_tables(struct kg_json *array, const struct kg_json *list, const char *state, uint64_t from, unsigned top, uint64_t *at)
{
    for (const struct kg_json *t = kg_json_first(list); t; t = kg_json_next(t), ++*at) {
        struct kg_json *row;

        if (*at < from || kg_json_count(array) >= top)
            continue;
        KG_AUTO_FREE char *id = kg_xprintf("%s %s.%s", kg_json_str_or(t, "step", ""), kg_json_str_or(t, "schema", ""),
                                           kg_json_str_or(t, "name", ""));

        row = kg_json_copy(t);
        kg_json_set_str(row, "id", id); /* of the row in this list: a table is loaded, and then verified */
        kg_json_set_str(row, "state", state);
        kg_json_push(array, row);
    }
}

int kg_res_job_tables(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_JOB_ROW struct kg_job_row row = { 0 };
    const char *skip = kg_query_get(c->query, "$skipToken");
    KG_AUTO_JSON struct kg_json *kept = NULL;
    const struct kg_json *tables;
    const struct kg_job *live;
    struct kg_json *array;
    uint64_t from = 0, n = 0;
    char next[24];
    unsigned top;

    if (find_job(c, &row, err) < 0 || kg_call_top(c, &top, err) < 0 || (skip && kg_parse_u64(skip, &from, err) < 0) ||
        kg_catalog_job_tables_get(c->api->catalog, row.id, &kept, err) < 0)
        return -(int)err->code;
    live = row.end ? NULL : c->api->env.job_live(c->api->env.arg, row.id);
    tables = kg_json_get(live ? live->properties : kg_json_get(row.json, "properties"), "extendedInfo.tables");
    array = kg_json_array();
    add_tables(array, kg_json_get(tables, "inWork"), "InProgress", from, top, &n);
    add_tables(array, kept ? kept : live && live->tables ? live->tables : kg_json_get(tables, "biggest"), "Completed", from, top, &n);
    snprintf(next, sizeof next, "%" PRIu64, from + kg_json_count(array));
    return kg_call_answer_list(c, array, from + kg_json_count(array) < n ? next : NULL, err);
}
