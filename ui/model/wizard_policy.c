/* Backup policies: making and changing one. The picture beside the rules is what the service says of the policy as it stands in
 * the form: it is asked anew after every change, and what it does not accept keeps one on the step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "model/cells.h"
#include "model/form.h"
#include "model/kinds.h"
#include "model/labels.h"
#include "model/policy_chart.h"
#include "model/policy_doc.h"
#include "model/policy_words.h"

#define VAULTS "/subscriptions/{sub}/providers/Microsoft.DataProtection/backupVaults"
#define FIELDS(array) .field = (array), .n_fields = KG_ARRAY_LEN(array)

enum { TAG_POLICY = 1000, TAG_PREVIEW, TAG_USERS, TAG_VAULT, CHART_DATES = 48, DOC_MAX = 256 << 10 };

struct policy {
    struct kg_json *rules;
    struct kg_json *old;                     /* properties of the policy that is changed */
    struct kg_json *preview;                 /* the newest answer */
    struct kg_err err;                       /* what the service has against the policy; or why it could not be read */
    char *asked;
    uint64_t call;
    bool edit, loading, filling;
    bool refused;                            /* err is about what stands in the form */
    int users;                               /* instances that follow it; -1: not known */
    char *vault;                             /* id of the vault that was asked what it has */
    enum ui_archive archive;
};

static struct policy *own(const struct ui_form *f) { return f->own; }
static bool is_ready(const struct ui_form *f) { return !own(f)->edit || own(f)->old; }

/* ---- the document ---- */

static void schedule_of(const struct ui_form *f, struct ui_schedule *ret)
{
    *ret = (struct ui_schedule){ 0 };
    kg_text_copy(ret->frequency, sizeof ret->frequency, ui_form_value(f, "frequency"));
    if (ui_form_is(f, "frequency", "Weekly"))
        kg_text_copy(ret->days, sizeof ret->days, ui_form_value(f, "days"));
    kg_text_copy(ret->time, sizeof ret->time, ui_form_value(f, "time"));
    if (ui_form_is(f, "frequency", "Hourly"))
        kg_text_copy(ret->hours, sizeof ret->hours, ui_form_value(f, "hours"));
    kg_text_copy(ret->zone, sizeof ret->zone, ui_form_value(f, "zone"));
    kg_text_copy(ret->windows, sizeof ret->windows, ui_form_value(f, "windows"));
    kg_text_copy(ret->rate, sizeof ret->rate, ui_form_value(f, "rate"));
}

static struct kg_json *document(const struct ui_form *f)
{
    const struct policy *p = own(f);
    const char *type = p->edit ? kg_json_str_or(p->old, "datasourceTypes.0", "") : ui_form_value(f, "datasourceType");
    struct ui_schedule s;

    schedule_of(f, &s);
    return ui_policy_make(p->old, type, &s, p->rules, f->base.host->now);
}

static bool path_of(const struct ui_form *f, struct kg_buf *ret)
{
    if (!own(f)->edit)
        return ui_form_expand(f, "{vault}/backupPolicies/{name}", true, ret);
    kg_buf_adds(ret, f->base.arg);
    return true;
}

/* ---- the vault ---- */

/* Whether rules can send anything to an archive; the fields are the same for both. */
static void ask_vault(struct ui_form *f, const char *vault)
{
    struct policy *p = own(f);

    if (p->vault && strcasecmp(p->vault, vault) == 0)
        return;
    free(p->vault);
    p->vault = kg_xstrdup(vault);
    p->archive = UI_ARCHIVE_UNKNOWN;
    if (*vault)
        (void)ui_ask(&f->base, vault, TAG_VAULT);
}

static void take_vault(struct ui_form *f, const struct kg_answer *a)
{
    const struct kg_json *s = a->reply ? kg_json_get(a->reply->json, "properties.storageSettings") : NULL;
    const char *id = a->reply ? kg_json_str_or(a->reply->json, "id", own(f)->vault) : "";

    if (!s || strcasecmp(id, own(f)->vault) != 0)
        return;                              /* not known, or another was chosen meanwhile */
    own(f)->archive = UI_ARCHIVE_MISSING;
    for (s = kg_json_first(s); s; s = kg_json_next(s))
        if (strcmp(kg_json_str_or(s, "datastoreType", ""), "ArchiveStore") == 0)
            own(f)->archive = UI_ARCHIVE_THERE;
    f->base.changed = true;
}

