/* model/cells.h - cells that several lists show. */
#ifndef UI_MODEL_CELLS_H
#define UI_MODEL_CELLS_H

#include "model/list.h"

void ui_cell_group(const struct ui_row *r, int64_t now, struct ui_shown *ret);       /* the resource group, from the row's id */
void ui_cell_type(const struct ui_row *r, int64_t now, struct ui_shown *ret);        /* "Server" or "Flexible server" */
/* The part of an id behind "/NAME/", up to the next '/'; "" when it has none. out: n bytes; returns out. */
const char *ui_id_part(const char *id, const char *name, char *out, size_t n);

#endif
