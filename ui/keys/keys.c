#include "keys/keys.h"

#include <stdio.h>
#include <string.h>

static const struct { const char *name, *label, *help; } actions[UI_ACT_COUNT_] = {
#define UI_ACTION(name, text, label, help) [UI_ACT_##name] = { text, label, help },
#include "keys/actions.def"
#undef UI_ACTION
};

static const struct ui_binding global[] = {
    { '?', UI_ACT_HELP }, { UI_KEY_F1, UI_ACT_HELP }, { ':', UI_ACT_PALETTE }, { UI_CTRL('p'), UI_ACT_PALETTE },
    { UI_KEY_ESC, UI_ACT_BACK }, { UI_KEY_BACKSPACE, UI_ACT_BACK }, { 'm', UI_ACT_MENU }, { UI_KEY_F10, UI_ACT_MENU },
    { 'N', UI_ACT_NOTES }, { UI_KEY_F5, UI_ACT_REFRESH }, { 'R', UI_ACT_REFRESH }, { UI_CTRL('l'), UI_ACT_REDRAW },
    { 'q', UI_ACT_QUIT }, { 'y', UI_ACT_COPY },
};
#define MOVES \
    { UI_KEY_UP, UI_ACT_UP }, { 'k', UI_ACT_UP }, { UI_KEY_DOWN, UI_ACT_DOWN }, { 'j', UI_ACT_DOWN }, \
    { UI_KEY_PGUP, UI_ACT_PAGE_UP }, { UI_KEY_PGDN, UI_ACT_PAGE_DOWN }, { UI_CTRL('u'), UI_ACT_HALF_UP }, \
    { UI_CTRL('d'), UI_ACT_HALF_DOWN }, { UI_KEY_HOME, UI_ACT_FIRST }, { 'g', UI_ACT_FIRST }, { UI_KEY_END, UI_ACT_LAST }, \
    { 'G', UI_ACT_LAST }, { UI_KEY_LEFT, UI_ACT_LEFT }, { 'h', UI_ACT_LEFT }, { UI_KEY_RIGHT, UI_ACT_RIGHT }, \
    { 'l', UI_ACT_RIGHT }, { UI_KEY_TAB, UI_ACT_NEXT }, { UI_KEY_BACKTAB, UI_ACT_PREVIOUS }
static const struct ui_binding list[] = {
    { UI_KEY_ENTER, UI_ACT_OPEN }, { ' ', UI_ACT_MARK }, { 'A', UI_ACT_MARK_ALL }, { '/', UI_ACT_FILTER }, { 's', UI_ACT_SORT },
    MOVES,
};
static const struct ui_binding detail[] = { { UI_KEY_ENTER, UI_ACT_OPEN }, { ' ', UI_ACT_MARK }, { '/', UI_ACT_FILTER },
                                            { 's', UI_ACT_SORT }, MOVES };
static const struct ui_binding tiles[] = { { UI_KEY_ENTER, UI_ACT_OPEN }, MOVES };
static const struct ui_binding form[] = { { UI_KEY_ENTER, UI_ACT_OPEN }, { ' ', UI_ACT_MARK }, MOVES };
/* In a field every character is text. */
static const struct ui_binding text[] = {
    { UI_KEY_ENTER, UI_ACT_OPEN }, { UI_KEY_ESC, UI_ACT_BACK }, { UI_KEY_TAB, UI_ACT_NEXT }, { UI_KEY_BACKTAB, UI_ACT_PREVIOUS },
    { UI_KEY_UP, UI_ACT_UP }, { UI_KEY_DOWN, UI_ACT_DOWN }, { UI_KEY_PGUP, UI_ACT_PAGE_UP }, { UI_KEY_PGDN, UI_ACT_PAGE_DOWN },
    { UI_KEY_F1, UI_ACT_HELP }, { UI_CTRL('l'), UI_ACT_REDRAW },
};
static const struct ui_binding reader[] = { MOVES, { UI_KEY_ENTER, UI_ACT_BACK } };

#define MAP(name) { #name, name, sizeof name / sizeof name[0], &ui_keys_global }
const struct ui_keymap ui_keys_global = { "everywhere", global, sizeof global / sizeof global[0], NULL };
const struct ui_keymap ui_keys_list = MAP(list), ui_keys_detail = MAP(detail), ui_keys_form = MAP(form), ui_keys_tiles = MAP(tiles),
                       ui_keys_reader = MAP(reader),
                       ui_keys_text = { "text", text, sizeof text / sizeof text[0], NULL };

enum ui_action ui_keymap_find(const struct ui_keymap *map, uint32_t key)
{
    for (; map; map = map->parent)
        for (size_t i = 0; i < map->n; i++)
            if (map->binding[i].key == key)
                return map->binding[i].action;
    return UI_ACT_NONE;
}

uint32_t ui_keymap_key(const struct ui_keymap *map, enum ui_action a)
{
    for (; map; map = map->parent)
        for (size_t i = 0; i < map->n; i++)
            if (map->binding[i].action == a)
                return map->binding[i].key;
    return 0;
}

uint32_t ui_keymap_conflict(const struct ui_keymap *map)
{
    for (size_t i = 0; i < map->n; i++)
        for (size_t k = i + 1; k < map->n; k++)
            if (map->binding[i].key == map->binding[k].key)
                return map->binding[i].key;
    return 0;
}

bool ui_key_is_taken(uint32_t key)
{
    static const struct ui_keymap *const all[] = { &ui_keys_list, &ui_keys_detail, &ui_keys_form };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (ui_keymap_find(all[i], key) != UI_ACT_NONE)
            return true;
    return false;
}

const char *ui_action_name(enum ui_action a) { return actions[a].name ? actions[a].name : ""; }
const char *ui_action_label(enum ui_action a) { return actions[a].label ? actions[a].label : ""; }
const char *ui_action_help(enum ui_action a) { return actions[a].help ? actions[a].help : ""; }

enum ui_action ui_action_of_name(const char *name)
{
    for (int a = UI_ACT_NONE + 1; a < UI_ACT_COUNT_; a++)
        if (strcmp(actions[a].name, name) == 0)
            return (enum ui_action)a;
    return UI_ACT_NONE;
}

const char *ui_key_label(uint32_t key, char *out)
{
    static const struct { uint32_t key; const char *label; } named[] = {
        { UI_KEY_ENTER, "Enter" }, { UI_KEY_ESC, "Esc" }, { UI_KEY_TAB, "Tab" }, { UI_KEY_BACKTAB, "Shift-Tab" }, { ' ', "Space" },
        { UI_KEY_UP, "Up" }, { UI_KEY_DOWN, "Down" }, { UI_KEY_LEFT, "Left" }, { UI_KEY_RIGHT, "Right" }, { UI_KEY_PGUP, "PgUp" },
        { UI_KEY_PGDN, "PgDn" }, { UI_KEY_HOME, "Home" }, { UI_KEY_END, "End" }, { UI_KEY_BACKSPACE, "Backspace" },
        { UI_KEY_DELETE, "Delete" }, { UI_KEY_INSERT, "Insert" },
    };

    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
        if (named[i].key == key)
            return named[i].label;
    if (key >= UI_KEY_F1 && key <= UI_KEY_F12)
        snprintf(out, 16, "F%u", (unsigned)(key - UI_KEY_F1 + 1));
    else if (key < ' ')
        snprintf(out, 16, "Ctrl-%c", (char)(key + '@'));
    else
        snprintf(out, 16, "%c", key < 0x7f ? (char)key : '?');
    return out;
}
