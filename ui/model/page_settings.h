/* model/page_settings.h - the portal's own settings, and what the view needs to know of their page. */
#ifndef UI_MODEL_PAGE_SETTINGS_H
#define UI_MODEL_PAGE_SETTINGS_H

#include "model/model.h"

struct ui_setting { const char *name, *label, *help; const char *(*value)(size_t i); };   /* NULL behind the last */
extern const struct ui_setting ui_setting_rows[];
extern const size_t ui_setting_rows_n;

enum { UI_SETTINGS_MAX = 8 };
struct ui_setting_page {
    struct ui_model base;
    size_t cursor;
    int y[UI_SETTINGS_MAX];                  /* the line each row begins on; the view's */
};

#endif
