#include "job/task.h"

#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"

#define MANAGEMENT "Management"

/*                              name               worker            job        category     heavy  per_i. settings step validates */
static const struct kg_task_row rows[] = {
    [KG_TASK_PUT_VAULT] =        { "PutVault",        "vault-create",       NULL,      NULL,        false, false, false, NULL, false },
    [KG_TASK_RECOVERY_KEY] =     { "RecoveryKey",     "vault-recovery-key", NULL,      NULL,        false, false, false, NULL, false },
    [KG_TASK_CHECK] =            { "Check",           "vault-check",        "Check",   MANAGEMENT,  true, false, false,
                                   "Check vault", false },
    [KG_TASK_COLLECT] =          { "Collect",         "vault-collect",      "Collect", MANAGEMENT,  true, false, false,
                                   "Give back space", false },
    [KG_TASK_PUT_INSTANCE] =     { "PutInstance",     "validate-backup",    "ConfigureBackup", MANAGEMENT, false, false, true,
                                   "Check readiness", true },
    [KG_TASK_DELETE_INSTANCE] =  { "DeleteInstance",  "point-delete",       "DeleteBackupInstance", MANAGEMENT, false, true, false,
                                   "Delete recovery points", false },
    [KG_TASK_VALIDATE_BACKUP] =  { "ValidateBackup",  "validate-backup",    NULL,      NULL,        false, false, true, NULL, true },
    [KG_TASK_VALIDATE_MANY] =    { "ValidateMany",    "validate-backup",    NULL,      NULL,        false, false, true, NULL, true },
    [KG_TASK_GRANT_SCRIPT] =     { "GrantScript",     "validate-backup",    NULL,      NULL,        false, false, true, NULL, true },
    [KG_TASK_BACKUP] =           { "Backup",          "backup",             "Backup",  "Backup",    true,  true,  true, NULL, false },
    [KG_TASK_VALIDATE_RESTORE] = { "ValidateRestore", "validate-restore",   NULL,      NULL,        false, false, true, NULL, false },
    [KG_TASK_RESTORE_DATABASE] = { "RestoreDatabase", "restore-database",   "Restore", "Restore",   true,  false, true, NULL, false },
    [KG_TASK_RESTORE_FILES] =    { "RestoreFiles",    "restore-files",      "Restore", "Restore",   true,  false, true, NULL, false },
    [KG_TASK_TEST_SERVER] =      { "TestServer",      "server-test",        NULL,      NULL,        false, false, false, NULL, false },
    [KG_TASK_LIST_DATABASES] =   { "ListDatabases",   "server-databases",   NULL,      NULL,        false, false, false, NULL, false },
    [KG_TASK_POINT_CONTENTS] =   { "PointContents",   "point-contents",     NULL,      NULL,        false, false, false, NULL, false },
    [KG_TASK_LIST_CONTENTS] =    { "ListContents",    "point-contents",     NULL,      NULL,        false, false, false, NULL, false },
    [KG_TASK_SECRETS] =          { "Secrets",         "keyvault",           NULL,      NULL,        false, false, false, NULL, false },
    [KG_TASK_EXPIRE] =           { "Expire",          "point-delete",       "Expire",  MANAGEMENT,  false, true,  false,
                                   "Delete expired recovery points", false },
    [KG_TASK_ADOPT] =            { "Adopt",           "point-list",         NULL,      NULL,        false, false, false, NULL, false },
    [KG_TASK_USAGE] =            { "Usage",           "vault-usage",        NULL,      NULL,        false, false, false, NULL, false },
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
