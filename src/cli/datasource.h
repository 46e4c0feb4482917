/* cli/datasource.h - what az calls kinds of datasources, and the parts of a request that describe one, in the snake_case
 * of the `initialize` commands. */
#ifndef KG_CLI_DATASOURCE_H
#define KG_CLI_DATASOURCE_H

#include "json/json.h"
#include "keepgres/err.h"

extern const char *const kg_datasource_types[]; /* "AzureDatabaseForPostgreSQL"…, NULL-ended */

/* Adds to array what the API may call a kind of datasource. */
void kg_datasource_arm_types(const char *type, struct kg_json *array);

/* {datasource_type, object_type, resource_id, resource_location, resource_name, resource_type, resource_uri} of the
 * database with this id, and the like of its server. KG_E_USAGE: no database's id, or of another kind than type says. */
int kg_datasource_info(const char *type, const char *id, const char *location, struct kg_json **ret_info,
                       struct kg_json **ret_set, struct kg_err *err) KG_MUST_CHECK;

/* {object_type, secret_store_resource{…}} from --secret-store-type and --secret-store-uri: both or neither (NULL). */
int kg_secret_store(const char *type, const char *uri, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;

#endif
