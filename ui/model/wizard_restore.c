/* Restore: which recovery point, as what and where, all of it or some tables. m->arg is a backup instance's id or a recovery
 * point's. It is validated before it is begun, and ends on the page of its job. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/text.h"
#include "base/time.h"
#include "model/cells.h"
#include "model/form_int.h"
#include "model/ids.h"
#include "model/kinds.h"
#include "model/rehydration.h"
#include "model/restore.h"

enum { DATABASE_MAX = 63, PREFIX_MAX = 89, TAIL_MAX = sizeof "_20260131_1400_999" - 1 };
#define FIELDS(array) .field = (array), .n_fields = KG_ARRAY_LEN(array)
#define SECRET_URI "properties.datasourceAuthCredentials.secretStoreResource.uri"

/* ---- what was chosen ---- */

static bool to_database(const struct ui_form *f) { return ui_form_is(f, "as", "database"); }
static bool to_files(const struct ui_form *f) { return !to_database(f); }
static bool other_login(const struct ui_form *f) { return to_database(f) && ui_form_is(f, "login", "other"); }
static bool own_login(const struct ui_form *f) { return to_database(f) && !other_login(f); }
static bool maps_roles(const struct ui_form *f) { return to_database(f) && ui_form_is(f, "roles", "map"); }
static bool makes_roles(const struct ui_form *f) { return to_database(f) && ui_form_is(f, "roles", "create"); }
static bool chosen_tables(const struct ui_form *f) { return to_database(f) && ui_form_is(f, "scope", "chosen"); }
static bool is_between(const struct ui_form *f) { return ui_form_is(f, "taken", "between"); }

static const char *region(const struct ui_form *f) { return kg_json_str_or(ui_restore_of(f)->in, "location", "local"); }

static const char *secret_uri(const struct ui_form *f)
{
    const struct ui_option *o = ui_form_option(f, "secret");

    if (own_login(f))
        return kg_json_str_or(ui_restore_of(f)->of, SECRET_URI, "");
    return o && o->help ? o->help : "";
}

static const char *container_url(const struct ui_form *f)
{
    const struct ui_option *o = ui_form_option(f, "container");

    return o && o->help ? o->help : "";
}

static const char *source_database(const struct ui_form *f)
{
    return kg_json_str_or(ui_restore_of(f)->of, "properties.dataSourceInfo.resourceName", "");
}

/* ---- the first step ---- */

static const struct ui_choice taken[] = {
    { "0", "At any time", NULL }, { "1", "In the last 24 hours", NULL }, { "7", "In the last 7 days", NULL },
    { "31", "In the last 31 days", NULL }, { "366", "In the last year", NULL }, { "between", "Between two times", NULL },
    { NULL, NULL, NULL } };

static void instance_words(const struct ui_form *f, struct kg_buf *ret)
{
    const struct ui_restore *r = ui_restore_of(f);
    const char *name = kg_json_str(r->of, "properties.friendlyName");

    kg_text_add_printable(ret, name ? name : ui_last_part(r->instance));
    kg_buf_addf(ret, " (vault %s)", ui_last_part(r->vault));
}

static void point_words(const struct ui_form *f, struct kg_buf *ret)
{
    const struct ui_restore *r = ui_restore_of(f);
    const struct kg_json *p = ui_restore_point(f);

    if (p)
        ui_restore_point_words(p, f->base.host->now, ret);
    else
        kg_buf_adds(ret, r->points.load == UI_LOADING ? "Loading…" : r->points.load == UI_BROKEN ? "not known" :
                    "There is none yet: back up first.");
}

static bool points_broken(const struct ui_form *f) { return ui_restore_of(f)->points.load == UI_BROKEN; }
static bool has_point(const struct ui_form *f) { return ui_restore_point(f) != NULL; }

static void look_inside(struct ui_form *f) { ui_open(&f->base, "point-contents", ui_restore_of(f)->points.chosen); }

