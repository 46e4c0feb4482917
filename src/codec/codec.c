#include "codec/codec.h"

#include <stdlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "base/assert.h"

struct kg_codec {
    ZSTD_CCtx *c;
    ZSTD_DCtx *d;
};

struct kg_codec *kg_codec_new(int level)
{
    struct kg_codec *c = kg_xalloc(sizeof *c);
    int least = ZSTD_minCLevel(), most = ZSTD_maxCLevel();

    c->c = ZSTD_createCCtx();
    c->d = ZSTD_createDCtx();
    if (!c->c || !c->d)
        KG_BUG("out of memory");
    level = level < least ? least : level > most ? most : level;
    if (ZSTD_isError(ZSTD_CCtx_setParameter(c->c, ZSTD_c_compressionLevel, level)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(c->c, ZSTD_c_checksumFlag, 0)))
        KG_BUG("zstd refuses its parameters");
    return c;
}

void kg_codec_free(struct kg_codec *c)
{
    if (!c)
        return;
    ZSTD_freeCCtx(c->c);
    ZSTD_freeDCtx(c->d);
    free(c);
}

size_t kg_codec_bound(size_t n) { return ZSTD_compressBound(n); }

int kg_codec_compress(struct kg_codec *c, const void *data, size_t n, void *out, size_t out_size, size_t *ret_n,
                      struct kg_err *err)
{
    size_t r = ZSTD_compress2(c->c, out, out_size, data, n);

    if (ZSTD_isError(r)) {
        (void)ZSTD_CCtx_reset(c->c, ZSTD_reset_session_only);
        return kg_err_set(err, KG_E_MEMORY, "compress %zu bytes: %s", n, ZSTD_getErrorName(r));
    }
    *ret_n = r;
    return 0;
}

int kg_codec_decompress(struct kg_codec *c, const void *data, size_t n, void *out, size_t want, struct kg_err *err)
{
    size_t r = ZSTD_decompressDCtx(c->d, out, want, data, n);

    if (ZSTD_isError(r))
        return kg_err_set(err, KG_E_CORRUPT, "decompress to %zu bytes: %s", want, ZSTD_getErrorName(r));
    if (r != want)
        return kg_err_set(err, KG_E_CORRUPT, "decompressed to %zu bytes where %zu were written", r, want);
    return 0;
}
