/* Restore as database and as files, and whether either would work; and rehydration, without which nothing is restored from the
 * archive: a restore that needs one asks for it, and waits (engine/tiering.c). */
#include "api/call.h"
#include "api/handlers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/instance.h"
#include "api/resolve.h"
#include "base/alloc.h"
#include "policy/copies.h"

static struct kg_json *names(char *const *v, size_t n)
{
    struct kg_json *a = kg_json_array();

    for (size_t i = 0; i < n; i++)
        kg_json_push_str(a, v[i]);
    return a;
}

static void aim_at_roles(const struct kg_restore_request *r, struct kg_json *params)
{
    struct kg_json *map = kg_json_array();

    for (size_t i = 0; i < r->role_map_count; i++) {
        struct kg_json *pair = kg_json_object();

        kg_json_set_str(pair, "source", r->role_map[i].source);
        kg_json_set_str(pair, "target", r->role_map[i].target);
        kg_json_push(map, pair);
    }
    kg_json_set_str(params, "roles.mode", kg_restore_roles_to_text(r->roles));
    kg_json_set(params, "roles.map", map);
    kg_json_set_bool(params, "roles.passwords", r->role_passwords);
    kg_json_set_bool(params, "roles.noOwner", r->no_owner);
    kg_json_set_bool(params, "roles.noPrivileges", r->no_privileges);
}

static int aim_at_database(struct kg_call *c, const struct kg_target *target, const struct kg_restore_request *r,
                           struct kg_task *t, struct kg_err *err)
{
    const char *own = kg_json_str(target->properties, KG_INSTANCE_SECRET);
    const char *uri = r->secret_uri ? r->secret_uri : own;

    if (uri != own && (!own || strcasecmp(uri, own) != 0) && kg_call_may_read_secret(c, uri, err) < 0)
        return kg_err_wrap(err, "secret '%.200s'", uri);
    if (kg_server_of(c, &r->target, target->vault.location, err) < 0 ||
        kg_check_secret(c->api->catalog, c->api->keyvault, uri ? uri : "", err) < 0)
        return -(int)err->code;
    t->server = kg_xstrdup(r->target.server_id);
    t->secret = kg_xstrdup(uri);
    kg_json_set_str(t->params, "kind", "database");
    kg_json_set_str(t->params, "targetDatabase", r->target.database);
    kg_json_set(t->params, "schemas", names(r->schemas, r->schema_count));
    kg_json_set(t->params, "tables", names(r->tables, r->table_count));
    kg_json_set_str(t->params, "settings.verify", r->read_back ? "read-back" : "stream");
    aim_at_roles(r, t->params);
    return 0;
}

/* A prefix and the longest of the files' endings ("_SHA256SUMS") are the name of one object in a container: at most 100 of
 * these characters. */
enum { PREFIX_MAX = 89 };
static const char prefix_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

static int check_prefix(const char *prefix, struct kg_err *err)
{
    if (strlen(prefix) <= PREFIX_MAX && !prefix[strspn(prefix, prefix_chars)] && *prefix != '.')
        return 0;
    kg_err_set(err, KG_E_USAGE, "filePrefix '%.200s' cannot be the beginning of a file name", prefix);
    kg_err_advise(err, "Use up to %d letters, digits, '.', '_' and '-', no '.' first, or leave it out.", PREFIX_MAX);
    return -(int)err->code;
}

/* "<database>_<server>-<region>_<epoch ms>", as Azure's portal proposes, of what a prefix may have: 32 + 24 + 16 + 16. */
static char *default_prefix(const struct kg_target *target)
{
    char *p = kg_xprintf("%.32s_%.24s-%.16s_%" PRId64,
                         kg_json_str_or(target->properties, "dataSourceInfo.resourceName", "database"),
                         kg_json_str_or(target->properties, "dataSourceSetInfo.resourceName", "server"),
                         target->vault.location ? target->vault.location : "local", kg_now_wall() / 1000);

    for (char *s = p; *s; s++)
        if (!strchr(prefix_chars, *s) || (s == p && *s == '.'))
            *s = '-';
    return p;
}

static int aim_at_files(struct kg_call *c, const struct kg_target *target, const struct kg_restore_request *r,
                        struct kg_task *t, struct kg_err *err)
{
    KG_AUTO_FREE char *location = NULL;
    KG_AUTO_FREE char *dir = NULL;
    KG_AUTO_FREE char *id = NULL;
    KG_AUTO_FREE char *made = NULL;

