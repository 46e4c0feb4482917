/* How full vaults are, and were. The last measurement (engine/usage.c) tells what lies in the vault; what recovery points give back
 * when they are restored, and what backups have added since, the catalog knows at this moment.
 *
 *   logical = unique + saved by deduplication;  unique = needed as stored + saved by compression */
#include "api/call.h"
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/resolve.h"
#include "api/usage.h"
#include "base/alloc.h"

#define DAY  (24 * 3600 * KG_SECOND)
#define TYPE KG_TYPE_VAULT "/usage"

struct amounts { uint64_t points, logical, unique, stored; };

static void set_amounts(struct kg_json *j, const struct amounts *a)
{
    kg_json_set_u64(j, "recoveryPoints", a->points);
    kg_json_set_u64(j, "logicalBytes", a->logical);
    kg_json_set_u64(j, "uniqueBytes", a->unique);
    kg_json_set_u64(j, "neededStoredBytes", a->stored);
    kg_json_set_u64(j, "savedByDeduplicationBytes", a->logical > a->unique ? a->logical - a->unique : 0);
    kg_json_set_u64(j, "savedByCompressionBytes", a->unique > a->stored ? a->unique - a->stored : 0);
}

static void add_amounts(struct amounts *to, const struct amounts *a)
{
    to->points += a->points;
    to->logical += a->logical;
    to->unique += a->unique;
    to->stored += a->stored;
}

/* ---- now ---- */

struct asking {
    struct kg_call *c;
    const struct kg_json *sample;    /* the last one, or NULL */
    kg_usec measured;                /* 0: never */
    struct kg_json *instances;       /* NULL: not wanted */
    struct amounts all;
    uint64_t since;                  /* bytes that backups have written since */
};

static const struct kg_json *sample_of(const struct kg_json *sample, const char *guid)
{
    for (const struct kg_json *i = kg_json_first(kg_json_get(sample, "instances")); i; i = kg_json_next(i))
        if (strcasecmp(kg_json_str_or(i, "instance", ""), guid) == 0)
            return i;
    return NULL;
}

static int see_instance(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    struct asking *q = arg;
    const struct kg_json *sample = sample_of(q->sample, kg_json_str_or(r->json, "internal.instance", ""));
    struct kg_point_query all = { .instance = r->id }, added = { .instance = r->id, .from = q->measured + 1 };
    struct kg_point_sum now, since;
    struct amounts a;
    struct kg_json *j;

    if (kg_catalog_point_sum(q->c->api->catalog, &all, &now, err) < 0 ||
        kg_catalog_point_sum(q->c->api->catalog, &added, &since, err) < 0)
        return -(int)err->code;
    a = (struct amounts){ .points = now.count, .logical = now.bytes,
                          .unique = kg_json_u64(sample, "neededBytes", 0) + since.new_bytes,
                          .stored = kg_json_u64(sample, "neededStoredBytes", 0) + since.stored_bytes };
    add_amounts(&q->all, &a);
    q->since += since.stored_bytes;
    if (!q->instances)
        return 0;
    j = kg_json_object();
    kg_json_set_str(j, "backupInstanceId", r->id);
    kg_json_set_str(j, "name", r->name);
    kg_json_set_str(j, "friendlyName", kg_json_str(r->json, "properties.friendlyName"));
    kg_json_set_str(j, "dataStoreType", "VaultStore");
    set_amounts(j, &a);
    kg_json_push(q->instances, j);
    return 0;
}

static struct kg_json *tier_of(const struct asking *q, uint64_t stored)
{
    struct kg_json *list = kg_json_array(), *j = kg_json_object();

    kg_json_set_str(j, "dataStoreType", "VaultStore");
    kg_json_set_u64(j, "storedBytes", stored);
    set_amounts(j, &q->all);
    kg_json_push(list, j);
    return list;
}

/* Newest last, as it is drawn. */
static struct kg_json *history_of(const struct kg_usage_list *l)
{
    struct kg_json *list = kg_json_array();
    char when[32];

