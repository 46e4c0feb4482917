/* What a model looks like, compared with a text in the test. A picture that differs is printed as C, to be looked at and, if it
 * is right, put into the test. Include after cmocka.h. */
#ifndef TESTS_UNIT_UI_GOLDEN_H
#define TESTS_UNIT_UI_GOLDEN_H

#include <stdio.h>
#include <string.h>
#include "base/buf.h"
#include "view/view.h"

/* The picture on a canvas of its own, all of which it has. Empty lines at the end are left out. */
static inline void picture(struct ui_model *m, int h, int w, enum ui_alphabet a, struct kg_buf *ret)
{
    struct ui_canvas c;

    ui_canvas_init(&c, h, w, a);
    ui_canvas_clear(&c);
    ui_view_draw(m, &c, (struct ui_rect){ 0, 0, h, w });
    ui_canvas_print(&c, ret);
    ui_canvas_done(&c);
    while (ret->len > 1 && ret->p[ret->len - 1] == '\n' && ret->p[ret->len - 2] == '\n')
        kg_buf_cut(ret, ret->len - 1);
}

static inline void assert_picture(struct ui_model *m, int h, int w, enum ui_alphabet a, const char *want)
{
    struct kg_buf b = KG_BUF_INIT(1 << 20);

    picture(m, h, w, a, &b);
    if (strcmp(b.p, want) != 0) {
        for (const char *s = b.p; *s; s += strcspn(s, "\n") + (s[strcspn(s, "\n")] == '\n'))
            print_error("        \"%.*s\\n\"\n", (int)strcspn(s, "\n"), s);
        kg_buf_done(&b);
        fail_msg("the picture at %dx%d in %s is another one", w, h, a == UI_ASCII ? "ASCII" : "UTF-8");
    }
    kg_buf_done(&b);
}

/* The picture has this text somewhere (or has not). */
static inline bool pictured(struct ui_model *m, int h, int w, const char *text)
{
    struct kg_buf b = KG_BUF_INIT(1 << 20);
    bool there;

    picture(m, h, w, UI_UTF8, &b);
    there = strstr(b.p, text) != NULL;
    kg_buf_done(&b);
    return there;
}

#endif
