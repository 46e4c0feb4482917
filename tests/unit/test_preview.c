/* Previews of a policy, and what recovery points say about why they are kept: through the API, with a clock of the test's own,
 * against numbers that were worked out by hand; and the counting of any history, against one point and day at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/api.h"
#include "policy/preview.h"
#include "policy/promise.h"
#include "support/policy_text.h"
#include "identity/audit.h"
#include "unit/service_fixture.h"

#define PREVIEW POLICY "/preview"
#define INSTANCE VAULT "/backupInstances/bi-good"

/* ---- the clock ---- */

static char clock_file[80];

static void clock_to(const char *time)
{
    int64_t shift = at(time) - kg_now_wall();
    int fd = open(clock_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600); /* written in place: the service has it mapped */

    assert_int_equal(pwrite(fd, &shift, sizeof shift, 0), sizeof shift);
    close(fd);
}

static int setup_clock(void **state)
{
    struct fixture *f;

    if (setup(state) < 0)
        return -1;
    f = *state;
    snprintf(clock_file, sizeof clock_file, "%s/clock", f->dir);
    clock_to("2027-01-01T12:00:00Z"); /* a Friday */
    f->clock = clock_file;
    restart_service(f, SIGTERM);
    return 0;
}

/* ---- bodies ---- */

#define STORE(name) "{\"objectType\":\"DataStoreInfoBase\",\"dataStoreType\":\"" name "\"}"
#define LIFE(store, keep, copies) "{\"deleteAfter\":{\"objectType\":\"AbsoluteDeleteOption\",\"duration\":\"" keep "\"}," \
    "\"sourceDataStore\":" STORE(store) ",\"targetDataStoreCopySettings\":[" copies "]}"
#define ON_EXPIRY "{\"copyAfter\":{\"objectType\":\"CopyOnExpiryOption\"},\"dataStore\":" STORE("ArchiveStore") "}"
#define RETENTION(name, is_default, lives) "{\"objectType\":\"AzureRetentionRule\",\"name\":\"" name "\",\"isDefault\":" is_default \
    ",\"lifecycles\":[" lives "]}"
#define TAG(name, priority, more) "{\"tagInfo\":{\"tagName\":\"" name "\"},\"taggingPriority\":" priority "," more "}"
#define FIRST(marker) \
    "\"isDefault\":false,\"criteria\":[{\"objectType\":\"ScheduleBasedBackupCriteria\",\"absoluteCriteria\":[\"" marker "\"]}]"
#define BODY(interval, zone, tags, retention) \
    "{\"objectType\":\"BackupPolicy\",\"datasourceTypes\":[\"Microsoft.DBforPostgreSQL/flexibleServers\"],\"policyRules\":[" \
    "{\"objectType\":\"AzureBackupRule\",\"name\":\"BackupWeekly\",\"backupParameters\":{\"objectType\":\"AzureBackupParams\"," \
    "\"backupType\":\"Full\"},\"dataStore\":" STORE("VaultStore") ",\"trigger\":{\"objectType\":\"ScheduleBasedTriggerContext\"," \
    "\"schedule\":{\"timeZone\":\"" zone "\",\"repeatingTimeIntervals\":[\"" interval "\"]},\"taggingCriteria\":[" \
    TAG("Default", "99", "\"isDefault\":true") tags "]}}," retention "]}"

/* Sundays at 02:00: a month, the first of each month twelve. */
#define MONTHLY "," TAG("Monthly", "15", FIRST("FirstOfMonth"))
#define SUNDAYS BODY("R/2027-01-03T02:00:00Z/P1W", "UTC", MONTHLY, RETENTION("Default", "true", LIFE("VaultStore", "P1M", "")) "," \
                     RETENTION("Monthly", "false", LIFE("VaultStore", "P12M", "")))
/* The same, and the monthly ones go to the archive for a year after six months. */
#define ARCHIVED BODY("R/2027-01-03T02:00:00Z/P1W", "UTC", MONTHLY, RETENTION("Default", "true", LIFE("VaultStore", "P1M", "")) "," \
                      RETENTION("Monthly", "false", LIFE("VaultStore", "P6M", ON_EXPIRY) "," LIFE("ArchiveStore", "P1Y", "")))
#define WEEK(interval, zone) BODY(interval, zone, "", RETENTION("Default", "true", LIFE("VaultStore", "P7D", "")))
#define DAILY(time, zone) WEEK("R/2027-01-01T" time "/P1D", zone)
/* Nothing starts by this one while a test runs. */
#define LATER BODY("R/2060-01-01T02:00:00Z/P1D", "UTC", "", RETENTION("Default", "true", LIFE("VaultStore", "P1M", "")))

static struct reply preview(struct fixture *f, const char *body)
{
    struct reply r = call(f, "POST", PREVIEW, body);

