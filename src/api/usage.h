/* api/usage.h - how full a vault is. For api/ only. */
#ifndef KG_API_USAGE_H
#define KG_API_USAGE_H

#include "api/call.h"

/* {id, name, type, properties} of GET …/usage; details: with instances and history. The caller frees. */
int kg_usage_of_vault(struct kg_call *c, const struct kg_resource *vault, bool details, struct kg_json **ret,
                   struct kg_err *err) KG_MUST_CHECK;

#endif
