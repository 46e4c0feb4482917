/* policy/promise.h - what a policy promised a recovery point when it was made, as the point's document keeps it: "stays",
 * an array of {store, from, until}. Whoever acts on it and whoever tells of it reads it here. Pure. */
#ifndef KG_POLICY_PROMISE_H
#define KG_POLICY_PROMISE_H

#include "json/json.h"
#include "policy/lifecycle.h"

/* Where a point of that time will be, from when until when; *ret_end is when it leaves for good. The caller frees. */
struct kg_json *kg_promise_make(const struct kg_retention *r, kg_usec time, kg_usec *ret_end);
/* The stays of a point as they are kept. The caller frees. */
struct kg_json *kg_promise_stays(const struct kg_life *l);

/* A point of the catalog, from its document: "stays", "held" with "hold", "problem", what a check of the vault found, and
 * copies.h. A promise that cannot be read holds the point; with none it is left alone. */
struct kg_life kg_promise_read(const struct kg_json *point, kg_usec time);

/* Does somebody hold it at that moment? */
bool kg_promise_is_held(const struct kg_json *point, kg_usec at);

#endif
