#include <stdlib.h>

#include "base/alloc.h"
#include "base/time.h"
#include "view/parts.h"
#include "view/view.h"
#include "widget/message.h"
#include "widget/tabs.h"

enum { TWO_COLUMNS = 100, LABEL_MAX = 30, BETWEEN = 3 };

/* Where the parts of a page stand. */
struct plan { struct ui_rect title, tabs, error, body; };
/* Where a value stands in the body, before it is scrolled. */
struct place { int column, y, h; };
struct layout { struct place *place; int columns, width, label, height; };

static const char *hint(const struct ui_detail *d)
{
    return d->resource ? "Esc dismisses this, R asks again." : "R asks again.";
}

static struct plan plan(const struct ui_detail *d, struct ui_rect a)
{
    struct plan p = { .title = { a.y, a.x, 1, a.w }, .tabs = { a.y + 1, a.x, d->n_tabs > 1, a.w } };
    int y = p.tabs.y + p.tabs.h;

    p.error = (struct ui_rect){ y, a.x, 0, a.w };
    if (d->err.code)
        p.error.h = ui_error_box(NULL, (struct ui_rect){ y, a.x, a.h / 2, a.w }, &d->err, hint(d));
    y += p.error.h;
    p.body = (struct ui_rect){ y, a.x, a.y + a.h - y > 0 ? a.y + a.h - y : 0, a.w };
    return p;
}

static void draw_title(const struct ui_detail *d, struct ui_canvas *c, struct ui_rect r)
{
    const char *title = d->base.title ? d->base.title : d->base.kind->title;
    struct ui_shown state, since = { .text = "" };
    char iso[32];
    int right = 0, x;

    ui_detail_state(d, &state);
    if (d->base.stale) {
        ui_format(UI_F_TIME, kg_time_iso(d->answered, iso), d->base.host->now, &since);
        right = ui_width("  stale since ") + ui_width(since.text);
        (void)ui_textf(c, r.y, r.x + r.w - right, right, UI_ROLE_STATE_WARNING, "  stale since %s", since.text);
    }
    x = r.x + ui_text_name(c, r.y, r.x, r.w - right - (state.text[0] ? ui_width(state.text) + 4 : 0), UI_ROLE_HEADING, title) + 2;
    (void)ui_draw_state(c, r.y, x, r.x + r.w - right - x, &state);
}

static void tabs_of(const struct ui_detail *d, struct ui_tab *ret)
{
    for (size_t i = 0; i < d->n_tabs; i++)
        ret[i] = (struct ui_tab){ .title = ui_detail_tab_title(d, i), .glyph = -1 };
}

/* ---- values ---- */

static int label_width(const struct ui_detail *d, int cols)
{
    int w = 0, most = cols / 2 < LABEL_MAX ? cols / 2 : LABEL_MAX;

    for (size_t i = 0; i < d->kind->n_values; i++)
        if (d->kind->value[i].label && ui_detail_has(d, i) && ui_width(d->kind->value[i].label) > w)
            w = ui_width(d->kind->value[i].label);
    return w < most ? w : most;
}

/* A heading stands off from what is above it. */
static bool has_above(const struct ui_detail *d, size_t i)
{
    while (i-- > 0)
        if (ui_detail_has(d, i))
            return true;
    return false;
}

/* Draws the value into r, or measures it. */
static int one(const struct ui_detail *d, struct ui_canvas *c, struct ui_rect r, int label, size_t i)
{
    const struct ui_value *v = &d->kind->value[i];
    struct ui_shown s;
    enum ui_role role;

    if (!ui_detail_has(d, i))
        return 0;
    ui_detail_value(d, i, &s);
    if (!v->label) {
        int gap = has_above(d, i);

        if (c)
            (void)ui_text(c, r.y + gap, r.x, r.w, UI_ROLE_HEADING, s.text);
        return 1 + gap;
    }
    role = !s.text[0] ? UI_ROLE_DIM : s.state != UI_NONE ? ui_state_role(s.state) : v->opens ? UI_ROLE_LINK : UI_ROLE_VALUE;
    r.x += UI_TABLE_GUTTER;
    r.w -= UI_TABLE_GUTTER;
    return ui_label_value(c, r, label, v->label, role, ui_state_glyph(s.state), s.text[0] ? s.text : "-");
}

/* The value that begins the right column: a heading, where there is one, near the middle of all lines. */
static size_t split(const struct ui_detail *d, const struct place *place, int total)
{
    size_t best = d->kind->n_values, best_heading = best;
    int off = total, off_heading = total;

    for (size_t i = 1; i < d->kind->n_values; i++) {
        int by = abs(place[i].y - (total + 1) / 2);

        if (!place[i].h)
            continue;
        if (!d->kind->value[i].label && by < off_heading) {
            off_heading = by;
            best_heading = i;
        } else if (by < off) {
            off = by;
            best = i;
        }
    }
    return off_heading <= total / 4 ? best_heading : best;
}

