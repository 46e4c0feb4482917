#include "widget/message.h"

#include <stdio.h>

/* A text in lines, below what is there already; y: lines taken so far, is moved on. */
static void lines(struct ui_canvas *c, struct ui_rect r, int *y, enum ui_role role, const char *s)
{
    struct ui_rect rest = { r.y + *y, r.x, r.h - *y, r.w };

    if (s && s[0] && rest.h > 0)
        *y += ui_text_wrapped(c, rest, 0, role, s);
}

int ui_error_box(struct ui_canvas *c, struct ui_rect r, const struct kg_err *err, const char *hint)
{
    struct ui_rect inner = { r.y, r.x + 2, r.h, r.w - 2 };
    char text[sizeof err->msg + 80];
    int y = 0;

    if (r.w < 4 || r.h < 1)
        return 0;
    if (c)
        (void)ui_put(c, r.y, r.x, UI_ROLE_STATE_FAILED, UI_G_FAILED);
    snprintf(text, sizeof text, "%s: %s", kg_code_arm(err->code), err->msg);
    lines(c, inner, &y, UI_ROLE_STATE_FAILED, text);
    lines(c, inner, &y, UI_ROLE_BASE, err->action);
    lines(c, inner, &y, UI_ROLE_DIM, hint);
    return y < r.h ? y : r.h;
}

int ui_hint(struct ui_canvas *c, struct ui_rect r, const char *text)
{
    struct ui_rect inner = { r.y + 1, r.x + 2, r.h - 1, r.w - 4 };

    return 1 + ui_text_wrapped(c, inner, 0, UI_ROLE_DIM, text);
}

int ui_label_value(struct ui_canvas *c, struct ui_rect r, int label_cols, const char *label, enum ui_role role, int glyph,
                   const char *value)
{
    int lead = glyph >= 0 ? 2 : 0;
    struct ui_rect room = { r.y, r.x + label_cols + 2 + lead, r.h, r.w - label_cols - 2 - lead };
    int n = ui_text_wrapped(c, room, 0, role, value);

    if (c) {
        (void)ui_text(c, r.y, r.x, label_cols, UI_ROLE_LABEL, label);
        if (glyph >= 0)
            (void)ui_put(c, r.y, r.x + label_cols + 2, role, (enum ui_glyph)glyph);
    }
    return n > 0 ? n : 1;
}
