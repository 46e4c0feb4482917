#include "api/router.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/limits.h"
#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "model/id.h"

/* ---- segments ---- */

struct segment {
    const char *at;
    size_t len;
};

/* Splits at '/'; one slash at the end is forgiven, an empty segment is not. -1: malformed; -2: too many. */
static int split(const char *path, struct segment *out)
{
    int n = 0;

    if (*path != '/')
        return -1;
    while (*path == '/' && path[1]) {
        size_t len = strcspn(++path, "/");

        if (!len)
            return -1;
        if (n == KG_API_SEGMENTS)
            return -2;
        out[n++] = (struct segment){ path, len };
        path += len;
    }
    return n;
}

static bool is_name(const struct segment *p) { return p->at[0] == '{'; }

static bool same_word(const struct segment *p, const struct segment *s)
{
    return p->len == s->len && strncasecmp(p->at, s->at, p->len) == 0;
}

static bool matches(const struct segment *pattern, int np, const struct segment *path, int n)
{
    if (np != n)
        return false;
    for (int i = 0; i < n; i++)
        if (!is_name(&pattern[i]) && !same_word(&pattern[i], &path[i]))
            return false;
    return true;
}

/* ---- the chosen row ---- */

void kg_match_done(struct kg_match *m)
{
    for (unsigned i = 0; i < m->params; i++)
        free(m->param[i]);
    free(m->scope);
    *m = (struct kg_match){ 0 };
}

static int decode_name(const struct segment *s, char **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *name = kg_id_decode(s->at, s->len);

    if (!name || !kg_utf8_valid(name, strlen(name)))
        return kg_err_set(err, KG_E_USAGE, "a name in the path is not percent-encoded UTF-8 text");
    if (!*name || strlen(name) > KG_API_NAME_MAX)
        return kg_err_set(err, KG_E_LIMIT, "a name in the path has %zu bytes (1 to %d are taken)", strlen(name),
                          KG_API_NAME_MAX);
    *ret = KG_TAKE(name);
    return 0;
}

static int take_params(const struct segment *pattern, const struct segment *path, int n, struct kg_match *m,
                       struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf scope = KG_BUF_INIT(4 * KG_API_URI_MAX);
    size_t end = 0;

    for (int i = 0; i < n; i++) {
        KG_AUTO_FREE char *encoded = NULL;

        kg_buf_adds(&scope, "/");
        if (!is_name(&pattern[i])) {
            kg_buf_add(&scope, pattern[i].at, pattern[i].len);
            continue;
        }
        if (decode_name(&path[i], &m->param[m->params], err) < 0)
            return -(int)err->code;
        encoded = kg_id_encode(m->param[m->params++]);
        kg_buf_adds(&scope, encoded);
        end = scope.len;
    }
    kg_buf_cut(&scope, end);
    if (!end)
        kg_buf_adds(&scope, "/");
    m->scope = kg_buf_take(&scope);
    return 0;
}

/* Where the path of an extension resource begins, behind the ID of the resource that it belongs to; 0: it is none. */
static int extension_at(const struct segment *path, int n)
{
    static const char provider[] = KG_NS_AUTHORIZATION;

    for (int i = n - 2; i > 0; i--)
        if (path[i].len == 9 && strncasecmp(path[i].at, "providers", 9) == 0 && path[i + 1].len == sizeof provider - 1 &&
            strncasecmp(path[i + 1].at, provider, sizeof provider - 1) == 0)
            return i;
    return 0;
}

static bool is_extension(const struct kg_route *r) { return kg_starts_with_nocase(r->pattern, "/providers/" KG_NS_AUTHORIZATION "/"); }

/* The ID in front of an extension's path, its names written as IDs are. */
static int take_scope(const struct segment *path, int n, struct kg_match *m, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf scope = KG_BUF_INIT(4 * KG_API_URI_MAX);
    KG_AUTO_FREE char *key = NULL;

    for (int i = 0; i < n; i++) {
        KG_AUTO_FREE char *name = NULL, *encoded = NULL;

        if (decode_name(&path[i], &name, err) < 0)
            return -(int)err->code;
        encoded = kg_id_encode(name);
        kg_buf_addf(&scope, "/%s", encoded);
    }
    free(m->scope);
    m->scope = n ? kg_buf_take(&scope) : kg_xstrdup("/");
    return n ? kg_id_key(m->scope, &key, err) : 0;
}

