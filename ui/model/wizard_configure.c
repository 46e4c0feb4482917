/* Configure backup: a vault, one of its policies, databases that are ready, and one backup instance for each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "model/configure.h"
#include "model/kinds.h"
#include "model/policy_words.h"

#define FIELDS(array) .field = (array), .n_fields = KG_ARRAY_LEN(array)

enum { TEXT_MAX = 4 << 20 };

static const struct ui_conf *conf(const struct ui_model *m) { return ((const struct ui_form *)m)->own; }

/* ---- vault and policy ---- */

static void vault_changed(struct ui_form *f)
{
    struct ui_conf *c = ui_conf_of(f);
    const char *vault = ui_form_value(f, "vault");

    if (c->vault && strcasecmp(c->vault, vault) == 0)
        return;
    free(c->vault);
    c->vault = kg_xstrdup(vault);
    ui_conf_validate_all(f);
}

static void policy_changed(struct ui_form *f)
{
    struct ui_conf *c = ui_conf_of(f);

    kg_json_free(c->policy);
    c->policy = NULL;
    c->policy_tag = 0;
    if (!*ui_form_value(f, "policy"))
        return;
    c->policy_tag = ui_conf_tag(c);
    ui_ask(&f->base, ui_form_value(f, "policy"), c->policy_tag);
    ui_conf_pump(f);
}

static const char *check_policy(const struct ui_form *f, const char *value)
{
    (void)value;
    return ui_conf_policy_fits(f) ? NULL : "Choose a backup policy of this vault.";
}

/* Broken behind a blank where there is one; what goes on in the next line is moved in. */
static void add_wrapped(struct kg_buf *ret, const char *text, int width)
{
    size_t most = width > 12 ? (size_t)width : 12, indent = 0;

    while (*text) {
        size_t n = strlen(text), room = most - indent;

        if (n > room) {
            for (n = room; n > room / 2 && text[n] != ' '; n--)
                ;
            n = text[n] == ' ' ? n : room;
            while (n && ((unsigned char)text[n] & 0xC0) == 0x80)
                n--;
        }
        kg_buf_addf(ret, "%*s%.*s\n", (int)indent, "", (int)n, text);
        text += n;
        text += strspn(text, " ");
        indent = 2;
    }
}

static void policy_aside(const struct ui_form *f, int width, struct kg_buf *ret)
{
    static void (*const words[])(const struct kg_json *policy, int64_t now, struct ui_shown *ret) = {
        ui_policy_rule_1, ui_policy_rule_2, ui_policy_rule_3, ui_policy_rule_4, ui_policy_rule_5,
    };
    const struct ui_conf *c = ui_conf_of(f);
    struct ui_shown schedule = { "", UI_NONE }, zone = { "", UI_NONE };

    if (!*ui_form_value(f, "policy"))
        return;
    if (!c->policy) {
        kg_buf_adds(ret, c->policy_tag ? "Loading…\n" : "What the policy says cannot be shown now.\n");
        return;
    }
    ui_policy_schedule(c->policy, f->base.host->now, &schedule);
    ui_policy_zone(c->policy, f->base.host->now, &zone);
    kg_buf_adds(ret, "Backup schedule\n");
    add_wrapped(ret, schedule.text, width);
    kg_buf_addf(ret, "Time zone: %s\n\nRetention, the first rule that fits wins\n", zone.text);
    for (size_t i = 0; i < KG_ARRAY_LEN(words); i++) {
        struct ui_shown rule = { "", UI_NONE };

        words[i](c->policy, f->base.host->now, &rule);
        if (*rule.text)
            add_wrapped(ret, rule.text, width);
    }
}

/* ---- the grid of databases ---- */

static size_t count(const struct ui_form *f) { return ui_conf_of(f)->n; }
static bool marked(const struct ui_form *f, size_t row) { return ui_conf_of(f)->row[row].marked; }

static void show(struct ui_shown *ret, const char *text)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(UI_SHOWN);

    kg_text_add_printable(&b, text);
    kg_text_copy(ret->text, sizeof ret->text, b.p);
}

