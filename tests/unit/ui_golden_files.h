/* Compares a canvas with tests/unit/golden/NAME.txt. With KEEPGRES_GOLDEN=write in the environment the file is written instead:
 * look at it before it is kept. Include after cmocka.h. */
#ifndef TESTS_UNIT_UI_GOLDEN_FILES_H
#define TESTS_UNIT_UI_GOLDEN_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "term/canvas.h"

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
