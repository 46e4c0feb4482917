/* An index object's plain bytes. */
#include <stdlib.h>

#include "vault/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int visit(void *ctx, const uint8_t id[KG_PACK_ID], uint64_t size, const struct kg_dir *d, struct kg_err *err)
{
    char name[KG_PACK_NAME];
    uint8_t again[KG_PACK_ID];

    (void)err;
    kg_pack_name(id, name);
    if (!kg_pack_id(name, again) || memcmp(id, again, KG_PACK_ID) != 0 || size <= kg_dir_end(d))
        abort();
    for (uint32_t i = 0; i < d->n_chunks; i++)
        *(uint64_t *)ctx += kg_dir_chunk_len(d, i);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct kg_err err = { 0 };
    uint64_t bytes = 0;

    if (kg_index_read(data, n, visit, &bytes, &err) < 0 && bytes)
        abort(); /* whole or not at all */
    return 0;
}
