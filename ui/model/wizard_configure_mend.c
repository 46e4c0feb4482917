/* What mends databases that are not ready: the roles that the vault's identity lacks, assigned or as a template for somebody
 * who may, and the script that grants a database's user what backups need. m->arg is {vault, for, database, backupInstances}.
 * Also what these show: a text that can be saved to a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "model/configure.h"
#include "model/kinds.h"
#include "model/reader.h"

enum { BODY_MAX = 4 << 20, ID_MAX = 4096 };

struct own {
    struct kg_json *arg;
    struct ui_conf tags;
    int tag;                                 /* of what was asked last; older answers are passed over */
    struct kg_json *answer;                  /* to it */
    struct kg_err err;
    bool show;                               /* the answer is to be shown as a text when it comes */
};

static struct own *own_of(const struct ui_form *f) { return f->own; }

static void open_dialog(struct ui_form *f)
{
    struct kg_err ignored = { 0 };

    if (kg_json_parse(f->base.arg, strlen(f->base.arg), &own_of(f)->arg, &ignored) < 0)
        own_of(f)->arg = NULL;
}

static void done(struct ui_form *f)
{
    kg_json_free(own_of(f)->arg);
    kg_json_free(own_of(f)->answer);
}

static void what_for(const struct ui_form *f, struct kg_buf *ret)
{
    kg_text_add_printable(ret, kg_json_str_or(own_of(f)->arg, "for", ""));
}

/* The body of all three questions; the caller frees it. */
static struct kg_json *body_of(const struct ui_form *f)
{
    struct kg_json *body = kg_json_object();
    const struct kg_json *list = kg_json_get(own_of(f)->arg, "backupInstances");

    kg_json_set(body, "backupInstances", list ? kg_json_copy(list) : kg_json_array());
    if (*ui_form_value(f, "scope"))
        kg_json_set_str(body, "scope", ui_form_value(f, "scope"));
    if (*ui_form_value(f, "language"))
        kg_json_set_str(body, "language", ui_form_value(f, "language"));
    return body;
}

static void ask(struct ui_form *f, const char *action, const struct kg_json *body, bool follow)
{
    struct own *o = own_of(f);
    KG_AUTO_BUF struct kg_buf path = KG_BUF_INIT(ID_MAX), text = KG_BUF_INIT(BODY_MAX);

    kg_buf_addf(&path, "%s/%s", kg_json_str_or(o->arg, "vault", ""), action);
    kg_json_print(body, false, &text);
    kg_json_free(o->answer);
    o->answer = NULL;
    o->err = (struct kg_err){ 0 };
    o->tag = ui_conf_tag(&o->tags);
    ui_ask_call(&f->base, &(struct ui_call){ .method = "POST", .path = path.p, .body = text.p, .follow = follow }, o->tag);
}

static void post(struct ui_form *f, const char *action, const struct kg_json *body, struct ui_submit *ret)
{
    kg_buf_addf(ret->path, "%s/%s", kg_json_str_or(own_of(f)->arg, "vault", ""), action);
    kg_json_print(body, false, ret->body);
    ret->method = "POST";
}

static const struct ui_choice scopes[] = {
    { "Resource", "Resource", "Only the server and the key vault themselves." },
    { "ResourceGroup", "Resource group", "All of their resource groups, also what is added later." },
    { "Subscription", "Subscription", "Everything in the subscription." },
    { NULL, NULL, NULL },
};

/* ---- assign missing roles ---- */

static void ask_grants(struct ui_form *f)
{
    KG_AUTO_JSON struct kg_json *body = body_of(f);

    kg_json_set_bool(body, "whatIf", true);
    ask(f, "assignMissingRoles", body, false);
}

static void open_roles(struct ui_form *f)
{
    open_dialog(f);
    ask_grants(f);
}

