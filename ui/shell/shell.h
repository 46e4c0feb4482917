/* shell/shell.h - the portal without terminal and sockets: pages and what lies on top of them, the frame around them, the
 * command palette, help, notifications. It takes events and answers, and draws on a canvas; app.c gives it both, tests too.
 *
 * Layers: the bottom one is a page of the menu; what it opens lies on top. Pages and wizards fill the content, panes and
 * dialogs lie over it. Leaving something in which was typed is asked about first.
 * Ownership: kinds, transport and texts in options are borrowed. Threads: one. */
#ifndef UI_SHELL_SHELL_H
#define UI_SHELL_SHELL_H

#include "model/edit.h"
#include "model/model.h"
#include "term/canvas.h"
#include "term/event.h"

/* Where calls go: kg_async, or a test. */
struct ui_transport {
    uint64_t (*send)(void *ctx, const struct kg_request *rq, bool follow, kg_async_fn *fn, void *fn_ctx);
    void (*cancel)(void *ctx, uint64_t id);
    struct kg_async_health (*health)(void *ctx);
    void *ctx;
};

/* What only app.c can do; it looks after every event, does it and clears it. */
struct ui_wish {
    bool quit, redraw, mouse_changed, mouse, bell;
    char *copy;                              /* to the clipboard */
    char *theme, *slow;                      /* a theme's name; "on" or "off" */
    char *save_screen;                       /* a file's name */
};

enum { UI_LAYERS_MAX = 16, UI_NOTES_MAX = 50, UI_FOUND_MAX = 400, UI_FOUND_IN = 3, UI_WATCH_MAX = 64 };

/* serial: no two are the same. next: what a model opened after it had closed itself takes its place. */
struct ui_layer {
    struct ui_model *m, *from;
    unsigned serial;
    bool closing;
    char *result;
    const struct ui_kind *next;
    char *next_arg;
};
/* box: it stays in sight until Esc. link: the id of what it is about, or NULL. */
struct ui_noted { int64_t at; enum ui_note level; char *text, *advice, *link; bool box; };
/* A job whose end is told. runs: it did when running jobs were asked for last. */
struct ui_watched { char *id; uint64_t call; bool runs; unsigned failed; };

/* Something that the palette finds. */
struct ui_found { char *label, *hint; const struct ui_command *command; struct ui_model *of; const char *kind; char *arg;
                  enum ui_action action; int score; };

struct ui_shell {
    struct ui_host host;                     /* first: models know the shell by it */
    struct ui_transport transport;
    struct ui_wish wish;
    struct ui_layer layer[UI_LAYERS_MAX];
    size_t n_layers;
    unsigned serial;                         /* of the layer that was opened last */
    char *start_page;
    bool started;
    char server_version[32];                 /* as it was compared last */
    char setting[3][32];                     /* theme, mouse, slow: as app.c told, and as they were changed since */
    struct kg_err start_err;                 /* why the service does not answer, before the first page */
    uint64_t start_call;
    struct { bool open; size_t cursor, from; } menu;             /* open: it has the keyboard */
    struct { bool open; int top, lines; } help;
    struct { bool open; size_t cursor; int top; } notes_pane;    /* cursor: 0 is the newest */
    struct ui_noted note[UI_NOTES_MAX];      /* newest last */
    size_t n_notes, n_unread;
    uint64_t noted;                          /* all that there ever were */
    bool toast;                              /* the newest note is in sight */
    struct {
        bool open;
        struct ui_edit edit;
        struct ui_found found[UI_FOUND_MAX];
        size_t n_found, cursor, top;
        struct kg_json *resources[UI_FOUND_IN];      /* of all types; backup instances; backup policies */
        uint64_t call[UI_FOUND_IN];          /* for each; 0: none is under way */
        bool stale[UI_FOUND_IN];                       /* the next answer takes the place of what is there */
        char *history[20];
        size_t n_history, at;
    } palette;
    struct { bool open, yes; char *text; void (*go)(struct ui_shell *s); char *kind; } ask;     /* "leave what was typed?" */
    struct { uint64_t call; int64_t asked; unsigned running; double percent; } jobs;
    struct { struct ui_watched of[UI_WATCH_MAX]; size_t n; } watch;
    struct ui_rect content, top;             /* where the page and what has the keyboard were drawn last */
    int w;                                   /* of the canvas they were drawn on */
    bool changed;
    struct ui_sent *sent;                    /* calls under way */
};

void ui_shell_init(struct ui_shell *s, const struct ui_transport *t, const char *start_page, bool readonly, int64_t now);
void ui_shell_done(struct ui_shell *s);

void ui_shell_event(struct ui_shell *s, const struct ui_event *ev, int64_t now);
void ui_shell_tick(struct ui_shell *s, int64_t now);             /* about once a second, and when ui_shell_wake() says so */
int64_t ui_shell_wake(const struct ui_shell *s);                 /* when the next tick is due (wall, µs) */
bool ui_shell_is_due(const struct ui_shell *s, int64_t now);     /* the tick; also when the clock was set back */
void ui_shell_draw(struct ui_shell *s, struct ui_canvas *c);
/* True once after something changed that is worth a new picture. */
bool ui_shell_changed(struct ui_shell *s);
bool ui_shell_dirty(const struct ui_shell *s);                   /* something is typed that a quit would lose */

struct ui_model *ui_shell_top(const struct ui_shell *s);         /* what has the keyboard; NULL before the first page */
struct ui_model *ui_shell_page(const struct ui_shell *s);        /* the topmost page or wizard */

#endif
