/* Tasks that check databases: what the service can tell is told here; the rows whose server and secret can be reached go
 * to one worker, all at once. */
#include "engine/engine_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "model/id.h"
#include "model/policy.h"
#include "readiness/grant_script.h"

enum { ROW_SECONDS = 30, SESSIONS = 8 };

/* Which connection string each distinct secret became: rows of one server share theirs. */
struct connections { const char **uri; size_t n; };

static int connection_of(struct kg_engine *e, struct connections *known, const char *uri, struct kg_prepared *p, char ret[24],
                         struct kg_err *err)
{
    size_t i = 0;

    while (i < known->n && strcmp(known->uri[i], uri) != 0)
        i++;
    (void)snprintf(ret, 24, "c%zu", i);
    if (i < known->n)
        return 0;
    if (kg_prepare_secret(e, uri, ret, p, err) < 0)
        return -(int)err->code;
    known->uri[known->n++] = uri;
    return 0;
}

int kg_ready_add_history(struct kg_engine *e, const char *instance, struct kg_json *ret, struct kg_err *err)
{
    struct kg_point_query q = { .instance = instance };
    uint64_t points = 0;

    if (instance && kg_catalog_point_count(e->catalog, &q, &points, err) < 0)
        return -(int)err->code;
    kg_json_set_bool(ret, "hasPoints", points > 0);
    return 0;
}

/* What the policy wants besides the database; one that has gone wants nothing. */
static int add_wishes(struct kg_engine *e, const char *policy, struct kg_json *ret, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    KG_AUTO_POLICY struct kg_policy *p = NULL;
    struct kg_err why = { 0 };

    if (!policy || kg_catalog_get(e->catalog, policy, &r, &why) < 0) {
        if (why.code == KG_E_OK || why.code == KG_E_NOT_FOUND)
            return 0;
        *err = why;
        return -(int)err->code;
    }
    if (kg_policy_from_json(r.json, &p, err) < 0)
        return kg_err_wrap(err, "policy '%s'", r.name);
    if (p->role_passwords)
        kg_json_set_bool(ret, "rolePasswords", true);
    return 0;
}

/* A secret that cannot be read is this row's trouble, not that of the others. */
static int add_row(struct kg_engine *e, struct kg_round_row *row, const char *policy, struct connections *known,
                   struct kg_prepared *p, struct kg_json *rows, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource server = { 0 };
    struct kg_err why = { 0 };
    struct kg_json *j;
    char connection[24];

    if (connection_of(e, known, row->secret_uri, p, connection, &why) < 0) {
        kg_check_fail(&row->control.checks, KG_CHECK_SECRET, &why);
        row->control.blocked = true;
        return 0;
    }
    if (kg_catalog_get(e->catalog, row->source.server_id, &server, err) < 0)
        return -(int)err->code;
    j = kg_json_object();
    kg_json_set_str(j, "key", row->key);
    kg_json_set_str(j, "database", row->source.database);
    kg_json_set(j, "server", kg_prepare_server(&server));
    kg_json_set_str(j, "connection", connection);
    kg_json_push(rows, j);
    return add_wishes(e, policy, j, err) < 0 ? -(int)err->code : kg_ready_add_history(e, row->self, j, err);
}

/* What nobody could look at, and why. */
static void skip_rest(struct kg_round_row *row)
{
    const struct kg_check *failed = kg_checks_failed(&row->control.checks);

    if (failed)
        kg_check_skip_rest(&row->control.checks, KG_CHECK_SECRET_FORMAT, KG_CHECK_SPACE, failed->id);
}

int kg_ready_prepare(struct kg_run *r, struct kg_prepared *p, struct kg_err *err)
{
    struct kg_engine *e = r->e;
    KG_AUTO_FREE const char **uris = NULL;
    struct connections known = { 0 };
    struct kg_json *rows = kg_json_array();
    const struct kg_json *asked;
    struct kg_principal caller;

    kg_principal_of_uid(r->task->uid, &caller);
    if (kg_round_open(e->catalog, e->identity, e->keyvault, r->task->vault, &caller, kg_json_get(r->task->params, "rows"), &r->round,
                      err) < 0) {
        kg_json_free(rows);
        return -(int)err->code;
    }
    kg_json_set(p->job, "rows", rows);
    kg_json_set_u64(p->job, "settings.timeoutMs", ROW_SECONDS * 1000);
    kg_json_set_u64(p->job, "settings.parallel", SESSIONS);
    known.uri = uris = kg_xalloc_array(r->round->n + 1, sizeof *uris);
    asked = kg_json_first(kg_json_get(r->task->params, "rows")); /* the round has them in the same order */
    for (size_t i = 0; i < r->round->n; i++, asked = kg_json_next(asked)) {
        struct kg_round_row *row = &r->round->row[i];

        if (row->control.reachable && add_row(e, row, kg_json_str(asked, "policy"), &known, p, rows, err) < 0)
            return -(int)err->code;
        skip_rest(row);
    }
    if (!kg_json_count(rows)) {
        kg_json_free(p->job);
        p->job = NULL;
    }
    return 0;
}

/* ---- the end ---- */

/* The script that would give the user of this row what it lacks. Who that is, only the secret tells. */
static struct kg_json *script_of(struct kg_run *r, struct kg_err *err)
{
    const struct kg_round_row *row = &r->round->row[0];
    const struct kg_check *failed = kg_checks_failed(&row->control.checks);
    int language = kg_script_language_from_text(kg_json_str_or(r->task->params, "language", "bash"));
    KG_AUTO_RESOURCE struct kg_resource server = { 0 };
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(1 << 20);
    struct kg_grant_script s = { .database = row->source.database, .user = kg_json_str(row->facts, "user") };
    struct kg_json *j;

