/* Backup now, of one backup instance or of all that are marked: the retention rule is chosen among those of their policies. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "model/cells.h"
#include "model/form.h"
#include "model/ids.h"
#include "model/kinds.h"

enum { TAG_INSTANCE = 1000, TAG_POLICY = 2000 };    /* and the instance's number */

struct instance { char *id, *doing; struct kg_json *policy; };
struct now {
    struct instance *of;
    size_t n, known;                         /* how many of their policies are there */
};

static struct now *own(const struct ui_form *f) { return f->own; }

/* ---- policies ---- */

static const struct kg_json *rule_of(const struct kg_json *policy, const char *type, const char *name)
{
    const struct kg_json *r = kg_json_first(kg_json_get(policy, "properties.policyRules"));

    for (; r; r = kg_json_next(r))
        if (strcmp(kg_json_str_or(r, "objectType", ""), type) == 0 && (!name || strcmp(kg_json_str_or(r, "name", ""), name) == 0))
            break;
    return r;
}

static const struct kg_json *backup_rule(const struct kg_json *policy) { return rule_of(policy, "AzureBackupRule", NULL); }

static bool has_tag(const struct kg_json *policy, const char *tag)
{
    const struct kg_json *t = kg_json_first(kg_json_get(backup_rule(policy), "trigger.taggingCriteria"));

    while (t && strcmp(kg_json_str_or(t, "tagInfo.tagName", ""), tag) != 0)
        t = kg_json_next(t);
    return t != NULL;
}

static bool all_have(const struct now *n, const char *tag)
{
    for (size_t i = 0; i < n->n; i++)
        if (!has_tag(n->of[i].policy, tag))
            return false;
    return true;
}

/* The tags that all policies have; how long such a point is kept is told when there is but one policy. */
static void offer_rules(struct ui_form *f)
{
    const struct now *n = own(f);
    const struct kg_json *policy = n->of[0].policy, *t = kg_json_first(kg_json_get(backup_rule(policy), "trigger.taggingCriteria"));
    const char *first = NULL;

    for (; t; t = kg_json_next(t)) {
        const char *tag = kg_json_str_or(t, "tagInfo.tagName", "");
        const char *kept = kg_json_str(rule_of(policy, "AzureRetentionRule", tag), "lifecycles.0.deleteAfter.duration");
        struct ui_shown words = { "", UI_NONE };
        KG_AUTO_FREE char *help = NULL;

        if (!*tag || !all_have(n, tag))
            continue;
        ui_format(UI_F_DURATION, kept ? kept : "", 0, &words);
        help = kept && n->n == 1 ? kg_xprintf("kept %s", words.text) : NULL;
        ui_form_offer(f, "rule", tag, tag, help);
        if (!first || strcmp(tag, "Default") == 0)
            first = tag;
    }
    if (first)
        ui_form_suggest(f, "rule", first, first);
}

static void answer(struct ui_form *f, int tag, const struct kg_answer *a)
{
    struct now *n = own(f);
    size_t i = (size_t)(tag >= TAG_POLICY ? tag - TAG_POLICY : tag - TAG_INSTANCE);
    const struct kg_json *json = a->reply ? a->reply->json : NULL;
    const char *policy = kg_json_str(json, "properties.policyInfo.policyId");

    if (i >= n->n)
        return;
    if (a->err) {
        f->err = *a->err;
    } else if (tag < TAG_POLICY && policy) {
        (void)ui_ask(&f->base, policy, TAG_POLICY + (int)i);
    } else if (tag >= TAG_POLICY && json && !n->of[i].policy) {
        n->of[i].policy = kg_json_copy(json);
        if (++n->known == n->n)
            offer_rules(f);
    } else {
        (void)kg_err_set(&f->err, KG_E_NO_REPLY, "the service did not say which policy '%s' has", ui_last_part(n->of[i].id));
    }
}

static void begin(struct ui_form *f)
{
    struct now *n = own(f);

    n->n = ui_ids_count(f->base.arg);
    n->n = n->n > UI_CALLS_MAX ? UI_CALLS_MAX : n->n;
    n->of = kg_xalloc_array(n->n, sizeof *n->of);
    for (size_t i = 0; i < n->n; i++) {
        n->of[i] = (struct instance){ .id = ui_ids_at(f->base.arg, i) };
        n->of[i].doing = kg_xprintf("Back up %s", ui_last_part(n->of[i].id));
        (void)ui_ask(&f->base, n->of[i].id, TAG_INSTANCE + (int)i);
    }
}

static void done(struct ui_form *f)
{
    for (size_t i = 0; i < own(f)->n; i++) {
        free(own(f)->of[i].id);
        free(own(f)->of[i].doing);
        kg_json_free(own(f)->of[i].policy);
    }
    free(own(f)->of);
}

/* ---- what is shown ---- */

static void names(const struct ui_form *f, struct kg_buf *ret) { ui_ids_names(f->base.arg, ret); }

