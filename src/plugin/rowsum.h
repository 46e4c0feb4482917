/* plugin/rowsum.h - proof that two sets of rows are the same, whatever their order.
 *
 * The checksum of a table is the sum modulo 2^64 of XXH3_64bits (https://github.com/Cyan4973/xxHash, seed 0) over its COPY
 * text rows without their newline. Together with the number of rows and bytes it tells a lost, doubled, cut or changed row;
 * it is not meant against an attacker: the vault's own seals are. */
#ifndef KG_PLUGIN_ROWSUM_H
#define KG_PLUGIN_ROWSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kg_rowsum { uint64_t rows, bytes, sum; };

/* One row as COPY sends it, with its newline. */
void kg_rowsum_add(struct kg_rowsum *r, const char *row, size_t n);
/* A record in two parts, hashed as one (large objects). */
void kg_rowsum_add_pair(struct kg_rowsum *r, const void *head, size_t n_head, const void *body, size_t n_body);
/* Any run of COPY text: rows may be cut anywhere between calls; at the end every row must be complete. */
struct kg_rowsum_text { struct kg_rowsum sum; void *state; uint64_t part_n; }; /* constant memory, however long a row is */
void kg_rowsum_text_add(struct kg_rowsum_text *t, const char *text, size_t n);
void kg_rowsum_text_done(struct kg_rowsum_text *t);

void kg_rowsum_merge(struct kg_rowsum *into, const struct kg_rowsum *from);
bool kg_rowsum_equal(const struct kg_rowsum *a, const struct kg_rowsum *b);

#endif
