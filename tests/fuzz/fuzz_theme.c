/* A user's theme file: it is refused with a reason, or every style can be given to a terminal of any kind. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "theme/theme.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const int colours[] = { 0, 8, 16, 256 };
    KG_AUTO_FREE char *text = kg_xstrndup((const char *)data, n);
    struct ui_theme t;
    struct kg_err err = { 0 };

    if (ui_theme_parse("fuzzed", text, NULL, &t, &err) < 0) {
        if (!err.code || !err.action[0])
            abort();
        return 0;
    }
    for (size_t i = 0; i < KG_ARRAY_LEN(colours); i++)
        for (int r = 0; r < UI_ROLE_COUNT_; r++) {
            struct ui_style st = ui_theme_style(&t, (enum ui_role)r, colours[i]);

            if (st.fg < -1 || st.bg < -1 || st.fg >= (colours[i] ? colours[i] : 1) || st.bg >= (colours[i] ? colours[i] : 1) ||
                st.attrs > (UI_BOLD | UI_REVERSE | UI_UNDERLINE | UI_DIM))
                abort();
        }
    return 0;
}
