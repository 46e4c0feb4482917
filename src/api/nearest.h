/* api/nearest.h - "did you mean": the name that somebody who asked for what is not there may have meant. For api/ only. */
#ifndef KG_API_NEAREST_H
#define KG_API_NEAREST_H

#include "api/call.h"

/* When the resource of the call's path, or one that it lies in, is not there: advises the nearest name among its like in the
 * same place, of those that the caller may see. */
void kg_call_advise_nearest(const struct kg_call *c, struct kg_err *err);

#endif
