/* identity/roles.h - role definitions as data: what each role lets its holder do. Pure.
 *
 * A role allows an action when one of its patterns matches and none of its "not" patterns does; actions on data (a
 * secret's value, a blob) have patterns of their own, and "*" of the others does not include them. A pattern has one
 * wildcard, '*', which stands for any run of characters; case does not matter.
 * The GUIDs are Azure's for its built-in roles; their lists are cut to what this service knows. */
#ifndef KG_IDENTITY_ROLES_H
#define KG_IDENTITY_ROLES_H

#include <stdbool.h>
#include <stddef.h>
#include "json/json.h"

struct kg_role {
    const char *id, *name, *description;
    const char *const *actions, *const *not_actions;             /* NULL-ended; NULL: none */
    const char *const *data_actions, *const *not_data_actions;
};
extern const struct kg_role kg_roles[];     /* those that allow least first */
extern const size_t kg_roles_count;

#define KG_ROLE_OWNER "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"

/* By name, GUID, or the id of its definition at any scope; NULL: there is no such role. */
const struct kg_role *kg_role_find(const char *text);
bool kg_role_allows(const struct kg_role *r, const char *action, bool is_data);
/* The ARM resource. */
struct kg_json *kg_role_json(const struct kg_role *r);

/* One pattern; for tests and for those who show it. */
bool kg_action_matches(const char *pattern, const char *action);

#endif
