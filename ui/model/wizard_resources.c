/* Adding and changing what protection needs: PostgreSQL servers, storage accounts and containers. Key vaults and secrets are in
 * wizard_secrets.c. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "model/cells.h"
#include "model/form.h"
#include "model/kinds.h"

#define GROUPS "/subscriptions/{sub}/resourceGroups"
#define FIELDS(array) .field = (array), .n_fields = KG_ARRAY_LEN(array)

static const struct ui_source groups = {
    .path = GROUPS, .value = "name", .help = "location", .create = "create-group", .create_label = "Create new resource group",
};

static const char *group_region(const struct ui_form *f)
{
    const struct ui_option *o = ui_form_option(f, "resourceGroup");

    return o ? o->help : NULL;
}

static const char *check_name(const struct ui_form *f, const char *value)
{
    (void)f;
    return ui_name_ok(value, 1, 63, "-_.", false) ? NULL : "1 to 63 letters, digits, '-', '_' and '.'.";
}

/* ---- PostgreSQL servers ---- */

static const char *check_host(const struct ui_form *f, const char *value)
{
    (void)f;
    return strpbrk(value, " ,;\t") ? "One host name, address or socket directory, without blanks and commas." : NULL;
}

static const char *check_port(const struct ui_form *f, const char *value)
{
    struct kg_err ignored = { 0 };
    uint64_t port;

    (void)f;
    return kg_parse_range(value, 1, 65535, &port, &ignored) == 0 ? NULL : "1 to 65535.";
}

static const struct ui_choice ssl_modes[] = {
    { "verify-full", NULL, "Encrypted; the server's certificate and name are checked." },
    { "verify-ca", NULL, "Encrypted; the server's certificate is checked." },
    { "require", NULL, "Encrypted, whoever answers." },
    { "prefer", NULL, "Encrypted when the server can." },
    { "allow", NULL, "Encrypted when the server insists." },
    { "disable", NULL, "Never encrypted: for this machine's own servers." },
    { NULL, NULL, NULL },
};
static const struct ui_choice server_types[] = {
    { "servers", "Server", NULL }, { "flexibleServers", "Flexible server", NULL }, { NULL, NULL, NULL },
};
#define SERVERS GROUPS "/{resourceGroup}/providers/Microsoft.DBforPostgreSQL/{type}"
static const struct ui_source taken_servers = { .path = SERVERS, .value = "name",
    .taken = "The resource group has a server of this name already. Choose another name, or edit that server." };

#define SERVER_FIELDS \
    { .name = "host", .label = "Host", .type = UI_FIELD_TEXT, .max = 253, .check = check_host, \
      .help = "Name, address, or the directory of a unix socket." }, \
    { .name = "port", .label = "Port", .type = UI_FIELD_NUMBER, .initial = "5432", .max = 5, .check = check_port }, \
    { .name = "sslMode", .label = "SSL mode", .type = UI_FIELD_CHOICE, .initial = "prefer", .choice = ssl_modes }, \
    { .name = "allowAccess", .label = "Allow access", .type = UI_FIELD_CHECK, .initial = "true", \
      .help = "Whether backups and restores may connect to it." }

static const struct ui_field add_fields[] = {
    { .name = "resourceGroup", .label = "Resource group", .type = UI_FIELD_CHOICE, .source = &groups },
    { .name = "type", .label = "Type", .type = UI_FIELD_CHOICE, .initial = "servers", .choice = server_types },
    { .name = "name", .label = "Name", .type = UI_FIELD_TEXT, .max = 63, .check = check_name, .source = &taken_servers,
      .help = "What the server is called here." },
    SERVER_FIELDS,
    { .name = "region", .label = "Region", .type = UI_FIELD_TEXT, .max = 64, .initially = group_region,
      .help = "Vaults protect servers of their own region." },
};
static const struct ui_field edit_fields[] = { SERVER_FIELDS };
static const struct ui_step add_steps[] = { { .title = "Server", FIELDS(add_fields) } };
static const struct ui_step edit_steps[] = { { .title = "Server", FIELDS(edit_fields) } };

