/* Backup vaults and resource groups: making them, and deleting a vault. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "model/form.h"
#include "model/kinds.h"

#define GROUPS "/subscriptions/{sub}/resourceGroups"
#define VAULTS GROUPS "/{resourceGroup}/providers/Microsoft.DataProtection/backupVaults"
#define FIELDS(array) .field = (array), .n_fields = KG_ARRAY_LEN(array)

/* ---- what both share ---- */

static const char *check_region(const struct ui_form *f, const char *value)
{
    (void)f;
    return ui_name_ok(value, 1, 64, "- ", false) ? NULL : "1 to 64 letters, digits, hyphens and blanks.";
}

static void put_json(const struct kg_json *body, struct ui_submit *ret) { kg_json_print(body, false, ret->body); }

/* ---- a resource group ---- */

static const char *check_group(const struct ui_form *f, const char *value)
{
    size_t n = strlen(value);

    (void)f;
    return n && n <= 90 && value[n - 1] != '.' &&
                   strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.()") == n
               ? NULL : "1 to 90 letters, digits, '_', '-', '.', '(' and ')', no '.' at the end.";
}

static const struct ui_source taken_groups = { .path = GROUPS, .value = "name",
    .taken = "There is a resource group of this name already. Choose another name, or use that one." };
static const struct ui_field group_fields[] = {
    { .name = "name", .label = "Name", .type = UI_FIELD_TEXT, .max = 90, .check = check_group, .source = &taken_groups },
    { .name = "region", .label = "Region", .type = UI_FIELD_TEXT, .initial = "local", .max = 64, .check = check_region,
      .help = "Where its resources are, as they tell it; a word of your own." },
};
static const struct ui_step group_steps[] = { { .title = "Resource group", FIELDS(group_fields),
    .intro = "A resource group holds what belongs together: vaults, servers, key vaults." } };

static bool submit_group(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    if (i)
        return false;
    kg_json_set_str(body, "location", ui_form_value(f, "region"));
    put_json(body, ret);
    (void)ui_form_expand(f, GROUPS "/{name}", true, ret->path);
    ret->doing = "Creating the resource group";
    return true;
}

static const struct ui_form_kind group_form = {
    .step = group_steps, .n_steps = 1, .submit_label = "Create", .succeeded = "Resource group {name} was created",
    .submit = submit_group,
};
const struct ui_kind ui_dialog_create_group = {
    .name = "create-group", .title = "Create resource group", .shape = UI_DIALOG, .family = UI_FORM, .data = &group_form,
};

/* ---- a Backup vault ---- */

static void subscription(const struct ui_form *f, struct kg_buf *ret) { kg_buf_adds(ret, f->base.host->subscription); }

static const char *group_region(const struct ui_form *f)
{
    const struct ui_option *o = ui_form_option(f, "resourceGroup");

    return o ? o->help : NULL;
}

static const char *check_name(const struct ui_form *f, const char *value)
{
    (void)f;
    return ui_name_ok(value, 2, 50, "-", true) ? NULL : "2 to 50 letters, digits and hyphens, a letter first, no hyphen at the end.";
}

/* The service says the rest: what may not be reached by way of "..", and where vaults may be put. */
static const char *check_path(const struct ui_form *f, const char *value)
{
    (void)f;
    return value[0] == '/' ? NULL : "An absolute path, beginning with '/'.";
}

static bool has_archive(const struct ui_form *f) { return ui_form_is(f, "archive", "true"); }

static const char *check_archive_path(const struct ui_form *f, const char *value)
{
    return strcmp(value, ui_form_value(f, "path")) == 0 ? "A directory of its own, not the vault's." : check_path(f, value);
}

static bool keeps_deleted(const struct ui_form *f) { return !ui_form_is(f, "softDelete", "Off"); }

static const char *check_days(const struct ui_form *f, const char *value)
{
    struct kg_err ignored = { 0 };
    uint64_t days;

    (void)f;
    return kg_parse_range(value, 14, 180, &days, &ignored) == 0 ? NULL : "14 to 180 days.";
}

static bool is_final(const struct ui_form *f) { return ui_form_is(f, "softDelete", "AlwaysOn") || ui_form_is(f,
    "immutability", "Locked"); }

