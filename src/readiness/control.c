#include "readiness/control.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "catalog/lookup.h"
#include "keyvault/access.h"
#include "model/id.h"
#include "model/place.h"

/* ---- what is protected ---- */

struct protected { struct kg_datasource source; char *instance; };

struct kg_control {
    struct kg_catalog *catalog;
    const struct kg_identity *identity;
    struct kg_keyvault *keyvault;
    const struct kg_principal *caller;
    struct protected *list;          /* by server and database */
    size_t n, cap;
};

static int by_source(const void *a, const void *b)
{
    const struct kg_datasource *x = &((const struct protected *)a)->source, *y = &((const struct protected *)b)->source;
    int r = strcmp(x->database, y->database);

    return r ? r : strcasecmp(x->server_id, y->server_id);
}

static void remember(struct kg_control *c, const struct kg_resource *r)
{
    const char *id = kg_json_str(r->json, "properties.dataSourceInfo.resourceID");
    struct kg_datasource source = { 0 };
    struct kg_err ignored = { 0 };

    if (!id || kg_instance_is_deleted(r->json) || kg_datasource_parse(id, &source, &ignored) < 0)
        return;
    KG_GROW(c->list, c->n, c->cap);
    c->list[c->n++] = (struct protected){ source, kg_xstrdup(r->id) };
}

static int read_protected(struct kg_control *c, struct kg_err *err)
{
    struct kg_resource_query q = { .type = KG_TYPE_INSTANCE };
    KG_AUTO_FREE char *after = NULL;

    do {
        KG_AUTO_RESOURCE_LIST struct kg_resource_list l = { 0 };

        q.after = after;
        if (kg_catalog_list(c->catalog, &q, &l, err) < 0)
            return -(int)err->code;
        for (size_t i = 0; i < l.count; i++)
            remember(c, &l.rows[i]);
        free(after);
        after = KG_TAKE(l.next);
    } while (after);
    if (c->n)
        qsort(c->list, c->n, sizeof *c->list, by_source);
    return 0;
}

int kg_control_open(struct kg_catalog *catalog, const struct kg_identity *i, struct kg_keyvault *kv,
                    const struct kg_principal *caller, struct kg_control **ret, struct kg_err *err)
{
    KG_AUTO_CONTROL struct kg_control *c = kg_xalloc(sizeof *c);

    c->catalog = catalog;
    c->identity = i;
    c->keyvault = kv;
    c->caller = caller;
    if (read_protected(c, err) < 0)
        return kg_err_wrap(err, "list what is protected");
    *ret = KG_TAKE(c);
    return 0;
}

void kg_control_close(struct kg_control *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++) {
        kg_datasource_done(&c->list[i].source);
        free(c->list[i].instance);
    }
    free(c->list);
    free(c);
}

const char *kg_control_protector(const struct kg_control *c, const struct kg_datasource *source, const char *self)
{
    struct protected key = { .source = *source };
    const struct protected *p = c->n ? bsearch(&key, c->list, c->n, sizeof *c->list, by_source) : NULL;

    if (!p)
        return NULL;
    while (p > c->list && by_source(&p[-1], &key) == 0)
        p--;
    for (; p < c->list + c->n && by_source(p, &key) == 0; p++)
        if (!self || !kg_id_equal(p->instance, self))
            return p->instance;
    return NULL;
}

bool kg_control_may_name(const struct kg_control *c, const char *instance)
{
    struct kg_err ignored = { 0 };
    struct kg_may may = { 0 };

    return !c->caller || (kg_identity_check(c->identity, c->caller, KG_TYPE_INSTANCE "/read", false, instance, &may, &ignored) == 0 &&
                          may.allowed);
}

int kg_control_refuse_protected(const struct kg_control *c, const struct kg_datasource *source, const char *self,
                                struct kg_err *err)
{
    const char *other = kg_control_protector(c, source, self);
    KG_AUTO_ID struct kg_id id = { 0 };
    struct kg_err ignored = { 0 };

