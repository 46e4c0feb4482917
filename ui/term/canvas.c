#include "term/canvas.h"

#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/text.h"

/* Glyphs: the same number of columns in both alphabets, so that a page is laid out alike. */
static const char *const glyphs[][2] = {
    [UI_G_HLINE] = { "─", "-" }, [UI_G_VLINE] = { "│", "|" },
    [UI_G_UL] = { "┌", "+" }, [UI_G_UR] = { "┐", "+" }, [UI_G_LL] = { "└", "+" }, [UI_G_LR] = { "┘", "+" },
    [UI_G_LTEE] = { "├", "+" }, [UI_G_RTEE] = { "┤", "+" }, [UI_G_TTEE] = { "┬", "+" }, [UI_G_BTEE] = { "┴", "+" },
    [UI_G_OK] = { "✓", "+" }, [UI_G_WARNING] = { "!", "!" }, [UI_G_FAILED] = { "✗", "x" }, [UI_G_BUSY] = { "…", "~" },
    [UI_G_OPEN] = { "▾", "v" }, [UI_G_CLOSED] = { "▸", ">" },
    [UI_G_CHECKED] = { "[x]", "[x]" }, [UI_G_UNCHECKED] = { "[ ]", "[ ]" },
    [UI_G_ON] = { "(•)", "(*)" }, [UI_G_OFF] = { "( )", "( )" },
    [UI_G_CRUMB] = { "›", ">" }, [UI_G_UP] = { "▲", "^" }, [UI_G_DOWN] = { "▼", "v" }, [UI_G_DOT] = { "·", "." },
    [UI_G_ELLIPSIS] = { "…", "~" }, [UI_G_FULL] = { "█", "#" }, [UI_G_EMPTY] = { "░", "." },
    [UI_G_EIGHTH] = { "▁", "_" }, [UI_G_EIGHTH + 1] = { "▂", "." }, [UI_G_EIGHTH + 2] = { "▃", ":" },
    [UI_G_EIGHTH + 3] = { "▄", "-" }, [UI_G_EIGHTH + 4] = { "▅", "=" }, [UI_G_EIGHTH + 5] = { "▆", "+" },
    [UI_G_EIGHTH + 6] = { "▇", "*" },
};
_Static_assert(KG_ARRAY_LEN(glyphs) == UI_G_COUNT_, "name every glyph");

const char *ui_glyph(enum ui_alphabet a, enum ui_glyph g) { return glyphs[g][a]; }

/* What the C library knows of a character, whatever the process's locale is: its columns, or -1 for what may not reach a
 * terminal as it is. Marks that sit on the character before them have 0. */
static int char_columns(uint32_t c)
{
    static locale_t utf8;                    /* one thread draws; kept until the process ends */
    static wctype_t combining;
    locale_t was;
    int columns;

    if (c < 0x80)
        return c >= 0x20 && c != 0x7f ? 1 : -1;
    /* Invisible though it has a column, and the variation selectors, which change a character's width in some terminals. */
    if (c == 0xAD || (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0xE0100 && c <= 0xE01EF))
        return -1;
    if (!utf8) {
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
        if (!utf8)
            return -1;
        combining = wctype_l("combining", utf8);
    }
    was = uselocale(utf8);
    columns = wcwidth((wchar_t)c);
    /* Without a column but no mark: joiners, bidirectional controls, tags. Conjoining Hangul vowels and finals are marks here. */
    if (columns == 0 && !(c >= 0x1160 && c <= 0x11FF) && !iswctype_l((wint_t)c, combining, utf8))
        columns = -1;
    uselocale(was);
    return columns;
}

/* What stands in one cell: a character with its marks, as it is shown. */
struct piece { char text[UI_CELL_BYTES + 1]; int columns; size_t bytes /* of the source */; };

/* Characters of our own texts that the ASCII alphabet has a letter for. */
static void to_ascii(struct piece *p)
{
    for (size_t i = 0; i < UI_G_COUNT_; i++)
        if (strcmp(glyphs[i][UI_UTF8], p->text) == 0) {
            kg_text_copy(p->text, sizeof p->text, glyphs[i][UI_ASCII]);
            return;
        }
}

