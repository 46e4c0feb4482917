/* The tables of a backup or restore: those in work with how far they are, then those done, the biggest first. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "model/kinds.h"
#include "model/list.h"

static const struct ui_list_kind tables;

static const char *of(const struct ui_row *r, const char *path) { return ui_row_value(&tables, r, path); }
static bool in_work(const struct ui_row *r) { return strcmp(of(r, "state"), "InProgress") == 0; }

static double number(const struct ui_row *r, const char *path)
{
    struct kg_err ignored = { 0 };
    double v = 0;

    return kg_parse_double(of(r, path), &v, &ignored) == 0 ? v : 0;
}

static void name_cell(const struct ui_row *r, int64_t now, struct ui_shown *ret)
{
    const char *schema = of(r, "schema");

    (void)now;
    snprintf(ret->text, sizeof ret->text, "%.120s%s%.200s", schema, *schema ? "." : "", of(r, "name"));
}

static void step_cell(const struct ui_row *r, int64_t now, struct ui_shown *ret)
{
    (void)now;
    snprintf(ret->text, sizeof ret->text, "%.40s", of(r, "step"));
    ret->state = in_work(r) ? UI_BUSY : UI_OK;
}

/* What is in work is never shown as done: its size was an estimate. */
static int percent(const struct ui_row *r)
{
    double done = number(r, "bytesDone"), total = number(r, "bytesTotal");

    return !in_work(r) || total <= 0 ? -1 : done >= total * 0.99 ? 99 : (int)(done * 100 / total);
}

static void done_cell(const struct ui_row *r, int64_t now, struct ui_shown *ret)
{
    (void)now;
    if (!in_work(r))
        snprintf(ret->text, sizeof ret->text, "done");
    else if (percent(r) >= 0)
        snprintf(ret->text, sizeof ret->text, "%3d%%", percent(r));
}

static void rate_cell(const struct ui_row *r, int64_t now, struct ui_shown *ret)
{
    double seconds = number(r, "seconds"), bytes = number(r, "bytesDone");
    char text[40];

    (void)now;
    if (seconds < 0.1 || bytes <= 0)
        return;
    ui_format_bytes(bytes / seconds, text, sizeof text);
    snprintf(ret->text, sizeof ret->text, "%s/s", text);
}

static void time_cell(const struct ui_row *r, int64_t now, struct ui_shown *ret)
{
    double seconds = number(r, "seconds");

    (void)now;
    if (seconds < 10)
        snprintf(ret->text, sizeof ret->text, "%.1f s", seconds);
    else
        ui_format_seconds((int64_t)(seconds + 0.5), ret->text, sizeof ret->text);
}

static const struct ui_column columns[] = {
    { .title = "Table", .paths = "name", .cell = name_cell, .min = 14, .want = 17 },
    { .title = "Step", .paths = "step", .cell = step_cell, .min = 8, .want = 8 },
    { .title = "Done", .paths = "bytesTotal", .format = UI_F_BYTES, .cell = done_cell, .percent = percent,
      .min = 12, .want = 13, .rank = 1 },
    { .title = "Bytes", .paths = "bytesDone", .format = UI_F_BYTES, .min = 7, .want = 9, .rank = 2, .right = true },
    { .title = "Rows", .paths = "rows", .format = UI_F_COUNT, .min = 6, .want = 10, .rank = 4, .right = true },
    { .title = "Rate", .paths = "bytesPerSecond", .cell = rate_cell, .min = 9, .want = 11, .rank = 3, .right = true },
    { .title = "Time", .paths = "seconds", .cell = time_cell, .min = 6, .want = 10, .right = true },
};
static const struct ui_list_kind tables = {
    .path = "{arg}/tables", .column = columns, .n_columns = KG_ARRAY_LEN(columns), .more = { "state", "schema" }, .refresh = 2,
    .empty = "No table: only backups and restores have them.",
};
const struct ui_kind ui_list_job_tables = { .name = "job-tables", .title = "Tables", .family = UI_LIST, .data = &tables };
