/* Key vaults: local ones, and those of Azure that this service may ask. Their secrets are res_secrets.c's. */
#include "api/call.h"
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/resolve.h"
#include "base/alloc.h"
#include "base/parse.h"
#include "catalog/lookup.h"
#include "keyvault/access.h"
#include "keyvault/azure.h"
#include "model/place.h"

int kg_res_keyvaults_list(struct kg_call *c, struct kg_err *err) { return kg_call_list(c, KG_TYPE_KEYVAULT, true, err); }
int kg_res_keyvault_get(struct kg_call *c, struct kg_err *err) { return kg_call_get(c, err); }

static bool is_azure(const struct kg_json *json)
{
    return strcasecmp(kg_json_str_or(json, "properties.provider", "local"), "azure") == 0;
}

/* ---- PUT and PATCH ---- */

/* Secrets are found by the host of their URI, so that is one key vault's only. */
static int check_azure(struct kg_call *c, const struct kg_keyvault_body *b, struct kg_err *err)
{
    const char *uri = kg_json_str_or(b->properties, "vaultUri", "");
    KG_AUTO_RESOURCE struct kg_resource other = { 0 };
    struct kg_err why = { 0 };

    if (kg_azure_check_host(uri, c->api->azure_extra_host, err) < 0)
        return -(int)err->code;
    if (kg_lookup_keyvault_host(c->api->catalog, uri, &other, &why) == 0)
        return kg_id_equal(other.id, kg_call_id(c)) ? 0
               : kg_err_set(err, KG_E_EXISTS, "'%s' is the URI of key vault '%s' already", uri, other.id);
    if (why.code == KG_E_NO_KEYVAULT)
        return 0;
    *err = why;
    return -(int)err->code;
}

/* Who chooses what decides over the secrets, roles or access policies, gives rights away: as in Azure, to do so later takes the
 * right to assign roles, or a Contributor would become the first who has an access policy. */
static int check_model(struct kg_call *c, const struct kg_put *p, const struct kg_keyvault_body *b, struct kg_err *err)
{
    bool rbac = kg_json_bool(b->properties, "enableRbacAuthorization", true);

    /* What is registered anew may have been another's, deleted a moment ago: Azure keeps the secrets. */
    if (p->exists ? kg_keyvault_uses_rbac(p->old.json) == rbac : rbac || !b->azure)
        return 0;
    return kg_identity_may(c->api->identity, &c->who, KG_TYPE_ASSIGNMENT "/write", kg_call_id(c), err);
}

/* The machine's identity opens whatever it opens in Azure: that is not for everybody to lend. */
static int check_machine(struct kg_call *c, const struct kg_put *p, const struct kg_keyvault_body *b, struct kg_err *err)
{
    static const char *const paths[] = { "vaultUri", "credential.type", "credential.clientId" };
    bool changed = !p->exists;

    if (strcasecmp(kg_json_str_or(b->properties, "credential.type", ""), "ManagedIdentity") != 0)
        return 0;
    for (size_t i = 0; i < KG_ARRAY_LEN(paths) && !changed; i++)
        changed = strcasecmp(kg_json_str_or(b->properties, paths[i], ""),
                             kg_json_str_or(kg_json_get(p->old.json, "properties"), paths[i], "")) != 0;
    return changed ? kg_identity_may(c->api->identity, &c->who, KG_ACTION_MACHINE, "/", err) : 0;
}

static bool has_credential(struct kg_call *c)
{
    KG_AUTO_KEYVAULT_ITEM struct kg_keyvault_item item = { 0 };
    struct kg_err ignored = { 0 };

    return kg_keyvault_show(c->api->keyvault, kg_call_id(c), KG_KEYVAULT_CREDENTIAL, NULL, &item, &ignored) == 0;
}

/* The client secret is sealed like a secret of a local key vault, and goes when it is not used any more. */
static int keep_credential(struct kg_call *c, const struct kg_keyvault_body *b, struct kg_err *err)
{
    bool wanted = strcasecmp(kg_json_str_or(b->properties, "credential.type", ""), "ClientSecret") == 0;
    KG_AUTO_SECRET struct kg_secret *value = NULL;

    if (wanted && !b->client_secret && !has_credential(c)) {
        kg_err_set(err, KG_E_USAGE, "properties.credential.clientSecret is needed");
        kg_err_advise(err, "Give the application's client secret, or use the managed identity of this machine.");
        return -(int)err->code;
    }
    if ((b->client_secret || !wanted) && has_credential(c) &&
        kg_keyvault_delete(c->api->keyvault, kg_call_id(c), KG_KEYVAULT_CREDENTIAL, err) < 0)
        return -(int)err->code;
    if (!b->client_secret)
        return 0;
    value = kg_secret_new_copy(b->client_secret, strlen(b->client_secret));
    return kg_keyvault_set(c->api->keyvault, kg_call_id(c), KG_KEYVAULT_CREDENTIAL, value, &(struct kg_keyvault_attrs){ 0 }, NULL, err);
}

