/* pg/conninfo.h - how to reach a PostgreSQL server, read from a secret's value.
 *
 * Accepted:
 *  - an ADO.NET connection string ("Server=h;Port=5432;Database=d;User Id=u;Password='a;b';Ssl Mode=Require"), by the rules of
 *    .NET's DbConnectionStringBuilder: values in single or double quotes (doubled inside), "==" for '=' in a key, white space
 *    around keys and unquoted values, the last of several wins and an empty one takes it back; Npgsql's keys with all their
 *    synonyms, its "host:port", its SSL modes. Keys that only tune Npgsql (pooling, timeouts, …) are accepted and ignored;
 *    those that would be lost and matter (client certificates, a role among the Options, a demanded channel binding) are
 *    refused;
 *  - libpq's postgresql:// URIs and keyword strings ("host=h user=u password='a b'"), by the same table of what matters.
 *
 * A parse error is KG_E_SECRET_FORMAT and names the key at fault, never a value; nor a key that nobody knows and that may be a
 * part of a password, or all of one. Several hosts are refused, and a string
 * without a user: libpq would take the name of the process's own.
 *
 * Everything except the password is plain text; the password stays in a kg_secret. */
#ifndef KG_PG_CONNINFO_H
#define KG_PG_CONNINFO_H

#include "base/cleanup.h"
#include "crypto/secret.h"
#include "keepgres/err.h"

struct kg_conninfo {
    char *host;                  /* name, address, or directory of a unix socket; NULL: libpq's default */
    char *port;
    char *database;
    char *user;
    char *sslmode;               /* libpq's words; NULL: libpq's default */
    char *sslrootcert;
    struct kg_secret *password;  /* may be NULL */
};

int kg_conninfo_parse(const struct kg_secret *value, struct kg_conninfo *ret, struct kg_err *err) KG_MUST_CHECK;
/* Points c at a registered server (host NULL, port 0, sslmode NULL: not said). What the secret names it is for: another host
 * or port is refused with KG_E_SECRET_SERVER, so that nobody can have its credentials sent elsewhere by pairing it with
 * another server. Of both SSL modes the stricter one counts. */
int kg_conninfo_aim(struct kg_conninfo *c, const char *host, unsigned port, const char *sslmode, struct kg_err *err) KG_MUST_CHECK;
void kg_conninfo_done(struct kg_conninfo *c);
#define KG_AUTO_CONNINFO KG_CLEANUP(kg_conninfo_done)

#endif
