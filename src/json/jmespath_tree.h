/* json/jmespath_tree.h - what the three files of jmespath share: memory, values, the expression's tree.
 *
 * Values never change once they are made, so that parts of a document are shared instead of copied; all of a search's
 * lie in one arena, which goes away as a whole. */
#ifndef KG_JSON_JMESPATH_TREE_H
#define KG_JSON_JMESPATH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/json.h"

enum {
    JP_LENGTH_MAX = 16 << 10,        /* of an expression, bytes */
    JP_DEPTH_MAX = 200,              /* of an expression's tree, and of a value */
    JP_STEPS_MAX = 50 << 20,         /* nodes visited in one search */
    JP_MEMORY_MAX = 512 << 20,       /* of one search; its result once more at most */
};

struct jp_block;
struct jp_arena {
    struct jp_block *last;
    size_t used, max;
};
void *jp_alloc(struct jp_arena *a, size_t count, size_t size);  /* zeroed; NULL beyond max */
void jp_arena_done(struct jp_arena *a);

/* ---- values ---- */

enum jp_type {                       /* bits: what a function takes is a set of them */
    JP_NULL = 1, JP_BOOL = 2, JP_NUMBER = 4, JP_STRING = 8, JP_ARRAY = 16, JP_OBJECT = 32, JP_EXPR = 64,
    JP_ANY = 63,
    JP_OF_NUMBERS = 128, JP_OF_STRINGS = 256,   /* of an array's items, only in sets */
};

struct jp_node;
struct jp_member;
struct jp_val {
    enum jp_type type;
    unsigned depth;                  /* 1 + the deepest item's; scalars: 0 */
    size_t n;                        /* items or members */
    union {
        bool truth;
        double number;
        const char *string;
        const struct jp_val **items;
        struct jp_member *members;
        const struct jp_node *expr;
    };
    const struct kg_json *origin;    /* a number as the document has it, or NULL: keeps 64-bit ones exact */
};
struct jp_member {
    const char *key;
    const struct jp_val *value;
};

/* One search. A function that returns a value returns NULL when it failed, with err set. */
struct jp_run {
    struct jp_arena arena;
    size_t steps, exported;
    struct kg_err *err;
};

extern const struct jp_val jp_null, jp_true, jp_false;
bool jp_step(struct jp_run *r, size_t n);            /* counts; false when there were too many */
void *jp_room(struct jp_run *r, size_t count, size_t size); /* NULL: the limit, err is set */
const struct jp_val *jp_number(struct jp_run *r, double d);
const struct jp_val *jp_string(struct jp_run *r, const char *s, size_t n);
const struct jp_val *jp_array(struct jp_run *r, const struct jp_val **items, size_t n);
const struct jp_val *jp_object(struct jp_run *r, struct jp_member *members, size_t n);
const struct jp_val *jp_import(struct jp_run *r, const struct kg_json *j);
struct kg_json *jp_export(struct jp_run *r, const struct jp_val *v);
const struct jp_val *jp_member(const struct jp_val *object, const char *key); /* NULL when absent */
bool jp_equal(struct jp_run *r, const struct jp_val *a, const struct jp_val *b);
int jp_compare(const struct jp_val *a, const struct jp_val *b);  /* two numbers or two strings */

/* ---- expressions ---- */

enum jp_kind {
    JP_CURRENT, JP_FIELD, JP_LITERAL, JP_INDEX, JP_SLICE, JP_SUB, JP_PROJECT, JP_VALUES, JP_FILTER, JP_FLATTEN,
    JP_LIST, JP_HASH, JP_OR, JP_AND, JP_NOT, JP_PIPE, JP_CALL, JP_REF,
    JP_EQ, JP_NE, JP_LT, JP_LE, JP_GT, JP_GE,
};

struct jp_function {
    const char *name;
    unsigned min, max;               /* arguments; max 0: any number */
    unsigned takes[2];               /* sets of enum jp_type; the last one holds for all further arguments */
    const struct jp_val *(*run)(struct jp_run *r, const struct jp_val *const *args, size_t n);
};
const struct jp_function *jp_function_find(const char *name);

struct jp_node {
    enum jp_kind kind;
    unsigned depth;
    size_t at;                       /* where in the expression, counted in characters from 1 */
    const struct jp_node *left, *right, *condition;
    const char *name;                /* JP_FIELD */
    const struct jp_val *literal;
    int64_t number[3];               /* JP_INDEX: one; JP_SLICE: start, stop, step */
    bool given[3];
    const struct jp_node **args;     /* JP_LIST, JP_HASH, JP_CALL */
    const char **keys;               /* JP_HASH */
    size_t n_args;
    const struct jp_function *function;
};

struct kg_jmespath {
    struct jp_arena arena;
    struct kg_json **literals;       /* what literals and quoted names were read into */
    size_t n_literals, cap_literals;
    const struct jp_node *root;
};

const struct jp_val *jp_eval(struct jp_run *r, const struct jp_node *n, const struct jp_val *v);

#endif
