/* term/canvas.h - what everything is drawn on: a grid of cells in memory. The terminal is painted from it by term/screen.c,
 * tests read it; nothing else knows curses. A frame is drawn whole, from the models; what did not change is not sent.
 *
 * Coordinates are columns and rows from the top left; what lies outside of the clip rectangle is dropped silently. Text is
 * UTF-8; a character is never split. Control characters, broken bytes and what has no width of its own (joiners, bidirectional
 * controls, variation selectors, marks with nothing to sit on) are shown as '?', so that a database's name cannot move a cursor
 * or look like another; of many marks on one character the first four are kept. The alphabet decides how a ui_glyph looks, also
 * where one of these characters stands in a text; other text stays what it is (the screen knows what a terminal can show).
 * Widths do not depend on the process's locale.
 * Ownership: ui_canvas_init/done; drawing borrows texts during the call. */
#ifndef UI_TERM_CANVAS_H
#define UI_TERM_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "theme/theme.h"

struct ui_rect { int y, x, h, w; };

enum { UI_MAX_H = 1000, UI_MAX_W = 2000 };   /* a canvas is at least 1 x 1 and at most this; asked for more, it is this */
enum { UI_CELL_BYTES = 23 };                 /* a character with its combining marks */
/* How a cell stands out, besides its role. */
enum { UI_CURSOR_ROW = 1, UI_MARKED = 2, UI_SHADE = 4 /* behind a dialog */ };

struct ui_cell {
    char text[UI_CELL_BYTES + 1];            /* "" : the right half of a wide character */
    uint8_t role;                            /* enum ui_role */
    uint8_t flags;
};

enum ui_alphabet { UI_UTF8, UI_ASCII };

struct ui_canvas {
    int h, w;
    struct ui_cell *cell;                    /* h * w of them */
    struct ui_rect clip;
    enum ui_alphabet alphabet;
    uint8_t flags;                           /* put on every cell that is drawn: UI_CURSOR_ROW … */
    int cursor_y, cursor_x;                  /* where the terminal's cursor stands; -1: hidden */
};

void ui_canvas_init(struct ui_canvas *c, int h, int w, enum ui_alphabet alphabet);
void ui_canvas_done(struct ui_canvas *c);
void ui_canvas_resize(struct ui_canvas *c, int h, int w);
void ui_canvas_clear(struct ui_canvas *c);   /* blanks, no clip, no cursor */

/* Narrows the clip to r and returns what it was, to be put back with ui_unclip. */
struct ui_rect ui_clip(struct ui_canvas *c, struct ui_rect r);
void ui_unclip(struct ui_canvas *c, struct ui_rect was);

/* Draws at most cols columns and returns how many it took. A text that does not fit ends in an ellipsis. */
int ui_text(struct ui_canvas *c, int y, int x, int cols, enum ui_role role, const char *s);
int ui_textf(struct ui_canvas *c, int y, int x, int cols, enum ui_role role, const char *fmt, ...) KG_PRINTF(6, 7);
/* The same for names, which often differ at their ends only: what has no room is cut from the middle. */
int ui_text_name(struct ui_canvas *c, int y, int x, int cols, enum ui_role role, const char *s);
int ui_text_right(struct ui_canvas *c, int y, int x, int cols, enum ui_role role, const char *s); /* ends at x + cols */
/* Breaks at blanks into rect's lines from its skip-th line on; returns how many lines the whole text has. A NULL canvas
 * measures. '\n' ends a line, a tab is a blank; a word that is too long for a line is broken. */
int ui_text_wrapped(struct ui_canvas *c, struct ui_rect r, int skip, enum ui_role role, const char *s);
void ui_fill(struct ui_canvas *c, struct ui_rect r, enum ui_role role);    /* blanks */
void ui_flag(struct ui_canvas *c, struct ui_rect r, uint8_t flags);        /* on what is drawn already */

enum ui_glyph {
    UI_G_HLINE, UI_G_VLINE, UI_G_UL, UI_G_UR, UI_G_LL, UI_G_LR, UI_G_LTEE, UI_G_RTEE, UI_G_TTEE, UI_G_BTEE,
    UI_G_OK, UI_G_WARNING, UI_G_FAILED, UI_G_BUSY,         /* ✓ ! ✗ … */
    UI_G_OPEN, UI_G_CLOSED,                                /* a tree's node: ▾ ▸ */
    UI_G_CHECKED, UI_G_UNCHECKED, UI_G_ON, UI_G_OFF,       /* [x] [ ] (•) ( ) */
    UI_G_CRUMB, UI_G_UP, UI_G_DOWN, UI_G_DOT, UI_G_ELLIPSIS, UI_G_FULL, UI_G_EMPTY, /* › ▲ ▼ · … █ ░ */
    UI_G_EIGHTH, /* … + 7: ▁ to ▇; use ui_bar_v() */
    UI_G_COUNT_ = UI_G_EIGHTH + 7,
};
const char *ui_glyph(enum ui_alphabet a, enum ui_glyph g);                 /* static storage; as wide in either alphabet */
int ui_put(struct ui_canvas *c, int y, int x, enum ui_role role, enum ui_glyph g);   /* columns taken */
void ui_hline(struct ui_canvas *c, int y, int x, int w, enum ui_role role);
void ui_vline(struct ui_canvas *c, int y, int x, int h, enum ui_role role);
/* A frame with its title in the upper line; title may be NULL. Nothing below 2 x 2; what is inside stays as it is. */
void ui_box(struct ui_canvas *c, struct ui_rect r, enum ui_role role, const char *title);

int ui_width(const char *s);                                               /* columns of a text */
size_t ui_fit(const char *s, int cols);                                    /* bytes of it that fit in so many columns */

/* How a cell looks: its role's style, unless its flags say that the whole row looks like the cursor, marked, or in shade. */
struct ui_style ui_cell_style(const struct ui_theme *t, const struct ui_cell *cell, int colours);

/* The canvas as text, lines ended by '\n', without blanks at their ends: golden screens, ":save". */
void ui_canvas_print(const struct ui_canvas *c, struct kg_buf *ret);

#endif
