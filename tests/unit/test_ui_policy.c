/* Policies in the portal: what their wizard sends, what of a document it keeps, the picture of what will be; changing and
 * stopping protection, the security of a vault, filters. What is sent is read with the service's own reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "crypto/crypto.h"
#include "model/form.h"
#include "model/list.h"
#include "model/policy.h"
#include "model/policy_chart.h"
#include "model/policy_doc.h"
#include "ui_fake_host.h"
#include "ui_golden.h"
#include "view/form_view.h"
#include "view/view.h"

#define VAULT "/subscriptions/default/resourceGroups/rg1/providers/Microsoft.DataProtection/backupVaults/vault1"
#define POLICY VAULT "/backupPolicies/weekly"
#define INSTANCE VAULT "/backupInstances/shop"

struct bench { struct fake_host h; struct ui_model *m; struct ui_form *f; };

static void start(struct bench *b, const char *kind, const char *arg)
{
    fake_host_init(&b->h);
    b->m = ui_model_new(ui_kind_of_name(kind), &b->h.host, arg);
    b->f = (struct ui_form *)b->m;
}
static void end(struct bench *b) { ui_model_free(b->m); }

static void type(struct bench *b, const char *text)
{
    for (; *text; text++)
        fake_type(b->m, ui_form_keys(b->f), (char[]){ *text, 0 });
}

static void focus(struct bench *b, const char *field)
{
    for (size_t i = 0; i < b->f->n_inputs; i++)
        if (b->f->input[i].field->name && strcmp(b->f->input[i].field->name, field) == 0)
            ui_form_focus(b->f, (int)i);
}

static void draw(struct bench *b, int h, int w, enum ui_alphabet a, const char *name)
{
    struct ui_canvas c;
    struct ui_rect all = { 0, 0, h, w };

    ui_canvas_init(&c, h, w, a);
    ui_canvas_clear(&c);
    if (b->m->kind->family == UI_FORM)
        ui_form_view_draw(b->f, &c, b->m->kind->shape == UI_DIALOG ? ui_form_dialog_area(b->f, h, w) : all);
    else
        ui_view_draw(b->m, &c, all);
    golden(&c, name);
    ui_canvas_done(&c);
}

/* The body of the newest question whose path has this text. */
static struct kg_json *body_of(struct bench *b, const char *part, const char *method)
{
    struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    for (size_t i = b->h.n_asks; i-- > 0;)
        if (strstr(b->h.ask[i].path, part) && strcmp(b->h.ask[i].method, method) == 0) {
            if (kg_json_parse(b->h.ask[i].body, strlen(b->h.ask[i].body), &j, &err) < 0)
                fail_msg("%s: %s", err.msg, b->h.ask[i].body);
            return j;
        }
    fail_msg("nobody sent %s %s", method, part);
    return NULL;
}

static struct kg_policy *policy_in(const struct kg_json *body)
{
    struct kg_policy *p = NULL;
    struct kg_err err = { 0 };

    if (kg_policy_from_json(body, &p, &err) < 0)
        fail_msg("the service would refuse it: %s", err.msg);
    return p;
}

/* The newest question about what will be: as fake_find, but the last. */
static const char preview[] =
    "{\"startTime\":\"2026-09-21T14:13:20Z\",\"until\":\"2027-09-22T00:00:00Z\",\"timeZone\":\"UTC\","
    "\"cut\":false,\"schedule\":["
    "{\"time\":\"2026-09-27T02:00:00Z\",\"local\":\"2026-09-27T02:00:00+00:00\"},"
    "{\"time\":\"2026-10-04T02:00:00Z\",\"local\":\"2026-10-04T02:00:00+00:00\"},"
    "{\"time\":\"2026-10-11T02:00:00Z\",\"local\":\"2026-10-11T02:00:00+00:00\"}],\"counts\":["
    "{\"date\":\"2026-10-22\",\"time\":\"2026-10-22T00:00:00Z\",\"total\":4,\"byTag\":{\"Monthly\":1,"
    "\"Default\":3},\"byStore\":{\"VaultStore\":4,\"ArchiveStore\":0}},"
    "{\"date\":\"2027-03-22\",\"time\":\"2027-03-22T00:00:00Z\",\"total\":18,\"byTag\":{\"Monthly\":6,"
    "\"Default\":12},\"byStore\":{\"VaultStore\":16,\"ArchiveStore\":2}},"
    "{\"date\":\"2027-09-22\",\"time\":\"2027-09-22T00:00:00Z\",\"total\":25,\"byTag\":{\"Monthly\":12,"
    "\"Default\":13},\"byStore\":{\"VaultStore\":17,\"ArchiveStore\":8}}]}";

static void to_schedule(struct bench *b)
{
    start(b, "create-policy", VAULT);
    fake_answer(&b->h, "/backupVaults", "{\"value\":[{\"id\":\"" VAULT "\",\"name\":\"vault1\","
        "\"location\":\"local\"}]}");
    fake_answer(&b->h, "/backupPolicies", "{\"value\":[{\"id\":\"" POLICY "\",\"name\":\"weekly\"}]}");
    focus(b, "name");
    type(b, "nightly\n");
    ui_form_press(b->f, UI_BUTTON_NEXT);
    assert_int_equal(b->f->step, 1);
}

/* ---- the wizard ---- */

