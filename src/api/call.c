#include "api/call.h"
#include "api/handlers.h"
#include "api/start.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/parse.h"
#include "catalog/lookup.h"
#include "crypto/crypto.h"
#include "keyvault/access.h"
#include "keepgres/version.h"

/* ---- what came ---- */

const char *kg_call_param(const struct kg_call *c, const char *name)
{
    const char *v = kg_match_param(c->match, name);

    if (!v)
        KG_BUG("a handler asks for a name that its route does not have");
    return v;
}

char *kg_call_vault_id(const struct kg_call *c)
{
    return kg_id_resource(kg_call_param(c, "subscription"), kg_call_param(c, "group"), KG_TYPE_VAULT,
                          kg_call_param(c, "vault"));
}

char *kg_call_instance_id(const struct kg_call *c)
{
    KG_AUTO_FREE char *vault = kg_call_vault_id(c);

    return kg_id_child(vault, "backupInstances", kg_call_param(c, "instance"));
}

void kg_call_note_assignment(struct kg_call *c, const struct kg_json *a)
{
    enum { ENOUGH = 8000 }; /* an audit record is no place for thousands */
    char *text;

    if (c->details && strlen(c->details) > ENOUGH)
        return;
    text = kg_xprintf("%s%srole '%s' for '%s' (%s) at '%s'", c->details ? c->details : "", c->details ? ", " : "",
                            kg_json_str_or(a, "properties.roleDefinitionName", "?"), kg_json_str_or(a, "properties.principalName", "?"),
                            kg_json_str_or(a, "properties.principalId", "?"), kg_json_str_or(a, "properties.scope", "?"));

    free(c->details);
    c->details = text;
}

int kg_call_need_body(const struct kg_call *c, struct kg_err *err)
{
    return c->body ? 0 : kg_err_set(err, KG_E_BAD_JSON, "a body is needed here");
}

int kg_call_top(const struct kg_call *c, unsigned *ret, struct kg_err *err)
{
    const char *top = kg_query_get(c->query, "$top");
    uint64_t n = KG_API_PAGE_MAX;

    if (top && kg_parse_range(top, 1, 1000000, &n, err) < 0)
        return kg_err_wrap(err, "$top");
    *ret = n > KG_API_PAGE_MAX ? KG_API_PAGE_MAX : (unsigned)n;
    return 0;
}

bool kg_call_flag(const struct kg_call *c, const char *key)
{
    const char *v = kg_query_get(c->query, key);
    struct kg_err ignored = { 0 };
    bool on = true;

    return v && (!*v || (kg_parse_bool(v, &on, &ignored) == 0 && on));
}

/* ---- answers ---- */

int kg_call_answer(struct kg_call *c, int status, struct kg_json *body, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *own = body;

    c->out->status = status;
    if (own)
        kg_json_print(own, false, &c->out->body);
    return kg_buf_ok(&c->out->body, err);
}

static bool is_host(const char *h)
{
    return h && *h && strlen(h) < 256 && !h[strspn(h, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]_")];
}

char *kg_call_base(const struct kg_call *c)
{
    return kg_xprintf("http://%s", is_host(c->in->host) ? c->in->host : "keepgres");
}

/* The same request with another $skipToken. */
static char *next_link(const struct kg_call *c, const char *next)
{
    KG_AUTO_FREE char *base = kg_call_base(c);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(KG_API_URI_MAX * 4);

    kg_buf_addf(&b, "%s%s?", base, c->in->path);
    for (unsigned i = 0; i < c->query->count; i++) {
        if (strcasecmp(c->query->item[i].key, "$skipToken") == 0)
            continue;
        kg_query_encode(&b, c->query->item[i].key);
        kg_buf_adds(&b, "=");
        kg_query_encode(&b, c->query->item[i].value);
        kg_buf_adds(&b, "&");
    }
    kg_buf_adds(&b, "%24skipToken=");
    kg_query_encode(&b, next);
    return kg_buf_take(&b);
}

int kg_call_answer_list(struct kg_call *c, struct kg_json *array, const char *next, struct kg_err *err)
{
    struct kg_json *body = kg_json_object();

    kg_json_set(body, "value", array);
    if (next) {
        KG_AUTO_FREE char *link = next_link(c, next);

        kg_json_set_str(body, "nextLink", link);
    }
    return kg_call_answer(c, 200, body, err);
}

int kg_call_answer_secret(struct kg_call *c, struct kg_json *body, const char *key, const struct kg_secret *value,
                          struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *own = body;
    size_t n = kg_secret_size(value), room = n + (64 << 10);
    KG_AUTO_FREE char *blanks = kg_xalloc(room);
    const char *text = (const char *)kg_secret_open(value);
    int r = 0;

    /* Room for all of it first: a buffer that grows leaves copies behind. */
    kg_buf_add(&c->out->body, blanks, room);
    kg_buf_reset(&c->out->body);
    c->out->status = 200;
    c->out->secret = true;
    kg_json_print(own, false, &c->out->body);
    kg_buf_cut(&c->out->body, c->out->body.len - 1); /* the closing brace */
    kg_buf_addf(&c->out->body, "%s\"%s\":\"", kg_json_count(own) ? "," : "", key);
    for (size_t i = 0; i < n && r == 0; i++) {
        if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e || text[i] == '"' || text[i] == '\\')
            r = kg_err_set(err, KG_E_BUG, "a recovery key is not printable");
    }
    if (r == 0) {
        kg_buf_add(&c->out->body, text, n);
        kg_buf_adds(&c->out->body, "\"}");
    }
    kg_secret_shut(value);
    return r < 0 ? r : kg_buf_ok(&c->out->body, err);
}

