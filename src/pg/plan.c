/* pg/plan.c - how a plan is made, and what it keeps to:
 *
 *  (1) Locks first, snapshot second: the leader's snapshot is taken when it holds ACCESS SHARE on every table that was
 *      there, so nothing that rewrites a table (TRUNCATE, ALTER) can come between what the snapshot sees and what the
 *      files hold. Tables made meanwhile are locked right behind.
 *  (2) No lock is waited for longer than one lock timeout while others are held. Who holds or waits for a table in the
 *      way gets it: everything is released, and a new try begins with a new snapshot.
 *  (3) Where the server has no room for two locks on every table, pg_dump, stopped, keeps the locks instead of the leader.
 *      The leader then waits for a lock no longer than LEADER_TIMEOUT: it might wait for somebody who waits for pg_dump,
 *      who waits for us, and no server sees that circle. A stopped program does not notice when its session ends, so that
 *      session is remembered, and looked for again before anything is committed.
 *  (4) Names that go into a manifest are UTF-8. An archive whose names are not is asked for again in UTF-8. */
#include "pg/plan.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "base/time.h"
#include "pg/internal.h"
#include "pg/plan_int.h"
#include "pg/toc.h"

enum { LOCK_TIMEOUT_MS = 2000, LOCK_TRIES = 30, LOCK_SQL_MAX = 64 << 10, RETRY_PAUSE_MS = 500 };
#define LEADER_TIMEOUT "10s"

struct making {
    struct kg_plan *p;
    const struct kg_conninfo *conn;
    const char *database;
    struct kg_plan_opts o;
    struct kg_tool tool;
    bool utf8;                           /* see (4) */
};

static int check_cancelled(const struct making *m, struct kg_err *err)
{
    if (!m->o.cancelled || !m->o.cancelled(m->o.cancel_ctx))
        return 0;
    return kg_err_set(err, KG_E_CANCELLED, "planning was stopped because the job was cancelled");
}

/* ---- the locks and the snapshot ---- */

/* Tables that pg_dump may lock: ordinary and partitioned ones, without those that only belong to an extension. */
static const char tables_sql[] =
    "SELECT (pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)) COLLATE \"C\" FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'"
    " AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"
    " AND (NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
    "                  AND d.objid = c.oid AND d.deptype = 'e')"
    "      OR EXISTS (SELECT 1 FROM pg_catalog.pg_extension e WHERE c.oid = ANY (e.extconfig)))"
    " ORDER BY 1";

static int list_lockable(struct making *m, struct kg_rows **ret, struct kg_err *err)
{
    if (kg_session_query(m->p->leader, tables_sql, 0, NULL, ret, err) < 0)
        return kg_err_wrap(err, "list the tables");
    return 0;
}

/* Room for two locks a table (the leader's and pg_dump's), or not: see (3). */
static int room_for_locks(struct making *m, int tables, bool *ret, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;

    if (kg_session_query(m->p->leader,
                         "SELECT pg_catalog.current_setting('max_locks_per_transaction')::pg_catalog.int8 *"
                         " (pg_catalog.current_setting('max_connections')::pg_catalog.int8 +"
                         " pg_catalog.current_setting('max_prepared_transactions')::pg_catalog.int8)", 0, NULL, &rows, err) < 0)
        return kg_err_wrap(err, "ask for the size of the lock table");
    *ret = 2.0 * tables <= 0.7 * (double)kg_rows_int(rows, 0, 0);
    return 0;
}

static int lock_statement(struct making *m, struct kg_buf *sql, struct kg_err *err)
{
    kg_buf_adds(sql, " IN ACCESS SHARE MODE");
    if (check_cancelled(m, err) < 0 || kg_buf_ok(sql, err) < 0 || kg_session_run(m->p->leader, sql->p, err) < 0)
        return -(int)err->code;
    kg_buf_reset(sql);
    return 0;
}

/* Locks what is in rows and not in before (both in the same order). before may be NULL. */
static int lock_tables(struct making *m, const struct kg_rows *rows, const struct kg_rows *before, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf sql = KG_BUF_INIT(2 * LOCK_SQL_MAX);
    int n_before = before ? kg_rows_count(before) : 0;

    for (int i = 0, k = 0; i < kg_rows_count(rows); i++) {
        const char *name = kg_rows_get(rows, i, 0);

        while (k < n_before && strcmp(kg_rows_get(before, k, 0), name) < 0)
            k++;
        if (k < n_before && strcmp(kg_rows_get(before, k, 0), name) == 0)
            continue;
        /* ONLY: the parts of a partitioned table stand in the list themselves. */
        kg_buf_addf(&sql, "%s ONLY %s", sql.len ? "," : "LOCK TABLE", name);
        if (sql.len >= LOCK_SQL_MAX && lock_statement(m, &sql, err) < 0)
            return -(int)err->code;
    }
    return sql.len ? lock_statement(m, &sql, err) : 0;
}