static void show_secret(const struct ui_conf_row *r, struct ui_shown *ret)
{
    KG_AUTO_FREE char *both = NULL;

    if (r->keyvault && r->uri) {
        const char *p = strstr(r->uri, "/secrets/");

        both = kg_xprintf("%s/%.*s", ui_last_part(r->keyvault), p ? (int)strcspn(p + 9, "/") : 1, p ? p + 9 : "?");
    }
    show(ret, both ? both : r->uri ? r->uri : "");
}

static void cell(const struct ui_form *f, size_t row, size_t column, struct ui_shown *ret)
{
    const struct ui_conf_row *r = &ui_conf_of(f)->row[row];

    switch (column) {
    case 0: show(ret, r->server); break;
    case 1: show(ret, r->database); break;
    case 2: show_secret(r, ret); break;
    default: ui_conf_readiness(r, ret); break;
    }
}

static struct ui_conf_row *current(const struct ui_form *f)
{
    struct ui_conf *c = ui_conf_of(f);

    return f->grid.cursor < c->n ? &c->row[f->grid.cursor] : NULL;
}

/* The rows that a command is about: the marked ones, else the one under the cursor. Returns how many there are. */
static size_t aim(struct ui_form *f)
{
    struct ui_conf *c = ui_conf_of(f);
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++)
        n += c->row[i].aimed = c->row[i].marked && ui_conf_changeable(&c->row[i]);
    if (!n && current(f) && ui_conf_changeable(current(f)))
        n = current(f)->aimed = true;
    return n;
}

static const struct ui_conf_row *first_aimed(const struct ui_conf *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->row[i].aimed)
            return &c->row[i];
    return NULL;
}

/* "database 'shop'", "3 databases" */
static const char *aimed_label(struct ui_form *f, size_t n)
{
    struct ui_conf *c = ui_conf_of(f);
    const struct ui_conf_row *r = first_aimed(c);

    if (n == 1 && r)
        snprintf(c->label, sizeof c->label, "database '%.50s'", r->database);
    else
        snprintf(c->label, sizeof c->label, "%zu databases", n);
    return c->label;
}

static void open_json(struct ui_form *f, const char *kind, const struct kg_json *arg)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(TEXT_MAX);

    kg_json_print(arg, false, &text);
    ui_open(&f->base, kind, text.p);
}

/* ---- commands ---- */

static const char *while_sending(const struct ui_model *m)
{
    return ((const struct ui_form *)m)->sending ? "backup is being configured" : NULL;
}

static const char *needs_rows(const struct ui_model *m)
{
    const struct ui_conf *c = conf(m);

    if (while_sending(m))
        return while_sending(m);
    if (!c->n)
        return "no database is chosen yet";
    for (size_t i = 0; i < c->n; i++)
        if (ui_conf_changeable(&c->row[i]))
            return NULL;
    return "all databases are configured";
}

static const char *needs_secret(const struct ui_model *m)
{
    const struct ui_conf_row *r = current((const struct ui_form *)m);

    return needs_rows(m) ? needs_rows(m) : r && !r->uri ? "no key vault is assigned yet" : NULL;
}

static const char *needs_vault(const struct ui_model *m)
{
    return while_sending(m) ? while_sending(m) : *ui_form_value((const struct ui_form *)m, "vault") ? NULL : "choose a Backup vault first";
}

static void add(struct ui_model *m)
{
    struct ui_form *f = (struct ui_form *)m;
    struct ui_conf *c = ui_conf_of(f);
    const struct ui_option *o = ui_form_option(f, "vault");
    KG_AUTO_JSON struct kg_json *arg = kg_json_object();
    struct kg_json *taken = kg_json_array();

    kg_json_set_str(arg, "vault", ui_form_value(f, "vault"));
    kg_json_set_str(arg, "region", o && o->help ? o->help : "");
    kg_json_set(arg, "secrets", c->secrets ? kg_json_copy(c->secrets) : kg_json_array());
    for (size_t i = 0; i < c->n; i++)
        kg_json_push_str(taken, c->row[i].id);
    kg_json_set(arg, "taken", taken);
    open_json(f, "select-databases", arg);
}

