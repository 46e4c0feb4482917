/* The bodies of Microsoft.DataProtection: vaults, backup instances, restore requests. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "model/id.h"
#include "model/names.h"
#include "model/place.h"
#include "model/policy_text.h"
#include "model/resources.h"

enum { FRIENDLY_MAX = 512, PREFIX_MAX = 200, SELECT_MAX = 1000, SELECT_BYTES = 520, ROLE_BYTES = 63, STORAGE_MAX = 3,
       REHYDRATED_LEAST = 10, REHYDRATED_MOST = 30, REHYDRATED_DEFAULT = 15 };

static bool is_in_state(const struct kg_json *json, const char *state)
{
    return strcasecmp(kg_json_str_or(json, "properties.currentProtectionState", ""), state) == 0;
}

bool kg_vault_is_immutable(const struct kg_json *json)
{
    return strcasecmp(kg_json_str_or(json, "properties.securitySettings.immutabilitySettings.state", "Disabled"), "Disabled") != 0;
}

bool kg_instance_is_deleted(const struct kg_json *json) { return is_in_state(json, "SoftDeleted"); }

bool kg_instance_is_scheduled(const struct kg_json *json)
{
    return is_in_state(json, "ProtectionConfigured") || is_in_state(json, "ProtectionError");
}

bool kg_instance_is_retained(const struct kg_json *json)
{
    return is_in_state(json, "ProtectionStopped") || kg_instance_is_deleted(json);
}

/* ---- vaults ---- */

static const char *const on_off[] = { "Enabled", "Disabled" };

/* The settings a vault may have, where they stand, what they may be; the first choice is a new vault's. */
static const struct setting {
    const char *path;
    const char *const *choices;
    size_t count;
} vault_settings[] = {
    { "securitySettings.softDeleteSettings.state", (const char *const[]){ "On", "Off", "AlwaysOn" }, 3 },
    { "securitySettings.immutabilitySettings.state", (const char *const[]){ "Disabled", "Unlocked", "Locked" }, 3 },
    { "featureSettings.crossSubscriptionRestoreSettings.state",
      (const char *const[]){ "Enabled", "Disabled", "PermanentlyDisabled" }, 3 },
    { "featureSettings.crossRegionRestoreSettings.state", (const char *const[]){ "Disabled", "Enabled" }, 2 },
    { "monitoringSettings.azureMonitorAlertSettings.alertsForAllJobFailures", on_off, 2 },
};

/* The object that a dotted path's last word is in. */
static struct kg_place holder(const struct kg_place *props, const char *path, const char **ret_key)
{
    struct kg_place p = *props;
    const char *dot;
    char word[64];

    while ((dot = strchr(path, '.'))) {
        (void)snprintf(word, sizeof word, "%.*s", (int)(dot - path), path);
        p = kg_place_member(&p, word);
        path = dot + 1;
    }
    *ret_key = path;
    return p;
}

static int parse_vault_settings(const struct kg_place *props, struct kg_json *out, struct kg_err *err)
{
    static const char days_path[] = "securitySettings.softDeleteSettings.retentionDurationInDays";
    struct kg_place p, days;
    const char *key;
    double d;

    for (size_t i = 0; i < KG_ARRAY_LEN(vault_settings); i++) {
        const struct setting *s = &vault_settings[i];
        int choice;

        p = holder(props, s->path, &key);
        if (kg_place_choice(&p, key, s->choices, s->count, 0, &choice, err) < 0)
            return -(int)err->code;
        kg_json_set_str(out, s->path, s->choices[choice]);
    }
    p = holder(props, days_path, &key);
    days = kg_place_member(&p, key);
    d = days.json ? kg_json_double(p.json, key, -1) : 14;
    if (!(d >= 14 && d <= 180))
        return kg_place_complain(&days, err, "must be a number from 14 to 180");
    kg_json_set_double(out, days_path, d);
    p = kg_place_member(props, "securitySettings");
    p = kg_place_member(&p, "encryptionSettings");
    if (p.json && strcasecmp(kg_json_str_or(p.json, "state", "Disabled"), "Enabled") == 0)
        return kg_place_complain(&p, err, "asks for customer-managed keys, which this service does not have yet");
    return 0;
}