static void a_new_policy_is_one_that_the_service_accepts(void **state)
{
    struct bench b;
    KG_AUTO_JSON struct kg_json *body = NULL;
    KG_AUTO_POLICY struct kg_policy *p = NULL;

    (void)state;
    to_schedule(&b);
    ui_form_set(b.f, "days", "Sunday,Wednesday", NULL);
    ui_form_set(b.f, "zone", "Europe/Berlin", NULL);
    ui_form_set(b.f, "time", "22:30", NULL);
    ui_form_set(b.f, "windows", "22:00-06:00, 12:00-13:00", NULL);
    ui_form_set(b.f, "rate", "50", NULL);
    ui_form_press(b.f, UI_BUTTON_NEXT);
    assert_true(ui_form_is_review(b.f));
    ui_form_press(b.f, UI_BUTTON_SUBMIT);
    assert_non_null(fake_find(&b.h, VAULT "/backupPolicies/nightly"));
    body = body_of(&b, "/backupPolicies/nightly", "PUT");
    p = policy_in(body);
    assert_int_equal(p->interval_count, 2);
    assert_true(p->intervals[0].floating);
    assert_int_equal(p->intervals[0].weekday, 0);
    assert_int_equal(p->intervals[1].weekday, 3);
    assert_string_equal(p->time_zone, "Europe/Berlin");
    assert_non_null(strstr(p->interval_texts[0], "T22:30:00/P1W"));
    assert_int_equal(p->window_count, 2);
    assert_int_equal(p->rate_limit, 50);
    assert_int_equal(p->retention_count, 1);
    assert_string_equal(p->retention[0].lifecycles[0].delete_text, "P3M");
    end(&b);
}

static void weekdays_are_those_that_were_chosen_on_any_day(void **state)
{
    struct ui_schedule s = { .frequency = "Weekly", .time = "02:00", .zone = "UTC" };
    KG_AUTO_JSON struct kg_json *rules = ui_rules_new();

    (void)state;
    for (unsigned d = 0; d < 49; d++) {
        int64_t now = (1790000000 + (int64_t)(d / 7) * 86400) * 1000000;
        KG_AUTO_JSON struct kg_json *doc = NULL;
        KG_AUTO_POLICY struct kg_policy *p = NULL;

        kg_text_copy(s.days, sizeof s.days, ui_weekdays[d % 7]);
        doc = ui_policy_make(NULL, "Microsoft.DBforPostgreSQL/servers/databases", &s, rules, now);
        p = policy_in(doc);
        assert_int_equal(p->intervals[0].weekday, d % 7);
        assert_true(p->intervals[0].start <= now + (int64_t)86400 * 1000000);
        assert_true(p->intervals[0].start > now - (int64_t)8 * 86400 * 1000000);
    }
}

static void every_frequency_comes_back_as_it_was_chosen(void **state)
{
    static const struct ui_schedule all[] = {
        { .frequency = "Weekly", .days = "Sunday,Friday", .time = "23:59", .zone = "UTC" },
        { .frequency = "Daily", .time = "00:00", .zone = "America/New_York", .windows = "22:00-24:00" },
        { .frequency = "Hourly", .hours = "4", .time = "01:30", .zone = "UTC", .rate = "7" },
        { .frequency = "Hourly", .hours = "12", .time = "01:30", .zone = "Asia/Kolkata" },
    };
    KG_AUTO_JSON struct kg_json *rules = ui_rules_new();

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(all); i++) {
        KG_AUTO_JSON struct kg_json *doc = ui_policy_make(NULL, "Microsoft.DBforPostgreSQL/flexibleServers", &all[i], rules,
                                                          (int64_t)1790000000 * 1000000);
        KG_AUTO_JSON struct kg_json *stored = NULL;
        struct kg_err err = { 0 };
        struct ui_schedule s;

        assert_int_equal(kg_policy_normalise(doc, &stored, &err), 0);
        ui_schedule_read(stored, &s);
        assert_memory_equal(s.frequency, all[i].frequency, strlen(all[i].frequency) + 1);
        assert_string_equal(s.days, all[i].days);
        assert_string_equal(s.time, all[i].time);
        assert_string_equal(s.hours, all[i].hours);
        assert_string_equal(s.zone, all[i].zone);
        assert_string_equal(s.windows, all[i].windows);
        assert_string_equal(s.rate, all[i].rate);
    }
}

static void the_picture_follows_every_change(void **state)
{
    struct bench b;
    KG_AUTO_JSON struct kg_json *first = NULL, *second = NULL, *policy = NULL;
    KG_AUTO_POLICY struct kg_policy *p = NULL;
    size_t asked;

    (void)state;
    to_schedule(&b);
    first = body_of(&b, "/preview", "POST");
    asked = b.h.n_asks;
    focus(&b, "frequency");
    type(&b, " ");
    assert_int_equal(b.h.n_asks, asked + 1);
    assert_null(fake_find(&b.h, "nowhere"));
    second = body_of(&b, "/preview", "POST");
    policy = kg_json_take(second, "policy");
    p = policy_in(policy);
    assert_int_equal(p->interval_count, 1);
    assert_int_equal(p->intervals[0].span.days, 1);
    assert_int_equal(kg_json_count(kg_json_get(second, "at")), 48);
    assert_false(b.h.ask[asked - 1].waits);  /* what was asked before is of no interest any more */
    fake_answer(&b.h, "/preview", preview);
    draw(&b, 24, 80, UI_UTF8, "policy-schedule-80x24");
    draw(&b, 36, 120, UI_UTF8, "policy-schedule-120x36");
    draw(&b, 24, 120, UI_ASCII, "policy-schedule-ascii");
    focus(&b, "time");
    type(&b, "\b");
    assert_int_equal(b.h.n_asks, asked + 1); /* half a time is nothing to ask about */
    end(&b);
}

static void what_the_service_refuses_keeps_one_on_the_step(void **state)
{
    struct bench b;

    (void)state;
    to_schedule(&b);
    ui_form_set(b.f, "zone", "Europe/Nowhere", NULL);
    fake_fail(&b.h, "/preview", KG_E_USAGE, "there is no time zone 'Europe/Nowhere'");
    ui_form_press(b.f, UI_BUTTON_NEXT);
    assert_int_equal(b.f->step, 1);
    assert_string_equal(ui_form_step_error(b.f, 1), "there is no time zone 'Europe/Nowhere'");
    ui_form_set(b.f, "zone", "Europe/Berlin", NULL);
    fake_answer(&b.h, "/preview", preview);
    ui_form_press(b.f, UI_BUTTON_NEXT);
    assert_true(ui_form_is_review(b.f));
    end(&b);
    to_schedule(&b);                         /* a service that cannot be asked refuses nothing */
    fake_fail(&b.h, "/preview", KG_E_NO_REPLY, "the service does not answer");
    ui_form_press(b.f, UI_BUTTON_NEXT);
    assert_true(ui_form_is_review(b.f));
    end(&b);
}