static void wipe_client_secret(const struct kg_json *body)
{
    const char *s = kg_json_str(body, "properties.credential.clientSecret");

    if (s)
        kg_wipe((void *)(uintptr_t)s, strlen(s));
}

/* Who makes a key vault with access policies, and gives none, is the first who has one. */
static void add_creator(const struct kg_call *c, const struct kg_json *body, struct kg_json *properties)
{
    struct kg_json *policy;

    if (kg_json_bool(properties, "enableRbacAuthorization", true) || kg_json_get(body, "properties.accessPolicies") || !*c->who.id)
        return;
    policy = kg_json_object();
    kg_json_set_str(policy, "objectId", c->who.id);
    kg_json_set(policy, "permissions.secrets", kg_json_array());
    kg_json_push_str(kg_json_get_mutable(policy, "permissions.secrets"), "all");
    kg_json_push(kg_json_get_mutable(properties, "accessPolicies"), policy);
}

/* Stores what body says; p is its PUT. */
static int store(struct kg_call *c, struct kg_put *p, const struct kg_json *body, struct kg_resource *ret, struct kg_err *err)
{
    KG_AUTO_KEYVAULT_BODY struct kg_keyvault_body b = { 0 };
    const char *name = kg_call_param(c, "keyvault");

    if (p->exists && is_azure(p->old.json) != is_azure(body)) {
        kg_err_set(err, KG_E_CONFLICT, "key vault '%s' has another provider, which cannot change", name);
        kg_err_advise(err, "Create a key vault of another name.");
        return -(int)err->code;
    }
    if (kg_keyvault_body_parse(name, body, &b, err) < 0)
        return -(int)err->code;
    if (check_model(c, p, &b, err) < 0 || (b.azure && (check_machine(c, p, &b, err) < 0 || check_azure(c, &b, err) < 0)))
        return -(int)err->code;
    if (!p->exists)
        add_creator(c, body, b.properties);
    kg_json_set(p->json, "properties", kg_json_copy(b.properties));
    kg_json_set_str(p->json, "properties.provisioningState", "Succeeded");
    if (kg_catalog_begin(c->api->catalog, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    if (kg_put_store(c, p, ret, err) < 0 || (b.azure && keep_credential(c, &b, err) < 0))
        return -(int)err->code;
    return kg_catalog_commit(tx, err);
}

int kg_res_keyvault_put(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_PUT struct kg_put p = { 0 };
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    const char *name = kg_call_param(c, "keyvault");
    int rc = kg_put_begin(c, KG_NAME_KEYVAULT, name, &p, err);

    if (rc == 0 && !p.exists)
        rc = kg_check_name_free(c, KG_TYPE_KEYVAULT, name, err);
    if (rc == 0)
        rc = store(c, &p, c->body, &r, err);
    wipe_client_secret(c->body);
    return rc < 0 ? rc : kg_call_answer(c, p.exists ? 200 : 201, kg_resource_answer(&r), err);
}

/* What the body says of properties, over what there is; objects below them are merged one level deep. */
static struct kg_json *merged(const struct kg_json *old, const struct kg_json *body)
{
    static const char *const deep[] = { "networkAcls", "credential" };
    const struct kg_json *said = kg_json_get(body, "properties");
    struct kg_json *j = kg_json_object();

    kg_json_set(j, "properties", kg_json_copy(kg_json_get(old, "properties")));
    for (const struct kg_json *m = kg_json_type(said) == KG_JSON_OBJECT ? kg_json_first(said) : NULL; m; m = kg_json_next(m)) {
        KG_AUTO_FREE char *path = kg_xprintf("properties.%s", kg_json_key(m));
        bool is_deep = kg_text_index(deep, KG_ARRAY_LEN(deep), kg_json_key(m)) >= 0 && kg_json_type(m) == KG_JSON_OBJECT;

        if (strchr(kg_json_key(m), '.'))
            continue;
        if (!is_deep)
            kg_json_set(j, path, kg_json_copy(m));
        for (const struct kg_json *d = is_deep ? kg_json_first(m) : NULL; d; d = kg_json_next(d)) {
            KG_AUTO_FREE char *below = kg_xprintf("%s.%s", path, kg_json_key(d));

            kg_json_set(j, below, kg_json_copy(d));
        }
    }
    return j;
}

int kg_res_keyvault_patch(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_PUT struct kg_put p = { 0 };
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    KG_AUTO_JSON struct kg_json *body = NULL;
    int rc = kg_put_begin(c, KG_NAME_KEYVAULT, kg_call_param(c, "keyvault"), &p, err);

    if (rc == 0 && !p.exists)
        rc = kg_err_set(err, KG_E_NO_KEYVAULT, "there is no key vault '%s'", kg_call_param(c, "keyvault"));
    if (rc == 0) {
        body = merged(p.old.json, c->body);
        rc = store(c, &p, body, &r, err);
        wipe_client_secret(body);
    }
    wipe_client_secret(c->body);
    return rc < 0 ? rc : kg_call_answer(c, 200, kg_resource_answer(&r), err);
}

/* ---- access policies ---- */

static int read_changes(struct kg_call *c, enum kg_access_change *ret_how, struct kg_json **ret, struct kg_err *err)
{
    static const char *const kinds[] = { [KG_ACCESS_ADD] = "add", [KG_ACCESS_REPLACE] = "replace", [KG_ACCESS_REMOVE] = "remove" };
    struct kg_place top = kg_place_top(c->body, ""), props, list;
    int how = kg_text_index(kinds, KG_ARRAY_LEN(kinds), kg_call_param(c, "kind"));
    size_t n;

    if (how < 0)
        return kg_err_set(err, KG_E_USAGE, "access policies are changed by 'add', 'replace' and 'remove', not '%s'",
                          kg_call_param(c, "kind"));
    *ret_how = (enum kg_access_change)how;
    if (kg_call_need_body(c, err) < 0 || kg_place_need(&top, "properties", KG_JSON_OBJECT, &props, err) < 0 ||
        kg_place_array(&props, "accessPolicies", KG_ACCESS_POLICIES_MAX, &list, &n, err) < 0)
        return -(int)err->code;
    return kg_access_policies(&list, n, ret, err);
}

int kg_res_keyvault_policies(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_FREE char *id = kg_id_resource(kg_call_param(c, "subscription"), kg_call_param(c, "group"), KG_TYPE_KEYVAULT,
                                           kg_call_param(c, "keyvault"));
    KG_AUTO_RESOURCE struct kg_resource r = { 0 }, now = { 0 };
    KG_AUTO_JSON struct kg_json *changes = NULL;
    enum kg_access_change how = KG_ACCESS_ADD;
    struct kg_json *list;

    if (read_changes(c, &how, &changes, err) < 0 || kg_catalog_get(c->api->catalog, id, &r, err) < 0)
        return -(int)err->code;
    if (kg_keyvault_uses_rbac(r.json)) {
        kg_err_set(err, KG_E_CONFLICT, "key vault '%s' asks roles, not access policies", r.name);
        kg_err_advise(err, "Assign a role on the key vault, or change its permission model to access policies.");
        return -(int)err->code;
    }
    list = kg_keyvault_policies_changed(kg_json_get(r.json, "properties.accessPolicies"), changes, how);
    if (kg_json_count(list) > KG_ACCESS_POLICIES_MAX) {
        kg_json_free(list);
        return kg_err_set(err, KG_E_LIMIT, "a key vault has at most %d access policies", KG_ACCESS_POLICIES_MAX);
    }
    kg_json_set(r.json, "properties.accessPolicies", list);
    kg_json_set_str(r.json, "internal.lastModifiedBy", c->who.name);
    if (kg_catalog_put(c->api->catalog, r.id, r.location, r.json, KG_PUT_REPLACE, c->in->if_match ? c->in->if_match : r.etag, &now,
                       err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 200, kg_resource_answer(&now), err);
}

/* ---- DELETE ---- */

static int refuse_full(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_KEYVAULT_LIST struct kg_keyvault_list l = { 0 };
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };

    if (kg_catalog_get(c->api->catalog, kg_call_id(c), &r, err) < 0)
        return -(int)err->code;
    if (is_azure(r.json)) /* what is forgotten here stays there */
        return 0;
    if (kg_keyvault_list(c->api->keyvault, kg_call_id(c), NULL, NULL, 1, &l, err) < 0)
        return -(int)err->code;
    if (!l.count)
        return 0;
    kg_err_set(err, KG_E_CONFLICT, "key vault '%s' still holds secrets", kg_call_param(c, "keyvault"));
    kg_err_advise(err, "Delete its secrets first, or delete them with it: --force (in the API, ?force=true).");
    return -(int)err->code;
}

int kg_res_keyvault_delete(struct kg_call *c, struct kg_err *err)
{
    bool there;

    if (kg_catalog_exists(c->api->catalog, kg_call_id(c), &there, err) < 0)
        return -(int)err->code;
    if (!there)
        return kg_call_answer(c, 204, NULL, err);
    if (!kg_call_flag(c, "force") && refuse_full(c, err) < 0)
        return -(int)err->code;
    if (kg_catalog_begin(c->api->catalog, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    if (kg_catalog_secret_delete(tx, kg_call_id(c), NULL, err) < 0 || kg_catalog_delete(tx, kg_call_id(c), err) < 0 ||
        kg_catalog_commit(tx, err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 200, NULL, err);
}