/* ---- the preview ---- */

static bool fields_good(const struct ui_form *f);

static void forget_preview(struct ui_form *f)
{
    struct policy *p = own(f);

    if (p->call)
        f->base.host->ops->forget(f->base.host, &f->base, p->call);
    p->call = 0;
}

static void follow(struct ui_form *f)
{
    struct policy *p = own(f);
    KG_AUTO_BUF struct kg_buf path = KG_BUF_INIT(4096), body = KG_BUF_INIT(DOC_MAX);
    KG_AUTO_JSON struct kg_json *ask = NULL;
    unsigned days;

    if (p->filling || !is_ready(f) || !fields_good(f) || !path_of(f, &path))
        return;
    ask = kg_json_object();
    days = ui_chart_days(ui_rules_longest_days(p->rules));
    kg_json_set(ask, "policy", document(f));
    kg_json_set(ask, "at", ui_chart_dates(f->base.host->now, days, CHART_DATES));
    kg_json_print(ask, false, &body);
    if (p->asked && strcmp(p->asked, body.p) == 0)
        return;
    free(p->asked);
    p->asked = kg_xstrdup(body.p);
    kg_buf_adds(&path, "/preview?$top=1");
    forget_preview(f);
    p->call = ui_ask_call(&f->base, &(struct ui_call){ .method = "POST", .path = path.p, .body = body.p }, TAG_PREVIEW);
}

static void take_preview(struct ui_form *f, const struct kg_answer *a)
{
    struct policy *p = own(f);

    p->call = 0;
    p->err = a->err ? *a->err : (struct kg_err){ 0 };
    p->refused = a->err && (a->err->code == KG_E_USAGE || a->err->code == KG_E_LIMIT);
    kg_json_free(p->preview);
    p->preview = a->reply && a->reply->json ? kg_json_copy(a->reply->json) : NULL;
    if (a->err) {                            /* the same may be asked again */
        free(p->asked);
        p->asked = NULL;
    }
    f->base.changed = true;
}

static void aside(const struct ui_form *f, int width, struct kg_buf *ret)
{
    const struct policy *p = own(f);

    kg_buf_adds(ret, "Recovery points there will be\n");
    if (p->err.code)
        kg_buf_addf(ret, "%s (%s)\n%s\n", p->err.msg, kg_code_arm(p->err.code), p->err.action);
    else if (!p->preview)
        kg_buf_adds(ret, p->call || p->loading ? "Asking the service...\n" : "\n");
    ui_chart_of(p->preview, width, ret);
    ui_chart_starts(p->preview, width, ret);
}

/* ---- schedule ---- */

static bool is_weekly(const struct ui_form *f) { return ui_form_is(f, "frequency", "Weekly"); }
static bool is_hourly(const struct ui_form *f) { return ui_form_is(f, "frequency", "Hourly"); }
static bool is_other(const struct ui_form *f) { return ui_form_is(f, "frequency", "Other"); }
static bool has_time(const struct ui_form *f) { return !is_other(f); }

static const char *check_time(const struct ui_form *f, const char *value)
{
    (void)f;
    return ui_time_ok(value) ? NULL : "A time of day from 00:00 to 23:59.";
}

static const char *check_hours(const struct ui_form *f, const char *value)
{
    struct kg_err ignored = { 0 };
    uint64_t hours;

    (void)f;
    return kg_parse_range(value, 1, 23, &hours, &ignored) == 0 ? NULL : "1 to 23 hours.";
}

static const char *check_zone(const struct ui_form *f, const char *value)
{
    size_t n = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/");

    (void)f;
    return n <= 64 && !value[n] && value[0] != '/' ? NULL : "UTC, or an IANA name such as Europe/Berlin.";
}

static const char *check_windows(const struct ui_form *f, const char *value)
{
    (void)f;
    return ui_windows_ok(value) ? NULL : "Up to seven, by commas, such as 22:00-06:00.";
}

