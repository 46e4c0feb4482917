/* The statements are the same text for everybody; names come to them as settings of the session. So there is one place where
 * a name becomes part of a program, and what stands there is plain ASCII: no newline of a name can end a here-document, no
 * typographic quote a PowerShell string, no console can change the encoding. */
#include "readiness/grant_script.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "readiness/needs.h"

static const char *const languages[] = {
    [KG_SCRIPT_SQL] = "sql",
    [KG_SCRIPT_BASH] = "bash",
    [KG_SCRIPT_POWERSHELL] = "powershell",
};
static_assert(KG_ARRAY_LEN(languages) == KG_SCRIPT_LANGUAGE_COUNT_, "name every language");
KG_DEFINE_ENUM_TEXT(kg_script_language, enum kg_script_language, languages)

/* ---- the statements ---- */

/* Runs what the query yields, one by one; what is refused is told and stops nothing. */
#define EACH(query)                                                                                            \
    "    FOR item IN\n" query "    LOOP\n"                                                                     \
    "        BEGIN\n"                                                                                          \
    "            EXECUTE item.command;\n"                                                                      \
    "        EXCEPTION WHEN OTHERS THEN\n"                                                                     \
    "            RAISE WARNING '%: %', item.command, SQLERRM;\n"                                               \
    "        END;\n"

static const char grants[] =
    "DO $keepgres$\n"
    "DECLARE\n"
    "    backup_user CONSTANT name := current_setting('keepgres.backup_user');\n"
    "    server CONSTANT int := current_setting('server_version_num')::int;\n"
    "    reads_all boolean := false;\n"
    "    done int := 0;\n"
    "    item record;\n"
    "BEGIN\n"
    "    IF current_database() <> current_setting('keepgres.database') THEN\n"
    "        RAISE EXCEPTION 'this is database \"%\": run the script in database \"%\"', current_database(),\n"
    "            current_setting('keepgres.database');\n"
    "    END IF;\n"
    "    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = backup_user) THEN\n"
    "        RAISE EXCEPTION 'there is no role \"%\"', backup_user\n"
    "            USING HINT = format('Create it first: CREATE ROLE %I LOGIN PASSWORD ''...''', backup_user);\n"
    "    END IF;\n"
    "\n"
    "    -- Connecting; and reading everything, now and later, where the server has a role for that.\n"
    EACH("        SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), backup_user) AS command\n"
         "        UNION ALL\n"
         "        SELECT format('GRANT pg_read_all_data TO %I', backup_user)\n"
         "        WHERE server >= 140000 AND current_setting('keepgres.read_all_data') = 'on'\n")
    "    END LOOP;\n"
    "    IF server >= 140000 THEN\n"
    "        reads_all := pg_has_role(backup_user, 'pg_read_all_data', 'USAGE');\n"
    "    END IF;\n"
    "\n"
    "    -- Schema by schema otherwise: what is there, and what its owners will make.\n"
    "    IF NOT reads_all THEN\n"
    EACH("        SELECT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, backup_user) AS command FROM pg_namespace\n"
         "        WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'\n"
         "          AND NOT has_schema_privilege(backup_user, oid, 'USAGE')\n")
    "    END LOOP;\n"
    EACH("        WITH " KG_NEEDS_RELATIONS ", " KG_NEEDS_MISSING("backup_user") "\n"
         "        SELECT command FROM missing ORDER BY place, what\n")
    "    END LOOP;\n"
    EACH("        SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT %s TO %I', maker.rolname, privilege, backup_user)\n"
         "               AS command\n"
         "        FROM pg_roles maker, unnest(ARRAY['USAGE ON SCHEMAS', 'SELECT ON TABLES', 'SELECT ON SEQUENCES']) privilege\n"
         "        WHERE maker.rolname <> backup_user AND maker.rolname !~ '^pg_'\n"
         "          AND (maker.rolsuper OR maker.oid IN (\n"
         "               SELECT relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_'\n"
         "               UNION SELECT nspowner FROM pg_namespace\n"
         "               UNION SELECT datdba FROM pg_database WHERE datname = current_database()\n"
         "               UNION SELECT a.grantee FROM pg_database d, aclexplode(d.datacl) a\n"
         "                     WHERE d.datname = current_database() AND a.privilege_type = 'CREATE'\n"
         "               UNION SELECT a.grantee FROM pg_namespace n, aclexplode(n.nspacl) a\n"
         "                     WHERE n.nspname !~ '^pg_' AND a.privilege_type = 'CREATE'))\n")
    "    END LOOP;\n"
    "    END IF;\n"
    "\n"
    "    -- Row-level security that would hide rows. The user then reads every row of every table it may read; only a\n"
    "    -- superuser (from 16 on also a role with CREATEROLE and BYPASSRLS) can grant that.\n"
    EACH("        WITH " KG_NEEDS_RELATIONS "\n"
         "        SELECT format('ALTER ROLE %I BYPASSRLS', backup_user) AS command\n"
         "        WHERE EXISTS (SELECT 1 FROM relations r WHERE " KG_NEEDS_HIDDEN("backup_user") ")\n")
    "    END LOOP;\n"
    "\n"
    "    -- Large objects, some at a time: each grant holds a lock until the commit. Before 18 there are no default privileges\n"
    "    -- for them: run the script again when others than the user's own roles have made new ones.\n"
    EACH("        SELECT format('GRANT SELECT ON LARGE OBJECT %s TO %I', l.oid, backup_user) AS command\n"
         "        FROM pg_largeobject_metadata l\n"
         "        WHERE " KG_NEEDS_BLOB("backup_user") "\n"
         "        UNION ALL\n"
         "        SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT SELECT ON LARGE OBJECTS TO %I', o.rolname, backup_user)\n"
         "        FROM pg_roles o WHERE server >= 180000 AND o.rolname <> backup_user\n"
         "          AND o.oid IN (SELECT lomowner FROM pg_largeobject_metadata)\n")
    "        done := done + 1;\n"
    "        IF done % 1000 = 0 THEN\n"
    "            COMMIT;\n"
    "        END IF;\n"
    "    END LOOP;\n"
    "END $keepgres$;\n";

