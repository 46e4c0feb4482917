/* What changes the protection of one backup instance: another policy, and the end of it. m->arg is the instance's id. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "model/cells.h"
#include "model/form.h"
#include "model/kinds.h"
#include "model/policy_chart.h"

#define FIELDS(array) .field = (array), .n_fields = KG_ARRAY_LEN(array)

enum { TAG_INSTANCE = 1000, TAG_NOW, TAG_THEN, TAG_POINTS, TAG_VAULT, YEAR = 365, BODY_MAX = 64 << 10 };

/* ---- what both share ---- */

static void instance_name(const struct ui_form *f, struct kg_buf *ret) { kg_text_add_printable(ret, ui_last_part(f->base.arg)); }

/* The vault's id in front of the instance's. The caller frees. */
static char *vault_of(const struct ui_form *f)
{
    const char *end = strcasestr(f->base.arg, "/backupInstances/");

    return kg_xstrndup(f->base.arg, end ? (size_t)(end - f->base.arg) : strlen(f->base.arg));
}

static void cli_instance(const struct ui_form *f, const char *command, const char *name_option, struct kg_buf *ret)
{
    char part[200];

    kg_buf_addf(ret, "keepgres backup-instance %s", command);
    ui_form_add_option(ret, "-g", ui_id_part(f->base.arg, "resourceGroups", part, sizeof part));
    ui_form_add_option(ret, "-v", ui_id_part(f->base.arg, "backupVaults", part, sizeof part));
    ui_form_add_option(ret, name_option, ui_last_part(f->base.arg));
}

/* ---- change policy ---- */

struct change {
    struct kg_json *instance;                /* NULL until it is there */
    struct kg_json *now, *then;              /* previews of the instance under its policy and under the chosen one */
    struct kg_err err;                       /* why there is no preview of the chosen one */
    uint64_t call;
};

static struct change *changing(const struct ui_form *f) { return f->own; }

static const char *policy_now(const struct ui_form *f)
{
    return kg_json_str_or(changing(f)->instance, "properties.policyInfo.policyId", "");
}

static uint64_t ask_preview(struct ui_form *f, const char *policy, int tag)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/preview?$top=1000", policy);
    KG_AUTO_JSON struct kg_json *ask = kg_json_object();
    KG_AUTO_BUF struct kg_buf body = KG_BUF_INIT(BODY_MAX);

    kg_json_set_str(ask, "backupInstanceId", f->base.arg);
    kg_json_set(ask, "at", ui_chart_dates(f->base.host->now, YEAR, 1));
    kg_json_print(ask, false, &body);
    return ui_ask_call(&f->base, &(struct ui_call){ .method = "POST", .path = path, .body = body.p }, tag);
}

static void policy_chosen(struct ui_form *f)
{
    struct change *c = changing(f);
    const char *policy = ui_form_value(f, "policy");

    if (c->call)
        f->base.host->ops->forget(f->base.host, &f->base, c->call);
    c->call = 0;
    c->err = (struct kg_err){ 0 };
    kg_json_free(c->then);
    c->then = NULL;
    if (*policy)
        c->call = ask_preview(f, policy, TAG_THEN);
}

static void open_change(struct ui_form *f) { (void)ui_ask(&f->base, f->base.arg, TAG_INSTANCE); }

static void done_change(struct ui_form *f)
{
    kg_json_free(changing(f)->instance);
    kg_json_free(changing(f)->now);
    kg_json_free(changing(f)->then);
}

static void put_answer(struct kg_json **to, const struct kg_answer *a)
{
    kg_json_free(*to);
    *to = a->reply && a->reply->json ? kg_json_copy(a->reply->json) : NULL;
}

static void answer_change(struct ui_form *f, int tag, const struct kg_answer *a)
{
    struct change *c = changing(f);

    f->base.changed = true;
    if (tag == TAG_INSTANCE) {
        put_answer(&c->instance, a);
        if (a->err)
            f->err = *a->err;
        else if (*policy_now(f))
            (void)ask_preview(f, policy_now(f), TAG_NOW);
    } else if (tag == TAG_NOW) {
        put_answer(&c->now, a);
    } else if (tag == TAG_THEN) {
        c->call = 0;
        c->err = a->err ? *a->err : (struct kg_err){ 0 };
        put_answer(&c->then, a);
    }
}

static void policies_of_vault(const struct ui_form *f, struct kg_buf *path, struct kg_buf *body)
{
    KG_AUTO_FREE char *vault = vault_of(f);

    (void)body;
    kg_buf_addf(path, "%s/backupPolicies", vault);
}