    if (r.status != 200)
        fail_msg("HTTP %ld: %s", r.status, r.text.p);
    return r;
}

static uint64_t number(const struct reply *r, const char *fmt, ...) KG_PRINTF(2, 3);
static uint64_t number(const struct reply *r, const char *fmt, ...)
{
    char path[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(path, sizeof path, fmt, ap);
    va_end(ap);
    return kg_json_u64(r->json, path, 999999);
}

static void expect_text(const struct reply *r, const char *path, const char *text)
{
    if (strcmp(kg_json_str_or(r->json, path, "?"), text) != 0)
        fail_msg("%s is '%s' and not '%s'", path, kg_json_str_or(r->json, path, "?"), text);
}

static void expect_count(const struct reply *r, const char *date, uint64_t total, uint64_t otherwise, uint64_t monthly)
{
    const struct kg_json *counts = kg_json_get(r->json, "counts");

    for (const struct kg_json *c = kg_json_first(counts); c; c = kg_json_next(c)) {
        uint64_t monthlies = kg_json_u64(c, "byTag.Monthly", 0);

        if (strcmp(kg_json_str_or(c, "date", ""), date) != 0)
            continue;
        if (kg_json_u64(c, "total", 99) != total || kg_json_u64(c, "byTag.Default", 99) != otherwise || monthlies != monthly)
            fail_msg("%s: %u points, %u Default, %u Monthly", date, (unsigned)kg_json_u64(c, "total", 99),
                     (unsigned)kg_json_u64(c, "byTag.Default", 99), (unsigned)monthlies);
        return;
    }
    fail_msg("%s is not counted", date);
}

/* ---- a policy by itself ---- */

static void test_two_years_of_sundays_are_counted_to_the_point(void **state)
{
    struct fixture *f = *state;

    make_bare_world(f);
    AUTO_REPLY struct reply r = preview(f, "{\"until\":\"2029-01-01\",\"policy\":" SUNDAYS "}");
    assert_int_equal(number(&r, "pointCount"), 105); /* 52 Sundays in 2027, 53 in 2028 */
    assert_int_equal(kg_json_count(kg_json_get(r.json, "points")), 105);
    assert_int_equal(kg_json_count(kg_json_get(r.json, "counts")), 24);
    expect_text(&r, "counts.0.date", "2027-02-01");
    expect_text(&r, "until", "2029-01-01T00:00:00.0000000Z");
    expect_text(&r, "timeZone", "UTC");
    assert_false(kg_json_bool(r.json, "cut", true));
    expect_count(&r, "2027-02-01", 5, 4, 1);    /* 3M 10 17 24 31 */
    expect_count(&r, "2027-03-01", 5, 3, 2);    /* 31 January has left on 28 February */
    expect_count(&r, "2028-01-01", 15, 3, 12);  /* 12 19 26 December */
    expect_count(&r, "2028-02-01", 16, 4, 12);  /* 3 January 2027 has left, 2 January 2028 has come */
    expect_count(&r, "2029-01-01", 16, 4, 12);
    expect_text(&r, "points.0.time", "2027-01-03T02:00:00.0000000Z");
    expect_text(&r, "points.0.tag", "Monthly");
    expect_text(&r, "points.0.rule", "Monthly");
    expect_text(&r, "points.0.leaves.0.until", "2028-01-03T02:00:00.0000000Z");
    expect_text(&r, "points.1.tag", "Default");
    expect_text(&r, "points.1.leaves.0.store", "VaultStore");
    expect_text(&r, "points.1.leaves.0.until", "2027-02-10T02:00:00.0000000Z");
    assert_false(kg_json_bool(r.json, "points.1.existing", true));
    assert_int_equal(kg_json_count(kg_json_get(r.json, "schedule")), 10);
    expect_text(&r, "schedule.9.time", "2027-03-07T02:00:00.0000000Z");
}

static void test_copies_are_counted_in_the_stores_where_they_are(void **state)
{
    struct fixture *f = *state;

    make_bare_world(f);
    AUTO_REPLY struct reply r = preview(f, "{\"at\":[\"2028-01-01\",\"2028-08-01\"],\"policy\":" ARCHIVED "}");
    expect_count(&r, "2028-01-01", 15, 3, 12);
    assert_int_equal(number(&r, "counts.0.byStore.VaultStore"), 9);   /* 4 July to 5 December, and three of December */
    assert_int_equal(number(&r, "counts.0.byStore.ArchiveStore"), 6);
    /* 18 months: from 7 February 2027, which leaves on 7 August 2028, to 2 July 2028 */
    expect_count(&r, "2028-08-01", 22, 4, 18);
    assert_int_equal(number(&r, "counts.1.byStore.VaultStore"), 4 + 6);
    assert_int_equal(number(&r, "counts.1.byStore.ArchiveStore"), 12);
    expect_text(&r, "until", "2028-08-01T00:00:00.0000000Z"); /* the last of the dates */
    expect_text(&r, "points.0.leaves.1.store", "ArchiveStore");
    expect_text(&r, "points.0.leaves.1.from", "2027-07-03T02:00:00.0000000Z");
    expect_text(&r, "points.0.leaves.1.until", "2028-07-03T02:00:00.0000000Z");
}

static void test_starts_and_dates_follow_the_clocks_of_the_zone(void **state)
{
    struct fixture *f = *state;

    make_bare_world(f);
    clock_to("2027-03-27T12:00:00Z");
    AUTO_REPLY struct reply spring = preview(f, "{\"at\":[\"2027-03-29\"],\"policy\":" DAILY("02:30:00", "Europe/Berlin") "}");
    expect_text(&spring, "schedule.0.time", "2027-03-28T01:30:00.0000000Z"); /* 02:30 is left out */
    expect_text(&spring, "schedule.0.local", "2027-03-28T03:30:00+02:00");
    expect_text(&spring, "schedule.1.time", "2027-03-29T00:30:00.0000000Z");
    expect_text(&spring, "schedule.1.local", "2027-03-29T02:30:00+02:00");
    expect_text(&spring, "counts.0.time", "2027-03-28T22:00:00.0000000Z");
    expect_count(&spring, "2027-03-29", 1, 1, 0);
    clock_to("2027-10-30T12:00:00Z");
    AUTO_REPLY struct reply autumn = preview(f, "{\"until\":\"2027-11-02\",\"policy\":" DAILY("02:30:00", "Europe/Berlin") "}");
    expect_text(&autumn, "schedule.0.local", "2027-10-31T02:30:00+02:00"); /* shown twice, made once */
    expect_text(&autumn, "schedule.1.local", "2027-11-01T02:30:00+01:00");
    assert_int_equal(number(&autumn, "pointCount"), 2);
    clock_to("2027-01-01T12:00:00Z");
    AUTO_REPLY struct reply west = preview(f, "{\"policy\":" DAILY("22:00:00", "America/Caracas") "}");
    expect_text(&west, "schedule.0.local", "2027-01-01T22:00:00-04:00");
    expect_text(&west, "schedule.0.time", "2027-01-02T02:00:00.0000000Z");
}

static void test_the_stored_policy_is_previewed_unless_another_is_given(void **state)
{
    struct fixture *f = *state;

    make_bare_world(f); /* Sundays at 06:30, P3M */
    AUTO_REPLY struct reply r = preview(f, NULL);
    expect_text(&r, "schedule.0.time", "2027-01-03T06:30:00.0000000Z");
    assert_int_equal(kg_json_count(kg_json_get(r.json, "counts")), 12);
    expect_count(&r, "2027-04-01", 13, 13, 0); /* from 3 January, which leaves on 3 April */
    AUTO_REPLY struct reply few = call(f, "POST", PREVIEW "?$top=3", "{}");
    assert_int_equal(kg_json_count(kg_json_get(few.json, "points")), 3);
    assert_int_equal(number(&few, "pointCount"), 52);
    expect_text(&few, "points.2.time", "2027-01-17T06:30:00.0000000Z");
    expect(f, "POST", VAULT "/backupPolicies/none/preview", "{\"policy\":" SUNDAYS "}", 200);
}

static void test_more_points_than_can_be_looked_at_end_the_preview_early(void **state)
{
    struct fixture *f = *state;

    make_bare_world(f);
    AUTO_REPLY struct reply r = preview(f, "{\"until\":\"2056-12-01\",\"policy\":" WEEK("R/2027-01-01T00:00:00Z/PT1H", "UTC") "}");
    const struct kg_json *last = NULL;

    assert_true(kg_json_bool(r.json, "cut", false));
    assert_int_equal(number(&r, "pointCount"), KG_PREVIEW_MOST);
    assert_int_equal(kg_json_count(kg_json_get(r.json, "points")), 1000);
    for (const struct kg_json *c = kg_json_first(kg_json_get(r.json, "counts")); c; c = kg_json_next(c)) {
        last = c;
        assert_int_equal(kg_json_u64(c, "total", 0), 7 * 24); /* of dates that are told, the whole truth */
    }
    assert_true(strcmp(kg_json_str_or(last, "time", "z"), kg_json_str_or(r.json, "until", "")) <= 0);
    assert_true(strcmp(kg_json_str_or(r.json, "until", "z"), "2056") < 0);
}

/* ---- an instance ---- */

static void back_up_at(struct fixture *f, const char *time)
{
    clock_to(time);
    AUTO_REPLY struct reply job = back_up(f, "good", "Completed");
    assert_non_null(job.json);
}

/* Two points, a month apart; what the policy had promised them is over on 5 February and 5 March. */
static void make_history(struct fixture *f)
{
    make_world(f);
    expect(f, "PUT", POLICY, "{\"properties\":" LATER "}", 200);
    clock_to("2027-01-05T09:59:00Z");
    add_instance(f, "good");
    back_up_at(f, "2027-01-05T10:00:00Z");
    back_up_at(f, "2027-02-05T10:00:00Z");
}

static void test_points_that_are_there_keep_their_promise_whatever_the_policy(void **state)
{
    struct fixture *f = *state;

    make_history(f);
    clock_to("2027-02-06T12:00:00Z");
    AUTO_REPLY struct reply stored = preview(f, "{\"backupInstanceName\":\"bi-good\","
                                                "\"at\":[\"2027-04-01\",\"2027-02-06\",\"2027-03-01\"]}");
    assert_int_equal(number(&stored, "pointCount"), 2);
    assert_true(kg_json_bool(stored.json, "points.0.existing", false));
    assert_memory_equal(kg_json_str_or(stored.json, "points.0.time", "?"), "2027-01-05T10:00", 16);
    assert_memory_equal(kg_json_str_or(stored.json, "points.1.leaves.0.until", "?"), "2027-03-05T10:00", 16);
    expect_text(&stored, "currentProtectionState", "ProtectionConfigured");
    expect_text(&stored, "counts.0.date", "2027-02-06"); /* in order; and today is now */
    expect_count(&stored, "2027-02-06", 1, 1, 0);
    expect_count(&stored, "2027-03-01", 1, 1, 0);
    expect_count(&stored, "2027-04-01", 1, 1, 0); /* over, but the newest */
    AUTO_REPLY struct reply daily = preview(f, "{\"backupInstanceId\":\"" INSTANCE "\",\"at\":[\"2027-03-01\",\"2027-04-01\"],"
                                            "\"policy\":" DAILY("02:00:00Z", "UTC") "}");
    expect_count(&daily, "2027-03-01", 8, 8, 0); /* a week, and that of 5 February */
    expect_count(&daily, "2027-04-01", 7, 7, 0);
}

static void change_row(struct fixture *f, void (*change)(struct kg_catalog *c))
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/catalog.sqlite", f->state);
    struct kg_catalog *c = NULL;
    struct kg_err err = { 0 };

    stop_service(f, SIGTERM);
    if (kg_catalog_open_sqlite(path, &c, &err) < 0)
        fail_msg("%s", err.msg);
    change(c);
    kg_catalog_close(c);
    start_service(f);
}