    if (!other)
        return 0;
    if (!kg_control_may_name(c, other)) {
        kg_err_set(err, KG_E_PROTECTED, "database '%s' of server '%s' is protected already, by a backup instance that you may not see",
                   source->database, source->server);
        kg_err_advise(err, "Ask an owner to delete that backup instance, to protect the database elsewhere.");
        return -(int)err->code;
    }
    if (kg_id_parse(other, &id, &ignored) < 0 || id.count < 2)
        return kg_err_set(err, KG_E_PROTECTED, "database '%s' of server '%s' is protected already, by '%s'", source->database,
                          source->server, other);
    kg_err_set(err, KG_E_PROTECTED, "database '%s' of server '%s' is protected already, by backup instance '%s' of vault '%s'",
               source->database, source->server, id.parts[1].name, id.parts[0].name);
    kg_err_advise(err, "Delete backup instance '%.100s' from vault '%.60s' to protect the database elsewhere.", id.parts[1].name,
                  id.parts[0].name);
    return -(int)err->code;
}

/* ---- rows ---- */

void kg_control_row_done(struct kg_control_row *r)
{
    kg_checks_done(&r->checks);
    kg_grants_done(&r->missing);
    free(r->keyvault);
    *r = (struct kg_control_row){ 0 };
}

static void passed(struct kg_control_row *r, enum kg_check_id id) { kg_check_pass(&r->checks, id); }

static void skipped(struct kg_control_row *r, enum kg_check_id id, enum kg_check_id because)
{
    kg_check_skip(&r->checks, id, because);
}

static void failed(struct kg_control_row *r, enum kg_check_id id, const struct kg_err *why)
{
    kg_check_fail(&r->checks, id, why);
}

/* Failed, and no grant mends it. */
static void failed_for_good(struct kg_control_row *r, enum kg_check_id id, const struct kg_err *why)
{
    failed(r, id, why);
    r->blocked = true;
}

/* ---- identity and server ---- */

static const char *vault_principal(const struct kg_resource *vault)
{
    return kg_json_str(vault->json, "identity.principalId");
}

static bool check_identity(struct kg_control_row *r)
{
    struct kg_err why = { 0 };

    if (vault_principal(r->vault)) {
        passed(r, KG_CHECK_VAULT_IDENTITY);
        return true;
    }
    kg_err_set(&why, KG_E_NO_IDENTITY, "vault '%s' has no identity of its own", r->vault->name);
    failed_for_good(r, KG_CHECK_VAULT_IDENTITY, &why);
    return false;
}

/* Is the identity allowed that? Every failure to find out counts as no. */
static int may(const struct kg_control *c, const struct kg_control_row *r, const char *action, bool data, const char *scope,
               bool *ret, struct kg_err *err)
{
    struct kg_principal p;
    struct kg_may answer = { 0 };

    kg_principal_of_vault(vault_principal(r->vault), r->vault->name, &p);
    if (kg_identity_check(c->identity, &p, action, data, scope, &answer, err) < 0)
        return -(int)err->code;
    *ret = answer.allowed;
    return 0;
}

/* Reader of the server. */
static int check_role(const struct kg_control *c, struct kg_control_row *r, const struct kg_resource *server, bool identity,
                      struct kg_err *err)
{
    const char *action = r->source->flexible ? KG_TYPE_FLEXIBLE "/read" : KG_TYPE_SERVER "/read";
    struct kg_err why = { 0 };
    bool allowed;

    if (!identity) {
        skipped(r, KG_CHECK_SERVER_ROLE, KG_CHECK_VAULT_IDENTITY);
        return 0;
    }
    if (may(c, r, action, false, server->id, &allowed, err) < 0)
        return -(int)err->code;
    if (allowed) {
        passed(r, KG_CHECK_SERVER_ROLE);
        return 0;
    }
    kg_err_set(&why, KG_E_SERVER_ROLE, "the identity of vault '%s' (%s) may not do '%s' at '%.250s'", r->vault->name,
               vault_principal(r->vault), action, server->id);
    kg_err_advise(&why, "Assign the role Reader of server '%.60s' to the vault's identity, as 'keepgres backup-instance "
                  "update-msi-permissions --datasource-type AzureDatabaseForPostgreSQL --operation Backup --permissions-scope Resource "
                  "-v %.60s --backup-instance FILE' does.", server->name, r->vault->name);
    kg_grants_add(&r->missing, KG_GRANT_READER, server->id, KG_SCOPE_RESOURCE, vault_principal(r->vault));
    failed(r, KG_CHECK_SERVER_ROLE, &why);
    return 0;
}

