#include "cli/cmd.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/fd.h"

enum { JSON_FILE_MAX = 4 << 20, SHORTHAND_DEPTH = 32 };

static bool looks_inline(const char *text)
{
    text += strspn(text, " \t\r\n");
    return *text == '{' || *text == '[';
}

/* Lines written for another shell name files as ".\FILE". Some shells leave the backslash, others take it away: then
 * the name begins with a dot that the file does not have. The caller frees; NULL: there is no such other name. */
static char *other_spelling(const char *file)
{
    char *other;

    if (strchr(file, '\\')) {
        other = kg_xstrdup(file);
        for (char *s = other; *s; s++)
            *s = *s == '\\' ? '/' : *s;
        return other;
    }
    return file[0] == '.' && file[1] && file[1] != '.' && file[1] != '/' ? kg_xstrdup(file + 1) : NULL;
}

static int read_json_file(const char *file, struct kg_buf *b, struct kg_err *err)
{
    KG_AUTO_FREE char *other = NULL;
    struct kg_err ignored = { 0 };

    if (kg_read_file(AT_FDCWD, strcmp(file, "-") == 0 ? "/dev/stdin" : file, b, err) == 0)
        return 0;
    other = err->code == KG_E_NOT_FOUND ? other_spelling(file) : NULL;
    if (!other || kg_read_file(AT_FDCWD, other, b, &ignored) < 0)
        return -(int)err->code;
    *err = (struct kg_err){ 0 };
    return 0;
}

int kg_value_json(const char *text, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(JSON_FILE_MAX);
    const char *file = text[0] == '@' ? text + 1 : text;
    char *p;
    size_t n;

    if (looks_inline(text))
        return kg_json_parse(text, strlen(text), ret, err);
    if (read_json_file(file, &b, err) < 0) {
        if (err->code == KG_E_NOT_FOUND)
            kg_err_advise(err, "Give the JSON itself, or the name of a file that holds it.");
        return -(int)err->code;
    }
    p = b.p;
    n = b.len;
    if (n >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) { /* PowerShell writes one in front */
        p += 3;
        n -= 3;
    }
    if (kg_json_parse(p, n, ret, err) < 0)
        return kg_err_wrap(err, "file '%s'", file);
    return 0;
}

/* ---- shorthand ---- */

struct shorthand {
    const char *at;
    int depth;
};

static void skip(struct shorthand *s) { s->at += strspn(s->at, " \t\r\n"); }

static int syntax(const struct shorthand *s, const char *expected, struct kg_err *err)
{
    return kg_err_set(err, KG_E_USAGE, "expected %s at '%.20s'", expected, s->at);
}

/* A word in quotes (a doubled or backslashed quote stands for itself), or one that ends at punctuation. */
static int word(struct shorthand *s, const char *ends, char **ret, bool *ret_quoted, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(65536);
    char q;

    kg_buf_adds(&b, ""); /* '' is a word, too */
    skip(s);
    q = *s->at;
    *ret_quoted = q == '\'' || q == '"';
    if (*ret_quoted) {
        for (s->at++; *s->at && *s->at != q; s->at++) {
            if (*s->at == '\\' && s->at[1])
                s->at++;
            kg_buf_add(&b, s->at, 1);
        }
        if (*s->at != q)
            return syntax(s, "the closing quote", err);
        s->at++;
    } else {
        size_t n = strcspn(s->at, ends);

        kg_buf_add(&b, s->at, n);
        s->at += n;
        while (b.len && isspace((unsigned char)b.p[b.len - 1]))
            kg_buf_cut(&b, b.len - 1);
        if (!b.len)
            return syntax(s, "a word", err);
    }
    if (kg_buf_ok(&b, err) < 0)
        return -(int)err->code;
    *ret = kg_buf_take(&b);
    return 0;
}

static struct kg_json *scalar(const char *text, bool quoted)
{
    struct kg_json *j = NULL;
    struct kg_err ignored = { 0 };

    if (!quoted && (strcmp(text, "null") == 0 || strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ||
                    strspn(text, "-0123456789.") == strlen(text)) &&
        kg_json_parse(text, strlen(text), &j, &ignored) == 0)
        return j;
    return kg_json_string(text);
}

static int value(struct shorthand *s, struct kg_json **ret, struct kg_err *err);

static int object_members(struct shorthand *s, struct kg_json *obj, struct kg_err *err)
{
    for (skip(s); *s->at != '}'; skip(s)) {
        KG_AUTO_FREE char *key = NULL;
        struct kg_json *v = NULL;
        bool quoted;

        if (word(s, ":,{}[]", &key, &quoted, err) < 0)
            return -(int)err->code;
        skip(s);
        if (*s->at++ != ':')
            return s->at--, syntax(s, "':'", err);
        if (value(s, &v, err) < 0)
            return -(int)err->code;
        kg_json_set(obj, key, v);
        skip(s);
        if (*s->at == ',')
            s->at++;
        else if (*s->at != '}')
            return syntax(s, "',' or '}'", err);
    }
    s->at++;
    return 0;
}

