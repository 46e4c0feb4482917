/* Backup jobs: the dashboard over all vaults, those of an instance or a vault, and the page of one with live progress. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/time.h"
#include "model/cells.h"
#include "model/detail.h"
#include "model/kinds.h"
#include "model/labels.h"

/* ---- cells ---- */

static bool is_running(const char *status)
{
    return strcmp(status, "InProgress") == 0 || strcmp(status, "Cancelling") == 0;
}

/* Of a running job: since its start. */
static void duration(const char *status, const char *start, const char *lasted, int64_t now, struct ui_shown *ret)
{
    kg_usec begun;

    if (is_running(status) && kg_time_parse_iso(start, &begun))
        ui_format_seconds(now > begun ? (now - begun) / 1000000 : 0, ret->text, sizeof ret->text);
    else
        ui_format(UI_F_DURATION, lasted, now, ret);
}

static void progress(const char *status, const char *done, const char *total, struct ui_shown *ret)
{
    struct kg_err ignored = { 0 };
    uint64_t all = 0, now = 0;

    if (kg_parse_u64(total, &all, &ignored) < 0 || kg_parse_u64(done, &now, &ignored) < 0)
        all = 0;
    if (!is_running(status))                 /* what read nothing has nothing to say */
        ui_format(UI_F_BYTES, strcmp(done, "0") == 0 ? "" : done, 0, ret);
    else if (all > 0 && now <= all)
        snprintf(ret->text, sizeof ret->text, "%d%%", (int)((double)now * 100 / (double)all));
    else
        ui_format_bytes((double)now, ret->text, sizeof ret->text);
}

#define P "properties.extendedInfo.progress."
#define AMOUNT "properties.extendedInfo.result.bytes " P "bytesDone"    /* what was backed up; until then how far it is on the server */
static const struct ui_list_kind all_jobs;

static const char *of(const struct ui_row *r, const char *paths) { return ui_row_value(&all_jobs, r, paths); }

static void duration_cell(const struct ui_row *r, int64_t now, struct ui_shown *ret)
{
    duration(of(r, "properties.status"), of(r, "properties.startTime"), of(r, "properties.duration"), now, ret);
}
static void progress_cell(const struct ui_row *r, int64_t now, struct ui_shown *ret)
{
    (void)now;
    progress(of(r, "properties.status"), of(r, AMOUNT), of(r, P "bytesTotal"), ret);
}

/* ---- the lists ---- */

#define COLUMNS(vault) \
    { .title = "Status", .paths = "properties.status", .format = UI_F_STATE, .min = 10, .want = 24 }, \
    { .title = "Operation", .paths = "properties.operation", .format = UI_F_LABEL, .min = 9, .want = 22, .rank = 1 }, \
    { .title = "Backup instance", .brief = "Instance", .name = true, \
      .paths = "properties.backupInstanceFriendlyName properties.dataSourceName", .min = 12, .want = 26 }, \
    { .title = "Vault", .paths = "properties.vaultName", .min = 8, .want = 14, .rank = (vault) }, \
    { .title = "Started", .paths = "properties.startTime", .format = UI_F_TIME, .min = 8, .want = 16, .rank = 2 }, \
    { .title = "Duration", .paths = "properties.duration", .cell = duration_cell, .min = 8, .want = 11, .rank = 4, \
      .right = true }, \
    { .title = "Progress", .paths = AMOUNT, .cell = progress_cell, .min = 8, .want = 10, .rank = 3, .right = true }

static const struct ui_column columns[] = { COLUMNS(5) };
#define MORE { P "bytesTotal", "properties.errorDetails.0.message", "properties.backupInstanceId" }

#define ALL_TIMES "all times"

#define SEARCH "/subscriptions/{sub}/providers/Microsoft.DataProtection/searchBackupJobs?$top=100"

static int days_of(const char *time)
{
    return strcmp(time, "last 24 hours") == 0 ? 1 : strcmp(time, "last 30 days") == 0 ? 30 : 7;
}

/* What the filter form chose is the body of the search, but for its "time", which counts from the moment of asking: seven days
 * when nothing else is said. What runs is never too old to be shown, unless a range was asked for. */
static struct kg_json *asked_for(const struct ui_list *l)
{
    struct kg_json *ask = l->chosen ? kg_json_copy(l->chosen) : kg_json_object();
    KG_AUTO_FREE char *time = kg_xstrdup(kg_json_str_or(ask, "time", ""));
    bool range = kg_json_str(ask, "startTime") || kg_json_str(ask, "endTime");
    char from[32];