static const char *check_point(const struct ui_form *f, const char *value)
{
    (void)value;
    return ui_restore_point(f) ? NULL : "Choose a recovery point.";
}

static void ask_points_again(struct ui_form *f)
{
    f->err = (struct kg_err){ 0 };
    ui_restore_points_ask(f, NULL);
}

static const struct ui_field point_fields[] = {
    { .label = "Backup instance", .type = UI_FIELD_NOTE, .text = instance_words, .review = "Backup instance" },
    { .label = "Recovery point", .type = UI_FIELD_NOTE, .text = point_words, .review = "Recovery point" },
    { .name = "taken", .label = "Taken", .type = UI_FIELD_CHOICE, .choice = taken, .initial = "0", .review = "",
      .changed = ui_restore_points_filter },
    { .name = "from", .label = "From", .type = UI_FIELD_TEXT, .max = 16, .optional = true,
      .none = "the first", .shown = is_between, .review = "",
      .check = ui_restore_check_when, .changed = ui_restore_points_filter, .help = "As 2026-01-31 or 2026-01-31 14:00; empty: the first." },
    { .name = "until", .label = "Until", .type = UI_FIELD_TEXT, .max = 16, .optional = true,
      .none = "the last", .shown = is_between, .review = "",
      .check = ui_restore_check_when, .changed = ui_restore_points_filter, .help = "As 2026-01-31 or 2026-01-31 14:00; empty: the last." },
    { .label = "Try again", .type = UI_FIELD_BUTTON, .shown = points_broken, .press = ask_points_again },
    { .name = "look", .label = "Look inside", .type = UI_FIELD_BUTTON, .shown = has_point, .press = look_inside },
    { .name = "points", .type = UI_FIELD_GRID, .check = check_point },
};

/* ---- the second step: where to ---- */

static const char *same_region(const struct ui_form *f, const struct kg_json *item)
{
    const char *location = kg_json_str(item, "location"), *mine = kg_json_str(ui_restore_of(f)->in, "location");

    return !location || !mine || strcasecmp(location, mine) == 0 ? NULL : "of another region than the Backup vault";
}

static const struct ui_source servers = {
    .path = "/subscriptions/{sub}/resources?$filter=resourceType%20eq%20'Microsoft.DBforPostgreSQL/servers'%20or%20"
            "resourceType%20eq%20'Microsoft.DBforPostgreSQL/flexibleServers'",
    .help = "properties.fullyQualifiedDomainName", .refuse = same_region, .create = "add-server", .create_label = "Add a server",
};
static const struct ui_source keyvaults = {
    .path = "/subscriptions/{sub}/providers/Microsoft.KeyVault/vaults", .create = "create-key-vault",
    .create_label = "Create new key vault",
};
static const struct ui_source secrets = {
    .path = "{keyVault}/secrets", .help = "properties.secretUri", .create = "create-secret", .create_arg = "{keyVault}",
    .create_label = "Create new secret",
};
static const struct ui_source accounts = {
    .path = "/subscriptions/{sub}/providers/Microsoft.Storage/storageAccounts", .help = "properties.path", .refuse = same_region,
    .create = "create-storage-account", .create_label = "Add a storage account",
};
static const struct ui_source containers = {
    .path = "{account}/blobServices/default/containers", .help = "properties.url", .create = "create-container",
    .create_arg = "{account}", .create_label = "Create new container",
};

/* The databases that are there: a name of theirs is refused. */
static void list_databases(const struct ui_form *f, struct kg_buf *path, struct kg_buf *body)
{
    KG_AUTO_JSON struct kg_json *j = kg_json_object();

    if (!to_database(f) || !*ui_form_value(f, "server") || !*secret_uri(f))
        return;
    kg_buf_addf(path, "%s/listDatabases", ui_form_value(f, "server"));
    kg_json_set_str(j, "secretUri", secret_uri(f));
    kg_json_print(j, false, body);
}
static const struct ui_source taken_databases = { .request = list_databases, .value = "name",
    .taken = "The server has a database of this name already, and it is never overwritten. Choose another name." };

