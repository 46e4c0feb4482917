#include "pg/globals.h"

#include <string.h>

#include "base/alloc.h"
#include "pg/internal.h"

enum { PASSWORDS_MAX = 64 << 20 };

static const struct kg_column role_columns[] = {
    { "name", KG_COLUMN_TEXT }, { "bootstrap", KG_COLUMN_BOOL }, { "superuser", KG_COLUMN_BOOL }, { "inherit", KG_COLUMN_BOOL },
    { "createRole", KG_COLUMN_BOOL }, { "createDb", KG_COLUMN_BOOL }, { "login", KG_COLUMN_BOOL },
    { "replication", KG_COLUMN_BOOL }, { "bypassRls", KG_COLUMN_BOOL }, { "connectionLimit", KG_COLUMN_TEXT },
    { "validUntil", KG_COLUMN_TEXT }, { "comment", KG_COLUMN_TEXT },
};
static const struct kg_column membership_columns[] = {
    { "role", KG_COLUMN_TEXT }, { "member", KG_COLUMN_TEXT }, { "grantor", KG_COLUMN_TEXT }, { "admin", KG_COLUMN_BOOL },
    { "inherit", KG_COLUMN_BOOL }, { "set", KG_COLUMN_BOOL },
};
static const struct kg_column setting_columns[] = {
    { "role", KG_COLUMN_TEXT }, { "name", KG_COLUMN_TEXT }, { "value", KG_COLUMN_TEXT },
};
static const struct kg_column label_columns[] = {
    { "role", KG_COLUMN_TEXT }, { "provider", KG_COLUMN_TEXT }, { "label", KG_COLUMN_TEXT },
};
static const struct kg_column tablespace_columns[] = {
    { "name", KG_COLUMN_TEXT }, { "owner", KG_COLUMN_TEXT }, { "location", KG_COLUMN_TEXT }, { "options", KG_COLUMN_TEXT },
};
static const struct kg_column parameter_columns[] = {
    { "name", KG_COLUMN_TEXT }, { "value", KG_COLUMN_TEXT }, { "unit", KG_COLUMN_TEXT }, { "source", KG_COLUMN_TEXT },
};

/* Lists of the document, in the order of names, so that what did not change is found again in the vault. since: the version
 * that has the columns; before it the list is read by the row without a version. */
static const struct list {
    const char *key;
    int since;
    const struct kg_column *columns;
    int n;
    const char *sql;
} lists[] = {
    { "roles", 0, role_columns, KG_ARRAY_LEN(role_columns),
      "SELECT rolname, oid = 10, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,"
      " rolconnlimit, rolvaliduntil, pg_catalog.shobj_description(oid, 'pg_authid')"
      " FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY rolname" },
    { "memberships", 160000, membership_columns, KG_ARRAY_LEN(membership_columns),
      "SELECT r.rolname, m.rolname, g.rolname, a.admin_option, a.inherit_option, a.set_option"
      " FROM pg_catalog.pg_auth_members a JOIN pg_catalog.pg_roles r ON r.oid = a.roleid"
      " JOIN pg_catalog.pg_roles m ON m.oid = a.member LEFT JOIN pg_catalog.pg_roles g ON g.oid = a.grantor"
      " WHERE m.rolname !~ '^pg_' ORDER BY 1, 2, 3" },
    /* Whose grant it was means nothing there, and may name a role that is long gone. */
    { "memberships", 0, membership_columns, KG_ARRAY_LEN(membership_columns),
      "SELECT r.rolname, m.rolname, NULL, a.admin_option, NULL, NULL"
      " FROM pg_catalog.pg_auth_members a JOIN pg_catalog.pg_roles r ON r.oid = a.roleid"
      " JOIN pg_catalog.pg_roles m ON m.oid = a.member WHERE m.rolname !~ '^pg_' ORDER BY 1, 2" },
    { "settings", 0, setting_columns, KG_ARRAY_LEN(setting_columns),
      "SELECT r.rolname, pg_catalog.split_part(c.text, '=', 1), pg_catalog.substr(c.text, pg_catalog.strpos(c.text, '=') + 1)"
      " FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_roles r ON r.oid = s.setrole,"
      " pg_catalog.unnest(s.setconfig) WITH ORDINALITY c(text, n)"
      " WHERE s.setdatabase = 0 AND r.rolname !~ '^pg_' ORDER BY r.rolname, c.n" },
    { "labels", 0, label_columns, KG_ARRAY_LEN(label_columns),
      "SELECT r.rolname, l.provider, l.label FROM pg_catalog.pg_shseclabel l JOIN pg_catalog.pg_roles r ON r.oid = l.objoid"
      " WHERE l.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND r.rolname !~ '^pg_' ORDER BY 1, 2" },
    { "tablespaces", 0, tablespace_columns, KG_ARRAY_LEN(tablespace_columns),
      "SELECT spcname, pg_catalog.pg_get_userbyid(spcowner), pg_catalog.pg_tablespace_location(oid), spcoptions"
      " FROM pg_catalog.pg_tablespace WHERE spcname !~ '^pg_' ORDER BY spcname" },
    /* Not what our own session sets. Commands and connection strings may have passwords in them. */
    { "parameters", 0, parameter_columns, KG_ARRAY_LEN(parameter_columns),
      "SELECT name, setting, unit, source FROM pg_catalog.pg_settings"
      " WHERE source IN ('environment variable', 'configuration file', 'command line', 'global')"
      " AND name !~* '(passw|passphrase|secret|token|conninfo|_command$)' ORDER BY name" },
};

