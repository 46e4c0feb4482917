/* What every canvas must be, whatever was drawn on it: valid text in every cell, wide characters whole, nothing that a terminal
 * would obey, nothing outside the part that may be drawn on. */
#ifndef TESTS_FUZZ_CANVAS_CHECK_H
#define TESTS_FUZZ_CANVAS_CHECK_H

#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "term/canvas.h"

static inline void canvas_check(const struct ui_canvas *c, struct ui_rect clip)
{
    for (int y = 0; y < c->h; y++)
        for (int x = 0; x < c->w; x++) {
            const char *s = c->cell[y * c->w + x].text;
            bool inside = y >= clip.y && y < clip.y + clip.h && x >= clip.x && x < clip.x + clip.w;
            size_t len;

            if (s[0] >= 0x20 && s[0] < 0x7f && !s[1] && (inside || s[0] == ' '))
                continue;                    /* nearly all are such */
            len = strnlen(s, UI_CELL_BYTES + 1);
            if (len > UI_CELL_BYTES || !kg_utf8_valid(s, len) || (!inside && strcmp(s, " ") != 0))
                abort();
            if (len == 0 && (x == 0 || ui_width(c->cell[y * c->w + x - 1].text) != 2))
                abort();                     /* a right half without its left one */
            if (len && (ui_width(s) > 2 || (ui_width(s) == 2 && (x + 1 == c->w || c->cell[y * c->w + x + 1].text[0]))))
                abort();
            for (size_t i = 0; i < len; i++)
                if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
                    abort();
        }
}

#endif
