/* plugin/newdb.h - the database that a restore makes: under a temporary name until it is complete (docs/decisions/0003).
 *
 * Ownership: the caller's struct; kg_newdb_open() fills it, kg_newdb_close() empties it and drops what was not published.
 * Threads: one. */
#ifndef KG_PLUGIN_NEWDB_H
#define KG_PLUGIN_NEWDB_H

#include "pg/session.h"
#include "plugin/dbprops.h"
#include "plugin/events.h"
#include "plugin/manifest.h"

struct kg_newdb {
    const struct kg_conninfo *conn;
    const char *target;                  /* the name that was asked for */
    const struct kg_events *ev;
    struct kg_session *admin;            /* where databases are created and renamed */
    int server_version;
    char temp[64];                       /* the name until it is published; set by open */
    char oid[16];                        /* of the database */
    bool created;                        /* and not published: dropped by close */
};

int kg_newdb_open(struct kg_newdb *d, const struct kg_conninfo *conn, const char *target, const struct kg_events *ev,
                  struct kg_err *err) KG_MUST_CHECK;
/* The server may take it: version, right to create databases, name free. */
int kg_newdb_check(struct kg_newdb *d, int source_version, struct kg_err *err) KG_MUST_CHECK;
/* Sweeps what killed restores left, then creates with the source's encoding and locale. tablespace NULL: the default. While
 * the work goes on in it, no setting of the user's own that ends or changes sessions is in force there. */
int kg_newdb_create(struct kg_newdb *d, const struct kg_json *facts, const char *tablespace, struct kg_err *err) KG_MUST_CHECK;
/* Gives it its properties and its name. A connection that was lost meanwhile is made anew, once. */
int kg_newdb_publish(struct kg_newdb *d, const struct kg_dbprops *props, struct kg_err *err) KG_MUST_CHECK;
void kg_newdb_close(struct kg_newdb *d);

#endif