static const char *check_policy(const struct ui_form *f, const char *value)
{
    return strcasecmp(value, policy_now(f)) == 0 ? "That is its policy already." : NULL;
}

static const char *check_change(const struct ui_form *f)
{
    return changing(f)->instance ? NULL : "The backup instance is still being read.";
}

static void current_policy(const struct ui_form *f, struct kg_buf *ret)
{
    kg_text_add_printable(ret, *policy_now(f) ? ui_last_part(policy_now(f)) : "...");
}

/* When the last copy of a point leaves: "" when it stays. */
static const char *leaves_at(const struct kg_json *point)
{
    const char *last = "";

    for (const struct kg_json *l = kg_json_first(kg_json_get(point, "leaves")); l; l = kg_json_next(l)) {
        const char *until = kg_json_str_or(l, "until", "");

        last = strcmp(until, last) > 0 ? until : last;
    }
    return last;
}

static void existing_words(const struct kg_json *preview, struct kg_buf *ret)
{
    const char *first = "", *last = "";
    unsigned n = 0;

    for (const struct kg_json *p = kg_json_first(kg_json_get(preview, "points")); p && kg_json_bool(p, "existing", false);
         p = kg_json_next(p), n++) {
        const char *at = leaves_at(p);

        first = *at && (!*first || strcmp(at, first) < 0) ? at : first;
        last = strcmp(at, last) > 0 ? at : last;
    }
    if (!n) {
        kg_buf_adds(ret, "There is no recovery point yet.");
        return;
    }
    kg_buf_addf(ret, "%u recovery point%s keep%s what %s promised", n, n == 1 ? "" : "s", n == 1 ? "s" : "",
                n == 1 ? "it was" : "they were");
    if (n == 1 && *first)
        kg_buf_addf(ret, ": it leaves on %.10s", first);
    else if (*first && strncmp(first, last, 10) == 0)
        kg_buf_addf(ret, ": they leave on %.10s", first);
    else if (*first)
        kg_buf_addf(ret, ": the first leaves on %.10s, the last on %.10s", first, last);
    kg_buf_adds(ret, ".");
}

static void next_words(const struct ui_form *f, struct kg_buf *ret)
{
    const char *then = kg_json_str(changing(f)->then, "schedule.0.local"), *now = kg_json_str(changing(f)->now, "schedule.0.local");

    if (!then)
        kg_buf_adds(ret, "None is scheduled while its protection is stopped.");
    else if (!now || strcmp(now, then) == 0)
        kg_buf_addf(ret, "%.10s %.5s%s", then, strlen(then) > 15 ? then + 11 : "", now ? ", as before." : ".");
    else
        kg_buf_addf(ret, "%.10s %.5s instead of %.10s %.5s.", then, strlen(then) > 15 ? then + 11 : "", now,
                    strlen(now) > 15 ? now + 11 : "");
}

static bool is_known(const struct ui_form *f) { return changing(f)->then; }
static bool is_unknown(const struct ui_form *f) { return *ui_form_value(f, "policy") && !changing(f)->then; }

static void unknown_note(const struct ui_form *f, struct kg_buf *ret)
{
    kg_buf_adds(ret, changing(f)->err.code ? changing(f)->err.msg : "Asking what would change...");
}
static void existing_note(const struct ui_form *f, struct kg_buf *ret) { existing_words(changing(f)->then, ret); }

static void year_note(const struct ui_form *f, struct kg_buf *ret)
{
    unsigned then = (unsigned)kg_json_u64(changing(f)->then, "counts.0.total", 0);

    kg_buf_addf(ret, "%u recovery point%s", then, then == 1 ? "" : "s");
    if (kg_json_get(changing(f)->now, "counts.0.total"))
        kg_buf_addf(ret, " instead of %u", (unsigned)kg_json_u64(changing(f)->now, "counts.0.total", 0));
    kg_buf_adds(ret, ".");
}

static const struct ui_source policies = { .request = policies_of_vault };
static const struct ui_field change_fields[] = {
    { .label = "Backup instance", .type = UI_FIELD_NOTE, .text = instance_name },
    { .label = "Policy now", .type = UI_FIELD_NOTE, .text = current_policy },
    { .name = "policy", .label = "New policy", .type = UI_FIELD_CHOICE, .source = &policies, .check = check_policy,
      .changed = policy_chosen },
    { .label = "", .type = UI_FIELD_NOTE, .text = unknown_note, .shown = is_unknown },
    { .label = "Existing points", .type = UI_FIELD_NOTE, .text = existing_note, .shown = is_known },
    { .label = "Next backup", .type = UI_FIELD_NOTE, .text = next_words, .shown = is_known },
    { .label = "In a year", .type = UI_FIELD_NOTE, .text = year_note, .shown = is_known },
};
static const struct ui_step change_step[] = { { .title = "Change policy", FIELDS(change_fields), .check = check_change } };

