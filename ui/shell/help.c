/* Help: the keys that work here, from the tables. */
#include "shell/parts.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "view/view.h"

/* "Enter", or "Up, k": all keys of an action in one map. */
static void keys_of(const struct ui_keymap *map, enum ui_action a, struct kg_buf *b)
{
    char label[16];

    for (size_t i = 0; i < map->n; i++)
        if (map->binding[i].action == a)
            kg_buf_addf(b, "%s%s", b->len ? ", " : "", ui_key_label(map->binding[i].key, label));
}

static int line(struct ui_canvas *c, struct ui_rect in, int y, const char *keys, const char *text)
{
    enum { KEYS_W = 16 };
    int h = ui_text_wrapped(NULL, (struct ui_rect){ 0, 0, 100, in.w - KEYS_W }, 0, UI_ROLE_BASE, text);

    ui_text(c, y, in.x, KEYS_W - 1, UI_ROLE_STATUS_KEY, keys);
    ui_text_wrapped(c, (struct ui_rect){ y, in.x + KEYS_W, h, in.w - KEYS_W }, 0, UI_ROLE_BASE, text);
    return y + h;
}

static int draw_map(struct ui_canvas *c, struct ui_rect in, int y, const struct ui_keymap *map)
{
    for (enum ui_action a = UI_ACT_NONE + 1; a < UI_ACT_COUNT_; a++) {
        KG_AUTO_BUF struct kg_buf keys = KG_BUF_INIT(200);

        keys_of(map, a, &keys);
        if (keys.len)
            y = line(c, in, y, keys.p, ui_action_help(a));
    }
    return y;
}

void ui_help_draw(struct ui_shell *s, struct ui_canvas *c)
{
    struct ui_model *m = ui_shell_top(s);
    const struct ui_keymap *map = m ? ui_view_keys(m) : &ui_keys_global;
    struct ui_rect area = ui_centred(c, c->h - 2, 76), in = { area.y + 1, area.x + 2, area.h - 3, area.w - 4 }, was;
    struct ui_of of[64];
    size_t n = ui_shell_commands(s, of, KG_ARRAY_LEN(of));
    char label[16];
    int y, lines;

    ui_fill(c, area, UI_ROLE_DIALOG);
    ui_box(c, area, UI_ROLE_FRAME, "Keys that work here");
    was = ui_clip(c, in);
    y = in.y - s->help.top;
    if (n)
        ui_text(c, y++, in.x, in.w, UI_ROLE_HEADING, m->title ? m->title : m->kind->title);
    for (size_t i = 0; i < n; i++)
        y = line(c, in, y, of[i].c->key ? ui_key_label(of[i].c->key, label) : "", of[i].c->help);
    for (; map; map = map->parent) {
        y += n || map->parent == NULL;
        ui_textf(c, y++, in.x, in.w, UI_ROLE_HEADING, "Keys: %s", map->name);
        y = draw_map(c, in, y, map);
    }
    ui_unclip(c, was);
    lines = y + s->help.top - in.y;
    if (s->help.top > lines - in.h)
        s->help.top = lines > in.h ? lines - in.h : 0;
    if (s->help.top < 0)
        s->help.top = 0;
    ui_text(c, area.y + area.h - 2, in.x, in.w, UI_ROLE_DIM, lines > in.h ? "Up, Down, PgUp, PgDn scroll. Esc, Enter, q or ? closes."
                                                                         : "Esc, Enter, q or ? closes.");
}
