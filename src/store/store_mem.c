/* The memory driver: what tests keep vaults in. Objects stand in one array sorted by name. */
#include "store/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"

struct object {
    char *name;
    uint8_t *data;
    size_t n;
    kg_usec modified_wall;
};

struct store_mem {
    struct kg_store base;
    pthread_mutex_t lock;
    struct object *objects;
    size_t n, cap;
};

struct mem_put {
    struct kg_put base;
    char *name;
    uint8_t *data;
    size_t n, cap;
};

static struct store_mem *of(struct kg_store *st) { return (struct store_mem *)st; }

/* The place of the first object whose name is not below name. */
static size_t place(const struct store_mem *m, const char *name)
{
    size_t low = 0, high = m->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcmp(m->objects[mid].name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct object *find(const struct store_mem *m, const char *name)
{
    size_t i = place(m, name);

    return i < m->n && strcmp(m->objects[i].name, name) == 0 ? &m->objects[i] : NULL;
}

static int mem_put_begin(struct kg_store *st, const char *name, struct kg_put **ret, struct kg_err *err)
{
    struct store_mem *m = of(st);
    int eno = KG_FAULT(STORE_OPEN);
    struct mem_put *p;
    bool taken;

    pthread_mutex_lock(&m->lock);
    taken = find(m, name);
    pthread_mutex_unlock(&m->lock);
    if (taken)
        return kg_err_set(err, KG_E_EXISTS, "object '%s' exists already", name);
    if (eno)
        return kg_err_sys(err, eno, "create object '%s'", name);
    p = kg_xalloc(sizeof *p);
    p->base.store = st;
    p->name = kg_xstrdup(name);
    *ret = &p->base;
    return 0;
}

static int mem_put_add(struct kg_put *base, const void *data, size_t n, struct kg_err *err)
{
    struct mem_put *p = (struct mem_put *)base;
    int eno = KG_FAULT(STORE_PUT);

    if (eno)
        return kg_err_sys(err, eno, "write object '%s'", p->name);
    while (p->cap - p->n < n) {
        p->cap = p->cap ? p->cap * 2 : 4096;
        p->data = kg_xrealloc_array(p->data, p->cap, 1);
    }
    if (n)
        memcpy(p->data + p->n, data, n);
    p->n += n;
    return 0;
}

static void mem_put_abort(struct kg_put *base)
{
    struct mem_put *p = (struct mem_put *)base;

    free(p->name);
    free(p->data);
    free(p);
}

static int mem_put_end(struct kg_put *base, struct kg_err *err)
{
    struct mem_put *p = (struct mem_put *)base;
    struct store_mem *m = of(base->store);
    int eno = KG_FAULT(STORE_RENAME);
    size_t at;

    if (eno) {
        kg_err_sys(err, eno, "finish object '%s'", p->name);
        mem_put_abort(base);
        return -(int)err->code;
    }
    pthread_mutex_lock(&m->lock);
    if (find(m, p->name)) {
        kg_err_set(err, KG_E_EXISTS, "object '%s' exists already", p->name);
    } else {
        KG_GROW(m->objects, m->n, m->cap);
        at = place(m, p->name);
        memmove(&m->objects[at + 1], &m->objects[at], (m->n - at) * sizeof *m->objects);
        m->objects[at] = (struct object){ KG_TAKE(p->name), KG_TAKE(p->data), p->n, kg_now_wall() };
        m->n++;
    }
    pthread_mutex_unlock(&m->lock);
    mem_put_abort(base);
    return -(int)err->code;
}

static int mem_get(struct kg_store *st, const char *name, uint64_t at, size_t n, void *out, size_t *ret_n,
                   struct kg_err *err)
{
    struct store_mem *m = of(st);
    int eno = KG_FAULT(STORE_GET);
    const struct object *o;

    pthread_mutex_lock(&m->lock);
    o = find(m, name);
    if (!o) {
        kg_err_set(err, KG_E_NOT_FOUND, "no object '%s'", name);
    } else if (eno) {
        kg_err_sys(err, eno, "read object '%s'", name);
    } else {
        *ret_n = at >= o->n ? 0 : o->n - at < n ? o->n - (size_t)at : n;
        if (*ret_n)
            memcpy(out, o->data + at, *ret_n);
    }
    pthread_mutex_unlock(&m->lock);
    return -(int)err->code;
}

static int mem_size(struct kg_store *st, const char *name, uint64_t *ret, struct kg_err *err)
{
    struct store_mem *m = of(st);
    const struct object *o;

    pthread_mutex_lock(&m->lock);
    o = find(m, name);
    if (o)
        *ret = o->n;
    else
        kg_err_set(err, KG_E_NOT_FOUND, "no object '%s'", name);
    pthread_mutex_unlock(&m->lock);
    return -(int)err->code;
}

/* A visitor may put, get and remove, so it is called without the lock and with copies: the list goes on behind the
 * name it visited last. */
static int mem_list(struct kg_store *st, const char *prefix, kg_store_visit visit, void *ctx, struct kg_err *err)
{
    struct store_mem *m = of(st);
    KG_AUTO_FREE char *last = NULL;
    int eno = KG_FAULT(STORE_LIST), r = 0;

    if (eno)
        return kg_err_sys(err, eno, "list objects");
    while (r >= 0) {
        struct kg_store_entry e = { 0 };
        char *name = NULL;
        size_t i;

        pthread_mutex_lock(&m->lock);
        i = place(m, last ? last : prefix);
        if (last && i < m->n && strcmp(m->objects[i].name, last) == 0)
            i++;
        if (i < m->n && strncmp(m->objects[i].name, prefix, strlen(prefix)) == 0) {
            name = kg_xstrdup(m->objects[i].name);
            e = (struct kg_store_entry){ name, m->objects[i].n, m->objects[i].modified_wall };
        }
        pthread_mutex_unlock(&m->lock);
        if (!name)
            break;
        free(last);
        last = name;
        r = visit(ctx, &e, err);
    }
    return r < 0 ? r : 0;
}

static int mem_remove(struct kg_store *st, const char *name, struct kg_err *err)
{
    struct store_mem *m = of(st);
    int eno = KG_FAULT(STORE_DELETE);
    struct object *o;

    if (eno)
        return kg_err_sys(err, eno, "delete object '%s'", name);
    pthread_mutex_lock(&m->lock);
    o = find(m, name);
    if (o) {
        free(o->name);
        free(o->data);
        memmove(o, o + 1, (m->n - (size_t)(o - m->objects) - 1) * sizeof *o);
        m->n--;
    } else {
        kg_err_set(err, KG_E_NOT_FOUND, "no object '%s'", name);
    }
    pthread_mutex_unlock(&m->lock);
    return -(int)err->code;
}

static int mem_space(struct kg_store *st, uint64_t *ret_free, struct kg_err *err)
{
    (void)st, (void)err;
    *ret_free = UINT64_MAX;
    return 0;
}

static void mem_close(struct kg_store *st)
{
    struct store_mem *m = of(st);

    for (size_t i = 0; i < m->n; i++) {
        free(m->objects[i].name);
        free(m->objects[i].data);
    }
    free(m->objects);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static const struct kg_store_ops mem_ops = {
    .name = "mem",
    .put_begin = mem_put_begin,
    .put_add = mem_put_add,
    .put_end = mem_put_end,
    .put_abort = mem_put_abort,
    .get = mem_get,
    .size = mem_size,
    .list = mem_list,
    .remove = mem_remove,
    .space = mem_space,
    .close = mem_close,
};

struct kg_store *kg_store_open_mem(void)
{
    struct store_mem *m = kg_xalloc(sizeof *m);

    m->base.ops = &mem_ops;
    pthread_mutex_init(&m->lock, NULL);
    return &m->base;
}
