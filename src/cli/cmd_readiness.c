/* Is a database ready to be backed up, and what mends it. */
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "cli/datasource.h"
#include "cli/ready.h"
#include "model/id.h"
#include "model/resources.h"

struct ready_opts {
    struct kg_at at;
    const char *datasource_type, *operation, *scope, *keyvault, *storage, *language, *snapshot_group, *identity;
    struct kg_json *instance, *restore;
    bool yes, no_wait;
};
#define T struct ready_opts

static const char *const operations[] = { "Backup", "Restore", NULL };
static const char *const scopes[] = { "Resource", "ResourceGroup", "Subscription", NULL };
static const char *const languages[] = { "bash", "powershell", "sql", NULL };

#define DOCUMENT "what 'initialize' printed, or an array of such: JSON, @file or a file"
#define INSTANCE_ROW KG_OPT(T, JSON, "backup-instance", instance, "JSON", DOCUMENT, .required = true)

static const struct kg_opt validate_opts[] = {
    INSTANCE_ROW, KG_OPT_VAULT_ROW(T), KG_OPT_GROUP_ROW(T), KG_OPT_NO_WAIT_ROW(T), { 0 },
};
static const struct kg_opt permission_opts[] = {
    KG_OPT(T, CHOICE, "datasource-type", datasource_type, "TYPE", "kind of datasource", .required = true,
           .choices = kg_datasource_types),
    KG_OPT(T, CHOICE, "operation", operation, "OPERATION", "what the permissions are for", .required = true,
           .choices = operations),
    KG_OPT(T, CHOICE, "permissions-scope", scope, "SCOPE", "how wide roles are assigned", .required = true,
           .choices = scopes),
    KG_OPT_VAULT_ROW(T),
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, JSON, "backup-instance", instance, "JSON", DOCUMENT),
    KG_OPT(T, JSON, "restore-request-object", restore, "JSON", "what 'restore initialize…' printed"),
    KG_OPT(T, STRING, "keyvault-id", keyvault, "ID", "resource id of the key vault with the credentials"),
    KG_OPT(T, STRING, "target-storage-account-id", storage, "ID", "resource id of the storage account to restore to"),
    KG_OPT(T, STRING, "snapshot-resource-group-id", snapshot_group, "ID", "not for PostgreSQL", .aliases = "snapshot-rg-id",
           .hidden = true),
    KG_OPT(T, STRING, "uami", identity, "ID", "not supported: the vault's own identity is used", .hidden = true),
    KG_OPT_YES_ROW(T),
    { 0 },
};
static const struct kg_opt template_opts[] = {
    INSTANCE_ROW,
    KG_OPT_VAULT_ROW(T),
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, CHOICE, "permissions-scope", scope, "SCOPE", "how wide roles are assigned, default Resource", .choices = scopes),
    { 0 },
};
static const struct kg_opt script_opts[] = {
    INSTANCE_ROW,
    KG_OPT_VAULT_ROW(T),
    KG_OPT_GROUP_ROW(T),
    KG_OPT(T, CHOICE, "language", language, "LANGUAGE", "default bash", .choices = languages),
    { 0 },
};

/* ---- requests ---- */

/* {"backupInstances": [{backupInstanceName, properties}…]} from what a person has in files. */
static int make_body(const struct kg_json *document, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *camel = kg_json_camel(document), *body = kg_json_object();
    struct kg_json *list = kg_json_array();
    bool many = kg_json_type(camel) == KG_JSON_ARRAY;

    kg_json_set(body, "backupInstances", list);
    for (const struct kg_json *j = many ? kg_json_first(camel) : camel; j; j = many ? kg_json_next(j) : NULL) {
        const char *name = kg_json_str_or(j, "backupInstanceName", kg_json_str(j, "name"));
        struct kg_json *item;

        if (kg_json_type(kg_json_get(j, "properties")) != KG_JSON_OBJECT)
            return kg_err_set(err, KG_E_USAGE, "the backup instance's document has no 'properties'");
        item = kg_json_object();
        if (name)
            kg_json_set_str(item, "backupInstanceName", name);
        kg_json_set(item, "properties", kg_json_copy(kg_json_get(j, "properties")));
        kg_json_push(list, item);
    }
    *ret = KG_TAKE(body);
    return 0;
}

static int post(struct kg_cli *cli, const struct kg_at *at, const char *action, const struct kg_json *body, bool no_wait,
                struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *vault = kg_cli_path(cli, kg_cli_group(at), KG_PROVIDER_BACKUP "/backupVaults/%s", at->vault);
    KG_AUTO_FREE char *path = kg_xprintf("%s/%s", vault, action);

    return kg_cli_send(cli, "POST", path, body, no_wait, ret, err);
}

