/* What another policy would mean for an instance: the points that are there keep what was promised them, the next backup is the
 * new policy's. Nothing is changed. */
#include "api/call.h"
#include "api/handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/instance.h"
#include "api/resolve.h"
#include "api/standing.h"
#include "base/alloc.h"
#include "model/policy.h"
#include "policy/promise.h"
#include "policy/schedule.h"

struct tally {
    uint64_t points, held, lost;
    kg_usec first, last;                 /* when the first and the last of them leaves */
    struct kg_json *by_rule;
};

/* The rule's entry, a new one at the end if there is none. */
static struct kg_json *rule_of(struct kg_json *by_rule, const char *tag)
{
    struct kg_json *rule;
    size_t i = 0;
    char path[24];

    for (const struct kg_json *r = kg_json_first(by_rule); r; r = kg_json_next(r), i++)
        if (strcmp(kg_json_str_or(r, "rule", ""), tag) == 0)
            break;
    if (i == kg_json_count(by_rule)) {
        rule = kg_json_object();
        kg_json_set_str(rule, "rule", tag);
        kg_json_push(by_rule, rule);
    }
    snprintf(path, sizeof path, "%zu", i);
    return kg_json_get_mutable(by_rule, path);
}

static int count_point(void *arg, struct kg_point_row *row, struct kg_err *err)
{
    struct tally *t = arg;
    struct kg_life life = kg_promise_read(row->json, row->time);
    kg_usec end = kg_life_end(&life);
    struct kg_json *rule = rule_of(t->by_rule, row->tag);

    (void)err;
    kg_json_set_u64(rule, "recoveryPoints", kg_json_u64(rule, "recoveryPoints", 0) + 1);
    t->points++;
    t->held += kg_promise_is_held(row->json, kg_now_wall());
    t->lost += !life.good;
    if (end && (!t->first || end < t->first))
        t->first = end;
    if (end > t->last)
        t->last = end;
    return 0;
}

static void set_when(struct kg_json *j, const char *key, kg_usec at)
{
    char when[32];

    kg_json_set_str(j, key, at ? kg_time_iso_seconds(at, when) : NULL);
}

static struct kg_json *existing(const struct tally *t, struct kg_json *by_rule)
{
    struct kg_json *j = kg_json_object();

    kg_json_set_u64(j, "recoveryPoints", t->points);
    kg_json_set(j, "byRule", by_rule);
    kg_json_set_u64(j, "held", t->held);
    kg_json_set_u64(j, "lost", t->lost);
    set_when(j, "firstLeaves", t->first);
    set_when(j, "lastLeaves", t->last);
    return j;
}

static struct kg_json *rules_of(const struct kg_policy *p)
{
    struct kg_json *list = kg_json_array();

    for (size_t i = 0; i < p->retention_count; i++)
        kg_json_push_str(list, p->retention[i].name);
    return list;
}

/* 0: it is not scheduled, or the policy cannot be followed. */
static kg_usec next_under(struct kg_call *c, struct kg_resource *instance, const char *policy)
{
    KG_AUTO_STANDS struct kg_stands stands;
    const struct kg_followed *f;

    kg_stands_init(&stands, c->api->catalog);
    kg_json_set_str(instance->json, "properties.policyInfo.policyId", policy); /* of our copy */
    f = kg_stands_policy(&stands, instance);
    return f && f->soonest != KG_NEVER ? f->soonest : 0;
}

static int answer(struct kg_call *c, struct kg_resource *instance, const struct kg_resource *policy, struct kg_err *err)
{
    KG_AUTO_POLICY struct kg_policy *p = NULL;
    KG_AUTO_JSON struct kg_json *by_rule = kg_json_array();
    struct tally t = { .by_rule = by_rule };
    const char *old = kg_json_str(instance->json, "properties.policyInfo.policyId");
    struct kg_json *a;

    if (kg_policy_from_json(policy->json, &p, err) < 0 || kg_each_point(c->api->catalog, instance->id, count_point, &t, err) < 0)
        return -(int)err->code;
    a = kg_json_object();
    kg_json_set_str(a, "backupInstanceId", instance->id);
    kg_json_set_str(a, "oldPolicyId", old);
    kg_json_set_str(a, "newPolicyId", policy->id);
    kg_json_set_bool(a, "changes", !old || !kg_id_equal(old, policy->id));
    kg_json_set(a, "existing", existing(&t, KG_TAKE(by_rule)));
    kg_json_set(a, "newRules", rules_of(p));
    set_when(a, "nextBackupTime", next_under(c, instance, policy->id));
    kg_json_set_str(a, "note", "existing recovery points keep what their policy promised them; new ones are kept as the new policy says");
    return kg_call_answer(c, 200, a, err);
}

int kg_res_policy_change(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource instance = { 0 }, policy = { 0 };
    KG_AUTO_FREE char *id = kg_call_instance_id(c), *vault = kg_call_vault_id(c);
    struct kg_instance_body b = { 0 };
    const char *wanted;
    int r;

    if (kg_json_need_str(c->body, "policyId", &wanted, err) < 0 || kg_catalog_get(c->api->catalog, id, &instance, err) < 0)
        return -(int)err->code;
    b.policy_id = kg_xstrdup(wanted);
    r = kg_instance_check_policy(c, vault, &b, err);
    kg_instance_body_done(&b);
    if (r < 0 || kg_catalog_get(c->api->catalog, wanted, &policy, err) < 0)
        return -(int)err->code;
    return answer(c, &instance, &policy, err);
}
