/* model/policy_text.h - for this room only: the words of a policy that reading and writing share. */
#ifndef KG_MODEL_POLICY_TEXT_H
#define KG_MODEL_POLICY_TEXT_H

extern const char *const kg_policy_datastores[];
extern const char *const kg_policy_weekdays[7], *const kg_policy_weeks[5], *const kg_policy_months[12];

#endif
