#include "json/jmespath.h"

#include <string.h>

#include "json/jmespath_tree.h"

/* false, null, "", [] and {} are as good as false. */
static bool is_true(const struct jp_val *v)
{
    switch (v->type) {
    case JP_NULL:
        return false;
    case JP_BOOL:
        return v->truth;
    case JP_STRING:
        return *v->string != '\0';
    case JP_ARRAY:
    case JP_OBJECT:
        return v->n > 0;
    default:
        return true;
    }
}

static const struct jp_val *truth(bool is) { return is ? &jp_true : &jp_false; }

static const struct jp_val *item_at(const struct jp_node *n, const struct jp_val *v)
{
    int64_t at = n->number[0];

    if (v->type != JP_ARRAY)
        return &jp_null;
    if (at < 0)
        at += (int64_t)v->n;
    return at >= 0 && at < (int64_t)v->n ? v->items[at] : &jp_null;
}

/* One end of a slice: counted from behind when negative, held inside least..most. */
static int64_t bound(int64_t at, int64_t n, int64_t least, int64_t most)
{
    if (at < 0)
        at += n;
    return at < least ? least : at > most ? most : at;
}

static const struct jp_val *slice(struct jp_run *r, const struct jp_node *n, const struct jp_val *v)
{
    int64_t count = (int64_t)v->n, step = n->given[2] ? n->number[2] : 1, least = step > 0 ? 0 : -1;
    int64_t most = step > 0 ? count : count - 1, start, stop;
    const struct jp_val **items;
    size_t kept = 0;

    if (v->type != JP_ARRAY)
        return &jp_null;
    start = n->given[0] ? bound(n->number[0], count, least, most) : step > 0 ? 0 : count - 1;
    stop = n->given[1] ? bound(n->number[1], count, least, most) : step > 0 ? count : -1;
    items = jp_room(r, v->n, sizeof *items);
    if (!items)
        return NULL;
    for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
        items[kept++] = v->items[i];
        if (__builtin_add_overflow(i, step, &i))
            break;
    }
    return jp_array(r, items, kept);
}

/* Lists inside the list are opened, one level. */
static const struct jp_val *flatten(struct jp_run *r, const struct jp_val *v)
{
    const struct jp_val **items;
    size_t n = 0, to = 0;

    if (v->type != JP_ARRAY)
        return &jp_null;
    for (size_t i = 0; i < v->n; i++)
        n += v->items[i]->type == JP_ARRAY ? v->items[i]->n : 1;
    items = jp_step(r, n) ? jp_room(r, n, sizeof *items) : NULL;
    if (!items)
        return NULL;
    for (size_t i = 0; i < v->n; i++) {
        const struct jp_val *item = v->items[i];

        if (item->type != JP_ARRAY) {
            items[to++] = item;
        } else if (item->n) {
            memcpy(items + to, item->items, item->n * sizeof *items);
            to += item->n;
        }
    }
    return jp_array(r, items, to);
}

/* The right side for each item or member for which the condition holds; what comes out as null is left out. */
static const struct jp_val *project(struct jp_run *r, const struct jp_node *n, const struct jp_val *over)
{
    enum jp_type wanted = n->kind == JP_VALUES ? JP_OBJECT : JP_ARRAY;
    const struct jp_val **items;
    size_t kept = 0;

    if (over->type != wanted)
        return &jp_null;
    items = jp_room(r, over->n, sizeof *items);
    if (!items)
        return NULL;
    for (size_t i = 0; i < over->n; i++) {
        const struct jp_val *item = wanted == JP_OBJECT ? over->members[i].value : over->items[i], *to;

        if (n->condition) {
            const struct jp_val *holds = jp_eval(r, n->condition, item);

            if (!holds)
                return NULL;
            if (!is_true(holds))
                continue;
        }
        to = jp_eval(r, n->right, item);
        if (!to)
            return NULL;
        if (to->type != JP_NULL)
            items[kept++] = to;
    }
    return jp_array(r, items, kept);
}

static const struct jp_val *compare(struct jp_run *r, enum jp_kind kind, const struct jp_val *a, const struct jp_val *b)
{
    int order;

    if (kind == JP_EQ || kind == JP_NE) {
        bool same = jp_equal(r, a, b);

        return r->err->code == KG_E_OK ? truth(same == (kind == JP_EQ)) : NULL;
    }
    if (a->type != b->type || (a->type != JP_NUMBER && a->type != JP_STRING))
        return &jp_null;
    order = jp_compare(a, b);
    return truth(kind == JP_LT ? order < 0 : kind == JP_LE ? order <= 0 : kind == JP_GT ? order > 0 : order >= 0);
}

static const struct jp_val *multi_list(struct jp_run *r, const struct jp_node *n, const struct jp_val *v)
{
    const struct jp_val **items = jp_room(r, n->n_args, sizeof *items);

    for (size_t i = 0; items && i < n->n_args; i++)
        if (!(items[i] = jp_eval(r, n->args[i], v)))
            return NULL;
    return items ? jp_array(r, items, n->n_args) : NULL;
}

static const struct jp_val *multi_hash(struct jp_run *r, const struct jp_node *n, const struct jp_val *v)
{
    struct jp_member *members = jp_room(r, n->n_args, sizeof *members);
    size_t kept = 0;

    for (size_t i = 0; members && i < n->n_args; i++) {
        struct jp_member m = { n->keys[i], jp_eval(r, n->args[i], v) };
        size_t to = 0;

        if (!m.value)
            return NULL;
        while (to < kept && strcmp(members[to].key, m.key) != 0)
            to++;
        members[to] = m;
        kept += to == kept;
    }
    return members ? jp_object(r, members, kept) : NULL;
}

