#include "job/user_error.h"

#include <string.h>

#include "base/alloc.h"

/* Trying again later, unchanged, can help with these. */
static const enum kg_code retryable[] = {
    KG_E_BUSY, KG_E_TIMEOUT, KG_E_NO_SERVICE, KG_E_CANCELLED, KG_E_DISK_FULL, KG_E_CHILD, KG_E_MEMORY,
    KG_E_DB_CONNECT, KG_E_DB_CLOSED, KG_E_DB_LOCKED, KG_E_DB_LIMIT,
};

static bool is_retryable(enum kg_code c)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(retryable); i++)
        if (retryable[i] == c)
            return true;
    return false;
}

static bool is_user_error(enum kg_code c)
{
    return strncmp(kg_code_arm(c), "UserError", 9) == 0 || kg_code_http(c) < 500;
}

static struct kg_json *inner_error(enum kg_code c, const char *detail)
{
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "code", kg_code_arm(c));
    kg_json_set_str(j, "additionalInfo.DetailedNonLocalisedMessage", detail);
    kg_json_set(j, "embeddedInnerError", NULL);
    return j;
}

struct kg_json *kg_user_error(const struct kg_err *e, const char *detail, const char *target, const char *activity)
{
    struct kg_json *j = kg_json_object(), *actions = kg_json_array();

    kg_json_set_str(j, "code", kg_code_arm(e->code));
    kg_json_set_str(j, "message", e->msg);
    kg_json_push_str(actions, e->action);
    kg_json_set(j, "recommendedAction", actions);
    kg_json_set_str(j, "target", target);
    kg_json_set(j, "details", NULL);
    kg_json_set(j, "innerError", detail && *detail ? inner_error(e->code, detail) : NULL);
    kg_json_set_bool(j, "isRetryable", is_retryable(e->code));
    kg_json_set_bool(j, "isUserError", is_user_error(e->code));
    kg_json_set_str(j, "properties.ActivityId", activity);
    return j;
}

struct kg_json *kg_cloud_error(const struct kg_err *e, const char *detail, const char *target, const char *activity)
{
    struct kg_json *j = kg_json_object(), *list = kg_json_array(), *info = kg_json_object();

    kg_json_set_str(j, "code", kg_code_arm(e->code));
    kg_json_set_str(j, "message", e->msg);
    kg_json_set_str(j, "target", target);
    kg_json_set(j, "details", NULL);
    kg_json_set_str(info, "type", "UserFacingError");
    kg_json_set(info, "info", kg_user_error(e, detail, target, activity));
    kg_json_push(list, info);
    kg_json_set(j, "additionalInfo", list);
    return j;
}
