#include "theme/theme.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"

/* What falls back to what:
 *
 *  256 colours  the theme as it is.
 *  16, 8        a colour of the 256 becomes the one of its hue; greys become black or white (and what lies between, of 16). With 8, a
 *               bright colour becomes its plain one, bold. What could not be read then (dark on dark, light on light) becomes
 *               black or white; a role that then looks like the base gets its attributes of "mono".
 *  none         the attributes of the theme "mono", whatever the theme, unless it names no colour itself. */

enum { INHERITED = -2, THEME_MAX = 16 * 1024, DEPTH_MAX = 5, LINE_MAX_ = 200 };

static const struct { const char *name; enum ui_role parent; } roles[] = {
#define UI_ROLE(name, text, parent) [UI_ROLE_##name] = { text, UI_ROLE_##parent },
#include "theme/roles.def"
#undef UI_ROLE
};

static const char *const colours8[] = { "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white" };
static const struct { const char *name; unsigned bit; } attributes[] = {
    { "bold", UI_BOLD }, { "reverse", UI_REVERSE }, { "underline", UI_UNDERLINE }, { "dim", UI_DIM },
};

static const struct { const char *name, *text; } shipped[] = {
#include "shipped_themes.inc"
};

const char *ui_role_name(enum ui_role role) { return roles[role].name; }
const char *ui_theme_shipped(size_t i) { return i < KG_ARRAY_LEN(shipped) ? shipped[i].name : NULL; }

/* Reading: a theme as its files say it, before parents fill in what they leave out. */

struct draft { struct ui_style role[UI_ROLE_COUNT_]; bool named[UI_ROLE_COUNT_]; };
struct reader { const char *name, *dir; int line, depth; struct kg_err *err; };

static int bad(const struct reader *r, const char *advice, const char *fmt, ...) KG_PRINTF(3, 4);
static int bad(const struct reader *r, const char *advice, const char *fmt, ...)
{
    char why[300];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    kg_err_set(r->err, KG_E_USAGE, "theme '%s', line %d: %s", r->name, r->line, why);
    kg_err_advise(r->err, "%s", advice);
    return -(int)r->err->code;
}

/* The colour that w, with the word behind it for "bright", names. */
static bool find_colour(const char *w, char **save, short *ret)
{
    uint64_t number;
    short bright = 0;

    if (strcmp(w, "default") == 0) {
        *ret = -1;
        return true;
    }
    if (*w >= '0' && *w <= '9') {
        struct kg_err ignored = { 0 };

        if (kg_parse_range(w, 0, 255, &number, &ignored) < 0)
            return false;
        *ret = (short)number;
        return true;
    }
    if (strcmp(w, "bright") == 0) {
        bright = 8;
        w = strtok_r(NULL, " \t", save);
    }
    for (short i = 0; w && i < 8; i++)
        if (strcmp(w, colours8[i]) == 0) {
            *ret = (short)(i + bright);
            return true;
        }
    return false;
}

static bool find_attribute(const char *w, unsigned *attrs)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(attributes); i++)
        if (strcmp(w, attributes[i].name) == 0) {
            *attrs |= attributes[i].bit;
            return true;
        }
    return false;
}

