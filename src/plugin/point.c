#include "plugin/point.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { TOC_MAX = 2000u << 20, SERVER_MAX = 64 << 20, PAGE_MAX = 1 << 20, CACHED_SEGMENTS = 3 };

int kg_point_read(struct kg_reader *r, const struct kg_stream *s, struct kg_buf *ret, struct kg_err *err)
{
    KG_CLEANUP(kg_source_closep) struct kg_source *src = NULL;
    const void *data;
    size_t n;

    if (kg_source_open(r, CACHED_SEGMENTS, &src, err) < 0 || kg_source_begin(src, s, err) < 0)
        return -(int)err->code;
    for (;;) {
        if (kg_source_next(src, &data, &n, err) < 0)
            return -(int)err->code;
        if (!n)
            return kg_buf_ok(ret, err);
        kg_buf_add(ret, data, n);
    }
}

int kg_point_server(const struct kg_point *p, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(SERVER_MAX);

    if (!p->manifest->has_server)
        return kg_err_set(err, KG_E_NOT_FOUND, "the recovery point has no roles of the server");
    if (kg_point_read(p->reader, &p->manifest->server, &text, err) == 0 && kg_json_parse(text.p, text.len, ret, err) == 0)
        return 0;
    return kg_err_wrap(err, "read the server's roles");
}

/* Straight into the secret: no copy of it stays anywhere. */
int kg_point_passwords(const struct kg_point *p, struct kg_secret **ret, struct kg_err *err)
{
    const struct kg_stream *s = &p->manifest->passwords;
    KG_CLEANUP(kg_source_closep) struct kg_source *src = NULL;
    KG_AUTO_SECRET struct kg_secret *secret = NULL;
    const void *data;
    size_t n, at = 0;

    if (!p->manifest->has_passwords)
        return kg_err_set(err, KG_E_NOT_FOUND, "the recovery point has no passwords of roles");
    if (s->bytes > SERVER_MAX)
        return kg_err_set(err, KG_E_LIMIT, "the recovery point's passwords of roles are too long");
    secret = kg_secret_new((size_t)s->bytes);
    if (kg_source_open(p->reader, CACHED_SEGMENTS, &src, err) < 0 || kg_source_begin(src, s, err) < 0)
        return kg_err_wrap(err, "read the roles' passwords");
    for (;;) {
        if (kg_source_next(src, &data, &n, err) < 0)
            return kg_err_wrap(err, "read the roles' passwords");
        if (!n)
            break;
        if (n > kg_secret_size(secret) - at)
            return kg_err_set(err, KG_E_CORRUPT, "the roles' passwords are longer than the manifest says");
        memcpy(kg_secret_open_write(secret) + at, data, n);
        kg_secret_shut(secret);
        at += n;
    }
    *ret = KG_TAKE(secret);
    return 0;
}

static int dump_id_order(const void *a, const void *b)
{
    const struct kg_mtable *const *x = a, *const *y = b;

    return (*x)->dump_id < (*y)->dump_id ? -1 : (*x)->dump_id > (*y)->dump_id;
}

static const struct kg_mtable **index_tables(const struct kg_manifest *m)
{
    const struct kg_mtable **index = kg_xalloc_array(m->n_tables, sizeof *index);

    for (size_t i = 0; i < m->n_tables; i++)
        index[i] = &m->table[i];
    qsort(index, m->n_tables, sizeof *index, dump_id_order);
    return index;
}

const struct kg_mtable *kg_point_table(const struct kg_point *p, int dump_id)
{
    const struct kg_mtable key = { .dump_id = dump_id }, *k = &key;
    const struct kg_mtable *const *found =
        bsearch(&k, p->by_dump_id, p->manifest->n_tables, sizeof *p->by_dump_id, dump_id_order);

    return found ? *found : NULL;
}

int kg_point_open(struct kg_vault *v, const char *instance, const char *point, struct kg_point *ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = NULL;
    KG_AUTO_BUF struct kg_buf toc = KG_BUF_INIT(TOC_MAX);
    KG_AUTO_POINT struct kg_point p = { 0 };

    if (kg_point_get(v, instance, point, &j, err) < 0 || kg_manifest_from_json(j, &p.manifest, err) < 0 ||
        kg_reader_open(v, &p.reader, err) < 0)
        return -(int)err->code;
    if (kg_point_read(p.reader, &p.manifest->archive, &toc, err) < 0 ||
        kg_archive_parse_memory(toc.p, toc.len, &p.archive, err) < 0)
        return kg_err_wrap(err, "read the table of contents of recovery point '%s'", point);
    p.by_dump_id = index_tables(p.manifest);
    *ret = p;
    p = (struct kg_point){ 0 };
    return 0;
}

