/* Keeps to:
 *  (1) A table that the archive creates is loaded in the transaction that truncates it, so that COPY FREEZE is allowed.
 *  (2) What was sent is compared with the manifest before the transaction commits. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "plugin/load_int.h"

enum { CACHED_SEGMENTS = 3, COUNT_EVERY = 64, PART_BYTES = 64 << 20 };

/* ---- sessions ---- */

int kg_load_session_open(struct kg_load_session *s, struct kg_err *err)
{
    if (kg_session_open(s->spec->conn, s->spec->database, "restore", &s->pg, err) < 0 ||
        kg_session_begin_load(s->pg, kg_archive_encoding(s->spec->point->archive), err) < 0 ||
        kg_source_open(s->spec->point->reader, CACHED_SEGMENTS, &s->src, err) < 0) {
        kg_session_close(KG_TAKE(s->pg));
        return -(int)err->code;
    }
    kg_source_trust_chunks(s->src);      /* every row is summed and compared */
    return 0;
}

void kg_load_session_close(struct kg_load_session *s)
{
    kg_source_close(KG_TAKE(s->src));
    kg_session_close(KG_TAKE(s->pg));
}

/* ---- rows ---- */

static void count(struct kg_load_session *s, uint64_t bytes, uint64_t rows)
{
    atomic_fetch_add_explicit(s->bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(s->rows, rows, memory_order_relaxed);
    if (s->mark != KG_NO_MARK)
        kg_tables_count(s->tables, (size_t)s->mark, bytes, rows);
}

static int send_slice(struct kg_load_session *s, const struct kg_slice *sl, struct kg_rowsum_text *text, struct kg_err *err)
{
    const void *data;
    size_t n;

    if (kg_source_begin(s->src, &sl->stream, err) < 0)
        return -(int)err->code;
    for (;;) {
        if (kg_source_next(s->src, &data, &n, err) < 0)
            return -(int)err->code;
        if (!n)
            break;
        if (*s->stop)
            return kg_err_set(err, KG_E_CANCELLED, "another session of the job failed");
        kg_rowsum_text_add(text, data, n);
        if (kg_copy_in_add(s->pg, data, n, err) < 0)
            return -(int)err->code;
        count(s, n, 0);
    }
    count(s, 0, sl->sum.rows);
    return 0;
}

static int copy_rows(struct kg_load_session *s, const struct kg_load_item *it, size_t from, size_t to, bool freeze,
                     struct kg_err *err)
{
    const struct kg_mtable *t = it->table;
    KG_AUTO_FREE char *sql = kg_xprintf("COPY %s %s FROM STDIN%s", it->target, t->columns, freeze ? " WITH (FREEZE)" : "");
    struct kg_rowsum_text text = { 0 };
    struct kg_rowsum want = { 0 };
    uint64_t rows = 0;
    int r = kg_copy_in_begin(s->pg, sql, err);

    for (size_t i = from; r == 0 && i < to; i++) {
        r = send_slice(s, &t->slice[i], &text, err);
        kg_rowsum_merge(&want, &t->slice[i].sum);
    }
    if (r == 0)
        r = kg_copy_in_end(s->pg, &rows, err);
    if (r == 0 && !kg_rowsum_equal(&text.sum, &want))                       /* keeps (2) */
        r = kg_err_set(err, KG_E_CORRUPT, "the rows are not what the manifest says");
    if (r == 0 && rows != want.rows)
        r = kg_err_set(err, KG_E_NOT_IDENTICAL, "the server took %llu of %llu rows", (unsigned long long)rows,
                       (unsigned long long)want.rows);
    kg_rowsum_text_done(&text);
    return r;
}

int kg_load_slices(struct kg_load_session *s, const struct kg_load_item *it, size_t from, size_t to, struct kg_err *err)
{
    const struct kg_mtable *t = it->table;
    bool fresh = it->created && from == 0;                                  /* keeps (1) */
    int eno;

    if (kg_session_run(s->pg, "BEGIN", err) < 0 ||
        (fresh && kg_session_runf(s->pg, err, "TRUNCATE ONLY %s", it->target) < 0) ||
        copy_rows(s, it, from, to, fresh, err) < 0 || kg_session_run(s->pg, "COMMIT", err) < 0)
        return kg_err_wrap(err, "load table '%s.%s'", t->schema, t->name);
    if ((eno = KG_FAULT(RESTORE_DATA)))
        return kg_err_sys(err, eno, "load table '%s.%s'", t->schema, t->name);
    return 0;
}

/* ---- reading back ---- */

struct read_back { struct kg_rowsum sum; struct kg_load_session *s; unsigned since; uint64_t told_bytes, told_rows; };

static void tell_read_back(struct read_back *b)
{
    if (b->s->mark != KG_NO_MARK)
        kg_tables_count(b->s->tables, (size_t)b->s->mark, b->sum.bytes - b->told_bytes, b->sum.rows - b->told_rows);
    b->told_bytes = b->sum.bytes;
    b->told_rows = b->sum.rows;
}

static int read_back_row(void *ctx, const char *row, size_t n, struct kg_err *err)
{
    struct read_back *b = ctx;

    kg_rowsum_add(&b->sum, row, n);
    if (++b->since < COUNT_EVERY)
        return 0;
    b->since = 0;
    tell_read_back(b);
    return *b->s->stop ? kg_err_set(err, KG_E_CANCELLED, "another session of the job failed") : 0;
}

static int read_back(struct kg_load_session *s, const char *what, const char *sql, struct kg_rowsum *ret, struct kg_err *err)
{
    struct read_back b = { .s = s };
    int eno;

    if (kg_copy_out(s->pg, sql, read_back_row, &b, err) < 0)
        return kg_err_wrap(err, "read back %s", what);
    if ((eno = KG_FAULT(RESTORE_VERIFY)))
        return kg_err_sys(err, eno, "read back %s", what);
    tell_read_back(&b);
    *ret = b.sum;
    return 0;
}

static int compare(const char *what, const struct kg_rowsum *got, const struct kg_rowsum *want, struct kg_err *err)
{
    if (kg_rowsum_equal(got, want))
        return 0;
    return kg_err_set(err, KG_E_NOT_IDENTICAL,
                      "%s came back with %llu rows and %llu bytes where %llu rows and %llu bytes were backed up%s", what,
                      (unsigned long long)got->rows, (unsigned long long)got->bytes, (unsigned long long)want->rows,
                      (unsigned long long)want->bytes,
                      got->rows == want->rows && got->bytes == want->bytes ? ", with other contents" : "");
}

/* Cutting by ctid is cheap since PostgreSQL 14; a smaller table is read whole. */
int kg_load_plan_verify(struct kg_load_session *s, struct kg_load_item *it, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    const char *params[] = { it->target };

    it->parts = it->parts_left = 1;
    if (!it->created || it->bytes < 2 * PART_BYTES || kg_session_version(s->pg) < 140000)
        return 0;
    if (kg_session_query(s->pg,
                         "SELECT pg_catalog.pg_relation_size($1::pg_catalog.regclass)"
                         " / pg_catalog.current_setting('block_size')::pg_catalog.int8", 1, params, &rows, err) < 0)
        return -(int)err->code;
    it->pages = (uint32_t)kg_rows_int(rows, 0, 0);
    it->parts = it->parts_left = (unsigned)(it->bytes / PART_BYTES);
    return 0;
}

static char *read_back_sql(const struct kg_load_item *it, unsigned part)
{
    const struct kg_mtable *t = it->table;
    /* The columns' list is "(a, b)": as a select list its parentheses would make a row of it. */
    KG_AUTO_FREE char *list = *t->columns ? kg_xstrndup(t->columns + 1, strlen(t->columns) - 2) : kg_xstrdup("");
    uint64_t from = (uint64_t)it->pages * part / it->parts, to = (uint64_t)it->pages * (part + 1) / it->parts;

    if (it->parts > 1)
        return kg_xprintf("COPY (SELECT %s FROM ONLY %s WHERE ctid >= '(%llu,0)' AND ctid < '(%llu,0)') TO STDOUT", list,
                          it->target, (unsigned long long)from,
                          part + 1 == it->parts ? (unsigned long long)UINT32_MAX : (unsigned long long)to);
    if (t->condition)
        return kg_xprintf("COPY (SELECT %s FROM %s %s) TO STDOUT", list, it->target, t->condition);
    return kg_xprintf("COPY %s %s TO STDOUT", it->target, t->columns);
}

int kg_load_read_back(struct kg_load_session *s, const struct kg_load_item *it, unsigned part, struct kg_rowsum *ret,
                      struct kg_err *err)
{
    KG_AUTO_FREE char *what = kg_xprintf("table '%s.%s'", it->table->schema, it->table->name);
    KG_AUTO_FREE char *sql = read_back_sql(it, part);

    return read_back(s, what, sql, ret, err);
}

int kg_load_compare(const struct kg_load_item *it, struct kg_err *err)
{
    KG_AUTO_FREE char *what = kg_xprintf("table '%s.%s'", it->table->schema, it->table->name);
    struct kg_rowsum want;

    kg_mtable_sum(it->table, &want);
    return compare(what, &it->got, &want, err);
}

/* ---- through the root ---- */

/* The leaves that item's rows were loaded into through its root, as a list of their oids; what all of them had, in *ret_want.
 * A column list of another order in one of them makes other text of the same rows: *ret_same_text is false then. */
static char *list_leaves(const struct kg_load_item *item, size_t n, const struct kg_load_item *first, struct kg_rowsum *ret_want,
                         bool *ret_same_text)
{
    struct kg_buf b = KG_BUF_INIT((size_t)1 << 28);
    struct kg_rowsum one;

    *ret_want = (struct kg_rowsum){ 0 };
    *ret_same_text = true;
    for (size_t i = 0; i < n; i++) {
        const struct kg_mtable *o = item[i].table;
        KG_AUTO_FREE char *schema = NULL, *name = NULL, *both = NULL, *literal = NULL;

        if (!item[i].via_root || strcmp(item[i].target, first->target) != 0)
            continue;
        schema = kg_quote_ident(o->schema);
        name = kg_quote_ident(o->name);
        both = kg_xprintf("%s.%s", schema, name);
        literal = kg_quote_literal(both);
        kg_buf_addf(&b, "%s%s::pg_catalog.regclass", b.len ? ", " : "", literal);
        kg_mtable_sum(o, &one);
        kg_rowsum_merge(ret_want, &one);
        *ret_same_text &= strcmp(o->columns, first->table->columns) == 0;
    }
    return kg_buf_take(&b);
}

static bool is_first_of_root(const struct kg_load_item *item, const struct kg_load_item *it)
{
    for (; item < it; item++)
        if (item->via_root && strcmp(item->target, it->target) == 0)
            return false;
    return true;
}

/* Rows that were loaded through the partitions' root may stand in other partitions now (a hash of an enum depends on
 * object ids), exactly as with stock tools: they are compared at the root, all those leaves together, without the others,
 * which were loaded by themselves. */
int kg_load_verify_root(struct kg_load_session *s, const struct kg_load_item *item, size_t n, const struct kg_load_item *it,
                        struct kg_err *err)
{
    const char *columns = it->table->columns;
    struct kg_rowsum want, got;
    bool same_text;

    if (!is_first_of_root(item, it))
        return 0;
    KG_AUTO_FREE char *what = kg_xprintf("partitioned table %s", it->target);
    KG_AUTO_FREE char *leaves = list_leaves(item, n, it, &want, &same_text);
    KG_AUTO_FREE char *list = *columns ? kg_xstrndup(columns + 1, strlen(columns) - 2) : kg_xstrdup("");
    KG_AUTO_FREE char *sql = kg_xprintf("COPY (SELECT %s FROM %s WHERE tableoid = ANY (ARRAY[%s]::pg_catalog.oid[])) TO STDOUT",
                                        list, it->target, leaves);

    if (read_back(s, what, sql, &got, err) < 0)
        return -(int)err->code;
    if (!same_text)
        got.sum = want.sum;              /* rows and bytes remain: the order of columns changes neither */
    return compare(what, &got, &want, err);
}