    if ((*r->prefix && check_prefix(r->prefix, err) < 0) ||
        kg_find_container(c->api->catalog, &r->container, &id, &dir, &location, err) < 0)
        return -(int)err->code;
    if (location && target->vault.location && strcasecmp(location, target->vault.location) != 0) {
        kg_err_set(err, KG_E_USAGE, "storage account '%s' is in '%s' and the vault in '%s'", r->container.account, location,
                   target->vault.location);
        kg_err_advise(err, "Use a storage account of the vault's region.");
        return -(int)err->code;
    }
    made = *r->prefix ? NULL : default_prefix(target);
    kg_json_set_str(t->params, "kind", "files");
    t->container = kg_xstrdup(id);
    kg_json_set_str(t->params, "directory", dir);
    kg_json_set_str(t->params, "prefix", made ? made : r->prefix);
    return 0;
}

/* ---- which copy ---- */

static const unsigned vault_bit = 1u << KG_DATASTORE_VAULT, archive_bit = 1u << KG_DATASTORE_ARCHIVE;

/* Where copies are, as far as anybody knows. */
static unsigned there(const struct kg_point_row *point) { return kg_copies_in(point->json) & ~kg_copies_lost(point->json); }

static int refuse_damaged(const struct kg_point_row *point, struct kg_err *err)
{
    bool archive = kg_copies_sound(point->json) & archive_bit, lost = !there(point);
    const char *why = kg_copies_damage(point->json, archive || !(there(point) & archive_bit) ? KG_DATASTORE_VAULT : KG_DATASTORE_ARCHIVE);

    kg_err_set(err, KG_E_POINT_DAMAGED, "recovery point '%s' is %s%s%.300s", point->id,
               archive ? "damaged in the vault, and whole in the archive" : lost ? "lost: a check of the vault did not find it" : "damaged",
               why ? ": " : "", why ? why : "");
    kg_err_advise(err, archive ? "Restore it from there: sourceDataStoreType ArchiveStore (--source-datastore ArchiveStore)."
                       : lost  ? "Restore another one; or bring the vault's directory back from a copy, then run 'backup-instance sync'."
                               : "Restore another one; or bring back what is damaged and check again; or ask for it with allowDamaged "
                                 "(--allow-damaged): what needs the damage fails, tables that are whole can be restored alone.");
    return -(int)err->code;
}

/* Which copy a restore reads, and whether that has to come back first. Restored is from the vault, whether the copy there never left or
 * came back; from the archive itself only where a damaged copy in the vault stands in the way of a rehydrated one. */
static int choose_copy(const struct kg_restore_request *r, const struct kg_point_row *point, enum kg_datastore *ret, bool *ret_wait,
                       struct kg_err *err)
{
    unsigned sound = kg_copies_sound(point->json), in = there(point);

    *ret = KG_DATASTORE_VAULT;
    *ret_wait = false;
    if (r->source == KG_DATASTORE_ARCHIVE && !(kg_copies_in(point->json) & archive_bit)) {
        kg_err_set(err, KG_E_UNSUPPORTED, "recovery point '%s' is in the VaultStore only", r->point);
        kg_err_advise(err, "Restore with sourceDataStoreType VaultStore.");
        return -(int)err->code;
    }
    if (kg_leaving_refuse(point, in & vault_bit && r->source != KG_DATASTORE_ARCHIVE ? vault_bit : KG_ANY_STORE, err) < 0)
        return -(int)err->code;
    if (sound & vault_bit)
        return 0;
    if (in & vault_bit && r->source == KG_DATASTORE_ARCHIVE && sound & archive_bit) {
        *ret = KG_DATASTORE_ARCHIVE;
        return 0;
    }
    if (!r->allow_damaged && (in & vault_bit || !(sound & archive_bit)))
        return refuse_damaged(point, err);
    if (in & vault_bit || !(in & archive_bit))
        return 0;
    *ret_wait = true;
    if (r->rehydration.asked)
        return 0;
    kg_err_set(err, KG_E_ARCHIVED, "recovery point '%s' is in the archive and must be rehydrated before it can be restored", r->point);
    kg_err_advise(err, "Ask for it with rehydrationPriority and rehydrationRetentionDuration (--rehydration-priority, "
                  "--rehydration-duration), or rehydrate it first with 'keepgres recovery-point rehydrate'.");
    return -(int)err->code;
}

