/* Back up now. */
#include "api/call.h"
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "api/instance.h"
#include "base/alloc.h"

/* The policy of the instance, and the tag that the point gets. Until schedules decide, a request that names no tag gets
 * the default rule's. */
static int choose_tag(struct kg_call *c, const struct kg_target *t, struct kg_resource *ret_policy, char **ret_tag,
                      char **ret_rule, struct kg_err *err)
{
    const char *id = kg_json_str_or(t->properties, "policyInfo.policyId", "");
    KG_AUTO_POLICY struct kg_policy *policy = NULL;
    const char *tag;

    if (kg_catalog_get(c->api->catalog, id, ret_policy, err) < 0 ||
        kg_policy_from_json(ret_policy->json, &policy, err) < 0 || kg_backup_request_parse(c->body, policy, &tag, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; !tag && i < policy->retention_count; i++)
        if (policy->retention[i].is_default)
            tag = policy->retention[i].name;
    *ret_tag = kg_xstrdup(tag ? tag : "Default");
    *ret_rule = kg_xstrdup(policy->rule_name);
    return 0;
}

int kg_res_backup(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_TARGET struct kg_target target = { 0 };
    KG_AUTO_RESOURCE struct kg_resource policy = { 0 };
    KG_AUTO_TASK struct kg_task *t = NULL;
    KG_AUTO_JOB struct kg_job *job = NULL;
    KG_AUTO_FREE char *tag = NULL;
    KG_AUTO_FREE char *rule = NULL;

    if (kg_target_find(c, KG_TARGET_BACKUP, &target, err) < 0 || choose_tag(c, &target, &policy, &tag, &rule, err) < 0 ||
        kg_backup_task(&target, &policy, tag, &t, err) < 0 || kg_target_settings(c->body, t, err) < 0)
        return -(int)err->code;
    job = kg_backup_job(&target, t, rule, c->activity, c->who.name);
    if (kg_call_prepare(c, t, job, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    (void)tx;
    return kg_call_launch(c, &t, &job, 202, NULL, NULL, err);
}
