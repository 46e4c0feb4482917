/* Recovery points, in the shape of AzureBackupDiscreteRecoveryPoint. */
#include "api/call.h"
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "policy/copies.h"
#include "policy/leaving.h"
#include "policy/promise.h"

/* What a point's instance says about it; the same for all points of an answer. */
struct keeper {
    bool retained;                       /* protection was stopped, or the instance deleted: nothing leaves */
    bool deleting;                       /* the instance goes for good, with all its points */
    kg_usec newest;                      /* time of the newest good point; 0: there is none */
};

/* No check of the vault found anything wrong with it, or a copy elsewhere is sound; and it is not on its way out. */
static bool is_good(const struct kg_point_row *p) { return kg_copies_state(p->json) == KG_COPY_SOUND && !kg_leaving_all(p->json); }

static bool is_deleting(const struct kg_point_row *p, const struct keeper *k) { return k->deleting || kg_leaving_all(p->json); }

static const char *state_of(const struct kg_point_row *p, const struct keeper *k)
{
    static const char *const states[] = { [KG_COPY_SOUND] = "Completed", [KG_COPY_DAMAGED] = "Damaged", [KG_COPY_LOST] = "Lost" };

    return is_deleting(p, k) ? "Deleting" : states[kg_copies_state(p->json)];
}

/* Of its copy in one store. */
static const char *copy_state(const struct kg_point_row *p, enum kg_datastore store, const struct keeper *k)
{
    return kg_copies_lost(p->json) & 1u << store                         ? "LOST"
           : k->deleting || kg_leaving_stores(p->json) & 1u << store     ? "DELETING"
           : kg_copies_damaged(p->json) & 1u << store                    ? "DAMAGED" : "COMMITTED";
}

/* The store's own id is the point's digits, so that it stays the same from answer to answer; that of a copy in another store
 * begins with the store's number. */
static struct kg_json *store_detail(const struct kg_point_row *p, enum kg_datastore store, kg_usec until, const struct keeper *k)
{
    struct kg_rehydration back = kg_rehydration_read(p->json);
    bool archive = store == KG_DATASTORE_ARCHIVE;
    struct kg_json *d = kg_json_object();
    char guid[37], when[32];

    snprintf(guid, sizeof guid, "%.8s-%.4s-%.4s-%.4s-%.12s", p->id, p->id + 8, p->id + 12, p->id + 16, p->id + 20);
    if (store != KG_DATASTORE_VAULT)
        guid[0] = (char)('0' + store);
    kg_json_set_str(d, "id", guid);
    kg_json_set_str(d, "type", kg_datastore_to_text(store));
    kg_json_set_str(d, "creationTime", kg_time_iso(kg_copies_time(p->json, store, p->time), when));
    kg_json_set_str(d, "expiryTime", until ? kg_time_iso(until, when) : NULL);
    kg_json_set_str(d, "metaData", NULL);
    kg_json_set_bool(d, "visible", strcmp(copy_state(p, store, k), "LOST") != 0);
    kg_json_set_str(d, "state", copy_state(p, store, k));
    if (archive && back.status != KG_REHYDRATION_NONE) {
        kg_json_set_str(d, "rehydrationStatus", kg_rehydration_status_to_text(back.status));
        kg_json_set_str(d, "rehydrationExpiryTime", back.until ? kg_time_iso(back.until, when) : NULL);
    }
    return d;
}

/* When the copy in that store leaves; 0: nobody knows. */
static kg_usec leaves(const struct kg_life *life, enum kg_datastore store)
{
    kg_usec until = store == KG_DATASTORE_VAULT ? life->rehydrated : 0;

    for (unsigned i = 0; i < life->stays; i++)
        if (life->stay[i].store == store && life->stay[i].until > until)
            until = life->stay[i].until;
    return until;
}

/* In the words of Azure's tools for tiers. */
static const char *tier_of(const struct kg_life *life)
{
    kg_usec now = kg_now_wall();

    if (!(life->in & ~life->lost & 1u << KG_DATASTORE_VAULT) && life->in & 1u << KG_DATASTORE_ARCHIVE)
        return "VaultArchive";
    for (unsigned i = 0; i < life->stays; i++)
        if (life->stay[i].store == KG_DATASTORE_VAULT && now >= life->stay[i].until && now < life->rehydrated)
            return "VaultArchiveRehydrated";
    return "VaultStandard";
}

/* Only the stores where a copy is; each with the day it leaves that store. */
static struct kg_json *store_details(const struct kg_point_row *p, const struct kg_life *life, const struct keeper *k)
{
    struct kg_json *list = kg_json_array();

    for (int s = 0; s < KG_DATASTORE_COUNT_; s++)
        if (life->in & 1u << s)
            kg_json_push(list, store_detail(p, (enum kg_datastore)s, leaves(life, (enum kg_datastore)s), k));
    return list;
}

