/* PostgreSQL servers, key vaults with their secrets, storage accounts with their containers: lists and pages. */
#include "base/alloc.h"
#include "model/cells.h"
#include "model/detail.h"
#include "model/kinds.h"

#define RESOURCES "/subscriptions/{sub}/resources?$filter=resourceType%20eq%20"

/* ---- servers ---- */

static const struct ui_column server_columns[] = {
    { .title = "Name", .name = true, .paths = "name", .min = 20, .want = 28 },
    { .title = "Host", .paths = "properties.fullyQualifiedDomainName", .min = 12, .want = 30 },
    { .title = "Port", .paths = "properties.port", .min = 5, .want = 6, .rank = 3, .right = true },
    { .title = "State", .paths = "properties.state", .format = UI_F_STATE, .min = 8, .want = 12 },
    { .title = "SSL", .paths = "properties.sslMode", .min = 7, .want = 12, .rank = 4 },
    { .title = "Access", .paths = "properties.allowAccess", .format = UI_F_YES_NO, .min = 6, .want = 7, .rank = 5 },
    { .title = "Version", .paths = "properties.version", .min = 6, .want = 18, .rank = 2 },
    { .title = "Type", .paths = "type", .cell = ui_cell_type, .min = 8, .want = 15, .rank = 6 },
};
static const struct ui_list_kind servers = {
    .path = RESOURCES "'Microsoft.DBforPostgreSQL/servers'%20or%20resourceType%20eq%20'Microsoft.DBforPostgreSQL/flexibleServers'",
    .column = server_columns, .n_columns = KG_ARRAY_LEN(server_columns), .sort = 1, .refresh = 30, .opens = "server",
    .empty = "No PostgreSQL server is known yet. Press c to add one.",
};
static const struct ui_command server_commands[] = {
    { "add-server", "Add", 'c', UI_WRITES, "Register a PostgreSQL server", NULL, NULL, "add-server" },
    { "test-connection", "Test connection", 't', UI_NEEDS_ROW,
      "Log in to the server with a secret and tell what is found", NULL, NULL, "test-connection" },
    { "edit-server", "Edit", 'e', UI_WRITES | UI_NEEDS_ROW, "Change the server's host, port, SSL mode or access",
      NULL, NULL, "edit-server" },
    { "remove-server", "Remove", 'D', UI_WRITES | UI_NEEDS_ROW, "Forget the server; nothing may be protected on it",
      NULL, NULL, "delete-resource" },
};
const struct ui_kind ui_page_servers = {
    .name = "servers", .title = "PostgreSQL servers", .family = UI_LIST, .data = &servers, .commands = server_commands,
    .n_commands = KG_ARRAY_LEN(server_commands), .found_by = "hosts datasources",
};
static const struct ui_value server_values[] = {
    { NULL, "Essentials", 0, NULL, NULL },
    { "Name", "name", 0, NULL, NULL },
    { "Host", "properties.fullyQualifiedDomainName", 0, NULL, NULL },
    { "Port", "properties.port", 0, NULL, NULL },
    { "SSL mode", "properties.sslMode", 0, NULL, NULL },
    { "State", "properties.state", UI_F_STATE, NULL, NULL },
    { "Version", "properties.version", 0, NULL, NULL },
    { "Allow access", "properties.allowAccess", UI_F_YES_NO, NULL, NULL },
    { "Location", "location", 0, NULL, NULL },
    { "Created", "systemData.createdAt", UI_F_TIME, NULL, NULL },
};
static const struct ui_detail_kind server_detail = { .value = server_values, .n_values = KG_ARRAY_LEN(server_values),
                                                     .tab = { "server-instances", "scope-access" }, .refresh = 15 };
static const struct ui_command server_page_commands[] = {
    { "test-connection", "Test connection", 't', 0, "Log in to the server with a secret and tell what is found", NULL,
      NULL, "test-connection" },
    { "edit-server", "Edit", 'e', UI_WRITES, "Change the server's host, port, SSL mode or access", NULL, NULL,
      "edit-server" },
    { "remove-server", "Remove server", 'V', UI_WRITES, "Forget the server; nothing may be protected on it", NULL,
      NULL, "delete-resource" },
};
const struct ui_kind ui_page_server = {
    .name = "server", .title = "PostgreSQL server", .family = UI_DETAIL, .data = &server_detail,
      .commands = server_page_commands,
    .n_commands = KG_ARRAY_LEN(server_page_commands),
};

/* ---- key vaults ---- */

