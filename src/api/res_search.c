/* What lies in all vaults of a subscription, filtered: the rows that Azure Resource Graph gives for the same questions. */
#include "api/call.h"
#include "api/handlers.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/instance.h"
#include "api/resolve.h"
#include "api/standing.h"
#include "base/alloc.h"
#include "base/parse.h"

enum { FILTER_ITEMS = 1000, FILTER_KEYS = 8 };

/* A member of the body, and where in a row one of its texts must stand. */
struct filter {
    const char *key, *path;
};
static const struct filter vault_filters[] = {
    { "resourceGroups", "resourceGroup" }, { "vaults", "name" }, { "ids", "id" },
};
static const struct filter instance_filters[] = {
    { "resourceGroups", "resourceGroup" },   { "vaults", "vaultName" },
    { "datasourceTypes", "properties.dataSourceInfo.datasourceType" },
    { "protectionStates", "protectionState" }, { "datasourceIds", "datasourceId" },
    { "ids", "id" },                         { "names", "name" },
};
static const struct filter policy_filters[] = {
    { "resourceGroups", "resourceGroup" }, { "vaults", "vaultName" }, { "names", "name" }, { "ids", "id" },
};
static const struct filter job_filters[] = {
    { "resourceGroups", "resourceGroup" }, { "vaults", "vaultName" }, { "datasourceTypes", "properties.dataSourceType" },
    { "operations", "operation" },         { "statuses", "status" },  { "datasourceIds", "datasourceId" },
    { "backupInstanceIds", "properties.backupInstanceId" },
};

struct use { char *policy; uint64_t count; };

struct search {
    struct kg_call *c;
    const struct filter *filters;
    size_t n_filters;
    const struct kg_json *wanted[FILTER_KEYS]; /* by position in filters; NULL: anything */
    kg_usec started_after, ended_before;       /* jobs; 0: any time */
    bool unfinished_too;                       /* jobs that have not ended first, whenever they began */
    unsigned top;                              /* rows that there is still room for */
    uint64_t skip, taken;                      /* resources: wanted rows of earlier pages; rows of this one */
    bool more;
    struct kg_stands stands;                   /* instances */
    struct use *uses;                          /* policies: how many instances have each */
    size_t n_uses, cap_uses;
    struct kg_json *rows;
};

static void search_done(struct search *s)
{
    kg_stands_done(&s->stands);
    for (size_t i = 0; i < s->n_uses; i++)
        free(s->uses[i].policy);
    free(s->uses);
    kg_json_free(s->rows);
}
#define AUTO_SEARCH KG_CLEANUP(search_done)

/* ---- the question ---- */

static int read_texts(const struct kg_json *j, const char *key, struct kg_err *err)
{
    if (kg_json_type(j) != KG_JSON_ARRAY)
        return kg_err_set(err, KG_E_USAGE, "'%s' must be an array of texts", key);
    if (kg_json_count(j) > FILTER_ITEMS)
        return kg_err_set(err, KG_E_LIMIT, "'%s' has more than %d texts", key, FILTER_ITEMS);
    for (const struct kg_json *t = kg_json_first(j); t; t = kg_json_next(t))
        if (!kg_json_value_str(t))
            return kg_err_set(err, KG_E_USAGE, "'%s' must be an array of texts", key);
    return 0;
}

static int read_time(const struct kg_json *j, const char *key, kg_usec *ret, struct kg_err *err)
{
    const char *text = kg_json_value_str(j);

    return text && kg_time_parse_iso(text, ret) ? 0 : kg_err_set(err, KG_E_USAGE, "'%s' must be a date and time", key);
}

static int read_member(struct search *s, const struct kg_json *m, bool times, struct kg_err *err)
{
    const char *key = kg_json_key(m);

    for (size_t i = 0; i < s->n_filters; i++)
        if (strcasecmp(s->filters[i].key, key) == 0) {
            s->wanted[i] = m;
            return read_texts(m, key, err);
        }
    if (times && strcasecmp(key, "startTime") == 0)
        return read_time(m, key, &s->started_after, err);
    if (times && strcasecmp(key, "endTime") == 0)
        return read_time(m, key, &s->ended_before, err);
    if (times && strcasecmp(key, "includeUnfinished") == 0) {
        s->unfinished_too = kg_json_bool(m, "", false);
        return kg_json_type(m) == KG_JSON_BOOL ? 0 : kg_err_set(err, KG_E_USAGE, "'%s' must be true or false", key);
    }
    /* A filter that was misspelt would find too much. */
    return kg_err_set(err, KG_E_USAGE, "there is no filter '%.60s'", key);
}