/* ---- why it is kept ---- */

/* The newest good one is near the top: what a check finds wrong is rare. */
static int find_newest_good(struct kg_call *c, const char *instance, kg_usec *ret, struct kg_err *err)
{
    struct kg_point_query q = { .instance = instance, .top = 10 };
    KG_AUTO_FREE char *after = NULL;

    do {
        KG_AUTO_POINT_LIST struct kg_point_list l = { 0 };

        q.after = after;
        if (kg_catalog_point_list(c->api->catalog, &q, &l, err) < 0)
            return -(int)err->code;
        for (size_t i = 0; i < l.count; i++)
            if (is_good(&l.rows[i])) {
                *ret = l.rows[i].time;
                return 0;
            }
        free(after);
        after = KG_TAKE(l.next);
        q.top = KG_PAGE_MAX;
    } while (after);
    return 0;
}

static int find_keeper(struct kg_call *c, const char *id, struct keeper *ret, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };

    if (kg_catalog_get(c->api->catalog, id, &r, err) < 0) {
        if (err->code != KG_E_NOT_FOUND)
            return -(int)err->code;
        *err = (struct kg_err){ 0 };
        return kg_err_set(err, KG_E_NOT_FOUND, "there is no backup instance '%s'", id);
    }
    ret->retained = kg_instance_is_retained(r.json);
    ret->deleting = strcasecmp(kg_json_str_or(r.json, "properties.provisioningState", ""), "Deleting") == 0;
    return find_newest_good(c, id, &ret->newest, err);
}

static char *held_because(const struct kg_point_row *p)
{
    const char *until = kg_json_str(p->json, "hold.until"), *reason = kg_json_str(p->json, "hold.reason"),
               *by = kg_json_str(p->json, "hold.by");
    KG_AUTO_FREE char *why = reason ? kg_xprintf(" (%s)", reason) : kg_xstrdup("");
    KG_AUTO_FREE char *end = until ? kg_xprintf("until %.10s", until) : kg_xstrdup("until it is released");

    return kg_xprintf("held%s%s%s: it stays %s", by ? " by " : "", by ? by : "", why, end);
}

/* One sentence. The order is that of the lifecycle: what keeps a point whatever the day, then its promise, then the exception. */
static char *kept_because(const struct kg_point_row *p, const struct kg_life *life, const struct keeper *k)
{
    kg_usec end = kg_life_end(life);
    char when[32];

    kg_time_iso_seconds(end, when);
    if (is_deleting(p, k))
        return kg_xstrdup("it is not kept: it is being deleted");
    if (kg_leaving_stores(p->json))
        return kg_xprintf("its copy in the %s is being deleted; the other one stays", kg_datastore_to_text(
                          kg_leaving_stores(p->json) & 1u << KG_DATASTORE_VAULT ? KG_DATASTORE_VAULT : KG_DATASTORE_ARCHIVE));
    if (kg_promise_is_held(p->json, kg_now_wall()))
        return held_because(p);
    if (k->retained)
        return kg_xstrdup("protection of its instance is stopped: nothing leaves");
    if (life->held && !life->held_until)
        return kg_xstrdup("what was promised of it cannot be read: it stays");
    if (!life->stays)
        return kg_xstrdup("no rule says when it leaves: it stays");
    if (kg_now_wall() < end)
        return kg_xprintf("rule %s keeps it until %.10s", p->tag, when);
    if (kg_now_wall() < life->rehydrated) {
        kg_time_iso_seconds(life->rehydrated, when);
        return kg_xprintf("it was rehydrated, and stays until %.10s", when);
    }
    if (kg_stayed_problem(p->json))
        return kg_xprintf("rule %s kept it until %.10s; it stays: %.300s", p->tag, when, kg_stayed_problem(p->json));
    if (life->good && p->time == k->newest)
        return kg_xstrdup("it is the newest good recovery point of its instance: it stays until there is another");
    return kg_xprintf("rule %s kept it until %.10s: it is about to leave", p->tag, when);
}

/* Why no day will end it, for a table's cell; NULL: one will. */
static const char *never_because(const struct kg_point_row *p, const struct kg_life *life, const struct keeper *k)
{
    return kg_promise_is_held(p->json, INT64_MAX) ? "never (held)"
           : k->retained                              ? "never (protection stopped)"
           : life->held && !life->held_until          ? "never (promise not readable)"
           : !life->stays                             ? "never (no rule)" : NULL;
}

