/* Where copies are to be and when they go: examples, and 10,000 random policies and histories, played day by day. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "policy/copies.h"
#include "policy/leaving.h"
#include "policy/preview.h"
#include "policy/promise.h"
#include "policy/schedule.h"
#include "support/policy_text.h"

enum { VAULT = 1u << KG_DATASTORE_VAULT, ARCHIVE = 1u << KG_DATASTORE_ARCHIVE, CASES = 10000 };
static const kg_usec day = 86400 * KG_SECOND;

static struct kg_life planned(const struct kg_policy *p, const char *rule, const char *time)
{
    struct kg_life l = { .time = at(time), .in = VAULT, .good = true };

    kg_life_plan(kg_policy_retention(p, rule), &l);
    return l;
}

static void expect_stay(const struct kg_stay *s, enum kg_datastore store, const char *from, const char *until)
{
    assert_int_equal(s->store, store);
    assert_true(s->from == at(from));
    assert_true(s->until == at(until));
}

static void test_a_plan_says_where_and_how_long(void **state)
{
    static const struct rule_text otherwise = { .vault = "P3M" }, rules[] = {
        { "Monthly", 15, "'absoluteCriteria':['FirstOfMonth']", "P6M", "CopyOnExpiryOption", "P24M" },
        { "Yearly", 10, "'absoluteCriteria':['FirstOfYear']", "P1Y", "ImmediateCopyOption", "P10Y" },
        { "Weekly", 20, "'absoluteCriteria':['FirstOfWeek']", "P4M", "P30D", "P6M" },
    };
    KG_AUTO_POLICY struct kg_policy *p = make_policy("'R/2026-01-01T02:00:00Z/P1D'", "UTC", &otherwise, rules, KG_ARRAY_LEN(rules));
    struct kg_life l;

    (void)state;
    l = planned(p, "Default", "2026-11-21T02:00:00Z");
    assert_int_equal(l.stays, 1);
    expect_stay(&l.stay[0], KG_DATASTORE_VAULT, "2026-11-21T02:00:00Z", "2027-02-21T02:00:00Z");
    l = planned(p, "Monthly", "2026-08-31T02:00:00Z");
    assert_int_equal(l.stays, 2);
    expect_stay(&l.stay[0], KG_DATASTORE_VAULT, "2026-08-31T02:00:00Z", "2027-02-28T02:00:00Z");
    expect_stay(&l.stay[1], KG_DATASTORE_ARCHIVE, "2027-02-28T02:00:00Z", "2029-02-28T02:00:00Z");
    assert_true(kg_life_end(&l) == at("2029-02-28T02:00:00Z"));
    l = planned(p, "Yearly", "2026-01-01T02:00:00Z");
    expect_stay(&l.stay[1], KG_DATASTORE_ARCHIVE, "2026-01-01T02:00:00Z", "2036-01-01T02:00:00Z");
    l = planned(p, "Weekly", "2026-01-01T02:00:00Z");
    expect_stay(&l.stay[1], KG_DATASTORE_ARCHIVE, "2026-01-31T02:00:00Z", "2026-07-31T02:00:00Z");
}

static void test_steps(void **state)
{
    static const struct rule_text otherwise = { .vault = "P1M", .copy = "CopyOnExpiryOption", .archive = "P6M" };
    KG_AUTO_POLICY struct kg_policy *p = make_policy("'R/2026-01-01T02:00:00Z/P1D'", "UTC", &otherwise, NULL, 0);
    struct kg_life l[2] = { planned(p, "Default", "2026-01-01T02:00:00Z"), planned(p, "Default", "2026-01-08T02:00:00Z") };
    struct kg_step step[2 * KG_STAYS];

    (void)state;
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2026-02-01T01:59:59Z"), step), 0);
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2026-02-01T02:00:00Z"), step), 1);
    assert_true(step[0].point == 0 && step[0].kind == KG_STEP_COPY && step[0].store == KG_DATASTORE_ARCHIVE);
    l[0].in |= ARCHIVE; /* not before the copy is there */
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2026-02-01T02:00:00Z"), step), 1);
    assert_true(step[0].kind == KG_STEP_LEAVE && step[0].store == KG_DATASTORE_VAULT);
    l[0].held = true;
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2026-02-01T02:00:00Z"), step), 0);
    l[0].held_until = at("2026-02-01T02:00:00Z") + 1; /* a hold that ends by itself */
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2026-02-01T02:00:00Z"), step), 0);
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2026-02-01T02:00:00Z") + 1, step), 1);
    kg_life_hold(&l[0]); /* for good */
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2026-02-02T02:00:00Z"), step), 0);
    l[0].held = false;
    l[0].in = ARCHIVE;
    l[1].in = ARCHIVE;
    /* Ten years on, both are over; the newest good one stays. */
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2036-02-01T02:00:00Z"), step), 1);
    assert_true(step[0].point == 0 && step[0].kind == KG_STEP_LEAVE);
    l[1].good = false;
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2036-02-01T02:00:00Z"), step), 1);
    assert_true(step[0].point == 1);
    /* And a clock that is ten years behind does nothing. */
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2016-02-01T02:00:00Z"), step), 0);
}

