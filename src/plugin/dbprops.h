/* plugin/dbprops.h - what an archive says of the database itself: owner, privileges, settings, connection limit, comment.
 *
 * pg_restore does that only with --create, under the source's name. Here the statements are taken from the archive and get
 * the name of the database that is being made.
 *
 * Ownership: read fills, done empties. Strings of the archive are borrowed. Threads: one. */
#ifndef KG_PLUGIN_DBPROPS_H
#define KG_PLUGIN_DBPROPS_H

#include "pg/archive.h"
#include "pg/session.h"
#include "plugin/events.h"

struct kg_dbprop {
    char *sql;                           /* for the database that is being made; NULL: not understood */
    char *original;                      /* as in the archive, for messages */
    bool last;                           /* together with the rename: comment, template */
};
struct kg_dbprops {
    const char *owner;                   /* NULL: whoever makes it */
    char *tablespace;                    /* NULL: the server's default */
    struct kg_dbprop *prop;
    size_t n_props, cap;
};

/* name: of the database that is being made. Reads what is kept of the archive. */
void kg_dbprops_read(const struct kg_archive *a, const bool *keep, const char *name, struct kg_dbprops *ret);
void kg_dbprops_done(struct kg_dbprops *p);

/* Owner, then every statement that is not for last, each by itself; one that the server refuses is a warning. Fails only when the
 * connection is lost. Does no harm when it is done twice. */
int kg_dbprops_apply(const struct kg_dbprops *p, struct kg_session *s, const char *name, const struct kg_events *ev,
                     struct kg_err *err) KG_MUST_CHECK;
/* The others, inside the caller's transaction. */
int kg_dbprops_apply_last(const struct kg_dbprops *p, struct kg_session *s, const struct kg_events *ev, struct kg_err *err)
    KG_MUST_CHECK;

#endif
