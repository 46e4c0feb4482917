/* The role-assignment template: what an administrator deploys who may assign roles that the caller may not. Everything in
 * it is literal but the tenant of access policies; resources of a group stand in a nested deployment of that group. */
#include "readiness/grant.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/id.h"
#include "model/resources.h"

#define SCHEMA "https://schema.management.azure.com/schemas/"

static struct kg_json *new_template(const char *schema)
{
    struct kg_json *t = kg_json_object();

    kg_json_set_str(t, "$schema", schema);
    kg_json_set_str(t, "contentVersion", "1.0.0.0");
    kg_json_set(t, "resources", kg_json_array());
    return t;
}

static struct kg_json *resource(const char *type, const char *version, const char *name)
{
    struct kg_json *r = kg_json_object();

    kg_json_set_str(r, "type", type);
    kg_json_set_str(r, "apiVersion", version);
    kg_json_set_str(r, "name", name);
    return r;
}

static struct kg_json *role_assignment(const struct kg_grant *g, const struct kg_id *scope)
{
    KG_AUTO_FREE char *definition = kg_xprintf("/subscriptions/%s/providers/Microsoft.Authorization/roleDefinitions/%s",
                                               scope->subscription, kg_grant_role_id(g));
    struct kg_json *r;
    char name[37];

    kg_grant_name(g, name);
    r = resource("Microsoft.Authorization/roleAssignments", "2022-04-01", name);
    if (scope->provider) {
        KG_AUTO_FREE char *at = kg_xprintf("%s/%s/%s", scope->provider, scope->parts[0].type, scope->parts[0].name);

        kg_json_set_str(r, "scope", at);
    }
    kg_json_set_str(r, "properties.roleDefinitionId", definition);
    kg_json_set_str(r, "properties.principalId", g->principal);
    kg_json_set_str(r, "properties.principalType", "ServicePrincipal");
    kg_json_set_str(r, "properties.description", kg_grant_role(g));
    return r;
}

static struct kg_json *access_policy(const struct kg_grant *g, const struct kg_id *at)
{
    KG_AUTO_FREE char *name = kg_xprintf("%s/add", at->parts[0].name);
    struct kg_json *r = resource(KG_TYPE_KEYVAULT "/accessPolicies", "2022-07-01", name);
    struct kg_json *entry = kg_json_object(), *list = kg_json_array(), *allowed = kg_json_array();

    kg_json_push_str(allowed, "get");
    kg_json_push_str(allowed, "list");
    kg_json_set_str(entry, "tenantId", "[subscription().tenantId]");
    kg_json_set_str(entry, "objectId", g->principal);
    kg_json_set(entry, "permissions.secrets", allowed);
    kg_json_push(list, entry);
    kg_json_set(r, "properties.accessPolicies", list);
    return r;
}

static struct kg_json *firewall_rule(const struct kg_id *at)
{
    bool flexible = kg_id_is(at, KG_TYPE_FLEXIBLE);
    KG_AUTO_FREE char *name = kg_xprintf("%s/AllowAllWindowsAzureIps", at->parts[0].name);
    struct kg_json *r = resource(flexible ? KG_TYPE_FLEXIBLE "/firewallRules" : KG_TYPE_SERVER "/firewallRules",
                                 flexible ? "2022-12-01" : "2017-12-01", name);

    kg_json_set_str(r, "properties.startIpAddress", "0.0.0.0");
    kg_json_set_str(r, "properties.endIpAddress", "0.0.0.0");
    return r;
}

/* The nested deployment's template for a resource group, made when it is not there yet. */
static struct kg_json *group_resources(struct kg_json *top, const struct kg_id *at)
{
    struct kg_json *list = kg_json_get_mutable(top, "resources"), *d;
    KG_AUTO_FREE char *name = kg_xprintf("keepgres-%.50s", at->group);
    char path[64];

    for (size_t i = 0; i < kg_json_count(list); i++) {
        (void)snprintf(path, sizeof path, "resources.%zu", i);
        d = kg_json_get_mutable(top, path);
        if (strcasecmp(kg_json_str_or(d, "resourceGroup", ""), at->group) == 0 &&
            strcasecmp(kg_json_str_or(d, "subscriptionId", ""), at->subscription) == 0)
            return kg_json_get_mutable(d, "properties.template.resources");
    }
    d = resource("Microsoft.Resources/deployments", "2022-09-01", name);
    kg_json_set_str(d, "subscriptionId", at->subscription);
    kg_json_set_str(d, "resourceGroup", at->group);
    kg_json_set_str(d, "properties.mode", "Incremental");
    kg_json_set_str(d, "properties.expressionEvaluationOptions.scope", "inner");
    kg_json_set(d, "properties.template", new_template(SCHEMA "2019-04-01/deploymentTemplate.json#"));
    kg_json_push(list, d);
    return kg_json_get_mutable(d, "properties.template.resources");
}

/* A key vault's network rules cannot be changed alone in a template: writing the vault would take its policies away. */
static void add_manual(struct kg_json *top, const struct kg_id *at)
{
    KG_AUTO_FREE char *text = kg_xprintf("Allow trusted Microsoft services to pass the firewall of key vault '%s' "
                                         "(networkAcls.bypass AzureServices).", at->parts[0].name);

    if (!kg_json_get(top, "metadata.manualSteps"))
        kg_json_set(top, "metadata.manualSteps", kg_json_array());
    kg_json_push_str(kg_json_get_mutable(top, "metadata.manualSteps"), text);
}

static void add(struct kg_json *top, const struct kg_grant *g)
{
    KG_AUTO_ID struct kg_id at = { 0 };
    struct kg_err ignored = { 0 };
    struct kg_json *list;

    if (kg_id_parse(g->scope, &at, &ignored) < 0)
        return; /* it was an id when the list was made */
    if (g->kind == KG_GRANT_TRUST) {
        add_manual(top, &at);
        return;
    }
    list = at.group ? group_resources(top, &at) : kg_json_get_mutable(top, "resources");
    kg_json_push(list, g->kind == KG_GRANT_SECRETS_POLICY ? access_policy(g, &at)
                       : g->kind == KG_GRANT_NETWORK ? firewall_rule(&at) : role_assignment(g, &at));
}

struct kg_json *kg_grants_template(const struct kg_grants *g)
{
    struct kg_json *top = new_template(SCHEMA "2018-05-01/subscriptionDeploymentTemplate.json#");

    kg_json_set_str(top, "metadata.description", "What a Backup vault's identity needs to back up databases");
    for (size_t i = 0; i < g->n; i++)
        add(top, &g->list[i]);
    return top;
}
