#include "json/jmespath_tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"

#define ARGS struct jp_run *r, const struct jp_val *const *a, size_t n
#define UNUSED_N (void)n

/* ---- numbers ---- */

static const struct jp_val *f_abs(ARGS)   { UNUSED_N; return jp_number(r, fabs(a[0]->number)); }
static const struct jp_val *f_ceil(ARGS)  { UNUSED_N; return jp_number(r, ceil(a[0]->number)); }
static const struct jp_val *f_floor(ARGS) { UNUSED_N; return jp_number(r, floor(a[0]->number)); }

static double total(const struct jp_val *numbers)
{
    double sum = 0;

    for (size_t i = 0; i < numbers->n; i++)
        sum += numbers->items[i]->number;
    return sum;
}

static const struct jp_val *f_sum(ARGS) { UNUSED_N; return jp_number(r, total(a[0])); }

static const struct jp_val *f_avg(ARGS)
{
    UNUSED_N;
    return a[0]->n ? jp_number(r, total(a[0]) / (double)a[0]->n) : &jp_null;
}

/* As JSON writes them: nothing in front, nothing behind, no hexadecimal. */
static const struct jp_val *f_to_number(ARGS)
{
    const char *s = a[0]->string;
    char *end = NULL;
    double d;

    UNUSED_N;
    if (a[0]->type == JP_NUMBER)
        return a[0];
    if (a[0]->type != JP_STRING || strspn(s, "+-0123456789.eE") != strlen(s) || !*s)
        return &jp_null;
    d = strtod(s, &end);
    return *end || !isfinite(d) ? &jp_null : jp_number(r, d);
}

/* ---- strings ---- */

static const struct jp_val *truth(bool is) { return is ? &jp_true : &jp_false; }

static const struct jp_val *f_starts_with(ARGS)
{
    (void)r, UNUSED_N;
    return truth(strncmp(a[0]->string, a[1]->string, strlen(a[1]->string)) == 0);
}

static const struct jp_val *f_ends_with(ARGS)
{
    size_t all = strlen(a[0]->string), end = strlen(a[1]->string);

    (void)r, UNUSED_N;
    return truth(end <= all && strcmp(a[0]->string + all - end, a[1]->string) == 0);
}

static const struct jp_val *f_contains(ARGS)
{
    UNUSED_N;
    if (a[0]->type == JP_STRING)
        return truth(a[1]->type == JP_STRING && strstr(a[0]->string, a[1]->string));
    for (size_t i = 0; i < a[0]->n; i++)
        if (jp_equal(r, a[0]->items[i], a[1]))
            return &jp_true;
    return r->err->code == KG_E_OK ? &jp_false : NULL;
}

static const struct jp_val *f_join(ARGS)
{
    size_t each = strlen(a[0]->string), size = 0;
    struct jp_val *v = jp_room(r, 1, sizeof *v);
    char *to;

    UNUSED_N;
    for (size_t i = 0; i < a[1]->n; i++)
        size += (i ? each : 0) + strlen(a[1]->items[i]->string);
    to = v ? jp_room(r, size + 1, 1) : NULL;
    if (!to)
        return NULL;
    v->type = JP_STRING;
    v->string = to;
    for (size_t i = 0; i < a[1]->n; i++) {
        if (i)
            to = mempcpy(to, a[0]->string, each);
        to = mempcpy(to, a[1]->items[i]->string, strlen(a[1]->items[i]->string));
    }
    return v;
}

static const struct jp_val *f_to_string(ARGS)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(JP_MEMORY_MAX);
    KG_AUTO_JSON struct kg_json *j = NULL;

    UNUSED_N;
    if (a[0]->type == JP_STRING)
        return a[0];
    j = jp_export(r, a[0]);
    if (!j)
        return NULL;
    kg_json_print(j, false, &b);
    return kg_buf_ok(&b, r->err) < 0 ? NULL : jp_string(r, b.p, b.len);
}

static const struct jp_val *reversed_string(struct jp_run *r, const char *s)
{
    size_t n = strlen(s), left = n;
    KG_AUTO_FREE char *to = kg_xalloc(n + 1);

    for (size_t i = 0; i < n;) {
        size_t bytes = 1;

        while (((unsigned char)s[i + bytes] & 0xC0) == 0x80)
            bytes++;
        left -= bytes;
        memcpy(to + left, s + i, bytes);
        i += bytes;
    }
    return jp_string(r, to, n);
}

/* ---- arrays and objects ---- */

static const struct jp_val *f_length(ARGS)
{
    size_t count = a[0]->n;

    UNUSED_N;
    for (const char *s = a[0]->type == JP_STRING ? a[0]->string : ""; *s; s++)
        count += ((unsigned char)*s & 0xC0) != 0x80;
    return jp_number(r, (double)count);
}

