/* The Overview: tiles, what needs attention, what comes next, two charts; or the first-run page. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/page_overview.h"
#include "view/parts.h"
#include "view/view.h"
#include "widget/chart.h"
#include "widget/message.h"

enum { TILE_H = 5, DAYS = 14, WEEK = 7 };

/* ---- tiles ---- */

static void draw_tile(const struct ui_overview *o, struct ui_canvas *c, struct ui_rect r, size_t i)
{
    struct ui_shown l[UI_TILE_LINES];
    bool here = o->cursor / UI_TILE_LINES == i;

    ui_box(c, r, here ? UI_ROLE_COMMAND_KEY : UI_ROLE_FRAME, ui_overview_tile(o, i, l));
    if (here)
        ui_put(c, r.y + 1 + (int)(o->cursor % UI_TILE_LINES), r.x + 1, UI_ROLE_COMMAND_KEY, UI_G_CRUMB);
    for (int k = 0; k < UI_TILE_LINES; k++) {
        enum ui_role role = l[k].state == UI_NONE ? UI_ROLE_VALUE : ui_state_role(l[k].state);
        int x = r.x + 3;

        if (l[k].state != UI_NONE && ui_state_glyph(l[k].state) >= 0)
            x += ui_put(c, r.y + 1 + k, x, role, (enum ui_glyph)ui_state_glyph(l[k].state)) + 1;
        ui_text(c, r.y + 1 + k, x, r.x + r.w - 1 - x, role, l[k].text);
    }
}

/* ---- the two lists ---- */

/* Columns of the names, which leave the better part to what is said of them. */
static int name_width(const struct kg_json *row, size_t n, int most)
{
    int w = 0;

    for (; n-- && row; row = kg_json_next(row)) {
        int one = ui_width(kg_json_str_or(row, "friendlyName", "")) + 2;

        w = one > w ? one : w;
    }
    return w < most ? w : most;
}

static void draw_rows(const struct ui_overview *o, struct ui_canvas *c, struct ui_rect r, const char *title, const char *list, size_t n,
                      size_t first, const char *none)
{
    const struct kg_json *row = kg_json_first(kg_json_get(o->center, list));
    int name = name_width(row, n, r.w / 2 - 1);

    ui_text(c, r.y, r.x, r.w, UI_ROLE_HEADING, title);
    if (!n)
        ui_text(c, r.y + 1, r.x + 2, r.w - 2, UI_ROLE_DIM, none);
    for (size_t i = 0; i < n && row; i++, row = kg_json_next(row)) {
        bool here = o->cursor == first + i;
        enum ui_role role = here ? UI_ROLE_CURSOR : UI_ROLE_ITEM;
        int y = r.y + 1 + (int)i;
        struct ui_shown when = { "", UI_NONE };

        if (here)
            ui_fill(c, (struct ui_rect){ y, r.x, 1, r.w }, role);
        ui_put(c, y, r.x, role, here ? UI_G_CRUMB : UI_G_DOT);
        ui_text_name(c, y, r.x + 2, name - 2, role, kg_json_str_or(row, "friendlyName", ""));
        if (kg_json_str(row, "reason")) {
            ui_text(c, y, r.x + name + 1, r.w - name - 1, here ? role : UI_ROLE_STATE_WARNING, kg_json_str(row, "reason"));
        } else {
            ui_format(UI_F_TIME, kg_json_str_or(row, "time", ""), o->base.host->now, &when);
            ui_text(c, y, r.x + name + 1, r.w - name - 1, role, when.text);
        }
    }
}

/* ---- the charts ---- */

static void draw_stored(const struct ui_overview *o, struct ui_canvas *c, struct ui_rect r)
{
    double value[DAYS] = { 0 }, max = 0;
    const char *label[DAYS] = { NULL };
    size_t n = 0;
    char top[40];

    for (const struct kg_json *d = kg_json_first(kg_json_get(o->center, "storedPerDay")); d && n < DAYS; d = kg_json_next(d), n++) {
        const char *date = kg_json_str_or(d, "date", "");

        value[n] = kg_json_double(d, "bytes", 0);
        max = value[n] > max ? value[n] : max;
        label[n] = strlen(date) >= 10 && (n % 2 == 1) ? date + 8 : NULL;
    }
    ui_text(c, r.y, r.x, r.w, UI_ROLE_HEADING, "Stored per day, last 14 days");
    ui_format_bytes(max, top, sizeof top);
    if (n && max > 0)
        ui_chart(c, (struct ui_rect){ r.y + 1, r.x, r.h - 1, r.w }, UI_ROLE_CHART_1, value, n, label, top);
    else
        ui_text(c, r.y + 1, r.x + 2, r.w - 2, UI_ROLE_DIM, "Nothing was stored.");
}