/* The next piece of s; false at its end. */
static bool next_piece(const char *s, enum ui_alphabet a, struct piece *ret)
{
    enum { MARKS = 4, LONGEST = 4 };         /* curses keeps a character and four marks in a cell */
    size_t at, len = 0, marks = 0;
    uint32_t c;

    if (!*s)
        return false;
    *ret = (struct piece){ .text = "?", .columns = 1, .bytes = 1 };
    at = kg_utf8_get(s, strnlen(s, LONGEST), &c);
    if (!at)
        return true;
    ret->bytes = at;
    if (char_columns(c) < 1)
        return true;                         /* a mark with nothing to sit on, too */
    ret->columns = char_columns(c);
    memcpy(ret->text, s, at);
    len = at;
    while (s[at] & 0x80) {
        size_t n = kg_utf8_get(s + at, strnlen(s + at, LONGEST), &c);

        if (!n || char_columns(c) != 0)
            break;
        if (marks++ < MARKS) {
            memcpy(ret->text + len, s + at, n);
            len += n;
        }
        at += n;
    }
    ret->bytes = at;
    if (a == UI_ASCII && len > 1)
        to_ascii(ret);
    return true;
}

int ui_width(const char *s)
{
    struct piece p;
    int w = 0;

    for (; next_piece(s, UI_UTF8, &p); s += p.bytes)
        if (__builtin_add_overflow(w, p.columns, &w))
            return INT_MAX;
    return w;
}

size_t ui_fit(const char *s, int cols)
{
    struct piece p;
    size_t n = 0;

    for (; next_piece(s + n, UI_UTF8, &p) && p.columns <= cols; n += p.bytes)
        cols -= p.columns;
    return n;
}

/* The canvas */

static int clamp(int v, int max) { return v < 1 ? 1 : v > max ? max : v; }

void ui_canvas_init(struct ui_canvas *c, int h, int w, enum ui_alphabet alphabet)
{
    *c = (struct ui_canvas){ .alphabet = alphabet };
    ui_canvas_resize(c, h, w);
}

void ui_canvas_done(struct ui_canvas *c)
{
    free(c->cell);
    *c = (struct ui_canvas){ 0 };
}

void ui_canvas_resize(struct ui_canvas *c, int h, int w)
{
    h = clamp(h, UI_MAX_H);
    w = clamp(w, UI_MAX_W);
    if (!c->cell || h != c->h || w != c->w) {
        free(c->cell);
        c->cell = kg_xalloc_array((size_t)h * (size_t)w, sizeof *c->cell);
        c->h = h;
        c->w = w;
    }
    ui_canvas_clear(c);
}

static const struct ui_cell blank = { .text = " ", .role = UI_ROLE_BASE };

void ui_canvas_clear(struct ui_canvas *c)
{
    for (size_t i = 0, n = (size_t)c->h * (size_t)c->w; i < n; i++)
        c->cell[i] = blank;
    c->clip = (struct ui_rect){ 0, 0, c->h, c->w };
    c->flags = 0;
    c->cursor_y = c->cursor_x = -1;
}

static long at_least(long a, long b) { return a > b ? a : b; }
static long at_most(long a, long b) { return a < b ? a : b; }

/* What of r lies in the clip; sums in long, for rectangles at the edge of int. */
static struct ui_rect visible(const struct ui_canvas *c, struct ui_rect r)
{
    long y = at_least(r.y, c->clip.y), x = at_least(r.x, c->clip.x);
    long bottom = at_most((long)r.y + r.h, (long)c->clip.y + c->clip.h);
    long right = at_most((long)r.x + r.w, (long)c->clip.x + c->clip.w);

    if (bottom <= y || right <= x)
        return (struct ui_rect){ c->clip.y, c->clip.x, 0, 0 };
    return (struct ui_rect){ (int)y, (int)x, (int)(bottom - y), (int)(right - x) };
}

struct ui_rect ui_clip(struct ui_canvas *c, struct ui_rect r)
{
    struct ui_rect was = c->clip;

    c->clip = visible(c, r);
    return was;
}

void ui_unclip(struct ui_canvas *c, struct ui_rect was) { c->clip = was; }

static bool inside(const struct ui_canvas *c, int y, long x)
{
    return y >= c->clip.y && y < c->clip.y + c->clip.h && x >= c->clip.x && x < c->clip.x + c->clip.w;
}

static void set_cell(struct ui_canvas *c, int y, long x, enum ui_role role, const char *text)
{
    struct ui_cell *row = c->cell + (size_t)y * (size_t)c->w, *cell = row + x;

    /* Half of a wide character is never left over. */
    if (!cell->text[0] && x > 0)
        memcpy(row[x - 1].text, blank.text, sizeof blank.text);
    if (x + 1 < c->w && !row[x + 1].text[0])
        memcpy(row[x + 1].text, blank.text, sizeof blank.text);
    memset(cell->text, 0, sizeof cell->text); /* the screen compares whole cells */
    memcpy(cell->text, text, strlen(text));
    cell->role = (uint8_t)role;
    cell->flags = c->flags;
}

