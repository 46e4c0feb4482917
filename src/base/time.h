/* base/time.h - time. kg_usec is microseconds; the clock is in the name: *_wall since 1970 UTC, *_mono since boot. */
#ifndef KG_BASE_TIME_H
#define KG_BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

typedef int64_t kg_usec;
#define KG_SECOND ((kg_usec)1000000)

kg_usec kg_now_wall(void);
kg_usec kg_now_mono(void);
kg_usec kg_now_file(void);                   /* the clock that files get their times from, whatever a test's clock shows */
/* Tests that play years: with -DKG_FAULTS and KG_CLOCK=FILE in the environment the wall clock is that of the machine plus the
 * file's 8 bytes, a number of microseconds in the machine's byte order that may change at any time. main() calls it. */
void kg_clock_from_environment(void);

/* ISO 8601 in UTC with 7 fraction digits, as ARM writes it: "2026-11-21T04:05:06.1234560Z". out: 32 bytes; returns out. */
const char *kg_time_iso(kg_usec wall, char *out);
/* Without a fraction: "2026-11-21T04:05:06Z". */
const char *kg_time_iso_seconds(kg_usec wall, char *out);
/* Accepts date, 'T', hh:mm[:ss[.fraction]] and Z or +hh:mm; without a zone it is UTC. False when it is not a time. */
bool kg_time_parse_iso(const char *text, kg_usec *ret_wall);
/* ISO 8601 duration as ARM writes it: "PT1H2M3.0040000S". out: 48 bytes. */
const char *kg_duration_iso(kg_usec d, char *out);

/* Days since 1970-01-01 of a proleptic Gregorian date, and back (Hinnant's civil calendar formulas). */
int64_t kg_days_from_civil(int64_t year, unsigned month, unsigned day);
void kg_civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day);

#endif
