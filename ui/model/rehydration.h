/* model/rehydration.h - the fields "priority" and "days" of forms that bring a recovery point back from the archive: the dialog
 * and the restore wizard. */
#ifndef UI_MODEL_REHYDRATION_H
#define UI_MODEL_REHYDRATION_H

#include "model/form.h"

extern const struct ui_choice ui_rehydration_priorities[];
const char *ui_rehydration_check_days(const struct ui_form *f, const char *value);
void ui_rehydration_set(const struct ui_form *f, struct kg_json *body);      /* as the API takes it */
void ui_rehydration_options(const struct ui_form *f, struct kg_buf *ret);    /* as the command line does */

#endif
