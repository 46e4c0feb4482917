/* Large objects in bulk: pg_dump opens each one by itself and is bound by round trips. Small ones come many at once through
 * COPY in binary format, as rows of oid and bytea; a big one comes in pages. Only SELECT on the objects is needed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "pg/plan.h"
#include "pg/internal.h"

enum { PAGE = 1 << 20, LOAD_BYTES = 4 << 20, LOAD_PAGES = 50000 };

/* ---- COPY binary: a header, then rows of counted fields ---- */

struct out {
    kg_blob_visit visit;
    void *ctx;
    uint32_t from, to;           /* only these, in ascending order */
    bool head, tail, any;
    uint32_t last;
};

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int bad_copy(const char *what, struct kg_err *err)
{
    return kg_err_set(err, KG_E_DB_ERROR, "the server's answer is not COPY in binary format: %s", what);
}

/* Signature, flags (bits 16 to 31 change the format: none is known), length of an extension that may be skipped. */
static int take_head(struct out *o, const unsigned char **p, size_t *n, struct kg_err *err)
{
    static const char signature[11] = "PGCOPY\n\377\r\n\0";
    uint32_t extra;

    if (*n < 19 || memcmp(*p, signature, sizeof signature) != 0)
        return bad_copy("no signature", err);
    extra = be32(*p + 15);
    if (be32(*p + 11) >> 16 || extra > *n - 19)
        return bad_copy("an unknown header", err);
    *p += 19 + extra;
    *n -= 19 + extra;
    o->head = true;
    return 0;
}

/* One message of COPY is one row here; the first one has the header in front. */
static int take_row(void *ctx, const char *row, size_t n, struct kg_err *err)
{
    struct out *o = ctx;
    const unsigned char *p = (const unsigned char *)row;
    uint32_t oid, len;

    if (!o->head && take_head(o, &p, &n, err) < 0)
        return -(int)err->code;
    if (n == 0)
        return 0;
    if (o->tail)
        return bad_copy("rows behind its end", err);
    if (n == 2 && p[0] == 0xFF && p[1] == 0xFF) {
        o->tail = true;
        return 0;
    }
    if (n < 14 || p[0] != 0 || p[1] != 2 || be32(p + 2) != 4)
        return bad_copy("a row of another shape", err);
    oid = be32(p + 6);
    len = be32(p + 10);
    if (len != n - 14 || len > PAGE)
        return bad_copy("a field of another length", err);
    if (oid < o->from || oid > o->to || (o->any && oid <= o->last))
        return bad_copy("objects that were not asked for", err);
    o->any = true;
    o->last = oid;
    return o->visit(o->ctx, oid, p + 14, len, err);
}

/* The pages of one object from the second on. */
static int rest_of(struct kg_session *s, uint32_t oid, kg_blob_visit visit, void *ctx, struct kg_err *err)
{
    for (uint64_t at = PAGE;; at += PAGE) {
        KG_AUTO_RESULT PGresult *res = NULL;
        char sql[160];
        int n;

        snprintf(sql, sizeof sql, "SELECT pg_catalog.lo_get(%u, %llu, %d)", oid, (unsigned long long)at, PAGE);
        res = PQexecParams(s->conn, sql, 0, NULL, NULL, NULL, NULL, 1);
        if (PQresultStatus(res) != PGRES_TUPLES_OK)
            return kg_session_fail(s, res, err);
        n = PQntuples(res) == 1 && PQnfields(res) == 1 ? PQgetlength(res, 0, 0) : -1;
        if (n < 0 || n > PAGE)
            return kg_err_set(err, KG_E_DB_ERROR, "the server sends more of a large object than was asked for");
        if (n > 0 && visit(ctx, oid, PQgetvalue(res, 0, 0), (size_t)n, err) < 0)
            return -(int)err->code;
        if (n < PAGE)
            return 0;
    }
}

/* The oids whose first page is full, in one pass before the data: they are few, and knowing them lets every COPY
 * end at one of them, so that an object's pages come together. */
static int list_big(struct kg_session *s, uint32_t **ret, size_t *ret_n, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    uint32_t *list;

    if (kg_session_query(s,
                         "SELECT oid FROM pg_catalog.pg_largeobject_metadata"
                         " WHERE pg_catalog.length(pg_catalog.lo_get(oid, 1048575, 1)) > 0 ORDER BY oid", 0, NULL, &rows, err) < 0)
        return -(int)err->code;
    list = kg_xalloc_array((size_t)kg_rows_count(rows), sizeof *list);
    for (int i = 0; i < kg_rows_count(rows); i++)
        list[i] = (uint32_t)kg_rows_int(rows, i, 0);
    *ret = list;
    *ret_n = (size_t)kg_rows_count(rows);
    return 0;
}

/* All objects from one oid to another; of the last one, which may be big, the first page. */
static int copy_range(struct kg_session *s, uint32_t from, uint32_t to, kg_blob_visit visit, void *ctx, struct kg_err *err)
{
    struct out o = { .visit = visit, .ctx = ctx, .from = from, .to = to };
    char sql[300];

    snprintf(sql, sizeof sql,
             "COPY (SELECT oid, pg_catalog.lo_get(oid, 0, %d) FROM pg_catalog.pg_largeobject_metadata"
             " WHERE oid >= %u AND oid <= %u ORDER BY oid) TO STDOUT (FORMAT binary)", PAGE, from, to);
    if (kg_copy_out(s, sql, take_row, &o, err) < 0)
        return -(int)err->code;
    return o.head && o.tail ? 0 : bad_copy("it has no end", err);
}

