/* Settings of the portal: theme, mouse, how often it draws by itself. They hold at once and are kept. */
#include "model/page_settings.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/kinds.h"
#include "theme/theme.h"

static const char *off_on(size_t i) { return i == 0 ? "off" : i == 1 ? "on" : NULL; }

const struct ui_setting ui_setting_rows[] = {
    { "theme", "Theme", "The colours of the portal.",
      ui_theme_shipped },
    { "mouse", "Mouse", "Off, the terminal selects text; on, clicks and the wheel work here.", off_on },
    { "slow", "Slow line", "On, the portal draws by itself at most once a second.", off_on },
};
const size_t ui_setting_rows_n = KG_ARRAY_LEN(ui_setting_rows);

static void change(struct ui_model *m, int by)
{
    struct ui_setting_page *p = (struct ui_setting_page *)m;
    const struct ui_setting *s = &ui_setting_rows[p->cursor];
    const char *now = m->host->ops->setting(m->host, s->name, NULL);
    size_t n = 0, at = 0;

    for (; s->value(n); n++)
        if (strcmp(s->value(n), now) == 0)
            at = n;
    (void)m->host->ops->setting(m->host, s->name, s->value((at + n + (size_t)by) % n));
}

static bool act(struct ui_model *m, enum ui_action a)
{
    struct ui_setting_page *p = (struct ui_setting_page *)m;

    switch (a) {
    case UI_ACT_UP: case UI_ACT_PREVIOUS: p->cursor = p->cursor ? p->cursor - 1 : ui_setting_rows_n - 1; return true;
    case UI_ACT_DOWN: case UI_ACT_NEXT: p->cursor = (p->cursor + 1) % ui_setting_rows_n; return true;
    case UI_ACT_OPEN: case UI_ACT_RIGHT: case UI_ACT_MARK: change(m, 1); return true;
    case UI_ACT_LEFT: change(m, -1); return true;
    default: return false;
    }
}

const struct ui_kind ui_page_settings = {
    .name = "settings", .title = "Settings", .family = UI_CUSTOM, .size = sizeof(struct ui_setting_page), .act = act,
    .found_by = "theme colours mouse refresh preferences",
};
