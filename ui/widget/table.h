/* widget/table.h - what lists and grids of forms look like: columns that share a width, a heading, rows with a gutter for the
 * cursor and marks, and what tells that there is more above or below. */
#ifndef UI_WIDGET_TABLE_H
#define UI_WIDGET_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include "term/canvas.h"

enum { UI_TABLE_MAX = 16, UI_TABLE_GUTTER = 2, UI_TABLE_GAP = 2, UI_TABLE_SCROLL = 1 };

struct ui_table_column {
    const char *title;
    const char *brief;                       /* stands there where the title has no room; NULL: the title is cut */
    int min, want;
    int most;                                /* what its values take, where that is more than want; 0: not known */
    bool takes_rest;                         /* gets what is left over; where none does, the one with the highest want */
    int rank;                                /* where not all fit, the highest rank goes first; 0 stays */
    bool right;
    bool name;                               /* cut in the middle, where there is no room */
};
/* glyph: -1: none, else drawn in front; bar: percent + 1 of a bar in front of the text, 0: none */
struct ui_table_cell { const char *text; enum ui_role role; int glyph, bar; };

/* The columns' widths in so many columns of the screen (gutter and scroll mark are not among them); 0: not shown. What there
 * is above the least that all need goes to the lowest ranks first: up to want, then up to most. */
void ui_table_widths(const struct ui_table_column *c, size_t n, int cols, int *ret_width);
/* sort: column + 1, negative: downwards; 0: none. r: a line, with gutter and scroll mark. */
void ui_table_head(struct ui_canvas *c, struct ui_rect r, const struct ui_table_column *column, size_t n, const int *width,
                   int sort);
/* A row: its ground and gutter; then ui_table_cells(). Returns the flags to put back into c->flags after it. */
uint8_t ui_table_row(struct ui_canvas *c, struct ui_rect r, bool cursor, bool marked);
void ui_table_cells(struct ui_canvas *c, struct ui_rect r, const struct ui_table_column *column, size_t n, const int *width,
                    const struct ui_table_cell *cell);
/* In the last column of r: there are lines above, below. */
void ui_scroll_marks(struct ui_canvas *c, struct ui_rect r, size_t top, size_t total);
/* The first line to show, so that line at is in sight among h and nothing moves without need. */
size_t ui_scroll_to(size_t top, size_t at, size_t total, int h);

#endif
