/* Can the clock be believed? Retention is counted in wall time, so a clock that is set wrong would delete what people
 * still need. It is compared with the time that the machine has been up (suspended or not), and from start to start with
 * what was noted in the catalog. After a jump all deleting waits until the clock has kept its pace for as long as the
 * setting clock_settle_seconds says: time for somebody to read the warning. */
#include "engine/engine_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/log.h"

#define UNSETTLED   "clock-unsettled"        /* not empty: it jumped, and has not settled since */
#define SEEN        "clock-seen"             /* in the catalog: the latest time that was believed, ISO 8601 */
#define NOTE_EVERY  (600 * KG_SECOND)
#define STEP_MOST   (3600 * KG_SECOND)       /* while the service runs: more is a jump */
#define BACK_MOST   (3600 * KG_SECOND)       /* from start to start: so much earlier than noted is one */
#define AWAY_MOST   ((kg_usec)400 * 24 * 3600 * KG_SECOND) /* and so much later: nobody leaves a service down for a year */

static kg_usec up_time(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (kg_usec)ts.tv_sec * KG_SECOND + ts.tv_nsec / 1000;
}

/* A service that is started anew before the clock has settled waits anew. */
static void remember(struct kg_engine *e, const char *unsettled)
{
    struct kg_err err = { 0 };

    if (kg_catalog_value_set(e->catalog, UNSETTLED, unsettled, &err) < 0)
        kg_log_err(KG_LOG_WARN, &err, "that the clock jumped is not noted");
    e->clock_unsettled = *unsettled != '\0';
}

static void jumped(struct kg_engine *e, kg_usec by, const char *since)
{
    kg_log(KG_LOG_WARN, "the clock jumped by %" PRId64 " seconds since %s: nothing is deleted for the next %" PRIu64 " seconds",
           (int64_t)(by / KG_SECOND), since, e->settings.clock_settle_seconds);
    e->clock_settles = up_time() + (kg_usec)e->settings.clock_settle_seconds * KG_SECOND;
    remember(e, "yes");
}

static void note(struct kg_engine *e)
{
    struct kg_err err = { 0 };
    char when[32];

    e->clock_noted = up_time();
    if (kg_catalog_value_set(e->catalog, SEEN, kg_time_iso(kg_now_wall(), when), &err) < 0)
        kg_log_err(KG_LOG_WARN, &err, "the time is not noted");
}

int kg_clock_start(struct kg_engine *e, struct kg_err *err)
{
    KG_AUTO_FREE char *text = NULL, *unsettled = NULL;
    kg_usec seen, now = kg_now_wall();

    if (kg_catalog_value_get(e->catalog, SEEN, &text, err) < 0 || kg_catalog_value_get(e->catalog, UNSETTLED, &unsettled, err) < 0)
        return -(int)err->code;
    if (unsettled && *unsettled)
        jumped(e, 0, "before the service was started anew");
    else if (text && kg_time_parse_iso(text, &seen) && (now < seen - BACK_MOST || now > seen + AWAY_MOST))
        jumped(e, now - seen, "the service last ran");
    e->clock_ahead = now - up_time();
    note(e);
    return 0;
}

void kg_clock_tick(struct kg_engine *e)
{
    kg_usec ahead = kg_now_wall() - up_time(), by = ahead - e->clock_ahead;

    if (by > STEP_MOST || by < -STEP_MOST)
        jumped(e, by, "a moment ago");
    e->clock_ahead = ahead;
    if (e->clock_unsettled && kg_clock_is_settled(e))
        remember(e, "");
    if (up_time() > e->clock_noted + NOTE_EVERY)
        note(e);
}

bool kg_clock_is_settled(const struct kg_engine *e) { return up_time() >= e->clock_settles; }
