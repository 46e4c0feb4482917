/* Key vaults and secrets, with the names that az has for them. A secret's value is given by file, standard input or prompt, and
 * never comes back. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "cli/shape.h"
#include "model/resources.h"

struct keyvault_opts {
    struct kg_at at;
    const char *location, *value, *file, *content_type, *encoding;
    const char *provider, *uri, *credential, *client_id, *tenant_id, *client_secret_file;
    const char *rbac, *bypass, *default_action, *public_access, *object_id, *enabled, *expires, *not_before, *version, *id;
    struct kg_words secret_permissions, other_permissions;
    struct kg_json *tags;
    uint64_t max_results;
    bool yes, value_stdin, force, disabled, no_self_perms;
};
#define T struct keyvault_opts

static const char *const yes_no[] = { "true", "false", NULL };
static const char *const providers[] = { "local", "azure", NULL };
static const char *const credentials[] = { "managed-identity", "client-secret", NULL };
static const char *const bypasses[] = { "AzureServices", "None", NULL };
static const char *const actions[] = { "Allow", "Deny", NULL };
static const char *const accesses[] = { "Enabled", "Disabled", NULL };

#define KEYVAULT_NAME_ROW KG_OPT_NAME_ROW(T, "vault-name", "name of the key vault")
#define KEYVAULT_ROW                                                                                        \
    KG_OPT(T, STRING, "vault-name", at.vault, "KEYVAULT", "name of the key vault", .letter = 'v', .required = true)
#define SECRET_ROW KG_OPT_NAME_ROW(T, "secret-name", "name of the secret")
/* The same where --id may stand for both. */
#define OR_KEYVAULT_ROW KG_OPT(T, STRING, "vault-name", at.vault, "KEYVAULT", "name of the key vault", .letter = 'v')
#define OR_SECRET_ROW KG_OPT(T, STRING, "name", at.name, "NAME", "name of the secret", .letter = 'n', .aliases = "secret-name")
#define ID_ROW KG_OPT(T, STRING, "id", id, "URI", "the secret's URI, instead of names", .aliases = "secret-id")
#define VERSION_ROW KG_OPT(T, STRING, "version", version, "VERSION", "a version; default: the newest")
#define ATTRIBUTE_ROWS                                                                                      \
    KG_OPT(T, STRING, "expires", expires, "TIME", "cannot be read from then on: 2027-01-01T00:00:00Z"),          \
    KG_OPT(T, STRING, "not-before", not_before, "TIME", "cannot be read before: 2027-01-01T00:00:00Z"),         \
    KG_OPT(T, STRING, "content-type", content_type, "TEXT", "what it is", .aliases = "description")
/* What a key vault can be given at its creation and later. */
#define PROPERTY_ROWS                                                                                       \
    KG_OPT(T, CHOICE, "enable-rbac-authorization", rbac, "BOOL",                                              \
           "roles decide who may use its secrets (true, the default), or its access policies (false)", .choices = yes_no), \
    KG_OPT(T, CHOICE, "bypass", bypass, "WHO", "let trusted services in: AzureServices (the default) or None",   \
           .choices = bypasses),                                                                               \
    KG_OPT(T, CHOICE, "default-action", default_action, "ACTION", "of the network rules: Allow or Deny", .choices = actions), \
    KG_OPT(T, CHOICE, "public-network-access", public_access, "ACCESS", "Enabled or Disabled", .choices = accesses), \
    KG_OPT(T, CHOICE, "credential", credential, "KIND",                                                       \
           "in Azure: log in with this machine's managed-identity (the default) or a client-secret", .choices = credentials), \
    KG_OPT(T, STRING, "client-id", client_id, "GUID", "in Azure: the application, or a user-assigned identity"),  \
    KG_OPT(T, STRING, "tenant-id", tenant_id, "TENANT", "in Azure: tenant of the application"),                  \
    KG_OPT(T, STRING, "client-secret-file", client_secret_file, "FILE",                                       \
           "in Azure: read the client secret from a file ('-': standard input); without it, it is asked for"),    \
    KG_OPT(T, PAIRS, "tags", tags, "KEY=VALUE", "tags")