static void take_grants(struct ui_form *f, int tag, const struct kg_answer *a)
{
    struct own *o = own_of(f);

    if (tag != o->tag)
        return;
    if (a->err)
        o->err = *a->err;
    else
        o->answer = a->reply && a->reply->json ? kg_json_copy(a->reply->json) : kg_json_object();
    f->base.changed = true;
}

static void add_grant(const struct kg_json *g, struct kg_buf *ret)
{
    const char *role = kg_json_str(g, "Properties.roleDefinitionName"), *name = kg_json_str_or(g, "Name", "?");

    if (role) {
        const char *scope = kg_json_str_or(g, "Properties.scope", "?");

        kg_buf_addf(ret, "Role '%s' on %s", role, strcasestr(scope, "/providers/") ? ""
                    : strcasestr(scope, "/resourceGroups/") ? "resource group " : "subscription ");
        kg_text_add_printable(ret, ui_last_part(scope));
        return;
    }
    if (kg_json_get(g, "Properties.accessPolicy"))
        kg_buf_adds(ret, "Get and list secrets, in the access policy of key vault ");
    else if (kg_json_get(g, "Properties.networkAcls"))
        kg_buf_adds(ret, "Let trusted services through the network rules of key vault ");
    else
        kg_buf_adds(ret, "Let backups connect to server ");
    kg_text_add_printable(ret, kg_json_str_or(g, "Properties.server", name));
}

static void grants(const struct ui_form *f, struct kg_buf *ret)
{
    const struct own *o = own_of(f);
    const struct kg_json *list = kg_json_get(o->answer, "value");

    if (o->err.code) {
        kg_text_add_printable(ret, o->err.msg);
        kg_buf_addf(ret, " %s", o->err.action);
    } else if (!o->answer) {
        kg_buf_adds(ret, "Loading…");
    } else if (!kg_json_count(list)) {
        kg_buf_adds(ret, "Nothing is missing. Re-validate.");
    }
    for (const struct kg_json *g = kg_json_first(list); g; g = kg_json_next(g)) {
        kg_buf_adds(ret, g == kg_json_first(list) ? "" : "\n");
        add_grant(g, ret);
    }
}

static bool submit_roles(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    KG_AUTO_JSON struct kg_json *body = body_of(f);

    if (i)
        return false;
    post((struct ui_form *)(uintptr_t)f, "assignMissingRoles", body, ret);
    ret->doing = "Assigning roles";
    return true;
}

static void roles_assigned(struct ui_form *f)
{
    size_t n = kg_json_count(kg_json_get(f->answers[0], "value"));
    char text[80];

    snprintf(text, sizeof text, n == 1 ? "%zu permission was granted" : "%zu permissions were granted", n);
    ui_note(&f->base, UI_NOTE_OK, text);
    ui_close(&f->base, "done");
}

static const struct ui_field role_fields[] = {
    { .label = "For", .type = UI_FIELD_NOTE, .text = what_for },
    { .name = "scope", .label = "Scope", .type = UI_FIELD_RADIO, .choice = scopes, .changed = ask_grants },
    { .label = "Will be granted", .type = UI_FIELD_NOTE, .text = grants },
};
static const struct ui_step role_steps[] = { { .title = "Roles", .field = role_fields, .n_fields = KG_ARRAY_LEN(role_fields),
    .intro = "Grants the identity of the Backup vault what it lacks." } };
static const struct ui_form_kind role_form = {
    .step = role_steps, .n_steps = 1, .submit_label = "Assign", .own_size = sizeof(struct own), .open = open_roles, .done = done,
    .answer = take_grants, .submit = submit_roles, .finished = roles_assigned,
};
const struct ui_kind ui_dialog_assign_roles = {
    .name = "assign-roles", .title = "Assign missing roles", .shape = UI_DIALOG, .family = UI_FORM, .data = &role_form,
};

/* ---- a text that is shown, or saved to a file ---- */