static void set_first_of_february(struct kg_catalog *c)
{
    KG_AUTO_RESOURCE struct kg_resource r = { 0 };
    struct kg_err err = { 0 };

    assert_int_equal(kg_catalog_get(c, INSTANCE, &r, &err), 0);
    kg_json_set_str(r.json, "internal.schedule.succeeded", "2027-02-07T02:00:00Z");
    assert_int_equal(kg_catalog_put(c, r.id, r.location, r.json, KG_PUT_REPLACE, NULL, NULL, &err), 0);
}

static void test_the_first_of_a_month_is_not_made_twice(void **state)
{
    struct fixture *f = *state;

    make_history(f);
    clock_to("2027-02-10T12:00:00Z");
    change_row(f, set_first_of_february);
    AUTO_REPLY struct reply alone = preview(f, "{\"policy\":" SUNDAYS "}");
    expect_text(&alone, "points.0.time", "2027-02-14T02:00:00.0000000Z");
    expect_text(&alone, "points.0.tag", "Monthly");
    AUTO_REPLY struct reply of = preview(f, "{\"backupInstanceName\":\"bi-good\",\"policy\":" SUNDAYS "}");
    expect_text(&of, "points.2.time", "2027-02-14T02:00:00.0000000Z");
    expect_text(&of, "points.2.tag", "Default");
    expect_text(&of, "points.5.tag", "Monthly"); /* 7 March */
}

