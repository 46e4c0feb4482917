/* vault/keys.h - key slots: the vault's master key, wrapped for one holder each; and the recovery key's text. */
#ifndef KG_VAULT_KEYS_H
#define KG_VAULT_KEYS_H

#include "vault/vault_int.h"

enum kg_holder { KG_HOLDER_SERVICE = 1, KG_HOLDER_RECOVERY = 2 };
enum { KG_SLOT_BYTES = 208, KG_RECOVERY_TEXT = 14 * 5 - 1 };

/* A new slot of *v for a holder's 32-byte key; v->master must be there. ret_name is the object's. */
int kg_slot_put(const struct kg_vault *v, enum kg_holder holder, const struct kg_secret *key,
                char ret_name[KG_OBJECT_NAME], struct kg_err *err) KG_MUST_CHECK;
/* Tries all slots of that kind of holder: sets v->master and v->slot. KG_E_WRONG_KEY, KG_E_CORRUPT. */
int kg_slots_open(struct kg_vault *v, enum kg_holder holder, const struct kg_secret *key, struct kg_err *err) KG_MUST_CHECK;
/* Is this slot, byte for byte, what was put under that name? For check: any slot, whoever holds its key. */
int kg_slot_check(const struct kg_vault *v, const char *name, struct kg_err *err) KG_MUST_CHECK;
const char *kg_slot_prefix(enum kg_holder holder);      /* "keys/service-" */

/* 32 random bytes <-> groups of 4 letters and digits. */
struct kg_secret *kg_recovery_to_text(const struct kg_secret *key);
int kg_recovery_from_text(const struct kg_secret *text, struct kg_secret **ret_key, struct kg_err *err) KG_MUST_CHECK;

#endif
