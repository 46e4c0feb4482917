#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "view/parts.h"
#include "view/view.h"
#include "widget/message.h"

/* Where the parts of a list stand. */
struct plan { struct ui_rect error, above, filter, head, rows, summary; };

static const char *hint(const struct ui_list *l)
{
    return l->answered ? "Esc dismisses this, R asks again." : "R asks again.";
}

static bool filtered(const struct ui_list *l) { return l->filtering || ui_edit_text(&l->filter)[0] || l->chosen; }

static void above(const struct ui_list *l, int width, struct kg_buf *ret)
{
    if (l->kind->above && l->answer)
        l->kind->above(l->answer, width, ret);
}

/* Lines of the text above the rows, which are left some room at the least; the last line stays empty. */
static int lines_above(const struct ui_list *l, struct ui_rect a)
{
    enum { ROWS_LEAST = 6 };
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(64 << 10);
    int n = 0;

    above(l, a.w, &text);
    for (const char *p = text.p; *p; p++)
        n += *p == '\n';
    n += n > 0;
    return n > a.h - ROWS_LEAST ? a.h > ROWS_LEAST ? a.h - ROWS_LEAST : 0 : n;
}

static void draw_above(const struct ui_list *l, struct ui_canvas *c, struct ui_rect r)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(64 << 10);
    const char *line;

    above(l, r.w, &text);
    line = text.p;
    for (int y = 0; y + 1 < r.h && *line; y++) {
        size_t n = strcspn(line, "\n");
        KG_AUTO_FREE char *one = kg_xstrndup(line, n);

        (void)ui_text(c, r.y + y, r.x, r.w, UI_ROLE_BASE, one);
        line += n + (line[n] == '\n');
    }
}

static struct plan plan(const struct ui_list *l, struct ui_rect a)
{
    struct plan p = { .error = { a.y, a.x, 0, a.w } };
    int y = a.y, bottom = a.y + a.h;

    if (l->err.code)
        p.error.h = ui_error_box(NULL, (struct ui_rect){ a.y, a.x, a.h / 2, a.w }, &l->err, hint(l));
    y += p.error.h;
    p.above = (struct ui_rect){ y, a.x, l->load == UI_READY ? lines_above(l, (struct ui_rect){ y, a.x, bottom - y, a.w }) : 0, a.w };
    y += p.above.h;
    p.filter = (struct ui_rect){ y, a.x, filtered(l), a.w };
    y += p.filter.h;
    p.head = (struct ui_rect){ y, a.x, 1, a.w };
    p.rows = (struct ui_rect){ y + 1, a.x, bottom - y - 2 > 0 ? bottom - y - 2 : 0, a.w };
    p.summary = (struct ui_rect){ bottom - 1, a.x, 1, a.w };
    return p;
}

static void draw_filter(struct ui_list *l, struct ui_canvas *c, struct ui_rect r)
{
    char text[400];
    int x;

    if (r.h <= 0)
        return;
    x = r.x + ui_text(c, r.y, r.x, r.w, UI_ROLE_FILTER, "filter: ");
    if (l->filtering) {
        ui_draw_edit(c, r.y, x, r.w - (x - r.x), UI_ROLE_FIELD_FOCUS, &l->filter);
        return;
    }
    ui_list_filters(l, text, sizeof text);
    x += ui_text(c, r.y, x, r.w - (x - r.x) - 13, UI_ROLE_FILTER, text);
    (void)ui_textf(c, r.y, x, r.x + r.w - x, UI_ROLE_DIM, " %s %s", ui_glyph(c->alphabet, UI_G_DOT),
                   l->given && !*ui_edit_text(&l->filter) ? "f changes it" : "Esc clears");
}