static void fields_say_what_is_wrong(void **state)
{
    static const struct { const char *field, *wrong, *right; } all[] = {
        { "time", "24:00", "23:59" }, { "time", "7:00", "07:00" }, { "zone", "Europe/Berlin;", "Etc/GMT+5" },
        { "windows", "22:00-6:00", "22:00-06:00" }, { "windows", "22:00-22:00", "22:00-24:00,01:00-02:00" }, { "rate", "0", "1" },
    };
    struct bench b;

    (void)state;
    to_schedule(&b);
    for (size_t i = 0; i < KG_ARRAY_LEN(all); i++) {
        ui_form_set(b.f, all[i].field, all[i].wrong, NULL);
        ui_form_press(b.f, UI_BUTTON_NEXT);
        assert_int_equal(b.f->step, 1);
        ui_form_set(b.f, all[i].field, all[i].right, NULL);
        ui_form_press(b.f, UI_BUTTON_NEXT);
        assert_true(ui_form_is_review(b.f));
        ui_form_press(b.f, UI_BUTTON_BACK);
    }
    end(&b);
}

/* ---- rules ---- */

/* Opens the dialog with what the wizard gave it, does what fill does, and gives its result back. */
static void in_dialog(struct bench *b, void (*fill)(struct bench *d))
{
    struct bench d;

    assert_string_equal(b->h.opened, "retention-rule");
    start(&d, "retention-rule", b->h.opened_arg);
    fill(&d);
    ui_form_press(d.f, UI_BUTTON_SUBMIT);
    if (!d.h.is_closed)
        fail_msg("the dialog stays: %s", ui_form_step_error(d.f, 0) ? ui_form_step_error(d.f, 0) : "a field is wrong");
    ui_model_closed(b->m, "retention-rule", d.h.closed);
    end(&d);
}

static void monthly_for_a_year_then_archive(struct bench *d)
{
    ui_form_set(d->f, "name", "Monthly", NULL);
    ui_form_set(d->f, "vaultCount", "12", NULL);
    ui_form_set(d->f, "archive", "CopyOnExpiryOption", NULL);
    ui_form_set(d->f, "archiveCount", "10", NULL);
    ui_form_set(d->f, "archiveUnit", "Y", NULL);
    draw(d, 24, 80, UI_UTF8, "policy-rule-80x24");
}
static void yearly_for_ten(struct bench *d)
{
    ui_form_set(d->f, "name", "Yearly", NULL);
    ui_form_set(d->f, "vaultCount", "10", NULL);
    ui_form_set(d->f, "vaultUnit", "Y", NULL);
}
static void copied_after_a_week(struct bench *d)
{
    ui_form_set(d->f, "archive", "CustomCopyOption", NULL);
    ui_form_set(d->f, "afterCount", "1", NULL);
    ui_form_set(d->f, "afterUnit", "W", NULL);
}

static void rules_are_added_changed_and_removed_in_their_order(void **state)
{
    struct bench b;
    KG_AUTO_JSON struct kg_json *body = NULL;
    KG_AUTO_POLICY struct kg_policy *p = NULL;

    (void)state;
    to_schedule(&b);
    focus(&b, "rules");
    ui_command_run(&b.f->kind->step[1].grid->commands[0], b.m);
    in_dialog(&b, monthly_for_a_year_then_archive);
    ui_command_run(&b.f->kind->step[1].grid->commands[0], b.m);
    in_dialog(&b, yearly_for_ten);
    b.f->grid.cursor = 2;                    /* the default rule, which is the last */
    assert_non_null(ui_command_refused(&b.f->kind->step[1].grid->commands[2], b.m));
    type(&b, "\n");
    in_dialog(&b, copied_after_a_week);
    fake_answer(&b.h, "/preview", preview);
    draw(&b, 24, 80, UI_UTF8, "policy-rules-80x24");
    draw(&b, 36, 120, UI_UTF8, "policy-rules-120x36");
    ui_form_press(b.f, UI_BUTTON_NEXT);
    draw(&b, 24, 80, UI_UTF8, "policy-review-80x24");
    ui_form_press(b.f, UI_BUTTON_SUBMIT);
    body = body_of(&b, "/backupPolicies/nightly", "PUT");
    p = policy_in(body);
    assert_int_equal(p->tag_count, 3);
    assert_string_equal(p->tags[0].name, "Yearly");
    assert_int_equal(p->tags[0].criteria[0].markers, 1u << KG_MARK_YEAR);
    assert_string_equal(p->tags[1].name, "Monthly");
    assert_string_equal(p->tags[2].name, "Default");
    assert_int_equal(kg_policy_retention(p, "Monthly")->lifecycles[0].copies[0].when, KG_COPY_ON_EXPIRY);
    assert_string_equal(kg_policy_retention(p, "Monthly")->lifecycles[1].delete_text, "P10Y");
    assert_int_equal(kg_policy_retention(p, "Default")->lifecycles[0].copies[0].when, KG_COPY_CUSTOM);
    assert_string_equal(kg_policy_retention(p, "Default")->lifecycles[0].copies[0].after_text, "P1W");
    end(&b);
}

static void to_archive(struct bench *d) { ui_form_set(d->f, "archive", "ImmediateCopyOption", NULL); }