/* The database's name with the time of the recovery point: new in all likelihood, and it says what it is. */
static const char *propose_database(const struct ui_form *f)
{
    static char name[DATABASE_MAX + 1];
    const char *from = source_database(f);
    kg_usec at;
    time_t t;
    struct tm tm;
    size_t n;

    if (!*from || !kg_time_parse_iso(kg_json_str_or(ui_restore_point(f), "properties.recoveryPointTime", ""), &at))
        return NULL;
    kg_text_copy(name, sizeof name - TAIL_MAX, from);
    n = strlen(name);
    t = (time_t)(at / KG_SECOND);
    n += strftime(name + n, sizeof name - n, "_%Y%m%d_%H%M", localtime_r(&t, &tm));
    for (unsigned again = 2; again < 1000 && ui_form_find_option(ui_form_input(f, "database"), name); again++)
        snprintf(name + n, sizeof name - n, "_%u", again);
    return name;
}

static const char *check_database(const struct ui_form *f, const char *value)
{
    (void)f;
    for (const char *s = value; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return "1 to 63 bytes without control characters.";
    return strlen(value) <= DATABASE_MAX && strcmp(value, ".") != 0 && strcmp(value, "..") != 0
               ? NULL : "1 to 63 bytes without control characters, not '.' or '..'.";
}

static const char *check_prefix(const struct ui_form *f, const char *value)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    (void)f;
    return strlen(value) <= PREFIX_MAX && strspn(value, allowed) == strlen(value) && *value != '.'
               ? NULL : "Up to 89 letters, digits, '.', '_' and '-', no '.' first.";
}

/* "old=new, old2=new2": calls fn for each pair; false: it is none. */
static bool each_role(const char *map, void (*fn)(void *ctx, const char *from, const char *to), void *ctx)
{
    while (*map) {
        size_t n = strcspn(map, ",");
        KG_AUTO_FREE char *pair = kg_xstrndup(map + strspn(map, " "), n - (strspn(map, " ") < n ? strspn(map, " ") : n));
        char *to = strchr(pair, '=');

        if (!to || to == pair || !to[1])
            return false;
        *to++ = '\0';
        if (fn)
            fn(ctx, pair, to);
        map += n + (map[n] == ',');
    }
    return true;
}

static const char *check_map(const struct ui_form *f, const char *value)
{
    (void)f;
    return each_role(value, NULL, NULL) ? NULL : "Pairs by commas, as sales=sales_test, ann=bob.";
}

static void own_secret(const struct ui_form *f, struct kg_buf *ret) { kg_buf_adds(ret, secret_uri(f)); }

static void archive_words(const struct ui_form *f, struct kg_buf *ret)
{
    (void)f;
    kg_buf_adds(ret, "This recovery point is in the archive only. The restore brings it back into the vault first, and waits for that.");
}

static const struct ui_choice as[] = { { "database", "As a new database", NULL }, { "files", "As files", NULL }, { NULL, NULL, NULL } };
static const struct ui_choice logins[] = { { "own", "Of the backup instance", NULL }, { "other", "Another secret", NULL },
                                           { NULL, NULL, NULL } };
static const struct ui_choice roles[] = {
    { "report", "Report", "Leaves out what needs roles that the server lacks, and lists them." },
    { "create", "Create", "Makes the roles that the server lacks." },
    { "map", "Map", "Gives to other roles what was theirs." },
    { "skip", "Skip", "Leaves out what needs roles that the server lacks." }, { NULL, NULL, NULL } };

