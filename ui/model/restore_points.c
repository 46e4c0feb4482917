/* The recovery points of the instance that is restored: the grid of the wizard's first step. */
#include "model/restore.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "base/time.h"
#include "model/form_int.h"
#include "model/labels.h"

enum { POINTS_MAX = 5000, URL_MAX = 4096 };
#define DAY (INT64_C(86400) * KG_SECOND)
#define STORES "properties.recoveryPointDataStoresDetails"
#define LOST "a check of the vault did not find it whole"

/* ---- one point ---- */

static const char *id_of(const struct kg_json *p) { return kg_json_str_or(p, "id", ""); }

/* The state of its copy in that store; NULL: there is none. */
static const char *copy_state(const struct kg_json *p, const char *store)
{
    const struct kg_json *d = kg_json_first(kg_json_get(p, STORES));

    while (d && strcmp(kg_json_str_or(d, "type", ""), store) != 0)
        d = kg_json_next(d);
    return d ? kg_json_str_or(d, "state", "COMMITTED") : NULL;
}

static bool has_state(const struct kg_json *p, const char *store, const char *state)
{
    const char *is = copy_state(p, store);

    return is && strcmp(is, state) == 0;
}

/* What can be restored from. */
static bool is_in(const struct kg_json *p, const char *store) { return has_state(p, store, "COMMITTED"); }

/* It, or the copy that a restore would read. */
static bool is_leaving(const struct kg_json *p)
{
    const struct kg_json *d = kg_json_first(kg_json_get(p, STORES));

    return d && strcmp(kg_json_str_or(d, "state", "COMMITTED"), "DELETING") == 0;
}

/* Not one of its copies is sound: how that is called; NULL: one is, or it is not known where copies are. */
static const char *fault(const struct kg_json *p)
{
    if (!kg_json_first(kg_json_get(p, STORES)) || is_in(p, "VaultStore") || is_in(p, "ArchiveStore") || is_leaving(p))
        return NULL;
    return has_state(p, "VaultStore", "DAMAGED") || has_state(p, "ArchiveStore", "DAMAGED") ? "Damaged" : "Lost";
}

/* Why it cannot be restored; NULL: it can. */
static const char *refused(const struct kg_json *p)
{
    const char *how = fault(p);

    if (how && strcmp(how, "Lost") == 0)
        return "This recovery point cannot be restored: " LOST ".";
    if (how)
        return "This recovery point cannot be restored: it is damaged. The command line's --allow-damaged restores single tables.";
    return is_leaving(p) ? "This recovery point cannot be restored: it is being deleted." : NULL;
}

static const char *tier(const struct kg_json *p)
{
    bool archive = is_in(p, "ArchiveStore");

    return !archive ? ui_label_of("VaultStore") : is_in(p, "VaultStore") ? "Both tiers" : ui_label_of("ArchiveStore");
}

static kg_usec time_of(const struct kg_json *p)
{
    kg_usec at = 0;

    return kg_time_parse_iso(kg_json_str_or(p, "properties.recoveryPointTime", ""), &at) ? at : 0;
}

static void shown(const struct kg_json *p, const char *path, enum ui_format format, int64_t now, struct ui_shown *ret)
{
    KG_AUTO_BUF struct kg_buf raw = KG_BUF_INIT(URL_MAX);

    ui_raw(p, path, &raw);
    ui_format(format, raw.len ? raw.p : "", now, ret);
}

void ui_restore_point_words(const struct kg_json *p, int64_t now, struct kg_buf *ret)
{
    struct ui_shown s;

    shown(p, "properties.recoveryPointTime", UI_F_TIME, now, &s);
    kg_buf_addf(ret, "%s, %s", s.text, tier(p));
    shown(p, "properties.retentionTagName", UI_F_TEXT, now, &s);
    kg_buf_addf(ret, "%s%s", *s.text ? ", rule " : "", s.text);
    shown(p, "properties.summary.bytes", UI_F_BYTES, now, &s);
    kg_buf_addf(ret, "%s%s", *s.text ? ", " : "", s.text);
}

/* ---- the chosen one ---- */

static const struct kg_json *find(const struct ui_restore *r, const char *id)
{
    for (size_t i = 0; id && i < r->points.n; i++)
        if (strcasecmp(id_of(r->points.v[i]), id) == 0)
            return r->points.v[i];
    return NULL;
}

const struct kg_json *ui_restore_point(const struct ui_form *f) { return find(ui_restore_of(f), ui_restore_of(f)->points.chosen); }