/* Whether the vault has an archive is known, or nothing is said about it. */
static void a_vault_without_archive_is_told_where_one_sends_something_there(void **state)
{
    static const struct { const char *vault; bool told; } all[] = {
        { NULL, false },
        { "{\"id\":\"" VAULT "\",\"properties\":{\"storageSettings\":[{\"datastoreType\":\"VaultStore\"},"
          "{\"datastoreType\":\"ArchiveStore\"}]}}", false },
        { "{\"id\":\"" VAULT "\",\"properties\":{\"storageSettings\":[{\"datastoreType\":\"VaultStore\"}]}}", true },
        { "{\"id\":\"/another/vault\",\"properties\":{\"storageSettings\":[{\"datastoreType\":\"VaultStore\"}]}}", false },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(all); i++) {
        KG_AUTO_BUF struct kg_buf note = KG_BUF_INIT(4096), review = KG_BUF_INIT(4096);
        struct bench b, d;

        start(&b, "create-policy", VAULT);
        if (all[i].vault)
            fake_answer(&b.h, VAULT, all[i].vault);
        b.f->reached[1] = true;
        (void)ui_form_go(b.f, 1);
        ui_form_focus(b.f, (int)(ui_form_input(b.f, "rules") - b.f->input));
        (void)ui_model_act(b.m, UI_ACT_OPEN);
        start(&d, "retention-rule", b.h.opened_arg);
        assert_false(ui_form_input_shown(d.f, d.f->n_inputs - 2));
        to_archive(&d);
        assert_int_equal(ui_form_input_shown(d.f, d.f->n_inputs - 2), all[i].told);
        d.f->input[d.f->n_inputs - 2].field->text(d.f, &note);
        assert_string_equal(note.p, "! Vault vault1 was created without an archive datastore: its archive lies beside its directory, on "
                                    "the same disk.");
        end(&d);
        in_dialog(&b, to_archive);
        b.f->kind->more_review(b.f, &review);
        assert_int_equal(strstr(review.p, "! Vault vault1 was created without an archive datastore") != NULL, all[i].told);
        end(&b);
    }
}

static void limits_of_a_rule_are_said_beside_the_field(void **state)
{
    static const struct { const char *count, *unit; bool vault, archive; } all[] = {
        { "6", "D", false, false }, { "7", "D", true, false }, { "1", "W", true, false }, { "10", "Y", true, true },
        { "11", "Y", false, false }, { "6", "M", true, true }, { "5", "M", true, false }, { "120", "M", true, true },
        { "121", "M", false, false }, { "179", "D", true, false }, { "180", "D", true, true }, { "3653", "D", false, false },
    };
    struct bench d;

    (void)state;
    start(&d, "retention-rule", "{\"used\":[\"Yearly\"]}");
    ui_form_set(d.f, "archive", "ImmediateCopyOption", NULL);
    for (size_t i = 0; i < KG_ARRAY_LEN(all); i++) {
        ui_form_set(d.f, "vaultCount", all[i].count, NULL);
        ui_form_set(d.f, "vaultUnit", all[i].unit, NULL);
        ui_form_set(d.f, "archiveCount", all[i].count, NULL);
        ui_form_set(d.f, "archiveUnit", all[i].unit, NULL);
        assert_int_equal(!ui_form_wrong(d.f, 2), all[i].vault);
        assert_int_equal(!ui_form_wrong(d.f, 7), all[i].archive);
    }
    ui_form_set(d.f, "name", "Yearly", NULL);
    assert_string_equal(ui_form_wrong(d.f, 0), "There is such a rule already.");
    end(&d);
}

/* ---- an existing policy ---- */

static const char stored[] =
    "{\"id\":\"" POLICY "\",\"name\":\"weekly\",\"properties\":{\"datasourceTypes\":[\"Microsoft.DBforPostgreSQL/flexibleServers\"],"
    "\"objectType\":\"BackupPolicy\",\"policyRules\":[{\"name\":\"BackupWeekly\",\"objectType\":\"AzureBackupRule\","
    "\"backupParameters\":{\"objectType\":\"AzureBackupParams\",\"backupType\":\"Full\",\"rolePasswords\":true},"
    "\"dataStore\":{\"objectType\":\"DataStoreInfoBase\",\"dataStoreType\":\"VaultStore\"},"
    "\"trigger\":{\"objectType\":\"ScheduleBasedTriggerContext\",\"schedule\":{\"timeZone\":\"UTC\","
    "\"repeatingTimeIntervals\":"
    "[\"R/2021-08-15T06:30:00+00:00/P1W\",\"R/2021-08-18T06:30:00+00:00/P1W\"]},\"taggingCriteria\":["
    "{\"isDefault\":false,\"taggingPriority\":7,\"tagInfo\":{\"tagName\":\"Quarterly\"},\"criteria\":[{\"objectType\":"
    "\"ScheduleBasedBackupCriteria\",\"monthsOfYear\":[\"January\",\"April\"]}]},"
    "{\"isDefault\":true,\"taggingPriority\":99,\"tagInfo\":{\"tagName\":\"Default\"}}]}},"
    "{\"name\":\"Quarterly\",\"objectType\":\"AzureRetentionRule\",\"isDefault\":false,"
    "\"lifecycles\":[{\"deleteAfter\":{\"objectType\":"
    "\"AbsoluteDeleteOption\",\"duration\":\"P1Y6M\"},\"sourceDataStore\":{\"objectType\":\"DataStoreInfoBase\","
    "\"dataStoreType\":\"VaultStore\"}}]},"
    "{\"name\":\"Default\",\"objectType\":\"AzureRetentionRule\",\"isDefault\":true,"
    "\"lifecycles\":[{\"deleteAfter\":{\"objectType\":"
    "\"AbsoluteDeleteOption\",\"duration\":\"P3M\"},\"sourceDataStore\":{\"objectType\":\"DataStoreInfoBase\","
    "\"dataStoreType\":\"VaultStore\"}}]}"
    "]}}";

