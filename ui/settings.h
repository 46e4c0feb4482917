/* settings.h - what the portal remembers between two runs: a file portal.conf beside the service's settings
 * ($XDG_CONFIG_HOME/keepgres/), lines "name = value". A file that cannot be read is as if it were not there. */
#ifndef UI_SETTINGS_H
#define UI_SETTINGS_H

#include <stdbool.h>
#include "keepgres/err.h"

struct ui_settings {
    char *dir;                               /* where the file is; NULL: there is no such place */
    char *theme_dir;                         /* dir/themes, or NULL */
    char theme[64];                          /* "terminal" unless the file says otherwise */
    bool mouse, slow;
};

void ui_settings_load(struct ui_settings *s);
void ui_settings_done(struct ui_settings *s);
/* Sets one and writes the file anew, by renaming. */
int ui_settings_save(struct ui_settings *s, const char *name, const char *value, struct kg_err *err) KG_MUST_CHECK;

#endif
