#include "term/screen_impl.h"

#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <strings.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "term/rescue.h"

#define PASTE_ON   "\033[?2004h"
#define PASTE_OFF  "\033[?2004l"
#define MOUSE_OFF  "\033[?1006l\033[?1003l\033[?1002l\033[?1000l"
enum { ESCAPE_MS = 25, COPY_MAX = 64 * 1024, TITLE_MAX = 200, UNKNOWN = 0xff };

/* Straight to the terminal, past curses, whose buffer is empty between frames. */
static void send(struct ui_screen *s, const char *data, size_t n)
{
    while (n > 0 && !s->gone) {
        ssize_t r = write(STDOUT_FILENO, data, n);

        if (r < 0 && errno == EAGAIN)
            poll(&(struct pollfd){ .fd = STDOUT_FILENO, .events = POLLOUT }, 1, -1);
        else if (r < 0 && errno != EINTR)
            s->gone = true;
        else if (r > 0) {
            data += r;
            n -= (size_t)r;
        }
    }
}

/* Painting */

/* The pair for two colours; 0, the terminal's own, when no more can be made. */
static short pair_of(struct ui_screen *s, short fg, short bg)
{
    if (s->colours == 0 || (fg < 0 && bg < 0))
        return 0;
    for (int i = 1; i < s->pairs; i++)
        if (s->pair[i].fg == fg && s->pair[i].bg == bg)
            return (short)i;
    if (s->pairs >= UI_PAIRS || s->pairs >= COLOR_PAIRS || init_pair((short)s->pairs, fg, bg) == ERR)
        return 0;
    s->pair[s->pairs].fg = fg;
    s->pair[s->pairs].bg = bg;
    return (short)s->pairs++;
}

static attr_t attributes(unsigned attrs)
{
    return (attrs & UI_BOLD ? A_BOLD : 0) | (attrs & UI_REVERSE ? A_REVERSE : 0) |
           (attrs & UI_UNDERLINE ? A_UNDERLINE : 0) | (attrs & UI_DIM ? A_DIM : 0);
}

/* A cell's text for this terminal: what its character set lacks is '?', as wide as it was. */
static void wide_text(const struct ui_screen *s, const struct ui_cell *cell, int width, wchar_t out[CCHARW_MAX + 1])
{
    size_t n = strlen(cell->text), at = 0, count = 0, len;
    uint32_t c;

    while (count < CCHARW_MAX && (len = kg_utf8_get(cell->text + at, n - at, &c)) > 0) {
        char encoded[MB_LEN_MAX];
        mbstate_t state = { 0 };

        if (!s->utf8 && (wcrtomb(encoded, (wchar_t)c, &state) == (size_t)-1 || (count == 0 && wcwidth((wchar_t)c) != width)))
            break;
        out[count++] = (wchar_t)c;
        at += len;
    }
    if (count == 0)
        out[count++] = L'?';
    out[count] = L'\0';
}

static void paint_cell(struct ui_screen *s, int y, int x, const struct ui_cell *cell, bool wide)
{
    struct ui_style st = ui_cell_style(&s->theme, cell, s->colours);
    wchar_t text[CCHARW_MAX + 1];
    cchar_t cc;

    wide_text(s, cell, wide ? 2 : 1, text);
    if (setcchar(&cc, text, attributes(st.attrs), pair_of(s, st.fg, st.bg), NULL) == OK)
        mvwadd_wch(stdscr, y, x, &cc);
    if (wide && text[0] == L'?')             /* the right half has to be covered, too */
        mvwadd_wch(stdscr, y, x + 1, &cc);
}

/* Brings curses' window to what the canvas is; returns whether anything differs. */
static bool paint(struct ui_screen *s)
{
    bool changed = false;

    for (int y = 0; y < s->canvas.h; y++) {
        size_t at = (size_t)y * (size_t)s->canvas.w;
        const struct ui_cell *row = s->canvas.cell + at;
        struct ui_cell *shown = s->shown + at;

        if (memcmp(row, shown, (size_t)s->canvas.w * sizeof *row) == 0)
            continue;
        changed = true;
        for (int x = 0; x < s->canvas.w; x++) {
            bool wide = x + 1 < s->canvas.w && !row[x + 1].text[0];

            if (row[x].text[0] && (memcmp(&row[x], &shown[x], sizeof *row) != 0 ||
                                   (wide && memcmp(&row[x + 1], &shown[x + 1], sizeof *row) != 0)))
                paint_cell(s, y, x, &row[x], wide);
        }
        memcpy(shown, row, (size_t)s->canvas.w * sizeof *row);
    }
    return changed;
}

