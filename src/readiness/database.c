#include "readiness/database.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "readiness/control.h"
#include "readiness/needs.h"

enum { NAMES_MAX = 100, SERVER_MIN = 100000, SERVER_TESTED = 120000 };
static const uint64_t room_min = (uint64_t)64 << 20;

struct asking {
    const struct kg_database_spec *spec;
    struct kg_session *s;
    struct kg_checks *checks;
    struct kg_json *facts;
    const char *user;                    /* borrowed from facts */
    bool superuser, standby;
    int version;
};

/* ---- who is not to be backed up ---- */

const char *kg_database_not_selectable(const char *name, bool is_template, bool allows_connections)
{
    const char *reason = kg_not_selectable(name);

    if (reason)
        return reason;
    if (is_template)
        return "It is a template.";
    return allows_connections ? NULL : "It does not accept connections.";
}

static void refuse(struct kg_checks *c, const char *database, const char *reason)
{
    struct kg_err why = { 0 };

    kg_err_set(&why, KG_E_DB_NOT_SELECTABLE, "database '%s' cannot be protected: %s", database, reason);
    why.msg[strlen(why.msg) - 1] = '\0'; /* the reason is a sentence, a message is not */
    kg_check_fail(c, KG_CHECK_SELECTABLE, &why);
}

/* ---- connecting ---- */

/* What the server asked for before it refused was in order. */
static void judge_refusal(const struct kg_database_spec *spec, struct kg_checks *c, struct kg_err *why)
{
    enum kg_check_id at = KG_CHECK_CONNECT;
    bool no_connections = strstr(why->msg, "(SQLSTATE 55000)") != NULL;

    if (why->code == KG_E_DB_AUTH)
        at = KG_CHECK_LOGIN;
    else if (why->code == KG_E_DB_NOT_FOUND || no_connections)
        at = KG_CHECK_DATABASE;
    else if (why->code == KG_E_DB_PRIVILEGE)
        at = KG_CHECK_PRIVILEGES;
    for (int i = KG_CHECK_CONNECT; i < (int)at; i++)
        if (i <= KG_CHECK_DATABASE)
            kg_check_pass(c, (enum kg_check_id)i);
    if (no_connections) {
        refuse(c, spec->database, kg_database_not_selectable("", false, false));
        at = KG_CHECK_SELECTABLE;
    } else {
        kg_check_fail(c, at, why);
    }
    if (at == KG_CHECK_PRIVILEGES) {
        KG_AUTO_FREE char *missing = kg_xprintf("CONNECT on database %s", spec->database);
        struct kg_json *list = kg_json_array();

        kg_json_push_str(list, missing);
        kg_json_set(kg_check_details(c, at), "missing", list);
        kg_json_set_u64(kg_check_details(c, at), "missingCount", 1);
    }
    kg_check_skip_rest(c, KG_CHECK_CONNECT, KG_CHECK_SPACE, at);
}

/* ---- the server ---- */

static const char server_sql[] =
    "SELECT current_setting('server_version'), current_setting('server_version_num'), current_user, r.rolsuper,"
    " pg_is_in_recovery(), d.datistemplate, current_setting('hot_standby_feedback'),"
    " current_setting('max_standby_streaming_delay'),"
    " (SELECT count(*) FROM pg_subscription s WHERE s.subdbid = d.oid),"
    " (SELECT count(*) FROM pg_user_mappings m WHERE m.umoptions IS NULL)"
    " FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()";
enum { VERSION, VERSION_NUM, USER, SUPERUSER, STANDBY, TEMPLATE, FEEDBACK, DELAY, SUBSCRIPTIONS, MAPPINGS };

static bool is_true(const struct kg_rows *r, int col) { return strcmp(kg_rows_get(r, 0, col), "t") == 0; }

