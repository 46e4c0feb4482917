/* base/alloc.h - two kinds of memory.
 *
 * kg_xalloc() and friends are for what our own code bounds: they abort when memory is out, so callers have no
 * branch for it. kg_alloc_limit() is for sizes that come from input: it fails with KG_E_LIMIT or KG_E_MEMORY. */
#ifndef KG_BASE_ALLOC_H
#define KG_BASE_ALLOC_H

#include <stddef.h>
#include "base/cleanup.h"
#include "keepgres/err.h"

#define KG_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

void *kg_xalloc(size_t n);                        /* zeroed */
void *kg_xalloc_array(size_t count, size_t size); /* zeroed; aborts on overflow */
void *kg_xrealloc_array(void *p, size_t count, size_t size);
char *kg_xstrdup(const char *s);                  /* NULL gives NULL */
char *kg_xstrndup(const char *s, size_t n);
char *kg_xprintf(const char *fmt, ...) KG_PRINTF(1, 2);

/* Allocates n bytes (not zeroed) of at most max. */
int kg_alloc_limit(size_t n, size_t max, void **ret, struct kg_err *err) KG_MUST_CHECK;

/* Makes room for one more element in a growing array: p is the array, n its count, cap its capacity. */
#define KG_GROW(p, n, cap)                                                                          \
    do {                                                                                            \
        if ((n) == (cap)) {                                                                         \
            (cap) = (cap) ? (cap) * 2 : 8;                                                          \
            (p) = kg_xrealloc_array((p), (cap), sizeof *(p));                                       \
        }                                                                                           \
    } while (0)

#endif
