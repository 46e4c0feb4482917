/* Key vaults and secrets: identifiers, and the bodies that callers send. */
#include "model/resources.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "model/names.h"
#include "model/place.h"

enum { URI_MAX = 400, HOST_MAX = 253, CONTENT_TYPE_MAX = 255, TENANT_MAX = 253, SUFFIX_LEN = sizeof ".vault.local" - 1 };

static const char HTTPS[] = "https://";

/* ---- identifiers ---- */

/* "host" or "host:port" in n bytes; lower case into out. */
static bool read_host(const char *text, size_t n, char *out, size_t size)
{
    const char *colon = memchr(text, ':', n);
    size_t host = colon ? (size_t)(colon - text) : n;
    struct kg_err ignored = { 0 };
    uint64_t port;

    if (!host || host > HOST_MAX || n >= size || *text == '.' || *text == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        out[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
    out[n] = '\0';
    if (strspn(out, "abcdefghijklmnopqrstuvwxyz0123456789.-") != host)
        return false;
    return !colon || (n - host <= 6 && kg_parse_range(out + host + 1, 1, 65535, &port, &ignored) == 0);
}

/* Copies n bytes of a URI's part; false when they do not fit. */
static bool copy_part(char *dst, size_t size, const char *s, size_t n)
{
    if (n == 0 || n >= size)
        return false;
    memcpy(dst, s, n);
    dst[n] = '\0';
    return true;
}

static bool is_version(const char *v) { return strlen(v) == 32 && strspn(v, "0123456789abcdefABCDEF") == 32; }

static bool read_ref(const char *uri, struct kg_secret_ref *r)
{
    const char *host = uri + strlen(HTTPS), *path, *name, *slash;
    struct kg_err why = { 0 };
    size_t n;

    if (strnlen(uri, URI_MAX + 1) > URI_MAX || !kg_starts_with_nocase(uri, HTTPS) || !(path = strchr(host, '/')) ||
        !read_host(host, (size_t)(path - host), r->host, sizeof r->host) || !kg_starts_with_nocase(path, "/secrets/"))
        return false;
    n = strlen(r->host);
    if (n > SUFFIX_LEN && strcmp(r->host + n - SUFFIX_LEN, ".vault.local") == 0 &&
        (!copy_part(r->vault, sizeof r->vault, host, n - SUFFIX_LEN) || kg_name_check(KG_NAME_KEYVAULT, r->vault, &why) < 0))
        return false;
    name = path + strlen("/secrets/");
    n = strlen(name);
    n -= n > 0 && name[n - 1] == '/';
    slash = memchr(name, '/', n);
    if (!copy_part(r->secret, sizeof r->secret, name, slash ? (size_t)(slash - name) : n) ||
        (slash && !copy_part(r->version, sizeof r->version, slash + 1, n - (size_t)(slash + 1 - name))))
        return false;
    return kg_name_check(KG_NAME_SECRET, r->secret, &why) == 0 && (!slash || is_version(r->version));
}

int kg_secret_ref_parse(const char *uri, struct kg_secret_ref *ret, struct kg_err *err)
{
    struct kg_secret_ref r = { 0 };

    if (read_ref(uri, &r)) {
        *ret = r;
        return 0;
    }
    kg_err_set(err, KG_E_USAGE, "'%.200s' is not a secret identifier", uri);
    kg_err_advise(err, "Write https://KEYVAULT.vault.local/secrets/SECRET, with /VERSION behind it or without.");
    return -KG_E_USAGE;
}

char *kg_secret_ref_uri(const char *vault, const char *secret, const char *version)
{
    bool v = version && *version;

    return kg_xprintf("https://%s.vault.local/secrets/%s%s%s", vault, secret, v ? "/" : "", v ? version : "");
}

int kg_keyvault_uri(const char *text, char **ret, struct kg_err *err)
{
    size_t skip = strlen(HTTPS), n = strnlen(text, URI_MAX);
    char host[HOST_MAX + 9];

    n -= n > 0 && text[n - 1] == '/';
    if (n <= skip || n >= URI_MAX || !kg_starts_with_nocase(text, HTTPS) || !read_host(text + skip, n - skip, host, sizeof host)) {
        kg_err_set(err, KG_E_USAGE, "'%.200s' is not a key vault's URI", text);
        kg_err_advise(err, "Write https://NAME.vault.azure.net/.");
        return -KG_E_USAGE;
    }
    *ret = kg_xprintf("https://%s/", host);
    return 0;
}

/* ---- access policies ---- */

static const char *const secret_permissions[] = { "all", "backup", "delete", "get", "list", "purge", "recover", "restore", "set" };

static bool is_guid(const char *s)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    for (size_t i = 0; i < sizeof shape; i++)
        if (shape[i] == 'x' ? !s[i] || !strchr("0123456789abcdefABCDEF", s[i]) : s[i] != shape[i])
            return false;
    return true;
}

static int read_permissions(const struct kg_place *policy, struct kg_json *array, struct kg_err *err)
{
    struct kg_place permissions = kg_place_member(policy, "permissions"), list;
    size_t n, i = 0;

    if (permissions.json && kg_json_type(permissions.json) != KG_JSON_OBJECT)
        return kg_place_complain(&permissions, err, "must be an object");
    if (kg_place_array(&permissions, "secrets", 20, &list, &n, err) < 0)
        return -(int)err->code;
    for (const struct kg_json *c = n ? kg_json_first(list.json) : NULL; c; c = kg_json_next(c), i++) {
        struct kg_place at = kg_place_element(&list, i, c);
        const char *text = kg_json_value_str(c);
        int k = text ? kg_text_index(secret_permissions, KG_ARRAY_LEN(secret_permissions), text) : -1;

        if (k < 0)
            return kg_place_complain(&at, err, "must be one of all, backup, delete, get, list, purge, recover, restore, set");
        kg_json_push_str(array, secret_permissions[k]);
    }
    return 0;
}

static int read_policy(const struct kg_place *p, struct kg_json *array, struct kg_err *err)
{
    struct kg_place object = kg_place_member(p, "objectId"), tenant = kg_place_member(p, "tenantId");
    const char *id, *tenant_id;
    struct kg_json *j;

    if (kg_json_type(p->json) != KG_JSON_OBJECT)
        return kg_place_complain(p, err, "must be an object");
    if (kg_place_need_str(p, "objectId", &id, err) < 0 || kg_place_str_or(p, "tenantId", NULL, &tenant_id, err) < 0)
        return -(int)err->code;
    if (!is_guid(id))
        return kg_place_complain(&object, err, "must be a principal's id, which is a GUID");
    if (tenant_id && !is_guid(tenant_id))
        return kg_place_complain(&tenant, err, "must be a GUID");
    for (const struct kg_json *c = kg_json_first(array); c; c = kg_json_next(c))
        if (strcasecmp(kg_json_str_or(c, "objectId", ""), id) == 0)
            return kg_place_complain(&object, err, "has a policy already");
    j = kg_json_object();
    kg_json_set_str(j, "objectId", id);
    if (tenant_id)
        kg_json_set_str(j, "tenantId", tenant_id);
    kg_json_set(j, "permissions.secrets", kg_json_array());
    kg_json_push(array, j);
    return read_permissions(p, kg_json_get_mutable(j, "permissions.secrets"), err);
}

int kg_access_policies(const struct kg_place *p, size_t n, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *array = kg_json_array();
    size_t i = 0;

    for (const struct kg_json *c = n ? kg_json_first(p->json) : NULL; c; c = kg_json_next(c), i++) {
        struct kg_place at = kg_place_element(p, i, c);

        if (read_policy(&at, array, err) < 0)
            return -(int)err->code;
    }
    *ret = KG_TAKE(array);
    return 0;
}

/* ---- key vaults ---- */

/* tenantId is a GUID or a domain; it becomes part of a URL. */
static bool is_tenant(const char *s)
{
    return *s && strlen(s) <= TENANT_MAX && *s != '.' && !strstr(s, "..") &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == strlen(s);
}

static int read_credential(const struct kg_place *props, struct kg_json *to, const char **ret_secret, struct kg_err *err)
{
    static const char *const types[] = { "ManagedIdentity", "ClientSecret" };
    struct kg_place at = kg_place_member(props, "credential"), client = kg_place_member(&at, "clientId"),
                    tenant = kg_place_member(&at, "tenantId"), value = kg_place_member(&at, "clientSecret");
    const char *client_id, *tenant_id, *secret;
    int type;

    if (at.json && kg_json_type(at.json) != KG_JSON_OBJECT)
        return kg_place_complain(&at, err, "must be an object");
    if (kg_place_choice(&at, "type", types, 2, 0, &type, err) < 0 ||
        kg_place_str_or(&at, "clientId", NULL, &client_id, err) < 0 || kg_place_str_or(&at, "tenantId", NULL, &tenant_id, err) < 0 ||
        kg_place_str_or(&at, "clientSecret", NULL, &secret, err) < 0)
        return -(int)err->code;
    if (type == 1 && !client_id)
        return kg_place_complain(&client, err, "is needed for a client secret");
    if (type == 1 && !tenant_id)
        return kg_place_complain(&tenant, err, "is needed for a client secret");
    if (client_id && !is_guid(client_id))
        return kg_place_complain(&client, err, "must be a GUID");
    if (tenant_id && !is_tenant(tenant_id))
        return kg_place_complain(&tenant, err, "must be a GUID or a domain");
    if (secret && (type == 0 || !*secret || strlen(secret) > 1000 || kg_place_has_control(secret)))
        return kg_place_complain(&value, err, "must be a text of at most 1000 bytes, and only with type ClientSecret");
    kg_json_set_str(to, "credential.type", types[type]);
    if (client_id)
        kg_json_set_str(to, "credential.clientId", client_id);
    if (type == 1)
        kg_json_set_str(to, "credential.tenantId", tenant_id);
    *ret_secret = secret;
    return 0;
}

static int read_network(const struct kg_place *props, struct kg_json *to, struct kg_err *err)
{
    static const char *const bypasses[] = { "AzureServices", "None" }, *const actions[] = { "Allow", "Deny" },
                      *const access[] = { "Enabled", "Disabled" };
    struct kg_place acls = kg_place_member(props, "networkAcls");
    int bypass, action, public_access;

    if (acls.json && kg_json_type(acls.json) != KG_JSON_OBJECT)
        return kg_place_complain(&acls, err, "must be an object");
    if (kg_place_choice(&acls, "bypass", bypasses, 2, 0, &bypass, err) < 0 ||
        kg_place_choice(&acls, "defaultAction", actions, 2, 0, &action, err) < 0 ||
        kg_place_choice(props, "publicNetworkAccess", access, 2, 0, &public_access, err) < 0)
        return -(int)err->code;
    kg_json_set_str(to, "networkAcls.bypass", bypasses[bypass]);
    kg_json_set_str(to, "networkAcls.defaultAction", actions[action]);
    kg_json_set_str(to, "publicNetworkAccess", access[public_access]);
    return 0;
}

/* A local one's URI is made from its name; another is said, or Azure's for that name. */
static int read_uri(const struct kg_place *props, const char *name, bool azure, struct kg_json *to, struct kg_err *err)
{
    KG_AUTO_FREE char *made = kg_xprintf("https://%s.vault.%s/", name, azure ? "azure.net" : "local"), *uri = NULL;
    struct kg_place at = kg_place_member(props, "vaultUri");
    struct kg_err why = { 0 };
    const char *said;
    size_t n;

    if (kg_place_str_or(props, "vaultUri", made, &said, err) < 0)
        return -(int)err->code;
    if (kg_keyvault_uri(said, &uri, &why) < 0)
        return kg_place_complain_why(&at, &why, err);
    if (!azure && strcasecmp(uri, made) != 0)
        return kg_place_complain(&at, err, "of a local key vault is made from its name");
    n = strlen(uri);
    if (azure && n > SUFFIX_LEN && strcmp(uri + n - 1 - SUFFIX_LEN, ".vault.local/") == 0)
        return kg_place_complain(&at, err, "has the host of a local key vault");
    kg_json_set_str(to, "vaultUri", azure ? uri : made);
    return 0;
}

int kg_keyvault_body_parse(const char *name, const struct kg_json *body, struct kg_keyvault_body *ret, struct kg_err *err)
{
    static const char *const providers[] = { "local", "azure" };
    struct kg_place top = kg_place_top(body, ""), props = kg_place_member(&top, "properties"), policies;
    KG_AUTO_JSON struct kg_json *j = kg_json_object();
    struct kg_json *list = NULL;
    const char *secret = NULL;
    int provider;
    size_t n;
    bool rbac;

    if (props.json && kg_json_type(props.json) != KG_JSON_OBJECT)
        return kg_place_complain(&props, err, "must be an object");
    if (kg_place_choice(&props, "provider", providers, 2, 0, &provider, err) < 0 ||
        kg_place_bool_or(&props, "enableRbacAuthorization", true, &rbac, err) < 0 ||
        read_uri(&props, name, provider == 1, j, err) < 0)
        return -(int)err->code;
    kg_json_set_str(j, "provider", providers[provider]);
    if (provider == 1 && read_credential(&props, j, &secret, err) < 0)
        return -(int)err->code;
    kg_json_set_bool(j, "enableRbacAuthorization", rbac);
    if (kg_place_array(&props, "accessPolicies", KG_ACCESS_POLICIES_MAX, &policies, &n, err) < 0 ||
        kg_access_policies(&policies, n, &list, err) < 0)
        return -(int)err->code;
    kg_json_set(j, "accessPolicies", list);
    if (read_network(&props, j, err) < 0)
        return -(int)err->code;
    *ret = (struct kg_keyvault_body){ .azure = provider == 1, .client_secret = secret, .properties = KG_TAKE(j) };
    return 0;
}

void kg_keyvault_body_done(struct kg_keyvault_body *b)
{
    kg_json_free(b->properties);
    *b = (struct kg_keyvault_body){ 0 };
}

/* ---- secrets ---- */

/* A moment: ISO 8601, or seconds since 1970 as Azure's own interfaces have it; null takes it away. */
static int read_moment(const struct kg_place *attributes, const char *key, const char *alias, bool *ret_has, kg_usec *ret,
                       struct kg_err *err)
{
    const struct kg_json *j = attributes->json ? kg_json_get(attributes->json, key) : NULL;
    struct kg_place at = kg_place_member(attributes, key);
    uint64_t seconds;

    if (!j && attributes->json && (j = kg_json_get(attributes->json, alias))) {
        at = kg_place_member(attributes, alias);
        key = alias;
    }
    *ret_has = j != NULL;
    *ret = 0;
    if (kg_json_type(j) == KG_JSON_NULL)
        return 0;
    if (kg_json_value_str(j) && kg_time_parse_iso(kg_json_value_str(j), ret) && *ret > 0)
        return 0;
    seconds = kg_json_u64(attributes->json, key, 0);
    if (seconds < 1 || seconds > 253402300799) /* the end of the year 9999 */
        return kg_place_complain(&at, err, "must be a moment such as 2027-01-01T00:00:00Z, or null");
    *ret = (kg_usec)seconds * KG_SECOND;
    return 0;
}

int kg_secret_body_parse(const struct kg_json *body, bool need_value, struct kg_secret_body *ret, struct kg_err *err)
{
    struct kg_place top = kg_place_top(body, ""), props, attributes, value, type, enabled;
    struct kg_secret_body r = { 0 };

    if (kg_place_need(&top, "properties", KG_JSON_OBJECT, &props, err) < 0 ||
        (need_value && kg_place_need_str(&props, "value", &r.value, err) < 0) ||
        kg_place_str_or(&props, "contentType", NULL, &r.content_type, err) < 0)
        return -(int)err->code;
    attributes = kg_place_member(&props, "attributes");
    value = kg_place_member(&props, "value");
    if (!need_value && value.json)
        return kg_place_complain(&value, err, "cannot change: set the secret again, which makes a new version");
    if (kg_json_type(attributes.json) == KG_JSON_NULL)
        attributes.json = NULL;
    if (attributes.json && kg_json_type(attributes.json) != KG_JSON_OBJECT)
        return kg_place_complain(&attributes, err, "must be an object");
    type = kg_place_member(&props, "contentType");
    enabled = kg_place_member(&attributes, "enabled");
    r.has_enabled = kg_json_type(enabled.json) == KG_JSON_BOOL; /* null says nothing: it is no "true" */
    if (kg_place_bool_or(&attributes, "enabled", true, &r.enabled, err) < 0 ||
        read_moment(&attributes, "notBefore", "nbf", &r.has_not_before, &r.not_before, err) < 0 ||
        read_moment(&attributes, "expires", "exp", &r.has_expires, &r.expires, err) < 0)
        return -(int)err->code;
    if (r.value && strlen(r.value) > KG_SECRET_VALUE_MAX)
        return kg_err_set(err, KG_E_LIMIT, "properties.value has more than %d bytes", KG_SECRET_VALUE_MAX);
    if (r.content_type && (strlen(r.content_type) > CONTENT_TYPE_MAX || kg_place_has_control(r.content_type)))
        return kg_place_complain(&type, err, "must be a text of at most %d bytes", CONTENT_TYPE_MAX);
    *ret = r;
    return 0;
}
