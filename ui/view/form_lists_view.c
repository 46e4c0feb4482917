/* The lists in a form: the grid of a step, and the choices that open under a field. */
#include <stdio.h>
#include <string.h>

#include "view/form_pen.h"
#include "view/parts.h"
#include "widget/table.h"

enum { LIST_ROWS = 8, LIST_WIDEST = 72 };

/* ---- grids ---- */

static int grid_glyph(const struct ui_grid *g, const struct ui_form *f, size_t row)
{
    enum ui_state s = g->node ? g->node(f, row) : UI_NONE;

    return s == UI_OK ? UI_G_OPEN : s == UI_OFF ? UI_G_CLOSED : s == UI_BUSY ? UI_G_BUSY : -1;
}

static void draw_row(struct ui_pen *p, const struct ui_grid *g, const struct ui_table_column *column, const int *width, size_t row,
                     bool cursor)
{
    struct ui_rect r = { p->y0 + p->line, p->x, 1, p->w };
    struct ui_shown text[UI_TABLE_MAX];
    struct ui_table_cell cell[UI_TABLE_MAX];
    char first[UI_SHOWN + 40];
    int depth = g->depth ? g->depth(p->f, row) : 0;
    uint8_t flags;

    for (size_t k = 0; k < g->n_columns; k++) {
        text[k] = (struct ui_shown){ .state = UI_NONE };
        g->cell(p->f, row, k, &text[k]);
        cell[k] = ui_cell_of(&text[k]);
    }
    if (g->depth) {
        int glyph = grid_glyph(g, p->f, row);

        snprintf(first, sizeof first, "%*s%s %s", depth * 2, "", glyph < 0 ? " " : ui_glyph(p->c->alphabet, (enum ui_glyph)glyph),
                 text[0].text);
        cell[0].text = first;
        cell[0].glyph = -1;                  /* the node's stands in its place */
    }
    flags = ui_table_row(p->c, r, cursor, g->marked && g->marked(p->f, row));
    ui_table_cells(p->c, r, column, g->n_columns, width, cell);
    p->c->flags = flags;
    p->line++;
}

/* As tall as what stands above and below it leaves, and never less than a few rows. */
void ui_pen_grid(struct ui_pen *p, size_t input)
{
    const struct ui_grid *g = p->f->kind->step[p->f->step].grid;
    struct ui_table_column column[UI_TABLE_MAX];
    int width[UI_TABLE_MAX], rows;
    size_t n, top;

    if (!g || g->n_columns > UI_TABLE_MAX)
        return;
    ui_columns_of(g->column, g->n_columns, column);
    ui_table_widths(column, g->n_columns, p->w - UI_TABLE_GUTTER - UI_TABLE_SCROLL, width);
    ui_table_head(p->c, (struct ui_rect){ p->y0 + p->line++, p->x, 1, p->w }, column, g->n_columns, width, 0);
    n = g->count(p->f);
    rows = p->h - p->line - ui_pen_below(p, input);
    rows = rows > 4 ? rows : 4;
    if (!n) {
        ui_pen_text(p, UI_TABLE_GUTTER, UI_ROLE_DIM, g->empty ? g->empty : "Nothing here.");
        return;
    }
    rows = (size_t)rows > n ? (int)n : rows;
    top = ui_scroll_to(p->f->grid.top, p->f->grid.cursor < n ? p->f->grid.cursor : n - 1, n, rows);
    if (p->draw) {
        p->draw->grid.top = top;
        p->draw->grid.page = rows;
    }
    for (int k = 0; k < rows; k++)
        draw_row(p, g, column, width, top + (size_t)k, p->f->focus == (int)input && p->f->grid.cursor == top + (size_t)k);
    ui_scroll_marks(p->c, (struct ui_rect){ p->y0 + p->line - rows, p->x, rows, p->w }, top, n);
}

/* ---- the list of a choice ---- */

static void draw_option(struct ui_form *f, struct ui_canvas *c, struct ui_rect r, size_t row)
{
    struct ui_option o = ui_form_pick_row(f, row);
    bool here = row == f->pick.cursor, now = o.value && strcmp(o.value, ui_edit_text(&f->input[f->focus].edit)) == 0;
    enum ui_role role = here ? UI_ROLE_CURSOR : o.refused ? UI_ROLE_DIM : o.value ? UI_ROLE_ITEM : UI_ROLE_LINK;
    const char *aside = o.refused ? o.refused : o.help ? o.help : "";
    int took;

    ui_fill(c, r, here ? UI_ROLE_CURSOR : UI_ROLE_ITEM);
    if (now)
        ui_put(c, r.y, r.x, role, UI_G_OK);
    took = 2 + ui_text(c, r.y, r.x + 2, r.w - 2, role, o.label && *o.label ? o.label : o.value ? o.value : "");
    if (*aside && took + 4 < r.w)
        ui_text(c, r.y, r.x + took + 2, r.w - took - 2, here ? UI_ROLE_CURSOR : UI_ROLE_DIM, aside);
}

void ui_pick_draw(struct ui_form *f, struct ui_canvas *c, struct ui_rect area, int y, int x)
{
    const struct ui_input *in = &f->input[f->focus];
    int rows = f->pick.n_shown < LIST_ROWS ? (int)f->pick.n_shown : LIST_ROWS, below = area.y + area.h - y - 1, above = y - area.y;
    bool note = !f->pick.n_shown || in->load != UI_READY;
    int h = rows + note + 2, room = below >= h || below >= above ? below : above;
    struct ui_rect box = { .x = x, .h = h > room ? room : h };

    box.w = area.x + area.w - x < LIST_WIDEST ? area.x + area.w - x : LIST_WIDEST;
    box.y = room == below ? y + 1 : y - box.h;
    if (box.h < 3)
        return;
    rows = box.h - 2 - note;
    ui_fill(c, box, UI_ROLE_DIALOG);
    ui_box(c, box, UI_ROLE_FRAME, NULL);
    f->pick.y = box.y + 1;
    f->pick.h = rows;
    f->pick.top = ui_scroll_to(f->pick.top, f->pick.cursor, f->pick.n_shown, rows > 0 ? rows : 1);
    for (int k = 0; k < rows && f->pick.top + (size_t)k < f->pick.n_shown; k++)
        draw_option(f, c, (struct ui_rect){ box.y + 1 + k, box.x + 1, 1, box.w - 2 }, f->pick.top + (size_t)k);
    if (note)
        ui_text(c, box.y + 1 + rows, box.x + 3, box.w - 4, in->load == UI_BROKEN ? UI_ROLE_FIELD_ERROR : UI_ROLE_DIM,
                in->load == UI_LOADING ? "Loading…" : in->load == UI_BROKEN ? in->err.msg : "Nothing to choose from.");
    ui_scroll_marks(c, (struct ui_rect){ box.y + 1, box.x, rows, box.w }, f->pick.top, f->pick.n_shown);
}