static int lock_all(struct making *m, const struct kg_rows *rows, const struct kg_rows *before, struct kg_err *err)
{
    if (kg_session_runf(m->p->leader, err, "SET LOCAL lock_timeout = %llu", (unsigned long long)m->o.lock_timeout_ms) < 0)
        return -(int)err->code;
    if (lock_tables(m, rows, before, err) < 0) {
        if (err->code == KG_E_DB_PRIVILEGE)
            kg_err_advise(err, "Grant the backup user SELECT on every table: GRANT pg_read_all_data TO the user (PostgreSQL 14 "
                          "and newer), or make it a member of the owners.");
        return kg_err_wrap(err, "lock the tables");
    }
    return kg_session_run(m->p->leader, "SET LOCAL lock_timeout = 0", err);
}

static int export_snapshot(struct making *m, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;

    m->p->time = kg_now_wall(); /* before it: what was committed by then is in */
    if (kg_session_query(m->p->leader,
                         "SELECT pg_catalog.pg_export_snapshot(), pg_catalog.to_char(pg_catalog.clock_timestamp() AT TIME ZONE 'UTC',"
                         " 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')", 0, NULL, &rows, err) < 0)
        return kg_err_wrap(err, "export a snapshot");
    free(m->p->snapshot);
    m->p->snapshot = kg_xstrdup(kg_rows_get(rows, 0, 0));
    free(m->p->server_time);
    m->p->server_time = kg_xstrdup(kg_rows_get(rows, 0, 1));
    return 0;
}

/* ---- the table of contents ---- */

static bool utf8(const char *s) { return !s || kg_utf8_valid(s, strlen(s)); }

static bool ascii(const char *s)
{
    for (; s && *s; s++)
        if (*s & 0x80)
            return false;
    return true;
}

/* SQL_ASCII converts nothing: whatever stands in a name then comes as it is. */
static bool names_are_utf8(const struct kg_archive *a)
{
    const char *encoding = kg_archive_encoding(a);
    bool (*good)(const char *) = strcmp(encoding, "UTF8") == 0 || strcmp(encoding, "SQL_ASCII") == 0 ? utf8 : ascii;

    for (size_t i = 0; i < a->n_entries; i++) {
        const struct kg_toc_entry *e = &a->entry[i];

        if (!good(e->owner) || (e->has_data && (!good(e->schema) || !good(e->tag) || !good(e->copy))))
            return false;
    }
    return true;
}

static int read_toc(struct making *m, bool keep, struct kg_err *err)
{
    struct kg_toc_run t = { .tool = &m->tool, .conn = m->conn, .database = m->database, .snapshot = m->p->snapshot,
                            .utf8 = m->utf8, .keep = keep, .opts = &m->o };

    if (kg_toc_read(&t, &m->p->archive, &m->p->lock_holder, &m->p->lock_pipe, err) < 0)
        return -(int)err->code;
    if (names_are_utf8(m->p->archive))
        return 0;
    if (m->utf8)
        return kg_err_set(err, KG_E_DB_ENCODING, "a table, column or role has a name that is not valid in the database's encoding");
    m->utf8 = true;                              /* keeps (4) */
    kg_toc_release(m->p->lock_holder, m->p->lock_pipe);
    kg_archive_free(KG_TAKE(m->p->archive));
    return read_toc(m, keep, err);
}

/* ---- who keeps the locks ---- */

/* What tells one session of a server from every other, an earlier or later one of the same process id included. */
#define SESSION_SQL "pid || ' ' || backend_start || ' ' || xact_start"

/* A transaction sees the activity as it was at its first look, until told to look again. */
static int ask_activity(struct kg_session *s, const char *sql, const char *param, struct kg_rows **ret, struct kg_err *err)
{
    if (kg_session_run(s, "SELECT pg_catalog.pg_stat_clear_snapshot()", err) < 0)
        return -(int)err->code;
    return kg_session_query(s, sql, 1, &param, ret, err);
}

