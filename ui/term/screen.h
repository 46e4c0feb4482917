/* term/screen.h - the terminal. This folder is the only place that knows curses.
 *
 * Whatever ends the process (return, exit, a signal, a crash) leaves the terminal as it was. One screen a process, one thread.
 * While the screen is open: SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGTSTP, SIGCONT and SIGWINCH are events (the third request to
 * end that nobody reads ends the process all the same); what is written to stderr is kept and shown when the screen closes.
 * A loop polls both descriptors, reads events until there are none, draws, shows. What the terminal's character set lacks is
 * shown as '?'.
 * Errors: ui_screen_open fails with KG_E_USAGE and advice when there is no terminal, or curses cannot drive it. */
#ifndef UI_TERM_SCREEN_H
#define UI_TERM_SCREEN_H

#include "keepgres/err.h"
#include "term/canvas.h"
#include "term/event.h"
#include "theme/theme.h"

enum { UI_MIN_H = 24, UI_MIN_W = 80 };

struct ui_screen;
struct ui_screen_opts {
    const struct ui_theme *theme;            /* copied */
    bool ascii;                              /* also when the locale's character set is not UTF-8 */
    bool mono;                               /* NO_COLOR: attributes instead of colours */
    bool mouse;
};
int ui_screen_open(const struct ui_screen_opts *o, struct ui_screen **ret, struct kg_err *err) KG_MUST_CHECK;
void ui_screen_close(struct ui_screen *s);                       /* NULL is allowed */

struct ui_canvas *ui_screen_canvas(struct ui_screen *s);         /* of the terminal's size, from 1 x 1; draw on it, then show it */
void ui_screen_show(struct ui_screen *s);                        /* sends what changed; nothing when nothing did */
void ui_screen_redraw(struct ui_screen *s);                      /* the next show sends everything (Ctrl-L) */

int ui_screen_fd(const struct ui_screen *s);                     /* readable: there may be events */
int ui_screen_wake_fd(const struct ui_screen *s);                /* readable: a signal came; ui_screen_read tells which */
bool ui_screen_read(struct ui_screen *s, struct ui_event *ret);  /* the next event; false: none waits */

void ui_screen_theme(struct ui_screen *s, const struct ui_theme *t);
void ui_screen_mouse(struct ui_screen *s, bool on);
void ui_screen_suspend(struct ui_screen *s);                     /* stops the process as Ctrl-Z does; returns when it goes on */
/* Into the terminal's clipboard (OSC 52), at most 64 KiB. False where the terminal is known to have none, or the text is too
 * long; true means that it was sent: terminals do not answer, and tmux may be set to keep it to itself. */
bool ui_screen_copy(struct ui_screen *s, const char *text);
void ui_screen_bell(struct ui_screen *s);
void ui_screen_title(struct ui_screen *s, const char *title);    /* of the terminal's window, where it has one */

#endif
