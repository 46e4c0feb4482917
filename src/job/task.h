/* job/task.h - what a worker can be asked to do for the service, one row a kind, and one such request.
 *
 * A task belongs to an operation that a caller may follow; the big ones (job not NULL in the row) also to a job that is
 * kept and shown. Tasks live in memory only: what a service that ended left unfinished is settled at the next start.
 *
 * Ownership: kg_task_new() gives, kg_task_free() takes. */
#ifndef KG_JOB_TASK_H
#define KG_JOB_TASK_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/cleanup.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "json/json.h"

enum kg_task_kind {
    KG_TASK_PUT_VAULT,
    KG_TASK_RECOVERY_KEY,
    KG_TASK_CHECK,
    KG_TASK_COLLECT,
    KG_TASK_PUT_INSTANCE,
    KG_TASK_DELETE_INSTANCE,
    KG_TASK_VALIDATE_BACKUP,
    KG_TASK_VALIDATE_MANY,
    KG_TASK_GRANT_SCRIPT,
    KG_TASK_BACKUP,
    KG_TASK_VALIDATE_RESTORE,
    KG_TASK_RESTORE_DATABASE,
    KG_TASK_RESTORE_FILES,
    KG_TASK_TEST_SERVER,
    KG_TASK_LIST_DATABASES,
    KG_TASK_POINT_CONTENTS,
    KG_TASK_LIST_CONTENTS,      /* the same as a list */
    KG_TASK_SECRETS,            /* of a key vault in Azure */
    KG_TASK_TIERING,            /* the service's own: a recovery point's copy in the archive */
    KG_TASK_REHYDRATE,          /* and back */
    KG_TASK_EXPIRE,             /* the service's own: copies of recovery points whose time is over */
    KG_TASK_ADOPT,              /* the service's own: which recovery points does the vault have? */
    KG_TASK_USAGE,              /* the service's own: how full is the vault? */
    KG_TASK_SYNC,               /* catalog and vault agree on an instance's points */
    KG_TASK_REVALIDATE,         /* is the database of an instance still ready? */
    KG_TASK_BURY,               /* the service's own: points that turned up of an instance that was deleted */
    KG_TASK_KIND_COUNT_,
};

/* A backup makes points, a copy reads and writes their copies: side by side. What deletes points is alone. */
enum { KG_LANE_BACKUP = 1, KG_LANE_COPY = 2, KG_LANE_BOTH = 3 };

struct kg_task_row {
    const char *name;           /* kind of the operation in the catalog */
    const char *worker;         /* "operation" of the worker's job */
    const char *job;            /* "Backup", "Restore"…; NULL: no job */
    const char *category;       /* operationCategory of the job */
    bool heavy;                 /* takes one of the host's few places; light ones have places of their own */
    unsigned lanes;             /* of a backup instance, as bits: at most one task at a time in each; 0: any number */
    bool settings;              /* the worker gets the data path's settings */
    const char *step;           /* what the job's only sub-task is called, when the worker reports none; or NULL */
    bool own;                   /* the service starts it when it sees fit: what somebody asks for is never refused for it, but waits */
    bool validates;             /* checks the databases of params.rows, see readiness/round.h */
};

const struct kg_task_row *kg_task_row(enum kg_task_kind k);
int kg_task_kind_from_name(const char *name);       /* -1 when unknown */

struct kg_task {
    enum kg_task_kind kind;
    char *operation;            /* id of the operation; NULL for the service's own */
    char *job;                  /* GUID, or NULL */
    char *resource;             /* id of what it is about; NULL for the service's own */
    char *vault, *instance;     /* ids, or NULL */
    char *container;            /* id of a container that is written to, or NULL */
    char *server, *secret;      /* server's id and secret's URI when the worker connects; both are looked up at its start */
    char *keyvault;             /* id of a key vault in Azure that the worker is to ask, or NULL */
    struct kg_secret *value;    /* for it to keep there, or NULL; goes to the worker */
    struct kg_json *params;     /* the worker's own fields */
    uid_t uid;                  /* who asked */
    bool first;                 /* goes before those that wait for a worker */
    bool waits;                 /* for its recovery point to be rehydrated */
    kg_usec scheduled;          /* wall: the start in its policy's schedule that a backup is; 0: somebody asked for it */
};

struct kg_task *kg_task_new(enum kg_task_kind kind);
/* A task that outlives the service: what the catalog keeps of it, without its operation and value. NULL: that is no task. */
struct kg_json *kg_task_to_json(const struct kg_task *t);
struct kg_task *kg_task_from_json(const struct kg_json *j);
void kg_task_free(struct kg_task *t);
KG_DEFINE_CLEANUP(struct kg_task, kg_task_free)
#define KG_AUTO_TASK KG_CLEANUP(kg_task_freep)

#endif
