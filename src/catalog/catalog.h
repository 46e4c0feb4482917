/* catalog/catalog.h - what the service knows: resources, sealed secrets, jobs and their logs, asynchronous operations,
 * recovery points, and a few remembered values. One interface, several drivers; the driver "sqlite" keeps one file.
 *
 * Ownership:  kg_catalog_open_*() gives the caller a catalog, kg_catalog_close() takes it back. Rows handed out belong
 *             to the caller: ..._done() releases what is inside and may be called on a zeroed row. A row handed in is read.
 * Atomicity:  every writing function is one transaction by itself, or part of the one that kg_catalog_begin() opened.
 *             After a crash at any moment the catalog is as the last commit left it.
 * IDs:        resources are found ignoring ASCII case; the spelling of the PUT that made them is what is answered.
 * Threads:    one catalog, one thread, one process that writes.
 * Failures:   besides those named below: KG_E_IO, KG_E_DISK_FULL, KG_E_CORRUPT (the file is damaged), KG_E_BUSY
 *             (another process holds it).
 * Every driver is held to this by tests/contract/test_catalog_contract.c. */
#ifndef KG_CATALOG_CATALOG_H
#define KG_CATALOG_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/cleanup.h"
#include "base/time.h"
#include "json/json.h"
#include "keepgres/err.h"

struct kg_catalog;

enum {
    KG_PAGE_MAX = 1000,                 /* rows in one answer of any list; top 0 means this many */
    KG_JOB_LOG_LINES = 2000,            /* per job; older lines make room for newer ones */
    KG_JOB_LOG_LINE_BYTES = 4096,       /* longer lines are cut */
    KG_CATALOG_JSON_MAX = 4 << 20,      /* bytes of one JSON document */
};

/* The file is made (0600) when it is missing and brought to the newest schema; ":memory:" keeps nothing.
 * KG_E_UNSUPPORTED when the file is another program's, or was written by a newer keepgres. */
