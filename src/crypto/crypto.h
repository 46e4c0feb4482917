/* crypto/crypto.h - sealing, keyed hashing, key derivation, random. The choices are vault-format.md's.
 *
 * Threads: all functions may be called from any thread; a kg_hasher belongs to one. */
#ifndef KG_CRYPTO_CRYPTO_H
#define KG_CRYPTO_CRYPTO_H

#include <stddef.h>
#include <stdint.h>
#include "crypto/secret.h"
#include "keepgres/err.h"

enum { KG_KEY_BYTES = 32, KG_HASH_BYTES = 32, KG_NONCE_BYTES = 24, KG_TAG_BYTES = 16,
       KG_SEAL_EXTRA = KG_NONCE_BYTES + KG_TAG_BYTES };

void kg_random(void *p, size_t n);
void kg_uuid(char out[37]);                     /* random, version 4, lower case */
void kg_uuid_of(const char *text, char out[37]); /* always the same for a text, from its SHA-256: version 8 */

/* A key for one purpose from a master key: context is 8 characters naming the purpose, id a number. crypto_kdf. */
struct kg_secret *kg_key_derive(const struct kg_secret *master, const char context[8], uint64_t id);

/* XChaCha20-Poly1305: out (n + KG_SEAL_EXTRA bytes) = nonce | ciphertext | tag. ad binds what the bytes are.
 * plain may be out + KG_NONCE_BYTES: sealed in place. */
void kg_seal(const struct kg_secret *key, const void *ad, size_t ad_len, const void *plain, size_t n, void *out);
/* Opens n sealed bytes into plain (n - KG_SEAL_EXTRA). KG_E_CORRUPT when they are not exactly what was sealed. */
int kg_unseal(const struct kg_secret *key, const void *ad, size_t ad_len, const void *sealed, size_t n, void *plain,
              struct kg_err *err) KG_MUST_CHECK;

/* BLAKE2b-256 without a key: for what is no secret. Constant-time comparison of bytes. */
void kg_digest(const void *data, size_t n, uint8_t out[KG_HASH_BYTES]);
bool kg_bytes_equal(const void *a, const void *b, size_t n);

/* Keyed 256-bit hash: chunk identity. */
enum kg_hash_kind { KG_HASH_HMAC_SHA256, KG_HASH_BLAKE2B };
const char *kg_hash_kind_to_text(enum kg_hash_kind k);   /* "hmac-sha256", "blake2b-256" */
int kg_hash_kind_from_text(const char *text);            /* -1 when unknown */
enum kg_hash_kind kg_hash_kind_fastest(void);            /* by the processor: SHA instructions or not */

struct kg_hasher;                                        /* the key, set up once; one a thread */
struct kg_hasher *kg_hasher_new(enum kg_hash_kind kind, const struct kg_secret *key);
void kg_hasher_free(struct kg_hasher *h);
void kg_hasher_hash(struct kg_hasher *h, const void *data, size_t n, uint8_t out[KG_HASH_BYTES]);

/* Argon2id for passphrases (interactive limits of libsodium; salt 16 bytes). KG_E_MEMORY when it cannot. */
int kg_key_from_passphrase(const struct kg_secret *passphrase, const uint8_t salt[16], struct kg_secret **ret_key,
                           struct kg_err *err) KG_MUST_CHECK;

#endif
