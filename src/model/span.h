/* model/span.h - ISO 8601 durations and repeating intervals, as policies write them. Pure.
 *
 * A span ("P3M") counts calendar units and has no length in seconds until it is added to a date. */
#ifndef KG_MODEL_SPAN_H
#define KG_MODEL_SPAN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/time.h"
#include "keepgres/err.h"

struct kg_span {
    uint32_t months;   /* years are 12 of them */
    uint32_t days;     /* weeks are 7 of them */
    uint32_t seconds;  /* what stands behind T */
};

/* "P3M", "P1Y6M", "P2W", "P15D", "PT12H30M": whole numbers only, something must be there. KG_E_USAGE otherwise. */
int kg_span_parse(const char *text, struct kg_span *ret, struct kg_err *err) KG_MUST_CHECK;
/* How long a recovery point is kept: a span of days or more, 7 days to 10 years. */
int kg_span_parse_retention(const char *text, struct kg_span *ret, struct kg_err *err) KG_MUST_CHECK;
/* For comparing: a month counts 30.436875 days. Whole days, rounded down. */
uint64_t kg_span_days(const struct kg_span *s);
/* The moment that lies the span behind a moment, in UTC: first the months (31 January + P1M = 28 or 29 February), then
 * days and seconds. */
kg_usec kg_span_add(kg_usec wall, const struct kg_span *s);

/* "R/2021-08-15T06:30:00+00:00/P1W": a backup starts at start and at every whole span after it. */
struct kg_interval {
    kg_usec start;            /* UTC */
    bool floating;            /* written without Z or an offset: a local time of the schedule's zone (start takes it for UTC) */
    int32_t offset;           /* of the zone the time was written in, seconds east of UTC */
    struct kg_span span;
    unsigned weekday;         /* of start in that zone: 0 Sunday … 6 Saturday */
};

/* Accepts the times of day of azure's grammar (hh:mm, hh:mm:ss, hh:mm:ss.sss, each with Z or +hh:mm or none, which is
 * UTC) and refuses 24:00, a leap second, hours alone, forms without colons. The span must not be empty. KG_E_USAGE. */
int kg_interval_parse(const char *text, struct kg_interval *ret, struct kg_err *err) KG_MUST_CHECK;

#endif
