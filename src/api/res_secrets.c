/* Secrets of key vaults. A value comes in and never goes out: answers tell names, versions and attributes. Those of local key
 * vaults are answered at once; Azure is asked by a worker, and the answer is 202 and an operation. */
#include "api/call.h"
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

/* The key vault of the path. That who asks may use its secrets was settled before, see authorise_data() in api.c. */
static int find_keyvault(struct kg_call *c, struct kg_resource *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *id = kg_id_resource(kg_call_param(c, "subscription"), kg_call_param(c, "group"), KG_TYPE_KEYVAULT,
                                           kg_call_param(c, "keyvault"));
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    struct kg_err why = { 0 };

    if (kg_catalog_get(c->api->catalog, id, &r, &why) < 0) {
        if (why.code == KG_E_NOT_FOUND)
            return kg_err_set(err, KG_E_NO_KEYVAULT, "there is no key vault '%s'", kg_call_param(c, "keyvault"));
        *err = why;
        return -(int)err->code;
    }
    *ret = r;
    r = (struct kg_resource){ 0 };
    return 0;
}

static bool is_azure(const struct kg_resource *kv)
{
    return strcasecmp(kg_json_str_or(kv->json, "properties.provider", "local"), "azure") == 0;
}

static struct kg_json *answer_of(const struct kg_resource *kv, const struct kg_keyvault_item *i)
{
    return kg_keyvault_item_answer(i, kg_json_str_or(kv->json, "properties.vaultUri", ""));
}

/* ---- Azure ---- */

static struct kg_task *new_task(const struct kg_call *c, const struct kg_resource *kv, const char *action)
{
    const char *secret = kg_match_param(c->match, "secret"), *version = kg_match_param(c->match, "version");
    struct kg_task *t = kg_task_new(KG_TASK_SECRETS);

    t->resource = kg_xstrdup(kv->id);
    t->keyvault = kg_xstrdup(kv->id);
    kg_json_set_str(t->params, "action", action);
    if (secret)
        kg_json_set_str(t->params, "secret", secret);
    if (version)
        kg_json_set_str(t->params, "version", version);
    return t;
}