static void policies(const struct ui_form *f, struct kg_buf *ret)
{
    const struct now *n = own(f);

    if (n->known < n->n) {
        kg_buf_adds(ret, f->err.code ? "not known" : "Loading…");
        return;
    }
    for (size_t i = 0; i < n->n; i++) {
        const char *name = kg_json_str_or(n->of[i].policy, "name", "?");
        bool again = false;

        for (size_t k = 0; k < i; k++)
            again |= strcmp(kg_json_str_or(n->of[k].policy, "name", "?"), name) == 0;
        if (again)
            continue;
        kg_buf_adds(ret, i ? ", " : "");
        kg_text_add_printable(ret, name);
    }
}

static const char *cannot(const struct ui_form *f)
{
    const struct now *n = own(f);

    if (ui_ids_count(f->base.arg) > UI_CALLS_MAX)
        return "Too many are marked: 64 at a time can be backed up.";
    if (n->known < n->n)
        return f->err.code ? "Without its policy no backup can be started." : "The policy is still being loaded.";
    for (size_t i = 0; i < n->n; i++)
        if (!backup_rule(n->of[i].policy))
            return "A policy has no backup rule.";
    return NULL;
}

static bool no_common_rule(const struct ui_form *f)
{
    const struct now *n = own(f);

    return n->known == n->n && !ui_form_input(f, "rule")->n_options;
}

static bool has_rules(const struct ui_form *f) { return !no_common_rule(f); }

/* ---- what is done ---- */

static bool submit(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    KG_AUTO_JSON struct kg_json *body = kg_json_object();
    struct now *n = own(f);

    if (i >= n->n)
        return false;
    kg_json_set_str(body, "backupRuleOptions.ruleName", kg_json_str_or(backup_rule(n->of[i].policy), "name", ""));
    kg_json_set(body, "backupRuleOptions.triggerOption", kg_json_object());
    if (has_rules(f))
        kg_json_set_str(body, "backupRuleOptions.triggerOption.retentionTagOverride", ui_form_value(f, "rule"));
    kg_json_print(body, false, ret->body);
    kg_buf_addf(ret->path, "%s/backup", n->of[i].id);
    ret->method = "POST";
    ret->follow = true;
    ret->doing = n->of[i].doing;
    return true;
}

/* To the job; of several to the jobs. */
static void finished(struct ui_form *f)
{
    bool follow = ui_form_is(f, "follow", "true");

    if (follow && own(f)->n > 1)
        ui_open(&f->base, "backup-jobs", "");
    else if (follow)
        (void)ui_open_job(&f->base, own(f)->of[0].id, f->answers[0]);
    ui_close(&f->base, f->base.arg);
}

static void cli(const struct ui_form *f, struct kg_buf *ret)
{
    const struct now *n = own(f);

    for (size_t i = 0; i < n->n; i++) {
        char part[200];

        kg_buf_adds(ret, "keepgres backup-instance adhoc-backup");
        ui_form_add_option(ret, "-g", ui_id_part(n->of[i].id, "resourceGroups", part, sizeof part));
        ui_form_add_option(ret, "-v", ui_id_part(n->of[i].id, "backupVaults", part, sizeof part));
        ui_form_add_option(ret, "-n", ui_last_part(n->of[i].id));
        ui_form_add_option(ret, "--rule-name", kg_json_str_or(backup_rule(n->of[i].policy), "name", ""));
        ui_form_add_option(ret, "--retention-tag-override", ui_form_value(f, "rule"));
        kg_buf_adds(ret, n->n == 1 && ui_form_is(f, "follow", "true") ? " --wait\n" : "\n");
    }
}

static const struct ui_field fields[] = {
    { .label = "Backup instance", .type = UI_FIELD_NOTE, .text = names },
    { .label = "Backup policy", .type = UI_FIELD_NOTE, .text = policies },
    { .name = "rule", .label = "Retention rule", .type = UI_FIELD_CHOICE, .shown = has_rules,
      .help = "How long the recovery point is kept, as if the schedule had made it by this rule." },
    { .label = "Retention rule", .type = UI_FIELD_NOTE, .shown = no_common_rule,
      .help = "Their policies have no rule in common: each one's own decides." },
    { .name = "follow", .label = "Follow it", .type = UI_FIELD_CHECK, .initial = "true",
      .help = "Shows the job's progress. The backup goes on in any case, also when the portal is left." },
};
static const struct ui_step steps[] = { { .title = "Backup now", .field = fields, .n_fields = KG_ARRAY_LEN(fields), .check = cannot } };
static const struct ui_form_kind form = {
    .step = steps, .n_steps = 1, .submit_label = "Back up now", .succeeded = "Backup was started", .each = true,
    .own_size = sizeof(struct now), .open = begin, .done = done, .answer = answer, .submit = submit, .finished = finished, .cli = cli,
};
const struct ui_kind ui_dialog_backup_now = {
    .name = "backup-now", .title = "Backup now", .shape = UI_DIALOG, .family = UI_FORM, .data = &form,
};
