/* plugin/rolenames.h - where an archive's entries name roles: owners, and the places in pg_dump's own statements.
 *
 * Threads: any. */
#ifndef KG_PLUGIN_ROLENAMES_H
#define KG_PLUGIN_ROLENAMES_H

#include "pg/archive.h"
#include "plugin/sqltext.h"

/* In one statement; the kind of the token is KG_SQL_END when it is not there. */
struct kg_sql_token kg_role_grantee(const struct kg_sql_part *s);        /* GRANT … TO x, REVOKE … FROM x */
struct kg_sql_token kg_role_behind(const struct kg_sql_part *s, const char *first, const char *second);
struct kg_sql_token kg_role_altered(const struct kg_sql_part *s);        /* ALTER ROLE x … */
/* "CREATE POLICY … TO a, b USING (…)": where the list begins; NULL: it has none. */
const char *kg_role_list(const char *defn, const char *end);

/* Calls see() for each place of the entry's statements that names a role, in order; PUBLIC, too. Not for the owner. */
typedef void (*kg_role_see)(void *ctx, const struct kg_sql_token *t);
void kg_role_names(const struct kg_toc_entry *e, kg_role_see see, void *ctx);

/* Kinds of entry that pg_restore gives an owner. */
bool kg_role_has_owner(const struct kg_toc_entry *e);
/* ACL and DEFAULT ACL. */
bool kg_role_is_privilege(const struct kg_toc_entry *e);

/* The entry's statements with other roles' names: with() gives the new one, NULL leaves a name. NULL: nothing was changed;
 * otherwise the caller frees. */
char *kg_role_rename(const struct kg_toc_entry *e, const char *(*with)(void *ctx, const char *role), void *ctx);

#endif
