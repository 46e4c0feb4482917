/* The rows of "Configure backup" as documents for the service, as words for people and as commands for scripts. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "model/configure.h"

char *ui_conf_encode(const char *name)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(3 * strlen(name) + 1);

    for (const char *s = name; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f || strchr("/%?#", *s))
            kg_buf_addf(&b, "%%%02X", (unsigned char)*s);
        else
            kg_buf_add(&b, s, 1);
    return kg_buf_take(&b);
}

/* ---- documents ---- */

static const char *region_of(const struct ui_form *f)
{
    const struct ui_option *o = ui_form_option(f, "vault");

    return o && o->help && *o->help ? o->help : NULL;
}

static struct kg_json *source(const struct ui_form *f, const struct ui_conf_row *r, bool set)
{
    struct kg_json *j = kg_json_object();
    const char *type = r->flexible ? "Microsoft.DBforPostgreSQL/flexibleServers" : "Microsoft.DBforPostgreSQL/servers";
    KG_AUTO_FREE char *child = kg_xprintf("%s/databases", type);

    kg_json_set_str(j, "objectType", set ? "DatasourceSet" : "Datasource");
    kg_json_set_str(j, "datasourceType", r->flexible ? type : child);
    kg_json_set_str(j, "resourceID", set ? r->server_id : r->id);
    kg_json_set_str(j, "resourceName", set ? r->server : r->database);
    kg_json_set_str(j, "resourceType", set ? type : child);
    kg_json_set_str(j, "resourceUri", "");
    if (region_of(f))
        kg_json_set_str(j, "resourceLocation", region_of(f));
    return j;
}

struct kg_json *ui_conf_document(const struct ui_form *f, const struct ui_conf_row *r)
{
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "backupInstanceName", r->instance);
    kg_json_set_str(j, "properties.objectType", "BackupInstance");
    kg_json_set(j, "properties.dataSourceInfo", source(f, r, false));
    kg_json_set(j, "properties.dataSourceSetInfo", source(f, r, true));
    kg_json_set_str(j, "properties.policyInfo.policyId", ui_form_value(f, "policy"));
#define STORE "properties.datasourceAuthCredentials."
    kg_json_set_str(j, STORE "objectType", "SecretStoreBasedAuthCredentials");
    kg_json_set_str(j, STORE "secretStoreResource.secretStoreType", "AzureKeyVault");
    kg_json_set_str(j, STORE "secretStoreResource.uri", r->uri);
    kg_json_set_str(j, STORE "secretStoreResource.value", NULL);
#undef STORE
    return j;
}

/* ---- words ---- */

static const struct { const char *words; enum ui_state state; } states[UI_CONF_STATES_] = {
    [UI_CONF_NO_SECRET] = { "No key vault yet", UI_WARNING },
    [UI_CONF_WAITING] = { "Waiting", UI_BUSY },
    [UI_CONF_BUSY] = { "Validating…", UI_BUSY },
    [UI_CONF_READY] = { "Success", UI_OK },
    [UI_CONF_ROLE] = { "Role assignment not done", UI_WARNING },
    [UI_CONF_CANNOT] = { "User cannot assign roles", UI_FAILED },
    [UI_CONF_FAILED] = { "Validation failed", UI_FAILED },
};

static void say(struct ui_shown *ret, const char *words, enum ui_state state)
{
    kg_text_copy(ret->text, sizeof ret->text, words);
    ret->state = state;
}

void ui_conf_readiness(const struct ui_conf_row *r, struct ui_shown *ret)
{
    if (r->sent == UI_CONF_DONE)
        say(ret, "Configured", UI_OK);
    else
        say(ret, states[r->state].words, states[r->state].state);
}

