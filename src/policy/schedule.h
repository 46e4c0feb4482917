/* policy/schedule.h - when a policy's backups start. Pure: the clock and the zone come from the caller.
 *
 * An interval "R/2026-11-22T02:00:00/P1W" in zone Europe/Berlin starts a backup at 02:00 by the clocks of Berlin, winter and
 * summer; a time with an offset or Z is turned into the zone's local time first. A period of hours counts real hours. What
 * a clock change leaves out or shows twice is once, as kg_zone_moment() says.
 *
 * A policy with windows has no starts outside of them: what its intervals have there is put off to the moment when the next
 * window opens, and several that are put off to the same moment are one start. */
#ifndef KG_POLICY_SCHEDULE_H
#define KG_POLICY_SCHEDULE_H

#include "model/policy.h"
#include "policy/zone.h"

enum { KG_NEVER = 0 };

/* The moment itself when the policy's windows allow a start then, otherwise when the next one opens; KG_NEVER when none does
 * within a week, which a zone's oddest day cannot cause. */
kg_usec kg_schedule_opens(const struct kg_policy *p, const struct kg_zone *z, kg_usec at);
/* The first start after a moment. Two intervals that meet make one start. */
kg_usec kg_schedule_next(const struct kg_policy *p, const struct kg_zone *z, kg_usec after);
/* The last start at or before a moment; KG_NEVER when the schedule begins later. */
kg_usec kg_schedule_previous(const struct kg_policy *p, const struct kg_zone *z, kg_usec at);

/* What to do when the service wakes up: the start that is due (at most one, however many were missed), or KG_NEVER.
 * last: the newest start that was dealt with (KG_NEVER: none; then only what comes after since, when the instance was
 * configured, is due). A clock that went back makes nothing due; catch_up false: what is more than grace late is skipped. */
struct kg_due {
    kg_usec start;
    bool late;               /* by more than grace */
};
struct kg_due kg_schedule_due(const struct kg_policy *p, const struct kg_zone *z, kg_usec last, kg_usec since, kg_usec now,
                              kg_usec grace, bool catch_up);

#endif
