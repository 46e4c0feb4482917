/* api/api.h - the service's ARM API: what it stands on, and what it asks of whoever runs the work.
 *
 * Handlers never block. What takes longer becomes a task: the answer is 202 and an operation to follow; the task goes to
 * the environment (the engine), which runs it in a worker and records how it ended.
 *
 * Ownership: the struct and all it points to belong to the caller and outlive the HTTP server. Threads: the loop's. */
#ifndef KG_API_API_H
#define KG_API_API_H

#include "api/http.h"
#include "base/buf.h"
#include "catalog/catalog.h"
#include "crypto/secret.h"
#include "identity/identity.h"
#include "job/job.h"
#include "job/task.h"
#include "json/json.h"
#include "keepgres/err.h"
#include "keyvault/keyvault.h"

struct kg_api_env {
    void *arg;
    /* May this task be started now? KG_E_BUSY (its instance is busy), KG_E_LIMIT (too many wait), KG_E_NO_SERVICE. */
    int (*task_check)(void *arg, const struct kg_task *t, struct kg_err *err);
    /* Takes both; job may be NULL. The rows of operation and job are in the catalog already. Nothing happens at once:
     * the task begins after the handler has returned. */
    void (*task_start)(void *arg, struct kg_task *t, struct kg_job *job);
    /* Asks a job that has not ended to stop. KG_E_NOT_FOUND when this service does not run it. */
    int (*job_cancel)(void *arg, const char *job, struct kg_err *err);
    /* A job that has not ended, as it is at this moment; borrowed; NULL when this service does not run it. */
    const struct kg_job *(*job_live)(void *arg, const char *job);
    void (*job_flush)(void *arg, const char *job);      /* its log lines into the catalog, now */
    /* Is that recovery point (NULL: any) of the instance being deleted, or about to be? */
    bool (*point_leaves)(void *arg, const char *instance, const char *point);
    /* Does a task that has not ended use this vault or instance? One of the service's own does not count for an instance. */
    bool (*resource_busy)(void *arg, const char *id);
    struct kg_secret *(*take_key)(void *arg, const char *operation); /* a new recovery key, once; NULL: none (any more) */
    void (*facts)(void *arg, struct kg_json *ret);      /* about the running service */
    void (*stop)(void *arg, bool now);                  /* after the answer has gone */
    bool (*stopping)(void *arg);
    int (*confirm_clock)(void *arg, struct kg_err *err); /* it is right: deleting goes on */
};

struct kg_api {
    struct kg_catalog *catalog;
    struct kg_keyvault *keyvault;
    struct kg_identity *identity;
    struct kg_refusals *refusals;
    const char *region;          /* of the default resource group */
    const char *azure_extra_host; /* of the settings: one more host for key vaults in Azure */
    const char *vaults_dir;      /* where a Backup vault's data goes unless its PUT says otherwise */
    struct kg_api_env env;
};

extern const struct kg_http_ops kg_api_http_ops;   /* arg: struct kg_api * */

/* At first start: the default subscription and resource group. Does nothing when they are there. */
#define KG_DEFAULT_SUBSCRIPTION "00000000-0000-0000-0000-000000000001"
int kg_api_make_defaults(struct kg_api *api, struct kg_err *err) KG_MUST_CHECK;

/* docs/api.md, from the route table. */
void kg_api_docs(struct kg_buf *out);

#endif
