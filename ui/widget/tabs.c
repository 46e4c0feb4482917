#include "widget/tabs.h"

static int width_of(const struct ui_tab *t) { return ui_width(t->title) + (t->glyph >= 0 ? 2 : 0) + 2; }

/* The first tab that is shown, so that the current one fits behind it. */
static size_t first_shown(int cols, const struct ui_tab *tab, size_t n, size_t current)
{
    size_t first = 0;
    int all = 0;

    for (size_t i = 0; i < n && i <= current; i++)
        all += width_of(&tab[i]) + 1;
    while (first < current && all + 2 > cols)
        all -= width_of(&tab[first++]) + 1;
    return first;
}

void ui_tabs(struct ui_canvas *c, struct ui_rect line, const struct ui_tab *tab, size_t n, size_t current)
{
    struct ui_rect was = ui_clip(c, line);
    size_t first = first_shown(line.w, tab, n, current);
    int x = line.x;

    ui_fill(c, line, UI_ROLE_TAB);
    if (first)
        x += ui_put(c, line.y, x, UI_ROLE_DIM, UI_G_ELLIPSIS) + 1;
    for (size_t i = first; i < n; i++) {
        enum ui_role role = i == current ? UI_ROLE_TAB_CURRENT : UI_ROLE_TAB;
        int w = width_of(&tab[i]), left = line.x + line.w - x;

        if (w > left && i > current) {
            (void)ui_put(c, line.y, line.x + line.w - 1, UI_ROLE_DIM, UI_G_ELLIPSIS);
            break;
        }
        (void)ui_text(c, line.y, x, 1, role, i == current ? "[" : " ");
        if (tab[i].glyph >= 0)
            (void)ui_put(c, line.y, x + 1, tab[i].role, (enum ui_glyph)tab[i].glyph);
        (void)ui_text(c, line.y, x + (tab[i].glyph >= 0 ? 3 : 1), left - 2, role, tab[i].title);
        (void)ui_text(c, line.y, x + w - 1, 1, role, i == current ? "]" : " ");
        x += w + 1;
    }
    ui_unclip(c, was);
}

size_t ui_tabs_at(struct ui_rect line, const struct ui_tab *tab, size_t n, size_t current, int x)
{
    size_t first = first_shown(line.w, tab, n, current);
    int at = line.x + (first ? 2 : 0);

    for (size_t i = first; i < n; i++) {
        if (x >= at && x < at + width_of(&tab[i]))
            return i;
        at += width_of(&tab[i]) + 1;
    }
    return n;
}