static int wrong_method(const char *method, const char *path, const char *allowed, struct kg_err *err)
{
    kg_err_set(err, KG_E_METHOD, "'%s' is not taken by '%.200s'", method, path);
    kg_err_advise(err, "Use %s here; docs/api.md lists what each path takes.", allowed);
    return -(int)err->code;
}

int kg_route_find(const struct kg_route *table, size_t count, const char *method, const char *path, struct kg_match *ret,
                  struct kg_err *err)
{
    struct segment have[KG_API_SEGMENTS], want[KG_API_SEGMENTS];
    KG_AUTO_MATCH struct kg_match m = { 0 };
    char allowed[80] = "";
    int n = strlen(path) > KG_API_URI_MAX ? -2 : split(path, have);
    int own = n > 0 ? extension_at(have, n) : 0; /* of an extension: what is in front of it is no part of the pattern */

    if (n == -2)
        return kg_err_set(err, KG_E_LIMIT, "the path is longer than %d bytes or has more than %d segments",
                          KG_API_PATH_MAX, KG_API_SEGMENTS);
    for (size_t i = 0; n >= 0 && i < count; i++) {
        int np = split(table[i].pattern, want);

        if (!matches(want, np, have + own, n - own))
            continue;
        if (strcmp(table[i].method, method) != 0) {
            snprintf(allowed + strlen(allowed), sizeof allowed - strlen(allowed), "%s%s", *allowed ? ", " : "",
                     table[i].method);
            continue;
        }
        m.route = &table[i];
        if (take_params(want, have + own, n - own, &m, err) < 0 ||
            (is_extension(&table[i]) && take_scope(have, own, &m, err) < 0))
            return -(int)err->code;
        if (strlen(m.scope) > KG_API_PATH_MAX)
            return kg_err_set(err, KG_E_LIMIT, "the path is longer than %d bytes", KG_API_PATH_MAX);
        *ret = m;
        m = (struct kg_match){ 0 };
        return 0;
    }
    if (*allowed)
        return wrong_method(method, path, allowed, err);
    kg_err_set(err, KG_E_NOT_FOUND, "the service knows no path '%.200s'", path);
    kg_err_advise(err, "See docs/api.md for the paths there are.");
    return -(int)err->code;
}

const char *kg_match_param(const struct kg_match *m, const char *name)
{
    size_t len = strlen(name);
    unsigned i = 0;

    for (const char *p = strchr(m->route->pattern, '{'); p; p = strchr(p + 1, '{'), i++)
        if (strncmp(p + 1, name, len) == 0 && p[len + 1] == '}')
            return m->param[i];
    return NULL;
}

/* ---- query ---- */

void kg_query_done(struct kg_query *q)
{
    for (unsigned i = 0; i < q->count; i++) {
        free(q->item[i].key);
        free(q->item[i].value);
    }
    *q = (struct kg_query){ 0 };
}

/* As kg_id_decode, and '+' is a blank as forms write it. */
static char *decode_value(const char *text, size_t n)
{
    KG_AUTO_FREE char *copy = kg_xstrndup(text, n);

    for (char *s = copy; *s; s++)
        if (*s == '+')
            *s = ' ';
    return kg_id_decode(copy, n);
}

int kg_query_parse(const char *text, struct kg_query *ret, struct kg_err *err)
{
    KG_AUTO_QUERY struct kg_query q = { 0 };

    while (*text) {
        size_t n = strcspn(text, "&"), k = strcspn(text, "=&");
        size_t v = k < n ? k + 1 : n;

        if (n) {
            if (q.count == KG_ARRAY_LEN(q.item) || n > 3 * KG_API_QUERY_MAX)
                return kg_err_set(err, KG_E_LIMIT, "the query is too long or has more than %zu parameters",
                                  KG_ARRAY_LEN(q.item));
            q.item[q.count].key = decode_value(text, k);
            q.item[q.count++].value = decode_value(text + v, n - v);
            if (!q.item[q.count - 1].key || !q.item[q.count - 1].value)
                return kg_err_set(err, KG_E_USAGE, "the query is not percent-encoded text");
        }
        text += n + (text[n] == '&');
    }
    *ret = q;
    q = (struct kg_query){ 0 };
    return 0;
}

const char *kg_query_get(const struct kg_query *q, const char *key)
{
    for (unsigned i = 0; i < q->count; i++)
        if (strcasecmp(q->item[i].key, key) == 0)
            return q->item[i].value;
    return NULL;
}