static const char verdict[] =
    "\n"
    "DO $keepgres$\n"
    "DECLARE\n"
    "    backup_user CONSTANT name := current_setting('keepgres.backup_user');\n"
    "    lacking int := 0;\n"
    "    item record;\n"
    "BEGIN\n"
    "    FOR item IN\n"
    "        WITH " KG_NEEDS_RELATIONS ", " KG_NEEDS_MISSING("backup_user") "\n"
    "        SELECT what FROM missing\n"
    "        UNION ALL\n"
    "        SELECT format('BYPASSRLS, for the rows of %I.%I', r.nspname, r.relname) FROM relations r\n"
    "        WHERE " KG_NEEDS_HIDDEN("backup_user") "\n"
    "        UNION ALL\n"
    "        SELECT format('SELECT on large object %s', l.oid) FROM pg_largeobject_metadata l\n"
    "        WHERE " KG_NEEDS_BLOB("backup_user") "\n"
    "        UNION ALL\n"
    "        SELECT format('CONNECT on database %I', current_database())\n"
    "        WHERE NOT has_database_privilege(backup_user, current_database(), 'CONNECT')\n"
    "    LOOP\n"
    "        lacking := lacking + 1;\n"
    "        IF lacking <= 100 THEN\n"
    "            RAISE WARNING 'still missing: %', item.what;\n"
    "        END IF;\n"
    "    END LOOP;\n"
    "    IF lacking = 0 THEN\n"
    "        RAISE NOTICE 'role \"%\" may read all of database \"%\"', backup_user, current_database();\n"
    "    ELSIF current_setting('keepgres.strict') = 'on' THEN\n"
    "        RAISE EXCEPTION 'role \"%\" still lacks % privileges: run this as a superuser or as the owner', backup_user, lacking;\n"
    "    ELSE\n"
    "        RAISE WARNING 'role \"%\" still lacks % privileges: run this as a superuser or as the owner', backup_user, lacking;\n"
    "    END IF;\n"
    "END $keepgres$;\n";

