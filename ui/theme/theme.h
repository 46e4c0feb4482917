/* theme/theme.h - colours by role. Views name roles; only themes name colours. No curses here.
 *
 * A theme is a text file:  inherit = NAME;  role = [colour] [on colour] [bold] [reverse] [underline] [dim];  # comment.
 * A role that a file does not name looks like its parent role; a colour that its line does not name is its parent's. "inherit"
 * stands before the roles. Colours: default, the eight names (black to white), bright NAME, or 0 to 255. At most 16 KiB.
 * The shipped themes (themes/NAME.theme) are compiled in; a file of the same name in the user's theme folder comes first.
 * Each shipped theme is usable with 256, 16 and 8 colours and with none: see theme.c on what falls back to what. */
#ifndef UI_THEME_THEME_H
#define UI_THEME_THEME_H

#include <stddef.h>
#include "keepgres/err.h"

enum { UI_BOLD = 1, UI_REVERSE = 2, UI_UNDERLINE = 4, UI_DIM = 8 };

enum ui_role {
#define UI_ROLE(name, text, parent) UI_ROLE_##name,
#include "theme/roles.def"
#undef UI_ROLE
    UI_ROLE_COUNT_
};

struct ui_style { short fg, bg; unsigned attrs; };               /* fg, bg: -1 is the terminal's own */
struct ui_theme {
    struct ui_style role[UI_ROLE_COUNT_];
    unsigned plain[UI_ROLE_COUNT_];          /* attributes where there are no colours */
};

/* Reads a theme. name is for messages; dir is the user's theme folder, where "inherit" is looked for first, or NULL.
 * On failure ret is untouched and err names file and line. */
int ui_theme_parse(const char *name, const char *text, const char *dir, struct ui_theme *ret, struct kg_err *err) KG_MUST_CHECK;
/* By name: DIR/NAME.theme, else the shipped one. KG_E_NOT_FOUND lists the names that there are. */
int ui_theme_load(const char *name, const char *dir, struct ui_theme *ret, struct kg_err *err) KG_MUST_CHECK;
const char *ui_theme_shipped(size_t i);                          /* names, NULL behind the last */
const char *ui_role_name(enum ui_role role);

/* 0xRRGGBB of a colour of the 256; of the first 16, which terminals let their users choose, what xterm makes of them. */
unsigned ui_theme_rgb(int colour);

/* The style for a terminal with so many colours (0: none, then attributes alone tell roles apart). */
struct ui_style ui_theme_style(const struct ui_theme *t, enum ui_role role, int colours);

#endif