static int read_lists(struct kg_session *s, struct kg_json *j, struct kg_err *err)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(lists); i++) {
        struct kg_json *rows = NULL;

        if (kg_json_get(j, lists[i].key) || kg_session_version(s) < lists[i].since)
            continue;
        if (kg_rows_to_json(s, lists[i].sql, lists[i].columns, lists[i].n, &rows, err) < 0)
            return kg_err_wrap(err, "list the server's %s", lists[i].key);
        kg_json_set(j, lists[i].key, rows);
    }
    return 0;
}

/* Names come in the server's encoding where it has none to speak of; a document that nobody could read is no document. */
static int check_text(const struct kg_json *j, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT((size_t)64 << 20);
    KG_AUTO_JSON struct kg_json *again = NULL;

    kg_json_print(j, false, &text);
    if (kg_buf_ok(&text, err) < 0 || kg_json_parse(text.p, text.len, &again, err) < 0)
        return kg_err_wrap(err, "names of roles");
    return 0;
}

/* Everything with this session between begin and end leaves nothing behind, a failed statement included. */
static int begin(struct kg_session *s, struct kg_err *err)
{
    if (kg_session_run(s, "SAVEPOINT keepgres_globals", err) < 0)
        return -(int)err->code;
    return kg_session_run(s, "SET LOCAL client_encoding = 'UTF8'", err);
}

static int end(struct kg_session *s, int r, struct kg_err *err)
{
    struct kg_err why = { 0 };

    if (kg_session_run(s, "ROLLBACK TO SAVEPOINT keepgres_globals; RELEASE SAVEPOINT keepgres_globals", &why) < 0 && r == 0) {
        *err = why;
        return -(int)err->code;
    }
    return r;
}

int kg_globals_read(struct kg_session *s, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *j = kg_json_object();
    int r = begin(s, err);

    kg_json_set_u64(j, "versionNum", (uint64_t)kg_session_version(s));
    if (r == 0)
        r = read_lists(s, j, err);
    if (end(s, r, err) < 0 || check_text(j, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(j);
    return 0;
}

/* ---- passwords ---- */

static unsigned char *put_text(unsigned char *at, const char *text)
{
    size_t n = strlen(text);

    for (int i = 0; i < 4; i++)
        *at++ = (unsigned char)(n >> 8 * i);
    memcpy(at, text, n);
    return at + n;
}

static int pack_passwords(const struct kg_rows *rows, struct kg_secret **ret, struct kg_err *err)
{
    struct kg_secret *secret;
    unsigned char *at;
    size_t n = 0;

    for (int i = 0; i < kg_rows_count(rows); i++)
        n += 8 + strlen(kg_rows_get(rows, i, 0)) + strlen(kg_rows_get(rows, i, 1));
    if (n > PASSWORDS_MAX)
        return kg_err_set(err, KG_E_LIMIT, "the passwords of %d roles are too much", kg_rows_count(rows));
    secret = kg_secret_new(n);
    at = kg_secret_open_write(secret);
    for (int i = 0; i < kg_rows_count(rows); i++)
        at = put_text(put_text(at, kg_rows_get(rows, i, 0)), kg_rows_get(rows, i, 1));
    kg_secret_shut(secret);
    *ret = secret;
    return 0;
}

static int read_passwords(struct kg_session *s, struct kg_secret **ret, struct kg_err *err)
{
    KG_CLEANUP(kg_rows_freep) struct kg_rows *may = NULL;
    KG_CLEANUP(kg_rows_freep) struct kg_rows *rows = NULL;

    if (kg_session_query(s, "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT')", 0, NULL, &may, err) < 0)
        return -(int)err->code;
    if (kg_rows_count(may) != 1 || strcmp(kg_rows_get(may, 0, 0), "t") != 0) {
        kg_err_set(err, KG_E_DB_PRIVILEGE, "the backup user may not read the hashes of passwords in pg_authid");
        kg_err_advise(err, "Back up as a superuser or grant SELECT on pg_catalog.pg_authid, or switch rolePasswords off in the policy.");
        return -(int)err->code;
    }
    if (kg_session_query(s, "SELECT rolname, rolpassword FROM pg_catalog.pg_authid"
                            " WHERE rolpassword IS NOT NULL AND rolname !~ '^pg_' ORDER BY rolname", 0, NULL, &rows, err) < 0)
        return -(int)err->code;
    return pack_passwords(rows, ret, err);
}

int kg_globals_read_passwords(struct kg_session *s, struct kg_secret **ret, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *secret = NULL;
    int r = begin(s, err);

    if (r == 0)
        r = read_passwords(s, &secret, err);
    if (end(s, r, err) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(secret);
    return 0;
}

static bool get_text(const unsigned char **at, const unsigned char *end, const char **ret, size_t *ret_n)
{
    const unsigned char *p = *at;
    uint32_t n;

    if (end - p < 4)
        return false;
    n = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    p += 4;
    if ((size_t)(end - p) < n)
        return false;
    *ret = (const char *)p;
    *ret_n = n;
    *at = p + n;
    return true;
}

bool kg_globals_next_password(const unsigned char **at, const unsigned char *end, struct kg_password_record *ret, bool *ret_ok)
{
    *ret_ok = *at == end;
    if (*ret_ok)
        return false;
    *ret_ok = get_text(at, end, &ret->role, &ret->role_n) && get_text(at, end, &ret->hash, &ret->hash_n);
    return *ret_ok;
}