    kg_json_remove(ask, "time");
    if (strcmp(time, ALL_TIMES) == 0)
        kg_json_set_str(ask, "startTime", "1970-01-01T00:00:00Z");
    if (!kg_json_str(ask, "startTime"))
        kg_json_set_str(ask, "startTime",
                        kg_time_iso_seconds(l->base.host->now - days_of(time) * (int64_t)86400 * KG_SECOND, from));
    if (!range && strcmp(time, ALL_TIMES) != 0)
        kg_json_set_bool(ask, "includeUnfinished", true);
    return ask;
}

static void search(const struct ui_list *l, struct kg_buf *path, struct kg_buf *body)
{
    KG_AUTO_JSON struct kg_json *ask = asked_for(l);

    ui_path(&l->base, SEARCH, path);
    kg_json_print(ask, false, body);
}

static const char *shows_all(const struct ui_model *m)
{
    const struct kg_json *chosen = ((const struct ui_list *)m)->chosen;

    return strcmp(kg_json_str_or(chosen, "time", ""), ALL_TIMES) == 0 ? "jobs of all times are shown" : NULL;
}

/* The other filters stay. */
static void view_all(struct ui_model *m)
{
    struct ui_list *l = (struct ui_list *)m;

    if (!l->chosen)
        l->chosen = kg_json_object();
    kg_json_remove(l->chosen, "startTime");
    kg_json_remove(l->chosen, "endTime");
    kg_json_set_str(l->chosen, "time", ALL_TIMES);
    l->given = false;
    ui_list_fetch(l);
    m->changed = true;
}

static const struct ui_list_kind all_jobs = {
    .request = search, .column = columns, .n_columns = KG_ARRAY_LEN(columns), .more = MORE, .refresh = 3,
      .opens = "backup-job",
    .filter_form = "filter-jobs",
      .empty = "No job in the last seven days. Press a for all times, f for a filter.",
};

static const char *row_status(const struct ui_model *m)
{
    const struct ui_list *l = (const struct ui_list *)m;

    return ui_list_current(l) ? of(ui_list_current(l), "properties.status") : "";
}
static const char *not_running(const struct ui_model *m)
{
    return is_running(row_status(m)) ? NULL : "only a job in progress can be cancelled";
}
static const char *not_retryable(const struct ui_model *m)
{
    const char *s = row_status(m);

    return strcmp(s, "Failed") == 0 || strcmp(s, "Cancelled") == 0 || strcmp(s, "CompletedWithWarnings") == 0
               ? NULL : "only a job that failed, was cancelled or has warnings can be retried";
}
#define JOB_COMMANDS \
    { "cancel-job", "Cancel job", 'X', UI_WRITES | UI_MANY, "Stop the job; what it did so far is undone", \
      not_running, NULL, "cancel-job" }, \
    { "retry-job", "Retry", 't', UI_WRITES | UI_MANY, "Start the job again with what it was asked to do", \
      not_retryable, NULL, "retry-job" }, \
    { "job-log", "Log", 'o', UI_NEEDS_ROW, "Read the job's log", NULL, NULL, "job-log" }

static const struct ui_command all_commands[] = {
    JOB_COMMANDS,
    { "filter-jobs", "Filter", 'f', 0, "Choose status, operation, vault, instance and time", NULL, ui_list_choose, NULL },
    { "view-all-jobs", "View all", 'a', 0, "Show jobs of all times, not only of the last seven days", shows_all, view_all, NULL },
};
const struct ui_kind ui_page_jobs = {
    .name = "backup-jobs", .title = "Backup jobs", .family = UI_LIST, .data = &all_jobs, .commands = all_commands,
    .n_commands = KG_ARRAY_LEN(all_commands), .found_by = "dashboard activity running failed",
};

/* ---- those of a vault, of an instance ----
 *
 * Without a filter they are the vault's own list, which has pages; a filter is what the search over all vaults understands. */

static bool is_filtered(const struct ui_list *l)
{
    for (const struct kg_json *c = kg_json_first(l->chosen); c; c = kg_json_next(c))
        if (strcmp(kg_json_key(c), "time") != 0)
            return true;
    return false;
}

static void add_term(struct kg_buf *path, const char *term, const char *value)
{
    kg_buf_addf(path, "%s%s%%20'%s'", strstr(path->p, "$filter=") ? "%20and%20" : "&$filter=", term, value);
}