static const struct kg_opt create_opts[] = {
    KEYVAULT_NAME_ROW,
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, STRING, "location", location, "REGION", "region; default: the resource group's", .letter = 'l'),
    KG_OPT(T, CHOICE, "provider", provider, "PROVIDER", "where the secrets are: local (the default) or azure", .choices = providers),
    KG_OPT(T, STRING, "vault-uri", uri, "URI", "in Azure; default: https://NAME.vault.azure.net/"),
    PROPERTY_ROWS,
    KG_OPT(T, FLAG, "no-self-perms", no_self_perms, NULL, "with access policies: none for yourself"),
    { 0 },
};
static const struct kg_opt update_opts[] = { KEYVAULT_NAME_ROW, KG_OPT_GROUP_ROW(T), PROPERTY_ROWS, { 0 } };
static const struct kg_opt list_opts[] = {
    KG_OPT_ONLY_GROUP_ROW(T),
    { 0 },
};
static const struct kg_opt show_opts[] = { KEYVAULT_NAME_ROW, KG_OPT_GROUP_ROW(T), { 0 } };
static const struct kg_opt delete_opts[] = {
    KEYVAULT_NAME_ROW, KG_OPT_GROUP_ROW(T), KG_OPT_YES_ROW(T),
    KG_OPT(T, FLAG, "force", force, NULL, "with the secrets in it"), { 0 },
};
#define OBJECT_ROW \
    KG_OPT(T, STRING, "object-id", object_id, "GUID", "principalId of a user or of a Backup vault's identity", .required = true)
static const struct kg_opt set_policy_opts[] = {
    KEYVAULT_NAME_ROW, KG_OPT_GROUP_ROW(T), OBJECT_ROW,
    KG_OPT(T, LIST, "secret-permissions", secret_permissions, "PERMISSION",
           "all of: all, backup, delete, get, list, purge, recover, restore, set", .required = true),
    KG_OPT(T, LIST, "key-permissions", other_permissions, "PERMISSION", "not kept", .hidden = true),
    KG_OPT(T, LIST, "certificate-permissions", other_permissions, "PERMISSION", "not kept", .hidden = true),
    { 0 },
};
static const struct kg_opt delete_policy_opts[] = { KEYVAULT_NAME_ROW, KG_OPT_GROUP_ROW(T), OBJECT_ROW, { 0 } };
static const struct kg_opt secret_set_opts[] = {
    KEYVAULT_ROW,
    SECRET_ROW,
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, STRING, "file", file, "FILE", "read the value from a file ('-': standard input)", .letter = 'f'),
    KG_OPT(T, FLAG, "value-stdin", value_stdin, NULL, "read the value from standard input"),
    KG_OPT(T, STRING, "value", value, "VALUE", "the value itself: others may see it before it is hidden"),
    KG_OPT(T, STRING, "encoding", encoding, "NAME", "not needed", .letter = 'e', .hidden = true),
    ATTRIBUTE_ROWS,
    KG_OPT(T, FLAG, "disabled", disabled, NULL, "make the new version a disabled one"),
    { 0 },
};
static const struct kg_opt secret_list_opts[] = {
    KEYVAULT_ROW, KG_OPT_GROUP_ROW(T),
    KG_OPT(T, UINT, "maxresults", max_results, "N", "not needed", .min = 1, .max = 1000000, .hidden = true), { 0 },
};
static const struct kg_opt secret_versions_opts[] = {
    OR_KEYVAULT_ROW, OR_SECRET_ROW, ID_ROW, KG_OPT_GROUP_ROW(T),
    KG_OPT(T, UINT, "maxresults", max_results, "N", "not needed", .min = 1, .max = 1000000, .hidden = true), { 0 },
};
static const struct kg_opt secret_show_opts[] = { OR_KEYVAULT_ROW, OR_SECRET_ROW, ID_ROW, VERSION_ROW, KG_OPT_GROUP_ROW(T), { 0 } };
static const struct kg_opt secret_attributes_opts[] = {
    OR_KEYVAULT_ROW, OR_SECRET_ROW, ID_ROW, VERSION_ROW, KG_OPT_GROUP_ROW(T),
    KG_OPT(T, CHOICE, "enabled", enabled, "BOOL", "true or false", .choices = yes_no),
    ATTRIBUTE_ROWS,
    { 0 },
};
static const struct kg_opt secret_delete_opts[] = { OR_KEYVAULT_ROW, OR_SECRET_ROW, ID_ROW, KG_OPT_GROUP_ROW(T), KG_OPT_YES_ROW(T),
                                                    { 0 } };

