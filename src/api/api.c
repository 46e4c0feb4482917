/* The request boundary: who asks, for what, may they; then the handler, and one way to say that it went wrong. */
#include "api/api.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/call.h"
#include "api/nearest.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "identity/audit.h"
#include "job/user_error.h"
#include "keyvault/access.h"
#include "keepgres/version.h"

static bool is_guid(const char *s)
{
    return s && strlen(s) == 36 && strspn(s, "0123456789abcdefABCDEF-") == 36;
}

static void add_ids(struct kg_http_out *out, const struct kg_http_in *in, const char *activity)
{
    kg_http_header(out, "x-ms-request-id", kg_xstrdup(activity));
    kg_http_header(out, "x-ms-correlation-request-id", kg_xstrdup(is_guid(in->correlation) ? in->correlation : activity));
    if (is_guid(in->client_request))
        kg_http_header(out, "x-ms-client-request-id", kg_xstrdup(in->client_request));
}

static void answer_error(struct kg_http_out *out, const struct kg_err *e, const char *target, const char *activity)
{
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    KG_AUTO_BUF struct kg_buf clean = KG_BUF_INIT(4 * sizeof e->msg);
    struct kg_err shown = *e;

    /* The message quotes what the caller sent, which may be no UTF-8 at all. */
    kg_text_add_printable(&clean, e->msg);
    kg_text_copy(shown.msg, sizeof shown.msg, clean.p);
    kg_json_set(body, "error", kg_cloud_error(&shown, NULL, target, activity));
    kg_buf_reset(&out->body);
    out->status = kg_code_http(e->code);
    kg_json_print(body, false, &out->body);
}

/* The service log tells who asked for what and how it went; never bodies, queries or answers. */
static void log_request(const struct kg_http_in *in, const struct kg_principal *who, int status, const char *activity,
                        kg_usec took, const struct kg_err *e)
{
    bool reads = strcmp(in->method, "GET") == 0;

    if (e->code != KG_E_OK)
        kg_log_err(status >= 500 ? KG_LOG_WARN : KG_LOG_INFO, e, "%s %s uid=%u user=%s status=%d request=%s",
                   in->method, in->path, (unsigned)who->uid, who->name, status, activity);
    else
        kg_log(reads ? KG_LOG_DEBUG : KG_LOG_INFO, "%s %s uid=%u user=%s status=%d request=%s took_us=%" PRId64,
               in->method, in->path, (unsigned)who->uid, who->name, status, activity, took);
}

static int check_version(const struct kg_query *q, struct kg_err *err)
{
    const char *v = kg_query_get(q, "api-version");

    /* Every version is spoken the same way; only what cannot be one is refused. */
    if (!v || (strlen(v) >= 10 && strspn(v, "0123456789") == 4 && v[4] == '-' && v[7] == '-'))
        return 0;
    kg_err_set(err, KG_E_USAGE, "api-version '%.40s' is not a date", v);
    kg_err_advise(err, "Leave it out, or send " KG_API_VERSION ".");
    return -(int)err->code;
}

static int parse_body(const struct kg_http_in *in, struct kg_json **ret, struct kg_err *err)
{
    size_t blank = in->body ? strspn(in->body, " \t\r\n") : 0;

    if (!in->body || blank == in->body_len)
        return 0;
    if (kg_json_parse(in->body, in->body_len, ret, err) < 0)
        return -(int)err->code;
    if (kg_json_type(*ret) != KG_JSON_OBJECT)
        return kg_err_set(err, KG_E_BAD_JSON, "the body must be a JSON object");
    return 0;
}

static int refuse_large(const struct kg_match *m, struct kg_err *err)
{
    kg_err_set(err, KG_E_LIMIT, "the body is larger than the %zu bytes that are taken here", m->route->body_max);
    kg_err_advise(err, "Send less.");
    return -(int)err->code;
}

static int refuse_stopping(struct kg_err *err)
{
    kg_err_set(err, KG_E_NO_SERVICE, "the service is about to stop and starts nothing new");
    kg_err_advise(err, "Try again when it has stopped and was started anew.");
    return -(int)err->code;
}

/* The permission for secrets that access policies call what the request wants to do. */
static const char *secret_permission(const struct kg_match *m)
{
    static const struct { const char *method, *permission; } rows[] = { { "PUT", "set" }, { "PATCH", "set" }, { "DELETE", "delete" } };

    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++)
        if (strcmp(m->route->method, rows[i].method) == 0)
            return rows[i].permission;
    return kg_match_param(m, "secret") && !strstr(m->route->pattern, "/versions") ? "get" : "list";
}