/* id: a vault's or an instance's. */
static void list_below(const struct ui_list *l, const char *id, struct kg_buf *path)
{
    const char *at = strstr(id, "/backupInstances/"), *time = kg_json_str_or(l->chosen, "time", "");
    char from[32];

    kg_buf_add(path, id, at ? (size_t)(at - id) : strlen(id));
    kg_buf_adds(path, "/backupJobs?$top=100");
    if (at)
        add_term(path, "backupInstanceId%20eq", id);
    if (strcmp(time, ALL_TIMES) == 0)
        add_term(path, "startTime%20ge", "1970-01-01T00:00:01Z");
    else if (*time)
        add_term(path, "startTime%20ge", kg_time_iso_seconds(l->base.host->now - days_of(time) * (int64_t)86400 * KG_SECOND, from));
}

static void only(struct kg_json *ask, const char *filter, const char *text)
{
    struct kg_json *one = kg_json_array();

    kg_json_push_str(one, text);
    kg_json_set(ask, filter, one);
}

static void search_below(const struct ui_list *l, struct kg_buf *path, struct kg_buf *body)
{
    const char *id = l->base.arg;
    KG_AUTO_JSON struct kg_json *ask = NULL;
    char part[100];

    if (!is_filtered(l)) {
        list_below(l, id, path);
        return;
    }
    ask = asked_for(l);
    only(ask, "vaults", ui_id_part(id, "backupVaults", part, sizeof part));
    only(ask, "resourceGroups", ui_id_part(id, "resourceGroups", part, sizeof part));
    if (strstr(id, "/backupInstances/"))
        only(ask, "backupInstanceIds", id);
    ui_path(&l->base, SEARCH, path);
    kg_json_print(ask, false, body);
}

#define BELOW \
    .request = search_below, .column = columns, .n_columns = KG_ARRAY_LEN(columns), .more = MORE, .refresh = 3, \
    .opens = "backup-job", .filter_form = "filter-jobs", \
    .empty = "No job in the last seven days. Press a for all times, f for a filter."
static const struct ui_list_kind instance_jobs = { BELOW }, vault_jobs = { BELOW };
const struct ui_kind ui_list_instance_jobs = {
    .name = "instance-jobs", .title = "Jobs", .family = UI_LIST, .data = &instance_jobs, .commands = all_commands,
      .n_commands = KG_ARRAY_LEN(all_commands),
};
const struct ui_kind ui_list_vault_jobs = {
    .name = "vault-jobs", .title = "Jobs", .family = UI_LIST, .data = &vault_jobs, .commands = all_commands,
      .n_commands = KG_ARRAY_LEN(all_commands),
};

/* ---- one ---- */

static const char *status(const struct kg_json *j) { return kg_json_str_or(j, "properties.status", ""); }

static void duration_value(const struct kg_json *j, int64_t now, struct ui_shown *ret)
{
    duration(status(j), kg_json_str_or(j, "properties.startTime", ""), kg_json_str_or(j, "properties.duration", ""),
        now, ret);
}
static void progress_value(const struct kg_json *j, int64_t now, struct ui_shown *ret)
{
    double done = kg_json_double(j, P "bytesDone", 0), total = kg_json_double(j, P "bytesTotal", 0);
    char a[40], b[40];

    (void)now;
    ui_format_bytes(done, a, sizeof a);
    ui_format_bytes(total, b, sizeof b);
    if (total > 0 && strcmp(status(j), "Completed") == 0) {      /* what was told last is older than the end, and an estimate */
        ui_format_bytes(kg_json_double(j, "properties.extendedInfo.result.bytes", total), b, sizeof b);
        snprintf(ret->text, sizeof ret->text, "%s", b);
    } else if (total > 0 && done <= total)
        snprintf(ret->text, sizeof ret->text, "%d%%, %s of %s", (int)(done * 100 / total), a, b);
    else
        snprintf(ret->text, sizeof ret->text, "%s", a);
}
static void rate_value(const struct kg_json *j, int64_t now, struct ui_shown *ret)
{
    kg_usec begun, end = now;
    double done = kg_json_double(j, P "bytesDone", 0);
    char a[40];

    if (!kg_time_parse_iso(kg_json_str_or(j, "properties.startTime", ""), &begun))
        return;
    if (!is_running(status(j)) && !kg_time_parse_iso(kg_json_str_or(j, "properties.endTime", ""), &end))
        return;
    if (end <= begun || done <= 0)
        return;
    ui_format_bytes(done * 1e6 / (double)(end - begun), a, sizeof a);
    snprintf(ret->text, sizeof ret->text, "%s/s", a);
}
static void tables_value(const struct kg_json *j, int64_t now, struct ui_shown *ret)
{
    uint64_t total = kg_json_u64(j, P "tablesTotal", 0);

    (void)now;
    if (total)
        snprintf(ret->text, sizeof ret->text, "%llu of %llu", (unsigned long long)kg_json_u64(j, P "tablesDone", 0),
            (unsigned long long)total);
}
/* The tables in work: "orders 45%, items 3% and 2 more". */
static void in_work_value(const struct kg_json *j, int64_t now, struct ui_shown *ret)
{
    const struct kg_json *tables = kg_json_get(j, "properties.extendedInfo.tables");
    uint64_t left = kg_json_u64(tables, "inWorkCount", 0);
    size_t at = 0;

    (void)now;
    for (const struct kg_json *t = kg_json_first(kg_json_get(tables, "inWork")); t && at < 120; t = kg_json_next(t), left--) {
        double done = kg_json_double(t, "bytesDone", 0), total = kg_json_double(t, "bytesTotal", 0);
        int percent = total > 0 ? (int)(done * 100 / total) : 0;

        at += (size_t)snprintf(ret->text + at, sizeof ret->text - at, "%s%.80s %d%%", at ? ", " : "", kg_json_str_or(t, "name", "?"),
                               percent > 99 ? 99 : percent);
    }
    if (at && left)
        snprintf(ret->text + at, sizeof ret->text - at, " and %llu more", (unsigned long long)left);
}