bool ui_restore_archived(const struct ui_form *f)
{
    const struct kg_json *p = ui_restore_point(f);

    return p && is_in(p, "ArchiveStore") && !is_in(p, "VaultStore") && !has_state(p, "VaultStore", "DAMAGED");
}

/* A damaged copy stands where a rehydrated one would go: it is read where it is whole. */
const char *ui_restore_source(const struct ui_form *f)
{
    const struct kg_json *p = ui_restore_point(f);

    return p && is_in(p, "ArchiveStore") && !is_in(p, "VaultStore") ? "ArchiveStore" : "VaultStore";
}

static void choose(struct ui_form *f, const char *id)
{
    struct ui_restore *r = ui_restore_of(f);
    char *new = kg_xstrdup(id);

    free(r->points.chosen);
    r->points.chosen = new;
    ui_form_settle(f);                       /* the new database's name follows */
}

/* ---- the filter by time ---- */

/* A day, or a day and a time, of the person's clock; end: a day's last moment. */
static bool parse_when(const char *text, bool end, kg_usec *ret)
{
    struct tm tm = { .tm_isdst = -1 };
    const char *rest = strptime(text, "%Y-%m-%d", &tm);
    time_t t;

    if (rest && *rest)
        rest = strptime(rest, " %H:%M", &tm);
    else if (rest && end)
        tm.tm_mday++;
    if (!rest || *rest)
        return false;
    t = mktime(&tm);
    *ret = (kg_usec)t * KG_SECOND - (end && !strchr(text, ':'));
    return t != (time_t)-1;
}

const char *ui_restore_check_when(const struct ui_form *f, const char *value)
{
    kg_usec at;

    (void)f;
    return parse_when(value, false, &at) ? NULL : "A day, as 2026-01-31, or a day and a time, as 2026-01-31 14:00.";
}

static bool passes(const struct ui_form *f, const struct kg_json *p)
{
    const char *taken = ui_form_value(f, "taken");
    struct kg_err ignored = { 0 };
    kg_usec at = time_of(p), limit;
    uint64_t days;

    if (kg_parse_u64(taken, &days, &ignored) == 0)
        return !days || at >= f->base.host->now - (kg_usec)days * DAY;
    if (parse_when(ui_form_value(f, "from"), false, &limit) && at < limit)
        return false;
    return !parse_when(ui_form_value(f, "until"), true, &limit) || at <= limit;
}

void ui_restore_points_filter(struct ui_form *f)
{
    struct ui_restore *r = ui_restore_of(f);
    size_t cursor = 0;

    r->points.shown = kg_xrealloc_array(r->points.shown, r->points.n + 1, sizeof *r->points.shown);
    r->points.n_shown = 0;
    for (size_t i = 0; i < r->points.n; i++) {
        if (!passes(f, r->points.v[i]))
            continue;
        if (r->points.chosen && strcasecmp(id_of(r->points.v[i]), r->points.chosen) == 0)
            cursor = r->points.n_shown;
        r->points.shown[r->points.n_shown++] = i;
    }
    if (f->step == 0)
        f->grid.cursor = cursor;
    f->base.changed = true;
}

/* ---- asking ---- */

void ui_restore_points_ask(struct ui_form *f, const char *next)
{
    struct ui_restore *r = ui_restore_of(f);
    KG_AUTO_FREE char *path = kg_xprintf("%s/recoveryPoints?$top=1000", r->instance);
    const char *host = next ? strstr(next, "://") : NULL;

    r->points.load = UI_LOADING;
    (void)ui_ask(&f->base, host ? strchrnul(host + 3, '/') : next ? next : path, UI_RESTORE_POINTS);
}

static void add(struct ui_restore *r, const struct kg_json *p)
{
    if (!*id_of(p) || r->points.n >= POINTS_MAX)
        return;
    KG_GROW(r->points.v, r->points.n, r->points.cap);
    r->points.v[r->points.n++] = kg_json_copy(p);
}

/* All are there: the newest that is whole is chosen, unless the wizard was opened for a certain one. */
static void settle(struct ui_form *f)
{
    struct ui_restore *r = ui_restore_of(f);

    r->points.load = UI_READY;
    for (size_t i = 0; !r->points.chosen && i < r->points.n; i++)
        if (!refused(r->points.v[i]))
            choose(f, id_of(r->points.v[i]));
    if (r->points.chosen && !ui_restore_point(f))
        (void)ui_ask(&f->base, r->points.chosen, UI_RESTORE_POINT);
    ui_restore_points_filter(f);
    ui_form_settle(f);
    if (f->step == 0 && f->focus == ui_form_index(f, "taken") && !ui_form_input(f, "taken")->touched)
        ui_form_focus(f, ui_form_index(f, "points"));
}

