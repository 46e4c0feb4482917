#include "api/resolve.h"

#include <stdlib.h>
#include <strings.h>

#include "api/call.h"
#include "base/alloc.h"
#include "catalog/lookup.h"
#include "keyvault/keyvault.h"

int kg_find_by_name(struct kg_catalog *c, const char *type, const char *name, enum kg_code missing,
                    struct kg_resource *ret, struct kg_err *err)
{
    struct kg_resource_query q = { .type = type, .name = name, .top = 1 };
    KG_AUTO_RESOURCE_LIST struct kg_resource_list l = { 0 };

    if (kg_catalog_list(c, &q, &l, err) < 0)
        return -(int)err->code;
    if (!l.count)
        return kg_err_set(err, missing, "there is no %s named '%s'", type, name);
    *ret = l.rows[0];
    l.rows[0] = (struct kg_resource){ 0 };
    return 0;
}

int kg_check_name_free(const struct kg_call *c, const char *type, const char *name, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource other = { 0 };
    struct kg_err why = { 0 };

    if (kg_find_by_name(c->api->catalog, type, name, KG_E_NOT_FOUND, &other, &why) == 0)
        return kg_call_may_name(c, type, other.id)
                   ? kg_err_set(err, KG_E_EXISTS, "the name '%s' is taken by '%s'", name, other.id)
                   : kg_err_set(err, KG_E_EXISTS, "the name '%s' is taken", name);
    if (why.code == KG_E_NOT_FOUND)
        return 0;
    *err = why;
    return -(int)err->code;
}

int kg_each_resource(struct kg_catalog *c, const struct kg_resource_query *query, kg_resource_fn *fn, void *arg,
                     struct kg_err *err)
{
    struct kg_resource_query q = *query;
    KG_AUTO_FREE char *after = NULL;
    int r = 0;

    do {
        KG_AUTO_RESOURCE_LIST struct kg_resource_list l = { 0 };

        q.after = after;
        if (kg_catalog_list(c, &q, &l, err) < 0)
            return -(int)err->code;
        for (size_t i = 0; i < l.count && r == 0; i++)
            r = fn(arg, &l.rows[i], err);
        free(after);
        after = KG_TAKE(l.next);
    } while (after && r == 0);
    return r;
}

int kg_each_point(struct kg_catalog *c, const char *instance, kg_point_fn *fn, void *arg, struct kg_err *err)
{
    struct kg_point_query q = { .instance = instance, .top = KG_PAGE_MAX };
    KG_AUTO_FREE char *after = NULL;
    int r = 0;

    do {
        KG_AUTO_POINT_LIST struct kg_point_list l = { 0 };

        q.after = after;
        if (kg_catalog_point_list(c, &q, &l, err) < 0)
            return -(int)err->code;
        for (size_t i = 0; i < l.count && r == 0; i++)
            r = fn(arg, &l.rows[i], err);
        free(after);
        after = KG_TAKE(l.next);
    } while (after && r == 0);
    return r;
}

int kg_check_secret(struct kg_catalog *c, struct kg_keyvault *kv, const char *uri, struct kg_err *err)
{
    KG_AUTO_KEYVAULT_ITEM struct kg_keyvault_item item = { 0 };
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    struct kg_secret_ref ref;

    if (kg_secret_ref_parse(uri, &ref, err) < 0 || kg_lookup_keyvault(c, &ref, &r, err) < 0)
        return -(int)err->code;
    if (strcasecmp(kg_json_str_or(r.json, "properties.provider", "local"), "local") != 0)
        return 0;
    return kg_keyvault_show(kv, r.id, ref.secret, *ref.version ? ref.version : NULL, &item, err);
}

int kg_find_container(struct kg_catalog *c, const struct kg_container_ref *ref, char **ret_id, char **ret_dir,
                      char **ret_location, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource account = { 0 };
    KG_AUTO_FREE char *blob = NULL;
    KG_AUTO_FREE char *id = NULL;
    const char *path;
    bool there;

    if (kg_find_by_name(c, KG_TYPE_STORAGE, ref->account, KG_E_NO_CONTAINER, &account, err) < 0)
        return -(int)err->code;
    blob = kg_id_child(account.id, "blobServices", "default");
    id = kg_id_child(blob, "containers", ref->container);
    if (kg_catalog_exists(c, id, &there, err) < 0)
        return -(int)err->code;
    if (!there)
        return kg_err_set(err, KG_E_NO_CONTAINER, "there is no container '%s' in storage account '%s'", ref->container,
                          ref->account);
    if (kg_json_need_str(account.json, "properties.path", &path, err) < 0)
        return kg_err_wrap(err, "storage account '%s'", ref->account);
    *ret_id = KG_TAKE(id);
    *ret_dir = kg_xprintf("%s/%s", path, ref->container);
    *ret_location = kg_xstrdup(account.location);
    return 0;
}
