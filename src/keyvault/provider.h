/* keyvault/provider.h - for this room only: what a provider of key vaults must do. What callers see is in keyvault.h;
 * version is never "" here, and attributes have been checked. */
#ifndef KG_KEYVAULT_PROVIDER_H
#define KG_KEYVAULT_PROVIDER_H

#include "keyvault/keyvault.h"

struct kg_keyvault_ops {
    const char *name;
    /* item has everything of the new version; a provider that chooses versions itself replaces that one. */
    int (*set)(struct kg_keyvault *kv, const struct kg_secret *value, struct kg_keyvault_item *item, struct kg_err *err);
    int (*get)(struct kg_keyvault *kv, const char *vault, const char *name, const char *version, struct kg_secret **ret,
               struct kg_err *err);
    int (*show)(struct kg_keyvault *kv, const char *vault, const char *name, const char *version, struct kg_keyvault_item *ret,
                struct kg_err *err);
    int (*update)(struct kg_keyvault *kv, const struct kg_keyvault_item *item, struct kg_err *err);
    int (*list)(struct kg_keyvault *kv, const char *vault, const char *name, const char *after, unsigned top,
                struct kg_keyvault_list *ret, struct kg_err *err);
    int (*remove)(struct kg_keyvault *kv, const char *vault, const char *name, struct kg_err *err);
    void (*close)(struct kg_keyvault *kv);
};

struct kg_keyvault { /* first member of every provider's struct */
    const struct kg_keyvault_ops *ops;
};

#endif
