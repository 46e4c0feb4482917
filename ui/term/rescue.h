/* term/rescue.h - what stands ready for the moment things go wrong: signals as flags behind a descriptor, a terminal that a
 * crash leaves sane, and a place for what is written to stderr while the picture is up. Inside of term/ only.
 * One a process, one thread. Handlers do nothing that is not async-signal-safe. */
#ifndef UI_TERM_RESCUE_H
#define UI_TERM_RESCUE_H

#include <stddef.h>
#include "keepgres/err.h"

enum { UI_SIG_SIZE = 1, UI_SIG_STOP = 2, UI_SIG_GOES_ON = 4, UI_SIG_END = 8 };

/* Remembers the terminal's modes and what signals did; called before curses changes either. terminal -1: there is none. */
int ui_rescue_init(int terminal, struct kg_err *err) KG_MUST_CHECK;
/* Takes the signals (after curses, which installs handlers of its own). reset is what a terminal must be sent to be as it was. */
void ui_rescue_arm(const char *reset, size_t n);
/* Gives them back. The terminal is the caller's to restore. */
void ui_rescue_disarm(void);

int ui_rescue_fd(void);                      /* readable: ui_rescue_take() has something */
unsigned ui_rescue_take(void);               /* UI_SIG_…: what came since the last call */
void ui_rescue_stop(void);                   /* stops the process group as Ctrl-Z does; returns when it goes on */

/* What is written to descriptor 2 is kept, where that is a terminal, and shown again by ui_stderr_back(). */
void ui_stderr_aside(void);
void ui_stderr_back(void);

#endif