int kg_cli_readiness(struct kg_cli *cli, const struct kg_at *at, const struct kg_json *document, bool no_wait,
                     struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *body = NULL, *answer = NULL;

    if (make_body(document, &body, err) < 0 || post(cli, at, "validateForBackupBatch", body, no_wait, &answer, err) < 0)
        return -(int)err->code;
    *ret = NULL;
    if (no_wait)
        return 0;
    if (!kg_json_count(kg_json_get(answer, "value")))
        return kg_err_set(err, KG_E_NO_REPLY, "the service's answer holds no report");
    *ret = kg_json_take(answer, "value");
    return 0;
}

/* ---- outcomes ---- */

static const struct {
    const char *outcome, *label, *advice;
} outcomes[] = {
    { "RoleAssignmentNotDone", "role assignment not done",
      "Grant it with 'keepgres backup-instance update-msi-permissions --datasource-type AzureDatabaseForPostgreSQL --operation "
      "Backup --permissions-scope Resource -v VAULT --backup-instance FILE', then validate again." },
    { "UserCannotAssignRoles", "user cannot assign roles",
      "Have an administrator deploy what 'keepgres backup-instance role-template -v VAULT --backup-instance FILE' prints, then "
      "validate again." },
    { "ValidationFailed", "validation failed", NULL },
};

static bool is_ready(const struct kg_json *report) { return strcmp(kg_json_str_or(report, "outcome", ""), "Success") == 0; }

static const char *label_of(const struct kg_json *report)
{
    const char *outcome = kg_json_str_or(report, "outcome", "?");

    for (size_t i = 0; i < KG_ARRAY_LEN(outcomes); i++)
        if (strcmp(outcomes[i].outcome, outcome) == 0)
            return outcomes[i].label;
    return outcome;
}

static void advise(const struct kg_json *report, struct kg_err *err)
{
    const char *outcome = kg_json_str_or(report, "outcome", "?");

    for (size_t i = 0; i < KG_ARRAY_LEN(outcomes); i++)
        if (strcmp(outcomes[i].outcome, outcome) == 0 && outcomes[i].advice)
            kg_err_advise(err, "%s", outcomes[i].advice);
    if (err->code == KG_E_DB_PRIVILEGE)
        kg_err_advise(err, "Have an administrator run what 'keepgres backup-instance grant-script -v VAULT --backup-instance FILE' "
                      "prints, then validate again.");
}

int kg_cli_need_ready(const struct kg_json *reports, struct kg_err *err)
{
    const struct kg_json *bad = NULL;
    size_t n = 0;

    for (const struct kg_json *r = kg_json_first(reports); r; r = kg_json_next(r))
        if (!is_ready(r)) {
            bad = bad ? bad : r;
            n++;
        }
    if (!bad)
        return 0;
    (void)kg_err_from_arm(kg_json_get(bad, "error"), 0, err);
    kg_err_wrap(err, "%s", label_of(bad));
    if (kg_json_count(reports) > 1)
        kg_err_wrap(err, "%zu of %zu databases are not ready; '%s'", n, kg_json_count(reports),
                    kg_json_str_or(bad, "database", "?"));
    advise(bad, err);
    return -(int)err->code;
}

/* ---- validate-for-backup ---- */

static int validate_for_backup(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct ready_opts *o = opts;
    KG_AUTO_JSON struct kg_json *reports = NULL;

    if (kg_cli_readiness(cli, &o->at, o->instance, o->no_wait, &reports, err) < 0)
        return -(int)err->code;
    if (!reports)
        return 0;
    kg_cli_emit(cli, kg_json_type(o->instance) == KG_JSON_ARRAY ? kg_json_copy(reports)
                                                                : kg_json_copy(kg_json_first(reports)));
    return kg_cli_need_ready(reports, err);
}

/* ---- update-msi-permissions ---- */

/* What a grant is, for people. */
static char *grant_text(const struct kg_json *g)
{
    const char *role = kg_json_str(g, "Properties.roleDefinitionName"), *name = kg_json_str_or(g, "Name", "?");

    if (role)
        return kg_xprintf("role '%s' at %s", role, kg_json_str_or(g, "Properties.scope", "?"));
    if (kg_json_get(g, "Properties.accessPolicy"))
        return kg_xprintf("access policy of key vault '%s': get and list secrets", name);
    if (kg_json_get(g, "Properties.networkAcls"))
        return kg_xprintf("network rules of key vault '%s': let trusted services in", name);
    return kg_xprintf("server '%s': let backups connect (%s)", kg_json_str_or(g, "Properties.server", "?"), name);
}

