/* The public face: checks arguments, turns ids into keys and documents into text, and hands on to the driver. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/parse.h"
#include "base/text.h"
#include "catalog/driver.h"
#include "model/id.h"

/* ---- helpers ---- */

/* NULL and "/" are "anywhere". *ret is the caller's. */
static int scope_key(const char *id, char **ret, struct kg_err *err)
{
    if (!id || strcmp(id, "/") == 0) {
        *ret = NULL;
        return 0;
    }
    return kg_id_key(id, ret, err);
}

static unsigned page(unsigned top) { return top == 0 || top > KG_PAGE_MAX ? KG_PAGE_MAX : top; }

/* Documents are written without blanks; a NULL stays one. */
static int json_text(const struct kg_json *j, char **ret, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(KG_CATALOG_JSON_MAX);

    if (!j)
        return 0;
    kg_json_print(j, false, &b);
    if (kg_buf_ok(&b, err) < 0)
        return kg_err_wrap(err, "store a document");
    *ret = kg_buf_take(&b);
    return 0;
}

char *kg_page_token(kg_usec at, const char *id) { return kg_xprintf("%" PRIu64 ":%s", (uint64_t)at, id); }

int kg_page_token_parse(const char *token, kg_usec *ret_at, const char **ret_id, struct kg_err *err)
{
    const char *colon = strchr(token, ':');
    struct kg_err why = { 0 };
    char number[24];
    uint64_t at;

    if (colon && (size_t)(colon - token) < sizeof number) {
        memcpy(number, token, (size_t)(colon - token));
        number[colon - token] = '\0';
        if (kg_parse_range(number, 0, INT64_MAX, &at, &why) == 0) {
            *ret_at = (kg_usec)at;
            *ret_id = colon + 1;
            return 0;
        }
    }
    kg_err_set(err, KG_E_USAGE, "'%.60s' is not where a page ended", token);
    kg_err_advise(err, "Follow the nextLink of the page before, unchanged.");
    return -KG_E_USAGE;
}

/* ---- opening, transactions ---- */

void kg_catalog_close(struct kg_catalog *c)
{
    if (!c)
        return;
    kg_catalog_rollback(c);
    c->ops->close(c);
}

int kg_catalog_begin(struct kg_catalog *c, struct kg_err *err)
{
    KG_ASSERT(!c->in_transaction);
    if (c->ops->begin(c, err) < 0)
        return -(int)err->code;
    c->in_transaction = true;
    return 0;
}

int kg_catalog_commit(struct kg_catalog *c, struct kg_err *err)
{
    KG_ASSERT(c->in_transaction);
    c->in_transaction = false;
    return c->ops->commit(c, err);
}

void kg_catalog_rollback(struct kg_catalog *c)
{
    if (!c->in_transaction)
        return;
    c->in_transaction = false;
    c->ops->rollback(c);
}

int kg_catalog_check(struct kg_catalog *c, struct kg_err *err) { return c->ops->check(c, err); }

/* ---- resources ---- */

int kg_catalog_put(struct kg_catalog *c, const char *id, const char *location, const struct kg_json *json,
                   enum kg_put_mode mode, const char *if_match, struct kg_resource *ret, struct kg_err *err)
{
    KG_AUTO_ID struct kg_id parts = { 0 };
    KG_AUTO_FREE char *key = NULL, *type = NULL, *parent = NULL, *parent_key = NULL, *text = NULL, *plain = NULL;
    struct kg_put p;

    if (kg_id_parse(id, &parts, err) < 0 || kg_id_key(id, &key, err) < 0 || json_text(json, &text, err) < 0)
        return -(int)err->code;
    type = kg_id_type(&parts);
    parent = kg_id_parent(id);
    if (parent && kg_id_key(parent, &parent_key, err) < 0)
        return -(int)err->code;
    plain = kg_xstrndup(id, strlen(key)); /* without a trailing slash */
    p = (struct kg_put){ .key = key, .id = plain, .type = type, .name = kg_id_name(&parts), .parent = parent_key,
                         .location = location, .json = text ? text : "{}", .if_match = if_match, .mode = mode,
                         .now = kg_now_wall() };
    if (c->ops->put(c, &p, err) < 0)
        return -(int)err->code;
    return ret ? c->ops->get(c, key, ret, err) : 0;
}

