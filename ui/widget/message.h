/* widget/message.h - what stands in place of, or above, what one came for: an error, "Loading…", an empty state. */
#ifndef UI_WIDGET_MESSAGE_H
#define UI_WIDGET_MESSAGE_H

#include "term/canvas.h"

/* An error: mark, code and sentence, what to do, and a hint on the keys ("Esc dismisses this"; may be NULL). Returns the lines
 * it takes, at most r.h; a NULL canvas measures. */
int ui_error_box(struct ui_canvas *c, struct ui_rect r, const struct kg_err *err, const char *hint);
/* A dim text with a blank line above it; returns its lines. */
int ui_hint(struct ui_canvas *c, struct ui_rect r, const char *text);
/* "Label       Value", the value broken into lines. Returns the lines; a NULL canvas measures. */
int ui_label_value(struct ui_canvas *c, struct ui_rect r, int label_cols, const char *label, enum ui_role role, int glyph,
                   const char *value);

#endif
