/* identity/audit.h - the audit log: who did what to what, with which outcome. Records are only ever added, each with the
 * hash of the one before, see model/audit.h: one that was changed or taken out breaks the chain. (Who can write the
 * catalog's file can write a whole new chain; keep the newest hash elsewhere to notice that, see 'keepgres audit verify'.)
 *
 * Refusals cost who asks nothing, so they must not make the log grow: the first of a kind (principal, action, scope) is a
 * record at once; those that follow within an hour are counted, and become one record with a count when the hour is over,
 * when the log is read and when the service stops. One principal gets KG_REFUSALS_KINDS of them in an hour; what goes beyond
 * is counted in one more, whose action and scope are "*".
 *
 * Threads: the catalog's. */
#ifndef KG_IDENTITY_AUDIT_H
#define KG_IDENTITY_AUDIT_H

#include "catalog/catalog.h"
#include "identity/identity.h"

/* The status of a record that is written before a change; another one with the same activity says what came of it. */
enum { KG_AUDIT_BEGUN = 102 };

struct kg_audit_entry {
    const struct kg_principal *who;
    const char *method, *action, *scope;
    int status;              /* HTTP */
    const char *activity;    /* GUID of the request, as the service's log names it */
    uint64_t count;          /* requests that it stands for; 0: one */
    const char *details;     /* what was changed; may be NULL */
};
int kg_audit_add(struct kg_catalog *c, const struct kg_audit_entry *e, struct kg_err *err) KG_MUST_CHECK;

enum { KG_REFUSALS_KINDS = 64 };
struct kg_refusals;
struct kg_refusals *kg_refusals_new(void);
void kg_refusals_free(struct kg_refusals *r); /* NULL is allowed; what was not flushed is lost */
/* Records a refusal, or counts it. */
int kg_refusals_add(struct kg_refusals *r, struct kg_catalog *c, const struct kg_audit_entry *e, struct kg_err *err) KG_MUST_CHECK;
/* Records what was counted. */
int kg_refusals_flush(struct kg_refusals *r, struct kg_catalog *c, struct kg_err *err) KG_MUST_CHECK;

/* A record as the API answers it; the caller frees. */
struct kg_json *kg_audit_json(const struct kg_audit_row *r);

#endif
