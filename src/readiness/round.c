#include "readiness/round.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "job/user_error.h"

static void row_done(struct kg_round_row *r)
{
    free(r->key);
    free(r->name);
    free(r->secret_uri);
    free(r->self);
    kg_datasource_done(&r->source);
    kg_control_row_done(&r->control);
    kg_json_free(r->facts);
}

void kg_round_close(struct kg_round *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n; i++)
        row_done(&r->row[i]);
    free(r->row);
    kg_resource_done(&r->vault);
    free(r);
}

static int read_row(const struct kg_json *j, size_t i, struct kg_round_row *ret, struct kg_err *err)
{
    const char *datasource, *key = kg_json_str(j, "key");

    ret->key = key ? kg_xstrdup(key) : kg_xprintf("%zu", i);
    ret->name = kg_xstrdup(kg_json_str(j, "name"));
    ret->secret_uri = kg_xstrdup(kg_json_str(j, "secret"));
    ret->self = kg_xstrdup(kg_json_str(j, "self"));
    if (kg_json_need_str(j, "datasource", &datasource, err) < 0 || kg_datasource_parse(datasource, &ret->source, err) < 0)
        return kg_err_wrap(err, "row %zu", i + 1);
    return 0;
}

int kg_round_open(struct kg_catalog *c, const struct kg_identity *identity, struct kg_keyvault *kv, const char *vault,
                  const struct kg_principal *caller, const struct kg_json *rows, struct kg_round **ret, struct kg_err *err)
{
    KG_AUTO_ROUND struct kg_round *r = kg_xalloc(sizeof *r);
    KG_AUTO_CONTROL struct kg_control *control = NULL;

    if (kg_json_count(rows) > KG_ROUND_ROWS)
        return kg_err_set(err, KG_E_LIMIT, "%zu databases are too many to check at once; at most %d", kg_json_count(rows),
                          KG_ROUND_ROWS);
    if (kg_catalog_get(c, vault, &r->vault, err) < 0 || kg_control_open(c, identity, kv, caller, &control, err) < 0)
        return -(int)err->code;
    r->row = kg_xalloc_array(kg_json_count(rows), sizeof *r->row);
    for (const struct kg_json *j = kg_json_first(rows); j; j = kg_json_next(j)) {
        struct kg_round_row *row = &r->row[r->n++];

        if (read_row(j, r->n - 1, row, err) < 0)
            return -(int)err->code;
        row->control.vault = &r->vault;
        row->control.source = &row->source;
        row->control.secret_uri = row->secret_uri;
        row->control.self = row->self;
        if (kg_control_check(control, &row->control, err) < 0)
            return -(int)err->code;
    }
    *ret = KG_TAKE(r);
    return 0;
}

static struct kg_round_row *find(struct kg_round *r, const char *key)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->row[i].key, key) == 0)
            return &r->row[i];
    return NULL;
}

int kg_round_merge(struct kg_round *r, const struct kg_json *result, struct kg_err *err)
{
    for (const struct kg_json *j = kg_json_first(kg_json_get(result, "rows")); j; j = kg_json_next(j)) {
        struct kg_round_row *row = find(r, kg_json_str_or(j, "key", ""));
        KG_AUTO_CHECKS struct kg_checks found = { 0 };
        const struct kg_json *facts = kg_json_get(j, "facts");

        if (!row)
            return kg_err_set(err, KG_E_CHILD, "the worker reported on a database that it was not asked about");
        if (kg_checks_from_json(kg_json_get(j, "checks"), &found, err) < 0)
            return kg_err_wrap(err, "the worker's report on database '%s'", row->source.database);
        kg_checks_merge(&row->control.checks, &found);
        kg_json_free(row->facts);
        row->facts = kg_json_type(facts) == KG_JSON_OBJECT ? kg_json_copy(facts) : NULL;
    }
    return 0;
}

void kg_round_settle(struct kg_round *r, const struct kg_err *why)
{
    for (size_t i = 0; i < r->n; i++) {
        struct kg_control_row *c = &r->row[i].control;
        int at = KG_CHECK_VAULT_IDENTITY;

        if (kg_checks_failed(&c->checks) || kg_checks_passed(&c->checks, KG_CHECK_VAULT_IDENTITY, KG_CHECK_SPACE))
            continue;
        while (c->checks.item[at] && c->checks.item[at]->state != KG_CHECK_SKIPPED)
            at++;
        kg_check_fail(&c->checks, (enum kg_check_id)at, why);
        kg_check_skip_rest(&c->checks, (enum kg_check_id)at, KG_CHECK_SPACE, (enum kg_check_id)at);
        c->blocked = true;
    }
}

void kg_round_missing(const struct kg_round *r, enum kg_grant_scope scope, struct kg_grants *ret)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct kg_grants *g = &r->row[i].control.missing;

        for (size_t k = 0; k < g->n; k++)
            kg_grants_add(ret, g->list[k].kind, g->list[k].resource, scope, g->list[k].principal);
    }
}

struct kg_json *kg_round_row_json(const struct kg_round *r, size_t i, const struct kg_identity *identity,
                                  const struct kg_principal *caller)
{
    const struct kg_control_row *c = &r->row[i].control;
    const struct kg_check *failed = kg_checks_failed(&c->checks);
    struct kg_json *j = kg_json_object();

    if (r->row[i].name)
        kg_json_set_str(j, "name", r->row[i].name);
    kg_json_set_str(j, "datasourceId", r->row[i].source.id);
    kg_json_set_str(j, "database", r->row[i].source.database);
    kg_json_set_str(j, "server", r->row[i].source.server);
    kg_json_set_str(j, "outcome", kg_outcome(&c->checks, c->blocked, &c->missing, kg_grants_may(identity, caller, &c->missing)));
    if (failed)
        kg_json_set(j, "error", kg_user_error(&failed->err, NULL, r->row[i].source.id, NULL));
    kg_json_set(j, "checks", kg_checks_to_json(&c->checks));
    kg_json_set(j, "missing", kg_grants_json(&c->missing));
    if (r->row[i].facts)
        kg_json_set(j, "facts", kg_json_copy(r->row[i].facts));
    return j;
}

struct kg_json *kg_round_json(const struct kg_round *r, const struct kg_identity *identity, const struct kg_principal *caller)
{
    struct kg_json *j = kg_json_object(), *a = kg_json_array();

    for (size_t i = 0; i < r->n; i++)
        kg_json_push(a, kg_round_row_json(r, i, identity, caller));
    kg_json_set(j, "value", a);
    return j;
}

struct kg_json *kg_round_failures(const struct kg_round_row *r)
{
    struct kg_json *a = kg_json_array();

    for (size_t i = 0; i < KG_CHECK_COUNT_; i++) {
        const struct kg_check *k = r->control.checks.item[i];

        if (k && k->state == KG_CHECK_FAILED)
            kg_json_push(a, kg_user_error(&k->err, NULL, r->source.id, NULL));
    }
    return a;
}