static struct layout lay_out(const struct ui_detail *d, struct ui_rect body)
{
    struct layout l = { .columns = body.w >= TWO_COLUMNS ? 2 : 1 };
    size_t n = d->kind->n_values, right = n;
    int y = 0, base = 0;

    l.place = kg_xalloc_array(n + 1, sizeof *l.place);
    l.width = (body.w - UI_TABLE_SCROLL - (l.columns - 1) * BETWEEN) / l.columns;
    l.label = label_width(d, l.width);
    for (size_t i = 0; i < n; i++) {
        l.place[i] = (struct place){ 0, y, one(d, NULL, (struct ui_rect){ 0, 0, INT16_MAX, l.width }, l.label, i) };
        y += l.place[i].h;
    }
    if (l.columns == 2 && n > 1)
        right = split(d, l.place, y);
    l.height = right < n ? l.place[right].y : y;
    if (right < n)                           /* a heading at the top of the right column needs no line above it */
        base = l.place[right].y + !d->kind->value[right].label;
    for (size_t i = right; i < n; i++) {
        l.place[i].column = 1;
        l.place[i].y -= base;
        l.height = l.place[i].y + l.place[i].h > l.height ? l.place[i].y + l.place[i].h : l.height;
    }
    return l;
}

static void scroll(struct ui_detail *d, const struct layout *l, int h)
{
    const struct place *at = &l->place[d->cursor];

    d->top = ui_scroll_to(d->top, (size_t)(at->y + at->h - 1), (size_t)l->height, h);
    d->top = ui_scroll_to(d->top, (size_t)(at->y > 0 ? at->y : 0), (size_t)l->height, h);
    if (d->cursor <= 1 && at->y < h)         /* the first heading comes back into sight */
        d->top = 0;
}

static void draw_values(struct ui_detail *d, struct ui_canvas *c, struct ui_rect body)
{
    struct layout l = lay_out(d, body);
    struct ui_rect was = ui_clip(c, body);

    d->page = body.h;
    if (d->kind->n_values)
        scroll(d, &l, body.h);
    for (size_t i = 0; i < d->kind->n_values; i++) {
        struct ui_rect r = { body.y + l.place[i].y - (int)d->top, body.x + l.place[i].column * (l.width + BETWEEN), l.place[i].h,
                             l.width };
        uint8_t flags = c->flags;

        if (r.y + r.h <= body.y || r.y >= body.y + body.h)
            continue;
        if (i == d->cursor && d->kind->value[i].label) {
            c->flags |= UI_CURSOR_ROW;
            ui_fill(c, r, UI_ROLE_ITEM);
            (void)ui_put(c, r.y, r.x, UI_ROLE_ITEM, UI_G_CRUMB);
        }
        (void)one(d, c, r, l.label, i);
        c->flags = flags;
    }
    ui_unclip(c, was);
    ui_scroll_marks(c, body, d->top, (size_t)l.height);
    free(l.place);
}

void ui_detail_view_draw(struct ui_detail *d, struct ui_canvas *c, struct ui_rect area)
{
    struct plan p = plan(d, area);
    struct ui_tab tab[UI_TABS_MAX];

    draw_title(d, c, p.title);
    if (p.tabs.h) {
        tabs_of(d, tab);
        ui_tabs(c, p.tabs, tab, d->n_tabs, d->tab);
    }
    if (p.error.h)
        (void)ui_error_box(c, p.error, &d->err, hint(d));
    if (d->list[d->tab])
        ui_view_draw(d->list[d->tab], c, p.body);
    else if (d->resource)
        draw_values(d, c, p.body);
    else if (d->load == UI_LOADING)
        ui_draw_loading(c, p.body);
}

bool ui_detail_view_click(struct ui_detail *d, struct ui_rect area, int y, int x)
{
    struct plan p = plan(d, area);
    struct ui_tab tab[UI_TABS_MAX];
    struct layout l;
    bool hit = false;

    if (p.tabs.h && y == p.tabs.y) {
        size_t at;

        tabs_of(d, tab);
        at = ui_tabs_at(p.tabs, tab, d->n_tabs, d->tab, x);
        if (at < d->n_tabs)
            ui_detail_show_tab(d, at);
        return at < d->n_tabs;
    }
    if (d->list[d->tab])
        return ui_view_click(d->list[d->tab], p.body, y, x);
    if (!d->resource || y < p.body.y)
        return false;
    l = lay_out(d, p.body);
    for (size_t i = 0; i < d->kind->n_values && !hit; i++) {
        int line = y - p.body.y + (int)d->top, column = x - p.body.x >= l.width + BETWEEN;

        hit = d->kind->value[i].label && l.place[i].column == column && line >= l.place[i].y &&
              line < l.place[i].y + l.place[i].h;
        if (hit)
            d->cursor = i;
    }
    free(l.place);
    return hit;
}