static const char *check_rate(const struct ui_form *f, const char *value)
{
    struct kg_err ignored = { 0 };
    uint64_t rate;

    (void)f;
    return kg_parse_range(value, 1, 100000, &rate, &ignored) == 0 ? NULL : "1 to 100000 megabytes a second; empty: no limit.";
}

static void other_note(const struct ui_form *f, struct kg_buf *ret)
{
    KG_AUTO_JSON struct kg_json *policy = kg_json_object();
    struct ui_shown s = { "", UI_NONE };

    if (own(f)->old)
        kg_json_set(policy, "properties", kg_json_copy(own(f)->old));
    ui_policy_schedule(policy, f->base.host->now, &s);
    kg_buf_addf(ret, "%s, kept as it is", s.text);
}

/* ---- the rules' grid ---- */

static const struct kg_json *rule_at(const struct ui_form *f, size_t row)
{
    const struct kg_json *r = kg_json_first(own(f)->rules);

    while (r && row--)
        r = kg_json_next(r);
    return r;
}

static const struct kg_json *lifecycle_of(const struct kg_json *rule, const char *store)
{
    const struct kg_json *l = kg_json_first(kg_json_get(rule, "lifecycles"));

    while (l && strcmp(kg_json_str_or(l, "sourceDataStore.dataStoreType", ""), store) != 0)
        l = kg_json_next(l);
    return l;
}

static size_t count_rules(const struct ui_form *f) { return kg_json_count(own(f)->rules); }

static void which_cell(const struct kg_json *rule, struct ui_shown *ret)
{
    const char *marker = ui_label_of(kg_json_str_or(rule, "criteria.0.absoluteCriteria.0", ""));
    bool rest = kg_json_bool(rule, "isDefault", false);

    kg_text_copy(ret->text, sizeof ret->text, rest ? "all others" : marker ? marker : "backups of its own choice");
}

static void archive_cell(const struct kg_json *vault, struct ui_shown *ret)
{
    const struct kg_json *copy = kg_json_get(vault, "targetDataStoreCopySettings.0");
    const char *when = kg_json_str_or(copy, "copyAfter.objectType", "");
    struct ui_shown after = { "", UI_NONE };

    if (!copy || ui_label_of(when)) {
        kg_text_copy(ret->text, sizeof ret->text, !copy ? "no" : ui_label_of(when));
        return;
    }
    ui_format(UI_F_DURATION, kg_json_str_or(copy, "copyAfter.duration", ""), 0, &after);
    snprintf(ret->text, sizeof ret->text, "after %.40s", after.text);
}

static void rule_cell(const struct ui_form *f, size_t row, size_t column, struct ui_shown *ret)
{
    const struct kg_json *r = rule_at(f, row), *vault = lifecycle_of(r, "VaultStore"), *archive = lifecycle_of(r, "ArchiveStore");

    switch (column) {
    case 0: kg_text_copy(ret->text, sizeof ret->text, kg_json_str_or(r, "name", "")); break;
    case 1: which_cell(r, ret); break;
    case 2: ui_format(UI_F_DURATION, kg_json_str_or(vault, "deleteAfter.duration", ""), 0, ret); break;
    case 3: archive_cell(vault, ret); break;
    default: ui_format(UI_F_DURATION, kg_json_str_or(archive, "deleteAfter.duration", ""), 0, ret); break;
    }
}

/* What the dialog is told: the names that there are, and the rule that it is to change. */
static void open_rule(struct ui_form *f, const struct kg_json *rule)
{
    KG_AUTO_JSON struct kg_json *arg = kg_json_object();
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(DOC_MAX);
    struct kg_json *used = kg_json_array();

    for (const struct kg_json *r = kg_json_first(own(f)->rules); r; r = kg_json_next(r))
        if (r != rule)
            kg_json_push_str(used, kg_json_str_or(r, "name", ""));
    kg_json_set(arg, "used", used);
    kg_json_set_str(arg, "vault", own(f)->vault ? ui_last_part(own(f)->vault) : "");
    kg_json_set_u64(arg, "archive", own(f)->archive);
    if (rule)
        kg_json_set(arg, "rule", kg_json_copy(rule));
    kg_json_print(arg, false, &text);
    ui_open(&f->base, "retention-rule", text.p);
}

