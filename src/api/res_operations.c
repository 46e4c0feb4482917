/* Asynchronous operations: their state, and what came of them. */
#include "api/call.h"
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "keyvault/access.h"

/* Who began it may look as long as something of what it is about is still his to use: a role there, or an access policy.
 * With what was deleted went the roles for it, too. */
static int still_has_access(const struct kg_call *c, const struct kg_operation_row *op, bool *ret, struct kg_err *err)
{
    static const char *const permissions[] = { "get", "list", "set", "delete" };
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    struct kg_err none = { 0 };

    if (kg_identity_has_role(c->api->identity, &c->who, op->resource ? op->resource : "/", ret, err) < 0)
        return -(int)err->code;
    if (*ret || !op->resource)
        return 0;
    if (kg_catalog_get(c->api->catalog, op->resource, &r, &none) < 0) {
        *ret = none.code == KG_E_NOT_FOUND;
        return 0;
    }
    if (kg_keyvault_uses_rbac(r.json))
        return 0;
    for (size_t i = 0; i < KG_ARRAY_LEN(permissions) && !*ret; i++)
        *ret = kg_keyvault_policy_gives(r.json, c->who.id, permissions[i]);
    return 0;
}

/* The operation of the path. Who did not ask for it may look when he may look at what it is about; whether there is such an
 * operation at all learns only who could look at any here. */
static int find_operation(struct kg_call *c, struct kg_operation_row *ret, struct kg_err *err)
{
    KG_AUTO_OPERATION_ROW struct kg_operation_row op = { 0 };
    const char *action = c->match->route->action;
    struct kg_err none = { 0 };
    bool own = false;

    if (kg_catalog_operation_get(c->api->catalog, kg_call_param(c, "operation"), &op, &none) < 0) {
        if (none.code != KG_E_NOT_FOUND || kg_identity_may(c->api->identity, &c->who, action, c->match->scope, err) == 0)
            *err = none;
        return -(int)err->code;
    }
    if (op.uid == c->who.uid && still_has_access(c, &op, &own, err) < 0)
        return -(int)err->code;
    if (!own && kg_identity_may(c->api->identity, &c->who, action, op.resource ? op.resource : "/", err) < 0)
        return -(int)err->code;
    *ret = op;
    op = (struct kg_operation_row){ 0 };
    return 0;
}

static bool is_state(const struct kg_operation_row *op, const char *state) { return strcasecmp(op->status, state) == 0; }

/* {objectType, jobId} of the operation's job. */
static struct kg_json *job_info(struct kg_call *c, const struct kg_operation_row *op)
{
    KG_AUTO_JOB_ROW struct kg_job_row row = { 0 };
    KG_AUTO_FREE char *id = NULL;
    struct kg_err ignored = { 0 };
    struct kg_json *j;

    if (!op->job || kg_catalog_job_get(c->api->catalog, op->job, &row, &ignored) < 0)
        return NULL;
    id = kg_id_child(row.vault, "backupJobs", row.id);
    j = kg_json_object();
    kg_json_set_str(j, "objectType", "OperationJobExtendedInfo");
    kg_json_set_str(j, "jobId", id);
    return j;
}

/* What was checked before the database counts as protected, and the job of it. */
static struct kg_json *with_report(struct kg_call *c, const struct kg_operation_row *op)
{
    KG_AUTO_JSON struct kg_json *info = job_info(c, op);
    struct kg_json *j = kg_json_copy(op->result);

    kg_json_set_str(j, "objectType", kg_json_str(info, "objectType"));
    kg_json_set_str(j, "jobId", kg_json_str(info, "jobId"));
    return j;
}

/* Results that are told in the status, too: those that are no resource of their own. */
static struct kg_json *status_properties(struct kg_call *c, const struct kg_operation_row *op)
{
    if (op->job && op->result && kg_task_kind_from_name(op->kind) == KG_TASK_PUT_INSTANCE)
        return with_report(c, op);
    if (op->job)
        return job_info(c, op);
    if (kg_task_kind_from_name(op->kind) == KG_TASK_POINT_CONTENTS)
        return NULL; /* part of a resource */
    return op->result ? kg_json_copy(op->result) : NULL; /* of one that failed: the report that says why */
}

