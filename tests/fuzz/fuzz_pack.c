/* A pack's footer and directory as they come from outside: nothing may be read that is not there, and what is accepted
 * must be usable by its accessors. */
#include <stdlib.h>

#include "vault/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void use(const struct kg_dir *d)
{
    uint64_t plain = 0, chunks = 0;

    for (uint32_t i = 0; i < d->n_segs; i++)
        plain += kg_dir_seg(d, i).plain;
    for (uint32_t i = 0; i < d->n_chunks; i++)
        chunks += kg_dir_chunk_id(d, i)[0] * 0u + kg_dir_chunk_len(d, i);
    if (plain != chunks || kg_dir_end(d) <= KG_MAGIC)
        abort(); /* a promise of kg_dir_read() */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct kg_err err = { 0 };
    struct kg_footer f;
    struct kg_dir d;
    size_t used;

    if (n >= KG_FOOTER && kg_footer_read(data + n - KG_FOOTER, n, &f, &err) == 0 &&
        f.dir_at + f.dir_sealed + KG_FOOTER != n)
        abort();
    err = (struct kg_err){ 0 };
    if (kg_dir_read(data, n, &d, &used, &err) == 0) {
        if (used > n)
            abort();
        use(&d);
    }
    return 0;
}
