/* readiness/control.h - the part of Backup readiness that the catalog and the roles can answer: the vault's identity, its
 * role on the server, the way to the server and to the secret, region, and whether the database may be chosen at all.
 * What only the server itself can tell is readiness/database.h's.
 *
 * The same rows are checked for a grid of databases, for one that is being configured, and again when a job begins.
 *
 * Ownership: kg_control_open() gives, kg_control_close() takes; it borrows catalog, identity and key vaults. A row's
 *            ..._done() releases what the check put into it. Threads: the catalog's. */
#ifndef KG_READINESS_CONTROL_H
#define KG_READINESS_CONTROL_H

#include <stdbool.h>
#include "catalog/catalog.h"
#include "identity/identity.h"
#include "json/json.h"
#include "keyvault/keyvault.h"
#include "model/resources.h"
#include "readiness/check.h"
#include "readiness/grant.h"

struct kg_control;

/* What is protected is read now, once for all rows that follow. Messages name what the caller (borrowed; NULL: the service
 * itself) may see. */
int kg_control_open(struct kg_catalog *c, const struct kg_identity *i, struct kg_keyvault *kv, const struct kg_principal *caller,
                    struct kg_control **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_control_close(struct kg_control *c);
KG_DEFINE_CLEANUP(struct kg_control, kg_control_close)
#define KG_AUTO_CONTROL KG_CLEANUP(kg_control_closep)

struct kg_control_row {
    /* the question; borrowed */
    const struct kg_resource *vault;
    const struct kg_datasource *source;
    const char *secret_uri;          /* NULL: none was given */
    const char *self;                /* id of the instance that may protect it already, or NULL */
    /* the answer */
    struct kg_checks checks;
    struct kg_grants missing;        /* at resource scope */
    bool reachable;                  /* server and secret: the database can be asked */
    bool blocked;                    /* something failed that no grant mends */
    bool here;                       /* the secret is in a local key vault: kg_keyvault_get() reads it */
    char *keyvault;                  /* its id; NULL: none */
    struct kg_secret_ref ref;
};
void kg_control_row_done(struct kg_control_row *r);
#define KG_AUTO_CONTROL_ROW KG_CLEANUP(kg_control_row_done)

/* All checks: for choosing a database. Fails only when the catalog does. */
int kg_control_check(const struct kg_control *c, struct kg_control_row *r, struct kg_err *err) KG_MUST_CHECK;

/* Those that a job needs when it begins: identity, server, network, key vault, role, secret. The first that fails is the
 * error. */
int kg_control_require(struct kg_catalog *c, const struct kg_identity *i, struct kg_keyvault *kv, const char *vault,
                       const char *server_id, const char *secret_uri, struct kg_err *err) KG_MUST_CHECK;
/* May the vault's identity write into the container? KG_E_NO_CONTAINER naming role and scope. */
int kg_control_require_container(struct kg_catalog *c, const struct kg_identity *i, const char *vault,
                                 const char *container_id, struct kg_err *err) KG_MUST_CHECK;

/* Why a database of that name is never backed up; NULL: it can be. */
const char *kg_not_selectable(const char *database);
/* The instance that protects it (self aside), or NULL; borrowed. */
const char *kg_control_protector(const struct kg_control *c, const struct kg_datasource *source, const char *self);
bool kg_control_may_name(const struct kg_control *c, const char *instance);
/* "database 'd' of server 's' is protected by backup instance 'i' of vault 'v'", as KG_E_PROTECTED. */
int kg_control_refuse_protected(const struct kg_control *c, const struct kg_datasource *source, const char *self,
                                struct kg_err *err) KG_MUST_CHECK;

/* ---- outcome ---- */

/* May this caller make every one of the grants? */
bool kg_grants_may(const struct kg_identity *i, const struct kg_principal *caller, const struct kg_grants *g);
/* "Success", "RoleAssignmentNotDone", "UserCannotAssignRoles", "ValidationFailed". Success takes every check: what nobody
 * looked at is no success. */
const char *kg_outcome(const struct kg_checks *c, bool blocked, const struct kg_grants *missing, bool caller_may);

#endif
