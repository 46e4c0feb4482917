/* model/form.h - the family of forms: a wizard is a form of several steps with a review at its end, a dialog one of a single
 * step. Fields are rows of constants; errors stand beside the field they belong to; nothing is sent before the last button.
 *
 * A choice from a list of resources is fetched when its step is shown, filters as one types, and may offer "Create new": the
 * wizard named in "create" opens on top, and what it made is chosen. A field that is not shown (shown() says no) is neither
 * checked nor sent. Answers that come after a field was changed by hand never change it.
 * What is sent: submit() writes one call after another; each is followed, and the next is made from the answers so far; when one
 * fails the form stays as it is, with the error above its buttons. What was made already is told, and not made twice: when it is
 * submitted again, calls that are the same as those that went well are passed over (so a name that submit() invents must be
 * invented once), and those that the person changed since are sent anew.
 * Secrets: in a kg_secret until submit() writes them into a body (ui_form_add_secret), which is wiped after it was handed on. */
#ifndef UI_MODEL_FORM_H
#define UI_MODEL_FORM_H

#include <stdint.h>
#include "model/edit.h"
#include "model/format.h"
#include "model/list.h"
#include "model/model.h"

enum { UI_FIELDS_MAX = 40, UI_STEPS_MAX = 6 };

struct ui_form;

enum ui_field_type {
    UI_FIELD_TEXT, UI_FIELD_SECRET, UI_FIELD_NUMBER,
    UI_FIELD_CHOICE,                         /* one of choices, or of source */
    UI_FIELD_RADIO,                          /* one of choices, all of them in sight */
    UI_FIELD_CHECK,                          /* "true" or "false" */
    UI_FIELD_SET,                            /* any of choices: values by commas */
    UI_FIELD_NOTE,                           /* no input: text() or help, broken into lines; in the review when review is set */
    UI_FIELD_HEADING,
    UI_FIELD_BUTTON,                         /* press() */
    UI_FIELD_GRID,                           /* rows that the form's kind keeps: see struct ui_grid */
};

struct ui_choice { const char *value, *label, *help; };          /* label NULL: value */

/* Choices that the service lists; of a TEXT: the names that are taken already. */
struct ui_source {
    const char *path;                        /* with {sub}, {arg} and {FIELD}: another field's value; not asked while one is "" */
    void (*request)(const struct ui_form *f, struct kg_buf *path, struct kg_buf *body);   /* instead, or NULL */
    const char *items;                       /* NULL: "value" */
    const char *value, *label;               /* paths; NULL: "id", and "name" */
    const char *help;                        /* path, shown dim behind the label; or NULL */
    /* Why an item cannot be chosen, or NULL; may be NULL. The text is static, or lives in the item. */
    const char *(*refuse)(const struct ui_form *f, const struct kg_json *item);
    const char *create;                      /* a wizard's kind; NULL: nothing can be made here */
    const char *create_arg;                  /* what it is opened with: "{vault}"; NULL: "" */
    const char *create_label;                /* "Create new Backup vault" */
    const char *taken;                       /* of a TEXT: the sentence for a name that is there already; NULL: a general one */
};

struct ui_field {
    const char *name;                        /* "resourceGroup" */
    const char *label;                       /* "Resource group" */
    enum ui_field_type type;
    const char *initial;                     /* or NULL; "{arg}" is the form's argument */
    const struct ui_choice *choice;          /* ended by { NULL } */
    const struct ui_source *source;
    const char *help;                        /* a sentence under the field while it has the keyboard */
    bool optional;
    bool wide;                               /* on a line of its own under its label */
    size_t max;                              /* bytes */
    bool (*shown)(const struct ui_form *f);
    const char *(*initially)(const struct ui_form *f);           /* a value while the person has not typed one; or NULL */
    /* What is wrong with the value, as a sentence, or NULL. Called for values that are there. */
    const char *(*check)(const struct ui_form *f, const char *value);
    void (*changed)(struct ui_form *f);      /* after the value was changed, by hand or by a choice that arrived */
    void (*press)(struct ui_form *f);        /* UI_FIELD_BUTTON; of a text: what Enter does, instead of going on; or NULL */
    void (*text)(const struct ui_form *f, struct kg_buf *ret);   /* UI_FIELD_NOTE */
    const char *review;                      /* label in the review; NULL: label; "": not there */
    const char *none;                        /* what an empty value means, in the empty field and the review: "no limit"; NULL: "none" */
};

