/* Which tag a recovery point gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "policy/tag.h"
#include "support/policy_text.h"

static const struct rule_text otherwise = { .vault = "P3M" };
static const struct rule_text first_of[] = {
    { "Yearly", 10, "'absoluteCriteria':['FirstOfYear']", "P5Y", NULL, NULL },
    { "Monthly", 15, "'absoluteCriteria':['FirstOfMonth']", "P1Y", NULL, NULL },
    { "Weekly", 20, "'absoluteCriteria':['FirstOfWeek']", "P1M", NULL, NULL },
};

static void expect_tag(const struct kg_policy *p, const char *zone, const char *start, const char *previous, const char *want)
{
    KG_AUTO_ZONE struct kg_zone *z = NULL;
    struct kg_err err = { 0 };
    const char *got;

    assert_int_equal(kg_zone_open(zone, &z, &err), 0);
    got = kg_tag_for(p, z, at(start), previous ? at(previous) : 0)->name;
    if (strcmp(got, want) != 0)
        fail_msg("%s after %s in %s: %s, not %s", start, previous ? previous : "none", zone, got, want);
}

static void test_the_first_backup_of_a_period_gets_its_tag_and_the_longest_period_wins(void **state)
{
    KG_AUTO_POLICY struct kg_policy *p = make_policy("'R/2026-01-01T02:00:00Z/P1D'", "UTC", &otherwise, first_of, KG_ARRAY_LEN(first_of));

    (void)state;
    expect_tag(p, "UTC", "2026-11-21T02:00:00Z", NULL, "Yearly");                          /* the first one at all */
    expect_tag(p, "UTC", "2026-11-21T02:00:00Z", "2026-11-20T02:00:00Z", "Default");
    expect_tag(p, "UTC", "2026-11-22T02:00:00Z", "2026-11-21T02:00:00Z", "Weekly");        /* a Sunday */
    expect_tag(p, "UTC", "2026-11-24T02:00:00Z", "2026-11-21T02:00:00Z", "Weekly");        /* Sunday's and Monday's failed */
    expect_tag(p, "UTC", "2026-12-03T02:00:00Z", "2026-11-29T02:00:00Z", "Monthly");       /* the 1st and 2nd failed */
    expect_tag(p, "UTC", "2026-12-04T02:00:00Z", "2026-12-03T02:00:00Z", "Default");
    expect_tag(p, "UTC", "2027-01-01T02:00:00Z", "2026-12-31T02:00:00Z", "Yearly");
    expect_tag(p, "UTC", "2016-11-21T02:00:00Z", "2026-11-20T02:00:00Z", "Yearly");        /* the clock went back: kept longer */
    /* The year begins earlier in the east. */
    expect_tag(p, "Asia/Kolkata", "2026-12-31T19:00:00Z", "2026-12-31T18:00:00Z", "Yearly");
    expect_tag(p, "UTC", "2026-12-31T19:00:00Z", "2026-12-31T18:00:00Z", "Default");
}

static void test_days_weeks_and_months(void **state)
{
    static const struct { const char *criteria, *start; bool match; } rows[] = {
        { "'daysOfTheWeek':['Sunday','Friday']", "2026-11-22T02:00:00Z", true },
        { "'daysOfTheWeek':['Sunday','Friday']", "2026-11-21T02:00:00Z", false },
        { "'daysOfTheWeek':['Sunday'],'weeksOfTheMonth':['First']", "2026-11-01T02:00:00Z", true },
        { "'daysOfTheWeek':['Sunday'],'weeksOfTheMonth':['First']", "2026-11-08T02:00:00Z", false },
        { "'daysOfTheWeek':['Sunday'],'weeksOfTheMonth':['Last']", "2026-11-29T02:00:00Z", true },
        { "'daysOfTheWeek':['Sunday'],'weeksOfTheMonth':['Last']", "2026-11-22T02:00:00Z", false },
        { "'daysOfTheWeek':['Friday'],'weeksOfTheMonth':['Last'],'monthsOfYear':['February']", "2028-02-25T02:00:00Z", true },
        { "'daysOfTheWeek':['Friday'],'weeksOfTheMonth':['Last'],'monthsOfYear':['February']", "2028-03-31T02:00:00Z", false },
        { "'daysOfMonth':[{'date':15},{'isLast':true}]", "2026-11-15T02:00:00Z", true },
        { "'daysOfMonth':[{'date':15},{'isLast':true}]", "2028-02-29T02:00:00Z", true },
        { "'daysOfMonth':[{'date':15},{'isLast':true}]", "2027-02-27T02:00:00Z", false },
        { "'absoluteCriteria':['AllBackup']", "2026-11-18T02:00:00Z", true },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        const struct rule_text r = { "Special", 12, rows[i].criteria, "P1Y", NULL, NULL };
        KG_AUTO_POLICY struct kg_policy *p = make_policy("'R/2026-01-01T02:00:00Z/P1D'", "UTC", &otherwise, &r, 1);

        expect_tag(p, "UTC", rows[i].start, "2026-01-01T00:00:00Z", rows[i].match ? "Special" : "Default");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_backup_of_a_period_gets_its_tag_and_the_longest_period_wins),
        cmocka_unit_test(test_days_weeks_and_months),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
