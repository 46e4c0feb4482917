/* Dialogs that ask "shall this be done?" and then do one thing to one resource, or to each of the marked ones: rows of a table.
 * m->arg is the ids, a line each. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "model/cells.h"
#include "model/form.h"
#include "model/ids.h"
#include "model/kinds.h"

struct action {
    struct ui_form_kind form;                /* first: f->kind is this */
    const char *method, *suffix, *body;      /* suffix behind the resource's id; body as JSON with {FIELD}, or NULL */
    bool follow;
    const char *what;                        /* "Backup instance": what the id is called */
    const char *text;                        /* what will happen, a sentence or two */
    const char *cli;                         /* "job cancel -v {V} -g {G} --job-id {N}": vault, group, name, {K} key vault, {A} account,
                                                {I} the id; NULL: by the resource's type */
};

static const struct action *action_of(const struct ui_form *f) { return (const struct action *)f->kind; }

/* ---- what is shown ---- */

static void text_of(const struct ui_form *f, struct kg_buf *ret) { kg_buf_adds(ret, action_of(f)->text); }

static void names_of(const struct ui_form *f, struct kg_buf *ret) { ui_ids_names(f->base.arg, ret); }

static const char *typed_name(const struct ui_form *f) { return ui_ids_count(f->base.arg) == 1 ? ui_last_part(f->base.arg) : "delete"; }
static const char *danger_of(const struct ui_form *f) { return action_of(f)->text; }

/* ---- what is done ---- */

static bool submit(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    const struct action *a = action_of(f);
    KG_AUTO_FREE char *id = ui_ids_at(f->base.arg, i);

    if (!id)
        return false;
    kg_buf_addf(ret->path, "%s%s", id, a->suffix);
    if (a->body)
        (void)ui_form_expand(f, a->body, false, ret->body);
    ret->method = a->method;
    ret->follow = a->follow;
    ret->doing = a->form.submit_label;
    return true;
}

/* How a resource is deleted on the command line, by what its id holds. */
static const struct { const char *type, *command; } deletes[] = {
    { "/secrets/", "keyvault secret delete -g {G} --vault-name {K} -n {N} --yes" },
    { "/Microsoft.KeyVault/vaults/", "keyvault delete -g {G} -n {N} --yes" },
    { "/containers/", "storage container delete -g {G} --account-name {A} -n {N} --yes" },
    { "/storageAccounts/", "storage account delete -g {G} -n {N} --yes" },
    { "/Microsoft.DBforPostgreSQL/", "server remove {N} -g {G} --yes" },
};

static const char *command_for(const struct action *a, const char *id)
{
    for (size_t i = 0; !a->cli && i < KG_ARRAY_LEN(deletes); i++)
        if (strcasestr(id, deletes[i].type))
            return deletes[i].command;
    return a->cli ? a->cli : "";
}

static void cli_of(const struct ui_form *f, const char *id, struct kg_buf *ret)
{
    static const struct { char letter; const char *part; } parts[] = {
        { 'V', "backupVaults" }, { 'G', "resourceGroups" }, { 'K', "Microsoft.KeyVault/vaults" }, { 'A', "storageAccounts" },
        { 'B', "backupInstances" },
    };
    char word[200];

    kg_buf_adds(ret, "keepgres ");
    for (const char *p = command_for(action_of(f), id); *p; p++) {
        if (p[0] != '{' || !p[1] || p[2] != '}') {
            kg_buf_add(ret, p, 1);
            continue;
        }
        *word = 0;
        for (size_t i = 0; i < KG_ARRAY_LEN(parts); i++)
            if (parts[i].letter == p[1])
                ui_id_part(id, parts[i].part, word, sizeof word);
        kg_text_add_shell(ret, p[1] == 'N' ? ui_last_part(id) : p[1] == 'I' ? id : word);
        p += 2;
    }
    kg_buf_adds(ret, ui_form_is(f, "readData", "true") ? " --read-data" : "");
    kg_buf_adds(ret, ui_form_is(f, "dryRun", "true") ? " --dry-run" : "");
    kg_buf_adds(ret, "\n");
}

