/* What follows from the end of a task: the changes to resources and recovery points, one function a kind. All of it
 * happens inside the transaction that also ends the operation and the job, so a crash leaves either everything or the
 * state before, which the next start settles (recover.c). */
#include "engine/engine_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/resolve.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/parse.h"
#include "job/user_error.h"
#include "model/id.h"
#include "model/policy.h"
#include "model/resources.h"
#include "policy/copies.h"
#include "policy/promise.h"

/* Changes a resource in place; one that is gone meanwhile is no error. */
typedef void edit_fn(struct kg_json *json, const void *arg);

static int edit(struct kg_engine *e, const char *id, edit_fn *fn, const void *arg, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    struct kg_err why = { 0 };

    if (kg_catalog_get(e->catalog, id, &r, &why) < 0) {
        if (why.code == KG_E_NOT_FOUND)
            return 0;
        *err = why;
        return -(int)err->code;
    }
    fn(r.json, arg);
    return kg_catalog_put(e->catalog, r.id, r.location, r.json, KG_PUT_REPLACE, NULL, NULL, err);
}

/* ---- done ---- */

static void vault_made(struct kg_json *json, const void *arg)
{
    kg_json_set_str(json, "properties.provisioningState", "Succeeded");
    kg_json_set_str(json, "internal.vaultId", kg_json_str(arg, "vaultId"));
    kg_json_set_str(json, "internal.archiveId", kg_json_str(arg, "archiveId"));
    kg_json_remove(json, "properties.provisioningError");
}

static int put_vault_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    return edit(e, r->task->resource, vault_made, r->result, err);
}

static void instance_configured(struct kg_json *json, const void *arg)
{
    (void)arg;
    kg_json_set_str(json, "properties.protectionStatus.status", "ProtectionConfigured");
    kg_json_set(json, "properties.protectionStatus.errorDetails", NULL);
    kg_json_set(json, "properties.protectionErrorDetails", NULL);
    kg_json_set_str(json, "properties.currentProtectionState", "ProtectionConfigured");
    kg_json_set_str(json, "properties.provisioningState", "Succeeded");
    kg_json_set_bool(json, "internal.configured", true);
}

static void server_version(struct kg_json *json, const void *arg)
{
    const char *version = kg_json_str(arg, "version");

    if (version)
        kg_json_set_str(json, "properties.version", version);
}

static int put_instance_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    if (edit(e, r->task->server, server_version, kg_json_get(r->result, "facts"), err) < 0)
        return -(int)err->code;
    return edit(e, r->task->resource, instance_configured, NULL, err);
}

/* Protection that was stopped or deleted meanwhile stays so. */
static bool is_protected(const struct kg_json *json)
{
    static const char *const states[] = { "ProtectionConfigured", "ProtectionError", "ConfiguringProtectionFailed" };

    return kg_text_index(states, KG_ARRAY_LEN(states), kg_json_str_or(json, "properties.currentProtectionState", "")) >= 0;
}

static void instance_revalidated(struct kg_json *json, const void *arg)
{
    if (is_protected(json))
        instance_configured(json, arg);
}

static int revalidate_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    return edit(e, r->task->resource, instance_revalidated, NULL, err);
}

static int test_server_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    return edit(e, r->task->server, server_version, r->result, err);
}

/* The vault holds what no point needs any more. */
static void has_garbage(struct kg_json *json, const void *arg)
{
    kg_json_set_bool(json, "internal.garbage", arg != NULL);
}

static int delete_instance_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    struct kg_err why = { 0 };
    bool there;

    if (kg_catalog_exists(e->catalog, r->task->resource, &there, err) < 0 ||
        (there && kg_bury(e, r, err) < 0) ||
        kg_catalog_point_delete(e->catalog, r->task->resource, NULL, err) < 0 ||
        edit(e, r->task->vault, has_garbage, "", err) < 0 || kg_usage_changed(e, r->task->vault, err) < 0)
        return -(int)err->code;
    if (kg_catalog_delete(e->catalog, r->task->resource, &why) < 0 && why.code != KG_E_NOT_FOUND) {
        *err = why;
        return -(int)err->code;
    }
    return 0;
}

static int bury_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    return edit(e, r->task->vault, has_garbage, "", err) < 0 ? -(int)err->code : kg_usage_changed(e, r->task->vault, err);
}

