/* What lists of jobs and of backup instances show. A filter sends nothing: its result is the JSON that the list makes its question
 * of, and its argument the one that is in force. A field that is empty is not in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "base/time.h"
#include "model/form.h"
#include "model/kinds.h"

#define FIELDS(array) .field = (array), .n_fields = KG_ARRAY_LEN(array)
#define PROVIDER "/subscriptions/{sub}/providers/Microsoft.DataProtection/"

/* ---- what both share ---- */

/* An array of the values of a set or a choice; nothing when it is empty. */
static void put_array(const struct ui_form *f, struct kg_json *to, const char *field)
{
    struct kg_json *list = kg_json_array();

    for (const char *p = ui_form_value(f, field); *p;) {
        size_t n = strcspn(p, ui_form_input(f, field)->field->type == UI_FIELD_SET ? "," : "");
        KG_AUTO_FREE char *one = kg_xstrndup(p, n);

        kg_json_push_str(list, one);
        p += n + (p[n] == ',');
    }
    if (kg_json_count(list))
        kg_json_set(to, field, list);
    else
        kg_json_free(list);
}

static void fill_array(struct ui_form *f, const struct kg_json *from, const char *field)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(UI_EDIT_MAX);

    for (const struct kg_json *v = kg_json_first(kg_json_get(from, field)); v; v = kg_json_next(v))
        if (kg_json_value_str(v))
            kg_buf_addf(&b, "%s%s", b.len ? "," : "", kg_json_value_str(v));
    if (b.len)
        ui_form_suggest(f, field, b.p, NULL);
}

static struct kg_json *in_force(const struct ui_form *f)
{
    struct kg_json *j = NULL;
    struct kg_err ignored = { 0 };

    return kg_json_parse(f->base.arg, strlen(f->base.arg), &j, &ignored) < 0 ? kg_json_object() : j;
}

static void close_with(struct ui_form *f, const struct kg_json *j)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(64 << 10);

    kg_json_print(j, false, &b);
    ui_close(&f->base, b.p);
}

static const struct ui_source vaults = { .path = PROVIDER "backupVaults", .value = "name", .help = "location" };

/* ---- jobs ---- */

static bool is_range(const struct ui_form *f) { return ui_form_is(f, "time", "range"); }

/* "2026-11-01", or with a time; UTC. */
static bool read_moment(const char *text, int64_t more, kg_usec *ret)
{
    KG_AUTO_FREE char *iso = strlen(text) == 10 ? kg_xprintf("%sT00:00:00Z", text) : kg_xstrdup(text);

    if (!kg_time_parse_iso(iso, ret))
        return false;
    *ret += strlen(text) == 10 ? more : 0;
    return true;
}

static const char *check_moment(const struct ui_form *f, const char *value)
{
    kg_usec t;

    (void)f;
    return read_moment(value, 0, &t) ? NULL : "A date such as 2026-11-01, or with a time: 2026-11-01T22:00:00Z.";
}

static void search_instances(const struct ui_form *f, struct kg_buf *path, struct kg_buf *body)
{
    (void)ui_form_expand(f, PROVIDER "searchBackupInstances", true, path);
    kg_buf_adds(body, "{}");
}

static const struct ui_source instances = { .request = search_instances, .value = "properties.dataSourceInfo.resourceID",
                                            .label = "properties.friendlyName name", .help = "vaultName" };
static const struct ui_choice statuses[] = {
    { "InProgress", "In progress", NULL }, { "Completed", NULL, NULL }, { "CompletedWithWarnings", "With warnings", NULL },
    { "Failed", NULL, NULL }, { "Cancelled", NULL, NULL }, { NULL, NULL, NULL },
};
static const struct ui_choice operations[] = {
    { "OnDemandBackup", "Backup on demand", NULL }, { "ScheduledBackup", "Scheduled backup", NULL }, { "Restore", NULL, NULL },
    { "Tiering", NULL, NULL }, { "Management", NULL, NULL }, { NULL, NULL, NULL },
};
static const struct ui_choice times[] = {
    { "last 7 days", "7 days", NULL }, { "last 24 hours", "24 hours", NULL }, { "last 30 days", "30 days", NULL },
    { "all times", "All times", NULL }, { "range", "From, to", NULL }, { NULL, NULL, NULL },
};
static const struct ui_field job_fields[] = {
    { .name = "statuses", .label = "Status", .type = UI_FIELD_SET, .choice = statuses, .optional = true },
    { .name = "operations", .label = "Operation", .type = UI_FIELD_SET, .choice = operations, .optional = true },
    { .name = "vaults", .label = "Vault", .type = UI_FIELD_CHOICE, .source = &vaults, .optional = true, .none = "any" },
    { .name = "datasourceIds", .label = "Backup instance", .type = UI_FIELD_CHOICE, .source = &instances, .optional = true, .none = "any" },
    { .name = "time", .label = "Started in", .type = UI_FIELD_RADIO, .choice = times },
    { .name = "startTime", .label = "From", .type = UI_FIELD_TEXT, .max = 32, .shown = is_range, .check = check_moment,
      .help = "2026-11-01, or 2026-11-01T22:00:00Z." },
    { .name = "endTime", .label = "Ended until", .type = UI_FIELD_TEXT, .max = 32, .optional = true,
      .none = "until now", .shown = is_range,
      .check = check_moment, .help = "The same; empty: until now." },
};
static const struct ui_step job_step[] = { { .title = "Filter", FIELDS(job_fields) } };

