/* catalog/driver.h - for this room only: what a catalog driver must provide. The wrappers in catalog.c have checked
 * their arguments: ids have become keys (lower case), tops are from 1 to KG_PAGE_MAX, and JSON is text. Everything else
 * is as the function of the same name in catalog.h documents it. */
#ifndef KG_CATALOG_DRIVER_H
#define KG_CATALOG_DRIVER_H

#include "catalog/catalog.h"

struct kg_put {
    const char *key, *id, *type, *name, *parent; /* parent: key, NULL for a subscription */
    const char *location, *json, *if_match;
    enum kg_put_mode mode;
    kg_usec now;
};

struct kg_catalog_ops {
    const char *name;
    void (*close)(struct kg_catalog *c);
    int (*begin)(struct kg_catalog *c, struct kg_err *err);
    int (*commit)(struct kg_catalog *c, struct kg_err *err);   /* a failed one has rolled back */
    void (*rollback)(struct kg_catalog *c);
    int (*check)(struct kg_catalog *c, struct kg_err *err);

    int (*put)(struct kg_catalog *c, const struct kg_put *p, struct kg_err *err);
    int (*get)(struct kg_catalog *c, const char *key, struct kg_resource *ret, struct kg_err *err);
    int (*exists)(struct kg_catalog *c, const char *key, bool *ret, struct kg_err *err);
    int (*del)(struct kg_catalog *c, const char *key, struct kg_err *err);
    int (*list)(struct kg_catalog *c, const struct kg_resource_query *q, struct kg_resource_list *ret,
                struct kg_err *err);
    int (*count)(struct kg_catalog *c, const struct kg_resource_query *q, uint64_t *ret, struct kg_err *err);

    int (*secret_put)(struct kg_catalog *c, const char *keyvault, const struct kg_secret_row *row, struct kg_err *err);
    int (*secret_get)(struct kg_catalog *c, const char *keyvault, const char *name, const char *version, kg_usec now,
                      struct kg_secret_row *ret, struct kg_err *err);
    int (*secret_update)(struct kg_catalog *c, const char *keyvault, const struct kg_secret_row *row, struct kg_err *err);
    int (*secret_list)(struct kg_catalog *c, const char *keyvault, const char *name, const char *after, unsigned top,
                       struct kg_secret_list *ret, struct kg_err *err);
    int (*secret_delete)(struct kg_catalog *c, const char *keyvault, const char *name, struct kg_err *err);

    int (*job_insert)(struct kg_catalog *c, const struct kg_job_row *row, const char *vault, const char *instance,
                      const char *json, struct kg_err *err);
    int (*job_update)(struct kg_catalog *c, const struct kg_job_row *row, const char *json, struct kg_err *err);
    int (*job_get)(struct kg_catalog *c, const char *id, struct kg_job_row *ret, struct kg_err *err);
    int (*job_list)(struct kg_catalog *c, const struct kg_job_query *q, struct kg_job_list *ret, struct kg_err *err);
    int (*job_count)(struct kg_catalog *c, const struct kg_job_query *q, uint64_t *ret, struct kg_err *err);
    int (*job_prune)(struct kg_catalog *c, kg_usec before, uint64_t *ret, struct kg_err *err);
    int (*log_add)(struct kg_catalog *c, const char *job, kg_usec at, const char *text, struct kg_err *err);
    int (*job_tables_put)(struct kg_catalog *c, const char *job, const char *json, struct kg_err *err);
    int (*job_tables_get)(struct kg_catalog *c, const char *job, struct kg_json **ret, struct kg_err *err);
    int (*log_list)(struct kg_catalog *c, const char *job, uint64_t after, unsigned top, struct kg_log_list *ret,
                    struct kg_err *err);

    int (*operation_insert)(struct kg_catalog *c, const struct kg_operation_row *row, const char *result,
                            const char *error, struct kg_err *err);
    int (*operation_update)(struct kg_catalog *c, const struct kg_operation_row *row, const char *result,
                            const char *error, struct kg_err *err);
    int (*operation_get)(struct kg_catalog *c, const char *id, struct kg_operation_row *ret, struct kg_err *err);
    int (*operation_unfinished)(struct kg_catalog *c, const char *job, struct kg_operation_list *ret,
                                struct kg_err *err);
    int (*operation_prune)(struct kg_catalog *c, kg_usec before, uint64_t *ret, struct kg_err *err);

    int (*point_insert)(struct kg_catalog *c, const char *instance, const struct kg_point_row *row, const char *json,
                        struct kg_err *err);
    int (*point_update)(struct kg_catalog *c, const char *instance, const struct kg_point_row *row, const char *json,
                        struct kg_err *err);
    int (*point_get)(struct kg_catalog *c, const char *instance, const char *id, struct kg_point_row *ret,
                     struct kg_err *err);
    int (*point_list)(struct kg_catalog *c, const struct kg_point_query *q, struct kg_point_list *ret,
                      struct kg_err *err);
    int (*point_count)(struct kg_catalog *c, const struct kg_point_query *q, uint64_t *ret, struct kg_err *err);
    int (*point_delete)(struct kg_catalog *c, const char *instance, const char *id, struct kg_err *err);

    int (*assignment_put)(struct kg_catalog *c, const struct kg_assignment_row *row, const char *scope, struct kg_err *err);
    int (*assignment_list)(struct kg_catalog *c, const char *principal, struct kg_assignment_list *ret, struct kg_err *err);
    int (*assignment_delete)(struct kg_catalog *c, const char *id, struct kg_err *err);
    int (*audit_add)(struct kg_catalog *c, const struct kg_audit_row *row, struct kg_err *err);
    int (*audit_last)(struct kg_catalog *c, struct kg_audit_row *ret, struct kg_err *err);
    int (*audit_list)(struct kg_catalog *c, const char *principal, enum kg_audit_order order, uint64_t after,
                      unsigned top, struct kg_audit_list *ret, struct kg_err *err);

    int (*standing)(struct kg_catalog *c, const char *instance, struct kg_standing *ret, struct kg_err *err);
    int (*job_tally)(struct kg_catalog *c, const char *under, kg_usec from, struct kg_tally *ret, struct kg_err *err);

    int (*point_sum)(struct kg_catalog *c, const struct kg_point_query *q, struct kg_point_sum *ret, struct kg_err *err);
    int (*usage_put)(struct kg_catalog *c, const char *vault, int64_t day, const char *json, struct kg_err *err);
    int (*usage_list)(struct kg_catalog *c, const char *vault, unsigned top, struct kg_usage_list *ret, struct kg_err *err);

    int (*value_set)(struct kg_catalog *c, const char *key, const char *value, struct kg_err *err);
    int (*value_get)(struct kg_catalog *c, const char *key, char **ret, struct kg_err *err);
};

struct kg_catalog { /* first member of every driver's struct */
    const struct kg_catalog_ops *ops;
    bool in_transaction;
};

/* A page's token of lists that are ordered by a moment, newest first: "MOMENT:ID". */
char *kg_page_token(kg_usec at, const char *id);
int kg_page_token_parse(const char *token, kg_usec *ret_at, const char **ret_id, struct kg_err *err) KG_MUST_CHECK;

#endif