/* Of the whole job, else of its phase; nothing while nobody knows. */
static void left_value(const struct kg_json *j, int64_t now, struct ui_shown *ret)
{
    bool whole = kg_json_type(kg_json_get(j, P "secondsLeft")) == KG_JSON_NUMBER;
    char text[40];

    (void)now;
    if (!whole && kg_json_type(kg_json_get(j, P "phaseSecondsLeft")) != KG_JSON_NUMBER)
        return;
    ui_format_seconds((int64_t)kg_json_u64(j, whole ? P "secondsLeft" : P "phaseSecondsLeft", 0), text, sizeof text);
    snprintf(ret->text, sizeof ret->text, "%s%s", text, whole ? "" : " of this phase");
}

static void warnings_value(const struct kg_json *j, int64_t now, struct ui_shown *ret)
{
    size_t n = kg_json_count(kg_json_get(j, "properties.extendedInfo.warningDetails"));

    (void)now;
    if (n)
        snprintf(ret->text, sizeof ret->text, "%zu: %s", n,
                 kg_json_str_or(j, "properties.extendedInfo.warningDetails.0.warning.message", "see the log"));
    ret->state = n ? UI_WARNING : UI_NONE;
}

/* A backup has its point's name from the beginning, and the point itself only when it has completed. */
static void point_value(const struct kg_json *j, int64_t now, struct ui_shown *ret)
{
    const char *made = kg_json_str_or(j, "properties.extendedInfo.additionalDetails.RecoveryPointId", ""),
               *status = kg_json_str_or(j, "properties.status", "");
    bool none = strcmp(kg_json_str_or(j, "properties.operationCategory", kg_json_str_or(j, "properties.operation", "")), "Backup") == 0 &&
                (strcmp(status, "Failed") == 0 || strcmp(status, "Cancelled") == 0);

    (void)now;
    snprintf(ret->text, sizeof ret->text, "%.100s", none ? "none was made" : *made ? made
             : kg_json_str_or(j, "properties.extendedInfo.sourceRecoverPoint.recoveryPointID", ""));
}

/* "pg1\shop_new", or the container's URL. */
static void destination_value(const struct kg_json *j, int64_t now, struct ui_shown *ret)
{
    const char *to = kg_json_str_or(j, "properties.extendedInfo.recoveryDestination", "");
    char server[80];

    (void)now;
    ui_id_part(to, *ui_id_part(to, "flexibleServers", server, sizeof server) ? "flexibleServers" : "servers", server, sizeof server);
    if (*server)
        snprintf(ret->text, sizeof ret->text, "%s\\%.200s", server, ui_last_part(to));
    else
        snprintf(ret->text, sizeof ret->text, "%.600s", to);
}

