#include "term/screen_impl.h"

#include <poll.h>
#include <string.h>

#include "base/alloc.h"
#include "term/rescue.h"

enum { KEY_PASTE_BEGIN = KEY_MAX + 1, KEY_PASTE_END };
enum { DOUBLE_CLICK_MS = 400, PASTE_IDLE_MS = 2000, READ_TRIES = 3 };

/* What terminals send besides what their description says: "vt100" is often the name of something newer, and application
 * mode is not always obeyed. */
static const struct { const char *sequence; int key; } sequences[] = {
    { "\033[200~", KEY_PASTE_BEGIN }, { "\033[201~", KEY_PASTE_END },
    { "\033[A", KEY_UP }, { "\033[B", KEY_DOWN }, { "\033[C", KEY_RIGHT }, { "\033[D", KEY_LEFT },
    { "\033OA", KEY_UP }, { "\033OB", KEY_DOWN }, { "\033OC", KEY_RIGHT }, { "\033OD", KEY_LEFT },
    { "\033[H", KEY_HOME }, { "\033OH", KEY_HOME }, { "\033[1~", KEY_HOME }, { "\033[7~", KEY_HOME },
    { "\033[F", KEY_END }, { "\033OF", KEY_END }, { "\033[4~", KEY_END }, { "\033[8~", KEY_END },
    { "\033[2~", KEY_IC }, { "\033[3~", KEY_DC }, { "\033[5~", KEY_PPAGE }, { "\033[6~", KEY_NPAGE },
    { "\033[Z", KEY_BTAB }, { "\033OM", KEY_ENTER },
    { "\033OP", KEY_F(1) }, { "\033OQ", KEY_F(2) }, { "\033OR", KEY_F(3) }, { "\033OS", KEY_F(4) },
    { "\033[11~", KEY_F(1) }, { "\033[12~", KEY_F(2) }, { "\033[13~", KEY_F(3) }, { "\033[14~", KEY_F(4) },
    { "\033[15~", KEY_F(5) }, { "\033[17~", KEY_F(6) }, { "\033[18~", KEY_F(7) }, { "\033[19~", KEY_F(8) },
    { "\033[20~", KEY_F(9) }, { "\033[21~", KEY_F(10) }, { "\033[23~", KEY_F(11) }, { "\033[24~", KEY_F(12) },
};

static const struct { int curses; uint32_t key; } keys[] = {
    { KEY_UP, UI_KEY_UP }, { KEY_DOWN, UI_KEY_DOWN }, { KEY_LEFT, UI_KEY_LEFT }, { KEY_RIGHT, UI_KEY_RIGHT },
    { KEY_PPAGE, UI_KEY_PGUP }, { KEY_NPAGE, UI_KEY_PGDN }, { KEY_HOME, UI_KEY_HOME }, { KEY_END, UI_KEY_END },
    { KEY_BTAB, UI_KEY_BACKTAB }, { KEY_BACKSPACE, UI_KEY_BACKSPACE }, { KEY_DC, UI_KEY_DELETE }, { KEY_IC, UI_KEY_INSERT },
    { KEY_ENTER, UI_KEY_ENTER },
};

void ui_input_init(struct ui_screen *s)
{
    s->in.pad = newpad(1, 1);
    keypad(s->in.pad, TRUE);
    nodelay(s->in.pad, TRUE);
    meta(s->in.pad, TRUE);
    for (size_t i = 0; i < KG_ARRAY_LEN(sequences); i++)
        define_key(sequences[i].sequence, sequences[i].key);
}

void ui_input_done(struct ui_screen *s)
{
    if (s->in.pad)
        delwin(s->in.pad);
    s->in.pad = NULL;
}

static struct timespec now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t;
}

static long ms_since(struct timespec then)
{
    struct timespec t = now();

    return (t.tv_sec - then.tv_sec > 3600 ? 3600 : (long)(t.tv_sec - then.tv_sec)) * 1000 + (t.tv_nsec - then.tv_nsec) / 1000000;
}

/* A byte or key code, or ERR when none waits. A terminal that is readable and yields nothing again and again is gone. */
static int next_code(struct ui_screen *s)
{
    for (int i = 0; i < READ_TRIES; i++) {
        struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
        int code = wgetch(s->in.pad);

        if (code != ERR)
            return code;
        if (poll(&p, 1, 0) <= 0)
            return ERR;
        if (p.revents & (POLLHUP | POLLERR | POLLNVAL))
            break;
    }
    s->gone = true;
    return ERR;
}

/* Curses reports once for all that came together, and hands it out newest first; what is left there would turn up as a click
 * much later. So everything is taken, and of several the newest counts. */