static bool act_rule(struct ui_form *f, size_t row, enum ui_action a)
{
    if (a == UI_ACT_OPEN)
        open_rule(f, rule_at(f, row));
    return a == UI_ACT_OPEN;
}

static const char *all_used(const struct ui_model *m)
{
    const struct ui_form *f = (const struct ui_form *)m;
    size_t there = 0;

    for (size_t i = 0; i < KG_ARRAY_LEN(ui_rule_names); i++)
        for (const struct kg_json *r = kg_json_first(own(f)->rules); r; r = kg_json_next(r))
            there += strcmp(kg_json_str_or(r, "name", ""), ui_rule_names[i]) == 0;
    return !is_ready(f) ? "the policy is being read"
           : there == KG_ARRAY_LEN(ui_rule_names) ? "there is a rule of every kind already" : NULL;
}

static const char *is_default(const struct ui_model *m)
{
    const struct ui_form *f = (const struct ui_form *)m;

    return kg_json_bool(rule_at(f, f->grid.cursor), "isDefault", false) ? "the default rule keeps what no other rule does" : NULL;
}

static void run_add(struct ui_model *m) { open_rule((struct ui_form *)m, NULL); }

static void run_edit(struct ui_model *m)
{
    struct ui_form *f = (struct ui_form *)m;
    const struct kg_json *rule = rule_at(f, f->grid.cursor);

    if (rule)
        open_rule(f, rule);
}

/* As typing into a field does: leaving asks then. */
static void rules_changed(struct ui_form *f)
{
    for (size_t i = 0; i < f->n_inputs; i++)
        if (f->input[i].field->type == UI_FIELD_GRID)
            f->input[i].touched = true;
    f->base.changed = true;
    follow(f);
}

static void run_remove(struct ui_model *m)
{
    struct ui_form *f = (struct ui_form *)m;
    const struct kg_json *rule = rule_at(f, f->grid.cursor);
    KG_AUTO_FREE char *name = kg_xstrdup(kg_json_str_or(rule, "name", ""));

    if (!rule || kg_json_bool(rule, "isDefault", false))
        return;
    ui_rules_remove(&own(f)->rules, name);
    rules_changed(f);
}

static void press_add(struct ui_form *f)
{
    const char *why = all_used(&f->base);

    if (why)
        ui_note(&f->base, UI_NOTE_WARNING, why);
    else
        open_rule(f, NULL);
}

static const struct ui_column rule_columns[] = {
    { .title = "Rule", .min = 8, .want = 10 },
    { .title = "For", .min = 10, .want = 20, .rank = 2 },
    { .title = "In vault", .min = 9, .want = 10 },
    { .title = "To archive", .min = 14, .want = 15, .rank = 1 },
    { .title = "In archive", .min = 10, .want = 10, .rank = 1 },
};
static const struct ui_command rule_commands[] = {
    { "add-rule", "Add rule", 'a', 0, "Add a retention rule", all_used, run_add, NULL },
    { "edit-rule", "Edit rule", 'e', 0, "Change the retention rule under the cursor", NULL, run_edit, NULL },
    { "remove-rule", "Remove rule", 'D', 0, "Take the retention rule under the cursor out of the policy", is_default, run_remove, NULL },
};
static const struct ui_grid rule_grid = {
    .column = rule_columns, .n_columns = KG_ARRAY_LEN(rule_columns), .empty = "No rules.", .count = count_rules, .cell = rule_cell,
    .act = act_rule, .commands = rule_commands, .n_commands = KG_ARRAY_LEN(rule_commands),
};

/* ---- the steps ---- */

