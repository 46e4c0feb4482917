#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

char kg_buf_empty[1];

static bool reserve(struct kg_buf *b, size_t extra)
{
    size_t need, cap;

    if (b->overflow || extra > b->max - b->len) {
        b->overflow = true;
        return false;
    }
    need = b->len + extra + 1;
    if (need <= b->cap)
        return true;
    for (cap = b->cap ? b->cap : 64; cap < need; cap *= 2)
        ;
    b->p = realloc(b->cap ? b->p : NULL, cap);
    if (!b->p)
        abort();
    b->cap = cap;
    return true;
}

void kg_buf_add(struct kg_buf *b, const void *data, size_t n)
{
    if (!reserve(b, n))
        return;
    if (n)
        memcpy(b->p + b->len, data, n);
    b->len += n;
    b->p[b->len] = '\0';
}

void kg_buf_adds(struct kg_buf *b, const char *s) { kg_buf_add(b, s, strlen(s)); }

void kg_buf_addf(struct kg_buf *b, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !reserve(b, (size_t)n))
        return;
    va_start(ap, fmt);
    vsnprintf(b->p + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

void kg_buf_reset(struct kg_buf *b)
{
    b->len = 0;
    b->overflow = false;
    if (b->cap)
        b->p[0] = '\0';
}

void kg_buf_cut(struct kg_buf *b, size_t len)
{
    if (len >= b->len)
        return;
    b->len = len;
    b->p[len] = '\0';
}

void kg_buf_done(struct kg_buf *b)
{
    if (b->cap)
        free(b->p);
    *b = (struct kg_buf)KG_BUF_INIT(b->max);
}

char *kg_buf_take(struct kg_buf *b)
{
    char *p;

    if (!b->cap) {
        reserve(b, 0);
        b->p[0] = '\0';
    }
    p = b->p;
    *b = (struct kg_buf)KG_BUF_INIT(b->max);
    return p;
}

int kg_buf_ok(const struct kg_buf *b, struct kg_err *err)
{
    if (b->overflow)
        return kg_err_set(err, KG_E_LIMIT, "text longer than %zu bytes", b->max);
    return 0;
}
