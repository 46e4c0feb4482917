/* model/resources.h - the bodies that callers PUT and POST, checked and as small structs. Pure.
 *
 * The ..._parse() functions take a whole body ({location, properties, …}), complain with KG_E_USAGE beginning with the
 * place, tolerate unknown keys, and fill a struct whose strings belong to it. The ..._properties() functions write what
 * is stored and answered: known keys as documented, defaults filled in; read-only ones are the caller's to add.
 *
 * Ownership: every struct has its ..._done(), which may be called on a zeroed one. */
#ifndef KG_MODEL_RESOURCES_H
#define KG_MODEL_RESOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/time.h"
#include "json/json.h"
#include "keepgres/err.h"
#include "model/policy.h"

#define KG_TYPE_SUBSCRIPTION "Microsoft.Resources/subscriptions"
#define KG_TYPE_GROUP        "Microsoft.Resources/subscriptions/resourceGroups"
#define KG_TYPE_SERVER       "Microsoft.DBforPostgreSQL/servers"
#define KG_TYPE_FLEXIBLE     "Microsoft.DBforPostgreSQL/flexibleServers"
#define KG_TYPE_KEYVAULT     "Microsoft.KeyVault/vaults"
#define KG_TYPE_SECRET       "Microsoft.KeyVault/vaults/secrets"
#define KG_TYPE_STORAGE      "Microsoft.Storage/storageAccounts"
#define KG_TYPE_CONTAINER    "Microsoft.Storage/storageAccounts/blobServices/containers"
#define KG_TYPE_VAULT        "Microsoft.DataProtection/backupVaults"
#define KG_TYPE_POLICY       "Microsoft.DataProtection/backupVaults/backupPolicies"
#define KG_TYPE_INSTANCE     "Microsoft.DataProtection/backupVaults/backupInstances"
#define KG_TYPE_POINT        "Microsoft.DataProtection/backupVaults/backupInstances/recoveryPoints"
#define KG_TYPE_JOB          "Microsoft.DataProtection/backupVaults/backupJobs"

/* Common to all PUT bodies: location (a region's name; NULL when absent) and tags (an object of strings, at most 50).
 * *ret_tags is NULL or a copy that belongs to the caller. */
int kg_envelope_parse(const struct kg_json *body, const char **ret_location, struct kg_json **ret_tags,
                      struct kg_err *err) KG_MUST_CHECK;

/* A database to protect or to restore to: …/Microsoft.DBforPostgreSQL/{servers|flexibleServers}/S/databases/D */
struct kg_datasource {
    char *id;              /* as written */
    char *server_id;       /* id without /databases/D */
    char *server;          /* S */
    char *database;        /* D, decoded */
    bool flexible;
};
int kg_datasource_parse(const char *id, struct kg_datasource *ret, struct kg_err *err) KG_MUST_CHECK;
bool kg_datasource_equal(const struct kg_datasource *a,
                         const struct kg_datasource *b); /* server ignoring case, database not */
void kg_datasource_done(struct kg_datasource *d);

/* ---- key vaults and their secrets: keyvault.c ---- */

/* "https://NAME.vault.local/secrets/SECRET[/VERSION]", or the same at the host of a key vault of another provider. */
struct kg_secret_ref {
    char host[262];        /* lower case, with ":port" if there is one */
    char vault[25];        /* a local key vault's name; "": the host is of another provider */
    char secret[128];
    char version[33];      /* "" : the newest enabled one, looked up at each use */
};
/* KG_E_USAGE when it is no secret identifier. */
int kg_secret_ref_parse(const char *uri, struct kg_secret_ref *ret, struct kg_err *err) KG_MUST_CHECK;
char *kg_secret_ref_uri(const char *vault, const char *secret, const char *version); /* version may be NULL */

/* "https://ACCOUNT.blob.local/CONTAINER" */
struct kg_container_ref {
    char account[25];
    char container[64];
};
int kg_container_ref_parse(const char *url, struct kg_container_ref *ret, struct kg_err *err) KG_MUST_CHECK;
char *kg_container_ref_url(const char *account, const char *container);

/* servers, flexibleServers */
struct kg_server {
    char *host;            /* fullyQualifiedDomainName: a name, an address, or a socket's directory */
    uint16_t port;         /* 5432 */
    char *ssl_mode;        /* "prefer" */
    bool allow_access;     /* true */
};
int kg_server_parse(const struct kg_json *body, struct kg_server *ret, struct kg_err *err) KG_MUST_CHECK;
struct kg_json *kg_server_properties(const struct kg_server *s);
void kg_server_done(struct kg_server *s);

/* Key vaults: provider "local" (the default) or "azure", the permission model, access policies, network rules, and for azure
 * vaultUri and credential {type "ManagedIdentity" (the default) or "ClientSecret", clientId, tenantId, clientSecret}. */
struct kg_keyvault_body {
    bool azure;
    const char *client_secret;  /* borrowed from body; not among the properties; NULL: not said */
    struct kg_json *properties; /* to be stored */
};
int kg_keyvault_body_parse(const char *name, const struct kg_json *body, struct kg_keyvault_body *ret,
                           struct kg_err *err) KG_MUST_CHECK;
void kg_keyvault_body_done(struct kg_keyvault_body *b);
#define KG_AUTO_KEYVAULT_BODY KG_CLEANUP(kg_keyvault_body_done)
/* "https://host[:port]/" of a key vault, lower case; what is no such URI is KG_E_USAGE. The caller frees. */
int kg_keyvault_uri(const char *text, char **ret, struct kg_err *err) KG_MUST_CHECK;
/* A list of access policies [{objectId, tenantId?, permissions: {secrets: […]}}] as it is stored: unknown members gone,
 * permissions in lower case. p is the array's place; absent gives an empty one. */
