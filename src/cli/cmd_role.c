/* Role assignments and definitions, in the shapes of az: the members of "properties" stand beside the others. */
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "crypto/crypto.h"
#include "model/id.h"

#define AUTH        "/providers/Microsoft.Authorization"
#define ASSIGNMENTS AUTH "/roleAssignments"

struct role_opts {
    struct kg_at at;
    const char *assignee, *object_id, *principal_type, *role, *scope, *guid, *description, *action, *name;
    bool all, inherited, data, yes, custom_only;
};
#define T struct role_opts

#define ASSIGNEE_ROW(required_) \
    KG_OPT(T, STRING, "assignee", assignee, "WHO", "a user's name or uid, a vault's name or id, or a principalId", .required = (required_))
#define SCOPE_ROW(required_, help_) \
    KG_OPT(T, STRING, "scope", scope, "ID", help_, .required = (required_))

static const struct kg_opt create_opts[] = {
    ASSIGNEE_ROW(false),
    KG_OPT(T, STRING, "assignee-object-id", object_id, "ID", "principalId, instead of --assignee"),
    KG_OPT(T, STRING, "assignee-principal-type", principal_type, "TYPE", "has no effect", .hidden = true),
    KG_OPT(T, STRING, "role", role, "ROLE", "name or id of the role", .required = true),
    SCOPE_ROW(true, "id of a subscription, a resource group or a resource; / is everything"),
    KG_OPT(T, STRING, "name", guid, "GUID", "name of the assignment, default a new one", .letter = 'n'),
    KG_OPT(T, STRING, "description", description, "TEXT", "has no effect", .hidden = true),
    { 0 },
};
static const struct kg_opt list_opts[] = {
    ASSIGNEE_ROW(false),
    KG_OPT(T, STRING, "role", role, "ROLE", "only of this role"),
    SCOPE_ROW(false, "only at this scope"),
    KG_OPT(T, STRING, "resource-group", at.group, "GROUP", "only at this resource group", .letter = 'g'),
    KG_OPT(T, FLAG, "include-inherited", inherited, NULL, "also those of wider scopes, which count there, too"),
    KG_OPT(T, FLAG, "all", all, NULL, "also those of narrower scopes"),
    { 0 },
};
static const struct kg_opt delete_opts[] = {
    KG_OPT(T, LIST, "ids", at.ids, "ID", "ids of role assignments, instead of the others"),
    ASSIGNEE_ROW(false),
    KG_OPT(T, STRING, "role", role, "ROLE", "name or id of the role"),
    SCOPE_ROW(false, "scope of the assignment"),
    KG_OPT(T, STRING, "resource-group", at.group, "GROUP", "the resource group as the scope", .letter = 'g'),
    KG_OPT_YES_ROW(T),
    { 0 },
};
static const struct kg_opt definition_opts[] = {
    KG_OPT(T, STRING, "name", name, "ROLE", "only this one: its name or id", .letter = 'n'),
    KG_OPT(T, FLAG, "custom-role-only", custom_only, NULL, "only roles that were made here: there are none", .hidden = true),
    { 0 },
};
static const struct kg_opt check_opts[] = {
    ASSIGNEE_ROW(true),
    KG_OPT(T, STRING, "action", action, "ACTION", "such as Microsoft.DataProtection/backupVaults/read",
           .required = true),
    KG_OPT(T, FLAG, "data-action", data, NULL, "the action is one on data: a secret's value, a blob"),
    SCOPE_ROW(true, "id of a subscription, a resource group or a resource; / is everything"),
    { 0 },
};

/* "/…/resourceGroups/g": the scope that was asked for, as paths are put together from it. The caller frees. */
static char *scope_of(const struct kg_cli *cli, const struct role_opts *o)
{
    if (o->scope && strcmp(o->scope, "/") == 0)
        return kg_xstrdup("");
    if (o->scope)
        return kg_xprintf("%s%s", *o->scope == '/' ? "" : "/", o->scope);
    return o->at.group ? kg_id_group(cli->subscription, o->at.group) : kg_id_subscription(cli->subscription);
}

/* As az prints them. Takes j. */
static struct kg_json *flat(struct kg_json *j)
{
    KG_AUTO_JSON struct kg_json *own = j, *properties = kg_json_take(j, "properties");