static void put_piece(struct ui_canvas *c, int y, long x, enum ui_role role, const char *text, int columns)
{
    bool left = inside(c, y, x), right = columns == 2 && inside(c, y, x + 1);

    if (columns == 1 || !left || !right) {   /* of a wide character that the clip cuts, a blank is seen */
        if (left)
            set_cell(c, y, x, role, columns == 1 ? text : " ");
        if (right)
            set_cell(c, y, x + 1, role, " ");
        return;
    }
    set_cell(c, y, x, role, " ");
    set_cell(c, y, x + 1, role, " ");
    set_cell(c, y, x, role, text);
    memset(c->cell[(size_t)y * (size_t)c->w + (size_t)x + 1].text, 0, sizeof blank.text);
}

int ui_text(struct ui_canvas *c, int y, int x, int cols, enum ui_role role, const char *s)
{
    struct piece p;
    int took = 0;
    size_t fits = cols > 0 ? ui_fit(s, cols) : 0;
    bool cut = cols > 0 && s[fits];
    const char *end;

    if (cols <= 0)
        return 0;
    if (cut)
        fits = ui_fit(s, cols - 1);
    for (end = s + fits; s < end && next_piece(s, c->alphabet, &p); s += p.bytes) {
        put_piece(c, y, (long)x + took, role, p.text, p.columns);
        took += p.columns;
    }
    if (cut) {
        put_piece(c, y, (long)x + took, role, ui_glyph(c->alphabet, UI_G_ELLIPSIS), 1);
        took++;
    }
    return took;
}

/* The end of s that takes at most so many columns, and begins with a character that takes one. */
static const char *end_of(const char *s, int cols)
{
    struct piece p;
    int w = ui_width(s);

    while (next_piece(s, UI_UTF8, &p) && (w > cols || !p.columns)) {
        w -= p.columns;
        s += p.bytes;
    }
    return s;
}

int ui_text_name(struct ui_canvas *c, int y, int x, int cols, enum ui_role role, const char *s)
{
    enum { LEAST = 8 };
    const char *end;
    KG_AUTO_FREE char *head = NULL;
    int took;

    if (cols < LEAST || ui_width(s) <= cols)
        return ui_text(c, y, x, cols, role, s);
    end = end_of(s, (cols - 1) / 2);
    head = kg_xstrndup(s, ui_fit(s, cols - 1 - ui_width(end)));
    took = ui_text(c, y, x, cols, role, head);
    took += ui_put(c, y, x + took, role, UI_G_ELLIPSIS);
    return took + ui_text(c, y, x + took, cols - took, role, end);
}

int ui_textf(struct ui_canvas *c, int y, int x, int cols, enum ui_role role, const char *fmt, ...)
{
    KG_AUTO_FREE char *s = NULL;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&s, fmt, ap);
    va_end(ap);
    KG_ASSERT(n >= 0);
    return ui_text(c, y, x, cols, role, s);
}

int ui_text_right(struct ui_canvas *c, int y, int x, int cols, enum ui_role role, const char *s)
{
    int w = ui_width(s);

    if (cols <= 0)
        return 0;
    return w >= cols ? ui_text(c, y, x, cols, role, s) : ui_text(c, y, x + (cols - w), w, role, s);
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* The bytes of s that make its first line in so many columns: up to a blank, or where a long word must break. */
static size_t line_bytes(const char *s, int cols)
{
    struct piece p;
    size_t n = 0, at_blank = 0;
    int w = 0;

    while (s[n] && s[n] != '\n') {
        if (is_blank(s[n]) && n > 0)
            at_blank = n;
        if (!next_piece(s + n, UI_UTF8, &p))
            break;
        if (w + p.columns > cols)
            return is_blank(s[n]) ? n : at_blank ? at_blank : n ? n : p.bytes;
        w += p.columns;
        n += p.bytes;
    }
    return n;
}

static void draw_line(struct ui_canvas *c, int y, int x, int cols, enum ui_role role, const char *s, size_t n)
{
    struct piece p;
    int took = 0;

    for (size_t i = 0; i < n && next_piece(s + i, c->alphabet, &p) && took + p.columns <= cols; i += p.bytes) {
        put_piece(c, y, (long)x + took, role, is_blank(s[i]) ? " " : p.text, p.columns);
        took += p.columns;
    }
}

int ui_text_wrapped(struct ui_canvas *c, struct ui_rect r, int skip, enum ui_role role, const char *s)
{
    int lines = 0;

    if (r.w <= 0)
        return 0;
    skip = skip < 0 ? 0 : skip;
    while (*s && lines < INT_MAX) {
        size_t n = line_bytes(s, r.w);

        if (c && lines >= skip && lines - skip < r.h)
            draw_line(c, r.y + (lines - skip), r.x, r.w, role, s, n);
        lines++;
        s += n;
        if (*s != '\n')
            s += strspn(s, " \t\r");         /* a line that was broken begins with a word */
        if (*s == '\n')
            s++;
    }
    return lines;
}

void ui_fill(struct ui_canvas *c, struct ui_rect r, enum ui_role role)
{
    r = visible(c, r);
    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x < r.x + r.w; x++)
            set_cell(c, y, x, role, " ");
}

