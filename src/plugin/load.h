/* plugin/load.h - the rows and large objects of a recovery point into a database whose tables exist already.
 *
 * Several sessions, the biggest table first. A table is loaded in one transaction; what was sent is compared with the manifest
 * before it commits, and what arrived is read again afterwards (KG_VERIFY_READ_BACK). */
#ifndef KG_PLUGIN_LOAD_H
#define KG_PLUGIN_LOAD_H

#include "pg/conninfo.h"
#include "plugin/events.h"
#include "plugin/point.h"
#include "plugin/restore.h"

struct kg_load_spec {
    const struct kg_conninfo *conn;
    const char *database;
    const struct kg_point *point;
    const bool *keep;                    /* of the archive's entries */
    bool blobs;                          /* large objects too */
    unsigned jobs;
    enum kg_verify verify;
    const struct kg_events *ev;
};
struct kg_load_result { struct kg_rowsum rows; uint64_t tables; };

int kg_load(const struct kg_load_spec *spec, struct kg_load_result *ret, struct kg_err *err) KG_MUST_CHECK;

#endif