static void check_network(struct kg_control_row *r, const struct kg_resource *server)
{
    struct kg_err why = { 0 };

    if (kg_json_bool(server->json, "properties.allowAccess", true)) {
        passed(r, KG_CHECK_NETWORK);
        return;
    }
    kg_err_set(&why, KG_E_DB_CONNECT, "access to server '%s' is not allowed", server->name);
    kg_err_advise(&why, "Set allowAccess of the server to true.");
    if (vault_principal(r->vault))
        kg_grants_add(&r->missing, KG_GRANT_NETWORK, server->id, KG_SCOPE_RESOURCE, vault_principal(r->vault));
    else
        r->blocked = true;
    failed(r, KG_CHECK_NETWORK, &why);
}

/* *ret_there: the server is registered. */
static int check_server(const struct kg_control *c, struct kg_control_row *r, bool identity, struct kg_resource *ret_server,
                        struct kg_err *err)
{
    struct kg_err why = { 0 };

    if (kg_catalog_get(c->catalog, r->source->server_id, ret_server, &why) == 0) {
        if (check_role(c, r, ret_server, identity, err) < 0)
            return -(int)err->code;
        check_network(r, ret_server);
        return 0;
    }
    if (why.code != KG_E_NOT_FOUND) {
        *err = why;
        return -(int)err->code;
    }
    why = (struct kg_err){ 0 };
    kg_err_set(&why, KG_E_DB_NOT_FOUND, "server '%s' is not registered (%.300s)", r->source->server, r->source->server_id);
    kg_err_advise(&why, "Register the server first, with 'keepgres server add'.");
    failed_for_good(r, KG_CHECK_SERVER_ROLE, &why);
    skipped(r, KG_CHECK_NETWORK, KG_CHECK_SERVER_ROLE);
    return 0;
}

/* ---- key vault and secret ---- */

/* The key vault that the URI names, in *ret; code of *why tells why not. */
static int find_keyvault(const struct kg_control *c, struct kg_control_row *r, struct kg_resource *ret, struct kg_err *why)
{
    if (!r->secret_uri)
        return kg_err_set(why, KG_E_NO_KEYVAULT, "no key vault and secret were given for database '%s'", r->source->database);
    if (kg_secret_ref_parse(r->secret_uri, &r->ref, why) < 0 || kg_lookup_keyvault(c->catalog, &r->ref, ret, why) < 0)
        return -(int)why->code;
    r->keyvault = kg_xstrdup(ret->id);
    return 0;
}

static bool is_rbac(const struct kg_resource *kv) { return kg_keyvault_uses_rbac(kv->json); }

/* Which grant would have let the identity in. */
static void want_access(struct kg_control_row *r, const struct kg_resource *kv)
{
    kg_grants_add(&r->missing, is_rbac(kv) ? KG_GRANT_SECRETS_ROLE : KG_GRANT_SECRETS_POLICY, kv->id, KG_SCOPE_RESOURCE,
                  vault_principal(r->vault));
}

/* May the identity read secrets there? The key vault's own rules decide; theirs is the error, too. */
static int check_access(const struct kg_control *c, struct kg_control_row *r, const struct kg_resource *kv, bool *ret_ok,
                        struct kg_err *err)
{
    struct kg_err why = { 0 };
    bool rbac;

    *ret_ok = false;
    if (may(c, r, KG_TYPE_SECRET "/getSecret/action", true, kv->id, &rbac, err) < 0)
        return -(int)err->code;
    if (kg_keyvault_may_get(kv->json, rbac, vault_principal(r->vault), &why) == 0) {
        passed(r, KG_CHECK_KEY_VAULT);
        passed(r, KG_CHECK_KEY_VAULT_ROLE);
        *ret_ok = true;
        return 0;
    }
    if (why.code == KG_E_NO_KEYVAULT) { /* its network rules keep us out */
        kg_grants_add(&r->missing, KG_GRANT_TRUST, kv->id, KG_SCOPE_RESOURCE, vault_principal(r->vault));
        failed(r, KG_CHECK_KEY_VAULT, &why);
        if (is_rbac(kv) && !rbac)
            want_access(r, kv);
        skipped(r, KG_CHECK_KEY_VAULT_ROLE, KG_CHECK_KEY_VAULT);
        return 0;
    }
    passed(r, KG_CHECK_KEY_VAULT);
    want_access(r, kv);
    failed(r, KG_CHECK_KEY_VAULT_ROLE, &why);
    return 0;
}