static void has_archive(struct kg_json *json, const void *arg) { kg_json_set_str(json, "internal.archiveId", arg); }

int kg_vault_has_archive(struct kg_engine *e, const char *vault, const char *archive_id, struct kg_err *err)
{
    return edit(e, vault, has_archive, archive_id, err);
}

static int expire_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    return kg_leaving_done(e, r, err) < 0 || edit(e, r->task->vault, has_garbage, "", err) < 0 ? -(int)err->code
                                                                                              : kg_usage_changed(e, r->task->vault, err);
}

/* A collection takes two rounds at least: what it dooms it deletes when nobody can be using it any more. */
static bool is_more(const struct kg_json *report)
{
    return kg_json_u64(report, "deadPacks", 1) > kg_json_u64(report, "deletedPacks", 0) ||
           kg_json_count(kg_json_get(report, "waitingFor"));
}

static int collect_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    const struct kg_json *archive = kg_json_get(r->result, "archive");

    if (kg_json_bool(r->result, "dryRun", false))
        return 0;
    if (kg_usage_changed(e, r->task->vault, err) < 0)
        return -(int)err->code;
    if (is_more(r->result) || (archive && is_more(archive)) || kg_json_bool(r->result, "archiveSkipped", false))
        return 0;
    return edit(e, r->task->vault, has_garbage, NULL, err);
}

/* ---- recovery points ---- */

/* What the policy promises a point of that tag: into its document and its expiry. A point whose policy has gone, or does
 * not say, is kept. */
static void promise(struct kg_engine *e, const char *policy_id, struct kg_point_row *row, struct kg_json *json)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    KG_AUTO_POLICY struct kg_policy *p = NULL;
    const struct kg_retention *rule;
    struct kg_err ignored = { 0 };

    if (policy_id && kg_catalog_get(e->catalog, policy_id, &r, &ignored) == 0 &&
        kg_policy_from_json(r.json, &p, &ignored) == 0 && (rule = kg_policy_retention(p, row->tag)))
        kg_json_set(json, "stays", kg_promise_make(rule, row->time, &row->expires));
}

/* Somebody may have held the adopted one. */
static int keep_hold(struct kg_engine *e, const struct kg_point_row *row, struct kg_err *err)
{
    KG_AUTO_POINT_ROW struct kg_point_row old = { 0 };

    if (kg_catalog_point_get(e->catalog, row->instance, row->id, &old, err) < 0)
        return -(int)err->code;
    if (!kg_json_bool(old.json, "held", false))
        return 0;
    kg_json_set_bool(row->json, "held", true);
    kg_json_set(row->json, "hold", kg_json_copy(kg_json_get(old.json, "hold")));
    return 0;
}

/* Inserts a point, or completes one that was adopted before its backup's end arrived here: that one knew less. */
static int store_point(struct kg_engine *e, const struct kg_point_row *row, struct kg_err *err)
{
    struct kg_err why = { 0 };

    if (kg_catalog_point_insert(e->catalog, row, &why) == 0)
        return 0;
    if (why.code == KG_E_EXISTS && keep_hold(e, row, err) < 0)
        return -(int)err->code;
    if (why.code == KG_E_EXISTS && kg_catalog_point_delete(e->catalog, row->instance, row->id, err) == 0)
        return kg_catalog_point_insert(e->catalog, row, err);
    if (why.code != KG_E_EXISTS)
        *err = why;
    return -(int)err->code;
}

