/* How full vaults are, and were, with both their datastores. The last measurement (engine/usage.c) tells what lies there; what
 * recovery points give back when they are restored, and what backups have added since, the catalog knows at this moment.
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
#include "model/policy.h"

#define DAY  (24 * 3600 * KG_SECOND)
#define TYPE KG_TYPE_VAULT "/usage"

struct amounts { uint64_t points, logical, unique, needed; };

static void set_amounts(struct kg_json *j, const struct amounts *a)
{
    kg_json_set_u64(j, "recoveryPoints", a->points);
    kg_json_set_u64(j, "logicalBytes", a->logical);
    kg_json_set_u64(j, "uniqueBytes", a->unique);
    kg_json_set_u64(j, "neededStoredBytes", a->needed);
    kg_json_set_u64(j, "savedByDeduplicationBytes", a->logical > a->unique ? a->logical - a->unique : 0);
    kg_json_set_u64(j, "savedByCompressionBytes", a->unique > a->needed ? a->unique - a->needed : 0);
}

static void add_amounts(struct amounts *to, const struct amounts *a)
{
    to->points += a->points;
    to->logical += a->logical;
    to->unique += a->unique;
    to->needed += a->needed;
}

/* ---- datastores ---- */

/* One of the two, or, added up, both. */
struct tier { struct amounts all; uint64_t stored, packs, written; };

static const enum kg_datastore stores[] = { KG_DATASTORE_VAULT, KG_DATASTORE_ARCHIVE };
enum { TIERS = KG_ARRAY_LEN(stores) };

/* What a sample says of a datastore; NULL: nothing, as of an archive that is not there. */
static const struct kg_json *part_of(const struct kg_json *sample, enum kg_datastore store)
{
    return store == KG_DATASTORE_ARCHIVE ? kg_json_get(sample, "archive") : sample;
}

static bool has_tier(const struct kg_json *sample, size_t i, const struct tier *t)
{
    return stores[i] == KG_DATASTORE_VAULT || part_of(sample, stores[i]) || t[i].all.points;
}

/* Both together. A recovery point with two copies is one, but its copies give back, and need, what they do. */
static struct tier add_up(const struct tier t[TIERS], uint64_t points)
{
    struct tier sum = { .stored = 0 };

    for (size_t i = 0; i < TIERS; i++) {
        add_amounts(&sum.all, &t[i].all);
        sum.stored += t[i].stored;
        sum.packs += t[i].packs;
        sum.written += t[i].written;
    }
    sum.all.points = points;
    return sum;
}

static void set_tier(struct kg_json *j, const struct tier *t)
{
    kg_json_set_u64(j, "storedBytes", t->stored);
    kg_json_set_u64(j, "unneededBytes", t->packs > t->written ? t->packs - t->written : 0);
    set_amounts(j, &t->all);
}

static struct kg_json *tiers_of(const struct kg_json *sample, const struct tier t[TIERS])
{
    struct kg_json *list = kg_json_array();

    for (size_t i = 0; i < TIERS; i++) {
        struct kg_json *j;

        if (!has_tier(sample, i, t))
            continue;
        j = kg_json_object();
        kg_json_set_str(j, "dataStoreType", kg_datastore_to_text(stores[i]));
        set_tier(j, &t[i]);
        kg_json_push(list, j);
    }
    return list;
}

/* What was found there; the amounts are left to the caller. */
static void read_measured(const struct kg_json *sample, struct tier t[TIERS])
{
    for (size_t i = 0; i < TIERS; i++) {
        const struct kg_json *part = part_of(sample, stores[i]);

        t[i].stored = kg_json_u64(part, "storedBytes", 0);
        t[i].packs = kg_json_u64(part, "packBytes", 0);
        t[i].written = kg_json_u64(part, "neededStoredBytes", 0);
    }
}

/* ---- now ---- */

struct asking {
    struct kg_call *c;
    const struct kg_json *sample;    /* the last one, or NULL */
    kg_usec measured;                /* 0: never */
    struct kg_json *instances;       /* NULL: not wanted */
    struct tier tier[TIERS];
    uint64_t points;                 /* each once */
};

static const struct kg_json *sample_of(const struct kg_json *part, const char *guid)
{
    for (const struct kg_json *i = kg_json_first(kg_json_get(part, "instances")); i; i = kg_json_next(i))
        if (strcasecmp(kg_json_str_or(i, "instance", ""), guid) == 0)
            return i;
    return NULL;
}

static void add_instance(struct asking *q, const struct kg_resource *r, enum kg_datastore store, const struct amounts *a)
{
    struct kg_json *j;

    if (!q->instances || (store != KG_DATASTORE_VAULT && !a->points && !a->needed))
        return;
    j = kg_json_object();
    kg_json_set_str(j, "backupInstanceId", r->id);
    kg_json_set_str(j, "name", r->name);
    kg_json_set_str(j, "friendlyName", kg_json_str(r->json, "properties.friendlyName"));
    kg_json_set_str(j, "dataStoreType", kg_datastore_to_text(store));
    set_amounts(j, a);
    kg_json_push(q->instances, j);
}

