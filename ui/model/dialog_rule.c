/* One retention rule of a policy: how long its points are kept, in which tier. The dialog sends nothing: it gives the rule back to
 * the wizard that opened it. Its argument: {"used": [names of the others], "vault", "archive": enum ui_archive, "rule": the one to
 * change, if any}; its result: {"was": its old name, "rule"}. Rules as in model/policy_doc.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "model/form.h"
#include "model/kinds.h"
#include "model/policy_doc.h"

#define FIELDS(array) .field = (array), .n_fields = KG_ARRAY_LEN(array)

enum { VAULT_LEAST = 7, ARCHIVE_LEAST = 180, MOST = 3652 /* days: ten years */ };

struct rule { struct kg_json *arg; bool odd; };

static const struct kg_json *given(const struct ui_form *f) { return kg_json_get(((const struct rule *)f->own)->arg, "rule"); }
static bool is_new(const struct ui_form *f) { return !given(f); }
static bool is_old(const struct ui_form *f) { return given(f); }

/* ---- values ---- */

static unsigned days(const struct ui_form *f, const char *count, const char *unit)
{
    struct kg_err ignored = { 0 };
    uint64_t n;

    return kg_parse_range(ui_form_value(f, count), 0, 100000, &n, &ignored) == 0 ? ui_span_days((unsigned)n, *ui_form_value(f, unit)) : 0;
}

static bool goes(const struct ui_form *f) { return !ui_form_is(f, "archive", "no"); }
static bool goes_later(const struct ui_form *f) { return ui_form_is(f, "archive", "CustomCopyOption"); }

static const char *check_vault(const struct ui_form *f, const char *value)
{
    unsigned n = days(f, "vaultCount", "vaultUnit");

    (void)value;
    return n >= VAULT_LEAST && n <= MOST ? NULL : "From 7 days to 10 years.";
}
static const char *check_archive(const struct ui_form *f, const char *value)
{
    unsigned n = days(f, "archiveCount", "archiveUnit");

    (void)value;
    return n >= ARCHIVE_LEAST && n <= MOST ? NULL : "From 6 months to 10 years.";
}
static const char *check_after(const struct ui_form *f, const char *value)
{
    unsigned n = days(f, "afterCount", "afterUnit");

    (void)value;
    return n >= 1 && n <= days(f, "vaultCount", "vaultUnit") ? NULL : "A day or more, and not longer than it is in the vault.";
}
static const char *check_name(const struct ui_form *f, const char *value)
{
    const struct kg_json *u = kg_json_first(kg_json_get(((const struct rule *)f->own)->arg, "used"));

    for (; u; u = kg_json_next(u))
        if (kg_json_value_str(u) && strcmp(kg_json_value_str(u), value) == 0)
            return "There is such a rule already.";
    return NULL;
}

static bool lacks_archive(const struct ui_form *f)
{
    return goes(f) && kg_json_u64(((const struct rule *)f->own)->arg, "archive", UI_ARCHIVE_UNKNOWN) == UI_ARCHIVE_MISSING;
}

static void lacks_note(const struct ui_form *f, struct kg_buf *ret)
{
    kg_buf_adds(ret, "! Vault ");
    kg_text_add_printable(ret, kg_json_str_or(((const struct rule *)f->own)->arg, "vault", ""));
    kg_buf_adds(ret, " was created without an archive datastore: its archive lies beside its directory, on the same disk.");
}

static void name_note(const struct ui_form *f, struct kg_buf *ret) { kg_text_add_printable(ret, kg_json_str_or(given(f), "name", "")); }
static bool is_odd(const struct ui_form *f) { return ((const struct rule *)f->own)->odd; }

static const struct ui_choice names[] = {
    { "Yearly", NULL, "the first backup of each year" }, { "Monthly", NULL, "the first backup of each month" },
    { "Weekly", NULL, "the first backup of each week" }, { "Daily", NULL, "the first backup of each day" }, { NULL, NULL, NULL },
};
static const struct ui_choice units[] = {
    { "D", "Days", NULL }, { "W", "Weeks", NULL }, { "M", "Months", NULL }, { "Y", "Years", NULL }, { NULL, NULL, NULL },
};
static const struct ui_choice copies[] = {
    { "no", "No", "deleted when its vault time ends" },
    { "CopyOnExpiryOption", "On expiry", "moved when its vault time ends" },
    { "ImmediateCopyOption", "Immediately", "a copy is made at once" },
    { "CustomCopyOption", "After a time", "a copy is made some time later" },
    { NULL, NULL, NULL },
};
static const struct ui_field fields[] = {
    { .name = "name", .label = "Rule", .type = UI_FIELD_CHOICE, .choice = names, .shown = is_new, .check = check_name },
    { .label = "Rule", .type = UI_FIELD_NOTE, .text = name_note, .shown = is_old },
    { .name = "vaultCount", .label = "In the vault for", .type = UI_FIELD_NUMBER, .initial = "3", .max = 5, .check = check_vault,
      .help = "7 days to 10 years." },
    { .name = "vaultUnit", .label = "", .type = UI_FIELD_RADIO, .choice = units, .initial = "M" },
    { .name = "archive", .label = "To the archive", .type = UI_FIELD_RADIO, .choice = copies },
    { .name = "afterCount", .label = "After", .type = UI_FIELD_NUMBER, .initial = "1", .max = 5, .shown = goes_later,
      .check = check_after },
    { .name = "afterUnit", .label = "", .type = UI_FIELD_RADIO, .choice = units, .initial = "M", .shown = goes_later },
    { .name = "archiveCount", .label = "In the archive for", .type = UI_FIELD_NUMBER, .initial = "6", .max = 5, .shown = goes,
      .check = check_archive, .help = "6 months to 10 years." },
    { .name = "archiveUnit", .label = "", .type = UI_FIELD_RADIO, .choice = units, .initial = "M", .shown = goes },
    { .label = "", .type = UI_FIELD_NOTE, .shown = lacks_archive, .text = lacks_note },
    { .label = "", .type = UI_FIELD_NOTE, .shown = is_odd,
      .help = "The rule says more than these fields can show. What stands here takes its place when you press OK." },
};
static const struct ui_step step[] = { { .title = "Retention rule", FIELDS(fields) } };

