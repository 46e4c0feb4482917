#include <string.h>

#include "json/json.h"
#include "keepgres/client.h"

/* What a status means when the name beside it is one we do not know. */
static const struct { int http; enum kg_code code; } by_status[] = {
    { 400, KG_E_USAGE }, { 401, KG_E_DENIED }, { 403, KG_E_DENIED }, { 404, KG_E_NOT_FOUND }, { 405, KG_E_METHOD },
    { 409, KG_E_CONFLICT }, { 413, KG_E_LIMIT }, { 429, KG_E_BUSY }, { 500, KG_E_BUG }, { 503, KG_E_NO_SERVICE },
    { 504, KG_E_TIMEOUT },
};

static enum kg_code code_of(const char *arm, int status)
{
    enum kg_code code = arm ? kg_code_from_arm(arm) : KG_E_BUG;

    if (code != KG_E_OK && (code != KG_E_BUG || (arm && strcmp(arm, kg_code_arm(KG_E_BUG)) == 0)))
        return code;
    for (size_t i = 0; i < sizeof by_status / sizeof by_status[0]; i++)
        if (by_status[i].http == status)
            return by_status[i].code;
    return KG_E_NO_REPLY;
}

/* Where recommendedAction stands in an ARM error, and in a UserFacingError. */
static const char *const action_paths[] = { "additionalInfo.0.info.recommendedAction.0", "recommendedAction.0",
                                            "recommendedAction" };

int kg_err_from_arm(const struct kg_json *error, int status, struct kg_err *err)
{
    const char *arm = kg_json_str(error, "code");
    const char *message = kg_json_str(error, "message");
    enum kg_code code = code_of(arm, status);

    if (message && message[0])
        kg_err_set(err, code, "%s", message);
    else if (arm)
        kg_err_set(err, code, "%s", arm);
    else
        kg_err_set(err, code, "the service answered with HTTP status %d and no explanation", status);
    for (size_t i = 0; i < sizeof action_paths / sizeof action_paths[0]; i++) {
        const char *action = kg_json_str(error, action_paths[i]);

        if (action && action[0]) {
            kg_err_advise(err, "%s", action);
            break;
        }
    }
    return -(int)err->code;
}
