/* Recovery points, in the shape of AzureBackupDiscreteRecoveryPoint. */
#include "api/call.h"
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

/* A check of the vault did not find it. */
static bool is_lost(const struct kg_point_row *p) { return kg_json_str(p->json, "problem") != NULL; }

static struct kg_json *store_details(const struct kg_point_row *p)
{
    struct kg_json *list = kg_json_array(), *d = kg_json_object();
    char guid[37], when[32];

    /* The store's own id is the point's digits, so that it stays the same from answer to answer. */
    snprintf(guid, sizeof guid, "%.8s-%.4s-%.4s-%.4s-%.12s", p->id, p->id + 8, p->id + 12, p->id + 16, p->id + 20);
    kg_json_set_str(d, "id", guid);
    kg_json_set_str(d, "type", "VaultStore");
    kg_json_set_str(d, "creationTime", kg_time_iso(p->time, when));
    kg_json_set_str(d, "expiryTime", p->expires ? kg_time_iso(p->expires, when) : NULL);
    kg_json_set_str(d, "metaData", NULL);
    kg_json_set_bool(d, "visible", !is_lost(p));
    kg_json_set_str(d, "state", is_lost(p) ? "LOST" : "COMMITTED");
    kg_json_push(list, d);
    return list;
}

static void set_summary(struct kg_json *props, const struct kg_point_row *p)
{
    static const char *const carried[] = { "endTime", "tables", "largeObjects", "databaseBytes", "serverVersion", "pgDump",
                                           "warnings", "adopted", "problem" };

    kg_json_set_u64(props, "summary.rows", p->rows);
    kg_json_set_u64(props, "summary.bytes", p->bytes);
    kg_json_set_u64(props, "summary.storedBytes", p->stored_bytes);
    kg_json_set_u64(props, "summary.newBytes", p->new_bytes);
    for (size_t i = 0; i < KG_ARRAY_LEN(carried); i++) {
        const struct kg_json *v = kg_json_get(p->json, carried[i]);
        KG_AUTO_FREE char *path = kg_xprintf("summary.%s", carried[i]);

        if (v)
            kg_json_set(props, path, kg_json_copy(v));
    }
}

static struct kg_json *point_answer(const struct kg_point_row *p)
{
    struct kg_json *a = kg_json_object(), *props = kg_json_object();
    KG_AUTO_FREE char *id = kg_id_child(p->instance, "recoveryPoints", p->id);
    char when[32];

    kg_json_set_str(a, "id", id);
    kg_json_set_str(a, "name", p->id);
    kg_json_set_str(a, "type", KG_TYPE_POINT);
    kg_json_set_str(props, "objectType", "AzureBackupDiscreteRecoveryPoint");
    kg_json_set_str(props, "recoveryPointId", p->id);
    kg_json_set_str(props, "recoveryPointTime", kg_time_iso(p->time, when));
    kg_json_set_str(props, "recoveryPointType", "Full");
    kg_json_set_str(props, "friendlyName", p->id);
    kg_json_set_str(props, "policyName", kg_json_str(p->json, "policyName"));
    kg_json_set_str(props, "policyVersion", NULL);
    kg_json_set_str(props, "retentionTagName", p->tag);
    kg_json_set_str(props, "retentionTagVersion", kg_json_str(p->json, "retentionTagVersion"));
    kg_json_set_str(props, "expiryTime", p->expires ? kg_time_iso(p->expires, when) : NULL);
    kg_json_set_str(props, "recoveryPointState", is_lost(p) ? "Lost" : "Completed");
    kg_json_set(props, "recoveryPointDataStoresDetails", store_details(p));
    set_summary(props, p);
    kg_json_set(a, "properties", props);
    return a;
}

static int filter_time(struct kg_call *c, const char *key, kg_usec *ret, struct kg_err *err)
{
    char text[64];
    int found = kg_filter_get(kg_query_get(c->query, "$filter"), key, text, sizeof text, err);

    if (found < 0)
        return found;
    if (found && !kg_time_parse_iso(text, ret))
        return kg_err_set(err, KG_E_USAGE, "$filter: %s is '%s', which is not a time", key, text);
    return 0;
}

static int need_instance(struct kg_call *c, const char *id, struct kg_err *err)
{
    bool there;

    if (kg_catalog_exists(c->api->catalog, id, &there, err) < 0)
        return -(int)err->code;
    return there ? 0 : kg_err_set(err, KG_E_NOT_FOUND, "there is no backup instance '%s'", id);
}