static const struct jp_val *f_reverse(ARGS)
{
    const struct jp_val **items;

    UNUSED_N;
    if (a[0]->type == JP_STRING)
        return reversed_string(r, a[0]->string);
    items = jp_room(r, a[0]->n, sizeof *items);
    for (size_t i = 0; items && i < a[0]->n; i++)
        items[i] = a[0]->items[a[0]->n - 1 - i];
    return items ? jp_array(r, items, a[0]->n) : NULL;
}

static const struct jp_val *f_keys(ARGS)
{
    const struct jp_val **items = jp_room(r, a[0]->n, sizeof *items);

    UNUSED_N;
    for (size_t i = 0; items && i < a[0]->n; i++)
        if (!(items[i] = jp_string(r, a[0]->members[i].key, strlen(a[0]->members[i].key))))
            return NULL;
    return items ? jp_array(r, items, a[0]->n) : NULL;
}

static const struct jp_val *f_values(ARGS)
{
    const struct jp_val **items = jp_room(r, a[0]->n, sizeof *items);

    UNUSED_N;
    for (size_t i = 0; items && i < a[0]->n; i++)
        items[i] = a[0]->members[i].value;
    return items ? jp_array(r, items, a[0]->n) : NULL;
}

/* What comes later wins, at the place of what came first. */
static const struct jp_val *f_merge(ARGS)
{
    struct jp_member *members;
    size_t room = 0, kept = 0;

    for (size_t i = 0; i < n; i++)
        room += a[i]->n;
    members = jp_room(r, room, sizeof *members);
    for (size_t i = 0; members && i < n; i++)
        for (size_t m = 0; m < a[i]->n; m++) {
            size_t to = 0;

            while (to < kept && strcmp(members[to].key, a[i]->members[m].key) != 0)
                to++;
            if (!jp_step(r, 1 + to / 8))
                return NULL;
            members[to] = a[i]->members[m];
            kept += to == kept;
        }
    return members ? jp_object(r, members, kept) : NULL;
}

static const struct jp_val *f_map(ARGS)
{
    const struct jp_val **items = jp_room(r, a[1]->n, sizeof *items);

    UNUSED_N;
    for (size_t i = 0; items && i < a[1]->n; i++)
        if (!(items[i] = jp_eval(r, a[0]->expr, a[1]->items[i])))
            return NULL;
    return items ? jp_array(r, items, a[1]->n) : NULL;
}

static const struct jp_val *f_not_null(ARGS)
{
    (void)r;
    for (size_t i = 0; i < n; i++)
        if (a[i]->type != JP_NULL)
            return a[i];
    return &jp_null;
}

static const struct jp_val *f_to_array(ARGS)
{
    const struct jp_val **items;

    UNUSED_N;
    if (a[0]->type == JP_ARRAY)
        return a[0];
    items = jp_room(r, 1, sizeof *items);
    if (!items)
        return NULL;
    items[0] = a[0];
    return jp_array(r, items, 1);
}

static const struct jp_val *f_type(ARGS)
{
    const char *name = a[0]->type == JP_NULL ? "null" : a[0]->type == JP_BOOL ? "boolean"
                     : a[0]->type == JP_NUMBER ? "number" : a[0]->type == JP_STRING ? "string"
                     : a[0]->type == JP_ARRAY ? "array" : "object";

    UNUSED_N;
    return jp_string(r, name, strlen(name));
}

/* ---- order ---- */

struct ranked {
    const struct jp_val *key, *item;
    size_t place;
};

static int by_key(const void *x, const void *y)
{
    const struct ranked *a = x, *b = y;
    int order = jp_compare(a->key, b->key);

    return order ? order : (a->place > b->place) - (a->place < b->place);
}

/* The items of list with what by says of each (NULL: themselves), all numbers or all strings; NULL when not. */
static struct ranked *rank(struct jp_run *r, const char *function, const struct jp_val *list, const struct jp_node *by)
{
    struct ranked *ranked = jp_room(r, list->n, sizeof *ranked);

    for (size_t i = 0; ranked && i < list->n; i++) {
        const struct jp_val *key = by ? jp_eval(r, by, list->items[i]) : list->items[i];

        if (!key)
            return NULL;
        if ((key->type != JP_NUMBER && key->type != JP_STRING) || (i && key->type != ranked[0].key->type)) {
            kg_err_set(r->err, KG_E_USAGE, "%s() wants numbers or strings to order by, all of one type", function);
            kg_err_advise(r->err, "Filter out the items that lack it first: [?KEY != null] | %s(@, &KEY).", function);
            return NULL;
        }
        ranked[i] = (struct ranked){ key, list->items[i], i };
    }
    return ranked;
}