static void start_edit(struct bench *b, const char *document)
{
    start(b, "edit-policy", POLICY);
    ui_form_press(b->f, UI_BUTTON_NEXT);
    assert_int_equal(b->f->step, 0);         /* nothing can be sent before it was read */
    fake_answer(&b->h, "weekly", document);
    fake_answer(&b->h, "/backupInstances", "{\"value\":[{\"properties\":{\"policyInfo\":{\"policyId\":\"" POLICY "\"}}},"
                "{\"properties\":{\"policyInfo\":{\"policyId\":\"" POLICY "2\"}}}]}");
}

static void what_the_wizard_does_not_know_stays_as_it_was(void **state)
{
    struct bench b;
    KG_AUTO_JSON struct kg_json *body = NULL, *was = NULL, *now = NULL, *before = NULL;
    KG_AUTO_BUF struct kg_buf x = KG_BUF_INIT(1 << 20), y = KG_BUF_INIT(1 << 20);
    struct kg_err err = { 0 };

    (void)state;
    start_edit(&b, stored);
    assert_true(ui_form_is(b.f, "frequency", "Weekly"));
    assert_true(ui_form_is(b.f, "days", "Sunday,Wednesday"));
    assert_false(ui_model_dirty(b.m));
    fake_answer(&b.h, "/preview", preview);
    ui_form_press(b.f, UI_BUTTON_NEXT);
    draw(&b, 24, 80, UI_UTF8, "policy-edit-review-80x24");
    ui_form_press(b.f, UI_BUTTON_SUBMIT);
    body = body_of(&b, POLICY, "PUT");
    assert_int_equal(kg_json_parse(stored, strlen(stored), &before, &err), 0);
    assert_int_equal(kg_policy_normalise(before, &was, &err), 0);
    assert_int_equal(kg_policy_normalise(body, &now, &err), 0);
    kg_json_print(was, true, &x);
    kg_json_print(now, true, &y);
    assert_string_equal(x.p, y.p);
    end(&b);
}

static void one_change_changes_one_thing(void **state)
{
    struct bench b;
    KG_AUTO_JSON struct kg_json *body = NULL;
    KG_AUTO_POLICY struct kg_policy *p = NULL;

    (void)state;
    start_edit(&b, stored);
    ui_form_set(b.f, "time", "07:00", NULL);
    assert_true(ui_model_dirty(b.m));
    ui_form_press(b.f, UI_BUTTON_NEXT);
    ui_form_press(b.f, UI_BUTTON_SUBMIT);
    body = body_of(&b, POLICY, "PUT");
    p = policy_in(body);
    assert_int_equal(p->interval_count, 2);
    assert_non_null(strstr(p->interval_texts[1], "T07:00:00+00:00/P1W"));
    assert_int_equal(p->intervals[1].weekday, 3);
    assert_true(p->role_passwords);
    assert_int_equal(p->tags[0].priority, 7);
    assert_int_equal(p->tags[0].criteria[0].months, 1 | 8);
    assert_string_equal(p->datasource_type, "Microsoft.DBforPostgreSQL/flexibleServers");
    end(&b);
}

static void an_odd_schedule_is_kept_until_another_is_chosen(void **state)
{
    static const char *const odd[] = {
        "R/2021-08-15T06:30:00+00:00/P2W", "R/2021-08-15T06:30:15+00:00/P1W", "R/2021-08-15T06:30:00+02:00/P1D",
        "R/2021-08-15T06:30:00/P1M", "06:30",
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(odd); i++) {
        KG_AUTO_BUF struct kg_buf doc = KG_BUF_INIT(1 << 20);
        KG_AUTO_JSON struct kg_json *body = NULL;
        struct bench b;

        kg_buf_adds(&doc, stored);
        kg_buf_reset(&doc);
        kg_buf_add(&doc, stored, (size_t)(strstr(stored, "[\"R/") - stored));
        kg_buf_addf(&doc, "[\"%s\"", odd[i]);
        kg_buf_adds(&doc, strstr(stored, "]},\"taggingCriteria"));
        start_edit(&b, doc.p);
        assert_true(ui_form_is(b.f, "frequency", "Other"));
        ui_form_press(b.f, UI_BUTTON_NEXT);
        assert_true(ui_form_is_review(b.f));
        ui_form_press(b.f, UI_BUTTON_SUBMIT);
        body = body_of(&b, POLICY, "PUT");
        assert_string_equal(kg_json_str(body, "properties.policyRules.0.trigger.schedule.repeatingTimeIntervals.0"), odd[i]);
        end(&b);
    }
}

static void a_policy_that_cannot_be_read_cannot_be_written(void **state)
{
    struct bench b;

    (void)state;
    start(&b, "edit-policy", POLICY);
    fake_fail(&b.h, "weekly", KG_E_NOT_FOUND, "there is no backup policy 'weekly'");
    ui_form_press(b.f, UI_BUTTON_NEXT);
    assert_int_equal(b.f->step, 0);
    ui_form_submit(b.f);
    for (size_t i = 0; i < b.h.n_asks; i++)
        assert_string_not_equal(b.h.ask[i].method, "PUT");
    end(&b);
}

static void durations_of_several_units_become_one_when_they_can(void **state)
{
    static const struct { const char *text; unsigned count; char unit; } good[] = {
        { "P3M", 3, 'M' }, { "P1Y6M", 18, 'M' }, { "P2W", 2, 'W' }, { "P1W3D", 10, 'D' }, { "P10Y", 10, 'Y' }, { "P30D", 30, 'D' },
    };
    static const char *const bad[] = { "", "P", "3M", "P1M3D", "PT3H", "P3", "PM", "P3M2Y", "P-3M", "P9999999D" };
    unsigned n;
    char u;

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(good); i++) {
        assert_true(ui_span_read(good[i].text, &n, &u));
        assert_int_equal(n, good[i].count);
        assert_int_equal(u, good[i].unit);
    }
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++)
        assert_false(ui_span_read(bad[i], &n, &u));
}

/* ---- the timeline ---- */