/* What the archive has is damaged: it is copied again, and nothing leaves before. */
static void test_a_copy_that_is_to_be_made_again_is_none(void **state)
{
    static const struct rule_text otherwise = { .vault = "P1M", .copy = "CopyOnExpiryOption", .archive = "P6M" };
    KG_AUTO_POLICY struct kg_policy *p = make_policy("'R/2026-01-01T02:00:00Z/P1D'", "UTC", &otherwise, NULL, 0);
    struct kg_life l[2] = { planned(p, "Default", "2026-01-01T02:00:00Z"), planned(p, "Default", "2026-02-10T02:00:00Z") };
    struct kg_step step[2 * KG_STAYS];

    (void)state;
    l[0].in = l[1].in = VAULT | ARCHIVE;
    l[0].again = ARCHIVE;
    assert_int_equal(kg_lifecycle_steps(l, 1, at("2026-02-05T00:00:00Z"), step), 1);
    assert_true(step[0].kind == KG_STEP_COPY && step[0].store == KG_DATASTORE_ARCHIVE);
    l[0].again = 0;
    assert_int_equal(kg_lifecycle_steps(l, 1, at("2026-02-05T00:00:00Z"), step), 1);
    assert_true(step[0].kind == KG_STEP_LEAVE && step[0].store == KG_DATASTORE_VAULT);
    /* When all its time is over, what stays of the newest is the copy that is whole. */
    l[0].again = ARCHIVE;
    assert_int_equal(kg_lifecycle_steps(l, 1, at("2046-02-05T00:00:00Z"), step), 1);
    assert_true(step[0].kind == KG_STEP_LEAVE && step[0].store == KG_DATASTORE_ARCHIVE);
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2046-02-05T00:00:00Z"), step), 2 + 1);
}

static void test_a_document_says_what_is_leaving(void **state)
{
    KG_AUTO_JSON struct kg_json *doc = kg_json_object();
    kg_usec now = at("2026-02-05T00:00:00Z");

    (void)state;
    assert_int_equal(kg_leaving_stores(doc) | kg_again_stores(doc), 0);
    assert_false(kg_leaving_all(doc));
    kg_copies_add(doc, now, KG_DATASTORE_ARCHIVE, now, 5);
    kg_leaving_begin(doc, VAULT, "r1", now);
    assert_int_equal(kg_leaving_stores(doc), VAULT);
    assert_true(!kg_leaving_all(doc) && kg_promise_read(doc, now).good); /* the other one stays */
    assert_true(kg_leaving_is_of(doc, "r1") && !kg_leaving_is_of(doc, "r2"));
    kg_leaving_begin(doc, ARCHIVE, "r2", now);
    assert_true(kg_leaving_all(doc) && !kg_promise_read(doc, now).good); /* it is no newest one to count on */
    kg_leaving_end(doc, KG_DATASTORE_ARCHIVE);
    assert_int_equal(kg_leaving_stores(doc), VAULT);
    kg_leaving_end(doc, KG_DATASTORE_VAULT);
    assert_null(kg_json_get(doc, "leaving"));
    kg_again_begin(doc, KG_DATASTORE_ARCHIVE, "a pack is damaged");
    assert_int_equal(kg_promise_read(doc, now).again, ARCHIVE);
    kg_again_end(doc, KG_DATASTORE_VAULT);
    assert_int_equal(kg_again_stores(doc), ARCHIVE);
    kg_again_end(doc, KG_DATASTORE_ARCHIVE);
    assert_null(kg_json_get(doc, "again"));
    kg_stayed(doc, KG_DATASTORE_VAULT, "no key", 60 * KG_SECOND, now);
    assert_true(kg_stayed_is_paused(doc, KG_DATASTORE_VAULT, now) && !kg_stayed_is_paused(doc, KG_DATASTORE_ARCHIVE, now));
    assert_false(kg_stayed_is_paused(doc, KG_DATASTORE_VAULT, now + 60 * KG_SECOND));
    assert_false(kg_stayed_is_paused(doc, KG_DATASTORE_VAULT, at("2025-01-01T00:00:00Z"))); /* a clock that was set back */
    assert_string_equal(kg_stayed_problem(doc), "no key");
}