static bool mouse_event(struct ui_screen *s, struct ui_event *ret)
{
    MEVENT m, newest = { 0 };
    bool again = false, any = false;

    while (getmouse(&m) == OK) {
        again = again || (any && (m.bstate & newest.bstate & BUTTON1_PRESSED) && m.y == newest.y && m.x == newest.x);
        newest = any ? newest : m;
        any = true;
    }
    *ret = (struct ui_event){ .y = newest.y, .x = newest.x };
    if (newest.bstate & BUTTON4_PRESSED) {
        ret->kind = UI_EV_WHEEL_UP;
    } else if (newest.bstate & BUTTON5_PRESSED) {
        ret->kind = UI_EV_WHEEL_DOWN;
    } else if (newest.bstate & BUTTON1_PRESSED) {
        again = again || (newest.y == s->in.click_y && newest.x == s->in.click_x && ms_since(s->in.clicked) < DOUBLE_CLICK_MS);
        ret->kind = again ? UI_EV_DOUBLE_CLICK : UI_EV_CLICK;
        s->in.click_y = again ? -1 : newest.y; /* a third click is a first one */
        s->in.click_x = newest.x;
        s->in.clicked = now();
    }
    return ret->kind != UI_EV_NONE;
}

/* A key with a name; false for those that mean nothing here. */
static bool named_key(struct ui_screen *s, int code, struct ui_event *ret)
{
    if (code == KEY_PASTE_BEGIN || code == KEY_PASTE_END) {
        s->in.pasting = code == KEY_PASTE_BEGIN;
        s->in.pasted = now();
        return false;
    }
    if (s->in.pasting)
        return false;
    if (code == KEY_MOUSE)
        return mouse_event(s, ret);
    if (code >= KEY_F(1) && code <= KEY_F(12)) {
        *ret = (struct ui_event){ UI_EV_KEY, UI_KEY_F1 + (uint32_t)(code - KEY_F(1)), 0, 0 };
        return true;
    }
    for (size_t i = 0; i < KG_ARRAY_LEN(keys); i++)
        if (keys[i].curses == code) {
            *ret = (struct ui_event){ UI_EV_KEY, keys[i].key, 0, 0 };
            return true;
        }
    return false;
}

static bool character(struct ui_screen *s, uint32_t c, struct ui_event *ret)
{
    *ret = (struct ui_event){ .kind = UI_EV_KEY, .key = c };
    if (s->in.pasting) {
        s->in.pasted = now();
        ret->kind = UI_EV_PASTE;
        if (c == '\n' || c == '\r' || c == '\t')
            ret->key = ' ';
        return ret->key >= 0x20 && ret->key != 0x7f && !(ret->key >= 0x80 && ret->key < 0xA0);
    }
    switch (c) {
    case 0: return false;                    /* Ctrl-Space */
    case '\n': ret->key = UI_KEY_ENTER; break;
    case 0x08: case 0x7f: ret->key = UI_KEY_BACKSPACE; break;
    case UI_CTRL('z'): ret->kind = UI_EV_SUSPEND; break;
    default: break;
    }
    return !(c >= 0x80 && c < 0xA0);
}

static bool byte(struct ui_screen *s, unsigned char b, struct ui_event *ret)
{
    char in = (char)b;
    wchar_t c;
    size_t n = mbrtowc(&c, &in, 1, &s->in.partial);

    if (n == (size_t)-1) {                   /* broken; the byte may well begin the next character */
        memset(&s->in.partial, 0, sizeof s->in.partial);
        n = mbrtowc(&c, &in, 1, &s->in.partial);
        if (n == (size_t)-1)
            memset(&s->in.partial, 0, sizeof s->in.partial);
    }
    return n != (size_t)-1 && n != (size_t)-2 && character(s, (uint32_t)c, ret);
}

/* Signals become events one by one, the most urgent first. */
static bool signal_event(struct ui_screen *s, struct ui_event *ret)
{
    static const struct { unsigned flag; enum ui_event_kind kind; } order[] = {
        { UI_SIG_END, UI_EV_HANGUP }, { UI_SIG_GOES_ON, UI_EV_RESUMED }, { UI_SIG_SIZE, UI_EV_RESIZE }, { UI_SIG_STOP, UI_EV_SUSPEND },
    };

    s->in.waiting |= ui_rescue_take();
    for (size_t i = 0; i < KG_ARRAY_LEN(order); i++)
        if (s->in.waiting & order[i].flag) {
            s->in.waiting &= ~order[i].flag;
            *ret = (struct ui_event){ .kind = order[i].kind };
            if (order[i].flag == UI_SIG_GOES_ON) {
                ui_screen_enter(s);
                s->in.waiting |= UI_SIG_SIZE;
            } else if (order[i].flag == UI_SIG_SIZE) {
                ui_screen_fit(s);
            }
            return true;
        }
    return false;
}

bool ui_screen_read(struct ui_screen *s, struct ui_event *ret)
{
    int code;

    if (signal_event(s, ret))
        return true;
    while ((code = next_code(s)) != ERR) {
        /* A paste whose end was lost on the way ends when nothing comes. */
        if (s->in.pasting && ms_since(s->in.pasted) > PASTE_IDLE_MS)
            s->in.pasting = false;
        if (code >= KEY_MIN ? named_key(s, code, ret) : byte(s, (unsigned char)code, ret))
            return true;
    }
    *ret = (struct ui_event){ .kind = s->gone ? UI_EV_HANGUP : UI_EV_NONE };
    return s->gone;
}