static void assign_secret(struct ui_model *m)
{
    struct ui_form *f = (struct ui_form *)m;
    size_t n = aim(f);
    const struct ui_conf_row *r = first_aimed(ui_conf_of(f));
    KG_AUTO_JSON struct kg_json *arg = kg_json_object();

    if (!r)
        return;
    kg_json_set_str(arg, "for", aimed_label(f, n));
    kg_json_set_str(arg, "uri", r->uri ? r->uri : "");
    kg_json_set_str(arg, "keyVaultId", r->keyvault ? r->keyvault : "");
    kg_json_set_str(arg, "purpose", "backup");
    open_json(f, "assign-key-vault", arg);
}

static void details(struct ui_model *m)
{
    struct ui_form *f = (struct ui_form *)m;
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(TEXT_MAX);

    if (!current(f))
        return;
    ui_conf_details(current(f), &text);
    ui_open(&f->base, "readiness-details", text.p);
}

/* One whose validation was refused as such: it would be refused here too, and all others with it. */
static bool is_refused(const struct ui_conf_row *r) { return r->state == UI_CONF_FAILED && !r->report; }

/* {vault, for, backupInstances}: what the dialogs that mend are about. one: only the row under the cursor. */
static void open_mending(struct ui_form *f, const char *kind, bool one)
{
    struct ui_conf *c = ui_conf_of(f);
    KG_AUTO_JSON struct kg_json *arg = kg_json_object();
    struct kg_json *list = kg_json_array();
    size_t n = aim(f), refused = 0;

    for (size_t i = 0; i < c->n; i++)
        refused += c->row[i].aimed && is_refused(&c->row[i]);
    for (size_t i = 0; i < c->n; i++)
        c->row[i].aimed = (one ? &c->row[i] == current(f) : c->row[i].aimed && (n == refused || !is_refused(&c->row[i]))) &&
                          c->row[i].uri;
    for (size_t i = 0; i < c->n; i++)
        if (c->row[i].aimed)
            kg_json_push(list, ui_conf_document(f, &c->row[i]));
    n = kg_json_count(list);
    kg_json_set_str(arg, "vault", ui_form_value(f, "vault"));
    kg_json_set_str(arg, "for", aimed_label(f, n));
    kg_json_set_str(arg, "database", n == 1 ? first_aimed(c)->database : "backup");
    kg_json_set(arg, "backupInstances", list);
    if (n)
        open_json(f, kind, arg);
}

static void assign_roles(struct ui_model *m) { open_mending((struct ui_form *)m, "assign-roles", false); }
static void role_template(struct ui_model *m) { open_mending((struct ui_form *)m, "role-template", false); }
static void grant_script(struct ui_model *m) { open_mending((struct ui_form *)m, "grant-script", true); }

static void revalidate(struct ui_model *m)
{
    struct ui_form *f = (struct ui_form *)m;
    struct ui_conf *c = ui_conf_of(f);

    (void)aim(f);
    for (size_t i = 0; i < c->n; i++)
        if (c->row[i].aimed)
            ui_conf_validate(f, &c->row[i]);
    ui_conf_pump(f);
}

static void after_removing(struct ui_form *f)
{
    if (f->grid.cursor && f->grid.cursor >= ui_conf_of(f)->n)
        f->grid.cursor = ui_conf_of(f)->n ? ui_conf_of(f)->n - 1 : 0;
    ui_conf_pump(f);
}

static void remove_rows(struct ui_model *m)
{
    struct ui_form *f = (struct ui_form *)m;
    struct ui_conf *c = ui_conf_of(f);
    bool failed = false;

    (void)aim(f);
    for (size_t i = c->n; i-- > 0;)
        if (c->row[i].aimed) {
            failed |= c->row[i].sent == UI_CONF_REFUSED;
            ui_conf_remove(f, i);
        }
    if (failed)
        ui_note(m, UI_NOTE_INFO, "what failed may stand in Backup instances as failed, and can be deleted there");
    after_removing(f);
}

