/* model/model.h - what a page, a pane, a dialog or a wizard is: its state, and what happens to it. A model knows no terminal,
 * no socket and no clock: it asks its host, and is told. That is how unit tests drive it.
 *
 * A kind is a row of constants. Four families share nearly all code: lists (model/list.h), pages about one resource
 * (model/detail.h), forms, which are the wizards and the dialogs (model/form.h), and readers of text (model/reader.h). What is
 * none of these brings functions of its own (UI_CUSTOM), and its picture in view/.
 * The registry of all kinds is model/kinds.c.
 * Ownership: the host makes a model with ui_model_new, and frees it. Texts handed to the host are copied. */
#ifndef UI_MODEL_MODEL_H
#define UI_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "keepgres/async.h"
#include "keys/keys.h"

struct ui_model;

/* ---- what a model may ask of the one who holds it ---- */

struct ui_call {
    const char *method;                      /* NULL: GET */
    const char *path;
    const char *body;                        /* JSON text, or NULL; copied, and wiped after it was sent */
    bool follow;                             /* wait for the operation that it begins; its result is the answer */
    bool keep_text;                          /* the answer is text, or may hold a secret */
};
enum ui_note { UI_NOTE_INFO, UI_NOTE_OK, UI_NOTE_WARNING, UI_NOTE_FAILED };

struct ui_host;
struct ui_host_ops {
    uint64_t (*ask)(struct ui_host *h, struct ui_model *m, const struct ui_call *c, int tag);  /* answered once, later */
    void (*forget)(struct ui_host *h, struct ui_model *m, uint64_t id);                         /* 0: all of m's */
    /* Opens a kind by name on top of from; arg is copied. When it closes with a result, from->kind->closed() is told. */
    void (*open)(struct ui_host *h, struct ui_model *from, const char *kind, const char *arg);
    /* Closes m after the event at hand; what m opens after that takes its place. result: what was made or chosen, or NULL when it
     * was left. */
    void (*close)(struct ui_host *h, struct ui_model *m, const char *result);
    void (*note)(struct ui_host *h, enum ui_note level, const char *text, const char *advice);
    void (*copy)(struct ui_host *h, const char *text);
    /* Writes a text to a file of the person's (a template, a script); -code and a message when it cannot. Never overwrites. */
    int (*save)(struct ui_host *h, const char *file, const char *text, struct kg_err *err);
    /* A setting of the portal ("theme", "mouse", "slow") as it is; with a value it is set and kept first. */
    const char *(*setting)(struct ui_host *h, const char *name, const char *value);
};
struct ui_host {
    const struct ui_host_ops *ops;
    int64_t now;                             /* wall clock in µs, as of the event at hand */
    bool readonly;
    char subscription[64];                   /* the name in "/subscriptions/NAME" */
    char user[64];                           /* who the service says one is */
    char home[400];                          /* the person's folder; "": not known */
};

/* ---- kinds ---- */

enum ui_shape { UI_PAGE, UI_PANE, UI_DIALOG, UI_WIZARD };        /* a wizard is a page that is left by its buttons */
enum ui_family { UI_LIST, UI_DETAIL, UI_FORM, UI_READER, UI_CUSTOM };

enum { UI_WRITES = 1,                        /* refused by --readonly */
       UI_NEEDS_ROW = 2,                     /* needs a row under the cursor */
       UI_MANY = 8 | 2,                      /* the same, and applies to all marked rows: opens gets their ids, a line each */
       UI_HIDDEN = 4 };                      /* in palette and help, not in the command bar */

/* What can be done here, besides moving about. */
struct ui_command {
    const char *name;                        /* "backup-now" */
    const char *label;                       /* "Backup now" */
    uint32_t key;                            /* a letter that ui_key_is_taken() does not know; 0: palette only */
    unsigned flags;
    const char *help;                        /* one sentence */
    const char *(*refuse)(const struct ui_model *m);             /* why it does not apply now, or NULL; may be NULL */
    void (*run)(struct ui_model *m);         /* NULL: opens the kind named in opens */
    const char *opens;                       /* with the row's id (UI_NEEDS_ROW) or the page's argument */
};