static int begin(struct kg_call *c, struct search *s, const struct filter *filters, size_t n, bool times, struct kg_err *err)
{
    bool there;

    *s = (struct search){ .c = c, .filters = filters, .n_filters = n };
    kg_stands_init(&s->stands, c->api->catalog);
    if (kg_catalog_exists(c->api->catalog, kg_call_id(c), &there, err) < 0)
        return -(int)err->code;
    if (!there)
        return kg_err_set(err, KG_E_NOT_FOUND, "there is no '%s'", kg_call_id(c));
    for (const struct kg_json *m = c->body ? kg_json_first(c->body) : NULL; m; m = kg_json_next(m))
        if (kg_json_type(m) != KG_JSON_NULL && read_member(s, m, times, err) < 0)
            return -(int)err->code;
    if (kg_call_top(c, &s->top, err) < 0)
        return -(int)err->code;
    s->rows = kg_json_array();
    return 0;
}

static bool full(const struct search *s) { return s->top == 0; }

static bool among(const struct kg_json *texts, const char *text)
{
    for (const struct kg_json *t = kg_json_first(texts); t; t = kg_json_next(t))
        if (strcasecmp(kg_json_value_str(t), text) == 0)
            return true;
    return false;
}

/* Takes row: into the answer when it is wanted and the caller may see it; with how instance (or NULL) stands. */
static int offer(struct search *s, struct kg_json *row, const struct kg_resource *instance, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *own = row;
    bool wanted = !s->more;

    for (size_t i = 0; i < s->n_filters && wanted; i++)
        wanted = !s->wanted[i] || among(s->wanted[i], kg_json_str_or(row, s->filters[i].path, ""));
    if (wanted && kg_call_sees(s->c, kg_json_str_or(row, "id", "/"), &wanted, err) < 0)
        return -(int)err->code;
    if (wanted && s->skip) {
        s->skip--;
        return 0;
    }
    s->more = s->more || (wanted && full(s));
    if (!wanted || s->more)
        return 0;
    if (instance && kg_stands_tell(&s->stands, instance, row, err) < 0)
        return -(int)err->code;
    kg_json_push(s->rows, KG_TAKE(own));
    s->top--;
    s->taken++;
    return 0;
}

/* ---- rows ---- */

