/* How a plan is made, and what it keeps to:
 *
 *  (1) The leader's snapshot is exported before anything is looked at; pg_dump and all sessions use it.
 *  (2) The tables are locked before pg_dump runs, in ACCESS SHARE mode and never for longer than one lock timeout at a time. Who
 *      waits for a table meanwhile gets it: everything is released and begun anew.
 *  (3) pg_dump's table of contents is believed only when writing it again gives the same bytes.
 *  (4) Where the server has no room for a second lock on every table, pg_dump, stopped, keeps the locks instead of the leader.
 */
#include "pg/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/time.h"
#include "pg/plan_int.h"
#include "pg/session_int.h"
#include "sys/proc.h"

enum { LOCK_TIMEOUT_MS = 2000, LOCK_TRIES = 30, LOCKS_A_STATEMENT = 200, RETRY_PAUSE_US = 500000, TAIL = 4096 };

static bool cancelled(const struct kg_plan_opts *o) { return o->cancelled && o->cancelled(o->cancel_ctx); }

/* ---- the snapshot and the locks ---- */

static int begin_snapshot(struct kg_plan *p, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;

    if (kg_session_run(p->leader, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", err) < 0)
        return -(int)err->code;
    if (kg_session_query(p->leader, "SELECT pg_catalog.pg_export_snapshot()", 0, NULL, &rows, err) < 0)
        return kg_err_wrap(err, "export a snapshot");
    free(p->snapshot);
    p->snapshot = kg_xstrdup(kg_rows_get(rows, 0, 0));
    return 0;
}

/* Tables that pg_dump may lock: ordinary and partitioned ones, without those that only belong to an extension. */
static const char tables_sql[] =
    "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'"
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname NOT LIKE 'pg\\_temp\\_%'"
    " AND (NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
    "                  AND d.objid = c.oid AND d.deptype = 'e')"
    "      OR EXISTS (SELECT 1 FROM pg_catalog.pg_extension e WHERE c.oid = ANY (e.extconfig)))"
    " ORDER BY 1";

static int lock_some(struct kg_plan *p, const struct kg_rows *rows, int from, int to, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf sql = KG_BUF_INIT(1u << 20);

    kg_buf_adds(&sql, "LOCK TABLE ");
    for (int i = from; i < to; i++)
        kg_buf_addf(&sql, "%s%s", i > from ? ", " : "", kg_rows_get(rows, i, 0));
    kg_buf_adds(&sql, " IN ACCESS SHARE MODE");
    if (kg_buf_ok(&sql, err) < 0)
        return -(int)err->code;
    return kg_session_run(p->leader, sql.p, err);
}

static int lock_all(struct kg_plan *p, const struct kg_plan_opts *o, const struct kg_rows *rows, struct kg_err *err)
{
    int n = kg_rows_count(rows);

    if (kg_session_runf(p->leader, err, "SET LOCAL lock_timeout = %llu", (unsigned long long)o->lock_timeout_ms) < 0)
        return -(int)err->code;
    for (int i = 0; i < n; i += LOCKS_A_STATEMENT) {
        if (cancelled(o))
            return kg_err_set(err, KG_E_CANCELLED, "the job was cancelled");
        if (lock_some(p, rows, i, i + LOCKS_A_STATEMENT < n ? i + LOCKS_A_STATEMENT : n, err) < 0)
            return kg_err_wrap(err, "lock the tables");
    }
    return kg_session_run(p->leader, "SET LOCAL lock_timeout = 0", err);
}

/* Room for two locks a table (the leader's and pg_dump's), or not: keeps (4). */
static int room_for_locks(struct kg_plan *p, int tables, bool *ret, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;

    if (kg_session_query(p->leader,
                         "SELECT current_setting('max_locks_per_transaction')::bigint *"
                         " (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint)",
                         0, NULL, &rows, err) < 0)
        return -(int)err->code;
    *ret = 2.0 * tables <= 0.7 * (double)kg_rows_int(rows, 0, 0);
    return 0;
}

/* ---- pg_dump ---- */

struct dump {
    const struct kg_plan_opts *opts;
    pid_t pid;
    int out, err_fd;
    bool out_ended;
    char *block;                 /* what was read and not taken yet */
    size_t n, at;
    struct kg_buf raw;           /* everything that was taken */
    struct kg_buf said;
};
enum { BLOCK = 256 << 10 };

static void hear(struct dump *d)
{
    char text[1024];
    ssize_t n = read(d->err_fd, text, sizeof text);

    if (n <= 0 && !(n < 0 && (errno == EINTR || errno == EAGAIN))) {
        close(d->err_fd);
        d->err_fd = -1;
        return;
    }
    if (n <= 0)
        return;
    if (d->said.len + (size_t)n > TAIL) {
        memmove(d->said.p, d->said.p + d->said.len / 2, d->said.len - d->said.len / 2);
        kg_buf_cut(&d->said, d->said.len - d->said.len / 2);
    }
    kg_buf_add(&d->said, text, (size_t)n);
}

/* Waits for the next bytes of the archive, listening to what pg_dump says meanwhile so that neither pipe blocks it. */
static int fill(struct dump *d, struct kg_err *err)
{
    while (d->at == d->n) {
        struct pollfd p[2] = { { .fd = d->out, .events = POLLIN }, { .fd = d->err_fd, .events = POLLIN } };
        ssize_t got;

        if (cancelled(d->opts))
            return kg_err_set(err, KG_E_CANCELLED, "the job was cancelled");
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
            d->out_ended = true;
            return kg_err_set(err, KG_E_DUMP_FAILED, "pg_dump ended before its table of contents was complete");
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

static int start_dump(struct dump *d, const struct kg_tool *tool, const struct kg_conninfo *c, const char *database,
                      const struct kg_plan *p, struct kg_err *err)
{
    KG_AUTO_FREE char *snapshot = kg_xprintf("--snapshot=%s", p->snapshot);
    KG_AUTO_FREE char *wait = kg_xprintf("--lock-wait-timeout=%llu", (unsigned long long)d->opts->lock_timeout_ms);
    const char *const argv[] = { "pg_dump", "-Fc", "-Z0", "--no-password", snapshot, wait, NULL };
    int out[2], said[2], r;

    if (pipe2(out, O_CLOEXEC) < 0)
        return kg_err_sys(err, errno, "make a pipe");
    if (pipe2(said, O_CLOEXEC) < 0) {
        close(out[0]);
        close(out[1]);
        return kg_err_sys(err, errno, "make a pipe");
    }
    (void)fcntl(said[0], F_SETFL, O_NONBLOCK);
    d->out = out[0];
    d->err_fd = said[0];
    r = kg_tool_start(tool, c, database, argv, -1, out[1], said[1], &d->pid, err);
    close(out[1]);
    close(said[1]);
    return r;
}

/* What pg_dump said decides what went wrong: the same causes have the same codes as in our own sessions. */
static const struct { const char *text; enum kg_code code; const char *advice; } dump_causes[] = {
    { "canceling statement due to lock timeout", KG_E_DB_LOCKED, NULL },
    { "permission denied", KG_E_DB_PRIVILEGE, NULL },
    { "out of shared memory", KG_E_DB_LIMIT, "Raise max_locks_per_transaction on the server: pg_dump locks every table." },
    { "invalid snapshot identifier", KG_E_DB_POOLER, NULL },
    { "could not import the requested snapshot", KG_E_DB_POOLER, NULL },
    { "server version mismatch", KG_E_DB_VERSION, NULL },
    { "server closed the connection", KG_E_DB_CLOSED, NULL },
    { "terminating connection", KG_E_DB_CLOSED, NULL },
    { "password authentication failed", KG_E_DB_AUTH, NULL },
    { "too many clients", KG_E_DB_LIMIT, "Raise max_connections, or use fewer jobs." },
    { "row-level security", KG_E_DB_PRIVILEGE, "Use a user with BYPASSRLS." },
};

/* The line that tells most: the last that says "error". */
static void telling_line(const struct kg_buf *said, char *out, size_t size)
{
    const char *best = said->p;
    size_t n;

    for (const char *s = said->p; (s = strstr(s, "error: ")); s++)
        best = s + strlen("error: ");
    n = strcspn(best, "\n");
    snprintf(out, size, "%.*s", (int)(n < 300 ? n : 300), best);
}

static void explain_dump(struct dump *d, int status, struct kg_err *err)
{
    char line[320], how[48];
    enum kg_code code = KG_E_DUMP_FAILED;
    const char *advice = NULL;

    telling_line(&d->said, line, sizeof line);
    for (size_t i = 0; i < KG_ARRAY_LEN(dump_causes); i++)
        if (strstr(d->said.p, dump_causes[i].text)) {
            code = dump_causes[i].code;
            advice = dump_causes[i].advice;
            break;
        }
    *err = (struct kg_err){ 0 };
    kg_err_set(err, code, "pg_dump %s before its table of contents was complete%s%s", kg_proc_status_text(status, how),
               *line ? ": " : "", line);
    if (advice)
        kg_err_advise(err, "%s", advice);
    if (d->opts->pg_dump_stderr && d->said.len)
        kg_buf_add(d->opts->pg_dump_stderr, d->said.p, d->said.len);
}

static int end_dump(struct dump *d)
{
    int status = 0;

    if (d->pid > 0) {
        struct kg_err ignored = { 0 };

        /* One that has closed its output is about to exit, and how it exits is worth knowing. */
        if (!d->out_ended || kg_proc_wait(d->pid, 5 * KG_SECOND, &status, &ignored) < 0)
            status = kg_proc_end(d->pid, 2 * KG_SECOND);
        d->pid = 0;
    }
    while (d->err_fd >= 0 && poll(&(struct pollfd){ .fd = d->err_fd, .events = POLLIN }, 1, 0) > 0)
        hear(d);
    return status;
}

static void dump_done(struct dump *d)
{
    (void)end_dump(d);
    kg_closep(&d->out);
    kg_closep(&d->err_fd);
    free(d->block);
    kg_buf_done(&d->raw);
    kg_buf_done(&d->said);
}

static int check_same(const struct kg_archive *a, const struct kg_buf *raw, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf again = KG_BUF_INIT(raw->max);

    kg_archive_write(a, NULL, true, &again);
    if (again.len != raw->len || memcmp(again.p, raw->p, raw->len) != 0)
        return kg_err_set(err, KG_E_ARCHIVE, "pg_dump's table of contents cannot be written again as it was");
    for (size_t i = 0; i < a->n_entries; i++)
        if (a->entry[i].has_data && strcmp(a->entry[i].desc, "TABLE DATA") != 0 &&
            strcmp(a->entry[i].desc, "BLOBS") != 0)
            return kg_err_set(err, KG_E_ARCHIVE, "pg_dump has data of a kind that is not known: %s '%s'",
                              a->entry[i].desc, a->entry[i].tag ? a->entry[i].tag : "");
    return 0;
}

static int read_toc(struct kg_plan *p, struct dump *d, const struct kg_tool *tool, const struct kg_conninfo *c,
                    const char *database, struct kg_err *err)
{
    int eno = KG_FAULT(PG_PLAN);

    if (eno)
        return kg_err_sys(err, eno, "read from pg_dump");
    if (start_dump(d, tool, c, database, p, err) < 0)
        return -(int)err->code;
    if (kg_archive_parse(take, d, &p->archive, err) < 0) {
        bool ended = d->out_ended;
        int status = end_dump(d);

        if (ended)
            explain_dump(d, status, err);
        return -(int)err->code;
    }
    if (kg_buf_ok(&d->raw, err) < 0)
        return -(int)err->code;
    return check_same(p->archive, &d->raw, err);
}

/* ---- one try ---- */

/* A pg_dump that holds the locks is stopped, so that it neither goes on nor ends; one that has ended already is replaced by
 * the leader, for which there is room now. */
static int keep_locks(struct kg_plan *p, struct dump *d, const struct kg_plan_opts *o, const struct kg_rows *tables,
                      struct kg_err *err)
{
    int status;

    if (kill(d->pid, SIGSTOP) == 0 && waitpid(d->pid, &status, WNOHANG | WUNTRACED) >= 0 && !d->out_ended) {
        usleep(1000);
        if (kill(d->pid, 0) == 0 && waitpid(d->pid, &status, WNOHANG) == 0) {
            p->lock_holder = d->pid;
            p->lock_pipe = KG_TAKE_FD(d->out);
            d->pid = 0;
            return 0;
        }
        d->pid = 0;                      /* it had ended, and has been reaped */
    }
    return lock_all(p, o, tables, err);
}

static int try_once(struct kg_plan *p, const struct kg_conninfo *c, const char *database, const struct kg_plan_opts *o,
                    const struct kg_tool *tool, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *tables = NULL;
    KG_CLEANUP(dump_done) struct dump d = { .opts = o, .out = -1, .err_fd = -1, .block = kg_xalloc(BLOCK),
                                            .raw = KG_BUF_INIT((size_t)2 << 30), .said = KG_BUF_INIT(2 * TAIL) };
    bool room = false;

    if (begin_snapshot(p, err) < 0 || kg_session_query(p->leader, tables_sql, 0, NULL, &tables, err) < 0 ||
        room_for_locks(p, kg_rows_count(tables), &room, err) < 0)
        return -(int)err->code;
    if (room && lock_all(p, o, tables, err) < 0)
        return -(int)err->code;
    if (read_toc(p, &d, tool, c, database, err) < 0)
        return -(int)err->code;
    return room ? 0 : keep_locks(p, &d, o, tables, err);
}

/* Somebody holds a lock, or dropped a table between our look and our lock: begin anew, with a new snapshot. */
static bool worth_another(const struct kg_err *e)
{
    return e->code == KG_E_DB_LOCKED || (e->code == KG_E_DB_ERROR && strstr(e->msg, "does not exist"));
}

static int make_consistent(struct kg_plan *p, const struct kg_conninfo *c, const char *database,
                           const struct kg_plan_opts *o, const struct kg_tool *tool, struct kg_err *err)
{
    for (unsigned i = 1;; i++) {
        struct kg_err ignored = { 0 };

        if (try_once(p, c, database, o, tool, err) == 0)
            return 0;
        kg_archive_free(KG_TAKE(p->archive));
        if (!worth_another(err) || i >= o->lock_tries || cancelled(o))
            return -(int)err->code;
        *err = (struct kg_err){ 0 };
        if (kg_session_run(p->leader, "ROLLBACK", &ignored) < 0) {
            *err = ignored;
            return -(int)err->code;
        }
        usleep(RETRY_PAUSE_US);
    }
}

/* ---- the tables ---- */

/* The two names of a target as written, without quotes, compared with what pg_dump calls the table. */
static bool target_is(const char *target, const char *schema, const char *name)
{
    KG_AUTO_FREE char *plain = kg_xalloc(strlen(target) + 1);
    size_t n = 0, dot = 0;
    bool quoted = false, have_dot = false;

    for (const char *s = target; *s; s++) {
        if (*s == '"' && quoted && s[1] == '"')
            plain[n++] = *s++;
        else if (*s == '"')
            quoted = !quoted;
        else if (*s == '.' && !quoted) {
            have_dot = true;
            dot = n;
        } else {
            plain[n++] = *s;
        }
    }
    return have_dot && strlen(schema) == dot && memcmp(plain, schema, dot) == 0 && strcmp(plain + dot, name) == 0;
}

static int add_table(struct kg_plan *p, const struct kg_toc_entry *e, struct kg_err *err)
{
    struct kg_plan_table *t = &p->table[p->n_tables];

    if (!e->schema || !e->tag || !e->oid)
        return kg_err_set(err, KG_E_ARCHIVE, "entry %d of the table of contents has no name", e->dump_id);
    if (kg_toc_copy_parts(e, &t->target, &t->columns, err) < 0)
        return -(int)err->code;
    t->entry = e;
    t->oid = (uint32_t)strtoul(e->oid, NULL, 10);
    t->schema = e->schema;
    t->name = e->tag;
    t->via_root = !target_is(t->target, e->schema, e->tag);
    p->n_tables++;
    return 0;
}

static int by_oid(const void *a, const void *b)
{
    const struct kg_plan_table *const *x = a, *const *y = b;

    return (*x)->oid < (*y)->oid ? -1 : (*x)->oid > (*y)->oid;
}

static const char sizes_sql[] =
    "SELECT c.oid, c.relkind, pg_catalog.pg_relation_size(c.oid) / current_setting('block_size')::bigint,"
    " pg_catalog.pg_table_size(c.oid),"
    " (SELECT e.extcondition[pg_catalog.array_position(e.extconfig, c.oid)] FROM pg_catalog.pg_extension e"
    "  WHERE c.oid = ANY (e.extconfig) LIMIT 1)"
    " FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1::pg_catalog.oid[])";

static int measure_tables(struct kg_plan *p, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf oids = KG_BUF_INIT(256u << 20);
    KG_AUTO_FREE struct kg_plan_table **sorted = kg_xalloc_array(p->n_tables, sizeof *sorted);
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    const char *params[1];

    kg_buf_adds(&oids, "{");
    for (size_t i = 0; i < p->n_tables; i++) {
        kg_buf_addf(&oids, "%s%u", i ? "," : "", p->table[i].oid);
        sorted[i] = &p->table[i];
    }
    kg_buf_adds(&oids, "}");
    if (kg_buf_ok(&oids, err) < 0)
        return -(int)err->code;
    qsort(sorted, p->n_tables, sizeof *sorted, by_oid);
    params[0] = oids.p;
    if (kg_session_query(p->leader, sizes_sql, 1, params, &rows, err) < 0)
        return kg_err_wrap(err, "measure the tables");
    for (int i = 0; i < kg_rows_count(rows); i++) {
        struct kg_plan_table key = { .oid = (uint32_t)kg_rows_int(rows, i, 0) }, *k = &key;
        struct kg_plan_table **at = bsearch(&k, sorted, p->n_tables, sizeof *sorted, by_oid);
        const char *condition = kg_rows_get(rows, i, 4);

        if (!at)
            continue;
        (*at)->relkind = kg_rows_get(rows, i, 1)[0];
        (*at)->pages = (uint32_t)kg_rows_int(rows, i, 2);
        (*at)->bytes = (uint64_t)kg_rows_int(rows, i, 3);
        if (condition && *condition)
            (*at)->condition = kg_xstrdup(condition);
    }
    return 0;
}

static int list_tables(struct kg_plan *p, struct kg_err *err)
{
    const struct kg_archive *a = p->archive;

    p->table = kg_xalloc_array(a->n_entries, sizeof *p->table);
    for (size_t i = 0; i < a->n_entries; i++) {
        if (!a->entry[i].has_data)
            continue;
        if (strcmp(a->entry[i].desc, "BLOBS") == 0)
            p->has_blobs = true;
        else if (add_table(p, &a->entry[i], err) < 0)
            return -(int)err->code;
    }
    return measure_tables(p, err);
}

int kg_plan_make(const struct kg_conninfo *c, const char *database, const struct kg_plan_opts *opts, struct kg_plan **ret,
                 struct kg_err *err)
{
    KG_CLEANUP(kg_plan_freep) struct kg_plan *p = kg_xalloc(sizeof *p);
    struct kg_plan_opts o = *opts;
    struct kg_tool tool;

    o.lock_timeout_ms = o.lock_timeout_ms ? o.lock_timeout_ms : LOCK_TIMEOUT_MS;
    o.lock_tries = o.lock_tries ? o.lock_tries : LOCK_TRIES;
    p->lock_pipe = -1;
    if (kg_session_open(c, database, "backup leader", &p->leader, err) < 0)
        return -(int)err->code;
    p->server_version = kg_session_version(p->leader);
    p->tid_range_scan = p->server_version >= 140000;
    if (kg_tool_find("pg_dump", o.bin_dir, p->server_version / 10000, &tool, err) < 0 ||
        kg_session_dump_settings(p->leader, err) < 0 || make_consistent(p, c, database, &o, &tool, err) < 0 ||
        list_tables(p, err) < 0 || kg_plan_facts(p, &tool, err) < 0 ||
        kg_session_set_encoding(p->leader, kg_archive_encoding(p->archive), err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(p);
    return 0;
}

void kg_plan_free(struct kg_plan *p)
{
    if (!p)
        return;
    if (p->lock_holder > 0) {
        (void)kill(-p->lock_holder, SIGTERM);
        (void)kill(-p->lock_holder, SIGCONT);
        (void)kg_proc_end(p->lock_holder, 2 * KG_SECOND);
    }
    kg_closep(&p->lock_pipe);
    for (size_t i = 0; i < p->n_tables; i++) {
        free(p->table[i].target);
        free(p->table[i].columns);
        free(p->table[i].condition);
    }
    free(p->table);
    free(p->snapshot);
    kg_archive_free(p->archive);
    kg_json_free(p->facts);
    kg_session_close(p->leader);
    free(p);
}

/* ---- reading a table ---- */

char *kg_plan_copy_sql(const struct kg_plan_table *t, uint32_t from, uint32_t to)
{
    KG_AUTO_FREE char *schema = kg_quote_ident(t->schema);
    KG_AUTO_FREE char *name = kg_quote_ident(t->name);
    size_t n = strlen(t->columns);
    KG_AUTO_FREE char *list = n > 2 ? kg_xstrndup(t->columns + 1, n - 2) : kg_xstrdup("");

    if (to)
        return kg_xprintf("COPY (SELECT %s FROM ONLY %s.%s WHERE ctid >= '(%u,0)' AND ctid < '(%u,0)') TO STDOUT", list,
                          schema, name, from, to);
    if (t->condition)
        return kg_xprintf("COPY (SELECT %s FROM %s.%s %s) TO STDOUT", list, schema, name, t->condition);
    if (t->relkind == 'f')
        return kg_xprintf("COPY (SELECT %s FROM %s.%s) TO STDOUT", list, schema, name);
    return kg_xprintf("COPY %s.%s %s TO STDOUT", schema, name, t->columns);
}

/* One round trip: a wide schema has thousands of these. The name is looked up anew once the lock is held, because what it
 * means may have changed since pg_dump saw it. */
int kg_plan_lock(struct kg_session *s, const struct kg_plan_table *t, struct kg_err *err)
{
    KG_AUTO_FREE char *schema = kg_quote_ident(t->schema);
    KG_AUTO_FREE char *name = kg_quote_ident(t->name);
    KG_AUTO_FREE char *full = kg_xprintf("%s.%s", schema, name);
    KG_AUTO_FREE char *literal = kg_quote_literal(full);
    KG_AUTO_FREE char *sql = NULL;
    struct kg_err ignored = { 0 };

    if (t->relkind != 'r')
        return 0;                        /* foreign tables take no LOCK TABLE */
    sql = kg_xprintf("SAVEPOINT keepgres; LOCK TABLE %s IN ACCESS SHARE MODE NOWAIT; RELEASE SAVEPOINT keepgres;"
                     "SELECT 1 / (%s::pg_catalog.regclass::pg_catalog.oid = %u)::int", full, literal, t->oid);
    if (kg_session_run(s, sql, err) == 0)
        return 0;
    if (err->code == KG_E_DB_LOCKED)
        (void)!kg_session_run(s, "ROLLBACK TO SAVEPOINT keepgres", &ignored);
    return kg_err_wrap(err, "lock table %s", full);
}
