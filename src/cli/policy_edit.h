/* cli/policy_edit.h - changes to a policy's JSON, as the trigger, retention-rule and tag commands make them. Pure: they
 * read documents and write documents, and need no service.
 *
 * A policy is what `get-default-policy-template` prints, or what `show` prints; it is changed in place, and what else is
 * in it stays. Wrong values are KG_E_USAGE, in the order in which az looks at them. */
#ifndef KG_CLI_POLICY_EDIT_H
#define KG_CLI_POLICY_EDIT_H

#include "cli/cmd.h"
#include "json/json.h"
#include "keepgres/err.h"

/* NULL-ended. */
extern const char *const kg_interval_types[];   /* "Daily"… */
extern const char *const kg_retention_units[];  /* "Days"… */
extern const char *const kg_retention_names[];  /* "Default"… */
extern const char *const kg_tag_names[];        /* "Daily"… */
extern const char *const kg_copy_options[];     /* "CopyOnExpiryOption"… */
extern const char *const kg_absolute_marks[];   /* "FirstOfMonth"… */

/* ["R/2021-08-15T22:00:00+00:00/P1W", …] from dates and how often each of them repeats. */
int kg_edit_make_schedule(const char *interval_type, uint64_t count, const struct kg_words *days, struct kg_json **ret,
                          struct kg_err *err) KG_MUST_CHECK;
/* Replaces the schedule's intervals (an array of strings) and names the backup rule after them. */
int kg_edit_set_schedule(struct kg_json *policy, const struct kg_json *intervals, struct kg_err *err) KG_MUST_CHECK;

struct kg_lifecycle_args {
    const char *source, *unit, *target, *copy, *copy_after; /* target, copy and copy_after may be NULL */
    uint64_t count;
};
/* {deleteAfter, sourceDataStore, targetDataStoreCopySettings} */
int kg_edit_make_lifecycle(const struct kg_lifecycle_args *a, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
/* Gives the retention rule of that name these lifecycles (an array), adding the rule when it is not there. */
int kg_edit_set_retention(struct kg_json *policy, const char *name, const struct kg_json *lifecycles,
                          struct kg_err *err) KG_MUST_CHECK;
int kg_edit_remove_retention(struct kg_json *policy, const char *name, struct kg_err *err) KG_MUST_CHECK;

/* When scheduled backups may start, how fast backups read, whether they capture the passwords of roles. NULL, empty: as it is. The
 * window "any" takes all away, the rate 0 the limit. */
struct kg_limit_args {
    struct kg_words windows;                                /* "22:00-06:00" */
    const char *rate;                                       /* MB/s */
    const char *role_passwords;                             /* "on", "off" */
};
extern const char *const kg_on_off[];
bool kg_edit_has_limits(const struct kg_limit_args *a);
int kg_edit_set_limits(struct kg_json *policy, const struct kg_limit_args *a, struct kg_err *err) KG_MUST_CHECK;

struct kg_json *kg_edit_absolute_criteria(const char *mark);
/* In the snake_case that az prints here; what was not said is null. */
int kg_edit_generic_criteria(const struct kg_words *weekdays, const struct kg_words *weeks, const struct kg_words *months,
                             const struct kg_words *days, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
/* Gives the tag of that name these criteria (an array), adding the tag with its priority when it is not there. */
int kg_edit_set_tag(struct kg_json *policy, const char *name, const struct kg_json *criteria,
                    struct kg_err *err) KG_MUST_CHECK;
int kg_edit_remove_tag(struct kg_json *policy, const char *name, struct kg_err *err) KG_MUST_CHECK;

#endif
