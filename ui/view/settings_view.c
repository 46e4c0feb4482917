/* The portal's settings: a row each, its values side by side. */
#include "model/page_settings.h"
#include <string.h>

#include "view/view.h"

void ui_settings_draw(struct ui_model *m, struct ui_canvas *c, struct ui_rect r)
{
    struct ui_setting_page *p = (struct ui_setting_page *)m;
    int y = r.y + 1;

    for (size_t i = 0; i < ui_setting_rows_n; i++, y += 3) {
        const struct ui_setting *s = &ui_setting_rows[i];
        const char *now = m->host->ops->setting(m->host, s->name, NULL);
        bool here = p->cursor == i;
        int x = r.x + 16;

        p->y[i] = y;
        ui_text(c, y, r.x + 2, 13, here ? UI_ROLE_TAB_CURRENT : UI_ROLE_LABEL, s->label);
        if (here)
            ui_put(c, y, r.x, UI_ROLE_TAB_CURRENT, UI_G_CRUMB);
        for (size_t k = 0; s->value(k); k++) {
            bool chosen = strcmp(s->value(k), now) == 0;

            if (x + ui_width(s->value(k)) + 6 > r.x + r.w) {
                x = r.x + 16;
                y++;
            }
            x += ui_put(c, y, x, chosen && here ? UI_ROLE_CURSOR : UI_ROLE_VALUE, chosen ? UI_G_ON : UI_G_OFF) + 1;
            x += ui_text(c, y, x, r.x + r.w - x, chosen && here ? UI_ROLE_CURSOR : UI_ROLE_VALUE, s->value(k)) + 2;
        }
        ui_text(c, y + 1, r.x + 16, r.w - 16, UI_ROLE_DIM, s->help);
    }
    ui_text(c, y, r.x + 2, r.w - 2, UI_ROLE_DIM, "Enter or Right takes the next value; it holds at once and is kept.");
}

bool ui_settings_click(struct ui_model *m, struct ui_rect area, int y, int x)
{
    struct ui_setting_page *p = (struct ui_setting_page *)m;

    (void)area, (void)x;
    for (size_t i = ui_setting_rows_n; i-- > 0;)
        if (y >= p->y[i] && y < p->y[i] + 3) {
            p->cursor = i;
            return true;
        }
    return false;
}