static char *vault_path(const struct kg_cli *cli, const struct kg_at *at, const char *name)
{
    return kg_cli_path(cli, kg_cli_group(at), "providers/Microsoft.KeyVault/vaults/%s", name);
}

/* ---- bodies that hold a secret ---- */

/* Writes text as the inside of a JSON string; returns its length. out holds six times n. */
static size_t escape(const uint8_t *text, size_t n, uint8_t *out)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t *p = out;

    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"' || text[i] == '\\') {
            *p++ = '\\';
            *p++ = text[i];
        } else if (text[i] < 0x20) {
            memcpy(p, "\\u00", 4);
            p[4] = (uint8_t)hex[text[i] >> 4];
            p[5] = (uint8_t)hex[text[i] & 15];
            p += 6;
        } else {
            *p++ = text[i];
        }
    }
    return (size_t)(p - out);
}

/* Body with value as one more text in it, in locked memory: marker is the text that stands in its place. */
static int with_secret(const struct kg_json *body, const char *marker, const struct kg_secret *value, struct kg_secret **ret,
                       size_t *ret_len, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(65536);
    size_t n = kg_secret_size(value), before;
    const uint8_t *bytes = kg_secret_open(value);
    bool fine = n > 0 && kg_utf8_valid((const char *)bytes, n) && !memchr(bytes, '\0', n);
    const char *at;
    uint8_t *p;

    kg_json_print(body, false, &text);
    at = strstr(text.p, marker);
    if (!fine || !at || kg_buf_ok(&text, err) < 0) {
        kg_secret_shut(value);
        return err->code ? -(int)err->code : kg_err_set(err, KG_E_USAGE, "a secret's value is text, and not empty");
    }
    before = (size_t)(at - text.p);
    *ret = kg_secret_new(text.len + 6 * n);
    p = kg_secret_open_write(*ret);
    memcpy(p, text.p, before);
    *ret_len = before + escape(bytes, n, p + before);
    memcpy(p + *ret_len, at + strlen(marker), text.len - before - strlen(marker));
    *ret_len += text.len - before - strlen(marker);
    kg_secret_shut(*ret);
    kg_secret_shut(value);
    return 0;
}

#define MARKER "@the-secret-stands-here@"

/* Sends a body in which MARKER stands for value; follows the operation that may begin; emits what comes of it. */
static int send_secret(struct kg_cli *cli, const char *method, const char *path, const struct kg_json *body,
                       const struct kg_secret *value, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *text = NULL;
    KG_AUTO_REPLY struct kg_reply reply = { 0 };
    struct kg_request rq = { .method = method, .path = path };
    struct kg_client *c = NULL;
    int r;

    if (with_secret(body, MARKER, value, &text, &rq.body_len, err) < 0 || kg_cli_client(cli, &c, err) < 0)
        return -(int)err->code;
    rq.body = (const char *)kg_secret_open(text);
    r = kg_client_call(c, &rq, &reply, err);
    kg_secret_shut(text);
    if (r < 0 || kg_client_follow(c, false, &reply, err) < 0)
        return -(int)err->code;
    kg_shape(reply.json);
    if (reply.json)
        kg_cli_emit(cli, KG_TAKE(reply.json));
    return 0;
}

/* ---- key vaults ---- */

static void set_text(struct kg_json *j, const char *path, const char *value)
{
    if (value)
        kg_json_set_str(j, path, value);
}

static void set_properties(const struct keyvault_opts *o, struct kg_json *body)
{
    kg_json_set(body, "properties", kg_json_object());
    if (o->rbac)
        kg_json_set_bool(body, "properties.enableRbacAuthorization", strcmp(o->rbac, "true") == 0);
    set_text(body, "properties.networkAcls.bypass", o->bypass);
    set_text(body, "properties.networkAcls.defaultAction", o->default_action);
    set_text(body, "properties.publicNetworkAccess", o->public_access);
    if (o->credential)
        kg_json_set_str(body, "properties.credential.type",
                        strcmp(o->credential, "client-secret") == 0 ? "ClientSecret" : "ManagedIdentity");
    set_text(body, "properties.credential.clientId", o->client_id);
    set_text(body, "properties.credential.tenantId", o->tenant_id);
    if (o->tags)
        kg_json_set(body, "tags", kg_json_copy(o->tags));
}

