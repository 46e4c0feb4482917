/* widget/tabs.h - a row of tabs: those of a page, the steps of a wizard. */
#ifndef UI_WIDGET_TABS_H
#define UI_WIDGET_TABS_H

#include <stddef.h>
#include "term/canvas.h"

struct ui_tab { const char *title; int glyph; enum ui_role role; };         /* glyph: -1: none, else with its role in front */

/* One line. The current tab stands in brackets, so that no colour is needed to see it; where not all fit, it is in sight and
 * an ellipsis tells of the others. */
void ui_tabs(struct ui_canvas *c, struct ui_rect line, const struct ui_tab *tab, size_t n, size_t current);
/* The tab at column x (a click), or n. */
size_t ui_tabs_at(struct ui_rect line, const struct ui_tab *tab, size_t n, size_t current, int x);

#endif