static bool in_trouble(const struct ui_conf_row *r)
{
    return r->state == UI_CONF_ROLE || r->state == UI_CONF_CANNOT || r->state == UI_CONF_FAILED || r->state == UI_CONF_NO_SECRET;
}

static void remove_unready(struct ui_model *m)
{
    struct ui_form *f = (struct ui_form *)m;
    struct ui_conf *c = ui_conf_of(f);

    for (size_t i = c->n; i-- > 0;)
        if (in_trouble(&c->row[i]))
            ui_conf_remove(f, i);
    after_removing(f);
}

static const struct ui_command grid_commands[] = {
    { "add-databases", "Add", 'a', 0, "Select databases of the servers of the vault's region", needs_vault, add, NULL },
    { "assign-key-vault", "Key vault", 'v', 0, "Assign a key vault and secret, or a secret's URI, to the row or to all marked rows",
      needs_rows, assign_secret, NULL },
    { "view-details", "Details", 'd', 0, "Every check of the row under the cursor, with what to do", needs_rows, details, NULL },
    { "assign-missing-roles", "Assign roles", 'r', UI_WRITES, "Grant the vault's identity what it lacks, then validate again",
      needs_secret, assign_roles, NULL },
    { "validate-again", "Re-validate", 'e', 0, "Validate the row or all marked rows again", needs_secret, revalidate, NULL },
    { "remove-databases", "Remove", 'x', 0, "Take the row or all marked rows out of this list", needs_rows, remove_rows, NULL },
    { "download-role-template", "Template", 't', 0,
      "Download the role assignment template, for an administrator to deploy", needs_secret, role_template, NULL },
    { "show-grant-script", "Grant script", 'p', 0, "The script that grants the database's user what backups need (bash, PowerShell, SQL)",
      needs_secret, grant_script, NULL },
    { "remove-unready", "Remove unready", 'u', 0, "Take all rows out whose readiness is not Success", needs_rows, remove_unready, NULL },
};

static void mark_all(struct ui_conf *c)
{
    bool all = true;

    for (size_t i = 0; i < c->n; i++)
        all &= c->row[i].marked || !ui_conf_changeable(&c->row[i]);
    for (size_t i = 0; i < c->n; i++)
        c->row[i].marked = !all && ui_conf_changeable(&c->row[i]);
}

static bool act(struct ui_form *f, size_t row, enum ui_action a)
{
    struct ui_conf *c = ui_conf_of(f);
    struct ui_conf_row *r = &c->row[row];

    if (a == UI_ACT_MARK) {
        r->marked = !r->marked && ui_conf_changeable(r);
    } else if (a == UI_ACT_MARK_ALL) {
        mark_all(c);
    } else if (a == UI_ACT_OPEN) {
        (r->uri ? details : assign_secret)(&f->base);
    } else {
        return false;
    }
    return true;
}

static const struct ui_column columns[] = {
    { .title = "Server", .min = 8, .want = 14, .rank = 2 },
    { .title = "Database", .min = 12, .want = 22 },
    { .title = "Key vault / secret", .brief = "Secret", .min = 8, .want = 18, .rank = 1 },
    { .title = "Backup readiness", .min = 26, .want = 26 },
};
static const struct ui_grid grid = {
    .column = columns, .n_columns = KG_ARRAY_LEN(columns), .count = count, .cell = cell, .marked = marked, .act = act,
    .commands = grid_commands, .n_commands = KG_ARRAY_LEN(grid_commands),
    .empty = "No database is chosen yet. Press a to add some.",
};

