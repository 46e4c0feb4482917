/* policy/zone.h - time zones by their IANA names: local time from a moment, and back. Reads the system's files itself
 * (RFC 8536), because the C library knows one zone a process only.
 *
 * Ownership: kg_zone_open() and kg_zone_parse() give, kg_zone_free() takes.
 * Threads:   a zone does not change after it was made.
 * Failures:  KG_E_USAGE: no such zone; KG_E_CORRUPT: its file cannot be read. */
#ifndef KG_POLICY_ZONE_H
#define KG_POLICY_ZONE_H

#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/time.h"
#include "keepgres/err.h"

struct kg_zone;

/* "Europe/Berlin"; "UTC" needs no file. */
int kg_zone_open(const char *name, struct kg_zone **ret, struct kg_err *err) KG_MUST_CHECK;
/* From the bytes of a zone's file. */
int kg_zone_parse(const uint8_t *data, size_t n, struct kg_zone **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_zone_free(struct kg_zone *z);
KG_DEFINE_CLEANUP(struct kg_zone, kg_zone_free)
#define KG_AUTO_ZONE KG_CLEANUP(kg_zone_freep)

/* Seconds east of UTC at a moment. */
int32_t kg_zone_offset(const struct kg_zone *z, kg_usec wall);

/* A time of a zone's calendar. */
struct kg_local {
    int64_t day;             /* days since 1970-01-01 */
    kg_usec in_day;          /* 0 … 86,399,999,999 */
};
struct kg_local kg_zone_local(const struct kg_zone *z, kg_usec wall);
/* When a clock there shows it. What clocks show twice is the first time; what they leave out is as much later as they were
 * put forward: 02:30 becomes 03:30. */
kg_usec kg_zone_moment(const struct kg_zone *z, struct kg_local l);

/* 0 Sunday … 6 Saturday. */
unsigned kg_day_weekday(int64_t day);

#endif