/* Takes *t. */
static int launch(struct kg_call *c, struct kg_task **t, struct kg_err *err)
{
    if (kg_call_prepare(c, *t, NULL, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    (void)tx;
    return kg_call_launch(c, t, NULL, 202, NULL, NULL, err);
}

static int ask_azure(struct kg_call *c, const struct kg_resource *kv, const char *action, struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = new_task(c, kv, action);

    return launch(c, &t, err);
}

static void set_attributes(struct kg_json *params, const struct kg_secret_body *b)
{
    if (b->has_enabled)
        kg_json_set_bool(params, "attributes.enabled", b->enabled);
    if (b->has_not_before)
        kg_json_set_u64(params, "attributes.notBefore", (uint64_t)(b->not_before / KG_SECOND));
    if (b->has_expires)
        kg_json_set_u64(params, "attributes.expires", (uint64_t)(b->expires / KG_SECOND));
    if (b->content_type)
        kg_json_set_str(params, "contentType", b->content_type);
}

/* ---- reading ---- */

static int list(struct kg_call *c, const char *name, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource kv = { 0 };
    KG_AUTO_KEYVAULT_LIST struct kg_keyvault_list l = { 0 };
    struct kg_json *array;
    unsigned top;

    if (find_keyvault(c, &kv, err) < 0 || (name && kg_name_check(KG_NAME_SECRET, name, err) < 0) ||
        kg_call_top(c, &top, err) < 0)
        return -(int)err->code;
    if (is_azure(&kv))
        return ask_azure(c, &kv, name ? "versions" : "list", err);
    if (kg_keyvault_list(c->api->keyvault, kv.id, name, kg_query_get(c->query, "$skipToken"), top, &l, err) < 0)
        return -(int)err->code;
    array = kg_json_array();
    for (size_t i = 0; i < l.count; i++)
        kg_json_push(array, answer_of(&kv, &l.items[i]));
    return kg_call_answer_list(c, array, l.next, err);
}

int kg_res_secrets_list(struct kg_call *c, struct kg_err *err) { return list(c, NULL, err); }

int kg_res_secret_versions(struct kg_call *c, struct kg_err *err) { return list(c, kg_call_param(c, "secret"), err); }

/* The names in the path: they become part of a URL when the key vault is in Azure. */
static int check_names(struct kg_call *c, struct kg_err *err)
{
    const char *version = kg_match_param(c->match, "version");

    if (kg_name_check(KG_NAME_SECRET, kg_call_param(c, "secret"), err) < 0)
        return -(int)err->code;
    if (version && (strlen(version) != 32 || strspn(version, "0123456789abcdefABCDEF") != 32))
        return kg_err_set(err, KG_E_NO_SECRET, "'%.40s' is not a version of a secret", version);
    return 0;
}

int kg_res_secret_get(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource kv = { 0 };
    KG_AUTO_KEYVAULT_ITEM struct kg_keyvault_item item = { 0 };

    if (find_keyvault(c, &kv, err) < 0 || check_names(c, err) < 0)
        return -(int)err->code;
    if (is_azure(&kv))
        return ask_azure(c, &kv, "show", err);
    if (kg_keyvault_show(c->api->keyvault, kv.id, kg_call_param(c, "secret"), kg_match_param(c->match, "version"), &item, err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 200, answer_of(&kv, &item), err);
}

/* ---- changing ---- */

/* However the request ends, its value stays in no memory that a parser gave out. */
static void wipe_value(const struct kg_call *c)
{
    const char *value = kg_json_str(c->body, "properties.value");

    if (value)
        kg_wipe((void *)(uintptr_t)value, strlen(value));
}

static struct kg_keyvault_attrs attrs_of(const struct kg_secret_body *b)
{
    return (struct kg_keyvault_attrs){ .content_type = b->content_type, .enabled = b->has_enabled ? &b->enabled : NULL,
                                       .not_before = b->has_not_before ? &b->not_before : NULL,
                                       .expires = b->has_expires ? &b->expires : NULL };
}

static int put(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource kv = { 0 };
    KG_AUTO_KEYVAULT_ITEM struct kg_keyvault_item item = { 0 };
    KG_AUTO_SECRET struct kg_secret *value = NULL;
    KG_AUTO_TASK struct kg_task *t = NULL;
    struct kg_secret_body b = { 0 };
    struct kg_keyvault_attrs attrs;

    if (find_keyvault(c, &kv, err) < 0 || check_names(c, err) < 0 || kg_call_need_body(c, err) < 0 ||
        kg_secret_body_parse(c->body, true, &b, err) < 0)
        return -(int)err->code;
    value = kg_secret_new_copy(b.value, strlen(b.value));
    if (is_azure(&kv)) {
        t = new_task(c, &kv, "set");
        set_attributes(t->params, &b);
        t->value = KG_TAKE(value);
        return launch(c, &t, err);
    }
    attrs = attrs_of(&b);
    if (kg_keyvault_set(c->api->keyvault, kv.id, kg_call_param(c, "secret"), value, &attrs, &item, err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 201, answer_of(&kv, &item), err);
}

int kg_res_secret_put(struct kg_call *c, struct kg_err *err)
{
    int r = put(c, err);

    wipe_value(c);
    return r;
}

static int patch(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource kv = { 0 };
    KG_AUTO_KEYVAULT_ITEM struct kg_keyvault_item item = { 0 };
    KG_AUTO_TASK struct kg_task *t = NULL;
    struct kg_secret_body b = { 0 };
    struct kg_keyvault_attrs attrs;

    if (find_keyvault(c, &kv, err) < 0 || check_names(c, err) < 0 || kg_call_need_body(c, err) < 0 ||
        kg_secret_body_parse(c->body, false, &b, err) < 0)
        return -(int)err->code;
    if (is_azure(&kv)) {
        t = new_task(c, &kv, "update");
        set_attributes(t->params, &b);
        return launch(c, &t, err);
    }
    attrs = attrs_of(&b);
    if (kg_keyvault_update(c->api->keyvault, kv.id, kg_call_param(c, "secret"), kg_match_param(c->match, "version"), &attrs, &item,
                           err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 200, answer_of(&kv, &item), err);
}

int kg_res_secret_patch(struct kg_call *c, struct kg_err *err)
{
    int r = patch(c, err);

    wipe_value(c); /* refused, but it may have been meant */
    return r;
}

int kg_res_secret_delete(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource kv = { 0 };
    struct kg_err why = { 0 };

    if (find_keyvault(c, &kv, &why) == 0 && check_names(c, &why) == 0 && is_azure(&kv))
        return ask_azure(c, &kv, "delete", err);
    if (why.code == KG_E_OK && kg_keyvault_delete(c->api->keyvault, kv.id, kg_call_param(c, "secret"), &why) == 0)
        return kg_call_answer(c, 200, NULL, err);
    if (why.code == KG_E_NO_SECRET || why.code == KG_E_NO_KEYVAULT)
        return kg_call_answer(c, 204, NULL, err);
    *err = why;
    return -(int)err->code;
}