static int parse_storage_settings(const struct kg_place *props, struct kg_json *out, struct kg_err *err)
{
    static const char *const types[] = { "LocallyRedundant", "ZoneRedundant", "GeoRedundant" };
    struct kg_json *list = kg_json_array(), *one;
    struct kg_place a;
    size_t n, i = 0;
    bool vault_store = false;
    int store, type;

    kg_json_set(out, "storageSettings", list);
    if (kg_place_array(props, "storageSettings", STORAGE_MAX, &a, &n, err) < 0)
        return -(int)err->code;
    for (const struct kg_json *j = n ? kg_json_first(a.json) : NULL; j; j = kg_json_next(j), i++) {
        struct kg_place e = kg_place_element(&a, i, j);

        if (kg_json_type(j) != KG_JSON_OBJECT)
            return kg_place_complain(&e, err, "must be an object");
        if (kg_place_choice(&e, "datastoreType", kg_policy_datastores, KG_DATASTORE_COUNT_, KG_DATASTORE_VAULT, &store,
                            err) < 0 ||
            kg_place_choice(&e, "type", types, KG_ARRAY_LEN(types), 0, &type, err) < 0)
            return -(int)err->code;
        vault_store |= store == KG_DATASTORE_VAULT;
        kg_json_push(list, one = kg_json_object());
        kg_json_set_str(one, "datastoreType", kg_policy_datastores[store]);
        kg_json_set_str(one, "type", types[type]);
    }
    if (n && !vault_store)
        return kg_place_complain(&a, err, "must have one for the VaultStore");
    if (!n) {
        kg_json_push(list, one = kg_json_object());
        kg_json_set_str(one, "datastoreType", "VaultStore");
        kg_json_set_str(one, "type", "LocallyRedundant");
    }
    return 0;
}

int kg_vault_body_parse(const struct kg_json *body, struct kg_vault_body *ret, struct kg_err *err)
{
    struct kg_place top = kg_place_top(body, ""), identity = kg_place_member(&top, "identity"),
                    props = kg_place_member(&top, "properties"), store = kg_place_member(&props, "storeSettings"),
                    where = kg_place_member(&store, "path"), archive_at = kg_place_member(&store, "archivePath"),
                    type = kg_place_member(&identity, "type");
    KG_AUTO_JSON struct kg_json *out = kg_json_object();
    const char *identity_type, *path, *archive;

    if (props.json && kg_json_type(props.json) != KG_JSON_OBJECT)
        return kg_place_complain(&props, err, "must be an object");
    if (kg_place_str_or(&identity, "type", "SystemAssigned", &identity_type, err) < 0 ||
        kg_place_str_or(&store, "path", NULL, &path, err) < 0 ||
        kg_place_str_or(&store, "archivePath", NULL, &archive, err) < 0 || parse_storage_settings(&props, out, err) < 0 ||
        parse_vault_settings(&props, out, err) < 0)
        return -(int)err->code;
    if (strcasecmp(identity_type, "SystemAssigned") != 0 && strcasecmp(identity_type, "None") != 0)
        return kg_place_complain(&type, err, "must be SystemAssigned or None");
    if ((path && kg_place_check_path(&where, path, err) < 0) || (archive && kg_place_check_path(&archive_at, archive, err) < 0))
        return -(int)err->code;
    if (archive && path && strcmp(archive, path) == 0)
        return kg_place_complain(&archive_at, err, "is the vault's own directory");
    *ret = (struct kg_vault_body){ .store_path = kg_xstrdup(path), .archive_path = kg_xstrdup(archive),
                                   .system_identity = strcasecmp(identity_type, "SystemAssigned") == 0,
                                   .properties = KG_TAKE(out) };
    return 0;
}

void kg_vault_body_done(struct kg_vault_body *v)
{
    free(v->store_path);
    free(v->archive_path);
    kg_json_free(v->properties);
    *v = (struct kg_vault_body){ 0 };
}

/* ---- backup instances ---- */

