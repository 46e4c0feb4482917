/* worker/vault_in.h - the datastores of a job's vault: the job names their directories ("storePath", "archivePath"), the service's
 * key opens both. For worker/ only. */
#ifndef KG_WORKER_VAULT_IN_H
#define KG_WORKER_VAULT_IN_H

#include "store/store.h"
#include "vault/vault.h"
#include "worker/ops.h"

struct kg_vault_in {
    struct kg_store *store;
    struct kg_vault *vault;
};
void kg_vault_in_done(struct kg_vault_in *v);
#define KG_AUTO_VAULT_IN KG_CLEANUP(kg_vault_in_done)

#define KG_VAULT_STORE   "VaultStore"
#define KG_ARCHIVE_STORE "ArchiveStore"

/* The store that the job works on: its "store", or the VaultStore. */
const char *kg_op_store(const struct kg_op *op);
int kg_vault_in_open(const struct kg_op *op, struct kg_vault_in *ret, struct kg_err *err) KG_MUST_CHECK;
/* One of the two. An archive must be the one that the job names ("archiveId"): a directory that was not mounted is none. */
int kg_vault_in_open_store(const struct kg_op *op, const char *store, struct kg_vault_in *ret, struct kg_err *err) KG_MUST_CHECK;
/* Makes the archive of a vault; its directory must be empty. */
int kg_vault_in_make_archive(const struct kg_op *op, const struct kg_vault *of, struct kg_vault_in *ret, struct kg_err *err) KG_MUST_CHECK;
/* Does the job's vault have an archive, as far as the service knows? */
bool kg_op_has_archive(const struct kg_op *op);

/* Who reads at length keeps collection away. A store that cannot be written to, a full one say, is read all the same: what a
 * collection took away meanwhile would be missed, never restored wrong. */
void kg_op_hold(const struct kg_op *op, struct kg_vault *vault, const char *what, struct kg_presence **ret);
#define KG_AUTO_HOLD KG_CLEANUP(kg_vault_releasep)

#endif
