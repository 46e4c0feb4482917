/* The whole portal over a service that was recorded: answers are files in tests/unit/portal/, by the path that is asked for. What
 * is not there is answered with 404. Nothing is answered before recorded_settle(). Include after cmocka.h. */
#ifndef TESTS_UNIT_UI_RECORDED_H
#define TESTS_UNIT_UI_RECORDED_H

#include <stdio.h>
#include <string.h>
#include "base/alloc.h"
#include "base/buf.h"
#include "json/json.h"
#include "shell/shell.h"

enum { RECORDED_MAX = 200 };

struct recorded_call { uint64_t id; char method[8], path[700], body[400]; kg_async_fn *fn; void *ctx; bool waits, text; };
struct recorded {
    struct ui_shell shell;
    struct ui_canvas canvas;
    struct recorded_call call[RECORDED_MAX];
    size_t n_calls;
    uint64_t calls;                          /* that there ever were */
    int64_t now;
    bool down;                               /* nothing is answered */
    const char *version;                     /* of the service; NULL: not told */
    const struct recorded_change { const char *from, *to; } *changes;        /* in all answers, up to { NULL } */
};

/* The answer to a path is in the file of the first row whose text it has. */
static const struct { const char *part, *file; } recorded_answers[] = {
    { "b8fd7b82-d209-4bc7-903c-3cb5355c3c4a/log", "log.txt" },
    { "/preview", "preview.json" },
    { "/backupCenter", "center.json" },
    { "/resources?$top=", "resources.json" },
    { "/resources?", "servers.json" },
    { "/searchBackupInstances", "instances.json" },
    { "/searchBackupPolicies", "policies.json" },
    { "/searchBackupJobs", "jobs.json" },
    { "/listContents", "contents.json" },
    { "/deletedBackupInstances", "none.json" },
    { "/recoveryPoints/", "point.json" },
    { "/recoveryPoints", "points.json" },
    { "/backupInstances/", "instance.json" },
    { "/backupInstances", "vault-instances.json" },
    { "/backupJobs/", "job.json" },
    { "/backupJobs", "vault-jobs.json" },
    { "/backupPolicies/", "policy.json" },
    { "/backupPolicies", "policies.json" },
    { "/roleAssignments/", "assignment.json" },
    { "/roleAssignments", "assignments.json" },
    { "/roleDefinitions", "definitions.json" },
    { "/usage", "usage.json" },
    { "/backupVaults/", "vault.json" },
    { "/backupVaults", "vaults.json" },
    { "/secrets/", "secret.json" },
    { "/secrets", "secrets.json" },
    { "Microsoft.KeyVault/vaults/", "key-vault.json" },
    { "Microsoft.KeyVault/vaults", "key-vaults.json" },
    { "/containers/", "container.json" },
    { "/containers", "containers.json" },
    { "/storageAccounts/", "storage-account.json" },
    { "/storageAccounts", "storage-accounts.json" },
    { "/servers/", "server.json" },
    { "/flexibleServers", "none.json" },
    { "/servers", "servers.json" },
    { "/service/audit", "audit.json" },
    { "/service", "service.json" },
    { "/resourceGroups", "groups.json" },
    { "/subscriptions", "subscriptions.json" },
};

/* Forgets what was answered. */
static void recorded_tidy(struct recorded *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_calls; i++)
        if (r->call[i].waits)
            r->call[n++] = r->call[i];
    r->n_calls = n;
}

static uint64_t recorded_send(void *ctx, const struct kg_request *rq, bool follow, kg_async_fn *fn, void *fn_ctx)
{
    struct recorded *r = ctx;
    struct recorded_call *c;

    (void)follow;
    if (r->n_calls == RECORDED_MAX)
        recorded_tidy(r);
    if (r->n_calls == RECORDED_MAX)
        fail_msg("%d calls wait for an answer", RECORDED_MAX);
    c = &r->call[r->n_calls];
    *c = (struct recorded_call){ .id = ++r->calls, .fn = fn, .ctx = fn_ctx, .waits = true, .text = rq->keep_text };
    snprintf(c->method, sizeof c->method, "%s", rq->method);
    snprintf(c->path, sizeof c->path, "%s", rq->path);
    snprintf(c->body, sizeof c->body, "%.*s", rq->body ? (int)rq->body_len : 0, rq->body ? (const char *)rq->body : "");
    r->n_calls++;
    return c->id;
}

static void recorded_cancel(void *ctx, uint64_t id)
{
    struct recorded *r = ctx;

    for (size_t i = 0; i < r->n_calls; i++)
        if (r->call[i].id == id)
            r->call[i].waits = false;
}

static struct kg_async_health recorded_health(void *ctx)
{
    const struct recorded *r = ctx;

    struct kg_async_health h = { .reachable = !r->down, .since = r->now };

    snprintf(h.server_version, sizeof h.server_version, "%s", r->version ? r->version : "");
    return h;
}

static inline bool recorded_file(const char *name, struct kg_buf *ret)
{
    KG_AUTO_FREE char *path = kg_xprintf("tests/unit/portal/%s", name);
    FILE *f = fopen(path, "r");
    char part[4096];
    size_t n;

    if (!f)
        return false;
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        kg_buf_add(ret, part, n);
    fclose(f);
    return true;
}

/* The text that answers a call; false: none does. */
static inline bool recorded_text(const struct recorded_call *c, struct kg_buf *ret)
{
    if (strstr(c->body, "SoftDeleted"))      /* nothing was deleted */
        return recorded_file("none.json", ret);
    for (size_t i = 0; i < KG_ARRAY_LEN(recorded_answers); i++)
        if (strcasestr(c->path, recorded_answers[i].part))
            return recorded_file(recorded_answers[i].file, ret);
    return false;
}

