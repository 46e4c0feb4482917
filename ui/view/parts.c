#include "view/parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "widget/message.h"

static const struct { enum ui_role role; int glyph; } states[] = {
    [UI_NONE] = { UI_ROLE_ITEM, -1 }, [UI_OK] = { UI_ROLE_STATE_OK, UI_G_OK }, [UI_WARNING] = { UI_ROLE_STATE_WARNING, UI_G_WARNING },
    [UI_FAILED] = { UI_ROLE_STATE_FAILED, UI_G_FAILED }, [UI_BUSY] = { UI_ROLE_STATE_BUSY, UI_G_BUSY },
    [UI_OFF] = { UI_ROLE_STATE_OFF, UI_G_DOT },
};

enum ui_role ui_state_role(enum ui_state s) { return states[s].role; }
int ui_state_glyph(enum ui_state s) { return states[s].glyph; }

int ui_draw_state(struct ui_canvas *c, int y, int x, int cols, const struct ui_shown *s)
{
    int lead = 0;

    if (states[s->state].glyph >= 0) {
        (void)ui_put(c, y, x, states[s->state].role, (enum ui_glyph)states[s->state].glyph);
        lead = 2;
    }
    return lead + ui_text(c, y, x + lead, cols - lead, states[s->state].role, s->text);
}

struct ui_table_cell ui_cell_of(const struct ui_shown *s)
{
    return (struct ui_table_cell){ s->text, states[s->state].role, states[s->state].glyph, 0 };
}

void ui_columns_of(const struct ui_column *column, size_t n, struct ui_table_column *ret)
{
    size_t widest = 0;

    for (size_t i = 0; i < n; i++) {
        const struct ui_column *c = &column[i];

        ret[i] = (struct ui_table_column){ .title = c->title, .brief = c->brief, .min = c->min, .want = c->want, .rank = c->rank,
                                           .right = c->right, .name = c->name };
        widest = c->want > column[widest].want ? i : widest;
    }
    if (n)
        ret[widest].takes_rest = true;
}

static bool is_exact(const struct ui_column *c)
{
    return c->cell || c->format == UI_F_TIME || c->format == UI_F_AGO || c->format == UI_F_DURATION || c->format == UI_F_BYTES ||
           c->format == UI_F_COUNT || c->format == UI_F_PERCENT || c->format == UI_F_STATE ||
           c->format == UI_F_LABEL;
}

/* What the title takes where there is little room; a mark tells which column is sorted by. */
static int title_least(const struct ui_column *c, bool sorted) { return ui_width(c->brief ? c->brief : c->title) + (sorted ? 2 : 0); }

enum { EMPTY = 100 };                        /* a column that may go, and says nothing, goes before all others */

void ui_columns_fit(const struct ui_column *column, size_t n, const int *widest, int sort, struct ui_table_column *ret)
{
    ui_columns_of(column, n, ret);
    for (size_t i = 0; i < n; i++) {
        int title = ui_width(column[i].title) + 2, needs = widest[i] > title ? widest[i] : title;

        int least = title_least(&column[i], (size_t)abs(sort) == i + 1);

        ret[i].min = ret[i].min > least ? ret[i].min : least;
        if (!widest[i]) {
            ret[i].rank += ret[i].rank ? EMPTY : 0;
            continue;
        }
        ret[i].most = widest[i];
        ret[i].min = ret[i].min > needs ? needs : ret[i].min;
        ret[i].want = ret[i].want > needs ? needs : ret[i].want;
        ret[i].min = ret[i].min > least ? ret[i].min : least;
        if (is_exact(&column[i]) && widest[i] > ret[i].min)
            ret[i].min = widest[i] < column[i].want ? widest[i] : column[i].want;
    }
}

void ui_draw_loading(struct ui_canvas *c, struct ui_rect area)
{
    char text[40];

    snprintf(text, sizeof text, "Loading%s", ui_glyph(c->alphabet, UI_G_ELLIPSIS));
    (void)ui_hint(c, area, text);
}

/* Columns of the first n bytes. */
static int width_to(const char *s, size_t n)
{
    KG_AUTO_FREE char *part = kg_xstrndup(s, n);

    return ui_width(part);
}

void ui_draw_edit(struct ui_canvas *c, int y, int x, int cols, enum ui_role role, struct ui_edit *e)
{
    KG_AUTO_FREE char *shown = ui_edit_shown(e);
    const char *s = shown;
    int at;

    ui_fill(c, (struct ui_rect){ y, x, 1, cols }, role);
    at = e->text ? width_to(shown, e->cursor) : ui_width(shown);
    while (at > cols - 2 && *s) {            /* the beginning leaves on the left */
        size_t n = 1;
        int w;

        while (((unsigned char)s[n] & 0xC0) == 0x80)
            n++;
        w = width_to(s, n);
        s += n;
        at -= w;
    }
    e->scroll = (size_t)(s - shown);
    (void)ui_text(c, y, x, cols, role, s);
    c->cursor_y = y;
    c->cursor_x = x + at;
}