static void draw_outcomes(const struct ui_overview *o, struct ui_canvas *c, struct ui_rect r)
{
    const struct kg_json *days = kg_json_get(o->center, "jobs.days");
    double max = 1;
    int y = r.y + 1;

    ui_text(c, r.y, r.x, r.w, UI_ROLE_HEADING, "Job outcomes, last 7 days");
    for (const struct kg_json *d = kg_json_first(days); d; d = kg_json_next(d)) {
        double sum = kg_json_double(d, "completed", 0) + kg_json_double(d, "warnings", 0) + kg_json_double(d, "failed", 0) +
                     kg_json_double(d, "cancelled", 0);

        max = sum > max ? sum : max;
    }
    for (const struct kg_json *d = kg_json_first(days); d && y < r.y + r.h; d = kg_json_next(d), y++) {
        const char *date = kg_json_str_or(d, "date", "");
        unsigned long long failed = kg_json_u64(d, "failed", 0);
        struct ui_part part[] = {
            { kg_json_double(d, "completed", 0), UI_ROLE_STATE_OK, UI_G_FULL }, { kg_json_double(d, "warnings", 0),
              UI_ROLE_STATE_WARNING, UI_G_DOT },
            { (double)failed, UI_ROLE_STATE_FAILED, UI_G_FAILED }, { kg_json_double(d, "cancelled", 0), UI_ROLE_STATE_OFF, UI_G_EMPTY },
        };

        ui_text(c, y, r.x, 6, UI_ROLE_DIM, strlen(date) >= 10 ? date + 5 : date);
        (void)ui_bar_parts(c, y, r.x + 6, r.w - 16, part, KG_ARRAY_LEN(part), max);
        if (failed)
            ui_textf(c, y, r.x + r.w - 9, 9, UI_ROLE_STATE_FAILED, "%llu failed", failed);
    }
}

static void draw_center(const struct ui_overview *o, struct ui_canvas *c, struct ui_rect r)
{
    int w = r.w / UI_TILES, half = r.w / 2, rows = UI_OVERVIEW_ROWS + 1, y = r.y + TILE_H;
    size_t attention = ui_overview_attention(o);

    for (size_t i = 0; i < UI_TILES; i++)
        draw_tile(o, c, (struct ui_rect){ r.y, r.x + (int)i * w, TILE_H, i + 1 < UI_TILES ? w : r.w - (UI_TILES - 1) * w }, i);
    draw_rows(o, c, (struct ui_rect){ y, r.x, rows, half - 1 }, "Needs attention", "instances.attention", attention, UI_TILE_ITEMS,
              "Nothing: all is well.");
    draw_rows(o, c, (struct ui_rect){ y, r.x + half, rows, r.w - half }, "Next scheduled backups", "nextBackups", ui_overview_next(o),
              UI_TILE_ITEMS + attention, "Nothing is scheduled.");
    y += rows;
    if (r.y + r.h - y < 4)
        return;
    draw_stored(o, c, (struct ui_rect){ y, r.x, r.y + r.h - y, half - 1 });
    draw_outcomes(o, c, (struct ui_rect){ y, r.x + half, r.y + r.h - y, r.w - half });
}

/* What the service has to say, above everything else; returns the lines. A NULL canvas measures. */
static int draw_warnings(const struct ui_overview *o, struct ui_canvas *c, struct ui_rect r)
{
    int y = 0;

    for (const struct kg_json *w = kg_json_first(kg_json_get(o->center, "warnings")); w && y < r.h; w = kg_json_next(w)) {
        KG_AUTO_FREE char *text = kg_xprintf("%s %s", kg_json_str_or(w, "message", ""), kg_json_str_or(w, "recommendedAction", ""));

        if (c)
            ui_put(c, r.y + y, r.x, UI_ROLE_STATE_WARNING, (enum ui_glyph)ui_state_glyph(UI_WARNING));
        y += ui_text_wrapped(c, (struct ui_rect){ r.y + y, r.x + 2, 3, r.w - 2 }, 0, UI_ROLE_STATE_WARNING, text);
    }
    return y;
}