/* ---- lists ---- */

int kg_view_of(const struct kg_call *c, const char *action, const char *scope, struct kg_view *ret, struct kg_err *err)
{
    struct kg_may may;

    *ret = (struct kg_view){ .action = action };
    if (kg_identity_check(c->api->identity, &c->who, action, false, scope, &may, err) < 0)
        return -(int)err->code;
    ret->all = may.allowed;
    return ret->all ? 0 : kg_identity_may_below(c->api->identity, &c->who, action, scope, &ret->some, err);
}

/* What holds other resources is seen by who may see one of those. */
int kg_view_sees(const struct kg_call *c, const struct kg_view *v, const char *id, bool *ret, struct kg_err *err)
{
    struct kg_may may;

    *ret = v->all;
    if (v->all || !v->some)
        return 0;
    if (!strstr(id, "/providers/"))
        return kg_identity_may_below(c->api->identity, &c->who, v->action, id, ret, err);
    if (kg_identity_check(c->api->identity, &c->who, v->action, false, id, &may, err) < 0)
        return -(int)err->code;
    *ret = may.allowed;
    return 0;
}

bool kg_call_may_name(const struct kg_call *c, const char *type, const char *id)
{
    KG_AUTO_FREE char *action = kg_xprintf("%s/read", type);
    struct kg_err ignored = { 0 };
    struct kg_may may = { 0 };

    return kg_identity_check(c->api->identity, &c->who, action, false, id, &may, &ignored) == 0 && may.allowed;
}

int kg_call_sees(const struct kg_call *c, const char *id, bool *ret, struct kg_err *err)
{
    const struct kg_view v = { .action = c->match->route->action, .all = !c->partial, .some = c->partial };

    return kg_view_sees(c, &v, id, ret, err);
}

int kg_call_may_choose_path(const struct kg_call *c, const char *path, struct kg_err *err)
{
    if (kg_identity_may(c->api->identity, &c->who, KG_ACTION_PATHS, "/", err) == 0)
        return 0;
    return err->code == KG_E_DENIED ? kg_err_wrap(err, "directory '%.200s'", path) : -(int)err->code;
}

int kg_call_may_read_secret(const struct kg_call *c, const char *uri, struct kg_err *err)
{
    static const char action[] = KG_TYPE_SECRET "/getSecret/action";
    KG_AUTO_RESOURCE struct kg_resource kv = { 0 };
    struct kg_secret_ref ref;

    if (kg_secret_ref_parse(uri, &ref, err) < 0 || kg_lookup_keyvault(c->api->catalog, &ref, &kv, err) < 0)
        return -(int)err->code;
    if (kg_keyvault_uses_rbac(kv.json)) {
        KG_AUTO_FREE char *id = kg_id_child(kv.id, "secrets", ref.secret);

        return kg_identity_may_data(c->api->identity, &c->who, action, id, err);
    }
    return kg_call_ask_policies(c, &kv, "get", err);
}

int kg_call_ask_policies(const struct kg_call *c, const struct kg_resource *kv, const char *permission, struct kg_err *err)
{
    if (kg_keyvault_policy_gives(kv->json, c->who.id, permission))
        return 0;
    kg_err_set(err, KG_E_DENIED, "no access policy of key vault '%s' lets '%s' %s secrets", kv->name, c->who.name, permission);
    kg_err_advise(err, "Run 'keepgres keyvault set-policy --name %s --object-id %s --secret-permissions get list set delete'.",
                  kv->name, c->who.id);
    return -(int)err->code;
}