/* The text in an answer: a script, or the answer itself as JSON. */
static void text_of(const struct kg_json *answer, struct kg_buf *ret)
{
    const char *script = kg_json_str(answer, "script");

    if (script) {
        kg_buf_adds(ret, script);
    } else {
        kg_json_print(answer, true, ret);
        kg_buf_adds(ret, "\n");
    }
}

static void take_text(struct ui_form *f, int tag, const struct kg_answer *a)
{
    struct own *o = own_of(f);
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(BODY_MAX);

    if (tag != o->tag)
        return;
    o->tag = 0;
    f->base.changed = true;
    if (a->err || !a->reply || !a->reply->json) {
        if (a->err)
            f->err = *a->err;
        return;
    }
    text_of(a->reply->json, &text);
    ui_open(&f->base, "text", text.p);
}

/* "written to grant-shop.sh. An administrator of the server runs it, as 'bash grant-shop.sh -U postgres'; then e validates again" */
static void say_saved(const struct ui_form *f, struct kg_buf *ret)
{
    static const struct { const char *language, *run; } runs[] = { { "bash", "bash %s -U postgres" },
        { "powershell", "./%s -U postgres" }, { "sql", "psql -f %s -U postgres -d DATABASE" } };
    KG_AUTO_BUF struct kg_buf file = KG_BUF_INIT(ID_MAX);
    const char *at;

    kg_text_add_printable(&file, ui_form_value(f, "file"));
    kg_buf_addf(ret, "written to %s. ", file.p);
    for (size_t i = 0; i < KG_ARRAY_LEN(runs); i++) {
        if (!ui_form_is(f, "language", runs[i].language))
            continue;
        at = strstr(runs[i].run, "%s");
        kg_buf_addf(ret, "An administrator of the server runs it, as '%.*s%s%s'; then e validates again", (int)(at - runs[i].run),
                    runs[i].run, file.p, at + 2);
        return;
    }
    kg_buf_adds(ret, "An administrator deploys it; then e validates again");
}

static void saved(struct ui_form *f)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(BODY_MAX), said = KG_BUF_INIT(ID_MAX);
    struct kg_err err = { 0 };

    text_of(f->answers[0], &text);
    if (kg_buf_ok(&text, &err) < 0 || f->base.host->ops->save(f->base.host, ui_form_value(f, "file"), text.p, &err) < 0) {
        f->err = err;
        f->finished = false;
        return;
    }
    say_saved(f, &said);
    ui_note(&f->base, UI_NOTE_OK, said.p);
    ui_close(&f->base, NULL);
}

static void note_asking(const struct ui_form *f, struct kg_buf *ret) { kg_buf_adds(ret, own_of(f)->tag ? "Loading…" : " "); }

/* ---- the role assignment template ---- */

static void show_template(struct ui_form *f)
{
    KG_AUTO_JSON struct kg_json *body = body_of(f);

    ask(f, "roleAssignmentTemplate", body, false);
}

static bool submit_template(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    KG_AUTO_JSON struct kg_json *body = body_of(f);

    if (i)
        return false;
    post((struct ui_form *)(uintptr_t)f, "roleAssignmentTemplate", body, ret);
    ret->doing = "Making the template";
    return true;
}

static const struct ui_field template_fields[] = {
    { .label = "For", .type = UI_FIELD_NOTE, .text = what_for },
    { .name = "scope", .label = "Scope", .type = UI_FIELD_RADIO, .choice = scopes },
    { .name = "file", .label = "File", .type = UI_FIELD_TEXT, .initial = "role-assignments.json", .max = 1000,
      .help = "Written where the portal was started; an existing file is never overwritten." },
    { .name = "show", .label = "Show it", .type = UI_FIELD_BUTTON, .press = show_template },
    { .label = "", .type = UI_FIELD_NOTE, .text = note_asking },
};
static const struct ui_step template_steps[] = { { .title = "Template", .field = template_fields,
    .n_fields = KG_ARRAY_LEN(template_fields),
    .intro = "An ARM template for an administrator of the server and the key vault. Once it is deployed, re-validate." } };
