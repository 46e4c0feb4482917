#include "widget/chart.h"

#include <math.h>

/* value / max of n steps: 0 only for nothing, n only for all of it. */
static int share(double value, double max, int n)
{
    int steps;

    if (!(value > 0) || !(max > 0) || n <= 0)
        return 0;
    if (value >= max)
        return n;
    steps = (int)lround(value / max * n);
    return steps < 1 ? 1 : steps >= n && n > 1 ? n - 1 : steps;
}

static void run(struct ui_canvas *c, int y, int x, int n, enum ui_role role, enum ui_glyph g)
{
    for (int i = 0; i < n; i++)
        (void)ui_put(c, y, x + i, role, g);
}

void ui_progress(struct ui_canvas *c, int y, int x, int cols, double done, const char *text)
{
    int room = cols - (text && text[0] ? ui_width(text) + 1 : 0), full;

    if (done >= 0 && room >= 4) {
        full = share(done, 1, room);
        run(c, y, x, full, UI_ROLE_PROGRESS, UI_G_FULL);
        run(c, y, x + full, room - full, UI_ROLE_PROGRESS_REST, UI_G_EMPTY);
        x += room + 1;
        cols -= room + 1;
    }
    if (text && cols > 0)
        (void)ui_text(c, y, x, cols, UI_ROLE_BASE, text);
}

int ui_bar_h(struct ui_canvas *c, int y, int x, int cols, enum ui_role role, double value, double max)
{
    int n = share(value, max, cols);

    run(c, y, x, n, role, UI_G_FULL);
    return n;
}

void ui_bar_v(struct ui_canvas *c, struct ui_rect r, enum ui_role role, double value, double max)
{
    int eighths = share(value, max, r.h * 8);

    for (int i = 0; i < r.h && eighths > 0; i++, eighths -= 8)
        run(c, r.y + r.h - 1 - i, r.x, r.w, role, eighths >= 8 ? UI_G_FULL : (enum ui_glyph)(UI_G_EIGHTH + eighths - 1));
}

int ui_bar_parts(struct ui_canvas *c, int y, int x, int cols, const struct ui_part *part, size_t n, double max)
{
    int at = 0, w;

    for (size_t i = 0; i < n && at < cols; i++) {
        w = share(part[i].value, max, cols);
        if (w > cols - at)
            w = cols - at;
        run(c, y, x + at, w, part[i].role, part[i].glyph);
        at += w;
    }
    return at;
}

void ui_chart(struct ui_canvas *c, struct ui_rect r, enum ui_role role, const double *value, size_t n, const char *const *label,
              const char *max_text)
{
    int step = n ? r.w / (int)n : 0, gap = step > 2 ? 1 : 0, below = 1 + (label != NULL);
    struct ui_rect was;
    double max = 0;

    if (step < 1 || r.h <= below)
        return;
    was = ui_clip(c, r);
    for (size_t i = 0; i < n; i++)
        max = value[i] > max ? value[i] : max;
    for (size_t i = 0; i < n; i++) {
        struct ui_rect bar = { r.y, r.x + (int)i * step, r.h - below, step - gap };

        ui_bar_v(c, bar, role, value[i], max);
        if (label && label[i])
            (void)ui_text(c, r.y + r.h - 1, bar.x, r.x + r.w - bar.x, UI_ROLE_CHART_AXIS, label[i]);
    }
    ui_hline(c, r.y + r.h - below, r.x, step * (int)n, UI_ROLE_CHART_AXIS);
    if (max_text)
        (void)ui_text(c, r.y, r.x, r.w, UI_ROLE_CHART_AXIS, max_text);
    ui_unclip(c, was);
}
