/* pg/plan.h - what a backup will read: a consistent snapshot, pg_dump's table of contents, the tables with their sizes.
 *
 * kg_plan_make(): version check of pg_dump against the server -> leader session, REPEATABLE READ READ ONLY -> ACCESS SHARE
 * locks with lock_timeout and retries (never queueing DDL behind us for long) -> snapshot exported -> pg_dump -Fc -Z0
 * --snapshot, table of contents read, re-serialised and compared byte for byte, pg_dump ended.
 * The leader stays in its transaction until kg_plan_free(); it may be used to copy a table that a worker session cannot
 * lock because somebody waits for ACCESS EXCLUSIVE. */
#ifndef KG_PG_PLAN_H
#define KG_PG_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/buf.h"
#include "base/time.h"
#include "json/json.h"
#include "pg/archive.h"
#include "pg/session.h"

struct kg_plan_opts {
    const char *bin_dir;                 /* NULL: search */
    uint64_t lock_timeout_ms;            /* of one try; 0: 2000 */
    unsigned lock_tries;                 /* 0: 30 */
    struct kg_buf *pg_dump_stderr;       /* gets the last lines of what pg_dump said when it fails; may be NULL */
    bool (*cancelled)(void *ctx); void *cancel_ctx;
};

struct kg_plan_table {
    const struct kg_toc_entry *entry;
    uint32_t oid;
    const char *schema, *name;           /* where the rows are read (the leaf) */
    char *target;                        /* as in the COPY statement, quoted: "s.t"; the root with load-via-root */
    char *columns;                       /* "(a, b)" or "" */
    char *condition;                     /* extension configuration table: "WHERE …"; NULL otherwise */
    char relkind;                        /* 'r', 'f' … */
    bool via_root;                       /* target is not schema.name */
    uint32_t pages;                      /* of the main fork now (pg_relation_size / block size) */
    uint64_t bytes;                      /* with TOAST: for scheduling and progress */
};

struct kg_plan {
    struct kg_session *leader;
    char *snapshot;
    struct kg_archive *archive;
    struct kg_plan_table *table;         /* TABLE DATA entries, in TOC order */
    size_t n_tables;
    bool has_blobs;
    uint64_t blob_count, blob_bytes;     /* estimates from pg_largeobject's size */
    uint64_t database_bytes;
    int server_version;                  /* 150020 */
    bool standby;
    bool tid_range_scan;                 /* server can read ctid slices cheaply (14+) */
    pid_t lock_holder;                   /* a stopped pg_dump that holds the locks, where the leader cannot; 0: none. The
                                             leader then may fail with KG_E_DB_LOCKED where a session did */
    int lock_pipe;
    char *lock_session;                  /* which session of the server that pg_dump has; NULL when there is none */
    kg_usec time;                        /* wall, ours: what was committed before it is in the snapshot */
    char *server_time;                   /* the server's clock then, ISO 8601, UTC */
    struct kg_json *facts;               /* {"postgres":{version,versionNum,encoding,collate,ctype,provider,iculocale?,
                                             blockSize,standby,lcMonetary,snapshotTime},
                                             "extensions":[{name,version,schema}],"roles":[owner names],
                                             "tools":{"pgDump","archive"}}: goes into the manifest */
};

int kg_plan_make(const struct kg_conninfo *c, const char *database, const struct kg_plan_opts *o, struct kg_plan **ret,
                 struct kg_err *err) KG_MUST_CHECK;
void kg_plan_free(struct kg_plan *p);
KG_DEFINE_CLEANUP(struct kg_plan, kg_plan_free)

/* The locks are still what they were: the leader's transaction, or the session of the pg_dump that keeps them, is the same as
 * when the plan was made. KG_E_DB_CLOSED: it is gone, and what was read since may lack rows. Not while a COPY of the leader
 * runs. */
int kg_plan_check_locks(struct kg_plan *p, struct kg_err *err) KG_MUST_CHECK;

/* COPY statement that reads a table, or blocks [from, to) of it (to 0: the whole table). Caller frees. */
char *kg_plan_copy_sql(const struct kg_plan_table *t, uint32_t from, uint32_t to);
/* ACCESS SHARE lock with NOWAIT inside a savepoint and a re-check that the name still is that oid; KG_E_DB_LOCKED when
 * somebody waits for the table: the leader has to copy it. Gives back the lock of the table before. Not for the leader. */
int kg_plan_lock(struct kg_session *s, const struct kg_plan_table *t, struct kg_err *err) KG_MUST_CHECK;

/* ---- large objects ---- */

/* Visits all large objects in oid order in pages of at most 1 MiB; an empty one comes once with n 0. */
typedef int (*kg_blob_visit)(void *ctx, uint32_t oid, const void *page, size_t n, struct kg_err *err);
int kg_blobs_out(struct kg_session *s, kg_blob_visit visit, void *ctx, struct kg_err *err) KG_MUST_CHECK;

/* Loads large objects that exist already (made by the archive's BLOB entries) inside the caller's transaction. */
struct kg_blob_load;
int kg_blobs_in_begin(struct kg_session *s, struct kg_blob_load **ret, struct kg_err *err) KG_MUST_CHECK;
int kg_blobs_in_add(struct kg_blob_load *l, uint32_t oid, uint64_t at, const void *page, size_t n, struct kg_err *err) KG_MUST_CHECK;
int kg_blobs_in_end(struct kg_blob_load *l, struct kg_err *err) KG_MUST_CHECK;   /* frees l */
void kg_blobs_in_abort(struct kg_blob_load *l);

/* ---- looking around ---- */

/* {"version","versionNum","standby":bool,"user","superuser":bool,"canCreateDatabase":bool} */
int kg_pg_server_facts(struct kg_session *s, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
/* [{"name","bytes","encoding","collate","ctype","owner","isTemplate","allowConnections"}], templates included, sorted */
int kg_pg_databases(struct kg_session *s, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;

#endif