void ui_flag(struct ui_canvas *c, struct ui_rect r, uint8_t flags)
{
    r = visible(c, r);
    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x < r.x + r.w; x++)
            c->cell[(size_t)y * (size_t)c->w + (size_t)x].flags |= flags;
}

int ui_put(struct ui_canvas *c, int y, int x, enum ui_role role, enum ui_glyph g)
{
    return ui_text(c, y, x, INT_MAX, role, ui_glyph(c->alphabet, g));
}

void ui_hline(struct ui_canvas *c, int y, int x, int w, enum ui_role role)
{
    struct ui_rect r = visible(c, (struct ui_rect){ y, x, 1, w });

    for (int i = 0; i < r.w; i++)
        ui_put(c, y, r.x + i, role, UI_G_HLINE);
}

void ui_vline(struct ui_canvas *c, int y, int x, int h, enum ui_role role)
{
    struct ui_rect r = visible(c, (struct ui_rect){ y, x, h, 1 });

    for (int i = 0; i < r.h; i++)
        ui_put(c, r.y + i, x, role, UI_G_VLINE);
}

void ui_box(struct ui_canvas *c, struct ui_rect r, enum ui_role role, const char *title)
{
    int bottom, right;

    if (r.h < 2 || r.w < 2)
        return;
    bottom = r.y + r.h - 1;
    right = r.x + r.w - 1;
    ui_hline(c, r.y, r.x + 1, r.w - 2, role);
    ui_hline(c, bottom, r.x + 1, r.w - 2, role);
    ui_vline(c, r.y + 1, r.x, r.h - 2, role);
    ui_vline(c, r.y + 1, right, r.h - 2, role);
    ui_put(c, r.y, r.x, role, UI_G_UL);
    ui_put(c, r.y, right, role, UI_G_UR);
    ui_put(c, bottom, r.x, role, UI_G_LL);
    ui_put(c, bottom, right, role, UI_G_LR);
    if (title && *title && r.w >= 7) {       /* ┌─ T ─┐ */
        int took = ui_text(c, r.y, r.x + 3, r.w - 6, role, title);

        ui_text(c, r.y, r.x + 2, 1, role, " ");
        ui_text(c, r.y, r.x + 3 + took, 1, role, " ");
    }
}

static bool tells_state(uint8_t role) { return role >= UI_ROLE_STATE_OK && role <= UI_ROLE_STATE_OFF; }

struct ui_style ui_cell_style(const struct ui_theme *t, const struct ui_cell *cell, int colours)
{
    struct ui_style own = ui_theme_style(t, (enum ui_role)cell->role, colours), st = own;

    if (cell->flags & UI_SHADE)
        return ui_theme_style(t, UI_ROLE_SHADE, colours);
    if (cell->flags & UI_MARKED) {
        st = ui_theme_style(t, UI_ROLE_MARKED, colours);
        st.fg = tells_state(cell->role) ? own.fg : st.fg;
    }
    if (cell->flags & UI_CURSOR_ROW) {
        unsigned marked = cell->flags & UI_MARKED ? st.attrs : 0;

        st = ui_theme_style(t, UI_ROLE_CURSOR, colours);
        st.attrs |= marked & ~(unsigned)UI_DIM;
    }
    st.attrs |= own.attrs & (UI_BOLD | UI_UNDERLINE);
    return st;
}

void ui_canvas_print(const struct ui_canvas *c, struct kg_buf *ret)
{
    for (int y = 0; y < c->h; y++) {
        const struct ui_cell *row = c->cell + (size_t)y * (size_t)c->w;
        int w = c->w;

        while (w > 0 && strcmp(row[w - 1].text, " ") == 0)
            w--;
        for (int x = 0; x < w; x++)
            kg_buf_adds(ret, row[x].text);
        kg_buf_adds(ret, "\n");
    }
}