static int parse_datasource(const struct kg_place *info, struct kg_datasource *ret, struct kg_err *err)
{
    struct kg_place id = kg_place_member(info, "resourceID");
    struct kg_err why = { 0 };
    const char *text;

    if (kg_place_object_type(info, "Datasource", err) < 0 || kg_place_need_str(info, "resourceID", &text, err) < 0)
        return -(int)err->code;
    return kg_datasource_parse(text, ret, &why) < 0 ? kg_place_complain_why(&id, &why, err) : 0;
}

/* The server, when it is said, must be the one the database is on. */
static int check_datasource_set(const struct kg_place *set, const struct kg_datasource *ds, struct kg_err *err)
{
    struct kg_place id = kg_place_member(set, "resourceID");
    const char *text;

    if (!set->json)
        return 0;
    if (kg_place_object_type(set, "DatasourceSet", err) < 0 || kg_place_need_str(set, "resourceID", &text, err) < 0)
        return -(int)err->code;
    return kg_id_equal(text, ds->server_id) ? 0 : kg_place_complain(&id, err, "is not the server of the datasource");
}

/* {objectType, secretStoreResource{secretStoreType, uri}}; *ret_uri is borrowed. */
static int parse_credentials(const struct kg_place *auth, const char **ret_uri, struct kg_err *err)
{
    static const char *const types[] = { "AzureKeyVault" };
    struct kg_place store, uri;
    struct kg_secret_ref ref;
    struct kg_err why = { 0 };
    int type;

    if (kg_place_object_type(auth, "SecretStoreBasedAuthCredentials", err) < 0 ||
        kg_place_need(auth, "secretStoreResource", KG_JSON_OBJECT, &store, err) < 0 ||
        kg_place_choice(&store, "secretStoreType", types, 1, 0, &type, err) < 0 ||
        kg_place_need_str(&store, "uri", ret_uri, err) < 0)
        return -(int)err->code;
    uri = kg_place_member(&store, "uri");
    return kg_secret_ref_parse(*ret_uri, &ref, &why) < 0 ? kg_place_complain_why(&uri, &why, err) : 0;
}

static int parse_policy_id(const struct kg_place *props, const char **ret, struct kg_err *err)
{
    KG_AUTO_ID struct kg_id id = { 0 };
    struct kg_place info, at;
    struct kg_err why = { 0 };

    if (kg_place_need(props, "policyInfo", KG_JSON_OBJECT, &info, err) < 0 ||
        kg_place_need_str(&info, "policyId", ret, err) < 0)
        return -(int)err->code;
    at = kg_place_member(&info, "policyId");
    if (kg_id_parse(*ret, &id, &why) < 0)
        return kg_place_complain_why(&at, &why, err);
    return kg_id_is(&id, KG_TYPE_POLICY) ? 0 : kg_place_complain(&at, err, "is not the ID of a backup policy");
}

/* Whose identity the instance uses: the vault's own, said or not. *ret_said: it was. */
static int parse_identity(const struct kg_place *props, bool *ret_said, struct kg_err *err)
{
    struct kg_place details = kg_place_member(props, "identityDetails"),
                    url = kg_place_member(&details, "userAssignedIdentityArmUrl");
    const char *user;
    bool own;

    *ret_said = kg_json_type(details.json) == KG_JSON_OBJECT;
    if (!*ret_said)
        return kg_json_type(details.json) == KG_JSON_NULL ? 0 : kg_place_complain(&details, err, "must be an object");
    if (kg_place_bool_or(&details, "useSystemAssignedIdentity", true, &own, err) < 0 ||
        kg_place_str_or(&details, "userAssignedIdentityArmUrl", "", &user, err) < 0)
        return -(int)err->code;
    if (*user || !own)
        return kg_place_complain(&url, err, "names a user-assigned identity, and there are none here");
    return 0;
}

