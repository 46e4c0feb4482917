/* plain_app.h - the portal as questions and lines (plain/plain.h) on stdin and stdout: one loop over both, the service and the
 * clock. Needs no terminal. */
#ifndef UI_PLAIN_APP_H
#define UI_PLAIN_APP_H

#include "app.h"

/* Until the person leaves or the input ends. Fails when no service answers and none can be started, or nothing can be written. */
int ui_plain_main(const struct ui_opts *o, struct kg_err *err) KG_MUST_CHECK;

#endif