static const char secret_ways[] = "Give it with --client-secret-file FILE, or run the command in a terminal.";

/* PUT or PATCH, with a client secret when one is wanted. */
static int send_keyvault(struct kg_cli *cli, const struct keyvault_opts *o, const char *method, const char *path, struct kg_json *body,
                         struct kg_err *err)
{
    bool secret = o->client_secret_file || (o->credential && strcmp(o->credential, "client-secret") == 0);
    KG_AUTO_SECRET struct kg_secret *value = NULL;

    if (!secret)
        return kg_cli_change(cli, method, path, body, false, err);
    if (kg_cli_read_secret(o->client_secret_file, "Client secret (not shown): ", secret_ways, 1000, &value, err) < 0)
        return -(int)err->code;
    kg_json_set_str(body, "properties.credential.type", "ClientSecret");
    kg_json_set_str(body, "properties.credential.clientSecret", MARKER);
    return send_secret(cli, method, path, body, value, err);
}

static int create(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct keyvault_opts *o = opts;
    KG_AUTO_FREE char *path = vault_path(cli, &o->at, o->at.name), *location = NULL;
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    bool azure = o->provider && strcmp(o->provider, "azure") == 0;

    if (!azure && (o->uri || o->credential || o->client_id || o->tenant_id || o->client_secret_file))
        return kg_err_set(err, KG_E_USAGE, "--vault-uri and credentials are for key vaults with --provider azure");
    if (kg_cli_location(cli, o->location, kg_cli_group(&o->at), &location, err) < 0)
        return -(int)err->code;
    kg_json_set_str(body, "location", location);
    set_properties(o, body);
    set_text(body, "properties.provider", o->provider);
    set_text(body, "properties.vaultUri", o->uri);
    if (o->no_self_perms)
        kg_json_set(body, "properties.accessPolicies", kg_json_array());
    return send_keyvault(cli, o, "PUT", path, body, err);
}

static int update(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct keyvault_opts *o = opts;
    KG_AUTO_FREE char *path = vault_path(cli, &o->at, o->at.name);
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    set_properties(o, body);
    return send_keyvault(cli, o, "PATCH", path, body, err);
}

static int change_policy(struct kg_cli *cli, const struct keyvault_opts *o, const char *how, struct kg_err *err)
{
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at), "providers/Microsoft.KeyVault/vaults/%s/accessPolicies/%s",
                                          o->at.name, how);
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    struct kg_json *policy = kg_json_object();

    kg_json_set(body, "properties.accessPolicies", kg_json_array());
    kg_json_set_str(policy, "objectId", o->object_id);
    kg_json_set(policy, "permissions.secrets", kg_json_array());
    for (size_t i = 0; i < o->secret_permissions.n; i++)
        kg_json_push_str(kg_json_get_mutable(policy, "permissions.secrets"), o->secret_permissions.v[i]);
    kg_json_push(kg_json_get_mutable(body, "properties.accessPolicies"), policy);
    return kg_cli_change(cli, "PUT", path, body, false, err);
}

static int set_policy(struct kg_cli *cli, void *opts, struct kg_err *err) { return change_policy(cli, opts, "replace", err); }
static int delete_policy(struct kg_cli *cli, void *opts, struct kg_err *err) { return change_policy(cli, opts, "remove", err); }

static int list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct keyvault_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, o->at.group, "providers/Microsoft.KeyVault/vaults");

    return kg_cli_list(cli, path, 0, err);
}

static int show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct keyvault_opts *o = opts;
    KG_AUTO_FREE char *path = vault_path(cli, &o->at, o->at.name);

    return kg_cli_show(cli, path, err);
}

static int delete(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct keyvault_opts *o = opts;
    KG_AUTO_FREE char *path = vault_path(cli, &o->at, o->at.name);
    KG_AUTO_FREE char *forced = kg_xprintf("%s?force=true", path);

    return kg_cli_change(cli, "DELETE", o->force ? forced : path, NULL, false, err);
}