/* Where it is now, and what is to happen to that. */
static void set_copies(struct kg_json *r, const struct kg_point_row *p, const struct kg_life *life, const struct keeper *k)
{
    struct kg_json *copies = kg_json_array();
    const struct kg_json *back = kg_json_get(p->json, "rehydration"), *problem = kg_json_get(p->json, "tiering.problem");
    char when[32];

    for (int s = 0; s < KG_DATASTORE_COUNT_; s++) {
        kg_usec until = leaves(life, (enum kg_datastore)s);
        struct kg_json *c;

        if (!(life->in & 1u << s))
            continue;
        kg_json_push(copies, c = kg_json_object());
        kg_json_set_str(c, "store", kg_datastore_to_text((enum kg_datastore)s));
        kg_json_set_str(c, "since", kg_time_iso(kg_copies_time(p->json, (enum kg_datastore)s, p->time), when));
        kg_json_set_str(c, "until", until ? kg_time_iso(until, when) : NULL);
        if (strcmp(copy_state(p, (enum kg_datastore)s, k), "COMMITTED") != 0)
            kg_json_set_str(c, "state", copy_state(p, (enum kg_datastore)s, k));
        if (kg_copies_damage(p->json, (enum kg_datastore)s))
            kg_json_set_str(c, "problem", kg_copies_damage(p->json, (enum kg_datastore)s));
    }
    problem = problem ? problem : kg_json_get(p->json, "again.problem");
    kg_json_set_str(r, "tier", tier_of(life));
    kg_json_set(r, "copies", copies);
    if (back)
        kg_json_set(r, "rehydration", kg_json_copy(back));
    if (problem)
        kg_json_set(r, "archiveProblem", kg_json_copy(problem));
    if (kg_stayed_problem(p->json))
        kg_json_set(r, "stayed", kg_json_copy(kg_json_get(p->json, "stayed")));
}

static struct kg_json *retention_of(const struct kg_point_row *p, const struct kg_life *life, const struct keeper *k)
{
    KG_AUTO_FREE char *because = kept_because(p, life, k);
    struct kg_json *r = kg_json_object();

    kg_json_set_str(r, "rule", p->tag);
    kg_json_set(r, "stays", kg_promise_stays(life));
    kg_json_set_str(r, "keptBecause", because);
    if (never_because(p, life, k))
        kg_json_set_str(r, "expires", never_because(p, life, k));
    if (kg_promise_is_held(p->json, kg_now_wall()))
        kg_json_set(r, "hold", kg_json_get(p->json, "hold") ? kg_json_copy(kg_json_get(p->json, "hold")) : kg_json_object());
    set_copies(r, p, life, k);
    return r;
}

/* ---- answers ---- */

/* What to do about a point of which something is wrong with a copy; NULL: nothing is. */
static const char *advice_of(const struct kg_point_row *p)
{
    unsigned lost = kg_copies_lost(p->json), damaged = kg_copies_damaged(p->json), vault = 1u << KG_DATASTORE_VAULT;

    if (!lost && !damaged)
        return NULL;
    if (kg_copies_state(p->json) == KG_COPY_LOST)
        return "Restore another recovery point. Bring the vault's directory back from a copy, then run 'keepgres backup-instance sync'.";
    if (kg_copies_state(p->json) == KG_COPY_DAMAGED)
        return "Restore another recovery point, or single tables of this one (--allow-damaged). Bring the damaged objects back from a copy "
               "of the vault, then run 'keepgres vault check --read-data'. Back up anew.";
    if (lost & vault)
        return "Its copy in the vault is lost: restore it from the archive, with --rehydration-priority.";
    if (damaged & vault)
        return "Its copy in the vault is damaged: restore it from the archive, with --source-datastore ArchiveStore.";
    return lost                       ? "Its copy in the archive is lost, and is made anew from the vault's."
           : kg_again_stores(p->json) ? "Its copy in the archive is damaged, and is made anew from the vault's."
                                      : "Its copy in the archive is damaged: the vault's stays. Bring the archive's damaged objects back "
                                        "from a copy, then run 'keepgres vault check --read-data'.";
}

static void set_summary(struct kg_json *props, const struct kg_point_row *p)
{
    static const char *const carried[] = { "endTime", "tables", "largeObjects", "databaseBytes", "serverVersion", "pgDump",
                                           "warnings", "adopted", "problem" };

    kg_json_set_u64(props, "summary.rows", p->rows);
    kg_json_set_u64(props, "summary.bytes", p->bytes);
    kg_json_set_u64(props, "summary.storedBytes", p->stored_bytes);
    kg_json_set_u64(props, "summary.newBytes", p->new_bytes);
    if (advice_of(p))
        kg_json_set_str(props, "summary.recommendedAction", advice_of(p));
    for (size_t i = 0; i < KG_ARRAY_LEN(carried); i++) {
        const struct kg_json *v = kg_json_get(p->json, carried[i]);
        KG_AUTO_FREE char *path = kg_xprintf("summary.%s", carried[i]);

        if (v)
            kg_json_set(props, path, kg_json_copy(v));
    }
}

