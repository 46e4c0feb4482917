/* Assigning roles, and asking who may do what. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "model/form.h"
#include "model/kinds.h"

#define FIELDS(array) .field = (array), .n_fields = KG_ARRAY_LEN(array)
#define AUTHORIZATION "/providers/Microsoft.Authorization/"

static bool has_no_scope(const struct ui_form *f) { return f->base.arg[0] != '/'; }

/* The scope that was given, or chosen. "/" is written as nothing in front of "/providers". */
static const char *scope_of(const struct ui_form *f)
{
    const char *scope = has_no_scope(f) ? ui_form_value(f, "scope") : f->base.arg;

    return strcmp(scope, "/") == 0 ? "" : scope;
}

static void shown_scope(const struct ui_form *f, struct kg_buf *ret) { kg_text_add_printable(ret, f->base.arg); }
static bool has_scope(const struct ui_form *f) { return !has_no_scope(f); }

static const char *check_scope(const struct ui_form *f, const char *value)
{
    (void)f;
    return value[0] == '/' ? NULL : "An id, beginning with '/': of a subscription, a resource group or a resource.";
}

static const char *whole_subscription(const struct ui_form *f)
{
    static char id[100];

    snprintf(id, sizeof id, "/subscriptions/%s", f->base.host->subscription);
    return id;
}

#define SCOPE_FIELDS \
    { .label = "Scope", .type = UI_FIELD_NOTE, .text = shown_scope, .shown = has_scope }, \
    { .name = "scope", .label = "Scope", .type = UI_FIELD_TEXT, .max = 1000, .shown = has_no_scope, .check = check_scope, \
      .initially = whole_subscription, .help = "What is assigned here holds for everything below." }
#define WHO { .name = "assignee", .label = "Who", .type = UI_FIELD_TEXT, .max = 200, \
      .help = "A user of this machine, a Backup vault's name or a principal id." }

/* ---- assigning ---- */

static const struct ui_source roles = {
    .path = AUTHORIZATION "roleDefinitions", .value = "properties.roleName", .label = "properties.roleName",
      .help = "properties.description",
};
static const struct ui_field assign_fields[] = {
    SCOPE_FIELDS, { .name = "role", .label = "Role", .type = UI_FIELD_CHOICE, .source = &roles }, WHO,
};
static const struct ui_step assign_steps[] = { { .title = "Role assignment", FIELDS(assign_fields) } };

struct assign { char id[37]; };

/* An assignment's name is a GUID of ours; made once, so that sending it twice is one assignment. */
static void open_assign(struct ui_form *f) { kg_uuid(((struct assign *)f->own)->id); }

static bool submit_assign(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    if (i)
        return false;
    kg_json_set_str(body, "properties.roleDefinitionId", ui_form_value(f, "role"));
    kg_json_set_str(body, "properties.assignee", ui_form_value(f, "assignee"));
    kg_json_print(body, false, ret->body);
    kg_buf_addf(ret->path, "%s" AUTHORIZATION "roleAssignments/%s", scope_of(f), ((const struct assign *)f->own)->id);
    ret->doing = "Assigning the role";
    return true;
}

static void cli_assign(const struct ui_form *f, struct kg_buf *ret)
{
    kg_buf_adds(ret, "keepgres role assignment create");
    ui_form_add_option(ret, "--assignee", ui_form_value(f, "assignee"));
    ui_form_add_option(ret, "--role", ui_form_value(f, "role"));
    ui_form_add_option(ret, "--scope", *scope_of(f) ? scope_of(f) : "/");
    kg_buf_adds(ret, "\n");
}

static const struct ui_form_kind assign_form = {
    .step = assign_steps, .n_steps = 1, .submit_label = "Assign", .succeeded = "{assignee} now has the role {role}",
      .own_size = sizeof(struct assign),
    .open = open_assign, .submit = submit_assign, .cli = cli_assign,
};
const struct ui_kind ui_dialog_assign_role = {
    .name = "assign-role", .title = "Assign role", .shape = UI_DIALOG, .family = UI_FORM, .data = &assign_form,
};

