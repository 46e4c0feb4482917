/* policy/leaving.h - copies of a recovery point on their way out, as its document in the catalog keeps it. Pure.
 *
 *   "leaving": {"stores": ["VaultStore"], "since", "run"}; absent: none is
 *   "again":   {"store", "problem"}; absent: no copy was found damaged
 *   "stayed":  {"store", "problem", "after"}; absent: nothing stays that should have left
 *
 * A copy is leaving from the transaction that accepts the job which deletes it until it is known what became of that: the copy has
 * gone, or is there. In between nobody can count on it, and nobody may be promised that it stays. */
#ifndef KG_POLICY_LEAVING_H
#define KG_POLICY_LEAVING_H

#include "json/json.h"
#include "model/policy.h"

unsigned kg_leaving_stores(const struct kg_json *point);       /* bits of enum kg_datastore, of the copies that there are */
bool kg_leaving_all(const struct kg_json *point);              /* with them the point goes */
/* stores: more of them. run: of the service, which knows of its own jobs. */
void kg_leaving_begin(struct kg_json *point, unsigned stores, const char *run, kg_usec now);
/* It is known what became of that store's copy. */
void kg_leaving_end(struct kg_json *point, enum kg_datastore store);
bool kg_leaving_is_of(const struct kg_json *point, const char *run);

/* The copy there lacks something, as who read all of it found: it is damaged (policy/copies.h), and to be made again. That it was ends
 * with kg_again_end(). */
unsigned kg_again_stores(const struct kg_json *point);
/* After a check: the archive's copy is to be made again if it is damaged and the vault's is sound; not any more if nothing is wrong
 * with it. True: that is news. */
bool kg_again_follow(struct kg_json *point);
void kg_again_begin(struct kg_json *point, enum kg_datastore store, const char *problem);
void kg_again_end(struct kg_json *point, enum kg_datastore store);

/* The copy there should have left, and stays for now: it is tried again after a pause. */
void kg_stayed(struct kg_json *point, enum kg_datastore store, const char *problem, kg_usec pause, kg_usec now);
const char *kg_stayed_problem(const struct kg_json *point);    /* borrowed; NULL: nothing stayed */
bool kg_stayed_is_paused(const struct kg_json *point, enum kg_datastore store, kg_usec now);

#endif
