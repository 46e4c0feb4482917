#include "widget/field.h"

#include <string.h>

static size_t next_character(const char *s, size_t at)
{
    for (at++; ((unsigned char)s[at] & 0xC0) == 0x80;)
        at++;
    return at;
}

/* Columns of s between two bytes. */
static int columns(const char *s, size_t from, size_t to)
{
    int n = 0;

    for (size_t at = from, next; at < to && s[at]; at = next) {
        char one[UI_CELL_BYTES + 1] = "";

        next = next_character(s, at);
        if (next - at < sizeof one)
            memcpy(one, s + at, next - at);
        n += ui_width(one);
    }
    return n;
}

/* The first byte to be shown: the cursor is at one of the w columns. */
static size_t scrolled(const struct ui_field_look *l, int w)
{
    size_t at = l->scroll ? *l->scroll : 0;

    if (at > l->cursor || at > strlen(l->text))
        at = l->cursor;
    while (at && columns(l->text, 0, strlen(l->text)) < w)
        at = 0;
    while (at < l->cursor && columns(l->text, at, l->cursor) >= w)
        at = next_character(l->text, at);
    if (l->scroll)
        *l->scroll = at;
    return at;
}

void ui_field_draw(struct ui_canvas *c, int y, int x, int w, const struct ui_field_look *l)
{
    enum ui_role role = l->focus ? UI_ROLE_FIELD_FOCUS : l->wrong ? UI_ROLE_FIELD_ERROR : UI_ROLE_FIELD;
    int inner = w - 2 - (l->opens ? 2 : 0);
    size_t from = l->typing ? scrolled(l, inner) : 0;

    if (inner < 1)
        return;
    ui_fill(c, (struct ui_rect){ y, x, 1, w }, role);
    ui_text(c, y, x, 1, role, "[");
    ui_text(c, y, x + w - 1, 1, role, "]");
    if (l->opens)
        ui_put(c, y, x + w - 2, role, UI_G_DOWN);
    if (*l->text)
        ui_text(c, y, x + 1, inner, role, l->text + from);
    else if (l->hint)
        ui_text(c, y, x + 1, inner, l->focus ? role : UI_ROLE_DIM, l->hint);
    if (l->typing && y >= c->clip.y && y < c->clip.y + c->clip.h) {
        c->cursor_y = y;
        c->cursor_x = x + 1 + columns(l->text, from, l->cursor);
    }
}
