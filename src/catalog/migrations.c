/* The schema as a chain of numbered steps; a file is at the step that its user_version names. Append only: a step that
 * was released is never edited, because files exist that have taken it.
 *
 * Conventions: keys are ARM IDs in lower case; times are microseconds since 1970; NOCASE where callers may spell as
 * they please. Columns that filters read stand before the document, so that a filter does not read a document's pages.
 */
#include "catalog/migrations.h"

const char *const kg_migrations[] = {
    /* 1: resources, secrets, jobs, operations, recovery points, values */
    "CREATE TABLE resources ("
    " key TEXT NOT NULL PRIMARY KEY,"
    " type TEXT NOT NULL COLLATE NOCASE,"
    " parent TEXT REFERENCES resources(key),"
    " name TEXT NOT NULL COLLATE NOCASE,"
    " id TEXT NOT NULL,"
    " location TEXT,"
    " revision INTEGER NOT NULL,"
    " created INTEGER NOT NULL,"
    " updated INTEGER NOT NULL,"
    " json TEXT NOT NULL);"
    "CREATE INDEX resources_type ON resources(type, key);"
    "CREATE INDEX resources_parent ON resources(parent, key);"

    "CREATE TABLE secrets ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " keyvault TEXT NOT NULL," /* a key; which resource it is, is the service's to know */
    " keyvault_id TEXT NOT NULL,"
    " name TEXT NOT NULL COLLATE NOCASE,"
    " version TEXT NOT NULL COLLATE NOCASE,"
    " enabled INTEGER NOT NULL,"
    " content_type TEXT,"
    " created INTEGER NOT NULL,"
    " updated INTEGER NOT NULL,"
    " sealed BLOB NOT NULL,"
    " UNIQUE (keyvault, name, version));"
    "CREATE INDEX secrets_newest ON secrets(keyvault, name, seq);"

    "CREATE TABLE jobs ("
    " id TEXT NOT NULL PRIMARY KEY COLLATE NOCASE,"
    " vault TEXT NOT NULL,"
    " instance TEXT,"
    " operation TEXT NOT NULL COLLATE NOCASE,"
    " status TEXT NOT NULL COLLATE NOCASE,"
    " start INTEGER NOT NULL,"
    " end INTEGER NOT NULL,"
    " vault_id TEXT NOT NULL,"
    " instance_id TEXT,"
    " json TEXT NOT NULL);"
    "CREATE INDEX jobs_start ON jobs(start, id);"
    "CREATE INDEX jobs_vault ON jobs(vault, start, id);"
    "CREATE INDEX jobs_vault_status ON jobs(vault, status, start, id);"
    "CREATE INDEX jobs_instance ON jobs(instance, start, id) WHERE instance IS NOT NULL;"
    "CREATE INDEX jobs_unfinished ON jobs(start, id) WHERE end = 0;"
    "CREATE INDEX jobs_end ON jobs(end);"

    "CREATE TABLE job_log ("
    " job TEXT NOT NULL COLLATE NOCASE REFERENCES jobs(id) ON DELETE CASCADE,"
    " seq INTEGER NOT NULL,"
    " at INTEGER NOT NULL,"
    " text TEXT NOT NULL,"
    " PRIMARY KEY (job, seq)) WITHOUT ROWID;"

    "CREATE TABLE operations ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " kind TEXT NOT NULL,"
    " uid INTEGER NOT NULL,"
    " status TEXT NOT NULL,"
    " start INTEGER NOT NULL,"
    " end INTEGER NOT NULL,"
    " resource TEXT,"
    " job TEXT,"
    " result TEXT,"
    " error TEXT);"
    "CREATE INDEX operations_end ON operations(end);"
    "CREATE INDEX operations_unfinished ON operations(start, id) WHERE end = 0;"

    "CREATE TABLE points ("
    " instance TEXT NOT NULL,"
    " id TEXT NOT NULL COLLATE NOCASE,"
    " time INTEGER NOT NULL,"
    " expires INTEGER NOT NULL,"
    " tag TEXT NOT NULL COLLATE NOCASE,"
    " bytes INTEGER NOT NULL,"
    " stored_bytes INTEGER NOT NULL,"
    " new_bytes INTEGER NOT NULL,"
    " rows INTEGER NOT NULL,"
    " instance_id TEXT NOT NULL,"
    " json TEXT NOT NULL,"
    " PRIMARY KEY (instance, id));"
    "CREATE INDEX points_instance ON points(instance, time, id);"
    "CREATE INDEX points_time ON points(time, id);"
    "CREATE INDEX points_expires ON points(expires) WHERE expires > 0;"

    "CREATE TABLE remembered ("
    " key TEXT NOT NULL PRIMARY KEY,"
    " value TEXT NOT NULL) WITHOUT ROWID;",

    /* 2: from when to when a secret's version can be read */
    "ALTER TABLE secrets ADD COLUMN not_before INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE secrets ADD COLUMN expires INTEGER NOT NULL DEFAULT 0;",

    /* 3: role assignments (scope: a key, or "/"), and who did what */
    "CREATE TABLE assignments ("
    " id TEXT NOT NULL PRIMARY KEY COLLATE NOCASE,"
    " scope TEXT NOT NULL,"
    " scope_id TEXT NOT NULL,"
    " role TEXT NOT NULL COLLATE NOCASE,"
    " principal TEXT NOT NULL COLLATE NOCASE,"
    " principal_name TEXT NOT NULL,"
    " principal_type TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " created_by TEXT NOT NULL,"
    " UNIQUE (principal, role, scope));"
    "CREATE TABLE audit ("
    " seq INTEGER PRIMARY KEY,"
    " time INTEGER NOT NULL,"
    " principal TEXT NOT NULL,"
    " principal_name TEXT NOT NULL,"
    " uid INTEGER NOT NULL,"
    " method TEXT NOT NULL,"
    " action TEXT NOT NULL,"
    " scope TEXT NOT NULL,"
    " status INTEGER NOT NULL,"
    " activity TEXT NOT NULL,"
    " previous TEXT NOT NULL,"
    " hash TEXT NOT NULL);",

    /* 4: what jobs are found by stands in the indexes of their lists; how full vaults were */
    "ALTER TABLE jobs ADD COLUMN kind TEXT COLLATE NOCASE;"
    "UPDATE jobs SET kind = CASE WHEN json_extract(json, '$.properties.operationCategory') = 'Backup'"
    "  THEN CASE WHEN json_extract(json, '$.properties.isUserTriggered') THEN 'OnDemandBackup' ELSE 'ScheduledBackup' END"
    "  ELSE json_extract(json, '$.properties.operationCategory') END;"
    "DROP INDEX jobs_start;"
    "DROP INDEX jobs_vault;"
    "DROP INDEX jobs_instance;"
    "CREATE INDEX jobs_start ON jobs(start, id, vault, status, kind, operation, end);"
    "CREATE INDEX jobs_vault ON jobs(vault, start, id, status, kind, operation, end);"
    "CREATE INDEX jobs_instance ON jobs(instance, start, id, status, kind, operation, end) WHERE instance IS NOT NULL;"
    "CREATE TABLE usage_samples ("
    " vault TEXT NOT NULL,"
    " day INTEGER NOT NULL," /* days since 1970, UTC */
    " json TEXT NOT NULL,"
    " PRIMARY KEY (vault, day)) WITHOUT ROWID;",

    /* 5: how many requests an audit record stands for, and what it says besides */
    "ALTER TABLE audit ADD COLUMN count INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE audit ADD COLUMN details TEXT NOT NULL DEFAULT '';",

    /* 6: what recovery points of an instance sum up to stands in the index of its list */
    "DROP INDEX points_instance;"
    "CREATE INDEX points_instance ON points(instance, time, id, bytes, stored_bytes, new_bytes);",

    /* 7: what the biggest tables of a backup or restore took */
    "CREATE TABLE job_tables ("
    " job TEXT NOT NULL PRIMARY KEY COLLATE NOCASE REFERENCES jobs(id) ON DELETE CASCADE,"
    " json TEXT NOT NULL) WITHOUT ROWID;",
};

const int kg_migration_count = sizeof kg_migrations / sizeof kg_migrations[0];
