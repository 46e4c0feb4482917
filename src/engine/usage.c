/* How full the vaults and their archives are: measured by workers from their own indexes and manifests, after something changed
 * and at least once a day; one sample a day is kept. Between two measurements the API adds what backups say they added. */
#include "engine/engine_int.h"

#include <string.h>
#include <strings.h>

#include "api/resolve.h"
#include "base/alloc.h"
#include "base/log.h"
#include "model/id.h"
#include "model/policy.h"
#include "model/resources.h"

#define DAY        (24 * 3600 * KG_SECOND)
#define FIRST_LOOK (30 * KG_SECOND)
#define BEGAN      "measured"      /* in the task: when */

static char *key_of(const char *vault) { return kg_xprintf("usage-changed:%s", vault); }

int kg_usage_changed(struct kg_engine *e, const char *vault, struct kg_err *err)
{
    KG_AUTO_FREE char *key = key_of(vault);
    char when[32];

    return kg_catalog_value_set(e->catalog, key, kg_time_iso(kg_now_wall(), when), err);
}

/* ---- the sample ---- */

/* One datastore: what the worker found there, and what the catalog knows of the recovery points that have a copy there. */
struct summing {
    struct kg_engine *e;
    const struct kg_json *measured;
    enum kg_datastore store;
    struct kg_json *list;
    struct kg_point_sum sum;
};

static const struct kg_json *find_measured(const struct kg_json *result, const char *guid)
{
    for (const struct kg_json *i = kg_json_first(kg_json_get(result, "instances")); i; i = kg_json_next(i))
        if (strcasecmp(kg_json_str_or(i, "instance", ""), guid) == 0)
            return i;
    return NULL;
}

static int add_instance(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    struct summing *s = arg;
    const char *guid = kg_json_str_or(r->json, "internal.instance", "");
    const struct kg_json *m = find_measured(s->measured, guid);
    struct kg_point_query q = { .instance = r->id, .copy_in = kg_datastore_to_text(s->store) };
    struct kg_point_sum sum;
    struct kg_json *j;

    if (kg_catalog_point_sum(s->e->catalog, &q, &sum, err) < 0)
        return -(int)err->code;
    j = kg_json_object();
    kg_json_set_str(j, "instance", guid);
    kg_json_set_u64(j, "neededBytes", kg_json_u64(m, "neededBytes", 0));
    kg_json_set_u64(j, "neededStoredBytes", kg_json_u64(m, "neededStoredBytes", 0));
    kg_json_set_u64(j, "logicalBytes", sum.bytes);
    kg_json_set_u64(j, "recoveryPoints", sum.count);
    kg_json_push(s->list, j);
    s->sum.bytes += sum.bytes;
    s->sum.count += sum.count;
    return 0;
}

static int add_store(struct kg_engine *e, const char *vault, const struct kg_json *measured, enum kg_datastore store,
                     struct kg_json *sample, struct kg_err *err)
{
    static const char *const numbers[] = { "storedBytes", "packBytes", "plainBytes", "neededBytes", "neededStoredBytes" };
    struct kg_resource_query q = { .type = KG_TYPE_INSTANCE, .parent = vault };
    struct summing s = { .e = e, .measured = measured, .store = store };

    for (size_t i = 0; i < KG_ARRAY_LEN(numbers); i++)
        kg_json_set_u64(sample, numbers[i], kg_json_u64(measured, numbers[i], 0));
    kg_json_set(sample, "instances", s.list = kg_json_array());
    if (kg_each_resource(e->catalog, &q, add_instance, &s, err) < 0)
        return -(int)err->code;
    kg_json_set_u64(sample, "logicalBytes", s.sum.bytes);
    kg_json_set_u64(sample, "recoveryPoints", s.sum.count);
    return 0;
}

