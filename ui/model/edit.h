/* model/edit.h - one line of text that is being typed: UTF-8, a cursor, the usual keys. A secret's bytes are in a
 * kg_secret and nowhere else. Ownership: ui_edit_done wipes. */
#ifndef UI_MODEL_EDIT_H
#define UI_MODEL_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include "term/event.h"

struct kg_secret;

enum { UI_EDIT_MAX = 4096 };

struct ui_edit {
    char *text;                              /* "" at first; NULL for a secret */
    struct kg_secret *secret;
    size_t len, cursor;                      /* bytes */
    size_t max;                              /* bytes */
    size_t scroll;                           /* first byte on the screen; the view's */
};
void ui_edit_init(struct ui_edit *e, size_t max, bool secret);   /* max 0: UI_EDIT_MAX */
void ui_edit_done(struct ui_edit *e);
void ui_edit_set(struct ui_edit *e, const char *text);           /* the cursor behind it */
const char *ui_edit_text(const struct ui_edit *e);               /* "" for a secret */
/* A character, a paste, Left/Right/Home/End (Ctrl-A/E), Backspace, Delete, Ctrl-U (all before), Ctrl-K (all behind), Ctrl-W (a
 * word). True: it was taken. Tab, Enter, Esc, Up, Down and function keys never are. */
bool ui_edit_type(struct ui_edit *e, const struct ui_event *ev);
/* What may stand on a screen: the text, or a dot for each character of a secret. The caller frees it. */
char *ui_edit_shown(const struct ui_edit *e);
size_t ui_edit_shown_cursor(const struct ui_edit *e);            /* the cursor in that, in bytes */

#endif
