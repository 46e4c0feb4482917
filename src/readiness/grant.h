/* readiness/grant.h - what a vault's identity still needs before a database can be backed up, as data: shown, asked for,
 * assigned or written into a deployment template, all from the same list. Pure.
 *
 * Ownership: kg_grants_done() releases a list; it may be called on a zeroed one. */
#ifndef KG_READINESS_GRANT_H
#define KG_READINESS_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include "base/cleanup.h"
#include "json/json.h"
#include "keepgres/err.h"

enum kg_grant_kind {
    KG_GRANT_SECRETS_ROLE,   /* Key Vault Secrets User: a key vault that asks roles */
    KG_GRANT_SECRETS_POLICY, /* Get and List: a key vault that has access policies */
    KG_GRANT_TRUST,          /* trusted services may pass the key vault's network rules */
    KG_GRANT_READER,         /* Reader of the server */
    KG_GRANT_NETWORK,        /* backups may connect to the server */
    KG_GRANT_BLOBS,          /* Storage Blob Data Contributor: restore as files */
    KG_GRANT_KIND_COUNT_,
};

/* How wide a role is assigned. */
enum kg_grant_scope { KG_SCOPE_RESOURCE, KG_SCOPE_GROUP, KG_SCOPE_SUBSCRIPTION };
int kg_grant_scope_parse(const char *text, enum kg_grant_scope *ret, struct kg_err *err) KG_MUST_CHECK;

struct kg_grant {
    enum kg_grant_kind kind;
    char *resource;          /* id of the server, key vault or storage account */
    char *scope;             /* where it is granted: resource, or what it lies in */
    char *principal;         /* principalId of the vault's identity */
};

struct kg_grants {
    struct kg_grant *list;   /* in the order in which they are made */
    size_t n, cap;
};
void kg_grants_done(struct kg_grants *g);
#define KG_AUTO_GRANTS KG_CLEANUP(kg_grants_done)

/* Adds one unless it is there; a role at a wider scope covers the resource. The list stays ordered by kind. */
void kg_grants_add(struct kg_grants *g, enum kg_grant_kind kind, const char *resource, enum kg_grant_scope scope,
                   const char *principal);

/* "Reader"; NULL for what is no role assignment. The definition's GUID. */
const char *kg_grant_role(const struct kg_grant *g);
const char *kg_grant_role_id(const struct kg_grant *g);
/* What one must be allowed, at the scope, to make it: "Microsoft.Authorization/roleAssignments/write". */
const char *kg_grant_action(const struct kg_grant *g);
/* Name of the role assignment: a GUID that follows from scope, principal and role, so that making it twice makes one. */
void kg_grant_name(const struct kg_grant *g, char ret[37]);

/* {ResourceType, Name, Properties}, as update-msi-permissions prints what it made. */
struct kg_json *kg_grant_json(const struct kg_grant *g);
struct kg_json *kg_grants_json(const struct kg_grants *g);

/* An ARM deployment template (subscription level; one nested deployment a resource group) that makes exactly these. */
struct kg_json *kg_grants_template(const struct kg_grants *g);

/* resource's id cut to the scope: child segments are dropped, so a database's id becomes its server's. The caller frees. */
char *kg_grant_scope_of(const char *resource, enum kg_grant_scope scope);

#endif
