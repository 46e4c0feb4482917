/* Text on a canvas: whatever the bytes, widths agree with what is drawn, nothing is drawn outside, and what is drawn can be
 * sent to a terminal. The first six bytes say how large things are. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "canvas_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ui_canvas c;
    struct ui_rect clip;
    KG_AUTO_FREE char *s = NULL;
    int cols, lines, width;

    if (n < 6)
        return 0;
    s = kg_xstrndup((const char *)data + 6, n - 6);
    ui_canvas_init(&c, data[0] % 12, data[1] % 40, data[2] & 1 ? UI_ASCII : UI_UTF8);
    clip = (struct ui_rect){ data[3] % 4, data[4] % 8, data[3] / 16, data[4] / 8 };
    ui_clip(&c, clip);
    cols = (int8_t)data[5];
    width = ui_width(s);
    for (int y = -1; y < 3; y++) {
        int took = ui_text(&c, y, (int8_t)data[2] / 2, cols, UI_ROLE_ITEM, s);

        if (took < 0 || (cols > 0 && took > cols) || (width <= cols && took != width))
            abort();
        canvas_check(&c, clip);
    }
    if (ui_fit(s, cols) > strlen(s) || (width <= cols && ui_fit(s, cols) != strlen(s)))
        abort();
    ui_text_right(&c, 1, 0, cols, UI_ROLE_ITEM, s);
    canvas_check(&c, clip);
    lines = ui_text_wrapped(NULL, (struct ui_rect){ 0, 0, 1, cols }, 0, UI_ROLE_ITEM, s);
    if (lines != ui_text_wrapped(&c, (struct ui_rect){ 0, 1, 5, cols }, data[2] % 5, UI_ROLE_ITEM, s) || (*s && cols > 0 && lines < 1))
        abort();
    ui_box(&c, (struct ui_rect){ data[3] % 5 - 1, data[4] % 5 - 1, data[0] % 9, data[1] % 30 }, UI_ROLE_FRAME, s);
    canvas_check(&c, clip);
    ui_canvas_done(&c);
    return 0;
}