/* ---- from and to the document ---- */

static void read_span(struct ui_form *f, const char *text, const char *count, const char *unit)
{
    char number[16], u[2] = "";
    unsigned n;

    if (!ui_span_read(text, &n, u)) {
        ((struct rule *)f->own)->odd = true;
        ui_form_suggest(f, count, "", NULL);
        return;
    }
    snprintf(number, sizeof number, "%u", n);
    ui_form_suggest(f, count, number, NULL);
    ui_form_suggest(f, unit, u, NULL);
}

static void fill(struct ui_form *f, const struct kg_json *rule)
{
    for (const struct kg_json *l = kg_json_first(kg_json_get(rule, "lifecycles")); l; l = kg_json_next(l)) {
        const struct kg_json *copy = kg_json_get(l, "targetDataStoreCopySettings.0");
        bool archive = strcmp(kg_json_str_or(l, "sourceDataStore.dataStoreType", ""), "ArchiveStore") == 0;

        read_span(f, kg_json_str_or(l, "deleteAfter.duration", ""), archive ? "archiveCount" : "vaultCount",
                  archive ? "archiveUnit" : "vaultUnit");
        if (!copy)
            continue;
        ui_form_suggest(f, "archive", kg_json_str_or(copy, "copyAfter.objectType", "no"), NULL);
        if (kg_json_str(copy, "copyAfter.duration"))
            read_span(f, kg_json_str(copy, "copyAfter.duration"), "afterCount", "afterUnit");
        ((struct rule *)f->own)->odd |= kg_json_count(kg_json_get(l, "targetDataStoreCopySettings")) > 1;
    }
}

static void open(struct ui_form *f)
{
    struct rule *r = f->own;
    struct kg_err ignored = { 0 };

    if (kg_json_parse(f->base.arg, strlen(f->base.arg), &r->arg, &ignored) < 0)
        r->arg = kg_json_object();
    if (given(f))
        fill(f, given(f));
}

static void done(struct ui_form *f) { kg_json_free(((struct rule *)f->own)->arg); }

static struct kg_json *lifecycle(const struct ui_form *f, const char *store, const char *count, const char *unit)
{
    struct kg_json *l = kg_json_object();
    KG_AUTO_FREE char *duration = kg_xprintf("P%s%s", ui_form_value(f, count), ui_form_value(f, unit));

    kg_json_set_str(l, "deleteAfter.objectType", "AbsoluteDeleteOption");
    kg_json_set_str(l, "deleteAfter.duration", duration);
    kg_json_set_str(l, "sourceDataStore.objectType", "DataStoreInfoBase");
    kg_json_set_str(l, "sourceDataStore.dataStoreType", store);
    kg_json_set(l, "targetDataStoreCopySettings", kg_json_array());
    return l;
}

static struct kg_json *copy_setting(const struct ui_form *f)
{
    struct kg_json *c = kg_json_object();
    KG_AUTO_FREE char *after = kg_xprintf("P%s%s", ui_form_value(f, "afterCount"), ui_form_value(f, "afterUnit"));

    kg_json_set_str(c, "dataStore.objectType", "DataStoreInfoBase");
    kg_json_set_str(c, "dataStore.dataStoreType", "ArchiveStore");
    kg_json_set_str(c, "copyAfter.objectType", ui_form_value(f, "archive"));
    if (goes_later(f))
        kg_json_set_str(c, "copyAfter.duration", after);
    return c;
}

static struct kg_json *lifecycles(const struct ui_form *f)
{
    struct kg_json *list = kg_json_array(), *vault = lifecycle(f, "VaultStore", "vaultCount", "vaultUnit");

    if (goes(f))
        kg_json_push(kg_json_get_mutable(vault, "targetDataStoreCopySettings"), copy_setting(f));
    kg_json_push(list, vault);
    if (goes(f))
        kg_json_push(list, lifecycle(f, "ArchiveStore", "archiveCount", "archiveUnit"));
    return list;
}

/* Which backups a rule that was there is for stays as it is. */
static void finished(struct ui_form *f)
{
    KG_AUTO_JSON struct kg_json *result = kg_json_object();
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(1 << 20);
    struct kg_json *rule = given(f) ? kg_json_copy(given(f)) : ui_rule_make(ui_form_value(f, "name"), kg_json_array());

    kg_json_set(rule, "lifecycles", lifecycles(f));
    if (given(f))
        kg_json_set_str(result, "was", kg_json_str_or(given(f), "name", ""));
    kg_json_set(result, "rule", rule);
    kg_json_print(result, false, &text);
    ui_close(&f->base, text.p);
}

static const struct ui_form_kind form = {
    .step = step, .n_steps = 1, .submit_label = "OK", .own_size = sizeof(struct rule), .open = open, .done = done, .finished = finished,
};
const struct ui_kind ui_dialog_rule = {
    .name = "retention-rule", .title = "Retention rule", .shape = UI_DIALOG, .family = UI_FORM, .data = &form,
};
