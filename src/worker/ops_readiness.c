/* worker/ops_readiness.c - the operation "validate-backup": what only the servers themselves can tell about many databases.
 *
 *   job     {"rows":[{"key","database","server":{name,host,port,sslMode},"connection":name of a secret,"hasPoints"?,
 *            "rolePasswords"?:the policy captures them}],
 *            "storePath"?:where their backups would go,
 *            "settings":{"binDir"?,"timeoutMs"?,"parallel"?,"perServer"?}}, and the secrets that the rows name
 *   result  {"rows":[{"key","checks":[…],"facts"?:{"user",…}}]}, in the order of the job's; facts: readiness/database.h
 *
 * A backup begins with the same checks of its one database. */
#include "worker/ops.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/alloc.h"
#include "readiness/rows.h"

/* A backup waits longer for its checks: that a great catalog is slow is no reason not to begin. */
enum { ROWS_MAX = 500, BACKUP_TIMEOUT_MS = 300000 };

struct row_list { struct kg_check_row *row; size_t n; };

static void row_list_done(struct row_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        kg_check_row_done(&l->row[i]);
    free(l->row);
}

/* Which check it is that a connection string could not be had. */
static enum kg_check_id check_of(enum kg_code code)
{
    static const struct { enum kg_code code; enum kg_check_id id; } known[] = {
        { KG_E_SECRET_FORMAT, KG_CHECK_SECRET_FORMAT }, { KG_E_NO_SECRET, KG_CHECK_SECRET },
        { KG_E_NO_KEYVAULT, KG_CHECK_KEY_VAULT },       { KG_E_SECRET_DENIED, KG_CHECK_KEY_VAULT_ROLE },
        { KG_E_SECRET_SERVER, KG_CHECK_SECRET_FORMAT },
    };

    for (size_t i = 0; i < KG_ARRAY_LEN(known); i++)
        if (known[i].code == code)
            return known[i].id;
    return KG_CHECK_SECRET;
}

/* What the datastore has left; a file system that does not know how great it is does not tell. Opening the store would leave
 * traces in a directory that may be no store yet. */
static bool measure_store(const struct kg_op *op, uint64_t *ret)
{
    const char *path = kg_json_str(op->job, "storePath");
    struct statvfs st;

    if (!path || statvfs(path, &st) < 0 || !st.f_blocks)
        return false;
    *ret = (uint64_t)st.f_bavail * st.f_frsize;
    return true;
}

static int read_row(const struct kg_op *op, const struct kg_json *j, struct kg_check_row *ret, struct kg_err *err)
{
    const char *key, *connection;
    struct kg_err why = { 0 };
    enum kg_check_id id;

    if (kg_json_need_str(j, "key", &key, err) < 0 || kg_json_need_str(j, "database", &ret->database, err) < 0 ||
        kg_json_need_str(j, "connection", &connection, err) < 0)
        return kg_err_wrap(err, "a row of the job");
    ret->has_points = kg_json_bool(j, "hasPoints", false);
    ret->role_passwords = kg_json_bool(j, "rolePasswords", false);
    if (kg_op_conninfo(op, connection, kg_json_get(j, "server"), &ret->conn, &why) == 0) {
        kg_check_pass(&ret->checks, KG_CHECK_SECRET);
        kg_check_pass(&ret->checks, KG_CHECK_SECRET_FORMAT);
        return 0;
    }
    id = check_of(why.code);
    if (id == KG_CHECK_SECRET_FORMAT)
        kg_check_pass(&ret->checks, KG_CHECK_SECRET);
    kg_check_fail(&ret->checks, id, &why);
    kg_check_skip_rest(&ret->checks, id, KG_CHECK_SECRET_FORMAT, id);
    kg_check_skip_rest(&ret->checks, KG_CHECK_CONNECT, KG_CHECK_SPACE, id);
    return 0;
}

static int read_rows(const struct kg_op *op, struct row_list *ret, struct kg_err *err)
{
    const struct kg_json *rows;
    uint64_t room = 0;
    bool measured = measure_store(op, &room);
    size_t n;

    if (kg_json_need(op->job, "rows", KG_JSON_ARRAY, &rows, err) < 0)
        return -(int)err->code;
    n = kg_json_count(rows);
    if (n > ROWS_MAX)
        return kg_err_set(err, KG_E_LIMIT, "more than %d databases at a time", ROWS_MAX);
    ret->row = kg_xalloc_array(n + 1, sizeof *ret->row);
    for (const struct kg_json *j = kg_json_first(rows); j; j = kg_json_next(j)) {
        ret->row[ret->n].has_store_free = measured;
        ret->row[ret->n].store_free = room;
        if (read_row(op, j, &ret->row[ret->n++], err) < 0)
            return -(int)err->code;
    }
    return 0;
}