static struct kg_json *source_json(const struct kg_place *given, const struct kg_datasource *ds, bool set)
{
    const char *server_type = ds->flexible ? KG_TYPE_FLEXIBLE : KG_TYPE_SERVER;
    const char *type = ds->flexible ? KG_TYPE_FLEXIBLE "/databases" : KG_TYPE_SERVER "/databases";
    const char *location = given->json ? kg_json_str(given->json, "resourceLocation") : NULL;
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "objectType", set ? "DatasourceSet" : "Datasource");
    kg_json_set_str(j, "resourceID", set ? ds->server_id : ds->id);
    kg_json_set_str(j, "resourceName", set ? ds->server : ds->database);
    kg_json_set_str(j, "resourceType", set ? server_type : type);
    kg_json_set_str(j, "datasourceType", type);
    if (location)
        kg_json_set_str(j, "resourceLocation", location);
    kg_json_set_str(j, "resourceUri", "");
    return j;
}

static void write_instance(const struct kg_place *source, const struct kg_place *set, struct kg_instance_body *b)
{
    struct kg_json *j = b->properties = kg_json_object();

    kg_json_set_str(j, "objectType", "BackupInstance");
    kg_json_set_str(j, "friendlyName", b->friendly_name);
    kg_json_set(j, "dataSourceInfo", source_json(source, &b->source, false));
    kg_json_set(j, "dataSourceSetInfo", source_json(set->json ? set : source, &b->source, true));
    kg_json_set_str(j, "policyInfo.policyId", b->policy_id);
    kg_json_set_str(j, "datasourceAuthCredentials.objectType", "SecretStoreBasedAuthCredentials");
    kg_json_set_str(j, "datasourceAuthCredentials.secretStoreResource.secretStoreType", "AzureKeyVault");
    kg_json_set_str(j, KG_INSTANCE_SECRET, b->secret_uri);
    kg_json_set_str(j, "datasourceAuthCredentials.secretStoreResource.value", NULL);
    kg_json_set_str(j, "validationType", b->deep ? "DeepValidation" : "ShallowValidation");
}

int kg_instance_body_parse(const struct kg_json *body, struct kg_instance_body *ret, struct kg_err *err)
{
    static const char *const validations[] = { "ShallowValidation", "DeepValidation" };
    KG_CLEANUP(kg_instance_body_done) struct kg_instance_body b = { 0 };
    struct kg_place top = kg_place_top(body, ""), wrapped = kg_place_member(&top, "backupInstance"), props, source, set,
                    auth, name;
    const char *policy, *secret, *friendly;
    bool identity;
    int validation;

    if (wrapped.json)
        props = wrapped;
    else if (kg_place_need(&top, "properties", KG_JSON_OBJECT, &props, err) < 0)
        return -(int)err->code;
    set = kg_place_member(&props, "dataSourceSetInfo");
    name = kg_place_member(&props, "friendlyName");
    if (kg_place_object_type(&props, "BackupInstance", err) < 0 ||
        kg_place_need(&props, "dataSourceInfo", KG_JSON_OBJECT, &source, err) < 0 ||
        parse_datasource(&source, &b.source, err) < 0 || check_datasource_set(&set, &b.source, err) < 0 ||
        parse_policy_id(&props, &policy, err) < 0 ||
        kg_place_need(&props, "datasourceAuthCredentials", KG_JSON_OBJECT, &auth, err) < 0 ||
        parse_credentials(&auth, &secret, err) < 0 ||
        kg_place_str_or(&props, "friendlyName", "", &friendly, err) < 0 ||
        kg_place_choice(&props, "validationType", validations, 2, 0, &validation, err) < 0 ||
        parse_identity(&props, &identity, err) < 0)
        return -(int)err->code;
    if (strlen(friendly) > FRIENDLY_MAX)
        return kg_place_complain(&name, err, "has more than %d bytes", FRIENDLY_MAX);
    b.policy_id = kg_xstrdup(policy);
    b.secret_uri = kg_xstrdup(secret);
    b.friendly_name = *friendly ? kg_xstrdup(friendly) : kg_xprintf("%s\\%s", b.source.server, b.source.database);
    b.deep = validation == 1;
    write_instance(&source, &set, &b);
    if (identity)
        kg_json_set_bool(b.properties, "identityDetails.useSystemAssignedIdentity", true);
    *ret = b;
    b = (struct kg_instance_body){ 0 };
    return 0;
}

