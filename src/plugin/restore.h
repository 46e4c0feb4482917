/* plugin/restore.h - restore as database: from a recovery point into a new database, without staging.
 *
 * The database is built under a temporary name and renamed when everything is in it and has been compared with the
 * manifest: it either appears whole under the name that was asked for, or not at all. What a killed restore leaves behind is
 * dropped by the next restore on that server.
 *
 * kg_plugin_restore() uses spec->jobs threads of its own and joins them before it returns. */
#ifndef KG_PLUGIN_RESTORE_H
#define KG_PLUGIN_RESTORE_H

#include "json/json.h"
#include "pg/conninfo.h"
#include "plugin/events.h"
#include "plugin/roles.h"
#include "vault/vault.h"

/* How restored rows are proven. STREAM: the rows that were sent are counted and summed and must be the manifest's, and the server
 * must have taken as many. READ_BACK: besides, every row is read again from the restored tables and compared. */
enum kg_verify { KG_VERIFY_STREAM, KG_VERIFY_READ_BACK };

struct kg_restore_spec {
    struct kg_vault *vault;
    const struct kg_conninfo *conn;      /* of the target server; its database is where the work starts from */
    const char *target;                  /* name of the new database */
    const char *instance, *point;
    const char *const *schemas; size_t n_schemas;   /* both empty: everything */
    const char *const *tables;  size_t n_tables;
    unsigned jobs;                       /* 0: one a core, at most 4 */
    const char *bin_dir;                 /* of pg_restore; NULL: search */
    enum kg_verify verify;
    struct kg_roles_spec roles;
};

/* Everything that can be told before a byte moves: point and tables exist, target version, name free, may create,
 * roles of a map. */
int kg_plugin_validate_restore(const struct kg_restore_spec *spec, const struct kg_events *ev, struct kg_err *err) KG_MUST_CHECK;

/* *ret_result: {"rows","bytes","tables","largeObjects","verified","readBack","bytesRead","roles"}; the caller frees it. ret_tail (may be
 * NULL) gets what pg_restore said when it failed. */
int kg_plugin_restore(const struct kg_restore_spec *spec, const struct kg_events *ev, struct kg_json **ret_result,
                      struct kg_buf *ret_tail, struct kg_err *err) KG_MUST_CHECK;

#endif