static void tell(void *ctx, size_t done, size_t total)
{
    const struct kg_op *op = ctx;

    kg_events_progress(op->ev, &(struct kg_progress){ .phase = "check", .tables_done = done, .tables_total = total });
}

static bool is_cancelled(void *ctx)
{
    const struct kg_op *op = ctx;

    return kg_events_cancelled(op->ev);
}

int kg_op_validate_backup(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_CLEANUP(row_list_done) struct row_list list = { 0 };
    const struct kg_json *job = op->job, *j;
    struct kg_rows_opts o = { .bin_dir = kg_json_str(job, "settings.binDir"),
                              .parallel = (unsigned)kg_json_u64(job, "settings.parallel", 0),
                              .per_server = (unsigned)kg_json_u64(job, "settings.perServer", 0),
                              .timeout_ms = kg_json_u64(job, "settings.timeoutMs", 0),
                              .progress = tell, .cancelled = is_cancelled, .ctx = (void *)(uintptr_t)op };
    struct kg_json *out;

    if (read_rows(op, &list, err) < 0 || kg_rows_check(list.row, list.n, &o, err) < 0)
        return -(int)err->code;
    out = kg_json_array();
    j = kg_json_first(kg_json_get(job, "rows"));
    for (size_t i = 0; i < list.n; i++, j = kg_json_next(j)) {
        struct kg_json *row = kg_json_object();

        kg_json_set_str(row, "key", kg_json_str(j, "key"));
        kg_json_set(row, "checks", kg_checks_to_json(&list.row[i].checks));
        if (!list.row[i].facts && list.row[i].conn.user) { /* who it is about when the server did not let them in */
            list.row[i].facts = kg_json_object();
            kg_json_set_str(list.row[i].facts, "user", list.row[i].conn.user);
        }
        if (list.row[i].facts)
            kg_json_set(row, "facts", KG_TAKE(list.row[i].facts));
        kg_json_push(out, row);
    }
    *ret = kg_json_object();
    kg_json_set(*ret, "rows", out);
    return 0;
}

/* ---- the beginning of a backup ---- */

static void tell_beginning(void *ctx, size_t done, size_t total)
{
    const struct kg_op *op = ctx;

    (void)done;
    (void)total;
    kg_events_progress(op->ev, &(struct kg_progress){ .phase = "check" });
}

/* Failures, too: the job's error is the first of them. */
static void log_findings(const struct kg_op *op, const struct kg_checks *c)
{
    for (size_t i = 0; i < KG_CHECK_COUNT_; i++)
        if (c->item[i] && *c->item[i]->err.msg)
            kg_events_log(op->ev, "%s: %s: %s", kg_check_id_to_text(c->item[i]->id), kg_check_state_to_text(c->item[i]->state),
                          c->item[i]->err.msg);
}

int kg_op_require_ready(const struct kg_op *op, const char *database, struct kg_conninfo *conn, struct kg_err *err)
{
    struct kg_check_row row = { .conn = *conn, .database = database, .chosen = true,
                                .has_points = kg_json_bool(op->job, "hasPoints", false) };
    struct kg_rows_opts o = { .bin_dir = kg_json_str(op->job, "settings.binDir"), .parallel = 1, .timeout_ms = BACKUP_TIMEOUT_MS,
                              .progress = tell_beginning, .cancelled = is_cancelled, .ctx = (void *)(uintptr_t)op };
    const struct kg_check *failed;
    int r;

    row.has_store_free = measure_store(op, &row.store_free);
    r = kg_rows_check(&row, 1, &o, err);
    log_findings(op, &row.checks);
    if (r == 0 && (failed = kg_checks_failed(&row.checks))) {
        *err = failed->err;
        r = -(int)err->code;
    }
    row.conn = (struct kg_conninfo){ 0 }; /* the caller's */
    kg_check_row_done(&row);
    return r;
}