void ui_screen_show(struct ui_screen *s)
{
    const struct ui_canvas *c = &s->canvas;
    bool on = c->cursor_y >= 0 && c->cursor_y < c->h && c->cursor_x >= 0 && c->cursor_x < c->w;
    int y = on ? c->cursor_y : c->h - 1, x = on ? c->cursor_x : c->w - 1;
    bool changed = paint(s);

    if (s->gone || (!changed && !s->clear && on == s->cursor_on && y == s->cursor_y && x == s->cursor_x))
        return;
    if (s->clear)
        clearok(curscr, TRUE);
    if (on != s->cursor_on || s->clear)
        curs_set(on ? 1 : 0);
    wmove(stdscr, y, x);
    wnoutrefresh(stdscr);
    doupdate();
    s->clear = false;
    s->cursor_on = on;
    s->cursor_y = y;
    s->cursor_x = x;
}

static void forget_shown(struct ui_screen *s)
{
    memset(s->shown, UNKNOWN, (size_t)s->canvas.h * (size_t)s->canvas.w * sizeof *s->shown);
}

void ui_screen_redraw(struct ui_screen *s)
{
    forget_shown(s);
    s->clear = true;
}

void ui_screen_theme(struct ui_screen *s, const struct ui_theme *t)
{
    s->theme = *t;
    s->pairs = 1;
    forget_shown(s);
}

/* Size and modes */

void ui_screen_fit(struct ui_screen *s)
{
    struct winsize ws = { 0 };

    /* A serial line says 0 x 0: then what the terminal's description says holds. */
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0 && ws.ws_col > 0 &&
        (ws.ws_row != LINES || ws.ws_col != COLS))
        resizeterm(ws.ws_row, ws.ws_col);
    if (s->shown && s->canvas.h == LINES && s->canvas.w == COLS)
        return;
    ui_canvas_resize(&s->canvas, LINES, COLS);
    free(s->shown);
    s->shown = kg_xalloc_array((size_t)s->canvas.h * (size_t)s->canvas.w, sizeof *s->shown);
    ui_screen_redraw(s);
}

void ui_screen_mouse(struct ui_screen *s, bool on)
{
    /* Curses must not wait for a click to be complete: nothing may block the keyboard. */
    mouseinterval(0);
    mousemask(on ? BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0, NULL);
    if (!on)
        send(s, MOUSE_OFF, strlen(MOUSE_OFF));
    s->mouse = on;
}

void ui_screen_enter(struct ui_screen *s)
{
    ui_stderr_aside();
    reset_prog_mode();
    send(s, PASTE_ON, strlen(PASTE_ON));
    if (s->mouse)
        ui_screen_mouse(s, true);
    memset(&s->in.partial, 0, sizeof s->in.partial);
    s->in.pasting = false;
    ui_screen_redraw(s);
}

static void leave(struct ui_screen *s)
{
    if (s->mouse)
        mousemask(0, NULL);
    send(s, PASTE_OFF MOUSE_OFF, strlen(PASTE_OFF MOUSE_OFF));
    curs_set(1);
    s->cursor_on = true;
    endwin();
}

void ui_screen_suspend(struct ui_screen *s)
{
    leave(s);
    ui_stderr_back();
    ui_rescue_stop();
    ui_screen_enter(s);
    s->in.waiting = (s->in.waiting | UI_SIG_GOES_ON) & ~(unsigned)UI_SIG_STOP;
}

/* Opening */

/* A character set that the environment names but the machine does not have, which an SSH client can bring about, is still
 * what the terminal speaks. */
static bool speaks_utf8(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

    if (!setlocale(LC_CTYPE, ""))
        for (size_t i = 0; i < KG_ARRAY_LEN(names); i++) {
            const char *v = getenv(names[i]);

            if (!v || !*v)
                continue;
            if (strcasestr(v, ".utf-8") || strcasestr(v, ".utf8"))
                setlocale(LC_CTYPE, "C.UTF-8");
            break;
        }
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static char collected[256];
static size_t collected_len;
static int collect(int c)
{
    if (collected_len < sizeof collected)
        collected[collected_len++] = (char)c;
    return c;
}

/* What makes the terminal what it was, in bytes that a crash handler can write. */
static void arm_rescue(void)
{
    char *const last[] = { exit_attribute_mode, orig_pair, cursor_normal, keypad_local, exit_ca_mode };
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1024);

    kg_buf_adds(&b, PASTE_OFF MOUSE_OFF);
    for (size_t i = 0; i < KG_ARRAY_LEN(last); i++) {
        collected_len = 0;
        if (last[i])
            tputs(last[i], 1, collect);
        kg_buf_add(&b, collected, collected_len);
    }
    if (!exit_ca_mode)
        kg_buf_adds(&b, "\r\n");
    ui_rescue_arm(b.p, b.len);
}

static int no_terminal(struct kg_err *err, const char *why)
{
    const char *term = getenv("TERM");

    kg_err_set(err, KG_E_USAGE, "cannot draw on this terminal (TERM is '%s'): %s", term ? term : "", why);
    kg_err_advise(err, "Set TERM to your terminal's type, for example xterm-256color, or use 'keepgres portal --plain'.");
    return -(int)err->code;
}