static void open_jobs(struct ui_form *f)
{
    KG_AUTO_JSON struct kg_json *was = in_force(f);
    bool range = kg_json_str(was, "startTime");

    for (size_t i = 0; i < 4; i++)
        fill_array(f, was, job_fields[i].name);
    ui_form_suggest(f, "time", range ? "range" : kg_json_str_or(was, "time", "last 7 days"), NULL);
    ui_form_suggest(f, "startTime", kg_json_str_or(was, "startTime", ""), NULL);
    ui_form_suggest(f, "endTime", kg_json_str_or(was, "endTime", ""), NULL);
}

static void put_moment(const struct ui_form *f, struct kg_json *j, const char *field, int64_t more)
{
    char iso[32];
    kg_usec t;

    if (read_moment(ui_form_value(f, field), more, &t))
        kg_json_set_str(j, field, kg_time_iso_seconds(t, iso));
}

static void finished_jobs(struct ui_form *f)
{
    KG_AUTO_JSON struct kg_json *j = kg_json_object();

    for (size_t i = 0; i < 4; i++)
        put_array(f, j, job_fields[i].name);
    if (is_range(f)) {
        put_moment(f, j, "startTime", 0);
        put_moment(f, j, "endTime", 86400 * KG_SECOND);
    } else if (!ui_form_is(f, "time", "last 7 days")) {
        kg_json_set_str(j, "time", ui_form_value(f, "time"));
    }
    close_with(f, j);
}

static const struct ui_form_kind jobs_form = {
    .step = job_step, .n_steps = 1, .submit_label = "Show", .open = open_jobs, .finished = finished_jobs,
};
const struct ui_kind ui_dialog_filter_jobs = {
    .name = "filter-jobs", .title = "Filter jobs", .shape = UI_DIALOG, .family = UI_FORM, .data = &jobs_form,
};

/* ---- instances ---- */

static const struct ui_choice states[] = {
    { "ProtectionConfigured", "Protected", NULL }, { "ProtectionError", "Error", NULL }, { "ConfiguringProtection", "Configuring", NULL },
    { "ProtectionStopped", "Stopped", NULL }, { "BackupSchedulesSuspended", "Suspended", NULL }, { NULL, NULL, NULL },
};
static const struct ui_source servers = {
    .path = "/subscriptions/{sub}/resources?$filter=resourceType%20eq%20'Microsoft.DBforPostgreSQL/servers'%20or%20resourceType%20eq%20"
            "'Microsoft.DBforPostgreSQL/flexibleServers'",
    .help = "properties.fullyQualifiedDomainName",
};
static const struct ui_field instance_fields[] = {
    { .name = "protectionStates", .label = "Protection status", .type = UI_FIELD_SET, .choice = states, .optional = true },
    { .name = "vaults", .label = "Vault", .type = UI_FIELD_CHOICE, .source = &vaults, .optional = true, .none = "any" },
    { .name = "server", .label = "Server", .type = UI_FIELD_CHOICE, .source = &servers, .optional = true, .none = "any" },
};
static const struct ui_step instance_step[] = { { .title = "Filter", FIELDS(instance_fields) } };

static void open_instances(struct ui_form *f)
{
    KG_AUTO_JSON struct kg_json *was = in_force(f);

    fill_array(f, was, "protectionStates");
    fill_array(f, was, "vaults");
    if (kg_json_str(was, "server"))
        ui_form_suggest(f, "server", kg_json_str(was, "server"), ui_last_part(kg_json_str(was, "server")));
}

static void finished_instances(struct ui_form *f)
{
    KG_AUTO_JSON struct kg_json *j = kg_json_object();

    put_array(f, j, "protectionStates");
    put_array(f, j, "vaults");
    if (*ui_form_value(f, "server"))
        kg_json_set_str(j, "server", ui_form_value(f, "server"));
    close_with(f, j);
}

static const struct ui_form_kind instances_form = {
    .step = instance_step, .n_steps = 1, .submit_label = "Show", .open = open_instances, .finished = finished_instances,
};
const struct ui_kind ui_dialog_filter_instances = {
    .name = "filter-instances", .title = "Filter backup instances", .shape = UI_DIALOG, .family = UI_FORM, .data = &instances_form,
};