/* Backups write to the VaultStore: that one has grown since by what they say. */
static int see_tier(struct asking *q, const struct kg_resource *r, size_t i, struct kg_err *err)
{
    const struct kg_json *m = sample_of(part_of(q->sample, stores[i]), kg_json_str_or(r->json, "internal.instance", ""));
    struct kg_point_query here = { .instance = r->id, .copy_in = kg_datastore_to_text(stores[i]) };
    struct kg_point_query added = { .instance = r->id, .from = q->measured + 1 };
    struct kg_point_sum now, since = { 0 };
    struct amounts a;

    if (kg_catalog_point_sum(q->c->api->catalog, &here, &now, err) < 0 ||
        (stores[i] == KG_DATASTORE_VAULT && kg_catalog_point_sum(q->c->api->catalog, &added, &since, err) < 0))
        return -(int)err->code;
    a = (struct amounts){ .points = now.count, .logical = now.bytes,
                          .unique = kg_json_u64(m, "neededBytes", 0) + since.new_bytes,
                          .needed = kg_json_u64(m, "neededStoredBytes", 0) + since.stored_bytes };
    add_amounts(&q->tier[i].all, &a);
    q->tier[i].stored += since.stored_bytes;
    add_instance(q, r, stores[i], &a);
    return 0;
}

static int see_instance(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    struct asking *q = arg;
    struct kg_point_query all = { .instance = r->id };
    uint64_t n;

    if (kg_catalog_point_count(q->c->api->catalog, &all, &n, err) < 0)
        return -(int)err->code;
    q->points += n;
    for (size_t i = 0; i < TIERS; i++)
        if (see_tier(q, r, i, err) < 0)
            return -(int)err->code;
    return 0;
}

/* ---- before ---- */

static struct kg_json *history_entry(const struct kg_json *sample, int64_t day)
{
    struct kg_json *j = kg_json_object();
    struct tier t[TIERS] = { { .stored = 0 } }, sum;
    char when[32];
    KG_AUTO_FREE char *date = kg_xstrndup(kg_time_iso_seconds(day * DAY, when), 10);

    read_measured(sample, t);
    for (size_t i = 0; i < TIERS; i++) {
        const struct kg_json *part = part_of(sample, stores[i]);

        t[i].all = (struct amounts){ kg_json_u64(part, "recoveryPoints", 0), kg_json_u64(part, "logicalBytes", 0),
                                     kg_json_u64(part, "neededBytes", 0), kg_json_u64(part, "neededStoredBytes", 0) };
    }
    sum = add_up(t, kg_json_u64(sample, "points", t[0].all.points));
    kg_json_set_str(j, "date", date);
    set_tier(j, &sum);
    kg_json_set(j, "tiers", tiers_of(sample, t));
    return j;
}

/* Newest last, as it is drawn. */
static struct kg_json *history_of(const struct kg_usage_list *l)
{
    struct kg_json *list = kg_json_array();

    for (size_t i = l->count; i-- > 0;)
        kg_json_push(list, history_entry(l->rows[i].json, l->rows[i].day));
    return list;
}

int kg_usage_of_vault(struct kg_call *c, const struct kg_resource *vault, bool details, struct kg_json **ret, struct kg_err *err)
{
    struct kg_resource_query instances = { .type = KG_TYPE_INSTANCE, .parent = vault->id };
    KG_AUTO_USAGE_LIST struct kg_usage_list l = { 0 };
    KG_AUTO_FREE char *id = kg_xprintf("%s/usage", vault->id);
    KG_AUTO_JSON struct kg_json *list = details ? kg_json_array() : NULL;
    struct asking q = { .c = c, .instances = list };
    struct kg_json *a, *p;
    struct tier sum;

    if (kg_catalog_usage_list(c->api->catalog, vault->id, details ? 0 : 1, &l, err) < 0)
        return -(int)err->code;
    if (l.count) {
        q.sample = l.rows[0].json;
        (void)kg_time_parse_iso(kg_json_str_or(q.sample, "time", ""), &q.measured);
    }
    read_measured(q.sample, q.tier);
    if (kg_each_resource(c->api->catalog, &instances, see_instance, &q, err) < 0)
        return -(int)err->code;
    sum = add_up(q.tier, q.points);
    p = kg_json_object();
    kg_json_set_str(p, "measuredTime", kg_json_str(q.sample, "time"));
    set_tier(p, &sum);
    kg_json_set(p, "tiers", tiers_of(q.sample, q.tier));
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