static const struct ui_field target_fields[] = {
    { .name = "as", .label = "Restore", .type = UI_FIELD_RADIO, .choice = as },
    { .name = "server", .label = "Server", .type = UI_FIELD_CHOICE, .source = &servers, .shown = to_database },
    { .name = "database", .label = "New database", .type = UI_FIELD_TEXT, .max = DATABASE_MAX, .source = &taken_databases,
      .shown = to_database, .initially = propose_database, .check = check_database,
      .help = "A database that is there is never overwritten." },
    { .name = "login", .label = "Login", .type = UI_FIELD_RADIO, .choice = logins, .shown = to_database, .review = "" },
    { .label = "Secret", .type = UI_FIELD_NOTE, .text = own_secret, .shown = own_login, .review = "Secret" },
    { .name = "keyVault", .label = "Key vault", .type = UI_FIELD_CHOICE, .source = &keyvaults, .shown = other_login },
    { .name = "secret", .label = "Secret", .type = UI_FIELD_CHOICE, .source = &secrets, .shown = other_login,
      .help = "It holds the login of a user who may create databases on the server." },
    { .name = "roles", .label = "Missing roles", .type = UI_FIELD_RADIO, .choice = roles, .shown = to_database },
    { .name = "roleMap", .label = "Old=new", .type = UI_FIELD_TEXT, .shown = maps_roles, .check = check_map,
      .help = "Pairs by commas: sales=sales_test, ann=bob. The new roles must be there." },
    { .name = "rolePasswords", .label = "Their passwords", .type = UI_FIELD_CHECK, .shown = makes_roles,
      .help = "New roles get the passwords they had, where the backup policy captured them." },
    { .name = "owners", .label = "Keep owners", .type = UI_FIELD_CHECK, .initial = "true", .shown = to_database,
      .help = "If not, everything belongs to the user who restores." },
    { .name = "privileges", .label = "Keep privileges", .type = UI_FIELD_CHECK, .initial = "true", .shown = to_database,
      .help = "What was granted on tables, schemas, functions …" },
    { .name = "readBack", .label = "Read back", .type = UI_FIELD_CHECK, .shown = to_database,
      .help = "Reads every restored row again and compares it with the backup. Takes about as long again." },
    { .name = "account", .label = "Storage account", .type = UI_FIELD_CHOICE, .source = &accounts, .shown = to_files },
    { .name = "container", .label = "Container", .type = UI_FIELD_CHOICE, .source = &containers, .shown = to_files },
    { .name = "prefix", .label = "File name", .type = UI_FIELD_TEXT, .max = PREFIX_MAX, .optional = true,
      .none = "database, server and time", .shown = to_files,
      .check = check_prefix, .help = "What the files' names begin with; empty: the database, the server and the time." },
    { .label = "", .type = UI_FIELD_NOTE, .shown = to_files,
      .help = "Written are an archive for pg_restore, the server's roles for psql, checksums and a README." },
    { .label = "Archive", .type = UI_FIELD_HEADING, .shown = ui_restore_archived },
    { .label = "", .type = UI_FIELD_NOTE, .shown = ui_restore_archived, .text = archive_words },
    { .name = "priority", .label = "Priority", .type = UI_FIELD_RADIO, .choice = ui_rehydration_priorities,
      .shown = ui_restore_archived, .review = "Rehydration priority" },
    { .name = "days", .label = "Stays for (days)", .type = UI_FIELD_NUMBER, .initial = "15", .max = 2, .shown = ui_restore_archived,
      .check = ui_rehydration_check_days, .review = "Rehydrated for (days)",
      .help = "10 to 30 days; then the copy in the vault leaves again." },
};

/* ---- the third step: what ---- */

static const struct ui_choice scopes[] = { { "all", "The whole database", NULL }, { "chosen", "Chosen schemas and tables", NULL },
                                           { NULL, NULL, NULL } };

static bool contents_broken(const struct ui_form *f) { return chosen_tables(f) && ui_restore_of(f)->tables.load == UI_BROKEN; }
static bool contents_there(const struct ui_form *f) { return chosen_tables(f) && ui_restore_of(f)->tables.load == UI_READY; }

