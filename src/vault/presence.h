/* vault/presence.h - who is at work in a vault, and which packs are about to go. What keeps collection and backups apart.
 *
 * A writer takes chunks for granted that are in the vault already. Collection deletes packs in which no recovery point needs
 * anything; but a writer's recovery point is not there yet. So:
 *
 *   - Collection first writes doomed/<id>: these packs will go. A writer that begins later takes nothing in them for granted.
 *   - Every writer has an object writers/<id> from before it looks at the index until after its recovery point is there. It
 *     says which doomed objects the writer knows. A pack goes only when no writer is at work that does not know of it.
 *   - Who belongs to a process that has died is removed by collection. Who cannot be asked (another machine's) is believed to be
 *     at work for KG_PRESENCE_STALE; then it is removed, too: when it comes back after all, it finds its object gone, and its
 *     backup fails instead of becoming a recovery point that may lack chunks. Ages are differences of the store's own times; one
 *     that no machine stands still for, or one in the future, tells of a clock: such an object stays until a person says that its
 *     machine will not come back. */
#ifndef KG_VAULT_PRESENCE_H
#define KG_VAULT_PRESENCE_H

#include "vault/vault_int.h"

#define KG_PRESENCE_STALE (14 * 86400 * KG_SECOND)
#define KG_PRESENCE_ABSURD (400 * 86400 * KG_SECOND)

struct kg_presence;

/* Makes this process known as a writer. what: for people, "backup". */
int kg_presence_begin(const struct kg_vault *v, const char *what, struct kg_presence **ret, struct kg_err *err) KG_MUST_CHECK;
/* KG_E_COLLECTED when collection has taken it for dead. */
int kg_presence_check(const struct kg_presence *p, struct kg_err *err) KG_MUST_CHECK;
void kg_presence_end(struct kg_presence *p);   /* NULL is allowed */
KG_DEFINE_CLEANUP(struct kg_presence, kg_presence_end)
/* Is the pack in one of the doomed objects that the writer knows? */
bool kg_presence_doomed(const struct kg_presence *p, const uint8_t pack[KG_PACK_ID]);

/* ---- for collection ---- */

/* Packs that are to go, in one doomed object. */
struct kg_doomed {
    char name[KG_OBJECT_NAME];
    uint8_t (*packs)[KG_PACK_ID];        /* in order */
    size_t n;
};
struct kg_doomed_list {
    struct kg_doomed *list;
    size_t n, cap;
};
int kg_doomed_load(const struct kg_vault *v, struct kg_doomed_list *ret, struct kg_err *err) KG_MUST_CHECK;
void kg_doomed_done(struct kg_doomed_list *l);
bool kg_doomed_has(const struct kg_doomed *d, const uint8_t pack[KG_PACK_ID]);
/* Writes a new one; packs are n ids in any order. */
int kg_doomed_put(const struct kg_vault *v, uint8_t (*packs)[KG_PACK_ID], size_t n, struct kg_err *err) KG_MUST_CHECK;

/* How collection judges who cannot be asked. */
struct kg_judge {
    kg_usec now;                         /* as the store tells it, see kg_collect_now() */
    bool take_over;                      /* other machines will not come back */
};
/* Is anybody at work that does not know of the doomed object? Removes who is dead. waiting: gets {"what","host","since",
 * "elsewhere":bool} of each. */
int kg_presence_others(const struct kg_vault *v, const char *doomed, const struct kg_judge *judge, struct kg_json *waiting,
                       struct kg_err *err) KG_MUST_CHECK;

/* One collection at a time. KG_E_BUSY naming who is at it; take_over: another machine's, which will not come back. Should it be at
 * work after all, nothing is lost: presence keeps apart what must be, the lock only saves two from doing the same. */
int kg_collect_lock(const struct kg_vault *v, bool take_over, struct kg_err *err) KG_MUST_CHECK;
int kg_collect_locked(const struct kg_vault *v, struct kg_err *err) KG_MUST_CHECK; /* still ours? */
void kg_collect_unlock(const struct kg_vault *v);
/* When the lock was made, as the store says: what ages of other objects are measured by, whatever this machine's clock shows. */
int kg_collect_now(const struct kg_vault *v, kg_usec *ret, struct kg_err *err) KG_MUST_CHECK;

#endif