static void put_server(const struct ui_form *f, const char *region, struct kg_buf *ret)
{
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    struct kg_err ignored = { 0 };
    uint64_t port = 5432;

    (void)!kg_parse_u64(ui_form_value(f, "port"), &port, &ignored);
    kg_json_set_str(body, "location", region);
    kg_json_set_str(body, "properties.fullyQualifiedDomainName", ui_form_value(f, "host"));
    kg_json_set_u64(body, "properties.port", port);
    kg_json_set_str(body, "properties.sslMode", ui_form_value(f, "sslMode"));
    kg_json_set_bool(body, "properties.allowAccess", ui_form_is(f, "allowAccess", "true"));
    kg_json_print(body, false, ret);
}

static bool submit_add(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    if (i)
        return false;
    put_server(f, ui_form_value(f, "region"), ret->body);
    (void)ui_form_expand(f, SERVERS "/{name}", true, ret->path);
    ret->doing = "Registering the server";
    return true;
}

static void cli_server(const char *name, const char *group, const char *region, bool flexible, const struct ui_form *f,
                       struct kg_buf *ret)
{
    kg_buf_adds(ret, "keepgres server add ");
    kg_text_add_shell(ret, name);
    ui_form_add_option(ret, "-g", group);
    ui_form_add_option(ret, "--host", ui_form_value(f, "host"));
    ui_form_add_option(ret, "--port", ui_form_value(f, "port"));
    ui_form_add_option(ret, "--sslmode", ui_form_value(f, "sslMode"));
    ui_form_add_option(ret, "--allow-access", ui_form_value(f, "allowAccess"));
    ui_form_add_option(ret, "-l", region);
    kg_buf_adds(ret, flexible ? " --flexible\n" : "\n");
}

static void cli_add(const struct ui_form *f, struct kg_buf *ret)
{
    cli_server(ui_form_value(f, "name"), ui_form_value(f, "resourceGroup"), ui_form_value(f, "region"),
               ui_form_is(f, "type", "flexibleServers"), f, ret);
}

static const struct ui_form_kind add_form = {
    .step = add_steps, .n_steps = 1, .submit_label = "Add", .succeeded = "PostgreSQL server {name} was added", .submit = submit_add,
    .cli = cli_add,
};
const struct ui_kind ui_wizard_add_server = {
    .name = "add-server", .title = "Add PostgreSQL server", .shape = UI_DIALOG, .family = UI_FORM, .data = &add_form,
    .found_by = "new register host",
};

enum { TAG_SERVER = 1000, TAG_TEST };

static void open_edit(struct ui_form *f) { (void)ui_ask(&f->base, f->base.arg, TAG_SERVER); }

struct edited { char region[80]; };

static void answer_edit(struct ui_form *f, int tag, const struct kg_answer *a)
{
    const struct kg_json *j = a->err ? NULL : a->reply->json;
    char port[16];

    if (tag != TAG_SERVER)
        return;
    if (a->err) {
        f->err = *a->err;
        return;
    }
    kg_text_copy(((struct edited *)f->own)->region, sizeof ((struct edited *)f->own)->region, kg_json_str_or(j, "location", "local"));
    snprintf(port, sizeof port, "%u", (unsigned)kg_json_u64(j, "properties.port", 5432));
    ui_form_suggest(f, "host", kg_json_str_or(j, "properties.fullyQualifiedDomainName", ""), NULL);
    ui_form_suggest(f, "port", port, NULL);
    ui_form_suggest(f, "sslMode", kg_json_str_or(j, "properties.sslMode", "prefer"), NULL);
    ui_form_suggest(f, "allowAccess", kg_json_bool(j, "properties.allowAccess", true) ? "true" : "false", NULL);
}

static bool submit_edit(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    if (i)
        return false;
    put_server(f, ((const struct edited *)f->own)->region, ret->body);
    kg_buf_adds(ret->path, f->base.arg);
    ret->doing = "Changing the server";
    return true;
}

static void cli_edit(const struct ui_form *f, struct kg_buf *ret)
{
    char group[100];

    cli_server(ui_last_part(f->base.arg), ui_id_part(f->base.arg, "resourceGroups", group, sizeof group),
               ((const struct edited *)f->own)->region, strcasestr(f->base.arg, "/flexibleServers/") != NULL, f, ret);
}

