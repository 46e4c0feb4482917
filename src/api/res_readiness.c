/* Is a database ready to be backed up, and what mends it: validateForBackup for one and for many, the roles that are
 * missing (assigned, or as a template for somebody who may), and the script that grants a database user what it lacks.
 *
 * Who may ask is the routes' to say; each grant is authorised by itself, as what it is: a role assignment, or a change of
 * the key vault or the server. */
#include "api/call.h"
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/instance.h"
#include "base/alloc.h"
#include "base/parse.h"
#include "model/id.h"
#include "readiness/grant_script.h"
#include "readiness/round.h"

/* ---- what is asked about ---- */

/* The row of one instance's document; self: the instance that it may be already. */
static struct kg_json *make_row(const struct kg_instance_body *b, const char *name, const char *self)
{
    struct kg_json *row = kg_json_object();

    if (name)
        kg_json_set_str(row, "name", name);
    kg_json_set_str(row, "datasource", b->source.id);
    kg_json_set_str(row, "secret", b->secret_uri);
    kg_json_set_str(row, "policy", b->policy_id);
    if (self)
        kg_json_set_str(row, "self", self);
    return row;
}

static void add_row(struct kg_task *t, struct kg_json *row)
{
    if (!kg_json_get(t->params, "rows"))
        kg_json_set(t->params, "rows", kg_json_array());
    kg_json_push(kg_json_get_mutable(t->params, "rows"), row);
}

void kg_instance_aim(struct kg_task *t, const struct kg_instance_body *b, const char *self)
{
    t->server = kg_xstrdup(b->source.server_id);
    add_row(t, make_row(b, NULL, self));
}

/* The instance's id: of the path, or by the name that the document has. */
static char *self_of(const struct kg_call *c, const char *vault, const char *name)
{
    if (kg_match_param(c->match, "instance"))
        return kg_call_instance_id(c);
    return name ? kg_id_child(vault, "backupInstances", name) : NULL;
}

static const char *name_of(const struct kg_json *j)
{
    const char *name = kg_json_str(j, "backupInstanceName");

    return name ? name : kg_json_str(j, "name");
}

static int read_document(struct kg_call *c, const struct kg_resource *vault, const struct kg_json *j, struct kg_json *rows,
                         struct kg_err *err)
{
    struct kg_instance_body b = { 0 };
    const char *name = name_of(j);
    KG_AUTO_FREE char *self = self_of(c, vault->id, name);
    int r = kg_instance_body_parse(j, &b, err);

    if (r == 0)
        r = kg_instance_check_policy(c, vault->id, &b, err);
    if (r == 0)
        kg_json_push(rows, make_row(&b, name, self));
    kg_instance_body_done(&b);
    return r;
}

/* backupInstances: [document…], or one document as the body itself (camelCase). */
static int read_documents(struct kg_call *c, const struct kg_resource *vault, const struct kg_json *body,
                          struct kg_json *rows, struct kg_err *err)
{
    const struct kg_json *list = kg_json_get(body, "backupInstances");
    size_t i = 0;

    if (!list)
        return read_document(c, vault, body, rows, err);
    if (kg_json_type(list) != KG_JSON_ARRAY || !kg_json_count(list))
        return kg_err_set(err, KG_E_USAGE, "'backupInstances' must be an array with at least one backup instance");
    if (kg_json_count(list) > KG_ROUND_ROWS)
        return kg_err_set(err, KG_E_LIMIT, "'backupInstances' has %zu items; at most %d are taken", kg_json_count(list),
                          KG_ROUND_ROWS);
    for (const struct kg_json *j = kg_json_first(list); j; j = kg_json_next(j), i++)
        if (read_document(c, vault, j, rows, err) < 0)
            return kg_err_wrap(err, "backupInstances.%zu", i);
    return 0;
}

/* The vault of the path and the rows of the body. */
static int read_request(struct kg_call *c, struct kg_resource *ret_vault, struct kg_json **ret_body, struct kg_json **ret_rows,
                        struct kg_err *err)
{
    KG_AUTO_FREE char *id = kg_call_vault_id(c); /* the path may name an instance, too */
    KG_AUTO_JSON struct kg_json *rows = kg_json_array();
    KG_AUTO_JSON struct kg_json *body = NULL;

