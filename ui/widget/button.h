/* widget/button.h - a button on a line: "[ Create ]". */
#ifndef UI_WIDGET_BUTTON_H
#define UI_WIDGET_BUTTON_H

#include <stdbool.h>
#include "term/canvas.h"

/* Returns the columns it took. One that has the keyboard stands between '>' and '<', so that no colour is needed to tell. */
int ui_button_draw(struct ui_canvas *c, int y, int x, const char *label, bool focus, bool enabled);
int ui_button_width(const char *label);

#endif