static int confirm(const struct kg_cli *cli, const struct ready_opts *o, const struct kg_json *grants, struct kg_err *err)
{
    KG_AUTO_FREE char *question = kg_xprintf("grant this to the identity of vault '%s'", o->at.vault);

    if (o->yes)
        return 0;
    for (const struct kg_json *g = kg_json_first(grants); g; g = kg_json_next(g)) {
        KG_AUTO_FREE char *text = grant_text(g);

        kg_cli_note(cli, "  %s", text);
    }
    return kg_cli_confirm(question, err);
}

/* Asks for the list, for a yes, and for the grants; *ret is NULL after a no. */
static int assign(struct kg_cli *cli, const struct ready_opts *o, struct kg_json *body, struct kg_json **ret,
                  struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *plan = NULL, *made = NULL;
    struct kg_err no = { 0 };

    kg_json_set_str(body, "scope", o->scope);
    kg_json_set_bool(body, "whatIf", true);
    *ret = NULL;
    if (post(cli, &o->at, "assignMissingRoles", body, false, &plan, err) < 0)
        return -(int)err->code;
    if (!kg_json_count(kg_json_get(plan, "value"))) {
        kg_cli_warn(cli, "the permissions are already assigned");
        *ret = kg_json_array();
        return 0;
    }
    if (confirm(cli, o, kg_json_get(plan, "value"), &no) < 0) {
        if (no.code == KG_E_CANCELLED)
            return 0;
        *err = no;
        return -(int)err->code;
    }
    kg_json_set_bool(body, "whatIf", false);
    if (post(cli, &o->at, "assignMissingRoles", body, false, &made, err) < 0)
        return -(int)err->code;
    *ret = kg_json_take(made, "value");
    return 0;
}

/* The datasource is of the type that the command was told. */
static int check_type(const char *type, const struct kg_json *document, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *camel = kg_json_camel(document);
    bool many = kg_json_type(camel) == KG_JSON_ARRAY, flexible = type == kg_datasource_types[1];

    for (const struct kg_json *j = many ? kg_json_first(camel) : camel; j; j = many ? kg_json_next(j) : NULL) {
        const char *has = kg_json_str_or(j, "properties.dataSourceInfo.datasourceType", "");

        if ((strcasestr(has, "flexibleServers") != NULL) != flexible)
            return kg_err_set(err, KG_E_USAGE, "the backup instance is of datasource type '%s', not %s", has, type);
    }
    return 0;
}

static int check_keyvault(const struct ready_opts *o, struct kg_err *err)
{
    KG_AUTO_ID struct kg_id id = { 0 };

    if (!o->keyvault && o->datasource_type == kg_datasource_types[0])
        return kg_err_set(err, KG_E_USAGE, "--keyvault-id is needed for %s", o->datasource_type);
    if (!o->keyvault)
        return 0;
    if (kg_id_parse(o->keyvault, &id, err) < 0)
        return kg_err_wrap(err, "--keyvault-id");
    return kg_id_is(&id, KG_TYPE_KEYVAULT) ? 0
           : kg_err_set(err, KG_E_USAGE, "--keyvault-id: '%s' is not the id of a key vault", o->keyvault);
}

/* How it stands after the grants; a report, no failure. */
static void revalidate(struct kg_cli *cli, const struct ready_opts *o)
{
    KG_AUTO_JSON struct kg_json *reports = NULL;
    struct kg_err why = { 0 };

    if (kg_cli_readiness(cli, &o->at, o->instance, false, &reports, &why) < 0) {
        kg_cli_warn(cli, "the databases are not validated again: %s", why.msg);
        return;
    }
    for (const struct kg_json *r = kg_json_first(reports); r; r = kg_json_next(r))
        kg_cli_note(cli, "%s/%s: %s%s%s", kg_json_str_or(r, "server", "?"), kg_json_str_or(r, "database", "?"),
                    is_ready(r) ? "ready for backup" : label_of(r), is_ready(r) ? "" : ": ",
                    is_ready(r) ? "" : kg_json_str_or(r, "error.message", ""));
}

static int permissions_for_backup(struct kg_cli *cli, const struct ready_opts *o, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *body = NULL, *made = NULL;

    if (!o->instance)
        return kg_err_set(err, KG_E_USAGE, "--backup-instance is needed for --operation Backup");
    if (check_keyvault(o, err) < 0 || check_type(o->datasource_type, o->instance, err) < 0 ||
        make_body(o->instance, &body, err) < 0)
        return -(int)err->code;
    if (o->keyvault)
        kg_json_set_str(body, "keyVaultId", o->keyvault);
    if (assign(cli, o, body, &made, err) < 0)
        return -(int)err->code;
    if (!made)
        return 0;
    if (kg_json_count(made))
        revalidate(cli, o);
    kg_cli_emit(cli, KG_TAKE(made));
    return 0;
}

