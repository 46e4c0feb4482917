#include "model/policy_words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "model/labels.h"

static const struct kg_json *rule_of_type(const struct kg_json *policy, const char *type)
{
    const struct kg_json *r = kg_json_first(kg_json_get(policy, "properties.policyRules"));

    while (r && strcmp(kg_json_str_or(r, "objectType", ""), type) != 0)
        r = kg_json_next(r);
    return r;
}

static const struct kg_json *backup_rule(const struct kg_json *policy) { return rule_of_type(policy, "AzureBackupRule"); }

/* ---- the schedule ---- */

static const char *const days[] = { "Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday" };

/* The offset that a start is written with, unless that is the policy's own zone: "" or " UTC" or " (+02:00)". */
static void add_offset(const char *start, const char *end, const char *zone, struct kg_buf *b)
{
    const char *at = start + strcspn(start, "T");

    at += strcspn(at, "Z+-/");
    if (at >= end || strcmp(zone, "UTC") == 0)
        return;
    if (*at == 'Z' || strncmp(at, "+00:00", 6) == 0)
        kg_buf_adds(b, " UTC");
    else
        kg_buf_addf(b, " (%.*s)", end - at > 6 ? 6 : (int)(end - at), at);
}

/* "R/2021-08-15T06:30:00+00:00/P1W": the weekday and clock of the start, as they are written there. */
static void interval_words(const char *interval, const char *zone, struct kg_buf *b)
{
    const char *start = strchr(interval, '/'), *every = start ? strchr(start + 1, '/') : NULL;
    char clock[17], words[40];
    int64_t minutes;
    kg_usec when;
    int h, mi;

    if (every)
        kg_text_copy(clock, sizeof clock, start + 1);        /* without seconds and zone */
    if (!every || !kg_time_parse_iso(clock, &when) || when < 0) {
        kg_buf_adds(b, interval);
        return;
    }
    every++;                                 /* a start before 1970 is shown as it is written */
    minutes = when / (60 * KG_SECOND);
    h = (int)(minutes / 60 % 24);
    mi = (int)(minutes % 60);
    if (strcmp(every, "P1W") == 0 || strcmp(every, "P7D") == 0) {
        kg_buf_addf(b, "every %s at %02d:%02d", days[minutes / 1440 % 7], h, mi);
    } else if (strcmp(every, "P1D") == 0) {
        kg_buf_addf(b, "every day at %02d:%02d", h, mi);
    } else {
        struct ui_shown s = { "", UI_NONE };

        ui_format(UI_F_DURATION, every, 0, &s);
        snprintf(words, sizeof words, "%.38s", s.text);
        kg_buf_addf(b, "every %s from %02d:%02d on", words, h, mi);
    }
    add_offset(start + 1, every - 1, zone, b);
}

void ui_policy_schedule(const struct kg_json *policy, int64_t now, struct ui_shown *ret)
{
    const struct kg_json *list = kg_json_get(backup_rule(policy), "trigger.schedule.repeatingTimeIntervals");
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(2000);

    (void)now;
    for (const struct kg_json *i = kg_json_first(list); i; i = kg_json_next(i)) {
        kg_buf_adds(&b, b.len ? "; " : "");
        interval_words(kg_json_value_str(i) ? kg_json_value_str(i) : "",
                       kg_json_str_or(backup_rule(policy), "trigger.schedule.timeZone", "UTC"), &b);
    }
    snprintf(ret->text, sizeof ret->text, "%s", b.len ? b.p : "on demand only");
}

void ui_policy_zone(const struct kg_json *policy, int64_t now, struct ui_shown *ret)
{
    (void)now;
    snprintf(ret->text, sizeof ret->text, "%s", kg_json_str_or(backup_rule(policy), "trigger.schedule.timeZone", "UTC"));
}

/* ---- retention ---- */