void kg_instance_body_done(struct kg_instance_body *b)
{
    kg_datasource_done(&b->source);
    free(b->policy_id);
    free(b->secret_uri);
    free(b->friendly_name);
    kg_json_free(b->properties);
    *b = (struct kg_instance_body){ 0 };
}

/* ---- restore requests ---- */

static int parse_names(const struct kg_place *target, const char *key, char ***ret, size_t *ret_count,
                       struct kg_err *err)
{
    struct kg_place a;
    size_t n;

    if (kg_place_array(target, key, SELECT_MAX, &a, &n, err) < 0)
        return -(int)err->code;
    *ret = n ? kg_xalloc_array(n, sizeof **ret) : NULL;
    for (const struct kg_json *j = n ? kg_json_first(a.json) : NULL; j; j = kg_json_next(j)) {
        struct kg_place e = kg_place_element(&a, *ret_count, j);
        const char *s = kg_json_value_str(j);

        if (!s || !*s || strlen(s) > SELECT_BYTES)
            return kg_place_complain(&e, err, "must be a name");
        (*ret)[(*ret_count)++] = kg_xstrdup(s);
    }
    return 0;
}

static const char *const role_modes[] = {
    [KG_RESTORE_ROLES_REPORT] = "report", [KG_RESTORE_ROLES_SKIP] = "skip", [KG_RESTORE_ROLES_CREATE] = "create",
    [KG_RESTORE_ROLES_MAP] = "map",
};
_Static_assert(KG_ARRAY_LEN(role_modes) == KG_RESTORE_ROLES_COUNT_, "name every mode");
KG_DEFINE_ENUM_TEXT(kg_restore_roles, enum kg_restore_roles, role_modes)

static bool is_mapped(const struct kg_restore_request *r, const char *source)
{
    for (size_t i = 0; i < r->role_map_count; i++)
        if (strcmp(r->role_map[i].source, source) == 0)
            return true;
    return false;
}

static int parse_role_map(const struct kg_place *target, struct kg_restore_request *r, struct kg_err *err)
{
    struct kg_place a;
    size_t n;

    if (kg_place_array(target, "roleMap", SELECT_MAX, &a, &n, err) < 0)
        return -(int)err->code;
    if ((n > 0) != (r->roles == KG_RESTORE_ROLES_MAP))
        return kg_place_complain(&a, err, n ? "goes with roles 'map' only" : "is missing: roles 'map' needs it");
    r->role_map = kg_xalloc_array(n, sizeof *r->role_map);
    for (const struct kg_json *j = n ? kg_json_first(a.json) : NULL; j; j = kg_json_next(j)) {
        struct kg_place e = kg_place_element(&a, r->role_map_count, j);
        const char *from, *to;

        if (kg_json_type(j) != KG_JSON_OBJECT)
            return kg_place_complain(&e, err, "must be an object");
        if (kg_place_need_str(&e, "source", &from, err) < 0 || kg_place_need_str(&e, "target", &to, err) < 0)
            return -(int)err->code;
        if (strlen(from) > ROLE_BYTES || strlen(to) > ROLE_BYTES)
            return kg_place_complain(&e, err, "names a role with more than %d bytes", ROLE_BYTES);
        if (is_mapped(r, from))
            return kg_place_complain(&e, err, "maps role '%s' a second time", from);
        r->role_map[r->role_map_count++] = (struct kg_restore_role){ kg_xstrdup(from), kg_xstrdup(to) };
    }
    return 0;
}

static int parse_roles(const struct kg_place *target, struct kg_restore_request *r, struct kg_err *err)
{
    struct kg_place passwords = kg_place_member(target, "rolePasswords");
    int mode;

    if (kg_place_choice(target, "roles", role_modes, KG_RESTORE_ROLES_COUNT_, KG_RESTORE_ROLES_REPORT, &mode, err) < 0 ||
        kg_place_bool_or(target, "rolePasswords", false, &r->role_passwords, err) < 0 ||
        kg_place_bool_or(target, "noOwner", false, &r->no_owner, err) < 0 ||
        kg_place_bool_or(target, "noPrivileges", false, &r->no_privileges, err) < 0)
        return -(int)err->code;
    r->roles = (enum kg_restore_roles)mode;
    if (r->role_passwords && r->roles != KG_RESTORE_ROLES_CREATE)
        return kg_place_complain(&passwords, err, "goes with roles 'create' only");
    return parse_role_map(target, r, err);
}