/* Drivers know keys, which are in lower case; people are told of what they wrote. */
static int as_written(int r, const char *id, struct kg_err *err)
{
    if (r == 0 || err->code != KG_E_NOT_FOUND)
        return r;
    *err = (struct kg_err){ 0 };
    return kg_err_set(err, KG_E_NOT_FOUND, "no resource '%s'", id);
}

int kg_catalog_get(struct kg_catalog *c, const char *id, struct kg_resource *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *key = NULL;

    if (kg_id_key(id, &key, err) < 0)
        return -(int)err->code;
    return as_written(c->ops->get(c, key, ret, err), id, err);
}

int kg_catalog_exists(struct kg_catalog *c, const char *id, bool *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *key = NULL;

    if (kg_id_key(id, &key, err) < 0)
        return -(int)err->code;
    return c->ops->exists(c, key, ret, err);
}

int kg_catalog_delete(struct kg_catalog *c, const char *id, struct kg_err *err)
{
    KG_AUTO_FREE char *key = NULL;

    if (kg_id_key(id, &key, err) < 0)
        return -(int)err->code;
    return as_written(c->ops->del(c, key, err), id, err);
}

int kg_catalog_list(struct kg_catalog *c, const struct kg_resource_query *q, struct kg_resource_list *ret,
                    struct kg_err *err)
{
    KG_AUTO_FREE char *under = NULL, *parent = NULL;
    struct kg_resource_query with_keys = *q;

    if (scope_key(q->under, &under, err) < 0 || scope_key(q->parent, &parent, err) < 0)
        return -(int)err->code;
    with_keys.under = under;
    with_keys.parent = parent;
    with_keys.top = page(q->top);
    return c->ops->list(c, &with_keys, ret, err);
}

int kg_catalog_count(struct kg_catalog *c, const struct kg_resource_query *q, uint64_t *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *under = NULL, *parent = NULL;
    struct kg_resource_query with_keys = *q;

    if (scope_key(q->under, &under, err) < 0 || scope_key(q->parent, &parent, err) < 0)
        return -(int)err->code;
    with_keys.under = under;
    with_keys.parent = parent;
    return c->ops->count(c, &with_keys, ret, err);
}

/* ---- secrets ---- */

int kg_catalog_secret_put(struct kg_catalog *c, const struct kg_secret_row *row, struct kg_err *err)
{
    KG_AUTO_FREE char *key = NULL;

    KG_ASSERT(row->sealed && row->name && row->version);
    if (kg_id_key(row->keyvault, &key, err) < 0)
        return -(int)err->code;
    return c->ops->secret_put(c, key, row, err);
}

int kg_catalog_secret_get(struct kg_catalog *c, const char *keyvault, const char *name, const char *version,
                          struct kg_secret_row *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *key = NULL;

    if (kg_id_key(keyvault, &key, err) < 0)
        return -(int)err->code;
    return c->ops->secret_get(c, key, name, version && *version ? version : NULL, kg_now_wall(), ret, err);
}

int kg_catalog_secret_update(struct kg_catalog *c, const struct kg_secret_row *row, struct kg_err *err)
{
    KG_AUTO_FREE char *key = NULL;

    KG_ASSERT(row->name && row->version);
    if (kg_id_key(row->keyvault, &key, err) < 0)
        return -(int)err->code;
    return c->ops->secret_update(c, key, row, err);
}