int kg_blobs_out(struct kg_session *s, kg_blob_visit visit, void *ctx, struct kg_err *err)
{
    KG_AUTO_FREE uint32_t *big = NULL;
    size_t n_big = 0;
    uint32_t from = 0;

    if (list_big(s, &big, &n_big, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i <= n_big; i++) {
        uint32_t to = i < n_big ? big[i] : UINT32_MAX;

        if (copy_range(s, from, to, visit, ctx, err) < 0 || (i < n_big && rest_of(s, to, visit, ctx, err) < 0))
            return -(int)err->code;
        if (to == UINT32_MAX)
            break;
        from = to + 1;
    }
    return 0;
}

/* ---- loading: some megabytes of pages a statement, as three arrays ----
 *
 * Why arrays and not COPY into a temporary table: the rows would be compressed, moved out of line and written once more, and
 * the user would need the privilege to make temporary tables. */

enum { OID_OID = 26, INT8_OID = 20, BYTEA_OID = 17, OID_ARRAY = 1028, INT8_ARRAY = 1016, BYTEA_ARRAY = 1001, N_ARRAYS = 3 };

struct kg_blob_load {
    struct kg_session *s;
    uint32_t n;
    struct kg_buf array[N_ARRAYS];   /* oid, offset, bytes: in PostgreSQL's binary form */
};

static void put_be32(struct kg_buf *b, uint32_t v)
{
    kg_buf_add(b, (const char[4]){ (char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v }, 4);
}

static void put_be64(struct kg_buf *b, uint64_t v)
{
    put_be32(b, (uint32_t)(v >> 32));
    put_be32(b, (uint32_t)v);
}

/* One dimension, no NULLs, the elements' type, how many (patched at the end), and that they are counted from 1. */
enum { COUNT_AT = 12 };

static void begin_arrays(struct kg_blob_load *l)
{
    static const uint32_t types[N_ARRAYS] = { OID_OID, INT8_OID, BYTEA_OID };

    for (int i = 0; i < N_ARRAYS; i++) {
        kg_buf_reset(&l->array[i]);
        put_be32(&l->array[i], 1);
        put_be32(&l->array[i], 0);
        put_be32(&l->array[i], types[i]);
        put_be32(&l->array[i], 0);
        put_be32(&l->array[i], 1);
    }
    l->n = 0;
}

static int flush(struct kg_blob_load *l, struct kg_err *err)
{
    static const Oid types[N_ARRAYS] = { OID_ARRAY, INT8_ARRAY, BYTEA_ARRAY };
    static const int formats[N_ARRAYS] = { 1, 1, 1 };
    const char *values[N_ARRAYS];
    int lengths[N_ARRAYS];
    KG_AUTO_RESULT PGresult *res = NULL;

    if (!l->n)
        return 0;
    for (int i = 0; i < N_ARRAYS; i++) {
        const unsigned char n[4] = { (unsigned char)(l->n >> 24), (unsigned char)(l->n >> 16), (unsigned char)(l->n >> 8),
                                     (unsigned char)l->n };

        if (kg_buf_ok(&l->array[i], err) < 0)
            return -(int)err->code;
        memcpy(l->array[i].p + COUNT_AT, n, sizeof n);
        values[i] = l->array[i].p;
        lengths[i] = (int)l->array[i].len;
    }
    /* count() of a text: lo_put() returns void, and its rows are not wanted. */
    res = PQexecParams(l->s->conn,
                       "SELECT pg_catalog.count(pg_catalog.lo_put(o, a, d)::pg_catalog.text)"
                       " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS p(o, a, d)",
                       N_ARRAYS, types, values, lengths, formats, 0);
    if (PQresultStatus(res) != PGRES_TUPLES_OK)
        return kg_session_fail(l->s, res, err);
    begin_arrays(l);
    return 0;
}

int kg_blobs_in_begin(struct kg_session *s, struct kg_blob_load **ret, struct kg_err *err)
{
    struct kg_blob_load *l = kg_xalloc(sizeof *l);

    (void)err;
    l->s = s;
    for (int i = 0; i < N_ARRAYS; i++)
        l->array[i] = (struct kg_buf)KG_BUF_INIT(LOAD_BYTES + 2 * PAGE);
    begin_arrays(l);
    *ret = l;
    return 0;
}

int kg_blobs_in_add(struct kg_blob_load *l, uint32_t oid, uint64_t at, const void *page, size_t n, struct kg_err *err)
{
    if (!n)
        return 0;                        /* an empty object has been made already */
    if (n > PAGE || at > INT64_MAX)
        return kg_err_set(err, KG_E_LIMIT, "a page of large object %u is larger than 1 MiB", oid);
    put_be32(&l->array[0], 4);
    put_be32(&l->array[0], oid);
    put_be32(&l->array[1], 8);
    put_be64(&l->array[1], at);
    put_be32(&l->array[2], (uint32_t)n);
    kg_buf_add(&l->array[2], page, n);
    l->n++;
    return l->array[2].len >= LOAD_BYTES || l->n >= LOAD_PAGES ? flush(l, err) : 0;
}

void kg_blobs_in_abort(struct kg_blob_load *l)
{
    if (!l)
        return;
    for (int i = 0; i < N_ARRAYS; i++)
        kg_buf_done(&l->array[i]);
    free(l);
}

int kg_blobs_in_end(struct kg_blob_load *l, struct kg_err *err)
{
    int r = flush(l, err);

    kg_blobs_in_abort(l);
    return r;
}
