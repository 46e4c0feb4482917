/* catalog/lookup.h - resources found by what URIs say of them instead of by their ids. */
#ifndef KG_CATALOG_LOOKUP_H
#define KG_CATALOG_LOOKUP_H

#include "catalog/catalog.h"
#include "model/resources.h"

/* The key vault that a secret's URI names: a local one by its name, another by the host of its vaultUri.
 * KG_E_NO_KEYVAULT. */
int kg_lookup_keyvault(struct kg_catalog *c, const struct kg_secret_ref *ref, struct kg_resource *ret,
                       struct kg_err *err) KG_MUST_CHECK;
/* The same by its vaultUri or a host alone. */
int kg_lookup_keyvault_host(struct kg_catalog *c, const char *host, struct kg_resource *ret, struct kg_err *err) KG_MUST_CHECK;

#endif