/* What is to be made again is damaged to everybody; and what a check finds damaged in the archive is to be made again. */
static void test_what_is_damaged_in_the_archive_is_made_again(void **state)
{
    static const enum kg_datastore vault = KG_DATASTORE_VAULT, archive = KG_DATASTORE_ARCHIVE;
    KG_AUTO_JSON struct kg_json *doc = kg_json_object();
    kg_usec now = at("2026-02-05T00:00:00Z");

    (void)state;
    kg_copies_add(doc, now, archive, now, 5);
    assert_false(kg_again_follow(doc));
    kg_again_begin(doc, archive, "a pack is damaged");
    assert_int_equal(kg_copies_sound(doc), VAULT); /* if the vault loses its copy none is left to count on */
    assert_string_equal(kg_copies_damage(doc, archive), "a pack is damaged");
    assert_false(kg_copies_set_damaged(doc, archive, NULL, false) || kg_again_follow(doc)); /* a check that reads less */
    assert_int_equal(kg_again_stores(doc), ARCHIVE);
    assert_true(kg_copies_set_damaged(doc, archive, NULL, true) && kg_again_follow(doc));
    assert_int_equal(kg_again_stores(doc), 0);
    assert_true(kg_copies_set_damaged(doc, archive, "torn", false) && kg_again_follow(doc));
    assert_false(kg_again_follow(doc)); /* no news */
    assert_int_equal(kg_promise_read(doc, now).again, ARCHIVE);
    assert_true(kg_copies_set_damaged(doc, archive, NULL, false) && kg_again_follow(doc)); /* found by a look, gone by a look */
    assert_true(kg_copies_set_damaged(doc, archive, "torn", false) && kg_copies_set_damaged(doc, vault, "torn", false));
    assert_false(kg_again_follow(doc)); /* of nothing whole */
    assert_true(kg_copies_set_damaged(doc, vault, NULL, false) && kg_again_follow(doc)); /* when that is whole again */
}

/* A point that is in the archive only, rehydrated for ten days. */
static void test_what_was_rehydrated_leaves_by_itself_and_nothing_else(void **state)
{
    static const struct rule_text otherwise = { .vault = "P1M", .copy = "CopyOnExpiryOption", .archive = "P6M" };
    KG_AUTO_POLICY struct kg_policy *p = make_policy("'R/2026-01-01T02:00:00Z/P1D'", "UTC", &otherwise, NULL, 0);
    struct kg_life l[2] = { planned(p, "Default", "2026-01-01T02:00:00Z"), planned(p, "Default", "2026-06-01T02:00:00Z") };
    struct kg_step step[2 * KG_STAYS];

    (void)state;
    l[0].in = VAULT | ARCHIVE;
    l[0].rehydrated = at("2026-03-11T00:00:00Z");
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2026-03-10T23:59:59Z"), step), 0);
    assert_int_equal(kg_life_kept(&l[0], at("2026-03-10T23:59:59Z")), VAULT | ARCHIVE);
    assert_int_equal(kg_life_kept(&l[0], at("2026-03-11T00:00:00Z")), ARCHIVE);
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2026-03-11T00:00:00Z"), step), 1);
    assert_true(step[0].point == 0 && step[0].kind == KG_STEP_LEAVE && step[0].store == KG_DATASTORE_VAULT);
    /* Of a point that is held, too, as long as the archive has it. */
    l[0].held = true;
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2026-03-11T00:00:00Z"), step), 1);
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2026-09-11T00:00:00Z"), step), 1 + 1); /* and l[1] is to be copied */
    assert_true(step[0].kind == KG_STEP_LEAVE && step[0].store == KG_DATASTORE_VAULT);
    l[0].in = VAULT;
    assert_int_equal(kg_lifecycle_steps(l, 1, at("2026-09-11T00:00:00Z"), step), 0);
    l[0].held = false;
    /* Nothing leaves the archive that is being rehydrated from it. */
    l[0].in = ARCHIVE;
    l[0].rehydrated = 0;
    l[0].rehydrating = true;
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2026-05-10T00:00:00Z"), step), 0);
    l[0].rehydrating = false;
    /* The newest good point's home is the archive, not the copy that passes. */
    l[0].in = VAULT | ARCHIVE;
    l[0].rehydrated = at("2030-01-01T00:00:00Z");
    assert_int_equal(kg_lifecycle_steps(l, 1, at("2029-01-01T00:00:00Z"), step), 0);
    assert_int_equal(kg_lifecycle_steps(l, 1, at("2030-01-01T00:00:00Z"), step), 1);
    assert_true(step[0].store == KG_DATASTORE_VAULT);
}