/* ---- resources ---- */

static void set_system_data(struct kg_json *a, const struct kg_resource *r)
{
    char when[32];

    kg_json_set_str(a, "systemData.createdBy", kg_json_str(r->json, "internal.createdBy"));
    kg_json_set_str(a, "systemData.createdByType", "User");
    kg_json_set_str(a, "systemData.createdAt", kg_time_iso(r->created, when));
    kg_json_set_str(a, "systemData.lastModifiedBy", kg_json_str(r->json, "internal.lastModifiedBy"));
    kg_json_set_str(a, "systemData.lastModifiedByType", "User");
    kg_json_set_str(a, "systemData.lastModifiedAt", kg_time_iso(r->updated, when));
}

struct kg_json *kg_resource_answer(const struct kg_resource *r)
{
    struct kg_json *a = kg_json_object();

    kg_json_set_str(a, "id", r->id);
    kg_json_set_str(a, "name", r->name);
    kg_json_set_str(a, "type", r->type);
    if (r->location)
        kg_json_set_str(a, "location", r->location);
    for (const struct kg_json *m = kg_json_first(r->json); m; m = kg_json_next(m))
        if (strcmp(kg_json_key(m), "internal") != 0)
            kg_json_set(a, kg_json_key(m), kg_json_copy(m));
    kg_json_set_str(a, "eTag", r->etag);
    set_system_data(a, r);
    return a;
}

int kg_call_get(struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };

    if (kg_catalog_get(c->api->catalog, kg_call_id(c), &r, err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, 200, kg_resource_answer(&r), err);
}

static int whole(void *arg, const struct kg_resource *r, struct kg_json **ret, struct kg_err *err)
{
    (void)arg;
    (void)err;
    *ret = kg_resource_answer(r);
    return 0;
}

int kg_call_list(struct kg_call *c, const char *type, bool deep, struct kg_err *err)
{
    return kg_call_list_as(c, kg_call_id(c), type, deep, whole, NULL, err);
}

/* A page of what the caller may see. */
struct page { struct kg_json *rows; unsigned top; char *last; bool more; };

static void page_done(struct page *p)
{
    kg_json_free(p->rows);
    free(p->last);
}

static int add_rows(struct kg_call *c, const struct kg_resource_list *l, kg_answer_fn *answer, void *arg,
                    struct page *p, struct kg_err *err)
{
    for (size_t i = 0; i < l->count && !p->more; i++) {
        struct kg_json *shown = NULL;
        bool sees;

        if (kg_call_sees(c, l->rows[i].id, &sees, err) < 0 || (sees && answer(arg, &l->rows[i], &shown, err) < 0))
            return -(int)err->code;
        if (!shown)
            continue;
        if (kg_json_count(p->rows) == p->top) {
            p->more = true;
            kg_json_free(shown);
            continue;
        }
        kg_json_push(p->rows, shown);
        free(p->last);
        p->last = kg_xstrdup(l->rows[i].key);
    }
    return 0;
}

int kg_call_list_found(struct kg_call *c, const struct kg_resource_query *query, kg_answer_fn *answer, void *arg,
                       struct kg_err *err)
{
    KG_CLEANUP(page_done) struct page p = { .rows = kg_json_array() };
    KG_AUTO_FREE char *after = kg_xstrdup(kg_query_get(c->query, "$skipToken"));
    struct kg_resource_query q = *query;

    if (kg_call_top(c, &p.top, err) < 0)
        return -(int)err->code;
    q.top = p.top;
    do {
        KG_AUTO_RESOURCE_LIST struct kg_resource_list l = { 0 };

        q.after = after;
        if (kg_catalog_list(c->api->catalog, &q, &l, err) < 0 || add_rows(c, &l, answer, arg, &p, err) < 0)
            return -(int)err->code;
        free(after);
        after = KG_TAKE(l.next);
        q.top = KG_API_PAGE_MAX;
    } while (after && !p.more);
    return kg_call_answer_list(c, KG_TAKE(p.rows), p.more ? p.last : NULL, err);
}

int kg_call_list_as(struct kg_call *c, const char *id, const char *type, bool deep,
                    kg_answer_fn *answer, void *arg, struct kg_err *err)
{
    struct kg_resource_query q = { .type = type };
    bool there;

    if (kg_catalog_exists(c->api->catalog, id, &there, err) < 0)
        return -(int)err->code;
    if (!there)
        return kg_err_set(err, KG_E_NOT_FOUND, "there is no '%s'", id);
    *(deep ? &q.under : &q.parent) = id;
    return kg_call_list_found(c, &q, answer, arg, err);
}

