/* crypto/secret.h - bytes that must not leak: passwords, keys, connection strings.
 *
 * Memory comes from sodium_malloc (guard pages, zeroed on free, locked when the limit allows), unreadable except
 * between kg_secret_open() and kg_secret_shut(), which nest. There is no function that prints one.
 *
 * Ownership: kg_secret_new*() gives the caller a secret, kg_secret_free() takes it back.
 * Threads:   open and shut may be called from any thread. */
#ifndef KG_CRYPTO_SECRET_H
#define KG_CRYPTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "keepgres/err.h"

struct kg_secret;

/* Call once in every main, before anything else in this room. Aborts when libsodium cannot start. Switches off core
 * dumps and ptrace by others (PR_SET_DUMPABLE 0), except under a sanitizer or when KEEPGRES_DUMPABLE is set. */
void kg_crypto_start(void);

struct kg_secret *kg_secret_new(size_t n);                           /* zeroed */
struct kg_secret *kg_secret_new_copy(const void *data, size_t n);    /* the caller wipes its own copy */
struct kg_secret *kg_secret_random(size_t n);
void kg_secret_free(struct kg_secret *s);                            /* NULL is allowed */
KG_DEFINE_CLEANUP(struct kg_secret, kg_secret_free)
#define KG_AUTO_SECRET KG_CLEANUP(kg_secret_freep)

size_t kg_secret_size(const struct kg_secret *s);
const uint8_t *kg_secret_open(const struct kg_secret *s);  /* readable until kg_secret_shut(); a NUL stands behind */
uint8_t *kg_secret_open_write(struct kg_secret *s);
void kg_secret_shut(const struct kg_secret *s);
bool kg_secret_equal(const struct kg_secret *a, const struct kg_secret *b); /* constant time */
bool kg_secret_locked(void);                               /* false: memory cannot be locked, warn once at start */
void kg_wipe(void *p, size_t n);                           /* never optimised away */

/* Reads a secret from a descriptor up to its end (at most max bytes); one trailing newline is dropped. */
int kg_secret_read_fd(int fd, size_t max, struct kg_secret **ret, struct kg_err *err) KG_MUST_CHECK;

#endif