static void test_a_document_says_where_copies_are(void **state)
{
    KG_AUTO_JSON struct kg_json *doc = kg_json_object();
    const kg_usec made = at("2026-01-01T02:00:00Z"), later = at("2026-02-01T02:00:00Z");
    struct kg_rehydration r;

    (void)state;
    assert_int_equal(kg_copies_in(doc), VAULT);
    kg_copies_add(doc, made, KG_DATASTORE_ARCHIVE, later, 77);
    assert_int_equal(kg_copies_in(doc), VAULT | ARCHIVE);
    assert_true(kg_copies_time(doc, KG_DATASTORE_VAULT, 0) == made && kg_copies_time(doc, KG_DATASTORE_ARCHIVE, 0) == later);
    kg_copies_remove(doc, made, KG_DATASTORE_VAULT);
    assert_int_equal(kg_copies_in(doc), ARCHIVE);
    assert_true(kg_rehydration_ask(doc, false, 15, later));
    assert_false(kg_rehydration_ask(doc, true, 12, later)); /* it is on its way: the longer time, the higher priority */
    r = kg_rehydration_read(doc);
    assert_true(r.status == KG_REHYDRATION_CREATING && r.high && r.days == 15 && !r.until);
    assert_true(kg_promise_read(doc, made).rehydrating);
    kg_rehydration_came(doc, made, later);
    assert_int_equal(kg_copies_in(doc), VAULT | ARCHIVE);
    assert_true(kg_promise_read(doc, made).rehydrated == later + 15 * day);
    assert_false(kg_rehydration_ask(doc, false, 10, later + 2 * day)); /* never shorter than it was promised */
    assert_true(kg_rehydration_read(doc).until == later + 15 * day);
    assert_false(kg_rehydration_ask(doc, false, 30, later + 2 * day));
    assert_true(kg_rehydration_read(doc).until == later + 32 * day);
    r = kg_rehydration_read(doc);
    r.status = KG_REHYDRATION_FAILED;
    r.problem = "it is damaged";
    kg_rehydration_write(doc, &r);
    r = kg_rehydration_read(doc);
    kg_rehydration_write(doc, &r); /* what it borrows of the document is kept */
    assert_string_equal(kg_rehydration_read(doc).problem, "it is damaged");
    kg_copies_remove(doc, made, KG_DATASTORE_VAULT);
    kg_copies_remove(doc, made, KG_DATASTORE_ARCHIVE);
    assert_int_equal(kg_copies_in(doc), 0);
}