/* ---- checking ---- */

enum { TAG_CHECK = 1000 };
struct check { bool asking; char text[900]; };

static void check_text(const struct ui_form *f, struct kg_buf *ret) { kg_buf_adds(ret, ((const struct check *)f->own)->text); }
static bool was_checked(const struct ui_form *f) { return *((const struct check *)f->own)->text; }

static void press_check(struct ui_form *f)
{
    struct check *c = f->own;
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(8192);
    KG_AUTO_FREE char *path = kg_xprintf("%s" AUTHORIZATION "checkAccess", scope_of(f));

    if (c->asking)
        return;
    if (!*ui_form_value(f, "assignee") || !*ui_form_value(f, "action")) {
        kg_text_copy(c->text, sizeof c->text, "Say who and what first.");
        return;
    }
    kg_json_set_str(body, "assignee", ui_form_value(f, "assignee"));
    kg_json_set_str(body, "action", ui_form_value(f, "action"));
    kg_json_set_bool(body, "isDataAction", strstr(ui_form_value(f, "action"), "/secrets/") != NULL);
    kg_json_print(body, false, &text);
    c->asking = true;
    (void)ui_ask_call(&f->base, &(struct ui_call){ .method = "POST", .path = path, .body = text.p }, TAG_CHECK);
}

static void answer_check(struct ui_form *f, int tag, const struct kg_answer *a)
{
    struct check *c = f->own;
    const struct kg_json *j;

    if (tag != TAG_CHECK)
        return;
    c->asking = false;
    if (a->err) {
        snprintf(c->text, sizeof c->text, "%.500s. %.300s", a->err->msg, a->err->action);
        return;
    }
    j = a->reply->json;
    if (kg_json_bool(j, "allowed", false))
        snprintf(c->text, sizeof c->text, "Yes: by the role %.100s, assigned at %.600s.", kg_json_str_or(j,
            "roleDefinitionName", "Owner"),
                 kg_json_str_or(j, "roleAssignmentScope", "/"));
    else
        snprintf(c->text, sizeof c->text, "No: no role that is assigned there or above allows it.");
}

static const struct ui_choice actions[] = {
    { "Microsoft.DataProtection/backupVaults/backupInstances/backup/action", "Back up now", NULL },
    { "Microsoft.DataProtection/backupVaults/backupInstances/restore/action", "Restore", NULL },
    { "Microsoft.DataProtection/backupVaults/backupInstances/write", "Configure backup", NULL },
    { "Microsoft.DataProtection/backupVaults/backupInstances/delete", "Delete backup instances", NULL },
    { "Microsoft.DataProtection/backupVaults/backupPolicies/write", "Write backup policies", NULL },
    { "Microsoft.DataProtection/backupVaults/backupJobs/read", "Read jobs", NULL },
    { "Microsoft.KeyVault/vaults/secrets/getSecret/action", "Read a secret's value", NULL },
    { "Microsoft.Authorization/roleAssignments/write", "Assign roles", NULL },
    { NULL, NULL, NULL },
};
static const struct ui_field check_fields[] = {
    SCOPE_FIELDS, WHO, { .name = "action", .label = "May", .type = UI_FIELD_CHOICE, .choice = actions },
    { .name = "check", .label = "Check access", .type = UI_FIELD_BUTTON, .press = press_check },
    { .label = "", .type = UI_FIELD_NOTE, .text = check_text, .shown = was_checked },
};
static const struct ui_step check_steps[] = { { .title = "Check access", FIELDS(check_fields) } };
static bool nothing_to_send(const struct ui_form *f, size_t i, struct ui_submit *ret) { (void)f, (void)i, (void)ret; return false; }
static const struct ui_form_kind check_form = {
    .step = check_steps, .n_steps = 1, .submit_label = "Done", .own_size = sizeof(struct check), .answer = answer_check,
      .submit = nothing_to_send,
};
const struct ui_kind ui_dialog_check_access = {
    .name = "check-access", .title = "Check access", .shape = UI_DIALOG, .family = UI_FORM, .data = &check_form,
};