static char *lower(const char *text)
{
    char *copy = kg_xstrdup(text);

    for (char *p = copy; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return copy;
}

/* The columns that every table of the graph has. answer is the resource as the API answers it. */
static struct kg_json *graph_row(const struct kg_json *answer)
{
    static const char *const taken[] = { "identity", "location", "properties", "tags" };
    static const char *const empty[] = { "extendedLocation", "plan", "sku", "zones" };
    KG_AUTO_FREE char *type = lower(kg_json_str_or(answer, "type", ""));
    struct kg_json *row = kg_json_object();
    KG_AUTO_ID struct kg_id id = { 0 };
    KG_AUTO_FREE char *group = NULL;
    struct kg_err ignored = { 0 };

    kg_json_set_str(row, "id", kg_json_str(answer, "id"));
    kg_json_set_str(row, "name", kg_json_str(answer, "name"));
    kg_json_set_str(row, "type", type);
    kg_json_set_str(row, "tenantId", KG_DEFAULT_SUBSCRIPTION);
    kg_json_set_str(row, "kind", "");
    kg_json_set_str(row, "managedBy", "");
    for (size_t i = 0; i < KG_ARRAY_LEN(taken); i++) {
        const struct kg_json *v = kg_json_get(answer, taken[i]);

        kg_json_set(row, taken[i], v ? kg_json_copy(v) : NULL);
    }
    for (size_t i = 0; i < KG_ARRAY_LEN(empty); i++)
        kg_json_set(row, empty[i], NULL);
    if (!kg_json_str(row, "location"))
        kg_json_set_str(row, "location", "");
    if (kg_id_parse(kg_json_str_or(answer, "id", ""), &id, &ignored) == 0) {
        group = lower(id.group ? id.group : "");
        kg_json_set_str(row, "resourceGroup", group);
        kg_json_set_str(row, "subscriptionId", id.subscription);
        if (id.count > 1)
            kg_json_set_str(row, "vaultName", id.parts[0].name);
    }
    return row;
}

static void copy_member(struct kg_json *row, const char *key, const char *path)
{
    kg_json_set_str(row, key, kg_json_str(row, path));
}

static int offer_vault(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *answer = kg_resource_answer(r);

    return offer(arg, graph_row(answer), NULL, err);
}

/* What was deleted is found by those who ask for that state, and by nobody else. */
static bool wants_deleted(const struct search *s)
{
    for (size_t i = 0; i < s->n_filters; i++)
        if (strcmp(s->filters[i].key, "protectionStates") == 0)
            return s->wanted[i] && among(s->wanted[i], "SoftDeleted");
    return false;
}

static int offer_instance(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    static const char *const shown[] = { "properties.dataSourceProperties", "properties.protectionErrorDetails" };
    bool deleted = kg_instance_is_deleted(r->json);
    KG_AUTO_JSON struct kg_json *answer = deleted ? kg_deleted_answer(r) : kg_resource_answer(r);
    struct kg_json *row;

    if (deleted && !wants_deleted(arg))
        return 0;
    row = graph_row(answer);
    copy_member(row, "protectionState", "properties.currentProtectionState");
    copy_member(row, "datasourceId", "properties.dataSourceInfo.resourceID");
    for (size_t i = 0; i < KG_ARRAY_LEN(shown); i++)
        if (!kg_json_get(row, shown[i]))
            kg_json_set(row, shown[i], NULL);
    if (!kg_json_get(row, "properties.policyInfo.policyVersion"))
        kg_json_set_str(row, "properties.policyInfo.policyVersion", "");
    return offer(arg, row, deleted ? NULL : r, err);
}

static struct use *find_use(struct search *s, const char *policy)
{
    for (size_t i = 0; i < s->n_uses; i++)
        if (kg_id_equal(s->uses[i].policy, policy))
            return &s->uses[i];
    return NULL;
}

static int count_use(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    const char *policy = kg_instance_is_deleted(r->json) ? NULL : kg_json_str(r->json, "properties.policyInfo.policyId");
    struct search *s = arg;
    struct use *u = policy ? find_use(s, policy) : NULL;

    (void)err;
    if (policy && !u) {
        KG_GROW(s->uses, s->n_uses, s->cap_uses);
        u = &s->uses[s->n_uses++];
        *u = (struct use){ .policy = kg_xstrdup(policy) };
    }
    if (u)
        u->count++;
    return 0;
}

static int offer_policy(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *answer = kg_resource_answer(r);
    struct kg_json *row = graph_row(answer);
    const struct use *u = find_use(arg, r->id);

    kg_json_set_u64(row, "properties.backupInstancesCount", u ? u->count : 0);
    return offer(arg, row, NULL, err);
}

static int offer_job(struct search *s, const struct kg_job_row *r, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *answer = kg_job_row_answer(s->c, r);
    struct kg_json *row = graph_row(answer);

    copy_member(row, "status", "properties.status");
    copy_member(row, "datasourceId", "properties.dataSourceId");
    kg_json_set_str(row, "operation", r->kind);
    return offer(s, row, NULL, err);
}

/* ---- handlers ---- */

static int search_resources(struct kg_call *c, const char *type, const struct filter *filters, size_t n, kg_resource_fn *fn,
                            struct kg_err *err)
{
    struct kg_resource_query q = { .type = type, .under = kg_call_id(c) };
    struct kg_resource_query instances = { .type = KG_TYPE_INSTANCE, .under = kg_call_id(c) };
    const char *from = kg_query_get(c->query, "$skipToken");
    AUTO_SEARCH struct search s = { 0 };
    char next[24];
    uint64_t skip = 0;

    if (begin(c, &s, filters, n, false, err) < 0)
        return -(int)err->code;
    if (from && kg_parse_u64(from, &skip, err) < 0)
        return kg_err_wrap(err, "$skipToken");
    s.skip = skip;
    if (fn == offer_policy && kg_each_resource(c->api->catalog, &instances, count_use, &s, err) < 0)
        return -(int)err->code;
    if (kg_each_resource(c->api->catalog, &q, fn, &s, err) < 0)
        return -(int)err->code;
    snprintf(next, sizeof next, "%" PRIu64, skip + s.taken);
    return kg_call_answer_list(c, KG_TAKE(s.rows), s.more ? next : NULL, err);
}

int kg_res_search_vaults(struct kg_call *c, struct kg_err *err)
{
    return search_resources(c, KG_TYPE_VAULT, vault_filters, KG_ARRAY_LEN(vault_filters), offer_vault, err);
}

int kg_res_search_instances(struct kg_call *c, struct kg_err *err)
{
    return search_resources(c, KG_TYPE_INSTANCE, instance_filters, KG_ARRAY_LEN(instance_filters), offer_instance, err);
}

int kg_res_search_policies(struct kg_call *c, struct kg_err *err)
{
    return search_resources(c, KG_TYPE_POLICY, policy_filters, KG_ARRAY_LEN(policy_filters), offer_policy, err);
}

/* Offers jobs from q->after on until the answer is full; *next: where it goes on, NULL: nowhere. ended: only those that have. */
static int each_job(struct search *s, struct kg_job_query *q, bool ended, char **next, struct kg_err *err)
{
    KG_AUTO_FREE char *after = kg_xstrdup(q->after);

    do {
        KG_AUTO_JOB_LIST struct kg_job_list l = { 0 };

        q->after = after;
        if (kg_catalog_job_list(s->c->api->catalog, q, &l, err) < 0)
            return -(int)err->code;
        for (size_t i = 0; i < l.count && !full(s); i++) {
            if ((l.rows[i].end || !ended) && offer_job(s, &l.rows[i], err) < 0)
                return -(int)err->code;
            if (full(s) && (i + 1 < l.count || l.next))
                *next = kg_job_row_token(&l.rows[i]);
        }
        free(after);
        after = KG_TAKE(l.next);
    } while (after && !full(s));
    return 0;
}

/* On the first page, whenever they began. Where they take all of it, one more row tells where the others go on. */
static int offer_unfinished(struct search *s, struct kg_job_query q, struct kg_err *err)
{
    KG_AUTO_FREE char *none = NULL;
    unsigned top = s->top;
    size_t n;

    s->top = KG_API_PAGE_MAX;
    q.unfinished = true;
    q.top = s->top;
    if (each_job(s, &q, false, &none, err) < 0)
        return -(int)err->code;
    n = kg_json_count(s->rows);
    s->top = top > n ? top - (unsigned)n : 1;
    return 0;
}

int kg_res_search_jobs(struct kg_call *c, struct kg_err *err)
{
    struct kg_job_query q = { .under = kg_call_id(c), .after = kg_query_get(c->query, "$skipToken") };
    AUTO_SEARCH struct search s = { 0 };
    KG_AUTO_FREE char *next = NULL;
    /* What the catalog finds by itself; offer() looks at the rest, and at names more closely. */
    const struct { const char *key; const struct kg_json **to; } found[] = {
        { "statuses", &q.statuses }, { "operations", &q.kinds }, { "vaults", &q.vault_names },
    };

    if (begin(c, &s, job_filters, KG_ARRAY_LEN(job_filters), true, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < s.n_filters; i++)
        for (size_t k = 0; k < KG_ARRAY_LEN(found); k++)
            if (s.wanted[i] && strcmp(s.filters[i].key, found[k].key) == 0)
                *found[k].to = s.wanted[i];
    for (size_t i = 0; i < s.n_filters; i++)
        if (s.wanted[i] && kg_json_count(s.wanted[i]) == 1 && strcmp(s.filters[i].key, "backupInstanceIds") == 0)
            q.instance = kg_json_str(s.wanted[i], "0");
    q.top = s.top;
    if (s.unfinished_too && !q.after && offer_unfinished(&s, q, err) < 0)
        return -(int)err->code;
    q.from = s.started_after ? s.started_after + 1 : 0;
    q.ended_before = s.ended_before;
    if (each_job(&s, &q, s.unfinished_too, &next, err) < 0)
        return -(int)err->code;
    return kg_call_answer_list(c, KG_TAKE(s.rows), next, err);
}