static void final_note(const struct ui_form *f, struct kg_buf *ret)
{
    bool both = ui_form_is(f, "softDelete", "AlwaysOn") && ui_form_is(f, "immutability", "Locked");

    kg_buf_addf(ret, "%s cannot be taken back once the vault is there.",
                both ? "Soft delete always on and locked immutability"
                     : ui_form_is(f, "immutability", "Locked") ? "Locked immutability" : "Soft delete always on");
}

static const struct ui_source groups = {
    .path = GROUPS, .value = "name", .help = "location", .create = "create-group", .create_label = "Create new resource group",
};
static const struct ui_source taken_vaults = { .path = VAULTS, .value = "name",
    .taken = "The resource group has a Backup vault of this name already. Choose another name, or another resource group." };
static const struct ui_choice redundancies[] = {
    { "LocallyRedundant", "Locally redundant", "its copies are in one place" },
    { "ZoneRedundant", "Zone redundant", "its copies are in several zones" },
    { "GeoRedundant", "Geo-redundant", "and in another region, too" },
    { NULL, NULL, NULL },
};
static const struct ui_choice soft_deletes[] = {
    { "On", "On", "Deleted backups can be brought back for some days." },
    { "Off", "Off", "What is deleted is gone at once." },
    { "AlwaysOn", "Always on", "On, and it can never be turned off." },
    { NULL, NULL, NULL },
};
static const struct ui_choice immutabilities[] = {
    { "Disabled", "Disabled", "Recovery points may be deleted before they expire." },
    { "Unlocked", "Unlocked", "They may not; this can still be turned off." },
    { "Locked", "Locked", "They may not, and this can never be turned off." },
    { NULL, NULL, NULL },
};
static const struct ui_field basics[] = {
    { .label = "Subscription", .type = UI_FIELD_NOTE, .text = subscription, .review = "Subscription" },
    { .name = "resourceGroup", .label = "Resource group", .type = UI_FIELD_CHOICE, .source = &groups },
    { .name = "name", .label = "Backup vault name", .type = UI_FIELD_TEXT, .max = 50, .check = check_name, .source = &taken_vaults },
    { .name = "region", .label = "Region", .type = UI_FIELD_TEXT, .max = 64, .initially = group_region, .check = check_region,
      .help = "The vault protects servers of this region." },
    { .name = "redundancy", .label = "Storage redundancy", .type = UI_FIELD_RADIO, .choice = redundancies,
      .help = "Cannot be changed once something is protected." },
};
static const struct ui_field properties[] = {
    { .label = "Datastores", .type = UI_FIELD_HEADING },
    { .name = "path", .label = "Directory", .type = UI_FIELD_TEXT, .optional = true, .none = "with the service's data",
      .max = 4000, .check = check_path,
      .review = "Directory of the vault", .help = "Where the vault's encrypted data is kept; empty: with the service's data." },
    { .name = "archive", .label = "Archive datastore", .type = UI_FIELD_CHECK,
      .help = "Lets policies move recovery points that are seldom needed into the archive." },
    { .name = "archivePath", .label = "Archive directory", .type = UI_FIELD_TEXT, .optional = true,
      .none = "beside the vault's directory", .max = 4000, .shown = has_archive,
      .check = check_archive_path, .review = "Directory of the archive",
      .help = "A slower disk, say; empty: beside the vault's directory, with '-archive' behind its name." },
    { .label = "Security", .type = UI_FIELD_HEADING },
    { .name = "softDelete", .label = "Soft delete", .type = UI_FIELD_RADIO, .choice = soft_deletes },
    { .name = "days", .label = "Kept for (days)", .type = UI_FIELD_NUMBER, .initial = "14", .max = 3, .shown = keeps_deleted,
      .check = check_days, .review = "Deleted items are kept (days)", .help = "14 to 180 days." },
    { .name = "immutability", .label = "Immutability", .type = UI_FIELD_RADIO, .choice = immutabilities },
    { .label = "", .type = UI_FIELD_NOTE, .shown = is_final, .text = final_note },
};
static const struct ui_step vault_steps[] = {
    { .title = "Basics", FIELDS(basics), .intro = "A Backup vault keeps encrypted backups and the policies they follow." },
    { .title = "Vault properties", FIELDS(properties) },
};

