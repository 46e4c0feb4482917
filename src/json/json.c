#include "json/json.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/text.h"

enum { MAX_DEPTH = 64 };

/* struct kg_json is cJSON under another name: the cast stays in this file. */
static cJSON *raw(struct kg_json *j) { return (cJSON *)(void *)j; }
static const cJSON *raw_const(const struct kg_json *j) { return (const cJSON *)(const void *)j; }
static struct kg_json *wrap(cJSON *c) { return (struct kg_json *)(void *)c; }
static const struct kg_json *wrap_const(const cJSON *c) { return (const struct kg_json *)(const void *)c; }

/* cJSON recurses as deep as the text says and cannot tell a NUL in a string from its end, so both are looked for
 * before it sees the text. */
static int check_shape(const char *text, size_t n, struct kg_err *err)
{
    size_t depth = 0;
    bool in_string = false;

    if (!kg_utf8_valid(text, n) || memchr(text, '\0', n))
        return kg_err_set(err, KG_E_BAD_JSON, "the document is not valid UTF-8 text");
    for (size_t i = 0; i < n; i++) {
        char c = text[i];

        if (in_string) {
            if (c == '\\') {
                if (n - i > 5 && memcmp(text + i, "\\u0000", 6) == 0)
                    return kg_err_set(err, KG_E_BAD_JSON, "a string in the document has a NUL, at byte %zu", i);
                i++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > MAX_DEPTH)
                return kg_err_set(err, KG_E_BAD_JSON, "the document is nested deeper than %d levels", MAX_DEPTH);
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    return 0;
}

int kg_json_parse(const char *text, size_t n, struct kg_json **ret, struct kg_err *err)
{
    const char *end = text;
    cJSON *c;

    if (check_shape(text, n, err) < 0)
        return -(int)err->code;
    c = cJSON_ParseWithLengthOpts(text, n, &end, false);
    if (!c)
        return kg_err_set(err, KG_E_BAD_JSON, "the document is not JSON, at byte %zu", (size_t)(end - text));
    while ((size_t)(end - text) < n && strchr(" \t\r\n", *end))
        end++;
    if ((size_t)(end - text) < n) {
        cJSON_Delete(c);
        return kg_err_set(err, KG_E_BAD_JSON, "there is more behind the document, at byte %zu", (size_t)(end - text));
    }
    *ret = wrap(c);
    return 0;
}

void kg_json_free(struct kg_json *j) { cJSON_Delete(raw(j)); }

struct kg_json *kg_json_copy(const struct kg_json *j) { return j ? wrap(cJSON_Duplicate(raw_const(j), true)) : NULL; }

static void print_string(const char *s, struct kg_buf *b)
{
    kg_buf_add(b, "\"", 1);
    for (; *s; s++) {
        size_t plain = strcspn(s, "\"\\\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10\x11\x12\x13\x14\x15"
                                  "\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f");

        kg_buf_add(b, s, plain);
        s += plain;
        if (!*s)
            break;
        if (*s == '"' || *s == '\\')
            kg_buf_addf(b, "\\%c", *s);
        else if (*s == '\n')
            kg_buf_adds(b, "\\n");
        else if (*s == '\t')
            kg_buf_adds(b, "\\t");
        else if (*s == '\r')
            kg_buf_adds(b, "\\r");
        else
            kg_buf_addf(b, "\\u%04x", (unsigned char)*s);
    }
    kg_buf_add(b, "\"", 1);
}

static void newline(struct kg_buf *b, bool pretty, int depth)
{
    if (pretty)
        kg_buf_addf(b, "\n%*s", depth * 2, "");
}

static void print(const cJSON *c, bool pretty, int depth, struct kg_buf *b)
{
    if (cJSON_IsRaw(c)) {
        kg_buf_adds(b, c->valuestring);
    } else if (cJSON_IsString(c)) {
        print_string(c->valuestring, b);
    } else if (cJSON_IsNumber(c)) {
        double d = c->valuedouble;

        if (d == floor(d) && fabs(d) <= 9007199254740992.0)
            kg_buf_addf(b, "%.0f", d);
        else
            kg_buf_addf(b, "%.15g", d);
    } else if (cJSON_IsArray(c) || cJSON_IsObject(c)) {
        bool object = cJSON_IsObject(c);

        kg_buf_adds(b, object ? "{" : "[");
        for (const cJSON *k = c->child; k; k = k->next) {
            newline(b, pretty, depth + 1);
            if (object) {
                print_string(k->string, b);
                kg_buf_adds(b, pretty ? ": " : ":");
            }
            print(k, pretty, depth + 1, b);
            if (k->next)
                kg_buf_adds(b, ",");
        }
        if (c->child)
            newline(b, pretty, depth);
        kg_buf_adds(b, object ? "}" : "]");
    } else {
        kg_buf_adds(b, cJSON_IsTrue(c) ? "true" : cJSON_IsFalse(c) ? "false" : "null");
    }
}

void kg_json_print(const struct kg_json *j, bool pretty, struct kg_buf *ret)
{
    if (!j)
        kg_buf_adds(ret, "null");
    else
        print(raw_const(j), pretty, 0, ret);
}

enum kg_json_type kg_json_type(const struct kg_json *j)
{
    const cJSON *c = raw_const(j);

    if (!c || cJSON_IsNull(c))
        return KG_JSON_NULL;
    return cJSON_IsBool(c) ? KG_JSON_BOOL : cJSON_IsNumber(c) || cJSON_IsRaw(c) ? KG_JSON_NUMBER
         : cJSON_IsString(c) ? KG_JSON_STRING : cJSON_IsArray(c) ? KG_JSON_ARRAY : KG_JSON_OBJECT;
}

static cJSON *child_of(const cJSON *c, const char *key, size_t n)
{
    char *end;
    unsigned long at;

    if (cJSON_IsObject(c)) {
        for (cJSON *k = c->child; k; k = k->next)
            if (strncasecmp(k->string, key, n) == 0 && k->string[n] == '\0')
                return k;
        return NULL;
    }
    if (!cJSON_IsArray(c) || n == 0 || key[0] < '0' || key[0] > '9')
        return NULL;
    at = strtoul(key, &end, 10);
    return (size_t)(end - key) == n && at < 1000000 ? cJSON_GetArrayItem(c, (int)at) : NULL;
}

struct kg_json *kg_json_get_mutable(struct kg_json *j, const char *path)
{
    cJSON *c = raw(j);

    while (c && *path) {
        size_t n = strcspn(path, ".");

        c = child_of(c, path, n);
        path += n + (path[n] == '.');
    }
    return wrap(c);
}

const struct kg_json *kg_json_get(const struct kg_json *j, const char *path)
{
    return kg_json_get_mutable((struct kg_json *)(uintptr_t)j, path);
}

const char *kg_json_str(const struct kg_json *j, const char *path)
{
    return kg_json_value_str(kg_json_get(j, path));
}

const char *kg_json_str_or(const struct kg_json *j, const char *path, const char *otherwise)
{
    const char *s = kg_json_str(j, path);

    return s ? s : otherwise;
}

const char *kg_json_value_str(const struct kg_json *c)
{
    return c && cJSON_IsString(raw_const(c)) ? raw_const(c)->valuestring : NULL;
}

bool kg_json_bool(const struct kg_json *j, const char *path, bool otherwise)
{
    const cJSON *c = raw_const(kg_json_get(j, path));

    return c && cJSON_IsBool(c) ? cJSON_IsTrue(c) : otherwise;
}

/* The number at c as a whole one up to 2^53 (exactly for the raw ones that we made ourselves). */
static bool whole(const cJSON *c, uint64_t *ret)
{
    if (c && cJSON_IsRaw(c)) {
        *ret = strtoull(c->valuestring, NULL, 10);
        return true;
    }
    if (!c || !cJSON_IsNumber(c) || c->valuedouble < 0 || c->valuedouble > 9007199254740992.0 ||
        c->valuedouble != floor(c->valuedouble))
        return false;
    *ret = (uint64_t)c->valuedouble;
    return true;
}

uint64_t kg_json_u64(const struct kg_json *j, const char *path, uint64_t otherwise)
{
    uint64_t v;

    return whole(raw_const(kg_json_get(j, path)), &v) ? v : otherwise;
}

double kg_json_double(const struct kg_json *j, const char *path, double otherwise)
{
    const cJSON *c = raw_const(kg_json_get(j, path));

    if (c && cJSON_IsRaw(c))
        return strtod(c->valuestring, NULL);
    return c && cJSON_IsNumber(c) ? c->valuedouble : otherwise;
}

int kg_json_need_str(const struct kg_json *j, const char *path, const char **ret, struct kg_err *err)
{
    const char *s = kg_json_str(j, path);

    if (!s)
        return kg_err_set(err, KG_E_USAGE, "'%s' must be there and be a string", path);
    *ret = s;
    return 0;
}

int kg_json_need_u64(const struct kg_json *j, const char *path, uint64_t *ret, struct kg_err *err)
{
    if (!whole(raw_const(kg_json_get(j, path)), ret))
        return kg_err_set(err, KG_E_USAGE, "'%s' must be there and be a whole number", path);
    return 0;
}

int kg_json_need(const struct kg_json *j, const char *path, enum kg_json_type type, const struct kg_json **ret,
                 struct kg_err *err)
{
    static const char *const names[] = { "null", "true or false", "a number", "a string", "an array", "an object" };
    const struct kg_json *c = kg_json_get(j, path);

    if (kg_json_type(c) != type)
        return kg_err_set(err, KG_E_USAGE, "'%s' must be there and be %s", path, names[type]);
    *ret = c;
    return 0;
}

const struct kg_json *kg_json_first(const struct kg_json *j) { return j ? wrap_const(raw_const(j)->child) : NULL; }
const struct kg_json *kg_json_next(const struct kg_json *c) { return wrap_const(raw_const(c)->next); }
const char *kg_json_key(const struct kg_json *c) { return raw_const(c)->string; }

size_t kg_json_count(const struct kg_json *j)
{
    size_t n = 0;

    for (const struct kg_json *c = kg_json_first(j); c; c = kg_json_next(c))
        n++;
    return n;
}

static struct kg_json *made(cJSON *c)
{
    if (!c)
        KG_BUG("out of memory");
    return wrap(c);
}

struct kg_json *kg_json_object(void) { return made(cJSON_CreateObject()); }
struct kg_json *kg_json_array(void) { return made(cJSON_CreateArray()); }
struct kg_json *kg_json_string(const char *s) { return s ? made(cJSON_CreateString(s)) : made(cJSON_CreateNull()); }
struct kg_json *kg_json_number(double v) { return made(isfinite(v) ? cJSON_CreateNumber(v) : cJSON_CreateNull()); }
struct kg_json *kg_json_boolean(bool v) { return made(cJSON_CreateBool(v)); }

/* The object that holds the last key of path, made on the way; *ret_key is that key. */
static cJSON *parent_for(struct kg_json *obj, const char *path, const char **ret_key)
{
    cJSON *c = raw(obj);
    size_t n;

    while (path[n = strcspn(path, ".")] == '.') {
        cJSON *k = child_of(c, path, n);

        if (!k) {
            KG_AUTO_FREE char *key = kg_xstrndup(path, n);

            k = cJSON_CreateObject();
            cJSON_AddItemToObject(c, key, k);
        }
        c = k;
        path += n + 1;
    }
    *ret_key = path;
    return c;
}

void kg_json_set(struct kg_json *obj, const char *path, struct kg_json *value)
{
    const char *key;
    cJSON *c = parent_for(obj, path, &key), *old = child_of(c, key, strlen(key));
    cJSON *v = value ? raw(value) : cJSON_CreateNull();

    KG_ASSERT(cJSON_IsObject(c));
    if (old) {
        free(v->string);
        v->string = old->string; /* the spelling that is there stays */
        old->string = NULL;
        cJSON_ReplaceItemViaPointer(c, old, v);
    } else {
        cJSON_AddItemToObject(c, key, v);
    }
}

void kg_json_set_str(struct kg_json *obj, const char *path, const char *s) { kg_json_set(obj, path, kg_json_string(s)); }

void kg_json_set_u64(struct kg_json *obj, const char *path, uint64_t v)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, v);
    kg_json_set(obj, path, made(cJSON_CreateRaw(text)));
}

