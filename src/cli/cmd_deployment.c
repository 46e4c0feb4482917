/* Deploying the template that 'backup-instance role-template' prints: role assignments, access policies of key vaults, and
 * access to servers; nothing else is a resource here that a template makes. */
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "model/id.h"
#include "model/resources.h"

enum { DEPTH_MAX = 4 };

struct deployment_opts {
    struct kg_at at;
    const char *location, *deployment;
    struct kg_json *template;
};
#define T struct deployment_opts

static const struct kg_opt create_opts[] = {
    KG_OPT(T, JSON, "template-file", template, "FILE", "the template: a file, or JSON", .letter = 'f', .required = true),
    KG_OPT(T, STRING, "location", location, "REGION", "has no effect", .letter = 'l'),
    KG_OPT(T, STRING, "name", deployment, "NAME", "has no effect", .letter = 'n', .hidden = true),
    { 0 },
};

static int deploy(struct kg_cli *cli, const struct kg_json *template, const char *at, unsigned depth, struct kg_json *made,
                  struct kg_err *err);

static int put(struct kg_cli *cli, const char *path, const struct kg_json *body, struct kg_json *made, struct kg_err *err)
{
    struct kg_json *answer = NULL;

    if (kg_cli_send(cli, "PUT", path, body, false, &answer, err) < 0)
        return kg_err_wrap(err, "'%s'", path);
    if (answer)
        kg_json_push(made, answer);
    return 0;
}

static int deploy_role(struct kg_cli *cli, const struct kg_json *r, const char *at, struct kg_json *made, struct kg_err *err)
{
    const char *scope = kg_json_str(r, "scope"), *name;
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    KG_AUTO_FREE char *path = NULL;

    if (kg_json_need_str(r, "name", &name, err) < 0)
        return -(int)err->code;
    path = kg_xprintf("%s%s%s/providers/Microsoft.Authorization/roleAssignments/%s", at, scope ? "/providers/" : "",
                      scope ? scope : "", name);
    kg_json_set(body, "properties", kg_json_copy(kg_json_get(r, "properties")));
    return put(cli, path, body, made, err);
}

/* The resource that a template changes a part of: "pg1/AllowAllWindowsAzureIps" is of pg1. Its path, and {tags, properties}. */
static int read_owner(struct kg_cli *cli, const struct kg_json *r, const char *at, const char *type, char **ret_path,
                      struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *resource = NULL, *body = kg_json_object();
    const char *name;

    if (kg_json_need_str(r, "name", &name, err) < 0)
        return -(int)err->code;
    *ret_path = kg_xprintf("%s/providers/%s/%.*s", at, type, (int)strcspn(name, "/"), name);
    if (kg_cli_get(cli, *ret_path, &resource, err) < 0)
        return -(int)err->code;
    kg_json_set(body, "properties", kg_json_take(resource, "properties"));
    if (kg_json_type(kg_json_get(body, "properties")) != KG_JSON_OBJECT)
        return kg_err_set(err, KG_E_NO_REPLY, "'%s' has no properties", *ret_path);
    *ret = KG_TAKE(body);
    return 0;
}

static int deploy_policies(struct kg_cli *cli, const struct kg_json *r, const char *at, struct kg_json *made, struct kg_err *err)
{
    KG_AUTO_FREE char *path = NULL;
    KG_AUTO_JSON struct kg_json *body = NULL;
    struct kg_json *list, *entry;

    if (read_owner(cli, r, at, KG_TYPE_KEYVAULT, &path, &body, err) < 0)
        return -(int)err->code;
    if (kg_json_type(kg_json_get(body, "properties.accessPolicies")) != KG_JSON_ARRAY)
        kg_json_set(body, "properties.accessPolicies", kg_json_array());
    list = kg_json_get_mutable(body, "properties.accessPolicies");
    for (const struct kg_json *p = kg_json_first(kg_json_get(r, "properties.accessPolicies")); p; p = kg_json_next(p)) {
        entry = kg_json_copy(p);
        kg_json_remove(entry, "tenantId"); /* an expression: this subscription's own */
        kg_json_push(list, entry);
    }
    return put(cli, path, body, made, err);
}

