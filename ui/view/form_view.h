/* view/form_view.h - the picture of a form: a wizard's steps as tabs, its fields with what is wrong beside them, the buttons;
 * a dialog in its frame. */
#ifndef UI_VIEW_FORM_VIEW_H
#define UI_VIEW_FORM_VIEW_H

#include "model/form.h"
#include "term/canvas.h"

void ui_form_view_draw(struct ui_form *f, struct ui_canvas *c, struct ui_rect area);
/* Where a dialog stands in the middle of a screen of h lines and w columns: as large as it needs to be, and that fits. */
struct ui_rect ui_form_dialog_area(const struct ui_form *f, int h, int w);

#endif
