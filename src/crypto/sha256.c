#include "crypto/sha256.h"

#include <openssl/evp.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/parse.h"

struct kg_sha256 { EVP_MD_CTX *ctx; };

struct kg_sha256 *kg_sha256_new(void)
{
    struct kg_sha256 *s = kg_xalloc(sizeof *s);

    s->ctx = EVP_MD_CTX_new();
    if (!s->ctx || EVP_DigestInit_ex(s->ctx, EVP_sha256(), NULL) != 1)
        KG_BUG("SHA-256 cannot start");
    return s;
}

void kg_sha256_add(struct kg_sha256 *s, const void *data, size_t n)
{
    if (EVP_DigestUpdate(s->ctx, data, n) != 1)
        KG_BUG("SHA-256 cannot go on");
}

void kg_sha256_end(struct kg_sha256 *s, char ret_hex[65])
{
    unsigned char sum[EVP_MAX_MD_SIZE];

    if (EVP_DigestFinal_ex(s->ctx, sum, NULL) != 1)
        KG_BUG("SHA-256 cannot end");
    kg_hex(sum, 32, ret_hex);
}

void kg_sha256_free(struct kg_sha256 *s)
{
    if (!s)
        return;
    EVP_MD_CTX_free(s->ctx);
    free(s);
}
