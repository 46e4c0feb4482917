/* model/policy_doc.h - a backup policy's document as the wizard changes it: its schedule as fields of a form, its retention rules
 * as a list, and back. What the wizard has no field for (criteria of other kinds, other parameters, an odd schedule) stays as it
 * was written. Pure.
 *
 * A rule here is {name, isDefault, priority, criteria, lifecycles}: a tag and the retention rule of its name in one; the two
 * last are as the API has them. Rules are in the order in which they win, the default last. */
#ifndef UI_MODEL_POLICY_DOC_H
#define UI_MODEL_POLICY_DOC_H

#include <stdbool.h>
#include <stdint.h>
#include "json/json.h"

/* ---- the schedule ---- */

struct ui_schedule {
    char frequency[8];                       /* "Weekly", "Daily", "Hourly"; "Other": none of them, kept as it is */
    char days[80];                           /* "Sunday,Friday" */
    char time[8];                            /* "02:00" by the zone's clocks; of "Hourly" the first one */
    char hours[8];                           /* "4": every so many */
    char zone[80];
    char windows[120];                       /* "22:00-06:00, 12:00-13:00"; "": any time */
    char rate[12];                           /* MB/s; "": no limit */
};
extern const char *const ui_weekdays[7];     /* "Sunday" first */

void ui_schedule_read(const struct kg_json *properties, struct ui_schedule *ret);
bool ui_time_ok(const char *text);           /* "02:00" */
bool ui_windows_ok(const char *text);        /* one to seven of "22:00-06:00", by commas */

/* ---- how long ---- */

/* The number of units of a duration: "P3M" is 3 "M", "P1Y6M" 18 "M", "P2W" 2 "W". False: more than one of these says it. */
bool ui_span_read(const char *text, unsigned *ret_count, char *ret_unit);
unsigned ui_span_days(unsigned count, char unit);                /* of "D", "W", "M", "Y"; as the service compares them */

/* ---- rules ---- */

/* Whether the policy's vault has an archive tier; as a number in the rule dialog's argument. */
enum ui_archive { UI_ARCHIVE_UNKNOWN, UI_ARCHIVE_MISSING, UI_ARCHIVE_THERE };

struct kg_json *ui_rules_new(void);          /* the default rule alone: three months in the vault */
struct kg_json *ui_rules_read(const struct kg_json *properties);
/* Puts a rule in its place; instead of the one named was, or as a further one when that is NULL or not there. */
void ui_rules_put(struct kg_json **rules, const char *was, const struct kg_json *rule);
void ui_rules_remove(struct kg_json **rules, const char *name);
struct kg_json *ui_rule_make(const char *name, struct kg_json *lifecycles);  /* of one of the names below; takes lifecycles */
extern const char *const ui_rule_names[4];   /* "Yearly" … "Daily", as they win */
/* How long the longest of them keeps a point, in both tiers together. */
unsigned ui_rules_longest_days(const struct kg_json *rules);
bool ui_rules_use_archive(const struct kg_json *rules);

/* ---- the whole ---- */

/* The properties to be stored. old: those that are changed, or NULL; now: the clock, from which a new schedule begins. */
struct kg_json *ui_policy_make(const struct kg_json *old, const char *datasource_type, const struct ui_schedule *s,
                               const struct kg_json *rules, int64_t now);

#endif
