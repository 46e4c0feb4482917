/* store/store.h - where a vault's objects are kept. One interface, several drivers: "dir", "mem".
 *
 * Names:     1 to 4 parts joined by '/', each of [A-Za-z0-9._-], not beginning with '.', 100 bytes at most a part.
 * Write-once: an object is created under a fresh name and never changed; the only other operation is delete.
 * Atomicity: after put_end() (or put()) returns 0 the object is complete and durable, name included. After a failure
 *            or a crash the object is not there at all: list, size and get do not see it.
 * Errors:    a list or read that fails is an error, never an empty answer.
 * Ownership: kg_store_open_*() gives the caller a store; kg_store_close() takes it back.
 * Threads:   all functions of one store may be called from any thread; one kg_store_put belongs to one.
 * Every driver is held to this by tests/contract/test_store_contract.c. */
#ifndef KG_STORE_STORE_H
#define KG_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "keepgres/err.h"

struct kg_store;
struct kg_put; /* an object being written */

struct kg_store_entry {
    const char *name;      /* whole object name; borrowed for the call */
    uint64_t size;
    kg_usec modified_wall;
};
typedef int (*kg_store_visit)(void *ctx, const struct kg_store_entry *e, struct kg_err *err); /* < 0 stops */

struct kg_store_ops {
    const char *name;
    int (*put_begin)(struct kg_store *st, const char *name, struct kg_put **ret, struct kg_err *err);
    int (*put_add)(struct kg_put *p, const void *data, size_t n, struct kg_err *err);
    int (*put_end)(struct kg_put *p, struct kg_err *err);      /* frees p whatever happens */
    void (*put_abort)(struct kg_put *p);                       /* frees p; nothing is left */
    int (*get)(struct kg_store *st, const char *name, uint64_t at, size_t n, void *out, size_t *ret_n,
               struct kg_err *err);
    int (*size)(struct kg_store *st, const char *name, uint64_t *ret, struct kg_err *err);
    int (*list)(struct kg_store *st, const char *prefix, kg_store_visit visit, void *ctx, struct kg_err *err);
    int (*remove)(struct kg_store *st, const char *name, struct kg_err *err);
    int (*space)(struct kg_store *st, uint64_t *ret_free, struct kg_err *err);
    void (*close)(struct kg_store *st);
};

/* First member of every driver's own structs. */
struct kg_store { const struct kg_store_ops *ops; };
struct kg_put { struct kg_store *store; };

bool kg_store_name_ok(const char *name);

/* Begins a new object. KG_E_EXISTS when the name is taken (also when another writer finished first: at put_end). */
int kg_store_put_begin(struct kg_store *st, const char *name, struct kg_put **ret, struct kg_err *err) KG_MUST_CHECK;
int kg_store_put_add(struct kg_put *p, const void *data, size_t n, struct kg_err *err) KG_MUST_CHECK;
int kg_store_put_end(struct kg_put *p, struct kg_err *err) KG_MUST_CHECK;
void kg_store_put_abort(struct kg_put *p);                     /* NULL is allowed */
int kg_store_put(struct kg_store *st, const char *name, const void *data, size_t n, struct kg_err *err) KG_MUST_CHECK;

/* Reads up to n bytes from offset at. *ret_n < n only at the end of the object. KG_E_NOT_FOUND, KG_E_IO. */
int kg_store_get(struct kg_store *st, const char *name, uint64_t at, size_t n, void *out, size_t *ret_n,
                 struct kg_err *err) KG_MUST_CHECK;
/* The whole object, appended to ret; KG_E_LIMIT when it does not fit ret's ceiling. */
int kg_store_get_all(struct kg_store *st, const char *name, struct kg_buf *ret, struct kg_err *err) KG_MUST_CHECK;
int kg_store_size(struct kg_store *st, const char *name, uint64_t *ret, struct kg_err *err) KG_MUST_CHECK;
/* Visits every complete object whose name begins with prefix, in name order. */
int kg_store_list(struct kg_store *st, const char *prefix, kg_store_visit visit, void *ctx, struct kg_err *err) KG_MUST_CHECK;
int kg_store_remove(struct kg_store *st, const char *name, struct kg_err *err) KG_MUST_CHECK; /* durable; NOT_FOUND */
int kg_store_space(struct kg_store *st, uint64_t *ret_free, struct kg_err *err) KG_MUST_CHECK; /* UINT64_MAX: unknown */

void kg_store_close(struct kg_store *st);                      /* NULL is allowed */
KG_DEFINE_CLEANUP(struct kg_store, kg_store_close)

/* Directory driver. With create the directory is made (0700) when it is missing; without, KG_E_NOT_FOUND.
 * Temporary files of dead writers are swept when they are older than a day. */
int kg_store_open_dir(const char *dir, bool create, struct kg_store **ret_store, struct kg_err *err) KG_MUST_CHECK;
struct kg_store *kg_store_open_mem(void);

#endif