/* What checks find wrong with copies, one after the other. */
static void test_a_document_says_what_is_wrong_with_copies(void **state)
{
    KG_AUTO_JSON struct kg_json *doc = kg_json_object(), *older = kg_json_object();
    const kg_usec made = at("2026-01-01T02:00:00Z");

    (void)state;
    assert_true(kg_copies_state(doc) == KG_COPY_SOUND && kg_promise_read(doc, made).good);
    assert_true(kg_copies_set_damaged(doc, KG_DATASTORE_VAULT, "packs/aa: torn", true));
    assert_false(kg_copies_set_damaged(doc, KG_DATASTORE_VAULT, "packs/aa: torn", false)); /* no news */
    assert_true(kg_copies_state(doc) == KG_COPY_DAMAGED && !kg_promise_read(doc, made).good);
    assert_string_equal(kg_json_str(doc, "problem"), "the vault has it damaged: packs/aa: torn");
    assert_false(kg_copies_set_damaged(doc, KG_DATASTORE_VAULT, NULL, false)); /* found by reading, gone by reading */
    assert_false(kg_copies_set_damaged(doc, KG_DATASTORE_ARCHIVE, "x", true)); /* where there is none */
    kg_copies_add(doc, made, KG_DATASTORE_ARCHIVE, made, 0);
    assert_true(kg_copies_state(doc) == KG_COPY_SOUND && kg_copies_sound(doc) == ARCHIVE && !kg_json_str(doc, "problem"));
    assert_true(kg_promise_read(doc, made).good && kg_promise_read(doc, made).damaged == VAULT);
    assert_true(kg_copies_set_lost(doc, KG_DATASTORE_ARCHIVE, true));
    assert_true(kg_copies_state(doc) == KG_COPY_DAMAGED && kg_copies_lost(doc) == ARCHIVE);
    assert_true(kg_copies_set_damaged(doc, KG_DATASTORE_VAULT, NULL, true));
    assert_true(kg_copies_sound(doc) == VAULT);
    assert_true(kg_copies_set_lost(doc, KG_DATASTORE_ARCHIVE, false) && kg_copies_set_damaged(doc, KG_DATASTORE_ARCHIVE, "a", false));
    assert_true(kg_copies_set_damaged(doc, KG_DATASTORE_ARCHIVE, NULL, false) && !kg_json_get(doc, "faults"));
    assert_true(kg_copies_state(doc) == KG_COPY_SOUND && kg_copies_set_damaged(doc, KG_DATASTORE_ARCHIVE, "a", false));
    assert_true(kg_copies_set_damaged(doc, KG_DATASTORE_VAULT, "b", false) && kg_copies_set_damaged(doc, KG_DATASTORE_ARCHIVE, NULL, true));
    assert_true(kg_copies_set_damaged(doc, KG_DATASTORE_VAULT, NULL, true) && kg_copies_state(doc) == KG_COPY_SOUND);
    assert_true(kg_copies_set_lost(doc, KG_DATASTORE_ARCHIVE, true));
    assert_true(kg_copies_set_lost(doc, KG_DATASTORE_VAULT, true));
    assert_true(kg_copies_state(doc) == KG_COPY_LOST);
    assert_string_equal(kg_json_str(doc, "problem"), "the vault has lost it; the archive has lost it");
    assert_true(kg_copies_set_lost(doc, KG_DATASTORE_ARCHIVE, false));
    assert_true(kg_rehydration_ask(doc, false, 10, made)); /* what the vault has lost comes back from the archive */
    kg_rehydration_came(doc, made, made + day);
    assert_true(kg_copies_sound(doc) == (VAULT | ARCHIVE) && !kg_json_get(doc, "faults"));
    kg_json_set_str(older, "problem", "the vault has lost it"); /* of a catalog that had one mark for all */
    assert_true(kg_copies_state(older) == KG_COPY_LOST && !kg_promise_read(older, made).good);
    assert_true(kg_copies_set_lost(older, KG_DATASTORE_VAULT, false));
    assert_true(kg_copies_state(older) == KG_COPY_SOUND && !kg_json_str(older, "problem"));
}

static void expect_one_step(const struct kg_life *l, const char *when, enum kg_step_kind kind, enum kg_datastore store)
{
    struct kg_step step[2 * KG_STAYS];

    assert_int_equal(kg_lifecycle_steps(l, 1, at(when), step), 1);
    assert_true(step[0].kind == kind && step[0].store == store);
}