/* ---- calls ---- */

static const char *type_name(enum jp_type t)
{
    switch (t) {
    case JP_NULL:   return "null";
    case JP_BOOL:   return "a boolean";
    case JP_NUMBER: return "a number";
    case JP_STRING: return "a string";
    case JP_ARRAY:  return "an array";
    case JP_OBJECT: return "an object";
    default:        return "an expression (&…)";
    }
}

static bool takes(unsigned set, const struct jp_val *v)
{
    unsigned of = set & (JP_OF_NUMBERS | JP_OF_STRINGS);
    bool numbers = of & JP_OF_NUMBERS, strings = of & JP_OF_STRINGS;

    if (!(set & v->type))
        return false;
    for (size_t i = 0; of && v->type == JP_ARRAY && i < v->n; i++) {
        numbers &= v->items[i]->type == JP_NUMBER;
        strings &= v->items[i]->type == JP_STRING;
    }
    return !of || v->type != JP_ARRAY || numbers || strings;
}

static const struct jp_val *refuse(struct jp_run *r, const struct jp_node *n, size_t i, unsigned set, enum jp_type got)
{
    const char *of = set & JP_OF_NUMBERS && set & JP_OF_STRINGS ? " of numbers or of strings"
                   : set & JP_OF_NUMBERS ? " of numbers" : set & JP_OF_STRINGS ? " of strings" : "";
    char wanted[200];
    size_t len = 0;

    for (unsigned t = JP_NULL; t <= JP_EXPR; t <<= 1)
        if (set & t)
            len += (size_t)snprintf(wanted + len, sizeof wanted - len, "%s%s%s", len ? " or " : "",
                                    type_name((enum jp_type)t), t == JP_ARRAY ? of : "");
    kg_err_set(r->err, KG_E_USAGE, "%s() wants %s as argument %zu, not %s, at character %zu of the query",
               n->function->name, wanted, i + 1, got == JP_ARRAY && *of ? "an array of other things" : type_name(got),
               n->at);
    kg_err_advise(r->err, "Look at the result without --query, and pick something of that type.");
    return NULL;
}

static const struct jp_val *call(struct jp_run *r, const struct jp_node *n, const struct jp_val *v)
{
    const struct jp_val **args = jp_room(r, n->n_args, sizeof *args);

    for (size_t i = 0; args && i < n->n_args; i++) {
        unsigned set = n->function->takes[i == 0 ? 0 : 1];

        args[i] = jp_eval(r, n->args[i], v);
        if (!args[i] || !jp_step(r, args[i]->n))
            return NULL;
        if (!takes(set, args[i]))
            return refuse(r, n, i, set, args[i]->type);
    }
    return args ? n->function->run(r, args, n->n_args) : NULL;
}

static const struct jp_val *reference(struct jp_run *r, const struct jp_node *n)
{
    struct jp_val *v = jp_room(r, 1, sizeof *v);

    if (v) {
        v->type = JP_EXPR;
        v->expr = n->left;
    }
    return v;
}

/* ---- */

/* Those that look at what is on their left first. */
static const struct jp_val *with_left(struct jp_run *r, const struct jp_node *n, const struct jp_val *v,
                                      const struct jp_val *left)
{
    const struct jp_val *right;

    switch (n->kind) {
    case JP_INDEX:
        return item_at(n, left);
    case JP_SLICE:
        return slice(r, n, left);
    case JP_FLATTEN:
        return flatten(r, left);
    case JP_SUB:
    case JP_PIPE:
        return jp_eval(r, n->right, left);
    case JP_PROJECT:
    case JP_VALUES:
    case JP_FILTER:
        return project(r, n, left);
    case JP_OR:
        return is_true(left) ? left : jp_eval(r, n->right, v);
    case JP_AND:
        return is_true(left) ? jp_eval(r, n->right, v) : left;
    case JP_NOT:
        return truth(!is_true(left));
    default:
        right = jp_eval(r, n->right, v);
        return right ? compare(r, n->kind, left, right) : NULL;
    }
}

const struct jp_val *jp_eval(struct jp_run *r, const struct jp_node *n, const struct jp_val *v)
{
    const struct jp_val *left;

    if (!jp_step(r, 1))
        return NULL;
    switch (n->kind) {
    case JP_CURRENT:
        return v;
    case JP_LITERAL:
        return n->literal;
    case JP_FIELD:
        left = v->type == JP_OBJECT ? jp_member(v, n->name) : NULL;
        return left ? left : &jp_null;
    case JP_LIST:
        return v->type == JP_NULL ? &jp_null : multi_list(r, n, v);
    case JP_HASH:
        return v->type == JP_NULL ? &jp_null : multi_hash(r, n, v);
    case JP_CALL:
        return call(r, n, v);
    case JP_REF:
        return reference(r, n);
    default:
        left = jp_eval(r, n->left, v);
        return left ? with_left(r, n, v, left) : NULL;
    }
}

int kg_jmespath_search(const struct kg_jmespath *q, const struct kg_json *doc, struct kg_json **ret, struct kg_err *err)
{
    struct jp_run r = { .arena = { .max = JP_MEMORY_MAX }, .steps = JP_STEPS_MAX, .err = err };
    const struct jp_val *v = jp_import(&r, doc);
    struct kg_json *result = NULL;

    if (v)
        v = jp_eval(&r, q->root, v);
    if (v)
        result = jp_export(&r, v);
    jp_arena_done(&r.arena);
    if (!result)
        return -(int)err->code;
    *ret = result;
    return 0;
}
