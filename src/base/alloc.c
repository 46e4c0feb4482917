#include "base/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

void *kg_xalloc(size_t n)
{
    void *p = calloc(1, n ? n : 1);

    if (!p)
        KG_BUG("out of memory");
    return p;
}

void *kg_xalloc_array(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);

    if (!p)
        KG_BUG("out of memory");
    return p;
}

void *kg_xrealloc_array(void *p, size_t count, size_t size)
{
    p = reallocarray(p, count ? count : 1, size ? size : 1);
    if (!p)
        KG_BUG("out of memory");
    return p;
}

char *kg_xstrdup(const char *s) { return s ? kg_xstrndup(s, strlen(s)) : NULL; }

char *kg_xstrndup(const char *s, size_t n)
{
    char *p = kg_xalloc(n + 1);

    memcpy(p, s, n);
    return p;
}

char *kg_xprintf(const char *fmt, ...)
{
    va_list ap;
    char *p;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&p, fmt, ap);
    va_end(ap);
    if (n < 0)
        KG_BUG("out of memory");
    return p;
}

int kg_alloc_limit(size_t n, size_t max, void **ret, struct kg_err *err)
{
    void *p;

    if (n > max)
        return kg_err_set(err, KG_E_LIMIT, "%zu bytes where at most %zu are allowed", n, max);
    p = malloc(n ? n : 1);
    if (!p)
        return kg_err_set(err, KG_E_MEMORY, "no memory for %zu bytes", n);
    *ret = p;
    return 0;
}