static int parse_to_database(const struct kg_place *target, struct kg_restore_request *r, struct kg_err *err)
{
    struct kg_place info, set = kg_place_member(target, "datasourceSetInfo"),
                    auth = kg_place_member(target, "datasourceAuthCredentials");
    const char *secret = NULL;

    if (kg_place_need(target, "datasourceInfo", KG_JSON_OBJECT, &info, err) < 0 ||
        parse_datasource(&info, &r->target, err) < 0 || check_datasource_set(&set, &r->target, err) < 0 ||
        (auth.json && parse_credentials(&auth, &secret, err) < 0) ||
        parse_names(target, "schemas", &r->schemas, &r->schema_count, err) < 0 ||
        parse_names(target, "tables", &r->tables, &r->table_count, err) < 0)
        return -(int)err->code;
    r->secret_uri = kg_xstrdup(secret);
    if (kg_place_bool_or(target, "readBack", false, &r->read_back, err) < 0)
        return -(int)err->code;
    return parse_roles(target, r, err);
}

static int parse_to_files(const struct kg_place *target, struct kg_restore_request *r, struct kg_err *err)
{
    static const char *const locations[] = { "AzureBlobs" };
    struct kg_place details, url_at, prefix_at;
    struct kg_err why = { 0 };
    const char *url, *prefix;
    int location;

    if (kg_place_need(target, "targetDetails", KG_JSON_OBJECT, &details, err) < 0 ||
        kg_place_need_str(&details, "url", &url, err) < 0 ||
        kg_place_str_or(&details, "filePrefix", "", &prefix, err) < 0 ||
        kg_place_choice(&details, "restoreTargetLocationType", locations, 1, 0, &location, err) < 0)
        return -(int)err->code;
    url_at = kg_place_member(&details, "url");
    prefix_at = kg_place_member(&details, "filePrefix");
    if (kg_container_ref_parse(url, &r->container, &why) < 0)
        return kg_place_complain_why(&url_at, &why, err);
    /* It becomes the beginning of file names: nothing may lead out of the container or hide the file. */
    if (strlen(prefix) > PREFIX_MAX || *prefix == '.' || strpbrk(prefix, "/\\") || kg_place_has_control(prefix))
        return kg_place_complain(&prefix_at, err, "must be the beginning of a file name, without '/' and no '.' first");
    r->container_url = kg_xstrdup(url);
    r->prefix = kg_xstrdup(prefix);
    return 0;
}

static int parse_point(const struct kg_place *request, char **ret, struct kg_err *err)
{
    struct kg_place id = kg_place_member(request, "recoveryPointId");
    const char *text;

    if (kg_place_need_str(request, "recoveryPointId", &text, err) < 0)
        return -(int)err->code;
    if (strlen(text) != 32 || strspn(text, "0123456789abcdefABCDEF") != 32)
        return kg_place_complain(&id, err, "must be 32 hexadecimal digits");
    *ret = kg_xstrdup(text);
    for (char *s = *ret; *s; s++)
        if (*s >= 'A' && *s <= 'F')
            *s = (char)(*s - 'A' + 'a');
    return 0;
}