    for (const struct kg_json *p = kg_json_first(properties); p; p = kg_json_next(p))
        kg_json_add(own, strcmp(kg_json_key(p), "type") == 0 ? "roleType" : kg_json_key(p), kg_json_copy(p));
    return KG_TAKE(own);
}

static int create(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct role_opts *o = opts;
    KG_AUTO_FREE char *scope = scope_of(cli, o), *path = NULL;
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    struct kg_json *made = NULL;
    char guid[37];

    if (!o->assignee == !o->object_id)
        return kg_err_set(err, KG_E_USAGE, "one of --assignee and --assignee-object-id is needed");
    kg_uuid(guid);
    path = kg_xprintf("%s" ASSIGNMENTS "/%s", scope, o->guid ? o->guid : guid);
    kg_json_set_str(body, "properties.roleDefinitionId", o->role);
    kg_json_set_str(body, o->assignee ? "properties.assignee" : "properties.principalId", o->assignee ? o->assignee : o->object_id);
    if (kg_cli_send(cli, "PUT", path, body, false, &made, err) < 0)
        return -(int)err->code;
    kg_cli_emit(cli, made ? flat(made) : NULL);
    return 0;
}

/* ---- finding them ---- */

static const char *last_part(const char *id)
{
    const char *slash = strrchr(id, '/');

    return slash ? slash + 1 : id;
}

static bool is_of(const struct kg_json *a, const struct role_opts *o)
{
    const char *who = o->assignee ? last_part(o->assignee) : NULL, *role = o->role ? last_part(o->role) : NULL;

    if (who && strcasecmp(kg_json_str_or(a, "properties.principalName", ""), who) != 0 &&
        strcasecmp(kg_json_str_or(a, "properties.principalId", ""), who) != 0)
        return false;
    return !role || strcasecmp(kg_json_str_or(a, "properties.roleDefinitionName", ""), role) == 0 ||
           strcasecmp(last_part(kg_json_str_or(a, "properties.roleDefinitionId", "")), role) == 0;
}

/* At the scope itself; wider and narrower ones when they were asked for, or when no scope was. */
static bool is_at(const struct kg_json *a, const struct role_opts *o, const char *scope)
{
    const char *at = kg_json_str_or(a, "properties.scope", "/"), *asked = *scope ? scope : "/";

    if (kg_id_equal(at, asked) || (!o->scope && !o->at.group))
        return true;
    return kg_id_under(at, asked) ? o->all : o->inherited;
}

static int find(struct kg_cli *cli, const struct role_opts *o, const char *scope, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s" ASSIGNMENTS, scope);
    KG_AUTO_JSON struct kg_json *all = NULL;
    struct kg_client *c = NULL;

    if (kg_cli_client(cli, &c, err) < 0 || kg_client_list(c, path, 0, &all, NULL, err) < 0)
        return -(int)err->code;
    *ret = kg_json_array();
    for (const struct kg_json *a = kg_json_first(all); a; a = kg_json_next(a))
        if (is_of(a, o) && is_at(a, o, scope))
            kg_json_push(*ret, flat(kg_json_copy(a)));
    return 0;
}

static int list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct role_opts *o = opts;
    KG_AUTO_FREE char *scope = scope_of(cli, o);
    struct kg_json *found;

    if (find(cli, o, scope, &found, err) < 0)
        return -(int)err->code;
    kg_cli_emit(cli, found);
    return 0;
}

static int delete_one(struct kg_cli *cli, const char *id, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *gone = NULL;

    return kg_cli_send(cli, "DELETE", id, NULL, false, &gone, err);
}

