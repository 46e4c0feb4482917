/* readiness/database.h - can this database be backed up with these credentials? Asked of the server itself, as the user who
 * will do it: a handful of catalog queries, however many tables there are.
 *
 * Makes the checks KG_CHECK_CONNECT to KG_CHECK_SPACE, and KG_CHECK_SELECTABLE when the database turns out to be one that is
 * not for backup; with role_passwords KG_CHECK_ROLE_PASSWORDS, too. Nothing is locked or changed.
 *
 * Threads: any number of databases at a time, each with its own spec and result. */
#ifndef KG_READINESS_DATABASE_H
#define KG_READINESS_DATABASE_H

#include "json/json.h"
#include "pg/session.h"
#include "pg/tools.h"
#include "readiness/check.h"

struct kg_database_spec {
    const struct kg_conninfo *conn;
    const char *database;
    struct kg_session_limits limits;
    int (*find_tool)(void *ctx, int major, struct kg_tool *ret, struct kg_err *err);    /* pg_dump */
    void *find_ctx;
    unsigned names_max;                  /* of what is missing, in the details; 0: 100 */
    bool has_store_free;
    uint64_t store_free;                 /* bytes the datastore has left */
    bool has_points;                     /* there was a backup already: the next one stores only what changed */
    bool role_passwords;                 /* the policy captures the roles' passwords */
    bool chosen;                         /* it is protected: one that became a template since is still backed up */
};

/* *ret_facts, when the server let us in: {"version","versionNum","user","superuser","standby","databaseBytes"?,"pgDump"?,
 * "tables","sequences","missingPrivileges"?,"hiddenTables"?,"largeObjectsDenied"?}; untouched otherwise.
 * Fails only with KG_E_CANCELLED; whatever else happens is a check that failed. */
int kg_database_check(const struct kg_database_spec *spec, struct kg_checks *ret, struct kg_json **ret_facts,
                      struct kg_err *err) KG_MUST_CHECK;

/* Why a database is not for backup, a sentence; NULL when it can be chosen. */
const char *kg_database_not_selectable(const char *name, bool is_template, bool allows_connections);

#endif
