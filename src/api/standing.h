/* api/standing.h - how backup instances stand: the last backup, the newest recovery point, the next start. For api/ only.
 *
 * Made for answers about many instances: each policy is read once an answer, and of jobs and points only what indexes hold.
 *
 * Ownership: kg_stands_init() and kg_stands_done() by whoever answers; what is in between borrows the catalog. */
#ifndef KG_API_STANDING_H
#define KG_API_STANDING_H

#include "api/call.h"
#include "model/policy.h"
#include "policy/zone.h"

/* A policy as it is followed. */
struct kg_followed {
    struct kg_followed *next;
    char *id, *name;
    struct kg_policy *policy;
    struct kg_zone *zone;            /* NULL: the policy cannot be followed */
    kg_usec soonest, previous;       /* its next start; the last one that should have begun by now. KG_NEVER: none */
};

struct kg_stands {
    struct kg_catalog *catalog;
    kg_usec now;
    struct kg_followed *policies;
};
void kg_stands_init(struct kg_stands *s, struct kg_catalog *catalog);
void kg_stands_done(struct kg_stands *s);
#define KG_AUTO_STANDS KG_CLEANUP(kg_stands_done)

/* The policy that starts backups of r; NULL: none does, as its protection is stopped or its policy cannot be followed. */
const struct kg_followed *kg_stands_policy(struct kg_stands *s, const struct kg_resource *r);
/* properties.{lastBackup, latestRecoveryPoint, nextBackupTime} of r into an answer about it; null for what there is not. */
int kg_stands_tell(struct kg_stands *s, const struct kg_resource *r, struct kg_json *answer, struct kg_err *err) KG_MUST_CHECK;

/* Why an instance needs somebody's attention, in a sentence, with a code; reason NULL: it does not. */
struct kg_attention {
    char *reason, *code;
};
void kg_attention_done(struct kg_attention *a);
#define KG_AUTO_ATTENTION KG_CLEANUP(kg_attention_done)
/* It is not ready, its last backup failed, or a scheduled one did not start. details false: reason and code may be short of what
 * only the job's document says. */
int kg_stands_attention(struct kg_stands *s, const struct kg_resource *r, bool details, struct kg_attention *ret,
                        struct kg_err *err) KG_MUST_CHECK;

#endif