    if (kg_call_need_body(c, err) < 0 || kg_catalog_get(c->api->catalog, id, ret_vault, err) < 0)
        return -(int)err->code;
    body = kg_camel_case(c->body);
    if (read_documents(c, ret_vault, body, rows, err) < 0)
        return -(int)err->code;
    *ret_body = KG_TAKE(body);
    *ret_rows = KG_TAKE(rows);
    return 0;
}

/* ---- validateForBackup ---- */

int kg_instance_refuse_protected(struct kg_call *c, const char *datasource, const char *self, struct kg_err *err)
{
    KG_CLEANUP(kg_datasource_done) struct kg_datasource source = { 0 };
    KG_AUTO_CONTROL struct kg_control *control = NULL;

    if (kg_datasource_parse(datasource, &source, err) < 0 ||
        kg_control_open(c->api->catalog, c->api->identity, c->api->keyvault, &c->who, &control, err) < 0)
        return -(int)err->code;
    return kg_control_refuse_protected(control, &source, self, err);
}

static int launch(struct kg_call *c, struct kg_task **t, struct kg_err *err)
{
    if (kg_call_prepare(c, *t, NULL, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    (void)tx;
    return kg_call_launch(c, t, NULL, 202, NULL, NULL, err);
}

/* A check logs in with the row's secret at the row's server: who may not make backup instances of them needs to be allowed
 * to read the secret, unless it is what the instance has already. */
static int may_log_in(struct kg_call *c, const char *vault, const struct kg_json *rows, struct kg_err *err)
{
    struct kg_may may = { 0 };

    if (kg_identity_check(c->api->identity, &c->who, KG_TYPE_INSTANCE "/write", false, vault, &may, err) < 0)
        return -(int)err->code;
    for (const struct kg_json *row = may.allowed ? NULL : kg_json_first(rows); row; row = kg_json_next(row)) {
        const char *self = kg_json_str(row, "self"), *uri = kg_json_str_or(row, "secret", "");
        KG_AUTO_RESOURCE struct kg_resource r = { 0 };
        struct kg_err none = { 0 };

        if (self && kg_catalog_get(c->api->catalog, self, &r, &none) == 0 &&
            strcasecmp(kg_json_str_or(r.json, "properties." KG_INSTANCE_SECRET, ""), uri) == 0 &&
            kg_id_equal(kg_json_str_or(r.json, "properties.dataSourceInfo.resourceID", ""), kg_json_str_or(row, "datasource", "")))
            continue;
        if (kg_call_may_read_secret(c, uri, err) < 0)
            return kg_err_wrap(err, "secret '%.200s'", uri);
    }
    return 0;
}

/* A task about the rows of the body. one: there must be just one. */
static int make_task(struct kg_call *c, enum kg_task_kind kind, bool one, struct kg_task **ret, struct kg_json **ret_body,
                     struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = kg_task_new(kind);
    KG_AUTO_RESOURCE struct kg_resource vault = { 0 };
    KG_AUTO_JSON struct kg_json *body = NULL, *rows = NULL;

    if (read_request(c, &vault, &body, &rows, err) < 0)
        return -(int)err->code;
    if (one && kg_json_count(rows) != 1)
        return kg_err_set(err, KG_E_USAGE, "one backup instance is taken here, not %zu", kg_json_count(rows));
    if (may_log_in(c, vault.id, rows, err) < 0)
        return -(int)err->code;
    t->resource = kg_xstrdup(vault.id);
    t->vault = kg_xstrdup(vault.id);
    kg_json_set(t->params, "rows", KG_TAKE(rows));
    *ret = KG_TAKE(t);
    *ret_body = KG_TAKE(body);
    return 0;
}

int kg_res_validate_for_backup(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = NULL;
    KG_AUTO_JSON struct kg_json *body = NULL;

    if (make_task(c, KG_TASK_VALIDATE_BACKUP, true, &t, &body, err) < 0 ||
        kg_instance_refuse_protected(c, kg_json_str_or(t->params, "rows.0.datasource", ""),
                                     kg_json_str(t->params, "rows.0.self"), err) < 0)
        return -(int)err->code;
    return launch(c, &t, err);
}

int kg_res_validate_many(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = NULL;
    KG_AUTO_JSON struct kg_json *body = NULL;

    if (make_task(c, KG_TASK_VALIDATE_MANY, false, &t, &body, err) < 0)
        return -(int)err->code;
    return launch(c, &t, err);
}

int kg_res_grant_script(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = NULL;
    KG_AUTO_JSON struct kg_json *body = NULL;
    const char *text;
    int language;

    if (make_task(c, KG_TASK_GRANT_SCRIPT, true, &t, &body, err) < 0)
        return -(int)err->code;
    text = kg_json_str_or(body, "language", "bash");
    language = kg_script_language_from_text(text);
    if (language >= 0) {
        kg_json_set_str(t->params, "language", kg_script_language_to_text((enum kg_script_language)language));
        return launch(c, &t, err);
    }
    kg_err_set(err, KG_E_USAGE, "there are no grant scripts in '%.60s'", text);
    kg_err_advise(err, "Choose bash, powershell or sql.");
    return -(int)err->code;
}

/* ---- missing roles ---- */

/* What the caller calls wrong before anything is looked at: the key vault must be the one that holds the secret. */
static int check_keyvault(struct kg_call *c, const char *keyvault_id, const struct kg_round *round, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource kv = { 0 };
    KG_AUTO_ID struct kg_id id = { 0 };

    if (kg_id_parse(keyvault_id, &id, err) < 0)
        return kg_err_wrap(err, "keyVaultId");
    if (!kg_id_is(&id, KG_TYPE_KEYVAULT))
        return kg_err_set(err, KG_E_USAGE, "keyVaultId: '%s' is not the id of a key vault", keyvault_id);
    if (kg_catalog_get(c->api->catalog, keyvault_id, &kv, err) < 0)
        return kg_err_wrap(err, "keyVaultId");
    if (strcasecmp(kg_json_str_or(kv.json, "properties.publicNetworkAccess", "Enabled"), "Disabled") == 0) {
        kg_err_set(err, KG_E_DENIED, "public network access of key vault '%s' is disabled", kv.name);
        kg_err_advise(err, "Enable it, or grant the permissions from within its network.");
        return -(int)err->code;
    }
    for (size_t i = 0; i < round->n; i++) {
        const struct kg_control_row *row = &round->row[i].control;
        KG_AUTO_KEYVAULT_ITEM struct kg_keyvault_item item = { 0 };
        struct kg_err ignored = { 0 };
        bool local = strcasecmp(kg_json_str_or(kv.json, "properties.provider", "local"), "local") == 0;

        if (row->keyvault && kg_id_equal(row->keyvault, kv.id) &&
            (!local || kg_keyvault_show(c->api->keyvault, kv.id, row->ref.secret, NULL, &item, &ignored) == 0))
            continue;
        kg_err_set(err, KG_E_USAGE, "the secret '%s' is not in key vault '%s'",
                   round->row[i].secret_uri ? round->row[i].secret_uri : "", kv.name);
        kg_err_advise(err, "Name the key vault that holds the backup instance's secret, and check that the secret exists.");
        return -(int)err->code;
    }
    return 0;
}

/* What no grant mends and must be settled first. */
static int refuse_hopeless(const struct kg_round *round, struct kg_err *err)
{
    for (size_t i = 0; i < round->n; i++) {
        const struct kg_control_row *row = &round->row[i].control;
        const struct kg_check *identity = row->checks.item[KG_CHECK_VAULT_IDENTITY];
        const struct kg_check *server = row->checks.item[KG_CHECK_SERVER_ROLE], *kv = row->checks.item[KG_CHECK_KEY_VAULT];
        const struct kg_check *why = identity->state == KG_CHECK_FAILED ? identity
                                     : server->state == KG_CHECK_FAILED && server->err.code != KG_E_SERVER_ROLE ? server
                                     : kv->state == KG_CHECK_FAILED && !row->keyvault ? kv : NULL;

        if (why) {
            *err = why->err;
            return -(int)err->code;
        }
    }
    return 0;
}

static int check_location(const struct kg_resource *vault, const struct kg_json *document, struct kg_err *err)
{
    const char *location = kg_json_str(document, "properties.dataSourceInfo.resourceLocation");

    if (!location)
        location = kg_json_str(document, "backupInstance.dataSourceInfo.resourceLocation");
    if (!location || !vault->location || strcasecmp(location, vault->location) == 0)
        return 0;
    kg_err_set(err, KG_E_USAGE, "the datasource is in '%s' and vault '%s' in '%s'", location, vault->name, vault->location);
    kg_err_advise(err, "Use a vault and a datasource of the same region.");
    return -(int)err->code;
}

static int check_locations(const struct kg_resource *vault, const struct kg_json *body, struct kg_err *err)
{
    const struct kg_json *list = kg_json_get(body, "backupInstances");

    if (!list)
        return check_location(vault, body, err);
    for (const struct kg_json *j = kg_json_first(list); j; j = kg_json_next(j))
        if (check_location(vault, j, err) < 0)
            return -(int)err->code;
    return 0;
}

static int find_missing(struct kg_call *c, const struct kg_json *body, const struct kg_resource *vault,
                        const struct kg_json *rows, enum kg_grant_scope scope, struct kg_grants *ret, struct kg_err *err)
{
    KG_AUTO_ROUND struct kg_round *round = NULL;
    const char *keyvault = kg_json_str(body, "keyVaultId");

    if (check_locations(vault, body, err) < 0 ||
        kg_round_open(c->api->catalog, c->api->identity, c->api->keyvault, vault->id, &c->who, rows, &round, err) < 0 ||
        (keyvault && check_keyvault(c, keyvault, round, err) < 0) || refuse_hopeless(round, err) < 0)
        return -(int)err->code;
    kg_round_missing(round, scope, ret);
    return 0;
}

static int read_scope(const struct kg_json *body, enum kg_grant_scope *ret, struct kg_err *err)
{
    const char *text = kg_json_str(body, "scope");

    *ret = KG_SCOPE_RESOURCE;
    return text ? kg_grant_scope_parse(text, ret, err) : 0;
}

/* Restore as files: the vault's identity writes into the account's containers. */
static int find_missing_restore(struct kg_call *c, struct kg_grants *ret, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource vault = { 0 }, account = { 0 };
    KG_AUTO_FREE char *id = kg_call_vault_id(c);
    const char *account_id, *principal;
    enum kg_grant_scope scope;
    struct kg_may may = { 0 };
    struct kg_principal p;

    if (kg_catalog_get(c->api->catalog, id, &vault, err) < 0 || read_scope(c->body, &scope, err) < 0 ||
        kg_json_need_str(c->body, "storageAccountId", &account_id, err) < 0 ||
        kg_catalog_get(c->api->catalog, account_id, &account, err) < 0)
        return -(int)err->code;
    if (strcasecmp(account.type, KG_TYPE_STORAGE) != 0)
        return kg_err_set(err, KG_E_USAGE, "storageAccountId: '%s' is not the id of a storage account", account_id);
    if (!(principal = kg_json_str(vault.json, "identity.principalId")))
        return kg_err_set(err, KG_E_NO_IDENTITY, "vault '%s' has no identity of its own", vault.name);
    kg_principal_of_vault(principal, vault.name, &p);
    if (kg_identity_check(c->api->identity, &p, KG_TYPE_CONTAINER "/blobs/write", true, account.id, &may, err) < 0)
        return -(int)err->code;
    if (!may.allowed)
        kg_grants_add(ret, KG_GRANT_BLOBS, account.id, scope, principal);
    return 0;
}

static int read_missing(struct kg_call *c, struct kg_grants *ret, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource vault = { 0 };
    KG_AUTO_JSON struct kg_json *body = NULL, *rows = NULL;
    enum kg_grant_scope scope;

    if (kg_call_need_body(c, err) < 0)
        return -(int)err->code;
    if (strcasecmp(kg_json_str_or(c->body, "operation", "Backup"), "Restore") == 0)
        return find_missing_restore(c, ret, err);
    if (read_request(c, &vault, &body, &rows, err) < 0 || read_scope(body, &scope, err) < 0)
        return -(int)err->code;
    return find_missing(c, body, &vault, rows, scope, ret, err);
}

int kg_res_role_template(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_GRANTS struct kg_grants g = { 0 };

    if (read_missing(c, &g, err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 200, kg_grants_template(&g), err);
}

/* ---- assigning ---- */

static int store(struct kg_call *c, struct kg_resource *r, struct kg_err *err)
{
    kg_json_set_str(r->json, "internal.lastModifiedBy", c->who.name);
    return kg_catalog_put(c->api->catalog, r->id, r->location, r->json, KG_PUT_REPLACE, r->etag, NULL, err);
}

/* The entry of that principal among the access policies, made when there is none. */
static struct kg_json *policy_of(struct kg_json *keyvault, const char *principal)
{
    struct kg_json *list = kg_json_get_mutable(keyvault, "properties.accessPolicies"), *entry;

    if (kg_json_type(list) != KG_JSON_ARRAY) {
        kg_json_set(keyvault, "properties.accessPolicies", kg_json_array());
        list = kg_json_get_mutable(keyvault, "properties.accessPolicies");
    }
    for (size_t i = 0; i < kg_json_count(list); i++) {
        KG_AUTO_FREE char *at = kg_xprintf("properties.accessPolicies.%zu", i);

        entry = kg_json_get_mutable(keyvault, at);
        if (strcasecmp(kg_json_str_or(entry, "objectId", ""), principal) == 0)
            return entry;
    }
    entry = kg_json_object();
    kg_json_set_str(entry, "tenantId", KG_DEFAULT_SUBSCRIPTION);
    kg_json_set_str(entry, "objectId", principal);
    kg_json_push(list, entry);
    return entry;
}

static void allow_secrets(struct kg_json *entry, const char *permission)
{
    struct kg_json *list = kg_json_get_mutable(entry, "permissions.secrets");

    if (kg_json_type(list) != KG_JSON_ARRAY) {
        kg_json_set(entry, "permissions.secrets", kg_json_array());
        list = kg_json_get_mutable(entry, "permissions.secrets");
    }
    for (const struct kg_json *p = kg_json_first(list); p; p = kg_json_next(p))
        if (kg_json_value_str(p) && strcasecmp(kg_json_value_str(p), permission) == 0)
            return;
    kg_json_push_str(list, permission);
}

static int change_resource(struct kg_call *c, const struct kg_grant *g, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    struct kg_json *entry;

    if (kg_catalog_get(c->api->catalog, g->resource, &r, err) < 0)
        return -(int)err->code;
    if (g->kind == KG_GRANT_SECRETS_POLICY) {
        entry = policy_of(r.json, g->principal);
        allow_secrets(entry, "get");
        allow_secrets(entry, "list");
    } else if (g->kind == KG_GRANT_TRUST) {
        kg_json_set_str(r.json, "properties.networkAcls.bypass", "AzureServices");
    } else {
        kg_json_set_bool(r.json, "properties.allowAccess", true);
    }
    return store(c, &r, err);
}

static int make_grant(struct kg_call *c, const struct kg_grant *g, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *made = NULL;
    struct kg_principal p;
    char name[37];

    if (!kg_grant_role_id(g))
        return change_resource(c, g, err);
    kg_principal_of_vault(g->principal, kg_call_param(c, "vault"), &p);
    kg_grant_name(g, name);
    if (kg_identity_assign(c->api->identity, kg_grant_role_id(g), &p, g->scope, name, &c->who, &made, err) < 0)
        return -(int)err->code;
    kg_call_note_assignment(c, made);
    return 0;
}

/* All may be made, or none is. */
static int authorise(struct kg_call *c, const struct kg_grants *g, struct kg_err *err)
{
    for (size_t i = 0; i < g->n; i++)
        if (kg_identity_may(c->api->identity, &c->who, kg_grant_action(&g->list[i]), g->list[i].scope, err) < 0)
            return -(int)err->code;
    return 0;
}

int kg_res_assign_missing(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_GRANTS struct kg_grants g = { 0 };
    bool what_if = kg_json_bool(c->body, "whatIf", false);

    if (read_missing(c, &g, err) < 0 || (!what_if && authorise(c, &g, err) < 0))
        return -(int)err->code;
    for (size_t i = 0; i < g.n && !what_if; i++)
        if (make_grant(c, &g.list[i], err) < 0)
            return -(int)err->code;
    return kg_call_answer_list(c, kg_grants_json(&g), NULL, err);
}