static void test_an_instance_that_was_stopped_gets_and_loses_nothing(void **state)
{
    struct fixture *f = *state;

    make_history(f);
    clock_to("2027-02-06T12:00:00Z");
    expect(f, "POST", INSTANCE "/stopProtection", "{}", 200);
    AUTO_REPLY struct reply r = preview(f, "{\"backupInstanceName\":\"bi-good\",\"at\":[\"2040-01-01\"],\"policy\":" SUNDAYS "}");
    expect_text(&r, "currentProtectionState", "ProtectionStopped");
    assert_int_equal(kg_json_count(kg_json_get(r.json, "schedule")), 0);
    expect_count(&r, "2040-01-01", 2, 2, 0);
    expect(f, "POST", INSTANCE "/resumeProtection", "{}", 200);
    expect(f, "POST", INSTANCE "/suspendBackups", "{}", 200);
    AUTO_REPLY struct reply suspended = preview(f, "{\"backupInstanceName\":\"bi-good\",\"at\":[\"2040-01-01\"],"
                                                   "\"policy\":" SUNDAYS "}");
    assert_int_equal(kg_json_count(kg_json_get(suspended.json, "schedule")), 0);
    expect_count(&suspended, "2040-01-01", 1, 1, 0);
}

/* ---- what points say of themselves ---- */