/* What can be done about a row, shortly: the whole message is in its details. */
static void add_hint(const struct ui_conf_row *r, struct kg_buf *ret)
{
    static const char *const hints[UI_CONF_STATES_] = {
        [UI_CONF_NO_SECRET] = "press v to assign a key vault and secret",
        [UI_CONF_ROLE] = "press r to assign the missing roles, d for details",
        [UI_CONF_CANNOT] = "press t for the template that an administrator deploys, d for details",
    };
    enum { SHORT = 90 };
    const char *why = ui_conf_why(r);
    size_t n = strlen(why) > SHORT ? SHORT : strlen(why);
    KG_AUTO_FREE char *some = NULL;

    while (n && n < strlen(why) && ((unsigned char)why[n] & 0xC0) == 0x80)
        n--;
    some = kg_xstrndup(why, n);

    kg_text_add_printable(ret, r->database);
    kg_buf_adds(ret, ": ");
    if (r->sent == UI_CONF_UNSENT && hints[r->state]) {
        kg_buf_adds(ret, hints[r->state]);
        return;
    }
    kg_text_add_printable(ret, some);
    kg_buf_addf(ret, "%s;%s d for details", why[n] ? "…" : "", ui_conf_lacks_privileges(r) ? " p for the script that grants it," : "");
}

/* Under the grid: what is to be done about the row under the cursor, else how many are ready. */
static void summary(const struct ui_form *f, struct kg_buf *ret)
{
    static const char *const words[UI_CONF_STATES_] = { "without key vault", "waiting", "validating", "ready", "without roles",
                                                        "for an administrator", "failed" };
    const struct ui_conf *c = ui_conf_of(f);
    const struct ui_conf_row *r = current(f);

    if (!c->n)
        return;
    kg_buf_addf(ret, "%zu database%s: ", c->n, c->n == 1 ? "" : "s");
    for (int s = 0, n = 0; s < UI_CONF_STATES_; s++)
        if (ui_conf_count(c, (enum ui_conf_state)s))
            kg_buf_addf(ret, "%s%zu %s", n++ ? ", " : "", ui_conf_count(c, (enum ui_conf_state)s), words[s]);
    if (r && *ui_conf_why(r)) {
        kg_buf_adds(ret, "\n");
        add_hint(r, ret);
    }
}

static const char *check_datasources(const struct ui_form *f)
{
    struct ui_conf *c = ui_conf_of(f);
    size_t ready = ui_conf_count(c, UI_CONF_READY);
    struct ui_shown s = { "", UI_NONE };
    KG_AUTO_BUF struct kg_buf name = KG_BUF_INIT(400);
    size_t i = 0;
    bool trouble = false;

    if (!c->n)
        return "Add at least one database: press a in the list.";
    if (ready == c->n)
        return NULL;
    for (size_t k = 0; k < c->n; k++)
        trouble |= c->row[k].sent != UI_CONF_DONE && in_trouble(&c->row[k]);
    while (c->row[i].sent == UI_CONF_DONE || c->row[i].state == UI_CONF_READY || (trouble && !in_trouble(&c->row[i])))
        i++;
    ui_conf_readiness(&c->row[i], &s);
    kg_text_add_printable(&name, c->row[i].database);
    snprintf(c->said, sizeof c->said, "%zu of %zu database%s not ready: %.80s (%.60s)%s. %s", c->n - ready, c->n,
             c->n == 1 ? " is" : "s are", name.p, s.text, c->n - ready > 1 ? " and more" : "",
             !trouble ? "Wait for it, then go on." : c->n - ready > 1 ? "Mend them (d says why), or press u to remove them."
                                                                       : "Mend it (d says why), or press x to remove it.");
    return c->said;
}

/* ---- the review ---- */

static void review_cell(const struct ui_form *f, size_t row, size_t column, struct ui_shown *ret)
{
    const struct ui_conf_row *r = &ui_conf_of(f)->row[row];

    switch (column) {
    case 0: show(ret, r->server); break;
    case 1: show(ret, r->database); break;
    case 2: show(ret, r->instance); break;
    default: ui_conf_progress(r, ret); break;
    }
}

static bool review_act(struct ui_form *f, size_t row, enum ui_action a)
{
    (void)row;
    if (a != UI_ACT_OPEN)
        return false;
    details(&f->base);
    return true;
}

static void show_commands(struct ui_model *m) { ui_form_press((struct ui_form *)m, UI_BUTTON_CLI); }

