/* vault/assay.h - is all that a recovery point needs really there? Reads it, as a restore would, and believes no list.
 *
 * Before the one copy of a point goes, the other one is read: its manifest, and every pack that its streams need, whole, each pack
 * once however many points an assay is asked about. Every segment is opened, every chunk compared with its name.
 *
 * Ownership: kg_assay_begin() gives, kg_assay_free() takes; the vault is borrowed, and held by the caller (kg_vault_hold).
 * Threads:   an assay belongs to one.
 * Memory:    an index of the vault (locator.h), a segment, and a few bytes a pack and a segment. */
#ifndef KG_VAULT_ASSAY_H
#define KG_VAULT_ASSAY_H

#include "vault/vault.h"

struct kg_assay;
struct kg_assay_opts {
    bool (*cancelled)(void *ctx);                              /* optional */
    void *ctx;
};
int kg_assay_begin(struct kg_vault *v, const struct kg_assay_opts *o, struct kg_assay **ret, struct kg_err *err) KG_MUST_CHECK;
/* KG_E_CORRUPT, KG_E_NO_POINT: something of the point is missing or damaged, and what. Everything else: it could not be told. */
int kg_assay_point(struct kg_assay *a, const char *instance, const char *point, struct kg_err *err) KG_MUST_CHECK;
/* Makes known that packs which were found damaged are to go: writers that begin later take nothing in them for granted, and store
 * again what they need of it. Collection deletes such a pack when nothing in it is needed that is not, sound, elsewhere. */
int kg_assay_doom(struct kg_assay *a, struct kg_err *err) KG_MUST_CHECK;
void kg_assay_free(struct kg_assay *a);                        /* NULL is allowed */
KG_DEFINE_CLEANUP(struct kg_assay, kg_assay_free)

#endif