static const struct ui_value values[] = {
    { NULL, "Error", 0, NULL, NULL },
    { "Code", "properties.errorDetails.0.code", UI_F_IF_ANY, NULL, NULL },
    { "Message", "properties.errorDetails.0.message", UI_F_IF_ANY, NULL, NULL },
    { "Recommended", "properties.errorDetails.0.recommendedAction.0", UI_F_IF_ANY, NULL, NULL },
    { "Warnings", "", UI_F_IF_ANY, NULL, warnings_value },
    { NULL, "Essentials", 0, NULL, NULL },
    { "Status", "properties.status", UI_F_STATE, NULL, NULL },
    { "Operation", "properties.operation", UI_F_LABEL, NULL, NULL },
    { "Backup instance", "properties.backupInstanceId", UI_F_LAST, "backup-instance", NULL },
    { "Server", "properties.dataSourceSetName", 0, NULL, NULL },
    { "Vault", "properties.vaultName", 0, NULL, NULL },
    { "Policy", "properties.policyName", 0, NULL, NULL },
    { "Started", "properties.startTime", UI_F_TIME, NULL, NULL },
    { "Ended", "properties.endTime", UI_F_TIME | UI_F_IF_ANY, NULL, NULL },
    { "Duration", "", UI_F_RESTLESS, NULL, duration_value },
    { "Started by", "properties.startedBy properties.initiatedBy", 0, NULL, NULL },
    { "Recovery point", "", UI_F_IF_ANY, NULL, point_value },
    { "Restored to", "", UI_F_IF_ANY, NULL, destination_value },
    { NULL, "Progress", 0, NULL, NULL },
    { "Phase", P "phase", UI_F_IF_ANY, NULL, NULL },
    { "Done", "", UI_F_IF_ANY, NULL, progress_value },
    { "Rows", P "rows", UI_F_COUNT | UI_F_IF_ANY, NULL, NULL },
    { "Tables", "", UI_F_IF_ANY, NULL, tables_value },
    { "Rate", "", UI_F_IF_ANY | UI_F_RESTLESS, NULL, rate_value },
    { "In work", "", UI_F_IF_ANY | UI_F_RESTLESS, NULL, in_work_value },
    { "Time left", "", UI_F_IF_ANY | UI_F_RESTLESS, NULL, left_value },
    { "Added to the vault", "properties.extendedInfo.result.storedBytes " P "storedBytes", UI_F_BYTES | UI_F_IF_ANY, NULL, NULL },
};
/* "Restore of pg1\shop". */
static void title(const struct kg_json *j, int64_t now, struct ui_shown *ret)
{
    char operation[60];
    const char *of = kg_json_str(j, "properties.backupInstanceFriendlyName");

    (void)now;
    ui_label(kg_json_str_or(j, "properties.operation", ""), operation, sizeof operation);
    if (*operation)
        snprintf(ret->text, sizeof ret->text, "%s of %.200s", operation,
                 of && *of ? of : kg_json_str_or(j, "properties.dataSourceName", kg_json_str_or(j, "properties.vaultName", "?")));
}
static const struct ui_detail_kind detail = {
    .title = title,
    .value = values, .n_values = KG_ARRAY_LEN(values), .tab = { "job-tables", "job-log", "job-subtasks" }, .refresh = 1,
};

static const char *page_not_running(const struct ui_model *m)
{
    return is_running(status(ui_detail_resource(m))) ? NULL : "only a job in progress can be cancelled";
}
static const char *page_not_retryable(const struct ui_model *m)
{
    const char *s = status(ui_detail_resource(m));

    return strcmp(s, "Failed") == 0 || strcmp(s, "Cancelled") == 0 || strcmp(s, "CompletedWithWarnings") == 0
               ? NULL : "only a job that failed, was cancelled or has warnings can be retried";
}
static const struct ui_command page_commands[] = {
    { "cancel-job", "Cancel job", 'X', UI_WRITES, "Stop the job; what it did so far is undone", page_not_running,
      NULL, "cancel-job" },
    { "retry-job", "Retry", 't', UI_WRITES, "Start the job again with what it was asked to do", page_not_retryable,
      NULL, "retry-job" },
    { "job-log", "Log", 'o', 0, "Read the job's log", NULL, NULL, "job-log" },
};
const struct ui_kind ui_page_job = {
    .name = "backup-job", .title = "Job", .family = UI_DETAIL, .data = &detail, .commands = page_commands,
    .n_commands = KG_ARRAY_LEN(page_commands),
};

static const struct ui_column subtask_columns[] = {
    { .title = "Subtask", .paths = "taskName", .min = 16, .want = 40 },
    { .title = "Status", .paths = "taskStatus", .format = UI_F_STATE, .min = 12, .want = 16 },
    { .title = "Progress", .paths = "taskProgress", .min = 8, .want = 30, .rank = 1 },
};
static const struct ui_list_kind subtasks = {
    .path = "{arg}", .items = "properties.extendedInfo.subTasks", .id = "taskId", .column = subtask_columns,
    .n_columns = KG_ARRAY_LEN(subtask_columns), .refresh = 2, .empty = "This job has no subtasks.",
};
const struct ui_kind ui_list_job_subtasks = { .name = "job-subtasks", .title = "Subtasks", .family = UI_LIST,
    .data = &subtasks };
