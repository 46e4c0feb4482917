#include "widget/table.h"

#include "widget/chart.h"

static int total(const int *width, size_t n)
{
    int sum = 0;

    for (size_t i = 0; i < n; i++)
        if (width[i])
            sum += width[i] + (sum ? UI_TABLE_GAP : 0);
    return sum;
}

/* The column that goes first; n: none may. */
static size_t expendable(const struct ui_table_column *c, size_t n, const int *width)
{
    size_t at = n;

    for (size_t i = 0; i < n; i++)
        if (width[i] && c[i].rank > 0 && (at == n || c[i].rank >= c[at].rank))
            at = i;
    return at;
}

/* The column that gets what is left over. */
static size_t takes_rest(const struct ui_table_column *c, size_t n, const int *width)
{
    size_t at = n;

    for (size_t i = 0; i < n; i++)
        if (width[i] && (at == n || (c[i].takes_rest && !c[at].takes_rest) ||
                         (c[i].takes_rest == c[at].takes_rest && c[i].want > c[at].want)))
            at = i;
    return at;
}

/* Lets the columns of a rank grow by turns, to want or to most; returns what is left. */
static int grow(const struct ui_table_column *c, size_t n, int rank, bool to_most, int left, int *width)
{
    for (bool grown = true; grown && left > 0;) {
        grown = false;
        for (size_t i = 0; i < n && left > 0; i++)
            if (width[i] && c[i].rank == rank && width[i] < (to_most ? c[i].most : c[i].want)) {
                width[i]++;
                left--;
                grown = true;
            }
    }
    return left;
}

void ui_table_widths(const struct ui_table_column *c, size_t n, int cols, int *ret_width)
{
    int left, ranks = 0;
    size_t at;

    for (size_t i = 0; i < n; i++) {
        ret_width[i] = c[i].min > 0 ? c[i].min : 1;
        ranks = c[i].rank > ranks ? c[i].rank : ranks;
    }
    while (total(ret_width, n) > cols && (at = expendable(c, n, ret_width)) < n)
        ret_width[at] = 0;
    left = cols - total(ret_width, n);
    for (int to_most = 0; to_most < 2; to_most++)
        for (int rank = 0; rank <= ranks; rank++)
            left = grow(c, n, rank, to_most, left, ret_width);
    at = takes_rest(c, n, ret_width);
    if (left > 0 && at < n)
        ret_width[at] += left;
}

void ui_table_head(struct ui_canvas *c, struct ui_rect r, const struct ui_table_column *column, size_t n, const int *width,
                   int sort)
{
    int x = r.x + UI_TABLE_GUTTER, took;

    ui_fill(c, r, UI_ROLE_HEADING);
    for (size_t i = 0; i < n; i++) {
        bool sorted = (size_t)(sort < 0 ? -sort : sort) == i + 1;
        int room = width[i] - (sorted && width[i] > 4 ? 2 : 0);
        const char *title = column[i].brief && ui_width(column[i].title) > room ? column[i].brief : column[i].title;

        if (!width[i])
            continue;
        if (column[i].right && !sorted)
            (void)ui_text_right(c, r.y, x, room, UI_ROLE_HEADING, title);
        else {
            took = ui_text(c, r.y, x, room, UI_ROLE_HEADING, title);
            if (room < width[i])
                (void)ui_put(c, r.y, x + took + 1, UI_ROLE_HEADING, sort < 0 ? UI_G_DOWN : UI_G_UP);
        }
        x += width[i] + UI_TABLE_GAP;
    }
}

uint8_t ui_table_row(struct ui_canvas *c, struct ui_rect r, bool cursor, bool marked)
{
    uint8_t was = c->flags;

    c->flags |= (uint8_t)((cursor ? UI_CURSOR_ROW : 0) | (marked ? UI_MARKED : 0));
    ui_fill(c, r, UI_ROLE_ITEM);
    if (cursor)
        (void)ui_put(c, r.y, r.x, UI_ROLE_ITEM, UI_G_CRUMB);
    if (marked)
        (void)ui_text(c, r.y, r.x + 1, 1, UI_ROLE_ITEM, "*");
    return was;
}

void ui_table_cells(struct ui_canvas *c, struct ui_rect r, const struct ui_table_column *column, size_t n, const int *width,
                    const struct ui_table_cell *cell)
{
    int x = r.x + UI_TABLE_GUTTER;

    for (size_t i = 0; i < n; i++) {
        int lead = 0;

        if (!width[i])
            continue;
        if (cell[i].glyph >= 0 && width[i] > 2) {
            (void)ui_put(c, r.y, x, cell[i].role, (enum ui_glyph)cell[i].glyph);
            lead = 2;
        }
        if (cell[i].bar)
            ui_progress(c, r.y, x + lead, width[i] - lead, (cell[i].bar - 1) / 100.0, cell[i].text);
        else if (column[i].right)
            (void)ui_text_right(c, r.y, x + lead, width[i] - lead, cell[i].role, cell[i].text);
        else if (column[i].name)
            (void)ui_text_name(c, r.y, x + lead, width[i] - lead, cell[i].role, cell[i].text);
        else
            (void)ui_text(c, r.y, x + lead, width[i] - lead, cell[i].role, cell[i].text);
        x += width[i] + UI_TABLE_GAP;
    }
}

void ui_scroll_marks(struct ui_canvas *c, struct ui_rect r, size_t top, size_t total_lines)
{
    if (r.h <= 0)
        return;
    if (top)
        (void)ui_put(c, r.y, r.x + r.w - 1, UI_ROLE_DIM, UI_G_UP);
    if (top + (size_t)r.h < total_lines)
        (void)ui_put(c, r.y + r.h - 1, r.x + r.w - 1, UI_ROLE_DIM, UI_G_DOWN);
}

size_t ui_scroll_to(size_t top, size_t at, size_t total_lines, int h)
{
    size_t lines = h > 0 ? (size_t)h : 1;

    if (at < top)
        top = at;
    if (at >= top + lines)
        top = at - lines + 1;
    if (top + lines > total_lines)           /* no empty lines at the end while there are some above */
        top = total_lines > lines ? total_lines - lines : 0;
    return top;
}
