#include "cli/columns.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "base/time.h"

static const struct kg_column subscription_cols[] = {
    { "Name", "displayName name", KG_COL_TEXT },
    { "SubscriptionId", "subscriptionId id", KG_COL_LAST_PART },
    { "State", "state", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column group_cols[] = {
    { "Name", "name", KG_COL_TEXT },
    { "Location", "location", KG_COL_TEXT },
    { "State", "properties.provisioningState", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column assignment_cols[] = {
    { "Principal", "principalName principalId", KG_COL_TEXT },
    { "Role", "roleDefinitionName", KG_COL_TEXT },
    { "Scope", "scope", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column definition_cols[] = {
    { "Name", "roleName", KG_COL_TEXT },
    { "Id", "name", KG_COL_TEXT },
    { "Description", "description", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column access_cols[] = {
    { "Principal", "principalName", KG_COL_TEXT },
    { "Allowed", "allowed", KG_COL_TEXT },
    { "Role", "roleDefinitionName", KG_COL_TEXT },
    { "AssignedAt", "roleAssignmentScope", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column audit_cols[] = {
    { "Seq", "seq", KG_COL_TEXT },
    { "Time", "time", KG_COL_TIME },
    { "Who", "principalName", KG_COL_TEXT },
    { "Status", "status", KG_COL_TEXT },
    { "Count", "count", KG_COL_TEXT },
    { "Action", "action", KG_COL_TEXT },
    { "Scope", "scope", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column server_cols[] = {
    { "Name", "name", KG_COL_TEXT },
    { "ResourceGroup", "resourceGroup", KG_COL_TEXT },
    { "Location", "location", KG_COL_TEXT },
    { "Host", "properties.fullyQualifiedDomainName", KG_COL_TEXT },
    { "Port", "properties.port", KG_COL_TEXT },
    { "SslMode", "properties.sslMode", KG_COL_TEXT },
    { "Access", "properties.allowAccess", KG_COL_TEXT },
    { "Version", "properties.version", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column keyvault_cols[] = {
    { "Name", "name", KG_COL_TEXT },
    { "ResourceGroup", "resourceGroup", KG_COL_TEXT },
    { "Location", "location", KG_COL_TEXT },
    { "VaultUri", "properties.vaultUri", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column secret_cols[] = {
    { "Name", "name", KG_COL_TEXT },
    { "Enabled", "properties.attributes.enabled", KG_COL_TEXT },
    { "Version", "properties.version", KG_COL_TEXT },
    { "Expires", "properties.attributes.expires", KG_COL_TIME },
    { "Updated", "properties.attributes.updated", KG_COL_TIME },
    { "ContentType", "properties.contentType", KG_COL_TEXT },
    { "SecretUri", "properties.secretUri", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column storage_cols[] = {
    { "Name", "name", KG_COL_TEXT },
    { "ResourceGroup", "resourceGroup", KG_COL_TEXT },
    { "Location", "location", KG_COL_TEXT },
    { "Path", "properties.path", KG_COL_TEXT },
    { "Endpoint", "properties.primaryEndpoints.blob", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column container_cols[] = {
    { "Name", "name", KG_COL_TEXT },
    { "Url", "properties.url", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column vault_cols[] = {
    { "Name", "name", KG_COL_TEXT },
    { "ResourceGroup", "resourceGroup", KG_COL_TEXT },
    { "Location", "location", KG_COL_TEXT },
    { "State", "properties.provisioningState", KG_COL_TEXT },
    { "Redundancy", "properties.storageSettings.0.type", KG_COL_TEXT },
    { "Path", "properties.storeSettings.path", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column usage_cols[] = {
    { "Name", "name", KG_COL_TEXT },
    { "RecoveryPoints", "properties.recoveryPoints", KG_COL_TEXT },
    { "Logical", "properties.logicalBytes", KG_COL_BYTES },
    { "SavedByDeduplication", "properties.savedByDeduplicationBytes", KG_COL_BYTES },
    { "SavedByCompression", "properties.savedByCompressionBytes", KG_COL_BYTES },
    { "Stored", "properties.storedBytes", KG_COL_BYTES },
    { "Unneeded", "properties.unneededBytes", KG_COL_BYTES },
    { "Measured", "properties.measuredTime", KG_COL_TIME },
    { 0 },
};
static const struct kg_column usage_part_cols[] = {
    { "Date", "date", KG_COL_TEXT },
    { "Instance", "friendlyName name", KG_COL_TEXT },
    { "Store", "dataStoreType", KG_COL_TEXT },
    { "RecoveryPoints", "recoveryPoints", KG_COL_TEXT },
    { "Logical", "logicalBytes", KG_COL_BYTES },
    { "SavedByDeduplication", "savedByDeduplicationBytes", KG_COL_BYTES },
    { "SavedByCompression", "savedByCompressionBytes", KG_COL_BYTES },
    { "Stored", "storedBytes neededStoredBytes", KG_COL_BYTES },
    { 0 },
};
static const struct kg_column policy_cols[] = {
    { "Name", "name", KG_COL_TEXT },
    { "ResourceGroup", "resourceGroup", KG_COL_TEXT },
    { "DatasourceType", "properties.datasourceTypes.0", KG_COL_TEXT },
    { "Schedule", "properties.policyRules.0.trigger.schedule.repeatingTimeIntervals "
                  "properties.policyRules.1.trigger.schedule.repeatingTimeIntervals", KG_COL_LIST },
    { 0 },
};
static const struct kg_column instance_cols[] = {
    { "Name", "name", KG_COL_TEXT },
    { "Datasource", "properties.friendlyName properties.dataSourceInfo.resourceName", KG_COL_TEXT },
    { "ProtectionState", "properties.currentProtectionState properties.protectionStatus.status", KG_COL_TEXT },
    { "Policy", "properties.policyInfo.policyId", KG_COL_LAST_PART },
    { "State", "properties.provisioningState", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column readiness_cols[] = {
    { "Server", "server", KG_COL_TEXT },
    { "Database", "database", KG_COL_TEXT },
    { "Outcome", "outcome", KG_COL_TEXT },
    { "Problem", "error.message", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column grant_cols[] = {
    { "ResourceType", "ResourceType", KG_COL_TEXT },
    { "Name", "Name", KG_COL_TEXT },
    { "Role", "Properties.roleDefinitionName", KG_COL_TEXT },
    { "Scope", "Properties.scope Properties.server", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column point_cols[] = {
    { "RecoveryPointId", "name", KG_COL_TEXT },
    { "Time", "properties.recoveryPointTime", KG_COL_TIME },
    { "Type", "properties.recoveryPointType", KG_COL_TEXT },
    { "Tag", "properties.retentionTagName", KG_COL_TEXT },
    { "Tier", "properties.retention.tier properties.recoveryPointDataStoresDetails.0.type", KG_COL_TEXT },
    { "Expires", "properties.retention.expires properties.expiryTime properties.recoveryPointDataStoresDetails.0.expiryTime",
      KG_COL_TIME },
    { "State", "properties.recoveryPointState", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column job_cols[] = {
    { "JobId", "name", KG_COL_TEXT },
    { "Operation", "properties.operation", KG_COL_TEXT },
    { "Status", "properties.status", KG_COL_TEXT },
    { "Instance", "properties.backupInstanceFriendlyName properties.dataSourceName", KG_COL_TEXT },
    { "Started", "properties.startTime", KG_COL_TIME },
    { "Duration", "properties.duration", KG_COL_DURATION },
    { "Transferred", "properties.extendedInfo.dataTransferredInBytes properties.extendedInfo.progress.bytesDone",
      KG_COL_BYTES },
    { "Error", "properties.errorDetails.0.code properties.extendedInfo.warningDetails.0.warning.code", KG_COL_TEXT },
    { "Message", "properties.errorDetails.0.message properties.extendedInfo.warningDetails.0.warning.message", KG_COL_TEXT },
    { 0 },
};
/* Rows of the resource graph: from many vaults. */
static const struct kg_column found_instance_cols[] = {
    { "Vault", "vaultName", KG_COL_TEXT },
    { "Name", "name", KG_COL_TEXT },
    { "Datasource", "properties.friendlyName properties.dataSourceInfo.resourceName", KG_COL_TEXT },
    { "ProtectionState", "protectionState", KG_COL_TEXT },
    { "Policy", "properties.policyInfo.policyId", KG_COL_LAST_PART },
    { 0 },
};
static const struct kg_column found_policy_cols[] = {
    { "Vault", "vaultName", KG_COL_TEXT },
    { "Name", "name", KG_COL_TEXT },
    { "ResourceGroup", "resourceGroup", KG_COL_TEXT },
    { "DatasourceType", "properties.datasourceTypes.0", KG_COL_TEXT },
    { "Instances", "properties.backupInstancesCount", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column found_job_cols[] = {
    { "Vault", "vaultName", KG_COL_TEXT },
    { "JobId", "name", KG_COL_TEXT },
    { "Operation", "operation", KG_COL_TEXT },
    { "Status", "status", KG_COL_TEXT },
    { "Instance", "properties.backupInstanceFriendlyName properties.dataSourceName", KG_COL_TEXT },
    { "Started", "properties.startTime", KG_COL_TIME },
    { "Duration", "properties.duration", KG_COL_DURATION },
    { "Error", "properties.errorDetails.0.code", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column database_cols[] = {
    { "Name", "name", KG_COL_TEXT },
    { "Bytes", "bytes", KG_COL_BYTES },
    { "Selectable", "selectable", KG_COL_TEXT },
    { "Reason", "reason", KG_COL_TEXT },
    { 0 },
};
static const struct kg_column held_cols[] = {
    { "Schema", "schema", KG_COL_TEXT },
    { "Name", "name", KG_COL_TEXT },
    { "Kind", "kind", KG_COL_TEXT },
    { "Rows", "rows", KG_COL_TEXT },
    { "Bytes", "bytes", KG_COL_BYTES },
    { 0 },
};
static const struct kg_column accepted_cols[] = {
    { "JobId", "jobId", KG_COL_LAST_PART },
    { 0 },
};
static const struct kg_column stored_point_cols[] = {
    { "Instance", "instance", KG_COL_TEXT },
    { "Point", "point", KG_COL_TEXT },
    { "Time", "time", KG_COL_TIME },
    { "Database", "database", KG_COL_TEXT },
    { "Server", "server", KG_COL_TEXT },
    { "Rows", "rows", KG_COL_TEXT },
    { "Bytes", "bytes", KG_COL_BYTES },
    { 0 },
};
static const struct kg_column damage_cols[] = {
    { "Healthy", "healthy", KG_COL_TEXT },
    { "Points", "points", KG_COL_TEXT },
    { "Objects", "objects", KG_COL_TEXT },
    { "Bytes", "bytes", KG_COL_BYTES },
    { "Chunks", "chunks", KG_COL_TEXT },
    { "DataRead", "readData", KG_COL_TEXT },
    { "UnreferencedBytes", "unreferencedBytes", KG_COL_BYTES },
    { 0 },
};
static const struct kg_column collected_cols[] = {
    { "Packs", "packs", KG_COL_TEXT },
    { "Bytes", "bytes", KG_COL_BYTES },
    { "Dead", "deadPacks", KG_COL_TEXT },
    { "DeadBytes", "deadBytes", KG_COL_BYTES },
    { "Sparse", "repackPacks", KG_COL_TEXT },
    { "SparseBytes", "repackBytes", KG_COL_BYTES },
    { "Deleted", "deletedPacks", KG_COL_TEXT },
    { "Freed", "freedBytes", KG_COL_BYTES },
    { "DryRun", "dryRun", KG_COL_TEXT },
    { "WaitingFor", "waitingFor.0.what", KG_COL_TEXT },
    { 0 },
};

/* By a resource's type (and a key, where two shapes have the same type: that one first), or, for what has none, by a key
 * that it has. */
static const struct {
    const char *type, *key;
    const struct kg_column *columns;
} shapes[] = {
    { "Microsoft.Resources/resourceGroups", NULL, group_cols },
    { "Microsoft.Resources/subscriptions/resourceGroups", NULL, group_cols },
    { "Microsoft.DBforPostgreSQL/servers", NULL, server_cols },
    { "Microsoft.DBforPostgreSQL/flexibleServers", NULL, server_cols },
    { "Microsoft.KeyVault/vaults", NULL, keyvault_cols },
    { "Microsoft.KeyVault/vaults/secrets", NULL, secret_cols },
    { "Microsoft.KeyVault/vaults/secrets/versions", NULL, secret_cols },
    { "Microsoft.Storage/storageAccounts", NULL, storage_cols },
    { "Microsoft.Storage/storageAccounts/blobServices/containers", NULL, container_cols },
    { "Microsoft.DataProtection/backupVaults", NULL, vault_cols },
    { "Microsoft.DataProtection/backupVaults/usage", NULL, usage_cols },
    { "Microsoft.DataProtection/backupVaults/backupPolicies", "vaultName", found_policy_cols },
    { "Microsoft.DataProtection/backupVaults/backupPolicies", NULL, policy_cols },
    { "Microsoft.DataProtection/backupVaults/backupInstances", "vaultName", found_instance_cols },
    { "Microsoft.DataProtection/backupVaults/backupInstances", NULL, instance_cols },
    { "Microsoft.DataProtection/backupVaults/backupInstances/recoveryPoints", NULL, point_cols },
    { "Microsoft.DataProtection/backupVaults/backupJobs", "vaultName", found_job_cols },
    { "Microsoft.DataProtection/backupVaults/backupJobs", NULL, job_cols },
    { "Microsoft.Authorization/roleAssignments", NULL, assignment_cols },
    { "Microsoft.Authorization/roleDefinitions", NULL, definition_cols },
    { NULL, "previousHash", audit_cols },
    { NULL, "neededStoredBytes", usage_part_cols },
    { NULL, "allowed", access_cols },
    { NULL, "subscriptionId", subscription_cols },
    { NULL, "selectable", database_cols },
    { NULL, "outcome", readiness_cols },
    { NULL, "ResourceType", grant_cols },
    { NULL, "schema", held_cols },
    { NULL, "jobId", accepted_cols },
    { NULL, "point", stored_point_cols },
    { NULL, "healthy", damage_cols },
    { NULL, "freedBytes", collected_cols },
};

const struct kg_column *kg_columns_for(const struct kg_json *item)
{
    const char *type = kg_json_str(item, "type");

    for (size_t i = 0; i < KG_ARRAY_LEN(shapes); i++)
        if ((shapes[i].type ? type && strcasecmp(type, shapes[i].type) == 0 : !type) &&
            (!shapes[i].key || kg_json_get(item, shapes[i].key)))
            return shapes[i].columns;
    return NULL;
}

/* What resources of all types have. */
static const struct kg_column resource_cols[] = {
    { "Name", "name", KG_COL_TEXT },
    { "ResourceGroup", "resourceGroup", KG_COL_TEXT },
    { "Location", "location", KG_COL_TEXT },
    { "Type", "type", KG_COL_TEXT },
    { 0 },
};

const struct kg_column *kg_columns_of_any(void) { return resource_cols; }

void kg_scalar_text(const struct kg_json *v, struct kg_buf *b)
{
    const char *s = kg_json_value_str(v);

    if (s)
        kg_buf_adds(b, s);
    else if (kg_json_type(v) != KG_JSON_NULL)
        kg_json_print(v, false, b);
}

static const struct kg_json *first_of(const struct kg_json *item, const char *paths)
{
    while (*paths) {
        size_t n = strcspn(paths, " ");
        KG_AUTO_FREE char *path = kg_xstrndup(paths, n);
        const struct kg_json *v = kg_json_get(item, path);

        if (kg_json_type(v) != KG_JSON_NULL)
            return v;
        paths += n + (paths[n] == ' ');
    }
    return NULL;
}

/* "2026-11-21T04:05:06.1234560Z" to "2026-11-21 04:05:06"; anything else as it is. */
static void add_time(const char *text, struct kg_buf *b)
{
    char plain[32];
    kg_usec when;

    if (!kg_time_parse_iso(text, &when)) {
        kg_buf_adds(b, text);
        return;
    }
    kg_time_iso_seconds(when, plain);
    kg_buf_addf(b, "%.10s %.8s", plain, plain + 11);
}

/* "PT1H2M3.0040000S" to "1h2m3s": without "PT" and fraction, in lower case. */
static void add_duration(const char *text, struct kg_buf *b)
{
    if (strncmp(text, "PT", 2) != 0) {
        kg_buf_adds(b, text);
        return;
    }
    for (const char *s = text + 2; *s; s++) {
        if (*s == '.')
            s += 1 + strspn(s + 1, "0123456789");
        if (!*s)
            break;
        kg_buf_addf(b, "%c", *s >= 'A' && *s <= 'Z' ? *s - 'A' + 'a' : *s);
    }
}

static void add_list(const struct kg_json *v, struct kg_buf *b)
{
    if (kg_json_type(v) != KG_JSON_ARRAY) {
        kg_scalar_text(v, b);
        return;
    }
    for (const struct kg_json *c = kg_json_first(v); c; c = kg_json_next(c)) {
        kg_scalar_text(c, b);
        if (kg_json_next(c))
            kg_buf_adds(b, ",");
    }
}

void kg_column_value(const struct kg_json *item, const struct kg_column *c, bool people, struct kg_buf *b)
{
    const struct kg_json *v = first_of(item, c->paths);
    const char *s = kg_json_value_str(v);
    char human[16];

    if (c->kind == KG_COL_LAST_PART && s)
        kg_buf_adds(b, strrchr(s, '/') ? strrchr(s, '/') + 1 : s);
    else if (c->kind == KG_COL_LIST)
        add_list(v, b);
    else if (people && c->kind == KG_COL_TIME && s)
        add_time(s, b);
    else if (people && c->kind == KG_COL_DURATION && s)
        add_duration(s, b);
    else if (people && c->kind == KG_COL_BYTES && kg_json_type(v) == KG_JSON_NUMBER)
        kg_buf_adds(b, kg_human_bytes(kg_json_u64(v, "", 0), human));
    else
        kg_scalar_text(v, b);
}
