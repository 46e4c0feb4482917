/* pg/plan_int.h - parts of making a plan, for the files of this room. */
#ifndef KG_PG_PLAN_INT_H
#define KG_PG_PLAN_INT_H

#include "pg/plan.h"
#include "pg/tools.h"

/* Fills facts, sizes, standby and the large objects' estimate of a plan whose archive is there. */
int kg_plan_facts(struct kg_plan *p, const struct kg_tool *pg_dump, struct kg_err *err) KG_MUST_CHECK;

#endif
