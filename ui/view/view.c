#include "view/view.h"
#include "view/form_view.h"

void ui_view_draw(struct ui_model *m, struct ui_canvas *c, struct ui_rect area)
{
    struct ui_rect was = ui_clip(c, area);
    const struct ui_look *look;

    switch (m->kind->family) {
    case UI_LIST: ui_list_view_draw((struct ui_list *)m, c, area); break;
    case UI_DETAIL: ui_detail_view_draw((struct ui_detail *)m, c, area); break;
    case UI_FORM: ui_form_view_draw((struct ui_form *)m, c, area); break;
    case UI_READER: ui_reader_view_draw((struct ui_reader *)m, c, area); break;
    case UI_CUSTOM:
        look = ui_look_of(m->kind);
        if (look)
            look->draw(m, c, area);
        break;
    }
    ui_unclip(c, was);
}

const struct ui_keymap *ui_view_keys(const struct ui_model *m)
{
    const struct ui_look *look;
    const struct ui_list *l;

    switch (m->kind->family) {
    case UI_LIST: return ((const struct ui_list *)m)->filtering ? &ui_keys_text : &ui_keys_list;
    case UI_DETAIL:
        l = ui_detail_list((const struct ui_detail *)m);
        return l ? ui_view_keys(&l->base) : &ui_keys_detail;
    case UI_FORM: return ui_form_keys((const struct ui_form *)m);
    case UI_READER: return &ui_keys_reader;
    case UI_CUSTOM: break;
    }
    look = ui_look_of(m->kind);
    return look && look->keys ? look->keys(m) : &ui_keys_detail;
}

bool ui_view_click(struct ui_model *m, struct ui_rect area, int y, int x)
{
    bool hit = m->kind->family == UI_LIST && ui_list_view_click((struct ui_list *)m, area, y);

    if (m->kind->family == UI_DETAIL)
        hit = ui_detail_view_click((struct ui_detail *)m, area, y, x);
    if (m->kind->family == UI_FORM)
        hit = ui_form_view_click((struct ui_form *)m, area, y, x);
    if (m->kind->family == UI_CUSTOM && ui_look_of(m->kind) && ui_look_of(m->kind)->click)
        hit = ui_look_of(m->kind)->click(m, area, y, x);
    for (struct ui_model *p = m; hit && p; p = p->of)
        p->changed = true;
    return hit;
}