static const struct ui_column review_columns[] = {
    { .title = "Server", .min = 6, .want = 14, .rank = 1 },
    { .title = "Database", .min = 12, .want = 18 },
    { .title = "Backup instance", .brief = "Instance", .min = 15, .want = 30 },
    { .title = "State", .min = 18, .want = 18 },
};
static const struct ui_command review_commands[] = {
    { "view-details", "Details", 'd', 0, "What was checked, and why configuring failed", NULL, details, NULL },
    { "equivalent-commands", "Equivalent commands", 'c', 0, "The same for a script", NULL, show_commands, NULL },
};
static const struct ui_grid review_grid = {
    .column = review_columns, .n_columns = KG_ARRAY_LEN(review_columns), .count = count, .cell = review_cell, .act = review_act,
    .commands = review_commands, .n_commands = KG_ARRAY_LEN(review_commands), .empty = "No database is chosen.",
};

static void review_vault(const struct ui_form *f, struct kg_buf *ret) { kg_text_add_printable(ret, ui_form_label(f, "vault")); }

static void review_policy(const struct ui_form *f, struct kg_buf *ret)
{
    struct ui_shown s = { "", UI_NONE };

    kg_text_add_printable(ret, ui_form_label(f, "policy"));
    if (!ui_conf_of(f)->policy)
        return;
    ui_policy_schedule(ui_conf_of(f)->policy, f->base.host->now, &s);
    kg_buf_adds(ret, ": ");
    kg_text_add_printable(ret, s.text);
}

static void review_why(const struct ui_form *f, struct kg_buf *ret)
{
    const struct ui_conf_row *r = current(f);

    if (r && r->sent == UI_CONF_REFUSED) {
        kg_text_add_printable(ret, r->database);
        kg_buf_adds(ret, ": ");
        kg_text_add_printable(ret, r->sent_err.msg);
    } else {
        kg_buf_addf(ret, "A backup instance will protect each database; the first backup runs by the policy's schedule.");
    }
}

/* ---- the wizard ---- */

static void take_answer(struct ui_form *f, int tag, const struct kg_answer *a)
{
    struct ui_conf *c = ui_conf_of(f);

    if (tag != c->policy_tag) {
        ui_conf_answer(f, tag, a);
        return;
    }
    c->policy_tag = 0;
    c->policy = a->reply && a->reply->json && !a->err ? kg_json_copy(a->reply->json) : NULL;
    f->base.changed = true;
}

static void take_secret(struct ui_form *f, const struct kg_json *result)
{
    struct ui_conf *c = ui_conf_of(f);

    for (size_t i = 0; i < c->n; i++) {
        struct ui_conf_row *r = &c->row[i];

        if (!r->aimed)
            continue;
        ui_conf_set_secret(f, r, kg_json_str(result, "uri"), kg_json_str(result, "keyVaultId"));
        r->marked = false;
    }
    ui_conf_pump(f);
}

static void revalidate_unready(struct ui_form *f)
{
    struct ui_conf *c = ui_conf_of(f);

    for (size_t i = 0; i < c->n; i++)
        if (in_trouble(&c->row[i]))
            ui_conf_validate(f, &c->row[i]);
    ui_conf_pump(f);
}

static void closed(struct ui_form *f, const char *kind, const char *result)
{
    KG_AUTO_JSON struct kg_json *j = NULL;
    struct kg_err ignored = { 0 };

    if (!result)
        return;
    if (strcmp(kind, "assign-roles") == 0) {
        revalidate_unready(f);
        return;
    }
    if ((strcmp(kind, "select-databases") != 0 && strcmp(kind, "assign-key-vault") != 0) ||
        kg_json_parse(result, strlen(result), &j, &ignored) < 0)
        return;
    if (strcmp(kind, "assign-key-vault") == 0) {
        take_secret(f, j);
        return;
    }
    for (const struct kg_json *s = kg_json_first(kg_json_get(j, "secrets")); s; s = kg_json_next(s))
        ui_conf_remember(ui_conf_of(f), kg_json_str_or(s, "server", ""), kg_json_str_or(s, "uri", ""), kg_json_str(s, "keyVaultId"));
    ui_conf_add(f, j);
}

