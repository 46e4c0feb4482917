/* Kinds that are none of the four families, and what draws them. */
#include <string.h>

#include "view/view.h"

/* What they have is neither filtered nor sorted; Space changes a setting, as Enter does. */
static const struct ui_keymap *tile_keys(const struct ui_model *m) { (void)m; return &ui_keys_tiles; }
static const struct ui_keymap *setting_keys(const struct ui_model *m) { (void)m; return &ui_keys_form; }

static const struct ui_look looks[] = {
    { "overview", ui_overview_draw, tile_keys, ui_overview_click },
    { "settings", ui_settings_draw, setting_keys, ui_settings_click },
    { NULL, NULL, NULL, NULL },
};

const struct ui_look *ui_look_of(const struct ui_kind *k)
{
    for (const struct ui_look *l = looks; l->kind; l++)
        if (strcmp(l->kind, k->name) == 0)
            return l;
    return NULL;
}