static inline void recorded_replace(struct kg_buf *text, const struct recorded_change *x)
{
    KG_AUTO_FREE char *was = kg_xstrdup(text->p);
    const char *at = was, *hit;

    kg_buf_reset(text);
    for (; (hit = strstr(at, x->from)); at = hit + strlen(x->from)) {
        kg_buf_add(text, at, (size_t)(hit - at));
        kg_buf_adds(text, x->to);
    }
    kg_buf_adds(text, at);
}

/* fn may ask again, and what c points to may be another call then. */
static inline void recorded_answer(const struct recorded *r, struct recorded_call *at)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(4 << 20);
    struct kg_reply reply = { .status = 200 };
    struct recorded_call was = *at, *c = &was;
    struct kg_err err = { 0 };

    at->waits = false;
    if (!recorded_text(c, &text)) {
        (void)kg_err_set(&err, KG_E_NOT_FOUND, "'%s' is not there", c->path);
        c->fn(c->ctx, c->id, &(struct kg_answer){ .err = &err });
        return;
    }
    for (const struct recorded_change *x = r->changes; x && x->from; x++)
        recorded_replace(&text, x);
    if (!c->text && kg_json_parse(text.p, text.len, &reply.json, &err) < 0)
        fail_msg("what answers '%s': %s", c->path, err.msg);
    reply.text = text.p;
    reply.len = text.len;
    c->fn(c->ctx, c->id, &(struct kg_answer){ .reply = &reply });
    kg_json_free(reply.json);
}

/* Answers what was asked, and what is asked because of that. */
static inline void recorded_settle(struct recorded *r)
{
    bool any = !r->down;

    while (any) {
        any = false;
        for (size_t i = 0; i < r->n_calls; i++)
            if (r->call[i].waits) {
                recorded_answer(r, &r->call[i]);
                any = true;
                break;
            }
    }
}

#define RECORDED_SUB "/subscriptions/00000000-0000-0000-0000-000000000001"
#define RECORDED_GROUP RECORDED_SUB "/resourceGroups/default/providers/"
#define RECORDED_VAULT RECORDED_GROUP "Microsoft.DataProtection/backupVaults/vault1"

/* What a page about one thing is opened with. */
static const struct { const char *kind, *arg; } recorded_arguments[] = {
    { "backup-instance", RECORDED_VAULT "/backupInstances/sales" },
    { "recovery-point", RECORDED_VAULT "/backupInstances/sales/recoveryPoints/01a1fe9e8234f476c113f0fd51a77ced" },
    { "backup-job", RECORDED_VAULT "/backupJobs/b8fd7b82-d209-4bc7-903c-3cb5355c3c4a" },
    { "backup-policy", RECORDED_VAULT "/backupPolicies/weekly" },
    { "backup-vault", RECORDED_VAULT },
    { "server", RECORDED_GROUP "Microsoft.DBforPostgreSQL/servers/pg1" },
    { "key-vault", RECORDED_GROUP "Microsoft.KeyVault/vaults/kv1" },
    { "secret", RECORDED_GROUP "Microsoft.KeyVault/vaults/kv1/secrets/login" },
    { "storage-account", RECORDED_GROUP "Microsoft.Storage/storageAccounts/files1" },
    { "container", RECORDED_GROUP "Microsoft.Storage/storageAccounts/files1/blobServices/default/containers/dumps" },
    { "role-assignment", RECORDED_GROUP "Microsoft.KeyVault/vaults/kv1/providers/Microsoft.Authorization/roleAssignments/"
                         "a4e1ed81-9572-8c41-8c91-1bae0204d5ba" },
};

static inline const char *recorded_argument(const char *kind)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(recorded_arguments); i++)
        if (strcmp(recorded_arguments[i].kind, kind) == 0)
            return recorded_arguments[i].arg;
    return "";
}

static inline void recorded_draw(struct recorded *r) { ui_shell_draw(&r->shell, &r->canvas); }

static inline void recorded_open(struct recorded *r, const char *page, int h, int w, enum ui_alphabet a)
{
    struct ui_transport t = { .send = recorded_send, .cancel = recorded_cancel, .health = recorded_health, .ctx = r };

    memset(r, 0, sizeof *r);
    r->now = (int64_t)1795273500 * 1000000;  /* 2026-11-21T15:05:00Z */
    ui_canvas_init(&r->canvas, h, w, a);
    ui_shell_init(&r->shell, &t, page, false, r->now);
    recorded_settle(r);
}

static inline void recorded_close(struct recorded *r)
{
    ui_shell_done(&r->shell);
    ui_canvas_done(&r->canvas);
}

static inline void recorded_key(struct recorded *r, uint32_t key)
{
    ui_shell_event(&r->shell, &(struct ui_event){ .kind = UI_EV_KEY, .key = key }, r->now);
    recorded_settle(r);
}

static inline void recorded_type(struct recorded *r, const char *keys)
{
    for (; *keys; keys++)
        recorded_key(r, *keys == '\n' ? UI_KEY_ENTER : (uint32_t)(unsigned char)*keys);
}

static inline bool recorded_shows(struct recorded *r, const char *text)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);

    recorded_draw(r);
    ui_canvas_print(&r->canvas, &b);
    return strstr(b.p, text) != NULL;
}

#endif