int kg_res_points_list(struct kg_call *c, struct kg_err *err)
{
    struct kg_point_query q = { .instance = kg_call_id(c), .after = kg_query_get(c->query, "$skipToken") };
    KG_AUTO_POINT_LIST struct kg_point_list l = { 0 };
    struct kg_json *array;

    if (need_instance(c, kg_call_id(c), err) < 0 || kg_call_top(c, &q.top, err) < 0 ||
        filter_time(c, "startDate", &q.from, err) < 0 || filter_time(c, "endDate", &q.to, err) < 0 ||
        kg_catalog_point_list(c->api->catalog, &q, &l, err) < 0)
        return -(int)err->code;
    array = kg_json_array();
    for (size_t i = 0; i < l.count; i++)
        kg_json_push(array, point_answer(&l.rows[i]));
    return kg_call_answer_list(c, array, l.next, err);
}

/* $expand: "contents" or nothing. */
static int wants_contents(const struct kg_call *c, bool *ret, struct kg_err *err)
{
    const char *expand = kg_query_get(c->query, "$expand");

    *ret = expand && *expand;
    if (!*ret || strcasecmp(expand, "contents") == 0)
        return 0;
    kg_err_set(err, KG_E_USAGE, "$expand is '%.60s'", expand);
    kg_err_advise(err, "Leave it out, or ask for 'contents'.");
    return -(int)err->code;
}

/* What it holds stands in the vault's manifest, which a worker reads. */
static int ask_contents(struct kg_call *c, const char *instance, const char *point, struct kg_err *err)
{
    KG_AUTO_TASK struct kg_task *t = kg_task_new(KG_TASK_POINT_CONTENTS);

    t->resource = kg_id_child(instance, "recoveryPoints", point);
    t->vault = kg_call_vault_id(c);
    t->instance = kg_xstrdup(instance);
    kg_json_set_str(t->params, "point", point);
    if (kg_call_prepare(c, t, NULL, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    (void)tx;
    return kg_call_launch(c, &t, NULL, 202, NULL, NULL, err);
}

int kg_res_point_get(struct kg_call *c, struct kg_err *err)
{
    KG_CLEANUP(kg_point_row_done) struct kg_point_row row = { 0 };
    KG_AUTO_FREE char *instance = kg_call_instance_id(c);
    bool contents;

    if (wants_contents(c, &contents, err) < 0 || need_instance(c, instance, err) < 0 ||
        kg_catalog_point_get(c->api->catalog, instance, kg_call_param(c, "point"), &row, err) < 0)
        return -(int)err->code;
    return contents ? ask_contents(c, row.instance, row.id, err) : kg_call_answer(c, 200, point_answer(&row), err);
}

int kg_point_contents_answer(struct kg_call *c, const struct kg_operation_row *op, struct kg_err *err)
{
    KG_CLEANUP(kg_point_row_done) struct kg_point_row row = { 0 };
    KG_AUTO_FREE char *instance = kg_id_parent(op->resource);
    KG_AUTO_ID struct kg_id id = { 0 };
    struct kg_json *a;

    if (kg_id_parse(op->resource, &id, err) < 0 ||
        kg_catalog_point_get(c->api->catalog, instance, kg_id_name(&id), &row, err) < 0)
        return -(int)err->code;
    a = point_answer(&row);
    kg_json_set(a, "properties.contents", op->result ? kg_json_copy(op->result) : kg_json_object());
    return kg_call_answer(c, 200, a, err);
}

/* A database is restored from points, which recoveryPoints lists: no time between them can be had. */
int kg_res_restorable_ranges(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_FREE char *instance = kg_call_instance_id(c);
    const char *const times[] = { kg_json_str(c->body, "startTime"), kg_json_str(c->body, "endTime") };
    const char *store = kg_json_str_or(c->body, "sourceDataStoreType", "");
    struct kg_json *answer;
    kg_usec ignored;

    if (kg_datastore_from_text(store) < 0)
        return kg_err_set(err, KG_E_USAGE, "sourceDataStoreType must be VaultStore, ArchiveStore or OperationalStore");
    for (size_t i = 0; i < KG_ARRAY_LEN(times); i++)
        if (times[i] && !kg_time_parse_iso(times[i], &ignored))
            return kg_err_set(err, KG_E_USAGE, "'%s' is not a time", times[i]);
    if (need_instance(c, instance, err) < 0)
        return -(int)err->code;
    answer = kg_json_object();
    kg_json_set_str(answer, "id", kg_call_id(c));
    kg_json_set_str(answer, "type", KG_TYPE_INSTANCE "/findRestorableTimeRanges");
    kg_json_set_str(answer, "properties.objectType", "AzureBackupFindRestorableTimeRangesResponse");
    kg_json_set(answer, "properties.restorableTimeRanges", kg_json_array());
    return kg_call_answer(c, 200, answer, err);
}
