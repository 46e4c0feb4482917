/* widget/chart.h - bars and charts of block characters. Values below nothing count as nothing; what is more than nothing is
 * never drawn as nothing. */
#ifndef UI_WIDGET_CHART_H
#define UI_WIDGET_CHART_H

#include <stddef.h>
#include "term/canvas.h"

/* Work under way: "███░░ 62%". done: 0 to 1; below 0: not known yet, then there is no bar. text stands behind it; may be NULL.
 * Where there is no room for both, the text stays. */
void ui_progress(struct ui_canvas *c, int y, int x, int cols, double done, const char *text);

/* A bar of value / max of cols columns. Returns the columns it took. */
int ui_bar_h(struct ui_canvas *c, int y, int x, int cols, enum ui_role role, double value, double max);
/* A bar of value / max of r's height, upwards from its bottom, as wide as r; in eighths of a line. */
void ui_bar_v(struct ui_canvas *c, struct ui_rect r, enum ui_role role, double value, double max);

/* Parts of one bar, side by side. They tell themselves apart by glyph as well as by role. */
struct ui_part { double value; enum ui_role role; enum ui_glyph glyph; };
int ui_bar_parts(struct ui_canvas *c, int y, int x, int cols, const struct ui_part *part, size_t n, double max);

/* Columns over an axis, with a label under each (label may be NULL, and so may single ones) and max's text at the top left. */
void ui_chart(struct ui_canvas *c, struct ui_rect r, enum ui_role role, const double *value, size_t n, const char *const *label,
              const char *max_text);

#endif
