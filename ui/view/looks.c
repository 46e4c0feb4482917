/* Kinds that are none of the four families, and what draws them. */
#include <string.h>

#include "view/view.h"

/* Enter, Space and moving about: what they have is neither filtered nor sorted. */
static const struct ui_keymap *few_keys(const struct ui_model *m) { (void)m; return &ui_keys_form; }

static const struct ui_look looks[] = {
    { "overview", ui_overview_draw, few_keys, ui_overview_click },
    { "settings", ui_settings_draw, few_keys, ui_settings_click },
    { NULL, NULL, NULL, NULL },
};

const struct ui_look *ui_look_of(const struct ui_kind *k)
{
    for (const struct ui_look *l = looks; l->kind; l++)
        if (strcmp(l->kind, k->name) == 0)
            return l;
    return NULL;
}