static int check_request(struct kg_call *c, const struct kg_target *target, const struct kg_restore_request *r,
                         struct kg_point_row *ret_point, struct kg_err *err)
{
    if (r->source == KG_DATASTORE_OPERATIONAL) {
        kg_err_set(err, KG_E_UNSUPPORTED, "there is no OperationalStore for PostgreSQL");
        kg_err_advise(err, "Restore with sourceDataStoreType VaultStore or ArchiveStore.");
        return -(int)err->code;
    }
    if (r->location && target->vault.location && strcasecmp(r->location, target->vault.location) != 0) {
        kg_err_set(err, KG_E_USAGE, "restoreLocation is '%s' and the vault is in '%s'", r->location, target->vault.location);
        kg_err_advise(err, "Restore in the vault's region.");
        return -(int)err->code;
    }
    return kg_catalog_point_get(c->api->catalog, target->instance.id, r->point, ret_point, err);
}

/* Reads the body and makes the task; validate: only whether it would work. */
static int make_task(struct kg_call *c, const struct kg_target *target, bool validate, struct kg_task **ret,
                     struct kg_point_row *ret_point, struct kg_restore_request *r, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *body = NULL;
    KG_AUTO_TASK struct kg_task *t = NULL;
    enum kg_datastore from;
    enum kg_task_kind kind;
    bool wait;

    if (kg_call_need_body(c, err) < 0)
        return -(int)err->code;
    body = kg_camel_case(c->body);
    if (kg_restore_request_parse(body, r, err) < 0 || check_request(c, target, r, ret_point, err) < 0 ||
        choose_copy(r, ret_point, &from, &wait, err) < 0)
        return -(int)err->code;
    kind = r->kind == KG_RESTORE_DATABASE ? KG_TASK_RESTORE_DATABASE : KG_TASK_RESTORE_FILES;
    t = kg_target_task(target, validate ? KG_TASK_VALIDATE_RESTORE : kind);
    if (kg_target_settings(body, t, err) < 0)
        return -(int)err->code;
    kg_json_set_str(t->params, "point", r->point);
    t->waits = !validate && wait;
    if (from == KG_DATASTORE_ARCHIVE || (validate && wait)) /* what is to be restored can be read there, too */
        kg_json_set_str(t->params, "store", kg_datastore_to_text(KG_DATASTORE_ARCHIVE));
    if ((r->kind == KG_RESTORE_DATABASE ? aim_at_database(c, target, r, t, err) : aim_at_files(c, target, r, t, err)) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(t);
    return 0;
}

static void describe_job(struct kg_job *job, const struct kg_restore_request *r, const struct kg_task *t,
                         const struct kg_point_row *point)
{
    struct kg_json *source = kg_json_object();
    char when[32];

    kg_json_set_str(source, "recoveryPointID", r->point);
    kg_json_set_str(source, "recoveryPointTime", kg_time_iso(point->time, when));
    kg_job_extend(job, "sourceRecoverPoint", source);
    kg_job_extend(job, "recoveryDestination", kg_json_string(r->kind == KG_RESTORE_DATABASE ? r->target.id : r->container_url));
    kg_json_set_str(job->properties, "sourceDataStoreName", t->waits ? "ArchiveStore" : kg_json_str_or(t->params, "store", "VaultStore"));
    kg_job_detail(job, "RestoreKind", r->kind == KG_RESTORE_DATABASE ? "RestoreAsDatabase" : "RestoreAsFiles");
    kg_job_detail(job, "TargetDatabase", kg_json_str(t->params, "targetDatabase"));
    kg_job_detail(job, "FilePrefix", kg_json_str(t->params, "prefix"));
}

/* A restore that waits: its job keeps the task until the point is there, and the point's document asks for that. */
static void let_wait(const struct kg_restore_request *r, const struct kg_task *t, struct kg_job *job, struct kg_point_row *point)
{
    struct kg_json *subtask = kg_json_object();

    kg_rehydration_ask(point->json, r->rehydration.high, r->rehydration.days, kg_now_wall());
    kg_json_set_str(job->properties, "rehydrationPriority", r->rehydration.high ? "High" : "Standard");
    kg_json_set_str(job->properties, "extendedInfo.progress.phase", "waiting for rehydration");
    kg_json_set_str(subtask, "event", "subtask");
    kg_json_set_u64(subtask, "id", 0);
    kg_json_set_str(subtask, "name", "Rehydrate the recovery point");
    (void)kg_job_apply(job, subtask);
    kg_json_free(subtask);
    job->waiting = kg_task_to_json(t);
}

static int start(struct kg_call *c, bool validate, struct kg_err *err)
{
    KG_CLEANUP(kg_restore_request_done) struct kg_restore_request r = { 0 };
    KG_CLEANUP(kg_point_row_done) struct kg_point_row point = { 0 };
    KG_AUTO_TARGET struct kg_target target = { 0 };
    KG_AUTO_TASK struct kg_task *t = NULL;
    KG_AUTO_JOB struct kg_job *job = NULL;

    if (kg_target_find(c, KG_TARGET_POINTS, &target, err) < 0 || make_task(c, &target, validate, &t, &point, &r, err) < 0)
        return -(int)err->code;
    if (!validate) {
        job = kg_make_task_job(&target.vault, &target.instance, t->kind, c->activity, c->who.name);
        kg_json_set_str(job->properties, "restoreType", "ALR");
        describe_job(job, &r, t, &point);
    }
    t->uid = c->who.uid;
    if (t->waits)
        let_wait(&r, t, job, &point);
    if (kg_call_prepare(c, t, job, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    if (t->waits && kg_catalog_point_update(tx, &point, err) < 0)
        return -(int)err->code;
    return kg_call_launch(c, &t, job ? &job : NULL, 202, NULL, NULL, err);
}

int kg_res_restore(struct kg_call *c, struct kg_err *err) { return start(c, false, err); }
int kg_res_validate_restore(struct kg_call *c, struct kg_err *err) { return start(c, true, err); }

/* ---- rehydration alone ---- */

/* Which point: the path's, else the body's. */
static int find_wish(struct kg_call *c, const char *instance, struct kg_rehydration_wish *ret, struct kg_point_row *ret_point,
                     struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *body = c->body ? kg_camel_case(c->body) : kg_json_object();
    KG_AUTO_FREE char *said = NULL;
    const char *point;

    if (kg_rehydration_parse(body, ret, &said, err) < 0)
        return -(int)err->code;
    point = kg_match_param(c->match, "point");
    if (!point && !(point = said))
        return kg_err_set(err, KG_E_USAGE, "recoveryPointId is missing");
    if (kg_catalog_point_get(c->api->catalog, instance, point, ret_point, err) < 0 ||
        kg_leaving_refuse(ret_point, KG_ANY_STORE, err) < 0)
        return -(int)err->code;
    if (there(ret_point) & archive_bit && !(kg_copies_damaged(ret_point->json) & there(ret_point) & vault_bit))
        return 0;
    if (kg_copies_in(ret_point->json) & archive_bit)
        return refuse_damaged(ret_point, err);
    kg_err_set(err, KG_E_CONFLICT, "recovery point '%s' is not in the archive", point);
    kg_err_advise(err, "Restore it as it is: it is in the VaultStore.");
    return -(int)err->code;
}

/* The copy is there, or on its way: it stays for as long as was asked for now. */
static int prolong(struct kg_call *c, const struct kg_point_row *point, struct kg_err *err)
{
    if (kg_catalog_point_update(c->api->catalog, point, err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 204, NULL, err);
}

int kg_res_rehydrate(struct kg_call *c, struct kg_err *err)
{
    KG_CLEANUP(kg_point_row_done) struct kg_point_row point = { 0 };
    KG_AUTO_TARGET struct kg_target target = { 0 };
    KG_AUTO_TASK struct kg_task *t = NULL;
    KG_AUTO_JOB struct kg_job *job = NULL;
    struct kg_rehydration_wish wish;

    if (kg_target_find(c, KG_TARGET_POINTS, &target, err) < 0 || find_wish(c, target.instance.id, &wish, &point, err) < 0)
        return -(int)err->code;
    if (!kg_rehydration_ask(point.json, wish.high, wish.days, kg_now_wall()))
        return prolong(c, &point, err);
    t = kg_copy_task(&target, KG_TASK_REHYDRATE, point.id, wish.high);
    job = kg_copy_job(&target, t, c->activity, c->who.name);
    if (kg_call_prepare(c, t, job, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = c->api->catalog;
    if (kg_catalog_point_update(tx, &point, err) < 0)
        return -(int)err->code;
    return kg_call_launch(c, &t, &job, 202, NULL, NULL, err);
}
