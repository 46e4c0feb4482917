#include "cli/shape.h"

#include <stdint.h>
#include <strings.h>

#include "base/alloc.h"

static void fill(struct kg_json *j, const char *const *keys, size_t n)
{
    for (size_t i = 0; kg_json_type(j) == KG_JSON_OBJECT && i < n; i++)
        if (!kg_json_get(j, keys[i]))
            kg_json_set(j, keys[i], NULL);
}

/* Calls fn for every element. They are written through: the array is the caller's own. */
static void each(struct kg_json *array, void (*fn)(struct kg_json *))
{
    if (kg_json_type(array) == KG_JSON_ARRAY)
        for (const struct kg_json *c = kg_json_first(array); c; c = kg_json_next(c))
            fn((struct kg_json *)(uintptr_t)c);
}

static void shape_criterion(struct kg_json *criterion)
{
    static const char *const members[] = { "absoluteCriteria", "daysOfMonth", "daysOfTheWeek", "monthsOfYear",
                                           "scheduleTimes", "weeksOfTheMonth" };

    fill(criterion, members, KG_ARRAY_LEN(members));
}

static void shape_tag(struct kg_json *tag)
{
    static const char *const members[] = { "criteria" }, *const info[] = { "eTag" };

    fill(tag, members, KG_ARRAY_LEN(members));
    fill(kg_json_get_mutable(tag, "tagInfo"), info, KG_ARRAY_LEN(info));
    each(kg_json_get_mutable(tag, "criteria"), shape_criterion);
}

static void shape_rule(struct kg_json *rule) { each(kg_json_get_mutable(rule, "trigger.taggingCriteria"), shape_tag); }
static void shape_policy(struct kg_json *policy) { each(kg_json_get_mutable(policy, "properties.policyRules"), shape_rule); }

static void shape_vault(struct kg_json *vault)
{
    static const char *const members[] = { "eTag", "identity", "systemData", "tags" };

    fill(vault, members, KG_ARRAY_LEN(members));
}

static void shape_instance(struct kg_json *instance)
{
    static const char *const members[] = { "systemData", "tags" };

    fill(instance, members, KG_ARRAY_LEN(members));
}

static const struct {
    const char *type;
    void (*shape)(struct kg_json *);
} shapes[] = {
    { "Microsoft.DataProtection/backupVaults", shape_vault },
    { "Microsoft.DataProtection/backupVaults/backupPolicies", shape_policy },
    { "Microsoft.DataProtection/backupVaults/backupInstances", shape_instance },
};

void kg_shape(struct kg_json *result)
{
    const char *type = kg_json_type(result) == KG_JSON_OBJECT ? kg_json_str(result, "type") : NULL;

    each(result, kg_shape);
    for (size_t i = 0; type && i < KG_ARRAY_LEN(shapes); i++)
        if (strcasecmp(type, shapes[i].type) == 0) {
            shapes[i].shape(result);
            break;
        }
}
