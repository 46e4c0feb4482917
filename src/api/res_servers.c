/* Registered PostgreSQL servers: servers and flexibleServers, alike but for their type. */
#include "api/call.h"
#include "api/handlers.h"

#include <strings.h>

#include "api/resolve.h"
#include "base/alloc.h"

/* Which of the two kinds a path speaks of. */
static const char *server_type(const struct kg_call *c)
{
    return strcasestr(c->match->route->pattern, "/flexibleServers") ? KG_TYPE_FLEXIBLE : KG_TYPE_SERVER;
}

int kg_res_servers_list(struct kg_call *c, struct kg_err *err) { return kg_call_list(c, server_type(c), true, err); }
int kg_res_server_get(struct kg_call *c, struct kg_err *err) { return kg_call_get(c, err); }

/* Through a directory's socket PostgreSQL takes the service for the OS user that it runs as: that is not for everybody to lend. */
static int check_socket(struct kg_call *c, const struct kg_put *p, struct kg_err *err)
{
    static const char path[] = "properties.fullyQualifiedDomainName";
    const char *host = kg_json_str_or(p->json, path, ""), *was = kg_json_str_or(p->old.json, path, "");

    return *host == '/' && strcmp(host, was) != 0 ? kg_call_may_choose_path(c, host, err) : 0;
}

int kg_res_server_put(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_PUT struct kg_put p = { 0 };
    struct kg_server s = { 0 };

    if (kg_put_begin(c, KG_NAME_SERVER, kg_call_param(c, "server"), &p, err) < 0 || kg_server_parse(c->body, &s, err) < 0)
        return -(int)err->code;
    kg_json_set(p.json, "properties", kg_server_properties(&s));
    kg_server_done(&s);
    if (check_socket(c, &p, err) < 0)
        return -(int)err->code;
    kg_json_set_str(p.json, "properties.state", "Ready");
    if (p.exists && kg_json_str(p.old.json, "properties.version"))
        kg_json_set_str(p.json, "properties.version", kg_json_str(p.old.json, "properties.version"));
    return kg_put_finish(c, &p, err);
}

/* KG_E_CONFLICT when a backup instance protects a database of the server that the path names. */
static int refuse_protected(void *arg, const struct kg_resource *instance, struct kg_err *err)
{
    const struct kg_call *c = arg;
    const char *set = kg_json_str(instance->json, "properties.dataSourceSetInfo.resourceID");

    if (!set || !kg_id_equal(set, kg_call_id(c)) || kg_instance_is_deleted(instance->json))
        return 0;
    if (!kg_call_may_name(c, KG_TYPE_INSTANCE, instance->id)) {
        kg_err_set(err, KG_E_CONFLICT, "server '%s' is protected by a backup instance that you may not see", kg_call_param(c, "server"));
        kg_err_advise(err, "Ask an owner to delete that backup instance first.");
        return -(int)err->code;
    }
    kg_err_set(err, KG_E_CONFLICT, "server '%s' is protected by backup instance '%s'", kg_call_param(c, "server"),
               instance->id);
    kg_err_advise(err, "Delete that backup instance first.");
    return -(int)err->code;
}

int kg_res_server_delete(struct kg_call *c, struct kg_err *err)
{
    struct kg_resource_query q = { .type = KG_TYPE_INSTANCE };
    int r = kg_each_resource(c->api->catalog, &q, refuse_protected, c, err);

    return r < 0 ? r : kg_call_delete(c, err);
}

/* Both questions to a server: who logs in comes with the request, where to is the registered server's to say. */
static int ask_server(struct kg_call *c, enum kg_task_kind kind, struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = kg_task_new(kind);
    const char *uri;
    bool there;

    if (kg_call_need_body(c, err) < 0 || kg_json_need_str(c->body, "secretUri", &uri, err) < 0 ||
        kg_catalog_exists(c->api->catalog, kg_call_id(c), &there, err) < 0)
        return -(int)err->code;
    if (!there)
        return kg_err_set(err, KG_E_NOT_FOUND, "there is no server '%s'", kg_call_id(c));
    if (kg_call_may_read_secret(c, uri, err) < 0) /* without a vault it is the caller who reads the secret */
        return -(int)err->code;
    t->resource = kg_xstrdup(kg_call_id(c));
    t->server = kg_xstrdup(kg_call_id(c));
    t->secret = kg_xstrdup(uri);
    if (kg_json_str(c->body, "database"))
        kg_json_set_str(t->params, "database", kg_json_str(c->body, "database"));
    if (kg_json_str(c->body, "vaultId")) /* which the databases may be meant for */
        kg_json_set_str(t->params, "vaultId", kg_json_str(c->body, "vaultId"));
    if (kg_call_prepare(c, t, NULL, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    (void)tx;
    return kg_call_launch(c, &t, NULL, 202, NULL, NULL, err);
}

int kg_res_server_test(struct kg_call *c, struct kg_err *err) { return ask_server(c, KG_TASK_TEST_SERVER, err); }
int kg_res_server_databases(struct kg_call *c, struct kg_err *err) { return ask_server(c, KG_TASK_LIST_DATABASES, err); }
