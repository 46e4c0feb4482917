/* Storage accounts and containers of the directory provider: an account is a directory, a container one inside it. */
#include "api/call.h"
#include "api/handlers.h"

#include <string.h>

#include "api/resolve.h"
#include "base/alloc.h"
#include "sys/fd.h"

int kg_res_accounts_list(struct kg_call *c, struct kg_err *err) { return kg_call_list(c, KG_TYPE_STORAGE, true, err); }
int kg_res_account_get(struct kg_call *c, struct kg_err *err) { return kg_call_get(c, err); }
int kg_res_account_delete(struct kg_call *c, struct kg_err *err) { return kg_call_delete(c, err); }
int kg_res_container_get(struct kg_call *c, struct kg_err *err) { return kg_call_get(c, err); }
int kg_res_container_delete(struct kg_call *c, struct kg_err *err) { return kg_call_delete(c, err); }

/* KG_E_EXISTS when another account has the name; KG_E_CONFLICT when containers would lose their files. */
static int check_account(struct kg_call *c, const struct kg_put *p, struct kg_err *err)
{
    const char *name = kg_call_param(c, "account");
    const char *was = kg_json_str_or(p->old.json, "properties.path", "");

    if (!p->exists)
        return kg_call_may_choose_path(c, kg_json_str_or(p->json, "properties.path", ""), err) < 0
                   ? -(int)err->code : kg_check_name_free(c, KG_TYPE_STORAGE, name, err);
    if (strcmp(was, kg_json_str_or(p->json, "properties.path", "")) == 0)
        return 0;
    return kg_err_set(err, KG_E_CONFLICT, "storage account '%s' is at '%s' and cannot move", name, was);
}

int kg_res_account_put(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_PUT struct kg_put p = { 0 };
    const char *name = kg_call_param(c, "account");
    struct kg_json *properties;

    if (kg_put_begin(c, KG_NAME_STORAGE_ACCOUNT, name, &p, err) < 0 ||
        kg_storage_properties(name, c->body, &properties, err) < 0)
        return -(int)err->code;
    kg_json_set(p.json, "properties", properties);
    kg_json_set_str(p.json, "properties.provisioningState", "Succeeded");
    if (check_account(c, &p, err) < 0 || kg_make_dirs(kg_json_str_or(p.json, "properties.path", "/"), 0700, err) < 0)
        return -(int)err->code;
    return kg_put_finish(c, &p, err);
}

/* ---- containers ---- */

static char *account_id(const struct kg_call *c)
{
    return kg_id_resource(kg_call_param(c, "subscription"), kg_call_param(c, "group"), KG_TYPE_STORAGE,
                          kg_call_param(c, "account"));
}

int kg_res_containers_list(struct kg_call *c, struct kg_err *err) { return kg_call_list(c, KG_TYPE_CONTAINER, true, err); }

int kg_res_container_put(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource account = { 0 };
    KG_AUTO_PUT struct kg_put p = { 0 };
    KG_AUTO_FREE char *id = account_id(c);
    KG_AUTO_FREE char *dir = NULL;
    KG_AUTO_FREE char *url = NULL;
    const char *name = kg_call_param(c, "container"), *path;
    KG_AUTO_JSON struct kg_json *empty = kg_json_object();

    if (!c->body) /* az sends nothing */
        c->body = empty;
    if (kg_name_check(KG_NAME_CONTAINER, name, err) < 0 || kg_catalog_get(c->api->catalog, id, &account, err) < 0 ||
        kg_json_need_str(account.json, "properties.path", &path, err) < 0 ||
        kg_put_begin(c, KG_NAME_CONTAINER, name, &p, err) < 0)
        return -(int)err->code;
    dir = kg_xprintf("%s/%s", path, name);
    url = kg_container_ref_url(account.name, name);
    if (kg_make_dirs(dir, 0700, err) < 0)
        return -(int)err->code;
    kg_json_set_str(p.json, "properties.url", url);
    kg_json_set_str(p.json, "properties.path", dir);
    kg_json_set_str(p.json, "properties.publicAccess", "None");
    return kg_put_finish(c, &p, err);
}
