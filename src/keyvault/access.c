#include "keyvault/access.h"

#include <string.h>
#include <strings.h>

static const char *name_of(const struct kg_json *keyvault)
{
    const char *name = kg_json_str(keyvault, "name");

    return name ? name : kg_json_str_or(keyvault, "properties.vaultUri", "?");
}

bool kg_keyvault_uses_rbac(const struct kg_json *keyvault)
{
    return kg_json_bool(keyvault, "properties.enableRbacAuthorization", true);
}

bool kg_keyvault_trusts_services(const struct kg_json *keyvault)
{
    return strcasecmp(kg_json_str_or(keyvault, "properties.networkAcls.bypass", "AzureServices"), "AzureServices") == 0;
}

static bool lists(const struct kg_json *permissions, const char *permission)
{
    for (const struct kg_json *p = kg_json_first(permissions); p; p = kg_json_next(p)) {
        const char *text = kg_json_value_str(p);

        if (text && (strcasecmp(text, permission) == 0 || strcasecmp(text, "all") == 0))
            return true;
    }
    return false;
}

bool kg_keyvault_policy_gives(const struct kg_json *keyvault, const char *principal_id, const char *permission)
{
    const struct kg_json *policies = kg_json_get(keyvault, "properties.accessPolicies");

    for (const struct kg_json *p = principal_id && *principal_id ? kg_json_first(policies) : NULL; p; p = kg_json_next(p))
        if (strcasecmp(kg_json_str_or(p, "objectId", ""), principal_id) == 0 &&
            lists(kg_json_get(p, "permissions.secrets"), permission))
            return true;
    return false;
}

int kg_keyvault_may_get(const struct kg_json *keyvault, bool rbac_allows, const char *principal_id, struct kg_err *err)
{
    const char *name = name_of(keyvault);

    if (!kg_keyvault_trusts_services(keyvault)) {
        kg_err_set(err, KG_E_NO_KEYVAULT, "key vault '%.200s' does not let trusted services in", name);
        kg_err_advise(err, "Run 'keepgres keyvault update --name NAME --bypass AzureServices'.");
        return -(int)err->code;
    }
    if (kg_keyvault_uses_rbac(keyvault)) {
        if (rbac_allows)
            return 0;
        kg_err_set(err, KG_E_SECRET_DENIED, "the vault's identity '%.40s' has no role that lets it read secrets of key vault '%.200s'",
                   principal_id ? principal_id : "", name);
        kg_err_advise(err, "Assign it the role 'Key Vault Secrets User' on the key vault.");
        return -(int)err->code;
    }
    if (kg_keyvault_policy_gives(keyvault, principal_id, "get"))
        return 0;
    kg_err_set(err, KG_E_SECRET_DENIED, "no access policy of key vault '%.200s' lets the vault's identity '%.40s' get secrets", name,
               principal_id ? principal_id : "");
    kg_err_advise(err, "Run 'keepgres keyvault set-policy --object-id %.40s --secret-permissions get list --name NAME'.",
                  principal_id ? principal_id : "");
    return -(int)err->code;
}

/* ---- changing ---- */

static const struct kg_json *policy_of(const struct kg_json *policies, const char *principal_id)
{
    for (const struct kg_json *p = kg_json_first(policies); p; p = kg_json_next(p))
        if (strcasecmp(kg_json_str_or(p, "objectId", ""), principal_id) == 0)
            return p;
    return NULL;
}

/* Appends those of from that without does not have (exactly, "all" is one like the others) and to has not yet. */
static void append(struct kg_json *to, const struct kg_json *from, const struct kg_json *without)
{
    for (const struct kg_json *p = kg_json_first(from); p; p = kg_json_next(p)) {
        const char *text = kg_json_value_str(p);
        bool there = false;

        for (const struct kg_json *w = kg_json_first(without); w && text; w = kg_json_next(w))
            there |= kg_json_value_str(w) && strcasecmp(kg_json_value_str(w), text) == 0;
        for (const struct kg_json *t = kg_json_first(to); t && text; t = kg_json_next(t))
            there |= strcasecmp(kg_json_value_str(t), text) == 0;
        if (text && !there)
            kg_json_push_str(to, text);
    }
}

/* Policy old (NULL: none) with a change (NULL: none) applied; NULL: nothing is left. */
static struct kg_json *changed(const struct kg_json *old, const struct kg_json *change, enum kg_access_change how)
{
    const struct kg_json *had = kg_json_get(old, "permissions.secrets"), *said = kg_json_get(change, "permissions.secrets");
    struct kg_json *j;

    if (!change)
        return kg_json_copy(old);
    if (how == KG_ACCESS_REMOVE && (!old || !kg_json_count(said)))
        return NULL;
    j = kg_json_copy(old ? old : change);
    kg_json_set(j, "permissions.secrets", kg_json_array());
    if (how != KG_ACCESS_REPLACE)
        append(kg_json_get_mutable(j, "permissions.secrets"), had, how == KG_ACCESS_REMOVE ? said : NULL);
    if (how != KG_ACCESS_REMOVE)
        append(kg_json_get_mutable(j, "permissions.secrets"), said, NULL);
    return j;
}

struct kg_json *kg_keyvault_policies_changed(const struct kg_json *policies, const struct kg_json *changes, enum kg_access_change how)
{
    struct kg_json *list = kg_json_array(), *j;

    for (const struct kg_json *p = kg_json_first(policies); p; p = kg_json_next(p))
        if ((j = changed(p, policy_of(changes, kg_json_str_or(p, "objectId", "")), how)))
            kg_json_push(list, j);
    for (const struct kg_json *p = kg_json_first(changes); p; p = kg_json_next(p))
        if (!policy_of(policies, kg_json_str_or(p, "objectId", "")) && (j = changed(NULL, p, how)))
            kg_json_push(list, j);
    return list;
}
