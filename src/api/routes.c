/* The route table: the whole API. docs/api.md is written from it. */
#include "api/handlers.h"
#include "api/limits.h"
#include "base/alloc.h"
#include "model/id.h"

#define SUB        "/subscriptions/{subscription}"
#define RG         SUB "/resourceGroups/{group}"
#define PG         "/providers/" KG_NS_POSTGRESQL
#define KV         "/providers/" KG_NS_KEYVAULT "/vaults"
#define SA         "/providers/" KG_NS_STORAGE "/storageAccounts"
#define DP         "/providers/" KG_NS_BACKUP
#define VAULTS     DP "/backupVaults"
#define VAULT      RG VAULTS "/{vault}"
#define INSTANCE   VAULT "/backupInstances/{instance}"
#define DELETED    VAULT "/deletedBackupInstances"
#define SERVER     RG PG "/servers/{server}"
#define FLEXIBLE   RG PG "/flexibleServers/{server}"
#define KEYVAULT   RG KV "/{keyvault}"
#define ACCOUNT    RG SA "/{account}"
#define CONTAINERS ACCOUNT "/blobServices/default/containers"
#define LOCATION   SUB DP "/locations/{location}"
#define AUTH       "/providers/" KG_NS_AUTHORIZATION
#define SERVICE    "/providers/Microsoft.KeepGres/service"

#define A_SUB  "Microsoft.Resources/subscriptions/"
#define A_PG   KG_NS_POSTGRESQL "/servers/"
#define A_FLEX KG_NS_POSTGRESQL "/flexibleServers/"
#define A_KV   KG_NS_KEYVAULT "/vaults/"
#define A_SA   KG_NS_STORAGE "/storageAccounts/"
#define A_BV   KG_NS_BACKUP "/backupVaults/"
#define A_BI   A_BV "backupInstances/"
#define A_AUTH KG_NS_AUTHORIZATION "/"
#define A_KG   "Microsoft.KeepGres/service/"

