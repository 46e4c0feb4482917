/* How a restore runs, and what it keeps to:
 *
 *  (1) The database is built under a temporary name and renamed when it is complete and compared (newdb.h).
 *  (2) Schema first, then rows, then everything that the rows must not meet: indexes, constraints, triggers, privileges.
 *      pg_restore does the first and the last from archives cut out of the stored table of contents (pg_restore.h); the rows
 *      go straight from the vault into COPY (load.h).
 *  (3) Roles are made or mapped first, when that was asked for (roles.h). What needs a role or tablespace that the server lacks
 *      then is taken out (target.h) and told. Any other failure, but of
 *      an owner or a grant (pg_restore_said.h), fails the job, and the temporary database is dropped.
 *  (4) What the archive says of the database itself comes last, with its name (dbprops.h).
 */
#include "plugin/restore.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "plugin/jobs.h"
#include "plugin/load.h"
#include "plugin/newdb.h"
#include "plugin/pg_restore.h"
#include "plugin/point.h"
#include "plugin/target.h"

struct run {
    const struct kg_restore_spec *spec;
    const struct kg_events *ev;
    struct kg_point point;
    struct kg_newdb db;
    struct kg_roles *roles;              /* what was done about them; the archive borrows from it */
    struct kg_target *target;            /* what the server has; the archive borrows from it */
    struct kg_dbprops props;
    bool *keep;                          /* of the archive's entries */
    bool whole;
    struct kg_tool pg_restore;
    struct kg_load_result loaded;
    struct kg_buf *tail;
    struct kg_json *left_out;            /* what belongs to chosen tables and needs others; NULL: nothing */
};

static int select_entries(struct run *r, struct kg_err *err)
{
    const struct kg_restore_spec *s = r->spec;
    const struct kg_archive *a = r->point.archive;

    r->whole = !s->n_schemas && !s->n_tables;
    r->keep = kg_xalloc_array(a->n_entries, sizeof *r->keep);
    if (!r->whole)
        return kg_archive_select(a, s->schemas, s->n_schemas, s->tables, s->n_tables, r->keep, err);
    for (size_t i = 0; i < a->n_entries; i++)
        r->keep[i] = true;
    return 0;
}

enum { NAMED_BYTES = 300 }; /* of a message, until no more are named */

static char *full_name(const struct kg_toc_entry *e)
{
    return kg_xprintf("%s%s%s", e->schema ? e->schema : "", e->schema ? "." : "", e->tag ? e->tag : "");
}

static void add_left_out(void *ctx, const struct kg_left_out *l)
{
    struct run *r = ctx;
    KG_AUTO_FREE char *table = full_name(l->table), *needs = full_name(l->needs);
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "kind", l->kind);
    kg_json_set_str(j, "name", l->name);
    kg_json_set_str(j, "table", table);
    kg_json_set_str(j, "needs", needs);
    if (!r->left_out)
        r->left_out = kg_json_array();
    kg_json_push(r->left_out, j);
}

/* A part of a database may refer to what is not part of it; who chose must learn what he gets less than he had. */
static void tell_left_out(struct run *r)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(64 << 10);
    struct kg_err w = { 0 };
    size_t n, named = 0;

    if (r->whole)
        return;
    kg_archive_left_out(r->point.archive, r->keep, add_left_out, r);
    if (!(n = kg_json_count(r->left_out)))
        return;
    for (const struct kg_json *j = kg_json_first(r->left_out); j && b.len < NAMED_BYTES; j = kg_json_next(j), named++)
        kg_buf_addf(&b, "%s%s '%.64s' of '%.65s' (needs '%.65s')", named ? ", " : "", kg_json_str_or(j, "kind", ""),
                    kg_json_str_or(j, "name", ""), kg_json_str_or(j, "table", ""), kg_json_str_or(j, "needs", ""));
    if (named < n)
        kg_buf_addf(&b, ", and %zu more", n - named);
    kg_err_set(&w, KG_E_NOT_CHOSEN, "not restored, because it refers to tables that were not chosen: %s", b.p);
    kg_err_advise(&w, "Choose these tables, too, or make what is missing yourself; the job's result lists all in leftOut.");
    kg_events_warn(r->ev, &w);
}

static int prepare(struct run *r, struct kg_err *err)
{
    const struct kg_restore_spec *s = r->spec;

    if (kg_point_open(s->vault, s->instance, s->point, &r->point, err) < 0 || select_entries(r, err) < 0 ||
        kg_newdb_open(&r->db, s->conn, s->target, r->ev, err) < 0 ||
        kg_newdb_check(&r->db, kg_manifest_server_version(r->point.manifest), err) < 0 ||
        kg_roles_check(&s->roles, &r->point, r->db.admin, err) < 0)
        return -(int)err->code;
    return kg_pg_restore_find(r->point.archive, s->bin_dir, r->db.server_version, &r->pg_restore, err);
}