/* What a kind of grid must know. A grid's rows are the form's own business (f->own). */
struct ui_grid {
    const struct ui_column *column;          /* titles, widths, ranks; paths and formats are not used */
    size_t n_columns;
    const char *empty;
    size_t (*count)(const struct ui_form *f);
    void (*cell)(const struct ui_form *f, size_t row, size_t column, struct ui_shown *ret);
    bool (*marked)(const struct ui_form *f, size_t row);
    int (*depth)(const struct ui_form *f, size_t row);           /* of a tree; NULL: a flat grid */
    enum ui_state (*node)(const struct ui_form *f, size_t row);  /* UI_OK: open, UI_OFF: closed, UI_NONE: a leaf, UI_BUSY: loading */
    bool (*act)(struct ui_form *f, size_t row, enum ui_action a);/* OPEN, MARK, MARK_ALL, LEFT, RIGHT, FILTER */
    const struct ui_command *commands;       /* of the grid: in the command bar while it has the keyboard */
    size_t n_commands;
};

struct ui_step {
    const char *title;                       /* "Basics" */
    const struct ui_field *field;
    size_t n_fields;
    const char *intro;                       /* a sentence above the fields, or NULL */
    const struct ui_grid *grid;              /* of the step's UI_FIELD_GRID */
    /* What is wrong with the step as a whole, or NULL. */
    const char *(*check)(const struct ui_form *f);
    /* Something beside or under the fields (a policy's timeline): lines of text, drawn by the view; or NULL. */
    void (*aside)(const struct ui_form *f, int width, struct kg_buf *ret);
};

/* One call of a submission: method NULL is PUT; secret: the answer may hold a secret (see ui_tell). doing: "Creating vault". */
struct ui_submit { struct kg_buf *path, *body; const char *method; bool follow; bool secret; const char *doing; };

/* A secret that an answer holds once (a vault's recovery key). The form does not close before the person has seen it. */
struct ui_tell {
    const char *member;                      /* of the answer: "recoveryKey" */
    const char *title, *text;                /* with {FIELD}: what it is, what to do with it */
    const char *file;                        /* with {FIELD}: the name of the file that is proposed, in the person's home */
};

struct ui_form_kind {
    const struct ui_step *step;
    size_t n_steps;
    const char *submit_label;                /* "Create", "Configure backup" */
    const char *succeeded;                   /* "Backup vault {name} was created": the notification at the end; or NULL */
    const struct ui_tell *tell;              /* or NULL */
    /* Each call is for another resource: one that fails is told as a notification, and the others are made all the same. */
    bool each;
    bool review;                             /* a last step that lists all values */
    size_t own_size;                         /* bytes of f->own, zeroed */
    void (*open)(struct ui_form *f);         /* after the fields have their initial values */
    void (*done)(struct ui_form *f);         /* releases what is in f->own */
    void (*answer)(struct ui_form *f, int tag, const struct kg_answer *a);     /* to what the kind asked itself: tags from 1000 */
    void (*tick)(struct ui_form *f);
    void (*closed)(struct ui_form *f, const char *kind, const char *result);
    /* The i-th call (answers of the earlier ones in f->answers[]); false: there is none, all is done. */
    bool (*submit)(const struct ui_form *f, size_t i, struct ui_submit *ret);
    /* Instead of submit(), for a form whose calls go on after one that failed: it asks by itself, keeps f->doing, and at the end
     * takes f->sending back and sets f->err, or f->finished. */
    void (*start)(struct ui_form *f);
    /* After the last call: NULL closes the form with the id in the first answer. */
    void (*finished)(struct ui_form *f);
    void (*cli)(const struct ui_form *f, struct kg_buf *ret);    /* the equivalent commands, a line each; may be NULL */
    const char *(*danger)(const struct ui_form *f);              /* a sentence: what will be lost; the default button is Cancel then */
    const char *(*typed)(const struct ui_form *f);               /* the name that must be typed before the last button works; or NULL */
    void (*more_review)(const struct ui_form *f, struct kg_buf *ret);          /* lines behind the review's values */
};

struct ui_option { char *value, *label, *help, *refused; };