static int ask_server(struct asking *a, struct kg_rows **ret, struct kg_err *err)
{
    if (kg_session_query(a->s, server_sql, 0, NULL, ret, err) < 0)
        return -(int)err->code;
    if (kg_rows_count(*ret) != 1)
        return kg_err_set(err, KG_E_DB_ERROR, "the server does not know the user or the database of this session");
    a->version = kg_session_version(a->s);
    a->superuser = is_true(*ret, SUPERUSER);
    a->standby = is_true(*ret, STANDBY);
    kg_json_set_str(a->facts, "version", kg_rows_get(*ret, 0, VERSION));
    kg_json_set_u64(a->facts, "versionNum", (uint64_t)kg_rows_int(*ret, 0, VERSION_NUM));
    kg_json_set_str(a->facts, "user", kg_rows_get(*ret, 0, USER));
    kg_json_set_bool(a->facts, "superuser", a->superuser);
    kg_json_set_bool(a->facts, "standby", a->standby);
    a->user = kg_json_str(a->facts, "user");
    return 0;
}

static void check_version(struct asking *a)
{
    const char *version = kg_json_str(a->facts, "version");
    struct kg_err why = { 0 };

    if (a->version < SERVER_MIN) {
        kg_err_set(&why, KG_E_DB_SERVER_VERSION, "the server is PostgreSQL %s, which is not supported", version);
        kg_check_fail(a->checks, KG_CHECK_SERVER_VERSION, &why);
    } else if (a->version < SERVER_TESTED) {
        kg_err_set(&why, KG_E_DB_SERVER_VERSION, "the server is PostgreSQL %s, with which nothing was tested", version);
        kg_err_advise(&why, "Upgrade the server to a version that is still maintained.");
        kg_check_warn(a->checks, KG_CHECK_SERVER_VERSION, &why);
    } else {
        kg_check_pass(a->checks, KG_CHECK_SERVER_VERSION);
    }
    kg_json_set_str(kg_check_details(a->checks, KG_CHECK_SERVER_VERSION), "version", version);
}

static void check_pg_dump(struct asking *a)
{
    struct kg_tool tool;
    struct kg_err why = { 0 };

    if (a->spec->find_tool(a->spec->find_ctx, a->version / 10000, &tool, &why) < 0) {
        kg_err_wrap(&why, "the server is PostgreSQL %s", kg_json_str(a->facts, "version"));
        kg_check_fail(a->checks, KG_CHECK_PG_DUMP, &why);
        return;
    }
    kg_check_pass(a->checks, KG_CHECK_PG_DUMP);
    kg_json_set_str(kg_check_details(a->checks, KG_CHECK_PG_DUMP), "version", tool.version);
    kg_json_set_str(kg_check_details(a->checks, KG_CHECK_PG_DUMP), "path", tool.path);
    kg_json_set_str(a->facts, "pgDump", tool.version);
}

/* A standby gives snapshots like a primary; what it lacks is patience. */
static void check_standby(struct asking *a, const struct kg_rows *server)
{
    struct kg_err why = { 0 };
    bool patient = strcmp(kg_rows_get(server, 0, FEEDBACK), "on") == 0 || strcmp(kg_rows_get(server, 0, DELAY), "-1") == 0;

    if (a->standby && !patient) {
        kg_err_set(&why, KG_E_DB_STANDBY, "the server is a standby that may end a backup after %s, when the primary removes rows",
                   kg_rows_get(server, 0, DELAY));
        kg_check_warn(a->checks, KG_CHECK_STANDBY, &why);
    } else {
        kg_check_pass(a->checks, KG_CHECK_STANDBY);
    }
    kg_json_set_bool(kg_check_details(a->checks, KG_CHECK_STANDBY), "standby", a->standby);
    if (a->standby)
        kg_json_set_str(kg_check_details(a->checks, KG_CHECK_STANDBY), "note", "Unlogged tables are empty on a standby.");
}

/* ---- privileges ---- */