/* The i-th tag in the order of priorities; NULL when there are fewer. */
static const struct kg_json *tag_at(const struct kg_json *policy, unsigned i)
{
    const struct kg_json *tags = kg_json_get(backup_rule(policy), "trigger.taggingCriteria");

    for (const struct kg_json *t = kg_json_first(tags); t; t = kg_json_next(t)) {
        double mine = kg_json_double(t, "taggingPriority", 0);
        unsigned before = 0;

        for (const struct kg_json *o = kg_json_first(tags); o; o = kg_json_next(o))
            before += kg_json_double(o, "taggingPriority", 0) < mine;
        if (before == i)
            return t;
    }
    return NULL;
}

static const struct kg_json *retention_of(const struct kg_json *policy, const char *tag)
{
    const struct kg_json *r = kg_json_first(kg_json_get(policy, "properties.policyRules"));

    for (; r; r = kg_json_next(r))
        if (strcmp(kg_json_str_or(r, "objectType", ""), "AzureRetentionRule") == 0 &&
            strcmp(kg_json_str_or(r, "name", ""), tag) == 0)
            break;
    return r;
}

static void copy_words(const struct kg_json *lifecycle, struct kg_buf *b)
{
    const struct kg_json *copy = kg_json_get(lifecycle, "targetDataStoreCopySettings.0");
    const char *how = kg_json_str_or(copy, "copyAfter.objectType", "");
    struct ui_shown s = { "", UI_NONE };

    if (!copy)
        return;
    if (strcmp(how, "CopyOnExpiryOption") == 0)
        kg_buf_adds(b, ", then moved to archive");
    else if (strcmp(how, "ImmediateCopyOption") == 0)
        kg_buf_adds(b, ", copied to archive at once");
    else {
        ui_format(UI_F_DURATION, kg_json_str_or(copy, "copyAfter.duration", ""), 0, &s);
        kg_buf_addf(b, ", copied to archive after %s", s.text);
    }
}

void ui_policy_rule(const struct kg_json *policy, unsigned i, struct ui_shown *ret)
{
    const struct kg_json *tag = tag_at(policy, i), *rule;
    const char *name = kg_json_str_or(tag, "tagInfo.tagName", "");
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(2000);
    char label[100];

    if (!tag)
        return;
    kg_buf_adds(&b, name);
    if (kg_json_str(tag, "criteria.0.absoluteCriteria.0")) {
        ui_label(kg_json_str(tag, "criteria.0.absoluteCriteria.0"), label, sizeof label);
        kg_buf_addf(&b, " (%s)", label);
    }
    rule = retention_of(policy, name);
    for (const struct kg_json *l = kg_json_first(kg_json_get(rule, "lifecycles")); l; l = kg_json_next(l)) {
        struct ui_shown s = { "", UI_NONE };

        ui_format(UI_F_DURATION, kg_json_str_or(l, "deleteAfter.duration", ""), 0, &s);
        ui_label(kg_json_str_or(l, "sourceDataStore.dataStoreType", ""), label, sizeof label);
        label[0] = (char)tolower((unsigned char)label[0]);   /* "the vault tier", in the middle of a sentence */
        kg_buf_addf(&b, "%s %s in the %s", l == kg_json_first(kg_json_get(rule, "lifecycles")) ? ":" : ", then", s.text, label);
        copy_words(l, &b);
    }
    snprintf(ret->text, sizeof ret->text, "%s", b.p);
}

void ui_policy_rule_1(const struct kg_json *p, int64_t now, struct ui_shown *ret) { (void)now; ui_policy_rule(p, 0, ret); }
void ui_policy_rule_2(const struct kg_json *p, int64_t now, struct ui_shown *ret) { (void)now; ui_policy_rule(p, 1, ret); }
void ui_policy_rule_3(const struct kg_json *p, int64_t now, struct ui_shown *ret) { (void)now; ui_policy_rule(p, 2, ret); }
void ui_policy_rule_4(const struct kg_json *p, int64_t now, struct ui_shown *ret) { (void)now; ui_policy_rule(p, 3, ret); }
void ui_policy_rule_5(const struct kg_json *p, int64_t now, struct ui_shown *ret) { (void)now; ui_policy_rule(p, 4, ret); }
