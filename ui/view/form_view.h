/* view/form_view.h - where a dialog stands; ui_form_view_draw (view/view.h) draws it there, its frame included. */
#ifndef UI_VIEW_FORM_VIEW_H
#define UI_VIEW_FORM_VIEW_H

#include "model/form.h"
#include "term/canvas.h"

/* In the middle of a screen of h lines and w columns: as large as it needs to be, and that fits. */
struct ui_rect ui_form_dialog_area(const struct ui_form *f, int h, int w);

/* A click: the keyboard goes to the field, button or row that is there, or the form to the step. False: there is nothing. */
bool ui_form_view_click(struct ui_form *f, struct ui_rect area, int y, int x);

#endif