/* An archive that could not be looked at is taken to be as it was. */
static int add_archive(struct kg_engine *e, const struct kg_run *r, struct kg_json *sample, struct kg_err *err)
{
    const struct kg_json *measured = kg_json_get(r->result, "archive");
    const char *problem = kg_json_str(r->result, "archiveProblem");
    KG_AUTO_USAGE_LIST struct kg_usage_list l = { 0 };
    KG_AUTO_JSON struct kg_json *archive = NULL;

    if (problem) {
        kg_log(KG_LOG_WARN, "the archive of %s is not measured: %s", r->task->vault, problem);
        if (kg_catalog_usage_list(e->catalog, r->task->vault, 1, &l, err) < 0)
            return -(int)err->code;
        measured = l.count ? kg_json_get(l.rows[0].json, "archive") : NULL;
    }
    if (!measured)
        return 0;
    archive = kg_json_object();
    if (add_store(e, r->task->vault, measured, KG_DATASTORE_ARCHIVE, archive, err) < 0)
        return -(int)err->code;
    kg_json_set(sample, "archive", KG_TAKE(archive));
    return 0;
}

static int count_points(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    struct summing *s = arg;
    struct kg_point_query q = { .instance = r->id };
    uint64_t n;

    if (kg_catalog_point_count(s->e->catalog, &q, &n, err) < 0)
        return -(int)err->code;
    s->sum.count += n;
    return 0;
}

/* {"time", "points": of both datastores, each once, the VaultStore's numbers and "instances", "archive": {the same of the
 * ArchiveStore}} */
int kg_usage_measured(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    struct kg_resource_query q = { .type = KG_TYPE_INSTANCE, .parent = r->task->vault };
    KG_AUTO_JSON struct kg_json *sample = kg_json_object();
    struct summing all = { .e = e };
    bool there;
    char when[32];

    if (kg_catalog_exists(e->catalog, r->task->vault, &there, err) < 0)
        return -(int)err->code;
    if (!there)
        return 0;
    kg_json_set_str(sample, "time", kg_json_str_or(r->task->params, BEGAN, kg_time_iso(kg_now_wall(), when)));
    if (add_store(e, r->task->vault, r->result, KG_DATASTORE_VAULT, sample, err) < 0 || add_archive(e, r, sample, err) < 0 ||
        kg_each_resource(e->catalog, &q, count_points, &all, err) < 0)
        return -(int)err->code;
    kg_json_set_u64(sample, "points", all.sum.count);
    return kg_catalog_usage_put(e->catalog, r->task->vault, kg_now_wall() / DAY, sample, err);
}

/* ---- when ---- */

/* Has it changed since it was measured, or was that long ago? */
static int is_due(struct kg_engine *e, const char *vault, bool *ret, struct kg_err *err)
{
    KG_AUTO_USAGE_LIST struct kg_usage_list l = { 0 };
    KG_AUTO_FREE char *key = key_of(vault), *text = NULL;
    kg_usec now = kg_now_wall(), measured = 0, changed = 0;

    if (kg_catalog_usage_list(e->catalog, vault, 1, &l, err) < 0 || kg_catalog_value_get(e->catalog, key, &text, err) < 0)
        return -(int)err->code;
    if (l.count)
        (void)kg_time_parse_iso(kg_json_str_or(l.rows[0].json, "time", ""), &measured);
    if (text)
        (void)kg_time_parse_iso(text, &changed);
    *ret = changed >= measured || now - measured >= DAY || measured > now;
    return 0;
}

static int look(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    struct kg_engine *e = arg;
    bool due = false;

    if (strcasecmp(kg_json_str_or(r->json, "properties.provisioningState", ""), "Succeeded") != 0)
        return 0;
    if (is_due(e, r->id, &due, err) < 0)
        return -(int)err->code;
    if (due)
        kg_tasks_start_usage(e, r->id);
    return 0;
}

void kg_usage_tick(struct kg_engine *e)
{
    struct kg_resource_query q = { .type = KG_TYPE_VAULT };
    kg_usec now = kg_now_mono(), every = (kg_usec)e->settings.lifecycle_seconds * KG_SECOND;
    struct kg_err err = { 0 };

    if (!e->usage_at)
        e->usage_at = now + (every < FIRST_LOOK ? every : FIRST_LOOK);
    if (e->stop != KG_STOP_NO || now < e->usage_at)
        return;
    e->usage_at = now + every;
    if (kg_each_resource(e->catalog, &q, look, e, &err) < 0)
        kg_log_err(KG_LOG_WARN, &err, "vaults are not measured");
}