static const struct ui_choice types[] = {
    { "Microsoft.DBforPostgreSQL/servers/databases", "PostgreSQL server", "its databases; in commands: AzureDatabaseForPostgreSQL" },
    { "Microsoft.DBforPostgreSQL/flexibleServers", "Flexible server", "in commands: AzureDatabaseForPostgreSQLFlexibleServer" },
    { NULL, NULL, NULL },
};
static const struct ui_choice frequencies[] = {
    { "Weekly", "Weekly", NULL }, { "Daily", "Daily", NULL }, { "Hourly", "Every few hours", NULL }, { NULL, NULL, NULL },
};
static const struct ui_choice weekdays[] = {
    { "Sunday", "Su", NULL }, { "Monday", "Mo", NULL }, { "Tuesday", "Tu", NULL }, { "Wednesday", "We", NULL },
    { "Thursday", "Th", NULL }, { "Friday", "Fr", NULL }, { "Saturday", "Sa", NULL }, { NULL, NULL, NULL },
};
static const struct ui_source vaults = {
    .path = VAULTS, .help = "location", .create = "create-vault", .create_label = "Create new Backup vault",
};
static const struct ui_source taken = { .path = "{vault}/backupPolicies", .value = "name",
    .taken = "The vault has a backup policy of this name already. Choose another name, or edit that policy." };

static const char *check_name(const struct ui_form *f, const char *value)
{
    size_t n = strlen(value);

    (void)f;
    return n && n <= 150 && !strpbrk(value, "<>%&:\\?/#") && value[0] != ' ' && value[n - 1] != ' '
               ? NULL : "1 to 150 characters, none of < > % & : \\ ? / #, no blank at either end.";
}

static void vault_changed(struct ui_form *f)
{
    ask_vault(f, ui_form_value(f, "vault"));
    follow(f);
}

static const struct ui_field basics[] = {
    { .name = "vault", .label = "Backup vault", .type = UI_FIELD_CHOICE, .initial = "{arg}", .source = &vaults,
      .changed = vault_changed },
    { .name = "name", .label = "Policy name", .type = UI_FIELD_TEXT, .max = 150, .check = check_name, .source = &taken,
      .changed = follow },
    { .name = "datasourceType", .label = "Datasource type", .type = UI_FIELD_RADIO, .choice = types, .changed = follow },
};
static const struct ui_field schedule[] = {
    { .name = "frequency", .label = "Frequency", .type = UI_FIELD_RADIO, .choice = frequencies, .changed = follow },
    { .label = "Schedule", .type = UI_FIELD_NOTE, .shown = is_other, .text = other_note, .review = "Schedule" },
    { .name = "days", .label = "On", .type = UI_FIELD_SET, .initial = "Sunday", .choice = weekdays, .shown = is_weekly, .changed = follow },
    { .name = "hours", .label = "Every (hours)", .type = UI_FIELD_NUMBER, .initial = "6", .max = 2, .shown = is_hourly,
      .check = check_hours, .changed = follow, .help = "1 to 23 hours, counted from the time below." },
    { .name = "time", .label = "At", .type = UI_FIELD_TEXT, .initial = "02:00", .max = 5, .shown = has_time, .check = check_time,
      .changed = follow, .help = "By the clocks of the time zone, winter and summer." },
    { .name = "zone", .label = "Time zone", .type = UI_FIELD_TEXT, .initial = "UTC", .max = 64, .check = check_zone, .changed = follow,
      .help = "UTC, or an IANA name such as Europe/Berlin." },
    { .name = "windows", .label = "Start only in", .type = UI_FIELD_TEXT, .max = 100, .optional = true,
      .none = "any time", .check = check_windows,
      .changed = follow, .help = "Hours such as 22:00-06:00, by commas; what is due outside waits. Empty: at any time." },
    { .name = "rate", .label = "MB/s at most", .type = UI_FIELD_NUMBER, .max = 6, .optional = true, .none = "no limit",
      .check = check_rate,
      .help = "How fast one backup may read from its server; empty: as fast as it can." },
    { .name = "rules", .label = "Retention rules, first match wins", .type = UI_FIELD_GRID, .wide = true },
    { .name = "add", .label = "Add retention rule", .type = UI_FIELD_BUTTON, .press = press_add },
};

static bool fields_good(const struct ui_form *f)
{
    for (size_t i = 0; i < f->n_inputs; i++)
        if (f->input[i].field >= schedule && f->input[i].field < schedule + KG_ARRAY_LEN(schedule) && ui_form_wrong(f, i))
            return false;
    return true;
}

static const char *check_schedule(const struct ui_form *f)
{
    if (!is_ready(f))
        return own(f)->err.code ? own(f)->err.msg : "The policy is still being read.";
    return own(f)->refused ? own(f)->err.msg : NULL;
}