void kg_query_encode(struct kg_buf *b, const char *text)
{
    for (; *text; text++) {
        if (isalnum((unsigned char)*text) || strchr("-._~", *text))
            kg_buf_add(b, text, 1);
        else
            kg_buf_addf(b, "%%%02X", (unsigned char)*text);
    }
}

/* ---- filter ---- */

static const char *skip_blanks(const char *s)
{
    while (*s == ' ')
        s++;
    return s;
}

struct term { struct segment key; char op[3]; char value[KG_ID_MAX + 1]; };

/* One "key eq 'value'" (a quote in the value is doubled); returns what stands behind it, NULL when it is none. */
static const char *read_term(const char *s, struct term *t)
{
    size_t n = 0;

    t->key.at = s = skip_blanks(s);
    while (isalnum((unsigned char)*s) || *s == '_' || *s == '/' || *s == '.')
        s++;
    t->key.len = (size_t)(s - t->key.at);
    s = skip_blanks(s);
    if (!t->key.len || !s[0] || !s[1] || s[2] != ' ')
        return NULL;
    (void)snprintf(t->op, sizeof t->op, "%c%c", tolower((unsigned char)s[0]), tolower((unsigned char)s[1]));
    s = skip_blanks(s + 3);
    if (*s++ != '\'')
        return NULL;
    for (; *s && (*s != '\'' || s[1] == '\''); s++) {
        if (*s == '\'')
            s++;
        if (n + 1 >= sizeof t->value)
            return NULL;
        t->value[n++] = *s;
    }
    t->value[n] = '\0';
    return *s == '\'' ? skip_blanks(s + 1) : NULL;
}

static int unreadable(const char *at, struct kg_err *err)
{
    kg_err_set(err, KG_E_USAGE, "$filter cannot be read: '%.100s'", at);
    kg_err_advise(err, "Write it as: startDate eq '2026-01-31T00:00:00Z' and endDate eq '…'.");
    return -(int)err->code;
}

/* The next term of a filter, and *at behind it; 0 at the end. */
static int next_term(const char **at, struct term *t, struct kg_err *err)
{
    const char *rest;

    if (!*at || !*skip_blanks(*at))
        return 0;
    rest = read_term(*at, t);
    if (!rest || (*rest && strncasecmp(rest, "and ", 4) != 0))
        return unreadable(*at, err);
    *at = *rest ? rest + 4 : rest;
    return 1;
}

static bool is_term(const struct term *t, const char *key, const char *op)
{
    return t->key.len == strlen(key) && strncasecmp(t->key.at, key, t->key.len) == 0 && strcmp(t->op, op) == 0;
}

int kg_filter_compare(const char *filter, const char *key, const char *op, char *out, size_t size, struct kg_err *err)
{
    struct term t;
    int found = 0, r;

    while ((r = next_term(&filter, &t, err)) > 0) {
        if (is_term(&t, key, op) && strlen(t.value) < size) {
            snprintf(out, size, "%s", t.value);
            found = 1;
        }
    }
    return r < 0 ? r : found;
}

int kg_filter_get(const char *filter, const char *key, char *out, size_t size, struct kg_err *err)
{
    struct term t;
    int r;

    for (const char *at = filter, *term = at; (r = next_term(&at, &t, err)) != 0; term = at)
        if (r < 0 || strcmp(t.op, "eq") != 0)
            return r < 0 ? r : unreadable(term, err);
    return kg_filter_compare(filter, key, "eq", out, size, err);
}

int kg_filter_only(const char *filter, const char *const *terms, size_t n, struct kg_err *err)
{
    struct term t;
    int r;

    while ((r = next_term(&filter, &t, err)) > 0) {
        bool known = false;
        KG_AUTO_FREE char *name = kg_xprintf("%.*s %s", (int)t.key.len, t.key.at, t.op);

        for (size_t i = 0; i < n; i++)
            known |= strcasecmp(terms[i], name) == 0;
        if (!known) {
            KG_AUTO_BUF struct kg_buf all = KG_BUF_INIT(600);

            for (size_t i = 0; i < n; i++)
                kg_buf_addf(&all, "%s%s", i ? ", " : "", terms[i]);
            kg_err_set(err, KG_E_USAGE, "$filter has no '%.100s' here", name);
            kg_err_advise(err, "Choose of: %s.", all.p);
            return -(int)err->code;
        }
    }
    return r;
}
