/* term/event.h - what a person does, as the terminal tells it. */
#ifndef UI_TERM_EVENT_H
#define UI_TERM_EVENT_H

#include <stdint.h>

/* A key is a Unicode character, a control character (UI_CTRL('p')), or one of these. */
enum ui_key {
    UI_KEY_NONE, UI_KEY_TAB = 9, UI_KEY_ENTER = 13, UI_KEY_ESC = 27,       /* newline and keypad's Enter are UI_KEY_ENTER */
    UI_KEY_UP = 0x110000, UI_KEY_DOWN, UI_KEY_LEFT, UI_KEY_RIGHT, UI_KEY_PGUP, UI_KEY_PGDN, UI_KEY_HOME, UI_KEY_END,
    UI_KEY_BACKTAB, UI_KEY_BACKSPACE, UI_KEY_DELETE, UI_KEY_INSERT,
    UI_KEY_F1, UI_KEY_F2, UI_KEY_F3, UI_KEY_F4, UI_KEY_F5, UI_KEY_F6, UI_KEY_F7, UI_KEY_F8, UI_KEY_F9, UI_KEY_F10, UI_KEY_F11,
    UI_KEY_F12,
};
#define UI_CTRL(c) ((uint32_t)(c) & 0x1f)

enum ui_event_kind {
    UI_EV_NONE,
    UI_EV_KEY,
    UI_EV_PASTE,                             /* one character of pasted text: never a command, a newline is a blank */
    UI_EV_CLICK, UI_EV_DOUBLE_CLICK, UI_EV_WHEEL_UP, UI_EV_WHEEL_DOWN,     /* at y, x */
    UI_EV_RESIZE,                            /* the canvas has its new size */
    UI_EV_SUSPEND,                           /* Ctrl-Z or SIGTSTP */
    UI_EV_RESUMED,                           /* back from a stop: everything is drawn again */
    UI_EV_HANGUP,                            /* SIGHUP, SIGTERM, or the terminal is gone */
};

struct ui_event { enum ui_event_kind kind; uint32_t key; int y, x; };

#endif
