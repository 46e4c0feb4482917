/* How a restore runs, and what it keeps to:
 *
 *  (1) The database is built under a temporary name, marked by a comment, and renamed when it is complete and compared.
 *  (2) Schema first, then rows, then everything that the rows must not meet: indexes, constraints, triggers, privileges.
 *      pg_restore does the first and the last from archives cut out of the stored table of contents; the rows go straight
 *      from the vault into COPY.
 *  (3) A table that the archive creates is loaded in the transaction that truncates it, so that COPY FREEZE is allowed.
 *  (4) What was sent is compared with the manifest before the transaction commits; what arrived is read again.
 *  (5) Any failure that is not a missing role fails the job, and the temporary database is dropped.
 */
#include "plugin/restore.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/parse.h"
#include "crypto/crypto.h"
#include "pg/plan.h"
#include "pg/tools.h"
#include "plugin/pg_restore.h"
#include "plugin/point.h"

enum { DEFAULT_JOBS_MAX = 4, JOBS_MAX = 64, CACHED_SEGMENTS = 4, COUNT_EVERY = 64 };

struct item {
    const struct kg_mtable *table;
    const struct kg_toc_entry *entry;
    uint64_t bytes;
    bool created;                        /* by the archive: may be truncated and frozen, see (3) */
    bool later;                          /* loaded one after the other, in order, when the rest is done */
};

struct run {
    const struct kg_restore_spec *spec;
    const struct kg_events *ev;
    struct kg_point point;
    bool *keep;                          /* of the archive's entries */
    bool whole;
    struct kg_tool pg_restore;
    struct kg_session *admin;            /* where databases are created and renamed */
    int server_version;
    char temp[64];
    bool created;
    struct kg_buf *tail;
    char *encoding;

    struct item *item;
    size_t n_items;
    struct kg_rowsum total;              /* what will be loaded */

    pthread_mutex_t lock;
    size_t next;
    bool failed;
    struct kg_err err;
    atomic_bool stop;
    atomic_ullong bytes, rows, tables_done;
    atomic_uint running;
};

struct session {
    struct run *run;
    pthread_t thread;
    struct kg_session *pg;
    struct kg_source *src;
    uint64_t counted_rows, counted_bytes;
};

static void fail_run(struct run *r, const struct kg_err *e)
{
    pthread_mutex_lock(&r->lock);
    if (!r->failed) {
        r->failed = true;
        r->err = *e;
    }
    pthread_mutex_unlock(&r->lock);
    r->stop = true;
}

/* ---- before anything is made ---- */

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

static int check_target(struct run *r, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    const char *params[] = { r->spec->target };
    int source = kg_manifest_server_version(r->point.manifest);

    if (!*r->spec->target || strlen(r->spec->target) > 63)
        return kg_err_set(err, KG_E_USAGE, "'%s' cannot be a database's name: it must have 1 to 63 bytes", r->spec->target);
    if (r->server_version / 10000 < source / 10000) {
        kg_err_set(err, KG_E_DB_LOWER, "the backup is from PostgreSQL %d and the target server is %d", source / 10000,
                   r->server_version / 10000);
        return -(int)err->code;
    }
    if (kg_session_query(r->admin,
                         "SELECT (SELECT rolsuper OR rolcreatedb FROM pg_catalog.pg_roles WHERE rolname = current_user),"
                         " EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1), current_user", 1, params,
                         &rows, err) < 0)
        return -(int)err->code;
    if (strcmp(kg_rows_get(rows, 0, 1), "t") == 0)
        return kg_err_set(err, KG_E_DB_NAME_TAKEN, "the target server has a database '%s' already", r->spec->target);
    if (strcmp(kg_rows_get(rows, 0, 0), "t") != 0) {
        kg_err_set(err, KG_E_DB_PRIVILEGE, "user '%s' may not create databases on the target server",
                   kg_rows_get(rows, 0, 2));
        kg_err_advise(err, "Run there as an administrator: ALTER USER \"%s\" CREATEDB;", kg_rows_get(rows, 0, 2));
        return -(int)err->code;
    }
    return 0;
}

