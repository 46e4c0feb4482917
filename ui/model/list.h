/* model/list.h - the family of lists: rows of one type of resource with columns, filter, sort order and marks.
 *
 * Rows are kept short (the columns' values and those in "more", as text), so that a hundred thousand of them are at hand in
 * little memory. Pages of a list are fetched as they are needed: the first at once, the next when the cursor comes near the
 * end, up to UI_ROWS_MAX. Filter and sort work on what was fetched and say so when there is more.
 * A refresh keeps cursor, marks and filter on the rows they were on, by id. An error stays above the rows until it is
 * dismissed or the next answer is good; rows that were there stay, marked as stale. */
#ifndef UI_MODEL_LIST_H
#define UI_MODEL_LIST_H

#include "model/edit.h"
#include "model/format.h"
#include "model/model.h"

enum { UI_ROWS_MAX = 20000, UI_COLUMNS_MAX = 10, UI_MORE_MAX = 12 };

struct ui_list;
struct ui_row;

struct ui_column {
    const char *title;
    const char *paths;                       /* where the value stands in an item; blank-separated: the first that is there */
    enum ui_format format;
    int min, want;                           /* columns of the screen; what is left over goes to those with the highest want */
    int rank;                                /* of columns that do not fit the one with the highest goes first; 0 stays */
    bool right;
    void (*cell)(const struct ui_row *row, int64_t now, struct ui_shown *ret);     /* instead of format, or NULL */
};

struct ui_list_kind {
    const char *path;                        /* "{arg}/recoveryPoints", "/subscriptions/{sub}/providers/…" */
    void (*request)(const struct ui_list *l, struct kg_buf *path, struct kg_buf *body); /* instead; a body makes it a POST */
    const char *items;                       /* where the array stands in the answer; NULL: "value" */
    const char *id;                          /* path of a row's id; NULL: "id" */
    const struct ui_column *column;
    size_t n_columns;
    const char *more[UI_MORE_MAX];           /* further paths that ui_row_value() can give */
    bool (*keep)(const struct ui_list *l, const struct kg_json *item); /* false: not a row of this list; may be NULL */
    const char *empty;                       /* what stands there instead of rows: what is not, and what to press */
    const char *opens;                       /* the kind that Enter opens with the row's id; NULL: a pick closes the list with it */
    const char *filter_form;                 /* a form (kind's name) that 'f' opens; its result, JSON, is l->chosen */
    int sort;                                /* column sorted by at first + 1, negative: downwards; 0: as answered */
    int refresh;                             /* seconds between two askings by itself; 0: never */
};

struct ui_row {
    char *id;
    char *text;                              /* the values, each ended by NUL: columns first, then more */
    bool marked;
};

enum ui_load { UI_LOADING, UI_READY, UI_BROKEN };

struct ui_list {
    struct ui_model base;
    const struct ui_list_kind *kind;
    enum ui_load load;
    struct kg_err err;                       /* when it is UI_BROKEN, or a refresh failed */
    struct ui_row *row;
    size_t n_rows, cap_rows;
    size_t *shown, n_shown;                  /* rows that pass the filter, in order */
    size_t cursor;                           /* in shown */
    size_t top;                              /* first line on the screen; the view's */
    int page;                                /* lines on the screen, as the view last told */
    int sort;                                /* column + 1, negative: downwards; 0: as answered */
    struct ui_edit filter;
    bool filtering;                          /* the filter's field has the keyboard */
    struct kg_json *chosen;                  /* filter_form's result, or NULL */
    char *next;                              /* where the next page is, or NULL */
    bool asking;
    int64_t asked, answered;                 /* wall clock */
    size_t n_marked;
};

/* The family's functions (struct ui_kind). */
void ui_list_open(struct ui_model *m);
void ui_list_done(struct ui_model *m);
void ui_list_answer(struct ui_model *m, int tag, uint64_t id, const struct kg_answer *a);
bool ui_list_act(struct ui_model *m, enum ui_action a);
bool ui_list_type(struct ui_model *m, const struct ui_event *ev);
void ui_list_tick(struct ui_model *m);
void ui_list_closed(struct ui_model *m, const char *kind, const char *result);
int64_t ui_list_wake(const struct ui_model *m);

void ui_list_fetch(struct ui_list *l);                           /* from the beginning */
const struct ui_row *ui_list_current(const struct ui_list *l);   /* NULL: there is none */
/* The row's value at one of the kind's paths (as written there); "" when it is not there. */
const char *ui_row_value(const struct ui_list_kind *k, const struct ui_row *r, const char *paths);
void ui_list_cell(const struct ui_list *l, const struct ui_row *r, size_t column, struct ui_shown *ret);
/* Rows that a command applies to: the marked ones, else the one under the cursor. Calls fn for each. */
size_t ui_list_each(const struct ui_list *l, void (*fn)(void *ctx, const struct ui_row *r), void *ctx);
/* One line: "37 of 214 rows", "sorted by Started", "filter: sales", "2 selected", "more are there". */
void ui_list_summary(const struct ui_list *l, char *out, size_t n);
/* The path (and its parts {arg}, {sub}) as it is asked for. */
void ui_path(const struct ui_model *m, const char *pattern, struct kg_buf *ret);

#endif
