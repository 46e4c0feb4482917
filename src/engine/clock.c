/* Can the clock be believed? Retention is counted in wall time, so a clock that is set wrong would delete what people
 * still need. It is compared with the time that the machine has been up (suspended or not), and from start to start with
 * what was noted in the catalog. After a jump all deleting waits until the clock has kept its pace for as long as the
 * setting clock_settle_seconds says: time for somebody to read the warning.
 *
 * A service that finds at its start that more than clock_away_days have passed cannot tell a machine that was off from a clock
 * that is ahead, unless the machine has been up all the time. Then deleting waits until somebody confirms the clock, or until it
 * is set back; the time that was believed last stays noted for as long. */
#include "engine/engine_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/parse.h"
#include "sys/alive.h"

#define UNSETTLED   "clock-unsettled"        /* "yes": it jumped, and has not settled since; "ask": it has to be confirmed; or empty */
#define SEEN        "clock-seen"             /* in the catalog: the latest time that was believed, ISO 8601 */
#define BOOT        "clock-boot"             /* "BOOT SECONDS": the machine's boot, and for how long it was up then */
#define NOTE_EVERY  (600 * KG_SECOND)
#define STEP_MOST   (3600 * KG_SECOND)       /* while the machine is up: more is a jump */
#define BACK_MOST   (3600 * KG_SECOND)       /* from start to start: so much earlier than noted is one */
#define DAY         (24 * 3600 * KG_SECOND)

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
    e->clock_asks = false;
    remember(e, "yes");
}

static void far_ahead(struct kg_engine *e, kg_usec by)
{
    kg_log(KG_LOG_WARN, "%" PRId64 " days have passed since the service last ran, or the clock jumped: nothing is deleted until somebody "
           "confirms it with 'keepgres service confirm-clock'", (int64_t)(by / DAY));
    e->clock_asks = true;
    remember(e, "ask");
}

/* Nothing is noted of a clock that nobody believes yet. */
static void note(struct kg_engine *e)
{
    kg_usec now = kg_now_wall();
    struct kg_err err = { 0 };
    char when[32], boot[KG_BOOT_ROOM], text[KG_BOOT_ROOM + 32] = "";

    e->clock_noted = up_time();
    if (e->clock_asks)
        return;
    if (kg_boot_id(boot))
        (void)snprintf(text, sizeof text, "%s %" PRId64, boot, (int64_t)(up_time() / KG_SECOND));
    if (kg_catalog_value_set(e->catalog, SEEN, kg_time_iso(now, when), &err) < 0 ||
        kg_catalog_value_set(e->catalog, BOOT, text, &err) < 0)
        kg_log_err(KG_LOG_WARN, &err, "the time is not noted");
    else
        e->clock_seen = now;
}

/* For how long the machine has been up since that was noted; false: it was started anew since, or nobody knows. */
static bool up_since(const char *noted, kg_usec *ret)
{
    const char *blank = noted ? strchr(noted, ' ') : NULL;
    struct kg_err ignored = { 0 };
    char boot[KG_BOOT_ROOM];
    uint64_t seconds;

    if (!blank || !kg_boot_id(boot) || strlen(boot) != (size_t)(blank - noted) || strncmp(noted, boot, strlen(boot)) != 0 ||
        kg_parse_u64(blank + 1, &seconds, &ignored) < 0)
        return false;
    *ret = up_time() - (kg_usec)seconds * KG_SECOND;
    return *ret >= 0;
}

/* What the machine's own time says of a start, where it has been up since: how far the clock went without it. */
static void judge_start(struct kg_engine *e, const char *noted, bool unsettled)
{
    kg_usec by = kg_now_wall() - e->clock_seen, up, without = by;
    bool known = up_since(noted, &up);

    if (known)
        without = by - up;
    if (by > (kg_usec)e->settings.clock_away_days * DAY && (!known || without > STEP_MOST))
        far_ahead(e, by);
    else if (unsettled)
        jumped(e, 0, "before the service was started anew");
    else if (by < -BACK_MOST || (known && (without > STEP_MOST || without < -STEP_MOST)))
        jumped(e, without, "the service last ran");
}

int kg_clock_start(struct kg_engine *e, struct kg_err *err)
{
    KG_AUTO_FREE char *text = NULL, *unsettled = NULL, *noted = NULL;

    if (kg_catalog_value_get(e->catalog, SEEN, &text, err) < 0 || kg_catalog_value_get(e->catalog, UNSETTLED, &unsettled, err) < 0 ||
        kg_catalog_value_get(e->catalog, BOOT, &noted, err) < 0)
        return -(int)err->code;
    if (text && kg_time_parse_iso(text, &e->clock_seen))
        judge_start(e, noted, unsettled && *unsettled);
    e->clock_ahead = kg_now_wall() - up_time();
    note(e);
    return 0;
}

void kg_clock_tick(struct kg_engine *e)
{
    kg_usec ahead = kg_now_wall() - up_time(), by = ahead - e->clock_ahead;

    if (e->clock_asks) {
        if (kg_now_wall() <= e->clock_seen + (kg_usec)e->settings.clock_away_days * DAY)
            jumped(e, by, "a moment ago"); /* it was set right */
    } else if (by > STEP_MOST || by < -STEP_MOST) {
        jumped(e, by, "a moment ago");
    }
    e->clock_ahead = ahead;
    if (e->clock_unsettled && kg_clock_is_settled(e))
        remember(e, "");
    if (up_time() > e->clock_noted + NOTE_EVERY)
        note(e);
}

bool kg_clock_is_settled(const struct kg_engine *e) { return !e->clock_asks && up_time() >= e->clock_settles; }

int kg_clock_confirm(struct kg_engine *e, struct kg_err *err)
{
    if (kg_catalog_value_set(e->catalog, UNSETTLED, "", err) < 0)
        return -(int)err->code;
    e->clock_unsettled = e->clock_asks = false;
    e->clock_settles = 0;
    e->lifecycle_at = e->purge_at = 0;
    note(e);
    return 0;
}

void kg_clock_tell(const struct kg_engine *e, struct kg_json *ret)
{
    char when[32], seen[32];

    kg_json_set_str(ret, "clock.state", e->clock_asks ? "Unconfirmed" : kg_clock_is_settled(e) ? "Settled" : "Settling");
    kg_json_set_str(ret, "clock.time", kg_time_iso_seconds(kg_now_wall(), when));
    if (kg_clock_is_settled(e))
        return;
    if (e->clock_seen)
        kg_json_set_str(ret, "clock.lastSeen", kg_time_iso_seconds(e->clock_seen, seen));
    if (e->clock_asks) {
        KG_AUTO_FREE char *text = kg_xprintf("The clock shows %.10s, and the service last ran on %.10s: nothing is deleted until somebody "
                                             "confirms the clock.", when, seen);

        kg_json_set_str(ret, "clock.warning", text);
    } else {
        kg_json_set_str(ret, "clock.warning", "The clock jumped: nothing is deleted until it has kept its pace for a while.");
        kg_json_set_u64(ret, "clock.settlesAfterSeconds", (uint64_t)((e->clock_settles - up_time()) / KG_SECOND));
    }
    kg_json_set_str(ret, "clock.recommendedAction", "Set the clock right; or, if it is right, run 'keepgres service confirm-clock'.");
}
