/* Operations on both datastores of a vault: making, checking, collecting; copying points from one to the other, deleting copies.
 *
 * A copy of a point is never deleted on the word of anybody that there is another: that one is read first, see delete_some(). */
#include "worker/vault_in.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "plugin/jobs.h"
#include "vault/assay.h"

enum { ARCHIVE_LEVEL = 19 };

/* ---- vaults ---- */

/* Both or neither: a vault that is half made would be in the way of the next try. */
static int make_stores(const struct kg_op *op, struct kg_vault_in *v, struct kg_vault_in *archive, struct kg_err *err)
{
    struct kg_vault_spec spec = { .tier = KG_VAULT_STORE };
    const struct kg_secret *key;
    const char *path;

    if (kg_json_need_str(op->job, "storePath", &path, err) < 0 || kg_op_need_secret(op, "service-key", &key, err) < 0 ||
        kg_store_open_dir(path, true, &v->store, err) < 0 || kg_vault_create(v->store, &spec, key, &v->vault, err) < 0)
        return -(int)err->code;
    if (kg_vault_in_make_archive(op, v->vault, archive, err) == 0)
        return 0;
    kg_vault_unmake(v->vault);
    return -(int)err->code;
}

/* One recovery key for both. The one that was goes when the new one opens both and has been handed out: whatever fails before,
 * the key on somebody's paper still opens what it opened. */
static int issue_key(const struct kg_op *op, struct kg_vault *vault, struct kg_vault *archive, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *text = kg_vault_new_recovery_key();
    char slot[KG_VAULT_SLOT_NAME], archive_slot[KG_VAULT_SLOT_NAME];
    struct kg_err why = { 0 };

    if (kg_vault_add_recovery_key(vault, text, slot, err) < 0 ||
        (archive && kg_vault_add_recovery_key(archive, text, archive_slot, err) < 0) ||
        kg_op_send_secret(op, "recovery-key", text, err) < 0)
        return -(int)err->code;
    if (kg_vault_drop_other_recovery_keys(vault, slot, &why) < 0 ||
        (archive && kg_vault_drop_other_recovery_keys(archive, archive_slot, &why) < 0)) {
        kg_err_wrap(&why, "an older recovery key still opens the vault");
        kg_events_warn(op->ev, &why);
    }
    return 0;
}

int kg_op_vault_create(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_VAULT_IN struct kg_vault_in v = { 0 }, archive = { 0 };
    struct kg_json *j;

    if (make_stores(op, &v, &archive, err) < 0 || issue_key(op, v.vault, archive.vault, err) < 0)
        return -(int)err->code;
    j = kg_json_object();
    kg_json_set_str(j, "vaultId", kg_vault_id(v.vault));
    kg_json_set_str(j, "archiveId", kg_vault_id(archive.vault));
    *ret = j;
    return 0;
}

int kg_op_recovery_key(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_VAULT_IN struct kg_vault_in v = { 0 }, archive = { 0 };

    (void)ret;
    if (kg_vault_in_open_store(op, KG_VAULT_STORE, &v, err) < 0 ||
        (kg_op_has_archive(op) && kg_vault_in_open_store(op, KG_ARCHIVE_STORE, &archive, err) < 0))
        return -(int)err->code;
    return issue_key(op, v.vault, archive.vault, err);
}

/* ---- checking ---- */

static void on_check(void *ctx, uint64_t done, uint64_t total)
{
    kg_events_progress(ctx, &(struct kg_progress){ .phase = "check", .bytes_done = done, .bytes_total = total });
}

/* Recovery points that the vault has: "instance/point", sorted. */
struct names { char **name; size_t n, cap; };

static void names_done(struct names *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->name[i]);
    free(l->name);
}