void ui_restore_points_answer(struct ui_form *f, int tag, const struct kg_answer *a)
{
    struct ui_restore *r = ui_restore_of(f);
    const struct kg_json *json = a->reply ? a->reply->json : NULL;
    const char *next = kg_json_str(json, "nextLink");

    if (a->err) {
        f->err = *a->err;
        r->points.load = UI_BROKEN;
        return;
    }
    if (tag == UI_RESTORE_POINT)
        add(r, json);
    for (const struct kg_json *p = kg_json_first(kg_json_get(json, "value")); tag == UI_RESTORE_POINTS && p; p = kg_json_next(p))
        add(r, p);
    if (tag == UI_RESTORE_POINTS && next && r->points.n < POINTS_MAX) {
        ui_restore_points_filter(f);
        ui_restore_points_ask(f, next);
    } else if (tag == UI_RESTORE_POINTS || ui_restore_point(f)) {
        settle(f);
    }
}

void ui_restore_points_done(struct ui_restore *r)
{
    for (size_t i = 0; i < r->points.n; i++)
        kg_json_free(r->points.v[i]);
    free(r->points.v);
    free(r->points.shown);
    free(r->points.chosen);
}

/* ---- the grid ---- */

enum { C_TIME, C_TYPE, C_TIER, C_RULE, C_SIZE, C_EXPIRES };
static const struct ui_column columns[] = {
    [C_TIME] = { .title = "Time", .min = 16, .want = 16 }, [C_TYPE] = { .title = "Type", .min = 4, .want = 8, .rank = 2 },
    [C_TIER] = { .title = "Tier", .min = 12, .want = 12 }, [C_RULE] = { .title = "Rule", .min = 7, .want = 12, .rank = 1 },
    [C_SIZE] = { .title = "Size", .min = 8, .want = 10, .right = true },
    [C_EXPIRES] = { .title = "Expires", .min = 16, .want = 16, .rank = 1 },
};

static const struct kg_json *point_at(const struct ui_form *f, size_t row)
{
    const struct ui_restore *r = ui_restore_of(f);

    return row < r->points.n_shown ? r->points.v[r->points.shown[row]] : NULL;
}

static size_t count(const struct ui_form *f) { return ui_restore_of(f)->points.n_shown; }

static void cell(const struct ui_form *f, size_t row, size_t column, struct ui_shown *ret)
{
    static const struct { const char *path; enum ui_format format; } values[] = {
        [C_TIME] = { "properties.recoveryPointTime", UI_F_TIME }, [C_TYPE] = { "properties.recoveryPointType", UI_F_TEXT },
        [C_TIER] = { NULL, UI_F_TEXT }, [C_RULE] = { "properties.retentionTagName", UI_F_TEXT },
        [C_SIZE] = { "properties.summary.bytes", UI_F_BYTES }, [C_EXPIRES] = { "properties.expiryTime", UI_F_TIME },
    };
    const struct kg_json *p = point_at(f, row);

    if (!p)
        return;
    if (column == C_TIER && fault(p)) {
        kg_text_copy(ret->text, sizeof ret->text, fault(p));
        ret->state = UI_FAILED;
    } else if (column == C_TIER && is_leaving(p)) {
        kg_text_copy(ret->text, sizeof ret->text, "Deleting");
        ret->state = UI_BUSY;
    } else if (column == C_TIER) {
        kg_text_copy(ret->text, sizeof ret->text, tier(p));
    } else {
        shown(p, values[column].path, values[column].format, f->base.host->now, ret);
    }
}

static bool marked(const struct ui_form *f, size_t row)
{
    const struct kg_json *p = point_at(f, row);
    const char *chosen = ui_restore_of(f)->points.chosen;

    return p && chosen && strcasecmp(id_of(p), chosen) == 0;
}

/* Space chooses, Enter chooses and goes on. */
static bool act(struct ui_form *f, size_t row, enum ui_action a)
{
    const struct kg_json *p = point_at(f, row);

    if (!p || (a != UI_ACT_OPEN && a != UI_ACT_MARK))
        return false;
    if (refused(p)) {
        ui_note(&f->base, UI_NOTE_WARNING, refused(p));
        return true;
    }
    choose(f, id_of(p));
    f->input[ui_form_index(f, "points")].touched = true;
    if (a == UI_ACT_OPEN)
        ui_form_focus(f, -1 - UI_BUTTON_NEXT);
    return true;
}

const struct ui_grid ui_restore_points_grid = {
    .column = columns, .n_columns = KG_ARRAY_LEN(columns), .empty = "No recovery point of that time.", .count = count, .cell = cell,
    .marked = marked, .act = act,
};
