/* policy/copies.h - where a recovery point's copies are, as its document in the catalog keeps it. Pure.
 *
 *   "copies":      {"VaultStore": {"time"}, "ArchiveStore": {"time", "storedBytes"}}; absent: in the VaultStore only
 *   "rehydration": {"status", "priority", "days", "from", "until", "tries", "problem", "leftover"}; absent: never asked for
 *   "faults":      {"VaultStore": {"lost", "damaged": why, "readData"}, "ArchiveStore": …}: what is wrong with a copy; absent: nothing
 *   "problem":     one sentence, when no copy is sound; otherwise absent. Of an older catalog, without "faults": all are lost
 *
 * A point that left the VaultStore for the archive comes back for some days by a rehydration; its copy there then stays until
 * "until" and leaves as any other does. The archive's copy stays through all of it. */
#ifndef KG_POLICY_COPIES_H
#define KG_POLICY_COPIES_H

#include "json/json.h"
#include "model/policy.h"

/* As bits, see struct kg_life. */
unsigned kg_copies_in(const struct kg_json *point);
/* made: of the point, for one whose document does not say. bytes: what the copy took in its store; 0: not known. */
void kg_copies_add(struct kg_json *point, kg_usec made, enum kg_datastore store, kg_usec at, uint64_t bytes);
void kg_copies_remove(struct kg_json *point, kg_usec made, enum kg_datastore store);
/* When the copy was made; otherwise when the document does not say. */
kg_usec kg_copies_time(const struct kg_json *point, enum kg_datastore store, kg_usec otherwise);

/* What is known to be wrong with copies: lost is one whose manifest is not there, damaged one that lacks something it names. As bits
 * of those that kg_copies_in() tells of. */
unsigned kg_copies_lost(const struct kg_json *point);
unsigned kg_copies_damaged(const struct kg_json *point);
unsigned kg_copies_sound(const struct kg_json *point);
/* Of the point: sound when a copy is, damaged when one is there at all. */
enum kg_copy_state { KG_COPY_SOUND, KG_COPY_DAMAGED, KG_COPY_LOST };
enum kg_copy_state kg_copies_state(const struct kg_json *point);
/* Why the copy there is damaged; NULL: it is not. Borrowed. */
const char *kg_copies_damage(const struct kg_json *point, enum kg_datastore store);

/* Both return whether that is news. A copy that is made anew (kg_copies_add) is sound. */
bool kg_copies_set_lost(struct kg_json *point, enum kg_datastore store, bool lost);
/* why: what was found; NULL: nothing. read: by reading all data. What was found by reading goes away by reading only. */
bool kg_copies_set_damaged(struct kg_json *point, enum kg_datastore store, const char *why, bool read);

enum kg_rehydration_status { KG_REHYDRATION_NONE, KG_REHYDRATION_CREATING, KG_REHYDRATION_COMPLETED, KG_REHYDRATION_DELETED,
                             KG_REHYDRATION_FAILED, KG_REHYDRATION_STATUS_COUNT_ };
/* "CREATE_IN_PROGRESS", "COMPLETED", "DELETED", "FAILED"; NULL for none. */
const char *kg_rehydration_status_to_text(enum kg_rehydration_status s);

struct kg_rehydration {
    enum kg_rehydration_status status;
    bool high;                           /* priority */
    unsigned days;                       /* how long the copy stays */
    kg_usec from, until;                 /* when it came; when it leaves; 0 before */
    unsigned tries;                      /* that failed */
    bool leftover;                       /* a try that failed may have left a copy, which is to be deleted */
    const char *problem;                 /* why it failed; borrowed from the document, NULL: it did not */
};
struct kg_rehydration kg_rehydration_read(const struct kg_json *point);
void kg_rehydration_write(struct kg_json *point, const struct kg_rehydration *r);

/* Asks for one: what there is, wanted now for so many days. True: a copy has to be made, where there is none or it was lost; false: one
 * is there, or on its way, and will stay at least that long. */
bool kg_rehydration_ask(struct kg_json *point, bool high, unsigned days, kg_usec now);
/* The copy is there. */
void kg_rehydration_came(struct kg_json *point, kg_usec made, kg_usec now);

#endif