void ui_conf_progress(const struct ui_conf_row *r, struct ui_shown *ret)
{
    switch (r->sent) {
    case UI_CONF_QUEUED: say(ret, "Waiting", UI_BUSY); break;
    case UI_CONF_SENDING: say(ret, "Configuring…", UI_BUSY); break;
    case UI_CONF_DONE: say(ret, "Configured", UI_OK); break;
    case UI_CONF_REFUSED: say(ret, "Failed", UI_FAILED); break;
    case UI_CONF_UNSENT: say(ret, "To be configured", UI_NONE); break;
    }
}

const char *ui_conf_why(const struct ui_conf_row *r)
{
    if (r->sent == UI_CONF_REFUSED)
        return r->sent_err.msg;
    if (r->sent != UI_CONF_UNSENT)
        return "";
    if (r->state == UI_CONF_NO_SECRET)
        return "Press v to assign a key vault and secret.";
    return r->err.code ? r->err.msg : kg_json_str_or(r->report, "error.message", "");
}

bool ui_conf_lacks_privileges(const struct ui_conf_row *r)
{
    for (const struct kg_json *j = kg_json_first(kg_json_get(r->report, "checks")); j; j = kg_json_next(j))
        if (strcmp(kg_json_str_or(j, "id", ""), "databasePrivileges") == 0)
            return strcmp(kg_json_str_or(j, "state", ""), "Failed") == 0;
    return false;
}

size_t ui_conf_count(const struct ui_conf *c, enum ui_conf_state s)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++)
        n += (c->row[i].sent == UI_CONF_DONE ? UI_CONF_READY : c->row[i].state) == s;
    return n;
}

/* ---- details ---- */

static void add_line(struct kg_buf *ret, const char *label, const char *text)
{
    if (!text || !*text)
        return;
    kg_buf_addf(ret, "  %s", label);
    kg_text_add_printable(ret, text);
    kg_buf_adds(ret, "\n");
}

static void add_error(struct kg_buf *ret, const struct kg_json *e)
{
    const char *action = kg_json_str(e, "recommendedAction.0");

    add_line(ret, "Code:    ", kg_json_str(e, "code"));
    add_line(ret, "Message: ", kg_json_str(e, "message"));
    add_line(ret, "To do:   ", action ? action : kg_json_str(e, "recommendedAction"));
}

static void add_own_error(struct kg_buf *ret, const struct kg_err *err)
{
    add_line(ret, "Code:    ", kg_code_arm(err->code));
    add_line(ret, "Message: ", err->msg);
    add_line(ret, "To do:   ", err->action);
}

static const char *title_of(const struct kg_json *checks, const char *id)
{
    for (const struct kg_json *j = kg_json_first(checks); id && j; j = kg_json_next(j))
        if (strcmp(kg_json_str_or(j, "id", ""), id) == 0)
            return kg_json_str_or(j, "title", id);
    return id;
}

static void add_check(struct kg_buf *ret, const struct kg_json *checks, const struct kg_json *check)
{
    static const struct { const char *state, *mark; } marks[] = { { "Passed", "✓" }, { "Warning", "!" }, { "Failed", "✗" },
                                                                  { "Skipped", "·" } };
    const char *state = kg_json_str_or(check, "state", "?"), *mark = " ";

    for (size_t i = 0; i < KG_ARRAY_LEN(marks); i++)
        if (strcmp(marks[i].state, state) == 0)
            mark = marks[i].mark;
    kg_buf_addf(ret, "%s ", mark);
    kg_text_add_printable(ret, kg_json_str_or(check, "title", kg_json_str_or(check, "id", "?")));
    kg_buf_addf(ret, ": %s\n", state);
    add_line(ret, "Not made because of: ", title_of(checks, kg_json_str(check, "skippedBecause")));
    add_error(ret, kg_json_get(check, "error"));
}

/* What stopped it stands first: the checks that failed, then the others in their order. */
static void add_checks(struct kg_buf *ret, const struct kg_json *checks)
{
    for (int failed = 1; failed >= 0; failed--)
        for (const struct kg_json *j = kg_json_first(checks); j; j = kg_json_next(j))
            if ((strcmp(kg_json_str_or(j, "state", ""), "Failed") == 0) == (failed == 1))
                add_check(ret, checks, j);
}