/* A secret elsewhere is looked at by who reads it. */
static void check_secret(const struct kg_control *c, struct kg_control_row *r, const struct kg_resource *kv)
{
    KG_AUTO_KEYVAULT_ITEM struct kg_keyvault_item item = { 0 };
    struct kg_err why = { 0 };

    r->here = strcasecmp(kg_json_str_or(kv->json, "properties.provider", "local"), "local") == 0;
    if (!r->here)
        return;
    if (kg_keyvault_show(c->keyvault, kv->id, r->ref.secret, *r->ref.version ? r->ref.version : NULL, &item, &why) == 0) {
        passed(r, KG_CHECK_SECRET);
        return;
    }
    failed_for_good(r, KG_CHECK_SECRET, &why);
    skipped(r, KG_CHECK_SECRET_FORMAT, KG_CHECK_SECRET);
}

static int check_keyvault(const struct kg_control *c, struct kg_control_row *r, bool identity, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource kv = { 0 };
    struct kg_err why = { 0 };
    bool ok;

    if (find_keyvault(c, r, &kv, &why) < 0) {
        failed_for_good(r, KG_CHECK_KEY_VAULT, &why);
        kg_check_skip_rest(&r->checks, KG_CHECK_KEY_VAULT_ROLE, KG_CHECK_SECRET_FORMAT, KG_CHECK_KEY_VAULT);
        return 0;
    }
    if (!identity) {
        kg_check_skip_rest(&r->checks, KG_CHECK_KEY_VAULT, KG_CHECK_SECRET_FORMAT, KG_CHECK_VAULT_IDENTITY);
        return 0;
    }
    if (check_access(c, r, &kv, &ok, err) < 0)
        return -(int)err->code;
    if (ok)
        check_secret(c, r, &kv);
    else
        kg_check_skip_rest(&r->checks, KG_CHECK_SECRET, KG_CHECK_SECRET_FORMAT,
                           r->checks.item[KG_CHECK_KEY_VAULT]->state == KG_CHECK_FAILED ? KG_CHECK_KEY_VAULT
                                                                                        : KG_CHECK_KEY_VAULT_ROLE);
    return 0;
}

/* ---- may it be chosen ---- */

static void check_region(struct kg_control_row *r, const struct kg_resource *server)
{
    struct kg_err why = { 0 };

    if (!server->id) {
        skipped(r, KG_CHECK_REGION, KG_CHECK_SERVER_ROLE);
        return;
    }
    if (!server->location || !r->vault->location || strcasecmp(server->location, r->vault->location) == 0) {
        passed(r, KG_CHECK_REGION);
        return;
    }
    kg_err_set(&why, KG_E_UNSUPPORTED, "server '%s' is in '%s' and vault '%s' in '%s'", server->name, server->location,
               r->vault->name, r->vault->location);
    kg_err_advise(&why, "Use a vault and a server of the same region.");
    failed_for_good(r, KG_CHECK_REGION, &why);
}

const char *kg_not_selectable(const char *database)
{
    static const char *const own[] = { "azure_maintenance", "azure_sys" }, *const templates[] = { "template0", "template1" };

    for (size_t i = 0; i < KG_ARRAY_LEN(own); i++)
        if (strcmp(database, own[i]) == 0)
            return "It belongs to the server and needs no backup.";
    for (size_t i = 0; i < KG_ARRAY_LEN(templates); i++)
        if (strcmp(database, templates[i]) == 0)
            return "It is a template.";
    return kg_place_has_control(database) ? "Its name has control characters." : NULL;
}

static void check_choice(const struct kg_control *c, struct kg_control_row *r)
{
    const char *reason = kg_not_selectable(r->source->database);
    struct kg_err why = { 0 };

    if (reason) {
        kg_err_set(&why, KG_E_DB_NOT_SELECTABLE, "database '%s' cannot be protected: %s", r->source->database, reason);
        why.msg[strlen(why.msg) - 1] = '\0'; /* the reason is a sentence, a message is not */
        kg_err_advise(&why, "Choose another database; 'keepgres server databases' lists them.");
        failed_for_good(r, KG_CHECK_SELECTABLE, &why);
    } else {
        passed(r, KG_CHECK_SELECTABLE);
    }
    why = (struct kg_err){ 0 };
    if (kg_control_refuse_protected(c, r->source, r->self, &why) < 0)
        failed_for_good(r, KG_CHECK_NOT_PROTECTED, &why);
    else
        passed(r, KG_CHECK_NOT_PROTECTED);
}