/* ---- schema: pg_restore on parts of the archive ---- */

/* Runs pg_restore over the kept entries of the given steps, without those that are done (NULL: none is). */
static int restore_steps(struct run *r, const char *what, unsigned steps, unsigned jobs, const bool *done,
                         const struct kg_events *ev, struct kg_err *err)
{
    const struct kg_archive *a = r->point.archive;
    KG_AUTO_FREE bool *keep = kg_xalloc_array(a->n_entries, sizeof *keep);
    struct kg_pg_restore_run run = { .tool = &r->pg_restore, .conn = r->spec->conn, .database = r->db.temp, .archive = a,
                                     .keep = keep, .jobs = jobs, .ev = ev, .tail = r->tail };

    for (size_t i = 0; i < a->n_entries; i++)
        keep[i] = r->keep[i] && !(done && done[i]) && !kg_pg_restore_is_blob(&a->entry[i]) &&
                  (a->entry[i].step == KG_STEP_ALWAYS || (!a->entry[i].has_data && (1u << a->entry[i].step & steps)));
    if (kg_pg_restore_run(&run, err) < 0)
        return kg_err_wrap(err, "restore %s", what);
    return 0;
}

/* ---- all of it ---- */

static int phase(struct run *r, int id, const char *name, const char *short_name, struct kg_err *err)
{
    if (id > 1)
        kg_events_subtask(r->ev, id - 1, "", "Completed");
    kg_events_subtask(r->ev, id, name, "InProgress");
    kg_events_progress(r->ev, &(struct kg_progress){ .phase = short_name, .bytes_done = r->loaded.rows.bytes,
                                                     .bytes_total = r->loaded.rows.bytes, .rows = r->loaded.rows.rows,
                                                     .tables_done = r->loaded.tables, .tables_total = r->loaded.tables });
    return kg_events_check(r->ev, err);
}

/* Statistics are a service to the next query, not a part of what was backed up: what cannot be analysed (a foreign table
 * whose wrapper has no handler) is told, and the restore is none the worse. */
static int analyze(struct run *r, struct kg_err *err)
{
    KG_CLEANUP(kg_session_closep) struct kg_session *s = NULL;
    const struct kg_session_limits limits = { .cancelled = r->ev->cancelled, .ctx = r->ev->ctx };
    struct kg_err soft = { 0 };

    if (kg_session_open_within(r->spec->conn, r->db.temp, "restore", &limits, &s, &soft) == 0 &&
        kg_session_lasting(s, &soft) == 0 && kg_session_run(s, "ANALYZE", &soft) == 0)
        return 0;
    if (kg_events_cancelled(r->ev)) {
        if (s)
            kg_session_cancel(s);
        return kg_events_check(r->ev, err);
    }
    kg_err_wrap(&soft, "gather statistics");
    kg_err_advise(&soft, "Run ANALYZE in the restored database.");
    kg_events_warn(r->ev, &soft);
    return 0;
}

/* While pg_restore runs, a session that fails to compare rows ends it: it might even wait for that session's locks. */
struct both { const struct kg_events *ev; const struct kg_load *load; };

static bool stop_either(void *ctx)
{
    const struct both *b = ctx;

    return kg_load_failed(b->load) || kg_events_cancelled(b->ev);
}

static void pass_warning(void *ctx, const struct kg_err *e) { kg_events_warn(((const struct both *)ctx)->ev, e); }

/* Sequences, then indexes and constraints, while the rows are still being compared: both only read the tables. */
static int restore_behind_rows(struct run *r, const struct kg_load *l, unsigned jobs, struct kg_err *err)
{
    struct both both = { r->ev, l };
    const struct kg_events ev = { .cancelled = stop_either, .warn = pass_warning, .ctx = &both };

    if (restore_steps(r, "sequences and large objects' privileges", 1u << KG_STEP_MID, 1, NULL, &ev, err) < 0)
        return -(int)err->code;
    return restore_steps(r, "indexes, constraints and privileges", 1u << KG_STEP_POST, jobs, kg_load_built(l), &ev, err);
}

static int load_and_index(struct run *r, unsigned jobs, struct kg_err *err)
{
    const struct kg_load_spec spec = { .conn = r->spec->conn, .database = r->db.temp, .point = &r->point, .keep = r->keep,
                                       .blobs = r->whole, .jobs = jobs, .verify = r->spec->verify, .ev = r->ev };
    struct kg_load *l = NULL;
    int eno, ret;

    if (phase(r, 2, "Transfer data", "data", err) < 0 || kg_load_start(&spec, &l, err) < 0)
        return -(int)err->code;
    ret = kg_load_wait(l, err);
    if (ret == 0)
        ret = phase(r, 3, "Create indexes and constraints, compare rows", "indexes", err);
    if (ret == 0)
        ret = restore_behind_rows(r, l, jobs, err);
    if (ret < 0) {
        kg_load_explain(l, err);
        kg_load_abort(l);
        return -(int)err->code;
    }
    if (kg_load_finish(l, &r->loaded, err) < 0)
        return -(int)err->code;
    if ((eno = KG_FAULT(RESTORE_POST)))
        return kg_err_sys(err, eno, "restore indexes");
    return 0;
}

