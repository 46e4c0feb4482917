#include "crypto/crypto.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "base/alloc.h"
#include "base/assert.h"
#include "base/parse.h"

static const char *const kind_names[] = {
    [KG_HASH_HMAC_SHA256] = "hmac-sha256",
    [KG_HASH_BLAKE2B] = "blake2b-256",
};
KG_DEFINE_ENUM_TEXT(kg_hash_kind, enum kg_hash_kind, kind_names)

/* Either way the key is worked in once: HMAC as the two states behind its padded key blocks, BLAKE2b as the state
 * behind its key block. Hashing a chunk starts from copies of these. */
struct kg_hasher {
    enum kg_hash_kind kind;
    EVP_MD_CTX *inner, *outer, *work;
    crypto_generichash_state keyed;
};

static bool has_sha_instructions(void)
{
#if defined(__x86_64__) || defined(__i386__)
    unsigned a, b, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 29));
#elif defined(__aarch64__)
    return getauxval(AT_HWCAP) & HWCAP_SHA2;
#else
    return false;
#endif
}

enum kg_hash_kind kg_hash_kind_fastest(void) { return has_sha_instructions() ? KG_HASH_HMAC_SHA256 : KG_HASH_BLAKE2B; }

/* The digest functions below fail only without memory or without SHA-256: nothing to go on with. */
#define MUST(call) ((call) == 1 ? (void)0 : KG_BUG("libcrypto: " #call))

static EVP_MD_CTX *padded_key_state(const uint8_t *key, uint8_t pad)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    uint8_t block[64];

    if (!c)
        KG_BUG("out of memory");
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (uint8_t)((i < KG_KEY_BYTES ? key[i] : 0) ^ pad);
    MUST(EVP_DigestInit_ex(c, EVP_sha256(), NULL));
    MUST(EVP_DigestUpdate(c, block, sizeof block));
    kg_wipe(block, sizeof block);
    return c;
}

struct kg_hasher *kg_hasher_new(enum kg_hash_kind kind, const struct kg_secret *key)
{
    struct kg_hasher *h = NULL;
    const uint8_t *k = kg_secret_open(key);

    KG_ASSERT(kg_secret_size(key) == KG_KEY_BYTES);
    if (posix_memalign((void **)&h, 64, sizeof *h) != 0)
        KG_BUG("out of memory");
    memset(h, 0, sizeof *h);
    h->kind = kind;
    if (kind == KG_HASH_HMAC_SHA256) {
        h->inner = padded_key_state(k, 0x36);
        h->outer = padded_key_state(k, 0x5c);
        h->work = EVP_MD_CTX_new();
        if (!h->work)
            KG_BUG("out of memory");
    } else {
        crypto_generichash_init(&h->keyed, k, KG_KEY_BYTES, KG_HASH_BYTES);
    }
    kg_secret_shut(key);
    return h;
}

void kg_hasher_free(struct kg_hasher *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->inner);
    EVP_MD_CTX_free(h->outer);
    EVP_MD_CTX_free(h->work);
    kg_wipe(h, sizeof *h);
    free(h);
}

static void hmac_sha256(struct kg_hasher *h, const void *data, size_t n, uint8_t out[KG_HASH_BYTES])
{
    uint8_t middle[KG_HASH_BYTES];

    MUST(EVP_MD_CTX_copy_ex(h->work, h->inner));
    MUST(EVP_DigestUpdate(h->work, data, n));
    MUST(EVP_DigestFinal_ex(h->work, middle, NULL));
    MUST(EVP_MD_CTX_copy_ex(h->work, h->outer));
    MUST(EVP_DigestUpdate(h->work, middle, sizeof middle));
    MUST(EVP_DigestFinal_ex(h->work, out, NULL));
}

void kg_hasher_hash(struct kg_hasher *h, const void *data, size_t n, uint8_t out[KG_HASH_BYTES])
{
    crypto_generichash_state work;

    if (h->kind == KG_HASH_HMAC_SHA256) {
        hmac_sha256(h, data, n, out);
        return;
    }
    memcpy(&work, &h->keyed, sizeof work);
    crypto_generichash_update(&work, data, n);
    crypto_generichash_final(&work, out, KG_HASH_BYTES);
}
