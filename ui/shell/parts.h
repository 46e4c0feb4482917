/* shell/parts.h - the shell's parts among themselves. */
#ifndef UI_SHELL_PARTS_H
#define UI_SHELL_PARTS_H

#include "shell/shell.h"

/* The menu's rows, here because tests and palette want them too. kind NULL: a heading. */
struct ui_menu_row { const char *title, *kind; };
extern const struct ui_menu_row ui_menu[];
extern const size_t ui_menu_n;
const char *ui_menu_here(const struct ui_shell *s);              /* the kind of the menu's page that one is on; "": none */

/* shell.c */
void ui_shell_go(struct ui_shell *s, const char *kind, const char *arg);     /* to a page, in place of all others */
void ui_shell_visit(struct ui_shell *s, const char *kind);       /* the same, after asking where something typed would be lost */
void ui_shell_act(struct ui_shell *s, enum ui_action a);
/* Asks before it goes on, when something typed would be lost. */
void ui_shell_leave(struct ui_shell *s, void (*go)(struct ui_shell *s), const char *kind);
uint64_t ui_shell_get(struct ui_shell *s, const char *method, const char *path, const char *body, kg_async_fn *fn);
bool ui_shell_awaits(const struct ui_shell *s, const struct ui_model *m);    /* answers to what it asked itself */
struct ui_of { const struct ui_command *c; struct ui_model *m; };
/* The commands that can be given now: a grid's or a tab's first, then the page's. */
size_t ui_shell_commands(const struct ui_shell *s, struct ui_of *ret, size_t max);

/* palette.c */
void ui_palette_open(struct ui_shell *s, const char *text);
void ui_palette_close(struct ui_shell *s);
void ui_palette_done(struct ui_shell *s);
void ui_palette_event(struct ui_shell *s, const struct ui_event *ev);
void ui_palette_click(struct ui_shell *s, const struct ui_event *ev);        /* runs a row; beside the palette it closes */
void ui_palette_draw(struct ui_shell *s, struct ui_canvas *c);

/* notes.c */
void ui_notes_add(struct ui_shell *s, enum ui_note level, const char *text, const char *advice);
/* About a resource that a page shows: it leads there, and covers nothing. */
void ui_notes_add_about(struct ui_shell *s, enum ui_note level, const char *text, const char *id);
/* A note that stays until Esc, in a box: a failure, or one with advice. All others go with the next key. */
bool ui_note_stays(const struct ui_shell *s);
void ui_notes_open(struct ui_shell *s);                          /* the pane; all are read then */
void ui_notes_done(struct ui_shell *s);
void ui_notes_act(struct ui_shell *s, enum ui_action a);                     /* with the keys of a list */
void ui_notes_draw_pane(struct ui_shell *s, struct ui_canvas *c, struct ui_rect area);
void ui_notes_draw_toast(struct ui_shell *s, struct ui_canvas *c, struct ui_rect area);

/* watch.c */
void ui_watch_add(struct ui_shell *s, const char *job);
void ui_watch_running(struct ui_shell *s, const struct kg_json *running, bool all);      /* all: no more than these run */
void ui_watch_see(struct ui_shell *s, const struct kg_json *job);
void ui_watch_done(struct ui_shell *s);

/* frame.c, help.c */
void ui_frame_draw(struct ui_shell *s, struct ui_canvas *c);
void ui_frame_click(struct ui_shell *s, const struct ui_event *ev);
void ui_help_draw(struct ui_shell *s, struct ui_canvas *c);
struct ui_rect ui_centred(const struct ui_canvas *c, int h, int w);
enum ui_role ui_note_role(enum ui_note level);
enum ui_glyph ui_note_glyph(enum ui_note level);

#endif