static int holder_gone(struct kg_err *err)
{
    kg_err_set(err, KG_E_DB_CLOSED, "the session of pg_dump that held the tables' locks is gone");
    return -KG_E_DB_CLOSED;
}

static int note_holder(struct kg_plan *p, struct kg_err *err)
{
    KG_AUTO_FREE char *name = kg_xprintf("keepgres pg_dump %s", p->snapshot);
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;

    if (ask_activity(p->leader, "SELECT " SESSION_SQL " FROM pg_catalog.pg_stat_activity WHERE application_name = $1", name, &rows,
                     err) < 0)
        return kg_err_wrap(err, "look for pg_dump's session");
    if (kg_rows_count(rows) != 1 || !kg_rows_get(rows, 0, 0))
        return holder_gone(err);
    p->lock_session = kg_xstrdup(kg_rows_get(rows, 0, 0));
    return 0;
}

int kg_plan_check_locks(struct kg_plan *p, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;

    /* libpq never reconnects by itself: a leader that answers is in its transaction still. */
    if (!p->lock_holder)
        return kg_session_run(p->leader, "SELECT 1", err) < 0 ? kg_err_wrap(err, "the session that held the tables' locks is gone") : 0;
    if (ask_activity(p->leader, "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE " SESSION_SQL " = $1", p->lock_session, &rows,
                     err) < 0)
        return kg_err_wrap(err, "look for the session that holds the tables' locks");
    return kg_rows_count(rows) == 1 ? 0 : holder_gone(err);
}

/* ---- one try ---- */

static int try_once(struct making *m, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *before = NULL;
    KG_CLEANUP(kg_rows_freep) struct kg_rows *tables = NULL;
    struct kg_plan *p = m->p;
    bool room = false;

    if (list_lockable(m, &before, err) < 0 || room_for_locks(m, kg_rows_count(before), &room, err) < 0 ||
        kg_session_begin_dump(p->leader, "UTF8", NULL, err) < 0)
        return -(int)err->code;
    if ((room && lock_all(m, before, NULL, err) < 0) || export_snapshot(m, err) < 0 || /* keeps (1) */
        list_lockable(m, &tables, err) < 0 || (room && lock_all(m, tables, before, err) < 0) || read_toc(m, !room, err) < 0)
        return -(int)err->code;
    if (p->lock_holder)
        return kg_session_run(p->leader, "SET lock_timeout = '" LEADER_TIMEOUT "'", err) < 0 ? -(int)err->code /* keeps (3) */
                                                                                           : note_holder(p, err);
    /* A small pg_dump may have ended before it could be stopped: then there is room for the leader's locks. */
    return room ? 0 : lock_all(m, tables, NULL, err);
}

/* Somebody holds a lock, or dropped a table between our look and our lock. */
static bool worth_another(const struct kg_err *e)
{
    return e->code == KG_E_DB_LOCKED || strstr(e->msg, "(SQLSTATE 42P01)") || strstr(e->msg, "(SQLSTATE 3F000)");
}

/* Who is in the way: the message of a lock timeout does not say it. Called outside a transaction. */
static void name_holder(struct making *m, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    struct kg_err ignored = { 0 };

    if (kg_session_query(m->p->leader,
                         "SELECT n.nspname || '.' || c.relname, l.pid, pg_catalog.left(a.query, 100) FROM pg_catalog.pg_locks l"
                         " JOIN pg_catalog.pg_class c ON c.oid = l.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                         " LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid"
                         " WHERE l.mode = 'AccessExclusiveLock' AND c.relkind IN ('r', 'p') AND l.database ="
                         " (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
                         " ORDER BY l.granted DESC, 1 LIMIT 1", 0, NULL, &rows, &ignored) < 0 || kg_rows_count(rows) == 0)
        return;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4096);
    kg_text_add_printable(&b, kg_rows_get(rows, 0, 2) ? kg_rows_get(rows, 0, 2) : "");
    kg_err_wrap(err, "table '%s' is locked by server process %s (%s)", kg_rows_get(rows, 0, 0), kg_rows_get(rows, 0, 1), b.p);
}