#define GET_(path, action, handler, summary, answer) \
    { "GET", path, action, KG_API_BODY_NONE, 0, kg_res_##handler, summary, NULL, answer }
#define PUT_(path, action, handler, summary, body, answer) \
    { "PUT", path, action, KG_API_BODY_MAX, 0, kg_res_##handler, summary, body, answer }
/* A list of which everybody gets the part that they may see. */
#define LIST_(path, action, handler, summary, answer) \
    { "GET", path, action, KG_API_BODY_NONE, KG_ROUTE_LIST, kg_res_##handler, summary, NULL, answer }
#define SEARCH_(path, action, handler, summary, body, answer) \
    { "POST", path, action, KG_API_BODY_MAX, KG_ROUTE_LIST, kg_res_##handler, summary, body, answer }
/* What the caller began, or may look at in any case. */
#define OWN_(path, action, handler, summary, answer) \
    { "GET", path, action, KG_API_BODY_NONE, KG_ROUTE_OWN, kg_res_##handler, summary, NULL, answer }
/* Secrets: actions on data. */
#define DATA_(method, path, action, max, flags, handler, summary, body, answer) \
    { method, path, A_KV "secrets/" action, max, KG_ROUTE_DATA | (flags), kg_res_##handler, summary, body, answer }
#define DEL_(path, action, handler, summary, answer) \
    { "DELETE", path, action, KG_API_BODY_NONE, 0, kg_res_##handler, summary, NULL, answer }
#define ACT_(path, action, handler, summary, body, answer) \
    { "POST", path, action, KG_API_BODY_MAX, 0, kg_res_##handler, summary, body, answer }
/* About up to 500 backup instances. */
#define ACT_MANY_(path, action, handler, summary, body, answer) \
    { "POST", path, action, KG_API_BODY_MANY, 0, kg_res_##handler, summary, body, answer }

#define B_SERVER   "{location?, tags?, properties: {fullyQualifiedDomainName, port?, sslMode?, allowAccess?}}"
#define B_REHYDRATE_POINT "{rehydrationPriority?: Standard|High, rehydrationRetentionDuration?: P10D to P30D}"
#define B_REHYDRATE "{recoveryPointId, rehydrationPriority?: Standard|High, rehydrationRetentionDuration?: P10D to P30D}"
#define B_LOGIN    "{secretUri, database?}"
#define B_KEYVAULT "{location?, tags?, properties?: {provider?, vaultUri?, credential?, enableRbacAuthorization?, accessPolicies?, " \
                   "networkAcls?, publicNetworkAccess?}}"
#define B_POLICIES "{properties: {accessPolicies: [{objectId, permissions: {secrets: […]}}]}}"
#define B_SECRET   "{properties: {value, contentType?, attributes?: {enabled?, notBefore?, expires?}}}"
#define B_ATTRS    "{properties: {contentType?, attributes?: {enabled?, notBefore?, expires?}}}"
#define B_ACCOUNT  "{location?, tags?, properties: {path}}"
#define B_VAULT    "{location?, tags?, identity?, properties: {storageSettings, storeSettings?: {path?, archivePath?}, …}}"
#define B_VAULT_PATCH "{tags?, identity?, properties?: {monitoringSettings?, securitySettings?, featureSettings?}}"
#define B_SEARCH_BI "{resourceGroups?, vaults?, datasourceTypes?, protectionStates?, datasourceIds?, ids?, names?}"
#define B_SEARCH_JOB "{resourceGroups?, vaults?, datasourceTypes?, operations?, statuses?, datasourceIds?, backupInstanceIds?, " \
    "startTime?, endTime?, includeUnfinished?}"
#define B_ASSIGNMENT "{properties: {roleDefinitionId, principalId? | assignee?}}"
#define B_POLICY   "{properties: BackupPolicy}"
#define B_PREVIEW  "{until?, at?: [date], backupInstanceId? | backupInstanceName?, policy?: BackupPolicy}"
#define B_INSTANCE "{tags?, properties: BackupInstance}"
#define B_SYNC     "{syncType?: Default|ForceResync}"
#define B_HOLD     "{reason?, until?: time}"
#define B_BACKUP   "{backupRuleOptions: {ruleName, triggerOption: {retentionTagOverride?}}}"
#define B_RESTORE  "AzureBackupRecoveryPointBasedRestoreRequest or AzureBackupRestoreWithRehydrationRequest"

const struct kg_route kg_routes[] = {
    /* subscriptions and resource groups */
    LIST_("/subscriptions", A_SUB "read", subscriptions_list, "List subscriptions", "200 list"),
    LIST_(SUB, A_SUB "read", subscription_get, "Show a subscription", "200 subscription"),
    LIST_(SUB "/resourceGroups", A_SUB "resourceGroups/read", groups_list, "List resource groups", "200 list"),
    LIST_(RG, A_SUB "resourceGroups/read", group_get, "Show a resource group", "200 resource group"),
    PUT_(RG, A_SUB "resourceGroups/write", group_put, "Create or update a resource group", "{location?, tags?}",
         "200, 201 resource group"),
    DEL_(RG, A_SUB "resourceGroups/delete", group_delete, "Delete a resource group that is empty", "200, 204"),

    LIST_(SUB "/resources", A_SUB "read", resources_list,
          "List all resources: servers, flexible servers, key vaults, storage accounts, Backup vaults; $filter: resourceType, "
          "resourceGroup, name and location with eq and ne, substringof('…', name), startswith(name, '…'), and, or, parentheses; "
          "extension: with properties", "200 list"),
    LIST_(RG "/resources", A_SUB "resourceGroups/read", resources_list, "List all resources of a resource group; the same $filter",
          "200 list"),

    /* PostgreSQL servers */
    LIST_(SUB PG "/servers", A_PG "read", servers_list, "List servers of a subscription", "200 list"),
    LIST_(RG PG "/servers", A_PG "read", servers_list, "List servers of a resource group", "200 list"),
    GET_(SERVER, A_PG "read", server_get, "Show a server", "200 server"),
    PUT_(SERVER, A_PG "write", server_put, "Register a server", B_SERVER, "200, 201 server"),
    DEL_(SERVER, A_PG "delete", server_delete, "Forget a server that protects nothing", "200, 204"),
    ACT_(SERVER "/testConnection", A_PG "testConnection/action", server_test, "Log in and tell about the server", B_LOGIN,
         "202, then 200 {version, …}"),
    ACT_(SERVER "/listDatabases", A_PG "databases/read", server_databases, "List the databases on the server", B_LOGIN,
         "202, then 200 list"),
    LIST_(SUB PG "/flexibleServers", A_FLEX "read", servers_list, "List flexible servers of a subscription", "200 list"),
    LIST_(RG PG "/flexibleServers", A_FLEX "read", servers_list, "List flexible servers of a resource group", "200 list"),
    GET_(FLEXIBLE, A_FLEX "read", server_get, "Show a flexible server", "200 server"),
    PUT_(FLEXIBLE, A_FLEX "write", server_put, "Register a flexible server", B_SERVER, "200, 201 server"),
    DEL_(FLEXIBLE, A_FLEX "delete", server_delete, "Forget a flexible server that protects nothing", "200, 204"),
    ACT_(FLEXIBLE "/testConnection", A_FLEX "testConnection/action", server_test, "Log in and tell about the server",
         B_LOGIN, "202, then 200 {version, …}"),
    ACT_(FLEXIBLE "/listDatabases", A_FLEX "databases/read", server_databases, "List the databases on the server", B_LOGIN,
         "202, then 200 list"),

    /* key vaults */
    LIST_(SUB KV, A_KV "read", keyvaults_list, "List key vaults of a subscription", "200 list"),
    LIST_(RG KV, A_KV "read", keyvaults_list, "List key vaults of a resource group", "200 list"),
    GET_(KEYVAULT, A_KV "read", keyvault_get, "Show a key vault", "200 key vault"),
    { "PUT", KEYVAULT, A_KV "write", KG_API_BODY_MAX, KG_ROUTE_SECRET, kg_res_keyvault_put,
      "Create or update a key vault: a local one, or one in Azure", B_KEYVAULT, "200, 201 key vault" },
    { "PATCH", KEYVAULT, A_KV "write", KG_API_BODY_MAX, KG_ROUTE_SECRET, kg_res_keyvault_patch,
      "Change tags and properties of a key vault", B_KEYVAULT, "200 key vault" },
    PUT_(KEYVAULT "/accessPolicies/{kind}", A_KV "accessPolicies/write", keyvault_policies,
         "Add, replace or remove access policies of a key vault", B_POLICIES, "200 key vault"),
    DEL_(KEYVAULT, A_KV "delete", keyvault_delete, "Delete a key vault; with ?force=true its secrets, too", "200, 204"),
    DATA_("GET", KEYVAULT "/secrets", "readMetadata/action", KG_API_BODY_NONE, 0, secrets_list,
          "List secrets, never their values", NULL, "200 list; in Azure 202, then 200 list"),
    DATA_("GET", KEYVAULT "/secrets/{secret}", "readMetadata/action", KG_API_BODY_NONE, 0, secret_get,
          "Show a secret, never its value", NULL, "200 secret; in Azure 202, then 200 secret"),
    DATA_("GET", KEYVAULT "/secrets/{secret}/versions", "readMetadata/action", KG_API_BODY_NONE, 0, secret_versions,
          "List the versions of a secret, newest first", NULL, "200 list; in Azure 202, then 200 list"),
    DATA_("GET", KEYVAULT "/secrets/{secret}/{version}", "readMetadata/action", KG_API_BODY_NONE, 0, secret_get,
          "Show one version of a secret", NULL, "200 secret"),
    DATA_("PUT", KEYVAULT "/secrets/{secret}", "setSecret/action", KG_API_BODY_SECRET, KG_ROUTE_SECRET, secret_put,
          "Store a new version of a secret", B_SECRET, "201 secret; in Azure 202, then 200 secret"),
    DATA_("PATCH", KEYVAULT "/secrets/{secret}", "update/action", KG_API_BODY_MAX, 0, secret_patch,
          "Change the attributes of a secret's newest version", B_ATTRS, "200 secret; in Azure 202, then 200 secret"),
    DATA_("PATCH", KEYVAULT "/secrets/{secret}/{version}", "update/action", KG_API_BODY_MAX, 0, secret_patch,
          "Change the attributes of a version", B_ATTRS, "200 secret; in Azure 202, then 200 secret"),
    DATA_("DELETE", KEYVAULT "/secrets/{secret}", "delete", KG_API_BODY_NONE, 0, secret_delete,
          "Delete all versions of a secret", NULL, "200, 204; in Azure 202"),

    /* storage accounts */
    LIST_(SUB SA, A_SA "read", accounts_list, "List storage accounts of a subscription", "200 list"),
    LIST_(RG SA, A_SA "read", accounts_list, "List storage accounts of a resource group", "200 list"),
    GET_(ACCOUNT, A_SA "read", account_get, "Show a storage account", "200 storage account"),
    PUT_(ACCOUNT, A_SA "write", account_put, "Create or update a storage account", B_ACCOUNT, "200, 201 storage account"),
    DEL_(ACCOUNT, A_SA "delete", account_delete, "Forget a storage account without containers; files stay", "200, 204"),
    LIST_(CONTAINERS, A_SA "blobServices/containers/read", containers_list, "List containers", "200 list"),
    GET_(CONTAINERS "/{container}", A_SA "blobServices/containers/read", container_get, "Show a container",
         "200 container"),
    PUT_(CONTAINERS "/{container}", A_SA "blobServices/containers/write", container_put, "Create a container", "{}",
         "200, 201 container"),
    DEL_(CONTAINERS "/{container}", A_SA "blobServices/containers/delete", container_delete,
         "Forget a container; its files stay", "200, 204"),

    /* Backup vaults */
    LIST_(SUB VAULTS, A_BV "read", vaults_list, "List Backup vaults of a subscription", "200 list"),
    LIST_(RG VAULTS, A_BV "read", vaults_list, "List Backup vaults of a resource group", "200 list"),
    GET_(VAULT, A_BV "read", vault_get, "Show a Backup vault", "200 Backup vault"),
    PUT_(VAULT, A_BV "write", vault_put, "Create or update a Backup vault", B_VAULT,
         "201 or 200 Backup vault; the operation's result has recoveryKey, once"),
    SEARCH_(SUB DP "/searchBackupVaults", A_BV "read", search_vaults,
         "Extension: Backup vaults of all groups, as rows of the resource graph", "{resourceGroups?, vaults?, ids?}",
         "200 list of rows"),
    DEL_(VAULT, A_BV "delete", vault_delete, "Delete a Backup vault without instances and policies; its store stays on disk",
         "200, 204"),
    { "PATCH", VAULT, A_BV "write", KG_API_BODY_MAX, 0, kg_res_vault_patch,
      "Change tags, identity and settings of a Backup vault", B_VAULT_PATCH, "200 Backup vault" },
    ACT_(VAULT "/validateForBackup", A_BV "validateForBackup/action", validate_for_backup,
         "Would configuring this backup work?", "{backupInstance: BackupInstance, backupInstanceName?}",
         "202, then 200 {outcome, checks, facts}; a failed operation's details are the checks that failed"),
    ACT_MANY_(VAULT "/validateForBackupBatch", A_BV "validateForBackup/action", validate_many,
         "Extension: the same for up to 500 databases, failed ones, too", "{backupInstances: [{backupInstanceName?, properties}]}",
         "202, then 200 list of {name, outcome, checks, missing}"),
    ACT_MANY_(VAULT "/assignMissingRoles", A_BV "validateForBackup/action", assign_missing,
         "Extension: grant the vault's identity what it needs; with whatIf only tell",
         "{backupInstance | backupInstances, keyVaultId?, scope?: Resource|ResourceGroup|Subscription, whatIf?} or "
         "{operation: Restore, storageAccountId, scope?, whatIf?}", "200 list of {ResourceType, Name, Properties}"),
    ACT_MANY_(VAULT "/roleAssignmentTemplate", A_BV "validateForBackup/action", role_template,
         "Extension: the same as an ARM deployment template for somebody who may assign roles",
         "as assignMissingRoles", "200 template"),
    ACT_(VAULT "/grantScript", A_BV "validateForBackup/action", grant_script,
         "Extension: a script that grants the backup user what it lacks in the database",
         "{backupInstance, language?: bash|powershell|sql}", "202, then 200 {language, script}"),
    ACT_(VAULT "/issueRecoveryKey", A_BV "issueRecoveryKey/action", vault_recovery_key,
         "Extension: make another recovery key for the vault", NULL, "202, then 200 {recoveryKey}, once"),
    ACT_(VAULT "/check", A_BV "check/action", vault_check,
         "Extension: check the vault's structure, with readData every byte", "{readData?}", "202, a job, then 200 report"),
    ACT_(VAULT "/collect", A_BV "collect/action", vault_collect,
         "Extension: give back the space of what no recovery point needs, with dryRun only tell; takeOver: wait for no "
         "other machine, they will not come back", "{dryRun?, takeOver?}", "202, a job, then 200 report"),

    GET_(VAULT "/usage", A_BV "read", vault_usage,
         "Extension: what the vault holds and takes up, by instance and by day; what deduplication and compression save",
         "200 {properties: {measuredTime, logicalBytes, uniqueBytes, storedBytes, neededStoredBytes, unneededBytes, "
         "savedByDeduplicationBytes, savedByCompressionBytes, tiers, instances, history}}"),
    LIST_(SUB DP "/backupCenter", A_BV "read", backup_center,
          "Extension: all backups at a glance, as far as the caller may see them; days are UTC, a job belongs to the day it began on",
          "200 {instances: {total, protected, stopped, softDeleted, attentionCount, attention: [{id, friendlyName, reason, code}]}, "
          "jobs: {last24h: {Completed, CompletedWithWarnings, Failed, InProgress, Cancelled}, days: [{date, completed, warnings, failed, "
          "cancelled}]}, usage: {VaultStore: {logicalBytes, storedBytes, savedByDeduplicationBytes, savedByCompressionBytes}, "
          "ArchiveStore}, storedPerDay: [{date, bytes}], nextBackups: [{time, id, friendlyName, policyName}], vaults, policies, servers, "
          "keyVaults, keyVaultsWithSecrets, keyVaultWithoutSecret, warnings: [{code, message, recommendedAction}]}; attention has 20 "
          "rows, or $top"),
    LIST_(SUB DP "/backupVaultUsage", A_BV "read", vaults_usage, "Extension: the same of all vaults, without instances and history",
          "200 list"),

    /* backup policies */
    LIST_(VAULT "/backupPolicies", A_BV "backupPolicies/read", policies_list, "List backup policies", "200 list"),
    GET_(VAULT "/backupPolicies/{policy}", A_BV "backupPolicies/read", policy_get, "Show a backup policy",
         "200 backup policy"),
    PUT_(VAULT "/backupPolicies/{policy}", A_BV "backupPolicies/write", policy_put, "Create or replace a backup policy",
         B_POLICY, "200 backup policy"),
    DEL_(VAULT "/backupPolicies/{policy}", A_BV "backupPolicies/delete", policy_delete,
         "Delete a backup policy that no instance uses", "200, 204"),
    ACT_(VAULT "/backupPolicies/{policy}/preview", A_BV "backupPolicies/read", policy_preview,
         "Extension: which recovery points there will be on each date of the coming years; $top bounds points, which begin "
         "with the oldest", B_PREVIEW, "200 {startTime, until, timeZone, schedule, pointCount, points, counts, cut}"),
    SEARCH_(SUB DP "/searchBackupPolicies", A_BV "backupPolicies/read", search_policies,
            "Extension: backup policies of all vaults, as rows of the resource graph, each with properties.backupInstancesCount, the "
            "backup instances that have it", "{resourceGroups?, vaults?, names?, ids?}", "200 list of rows"),

    /* backup instances */
    LIST_(VAULT "/backupInstances", A_BI "read", instances_list,
          "List backup instances; extension: what is told of one", "200 list"),
    GET_(INSTANCE, A_BI "read", instance_get, "Show a backup instance; extension: properties.{lastBackup: {status, jobId, "
         "startTime, endTime}, latestRecoveryPoint: {recoveryPointId, recoveryPointTime}, nextBackupTime}, each null when there is "
         "none", "200 backup instance"),
    PUT_(INSTANCE, A_BI "write", instance_put, "Configure backup of a database", B_INSTANCE, "201 or 200 backup instance"),
    DEL_(INSTANCE, A_BI "delete", instance_delete,
         "Delete a backup instance and its recovery points; with soft delete it can come back for a while", "200, 202, 204"),
    ACT_(INSTANCE "/backup", A_BI "backup/action", backup, "Back up now", B_BACKUP, "202, then 200 {jobId}"),
    ACT_(INSTANCE "/restore", A_BI "restore/action", restore,
         "Restore as database or as files; restoreTargetInfo.{schemas, tables, readBack, allowDamaged, roles (report, skip, create, map), "
         "roleMap, rolePasswords, noOwner, noPrivileges} are extensions", B_RESTORE,
         "202, then 200 {jobId}"),
    ACT_(INSTANCE "/rehydrate", A_BI "rehydrate/action", rehydrate,
         "Bring a recovery point back from the archive for some days", B_REHYDRATE,
         "202, then 200 {jobId}; 204 when it is there or on its way: it stays for as long as was asked for last"),
    ACT_(INSTANCE "/validateRestore", A_BI "validateRestore/action", validate_restore, "Would this restore work?",
         "{restoreRequestObject: …}", "202, then 200"),

    ACT_(INSTANCE "/validateForModifyBackup", A_BI "validateForModifyBackup/action", validate_for_backup,
         "Would changing this backup instance work?", "{backupInstance: BackupInstance}", "202, then 200 {version, …}"),
    SEARCH_(SUB DP "/searchBackupInstances", A_BI "read", search_instances,
         "Extension: backup instances of all vaults, as rows of the resource graph", B_SEARCH_BI, "200 list of rows"),
    ACT_(INSTANCE "/stopProtection", A_BI "stopProtection/action", protection_action,
         "Stop backups and keep all recovery points", NULL, "200"),
    ACT_(INSTANCE "/suspendBackups", A_BI "suspendBackups/action", protection_action,
         "Stop backups and keep recovery points as the policy says, the newest for ever", NULL, "200"),
    ACT_(INSTANCE "/resumeProtection", A_BI "resumeProtection/action", protection_action,
         "Back up again what was stopped or suspended", NULL, "200"),
    ACT_(INSTANCE "/resumeBackups", A_BI "resumeBackups/action", protection_action, "Back up again what was suspended",
         NULL, "200"),
    ACT_(INSTANCE "/previewPolicyChange", A_BI "read", policy_change,
         "Extension: what another policy of the vault would mean for the instance and its recovery points", "{policyId}",
         "200 {existing: {recoveryPoints, byRule, firstLeaves, lastLeaves, …}, newRules, nextBackupTime, …}"),
    ACT_(INSTANCE "/sync", A_BI "sync/action", instance_sync,
         "Make what the service knows of an instance agree with its vault; look at its database again when it is in error, or with "
         "ForceResync", B_SYNC, "202, then 200 {adopted, lost, found, unreadable, …}"),
    GET_(DELETED, A_BV "deletedBackupInstances/read", deleted_list,
         "List deleted backup instances that can come back", "200 list"),
    GET_(DELETED "/{instance}", A_BV "deletedBackupInstances/read", deleted_get, "Show a deleted backup instance",
         "200 deleted backup instance"),
    ACT_(DELETED "/{instance}/undelete", A_BV "deletedBackupInstances/undelete/action", undelete,
         "Bring a deleted backup instance back, with its protection stopped", NULL, "200"),
    ACT_(INSTANCE "/findRestorableTimeRanges", A_BI "findRestorableTimeRanges/action", restorable_ranges,
         "Times that can be restored to: none, as there are recovery points only",
         "{sourceDataStoreType, startTime?, endTime?}", "200 {properties: {restorableTimeRanges: []}}"),

    /* recovery points */
    GET_(INSTANCE "/recoveryPoints", A_BI "recoveryPoints/read", points_list,
         "List recovery points, newest first; $filter: startDate eq '…' and endDate eq '…'", "200 list"),
    GET_(INSTANCE "/recoveryPoints/{point}", A_BI "recoveryPoints/read", point_get,
         "Show a recovery point; extension: with $expand=contents the schemas and tables in it, with rows and bytes",
         "200 recovery point; with $expand 202, then 200 recovery point with properties.contents"),
    ACT_(INSTANCE "/recoveryPoints/{point}/listContents", A_BI "recoveryPoints/read", point_contents,
         "Extension: the tables in a recovery point, as its manifest has them; omitted: what was too much for one answer",
         "{schema?}", "202, then 200 {value: [{schema, name, kind, rows, bytes}], omitted, largeObjects: {count, bytes}, roles}"),
    ACT_(INSTANCE "/recoveryPoints/{point}/hold", A_BI "recoveryPoints/hold/action", point_hold,
         "Extension: keep a recovery point whatever its rule says, until it is released or the time comes", B_HOLD,
         "200 recovery point"),
    ACT_(INSTANCE "/recoveryPoints/{point}/release", A_BI "recoveryPoints/release/action", point_release,
         "Extension: let a held recovery point leave again as its rule says", NULL, "200 recovery point"),

    ACT_(INSTANCE "/recoveryPoints/{point}/rehydrate", A_BI "rehydrate/action", rehydrate,
         "Extension: the same as the instance's rehydrate, of this point", B_REHYDRATE_POINT, "202, then 200 {jobId}; 204"),

    /* jobs */
    SEARCH_(SUB DP "/searchBackupJobs", A_BV "backupJobs/read", search_jobs,
         "Extension: jobs of all vaults, newest first, as rows of the resource graph; with includeUnfinished those that have not ended "
         "stand first, whenever they began", B_SEARCH_JOB, "200 list of rows"),
    GET_(VAULT "/backupJobs", A_BV "backupJobs/read", jobs_list,
         "List jobs, newest first; $filter: status, operation and backupInstanceId eq '…', startTime ge and lt '…'; extension: "
         "without startTime those of the last seven days, and those that have not ended", "200 list"),
    GET_(VAULT "/backupJobs/{job}", A_BV "backupJobs/read", job_get, "Show a job", "200 job"),
    ACT_(VAULT "/backupJobs/{job}/cancel", A_BV "backupJobs/cancel/action", job_cancel,
         "Extension: ask a job to stop", NULL, "202"),
    ACT_(VAULT "/backupJobs/{job}/retry", A_BV "backupJobs/retry/action", job_retry,
         "Extension: ask once more for what a job that failed, was cancelled or has warnings was asked for; needs the permission "
         "for that, too", NULL, "202 {jobId}"),
    GET_(VAULT "/backupJobs/{job}/tables", A_BV "backupJobs/read", job_tables,
         "Extension: the tables of a backup or restore: those in work first, then those done, biggest first; of a job that has "
         "ended the 500 biggest", "200 list of {id, schema, name, state, step, bytesDone, bytesTotal?, rows, seconds}"),
    GET_(VAULT "/backupJobs/{job}/log", A_BV "backupJobs/read", job_log, "Extension: what a job said while it ran",
         "200 list of {line, time, text}"),

    /* operations */
    OWN_(LOCATION "/operationStatus/{operation}", KG_NS_BACKUP "/locations/operationStatus/read", operation_status,
         "State of an operation", "200 {status, startTime, endTime, properties?, error?}"),
    OWN_(LOCATION "/operationResults/{operation}", KG_NS_BACKUP "/locations/operationResults/read", operation_result,
         "Result of an operation", "202 while it runs, then 200"),
    OWN_(RG DP "/operationStatus/{operation}", KG_NS_BACKUP "/locations/operationStatus/read", operation_status,
         "State of an operation", "200"),
    OWN_(VAULT "/operationStatus/{operation}", A_BV "operationStatus/read", operation_status, "State of an operation",
         "200"),
    OWN_(VAULT "/operationResults/{operation}", A_BV "operationResults/read", operation_result, "Result of an operation",
         "202 while it runs, then 200"),
    OWN_(INSTANCE "/operationResults/{operation}", A_BI "operationResults/read", operation_result,
         "Result of an operation", "202 while it runs, then 200"),
    GET_(DP "/operations", KG_NS_BACKUP "/operations/read", provider_operations, "List the actions that roles can allow",
         "200 list"),

    /* access control: behind the id of any resource, or of none */
    GET_(AUTH "/roleAssignments", A_AUTH "roleAssignments/read", assignments_list,
         "List role assignments at the scope, above and below it; $filter: principalId eq '…' and roleDefinitionId eq '…'", "200 list"),
    GET_(AUTH "/roleAssignments/{assignment}", A_AUTH "roleAssignments/read", assignment_get, "Show a role assignment",
         "200 role assignment"),
    PUT_(AUTH "/roleAssignments/{assignment}", A_AUTH "roleAssignments/write", assignment_put,
         "Assign a role at the scope; extension: assignee, a user's name or uid, a vault's name or id", B_ASSIGNMENT,
         "200, 201 role assignment"),
    DEL_(AUTH "/roleAssignments/{assignment}", A_AUTH "roleAssignments/delete", assignment_delete, "Take a role back",
         "200 role assignment, 204"),
    GET_(AUTH "/roleDefinitions", A_AUTH "roleDefinitions/read", definitions_list,
         "List the roles there are; $filter: roleName eq '…'", "200 list"),
    GET_(AUTH "/roleDefinitions/{definition}", A_AUTH "roleDefinitions/read", definition_get, "Show a role",
         "200 role definition"),
    ACT_(AUTH "/checkAccess", A_AUTH "roleAssignments/read", check_access,
         "Extension: may somebody do an action at the scope, and through which assignment?",
         "{action, isDataAction?, assignee? | principalId?}", "200 {allowed, role?, roleAssignmentId?, scope?, principalId}"),

    /* the service */
    GET_(SERVICE "/audit", A_KG "audit/read", audit_list,
         "Extension: who changed what and who was refused, newest first; with $orderby=seq asc oldest first; $filter: principalId "
         "eq '…'", "200 list"),
    GET_(SERVICE, A_KG "read", service_get, "Extension: about the running service, and who asks",
         "200 {version, …, caller: {principalName, principalId, isOwner}}"),
    ACT_(SERVICE "/confirmClock", A_KG "confirmClock/action", service_confirm_clock,
         "Extension: the service's clock is right, though more time has passed than it would believe: deleting goes on", "{}",
         "200, as GET of the service"),
    { "POST", SERVICE "/stop", A_KG "stop/action", KG_API_BODY_NONE, KG_ROUTE_OPEN_STOPPING, kg_res_service_stop,
      "Extension: stop the service when its jobs have ended (drain) or at once (now)", "{mode: \"drain\"|\"now\"}", "202" },
};
const size_t kg_routes_count = KG_ARRAY_LEN(kg_routes);