    for (size_t i = l->count; i-- > 0;) {
        const struct kg_json *s = l->rows[i].json;
        struct amounts a = { kg_json_u64(s, "recoveryPoints", 0), kg_json_u64(s, "logicalBytes", 0),
                             kg_json_u64(s, "neededBytes", 0), kg_json_u64(s, "neededStoredBytes", 0) };
        struct kg_json *j = kg_json_object();
        KG_AUTO_FREE char *date = kg_xstrndup(kg_time_iso_seconds(l->rows[i].day * DAY, when), 10);

        kg_json_set_str(j, "date", date);
        kg_json_set_u64(j, "storedBytes", kg_json_u64(s, "storedBytes", 0));
        set_amounts(j, &a);
        kg_json_push(list, j);
    }
    return list;
}

int kg_usage_of_vault(struct kg_call *c, const struct kg_resource *vault, bool details, struct kg_json **ret, struct kg_err *err)
{
    struct kg_resource_query instances = { .type = KG_TYPE_INSTANCE, .parent = vault->id };
    KG_AUTO_USAGE_LIST struct kg_usage_list l = { 0 };
    KG_AUTO_FREE char *id = kg_xprintf("%s/usage", vault->id);
    KG_AUTO_JSON struct kg_json *list = details ? kg_json_array() : NULL;
    struct asking q = { .c = c, .instances = list };
    uint64_t stored, known;
    struct kg_json *a, *p;

    if (kg_catalog_usage_list(c->api->catalog, vault->id, details ? 0 : 1, &l, err) < 0)
        return -(int)err->code;
    if (l.count) {
        q.sample = l.rows[0].json;
        (void)kg_time_parse_iso(kg_json_str_or(q.sample, "time", ""), &q.measured);
    }
    if (kg_each_resource(c->api->catalog, &instances, see_instance, &q, err) < 0)
        return -(int)err->code;
    stored = kg_json_u64(q.sample, "storedBytes", 0) + q.since;
    known = kg_json_u64(q.sample, "neededStoredBytes", 0);
    p = kg_json_object();
    kg_json_set_str(p, "measuredTime", kg_json_str(q.sample, "time"));
    kg_json_set_u64(p, "storedBytes", stored);
    kg_json_set_u64(p, "unneededBytes", kg_json_u64(q.sample, "packBytes", 0) > known ? kg_json_u64(q.sample, "packBytes", 0) - known : 0);
    set_amounts(p, &q.all);
    kg_json_set(p, "tiers", tier_of(&q, stored));
    if (details) {
        kg_json_set(p, "instances", KG_TAKE(list));
        kg_json_set(p, "history", history_of(&l));
    }
    a = kg_json_object();
    kg_json_set_str(a, "id", id);
    kg_json_set_str(a, "name", vault->name);
    kg_json_set_str(a, "type", TYPE);
    kg_json_set(a, "properties", p);
    *ret = a;
    return 0;
}

/* ---- handlers ---- */

int kg_res_vault_usage(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource vault = { 0 };
    KG_AUTO_FREE char *id = kg_call_vault_id(c);
    struct kg_json *answer = NULL;

    if (kg_catalog_get(c->api->catalog, id, &vault, err) < 0 || kg_usage_of_vault(c, &vault, true, &answer, err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 200, answer, err);
}

struct listing { struct kg_call *c; struct kg_json *list; };

static int add_vault(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    struct listing *l = arg;
    struct kg_json *answer = NULL;
    bool sees;

    if (kg_call_sees(l->c, r->id, &sees, err) < 0)
        return -(int)err->code;
    if (!sees)
        return 0;
    if (kg_usage_of_vault(l->c, r, false, &answer, err) < 0)
        return -(int)err->code;
    kg_json_push(l->list, answer);
    return 0;
}

int kg_res_vaults_usage(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_FREE char *subscription = kg_id_subscription(kg_call_param(c, "subscription"));
    struct kg_resource_query q = { .type = KG_TYPE_VAULT, .under = subscription };
    KG_AUTO_JSON struct kg_json *array = kg_json_array();
    struct listing l = { c, array };

    if (kg_each_resource(c->api->catalog, &q, add_vault, &l, err) < 0)
        return -(int)err->code;
    return kg_call_answer_list(c, KG_TAKE(array), NULL, err);
}