int kg_catalog_secret_list(struct kg_catalog *c, const char *keyvault, const char *name, const char *after,
                           unsigned top, struct kg_secret_list *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *key = NULL;

    if (kg_id_key(keyvault, &key, err) < 0)
        return -(int)err->code;
    return c->ops->secret_list(c, key, name, after, page(top), ret, err);
}

int kg_catalog_secret_delete(struct kg_catalog *c, const char *keyvault, const char *name, struct kg_err *err)
{
    KG_AUTO_FREE char *key = NULL;

    if (kg_id_key(keyvault, &key, err) < 0)
        return -(int)err->code;
    return c->ops->secret_delete(c, key, name, err);
}

/* ---- jobs ---- */

int kg_catalog_job_insert(struct kg_catalog *c, const struct kg_job_row *row, struct kg_err *err)
{
    KG_AUTO_FREE char *vault = NULL, *instance = NULL, *json = NULL;

    if (kg_id_key(row->vault, &vault, err) < 0 || scope_key(row->instance, &instance, err) < 0 ||
        json_text(row->json, &json, err) < 0)
        return -(int)err->code;
    return c->ops->job_insert(c, row, vault, instance, json ? json : "{}", err);
}

int kg_catalog_job_update(struct kg_catalog *c, const struct kg_job_row *row, struct kg_err *err)
{
    KG_AUTO_FREE char *json = NULL;

    if (json_text(row->json, &json, err) < 0)
        return -(int)err->code;
    return c->ops->job_update(c, row, json ? json : "{}", err);
}

int kg_catalog_job_get(struct kg_catalog *c, const char *id, struct kg_job_row *ret, struct kg_err *err)
{
    return c->ops->job_get(c, id, ret, err);
}

char *kg_job_row_token(const struct kg_job_row *r) { return kg_page_token(r->start, r->id); }

int kg_catalog_job_list(struct kg_catalog *c, const struct kg_job_query *q, struct kg_job_list *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *vault = NULL, *instance = NULL, *under = NULL;
    struct kg_job_query with_keys = *q;

    if (scope_key(q->vault, &vault, err) < 0 || scope_key(q->instance, &instance, err) < 0 ||
        scope_key(q->under, &under, err) < 0)
        return -(int)err->code;
    with_keys.vault = vault;
    with_keys.instance = instance;
    with_keys.under = under;
    with_keys.top = page(q->top);
    return c->ops->job_list(c, &with_keys, ret, err);
}

int kg_catalog_job_count(struct kg_catalog *c, const struct kg_job_query *q, uint64_t *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *vault = NULL, *instance = NULL, *under = NULL;
    struct kg_job_query with_keys = *q;

    if (scope_key(q->vault, &vault, err) < 0 || scope_key(q->instance, &instance, err) < 0 ||
        scope_key(q->under, &under, err) < 0)
        return -(int)err->code;
    with_keys.vault = vault;
    with_keys.instance = instance;
    with_keys.under = under;
    return c->ops->job_count(c, &with_keys, ret, err);
}

int kg_catalog_job_prune(struct kg_catalog *c, kg_usec before, uint64_t *ret_count, struct kg_err *err)
{
    uint64_t count;

    return c->ops->job_prune(c, before, ret_count ? ret_count : &count, err);
}

int kg_catalog_log_add(struct kg_catalog *c, const char *job, kg_usec at, const char *text, struct kg_err *err)
{
    char cut[KG_JOB_LOG_LINE_BYTES + 1];

    kg_text_copy(cut, sizeof cut, text);
    return c->ops->log_add(c, job, at, cut, err);
}

int kg_catalog_log_list(struct kg_catalog *c, const char *job, uint64_t after, unsigned top, struct kg_log_list *ret,
                        struct kg_err *err)
{
    return c->ops->log_list(c, job, after > INT64_MAX ? INT64_MAX : after, page(top), ret, err);
}

