/* identity/audit.h - the audit log: who did what to what, with which outcome. Records are only ever added, each with the
 * hash of the one before, see model/audit.h: one that was changed or taken out breaks the chain. (Who can write the
 * catalog's file can write a whole new chain; keep the newest hash elsewhere to notice that, see 'keepgres audit verify'.)
 *
 * Threads: the catalog's. */
#ifndef KG_IDENTITY_AUDIT_H
#define KG_IDENTITY_AUDIT_H

#include "catalog/catalog.h"
#include "identity/identity.h"

struct kg_audit_entry {
    const struct kg_principal *who;
    const char *method, *action, *scope;
    int status;              /* HTTP */
    const char *activity;    /* GUID of the request, as the service's log names it */
};
int kg_audit_add(struct kg_catalog *c, const struct kg_audit_entry *e, struct kg_err *err) KG_MUST_CHECK;
/* A record as the API answers it; the caller frees. */
struct kg_json *kg_audit_json(const struct kg_audit_row *r);

#endif