/* Rows of a name and the number of all of them; sql has $1 as its limit. */
static int ask_names(struct asking *a, const char *sql, struct kg_rows **ret, struct kg_err *err)
{
    KG_AUTO_FREE char *limit = kg_xprintf("%u", a->spec->names_max ? a->spec->names_max : NAMES_MAX);
    const char *params[] = { limit };

    return kg_session_query(a->s, sql, 1, params, ret, err);
}

/* The first names of a column into the details, and as many as fit into one message. */
static void add_names(struct asking *a, enum kg_check_id id, const char *key, const struct kg_rows *rows, uint64_t count)
{
    struct kg_json *details = kg_check_details(a->checks, id), *list = kg_json_array();
    KG_AUTO_FREE char *count_key = kg_xprintf("%sCount", key);

    for (int i = 0; i < kg_rows_count(rows); i++)
        kg_json_push_str(list, kg_rows_get(rows, i, 0));
    kg_json_set(details, key, list);
    kg_json_set_u64(details, count_key, count);
}

static void list_names(const struct kg_rows *rows, uint64_t count, struct kg_buf *ret)
{
    enum { SHOWN = 3, LONGEST = 80 };
    int shown = 0;

    for (; shown < kg_rows_count(rows) && shown < SHOWN; shown++) {
        char name[LONGEST + 1];

        kg_text_copy(name, sizeof name, kg_rows_get(rows, shown, 0));
        kg_buf_adds(ret, shown ? ", " : "");
        kg_text_add_printable(ret, name);
        kg_buf_adds(ret, strlen(kg_rows_get(rows, shown, 0)) > LONGEST ? "…" : "");
    }
    if (count > (uint64_t)shown)
        kg_buf_addf(ret, " and %llu more", (unsigned long long)(count - (uint64_t)shown));
}

/* What a dump by an ordinary user silently leaves out. */
static void warn_of_omissions(struct asking *a, const struct kg_rows *server)
{
    int64_t subscriptions = kg_rows_int(server, 0, SUBSCRIPTIONS), mappings = kg_rows_int(server, 0, MAPPINGS);
    struct kg_err why = { 0 };

    if (a->superuser || (!subscriptions && !mappings))
        return;
    if (subscriptions)
        kg_err_set(&why, KG_E_DB_PRIVILEGE, "%lld subscriptions will not be in the backup: only a superuser's has them",
                   (long long)subscriptions);
    else
        kg_err_set(&why, KG_E_DB_PRIVILEGE, "the options of %lld user mappings may not be in the backup: user '%s' does not see them",
                   (long long)mappings, a->user);
    kg_err_advise(&why, "Keep their definitions elsewhere, or back up as a superuser.");
    kg_check_warn(a->checks, KG_CHECK_PRIVILEGES, &why);
    kg_json_set_u64(kg_check_details(a->checks, KG_CHECK_PRIVILEGES), "subscriptions", (uint64_t)subscriptions);
    kg_json_set_u64(kg_check_details(a->checks, KG_CHECK_PRIVILEGES), "userMappings", (uint64_t)mappings);
}

static void deny(struct asking *a, const struct kg_rows *rows, uint64_t count)
{
    KG_AUTO_BUF struct kg_buf names = KG_BUF_INIT(4096);
    struct kg_err why = { 0 };

    list_names(rows, count, &names);
    kg_err_set(&why, KG_E_DB_PRIVILEGE, "user '%s' lacks %llu privilege%s in database '%s': %s", a->user,
               (unsigned long long)count, count == 1 ? "" : "s", a->spec->database, names.p);
    kg_err_advise(&why, a->version >= 140000
                            ? "Let an administrator run the grant script of this database, or GRANT pg_read_all_data to the user."
                            : "Let an administrator run the grant script of this database.");
    kg_check_fail(a->checks, KG_CHECK_PRIVILEGES, &why);
    add_names(a, KG_CHECK_PRIVILEGES, "missing", rows, count);
    kg_json_set_u64(a->facts, "missingPrivileges", count);
}

