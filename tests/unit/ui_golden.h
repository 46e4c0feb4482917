/* Pictures: what a model looks like, compared with a text in the test (one that differs is printed as C, to be looked at and, if it
 * is right, put into the test), and a canvas compared with a file. Include after cmocka.h. */
#ifndef TESTS_UNIT_UI_GOLDEN_H
#define TESTS_UNIT_UI_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/buf.h"
#include "view/view.h"

/* The picture on a canvas of its own, all of which it has. Empty lines at the end are left out. */
static inline void model_picture(struct ui_model *m, int h, int w, enum ui_alphabet a, struct kg_buf *ret)
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

    model_picture(m, h, w, a, &b);
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

    model_picture(m, h, w, UI_UTF8, &b);
    there = strstr(b.p, text) != NULL;
    kg_buf_done(&b);
    return there;
}

/* The canvas as in tests/unit/golden/NAME.txt. With KEEPGRES_GOLDEN=write in the environment the file is written instead: look at it
 * before it is kept. */
static inline void golden(const struct ui_canvas *c, const char *name)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(1 << 20), was = KG_BUF_INIT(1 << 20);
    KG_AUTO_FREE char *path = kg_xprintf("tests/unit/golden/%s.txt", name);
    const char *mode = getenv("KEEPGRES_GOLDEN");
    bool write = mode && strcmp(mode, "write") == 0;
    FILE *f = fopen(path, write ? "w" : "r");
    char part[4096];
    size_t n;

    ui_canvas_print(c, &text);
    if (!f)
        fail_msg("no %s; make it with KEEPGRES_GOLDEN=write", path);
    if (write) {
        fwrite(text.p, 1, text.len, f);
        fclose(f);
        return;
    }
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        kg_buf_add(&was, part, n);
    fclose(f);
    if (strcmp(was.p, text.p) != 0)
        fail_msg("not as in %s:\n%s", path, text.p);
}

#endif
