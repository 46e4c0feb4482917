/* job/user_error.h - a struct kg_err as ARM's callers read it. Pure; the caller owns what is returned.
 *
 * UserFacingError stands in jobs and instances; the CloudError's inner object wraps it in operations and HTTP answers. */
#ifndef KG_JOB_USER_ERROR_H
#define KG_JOB_USER_ERROR_H

#include "json/json.h"
#include "keepgres/err.h"

/* detail: what a program said (becomes innerError), target: what it is about, activity: id of the request. Each may be NULL. */
struct kg_json *kg_user_error(const struct kg_err *e, const char *detail, const char *target, const char *activity);
/* {code, message, target, details, additionalInfo:[{type:"UserFacingError", info}]} */
struct kg_json *kg_cloud_error(const struct kg_err *e, const char *detail, const char *target, const char *activity);

#endif