static int check_privileges(struct asking *a, const struct kg_rows *server, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;

    if (ask_names(a, "WITH " KG_NEEDS_RELATIONS ", " KG_NEEDS_MISSING("current_user")
                     " SELECT what, count(*) OVER () FROM missing ORDER BY place, what LIMIT $1::int8", &rows, err) < 0)
        return kg_err_wrap(err, "ask for the user's privileges");
    if (kg_rows_count(rows)) {
        deny(a, rows, (uint64_t)kg_rows_int(rows, 0, 1));
        return 0;
    }
    kg_check_pass(a->checks, KG_CHECK_PRIVILEGES);
    warn_of_omissions(a, server);
    return 0;
}

/* The backup reads with row_security off, so that it fails instead of leaving rows out; this says so beforehand. */
static int check_row_security(struct asking *a, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    KG_AUTO_BUF struct kg_buf names = KG_BUF_INIT(4096);
    struct kg_err why = { 0 };
    uint64_t count;

    if (ask_names(a, "WITH " KG_NEEDS_RELATIONS " SELECT format('%I.%I', r.nspname, r.relname), count(*) OVER () FROM relations r"
                     " WHERE r.relkind = 'r' AND r.relrowsecurity AND row_security_active(r.oid) ORDER BY 1 LIMIT $1::int8",
                  &rows, err) < 0)
        return kg_err_wrap(err, "ask for row-level security");
    if (kg_rows_count(rows) == 0) {
        kg_check_pass(a->checks, KG_CHECK_ROW_SECURITY);
        return 0;
    }
    count = (uint64_t)kg_rows_int(rows, 0, 1);
    list_names(rows, count, &names);
    kg_err_set(&why, KG_E_DB_PRIVILEGE, "row-level security hides rows of %llu table%s from user '%s': %s",
               (unsigned long long)count, count == 1 ? "" : "s", a->user, names.p);
    kg_err_advise(&why, "Let a superuser run the grant script of this database, or ALTER ROLE … BYPASSRLS for that user.");
    kg_check_fail(a->checks, KG_CHECK_ROW_SECURITY, &why);
    add_names(a, KG_CHECK_ROW_SECURITY, "tables", rows, count);
    kg_json_set_u64(a->facts, "hiddenTables", count);
    return 0;
}

/* There may be millions; owners and access lists repeat. */
#define BLOB_GROUPS                                                                                          \
    "SELECT coalesce(sum(l.n), 0)::int8, min(l.least) FROM (SELECT lomowner, lomacl, count(*) AS n, min(oid) AS least" \
    " FROM pg_largeobject_metadata GROUP BY lomowner, lomacl) l WHERE "

static int check_large_objects(struct asking *a, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    struct kg_err why = { 0 };
    uint64_t count;

    if (kg_session_query(a->s, a->version >= 180000 ? BLOB_GROUPS "NOT has_largeobject_privilege(l.least, 'SELECT')"
                                                    : BLOB_GROUPS KG_NEEDS_BLOB("current_user"), 0, NULL, &rows, err) < 0)
        return kg_err_wrap(err, "ask for the large objects");
    count = (uint64_t)kg_rows_int(rows, 0, 0);
    if (count == 0) {
        kg_check_pass(a->checks, KG_CHECK_LARGE_OBJECTS);
        return 0;
    }
    kg_err_set(&why, KG_E_DB_PRIVILEGE, "user '%s' may not read %llu large object%s of database '%s', one of them is %s", a->user,
               (unsigned long long)count, count == 1 ? "" : "s", a->spec->database, kg_rows_get(rows, 0, 1));
    kg_err_advise(&why, "Let an administrator run the grant script of this database: it has GRANT SELECT ON LARGE OBJECT.");
    kg_check_fail(a->checks, KG_CHECK_LARGE_OBJECTS, &why);
    kg_json_set_u64(kg_check_details(a->checks, KG_CHECK_LARGE_OBJECTS), "missingCount", count);
    kg_json_set_u64(a->facts, "largeObjectsDenied", count);
    return 0;
}