static void chosen_words(const struct ui_form *f, struct kg_buf *ret)
{
    const struct ui_restore *r = ui_restore_of(f);

    if (r->tables.load != UI_READY)
        kg_buf_adds(ret, r->tables.load == UI_LOADING ? "Reading what the recovery point holds…" : r->tables.err.msg);
    else if (ui_restore_tables_any(r))
        ui_restore_tables_words(r, ret);
    else
        kg_buf_adds(ret, r->tables.n ? "nothing yet; Space marks, Right and Left open and close a schema" : "It holds no table.");
    if (r->tables.load == UI_READY && r->tables.omitted)
        kg_buf_addf(ret, " (%llu more tables are not listed)", (unsigned long long)r->tables.omitted);
}

static const char *check_tables(const struct ui_form *f, const char *value)
{
    (void)value;
    return ui_restore_tables_any(ui_restore_of(f)) ? NULL : "Mark schemas and tables with Space, or restore the whole database.";
}

static const char *check_scope(const struct ui_form *f)
{
    return chosen_tables(f) && ui_restore_of(f)->tables.load != UI_READY
               ? "What the recovery point holds is not known, so nothing can be chosen of it." : NULL;
}

static void scope_changed(struct ui_form *f)
{
    if (chosen_tables(f))
        ui_restore_tables_ask(f);
}

static const struct ui_field table_fields[] = {
    { .name = "scope", .label = "Restore", .type = UI_FIELD_RADIO, .choice = scopes, .shown = to_database, .review = "Scope",
      .changed = scope_changed },
    { .label = "", .type = UI_FIELD_NOTE, .shown = to_files, .help = "Files always hold the whole database." },
    { .label = "Chosen", .type = UI_FIELD_NOTE, .shown = chosen_tables, .text = chosen_words, .review = "Chosen" },
    { .label = "Try again", .type = UI_FIELD_BUTTON, .shown = contents_broken, .press = ui_restore_tables_ask },
    { .name = "tables", .type = UI_FIELD_GRID, .shown = contents_there, .check = check_tables },
};

static const struct ui_step steps[] = {
    { .title = "Recovery point", FIELDS(point_fields), .grid = &ui_restore_points_grid },
    { .title = "Restore parameters", FIELDS(target_fields) },
    { .title = "Tables", FIELDS(table_fields), .grid = &ui_restore_tables_grid, .check = check_scope },
};

/* ---- beginning, answers, end ---- */

static void begin(struct ui_form *f)
{
    struct ui_restore *r = ui_restore_of(f);

    r->instance = ui_id_of(f->base.arg, "backupInstances");
    r->vault = ui_id_of(f->base.arg, "backupVaults");
    r->tables.load = UI_READY;
    if (strcasestr(f->base.arg, "/recoveryPoints/"))
        r->points.chosen = kg_xstrdup(f->base.arg);
    if (!*r->instance) {
        (void)kg_err_set(&f->err, KG_E_USAGE, "nothing was chosen that could be restored");
        kg_err_advise(&f->err, "Go to Backup instances and press r on one of them.");
        r->points.load = UI_READY;
        return;
    }
    (void)ui_ask(&f->base, r->instance, UI_RESTORE_INSTANCE);
    (void)ui_ask(&f->base, r->vault, UI_RESTORE_VAULT);
    ui_restore_points_ask(f, NULL);
}

static void take_instance(struct ui_form *f, const struct kg_json *json)
{
    const char *server = kg_json_str(json, "properties.dataSourceSetInfo.resourceID");

    ui_restore_of(f)->of = kg_json_copy(json);
    if (server)
        ui_form_suggest(f, "server", server, ui_last_part(server));
    ui_form_settle(f);
}