static const struct ui_form_kind template_form = {
    .step = template_steps, .n_steps = 1, .submit_label = "Download", .own_size = sizeof(struct own), .open = open_dialog,
    .done = done, .answer = take_text, .submit = submit_template, .finished = saved,
};
const struct ui_kind ui_dialog_role_template = {
    .name = "role-template", .title = "Download role assignment template", .shape = UI_DIALOG, .family = UI_FORM,
    .data = &template_form,
};

/* ---- the grant script ---- */

static void show_script(struct ui_form *f)
{
    KG_AUTO_JSON struct kg_json *body = body_of(f);

    ask(f, "grantScript", body, true);
}

static bool submit_script(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    KG_AUTO_JSON struct kg_json *body = body_of(f);

    if (i)
        return false;
    post((struct ui_form *)(uintptr_t)f, "grantScript", body, ret);
    ret->follow = true;
    ret->doing = "Making the script";
    return true;
}

static const struct ui_choice languages[] = {
    { "powershell", "PowerShell", NULL }, { "bash", "bash", NULL }, { "sql", "SQL", NULL }, { NULL, NULL, NULL },
};

/* "grant-shop.sh"; of the database's name what a file's name may have anywhere. */
static const char *script_file(const struct ui_form *f)
{
    static char name[100];
    const char *ending = ui_form_is(f, "language", "sql") ? "sql" : ui_form_is(f, "language", "bash") ? "sh" : "ps1";

    snprintf(name, sizeof name, "grant-%.60s", kg_json_str_or(own_of(f)->arg, "database", "backup"));
    for (char *s = name; *s; s++)
        if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr("-_", *s)))
            *s = '-';
    snprintf(name + strlen(name), sizeof name - strlen(name), ".%s", ending);
    return name;
}

static const struct ui_field script_fields[] = {
    { .label = "For", .type = UI_FIELD_NOTE, .text = what_for },
    { .name = "language", .label = "Language", .type = UI_FIELD_RADIO, .choice = languages, .initial = "bash" },
    { .name = "file", .label = "File", .type = UI_FIELD_TEXT, .initially = script_file, .max = 1000,
      .help = "Written where the portal was started; an existing file is never overwritten." },
    { .name = "show", .label = "Show it", .type = UI_FIELD_BUTTON, .press = show_script },
    { .label = "", .type = UI_FIELD_NOTE, .text = note_asking },
};
static const struct ui_step script_steps[] = { { .title = "Script", .field = script_fields, .n_fields = KG_ARRAY_LEN(script_fields),
    .intro = "For an administrator of the PostgreSQL server: grants the user in the secret what backups of this database need." } };
static const struct ui_form_kind script_form = {
    .step = script_steps, .n_steps = 1, .submit_label = "Save", .own_size = sizeof(struct own), .open = open_dialog, .done = done,
    .answer = take_text, .submit = submit_script, .finished = saved,
};
const struct ui_kind ui_dialog_grant_script = {
    .name = "grant-script", .title = "Grant script", .shape = UI_DIALOG, .family = UI_FORM, .data = &script_form,
};

/* ---- readers ---- */

static void copy_text(struct ui_model *m) { m->host->ops->copy(m->host, m->arg); }

static const struct ui_command reader_commands[] = {
    { "copy-text", "Copy all", 'c', 0, "Copy the whole text to the terminal's clipboard", NULL, copy_text, NULL },
};
const struct ui_kind ui_page_text = {
    .name = "text", .title = "Text", .shape = UI_PAGE, .family = UI_READER, .commands = reader_commands,
    .n_commands = KG_ARRAY_LEN(reader_commands),
};
const struct ui_kind ui_pane_readiness = {
    .name = "readiness-details", .title = "Backup readiness", .shape = UI_PANE, .family = UI_READER, .commands = reader_commands,
    .n_commands = KG_ARRAY_LEN(reader_commands),
};
