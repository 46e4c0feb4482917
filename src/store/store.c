#include "store/store.h"

#include <string.h>

#include "base/alloc.h"

enum { PARTS_MAX = 4, PART_MAX = 100 };

/* Names become paths in one driver and keys in another, so they are kept to what means the same everywhere. */
static bool part_ok(const char *p, size_t n)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

    return n > 0 && n <= PART_MAX && p[0] != '.' && strspn(p, allowed) >= n;
}

bool kg_store_name_ok(const char *name)
{
    for (int parts = 1; parts <= PARTS_MAX; parts++) {
        size_t n = strcspn(name, "/");

        if (!part_ok(name, n))
            return false;
        if (!name[n])
            return true;
        name += n + 1;
    }
    return false;
}

static int check_name(const char *name, struct kg_err *err)
{
    if (!kg_store_name_ok(name))
        return kg_err_set(err, KG_E_USAGE, "'%s' is not a valid object name", name);
    return 0;
}

int kg_store_put_begin(struct kg_store *st, const char *name, struct kg_put **ret, struct kg_err *err)
{
    int r = check_name(name, err);

    return r < 0 ? r : st->ops->put_begin(st, name, ret, err);
}

int kg_store_put_add(struct kg_put *p, const void *data, size_t n, struct kg_err *err)
{
    return p->store->ops->put_add(p, data, n, err);
}

int kg_store_put_end(struct kg_put *p, struct kg_err *err) { return p->store->ops->put_end(p, err); }

void kg_store_put_abort(struct kg_put *p)
{
    if (p)
        p->store->ops->put_abort(p);
}

int kg_store_put(struct kg_store *st, const char *name, const void *data, size_t n, struct kg_err *err)
{
    struct kg_put *p = NULL;

    if (kg_store_put_begin(st, name, &p, err) < 0)
        return -(int)err->code;
    if (kg_store_put_add(p, data, n, err) < 0) {
        kg_store_put_abort(p);
        return -(int)err->code;
    }
    return kg_store_put_end(p, err);
}

int kg_store_get(struct kg_store *st, const char *name, uint64_t at, size_t n, void *out, size_t *ret_n,
                 struct kg_err *err)
{
    int r = check_name(name, err);

    return r < 0 ? r : st->ops->get(st, name, at, n, out, ret_n, err);
}

int kg_store_get_all(struct kg_store *st, const char *name, struct kg_buf *ret, struct kg_err *err)
{
    enum { BLOCK = 256 * 1024 };
    KG_AUTO_FREE char *block = kg_xalloc(BLOCK);
    size_t was = ret->len, got;
    uint64_t at = 0;

    do {
        if (kg_store_get(st, name, at, BLOCK, block, &got, err) < 0) {
            kg_buf_cut(ret, was);
            return -(int)err->code;
        }
        kg_buf_add(ret, block, got);
        at += got;
    } while (got == BLOCK && !ret->overflow);
    if (kg_buf_ok(ret, err) < 0) {
        kg_buf_cut(ret, was);
        return kg_err_wrap(err, "read object '%s'", name);
    }
    return 0;
}

int kg_store_size(struct kg_store *st, const char *name, uint64_t *ret, struct kg_err *err)
{
    int r = check_name(name, err);

    return r < 0 ? r : st->ops->size(st, name, ret, err);
}

int kg_store_list(struct kg_store *st, const char *prefix, kg_store_visit visit, void *ctx, struct kg_err *err)
{
    return st->ops->list(st, prefix, visit, ctx, err);
}

int kg_store_remove(struct kg_store *st, const char *name, struct kg_err *err)
{
    int r = check_name(name, err);

    return r < 0 ? r : st->ops->remove(st, name, err);
}

int kg_store_space(struct kg_store *st, uint64_t *ret_free, struct kg_err *err)
{
    return st->ops->space(st, ret_free, err);
}

void kg_store_close(struct kg_store *st)
{
    if (st)
        st->ops->close(st);
}