static void draw_rows(const struct ui_list *l, struct ui_canvas *c, struct ui_rect r, const struct ui_table_column *column,
                      const int *width)
{
    struct ui_shown shown[UI_COLUMNS_MAX];
    struct ui_table_cell cell[UI_COLUMNS_MAX];

    for (size_t i = l->top; i < l->n_shown && i < l->top + (size_t)r.h; i++) {
        struct ui_rect line = { r.y + (int)(i - l->top), r.x, 1, r.w - UI_TABLE_SCROLL };
        const struct ui_row *row = ui_list_row(l, i);
        uint8_t was = ui_table_row(c, line, i == l->cursor, row->marked);

        for (size_t k = 0; k < l->kind->n_columns; k++)
            if (width[k]) {
                ui_list_cell(l, row, k, &shown[k]);
                cell[k] = ui_cell_of(&shown[k]);
                cell[k].bar = l->kind->column[k].percent ? l->kind->column[k].percent(row) + 1 : 0;
            }
        ui_table_cells(c, line, column, l->kind->n_columns, width, cell);
        c->flags = was;
    }
    ui_scroll_marks(c, r, l->top, l->n_shown);
}

/* What values take, of some rows from all over the list: looking at all of them would be felt. */
static void measure(struct ui_list *l)
{
    enum { SOME = 300 };
    size_t step = l->rows.n / SOME + 1;

    for (size_t k = 0; k < l->kind->n_columns; k++) {
        l->widest[k] = 0;
        for (size_t i = 0; i < l->rows.n; i += step) {
            struct ui_shown s;
            int w;

            ui_list_cell(l, &l->rows.row[i], k, &s);
            w = ui_width(s.text) + (ui_state_glyph(s.state) >= 0 ? 2 : 0);
            if (l->kind->column[k].percent && w < l->kind->column[k].want)
                w = l->kind->column[k].want;         /* room for the bar */
            l->widest[k] = w > l->widest[k] ? w : l->widest[k];
        }
    }
    l->measured = l->arranged;
}

/* Why there is no row. */
static void draw_none(const struct ui_list *l, struct ui_canvas *c, struct ui_rect r)
{
    if (l->load == UI_LOADING)
        ui_draw_loading(c, r);
    else if (l->load == UI_READY && (l->rows.n || l->chosen))
        (void)ui_hint(c, r, l->filtering ? "No row has this text." : l->given && !*ui_edit_text(&l->filter)
                             ? "There is nothing of this kind." : "No row passes the filter. Esc clears it.");
    else if (l->load == UI_READY)
        (void)ui_hint(c, r, l->kind->empty ? l->kind->empty : "There is nothing here.");
}

void ui_list_view_draw(struct ui_list *l, struct ui_canvas *c, struct ui_rect area)
{
    struct plan p = plan(l, area);
    struct ui_table_column column[UI_COLUMNS_MAX];
    int width[UI_COLUMNS_MAX];
    char text[200];

    l->page = p.rows.h;
    l->top = ui_scroll_to(l->top, l->cursor, l->n_shown, p.rows.h);
    if (p.error.h)
        (void)ui_error_box(c, p.error, &l->err, hint(l));
    draw_above(l, c, p.above);
    draw_filter(l, c, p.filter);
    if (l->measured != l->arranged)
        measure(l);
    ui_columns_fit(l->kind->column, l->kind->n_columns, l->widest, l->sort, column);
    ui_table_widths(column, l->kind->n_columns, area.w - UI_TABLE_GUTTER - UI_TABLE_SCROLL, width);
    if (l->load != UI_BROKEN)
        ui_table_head(c, p.head, column, l->kind->n_columns, width, l->sort);
    if (l->n_shown)
        draw_rows(l, c, p.rows, column, width);
    else
        draw_none(l, c, p.rows);
    ui_list_summary(l, text, sizeof text);
    (void)ui_text(c, p.summary.y, area.x, area.w, l->base.stale ? UI_ROLE_STATE_WARNING : UI_ROLE_DIM, text);
}

bool ui_list_view_click(struct ui_list *l, struct ui_rect area, int y)
{
    struct plan p = plan(l, area);
    size_t line = l->top + (size_t)(y - p.rows.y);

    if (y < p.rows.y || y >= p.rows.y + p.rows.h || line >= l->n_shown)
        return false;
    l->cursor = line;
    return true;
}
