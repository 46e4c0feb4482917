/* backup-policy trigger, retention-rule, tag: from a policy's file to another one. */
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "cli/policy_edit.h"

struct edit_opts {
    struct kg_at at;
    struct kg_json *policy;
    struct kg_lifecycle_args life;
    const char *interval_type, *name, *mark;
    uint64_t interval_count;
    struct kg_words days, schedule, files, weekdays, weeks, months, month_days;
};
#define T struct edit_opts

static const char *const sources[] = { "VaultStore", "ArchiveStore", "OperationalStore", NULL };

#define POLICY_ROW KG_OPT(T, JSON, "policy", policy, "JSON", "the policy, as JSON, @file, a file, or - for standard input", \
                          .required = true)

static const struct kg_opt create_schedule_opts[] = {
    KG_OPT(T, CHOICE, "interval-type", interval_type, "TYPE", "how often", .required = true, .choices = kg_interval_types),
    KG_OPT(T, UINT, "interval-count", interval_count, "N", "every N of them: 1, or 4, 6, 8, 12 hours", .required = true,
           .min = 1, .max = 1000),
    KG_OPT(T, LIST, "schedule-days", days, "TIME",
           "first backups, in UTC; their weekdays are the days of backups: 2021-08-15T22:00:00", .required = true),
    { 0 },
};
static const struct kg_opt trigger_set_opts[] = {
    POLICY_ROW,
    KG_OPT(T, LIST, "schedule", schedule, "INTERVAL",
           "R/2021-08-15T22:00:00+00:00/P1W…, or @file or - with what 'create-schedule' printed", .required = true),
    { 0 },
};
static const struct kg_opt create_lifecycle_opts[] = {
    KG_OPT(T, CHOICE, "source-datastore", life.source, "STORE", "where the backups are", .required = true, .choices = sources),
    KG_OPT(T, CHOICE, "retention-duration-type", life.unit, "UNIT", "unit of the time they are kept there",
           .aliases = "type", .required = true, .choices = kg_retention_units),
    KG_OPT(T, UINT, "retention-duration-count", life.count, "N", "how many of these units", .aliases = "count",
           .required = true, .min = 1, .max = 10000),
    KG_OPT(T, CHOICE, "target-datastore", life.target, "STORE", "copy them there", .choices = sources),
    KG_OPT(T, CHOICE, "copy-option", life.copy, "OPTION", "when to copy", .choices = kg_copy_options),
    KG_OPT(T, STRING, "copy-after", life.copy_after, "DURATION", "with CustomCopyOption: how long after the backup, as P30D"),
    { 0 },
};
static const struct kg_opt rule_set_opts[] = {
    POLICY_ROW,
    KG_OPT(T, CHOICE, "name", name, "NAME", "retention rule", .letter = 'n', .required = true,
           .choices = kg_retention_names),
    KG_OPT(T, LIST, "lifecycles", files, "JSON", "what 'create-lifecycle' printed: one or more files", .required = true),
    { 0 },
};
static const struct kg_opt rule_remove_opts[] = {
    POLICY_ROW,
    KG_OPT(T, CHOICE, "name", name, "NAME", "retention rule", .letter = 'n', .required = true,
           .choices = kg_retention_names),
    { 0 },
};
static const struct kg_opt absolute_opts[] = {
    KG_OPT(T, CHOICE, "absolute-criteria", mark, "MARK", "which backups", .required = true, .choices = kg_absolute_marks),
    { 0 },
};
static const struct kg_opt generic_opts[] = {
    KG_OPT(T, LIST, "days-of-week", weekdays, "DAY", "Sunday to Saturday"),
    KG_OPT(T, LIST, "weeks-of-month", weeks, "WEEK", "First to Fourth, Last"),
    KG_OPT(T, LIST, "months-of-year", months, "MONTH", "January to December"),
    KG_OPT(T, LIST, "days-of-month", month_days, "DAY", "1 to 28, Last"),
    { 0 },
};
static const struct kg_opt tag_set_opts[] = {
    POLICY_ROW,
    KG_OPT(T, CHOICE, "name", name, "NAME", "the tag; a retention rule has the same name", .letter = 'n',
           .required = true, .choices = kg_tag_names),
    KG_OPT(T, LIST, "criteria", files, "JSON", "what 'create-absolute-criteria' or 'create-generic-criteria' printed",
           .required = true),
    { 0 },
};
static const struct kg_opt tag_remove_opts[] = {
    POLICY_ROW,
    KG_OPT(T, CHOICE, "name", name, "NAME", "the tag", .letter = 'n', .required = true, .choices = kg_tag_names),
    { 0 },
};

/* Each word a document, or a list of them; all in one array. */
static int read_all(const char *option, const struct kg_words *words, struct kg_json *array, struct kg_err *err)
{
    for (size_t i = 0; i < words->n; i++) {
        KG_AUTO_JSON struct kg_json *j = NULL;

        if (kg_value_json(words->v[i], &j, err) < 0)
            return kg_err_wrap(err, "--%s", option);
        if (kg_json_type(j) != KG_JSON_ARRAY) {
            kg_json_push(array, KG_TAKE(j));
            continue;
        }
        for (const struct kg_json *c = kg_json_first(j); c; c = kg_json_next(c))
            kg_json_push(array, kg_json_copy(c));
    }
    return 0;
}

/* The policy as it was read, changed, is the result. */
static int emit_policy(struct kg_cli *cli, struct edit_opts *o)
{
    kg_cli_emit(cli, KG_TAKE(o->policy));
    return 0;
}