/* Secrets are data: roles give them by actions on data, and a key vault with access policies asks those instead. */
static int authorise_data(const struct kg_call *c, const struct kg_match *m, struct kg_err *err)
{
    KG_AUTO_FREE char *id = kg_id_resource(kg_call_param(c, "subscription"), kg_call_param(c, "group"), KG_TYPE_KEYVAULT,
                                           kg_call_param(c, "keyvault"));
    KG_AUTO_RESOURCE struct kg_resource kv = { 0 };
    struct kg_err none = { 0 };

    if (kg_catalog_get(c->api->catalog, id, &kv, &none) == 0 && !kg_keyvault_uses_rbac(kv.json))
        return kg_call_ask_policies(c, &kv, secret_permission(m), err);
    if (none.code != KG_E_OK && none.code != KG_E_NOT_FOUND) {
        *err = none;
        return -(int)err->code;
    }
    return kg_identity_may_data(c->api->identity, &c->who, m->route->action, m->scope, err);
}

static int authorise(struct kg_call *c, const struct kg_match *m, struct kg_err *err)
{
    const struct kg_identity *i = c->api->identity;
    struct kg_may may = { 0 };

    if (m->route->flags & KG_ROUTE_OWN)
        return 0;
    if (m->route->flags & KG_ROUTE_DATA)
        return authorise_data(c, m, err);
    if (!(m->route->flags & KG_ROUTE_LIST))
        return kg_identity_may(i, &c->who, m->route->action, m->scope, err);
    if (kg_identity_check(i, &c->who, m->route->action, false, m->scope, &may, err) < 0)
        return -(int)err->code;
    c->partial = !may.allowed;
    if (c->partial && kg_identity_may_below(i, &c->who, m->route->action, m->scope, &may.allowed, err) < 0)
        return -(int)err->code;
    return may.allowed ? 0 : kg_identity_may(i, &c->who, m->route->action, m->scope, err);
}

/* An instance that was deleted is there for undelete and its likes alone. What is done about it by PUT and DELETE those say. */
static int hide_deleted(const struct kg_call *c, const struct kg_match *m, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    KG_AUTO_FREE char *id = NULL;
    struct kg_err none = { 0 };

    if (!strstr(m->route->pattern, "/backupInstances/{instance}") || m->route->flags & KG_ROUTE_OWN ||
        strcmp(m->route->method, "PUT") == 0 || strcmp(m->route->method, "DELETE") == 0)
        return 0;
    id = kg_call_instance_id(c);
    if (kg_catalog_get(c->api->catalog, id, &r, &none) < 0 || !kg_instance_is_deleted(r.json))
        return 0; /* what else is wrong the handler finds */
    kg_err_set(err, KG_E_NOT_FOUND, "backup instance '%s' was deleted", r.name);
    kg_err_advise(err, "Until %s it can come back: 'keepgres backup-instance deleted-backup-instance undelete'.",
                  kg_json_str_or(r.json, "properties.deletionInfo.scheduledPurgeTime", "?"));
    return -(int)err->code;
}

static bool only_reads(const struct kg_match *m)
{
    size_t n = strlen(m->route->action);

    return strcmp(m->route->method, "GET") == 0 || (n > 5 && strcasecmp(m->route->action + n - 5, "/read") == 0);
}

static struct kg_audit_entry audit_entry(const struct kg_call *c, const struct kg_match *m, int status)
{
    /* an assignment's path is its id, its scope what it is for */
    return (struct kg_audit_entry){ .who = &c->who, .method = m->route->method, .action = m->route->action, .status = status,
                                    .scope = strstr(m->route->pattern, "{assignment}") ? c->in->path : m->scope,
                                    .activity = c->activity, .details = c->details };
}

/* What is going to change something is recorded first: nothing changes that the log does not know of. */
static int audit_begin(const struct kg_call *c, const struct kg_match *m, struct kg_err *err)
{
    struct kg_audit_entry e = audit_entry(c, m, KG_AUDIT_BEGUN);

    if (only_reads(m) || m->route->flags & KG_ROUTE_OPEN_STOPPING)
        return 0;
    if (kg_audit_add(c->api->catalog, &e, err) < 0)
        return kg_err_wrap(err, "the audit log cannot be written, so nothing is changed");
    return 0;
}

/* What came of it, and all that was refused. */
static void audit(const struct kg_call *c, const struct kg_match *m, int status)
{
    struct kg_err err = { 0 };
    struct kg_audit_entry e;
    int r;

    if (!m->route || (only_reads(m) && status != 403))
        return;
    e = audit_entry(c, m, status);
    r = e.status == 403 ? kg_refusals_add(c->api->refusals, c->api->catalog, &e, &err) : kg_audit_add(c->api->catalog, &e, &err);
    if (r < 0)
        kg_log_err(KG_LOG_ERROR, &err, "audit: %s %s by uid=%u is not recorded request=%s", e.method, e.scope,
                   (unsigned)c->who.uid, c->activity);
}

