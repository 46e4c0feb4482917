/* worker/ops.h - the operations a worker can run, one row a name. docs/ARCHITECTURE.md lists their fields. */
#ifndef KG_WORKER_OPS_H
#define KG_WORKER_OPS_H

#include "base/buf.h"
#include "crypto/secret.h"
#include "json/json.h"
#include "plugin/events.h"

struct worker;

struct kg_op {
    struct worker *worker;
    const struct kg_json *job;
    const struct kg_events *ev;
    struct kg_buf *tail;                 /* the last lines of a program that failed */
};

/* Runs the operation of that name; KG_E_UNSUPPORTED when there is none. *ret_result may stay NULL. */
int kg_op_run(const struct kg_op *op, const char *name, struct kg_json **ret_result, struct kg_err *err) KG_MUST_CHECK;

/* For the operations: what the service sent, and sending one back. */
const struct kg_secret *kg_op_secret(const struct kg_op *op, const char *name);   /* NULL when it was not sent */
/* The same, demanded; one that should have come from a key vault in Azure fails with what was wrong there. */
int kg_op_need_secret(const struct kg_op *op, const char *name, const struct kg_secret **ret, struct kg_err *err) KG_MUST_CHECK;
/* Adds a secret that was got otherwise (takes value), or why it could not be got (value NULL). */
int kg_op_keep_secret(const struct kg_op *op, const char *name, struct kg_secret *value, const struct kg_err *why,
                      struct kg_err *err) KG_MUST_CHECK;
int kg_op_send_secret(const struct kg_op *op, const char *name, const struct kg_secret *s, struct kg_err *err) KG_MUST_CHECK;

/* Who logs in: the secret of that name. Where to: server, {host, port, sslMode}. KG_E_SECRET_FORMAT,
 * KG_E_SECRET_SERVER. */
struct kg_conninfo;
int kg_op_conninfo(const struct kg_op *op, const char *secret, const struct kg_json *server, struct kg_conninfo *c,
                   struct kg_err *err) KG_MUST_CHECK;
/* secrets.c: gets the secrets that the job's "fetch" names from their key vaults in Azure, before its operation begins. One
 * that cannot be had is its user's trouble, see kg_op_need_secret(). KG_E_CANCELLED. */
int kg_op_fetch_secrets(const struct kg_op *op, struct kg_err *err) KG_MUST_CHECK;
/* The provider for one of the job's "keyvaults". */
struct kg_keyvault;
int kg_op_open_keyvault(const struct kg_op *op, const char *id, struct kg_keyvault **ret, struct kg_err *err) KG_MUST_CHECK;
int kg_op_keyvault(const struct kg_op *op, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
/* ops_tiers.c: both datastores of a vault. */
int kg_op_vault_create(const struct kg_op *op, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
int kg_op_recovery_key(const struct kg_op *op, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
int kg_op_vault_check(const struct kg_op *op, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
int kg_op_vault_usage(const struct kg_op *op, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
int kg_op_vault_collect(const struct kg_op *op, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
int kg_op_point_copy(const struct kg_op *op, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
int kg_op_point_delete(const struct kg_op *op, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
int kg_op_validate_backup(const struct kg_op *op, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
/* The checks of readiness/database.h before a byte is read: what failed first is the error; the log has all. */
int kg_op_require_ready(const struct kg_op *op, const char *database, struct kg_conninfo *conn, struct kg_err *err) KG_MUST_CHECK;

#endif
