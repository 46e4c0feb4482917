/* api/resolve.h - from the names that callers write to resources: key vaults and storage accounts are named without
 * their resource group, as their URLs are, so their names are unique in the whole service. */
#ifndef KG_API_RESOLVE_H
#define KG_API_RESOLVE_H

#include "catalog/catalog.h"
#include "keyvault/keyvault.h"
#include "model/id.h"
#include "model/resources.h"

/* The resource of that type and name, wherever it is. missing when there is none. */
int kg_find_by_name(struct kg_catalog *c, const char *type, const char *name, enum kg_code missing,
                    struct kg_resource *ret, struct kg_err *err) KG_MUST_CHECK;
/* KG_E_EXISTS when a resource of that type has the name already; named when the caller may see it. */
struct kg_call;
int kg_check_name_free(const struct kg_call *c, const char *type, const char *name, struct kg_err *err) KG_MUST_CHECK;
/* Calls fn for every resource that the query finds, on all its pages, until fn does not return 0; returns what it did. */
typedef int kg_resource_fn(void *arg, const struct kg_resource *r, struct kg_err *err);
int kg_each_resource(struct kg_catalog *c, const struct kg_resource_query *q, kg_resource_fn *fn, void *arg,
                     struct kg_err *err) KG_MUST_CHECK;
/* The same for the recovery points of an instance, the newest first. fn may change the row, and write it back. */
typedef int kg_point_fn(void *arg, struct kg_point_row *row, struct kg_err *err);
int kg_each_point(struct kg_catalog *c, const char *instance, kg_point_fn *fn, void *arg, struct kg_err *err) KG_MUST_CHECK;
/* Is there a secret of that URI? One of Azure is not looked at: who reads it will see. KG_E_NO_KEYVAULT, KG_E_NO_SECRET. */
int kg_check_secret(struct kg_catalog *c, struct kg_keyvault *kv, const char *uri, struct kg_err *err) KG_MUST_CHECK;
/* The container that a URL means: its id, its directory, its account's region (the caller frees). KG_E_NO_CONTAINER. */
int kg_find_container(struct kg_catalog *c, const struct kg_container_ref *ref, char **ret_id, char **ret_dir,
                      char **ret_location, struct kg_err *err) KG_MUST_CHECK;

#endif
