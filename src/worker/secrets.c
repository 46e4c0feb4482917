/* Secrets in Azure Key Vaults: got before the operation begins, so that no operation knows where its secrets come from; and
 * the operation "keyvault", which looks at them and changes them for a caller:
 *
 *   job     {"keyvault":id,"action":"list|versions|show|set|update|delete","secret"?,"version"?,
 *            "attributes":{"enabled"?,"notBefore"?,"expires"?}: seconds, 0 takes it away,"contentType"?}, and for set the secret "value"
 *   result  list and versions: {"value":[secret…]}; the others: the secret
 *
 * Where the key vaults are: see engine/secrets.c. */
#include "worker/ops.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "keyvault/azure.h"

static const struct kg_json *member(const struct kg_json *object, const char *key)
{
    for (const struct kg_json *c = kg_json_first(object); c; c = kg_json_next(c))
        if (strcasecmp(kg_json_key(c), key) == 0)
            return c;
    return NULL;
}

static bool is_cancelled(void *ctx)
{
    const struct kg_op *op = ctx;

    return kg_events_cancelled(op->ev);
}

int kg_op_open_keyvault(const struct kg_op *op, const char *id, struct kg_keyvault **ret, struct kg_err *err)
{
    const struct kg_json *j = member(kg_json_get(op->job, "keyvaults"), id);
    const char *secret = kg_json_str(j, "credential.secret");
    struct kg_azure_opts o = { .client_id = kg_json_str(j, "credential.clientId"), .tenant_id = kg_json_str(j, "credential.tenantId"),
                               .imds = kg_json_str(j, "imds"), .login = kg_json_str(j, "login"), .ca_file = kg_json_str(j, "caFile"),
                               .extra_host = kg_json_str(j, "extraHost"), .cancelled = is_cancelled,
                               .ctx = (void *)(uintptr_t)op };

    if (!j)
        return kg_err_set(err, KG_E_BUG, "the job does not say where key vault '%s' is", id);
    if (kg_json_need_str(j, "vaultUri", &o.vault_uri, err) < 0 ||
        (secret && kg_op_need_secret(op, secret, &o.client_secret, err) < 0))
        return -(int)err->code;
    return kg_keyvault_open_azure(&o, ret, err);
}

/* ---- before the operation ---- */

/* Providers that are open: each keeps its token. */
struct open_vaults { struct { const char *id; struct kg_keyvault *kv; } *vault; size_t n, cap; };

static void open_vaults_done(struct open_vaults *o)
{
    for (size_t i = 0; i < o->n; i++)
        kg_keyvault_close(o->vault[i].kv);
    free(o->vault);
}

static int vault_of(const struct kg_op *op, struct open_vaults *o, const char *id, struct kg_keyvault **ret, struct kg_err *err)
{
    for (size_t i = 0; i < o->n; i++)
        if (strcasecmp(o->vault[i].id, id) == 0) {
            *ret = o->vault[i].kv;
            return 0;
        }
    if (kg_op_open_keyvault(op, id, ret, err) < 0)
        return -(int)err->code;
    KG_GROW(o->vault, o->n, o->cap);
    o->vault[o->n].id = id;
    o->vault[o->n++].kv = *ret;
    return 0;
}

static int fetch(const struct kg_op *op, struct open_vaults *o, const struct kg_json *f, struct kg_secret **ret, struct kg_err *err)
{
    const char *id, *name;
    struct kg_keyvault *kv;

    if (kg_json_need_str(f, "keyvault", &id, err) < 0 || kg_json_need_str(f, "secret", &name, err) < 0 ||
        vault_of(op, o, id, &kv, err) < 0)
        return -(int)err->code;
    return kg_keyvault_get(kv, id, name, kg_json_str(f, "version"), ret, err);
}

