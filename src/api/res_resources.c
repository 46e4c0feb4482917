/* All resources of a subscription or of a group, whatever their type: what a picker or a search shows. */
#include "api/call.h"
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/filter.h"
#include "base/alloc.h"
#include "base/parse.h"

/* In the order of the list. What lies in a vault or a storage account is no resource of this list, as in Azure. */
static const struct { const char *type, *action; } types[] = {
    { KG_TYPE_SERVER, KG_TYPE_SERVER "/read" },     { KG_TYPE_FLEXIBLE, KG_TYPE_FLEXIBLE "/read" },
    { KG_TYPE_KEYVAULT, KG_TYPE_KEYVAULT "/read" }, { KG_TYPE_STORAGE, KG_TYPE_STORAGE "/read" },
    { KG_TYPE_VAULT, KG_TYPE_VAULT "/read" },
};

struct listing {
    struct kg_call *c;
    const char *filter;
    struct kg_json *rows;
    unsigned top, given;
    char *next;                      /* "TYPE:KEY" of the last that was given */
};

/* ---- filter ---- */

struct row { const struct kg_resource *r; char group[KG_API_NAME_MAX + 1]; };

static const char *value_of(void *arg, const char *key)
{
    const struct row *row = arg;
    const struct { const char *key, *value; } values[] = {
        { "resourceType", row->r ? row->r->type : "" }, { "name", row->r ? row->r->name : "" }, { "resourceGroup", row->group },
        { "location", row->r && row->r->location ? row->r->location : "" },
    };

    for (size_t i = 0; i < KG_ARRAY_LEN(values); i++)
        if (strcasecmp(values[i].key, key) == 0)
            return values[i].value;
    return NULL;
}

static int is_wanted(const struct listing *l, const struct kg_resource *r, bool *ret, struct kg_err *err)
{
    KG_AUTO_ID struct kg_id id = { 0 };
    struct row row = { .r = r };

    if (r && kg_id_parse(r->id, &id, err) < 0)
        return -(int)err->code;
    (void)snprintf(row.group, sizeof row.group, "%s", id.group ? id.group : "");
    return kg_filter_match(l->filter, value_of, &row, ret, err);
}

/* ---- list ---- */

static int add_page(struct listing *l, size_t type, const struct kg_view *v, const struct kg_resource_list *page, struct kg_err *err)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct kg_resource *r = &page->rows[i];
        bool wanted;

        if (is_wanted(l, r, &wanted, err) < 0 || (wanted && kg_view_sees(l->c, v, r->id, &wanted, err) < 0))
            return -(int)err->code;
        if (!wanted)
            continue;
        if (l->given == l->top)
            return 1;
        l->given++;
        kg_json_push(l->rows, kg_resource_answer(r));
        free(l->next);
        l->next = kg_xprintf("%zu:%s", type, r->key);
    }
    return 0;
}

/* 1: the list is full, and there is more. */
static int add_type(struct listing *l, size_t type, const char *after, struct kg_err *err)
{
    struct kg_resource_query q = { .type = types[type].type, .under = kg_call_id(l->c), .after = after };
    KG_AUTO_FREE char *next = NULL;
    struct kg_view v;
    int r = 0;

    if (kg_view_of(l->c, types[type].action, kg_call_id(l->c), &v, err) < 0)
        return -(int)err->code;
    while (r == 0 && (v.all || v.some)) {
        KG_AUTO_RESOURCE_LIST struct kg_resource_list page = { 0 };

        if (kg_catalog_list(l->c->api->catalog, &q, &page, err) < 0)
            return -(int)err->code;
        r = add_page(l, type, &v, &page, err);
        free(next);
        q.after = next = KG_TAKE(page.next);
        if (!next)
            break;
    }
    return r;
}

/* Where the page before ended: "TYPE:KEY". */
static int read_token(const char *token, size_t *ret_type, const char **ret_after, struct kg_err *err)
{
    size_t type = token ? (size_t)(unsigned char)*token - '0' : 0;

    if (token && (type >= KG_ARRAY_LEN(types) || token[1] != ':'))
        return kg_err_set(err, KG_E_USAGE, "$skipToken '%.60s' is none of this list", token);
    *ret_type = type;
    *ret_after = token ? token + 2 : NULL;
    return 0;
}

static int fill(struct listing *l, struct kg_err *err)
{
    const char *after = NULL;
    size_t type = 0;
    bool ignored;
    int r = 0;

    /* Once without a row, so that a filter with a mistake is told where there is nothing, too. */
    if (read_token(kg_query_get(l->c->query, "$skipToken"), &type, &after, err) < 0 ||
        kg_call_top(l->c, &l->top, err) < 0 || is_wanted(l, NULL, &ignored, err) < 0)
        return -(int)err->code;
    for (; type < KG_ARRAY_LEN(types) && r == 0; type++, after = NULL)
        r = add_type(l, type, after, err);
    if (r < 0)
        return r;
    return kg_call_answer_list(l->c, KG_TAKE(l->rows), r ? l->next : NULL, err);
}

int kg_res_resources_list(struct kg_call *c, struct kg_err *err)
{
    struct listing l = { .c = c, .filter = kg_query_get(c->query, "$filter"), .rows = kg_json_array() };
    bool there;
    int r = kg_catalog_exists(c->api->catalog, kg_call_id(c), &there, err);

    if (r == 0)
        r = there ? fill(&l, err) : kg_err_set(err, KG_E_NOT_FOUND, "there is no '%s'", kg_call_id(c));
    kg_json_free(l.rows);
    free(l.next);
    return r;
}
