/* policy/tag.h - which tag, and so which retention rule, a recovery point gets. Pure.
 *
 * "First of the month" is the first backup that succeeded in that month of the policy's zone, whenever that was; backups
 * on demand are not counted, they get the rule that was asked for. Of the tags that match, the lowest priority number wins. */
#ifndef KG_POLICY_TAG_H
#define KG_POLICY_TAG_H

#include "model/policy.h"
#include "policy/zone.h"

/* start: when the schedule wanted the backup. previous: that of the newest scheduled backup that succeeded, 0 when there is
 * none. Never NULL: a policy has a default. A clock that went back makes a first of the period again: kept rather longer. */
const struct kg_policy_tag *kg_tag_for(const struct kg_policy *p, const struct kg_zone *z, kg_usec start, kg_usec previous);

#endif