/* What the checks advise is for the command line too; here there is a key for it. */
static void add_keys(struct kg_buf *ret, const struct ui_conf_row *r)
{
    static const char *const keys[UI_CONF_STATES_] = {
        [UI_CONF_NO_SECRET] = "v: Assign key vault",
        [UI_CONF_ROLE] = "r: Assign missing roles",
        [UI_CONF_CANNOT] = "t: Download template, for an administrator who may assign roles",
        [UI_CONF_FAILED] = "v: Assign another secret, e: Re-validate when it is mended, x: Remove",
    };

    if (!ui_conf_changeable(r) || !keys[r->state])
        return;
    kg_buf_addf(ret, "In Datasources:   %s%s\n", ui_conf_lacks_privileges(r) ? "p: Grant script, " : "", keys[r->state]);
}

void ui_conf_details(const struct ui_conf_row *r, struct kg_buf *ret)
{
    struct ui_shown s = { "", UI_NONE };

    ui_conf_readiness(r, &s);
    kg_buf_adds(ret, "Database:         ");
    kg_text_add_printable(ret, r->database);
    kg_buf_adds(ret, "\nServer:           ");
    kg_text_add_printable(ret, r->server);
    kg_buf_adds(ret, "\nSecret:           ");
    kg_text_add_printable(ret, r->uri ? r->uri : "none is assigned");
    kg_buf_addf(ret, "\nBackup readiness: %s\n", s.text);
    if (r->sent == UI_CONF_REFUSED) {
        kg_buf_adds(ret, "\nConfiguring backup failed\n");
        add_own_error(ret, &r->sent_err);
    }
    add_keys(ret, r);
    kg_buf_adds(ret, "\n");
    if (r->err.code)
        add_own_error(ret, &r->err);
    else if (r->report)
        add_checks(ret, kg_json_get(r->report, "checks"));
    else
        kg_buf_adds(ret, r->uri ? "It is not validated yet.\n" : "It is validated when a key vault and secret are assigned.\n");
}

/* ---- commands ---- */

static char *group_of(const char *id)
{
    static const char before[] = "/resourceGroups/";
    const char *p = strcasestr(id, before);

    return p ? kg_xstrndup(p + sizeof before - 1, strcspn(p + sizeof before - 1, "/")) : kg_xstrdup("");
}

static void add_row_commands(const struct ui_form *f, const struct ui_conf_row *r, const char *group, struct kg_buf *ret)
{
    const char *vault = ui_last_part(ui_form_value(f, "vault")), *region = region_of(f);
    KG_AUTO_FREE char *file = kg_xprintf("%s.json", r->instance);

    kg_buf_addf(ret, "keepgres backup-instance initialize --datasource-type AzureDatabaseForPostgreSQL%s",
                r->flexible ? "FlexibleServer" : "");
    ui_form_add_option(ret, "--datasource-id", r->id);
    ui_form_add_option(ret, "-l", region ? region : "");
    ui_form_add_option(ret, "--policy-id", ui_form_value(f, "policy"));
    ui_form_add_option(ret, "--secret-store-type AzureKeyVault --secret-store-uri", r->uri ? r->uri : "");
    ui_form_add_option(ret, ">", file);
    kg_buf_adds(ret, "\nkeepgres backup-instance create");
    ui_form_add_option(ret, "-g", group);
    ui_form_add_option(ret, "-v", vault);
    ui_form_add_option(ret, "--backup-instance", file);
    kg_buf_adds(ret, "\n");
}

void ui_conf_cli(const struct ui_form *f, struct kg_buf *ret)
{
    const struct ui_conf *c = ui_conf_of(f);
    KG_AUTO_FREE char *group = group_of(ui_form_value(f, "vault"));

    for (size_t i = 0; i < c->n; i++)
        if (c->row[i].sent != UI_CONF_DONE)
            add_row_commands(f, &c->row[i], group, ret);
}