/* A month in the vault, then half a year in the archive; what stands there is lost, or damaged. */
static void test_a_sound_copy_stays_while_the_other_one_is_not(void **state)
{
    static const struct rule_text otherwise = { .vault = "P1M", .copy = "CopyOnExpiryOption", .archive = "P6M" };
    KG_AUTO_POLICY struct kg_policy *p = make_policy("'R/2026-01-01T02:00:00Z/P1D'", "UTC", &otherwise, NULL, 0);
    struct kg_life l[2] = { planned(p, "Default", "2026-01-01T02:00:00Z"), planned(p, "Default", "2026-01-08T02:00:00Z") };
    struct kg_step step[2 * KG_STAYS];

    (void)state;
    l[0].in = VAULT | ARCHIVE;
    expect_one_step(l, "2026-02-02T02:00:00Z", KG_STEP_LEAVE, KG_DATASTORE_VAULT);
    l[0].damaged = ARCHIVE;
    assert_int_equal(kg_lifecycle_steps(l, 1, at("2026-02-02T02:00:00Z"), step), 0);
    l[0].damaged = 0;
    l[0].lost = ARCHIVE; /* is made anew, and the vault's stays for that */
    expect_one_step(l, "2026-02-02T02:00:00Z", KG_STEP_COPY, KG_DATASTORE_ARCHIVE);
    l[0].lost = VAULT;
    expect_one_step(l, "2026-02-02T02:00:00Z", KG_STEP_LEAVE, KG_DATASTORE_VAULT);
    /* Ten years on: the newest good one keeps the copy that is sound, whichever lasted longer. */
    l[0].lost = 0;
    l[0].damaged = ARCHIVE;
    expect_one_step(l, "2036-02-02T02:00:00Z", KG_STEP_LEAVE, KG_DATASTORE_ARCHIVE);
    l[0].damaged = VAULT;
    expect_one_step(l, "2036-02-02T02:00:00Z", KG_STEP_LEAVE, KG_DATASTORE_VAULT);
    /* And a younger one of which nothing is sound is not in its place. */
    l[1].good = false;
    l[1].damaged = VAULT;
    l[0].in = ARCHIVE;
    assert_int_equal(kg_lifecycle_steps(l, 2, at("2036-02-02T02:00:00Z"), step), 1);
    assert_true(step[0].point == 1 && step[0].kind == KG_STEP_LEAVE);
}

/* ---- any policy, any history ---- */

static uint64_t seed;

static unsigned any(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((seed >> 33) % n);
}

static const char *pick(const char *const *list, unsigned n) { return list[any(n)]; }
#define PICK(...) pick((const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void any_copy(struct rule_text *r)
{
    r->copy = NULL;
    if (any(2))
        return;
    r->copy = PICK("CopyOnExpiryOption", "ImmediateCopyOption", "P5D", "P10D");
    r->archive = PICK("P6M", "P7M", "P1Y", "P2Y");
}

static struct kg_policy *any_policy(const char *zone)
{
    static const char *const tags[] = { "Yearly", "Monthly", "Weekly", "Daily" },
                             *const firsts[] = { "FirstOfYear", "FirstOfMonth", "FirstOfWeek", "FirstOfDay" };
    struct rule_text rule[4], otherwise = { .vault = PICK("P7D", "P10D", "P1M", "P3M") };
    char criteria[4][64], intervals[256] = "";
    unsigned n = 0;

    any_copy(&otherwise);
    for (unsigned i = 0; i < 4; i++) {
        if (any(2))
            continue;
        snprintf(criteria[n], sizeof criteria[n], "'absoluteCriteria':['%s']", firsts[i]);
        rule[n] = (struct rule_text){ tags[i], 10 + 5 * (int)i, criteria[n], PICK("P7D", "P14D", "P1M", "P6M", "P1Y"), NULL, NULL };
        any_copy(&rule[n++]);
    }
    for (unsigned i = 0, k = 1 + any(2); i < k; i++)
        snprintf(intervals + strlen(intervals), sizeof intervals - strlen(intervals), "%s'R/2025-%02u-%02uT%02u:30:00/%s'", i ? "," : "",
                 1 + any(12), 1 + any(28), any(24), PICK("P1W", "P2W", "P10D", "P1M"));
    return make_policy(intervals, zone, &otherwise, rule, n);
}

/* Points of the last year, in order of time; of the older ones, some copies are gone. */
static size_t any_history(const struct kg_policy *p, kg_usec now, bool all_good, struct kg_life *ret)
{
    size_t n = any(8);
    kg_usec t = now - 300 * day;

    for (size_t i = 0; i < n; i++) {
        t += (kg_usec)(1 + any(30)) * day;
        ret[i] = (struct kg_life){ .time = t, .in = VAULT, .good = all_good || any(3), .held = any(8) == 0 };
        kg_life_plan(kg_policy_retention(p, p->tags[any((unsigned)p->tag_count)].name), &ret[i]);
    }
    return n;
}

struct play {
    struct kg_life *life;
    unsigned char *copied, *left;        /* bits of stores, per point */
    size_t n;                            /* points that have been made by now */
};

static size_t last_good(const struct play *g)
{
    size_t best = g->n;

    for (size_t i = 0; i < g->n; i++)
        if (g->life[i].good && g->life[i].in)
            best = i;
    return best;
}