#define SCHEDULE_STEP(says) \
    { .title = "Schedule + retention", FIELDS(schedule), .intro = (says), .grid = &rule_grid, .check = check_schedule, .aside = aside }
static const struct ui_step create_steps[] = {
    { .title = "Basics", FIELDS(basics), .intro = "A backup policy says when backups start and how long they are kept." },
    SCHEDULE_STEP(NULL),
};
static const struct ui_step edit_steps[] = {
    SCHEDULE_STEP("What is changed applies to new recovery points only; those that are there stay."),
};

/* ---- reading, sending ---- */

static void open_create(struct ui_form *f)
{
    own(f)->rules = ui_rules_new();
    own(f)->users = -1;
    ask_vault(f, ui_form_value(f, "vault"));
    follow(f);
}

static void open_edit(struct ui_form *f)
{
    const char *end = strcasestr(f->base.arg, "/backupPolicies/");
    KG_AUTO_FREE char *vault = kg_xstrndup(f->base.arg, (size_t)(end ? end - f->base.arg : 0));
    KG_AUTO_FREE char *users = kg_xprintf("%s/backupInstances", vault);

    own(f)->rules = kg_json_array();
    own(f)->users = -1;
    own(f)->edit = own(f)->loading = true;
    (void)ui_ask(&f->base, f->base.arg, TAG_POLICY);
    if (!end)
        return;
    (void)ui_ask(&f->base, users, TAG_USERS);
    ask_vault(f, vault);
}

static void done(struct ui_form *f)
{
    struct policy *p = own(f);

    kg_json_free(p->rules);
    kg_json_free(p->old);
    kg_json_free(p->preview);
    free(p->asked);
    free(p->vault);
}

static void fill(struct ui_form *f)
{
    struct ui_schedule s;

    ui_schedule_read(own(f)->old, &s);
    own(f)->filling = true;
    ui_form_suggest(f, "frequency", s.frequency, NULL);
    if (*s.days)
        ui_form_suggest(f, "days", s.days, NULL);
    if (*s.hours)
        ui_form_suggest(f, "hours", s.hours, NULL);
    if (*s.time)
        ui_form_suggest(f, "time", s.time, NULL);
    ui_form_suggest(f, "zone", s.zone, NULL);
    ui_form_suggest(f, "windows", s.windows, NULL);
    ui_form_suggest(f, "rate", s.rate, NULL);
    own(f)->filling = false;
}

static void take_policy(struct ui_form *f, const struct kg_answer *a)
{
    struct policy *p = own(f);
    const struct kg_json *properties = a->reply ? kg_json_get(a->reply->json, "properties") : NULL;

    p->loading = false;
    f->base.changed = true;
    if (a->err || kg_json_type(properties) != KG_JSON_OBJECT) {
        p->err = a->err ? *a->err : (struct kg_err){ 0 };
        if (!a->err)
            (void)kg_err_set(&p->err, KG_E_NO_REPLY, "the service's answer is no backup policy");
        f->err = p->err;
        return;
    }
    p->old = kg_json_copy(properties);
    kg_json_free(p->rules);
    p->rules = ui_rules_read(p->old);
    fill(f);
    follow(f);
}

static void take_users(struct ui_form *f, const struct kg_answer *a)
{
    if (!a->reply)
        return;
    own(f)->users = 0;
    for (const struct kg_json *i = kg_json_first(kg_json_get(a->reply->json, "value")); i; i = kg_json_next(i))
        own(f)->users += strcasecmp(kg_json_str_or(i, "properties.policyInfo.policyId", ""), f->base.arg) == 0;
    f->base.changed = true;
}

static void answer(struct ui_form *f, int tag, const struct kg_answer *a)
{
    if (tag == TAG_POLICY)
        take_policy(f, a);
    else if (tag == TAG_USERS)
        take_users(f, a);
    else if (tag == TAG_PREVIEW)
        take_preview(f, a);
    else if (tag == TAG_VAULT)
        take_vault(f, a);
}