struct ui_kind {
    const char *name;                        /* "backup-jobs": for palette, --page and tests */
    const char *title;                       /* "Backup jobs"; a detail page shows its resource's name */
    enum ui_shape shape;
    enum ui_family family;
    const void *data;                        /* the family's: struct ui_list_kind, ui_detail_kind, ui_form_kind */
    const struct ui_command *commands;
    size_t n_commands;
    size_t size;                             /* of the state, which begins with a struct ui_model; 0: the family's */
    const char *found_by;                    /* more words that the palette finds it by, or NULL */
    /* Any may be NULL: then the family's is taken. A kind's own may call the family's (ui_list_answer …). */
    void (*open)(struct ui_model *m);        /* m->arg is set; asks for what it needs */
    void (*done)(struct ui_model *m);        /* releases what is inside */
    void (*answer)(struct ui_model *m, int tag, uint64_t id, const struct kg_answer *a);
    bool (*act)(struct ui_model *m, enum ui_action a);           /* true: taken */
    bool (*type)(struct ui_model *m, const struct ui_event *ev); /* a field has the keyboard and took it; asked first */
    void (*tick)(struct ui_model *m);        /* about once a second */
    bool (*dirty)(const struct ui_model *m); /* typed input would be lost */
    void (*closed)(struct ui_model *m, const char *kind, const char *result); /* what m had opened; result NULL: left */
    int64_t (*wake)(const struct ui_model *m);                   /* when tick is wanted again (µs, wall); 0: not */
};

struct ui_model {
    const struct ui_kind *kind;
    struct ui_host *host;
    struct ui_model *of;                     /* the page whose tab this list is; NULL: a model of its own */
    char *arg;                               /* a resource id, a JSON text, or "" */
    char *title;                             /* what the breadcrumb shows; NULL: kind->title */
    bool stale;                              /* what is shown is older than it should be: the service did not answer */
    bool changed;                            /* set whenever there is something new to draw; the host clears it */
};

struct ui_model *ui_model_new(const struct ui_kind *k, struct ui_host *h, const char *arg);  /* and opens it */
void ui_model_free(struct ui_model *m);                          /* forgets its calls; NULL is allowed */

/* The kind's function, else the family's, else nothing. What changes a tab's list changes its page. */
void ui_model_answer(struct ui_model *m, int tag, uint64_t id, const struct kg_answer *a);
bool ui_model_act(struct ui_model *m, enum ui_action a);
bool ui_model_type(struct ui_model *m, const struct ui_event *ev);
void ui_model_tick(struct ui_model *m);
bool ui_model_dirty(const struct ui_model *m);
void ui_model_closed(struct ui_model *m, const char *kind, const char *result);
int64_t ui_model_wake(const struct ui_model *m);

/* Why a command does not apply: read-only, no row, or its own reason; NULL when it does. */
const char *ui_command_refused(const struct ui_command *c, const struct ui_model *m);
void ui_command_run(const struct ui_command *c, struct ui_model *m);         /* says why when it is refused */
const char *ui_model_row_id(const struct ui_model *m);           /* of the row under the cursor; NULL: none */

/* When what was asked then is due again; at once where the clock was set back since. All in µs, wall. */
int64_t ui_due(const struct ui_host *h, int64_t asked, int64_t wait);

uint64_t ui_ask(struct ui_model *m, const char *path, int tag);  /* GET */
uint64_t ui_ask_call(struct ui_model *m, const struct ui_call *c, int tag);
void ui_open(struct ui_model *m, const char *kind, const char *arg);
void ui_close(struct ui_model *m, const char *result);
void ui_note(struct ui_model *m, enum ui_note level, const char *text);
/* A failed answer as a notification, with what was tried in front: "back up 'sales': …". */
void ui_note_err(struct ui_model *m, const char *what, const struct kg_err *err);

/* ---- the registry (kinds.c) ---- */

const struct ui_kind *ui_kind_of_name(const char *name);         /* NULL: there is none */
const struct ui_kind *ui_kind_at(size_t i);                      /* NULL behind the last */
/* A page, not a dialog or a pane: whoever comes back from it may have changed things there. */
bool ui_kind_is_page(const char *name);
/* The kind that shows the resource with this id, by its type; NULL when none does. */
const struct ui_kind *ui_kind_of_id(const char *id);

#endif