/* ---- names ---- */

/* The code point at s, valid UTF-8; *ret_n: its bytes. */
static unsigned code_point(const char *s, size_t *ret_n)
{
    static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    unsigned char c = (unsigned char)*s;
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    unsigned v = c & mask[n];

    for (size_t i = 1; i < n; i++)
        v = v << 6 | ((unsigned char)s[i] & 0x3f);
    *ret_n = n;
    return v;
}

static bool is_plain(unsigned v) { return v >= 0x20 && v < 0x7f; }

static void add_sql_literal(struct kg_buf *b, const char *s)
{
    size_t n;

    kg_buf_adds(b, "E'");
    for (; *s; s += n) {
        unsigned v = code_point(s, &n);

        if (v == '\'' || v == '\\')
            kg_buf_addf(b, "%c%c", v, v);
        else if (is_plain(v))
            kg_buf_add(b, s, 1);
        else
            kg_buf_addf(b, v > 0xffff ? "\\U%08x" : "\\u%04x", v);
    }
    kg_buf_adds(b, "'");
}

/* 'abc' + [char]0x2019 + '': an expression of plain ASCII. */
static void add_powershell(struct kg_buf *b, const char *s)
{
    size_t n;

    kg_buf_adds(b, "'");
    for (; *s; s += n) {
        unsigned v = code_point(s, &n);

        if (v == '\'')
            kg_buf_adds(b, "''");
        else if (is_plain(v))
            kg_buf_add(b, s, 1);
        else if (v > 0xffff)
            kg_buf_addf(b, "' + [char]0x%04x + [char]0x%04x + '", 0xd800 + ((v - 0x10000) >> 10), 0xdc00 + ((v - 0x10000) & 0x3ff));
        else
            kg_buf_addf(b, "' + [char]0x%04x + '", v);
    }
    kg_buf_adds(b, "'");
}

/* For a comment: what could end its line, or show as something else, is a question mark. */
static void add_comment_name(struct kg_buf *b, const char *s)
{
    size_t n;

    for (; *s; s += n)
        kg_buf_addf(b, "%c", is_plain(code_point(s, &n)) ? *s : '?');
}

/* ---- the script ---- */

static void add_head(const struct kg_grant_script *s, enum kg_script_language l, struct kg_buf *b)
{
    const char *mark = l == KG_SCRIPT_SQL ? "--" : "#";

    kg_buf_addf(b, "%s Lets ", mark);
    add_comment_name(b, s->user);
    kg_buf_adds(b, " read everything that a backup of database ");
    add_comment_name(b, s->database);
    kg_buf_addf(b, " needs.\n%s It may be run again at any time and only adds what is missing.\n", mark);
    if (!s->only_this_database)
        kg_buf_addf(b, "%s On PostgreSQL 14 and newer it grants the role pg_read_all_data, so that new schemas need nothing.\n"
                       "%s That role reads the server's other databases, too, where the user may connect to them: set\n"
                       "%s keepgres.read_all_data to 'off' below, and it is granted schema by schema.\n", mark, mark, mark);
    kg_buf_addf(b, "%s Run it as a superuser, or as the owner of the database and of what is in it", mark);
}

static void add_sql(const struct kg_grant_script *s, bool strict, struct kg_buf *b)
{
    kg_buf_adds(b, "SET search_path = pg_catalog;\nSET keepgres.backup_user = ");
    add_sql_literal(b, s->user);
    kg_buf_adds(b, ";\nSET keepgres.database = ");
    add_sql_literal(b, s->database);
    kg_buf_addf(b, ";\nSET keepgres.read_all_data = '%s';\nSET keepgres.strict = '%s';\n\n", s->only_this_database ? "off" : "on",
                strict ? "on" : "off");
    kg_buf_adds(b, grants);
    kg_buf_adds(b, verdict);
    kg_buf_adds(b, "RESET search_path;\n");
}

