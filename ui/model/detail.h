/* model/detail.h - the family of pages about one resource: tabs; the first shows values in sections ("Essentials"), the others
 * are lists of what belongs to it, or texts (a log). m->arg is the resource's id. The title becomes the resource's name.
 * A tab is a model of its own (its "of" is the page): it asks, and is answered, by itself, and its commands are there
 * while it is shown. It is made when it is shown first. */
#ifndef UI_MODEL_DETAIL_H
#define UI_MODEL_DETAIL_H

#include "model/list.h"

enum { UI_TABS_MAX = 8 };

struct ui_value {
    const char *label;                       /* NULL: paths is the heading of a section */
    const char *paths;
    enum ui_format format;                   /* with UI_F_IF_ANY it is not shown while it is empty */
    const char *opens;                       /* the kind that shows what the value, an id, names; NULL: none */
    /* Instead of paths and format, or NULL. */
    void (*text)(const struct kg_json *resource, int64_t now, struct ui_shown *ret);
};

struct ui_detail_kind {
    const char *path;                        /* "{arg}" when NULL */
    const struct ui_value *value;
    size_t n_values;
    const char *tab[UI_TABS_MAX];            /* kinds of lists and readers, with this page's arg; the first tab is the values */
    const char *state;                       /* paths of the status in the title; NULL: where resources mostly have it */
    /* What the page is called when the resource's name says nothing to people; or NULL. Empty: its name. */
    void (*title)(const struct kg_json *resource, int64_t now, struct ui_shown *ret);
    const char *values_title;                /* of the first tab; NULL: "Overview" */
    int refresh;                             /* seconds; 0: never by itself */
};

struct ui_detail {
    struct ui_model base;
    const struct ui_detail_kind *kind;
    struct kg_json *resource;                /* NULL until it is there */
    enum ui_load load;
    struct kg_err err;
    size_t n_tabs, tab;                      /* 0: the values */
    struct ui_model *list[UI_TABS_MAX];      /* of tabs that were opened once; [0] is never used */
    size_t cursor, top;                      /* among values; the view's top */
    int page;                                /* lines on the screen, as the view last told */
    uint64_t call;
    int64_t asked, answered;
    bool asking;
};

void ui_detail_open(struct ui_model *m);
void ui_detail_done(struct ui_model *m);
void ui_detail_answer(struct ui_model *m, int tag, uint64_t id, const struct kg_answer *a);
bool ui_detail_act(struct ui_model *m, enum ui_action a);
bool ui_detail_type(struct ui_model *m, const struct ui_event *ev);
void ui_detail_tick(struct ui_model *m);
void ui_detail_closed(struct ui_model *m, const char *kind, const char *result);
int64_t ui_detail_wake(const struct ui_model *m);

void ui_detail_fetch(struct ui_detail *d);
struct ui_model *ui_detail_tab(const struct ui_detail *d);       /* the tab that is shown; NULL: the values are */
struct ui_list *ui_detail_list(const struct ui_detail *d);       /* the same; NULL also of one that is no list */
void ui_detail_value(const struct ui_detail *d, size_t i, struct ui_shown *ret);
bool ui_detail_has(const struct ui_detail *d, size_t i);         /* it is shown; a heading when something under it is */
const char *ui_detail_tab_title(const struct ui_detail *d, size_t tab);
void ui_detail_show_tab(struct ui_detail *d, size_t tab);
/* The resource's status, as in the title; an empty text while it is not known. */
void ui_detail_state(const struct ui_detail *d, struct ui_shown *ret);
/* The JSON of the page's resource; NULL until it is there. For commands' refuse(). */
const struct kg_json *ui_detail_resource(const struct ui_model *m);

#endif