static void answer(struct ui_form *f, int tag, const struct kg_answer *a)
{
    struct ui_restore *r = ui_restore_of(f);
    const struct kg_json *json = a->reply ? a->reply->json : NULL;

    if (tag >= UI_RESTORE_CONTENTS)
        ui_restore_tables_answer(f, tag, a);
    else if (tag == UI_RESTORE_POINTS || tag == UI_RESTORE_POINT)
        ui_restore_points_answer(f, tag, a);
    else if (a->err)
        f->err = *a->err;
    else if (tag == UI_RESTORE_INSTANCE && !r->of)
        take_instance(f, json);
    else if (tag == UI_RESTORE_VAULT && !r->in)
        r->in = kg_json_copy(json);
}

/* Whatever led there: what the chosen point holds is asked for once it is to be chosen from. */
static void tick(struct ui_form *f)
{
    const struct ui_restore *r = ui_restore_of(f);
    bool other = !r->tables.of || (r->points.chosen && strcasecmp(r->tables.of, r->points.chosen) != 0);

    if (chosen_tables(f) && other)
        ui_restore_tables_ask(f);
}

static void done(struct ui_form *f)
{
    struct ui_restore *r = ui_restore_of(f);

    ui_restore_points_done(r);
    ui_restore_tables_done(r);
    kg_json_free(r->of);
    kg_json_free(r->in);
    free(r->instance);
    free(r->vault);
}

/* ---- what is sent ---- */

static void push_name(void *ctx, bool table, const char *name)
{
    struct kg_json *target = ctx;
    const char *key = table ? "tables" : "schemas";

    if (!kg_json_get(target, key))
        kg_json_set(target, key, kg_json_array());
    kg_json_push_str(kg_json_get_mutable(target, key), name);
}

static void push_pair(void *ctx, const char *from, const char *to)
{
    struct kg_json *pair = kg_json_object();

    kg_json_set_str(pair, "source", from);
    kg_json_set_str(pair, "target", to);
    kg_json_push(ctx, pair);
}

static void set_roles(const struct ui_form *f, struct kg_json *target)
{
    struct kg_json *map;

    if (!ui_form_is(f, "roles", "report"))
        kg_json_set_str(target, "roles", ui_form_value(f, "roles"));
    if (maps_roles(f)) {
        kg_json_set(target, "roleMap", map = kg_json_array());
        (void)each_role(ui_form_value(f, "roleMap"), push_pair, map);
    }
    if (makes_roles(f) && ui_form_is(f, "rolePasswords", "true"))
        kg_json_set_bool(target, "rolePasswords", true);
    if (!ui_form_is(f, "owners", "true"))
        kg_json_set_bool(target, "noOwner", true);
    if (!ui_form_is(f, "privileges", "true"))
        kg_json_set_bool(target, "noPrivileges", true);
}

static bool is_flexible(const struct ui_form *f) { return strcasestr(ui_form_value(f, "server"), "/flexibleServers/") != NULL; }

static void target_id(const struct ui_form *f, struct kg_buf *ret) { (void)ui_form_expand(f, "{server}/databases/{database}", true, ret); }

static void set_datasource(const struct ui_form *f, struct kg_json *target)
{
    const char *type = is_flexible(f) ? "Microsoft.DBforPostgreSQL/flexibleServers" : "Microsoft.DBforPostgreSQL/servers/databases";
    KG_AUTO_BUF struct kg_buf id = KG_BUF_INIT(UI_EDIT_MAX);

    target_id(f, &id);
    kg_json_set_str(target, "datasourceInfo.objectType", "Datasource");
    kg_json_set_str(target, "datasourceInfo.datasourceType", type);
    kg_json_set_str(target, "datasourceInfo.resourceID", id.p);
    kg_json_set_str(target, "datasourceInfo.resourceName", ui_form_value(f, "database"));
    kg_json_set_str(target, "datasourceInfo.resourceLocation", region(f));
    kg_json_set_str(target, "datasourceSetInfo.objectType", "DatasourceSet");
    kg_json_set_str(target, "datasourceSetInfo.datasourceType", type);
    kg_json_set_str(target, "datasourceSetInfo.resourceID", ui_form_value(f, "server"));
#define AUTH "datasourceAuthCredentials."
    kg_json_set_str(target, AUTH "objectType", "SecretStoreBasedAuthCredentials");
    kg_json_set_str(target, AUTH "secretStoreResource.secretStoreType", "AzureKeyVault");
    kg_json_set_str(target, AUTH "secretStoreResource.uri", secret_uri(f));
#undef AUTH
}

