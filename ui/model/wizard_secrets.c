/* Key vaults and the secrets in them. A secret for backups is a connection string; the form makes one from a user and a password,
 * quoted as ADO.NET wants it. The password is in a kg_secret, then in the body that is sent, and nowhere else. */
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "model/cells.h"
#include "model/form.h"
#include "model/kinds.h"

#define GROUPS "/subscriptions/{sub}/resourceGroups"
#define KEYVAULTS GROUPS "/{resourceGroup}/providers/Microsoft.KeyVault/vaults"
#define FIELDS(array) .field = (array), .n_fields = KG_ARRAY_LEN(array)

/* ---- key vaults ---- */

static const struct ui_source groups = {
    .path = GROUPS, .value = "name", .help = "location", .create = "create-group", .create_label = "Create new resource group",
};
static const struct ui_source taken_keyvaults = { .path = KEYVAULTS, .value = "name",
    .taken = "The resource group has a key vault of this name already. Choose another name, or use that key vault." };

static const char *group_region(const struct ui_form *f)
{
    const struct ui_option *o = ui_form_option(f, "resourceGroup");

    return o ? o->help : NULL;
}

static const char *check_keyvault(const struct ui_form *f, const char *value)
{
    (void)f;
    return ui_name_ok(value, 3, 24, "-", true) ? NULL : "3 to 24 letters, digits and hyphens, a letter first, no hyphen at the end.";
}

static const char *check_uri(const struct ui_form *f, const char *value)
{
    (void)f;
    return strncasecmp(value, "https://", 8) == 0 && value[8] ? NULL : "An address that begins with https://";
}

static bool is_azure(const struct ui_form *f) { return ui_form_is(f, "provider", "azure"); }

static const struct ui_choice providers[] = {
    { "local", "Local", "Secrets are kept here, sealed with the service's key." },
    { "azure", "Azure", "A key vault of Azure, asked with this machine's identity." },
    { NULL, NULL, NULL },
};
static const struct ui_choice permissions[] = {
    { "true", "Azure role-based access control", "Who holds Key Vault Secrets User may read." },
    { "false", "Vault access policy", "Each identity's permissions stand in the vault." },
    { NULL, NULL, NULL },
};
static const struct ui_field keyvault_fields[] = {
    { .name = "resourceGroup", .label = "Resource group", .type = UI_FIELD_CHOICE, .source = &groups },
    { .name = "name", .label = "Name", .type = UI_FIELD_TEXT, .max = 24, .check = check_keyvault, .source = &taken_keyvaults },
    { .name = "region", .label = "Region", .type = UI_FIELD_TEXT, .max = 64, .initially = group_region },
    { .name = "provider", .label = "Kind", .type = UI_FIELD_RADIO, .choice = providers },
    { .name = "uri", .label = "Vault URI", .type = UI_FIELD_TEXT, .max = 300, .shown = is_azure, .check = check_uri },
    { .name = "rbac", .label = "Permissions", .type = UI_FIELD_RADIO, .choice = permissions },
};
static const struct ui_step keyvault_steps[] = { { .title = "Key vault", FIELDS(keyvault_fields) } };

static bool submit_keyvault(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    if (i)
        return false;
    kg_json_set_str(body, "location", ui_form_value(f, "region"));
    kg_json_set_str(body, "properties.provider", ui_form_value(f, "provider"));
    if (is_azure(f))
        kg_json_set_str(body, "properties.vaultUri", ui_form_value(f, "uri"));
    kg_json_set_bool(body, "properties.enableRbacAuthorization", ui_form_is(f, "rbac", "true"));
    kg_json_print(body, false, ret->body);
    (void)ui_form_expand(f, KEYVAULTS "/{name}", true, ret->path);
    ret->doing = "Creating the key vault";
    return true;
}

static void cli_keyvault(const struct ui_form *f, struct kg_buf *ret)
{
    kg_buf_adds(ret, "keepgres keyvault create");
    ui_form_add_option(ret, "-g", ui_form_value(f, "resourceGroup"));
    ui_form_add_option(ret, "-n", ui_form_value(f, "name"));
    ui_form_add_option(ret, "-l", ui_form_value(f, "region"));
    if (is_azure(f)) {
        ui_form_add_option(ret, "--provider", "azure");
        ui_form_add_option(ret, "--vault-uri", ui_form_value(f, "uri"));
    }
    ui_form_add_option(ret, "--enable-rbac-authorization", ui_form_value(f, "rbac"));
    kg_buf_adds(ret, "\n");
}

static const struct ui_form_kind keyvault_form = {
    .step = keyvault_steps, .n_steps = 1, .submit_label = "Create", .succeeded = "Key vault {name} was created",
    .submit = submit_keyvault, .cli = cli_keyvault,
};
const struct ui_kind ui_wizard_create_keyvault = {
    .name = "create-key-vault", .title = "Create key vault", .shape = UI_DIALOG, .family = UI_FORM, .data = &keyvault_form,
    .found_by = "new",
};

/* ---- secrets ---- */

static const char *check_secret_name(const struct ui_form *f, const char *value)
{
    (void)f;
    return ui_name_ok(value, 1, 127, "-", false) ? NULL : "1 to 127 letters, digits and hyphens.";
}

static bool by_form(const struct ui_form *f) { return ui_form_is(f, "how", "form"); }
static bool by_text(const struct ui_form *f) { return ui_form_is(f, "how", "text"); }

