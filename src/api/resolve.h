/* api/resolve.h - from the names that callers write to resources: key vaults and storage accounts are named without
 * their resource group, as their URLs are, so their names are unique in the whole service. */
#ifndef KG_API_RESOLVE_H
#define KG_API_RESOLVE_H

#include "catalog/catalog.h"
#include "model/id.h"
#include "model/resources.h"

/* The resource of that type and name, wherever it is. missing when there is none. */
int kg_find_by_name(struct kg_catalog *c, const char *type, const char *name, enum kg_code missing,
                    struct kg_resource *ret, struct kg_err *err) KG_MUST_CHECK;
/* KG_E_EXISTS when a resource of that type has the name already. */
int kg_check_name_free(struct kg_catalog *c, const char *type, const char *name, struct kg_err *err) KG_MUST_CHECK;
/* Calls fn for every resource that the query finds, on all its pages, until fn does not return 0; returns what it did. */
typedef int kg_resource_fn(void *arg, const struct kg_resource *r, struct kg_err *err);
int kg_each_resource(struct kg_catalog *c, const struct kg_resource_query *q, kg_resource_fn *fn, void *arg,
                     struct kg_err *err) KG_MUST_CHECK;
/* Takes a secret's URI apart and finds its key vault's id (the caller frees). KG_E_NO_KEYVAULT. */
int kg_find_secret(struct kg_catalog *c, const char *uri, struct kg_secret_ref *ret_ref, char **ret_keyvault,
                   struct kg_err *err) KG_MUST_CHECK;
/* The directory that a container's URL means (the caller frees). KG_E_NO_CONTAINER. */
int kg_find_container(struct kg_catalog *c, const struct kg_container_ref *ref, char **ret_dir, char **ret_location,
                      struct kg_err *err) KG_MUST_CHECK;

#endif