static const char first_intro[] = "Nothing is protected yet. Go through these steps; Enter opens the one under the cursor. The last one "
                                  "can make everything else on the way.";

/* Where the first step stands. */
static int first_step_y(struct ui_rect r)
{
    return r.y + 3 + ui_text_wrapped(NULL, (struct ui_rect){ r.y + 2, r.x + 2, 3, r.w - 4 }, 0, UI_ROLE_DIM, first_intro);
}

static void draw_first(const struct ui_overview *o, struct ui_canvas *c, struct ui_rect r)
{
    int y = first_step_y(r);

    ui_text(c, r.y + 1, r.x + 2, r.w - 4, UI_ROLE_HEADING, "From nothing to the first backup");
    ui_text_wrapped(c, (struct ui_rect){ r.y + 2, r.x + 2, 3, r.w - 4 }, 0, UI_ROLE_DIM, first_intro);
    for (size_t i = 0; i < ui_first_steps_n; i++, y += 2) {
        bool here = o->cursor == i, is_done = ui_first_step_done(o, i);

        if (here)
            ui_fill(c, (struct ui_rect){ y, r.x, 1, r.w - 1 }, UI_ROLE_CURSOR);
        if (here)
            ui_put(c, y, r.x, UI_ROLE_CURSOR, UI_G_CRUMB);
        ui_put(c, y, r.x + 2, here ? UI_ROLE_CURSOR : is_done ? UI_ROLE_STATE_OK : UI_ROLE_DIM, is_done ? UI_G_OK : UI_G_DOT);
        ui_textf(c, y, r.x + 4, r.w - 6, here ? UI_ROLE_CURSOR : UI_ROLE_ITEM, "%zu. %s", i + 1, ui_first_steps[i].title);
        ui_text(c, y + 1, r.x + 7, r.w - 9, UI_ROLE_DIM, ui_first_step_text(o, i));
    }
}

/* The item at y, x of draw_center(): a tile, or a row of one of the lists. */
static size_t item_at(const struct ui_overview *o, struct ui_rect r, int y, int x)
{
    size_t attention = ui_overview_attention(o), row = (size_t)(y - r.y - TILE_H - 1), tile = (size_t)((x - r.x) / (r.w / UI_TILES));
    bool left = x < r.x + r.w / 2;

    if (y < r.y + TILE_H) {                  /* a frame is the line beside it */
        size_t line = y <= r.y ? 0 : (size_t)(y - r.y - 1);

        return (tile < UI_TILES ? tile : UI_TILES - 1) * UI_TILE_LINES + (line < UI_TILE_LINES ? line : UI_TILE_LINES - 1);
    }
    if (y == r.y + TILE_H || row >= (left ? attention : ui_overview_next(o)))
        return SIZE_MAX;
    return UI_TILE_ITEMS + (left ? 0 : attention) + row;
}

bool ui_overview_click(struct ui_model *m, struct ui_rect area, int y, int x)
{
    struct ui_overview *o = (struct ui_overview *)m;
    size_t at = SIZE_MAX;
    int lines;

    if (!o->center || o->err.code != KG_E_OK || y < area.y || x < area.x)
        return false;
    lines = draw_warnings(o, NULL, area);
    area.y += lines;
    area.h -= lines;
    if (y < area.y)
        return false;
    if (!ui_overview_is_empty(o))
        at = item_at(o, area, y, x);
    else if (y >= first_step_y(area) && (size_t)(y - first_step_y(area)) < 2 * ui_first_steps_n)
        at = (size_t)(y - first_step_y(area)) / 2;
    if (at != SIZE_MAX)
        o->cursor = at;
    return at != SIZE_MAX;
}

void ui_overview_draw(struct ui_model *m, struct ui_canvas *c, struct ui_rect area)
{
    const struct ui_overview *o = (const struct ui_overview *)m;
    int lines = 0;

    if (o->err.code != KG_E_OK)
        lines = ui_error_box(c, area, &o->err, o->center ? "Esc dismisses this." : "R asks again.");
    else
        lines = draw_warnings(o, c, area);
    area.y += lines;
    area.h -= lines;
    if (!o->center && o->load == UI_LOADING)
        ui_draw_loading(c, area);
    else if (o->center && ui_overview_is_empty(o))
        draw_first(o, c, area);
    else if (o->center)
        draw_center(o, c, area);
}