static const struct ui_choice hows[] = {
    { "form", "From user and password", "The connection string is made here." },
    { "text", "A connection string", "As ADO.NET or libpq write them, with user and password." },
    { NULL, NULL, NULL },
};
#define VALUE_FIELDS \
    { .name = "how", .label = "Value", .type = UI_FIELD_RADIO, .choice = hows, .review = "Value" }, \
    { .name = "user", .label = "User", .type = UI_FIELD_TEXT, .max = 63, .shown = by_form, \
      .help = "The role with which backups log in." }, \
    { .name = "password", .label = "Password", .type = UI_FIELD_SECRET, .max = 1000, .shown = by_form }, \
    { .name = "text", .label = "Connection string", .type = UI_FIELD_SECRET, .max = 4000, .shown = by_text, \
      .help = "User Id=backup;Password=...; or postgresql://..." }

static const struct ui_source taken_secrets = { .path = "{arg}/secrets", .value = "name",
    .taken = "The key vault has a secret of this name already. Choose another name, or store a new version of that secret." };
static const struct ui_field secret_fields[] = {
    { .name = "name", .label = "Name", .type = UI_FIELD_TEXT, .max = 127, .check = check_secret_name, .source = &taken_secrets },
    VALUE_FIELDS,
};
static const struct ui_field version_fields[] = { VALUE_FIELDS };
static const struct ui_step secret_steps[] = { { .title = "Secret", FIELDS(secret_fields),
    .intro = "Backups read the newest enabled version each time." } };
static const struct ui_step version_steps[] = { { .title = "Value", FIELDS(version_fields),
    .intro = "Backups use the new value from then on; older versions stay." } };

/* Text inside of double quotes, which are doubled, inside of a JSON string. */
static void add_quoted(struct kg_buf *b, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '"')
            kg_buf_adds(b, "\\\"");
        if (p[i] == '"' || p[i] == '\\')
            kg_buf_add(b, "\\", 1);
        kg_buf_add(b, &p[i], 1);
    }
}

static void add_value(const struct ui_form *f, struct kg_buf *b)
{
    const struct kg_secret *password = ui_form_secret(f, "password");
    const char *user = ui_form_value(f, "user");

    if (by_text(f)) {
        ui_form_add_secret(f, "text", b);
        return;
    }
    kg_buf_adds(b, "\"User Id=\\\"");
    add_quoted(b, user, strlen(user));
    kg_buf_adds(b, "\\\";Password=\\\"");
    if (password) {
        add_quoted(b, (const char *)kg_secret_open(password), kg_secret_size(password));
        kg_secret_shut(password);
    }
    kg_buf_adds(b, "\\\";\"");
}

static bool submit_value(const struct ui_form *f, const char *path, size_t i, struct ui_submit *ret)
{
    if (i)
        return false;
    kg_buf_adds(ret->body, "{\"properties\":{\"value\":");
    add_value(f, ret->body);
    kg_buf_adds(ret->body, "}}");
    (void)ui_form_expand(f, path, true, ret->path);
    ret->follow = true;
    ret->doing = "Storing the secret";
    return true;
}

static bool submit_secret(const struct ui_form *f, size_t i, struct ui_submit *ret) { return submit_value(f,
    "{arg}/secrets/{name}", i, ret); }
static bool submit_version(const struct ui_form *f, size_t i, struct ui_submit *ret) { return submit_value(f, "{arg}", i, ret); }

/* The value itself never stands in a command, where others could see it: it is read from a file. */
static void cli_value(const struct ui_form *f, const char *name, struct kg_buf *ret)
{
    char keyvault[80], group[100];

    kg_buf_adds(ret, "# connection.txt, which only you may read: User Id=");
    kg_text_add_printable(ret, by_form(f) && *ui_form_value(f, "user") ? ui_form_value(f, "user") : "USER");
    kg_buf_adds(ret, ";Password=PASSWORD;\nkeepgres keyvault secret set");
    ui_form_add_option(ret, "-g", ui_id_part(f->base.arg, "resourceGroups", group, sizeof group));
    ui_form_add_option(ret, "--vault-name", ui_id_part(f->base.arg, "Microsoft.KeyVault/vaults", keyvault, sizeof keyvault));
    ui_form_add_option(ret, "-n", name);
    kg_buf_adds(ret, " --file connection.txt\n");
}

static void cli_secret(const struct ui_form *f, struct kg_buf *ret) { cli_value(f, ui_form_value(f, "name"), ret); }
static void cli_version(const struct ui_form *f, struct kg_buf *ret) { cli_value(f, ui_last_part(f->base.arg), ret); }

static const struct ui_form_kind secret_form = {
    .step = secret_steps, .n_steps = 1, .submit_label = "Create", .succeeded = "Secret {name} was stored", .submit = submit_secret,
    .cli = cli_secret,
};
const struct ui_kind ui_wizard_create_secret = {
    .name = "create-secret", .title = "Create secret", .shape = UI_DIALOG, .family = UI_FORM, .data = &secret_form,
};
static const struct ui_form_kind version_form = {
    .step = version_steps, .n_steps = 1, .submit_label = "Store", .succeeded = "The new version was stored", .submit = submit_version,
    .cli = cli_version,
};
const struct ui_kind ui_dialog_secret_version = {
    .name = "new-secret-version", .title = "New version of the secret", .shape = UI_DIALOG, .family = UI_FORM, .data = &version_form,
};