static struct kg_json *request(const struct ui_form *f)
{
    struct kg_json *j = kg_json_object(), *target = kg_json_object();
    bool archived = ui_restore_archived(f);

    kg_json_set_str(j, "objectType", archived ? "AzureBackupRestoreWithRehydrationRequest" : "AzureBackupRecoveryPointBasedRestoreRequest");
    kg_json_set_str(j, "recoveryPointId", ui_last_part(ui_restore_of(f)->points.chosen));
    kg_json_set_str(j, "sourceDataStoreType", ui_restore_source(f));
    if (archived)
        ui_rehydration_set(f, j);
    kg_json_set_str(target, "objectType", to_database(f) ? "RestoreTargetInfo" : "RestoreFilesTargetInfo");
    kg_json_set_str(target, "recoveryOption", "FailIfExists");
    kg_json_set_str(target, "restoreLocation", region(f));
    if (to_database(f)) {
        set_datasource(f, target);
        set_roles(f, target);
        if (ui_form_is(f, "readBack", "true"))
            kg_json_set_bool(target, "readBack", true);
        if (chosen_tables(f))
            ui_restore_tables_each(ui_restore_of(f), push_name, target);
    } else {
        kg_json_set_str(target, "targetDetails.url", container_url(f));
        kg_json_set_str(target, "targetDetails.filePrefix", ui_form_value(f, "prefix"));
        kg_json_set_str(target, "targetDetails.restoreTargetLocationType", "AzureBlobs");
    }
    kg_json_set(j, "restoreTargetInfo", target);
    return j;
}

/* First whether it would work, then the restore. */
static bool submit(const struct ui_form *f, size_t i, struct ui_submit *ret)
{
    KG_AUTO_JSON struct kg_json *body = NULL;

    if (i > 1)
        return false;
    body = request(f);
    if (i == 0) {
        struct kg_json *validate = kg_json_object();

        kg_json_set_str(validate, "objectType", "ValidateRestoreRequestObject");
        kg_json_set(validate, "restoreRequestObject", body);
        body = validate;
    }
    kg_json_print(body, false, ret->body);
    kg_buf_addf(ret->path, "%s/%s", ui_restore_of(f)->instance, i ? "restore" : "validateRestore");
    ret->method = "POST";
    ret->follow = true;
    ret->doing = i ? "Starting the restore" : "Validating: the server, its login and privileges, the target's name";
    return true;
}

static void finished(struct ui_form *f)
{
    if (!ui_open_job(&f->base, ui_restore_of(f)->vault, f->answers[1]))
        ui_open(&f->base, "backup-jobs", "");
    ui_close(&f->base, ui_restore_of(f)->instance);
}

/* ---- the same in commands ---- */

static void table_option(void *ctx, bool table, const char *name) { ui_form_add_option(ctx, table ? "--table" : "--schema", name); }

static void map_option(void *ctx, const char *from, const char *to)
{
    KG_AUTO_FREE char *pair = kg_xprintf("%s=%s", from, to);

    ui_form_add_option(ctx, "--role-map", pair);
}

