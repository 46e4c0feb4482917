/* Recovery points, in the shape of AzureBackupDiscreteRecoveryPoint. */
#include "api/call.h"
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

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
    kg_json_set_bool(d, "visible", true);
    kg_json_set_str(d, "state", "COMMITTED");
    kg_json_push(list, d);
    return list;
}

static void set_summary(struct kg_json *props, const struct kg_point_row *p)
{
    static const char *const carried[] = { "endTime", "tables", "largeObjects", "databaseBytes", "serverVersion", "pgDump",
                                           "warnings", "adopted" };

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
    kg_json_set_str(props, "recoveryPointState", "Completed");
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

int kg_res_point_get(struct kg_call *c, struct kg_err *err)
{
    KG_CLEANUP(kg_point_row_done) struct kg_point_row row = { 0 };
    KG_AUTO_FREE char *instance = kg_call_instance_id(c);

    if (need_instance(c, instance, err) < 0 ||
        kg_catalog_point_get(c->api->catalog, instance, kg_call_param(c, "point"), &row, err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 200, point_answer(&row), err);
}
