#include "identity/roles.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

#define DP     "Microsoft.DataProtection/"
#define BV     DP "backupVaults/"
#define BI     BV "backupInstances/"
#define SECRET "Microsoft.KeyVault/vaults/secrets/"
#define STORE  "Microsoft.Storage/storageAccounts/"
#define BLOB   STORE "blobServices/containers/blobs/"

/* What everybody who works with backups sees around them. */
#define AROUND "Microsoft.Resources/subscriptions/read", "Microsoft.Resources/subscriptions/resourceGroups/read", \
               "Microsoft.Authorization/*/read"

const struct kg_role kg_roles[] = {
    { "4633458b-17de-408a-b874-0445c86b69e6", "Key Vault Secrets User", "Read the values of secrets", NULL, NULL,
      LIST(SECRET "getSecret/action", SECRET "readMetadata/action"), NULL },
    { "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "Storage Blob Data Reader", "Read and list containers and blobs",
      LIST(STORE "blobServices/containers/read"), NULL, LIST(BLOB "read"), NULL },
    { "a795c7a0-d4a2-40c1-ae25-d81f01202912", "Backup Reader", "See vaults, policies, backups and jobs",
      LIST(AROUND, DP "*/read", BI "findRestorableTimeRanges/action"), NULL, NULL, NULL },
    { "acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", "See all resources, change none", LIST("*/read"), NULL, NULL, NULL },
    { "00c29273-979b-4161-815c-10b084fb9324", "Backup Operator",
      "Back up and restore; not configure or remove backups, manage policies or create vaults",
      LIST(AROUND, DP "*/read", BI "findRestorableTimeRanges/action", BV "validateForBackup/action", BI "backup/action",
           BI "validateRestore/action", BI "restore/action", BI "rehydrate/action", BI "recoveryPoints/hold/action",
           BI "sync/action", BV "backupJobs/cancel/action", BV "backupJobs/retry/action",
           BV "check/action"), NULL, NULL, NULL },
    { "5e467623-bb1f-42f4-a55d-6e525e11384b", "Backup Contributor",
      "Manage backups, policies and vaults; not delete vaults, get recovery keys or give access to others",
      LIST(AROUND, DP "*"), LIST(BV "delete", BV "issueRecoveryKey/action", DP "resourceGuards/*"), NULL, NULL },
    { "b86a8fe4-44ce-4948-aee5-eccb2c155cd7", "Key Vault Secrets Officer", "Do anything with secrets, not with access to them",
      LIST(AROUND, "Microsoft.KeyVault/vaults/read"), NULL, LIST(SECRET "*"), NULL },
    { "ba92f5b4-2d11-453d-a403-e96b0029c9fe", "Storage Blob Data Contributor", "Read, write and delete containers and blobs",
      LIST(STORE "blobServices/containers/read", STORE "blobServices/containers/write",
           STORE "blobServices/containers/delete"), NULL,
      LIST(BLOB "read", BLOB "write", BLOB "delete", BLOB "add/action"), NULL },
    { "f54b6d04-23c6-443e-b462-9c16ab7b4a52", "Backup MUA Operator",
      "Do what a resource guard protects", LIST(DP "resourceGuards/read", DP "resourceGuards/*/read",
      DP "resourceGuards/*/action"), NULL, NULL, NULL },
    { "c2a970b4-16a7-4a51-8c84-8a8ea6ee0bb8", "Backup MUA Admin", "Create and delete resource guards",
      LIST(AROUND, DP "resourceGuards/*"), NULL, NULL, NULL },
    { "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator", "See all resources and give access to them",
      LIST("*/read", "Microsoft.Authorization/*"), NULL, NULL, NULL },
    { "b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor", "Manage all resources; not give access to others", LIST("*"),
      LIST("Microsoft.Authorization/*/write", "Microsoft.Authorization/*/delete"), NULL, NULL },
    { KG_ROLE_OWNER, "Owner", "Manage all resources and give access to them", LIST("*"), NULL, NULL, NULL },
};
const size_t kg_roles_count = KG_ARRAY_LEN(kg_roles);

/* Iterative, so that no pattern can make it slow: on a mismatch the last '*' takes one character more. */
bool kg_action_matches(const char *pattern, const char *action)
{
    const char *star = NULL, *retry = NULL;

    while (*action) {
        if (*pattern == '*') {
            star = pattern++;
            retry = action;
        } else if (strncasecmp(pattern, action, 1) == 0) {
            pattern++;
            action++;
        } else if (star) {
            pattern = star + 1;
            action = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool any_matches(const char *const *patterns, const char *action)
{
    for (; patterns && *patterns; patterns++)
        if (kg_action_matches(*patterns, action))
            return true;
    return false;
}

bool kg_role_allows(const struct kg_role *r, const char *action, bool is_data)
{
    return any_matches(is_data ? r->data_actions : r->actions, action) &&
           !any_matches(is_data ? r->not_data_actions : r->not_actions, action);
}

const struct kg_role *kg_role_find(const char *text)
{
    const char *type = strcasestr(text, "/roleDefinitions/");
    const char *id = type ? strrchr(text, '/') + 1 : text;

    for (size_t i = 0; i < kg_roles_count; i++)
        if (strcasecmp(kg_roles[i].id, id) == 0 || (!type && strcasecmp(kg_roles[i].name, text) == 0))
            return &kg_roles[i];
    return NULL;
}

static struct kg_json *list_json(const char *const *list)
{
    struct kg_json *a = kg_json_array();

    for (; list && *list; list++)
        kg_json_push_str(a, *list);
    return a;
}

struct kg_json *kg_role_json(const struct kg_role *r)
{
    KG_AUTO_FREE char *id = kg_xprintf("/providers/Microsoft.Authorization/roleDefinitions/%s", r->id);
    struct kg_json *j = kg_json_object(), *permission = kg_json_object(), *permissions = kg_json_array();
    struct kg_json *scopes = kg_json_array();

    kg_json_set(permission, "actions", list_json(r->actions));
    kg_json_set(permission, "notActions", list_json(r->not_actions));
    kg_json_set(permission, "dataActions", list_json(r->data_actions));
    kg_json_set(permission, "notDataActions", list_json(r->not_data_actions));
    kg_json_push(permissions, permission);
    kg_json_push_str(scopes, "/");
    kg_json_set_str(j, "id", id);
    kg_json_set_str(j, "name", r->id);
    kg_json_set_str(j, "type", "Microsoft.Authorization/roleDefinitions");
    kg_json_set_str(j, "properties.roleName", r->name);
    kg_json_set_str(j, "properties.type", "BuiltInRole");
    kg_json_set_str(j, "properties.description", r->description);
    kg_json_set(j, "properties.permissions", permissions);
    kg_json_set(j, "properties.assignableScopes", scopes);
    return j;
}
