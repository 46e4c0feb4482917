/* model/commands.h - commands for a shell as they are shown: broken into lines so that what is copied from the screen still runs.
 * Pure. */
#ifndef UI_MODEL_COMMANDS_H
#define UI_MODEL_COMMANDS_H

#include "base/buf.h"

/* Appends the commands of text (a line each; comments and here-documents among them) in lines of at most width columns, where it
 * is 20 or more. A command that is longer goes on in the next line behind a backslash; a word that is longer than a line, too.
 * Here-documents stay as they are. */
void ui_commands_wrap(const char *text, int width, struct kg_buf *ret);

#endif