struct ui_input {
    const struct ui_field *field;
    struct ui_edit edit;                     /* TEXT, SECRET, NUMBER; a SET's and a CHOICE's value */
    char *label;                             /* of a chosen option */
    size_t at;                               /* of a SET: the choice that Space works on */
    bool touched;                            /* changed by hand */
    bool visited;                            /* errors are shown from then on */
    enum ui_load load;                       /* of source */
    struct kg_err err;
    struct ui_option *option;
    size_t n_options;
    char *asked;                             /* path and body that the options came from, or are to come from */
    uint64_t call;
    bool paging;                             /* more of the options are on their way */
    int y, h;                                /* lines of the screen it stands on; the view's; h 0: it does not */
    bool stale;                              /* options are to be asked for when the field is shown next */
};

/* In the order in which they stand there. SAVE and CLOSE: of the page that tells a secret (ui_tell). */
enum { UI_BUTTON_NEXT, UI_BUTTON_SUBMIT, UI_BUTTON_BACK, UI_BUTTON_CLI, UI_BUTTON_SAVE, UI_BUTTON_CLOSE, UI_BUTTON_CANCEL,
       UI_BUTTON_COUNT_ };
/* What has the keyboard, besides inputs and buttons. */
enum { UI_FOCUS_TYPED = -100, UI_FOCUS_TABS = -101, UI_FOCUS_FILE = -102 };
enum { UI_CALLS_MAX = 64 };
/* Rows of a choice's list that are no options. */
#define UI_PICK_NONE   SIZE_MAX              /* "(none)", of an optional choice */
#define UI_PICK_CREATE (SIZE_MAX - 1)

struct ui_form {
    struct ui_model base;
    const struct ui_form_kind *kind;
    struct ui_input input[UI_FIELDS_MAX];    /* of all steps, in order */
    size_t n_inputs;
    size_t first[UI_STEPS_MAX + 2];          /* a step's first input */
    size_t step, n_steps;                    /* the review is the last step */
    bool reached[UI_STEPS_MAX + 1];
    bool checked[UI_STEPS_MAX + 1];          /* somebody wanted to leave it forwards: its errors are shown */
    int focus;                               /* index of an input; UI_FOCUS_…; -1 - UI_BUTTON_… for a button */
    int creating;                            /* the input that "Create new" was chosen in; -1: none */
    bool settling;
    /* A choice's list, open under its field. */
    struct { bool open; struct ui_edit filter; size_t *shown, n_shown, cursor, top; int y, h; } pick;
    struct { size_t cursor, top; int page; } grid;
    size_t top;                              /* first line on the screen; the view's */
    bool scrolled;                           /* top was moved by hand: what has the keyboard may be out of sight until the next key */
    size_t lines;                            /* lines there are, and how many are on the screen; as the view last told */
    int page;
    bool sending;
    size_t sent;                             /* calls that went well, and with each those that failed */
    size_t failed;                           /* of those */
    uint64_t call;
    bool call_secret;
    const char *doing;
    struct kg_json *answers[UI_CALLS_MAX];
    struct { uint8_t path[32], body[32]; bool good; } did[UI_CALLS_MAX];     /* keyed hashes of what was sent */
    struct kg_secret *did_key;
    struct kg_err err;                       /* of the submission */
    struct kg_secret *told;                  /* see ui_tell; when all is done the form shows nothing else */
    struct ui_edit file;                     /* where it is to be saved */
    bool finished;                           /* all is done: nothing to lose */
    bool show_cli;
    int cli_top;                             /* first line of the commands on the screen */
    char next_label[80], review_title[80];
    struct ui_edit typed;                    /* the name that must be typed */
    void *own;
};

void ui_form_open(struct ui_model *m);
void ui_form_done(struct ui_model *m);
void ui_form_answer(struct ui_model *m, int tag, uint64_t id, const struct kg_answer *a);
bool ui_form_act(struct ui_model *m, enum ui_action a);
bool ui_form_type(struct ui_model *m, const struct ui_event *ev);
void ui_form_tick(struct ui_model *m);
bool ui_form_dirty(const struct ui_model *m);
void ui_form_closed(struct ui_model *m, const char *kind, const char *result);

/* Which keys work now: those of a text field, of a grid, of a form. */
const struct ui_keymap *ui_form_keys(const struct ui_form *f);