static void add_store(const struct ui_form *f, struct kg_json *list, const char *datastore)
{
    struct kg_json *one = kg_json_object();

    kg_json_set_str(one, "datastoreType", datastore);
    kg_json_set_str(one, "type", ui_form_value(f, "redundancy"));
    kg_json_push(list, one);
}

static bool submit_vault(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    struct kg_json *stores = kg_json_array();
    struct kg_err ignored = { 0 };
    uint64_t days;

    kg_json_set(body, "properties.storageSettings", stores);
    if (i)
        return false;
    kg_json_set_str(body, "location", ui_form_value(f, "region"));
    kg_json_set_str(body, "identity.type", "SystemAssigned");
    add_store(f, stores, "VaultStore");
    if (has_archive(f))
        add_store(f, stores, "ArchiveStore");
    if (*ui_form_value(f, "path"))
        kg_json_set_str(body, "properties.storeSettings.path", ui_form_value(f, "path"));
    if (has_archive(f) && *ui_form_value(f, "archivePath"))
        kg_json_set_str(body, "properties.storeSettings.archivePath", ui_form_value(f, "archivePath"));
#define SECURITY "properties.securitySettings."
    kg_json_set_str(body, SECURITY "softDeleteSettings.state", ui_form_value(f, "softDelete"));
    if (keeps_deleted(f) && kg_parse_u64(ui_form_value(f, "days"), &days, &ignored) == 0)
        kg_json_set_u64(body, SECURITY "softDeleteSettings.retentionDurationInDays", days);
    kg_json_set_str(body, SECURITY "immutabilitySettings.state", ui_form_value(f, "immutability"));
#undef SECURITY
    put_json(body, ret);
    (void)ui_form_expand(f, VAULTS "/{name}", true, ret->path);
    ret->follow = ret->secret = true;
    ret->doing = "Creating the Backup vault";
    return true;
}

static const struct ui_tell recovery_key = {
    .member = "recoveryKey", .title = "Recovery key of {name}", .file = "{name}.recovery-key",
    .text = "With this key and the vault's data everything can be restored on any machine; without it only this service can read "
            "the backups. It is shown once and kept nowhere. Keep it apart from this machine.",
};

static void cli_vault(const struct ui_form *f, struct kg_buf *ret)
{
    KG_AUTO_BUF struct kg_buf file = KG_BUF_INIT(UI_EDIT_MAX);

    kg_buf_adds(ret, "keepgres backup-vault create");
    ui_form_add_option(ret, "-g", ui_form_value(f, "resourceGroup"));
    ui_form_add_option(ret, "-v", ui_form_value(f, "name"));
    ui_form_add_option(ret, "-l", ui_form_value(f, "region"));
    kg_buf_addf(ret, " --storage-settings datastore-type=VaultStore type=%s", ui_form_value(f, "redundancy"));
    if (has_archive(f))
        kg_buf_addf(ret, " --storage-settings datastore-type=ArchiveStore type=%s", ui_form_value(f, "redundancy"));
    ui_form_add_option(ret, "--store-path", ui_form_value(f, "path"));
    ui_form_add_option(ret, "--archive-path", has_archive(f) ? ui_form_value(f, "archivePath") : "");
    ui_form_add_option(ret, "--soft-delete-state", ui_form_value(f, "softDelete"));
    ui_form_add_option(ret, "--soft-delete-retention", keeps_deleted(f) ? ui_form_value(f, "days") : "");
    ui_form_add_option(ret, "--immutability-state", ui_form_value(f, "immutability"));
    (void)ui_form_expand(f, recovery_key.file, false, &file);
    ui_form_add_option(ret, "--recovery-key-file", file.p);
    kg_buf_adds(ret, "\n");
}

static const struct ui_form_kind vault_form = {
    .step = vault_steps, .n_steps = KG_ARRAY_LEN(vault_steps), .submit_label = "Create", .review = true,
    .succeeded = "Backup vault {name} was created", .tell = &recovery_key, .submit = submit_vault, .cli = cli_vault,
};
const struct ui_kind ui_wizard_create_vault = {
    .name = "create-vault", .title = "Create Backup vault", .shape = UI_WIZARD, .family = UI_FORM, .data = &vault_form,
    .found_by = "new vault",
};