/* Databases to start from: the one the secret names may well be the one that is gone. */
static int open_admin(struct run *r, struct kg_err *err)
{
    static const char *const tries[] = { "postgres", "template1" };
    struct kg_err first = { 0 };

    for (size_t i = 0; i < KG_ARRAY_LEN(tries); i++) {
        struct kg_err e = { 0 };

        if (kg_session_open(r->spec->conn, tries[i], "restore", &r->admin, &e) == 0) {
            r->server_version = kg_session_version(r->admin);
            return 0;
        }
        if (first.code == KG_E_OK)
            first = e;
        if (e.code != KG_E_DB_NOT_FOUND && e.code != KG_E_DB_PRIVILEGE)
            break;
    }
    *err = first;
    return -(int)err->code;
}

static int prepare(struct run *r, struct kg_err *err)
{
    const struct kg_restore_spec *s = r->spec;
    const struct kg_archive *a;

    if (kg_point_open(s->vault, s->instance, s->point, &r->point, err) < 0)
        return -(int)err->code;
    a = r->point.archive;
    r->encoding = kg_xstrdup(kg_archive_encoding(a));
    if (select_entries(r, err) < 0 || open_admin(r, err) < 0 || check_target(r, err) < 0)
        return -(int)err->code;
    if (kg_pg_restore_find(a, s->bin_dir, r->server_version, &r->pg_restore, err) < 0)
        return -(int)err->code;
    return 0;
}

/* ---- the database ---- */

/* Drops what a killed restore to the same name left: databases with our comment that nobody is connected to. */
static int sweep(struct run *r, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    KG_AUTO_FREE char *comment = kg_xprintf("keepgres: restore in progress to %s", r->spec->target);
    const char *params[] = { comment };

    if (kg_session_query(r->admin,
                         "SELECT d.datname FROM pg_catalog.pg_database d"
                         " JOIN pg_catalog.pg_shdescription s ON s.objoid = d.oid"
                         " WHERE s.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass AND s.description = $1"
                         " AND d.datname LIKE 'keepgres\\_restore\\_%'"
                         " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid"
                         "                 AND a.application_name LIKE 'keepgres%')",
                         1, params, &rows, err) < 0)
        return -(int)err->code;
    for (int i = 0; i < kg_rows_count(rows); i++) {
        KG_AUTO_FREE char *name = kg_quote_ident(kg_rows_get(rows, i, 0));
        struct kg_err soft = { 0 };

        kg_events_log(r->ev, "dropping %s, left by a restore that was killed", name);
        if (kg_session_runf(r->admin, &soft, "DROP DATABASE %s", name) < 0)
            kg_events_warn(r->ev, &soft);
    }
    return 0;
}

static void add_option(struct kg_buf *b, const char *name, const char *value)
{
    KG_AUTO_FREE char *q = value ? kg_quote_literal(value) : NULL;

    if (q)
        kg_buf_addf(b, " %s %s", name, q);
}