int kg_call_delete(struct kg_call *c, struct kg_err *err)
{
    struct kg_err why = { 0 };

    if (kg_catalog_delete(c->api->catalog, kg_call_id(c), &why) == 0)
        return kg_call_answer(c, 200, NULL, err);
    if (why.code == KG_E_NOT_FOUND)
        return kg_call_answer(c, 204, NULL, err);
    *err = why;
    return -(int)err->code;
}

void kg_put_done(struct kg_put *p)
{
    kg_resource_done(&p->old);
    free(p->group_location);
    kg_json_free(p->json);
    *p = (struct kg_put){ 0 };
}

static int find_old(struct kg_call *c, struct kg_put *p, struct kg_err *err)
{
    struct kg_err why = { 0 };

    if (kg_catalog_get(c->api->catalog, kg_call_id(c), &p->old, &why) == 0) {
        p->exists = true;
        return 0;
    }
    if (why.code == KG_E_NOT_FOUND)
        return 0;
    *err = why;
    return -(int)err->code;
}

/* Where a resource is when its PUT does not say: where its group is. A group's own default is the service's region. */
static int find_group_location(struct kg_call *c, enum kg_name_kind kind, struct kg_put *p, struct kg_err *err)
{
    const char *name = kg_match_param(c->match, "group");
    KG_AUTO_RESOURCE struct kg_resource g = { 0 };
    KG_AUTO_FREE char *id = NULL;

    if (!name || kind == KG_NAME_GROUP) {
        p->group_location = kg_xstrdup(c->api->region);
        return 0;
    }
    id = kg_id_group(kg_call_param(c, "subscription"), name);
    if (kg_catalog_get(c->api->catalog, id, &g, err) < 0)
        return kg_err_wrap(err, "resource group '%s'", name);
    p->group_location = KG_TAKE(g.location);
    return 0;
}

int kg_put_begin(struct kg_call *c, enum kg_name_kind kind, const char *name, struct kg_put *ret, struct kg_err *err)
{
    KG_AUTO_PUT struct kg_put p = { 0 };
    struct kg_json *tags = NULL;
    const char *location;

    if (kg_call_need_body(c, err) < 0 || kg_name_check(kind, name, err) < 0 || find_old(c, &p, err) < 0 ||
        kg_envelope_parse(c->body, &location, &tags, err) < 0)
        return -(int)err->code;
    p.json = kg_json_object();
    if (tags)
        kg_json_set(p.json, "tags", tags);
    else if (p.exists && kg_json_get(p.old.json, "tags"))
        kg_json_set(p.json, "tags", kg_json_copy(kg_json_get(p.old.json, "tags")));
    kg_json_set(p.json, "internal", p.exists ? kg_json_copy(kg_json_get(p.old.json, "internal")) : kg_json_object());
    if (kg_json_type(kg_json_get(p.json, "internal")) != KG_JSON_OBJECT)
        kg_json_set(p.json, "internal", kg_json_object());
    if (p.exists && location && p.old.location && strcasecmp(location, p.old.location) != 0) {
        kg_err_set(err, KG_E_CONFLICT, "'%s' is in '%s' and cannot move to '%s'", name, p.old.location, location);
        kg_err_advise(err, "Leave the location out, or create the resource anew under another name.");
        return -(int)err->code;
    }
    if (!location && !p.exists && find_group_location(c, kind, &p, err) < 0)
        return -(int)err->code;
    p.location = p.exists ? p.old.location : location ? location : p.group_location;
    *ret = p;
    p = (struct kg_put){ 0 };
    return 0;
}

int kg_put_store(struct kg_call *c, struct kg_put *p, struct kg_resource *ret, struct kg_err *err)
{
    if (!p->exists)
        kg_json_set_str(p->json, "internal.createdBy", c->who.name);
    kg_json_set_str(p->json, "internal.lastModifiedBy", c->who.name);
    return kg_catalog_put(c->api->catalog, kg_call_id(c), p->location, p->json, KG_PUT_ANY, c->in->if_match, ret, err);
}

int kg_put_finish(struct kg_call *c, struct kg_put *p, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };

    if (kg_put_store(c, p, &r, err) < 0)
        return -(int)err->code;
    return kg_call_answer(c, p->exists ? 200 : 201, kg_resource_answer(&r), err);
}

