#include "json/jmespath_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* ---- memory ---- */

struct jp_block {
    struct jp_block *before;
    size_t n, size;
    max_align_t data[];
};

void *jp_alloc(struct jp_arena *a, size_t count, size_t size)
{
    enum { BLOCK = 64 << 10 };
    size_t n, all;
    void *p;

    if (__builtin_mul_overflow(count, size, &n) || __builtin_add_overflow(n, sizeof(max_align_t) - 1, &n))
        return NULL;
    n &= ~(sizeof(max_align_t) - 1);
    if (__builtin_add_overflow(a->used, n, &all) || all > a->max)
        return NULL;
    if (!a->last || a->last->size - a->last->n < n) {
        size_t room = n > BLOCK ? n : BLOCK;
        struct jp_block *b = kg_xalloc(sizeof *b + room);

        b->before = a->last;
        b->size = room;
        a->last = b;
    }
    p = (char *)a->last->data + a->last->n;
    a->last->n += n;
    a->used = all;
    return p;
}

void jp_arena_done(struct jp_arena *a)
{
    while (a->last) {
        struct jp_block *b = a->last;

        a->last = b->before;
        free(b);
    }
    a->used = 0;
}

/* ---- making ---- */

const struct jp_val jp_null = { .type = JP_NULL };
const struct jp_val jp_true = { .type = JP_BOOL, .truth = true };
const struct jp_val jp_false = { .type = JP_BOOL };

static void *too_much(struct jp_run *r, const char *what)
{
    if (r->err->code == KG_E_OK) {
        kg_err_set(r->err, KG_E_LIMIT, "the query %s", what);
        kg_err_advise(r->err, "Write a query that looks at less, or print the result as JSON and filter it elsewhere.");
    }
    return NULL;
}

bool jp_step(struct jp_run *r, size_t n)
{
    if (r->steps < n) {
        too_much(r, "takes too many steps");
        return false;
    }
    r->steps -= n;
    return true;
}

void *jp_room(struct jp_run *r, size_t count, size_t size)
{
    void *p = jp_alloc(&r->arena, count, size);

    return p ? p : too_much(r, "takes too much memory");
}

static struct jp_val *make(struct jp_run *r, enum jp_type type)
{
    struct jp_val *v = jp_room(r, 1, sizeof *v);

    if (v)
        v->type = type;
    return v;
}

const struct jp_val *jp_number(struct jp_run *r, double d)
{
    struct jp_val *v = make(r, JP_NUMBER);

    if (v)
        v->number = d;
    return v;
}

const struct jp_val *jp_string(struct jp_run *r, const char *s, size_t n)
{
    struct jp_val *v = make(r, JP_STRING);
    char *copy = v ? jp_room(r, n + 1, 1) : NULL;

    if (!copy)
        return NULL;
    memcpy(copy, s, n);
    v->string = copy;
    return v;
}

/* Recursion elsewhere goes as deep as values do. */
static const struct jp_val *deepened(struct jp_run *r, struct jp_val *v, unsigned deepest)
{
    v->depth = deepest + 1;
    return v->depth > JP_DEPTH_MAX ? too_much(r, "makes something nested too deeply") : v;
}

const struct jp_val *jp_array(struct jp_run *r, const struct jp_val **items, size_t n)
{
    struct jp_val *v = make(r, JP_ARRAY);
    unsigned deepest = 0;

    if (!v)
        return NULL;
    v->items = items;
    v->n = n;
    for (size_t i = 0; i < n; i++)
        if (items[i]->depth > deepest)
            deepest = items[i]->depth;
    return deepened(r, v, deepest);
}

const struct jp_val *jp_object(struct jp_run *r, struct jp_member *members, size_t n)
{
    struct jp_val *v = make(r, JP_OBJECT);
    unsigned deepest = 0;

    if (!v)
        return NULL;
    v->members = members;
    v->n = n;
    for (size_t i = 0; i < n; i++)
        if (members[i].value->depth > deepest)
            deepest = members[i].value->depth;
    return deepened(r, v, deepest);
}

/* ---- from and to JSON ---- */

static const struct jp_val *import(struct jp_run *r, const struct kg_json *j, unsigned level);

static const struct jp_val *import_array(struct jp_run *r, const struct kg_json *j, unsigned level)
{
    size_t n = kg_json_count(j), i = 0;
    const struct jp_val **items = jp_room(r, n, sizeof *items);

    if (!items)
        return NULL;
    for (const struct kg_json *c = kg_json_first(j); c; c = kg_json_next(c))
        if (!(items[i++] = import(r, c, level + 1)))
            return NULL;
    return jp_array(r, items, n);
}

