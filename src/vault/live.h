/* vault/live.h - which chunks recovery points need. */
#ifndef KG_VAULT_LIVE_H
#define KG_VAULT_LIVE_H

#include "vault/locator.h"

struct kg_live;

/* Reads every manifest and walks every list. Anything that is missing or damaged is an error: what it needs would be
 * unknown. where: all packs of the vault; borrowed. */
int kg_live_load(struct kg_vault *v, const struct kg_locator *where, struct kg_live **ret, struct kg_err *err) KG_MUST_CHECK;
/* The same; seen is told of each chunk once, with the instance whose point was the first to need it. */
typedef void kg_live_seen(void *ctx, const char *instance, const struct kg_place *place);
int kg_live_count(struct kg_vault *v, const struct kg_locator *where, kg_live_seen *seen, void *ctx, struct kg_live **ret,
                  struct kg_err *err) KG_MUST_CHECK;
void kg_live_free(struct kg_live *l);          /* NULL is allowed */
KG_DEFINE_CLEANUP(struct kg_live, kg_live_free)
bool kg_live_has(const struct kg_live *l, const uint8_t id[KG_CHUNK_ID]);
bool kg_live_is_list(const struct kg_live *l, const uint8_t id[KG_CHUNK_ID]);
/* The manifests that were read. point NULL: any of the instance. */
size_t kg_live_points(const struct kg_live *l);
bool kg_live_has_point(const struct kg_live *l, const char *instance, const char *point);

#endif