/* Before the database is made: roles, what the server lacks, and what the archive says of the database. */
static int look_at_target(struct run *r, struct kg_err *err)
{
    if (kg_roles_apply(&r->spec->roles, &r->point, r->keep, r->db.admin, r->ev, &r->roles, err) < 0)
        return -(int)err->code;
    if (kg_target_read(r->db.admin, &r->target, err) < 0)
        return kg_err_wrap(err, "look at the target server's roles");
    kg_target_adapt(r->target, r->point.archive, r->keep);
    kg_dbprops_read(r->point.archive, r->keep, r->db.temp, &r->props);
    return 0;
}

/* The database's own tablespace, when the server has it for us. */
static const char *tablespace(struct run *r)
{
    struct kg_err w = { 0 };

    if (!r->props.tablespace || kg_target_has_tablespace(r->target, r->props.tablespace))
        return r->props.tablespace;
    kg_err_set(&w, KG_E_RESTORE_FAILED, "tablespace '%s' is not there, or not for the restoring user, on the target server: the "
               "database is in the default one", r->props.tablespace);
    kg_err_advise(&w, "Create the tablespace and move the database with ALTER DATABASE, or leave it where it is.");
    kg_events_warn_about(r->ev, &w, "tablespace", r->props.tablespace);
    return NULL;
}

static int build(struct run *r, struct kg_err *err)
{
    unsigned jobs = kg_jobs_wanted(r->spec->jobs);
    int eno;

    if (phase(r, 1, "Create schema", "schema", err) < 0 || look_at_target(r, err) < 0 ||
        kg_newdb_create(&r->db, r->point.manifest->facts, tablespace(r), err) < 0 ||
        restore_steps(r, "the schema", 1u << KG_STEP_PRE, 1, NULL, r->ev, err) < 0)
        return -(int)err->code;
    if ((eno = KG_FAULT(RESTORE_PRE)))
        return kg_err_sys(err, eno, "restore the schema");
    if (load_and_index(r, jobs, err) < 0)
        return -(int)err->code;
    if (phase(r, 4, "Analyze and publish", "publish", err) < 0 || analyze(r, err) < 0 || kg_events_check(r->ev, err) < 0 ||
        kg_newdb_publish(&r->db, &r->props, err) < 0)
        return -(int)err->code;
    kg_target_report(r->target, r->ev);
    tell_left_out(r);
    kg_events_subtask(r->ev, 4, "Analyze and publish", "Completed");
    return 0;
}

static struct kg_json *result_of(struct run *r)
{
    struct kg_json *j = kg_json_object();
    struct kg_read_stats st;

    kg_reader_stats(r->point.reader, &st);
    kg_json_set_str(j, "database", r->spec->target);
    kg_json_set_u64(j, "rows", r->loaded.rows.rows);
    kg_json_set_u64(j, "bytes", r->loaded.rows.bytes + (r->whole ? r->point.manifest->blob_sum.bytes : 0));
    kg_json_set_u64(j, "tables", r->loaded.tables);
    kg_json_set_u64(j, "largeObjects", r->whole ? r->point.manifest->blob_count : 0);
    kg_json_set_bool(j, "verified", true);
    kg_json_set_bool(j, "readBack", r->spec->verify == KG_VERIFY_READ_BACK);
    kg_json_set_u64(j, "bytesRead", st.stored_bytes);
    kg_json_set(j, "roles", kg_json_copy(kg_roles_report(r->roles)));
    if (r->left_out)
        kg_json_set(j, "leftOut", KG_TAKE(r->left_out));
    return j;
}

static void run_done(struct run *r)
{
    kg_newdb_close(&r->db);
    kg_dbprops_done(&r->props);
    kg_point_close(&r->point);
    kg_target_free(r->target);
    kg_roles_free(r->roles);
    free(r->keep);
    kg_json_free(r->left_out);
}

int kg_plugin_validate_restore(const struct kg_restore_spec *spec, const struct kg_events *ev, struct kg_err *err)
{
    struct run r = { .spec = spec, .ev = ev };
    int ret = prepare(&r, err);

    run_done(&r);
    return ret;
}

int kg_plugin_restore(const struct kg_restore_spec *spec, const struct kg_events *ev, struct kg_json **ret_result,
                      struct kg_buf *ret_tail, struct kg_err *err)
{
    struct run r = { .spec = spec, .ev = ev, .tail = ret_tail };
    int ret = prepare(&r, err);

    if (ret == 0)
        ret = build(&r, err);
    if (ret == 0)
        *ret_result = result_of(&r);
    run_done(&r);
    return ret;
}

