#include "readiness/grant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "crypto/crypto.h"
#include "model/id.h"
#include "model/resources.h"

#define ASSIGN "Microsoft.Authorization/roleAssignments/write"

static const struct {
    const char *role, *role_id;
    const char *action;          /* for a server: of the kind that it is */
    bool at_resource;            /* a setting of the resource: never wider */
} kinds[KG_GRANT_KIND_COUNT_] = {
    [KG_GRANT_SECRETS_ROLE] = { "Key Vault Secrets User", "4633458b-17de-408a-b874-0445c86b69e6", ASSIGN, false },
    [KG_GRANT_SECRETS_POLICY] = { NULL, NULL, KG_TYPE_KEYVAULT "/write", true },
    [KG_GRANT_TRUST] = { NULL, NULL, KG_TYPE_KEYVAULT "/write", true },
    [KG_GRANT_READER] = { "Reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7", ASSIGN, false },
    [KG_GRANT_NETWORK] = { NULL, NULL, NULL, true },
    [KG_GRANT_BLOBS] = { "Storage Blob Data Contributor", "ba92f5b4-2d11-453d-a403-e96b0029c9fe", ASSIGN, false },
};

int kg_grant_scope_parse(const char *text, enum kg_grant_scope *ret, struct kg_err *err)
{
    static const char *const names[] = { "Resource", "ResourceGroup", "Subscription" };

    for (size_t i = 0; i < KG_ARRAY_LEN(names); i++)
        if (strcasecmp(names[i], text) == 0) {
            *ret = (enum kg_grant_scope)i;
            return 0;
        }
    kg_err_set(err, KG_E_USAGE, "there is no permissions scope '%.60s'", text);
    kg_err_advise(err, "Choose Resource, ResourceGroup or Subscription.");
    return -(int)err->code;
}

char *kg_grant_scope_of(const char *resource, enum kg_grant_scope scope)
{
    KG_AUTO_ID struct kg_id id = { 0 };
    struct kg_err ignored = { 0 };

    if (kg_id_parse(resource, &id, &ignored) < 0)
        return kg_xstrdup(resource);
    if (scope == KG_SCOPE_SUBSCRIPTION)
        return kg_id_subscription(id.subscription);
    if (scope == KG_SCOPE_GROUP && id.group)
        return kg_id_group(id.subscription, id.group);
    if (!id.provider || id.count < 2)
        return kg_xstrdup(resource);
    KG_AUTO_FREE char *type = kg_xprintf("%s/%s", id.provider, id.parts[0].type);

    return kg_id_resource(id.subscription, id.group, type, id.parts[0].name);
}

/* ---- the list ---- */

static void grant_done(struct kg_grant *g)
{
    free(g->resource);
    free(g->scope);
    free(g->principal);
}

void kg_grants_done(struct kg_grants *g)
{
    for (size_t i = 0; i < g->n; i++)
        grant_done(&g->list[i]);
    free(g->list);
    *g = (struct kg_grants){ 0 };
}

static bool same(const struct kg_grant *a, const struct kg_grant *b)
{
    return a->kind == b->kind && kg_id_equal(a->scope, b->scope) && strcasecmp(a->principal, b->principal) == 0;
}

void kg_grants_add(struct kg_grants *g, enum kg_grant_kind kind, const char *resource, enum kg_grant_scope scope,
                   const char *principal)
{
    struct kg_grant new = { .kind = kind, .resource = kg_grant_scope_of(resource, KG_SCOPE_RESOURCE),
                            .scope = kg_grant_scope_of(resource, kinds[kind].at_resource ? KG_SCOPE_RESOURCE : scope),
                            .principal = kg_xstrdup(principal) };
    size_t at;

    for (size_t i = 0; i < g->n; i++)
        if (same(&g->list[i], &new)) {
            grant_done(&new);
            return;
        }
    KG_GROW(g->list, g->n, g->cap);
    for (at = g->n++; at && g->list[at - 1].kind > kind; at--)
        g->list[at] = g->list[at - 1];
    g->list[at] = new;
}

/* ---- one of them ---- */