static int array_items(struct shorthand *s, struct kg_json *array, struct kg_err *err)
{
    for (skip(s); *s->at != ']'; skip(s)) {
        struct kg_json *v = NULL;

        if (value(s, &v, err) < 0)
            return -(int)err->code;
        kg_json_push(array, v);
        skip(s);
        if (*s->at == ',')
            s->at++;
        else if (*s->at != ']')
            return syntax(s, "',' or ']'", err);
    }
    s->at++;
    return 0;
}

static int value(struct shorthand *s, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = NULL;
    KG_AUTO_FREE char *text = NULL;
    bool quoted;
    int r;

    if (s->depth >= SHORTHAND_DEPTH)
        return kg_err_set(err, KG_E_USAGE, "nested deeper than %d levels", SHORTHAND_DEPTH);
    skip(s);
    if (*s->at == '{' || *s->at == '[') {
        bool object = *s->at++ == '{';

        s->depth++;
        j = object ? kg_json_object() : kg_json_array();
        r = object ? object_members(s, j, err) : array_items(s, j, err);
        s->depth--;
        if (r < 0)
            return r;
        *ret = KG_TAKE(j);
        return 0;
    }
    if (word(s, ",{}[]", &text, &quoted, err) < 0)
        return -(int)err->code;
    *ret = scalar(text, quoted);
    return 0;
}

int kg_value_shorthand(const char *text, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct shorthand s = { .at = text };
    struct kg_err ignored = { 0 };

    if (kg_json_parse(text, strlen(text), ret, &ignored) == 0)
        return 0;
    if (value(&s, &j, err) < 0)
        return -(int)err->code;
    skip(&s);
    if (*s.at)
        return syntax(&s, "nothing more", err);
    *ret = KG_TAKE(j);
    return 0;
}

int kg_value_pair(const char *text, struct kg_json *obj, struct kg_err *err)
{
    const char *eq = strchr(text, '=');
    KG_AUTO_FREE char *key = NULL, *val = NULL;
    size_t n;

    if (!eq || eq == text)
        return kg_err_set(err, KG_E_USAGE, "'%s' is not KEY=VALUE", text);
    key = kg_xstrndup(text, (size_t)(eq - text));
    if (strchr(key, '.'))
        return kg_err_set(err, KG_E_USAGE, "a key has no dot: '%s'", key);
    n = strlen(eq + 1);
    if (n >= 2 && (eq[1] == '"' || eq[1] == '\'') && eq[n] == eq[1])
        val = kg_xstrndup(eq + 2, n - 2);
    else
        val = kg_xstrdup(eq + 1);
    kg_json_set_str(obj, key, val);
    return 0;
}

/* ---- snake_case to camelCase ---- */

/* Keys whose camelCase the rule does not give: as the API's documents spell them. */
static const char *const special_keys[][2] = {
    { "resource_id", "resourceID" },
};

static char *camel_key(const char *key)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(65536);

    for (size_t i = 0; i < KG_ARRAY_LEN(special_keys); i++)
        if (strcmp(special_keys[i][0], key) == 0)
            return kg_xstrdup(special_keys[i][1]);
    kg_buf_adds(&b, ""); /* a key may be empty */
    for (const char *s = key; *s; s++) {
        char c = *s;

        if (c == '_' && s != key && s[1]) {
            s++;
            c = (char)toupper((unsigned char)*s);
        }
        kg_buf_add(&b, &c, 1);
    }
    return kg_buf_take(&b);
}

struct kg_json *kg_json_camel(const struct kg_json *j)
{
    enum kg_json_type type = kg_json_type(j);
    struct kg_json *to;

    if (type != KG_JSON_OBJECT && type != KG_JSON_ARRAY)
        return j ? kg_json_copy(j) : NULL;
    to = type == KG_JSON_OBJECT ? kg_json_object() : kg_json_array();
    for (const struct kg_json *c = kg_json_first(j); c; c = kg_json_next(c)) {
        if (type == KG_JSON_ARRAY) {
            kg_json_push(to, kg_json_camel(c));
        } else {
            KG_AUTO_FREE char *key = camel_key(kg_json_key(c));
            bool keep = strcasecmp(key, "tags") == 0;

            kg_json_set(to, key, keep ? kg_json_copy(c) : kg_json_camel(c));
        }
    }
    return to;
}