/* The instance as it is, with another policy. */
static bool submit_change(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    const struct kg_json *was = changing(f)->instance;
    KG_AUTO_JSON struct kg_json *body = NULL;

    if (i)
        return false;
    body = kg_json_object();
    kg_json_set(body, "properties", kg_json_copy(kg_json_get(was, "properties")));
    if (kg_json_type(kg_json_get(was, "tags")) == KG_JSON_OBJECT)
        kg_json_set(body, "tags", kg_json_copy(kg_json_get(was, "tags")));
    kg_json_set_str(body, "properties.policyInfo.policyId", ui_form_value(f, "policy"));
    kg_json_print(body, false, ret->body);
    kg_buf_adds(ret->path, f->base.arg);
    ret->follow = true;
    ret->doing = "Changing the policy";
    return true;
}

static void cli_change(const struct ui_form *f, struct kg_buf *ret)
{
    cli_instance(f, "update-policy", "--backup-instance-name", ret);
    ui_form_add_option(ret, "--policy-id", ui_form_value(f, "policy"));
    kg_buf_adds(ret, "\n");
}

static const struct ui_form_kind change_form = {
    .step = change_step, .n_steps = 1, .submit_label = "Change policy", .succeeded = "The backup instance has another policy",
    .own_size = sizeof(struct change), .open = open_change, .done = done_change, .answer = answer_change, .submit = submit_change,
    .cli = cli_change,
};
const struct ui_kind ui_dialog_change_policy = {
    .name = "change-policy", .title = "Change backup policy", .shape = UI_DIALOG, .family = UI_FORM, .data = &change_form,
};

/* ---- stop protection ---- */

struct stop {
    uint64_t points;
    double bytes;
    bool counted;                            /* all of them; or it cannot be known */
    struct kg_err err;
    struct kg_json *vault;                   /* NULL until it is there */
    char danger[600];
};

static struct stop *stopping(const struct ui_form *f) { return f->own; }
static bool deletes(const struct ui_form *f) { return ui_form_is(f, "how", "delete"); }

static void open_stop(struct ui_form *f)
{
    KG_AUTO_FREE char *points = kg_xprintf("%s/recoveryPoints?$top=500", f->base.arg), *vault = vault_of(f);

    (void)ui_ask(&f->base, points, TAG_POINTS);
    (void)ui_ask(&f->base, vault, TAG_VAULT);
}

static void done_stop(struct ui_form *f) { kg_json_free(stopping(f)->vault); }

static void take_points(struct ui_form *f, const struct kg_answer *a)
{
    struct stop *s = stopping(f);
    const struct kg_json *json = a->reply ? a->reply->json : NULL, *list = kg_json_get(json, "value");
    const char *next = kg_json_str_or(json, "nextLink", ""), *host = strstr(next, "://");

    if (a->err) {
        s->err = *a->err;
        s->counted = true;
        return;
    }
    for (const struct kg_json *p = kg_json_first(list); p; p = kg_json_next(p), s->points++)
        s->bytes += kg_json_double(p, "properties.summary.storedBytes", 0);
    next = *next == '/' ? next : host ? strchrnul(host + 3, '/') : "";
    s->counted = !*next || !kg_json_count(list);
    if (!s->counted)
        (void)ui_ask(&f->base, next, TAG_POINTS);
}

static void answer_stop(struct ui_form *f, int tag, const struct kg_answer *a)
{
    f->base.changed = true;
    if (tag == TAG_POINTS)
        take_points(f, a);
    else if (tag == TAG_VAULT)
        put_answer(&stopping(f)->vault, a);
    if (tag == TAG_VAULT && a->err)
        f->err = *a->err;
}

static void points_note(const struct ui_form *f, struct kg_buf *ret)
{
    const struct stop *s = stopping(f);
    char n[32], bytes[40];

    ui_format_count(s->points, n, sizeof n);
    ui_format_bytes(s->bytes, bytes, sizeof bytes);
    if (s->err.code)
        kg_buf_addf(ret, "could not be counted: %s", s->err.msg);
    else if (!s->counted)
        kg_buf_addf(ret, "counting... %s", n);
    else
        kg_buf_addf(ret, "%s, which added %s to the vault", n, bytes);
}

