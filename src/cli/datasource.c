#include "cli/datasource.h"

#include <string.h>

#include "base/alloc.h"
#include "model/id.h"
#include "model/resources.h"

const char *const kg_datasource_types[] = { "AzureDatabaseForPostgreSQL", "AzureDatabaseForPostgreSQLFlexibleServer",
                                            NULL };

/* By position in kg_datasource_types. */
static const struct {
    bool flexible;
    const char *datasource_type;
} kinds[] = {
    { false, "Microsoft.DBforPostgreSQL/servers/databases" },
    { true, "Microsoft.DBforPostgreSQL/flexibleServers" },
};

void kg_datasource_arm_types(const char *type, struct kg_json *array)
{
    size_t kind = strcmp(type, kg_datasource_types[1]) == 0;

    kg_json_push_str(array, kinds[kind].datasource_type);
    if (kinds[kind].flexible) /* one of its databases is what is protected here */
        kg_json_push_str(array, KG_TYPE_FLEXIBLE "/databases");
}

static struct kg_json *describe(const char *object, const char *type, const char *id, const char *name,
                                const char *resource_type, const char *location)
{
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "datasource_type", type);
    kg_json_set_str(j, "object_type", object);
    kg_json_set_str(j, "resource_id", id);
    kg_json_set_str(j, "resource_location", location);
    kg_json_set_str(j, "resource_name", name);
    kg_json_set_str(j, "resource_type", resource_type);
    kg_json_set_str(j, "resource_uri", "");
    return j;
}

int kg_datasource_info(const char *type, const char *id, const char *location, struct kg_json **ret_info,
                       struct kg_json **ret_set, struct kg_err *err)
{
    KG_CLEANUP(kg_datasource_done) struct kg_datasource d = { 0 };
    size_t kind = strcmp(type, kg_datasource_types[1]) == 0;

    if (kg_datasource_parse(id, &d, err) < 0)
        return -(int)err->code;
    if (d.flexible != kinds[kind].flexible) {
        kg_err_set(err, KG_E_USAGE, "'%s' is not of datasource type %s", id, type);
        kg_err_advise(err, "Say --datasource-type %s.", kg_datasource_types[d.flexible]);
        return -(int)err->code;
    }
    *ret_info = describe("Datasource", kinds[kind].datasource_type, id, d.database,
                         d.flexible ? KG_TYPE_FLEXIBLE "/databases" : KG_TYPE_SERVER "/databases", location);
    *ret_set = describe("DatasourceSet", kinds[kind].datasource_type, d.server_id, d.server,
                        d.flexible ? KG_TYPE_FLEXIBLE : KG_TYPE_SERVER, location);
    return 0;
}

int kg_secret_store(const char *type, const char *uri, struct kg_json **ret, struct kg_err *err)
{
    struct kg_json *j;

    *ret = NULL;
    if (!type && !uri)
        return 0;
    if (!type || !uri)
        return kg_err_set(err, KG_E_USAGE,
                          "--secret-store-type and --secret-store-uri are given together or not at all");
    j = kg_json_object();
    kg_json_set_str(j, "object_type", "SecretStoreBasedAuthCredentials");
    kg_json_set_str(j, "secret_store_resource.secret_store_type", type);
    kg_json_set_str(j, "secret_store_resource.uri", uri);
    kg_json_set(j, "secret_store_resource.value", NULL);
    *ret = j;
    return 0;
}