static int create_database(struct run *r, struct kg_err *err)
{
    const struct kg_json *f = r->point.manifest->facts;
    const char *provider = kg_json_str_or(f, "postgres.provider", "libc");
    KG_AUTO_BUF struct kg_buf sql = KG_BUF_INIT(8192);
    KG_AUTO_FREE char *comment = kg_xprintf("keepgres: restore in progress to %s", r->spec->target);
    KG_AUTO_FREE char *quoted = kg_quote_literal(comment);
    unsigned char salt[6];
    char hex[16];
    int eno;

    kg_random(salt, sizeof salt);
    kg_hex(salt, sizeof salt, hex);
    snprintf(r->temp, sizeof r->temp, "keepgres_restore_%s", hex);
    kg_buf_addf(&sql, "CREATE DATABASE %s TEMPLATE template0", r->temp);
    add_option(&sql, "ENCODING", kg_json_str(f, "postgres.encoding"));
    add_option(&sql, "LC_COLLATE", kg_json_str(f, "postgres.collate"));
    add_option(&sql, "LC_CTYPE", kg_json_str(f, "postgres.ctype"));
    if (r->server_version >= 150000 && strcmp(provider, "libc") != 0) {
        add_option(&sql, "LOCALE_PROVIDER", provider);
        add_option(&sql, strcmp(provider, "icu") == 0 ? "ICU_LOCALE" : "BUILTIN_LOCALE",
                   kg_json_str(f, "postgres.iculocale"));
    }
    if (kg_buf_ok(&sql, err) < 0)
        return -(int)err->code;
    if (kg_session_run(r->admin, sql.p, err) < 0) {
        if (err->code == KG_E_DB_ERROR)
            kg_err_advise(err, "Install the source's locale on the target server, or restore as files and choose another.");
        return kg_err_wrap(err, "create the database for '%s'", r->spec->target);
    }
    r->created = true;
    if (kg_session_runf(r->admin, err, "COMMENT ON DATABASE %s IS %s", r->temp, quoted) < 0)
        return -(int)err->code;
    if ((eno = KG_FAULT(RESTORE_CREATED)))
        return kg_err_sys(err, eno, "create the database for '%s'", r->spec->target);
    return 0;
}

static void drop_database(struct run *r)
{
    struct kg_err soft = { 0 };

    if (!r->created)
        return;
    /* The connection may be what failed: try once more on a fresh one. */
    if (r->server_version >= 130000 ? kg_session_runf(r->admin, &soft, "DROP DATABASE %s WITH (FORCE)", r->temp) == 0
                                    : kg_session_runf(r->admin, &soft, "DROP DATABASE %s", r->temp) == 0)
        return;
    kg_session_close(KG_TAKE(r->admin));
    soft = (struct kg_err){ 0 };
    if (open_admin(r, &soft) == 0 && kg_session_runf(r->admin, &soft, "DROP DATABASE %s", r->temp) == 0)
        return;
    kg_err_wrap(&soft, "drop the half-restored database '%s'", r->temp);
    kg_err_advise(&soft, "The next restore to '%s' drops it, or drop it yourself.", r->spec->target);
    kg_events_warn(r->ev, &soft);
}

static int publish_database(struct run *r, struct kg_err *err)
{
    KG_AUTO_FREE char *name = kg_quote_ident(r->spec->target);

    if (kg_session_runf(r->admin, err, "ALTER DATABASE %s RENAME TO %s", r->temp, name) < 0)
        return kg_err_wrap(err, "give the restored database its name");
    r->created = false;
    return kg_session_runf(r->admin, err, "COMMENT ON DATABASE %s IS NULL", name);
}

/* ---- schema: pg_restore on parts of the archive ---- */

/* Runs pg_restore over the kept entries of the given steps. */
static int restore_steps(struct run *r, const char *what, unsigned steps, unsigned jobs, struct kg_err *err)
{
    const struct kg_archive *a = r->point.archive;
    KG_AUTO_FREE bool *keep = kg_xalloc_array(a->n_entries, sizeof *keep);
    struct kg_pg_restore_run run = { .tool = &r->pg_restore, .conn = r->spec->conn, .database = r->temp, .archive = a,
                                     .keep = keep, .jobs = jobs, .ev = r->ev, .tail = r->tail };

    for (size_t i = 0; i < a->n_entries; i++)
        keep[i] = r->keep[i] && !kg_pg_restore_is_blob(&a->entry[i]) &&
                  (a->entry[i].step == KG_STEP_ALWAYS || (!a->entry[i].has_data && (1u << a->entry[i].step & steps)));
    if (kg_pg_restore_run(&run, err) < 0)
        return kg_err_wrap(err, "restore %s", what);
    return 0;
}

/* ---- rows ---- */