int kg_catalog_open_sqlite(const char *path, struct kg_catalog **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_catalog_close(struct kg_catalog *c);   /* rolls back what is open; NULL is allowed */
KG_DEFINE_CLEANUP(struct kg_catalog, kg_catalog_close)

/* Transactions. They do not nest: begin inside one is a bug. After a failed commit the transaction is rolled back. */
int kg_catalog_begin(struct kg_catalog *c, struct kg_err *err) KG_MUST_CHECK;
int kg_catalog_commit(struct kg_catalog *c, struct kg_err *err) KG_MUST_CHECK;
void kg_catalog_rollback(struct kg_catalog *c); /* nothing happens outside a transaction */
KG_DEFINE_CLEANUP(struct kg_catalog, kg_catalog_rollback)
/* KG_AUTO_ROLLBACK struct kg_catalog *tx = c; after begin(): undone on every way out that did not commit. */
#define KG_AUTO_ROLLBACK KG_CLEANUP(kg_catalog_rollbackp)

/* Reads every page and checks every index and reference. KG_E_CORRUPT with the first finding. */
int kg_catalog_check(struct kg_catalog *c, struct kg_err *err) KG_MUST_CHECK;

/* ---- resources ---- */

struct kg_resource {
    char *id;                /* as first written */
    char *key;               /* lower case; set by the catalog */
    char *type;              /* "Microsoft.KeyVault/vaults": taken from the id by the catalog, spelled as in the id */
    char *name;              /* the last name of the id, decoded */
    char *location;          /* NULL for what has none */
    char *etag;
    struct kg_json *json;    /* the service's to shape: the answer's properties, tags, …, and what it must remember */
    kg_usec created, updated; /* wall */
};
void kg_resource_done(struct kg_resource *r);
#define KG_AUTO_RESOURCE KG_CLEANUP(kg_resource_done)

enum kg_put_mode {
    KG_PUT_ANY,              /* create or replace */
    KG_PUT_CREATE,           /* KG_E_EXISTS when it is there */
    KG_PUT_REPLACE,          /* KG_E_NOT_FOUND when it is not */
};
/* Stores a resource under id. if_match (or NULL) must be the current etag: KG_E_PRECONDITION otherwise, also when the
 * resource is not there. The parent must exist (for a database-like child too): KG_E_NOT_FOUND naming it; subscriptions
 * have none. Replacing keeps id's spelling and created. KG_E_USAGE for a malformed id. ret may be NULL; otherwise it is
 * the row as stored. */
int kg_catalog_put(struct kg_catalog *c, const char *id, const char *location, const struct kg_json *json,
                   enum kg_put_mode mode, const char *if_match, struct kg_resource *ret,
                   struct kg_err *err) KG_MUST_CHECK;
int kg_catalog_get(struct kg_catalog *c, const char *id, struct kg_resource *ret, struct kg_err *err) KG_MUST_CHECK;
int kg_catalog_exists(struct kg_catalog *c, const char *id, bool *ret, struct kg_err *err) KG_MUST_CHECK;
/* KG_E_NOT_FOUND; KG_E_CONFLICT naming one of them while it has children. Secrets of a key vault and recovery points of
 * an instance are no children: their rows go with it, so ask before (_secret_list, _point_count). Jobs stay. */
int kg_catalog_delete(struct kg_catalog *c, const char *id, struct kg_err *err) KG_MUST_CHECK;

struct kg_resource_query {
    const char *type;        /* NULL: any */
    const char *under;       /* an id; the resource itself is not in the answer. NULL: anywhere */
    const char *parent;      /* direct children of this id only. NULL: any depth */
    const char *name;        /* NULL: any; ignoring case */
    const char *after;       /* kg_resource_list.next of the page before */
    unsigned top;
};
struct kg_resource_list {
    struct kg_resource *rows; /* by id */
    size_t count;
    char *next;               /* NULL: that was all */
};
void kg_resource_list_done(struct kg_resource_list *l);
#define KG_AUTO_RESOURCE_LIST KG_CLEANUP(kg_resource_list_done)
int kg_catalog_list(struct kg_catalog *c, const struct kg_resource_query *q, struct kg_resource_list *ret,
                    struct kg_err *err) KG_MUST_CHECK;
int kg_catalog_count(struct kg_catalog *c, const struct kg_resource_query *q, uint64_t *ret,
                     struct kg_err *err) KG_MUST_CHECK;

/* ---- secrets: sealed, never plain ---- */

struct kg_secret_row {
    char *keyvault;          /* id of the key vault resource; found ignoring case */
    char *name;              /* found ignoring case */
    char *version;           /* 32 hexadecimal digits */
    uint8_t *sealed;         /* NULL in lists */
    size_t sealed_len;
    bool enabled;
    kg_usec not_before, expires; /* wall; 0: none */
    char *content_type;      /* or NULL */
    kg_usec created, updated;
};
void kg_secret_row_done(struct kg_secret_row *r);
struct kg_secret_list {
    struct kg_secret_row *rows;
    size_t count;
    char *next;
};
void kg_secret_list_done(struct kg_secret_list *l);

int kg_catalog_secret_put(struct kg_catalog *c, const struct kg_secret_row *row,
                          struct kg_err *err) KG_MUST_CHECK; /* KG_E_EXISTS */
/* version NULL: the newest that is enabled and, now, within its dates. KG_E_NO_SECRET. */
int kg_catalog_secret_get(struct kg_catalog *c, const char *keyvault, const char *name, const char *version,
                          struct kg_secret_row *ret, struct kg_err *err) KG_MUST_CHECK;
/* Replaces enabled, dates, content type and updated of a version. KG_E_NO_SECRET. */
int kg_catalog_secret_update(struct kg_catalog *c, const struct kg_secret_row *row, struct kg_err *err) KG_MUST_CHECK;
/* name NULL: the newest version of every secret, by name; otherwise all versions of that one, newest first. */
int kg_catalog_secret_list(struct kg_catalog *c, const char *keyvault, const char *name, const char *after,
                           unsigned top, struct kg_secret_list *ret, struct kg_err *err) KG_MUST_CHECK;
/* All versions. name NULL: every secret of the key vault, and no error when there is none. KG_E_NO_SECRET. */
int kg_catalog_secret_delete(struct kg_catalog *c, const char *keyvault, const char *name,
                             struct kg_err *err) KG_MUST_CHECK;

/* ---- jobs ---- */

struct kg_job_row {
    char *id;                /* GUID */
    char *vault;             /* resource ids; found ignoring case */
    char *instance;          /* or NULL */
    char *operation;         /* "Backup", "Restore", "Check"… */
    char *kind;              /* "OnDemandBackup", "ScheduledBackup", "Restore", "Management"…; NULL: none */
    char *status;            /* "InProgress"… */
    kg_usec start;           /* wall */
    kg_usec end;             /* 0 while it runs */
    struct kg_json *json;    /* properties of the answer, and what the job room remembers */
};
void kg_job_row_done(struct kg_job_row *r);
#define KG_AUTO_JOB_ROW KG_CLEANUP(kg_job_row_done)
struct kg_job_query {
    const char *vault, *instance, *operation, *status; /* NULL: any; text ignoring case */
    const char *under;       /* an id: jobs of the vaults below it. NULL: anywhere */
    const struct kg_json *statuses, *kinds, *vault_names; /* arrays of texts, ignoring case: one of these. NULL: any */
    kg_usec from, to;        /* start in [from, to); 0: open */
    kg_usec ended_before;    /* 0: any; otherwise those with an end before it */
    bool unfinished;         /* only those with end 0 */
    bool and_unfinished;     /* list only: of those before from, the ones with end 0 all the same */
    const char *after;
    unsigned top;
};
struct kg_job_list {
    struct kg_job_row *rows; /* newest start first */
    size_t count;
    char *next;
};
void kg_job_list_done(struct kg_job_list *l);
#define KG_AUTO_JOB_LIST KG_CLEANUP(kg_job_list_done)

int kg_catalog_job_insert(struct kg_catalog *c, const struct kg_job_row *row,
                          struct kg_err *err) KG_MUST_CHECK; /* KG_E_EXISTS */
/* Replaces status, end and json of row->id. KG_E_NOT_FOUND. */
int kg_catalog_job_update(struct kg_catalog *c, const struct kg_job_row *row, struct kg_err *err) KG_MUST_CHECK;
int kg_catalog_job_get(struct kg_catalog *c, const char *id, struct kg_job_row *ret, struct kg_err *err) KG_MUST_CHECK;
int kg_catalog_job_list(struct kg_catalog *c, const struct kg_job_query *q, struct kg_job_list *ret,
                        struct kg_err *err) KG_MUST_CHECK;
/* What after has to be for a list to go on behind this row. The caller frees. */
char *kg_job_row_token(const struct kg_job_row *r);
int kg_catalog_job_count(struct kg_catalog *c, const struct kg_job_query *q, uint64_t *ret,
                         struct kg_err *err) KG_MUST_CHECK;
/* Forgets finished jobs (with their logs) that ended before. *ret_count may be NULL. */
int kg_catalog_job_prune(struct kg_catalog *c, kg_usec before, uint64_t *ret_count, struct kg_err *err) KG_MUST_CHECK;

/* The job must exist: KG_E_NOT_FOUND. Control characters are kept; readers make them harmless. A commit costs a write
 * to the disk: put several lines, with the job's update, into one transaction. */
int kg_catalog_log_add(struct kg_catalog *c, const char *job, kg_usec at, const char *text,
                       struct kg_err *err) KG_MUST_CHECK;
struct kg_log_line {
    uint64_t seq;            /* 1, 2, 3… within the job */
    kg_usec at;
    char *text;
};
struct kg_log_list {
    struct kg_log_line *rows; /* oldest first */
    size_t count;
    uint64_t next;           /* after of the next page; 0: that was all */
};
void kg_log_list_done(struct kg_log_list *l);
int kg_catalog_log_list(struct kg_catalog *c, const char *job, uint64_t after, unsigned top, struct kg_log_list *ret,
                        struct kg_err *err) KG_MUST_CHECK;

/* What the biggest tables of a job took, an array; put once more it is replaced. The job must exist: KG_E_NOT_FOUND. */
int kg_catalog_job_tables_put(struct kg_catalog *c, const char *job, const struct kg_json *tables, struct kg_err *err) KG_MUST_CHECK;
/* *ret NULL: nothing was put. */
int kg_catalog_job_tables_get(struct kg_catalog *c, const char *job, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;

/* ---- asynchronous operations ---- */

struct kg_operation_row {
    char *id;                /* what stands in operationStatus/ID; compared exactly */
    char *kind;              /* "PutVault"…: the api's to choose */
    uid_t uid;               /* who asked */
    char *status;            /* "Inprogress", "Succeeded", "Failed", "Canceled" */
    kg_usec start, end;      /* end 0 while it runs */
    char *resource;          /* id it is about; or NULL */
    char *job;               /* job's GUID; or NULL */
    struct kg_json *result;  /* or NULL */
    struct kg_json *error;   /* or NULL */
};
void kg_operation_row_done(struct kg_operation_row *r);
#define KG_AUTO_OPERATION_ROW KG_CLEANUP(kg_operation_row_done)
struct kg_operation_list {
    struct kg_operation_row *rows; /* oldest first */
    size_t count;
};
void kg_operation_list_done(struct kg_operation_list *l);

#define KG_OPERATION_KEEP (7 * 24 * 3600 * KG_SECOND)
int kg_catalog_operation_insert(struct kg_catalog *c, const struct kg_operation_row *row,
                                struct kg_err *err) KG_MUST_CHECK;
/* Replaces status, end, job, result and error of row->id. KG_E_NOT_FOUND. */
int kg_catalog_operation_update(struct kg_catalog *c, const struct kg_operation_row *row,
                                struct kg_err *err) KG_MUST_CHECK;
int kg_catalog_operation_get(struct kg_catalog *c, const char *id, struct kg_operation_row *ret,
                             struct kg_err *err) KG_MUST_CHECK;
/* Those that have not ended (at most KG_PAGE_MAX, oldest first): what a restarted service must settle. job may be NULL;
 * otherwise only the operations of that job. */
int kg_catalog_operation_unfinished(struct kg_catalog *c, const char *job, struct kg_operation_list *ret,
                                    struct kg_err *err) KG_MUST_CHECK;
/* Forgets what ended before. Call now and then with now - KG_OPERATION_KEEP. *ret_count may be NULL. */
int kg_catalog_operation_prune(struct kg_catalog *c, kg_usec before, uint64_t *ret_count,
                               struct kg_err *err) KG_MUST_CHECK;

/* ---- recovery points ---- */

struct kg_point_row {
    char *instance;          /* resource id of the backup instance; found ignoring case */
    char *id;                /* 32 hexadecimal digits */
    kg_usec time;            /* wall: of the snapshot */
    kg_usec expires;         /* wall; 0: not decided */
    char *tag;               /* retention tag */
    uint64_t bytes, stored_bytes, new_bytes, rows;
    struct kg_json *json;
};
void kg_point_row_done(struct kg_point_row *r);
#define KG_AUTO_POINT_ROW KG_CLEANUP(kg_point_row_done)
struct kg_point_query {
    const char *instance;    /* NULL: of all */
    const char *tag;         /* NULL: any; ignoring case */
    kg_usec from, to;        /* time in [from, to]; 0: open */
    kg_usec expires_before;  /* 0: any; otherwise those with an expiry before it */
    const char *copy_in;     /* "VaultStore"…: a datastore that has a copy, as the document's "copies" says; NULL: any */
    const char *after;
    unsigned top;
};
struct kg_point_list {
    struct kg_point_row *rows; /* newest first */
    size_t count;
    char *next;
};
void kg_point_list_done(struct kg_point_list *l);
#define KG_AUTO_POINT_LIST KG_CLEANUP(kg_point_list_done)

int kg_catalog_point_insert(struct kg_catalog *c, const struct kg_point_row *row,
                            struct kg_err *err) KG_MUST_CHECK; /* KG_E_EXISTS */
/* Replaces tag, expires and json. KG_E_NO_POINT. */
int kg_catalog_point_update(struct kg_catalog *c, const struct kg_point_row *row, struct kg_err *err) KG_MUST_CHECK;
int kg_catalog_point_get(struct kg_catalog *c, const char *instance, const char *id, struct kg_point_row *ret,
                         struct kg_err *err) KG_MUST_CHECK; /* KG_E_NO_POINT */
int kg_catalog_point_list(struct kg_catalog *c, const struct kg_point_query *q, struct kg_point_list *ret,
                          struct kg_err *err) KG_MUST_CHECK;
int kg_catalog_point_count(struct kg_catalog *c, const struct kg_point_query *q, uint64_t *ret,
                           struct kg_err *err) KG_MUST_CHECK;
struct kg_point_sum { uint64_t count, bytes, stored_bytes, new_bytes; };
/* Of all that the query finds; top and after do not count. */
int kg_catalog_point_sum(struct kg_catalog *c, const struct kg_point_query *q, struct kg_point_sum *ret,
                         struct kg_err *err) KG_MUST_CHECK;
/* id NULL: all of the instance, and no error when there is none. KG_E_NO_POINT. */
int kg_catalog_point_delete(struct kg_catalog *c, const char *instance, const char *id,
                            struct kg_err *err) KG_MUST_CHECK;

/* ---- how a backup instance stands ---- */

/* The newest backup job, and the newest recovery point that no check missed or found damaged as a whole. NULL: there is none. */
struct kg_standing {
    char *job, *status;      /* GUID; "Completed"… */
    kg_usec start, end;      /* wall; end 0 while it runs */
    char *point;
    kg_usec point_time;
};
void kg_standing_done(struct kg_standing *s);
#define KG_AUTO_STANDING KG_CLEANUP(kg_standing_done)
/* Reads two entries of indexes and no document of a job: made for lists of many instances. */
int kg_catalog_standing(struct kg_catalog *c, const char *instance, struct kg_standing *ret, struct kg_err *err) KG_MUST_CHECK;

/* How many jobs of a vault began on a day and are in a state. */
struct kg_tally_row {
    char *vault;             /* a key: lower case */
    int64_t day;             /* of the start, since 1970, UTC */
    char *status;
    uint64_t count;
};
struct kg_tally {
    struct kg_tally_row *rows; /* by vault and day */
    size_t count;
};
void kg_tally_done(struct kg_tally *t);
#define KG_AUTO_TALLY KG_CLEANUP(kg_tally_done)
/* Of the jobs of all vaults below under (an id) that began at from or later. */
int kg_catalog_job_tally(struct kg_catalog *c, const char *under, kg_usec from, struct kg_tally *ret, struct kg_err *err) KG_MUST_CHECK;

/* ---- role assignments ---- */

struct kg_assignment_row {
    char *id;                /* GUID */
    char *scope;             /* an id as written, or "/": everywhere */
    char *role;              /* GUID of its definition */
    char *principal;         /* GUID */
    char *principal_name, *principal_type;
    kg_usec created;
    char *created_by;
};
void kg_assignment_row_done(struct kg_assignment_row *r);
#define KG_AUTO_ASSIGNMENT_ROW KG_CLEANUP(kg_assignment_row_done)
struct kg_assignment_list {
    struct kg_assignment_row *rows;
    size_t count;
};
void kg_assignment_list_done(struct kg_assignment_list *l);
#define KG_AUTO_ASSIGNMENT_LIST KG_CLEANUP(kg_assignment_list_done)

enum { KG_ASSIGNMENTS_MOST = 10000 };
/* KG_E_EXISTS: the id is taken, or that role is assigned to that principal at that scope. KG_E_LIMIT. Deleting a resource
 * deletes the assignments at it and below. */
int kg_catalog_assignment_put(struct kg_catalog *c, const struct kg_assignment_row *row, struct kg_err *err) KG_MUST_CHECK;
/* principal NULL: of all. */
int kg_catalog_assignment_list(struct kg_catalog *c, const char *principal, struct kg_assignment_list *ret,
                               struct kg_err *err) KG_MUST_CHECK;
int kg_catalog_assignment_delete(struct kg_catalog *c, const char *id, struct kg_err *err) KG_MUST_CHECK; /* KG_E_NOT_FOUND */

/* ---- audit ---- */

struct kg_audit_row {
    uint64_t seq;            /* 1, 2, 3… without a gap */
    kg_usec time;
    char *principal, *principal_name;
    int64_t uid;
    char *method, *action, *scope;
    int status;
    char *activity;
    uint64_t count;          /* requests that it stands for */
    char *details;           /* "" when there are none */
    char *previous, *hash;   /* hexadecimal */
};
void kg_audit_row_done(struct kg_audit_row *r);
#define KG_AUTO_AUDIT_ROW KG_CLEANUP(kg_audit_row_done)
struct kg_audit_list {
    struct kg_audit_row *rows;
    size_t count;
    uint64_t next;           /* after of the next page; 0: that was all */
};
void kg_audit_list_done(struct kg_audit_list *l);
#define KG_AUTO_AUDIT_LIST KG_CLEANUP(kg_audit_list_done)

int kg_catalog_audit_add(struct kg_catalog *c, const struct kg_audit_row *row, struct kg_err *err) KG_MUST_CHECK;
/* The newest row; *ret is all zeros when there is none. */
int kg_catalog_audit_last(struct kg_catalog *c, struct kg_audit_row *ret, struct kg_err *err) KG_MUST_CHECK;
/* Those behind seq after (0: from the beginning) in that order; principal NULL: of all. */
enum kg_audit_order { KG_AUDIT_OLDEST_FIRST, KG_AUDIT_NEWEST_FIRST };
int kg_catalog_audit_list(struct kg_catalog *c, const char *principal, enum kg_audit_order order, uint64_t after, unsigned top,
                          struct kg_audit_list *ret, struct kg_err *err) KG_MUST_CHECK;

/* ---- how full vaults were: one sample a day ---- */

struct kg_usage_row {
    int64_t day;             /* since 1970, UTC */
    struct kg_json *json;
};
struct kg_usage_list {
    struct kg_usage_row *rows; /* newest first */
    size_t count;
};
void kg_usage_list_done(struct kg_usage_list *l);
#define KG_AUTO_USAGE_LIST KG_CLEANUP(kg_usage_list_done)

/* Older samples are thinned: of a quarter all stay, of two years the last of each week, before that the last of 30 days. */
enum { KG_USAGE_DAILY = 92, KG_USAGE_WEEKLY = 730 };
/* Replaces the day's. Deleting the vault forgets its samples. */
int kg_catalog_usage_put(struct kg_catalog *c, const char *vault, int64_t day, const struct kg_json *json,
                         struct kg_err *err) KG_MUST_CHECK;
/* top 0: KG_PAGE_MAX. */
int kg_catalog_usage_list(struct kg_catalog *c, const char *vault, unsigned top, struct kg_usage_list *ret,
                          struct kg_err *err) KG_MUST_CHECK;

/* ---- remembered values ---- */

int kg_catalog_value_set(struct kg_catalog *c, const char *key, const char *value,
                         struct kg_err *err) KG_MUST_CHECK; /* NULL forgets */
int kg_catalog_value_get(struct kg_catalog *c, const char *key, char **ret,
                         struct kg_err *err) KG_MUST_CHECK; /* *ret NULL: unknown */

#endif