static struct kg_json *point_answer(const struct kg_point_row *p, const struct keeper *k)
{
    struct kg_life life = kg_promise_read(p->json, p->time);
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
    kg_json_set_str(props, "recoveryPointState", state_of(p, k));
    kg_json_set(props, "recoveryPointDataStoresDetails", store_details(p, &life, k));
    kg_json_set(props, "retention", retention_of(p, &life, k));
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
    struct keeper keeper = { 0 };
    struct kg_json *array;

    if (find_keeper(c, kg_call_id(c), &keeper, err) < 0 || kg_call_top(c, &q.top, err) < 0 ||
        filter_time(c, "startDate", &q.from, err) < 0 || filter_time(c, "endDate", &q.to, err) < 0 ||
        kg_catalog_point_list(c->api->catalog, &q, &l, err) < 0)
        return -(int)err->code;
    array = kg_json_array();
    for (size_t i = 0; i < l.count; i++)
        kg_json_push(array, point_answer(&l.rows[i], &keeper));
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
static int ask_contents(struct kg_call *c, enum kg_task_kind kind, const struct kg_point_row *row, struct kg_err *err)
{
    const char *instance = row->instance, *point = row->id;
    KG_AUTO_TASK struct kg_task *t = kg_task_new(kind);

    t->resource = kg_id_child(instance, "recoveryPoints", point);
    t->vault = kg_call_vault_id(c);
    t->instance = kg_xstrdup(instance);
    kg_json_set_str(t->params, "point", point);
    if (kind == KG_TASK_LIST_CONTENTS) {
        kg_json_set_bool(t->params, "asList", true);
        kg_json_set_str(t->params, "schema", kg_json_str(c->body, "schema"));
    }
    if (kg_copies_in(row->json) & 1u << KG_DATASTORE_ARCHIVE &&
        !(kg_copies_in(row->json) & ~kg_copies_lost(row->json) & 1u << KG_DATASTORE_VAULT)) /* manifests can be read there, too */
        kg_json_set_str(t->params, "store", kg_datastore_to_text(KG_DATASTORE_ARCHIVE));
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
    struct keeper keeper = { 0 };
    bool contents;

    if (wants_contents(c, &contents, err) < 0 || find_keeper(c, instance, &keeper, err) < 0 ||
        kg_catalog_point_get(c->api->catalog, instance, kg_call_param(c, "point"), &row, err) < 0)
        return -(int)err->code;
    return contents ? ask_contents(c, KG_TASK_POINT_CONTENTS, &row, err)
                    : kg_call_answer(c, 200, point_answer(&row, &keeper), err);
}

static int check_schema(const struct kg_call *c, struct kg_err *err)
{
    const struct kg_json *schema = kg_json_get(c->body, "schema");
    const char *text = kg_json_value_str(schema);

    if (kg_json_type(schema) == KG_JSON_NULL)
        return 0;
    if (text && *text && strlen(text) <= KG_API_NAME_MAX)
        return 0;
    kg_err_set(err, KG_E_USAGE, "'schema' must be the name of a schema");
    kg_err_advise(err, "Leave it out to list what all schemas hold.");
    return -(int)err->code;
}

int kg_res_point_contents(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_POINT_ROW struct kg_point_row row = { 0 };
    KG_AUTO_FREE char *instance = kg_call_instance_id(c);

    if (check_schema(c, err) < 0 || need_instance(c, instance, err) < 0 ||
        kg_catalog_point_get(c->api->catalog, instance, kg_call_param(c, "point"), &row, err) < 0)
        return -(int)err->code;
    return ask_contents(c, KG_TASK_LIST_CONTENTS, &row, err);
}

int kg_point_answer(struct kg_call *c, const char *instance, const struct kg_point_row *row, struct kg_err *err)
{
    struct keeper keeper = { 0 };

    return find_keeper(c, instance, &keeper, err) < 0 ? -(int)err->code : kg_call_answer(c, 200, point_answer(row, &keeper), err);
}

int kg_point_contents_answer(struct kg_call *c, const struct kg_operation_row *op, struct kg_err *err)
{
    KG_CLEANUP(kg_point_row_done) struct kg_point_row row = { 0 };
    KG_AUTO_FREE char *instance = kg_id_parent(op->resource);
    KG_AUTO_ID struct kg_id id = { 0 };
    struct keeper keeper = { 0 };
    struct kg_json *a;

    if (kg_id_parse(op->resource, &id, err) < 0 || find_keeper(c, instance, &keeper, err) < 0 ||
        kg_catalog_point_get(c->api->catalog, instance, kg_id_name(&id), &row, err) < 0)
        return -(int)err->code;
    a = point_answer(&row, &keeper);
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