    if (!s.user) {
        *err = failed ? failed->err : (struct kg_err){ 0 };
        if (!failed)
            kg_err_set(err, KG_E_CHILD, "the worker did not say who logs in to database '%s'", row->source.database);
        return NULL;
    }
    if (kg_catalog_get(r->e->catalog, row->source.server_id, &server, err) < 0)
        return NULL;
    s.host = kg_json_str(server.json, "properties.fullyQualifiedDomainName");
    s.port = (unsigned)kg_json_u64(server.json, "properties.port", 5432);
    s.sslmode = kg_json_str(server.json, "properties.sslMode");
    if (kg_grant_script(&s, (enum kg_script_language)language, &text, err) < 0 || kg_buf_ok(&text, err) < 0)
        return NULL;
    j = kg_json_object();
    kg_json_set_str(j, "language", kg_script_language_to_text((enum kg_script_language)language));
    kg_json_set_str(j, "server", row->source.server);
    kg_json_set_str(j, "database", row->source.database);
    kg_json_set_str(j, "user", s.user);
    kg_json_set_str(j, "script", text.p);
    return j;
}

void kg_ready_judge(struct kg_run *r)
{
    struct kg_round_row *first = &r->round->row[0];
    const struct kg_check *failed;
    struct kg_principal caller;
    struct kg_err why = { 0 };

    if (r->err.code == KG_E_OK && r->result && kg_round_merge(r->round, r->result, &why) < 0)
        r->err = why;
    why = r->err;
    if (why.code == KG_E_OK)
        kg_err_set(&why, KG_E_CHILD, "the worker did not report on the database");
    kg_round_settle(r->round, &why);
    kg_principal_of_uid(r->task->uid, &caller);
    kg_json_free(KG_TAKE(r->result));
    if (r->task->kind == KG_TASK_VALIDATE_MANY) {
        r->result = kg_round_json(r->round, r->e->identity, &caller);
        return;
    }
    if (r->task->kind == KG_TASK_GRANT_SCRIPT) {
        if (r->err.code == KG_E_OK)
            r->result = script_of(r, &r->err);
        return;
    }
    r->result = kg_round_row_json(r->round, 0, r->e->identity, &caller);
    kg_json_set_str(r->result, "objectType", "OperationJobExtendedInfo");
    failed = kg_checks_failed(&first->control.checks);
    if (r->err.code != KG_E_OK || !failed)
        return;
    r->err = failed->err;
    r->failures = kg_round_failures(first);
}

/* ---- the databases of a server ---- */

static void refuse(struct kg_json *row, char *reason)
{
    kg_json_set_bool(row, "selectable", false);
    kg_json_set_str(row, "reason", reason);
    free(reason);
}

/* Protected by whom: an instance's id as its and its vault's names. */
static char *protected_by(const char *instance)
{
    KG_AUTO_ID struct kg_id id = { 0 };
    struct kg_err ignored = { 0 };

    if (kg_id_parse(instance, &id, &ignored) < 0 || id.count < 2)
        return kg_xprintf("It is protected by %s.", instance);
    return kg_xprintf("It is protected by backup instance '%s' of vault '%s'.", id.parts[1].name, id.parts[0].name);
}

static void mark_row(struct kg_json *row, const struct kg_control *control, const char *server, const char *elsewhere)
{
    KG_AUTO_FREE char *id = kg_id_child(server, "databases", kg_json_str_or(row, "name", ""));
    KG_CLEANUP(kg_datasource_done) struct kg_datasource source = { 0 };
    struct kg_err ignored = { 0 };
    const char *instance;

    if (!kg_json_bool(row, "selectable", false) || kg_datasource_parse(id, &source, &ignored) < 0)
        return;
    instance = kg_control_protector(control, &source, NULL);
    if (instance && !kg_control_may_name(control, instance)) {
        refuse(row, kg_xstrdup("It is protected by a backup instance that you may not see."));
    } else if (instance) {
        kg_json_set_str(row, "protectedBy", instance);
        refuse(row, protected_by(instance));
    } else if (elsewhere) {
        refuse(row, kg_xstrdup(elsewhere));
    }
}

/* Why nothing of the server can go into that vault; NULL when it can, or no vault was named. The caller frees. */
static int other_region(struct kg_engine *e, const struct kg_task *t, char **ret, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource vault = { 0 }, server = { 0 };
    const char *id = kg_json_str(t->params, "vaultId");

    *ret = NULL;
    if (!id)
        return 0;
    if (kg_catalog_get(e->catalog, id, &vault, err) < 0 || kg_catalog_get(e->catalog, t->server, &server, err) < 0)
        return -(int)err->code;
    if (vault.location && server.location && strcasecmp(vault.location, server.location) != 0)
        *ret = kg_xprintf("The server is in region '%s', vault '%s' in '%s'.", server.location, vault.name, vault.location);
    return 0;
}

int kg_ready_mark(struct kg_run *r, struct kg_err *err)
{
    KG_AUTO_CONTROL struct kg_control *control = NULL;
    KG_AUTO_FREE char *elsewhere = NULL;
    size_t n = kg_json_count(kg_json_get(r->result, "value"));
    struct kg_principal caller;
    char path[40];

    kg_principal_of_uid(r->task->uid, &caller);
    if (kg_control_open(r->e->catalog, r->e->identity, r->e->keyvault, &caller, &control, err) < 0 ||
        other_region(r->e, r->task, &elsewhere, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(path, sizeof path, "value.%zu", i);
        mark_row(kg_json_get_mutable(r->result, path), control, r->task->server, elsewhere);
    }
    return 0;
}