/* The i-th point, newest first. */
static void expect_kept(struct fixture *f, unsigned i, const char *sentence)
{
    AUTO_REPLY struct reply r = call(f, "GET", INSTANCE "/recoveryPoints", NULL);
    KG_AUTO_FREE char *path = kg_xprintf("value.%u.properties.retention.keptBecause", i);
    KG_AUTO_FREE char *name = kg_xprintf("value.%u.id", i);

    expect_text(&r, path, sentence);
    AUTO_REPLY struct reply one = call(f, "GET", kg_json_str_or(r.json, name, "?"), NULL);
    expect_text(&one, "properties.retention.keptBecause", sentence);
}

#define NEWEST "it is the newest good recovery point of its instance: it stays until there is another"

static void hold_oldest(struct kg_catalog *c)
{
    KG_AUTO_POINT_LIST struct kg_point_list l = { 0 };
    struct kg_point_query q = { .instance = INSTANCE };
    struct kg_err err = { 0 };

    assert_int_equal(kg_catalog_point_list(c, &q, &l, &err), 0);
    kg_json_set_bool(l.rows[1].json, "held", true);
    assert_int_equal(kg_catalog_point_update(c, &l.rows[1], &err), 0);
}

static void lose_newest(struct kg_catalog *c)
{
    KG_AUTO_POINT_LIST struct kg_point_list l = { 0 };
    struct kg_point_query q = { .instance = INSTANCE };
    struct kg_err err = { 0 };

    assert_int_equal(kg_catalog_point_list(c, &q, &l, &err), 0);
    kg_json_set_str(l.rows[0].json, "problem", "a pack is missing");
    kg_json_remove(l.rows[1].json, "held");
    assert_int_equal(kg_catalog_point_update(c, &l.rows[0], &err), 0);
    assert_int_equal(kg_catalog_point_update(c, &l.rows[1], &err), 0);
}

static void break_promise(struct kg_catalog *c)
{
    KG_AUTO_POINT_LIST struct kg_point_list l = { 0 };
    struct kg_point_query q = { .instance = INSTANCE };
    struct kg_err err = { 0 };

    assert_int_equal(kg_catalog_point_list(c, &q, &l, &err), 0);
    kg_json_set_str(kg_json_get_mutable(l.rows[0].json, "stays.0"), "store", "Attic");
    kg_json_remove(l.rows[1].json, "stays");
    assert_int_equal(kg_catalog_point_update(c, &l.rows[0], &err), 0);
    assert_int_equal(kg_catalog_point_update(c, &l.rows[1], &err), 0);
}

static void test_a_point_says_where_it_is_and_what_keeps_it(void **state)
{
    struct fixture *f = *state;

    make_history(f);
    clock_to("2027-02-05T12:00:00Z");
    AUTO_REPLY struct reply r = call(f, "GET", INSTANCE "/recoveryPoints", NULL);
    assert_int_equal(kg_json_count(kg_json_get(r.json, "value.0.properties.recoveryPointDataStoresDetails")), 1);
    assert_null(kg_json_get(r.json, "value.0.properties.retention.expires")); /* a day will end it */
    expect_text(&r, "value.0.properties.recoveryPointDataStoresDetails.0.type", "VaultStore");
    expect_text(&r, "value.0.properties.recoveryPointDataStoresDetails.0.expiryTime",
                kg_json_str_or(r.json, "value.0.properties.expiryTime", ""));
    expect_text(&r, "value.0.properties.retention.rule", "Default");
    expect_text(&r, "value.0.properties.retention.stays.0.store", "VaultStore");
    expect_text(&r, "value.0.properties.retention.stays.0.from", kg_json_str_or(r.json, "value.0.properties.recoveryPointTime", ""));
    expect_kept(f, 0, "rule Default keeps it until 2027-03-05");
    expect_kept(f, 1, "rule Default kept it until 2027-02-05: it is about to leave");
    clock_to("2027-03-04T23:59:00Z");
    expect_kept(f, 0, "rule Default keeps it until 2027-03-05");
    clock_to("2027-04-01T00:00:00Z");
    expect_kept(f, 0, NEWEST);
    change_row(f, hold_oldest);
    expect_kept(f, 1, "held: it stays until it is released");
    expect(f, "POST", INSTANCE "/stopProtection", "{}", 200);
    expect_kept(f, 0, "protection of its instance is stopped: nothing leaves");
    AUTO_REPLY struct reply stopped = call(f, "GET", INSTANCE "/recoveryPoints", NULL);
    expect_text(&stopped, "value.0.properties.retention.expires", "never (protection stopped)");
    expect_text(&stopped, "value.1.properties.retention.expires", "never (held)");
    expect(f, "POST", INSTANCE "/resumeProtection", "{}", 200);
    change_row(f, lose_newest);
    expect_kept(f, 0, "rule Default kept it until 2027-03-05: it is about to leave");
    expect_kept(f, 1, NEWEST);
    change_row(f, break_promise);
    expect_kept(f, 0, "what was promised of it cannot be read: it stays");
    expect_kept(f, 1, "no rule says when it leaves: it stays");
    AUTO_REPLY struct reply p = preview(f, "{\"backupInstanceName\":\"bi-good\",\"at\":[\"2040-01-01\"]}");
    expect_count(&p, "2040-01-01", 2, 2, 0);
    assert_true(kg_json_bool(p.json, "points.1.held", false) && kg_json_bool(p.json, "points.1.lost", false));
}

