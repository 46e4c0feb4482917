/* Rehydration: a recovery point that is in the archive comes back into the vault for some days. m->arg is its id. */
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "model/cells.h"
#include "model/form.h"
#include "model/ids.h"
#include "model/kinds.h"
#include "model/rehydration.h"

const struct ui_choice ui_rehydration_priorities[] = {
    { "Standard", "Standard", "In its turn, after what waits already." },
    { "High", "High", "Before other jobs that wait." }, { NULL, NULL, NULL } };

const char *ui_rehydration_check_days(const struct ui_form *f, const char *value)
{
    struct kg_err ignored = { 0 };
    uint64_t days;

    (void)f;
    return kg_parse_range(value, 10, 30, &days, &ignored) == 0 ? NULL : "10 to 30 days.";
}

void ui_rehydration_set(const struct ui_form *f, struct kg_json *body)
{
    KG_AUTO_FREE char *days = kg_xprintf("P%sD", ui_form_value(f, "days"));

    kg_json_set_str(body, "rehydrationPriority", ui_form_value(f, "priority"));
    kg_json_set_str(body, "rehydrationRetentionDuration", days);
}

void ui_rehydration_options(const struct ui_form *f, struct kg_buf *ret)
{
    ui_form_add_option(ret, "--rehydration-priority", ui_form_value(f, "priority"));
    ui_form_add_option(ret, "--rehydration-duration", ui_form_value(f, "days"));
}

static void name(const struct ui_form *f, struct kg_buf *ret) { ui_ids_names(f->base.arg, ret); }

static bool submit(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    KG_AUTO_JSON struct kg_json *body = kg_json_object();

    if (i)
        return false;
    ui_rehydration_set(f, body);
    kg_json_print(body, false, ret->body);
    kg_buf_addf(ret->path, "%s/rehydrate", f->base.arg);
    ret->method = "POST";
    ret->follow = true;
    ret->doing = "Asking for the recovery point";
    return true;
}

/* There is no job when it is back already, or on its way: then it only stays longer. */
static void finished(struct ui_form *f)
{
    (void)ui_open_job(&f->base, f->base.arg, f->answers[0]);
    ui_close(&f->base, f->base.arg);
}

static void cli(const struct ui_form *f, struct kg_buf *ret)
{
    char part[200];

    kg_buf_adds(ret, "keepgres recovery-point rehydrate");
    ui_form_add_option(ret, "-g", ui_id_part(f->base.arg, "resourceGroups", part, sizeof part));
    ui_form_add_option(ret, "-v", ui_id_part(f->base.arg, "backupVaults", part, sizeof part));
    ui_form_add_option(ret, "-n", ui_id_part(f->base.arg, "backupInstances", part, sizeof part));
    ui_form_add_option(ret, "--recovery-point-id", ui_last_part(f->base.arg));
    ui_rehydration_options(f, ret);
    kg_buf_adds(ret, "\n");
}

static const struct ui_field fields[] = {
    { .label = "Recovery point", .type = UI_FIELD_NOTE, .text = name },
    { .name = "priority", .label = "Priority", .type = UI_FIELD_RADIO, .choice = ui_rehydration_priorities },
    { .name = "days", .label = "Stays for (days)", .type = UI_FIELD_NUMBER, .initial = "15", .max = 2,
      .check = ui_rehydration_check_days, .help = "10 to 30 days; then the copy in the vault leaves again." },
    { .label = "", .type = UI_FIELD_NOTE, .help = "A job copies it back from the archive. It can be restored once that has ended." },
};
static const struct ui_step steps[] = { { .title = "Rehydrate", .field = fields, .n_fields = KG_ARRAY_LEN(fields) } };
static const struct ui_form_kind form = {
    .step = steps, .n_steps = 1, .submit_label = "Rehydrate", .succeeded = "The recovery point comes back from the archive",
    .submit = submit, .finished = finished, .cli = cli,
};
const struct ui_kind ui_dialog_rehydrate = {
    .name = "rehydrate", .title = "Rehydrate recovery point", .shape = UI_DIALOG, .family = UI_FORM, .data = &form,
};