/* ---- where a secret is ---- */

/* The key vault of that host, among all that may be seen: key vaults are named without their group in a URI. */
static int find_by_host(struct kg_cli *cli, const char *host, char **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *path = kg_cli_path(cli, NULL, "providers/Microsoft.KeyVault/vaults");
    KG_AUTO_FREE char *uri = kg_xprintf("https://%s/", host);
    KG_AUTO_JSON struct kg_json *all = NULL;
    struct kg_client *c = NULL;

    if (kg_cli_client(cli, &c, err) < 0 || kg_client_list(c, path, 0, &all, NULL, err) < 0)
        return -(int)err->code;
    for (const struct kg_json *v = kg_json_first(all); v; v = kg_json_next(v))
        if (strcasecmp(kg_json_str_or(v, "properties.vaultUri", ""), uri) == 0) {
            *ret = kg_xstrdup(kg_json_str_or(v, "id", ""));
            return 0;
        }
    return kg_err_set(err, KG_E_NO_KEYVAULT, "there is no key vault '%s'", uri);
}

/* Path of the secret that --id, or names, say; version: the one to add, "" or NULL for none. */
static int secret_path(struct kg_cli *cli, const struct keyvault_opts *o, bool with_version, char **ret, struct kg_err *err)
{
    const char *version = with_version && o->version ? o->version : "", *name = o->at.name;
    KG_AUTO_FREE char *vault = NULL;
    struct kg_secret_ref ref;

    if (o->id && (o->at.name || o->at.vault))
        return kg_err_set(err, KG_E_USAGE, "--id and --name exclude each other");
    if (!o->id && (!o->at.name || !o->at.vault))
        return kg_err_set(err, KG_E_USAGE, "--vault-name (-v) and --name (-n) are required, or --id");
    if (o->id) {
        if (kg_secret_ref_parse(o->id, &ref, err) < 0 || find_by_host(cli, ref.host, &vault, err) < 0)
            return -(int)err->code;
        name = ref.secret;
        version = with_version && !*version ? ref.version : version;
    } else {
        vault = vault_path(cli, &o->at, o->at.vault);
    }
    if (strpbrk(name, "/?#%") || strpbrk(version, "/?#%"))
        return kg_err_set(err, KG_E_USAGE, "'%s' is not the name of a secret", name);
    *ret = kg_xprintf("%s/secrets/%s%s%s", vault, name, *version ? "/" : "", version);
    return 0;
}

/* ---- secrets ---- */

static const char other_ways[] = "Give it with --file FILE or --value-stdin, or run the command in a terminal.";

/* The list of processes shows the arguments as they stand in this process's memory: so they go from there at once. */
static struct kg_secret *take_argument(const char *arg)
{
    size_t n = strlen(arg);
    struct kg_secret *s = kg_secret_new_copy(arg, n);

    kg_wipe((void *)(uintptr_t)arg, n);
    return s;
}

static int read_value(struct kg_cli *cli, const struct keyvault_opts *o, struct kg_secret **ret, struct kg_err *err)
{
    int ways = (o->value != NULL) + (o->file != NULL) + o->value_stdin;

    if (o->value)
        *ret = take_argument(o->value);
    if (ways > 1)
        return kg_err_set(err, KG_E_USAGE, "--value, --file and --value-stdin exclude each other");
    if (o->value) {
        kg_cli_warn(cli, "others may have seen the value among this machine's processes, and it stays in the shell's history; "
                         "--file and --value-stdin do without");
        return 0;
    }
    return kg_cli_read_secret(o->value_stdin ? "-" : o->file, "Value of the secret (not shown): ", other_ways,
                              KG_SECRET_VALUE_MAX, ret, err);
}

/* "" takes a date away. */
static int set_moment(struct kg_json *body, const char *option, const char *text, const char *path, struct kg_err *err)
{
    kg_usec at;
    char when[32];

    if (!text)
        return 0;
    if (!*text) {
        kg_json_set(body, path, NULL);
        return 0;
    }
    if (!kg_time_parse_iso(text, &at)) {
        kg_err_set(err, KG_E_USAGE, "--%s: '%s' is not a time", option, text);
        kg_err_advise(err, "Write it as 2027-01-01T00:00:00Z.");
        return -(int)err->code;
    }
    kg_json_set_str(body, path, kg_time_iso_seconds(at, when));
    return 0;
}

