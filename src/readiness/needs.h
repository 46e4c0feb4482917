/* readiness/needs.h - what a backup reads, as SQL: the check asks with it what its user lacks, the grant script gives it.
 *
 * Each macro is a piece of a statement, a string literal; who is SQL text of type name: the role in question. Names of
 * pg_catalog stand without their schema, so that an administrator can read them in the script: the search_path of whoever
 * runs this must be empty or pg_catalog.
 *
 * What pg_dump and our own sessions do: LOCK … IN ACCESS SHARE MODE on every ordinary and partitioned table (wants SELECT,
 * USAGE on the schema; on a partitioned one from 16 on any privilege that allows a stronger lock will do), COPY of the rows
 * of the ordinary ones with row_security off (an error where a policy would apply), the value of every sequence (SELECT and,
 * before 18, USAGE on the schema), every large object. What belongs to an extension is not read, its configuration tables
 * are. Views, materialized views, functions, foreign tables are read from the catalog, which everybody may. */
#ifndef KG_READINESS_NEEDS_H
#define KG_READINESS_NEEDS_H

/* WITH …: the relations that are locked or read. */
#define KG_NEEDS_RELATIONS                                                                                     \
    "relations AS (\n"                                                                                         \
    "    SELECT c.oid, c.relkind, c.relname, c.relowner, c.relnamespace, n.nspname, c.relrowsecurity,\n"       \
    "           c.relforcerowsecurity, current_setting('server_version_num')::int AS version\n"                \
    "    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace\n"                                      \
    "    WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't'\n"                                     \
    "      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'\n"                                    \
    "      AND (NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass\n"                \
    "                       AND d.objid = c.oid AND d.deptype = 'e')\n"                                        \
    "           OR EXISTS (SELECT 1 FROM pg_extension e WHERE c.oid = ANY (e.extconfig))))"

/* WITH …, behind the former: privileges that are missing. place: schemas before what is in them. */
#define KG_NEEDS_MISSING(who)                                                                                  \
    "missing AS (\n"                                                                                           \
    "    SELECT 1 AS place, format('USAGE on schema %I', s.nspname) AS what,\n"                                \
    "           format('GRANT USAGE ON SCHEMA %I TO %I', s.nspname, " who ") AS command\n"                     \
    "    FROM (SELECT DISTINCT nspname, relnamespace FROM relations\n"                                         \
    "          WHERE relkind <> 'S' OR version < 180000) s\n"                                                  \
    "    WHERE NOT has_schema_privilege(" who ", s.relnamespace, 'USAGE')\n"                                   \
    "    UNION ALL\n"                                                                                          \
    "    SELECT CASE r.relkind WHEN 'S' THEN 3 ELSE 2 END,\n"                                                  \
    "           format('SELECT on %s %I.%I', CASE r.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END,\n"      \
    "                  r.nspname, r.relname),\n"                                                               \
    "           format('GRANT SELECT ON %s %I.%I TO %I', CASE r.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,\n" \
    "                  r.nspname, r.relname, " who ")\n"                                                       \
    "    FROM relations r\n"                                                                                   \
    "    WHERE NOT has_table_privilege(" who ", r.oid, CASE WHEN r.relkind = 'p' AND r.version >= 160000\n"    \
    "                                  THEN 'SELECT, UPDATE, DELETE, TRUNCATE' ELSE 'SELECT' END))"

/* A condition on relations r: row-level security would keep rows of it from that role. */
#define KG_NEEDS_HIDDEN(who)                                                                                   \
    "r.relkind = 'r' AND r.relrowsecurity\n"                                                                   \
    "      AND (r.relforcerowsecurity OR NOT pg_has_role(" who ", r.relowner, 'USAGE'))\n"                     \
    "      AND NOT EXISTS (SELECT 1 FROM pg_roles u WHERE u.rolname = " who " AND (u.rolsuper OR u.rolbypassrls))"

/* A condition on pg_largeobject_metadata l: that role may not read it. Servers before 18 have no function that tells. */
#define KG_NEEDS_BLOB(who)                                                                                     \
    "current_setting('lo_compat_privileges') = 'off' AND NOT pg_has_role(" who ", l.lomowner, 'USAGE')\n"      \
    "      AND NOT EXISTS (SELECT 1 FROM aclexplode(l.lomacl) a WHERE a.privilege_type = 'SELECT'\n"           \
    "                      AND (a.grantee = 0 OR pg_has_role(" who ", a.grantee, 'USAGE')))"

#endif