static const struct ui_column keyvault_columns[] = {
    { .title = "Name", .name = true, .paths = "name", .min = 10, .want = 20 },
    { .title = "Resource group", .brief = "Group", .paths = "id", .cell = ui_cell_group, .min = 8, .want = 16, .rank = 2 },
    { .title = "Vault URI", .paths = "properties.vaultUri", .min = 16, .want = 40 },
    { .title = "Provider", .paths = "properties.provider", .min = 6, .want = 9, .rank = 1 },
    { .title = "RBAC", .paths = "properties.enableRbacAuthorization", .format = UI_F_YES_NO, .min = 5, .want = 5,
      .rank = 3 },
};
static const struct ui_list_kind keyvaults = {
    .path = "/subscriptions/{sub}/providers/Microsoft.KeyVault/vaults", .column = keyvault_columns,
      .n_columns = KG_ARRAY_LEN(keyvault_columns),
    .sort = 1, .refresh = 30, .opens = "key-vault",
      .empty = "No key vault yet. Press c to create one; it holds the secrets with which backups log in.",
};
static const struct ui_command keyvault_commands[] = {
    { "create-key-vault", "Create", 'c', UI_WRITES, "Create a key vault, or register one of Azure", NULL, NULL,
      "create-key-vault" },
    { "delete-key-vault", "Delete", 'D', UI_WRITES | UI_NEEDS_ROW, "Delete the key vault with its secrets", NULL,
      NULL, "delete-resource" },
};
const struct ui_kind ui_page_keyvaults = {
    .name = "key-vaults", .title = "Key vaults", .family = UI_LIST, .data = &keyvaults, .commands = keyvault_commands,
    .n_commands = KG_ARRAY_LEN(keyvault_commands), .found_by = "secrets passwords credentials",
};
static const struct ui_value keyvault_values[] = {
    { NULL, "Essentials", 0, NULL, NULL },
    { "Name", "name", 0, NULL, NULL },
    { "Vault URI", "properties.vaultUri", 0, NULL, NULL },
    { "Provider", "properties.provider", 0, NULL, NULL },
    { "Role-based access", "properties.enableRbacAuthorization", UI_F_YES_NO, NULL, NULL },
    { "Trusted services", "properties.networkAcls.bypass", 0, NULL, NULL },
    { "Location", "location", 0, NULL, NULL },
    { "Created", "systemData.createdAt", UI_F_TIME, NULL, NULL },
};
static const struct ui_detail_kind keyvault_detail = { .value = keyvault_values, .n_values = KG_ARRAY_LEN(keyvault_values),
                                                       .tab = { "keyvault-secrets", "scope-access" } };
static const struct ui_command keyvault_page_commands[] = {
    { "create-secret", "New secret", 'c', UI_WRITES, "Put a secret into this key vault: a login for databases", NULL,
      NULL, "create-secret" },
    { "delete-key-vault", "Delete key vault", 'V', UI_WRITES, "Delete the key vault with its secrets", NULL, NULL,
      "delete-resource" },
};
const struct ui_kind ui_page_keyvault = {
    .name = "key-vault", .title = "Key vault", .family = UI_DETAIL, .data = &keyvault_detail,
      .commands = keyvault_page_commands,
    .n_commands = KG_ARRAY_LEN(keyvault_page_commands),
};

static const struct ui_column secret_columns[] = {
    { .title = "Name", .name = true, .paths = "name", .min = 12, .want = 26 },
    { .title = "Enabled", .paths = "properties.attributes.enabled", .format = UI_F_YES_NO, .min = 7, .want = 8 },
    { .title = "Updated", .paths = "properties.attributes.updated", .format = UI_F_TIME, .min = 10, .want = 16 },
    { .title = "Expires", .paths = "properties.attributes.expires", .format = UI_F_TIME, .min = 10, .want = 16, .rank = 1 },
    { .title = "Secret URI", .paths = "properties.secretUri", .min = 20, .want = 50, .rank = 2 },
};
static const struct ui_list_kind secrets = {
    .path = "{arg}/secrets", .column = secret_columns, .n_columns = KG_ARRAY_LEN(secret_columns), .sort = 1, .refresh = 30,
    .opens = "secret", .empty = "This key vault holds no secret yet. Press c to make one.",
};
static const struct ui_command secret_commands[] = {
    { "new-version", "New version", 'e', UI_WRITES | UI_NEEDS_ROW, "Store a new value; backups use it from then on",
      NULL, NULL, "new-secret-version" },
    { "delete-secret", "Delete", 'D', UI_WRITES | UI_NEEDS_ROW, "Delete the secret with all its versions", NULL, NULL,
      "delete-resource" },
};
const struct ui_kind ui_list_secrets = {
    .name = "keyvault-secrets", .title = "Secrets", .family = UI_LIST, .data = &secrets, .commands = secret_commands,
    .n_commands = KG_ARRAY_LEN(secret_commands),
};
static const struct ui_value secret_values[] = {
    { NULL, "Essentials", 0, NULL, NULL },
    { "Name", "name", 0, NULL, NULL },
    { "Secret URI", "properties.secretUri", 0, NULL, NULL },
    { "Enabled", "properties.attributes.enabled", UI_F_YES_NO, NULL, NULL },
    { "Version", "properties.version", 0, NULL, NULL },
    { "Created", "properties.attributes.created", UI_F_TIME, NULL, NULL },
    { "Updated", "properties.attributes.updated", UI_F_TIME, NULL, NULL },
    { "Not before", "properties.attributes.notBefore", UI_F_TIME, NULL, NULL },
    { "Expires", "properties.attributes.expires", UI_F_TIME, NULL, NULL },
    { "Content type", "properties.contentType", 0, NULL, NULL },
};
static const struct ui_detail_kind secret_detail = { .value = secret_values, .n_values = KG_ARRAY_LEN(secret_values) };
static const struct ui_command secret_page_commands[] = {
    { "new-version", "New version", 'e', UI_WRITES, "Store a new value; backups use it from then on", NULL, NULL,
      "new-secret-version" },
    { "delete-secret", "Delete", 'D', UI_WRITES, "Delete the secret with all its versions", NULL, NULL, "delete-resource" },
};
const struct ui_kind ui_page_secret = {
    .name = "secret", .title = "Secret", .family = UI_DETAIL, .data = &secret_detail, .commands = secret_page_commands,
    .n_commands = KG_ARRAY_LEN(secret_page_commands),
};

