/* api/start.h - starting work: what the handlers and the engine's scheduler share.
 *
 * Threads: the loop's. */
#ifndef KG_API_START_H
#define KG_API_START_H

#include "api/api.h"

/* A backup instance with its vault; both ready for work. */
struct kg_target {
    struct kg_resource vault, instance;
    const struct kg_json *properties;   /* of the instance; borrowed */
};
void kg_target_done(struct kg_target *t);
#define KG_AUTO_TARGET KG_CLEANUP(kg_target_done)
/* For what: a new backup, for which it must be protected, or its recovery points, which it keeps when protection stops. */
enum kg_target_use { KG_TARGET_BACKUP, KG_TARGET_POINTS };
/* By the instance's id. KG_E_CONFLICT with the state when it is being set up or deleted, or is not there for that use. */
int kg_target_load(struct kg_api *api, const char *instance, enum kg_target_use use, struct kg_target *ret,
                   struct kg_err *err) KG_MUST_CHECK;

/* A task about the instance of t: resource, vault, instance filled in. */
struct kg_task *kg_target_task(const struct kg_target *t, enum kg_task_kind kind);
/* A backup of it, whose recovery point gets that tag of the policy; and its job. */
int kg_backup_task(const struct kg_target *target, const struct kg_resource *policy, const char *tag, struct kg_task **ret,
                   struct kg_err *err) KG_MUST_CHECK;
struct kg_job *kg_backup_job(const struct kg_target *target, const struct kg_task *t, const char *rule, const char *activity,
                             const char *by);

/* What asks for the same backup again: of the job that the schedule starts, which nobody asked for. The caller frees. */
struct kg_json *kg_backup_request(const struct kg_target *target, const char *rule, const char *tag);

/* A job about a vault, or an instance in it (NULL: about the vault). by: who wants it, NULL: the service itself. */
struct kg_job *kg_make_job(const struct kg_resource *vault, const struct kg_resource *instance, const char *operation,
                           const char *category, const char *activity, const char *by);
/* The job that tasks of this kind have. */
struct kg_job *kg_make_task_job(const struct kg_resource *vault, const struct kg_resource *instance, enum kg_task_kind kind,
                                const char *activity, const char *by);
/* Writes the row of a job whose work the caller does in the transaction that it has opened: done when that is committed. step
 * says what was done. */
int kg_note_job(struct kg_api *api, struct kg_job *job, const char *step, struct kg_err *err) KG_MUST_CHECK;

/* KG_E_CONFLICT with their names when points of the instance are held: it cannot be deleted. */
int kg_holds_refuse(struct kg_catalog *catalog, const struct kg_resource *instance, struct kg_err *err) KG_MUST_CHECK;

/* KG_E_LEAVING when copies in one of these stores (bits of enum kg_datastore) are being deleted, or may have been: nobody can be
 * promised that the point stays. Of an instance: when any copy of its points is. */
enum { KG_ANY_STORE = ~0u };
int kg_leaving_refuse(const struct kg_point_row *point, unsigned stores, struct kg_err *err) KG_MUST_CHECK;
int kg_leaving_refuse_any(struct kg_catalog *catalog, const struct kg_resource *instance, struct kg_err *err) KG_MUST_CHECK;

/* A copy of a recovery point into its other datastore: KG_TASK_TIERING or KG_TASK_REHYDRATE; and its job. */
struct kg_task *kg_copy_task(const struct kg_target *target, enum kg_task_kind kind, const char *point, bool first);
struct kg_job *kg_copy_job(const struct kg_target *target, const struct kg_task *t, const char *activity, const char *by);

/* Deleting an instance for good, with all its recovery points. */
struct kg_task *kg_purge_task(const char *vault, const char *instance);

/* Checks that the task may start, opens a transaction and writes the rows of its operation and job (job may be NULL). The
 * caller sets uid before, adds its own changes and calls kg_start_commit(); on any other way out it must roll back. */
int kg_start_prepare(struct kg_api *api, struct kg_task *t, const struct kg_job *job, struct kg_err *err) KG_MUST_CHECK;
/* Commits and starts; takes *t and *job. */
int kg_start_commit(struct kg_api *api, struct kg_task **t, struct kg_job **job, struct kg_err *err) KG_MUST_CHECK;

#endif
