#include "model/place.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/parse.h"
#include "base/text.h"

enum { PATH_BYTES_MAX = 4000 };

static const char *const type_names[] = {
    [KG_JSON_NULL] = "null",     [KG_JSON_BOOL] = "true or false", [KG_JSON_NUMBER] = "a number",
    [KG_JSON_STRING] = "a text", [KG_JSON_ARRAY] = "an array",     [KG_JSON_OBJECT] = "an object",
};

struct kg_place kg_place_top(const struct kg_json *json, const char *at)
{
    struct kg_place p = { .json = json };

    kg_text_copy(p.at, sizeof p.at, at);
    return p;
}

struct kg_place kg_place_member(const struct kg_place *p, const char *key)
{
    struct kg_place m = { .json = p->json ? kg_json_get(p->json, key) : NULL };

    if (kg_json_type(m.json) == KG_JSON_NULL)
        m.json = NULL;
    (void)snprintf(m.at, sizeof m.at, "%.150s%s%.40s", p->at, *p->at ? "." : "", key);
    return m;
}

struct kg_place kg_place_element(const struct kg_place *p, size_t i, const struct kg_json *element)
{
    struct kg_place e = { .json = element };

    (void)snprintf(e.at, sizeof e.at, "%.170s[%zu]", p->at, i);
    return e;
}

int kg_place_complain(const struct kg_place *p, struct kg_err *err, const char *fmt, ...)
{
    char text[300];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    kg_err_set(err, KG_E_USAGE, "%s%s%s", *p->at ? p->at : "the body", *text == ':' ? "" : " ", text);
    kg_err_advise(err, "Correct the request at that place; docs/api.md shows the shape.");
    return -KG_E_USAGE;
}

int kg_place_complain_why(const struct kg_place *p, const struct kg_err *why, struct kg_err *err)
{
    kg_place_complain(p, err, ": %s", why->msg);
    kg_err_advise(err, "%s", why->action);
    return -(int)err->code;
}

bool kg_place_has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return true;
    return false;
}

int kg_place_check_path(const struct kg_place *p, const char *path, struct kg_err *err)
{
    size_t n = strlen(path);

    if (*path != '/' || n > PATH_BYTES_MAX || kg_place_has_control(path))
        return kg_place_complain(p, err, "must be an absolute path");
    if (strstr(path, "/../") || (n >= 3 && strcmp(path + n - 3, "/..") == 0))
        return kg_place_complain(p, err, "must not climb with '..'");
    return 0;
}

int kg_place_need(const struct kg_place *p, const char *key, enum kg_json_type type, struct kg_place *ret,
                  struct kg_err *err)
{
    struct kg_place m = kg_place_member(p, key);

    if (!m.json)
        return kg_place_complain(&m, err, "is missing");
    if (kg_json_type(m.json) != type)
        return kg_place_complain(&m, err, "must be %s", type_names[type]);
    *ret = m;
    return 0;
}

int kg_place_need_str(const struct kg_place *p, const char *key, const char **ret, struct kg_err *err)
{
    struct kg_place m;
    const char *s;

    if (kg_place_need(p, key, KG_JSON_STRING, &m, err) < 0)
        return -(int)err->code;
    s = kg_json_value_str(m.json);
    if (!*s)
        return kg_place_complain(&m, err, "is empty");
    *ret = s;
    return 0;
}

int kg_place_str_or(const struct kg_place *p, const char *key, const char *otherwise, const char **ret,
                    struct kg_err *err)
{
    struct kg_place m = kg_place_member(p, key);

    if (m.json && kg_json_type(m.json) != KG_JSON_STRING)
        return kg_place_complain(&m, err, "must be a text");
    *ret = m.json ? kg_json_value_str(m.json) : otherwise;
    return 0;
}

int kg_place_bool_or(const struct kg_place *p, const char *key, bool otherwise, bool *ret, struct kg_err *err)
{
    struct kg_place m = kg_place_member(p, key);

    if (m.json && kg_json_type(m.json) != KG_JSON_BOOL)
        return kg_place_complain(&m, err, "must be true or false");
    *ret = m.json ? kg_json_bool(p->json, key, otherwise) : otherwise;
    return 0;
}

int kg_place_array(const struct kg_place *p, const char *key, size_t max, struct kg_place *ret, size_t *ret_count,
                   struct kg_err *err)
{
    struct kg_place m = kg_place_member(p, key);

    if (m.json && kg_json_type(m.json) != KG_JSON_ARRAY)
        return kg_place_complain(&m, err, "must be an array");
    if (m.json && kg_json_count(m.json) > max)
        return kg_place_complain(&m, err, "has more than %zu elements", max);
    *ret_count = m.json ? kg_json_count(m.json) : 0;
    *ret = m;
    return 0;
}

int kg_place_object_type(const struct kg_place *p, const char *expected, struct kg_err *err)
{
    struct kg_place m = kg_place_member(p, "objectType");
    const char *s;

    if (kg_place_str_or(p, "objectType", expected, &s, err) < 0)
        return -(int)err->code;
    return strcasecmp(s, expected) == 0 ? 0 : kg_place_complain(&m, err, "must be '%s'", expected);
}

int kg_place_choice(const struct kg_place *p, const char *key, const char *const *table, size_t count, int otherwise,
                    int *ret, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf choices = KG_BUF_INIT(256);
    struct kg_place m = kg_place_member(p, key);
    const char *s;
    int i;

    if (!m.json && otherwise >= 0) {
        *ret = otherwise;
        return 0;
    }
    if (kg_place_need_str(p, key, &s, err) < 0)
        return -(int)err->code;
    i = kg_text_index(table, count, s);
    if (i >= 0) {
        *ret = i;
        return 0;
    }
    for (size_t k = 0; k < count; k++)
        if (table[k])
            kg_buf_addf(&choices, "%s%s", choices.len ? ", " : "", table[k]);
    return kg_place_complain(&m, err, "must be one of %s", choices.p);
}