static void cli(const struct ui_form *f, struct kg_buf *ret)
{
    for (size_t i = 0, n = ui_ids_count(f->base.arg); i < n; i++) {
        KG_AUTO_FREE char *id = ui_ids_at(f->base.arg, i);

        cli_of(f, id, ret);
    }
}

/* ---- the table ---- */

static const struct ui_field plain_fields[] = {
    { .label = "Of", .type = UI_FIELD_NOTE, .text = names_of }, { .label = "", .type = UI_FIELD_NOTE, .text = text_of },
};
static const struct ui_field danger_fields[] = { { .label = "Of", .type = UI_FIELD_NOTE, .text = names_of } };
static const struct ui_field check_fields[] = {
    { .label = "Vault", .type = UI_FIELD_NOTE, .text = names_of },
    { .name = "readData", .label = "Read all data", .type = UI_FIELD_CHECK, .initial = "false",
      .help = "Reads every byte and proves each chunk; takes as long as reading the whole vault." },
    { .label = "", .type = UI_FIELD_NOTE, .text = text_of },
};
static const struct ui_field collect_fields[] = {
    { .label = "Vault", .type = UI_FIELD_NOTE, .text = names_of },
    { .name = "dryRun", .label = "Only tell", .type = UI_FIELD_CHECK, .initial = "false",
      .help = "Tells how much space would come back, and deletes nothing." },
    { .label = "", .type = UI_FIELD_NOTE, .text = text_of },
};
#define STEP(name, fields) \
    static const struct ui_step name[] = { { .title = "Confirm", .field = (fields), .n_fields = KG_ARRAY_LEN(fields) } }
STEP(plain_step, plain_fields);
STEP(danger_step, danger_fields);
STEP(check_step, check_fields);
STEP(collect_step, collect_fields);

#define FORM(step_, label, done_) \
    .form = { .step = (step_), .n_steps = 1, .submit_label = (label), .succeeded = (done_), .submit = submit, .cli = cli, \
              .each = true }
#define DANGER(label, done_) \
    .form = { .step = danger_step, .n_steps = 1, .submit_label = (label), .succeeded = (done_), .submit = submit, .cli = cli, \
              .each = true, .danger = danger_of, .typed = typed_name }
#define KIND(variable, name_, title_, action_) \
    const struct ui_kind variable = { .name = (name_), .title = (title_), .shape = UI_DIALOG, .family = UI_FORM, \
                                      .data = &(action_) }

static const struct action cancel_job = {
    FORM(plain_step, "Cancel job", "The job is being cancelled"), .method = "POST", .suffix = "/cancel",
    .text = "The job stops as soon as it can. A backup leaves no recovery point, a restore no database.",
      .cli = "job cancel -g {G} -v {V} --job-id {N}",
};
KIND(ui_dialog_cancel_job, "cancel-job", "Cancel job", cancel_job);

static const struct action retry_job = {
    FORM(plain_step, "Retry", "The job was started again"), .method = "POST", .suffix = "/retry",
    .text = "A new job does what this one was asked to do. Secrets are read anew.", .cli = "job retry -g {G} -v {V} --job-id {N}",
};
KIND(ui_dialog_retry_job, "retry-job", "Retry job", retry_job);

static const struct action check_vault = {
    FORM(check_step, "Check", "The vault is being checked; see Backup jobs"), .method = "POST", .suffix = "/check",
    .body = "{\"readData\":{readData}}",
      .text = "A job reads the vault and names every recovery point that is not whole. It changes nothing.",
    .cli = "vault check -g {G} -v {N}",
};
KIND(ui_dialog_check_vault, "check-vault", "Check Backup vault", check_vault);

static const struct action collect_vault = {
    FORM(collect_step, "Collect", "Space is being collected; see Backup jobs"), .method = "POST", .suffix = "/collect",
    .body = "{\"dryRun\":{dryRun}}",
      .text = "A job gives back the space of what no recovery point needs. The service does so by itself every day.",
    .cli = "vault collect -g {G} -v {N}",
};
KIND(ui_dialog_collect_vault, "collect-vault", "Collect space", collect_vault);

