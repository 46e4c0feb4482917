/* plugin/roles.h - what a restore does about roles before anything else: leaves owners or privileges out, gives the objects to
 * other roles, makes the roles that the target server lacks, or lists them.
 *
 * What is made: of the recovery point's roles those that the restored objects name, the roles that these are members of, and
 * those that are members of them, which is how people log in. A role that is there is never changed: not even made a
 * member of a new one. All is done in one transaction: either every role is there, with what the server allowed of it, or
 * none. A restore that fails later leaves them.
 *
 * Ownership: new gives, free takes; the archive borrows rewritten texts until then. Threads: one. */
#ifndef KG_PLUGIN_ROLES_H
#define KG_PLUGIN_ROLES_H

#include "json/json.h"
#include "pg/session.h"
#include "plugin/events.h"
#include "plugin/point.h"

/* Of roles that the target server lacks: SKIP: what needs one is left out, and told for each; REPORT: besides, they are listed;
 * CREATE: they are made; MAP: others take their place, as said. */
enum kg_roles_mode { KG_ROLES_SKIP, KG_ROLES_REPORT, KG_ROLES_CREATE, KG_ROLES_MAP };
struct kg_role_pair { const char *source, *target; };

struct kg_roles_spec {
    enum kg_roles_mode mode;
    const struct kg_role_pair *pair;     /* MAP */
    size_t n_pairs;
    bool passwords;                      /* CREATE: new roles get the passwords they had */
    bool no_owner, no_privileges;
};

/* What can be told before anything is made: the roles of a map are there, roles and passwords are in the recovery point. */
int kg_roles_check(const struct kg_roles_spec *spec, const struct kg_point *point, struct kg_session *s, struct kg_err *err)
    KG_MUST_CHECK;

struct kg_roles;
/* Changes the archive and what is kept of it, and the server. */
int kg_roles_apply(const struct kg_roles_spec *spec, const struct kg_point *point, bool *keep, struct kg_session *s,
                   const struct kg_events *ev, struct kg_roles **ret, struct kg_err *err) KG_MUST_CHECK;
/* {"created":[…],"missing":[…],"passwords":n}: roles that were made, of those wanted those that still are not there. Borrowed. */
const struct kg_json *kg_roles_report(const struct kg_roles *r);
void kg_roles_free(struct kg_roles *r);
KG_DEFINE_CLEANUP(struct kg_roles, kg_roles_free)

#endif
