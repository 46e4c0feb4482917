/* cli/shape.h - members that az always prints, and that the API leaves out when they are empty, as null. */
#ifndef KG_CLI_SHAPE_H
#define KG_CLI_SHAPE_H

#include "json/json.h"

/* A resource, or an array of them; what is no resource, or of a type that needs nothing, stays as it is. */
void kg_shape(struct kg_json *result);

#endif
