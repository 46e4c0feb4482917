/* Access control: role assignments and definitions, what somebody may do, and the audit log. */
#include "api/call.h"
#include "api/handlers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "identity/audit.h"
#include "identity/roles.h"

/* ---- role assignments ---- */

static int read_filter(const struct kg_call *c, const char *key, char *out, size_t size, struct kg_err *err)
{
    *out = '\0';
    return kg_filter_get(kg_query_get(c->query, "$filter"), key, out, size, err);
}

/* The row that the path names, which must be one of the scope in front of it. */
static int find_assignment(struct kg_call *c, struct kg_assignment_list *l, const struct kg_assignment_row **ret, struct kg_err *err)
{
    const char *name = kg_call_param(c, "assignment");

    *ret = NULL;
    if (kg_catalog_assignment_list(c->api->catalog, NULL, l, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < l->count && !*ret; i++)
        if (strcasecmp(l->rows[i].id, name) == 0 && kg_id_equal(l->rows[i].scope, kg_call_id(c)))
            *ret = &l->rows[i];
    return 0;
}

static int no_assignment(const struct kg_call *c, struct kg_err *err)
{
    kg_err_set(err, KG_E_NOT_FOUND, "there is no role assignment '%s' at '%.300s'", kg_call_param(c, "assignment"), kg_call_id(c));
    kg_err_advise(err, "'keepgres role assignment list --all' shows those there are.");
    return -(int)err->code;
}

int kg_res_assignments_list(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_ASSIGNMENT_LIST struct kg_assignment_list l = { 0 };
    KG_AUTO_JSON struct kg_json *array = kg_json_array();
    char principal[64], definition[300], next[24];
    const char *skip = kg_query_get(c->query, "$skipToken");
    const struct kg_role *role = NULL;
    uint64_t first = 0;
    unsigned top;
    size_t i;

    if (read_filter(c, "principalId", principal, sizeof principal, err) < 0 ||
        read_filter(c, "roleDefinitionId", definition, sizeof definition, err) < 0 || kg_call_top(c, &top, err) < 0 ||
        (skip && kg_parse_range(skip, 0, KG_ASSIGNMENTS_MOST, &first, err) < 0) ||
        kg_catalog_assignment_list(c->api->catalog, *principal ? principal : NULL, &l, err) < 0)
        return -(int)err->code;
    if (*definition && !(role = kg_role_find(definition)))
        return kg_call_answer_list(c, KG_TAKE(array), NULL, err);
    for (i = first; i < l.count && kg_json_count(array) < top; i++)
        if ((kg_id_under(l.rows[i].scope, kg_call_id(c)) || kg_id_under(kg_call_id(c), l.rows[i].scope)) &&
            (!role || strcasecmp(l.rows[i].role, role->id) == 0))
            kg_json_push(array, kg_assignment_json(&l.rows[i]));
    snprintf(next, sizeof next, "%zu", i);
    return kg_call_answer_list(c, KG_TAKE(array), i < l.count ? next : NULL, err);
}

int kg_res_assignment_get(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_ASSIGNMENT_LIST struct kg_assignment_list l = { 0 };
    const struct kg_assignment_row *row;

    if (find_assignment(c, &l, &row, err) < 0)
        return -(int)err->code;
    return row ? kg_call_answer(c, 200, kg_assignment_json(row), err) : no_assignment(c, err);
}

static bool is_guid(const char *s)
{
    return strlen(s) == 36 && strspn(s, "0123456789abcdefABCDEF-") == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-';
}

/* Who is meant: a principalId, or what people say instead. */
static int read_principal(struct kg_call *c, const struct kg_json *from, struct kg_principal *ret, struct kg_err *err)
{
    const char *who = kg_json_str(from, "principalId");

    if (!who)
        who = kg_json_str(from, "assignee");
    if (!who || !*who)
        return kg_err_set(err, KG_E_USAGE, "the body does not say who: 'principalId' or 'assignee' is missing");
    return kg_principal_find(c->api->catalog, who, ret, err);
}

static int check_scope(struct kg_call *c, struct kg_err *err)
{
    bool there = true;

    if (strcmp(kg_call_id(c), "/") != 0 && kg_catalog_exists(c->api->catalog, kg_call_id(c), &there, err) < 0)
        return -(int)err->code;
    if (there)
        return 0;
    kg_err_set(err, KG_E_NOT_FOUND, "there is no '%.300s' to assign roles at", kg_call_id(c));
    kg_err_advise(err, "Give the id of a subscription, a resource group or a resource.");
    return -(int)err->code;
}

int kg_res_assignment_put(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_ASSIGNMENT_LIST struct kg_assignment_list l = { 0 };
    const char *name = kg_call_param(c, "assignment"), *role;
    const struct kg_assignment_row *was;
    struct kg_principal p;
    struct kg_json *j;

    if (!is_guid(name))
        return kg_err_set(err, KG_E_USAGE, "the name of a role assignment is a GUID, not '%.80s'", name);
    if (kg_call_need_body(c, err) < 0 || kg_json_need_str(c->body, "properties.roleDefinitionId", &role, err) < 0 ||
        read_principal(c, kg_json_get(c->body, "properties"), &p, err) < 0 || check_scope(c, err) < 0 ||
        find_assignment(c, &l, &was, err) < 0 ||
        kg_identity_assign(c->api->identity, role, &p, kg_call_id(c), name, &c->who, &j, err) < 0)
        return -(int)err->code;
    kg_call_note_assignment(c, j);
    return kg_call_answer(c, was ? 200 : 201, j, err);
}

int kg_res_assignment_delete(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_ASSIGNMENT_LIST struct kg_assignment_list l = { 0 };
    const struct kg_assignment_row *row;
    struct kg_json *j;

    if (find_assignment(c, &l, &row, err) < 0)
        return -(int)err->code;
    if (!row)
        return kg_call_answer(c, 204, NULL, err);
    if (kg_catalog_assignment_delete(c->api->catalog, row->id, err) < 0)
        return -(int)err->code;
    j = kg_assignment_json(row);
    kg_call_note_assignment(c, j);
    return kg_call_answer(c, 200, j, err);
}

/* ---- roles ---- */

int kg_res_definitions_list(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *array = kg_json_array();
    char name[100];

    if (read_filter(c, "roleName", name, sizeof name, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < kg_roles_count; i++)
        if (!*name || strcasecmp(kg_roles[i].name, name) == 0)
            kg_json_push(array, kg_role_json(&kg_roles[i]));
    return kg_call_answer_list(c, KG_TAKE(array), NULL, err);
}

int kg_res_definition_get(struct kg_call *c, struct kg_err *err)
{
    const struct kg_role *role = kg_role_find(kg_call_param(c, "definition"));

    if (!role)
        return kg_err_set(err, KG_E_NOT_FOUND, "there is no role '%s'", kg_call_param(c, "definition"));
    return kg_call_answer(c, 200, kg_role_json(role), err);
}

/* ---- may they? ---- */

static char *assignment_id(const struct kg_may *may)
{
    struct kg_assignment_row row = { .id = (char *)(uintptr_t)may->assignment, .scope = (char *)(uintptr_t)may->scope };

    return kg_assignment_id(&row);
}

int kg_res_check_access(struct kg_call *c, struct kg_err *err)
{
    struct kg_principal p;
    struct kg_json *j;
    struct kg_may may;
    const char *action;

    if (kg_call_need_body(c, err) < 0 || kg_json_need_str(c->body, "action", &action, err) < 0 ||
        read_principal(c, c->body, &p, err) < 0 ||
        kg_identity_check(c->api->identity, &p, action, kg_json_bool(c->body, "isDataAction", false), kg_call_id(c), &may, err) < 0)
        return -(int)err->code;
    j = kg_json_object();
    kg_json_set_bool(j, "allowed", may.allowed);
    kg_json_set_str(j, "principalId", p.id);
    kg_json_set_str(j, "principalName", p.name);
    kg_json_set_str(j, "action", action);
    kg_json_set_str(j, "scope", kg_call_id(c));
    kg_json_set_str(j, "roleDefinitionName", may.allowed ? may.role : NULL);
    kg_json_set_str(j, "roleAssignmentScope", may.allowed ? may.scope : NULL);
    if (may.allowed && *may.assignment) {
        KG_AUTO_FREE char *id = assignment_id(&may);

        kg_json_set_str(j, "roleAssignmentId", id);
    } else {
        kg_json_set_str(j, "roleAssignmentId", NULL); /* the user the service runs as needs none */
    }
    return kg_call_answer(c, 200, j, err);
}

/* ---- audit ---- */

int kg_res_audit_list(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_AUDIT_LIST struct kg_audit_list l = { 0 };
    KG_AUTO_JSON struct kg_json *array = kg_json_array();
    const char *skip = kg_query_get(c->query, "$skipToken"), *by = kg_query_get(c->query, "$orderby");
    enum kg_audit_order order = by && strcasecmp(by, "seq asc") == 0 ? KG_AUDIT_OLDEST_FIRST : KG_AUDIT_NEWEST_FIRST;
    char principal[64], next[24];
    uint64_t after = 0;
    unsigned top;

    if (read_filter(c, "principalId", principal, sizeof principal, err) < 0 || kg_call_top(c, &top, err) < 0 ||
        (skip && kg_parse_range(skip, 0, INT64_MAX, &after, err) < 0) ||
        (!skip && kg_refusals_flush(c->api->refusals, c->api->catalog, err) < 0) ||
        kg_catalog_audit_list(c->api->catalog, *principal ? principal : NULL, order, after, top, &l, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < l.count; i++)
        kg_json_push(array, kg_audit_json(&l.rows[i]));
    snprintf(next, sizeof next, "%" PRIu64, l.next);
    return kg_call_answer_list(c, KG_TAKE(array), l.next ? next : NULL, err);
}