static bool table_was_created(const struct run *r, const struct kg_toc_entry *data)
{
    const struct kg_archive *a = r->point.archive;

    for (size_t i = 0; i < data->n_deps; i++) {
        const struct kg_toc_entry *d = kg_archive_find(a, (int)strtol(data->deps[i], NULL, 10));

        if (d && d->desc && strcmp(d->desc, "TABLE") == 0 && r->keep[d - a->entry])
            return true;
    }
    return false;
}

static int biggest_first(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    if (x->later != y->later)
        return x->later - y->later;
    if (x->later)
        return x->entry < y->entry ? -1 : 1;     /* in the archive's order: extension tables refer to each other */
    return x->bytes < y->bytes ? 1 : x->bytes > y->bytes ? -1 : 0;
}

static int make_items(struct run *r, struct kg_err *err)
{
    const struct kg_archive *a = r->point.archive;

    r->item = kg_xalloc_array(r->point.manifest->n_tables, sizeof *r->item);
    for (size_t i = 0; i < a->n_entries; i++) {
        const struct kg_toc_entry *e = &a->entry[i];
        struct item *it = &r->item[r->n_items];
        struct kg_rowsum sum;

        if (!r->keep[i] || e->step != KG_STEP_TABLE || !e->has_data)
            continue;
        it->entry = e;
        if (!(it->table = kg_point_table(&r->point, e->dump_id)))
            return kg_err_set(err, KG_E_CORRUPT, "the manifest has no rows for entry %d, '%s'", e->dump_id, e->tag);
        kg_mtable_sum(it->table, &sum);
        kg_rowsum_merge(&r->total, &sum);
        it->bytes = sum.bytes;
        it->created = !it->table->via_root && !it->table->condition && table_was_created(r, e);
        it->later = !it->created && !it->table->via_root;
        r->n_items++;
    }
    qsort(r->item, r->n_items, sizeof *r->item, biggest_first);
    return 0;
}

static void count(struct session *s, uint64_t bytes)
{
    atomic_fetch_add_explicit(&s->run->bytes, bytes, memory_order_relaxed);
}

static int send_slice(struct session *s, const struct kg_slice *sl, struct kg_rowsum_text *text, struct kg_err *err)
{
    const void *data;
    size_t n;

    if (kg_source_begin(s->src, &sl->stream, err) < 0)
        return -(int)err->code;
    for (;;) {
        if (kg_source_next(s->src, &data, &n, err) < 0)
            return -(int)err->code;
        if (!n)
            return 0;
        if (s->run->stop)
            return kg_err_set(err, KG_E_CANCELLED, "another session of the job failed");
        kg_rowsum_text_add(text, data, n);
        if (kg_copy_in_add(s->pg, data, n, err) < 0)
            return -(int)err->code;
        count(s, n);
    }
}

static int copy_rows(struct session *s, const struct item *it, struct kg_err *err)
{
    const struct kg_mtable *t = it->table;
    KG_AUTO_FREE char *sql = kg_xprintf("COPY %s %s FROM STDIN%s", t->target, t->columns,
                                        it->created ? " WITH (FREEZE)" : "");
    struct kg_rowsum_text text = { 0 };
    struct kg_rowsum want;
    uint64_t rows = 0;
    int r = kg_copy_in_begin(s->pg, sql, err);

    for (size_t i = 0; r == 0 && i < t->n_slices; i++)
        r = send_slice(s, &t->slice[i], &text, err);
    if (r == 0)
        r = kg_copy_in_end(s->pg, &rows, err);
    kg_mtable_sum(t, &want);
    if (r == 0 && !kg_rowsum_equal(&text.sum, &want))                       /* keeps (4) */
        r = kg_err_set(err, KG_E_CORRUPT, "the rows are not what the manifest says");
    if (r == 0 && rows != want.rows)
        r = kg_err_set(err, KG_E_NOT_IDENTICAL, "the server took %llu of %llu rows", (unsigned long long)rows,
                       (unsigned long long)want.rows);
    kg_rowsum_text_done(&text);
    return r;
}