static int insert_point(struct kg_engine *e, const char *instance, const char *point, const struct kg_json *result,
                        const char *policy_id, const char *policy_name, const char *tag, struct kg_err *err)
{
    static const char *const carried[] = { "endTime", "tables", "largeObjects", "databaseBytes", "serverVersion", "pgDump",
                                           "warnings", "adopted", "copies" };
    struct kg_point_row row = { .bytes = kg_json_u64(result, "bytes", 0), .rows = kg_json_u64(result, "rows", 0),
                                .stored_bytes = kg_json_u64(result, "storedBytes", 0),
                                .new_bytes = kg_json_u64(result, "newBytes", 0) };
    KG_AUTO_JSON struct kg_json *json = kg_json_object();

    if (!kg_time_parse_iso(kg_json_str_or(result, "time", ""), &row.time))
        return kg_err_set(err, KG_E_CHILD, "the worker did not say from when recovery point '%s' is", point);
    row.instance = (char *)(uintptr_t)instance;
    row.id = (char *)(uintptr_t)point;
    row.tag = (char *)(uintptr_t)(tag ? tag : "Default");
    promise(e, policy_id, &row, json);
    for (size_t i = 0; i < KG_ARRAY_LEN(carried); i++)
        if (kg_json_get(result, carried[i]))
            kg_json_set(json, carried[i], kg_json_copy(kg_json_get(result, carried[i])));
    kg_json_set_str(json, "policyName", policy_name);
    kg_json_set_str(json, "policyId", policy_id);
    row.json = json;
    return store_point(e, &row, err);
}

static int backup_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    const struct kg_json *p = r->task->params;
    const char *point = kg_json_str_or(p, "point", "");

    if (!r->result || strcasecmp(kg_json_str_or(r->result, "point", ""), point) != 0)
        return kg_err_set(err, KG_E_CHILD, "the worker did not report the recovery point that it was to make");
    if (kg_usage_changed(e, r->task->vault, err) < 0)
        return -(int)err->code;
    return insert_point(e, r->task->instance, point, r->result, kg_json_str(p, "policy.id"), kg_json_str(p, "policy.name"),
                        kg_json_str(p, "policy.tag"), err);
}

const struct kg_json *kg_result_found(struct kg_run *r, const char *name)
{
    if (!kg_json_get(r->task->params, name))
        kg_json_set(r->task->params, name, r->result ? KG_TAKE(r->result) : kg_json_object());
    return kg_json_get(r->task->params, name);
}

/* A check that found damage has done its work, and the job still counts as failed: who looks at jobs must not miss it. */
static int check_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    const struct kg_json *found = kg_result_found(r, "found");
    struct kg_json *report = NULL;

    if (kg_points_judge(e, r->task->vault, found, &report, err) < 0)
        return -(int)err->code;
    kg_json_free(r->result);
    r->result = report;
    return kg_json_bool(r->result, "healthy", true) ? 0 : kg_damage_tell(e, r, err);
}

static int adopt_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    return kg_recover_adopt(e, r->task->vault, r->result, err);
}

static int list_databases_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    (void)e;
    return kg_ready_mark(r, err);
}

/* ---- failed ---- */

struct failure {
    const struct kg_err *why;
    const char *detail;
};

static void vault_failed(struct kg_json *json, const void *arg)
{
    const struct failure *f = arg;

    kg_json_set_str(json, "properties.provisioningState", "Failed");
    kg_json_set(json, "properties.provisioningError", kg_user_error(f->why, f->detail, NULL, NULL));
}

static void instance_failed(struct kg_json *json, const void *arg)
{
    const struct failure *f = arg;
    bool before = kg_json_bool(json, "internal.configured", false);

    if (kg_instance_is_deleted(json)) { /* not gone yet: the next look at it tries again */
        kg_json_set_str(json, "properties.provisioningState", "Failed");
        return;
    }
    kg_json_set_str(json, "properties.protectionStatus.status",
                    before ? "ProtectionConfigured" : "ConfiguringProtectionFailed");
    kg_json_set(json, "properties.protectionStatus.errorDetails", kg_user_error(f->why, f->detail, NULL, NULL));
    kg_json_set(json, "properties.protectionErrorDetails", kg_user_error(f->why, f->detail, NULL, NULL));
    kg_json_set_str(json, "properties.currentProtectionState",
                    before ? "ProtectionError" : "ConfiguringProtectionFailed");
    kg_json_set_str(json, "properties.provisioningState", "Failed");
}

static void revalidation_failed(struct kg_json *json, const void *arg)
{
    if (is_protected(json))
        instance_failed(json, arg);
}

