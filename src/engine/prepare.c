/* What a worker is told, put together at the moment it starts: a server that was moved, a secret that was rotated, a
 * setting that was changed since the task was accepted are all taken as they are now. */
#include "engine/engine_int.h"

#include <stdlib.h>
#include <string.h>

#include "api/resolve.h"
#include "base/alloc.h"
#include "model/resources.h"

static int add_vault(struct kg_engine *e, const char *vault, struct kg_json *job, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    const char *path;

    if (kg_catalog_get(e->catalog, vault, &r, err) < 0)
        return kg_err_wrap(err, "the task's vault");
    if (kg_json_need_str(r.json, "properties.storeSettings.path", &path, err) < 0)
        return kg_err_wrap(err, "vault '%s'", r.name);
    kg_json_set_str(job, "storePath", path);
    return 0;
}

static int add_instance(struct kg_engine *e, const char *instance, struct kg_json *job, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    const char *guid;

    if (kg_catalog_get(e->catalog, instance, &r, err) < 0)
        return kg_err_wrap(err, "the task's backup instance");
    if (kg_json_need_str(r.json, "internal.instance", &guid, err) < 0)
        return kg_err_wrap(err, "backup instance '%s'", r.name);
    kg_json_set_str(job, "instance", guid);
    return 0;
}

static int add_server(struct kg_engine *e, const char *server, struct kg_json *job, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    struct kg_json *s;

    if (kg_catalog_get(e->catalog, server, &r, err) < 0)
        return kg_err_wrap(err, "the task's server");
    if (!kg_json_bool(r.json, "properties.allowAccess", true)) {
        kg_err_set(err, KG_E_DB_CONNECT, "access to server '%s' is not allowed", r.name);
        kg_err_advise(err, "Set allowAccess of the server to true.");
        return -(int)err->code;
    }
    s = kg_json_object();
    kg_json_set_str(s, "name", r.name);
    kg_json_set_str(s, "host", kg_json_str(r.json, "properties.fullyQualifiedDomainName"));
    kg_json_set_u64(s, "port", kg_json_u64(r.json, "properties.port", 5432));
    kg_json_set_str(s, "sslMode", kg_json_str_or(r.json, "properties.sslMode", "prefer"));
    kg_json_set(job, "server", s);
    return 0;
}

static void add_settings(const struct kg_settings *s, struct kg_json *job)
{
    if (!kg_json_get(job, "settings.jobs")) /* the caller may have said */
        kg_json_set_u64(job, "settings.jobs", s->backup_jobs);
    kg_json_set_u64(job, "settings.level", s->compression_level);
    kg_json_set_u64(job, "settings.sliceBytes", s->slice_bytes);
    kg_json_set_u64(job, "settings.lockTimeoutMs", s->lock_timeout_ms);
    kg_json_set_u64(job, "settings.lockTries", s->lock_tries);
    if (*s->pg_bin_dir)
        kg_json_set_str(job, "settings.binDir", s->pg_bin_dir);
}

static int read_secret(struct kg_engine *e, const char *uri, struct kg_secret **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *keyvault = NULL;
    struct kg_secret_ref ref;

    if (kg_find_secret(e->catalog, uri, &ref, &keyvault, err) < 0 ||
        kg_keyvault_get(e->keyvault, keyvault, ref.secret, ref.version, ret, err) < 0)
        return kg_err_wrap(err, "secret '%s'", uri);
    return 0;
}

int kg_prepare(struct kg_engine *e, const struct kg_task *t, struct kg_json **ret_job, struct kg_secret **ret_connection,
               struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *job = kg_json_copy(t->params);

    kg_json_set_str(job, "operation", kg_task_row(t->kind)->worker);
    if (kg_task_row(t->kind)->settings)
        add_settings(&e->settings, job);
    if ((t->vault && add_vault(e, t->vault, job, err) < 0) || (t->instance && add_instance(e, t->instance, job, err) < 0) ||
        (t->server && add_server(e, t->server, job, err) < 0) || (t->secret && read_secret(e, t->secret, ret_connection, err) < 0))
        return -(int)err->code;
    *ret_job = KG_TAKE(job);
    return 0;
}