/* ---- deleting a vault ---- */

static bool submit_delete(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    if (i)
        return false;
    kg_buf_adds(ret->path, f->base.arg);
    ret->method = "DELETE";
    ret->follow = true;
    ret->doing = "Deleting the Backup vault";
    return true;
}

static const char *danger_delete(const struct ui_form *f)
{
    (void)f;
    return "The vault is forgotten, with its settings. Its backup instances and policies must be deleted first. Its directory "
           "stays on disk: keep its recovery key to read it again.";
}

static const char *name_of(const struct ui_form *f) { return ui_last_part(f->base.arg); }

static void vault_name(const struct ui_form *f, struct kg_buf *ret) { kg_text_add_printable(ret, name_of(f)); }

static void vault_group(const struct ui_form *f, struct kg_buf *ret)
{
    static const char before[] = "/resourceGroups/";
    const char *p = strcasestr(f->base.arg, before);
    KG_AUTO_FREE char *group = p ? kg_xstrndup(p + sizeof before - 1, strcspn(p + sizeof before - 1, "/")) : NULL;

    kg_text_add_printable(ret, group ? group : "");
}

static void cli_delete(const struct ui_form *f, struct kg_buf *ret)
{
    kg_buf_adds(ret, "keepgres backup-vault delete");
    ui_form_add_option(ret, "--ids", f->base.arg);
    kg_buf_adds(ret, " --yes\n");
}

static const struct ui_field delete_fields[] = {
    { .label = "Backup vault", .type = UI_FIELD_NOTE, .text = vault_name },
    { .label = "Resource group", .type = UI_FIELD_NOTE, .text = vault_group },
};
static const struct ui_step delete_steps[] = { { .title = "Delete", FIELDS(delete_fields) } };
static const struct ui_form_kind delete_form = {
    .step = delete_steps, .n_steps = 1, .submit_label = "Delete", .succeeded = "Backup vault was deleted", .submit = submit_delete,
    .cli = cli_delete, .danger = danger_delete, .typed = name_of,
};
const struct ui_kind ui_dialog_delete_vault = {
    .name = "delete-vault", .title = "Delete Backup vault", .shape = UI_DIALOG, .family = UI_FORM, .data = &delete_form,
};

/* ---- the security of a vault that is there ---- */

enum { TAG_VAULT = 1000 };
#define SECURITY "properties.securitySettings."

struct security { bool ready; char soft_delete[16], immutability[16], days[8]; };

static const struct security *was(const struct ui_form *f) { return f->own; }
static void open_security(struct ui_form *f) { (void)ui_ask(&f->base, f->base.arg, TAG_VAULT); }

static void answer_security(struct ui_form *f, int tag, const struct kg_answer *a)
{
    struct security *s = f->own;
    const struct kg_json *j = a->reply ? a->reply->json : NULL;

    if (tag != TAG_VAULT)
        return;
    f->base.changed = true;
    if (a->err) {
        f->err = *a->err;
        return;
    }
    s->ready = true;
    kg_text_copy(s->soft_delete, sizeof s->soft_delete, kg_json_str_or(j, SECURITY "softDeleteSettings.state", "On"));
    kg_text_copy(s->immutability, sizeof s->immutability, kg_json_str_or(j, SECURITY "immutabilitySettings.state", "Disabled"));
    snprintf(s->days, sizeof s->days, "%u", (unsigned)kg_json_u64(j, SECURITY "softDeleteSettings.retentionDurationInDays", 14) % 1000);
    ui_form_suggest(f, "softDelete", s->soft_delete, NULL);
    ui_form_suggest(f, "days", s->days, NULL);
    ui_form_suggest(f, "immutability", s->immutability, NULL);
}

static const char *check_soft_delete(const struct ui_form *f, const char *value)
{
    return strcmp(was(f)->soft_delete, "AlwaysOn") == 0 && strcmp(value, "AlwaysOn") != 0 ? "It is always on, and stays so." : NULL;
}
static const char *check_immutability(const struct ui_form *f, const char *value)
{
    return strcmp(was(f)->immutability, "Locked") == 0 && strcmp(value, "Locked") != 0 ? "It is locked, and stays so." : NULL;
}

