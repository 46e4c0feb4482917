/* base/buf.h - a growing byte buffer with a hard ceiling.
 *
 *  - b->p is never NULL and always ends in a NUL that b->len does not count.
 *  - The ceiling is fixed at init. An append that would pass it appends nothing and sets
 *    b->overflow; later appends do nothing. Check once, at the end, with kg_buf_ok().
 *  - Appends cannot fail in any other way: small allocations abort on OOM (see base/alloc.h).
 */
#ifndef KG_BASE_BUF_H
#define KG_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include "base/cleanup.h"
#include "keepgres/err.h"

struct kg_buf {
    char *p;
    size_t len, cap, max;
    bool overflow;
};

extern char kg_buf_empty[1];
#define KG_BUF_INIT(ceiling) { .p = kg_buf_empty, .max = (ceiling) }

void kg_buf_done(struct kg_buf *b);                          /* releases; b may be used again */
void kg_buf_reset(struct kg_buf *b);                         /* keeps the memory, drops the bytes */
void kg_buf_cut(struct kg_buf *b, size_t len);                /* back to the first len bytes */
void kg_buf_add(struct kg_buf *b, const void *data, size_t n);
void kg_buf_adds(struct kg_buf *b, const char *s);
void kg_buf_addf(struct kg_buf *b, const char *fmt, ...) KG_PRINTF(2, 3);
int kg_buf_ok(const struct kg_buf *b, struct kg_err *err) KG_MUST_CHECK;

/* Hands the string to the caller, who frees it with free(); b is empty afterwards. */
char *kg_buf_take(struct kg_buf *b);

#define KG_AUTO_BUF KG_CLEANUP(kg_buf_done)

#endif
