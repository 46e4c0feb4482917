/* model/page_overview.h - the Overview (Backup center): what the view needs to know of its model. */
#ifndef UI_MODEL_PAGE_OVERVIEW_H
#define UI_MODEL_PAGE_OVERVIEW_H

#include "model/list.h"

enum { UI_OVERVIEW_ROWS = 5, UI_TILES = 4, UI_TILE_LINES = 3, UI_TILE_ITEMS = UI_TILES * UI_TILE_LINES };

struct ui_overview {
    struct ui_model base;
    struct kg_json *center;                  /* the service's answer; NULL until it is there */
    enum ui_load load;
    struct kg_err err;                       /* code 0 once dismissed */
    int64_t asked;
    bool asking;
    size_t cursor;                           /* lines of tiles, then what needs attention, then what comes next */
};

bool ui_overview_is_empty(const struct ui_overview *o);          /* nothing is there yet: the first-run page is shown */
size_t ui_overview_attention(const struct ui_overview *o);       /* rows shown */
size_t ui_overview_next(const struct ui_overview *o);
const char *ui_overview_tile(const struct ui_overview *o, size_t i, struct ui_shown ret[UI_TILE_LINES]);    /* its title */

/* The list that a tile's line counts: its kind, and the filter with which it opens as a JSON text, or "". */
const char *ui_overview_line(size_t tile, size_t line, const char **ret_arg);

/* The first-run page: what leads from nothing to the first backup. */
struct ui_first_step { const char *title, *text, *opens; const char *count; };
extern const struct ui_first_step ui_first_steps[];
extern const size_t ui_first_steps_n;
bool ui_first_step_done(const struct ui_overview *o, size_t i);
const char *ui_first_step_text(const struct ui_overview *o, size_t i);

#endif
