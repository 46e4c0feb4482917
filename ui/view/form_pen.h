/* view/form_pen.h - what the files of the picture of a form share. A pen goes down line by line; lines above and below the
 * clip are dropped by the canvas, so the same functions measure and draw. */
#ifndef UI_VIEW_FORM_PEN_H
#define UI_VIEW_FORM_PEN_H

#include "model/form.h"
#include "term/canvas.h"

struct ui_pen {
    const struct ui_form *f;
    struct ui_form *draw;                    /* the same, when it is drawn; NULL when it is only measured */
    struct ui_canvas *c;
    int y0, x, w;                            /* where line 0 stands on the screen */
    int line;
    int labels;                              /* columns of the labels */
    int h;                                   /* lines on the screen */
    int focus, focus_end;                    /* lines of what has the keyboard; -1: nothing here has */
};

/* A pen that draws nowhere, on a canvas of its own. */
struct ui_rect ui_pen_lift(struct ui_canvas *c);

void ui_pen_text(struct ui_pen *p, int indent, enum ui_role role, const char *s);  /* broken into lines */
void ui_pen_marked(struct ui_pen *p, int indent, enum ui_role role, enum ui_glyph mark, const char *s);
void ui_pen_fields(struct ui_pen *p);                            /* the step that is shown (form_fields_view.c) */
void ui_pen_review(struct ui_pen *p);
void ui_pen_grid(struct ui_pen *p, size_t input);
int ui_pen_below(const struct ui_pen *p, size_t input);          /* lines of the step's fields behind this one */
void ui_pen_file(struct ui_pen *p);                              /* where the secret that is told may be saved */
/* The list that is open under the field on screen line y, whose input begins at x. */
void ui_pick_draw(struct ui_form *f, struct ui_canvas *c, struct ui_rect area, int y, int x);

#endif