void kg_point_close(struct kg_point *p)
{
    free(p->by_dump_id);
    kg_archive_free(p->archive);
    kg_reader_close(p->reader);
    kg_manifest_free(p->manifest);
    *p = (struct kg_point){ 0 };
}

static uint32_t get_u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Puts records together from runs of bytes that are cut anywhere. */
struct kg_records {
    const struct kg_manifest *m;
    struct kg_source *src;
    const unsigned char *p;
    size_t n;
    unsigned char *page;
    struct kg_rowsum sum;
    struct kg_record now;
};

static int take(struct kg_records *r, void *out, size_t want, bool *ret_end, struct kg_err *err)
{
    size_t got = 0;

    while (got < want) {
        size_t k;

        if (!r->n) {
            const void *data;

            if (kg_source_next(r->src, &data, &r->n, err) < 0)
                return -(int)err->code;
            if (!r->n && !got && ret_end) {
                *ret_end = true;
                return 0;
            }
            if (!r->n)
                return kg_err_set(err, KG_E_CORRUPT, "the stream of large objects ends in the middle of a record");
            r->p = data;
        }
        k = want - got < r->n ? want - got : r->n;
        memcpy((char *)out + got, r->p, k);
        r->p += k;
        r->n -= k;
        got += k;
    }
    return 0;
}

int kg_records_open(struct kg_reader *reader, const struct kg_manifest *m, struct kg_records **ret, struct kg_err *err)
{
    KG_CLEANUP(kg_records_closep) struct kg_records *r = kg_xalloc(sizeof *r);

    r->m = m;
    r->page = kg_xalloc(PAGE_MAX);
    if (kg_source_open(reader, CACHED_SEGMENTS, &r->src, err) < 0 || kg_source_begin(r->src, &m->blobs, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(r);
    return 0;
}

void kg_records_close(struct kg_records *r)
{
    if (!r)
        return;
    kg_source_close(r->src);
    free(r->page);
    free(r);
}

int kg_records_next(struct kg_records *r, const struct kg_record **ret, struct kg_err *err)
{
    struct kg_record *now = &r->now;
    uint32_t oid, n;
    unsigned char head[8];
    bool end = false;

    *ret = NULL;
    if (take(r, head, sizeof head, &end, err) < 0)
        return -(int)err->code;
    if (end)
        return kg_rowsum_equal(&r->sum, &r->m->blob_sum)
                   ? 0 : kg_err_set(err, KG_E_CORRUPT, "the large objects are not what the manifest says");
    oid = get_u32(head);
    n = get_u32(head + 4);
    if (n > PAGE_MAX)
        return kg_err_set(err, KG_E_CORRUPT, "a record of large object %u says %u bytes", oid, n);
    if (r->sum.rows && oid < now->oid)
        return kg_err_set(err, KG_E_CORRUPT, "large object %u comes behind %u", oid, now->oid);
    if (take(r, r->page, n, NULL, err) < 0)
        return -(int)err->code;
    now->at = r->sum.rows && oid == now->oid ? now->at + now->n : 0;
    now->oid = oid;
    now->page = r->page;
    now->n = n;
    kg_rowsum_add_pair(&r->sum, head, sizeof head, r->page, n);
    *ret = now;
    return 0;
}

int kg_point_blobs(struct kg_reader *reader, const struct kg_manifest *m, kg_record_visit visit, void *ctx,
                   struct kg_err *err)
{
    KG_CLEANUP(kg_records_closep) struct kg_records *r = NULL;
    const struct kg_record *now;

    if (kg_records_open(reader, m, &r, err) < 0)
        return -(int)err->code;
    for (;;) {
        if (kg_records_next(r, &now, err) < 0)
            return -(int)err->code;
        if (!now)
            return 0;
        if (visit(ctx, now->oid, now->at, now->page, now->n, err) < 0)
            return -(int)err->code;
    }
}
