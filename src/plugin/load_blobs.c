/* Large objects: made empty in batches, filled, read again, and given to their owners.
 *
 *  (1) Every batch is a transaction of its own: a change of owner keeps a lock on its object until its transaction ends, and a
 *      server has room for so many locks and no more. A batch that is too large for it is halved.
 *  (2) Owners come last: until then the objects are the restoring user's, who may write and read them. Privileges, which
 *      pg_restore sets, come after that.
 *  (3) Only a role that is missing or not to be had leaves objects without their owner, and that is told. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "plugin/load_int.h"
#include "plugin/pg_restore.h"

enum { BATCH = 1000, OWNERS_A_BATCH = 500 };

/* ---- which there are ---- */

struct blob { uint32_t oid; const char *owner; };
struct blob_list { struct blob *blob; size_t n, cap; };

static void list_done(struct blob_list *l) { free(l->blob); }

static void add_blob(struct blob_list *l, const char *oid, const char *owner)
{
    struct blob b = { .owner = owner && *owner ? owner : NULL };

    for (; *oid >= '0' && *oid <= '9'; oid++)
        b.oid = b.oid * 10 + (uint32_t)(*oid - '0');
    KG_GROW(l->blob, l->n, l->cap);
    l->blob[l->n++] = b;
}

/* Up to archive 1.15 an entry an object, named by its oid; since then groups with a list of oids, one a line. */
static void list_blobs(const struct kg_archive *a, const bool *keep, struct blob_list *l)
{
    for (size_t i = 0; i < a->n_entries; i++) {
        const struct kg_toc_entry *e = &a->entry[i];

        if (!keep[i] || !kg_pg_restore_is_blob(e))
            continue;
        if (strcmp(e->desc, "BLOB") == 0 && e->tag) {
            add_blob(l, e->tag, e->owner);
        } else if (strcmp(e->desc, "BLOB METADATA") == 0 && e->defn) {
            for (const char *s = e->defn; *s; s += strcspn(s, "\n"), s += *s == '\n')
                if (*s >= '0' && *s <= '9')
                    add_blob(l, s, e->owner);
        }
    }
}

/* By owner, those without one first. */
static int by_owner(const void *x, const void *y)
{
    const struct blob *a = x, *b = y;
    int r = strcmp(a->owner ? a->owner : "", b->owner ? b->owner : "");

    return r ? r : (a->oid > b->oid) - (a->oid < b->oid);
}

/* ---- making ---- */

static int create_some(struct kg_session *s, const struct blob *b, size_t n, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf sql = KG_BUF_INIT(1u << 20);

    kg_buf_adds(&sql, "SELECT pg_catalog.count(pg_catalog.lo_create(o)) FROM pg_catalog.unnest('{");
    for (size_t i = 0; i < n; i++)
        kg_buf_addf(&sql, "%s%u", i ? "," : "", b[i].oid);
    kg_buf_adds(&sql, "}'::pg_catalog.oid[]) o");
    if (kg_buf_ok(&sql, err) < 0)
        return -(int)err->code;
    return kg_session_run(s, sql.p, err);
}

static int check_stop(const struct kg_load_session *s, struct kg_err *err)
{
    return *s->stop ? kg_err_set(err, KG_E_CANCELLED, "the job was cancelled, or another session of it failed") : 0;
}

static int create_all(struct kg_load_session *s, const struct blob_list *l, struct kg_err *err)
{
    for (size_t i = 0; i < l->n; i += BATCH)
        if (check_stop(s, err) < 0 || create_some(s->pg, l->blob + i, l->n - i < BATCH ? l->n - i : BATCH, err) < 0)
            return -(int)err->code;
    return 0;
}

/* ---- filling and reading ---- */

struct filling { struct kg_load_session *s; struct kg_blob_load *load; };

static int load_page(void *ctx, uint32_t oid, uint64_t at, const void *page, size_t n, struct kg_err *err)
{
    struct filling *f = ctx;

    return check_stop(f->s, err) < 0 ? -(int)err->code : kg_blobs_in_add(f->load, oid, at, page, n, err);
}

static int fill(struct kg_load_session *s, struct kg_err *err)
{
    struct filling f = { .s = s };
    int r;

    if (kg_session_run(s->pg, "BEGIN", err) < 0 || kg_blobs_in_begin(s->pg, &f.load, err) < 0)
        return -(int)err->code;
    r = kg_point_blobs(s->spec->point->reader, s->spec->point->manifest, load_page, &f, err);
    if (r < 0)
        kg_blobs_in_abort(f.load);
    else
        r = kg_blobs_in_end(f.load, err);
    return r < 0 ? r : kg_session_run(s->pg, "COMMIT", err);
}

