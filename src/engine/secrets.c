/* Secrets on their way to a worker. Those of local key vaults are opened here, at the moment the worker starts; for those of
 * Azure the worker gets what it needs to ask for them itself, because this process never waits for a network:
 *
 *   "fetch": {name: {keyvault, secret, version?}}     which secrets to get, and the names under which the job knows them
 *   "keyvaults": {id: {vaultUri, credential {type, clientId?, tenantId?, secret?: the name of a secret that was sent},
 *                      imds, login, caFile, extraHost}}  where and how */
#include "engine/engine_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/resolve.h"
#include "base/alloc.h"
#include "base/text.h"
#include "catalog/lookup.h"

/* Takes value. */
static void add(struct kg_prepared *p, const char *name, struct kg_secret *value)
{
    KG_GROW(p->secret, p->n, p->cap);
    kg_text_copy(p->secret[p->n].name, sizeof p->secret[p->n].name, name);
    p->secret[p->n++].value = value;
}

static struct kg_json *object_in(struct kg_json *j, const char *key)
{
    if (kg_json_type(kg_json_get(j, key)) != KG_JSON_OBJECT)
        kg_json_set(j, key, kg_json_object());
    return kg_json_get_mutable(j, key);
}

static bool has(const struct kg_json *object, const char *key)
{
    for (const struct kg_json *c = kg_json_first(object); c; c = kg_json_next(c))
        if (strcasecmp(kg_json_key(c), key) == 0)
            return true;
    return false;
}

/* Describes an Azure Key Vault to the worker, once, and sends its client secret along. */
static int describe(struct kg_engine *e, const struct kg_resource *kv, struct kg_prepared *p, struct kg_err *err)
{
    struct kg_json *all = object_in(p->job, "keyvaults"), *j;
    const struct kg_settings *s = &e->settings;
    struct kg_secret *value;
    char frame[40];

    if (has(all, kv->id))
        return 0;
    (void)snprintf(frame, sizeof frame, "keyvault:%.24s", kv->name);
    if (strcasecmp(kg_json_str_or(kv->json, "properties.credential.type", ""), "ClientSecret") == 0) {
        if (kg_keyvault_get(e->keyvault, kv->id, KG_KEYVAULT_CREDENTIAL, NULL, &value, err) < 0)
            return kg_err_wrap(err, "the client secret of key vault '%s'", kv->name);
        add(p, frame, value);
    }
    j = kg_json_object();
    kg_json_set_str(j, "vaultUri", kg_json_str(kv->json, "properties.vaultUri"));
    kg_json_set(j, "credential", kg_json_copy(kg_json_get(kv->json, "properties.credential")));
    if (p->n && strcmp(p->secret[p->n - 1].name, frame) == 0)
        kg_json_set_str(j, "credential.secret", frame);
    kg_json_set_str(j, "imds", s->azure_imds_url);
    kg_json_set_str(j, "login", s->azure_login_url);
    kg_json_set_str(j, "caFile", s->azure_ca_file);
    kg_json_set_str(j, "extraHost", s->azure_extra_host);
    kg_json_add(all, kv->id, j);
    return 0;
}

int kg_prepare_secret(struct kg_engine *e, const char *uri, const char *name, struct kg_prepared *p, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource kv = { 0 };
    struct kg_secret_ref ref;
    struct kg_secret *value;
    struct kg_json *j;

    if (kg_secret_ref_parse(uri, &ref, err) < 0 || kg_lookup_keyvault(e->catalog, &ref, &kv, err) < 0)
        return kg_err_wrap(err, "secret '%s'", uri);
    if (strcasecmp(kg_json_str_or(kv.json, "properties.provider", "local"), "local") == 0) {
        if (kg_keyvault_get(e->keyvault, kv.id, ref.secret, ref.version, &value, err) < 0)
            return kg_err_wrap(err, "secret '%s'", uri);
        add(p, name, value);
        return 0;
    }
    if (describe(e, &kv, p, err) < 0)
        return -(int)err->code;
    j = kg_json_object();
    kg_json_set_str(j, "keyvault", kv.id);
    kg_json_set_str(j, "secret", ref.secret);
    if (*ref.version)
        kg_json_set_str(j, "version", ref.version);
    kg_json_add(object_in(p->job, "fetch"), name, j);
    return 0;
}

int kg_prepare_keyvault(struct kg_run *r, struct kg_prepared *p, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource kv = { 0 };

    if (kg_catalog_get(r->e->catalog, r->task->keyvault, &kv, err) < 0 || describe(r->e, &kv, p, err) < 0)
        return kg_err_wrap(err, "the task's key vault");
    kg_json_set_str(p->job, "keyvault", kv.id);
    if (r->task->value)
        add(p, "value", KG_TAKE(r->task->value));
    return 0;
}