static const struct ui_form_kind edit_form = {
    .step = edit_steps, .n_steps = 1, .submit_label = "Save", .succeeded = "The server was changed", .own_size = sizeof(struct edited),
    .open = open_edit, .answer = answer_edit, .submit = submit_edit, .cli = cli_edit,
};
const struct ui_kind ui_wizard_edit_server = {
    .name = "edit-server", .title = "Edit PostgreSQL server", .shape = UI_DIALOG, .family = UI_FORM, .data = &edit_form,
};

/* ---- test connection ---- */

struct test { bool asking; char text[1200]; };

static const struct ui_source keyvaults = {
    .path = "/subscriptions/{sub}/providers/Microsoft.KeyVault/vaults", .create = "create-key-vault",
    .create_label = "Create new key vault",
};
static const struct ui_source secrets = {
    .path = "{keyVault}/secrets", .help = "properties.secretUri", .create = "create-secret", .create_arg = "{keyVault}",
    .create_label = "Create new secret",
};

static void test_result(const struct ui_form *f, struct kg_buf *ret) { kg_buf_adds(ret, ((const struct test *)f->own)->text); }
static bool has_result(const struct ui_form *f) { return *((const struct test *)f->own)->text; }

static void press_test(struct ui_form *f)
{
    struct test *t = f->own;
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(8192);
    KG_AUTO_FREE char *path = kg_xprintf("%s/testConnection", f->base.arg);
    const struct ui_option *secret = ui_form_option(f, "secret");

    if (t->asking)
        return;
    if (!secret || !secret->help) {
        kg_text_copy(t->text, sizeof t->text,
                     *ui_form_value(f, "secret") ? "The secrets are still being listed." : "Choose a secret first.");
        return;
    }
    kg_json_set_str(body, "secretUri", secret->help);
    if (*ui_form_value(f, "database"))
        kg_json_set_str(body, "database", ui_form_value(f, "database"));
    kg_json_print(body, false, &text);
    t->asking = true;
    kg_text_copy(t->text, sizeof t->text, "Connecting...");
    (void)ui_ask_call(&f->base, &(struct ui_call){ .method = "POST", .path = path, .body = text.p, .follow = true }, TAG_TEST);
}

static void answer_test(struct ui_form *f, int tag, const struct kg_answer *a)
{
    struct test *t = f->own;

    if (tag != TAG_TEST)
        return;
    t->asking = false;
    if (a->err)
        snprintf(t->text, sizeof t->text, "Failed: %s (%s). %s", a->err->msg, kg_code_arm(a->err->code), a->err->action);
    else
        snprintf(t->text, sizeof t->text, "It works: PostgreSQL %s, logged in as %s.", kg_json_str_or(a->reply->json, "version", "?"),
                 kg_json_str_or(a->reply->json, "user", "the secret's user"));
}

static void server_name(const struct ui_form *f, struct kg_buf *ret) { kg_text_add_printable(ret, ui_last_part(f->base.arg)); }

static const struct ui_field test_fields[] = {
    { .label = "Server", .type = UI_FIELD_NOTE, .text = server_name },
    { .name = "keyVault", .label = "Key vault", .type = UI_FIELD_CHOICE, .source = &keyvaults },
    { .name = "secret", .label = "Secret", .type = UI_FIELD_CHOICE, .source = &secrets },
    { .name = "database", .label = "Database", .type = UI_FIELD_TEXT, .optional = true,
      .none = "the secret's, or postgres", .max = 63,
      .help = "Empty: the secret's, or postgres." },
    { .name = "test", .label = "Test connection", .type = UI_FIELD_BUTTON, .press = press_test },
    { .label = "", .type = UI_FIELD_NOTE, .text = test_result, .shown = has_result },
};
static const struct ui_step test_steps[] = { { .title = "Test", FIELDS(test_fields) } };
static bool nothing_to_send(const struct ui_form *f, size_t i, struct ui_submit *ret) { (void)f, (void)i, (void)ret; return false; }
static const struct ui_form_kind test_form = {
    .step = test_steps, .n_steps = 1, .submit_label = "Done", .own_size = sizeof(struct test), .answer = answer_test,
      .submit = nothing_to_send,
};
const struct ui_kind ui_dialog_test_connection = {
    .name = "test-connection", .title = "Test connection", .shape = UI_DIALOG, .family = UI_FORM, .data = &test_form,
};

/* ---- storage accounts and containers ---- */

