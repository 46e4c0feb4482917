/* model/policy_words.h - a backup policy in words: its schedule, and its retention rules in the order in which they win. */
#ifndef UI_MODEL_POLICY_WORDS_H
#define UI_MODEL_POLICY_WORDS_H

#include "model/format.h"

void ui_policy_schedule(const struct kg_json *policy, int64_t now, struct ui_shown *ret);   /* "Every week on Sunday at 06:30" */
void ui_policy_zone(const struct kg_json *policy, int64_t now, struct ui_shown *ret);
/* "Yearly (first of each year): 10 years in the vault tier"; nothing when there are fewer rules. */
void ui_policy_rule(const struct kg_json *policy, unsigned i, struct ui_shown *ret);       /* the i-th, from 0 */
void ui_policy_rule_1(const struct kg_json *policy, int64_t now, struct ui_shown *ret);
void ui_policy_rule_2(const struct kg_json *policy, int64_t now, struct ui_shown *ret);
void ui_policy_rule_3(const struct kg_json *policy, int64_t now, struct ui_shown *ret);
void ui_policy_rule_4(const struct kg_json *policy, int64_t now, struct ui_shown *ret);
void ui_policy_rule_5(const struct kg_json *policy, int64_t now, struct ui_shown *ret);

#endif