/* ---- storage accounts ---- */

static const struct ui_column storage_columns[] = {
    { .title = "Name", .name = true, .paths = "name", .min = 10, .want = 20 },
    { .title = "Resource group", .brief = "Group", .paths = "id", .cell = ui_cell_group, .min = 8, .want = 16, .rank = 2 },
    { .title = "Provider", .paths = "properties.provider", .min = 8, .want = 10, .rank = 1 },
    { .title = "Path", .paths = "properties.path", .min = 12, .want = 40 },
};
static const struct ui_list_kind storage = {
    .path = "/subscriptions/{sub}/providers/Microsoft.Storage/storageAccounts", .column = storage_columns,
      .n_columns = KG_ARRAY_LEN(storage_columns),
    .sort = 1, .refresh = 30, .opens = "storage-account",
      .empty = "No storage account yet. Press c to add one; restores as files go there.",
};
static const struct ui_command storage_commands[] = {
    { "create-storage-account", "Create", 'c', UI_WRITES, "Add a storage account: a folder for files", NULL, NULL,
      "create-storage-account" },
    { "delete-storage-account", "Delete", 'D', UI_WRITES | UI_NEEDS_ROW, "Forget the storage account; its files stay",
      NULL, NULL, "delete-resource" },
};
const struct ui_kind ui_page_storage = {
    .name = "storage-accounts", .title = "Storage accounts", .family = UI_LIST, .data = &storage,
      .commands = storage_commands,
    .n_commands = KG_ARRAY_LEN(storage_commands), .found_by = "containers files blobs",
};
static const struct ui_value storage_values[] = {
    { NULL, "Essentials", 0, NULL, NULL },
    { "Name", "name", 0, NULL, NULL },
    { "Provider", "properties.provider", 0, NULL, NULL },
    { "Path", "properties.path", 0, NULL, NULL },
    { "Endpoint", "properties.primaryEndpoints.blob", 0, NULL, NULL },
    { "Location", "location", 0, NULL, NULL },
    { "Created", "systemData.createdAt", UI_F_TIME, NULL, NULL },
};
static const struct ui_detail_kind storage_detail = { .value = storage_values, .n_values = KG_ARRAY_LEN(storage_values),
                                                      .tab = { "storage-containers", "scope-access" } };
static const struct ui_command storage_page_commands[] = {
    { "create-container", "New container", 'c', UI_WRITES, "Make a container in this storage account", NULL, NULL,
      "create-container" },
    { "delete-storage-account", "Delete account", 'V', UI_WRITES, "Forget the storage account; its files stay", NULL,
      NULL, "delete-resource" },
};
const struct ui_kind ui_page_storage_account = {
    .name = "storage-account", .title = "Storage account", .family = UI_DETAIL, .data = &storage_detail,
      .commands = storage_page_commands,
    .n_commands = KG_ARRAY_LEN(storage_page_commands),
};
static const struct ui_column container_columns[] = {
    { .title = "Name", .name = true, .paths = "name", .min = 12, .want = 24 },
    { .title = "URL", .paths = "properties.url", .min = 20, .want = 60 },
};
static const struct ui_list_kind containers = {
    .path = "{arg}/blobServices/default/containers", .column = container_columns,
      .n_columns = KG_ARRAY_LEN(container_columns), .sort = 1,
    .refresh = 30, .opens = "container", .empty = "No container yet. Press c to make one.",
};
static const struct ui_command container_commands[] = {
    { "delete-container", "Delete", 'D', UI_WRITES | UI_NEEDS_ROW, "Forget the container, which must be empty", NULL,
      NULL, "delete-resource" },
};
const struct ui_kind ui_list_containers = {
    .name = "storage-containers", .title = "Containers", .family = UI_LIST, .data = &containers,
      .commands = container_commands,
    .n_commands = KG_ARRAY_LEN(container_commands),
};
static const struct ui_value container_values[] = {
    { NULL, "Essentials", 0, NULL, NULL }, { "Name", "name", 0, NULL, NULL }, { "URL", "properties.url", 0, NULL, NULL },
};
static const struct ui_detail_kind container_detail = { .value = container_values,
    .n_values = KG_ARRAY_LEN(container_values) };
const struct ui_kind ui_page_container = { .name = "container", .title = "Container", .family = UI_DETAIL,
    .data = &container_detail };
