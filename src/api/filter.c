#include "api/filter.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "model/id.h"

enum { DEPTH_MAX = 16, KEY_MAX = 40 };

/* Reads and reckons at once: every part is read, whatever those in front of it gave, so that no mistake goes unseen. */
struct reading {
    const char *at;
    kg_filter_value *value;
    void *arg;
    int depth;
};

static void skip(struct reading *r)
{
    while (*r->at == ' ' || *r->at == '\t')
        r->at++;
}

static int unreadable(const struct reading *r, struct kg_err *err)
{
    if (*r->at)
        kg_err_set(err, KG_E_USAGE, "$filter cannot be read at '%.60s'", r->at);
    else
        kg_err_set(err, KG_E_USAGE, "$filter ends in the middle");
    kg_err_advise(err, "Write it as: resourceType eq 'Microsoft.KeyVault/vaults' or substringof('text', name).");
    return -(int)err->code;
}

/* Goes behind a mark; false: it is not there. */
static bool mark(struct reading *r, char c)
{
    skip(r);
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

/* Goes behind a word of letters; "": there is none. */
static void word(struct reading *r, char *out)
{
    size_t n = 0;

    skip(r);
    while (n + 1 < KEY_MAX && isalpha((unsigned char)*r->at))
        out[n++] = *r->at++;
    out[n] = '\0';
}

/* The same of one word only; otherwise nothing is read. */
static bool is_next(struct reading *r, const char *want)
{
    const char *before = r->at;
    char got[KEY_MAX];

    word(r, got);
    if (strcasecmp(got, want) == 0)
        return true;
    r->at = before;
    return false;
}

static int quoted(struct reading *r, char *out, size_t size, struct kg_err *err)
{
    size_t n = 0;

    if (!mark(r, '\''))
        return unreadable(r, err);
    for (; *r->at && (*r->at != '\'' || r->at[1] == '\''); r->at++) {
        if (*r->at == '\'')
            r->at++;
        if (n + 1 >= size)
            return kg_err_set(err, KG_E_LIMIT, "$filter has a text of more than %zu bytes", size - 1);
        out[n++] = *r->at;
    }
    out[n] = '\0';
    return mark(r, '\'') ? 0 : unreadable(r, err);
}

static int find(struct reading *r, const char *key, const char **ret, struct kg_err *err)
{
    if (!*key)
        return unreadable(r, err);
    *ret = r->value(r->arg, key);
    if (*ret)
        return 0;
    kg_err_set(err, KG_E_USAGE, "$filter has no '%s' here", key);
    kg_err_advise(err, "Use resourceType, resourceGroup, name or location.");
    return -(int)err->code;
}

/* Behind the name of a function: substringof('text', key), startswith(key, 'text'). */
static int function(struct reading *r, bool substring, bool *ret, struct kg_err *err)
{
    char text[KG_ID_MAX + 1], key[KEY_MAX];
    const char *value;

    if (!mark(r, '(') || (substring && (quoted(r, text, sizeof text, err) < 0 || !mark(r, ','))))
        return err->code != KG_E_OK ? -(int)err->code : unreadable(r, err);
    word(r, key);
    if (find(r, key, &value, err) < 0)
        return -(int)err->code;
    if (!substring && (!mark(r, ',') || quoted(r, text, sizeof text, err) < 0))
        return err->code != KG_E_OK ? -(int)err->code : unreadable(r, err);
    if (!mark(r, ')'))
        return unreadable(r, err);
    *ret = substring ? strcasestr(value, text) != NULL : strncasecmp(value, text, strlen(text)) == 0;
    return 0;
}

static int either(struct reading *r, bool *ret, struct kg_err *err);

static int term(struct reading *r, bool *ret, struct kg_err *err)
{
    char key[KEY_MAX], text[KG_ID_MAX + 1];
    const char *value;
    bool equal;

    if (mark(r, '(')) {
        if (r->depth == DEPTH_MAX)
            return kg_err_set(err, KG_E_LIMIT, "$filter has more than %d parentheses in each other", DEPTH_MAX);
        r->depth++;
        if (either(r, ret, err) < 0)
            return -(int)err->code;
        r->depth--;
        return mark(r, ')') ? 0 : unreadable(r, err);
    }
    if (is_next(r, "substringof"))
        return function(r, true, ret, err);
    if (is_next(r, "startswith"))
        return function(r, false, ret, err);
    word(r, key);
    if (find(r, key, &value, err) < 0)
        return -(int)err->code;
    equal = is_next(r, "eq");
    if (!equal && !is_next(r, "ne"))
        return unreadable(r, err);
    if (quoted(r, text, sizeof text, err) < 0)
        return -(int)err->code;
    *ret = (strcasecmp(value, text) == 0) == equal;
    return 0;
}

static int both(struct reading *r, bool *ret, struct kg_err *err)
{
    bool more;

    if (term(r, ret, err) < 0)
        return -(int)err->code;
    while (is_next(r, "and")) {
        if (term(r, &more, err) < 0)
            return -(int)err->code;
        *ret = *ret && more;
    }
    return 0;
}

static int either(struct reading *r, bool *ret, struct kg_err *err)
{
    bool more;

    if (both(r, ret, err) < 0)
        return -(int)err->code;
    while (is_next(r, "or")) {
        if (both(r, &more, err) < 0)
            return -(int)err->code;
        *ret = *ret || more;
    }
    return 0;
}

int kg_filter_match(const char *filter, kg_filter_value *value, void *arg, bool *ret, struct kg_err *err)
{
    struct reading r = { .at = filter ? filter : "", .value = value, .arg = arg };
    bool passes = true;

    skip(&r);
    if (*r.at && either(&r, &passes, err) < 0)
        return -(int)err->code;
    skip(&r);
    if (*r.at)
        return unreadable(&r, err);
    *ret = passes;
    return 0;
}