static void take_step(struct play *g, const struct kg_step *s, unsigned which)
{
    struct kg_life *l = &g->life[s->point];
    unsigned bit = 1u << s->store;
    size_t good = last_good(g);

    if (s->kind == KG_STEP_COPY) {
        if (g->copied[s->point] & bit || l->in & bit || !l->in)
            fail_msg("case %u: point %zu is copied twice, or from nowhere", which, s->point);
        g->copied[s->point] |= (unsigned char)bit;
        l->in |= bit;
        return;
    }
    if (l->held || g->left[s->point] & bit || !(l->in & bit))
        fail_msg("case %u: point %zu is held or gone, and deleted", which, s->point);
    g->left[s->point] |= (unsigned char)bit;
    l->in &= ~bit;
    if (good != g->n && last_good(g) == g->n)
        fail_msg("case %u: the last good point is gone", which);
    if (good == s->point && !l->in)
        fail_msg("case %u: the newest good point is gone", which);
}

static void tick(struct play *g, kg_usec now, struct kg_step *step, unsigned which)
{
    for (unsigned again = 0;; again++) {
        size_t k = kg_lifecycle_steps(g->life, g->n, now, step);

        if (k == 0)
            return;
        assert_true(again < 4);
        for (size_t i = 0; i < k; i++)
            take_step(g, &step[i], which);
    }
}

static void play(unsigned which)
{
    static const char *const zones[] = { "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
                                         "America/Caracas" };
    const char *zone = zones[any(KG_ARRAY_LEN(zones))];
    const kg_usec now = at("2026-11-21T09:00:00Z"), until = now + (kg_usec)(100 + any(500)) * day;
    const bool all_good = any(4);
    KG_AUTO_POLICY struct kg_policy *p = any_policy(zone);
    KG_AUTO_ZONE struct kg_zone *z = NULL;
    KG_AUTO_PREVIEW struct kg_preview v = { 0 };
    KG_AUTO_FREE struct kg_step *step = NULL;
    struct kg_life before[8];
    struct kg_err err = { 0 };
    struct play g = { 0 };
    size_t n = any_history(p, now, all_good, before);

    assert_int_equal(kg_zone_open(zone, &z, &err), 0);
    kg_preview_make(p, z, before, n, 0, now, until, &v);
    g.life = kg_xalloc_array(v.n, sizeof *g.life);
    g.copied = kg_xalloc_array(v.n, 1);
    g.left = kg_xalloc_array(v.n, 1);
    step = kg_xalloc_array(v.n * KG_STAYS, sizeof *step);
    memcpy(g.life, v.life, v.n * sizeof *g.life);
    g.n = n;
    for (kg_usec t = n ? before[0].time : now; t <= until; t += (kg_usec)(1 + any(5 * 24)) * 3600 * KG_SECOND) {
        size_t there = 0;

        while (there < v.n && g.life[there].time <= t)
            there++;
        for (g.n = there; there > 0 && there > n; there--) /* those that the schedule made meanwhile */
            if (!g.life[there - 1].in && !g.left[there - 1])
                g.life[there - 1].in = VAULT;
        tick(&g, t, step, which);
        for (size_t i = 0; all_good && i < g.n; i++) {
            unsigned where = kg_life_where(v.life, v.n, i, t);

            if (where != g.life[i].in && !(g.life[i].held && g.life[i].in & where))
                fail_msg("case %u, point %zu: previewed in %u, is in %u", which, i, where, g.life[i].in);
        }
    }
    free(g.life);
    free(g.copied);
    free(g.left);
}

static void test_what_was_previewed_is_what_happens_and_nothing_good_is_lost(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        seed = i * 2654435761u + 1;
        play(i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plan_says_where_and_how_long),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_a_copy_that_is_to_be_made_again_is_none),
        cmocka_unit_test(test_a_document_says_what_is_leaving),
        cmocka_unit_test(test_what_is_damaged_in_the_archive_is_made_again),
        cmocka_unit_test(test_what_was_rehydrated_leaves_by_itself_and_nothing_else),
        cmocka_unit_test(test_a_document_says_where_copies_are),
        cmocka_unit_test(test_a_document_says_what_is_wrong_with_copies),
        cmocka_unit_test(test_a_sound_copy_stays_while_the_other_one_is_not),
        cmocka_unit_test(test_what_was_previewed_is_what_happens_and_nothing_good_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