static int permissions_for_restore(struct kg_cli *cli, const struct ready_opts *o, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *body = kg_json_object(), *made = NULL;

    if (o->datasource_type == kg_datasource_types[0]) {
        kg_err_set(err, KG_E_USAGE, "--operation Restore is not for %s", o->datasource_type);
        kg_err_advise(err, "Assign the role 'Storage Blob Data Contributor' of the container to the vault with "
                      "'keepgres role assignment create'.");
        return -(int)err->code;
    }
    if (!o->restore)
        return kg_err_set(err, KG_E_USAGE, "--restore-request-object is needed for --operation Restore");
    if (!o->storage) {
        kg_cli_warn(cli, "without --target-storage-account-id no permission on a storage account is granted");
        kg_cli_emit(cli, kg_json_array());
        return 0;
    }
    kg_json_set_str(body, "operation", "Restore");
    kg_json_set_str(body, "storageAccountId", o->storage);
    if (assign(cli, o, body, &made, err) < 0)
        return -(int)err->code;
    if (made)
        kg_cli_emit(cli, KG_TAKE(made));
    return 0;
}

static int update_msi_permissions(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct ready_opts *o = opts;

    if (o->identity)
        return kg_err_set(err, KG_E_UNSUPPORTED, "--uami: vaults have no user-assigned identities");
    return o->operation == operations[0] ? permissions_for_backup(cli, o, err) : permissions_for_restore(cli, o, err);
}

/* ---- for somebody else to run ---- */

static int role_template(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct ready_opts *o = opts;
    KG_AUTO_JSON struct kg_json *body = NULL;
    struct kg_json *answer = NULL;

    if (make_body(o->instance, &body, err) < 0)
        return -(int)err->code;
    if (o->scope)
        kg_json_set_str(body, "scope", o->scope);
    if (post(cli, &o->at, "roleAssignmentTemplate", body, false, &answer, err) < 0)
        return -(int)err->code;
    if (!kg_json_count(kg_json_get(answer, "resources")))
        kg_cli_warn(cli, "the template is empty: the permissions are already assigned");
    kg_cli_emit(cli, answer);
    return 0;
}

static int grant_script(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct ready_opts *o = opts;
    KG_AUTO_JSON struct kg_json *body = NULL, *answer = NULL;
    const char *script;

    if (make_body(o->instance, &body, err) < 0)
        return -(int)err->code;
    kg_json_set_str(body, "language", o->language ? o->language : languages[0]);
    if (post(cli, &o->at, "grantScript", body, false, &answer, err) < 0)
        return -(int)err->code;
    if (!(script = kg_json_str(answer, "script")))
        return kg_err_set(err, KG_E_NO_REPLY, "the service's answer holds no script");
    return kg_cli_write(script, strlen(script), err);
}

const struct kg_cmd kg_cmds_readiness[] = {
    { .name = "backup-instance validate-for-backup", .summary = "Check whether databases can be backed up",
      .opts = validate_opts, .opts_size = sizeof(T), .run = validate_for_backup,
      .about = "Prints every check with its state, and what to do about those that failed; with an array of backup "
               "instances all of them are checked at once. The outcome is Success, RoleAssignmentNotDone "
               "(update-msi-permissions mends it), UserCannotAssignRoles (role-template is for who can), or "
               "ValidationFailed.",
      .examples = (const char *const[]){ "backup-instance validate-for-backup -v vault1 --backup-instance shop.json",
                                         "backup-instance validate-for-backup -v vault1 --backup-instance shop.json "
                                         "--query 'checks[].{check:id, state:state, problem:error.message}' -o table", NULL } },
    { .name = "backup-instance update-msi-permissions", .summary = "Grant the vault's identity what it needs",
      .opts = permission_opts, .opts_size = sizeof(T), .run = update_msi_permissions,
      .about = "Lists what is missing, asks, assigns it, and validates again. Prints what was made.",
      .examples = (const char *const[]){
          "backup-instance update-msi-permissions --datasource-type AzureDatabaseForPostgreSQL --operation Backup "
          "--permissions-scope Resource -v vault1 --backup-instance shop.json --keyvault-id \"$KEYVAULT_ID\" --yes", NULL } },
    { .name = "backup-instance role-template", .summary = "Print an ARM template that makes the missing role assignments",
      .opts = template_opts, .opts_size = sizeof(T), .run = role_template,
      .about = "For an administrator of the server and the key vault, when you may not assign roles yourself.",
      .examples = (const char *const[]){ "backup-instance role-template -v vault1 --backup-instance shop.json", NULL } },
    { .name = "backup-instance grant-script", .summary = "Print a script that grants the backup user what it lacks",
      .opts = script_opts, .opts_size = sizeof(T), .run = grant_script,
      .about = "For an administrator of the PostgreSQL server; it asks for nothing that was granted already.",
      .examples = (const char *const[]){
          "backup-instance grant-script -v vault1 --backup-instance shop.json --language sql", NULL } },
    { 0 },
};