static int set_attributes(const struct keyvault_opts *o, struct kg_json *body, struct kg_err *err)
{
    kg_json_set(body, "properties", kg_json_object());
    set_text(body, "properties.contentType", o->content_type);
    if (set_moment(body, "expires", o->expires, "properties.attributes.expires", err) < 0)
        return -(int)err->code;
    return set_moment(body, "not-before", o->not_before, "properties.attributes.notBefore", err);
}

static int secret_set(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct keyvault_opts *o = opts;
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    KG_AUTO_SECRET struct kg_secret *value = NULL;
    KG_AUTO_FREE char *path = NULL;

    if (read_value(cli, o, &value, err) < 0 || secret_path(cli, o, false, &path, err) < 0 || set_attributes(o, body, err) < 0)
        return -(int)err->code;
    if (o->disabled)
        kg_json_set_bool(body, "properties.attributes.enabled", false);
    kg_json_set_str(body, "properties.value", MARKER);
    return send_secret(cli, "PUT", path, body, value, err);
}

/* A list at once, by pages, or from a worker that asked Azure. */
static int emit_list(struct kg_cli *cli, const char *path, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *page = NULL;
    struct kg_json *value;

    if (kg_cli_send(cli, "GET", path, NULL, false, &page, err) < 0)
        return -(int)err->code;
    if (kg_json_str(page, "nextLink"))
        return kg_cli_list(cli, path, 0, err);
    value = kg_json_take(page, "value");
    if (kg_json_type(value) != KG_JSON_ARRAY) {
        kg_json_free(value);
        return kg_err_set(err, KG_E_NO_REPLY, "the service's answer for '%s' is not a list", path);
    }
    kg_shape(value);
    kg_cli_emit(cli, value);
    return 0;
}

static int secret_list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct keyvault_opts *o = opts;
    KG_AUTO_FREE char *path = kg_cli_path(cli, kg_cli_group(&o->at), "providers/Microsoft.KeyVault/vaults/%s/secrets",
                                          o->at.vault);

    return emit_list(cli, path, err);
}

static int secret_versions(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_FREE char *path = NULL, *versions = NULL;

    if (secret_path(cli, opts, false, &path, err) < 0)
        return -(int)err->code;
    versions = kg_xprintf("%s/versions", path);
    return emit_list(cli, versions, err);
}

static int secret_show(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_FREE char *path = NULL;

    if (secret_path(cli, opts, true, &path, err) < 0)
        return -(int)err->code;
    return kg_cli_change(cli, "GET", path, NULL, false, err);
}

static int secret_set_attributes(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct keyvault_opts *o = opts;
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    KG_AUTO_FREE char *path = NULL;

    if (secret_path(cli, o, true, &path, err) < 0 || set_attributes(o, body, err) < 0)
        return -(int)err->code;
    if (o->enabled)
        kg_json_set_bool(body, "properties.attributes.enabled", strcmp(o->enabled, "true") == 0);
    return kg_cli_change(cli, "PATCH", path, body, false, err);
}

static int secret_delete(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    KG_AUTO_FREE char *path = NULL;

    if (secret_path(cli, opts, false, &path, err) < 0)
        return -(int)err->code;
    return kg_cli_change(cli, "DELETE", path, NULL, false, err);
}

#define GUID "11111111-2222-3333-4444-555555555555"