/* ---- operations ---- */

/* A copy without what may be a secret that somebody sent where only its URI belongs. */
static struct kg_json *without_secrets(const struct kg_json *j)
{
    struct kg_json *out;

    if (kg_json_type(j) != KG_JSON_ARRAY && kg_json_type(j) != KG_JSON_OBJECT)
        return kg_json_copy(j);
    out = kg_json_type(j) == KG_JSON_ARRAY ? kg_json_array() : kg_json_object();
    for (const struct kg_json *m = kg_json_first(j); m; m = kg_json_next(m)) {
        if (kg_json_type(j) == KG_JSON_ARRAY)
            kg_json_push(out, without_secrets(m));
        else if (strcasecmp(kg_json_key(m), "value") != 0)
            kg_json_add(out, kg_json_key(m), without_secrets(m));
    }
    return out;
}

static void keep_request(struct kg_call *c, struct kg_job *job)
{
    kg_json_free(job->request);
    job->request = kg_json_object();
    kg_json_set_str(job->request, "method", c->in->method);
    kg_json_set_str(job->request, "path", c->in->path);
    if (c->body)
        kg_json_set(job->request, "body", without_secrets(c->body));
    (void)snprintf(c->job, sizeof c->job, "%s", job->id);
    if (c->retry_of) {
        KG_AUTO_FREE char *old = kg_id_child(c->retry_of->vault, "backupJobs", c->retry_of->id);

        kg_json_set_str(job->properties, "retryOf", old);
    }
}

/* The job that is tried again says by which. */
static int link_retried(struct kg_call *c, const struct kg_job *job, struct kg_err *err)
{
    KG_AUTO_FREE char *new = c->retry_of ? kg_id_child(job->vault, "backupJobs", job->id) : NULL;
    struct kg_job_row row;
    int r;

    if (!new)
        return 0;
    row = *c->retry_of;
    row.json = kg_json_copy(c->retry_of->json);
    kg_json_set_str(row.json, "properties.retriedBy", new);
    kg_json_set(row.json, "properties.supportedActions", kg_json_array());
    r = kg_catalog_job_update(c->api->catalog, &row, err);
    kg_json_free(row.json);
    return r;
}

int kg_call_prepare(struct kg_call *c, struct kg_task *t, struct kg_job *job, struct kg_err *err)
{
    t->uid = c->who.uid;
    if (job)
        keep_request(c, job);
    if (kg_start_prepare(c->api, t, job, err) < 0)
        return -(int)err->code;
    if (!job || link_retried(c, job, err) == 0)
        return 0;
    kg_catalog_rollback(c->api->catalog);
    return -(int)err->code;
}

int kg_call_note_job(struct kg_call *c, struct kg_job *job, const char *step, struct kg_err *err)
{
    keep_request(c, job);
    return kg_note_job(c->api, job, step, err) < 0 || link_retried(c, job, err) < 0 ? -(int)err->code : 0;
}

void kg_call_follow_headers(struct kg_call *c, const char *operation, const char *result_path)
{
    KG_AUTO_FREE char *base = kg_call_base(c);
    KG_AUTO_FREE char *location = kg_xprintf("/subscriptions/%s/providers/" KG_NS_BACKUP "/locations/%s",
                                             kg_call_param(c, "subscription"), c->api->region);

    kg_http_header(c->out, "Azure-AsyncOperation",
                   kg_xprintf("%s%s/operationStatus/%s?api-version=" KG_API_VERSION, base, location, operation));
    if (result_path)
        kg_http_header(c->out, "Location", kg_xprintf("%s%s?api-version=" KG_API_VERSION, base, result_path));
    else
        kg_http_header(c->out, "Location", kg_xprintf("%s%s/operationResults/%s?api-version=" KG_API_VERSION, base,
                                                      location, operation));
    kg_http_header(c->out, "Retry-After", kg_xstrdup("1"));
}

int kg_call_launch(struct kg_call *c, struct kg_task **t, struct kg_job **job, int status, const char *results_at,
                   struct kg_json *body, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *own = body;
    KG_AUTO_FREE char *result = results_at ? kg_id_child(results_at, "operationResults", (*t)->operation) : NULL;

    KG_AUTO_FREE char *operation = kg_xstrdup((*t)->operation);

    if (kg_start_commit(c->api, t, job, err) < 0)
        return -(int)err->code;
    kg_call_follow_headers(c, operation, result);
    return kg_call_answer(c, status, KG_TAKE(own), err);
}
