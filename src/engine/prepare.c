/* What a worker is told, put together at the moment it starts: a server that was moved, a secret that was rotated, a
 * setting that was changed since the task was accepted are all taken as they are now. */
#include "engine/engine_int.h"

#include <stdlib.h>
#include <string.h>

#include "api/resolve.h"
#include "base/alloc.h"
#include "base/text.h"
#include "model/resources.h"
#include "readiness/control.h"

/* One text of a resource into the job; a resource that lacks it is not ready. */
static int add_text(struct kg_engine *e, const char *id, const char *what, const char *from, struct kg_json *job, const char *to,
                    struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    const char *text;

    if (kg_catalog_get(e->catalog, id, &r, err) < 0)
        return kg_err_wrap(err, "the task's %s", what);
    if (kg_json_need_str(r.json, from, &text, err) < 0)
        return kg_err_wrap(err, "%s '%s'", what, r.name);
    kg_json_set_str(job, to, text);
    return 0;
}

struct kg_json *kg_prepare_server(const struct kg_resource *server)
{
    struct kg_json *s = kg_json_object();

    kg_json_set_str(s, "name", server->name);
    kg_json_set_str(s, "host", kg_json_str(server->json, "properties.fullyQualifiedDomainName"));
    kg_json_set_u64(s, "port", kg_json_u64(server->json, "properties.port", 5432));
    kg_json_set_str(s, "sslMode", kg_json_str_or(server->json, "properties.sslMode", "prefer"));
    return s;
}

static int add_server(struct kg_engine *e, const char *server, struct kg_json *job, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };

    if (kg_catalog_get(e->catalog, server, &r, err) < 0)
        return kg_err_wrap(err, "the task's server");
    if (!kg_json_bool(r.json, "properties.allowAccess", true)) {
        kg_err_set(err, KG_E_DB_CONNECT, "access to server '%s' is not allowed", r.name);
        kg_err_advise(err, "Set allowAccess of the server to true.");
        return -(int)err->code;
    }
    kg_json_set(job, "server", kg_prepare_server(&r));
    return 0;
}

static void add_settings(const struct kg_settings *s, struct kg_json *job)
{
    if (!kg_json_get(job, "settings.jobs")) /* the caller may have said */
        kg_json_set_u64(job, "settings.jobs", s->backup_jobs);
    kg_json_set_u64(job, "settings.level", s->compression_level);
    kg_json_set_u64(job, "settings.archiveLevel", s->archive_compression_level);
    kg_json_set_u64(job, "settings.sliceBytes", s->slice_bytes);
    kg_json_set_str(job, "settings.sliceTables", s->slice_tables);
    kg_json_set_u64(job, "settings.lockTimeoutMs", s->lock_timeout_ms);
    kg_json_set_u64(job, "settings.lockTries", s->lock_tries);
    if (*s->pg_bin_dir)
        kg_json_set_str(job, "settings.binDir", s->pg_bin_dir);
}

void kg_prepared_done(struct kg_prepared *p)
{
    for (size_t i = 0; i < p->n; i++)
        kg_secret_free(p->secret[i].value);
    free(p->secret);
    kg_json_free(p->job);
    *p = (struct kg_prepared){ 0 };
}

/* The vault's identity may read the server and the secret, or write to the container, at this moment: roles that were
 * taken away since the task was accepted count. */
static int check_access(struct kg_engine *e, const struct kg_task *t, struct kg_err *err)
{
    if (!t->vault)
        return 0;
    if (t->container && kg_control_require_container(e->catalog, e->identity, t->vault, t->container, err) < 0)
        return -(int)err->code;
    if (!t->server || !t->secret)
        return 0;
    return kg_control_require(e->catalog, e->identity, e->keyvault, t->vault, t->server, t->secret, err);
}

/* Both datastores of the vault. Vaults that are older than archives have theirs beside their directory, once there is one. */
static int add_stores(struct kg_engine *e, const char *vault, struct kg_json *job, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    KG_AUTO_FREE char *beside = NULL;
    const char *path, *id;

    if (kg_catalog_get(e->catalog, vault, &r, err) < 0)
        return kg_err_wrap(err, "the task's vault");
    if (kg_json_need_str(r.json, "properties.storeSettings.path", &path, err) < 0)
        return kg_err_wrap(err, "vault '%s'", r.name);
    beside = kg_xprintf("%s-archive", path);
    kg_json_set_str(job, "storePath", path);
    kg_json_set_str(job, "archivePath", kg_json_str_or(r.json, "properties.storeSettings.archivePath", beside));
    if ((id = kg_json_str(r.json, "internal.archiveId")))
        kg_json_set_str(job, "archiveId", id);
    return 0;
}

static int add_what_it_names(struct kg_engine *e, const struct kg_task *t, struct kg_prepared *p, struct kg_err *err)
{
    char when[32];

    if (t->kind == KG_TASK_USAGE)
        kg_json_set_str(t->params, "measured", kg_time_iso(kg_now_wall(), when));
    if ((t->kind == KG_TASK_CHECK || t->kind == KG_TASK_COLLECT) && kg_points_expect(e, t->vault, p->job, err) < 0)
        return -(int)err->code;
    if ((t->vault && add_stores(e, t->vault, p->job, err) < 0) ||
        (t->instance && add_text(e, t->instance, "backup instance", "internal.instance", p->job, "instance", err) < 0))
        return -(int)err->code;
    if (kg_task_row(t->kind)->validates)
        return 0;
    if ((t->server && add_server(e, t->server, p->job, err) < 0) ||
        (t->secret && kg_prepare_secret(e, t->secret, "connection", p, err) < 0))
        return -(int)err->code;
    if (t->kind == KG_TASK_BACKUP)
        return kg_ready_add_history(e, t->instance, p->job, err);
    return 0;
}

int kg_prepare(struct kg_run *r, struct kg_prepared *ret, struct kg_err *err)
{
    const struct kg_task *t = r->task;
    bool validates = kg_task_row(t->kind)->validates;
    KG_AUTO_PREPARED struct kg_prepared p = { .job = kg_json_copy(t->params) };

    kg_json_set_str(p.job, "operation", kg_task_row(t->kind)->worker);
    if (kg_task_row(t->kind)->settings)
        add_settings(&r->e->settings, p.job);
    if (t->keyvault && kg_prepare_keyvault(r, &p, err) < 0)
        return -(int)err->code;
    if ((!validates && check_access(r->e, t, err) < 0) || add_what_it_names(r->e, t, &p, err) < 0 ||
        (validates && kg_ready_prepare(r, &p, err) < 0))
        return -(int)err->code;
    *ret = p;
    p = (struct kg_prepared){ 0 };
    return 0;
}