struct reading { struct kg_load_session *s; struct kg_rowsum sum; };

static int sum_page(void *ctx, uint32_t oid, const void *page, size_t n, struct kg_err *err)
{
    struct reading *r = ctx;
    unsigned char head[8];

    for (int i = 0; i < 4; i++) {
        head[i] = (unsigned char)(oid >> 8 * i);
        head[4 + i] = (unsigned char)(n >> 8 * i);
    }
    kg_rowsum_add_pair(&r->sum, head, sizeof head, page, n);
    return check_stop(r->s, err);
}

static int read_again(struct kg_load_session *s, struct kg_err *err)
{
    struct reading r = { .s = s };

    if (kg_blobs_out(s->pg, sum_page, &r, err) < 0)
        return -(int)err->code;
    if (!kg_rowsum_equal(&r.sum, &s->spec->point->manifest->blob_sum))
        return kg_err_set(err, KG_E_NOT_IDENTICAL, "the large objects came back with other contents");
    return 0;
}

/* ---- owners ---- */

static int own_some(struct kg_session *s, const struct blob *b, size_t n, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf sql = KG_BUF_INIT(1u << 20);
    KG_AUTO_FREE char *role = kg_quote_ident(b->owner);

    for (size_t i = 0; i < n; i++)
        kg_buf_addf(&sql, "ALTER LARGE OBJECT %u OWNER TO %s;", b[i].oid, role);
    if (kg_buf_ok(&sql, err) < 0)
        return -(int)err->code;
    return kg_session_run(s, sql.p, err);
}

static void tell(struct kg_load_soft *l, struct kg_err *e, size_t n, const char *owner)
{
    kg_err_wrap(e, "%zu large object%s not get %s owner '%s'", n, n == 1 ? " does" : "s do", n == 1 ? "its" : "their", owner);
    kg_err_advise(e, "Create the role, or let the restoring user act for it, then set the owner with ALTER LARGE OBJECT.");
    KG_GROW(l->err, l->n, l->cap);
    l->err[l->n++] = *e;
}

/* Becoming the owner is refused, or nobody of that name is there. */
static bool is_about_role(const char *state) { return strcmp(state, "42704") == 0 || strcmp(state, "42501") == 0; }

/* n objects of one owner: keeps (1) and (3). */
static int own_all(struct kg_load_session *s, const struct blob *b, size_t n, struct kg_load_soft *ret_soft, struct kg_err *err)
{
    size_t batch = OWNERS_A_BATCH;

    for (size_t i = 0; i < n;) {
        size_t k = n - i < batch ? n - i : batch;
        struct kg_err e = { 0 };

        if (check_stop(s, err) < 0)
            return -(int)err->code;
        if (own_some(s->pg, b + i, k, &e) == 0) {
            i += k;
        } else if (strcmp(kg_session_state(s->pg), "53200") == 0 && batch > 1) {
            batch = k > 1 ? k / 2 : 1;
        } else if (is_about_role(kg_session_state(s->pg))) {
            tell(ret_soft, &e, n - i, b->owner);
            return 0;
        } else {
            *err = e;
            return -(int)err->code;
        }
    }
    return 0;
}

static int give_to_owners(struct kg_load_session *s, struct blob_list *l, struct kg_load_soft *ret_soft, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *me = NULL;
    size_t to;

    if (kg_session_query(s->pg, "SELECT current_user", 0, NULL, &me, err) < 0)
        return -(int)err->code;
    if (l->n)
        qsort(l->blob, l->n, sizeof *l->blob, by_owner);
    for (size_t from = 0; from < l->n; from = to) {
        const char *owner = l->blob[from].owner;

        for (to = from + 1; to < l->n && owner && l->blob[to].owner && strcmp(l->blob[to].owner, owner) == 0;)
            to++;
        if (owner && strcmp(owner, kg_rows_get(me, 0, 0)) != 0 && own_all(s, l->blob + from, to - from, ret_soft, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

int kg_load_blobs(struct kg_load_session *s, struct kg_load_soft *ret_soft, struct kg_err *err)
{
    KG_CLEANUP(list_done) struct blob_list l = { 0 };

    list_blobs(s->spec->point->archive, s->spec->keep, &l);
    if (create_all(s, &l, err) < 0 || fill(s, err) < 0 ||
        (s->spec->verify == KG_VERIFY_READ_BACK && read_again(s, err) < 0) || give_to_owners(s, &l, ret_soft, err) < 0)
        return kg_err_wrap(err, "load the large objects");
    return 0;
}