/* ---- a clock that nobody can believe ---- */

static void begin_at(struct fixture *f, const char *time, const char *state)
{
    stop_service(f, SIGTERM);
    clock_to(time);
    start_service(f);
    AUTO_REPLY struct reply r = call(f, "GET", SERVICE, NULL);
    expect_text(&r, "clock.state", state);
    assert_int_equal(kg_json_str(r.json, "clock.warning") != NULL, strcmp(state, "Settled") != 0);
}

static void test_a_service_that_finds_months_passed_asks_about_its_clock(void **state)
{
    struct fixture *f = *state;

    expect(f, "POST", SERVICE "/confirmClock", "{}", 200);
    begin_at(f, "2027-01-01T12:00:00Z", "Settled");
    begin_at(f, "2027-03-01T12:00:00Z", "Unconfirmed");
    begin_at(f, "2027-03-01T12:00:00Z", "Unconfirmed"); /* and goes on asking: nothing was noted of that clock */
    AUTO_REPLY struct reply center = call(f, "GET", SUB "/providers/Microsoft.DataProtection/backupCenter", NULL);
    expect_text(&center, "warnings.0.code", "Clock");
    assert_non_null(strstr(kg_json_str_or(center.json, "warnings.0.message", ""), "the service last ran on 2027-01-01"));
    assert_non_null(strstr(kg_json_str_or(center.json, "warnings.0.recommendedAction", ""), "keepgres service confirm-clock"));
    begin_at(f, "2027-01-01T12:00:00Z", "Settling"); /* it was set right */
    begin_at(f, "2027-03-01T12:00:00Z", "Unconfirmed");
    AUTO_REPLY struct reply said = call(f, "POST", SERVICE "/confirmClock", "{}");
    assert_int_equal(said.status, 200);
    expect_text(&said, "clock.state", "Settled");
    begin_at(f, "2027-03-01T12:00:00Z", "Settled");
    begin_at(f, "2027-03-08T12:00:00Z", "Settling"); /* the machine has been up, and no week passed */
}

/* ---- what is refused ---- */

static void test_each_bad_request_has_its_own_answer(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_BUF struct kg_buf many = KG_BUF_INIT(1 << 16);
    static const struct { const char *body; enum kg_code code; const char *part; } cases[] = {
        { "{\"until\":\"soon\"}", KG_E_USAGE, "until is not a date: 'soon'" },
        { "{\"until\":7}", KG_E_USAGE, "until is not a date" },
        { "{\"until\":\"2027-02-30\"}", KG_E_USAGE, "2027-02-30" },
        { "{\"until\":\"2026-12-31\"}", KG_E_USAGE, "in the past" },
        { "{\"until\":\"2057-01-02\"}", KG_E_USAGE, "more than 30 years" },
        { "{\"at\":\"2028-01-01\"}", KG_E_USAGE, "at must be an array" },
        { "{\"at\":[\"2028-01-01\",null]}", KG_E_USAGE, "at[1] is not a date" },
        { "{\"at\":[\"2025-01-01T00:00:00Z\"]}", KG_E_USAGE, "at[0]: '2025-01-01T00:00:00Z' is in the past" },
        { "{\"at\":[\"2060-01-01\"]}", KG_E_USAGE, "more than 30 years" },
        { "{\"until\":\"2028-01-01\",\"at\":[\"2028-01-02\"]}", KG_E_USAGE, "behind until" },
        { "{\"policy\":[]}", KG_E_USAGE, "policy must be an object" },
        { "{\"policy\":{}}", KG_E_USAGE, "policy: " },
        { "{\"policy\":" DAILY("00:00:00", "Mars/Olympus") "}", KG_E_USAGE, "Mars/Olympus" },
        { "{\"backupInstanceName\":7}", KG_E_USAGE, "backupInstanceName must be a string" },
        { "{\"backupInstanceName\":\"\"}", KG_E_USAGE, "empty" },
        { "{\"backupInstanceName\":\"none\"}", KG_E_NOT_FOUND, "none" },
        { "{\"backupInstanceName\":\"a\",\"backupInstanceId\":\"b\"}", KG_E_USAGE, "exclude each other" },
        { "{\"backupInstanceId\":\"" SERVER "\"}", KG_E_USAGE, "of this vault" },
        { "{\"backupInstanceId\":\"nonsense\"}", KG_E_USAGE, "of this vault" },
        { "{\"backupInstanceId\":\"" RG "/providers/Microsoft.DataProtection/backupVaults/v2/backupInstances/x\"}",
          KG_E_USAGE, "of this vault" },
        { "{\"backupInstanceId\":\"" POLICY "\"}", KG_E_USAGE, "of this vault" },
    };

    make_bare_world(f);
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++)
        expect_error(f, "POST", PREVIEW, cases[i].body, cases[i].code, cases[i].part);
    kg_buf_adds(&many, "{\"at\":[");
    for (unsigned i = 0; i < 401; i++)
        kg_buf_addf(&many, "%s\"2028-01-01\"", i ? "," : "");
    kg_buf_adds(&many, "]}");
    expect_error(f, "POST", PREVIEW, many.p, KG_E_LIMIT, "400");
    expect_error(f, "POST", VAULT "/backupPolicies/none/preview", "{}", KG_E_NOT_FOUND, "none");
    expect_error(f, "POST", RG "/providers/Microsoft.DataProtection/backupVaults/v9/backupPolicies/p/preview", "{\"policy\":" SUNDAYS "}",
                 KG_E_NOT_FOUND, "v9");
    expect_error(f, "POST", PREVIEW "?$top=0", "{}", KG_E_USAGE, "$top");
}