/* Opened from a vault's page, or from something in a vault, it begins with that vault. */
static void open_wizard(struct ui_form *f)
{
    static const char part[] = "/Microsoft.DataProtection/backupVaults/";
    const char *p = strcasestr(f->base.arg, part);
    KG_AUTO_FREE char *vault = NULL;

    if (!p)
        return;
    p += sizeof part - 1;
    vault = kg_xstrndup(f->base.arg, (size_t)(p - f->base.arg) + strcspn(p, "/"));
    ui_form_suggest(f, "vault", vault, ui_last_part(vault));
}

static void done(struct ui_form *f)
{
    struct ui_conf *c = ui_conf_of(f);
    size_t left = 0;

    for (size_t i = 0; i < c->n && f->sending; i++)
        left += c->row[i].sent == UI_CONF_QUEUED;
    if (left) {
        snprintf(c->said, sizeof c->said, "the wizard was left: backup of %zu of %zu databases was not configured", left, c->n);
        ui_note(&f->base, UI_NOTE_WARNING, c->said);
    }
    ui_conf_rows_done(c);
    kg_json_free(c->policy);
    kg_json_free(c->secrets);
    free(c->vault);
}

/* Databases that were chosen and are not configured would be lost. */
static bool dirty(const struct ui_model *m)
{
    const struct ui_form *f = (const struct ui_form *)m;
    const struct ui_conf *c = conf(m);
    bool some = false;

    for (size_t i = 0; i < c->n; i++)
        some |= c->row[i].sent != UI_CONF_DONE;
    return !f->finished && (some || (!c->n && ui_form_dirty(m)));
}

static const struct ui_source vaults = {
    .path = "/subscriptions/{sub}/providers/Microsoft.DataProtection/backupVaults", .help = "location", .create = "create-vault",
    .create_label = "Create new Backup vault",
};
static const struct ui_source policies = {
    .path = "{vault}/backupPolicies", .create = "create-policy", .create_arg = "{vault}", .create_label = "Create new backup policy",
};
static const struct ui_field basics[] = {
    { .name = "vault", .label = "Backup vault", .type = UI_FIELD_CHOICE, .source = &vaults, .changed = vault_changed,
      .help = "Databases on servers of the vault's region can be protected in it." },
};
static const struct ui_field policy_fields[] = {
    { .name = "policy", .label = "Backup policy", .type = UI_FIELD_CHOICE, .source = &policies, .changed = policy_changed,
      .check = check_policy,
      .help = "Says when backups run and how long each is kept." },
};
static const struct ui_field datasources[] = {
    { .name = "databases", .label = "", .type = UI_FIELD_GRID },
    { .label = "", .type = UI_FIELD_NOTE, .text = summary },
};
static const struct ui_field review[] = {
    { .label = "Backup vault", .type = UI_FIELD_NOTE, .text = review_vault },
    { .label = "Backup policy", .type = UI_FIELD_NOTE, .text = review_policy },
    { .name = "instances", .label = "", .type = UI_FIELD_GRID },
    { .label = "", .type = UI_FIELD_NOTE, .text = review_why },
};
static const struct ui_step steps[] = {
    { .title = "Basics", FIELDS(basics), .intro = "Protects databases: each becomes a backup instance of a Backup vault." },
    { .title = "Backup policy", FIELDS(policy_fields), .aside = policy_aside },
    { .title = "Datasources", FIELDS(datasources), .grid = &grid, .check = check_datasources },
    { .title = "Review + configure", FIELDS(review), .grid = &review_grid },
};
static const struct ui_form_kind wizard = {
    .step = steps, .n_steps = KG_ARRAY_LEN(steps), .submit_label = "Configure backup", .own_size = sizeof(struct ui_conf),
    .open = open_wizard, .done = done, .answer = take_answer, .closed = closed, .start = ui_conf_submit, .cli = ui_conf_cli,
};
const struct ui_kind ui_wizard_configure = {
    .name = "configure-backup", .title = "Configure backup", .shape = UI_WIZARD, .family = UI_FORM, .data = &wizard,
    .found_by = "protect database backup", .dirty = dirty,
};