int kg_res_operation_status(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_OPERATION_ROW struct kg_operation_row op = { 0 };
    struct kg_json *a, *props;
    char when[32];

    if (find_operation(c, &op, err) < 0)
        return -(int)err->code;
    a = kg_json_object();
    kg_json_set_str(a, "id", kg_call_id(c));
    kg_json_set_str(a, "name", op.id);
    kg_json_set_str(a, "status", op.status);
    kg_json_set_str(a, "startTime", kg_time_iso(op.start, when));
    kg_json_set_str(a, "endTime", op.end ? kg_time_iso(op.end, when) : "0001-01-01T00:00:00Z");
    if ((props = status_properties(c, &op)))
        kg_json_set(a, "properties", props);
    if (op.error)
        kg_json_set(a, "error", kg_json_copy(op.error));
    if (!op.end)
        kg_http_header(c->out, "Retry-After", kg_xstrdup("1"));
    return kg_call_answer(c, 200, a, err);
}

static int answer_running(struct kg_call *c, const struct kg_operation_row *op, struct kg_err *err)
{
    kg_call_follow_headers(c, op->id, kg_call_id(c));
    return kg_call_answer(c, 202, NULL, err);
}

/* How a failed operation is answered: with its own error, under the status that its code stands for. */
static int answer_failed(struct kg_call *c, const struct kg_operation_row *op, struct kg_err *err)
{
    const char *arm = kg_json_str(op->error, "code");
    struct kg_json *body = kg_json_object();

    kg_json_set(body, "error", kg_json_copy(op->error));
    return kg_call_answer(c, kg_code_http(arm ? kg_code_from_arm(arm) : KG_E_BUG), body, err);
}

/* The vault or instance that was put. A new recovery key comes with it, once, and only to who asked for it. */
static int answer_resource(struct kg_call *c, const struct kg_operation_row *op, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    KG_AUTO_SECRET struct kg_secret *key = NULL;

    if (kg_catalog_get(c->api->catalog, op->resource, &r, err) < 0)
        return -(int)err->code;
    if (op->uid == c->who.uid)
        key = c->api->env.take_key(c->api->env.arg, op->id);
    if (key)
        return kg_call_answer_secret(c, kg_resource_answer(&r), "recoveryKey", key, err);
    return kg_call_answer(c, 200, kg_resource_answer(&r), err);
}

static int answer_key(struct kg_call *c, const struct kg_operation_row *op, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *key = op->uid == c->who.uid ? c->api->env.take_key(c->api->env.arg, op->id) : NULL;

    if (key)
        return kg_call_answer_secret(c, kg_json_object(), "recoveryKey", key, err);
    kg_err_set(err, KG_E_NOT_FOUND, "the recovery key has been told already, or was not fetched in time");
    kg_err_advise(err, "Issue another one.");
    return -(int)err->code;
}

static int answer_result(struct kg_call *c, const struct kg_operation_row *op, struct kg_err *err)
{
    switch (kg_task_kind_from_name(op->kind)) {
    case KG_TASK_PUT_VAULT:
    case KG_TASK_PUT_INSTANCE:
        return answer_resource(c, op, err);
    case KG_TASK_RECOVERY_KEY:
        return answer_key(c, op, err);
    case KG_TASK_POINT_CONTENTS:
        return kg_point_contents_answer(c, op, err);
    case KG_TASK_DELETE_INSTANCE:
        return kg_call_answer(c, 204, NULL, err);
    default:
        return kg_call_answer(c, 200, op->result ? kg_json_copy(op->result) : kg_json_object(), err);
    }
}

int kg_res_operation_result(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_OPERATION_ROW struct kg_operation_row op = { 0 };

    if (find_operation(c, &op, err) < 0)
        return -(int)err->code;
    if (!op.end)
        return answer_running(c, &op, err);
    return is_state(&op, "Succeeded") ? answer_result(c, &op, err) : answer_failed(c, &op, err);
}

/* Every action that the route table names, once: what roles can be made of. */
int kg_res_provider_operations(struct kg_call *c, struct kg_err *err)
{
    struct kg_json *array = kg_json_array();

    for (size_t i = 0; i < kg_routes_count; i++) {
        const struct kg_route *r = &kg_routes[i];
        struct kg_json *o;
        bool seen = strncmp(r->action, KG_NS_BACKUP "/", strlen(KG_NS_BACKUP) + 1) != 0;

        for (size_t k = 0; k < i && !seen; k++)
            seen = strcmp(kg_routes[k].action, r->action) == 0;
        if (seen)
            continue;
        o = kg_json_object();
        kg_json_set_str(o, "name", r->action);
        kg_json_set_bool(o, "isDataAction", false);
        kg_json_set_str(o, "display.provider", KG_NS_BACKUP);
        kg_json_set_str(o, "display.operation", r->summary);
        kg_json_set_str(o, "display.description", r->summary);
        kg_json_push(array, o);
    }
    return kg_call_answer_list(c, array, NULL, err);
}
