/* vault/stream.h - what lists of chunk ids look like; shared by sinks and sources. */
#ifndef KG_VAULT_STREAM_H
#define KG_VAULT_STREAM_H

#include <stdbool.h>
#include "vault/layout.h"
#include "vault/vault.h"

enum { KG_STREAM_DEPTH = 8, KG_NODE_LEAST = 64, KG_NODE_MOST = 1024 };

/* Does a node of n ids end behind this one? The ids are a keyed hash, so the last one decides like a coin: 1 in 192. */
static inline bool kg_node_ends(const uint8_t id[KG_CHUNK_ID], unsigned n)
{
    return n >= KG_NODE_MOST || (n >= KG_NODE_LEAST && kg_le64(id) < UINT64_MAX / 192);
}

#endif