struct kg_place;
int kg_access_policies(const struct kg_place *p, size_t n, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
enum { KG_ACCESS_POLICIES_MAX = 1024 };

/* Storage accounts: {path} (absolute, no ".." in it). Returns the properties. */
int kg_storage_properties(const char *name, const struct kg_json *body, struct kg_json **ret,
                          struct kg_err *err) KG_MUST_CHECK;

/* backupVaults. store_path, archive_path: the extensions storeSettings.{path, archivePath}, absolute; NULL when not given.
 * soft_delete_days and the like are checked here and appear in the properties. */
struct kg_vault_body {
    char *store_path, *archive_path;
    bool system_identity;  /* identity.type has SystemAssigned (the default when identity is absent) */
    struct kg_json *properties; /* with the defaults of a new vault; to be stored */
};
int kg_vault_body_parse(const struct kg_json *body, struct kg_vault_body *ret, struct kg_err *err) KG_MUST_CHECK;
void kg_vault_body_done(struct kg_vault_body *v);

/* backupInstances, and the one inside validateForBackup: accepts {properties:{…}} and {backupInstance:{…}}. */
struct kg_instance_body {
    struct kg_datasource source;
    char *policy_id;
    char *secret_uri;
    char *friendly_name;        /* "server\database" when not given */
    bool deep;                  /* validationType DeepValidation */
    struct kg_json *properties; /* to be stored; dataSourceSetInfo and friendlyName filled in */
};
/* Where in an instance's properties its secret stands. */
#define KG_INSTANCE_SECRET "datasourceAuthCredentials.secretStoreResource.uri"
/* Of a vault's document: Unlocked or Locked, what it holds stays until it expires. */
bool kg_vault_is_immutable(const struct kg_json *json);
/* Is the instance's document that of one which was deleted and can come back? It is hidden but for deletedBackupInstances. */
bool kg_instance_is_deleted(const struct kg_json *json);
/* Does its policy's schedule start backups? And does everything that it has stay, because it was stopped or deleted? */
bool kg_instance_is_scheduled(const struct kg_json *json);
bool kg_instance_is_retained(const struct kg_json *json);
int kg_instance_body_parse(const struct kg_json *body, struct kg_instance_body *ret, struct kg_err *err) KG_MUST_CHECK;
void kg_instance_body_done(struct kg_instance_body *b);

/* What a restore from the archive says of the copy that it brings back to the vault, and the body of POST …/rehydrate. */
struct kg_rehydration_wish {
    bool asked;
    bool high;                  /* rehydrationPriority High; Standard when not given */
    unsigned days;              /* rehydrationRetentionDuration: 10 to 30 days; 15 when not given */
};
/* *ret_point: 32 lower-case hexadecimal digits, NULL when the body names none; the caller frees. */
int kg_rehydration_parse(const struct kg_json *body, struct kg_rehydration_wish *ret, char **ret_point,
                         struct kg_err *err) KG_MUST_CHECK;

/* POST …/restore; also …/validateRestore, whose body wraps it in restoreRequestObject. */
enum kg_restore_kind { KG_RESTORE_DATABASE, KG_RESTORE_FILES };
/* What a restore does about roles that the target server lacks. */
enum kg_restore_roles { KG_RESTORE_ROLES_REPORT, KG_RESTORE_ROLES_SKIP, KG_RESTORE_ROLES_CREATE, KG_RESTORE_ROLES_MAP,
                        KG_RESTORE_ROLES_COUNT_ };
const char *kg_restore_roles_to_text(enum kg_restore_roles v);     /* "report" */
int kg_restore_roles_from_text(const char *text);                  /* -1 when unknown */
struct kg_restore_role { char *source, *target; };

struct kg_restore_request {
    enum kg_restore_kind kind;
    char *point;                /* 32 lower-case hexadecimal digits */
    enum kg_datastore source;
    struct kg_rehydration_wish rehydration;
    char *location;             /* NULL: not said */
    bool allow_damaged;         /* extension restoreTargetInfo.allowDamaged: also what a check found damaged or lost */
    /* KG_RESTORE_DATABASE */
    struct kg_datasource target;
    char *secret_uri;           /* of the target server; NULL: the instance's own */
    char **schemas, **tables;   /* extension restoreTargetInfo.{schemas,tables}: arrays of strings; empty: everything */
    size_t schema_count, table_count;
    bool read_back;             /* extension restoreTargetInfo.readBack; false when not given */
    enum kg_restore_roles roles;    /* extensions restoreTargetInfo.{roles, roleMap:[{source,target}], rolePasswords, noOwner, */
    struct kg_restore_role *role_map; /* noPrivileges} */
    size_t role_map_count;
    bool role_passwords, no_owner, no_privileges;
    /* KG_RESTORE_FILES */
    struct kg_container_ref container;
    char *container_url;
    char *prefix;               /* "" when not given; a plain file name's beginning */
};
int kg_restore_request_parse(const struct kg_json *body, struct kg_restore_request *ret,
                             struct kg_err *err) KG_MUST_CHECK;
void kg_restore_request_done(struct kg_restore_request *r);

/* PUT …/secrets/NAME, with a value, and PATCH, without: attributes only; the value is taken apart by whoever may see it. */
struct kg_secret_body {
    const char *value;          /* borrowed from body; NULL when none is needed */
    const char *content_type;   /* borrowed; NULL when absent */
    bool has_enabled, enabled;
    bool has_not_before, has_expires;
    kg_usec not_before, expires; /* 0: none (null in the body) */
};
enum { KG_SECRET_VALUE_MAX = 25 * 1024 };
int kg_secret_body_parse(const struct kg_json *body, bool need_value, struct kg_secret_body *ret,
                         struct kg_err *err) KG_MUST_CHECK;

#endif
