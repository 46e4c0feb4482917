/* widget/field.h - one line that is typed into, between brackets: "[prod-vault      ]". */
#ifndef UI_WIDGET_FIELD_H
#define UI_WIDGET_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include "term/canvas.h"

struct ui_field_look {
    const char *text;                        /* what may be seen; borrowed */
    size_t cursor;                           /* bytes of text before it */
    size_t *scroll;                          /* first byte on the screen; kept so that the cursor is in sight. NULL: 0 */
    const char *hint;                        /* shown dim when text is empty; NULL: nothing */
    bool focus, typing;                      /* typing: the terminal's cursor stands in it */
    bool wrong, opens;                       /* opens: a list, with its mark at the end */
};
void ui_field_draw(struct ui_canvas *c, int y, int x, int w, const struct ui_field_look *l);

#endif