/* *ret->asked: set when one of its members is there; the caller may know better. */
static int parse_rehydration(const struct kg_place *request, struct kg_rehydration_wish *ret, struct kg_err *err)
{
    static const char *const priorities[] = { "Standard", "High" };
    struct kg_place at = kg_place_member(request, "rehydrationRetentionDuration");
    struct kg_span span = { .days = REHYDRATED_DEFAULT };
    struct kg_err why = { 0 };
    const char *text;
    int priority;

    if (kg_place_choice(request, "rehydrationPriority", priorities, 2, 0, &priority, err) < 0 ||
        kg_place_str_or(request, "rehydrationRetentionDuration", NULL, &text, err) < 0)
        return -(int)err->code;
    if (text && kg_span_parse(text, &span, &why) < 0)
        return kg_place_complain_why(&at, &why, err);
    if (span.months || span.seconds || span.days < REHYDRATED_LEAST || span.days > REHYDRATED_MOST)
        return kg_place_complain(&at, err, "must be %d to %d days, as P15D", REHYDRATED_LEAST, REHYDRATED_MOST);
    *ret = (struct kg_rehydration_wish){ text || kg_place_member(request, "rehydrationPriority").json, priority == 1, span.days };
    return 0;
}

int kg_rehydration_parse(const struct kg_json *body, struct kg_rehydration_wish *ret, char **ret_point, struct kg_err *err)
{
    struct kg_place top = kg_place_top(body, "");

    *ret_point = NULL;
    if (parse_rehydration(&top, ret, err) < 0 ||
        (kg_place_member(&top, "recoveryPointId").json && parse_point(&top, ret_point, err) < 0))
        return -(int)err->code;
    ret->asked = true;
    return 0;
}

int kg_restore_request_parse(const struct kg_json *body, struct kg_restore_request *ret, struct kg_err *err)
{
    static const char *const requests[] = { "AzureBackupRecoveryPointBasedRestoreRequest",
                                            "AzureBackupRestoreWithRehydrationRequest" };
    static const char *const targets[] = { "RestoreTargetInfo", "RestoreFilesTargetInfo" };
    static const char *const options[] = { "FailIfExists" };
    KG_CLEANUP(kg_restore_request_done) struct kg_restore_request r = { 0 };
    struct kg_place top = kg_place_top(body, ""), wrapped = kg_place_member(&top, "restoreRequestObject"),
                    request = wrapped.json ? wrapped : top, target;
    const char *location;
    int kind, source, to, option;

    if (kg_place_choice(&request, "objectType", requests, 2, -1, &kind, err) < 0 ||
        parse_point(&request, &r.point, err) < 0 || parse_rehydration(&request, &r.rehydration, err) < 0 ||
        kg_place_choice(&request, "sourceDataStoreType", kg_policy_datastores, KG_DATASTORE_COUNT_, KG_DATASTORE_VAULT,
                        &source, err) < 0 ||
        kg_place_need(&request, "restoreTargetInfo", KG_JSON_OBJECT, &target, err) < 0 ||
        kg_place_choice(&target, "objectType", targets, 2, -1, &to, err) < 0 ||
        kg_place_choice(&target, "recoveryOption", options, 1, 0, &option, err) < 0 ||
        kg_place_str_or(&target, "restoreLocation", NULL, &location, err) < 0 ||
        kg_place_bool_or(&target, "allowDamaged", false, &r.allow_damaged, err) < 0)
        return -(int)err->code;
    r.kind = to == 0 ? KG_RESTORE_DATABASE : KG_RESTORE_FILES;
    r.source = (enum kg_datastore)source;
    r.rehydration.asked |= kind == 1;
    r.location = kg_xstrdup(location);
    if ((r.kind == KG_RESTORE_DATABASE ? parse_to_database(&target, &r, err) : parse_to_files(&target, &r, err)) < 0)
        return -(int)err->code;
    *ret = r;
    r = (struct kg_restore_request){ 0 };
    return 0;
}

void kg_restore_request_done(struct kg_restore_request *r)
{
    for (size_t i = 0; i < r->schema_count; i++)
        free(r->schemas[i]);
    for (size_t i = 0; i < r->table_count; i++)
        free(r->tables[i]);
    for (size_t i = 0; i < r->role_map_count; i++) {
        free(r->role_map[i].source);
        free(r->role_map[i].target);
    }
    free(r->schemas);
    free(r->tables);
    free(r->role_map);
    kg_datasource_done(&r->target);
    free(r->point);
    free(r->location);
    free(r->secret_uri);
    free(r->container_url);
    free(r->prefix);
    *r = (struct kg_restore_request){ 0 };
}