static const struct {
    int (*done)(struct kg_engine *e, struct kg_run *r, struct kg_err *err);
    edit_fn *failed;
} kinds[KG_TASK_KIND_COUNT_] = {
    [KG_TASK_PUT_VAULT] = { put_vault_done, vault_failed },
    [KG_TASK_CHECK] = { check_done, NULL },
    [KG_TASK_COLLECT] = { collect_done, NULL },
    [KG_TASK_EXPIRE] = { expire_done, NULL },
    [KG_TASK_TIERING] = { kg_tiering_done, NULL },
    [KG_TASK_REHYDRATE] = { kg_tiering_done, NULL },
    [KG_TASK_PUT_INSTANCE] = { put_instance_done, instance_failed },
    [KG_TASK_DELETE_INSTANCE] = { delete_instance_done, instance_failed },
    [KG_TASK_BACKUP] = { backup_done, NULL },
    [KG_TASK_TEST_SERVER] = { test_server_done, NULL },
    [KG_TASK_LIST_DATABASES] = { list_databases_done, NULL },
    [KG_TASK_ADOPT] = { adopt_done, NULL },
    [KG_TASK_SYNC] = { kg_sync_done, NULL },
    [KG_TASK_REVALIDATE] = { revalidate_done, revalidation_failed },
    [KG_TASK_BURY] = { bury_done, NULL },
    [KG_TASK_USAGE] = { kg_usage_measured, NULL },
};

int kg_result_done(struct kg_engine *e, struct kg_run *r, struct kg_err *err)
{
    return kinds[r->task->kind].done ? kinds[r->task->kind].done(e, r, err) : 0;
}

int kg_result_failed(struct kg_engine *e, enum kg_task_kind kind, const char *resource, const struct kg_err *why,
                     const char *detail, struct kg_err *err)
{
    struct failure f = { why, detail };

    if (kind == KG_TASK_DELETE_INSTANCE && resource && kg_leaving_in_doubt(e, resource, err) < 0)
        return -(int)err->code;
    return kinds[kind].failed && resource ? edit(e, resource, kinds[kind].failed, &f, err) : 0;
}

/* ---- adoption ---- */

struct wanted { const char *guid; char *id; };

static int see_instance(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    struct wanted *w = arg;

    (void)err;
    if (strcasecmp(kg_json_str_or(r->json, "internal.instance", ""), w->guid) != 0)
        return 0;
    w->id = kg_xstrdup(r->id);
    return 1;
}

/* The instance of a vault that has this GUID. */
int kg_find_instance(struct kg_engine *e, const char *vault, const char *guid, char **ret, struct kg_err *err)
{
    struct kg_resource_query q = { .type = KG_TYPE_INSTANCE, .parent = vault };
    struct wanted w = { .guid = guid };

    if (kg_each_resource(e->catalog, &q, see_instance, &w, err) < 0)
        return -(int)err->code;
    *ret = w.id;
    return 0;
}

/* The manifest's summary in the form of a backup's result. */
static struct kg_json *as_result(const struct kg_json *p, enum kg_datastore store)
{
    static const struct { const char *from, *to; } numbers[] = {
        { "totals.rows", "rows" }, { "totals.tables", "tables" },
        { "totals.largeObjects", "largeObjects" }, { "storedBytes", "storedBytes" },
        { "totals.newBytes", "newBytes" }, { "datasource.databaseBytes", "databaseBytes" },
    };
    struct kg_json *r = kg_json_object();

    kg_json_set_str(r, "time", kg_json_str(p, "time"));
    kg_json_set_str(r, "endTime", kg_json_str(p, "endTime"));
    for (size_t i = 0; i < KG_ARRAY_LEN(numbers); i++)
        kg_json_set_u64(r, numbers[i].to, kg_json_u64(p, numbers[i].from, 0));
    kg_json_set_u64(r, "bytes", kg_json_u64(p, "totals.bytes", 0) + kg_json_u64(p, "largeObjectBytes", 0));
    kg_json_set_str(r, "serverVersion", kg_json_str(p, "postgres.version"));
    kg_json_set_str(r, "pgDump", kg_json_str(p, "tools.pgDump"));
    kg_json_set_bool(r, "adopted", true);
    if (store != KG_DATASTORE_VAULT) /* where a document that does not say has it */
        kg_json_set_str(r, "copies.ArchiveStore.time", kg_json_str(p, "time"));
    return r;
}