int kg_op_fetch_secrets(const struct kg_op *op, struct kg_err *err)
{
    KG_CLEANUP(open_vaults_done) struct open_vaults open = { 0 };

    for (const struct kg_json *f = kg_json_first(kg_json_get(op->job, "fetch")); f; f = kg_json_next(f)) {
        struct kg_secret *value = NULL;
        struct kg_err why = { 0 };

        if (fetch(op, &open, f, &value, &why) < 0 && why.code == KG_E_CANCELLED) {
            *err = why;
            return -(int)err->code;
        }
        if (kg_op_keep_secret(op, kg_json_key(f), value, &why, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

/* ---- for a caller ---- */

struct attributes {
    struct kg_keyvault_attrs attrs;
    bool enabled;
    kg_usec not_before, expires;
};

static void read_moment(const struct kg_json *job, const char *path, kg_usec *at, const kg_usec **ret)
{
    if (kg_json_get(job, path)) {
        *at = (kg_usec)kg_json_u64(job, path, 0) * KG_SECOND;
        *ret = at;
    }
}

static void read_attributes(const struct kg_json *job, struct attributes *a)
{
    *a = (struct attributes){ .attrs = { .content_type = kg_json_str(job, "contentType") } };
    if (kg_json_get(job, "attributes.enabled")) {
        a->enabled = kg_json_bool(job, "attributes.enabled", true);
        a->attrs.enabled = &a->enabled;
    }
    read_moment(job, "attributes.notBefore", &a->not_before, &a->attrs.not_before);
    read_moment(job, "attributes.expires", &a->expires, &a->attrs.expires);
}

/* One action: fills item, or list when it is one. */
static int act(const struct kg_op *op, struct kg_keyvault *kv, const char *action, struct kg_keyvault_list *list,
               struct kg_keyvault_item *item, struct kg_err *err)
{
    const char *id = kg_json_str_or(op->job, "keyvault", ""), *name = kg_json_str(op->job, "secret"),
               *version = kg_json_str(op->job, "version");
    const struct kg_secret *value;
    struct attributes a;

    read_attributes(op->job, &a);
    if (strcmp(action, "list") == 0)
        return kg_keyvault_list(kv, id, NULL, NULL, 0, list, err);
    if (kg_json_need_str(op->job, "secret", &name, err) < 0)
        return -(int)err->code;
    if (strcmp(action, "versions") == 0)
        return kg_keyvault_list(kv, id, name, NULL, 0, list, err);
    if (strcmp(action, "show") == 0)
        return kg_keyvault_show(kv, id, name, version, item, err);
    if (strcmp(action, "update") == 0)
        return kg_keyvault_update(kv, id, name, version, &a.attrs, item, err);
    if (strcmp(action, "delete") == 0)
        return kg_keyvault_show(kv, id, name, NULL, item, err) < 0 ? -(int)err->code : kg_keyvault_delete(kv, id, name, err);
    if (strcmp(action, "set") == 0)
        return kg_op_need_secret(op, "value", &value, err) < 0 ? -(int)err->code
                                                               : kg_keyvault_set(kv, id, name, value, &a.attrs, item, err);
    return kg_err_set(err, KG_E_UNSUPPORTED, "this worker knows no action '%s' of key vaults", action);
}

int kg_op_keyvault(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_CLEANUP(kg_keyvault_closep) struct kg_keyvault *kv = NULL;
    KG_AUTO_KEYVAULT_LIST struct kg_keyvault_list list = { 0 };
    KG_AUTO_KEYVAULT_ITEM struct kg_keyvault_item item = { 0 };
    const char *id, *action, *uri;
    struct kg_json *array;

    if (kg_json_need_str(op->job, "keyvault", &id, err) < 0 || kg_json_need_str(op->job, "action", &action, err) < 0 ||
        kg_op_open_keyvault(op, id, &kv, err) < 0 || act(op, kv, action, &list, &item, err) < 0)
        return -(int)err->code;
    uri = kg_json_str_or(member(kg_json_get(op->job, "keyvaults"), id), "vaultUri", "");
    if (item.name) {
        *ret = kg_keyvault_item_answer(&item, uri);
        return 0;
    }
    array = kg_json_array();
    for (size_t i = 0; i < list.count; i++)
        kg_json_push(array, kg_keyvault_item_answer(&list.items[i], uri));
    *ret = kg_json_object();
    kg_json_set(*ret, "value", array);
    return 0;
}