const char *kg_grant_role(const struct kg_grant *g) { return kinds[g->kind].role; }
const char *kg_grant_role_id(const struct kg_grant *g) { return kinds[g->kind].role_id; }

static bool is_flexible(const struct kg_grant *g) { return strcasestr(g->resource, "/flexibleServers/") != NULL; }

const char *kg_grant_action(const struct kg_grant *g)
{
    if (kinds[g->kind].action)
        return kinds[g->kind].action;
    return is_flexible(g) ? KG_TYPE_FLEXIBLE "/write" : KG_TYPE_SERVER "/write";
}

void kg_grant_name(const struct kg_grant *g, char ret[37])
{
    KG_AUTO_FREE char *text = kg_xprintf("%s\n%s\n%s", g->scope, g->principal, kinds[g->kind].role_id ? kinds[g->kind].role_id : "");

    for (char *s = text; *s; s++)
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s - 'A' + 'a');
    kg_uuid_of(text, ret);
}

static char *role_definition(const struct kg_grant *g)
{
    KG_AUTO_ID struct kg_id id = { 0 };
    struct kg_err ignored = { 0 };

    if (kg_id_parse(g->scope, &id, &ignored) < 0)
        return kg_xprintf("/providers/Microsoft.Authorization/roleDefinitions/%s", kinds[g->kind].role_id);
    return kg_xprintf("/subscriptions/%s/providers/Microsoft.Authorization/roleDefinitions/%s", id.subscription,
                      kinds[g->kind].role_id);
}

static struct kg_json *secret_permissions(void)
{
    struct kg_json *a = kg_json_array();

    kg_json_push_str(a, "get");
    kg_json_push_str(a, "list");
    return a;
}

static struct kg_json *policy_entry(const struct kg_grant *g)
{
    struct kg_json *e = kg_json_object();

    kg_json_set_str(e, "objectId", g->principal);
    kg_json_set(e, "permissions.secrets", secret_permissions());
    return e;
}

static const char *last_name(const char *id)
{
    const char *slash = strrchr(id, '/');

    return slash ? slash + 1 : id;
}

struct kg_json *kg_grant_json(const struct kg_grant *g)
{
    struct kg_json *j = kg_json_object();
    KG_AUTO_FREE char *definition = NULL;
    char name[37];

    switch (g->kind) {
    case KG_GRANT_SECRETS_POLICY:
        kg_json_set_str(j, "ResourceType", KG_TYPE_KEYVAULT);
        kg_json_set_str(j, "Name", last_name(g->resource));
        kg_json_set(j, "Properties.accessPolicy", policy_entry(g));
        break;
    case KG_GRANT_TRUST:
        kg_json_set_str(j, "ResourceType", KG_TYPE_KEYVAULT);
        kg_json_set_str(j, "Name", last_name(g->resource));
        kg_json_set_str(j, "Properties.networkAcls.bypass", "AzureServices");
        break;
    case KG_GRANT_NETWORK:
        kg_json_set_str(j, "ResourceType", is_flexible(g) ? KG_TYPE_FLEXIBLE "/firewallRules" : KG_TYPE_SERVER "/firewallRules");
        kg_json_set_str(j, "Name", "AllowAllWindowsAzureIps");
        kg_json_set_str(j, "Properties.server", last_name(g->resource));
        kg_json_set_bool(j, "Properties.allowAccess", true);
        break;
    default:
        kg_grant_name(g, name);
        definition = role_definition(g);
        kg_json_set_str(j, "ResourceType", "Microsoft.Authorization/roleAssignments");
        kg_json_set_str(j, "Name", name);
        kg_json_set_str(j, "Properties.roleDefinitionName", kinds[g->kind].role);
        kg_json_set_str(j, "Properties.roleDefinitionId", definition);
        kg_json_set_str(j, "Properties.scope", g->scope);
        kg_json_set_str(j, "Properties.principalId", g->principal);
        kg_json_set_str(j, "Properties.principalType", "ServicePrincipal");
        break;
    }
    return j;
}

struct kg_json *kg_grants_json(const struct kg_grants *g)
{
    struct kg_json *a = kg_json_array();

    for (size_t i = 0; i < g->n; i++)
        kg_json_push(a, kg_grant_json(&g->list[i]));
    return a;
}
