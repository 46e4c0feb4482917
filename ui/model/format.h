/* model/format.h - values as people read them. Pure functions; times are shown in the time zone of the terminal's user. */
#ifndef UI_MODEL_FORMAT_H
#define UI_MODEL_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "json/json.h"

enum ui_state { UI_NONE, UI_OK, UI_WARNING, UI_FAILED, UI_BUSY, UI_OFF };

enum ui_format {
    UI_F_TEXT,
    UI_F_LAST,                               /* the last part of an id: a name */
    UI_F_LABEL,                              /* a name of the service's in people's words (labels.h) */
    UI_F_STATE,                              /* a status, of jobs, instances, resources: with its state; "InProgress" reads "In progress" */
    UI_F_TIME,                               /* "2026-11-21 14:02", of today "14:02:09" */
    UI_F_AGO,                                /* "3 min ago", "in 2 h" */
    UI_F_DURATION,                           /* an ISO 8601 duration: "1 h 02 min", "10 years" */
    UI_F_BYTES,                              /* "1.2 GB", as the command line says it */
    UI_F_COUNT,                              /* "1,234,567" */
    UI_F_PERCENT,
    UI_F_YES_NO,
    UI_F_LIST,                               /* an array of texts, or of objects with names, by commas; of an object "key=value" */
};

/* Added to a format where a page says what it shows; ui_format() does not look at them. */
#define UI_F_IF_ANY   ((enum ui_format)0x100)  /* not shown while it is empty */
#define UI_F_RESTLESS ((enum ui_format)0x200)  /* changes all the time: who tells changes does not tell this */
#define UI_F_FLAGS    (UI_F_IF_ANY | UI_F_RESTLESS)

enum { UI_SHOWN = 640 };                    /* ids and error messages whole; a table cuts them at its columns */
struct ui_shown { char text[UI_SHOWN]; enum ui_state state; };

/* raw: the value as text (a JSON scalar's, or JSON of an array); "" when it is not there. Never fails: what cannot be
 * understood is shown as it is. */
void ui_format(enum ui_format f, const char *raw, int64_t now, struct ui_shown *ret);
/* The state of a status word: "Completed", "ProtectionConfigured", … UI_NONE for a word that is not known. */
enum ui_state ui_state_of(const char *status);
/* The scalar at the first of blank-separated paths that is there, as text; arrays as JSON; "" otherwise. */
void ui_raw(const struct kg_json *j, const char *paths, struct kg_buf *ret);
/* Seconds as "1 h 02 min 03 s", at most the two largest units. */
void ui_format_seconds(int64_t seconds, char *out, size_t n);
void ui_format_bytes(double bytes, char *out, size_t n);
void ui_format_count(uint64_t v, char *out, size_t n);
double ui_duration_seconds(const char *raw);                     /* of an ISO 8601 duration, for comparing; -1: it is none */
const char *ui_last_part(const char *id);                        /* behind the last '/'; borrowed */

#endif