static void closed(struct ui_form *f, const char *kind, const char *result)
{
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_err ignored = { 0 };

    if (strcmp(kind, "retention-rule") != 0 || !result || kg_json_parse(result, strlen(result), &j, &ignored) < 0 ||
        !kg_json_str(j, "rule.name"))
        return;
    ui_rules_put(&own(f)->rules, kg_json_str(j, "was"), kg_json_get(j, "rule"));
    rules_changed(f);
}

static bool submit(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    KG_AUTO_JSON struct kg_json *body = NULL;

    if (i)
        return false;
    body = kg_json_object();
    kg_json_set(body, "properties", document(f));
    kg_json_print(body, false, ret->body);
    (void)path_of(f, ret->path);
    ret->doing = own(f)->edit ? "Changing the backup policy" : "Creating the backup policy";
    return true;
}

static void cli(const struct ui_form *f, struct kg_buf *ret)
{
    KG_AUTO_JSON struct kg_json *doc = document(f);
    const char *vault = own(f)->edit ? f->base.arg : ui_form_value(f, "vault");
    char part[200];

    kg_buf_addf(ret, "keepgres backup-policy %s", own(f)->edit ? "update" : "create");
    ui_form_add_option(ret, "-g", ui_id_part(vault, "resourceGroups", part, sizeof part));
    ui_form_add_option(ret, "-v", ui_id_part(vault, "backupVaults", part, sizeof part));
    ui_form_add_option(ret, "-n", own(f)->edit ? ui_last_part(f->base.arg) : ui_form_value(f, "name"));
    kg_buf_adds(ret, " --policy - <<'EOF'\n");
    kg_json_print(doc, true, ret);
    kg_buf_adds(ret, ret->len && ret->p[ret->len - 1] == '\n' ? "EOF\n" : "\nEOF\n");
}

static void review_rules(const struct ui_form *f, struct kg_buf *ret)
{
    KG_AUTO_JSON struct kg_json *policy = kg_json_object();
    const struct policy *p = own(f);

    kg_json_set(policy, "properties", document(f));
    kg_buf_adds(ret, "Retention rules, first match wins\n");
    for (unsigned i = 0; i < kg_json_count(p->rules); i++) {
        struct ui_shown s = { "", UI_NONE };

        ui_policy_rule(policy, i, &s);
        kg_buf_addf(ret, "  %s\n", s.text);
    }
    if (ui_rules_use_archive(p->rules) && p->archive == UI_ARCHIVE_MISSING)
        kg_buf_addf(ret, "\n! Vault %s was created without an archive datastore: its archive lies beside its directory, on the same "
                    "disk.\n", ui_last_part(p->vault));
    if (!p->edit)
        return;
    kg_buf_adds(ret, "\nApplies to new recovery points only. Those that are there keep what they were promised.\n");
    if (p->users >= 0)
        kg_buf_addf(ret, "%d backup instance%s follow%s this policy.\n", p->users, p->users == 1 ? "" : "s", p->users == 1 ? "s" : "");
}

static const struct ui_form_kind create_form = {
    .step = create_steps, .n_steps = KG_ARRAY_LEN(create_steps), .submit_label = "Create", .review = true,
    .succeeded = "Backup policy {name} was created", .own_size = sizeof(struct policy), .open = open_create, .done = done,
    .answer = answer, .closed = closed, .submit = submit, .cli = cli, .more_review = review_rules,
};
const struct ui_kind ui_wizard_create_policy = {
    .name = "create-policy", .title = "Create backup policy", .shape = UI_WIZARD, .family = UI_FORM, .data = &create_form,
    .found_by = "new schedule retention",
};
static const struct ui_form_kind edit_form = {
    .step = edit_steps, .n_steps = KG_ARRAY_LEN(edit_steps), .submit_label = "Save", .review = true,
    .succeeded = "The backup policy was changed, for new recovery points", .own_size = sizeof(struct policy), .open = open_edit,
    .done = done, .answer = answer, .closed = closed, .submit = submit, .cli = cli, .more_review = review_rules,
};
const struct ui_kind ui_wizard_edit_policy = {
    .name = "edit-policy", .title = "Edit backup policy", .shape = UI_WIZARD, .family = UI_FORM, .data = &edit_form,
};
