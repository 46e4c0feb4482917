/* Key vaults and their secrets. A value comes in and never goes out: answers tell names, versions and attributes. */
#include "api/call.h"
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "api/resolve.h"
#include "base/alloc.h"

int kg_res_keyvaults_list(struct kg_call *c, struct kg_err *err) { return kg_call_list(c, KG_TYPE_KEYVAULT, true, err); }
int kg_res_keyvault_get(struct kg_call *c, struct kg_err *err) { return kg_call_get(c, err); }

int kg_res_keyvault_put(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_PUT struct kg_put p = { 0 };
    const char *name = kg_call_param(c, "keyvault");
    struct kg_json *properties;

    if (kg_put_begin(c, KG_NAME_KEYVAULT, name, &p, err) < 0 ||
        (!p.exists && kg_check_name_free(c->api->catalog, KG_TYPE_KEYVAULT, name, err) < 0) ||
        kg_keyvault_properties(name, c->body, &properties, err) < 0)
        return -(int)err->code;
    kg_json_set(p.json, "properties", properties);
    kg_json_set_str(p.json, "properties.provisioningState", "Succeeded");
    return kg_put_finish(c, &p, err);
}

static int refuse_full(struct kg_call *c, struct kg_err *err)
{
    struct kg_keyvault_list l = { 0 };
    size_t n;

    if (kg_keyvault_list(c->api->keyvault, kg_call_id(c), NULL, NULL, 1, &l, err) < 0)
        return -(int)err->code;
    n = l.count;
    kg_keyvault_list_done(&l);
    if (!n)
        return 0;
    kg_err_set(err, KG_E_CONFLICT, "key vault '%s' still holds secrets", kg_call_param(c, "keyvault"));
    kg_err_advise(err, "Delete its secrets first, or add force=true to delete them with it.");
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

/* ---- secrets ---- */

static char *keyvault_id(const struct kg_call *c)
{
    return kg_id_resource(kg_call_param(c, "subscription"), kg_call_param(c, "group"), KG_TYPE_KEYVAULT,
                          kg_call_param(c, "keyvault"));
}

static struct kg_json *secret_answer(const struct kg_keyvault_item *i)
{
    struct kg_json *a = kg_json_object();
    KG_AUTO_ID struct kg_id id = { 0 };
    KG_AUTO_FREE char *full = kg_id_child(i->vault, "secrets", i->name);
    struct kg_err ignored = { 0 };
    char when[32];

    kg_json_set_str(a, "id", full);
    kg_json_set_str(a, "name", i->name);
    kg_json_set_str(a, "type", KG_TYPE_SECRET);
    if (kg_id_parse(i->vault, &id, &ignored) == 0) {
        KG_AUTO_FREE char *uri = kg_secret_ref_uri(kg_id_name(&id), i->name, NULL);
        KG_AUTO_FREE char *with = kg_secret_ref_uri(kg_id_name(&id), i->name, i->version);

        kg_json_set_str(a, "properties.secretUri", uri);
        kg_json_set_str(a, "properties.secretUriWithVersion", with);
    }
    kg_json_set_bool(a, "properties.attributes.enabled", i->enabled);
    kg_json_set_str(a, "properties.attributes.created", kg_time_iso_seconds(i->created, when));
    kg_json_set_str(a, "properties.attributes.updated", kg_time_iso_seconds(i->updated, when));
    if (i->content_type)
        kg_json_set_str(a, "properties.contentType", i->content_type);
    return a;
}

static int need_keyvault(struct kg_call *c, const char *id, struct kg_err *err)
{
    bool there;

    if (kg_catalog_exists(c->api->catalog, id, &there, err) < 0)
        return -(int)err->code;
    return there ? 0 : kg_err_set(err, KG_E_NO_KEYVAULT, "there is no key vault '%s'", kg_call_param(c, "keyvault"));
}

int kg_res_secrets_list(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_FREE char *vault = keyvault_id(c);
    struct kg_keyvault_list l = { 0 };
    struct kg_json *array;
    unsigned top;
    int r;

    if (need_keyvault(c, vault, err) < 0 || kg_call_top(c, &top, err) < 0 ||
        kg_keyvault_list(c->api->keyvault, vault, NULL, kg_query_get(c->query, "$skipToken"), top, &l, err) < 0)
        return -(int)err->code;
    array = kg_json_array();
    for (size_t i = 0; i < l.count; i++)
        kg_json_push(array, secret_answer(&l.items[i]));
    r = kg_call_answer_list(c, array, l.next, err);
    kg_keyvault_list_done(&l);
    return r;
}

int kg_res_secret_get(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_FREE char *vault = keyvault_id(c);
    KG_AUTO_KEYVAULT_ITEM struct kg_keyvault_item item = { 0 };

    if (need_keyvault(c, vault, err) < 0 ||
        kg_keyvault_show(c->api->keyvault, vault, kg_call_param(c, "secret"), kg_match_param(c->match, "version"), &item,
                         err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 200, secret_answer(&item), err);
}

/* The value leaves the parsed body for a place of its own; what stays of it in the body's memory is wiped. */
static struct kg_secret *take_value(const char *value)
{
    size_t n = strlen(value);
    struct kg_secret *s = kg_secret_new_copy(value, n);

    kg_wipe((void *)(uintptr_t)value, n);
    return s;
}

int kg_res_secret_put(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_FREE char *vault = keyvault_id(c);
    KG_AUTO_KEYVAULT_ITEM struct kg_keyvault_item item = { 0 };
    KG_AUTO_SECRET struct kg_secret *value = NULL;
    const char *name = kg_call_param(c, "secret");
    struct kg_secret_body b = { 0 };

    if (kg_call_need_body(c, err) < 0 || kg_name_check(KG_NAME_SECRET, name, err) < 0 ||
        kg_secret_body_parse(c->body, &b, err) < 0)
        return -(int)err->code;
    value = take_value(b.value);
    if (need_keyvault(c, vault, err) < 0 ||
        kg_keyvault_set(c->api->keyvault, vault, name, value, b.content_type, b.enabled, &item, err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 201, secret_answer(&item), err);
}

int kg_res_secret_delete(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_FREE char *vault = keyvault_id(c);
    struct kg_err why = { 0 };

    if (kg_keyvault_delete(c->api->keyvault, vault, kg_call_param(c, "secret"), &why) == 0)
        return kg_call_answer(c, 200, NULL, err);
    if (why.code == KG_E_NO_SECRET)
        return kg_call_answer(c, 204, NULL, err);
    *err = why;
    return -(int)err->code;
}