/* The backup that made a point and could not say so any more: its job has failed, and tells what it stored all the same. */
static int tell_its_job(struct kg_engine *e, const char *vault, const char *instance, const char *point, const struct kg_json *result,
                        struct kg_err *err)
{
    struct kg_job_query q = { .vault = vault, .instance = instance, .operation = "Backup", .top = 100 };
    KG_AUTO_JOB_LIST struct kg_job_list l = { 0 };

    if (kg_catalog_job_list(e->catalog, &q, &l, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < l.count; i++) {
        struct kg_json *extended = kg_json_get_mutable(l.rows[i].json, "properties.extendedInfo");

        if (strcasecmp(kg_json_str_or(extended, "additionalDetails.RecoveryPointId", ""), point) != 0 || kg_json_get(extended, "result"))
            continue;
        kg_json_set(extended, "result", kg_json_copy(result));
        kg_json_set_str(extended, "result.point", point);
        kg_json_set_u64(extended, "dataTransferredInBytes", kg_json_u64(result, "bytes", 0));
        if (kg_catalog_job_update(e->catalog, &l.rows[i], err) < 0 ||
            kg_catalog_log_add(e->catalog, l.rows[i].id, kg_now_wall(),
                               "its recovery point was found in the vault, complete, and can be restored", err) < 0)
            return -(int)err->code;
    }
    return 0;
}

void kg_last_found_done(struct kg_last_found *l)
{
    free(l->guid);
    free(l->id);
    *l = (struct kg_last_found){ 0 };
}

static int find_again(struct kg_engine *e, const char *vault, const char *guid, struct kg_last_found *last, struct kg_err *err)
{
    if (last->guid && strcasecmp(last->guid, guid) == 0)
        return 0;
    kg_last_found_done(last);
    if (kg_find_instance(e, vault, guid, &last->id, err) < 0)
        return -(int)err->code;
    last->guid = kg_xstrdup(guid);
    return 0;
}

int kg_adopt_point(struct kg_engine *e, const char *vault, const struct kg_json *p, enum kg_datastore store, struct kg_last_found *last,
                   bool *ret_new, struct kg_err *err)
{
    const char *guid = kg_json_str_or(p, "instance", ""), *point = kg_json_str_or(p, "point", "");
    KG_CLEANUP(kg_point_row_done) struct kg_point_row known = { 0 };
    KG_AUTO_JSON struct kg_json *result = NULL;
    const char *instance;
    struct kg_err why = { 0 };

    if (find_again(e, vault, guid, last, err) < 0)
        return -(int)err->code;
    instance = last->id;
    /* A point of an instance that was deleted stays in the vault until its garbage is collected; one that was deleted since the vault
     * was asked is gone. */
    if (!instance || kg_gone_has(e, instance, point) || kg_catalog_point_get(e->catalog, instance, point, &known, &why) == 0)
        return 0;
    if (why.code != KG_E_NO_POINT) {
        *err = why;
        return -(int)err->code;
    }
    result = as_result(p, store);
    *ret_new = true;
    if (insert_point(e, instance, point, result, kg_json_str(p, "policy.id"), kg_json_str(p, "policy.name"),
                     kg_json_str(p, "policy.tag"), err) < 0)
        return -(int)err->code;
    return tell_its_job(e, vault, instance, point, result, err);
}

int kg_recover_adopt(struct kg_engine *e, const char *vault, const struct kg_json *result, struct kg_err *err)
{
    const struct kg_json *points = kg_json_get(result, "points"), *unreadable = kg_json_get(result, "unreadable");
    KG_CLEANUP(kg_last_found_done) struct kg_last_found last = { 0 };
    bool is_new = false;

    for (const struct kg_json *p = kg_json_first(points); p; p = kg_json_next(p))
        if (kg_adopt_point(e, vault, p, KG_DATASTORE_VAULT, &last, &is_new, err) < 0)
            return -(int)err->code;
    for (const struct kg_json *p = kg_json_first(unreadable); p; p = kg_json_next(p))
        kg_log(KG_LOG_WARN, "recovery point '%s' of instance '%s' in '%s' cannot be read: %s", kg_json_str_or(p, "point", "?"),
               kg_json_str_or(p, "instance", "?"), vault, kg_json_str_or(p, "problem", "?"));
    /* What cannot be read now may be read at the next start. */
    return kg_json_count(unreadable) ? 0 : kg_recover_cleared(e, vault, err);
}