static const char *check_account(const struct ui_form *f, const char *value)
{
    (void)f;
    return ui_name_ok(value, 3, 24, "", false) ? NULL : "3 to 24 letters and digits.";
}
static const char *check_path(const struct ui_form *f, const char *value)
{
    (void)f;
    return value[0] == '/' ? NULL : "An absolute path, beginning with '/'.";
}
static const char *check_container(const struct ui_form *f, const char *value)
{
    (void)f;
    return ui_name_ok(value, 3, 63, "-", false) ? NULL : "3 to 63 small letters, digits and hyphens.";
}

#define ACCOUNTS GROUPS "/{resourceGroup}/providers/Microsoft.Storage/storageAccounts"
static const struct ui_source taken_accounts = { .path = ACCOUNTS, .value = "name",
    .taken = "The resource group has a storage account of this name already. Choose another name." };
static const struct ui_field account_fields[] = {
    { .name = "resourceGroup", .label = "Resource group", .type = UI_FIELD_CHOICE, .source = &groups },
    { .name = "name", .label = "Name", .type = UI_FIELD_TEXT, .max = 24, .check = check_account, .source = &taken_accounts },
    { .name = "path", .label = "Directory", .type = UI_FIELD_TEXT, .max = 4000, .check = check_path,
      .help = "Its containers are directories in there; restores as files write to them." },
    { .name = "region", .label = "Region", .type = UI_FIELD_TEXT, .max = 64, .initially = group_region },
};
static const struct ui_step account_steps[] = { { .title = "Storage account", FIELDS(account_fields) } };

static bool submit_account(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    if (i)
        return false;
    kg_json_set_str(body, "location", ui_form_value(f, "region"));
    kg_json_set_str(body, "properties.path", ui_form_value(f, "path"));
    kg_json_print(body, false, ret->body);
    (void)ui_form_expand(f, ACCOUNTS "/{name}", true, ret->path);
    ret->doing = "Adding the storage account";
    return true;
}

static void cli_account(const struct ui_form *f, struct kg_buf *ret)
{
    kg_buf_adds(ret, "keepgres storage account create");
    ui_form_add_option(ret, "-g", ui_form_value(f, "resourceGroup"));
    ui_form_add_option(ret, "-n", ui_form_value(f, "name"));
    ui_form_add_option(ret, "--path", ui_form_value(f, "path"));
    ui_form_add_option(ret, "-l", ui_form_value(f, "region"));
    kg_buf_adds(ret, "\n");
}

static const struct ui_form_kind account_form = {
    .step = account_steps, .n_steps = 1, .submit_label = "Create", .succeeded = "Storage account {name} was added",
      .submit = submit_account,
    .cli = cli_account,
};
const struct ui_kind ui_wizard_create_account = {
    .name = "create-storage-account", .title = "Add storage account", .shape = UI_DIALOG, .family = UI_FORM, .data = &account_form,
    .found_by = "new files",
};

static const struct ui_source taken_containers = { .path = "{arg}/blobServices/default/containers", .value = "name",
    .taken = "The storage account has a container of this name already. Choose another name, or use that one." };
static const struct ui_field container_fields[] = {
    { .name = "name", .label = "Name", .type = UI_FIELD_TEXT, .max = 63, .check = check_container, .source = &taken_containers },
};
static const struct ui_step container_steps[] = { { .title = "Container", FIELDS(container_fields) } };

static bool submit_container(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    if (i)
        return false;
    kg_buf_adds(ret->body, "{}");
    (void)ui_form_expand(f, "{arg}/blobServices/default/containers/{name}", true, ret->path);
    ret->doing = "Making the container";
    return true;
}

static void cli_container(const struct ui_form *f, struct kg_buf *ret)
{
    kg_buf_adds(ret, "keepgres storage container create");
    ui_form_add_option(ret, "--account-name", ui_last_part(f->base.arg));
    ui_form_add_option(ret, "-n", ui_form_value(f, "name"));
    kg_buf_adds(ret, "\n");
}

static const struct ui_form_kind container_form = {
    .step = container_steps, .n_steps = 1, .submit_label = "Create", .succeeded = "Container {name} was made",
      .submit = submit_container,
    .cli = cli_container,
};
const struct ui_kind ui_dialog_create_container = {
    .name = "create-container", .title = "New container", .shape = UI_DIALOG, .family = UI_FORM, .data = &container_form,
};
