/* plugin/load.h - the rows and large objects of a recovery point into a database whose tables exist already.
 *
 * Several sessions, the biggest table first. A table is loaded in one transaction; what was sent is compared with the manifest
 * before it commits. What arrived is read again (KG_VERIFY_READ_BACK) by whichever session has nothing left to load, also while
 * the caller goes on with indexes:
 *
 *   kg_load_start() -> kg_load_wait(): all rows are in -> … -> kg_load_finish(): all rows have been compared
 *
 * A big table's own indexes and key constraints are made as soon as its rows are in, while other tables are still loading; which
 * entries of the archive that were is told by kg_load_built().
 *
 * Ownership: start gives, finish or abort takes. Threads: the three are called from one thread; the sessions' are the module's. */
#ifndef KG_PLUGIN_LOAD_H
#define KG_PLUGIN_LOAD_H

#include "pg/conninfo.h"
#include "plugin/events.h"
#include "plugin/point.h"
#include "plugin/restore.h"

struct kg_load;

struct kg_load_spec {                    /* everything it points to must live until finish or abort */
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

int kg_load_start(const struct kg_load_spec *spec, struct kg_load **ret, struct kg_err *err) KG_MUST_CHECK;
/* Returns when every row and large object is loaded and no index is being made, telling progress meanwhile. */
int kg_load_wait(struct kg_load *l, struct kg_err *err) KG_MUST_CHECK;
/* After kg_load_wait(): whether a session has failed meanwhile. Whoever waits for something in the database must look at this,
 * and give up. Any thread. */
bool kg_load_failed(const struct kg_load *l);
/* When a session has failed: its error into *err, in place of the one that followed from it. */
void kg_load_explain(struct kg_load *l, struct kg_err *err);
/* After kg_load_wait(): for every entry of the archive, whether it has been restored already. Borrowed from l. */
const bool *kg_load_built(const struct kg_load *l);
/* Returns when everything has been compared; frees l whatever happens. */
int kg_load_finish(struct kg_load *l, struct kg_load_result *ret, struct kg_err *err) KG_MUST_CHECK;
void kg_load_abort(struct kg_load *l);   /* NULL is allowed */

#endif
