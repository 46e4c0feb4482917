/* keys/keys.h - which key does what. Tables, and nothing else: from them come the status line, the help and the
 * documentation. A page's own commands have their letters in the page's table; keys.c knows the letters that are taken, and a
 * test holds every page to it. */
#ifndef UI_KEYS_KEYS_H
#define UI_KEYS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "term/event.h"

enum ui_action {
    UI_ACT_NONE,
#define UI_ACTION(name, text, label, help) UI_ACT_##name,
#include "keys/actions.def"
#undef UI_ACTION
    UI_ACT_COUNT_
};

struct ui_binding { uint32_t key; enum ui_action action; };
struct ui_keymap {
    const char *name;                        /* "list": a heading of the help */
    const struct ui_binding *binding;        /* of several keys of an action the first is the one that is shown */
    size_t n;
    const struct ui_keymap *parent;          /* looked in next; NULL ends the search */
};

extern const struct ui_keymap ui_keys_global, ui_keys_list, ui_keys_detail, ui_keys_form, ui_keys_tiles, ui_keys_text, ui_keys_reader;

enum ui_action ui_keymap_find(const struct ui_keymap *map, uint32_t key);
uint32_t ui_keymap_key(const struct ui_keymap *map, enum ui_action a);   /* the shown one; 0: none */
/* The first key that one table binds twice, or 0. */
uint32_t ui_keymap_conflict(const struct ui_keymap *map);
/* A letter that some list, detail page or form uses already: a page's command may not have it. */
bool ui_key_is_taken(uint32_t key);

const char *ui_action_name(enum ui_action a);
const char *ui_action_label(enum ui_action a);
const char *ui_action_help(enum ui_action a);
enum ui_action ui_action_of_name(const char *name);              /* UI_ACT_NONE: there is none */
/* "Ctrl-P", "PgUp", "x": for people. out: 16 bytes; returns out. */
const char *ui_key_label(uint32_t key, char *out);

#endif