static const struct action resume = {
    FORM(plain_step, "Resume", "Protection is resumed"), .method = "POST", .suffix = "/resumeProtection", .follow = true,
    .text = "Backups start again by the schedule of its policy; recovery points are kept as the policy says.",
    .cli = "backup-instance resume-protection -g {G} -v {V} -n {N}",
};
KIND(ui_dialog_resume, "resume-protection", "Resume protection", resume);

static const struct action undelete = {
    FORM(plain_step, "Undelete", "The backup instance is back; its protection is stopped"), .method = "POST",
        .suffix = "/undelete", .follow = true,
    .text = "It comes back with its recovery points, and with its protection stopped. Resume it to back up again.",
    .cli = "backup-instance deleted-backup-instance undelete -g {G} -v {V} -n {N}",
};
KIND(ui_dialog_undelete, "undelete", "Undelete backup instance", undelete);

static const struct action delete_instance = {
    DANGER("Delete", "The backup instance was deleted"), .method = "DELETE", .suffix = "", .follow = true,
    .text = "Protection ends, and all recovery points of it are deleted. Where the vault has soft delete, they can be brought back for "
            "as many days as the vault says.",
    .cli = "backup-instance delete -g {G} -v {V} -n {N} --yes",
};
KIND(ui_dialog_delete_instance, "delete-instance", "Delete backup instance", delete_instance);

static const struct action delete_policy = {
    DANGER("Delete", "The backup policy was deleted"), .method = "DELETE", .suffix = "", .follow = true,
    .text = "The policy is deleted. Nothing may be protected by it any more.", .cli = "backup-policy delete -g {G} -v {V} -n {N} --yes",
};
KIND(ui_dialog_delete_policy, "delete-policy", "Delete backup policy", delete_policy);

static const struct action delete_resource = {
    DANGER("Delete", "It was deleted"), .method = "DELETE", .suffix = "", .follow = true,
    .text = "It is deleted for good. Backups and restores that need it fail from then on.",
};
KIND(ui_dialog_delete_resource, "delete-resource", "Delete", delete_resource);

static const struct action remove_assignment = {
    FORM(plain_step, "Remove", "The role was taken away"), .method = "DELETE", .suffix = "", .follow = true,
    .text = "Whoever holds the role by this assignment loses it at once. Backups of a vault whose identity loses a role fail.",
    .cli = "role assignment delete --ids {I} --yes",
};
KIND(ui_dialog_remove_assignment, "remove-assignment", "Remove role assignment", remove_assignment);

static const struct action hold_point = {
    FORM(plain_step, "Hold", "The recovery point is held"), .method = "POST", .suffix = "/hold", .body = "{}", .follow = true,
    .text = "It neither expires nor is deleted, whatever its rule says, until it is released.",
    .cli = "recovery-point hold -g {G} -v {V} -n {B} --recovery-point-id {N}",
};
KIND(ui_dialog_hold_point, "hold-point", "Hold recovery point", hold_point);

static const struct action release_point = {
    FORM(plain_step, "Release", "The recovery point follows its rule again"), .method = "POST", .suffix = "/release", .body = "{}",
    .follow = true, .text = "It follows its rule again; when its time is over it leaves at the next look.",
    .cli = "recovery-point release -g {G} -v {V} -n {B} --recovery-point-id {N}",
};
KIND(ui_dialog_release_point, "release-point", "Release recovery point", release_point);

static const struct action sync_instance = {
    FORM(plain_step, "Synchronize", "The backup instance is being synchronized; see Backup jobs"), .method = "POST", .suffix = "/sync",
    .body = "{}",
    .text = "What the service knows is compared with what the vault holds: points that turn up are taken in, lost ones named.",
    .cli = "backup-instance sync -g {G} -v {V} -n {N}",
};
KIND(ui_dialog_sync_instance, "sync-instance", "Synchronize backup instance", sync_instance);