const char *ui_form_value(const struct ui_form *f, const char *field);       /* "" when there is none; never a secret's */
struct kg_secret *ui_form_secret(const struct ui_form *f, const char *field);/* borrowed; NULL: nothing typed */
const char *ui_form_label(const struct ui_form *f, const char *field);       /* a choice's label, else the value */
/* Sets a value as if it had been chosen by hand; ui_form_suggest does so only while nobody has. label may be NULL. */
void ui_form_set(struct ui_form *f, const char *field, const char *value, const char *label);
void ui_form_suggest(struct ui_form *f, const char *field, const char *value, const char *label);
bool ui_form_is(const struct ui_form *f, const char *field, const char *value);
void ui_form_refetch(struct ui_form *f, const char *field);      /* its choices are asked for anew */
/* One more choice of a CHOICE without a source, for kinds that work the choices out themselves. help may be NULL. */
void ui_form_offer(struct ui_form *f, const char *field, const char *value, const char *label, const char *help);
const struct ui_input *ui_form_input(const struct ui_form *f, const char *field);
const struct ui_option *ui_form_option(const struct ui_form *f, const char *field);          /* that is chosen; NULL: none, not known */
/* {arg}, {sub} and {FIELD} replaced; for a path names are encoded. False: one of the fields is empty. */
bool ui_form_expand(const struct ui_form *f, const char *pattern, bool path, struct kg_buf *ret);
/* The secret as a JSON string, with its quotes; null when nothing was typed. Only for submit()'s body. */
void ui_form_add_secret(const struct ui_form *f, const char *field, struct kg_buf *body);
/* Name and value as a shell wants them: " --vault-name 'x y'"; nothing when the value is empty. For cli(). */
void ui_form_add_option(struct kg_buf *ret, const char *option, const char *value);

/* From least to most ASCII letters, digits and characters of extra; a letter first if so wanted; none of extra at the end. */
bool ui_name_ok(const char *s, size_t least, size_t most, const char *extra, bool letter);

bool ui_form_input_shown(const struct ui_form *f, size_t input);
bool ui_form_set_has(const struct ui_input *in, const char *value);         /* of a SET */
const char *ui_form_wrong(const struct ui_form *f, size_t input);/* what is wrong with it; NULL: nothing */
const char *ui_form_error(const struct ui_form *f, size_t input);/* to be shown beside it; NULL: none, or not yet */
enum ui_state ui_form_step_state(const struct ui_form *f, size_t step);      /* UI_OK, UI_FAILED, UI_NONE: not yet */
const char *ui_form_step_title(const struct ui_form *f, size_t step);
const char *ui_form_step_error(const struct ui_form *f, size_t step);        /* of the step as a whole, to be shown; or NULL */
bool ui_form_is_review(const struct ui_form *f);
size_t ui_form_step_of(const struct ui_form *f, size_t input);
/* For the review: the label (NULL: the input is not in it), and the value as people read it; never a secret. */
const char *ui_form_review_label(const struct ui_form *f, size_t input);
void ui_form_review_value(const struct ui_form *f, size_t input, struct kg_buf *ret);

bool ui_form_on_button(const struct ui_form *f);                 /* a button has the keyboard */
bool ui_form_can_focus(const struct ui_form *f, size_t input);
const char *ui_form_button(const struct ui_form *f, int button, bool *ret_enabled); /* its label; NULL: not there now */
const char *ui_form_typed_name(const struct ui_form *f);         /* what must be typed here and now; NULL: nothing */
bool ui_form_tells(const struct ui_form *f);                     /* the secret's page is shown */
const char *ui_form_hint(const struct ui_form *f);               /* what the keys do in what has the keyboard; "" */
void ui_form_show_told(const struct ui_form *f, void (*fn)(void *ctx, const char *secret), void *ctx);  /* open during fn */
void ui_form_press(struct ui_form *f, int button);
bool ui_form_go(struct ui_form *f, size_t step);                 /* back, or to a step that was reached */
void ui_form_focus(struct ui_form *f, int focus);
void ui_form_focus_grid(struct ui_form *f);                      /* of the step, if it has one */
void ui_form_submit(struct ui_form *f);                          /* as the last button does */
/* The row of the open list: an option, or one with the label of what is none. */
struct ui_option ui_form_pick_row(const struct ui_form *f, size_t row);

#endif
