/* plugin/backup.h - the backup data path: a database, read on one snapshot by several sessions, into a vault.
 *
 * Either everything is in the vault and the recovery point exists, or the call fails and there is no recovery point.
 * kg_plugin_backup() uses spec->jobs threads of its own and joins them before it returns. */
#ifndef KG_PLUGIN_BACKUP_H
#define KG_PLUGIN_BACKUP_H

#include "json/json.h"
#include "pg/conninfo.h"
#include "plugin/events.h"
#include "vault/vault.h"

/* Tables of twice slice_bytes and more: read slice by slice, by several sessions, or whole, by one? A slice costs the server
 * more than its part of the whole, and its cache, too; so AUTO cuts only what would keep one session busy alone. */
enum kg_slicing { KG_SLICING_AUTO, KG_SLICING_ALWAYS, KG_SLICING_NEVER };

struct kg_backup_spec {
    struct kg_vault *vault;
    const struct kg_conninfo *conn;
    const char *database;
    const char *instance, *point;        /* name parts, see store.h */
    const struct kg_json *datasource;    /* object for the manifest: server, host, port, database, resourceId */
    const struct kg_json *policy;        /* object for the manifest; may be NULL */
    unsigned jobs;                       /* sessions; 0: one a core, at most 4 */
    int level;                           /* zstd */
    uint64_t slice_bytes;                /* of a slice, on the server's disk, and of a part of a table read whole; 0: 256 MiB */
    enum kg_slicing slicing;
    const char *bin_dir;                 /* of pg_dump; NULL: search */
    uint64_t lock_timeout_ms;            /* 0: default of plan.h */
    unsigned lock_tries;
    uint64_t bytes_per_second;           /* read from the server at most, by all sessions together; 0: no limit */
    bool role_passwords;                 /* the hashes of the roles' passwords, too */
};

/* *ret_result: {"point","time","endTime","rows","bytes","tables","largeObjects","storedBytes","newBytes","databaseBytes",
 * "serverVersion","pgDump","warnings"}; the caller frees it. On failure *ret_tail (may be NULL) is given the last lines of
 * what pg_dump said, if it said anything. */
int kg_plugin_backup(const struct kg_backup_spec *spec, const struct kg_events *ev, struct kg_json **ret_result,
                     struct kg_buf *ret_tail, struct kg_err *err) KG_MUST_CHECK;

#endif
