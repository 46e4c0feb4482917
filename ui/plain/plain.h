/* plain/plain.h - the portal as questions and lines: numbered rows, "Label: value", one question after the other, for screen
 * readers and terminals that can do nothing but write. The pages and wizards are the portal's own models, held by its shell; only
 * what shows them is another. Nothing but text and newlines is written: names that hold control characters are shown escaped.
 *
 * It is driven: ui_plain_turn() after anything may have changed, ui_plain_line() when ui_plain_asks() and there is a line. While a
 * page is on its way no question is open, so that lines of a script wait for the page that they are meant for.
 * In a wizard's question a word with a colon in front is a command (":back"), because the answer may be any text.
 * Ownership: what is handed in is borrowed. Threads: one. */
#ifndef UI_PLAIN_PLAIN_H
#define UI_PLAIN_PLAIN_H

#include "shell/shell.h"

enum { UI_PLAIN_ROWS = 20 };

/* What is open in a layer: see plain.c. */
struct ui_plain_layer {
    unsigned serial;                         /* of the shell's layer */
    bool shown;                              /* its page was read out */
    size_t from;                             /* the first row that is still to be read out */
    size_t step;                             /* of a form: the step it is in */
    bool begun;                              /* step and ask are set */
    int ask;                                 /* the input that is asked; -1: all are */
    bool introduced;                         /* the step's title was read out */
    bool listed;                             /* the question's choices or rows were */
    bool only;                               /* one answer was to be changed: on to the end without asking the others */
    bool final;                              /* the last question was asked: shall it be done? */
    char *filter;                            /* of a choice; NULL: none */
};

enum ui_plain_mode { UI_PLAIN_PAGE, UI_PLAIN_MENU, UI_PLAIN_FOUND };

struct ui_plain {
    struct ui_shell shell;
    void (*write)(void *ctx, const char *text, size_t n);
    void *ctx;
    bool utf8;                               /* else what is not ASCII is written as '?' */
    bool stops_watching;                     /* a line ends "watch": a person sits there, not a script */
    enum ui_plain_mode mode;
    bool finding;                            /* the palette's resources are on their way */
    bool watching;
    bool asks, secret;
    int width;                               /* columns of the terminal: lines are broken between words; 0: they are not */
    bool middle;                             /* the line on the terminal is not ended yet: a question stands there */
    bool ended;                              /* there will be no more lines */
    bool unreachable;                        /* and that was told */
    struct ui_plain_layer layer[UI_LAYERS_MAX];
    unsigned last_serial;                    /* of what was asked last */
    uint64_t notes_told;
    const char *doing;                       /* what was last said of a submission */
    bool start_told;
    char **id;                               /* what the numbers on the screen stand for */
    size_t n_ids, cap_ids;
    char **told;                             /* values of a page that is watched, as they were told */
    size_t n_told;
    int64_t told_at, waits_since;
    bool waits_told;
};

struct ui_plain_opts {
    const struct ui_transport *transport;
    void (*write)(void *ctx, const char *text, size_t n);
    void *ctx;
    const char *page;                        /* NULL: the Overview */
    const char *home;                        /* the person's folder; NULL: not known */
    bool readonly, utf8, stops_watching;
};

void ui_plain_init(struct ui_plain *p, const struct ui_plain_opts *o, int64_t now);
void ui_plain_done(struct ui_plain *p);

/* Says what there is to say, up to the next question. */
void ui_plain_turn(struct ui_plain *p, int64_t now);
bool ui_plain_asks(const struct ui_plain *p);                    /* the next line is its answer */
bool ui_plain_secret(const struct ui_plain *p);                  /* and must not be shown while it is typed */
void ui_plain_line(struct ui_plain *p, const char *line, size_t n, int64_t now);
void ui_plain_end(struct ui_plain *p);                           /* there are no more lines: leaves, at the next question */
bool ui_plain_left(const struct ui_plain *p);
int64_t ui_plain_wake(const struct ui_plain *p);                 /* when ui_plain_turn() is wanted at the latest (wall, µs) */

#endif