static int delete_found(struct kg_cli *cli, const struct role_opts *o, struct kg_err *err)
{
    KG_AUTO_FREE char *scope = scope_of(cli, o);
    KG_AUTO_JSON struct kg_json *found = NULL;

    if (!o->assignee && !o->role && !o->scope && !o->at.group) {
        kg_err_set(err, KG_E_USAGE, "which role assignments are meant?");
        kg_err_advise(err, "Give --ids, or --assignee with --role and --scope.");
        return -(int)err->code;
    }
    if (find(cli, o, scope, &found, err) < 0)
        return -(int)err->code;
    if (!kg_json_count(found)) {
        kg_err_set(err, KG_E_NOT_FOUND, "there is no such role assignment");
        kg_err_advise(err, "'keepgres role assignment list --all' shows those there are.");
        return -(int)err->code;
    }
    for (const struct kg_json *a = kg_json_first(found); a; a = kg_json_next(a))
        if (delete_one(cli, kg_json_str_or(a, "id", ""), err) < 0)
            return -(int)err->code;
    kg_cli_note(cli, "%zu role assignment%s deleted", kg_json_count(found), kg_json_count(found) == 1 ? "" : "s");
    return 0;
}

static int delete_(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct role_opts *o = opts;

    if (!o->at.ids.n)
        return delete_found(cli, o, err);
    for (size_t i = 0; i < o->at.ids.n; i++)
        if (delete_one(cli, o->at.ids.v[i], err) < 0)
            return -(int)err->code;
    return 0;
}

/* ---- definitions, and what somebody may do ---- */

static int definitions(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct role_opts *o = opts;
    KG_AUTO_FREE char *scope = kg_id_subscription(cli->subscription);
    KG_AUTO_FREE char *path = kg_xprintf("%s" AUTH "/roleDefinitions", scope);
    KG_AUTO_JSON struct kg_json *all = NULL;
    struct kg_json *found = kg_json_array();
    struct kg_client *c = NULL;

    if (kg_cli_client(cli, &c, err) < 0 || kg_client_list(c, path, 0, &all, NULL, err) < 0) {
        kg_json_free(found);
        return -(int)err->code;
    }
    for (const struct kg_json *d = kg_json_first(all); d; d = kg_json_next(d))
        if (!o->custom_only && (!o->name || strcasecmp(kg_json_str_or(d, "name", ""), last_part(o->name)) == 0 ||
                                strcasecmp(kg_json_str_or(d, "properties.roleName", ""), o->name) == 0))
            kg_json_push(found, flat(kg_json_copy(d)));
    kg_cli_emit(cli, found);
    return 0;
}

static int check(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct role_opts *o = opts;
    KG_AUTO_FREE char *scope = scope_of(cli, o), *path = kg_xprintf("%s" AUTH "/checkAccess", scope);
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    struct kg_json *answer = NULL;

    kg_json_set_str(body, "assignee", o->assignee);
    kg_json_set_str(body, "action", o->action);
    kg_json_set_bool(body, "isDataAction", o->data);
    if (kg_cli_send(cli, "POST", path, body, false, &answer, err) < 0)
        return -(int)err->code;
    kg_cli_emit(cli, answer);
    return 0;
}

const struct kg_cmd kg_cmds_role[] = {
    { .name = "role assignment create", .summary = "Let a user, or a vault's identity, do what a role allows",
      .opts = create_opts, .opts_size = sizeof(T), .run = create,
      .about = "It counts at the scope and everywhere below. Assigning what is assigned already changes nothing.",
      .examples = (const char *const[]){ "role assignment create --assignee daemon --role \"Backup Operator\" --scope "
                                         "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/default", NULL } },
    { .name = "role assignment list", .summary = "List who may do what", .opts = list_opts, .opts_size = sizeof(T), .run = list,
      .examples = (const char *const[]){ "role assignment list --all -o table", NULL } },
    { .name = "role assignment delete", .summary = "Take roles back", .opts = delete_opts, .opts_size = sizeof(T), .run = delete_,
      .flags = KG_CMD_CONFIRM, .question = "delete the role assignments",
      .examples = (const char *const[]){ "role assignment delete --assignee daemon --role \"Backup Operator\" --yes", NULL } },
    { .name = "role definition list", .summary = "List the roles there are, and what each allows", .opts = definition_opts,
      .opts_size = sizeof(T), .run = definitions,
      .examples = (const char *const[]){ "role definition list -o table", "role definition list --name \"Backup Operator\"", NULL } },
    { .name = "role check", .summary = "May somebody do an action, and through which assignment?", .opts = check_opts,
      .opts_size = sizeof(T), .run = check,
      .examples = (const char *const[]){ "role check --assignee daemon --scope / "
                                         "--action Microsoft.DataProtection/backupVaults/read", NULL } },
    { 0 },
};