static void hostile_names_and_empty_answers_do_not_break_the_picture(void **state)
{
    static const char *const answers[] = {
        "{}", "[]", "{\"counts\":[]}", "{\"counts\":[1,\"x\",null]}", "{\"counts\":[{\"byTag\":7}],\"schedule\":[3]}",
        "{\"counts\":[{\"date\":\"x\",\"byTag\":{\"\\u001b[31mred\\u001b[0m and a very long name\":1e300}}]}",
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(answers); i++)
        for (int w = 0; w < 300; w += 7) {
            KG_AUTO_JSON struct kg_json *j = NULL;
            KG_AUTO_BUF struct kg_buf out = KG_BUF_INIT(1 << 20);
            struct kg_err err = { 0 };

            assert_int_equal(kg_json_parse(answers[i], strlen(answers[i]), &j, &err), 0);
            ui_chart_of(j, w, &out);
            ui_chart_starts(j, w, &out);
            ui_chart_years(j, &out);
            assert_null(strchr(out.p, '\x1b'));
        }
}

static void the_policys_page_shows_the_picture_above_the_points(void **state)
{
    struct bench b;
    KG_AUTO_JSON struct kg_json *body = NULL;
    KG_AUTO_FREE char *answer = kg_xprintf("%.*s,\"points\":[{\"time\":\"2026-09-27T02:00:00Z\","
        "\"rule\":\"Monthly\",\"leaves\":["
        "{\"store\":\"VaultStore\",\"until\":\"2027-09-27T02:00:00Z\"}]}]}", (int)strlen(preview) - 1, preview);

    (void)state;
    start(&b, "policy-timeline", POLICY);
    body = body_of(&b, POLICY "/preview", "POST");
    assert_int_equal(kg_json_count(kg_json_get(body, "at")), 120);
    fake_answer(&b.h, "/preview", answer);
    draw(&b, 18, 78, UI_UTF8, "policy-timeline-80x24");
    draw(&b, 30, 98, UI_UTF8, "policy-timeline-120x36");
    draw(&b, 8, 78, UI_ASCII, "policy-timeline-low");
    end(&b);
}

static void only_instances_of_the_policy_are_in_its_tab(void **state)
{
    struct bench b;

    (void)state;
    start(&b, "policy-instances", POLICY);
    assert_non_null(fake_find(&b.h, VAULT "/backupInstances"));
    fake_answer(&b.h, "/backupInstances", "{\"value\":[{\"id\":\"/a\",\"name\":\"a\","
        "\"properties\":{\"policyInfo\":{\"policyId\":\"" POLICY "\"}}},"
                "{\"id\":\"/b\",\"name\":\"b\",\"properties\":{\"policyInfo\":{\"policyId\":\"/other\"}}}]}");
    assert_int_equal(((struct ui_list *)b.m)->rows.n, 1);
    end(&b);
}

/* ---- protection ---- */

static const char instance[] = "{\"id\":\"" INSTANCE "\",\"name\":\"shop\",\"tags\":{\"a\":\"b\"},"
    "\"properties\":{\"friendlyName\":\"shop\","
                               "\"policyInfo\":{\"policyId\":\"" POLICY "\"},"
                               "\"dataSourceInfo\":{\"resourceName\":\"shop\"}}}";

static void changing_the_policy_tells_what_it_means_and_puts_the_instance(void **state)
{
    struct bench b;
    KG_AUTO_JSON struct kg_json *body = NULL, *asked = NULL;
    KG_AUTO_FREE char *then = kg_xprintf("%.*s,\"points\":[{\"existing\":true,"
        "\"leaves\":[{\"store\":\"VaultStore\",\"until\":\"2026-12-01T02:00:00Z\"}]},"
        "{\"existing\":true,\"leaves\":[{\"store\":\"VaultStore\",\"until\":\"2026-12-08T02:00:00Z\"}]},"
        "{\"existing\":false}]}",
        (int)strlen(preview) - 1, preview);

    (void)state;
    start(&b, "change-policy", INSTANCE);
    fake_answer(&b.h, "/backupPolicies", "{\"value\":[{\"id\":\"" POLICY "\",\"name\":\"weekly\"},"
        "{\"id\":\"" VAULT "/backupPolicies/nightly\",\"name\":\"nightly\"}]}");
    ui_form_set(b.f, "policy", VAULT "/backupPolicies/nightly", NULL);
    ui_form_submit(b.f);                     /* the instance is not there yet */
    fake_answer(&b.h, "/backupInstances/shop", instance);
    fake_answer(&b.h, POLICY "/preview", "{\"schedule\":[{\"local\":\"2026-09-22T06:30:00+00:00\"}],"
        "\"counts\":[{\"total\":57}]}");
    asked = body_of(&b, "nightly/preview", "POST");
    assert_string_equal(kg_json_str(asked, "backupInstanceId"), INSTANCE);
    fake_answer(&b.h, "nightly/preview", then);
    draw(&b, 24, 80, UI_UTF8, "change-policy-80x24");
    ui_form_submit(b.f);
    body = body_of(&b, INSTANCE, "PUT");
    assert_string_equal(kg_json_str(body, "properties.policyInfo.policyId"), VAULT "/backupPolicies/nightly");
    assert_string_equal(kg_json_str(body, "properties.dataSourceInfo.resourceName"), "shop");
    assert_string_equal(kg_json_str(body, "tags.a"), "b");
    end(&b);
    start(&b, "change-policy", INSTANCE);
    fake_answer(&b.h, "/backupInstances/shop", instance);
    ui_form_set(b.f, "policy", POLICY, NULL);
    assert_non_null(ui_form_wrong(b.f, 2));
    end(&b);
}

static const char vault_on[] = "{\"properties\":{\"securitySettings\":{\"softDeleteSettings\":{\"state\":\"On\","
    "\"retentionDurationInDays\":30},"
                               "\"immutabilitySettings\":{\"state\":\"Disabled\"}}}}";