static bool not_stopping(void *arg)
{
    (void)arg;
    return false;
}

static void expect_status(struct kg_api *api, const char *body, int status)
{
    KG_AUTO_FREE char *copy = kg_xstrdup(body), *path = kg_xstrdup(PREVIEW);
    struct kg_http_in in = { .method = "POST", .path = path, .query = "", .body = copy, .body_len = strlen(copy),
                             .peer = { .uid = 4711 } };
    struct kg_http_out out = { .body = KG_BUF_INIT(1 << 20) };

    kg_api_http_ops.handle(api, &in, &out);
    if (out.status != status)
        fail_msg("%s: HTTP %d: %s", body, out.status, out.body.p);
    kg_http_out_done(&out);
}

/* Who may see a policy need not be allowed to see what an instance has. */
static void test_points_are_told_to_those_alone_who_may_see_them(void **state)
{
    static const char *const ids[] = { SUB, RG, VAULT, POLICY, INSTANCE };
    struct kg_api api = { .region = "local", .env = { .stopping = not_stopping }, .refusals = kg_refusals_new() };
    KG_AUTO_JSON struct kg_json *policy = kg_json_object(), *properties = NULL;
    struct kg_principal who, root;
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(kg_json_parse(policy_body, sizeof policy_body - 1, &properties, &err), 0);
    assert_int_equal(kg_catalog_open_sqlite(":memory:", &api.catalog, &err), 0);
    api.identity = kg_identity_new(api.catalog, 0);
    for (size_t i = 0; i < KG_ARRAY_LEN(ids); i++)
        assert_int_equal(kg_catalog_put(api.catalog, ids[i], NULL, i == 3 ? properties : policy, KG_PUT_CREATE, NULL, NULL, &err), 0);
    kg_principal_of_uid(4711, &who);
    kg_principal_of_uid(0, &root);
    assert_int_equal(kg_identity_assign(api.identity, "Backup Reader", &who, POLICY, NULL, &root, NULL, &err), 0);
    expect_status(&api, "{}", 200);
    expect_status(&api, "{\"backupInstanceName\":\"bi-good\"}", 403);
    expect_status(&api, "{\"backupInstanceName\":\"bi-none\"}", 403); /* nor whether there is one */
    assert_int_equal(kg_identity_assign(api.identity, "Backup Reader", &who, INSTANCE, NULL, &root, NULL, &err), 0);
    expect_status(&api, "{\"backupInstanceName\":\"bi-good\"}", 200);
    kg_refusals_free(api.refusals);
    kg_identity_free(api.identity);
    kg_catalog_close(api.catalog);
}

/* ---- counting ---- */

static uint64_t seed;

static unsigned any(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((seed >> 33) % n);
}

static void any_point(struct kg_life *l, kg_usec time, bool existing)
{
    *l = (struct kg_life){ .time = time, .good = !existing || any(3), .held = existing && any(5) == 0,
                           .in = existing ? 1u << KG_DATASTORE_VAULT : 0, .stays = existing ? any(KG_STAYS) : 1 + any(2) };
    for (unsigned i = 0; i < l->stays; i++) {
        l->stay[i].store = i ? KG_DATASTORE_ARCHIVE : KG_DATASTORE_VAULT;
        l->stay[i].from = time + (i ? any(40) : 0);
        l->stay[i].until = l->stay[i].from + 1 + any(30);
    }
}