int kg_catalog_job_tables_put(struct kg_catalog *c, const char *job, const struct kg_json *tables, struct kg_err *err)
{
    KG_AUTO_FREE char *text = NULL;

    return json_text(tables, &text, err) < 0 ? -(int)err->code : c->ops->job_tables_put(c, job, text, err);
}

int kg_catalog_job_tables_get(struct kg_catalog *c, const char *job, struct kg_json **ret, struct kg_err *err)
{
    return c->ops->job_tables_get(c, job, ret, err);
}

/* ---- operations ---- */

int kg_catalog_operation_insert(struct kg_catalog *c, const struct kg_operation_row *row, struct kg_err *err)
{
    KG_AUTO_FREE char *result = NULL, *error = NULL;

    if (json_text(row->result, &result, err) < 0 || json_text(row->error, &error, err) < 0)
        return -(int)err->code;
    return c->ops->operation_insert(c, row, result, error, err);
}

int kg_catalog_operation_update(struct kg_catalog *c, const struct kg_operation_row *row, struct kg_err *err)
{
    KG_AUTO_FREE char *result = NULL, *error = NULL;

    if (json_text(row->result, &result, err) < 0 || json_text(row->error, &error, err) < 0)
        return -(int)err->code;
    return c->ops->operation_update(c, row, result, error, err);
}

int kg_catalog_operation_get(struct kg_catalog *c, const char *id, struct kg_operation_row *ret, struct kg_err *err)
{
    return c->ops->operation_get(c, id, ret, err);
}

int kg_catalog_operation_unfinished(struct kg_catalog *c, const char *job, struct kg_operation_list *ret,
                                    struct kg_err *err)
{
    return c->ops->operation_unfinished(c, job, ret, err);
}

int kg_catalog_operation_prune(struct kg_catalog *c, kg_usec before, uint64_t *ret_count, struct kg_err *err)
{
    uint64_t count;

    return c->ops->operation_prune(c, before, ret_count ? ret_count : &count, err);
}

/* ---- recovery points ---- */

int kg_catalog_point_insert(struct kg_catalog *c, const struct kg_point_row *row, struct kg_err *err)
{
    KG_AUTO_FREE char *instance = NULL, *json = NULL;

    if (kg_id_key(row->instance, &instance, err) < 0 || json_text(row->json, &json, err) < 0)
        return -(int)err->code;
    return c->ops->point_insert(c, instance, row, json ? json : "{}", err);
}

int kg_catalog_point_update(struct kg_catalog *c, const struct kg_point_row *row, struct kg_err *err)
{
    KG_AUTO_FREE char *instance = NULL, *json = NULL;

    if (kg_id_key(row->instance, &instance, err) < 0 || json_text(row->json, &json, err) < 0)
        return -(int)err->code;
    return c->ops->point_update(c, instance, row, json ? json : "{}", err);
}

int kg_catalog_point_get(struct kg_catalog *c, const char *instance, const char *id, struct kg_point_row *ret,
                         struct kg_err *err)
{
    KG_AUTO_FREE char *key = NULL;

    if (kg_id_key(instance, &key, err) < 0)
        return -(int)err->code;
    return c->ops->point_get(c, key, id, ret, err);
}

int kg_catalog_point_list(struct kg_catalog *c, const struct kg_point_query *q, struct kg_point_list *ret,
                          struct kg_err *err)
{
    KG_AUTO_FREE char *instance = NULL;
    struct kg_point_query with_key = *q;

    if (scope_key(q->instance, &instance, err) < 0)
        return -(int)err->code;
    with_key.instance = instance;
    with_key.top = page(q->top);
    return c->ops->point_list(c, &with_key, ret, err);
}

int kg_catalog_point_count(struct kg_catalog *c, const struct kg_point_query *q, uint64_t *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *instance = NULL;
    struct kg_point_query with_key = *q;

    if (scope_key(q->instance, &instance, err) < 0)
        return -(int)err->code;
    with_key.instance = instance;
    return c->ops->point_count(c, &with_key, ret, err);
}

