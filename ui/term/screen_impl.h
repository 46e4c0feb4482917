/* term/screen_impl.h - what screen.c (painting) and input.c (events) share. Inside of term/ only. */
#ifndef UI_TERM_SCREEN_IMPL_H
#define UI_TERM_SCREEN_IMPL_H

#include <curses.h>
#include <time.h>
#include <wchar.h>
#include "term/screen.h"

enum { UI_PAIRS = 128 };

struct ui_input {
    WINDOW *pad;                             /* keys are read from a pad: reading a window would also paint it */
    mbstate_t partial;                       /* a character whose last bytes are still on their way */
    bool pasting;
    struct timespec pasted;                  /* when its last character came */
    struct timespec clicked;
    int click_y, click_x;
    unsigned waiting;                        /* UI_SIG_…: signals that no event told of yet */
};

struct ui_screen {
    SCREEN *curses;
    struct ui_theme theme;
    struct ui_canvas canvas;
    struct ui_cell *shown;                   /* what the terminal shows; a role beyond all roles: unknown */
    int cursor_y, cursor_x;                  /* as shown */
    bool cursor_on;
    int colours;                             /* 0, 8, 16, 256 */
    struct { short fg, bg; } pair[UI_PAIRS]; /* from 1 on */
    int pairs;
    bool utf8, mouse, gone /* the terminal */, clear /* the next show sends everything */;
    struct ui_input in;
};

void ui_input_init(struct ui_screen *s);
void ui_input_done(struct ui_screen *s);
void ui_screen_fit(struct ui_screen *s);     /* canvas and curses to the terminal's size */
void ui_screen_enter(struct ui_screen *s);   /* the terminal into our modes; the next show sends everything */

#endif
