#include "plugin/sqltext.h"

#include <string.h>

#include "base/alloc.h"

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || (c & 0x80);
}

/* Behind the quote that closes what begins at at; a doubled quote does not, nor one behind a backslash where that escapes. */
static const char *behind_quote(const char *at, const char *end, bool escapes)
{
    const char quote = *at;

    for (at++; at < end; at++) {
        if (escapes && *at == '\\' && at + 1 < end)
            at++;
        else if (*at == quote && at + 1 < end && at[1] == quote)
            at++;
        else if (*at == quote)
            return at + 1;
    }
    return end;
}

struct kg_sql_token kg_sql_next(const char **at, const char *end)
{
    const char *p = *at;
    struct kg_sql_token t = { KG_SQL_END, end, 0 };

    while (p < end && is_blank(*p))
        p++;
    t.at = p;
    if (p == end) {
        *at = end;
        return t;
    }
    if (*p == '"' || *p == '\'') {
        t.kind = *p == '"' ? KG_SQL_NAME : KG_SQL_TEXT;
        p = behind_quote(p, end, false);
    } else if ((*p == 'E' || *p == 'e') && p + 1 < end && p[1] == '\'') {
        t.kind = KG_SQL_TEXT;
        p = behind_quote(p + 1, end, true);
    } else if (is_word(*p)) {
        t.kind = KG_SQL_WORD;
        while (p < end && is_word(*p))
            p++;
    } else {
        t.kind = KG_SQL_SIGN;
        p++;
    }
    t.n = (size_t)(p - t.at);
    *at = p;
    return t;
}

bool kg_sql_is(const struct kg_sql_token *t, const char *word)
{
    return (t->kind == KG_SQL_WORD || t->kind == KG_SQL_SIGN) && t->n == strlen(word) && memcmp(t->at, word, t->n) == 0;
}

char *kg_sql_name(const struct kg_sql_token *t)
{
    char *out;
    size_t n = 0;

    if (t->kind == KG_SQL_WORD)
        return kg_xstrndup(t->at, t->n);
    if (t->kind != KG_SQL_NAME)
        return NULL;
    out = kg_xalloc(t->n + 1);
    for (size_t i = 1; i + 1 < t->n; i++) {
        out[n++] = t->at[i];
        i += t->at[i] == '"';
    }
    return out;
}

bool kg_sql_statement(const char **at, const char *end, struct kg_sql_part *ret)
{
    const char *p = *at, *last;
    struct kg_sql_token t;

    do
        t = kg_sql_next(&p, end);
    while (kg_sql_is(&t, ";"));
    *at = p;
    if (t.kind == KG_SQL_END)
        return false;
    ret->at = t.at;
    do {
        last = p;
        t = kg_sql_next(&p, end);
    } while (t.kind != KG_SQL_END && !kg_sql_is(&t, ";"));
    ret->n = (size_t)(last - ret->at);
    *at = p;
    return true;
}