static void start_stop(struct bench *b, const char *vault)
{
    start(b, "stop-protection", INSTANCE);
    fake_answer(&b->h, "/recoveryPoints", "{\"value\":[{\"properties\":{\"summary\":{\"storedBytes\":1000000}}},"
                "{\"properties\":{\"summary\":{\"storedBytes\":500000}}}],"
                "\"nextLink\":\"http://localhost" INSTANCE "/recoveryPoints?page=2\"}");
    fake_answer(&b->h, "?page=2", "{\"value\":[{\"properties\":{\"summary\":{\"storedBytes\":500000}}}]}");
    if (vault)
        fake_answer(&b->h, "/vault1", vault);
}

static void stopping_keeps_suspends_or_deletes(void **state)
{
    static const struct { const char *how, *path, *method; } all[] = {
        { "retain", INSTANCE "/stopProtection", "POST" }, { "suspend", INSTANCE "/suspendBackups", "POST" },
        { "delete", INSTANCE, "DELETE" },
    };
    struct bench b;

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(all); i++) {
        start_stop(&b, vault_on);
        ui_form_set(b.f, "how", all[i].how, NULL);
        if (strcmp(all[i].how, "delete") == 0) {
            ui_form_submit(b.f);
            assert_string_not_equal(b.h.ask[b.h.n_asks - 1].method, "DELETE"); /* the name is not typed yet */
            draw(&b, 24, 80, UI_UTF8, "stop-delete-80x24");
            ui_edit_set(&b.f->typed, "shop");
        }
        ui_form_submit(b.f);
        assert_string_equal(b.h.ask[b.h.n_asks - 1].path, all[i].path);
        assert_string_equal(b.h.ask[b.h.n_asks - 1].method, all[i].method);
        end(&b);
    }
}

static void deleting_waits_until_it_is_known_what_goes(void **state)
{
    struct bench b;

    (void)state;
    start_stop(&b, NULL);
    ui_form_set(b.f, "how", "delete", NULL);
    ui_edit_set(&b.f->typed, "shop");
    ui_form_submit(b.f);
    assert_string_not_equal(b.h.ask[b.h.n_asks - 1].method, "DELETE");
    fake_answer(&b.h, "/vault1", "{\"properties\":{\"securitySettings\":{\"softDeleteSettings\":{\"state\":\"Off\"}}}}");
    assert_non_null(strstr(b.f->kind->danger(b.f), "3 recovery points (2.0 MB) are deleted for good"));
    ui_form_submit(b.f);
    assert_string_equal(b.h.ask[b.h.n_asks - 1].method, "DELETE");
    end(&b);
    start_stop(&b, "{\"properties\":{\"securitySettings\":{\"immutabilitySettings\":{\"state\":\"Unlocked\"}}}}");
    ui_form_set(b.f, "how", "delete", NULL);
    ui_edit_set(&b.f->typed, "shop");
    ui_form_submit(b.f);
    assert_string_not_equal(b.h.ask[b.h.n_asks - 1].method, "DELETE");
    end(&b);
}

static void what_cannot_be_taken_back_needs_the_vaults_name(void **state)
{
    struct bench b;
    KG_AUTO_JSON struct kg_json *body = NULL;

    (void)state;
    start(&b, "vault-security", VAULT);
    ui_form_submit(b.f);
    assert_int_equal(b.h.n_asks, 1);         /* its settings are not known yet */
    fake_answer(&b.h, "/vault1", vault_on);
    assert_true(ui_form_is(b.f, "days", "30"));
    ui_form_submit(b.f);
    assert_int_equal(b.h.n_asks, 1);         /* nothing is changed */
    ui_form_set(b.f, "immutability", "Locked", NULL);
    draw(&b, 24, 80, UI_UTF8, "vault-security-80x24");
    ui_form_submit(b.f);
    assert_int_equal(b.h.n_asks, 1);
    ui_edit_set(&b.f->typed, "vault1");
    ui_form_submit(b.f);
    body = body_of(&b, VAULT, "PATCH");
    assert_string_equal(kg_json_str(body, "properties.securitySettings.immutabilitySettings.state"), "Locked");
    assert_int_equal(kg_json_u64(body, "properties.securitySettings.softDeleteSettings.retentionDurationInDays", 0), 30);
    end(&b);
    start(&b, "vault-security", VAULT);
    fake_answer(&b.h, "/vault1", "{\"properties\":{\"securitySettings\":{"
                "\"softDeleteSettings\":{\"state\":\"AlwaysOn\",\"retentionDurationInDays\":14},"
                "\"immutabilitySettings\":{\"state\":\"Locked\"}}}}");
    ui_form_set(b.f, "softDelete", "Off", NULL);
    ui_form_set(b.f, "immutability", "Disabled", NULL);
    ui_edit_set(&b.f->typed, "vault1");
    ui_form_submit(b.f);
    assert_int_equal(b.h.n_asks, 1);
    end(&b);
}

/* ---- filters ---- */

static void a_filter_of_jobs_is_the_question_that_is_asked(void **state)
{
    struct bench b;
    KG_AUTO_JSON struct kg_json *chosen = NULL, *asked = NULL;
    struct kg_err err = { 0 };
    struct ui_model *list;

    (void)state;
    start(&b, "filter-jobs", "{\"statuses\":[\"Failed\"],\"time\":\"last 30 days\"}");
    assert_true(ui_form_is(b.f, "statuses", "Failed"));
    assert_true(ui_form_is(b.f, "time", "last 30 days"));
    ui_form_set(b.f, "operations", "OnDemandBackup,Restore", NULL);
    ui_form_set(b.f, "vaults", "vault1", NULL);
    draw(&b, 24, 80, UI_UTF8, "filter-jobs-80x24");
    ui_form_press(b.f, UI_BUTTON_SUBMIT);
    assert_int_equal(kg_json_parse(b.h.closed, strlen(b.h.closed), &chosen, &err), 0);
    assert_int_equal(kg_json_count(kg_json_get(chosen, "operations")), 2);
    assert_string_equal(kg_json_str(chosen, "vaults.0"), "vault1");
    list = ui_model_new(ui_kind_of_name("backup-jobs"), &b.h.host, "");
    ui_model_closed(list, "filter-jobs", b.h.closed);
    asked = body_of(&b, "searchBackupJobs", "POST");
    assert_string_equal(kg_json_str(asked, "statuses.0"), "Failed");
    assert_null(kg_json_get(asked, "time"));
    assert_string_equal(kg_json_str(asked, "startTime"), "2026-08-22T14:13:20Z");
    ui_model_free(list);
    end(&b);
}

