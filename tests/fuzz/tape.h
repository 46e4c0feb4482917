/* The bytes of an input as decisions. Behind the end all are 0. */
#ifndef TESTS_FUZZ_TAPE_H
#define TESTS_FUZZ_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tape { const uint8_t *p; size_t n, at; };

static inline bool tape_over(const struct tape *t) { return t->at >= t->n; }
static inline unsigned tape_byte(struct tape *t) { return tape_over(t) ? 0 : t->p[t->at++]; }
static inline unsigned tape_word(struct tape *t)
{
    unsigned high = tape_byte(t);

    return high << 8 | tape_byte(t);
}

#endif
