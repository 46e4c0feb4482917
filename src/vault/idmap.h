/* vault/idmap.h - a set of chunk ids, or a map from them to a small value. Open addressing on the first 16 bytes of an
 * id, in 64 shards that grow by half one at a time, so neither memory nor time jumps.
 *
 * The ids are a keyed hash: nobody can choose them, and 128 bits tell apart any number of chunks a vault can hold.
 * Memory: (16 + value size) bytes an entry at 53 to 80 % load: 20-30 bytes a chunk for a set, 35-53 with a 12-byte value
 * (at most 36 when the size was told beforehand).
 *
 * Threads: kg_idmap_claim() may be called by several at once; everything else needs the map for itself, or that nobody
 *          changes it. */
#ifndef KG_VAULT_IDMAP_H
#define KG_VAULT_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kg_idmap;

struct kg_idmap *kg_idmap_new(size_t value_size, size_t expected);
void kg_idmap_free(struct kg_idmap *m);                                     /* NULL is allowed */
/* True when the id is new: it is there from now on, with the value (value_size bytes). Otherwise nothing changes. */
bool kg_idmap_claim(struct kg_idmap *m, const uint8_t *id, const void *value);
const void *kg_idmap_find(const struct kg_idmap *m, const uint8_t *id);     /* the value; NULL: not there */
size_t kg_idmap_count(const struct kg_idmap *m);

#endif