static int read_style(const struct reader *r, char *spec, struct ui_style *ret)
{
    struct ui_style st = { INHERITED, INHERITED, 0 };
    char *save = NULL;

    for (char *w = strtok_r(spec, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
        const char *word = w;
        bool on = strcmp(w, "on") == 0;

        if (!on && find_attribute(w, &st.attrs))
            continue;
        if (on)
            word = w = strtok_r(NULL, " \t", &save);
        if (!w)
            return bad(r, "Write 'on' and a colour, for example 'white on blue'.", "a colour is missing after 'on'");
        if ((on ? st.bg : st.fg) != INHERITED)
            return bad(r, "Write one colour, 'on' and a second one, then attributes.", "'%s' is one colour too many", word);
        if (!find_colour(w, &save, on ? &st.bg : &st.fg))
            return bad(r, "Use default, black, red, green, yellow, blue, magenta, cyan, white, bright and one of these, 0 to 255; "
                       "bold, reverse, underline, dim.", "'%s' is no colour or attribute", word);
    }
    *ret = st;
    return 0;
}

static int read_named(struct reader *parent, const char *name, struct draft *d);

static char *trim(char *s)
{
    char *end;

    s += strspn(s, " \t\r");
    end = s + strlen(s);
    while (end > s && strchr(" \t\r", end[-1]))
        *--end = '\0';
    return s;
}

static int read_line(struct reader *r, char *line, bool *roles_began, struct draft *d)
{
    char *equals, *key, *value;

    line[strcspn(line, "#")] = '\0';
    line = trim(line);
    if (!*line)
        return 0;
    equals = strchr(line, '=');
    if (!equals)
        return bad(r, "Write 'role = style', for example 'state.ok = green'.", "'%s' has no '='", line);
    *equals = '\0';
    key = trim(line);
    value = trim(equals + 1);
    if (strcmp(key, "inherit") == 0) {
        if (*roles_began)
            return bad(r, "Move the line to the top, and have only one.", "'inherit' stands behind other lines");
        *roles_began = true;
        return read_named(r, value, d);
    }
    *roles_began = true;
    for (size_t i = 0; i < UI_ROLE_COUNT_; i++)
        if (strcmp(roles[i].name, key) == 0) {
            d->named[i] = true;
            return read_style(r, value, &d->role[i]);
        }
    return bad(r, "Look at a shipped theme for the names of roles.", "there is no role '%s'", key);
}

static int read_text(struct reader *r, const char *text, struct draft *d)
{
    bool roles_began = false;

    while (*text) {
        size_t n = strcspn(text, "\n");
        char line[LINE_MAX_ + 1];

        r->line++;
        if (n > LINE_MAX_)
            return bad(r, "Shorten the line.", "longer than %d bytes", LINE_MAX_);
        memcpy(line, text, n);
        line[n] = '\0';
        if (read_line(r, line, &roles_began, d) < 0)
            return -(int)r->err->code;
        text += n + (text[n] == '\n');
    }
    return 0;
}

/* A theme file of the user's; *ret is NULL when there is none. */
static int load_file(const char *dir, const char *name, char **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/%s.theme", dir, name);
    KG_AUTO_FCLOSE FILE *f = fopen(path, "re");
    char buf[THEME_MAX + 1];
    size_t n;

    if (!f && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (!f)
        return kg_err_sys(err, errno, "open '%s'", path);
    n = fread(buf, 1, sizeof buf, f);
    if (ferror(f))
        return kg_err_sys(err, errno, "read '%s'", path);
    if (n > THEME_MAX || memchr(buf, '\0', n)) {
        kg_err_set(err, KG_E_USAGE, "'%s' is not a theme: it holds more than %d KiB, or binary data", path, THEME_MAX / 1024);
        kg_err_advise(err, "Write 'role = style' lines; look at docs/themes.md.");
        return -(int)err->code;
    }
    *ret = kg_xstrndup(buf, n);
    return 0;
}

static int no_such_theme(const char *name, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(256);

    for (size_t i = 0; i < KG_ARRAY_LEN(shipped); i++)
        kg_buf_addf(&b, "%s%s", i ? ", " : "", shipped[i].name);
    kg_err_set(err, KG_E_NOT_FOUND, "there is no theme '%s'; there are %s", name, b.p);
    kg_err_advise(err, "Choose one of these, or put NAME.theme into your theme folder.");
    return -(int)err->code;
}

static int find_text(const char *name, const char *dir, char **ret, struct kg_err *err)
{
    /* A name is a name, not a way to a file elsewhere. */
    if (!*name || name[0] == '.' || strchr(name, '/'))
        return no_such_theme(name, err);
    if (dir && load_file(dir, name, ret, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; !*ret && i < KG_ARRAY_LEN(shipped); i++)
        if (strcmp(shipped[i].name, name) == 0)
            *ret = kg_xstrdup(shipped[i].text);
    return *ret ? 0 : no_such_theme(name, err);
}

/* The theme that another one inherits. A file may inherit the shipped theme of its own name. */
static int read_named(struct reader *parent, const char *name, struct draft *d)
{
    struct reader r = { .name = name, .depth = parent->depth + 1, .err = parent->err };
    KG_AUTO_FREE char *text = NULL;

    r.dir = strcmp(name, parent->name) == 0 ? NULL : parent->dir;
    if (r.depth > DEPTH_MAX)
        return bad(parent, "Let a theme inherit one that inherits nothing.", "themes inherit each other more than %d deep", DEPTH_MAX);
    if (find_text(name, r.dir, &text, r.err) < 0)
        return kg_err_wrap(r.err, "theme '%s', line %d", parent->name, parent->line);
    return read_text(&r, text, d);
}

/* Parents fill in what the files leave out. */
static void settle(struct draft *d, enum ui_role role)
{
    struct ui_style *st = &d->role[role];
    enum ui_role parent = roles[role].parent;

    if (role == UI_ROLE_BASE) {
        st->fg = d->named[role] && st->fg != INHERITED ? st->fg : -1;
        st->bg = d->named[role] && st->bg != INHERITED ? st->bg : -1;
        return;
    }
    settle(d, parent);
    if (!d->named[role]) {
        *st = d->role[parent];
    } else {
        st->fg = st->fg == INHERITED ? d->role[parent].fg : st->fg;
        st->bg = st->bg == INHERITED ? d->role[parent].bg : st->bg;
    }
}

static bool names_a_colour(const struct ui_theme *t)
{
    for (size_t i = 0; i < UI_ROLE_COUNT_; i++)
        if (t->role[i].fg >= 0 || t->role[i].bg >= 0)
            return true;
    return false;
}

int ui_theme_parse(const char *name, const char *text, const char *dir, struct ui_theme *ret, struct kg_err *err)
{
    struct reader r = { .name = name, .dir = dir, .err = err };
    struct draft d = { 0 };
    struct ui_theme t = { 0 }, mono;

    if (read_text(&r, text, &d) < 0)
        return -(int)err->code;
    for (int i = 0; i < UI_ROLE_COUNT_; i++)
        settle(&d, (enum ui_role)i);
    memcpy(t.role, d.role, sizeof t.role);
    for (size_t i = 0; i < UI_ROLE_COUNT_; i++)
        t.plain[i] = t.role[i].attrs;
    if (names_a_colour(&t)) {
        if (ui_theme_load("mono", NULL, &mono, err) < 0)
            return -(int)err->code;
        memcpy(t.plain, mono.plain, sizeof t.plain);
    }
    *ret = t;
    return 0;
}

int ui_theme_load(const char *name, const char *dir, struct ui_theme *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *text = NULL;

    if (find_text(name, dir, &text, err) < 0)
        return -(int)err->code;
    return ui_theme_parse(name, text, dir, ret, err);
}

/* Colours of terminals that have fewer */

unsigned ui_theme_rgb(int colour)
{
    static const unsigned first[] = {
        0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
        0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff,
    };
    static const unsigned steps[] = { 0, 0x5f, 0x87, 0xaf, 0xd7, 0xff };
    unsigned i = (unsigned)colour;

    if (i < 16)
        return first[i];
    if (i >= 232)
        return (8 + (i - 232) * 10) * 0x010101;
    i -= 16;
    return steps[i / 36] << 16 | steps[i / 6 % 6] << 8 | steps[i % 6];
}

/* By hue, not by distance: a calm blue is blue, where the nearest of eight would be cyan. */
static short reduce(short colour, int colours, bool background)
{
    unsigned rgb = ui_theme_rgb(colour), red = rgb >> 16, green = rgb >> 8 & 0xff, blue = rgb & 0xff;
    unsigned most = red > green ? red : green, least = red < green ? red : green, enough;

    most = blue > most ? blue : most;
    least = blue < least ? blue : least;
    if (most - least < 40) {
        if (colours >= 16)
            return most < 0x32 ? 0 : most < 0x80 ? 8 : most < 0xd2 ? 7 : 15;
        return most < 0x80 ? 0 : 7;
    }
    enough = most * 13 / 20;
    colour = (short)((red > enough ? 1 : 0) | (green > enough ? 2 : 0) | (blue > enough ? 4 : 0));
    return (short)(colour + (colours >= 16 && !background && most > 0xc0 ? 8 : 0));
}

static bool is_light(short c) { return c == 7 || c == 15 || (c & 7) == 3 || (c & 7) == 6 || (c & 7) == 2; }

/* Dark on dark and light on light cannot be read, whichever shades the terminal gives them. */
static short readable(short fg, short bg)
{
    if (bg < 0)
        return (fg & 7) == 0 && fg >= 0 ? -1 : fg;
    if (is_light(bg))
        return is_light(fg) || fg == bg ? 0 : fg;
    return fg == bg || (fg & 7) == 0 || (fg & 7) == 4 ? 7 : fg;
}

static struct ui_style with_fewer(struct ui_style st, int colours)
{
    bool exact = st.fg < 16 && st.bg < 16;

    if (st.fg >= 16)
        st.fg = reduce(st.fg, colours, false);
    if (st.bg >= 16)
        st.bg = reduce(st.bg, colours, true);
    if (colours < 16 && st.fg >= 8) {
        st.fg = (short)(st.fg - 8);
        st.attrs |= UI_BOLD;
    }
    if (colours < 16 && st.bg >= 8)
        st.bg = (short)(st.bg - 8);
    if (!exact || st.fg == st.bg)
        st.fg = readable(st.fg, st.bg);
    return st;
}

static bool same(struct ui_style a, struct ui_style b) { return a.fg == b.fg && a.bg == b.bg && a.attrs == b.attrs; }

struct ui_style ui_theme_style(const struct ui_theme *t, enum ui_role role, int colours)
{
    struct ui_style st = t->role[role], base = t->role[UI_ROLE_BASE];

    if (colours < 8)
        return (struct ui_style){ -1, -1, t->plain[role] };
    if (colours >= 256)
        return st;
    st = with_fewer(st, colours);
    if (!same(t->role[role], base) && same(st, with_fewer(base, colours)))
        st.attrs |= t->plain[role];
    return st;
}