/* One point and one moment after the other. */
static void count_slowly(const struct kg_preview *v, const unsigned *kind, kg_usec when, size_t *row)
{
    for (size_t i = 0; i < v->n; i++) {
        unsigned in = kg_life_where(v->life, v->n, i, when);

        row[KG_PREVIEW_ALL] += in != 0;
        row[KG_PREVIEW_KINDS + kind[i]] += in != 0;
        for (unsigned s = 0; s < KG_DATASTORE_COUNT_; s++)
            row[KG_PREVIEW_STORES + s] += in >> s & 1;
    }
}

static void test_any_history_is_counted_as_if_every_point_was_looked_at_every_day(void **state)
{
    enum { POINTS = 24, KINDS = 3, MOMENTS = 40, WIDTH = KG_PREVIEW_KINDS + KINDS };

    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        struct kg_life life[POINTS];
        unsigned kind[POINTS];
        kg_usec when[MOMENTS], t = 0;
        size_t fast[MOMENTS * WIDTH], slow[MOMENTS * WIDTH] = { 0 };
        struct kg_preview v = { .life = life };

        seed = round * 2654435761u + 1;
        v.n = any(POINTS + 1);
        v.existing = any((unsigned)v.n + 1);
        for (size_t i = 0; i < v.n; i++) {
            any_point(&life[i], t += any(6), i < v.existing);
            kind[i] = any(KINDS);
        }
        t = 0;
        for (size_t i = 0; i < MOMENTS; i++)
            when[i] = t += any(6);
        kg_preview_count(&v, kind, KINDS, when, MOMENTS, fast);
        for (size_t i = 0; i < MOMENTS; i++)
            count_slowly(&v, kind, when[i], slow + i * WIDTH);
        if (memcmp(fast, slow, sizeof fast) != 0)
            fail_msg("round %u: counted differently", round);
    }
}

static void test_a_promise_is_read_as_it_was_made(void **state)
{
    static const struct rule_text otherwise = { .vault = "P1M", .copy = "CopyOnExpiryOption", .archive = "P6M" };
    KG_AUTO_POLICY struct kg_policy *p = make_policy("'R/2026-01-01T02:00:00Z/P1D'", "UTC", &otherwise, NULL, 0);
    KG_AUTO_JSON struct kg_json *j = kg_json_object();
    struct kg_life made = { .time = at("2027-01-31T02:00:00.123456Z") }, read;
    kg_usec end;

    (void)state;
    kg_life_plan(kg_policy_retention(p, "Default"), &made);
    kg_json_set(j, "stays", kg_promise_make(kg_policy_retention(p, "Default"), made.time, &end));
    read = kg_promise_read(j, made.time);
    assert_int_equal(read.stays, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(read.stay[i].store, made.stay[i].store);
        assert_true(read.stay[i].from == made.stay[i].from && read.stay[i].until == made.stay[i].until);
    }
    assert_true(end == at("2027-08-28T02:00:00.123456Z"));
    assert_true(read.good && !read.held && read.in == 1u << KG_DATASTORE_VAULT);
    kg_json_set_str(kg_json_get_mutable(j, "stays.1"), "until", "one day");
    assert_true(kg_promise_read(j, made.time).held);
    assert_int_equal(kg_promise_read(NULL, made.time).stays, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_clock, teardown)
        TEST(test_two_years_of_sundays_are_counted_to_the_point),
        TEST(test_copies_are_counted_in_the_stores_where_they_are),
        TEST(test_starts_and_dates_follow_the_clocks_of_the_zone),
        TEST(test_the_stored_policy_is_previewed_unless_another_is_given),
        TEST(test_more_points_than_can_be_looked_at_end_the_preview_early),
        TEST(test_points_that_are_there_keep_their_promise_whatever_the_policy),
        TEST(test_the_first_of_a_month_is_not_made_twice),
        TEST(test_an_instance_that_was_stopped_gets_and_loses_nothing),
        TEST(test_a_point_says_where_it_is_and_what_keeps_it),
        TEST(test_a_service_that_finds_months_passed_asks_about_its_clock),
        TEST(test_each_bad_request_has_its_own_answer),
        cmocka_unit_test(test_points_are_told_to_those_alone_who_may_see_them),
        cmocka_unit_test(test_any_history_is_counted_as_if_every_point_was_looked_at_every_day),
        cmocka_unit_test(test_a_promise_is_read_as_it_was_made),
    };
    int role = role_main(argc, argv);

    return role >= 0 ? role : cmocka_run_group_tests(tests, NULL, NULL);
}
