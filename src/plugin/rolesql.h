/* plugin/rolesql.h - the statements that make a recovery point's roles: from the document of pg/globals.h.
 *
 * A role is made with what every creator may give it; attributes that need more rights, settings, comments and labels are
 * statements of their own, so that one the server refuses takes no other along. Memberships come last, each behind the one
 * that allows its grantor to give it. Everything is quoted again here: the document is trusted in nothing.
 *
 * Ownership: make gives, done takes; role names are borrowed from the document. Threads: any. */
#ifndef KG_PLUGIN_ROLESQL_H
#define KG_PLUGIN_ROLESQL_H

#include "json/json.h"

struct kg_role_statement {
    const char *role;                    /* whom it is about: the new role, of a membership the member */
    const char *group;                   /* of a membership: the role it is a member of; NULL: it is none */
    char *sql;
    char *instead;                       /* when that is refused; NULL: nothing */
    const char *what;                    /* for messages: "the role itself", "attribute SUPERUSER", "a setting" … */
    bool makes;                          /* CREATE ROLE: without it nothing else about the role makes sense */
};
struct kg_role_script { struct kg_role_statement *statement; size_t n, cap; };

/* wanted: whether a role is to be made. Memberships of wanted roles in any role that known() has are made. */
struct kg_role_choice {
    bool (*wanted)(void *ctx, const char *role);
    bool (*known)(void *ctx, const char *role);
    void *ctx;
};
void kg_role_script_make(const struct kg_json *server, const struct kg_role_choice *c, struct kg_role_script *ret);
void kg_role_script_done(struct kg_role_script *s);

/* All of them as a script for psql, with what is worth knowing of the server in comments. */
void kg_role_script_print(const struct kg_json *server, struct kg_buf *ret);

#endif
