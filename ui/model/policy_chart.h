/* model/policy_chart.h - which recovery points there will be, drawn with letters: one line for each rule and each tier, a block
 * for each stretch of time, as high as there are points. What is drawn is the answer of POST …/backupPolicies/NAME/preview. Pure. */
#ifndef UI_MODEL_POLICY_CHART_H
#define UI_MODEL_POLICY_CHART_H

#include <stdint.h>
#include "json/json.h"

/* Dates to ask about, n of them, from now to so many days ahead: an array for the request's "at". */
struct kg_json *ui_chart_dates(int64_t now, unsigned days, unsigned n);
/* How many days the picture should reach so that all of the longest retention is in it. */
unsigned ui_chart_days(unsigned longest_days);
/* Lines of at most width columns. */
void ui_chart_of(const struct kg_json *preview, int width, struct kg_buf *ret);
/* "Next backups: 2026-11-22 02:00, 2026-11-29 02:00 (Europe/Berlin)", as many as fit. */
void ui_chart_starts(const struct kg_json *preview, int width, struct kg_buf *ret);
/* "In 1 year 52 recovery points, in 5 years 57": what stands then. */
void ui_chart_years(const struct kg_json *preview, struct kg_buf *ret);

#endif
