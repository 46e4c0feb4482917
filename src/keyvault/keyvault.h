/* keyvault/keyvault.h - secrets of key vaults. One interface, several providers.
 *
 * "local" seals each value with a key derived from the service's own and keeps the sealed bytes wherever its caller says
 * (the catalog). A sealed value is bound to the secret's full id and version: bytes moved to another secret, vault or version
 * do not open. "azure" asks an Azure Key Vault over HTTPS and blocks: for workers only, see azure.h.
 *
 * A version can be read while it is enabled, not before its notBefore and until it expires, in both providers.
 *
 * Secret identifiers (URIs) are model/resources.h's: kg_secret_ref_parse().
 *
 * Ownership: kg_keyvault_open_...() gives the caller a provider, kg_keyvault_close() takes it back. Values go in and
 *            come out as struct kg_secret and are never text.
 * Threads:   one provider, one thread. */
#ifndef KG_KEYVAULT_KEYVAULT_H
#define KG_KEYVAULT_KEYVAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "keepgres/err.h"

struct kg_keyvault;

/* The name under which the client secret of an Azure Key Vault is sealed locally, as a secret of that key vault's id. */
#define KG_KEYVAULT_CREDENTIAL "client-secret"

enum { KG_KEYVAULT_VALUE_MAX = 25 * 1024, KG_KEYVAULT_VERSION_CHARS = 32 };

/* One version of one secret; strings belong to it. */
struct kg_keyvault_item {
    char *vault;             /* id of the key vault resource */
    char *name;
    char *version;           /* 32 hexadecimal digits */
    char *content_type;      /* or NULL */
    bool enabled;
    kg_usec not_before;      /* wall; 0: none */
    kg_usec expires;         /* wall; 0: never */
    kg_usec created, updated;
    uint8_t *sealed;         /* between provider and backing only: NULL in what callers get */
    size_t sealed_len;
};
void kg_keyvault_item_done(struct kg_keyvault_item *i);
#define KG_AUTO_KEYVAULT_ITEM KG_CLEANUP(kg_keyvault_item_done)
struct kg_keyvault_list {
    struct kg_keyvault_item *items;
    size_t count;
    char *next;              /* NULL: that was all */
};
void kg_keyvault_list_done(struct kg_keyvault_list *l);
#define KG_AUTO_KEYVAULT_LIST KG_CLEANUP(kg_keyvault_list_done)

/* What can be said of a version; NULL: not said, so for a new one the default, for an old one no change. */
struct kg_keyvault_attrs {
    const char *content_type;   /* "": none */
    const bool *enabled;
    const kg_usec *not_before, *expires;    /* 0: none */
};
/* Why the version cannot be read at this moment: "is disabled", "expired at …", "is not valid before …" in out (of 80
 * bytes). NULL: it can. */
const char *kg_keyvault_unusable(const struct kg_keyvault_item *i, kg_usec now, char *out);

/* The resource as the API answers it, {id, name, type, properties{secretUri, secretUriWithVersion, attributes, contentType}};
 * vault_uri: "https://host/". */
struct kg_json;
struct kg_json *kg_keyvault_item_answer(const struct kg_keyvault_item *i, const char *vault_uri);

/* Where the local provider keeps its sealed bytes. All as in the public functions below; load fills sealed, and without a
 * version finds the newest that can be read at this moment; update stores everything of the item but its sealed bytes. */
struct kg_keyvault_backing {
    void *arg;
    int (*save)(void *arg, const struct kg_keyvault_item *item, struct kg_err *err);
    int (*load)(void *arg, const char *vault, const char *name, const char *version, struct kg_keyvault_item *ret,
                struct kg_err *err);
    int (*update)(void *arg, const struct kg_keyvault_item *item, struct kg_err *err);
    int (*list)(void *arg, const char *vault, const char *name, const char *after, unsigned top,
                struct kg_keyvault_list *ret, struct kg_err *err);
    int (*remove)(void *arg, const char *vault, const char *name, struct kg_err *err);
};

/* service_key: 32 bytes; not kept, a key of its own is derived. backing is copied. */
struct kg_keyvault *kg_keyvault_open_local(const struct kg_secret *service_key,
                                           const struct kg_keyvault_backing *backing);
void kg_keyvault_close(struct kg_keyvault *kv); /* NULL is allowed */
KG_DEFINE_CLEANUP(struct kg_keyvault, kg_keyvault_close)

/* Stores value as a new version. The name is the caller's to check. KG_E_LIMIT for a value that is empty or too long.
 * KG_E_USAGE when it would expire before it becomes valid. ret may be NULL; otherwise it tells the new version. */
int kg_keyvault_set(struct kg_keyvault *kv, const char *vault, const char *name, const struct kg_secret *value,
                    const struct kg_keyvault_attrs *attrs, struct kg_keyvault_item *ret, struct kg_err *err) KG_MUST_CHECK;
/* version NULL or "": the newest that is enabled and within its dates, now. KG_E_NO_SECRET (also for a version that is
 * disabled or out of its dates); KG_E_CORRUPT when the sealed bytes are not what was sealed for this secret, or with
 * another service key. azure: also KG_E_NO_KEYVAULT, KG_E_SECRET_DENIED, KG_E_TIMEOUT, KG_E_NO_REPLY, KG_E_CANCELLED. */
int kg_keyvault_get(struct kg_keyvault *kv, const char *vault, const char *name, const char *version,
                    struct kg_secret **ret, struct kg_err *err) KG_MUST_CHECK;
/* What is known of a version without its value; version NULL or "": of the newest, whatever its state. */
int kg_keyvault_show(struct kg_keyvault *kv, const char *vault, const char *name, const char *version,
                     struct kg_keyvault_item *ret, struct kg_err *err) KG_MUST_CHECK;
/* Changes what attrs says of a version (NULL or "": the newest). KG_E_NO_SECRET, KG_E_USAGE as for set. */
int kg_keyvault_update(struct kg_keyvault *kv, const char *vault, const char *name, const char *version,
                       const struct kg_keyvault_attrs *attrs, struct kg_keyvault_item *ret, struct kg_err *err) KG_MUST_CHECK;
/* name NULL: the newest version of every secret, by name; otherwise the versions of that one, newest first. */
int kg_keyvault_list(struct kg_keyvault *kv, const char *vault, const char *name, const char *after, unsigned top,
                     struct kg_keyvault_list *ret, struct kg_err *err) KG_MUST_CHECK;
/* All versions; name NULL: everything in the vault (local only). KG_E_NO_SECRET. */
int kg_keyvault_delete(struct kg_keyvault *kv, const char *vault, const char *name, struct kg_err *err) KG_MUST_CHECK;

#endif