#define SECURITY "properties.securitySettings."
static bool keeps_deleted(const struct ui_form *f)
{
    return strcasecmp(kg_json_str_or(stopping(f)->vault, SECURITY "softDeleteSettings.state", "On"), "Off") != 0;
}

static const char *check_how(const struct ui_form *f, const char *value)
{
    const char *state = kg_json_str_or(stopping(f)->vault, SECURITY "immutabilitySettings.state", "Disabled");

    return strcmp(value, "delete") == 0 && strcasecmp(state, "Disabled") != 0
               ? "The vault is immutable: its recovery points go when they expire, and not before." : NULL;
}

static const char *check_stop(const struct ui_form *f)
{
    const struct stop *s = stopping(f);

    return deletes(f) && (!s->counted || !s->vault) ? "What would be deleted is not known yet." : NULL;
}

static const char *danger_stop(const struct ui_form *f)
{
    struct stop *s = stopping(f);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(sizeof s->danger);
    char n[32], bytes[40];

    if (!deletes(f))
        return NULL;
    ui_format_count(s->points, n, sizeof n);
    ui_format_bytes(s->bytes, bytes, sizeof bytes);
    if (s->err.code || !s->counted)
        kg_buf_adds(&b, "Backups stop, and all recovery points of it are deleted");
    else
        kg_buf_addf(&b, "Backups stop, and %s recovery point%s (%s) %s deleted", n, s->points == 1 ? "" : "s", bytes,
                    s->points == 1 ? "is" : "are");
    if (!s->vault)
        kg_buf_adds(&b, ".");
    else if (keeps_deleted(f))
        kg_buf_addf(&b, ". The vault has soft delete: for %u days they can be brought back.",
                    (unsigned)kg_json_u64(s->vault, SECURITY "softDeleteSettings.retentionDurationInDays", 14));
    else
        kg_buf_adds(&b, " for good: soft delete is off in this vault. Nothing brings them back.");
    kg_text_copy(s->danger, sizeof s->danger, b.p);
    return s->danger;
}
#undef SECURITY

static const char *typed_stop(const struct ui_form *f) { return deletes(f) ? ui_last_part(f->base.arg) : NULL; }

static const struct ui_choice ways[] = {
    { "retain", "Keep all for ever", "nothing expires any more" },
    { "suspend", "Keep as the policy says", "they expire by its rules" },
    { "delete", "Delete backup data", "they are deleted" },
    { NULL, NULL, NULL },
};
static const struct ui_field stop_fields[] = {
    { .label = "Backup instance", .type = UI_FIELD_NOTE, .text = instance_name },
    { .label = "Recovery points", .type = UI_FIELD_NOTE, .text = points_note },
    { .name = "how", .label = "What is there", .type = UI_FIELD_RADIO, .choice = ways, .check = check_how },
};
static const struct ui_step stop_step[] = {
    { .title = "Stop protection", FIELDS(stop_fields), .intro = "No backup is made any more. What happens to the recovery points?",
      .check = check_stop },
};

static bool submit_stop(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    if (i)
        return false;
    kg_buf_adds(ret->path, f->base.arg);
    if (!deletes(f))
        kg_buf_adds(ret->path, ui_form_is(f, "how", "suspend") ? "/suspendBackups" : "/stopProtection");
    ret->method = deletes(f) ? "DELETE" : "POST";
    ret->follow = true;
    ret->doing = "Stopping protection";
    return true;
}

static void cli_stop(const struct ui_form *f, struct kg_buf *ret)
{
    cli_instance(f, deletes(f) ? "delete" : ui_form_is(f, "how", "suspend") ? "suspend-backup" : "stop-protection", "-n", ret);
    kg_buf_adds(ret, deletes(f) ? " --yes\n" : "\n");
}

static const struct ui_form_kind stop_form = {
    .step = stop_step, .n_steps = 1, .submit_label = "Stop protection", .succeeded = "Protection was stopped",
    .own_size = sizeof(struct stop), .open = open_stop, .done = done_stop, .answer = answer_stop, .submit = submit_stop,
    .cli = cli_stop, .danger = danger_stop, .typed = typed_stop,
};
const struct ui_kind ui_dialog_stop_protection = {
    .name = "stop-protection", .title = "Stop protection", .shape = UI_DIALOG, .family = UI_FORM, .data = &stop_form,
};