static void a_range_of_days_takes_its_last_day_in(void **state)
{
    struct bench b;

    (void)state;
    start(&b, "filter-jobs", "");
    ui_form_set(b.f, "time", "range", NULL);
    ui_form_set(b.f, "startTime", "2026-11-01", NULL);
    ui_form_set(b.f, "endTime", "yesterday", NULL);
    ui_form_press(b.f, UI_BUTTON_SUBMIT);
    assert_false(b.h.is_closed);
    ui_form_set(b.f, "endTime", "2026-11-02", NULL);
    ui_form_press(b.f, UI_BUTTON_SUBMIT);
    assert_string_equal(b.h.closed, "{\"startTime\":\"2026-11-01T00:00:00Z\",\"endTime\":\"2026-11-03T00:00:00Z\"}");
    end(&b);
}

static void view_all_lifts_the_seven_days_and_keeps_the_filter(void **state)
{
    struct bench b;
    KG_AUTO_JSON struct kg_json *first = NULL, *all = NULL;
    const struct ui_command *c = NULL;

    (void)state;
    start(&b, "backup-jobs", "{\"statuses\":[\"Failed\"]}");
    first = body_of(&b, "searchBackupJobs", "POST");
    assert_string_equal(kg_json_str(first, "startTime"), "2026-09-14T14:13:20Z");
    for (size_t i = 0; i < b.m->kind->n_commands; i++)
        if (b.m->kind->commands[i].key == 'a')
            c = &b.m->kind->commands[i];
    assert_non_null(c);
    ui_command_run(c, b.m);
    all = body_of(&b, "searchBackupJobs", "POST");
    assert_string_equal(kg_json_str(all, "startTime"), "1970-01-01T00:00:00Z");
    assert_string_equal(kg_json_str(all, "statuses.0"), "Failed");
    assert_non_null(ui_command_refused(c, b.m));
    end(&b);
}

static void instances_are_filtered_by_state_and_by_server(void **state)
{
    struct bench b;
    KG_AUTO_JSON struct kg_json *asked = NULL;

    (void)state;
    start(&b, "backup-instances", "{\"protectionStates\":[\"ProtectionStopped\"],\"server\":\"/servers/pg1\"}");
    asked = body_of(&b, "searchBackupInstances", "POST");
    assert_string_equal(kg_json_str(asked, "protectionStates.0"), "ProtectionStopped");
    assert_null(kg_json_get(asked, "server"));
    fake_answer(&b.h, "searchBackupInstances", "{\"value\":[{\"id\":\"/a\","
        "\"properties\":{\"dataSourceSetInfo\":{\"resourceID\":\"/servers/PG1\"}}},"
                "{\"id\":\"/b\",\"properties\":{\"dataSourceSetInfo\":{\"resourceID\":\"/servers/pg2\"}}}]}");
    assert_int_equal(((struct ui_list *)b.m)->rows.n, 1);
    end(&b);
}

int main(void)
{
    static char utc[] = "TZ=UTC", golden_mode[40], *environment[] = { utc, golden_mode, NULL };    /* pictures have times */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_policy_is_one_that_the_service_accepts),
        cmocka_unit_test(weekdays_are_those_that_were_chosen_on_any_day),
        cmocka_unit_test(every_frequency_comes_back_as_it_was_chosen),
        cmocka_unit_test(the_picture_follows_every_change),
        cmocka_unit_test(what_the_service_refuses_keeps_one_on_the_step),
        cmocka_unit_test(fields_say_what_is_wrong),
        cmocka_unit_test(rules_are_added_changed_and_removed_in_their_order),
        cmocka_unit_test(limits_of_a_rule_are_said_beside_the_field),
        cmocka_unit_test(a_vault_without_archive_is_told_where_one_sends_something_there),
        cmocka_unit_test(what_the_wizard_does_not_know_stays_as_it_was),
        cmocka_unit_test(one_change_changes_one_thing),
        cmocka_unit_test(an_odd_schedule_is_kept_until_another_is_chosen),
        cmocka_unit_test(a_policy_that_cannot_be_read_cannot_be_written),
        cmocka_unit_test(durations_of_several_units_become_one_when_they_can),
        cmocka_unit_test(hostile_names_and_empty_answers_do_not_break_the_picture),
        cmocka_unit_test(the_policys_page_shows_the_picture_above_the_points),
        cmocka_unit_test(only_instances_of_the_policy_are_in_its_tab),
        cmocka_unit_test(changing_the_policy_tells_what_it_means_and_puts_the_instance),
        cmocka_unit_test(stopping_keeps_suspends_or_deletes),
        cmocka_unit_test(deleting_waits_until_it_is_known_what_goes),
        cmocka_unit_test(what_cannot_be_taken_back_needs_the_vaults_name),
        cmocka_unit_test(a_filter_of_jobs_is_the_question_that_is_asked),
        cmocka_unit_test(a_range_of_days_takes_its_last_day_in),
        cmocka_unit_test(view_all_lifts_the_seven_days_and_keeps_the_filter),
        cmocka_unit_test(instances_are_filtered_by_state_and_by_server),
    };

    kg_crypto_start();
    snprintf(golden_mode, sizeof golden_mode, "KEEPGRES_GOLDEN=%.8s", getenv("KEEPGRES_GOLDEN") ? getenv("KEEPGRES_GOLDEN") : "");
    environ = environment;
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
