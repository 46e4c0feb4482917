/* readiness/round.h - one look at the readiness of one or many databases: the control checks, made when the round is opened;
 * what a worker found out, merged in; and the report that callers get.
 *
 * A row is asked for as {"key"?, "name"?, "datasource": id, "secret"?: uri, "self"?: id}; key tells rows apart between
 * service and worker, name is what the caller calls it, self the instance that may protect the database already.
 *
 * Ownership: kg_round_open() gives, kg_round_close() takes. Threads: the catalog's. */
#ifndef KG_READINESS_ROUND_H
#define KG_READINESS_ROUND_H

#include "readiness/control.h"

enum { KG_ROUND_ROWS = 500 };

struct kg_round_row {
    char *key, *name;                /* name may be NULL */
    char *secret_uri, *self;         /* may be NULL */
    struct kg_datasource source;
    struct kg_control_row control;   /* with all checks, the worker's after kg_round_merge(), too */
    struct kg_json *facts;           /* the worker's, or NULL */
};

struct kg_round {
    struct kg_resource vault;
    struct kg_round_row *row;
    size_t n;
};

/* Messages name what the caller may see, see kg_control_open().
 * KG_E_USAGE naming the row for what cannot be read, KG_E_LIMIT for too many; KG_E_NOT_FOUND: no such vault. */
int kg_round_open(struct kg_catalog *c, const struct kg_identity *i, struct kg_keyvault *kv, const char *vault,
                  const struct kg_principal *caller, const struct kg_json *rows, struct kg_round **ret,
                  struct kg_err *err) KG_MUST_CHECK;
void kg_round_close(struct kg_round *r);
KG_DEFINE_CLEANUP(struct kg_round, kg_round_close)
#define KG_AUTO_ROUND KG_CLEANUP(kg_round_closep)

/* The worker's {"rows":[{"key","checks","facts"}]} into the rows of those keys. */
int kg_round_merge(struct kg_round *r, const struct kg_json *result, struct kg_err *err) KG_MUST_CHECK;

/* Rows that were neither found wanting nor looked at to the end: why is what failed, so that silence is no success. */
void kg_round_settle(struct kg_round *r, const struct kg_err *why);

/* All rows' missing grants at that scope, each once. */
void kg_round_missing(const struct kg_round *r, enum kg_grant_scope scope, struct kg_grants *ret);

/* {"name"?, "datasourceId", "outcome", "checks":[…], "missing":[grants], "facts"?} */
struct kg_json *kg_round_row_json(const struct kg_round *r, size_t i, const struct kg_identity *identity,
                                  const struct kg_principal *caller);
/* {"value":[…]} */
struct kg_json *kg_round_json(const struct kg_round *r, const struct kg_identity *identity, const struct kg_principal *caller);
/* UserFacingErrors of the checks that failed. */
struct kg_json *kg_round_failures(const struct kg_round_row *r);

#endif
