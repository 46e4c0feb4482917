/* client/async.h - the inside of the client for a loop; its manual is keepgres/async.h. */
#ifndef KG_CLIENT_ASYNC_H
#define KG_CLIENT_ASYNC_H

#include "base/time.h"
#include "keepgres/async.h"

/* How long a GET may take; tests make it short. */
void kg_async_set_deadline(struct kg_async *a, kg_usec deadline);

#endif
