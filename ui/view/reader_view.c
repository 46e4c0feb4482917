#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "view/parts.h"
#include "view/view.h"
#include "widget/message.h"

static const char *hint(const struct ui_reader *r) { return r->text ? "Esc dismisses this, R asks again." : "R asks again."; }

/* Bytes of the line of the screen that begins at s: up to a newline, or what fits, broken behind a blank where there is one. */
static size_t line_bytes(const char *s, size_t len, int cols)
{
    KG_AUTO_FREE char *line = kg_xstrndup(s, len);
    size_t fits = ui_fit(line, cols), at = fits;

    if (fits == len)
        return len;
    while (at > fits / 2 && line[at - 1] != ' ')
        at--;
    at = at > fits / 2 ? at : fits;
    return at ? at : 1;
}

/* Where the lines of the screen begin. Done once for a width: a log may have a hundred thousand of them. */
static void break_lines(struct ui_reader *r, int cols)
{
    enum { LONGEST = 16 << 10 };             /* bytes looked at for one line of the screen */
    const char *s = r->text;
    size_t n = 0, cap = 0;

    free(r->line);
    r->line = NULL;
    while (*s) {
        size_t len = strcspn(s, "\n"), part = line_bytes(s, len < LONGEST ? len : LONGEST, cols);

        KG_GROW(r->line, n, cap);
        r->line[n++] = (size_t)(s - r->text);
        s += part;
        if (part == len && *s == '\n')
            s++;
    }
    KG_GROW(r->line, n, cap);
    r->line[n] = (size_t)(s - r->text);
    r->lines = (int)n;
    r->width = cols;
}

static void draw_text(struct ui_reader *r, struct ui_canvas *c, struct ui_rect a)
{
    int cols = a.w - UI_TABLE_SCROLL - 1, last;

    if (cols < 1 || a.h < 1)
        return;
    if (r->width != cols)
        break_lines(r, cols);
    r->page = a.h;
    last = r->lines > a.h ? r->lines - a.h : 0;
    r->top = r->top > last ? last : r->top;
    for (int i = 0; i < a.h && r->top + i < r->lines; i++) {
        const char *s = r->text + r->line[r->top + i];
        KG_AUTO_FREE char *line = kg_xstrndup(s, r->line[r->top + i + 1] - r->line[r->top + i]);

        line[strcspn(line, "\n")] = '\0';
        (void)ui_text(c, a.y + i, a.x, cols + 1, UI_ROLE_BASE, line);
    }
    ui_scroll_marks(c, a, (size_t)r->top, (size_t)r->lines);
}

void ui_reader_view_draw(struct ui_reader *r, struct ui_canvas *c, struct ui_rect area)
{
    int error = 0;
    struct ui_rect body;

    if (r->err.code)
        error = ui_error_box(c, (struct ui_rect){ area.y, area.x, area.h / 2, area.w }, &r->err, hint(r));
    body = (struct ui_rect){ area.y + error, area.x, area.h - error, area.w };
    if (r->text && r->text[0])
        draw_text(r, c, body);
    else if (r->text)
        (void)ui_hint(c, body, "The text is empty.");
    else if (r->load == UI_LOADING)
        ui_draw_loading(c, body);
}