/* A backup does without them, with a warning: so is this one. The privilege is the database's own, though the table is shared. */
static int check_role_passwords(struct asking *a, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    struct kg_err why = { 0 };

    if (kg_session_query(a->s, "SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT')", 0, NULL, &rows, err) < 0)
        return kg_err_wrap(err, "ask whether the user may read the roles' passwords");
    if (kg_rows_count(rows) == 1 && is_true(rows, 0)) {
        kg_check_pass(a->checks, KG_CHECK_ROLE_PASSWORDS);
        return 0;
    }
    kg_err_set(&why, KG_E_DB_PRIVILEGE, "user '%s' may not read the roles' passwords in pg_authid of database '%s', which the policy "
                                        "captures", a->user, a->spec->database);
    kg_err_advise(&why, "Let a superuser run GRANT SELECT ON pg_catalog.pg_authid TO the user in this database, back up as a superuser, "
                        "or switch it off: backup-policy update --role-passwords off.");
    kg_check_warn(a->checks, KG_CHECK_ROLE_PASSWORDS, &why);
    return 0;
}

/* ---- room ---- */

/* How much a backup takes is known afterwards only. A first one is rarely smaller than a twentieth of the database (which has
 * its indexes, too) and never much greater; a later one takes what changed. */
static void judge_space(struct asking *a, uint64_t bytes)
{
    char need[16], have[16];
    uint64_t room = a->spec->store_free;
    struct kg_err why = { 0 };

    if (room >= bytes && room >= room_min) {
        kg_check_pass(a->checks, KG_CHECK_SPACE);
        return;
    }
    kg_err_set(&why, KG_E_DISK_FULL, "database '%s' has %s, the datastore has room for %s", a->spec->database,
               kg_human_bytes(bytes, need), kg_human_bytes(room, have));
    if (room < room_min || (!a->spec->has_points && room < bytes / 20)) {
        kg_err_advise(&why, "Free space in the vault's datastore, or use a vault on a bigger disk.");
        kg_check_fail(a->checks, KG_CHECK_SPACE, &why);
        return;
    }
    if (a->spec->has_points) {
        kg_check_pass(a->checks, KG_CHECK_SPACE);
        return;
    }
    kg_err_advise(&why, "Watch the first backup: compressed it is usually a third of the database or less.");
    kg_check_warn(a->checks, KG_CHECK_SPACE, &why);
}

/* The last one: on a server with many files, measuring takes its time. Not knowing is no reason to refuse. */
static int check_space(struct asking *a, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;
    struct kg_err why = { 0 };
    uint64_t bytes;

    if (kg_session_query(a->s, "SELECT pg_database_size(oid) FROM pg_database WHERE datname = current_database()", 0, NULL,
                         &rows, &why) < 0) {
        if (why.code == KG_E_CANCELLED) {
            *err = why;
            return -(int)err->code;
        }
        kg_err_wrap(&why, "measure database '%s'", a->spec->database);
        kg_check_warn(a->checks, KG_CHECK_SPACE, &why);
        return 0;
    }
    bytes = (uint64_t)kg_rows_int(rows, 0, 0);
    kg_json_set_u64(a->facts, "databaseBytes", bytes);
    if (a->spec->has_store_free)
        judge_space(a, bytes);
    else
        kg_check_pass(a->checks, KG_CHECK_SPACE);
    kg_json_set_u64(kg_check_details(a->checks, KG_CHECK_SPACE), "databaseBytes", bytes);
    if (a->spec->has_store_free)
        kg_json_set_u64(kg_check_details(a->checks, KG_CHECK_SPACE), "storeFreeBytes", a->spec->store_free);
    return 0;
}

/* ---- all of them ---- */

