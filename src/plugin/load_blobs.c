#include "plugin/load_int.h"
#include "plugin/pg_restore.h"

static int load_page(void *ctx, uint32_t oid, uint64_t at, const void *page, size_t n, struct kg_err *err)
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

int kg_load_blobs(struct kg_load_session *s, struct kg_err *err)
{
    const struct kg_manifest *m = s->spec->point->manifest;
    struct kg_blob_load *load = NULL;
    struct blob_check c = { 0 };
    int r = kg_session_run(s->pg, "BEGIN", err);

    if (r == 0)
        r = kg_pg_restore_make_blobs(s->pg, s->spec->point->archive, s->spec->keep, s->spec->ev, err);
    if (r == 0 && (r = kg_blobs_in_begin(s->pg, &load, err)) == 0) {
        r = kg_point_blobs(s->spec->point->reader, m, load_page, load, err);
        if (r < 0)
            kg_blobs_in_abort(load);
        else
            r = kg_blobs_in_end(load, err);
    }
    if (r == 0)
        r = kg_session_run(s->pg, "COMMIT", err);
    if (r == 0 && s->spec->verify == KG_VERIFY_READ_BACK && (r = kg_blobs_out(s->pg, sum_page, &c, err)) == 0 &&
        !kg_rowsum_equal(&c.sum, &m->blob_sum))
        r = kg_err_set(err, KG_E_NOT_IDENTICAL, "the large objects came back with other contents");
    return r < 0 ? kg_err_wrap(err, "load the large objects") : 0;
}