static int start_curses(struct ui_screen *s, const struct ui_screen_opts *o, struct kg_err *err)
{
    int unknown = 0;

    if (setupterm(NULL, STDOUT_FILENO, &unknown) == ERR)
        return no_terminal(err, "its description was not found");
    if (!cursor_address || !clear_screen)
        return no_terminal(err, "it cannot place its cursor");
    s->curses = newterm(NULL, stdout, stdin);
    if (!s->curses)
        return no_terminal(err, "it cannot be opened");
    set_escdelay(ESCAPE_MS);
    raw();
    noecho();
    nonl();
    typeahead(-1);                           /* input does not hold a frame back */
    intrflush(NULL, FALSE);
    if (!o->mono && has_colors() && start_color() == OK) {
        if (use_default_colors() == ERR)
            assume_default_colors(COLOR_WHITE, COLOR_BLACK);
        s->colours = COLORS >= 256 ? 256 : COLORS >= 16 ? 16 : COLORS >= 8 ? 8 : 0;
    }
    return 0;
}

int ui_screen_open(const struct ui_screen_opts *o, struct ui_screen **ret, struct kg_err *err)
{
    struct ui_screen *s;
    bool utf8 = speaks_utf8();

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        kg_err_set(err, KG_E_USAGE, "the portal needs a terminal for its input and its output");
        kg_err_advise(err, "Run it without pipes and redirections, with 'ssh -t' over SSH; in scripts use keepgres's commands.");
        return -(int)err->code;
    }
    if (ui_rescue_init(STDOUT_FILENO, err) < 0)
        return -(int)err->code;
    s = kg_xalloc(sizeof *s);
    s->utf8 = utf8;
    s->theme = *o->theme;
    s->pairs = 1;
    s->canvas.alphabet = utf8 && !o->ascii ? UI_UTF8 : UI_ASCII;
    s->in.click_y = -1;
    if (start_curses(s, o, err) < 0) {
        ui_rescue_disarm();
        free(s);
        return -(int)err->code;
    }
    arm_rescue();
    ui_input_init(s);
    ui_screen_fit(s);
    s->cursor_on = true;
    ui_screen_enter(s);
    if (o->mouse)
        ui_screen_mouse(s, true);
    *ret = s;
    return 0;
}

void ui_screen_close(struct ui_screen *s)
{
    if (!s)
        return;
    leave(s);
    ui_input_done(s);
    delscreen(s->curses);
    ui_rescue_disarm();
    ui_stderr_back();
    ui_canvas_done(&s->canvas);
    free(s->shown);
    free(s);
}

struct ui_canvas *ui_screen_canvas(struct ui_screen *s) { return &s->canvas; }
int ui_screen_fd(const struct ui_screen *s) { (void)s; return STDIN_FILENO; }
int ui_screen_wake_fd(const struct ui_screen *s) { (void)s; return ui_rescue_fd(); }

/* What goes past the picture */

void ui_screen_bell(struct ui_screen *s) { send(s, "\a", 1); }

void ui_screen_title(struct ui_screen *s, const char *title)
{
    const char *start = tigetstr("tsl");
    bool osc = (start && start != (char *)-1 && strncmp(start, "\033]", 2) == 0) || tigetflag("XT") > 0;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4 * TITLE_MAX);
    char cut[TITLE_MAX];

    if (!osc)
        return;
    kg_text_copy(cut, sizeof cut, title);
    kg_buf_adds(&b, "\033]0;");
    kg_text_add_printable(&b, cut);
    kg_buf_adds(&b, "\a");
    send(s, b.p, b.len);
}

/* GNU screen hands on what stands in a device control string, in pieces below its limit of 768 bytes. */
static void through_screen(struct kg_buf *b, const char *osc, size_t n)
{
    enum { PIECE = 500 };

    for (size_t at = 0; at < n; at += PIECE) {
        kg_buf_adds(b, "\033P");
        kg_buf_add(b, osc + at, n - at < PIECE ? n - at : PIECE);
        kg_buf_adds(b, "\033\\");
    }
}

bool ui_screen_copy(struct ui_screen *s, const char *text)
{
    const char *term = getenv("TERM"), *ms = tigetstr("Ms");
    bool tmux = getenv("TMUX") || (term && strncmp(term, "tmux", 4) == 0);
    bool screen = !tmux && term && strncmp(term, "screen", 6) == 0;
    KG_AUTO_BUF struct kg_buf osc = KG_BUF_INIT(2 * COPY_MAX), out = KG_BUF_INIT(8 * COPY_MAX);

    if (strlen(text) > COPY_MAX || (!tmux && !screen && (!ms || ms == (char *)-1)))
        return false;
    kg_buf_adds(&osc, "\033]52;c;");
    kg_base64_add(&osc, text, strlen(text));
    kg_buf_adds(&osc, "\a");
    if (screen) {
        through_screen(&out, osc.p, osc.len);
    } else {
        kg_buf_add(&out, osc.p, osc.len);
        if (tmux) {                          /* by itself where set-clipboard is on, by pass-through where that is */
            kg_buf_adds(&out, "\033Ptmux;\033");
            kg_buf_add(&out, osc.p, osc.len);
            kg_buf_adds(&out, "\033\\");
        }
    }
    send(s, out.p, out.len);
    return !s->gone;
}
