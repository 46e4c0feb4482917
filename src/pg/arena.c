#include "pg/arena.h"

#include <stdlib.h>

#include "base/alloc.h"

enum { BLOCK = 64 << 10, ALIGN = 16 };

struct block { struct block *next; void *owned; _Alignas(ALIGN) char p[]; };
struct kg_arena { struct block *blocks; size_t left, size; };

struct kg_arena *kg_arena_new(void) { return kg_xalloc(sizeof(struct kg_arena)); }

void kg_arena_free(struct kg_arena *a)
{
    if (!a)
        return;
    for (struct block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        free(b->owned);
        free(b);
    }
    free(a);
}

/* A block for one big thing goes behind the first, which keeps its room for small ones. */
static struct block *add_block(struct kg_arena *a, size_t n)
{
    struct block *b = kg_xalloc(sizeof *b + n);

    if (a->blocks && n != BLOCK) {
        b->next = a->blocks->next;
        a->blocks->next = b;
    } else {
        b->next = a->blocks;
        a->blocks = b;
        a->left = n;
    }
    return b;
}

void *kg_arena_take(struct kg_arena *a, size_t n)
{
    size_t need = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    void *p;

    if (!a->blocks)
        add_block(a, BLOCK);
    a->size += need;
    if (need > BLOCK / 4)
        return add_block(a, need)->p;
    if (need > a->left)
        add_block(a, BLOCK);
    p = a->blocks->p + (BLOCK - a->left);
    a->left -= need;
    return p;
}

char *kg_arena_own(struct kg_arena *a, char *malloced)
{
    if (!a->blocks)
        add_block(a, BLOCK);
    add_block(a, 0)->owned = malloced;
    return malloced;
}

size_t kg_arena_size(const struct kg_arena *a) { return a->size; }
