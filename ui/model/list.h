/* model/list.h - the family of lists: rows of one type of resource with columns, filter, sort order and marks.
 *
 * Rows are kept short (the columns' values and those in "more", as text): eight thousand are less than 1 KiB each, and stand
 * twice while they are refreshed, which keeps the portal below 32 MiB. Pages of a list are fetched as they are needed: the first
 * at once, the next when the cursor comes near the end, up to UI_ROWS_MAX. Filter and sort work on what was fetched and say so
 * when there is more.
 * A refresh asks for as many rows as there are, and keeps cursor, marks and filter on the rows they were on, by id. One by
 * itself comes the later the more pages there are. An error stays above the rows until it is dismissed or the next answer is
 * good; rows that were there stay, marked as stale. Rows and their order are in rows.c. */
#ifndef UI_MODEL_LIST_H
#define UI_MODEL_LIST_H

#include "model/edit.h"
#include "model/format.h"
#include "model/model.h"

enum { UI_ROWS_MAX = 8000, UI_PAGE_ROWS = 250, UI_COLUMNS_MAX = 10, UI_MORE_MAX = 12, UI_CELL_MAX = 4000 };

struct ui_list;
struct ui_row;

struct ui_column {
    const char *title;
    const char *brief;                       /* the title where there is little room; NULL: the same */
    const char *paths;                       /* where the value stands in an item; blank-separated: the first that is there */
    enum ui_format format;                   /* with cell: what the value at paths is sorted as */
    int min, want;                           /* columns of the screen; what is left over goes to those with the highest want */
    int rank;                                /* of columns that do not fit the one with the highest goes first; 0 stays */
    bool right;
    bool name;                               /* names, whose ends tell them apart: cut in the middle */
    void (*cell)(const struct ui_row *row, int64_t now, struct ui_shown *ret);     /* instead of format, or NULL */
    int (*percent)(const struct ui_row *row);                                      /* of a bar in front of it; -1: none; or NULL */
};

struct ui_list_kind {
    const char *path;                        /* "{arg}/recoveryPoints", "/subscriptions/{sub}/providers/…" */
    void (*request)(const struct ui_list *l, struct kg_buf *path, struct kg_buf *body); /* instead; a body makes it a POST */
    const char *items;                       /* where the array stands in the answer; NULL: "value"; "": it is the answer */
    const char *id;                          /* path of a row's id; NULL: "id", else "name" */
    const struct ui_column *column;
    size_t n_columns;
    const char *more[UI_MORE_MAX];           /* further paths that ui_row_value() can give */
    bool (*keep)(const struct ui_list *l, const struct kg_json *item); /* false: not a row of this list; may be NULL */
    const char *empty;                       /* what stands there instead of rows: what is not, and what to press */
    const char *opens;                       /* the kind that Enter opens with the row's id; NULL: a pick closes the list with it */
    const char *filter_form;                 /* a form's kind, opened by ui_list_choose(); its result, JSON, is l->chosen */
    int sort;                                /* column sorted by at first + 1, negative: downwards; 0: as answered */
    int refresh;                             /* seconds between two askings by itself; 0: never */
    /* Lines above the rows, made of the newest first page as it was answered (a timeline); or NULL. */
    void (*above)(const struct kg_json *answer, int width, struct kg_buf *ret);
};

struct ui_row {
    char *id;                                /* one piece of memory holds all three */
    char *text;                              /* the values, each ended by NUL: columns first, then more */
    char *find;                              /* what a filter looks in: the columns as they are shown, in small letters */
    bool marked;
};
struct ui_rows {
    struct ui_row *row;
    size_t n, cap;
    uint32_t *slot;                          /* by id: index + 1 */
    size_t n_slots;
};

enum ui_load { UI_LOADING, UI_READY, UI_BROKEN };

struct ui_list {
    struct ui_model base;
    const struct ui_list_kind *kind;
    enum ui_load load;
    struct kg_err err;                       /* when it is UI_BROKEN, or the last asking failed; its code is 0 once dismissed */
    struct ui_rows rows;                     /* as they were answered */
    struct ui_rows coming;                   /* a refresh of several pages, until it is whole */
    bool reloading;
    uint32_t *order;                         /* rows, sorted */
    uint32_t *shown;                         /* those of order that pass the filter */
    size_t n_shown;
    size_t cursor;                           /* in shown */
    size_t top;                              /* first line on the screen; the view's */
    int page;                                /* lines on the screen, as the view last told */
    size_t arranged, measured;               /* grows with each answer; the one that the view took widest[] from */
    int widest[UI_COLUMNS_MAX];              /* columns that values take; the view's */
    int sort;                                /* column + 1, negative: downwards; 0: as answered */
    struct ui_edit filter;
    bool filtering;                          /* the filter's field has the keyboard */
    struct kg_json *chosen;                  /* filter_form's result, or the list's argument when that is a JSON object; or NULL */
    bool given;                              /* chosen is the argument: Esc leads back to where it was given, all else changes it */
    struct kg_json *answer;                  /* of the first page, for above(); or NULL */
    char *next;                              /* where the next page is, or NULL */
    char *from;                              /* where the page that is asked for is; NULL: the first */
    size_t pages;                            /* answered since the last asking from the beginning */
    bool asking;
    uint64_t call;
    int64_t asked, answered;                 /* wall clock; answered: the last good answer */
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
void ui_list_choose(struct ui_model *m);                         /* a command's run: opens filter_form with what is chosen */
const struct ui_row *ui_list_current(const struct ui_list *l);   /* NULL: there is none */
const struct ui_row *ui_list_row(const struct ui_list *l, size_t line);     /* the line-th shown; line < n_shown */
/* The row's value at one of the kind's paths (as written there); "" when it is not there. */
const char *ui_row_value(const struct ui_list_kind *k, const struct ui_row *r, const char *paths);
void ui_list_cell(const struct ui_list *l, const struct ui_row *r, size_t column, struct ui_shown *ret);
/* Rows that a command applies to: the marked ones (also those that the filter hides), else the one under the cursor. Calls
 * fn for each and returns how many there are; fn may be NULL. */
size_t ui_list_each(const struct ui_list *l, void (*fn)(void *ctx, const struct ui_row *r), void *ctx);
/* One line: "37 of 214 rows, sorted by Started, 2 selected, more are there". */
void ui_list_summary(const struct ui_list *l, char *out, size_t n);
/* The filters in force: "sales", "status: Failed, sales"; "" when there is none. */
void ui_list_filters(const struct ui_list *l, char *out, size_t n);
/* The path (and its parts {arg}, {sub}) as it is asked for. */
void ui_path(const struct ui_model *m, const char *pattern, struct kg_buf *ret);

/* ---- rows.c ---- */

void ui_rows_done(struct ui_rows *r);
/* Adds an item as a row. One with the same id is replaced; its mark stays. */
void ui_rows_add(struct ui_rows *r, const struct ui_list_kind *k, const struct kg_json *item);
struct ui_row *ui_rows_find(const struct ui_rows *r, const char *id);        /* NULL: there is none */
/* order: all of r's indices, sorted by a column (sort as in struct ui_list). Empty values stand last either way. */
void ui_rows_sort(const struct ui_rows *r, const struct ui_list_kind *k, int sort, int64_t now, uint32_t *order);
/* Those of n in order whose texts hold all blank-separated words of filter (a ! in front: those that do not) go to shown. */
size_t ui_rows_filter(const struct ui_rows *r, const uint32_t *order, const char *filter, uint32_t *shown);

#endif