static int load_table(struct session *s, const struct item *it, struct kg_err *err)
{
    const struct kg_mtable *t = it->table;
    struct kg_rowsum sum;
    int eno;

    kg_mtable_sum(t, &sum);
    if (kg_session_run(s->pg, "BEGIN", err) < 0 ||
        (it->created && kg_session_runf(s->pg, err, "TRUNCATE ONLY %s", t->target) < 0) || copy_rows(s, it, err) < 0 ||
        kg_session_run(s->pg, "COMMIT", err) < 0)
        return kg_err_wrap(err, "load table '%s.%s'", t->schema, t->name);
    if ((eno = KG_FAULT(RESTORE_DATA)))
        return kg_err_sys(err, eno, "load table '%s.%s'", t->schema, t->name);
    s->run->rows += sum.rows;
    return 0;
}

/* ---- reading back ---- */

struct read_back { struct kg_rowsum sum; struct session *s; unsigned since; };

static int read_back_row(void *ctx, const char *row, size_t n, struct kg_err *err)
{
    struct read_back *b = ctx;

    kg_rowsum_add(&b->sum, row, n);
    if (++b->since < COUNT_EVERY)
        return 0;
    b->since = 0;
    return b->s->run->stop ? kg_err_set(err, KG_E_CANCELLED, "another session of the job failed") : 0;
}

static int compare(struct session *s, const char *what, const char *sql, const struct kg_rowsum *want, struct kg_err *err)
{
    struct read_back b = { .s = s };
    int eno;

    if (kg_copy_out(s->pg, sql, read_back_row, &b, err) < 0)
        return kg_err_wrap(err, "read back %s", what);
    if ((eno = KG_FAULT(RESTORE_VERIFY)))
        return kg_err_sys(err, eno, "read back %s", what);
    if (!kg_rowsum_equal(&b.sum, want))
        return kg_err_set(err, KG_E_NOT_IDENTICAL,
                          "%s came back with %llu rows and %llu bytes where %llu rows and %llu bytes were backed up%s", what,
                          (unsigned long long)b.sum.rows, (unsigned long long)b.sum.bytes, (unsigned long long)want->rows,
                          (unsigned long long)want->bytes,
                          b.sum.rows == want->rows && b.sum.bytes == want->bytes ? ", with other contents" : "");
    return 0;
}

static int verify_table(struct session *s, const struct item *it, struct kg_err *err)
{
    const struct kg_mtable *t = it->table;
    KG_AUTO_FREE char *what = kg_xprintf("table '%s.%s'", t->schema, t->name);
    /* The columns' list is "(a, b)": as a select list its parentheses would make a row of it. */
    KG_AUTO_FREE char *list = *t->columns ? kg_xstrndup(t->columns + 1, strlen(t->columns) - 2) : NULL;
    KG_AUTO_FREE char *sql = t->condition ? kg_xprintf("COPY (SELECT %s FROM %s %s) TO STDOUT", list ? list : "",
                                                       t->target, t->condition)
                                          : kg_xprintf("COPY %s %s TO STDOUT", t->target, t->columns);
    struct kg_rowsum want;

    kg_mtable_sum(t, &want);
    return compare(s, what, sql, &want, err);
}

/* Rows that were loaded through the partitions' root may stand in other partitions now (a hash of an enum depends on
 * object ids), exactly as with stock tools: they are compared at the root, all leaves together. */
static int verify_root(struct session *s, const struct item *first, struct kg_err *err)
{
    const struct run *r = s->run;
    const struct kg_mtable *t = first->table;
    KG_AUTO_FREE char *what = kg_xprintf("partitioned table %s", t->target);
    KG_AUTO_FREE char *list = *t->columns ? kg_xstrndup(t->columns + 1, strlen(t->columns) - 2) : kg_xstrdup("");
    KG_AUTO_FREE char *sql = kg_xprintf("COPY (SELECT %s FROM %s) TO STDOUT", list, t->target);
    struct kg_rowsum want = { 0 }, one;

    for (size_t i = 0; i < r->n_items; i++) {
        const struct kg_mtable *o = r->item[i].table;

        if (!o->via_root || strcmp(o->target, t->target) != 0)
            continue;
        if (&r->item[i] < first)
            return 0;                    /* done with the first of them */
        kg_mtable_sum(o, &one);
        kg_rowsum_merge(&want, &one);
    }
    return compare(s, what, sql, &want, err);
}

