/* identity/identity.h - who is calling, and may they? The user the service runs as is Owner at the root scope;
 * everybody else may do nothing that was not assigned to them.
 *
 * Ownership: kg_identity_new() gives the caller the book of roles, kg_identity_free() takes it back.
 * Threads:   one book, one thread. */
#ifndef KG_IDENTITY_IDENTITY_H
#define KG_IDENTITY_IDENTITY_H

#include <sys/types.h>
#include "base/cleanup.h"
#include "keepgres/err.h"

struct kg_principal {
    uid_t uid;
    char name[64];           /* the user's name, or "uid 1234" when the user database does not know it */
};

struct kg_identity;

struct kg_identity *kg_identity_new(uid_t owner);
void kg_identity_free(struct kg_identity *i); /* NULL is allowed */
KG_DEFINE_CLEANUP(struct kg_identity, kg_identity_free)

void kg_principal_of_uid(uid_t uid, struct kg_principal *ret);

/* May p do action ("Microsoft.DataProtection/backupVaults/write") at scope (a resource id; "/" is the root)?
 * KG_E_DENIED naming principal, action and scope. */
int kg_identity_may(const struct kg_identity *i, const struct kg_principal *p, const char *action, const char *scope,
                    struct kg_err *err) KG_MUST_CHECK;

#endif
