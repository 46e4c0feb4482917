#include "widget/button.h"

int ui_button_width(const char *label) { return ui_width(label) + 4; }

int ui_button_draw(struct ui_canvas *c, int y, int x, const char *label, bool focus, bool enabled)
{
    enum ui_role role = !enabled ? UI_ROLE_BUTTON_OFF : focus ? UI_ROLE_BUTTON_FOCUS : UI_ROLE_BUTTON;
    int w = ui_button_width(label);

    ui_text(c, y, x, 2, role, focus ? "[>" : !enabled ? "( " : "[ ");
    ui_text(c, y, x + 2, w - 4, role, label);
    ui_text(c, y, x + w - 2, 2, role, focus ? "<]" : !enabled ? " )" : " ]");
    return w;
}
