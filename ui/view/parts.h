/* view/parts.h - what the views share: how a model's values, states and columns become cells. */
#ifndef UI_VIEW_PARTS_H
#define UI_VIEW_PARTS_H

#include "model/list.h"
#include "widget/table.h"

enum ui_role ui_state_role(enum ui_state s);
int ui_state_glyph(enum ui_state s);                             /* -1: none */
/* Mark and word. Returns the columns it took. */
int ui_draw_state(struct ui_canvas *c, int y, int x, int cols, const struct ui_shown *s);

struct ui_table_cell ui_cell_of(const struct ui_shown *s);       /* borrows the text */
void ui_columns_of(const struct ui_column *column, size_t n, struct ui_table_column *ret);
/* The same, for values that take so many columns: none is made wider than it needs. Times, numbers, states and labels are not
 * cut, since half a number is another number and half a word a riddle; nor are titles. sort: as in struct ui_list. */
void ui_columns_fit(const struct ui_column *column, size_t n, const int *widest, int sort, struct ui_table_column *ret);

/* A line of text that is being typed, its cursor in sight. */
void ui_draw_edit(struct ui_canvas *c, int y, int x, int cols, enum ui_role role, struct ui_edit *e);

/* "Loading…" */
void ui_draw_loading(struct ui_canvas *c, struct ui_rect area);

#endif
