/* vault/chunker.h - where streams are cut into chunks: a rolling gear hash over the last 64 bytes, against a table
 * that only the vault's key gives. Pure. */
#ifndef KG_VAULT_CHUNKER_H
#define KG_VAULT_CHUNKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kg_chunker {
    const uint64_t *gear;            /* 256 words, borrowed */
    uint32_t min, average, max;
    uint64_t below_early, below_late; /* a cut is where the hash is below: rarer up to the average, likelier after it */
};

/* The average is brought into 4 KiB to 64 KiB; min is a quarter, max four times of it. */
void kg_chunker_init(struct kg_chunker *c, const uint64_t gear[256], uint32_t average);

/* Length of the chunk at the front of n bytes. n must be at least max, unless the stream ends behind them. */
size_t kg_chunker_cut(const struct kg_chunker *c, const uint8_t *p, size_t n);

#endif
