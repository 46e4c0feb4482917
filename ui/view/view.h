/* view/view.h - pictures of models. Drawing is pure: a picture depends on the model, the canvas' size and alphabet, and the
 * host's "now"; the only things that a view changes in a model are those that say "the view's" (first line, lines on the
 * screen). What is none of the four families has its row in looks.c. */
#ifndef UI_VIEW_VIEW_H
#define UI_VIEW_VIEW_H

#include "model/detail.h"
#include "model/form.h"
#include "model/list.h"
#include "model/reader.h"
#include "term/canvas.h"

/* Draws the model into the area, which it fills; places the terminal's cursor when a field has the keyboard. */
void ui_view_draw(struct ui_model *m, struct ui_canvas *c, struct ui_rect area);
/* Which keys work in it now: text's while a field has the keyboard. */
const struct ui_keymap *ui_view_keys(const struct ui_model *m);
/* Where a click at y, x leads: moves the model's cursor there, or to the tab. True: there was something; a double click is then
 * UI_ACT_OPEN. */
bool ui_view_click(struct ui_model *m, struct ui_rect area, int y, int x);

void ui_list_view_draw(struct ui_list *l, struct ui_canvas *c, struct ui_rect area);
bool ui_list_view_click(struct ui_list *l, struct ui_rect area, int y);
void ui_detail_view_draw(struct ui_detail *d, struct ui_canvas *c, struct ui_rect area);
bool ui_detail_view_click(struct ui_detail *d, struct ui_rect area, int y, int x);
void ui_reader_view_draw(struct ui_reader *r, struct ui_canvas *c, struct ui_rect area);
void ui_form_view_draw(struct ui_form *f, struct ui_canvas *c, struct ui_rect area);

/* How a kind of the family UI_CUSTOM looks (looks.c). */
struct ui_look {
    const char *kind;                        /* its name */
    void (*draw)(struct ui_model *m, struct ui_canvas *c, struct ui_rect area);
    const struct ui_keymap *(*keys)(const struct ui_model *m);   /* NULL: ui_keys_detail */
    bool (*click)(struct ui_model *m, struct ui_rect area, int y, int x);        /* as ui_view_click(); or NULL */
};
void ui_overview_draw(struct ui_model *m, struct ui_canvas *c, struct ui_rect area);
bool ui_overview_click(struct ui_model *m, struct ui_rect area, int y, int x);
bool ui_settings_click(struct ui_model *m, struct ui_rect area, int y, int x);
void ui_settings_draw(struct ui_model *m, struct ui_canvas *c, struct ui_rect area);
const struct ui_look *ui_look_of(const struct ui_kind *k);       /* NULL: it has none */

#endif
