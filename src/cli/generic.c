#include "cli/generic.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"

/* ---- --set, --add, --remove ---- */

bool kg_generic_used(const struct kg_generic *g) { return g->set.n || g->add.n || g->remove.n; }

/* "a.b[0].c" as "a.b.0.c". */
static int make_path(const char *text, size_t n, char **ret, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4096);

    kg_buf_adds(&b, "");
    for (size_t i = 0; i < n; i++) {
        if (text[i] == ']')
            continue;
        kg_buf_add(&b, text[i] == '[' ? "." : &text[i], 1);
    }
    if (kg_buf_ok(&b, err) < 0)
        return kg_err_wrap(err, "the path '%.40s…'", text);
    if (!b.len || b.p[0] == '.' || b.p[b.len - 1] == '.' || strstr(b.p, ".."))
        return kg_err_set(err, KG_E_USAGE, "'%.*s' is not the path of a property", (int)(n < 200 ? n : 200), text);
    *ret = kg_buf_take(&b);
    return 0;
}

/* JSON when it reads as such, else text. */
static struct kg_json *value_of(const struct kg_generic *g, const char *text)
{
    struct kg_json *j = NULL;
    struct kg_err ignored = { 0 };

    if (!g->force_string && kg_json_parse(text, strlen(text), &j, &ignored) == 0)
        return j;
    return kg_json_string(text);
}

static int no_object(char *path, char *end, struct kg_err *err)
{
    *end = '\0';
    kg_err_set(err, KG_E_USAGE, "--set: '%s' is no object", path);
    kg_err_advise(err, "Change lists with --add and --remove.");
    return -(int)err->code;
}

/* The last object or list on the way of path that is there, and what is left of the way. */
static int walk(struct kg_json *j, char *path, struct kg_json **ret, char **ret_rest, struct kg_err *err)
{
    struct kg_json *at = j;
    char *rest = path, *dot;

    while ((dot = strchr(rest, '.'))) {
        KG_AUTO_FREE char *key = kg_xstrndup(rest, (size_t)(dot - rest));
        struct kg_json *child = kg_json_get_mutable(at, key);
        enum kg_json_type type = kg_json_type(child);

        if (child && type == KG_JSON_NULL && kg_json_type(at) == KG_JSON_OBJECT)
            kg_json_remove(at, key); /* an empty member becomes an object */
        else if (child && type != KG_JSON_OBJECT && type != KG_JSON_ARRAY)
            return no_object(path, dot, err);
        if (!child || type == KG_JSON_NULL)
            break;
        at = child;
        rest = dot + 1;
    }
    if (kg_json_type(at) != KG_JSON_OBJECT)
        return no_object(path, rest > path ? rest - 1 : rest, err);
    *ret = at;
    *ret_rest = rest;
    return 0;
}

static int set_one(const struct kg_generic *g, struct kg_json *j, const char *word, struct kg_err *err)
{
    const char *eq = strchr(word, '=');
    KG_AUTO_FREE char *path = NULL;
    struct kg_json *at = NULL;
    char *rest = NULL;

    if (!eq)
        return kg_err_set(err, KG_E_USAGE, "--set takes PATH=VALUE, not '%s'", word);
    if (make_path(word, (size_t)(eq - word), &path, err) < 0)
        return kg_err_wrap(err, "--set");
    if (walk(j, path, &at, &rest, err) < 0)
        return -(int)err->code;
    kg_json_set(at, rest, value_of(g, eq + 1));
    return 0;
}

static bool is_pair(const char *word)
{
    const char *eq = strchr(word, '=');

    return eq && eq != word && word[0] != '{' && word[0] != '[' && word[0] != '"' &&
           strcspn(word, ". ") > (size_t)(eq - word);
}

static int add_words(const struct kg_generic *g, struct kg_json *j, struct kg_err *err)
{
    KG_AUTO_FREE char *path = NULL;
    struct kg_json *list, *obj = NULL;

    if (g->add.n < 2)
        return kg_err_set(err, KG_E_USAGE, "--add takes the path of a list and at least one value");
    if (make_path(g->add.v[0], strlen(g->add.v[0]), &path, err) < 0)
        return kg_err_wrap(err, "--add");
    list = kg_json_get_mutable(j, path);
    if (kg_json_type(list) != KG_JSON_ARRAY)
        return kg_err_set(err, KG_E_USAGE, "--add: '%s' is no list", path);
    for (size_t i = 1; i < g->add.n; i++) {
        if (!is_pair(g->add.v[i])) {
            kg_json_push(list, value_of(g, g->add.v[i]));
            continue;
        }
        if (!obj)
            kg_json_push(list, obj = kg_json_object());
        if (kg_value_pair(g->add.v[i], obj, err) < 0)
            return kg_err_wrap(err, "--add");
    }
    return 0;
}

static int remove_words(const struct kg_generic *g, struct kg_json *j, struct kg_err *err)
{
    for (size_t i = 0; i < g->remove.n; i++) {
        KG_AUTO_FREE char *path = NULL, *full = NULL;
        const char *next = i + 1 < g->remove.n ? g->remove.v[i + 1] : NULL;

        if (make_path(g->remove.v[i], strlen(g->remove.v[i]), &path, err) < 0)
            return kg_err_wrap(err, "--remove");
        if (next && *next && strspn(next, "0123456789") == strlen(next)) {
            full = kg_xprintf("%s.%s", path, next);
            i++;
        } else {
            full = kg_xstrdup(path);
        }
        if (!kg_json_get(j, full))
            return kg_err_set(err, KG_E_USAGE, "--remove: there is no '%s'", full);
        kg_json_remove(j, full);
    }
    return 0;
}

int kg_generic_apply(const struct kg_generic *g, struct kg_json *j, struct kg_err *err)
{
    for (size_t i = 0; i < g->set.n; i++)
        if (set_one(g, j, g->set.v[i], err) < 0)
            return -(int)err->code;
    if (g->add.n && add_words(g, j, err) < 0)
        return -(int)err->code;
    return remove_words(g, j, err);
}
