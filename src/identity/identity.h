/* identity/identity.h - who is calling, and may they? Principals, and the role assignments that let them in.
 *
 * A principal is an OS user (the kernel's word: peer credentials) or the identity of a Backup vault. Everybody may do
 * what an assignment of theirs allows, at its scope and at everything below it, see roles.h; nobody else may do anything.
 * The one exception is the user the service runs as: Owner at the root, with all actions on data, and no assignment to
 * take that away: that user holds the keys and the files in any case.
 *
 * Assignments are kept in the catalog and read at each question, so that what was given or taken counts at once.
 *
 * Ownership: kg_identity_new() gives the caller the book of roles, kg_identity_free() takes it back; the catalog is
 *            borrowed. Threads: one book, one thread (the catalog's). */
#ifndef KG_IDENTITY_IDENTITY_H
#define KG_IDENTITY_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/cleanup.h"
#include "catalog/catalog.h"
#include "json/json.h"
#include "keepgres/err.h"

#define KG_TYPE_ASSIGNMENT "Microsoft.Authorization/roleAssignments"

enum kg_principal_kind { KG_PRINCIPAL_USER, KG_PRINCIPAL_SERVICE };

struct kg_principal {
    enum kg_principal_kind kind;
    char id[37];             /* principalId; a user's follows from the uid */
    uid_t uid;               /* of a user; of others -1 */
    char name[64];           /* the user's, or "uid 1234" when the user database does not know it; the vault's */
};

void kg_principal_of_uid(uid_t uid, struct kg_principal *ret);
/* A vault's identity, by its principalId. */
void kg_principal_of_vault(const char *principal_id, const char *vault_name, struct kg_principal *ret);
/* Who is meant by a user's name, a uid, a vault's name or id, or a principalId. KG_E_NOT_FOUND. */
int kg_principal_find(struct kg_catalog *c, const char *assignee, struct kg_principal *ret, struct kg_err *err) KG_MUST_CHECK;

struct kg_identity;

/* catalog NULL: there are no assignments. */
struct kg_identity *kg_identity_new(struct kg_catalog *catalog, uid_t owner);
void kg_identity_free(struct kg_identity *i); /* NULL is allowed */
KG_DEFINE_CLEANUP(struct kg_identity, kg_identity_free)

/* The answer, and what it rests on: texts are empty when it is no. */
struct kg_may {
    bool allowed;
    char role[64];           /* "Backup Operator" */
    char assignment[37];     /* GUID; empty for the owner of the service */
    char scope[2049];        /* of the assignment */
};
/* May p do action ("Microsoft.DataProtection/backupVaults/write"; is_data: an action on data) at scope (a resource's id;
 * "/": the root)? Fails only when the catalog does; a no is no failure. */
int kg_identity_check(const struct kg_identity *i, const struct kg_principal *p, const char *action, bool is_data,
                      const char *scope, struct kg_may *ret, struct kg_err *err) KG_MUST_CHECK;
/* The same, demanded: KG_E_DENIED names principal, action and scope, and advises which roles would do. */
int kg_identity_may(const struct kg_identity *i, const struct kg_principal *p, const char *action, const char *scope,
                    struct kg_err *err) KG_MUST_CHECK;
int kg_identity_may_data(const struct kg_identity *i, const struct kg_principal *p, const char *action, const char *scope,
                         struct kg_err *err) KG_MUST_CHECK;
/* Does any role of p's count at scope at all, whatever it allows? */
int kg_identity_has_role(const struct kg_identity *i, const struct kg_principal *p, const char *scope, bool *ret,
                         struct kg_err *err) KG_MUST_CHECK;
/* May p do it at something below scope? For lists, which then hold only that. */
int kg_identity_may_below(const struct kg_identity *i, const struct kg_principal *p, const char *action, const char *scope,
                          bool *ret, struct kg_err *err) KG_MUST_CHECK;

/* Is p Owner of everything: the user the service runs as, or one who was given that role at the root? */
int kg_identity_is_owner(const struct kg_identity *i, const struct kg_principal *p, bool *ret, struct kg_err *err) KG_MUST_CHECK;

/* Assigns a role (name, GUID or definition's id) to p at scope under the given name (a GUID; NULL: any). That it is assigned
 * already is no error. ret (may be NULL): the assignment as ARM shows it; the caller frees. KG_E_NOT_FOUND: no such role;
 * KG_E_EXISTS: the name is taken; KG_E_LIMIT. */
int kg_identity_assign(struct kg_identity *i, const char *role, const struct kg_principal *p, const char *scope, const char *name,
                       const struct kg_principal *by, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
/* {id, name, type, properties: {…}}. */
struct kg_json *kg_assignment_json(const struct kg_assignment_row *r);
char *kg_assignment_id(const struct kg_assignment_row *r); /* the caller frees */

#endif