static int make_consistent(struct making *m, struct kg_err *err)
{
    for (unsigned i = 1; try_once(m, err) < 0; i++) {
        struct kg_err ignored = { 0 };

        kg_archive_free(KG_TAKE(m->p->archive));
        kg_toc_release(m->p->lock_holder, m->p->lock_pipe);
        m->p->lock_holder = 0;
        m->p->lock_pipe = -1;
        free(KG_TAKE(m->p->lock_session));
        if (err->code == KG_E_CANCELLED || kg_session_run(m->p->leader, "ROLLBACK", &ignored) < 0)
            return -(int)err->code;
        if (!worth_another(err))
            return -(int)err->code;
        if (i >= m->o.lock_tries) {
            if (err->code == KG_E_DB_LOCKED)
                name_holder(m, err);
            return kg_err_wrap(err, "gave up after %u tries", i);
        }
        *err = (struct kg_err){ 0 };
        for (int k = 0; k < RETRY_PAUSE_MS; k += 50) { /* keeps (2): nothing is held now */
            if (check_cancelled(m, err) < 0)
                return -(int)err->code;
            usleep(50 * 1000);
        }
    }
    return 0;
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
    uint64_t oid;

    if (!e->schema || !e->tag || !e->oid)
        return kg_err_set(err, KG_E_ARCHIVE, "entry %d of the table of contents has no name", e->dump_id);
    t->entry = e;
    if (kg_parse_range(e->oid, 1, UINT32_MAX, &oid, err) < 0)
        return kg_err_wrap(err, "archive, entry %d", e->dump_id);
    t->oid = (uint32_t)oid;
    t->schema = e->schema;
    t->name = e->tag;
    if (kg_toc_copy_parts(e, &t->target, &t->columns, err) < 0)
        return -(int)err->code;
    t->via_root = !target_is(t->target, e->schema, e->tag);
    p->n_tables++;
    return 0;
}

static int by_oid(const void *a, const void *b)
{
    const struct kg_plan_table *const *x = a, *const *y = b;

    return (*x)->oid < (*y)->oid ? -1 : (*x)->oid > (*y)->oid;
}

/* $2: estimates only, because measuring takes a lock for a moment that the leader does not hold, see (3). Not
 * pg_table_size(), which asks the disk a dozen times for each table. */
static const char sizes_sql[] =
    "SELECT c.oid, c.relkind, m.bytes / b.size,"
    " m.bytes + CASE WHEN $2::pg_catalog.bool OR c.reltoastrelid = 0 THEN 0 ELSE pg_catalog.pg_relation_size(c.reltoastrelid) END,"
    " (SELECT e.extcondition[pg_catalog.array_position(e.extconfig, c.oid)] FROM pg_catalog.pg_extension e"
    "  WHERE c.oid = ANY (e.extconfig) LIMIT 1)"
    " FROM (SELECT pg_catalog.current_setting('block_size')::pg_catalog.int8) b(size),"
    " pg_catalog.unnest($1::pg_catalog.oid[]) u(oid) JOIN pg_catalog.pg_class c ON c.oid = u.oid,"
    " LATERAL (SELECT CASE WHEN $2::pg_catalog.bool THEN GREATEST(c.relpages, 0) * b.size"
    "  ELSE pg_catalog.pg_relation_size(c.oid) END) m(bytes)";

static int measure_tables(struct kg_plan *p, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf oids = KG_BUF_INIT(256u << 20);
    KG_AUTO_FREE struct kg_plan_table **sorted = kg_xalloc_array(p->n_tables, sizeof *sorted);
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    const char *params[2] = { NULL, p->lock_holder ? "t" : "f" };

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
    if (kg_session_query(p->leader, sizes_sql, 2, params, &rows, err) < 0)
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
        if (!utf8((*at)->condition))
            return kg_err_set(err, KG_E_DB_ENCODING, "the condition of the extension's table '%s.%s' is not in UTF-8",
                              (*at)->schema, (*at)->name);
    }
    for (size_t i = 0; i < p->n_tables; i++)
        if (!p->table[i].relkind)
            return kg_err_set(err, KG_E_ARCHIVE, "pg_dump has data of table '%s.%s', which is not there", p->table[i].schema,
                              p->table[i].name);
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
    return 0;
}

int kg_plan_make(const struct kg_conninfo *c, const char *database, const struct kg_plan_opts *opts, struct kg_plan **ret,
                 struct kg_err *err)
{
    KG_CLEANUP(kg_plan_freep) struct kg_plan *p = kg_xalloc(sizeof *p);
    struct making m = { .p = p, .conn = c, .database = database, .o = *opts };

