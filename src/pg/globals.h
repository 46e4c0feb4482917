/* pg/globals.h - what belongs to a server and not to one of its databases: roles with their memberships and settings; for
 * reports, its tablespaces and what it sets differently from PostgreSQL.
 *
 * The document that docs/formats/vault.md describes ("server"):
 *
 *     {"versionNum",
 *      "roles":[{"name","bootstrap","superuser","inherit","createRole","createDb","login","replication","bypassRls",
 *                "connectionLimit","validUntil","comment"}],
 *      "memberships":[{"role","member","grantor","admin","inherit","set"}],
 *      "settings":[{"role","name","value"}], "labels":[{"role","provider","label"}],
 *      "tablespaces":[{"name","owner","location","options"}], "parameters":[{"name","value","unit","source"}]}
 *
 * What is NULL on the server is absent. Roles whose names begin with pg_ are the server's own: they occur as roles that
 * others are members of. Parameters that may hold a secret are left out; a role's settings are its own, whatever is in them.
 *
 * Threads: the session's. */
#ifndef KG_PG_GLOBALS_H
#define KG_PG_GLOBALS_H

#include "crypto/secret.h"
#include "json/json.h"
#include "pg/session.h"

/* Inside the session's transaction, on its snapshot; after a failure the transaction is as usable as before. */
int kg_globals_read(struct kg_session *s, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;

/* The hashes of the roles' passwords, as records: u32 n, n bytes of the role's name, u32 n, n bytes of the hash (little-endian).
 * KG_E_DB_PRIVILEGE when the user may not read them. The same about the transaction. */
int kg_globals_read_passwords(struct kg_session *s, struct kg_secret **ret, struct kg_err *err) KG_MUST_CHECK;

/* Goes through such records; false: that was all, or the rest is damaged (*ret_ok tells which). Strings are borrowed and not
 * terminated. */
struct kg_password_record { const char *role, *hash; size_t role_n, hash_n; };
bool kg_globals_next_password(const unsigned char **at, const unsigned char *end, struct kg_password_record *ret, bool *ret_ok);

#endif