static int create_schedule(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct edit_opts *o = opts;
    struct kg_json *j = NULL;

    if (kg_edit_make_schedule(o->interval_type, o->interval_count, &o->days, &j, err) < 0)
        return -(int)err->code;
    kg_cli_emit(cli, j);
    return 0;
}

static int trigger_set(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    struct edit_opts *o = opts;
    KG_AUTO_JSON struct kg_json *intervals = kg_json_array();

    for (size_t i = 0; i < o->schedule.n; i++) {
        const char *word = o->schedule.v[i];
        struct kg_words one = { &word, 1 };

        if (strchr("[@-", *word)) {
            if (read_all("schedule", &one, intervals, err) < 0)
                return -(int)err->code;
        } else {
            kg_json_push_str(intervals, word);
        }
    }
    return kg_edit_set_schedule(o->policy, intervals, err) < 0 ? -(int)err->code : emit_policy(cli, o);
}

static int create_lifecycle(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct edit_opts *o = opts;
    struct kg_json *j = NULL;

    if (kg_edit_make_lifecycle(&o->life, &j, err) < 0)
        return -(int)err->code;
    kg_cli_emit(cli, j);
    return 0;
}

static int rule_set(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    struct edit_opts *o = opts;
    KG_AUTO_JSON struct kg_json *lifecycles = kg_json_array();

    if (read_all("lifecycles", &o->files, lifecycles, err) < 0 ||
        kg_edit_set_retention(o->policy, o->name, lifecycles, err) < 0)
        return -(int)err->code;
    return emit_policy(cli, o);
}

static int rule_remove(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    struct edit_opts *o = opts;

    return kg_edit_remove_retention(o->policy, o->name, err) < 0 ? -(int)err->code : emit_policy(cli, o);
}

static int create_absolute(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct edit_opts *o = opts;

    (void)err;
    kg_cli_emit(cli, kg_edit_absolute_criteria(o->mark));
    return 0;
}

static int create_generic(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct edit_opts *o = opts;
    struct kg_json *j = NULL;

    if (kg_edit_generic_criteria(&o->weekdays, &o->weeks, &o->months, &o->month_days, &j, err) < 0)
        return -(int)err->code;
    kg_cli_emit(cli, j);
    return 0;
}

static int tag_set(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    struct edit_opts *o = opts;
    KG_AUTO_JSON struct kg_json *criteria = kg_json_array();

    if (read_all("criteria", &o->files, criteria, err) < 0 || kg_edit_set_tag(o->policy, o->name, criteria, err) < 0)
        return -(int)err->code;
    return emit_policy(cli, o);
}

static int tag_remove(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    struct edit_opts *o = opts;

    return kg_edit_remove_tag(o->policy, o->name, err) < 0 ? -(int)err->code : emit_policy(cli, o);
}

#define CMD(name_, summary_, opts_, run_, ...)                                                              \
    { .name = "backup-policy " name_, .summary = summary_, .opts = opts_, .opts_size = sizeof(T), .run = run_,  \
      .flags = KG_CMD_LOCAL, .examples = (const char *const[]){ __VA_ARGS__, NULL } }

const struct kg_cmd kg_cmds_policy_edit[] = {
    CMD("trigger create-schedule", "Print the intervals of a schedule", create_schedule_opts, create_schedule,
        "backup-policy trigger create-schedule --interval-type Weekly --interval-count 1 --schedule-days "
        "2021-08-15T22:00:00 2021-08-18T22:00:00 2021-08-20T22:00:00"),
    CMD("trigger set", "Give a policy's file another schedule", trigger_set_opts, trigger_set,
        "backup-policy trigger set --policy policy.json --schedule R/2021-08-15T22:00:00+00:00/P1W "
        "R/2021-08-18T22:00:00+00:00/P1W"),
    CMD("retention-rule create-lifecycle", "Print how long backups are kept in one store", create_lifecycle_opts,
        create_lifecycle,
        "backup-policy retention-rule create-lifecycle --source-datastore VaultStore --retention-duration-type Months "
        "--retention-duration-count 6 >lifecycle.json",
        "backup-policy retention-rule create-lifecycle --source-datastore VaultStore --retention-duration-type Months "
        "--retention-duration-count 6 --target-datastore ArchiveStore --copy-option CopyOnExpiryOption"),
    CMD("retention-rule set", "Add a retention rule to a policy's file, or change it", rule_set_opts, rule_set,
        "backup-policy retention-rule set --policy policy.json --name Monthly --lifecycles lifecycle.json >monthly.json"),
    CMD("retention-rule remove", "Remove a retention rule from a policy's file", rule_remove_opts, rule_remove,
        "backup-policy retention-rule remove --policy monthly.json --name Monthly"),
    CMD("tag create-absolute-criteria", "Print a criterion: the first backup of a day, week, month or year", absolute_opts,
        create_absolute, "backup-policy tag create-absolute-criteria --absolute-criteria FirstOfMonth >criteria.json"),
    CMD("tag create-generic-criteria", "Print a criterion: backups of certain days, weeks and months", generic_opts,
        create_generic, "backup-policy tag create-generic-criteria --days-of-week Sunday Friday"),
    CMD("tag set", "Add a tag to a policy's file, or change which backups have it", tag_set_opts, tag_set,
        "backup-policy tag set --policy monthly.json --name Monthly --criteria criteria.json >tagged.json"),
    CMD("tag remove", "Remove a tag from a policy's file", tag_remove_opts, tag_remove,
        "backup-policy tag remove --policy tagged.json --name Monthly"),
    { 0 },
};
