/* A whole request as the HTTP server hands it over: the first line "METHOD PATH[?QUERY]", then the body. The service
 * behind it is real but for the tasks, which are accepted and dropped. Whatever comes, there is one answer with a status,
 * a failing one has its envelope, and a handler that failed leaves no transaction open. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "api/api.h"
#include "api/limits.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/log.h"
#include "identity/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- an engine that does nothing ---- */

static int check(void *arg, const struct kg_task *t, struct kg_err *err)
{
    (void)arg, (void)t, (void)err;
    return 0;
}

static void start(void *arg, struct kg_task *t, struct kg_job *job)
{
    (void)arg;
    kg_task_free(t);
    kg_job_free(job);
}

static int cancel(void *arg, const char *job, struct kg_err *err)
{
    (void)arg;
    return kg_err_set(err, KG_E_NOT_FOUND, "job '%s' does not run", job);
}

static const struct kg_job *live(void *arg, const char *job)
{
    (void)arg, (void)job;
    return NULL;
}

static void flush(void *arg, const char *job) { (void)arg, (void)job; }

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static bool leaves(void *arg, const char *instance, const char *point)
{
    (void)arg;
    (void)instance;
    (void)point;
    return false;
}

static bool busy(void *arg, const char *id)
{
    (void)arg, (void)id;
    return false;
}

static struct kg_secret *no_key(void *arg, const char *op)
{
    (void)arg, (void)op;
    return NULL;
}

static void facts(void *arg, struct kg_json *ret) { (void)arg, (void)ret; }
static void stop(void *arg, bool now) { (void)arg, (void)now; }

/* ---- secrets that are forgotten at once ---- */

static int save(void *arg, const struct kg_keyvault_item *i, struct kg_err *err)
{
    (void)arg, (void)i, (void)err;
    return 0;
}

static int load(void *arg, const char *vault, const char *name, const char *version, struct kg_keyvault_item *ret,
                struct kg_err *err)
{
    (void)arg, (void)version;
    if (strcasecmp(name, "login") != 0)
        return kg_err_set(err, KG_E_NO_SECRET, "no secret '%s'", name);
    *ret = (struct kg_keyvault_item){ .vault = kg_xstrdup(vault), .name = kg_xstrdup(name), .enabled = true,
                                      .version = kg_xstrdup("0123456789abcdef0123456789abcdef"),
                                      .sealed = kg_xalloc(64), .sealed_len = 64 };
    return 0;
}

static int list(void *arg, const char *vault, const char *name, const char *after, unsigned top,
                struct kg_keyvault_list *ret, struct kg_err *err)
{
    (void)arg, (void)vault, (void)name, (void)after, (void)top, (void)err;
    *ret = (struct kg_keyvault_list){ 0 };
    return 0;
}

static int drop(void *arg, const char *vault, const char *name, struct kg_err *err)
{
    (void)arg, (void)vault, (void)name, (void)err;
    return 0;
}

static int confirm(void *arg, struct kg_err *err)
{
    (void)arg, (void)err;
    return 0;
}

static struct kg_api *make_api(void)
{
    static struct kg_api api;
    struct kg_keyvault_backing backing = { .save = save, .load = load, .list = list, .remove = drop };
    struct kg_err err = { 0 };
    struct kg_secret *key;

    kg_log_open("fuzz", KG_LOG_ERROR, 2);
    kg_crypto_start();
    key = kg_secret_random(32);
    if (kg_catalog_open_sqlite(":memory:", &api.catalog, &err) < 0)
        abort();
    api.keyvault = kg_keyvault_open_local(key, &backing);
    kg_secret_free(key);
    api.identity = kg_identity_new(api.catalog, getuid());
    api.refusals = kg_refusals_new();
    api.region = "local";
    api.vaults_dir = "/nonexistent/vaults";
    api.env = (struct kg_api_env){ .task_check = check, .task_start = start, .job_cancel = cancel, .job_live = live,
                                   .job_flush = flush, .point_leaves = leaves, .resource_busy = busy, .take_key = no_key, .facts = facts,
                                   .stop = stop, .stopping = never, .confirm_clock = confirm };
    if (kg_api_make_defaults(&api, &err) < 0)
        abort();
    return &api;
}

/* Splits "METHOD PATH?QUERY\n"; false when there is no such line, or when it would make directories on this machine. */
static bool split(char *text, struct kg_http_in *in)
{
    char *line = strchr(text, '\n'), *blank = strchr(text, ' '), *mark;

    if (!line || !blank || blank > line)
        return false;
    *line = *blank = '\0';
    in->method = text;
    in->path = blank + 1;
    in->query = "";
    if ((mark = strchr(blank + 1, '?'))) {
        *mark = '\0';
        in->query = mark + 1;
    }
    in->body = line + 1;
    return !(strcmp(in->method, "PUT") == 0 && strcasestr(in->path, "storageAccounts"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kg_api *api;
    KG_AUTO_FREE char *text = kg_xalloc(size + 1);
    struct kg_http_in in = { .peer = { .uid = getuid() } };
    struct kg_http_out out = { .body = KG_BUF_INIT(KG_API_ANSWER_MAX) };
    struct kg_err err = { 0 };

    if (!api)
        api = make_api();
    memcpy(text, data, size);
    if (!split(text, &in))
        return 0;
    in.body_len = size - (size_t)(in.body - text);
    in.too_large = in.body_len > kg_api_http_ops.body_limit(api, &in);
    kg_api_http_ops.handle(api, &in, &out);
    KG_ASSERT(out.status >= 200 && out.status < 600);
    if (out.status >= 400) {
        struct kg_json *j = NULL;

        KG_ASSERT(kg_json_parse(out.body.p, out.body.len, &j, &err) == 0 && kg_json_str(j, "error.code"));
        kg_json_free(j);
    }
    KG_ASSERT(kg_catalog_begin(api->catalog, &err) == 0); /* a bug while another one is open */
    kg_catalog_rollback(api->catalog);
    kg_http_out_done(&out);
    return 0;
}