static int deploy_access(struct kg_cli *cli, const struct kg_json *r, const char *at, const char *type, struct kg_json *made,
                         struct kg_err *err)
{
    KG_AUTO_FREE char *path = NULL;
    KG_AUTO_JSON struct kg_json *body = NULL;

    if (read_owner(cli, r, at, type, &path, &body, err) < 0)
        return -(int)err->code;
    kg_json_set_bool(body, "properties.allowAccess", true);
    return put(cli, path, body, made, err);
}

static int deploy_nested(struct kg_cli *cli, const struct kg_json *r, unsigned depth, struct kg_json *made, struct kg_err *err)
{
    const char *subscription = kg_json_str(r, "subscriptionId"), *group = kg_json_str(r, "resourceGroup");
    const struct kg_json *template = kg_json_get(r, "properties.template");
    KG_AUTO_FREE char *at = NULL;

    if (!template || depth == DEPTH_MAX)
        return kg_err_set(err, KG_E_USAGE, "a nested deployment has no template of its own, or there are too many levels");
    if (!subscription)
        subscription = cli->subscription;
    at = group ? kg_id_group(subscription, group) : kg_id_subscription(subscription);
    return deploy(cli, template, at, depth + 1, made, err);
}

static int deploy_one(struct kg_cli *cli, const struct kg_json *r, const char *at, unsigned depth, struct kg_json *made,
                      struct kg_err *err)
{
    const char *type;

    if (kg_json_need_str(r, "type", &type, err) < 0)
        return -(int)err->code;
    if (strcasecmp(type, "Microsoft.Resources/deployments") == 0)
        return deploy_nested(cli, r, depth, made, err);
    if (strcasecmp(type, "Microsoft.Authorization/roleAssignments") == 0)
        return deploy_role(cli, r, at, made, err);
    if (strcasecmp(type, KG_TYPE_KEYVAULT "/accessPolicies") == 0)
        return deploy_policies(cli, r, at, made, err);
    if (strcasecmp(type, KG_TYPE_SERVER "/firewallRules") == 0)
        return deploy_access(cli, r, at, KG_TYPE_SERVER, made, err);
    if (strcasecmp(type, KG_TYPE_FLEXIBLE "/firewallRules") == 0)
        return deploy_access(cli, r, at, KG_TYPE_FLEXIBLE, made, err);
    kg_err_set(err, KG_E_UNSUPPORTED, "a template cannot make a '%.100s' here", type);
    kg_err_advise(err, "Deploy what 'keepgres backup-instance role-template' prints.");
    return -(int)err->code;
}

static int deploy(struct kg_cli *cli, const struct kg_json *template, const char *at, unsigned depth, struct kg_json *made,
                  struct kg_err *err)
{
    const struct kg_json *resources;

    if (kg_json_need(template, "resources", KG_JSON_ARRAY, &resources, err) < 0)
        return -(int)err->code;
    for (const struct kg_json *r = kg_json_first(resources); r; r = kg_json_next(r))
        if (deploy_one(cli, r, at, depth, made, err) < 0)
            return -(int)err->code;
    return 0;
}

static int create(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct deployment_opts *o = opts;
    KG_AUTO_FREE char *at = kg_id_subscription(cli->subscription);
    struct kg_json *made = kg_json_array();
    int r = deploy(cli, o->template, at, 0, made, err);

    for (const struct kg_json *s = kg_json_first(kg_json_get(o->template, "metadata.manualSteps")); s && r == 0; s = kg_json_next(s))
        kg_cli_warn(cli, "left to do by hand: %s", kg_json_value_str(s) ? kg_json_value_str(s) : "?");
    kg_cli_emit(cli, made); /* also what was made before a failure */
    return r;
}

const struct kg_cmd kg_cmds_deployment[] = {
    { .name = "deployment sub create", .summary = "Deploy a template of role assignments", .opts = create_opts,
      .opts_size = sizeof(T), .run = create,
      .about = "For the administrator who was given what 'backup-instance role-template' prints. Deploying it again changes "
               "nothing.",
      .examples = (const char *const[]){ "deployment sub create -l local --template-file roles.json", NULL } },
    { 0 },
};