static bool becomes(const struct ui_form *f, const char *field, const char *before, const char *value)
{
    return was(f)->ready && ui_form_is(f, field, value) && strcmp(before, value) != 0;
}
static bool becomes_always(const struct ui_form *f) { return becomes(f, "softDelete", was(f)->soft_delete, "AlwaysOn"); }
static bool becomes_locked(const struct ui_form *f) { return becomes(f, "immutability", was(f)->immutability, "Locked"); }

static const char *check_security(const struct ui_form *f)
{
    if (!was(f)->ready)
        return "The vault's settings are still being read.";
    return ui_form_is(f, "softDelete", was(f)->soft_delete) && ui_form_is(f, "immutability", was(f)->immutability) &&
                   (!keeps_deleted(f) || ui_form_is(f, "days", was(f)->days)) ? "Nothing is changed yet." : NULL;
}

static const char *danger_security(const struct ui_form *f)
{
    bool always = becomes_always(f), locked = becomes_locked(f);

    if (always && locked)
        return "This can never be undone: soft delete stays on, and no recovery point can be deleted before it expires.";
    if (locked)
        return "This can never be undone: no recovery point of this vault can be deleted before it expires, by nobody.";
    if (always)
        return "This can never be undone: soft delete stays on for as long as the vault is there.";
    if (becomes(f, "softDelete", was(f)->soft_delete, "Off"))
        return "What was deleted and can still be brought back is deleted for good now.";
    return NULL;
}

static const char *typed_security(const struct ui_form *f) { return danger_security(f) ? name_of(f) : NULL; }

static const struct ui_field security_fields[] = {
    { .label = "Backup vault", .type = UI_FIELD_NOTE, .text = vault_name },
    { .name = "softDelete", .label = "Soft delete", .type = UI_FIELD_RADIO, .choice = soft_deletes, .check = check_soft_delete },
    { .name = "days", .label = "Kept for (days)", .type = UI_FIELD_NUMBER, .initial = "14", .max = 3, .shown = keeps_deleted,
      .check = check_days, .help = "14 to 180 days." },
    { .name = "immutability", .label = "Immutability", .type = UI_FIELD_RADIO, .choice = immutabilities, .check = check_immutability },
};
static const struct ui_step security_steps[] = { { .title = "Security", FIELDS(security_fields), .check = check_security } };

static bool submit_security(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    KG_AUTO_JSON struct kg_json *body = NULL;
    struct kg_err ignored = { 0 };
    uint64_t days;

    if (i)
        return false;
    body = kg_json_object();
    kg_json_set_str(body, SECURITY "softDeleteSettings.state", ui_form_value(f, "softDelete"));
    if (keeps_deleted(f) && kg_parse_u64(ui_form_value(f, "days"), &days, &ignored) == 0)
        kg_json_set_u64(body, SECURITY "softDeleteSettings.retentionDurationInDays", days);
    kg_json_set_str(body, SECURITY "immutabilitySettings.state", ui_form_value(f, "immutability"));
    put_json(body, ret);
    kg_buf_adds(ret->path, f->base.arg);
    ret->method = "PATCH";
    ret->doing = "Changing the vault's security";
    return true;
}
#undef SECURITY

static void cli_security(const struct ui_form *f, struct kg_buf *ret)
{
    kg_buf_adds(ret, "keepgres backup-vault update");
    ui_form_add_option(ret, "--ids", f->base.arg);
    ui_form_add_option(ret, "--soft-delete-state", ui_form_value(f, "softDelete"));
    ui_form_add_option(ret, "--soft-delete-retention", keeps_deleted(f) ? ui_form_value(f, "days") : "");
    ui_form_add_option(ret, "--immutability-state", ui_form_value(f, "immutability"));
    kg_buf_adds(ret, "\n");
}

static const struct ui_form_kind security_form = {
    .step = security_steps, .n_steps = 1, .submit_label = "Save", .succeeded = "The vault's security was changed",
    .own_size = sizeof(struct security), .open = open_security, .answer = answer_security, .submit = submit_security, .cli = cli_security,
    .danger = danger_security, .typed = typed_security,
};
const struct ui_kind ui_dialog_vault_security = {
    .name = "vault-security", .title = "Security of the vault", .shape = UI_DIALOG, .family = UI_FORM, .data = &security_form,
};
