/* Back up now. */
#include "api/call.h"
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "api/instance.h"
#include "base/alloc.h"
#include "base/parse.h"
#include "crypto/crypto.h"

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

/* 32 hexadecimal digits that begin with the time in milliseconds, so that points sort by age: a backup finds its
 * predecessor in the vault by that (plugin/backup.c). */
static void name_point(char out[33])
{
    uint64_t ms = (uint64_t)(kg_now_wall() / 1000);
    uint8_t id[16];

    kg_random(id, sizeof id);
    for (int i = 0; i < 6; i++)
        id[i] = (uint8_t)(ms >> (40 - 8 * i));
    kg_hex(id, sizeof id, out);
}

static void describe_task(struct kg_task *t, const struct kg_target *target, const struct kg_datasource *source,
                          const struct kg_resource *policy, const char *tag)
{
    char point[33];

    name_point(point);
    t->server = kg_xstrdup(source->server_id);
    t->secret = kg_xstrdup(kg_json_str(target->properties, "datasourceAuthCredentials.secretStoreResource.uri"));
    kg_json_set_str(t->params, "point", point);
    kg_json_set_str(t->params, "database", source->database);
    kg_json_set_str(t->params, "datasourceId", source->id);
    kg_json_set_str(t->params, "policy.name", policy->name);
    kg_json_set_str(t->params, "policy.id", policy->id);
    kg_json_set_str(t->params, "policy.tag", tag);
}

int kg_res_backup(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_TARGET struct kg_target target = { 0 };
    KG_AUTO_RESOURCE struct kg_resource policy = { 0 };
    KG_CLEANUP(kg_datasource_done) struct kg_datasource source = { 0 };
    KG_AUTO_TASK struct kg_task *t = NULL;
    KG_AUTO_JOB struct kg_job *job = NULL;
    KG_AUTO_FREE char *tag = NULL;
    KG_AUTO_FREE char *rule = NULL;

    if (kg_target_find(c, &target, err) < 0 || choose_tag(c, &target, &policy, &tag, &rule, err) < 0 ||
        kg_datasource_parse(kg_json_str_or(target.properties, "dataSourceInfo.resourceID", ""), &source, err) < 0)
        return -(int)err->code;
    t = kg_target_task(&target, KG_TASK_BACKUP);
    describe_task(t, &target, &source, &policy, tag);
    if (kg_target_settings(c->body, t, err) < 0)
        return -(int)err->code;
    job = kg_target_job(c, &target, "Backup", "Backup", NULL);
    kg_json_set_str(job->properties, "destinationDataStoreName", "VaultStore");
    kg_job_detail(job, "RetentionTag", tag);
    kg_job_detail(job, "PolicyRuleName", rule);
    kg_job_detail(job, "TaskId", job->id);
    kg_job_detail(job, "RecoveryPointId", kg_json_str(t->params, "point"));
    if (kg_call_prepare(c, t, job, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    (void)tx;
    return kg_call_launch(c, &t, &job, 202, NULL, NULL, err);
}