static int add_full_name(void *ctx, const char *instance, const char *point, uint64_t size, struct kg_err *err)
{
    struct names *l = ctx;

    (void)size;
    (void)err;
    KG_GROW(l->name, l->n, l->cap);
    l->name[l->n++] = kg_xprintf("%s/%s", instance, point);
    return 0;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void add_affected(struct kg_json *affects, const char *instance, const char *point)
{
    struct kg_json *a = kg_json_object();

    kg_json_set_str(a, "instance", instance);
    kg_json_set_str(a, "point", point);
    kg_json_set_str(a, "what", "recovery point");
    kg_json_push(affects, a);
}

static void add_lost(struct kg_json *damage, const char *instance, const char *point)
{
    KG_AUTO_FREE char *object = kg_xprintf("points/%s/%s", instance, point);
    struct kg_json *d = kg_json_object(), *affects = kg_json_array();

    add_affected(affects, instance, point);
    kg_json_set_str(d, "object", object);
    kg_json_set_str(d, "problem", "the object is missing; the service knows this recovery point");
    kg_json_set_bool(d, "lost", true);
    kg_json_set(d, "affects", affects);
    kg_json_push(damage, d);
}

static bool has_text(const struct kg_json *list, const char *text)
{
    for (const struct kg_json *j = kg_json_first(list); j; j = kg_json_next(j))
        if (kg_json_value_str(j) && strcmp(kg_json_value_str(j), text) == 0)
            return true;
    return false;
}

/* Of a point: "stores", where its copies are; those of a job that says nothing are in the VaultStore. */
static bool is_expected(const struct kg_json *e, const char *store)
{
    const struct kg_json *stores = kg_json_get(e, "stores");

    return stores ? has_text(stores, store) : strcmp(store, KG_VAULT_STORE) == 0;
}

/* A manifest that was removed looks like that of a point that was deleted: only who made the points can miss one. The vault's
 * are listed last, so that none that was made meanwhile is missed. */
static int find_lost(const struct kg_op *op, const char *store, struct kg_vault *vault, struct kg_json *report, struct kg_err *err)
{
    KG_CLEANUP(names_done) struct names there = { 0 };
    struct kg_json *damage = kg_json_get_mutable(report, "damage");

    if (!kg_json_count(kg_json_get(op->job, "expected")))
        return 0;
    if (kg_point_list(vault, NULL, add_full_name, &there, err) < 0)
        return -(int)err->code;
    if (there.n)
        qsort(there.name, there.n, sizeof *there.name, by_text);
    for (const struct kg_json *e = kg_json_first(kg_json_get(op->job, "expected")); e; e = kg_json_next(e)) {
        const char *instance = kg_json_str_or(e, "instance", ""), *point = kg_json_str_or(e, "point", "");
        KG_AUTO_FREE char *name = kg_xprintf("%s/%s", instance, point);

        if (!is_expected(e, store))
            continue;
        if (!there.n || !bsearch(&name, there.name, there.n, sizeof *there.name, by_text))
            add_lost(damage, instance, point);
    }
    kg_json_set_bool(report, "healthy", kg_json_count(damage) == 0);
    return 0;
}

static int check_store(const struct kg_op *op, const char *store, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_VAULT_IN struct kg_vault_in v = { 0 };
    KG_AUTO_HOLD struct kg_presence *held = NULL;
    KG_AUTO_JSON struct kg_json *report = NULL;
    struct kg_events ev = *op->ev;
    struct kg_check_opts o = { .read_data = kg_json_bool(op->job, "readData", false), .progress = on_check, .ctx = &ev };

    if (kg_vault_in_open_store(op, store, &v, err) < 0)
        return -(int)err->code;
    kg_op_hold(op, v.vault, "check", &held);
    if (kg_vault_check(v.vault, &o, &report, err) < 0 || find_lost(op, store, v.vault, report, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(report);
    return 0;
}

/* An archive that cannot be opened at all is damage, too: the vault's report must not be lost over it. What is in it is
 * affected and not lost: a directory that is not mounted comes back ("unreadable": nothing is copied again for it). */
static struct kg_json *archive_unreadable(const struct kg_op *op, const struct kg_err *why)
{
    struct kg_json *j = kg_json_object(), *damage = kg_json_array(), *d = kg_json_object(), *affects = kg_json_array(),
                   *points = kg_json_array();

    kg_json_set_str(d, "object", "keepgres-vault");
    kg_json_set_str(d, "problem", why->msg);
    for (const struct kg_json *e = kg_json_first(kg_json_get(op->job, "expected")); e; e = kg_json_next(e)) {
        const char *instance = kg_json_str_or(e, "instance", ""), *point = kg_json_str_or(e, "point", "");
        KG_AUTO_FREE char *name = kg_xprintf("%s/%s", instance, point);

        if (!is_expected(e, KG_ARCHIVE_STORE))
            continue;
        add_affected(affects, instance, point);
        kg_json_push_str(points, name);
    }
    kg_json_set(d, "points", points);
    kg_json_set(d, "affects", affects);
    kg_json_push(damage, d);
    kg_json_set_bool(j, "healthy", false);
    kg_json_set_bool(j, "unreadable", true);
    kg_json_set(j, "damage", damage);
    return j;
}

/* The archive's report into the vault's: damage in one list, each with its store. */
static void join_reports(struct kg_json *report, struct kg_json *archive)
{
    KG_AUTO_JSON struct kg_json *theirs = kg_json_take(archive, "damage");
    struct kg_json *damage = kg_json_get_mutable(report, "damage");

    for (const struct kg_json *d = kg_json_first(theirs); d; d = kg_json_next(d)) {
        struct kg_json *copy = kg_json_copy(d);

        kg_json_set_str(copy, "store", KG_ARCHIVE_STORE);
        kg_json_push(damage, copy);
    }
    kg_json_set_bool(report, "healthy", kg_json_count(damage) == 0);
    kg_json_set(report, "archive", archive);
}

int kg_op_vault_check(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *report = NULL;
    struct kg_json *archive = NULL;
    struct kg_err why = { 0 };

    if (check_store(op, KG_VAULT_STORE, &report, err) < 0)
        return -(int)err->code;
    if (kg_op_has_archive(op)) {
        if (check_store(op, KG_ARCHIVE_STORE, &archive, &why) < 0) {
            if (why.code == KG_E_CANCELLED) {
                *err = why;
                return -(int)err->code;
            }
            archive = archive_unreadable(op, &why);
        }
        join_reports(report, archive);
    }
    *ret = KG_TAKE(report);
    return 0;
}

/* ---- measuring ---- */

static int measure_store(const struct kg_op *op, const char *store, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_VAULT_IN struct kg_vault_in v = { 0 };
    KG_AUTO_HOLD struct kg_presence *held = NULL;

    if (kg_vault_in_open_store(op, store, &v, err) < 0)
        return -(int)err->code;
    kg_op_hold(op, v.vault, "usage", &held);
    return kg_vault_usage(v.vault, ret, err);
}

/* The vault's report, with "archive": the archive's; or, when that cannot be measured, "archiveProblem": why. */
int kg_op_vault_usage(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *report = NULL;
    struct kg_json *archive = NULL;
    struct kg_err why = { 0 };

    if (measure_store(op, KG_VAULT_STORE, &report, err) < 0)
        return -(int)err->code;
    if (kg_op_has_archive(op) && measure_store(op, KG_ARCHIVE_STORE, &archive, &why) < 0) {
        if (why.code == KG_E_CANCELLED) {
            *err = why;
            return -(int)err->code;
        }
        kg_json_set_str(report, "archiveProblem", why.msg);
    }
    if (archive)
        kg_json_set(report, "archive", archive);
    *ret = KG_TAKE(report);
    return 0;
}

/* ---- collecting ---- */

static bool shall_stop(void *ctx) { return kg_events_cancelled(ctx); }

static void log_collected(const struct kg_op *op, const struct kg_json *report)
{
    char freed[16];

    for (const struct kg_json *w = kg_json_first(kg_json_get(report, "waitingFor")); w; w = kg_json_next(w))
        kg_events_log(op->ev, "waiting for: %s on '%s' since %s", kg_json_str_or(w, "what", "?"), kg_json_str_or(w, "host", "?"),
                      kg_json_str_or(w, "since", "?"));
    kg_events_log(op->ev, "%" PRIu64 " packs deleted, %s freed", kg_json_u64(report, "deletedPacks", 0),
                  kg_human_bytes(kg_json_u64(report, "freedBytes", 0), freed));
}

/* The points that the service knows to have a copy in that store, with "lost": this one. */
static struct kg_json *expected_in(const struct kg_op *op, const char *store)
{
    const struct kg_json *all = kg_json_get(op->job, "expected");
    struct kg_json *list = all ? kg_json_array() : NULL;

    for (const struct kg_json *e = kg_json_first(all); e; e = kg_json_next(e)) {
        struct kg_json *copy;

        if (!is_expected(e, store))
            continue;
        kg_json_push(list, copy = kg_json_copy(e));
        kg_json_set_bool(copy, "lost", has_text(kg_json_get(e, "lostIn"), store));
    }
    return list;
}

static int collect_store(const struct kg_op *op, const char *store, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_VAULT_IN struct kg_vault_in v = { 0 };
    KG_AUTO_JSON struct kg_json *expected = expected_in(op, store);
    struct kg_events ev = *op->ev;
    struct kg_collect_opts o = { .dry_run = kg_json_bool(op->job, "dryRun", false),
                                 .take_over = kg_json_bool(op->job, "takeOver", false), .cancelled = shall_stop, .ctx = &ev,
                                 .expected = expected };

    if (kg_vault_in_open_store(op, store, &v, err) < 0 || kg_vault_collect(v.vault, &o, ret, err) < 0)
        return -(int)err->code;
    if (!o.dry_run)
        log_collected(op, *ret);
    return 0;
}

int kg_op_vault_collect(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *report = NULL;
    struct kg_json *archive = NULL;
    struct kg_err why = { 0 };

    kg_events_progress(op->ev, &(struct kg_progress){ .phase = "collect" });
    if (collect_store(op, KG_VAULT_STORE, &report, err) < 0)
        return -(int)err->code;
    if (kg_op_has_archive(op) && collect_store(op, KG_ARCHIVE_STORE, &archive, &why) < 0) {
        if (why.code == KG_E_CANCELLED) {
            *err = why;
            return -(int)err->code;
        }
        kg_events_warn(op->ev, &why); /* what the vault gave back, it gave back */
        kg_json_set_bool(report, "archiveSkipped", true);
    }
    if (archive)
        kg_json_set(report, "archive", archive);
    *ret = KG_TAKE(report);
    return 0;
}

/* ---- copying ---- */

static void on_copied(void *ctx, uint64_t done, uint64_t total)
{
    const struct kg_op *op = ctx;

    kg_events_progress(op->ev, &(struct kg_progress){ .phase = "copy", .bytes_done = done, .bytes_total = total });
}

static bool is_cancelled(void *ctx)
{
    const struct kg_op *op = ctx;

    return kg_events_cancelled(op->ev);
}

enum { OPENING = 1, COPYING, COMPARING };

static void subtask(const struct kg_op *op, int id, const char *status)
{
    bool back = strcmp(kg_json_str_or(op->job, "to", ""), KG_VAULT_STORE) == 0;
    const char *names[] = { "", "Open the datastores", back ? "Rehydrate to the VaultStore" : "Copy to the ArchiveStore",
                            "Compare the copy" };

    kg_events_subtask(op->ev, id, names[id], status);
}

static void set_no_key(struct kg_err *why, const char *store)
{
    kg_err_set(why, KG_E_WRONG_KEY, "the vault's %s is opened by the service's key only, by no recovery key", store);
    kg_err_advise(why, "Issue another recovery key with 'keepgres vault recovery-key': it opens both.");
}

/* Said by every job that copies, until it is so no more: one day the archive's copy is the only one. */
static int warn_of_key(const struct kg_op *op, struct kg_vault *archive, struct kg_err *err)
{
    struct kg_err why = { 0 };
    bool has;

    if (kg_vault_has_recovery_key(archive, &has, err) < 0)
        return -(int)err->code;
    if (has)
        return 0;
    set_no_key(&why, KG_ARCHIVE_STORE);
    kg_events_warn(op->ev, &why);
    return 0;
}

/* A vault that is older than archives gets one when the first point goes there. */
static int open_or_make_archive(const struct kg_op *op, struct kg_vault_in *vault, struct kg_vault_in *archive, struct kg_err *err)
{
    struct kg_err old = { 0 };

    if (kg_vault_in_open_store(op, KG_VAULT_STORE, vault, err) < 0)
        return -(int)err->code;
    if (kg_op_has_archive(op))
        return kg_vault_in_open_store(op, KG_ARCHIVE_STORE, archive, err);
    if (kg_vault_in_open_store(op, KG_ARCHIVE_STORE, archive, &old) == 0)
        return 0; /* made by a worker whose last word was lost */
    if (old.code != KG_E_NOT_FOUND) {
        *err = old;
        return -(int)err->code;
    }
    return kg_vault_in_make_archive(op, vault->vault, archive, err);
}

static int open_both(const struct kg_op *op, struct kg_vault_in *vault, struct kg_vault_in *archive, struct kg_err *err)
{
    if (open_or_make_archive(op, vault, archive, err) < 0)
        return -(int)err->code;
    return warn_of_key(op, archive->vault, err);
}

static struct kg_json *copy_result(const struct kg_copy_result *r, const struct kg_vault *archive, const char *to)
{
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "store", to);
    kg_json_set_bool(j, "already", r->already);
    kg_json_set_u64(j, "bytes", r->bytes);
    kg_json_set_u64(j, "newBytes", r->new_bytes);
    kg_json_set_u64(j, "storedBytes", r->stored_bytes);
    kg_json_set_str(j, "archiveId", kg_vault_id(archive));
    return j;
}

static int copy_and_compare(const struct kg_op *op, struct kg_vault *from, struct kg_vault *to, struct kg_copy_result *ret,
                            struct kg_err *err)
{
    struct kg_copy_opts o = { .jobs = kg_jobs_wanted((unsigned)kg_json_u64(op->job, "settings.jobs", 0)), .progress = on_copied,
                              .anew = kg_json_bool(op->job, "anew", false), .cancelled = is_cancelled, .ctx = (void *)(uintptr_t)op };
    const char *instance, *point;
    struct kg_copy_result again;

    o.level = (int)(strcmp(kg_vault_tier(to), KG_ARCHIVE_STORE) == 0 ? kg_json_u64(op->job, "settings.archiveLevel", ARCHIVE_LEVEL)
                                                                     : kg_json_u64(op->job, "settings.level", 3));
    if (kg_json_need_str(op->job, "instance", &instance, err) < 0 || kg_json_need_str(op->job, "point", &point, err) < 0)
        return -(int)err->code;
    subtask(op, COPYING, "InProgress");
    if (kg_point_copy(from, to, instance, point, &o, ret, err) < 0)
        return -(int)err->code;
    subtask(op, COPYING, "Completed");
    subtask(op, COMPARING, "InProgress");
    if (kg_point_copy(from, to, instance, point, &o, &again, err) < 0)
        return -(int)err->code;
    subtask(op, COMPARING, "Completed");
    return 0;
}

int kg_op_point_copy(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_VAULT_IN struct kg_vault_in vault = { 0 }, archive = { 0 };
    struct kg_copy_result r;
    const char *to;
    bool back;

    subtask(op, OPENING, "InProgress");
    if (kg_json_need_str(op->job, "to", &to, err) < 0 || open_both(op, &vault, &archive, err) < 0)
        return -(int)err->code;
    subtask(op, OPENING, "Completed");
    back = strcmp(to, KG_VAULT_STORE) == 0;
    if (copy_and_compare(op, back ? archive.vault : vault.vault, back ? vault.vault : archive.vault, &r, err) < 0)
        return -(int)err->code;
    *ret = copy_result(&r, archive.vault, to);
    return 0;
}

/* ---- deleting ---- */

static int add_name(void *ctx, const char *instance, const char *point, uint64_t size, struct kg_err *err)
{
    struct names *l = ctx;

    (void)instance;
    (void)size;
    (void)err;
    KG_GROW(l->name, l->n, l->cap);
    l->name[l->n++] = kg_xstrdup(point);
    return 0;
}

static int delete_point(struct kg_vault *v, const char *instance, const char *point, struct kg_err *err)
{
    if (kg_point_delete(v, instance, point, err) == 0)
        return 0;
    if (err->code != KG_E_NO_POINT)
        return -(int)err->code;
    *err = (struct kg_err){ 0 }; /* deleting twice is deleting */
    return 0;
}

/* Everything of an instance in one store. */
static int delete_all(struct kg_vault *v, const char *instance, uint64_t *deleted, struct kg_err *err)
{
    KG_CLEANUP(names_done) struct names all = { 0 };

    if (kg_point_list(v, instance, add_name, &all, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < all.n; i++, ++*deleted)
        if (delete_point(v, instance, all.name[i], err) < 0)
            return -(int)err->code;
    return 0;
}

static bool is_among(const struct kg_json *list, const char *text)
{
    for (const struct kg_json *j = kg_json_first(list); j; j = kg_json_next(j))
        if (kg_json_value_str(j) && strcmp(kg_json_value_str(j), text) == 0)
            return true;
    return false;
}

/* What a job deletes of some points, and what it says of those that it leaves. */
struct deleting {
    const struct kg_op *op;
    struct kg_vault *v, *other;          /* the store that is left; the other one, when a copy there is counted on */
    const char *instance;
    struct kg_assay *assay;              /* of the other one */
    struct kg_err no_key;                /* why no copy may leave on the strength of the other one at all */
    struct kg_json *result;
    uint64_t deleted;
};

/* kept: {"point","problem","again":bool}; again: what is wrong is with the other copy itself. */
static void keep(struct deleting *d, const char *point, const struct kg_err *why, bool again)
{
    struct kg_json *k = kg_json_object();
    struct kg_err told = *why;

    kg_json_set_str(k, "point", point);
    kg_json_set_str(k, "problem", why->msg);
    kg_json_set_bool(k, "again", again);
    kg_json_push(kg_json_get_mutable(d->result, "kept"), k);
    kg_err_wrap(&told, "recovery point %s stays in the %s", point, kg_vault_tier(d->v));
    kg_events_warn(d->op->ev, &told);
}

/* Whoever has lost the service's key opens the vault with the recovery key: no copy leaves it for an archive that this does not open.
 * A vault that has none itself promises nothing of the kind. */
static int compare_keys(struct deleting *d, struct kg_err *err)
{
    bool here, there;

    if (kg_vault_has_recovery_key(d->v, &here, err) < 0 || kg_vault_has_recovery_key(d->other, &there, err) < 0)
        return -(int)err->code;
    if (here && !there)
        set_no_key(&d->no_key, kg_vault_tier(d->other));
    return 0;
}

/* 1: all of the other copy is there, and opens; 0: the point is told as kept. */
static int prove_other(struct deleting *d, const char *point, struct kg_err *err)
{
    struct kg_err why = { 0 };

    if (d->no_key.code) {
        keep(d, point, &d->no_key, false);
        return 0;
    }
    if (kg_assay_point(d->assay, d->instance, point, &why) == 0)
        return 1;
    if (why.code == KG_E_CANCELLED) {
        *err = why;
        return -(int)err->code;
    }
    kg_err_wrap(&why, "its copy in the %s is not whole", kg_vault_tier(d->other));
    keep(d, point, &why, why.code == KG_E_CORRUPT || why.code == KG_E_NO_POINT);
    return 0;
}

/* What cannot be read may be there. */
static bool is_point_there(const struct deleting *d, const char *point)
{
    KG_AUTO_JSON struct kg_json *manifest = NULL;
    struct kg_err why = { 0 };

    return kg_point_get(d->v, d->instance, point, &manifest, &why) == 0 || why.code != KG_E_NO_POINT;
}

/* The copies of some points in one store. Of those named in "elsewhere" the other store must have one that is whole, or nothing is
 * deleted. */
static int delete_copies(struct deleting *d, struct kg_err *err)
{
    const struct kg_json *points = kg_json_get(d->op->job, "points"), *elsewhere = kg_json_get(d->op->job, "elsewhere");

    for (const struct kg_json *p = kg_json_first(points); p; p = kg_json_next(p)) {
        const char *point = kg_json_value_str(p);
        int r = 1;

        if (!point)
            continue;
        if (is_cancelled((void *)(uintptr_t)d->op))
            return kg_err_set(err, KG_E_CANCELLED, "the deletion was cancelled");
        if (d->other && is_among(elsewhere, point) && is_point_there(d, point))
            r = prove_other(d, point, err);
        if (r < 0 || (r == 1 && delete_point(d->v, d->instance, point, err) < 0))
            return -(int)err->code;
        d->deleted += r == 1;
    }
    return 0;
}

/* Of points whose deletion began and was not ended: those that are there. */
static int look_for(struct deleting *d, const struct kg_json *points, struct kg_err *err)
{
    KG_CLEANUP(names_done) struct names there = { 0 };
    struct kg_json *list = kg_json_array();

    kg_json_set(d->result, "there", list);
    if (!kg_json_count(points))
        return 0;
    if (kg_point_list(d->v, d->instance, add_name, &there, err) < 0)
        return -(int)err->code;
    for (const struct kg_json *p = kg_json_first(points); p; p = kg_json_next(p))
        for (size_t i = 0; i < there.n; i++)
            if (kg_json_value_str(p) && strcmp(there.name[i], kg_json_value_str(p)) == 0)
                kg_json_push_str(list, there.name[i]);
    return 0;
}

static int begin_assay(struct deleting *d, struct kg_err *err)
{
    struct kg_assay_opts o = { .cancelled = is_cancelled, .ctx = (void *)(uintptr_t)d->op };

    if (compare_keys(d, err) < 0)
        return -(int)err->code;
    return d->no_key.code ? 0 : kg_assay_begin(d->other, &o, &d->assay, err);
}

/* "points" and "elsewhere" leave the store; of "settle" it is told which are there. */
static int delete_some(const struct kg_op *op, struct kg_vault *v, struct kg_vault *other, struct kg_json *result, struct kg_err *err)
{
    KG_AUTO_HOLD struct kg_presence *held = NULL;
    struct deleting d = { .op = op, .v = v, .other = other, .result = result };
    int r = 0;

    if (kg_json_need_str(op->job, "instance", &d.instance, err) < 0)
        return -(int)err->code;
    if (other) {
        kg_op_hold(op, other, "check", &held);
        r = begin_assay(&d, err);
    }
    if (r == 0)
        r = delete_copies(&d, err);
    if (r == 0)
        r = look_for(&d, kg_json_get(op->job, "settle"), err);
    kg_assay_free(d.assay);
    kg_json_set_u64(result, "deleted", d.deleted);
    return r;
}

int kg_op_point_delete(const struct kg_op *op, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_VAULT_IN struct kg_vault_in v = { 0 }, other = { 0 };
    KG_AUTO_JSON struct kg_json *result = kg_json_object();
    bool all = kg_json_type(kg_json_get(op->job, "points")) != KG_JSON_ARRAY;
    bool archive = strcmp(kg_op_store(op), KG_ARCHIVE_STORE) == 0;
    bool need_other = all ? kg_op_has_archive(op) : kg_json_count(kg_json_get(op->job, "elsewhere")) > 0;
    const char *instance;
    uint64_t deleted = 0;

    kg_json_set(result, "kept", kg_json_array());
    if (kg_json_need_str(op->job, "instance", &instance, err) < 0 || kg_vault_in_open(op, &v, err) < 0 ||
        (need_other && kg_vault_in_open_store(op, archive ? KG_VAULT_STORE : KG_ARCHIVE_STORE, &other, err) < 0))
        return -(int)err->code;
    if (!all) {
        if (delete_some(op, v.vault, other.vault, result, err) < 0)
            return -(int)err->code;
    } else {
        if (delete_all(v.vault, instance, &deleted, err) < 0 ||
            (other.vault && delete_all(other.vault, instance, &deleted, err) < 0))
            return -(int)err->code;
        kg_json_set_u64(result, "deleted", deleted);
    }
    *ret = KG_TAKE(result);
    return 0;
}
