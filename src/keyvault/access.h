/* keyvault/access.h - may a principal read a secret of a key vault? What the resource itself says: its permission model,
 * its access policies, its network rules. Pure.
 *
 * keyvault is the resource's document as the catalog keeps it ({"properties":{…}}), or one as the API answers it. Principals
 * are told apart by their principalId, ignoring case.
 *
 * A Backup vault's identity is a trusted service: networkAcls.bypass "AzureServices" lets it in whatever else the network
 * rules say, "None" keeps it out. */
#ifndef KG_KEYVAULT_ACCESS_H
#define KG_KEYVAULT_ACCESS_H

#include <stdbool.h>
#include "json/json.h"
#include "keepgres/err.h"

/* Which model: true unless enableRbacAuthorization is false. */
bool kg_keyvault_uses_rbac(const struct kg_json *keyvault);
/* networkAcls.bypass is "AzureServices". */
bool kg_keyvault_trusts_services(const struct kg_json *keyvault);
/* Does the key vault have an access policy that gives this principal a permission for secrets ("get", "list", "set",
 * "delete"; "all" stands for each)? Says nothing of RBAC. */
bool kg_keyvault_policy_gives(const struct kg_json *keyvault, const char *principal_id, const char *permission);

/* May the Backup vault with this identity get secrets? rbac_allows: what the roles say of
 * Microsoft.KeyVault/vaults/secrets/getSecret/action (a data action) at the key vault; it counts in the RBAC model only.
 * KG_E_NO_KEYVAULT (UserErrorInvalidSecretStore): trusted services are kept out.
 * KG_E_SECRET_DENIED (UserErrorMissingPermissionsOnSecretStore): neither role nor access policy allows it. */
int kg_keyvault_may_get(const struct kg_json *keyvault, bool rbac_allows, const char *principal_id,
                        struct kg_err *err) KG_MUST_CHECK;

/* Changes the list of access policies (both as kg_access_policies() makes them): adds permissions to those that the named
 * principals have, replaces theirs, or takes them away; a change without permissions takes the whole policy away. */
enum kg_access_change { KG_ACCESS_ADD, KG_ACCESS_REPLACE, KG_ACCESS_REMOVE };
struct kg_json *kg_keyvault_policies_changed(const struct kg_json *policies, const struct kg_json *changes, enum kg_access_change how);

#endif
