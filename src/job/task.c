#include "job/task.h"

#include <stddef.h>
#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"

#define MANAGEMENT "Management"
enum { BACKUP = KG_LANE_BACKUP, COPY = KG_LANE_COPY, BOTH = KG_LANE_BOTH };

/* name, worker, job, category, heavy, lanes, settings, step, own, validates */
static const struct kg_task_row rows[] = {
    [KG_TASK_PUT_VAULT] =        { "PutVault",        "vault-create",       NULL,        NULL,       false, 0,      false,
                                   NULL, false, false },
    [KG_TASK_RECOVERY_KEY] =     { "RecoveryKey",     "vault-recovery-key", NULL,        NULL,       false, 0,      false,
                                   NULL, false, false },
    [KG_TASK_CHECK] =            { "Check",           "vault-check",        "Check",     MANAGEMENT, true,  0,      false,
                                   "Check vault", false, false },
    [KG_TASK_COLLECT] =          { "Collect",         "vault-collect",      "Collect",   MANAGEMENT, true,  0,      false,
                                   "Give back space", false, false },
    [KG_TASK_PUT_INSTANCE] =     { "PutInstance",     "validate-backup",
                                   "ConfigureBackup", MANAGEMENT, false, 0, true, "Check readiness", false, true },
    [KG_TASK_DELETE_INSTANCE] =  { "DeleteInstance",  "point-delete",
                                   "DeleteBackupInstance", MANAGEMENT, false, BOTH, false, "Delete recovery points", false, false },
    [KG_TASK_VALIDATE_BACKUP] =  { "ValidateBackup",  "validate-backup",    NULL,        NULL,       false, 0,      true,
                                   NULL, false, true },
    [KG_TASK_VALIDATE_MANY] =    { "ValidateMany",    "validate-backup",    NULL,        NULL,       false, 0,      true,
                                   NULL, false, true },
    [KG_TASK_GRANT_SCRIPT] =     { "GrantScript",     "validate-backup",    NULL,        NULL,       false, 0,      true,
                                   NULL, false, true },
    [KG_TASK_BACKUP] =           { "Backup",          "backup",             "Backup",    "Backup",   true,  BACKUP, true,
                                   NULL, false, false },
    [KG_TASK_VALIDATE_RESTORE] = { "ValidateRestore", "validate-restore",   NULL,        NULL,       false, 0,      true,
                                   NULL, false, false },
    [KG_TASK_RESTORE_DATABASE] = { "RestoreDatabase", "restore-database",   "Restore",   "Restore",  true,  0,      true,
                                   NULL, false, false },
    [KG_TASK_RESTORE_FILES] =    { "RestoreFiles",    "restore-files",      "Restore",   "Restore",  true,  0,      true,
                                   NULL, false, false },
    [KG_TASK_TEST_SERVER] =      { "TestServer",      "server-test",        NULL,        NULL,       false, 0,      false,
                                   NULL, false, false },
    [KG_TASK_LIST_DATABASES] =   { "ListDatabases",   "server-databases",   NULL,        NULL,       false, 0,      false,
                                   NULL, false, false },
    [KG_TASK_POINT_CONTENTS] =   { "PointContents",   "point-contents",     NULL,        NULL,       false, 0,      false,
                                   NULL, false, false },
    [KG_TASK_LIST_CONTENTS] =    { "ListContents",    "point-contents",     NULL,        NULL,       false, 0,      false,
                                   NULL, false, false },
    [KG_TASK_SECRETS] =          { "Secrets",         "keyvault",           NULL,        NULL,       false, 0,      false,
                                   NULL, false, false },
    [KG_TASK_TIERING] =          { "Tiering",         "point-copy",         "Tiering",   "Tiering",  true,  COPY,   true,
                                   NULL, true, false },
    [KG_TASK_REHYDRATE] =        { "Rehydrate",       "point-copy",         "Rehydrate", "Tiering",  true,  COPY,   true,
                                   NULL, true, false },
    [KG_TASK_EXPIRE] =           { "Expire",          "point-delete",       "Expire",    MANAGEMENT, false, BOTH,   false,
                                   "Delete expired recovery points", true, false },
    [KG_TASK_ADOPT] =            { "Adopt",           "point-list",         NULL,        NULL,       false, 0,      false,
                                   NULL, true, false },
    [KG_TASK_USAGE] =            { "Usage",           "vault-usage",        NULL,        NULL,       false, 0,      false,
                                   NULL, true, false },
    [KG_TASK_SYNC] =             { "Sync",            "point-list",
                                   "SyncBackupInstance", MANAGEMENT, false, BOTH, false, "Compare with the vault", false, false },
    [KG_TASK_REVALIDATE] =       { "Revalidate",      "validate-backup",    NULL,        NULL,       false, 0,      true,
                                   NULL, false, true },
    [KG_TASK_BURY] =             { "Bury",            "point-delete",       NULL,        NULL,       false, 0,      false,
                                   NULL, true, false },
};
_Static_assert(KG_ARRAY_LEN(rows) == KG_TASK_KIND_COUNT_, "a row for every kind");

const struct kg_task_row *kg_task_row(enum kg_task_kind k) { return &rows[k]; }

int kg_task_kind_from_name(const char *name)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++)
        if (strcasecmp(rows[i].name, name) == 0)
            return (int)i;
    return -1;
}

struct kg_task *kg_task_new(enum kg_task_kind kind)
{
    struct kg_task *t = kg_xalloc(sizeof *t);

    t->kind = kind;
    t->params = kg_json_object();
    return t;
}

/* The texts of a task that the catalog keeps. */
static const struct { const char *key; size_t at; } texts[] = {
#define TEXT(member) { #member, offsetof(struct kg_task, member) }
    TEXT(job), TEXT(resource), TEXT(vault), TEXT(instance), TEXT(container), TEXT(server), TEXT(secret),
#undef TEXT
};

struct kg_json *kg_task_to_json(const struct kg_task *t)
{
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "kind", rows[t->kind].name);
    for (size_t i = 0; i < KG_ARRAY_LEN(texts); i++) {
        const char *text = *(char *const *)(const void *)((const char *)t + texts[i].at);

        if (text)
            kg_json_set_str(j, texts[i].key, text);
    }
    kg_json_set_u64(j, "uid", t->uid);
    kg_json_set(j, "params", kg_json_copy(t->params));
    return j;
}

struct kg_task *kg_task_from_json(const struct kg_json *j)
{
    int kind = kg_task_kind_from_name(kg_json_str_or(j, "kind", ""));
    struct kg_task *t;

    if (kind < 0 || !kg_json_str(j, "vault") || kg_json_type(kg_json_get(j, "params")) != KG_JSON_OBJECT)
        return NULL;
    t = kg_task_new((enum kg_task_kind)kind);
    for (size_t i = 0; i < KG_ARRAY_LEN(texts); i++)
        *(char **)(void *)((char *)t + texts[i].at) = kg_xstrdup(kg_json_str(j, texts[i].key));
    t->uid = (uid_t)kg_json_u64(j, "uid", 0);
    kg_json_free(t->params);
    t->params = kg_json_copy(kg_json_get(j, "params"));
    return t;
}

void kg_task_free(struct kg_task *t)
{
    if (!t)
        return;
    free(t->operation);
    free(t->job);
    free(t->resource);
    free(t->vault);
    free(t->instance);
    free(t->container);
    free(t->server);
    free(t->secret);
    free(t->keyvault);
    kg_secret_free(t->value);
    kg_json_free(t->params);
    free(t);
}
