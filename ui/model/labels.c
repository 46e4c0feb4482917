#include "model/labels.h"

#include <ctype.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/text.h"

static const struct { const char *name, *label; } labels[] = {
    /* operations of jobs */
    { "Check", "Check vault" }, { "Collect", "Give back space" }, { "DeleteBackupInstance", "Delete backup data" },
    { "Expire", "Delete expired" }, { "SyncBackupInstance", "Synchronize" }, { "OnDemandBackup", "Backup on demand" },
    /* states */
    { "CompletedWithWarnings", "With warnings" }, { "ProtectionStopped", "Protection stopped" },
    { "BackupSchedulesSuspended", "Backups suspended" }, { "RetentionSchedulesSuspended", "Retention suspended" },
    { "ConfiguringProtectionFailed", "Configuring failed" },
    /* what a vault is made of */
    { "VaultStore", "Vault tier" }, { "ArchiveStore", "Archive tier" }, { "VaultStandard", "Vault tier" },
    { "VaultArchive", "Archive tier" }, { "VaultArchiveRehydrated", "Rehydrated" }, { "LocallyRedundant", "Locally redundant" },
    { "SystemAssigned", "System assigned" },
    /* policies */
    { "FirstOfYear", "first of each year" }, { "FirstOfMonth", "first of each month" },
    { "FirstOfWeek", "first of each week" }, { "FirstOfDay", "first of each day" }, { "AllBackup", "every backup" },
    { "CopyOnExpiryOption", "on expiry" }, { "ImmediateCopyOption", "immediately" },
    /* datasource types, with the name that the commands have for them */
    { "Microsoft.DBforPostgreSQL/servers/databases", "PostgreSQL server (AzureDatabaseForPostgreSQL)" },
    { "Microsoft.DBforPostgreSQL/flexibleServers", "PostgreSQL flexible server (AzureDatabaseForPostgreSQLFlexibleServer)" },
    { "Microsoft.DBforPostgreSQL/flexibleServers/databases", "PostgreSQL flexible server (AzureDatabaseForPostgreSQLFlexibleServer)" },
    /* what lists are filtered by */
    { "statuses", "Status" }, { "status", "Status" },
    { "operations", "Operation" }, { "vaults", "Vault" }, { "datasourceIds", "Backup instance" },
    { "protectionStates", "Protection status" }, { "server", "Server" }, { "startTime", "From" }, { "endTime", "Until" },
    { "time", "Started" },
};

const char *ui_label_of(const char *name)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(labels); i++)
        if (strcasecmp(labels[i].name, name) == 0)
            return labels[i].label;
    return NULL;
}

/* "ProtectionConfigured" reads "Protection configured"; words in capitals stay as they are. */
void ui_label(const char *name, char *out, size_t n)
{
    const char *label = ui_label_of(name);
    size_t at = 0;

    if (label) {
        kg_text_copy(out, n, label);
        return;
    }
    for (const char *s = name; *s && at + 3 < n; s++) {
        bool begins = s > name && islower((unsigned char)s[-1]) && isupper((unsigned char)*s);

        if (begins)
            out[at++] = ' ';
        out[at++] = begins && islower((unsigned char)s[1]) ? (char)tolower((unsigned char)*s) : *s;
    }
    out[at] = '\0';
}