/* ---- all of it ---- */

static int check_way(const struct kg_control *c, struct kg_control_row *r, struct kg_resource *ret_server, struct kg_err *err)
{
    bool identity;

    kg_checks_done(&r->checks);
    identity = check_identity(r);
    if (check_server(c, r, identity, ret_server, err) < 0 || check_keyvault(c, r, identity, err) < 0)
        return -(int)err->code;
    r->reachable = !kg_checks_failed(&r->checks);
    return 0;
}

int kg_control_check(const struct kg_control *c, struct kg_control_row *r, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource server = { 0 };

    if (check_way(c, r, &server, err) < 0)
        return -(int)err->code;
    check_region(r, &server);
    check_choice(c, r);
    return 0;
}

int kg_control_require(struct kg_catalog *catalog, const struct kg_identity *i, struct kg_keyvault *kv, const char *vault,
                       const char *server_id, const char *secret_uri, struct kg_err *err)
{
    const struct kg_control c = { .catalog = catalog, .identity = i, .keyvault = kv };
    KG_CLEANUP(kg_datasource_done) struct kg_datasource source = { 0 };
    KG_AUTO_CONTROL_ROW struct kg_control_row r = { .source = &source, .secret_uri = secret_uri };
    KG_AUTO_RESOURCE struct kg_resource v = { 0 }, server = { 0 };
    KG_AUTO_FREE char *any = kg_id_child(server_id, "databases", "any");

    if (kg_datasource_parse(any, &source, err) < 0 || kg_catalog_get(catalog, vault, &v, err) < 0)
        return -(int)err->code;
    r.vault = &v;
    if (check_way(&c, &r, &server, err) < 0)
        return -(int)err->code;
    if (r.reachable)
        return 0;
    *err = kg_checks_failed(&r.checks)->err;
    return -(int)err->code;
}

int kg_control_require_container(struct kg_catalog *catalog, const struct kg_identity *i, const char *vault,
                                 const char *container_id, struct kg_err *err)
{
    static const char action[] = KG_TYPE_CONTAINER "/blobs/write";
    KG_AUTO_RESOURCE struct kg_resource v = { 0 };
    struct kg_control_row r = { .vault = &v };
    const struct kg_control c = { .catalog = catalog, .identity = i };
    bool allowed = false;

    if (kg_catalog_get(catalog, vault, &v, err) < 0)
        return -(int)err->code;
    if (!vault_principal(&v))
        return kg_err_set(err, KG_E_NO_IDENTITY, "vault '%s' has no identity of its own", v.name);
    if (may(&c, &r, action, true, container_id, &allowed, err) < 0)
        return -(int)err->code;
    if (allowed)
        return 0;
    kg_err_set(err, KG_E_NO_CONTAINER, "the identity of vault '%s' (%s) may not write to '%.300s'", v.name,
               vault_principal(&v), container_id);
    kg_err_advise(err, "Run 'keepgres role assignment create --assignee %.50s --role \"Storage Blob Data Contributor\" "
                  "--scope …' with the container's or its account's id.", v.name);
    return -(int)err->code;
}

/* ---- outcome ---- */

bool kg_grants_may(const struct kg_identity *i, const struct kg_principal *caller, const struct kg_grants *g)
{
    for (size_t k = 0; k < g->n; k++) {
        struct kg_may answer = { 0 };
        struct kg_err ignored = { 0 };

        if (kg_identity_check(i, caller, kg_grant_action(&g->list[k]), false, g->list[k].scope, &answer, &ignored) < 0 ||
            !answer.allowed)
            return false;
    }
    return true;
}

const char *kg_outcome(const struct kg_checks *c, bool blocked, const struct kg_grants *missing, bool caller_may)
{
    if (kg_checks_passed(c, KG_CHECK_VAULT_IDENTITY, KG_CHECK_SPACE))
        return "Success";
    if (blocked || !missing->n)
        return "ValidationFailed";
    return caller_may ? "RoleAssignmentNotDone" : "UserCannotAssignRoles";
}
