/* "Assign key vault": which secret holds the login, chosen from a key vault or entered as its URI. m->arg is
 * {for, uri, keyVaultId, purpose}; the result {uri, keyVaultId?}. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "model/configure.h"
#include "model/kinds.h"

enum { URI_MAX = 500 };

struct own { struct kg_json *arg; };

static bool by_choice(const struct ui_form *f) { return ui_form_is(f, "mode", "choose"); }
static bool by_uri(const struct ui_form *f) { return !by_choice(f); }
static const char *given(const struct ui_form *f, const char *what)
{
    return kg_json_str_or(((const struct own *)f->own)->arg, what, "");
}

static void what_for(const struct ui_form *f, struct kg_buf *ret) { kg_text_add_printable(ret, given(f, "for")); }

static bool is_host(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':';
}

/* "https://HOST/secrets/NAME[/VERSION]"; the service says the rest. */
static const char *check_uri(const struct ui_form *f, const char *value)
{
    static const char scheme[] = "https://", middle[] = "/secrets/";
    const char *p = value + sizeof scheme - 1;

    (void)f;
    if (!kg_starts_with_nocase(value, scheme))
        return "A secret identifier begins with https://.";
    while (*p && is_host(*p))
        p++;
    return p > value + sizeof scheme - 1 && kg_starts_with_nocase(p, middle) && p[sizeof middle - 1] && !strchr(p, ' ')
               ? NULL : "As in https://KEYVAULT.vault.local/secrets/NAME.";
}

/* The list of key vaults knows under which URI their secrets are. */
static char *chosen_uri(const struct ui_form *f)
{
    const struct ui_option *o = ui_form_option(f, "keyvault");
    const char *secret = ui_form_value(f, "secret");
    size_t n = o && o->help ? strlen(o->help) : 0;

    while (n && o->help[n - 1] == '/')
        n--;
    return n && *secret ? kg_xprintf("%.*s/secrets/%s", (int)n, o->help, ui_last_part(secret)) : NULL;
}

static const char *check_secret(const struct ui_form *f, const char *value)
{
    const struct ui_option *o = ui_form_option(f, "keyvault");

    (void)value;
    if (o)
        return o->help && *o->help ? NULL : "This key vault has no URI.";
    return ui_form_input(f, "keyvault")->load == UI_LOADING ? "The key vaults are still being listed."
                                                           : "The key vault is not there any more.";
}

static void open_dialog(struct ui_form *f)
{
    struct own *own = f->own;
    struct kg_err ignored = { 0 };
    const char *keyvault;

    if (kg_json_parse(f->base.arg, strlen(f->base.arg), &own->arg, &ignored) < 0)
        own->arg = NULL;
    keyvault = given(f, "keyVaultId");
    if (*keyvault) {
        KG_AUTO_FREE char *secret = kg_xprintf("%s/secrets/%.*s", keyvault,
            strstr(given(f, "uri"), "/secrets/") ? (int)strcspn(strstr(given(f, "uri"), "/secrets/") + 9, "/") : 0,
            strstr(given(f, "uri"), "/secrets/") ? strstr(given(f, "uri"), "/secrets/") + 9 : "");

        ui_form_suggest(f, "keyvault", keyvault, ui_last_part(keyvault));
        ui_form_suggest(f, "secret", secret, ui_last_part(secret));
    } else if (*given(f, "uri")) {
        ui_form_suggest(f, "mode", "enter", NULL);
        ui_form_suggest(f, "uri", given(f, "uri"), NULL);
    }
}

static void done(struct ui_form *f) { kg_json_free(((struct own *)f->own)->arg); }

static void finished(struct ui_form *f)
{
    KG_AUTO_FREE char *uri = by_choice(f) ? chosen_uri(f) : kg_xstrdup(ui_form_value(f, "uri"));
    KG_AUTO_JSON struct kg_json *result = kg_json_object();
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(4 * URI_MAX);

    if (!uri) {
        f->finished = false;
        return;
    }
    kg_json_set_str(result, "uri", uri);
    if (by_choice(f))
        kg_json_set_str(result, "keyVaultId", ui_form_value(f, "keyvault"));
    kg_json_print(result, false, &text);
    ui_close(&f->base, text.p);
}

static const struct ui_choice modes[] = {
    { "choose", "Select a key vault and secret", "access granted here" },
    { "enter", "Enter secret URI", "access is granted by hand" },
    { NULL, NULL, NULL },
};
static const struct ui_source keyvaults = {
    .path = "/subscriptions/{sub}/providers/Microsoft.KeyVault/vaults", .help = "properties.vaultUri", .create = "create-key-vault",
    .create_label = "Create new key vault",
};
static const struct ui_source secrets = {
    .path = "{keyvault}/secrets", .create = "create-secret", .create_arg = "{keyvault}", .create_label = "Create new secret",
};
static const struct ui_field fields[] = {
    { .label = "For", .type = UI_FIELD_NOTE, .text = what_for },
    { .name = "mode", .label = "Secret", .type = UI_FIELD_RADIO, .choice = modes },
    { .name = "keyvault", .label = "Key vault", .type = UI_FIELD_CHOICE, .source = &keyvaults, .shown = by_choice },
    { .name = "secret", .label = "Secret name", .type = UI_FIELD_CHOICE, .source = &secrets, .shown = by_choice, .check = check_secret,
      .help = "Holds the connection string of a database user with backup privileges." },
    { .name = "uri", .label = "Secret URI", .type = UI_FIELD_TEXT, .shown = by_uri, .max = URI_MAX, .check = check_uri,
      .help = "The secret's identifier: https://KEYVAULT.vault.local/secrets/NAME" },
    { .label = "", .type = UI_FIELD_NOTE, .shown = by_uri,
      .help = "! keepgres cannot see the key vault behind a URI: somebody must grant the Backup vault's identity access to it by "
              "hand, or backups fail." },
};
static const struct ui_step steps[] = { { .title = "Key vault", .field = fields, .n_fields = KG_ARRAY_LEN(fields) } };
static const struct ui_form_kind form = {
    .step = steps, .n_steps = 1, .submit_label = "Assign", .own_size = sizeof(struct own), .open = open_dialog, .done = done,
    .finished = finished,
};
const struct ui_kind ui_dialog_assign_key_vault = {
    .name = "assign-key-vault", .title = "Assign key vault", .shape = UI_DIALOG, .family = UI_FORM, .data = &form,
};