static bool next_item(struct run *r, struct item **ret)
{
    bool got = false;

    pthread_mutex_lock(&r->lock);
    if (!r->failed && r->next < r->n_items && !r->item[r->next].later) {
        *ret = &r->item[r->next++];
        got = true;
    }
    pthread_mutex_unlock(&r->lock);
    return got;
}

static int load_and_verify(struct session *s, const struct item *it, struct kg_err *err)
{
    if (load_table(s, it, err) < 0)
        return -(int)err->code;
    s->run->tables_done++;
    if (s->run->spec->verify != KG_VERIFY_READ_BACK || it->table->via_root)
        return 0;
    return verify_table(s, it, err);
}

static void *session_main(void *arg)
{
    struct session *s = arg;
    struct kg_err err = { 0 };
    struct item *it;

    while (err.code == KG_E_OK && next_item(s->run, &it))
        (void)!load_and_verify(s, it, &err);
    if (err.code != KG_E_OK)
        fail_run(s->run, &err);
    s->run->running--;
    return NULL;
}

static int open_session(struct run *r, struct session *s, struct kg_err *err)
{
    s->run = r;
    if (kg_session_open(r->spec->conn, r->temp, "restore", &s->pg, err) < 0 ||
        kg_session_begin_load(s->pg, r->encoding, err) < 0 ||
        kg_source_open(r->point.reader, CACHED_SEGMENTS, &s->src, err) < 0) {
        kg_session_close(KG_TAKE(s->pg));
        return -(int)err->code;
    }
    return 0;
}

static void close_session(struct session *s)
{
    kg_source_close(KG_TAKE(s->src));
    kg_session_close(KG_TAKE(s->pg));
}

static void report(struct run *r, const char *phase)
{
    kg_events_progress(r->ev, &(struct kg_progress){ .phase = phase, .bytes_done = r->bytes, .bytes_total = r->total.bytes,
                                                     .rows = r->rows, .tables_done = r->tables_done,
                                                     .tables_total = r->n_items });
}

static void watch_sessions(struct run *r, struct session *s, unsigned n)
{
    bool cancelled = false;

    for (unsigned tick = 0; r->running > 0; tick++) {
        usleep(20000);
        if (!r->stop && kg_events_cancelled(r->ev)) {
            struct kg_err err = { 0 };

            kg_err_set(&err, KG_E_CANCELLED, "the job was cancelled");
            fail_run(r, &err);
        }
        if (r->stop && !cancelled) {
            for (unsigned i = 0; i < n; i++)
                kg_session_cancel(s[i].pg);
            cancelled = true;
        }
        if (tick % 25 == 0)
            report(r, "data");
    }
}

static unsigned jobs_wanted(const struct kg_restore_spec *spec)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = spec->jobs ? spec->jobs : cores > DEFAULT_JOBS_MAX ? DEFAULT_JOBS_MAX : cores > 0 ? (unsigned)cores : 1;

    return n > JOBS_MAX ? JOBS_MAX : n;
}

