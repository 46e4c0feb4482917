/* term/lines.h - lines that a person types, or that a pipe or a file holds: the input of --plain. Nothing is drawn here and no
 * curses is used; the terminal's own line editing stays on. What was read and not yet asked for lies in memory that is kept as
 * secrets are, because any line may be one.
 * Ownership: a line is borrowed until the next call. Threads: one; one a process, as the terminal is. */
#ifndef UI_TERM_LINES_H
#define UI_TERM_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include "keepgres/err.h"

struct ui_lines;

int ui_lines_open(int fd, struct ui_lines **ret, struct kg_err *err) KG_MUST_CHECK;
void ui_lines_close(struct ui_lines *l);                         /* the terminal is as it was; NULL is allowed */

bool ui_lines_is_terminal(const struct ui_lines *l);
/* What to poll: the input (-1 while a line is at hand already, or there will be none), and signals. */
int ui_lines_fd(const struct ui_lines *l);
int ui_lines_wake_fd(const struct ui_lines *l);
bool ui_lines_ready(const struct ui_lines *l);                   /* a line is at hand, or the end */
void ui_lines_read(struct ui_lines *l);                          /* what has come; called when the descriptor is readable */

/* The next line without its newline, at most UI_LINE_MAX bytes: what is longer is cut and *ret_cut says so. NULL: the input has
 * ended (ui_lines_ready() said that there is something). */
enum { UI_LINE_MAX = 8000 };
const char *ui_lines_next(struct ui_lines *l, size_t *ret_n, bool *ret_cut);

void ui_lines_echo(struct ui_lines *l, bool on);                 /* off: what is typed is not shown; terminals only */

/* What signals came: the person wants to leave (Ctrl-C, a hangup). A stop (Ctrl-Z) is done here, with the terminal's echo as it
 * was, and *ret_resumed says that it is over. */
bool ui_lines_signals(struct ui_lines *l, bool *ret_resumed);

#endif