/* The order matters: what a path is and who may use it is settled before a byte of the body is looked at. */
static int dispatch(struct kg_call *c, struct kg_match *m, struct kg_query *q, struct kg_json **body, struct kg_err *err)
{
    const struct kg_http_in *in = c->in;

    if (kg_route_find(kg_routes, kg_routes_count, in->method, in->path, m, err) < 0)
        return -(int)err->code;
    c->match = m;
    if (authorise(c, m, err) < 0)
        return -(int)err->code;
    if (in->too_large)
        return refuse_large(m, err);
    if (strcmp(in->method, "GET") != 0 && !(m->route->flags & KG_ROUTE_OPEN_STOPPING) &&
        c->api->env.stopping(c->api->env.arg))
        return refuse_stopping(err);
    if (hide_deleted(c, m, err) < 0 || kg_query_parse(in->query, q, err) < 0 || check_version(q, err) < 0 ||
        parse_body(in, body, err) < 0)
        return -(int)err->code;
    c->query = q;
    c->body = *body;
    return audit_begin(c, m, err) < 0 ? -(int)err->code : m->route->handler(c, err);
}

int kg_call_again(struct kg_call *c, const char *method, const char *path, const struct kg_json *body, struct kg_err *err)
{
    KG_AUTO_MATCH struct kg_match m = { 0 };
    struct kg_query none = { 0 };
    struct kg_http_in in = *c->in;
    struct kg_call again = *c;
    int r;

    in.method = method;
    in.path = path;
    in.query = "";
    in.body = NULL;
    in.body_len = 0;
    in.if_match = NULL;
    again.in = &in;
    again.match = &m;
    again.query = &none;
    again.body = body;
    if (kg_route_find(kg_routes, kg_routes_count, method, path, &m, err) < 0)
        return -(int)err->code;
    /* The log has it as what it is, beside the request that asked for it: both have the same activity. */
    r = authorise(&again, &m, err) < 0 || hide_deleted(&again, &m, err) < 0 || audit_begin(&again, &m, err) < 0
            ? -(int)err->code : m.route->handler(&again, err);
    audit(&again, &m, r < 0 ? kg_code_http(err->code) : c->out->status);
    memcpy(c->job, again.job, sizeof c->job);
    c->details = again.details;
    return r;
}

static void handle(void *arg, struct kg_http_in *in, struct kg_http_out *out)
{
    KG_AUTO_MATCH struct kg_match m = { 0 };
    KG_AUTO_QUERY struct kg_query q = { 0 };
    KG_AUTO_JSON struct kg_json *body = NULL;
    struct kg_call c = { .api = arg, .in = in, .out = out };
    kg_usec began = kg_now_mono();
    struct kg_err err = { 0 };
    char activity[37];

    kg_uuid(activity);
    c.activity = activity;
    kg_principal_of_uid(in->peer.uid, &c.who);
    add_ids(out, in, activity);
    if (dispatch(&c, &m, &q, &body, &err) < 0) {
        if (m.route && kg_code_http(err.code) == 404)
            kg_call_advise_nearest(&c, &err);
        answer_error(out, &err, m.scope, activity);
    }
    audit(&c, &m, out->status);
    free(c.details);
    log_request(in, &c.who, out->status, activity, kg_now_mono() - began, &err);
}

static size_t body_limit(void *arg, const struct kg_http_in *in)
{
    KG_AUTO_MATCH struct kg_match m = { 0 };
    struct kg_err ignored = { 0 };

    (void)arg;
    if (kg_route_find(kg_routes, kg_routes_count, in->method, in->path, &m, &ignored) < 0)
        return KG_API_BODY_NONE;
    return m.route->body_max;
}

const struct kg_http_ops kg_api_http_ops = { .body_limit = body_limit, .handle = handle };

int kg_api_make_defaults(struct kg_api *api, struct kg_err *err)
{
    KG_AUTO_FREE char *sub = kg_id_subscription(KG_DEFAULT_SUBSCRIPTION);
    KG_AUTO_FREE char *group = kg_id_group(KG_DEFAULT_SUBSCRIPTION, "default");
    KG_AUTO_JSON struct kg_json *sj = kg_json_object();
    KG_AUTO_JSON struct kg_json *gj = kg_json_object();
    struct kg_resource_query any = { .type = KG_TYPE_SUBSCRIPTION };
    uint64_t n;

    if (kg_catalog_count(api->catalog, &any, &n, err) < 0)
        return -(int)err->code;
    if (n)
        return 0; /* not the first start: a default group that was deleted stays deleted */
    kg_json_set_str(sj, "properties.displayName", "default");
    kg_json_set_str(gj, "properties.provisioningState", "Succeeded");
    if (kg_catalog_begin(api->catalog, err) < 0)
        return -(int)err->code;
    KG_AUTO_ROLLBACK struct kg_catalog *tx = api->catalog;
    if (kg_catalog_put(tx, sub, NULL, sj, KG_PUT_CREATE, NULL, NULL, err) < 0 ||
        kg_catalog_put(tx, group, api->region, gj, KG_PUT_CREATE, NULL, NULL, err) < 0 ||
        kg_catalog_commit(tx, err) < 0)
        return -(int)err->code;
    return 0;
}