void kg_json_set_double(struct kg_json *obj, const char *path, double v)
{
    kg_json_set(obj, path, made(cJSON_CreateNumber(v)));
}

void kg_json_set_bool(struct kg_json *obj, const char *path, bool v)
{
    kg_json_set(obj, path, made(cJSON_CreateBool(v)));
}

void kg_json_add(struct kg_json *obj, const char *key, struct kg_json *value)
{
    KG_ASSERT(cJSON_IsObject(raw(obj)));
    cJSON_AddItemToObject(raw(obj), key, raw(value));
}

void kg_json_push(struct kg_json *array, struct kg_json *value)
{
    KG_ASSERT(cJSON_IsArray(raw(array)));
    cJSON_AddItemToArray(raw(array), raw(value));
}

void kg_json_push_str(struct kg_json *array, const char *s) { kg_json_push(array, kg_json_string(s)); }

struct kg_json *kg_json_take(struct kg_json *obj, const char *path)
{
    struct kg_json *c = kg_json_get_mutable(obj, path);
    const char *dot = strrchr(path, '.');
    KG_AUTO_FREE char *up = dot ? kg_xstrndup(path, (size_t)(dot - path)) : kg_xstrdup("");

    if (!c)
        return NULL;
    return wrap(cJSON_DetachItemViaPointer(raw(kg_json_get_mutable(obj, up)), raw(c)));
}

void kg_json_remove(struct kg_json *obj, const char *path) { kg_json_free(kg_json_take(obj, path)); }