const struct kg_cmd kg_cmds_keyvault[] = {
    { .name = "keyvault create", .summary = "Create a key vault, or register one of Azure", .positional = "name",
      .opts = create_opts, .opts_size = sizeof(T), .run = create,
      .about = "With --provider azure the secrets stay in an Azure Key Vault and are read from there at every backup.\n"
               "With --enable-rbac-authorization false you get an access policy that allows you everything with its secrets.",
      .examples = (const char *const[]){ "keyvault create -n kv1",
                                         "keyvault create -n kv2 --enable-rbac-authorization false", NULL } },
    { .name = "keyvault update", .summary = "Change a key vault", .positional = "name", .opts = update_opts,
      .opts_size = sizeof(T), .run = update,
      .examples = (const char *const[]){ "keyvault update -n kv1 --bypass AzureServices", NULL } },
    { .name = "keyvault list", .summary = "List the key vaults", .opts = list_opts, .opts_size = sizeof(T), .run = list,
      .examples = (const char *const[]){ "keyvault list -o table", NULL } },
    { .name = "keyvault show", .summary = "Show a key vault", .positional = "name", .opts = show_opts,
      .opts_size = sizeof(T), .run = show, .examples = (const char *const[]){ "keyvault show -n kv1", NULL } },
    { .name = "keyvault delete", .summary = "Delete a key vault", .positional = "name", .opts = delete_opts,
      .opts_size = sizeof(T), .run = delete, .flags = KG_CMD_CONFIRM, .question = "delete the key vault",
      .examples = (const char *const[]){ "keyvault delete -n kv1 --yes", NULL } },
    { .name = "keyvault set-policy", .summary = "Say what a principal may do with the secrets of a key vault",
      .positional = "name", .opts = set_policy_opts, .opts_size = sizeof(T), .run = set_policy,
      .about = "For key vaults with access policies; what the principal was allowed before is replaced.",
      .examples = (const char *const[]){ "keyvault set-policy -n kv2 --object-id " GUID " --secret-permissions get list", NULL } },
    { .name = "keyvault delete-policy", .summary = "Take away what a principal may do with the secrets of a key vault",
      .positional = "name", .opts = delete_policy_opts, .opts_size = sizeof(T), .run = delete_policy,
      .examples = (const char *const[]){ "keyvault delete-policy -n kv2 --object-id " GUID, NULL } },
    { .name = "keyvault secret set", .summary = "Store a new version of a secret", .opts = secret_set_opts,
      .opts_size = sizeof(T), .run = secret_set,
      .about = "For a server the value is an ADO.NET connection string (\"Server=…;Database=…;User "
      "Id=…;Password=…;\"), a\n"
               "postgresql:// URI or a keyword string. Without --file or --value-stdin it is asked for and not shown. It can\n"
               "never be read back.",
      .examples = (const char *const[]){ "keyvault secret set -v kv1 -n pg1-login",
                                         "keyvault secret set -v kv1 -n pg1-login --file login.txt", NULL } },
    { .name = "keyvault secret list", .summary = "List the secrets of a key vault, without their values",
      .opts = secret_list_opts, .opts_size = sizeof(T), .run = secret_list,
      .examples = (const char *const[]){ "keyvault secret list -v kv1 -o table", NULL } },
    { .name = "keyvault secret list-versions", .summary = "List the versions of a secret, newest first",
      .opts = secret_versions_opts, .opts_size = sizeof(T), .run = secret_versions,
      .examples = (const char *const[]){ "keyvault secret list-versions -v kv1 -n pg1-login -o table", NULL } },
    { .name = "keyvault secret show", .summary = "Show a secret, without its value", .opts = secret_show_opts,
      .opts_size = sizeof(T), .run = secret_show,
      .examples = (const char *const[]){ "keyvault secret show -v kv1 -n pg1-login",
                                         "keyvault secret show --id https://kv1.vault.local/secrets/pg1-login", NULL } },
    { .name = "keyvault secret set-attributes", .summary = "Enable or disable a secret, or change its dates",
      .opts = secret_attributes_opts, .opts_size = sizeof(T), .run = secret_set_attributes,
      .about = "A version that is disabled, expired or not valid yet is not read; a URI without a version then leads to the newest\n"
               "one that can be. An empty date takes it away.",
      .examples = (const char *const[]){ "keyvault secret set-attributes -v kv1 -n pg1-login --enabled false",
                                         "keyvault secret set-attributes -v kv1 -n pg1-login --expires 2030-01-01T00:00:00Z", NULL } },
    { .name = "keyvault secret delete", .summary = "Delete a secret with all its versions", .opts = secret_delete_opts,
      .opts_size = sizeof(T), .run = secret_delete, .flags = KG_CMD_CONFIRM, .question = "delete the secret",
      .examples = (const char *const[]){ "keyvault secret delete -v kv1 -n pg1-login --yes", NULL } },
    { 0 },
};
