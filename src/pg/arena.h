/* pg/arena.h - memory of one archive: many small strings that die together. For this room only. */
#ifndef KG_PG_ARENA_H
#define KG_PG_ARENA_H

#include <stddef.h>

struct kg_arena;

struct kg_arena *kg_arena_new(void);
void kg_arena_free(struct kg_arena *a);
void *kg_arena_take(struct kg_arena *a, size_t n);          /* zeroed, aligned for anything */
char *kg_arena_own(struct kg_arena *a, char *malloced);     /* frees it with the rest */
size_t kg_arena_size(const struct kg_arena *a);             /* bytes asked for so far */

#endif