struct variable { const char *name, *value; };

/* What psql shall connect to, as its environment. */
static size_t variables(const struct kg_grant_script *s, char port[16], struct variable ret[4])
{
    size_t n = 0;

    ret[n++] = (struct variable){ "PGDATABASE", s->database };
    if (s->host)
        ret[n++] = (struct variable){ "PGHOST", s->host };
    if (s->port) {
        snprintf(port, 16, "%u", s->port);
        ret[n++] = (struct variable){ "PGPORT", port };
    }
    if (s->sslmode)
        ret[n++] = (struct variable){ "PGSSLMODE", s->sslmode };
    return n;
}

static void add_bash(const struct kg_grant_script *s, struct kg_buf *b)
{
    struct variable v[4];
    char port[16];
    size_t n = variables(s, port, v);

    kg_buf_adds(b, "#!/usr/bin/env bash\n");
    add_head(s, KG_SCRIPT_BASH, b);
    kg_buf_adds(b, ", who is named to psql:\n#     bash SCRIPT -U postgres\n"
                   "set -eu\nunset PGSERVICE PGHOSTADDR PGOPTIONS\n");
    for (size_t i = 0; i < n; i++) {
        kg_buf_addf(b, "export %s=", v[i].name);
        kg_text_add_shell(b, v[i].value);
        kg_buf_adds(b, "\n");
    }
    kg_buf_adds(b, "psql -X -q -v ON_ERROR_STOP=1 \"$@\" <<'END_OF_SQL'\n");
    add_sql(s, true, b);
    kg_buf_adds(b, "END_OF_SQL\n");
}

static void add_powershell_script(const struct kg_grant_script *s, struct kg_buf *b)
{
    struct variable v[4];
    char port[16];
    size_t n = variables(s, port, v);

    add_head(s, KG_SCRIPT_POWERSHELL, b);
    kg_buf_adds(b, ", who is named to psql:\n#     ./SCRIPT.ps1 -U postgres\n"
                   "$ErrorActionPreference = 'Stop'\n"
                   "Remove-Item Env:PGSERVICE, Env:PGHOSTADDR, Env:PGOPTIONS -ErrorAction SilentlyContinue\n");
    for (size_t i = 0; i < n; i++) {
        kg_buf_addf(b, "$env:%s = ", v[i].name);
        add_powershell(b, v[i].value);
        kg_buf_adds(b, "\n");
    }
    kg_buf_adds(b, "$sql = @'\n");
    add_sql(s, true, b);
    kg_buf_adds(b, "'@\n$sql | & psql -X -q -v ON_ERROR_STOP=1 @args\n"
                   "if ($LASTEXITCODE -ne 0) { throw \"psql ended with code $LASTEXITCODE\" }\n");
}

static int check_name(const char *what, const char *s, struct kg_err *err)
{
    if (!s || !*s || !kg_utf8_valid(s, strlen(s)))
        return kg_err_set(err, KG_E_USAGE, "a grant script needs the %s, in UTF-8", what);
    return 0;
}

int kg_grant_script(const struct kg_grant_script *s, enum kg_script_language l, struct kg_buf *ret, struct kg_err *err)
{
    if (check_name("name of the database", s->database, err) < 0 || check_name("name of the user", s->user, err) < 0 ||
        (s->host && check_name("name of the server", s->host, err) < 0) ||
        (s->sslmode && check_name("SSL mode", s->sslmode, err) < 0))
        return -(int)err->code;
    if (l == KG_SCRIPT_BASH) {
        add_bash(s, ret);
    } else if (l == KG_SCRIPT_POWERSHELL) {
        add_powershell_script(s, ret);
    } else {
        add_head(s, l, ret);
        kg_buf_adds(ret, ", in that database.\n");
        add_sql(s, false, ret);
    }
    return kg_buf_ok(ret, err);
}
