/* plugin/target.h - what an archive asks for and the target server lacks: roles, and tablespaces.
 *
 * The archive's entries are compared with the server's roles before anything is restored, so that nothing depends on how
 * a server words its errors. An entry of many statements keeps those that can be run: pg_restore would give up the whole
 * of it. What is taken out is counted by role, and told once for each.
 *
 *     owner                      the object stays with the restoring user
 *     GRANT, REVOKE              the statements that name the role go, the entry's others stay
 *     ALTER DEFAULT PRIVILEGES   the same
 *     policy                     is made for its other roles; one that has none left is left out
 *     user mapping               is left out
 *     ALTER ROLE … IN DATABASE   the statement goes
 *     tablespace                 the object goes to the database's own
 *
 * A role that is there, but that the restoring user may not act for, is as good as missing where that is needed.
 *
 * Ownership: new or read gives, free takes; the archive borrows rewritten texts from the target until then. Threads: one. */
#ifndef KG_PLUGIN_TARGET_H
#define KG_PLUGIN_TARGET_H

#include "pg/archive.h"
#include "pg/session.h"
#include "plugin/events.h"

struct kg_target;

struct kg_target *kg_target_new(const char *user, bool superuser);
/* may_give: may make the role the owner of something. may_act: has its privileges. */
void kg_target_add_role(struct kg_target *t, const char *name, bool may_give, bool may_act);
void kg_target_add_tablespace(struct kg_target *t, const char *name);
int kg_target_read(struct kg_session *s, struct kg_target **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_target_free(struct kg_target *t);
KG_DEFINE_CLEANUP(struct kg_target, kg_target_free)

bool kg_target_has_tablespace(const struct kg_target *t, const char *name);
/* Changes what is kept of the archive to what the server can take. */
void kg_target_adapt(struct kg_target *t, struct kg_archive *a, bool *keep);
/* Tells what was taken out: a warning for each role and tablespace, at most twenty, and which others there are. */
void kg_target_report(const struct kg_target *t, const struct kg_events *ev);

#endif
