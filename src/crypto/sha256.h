/* crypto/sha256.h - plain SHA-256 of a file as it is written, for SHA256SUMS. */
#ifndef KG_CRYPTO_SHA256_H
#define KG_CRYPTO_SHA256_H

#include <stddef.h>
#include "base/cleanup.h"

struct kg_sha256;

struct kg_sha256 *kg_sha256_new(void);
void kg_sha256_add(struct kg_sha256 *s, const void *data, size_t n);
void kg_sha256_end(struct kg_sha256 *s, char ret_hex[65]);   /* s may not be added to afterwards */
void kg_sha256_free(struct kg_sha256 *s);
KG_DEFINE_CLEANUP(struct kg_sha256, kg_sha256_free)

#endif