int kg_catalog_point_sum(struct kg_catalog *c, const struct kg_point_query *q, struct kg_point_sum *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *instance = NULL;
    struct kg_point_query with_key = *q;

    if (scope_key(q->instance, &instance, err) < 0)
        return -(int)err->code;
    with_key.instance = instance;
    return c->ops->point_sum(c, &with_key, ret, err);
}

int kg_catalog_point_delete(struct kg_catalog *c, const char *instance, const char *id, struct kg_err *err)
{
    KG_AUTO_FREE char *key = NULL;

    if (kg_id_key(instance, &key, err) < 0)
        return -(int)err->code;
    return c->ops->point_delete(c, key, id, err);
}

/* ---- how instances stand ---- */

int kg_catalog_standing(struct kg_catalog *c, const char *instance, struct kg_standing *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *key = NULL;

    if (kg_id_key(instance, &key, err) < 0)
        return -(int)err->code;
    return c->ops->standing(c, key, ret, err);
}

int kg_catalog_job_tally(struct kg_catalog *c, const char *under, kg_usec from, struct kg_tally *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *key = NULL;

    if (kg_id_key(under, &key, err) < 0)
        return -(int)err->code;
    return c->ops->job_tally(c, key, from, ret, err);
}

/* ---- usage ---- */

int kg_catalog_usage_put(struct kg_catalog *c, const char *vault, int64_t day, const struct kg_json *json, struct kg_err *err)
{
    KG_AUTO_FREE char *key = NULL, *text = NULL;

    if (kg_id_key(vault, &key, err) < 0 || json_text(json, &text, err) < 0)
        return -(int)err->code;
    return c->ops->usage_put(c, key, day, text ? text : "{}", err);
}

int kg_catalog_usage_list(struct kg_catalog *c, const char *vault, unsigned top, struct kg_usage_list *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *key = NULL;

    if (kg_id_key(vault, &key, err) < 0)
        return -(int)err->code;
    return c->ops->usage_list(c, key, page(top), ret, err);
}

/* ---- remembered values ---- */

int kg_catalog_value_set(struct kg_catalog *c, const char *key, const char *value, struct kg_err *err)
{
    return c->ops->value_set(c, key, value, err);
}

int kg_catalog_value_get(struct kg_catalog *c, const char *key, char **ret, struct kg_err *err)
{
    return c->ops->value_get(c, key, ret, err);
}

/* ---- role assignments, audit ---- */

int kg_catalog_assignment_put(struct kg_catalog *c, const struct kg_assignment_row *row, struct kg_err *err)
{
    KG_AUTO_FREE char *key = NULL;

    if (strcmp(row->scope, "/") == 0)
        key = kg_xstrdup("/");
    else if (kg_id_key(row->scope, &key, err) < 0)
        return -(int)err->code;
    return c->ops->assignment_put(c, row, key, err);
}

int kg_catalog_assignment_list(struct kg_catalog *c, const char *principal, struct kg_assignment_list *ret, struct kg_err *err)
{
    return c->ops->assignment_list(c, principal, ret, err);
}

int kg_catalog_assignment_delete(struct kg_catalog *c, const char *id, struct kg_err *err)
{
    return c->ops->assignment_delete(c, id, err);
}

int kg_catalog_audit_add(struct kg_catalog *c, const struct kg_audit_row *row, struct kg_err *err)
{
    return c->ops->audit_add(c, row, err);
}

int kg_catalog_audit_last(struct kg_catalog *c, struct kg_audit_row *ret, struct kg_err *err)
{
    return c->ops->audit_last(c, ret, err);
}

int kg_catalog_audit_list(struct kg_catalog *c, const char *principal, enum kg_audit_order order, uint64_t after, unsigned top,
                          struct kg_audit_list *ret, struct kg_err *err)
{
    return c->ops->audit_list(c, principal, order, after > INT64_MAX ? INT64_MAX : after, page(top), ret, err);
}