static int count_relations(struct asking *a, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;

    if (kg_session_query(a->s, "WITH " KG_NEEDS_RELATIONS " SELECT count(*) FILTER (WHERE relkind <> 'S'),"
                               " count(*) FILTER (WHERE relkind = 'S') FROM relations", 0, NULL, &rows, err) < 0)
        return kg_err_wrap(err, "count the tables");
    kg_json_set_u64(a->facts, "tables", (uint64_t)kg_rows_int(rows, 0, 0));
    kg_json_set_u64(a->facts, "sequences", (uint64_t)kg_rows_int(rows, 0, 1));
    return 0;
}

/* The checks of an open session. *ret_at: which one was being made when it failed. */
static int ask_all(struct asking *a, enum kg_check_id *ret_at, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *server = NULL;
    const char *reason;

    *ret_at = KG_CHECK_DATABASE;
    if (ask_server(a, &server, err) < 0)
        return -(int)err->code;
    kg_check_pass(a->checks, KG_CHECK_DATABASE);
    reason = a->spec->chosen ? NULL : kg_database_not_selectable(a->spec->database, is_true(server, TEMPLATE), true);
    if (reason) {
        refuse(a->checks, a->spec->database, reason);
        kg_check_skip_rest(a->checks, KG_CHECK_SERVER_VERSION, KG_CHECK_SPACE, KG_CHECK_SELECTABLE);
        return 0;
    }
    check_version(a);
    if (kg_checks_failed(a->checks)) {
        kg_check_skip_rest(a->checks, KG_CHECK_SERVER_VERSION, KG_CHECK_SPACE, KG_CHECK_SERVER_VERSION);
        return 0;
    }
    check_pg_dump(a);
    check_standby(a, server);
    *ret_at = KG_CHECK_PRIVILEGES;
    if (count_relations(a, err) < 0 || check_privileges(a, server, err) < 0)
        return -(int)err->code;
    *ret_at = KG_CHECK_ROW_SECURITY;
    if (check_row_security(a, err) < 0)
        return -(int)err->code;
    *ret_at = KG_CHECK_LARGE_OBJECTS;
    if (check_large_objects(a, err) < 0)
        return -(int)err->code;
    *ret_at = KG_CHECK_ROLE_PASSWORDS;
    if (a->spec->role_passwords && check_role_passwords(a, err) < 0)
        return -(int)err->code;
    *ret_at = KG_CHECK_SPACE;
    return check_space(a, err);
}

int kg_database_check(const struct kg_database_spec *spec, struct kg_checks *ret, struct kg_json **ret_facts,
                      struct kg_err *err)
{
    KG_CLEANUP(kg_session_closep) struct kg_session *s = NULL;
    KG_AUTO_JSON struct kg_json *facts = kg_json_object();
    struct asking a = { .spec = spec, .checks = ret, .facts = facts };
    const struct kg_check *failed;
    enum kg_check_id at;
    struct kg_err why = { 0 };

    if (kg_session_open_within(spec->conn, spec->database, "check", &spec->limits, &s, &why) < 0) {
        if (why.code != KG_E_CANCELLED)
            judge_refusal(spec, ret, &why);
    } else {
        kg_check_pass(ret, KG_CHECK_CONNECT);
        kg_check_pass(ret, KG_CHECK_LOGIN);
        a.s = s;
        if (ask_all(&a, &at, &why) == 0) {
            *ret_facts = KG_TAKE(facts);
        } else if (why.code != KG_E_CANCELLED) {
            kg_check_fail(ret, at, &why);
            kg_check_skip_rest(ret, KG_CHECK_CONNECT, KG_CHECK_SPACE, at);
            *ret_facts = KG_TAKE(facts);
        }
    }
    failed = spec->role_passwords ? kg_checks_failed(ret) : NULL;
    if (failed)
        kg_check_skip_rest(ret, KG_CHECK_ROLE_PASSWORDS, KG_CHECK_ROLE_PASSWORDS, failed->id);
    if (why.code != KG_E_CANCELLED)
        return 0;
    *err = why;
    return -(int)err->code;
}