static const struct jp_val *import_object(struct jp_run *r, const struct kg_json *j, unsigned level)
{
    size_t n = kg_json_count(j), i = 0;
    struct jp_member *members = jp_room(r, n, sizeof *members);

    if (!members)
        return NULL;
    for (const struct kg_json *c = kg_json_first(j); c; c = kg_json_next(c), i++) {
        members[i] = (struct jp_member){ kg_json_key(c), import(r, c, level + 1) };
        if (!members[i].value)
            return NULL;
    }
    return jp_object(r, members, n);
}

static const struct jp_val *import(struct jp_run *r, const struct kg_json *j, unsigned level)
{
    struct jp_val *v;

    if (level > JP_DEPTH_MAX)
        return too_much(r, "was handed something nested too deeply");
    switch (kg_json_type(j)) {
    case KG_JSON_ARRAY:
        return import_array(r, j, level);
    case KG_JSON_OBJECT:
        return import_object(r, j, level);
    case KG_JSON_BOOL:
        return kg_json_bool(j, "", false) ? &jp_true : &jp_false;
    case KG_JSON_NUMBER:
        v = make(r, JP_NUMBER);
        if (v) {
            v->number = kg_json_double(j, "", 0);
            v->origin = j;
        }
        return v;
    case KG_JSON_STRING:
        v = make(r, JP_STRING);
        if (v)
            v->string = kg_json_value_str(j);
        return v;
    default:
        return &jp_null;
    }
}

const struct jp_val *jp_import(struct jp_run *r, const struct kg_json *j) { return import(r, j, 1); }

/* What was shared is copied here, so a short query could ask for a huge result: its size is counted, too. */
static bool count_export(struct jp_run *r, const struct jp_val *v)
{
    r->exported += 100 + (v->type == JP_STRING ? strlen(v->string) : 0);
    return r->exported <= JP_MEMORY_MAX || too_much(r, "has too large a result");
}

struct kg_json *jp_export(struct jp_run *r, const struct jp_val *v)
{
    KG_AUTO_JSON struct kg_json *to = NULL;

    if (!count_export(r, v))
        return NULL;
    switch (v->type) {
    case JP_BOOL:
        return kg_json_boolean(v->truth);
    case JP_NUMBER:
        return v->origin ? kg_json_copy(v->origin) : kg_json_number(v->number);
    case JP_STRING:
        return kg_json_string(v->string);
    case JP_ARRAY:
        to = kg_json_array();
        for (size_t i = 0; i < v->n; i++) {
            struct kg_json *c = jp_export(r, v->items[i]);

            if (!c)
                return NULL;
            kg_json_push(to, c);
        }
        return KG_TAKE(to);
    case JP_OBJECT:
        to = kg_json_object();
        for (size_t i = 0; i < v->n; i++) {
            struct kg_json *c = jp_export(r, v->members[i].value);

            if (!c)
                return NULL;
            kg_json_add(to, v->members[i].key, c);
        }
        return KG_TAKE(to);
    default:
        return kg_json_string(NULL);
    }
}

/* ---- comparing ---- */

const struct jp_val *jp_member(const struct jp_val *object, const char *key)
{
    for (size_t i = 0; i < object->n; i++)
        if (strcmp(object->members[i].key, key) == 0)
            return object->members[i].value;
    return NULL;
}

/* When it runs out of steps it says no; whoever called looks at err. */
bool jp_equal(struct jp_run *r, const struct jp_val *a, const struct jp_val *b)
{
    if (a == b)
        return true;
    if (a->type != b->type || a->n != b->n || !jp_step(r, 1 + a->n * (a->type == JP_OBJECT ? a->n / 8 : 0)))
        return false;
    switch (a->type) {
    case JP_BOOL:
        return a->truth == b->truth;
    case JP_NUMBER:
    case JP_STRING:
        return jp_compare(a, b) == 0;
    case JP_ARRAY:
        for (size_t i = 0; i < a->n; i++)
            if (!jp_equal(r, a->items[i], b->items[i]))
                return false;
        return true;
    case JP_OBJECT:
        for (size_t i = 0; i < a->n; i++) {
            const struct jp_val *other = jp_member(b, a->members[i].key);

            if (!other || !jp_equal(r, a->members[i].value, other))
                return false;
        }
        return true;
    default:
        return a->type == JP_NULL;
    }
}

int jp_compare(const struct jp_val *a, const struct jp_val *b)
{
    if (a->type == JP_STRING)
        return strcmp(a->string, b->string);
    return (a->number > b->number) - (a->number < b->number);
}
