#include "plugin/events.h"

#include <stdarg.h>
#include <stdio.h>

bool kg_events_cancelled(const struct kg_events *ev) { return ev->cancelled && ev->cancelled(ev->ctx); }

int kg_events_check(const struct kg_events *ev, struct kg_err *err)
{
    return kg_events_cancelled(ev) ? kg_err_set(err, KG_E_CANCELLED, "the job was cancelled") : 0;
}

void kg_events_log(const struct kg_events *ev, const char *fmt, ...)
{
    char text[600];
    va_list ap;

    if (!ev->log)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    ev->log(ev->ctx, text);
}

void kg_events_warn(const struct kg_events *ev, const struct kg_err *e)
{
    if (ev->warn)
        ev->warn(ev->ctx, e);
}

void kg_events_warn_about(const struct kg_events *ev, const struct kg_err *e, const char *type, const char *name)
{
    if (ev->warn_about)
        ev->warn_about(ev->ctx, e, type, name);
    else
        kg_events_warn(ev, e);
}

void kg_events_subtask(const struct kg_events *ev, int id, const char *name, const char *status)
{
    if (ev->subtask)
        ev->subtask(ev->ctx, id, name, status);
}

void kg_events_progress(const struct kg_events *ev, const struct kg_progress *p)
{
    if (ev->progress)
        ev->progress(ev->ctx, p);
}

void kg_events_tables(const struct kg_events *ev, const struct kg_tables *t)
{
    if (ev->tables && t)
        ev->tables(ev->ctx, t);
}
