/* app.h - the portal: what `keepgres` opens on a terminal. One thread, one loop over the terminal, the service and the clock. */
#ifndef UI_APP_H
#define UI_APP_H

#include <stdbool.h>
#include "keepgres/err.h"

struct ui_opts {
    const char *socket;                      /* NULL: where this user's service listens */
    const char *theme;                       /* NULL: the one that was saved, else "terminal" */
    const char *page;                        /* a kind's name; NULL: the Overview */
    bool readonly, slow, plain, ascii, mouse;
};

/* Until the person leaves. Fails when there is no terminal, or no service and none can be started. */
int ui_main(const struct ui_opts *o, struct kg_err *err) KG_MUST_CHECK;

#endif