static const struct jp_val *sorted(struct jp_run *r, struct ranked *ranked, size_t n)
{
    const struct jp_val **items = ranked && jp_step(r, n * 8) ? jp_room(r, n, sizeof *items) : NULL;

    if (!items)
        return NULL;
    if (n)
        qsort(ranked, n, sizeof *ranked, by_key);
    for (size_t i = 0; i < n; i++)
        items[i] = ranked[i].item;
    return jp_array(r, items, n);
}

/* Of equals, the first. sign 1: the greatest, -1: the least. */
static const struct jp_val *outermost(const struct ranked *ranked, size_t n, int wanted)
{
    size_t best = 0;

    if (!ranked)
        return NULL;
    for (size_t i = 1; i < n; i++)
        if (jp_compare(ranked[i].key, ranked[best].key) * wanted > 0)
            best = i;
    return n ? ranked[best].item : &jp_null;
}

static const struct jp_val *f_sort(ARGS) { UNUSED_N; return sorted(r, rank(r, "sort", a[0], NULL), a[0]->n); }
static const struct jp_val *f_sort_by(ARGS)
{
    UNUSED_N;
    return sorted(r, rank(r, "sort_by", a[0], a[1]->expr), a[0]->n);
}
static const struct jp_val *f_max(ARGS) { UNUSED_N; return outermost(rank(r, "max", a[0], NULL), a[0]->n, 1); }
static const struct jp_val *f_min(ARGS) { UNUSED_N; return outermost(rank(r, "min", a[0], NULL), a[0]->n, -1); }
static const struct jp_val *f_max_by(ARGS)
{
    UNUSED_N;
    return outermost(rank(r, "max_by", a[0], a[1]->expr), a[0]->n, 1);
}
static const struct jp_val *f_min_by(ARGS)
{
    UNUSED_N;
    return outermost(rank(r, "min_by", a[0], a[1]->expr), a[0]->n, -1);
}

static const struct jp_function functions[] = {
    { "abs", 1, 1, { JP_NUMBER }, f_abs },
    { "avg", 1, 1, { JP_ARRAY | JP_OF_NUMBERS }, f_avg },
    { "ceil", 1, 1, { JP_NUMBER }, f_ceil },
    { "contains", 2, 2, { JP_ARRAY | JP_STRING, JP_ANY }, f_contains },
    { "ends_with", 2, 2, { JP_STRING, JP_STRING }, f_ends_with },
    { "floor", 1, 1, { JP_NUMBER }, f_floor },
    { "join", 2, 2, { JP_STRING, JP_ARRAY | JP_OF_STRINGS }, f_join },
    { "keys", 1, 1, { JP_OBJECT }, f_keys },
    { "length", 1, 1, { JP_STRING | JP_ARRAY | JP_OBJECT }, f_length },
    { "map", 2, 2, { JP_EXPR, JP_ARRAY }, f_map },
    { "max", 1, 1, { JP_ARRAY | JP_OF_NUMBERS | JP_OF_STRINGS }, f_max },
    { "max_by", 2, 2, { JP_ARRAY, JP_EXPR }, f_max_by },
    { "merge", 1, 0, { JP_OBJECT, JP_OBJECT }, f_merge },
    { "min", 1, 1, { JP_ARRAY | JP_OF_NUMBERS | JP_OF_STRINGS }, f_min },
    { "min_by", 2, 2, { JP_ARRAY, JP_EXPR }, f_min_by },
    { "not_null", 1, 0, { JP_ANY, JP_ANY }, f_not_null },
    { "reverse", 1, 1, { JP_ARRAY | JP_STRING }, f_reverse },
    { "sort", 1, 1, { JP_ARRAY | JP_OF_NUMBERS | JP_OF_STRINGS }, f_sort },
    { "sort_by", 2, 2, { JP_ARRAY, JP_EXPR }, f_sort_by },
    { "starts_with", 2, 2, { JP_STRING, JP_STRING }, f_starts_with },
    { "sum", 1, 1, { JP_ARRAY | JP_OF_NUMBERS }, f_sum },
    { "to_array", 1, 1, { JP_ANY }, f_to_array },
    { "to_number", 1, 1, { JP_ANY }, f_to_number },
    { "to_string", 1, 1, { JP_ANY }, f_to_string },
    { "type", 1, 1, { JP_ANY }, f_type },
    { "values", 1, 1, { JP_OBJECT }, f_values },
};

const struct jp_function *jp_function_find(const char *name)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(functions); i++)
        if (strcmp(functions[i].name, name) == 0)
            return &functions[i];
    return NULL;
}