    m.o.lock_timeout_ms = opts->lock_timeout_ms ? opts->lock_timeout_ms : LOCK_TIMEOUT_MS;
    m.o.lock_tries = opts->lock_tries ? opts->lock_tries : LOCK_TRIES;
    p->lock_pipe = -1;
    if (kg_session_open(c, database, "backup leader", &p->leader, err) < 0)
        return -(int)err->code;
    p->server_version = kg_session_version(p->leader);
    p->tid_range_scan = p->server_version >= 140000;
    if (kg_tool_find("pg_dump", m.o.bin_dir, p->server_version / 10000, &m.tool, err) < 0)
        return kg_err_wrap(err, "the server is PostgreSQL %d.%d", p->server_version / 10000, p->server_version % 10000);
    if (make_consistent(&m, err) < 0 || list_tables(p, err) < 0 || kg_plan_facts(p, &m.tool, err) < 0 ||
        kg_session_set_encoding(p->leader, kg_archive_encoding(p->archive), err) < 0 || measure_tables(p, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(p);
    return 0;
}

void kg_plan_free(struct kg_plan *p)
{
    if (!p)
        return;
    kg_toc_release(p->lock_holder, p->lock_pipe);
    for (size_t i = 0; i < p->n_tables; i++) {
        free(p->table[i].target);
        free(p->table[i].columns);
        free(p->table[i].condition);
    }
    free(p->table);
    free(p->snapshot);
    free(p->server_time);
    free(p->lock_session);
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

    if (to && to != UINT32_MAX)
        return kg_xprintf("COPY (SELECT %s FROM ONLY %s.%s WHERE ctid >= '(%u,0)' AND ctid < '(%u,0)') TO STDOUT", list,
                          schema, name, from, to);
    if (from) /* to the end, however far it has grown */
        return kg_xprintf("COPY (SELECT %s FROM ONLY %s.%s WHERE ctid >= '(%u,0)') TO STDOUT", list, schema, name, from);
    if (t->condition)
        return kg_xprintf("COPY (SELECT %s FROM %s.%s %s) TO STDOUT", list, schema, name, t->condition);
    if (t->relkind == 'f')
        return kg_xprintf("COPY (SELECT %s FROM %s.%s) TO STDOUT", list, schema, name);
    return kg_xprintf("COPY %s.%s %s TO STDOUT", schema, name, t->columns);
}

/* One round trip, for a wide schema has thousands of these. The savepoint is rolled back to at the next table, which gives
 * the locks of the last one back: a session never holds more than one table's. The name is looked up once the lock is held,
 * because what it means may have changed since pg_dump saw it. */
int kg_plan_lock(struct kg_session *s, const struct kg_plan_table *t, struct kg_err *err)
{
    KG_AUTO_FREE char *schema = kg_quote_ident(t->schema);
    KG_AUTO_FREE char *name = kg_quote_ident(t->name);
    KG_AUTO_FREE char *full = kg_xprintf("%s.%s", schema, name);
    KG_AUTO_FREE char *literal = kg_quote_literal(full);
    const char *before = s->savepoint ? "ROLLBACK TO SAVEPOINT keepgres" : "SAVEPOINT keepgres";
    KG_AUTO_FREE char *sql = NULL;
    KG_AUTO_RESULT PGresult *res = NULL;
    struct kg_err ignored = { 0 };

    /* A foreign table takes no LOCK TABLE, and has to be exempt from what kg_session_begin_dump() forbids. */
    if (t->relkind == 'f')
        sql = kg_xprintf("%s; SELECT pg_catalog.set_config(name, 'view', true) FROM pg_catalog.pg_settings"
                         " WHERE name = 'restrict_nonsystem_relation_kind'; SELECT pg_catalog.to_regclass(%s)::pg_catalog.oid",
                         before, literal);
    else
        sql = kg_xprintf("%s; LOCK TABLE ONLY %s IN ACCESS SHARE MODE NOWAIT;"
                         "SELECT pg_catalog.to_regclass(%s)::pg_catalog.oid", before, full, literal);
    if (kg_session_exec(s, sql, PGRES_TUPLES_OK, &res, err) < 0) {
        if (err->code != KG_E_DB_CLOSED && kg_session_run(s, "ROLLBACK TO SAVEPOINT keepgres", &ignored) == 0)
            s->savepoint = true;
        return kg_err_wrap(err, "lock table '%s.%s'", t->schema, t->name);
    }
    s->savepoint = true;
    KG_AUTO_FREE char *oid = kg_xprintf("%u", t->oid);
    if (PQntuples(res) != 1 || strcmp(PQgetvalue(res, 0, 0), oid) != 0)
        return kg_err_set(err, KG_E_DB_ERROR, "table '%s.%s' was replaced by another one during the backup", t->schema, t->name);
    return 0;
}