static void cli_database(const struct ui_form *f, struct kg_buf *ret)
{
    KG_AUTO_BUF struct kg_buf id = KG_BUF_INIT(UI_EDIT_MAX);

    target_id(f, &id);
    ui_form_add_option(ret, "--target-resource-id", id.p);
    ui_form_add_option(ret, "--secret-store-type", "AzureKeyVault");
    ui_form_add_option(ret, "--secret-store-uri", secret_uri(f));
    if (!ui_form_is(f, "roles", "report"))
        ui_form_add_option(ret, "--roles", ui_form_value(f, "roles"));
    if (maps_roles(f))
        (void)each_role(ui_form_value(f, "roleMap"), map_option, ret);
    kg_buf_adds(ret, makes_roles(f) && ui_form_is(f, "rolePasswords", "true") ? " --role-passwords" : "");
    kg_buf_adds(ret, ui_form_is(f, "owners", "true") ? "" : " --no-owner");
    kg_buf_adds(ret, ui_form_is(f, "privileges", "true") ? "" : " --no-privileges");
    kg_buf_adds(ret, ui_form_is(f, "readBack", "true") ? " --read-back" : "");
    if (chosen_tables(f))
        ui_restore_tables_each(ui_restore_of(f), table_option, ret);
}

static void cli_files(const struct ui_form *f, struct kg_buf *ret)
{
    ui_form_add_option(ret, "--target-blob-container-url", container_url(f));
    kg_buf_adds(ret, " --target-file-name ");
    kg_text_add_shell(ret, ui_form_value(f, "prefix"));
}

static void cli_instance(const struct ui_form *f, const char *command, struct kg_buf *ret)
{
    const char *id = ui_restore_of(f)->instance;
    char part[200];

    kg_buf_addf(ret, "keepgres backup-instance %s", command);
    ui_form_add_option(ret, "-g", ui_id_part(id, "resourceGroups", part, sizeof part));
    ui_form_add_option(ret, "-v", ui_id_part(id, "backupVaults", part, sizeof part));
    ui_form_add_option(ret, "-n", ui_last_part(id));
    kg_buf_adds(ret, " --restore-request-object restore.json");
}

static void cli(const struct ui_form *f, struct kg_buf *ret)
{
    const char *source = kg_json_str_or(ui_restore_of(f)->of, "properties.dataSourceInfo.datasourceType", "");
    bool flexible = to_database(f) ? is_flexible(f) : strcasestr(source, "flexible") != NULL;

    kg_buf_addf(ret, "keepgres backup-instance restore initialize-for-data-recovery%s", to_database(f) ? "" : "-as-files");
    ui_form_add_option(ret, "--datasource-type", flexible ? "AzureDatabaseForPostgreSQLFlexibleServer" : "AzureDatabaseForPostgreSQL");
    ui_form_add_option(ret, "--source-datastore", ui_restore_source(f));
    ui_form_add_option(ret, "--restore-location", region(f));
    ui_form_add_option(ret, "--recovery-point-id", ui_last_part(ui_restore_of(f)->points.chosen));
    if (ui_restore_archived(f))
        ui_rehydration_options(f, ret);
    if (to_database(f))
        cli_database(f, ret);
    else
        cli_files(f, ret);
    kg_buf_adds(ret, " >restore.json\n");
    cli_instance(f, "validate-for-restore", ret);
    kg_buf_adds(ret, "\n");
    cli_instance(f, "restore trigger", ret);
    kg_buf_adds(ret, " --wait\n");
}

static const struct ui_form_kind form = {
    .step = steps, .n_steps = KG_ARRAY_LEN(steps), .submit_label = "Restore", .review = true, .succeeded = "The restore was started",
    .own_size = sizeof(struct ui_restore), .open = begin, .done = done, .answer = answer, .tick = tick, .submit = submit,
    .finished = finished, .cli = cli,
};
const struct ui_kind ui_wizard_restore = {
    .name = "restore", .title = "Restore", .shape = UI_WIZARD, .family = UI_FORM, .data = &form,
};
