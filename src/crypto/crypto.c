#include "crypto/crypto.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

_Static_assert(KG_KEY_BYTES == crypto_kdf_KEYBYTES && KG_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(KG_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(KG_TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");
_Static_assert(crypto_kdf_CONTEXTBYTES == 8 && crypto_pwhash_argon2id_SALTBYTES == 16, "kdf");

void kg_random(void *p, size_t n) { randombytes_buf(p, n); }

static void print_uuid(uint8_t b[16], unsigned version, char out[37])
{
    b[6] = (uint8_t)((b[6] & 0x0f) | version << 4);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
             b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

void kg_uuid(char out[37])
{
    uint8_t b[16];

    randombytes_buf(b, sizeof b);
    print_uuid(b, 4, out);
}

void kg_uuid_of(const char *text, char out[37])
{
    uint8_t h[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(h, (const unsigned char *)text, strlen(text));
    print_uuid(h, 8, out);
}

struct kg_secret *kg_key_derive(const struct kg_secret *master, const char context[8], uint64_t id)
{
    struct kg_secret *key = kg_secret_new(KG_KEY_BYTES);

    KG_ASSERT(kg_secret_size(master) == KG_KEY_BYTES);
    crypto_kdf_derive_from_key(kg_secret_open_write(key), KG_KEY_BYTES, id, context, kg_secret_open(master));
    kg_secret_shut(master);
    kg_secret_shut(key);
    return key;
}

void kg_seal(const struct kg_secret *key, const void *ad, size_t ad_len, const void *plain, size_t n, void *out)
{
    uint8_t *nonce = out;

    KG_ASSERT(kg_secret_size(key) == KG_KEY_BYTES);
    randombytes_buf(nonce, KG_NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + KG_NONCE_BYTES, NULL, plain, n, ad, ad_len, NULL, nonce,
                                               kg_secret_open(key));
    kg_secret_shut(key);
}

int kg_unseal(const struct kg_secret *key, const void *ad, size_t ad_len, const void *sealed, size_t n, void *plain,
              struct kg_err *err)
{
    const uint8_t *nonce = sealed;
    int r;

    KG_ASSERT(kg_secret_size(key) == KG_KEY_BYTES);
    if (n < KG_SEAL_EXTRA)
        return kg_err_set(err, KG_E_CORRUPT, "%zu sealed bytes are too few", n);
    r = crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, nonce + KG_NONCE_BYTES, n - KG_NONCE_BYTES, ad,
                                                   ad_len, nonce, kg_secret_open(key));
    kg_secret_shut(key);
    if (r != 0)
        return kg_err_set(err, KG_E_CORRUPT, "the bytes are not what was sealed here");
    return 0;
}

void kg_digest(const void *data, size_t n, uint8_t out[KG_HASH_BYTES])
{
    crypto_generichash(out, KG_HASH_BYTES, data, n, NULL, 0);
}

bool kg_bytes_equal(const void *a, const void *b, size_t n) { return sodium_memcmp(a, b, n) == 0; }

int kg_key_from_passphrase(const struct kg_secret *passphrase, const uint8_t salt[16], struct kg_secret **ret_key,
                           struct kg_err *err)
{
    struct kg_secret *key = kg_secret_new(KG_KEY_BYTES);
    int r = crypto_pwhash(kg_secret_open_write(key), KG_KEY_BYTES, (const char *)kg_secret_open(passphrase),
                          kg_secret_size(passphrase), salt, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13);

    kg_secret_shut(passphrase);
    kg_secret_shut(key);
    if (r != 0) {
        kg_secret_free(key);
        return kg_err_set(err, KG_E_MEMORY, "no memory to turn a passphrase into a key (64 MiB are needed)");
    }
    *ret_key = key;
    return 0;
}