/* Tables that cannot go in parallel, and everything that can only be compared when all leaves are in. */
static int load_the_rest(struct run *r, struct session *s, struct kg_err *err)
{
    for (size_t i = 0; i < r->n_items; i++) {
        const struct item *it = &r->item[i];

        if (kg_events_check(r->ev, err) < 0 || (it->later && load_and_verify(s, it, err) < 0))
            return -(int)err->code;
        if (it->table->via_root && r->spec->verify == KG_VERIFY_READ_BACK && verify_root(s, it, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

static int run_sessions(struct run *r, struct session *s, unsigned n, struct kg_err *err)
{
    unsigned started = 0;

    r->running = n;
    for (; started < n; started++) {
        int eno = pthread_create(&s[started].thread, NULL, session_main, &s[started]);

        if (eno) {
            struct kg_err e = { 0 };

            kg_err_sys(&e, eno, "start a thread");
            fail_run(r, &e);
            r->running -= n - started;
            break;
        }
    }
    watch_sessions(r, s, started);
    for (unsigned i = 0; i < started; i++)
        pthread_join(s[i].thread, NULL);
    if (r->failed) {
        *err = r->err;
        return -(int)err->code;
    }
    return load_the_rest(r, &s[0], err);
}

static int load_rows(struct run *r, struct kg_err *err)
{
    unsigned want = jobs_wanted(r->spec), n = 0;
    KG_AUTO_FREE struct session *s = NULL;
    int ret = 0;

    if (want > r->n_items)
        want = r->n_items ? (unsigned)r->n_items : 1;
    s = kg_xalloc_array(want, sizeof *s);
    for (; n < want && ret == 0; n += ret == 0)
        ret = open_session(r, &s[n], err);
    if (ret < 0 && err->code == KG_E_DB_LIMIT && n > 0) {
        kg_events_log(r->ev, "the server allows %u of %u sessions", n, want);
        *err = (struct kg_err){ 0 };
        ret = 0;
    }
    if (ret == 0)
        ret = run_sessions(r, s, n, err);
    for (unsigned i = 0; i < n; i++)
        close_session(&s[i]);
    return ret;
}

/* ---- large objects ---- */

static int load_blob_page(void *ctx, uint32_t oid, uint64_t at, const void *page, size_t n, struct kg_err *err)
{
    return kg_blobs_in_add(ctx, oid, at, page, n, err);
}

struct blob_check { struct kg_rowsum sum; };

static int sum_page(void *ctx, uint32_t oid, const void *page, size_t n, struct kg_err *err)
{
    struct blob_check *c = ctx;
    unsigned char head[8];

    (void)err;
    for (int i = 0; i < 4; i++) {
        head[i] = (unsigned char)(oid >> 8 * i);
        head[4 + i] = (unsigned char)(n >> 8 * i);
    }
    kg_rowsum_add_pair(&c->sum, head, sizeof head, page, n);
    return 0;
}

static int load_blobs(struct run *r, struct kg_err *err)
{
    const struct kg_manifest *m = r->point.manifest;
    struct session s = { 0 };
    struct kg_blob_load *load = NULL;
    struct blob_check c = { 0 };
    int ret;

    if (!m->has_blobs || !r->whole)
        return 0;
    if (open_session(r, &s, err) < 0)
        return -(int)err->code;
    ret = kg_session_run(s.pg, "BEGIN", err);
    if (ret == 0)
        ret = kg_pg_restore_make_blobs(s.pg, r->point.archive, r->keep, r->ev, err);
    if (ret == 0 && (ret = kg_blobs_in_begin(s.pg, &load, err)) == 0) {
        ret = kg_point_blobs(r->point.reader, m, load_blob_page, load, err);
        if (ret < 0)
            kg_blobs_in_abort(load);
        else
            ret = kg_blobs_in_end(load, err);
    }
    if (ret == 0)
        ret = kg_session_run(s.pg, "COMMIT", err);
    if (ret == 0 && r->spec->verify == KG_VERIFY_READ_BACK && (ret = kg_blobs_out(s.pg, sum_page, &c, err)) == 0 &&
        !kg_rowsum_equal(&c.sum, &m->blob_sum))
        ret = kg_err_set(err, KG_E_NOT_IDENTICAL, "the large objects came back with other contents");
    close_session(&s);
    return ret < 0 ? kg_err_wrap(err, "load the large objects") : 0;
}

/* ---- all of it ---- */

static int phase(struct run *r, int id, const char *name, const char *short_name, struct kg_err *err)
{
    if (id > 1)
        kg_events_subtask(r->ev, id - 1, "", "Completed");
    kg_events_subtask(r->ev, id, name, "InProgress");
    report(r, short_name);
    return kg_events_check(r->ev, err);
}

static int analyze(struct run *r, struct kg_err *err)
{
    KG_CLEANUP(kg_session_closep) struct kg_session *s = NULL;

    if (kg_session_open(r->spec->conn, r->temp, "restore", &s, err) < 0 || kg_session_run(s, "ANALYZE", err) < 0)
        return kg_err_wrap(err, "gather statistics");
    return 0;
}

static int build(struct run *r, struct kg_err *err)
{
    unsigned jobs = jobs_wanted(r->spec);
    int eno;

    if (phase(r, 1, "Create schema", "schema", err) < 0 || sweep(r, err) < 0 || create_database(r, err) < 0 ||
        restore_steps(r, "the schema", 1u << KG_STEP_PRE, 1, err) < 0)
        return -(int)err->code;
    if ((eno = KG_FAULT(RESTORE_PRE)))
        return kg_err_sys(err, eno, "restore the schema");
    if (phase(r, 2, "Transfer data", "data", err) < 0 || make_items(r, err) < 0 || load_rows(r, err) < 0 ||
        load_blobs(r, err) < 0)
        return -(int)err->code;
    if (phase(r, 3, "Create indexes and constraints", "indexes", err) < 0 ||
        restore_steps(r, "sequences and large objects' privileges", 1u << KG_STEP_MID, 1, err) < 0 ||
        restore_steps(r, "indexes, constraints and privileges", 1u << KG_STEP_POST, jobs, err) < 0)
        return -(int)err->code;
    if ((eno = KG_FAULT(RESTORE_POST)))
        return kg_err_sys(err, eno, "restore indexes");
    if (phase(r, 4, "Analyze and publish", "publish", err) < 0 || analyze(r, err) < 0 || publish_database(r, err) < 0)
        return -(int)err->code;
    kg_events_subtask(r->ev, 4, "Analyze and publish", "Completed");
    return 0;
}

static struct kg_json *result_of(struct run *r)
{
    struct kg_json *j = kg_json_object();
    struct kg_read_stats st;

    kg_reader_stats(r->point.reader, &st);
    kg_json_set_str(j, "database", r->spec->target);
    kg_json_set_u64(j, "rows", r->total.rows);
    kg_json_set_u64(j, "bytes", r->total.bytes + (r->whole ? r->point.manifest->blob_sum.bytes : 0));
    kg_json_set_u64(j, "tables", r->n_items);
    kg_json_set_u64(j, "largeObjects", r->whole ? r->point.manifest->blob_count : 0);
    kg_json_set_bool(j, "verified", r->spec->verify == KG_VERIFY_READ_BACK);
    kg_json_set_u64(j, "bytesRead", st.stored_bytes);
    return j;
}

static void run_done(struct run *r)
{
    kg_session_close(r->admin);
    kg_point_close(&r->point);
    free(r->keep);
    free(r->item);
    free(r->encoding);
    pthread_mutex_destroy(&r->lock);
}

int kg_plugin_validate_restore(const struct kg_restore_spec *spec, const struct kg_events *ev, struct kg_err *err)
{
    struct run r = { .spec = spec, .ev = ev, .lock = PTHREAD_MUTEX_INITIALIZER };
    int ret = prepare(&r, err);

    run_done(&r);
    return ret;
}

int kg_plugin_restore(const struct kg_restore_spec *spec, const struct kg_events *ev, struct kg_json **ret_result,
                      struct kg_buf *ret_tail, struct kg_err *err)
{
    struct run r = { .spec = spec, .ev = ev, .lock = PTHREAD_MUTEX_INITIALIZER, .tail = ret_tail };
    int ret = prepare(&r, err);

    if (ret == 0)
        ret = build(&r, err);
    if (ret == 0)
        *ret_result = result_of(&r);
    else
        drop_database(&r);
    run_done(&r);
    return ret;
}
